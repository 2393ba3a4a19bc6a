//! `room/join`: the way into the meeting, which is started if it does not run.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rand::Rng;
use serde_json::json;
use tracing::error;
use wire::lti::Launch;
use wire::pnm;
use wire::validate::reserved_room;

use super::{answer, launched};
use crate::rooms::create::unix_seconds;
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let launch = match launched(&app, &request) {
        Ok(launch) => launch,
        Err(denied) => return denied.into_response(),
    };
    match way_in(&app, launch).await {
        Ok(token) => answers::map(StatusCode::OK, &json!({ "msg": "success", "status": true, "token": token })),
        Err(reason) => answer(StatusCode::INTERNAL_SERVER_ERROR, false, &reason),
    }
}

async fn way_in(app: &App, launch: Launch) -> Result<String, String> {
    reserved_room(&launch.room_id).map_err(|refused| refused.to_string())?;
    app.deps.meetings.create(room(app, &launch)).await.map_err(|failure| {
        error!(cause = %failure, "a launched room could not be made");
        failure.to_string()
    })?;
    let user =
        pnm::UserInfo { name: launch.name, user_id: launch.user_id, is_admin: launch.is_admin, ..Default::default() };
    let request = pnm::GenerateTokenReq { room_id: launch.room_id, user_info: Some(user) };
    app.deps.meetings.join_token(request).await.map_err(|refusal| refusal.to_string())
}

/// A room with the server's defaults and what the platform sets, which wins (D-13).
fn room(app: &App, launch: &Launch) -> pnm::CreateRoomReq {
    let mut features = app.deps.rules.defaults.features.clone();
    launch.parameters.apply(&mut features);
    let mut request = pnm::CreateRoomReq {
        room_id: launch.room_id.clone(),
        metadata: Some(pnm::RoomMetadata {
            room_title: launch.room_title.clone(),
            room_features: Some(features),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut random = |bytes: &mut [u8]| rand::rng().fill_bytes(bytes);
    wire::create::settle(&mut request, &app.deps.rules, unix_seconds(), &mut random);
    request
}
