//! Whether a shard still goes round.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A shard looks around at least twice a second. One that has not for so long hangs.
const HANGS: Duration = Duration::from_secs(10);

/// When a shard last went round.
#[derive(Debug)]
pub(crate) struct Pulse {
    began: Instant,
    /// Milliseconds since then.
    last: AtomicU64,
}

impl Pulse {
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, last: AtomicU64::new(0) }
    }

    /// The shard goes round.
    pub(crate) fn beat(&self, now: Instant) {
        self.last.store(self.millis(now), Ordering::Relaxed);
    }

    /// Whether it has lately.
    pub(crate) fn is_felt(&self, now: Instant) -> bool {
        let silent = self.millis(now).saturating_sub(self.last.load(Ordering::Relaxed));
        Duration::from_millis(silent) < HANGS
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_not_gone_round_for_long_hangs() {
        let now = Instant::now();
        let pulse = Pulse::new(now);
        assert!(pulse.is_felt(now + HANGS / 2) && !pulse.is_felt(now + HANGS));
        pulse.beat(now + HANGS);
        assert!(pulse.is_felt(now + HANGS * 3 / 2));
        assert!(pulse.is_felt(now), "clocks of two threads may differ");
    }
}
