use super::*;
use crate::munger::{Munger, Rtp};

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn nothing_is_forwarded_before_a_key_frame() {
    let mut scene = Scene::new(Layer::High, LayerSet::ALL);

    assert_eq!(scene.delta(Layer::High), Decision::Drop);
    assert_eq!(scene.delta(Layer::Low), Decision::Drop);
    assert_eq!(scene.key(Layer::High), Decision::Switch);
    assert_eq!(scene.delta(Layer::High), Decision::Forward);
}

#[test]
fn the_first_picture_may_be_a_smaller_one() {
    let mut scene = Scene::new(Layer::High, LayerSet::ALL);

    assert_eq!(scene.key(Layer::Low), Decision::Switch);
    assert_eq!(scene.delta(Layer::Low), Decision::Forward);
    assert_eq!(scene.key(Layer::Medium), Decision::Switch);
    assert_eq!(scene.delta(Layer::Low), Decision::Drop);
    assert_eq!(scene.key(Layer::High), Decision::Switch);
    assert_eq!(scene.key(Layer::Medium), Decision::Drop);
}

#[test]
fn a_picture_larger_than_wanted_is_not_taken_for_a_start() {
    let mut scene = Scene::new(Layer::Low, LayerSet::ALL);

    assert_eq!(scene.key(Layer::High), Decision::Drop);
    assert_eq!(scene.key(Layer::Low), Decision::Switch);
}

#[test]
fn the_old_layer_goes_on_until_the_new_one_has_a_key_frame() {
    let mut scene = Scene::new(Layer::High, LayerSet::ALL);
    scene.key(Layer::High);

    scene.selector.set_wish(Some(Wish::full(Layer::Low)));

    assert_eq!(scene.delta(Layer::Low), Decision::Drop);
    assert_eq!(scene.delta(Layer::High), Decision::Forward);
    assert_eq!(scene.key(Layer::Low), Decision::Switch);
    assert_eq!(scene.delta(Layer::High), Decision::Drop);
}

#[test]
fn a_layer_that_stops_is_replaced_by_the_best_running_one() {
    let mut scene = Scene::new(Layer::High, LayerSet::ALL);
    scene.key(Layer::High);

    scene.selector.set_running(LayerSet::ALL.without(Layer::High));

    assert_eq!(scene.selector.target(), Some(Layer::Medium));
    assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::Medium));
    assert_eq!(scene.key(Layer::Medium), Decision::Switch);
}

#[test]
fn a_track_with_only_a_large_layer_is_still_shown_to_who_wants_a_small_one() {
    let mut scene = Scene::new(Layer::Low, LayerSet::NONE.with(Layer::High));

    assert_eq!(scene.selector.target(), Some(Layer::High));
    assert_eq!(scene.key(Layer::High), Decision::Switch);
}

#[test]
fn bandwidth_limits_what_is_wanted() {
    let mut scene = Scene::new(Layer::High, LayerSet::ALL);

    scene.selector.set_cap(Some(Wish::full(Layer::Medium)));
    assert_eq!(scene.selector.target(), Some(Layer::Medium));

    scene.selector.set_cap(None);
    assert_eq!(scene.selector.target(), None);
    assert_eq!(scene.key(Layer::Low), Decision::Drop);
}

#[test]
fn a_disabled_track_begins_anew_with_a_key_frame() {
    let mut scene = Scene::new(Layer::High, LayerSet::ALL);
    scene.key(Layer::High);

    scene.selector.set_wish(None);
    assert_eq!(scene.delta(Layer::High), Decision::Drop);

    scene.selector.set_wish(Some(Wish::full(Layer::High)));
    assert_eq!(scene.delta(Layer::High), Decision::Drop);
    assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::High));
    assert_eq!(scene.key(Layer::High), Decision::Switch);
}

#[test]
fn a_key_frame_is_asked_for_while_nothing_counts_as_running() {
    let mut scene = Scene::new(Layer::High, LayerSet::NONE);

    assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::High));

    scene.selector.set_running(LayerSet::NONE.with(Layer::Low));
    assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::Low), "of what runs, once something does");
    assert_eq!(scene.key(Layer::Low), Decision::Switch);
}

#[test]
fn key_frames_are_asked_for_in_the_rhythm_of_the_round_trip() {
    let mut scene = Scene::new(Layer::High, LayerSet::ALL);
    scene.selector.set_round_trip(150 * MILLI);
    let now = scene.now;

    assert_eq!(scene.selector.needs_key_frame(now), Some(Layer::High));
    assert_eq!(scene.selector.needs_key_frame(now + 299 * MILLI), None);
    assert_eq!(scene.selector.poll_timeout(now), Some(now + 300 * MILLI));
    assert_eq!(scene.selector.needs_key_frame(now + 300 * MILLI), Some(Layer::High));

    scene.key(Layer::High);
    assert_eq!(scene.selector.needs_key_frame(now + 2000 * MILLI), None);
    assert_eq!(scene.selector.poll_timeout(now), None);
}

#[test]
fn the_late_beginning_of_a_key_frame_is_not_a_switch() {
    let mut scene = Scene::new(Layer::High, LayerSet::ALL);
    let mut key = scene.next(Layer::High, 0);
    key.starts_key_frame = true;

    assert_eq!(scene.delta(Layer::High), Decision::Drop);
    assert_eq!(scene.selector.on_packet(&key), Decision::Drop);
}

#[test]
fn a_postponed_switch_leaves_the_old_layer_in_place() {
    let mut scene = Scene::new(Layer::High, LayerSet::ALL);
    scene.key(Layer::Low);
    assert_eq!(scene.key(Layer::High), Decision::Switch);

    scene.selector.postpone();

    assert_eq!(scene.delta(Layer::Low), Decision::Forward);
    assert_eq!(scene.delta(Layer::High), Decision::Drop);
    assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::High));
}

#[test]
fn a_layer_that_counts_anew_needs_a_key_frame_first() {
    let mut scene = Scene::new(Layer::Low, LayerSet::ALL);
    scene.seq = [50_000; SPATIAL];
    scene.key(Layer::Low);
    scene.seq = [7; SPATIAL];

    assert_eq!(scene.delta(Layer::Low), Decision::Drop);
    assert_eq!(scene.key(Layer::Low), Decision::Switch);
}

#[test]
fn frames_above_the_wanted_rate_are_left_out_as_a_whole() {
    let mut scene = Scene::at_rate(Temporal::BASE);
    scene.key(Layer::Low);

    assert_eq!(scene.temporal(1, false), Decision::Skip);
    let rest = scene.same_frame(1);
    assert_eq!(scene.selector.on_packet(&rest), Decision::Skip);
    assert_eq!(scene.temporal(0, false), Decision::Forward);
}

#[test]
fn what_comes_late_of_a_frame_that_is_left_out_is_filled_in() {
    let mut scene = Scene::at_rate(Temporal::BASE);
    let mut munger = Munger::new(90_000, Rtp { seq: 1, timestamp: 0 });
    let rtp = |packet: &Incoming| Rtp { seq: packet.seq, timestamp: packet.timestamp };
    let key = Incoming { starts_key_frame: true, ..scene.next(Layer::Low, 0) };
    assert_eq!(scene.selector.on_packet(&key), Decision::Switch);
    munger.switch(Layer::Low, rtp(&key), &Default::default(), scene.now);

    let (first, held, last) = (scene.next(Layer::Low, 1), scene.same_frame(1), scene.same_frame(1));
    let behind = scene.next(Layer::Low, 0);
    for (packet, decision) in [(&first, Decision::Skip), (&last, Decision::Skip), (&behind, Decision::Forward)] {
        assert_eq!(scene.selector.on_packet(packet), decision);
        match decision {
            Decision::Skip => munger.skip(packet.seq),
            _ => assert!(munger.forward(rtp(packet), scene.now).is_some()),
        }
    }

    assert_eq!(scene.selector.on_packet(&held), Decision::Fill);
    assert!(munger.forward(rtp(&held), scene.now).is_some(), "its number was given away");
}

#[test]
fn a_stream_that_rests_is_not_asked_for_a_layer_it_may_not_have() {
    let only = LayerSet::NONE.with(Layer::Low);
    let mut scene = Scene::new(Layer::High, only);
    scene.key(Layer::Low);
    assert_eq!(scene.selector.needs_key_frame(scene.now), None);

    scene.selector.set_running(LayerSet::NONE);
    assert_eq!(scene.selector.needs_key_frame(scene.now), None);
    assert_eq!(scene.selector.poll_timeout(scene.now), None);
    assert_eq!(scene.delta(Layer::Low), Decision::Forward);

    scene.selector.set_running(only.with(Layer::High));
    assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::High), "now there is more");
    scene.selector.set_running(only);
    scene.selector.set_running(LayerSet::NONE);
    scene.selector.restart();
    assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::Low), "nothing is being sent");
}

#[test]
fn a_frame_behind_a_gap_is_kept_whatever_its_rate() {
    let mut scene = Scene::at_rate(Temporal::BASE);
    scene.key(Layer::Low);
    scene.seq[0] += 1;

    assert_eq!(scene.temporal(1, false), Decision::Forward);
    let rest = scene.same_frame(1);
    assert_eq!(scene.selector.on_packet(&rest), Decision::Forward);
    assert_eq!(scene.temporal(1, false), Decision::Skip);
}

#[test]
fn padding_is_no_gap() {
    let mut scene = Scene::at_rate(Temporal::BASE);
    scene.key(Layer::Low);

    let padding = scene.next(Layer::Low, 0);
    assert_eq!(scene.selector.on_padding(Layer::Low, padding.seq), Decision::Skip);
    assert_eq!(scene.temporal(1, false), Decision::Skip);
}

#[test]
fn the_rate_rises_step_by_step_at_sync_frames() {
    let mut scene = Scene::at_rate(Temporal::BASE);
    scene.key(Layer::Low);
    scene.selector.set_wish(Some(Wish { layer: Layer::Low, temporal: Temporal::new(2) }));

    assert_eq!(scene.temporal(1, false), Decision::Skip);
    assert_eq!(scene.temporal(2, true), Decision::Skip);
    assert_eq!(scene.temporal(1, true), Decision::Forward);
    assert_eq!(scene.temporal(2, true), Decision::Forward);
    assert_eq!(scene.temporal(3, true), Decision::Skip);
}

#[test]
fn the_rate_rises_to_the_top_behind_a_frame_that_says_so() {
    let mut scene = Scene::at_rate(Temporal::BASE);
    scene.key(Layer::Low);
    scene.selector.set_wish(Some(Wish { layer: Layer::Low, temporal: Temporal::new(2) }));

    assert_eq!(scene.temporal(2, false), Decision::Skip);
    let switch = Incoming { switches_up: true, ..scene.next(Layer::Low, 0) };
    assert_eq!(scene.selector.on_packet(&switch), Decision::Forward);
    assert_eq!(scene.temporal(2, false), Decision::Forward);
}

#[test]
fn the_rate_falls_at_the_next_frame() {
    let mut scene = Scene::at_rate(Temporal::TOP);
    scene.key(Layer::Low);
    assert_eq!(scene.temporal(2, false), Decision::Forward);

    scene.selector.set_wish(Some(Wish { layer: Layer::Low, temporal: Temporal::new(1) }));

    let rest = scene.same_frame(2);
    assert_eq!(scene.selector.on_packet(&rest), Decision::Forward);
    assert_eq!(scene.temporal(2, false), Decision::Skip);
    assert_eq!(scene.temporal(1, false), Decision::Forward);
}

#[test]
fn what_could_not_be_read_ends_its_layer_and_no_other() {
    let mut scene = Scene::new(Layer::High, LayerSet::ALL);
    scene.key(Layer::Low);
    let late = Incoming { starts_key_frame: true, ..scene.next(Layer::High, 0) };

    scene.selector.lose(Layer::High, late.seq + 1);
    assert_eq!(scene.selector.on_packet(&late), Decision::Drop, "the rest of the key frame is lost");
    assert_eq!(scene.delta(Layer::Low), Decision::Forward);
    assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::High));

    scene.selector.lose(Layer::Low, scene.seq[0] + 1);
    assert_eq!(scene.selector.current(), None);
    assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::High), "at once");
}

struct Scene {
    selector: Selector,
    seq: [u64; SPATIAL],
    timestamp: u32,
    now: Instant,
}

impl Scene {
    fn new(wish: Layer, running: LayerSet) -> Self {
        let selector = Selector::new(Some(Wish::full(wish)), running);
        Self { selector, seq: [100; SPATIAL], timestamp: 0, now: Instant::now() }
    }

    fn at_rate(temporal: Temporal) -> Self {
        let mut scene = Self::new(Layer::Low, LayerSet::ALL);
        scene.selector.set_wish(Some(Wish { layer: Layer::Low, temporal }));
        scene
    }

    fn next(&mut self, layer: Layer, tid: u8) -> Incoming {
        self.timestamp += 3000;
        self.seq[layer.index()] += 1;
        Incoming {
            layer,
            seq: self.seq[layer.index()],
            timestamp: self.timestamp,
            starts_key_frame: false,
            temporal: Temporal::new(tid),
            layer_sync: false,
            switches_up: false,
        }
    }

    fn same_frame(&mut self, tid: u8) -> Incoming {
        let packet = self.next(Layer::Low, tid);
        self.timestamp -= 3000;
        Incoming { timestamp: self.timestamp, ..packet }
    }

    fn key(&mut self, layer: Layer) -> Decision {
        let packet = Incoming { starts_key_frame: true, ..self.next(layer, 0) };
        self.selector.on_packet(&packet)
    }

    fn delta(&mut self, layer: Layer) -> Decision {
        let packet = self.next(layer, 0);
        self.selector.on_packet(&packet)
    }

    fn temporal(&mut self, tid: u8, layer_sync: bool) -> Decision {
        let packet = Incoming { layer_sync, ..self.next(Layer::Low, tid) };
        self.selector.on_packet(&packet)
    }
}
