//! `delete`: the row, and the file with what lies beside it.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::ShelfError;
use tracing::error;
use wire::pnm::{self, StatusCode};

use super::not_found;
use crate::rooms::{Rejected, read};
use crate::{App, answers, lists};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::DeleteRecordingReq = read(&body)?;
    Ok(match app.deps.shelf.delete_recording(&request.record_id).await {
        Ok(true) => answers::success(),
        Ok(false) => not_found(),
        Err(ShelfError::Files(cause)) => {
            error!(%cause, "a recording's file was not deleted");
            answers::refused(StatusCode::InternalServerError, "delete recording file permanently failed")
        }
        Err(failure) => lists::failed(&failure),
    })
}
