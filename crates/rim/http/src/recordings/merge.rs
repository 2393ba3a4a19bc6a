//! `mergeRecordings`: checks the wish; there is no recorder yet that could carry it out.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::MergeRefusal;
use wire::pnm::{self, StatusCode};

use crate::rooms::{Rejected, read};
use crate::{App, answers, lists};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::MergeRecordingsReq = read(&body)?;
    Ok(match app.deps.shelf.merge(&request).await {
        Ok(()) => answers::refused(StatusCode::Success, "successfully registered new recording merging task"),
        Err(MergeRefusal::Failed(failure)) => lists::failed(&failure),
        Err(refusal) => answers::refused(code(&refusal), refusal),
    })
}

const fn code(refusal: &MergeRefusal) -> StatusCode {
    match refusal {
        MergeRefusal::NoRoom => StatusCode::RoomNotFound,
        MergeRefusal::NoRecording | MergeRefusal::Mismatch => StatusCode::NotFound,
        MergeRefusal::TooFew => StatusCode::InvalidParameters,
        MergeRefusal::NoRecorder | MergeRefusal::Failed(_) => StatusCode::InternalServerError,
    }
}
