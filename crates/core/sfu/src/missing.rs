//! Packets of a stream that were lost on their way here, and will not come any more.
//!
//! Receivers that miss one wait for seconds before they ask for a key frame: they believe that it may still be repaired. Here it is
//! known sooner.

use crate::layers::{Layer, TEMPORAL, Temporal};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What has not come after so long was asked for several times.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// What comes so many numbers late is not taken any more (the stack's limit).
const LATEST: u64 = 100;

/// A larger jump of the numbers ahead is not repaired, and one back is of a stream that begins anew.
const MAX_GAP: u64 = 1000;

/// A key frame so many numbers ahead was one of a stream that has begun anew since.
const MANY: u64 = 1 << 15;

/// Where a packet stands among the pictures and layers of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// RTP timestamp; equal for all packets of a picture.
    pub timestamp: u32,
    /// What counts pictures or frames, if something does, and how many values it has.
    pub count: Option<(u16, u32)>,
    /// Spatial layer within the stream.
    pub spatial: Layer,
    /// Temporal layer.
    pub temporal: Temporal,
    /// The layer frame begins here.
    pub begins_frame: bool,
    /// The layer frame ends here.
    pub ends_frame: bool,
    /// The picture ends here.
    pub ends_picture: bool,
}

impl Place {
    /// No picture is between another one and this one's, unless it is the same.
    fn follows(&self, before: &Self) -> bool {
        match (before.count, self.count) {
            (Some((before, of)), Some((count, _))) => (u32::from(before) + 1) % of == u32::from(count),
            _ => false,
        }
    }
}

/// Of which layers packets may be that are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost(u16);

impl Lost {
    /// Of none: nothing is lost.
    pub const NOTHING: Self = Self(0);
    /// Of any.
    pub const ANYTHING: Self = Self(u16::MAX);

    /// Whether it is of what somebody gets who gets these layers and those below.
    pub fn concerns(self, spatial: Layer, temporal: Temporal) -> bool {
        let spatial = Layer::ALL.into_iter().filter(|layer| *layer <= spatial);
        spatial
            .flat_map(|layer| (0..=temporal.index()).map(move |index| bit(layer, index)))
            .any(|bit| self.0 & bit != 0)
    }

    /// What may be lost between two packets between which some are. What nobody can tell may be anything.
    fn between(before: Option<&Place>, behind: Option<&Place>) -> Self {
        let (Some(before), Some(behind)) = (before, behind) else { return Self::ANYTHING };
        let from = before.spatial.index() + usize::from(before.ends_frame);
        let to = (behind.spatial.index() + 1).saturating_sub(usize::from(behind.begins_frame));
        let of = |layers: &[Layer], temporal: Temporal| {
            Self(layers.iter().fold(0, |set, layer| set | bit(*layer, temporal.index())))
        };
        if before.timestamp == behind.timestamp {
            return of(Layer::ALL.get(from..to).unwrap_or_default(), behind.temporal);
        }
        if !behind.follows(before) {
            return Self::ANYTHING;
        }
        let rest = if before.ends_picture { &[] } else { Layer::ALL.get(from..).unwrap_or_default() };
        of(rest, before.temporal).and(of(&Layer::ALL[..to], behind.temporal))
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

fn bit(spatial: Layer, temporal: usize) -> u16 {
    1 << (spatial.index() * TEMPORAL + temporal)
}

/// The missing packets of one stream.
#[derive(Debug, Clone, Default)]
pub struct Missing {
    highest: Option<u64>,
    /// Where the highest packet stands that says so.
    place: Option<Place>,
    /// From there it can be decoded without what was before.
    keyed: Option<u64>,
    /// Runs of numbers that have not come, from the lowest to the highest.
    runs: VecDeque<Run>,
}

/// The first and last number of some that are missing, since when they are, and of which layers they may be.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u64,
    last: u64,
    since: Instant,
    lost: Lost,
}

/// So many runs are kept; more mean that the oldest will not come.
const MOST: usize = 32;

impl Missing {
    /// A key frame begins with that number, and nothing behind it has gone by.
    pub fn on_key_frame(&mut self, number: u64) {
        self.keyed = Some(number);
    }

    /// The packet with that extended number came, and says where it stands, unless it is padding. Answers what is given up now of
    /// what is behind the last key frame; mostly what follows cannot be decoded without it.
    pub fn on_packet(&mut self, number: u64, place: Option<Place>, now: Instant) -> Lost {
        let highest = self.highest.unwrap_or(number.wrapping_sub(1));
        let ahead = number.wrapping_sub(highest);
        if (1..=MAX_GAP).contains(&ahead) {
            self.highest = Some(number);
            if ahead > 1 {
                let (first, last) = (highest.wrapping_add(1), number.wrapping_sub(1));
                let lost = Lost::between(self.place.as_ref(), place.as_ref());
                self.runs.push_back(Run { first, last, since: now, lost });
            }
            // Padding is between what was before and what is behind.
            self.place = place.or(self.place);
        } else if highest.wrapping_sub(number) <= MAX_GAP {
            self.came(number);
        } else {
            (self.highest, self.place) = (Some(number), place);
            self.runs.clear();
            let is_lost = number > highest && self.is_needed(number - 1);
            return if is_lost { Lost::ANYTHING } else { Lost::NOTHING };
        }
        self.give_up(now)
    }

    /// Whether something can be decoded only with the packet of that number.
    fn is_needed(&self, number: u64) -> bool {
        self.keyed.is_none_or(|from| number > from || from - number > MANY)
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

    fn give_up(&mut self, now: Instant) -> Lost {
        let mut lost = Lost::NOTHING;
        let Some(highest) = self.highest else { return lost };
        while let Some(run) = self.runs.front() {
            let is_over = now.saturating_duration_since(run.since) >= PATIENCE
                || highest.wrapping_sub(run.last) > LATEST
                || self.runs.len() > MOST;
            if !is_over {
                break;
            }
            if self.is_needed(run.last) {
                lost = lost.and(run.lost);
            }
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

    fn came(missing: &mut Missing, number: u64, now: Instant) -> bool {
        missing.on_packet(number, None, now) != Lost::NOTHING
    }

    #[test]
    fn what_does_not_come_is_given_up_after_a_while() {
        let now = Instant::now();
        let mut missing = Missing::default();
        for number in [70_000, 70_001, 70_003] {
            assert!(!came(&mut missing, number, now));
        }
        assert!(!came(&mut missing, 70_004, now + PATIENCE - MILLI));
        assert!(came(&mut missing, 70_005, now + PATIENCE));
        assert!(!came(&mut missing, 70_006, now + 2 * PATIENCE), "told once");
    }

    #[test]
    fn what_is_before_a_key_frame_is_not_missed() {
        let now = Instant::now();
        for (key, is_missed) in [(5, true), (7, false)] {
            let mut missing = Missing::default();
            for number in [4, 5, 7] {
                came(&mut missing, number, now);
            }
            missing.on_key_frame(key);
            assert_eq!(came(&mut missing, 8, now + PATIENCE), is_missed, "{key}");
        }
    }

    #[test]
    fn what_would_come_too_late_is_given_up_at_once() {
        let now = Instant::now();
        let mut missing = Missing::default();
        came(&mut missing, 0, now);
        let lost: Vec<u64> = (3..200).filter(|number| came(&mut missing, *number, now)).collect();
        assert_eq!(lost, [103]);
    }

    #[test]
    fn what_comes_late_is_not_missed() {
        let now = Instant::now();
        let mut missing = Missing::default();
        for number in [10, 15, 13, 11, 14, 12, 16] {
            came(&mut missing, number, now);
        }
        assert!(!came(&mut missing, 17, now + PATIENCE));
    }

    #[test]
    fn a_stream_that_begins_anew_misses_nothing() {
        let now = Instant::now();
        let mut missing = Missing::default();
        for number in [40_000, 40_002, 5] {
            assert!(!came(&mut missing, number, now));
        }
        assert!(!came(&mut missing, 6, now + PATIENCE));
        assert!(came(&mut missing, 5000, now + PATIENCE), "more is missing than could be repaired");
        missing.on_key_frame(9000);
        assert!(!came(&mut missing, 9000, now + PATIENCE));
    }

    /// A stream of three spatial layers of two packets each, every other picture of a higher temporal layer. Answers which layers
    /// are concerned, spatial and temporal, when packets of those numbers are lost.
    fn concerned(lost: std::ops::RangeInclusive<u64>, counts: bool) -> Vec<(usize, usize)> {
        let now = Instant::now();
        let mut missing = Missing::default();
        let place = |number: u64| {
            let (picture, packet) = (u16::try_from(number / 6).unwrap(), number % 6);
            Place {
                timestamp: u32::from(picture) * 3000,
                count: counts.then_some((picture % 128, 128)),
                spatial: Layer::ALL[usize::try_from(packet / 2).unwrap()],
                temporal: Temporal::new(u8::from(picture % 2 == 1)),
                begins_frame: packet % 2 == 0,
                ends_frame: packet % 2 == 1,
                ends_picture: packet == 5,
            }
        };
        // A key frame begins the stream, and the count begins anew in its middle.
        for number in (120 * 6..140 * 6).filter(|number| !lost.contains(number)) {
            assert_eq!(missing.on_packet(number, Some(place(number)), now), Lost::NOTHING);
        }
        let lost = missing.on_packet(140 * 6, Some(place(140 * 6)), now + PATIENCE);
        let all = Layer::ALL.into_iter().flat_map(|layer| [(layer, Temporal::BASE), (layer, Temporal::new(1))]);
        let concerned = all.filter(|(layer, temporal)| lost.concerns(*layer, *temporal));
        concerned.map(|(layer, temporal)| (layer.index(), temporal.index())).collect()
    }

    #[test]
    fn who_does_not_get_the_layer_of_what_is_lost_misses_nothing() {
        const ALL: [(usize, usize); 6] = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)];
        // Picture 128 of the base, whose number is 0, and 129, which is of the higher temporal layer.
        let (base, above) = (128 * 6, 129 * 6);
        // Within one picture no count is needed.
        for counts in [true, false] {
            assert_eq!(concerned(base + 4..=base + 4, counts), [(2, 0), (2, 1)]);
            assert_eq!(concerned(base + 2..=base + 3, counts), [(1, 0), (1, 1), (2, 0), (2, 1)]);
            assert_eq!(concerned(base + 1..=base + 4, counts), ALL);
            assert_eq!(concerned(above + 1..=above + 1, counts), [(0, 1), (1, 1), (2, 1)]);
            assert_eq!(concerned(above + 4..=above + 4, counts), [(2, 1)]);
        }
        // At its end, and at the beginning of the next one.
        assert_eq!(concerned(base + 5..=base + 5, true), [(2, 0), (2, 1)]);
        assert_eq!(concerned(above..=above, true), [(0, 1), (1, 1), (2, 1)]);
        assert_eq!(concerned(base + 5..=above, true), [(0, 1), (1, 1), (2, 0), (2, 1)]);
        assert_eq!(concerned(base + 5..=base + 5, false), ALL, "nobody knows whether there was a picture between");
        // A whole picture.
        assert_eq!(concerned(above..=above + 5, true), ALL);
    }

    #[test]
    fn padding_says_nothing_of_what_is_lost_before_it() {
        let now = Instant::now();
        let place = |number: u16, ends_picture| Place {
            timestamp: u32::from(number) * 3000,
            count: Some((number, 128)),
            spatial: Layer::Low,
            temporal: Temporal::new(1),
            begins_frame: true,
            ends_frame: ends_picture,
            ends_picture,
        };
        for (numbers, concerns) in [([1, 3, 4], true), ([1, 2, 4], false)] {
            let mut missing = Missing::default();
            let [first, padding, next] = numbers;
            missing.on_packet(first, Some(place(1, false)), now);
            missing.on_packet(padding, None, now);
            missing.on_packet(next, Some(place(2, true)), now);
            let lost = missing.on_packet(5, Some(place(3, true)), now + PATIENCE);
            assert_eq!(lost.concerns(Layer::High, Temporal::BASE), concerns);
            assert!(lost.concerns(Layer::High, Temporal::new(1)));
        }
    }

    proptest! {
        /// Whatever comes in whatever order: what came is not missing, and what is remembered has an end.
        #[test]
        fn nothing_that_came_is_missing(steps in proptest::collection::vec((0u64..60, 0u64..40), 0..300)) {
            let start = Instant::now();
            let mut missing = Missing::default();
            let mut came = std::collections::HashSet::new();
            for (index, (ahead, millis)) in steps.into_iter().enumerate() {
                let number = 1000 + index as u64 * 20 + ahead;
                came.insert(number);
                missing.on_packet(number, None, start + MILLI * (index as u32 * 40 + millis as u32));
                prop_assert!(missing.runs.len() <= MOST);
                prop_assert!(missing.runs.iter().all(|run| !(run.first..=run.last).any(|number| came.contains(&number))));
            }
        }
    }
}
