//! `/lti/v1/api/*`: what the landing page may do, with the token of a launch (http-api.md section 6.2).

pub(crate) mod end;
pub(crate) mod is_active;
pub(crate) mod join;
pub(crate) mod recordings;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;
use wire::lti::Launch;
use wire::token::verify_lti;

use crate::body::Unread;
use crate::{App, answers, audit, body};

/// Most bytes of a request.
const MAX_REQUEST: usize = 8 * 1024;

/// `{"msg":…,"status":…}`.
pub(crate) fn answer(status: StatusCode, is_good: bool, msg: &str) -> Response {
    answers::map(status, &json!({ "msg": msg, "status": is_good }))
}

/// Why a call is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    NoToken,
    BadToken,
    NotTeacher,
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let (status, msg) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "Authorization header is missing"),
            Self::BadToken => (StatusCode::UNAUTHORIZED, "invalid authorization header"),
            Self::NotTeacher => (StatusCode::FORBIDDEN, "only admin can perform this"),
        };
        answer(status, false, msg)
    }
}

/// Who asks, by the bare token in the header.
fn launched(app: &App, request: &Request) -> Result<Launch, Denied> {
    let token = bare_token(request).ok_or(Denied::NoToken)?;
    let launch = verify_lti(&app.deps.api, token, (app.deps.clock)()).map_err(|_| Denied::BadToken)?;
    audit::room(launch.room_id.as_bytes());
    Ok(launch)
}

/// The same for what only teachers may do.
fn teacher(app: &App, request: &Request) -> Result<Launch, Denied> {
    let launch = launched(app, request)?;
    if launch.is_admin { Ok(launch) } else { Err(Denied::NotTeacher) }
}

pub(super) fn bare_token(request: &Request) -> Option<&str> {
    request.headers().get(AUTHORIZATION)?.to_str().ok().filter(|token| !token.is_empty())
}

/// Reads a request; nothing at all is `{}`.
pub(super) async fn read<T: DeserializeOwned + Default>(request: Request) -> Result<T, Response> {
    let content = body::read(request.into_body(), MAX_REQUEST, |_| {}).await.map_err(Unread::into_response)?;
    if content.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&content).map_err(|error| answer(StatusCode::BAD_REQUEST, false, &error.to_string()))
}
