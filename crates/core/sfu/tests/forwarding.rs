//! Selector and mungers together, as the forwarding loop uses them, against an arbitrary publisher, network and subscriber.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use sfu::layers::{Layer, LayerSet, SPATIAL, Temporal, Wish};
use sfu::munger::{Munger, Reports, Rtp, SenderReport, Vp8Munger};
use sfu::selector::{Decision, Incoming, Selector};
use sfu::vp8::{Vp8, write_patched};

const CLOCK: u32 = 90_000;
const FRAME: Duration = Duration::from_millis(33);
const FRAME_TICKS: u32 = CLOCK / 1000 * 33;

/// What can happen next.
#[derive(Debug, Clone)]
enum Step {
    /// Every layer sends a frame: whether it is a key frame, how many packets it has.
    Frame {
        key: [bool; SPATIAL],
        packets: [u8; SPATIAL],
    },
    Wish(Option<Wish>),
    Cap(Option<Wish>),
    Running(LayerSet),
    /// Nothing is sent for so many frames.
    Silence(u8),
    Restart,
}

fn any_layer() -> impl Strategy<Value = Layer> {
    proptest::sample::select(&Layer::ALL[..])
}

fn any_wish() -> impl Strategy<Value = Option<Wish>> {
    let wish = (any_layer(), 0u8..4).prop_map(|(layer, tid)| Wish { layer, temporal: Temporal::new(tid) });
    prop_oneof![1 => Just(None), 6 => wish.prop_map(Some)]
}

fn any_step() -> impl Strategy<Value = Step> {
    let key = [prop::bool::weighted(0.15), prop::bool::weighted(0.15), prop::bool::weighted(0.15)];
    prop_oneof![
        20 => (key, [1u8..4, 1..4, 1..4]).prop_map(|(key, packets)| Step::Frame { key, packets }),
        1 => any_wish().prop_map(Step::Wish),
        1 => any_wish().prop_map(Step::Cap),
        1 => vec(any_layer(), 0..3).prop_map(|layers| Step::Running(layers.into_iter().collect())),
        1 => (1u8..100).prop_map(Step::Silence),
        1 => Just(Step::Restart),
    ]
}

/// A step, and what the network does to the packets it sends: how many other packets each lets pass, or `None` to lose it.
type Scripted = (Step, Vec<Option<u8>>);

fn perfect_network() -> impl Strategy<Value = Vec<Scripted>> {
    vec(any_step().prop_map(|step| (step, Vec::new())), 1..250)
}

fn rough_network() -> impl Strategy<Value = Vec<Scripted>> {
    let fate = prop_oneof![12 => Just(Some(0)), 2 => (0u8..20).prop_map(Some), 1 => Just(None)];
    vec((any_step(), vec(fate, 9)), 1..250)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    /// On a perfect network, whatever is switched and left out, the subscriber sees one gapless stream.
    #[test]
    fn a_subscriber_sees_one_continuous_stream(script in perfect_network(), start in any::<u16>()) {
        let sent = Scene::new(start).play(script);

        for pair in sent.out.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            prop_assert_eq!(after.rtp.seq, before.rtp.seq + 1);
            let advance = after.rtp.timestamp.wrapping_sub(before.rtp.timestamp) as i32;
            let pictures = after.picture_id.wrapping_sub(before.picture_id) & 0x7fff;
            if after.source == before.source {
                prop_assert_eq!((advance, pictures), (0, 0));
                prop_assert_eq!((after.tl0, after.key_idx), (before.tl0, before.key_idx));
            } else {
                prop_assert!(advance > 0, "time went by {advance} ticks");
                prop_assert_eq!(pictures, 1);
                prop_assert_eq!(after.tl0.wrapping_sub(before.tl0), u8::from(after.tid == 0));
                prop_assert_eq!(after.key_idx.wrapping_sub(before.key_idx) & 0x1f, u8::from(after.key_frame));
            }
        }
    }

    /// Nothing reaches a decoder that it cannot have begun with, and a layer begins with a key frame.
    #[test]
    fn every_layer_begins_with_a_key_frame(script in rough_network(), start in any::<u16>()) {
        let sent = Scene::new(start).play(script);

        let mut layer = None;
        for packet in &sent.out {
            if layer != Some(packet.source.0) {
                prop_assert!(packet.starts_key_frame);
            }
            layer = Some(packet.source.0);
        }
    }

    /// Loss and reordering leave gaps, but no number is used twice and the order of time and pictures is kept.
    #[test]
    fn a_rough_network_leaves_gaps_and_nothing_worse(script in rough_network(), start in any::<u16>()) {
        let sent = Scene::new(start).play(script);

        let by_seq: BTreeMap<u64, &Out> = sent.out.iter().map(|packet| (packet.rtp.seq, packet)).collect();
        prop_assert_eq!(by_seq.len(), sent.out.len(), "a sequence number was used twice");
        if let (Some((first, _)), Some((last, _))) = (by_seq.first_key_value(), by_seq.last_key_value()) {
            let gaps = last - first + 1 - by_seq.len() as u64;
            prop_assert!(gaps <= sent.missing, "{gaps} gaps, but only {} packets were missing", sent.missing);
        }
        let mut frames = BTreeSet::new();
        for (before, after) in by_seq.values().zip(by_seq.values().skip(1)) {
            let advance = after.rtp.timestamp.wrapping_sub(before.rtp.timestamp) as i32;
            let pictures = after.picture_id.wrapping_sub(before.picture_id) & 0x7fff;
            if after.source == before.source {
                prop_assert_eq!((advance, pictures), (0, 0));
            } else {
                prop_assert!(advance > 0, "time went by {advance} ticks");
                prop_assert!((1..0x4000).contains(&pictures), "pictures went by {pictures}");
                prop_assert!(frames.insert(after.source), "a frame was torn apart");
            }
        }
    }
}

/// What was sent to the subscriber.
#[derive(Debug)]
struct Out {
    /// Layer and number of the frame at the publisher.
    source: (Layer, u32),
    starts_key_frame: bool,
    key_frame: bool,
    tid: u8,
    rtp: Rtp,
    picture_id: u16,
    tl0: u8,
    key_idx: u8,
}

#[derive(Debug, Clone)]
struct Packet {
    layer: Layer,
    frame: u32,
    key_frame: bool,
    rtp: Rtp,
    payload: Vec<u8>,
}

struct Encoder {
    seq: u64,
    timestamp: u32,
    picture_id: u16,
    tl0: u8,
    key_idx: u8,
    tid: u8,
}

struct Sent {
    out: Vec<Out>,
    /// Packets that were lost, or came too late to be of use.
    missing: u64,
}

struct Scene {
    now: Instant,
    frame: u32,
    encoders: [Encoder; SPATIAL],
    reports: Reports,
    selector: Selector,
    munger: Munger,
    pictures: Vp8Munger,
    arrived: [u64; SPATIAL],
    sent: Sent,
}

impl Scene {
    fn new(start: u16) -> Self {
        let start = u64::from(start);
        let encoders = [1u64, 2, 3].map(|n| Encoder {
            seq: 40_000 + start * n,
            timestamp: (start * n * 0x1_0001) as u32,
            picture_id: (start * n) as u16 & 0x7fff,
            tl0: (start * n) as u8,
            key_idx: (start / n) as u8 & 0x1f,
            tid: 0,
        });
        let reports =
            [0, 1, 2].map(|index: usize| Some(SenderReport { ntp: 77 << 32, rtp: encoders[index].timestamp }));
        Self {
            now: Instant::now(),
            frame: 0,
            encoders,
            reports,
            selector: Selector::new(Some(Wish::full(Layer::High)), LayerSet::ALL),
            munger: Munger::new(CLOCK, Rtp { seq: start, timestamp: start as u32 }),
            pictures: Vp8Munger::new(),
            arrived: [0; SPATIAL],
            sent: Sent { out: Vec::new(), missing: 0 },
        }
    }

    fn play(mut self, script: Vec<Scripted>) -> Sent {
        let mut travelling: Vec<(u8, Packet)> = Vec::new();
        for (step, fates) in script {
            match step {
                Step::Frame { key, packets } => {
                    let burst = self.encode(key, packets);
                    for (index, packet) in burst.into_iter().enumerate() {
                        match fates.get(index).copied().unwrap_or(Some(0)) {
                            Some(0) => self.arrive(&packet),
                            Some(delay) => travelling.push((delay, packet)),
                            None => self.sent.missing += 1,
                        }
                        let (due, rest) = travelling.into_iter().partition(|(delay, _)| *delay == 0);
                        let due: Vec<(u8, Packet)> = due;
                        due.iter().for_each(|(_, packet)| self.arrive(packet));
                        travelling = rest;
                        travelling.iter_mut().for_each(|(delay, _)| *delay -= 1);
                    }
                }
                Step::Wish(wish) => self.selector.set_wish(wish),
                Step::Cap(cap) => self.selector.set_cap(cap),
                Step::Running(running) => self.selector.set_running(running),
                Step::Silence(frames) => self.pass(frames.into()),
                Step::Restart => {
                    self.selector.restart();
                    self.munger.pause();
                }
            }
            let _ = self.selector.needs_key_frame(self.now);
        }
        travelling.iter().for_each(|(_, packet)| self.arrive(packet));
        self.sent
    }

    fn pass(&mut self, frames: u32) {
        self.now += FRAME * frames;
        for encoder in &mut self.encoders {
            encoder.timestamp = encoder.timestamp.wrapping_add(FRAME_TICKS * frames);
        }
    }

    fn encode(&mut self, key: [bool; SPATIAL], packets: [u8; SPATIAL]) -> Vec<Packet> {
        self.pass(1);
        self.frame += 1;
        let mut burst = Vec::new();
        for layer in Layer::ALL {
            let encoder = &mut self.encoders[layer.index()];
            let key_frame = key[layer.index()];
            encoder.next_frame(key_frame);
            for part in 0..packets[layer.index()] {
                encoder.seq += 1;
                let rtp = Rtp { seq: encoder.seq, timestamp: encoder.timestamp };
                let payload = encoder.payload(key_frame, part == 0);
                burst.push(Packet { layer, frame: self.frame, key_frame, rtp, payload });
            }
        }
        burst
    }

    fn arrive(&mut self, packet: &Packet) {
        let vp8 = Vp8::parse(&packet.payload).expect("our own packet");
        let newest = &mut self.arrived[packet.layer.index()];
        let late = packet.rtp.seq < *newest;
        *newest = packet.rtp.seq.max(*newest);
        let incoming = Incoming {
            layer: packet.layer,
            seq: packet.rtp.seq,
            timestamp: packet.rtp.timestamp,
            starts_key_frame: vp8.key_frame,
            temporal: Temporal::new(vp8.tid),
            layer_sync: vp8.layer_sync,
            switches_up: false,
        };
        let patch = match self.selector.on_packet(&incoming) {
            Decision::Drop | Decision::Fill => None,
            Decision::Skip => {
                self.munger.skip(packet.rtp.seq);
                self.pictures.skip(&vp8);
                None
            }
            Decision::Switch => {
                let out = self.munger.switch(packet.layer, packet.rtp, &self.reports, self.now);
                if out.is_none() {
                    self.selector.postpone();
                }
                out.map(|out| (out, self.pictures.switch(&vp8)))
            }
            Decision::Forward => {
                self.munger.forward(packet.rtp, self.now).and_then(|out| Some((out, self.pictures.forward(&vp8)?)))
            }
        };
        let Some((rtp, patch)) = patch else {
            self.sent.missing += u64::from(late);
            return;
        };

        let mut payload = Vec::new();
        write_patched(&packet.payload, &vp8, &patch, &mut payload);
        let patched = Vp8::parse(&payload).expect("still VP8");
        assert_eq!(payload[patched.header_len..], packet.payload[vp8.header_len..]);
        self.sent.out.push(Out {
            source: (packet.layer, packet.frame),
            starts_key_frame: patched.key_frame,
            key_frame: packet.key_frame,
            tid: patched.tid,
            rtp,
            picture_id: patched.picture_id.expect("kept").value,
            tl0: patched.tl0_pic_idx.expect("kept"),
            key_idx: patched.key_idx.expect("kept"),
        });
    }
}

impl Encoder {
    fn next_frame(&mut self, key_frame: bool) {
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        self.tid = if key_frame { 0 } else { [1, 2, 0][usize::from(self.tid)] };
        self.tl0 = self.tl0.wrapping_add(u8::from(self.tid == 0));
        self.key_idx = (self.key_idx + u8::from(key_frame)) & 0x1f;
    }

    fn payload(&self, key_frame: bool, start: bool) -> Vec<u8> {
        let [high, low] = (self.picture_id | 0x8000).to_be_bytes();
        let first = 0x80 | u8::from(start) << 4;
        let layers = self.tid << 6 | 0x20 | self.key_idx;
        vec![first, 0xf0, high, low, self.tl0, layers, u8::from(!key_frame), 1, 2, 3]
    }
}
