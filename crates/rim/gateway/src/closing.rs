//! The end of a WebSocket, done so that the other side sees an orderly one.

use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::timeout;

/// How long the other side has to answer the close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends this close frame and waits for the answer. Whatever still arrives is read and dropped: a socket closed over
/// unread bytes is reset, and a browser then reports a broken connection instead of a closed one.
pub(crate) async fn say_goodbye<M, E>(
    close: M,
    sink: &mut (impl Sink<M> + Unpin),
    stream: &mut (impl Stream<Item = Result<M, E>> + Unpin),
) {
    let goodbye = async {
        if sink.send(close).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    };
    // Whoever does not answer in time is gone.
    let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
}
