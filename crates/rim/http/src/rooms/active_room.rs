//! `getActiveRoomInfo` (http-api.md section 2.4).

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::Activity;
use wire::pnm::{self, StatusCode};
use wire::validate;

use super::{Rejected, read};
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request = read(&body, |request: &pnm::GetActiveRoomInfoReq| validate::room_id(&request.room_id))?;
    let found = app.deps.meetings.active_room(&request.room_id).await;
    let (msg, code) = match (&found, app.deps.meetings.activity(&request.room_id).await) {
        (Some(_), _) => ("success", StatusCode::Success),
        (None, Activity::Inactive) => ("room is not active", StatusCode::RoomNotActive),
        (None, _) => ("room not found in active state", StatusCode::RoomNotFound),
    };
    Ok(answers::json(&pnm::GetActiveRoomInfoRes {
        status: found.is_some(),
        msg: msg.into(),
        status_code: code.into(),
        room: found.map(|found| found.room),
    }))
}
