//! The estimator on lines that do not exist.

mod scene;

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use scene::{FIRST, Scene, low};

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
fn a_narrow_line_is_noticed_soon_after_the_first_packets() {
    for (rate, wish, most) in [(1e6, 1_700_000, 400_000), (500e3, 1_700_000, 800_000), (2e6, 6_000_000, 450_000)] {
        let mut scene = Scene::new(rate, wish);
        scene.run(800);
        assert!(scene.estimate() < rate as u64, "{} on {rate}", scene.estimate());
        assert!(scene.longest < most, "{} us in the queue on {rate}", scene.longest);
        scene.run(2_200);
        scene.run(1_000);
        assert!(scene.mean_wait() < 100, "{} ms in the queue on {rate}", scene.mean_wait());
    }

    // A way that has become longer meanwhile is none.
    let mut scene = Scene::new(10e6, 3_000_000);
    scene.run(5_000);
    scene.wish(0);
    scene.run(3_000);
    scene.delay += 90_000;
    scene.wish(3_000_000);
    scene.run(2_000);
    assert_eq!(scene.lowest, FIRST);
}

#[test]
fn a_subscriber_whose_own_uplink_fills_is_not_taken_for_one_whose_downlink_does() {
    for (wish, fills, longest) in [32_000, 200_000, 1_700_000]
        .into_iter()
        .flat_map(|wish| [(500_000, 400_000), (1_000_000, 600_000)].map(|(fills, longest)| (wish, fills, longest)))
    {
        let mut scene = Scene::new(20e6, wish);
        scene.uplink = (fills, longest);
        scene.run(1_000);
        assert_eq!(scene.lowest, FIRST, "{wish} bit/s, {longest} us in {fills}");
    }
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
fn a_long_queue_is_left_to_drain() {
    for (before, after) in [(5e6, 250e3), (2e6, 300e3), (10e6, 3e6)] {
        let mut scene = Scene::new(before, 4 * before as u64 / 5);
        scene.jitter = 2_000;
        scene.run(10_000);
        scene.rate = after;
        scene.run(4_000);
        assert!(scene.probed_into < 100_000, "probed into a queue of {} us", scene.probed_into);
        scene.run(1_000);
        assert!(scene.mean_wait() < 100, "{} ms in the queue after {after}", scene.mean_wait());
        scene.run(10_000);
        assert!(scene.probed_into < 100_000 && scene.mean_wait() < 20, "{} ms", scene.mean_wait());
        assert!(scene.lowest > after as u64 / 2, "{}", scene.lowest);
    }
}

#[test]
fn what_a_wireless_network_holds_up_for_a_moment_costs_nothing() {
    for (rate, wish) in [(50e6, 6_500_000), (20e6, 6_500_000), (10e6, 4_000_000), (6e6, 2_500_000), (3e6, 1_500_000)] {
        let mut scene = Scene::new(rate, wish);
        scene.jitter = 5_000;
        scene.run(10_000);
        for halt in 0..20 {
            scene.hold(if halt % 2 == 0 { 300 } else { 100 });
            scene.run(5_000);
            assert!(scene.lowest >= wish, "{} of {wish} in halt {halt} on {rate}", scene.lowest);
        }
    }
}

#[test]
fn a_queue_of_others_is_not_waited_for_for_ever() {
    let mut round_trip = RoundTrip::after(None, 0, 50_000);
    let mut usual_after = |from: i64, until: i64| {
        for now in (from..until).step_by(100_000) {
            // It fills up in two seconds, and is half empty then.
            round_trip = RoundTrip::after(Some(round_trip), now, 250_000 + now % 2_000_000 / 10);
        }
        round_trip.usual
    };
    assert_eq!(usual_after(100_000, LONGEST_QUEUE - PERIOD), 50_000);
    assert!(usual_after(LONGEST_QUEUE - PERIOD, LONGEST_QUEUE + PERIOD) >= 250_000);
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

    let mut scene = Scene::new(5e6, 4_000_000);
    scene.loss = 0.2;
    let mut sum = 0;
    for _ in 0..90 {
        scene.run(1_000);
        assert!(scene.lowest > 1_000_000, "{}", scene.lowest);
        sum += scene.estimate();
    }
    assert!(sum / 90 > 3_000_000, "{}", sum / 90);
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
fn who_is_sent_nothing_any_more_is_tried_again() {
    for rate in [None, Some(60e3)] {
        let mut scene = Scene::new(5e6, 4_000_000);
        scene.price = 500_000;
        scene.run(10_000);
        (scene.is_cut, scene.rate) = (rate.is_none(), rate.unwrap_or(5e6));
        scene.run(9_000);
        assert!(scene.estimate() < scene.price, "{}", scene.estimate());
        (scene.is_cut, scene.rate) = (false, 5e6);
        scene.run_until(4_000_000, 10_000);
    }

    // Not more often than it takes.
    let mut scene = Scene::new(5e6, 4_000_000);
    scene.price = 500_000;
    scene.run(10_000);
    scene.is_cut = true;
    scene.run(10_000);
    let probes = scene.probes;
    scene.run(60_000);
    assert!((10..=12).contains(&(scene.probes - probes)), "{} probes", scene.probes - probes);
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
