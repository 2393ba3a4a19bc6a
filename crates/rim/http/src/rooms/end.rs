//! `endRoom` for applications (http-api.md section 2.6).

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use wire::pnm::{self, StatusCode};
use wire::validate;

use super::read;
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Response {
    let request: pnm::RoomEndReq = match read(&body, |r: &pnm::RoomEndReq| validate::room_id(&r.room_id)) {
        Ok(request) => request,
        Err(answer) => return answer,
    };
    match app.deps.meetings.end(&request.room_id).await {
        Ok(()) => answers::success(),
        Err(refusal) => answers::refused(StatusCode::RoomNotFound, refusal),
    }
}
