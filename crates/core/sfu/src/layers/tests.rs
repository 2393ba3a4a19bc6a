use super::*;

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn a_layer_runs_from_its_first_packet() {
    let mut scene = Scene::new(Content::Camera);

    assert!(scene.send(Layer::High, 1));

    assert_eq!(scene.liveness.running(), LayerSet::NONE.with(Layer::High));
}

#[test]
fn a_layer_that_falls_silent_stops_running() {
    let mut scene = Scene::new(Content::Camera);
    scene.send(Layer::Low, 5);
    scene.send(Layer::High, 5);
    assert!(!scene.pass_cycle());

    scene.send(Layer::Low, 1);
    scene.send(Layer::High, 4);

    assert!(scene.pass_cycle());
    assert_eq!(scene.liveness.running(), LayerSet::NONE.with(Layer::Low));
}

#[test]
fn a_layer_that_failed_has_to_prove_itself() {
    let mut scene = Scene::of_low_and_high();
    scene.send(Layer::Low, 5);
    scene.pass_cycle();
    assert_eq!(scene.liveness.running(), LayerSet::NONE.with(Layer::Low));

    for cycle in 1..=20 {
        scene.send(Layer::Low, 5);
        scene.send(Layer::High, 5);
        assert_eq!(scene.pass_cycle(), cycle == 20, "cycle {cycle}");
    }
    assert_eq!(scene.liveness.running(), LayerSet::NONE.with(Layer::Low).with(Layer::High));
}

#[test]
fn layers_that_all_fell_silent_at_once_have_not_failed() {
    // Within a cycle, and as one ended.
    for last in [0, 3] {
        let mut scene = Scene::of_low_and_high();
        if last > 0 {
            scene.send(Layer::Low, last);
            scene.send(Layer::High, last);
            scene.pass_cycle();
            assert_eq!(scene.liveness.running(), LayerSet::NONE.with(Layer::Low));
        }
        assert!(scene.pass_cycle());
        assert!(scene.liveness.running().is_empty());

        assert!(scene.send(Layer::Low, 1) && scene.send(Layer::High, 1), "{last}");
    }

    // One that failed before.
    let mut scene = Scene::of_low_and_high();
    for _ in 0..2 {
        scene.send(Layer::Low, 5);
        scene.pass_cycle();
    }
    scene.pass_cycle();
    assert!(scene.send(Layer::Low, 1) && !scene.send(Layer::High, 1));
}

#[test]
fn what_came_while_nobody_looked_is_counted_before_anything_is_concluded() {
    for (kept, late) in [(400, 300), (100, 450), (0, 999), (0, 5000)] {
        let mut scene = Scene::of_low_and_high();
        let send = |scene: &mut Scene, millis: u64| {
            for _ in (0..millis).step_by(40) {
                scene.frame(Layer::Low, 0, 200);
                scene.send(Layer::High, 2);
            }
        };
        // Long enough to be measured, and a part of the next cycle.
        for _ in 0..(6000 + kept) / 40 {
            scene.now += 40 * MILLI;
            send(&mut scene, 40);
        }
        let measured = scene.liveness.bitrate(Layer::High, Temporal::TOP);
        assert!(measured.abs_diff(40_000) < 4_000, "{measured}");

        scene.now += u32::try_from(late).unwrap() * MILLI;
        assert!(!scene.liveness.handle_timeout(scene.now), "{late}");
        send(&mut scene, late);
        for _ in 0..50 {
            scene.now += 40 * MILLI;
            send(&mut scene, 40);
            assert_eq!(scene.liveness.running(), LayerSet::NONE.with(Layer::Low).with(Layer::High), "{late}");
            let bits = scene.liveness.bitrate(Layer::High, Temporal::TOP);
            assert!(bits.abs_diff(measured) < measured / 5, "{bits} of {measured}, {late}");
        }
    }
}

#[test]
fn who_looks_seldom_learns_all_the_same_what_has_stopped() {
    let mut scene = Scene::of_low_and_high();
    for second in 1..=3 {
        scene.now += 1000 * MILLI;
        assert_eq!(scene.liveness.handle_timeout(scene.now), second == 2);
    }
    assert!(scene.liveness.running().is_empty());
}

#[test]
fn one_bad_cycle_starts_the_proof_anew() {
    let mut scene = Scene::of_low_and_high();
    for _ in 0..2 {
        scene.send(Layer::High, 5);
        scene.pass_cycle();
    }

    for packets in [1, 1, 1, 0, 1, 1, 1] {
        scene.send(Layer::Low, packets);
        scene.send(Layer::High, 5);
        assert!(!scene.pass_cycle());
    }
    scene.send(Layer::Low, 1);
    scene.send(Layer::High, 5);
    assert!(scene.pass_cycle());
}

#[test]
fn a_layer_switched_off_and_on_again_has_not_failed() {
    for off_in in [0, 5] {
        let mut scene = Scene::new(Content::Camera);
        scene.send(Layer::High, 5);
        scene.pass_cycle();

        scene.send(Layer::High, off_in);
        scene.liveness.set_enabled(LayerSet::NONE);
        scene.liveness.set_enabled(LayerSet::ALL);
        scene.pass_cycle();
        if off_in > 0 {
            assert!(scene.liveness.running().contains(Layer::High));
            scene.pass_cycle();
        }
        assert!(scene.liveness.running().is_empty());
        assert!(scene.send(Layer::High, 1), "believed from its first packet");
    }
}

#[test]
fn a_layer_stopped_on_request_has_not_failed() {
    let mut scene = Scene::new(Content::Camera);
    scene.send(Layer::High, 5);
    scene.pass_cycle();

    scene.liveness.set_enabled(LayerSet::NONE.with(Layer::Low));
    assert!(scene.pass_cycle());
    scene.liveness.set_enabled(LayerSet::ALL);

    assert!(scene.send(Layer::High, 1), "believed at once");
}

#[test]
fn a_still_screen_keeps_running() {
    let mut scene = Scene::new(Content::Screen);
    scene.send(Layer::Low, 1);

    for _ in 0..5 {
        scene.send(Layer::Low, 1);
        assert!(!scene.pass_cycle());
    }
    assert!(scene.pass_cycle());
    assert!(scene.send(Layer::Low, 1), "it moves again");
}

#[test]
fn a_track_that_sends_nothing_needs_no_timer() {
    let mut scene = Scene::new(Content::Camera);
    assert_eq!(scene.liveness.poll_timeout(), None);
    scene.send(Layer::Low, 1);

    let mut turns = 0;
    while let Some(due) = scene.liveness.poll_timeout() {
        scene.liveness.handle_timeout(due);
        turns += 1;
        assert!(turns < 20);
    }
    assert!(scene.liveness.running().is_empty());
}

#[test]
fn rates_add_up_over_temporal_layers() {
    let mut scene = Scene::new(Content::Camera);
    for _ in 0..100 {
        for tid in [0, 2, 1, 2] {
            scene.frame(Layer::Low, tid, 1000);
            scene.now += 25 * MILLI;
        }
    }

    let rate = |tid| scene.liveness.frame_rate(Layer::Low, Temporal::new(tid));
    assert!((rate(0) - 10.0).abs() < 1.0 && (rate(1) - 20.0).abs() < 1.0 && (rate(2) - 40.0).abs() < 1.5);
    let bits = scene.liveness.bitrate(Layer::Low, Temporal::TOP);
    assert!(bits.abs_diff(320_000) < 10_000, "{bits}");
    assert_eq!(scene.liveness.bitrate(Layer::High, Temporal::TOP), 0);
}

#[test]
fn layers_of_one_stream_cost_what_those_below_them_do_too_and_live_by_single_packets() {
    let mut scene = Scene::new(Content::Camera);
    scene.liveness.set_scalable();
    for _ in 0..100 {
        scene.frame(Layer::Low, 0, 1000);
        scene.frame(Layer::Medium, 0, 3000);
        scene.now += 100 * MILLI;
    }

    let bits = |layer| scene.liveness.bitrate(layer, Temporal::TOP);
    assert!(bits(Layer::Low).abs_diff(80_000) < 5_000, "{}", bits(Layer::Low));
    assert!(bits(Layer::Medium).abs_diff(320_000) < 10_000, "{}", bits(Layer::Medium));
    assert_eq!(bits(Layer::High), 0, "not sent");

    scene.pass_cycle();
    scene.frame(Layer::Medium, 0, 3000);
    scene.pass_cycle();
    assert!(scene.liveness.running().contains(Layer::Medium));
}

#[test]
fn a_layer_that_begins_within_a_window_costs_what_it_does_from_then_on() {
    for begins in [500, 700, 900] {
        let mut scene = Scene::new(Content::Camera);
        for millis in (0..2050).step_by(25) {
            scene.frame(Layer::Low, 0, 100);
            if millis >= begins {
                scene.frame(Layer::High, 0, 1000);
            }
            let bits = scene.liveness.bitrate(Layer::High, Temporal::TOP);
            assert!(bits == 0 || (300_000..350_000).contains(&bits), "{bits} of 320,000, begun after {begins} ms");
            scene.now += 25 * MILLI;
        }
        assert!(scene.liveness.bitrate(Layer::High, Temporal::TOP) > 0);
    }
}

#[test]
fn a_screen_costs_what_it_takes_in_the_mean_and_soon_what_it_does_while_it_moves() {
    let mut scene = Scene::new(Content::Screen);
    let second = |scene: &mut Scene, bytes: usize| {
        for _ in 0..10 {
            if bytes > 0 {
                scene.frame(Layer::Low, 0, bytes / 10);
            }
            scene.now += 100 * MILLI;
            scene.liveness.handle_timeout(scene.now);
        }
        scene.liveness.bitrate(Layer::Low, Temporal::TOP)
    };
    // Slides of 1.6 Mbit, of which half a minute shows nothing.
    second(&mut scene, 200_000);
    for gap in [3, 9, 30, 120] {
        (0..gap).for_each(|_| _ = second(&mut scene, 0));
        let bits = second(&mut scene, 200_000);
        assert!(bits < 700_000, "{bits} after {gap} seconds");
    }
    assert!((100_000..200_000).contains(&scene.liveness.bitrate(Layer::Low, Temporal::TOP)));

    let moves = [(); 4].map(|()| second(&mut scene, 100_000));
    assert!(moves[3] >= 750_000 && moves[0] < 400_000, "{moves:?}");

    scene.liveness.set_enabled(LayerSet::NONE);
    let price = second(&mut scene, 0);
    (0..60).for_each(|_| _ = second(&mut scene, 0));
    assert_eq!(scene.liveness.bitrate(Layer::Low, Temporal::TOP), price, "it is switched off");

    scene.liveness.set_enabled(LayerSet::ALL);
    second(&mut scene, 10);
    (0..60).for_each(|_| _ = second(&mut scene, 0));
    assert_eq!((second(&mut scene, 0), scene.liveness.poll_timeout()), (0, None));
}

#[test]
fn a_layer_that_ended_costs_nothing() {
    let mut scene = Scene::new(Content::Camera);
    for _ in 0..100 {
        scene.frame(Layer::Low, 0, 1000);
        scene.now += 25 * MILLI;
    }

    for _ in 0..4 {
        scene.pass_cycle();
    }

    assert_eq!(scene.liveness.bitrate(Layer::Low, Temporal::TOP), 0);
}

#[test]
fn the_best_layer_is_the_largest_allowed_or_the_smallest_there_is() {
    let outer: LayerSet = [Layer::Low, Layer::High].into_iter().collect();

    assert_eq!(outer.best_for(Layer::High), Some(Layer::High));
    assert_eq!(outer.best_for(Layer::Medium), Some(Layer::Low));
    assert_eq!(outer.without(Layer::Low).best_for(Layer::Medium), Some(Layer::High));
    assert_eq!(LayerSet::NONE.best_for(Layer::High), None);
}

#[test]
fn sets_are_cumulative_up_to_a_layer() {
    assert_eq!(LayerSet::up_to(None), LayerSet::NONE);
    assert_eq!(LayerSet::up_to(Some(Layer::Medium)), LayerSet::ALL.without(Layer::High));
}

#[test]
fn rids_name_layers() {
    assert_eq!(["q", "h", "f", "x"].map(Layer::from_rid), [0, 1, 2, 3].map(Layer::from_index));
}

struct Scene {
    liveness: Liveness,
    content: Content,
    now: Instant,
}

impl Scene {
    fn new(content: Content) -> Self {
        Self { liveness: Liveness::new(content), content, now: Instant::now() }
    }

    /// Both have run for a cycle.
    fn of_low_and_high() -> Self {
        let mut scene = Self::new(Content::Camera);
        scene.send(Layer::Low, 5);
        scene.send(Layer::High, 5);
        assert!(!scene.pass_cycle());
        scene
    }

    fn frame(&mut self, layer: Layer, tid: u8, bytes: usize) -> bool {
        let sample = Sample { layer, temporal: Temporal::new(tid), bytes, start_of_frame: true };
        self.liveness.on_packet(sample, self.now)
    }

    fn send(&mut self, layer: Layer, packets: usize) -> bool {
        (0..packets).fold(false, |changed, _| self.frame(layer, 0, 100) | changed)
    }

    /// A cycle in which somebody looks from time to time.
    fn pass_cycle(&mut self) -> bool {
        let end = self.now + self.content.cycle();
        let mut changed = false;
        while self.now < end {
            self.now += 100 * MILLI;
            changed |= self.liveness.handle_timeout(self.now);
        }
        changed
    }
}
