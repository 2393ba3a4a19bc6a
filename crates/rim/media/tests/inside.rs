//! Participants inside the process: what they send real clients receive, and what real clients send they get.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

// Other tests use the rest of it.
#[allow(dead_code)]
mod simulation;

use model::media::{MediaPermission, Source, Sources};
use model::{Identity, RoomId, SessionId};
use ports::media::inside::{
    Format, InsideItem, InsideJoin, InsideKind, InsideOrder, ItemReceiver, SentPacket, TapPacket, items,
};
use simulation::checks;
use simulation::film::{Shot, Sound};
use simulation::net::Weather;
use simulation::world::{World, permission};
use std::time::Duration;
use wire::lk;
use wire::lk::signal_request::Message as Request;

const ROOM: &str = "room";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// An insider and everything it was told.
struct Guest {
    link: u64,
    items: ItemReceiver,
    told: Vec<InsideItem>,
    frame: u32,
    sounds: u32,
}

/// The number under which an insider's packets are recognised.
const NUMBER: u16 = 999;

impl Guest {
    fn enter(world: &mut World, name: &str, kind: InsideKind, permission: MediaPermission, capacity: usize) -> Self {
        let (sender, items) = items(capacity);
        let join = InsideJoin {
            room: RoomId::try_from(ROOM).unwrap(),
            session: SessionId::try_from("session").unwrap(),
            identity: Identity::try_from(name).unwrap(),
            name: name.to_owned(),
            metadata: String::new(),
            attributes: Default::default(),
            kind,
            permission,
        };
        let link = world.engine.enter(&join, sender, world.now).unwrap();
        world.run(millis(10));
        Self { link, items, told: Vec::new(), frame: 0, sounds: 0 }
    }

    fn order(&mut self, world: &mut World, order: InsideOrder) {
        world.engine.inside_order(self.link, order, world.now);
        world.run(millis(1));
    }

    fn read(&mut self) {
        self.told.extend(std::iter::from_fn(|| self.items.try_recv()));
    }

    /// Tracks of others it was told of: sid and whether it is sound.
    fn tracks(&mut self) -> Vec<(String, bool)> {
        self.read();
        let tracks = self.told.iter().filter_map(|item| match item {
            InsideItem::Track { sid, audio, .. } => Some((sid.clone(), *audio)),
            _ => None,
        });
        tracks.collect()
    }

    fn subscribe(&mut self, world: &mut World) {
        for (sid, _) in self.tracks() {
            self.order(world, InsideOrder::Subscribe { sid, wanted: true });
        }
        world.run(millis(500));
    }

    fn packets(&mut self, audio: bool) -> Vec<TapPacket> {
        self.read();
        let packets = self.told.iter().filter_map(|item| match item {
            InsideItem::Packet(packet) if (packet.format == Format::Opus) == audio => Some(packet.clone()),
            _ => None,
        });
        packets.collect()
    }

    fn publish(&mut self, world: &mut World) {
        let camera =
            InsideOrder::Publish { name: "cam".into(), source: Source::Camera, format: Format::Vp8, size: (640, 360) };
        let microphone =
            InsideOrder::Publish { name: "mic".into(), source: Source::Microphone, format: Format::Opus, size: (0, 0) };
        self.order(world, camera);
        self.order(world, microphone);
        world.run(millis(800));
    }

    /// Speaks and shows pictures of two packets; a key frame when asked.
    fn send(&mut self, world: &mut World, frames: u32) {
        for _ in 0..frames {
            let asked = {
                let before = self.told.len();
                self.read();
                self.told[before..].iter().any(|item| matches!(item, InsideItem::KeyFrameWanted { .. }))
            };
            self.frame += 1;
            for packet in 0..2 {
                let shot = Shot {
                    publisher: NUMBER,
                    camera: 1,
                    layer: 0,
                    frame: self.frame,
                    first: packet == 0,
                    last: packet == 1,
                    key_frame: asked || self.frame == 1,
                    temporal: 0,
                    picture_id: u16::try_from(self.frame).unwrap(),
                    base_index: u8::try_from(self.frame & 0xff).unwrap(),
                };
                let packet = SentPacket {
                    sequence: u64::from(self.frame) * 2 + packet,
                    timestamp: self.frame * 3600,
                    marker: shot.last,
                    audio_level: None,
                    payload: shot.payload(600),
                };
                self.order(world, InsideOrder::Send { name: "cam".into(), packet });
            }
            self.sounds += 1;
            let sound = Sound { publisher: NUMBER, number: self.sounds };
            let packet = SentPacket {
                sequence: u64::from(self.sounds),
                timestamp: self.sounds * 1920,
                marker: false,
                audio_level: Some(20),
                payload: sound.payload(),
            };
            self.order(world, InsideOrder::Send { name: "mic".into(), packet });
            world.run(millis(37));
        }
    }
}

fn hidden() -> MediaPermission {
    MediaPermission { publish: Sources::NONE, hidden: true, ..permission() }
}

#[test]
fn what_an_insider_sends_a_real_client_receives_and_can_show() {
    let mut world = World::new(1);
    let bob = world.join("bob", ROOM, 2);
    world.run(Duration::from_secs(2));
    let mut guest = Guest::enter(&mut world, "caller", InsideKind::Sip, permission(), 512);
    guest.publish(&mut world);
    let from = world.now;
    guest.send(&mut world, 50);

    let peer = &world.peers[bob];
    let shown = checks::shown(peer, NUMBER, from, world.now);
    assert!(shown >= 40, "{shown} of 50 pictures");
    assert!(checks::longest_silence(peer, NUMBER, from + millis(300), world.now) < millis(100));
    let faults = checks::faults(peer, &[NUMBER].into(), &Default::default());
    assert!(faults.is_empty(), "{faults:?}");
    assert!(guest.told.iter().any(|item| matches!(item, InsideItem::KeyFrameWanted { name } if name == "cam")));
    assert!(guest.told.iter().any(|item| matches!(item, InsideItem::Published { name, .. } if name == "mic")));
}

#[test]
fn a_recorder_gets_every_picture_in_order_and_nobody_sees_it() {
    let mut world = World::new(2);
    let (ann, bob) = (world.join("ann", ROOM, 2), world.join("bob", ROOM, 2));
    world.run(Duration::from_secs(2));
    world.peers[ann].publish();
    world.run(Duration::from_secs(1));
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 4096);
    recorder.subscribe(&mut world);
    world.run(Duration::from_secs(5));

    let packets = recorder.packets(false);
    assert!(packets.len() > 60, "{}", packets.len());
    assert!(packets[0].key_frame, "a key frame first");
    assert!(packets.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1));
    let frames: Vec<u32> = packets.iter().map(|packet| Shot::read(&packet.payload).unwrap().frame).collect();
    assert!(frames.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == pair[0] + 1), "{frames:?}");
    let captured: Vec<_> = packets.iter().map(|packet| packet.captured).collect();
    assert!(captured.is_sorted());
    let sounds = recorder.packets(true);
    assert!(sounds.len() > 100, "{}", sounds.len());
    assert!(sounds.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1));
    assert!(!world.peers[bob].seen.contains("rec") && !world.peers[ann].seen.contains("rec"));
    assert_eq!(recorder.items.dropped(), 0);
}

#[test]
fn losses_on_the_way_in_are_gaps_that_close_or_stay_and_never_a_wrong_order_of_pictures() {
    let mut world = World::new(3);
    let ann = world.join("ann", ROOM, 2);
    world.run(Duration::from_secs(2));
    world.peers[ann].publish();
    world.run(Duration::from_secs(1));
    world.lines(ann)[0].set(Weather { loss: 50, ..Weather::FINE });
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 4096);
    recorder.subscribe(&mut world);
    world.run(Duration::from_secs(10));

    let packets = recorder.packets(false);
    assert!(packets.len() > 150, "{}", packets.len());
    let mut numbers: Vec<u64> = packets.iter().map(|packet| packet.sequence).collect();
    numbers.sort_unstable();
    let unique = numbers.len();
    numbers.dedup();
    assert_eq!(numbers.len(), unique, "no packet twice");
    let mut by_number = packets.clone();
    by_number.sort_by_key(|packet| packet.sequence);
    let frames: Vec<u32> = by_number.iter().map(|packet| Shot::read(&packet.payload).unwrap().frame).collect();
    assert!(frames.is_sorted());
}

#[test]
fn an_insider_that_does_not_keep_up_misses_pictures_up_to_a_key_frame_and_costs_nobody_else_anything() {
    let mut world = World::new(4);
    let (ann, bob) = (world.join("ann", ROOM, 2), world.join("bob", ROOM, 2));
    world.run(Duration::from_secs(2));
    world.peers[ann].publish();
    world.run(Duration::from_secs(1));
    let mut slow = Guest::enter(&mut world, "slow", InsideKind::Agent, hidden(), 40);
    slow.subscribe(&mut world);
    slow.told.clear();
    let from = world.now;
    world.run(Duration::from_secs(6));

    assert!(slow.items.dropped() > 100, "{}", slow.items.dropped());
    let packets = slow.packets(false);
    assert!(packets.len() <= 40);
    assert!(packets.first().is_none_or(|packet| packet.key_frame), "what is left begins with a key frame");
    let number = world.peers[ann].number;
    assert!(checks::longest_silence(&world.peers[bob], number, from, world.now) < millis(200));
    world.run(millis(200));
    slow.told.clear();
    world.run(Duration::from_secs(1));
    assert!(slow.packets(false).iter().any(|packet| packet.key_frame), "one was asked for");
}

#[test]
fn rights_hold_for_insiders_too() {
    let mut world = World::new(5);
    let ann = world.join("ann", ROOM, 2);
    world.run(Duration::from_secs(2));
    world.peers[ann].publish();
    world.run(Duration::from_secs(1));
    let deaf = MediaPermission { subscribe: false, publish: Sources::NONE.with(Source::Microphone), ..permission() };
    let mut guest = Guest::enter(&mut world, "guest", InsideKind::Ingress, deaf, 512);
    guest.subscribe(&mut world);
    guest.publish(&mut world);
    world.run(Duration::from_secs(1));

    assert!(guest.packets(false).is_empty() && guest.packets(true).is_empty());
    assert!(guest.told.iter().any(|item| matches!(item, InsideItem::Refused { name } if name == "cam")));
    assert!(guest.told.iter().any(|item| matches!(item, InsideItem::Published { name, .. } if name == "mic")));

    let room = RoomId::try_from(ROOM).unwrap();
    let who = Identity::try_from("guest").unwrap();
    let none = MediaPermission { publish: Sources::NONE, ..deaf };
    world.engine.set_permission(&room, &who, none, world.now);
    world.run(millis(100));
    guest.read();
    assert!(guest.told.iter().any(|item| matches!(item, InsideItem::Unpublished { .. })), "{:?}", guest.told);
}

#[test]
fn mutes_ends_and_leaving_are_told_in_order() {
    let mut world = World::new(6);
    let ann = world.join("ann", ROOM, 2);
    world.run(Duration::from_secs(2));
    world.peers[ann].publish();
    world.run(Duration::from_secs(1));
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 4096);
    recorder.subscribe(&mut world);
    world.run(Duration::from_secs(1));
    let now = world.now;
    let World { engine, peers, .. } = &mut world;
    let sid = peers[ann].camera.sid.clone().unwrap();
    peers[ann].request(engine, Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted: true }), now);
    world.run(millis(200));
    recorder.read();
    let muted = recorder
        .told
        .iter()
        .rposition(|item| matches!(item, InsideItem::Track { sid: told, muted: true, .. } if *told == sid));
    let last =
        recorder.told.iter().rposition(|item| matches!(item, InsideItem::Packet(packet) if packet.sid.as_ref() == sid));
    assert!(muted > last && last.is_some(), "{muted:?} after {last:?}");

    let now = world.now;
    let World { engine, peers, .. } = &mut world;
    peers[ann].request(engine, Request::Leave(lk::LeaveRequest::default()), now);
    peers[ann].over = true;
    world.run(millis(100));
    recorder.read();
    let gone = recorder.told.iter().filter(|item| matches!(item, InsideItem::TrackGone { .. })).count();
    assert_eq!(gone, 2);
    world.engine.inside_gone(recorder.link, world.now);
    world.run(Duration::from_secs(1));
    recorder.read();
    assert_eq!(world.engine.holdings().sessions, 0);
    assert_eq!(world.engine.holdings().links, 0);
}
