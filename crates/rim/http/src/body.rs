//! Reading bodies without letting anybody fill the memory.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use crate::{App, answers};

/// Most bytes of a message that are kept. What is longer is read for its signature and then refused by the decoder.
const KEPT: usize = wire::json::MAX_BODY + 1;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Refuses a body that announces itself as too large before anything else is looked at.
pub(crate) async fn declared_length(State(app): State<App>, request: Request, next: Next) -> Response {
    if length(request.headers()).is_some_and(|length| length > app.deps.max_body) {
        return answers::too_large();
    }
    next.run(request).await
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body of at most `most` bytes, hands every piece to `watch` and keeps the first mebibyte.
///
/// # Errors
/// The answer for a body that is too large, breaks off, or takes too long.
pub(crate) async fn read(body: Body, most: usize, watch: impl FnMut(&[u8])) -> Result<Bytes, Response> {
    let reading = collect(body, most, watch);
    tokio::time::timeout(PATIENCE, reading)
        .await
        .unwrap_or_else(|_| Err((StatusCode::REQUEST_TIMEOUT, "Request Timeout").into_response()))
}

async fn collect(body: Body, most: usize, mut watch: impl FnMut(&[u8])) -> Result<Bytes, Response> {
    let mut pieces = body.into_data_stream();
    let (mut kept, mut total) = (BytesMut::new(), 0usize);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| (StatusCode::BAD_REQUEST, "Bad Request").into_response())?;
        total = total.saturating_add(piece.len());
        if total > most {
            return Err(answers::too_large());
        }
        watch(&piece);
        kept.extend_from_slice(&piece[..piece.len().min(KEPT - kept.len())]);
    }
    Ok(kept.freeze())
}
