//! `/lti/v1/api/*`: what the landing page may do, with the token of a launch (http-api.md section 6.2).

pub(crate) mod end;
pub(crate) mod is_active;
pub(crate) mod join;
pub(crate) mod recordings;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wire::lti::Launch;
use wire::token::verify_lti;

use crate::body::Unread;
use crate::{App, body};

/// Most bytes of a request.
const MAX_REQUEST: usize = 8 * 1024;

/// Profile M: ordinary JSON.
pub(super) fn json(status: StatusCode, value: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json; charset=utf-8")], value.to_string()).into_response()
}

/// `{"msg":…,"status":…}`.
pub(super) fn answer(status: StatusCode, is_good: bool, msg: &str) -> Response {
    json(status, &json!({ "msg": msg, "status": is_good }))
}

/// Who asks, by the bare token in the header.
///
/// # Errors
/// The answer.
fn launched(app: &App, request: &Request) -> Result<Launch, Response> {
    let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if token.is_empty() {
        return Err(answer(StatusCode::UNAUTHORIZED, false, "Authorization header is missing"));
    }
    verify_lti(&app.deps.api, token, (app.deps.clock)())
        .map_err(|_| answer(StatusCode::UNAUTHORIZED, false, "invalid authorization header"))
}

/// The same for what only teachers may do.
fn teacher(app: &App, request: &Request) -> Result<Launch, Response> {
    let launch = launched(app, request)?;
    if launch.is_admin {
        return Ok(launch);
    }
    Err(answer(StatusCode::FORBIDDEN, false, "only admin can perform this"))
}

/// Reads a request; nothing at all is `{}`.
async fn read<T: DeserializeOwned + Default>(request: Request) -> Result<T, Response> {
    let content = body::read(request.into_body(), MAX_REQUEST, |_| {}).await.map_err(Unread::into_response)?;
    if content.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&content).map_err(|error| answer(StatusCode::BAD_REQUEST, false, &error.to_string()))
}
