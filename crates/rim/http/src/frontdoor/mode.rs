//! `GET /api/frontdoor`: what the door asks for.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::FrontDoor;
use crate::{App, answers};

#[derive(Serialize)]
struct Mode {
    mode: &'static str,
}

pub(crate) async fn handle(State(app): State<App>) -> Response {
    let mode = match &app.deps.front_door {
        FrontDoor::Open => "open",
        FrontDoor::Passphrase(_) => "passphrase",
        FrontDoor::Closed => "closed",
    };
    answers::plain_json(StatusCode::OK, &Mode { mode })
}
