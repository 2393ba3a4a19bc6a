//! `/lti/v1`: a signed launch of LTI 1.0 or 1.1 (http-api.md section 6.1).

use axum::extract::{OriginalUri, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use tracing::debug;
use wire::lti::{Form, Launch, verify};

use super::{address, api, page};
use crate::body::Unread;
use crate::{App, audit, body};

/// Most bytes of a launch.
pub(super) const MAX_LAUNCH: usize = 256 * 1024;
/// How far the clocks of platform and server may differ, in seconds, and how long a launch is good for.
const MAX_AGE: i64 = 3600;

/// Why nobody comes in. The texts are the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("empty body")]
    EmptyBody,
    #[error("invalid consumer_key")]
    ConsumerKey,
    #[error("verification failed")]
    Verification,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self {
            Self::EmptyBody => StatusCode::UNAUTHORIZED,
            Self::ConsumerKey | Self::Verification => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, self.to_string()).into_response()
    }
}

pub(crate) async fn wrong_method() -> Response {
    api::answer(StatusCode::METHOD_NOT_ALLOWED, false, "please use POST request")
}

pub(crate) async fn handle(State(app): State<App>, OriginalUri(asked): OriginalUri, request: Request) -> Response {
    let (parts, content) = request.into_parts();
    let content = match body::read(content, MAX_LAUNCH.min(app.deps.max_body), |_| {}).await {
        Ok(content) => content,
        Err(unread) => return Unread::into_response(unread),
    };
    match accept(&app, &parts, asked.path(), &content) {
        Ok(launch) => page::room(&app, &launch),
        Err(refusal) => refusal.into_response(),
    }
}

/// Checks a launch and remembers it, so that it works once.
fn accept(app: &App, request: &Parts, path: &str, body: &[u8]) -> Result<Launch, Refusal> {
    if body.is_empty() {
        return Err(Refusal::EmptyBody);
    }
    let form = Form::parse(body).ok_or(Refusal::Verification)?;
    let key = form.text("oauth_consumer_key");
    audit::key(key.as_bytes());
    if key != app.deps.api.id() {
        return Err(Refusal::ConsumerKey);
    }
    let origins = address::origins(&app.deps, request);
    if !origins.iter().any(|origin| verify(app.deps.api.secret(), &format!("{origin}{path}"), &form)) {
        debug!(?origins, path, "an LTI launch is not signed for any of our addresses");
        return Err(Refusal::Verification);
    }
    let now = (app.deps.clock)();
    let sent: i64 = form.text("oauth_timestamp").parse().map_err(|_| Refusal::Verification)?;
    let nonce = form.text("oauth_nonce");
    // Of the same nonce at another time nothing is known (RFC 5849 section 3.3).
    let once = format!("{sent} {nonce}");
    let is_fresh = !nonce.is_empty()
        && sent.saturating_sub(now).saturating_abs() <= MAX_AGE
        && app.lti_seen.is_new("launch", &once, now, sent.saturating_add(MAX_AGE));
    if is_fresh { Ok(Launch::from_form(&form)) } else { Err(Refusal::Verification) }
}
