//! `getActiveRoomsInfo` (http-api.md section 2.5). The body is signed and otherwise ignored.

use axum::extract::State;
use axum::response::Response;
use wire::pnm::{self, StatusCode};

use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>) -> Response {
    let rooms: Vec<_> = app.deps.meetings.active_rooms().await.into_iter().map(|found| found.room).collect();
    let (status, msg, code) = if rooms.is_empty() {
        (false, "no active room found", StatusCode::NotFound)
    } else {
        (true, "success", StatusCode::Success)
    };
    answers::json(&pnm::GetActiveRoomsInfoRes { status, msg: msg.into(), status_code: code.into(), rooms })
}
