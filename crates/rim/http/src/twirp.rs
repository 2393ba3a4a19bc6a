//! `POST /twirp/livekit.<Service>/<Method>`: LiveKit's server API (media-protocol.md section 19), so that LiveKit's server
//! SDKs and `lk` work. A call is a token of the application's key, a request in JSON or protobuf, and an answer in the
//! same; whatever goes wrong is told in Twirp's words.

mod caller;
mod codec;
mod error;
mod gateways;
mod room_service;

use axum::extract::{Path, Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::body::{APPLICATIONS, Unread, read_large};
use crate::limits::{self, Door};
use crate::{App, audit};
use caller::Caller;
use codec::Encoding;
pub(crate) use error::{Code, TwirpError};

/// Largest request, in bytes (section 19.1).
const MAX_REQUEST: usize = 10 << 20;

/// One call: who and how.
struct Call {
    app: App,
    caller: Caller,
    encoding: Encoding,
}

/// What a call comes to.
type Outcome = Result<Response, TwirpError>;

/// Every call, also of services and methods that there are not.
pub(crate) async fn handle(
    State(app): State<App>,
    Path((service, method)): Path<(String, String)>,
    request: Request,
) -> Response {
    match answer(app, &service, &method, request).await {
        Ok(answer) => answer,
        Err(error) => {
            audit::result(error.code());
            error.into_response()
        }
    }
}

async fn answer(app: App, service: &str, method: &str, request: Request) -> Outcome {
    let path = format!("/twirp/{service}/{method}");
    if request.method() != Method::POST {
        let msg = format!("unsupported method {:?} (only POST is allowed)", request.method().as_str());
        return Err(TwirpError::bad_route(msg));
    }
    let of_rooms = room_service::grant(service, method);
    let Some(grant) = of_rooms.or_else(|| gateways::grant(service, method)) else {
        return Err(TwirpError::bad_route(format!("no handler for path {path:?}")));
    };
    let (parts, content) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let Some(encoding) = Encoding::of(kind) else {
        return Err(TwirpError::bad_route(format!("unexpected Content-Type: {kind:?}")));
    };
    // Before anything is read: nobody makes us keep ten mebibytes who may not ask for this. The same key signs the tokens
    // people join with, so a good signature alone says little.
    let caller = match Caller::of(&app, &parts.headers).and_then(|caller| caller.needs(grant).map(|()| caller)) {
        Ok(caller) => caller,
        Err(error) => {
            audit::result(error.code());
            return Ok(limits::unsigned(error.into_response()));
        }
    };
    if let Err(wait) = app.limits.take_key() {
        return Ok(limits::refused(Door::Twirp, &parts.headers, wait));
    }
    let body = read_large(content, MAX_REQUEST, &APPLICATIONS, &[]).await.map_err(|unread| match unread {
        Unread::TooLarge => TwirpError::new(Code::Malformed, "the request is larger than 10 MiB"),
        Unread::Broken => TwirpError::new(Code::Malformed, "failed to read request body"),
        Unread::Late => TwirpError::new(Code::DeadlineExceeded, "the request took too long"),
    })?;
    let call = Call { app, caller, encoding };
    if of_rooms.is_some() {
        room_service::answer(&call, method, body).await
    } else {
        gateways::answer(&call, service, method)
    }
}
