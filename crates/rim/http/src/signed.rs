//! API key and signature of everything below `/auth` (http-api.md section 1.1).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode as Status};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use wire::pnm::StatusCode;
use wire::signature::Check;

use crate::body::Unread;
use crate::limits::Door;
use crate::{App, answers, audit, body, limits};

/// Lets signed requests pass. The body arrives at the handler whole, except that a message of more than a mebibyte is
/// cut there; its decoder refuses it.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    match check(&app, request).await {
        Ok(request) => next.run(request).await,
        Err(answer) => answer,
    }
}

async fn check(app: &App, request: Request) -> Result<Request, Response> {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let deny = |code, msg: &str| limits::unsigned(answers::denied(Status::UNAUTHORIZED, headers, code, msg));
    let missing = |msg| deny(StatusCode::MissingRequiredParameter, msg);

    let key = header(headers, "api-key").ok_or_else(|| missing("Missing API-KEY header."))?;
    audit::key(key);
    if key != app.deps.api.id().as_bytes() {
        return Err(deny(StatusCode::InvalidApiKey, "Invalid API key provided."));
    }
    let signature = header(headers, "hash-signature").ok_or_else(|| missing("Missing HASH-SIGNATURE header."))?;
    let signature = std::str::from_utf8(signature).unwrap_or_default();
    let mut check = Check::new(app.deps.api.secret());
    let content = if is_multipart(headers) {
        let room =
            header(headers, "room-id").ok_or_else(|| missing("Missing Room-Id header for multipart request."))?;
        check.update(room);
        audit::room(room);
        content
    } else {
        let content = body::read(content, app.deps.max_body, |piece| check.update(piece)).await;
        let content = content.map_err(Unread::into_response)?;
        audit::body(&content);
        Body::from(content)
    };
    if !check.accepts(signature) {
        let msg = "Failed to verify provided authentication details.";
        return Err(deny(StatusCode::InvalidTokenOrSignature, msg));
    }
    app.limits.take_key().map_err(|wait| limits::refused(Door::Auth, headers, wait))?;
    Ok(Request::from_parts(parts, content))
}

/// A header that says something.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    headers.get(name).map(|value| value.as_bytes()).filter(|value| !value.is_empty())
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.contains("multipart/form-data"))
}
