//! How much of its time a shard has work to do, and when that is too much for more people.
//!
//! A shard that is never done lets everybody wait: packets stay in the kernel's queue until that overflows. So whoever is new
//! is refused before it comes to that, and those who are there keep what they have.

use std::time::{Duration, Instant};

/// One look at the load.
const WINDOW: Duration = Duration::from_secs(1);

/// A window with so large a share of work is full, in per cent. LiveKit refuses at as much.
const FULL: u32 = 90;

/// A shard is full after so many such windows in a row: hundreds who come at once need it for a moment, and that passes.
const PATIENCE: u32 = 5;

/// It takes people again after a window below that share.
const RELIEVED: u32 = 80;

/// The load of one shard.
#[derive(Debug)]
pub(crate) struct Load {
    window: Instant,
    idle: Duration,
    full_windows: u32,
    is_full: bool,
}

impl Load {
    pub(crate) fn new(now: Instant) -> Self {
        Self { window: now, idle: Duration::ZERO, full_windows: 0, is_full: false }
    }

    /// The shard had nothing to do from one moment to another, which is now. At the end of a window returns its share of
    /// work, in per cent.
    pub(crate) fn rested(&mut self, from: Instant, now: Instant) -> Option<u32> {
        self.idle += now.saturating_duration_since(from);
        let whole = now.saturating_duration_since(self.window);
        if whole < WINDOW {
            return None;
        }
        let idle = self.idle.min(whole).as_micros() * 100 / whole.as_micros().max(1);
        let share = 100 - u32::try_from(idle).unwrap_or(100).min(100);
        (self.window, self.idle) = (now, Duration::ZERO);
        self.full_windows = if share >= FULL { self.full_windows.saturating_add(1) } else { 0 };
        self.is_full = self.full_windows >= PATIENCE || (self.is_full && share >= RELIEVED);
        Some(share)
    }

    /// Whether nobody new should come.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Works through windows of that share, in turns of ten milliseconds.
    fn work(load: &mut Load, now: &mut Instant, windows: u32, share: u32) -> Option<u32> {
        let mut told = None;
        for _ in 0..windows * 100 {
            let rested = *now + Duration::from_micros(u64::from(share) * 100);
            *now += Duration::from_millis(10);
            told = load.rested(rested, *now).or(told);
        }
        told
    }

    #[test]
    fn a_shard_is_full_after_five_full_windows_and_takes_people_again_when_it_has_time() {
        let mut now = Instant::now();
        let mut load = Load::new(now);

        assert_eq!(work(&mut load, &mut now, 4, 97), Some(97));
        assert!(!load.is_full(), "a rush of people passes");
        work(&mut load, &mut now, 1, 60);
        work(&mut load, &mut now, 4, 97);
        assert!(!load.is_full());

        work(&mut load, &mut now, 1, 90);
        assert!(load.is_full());
        work(&mut load, &mut now, 1, 85);
        assert!(load.is_full(), "one more would fill it again");
        work(&mut load, &mut now, 1, 70);
        assert!(!load.is_full());
    }

    #[test]
    fn a_shard_that_sleeps_long_has_little_to_do() {
        let now = Instant::now();
        let mut load = Load::new(now);
        assert_eq!(load.rested(now, now + Duration::from_secs(30)), Some(0));
    }
}
