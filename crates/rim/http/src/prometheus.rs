//! `/metrics` in Prometheus' text form (http-api.md section 11.2).

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::App;

/// Where metrics are shown and to whom.
#[derive(Clone)]
pub struct Prometheus {
    /// Path, e.g. `/metrics`; what lies below it answers too.
    pub path: String,
    /// User name and password (HTTP basic authentication), if the numbers are not for everybody.
    pub login: Option<(String, String)>,
    /// Renders the current values.
    pub render: Arc<dyn Fn() -> String + Send + Sync>,
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus").field("path", &self.path).finish_non_exhaustive()
    }
}

pub(crate) fn routes(prometheus: Prometheus) -> Router<App> {
    let path = format!("/{}", prometheus.path.trim_matches('/').to_ascii_lowercase());
    let handle = move |request: Request| {
        let prometheus = prometheus.clone();
        async move { answer(&prometheus, request.headers()) }
    };
    Router::new().route(&path, any(handle.clone())).route(&format!("{path}/{{*rest}}"), any(handle))
}

fn answer(prometheus: &Prometheus, headers: &HeaderMap) -> Response {
    if !prometheus.login.as_ref().is_none_or(|login| knows(login, headers)) {
        let challenge = [(WWW_AUTHENTICATE, "Basic realm=\"Restricted\"")];
        return (StatusCode::UNAUTHORIZED, challenge, "Unauthorized").into_response();
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (prometheus.render)()).into_response()
}

fn knows((name, password): &(String, String), headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given =
        given.and_then(|value| value.strip_prefix("Basic ")).and_then(|value| BASE64_STANDARD.decode(value).ok());
    given.is_some_and(|given| same_secret(&given, format!("{name}:{password}").as_bytes()))
}

/// Compares in a time that tells nothing about where the two differ.
pub(crate) fn same_secret(given: &[u8], expected: &[u8]) -> bool {
    wire::signature::verify("", given, &wire::signature::sign("", expected))
}
