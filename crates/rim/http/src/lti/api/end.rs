//! `room/end`: a teacher ends the meeting.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{answer, teacher};
use crate::App;

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let launch = match teacher(&app, &request) {
        Ok(launch) => launch,
        Err(denied) => return denied.into_response(),
    };
    match app.deps.meetings.end(&launch.room_id).await {
        Ok(()) => answer(StatusCode::OK, true, "success"),
        Err(refusal) => answer(StatusCode::OK, false, &refusal.to_string()),
    }
}
