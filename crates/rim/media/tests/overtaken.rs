//! Key pictures of AV1 whose first packet, the one that says how to read the others, comes late or never.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

// Other tests use the rest of it.
#[allow(dead_code)]
mod support;

use sfu::dependency::Dependencies;
use std::time::Duration;
use support::World;
use support::codecs::{Scalable, Sent};
use wire::lk::BackupCodecPolicy;

const FRAME: Duration = Duration::from_millis(40);

/// As Chromium numbers it.
const AV1: u8 = 45;

/// A structure of two spatial and two temporal layers, behind two bytes of length.
const STRUCTURE: &[u8] = include_bytes!("../../../../fuzz/corpus/dependency/two_layers_keyed");

/// Somebody who publishes, and somebody who watches.
struct Call {
    world: World,
    publisher: usize,
    viewer: usize,
    film: Scalable,
    /// What the viewer's decoder knows of the stream.
    stream: Dependencies,
    /// The number of the last packet the viewer got.
    last: Option<u64>,
}

impl Call {
    /// Connected, and nothing was sent yet.
    fn new() -> Self {
        let mut world = World::new();
        let publisher = world.join_knowing("ann", &["av1"]);
        let viewer = world.join_knowing("bob", &["av1"]);
        world.pass(Duration::from_secs(2));
        world.publish_scalable(publisher, "av1", BackupCodecPolicy::PreferRegression);
        world.pass(Duration::from_secs(1));
        Self { world, publisher, viewer, film: Scalable::default(), stream: Dependencies::new(), last: None }
    }

    fn shoot(&mut self, key: bool) {
        let structure = &STRUCTURE[2..2 + usize::from(STRUCTURE[1])];
        self.world.shoot_av1(self.publisher, &mut self.film, key, structure);
    }

    /// A key picture that has not left yet: a datagram of each size.
    fn key_picture(&mut self) -> [Vec<u8>; 2] {
        self.shoot(true);
        let mut datagrams = self.world.take_datagrams(self.publisher);
        datagrams.retain(|datagram| datagram[0] >> 6 == 2 && datagram[1] & 0x7f == AV1);
        datagrams.try_into().unwrap()
    }

    fn feed(&mut self, datagram: &[u8]) {
        self.world.feed(self.publisher, datagram);
        self.world.pump();
    }

    /// Pictures for a while, key pictures only when they are asked for. Returns how many were.
    fn go_on(&mut self, pictures: usize) -> usize {
        let mut keys = 0;
        for _ in 0..pictures {
            let key = self.was_asked();
            keys += usize::from(key);
            self.shoot(key);
            self.world.pass(FRAME);
        }
        keys
    }

    fn was_asked(&mut self) -> bool {
        std::mem::take(&mut self.world.clients[self.publisher].key_frames_asked) > 0
    }

    /// The sizes of each picture the viewer has got since the last time, and whether it is a key picture. No number is missing, and
    /// each picture ends with a marker.
    fn seen(&mut self) -> Vec<(Vec<u8>, bool)> {
        let packets: Vec<Sent> = self.world.clients[self.viewer].take_packets();
        for packet in &packets {
            assert!(self.last.is_none_or(|last| last + 1 == packet.seq), "{:?}, then {}", self.last, packet.seq);
            self.last = Some(packet.seq);
        }
        let pictures = packets.chunk_by(|one, other| one.timestamp == other.timestamp);
        let mut read = |packet: &Sent| {
            let descriptor = packet.dependency.as_ref().unwrap();
            self.stream.read(descriptor, packet.timestamp, packet.seq).unwrap()
        };
        pictures
            .map(|packets| {
                let (last, others) = packets.split_last().unwrap();
                assert!(last.marker && others.iter().all(|packet| !packet.marker), "the marker ends the picture");
                let frames: Vec<_> = packets.iter().map(&mut read).collect();
                (frames.iter().map(|frame| frame.spatial).collect(), !frames[0].inter_predicted)
            })
            .collect()
    }

    fn begin(&mut self) {
        assert_eq!(self.go_on(20), 1);
        let seen = self.seen();
        assert!(seen.len() >= 19 && seen.iter().all(|(sizes, _)| sizes == &[0, 1]), "{seen:?}");
    }
}

#[test]
fn a_first_key_picture_that_comes_in_disorder_is_seen() {
    let mut call = Call::new();
    call.shoot(false);
    call.world.pass(FRAME);
    let [small, large] = call.key_picture();

    call.feed(&large);
    assert!(call.seen().is_empty());
    call.feed(&small);
    call.world.pass(FRAME);

    assert_eq!(call.seen(), [(vec![0, 1], true)]);
}

#[test]
fn what_overtakes_its_structure_waits_for_it() {
    let mut call = Call::new();
    call.begin();
    let [small, large] = call.key_picture();

    call.feed(&large);
    assert!(call.seen().is_empty());
    call.feed(&small);
    let keys = call.go_on(10);

    assert_eq!(keys, 0, "nothing is missing");
    let seen = call.seen();
    assert_eq!(seen.len(), 11);
    assert!(seen.iter().enumerate().all(|(index, one)| *one == (vec![0, 1], index == 0)), "{seen:?}");
}

#[test]
fn a_structure_that_is_lost_and_sent_again_costs_nothing_but_time() {
    let mut call = Call::new();
    call.begin();
    let [_, large] = call.key_picture();

    call.feed(&large);
    let keys = call.go_on(15);

    assert_eq!(keys, 0, "it was repaired");
    let seen = call.seen();
    assert_eq!(seen.len(), 16);
    assert!(seen.iter().enumerate().all(|(index, one)| *one == (vec![0, 1], index == 0)), "{seen:?}");
}

#[test]
fn for_a_structure_that_never_comes_a_key_picture_is_asked_for() {
    let mut call = Call::new();
    call.begin();
    call.film.fleeting = true;
    let [_, large] = call.key_picture();
    call.film.fleeting = false;

    call.feed(&large);
    // A quarter of a second of patience, and what the room's regular work takes.
    let keys = call.go_on(10);

    assert_eq!(keys, 1);
    let seen = call.seen();
    assert!(seen.first().is_some_and(|(_, key)| *key), "goes on with a key picture: {seen:?}");
    assert!(seen.iter().all(|(sizes, _)| sizes == &[0, 1]), "{seen:?}");
    call.go_on(25);
    assert_eq!(call.seen().len(), 25);
}

#[test]
fn a_publisher_that_goes_silent_is_asked_too() {
    let mut call = Call::new();
    call.begin();
    call.film.fleeting = true;
    let [_, large] = call.key_picture();

    call.feed(&large);
    call.world.pass(Duration::from_millis(400));

    assert!(call.was_asked());
}
