//! `getActiveRoomsInfo` (http-api.md section 2.5). The body is signed and otherwise ignored.

use axum::extract::State;
use axum::response::Response;
use wire::pnm::{self, StatusCode};

use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>) -> Response {
    let (status, msg, code, rooms) = match app.deps.meetings.active_rooms().await {
        Ok(rooms) if rooms.is_empty() => (false, "no active room found".to_owned(), StatusCode::NotFound, Vec::new()),
        Ok(rooms) => (true, "success".to_owned(), StatusCode::Success, rooms),
        Err(unavailable) => (false, unavailable.to_string(), StatusCode::InternalServerError, Vec::new()),
    };
    let rooms = rooms.into_iter().map(|found| found.room).collect();
    answers::coded(code, &pnm::GetActiveRoomsInfoRes { status, msg, status_code: code.into(), rooms })
}
