//! What is the same for all sessions, and what a session is bound to once its user is known.

use crate::{ClientSubject, CoreSubject, DeliverySubject, ack, limits};

/// Settings shared by all sessions of a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Shown to clients in INFO, for diagnostics; not empty.
    pub server_id: String,
    /// Announced version; the client refuses JetStream below 2.9.4.
    pub version: &'static str,
    /// Name of the stream that carries reliable messages to clients.
    pub stream: String,
    /// First tokens of the subjects.
    pub subjects: Subjects,
    /// Largest message a client may send, in bytes; a larger one ends the session. The client reads it from INFO and
    /// refuses larger messages itself.
    pub max_payload: usize,
    /// Most bytes that may wait for a slow client; beyond that the session ends.
    pub max_queued: usize,
    /// When the consumers count as created, RFC 3339; informative.
    pub started: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server_id: "plenum".to_owned(),
            version: "2.11.0",
            stream: "pnm-room-stream".to_owned(),
            subjects: Subjects::default(),
            max_payload: limits::MAX_BULK_PAYLOAD + limits::MAX_CHAT_PAYLOAD,
            max_queued: 32 * 1024 * 1024,
            started: "2026-01-01T00:00:00Z".to_owned(),
        }
    }
}

/// First tokens of the subjects (section 4). The client learns them from the verifyToken answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subjects {
    /// Reliable client events; `sysJsWorker`.
    pub system_js_worker: String,
    /// Unacknowledged client events; `sysCoreWorker`.
    pub system_core_worker: String,
    /// Server events for a room; `sysPublic`.
    pub system_public: String,
    /// Server events for a user; `sysPrivate`.
    pub system_private: String,
    /// `chat`
    pub chat: String,
    /// `whiteboard`
    pub whiteboard: String,
    /// `dataChannel`
    pub data_channel: String,
}

impl Default for Subjects {
    fn default() -> Self {
        Self {
            system_js_worker: "sysJsWorker".to_owned(),
            system_core_worker: "sysCoreWorker".to_owned(),
            system_public: "sysPublic".to_owned(),
            system_private: "sysPrivate".to_owned(),
            chat: "chat".to_owned(),
            whiteboard: "whiteboard".to_owned(),
            data_channel: "dataChannel".to_owned(),
        }
    }
}

/// Who a session belongs to, from a checked token. Both ids must be single subject tokens: printable ASCII without
/// spaces, dots or wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The room.
    pub room: String,
    /// The user.
    pub user: String,
    /// False while the user is in the waiting room; see [`Session::set_admitted`](crate::Session::set_admitted).
    pub admitted: bool,
}

/// Every subject of one bound session, spelled out once. Permissions are equality with these.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) consumer: String,
    consumer_info: String,
    msg_next: String,
    pub(crate) ack_prefix: String,
    js_worker: String,
    core_worker: String,
    public: String,
    chat: String,
    whiteboard: String,
    data_channel: String,
    public_system: String,
    private_system: String,
    filters: [String; 2],
}

/// What a publish is for, judged by its subject alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    AccountInfo,
    /// The session's own consumer.
    ConsumerInfo,
    /// Somebody else's consumer of the right stream, or none.
    UnknownConsumer,
    /// A consumer of another stream.
    UnknownStream,
    Pull,
    Ack,
    Worker(crate::Worker),
    Client(ClientSubject),
    Forbidden,
}

const CONSUMER_INFO: &str = "$JS.API.CONSUMER.INFO.";

impl Names {
    pub(crate) fn new(config: &Config, bound: &Bound) -> Self {
        let Bound { room, user, .. } = bound;
        let Config { stream, subjects, .. } = config;
        let consumer = format!("{room}_{user}");
        Self {
            consumer_info: format!("{CONSUMER_INFO}{stream}.{consumer}"),
            msg_next: format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"),
            ack_prefix: format!("{}{stream}.{consumer}.", ack::PREFIX),
            js_worker: format!("{}.{room}.{user}", subjects.system_js_worker),
            core_worker: format!("{}.{room}.{user}", subjects.system_core_worker),
            public: format!("{}.{room}", subjects.system_public),
            chat: format!("{}.{room}", subjects.chat),
            whiteboard: format!("{}.{room}", subjects.whiteboard),
            data_channel: format!("{}.{room}", subjects.data_channel),
            public_system: format!("{}.{room}.system", subjects.system_public),
            private_system: format!("{}.{room}.{user}.system", subjects.system_private),
            filters: [
                format!("{}.{room}.>", subjects.system_public),
                format!("{}.{room}.{user}.>", subjects.system_private),
            ],
            consumer,
        }
    }

    /// The subjects the consumer is said to filter for.
    pub(crate) fn filters(&self) -> &[String; 2] {
        &self.filters
    }

    pub(crate) fn target(&self, config: &Config, subject: &str) -> Target {
        if let Some(rest) = subject.strip_prefix("$JS.") {
            return self.jetstream_target(config, subject, rest);
        }
        if subject == self.js_worker {
            Target::Worker(crate::Worker::JetStream)
        } else if subject == self.core_worker {
            Target::Worker(crate::Worker::Core)
        } else if subject == self.chat {
            Target::Client(ClientSubject::Chat)
        } else if subject == self.whiteboard {
            Target::Client(ClientSubject::Whiteboard)
        } else if subject == self.data_channel {
            Target::Client(ClientSubject::DataChannel)
        } else {
            Target::Forbidden
        }
    }

    fn jetstream_target(&self, config: &Config, subject: &str, rest: &str) -> Target {
        if subject.starts_with(&self.ack_prefix)
            || ack::parse_subject(subject, &config.stream, &self.consumer).is_some()
        {
            Target::Ack
        } else if subject == self.msg_next {
            Target::Pull
        } else if subject == self.consumer_info {
            Target::ConsumerInfo
        } else if rest == "API.INFO" {
            Target::AccountInfo
        } else if let Some((stream, consumer)) =
            subject.strip_prefix(CONSUMER_INFO).and_then(|names| names.split_once('.'))
            && !consumer.contains('.')
        {
            if stream == config.stream { Target::UnknownConsumer } else { Target::UnknownStream }
        } else {
            Target::Forbidden
        }
    }

    /// True if the client may subscribe; the caller has checked the form.
    pub(crate) fn may_subscribe(&self, subject: &str) -> bool {
        is_inbox(subject)
            || [&self.public, &self.chat, &self.whiteboard, &self.data_channel].iter().any(|own| *own == subject)
    }

    pub(crate) fn core(&self, subject: CoreSubject) -> &str {
        match subject {
            CoreSubject::Public => &self.public,
            CoreSubject::Chat => &self.chat,
            CoreSubject::Whiteboard => &self.whiteboard,
            CoreSubject::DataChannel => &self.data_channel,
        }
    }

    pub(crate) fn delivery(&self, subject: DeliverySubject) -> &str {
        match subject {
            DeliverySubject::Public => &self.public_system,
            DeliverySubject::Private => &self.private_system,
        }
    }
}

/// True for subjects under the reply prefix of the client library.
pub(crate) fn is_inbox(subject: &str) -> bool {
    subject.strip_prefix("_INBOX.").is_some_and(|rest| !rest.is_empty())
}

/// Largest payload the target takes (section 2.10); zero where the message will be refused anyway.
pub(crate) fn payload_cap(target: Target) -> usize {
    match target {
        Target::Client(ClientSubject::Chat) => limits::MAX_CHAT_PAYLOAD,
        Target::Client(ClientSubject::Whiteboard | ClientSubject::DataChannel)
        | Target::Worker(crate::Worker::JetStream) => limits::MAX_BULK_PAYLOAD,
        Target::Worker(crate::Worker::Core)
        | Target::AccountInfo
        | Target::ConsumerInfo
        | Target::UnknownConsumer
        | Target::UnknownStream
        | Target::Pull
        | Target::Ack => limits::MAX_OTHER_PAYLOAD,
        Target::Forbidden => 0,
    }
}
