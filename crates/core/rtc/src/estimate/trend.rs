//! Whether the queue on the way grows: a line through the delays of late (Carlucci et al., "Congestion Control for Web
//! Real-Time Communication", 2017, for the threshold; libwebrtc has the line in place of the draft's Kalman filter).

use super::groups::Variation;

/// Groups the line goes through.
const WINDOW: usize = 20;

/// So many of the newest are looked at for how long the way is: what shakes makes some of them late, but hardly all.
const NEWEST: usize = 4;

/// A way that becomes longer by that share of it all at once, and then shorter, was held up and lets through what waited: its
/// queue drains, though the line rises. A shorter way is one nearly as short as any since.
const JUMP: f64 = 0.5;
const SHORTENED: f64 = 0.9;

/// How much of the delay before stays in the smoothed one.
const SMOOTHING: f64 = 0.9;

/// The slope is worth this often the groups seen, up to so many of them.
const GAIN: f64 = 4.0;
const FULL_WEIGHT: u32 = 60;

/// The threshold at the beginning and its limits.
const THRESHOLD: f64 = 12.5;
const LOWEST: f64 = 6.0;
const HIGHEST: f64 = 600.0;

/// How fast the threshold follows, per millisecond: slowly up, so that other traffic that grows with ours is noticed.
const FOLLOW_UP: f64 = 0.0087;
const FOLLOW_DOWN: f64 = 0.039;

/// Something that far above the threshold is the line itself getting worse, and no reason to be less sensitive.
const FOLLOWED: f64 = 15.0;

/// Longest step of time the threshold follows at once, in milliseconds.
const LONGEST_STEP: f64 = 100.0;

/// How long the line has to rise before it counts, in milliseconds.
const PROOF: f64 = 10.0;

/// After such a pause what was before says nothing, in microseconds.
const PAUSE: i64 = 2_000_000;

/// How what is sent compares to what the way carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    /// The queue drains.
    Under,
    Normal,
    /// The queue grows.
    Over,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Trend {
    /// Time and smoothed delay, in milliseconds; the oldest is overwritten next.
    points: [(f64, f64); WINDOW],
    oldest: usize,
    /// The delays of the groups as they are, newest first.
    delays: [f64; WINDOW],
    groups: u32,
    time: f64,
    delay: f64,
    smoothed: f64,
    slope: f64,
    threshold: f64,
    /// For how long and how many groups the line has risen too fast.
    rising: Option<(f64, u32)>,
    usage: Usage,
}

impl Trend {
    pub(super) fn new() -> Self {
        Self {
            points: [(0.0, 0.0); WINDOW],
            oldest: 0,
            delays: [0.0; WINDOW],
            groups: 0,
            time: 0.0,
            delay: 0.0,
            smoothed: 0.0,
            slope: 0.0,
            threshold: THRESHOLD,
            rising: None,
            usage: Usage::Normal,
        }
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// There is not enough for a line yet.
    pub(super) fn is_young(&self) -> bool {
        (self.groups as usize) < WINDOW
    }

    /// How much longer than at the beginning the way is for the quickest and for the slowest of the newest groups, in milliseconds.
    pub(super) fn delays(&self) -> (f64, f64) {
        let span = |(least, most): (f64, f64), delay: &f64| (least.min(*delay), most.max(*delay));
        self.delays[..NEWEST].iter().fold((f64::INFINITY, f64::NEG_INFINITY), span)
    }

    pub(super) fn add(&mut self, variation: Variation) {
        if variation.sent > PAUSE {
            *self = Self { threshold: self.threshold, ..Self::new() };
            return;
        }
        let step = milliseconds(variation.arrived);
        self.time += step;
        self.delay += milliseconds(variation.change());
        self.delays.rotate_right(1);
        self.delays[0] = self.delay;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.delay;
        self.points[self.oldest] = (self.time, self.smoothed);
        self.oldest = (self.oldest + 1) % WINDOW;
        self.groups = (self.groups + 1).min(FULL_WEIGHT);
        if !self.is_young() {
            self.judge(self.fit().unwrap_or(self.slope), milliseconds(variation.sent), step);
        }
    }

    /// The slope of the line with the least squares; `None` if all is at one time.
    fn fit(&self) -> Option<f64> {
        let count = WINDOW as f64;
        let (mut times, mut delays, mut products, mut squares) = (0.0, 0.0, 0.0, 0.0);
        for (time, delay) in self.points {
            // As seen from the newest point numbers are small, and their squares exact.
            let (time, delay) = (time - self.time, delay - self.smoothed);
            times += time;
            delays += delay;
            products += time * delay;
            squares += time * time;
        }
        let spread = count * squares - times * times;
        (spread > 0.0).then(|| (count * products - times * delays) / spread)
    }

    fn judge(&mut self, slope: f64, sent: f64, step: f64) {
        let weighted = slope * f64::from(self.groups) * GAIN;
        if weighted > self.threshold {
            // The first time it may have begun anywhere since the group before.
            let (time, groups) = self.rising.map_or((sent / 2.0, 1), |(time, groups)| (time + sent, groups + 1));
            self.rising = Some((time, groups));
            if time > PROOF && groups > 1 && slope >= self.slope && !self.drains() {
                self.rising = None;
                self.usage = Usage::Over;
            }
        } else {
            self.rising = None;
            self.usage = if weighted < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.slope = slope;
        self.follow(weighted.abs(), step.min(LONGEST_STEP));
    }

    /// Whether the way became longer at once and shortens since.
    fn drains(&self) -> bool {
        let least = |delays: &[f64]| delays.iter().copied().fold(f64::INFINITY, f64::min);
        let longest = self.delays.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let since = self.delays.iter().position(|delay| *delay == longest).unwrap_or(0);
        let before = self.delays.get(since + 1).copied().unwrap_or(longest);
        let is_jump = longest - before > JUMP * (longest - least(&self.delays));
        let fell = longest - least(&self.delays[..=since]);
        is_jump && fell > 0.0 && longest - self.delays[0] >= SHORTENED * fell
    }

    fn follow(&mut self, weighted: f64, step: f64) {
        if weighted > self.threshold + FOLLOWED {
            return;
        }
        let speed = if weighted > self.threshold { FOLLOW_UP } else { FOLLOW_DOWN };
        // A long step must not carry it past what it follows.
        self.threshold += (speed * step).min(1.0) * (weighted - self.threshold);
        self.threshold = self.threshold.clamp(LOWEST, HIGHEST);
    }
}

fn milliseconds(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(trend: &mut Trend, groups: usize, sent: i64, arrived: impl Fn(usize) -> i64) -> Usage {
        for group in 0..groups {
            trend.add(Variation { sent, arrived: arrived(group) });
        }
        trend.usage()
    }

    #[test]
    fn a_queue_that_grows_and_drains_is_noticed() {
        let mut trend = Trend::new();
        assert_eq!(after(&mut trend, 100, 10_000, |_| 10_000), Usage::Normal);
        assert_eq!(after(&mut trend, 15, 10_000, |_| 14_000), Usage::Over);
        assert_eq!(after(&mut trend, 40, 10_000, |_| 10_000), Usage::Normal);
        assert_eq!(after(&mut trend, 15, 10_000, |_| 6_000), Usage::Under);
    }

    #[test]
    fn a_way_that_shakes_is_not_one_that_fills() {
        let mut trend = Trend::new();
        for _ in 0..20 {
            let usage = after(&mut trend, 100, 10_000, |group| if group % 2 == 0 { 18_000 } else { 2_000 });
            assert_eq!(usage, Usage::Normal);
        }
    }

    #[test]
    fn what_was_held_up_and_comes_now_is_no_queue_that_grows() {
        let after_jump = |arrived: i64| {
            let mut trend = Trend::new();
            after(&mut trend, 100, 10_000, |_| 10_000);
            after(&mut trend, 1, 10_000, |_| 310_000);
            let usages: Vec<Usage> = (0..5).map(|_| after(&mut trend, 1, 10_000, |_| arrived)).collect();
            usages.contains(&Usage::Over)
        };
        assert!(!after_jump(5_000), "the queue drains");
        assert!(after_jump(10_000) && after_jump(15_000), "the way is longer");

        // Newest first: little by little is how a queue grows, and what rises again is one.
        for (delays, drains) in
            [([40.0, 60.0, 40.0, 20.0], false), ([60.0, 50.0, 80.0, 1.0], false), ([50.0, 60.0, 80.0, 1.0], true)]
        {
            let mut trend = Trend::new();
            trend.delays[..4].copy_from_slice(&delays);
            assert_eq!(trend.drains(), drains, "{delays:?}");
        }
    }

    #[test]
    fn a_pause_ends_what_was() {
        let mut trend = Trend::new();
        assert_eq!(after(&mut trend, 60, 10_000, |_| 14_000), Usage::Over);
        assert_eq!(after(&mut trend, 1, PAUSE + 1, |_| PAUSE + 1), Usage::Normal);
    }
}
