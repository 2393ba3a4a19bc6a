//! From an HTTP request to a messaging WebSocket of which little is read before it has said whose it is.
//!
//! axum's own upgrade fixes the largest message once and for all. A member may send a whole whiteboard in one message;
//! a stranger has no more to send than a token, and must not make us hold more than that.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tracing::debug;

/// Largest WebSocket message of a member; larger NATS messages come in several.
const MAX_MESSAGE: usize = 9 * 1024 * 1024;
/// What is read of a stranger, all in all.
const STRANGERS_BYTES: usize = 64 * 1024;
/// Read ahead, and gathered before it is written, per socket.
const BUFFER: usize = 16 * 1024;
/// [`Gate`] that counts no more.
const OPEN: usize = usize::MAX;

/// A messaging WebSocket.
pub(crate) type Socket = WebSocketStream<Gated<TokioIo<Upgraded>>>;

/// A request to become one.
#[derive(Debug)]
pub(crate) struct SocketUpgrade {
    key: HeaderValue,
    upgrade: OnUpgrade,
}

impl<S: Sync> FromRequestParts<S> for SocketUpgrade {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, StatusCode> {
        if parts.method != Method::GET {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        let asked = names(&parts.headers, &CONNECTION, "upgrade") && names(&parts.headers, &UPGRADE, "websocket");
        let version = parts.headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
        let key = parts.headers.get(SEC_WEBSOCKET_KEY).cloned().filter(|_| asked && version);
        let key = key.ok_or(StatusCode::BAD_REQUEST)?;
        let upgrade = parts.extensions.remove::<OnUpgrade>().ok_or(StatusCode::UPGRADE_REQUIRED)?;
        Ok(Self { key, upgrade })
    }
}

/// Whether a header that is a list has this word in it.
fn names(headers: &HeaderMap, header: &HeaderName, word: &str) -> bool {
    let words = headers.get_all(header).into_iter().filter_map(|value| value.to_str().ok());
    words.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(word))
}

impl SocketUpgrade {
    /// The answer to the request; `serve` runs once it is sent.
    pub(crate) fn on_upgrade<F>(self, serve: impl FnOnce(Socket, Gate) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let accept = derive_accept_key(self.key.as_bytes());
        tokio::spawn(async move {
            let upgraded = match self.upgrade.await {
                Ok(upgraded) => upgraded,
                Err(error) => return debug!(%error, "a connection was gone before it became a WebSocket"),
            };
            let gate = Gate(Arc::new(AtomicUsize::new(STRANGERS_BYTES)));
            let stream = Gated { stream: TokioIo::new(upgraded), gate: gate.clone() };
            let config = WebSocketConfig::default()
                .read_buffer_size(BUFFER)
                .write_buffer_size(BUFFER)
                .max_message_size(Some(MAX_MESSAGE))
                .max_frame_size(Some(MAX_MESSAGE));
            serve(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await, gate).await;
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.extend(HeaderValue::from_str(&accept).ok().map(|accept| (SEC_WEBSOCKET_ACCEPT, accept)));
        response
    }
}

/// How much may still be read.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<AtomicUsize>);

impl Gate {
    /// From now on everything.
    pub(crate) fn open(&self) {
        self.0.store(OPEN, Ordering::Relaxed);
    }
}

/// A connection of which no more is read than its [`Gate`] lets through.
#[derive(Debug)]
pub(crate) struct Gated<S> {
    stream: S,
    gate: Gate,
}

impl<S: AsyncRead + Unpin> AsyncRead for Gated<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = self.gate.0.load(Ordering::Relaxed);
        if left == OPEN {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        if left == 0 {
            return Poll::Ready(Err(io::Error::other("a stranger says too much")));
        }
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(left.min(buffer.remaining())));
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut part);
        let read = part.filled().len();
        buffer.advance(read);
        self.gate.0.store(left - read, Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gated<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn of_a_stranger_no_more_is_read_than_the_gate_lets_through() {
        let (mut browser, server) = duplex(1024);
        let gate = Gate(Arc::new(AtomicUsize::new(5)));
        let mut gated = Gated { stream: server, gate: gate.clone() };
        browser.write_all(b"12345678").await.unwrap();

        let mut bytes = [0; 100];
        assert_eq!(gated.read(&mut bytes).await.unwrap(), 5);
        assert_eq!(&bytes[..5], b"12345");
        assert!(gated.read(&mut bytes).await.is_err());

        gate.open();
        assert_eq!(gated.read(&mut bytes).await.unwrap(), 3);
    }

    #[test]
    fn a_word_is_found_in_a_list_whatever_its_case() {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        assert!(names(&headers, &CONNECTION, "upgrade"));
        assert!(!names(&headers, &CONNECTION, "grade"));
        assert!(!names(&headers, &UPGRADE, "websocket"));
    }
}
