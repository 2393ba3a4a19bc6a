//! Other origins may call everything that asks for a token or a signature (http-api.md section 11.4).
//!
//! The front door is not among it: where it is open it asks for nothing, and a page of somebody else's must not start
//! meetings on a visitor's own machine.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const METHODS: HeaderValue = HeaderValue::from_static("POST, GET, OPTIONS, HEAD");
const ANYBODY: HeaderValue = HeaderValue::from_static("*");

pub(crate) async fn allow_all(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !headers.contains_key(ORIGIN) || request.uri().path().starts_with("/api/frontdoor") {
        return next.run(request).await;
    }
    let is_preflight = request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut answer = if is_preflight {
        let mut answer = StatusCode::NO_CONTENT.into_response();
        let out = answer.headers_mut();
        out.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        out.insert(VARY, HeaderValue::from_name(ACCESS_CONTROL_REQUEST_HEADERS));
        if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            out.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        answer
    } else {
        next.run(request).await
    };
    answer.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY);
    answer
}
