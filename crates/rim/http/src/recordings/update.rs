//! `updateMetadata`: title, description, subtitles and the application's own data.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::EditRefusal;
use wire::pnm::{self, StatusCode};

use super::not_found;
use crate::rooms::{Rejected, read};
use crate::{App, answers, lists};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::UpdateRecordingMetadataReq = read(&body)?;
    Ok(match app.deps.shelf.edit_recording(&request.record_id, request.metadata).await {
        Ok(()) => answers::success(),
        Err(EditRefusal::NotFound) => not_found(),
        Err(refusal @ (EditRefusal::TooMany(_) | EditRefusal::TooLong(_))) => {
            answers::refused(StatusCode::InvalidParameters, refusal)
        }
        Err(EditRefusal::Failed(failure)) => lists::failed(&failure),
    })
}
