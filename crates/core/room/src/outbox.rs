//! A person's mail: reliable, ordered, acknowledged, redelivered after a reconnect (meeting-protocol.md section 3.8).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

/// Without an acknowledgement for this long a message is sent again (reference `AckWait`).
const ACK_WAIT: Duration = Duration::from_secs(30);
/// Waits after the first, second and third refusal; then the message is dropped (hardening rule S4).
const NAK_BACKOFF: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];
/// How often one message is sent at most.
const MAX_DELIVERIES: u32 = 4;
/// How many messages may be under way without an acknowledgement (reference `MaxAckPending`).
const MAX_UNACKED: usize = 1000;
/// What waits for somebody who does not read; beyond it the oldest goes first.
const MAX_QUEUED: usize = 2000;
/// See [`MAX_QUEUED`], in bytes of payload.
const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;

/// Which subject a message arrives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `sysPublic.<room>.system`
    Public,
    /// `sysPrivate.<room>.<user>.system`
    Private,
}

/// One message on its way to one consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Subject to use.
    pub route: Route,
    /// Position among everything ever meant for this person; stays with the message.
    pub stream_seq: u64,
    /// Position among everything ever sent to this person, redeliveries included.
    pub consumer_seq: u64,
    /// How often this message was sent, this time included.
    pub deliveries: u32,
    /// When it was put in, unix milliseconds.
    pub unix_ms: i64,
    /// How many more wait behind it.
    pub pending: u64,
    /// Encoded `NatsMsgServerToClient`.
    pub payload: Bytes,
}

#[derive(Debug)]
struct Letter {
    route: Route,
    stream_seq: u64,
    unix_ms: i64,
    payload: Bytes,
    deliveries: u32,
    refusals: usize,
}

/// See the module's words.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    last_stream_seq: u64,
    last_consumer_seq: u64,
    credit: u32,
    bytes: usize,
    waiting: VecDeque<Letter>,
    unacked: BTreeMap<u64, (Letter, Instant)>,
}

impl Outbox {
    /// Puts a message in. When too much waits, the oldest waiting message is dropped: whoever does not read for that
    /// long is resynchronised at the next connection anyway. A message that alone is too much is not taken.
    pub(crate) fn push(&mut self, route: Route, unix_ms: i64, payload: Bytes) {
        if payload.len() > MAX_QUEUED_BYTES {
            return;
        }
        self.last_stream_seq += 1;
        self.bytes += payload.len();
        let stream_seq = self.last_stream_seq;
        self.waiting.push_back(Letter { route, stream_seq, unix_ms, payload, deliveries: 0, refusals: 0 });
        while self.waiting.len() > MAX_QUEUED || self.bytes > MAX_QUEUED_BYTES {
            let Some(dropped) = self.waiting.pop_front() else { break };
            self.bytes -= dropped.payload.len();
        }
    }

    /// How many messages the consumer would take now.
    pub(crate) const fn set_credit(&mut self, available: u32) {
        self.credit = available;
    }

    /// The next message to send, or `None` if there is none or the consumer takes none.
    pub(crate) fn next_delivery(&mut self, now: Instant) -> Option<Delivery> {
        if self.credit == 0 || self.unacked.len() >= MAX_UNACKED {
            return None;
        }
        let mut letter = self.waiting.pop_front()?;
        self.credit -= 1;
        self.last_consumer_seq += 1;
        letter.deliveries += 1;
        let delivery = Delivery {
            route: letter.route,
            stream_seq: letter.stream_seq,
            consumer_seq: self.last_consumer_seq,
            deliveries: letter.deliveries,
            unix_ms: letter.unix_ms,
            pending: self.waiting.len() as u64,
            payload: letter.payload.clone(),
        };
        self.unacked.insert(letter.stream_seq, (letter, now + ACK_WAIT));
        Some(delivery)
    }

    /// The consumer is done with a message.
    pub(crate) fn ack(&mut self, stream_seq: u64) {
        if let Some((letter, _)) = self.unacked.remove(&stream_seq) {
            self.bytes -= letter.payload.len();
        }
    }

    /// The consumer could not use a message: it comes again after a back-off, at most [`MAX_DELIVERIES`] times.
    /// `false` if it was given up.
    pub(crate) fn nak(&mut self, now: Instant, stream_seq: u64, delay: Option<Duration>) -> bool {
        let Some((letter, due)) = self.unacked.get_mut(&stream_seq) else { return true };
        letter.refusals += 1;
        match NAK_BACKOFF.get(letter.refusals - 1) {
            Some(backoff) if letter.deliveries < MAX_DELIVERIES => {
                *due = now + delay.unwrap_or_default().clamp(*backoff, ACK_WAIT);
                true
            }
            _ => {
                self.ack(stream_seq);
                false
            }
        }
    }

    /// The consumer needs more time for a message.
    pub(crate) fn working(&mut self, now: Instant, stream_seq: u64) {
        if let Some((_, due)) = self.unacked.get_mut(&stream_seq) {
            *due = now + ACK_WAIT;
        }
    }

    /// The socket is gone: old acknowledgements can no longer arrive, so everything unacknowledged is first in line.
    pub(crate) fn disconnected(&mut self) {
        self.credit = 0;
        self.requeue(|_| true);
    }

    /// Puts messages whose time is up back in line.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.requeue(|due| due <= now);
    }

    fn requeue(&mut self, is_due: impl Fn(Instant) -> bool) {
        let due: Vec<u64> =
            self.unacked.iter().filter(|(_, (_, due))| is_due(*due)).map(|(seq, _)| *seq).rev().collect();
        for seq in due {
            let Some((letter, _)) = self.unacked.remove(&seq) else { continue };
            if letter.deliveries < MAX_DELIVERIES || letter.refusals == 0 {
                self.waiting.push_front(letter);
            } else {
                self.bytes -= letter.payload.len();
            }
        }
    }

    /// When a message comes due again, if one does.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.unacked.values().map(|(_, due)| *due).min()
    }

    /// Nothing waits and nothing is unacknowledged.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.unacked.is_empty()
    }

    /// Forgets everything but the numbering.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.unacked.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox_with(count: usize) -> Outbox {
        let mut outbox = Outbox::default();
        for n in 0..count {
            outbox.push(Route::Private, 0, Bytes::from(n.to_string()));
        }
        outbox
    }

    fn drain(outbox: &mut Outbox, now: Instant) -> Vec<(u64, u32)> {
        std::iter::from_fn(|| outbox.next_delivery(now)).map(|d| (d.stream_seq, d.deliveries)).collect()
    }

    #[test]
    fn nothing_leaves_without_credit() {
        let now = Instant::now();
        let mut outbox = outbox_with(3);

        assert_eq!(drain(&mut outbox, now), []);
        outbox.set_credit(2);
        assert_eq!(drain(&mut outbox, now), [(1, 1), (2, 1)]);
    }

    #[test]
    fn a_reconnect_redelivers_what_was_not_acknowledged_first_and_in_order() {
        let now = Instant::now();
        let mut outbox = outbox_with(4);
        outbox.set_credit(3);
        drain(&mut outbox, now);
        outbox.ack(2);

        outbox.disconnected();
        outbox.set_credit(100);

        assert_eq!(drain(&mut outbox, now), [(1, 2), (3, 2), (4, 1)]);
    }

    #[test]
    fn an_unacknowledged_message_comes_again_after_thirty_seconds() {
        let now = Instant::now();
        let mut outbox = outbox_with(1);
        outbox.set_credit(10);
        drain(&mut outbox, now);

        outbox.handle_timeout(now + Duration::from_secs(29));
        assert_eq!(drain(&mut outbox, now), []);
        let due = outbox.poll_timeout().unwrap();
        outbox.handle_timeout(due);
        assert_eq!(drain(&mut outbox, due), [(1, 2)]);
    }

    #[test]
    fn a_message_refused_four_times_is_dropped() {
        let mut now = Instant::now();
        let mut outbox = outbox_with(1);
        outbox.set_credit(10);

        for kept in [true, true, true, false] {
            assert_eq!(drain(&mut outbox, now).len(), 1);
            assert_eq!(outbox.nak(now, 1, None), kept);
            now += Duration::from_secs(40);
            outbox.handle_timeout(now);
        }
        assert!(outbox.is_idle());
    }

    #[test]
    fn the_outbox_of_somebody_who_never_reads_stays_bounded() {
        let mut outbox = outbox_with(3 * MAX_QUEUED);

        outbox.set_credit(1);
        let first = outbox.next_delivery(Instant::now()).unwrap();

        assert_eq!(first.stream_seq, 2 * MAX_QUEUED as u64 + 1);
        assert_eq!(first.pending, MAX_QUEUED as u64 - 1);
    }
}
