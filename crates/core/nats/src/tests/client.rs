//! The other end for tests: a session with its clock, and a parser for what servers send.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{Bound, Config, Delivery, DeliverySubject, Event, Session};

pub(super) const CONNECT: &str = concat!(
    r#"CONNECT {"echo":false,"no_responders":true,"protocol":1,"verbose":false,"pedantic":false,"#,
    r#""auth_token":"jwt","name":"plugnmeet-client-r_u","lang":"nats.ws","version":"3.4.0","headers":true}"#,
    "\r\n"
);
pub(super) const PULL: &str = r#"{"batch":100,"max_bytes":0,"idle_heartbeat":15000000000,"expires":30000000000}"#;

/// One frame from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    Info(serde_json::Value),
    Pong,
    Error(String),
    Msg { subject: String, sid: String, reply: Option<String>, header: Option<String>, payload: Vec<u8> },
}

impl Frame {
    pub(super) fn msg(subject: &str, sid: &str, payload: &[u8]) -> Self {
        Self::Msg {
            subject: subject.to_owned(),
            sid: sid.to_owned(),
            reply: None,
            header: None,
            payload: payload.to_vec(),
        }
    }

    pub(super) fn status(subject: &str, sid: &str, header: &str) -> Self {
        Self::Msg {
            subject: subject.to_owned(),
            sid: sid.to_owned(),
            reply: None,
            header: Some(header.to_owned()),
            payload: Vec::new(),
        }
    }

    pub(super) fn json(&self) -> serde_json::Value {
        match self {
            Self::Msg { payload, .. } => serde_json::from_slice(payload).unwrap(),
            other => panic!("no message: {other:?}"),
        }
    }
}

/// Splits what a server sent into frames; panics on anything a client could not parse.
pub(super) fn parse_frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.windows(2).position(|window| window == b"\r\n").expect("a whole line");
        let line = std::str::from_utf8(&bytes[..end]).unwrap();
        bytes = &bytes[end + 2..];
        let words: Vec<&str> = line.split(' ').collect();
        frames.push(match words[0] {
            "INFO" => Frame::Info(serde_json::from_str(&line[5..]).unwrap()),
            "PONG" => Frame::Pong,
            "-ERR" => Frame::Error(line[5..].to_owned()),
            "MSG" | "HMSG" => {
                let with_header = words[0] == "HMSG";
                let lengths = if with_header { 2 } else { 1 };
                let fixed = words.len() - lengths;
                let length = |at: usize| words[at].parse::<usize>().unwrap();
                let total = length(words.len() - 1);
                let header = if with_header { length(fixed) } else { 0 };
                assert_eq!(&bytes[total..total + 2], b"\r\n");
                let frame = Frame::Msg {
                    subject: words[1].to_owned(),
                    sid: words[2].to_owned(),
                    reply: (fixed == 4).then(|| words[3].to_owned()),
                    header: with_header.then(|| String::from_utf8(bytes[..header].to_vec()).unwrap()),
                    payload: bytes[header..total].to_vec(),
                };
                bytes = &bytes[total + 2..];
                frame
            }
            other => panic!("unknown frame {other:?}"),
        });
    }
    frames
}

/// A session and its clock.
pub(super) struct Rig {
    pub(super) session: Session,
    pub(super) now: Instant,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(super) fn with(config: Config) -> Self {
        let now = Instant::now();
        Self { session: Session::new(now, Arc::new(config)), now }
    }

    /// A rig whose client `u` of room `r` is authenticated, with everything so far drained.
    pub(super) fn bound() -> Self {
        let mut rig = Self::new();
        rig.introduce(true);
        rig
    }

    pub(super) fn introduce(&mut self, admitted: bool) {
        self.say(CONNECT);
        self.say("PING\r\n");
        self.session.accept(self.now, bound(admitted));
        self.events();
        self.frames();
    }

    pub(super) fn say(&mut self, text: &str) {
        self.session.handle_bytes(self.now, text.as_bytes());
    }

    pub(super) fn publish(&mut self, subject: &str, reply: Option<&str>, payload: &str) {
        let reply = reply.map(|reply| format!(" {reply}")).unwrap_or_default();
        self.say(&format!("PUB {subject}{reply} {}\r\n{payload}\r\n", payload.len()));
    }

    /// The inboxes of the stock client and a pull of 100.
    pub(super) fn consume(&mut self) {
        self.say("SUB _INBOX.A.* 1\r\nSUB _INBOX.B.1 2\r\n");
        self.publish("$JS.API.CONSUMER.MSG.NEXT.pnm-room-stream.r_u", Some("_INBOX.B.1"), PULL);
        assert_eq!(self.events(), [Event::Credit { available: 100 }]);
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
    }

    /// Lets time pass as the owner would, with a client that pings every ten seconds.
    pub(super) fn wait_alive(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let ping = self.now + Duration::from_secs(10);
            let due = self.session.poll_timeout().unwrap_or(end).max(self.now + Duration::from_millis(1));
            self.now = end.min(ping).min(due);
            self.session.handle_timeout(self.now);
            self.say("PONG\r\n");
        }
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    pub(super) fn bytes(&mut self) -> Vec<u8> {
        std::iter::from_fn(|| self.session.poll_transmit()).flatten().collect()
    }

    pub(super) fn frames(&mut self) -> Vec<Frame> {
        parse_frames(&self.bytes())
    }
}

pub(super) fn bound(admitted: bool) -> Bound {
    Bound { room: "r".to_owned(), user: "u".to_owned(), admitted }
}

pub(super) fn delivery(stream_seq: u64, payload: &'static str) -> Delivery {
    Delivery {
        subject: DeliverySubject::Private,
        stream_seq,
        consumer_seq: 1,
        deliveries: 1,
        timestamp_ns: 1_795_448_545_569_000_000,
        pending: 0,
        payload: Bytes::from_static(payload.as_bytes()),
        from: None,
    }
}
