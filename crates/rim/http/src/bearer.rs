//! The join token of everything below `/api` that belongs to a meeting (http-api.md section 1.3).

use axum::Form;
use axum::body::Body;
use axum::extract::{FromRequest, Query, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode as Status};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use meeting::{Access, AccessError, AuthorizeRefusal};
use wire::pnm::StatusCode;

use crate::{App, answers, body};

/// A member of a meeting asks for something.
pub(crate) struct Asked {
    pub(crate) access: Access,
    pub(crate) headers: HeaderMap,
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

/// Reads the request and checks its token.
pub(crate) async fn admit(app: &App, request: Request) -> Result<Asked, Denied> {
    let (parts, content) = request.into_parts();
    let body = body::read(content, app.deps.max_body, |_| {})
        .await
        .map_err(|unread| Denied::Answered(unread.into_response()))?;
    let token = token(&parts, &body).await;
    let headers = parts.headers;
    let deny = |code, msg: &dyn ToString| {
        Denied::Answered(answers::denied(Status::UNAUTHORIZED, &headers, code, msg.to_string()))
    };
    if token.is_empty() {
        return Err(deny(StatusCode::MissingRequiredParameter, &"notifications.auth-header-missing"));
    }
    match app.deps.meetings.authorize(&token).await {
        Ok(access) => Ok(Asked { access, headers, body }),
        Err(error @ (AccessError::Expired | AccessError::Invalid)) => {
            Err(deny(StatusCode::InvalidTokenOrSignature, &error))
        }
        Err(AccessError::Refused(AuthorizeRefusal::NotActive)) => {
            Err(deny(StatusCode::RoomNotFound, &AuthorizeRefusal::NotActive))
        }
        Err(error @ AccessError::Unavailable(_)) => Err(deny(StatusCode::InternalServerError, &error)),
        Err(AccessError::Refused(refusal)) => Err(Denied::Unwanted { refusal, headers }),
    }
}

/// The bare token: header, else the value named `Authorization` in the query or in a form. Empty if there is none.
async fn token(parts: &Parts, body: &Bytes) -> String {
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !header.is_empty() {
        return header.to_owned();
    }
    let query = Query::<Fields>::try_from_uri(&parts.uri).map(|query| query.0).unwrap_or_default();
    if let Some(token) = authorization(query) {
        return token;
    }
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return String::new();
    }
    let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
    let form = Form::<Fields>::from_request(request, &()).await.map(|form| form.0).unwrap_or_default();
    authorization(form).unwrap_or_default()
}

type Fields = Vec<(String, String)>;

fn authorization(fields: Fields) -> Option<String> {
    fields.into_iter().find(|(name, value)| name == "Authorization" && !value.is_empty()).map(|(_, value)| value)
}
