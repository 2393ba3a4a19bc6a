//! What a session tells its owner and what the owner hands to a session.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::ProtocolError;

/// Something the owner of a session must know or do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The client introduced itself. The owner must answer with [`Session::accept`](crate::Session::accept) or
    /// [`Session::reject`](crate::Session::reject); until then the session reads nothing further.
    Authenticate {
        /// The access token as sent, unchecked.
        token: String,
        /// The client's name for itself, for logs only; at most 256 bytes.
        name: String,
    },
    /// A client event for the room (`sysJsWorker` or `sysCoreWorker`), still encoded.
    Worker {
        /// Which of the two subjects it came on.
        channel: Worker,
        /// The encoded `NatsMsgClientToServer`.
        payload: Bytes,
        /// A reliable one waits for [`Session::confirm`](crate::Session::confirm) with this number; they count up.
        receipt: Option<u64>,
    },
    /// A message the client wants forwarded to the others in the room.
    Publish {
        /// Which of the three forwarding subjects.
        subject: ClientSubject,
        /// The encoded message or its ciphertext.
        payload: Bytes,
    },
    /// The client wanted something forwarded that is larger than the subject takes; it was told so in a way that its
    /// user does not see.
    TooLarge {
        /// Which of the three forwarding subjects.
        subject: ClientSubject,
    },
    /// The number of messages the client is ready to take changed for a reason other than a delivery.
    Credit {
        /// The total over all open pulls, taken when the event is polled.
        available: u32,
    },
    /// The client has handled the message.
    Ack {
        /// The outbox number of the message, as delivered.
        stream_seq: u64,
    },
    /// The client failed on the message and wants it again.
    Nak {
        /// The outbox number of the message, as delivered.
        stream_seq: u64,
        /// The pause the client asked for, at most one hour.
        delay: Option<Duration>,
    },
    /// The client is still busy with the message: restart its redelivery timer.
    Working {
        /// The outbox number of the message, as delivered.
        stream_seq: u64,
    },
    /// The client never wants to see the message again.
    Term {
        /// The outbox number of the message, as delivered.
        stream_seq: u64,
    },
    /// The session is over and everything it wanted to say has been polled; close the socket. Always the last event.
    Close(CloseReason),
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The client broke the protocol.
    #[error("protocol error: {0}")]
    Protocol(ProtocolError),
    /// The owner rejected the token, there was none, or the client spoke before introducing itself.
    #[error("authorization violation")]
    AuthFailed,
    /// The client did not introduce itself in time.
    #[error("no CONNECT in time")]
    AuthTimeout,
    /// The owner asked for a new authentication.
    #[error("authentication expired")]
    AuthExpired,
    /// Nothing was heard from the client for [`IDLE_TIMEOUT`](crate::IDLE_TIMEOUT).
    #[error("idle for too long")]
    Idle,
    /// A message above the announced `max_payload`, or too much before authentication.
    #[error("more data than allowed")]
    TooLarge,
    /// The client kept flooding although its messages were being dropped.
    #[error("too many refused operations")]
    Flood,
    /// The client does not read fast enough: the queue towards it passed `max_queued`.
    #[error("slow consumer")]
    SlowConsumer,
    /// The owner ended the session.
    #[error("ended by the server")]
    Ended,
}

/// The two ways a client event reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Worker {
    /// `sysJsWorker.<room>.<user>`: acknowledged.
    JetStream,
    /// `sysCoreWorker.<room>.<user>`: fire and forget.
    Core,
}

/// The subjects clients publish on for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientSubject {
    /// `chat.<room>`
    Chat,
    /// `whiteboard.<room>`
    Whiteboard,
    /// `dataChannel.<room>`
    DataChannel,
}

/// The subjects a client may listen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CoreSubject {
    /// `sysPublic.<room>`: unacknowledged server events (captions).
    Public,
    /// `chat.<room>`
    Chat,
    /// `whiteboard.<room>`
    Whiteboard,
    /// `dataChannel.<room>`
    DataChannel,
}

impl From<ClientSubject> for CoreSubject {
    fn from(subject: ClientSubject) -> Self {
        match subject {
            ClientSubject::Chat => Self::Chat,
            ClientSubject::Whiteboard => Self::Whiteboard,
            ClientSubject::DataChannel => Self::DataChannel,
        }
    }
}

/// A fire-and-forget message towards clients.
#[derive(Debug, Clone)]
pub struct CoreMessage {
    /// Where it is published.
    pub subject: CoreSubject,
    /// The true sender, sent as header `Pnm-From`; needed where the payload is ciphertext (section 20, I2). Left out
    /// for clients without header support and if it is not printable ASCII.
    pub from: Option<Arc<str>>,
    /// The encoded message; shared, not copied, when large.
    pub payload: Bytes,
}

/// Where a reliable message was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliverySubject {
    /// `sysPublic.<room>.system`: the same message goes to everyone in the room.
    Public,
    /// `sysPrivate.<room>.<user>.system`: for this user alone.
    Private,
}

/// One reliable message for the client's pull consumer (section 3.4).
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where it was published.
    pub subject: DeliverySubject,
    /// Its number in the user's outbox; stays the same when redelivered.
    pub stream_seq: u64,
    /// The number of this delivery; counts up with every attempt.
    pub consumer_seq: u64,
    /// How often it has been delivered, this time included; from 1.
    pub deliveries: u32,
    /// When it was enqueued, Unix time in nanoseconds.
    pub timestamp_ns: i64,
    /// How many messages wait behind it.
    pub pending: u64,
    /// The encoded `NatsMsgServerToClient`.
    pub payload: Bytes,
    /// See [`CoreMessage::from`].
    pub from: Option<Arc<str>>,
}

/// No open pull can take the message: keep it and wait for [`Event::Credit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no open pull can take the message")]
pub struct NoCredit;
