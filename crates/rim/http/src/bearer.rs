//! The join token of everything below `/api` that belongs to a meeting (http-api.md section 1.3).

use std::net::{IpAddr, SocketAddr};

use axum::Form;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest, Query, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode as Status};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use meeting::{Access, AccessError, AuthorizeRefusal};
use wire::pnm::StatusCode;

use crate::body::Unread;
use crate::{App, answers, body};

/// Largest request of a member, in bytes; files travel otherwise.
const MAX_REQUEST: usize = 64 * 1024;

/// A member of a meeting asks for something.
pub(crate) struct Asked {
    pub(crate) access: Access,
    pub(crate) headers: HeaderMap,
    /// Who is at the other end of the connection, if that is known.
    pub(crate) peer: Option<IpAddr>,
    pub(crate) body: Bytes,
}

/// Why the request goes no further.
pub(crate) enum Denied {
    /// The answer is ready.
    Answered(Response),
    /// The token is good, but the room does not want its owner.
    Unwanted { refusal: AuthorizeRefusal, headers: HeaderMap },
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Self::Answered(answer) => answer,
            Self::Unwanted { refusal, headers } => {
                answers::denied(Status::UNAUTHORIZED, &headers, StatusCode::InvalidTokenOrSignature, refusal)
            }
        }
    }
}

/// Checks the token of a request, then reads what it asks for. Only a form has its token in the body, so that nobody
/// without one makes us read anything else.
pub(crate) async fn admit(app: &App, request: Request) -> Result<Asked, Denied> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    let (parts, content) = request.into_parts();
    let unread = |unread: Unread| Denied::Answered(unread.into_response());
    if let Some(token) = token_before_body(&parts) {
        let access = check(app, &parts.headers, &token).await?;
        let body = body::read(content, MAX_REQUEST, |_| {}).await.map_err(unread)?;
        return Ok(Asked { access, headers: parts.headers, peer, body });
    }
    if !is_form(&parts.headers) {
        return Err(missing(&parts.headers));
    }
    let body = body::read(content, MAX_REQUEST, |_| {}).await.map_err(unread)?;
    let token = token_in_form(&parts, &body).await.ok_or_else(|| missing(&parts.headers))?;
    let access = check(app, &parts.headers, &token).await?;
    Ok(Asked { access, headers: parts.headers, peer, body })
}

/// Checks the token of a request whose body is a file, and reads nothing of that.
pub(crate) async fn admit_before_body(app: &App, request: Request) -> Result<(Access, Request), Denied> {
    let (parts, content) = request.into_parts();
    let token = token_before_body(&parts).ok_or_else(|| missing(&parts.headers))?;
    let access = check(app, &parts.headers, &token).await?;
    Ok((access, Request::from_parts(parts, content)))
}

fn missing(headers: &HeaderMap) -> Denied {
    let msg = "notifications.auth-header-missing";
    Denied::Answered(answers::denied(Status::UNAUTHORIZED, headers, StatusCode::MissingRequiredParameter, msg))
}

async fn check(app: &App, headers: &HeaderMap, token: &str) -> Result<Access, Denied> {
    let deny = |code, error: AccessError| {
        Denied::Answered(answers::denied(Status::UNAUTHORIZED, headers, code, error.to_string()))
    };
    app.deps.meetings.authorize(token).await.map_err(|error| match error {
        AccessError::Expired | AccessError::Invalid | AccessError::Unnameable => {
            deny(StatusCode::InvalidTokenOrSignature, error)
        }
        AccessError::Unavailable(_) => deny(StatusCode::InternalServerError, error),
        AccessError::Refused(AuthorizeRefusal::NotActive) => deny(StatusCode::RoomNotFound, error),
        AccessError::Refused(refusal) => Denied::Unwanted { refusal, headers: headers.clone() },
    })
}

/// The bare token of the header, else the value named `Authorization` in the query.
fn token_before_body(parts: &Parts) -> Option<String> {
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !header.is_empty() {
        return Some(header.to_owned());
    }
    authorization(Query::<Fields>::try_from_uri(&parts.uri).map(|query| query.0).unwrap_or_default())
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

async fn token_in_form(parts: &Parts, body: &Bytes) -> Option<String> {
    let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
    authorization(Form::<Fields>::from_request(request, &()).await.map(|form| form.0).unwrap_or_default())
}

type Fields = Vec<(String, String)>;

fn authorization(fields: Fields) -> Option<String> {
    fields.into_iter().find(|(name, value)| name == "Authorization" && !value.is_empty()).map(|(_, value)| value)
}
