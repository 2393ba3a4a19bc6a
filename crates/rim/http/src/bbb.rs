//! `/<key>/bigbluebutton/api[/method]`: one file per method (http-api.md section 7). Every answer is XML, and refusals
//! are HTTP 200.
//!
//! A call is signed with a checksum over the method and its parameters, which stand in the query or in a form.

mod create;
mod delete_recordings;
mod end;
mod get_meeting_info;
mod get_meetings;
mod get_recordings;
mod is_meeting_running;
mod join;
mod shown;
mod unchanged;

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::{ConnectInfo, RawPathParams, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use meeting::Unavailable;
use wire::bbb::{Params, Unreadable, Xml};

use crate::limits::Door;
use crate::{App, answers, audit, body, limits};

/// Version of the API whose answers these are.
const VERSION: &str = "0.9";
/// `returncode` of a refusal.
pub(crate) const FAILED: &str = "FAILED";
/// Longest body, in bytes: a form, or the list of documents.
const MAX_BODY: usize = 1024 * 1024;

/// A signed call.
struct Call {
    params: Params,
    /// What `create` shows on the board; empty if the body was a form.
    modules: Bytes,
    headers: HeaderMap,
    /// The other end of the connection, if that is known.
    peer: Option<IpAddr>,
}

/// Why a call is refused.
struct Fault {
    key: &'static str,
    message: String,
}

impl Fault {
    fn new(key: &'static str, message: impl Display) -> Self {
        Self { key, message: message.to_string() }
    }

    /// The general one.
    fn error(message: impl Display) -> Self {
        Self::new("error", message)
    }
}

impl From<Unavailable> for Fault {
    fn from(error: Unavailable) -> Self {
        Self::error(error)
    }
}

impl From<Unreadable> for Fault {
    fn from(error: Unreadable) -> Self {
        Self::new("parsingError", error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        general(FAILED, self.key, &self.message)
    }
}

type Answer = Result<Response, Fault>;

pub(crate) async fn handle(State(app): State<App>, path: RawPathParams, request: Request) -> Response {
    let segment = |name| path.iter().find(|(found, _)| *found == name).map_or("", |(_, value)| value);
    answer(&app, segment("key"), segment("method"), request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(app: &App, key: &str, method: &str, request: Request) -> Answer {
    audit::key(key.as_bytes());
    if key != app.deps.api.id() {
        return Ok(limits::unsigned(Fault::new("apiKeyError", "invalid api key").into_response()));
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    let (parts, content) = request.into_parts();
    let body = match parts.method {
        Method::GET => Bytes::new(),
        Method::POST => match body::read(content, MAX_BODY.min(app.deps.max_body), |_| {}).await {
            Ok(body) => body,
            Err(unread) => return Ok(unread.into_response()),
        },
        _ => return Err(Fault::error("unsupported http method")),
    };
    let query = parts.uri.query().unwrap_or_default();
    let is_form = is_form(&parts.headers, &body);
    let raw = if is_form { std::str::from_utf8(&body).map_err(|_| Unreadable)? } else { query };
    if method.is_empty() || raw.is_empty() {
        return Ok(version());
    }
    if !wire::bbb::is_signed(method, raw, app.deps.api.secret()) {
        return Ok(limits::unsigned(Fault::new("checksumError", "Checksums do not match").into_response()));
    }
    if let Err(wait) = app.limits.take_key() {
        return Ok(limits::refused(Door::Bbb, &parts.headers, wait));
    }
    let params = Params::parse(raw)?;
    audit::room(params.text("meetingID").unwrap_or_default().as_bytes());
    let call = Call { params, modules: if is_form { Bytes::new() } else { body }, headers: parts.headers, peer };
    dispatch(app, method, call).await
}

async fn dispatch(app: &App, method: &str, call: Call) -> Answer {
    match method.to_ascii_lowercase().as_str() {
        "create" => create::handle(app, &call).await,
        "join" => join::handle(app, &call).await,
        "ismeetingrunning" => is_meeting_running::handle(app, &call).await,
        "getmeetinginfo" => get_meeting_info::handle(app, &call).await,
        "getmeetings" => get_meetings::handle(app).await,
        "end" => end::handle(app, &call).await,
        "getrecordings" => get_recordings::handle(app, &call).await,
        "deleterecordings" => delete_recordings::handle(app, &call).await,
        "publishrecordings" => Ok(unchanged::handle("published")),
        "updaterecordings" => Ok(unchanged::handle("updated")),
        _ => Ok(answers::not_found().await),
    }
}

/// Whether the parameters are in the body. Some senders call everything a form, the list of documents included.
fn is_form(headers: &HeaderMap, body: &[u8]) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") && !body.is_empty() && !body.starts_with(b"<")
}

fn version() -> Response {
    xml(|xml| {
        xml.text("returncode", "SUCCESS");
        xml.text("version", VERSION);
    })
}

/// An answer that says how it went and nothing else.
pub(crate) fn general(code: &str, key: &str, message: &str) -> Response {
    audit::result(if code == FAILED { key } else { code });
    xml(|xml| {
        xml.text("returncode", code);
        xml.text("messageKey", key);
        xml.text("message", message);
    })
}

fn xml(content: impl FnOnce(&mut Xml)) -> Response {
    let kind = HeaderValue::from_static("application/xml; charset=utf-8");
    ([(CONTENT_TYPE, kind)], Body::from(Xml::response(content))).into_response()
}
