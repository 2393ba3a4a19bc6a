//! `endRoom` for applications (http-api.md section 2.6).

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::EndError;
use wire::pnm::{self, StatusCode};

use super::{Rejected, read};
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::RoomEndReq = read(&body)?;
    Ok(match app.deps.meetings.end(&request.room_id).await {
        Ok(()) => answers::success(),
        Err(refusal) => answers::refused(code(refusal), refusal),
    })
}

const fn code(refusal: EndError) -> StatusCode {
    match refusal {
        EndError::NoRoom => StatusCode::RoomNotFound,
        // Nobody whom a moderator's right could be asked of calls here.
        EndError::NotAllowed | EndError::Starting | EndError::Failed => StatusCode::InternalServerError,
    }
}
