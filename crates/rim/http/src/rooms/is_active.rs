//! `isRoomActive` (http-api.md section 2.3). `status` is true even for a room that does not exist.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::Activity;
use wire::pnm::{self, StatusCode};
use wire::validate;

use super::{Rejected, read};
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request = read(&body, |request: &pnm::IsRoomActiveReq| validate::room_id(&request.room_id))?;
    Ok(of(&app, &request.room_id).await)
}

/// The answer about one room.
pub(crate) async fn of(app: &App, room: &str) -> Response {
    let activity = app.deps.meetings.activity(room).await;
    let (msg, code) = match activity {
        Activity::Active => ("room is active", StatusCode::Success),
        Activity::Inactive => ("room is not active", StatusCode::RoomNotActive),
        Activity::Unknown => ("room not found", StatusCode::RoomNotFound),
    };
    answers::json(&pnm::IsRoomActiveRes {
        status: true,
        msg: msg.into(),
        status_code: code.into(),
        is_active: activity == Activity::Active,
    })
}
