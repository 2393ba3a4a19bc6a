//! How answers look: the codec profiles of http-api.md section 0.3 and the texts every route shares.

use std::any::Any;

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode as Status};
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde::Serialize;
use tracing::error;
use wire::json::ProtoJson;
use wire::pnm::{self, StatusCode};

use crate::audit;

const PROTOBUF: &str = "application/protobuf";

/// Profile J: protobuf JSON.
pub(crate) fn json<M: ProtoJson>(message: &M) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], wire::json::encode(message)).into_response()
}

/// Profile P: binary protobuf.
pub(crate) fn protobuf(message: &impl Message) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF))], message.encode_to_vec()).into_response()
}

/// Profile M: ordinary JSON with its character set.
pub(crate) fn map(status: Status, value: &impl Serialize) -> Response {
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    (status, [(CONTENT_TYPE, kind)], Json(value)).into_response()
}

/// Ordinary JSON of the front door.
pub(crate) fn plain_json(status: Status, value: &impl Serialize) -> Response {
    (status, Json(value)).into_response()
}

/// A bare `CommonResponse` in profile J, HTTP 200: how application errors look below `/auth`.
pub(crate) fn refused(code: StatusCode, msg: impl ToString) -> Response {
    coded(code, &common(code, msg))
}

/// Profile J with a code that is told to the audit log as well.
pub(crate) fn coded<M: ProtoJson>(code: StatusCode, message: &M) -> Response {
    audit::result(code.as_str_name());
    json(message)
}

/// A `CommonResponse` in profile P, HTTP 200: how application errors look below `/api`. It never carries a code.
pub(crate) fn refused_protobuf(msg: impl ToString) -> Response {
    audit::result_unless_known("REFUSED");
    protobuf(&pnm::CommonResponse { status: false, msg: msg.to_string(), ..Default::default() })
}

/// What both authentication checks answer: JSON, unless the request says that it is exactly protobuf.
pub(crate) fn denied(status: Status, request: &HeaderMap, code: StatusCode, msg: impl ToString) -> Response {
    audit::result(code.as_str_name());
    let is_protobuf = request.get(CONTENT_TYPE).is_some_and(|kind| kind == PROTOBUF);
    let answer = if is_protobuf { refused_protobuf(msg) } else { refused(code, msg) };
    (status, answer).into_response()
}

/// In profile M: how endpoints that are asked in forms say no (http-api.md section 4.7).
pub(crate) fn refused_map(status: Status, code: StatusCode, msg: impl ToString) -> Response {
    #[derive(Serialize)]
    struct Refusal {
        msg: String,
        status: bool,
        status_code: &'static str,
    }
    let refusal = Refusal { msg: msg.to_string(), status: false, status_code: code.as_str_name() };
    map(status, &refusal)
}

fn common(code: StatusCode, msg: impl ToString) -> pnm::CommonResponse {
    pnm::CommonResponse { status: code == StatusCode::Success, msg: msg.to_string(), status_code: code.into() }
}

/// The success every endpoint without a message of its own gives.
pub(crate) fn success() -> Response {
    refused(StatusCode::Success, "success")
}

/// A path that matches nothing, and a matching one with another method.
pub(crate) async fn not_found() -> Response {
    (Status::NOT_FOUND, "not found").into_response()
}

/// A body over the limit.
pub(crate) fn too_large() -> Response {
    (Status::PAYLOAD_TOO_LARGE, "Request Entity Too Large").into_response()
}

/// A handler broke an invariant. What it said is for the log.
#[expect(clippy::needless_pass_by_value, reason = "the signature the layer asks for")]
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    error!(panic = said.unwrap_or("no text"), "a request handler panicked");
    (Status::INTERNAL_SERVER_ERROR, "internal error").into_response()
}
