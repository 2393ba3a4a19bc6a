use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::vp8::PictureId;

const MILLI: Duration = Duration::from_millis(1);
const UNKNOWN: Reports = [None; SPATIAL];

#[test]
fn the_first_packet_carries_the_numbers_it_was_given() {
    let mut scene = Scene::new();

    assert_eq!(scene.switch(Layer::Low, 500, 7000), Some(Rtp { seq: 1000, timestamp: 50_000 }));
    assert_eq!(scene.forward(501, 7000), Some(Rtp { seq: 1001, timestamp: 50_000 }));
    assert_eq!(scene.forward(503, 10_000), Some(Rtp { seq: 1003, timestamp: 53_000 }), "a gap stays a gap");
    assert_eq!(scene.forward(502, 10_000), Some(Rtp { seq: 1002, timestamp: 53_000 }), "until it is filled");
}

#[test]
fn another_encoder_goes_on_by_the_time_that_has_passed() {
    let mut scene = Scene::new();
    scene.switch(Layer::Low, 500, 7000);
    scene.now += 100 * MILLI;

    scene.munger.change_encoder();

    // By the former clock it would be one tick later.
    assert_eq!(scene.switch(Layer::Low, 90, 7001), Some(Rtp { seq: 1001, timestamp: 59_000 }));
}

#[test]
fn nothing_can_be_placed_before_the_first_switch() {
    let mut scene = Scene::new();

    assert!(!scene.munger.is_started());
    assert_eq!(scene.forward(500, 7000), None);
}

#[test]
fn packets_left_out_leave_no_gap() {
    let mut scene = Scene::new();
    scene.switch(Layer::Low, 500, 0);

    scene.munger.skip(501);
    scene.munger.skip(502);

    assert_eq!(scene.seq(503), Some(1001));
    assert_eq!(scene.seq(502), None, "left out for good");
    assert_eq!(scene.seq(499), None, "from before the switch");
}

#[test]
fn late_packets_get_the_numbers_kept_for_them() {
    let mut scene = Scene::new();
    scene.switch(Layer::Low, 500, 0);

    scene.munger.skip(503);
    assert_eq!(scene.seq(504), Some(1003));
    scene.munger.skip(502);

    assert_eq!(scene.seq(502), Some(1002), "too late to be left out");
    assert_eq!(scene.seq(501), Some(1001));
    assert_eq!(scene.seq(503), None);
}

#[test]
fn very_late_packets_are_dropped() {
    let mut scene = Scene::new();
    scene.switch(Layer::Low, 500, 0);
    scene.forward(500 + MAX_LATE + 1, 0);

    assert_eq!(scene.seq(500), None);
    assert_eq!(scene.seq(501), Some(1001));
}

#[test]
fn after_a_switch_late_packets_of_the_old_layer_have_no_place() {
    let mut scene = Scene::new();
    scene.switch(Layer::Low, 500, 0);

    assert_eq!(scene.switch(Layer::High, 9000, 0).map(|out| out.seq), Some(1001));
    assert_eq!(scene.seq(501), None);
    assert_eq!(scene.seq(9001), Some(1002));
}

#[test]
fn layers_are_aligned_by_their_sender_reports() {
    let mut scene = Scene::new();
    // One second apart on the wall clock; the clocks themselves have nothing in common.
    scene.reports[0] = Some(SenderReport { ntp: 100 << 32, rtp: 1_000_000 });
    scene.reports[2] = Some(SenderReport { ntp: 101 << 32, rtp: 4_000_000_000 });
    scene.switch(Layer::Low, 500, 1_090_000);

    scene.now += 500 * MILLI;
    let out = scene.switch(Layer::High, 700, 4_000_003_000).unwrap();

    assert_eq!(out.timestamp, 53_000);
    assert_eq!(scene.forward(701, 4_000_006_000).unwrap().timestamp, 56_000);
}

#[test]
fn without_sender_reports_our_own_clock_decides() {
    let mut scene = Scene::new();
    scene.switch(Layer::Low, 500, 1000);

    scene.now += 100 * MILLI;

    assert_eq!(scene.switch(Layer::High, 9, 77).unwrap().timestamp, 59_000);
}

#[test]
fn two_frames_never_share_a_timestamp() {
    let mut scene = Scene::new();
    scene.switch(Layer::Low, 500, 1000);

    assert_eq!(scene.switch(Layer::High, 9, 77).unwrap().timestamp, 50_001);
}

#[test]
fn a_frame_slightly_older_than_the_last_follows_it_closely() {
    let mut scene = Scene::synchronous();
    scene.switch(Layer::Low, 500, 90_000);

    let out = scene.switch(Layer::High, 9, 90_000 - 45 * 90).unwrap();

    assert_eq!(out.timestamp, 50_001);
}

#[test]
fn a_switch_back_in_time_waits_but_not_for_ever() {
    let mut scene = Scene::synchronous();
    scene.switch(Layer::Low, 500, 90_000);

    for _ in 0..MAX_POSTPONED {
        assert_eq!(scene.switch(Layer::High, 9, 90_000 - 100 * 90), None);
        assert_eq!(scene.seq(500), Some(1000), "the old layer goes on");
    }
    assert_eq!(scene.switch(Layer::High, 9, 90_000 - 100 * 90).unwrap().timestamp, 50_001);
}

#[test]
fn incredible_sender_reports_are_ignored() {
    for rtp in [90_000_000, 2_000_000_000, 4_000_000_000] {
        let mut scene = Scene::synchronous();
        scene.reports[2] = Some(SenderReport { ntp: 100 << 32, rtp });
        scene.switch(Layer::Low, 500, 90_000);
        scene.now += 40 * MILLI;
        assert_eq!(scene.switch(Layer::High, 9, 93_600).unwrap().timestamp, 53_600, "{rtp}");
    }
}

#[test]
fn after_a_pause_a_clock_that_stood_still_is_set_forward() {
    let resumed = |paused: bool, lag: Duration| {
        let mut scene = Scene::new();
        scene.switch(Layer::Low, 500, 90_000);
        if paused {
            scene.munger.pause();
        }
        scene.now += lag;
        scene.switch(Layer::Low, 501, 90_900).unwrap().timestamp
    };

    assert_eq!(resumed(true, 1000 * MILLI), 50_000 + 90_000);
    assert_eq!(resumed(true, 150 * MILLI), 50_900);
    assert_eq!(resumed(false, 1000 * MILLI), 50_900);
    assert_eq!(resumed(false, 3000 * MILLI), 50_000 + 270_000);
}

#[test]
fn the_first_picture_keeps_its_counters() {
    let mut munger = Vp8Munger::new();

    let patch = munger.switch(&picture(300, 7, 3));

    assert_eq!((patch.picture_id, patch.tl0_pic_idx, patch.key_idx), (Some(300), Some(7), Some(3)));
}

#[test]
fn a_new_layer_continues_the_counters() {
    let mut munger = Vp8Munger::new();
    munger.switch(&picture(0x7ffe, 255, 31));
    munger.forward(&picture(0x7fff, 0, 31));

    let patch = munger.switch(&picture(50, 9, 4));

    assert_eq!((patch.picture_id, patch.tl0_pic_idx, patch.key_idx), (Some(0), Some(1), Some(0)));
    assert_eq!(munger.forward(&picture(51, 10, 4)).unwrap().picture_id, Some(1));
}

#[test]
fn pictures_left_out_are_not_counted() {
    let mut munger = Vp8Munger::new();
    munger.switch(&picture(10, 0, 0));

    munger.skip(&picture(11, 0, 0));
    munger.skip(&picture(11, 0, 0));

    assert_eq!(munger.forward(&picture(12, 1, 0)).unwrap().picture_id, Some(11));
    assert_eq!(munger.forward(&picture(11, 0, 0)), None);
    assert_eq!(munger.forward(&picture(9, 0, 0)), None, "from before the switch");
}

#[test]
fn missing_pictures_keep_their_place() {
    let mut munger = Vp8Munger::new();
    munger.switch(&picture(10, 0, 0));

    munger.skip(&picture(12, 0, 0));

    assert_eq!(munger.forward(&picture(13, 1, 0)).unwrap().picture_id, Some(12));
    assert_eq!(munger.forward(&picture(11, 1, 0)).unwrap().picture_id, Some(11));
}

#[test]
fn once_a_picture_id_was_long_all_are() {
    let mut munger = Vp8Munger::new();
    let short = |value| Vp8 { picture_id: Some(PictureId { value, is_long: false }), ..picture(0, 0, 0) };
    assert!(!munger.switch(&short(126)).long_picture_id);
    assert!(!munger.forward(&short(127)).unwrap().long_picture_id);

    let wrapped = munger.forward(&short(0)).unwrap();
    assert_eq!((wrapped.picture_id, wrapped.long_picture_id), (Some(128), true));

    let again = munger.switch(&short(5)).long_picture_id;
    assert!(again);
}

#[test]
fn a_stream_without_picture_ids_is_left_alone() {
    let mut munger = Vp8Munger::new();
    let plain = Vp8 { picture_id: None, tl0_pic_idx: None, key_idx: None, ..picture(0, 0, 0) };

    assert_eq!(munger.switch(&plain), Patch::default());
    assert_eq!(munger.forward(&plain), Some(Patch::default()));
    assert_eq!(munger.forward(&picture(5, 0, 0)).unwrap().picture_id, None);
}

proptest! {
    /// New numbers are closed up or keep their place, and everything said about a number stays true as long as it is
    /// remembered.
    #[test]
    fn a_number_keeps_its_meaning(script in proptest::collection::vec((1u64..4, any::<bool>(), 0u64..80), 0..400)) {
        let (mut input, mut given_out, mut left_out) = (5000, 0u64, 0);
        let mut map = RangeMap::starting_at(input, given_out);
        let mut known = BTreeMap::from([(input, Some(given_out))]);
        for (step, skip, back) in script {
            for missing in input + 1..input + step {
                known.insert(missing, Some(missing - 5000 - left_out));
            }
            input += step;
            if skip {
                map.skip(input);
                left_out += 1;
                known.insert(input, None);
            } else {
                given_out = input - 5000 - left_out;
                prop_assert_eq!(map.forward(input), Some(given_out));
                known.insert(input, Some(given_out));
            }
            let late = input.saturating_sub(back);
            prop_assert_eq!(map.forward(late), known.get(&late).copied().flatten());
        }
        prop_assert!(map.ranges.len() <= MAX_RANGES);
    }

    /// No input makes it panic, whatever the numbers.
    #[test]
    fn any_numbers_are_survived(
        script in proptest::collection::vec((0u8..4, any::<u64>(), any::<u32>(), any::<[u64; 2]>()), 0..100),
        clock_rate in any::<u32>(),
    ) {
        let mut now = Instant::now();
        let mut munger = Munger::new(clock_rate, Rtp { seq: u64::MAX - 1, timestamp: 0 });
        let mut pictures = Vp8Munger::new();
        for (kind, seq, timestamp, ntp) in script {
            let rtp = Rtp { seq, timestamp };
            let long = Some(PictureId { value: seq as u16 & 0x7fff, is_long: true });
            let short = Some(PictureId { value: seq as u16 & 0x7f, is_long: false });
            let picture_id = [long, short, None][(ntp[0] % 3) as usize];
            let vp8 = Vp8 { picture_id, ..picture(0, timestamp as u8, seq as u8 & 0x1f) };
            let reports = ntp.map(|ntp| Some(SenderReport { ntp, rtp: ntp as u32 }));
            match kind {
                0 => {
                    let layer = Layer::ALL[(ntp[1] % 3) as usize];
                    munger.switch(layer, rtp, &[reports[0], reports[1], reports[0]], now);
                    pictures.switch(&vp8);
                }
                1 => {
                    munger.skip(seq);
                    pictures.skip(&vp8);
                }
                2 => munger.pause(),
                _ => {
                    munger.forward(rtp, now);
                    pictures.forward(&vp8);
                }
            }
            now += Duration::from_millis(timestamp.into());
        }
    }
}

fn picture(id: u16, tl0: u8, key_idx: u8) -> Vp8 {
    Vp8 {
        start_of_frame: true,
        picture_id: Some(PictureId { value: id, is_long: true }),
        tl0_pic_idx: Some(tl0),
        tid: 0,
        layer_sync: false,
        key_idx: Some(key_idx),
        key_frame: false,
        header_len: 6,
        size: None,
    }
}

struct Scene {
    munger: Munger,
    reports: Reports,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        let munger = Munger::new(90_000, Rtp { seq: 1000, timestamp: 50_000 });
        Self { munger, reports: UNKNOWN, now: Instant::now() }
    }

    /// All layers on the same clock.
    fn synchronous() -> Self {
        let report = Some(SenderReport { ntp: 100 << 32, rtp: 90_000 });
        Self { reports: [report; SPATIAL], ..Self::new() }
    }

    fn switch(&mut self, layer: Layer, seq: u64, timestamp: u32) -> Option<Rtp> {
        self.munger.switch(layer, Rtp { seq, timestamp }, &self.reports, self.now)
    }

    fn forward(&mut self, seq: u64, timestamp: u32) -> Option<Rtp> {
        self.munger.forward(Rtp { seq, timestamp }, self.now)
    }

    fn seq(&mut self, seq: u64) -> Option<u64> {
        self.forward(seq, 0).map(|out| out.seq)
    }
}
