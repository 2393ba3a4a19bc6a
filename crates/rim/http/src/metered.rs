//! Counts requests and how long their answers take, by route and status.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;

/// Requests that match no route are counted together: their paths are anybody's invention.
const NO_ROUTE: &str = "none";

pub(crate) async fn count(matched: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let route = matched.map_or_else(|| NO_ROUTE.to_owned(), |matched| matched.as_str().to_owned());
    let start = Instant::now();
    let answer = next.run(request).await;
    let status = answer.status().as_u16().to_string();
    metrics::counter!("plenum_http_requests_total", "route" => route.clone(), "status" => status).increment(1);
    metrics::histogram!("plenum_http_request_seconds", "route" => route).record(start.elapsed());
    answer
}
