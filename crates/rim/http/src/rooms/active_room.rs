//! `getActiveRoomInfo` (http-api.md section 2.4).

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::Activity;
use wire::pnm::{self, StatusCode};
use wire::validate;

use super::read;
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Response {
    let request: pnm::GetActiveRoomInfoReq =
        match read(&body, |r: &pnm::GetActiveRoomInfoReq| validate::room_id(&r.room_id)) {
            Ok(request) => request,
            Err(answer) => return answer,
        };
    let found = app.deps.meetings.active_room(&request.room_id).await;
    let (msg, code) = match (&found, app.deps.meetings.activity(&request.room_id).await) {
        (Some(_), _) => ("success", StatusCode::Success),
        (None, Activity::Inactive) => ("room is not active", StatusCode::RoomNotActive),
        (None, _) => ("room not found in active state", StatusCode::RoomNotFound),
    };
    answers::json(&pnm::GetActiveRoomInfoRes {
        status: found.is_some(),
        msg: msg.into(),
        status_code: code.into(),
        room: found.map(|found| found.room),
    })
}
