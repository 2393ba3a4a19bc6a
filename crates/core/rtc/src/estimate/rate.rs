//! The rate that is believed: up while the way is quiet, down when its queue grows or packets are lost
//! (draft-ietf-rmcat-gcc-02 section 5.5; libwebrtc begins to grow again as soon as the queue is drained).

use super::loss::Advice;
use super::trend::Usage;
use super::{CEILING, FLOOR, QUEUE};

/// Of what arrived while the queue grew, so much is sent, for the queue to drain; and of that so much less per second of
/// queue, up to one.
const RELIEF: f64 = 0.85;
const MORE_RELIEF: f64 = 0.25;

/// How long what a probe showed is better knowledge than what arrived, in microseconds.
const SHOWN: i64 = 1_000_000;

/// Growth per second where the end is not near.
const GROWTH: f64 = 0.08;

/// The rate grows no further than so much of what arrived: beyond that nothing is proven.
const REACH: f64 = 1.5;
const REACH_MORE: f64 = 10_000.0;

/// A capacity holds while what arrives is not further away than this share of it.
const ALIKE: f64 = 0.1;

/// From that share of the capacity on its end is near.
const NEAR: f64 = 0.8;

/// Who sends less than that share of the rate is held back by having no more.
const HELD_BACK: f64 = 0.65;

/// If of what left at least this share arrives, the way carries it. A way that becomes longer leaves a hole in what arrives, so
/// less says nothing before the queue is as long as that, in microseconds.
const CARRIED: f64 = 0.9;
const LONG_QUEUE: i64 = 200_000;

/// How often the rate falls for a growing queue: every round trip, within these limits, in microseconds.
const FASTEST_FALL: i64 = 10_000;
const SLOWEST_FALL: i64 = 200_000;

/// While the queue is said to grow the rate falls again only if the way has become longer by that since, in milliseconds. Else
/// it is still the same growth that is seen, or the way became longer once and for all.
const GROWN: f64 = 5.0;

/// A packet and how often pictures come, for the size of a step.
const PACKET_BITS: f64 = 1_200.0 * 8.0;
const PICTURES: f64 = 30.0;

/// How long the other side takes to react, besides the round trip, in seconds.
const REACTION: f64 = 0.1;

/// Least growth near the end, bits per second and second.
const LEAST_GROWTH: f64 = 4_000.0;

/// What is known when the rate is to be reconsidered. Rates in bits per second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signs {
    pub(super) usage: Usage,
    /// How much longer the way is than once, of late: at least and at most, in milliseconds.
    pub(super) delays: (f64, f64),
    pub(super) advice: Advice,
    /// What arrived of late.
    pub(super) arriving: Option<f64>,
    /// And in the best moments of that time.
    pub(super) most: Option<f64>,
    /// What left of late.
    pub(super) leaving: f64,
    /// Microseconds; and how much of that is queue.
    pub(super) round_trip: i64,
    pub(super) queue: i64,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Rate {
    rate: f64,
    /// What arrived when the queue grew, smoothed.
    capacity: Option<f64>,
    considered: i64,
    /// When it fell last for a growing queue, and from where.
    fell: Option<(i64, f64)>,
    /// How long the way was then at most, as long as the queue has not stopped to grow.
    growing: Option<f64>,
    /// What a probe showed, and when.
    shown: Option<(i64, f64)>,
}

impl Rate {
    pub(super) fn new(first: f64) -> Self {
        Self {
            rate: first.clamp(FLOOR, CEILING),
            capacity: None,
            considered: 0,
            fell: None,
            growing: None,
            shown: None,
        }
    }

    pub(super) fn get(&self) -> f64 {
        self.rate
    }

    /// A probe showed that much. If the queue grows the probe may have been too much, and the rate does not rise; but how
    /// far it has to fall, or had to, is known better than from what arrived.
    pub(super) fn probed(&mut self, now: i64, shown: f64, usage: Usage) {
        self.shown = Some((now, shown));
        let limit = match usage {
            Usage::Over => self.fell.filter(|(fell, _)| now - fell < SHOWN).map_or(0.0, |(_, before)| before),
            Usage::Under | Usage::Normal => CEILING,
        };
        if self.capacity.is_some_and(|capacity| shown > capacity * (1.0 + ALIKE)) {
            self.capacity = None;
        }
        self.set(self.rate.max(shown.min(limit)));
    }

    /// Nothing is heard of the other side.
    pub(super) fn halve(&mut self) {
        self.set(self.rate / 2.0);
    }

    /// The way is another one: what was learned of its end does not hold.
    pub(super) fn path_changed(&mut self) {
        (self.capacity, self.fell, self.growing, self.shown) = (None, None, None, None);
    }

    pub(super) fn reconsider(&mut self, now: i64, signs: Signs) {
        let elapsed = (now - self.considered).clamp(0, 1_000_000) as f64 / 1e6;
        self.considered = now;
        self.growing = self.growing.filter(|_| signs.usage == Usage::Over);
        match (signs.usage, signs.advice) {
            (Usage::Over, _) => self.fall(now, signs),
            (_, Advice::Cut(factor)) => self.set(self.rate * factor),
            (Usage::Under, _) | (_, Advice::Hold) => {}
            (Usage::Normal, Advice::Grow) if signs.queue < QUEUE => self.grow(elapsed, signs),
            (Usage::Normal, Advice::Grow) => {}
        }
    }

    fn fall(&mut self, now: i64, signs: Signs) {
        // Who has just begun to send more has a full line before that shows in what arrived for longer.
        let arriving = [signs.arriving, signs.most].into_iter().flatten().reduce(f64::max).unwrap_or(self.rate);
        let pause = signs.round_trip.clamp(FASTEST_FALL, SLOWEST_FALL);
        let is_far_off = arriving < self.rate / 2.0;
        if self.fell.is_some_and(|(fell, _)| now - fell < if is_far_off { FASTEST_FALL } else { pause }) {
            return;
        }
        if self.growing.is_some_and(|before| signs.delays.0 < before + GROWN) {
            return;
        }
        self.growing = Some(signs.delays.1);
        self.fell = Some((now, self.rate));
        let is_held_back = signs.leaving < HELD_BACK * self.rate;
        let shown = self.shown.filter(|(at, _)| now - at < SHOWN).map_or(0.0, |(_, shown)| shown);
        let queue = (signs.queue as f64 / 1e6).clamp(0.0, 1.0);
        let mut relief = shown.max(RELIEF * arriving) * (1.0 - MORE_RELIEF * queue);
        if is_held_back && (arriving > CARRIED * signs.leaving || signs.queue < LONG_QUEUE) {
            // All that is sent arrives, and it is little: that is no measure of the way, and may be no sign of it.
            relief = relief.max(self.rate / 2.0);
        } else {
            self.note_capacity(arriving);
        }
        self.set(self.rate.min(relief));
    }

    fn note_capacity(&mut self, arriving: f64) {
        let alike = |capacity: &f64| (arriving - capacity).abs() < ALIKE * capacity;
        self.capacity = Some(match self.capacity.filter(alike) {
            Some(capacity) => capacity + (arriving - capacity) / 4.0,
            None => arriving,
        });
    }

    fn grow(&mut self, elapsed: f64, signs: Signs) {
        let Some(arriving) = signs.arriving else { return };
        if self.capacity.is_some_and(|capacity| arriving > capacity * (1.0 + ALIKE)) {
            self.capacity = None;
        }
        let mut growth = GROWTH * self.rate;
        if self.capacity.is_some_and(|capacity| self.rate > NEAR * capacity) {
            let picture = self.rate / PICTURES;
            let packet = picture / (picture / PACKET_BITS).ceil();
            let reaction = 2.0 * (signs.round_trip as f64 / 1e6 + REACTION);
            growth = growth.min((packet / reaction).max(LEAST_GROWTH));
        }
        let reach = REACH * arriving + REACH_MORE;
        self.set(self.rate.max(reach.min(self.rate + growth * elapsed)));
    }

    fn set(&mut self, rate: f64) {
        self.rate = rate.clamp(FLOOR, CEILING);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Signs = Signs {
        usage: Usage::Normal,
        delays: (0.0, 0.0),
        advice: Advice::Grow,
        arriving: Some(1e6),
        most: Some(1e6),
        leaving: 1e6,
        round_trip: 50_000,
        queue: 0,
    };

    /// So many seconds of that.
    fn pass(rate: &mut Rate, from: i64, seconds: i64, signs: Signs) -> f64 {
        (0..seconds * 10).for_each(|tenth| rate.reconsider((from * 10 + tenth) * 100_000, signs));
        rate.get()
    }

    #[test]
    fn it_grows_by_eight_percent_a_second_as_far_as_what_arrives_reaches() {
        let mut rate = Rate::new(1e6);
        let later = pass(&mut rate, 0, 1, QUIET);
        assert!((1.06e6..1.09e6).contains(&later), "{later}");
        assert_eq!(pass(&mut rate, 1, 60, QUIET), 1.51e6);

        let mut rate = Rate::new(1e6);
        assert_eq!(pass(&mut rate, 0, 60, Signs { queue: QUEUE, ..QUIET }), 1e6, "a queue is to drain first");
    }

    #[test]
    fn it_is_not_pulled_down_by_having_little_to_send() {
        let mut rate = Rate::new(5e6);
        let little = Signs { arriving: Some(1e5), most: Some(1e5), leaving: 1e5, ..QUIET };
        assert_eq!(pass(&mut rate, 0, 60, little), 5e6);
        rate.reconsider(60_000_000, Signs { usage: Usage::Over, ..little });
        assert_eq!(rate.get(), 2.5e6);

        // A way that became longer: for that time nothing arrived.
        let mut rate = Rate::new(5e6);
        let hole = Signs { usage: Usage::Over, arriving: Some(6e4), most: Some(8e4), queue: 90_000, ..little };
        rate.reconsider(0, hole);
        assert_eq!(rate.get(), 2.5e6);
        rate.reconsider(300_000, Signs { delays: (90.0, 90.0), ..hole });
        assert_eq!(rate.get(), 1.25e6, "it became longer still");
        rate.reconsider(600_000, Signs { delays: (93.0, 99.0), ..hole });
        assert_eq!(rate.get(), 1.25e6, "no longer than it was");
        rate.reconsider(900_000, Signs { delays: (300.0, 300.0), queue: 300_000, ..hole });
        assert!(rate.get() < 1e5, "a queue: {}", rate.get());
    }

    #[test]
    fn it_falls_below_what_arrives_while_the_queue_grows_and_nears_that_slowly() {
        let mut rate = Rate::new(5e6);
        let over = Signs { usage: Usage::Over, leaving: 5e6, ..QUIET };
        assert_eq!(pass(&mut rate, 0, 1, over), 0.85e6);
        assert_eq!(pass(&mut rate, 1, 5, Signs { usage: Usage::Under, ..QUIET }), 0.85e6);
        let later = pass(&mut rate, 6, 1, QUIET);
        assert!((0.87e6..0.9e6).contains(&later), "{later}");
    }

    #[test]
    fn who_has_just_begun_to_send_more_falls_to_what_the_line_shows_then() {
        let mut rate = Rate::new(1.5e6);
        rate.reconsider(0, Signs { usage: Usage::Over, most: Some(1.4e6), leaving: 1.4e6, ..QUIET });
        assert!((1.18e6..1.2e6).contains(&rate.get()), "{}", rate.get());
    }

    #[test]
    fn losses_hold_or_cut_it() {
        let mut rate = Rate::new(1e6);
        assert_eq!(pass(&mut rate, 0, 10, Signs { advice: Advice::Hold, ..QUIET }), 1e6);
        rate.reconsider(10_000_000, Signs { advice: Advice::Cut(0.9), ..QUIET });
        assert_eq!(rate.get(), 0.9e6);
    }

    #[test]
    fn it_stays_within_its_limits() {
        let mut rate = Rate::new(0.0);
        assert_eq!(rate.get(), FLOOR);
        rate.probed(0, f64::INFINITY, Usage::Normal);
        assert_eq!(rate.get(), CEILING);
        (0..100).for_each(|_| rate.halve());
        assert_eq!(rate.get(), FLOOR);
    }
}
