//! `info`: one artifact and its session.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::ArtifactRefusal;
use wire::pnm::{self, StatusCode};

use super::{info_of, refused};
use crate::rooms::{Rejected, read};
use crate::{App, answers, lists};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::ArtifactInfoReq = read(&body)?;
    Ok(match app.deps.shelf.artifact(&request.artifact_id).await {
        Ok(Some((artifact, session))) => answers::json(&pnm::ArtifactInfoRes {
            status: true,
            msg: "success".into(),
            status_code: StatusCode::Success.into(),
            artifact_info: info_of(&artifact),
            room_info: session.map(|session| lists::room_beside(Some(&session))),
        }),
        Ok(None) => refused(&ArtifactRefusal::NotFound),
        Err(failure) => lists::failed(&failure),
    })
}
