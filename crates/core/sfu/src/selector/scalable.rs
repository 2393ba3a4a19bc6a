//! Streams that carry all their layers at once (scalable video coding).
//!
//! A subscriber gets every layer up to its own, also where an encoder predicts layers from each other in key pictures only: so
//! it can go down from one picture to the next, without a key frame. Up it goes where a picture does without earlier ones.

use super::{Decision, Fates, Order, Selector};
use crate::layers::{Layer, Temporal};
use crate::scalable::Scalable;

impl Selector {
    /// Decides about the next packet of the stream. Call it for every packet, in the order of arrival; `seq` and `timestamp` are
    /// those of the publisher.
    pub fn on_scalable(&mut self, seq: u64, timestamp: u32, packet: &Scalable) -> Decision {
        if !self.scalable {
            self.scalable = true;
            self.retarget();
        }
        let newest = &mut self.newest[Layer::Low.index()];
        let order = Order::of(seq, *newest);
        if order != Order::Late {
            *newest = Some(seq);
        }
        let Some(target) = self.target else { return Decision::Drop };
        if order == Order::Restart {
            self.restart();
        }
        let Some(current) = self.current else {
            // After a late beginning of a key frame, the rest of it has already been dropped.
            if order == Order::Late || !packet.starts_key_frame() {
                return Decision::Drop;
            }
            self.previous = (None, Temporal::BASE);
            self.reach(target);
            self.limits = Default::default();
            self.limits.set(timestamp, Some(target));
            return Decision::Switch;
        };
        let limit = match self.limits.get(timestamp) {
            Some(limit) => limit,
            None if order == Order::Late => self.limit(timestamp, packet),
            None => {
                let limit = self.begin_picture(packet, current, target);
                self.limits.set(timestamp, limit);
                limit
            }
        };
        let joins = order != Order::Late && packet.start_of_frame && !packet.inter_predicted;
        let limit = match limit {
            // It is predicted from the layer below alone, which is being sent.
            Some(below) if joins && below == current && packet.spatial <= target && is_next(below, packet.spatial) => {
                self.current = Some(packet.spatial);
                self.limits.set(timestamp, self.current);
                self.current
            }
            limit => limit,
        };
        match limit {
            Some(limit) if packet.spatial <= limit => Decision::Forward,
            _ if order == Order::Late => Decision::Fill,
            _ => Decision::Skip,
        }
    }

    /// A packet without media arrived in a stream of all layers.
    pub fn on_scalable_padding(&mut self, seq: u64) -> Decision {
        self.on_padding_of(Layer::Low, seq, self.current.is_some())
    }

    /// Whether what is sent of a picture ends with this packet, given that it is sent: it then has to carry the marker bit.
    pub fn ends_picture(&self, timestamp: u32, packet: &Scalable) -> bool {
        packet.end_of_frame && self.limit(timestamp, packet) == Some(packet.spatial)
    }

    /// Up to which layer the picture of this packet is sent; `None` if it is not sent. Of one that is forgotten, or that comes after
    /// later ones, as far as those around it: more than before it cannot be decoded, and less than behind it would be missing.
    pub fn limit(&self, timestamp: u32, packet: &Scalable) -> Option<Layer> {
        match self.limits.get(timestamp) {
            Some(limit) => limit,
            None => self.limits.around(timestamp).or(self.current).filter(|_| packet.temporal <= self.temporal),
        }
    }

    /// The highest temporal layer being sent.
    pub fn temporal(&self) -> Temporal {
        self.temporal
    }

    /// How far up the picture is sent that begins with this packet; `None`: not at all, for the sake of the frame rate.
    fn begin_picture(&mut self, packet: &Scalable, current: Layer, target: Layer) -> Option<Layer> {
        if packet.starts_key_frame() {
            self.reach(target);
            return Some(target);
        }
        let limit = current.min(target);
        self.current = Some(limit);
        if packet.switches_up && packet.temporal <= self.temporal {
            self.temporal = self.max_temporal();
        }
        (packet.temporal <= self.temporal).then_some(limit)
    }

    fn reach(&mut self, target: Layer) {
        self.current = Some(target);
        self.temporal = self.max_temporal();
        self.asked = None;
    }
}

impl Fates<Option<Layer>> {
    /// The lower limit of the two pictures that are sent before and behind one.
    fn around(&self, timestamp: u32) -> Option<Layer> {
        let distance = |picture: u32| picture.wrapping_sub(timestamp).cast_signed();
        let sent = || self.frames.iter().flatten().filter_map(|(picture, limit)| Some((distance(*picture), (*limit)?)));
        let before = sent().filter(|(distance, _)| *distance < 0).max_by_key(|(distance, _)| *distance);
        let behind = sent().filter(|(distance, _)| *distance > 0).min_by_key(|(distance, _)| *distance);
        [before, behind].into_iter().flatten().map(|(_, limit)| limit).min()
    }
}

fn is_next(below: Layer, above: Layer) -> bool {
    above.index() == below.index() + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::layers::{LayerSet, Wish};
    use crate::munger::{Munger, Rtp};
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::{Duration, Instant};

    #[test]
    fn nothing_is_forwarded_before_a_key_picture() {
        let mut scene = Scene::new(Layer::High);

        assert_eq!(scene.delta(0), [Decision::Drop; 3]);
        assert_eq!(scene.key(), [Decision::Switch, Decision::Forward, Decision::Forward]);
        assert_eq!(scene.delta(0), [Decision::Forward; 3]);
        assert_eq!(scene.selector.needs_key_frame(scene.now), None);
    }

    #[test]
    fn layers_above_the_wanted_one_are_left_out() {
        let mut scene = Scene::new(Layer::Medium);

        assert_eq!(scene.key(), [Decision::Switch, Decision::Forward, Decision::Skip]);
        assert_eq!(scene.delta(0), [Decision::Forward, Decision::Forward, Decision::Skip]);
    }

    #[test]
    fn the_marker_goes_to_the_last_packet_of_what_is_sent() {
        let mut scene = Scene::new(Layer::Medium);
        scene.key();

        let ends = |spatial| scene.selector.ends_picture(scene.timestamp, &picture(spatial, 0, false));
        assert_eq!([Layer::Low, Layer::Medium, Layer::High].map(ends), [false, true, false]);
    }

    #[test]
    fn it_goes_down_with_the_next_picture_and_up_with_a_key_picture() {
        let mut scene = Scene::new(Layer::High);
        scene.key();

        scene.wish(Layer::Low);
        assert_eq!(scene.selector.needs_key_frame(scene.now), None, "going down takes none");
        assert_eq!(scene.delta(0), [Decision::Forward, Decision::Skip, Decision::Skip]);

        scene.wish(Layer::High);
        assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::High));
        assert_eq!(scene.delta(0), [Decision::Forward, Decision::Skip, Decision::Skip]);
        assert_eq!(scene.key(), [Decision::Forward; 3]);
        assert_eq!(scene.selector.needs_key_frame(scene.now), None);
    }

    #[test]
    fn a_picture_is_not_cut_short_when_the_wish_falls_in_its_middle() {
        let mut scene = Scene::new(Layer::High);
        scene.key();
        scene.timestamp += 3000;
        assert_eq!(scene.send(picture(Layer::Low, 0, true)), Decision::Forward);

        scene.wish(Layer::Low);

        assert_eq!(scene.send(picture(Layer::Medium, 0, true)), Decision::Forward);
        assert_eq!(scene.send(picture(Layer::High, 0, true)), Decision::Forward);
        assert_eq!(scene.delta(0), [Decision::Forward, Decision::Skip, Decision::Skip]);
    }

    #[test]
    fn a_layer_predicted_from_the_one_below_alone_can_be_joined() {
        let mut scene = Scene::new(Layer::Low);
        scene.key();
        scene.wish(Layer::High);
        scene.timestamp += 3000;

        assert_eq!(scene.send(picture(Layer::Low, 0, true)), Decision::Forward);
        assert_eq!(scene.send(picture(Layer::Medium, 0, false)), Decision::Forward);
        assert_eq!(scene.send(picture(Layer::High, 0, true)), Decision::Skip, "needs earlier pictures");
        assert_eq!(scene.delta(0), [Decision::Forward, Decision::Forward, Decision::Skip]);
    }

    #[test]
    fn the_frame_rate_falls_with_the_next_picture_and_rises_where_the_stream_allows_it() {
        let mut scene = Scene::new(Layer::High);
        scene.key();
        scene.selector.set_wish(Some(Wish { layer: Layer::High, temporal: Temporal::BASE }));
        assert_eq!(scene.delta(1), [Decision::Skip; 3]);
        assert_eq!(scene.delta(0), [Decision::Forward; 3]);

        scene.selector.set_wish(Some(Wish::full(Layer::High)));
        assert_eq!(scene.delta(1), [Decision::Skip; 3]);
        scene.switches_up = true;
        assert_eq!(scene.delta(0), [Decision::Forward; 3]);
        scene.switches_up = false;
        assert_eq!(scene.delta(2), [Decision::Forward; 3]);
    }

    #[test]
    fn a_late_packet_nobody_wants_leaves_an_empty_one() {
        let mut scene = Scene::new(Layer::Low);
        scene.key();
        let lost = scene.seq + 1;
        scene.seq += 1;
        let of = scene.timestamp;
        scene.delta(0);

        let late = scene.selector.on_scalable(lost, of, &picture(Layer::High, 0, true));

        assert_eq!(late, Decision::Fill);
        let late = scene.selector.on_scalable(lost, of, &picture(Layer::Low, 0, true));
        assert_eq!(late, Decision::Forward);
    }

    #[test]
    fn a_picture_that_was_overtaken_is_sent_as_far_as_those_around_it() {
        let mut scene = Scene::new(Layer::Medium);
        scene.key();
        let overtaken = scene.overtaken();
        scene.delta(0);

        assert_eq!(scene.late(overtaken, 0), [Decision::Forward, Decision::Forward, Decision::Fill]);
        let ends = |spatial| scene.selector.ends_picture(overtaken.1, &picture(spatial, 0, true));
        assert_eq!([Layer::Low, Layer::Medium, Layer::High].map(ends), [false, true, false]);
    }

    #[test]
    fn a_picture_from_before_a_larger_layer_began_does_not_have_it() {
        let mut scene = Scene::new(Layer::Low);
        scene.key();
        let overtaken = scene.overtaken();
        scene.wish(Layer::High);
        assert_eq!(scene.key(), [Decision::Forward; 3]);

        assert_eq!(scene.late(overtaken, 0), [Decision::Forward, Decision::Fill, Decision::Fill]);
        assert!(scene.selector.ends_picture(overtaken.1, &picture(Layer::Low, 0, true)));
    }

    #[test]
    fn a_picture_from_before_a_larger_layer_ended_need_not_have_it() {
        let mut scene = Scene::new(Layer::High);
        scene.key();
        let overtaken = scene.overtaken();
        scene.wish(Layer::Low);
        scene.delta(0);

        assert_eq!(scene.late(overtaken, 0), [Decision::Forward, Decision::Fill, Decision::Fill]);
    }

    #[test]
    fn what_could_not_be_read_ends_the_stream_until_a_key_picture_that_is_asked_for_at_once() {
        let mut scene = Scene::new(Layer::High);
        scene.key();
        let key = scene.overtaken();
        assert_eq!(scene.selector.needs_key_frame(scene.now), None);

        scene.selector.lose(Layer::Low, scene.seq);

        assert_eq!(scene.selector.current(), None);
        assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::High));
        let late = scene.selector.on_scalable(key.0, key.1, &picture(Layer::Low, 0, false));
        assert_eq!(late, Decision::Drop, "a key picture whose rest is lost");
        assert_eq!(scene.delta(0), [Decision::Drop; 3]);
        assert_eq!(scene.key(), [Decision::Switch, Decision::Forward, Decision::Forward]);
    }

    #[test]
    fn losses_before_anything_was_sent_do_not_hurry_the_requests() {
        let mut scene = Scene::new(Layer::High);
        scene.delta(0);
        assert_eq!(scene.selector.needs_key_frame(scene.now), Some(Layer::High));

        scene.selector.lose(Layer::Low, scene.seq + 3);

        assert_eq!(scene.selector.needs_key_frame(scene.now), None, "it has just been asked for");
    }

    #[test]
    fn a_stream_that_counts_anew_begins_with_a_key_picture() {
        let mut scene = Scene::new(Layer::High);
        scene.seq = 50_000;
        scene.key();
        scene.seq = 7;

        assert_eq!(scene.delta(0), [Decision::Drop; 3]);
        assert_eq!(scene.key()[0], Decision::Switch);
    }

    #[test]
    fn layers_that_do_not_run_do_not_hold_the_selection_down() {
        let mut scene = Scene::new(Layer::High);
        scene.selector.set_running(LayerSet::NONE.with(Layer::Low));

        assert_eq!(scene.key(), [Decision::Switch, Decision::Forward, Decision::Forward]);
    }

    proptest! {
        /// Whatever is wished and in whatever order layers come: what is forwarded of a picture is whole up to some layer, and
        /// nothing is forwarded whose reference was left out.
        #[test]
        fn what_is_forwarded_can_be_decoded(script in prop::collection::vec((0usize..3, 0u8..3, any::<bool>(), any::<bool>()), 1..80)) {
            let mut scene = Scene::new(Layer::High);
            // The best layer whose latest frame of temporal layer 0 the receiver has; k-SVC, so each layer stands alone.
            let mut has: [bool; 3] = [false; 3];
            let pattern = [0u8, 2, 1, 2];
            for (index, (layer, temporal, change, key)) in script.into_iter().enumerate() {
                if change {
                    let wish = Wish { layer: Layer::ALL[layer], temporal: Temporal::new(temporal) };
                    scene.selector.set_wish(Some(wish));
                }
                let tid = pattern[index % 4];
                scene.switches_up = tid == 0;
                let decisions = if key && tid == 0 { scene.key() } else { scene.delta(tid) };
                let sent = decisions.map(|decision| matches!(decision, Decision::Forward | Decision::Switch));
                prop_assert!(sent[0] >= sent[1] && sent[1] >= sent[2], "{:?}", decisions);
                if key && tid == 0 {
                    has = sent;
                } else if tid == 0 {
                    for (has, sent) in has.iter_mut().zip(sent) {
                        prop_assert!(!sent || *has, "a reference is missing");
                        *has &= sent;
                    }
                } else {
                    prop_assert!(sent.into_iter().zip(has).all(|(sent, has)| !sent || has));
                }
            }
        }
    }

    proptest! {
        /// However packets overtake each other: what is sent has all it is predicted from, under numbers without a gap, and when
        /// they do so no more, one key picture that is asked for brings the wanted layer.
        #[test]
        fn what_overtakes_harms_no_more_than_until_a_key_picture_that_is_asked_for(
            pictures in prop::collection::vec((0u32..8, 0usize..20, [0u64..12, 0u64..12, 0u64..12]), 4..60),
        ) {
            let mut journey = Journey::new();
            let mut arrivals = Vec::new();
            for (kind, wish, delays) in pictures {
                let packets = journey.shoot(kind == 0);
                let at = packets[0].seq;
                arrivals.extend(packets.into_iter().zip(delays).map(|(packet, delay)| (at + delay, packet, wish)));
            }
            arrivals.sort_by_key(|(at, packet, _)| (*at, packet.seq));
            for (_, packet, wish) in arrivals {
                if let Some(layer) = Layer::from_index(wish) {
                    journey.selector.set_wish(Some(Wish::full(layer)));
                }
                journey.take(packet);
            }
            journey.selector.set_wish(Some(Wish::full(Layer::High)));
            let mut keys = 0;
            for _ in 0..40 {
                let key = journey.selector.needs_key_frame(journey.now).is_some();
                keys += u32::from(key);
                for packet in journey.shoot(key) {
                    journey.take(packet);
                }
            }

            prop_assert!(keys <= 1, "{keys} key pictures");
            prop_assert_eq!(journey.selector.current(), Some(Layer::High));
            journey.check()?;
        }
    }

    /// One packet of a picture on its way: a layer each.
    #[derive(Clone, Copy)]
    struct Shot {
        seq: u64,
        number: u32,
        /// The picture it is predicted from, unless it is a key picture.
        base: u32,
        key: bool,
        tid: u8,
        layer: Layer,
    }

    /// A publisher, and one subscriber of it.
    struct Journey {
        selector: Selector,
        munger: Munger,
        now: Instant,
        shot: u32,
        since_key: u32,
        /// The last picture of the lower temporal layer.
        base: u32,
        /// By the numbers under which they are sent; `None` is an empty packet.
        sent: BTreeMap<u64, Option<Shot>>,
    }

    impl Journey {
        fn new() -> Self {
            Self {
                selector: Selector::new(Some(Wish::full(Layer::High)), LayerSet::ALL),
                munger: Munger::new(90_000, Rtp { seq: 1000, timestamp: 0 }),
                now: Instant::now(),
                shot: 0,
                since_key: 0,
                base: 0,
                sent: BTreeMap::new(),
            }
        }

        /// The next picture. Every other one is of the upper temporal layer.
        fn shoot(&mut self, key: bool) -> [Shot; 3] {
            self.shot += 1;
            self.since_key = if key { 0 } else { self.since_key + 1 };
            let (number, tid) = (self.shot, u8::from(!self.since_key.is_multiple_of(2)));
            let base = if tid == 0 { std::mem::replace(&mut self.base, number) } else { self.base };
            let seq = u64::from(number) * 3;
            [0, 1, 2].map(|layer| Shot { seq: seq + layer, number, base, key, tid, layer: Layer::ALL[layer as usize] })
        }

        fn take(&mut self, shot: Shot) {
            self.now += Duration::from_millis(10);
            let packet = Scalable { switches_up: shot.tid == 0, ..picture(shot.layer, shot.tid, !shot.key) };
            let rtp = Rtp { seq: shot.seq, timestamp: shot.number * 3000 };
            let decision = self.selector.on_scalable(rtp.seq, rtp.timestamp, &packet);
            let out = match decision {
                Decision::Drop => None,
                Decision::Skip => {
                    self.munger.skip(rtp.seq);
                    None
                }
                Decision::Switch => self.munger.switch(Layer::Low, rtp, &[None; 3], self.now),
                Decision::Forward | Decision::Fill => self.munger.forward(rtp, self.now),
            };
            if let Some(out) = out {
                let before = self.sent.insert(out.seq, Some(shot).filter(|_| decision != Decision::Fill));
                assert!(before.is_none(), "a number is used twice");
            }
        }

        fn check(&self) -> Result<(), TestCaseError> {
            let numbers: Vec<u64> = self.sent.keys().copied().collect();
            prop_assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a gap: {numbers:?}");
            let shots: Vec<Shot> = self.sent.values().flatten().copied().collect();
            let mut has: BTreeSet<(u32, Layer)> = BTreeSet::new();
            for shot in shots {
                let below = shot.layer.index().checked_sub(1).map(|index| Layer::ALL[index]);
                prop_assert!(below.is_none_or(|below| has.contains(&(shot.number, below))), "without the layer below");
                if !shot.key {
                    prop_assert!(has.contains(&(shot.base, shot.layer)), "without the picture before");
                }
                has.insert((shot.number, shot.layer));
            }
            Ok(())
        }
    }

    fn picture(spatial: Layer, tid: u8, inter_predicted: bool) -> Scalable {
        Scalable {
            spatial,
            temporal: Temporal::new(tid),
            start_of_frame: true,
            end_of_frame: true,
            inter_predicted,
            switches_up: false,
        }
    }

    struct Scene {
        selector: Selector,
        seq: u64,
        timestamp: u32,
        switches_up: bool,
        now: Instant,
    }

    impl Scene {
        fn new(wish: Layer) -> Self {
            let selector = Selector::new(Some(Wish::full(wish)), LayerSet::ALL);
            Self { selector, seq: 100, timestamp: 0, switches_up: false, now: Instant::now() }
        }

        fn wish(&mut self, layer: Layer) {
            self.selector.set_wish(Some(Wish::full(layer)));
        }

        fn send(&mut self, packet: Scalable) -> Decision {
            self.seq += 1;
            self.selector.on_scalable(self.seq, self.timestamp, &packet)
        }

        /// A picture that others overtake: the numbers of its first packet.
        fn overtaken(&mut self) -> (u64, u32) {
            self.timestamp += 3000;
            self.seq += 3;
            (self.seq - 2, self.timestamp)
        }

        /// That picture comes after all.
        fn late(&mut self, (seq, timestamp): (u64, u32), tid: u8) -> [Decision; 3] {
            [0, 1, 2].map(|index| {
                let packet = picture(Layer::ALL[index as usize], tid, true);
                self.selector.on_scalable(seq + index, timestamp, &packet)
            })
        }

        /// A picture of three layers, one packet each.
        fn key(&mut self) -> [Decision; 3] {
            self.timestamp += 3000;
            Layer::ALL.map(|layer| self.send(picture(layer, 0, false)))
        }

        fn delta(&mut self, tid: u8) -> [Decision; 3] {
            self.timestamp += 3000;
            let switches_up = self.switches_up;
            Layer::ALL.map(|layer| self.send(Scalable { switches_up, ..picture(layer, tid, true) }))
        }
    }
}
