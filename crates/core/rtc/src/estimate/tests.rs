//! The estimator on lines that do not exist: one bottleneck with a queue, a sender that sends media as it is told and the
//! probes, and a subscriber who reports.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;

/// A step of the simulation, microseconds.
const STEP: i64 = 1_000;

/// Bytes of a packet of media, at most.
const PACKET: usize = 1_200;

/// What is believed at first in the product.
const FIRST: u64 = 5_000_000;

/// A line, a sender and a subscriber.
struct Scene {
    epoch: Instant,
    now: i64,
    estimator: Estimator,
    random: u64,
    /// The bottleneck: bits per second, time its queue holds, the way besides it, share lost by chance in either direction,
    /// and by how much a packet is late at most.
    rate: f64,
    queue: i64,
    delay: i64,
    loss: f64,
    jitter: i64,
    /// Nothing passes in either direction.
    is_cut: bool,
    /// How much media there is, bits per second.
    wish: u64,
    report_interval: i64,
    number: u64,
    /// Bytes of media that may leave; a probe that is leaving, bytes of its packets, and bytes of it that may leave.
    budget: f64,
    probe: Option<(Probe, usize, f64)>,
    probes: usize,
    /// When the bottleneck is free again.
    busy_until: i64,
    /// Number and arrival, in order of arrival.
    underway: VecDeque<(u64, i64)>,
    arrived: VecDeque<(u64, i64)>,
    highest_reported: u64,
    next_report: i64,
    reports: VecDeque<(i64, Arrivals)>,
    /// Longest time in the queue in the last run.
    longest: i64,
    /// Time in the queue, summed over packets of the last run.
    waited: (i64, i64),
    lowest: u64,
    highest: u64,
}

impl Scene {
    fn new(rate: f64, wish: u64) -> Self {
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
            report_interval: 60_000,
            number: 65_000,
            budget: 0.0,
            probe: None,
            probes: 0,
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

    fn instant(&self) -> Instant {
        self.epoch + Duration::from_micros(self.now.cast_unsigned())
    }

    fn wish(&mut self, wish: u64) {
        self.wish = wish;
        let now = self.instant();
        self.estimator.seek(now, wish);
    }

    fn estimate(&self) -> u64 {
        self.estimator.estimate()
    }

    /// Mean time in the queue of the last run, in milliseconds.
    fn mean_wait(&self) -> i64 {
        self.waited.0 / self.waited.1.max(1) / 1_000
    }

    /// Lets so many milliseconds pass.
    fn run(&mut self, millis: i64) {
        (self.longest, self.waited, self.lowest, self.highest) = (0, (0, 0), u64::MAX, 0);
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
    fn run_until(&mut self, estimate: u64, at_most: i64) -> i64 {
        let begun = self.now;
        while self.estimate() < estimate {
            assert!((self.now - begun) / 1_000 < at_most, "{} after {at_most} ms", self.estimate());
            self.run(1);
        }
        (self.now - begun) / 1_000
    }

    fn send(&mut self) {
        let now = self.instant();
        if self.probe.is_none() {
            self.probe = self.estimator.poll_probe(now).map(|probe| {
                let size = (probe.bytes / probe.packets).clamp(200, PACKET);
                (probe, size, size as f64)
            });
            self.probes += usize::from(self.probe.is_some());
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
        let waiting = (self.busy_until - self.now).max(0);
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
            self.reports.push_back((self.now + self.delay, feedback));
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

fn low(number: u64) -> u16 {
    u16::try_from(number & 0xffff).unwrap()
}

#[test]
fn three_megabit_are_found_from_a_belief_of_five() {
    let mut scene = Scene::new(3e6, 6_000_000);
    scene.run(3_000);
    assert!(scene.longest < 300_000, "{} us in the queue", scene.longest);
    scene.run(7_000);
    assert!((2_500_000..3_100_000).contains(&scene.estimate()), "{}", scene.estimate());

    scene.run(60_000);
    assert!(scene.lowest > 2_200_000 && scene.highest < 3_300_000, "{} to {}", scene.lowest, scene.highest);
    assert!(scene.mean_wait() < 10 && scene.longest < 100_000, "{} ms, {} us", scene.mean_wait(), scene.longest);
    assert!(scene.probes < 12, "{} probes", scene.probes);
}

#[test]
fn a_line_that_becomes_narrow_is_left_room_on_and_used_again_when_it_is_wide() {
    let mut scene = Scene::new(5e6, 4_000_000);
    scene.run(10_000);
    scene.rate = 250e3;
    scene.run(3_000);
    assert!((90_000..280_000).contains(&scene.estimate()), "{}", scene.estimate());
    scene.run(20_000);
    scene.run(20_000);
    assert!(scene.lowest > 180_000 && scene.highest < 300_000, "{} to {}", scene.lowest, scene.highest);
    assert!(scene.mean_wait() < 30 && scene.longest < 120_000, "{} ms, {} us", scene.mean_wait(), scene.longest);

    scene.rate = 5e6;
    scene.run_until(3_500_000, 20_000);
}

#[test]
fn losses_by_chance_starve_nobody() {
    let mut scene = Scene::new(10e6, 8_000_000);
    scene.loss = 0.05;
    scene.run_until(8_000_000, 5_000);
    scene.run(60_000);
    assert!(scene.lowest > 6_000_000, "{}", scene.lowest);
    let loss = scene.estimator.loss().unwrap();
    assert!((0.03..0.07).contains(&loss), "{loss}");
    assert_eq!(scene.estimator.loss(), None);

    let mut scene = Scene::new(10e6, 300_000);
    scene.loss = 0.05;
    scene.run(60_000);
    assert!(scene.lowest > 2_000_000, "{}", scene.lowest);
}

#[test]
fn losses_for_want_of_a_queue_are_heeded() {
    let mut scene = Scene::new(1e6, 4_000_000);
    scene.queue = 10_000;
    scene.run(5_000);
    scene.estimator.loss();
    scene.run(60_000);
    assert!(scene.lowest > 700_000 && scene.highest < 1_400_000, "{} to {}", scene.lowest, scene.highest);
    let loss = scene.estimator.loss().unwrap();
    assert!(loss < 0.1, "{loss}");
}

#[test]
fn who_sends_little_is_believed_to_be_able_to_send_more() {
    let mut scene = Scene::new(10e6, 200_000);
    scene.run(60_000);
    assert_eq!((scene.lowest, scene.probes), (FIRST, 0));
}

#[test]
fn more_that_is_wanted_is_found_at_once() {
    let mut scene = Scene::new(10e6, 200_000);
    scene.estimator = Estimator::new(300_000);
    scene.wish(200_000);
    scene.run(20_000);
    assert!(scene.highest < 320_000 && scene.probes == 0, "{}", scene.highest);

    scene.wish(6_000_000);
    let first = scene.run_until(6_000_000, 3_000);
    assert!(first < 1_000, "{first} ms");
    scene.wish(9_000_000);
    scene.run_until(8_000_000, 3_000);
}

#[test]
fn an_outage_is_made_up_for() {
    for outage in [1_000, 1_500, 2_000, 10_000] {
        let mut scene = Scene::new(5e6, 4_000_000);
        scene.run(10_000);
        scene.is_cut = true;
        scene.run(outage);
        scene.is_cut = false;
        scene.run(3_000);
        assert!(scene.estimate() > 4_000_000, "{} after {outage} ms", scene.estimate());
    }
}

#[test]
fn a_dead_line_is_believed_to_carry_a_voice() {
    let mut scene = Scene::new(5e6, 4_000_000);
    scene.run(10_000);
    scene.is_cut = true;
    let probes = scene.probes;
    scene.run(20_000);
    assert_eq!((scene.estimate(), scene.probes), (30_000, probes));
    scene.is_cut = false;
    scene.run_until(4_000_000, 8_000);
}

#[test]
fn whose_last_words_are_lost_is_not_doubted() {
    let mut scene = Scene::new(5e6, 4_000_000);
    scene.run(10_000);
    let before = scene.estimate();
    scene.is_cut = true;
    scene.run(50);
    scene.wish(0);
    scene.run(20_000);
    assert_eq!((scene.estimate(), scene.estimator.poll_timeout()), (before, None));
}

#[test]
fn long_ways_are_learned_as_well() {
    let mut scene = Scene::new(3e6, 6_000_000);
    scene.delay = 100_000;
    scene.run(4_000);
    assert!(scene.longest < 450_000, "{} us in the queue", scene.longest);
    scene.run(6_000);
    assert!(scene.lowest > 2_300_000, "{}", scene.lowest);
    scene.run(60_000);
    assert!(scene.lowest > 2_200_000 && scene.mean_wait() < 10, "{}, {} ms", scene.lowest, scene.mean_wait());
    let round_trip = scene.estimator.round_trip().unwrap();
    assert!((Duration::from_millis(195)..Duration::from_millis(260)).contains(&round_trip), "{round_trip:?}");
}

#[test]
fn a_line_that_shakes_is_used() {
    let mut scene = Scene::new(10e6, 3_000_000);
    scene.jitter = 30_000;
    scene.run(5_000);
    scene.run(60_000);
    assert!(scene.lowest > 1_500_000, "{}", scene.lowest);
}

#[test]
fn a_way_that_becomes_longer_is_not_taken_for_a_queue_for_long() {
    let mut scene = Scene::new(10e6, 3_000_000);
    scene.run(5_000);
    scene.delay += 90_000;
    scene.run(1_000);
    assert!(scene.lowest < 3_000_000, "nothing was doubted: {}", scene.lowest);
    scene.run_until(3_000_000, 5_000);
    scene.run(10_000);
    assert!(scene.lowest >= 3_000_000, "{}", scene.lowest);
}

#[test]
fn who_sends_little_on_a_way_that_becomes_longer_keeps_room_for_it() {
    // Wherever in the middle of packets and reports that happens, and on a way that shakes besides.
    for (phase, jitter) in (0..8).flat_map(|phase| [(7 * phase, 0), (7 * phase, 5_000), (7 * phase, 15_000)]) {
        let mut scene = Scene::new(10e6, 350_000);
        scene.jitter = jitter;
        scene.run(5_000 + phase);
        scene.delay += 90_000;
        scene.run(5_000);
        assert!(scene.lowest < FIRST || jitter > 0, "nothing was doubted");
        assert!(scene.lowest >= FIRST / 2, "{} at {phase} ms with {jitter} us", scene.lowest);
    }
}

#[test]
fn who_sends_little_learns_of_a_line_that_carries_less() {
    let mut scene = Scene::new(10e6, 350_000);
    scene.run(5_000);
    scene.rate = 200e3;
    scene.run(1_500);
    assert!(scene.estimate() < 200_000, "{}", scene.estimate());
    assert!(scene.longest < 900_000, "{} us in the queue", scene.longest);
}

#[test]
fn more_is_looked_for_soon_after_a_way_became_longer() {
    let mut scene = Scene::new(10e6, 1_500_000);
    scene.estimator = Estimator::new(1_500_000);
    scene.wish(1_500_000);
    scene.run(5_000);
    scene.delay += 90_000;
    scene.run(100);
    scene.wish(6_000_000);
    let found = scene.run_until(5_000_000, 10_000);
    assert!(found < 3_000, "{found} ms");
}

#[test]
fn who_never_reports_is_neither_probed_nor_doubted() {
    let mut scene = Scene::new(5e6, 8_000_000);
    scene.report_interval = i64::MAX / 2;
    scene.next_report = i64::MAX;
    scene.run(10_000);
    assert_eq!((scene.estimate(), scene.probes, scene.estimator.poll_timeout()), (FIRST, 0, None));
    assert_eq!((scene.estimator.round_trip(), scene.estimator.loss()), (None, None));
}

#[test]
fn a_longer_way_is_no_queue() {
    let mut scene = Scene::new(10e6, 200_000);
    scene.estimator = Estimator::new(300_000);
    scene.delay = 7_500;
    scene.wish(200_000);
    scene.run(20_000);

    // From a wireless network to a mobile one.
    scene.delay = 100_000;
    let now = scene.instant();
    scene.estimator.path_changed(now);
    assert_eq!(scene.estimator.round_trip(), None);
    scene.wish(6_000_000);
    let found = scene.run_until(4_000_000, 20_000);
    assert!(found < 2_000, "{found} ms");
    assert!(scene.lowest >= 300_000, "{}", scene.lowest);
}

#[test]
fn what_the_way_before_lost_says_nothing_of_the_next() {
    let mut scene = Scene::new(10e6, 2_000_000);
    scene.run(10_000);
    scene.estimator.loss();
    let before = scene.estimate();
    scene.is_cut = true;
    scene.run(1_000);
    scene.is_cut = false;
    let now = scene.instant();
    scene.estimator.path_changed(now);
    assert_eq!(scene.estimate(), before);
    scene.run(3_000);
    assert_eq!((scene.estimator.loss(), scene.lowest), (Some(0.0), before));
}

#[test]
fn nothing_is_probed_for_before_the_next_way_has_shown_something_and_silence_is_still_noticed() {
    let mut scene = Scene::new(5e6, 4_000_000);
    scene.run(10_000);
    let (before, now) = (scene.estimate(), scene.instant());
    scene.estimator.path_changed(now);
    scene.is_cut = true;
    scene.wish(20_000_000);
    let probes = scene.probes;
    scene.run(1_400);
    assert_eq!((scene.estimate(), scene.probes), (before, probes));
    scene.run(600);
    assert!(scene.estimate() < before && scene.probes == probes);
}

#[test]
fn a_report_counts_once() {
    let now = Instant::now();
    let mut estimator = Estimator::new(FIRST);
    (0..10).for_each(|number| estimator.on_sent(now, number, 1_000, None));
    let feedback = Arrivals { first: 65_530, reference: 0, arrivals: [vec![Some(0); 8], vec![None; 80]].concat() };
    (0..3).for_each(|_| estimator.on_feedback(now, &feedback));
    assert_eq!(estimator.loss(), None, "it begins with a number that was never sent");

    let feedback = Arrivals { first: 0, ..feedback };
    (0..3).for_each(|_| estimator.on_feedback(now, &feedback));
    assert_eq!(estimator.loss(), Some(0.2));
    estimator.on_feedback(now, &Arrivals { first: 8, reference: 0, arrivals: vec![Some(0); 2] });
    assert_eq!(estimator.loss(), None);
}

#[test]
fn the_reference_time_wraps() {
    let mut estimator = Estimator::new(FIRST);
    assert_eq!(estimator.unwrap_reference(0x00ff_fffe), 0x00ff_fffe * REFERENCE);
    assert_eq!(estimator.unwrap_reference(3), 0x0100_0003 * REFERENCE);
    assert_eq!(estimator.unwrap_reference(0xffff_ffff), 0x00ff_ffff * REFERENCE);
    assert_eq!(estimator.unwrap_reference(0x0080_0000), 0x0080_0000 * REFERENCE);
}

#[test]
fn one_that_has_little_to_do_is_small() {
    assert!(size_of::<Estimator>() < 1_500, "{}", size_of::<Estimator>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever somebody says, in whatever order: there is an estimate within its limits, and time does not stand still.
    #[test]
    fn nonsense_is_survived(script in vec(any_call(), 0..40)) {
        let mut now = Instant::now();
        let mut estimator = Estimator::new(FIRST);
        let mut number = 65_000;
        let mut probe = None;
        for call in script {
            match call {
                Call::Send(packets, bytes) => {
                    for _ in 0..packets {
                        number += 1;
                        now += Duration::from_micros(300);
                        estimator.on_sent(now, number, bytes, probe);
                    }
                }
                Call::Skip(numbers) => number += numbers,
                Call::Hear(back, mut feedback) => {
                    feedback.first = low(number).wrapping_sub(back);
                    estimator.on_feedback(now, &feedback);
                }
                Call::Seek(desired) => estimator.seek(now, desired),
                Call::Wait(millis) => {
                    now += Duration::from_millis(millis);
                    estimator.handle_timeout(now);
                    prop_assert!(estimator.poll_timeout().is_none_or(|due| due > now));
                }
            }
            probe = estimator.poll_probe(now).map(|probe| probe.id).or(probe);
            prop_assert!((30_000..=10_000_000_000).contains(&estimator.estimate()));
            prop_assert!(estimator.loss().is_none_or(|loss| (0.0..=1.0).contains(&loss)));
            prop_assert!(estimator.round_trip().is_none_or(|round_trip| round_trip < Duration::from_secs(3_600)));
        }
    }
}

#[derive(Debug, Clone)]
enum Call {
    Send(usize, usize),
    Skip(u64),
    Hear(u16, Arrivals),
    Seek(u64),
    Wait(u64),
}

fn any_call() -> impl Strategy<Value = Call> {
    let arrival = prop_oneof![
        2 => Just(None),
        4 => (0..100_000_i64).prop_map(Some),
        1 => any::<i64>().prop_map(Some),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX)].prop_map(Some),
    ];
    let reference = prop_oneof![0..20_u32, any::<u32>()];
    let feedback = (reference, vec(arrival, 0..60));
    let feedback = feedback.prop_map(|(reference, arrivals)| Arrivals { first: 0, reference, arrivals });
    prop_oneof![
        (0..80_usize, 0..70_000_usize).prop_map(|(packets, bytes)| Call::Send(packets, bytes)),
        (0..70_000_u64).prop_map(Call::Skip),
        (prop_oneof![0..200_u16, any::<u16>()], feedback).prop_map(|(back, feedback)| Call::Hear(back, feedback)),
        any::<u64>().prop_map(Call::Seek),
        (0..5_000_u64).prop_map(Call::Wait),
    ]
}
