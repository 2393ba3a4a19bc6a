//! A line that does not exist: one bottleneck with a queue, a sender that sends media as it is told and the probes, and a
//! subscriber who reports.

use super::super::*;
use std::collections::VecDeque;

/// A step of the simulation, microseconds.
const STEP: i64 = 1_000;

/// Bytes of a packet of media, at most.
const PACKET: usize = 1_200;

/// What is believed at first in the product.
pub(super) const FIRST: u64 = 5_000_000;

/// A line, a sender and a subscriber.
pub(super) struct Scene {
    epoch: Instant,
    now: i64,
    pub(super) estimator: Estimator,
    random: u64,
    /// The bottleneck: bits per second, time its queue holds, the way besides it, share lost by chance in either direction,
    /// and by how much a packet is late at most.
    pub(super) rate: f64,
    pub(super) queue: i64,
    pub(super) delay: i64,
    pub(super) loss: f64,
    pub(super) jitter: i64,
    /// Nothing passes in either direction.
    pub(super) is_cut: bool,
    /// How much media there is, bits per second, and from which estimate on.
    wish: u64,
    pub(super) price: u64,
    pub(super) report_interval: i64,
    /// The subscriber's uplink fills for so long each second, and what is said takes at most so much longer at the end.
    pub(super) uplink: (i64, i64),
    number: u64,
    /// Bytes of media that may leave; a probe that is leaving, bytes of its packets, and bytes of it that may leave.
    budget: f64,
    probe: Option<(Probe, usize, f64)>,
    pub(super) probes: usize,
    /// Longest queue that was probed into in the last run.
    pub(super) probed_into: i64,
    /// When the bottleneck is free again.
    busy_until: i64,
    /// Number and arrival, in order of arrival.
    underway: VecDeque<(u64, i64)>,
    arrived: VecDeque<(u64, i64)>,
    highest_reported: u64,
    pub(super) next_report: i64,
    reports: VecDeque<(i64, Arrivals)>,
    /// Longest time in the queue in the last run.
    pub(super) longest: i64,
    /// Time in the queue, summed over packets of the last run.
    waited: (i64, i64),
    pub(super) lowest: u64,
    pub(super) highest: u64,
}

impl Scene {
    pub(super) fn new(rate: f64, wish: u64) -> Self {
        let mut scene = Self {
            epoch: Instant::now(),
            now: 0,
            estimator: Estimator::new(FIRST),
            random: 0x9e37_79b9_7f4a_7c15,
            rate,
            queue: 1_000_000,
            delay: 20_000,
            loss: 0.0,
            jitter: 0,
            is_cut: false,
            wish,
            price: 0,
            report_interval: 60_000,
            uplink: (1_000_000, 0),
            number: 65_000,
            budget: 0.0,
            probe: None,
            probes: 0,
            probed_into: 0,
            busy_until: 0,
            underway: VecDeque::new(),
            arrived: VecDeque::new(),
            highest_reported: 64_999,
            next_report: 0,
            reports: VecDeque::new(),
            longest: 0,
            waited: (0, 0),
            lowest: u64::MAX,
            highest: 0,
        };
        scene.wish(wish);
        scene
    }

    pub(super) fn instant(&self) -> Instant {
        self.epoch + Duration::from_micros(self.now.cast_unsigned())
    }

    pub(super) fn wish(&mut self, wish: u64) {
        self.wish = wish;
        let now = self.instant();
        self.estimator.seek(now, wish);
    }

    pub(super) fn estimate(&self) -> u64 {
        self.estimator.estimate()
    }

    /// Mean time in the queue of the last run, in milliseconds.
    pub(super) fn mean_wait(&self) -> i64 {
        self.waited.0 / self.waited.1.max(1) / 1_000
    }

    /// Lets so many milliseconds pass.
    pub(super) fn run(&mut self, millis: i64) {
        (self.longest, self.waited, self.probed_into) = (0, (0, 0), 0);
        (self.lowest, self.highest) = (u64::MAX, 0);
        for _ in 0..millis {
            self.now += STEP;
            self.hear();
            self.report();
            self.send();
            let now = self.instant();
            if self.estimator.poll_timeout().is_some_and(|due| due <= now) {
                self.estimator.handle_timeout(now);
                assert!(self.estimator.poll_timeout().is_none_or(|due| due > now), "the time is due again");
            }
            self.lowest = self.lowest.min(self.estimate());
            self.highest = self.highest.max(self.estimate());
        }
    }

    /// Runs until the estimate is at least that, and returns how many milliseconds it took.
    pub(super) fn run_until(&mut self, estimate: u64, at_most: i64) -> i64 {
        let begun = self.now;
        while self.estimate() < estimate {
            assert!((self.now - begun) / 1_000 < at_most, "{} after {at_most} ms", self.estimate());
            self.run(1);
        }
        (self.now - begun) / 1_000
    }

    /// The line holds everything for so many milliseconds, as a wireless network does that looks for others.
    pub(super) fn hold(&mut self, millis: i64) {
        self.busy_until = self.busy_until.max(self.now) + 1_000 * millis;
    }

    /// How long what is sent now waits for the bottleneck.
    fn waiting(&self) -> i64 {
        (self.busy_until - self.now).max(0)
    }

    fn send(&mut self) {
        let now = self.instant();
        if self.probe.is_none() {
            self.probe = self.estimator.poll_probe(now).map(|probe| {
                let size = (probe.bytes / probe.packets).clamp(200, PACKET);
                (probe, size, size as f64)
            });
            if self.probe.is_some() {
                self.probes += 1;
                self.probed_into = self.probed_into.max(self.waiting());
            }
        }
        if let Some((mut left, bytes, mut budget)) = self.probe.take() {
            budget += left.rate as f64 / 8.0 * 1e-3;
            while budget >= bytes as f64 && (left.bytes > 0 || left.packets > 0) {
                budget -= bytes as f64;
                left.bytes = left.bytes.saturating_sub(bytes);
                left.packets = left.packets.saturating_sub(1);
                self.put(bytes, Some(left.id));
            }
            self.probe = (left.bytes > 0 || left.packets > 0).then_some((left, bytes, budget));
            return;
        }
        if self.estimate() < self.price {
            return;
        }
        self.budget += self.wish.min(self.estimate()) as f64 / 8.0 * 1e-3;
        // Media of low rates comes in small packets.
        let bytes = usize::try_from(self.wish.min(self.estimate()) / 8 / 50).unwrap().clamp(100, PACKET);
        while self.budget >= bytes as f64 {
            self.budget -= bytes as f64;
            self.put(bytes, None);
        }
    }

    fn put(&mut self, bytes: usize, probe: Option<ProbeId>) {
        self.number += 1;
        let now = self.instant();
        self.estimator.on_sent(now, self.number, bytes, probe);
        let waiting = self.waiting();
        if self.is_cut || waiting > self.queue || self.chance() < self.loss {
            return;
        }
        self.longest = self.longest.max(waiting);
        self.waited = (self.waited.0 + waiting, self.waited.1 + 1);
        self.busy_until = self.now + waiting + (bytes as f64 * 8e6 / self.rate) as i64;
        let jitter = (self.chance().powi(3) * self.jitter as f64) as i64;
        let arrival = self.busy_until + self.delay + jitter;
        self.underway.push_back((self.number, arrival.max(self.underway.back().map_or(0, |(_, before)| *before))));
    }

    fn report(&mut self) {
        while self.underway.front().is_some_and(|(_, arrival)| *arrival <= self.now) {
            self.arrived.extend(self.underway.pop_front());
        }
        if self.now < self.next_report {
            return;
        }
        self.next_report = self.now + self.report_interval;
        let (Some((first, at)), Some((last, _))) = (self.arrived.front().copied(), self.arrived.back().copied()) else {
            return;
        };
        let first = first.min(self.highest_reported + 1);
        // The other side's clock begins elsewhere, shortly before it wraps.
        let base = REFERENCE * ((1 << REFERENCE_BITS) - 100);
        let reference = (base + at) / REFERENCE;
        let mut arrivals = Vec::new();
        for number in first..=last {
            let next = self.arrived.front().filter(|(arrived, _)| *arrived == number);
            arrivals.push(next.map(|(_, arrival)| base + arrival - reference * REFERENCE));
            if next.is_some() {
                self.arrived.pop_front();
            }
        }
        self.highest_reported = last;
        let feedback = Arrivals {
            first: low(first),
            reference: u32::try_from(reference & ((1 << REFERENCE_BITS) - 1)).unwrap(),
            arrivals,
        };
        if !self.is_cut && self.chance() >= self.loss {
            let (fills, longest) = self.uplink;
            let queue = longest * (self.now % 1_000_000).min(fills) / fills;
            let before = self.reports.back().map_or(0, |(at, _)| *at);
            self.reports.push_back((before.max(self.now + self.delay + queue), feedback));
        }
    }

    fn hear(&mut self) {
        while self.reports.front().is_some_and(|(at, _)| *at <= self.now) {
            let (_, feedback) = self.reports.pop_front().unwrap();
            let now = self.instant();
            self.estimator.on_feedback(now, &feedback);
        }
    }

    /// From 0 to 1 (xorshift).
    fn chance(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

pub(super) fn low(number: u64) -> u16 {
    u16::try_from(number & 0xffff).unwrap()
}
