//! What is counted of one person, or of the room.

use std::collections::BTreeMap;

use wire::pnm::{AnalyticsEventData, AnalyticsEventValue, AnalyticsEvents as Event};

use super::{Measure, Origin};

/// What one person, or the room, may take, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// What a mark costs besides its value.
const MARK_COST: usize = 48;
/// Longest value that is kept whole, in bytes.
const MAX_VALUE: usize = 4096;

/// Something happened at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// Number of the event.
    pub(super) event: i32,
    /// Unix milliseconds.
    pub(super) at: i64,
    /// `None` is the time itself.
    pub(super) value: Option<Box<str>>,
}

impl Mark {
    fn size(&self) -> usize {
        MARK_COST + self.value.as_ref().map_or(0, |value| value.len())
    }
}

/// Marks and sums. Keeps books about what of it is journalled.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// Sums by event.
    pub(super) sums: BTreeMap<i32, u32>,
    /// How many marks of an event were not kept, because there were too many.
    pub(super) omitted: BTreeMap<i32, u32>,
    pub(super) marks: Vec<Mark>,
    bytes: usize,
    /// So many marks are journalled.
    pub(super) written: usize,
    /// The sums are not.
    pub(super) touched: bool,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { touched: true, ..Self::default() }
    }

    pub(super) fn restored(sums: BTreeMap<i32, u32>, omitted: BTreeMap<i32, u32>, marks: Vec<Mark>) -> Self {
        let bytes = marks.iter().map(Mark::size).sum();
        Self { sums, omitted, written: marks.len(), marks, bytes, touched: false }
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) const fn touch(&mut self) {
        self.touched = true;
    }

    /// Counts, within what is `left` for the whole session. The answer is what it takes, in bytes.
    pub(super) fn add(
        &mut self,
        event: impl Into<i32>,
        at: i64,
        measure: Measure,
        left: usize,
        origin: Origin,
    ) -> usize {
        let event = event.into();
        let value = match measure {
            Measure::Counted(amount) => {
                self.touched = true;
                add_to(&mut self.sums, event, amount);
                return 0;
            }
            Measure::Happened => None,
            Measure::Said(value) => Some(cut(value).into()),
        };
        let mark = Mark { event, at, value };
        let most = match origin {
            Origin::Server | Origin::Media => MAX_BYTES,
            Origin::Client => MAX_BYTES / 2,
        };
        let size = mark.size();
        if size > left || self.bytes + size > most {
            self.touched = true;
            add_to(&mut self.omitted, event, 1);
            return 0;
        }
        self.bytes += size;
        self.marks.push(mark);
        size
    }

    /// The latest value of an event.
    pub(super) fn last_said(&self, event: Event) -> Option<&str> {
        let event = i32::from(event);
        self.marks.iter().rev().find(|mark| mark.event == event)?.value.as_deref()
    }

    /// By number of the event, each in the order in which it happened.
    pub(super) fn events(&self) -> Vec<AnalyticsEventData> {
        let mut events: BTreeMap<i32, AnalyticsEventData> = BTreeMap::new();
        for mark in &self.marks {
            let data = events.entry(mark.event).or_default();
            data.total = data.total.saturating_add(1);
            let value = mark.value.as_deref().map_or_else(|| mark.at.to_string(), str::to_owned);
            data.values.push(AnalyticsEventValue { time: mark.at, value });
        }
        for (event, amount) in self.sums.iter().chain(&self.omitted) {
            let data = events.entry(*event).or_default();
            data.total = data.total.saturating_add(*amount);
        }
        events
            .into_iter()
            .filter_map(|(event, data)| {
                Some(AnalyticsEventData { name: name_of(Event::try_from(event).ok()?), ..data })
            })
            .collect()
    }
}

fn add_to(sums: &mut BTreeMap<i32, u32>, event: i32, amount: u32) {
    let sum = sums.entry(event).or_default();
    *sum = sum.saturating_add(amount);
}

/// The enum's name without its beginning, in lower case (http-api.md section 9.1).
fn name_of(event: Event) -> String {
    let name = event.as_str_name();
    let short = name.strip_prefix("ANALYTICS_EVENT_ROOM_").or_else(|| name.strip_prefix("ANALYTICS_EVENT_USER_"));
    short.unwrap_or(name).to_ascii_lowercase()
}

fn cut(mut value: String) -> String {
    let mut end = value.len().min(MAX_VALUE);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value.truncate(end);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLENTY: usize = usize::MAX;

    #[test]
    fn a_tally_is_bounded_and_goes_on_counting_beyond_that() {
        let mut tally = Tally::new();
        let mut taken = 0;
        for at in 0..10_000 {
            taken += tally.add(
                Event::AnalyticsEventUserConnectionQuality,
                at,
                Measure::Said("poor".into()),
                PLENTY,
                Origin::Client,
            );
        }
        assert!(taken <= MAX_BYTES / 2 && taken == tally.bytes());
        assert!(
            tally.add(Event::AnalyticsEventUserLeft, 10_000, Measure::Happened, PLENTY, Origin::Server) > 0,
            "what matters fits"
        );

        let events = tally.events();

        assert_eq!((events[0].name.as_str(), events[0].total), ("left", 1));
        assert_eq!((events[1].name.as_str(), events[1].total), ("connection_quality", 10_000));
        assert!(events[1].values.len() < 10_000);
    }

    #[test]
    fn what_is_left_of_the_session_bounds_everybody() {
        let mut tally = Tally::new();
        assert_eq!(tally.add(Event::AnalyticsEventUserJoined, 1, Measure::Happened, MARK_COST - 1, Origin::Server), 0);
        assert_eq!(tally.events()[0].total, 1);
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let mut tally = Tally::new();
        tally.add(
            Event::AnalyticsEventRoomPollAdded,
            1,
            Measure::Said(format!("x{}", "é".repeat(4000))),
            PLENTY,
            Origin::Server,
        );
        assert_eq!(tally.last_said(Event::AnalyticsEventRoomPollAdded).map(str::len), Some(MAX_VALUE - 1));
    }

    #[test]
    fn sums_do_not_wrap() {
        let mut tally = Tally::new();
        for _ in 0..3 {
            tally.add(
                Event::AnalyticsEventUserTalkedDuration,
                1,
                Measure::Counted(u32::MAX / 2),
                PLENTY,
                Origin::Client,
            );
        }
        assert_eq!(tally.events()[0].total, u32::MAX);
    }
}
