//! The end of a WebSocket, done so that the other side sees an orderly one.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;

/// How long the other side has to answer the close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends a normal close (code 1000) and waits for the answer. Whatever still arrives is read and dropped: a socket
/// closed over unread bytes is reset, and a browser then reports a broken connection instead of a closed one.
pub(crate) async fn say_goodbye(sink: &mut SplitSink<WebSocket, Message>, stream: &mut SplitStream<WebSocket>) {
    let close = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    let goodbye = async {
        if sink.send(Message::Close(Some(close))).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    };
    // Whoever does not answer in time is gone.
    let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
}
