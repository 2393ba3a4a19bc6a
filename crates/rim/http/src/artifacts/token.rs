//! `getDownloadToken`: opens the file at `/download/artifact/<token>` for a while.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use wire::pnm::{self, StatusCode};

use super::refused;
use crate::rooms::{Rejected, read};
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::GetArtifactDownloadTokenReq = read(&body)?;
    Ok(match app.deps.shelf.artifact_token(&request.artifact_id).await {
        Ok(token) => answers::json(&pnm::GetArtifactDownloadTokenRes {
            status: true,
            msg: "success".into(),
            status_code: StatusCode::Success.into(),
            token: Some(token),
        }),
        Err(refusal) => refused(&refusal),
    })
}
