//! Packets of a stream that were lost on their way here, and will not come any more.
//!
//! Receivers that miss one wait for seconds before they ask for a key frame: they believe that it may still be repaired. Here it is
//! known sooner.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What has not come after so long was asked for several times.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// What comes so many numbers late is not taken any more (the stack's limit).
const LATEST: u64 = 100;

/// A larger jump of the numbers ahead is not repaired, and one back is of a stream that begins anew.
const MAX_GAP: u64 = 1000;

/// The missing packets of one stream.
#[derive(Debug, Clone, Default)]
pub struct Missing {
    highest: Option<u64>,
    /// Runs of numbers that have not come, from the lowest to the highest: the first and last number, and when they were missed.
    runs: VecDeque<Run>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    first: u64,
    last: u64,
    since: Instant,
}

/// So many runs are kept; more mean that the oldest will not come.
const MOST: usize = 32;

impl Missing {
    /// The packet with that extended number came. Answers the highest number that is given up now, if there is one.
    pub fn on_packet(&mut self, number: u64, now: Instant) -> Option<u64> {
        let highest = self.highest.unwrap_or(number.wrapping_sub(1));
        let ahead = number.wrapping_sub(highest);
        if (1..=MAX_GAP).contains(&ahead) {
            self.highest = Some(number);
            if ahead > 1 {
                self.runs.push_back(Run { first: highest.wrapping_add(1), last: number.wrapping_sub(1), since: now });
            }
        } else if highest.wrapping_sub(number) <= MAX_GAP {
            self.came(number);
        } else {
            *self = Self { highest: Some(number), runs: VecDeque::new() };
            return (number > highest).then(|| number - 1);
        }
        self.give_up(now)
    }

    /// One that was missing came late.
    fn came(&mut self, number: u64) {
        let Some(index) = self.runs.iter().position(|run| (run.first..=run.last).contains(&number)) else { return };
        let run = self.runs[index];
        let before = Run { last: number.wrapping_sub(1), ..run };
        let after = Run { first: number.wrapping_add(1), ..run };
        match (run.first == number, run.last == number) {
            (true, true) => drop(self.runs.remove(index)),
            (true, false) => self.runs[index] = after,
            (false, true) => self.runs[index] = before,
            (false, false) => {
                self.runs[index] = before;
                self.runs.insert(index + 1, after);
            }
        }
    }

    fn give_up(&mut self, now: Instant) -> Option<u64> {
        let highest = self.highest?;
        let mut lost = None;
        while let Some(run) = self.runs.front() {
            let is_over = now.saturating_duration_since(run.since) >= PATIENCE
                || highest.wrapping_sub(run.last) > LATEST
                || self.runs.len() > MOST;
            if !is_over {
                break;
            }
            lost = Some(run.last);
            self.runs.pop_front();
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn what_does_not_come_is_given_up_after_a_while() {
        let now = Instant::now();
        let mut missing = Missing::default();
        for number in [70_000, 70_001, 70_003] {
            assert_eq!(missing.on_packet(number, now), None);
        }
        assert_eq!(missing.on_packet(70_004, now + PATIENCE - MILLI), None);
        assert_eq!(missing.on_packet(70_005, now + PATIENCE), Some(70_002));
        assert_eq!(missing.on_packet(70_006, now + 2 * PATIENCE), None, "told once");
    }

    #[test]
    fn what_would_come_too_late_is_given_up_at_once() {
        let now = Instant::now();
        let mut missing = Missing::default();
        missing.on_packet(0, now);
        let lost: Vec<(u64, u64)> =
            (3..200).filter_map(|number| Some((number, missing.on_packet(number, now)?))).collect();
        assert_eq!(lost, [(103, 2)]);
    }

    #[test]
    fn what_comes_late_is_not_missed() {
        let now = Instant::now();
        let mut missing = Missing::default();
        for number in [10, 15, 13, 11, 14, 12, 16] {
            missing.on_packet(number, now);
        }
        assert_eq!(missing.on_packet(17, now + PATIENCE), None);
    }

    #[test]
    fn a_stream_that_begins_anew_misses_nothing() {
        let now = Instant::now();
        let mut missing = Missing::default();
        for number in [40_000, 40_002, 5] {
            assert_eq!(missing.on_packet(number, now), None);
        }
        assert_eq!(missing.on_packet(6, now + PATIENCE), None);
        assert_eq!(missing.on_packet(5000, now + PATIENCE), Some(4999), "more is missing than could be repaired");
    }

    proptest! {
        /// Whatever comes in whatever order: nothing that came is given up, and what is remembered has an end.
        #[test]
        fn nothing_that_came_is_given_up(steps in proptest::collection::vec((0u64..60, 0u64..40), 0..300)) {
            let start = Instant::now();
            let mut missing = Missing::default();
            let mut came = std::collections::HashSet::new();
            for (index, (ahead, millis)) in steps.into_iter().enumerate() {
                let number = 1000 + index as u64 * 20 + ahead;
                came.insert(number);
                let lost = missing.on_packet(number, start + MILLI * (index as u32 * 40 + millis as u32));
                prop_assert!(lost.is_none_or(|lost| !came.contains(&lost)));
                prop_assert!(missing.runs.len() <= MOST);
            }
        }
    }
}
