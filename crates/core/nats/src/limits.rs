//! The bounds of everything a client can make the session hold or do, and the two counters that enforce
//! rates.

use std::time::{Duration, Instant};

/// Longest control line, in bytes without its line end.
pub const MAX_CONTROL_LINE: usize = 4096;
/// Longest `CONNECT` line, in bytes without its line end; it carries the access token.
pub const MAX_CONNECT_LINE: usize = 16 * 1024;
/// Most bytes kept unread while the owner checks the token.
pub const MAX_HELD_BYTES: usize = 64 * 1024;
/// Largest chat message (section 2.10).
pub const MAX_CHAT_PAYLOAD: usize = 64 * 1024;
/// Largest whiteboard, data channel or reliable client message (section 2.10).
pub const MAX_BULK_PAYLOAD: usize = 8 * 1024 * 1024;
/// Largest message on any other subject (section 2.10).
pub const MAX_OTHER_PAYLOAD: usize = 256 * 1024;
/// Most subscriptions of one connection; the client needs six.
pub const MAX_SUBSCRIPTIONS: usize = 32;
/// Most open pulls of one connection; the oldest gives way to a new one.
pub const MAX_OPEN_PULLS: usize = 16;
/// Silence after which the client is taken for dead; it sends a PING every 10 s (section 2.5).
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(25);

/// Most reliable publishes that may wait for the owner's word.
pub(crate) const MAX_UNCONFIRMED: usize = 256;
/// Longest subject of a subscription.
pub(crate) const MAX_SUBSCRIBE_SUBJECT: usize = 256;
/// Longest subject of a publish or a reply; acknowledgement subjects carry five numbers after both ids.
pub(crate) const MAX_PUBLISH_SUBJECT: usize = 512;
/// Longest subscription id.
pub(crate) const MAX_SID: usize = 20;
/// Longest client name handed to the owner.
pub(crate) const MAX_NAME: usize = 256;
/// Time a client has from the first byte of the server to its CONNECT.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time the last words of a closing session have to leave.
pub(crate) const LINGER: Duration = Duration::from_secs(5);
/// Largest credit of one pull.
pub(crate) const MAX_BATCH: u32 = 10_000;
/// Shortest period of idle heartbeats, so that a client cannot ask for a storm.
pub(crate) const MIN_HEARTBEAT: Duration = Duration::from_secs(1);
/// Longest time span accepted from a client.
pub(crate) const MAX_SPAN: Duration = Duration::from_secs(3600);
/// How long a `no_wait` pull stays open for what is already queued.
pub(crate) const NO_WAIT_GRACE: Duration = Duration::from_millis(50);

/// A rate with a burst, as a virtual clock that runs ahead of time by what has been used (GCRA).
#[derive(Debug)]
pub(crate) struct Bucket {
    interval: Duration,
    ahead: Duration,
    clock: Instant,
}

impl Bucket {
    /// Allows `burst` operations at once and `per_second` sustained. Both must be positive.
    pub(crate) fn new(now: Instant, per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second;
        Self { interval, ahead: interval * (burst - 1), clock: now }
    }

    /// Takes one operation if the rate allows it.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let clock = self.clock.max(now);
        if clock.duration_since(now) > self.ahead {
            return false;
        }
        self.clock = clock + self.interval;
        true
    }
}

/// Counts refused operations, to tell a burst from a flood.
#[derive(Debug)]
pub(crate) struct Refusals {
    since: Instant,
    count: u32,
}

impl Refusals {
    const WINDOW: Duration = Duration::from_secs(10);
    const TOLERATED: u32 = 1000;

    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, count: 0 }
    }

    /// Notes one refusal; true when there have been too many within the window.
    pub(crate) fn note(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) > Self::WINDOW {
            *self = Self::new(now);
        }
        self.count += 1;
        self.count > Self::TOLERATED
    }
}

/// The rates of one connection (section 20, S3).
#[derive(Debug)]
pub(crate) struct Rates {
    pub(crate) chat: Bucket,
    pub(crate) whiteboard: Bucket,
    /// Generous, because droppable awareness updates are told apart only after decoding; the application applies the
    /// finer rule.
    pub(crate) data_channel: Bucket,
    pub(crate) js_worker: Bucket,
    pub(crate) core_worker: Bucket,
    pub(crate) acks: Bucket,
    /// PING, SUB, UNSUB and API requests.
    pub(crate) control: Bucket,
}

impl Rates {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            // The application's own limit is half of this, so that it can tell people that they write too fast.
            chat: Bucket::new(now, 10, 30),
            whiteboard: Bucket::new(now, 60, 180),
            data_channel: Bucket::new(now, 60, 180),
            js_worker: Bucket::new(now, 10, 40),
            core_worker: Bucket::new(now, 20, 60),
            acks: Bucket::new(now, 2000, 8000),
            control: Bucket::new(now, 100, 400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start, 5, 15);
        assert_eq!((0..100).filter(|_| bucket.take(start)).count(), 15);
        let second = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| bucket.take(second)).count(), 5);
        let hour = start + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| bucket.take(hour)).count(), 15, "a rest never saves up more than the burst");
    }

    #[test]
    fn refusals_count_only_within_their_window() {
        let start = Instant::now();
        let mut refusals = Refusals::new(start);
        assert!((0..1000).all(|_| !refusals.note(start)));
        assert!(refusals.note(start));
        assert!(!refusals.note(start + Duration::from_secs(11)));
    }
}
