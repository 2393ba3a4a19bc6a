//! `getDownloadToken`: opens the file at `/download/recording/<token>` for a while.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use wire::pnm::{self, StatusCode};

use super::not_found;
use crate::rooms::{Rejected, read};
use crate::{App, answers, lists};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::GetDownloadTokenReq = read(&body)?;
    Ok(match app.deps.shelf.recording_token(&request.record_id).await {
        Ok(Some(token)) => answers::json(&pnm::GetDownloadTokenRes {
            status: true,
            msg: "success".into(),
            status_code: StatusCode::Success.into(),
            token: Some(token),
        }),
        Ok(None) => not_found(),
        Err(failure) => lists::failed(&failure),
    })
}
