//! `isRoomActive` (http-api.md section 2.3). `status` is true even for a room that does not exist,
//! and false only for one that does not answer.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::Activity;
use wire::pnm::{self, StatusCode};

use super::{Rejected, read};
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::IsRoomActiveReq = read(&body)?;
    Ok(of(&app, &request.room_id).await)
}

/// The answer about one room.
pub(crate) async fn of(app: &App, room: &str) -> Response {
    let activity = app.deps.meetings.activity(room).await;
    let (msg, code) = match activity {
        Ok(Activity::Active) => ("room is active".to_owned(), StatusCode::Success),
        Ok(Activity::Inactive) => ("room is not active".to_owned(), StatusCode::RoomNotActive),
        Ok(Activity::Unknown) => ("room not found".to_owned(), StatusCode::RoomNotFound),
        Err(unavailable) => (unavailable.to_string(), StatusCode::InternalServerError),
    };
    answers::coded(
        code,
        &pnm::IsRoomActiveRes {
            status: activity.is_ok(),
            msg,
            status_code: code.into(),
            is_active: activity == Ok(Activity::Active),
        },
    )
}
