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
use tokio::sync::{Semaphore, SemaphorePermit};

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

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Over the limit.
    TooLarge,
    /// The connection broke off.
    Broken,
    /// It took too long.
    Late,
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        match self {
            Self::TooLarge => answers::too_large(),
            Self::Broken => (StatusCode::BAD_REQUEST, "Bad Request").into_response(),
            Self::Late => (StatusCode::REQUEST_TIMEOUT, "Request Timeout").into_response(),
        }
    }
}

/// Bodies of more than a mebibyte are in memory for so many requests at a time.
static LARGE: Semaphore = Semaphore::const_new(8);
/// How long a large body may take to arrive.
const LARGE_PATIENCE: Duration = Duration::from_secs(60);

/// A large body, and the right to have it in memory.
pub(crate) struct Large {
    pub(crate) bytes: Bytes,
    _turn: SemaphorePermit<'static>,
}

/// Reads a body of at most `most` bytes whole, when its turn comes.
///
/// # Errors
/// See [`Unread`].
pub(crate) async fn read_large(body: Body, most: usize) -> Result<Large, Unread> {
    let _turn = turn().await?;
    let collected = async {
        let mut bytes = BytesMut::new();
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| Unread::Broken)?;
            if bytes.len() + piece.len() > most {
                return Err(Unread::TooLarge);
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    };
    let bytes = tokio::time::timeout(LARGE_PATIENCE, collected).await.unwrap_or(Err(Unread::Late))?;
    Ok(Large { bytes, _turn })
}

/// The right to have something large in memory.
///
/// # Errors
/// [`Unread::Late`] if that takes too long.
pub(crate) async fn turn() -> Result<SemaphorePermit<'static>, Unread> {
    match tokio::time::timeout(LARGE_PATIENCE, LARGE.acquire()).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => Err(Unread::Late),
    }
}

/// Reads a body of at most `most` bytes, hands every piece to `watch` and keeps the first mebibyte.
///
/// # Errors
/// See [`Unread`].
pub(crate) async fn read(body: Body, most: usize, watch: impl FnMut(&[u8])) -> Result<Bytes, Unread> {
    tokio::time::timeout(PATIENCE, collect(body, most, watch)).await.unwrap_or(Err(Unread::Late))
}

/// Reads a body of at most `most` bytes and keeps nothing.
///
/// # Errors
/// See [`Unread`].
pub(crate) async fn discard(body: Body, most: usize) -> Result<(), Unread> {
    let read = async {
        let (mut pieces, mut total) = (body.into_data_stream(), 0usize);
        while let Some(piece) = pieces.next().await {
            total = total.saturating_add(piece.map_err(|_| Unread::Broken)?.len());
            if total > most {
                return Err(Unread::TooLarge);
            }
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or(Err(Unread::Late))
}

async fn collect(body: Body, most: usize, mut watch: impl FnMut(&[u8])) -> Result<Bytes, Unread> {
    let mut pieces = body.into_data_stream();
    let (mut kept, mut total) = (BytesMut::new(), 0usize);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Unread::Broken)?;
        total = total.saturating_add(piece.len());
        if total > most {
            return Err(Unread::TooLarge);
        }
        watch(&piece);
        kept.extend_from_slice(&piece[..piece.len().min(KEPT - kept.len())]);
    }
    Ok(kept.freeze())
}
