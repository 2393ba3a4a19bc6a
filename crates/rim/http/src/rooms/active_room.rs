//! `getActiveRoomInfo` (http-api.md section 2.4).

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::NotShown;
use wire::pnm::{self, StatusCode};

use super::{Rejected, read};
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::GetActiveRoomInfoReq = read(&body)?;
    let found = app.deps.meetings.active_room(&request.room_id).await;
    let (room, msg, code) = match found {
        Ok(found) => (Some(found.room), "success".to_owned(), StatusCode::Success),
        Err(reason) => (None, reason.to_string(), code(reason)),
    };
    Ok(answers::coded(code, &pnm::GetActiveRoomInfoRes { status: room.is_some(), msg, status_code: code.into(), room }))
}

const fn code(reason: NotShown) -> StatusCode {
    match reason {
        NotShown::NotFound => StatusCode::RoomNotFound,
        NotShown::NotActive => StatusCode::RoomNotActive,
        NotShown::Unavailable(_) => StatusCode::InternalServerError,
    }
}
