//! `room/isActive`: whether the meeting runs. Looks like the same question of applications (profile J).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{answer, launched};
use crate::{App, rooms};

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    match launched(&app, &request) {
        Ok(launch) if launch.room_id.is_empty() => answer(StatusCode::BAD_REQUEST, false, "room id is missing"),
        Ok(launch) => rooms::is_active::of(&app, &launch.room_id).await,
        Err(denied) => denied.into_response(),
    }
}
