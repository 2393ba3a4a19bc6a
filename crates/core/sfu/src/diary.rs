//! When and how somebody's connection was in trouble: windows of measurement in, spans with a cause out.
//!
//! A span begins with the first bad window and ends with the last one, as soon as two good ones followed: what comes and
//! goes every few seconds is one trouble, not twenty. It ends as well where for the time of more than two windows nothing was
//! measured.

use std::time::{Duration, Instant};

/// Share of packets lost from which on somebody notices: 3 of 100. Below it, repetition and concealment hide losses.
const LOSS: f32 = 0.03;

/// Fewer packets than these in a window are no measure of loss.
pub const LEAST_PACKETS: u32 = 20;

/// Round trips from which on people talk into each other (ITU-T G.114 calls 400 ms one way unacceptable).
const ROUND_TRIP: Duration = Duration::from_millis(500);

/// So many good windows in a row end a span, and so does more time without any.
const GOOD_WINDOWS: u32 = 2;

/// What one window of some seconds showed of one participant: of its tracks the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Packets that should have come from it, and those that did not.
    pub up: (u32, u32),
    /// Packets that should have reached it, and those that did not.
    pub down: (u32, u32),
    /// The longest round trip.
    pub round_trip: Option<Duration>,
    /// Pictures it wanted that were withheld for want of bandwidth.
    pub withheld: u32,
    /// What the way to it carries, bits per second.
    pub estimate: Option<u64>,
}

/// What was wrong, with its measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Lost packets of a thousand, from the participant.
    UplinkLoss(u32),
    /// Lost packets of a thousand, to the participant.
    DownlinkLoss(u32),
    /// The longest round trip.
    SlowRoundTrip(Duration),
    /// The least bandwidth, bits per second.
    NarrowDownlink(u64),
}

/// A span of trouble that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// What, and how much.
    pub cause: Cause,
    /// Begin of the first bad window.
    pub from: Instant,
    /// End of the last one.
    pub to: Instant,
}

/// The measure of a span under way.
#[derive(Debug, Clone, Copy, Default)]
struct Measure {
    expected: u64,
    lost: u64,
    longest: Duration,
    least: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    from: Instant,
    to: Instant,
    good: u32,
    measure: Measure,
}

/// The kinds of trouble, each with at most one span under way.
const KINDS: usize = 4;

/// One participant's spans under way.
#[derive(Debug, Clone, Default)]
pub struct Diary {
    /// End of the last window.
    until: Option<Instant>,
    open: [Option<Open>; KINDS],
}

impl Diary {
    /// Takes in a window that lasted from `from` to `to`. Returns the spans that are over because of it.
    pub fn note(&mut self, health: &Health, from: Instant, to: Instant) -> Vec<Span> {
        let lossy = |(expected, lost): (u32, u32)| {
            expected >= LEAST_PACKETS && lost.min(expected) as f32 >= expected as f32 * LOSS
        };
        let bad = [
            lossy(health.up),
            lossy(health.down),
            health.round_trip.is_some_and(|round_trip| round_trip >= ROUND_TRIP),
            health.withheld > 0,
        ];
        let before = self.until.replace(to);
        let unseen = before.map_or(Duration::ZERO, |before| from.saturating_duration_since(before));
        let is_gap = unseen > to.saturating_duration_since(from) * GOOD_WINDOWS;
        let mut over = if is_gap { self.finish() } else { Vec::new() };
        for (kind, bad) in bad.into_iter().enumerate() {
            let open = &mut self.open[kind];
            match open {
                None if bad => {
                    let mut measure = Measure::default();
                    measure.take(kind, health);
                    *open = Some(Open { from, to, good: 0, measure });
                }
                None => {}
                Some(known) if bad => {
                    known.good = 0;
                    known.to = to;
                    known.measure.take(kind, health);
                }
                Some(known) => {
                    known.good += 1;
                    if known.good >= GOOD_WINDOWS {
                        over.extend(open.take().map(|known| known.end(kind)));
                    }
                }
            }
        }
        over
    }

    /// The participant is gone: every span under way ends with its last bad window.
    pub fn finish(&mut self) -> Vec<Span> {
        let open = std::mem::take(&mut self.open);
        open.into_iter().enumerate().filter_map(|(kind, open)| open.map(|open| open.end(kind))).collect()
    }
}

impl Measure {
    fn take(&mut self, kind: usize, health: &Health) {
        let (expected, lost) = if kind == 0 { health.up } else { health.down };
        self.expected += u64::from(expected);
        self.lost += u64::from(lost.min(expected));
        self.longest = self.longest.max(health.round_trip.unwrap_or_default());
        self.least = [self.least, health.estimate].into_iter().flatten().min();
    }

    fn per_mille(&self) -> u32 {
        u32::try_from(self.lost * 1000 / self.expected.max(1)).unwrap_or(1000)
    }
}

impl Open {
    fn end(self, kind: usize) -> Span {
        let cause = match kind {
            0 => Cause::UplinkLoss(self.measure.per_mille()),
            1 => Cause::DownlinkLoss(self.measure.per_mille()),
            2 => Cause::SlowRoundTrip(self.measure.longest),
            _ => Cause::NarrowDownlink(self.measure.least.unwrap_or(0)),
        };
        Span { cause, from: self.from, to: self.to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(5);

    /// Plays windows of five seconds; the spans that were over, in seconds since the start.
    fn play(windows: &[Health]) -> Vec<(Cause, u64, u64)> {
        let start = Instant::now();
        let mut diary = Diary::default();
        let mut spans = Vec::new();
        for (number, health) in (0u32..).zip(windows) {
            spans.extend(diary.note(health, start + WINDOW * number, start + WINDOW * (number + 1)));
        }
        spans.extend(diary.finish());
        spans.into_iter().map(|span| (span.cause, (span.from - start).as_secs(), (span.to - start).as_secs())).collect()
    }

    fn lossy(lost: u32) -> Health {
        Health { up: (1000, lost), ..Health::default() }
    }

    #[test]
    fn a_lossy_uplink_is_one_span_with_its_share() {
        let spans = play(&[lossy(0), lossy(60), lossy(120), lossy(0), lossy(90), lossy(0), lossy(0), lossy(0)]);

        assert_eq!(spans, [(Cause::UplinkLoss(90), 5, 25)]);
    }

    #[test]
    fn no_span_goes_on_over_a_time_in_which_nothing_was_measured() {
        let start = Instant::now();
        let mut diary = Diary::default();
        let mut note = |window: u32| {
            let spans = diary.note(&lossy(60), start + WINDOW * window, start + WINDOW * (window + 1));
            spans
                .into_iter()
                .map(|span| ((span.from - start).as_secs(), (span.to - start).as_secs()))
                .collect::<Vec<_>>()
        };

        assert_eq!((note(0), note(3)), (vec![], vec![]), "no longer than good ones would have to be");
        assert_eq!(note(7), [(0, 20)], "an hour later it would be no other");
        assert_eq!(diary.finish().len(), 1);
    }

    #[test]
    fn what_is_still_bad_at_the_end_is_told_too() {
        let slow = Health { round_trip: Some(Duration::from_millis(700)), ..Health::default() };
        let narrow = Health { withheld: 2, estimate: Some(90_000), round_trip: slow.round_trip, ..Health::default() };

        let spans = play(&[slow, narrow]);

        assert_eq!(
            spans,
            [(Cause::SlowRoundTrip(Duration::from_millis(700)), 0, 10), (Cause::NarrowDownlink(90_000), 5, 10)]
        );
    }

    #[test]
    fn little_loss_few_packets_and_usual_round_trips_are_no_trouble() {
        let usual = Health { round_trip: Some(Duration::from_millis(300)), ..lossy(20) };
        let few = Health { up: (10, 5), down: (19, 19), ..Health::default() };

        assert_eq!(play(&[usual, few, Health::default()]), []);
    }

    #[test]
    fn nonsense_stays_within_a_thousand() {
        let nonsense = Health { down: (100, u32::MAX), ..Health::default() };

        assert_eq!(play(&[nonsense]), [(Cause::DownlinkLoss(1000), 0, 5)]);
    }
}
