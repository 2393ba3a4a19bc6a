//! How far somebody who sends is ahead of a rate.

use std::time::{Duration, Instant};

/// No more than what a rate carries in that time is made up for: who sent too much for long is not silent for long.
const LONGEST_DEBT: Duration = Duration::from_millis(500);

/// Bits that were sent and that a rate has not made up for yet.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    bits: f64,
    at: Option<Instant>,
}

impl Bucket {
    /// Lets time pass at that rate, in bits per second. Time that has passed already does not pass again: deadlines are
    /// carried out a little early.
    pub(super) fn settle(&mut self, now: Instant, rate: u64) {
        let before = self.at.unwrap_or(now);
        self.at = Some(now.max(before));
        let most = bits(rate, LONGEST_DEBT);
        self.bits = (self.bits.min(most) - bits(rate, now.saturating_duration_since(before))).max(0.0);
    }

    /// Until when time passed.
    pub(super) fn settled(&self) -> Option<Instant> {
        self.at
    }

    /// So many bytes were sent.
    pub(super) fn add(&mut self, bytes: usize) {
        let bits = bytes as f64 * 8.0;
        self.bits += bits;
    }

    /// When no more than `ahead` is left of it at that rate; `None` if so already.
    pub(super) fn due(&self, rate: u64, ahead: Duration) -> Option<Instant> {
        let more = self.bits - bits(rate, ahead);
        if more <= 0.0 {
            return None;
        }
        let seconds = more / (rate.max(1) as f64);
        // Rounded up, or the moment would come too early for ever.
        let wait = Duration::from_secs_f64(seconds.min(60.0)) + Duration::from_micros(1);
        self.at.map(|at| at + wait)
    }
}

/// What a rate carries in that time.
pub(super) fn bits(rate: u64, time: Duration) -> f64 {
    let rate = rate as f64;
    rate * time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_says_when_there_is_room_again() {
        let now = Instant::now();
        let ahead = Duration::from_millis(1);
        let mut bucket = Bucket::default();
        bucket.settle(now, 1_000_000);
        assert_eq!(bucket.due(1_000_000, ahead), None);
        bucket.add(1000);
        let due = bucket.due(1_000_000, ahead).unwrap();
        assert_eq!(due, now + Duration::from_micros(7001));
        bucket.settle(due, 1_000_000);
        assert_eq!(bucket.due(1_000_000, ahead), None);
        bucket.settle(due + Duration::from_secs(1), 1_000_000);
        bucket.add(10);
        assert_eq!(bucket.due(1_000_000, ahead), None, "time in which nothing was sent is not saved up");
    }

    #[test]
    fn time_passes_once() {
        let now = Instant::now();
        let early = now + Duration::from_millis(1);
        let mut bucket = Bucket::default();
        bucket.settle(now, 1_000_000);
        bucket.add(1000);
        for at in [early, now, early, now, early] {
            bucket.settle(at, 1_000_000);
        }
        assert_eq!(bucket.due(1_000_000, Duration::ZERO), Some(now + Duration::from_micros(8001)));
    }
}
