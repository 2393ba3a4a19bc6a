//! Streams that carry all their layers at once (scalable video coding).
//!
//! A subscriber gets every layer up to its own, also where an encoder predicts layers from each other in key pictures only: so
//! it can go down from one picture to the next, without a key frame. Up it goes where a picture does without earlier ones.

use super::{Decision, Order, Selector};
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
            // Of a picture that is forgotten or never came: what is sent now is the best guess.
            None if order == Order::Late => Some(current).filter(|_| packet.temporal <= self.temporal),
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
        packet.end_of_frame && self.limits.get(timestamp).flatten() == Some(packet.spatial)
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

fn is_next(below: Layer, above: Layer) -> bool {
    above.index() == below.index() + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::layers::{LayerSet, Wish};
    use std::time::Instant;

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
