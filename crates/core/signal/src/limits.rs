//! How much one session may ask for (media-protocol.md section 25, H6).

use std::time::{Duration, Instant};

/// A bucket that refills steadily and holds a burst.
#[derive(Debug)]
pub(crate) struct Bucket {
    level: f64,
    burst: f64,
    per_second: f64,
    filled: Instant,
    /// Since when more is owed than it can hold, of what was lent.
    indebted: Option<Instant>,
}

impl Bucket {
    pub(crate) fn new(per_second: f64, burst: f64, now: Instant) -> Self {
        Self { level: burst, burst, per_second, filled: now, indebted: None }
    }

    /// Takes `amount` out; `false` if there is not enough.
    pub(crate) fn take(&mut self, amount: f64, now: Instant) -> bool {
        self.fill(now);
        if self.level < amount {
            return false;
        }
        self.level -= amount;
        true
    }

    /// Takes `amount` out, what is missing on credit. Of an empty bucket nothing is taken: then it says when to come again.
    pub(crate) fn charge(&mut self, amount: f64, now: Instant) -> Result<(), Instant> {
        /// Rounding must not make that a moment too early.
        const MARGIN: Duration = Duration::from_millis(1);
        self.fill(now);
        if self.level < 1.0 {
            return Err(now + Duration::from_secs_f64((1.0 - self.level) / self.per_second) + MARGIN);
        }
        self.level -= amount;
        Ok(())
    }

    /// Takes `amount` out, on credit if need be: it was more than had been asked for.
    pub(crate) fn owe(&mut self, amount: f64) {
        self.level -= amount;
    }

    /// Takes `amount` out, what is missing on credit. `false` if more than it can hold is owed, and has been for a while: what comes
    /// at once was under way before anybody could stop it, however much it is.
    pub(crate) fn lend(&mut self, amount: f64, now: Instant) -> bool {
        /// How long whoever is to rest may take to do so.
        const PATIENCE: Duration = Duration::from_millis(500);
        self.fill(now);
        if self.level >= -self.burst {
            self.indebted = None;
        } else if now.saturating_duration_since(*self.indebted.get_or_insert(now)) > PATIENCE {
            return false;
        }
        // Nobody rests for longer than that takes.
        self.level = (self.level - amount).max(-2.0 * self.burst);
        true
    }

    /// Of an empty bucket: when it has so much again.
    pub(crate) fn refilled(&self, amount: f64) -> Option<Instant> {
        (self.level < 1.0).then(|| self.filled + Duration::from_secs_f64((amount - self.level) / self.per_second))
    }

    fn fill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.level = (self.level + elapsed * self.per_second).min(self.burst);
    }
}

/// The buckets of one session.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Signal messages of any kind.
    pub(crate) messages: Bucket,
    /// Their bytes: in a large room a description has hundreds of thousands, and every newcomer makes another.
    pub(crate) bytes: Bucket,
    /// Offers: each costs a negotiation.
    pub(crate) offers: Bucket,
    /// Messages that make everybody in the room receive one, and as many again as their length is worth.
    pub(crate) broadcasts: Bucket,
    /// Choices of an audience: each may change what everybody in the room receives.
    pub(crate) audiences: Bucket,
    /// Requests to publish a track: everybody negotiates for each.
    pub(crate) publications: Bucket,
    /// Messages on data channels: each goes to everybody.
    pub(crate) data_messages: Bucket,
    /// Bytes on data channels.
    pub(crate) data: Bucket,
}

impl Limits {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            messages: Bucket::new(100.0, 1000.0, now),
            bytes: Bucket::new(512.0 * 1024.0, 8.0 * 1024.0 * 1024.0, now),
            offers: Bucket::new(10.0, 30.0, now),
            broadcasts: Bucket::new(20.0, 100.0, now),
            audiences: Bucket::new(2.0, 30.0, now),
            publications: Bucket::new(2.0, 50.0, now),
            data_messages: Bucket::new(500.0, 2000.0, now),
            data: Bucket::new(2_000_000.0, 8_000_000.0, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 3.0, start);
        assert!((0..3).all(|_| bucket.take(1.0, start)));
        assert!(!bucket.take(1.0, start));
        assert!(bucket.take(1.0, start + Duration::from_millis(100)));
        assert!(!bucket.take(1.0, start + Duration::from_millis(150)));
    }

    #[test]
    fn a_bucket_lends_as_much_as_it_holds_and_says_when_it_is_worth_while_to_come_again() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 3.0, start);
        assert!(bucket.lend(2.0, start));
        assert_eq!(bucket.refilled(2.0), None);
        assert!(bucket.lend(2.0, start));
        assert_eq!(bucket.refilled(2.0), Some(start + Duration::from_millis(300)));
    }

    #[test]
    fn of_more_than_a_bucket_can_lend_what_comes_at_once_is_lent_and_what_comes_later_is_not() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let mut bucket = Bucket::new(1.0, 3.0, start);
        assert!((0..100).all(|_| bucket.lend(1.0, start)));
        assert_eq!(bucket.refilled(2.0), Some(start + Duration::from_secs(8)), "twice as much as it holds is owed");
        assert!(bucket.lend(1.0, after(400)), "a rest takes its time to be noticed");
        assert!(!bucket.lend(1.0, after(600)));
        assert!(bucket.lend(1.0, after(5000)), "it is paid back");
    }

    #[test]
    fn a_bucket_gives_more_than_it_has_once_and_says_when_that_is_paid_back() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 3.0, start);
        assert_eq!(bucket.charge(22.0, start), Ok(()));
        let Err(due) = bucket.charge(1.0, start) else { panic!("empty") };
        assert!((2000..2010).contains(&due.duration_since(start).as_millis()), "19 are missing, and one is wanted");
        assert!(bucket.charge(1.0, due - Duration::from_millis(5)).is_err());
        assert_eq!(bucket.charge(1.0, due), Ok(()));
    }
}
