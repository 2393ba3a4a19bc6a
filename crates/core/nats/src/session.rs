//! The life of one connection: greeting, authentication, the owner's calls, timers and the end.

mod dispatch;

use std::{collections::VecDeque, sync::Arc, time::Instant};

use bytes::Bytes;

use crate::{
    Bound, CloseReason, Config, CoreMessage, Delivery, Event, NoCredit, ProtocolError, ack,
    config::{self, Names},
    control::Connect,
    limits::{self, Rates, Refusals},
    outgoing::Outgoing,
    parse::Parser,
    pull::{Notice, Pulls},
    reply::{self, Delivered},
    subscriptions::Subscriptions,
};

/// Most deliveries kept for the next pull; as many as may be unacknowledged.
const MAX_WAITING: usize = 1024;

/// One browser's connection.
///
/// Mutate, drain, mutate, drain: after every call that takes `&mut self`, poll events and chunks until both are
/// `None`, and call [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) says so. Time
/// never runs backwards between calls.
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    phase: Phase,
    /// The latest time the owner told.
    now: Instant,
    opened: Instant,
    last_heard: Instant,
    parser: Parser,
    /// Bytes received while the owner checks the token.
    held: Vec<u8>,
    client: Connect,
    admitted: bool,
    subscriptions: Subscriptions,
    pulls: Pulls,
    /// Deliveries the client has not asked for (any more): credit can shrink while they are on their way here.
    waiting: VecDeque<Delivery>,
    waiting_bytes: usize,
    last_delivered: Delivered,
    /// Deliveries that have not all left yet: number, and where they end in the queue.
    under_way: VecDeque<(u64, u64)>,
    publish_seq: u64,
    /// Reliable publishes the owner has not confirmed yet: their numbers and where to acknowledge them.
    receipts: VecDeque<(u64, String)>,
    rates: Rates,
    refusals: Refusals,
    outgoing: Outgoing,
    events: VecDeque<Event>,
    closing: Option<Closing>,
}

#[derive(Debug, Clone)]
enum Phase {
    /// INFO is sent, CONNECT must come.
    Greeting,
    /// The owner checks the token.
    Authenticating,
    /// The client is known and may use these subjects.
    Bound(Arc<Names>),
}

#[derive(Debug)]
struct Closing {
    reason: CloseReason,
    /// When to give up on sending the rest; set by the first timeout after the decision.
    deadline: Option<Instant>,
    told: bool,
}

impl Session {
    /// A fresh connection; INFO is ready to be polled.
    pub fn new(now: Instant, config: Arc<Config>) -> Self {
        let mut outgoing = Outgoing::default();
        outgoing.urgent(&reply::info(&config));
        Self {
            phase: Phase::Greeting,
            now,
            opened: now,
            last_heard: now,
            parser: Parser::new(config.max_payload),
            config,
            held: Vec::new(),
            client: Connect::default(),
            admitted: false,
            subscriptions: Subscriptions::default(),
            pulls: Pulls::default(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            last_delivered: Delivered::default(),
            under_way: VecDeque::new(),
            publish_seq: 0,
            receipts: VecDeque::new(),
            rates: Rates::new(now),
            refusals: Refusals::new(now),
            outgoing,
            events: VecDeque::new(),
            closing: None,
        }
    }

    /// Takes the next bytes of the client's stream, cut anywhere. Ignored once the session is closing.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.now = now;
        if !bytes.is_empty() {
            self.last_heard = now;
        }
        self.consume(now, bytes);
    }

    /// Lets time pass: pulls expire, heartbeats go out, dead clients are given up. Harmless to call early or twice.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        if let Some(closing) = &mut self.closing {
            let deadline = *closing.deadline.get_or_insert(now + limits::LINGER);
            if deadline <= now {
                self.outgoing.clear();
            }
            return;
        }
        if self.last_heard + limits::IDLE_TIMEOUT <= now {
            return self.abandon(CloseReason::Idle);
        }
        if matches!(self.phase, Phase::Greeting) && self.opened + limits::CONNECT_TIMEOUT <= now {
            return self.fail("Authentication Timeout", CloseReason::AuthTimeout);
        }
        let mut notices = Vec::new();
        let changed = self.pulls.handle_timeout(now, &mut notices);
        self.notify(notices);
        if changed {
            self.credit_changed();
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) if nothing happens before. May lie in the past: then at
    /// once. `None` after [`Event::Close`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        if let Some(closing) = &self.closing {
            return match closing.deadline {
                _ if closing.told => None,
                Some(deadline) if !self.outgoing.is_empty() => Some(deadline),
                _ => Some(self.now),
            };
        }
        let idle = self.last_heard + limits::IDLE_TIMEOUT;
        let connect = matches!(self.phase, Phase::Greeting).then(|| self.opened + limits::CONNECT_TIMEOUT);
        [Some(idle), connect, self.pulls.poll_timeout()].into_iter().flatten().min()
    }

    /// The next thing the owner must know. [`Event::Close`] comes when all chunks have been polled, or could not be
    /// for five seconds; it is the last one.
    pub fn poll_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            return Some(match event {
                Event::Credit { .. } => Event::Credit { available: self.credit() },
                other => other,
            });
        }
        let closing = self.closing.as_mut().filter(|closing| !closing.told && self.outgoing.is_empty())?;
        closing.told = true;
        Some(Event::Close(closing.reason.clone()))
    }

    /// The next bytes for the socket, at most 16 KiB, never empty. One chunk fits one WebSocket frame, but chunks do
    /// not follow the borders of operations.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.outgoing.poll()
    }

    /// The token was good: answers the client's PING and reads on. Does nothing unless the owner was asked.
    pub fn accept(&mut self, now: Instant, bound: Bound) {
        self.now = now;
        if self.closing.is_some() || !matches!(self.phase, Phase::Authenticating) {
            return;
        }
        self.phase = Phase::Bound(Arc::new(Names::new(&self.config, &bound)));
        self.admitted = bound.admitted;
        let held = std::mem::take(&mut self.held);
        self.consume(now, &held);
    }

    /// The token was bad: tells the client and closes.
    pub fn reject(&mut self, now: Instant) {
        self.now = now;
        self.fail("Authorization Violation", CloseReason::AuthFailed);
    }

    /// Makes the client come back with its current token: tells it that its authentication expired and closes.
    pub fn expire_auth(&mut self) {
        self.fail("User Authentication Expired", CloseReason::AuthExpired);
    }

    /// Sends one reliable message on the oldest open pull.
    ///
    /// A message that crossed with an expiring pull waits here for the next one, and counts against
    /// [`Event::Credit`]; a repeated `stream_seq` replaces the waiting one. One that is still on its way out is not sent
    /// twice: on a slow line that would only make the next one later.
    ///
    /// # Errors
    ///
    /// [`NoCredit`] if too many wait already, or the session is not bound or is closing: the message stays the owner's.
    pub fn deliver(&mut self, now: Instant, delivery: Delivery) -> Result<(), NoCredit> {
        self.now = now;
        let Phase::Bound(names) = self.phase.clone() else { return Err(NoCredit) };
        if self.closing.is_some() {
            return Err(NoCredit);
        }
        while self.under_way.pop_front_if(|(_, end)| self.outgoing.is_polled(*end)).is_some() {}
        if self.under_way.iter().any(|(seq, _)| *seq == delivery.stream_seq) {
            self.credit_changed();
            return Ok(());
        }
        if self.waiting.is_empty() && self.try_deliver(now, &names, &delivery) {
            return Ok(());
        }
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.stream_seq == delivery.stream_seq) {
            self.waiting_bytes = self.waiting_bytes - waiting.payload.len() + delivery.payload.len();
            *waiting = delivery;
            return Ok(());
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(NoCredit);
        }
        self.waiting_bytes += delivery.payload.len();
        self.waiting.push_back(delivery);
        self.check_queue();
        Ok(())
    }

    /// Sends a fire-and-forget message if the client listens to its subject and is admitted. The owner leaves out the
    /// sender's own session (section 2.8: no echo).
    pub fn publish(&mut self, message: &CoreMessage) {
        let Phase::Bound(names) = self.phase.clone() else { return };
        if self.closing.is_some() || !self.admitted {
            return;
        }
        let subject = names.core(message.subject);
        let header = message.from.as_deref().filter(|_| self.client.headers).and_then(reply::sender);
        let sids: Vec<String> = self.subscriptions.exactly(subject).map(str::to_owned).collect();
        for sid in sids {
            self.send(subject, &sid, None, header.as_deref(), &message.payload);
        }
    }

    /// Lets the client out of the waiting room, or back into it. While not admitted its subscriptions are remembered
    /// but nothing is forwarded to it, and what it publishes for others is swallowed without an error, so that it
    /// keeps its subscriptions (section 4).
    pub fn set_admitted(&mut self, admitted: bool) {
        self.admitted = admitted;
    }

    /// Ends the session once everything queued so far has been polled.
    pub fn close(&mut self, reason: CloseReason) {
        if self.closing.is_none() {
            self.closing = Some(Closing { reason, deadline: None, told: false });
            self.held = Vec::new();
        }
    }

    /// Bytes on their way to the client, so that the owner can leave out droppable messages for slow clients. Beyond
    /// [`Config::max_queued`] the session closes itself.
    pub fn queued_bytes(&self) -> usize {
        self.outgoing.len() + self.waiting_bytes
    }

    /// How many reliable messages the client is ready to take beyond those already here.
    pub fn credit(&self) -> u32 {
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.pulls.credit().saturating_sub(waiting)
    }

    /// Bytes held for unfinished input.
    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> usize {
        self.parser.held() + self.held.len()
    }

    fn consume(&mut self, now: Instant, mut input: &[u8]) {
        while self.closing.is_none() {
            if matches!(self.phase, Phase::Authenticating) {
                return self.hold(input);
            }
            let cap = |subject: &str| match &self.phase {
                Phase::Bound(names) => config::payload_cap(names.target(&self.config, subject)),
                Phase::Greeting | Phase::Authenticating => 0,
            };
            match self.parser.next(&mut input, cap) {
                Ok(Some(op)) => self.handle_op(now, op),
                Ok(None) => return,
                Err(error) => self.protocol_error(error),
            }
        }
    }

    fn hold(&mut self, input: &[u8]) {
        if self.held.len() + input.len() > limits::MAX_HELD_BYTES {
            return self.abandon(CloseReason::TooLarge);
        }
        self.held.extend_from_slice(input);
    }

    fn protocol_error(&mut self, error: ProtocolError) {
        let (text, reason) = match error {
            _ if matches!(self.phase, Phase::Greeting) && error != ProtocolError::Connect => {
                ("Authorization Violation", CloseReason::Protocol(error))
            }
            ProtocolError::UnknownOperation => ("Unknown Protocol Operation", CloseReason::Protocol(error)),
            ProtocolError::LineTooLong => ("Maximum Control Line Exceeded", CloseReason::Protocol(error)),
            ProtocolError::PayloadTooLarge => ("Maximum Payload Violation", CloseReason::TooLarge),
            ProtocolError::Arguments
            | ProtocolError::PayloadEnd
            | ProtocolError::Connect
            | ProtocolError::SecondConnect => ("Parser Error", CloseReason::Protocol(error)),
        };
        self.fail(text, reason);
    }

    /// Tells the client what is wrong and closes.
    fn fail(&mut self, text: &str, reason: CloseReason) {
        if self.closing.is_none() {
            self.outgoing.urgent(&reply::error(text));
            self.close(reason);
        }
    }

    /// Closes without waiting for a client that does not listen anyway.
    fn abandon(&mut self, reason: CloseReason) {
        self.outgoing.clear();
        self.close(reason);
    }

    fn try_deliver(&mut self, now: Instant, names: &Names, delivery: &Delivery) -> bool {
        let subject = names.delivery(delivery.subject);
        let ack = ack::subject(&names.ack_prefix, delivery);
        let size = subject.len() + ack.len() + delivery.payload.len();
        let mut notices = Vec::new();
        let sid = self.pulls.take(now, size, &mut notices);
        if !notices.is_empty() {
            self.notify(notices);
            self.credit_changed();
        }
        let Some(sid) = sid else { return false };
        let Delivery { consumer_seq, stream_seq, pending, .. } = *delivery;
        self.last_delivered = Delivered { consumer_seq, stream_seq, pending };
        let header = delivery.from.as_deref().filter(|_| self.client.headers).and_then(reply::sender);
        self.send(subject, &sid, Some(&ack), header.as_deref(), &delivery.payload);
        self.under_way.push_back((stream_seq, self.outgoing.end()));
        true
    }

    /// Sends what waited for a pull, in order.
    fn deliver_waiting(&mut self, now: Instant, names: &Names) {
        while let Some(delivery) = self.waiting.pop_front() {
            if !self.try_deliver(now, names, &delivery) {
                self.waiting.push_front(delivery);
                return;
            }
            self.waiting_bytes -= delivery.payload.len();
        }
    }

    fn notify(&mut self, notices: Vec<Notice>) {
        if !self.client.headers {
            return;
        }
        for Notice { inbox, sid, status } in notices {
            let header = reply::status(status, self.last_delivered);
            self.send(&inbox, &sid, None, Some(&header), &Bytes::new());
        }
    }

    /// Queues one message for one subscription. Nothing follows the last words of a closing session.
    fn send(&mut self, subject: &str, sid: &str, reply: Option<&str>, header: Option<&str>, payload: &Bytes) {
        if self.closing.is_some() {
            return;
        }
        self.outgoing.frame(&reply::head(subject, sid, reply, header, payload.len()), payload);
        self.sent_on(sid);
    }

    fn sent_on(&mut self, sid: &str) {
        if self.subscriptions.count(sid) && self.pulls.drop_sid(sid) {
            self.credit_changed();
        }
        self.check_queue();
    }

    fn check_queue(&mut self) {
        if self.queued_bytes() > self.config.max_queued {
            self.abandon(CloseReason::SlowConsumer);
        }
    }

    /// The amount is filled in when the event is polled, so that it is never stale.
    fn credit_changed(&mut self) {
        self.events.push_back(Event::Credit { available: 0 });
    }
}
