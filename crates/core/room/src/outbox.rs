//! A person's mail: reliable, ordered, acknowledged, redelivered after a reconnect (meeting-protocol.md section 3.8).

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::UserId;

/// Without an acknowledgement for this long a message is sent again (reference `AckWait`).
const ACK_WAIT: Duration = Duration::from_secs(30);
/// Waits after the first, second and third refusal; then the message is dropped (hardening rule S4).
const NAK_BACKOFF: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];
/// How often one message is sent at most to a client that refuses it.
const MAX_DELIVERIES: u32 = 4;
/// How often one message is sent at most to a client that says nothing: a message too large for somebody's network
/// must not end every connection of theirs, nor keep what is behind it.
const MAX_ATTEMPTS: u32 = 8;
/// How many messages may be under way without an acknowledgement (reference `MaxAckPending`).
const MAX_UNACKED: usize = 1000;
/// See [`MAX_UNACKED`], in bytes of payload; the message that passes it is the last one.
const MAX_UNACKED_BYTES: usize = 16 * 1024 * 1024;
/// What waits for somebody who does not read; beyond it the oldest goes first.
const MAX_QUEUED: usize = 2000;
/// See [`MAX_QUEUED`], in bytes of payload.
const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;
/// So many numbers are set aside in the journal at once, so that one is never given twice over a restart.
const NUMBERS_ASIDE: u64 = 1024;

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
    /// The true sender where what it carries is unreadable to us; travels as a header (hardening rule I2).
    pub from: Option<UserId>,
}

/// A question that is asked once and was acknowledged: who asked waits for the answer however long it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    InitialData,
    JoinedUsers,
    MediaServerData,
}

/// What becomes of a message when the process dies before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Nothing: whoever comes back is brought up to date without it.
    No,
    /// It is in the journal and is sent by the next process.
    Letter,
    /// The question is in the journal and is answered anew by the next process.
    Answer(Question),
}

/// A message to put in.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) route: Route,
    pub(crate) unix_ms: i64,
    pub(crate) payload: Bytes,
    pub(crate) keep: Keep,
    /// See [`Delivery::from`].
    pub(crate) from: Option<UserId>,
}

/// Whether a message found its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It did.
    Fits,
    /// It did, and another had to go for it.
    Overflow,
}

#[derive(Debug)]
struct Sealed {
    letter: Letter,
    stream_seq: u64,
    deliveries: u32,
    refusals: usize,
}

#[derive(Debug)]
struct Unacked {
    sealed: Sealed,
    due: Instant,
    /// Number of the last public message said before it was sent, which the socket got first.
    said: u64,
}

/// What the journal keeps of an entry.
#[derive(Debug)]
pub(crate) enum Kept<'a> {
    Letter(&'a Letter),
    Question(Question),
}

/// See the module's words.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    last_stream_seq: u64,
    /// Numbers up to this one are set aside in the journal.
    set_aside: u64,
    last_consumer_seq: u64,
    credit: u32,
    waiting: VecDeque<Sealed>,
    waiting_bytes: usize,
    unacked: BTreeMap<u64, Unacked>,
    unacked_bytes: usize,
    /// Something was dropped since the last connection.
    overflowed: bool,
    /// Questions of the last process, by the numbers their answers had.
    owed: BTreeMap<u64, Question>,
    /// Numbers whose journal entry changed.
    touched: Vec<u64>,
    /// Number of the last message that brings missed chat: what is acknowledged before it says nothing about chat.
    catching_up: u64,
}

impl Outbox {
    /// As the journal has it: every number up to `set_aside` may have been given.
    pub(crate) fn restored(set_aside: u64, letters: Vec<(u64, Letter)>, owed: BTreeMap<u64, Question>) -> Self {
        let mut outbox =
            Self { last_stream_seq: set_aside, last_consumer_seq: set_aside, set_aside, owed, ..Self::default() };
        for (stream_seq, letter) in letters {
            outbox.waiting_bytes += letter.payload.len();
            outbox.waiting.push_back(Sealed { letter, stream_seq, deliveries: 0, refusals: 0 });
        }
        outbox
    }

    /// Puts a message in. When too much waits, the oldest waiting message is dropped, those that the journal keeps
    /// last: whoever does not read for that long is resynchronised at the next connection anyway. A message that alone
    /// is too much is not taken.
    pub(crate) fn push(&mut self, letter: Letter) -> Put {
        if letter.payload.len() > MAX_QUEUED_BYTES {
            return Put::Overflow;
        }
        self.last_stream_seq += 1;
        self.waiting_bytes += letter.payload.len();
        let stream_seq = self.last_stream_seq;
        self.touch(stream_seq, letter.keep);
        self.waiting.push_back(Sealed { letter, stream_seq, deliveries: 0, refusals: 0 });
        let mut put = Put::Fits;
        while self.waiting.len() > MAX_QUEUED || self.waiting_bytes > MAX_QUEUED_BYTES {
            put = Put::Overflow;
            self.overflowed = true;
            let first = self.waiting.iter().position(|sealed| sealed.letter.keep == Keep::No).unwrap_or_default();
            let Some(dropped) = self.waiting.remove(first) else { break };
            self.waiting_bytes -= dropped.letter.payload.len();
            self.touch(dropped.stream_seq, dropped.letter.keep);
        }
        put
    }

    /// A new connection after too much piled up: it is brought up to date, so only what the journal keeps is still
    /// worth sending, and of that so much that there is room for the rest.
    pub(crate) fn make_room(&mut self) {
        if !std::mem::take(&mut self.overflowed) {
            return;
        }
        for sealed in std::mem::take(&mut self.waiting) {
            if sealed.letter.keep == Keep::No {
                self.waiting_bytes -= sealed.letter.payload.len();
            } else {
                self.waiting.push_back(sealed);
            }
        }
        while self.waiting.len() > MAX_QUEUED / 2 || self.waiting_bytes > MAX_QUEUED_BYTES / 2 {
            let Some(dropped) = self.waiting.pop_front() else { break };
            self.waiting_bytes -= dropped.letter.payload.len();
            self.touch(dropped.stream_seq, dropped.letter.keep);
        }
    }

    /// Sets numbers aside if that is necessary; then the person's entry must be journalled with the new bound.
    pub(crate) const fn set_numbers_aside(&mut self) -> bool {
        let short = self.last_stream_seq >= self.set_aside;
        if short {
            self.set_aside = self.last_stream_seq + NUMBERS_ASIDE;
        }
        short
    }

    /// See [`Self::restored`].
    pub(crate) const fn set_aside(&self) -> u64 {
        self.set_aside
    }

    /// How many messages the consumer would take now.
    pub(crate) const fn set_credit(&mut self, available: u32) {
        self.credit = available;
    }

    /// The next message to send, or `None` if there is none or the consumer takes none. `said` is the number of the last
    /// public chat message.
    pub(crate) fn next_delivery(&mut self, now: Instant, said: u64) -> Option<Delivery> {
        if self.credit == 0 || self.unacked.len() >= MAX_UNACKED || self.unacked_bytes >= MAX_UNACKED_BYTES {
            return None;
        }
        let mut sealed = self.waiting.pop_front()?;
        let length = sealed.letter.payload.len();
        self.waiting_bytes -= length;
        self.unacked_bytes += length;
        self.credit -= 1;
        self.last_consumer_seq += 1;
        sealed.deliveries += 1;
        let delivery = Delivery {
            route: sealed.letter.route,
            stream_seq: sealed.stream_seq,
            consumer_seq: self.last_consumer_seq,
            deliveries: sealed.deliveries,
            unix_ms: sealed.letter.unix_ms,
            pending: self.waiting.len() as u64,
            payload: sealed.letter.payload.clone(),
            from: sealed.letter.from.clone(),
        };
        let said = if sealed.stream_seq < self.catching_up { 0 } else { said };
        self.unacked.insert(sealed.stream_seq, Unacked { sealed, due: now + ACK_WAIT, said });
        Some(delivery)
    }

    /// The next so many messages bring chat that was missed.
    pub(crate) const fn expect_missed_chat(&mut self, messages: u64) {
        self.catching_up = self.last_stream_seq + messages;
    }

    /// The consumer is done with a message. Gives the number of a public chat message that its socket got before; 0 if
    /// that is not known.
    pub(crate) fn ack(&mut self, stream_seq: u64) -> u64 {
        let Some(Unacked { sealed, said, .. }) = self.unacked.remove(&stream_seq) else { return 0 };
        self.unacked_bytes -= sealed.letter.payload.len();
        self.touch(stream_seq, sealed.letter.keep);
        said
    }

    /// The consumer could not use a message: it comes again after a back-off, at most [`MAX_DELIVERIES`] times.
    /// `false` if it was given up.
    pub(crate) fn nak(&mut self, now: Instant, stream_seq: u64, delay: Option<Duration>) -> bool {
        let Some(Unacked { sealed, due, .. }) = self.unacked.get_mut(&stream_seq) else { return true };
        sealed.refusals += 1;
        match NAK_BACKOFF.get(sealed.refusals - 1) {
            Some(backoff) if sealed.deliveries < MAX_DELIVERIES => {
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
        if let Some(unacked) = self.unacked.get_mut(&stream_seq) {
            unacked.due = now + ACK_WAIT;
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
            self.unacked.iter().filter(|(_, unacked)| is_due(unacked.due)).map(|(seq, _)| *seq).rev().collect();
        for seq in due {
            let Some(Unacked { sealed, .. }) = self.unacked.remove(&seq) else { continue };
            let length = sealed.letter.payload.len();
            self.unacked_bytes -= length;
            let tries = if sealed.refusals == 0 { MAX_ATTEMPTS } else { MAX_DELIVERIES };
            if sealed.deliveries < tries {
                self.waiting_bytes += length;
                self.waiting.push_front(sealed);
            } else {
                self.touch(seq, sealed.letter.keep);
            }
        }
    }

    /// When a message comes due again, if one does.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.unacked.values().map(|unacked| unacked.due).min()
    }

    /// Nothing waits and nothing is unacknowledged.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.unacked.is_empty()
    }

    /// Questions that the last process acknowledged and did not live to see answered.
    pub(crate) fn take_owed(&mut self) -> Vec<Question> {
        let owed = std::mem::take(&mut self.owed);
        self.touched.extend(owed.keys());
        owed.into_values().collect()
    }

    /// Forgets everything but the numbering.
    pub(crate) fn clear(&mut self) {
        self.take_owed();
        let unacked = std::mem::take(&mut self.unacked).into_values().map(|unacked| unacked.sealed);
        let all: Vec<Sealed> = self.waiting.drain(..).chain(unacked).collect();
        for sealed in all {
            self.touch(sealed.stream_seq, sealed.letter.keep);
        }
        self.waiting_bytes = 0;
        self.unacked_bytes = 0;
    }

    /// A number whose journal entry must be written anew: as [`Self::kept`] says, or removed.
    pub(crate) fn next_touched(&mut self) -> Option<u64> {
        self.touched.pop()
    }

    pub(crate) const fn is_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// What the journal keeps under a number.
    pub(crate) fn kept(&self, stream_seq: u64) -> Option<Kept<'_>> {
        let waiting = || self.waiting.iter().find(|sealed| sealed.stream_seq == stream_seq);
        let sealed = self.unacked.get(&stream_seq).map(|unacked| &unacked.sealed).or_else(waiting)?;
        match sealed.letter.keep {
            Keep::No => None,
            Keep::Letter => Some(Kept::Letter(&sealed.letter)),
            Keep::Answer(question) => Some(Kept::Question(question)),
        }
    }

    fn touch(&mut self, stream_seq: u64, keep: Keep) {
        if keep != Keep::No {
            self.touched.push(stream_seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(payload: impl Into<Bytes>, keep: Keep) -> Letter {
        Letter { route: Route::Private, unix_ms: 0, payload: payload.into(), keep, from: None }
    }

    fn outbox_with(count: usize) -> Outbox {
        let mut outbox = Outbox::default();
        for n in 0..count {
            outbox.push(letter(n.to_string(), Keep::No));
        }
        outbox
    }

    fn drain(outbox: &mut Outbox, now: Instant) -> Vec<(u64, u32)> {
        std::iter::from_fn(|| outbox.next_delivery(now, 0)).map(|d| (d.stream_seq, d.deliveries)).collect()
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
        let first = outbox.next_delivery(Instant::now(), 0).unwrap();

        assert_eq!(first.stream_seq, 2 * MAX_QUEUED as u64 + 1);
        assert_eq!(first.pending, MAX_QUEUED as u64 - 1);
    }

    #[test]
    fn what_the_journal_keeps_is_dropped_last() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(letter("kept", Keep::Letter)), Put::Fits);
        for n in 1..MAX_QUEUED {
            assert_eq!(outbox.push(letter(n.to_string(), Keep::No)), Put::Fits);
        }
        assert_eq!(outbox.push(letter("one too many", Keep::No)), Put::Overflow);

        outbox.set_credit(10);
        assert_eq!(drain(&mut outbox, Instant::now())[..2], [(1, 1), (3, 1)]);
    }

    #[test]
    fn what_was_sent_does_not_take_the_place_of_what_waits() {
        let now = Instant::now();
        let mut outbox = Outbox::default();
        outbox.push(letter(vec![0; MAX_QUEUED_BYTES], Keep::No));
        outbox.set_credit(10);
        assert_eq!(drain(&mut outbox, now), [(1, 1)]);

        assert_eq!(outbox.push(letter("small", Keep::No)), Put::Fits);
        assert_eq!(drain(&mut outbox, now), [], "so much is under way already");
        outbox.ack(1);
        assert_eq!(drain(&mut outbox, now), [(2, 1)]);
    }

    #[test]
    fn a_message_that_no_connection_survives_is_given_up() {
        let now = Instant::now();
        let mut outbox = outbox_with(2);
        for attempt in 1..=MAX_ATTEMPTS {
            outbox.set_credit(1);
            assert_eq!(drain(&mut outbox, now), [(1, attempt)]);
            outbox.disconnected();
        }

        outbox.set_credit(1);
        assert_eq!(drain(&mut outbox, now), [(2, 1)]);
    }

    #[test]
    fn an_acknowledgement_tells_how_much_chat_its_socket_had_got() {
        let now = Instant::now();
        let mut outbox = outbox_with(1);
        outbox.expect_missed_chat(2);
        outbox.push(letter("missed", Keep::No));
        outbox.push(letter("missed as well", Keep::No));
        outbox.push(letter("after", Keep::No));
        outbox.set_credit(10);
        while outbox.next_delivery(now, 7).is_some() {}

        assert_eq!(outbox.ack(1), 0, "what was missed is still to come");
        assert_eq!(outbox.ack(3), 7);
        assert_eq!(outbox.ack(4), 7);
        assert_eq!(outbox.ack(4), 0, "once");
    }

    #[test]
    fn only_what_nobody_can_make_again_is_touched() {
        let mut outbox = Outbox::default();
        outbox.push(letter("state", Keep::No));
        outbox.push(letter("word", Keep::Letter));
        outbox.push(letter("answer", Keep::Answer(Question::InitialData)));
        let mut touched: Vec<u64> = std::iter::from_fn(|| outbox.next_touched()).collect();
        touched.sort_unstable();

        assert_eq!(touched, [2, 3]);
        assert!(matches!(outbox.kept(2), Some(Kept::Letter(_))));
        assert!(matches!(outbox.kept(3), Some(Kept::Question(Question::InitialData))));
        outbox.set_credit(3);
        drain(&mut outbox, Instant::now());
        outbox.ack(2);
        assert_eq!(outbox.next_touched(), Some(2));
        assert!(outbox.kept(2).is_none());
    }
}
