//! `create` (http-api.md section 2.1).

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::CreateError;
use rand::Rng;
use tracing::error;
use wire::create::decode_create;
use wire::pnm::{self, StatusCode};

use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Response {
    let mut random = |bytes: &mut [u8]| rand::rng().fill_bytes(bytes);
    let request = match decode_create(&body, &app.deps.rules, unix_seconds(), &mut random) {
        Ok(request) => request,
        Err(rejected) => return answers::refused(rejected.status_code(), rejected),
    };
    match app.deps.meetings.create(request).await {
        Ok(room) => answers::json(&pnm::CreateRoomRes {
            status: true,
            msg: "success".into(),
            status_code: StatusCode::Success.into(),
            room_info: Some(room),
        }),
        Err(failure) => refused(&failure),
    }
}

fn refused(failure: &CreateError) -> Response {
    let code = match failure {
        CreateError::InvalidId => StatusCode::InvalidParameters,
        CreateError::Busy { .. } | CreateError::Unavailable(_) => StatusCode::InternalServerError,
        CreateError::Store(cause) => {
            error!(%cause, "a room could not be recorded");
            StatusCode::InternalServerError
        }
    };
    answers::refused(code, failure)
}

/// The time in unix seconds; 0 on a machine that lives before 1970.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
