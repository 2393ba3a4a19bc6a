//! Insiders and real stacks in every codec but VP8: what a client sends in packets an insider gets in frames, and the other way
//! round.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

// Other tests use the rest of it.
#[allow(dead_code)]
mod support;

use model::media::{MediaPermission, Source};
use model::{Identity, RoomId, SessionId};
use ports::media::inside::{
    Format, InsideItem, InsideJoin, InsideKind, InsideOrder, ItemReceiver, SentFrame, TapFrame, items,
};
use sfu::dependency::Dependencies;
use sfu::vp9::Vp9;
use std::time::Duration;
use support::World;
use support::codecs::{Scalable, Sent};
use wire::lk::BackupCodecPolicy;
use wire::lk::signal_response::Message as Response;

const FRAME: Duration = Duration::from_millis(40);

/// Two spatial layers, behind two bytes of length.
const STRUCTURE: &[u8] = include_bytes!("../../../../fuzz/corpus/dependency/two_layers_keyed");

struct Guest {
    link: u64,
    items: ItemReceiver,
}

impl Guest {
    fn enter(world: &mut World) -> Self {
        let (sender, items) = items(512);
        let join = InsideJoin {
            room: RoomId::try_from("room").unwrap(),
            session: SessionId::try_from("session").unwrap(),
            identity: Identity::try_from("guest").unwrap(),
            name: String::new(),
            metadata: String::new(),
            attributes: Default::default(),
            kind: InsideKind::Agent,
            permission: MediaPermission { publish_data: false, update_own: false, ..MediaPermission::FREE },
        };
        let link = world.engine.enter(&join, sender, world.now).unwrap();
        world.pass(FRAME);
        Self { link, items }
    }

    fn order(&self, world: &mut World, order: InsideOrder) {
        world.engine.inside_order(self.link, order, world.now);
        world.pass(Duration::from_millis(1));
    }

    /// Takes every track it is told of.
    fn subscribe(&mut self, world: &mut World) {
        while let Some(item) = self.items.try_recv() {
            if let InsideItem::Track { sid, .. } = item {
                self.order(world, InsideOrder::Subscribe { sid, wanted: true });
            }
        }
        // Sections for them are asked for a moment later.
        world.pass(Duration::from_millis(500));
    }

    fn frames(&mut self) -> Vec<TapFrame> {
        let items = std::iter::from_fn(|| self.items.try_recv());
        let frames = items.filter_map(|item| if let InsideItem::Frame(frame) = item { Some(frame) } else { None });
        frames.collect()
    }

    fn is_asked(&mut self) -> bool {
        std::iter::from_fn(|| self.items.try_recv()).any(|item| matches!(item, InsideItem::KeyFrameWanted { .. }))
    }
}

/// Sends pictures of a client for a while; a key picture first, as every encoder does, and when it is asked for one.
fn film(world: &mut World, client: usize, mut shoot: impl FnMut(&mut World, bool)) {
    for number in 0..20 {
        let asked = std::mem::take(&mut world.clients[client].key_frames_asked) > 0;
        let key = asked || number == 0;
        shoot(world, key);
        world.pass(FRAME);
    }
}

#[test]
fn an_insider_gets_all_layers_of_a_clients_vp9_as_one_picture() {
    let mut world = World::new();
    let ann = world.join_knowing("ann", &["vp9"]);
    world.pass(Duration::from_secs(2));
    world.publish_scalable(ann, "vp9", BackupCodecPolicy::PreferRegression);
    world.pass(Duration::from_secs(1));
    let mut guest = Guest::enter(&mut world);
    guest.subscribe(&mut world);
    let mut state = Scalable::default();

    film(&mut world, ann, |world, key| world.shoot_vp9(ann, &mut state, key));

    let pictures = guest.frames();
    assert!(pictures.len() >= 10, "{}", pictures.len());
    assert!(pictures[0].key_frame && pictures.iter().all(|picture| picture.format == Format::Vp9));
    // Layers of 200, 400 and 600 bytes less their descriptors of 5, and an index of eight.
    assert!(pictures.iter().all(|picture| picture.data.len() == 1200 - 3 * 5 + 8));
    assert!(pictures.iter().all(|picture| picture.rotation == 90));
    let index = [0b1100_1010, 195, 0, 139, 1, 83, 2, 0b1100_1010];
    assert!(pictures.iter().all(|picture| picture.data.ends_with(&index)));
}

#[test]
fn an_insider_gets_all_layers_of_a_clients_av1_as_one_temporal_unit() {
    let mut world = World::new();
    let ann = world.join_knowing("ann", &["av1"]);
    world.pass(Duration::from_secs(2));
    world.publish_scalable(ann, "av1", BackupCodecPolicy::PreferRegression);
    world.pass(Duration::from_secs(1));
    let mut guest = Guest::enter(&mut world);
    guest.subscribe(&mut world);
    let mut state = Scalable::default();
    let structure = &STRUCTURE[2..2 + usize::from(STRUCTURE[1])];

    film(&mut world, ann, |world, key| world.shoot_av1(ann, &mut state, key, structure));

    let pictures = guest.frames();
    assert!(pictures.len() >= 10, "{}", pictures.len());
    assert!(pictures[0].key_frame && pictures.iter().all(|picture| picture.format == Format::Av1));
    assert!(pictures.iter().all(|picture| !picture.after_loss));
    // A unit for each of the two layers, with the size it did not have on the way.
    let units = |picture: &TapFrame| picture.data.chunks(100).map(|unit| (unit[0] & 0x02, unit[1])).collect::<Vec<_>>();
    assert!(pictures.iter().all(|picture| units(picture) == [(2, 98), (2, 98)]), "{:?}", units(&pictures[0]));
}

#[test]
fn an_insider_hears_a_clients_redundant_sound_once() {
    let mut world = World::new();
    let ann = world.join_knowing("ann", &["red"]);
    world.pass(Duration::from_secs(2));
    world.publish_microphone(ann);
    world.pass(Duration::from_secs(1));
    let mut guest = Guest::enter(&mut world);
    guest.subscribe(&mut world);

    for count in 1..=10 {
        world.speak_twice(ann, count);
        world.pass(Duration::from_millis(20));
    }

    let heard: Vec<Vec<u8>> = guest.frames().iter().map(|frame| frame.data.to_vec()).collect();
    assert_eq!(heard, (1..=10).map(|count| vec![count; 3]).collect::<Vec<_>>());
}

#[test]
fn a_client_is_told_of_an_insiders_two_channels() {
    for stereo in [false, true] {
        let mut world = World::new();
        let bob = world.join("bob");
        world.pass(Duration::from_secs(2));
        let guest = Guest::enter(&mut world);
        let (name, source) = ("it".to_owned(), Source::ScreenShareAudio);
        guest.order(&mut world, InsideOrder::Publish { name, source, format: Format::Opus, size: (0, 0), stereo });
        world.pass(Duration::from_secs(1));

        let is_told = |message: &Response| matches!(message, Response::Answer(answer) if answer.sdp.contains(";stereo=1;sprop-stereo=1"));
        assert_eq!(world.clients[bob].got(is_told), stereo);
    }
}

#[test]
fn a_client_gets_an_insiders_pictures_in_the_packets_of_their_codec() {
    for (format, name) in [(Format::Vp9, "vp9"), (Format::Av1, "av1")] {
        let mut world = World::new();
        let bob = world.join_knowing("bob", &[name]);
        world.pass(Duration::from_secs(2));
        let mut guest = Guest::enter(&mut world);
        guest.order(
            &mut world,
            InsideOrder::Publish { name: "it".into(), source: Source::Camera, format, size: (640, 360), stereo: false },
        );
        world.pass(Duration::from_secs(1));

        let mut keys = 0;
        for number in 0..20u32 {
            let key = guest.is_asked() || number == 0;
            keys += usize::from(key);
            let data = match format {
                Format::Vp9 => [vec![if key { 0x82 } else { 0x86 }], vec![7; 2500]].concat(),
                _ => [if key { &[0x0a, 1, 7][..] } else { &[] }, &[0x32, 0x80 | 68, 19], &[9; 2500]].concat(),
            };
            let frame = SentFrame { timestamp: number * 3600, captured: None, audio_level: None, data: data.into() };
            guest.order(&mut world, InsideOrder::Send { name: "it".into(), frame });
            world.pass(FRAME);
        }

        let packets = world.clients[bob].take_packets();
        assert!(packets.len() >= 3 * 15, "{format:?}: {}", packets.len());
        assert!(packets.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1), "{format:?}");
        let mut dependencies = Dependencies::new();
        let mut seen = 0;
        for picture in packets.chunk_by(|one, other| one.timestamp == other.timestamp) {
            assert_eq!(picture.len(), 3, "{format:?}");
            assert!(picture[2].marker && !picture[0].marker && !picture[1].marker);
            seen += usize::from(match format {
                Format::Vp9 => Vp9::parse(&picture[0].payload).unwrap().starts_key_frame(),
                _ => {
                    let Sent { dependency, timestamp, seq, .. } = &picture[0];
                    !dependencies.read(dependency.as_ref().unwrap(), *timestamp, *seq).unwrap().inter_predicted
                }
            });
        }
        assert!((1..=keys).contains(&seen), "{format:?}: {seen} key pictures of {keys}");
    }
}
