//! What the server says, as bytes and as JSON.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{Config, config::Names, pull::Status};

/// The first frame on a connection (section 2.2).
pub(crate) fn info(config: &Config) -> Vec<u8> {
    let info = json!({
        "server_id": config.server_id,
        "server_name": config.server_id,
        "version": config.version,
        "proto": 1,
        "headers": true,
        "max_payload": config.max_payload,
        "auth_required": true,
        "jetstream": true,
    });
    format!("INFO {info}\r\n").into_bytes()
}

/// An error frame; quotes inside the text are the caller's business.
pub(crate) fn error(text: &str) -> Vec<u8> {
    format!("-ERR '{text}'\r\n").into_bytes()
}

/// The line of a MSG, or of a HMSG followed by its header block. The payload and a line end go behind it.
pub(crate) fn head(subject: &str, sid: &str, reply: Option<&str>, header: Option<&str>, payload: usize) -> Vec<u8> {
    let (space, reply) = match reply {
        Some(reply) => (" ", reply),
        None => ("", ""),
    };
    match header {
        None => format!("MSG {subject} {sid}{space}{reply} {payload}\r\n"),
        Some(header) => {
            let total = header.len() + payload;
            format!("HMSG {subject} {sid}{space}{reply} {} {total}\r\n{header}", header.len())
        }
    }
    .into_bytes()
}

/// Header of the answer to a request nobody serves.
pub(crate) const NO_RESPONDERS: &str = "NATS/1.0 503\r\n\r\n";

/// Header block that names the true sender of a forwarded message; `None` if the name could break it.
pub(crate) fn sender(user: &str) -> Option<String> {
    let printable = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    printable.then(|| format!("NATS/1.0\r\nPnm-From: {user}\r\n\r\n"))
}

/// The last delivery of a session.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Delivered {
    pub(crate) consumer_seq: u64,
    pub(crate) stream_seq: u64,
    pub(crate) pending: u64,
}

/// Header block of a pull status (section 3.5).
pub(crate) fn status(status: Status, last: Delivered) -> String {
    match status {
        Status::Heartbeat => format!(
            "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: {}\r\nNats-Last-Stream: {}\r\n\r\n",
            last.consumer_seq, last.stream_seq
        ),
        Status::Timeout { left } => {
            format!("NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: {left}\r\nNats-Pending-Bytes: 0\r\n\r\n")
        }
        Status::NoMessages => "NATS/1.0 404 No Messages\r\n\r\n".to_owned(),
        Status::TooLarge { left } => format!(
            "NATS/1.0 409 Message Size Exceeds MaxBytes\r\nNats-Pending-Messages: {left}\r\nNats-Pending-Bytes: 0\r\n\r\n"
        ),
    }
}

/// The answer to CONSUMER.INFO about the session's own consumer (section 3.2).
pub(crate) fn consumer_info(config: &Config, names: &Names, last: Delivered, waiting: usize) -> Bytes {
    let sequences = json!({ "consumer_seq": last.consumer_seq, "stream_seq": last.stream_seq });
    encode(&json!({
        "type": CONSUMER_INFO_TYPE,
        "stream_name": config.stream,
        "name": names.consumer,
        "created": config.started,
        "config": {
            "name": names.consumer,
            "durable_name": names.consumer,
            "ack_policy": "explicit",
            "deliver_policy": "new",
            "ack_wait": 30_000_000_000_u64,
            "max_ack_pending": 1000,
            "filter_subjects": names.filters(),
        },
        "delivered": sequences,
        "ack_floor": sequences,
        "num_ack_pending": 0,
        "num_redelivered": 0,
        "num_waiting": waiting,
        "num_pending": last.pending,
    }))
}

const CONSUMER_INFO_TYPE: &str = "io.nats.jetstream.api.v1.consumer_info_response";

/// The answer to `$JS.API.INFO`; the client only looks whether it is an error.
pub(crate) fn account_info() -> Bytes {
    encode(&json!({
        "type": "io.nats.jetstream.api.v1.account_info_response",
        "memory": 0,
        "storage": 0,
        "streams": 1,
        "consumers": 1,
        "limits": { "max_memory": -1, "max_storage": -1, "max_streams": -1, "max_consumers": -1 },
        "api": { "total": 0, "errors": 0 },
    }))
}

/// The acknowledgement of a reliable publish (section 3.7).
pub(crate) fn publish_ack(stream: &str, seq: u64) -> Bytes {
    encode(&json!({ "stream": stream, "seq": seq }))
}

/// A refusal in the words of the JetStream API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ApiError {
    ConsumerNotFound,
    StreamNotFound,
    RateLimit,
    MessageTooLarge,
}

impl ApiError {
    fn error(self) -> Value {
        let (code, err_code, description) = match self {
            Self::ConsumerNotFound => (404, 10014, "consumer not found"),
            Self::StreamNotFound => (404, 10059, "stream not found"),
            Self::RateLimit => (429, 10167, "rate limit"),
            Self::MessageTooLarge => (400, 10054, "message size exceeds maximum allowed"),
        };
        json!({ "code": code, "err_code": err_code, "description": description })
    }

    /// As the answer to CONSUMER.INFO.
    pub(crate) fn to_consumer_info(self) -> Bytes {
        encode(&json!({ "type": CONSUMER_INFO_TYPE, "error": self.error() }))
    }

    /// As the answer to a reliable publish.
    pub(crate) fn to_publish(self) -> Bytes {
        encode(&json!({ "error": self.error() }))
    }
}

fn encode(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_have_the_lengths_the_client_parses() {
        assert_eq!(head("chat.r", "3", None, None, 5), b"MSG chat.r 3 5\r\n");
        assert_eq!(head("s", "3", Some("$JS.ACK.x"), None, 5), b"MSG s 3 $JS.ACK.x 5\r\n");
        assert_eq!(
            head("_INBOX.a", "1", None, Some(NO_RESPONDERS), 0),
            b"HMSG _INBOX.a 1 16 16\r\nNATS/1.0 503\r\n\r\n"
        );
    }

    #[test]
    fn a_sender_that_could_break_the_header_is_left_out() {
        assert_eq!(sender("u1").as_deref(), Some("NATS/1.0\r\nPnm-From: u1\r\n\r\n"));
        assert_eq!(sender("u\r\nX: y"), None);
        assert_eq!(sender(""), None);
    }
}
