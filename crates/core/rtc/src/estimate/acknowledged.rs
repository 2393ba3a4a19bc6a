//! How much arrived of late.

use super::bit_rate;

/// Parts of the time looked back on, their length in microseconds, and how many it takes to say something.
const PARTS: usize = 5;
const PART: i64 = 100_000;
const ENOUGH: usize = 3;

/// Parts that are long enough to tell what a line carries.
const MOMENTS: usize = 2;

/// Bytes over the arrival clock of the other side.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    /// Bytes of the parts that are complete, oldest first.
    parts: [u64; PARTS],
    complete: usize,
    /// When the part began that is not complete, and its bytes.
    since: Option<i64>,
    bytes: u64,
}

impl Acknowledged {
    /// A packet arrived; one that was overtaken counts as of now.
    pub(super) fn add(&mut self, arrived: i64, bytes: u64) {
        let since = *self.since.get_or_insert(arrived);
        let elapsed = arrived.saturating_sub(since);
        let parts = elapsed / PART;
        // Nothing for longer than is looked back on, or another clock: what was before says nothing.
        if parts > PARTS as i64 || elapsed < -PART {
            *self = Self { since: Some(arrived), bytes, ..Self::default() };
            return;
        }
        for _ in 0..parts {
            self.parts.rotate_left(1);
            self.parts[PARTS - 1] = std::mem::take(&mut self.bytes);
            self.complete = PARTS.min(self.complete + 1);
        }
        self.since = Some(since + parts.max(0) * PART);
        self.bytes += bytes;
    }

    /// Bits per second, once there is enough to tell.
    pub(super) fn rate(&self) -> Option<f64> {
        self.early().filter(|_| self.complete >= ENOUGH)
    }

    /// The same after the first moments already, which is right if the line was full from the beginning.
    pub(super) fn early(&self) -> Option<f64> {
        let recent = &self.parts[PARTS - self.complete..];
        (self.complete > 0).then(|| bit_rate(recent.iter().sum(), PART * self.complete as i64))
    }

    /// The most of it in some moments, the present one too: what a line carries that was full for that long.
    pub(super) fn most(&self) -> Option<f64> {
        let recent = &self.parts[PARTS - self.complete..];
        let present = self.bytes + self.parts[PARTS + 1 - MOMENTS..].iter().sum::<u64>();
        let most = recent.windows(MOMENTS).map(|parts| parts.iter().sum()).max().map(|most: u64| most.max(present));
        most.filter(|_| self.complete >= ENOUGH).map(|bytes| bit_rate(bytes, PART * MOMENTS as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_evenly_is_known_after_some_parts_and_a_change_half_a_second_later() {
        let mut acknowledged = Acknowledged::default();
        let mut now = 0;
        let mut arrive = |acknowledged: &mut Acknowledged, millis: i64, bytes| {
            for _ in 0..millis / 10 {
                acknowledged.add(now, bytes);
                now += 10_000;
            }
        };

        arrive(&mut acknowledged, 290, 1_250);
        assert_eq!(acknowledged.rate(), None);
        arrive(&mut acknowledged, 20, 1_250);
        assert_eq!(acknowledged.rate(), Some(1_000_000.0));
        arrive(&mut acknowledged, 200, 2_500);
        assert!(acknowledged.most().is_some_and(|most| most > 1_900_000.0));
        assert!(acknowledged.rate().is_some_and(|rate| rate < 1_500_000.0));
        arrive(&mut acknowledged, 600, 125);
        assert_eq!((acknowledged.rate(), acknowledged.most()), (Some(100_000.0), Some(100_000.0)));
    }

    #[test]
    fn what_arrives_at_once_after_a_hole_counts_at_once() {
        let mut acknowledged = Acknowledged::default();
        acknowledged.add(0, 1_000);
        acknowledged.add(510_000, 25_000);
        assert_eq!((acknowledged.rate(), acknowledged.most()), (Some(16_000.0), Some(1_000_000.0)));
    }

    #[test]
    fn a_pause_or_another_clock_begins_anew() {
        let mut acknowledged = Acknowledged::default();
        for arrived in [0, 100_000, 200_000, 300_000] {
            acknowledged.add(arrived, 1_000);
        }
        assert!(acknowledged.rate().is_some());
        for other in [i64::MIN, i64::MAX, 0, 5_000_000] {
            acknowledged.add(other, 1_000);
            assert_eq!(acknowledged.rate(), None);
        }
    }
}
