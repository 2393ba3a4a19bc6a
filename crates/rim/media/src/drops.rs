//! What is thrown away between sockets, shards and the engine is counted, each with its reason and once. What is thrown away of a
//! participant is in `tests/drops.rs`.

#[path = "../tests/support/drops.rs"]
pub(crate) mod counted;

use crate::detour::{self, Kind};
use crate::engine::faults::{self, Point};
use crate::engine::{ConnectionKey, Datagram, Engine};
use crate::far::Far;
use crate::framing::Framing;
use crate::neighbours::{self, Neighbours};
use crate::plane::Wake;
use crate::post::Post;
use crate::registry::Registry;
use crate::streams::{MAX_STREAMS, Outbox, Queued, StreamEvent, StreamId, Weight};
use crate::ways::{Inlet, Ways};
use counted::Drops;
use hmac::{Hmac, KeyInit, Mac};
use md5::Digest as _;
use rtc::{Codec, DownPacket, Extensions};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use turn::{attribute, method};

const OURS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 8080);
const THEIRS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 9)), 4000);

/// What a shard has between its sockets and its engine, and the shard beside it.
struct Scene {
    drops: Drops,
    ways: Ways,
    engine: Engine,
    neighbours: Neighbours,
    _other: Neighbours,
    streams: mpsc::Sender<StreamEvent>,
    now: Instant,
    secret: turn::Secret,
}

impl Scene {
    fn new(drops: Drops) -> Self {
        let now = Instant::now();
        let (streams, events) = mpsc::channel(2048);
        let secret = || turn::Secret::new("a secret of thirty-two characters");
        let turn = turn::Config {
            realm: "plenum".into(),
            secret: secret(),
            nonce_key: [3; 32],
            peers: vec![OURS],
            relayed: |number, like| detour::address(Kind::Relayed, number, like),
        };
        let poll = mio::Poll::new().unwrap();
        let wake = Wake(Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap()));
        let registry = Arc::new(Registry::new(2));
        registry.note_name("theirs".into(), 1);
        let mut both = neighbours::connect(&registry, &[wake.clone(), wake]).into_iter();
        let (neighbours, other) = (both.next().unwrap(), both.next().unwrap());
        let (media, _nobody) = mpsc::channel(1);
        let engine = Engine::of_many(vec![OURS], 1, media, registry, 0).unwrap();
        let ways = Ways::new(&[OURS], events, Some(turn), now);
        Self { drops, ways, engine, neighbours, _other: other, streams, now, secret: secret() }
    }

    fn datagram(&mut self, source: SocketAddr, contents: &[u8]) {
        let mut inlet = Inlet { engine: &mut self.engine, neighbours: &mut self.neighbours };
        self.ways.datagram(&mut inlet, self.now, Datagram { source, destination: OURS, contents });
    }

    /// Somebody opens a connection and sends those packets over it. Its address for the engine, and its end of the outbox.
    fn stream(&mut self, framing: Framing, packets: &[&[u8]]) -> (SocketAddr, Queued) {
        let queued = self.open(5, framing);
        packets.iter().for_each(|packet| self.packet(5, packet));
        (detour::address(Kind::Stream, 0, OURS.ip()), queued)
    }

    fn open(&mut self, id: StreamId, framing: Framing) -> Queued {
        let (outbox, queued) = Outbox::new();
        self.streams.try_send(StreamEvent::Opened { id, framing, secure: false, peer: THEIRS, outbox }).unwrap();
        self.take();
        queued
    }

    fn packet(&mut self, id: StreamId, contents: &[u8]) {
        self.streams.try_send(StreamEvent::Packet { id, contents: contents.to_vec() }).unwrap();
        self.take();
    }

    fn take(&mut self) {
        let mut inlet = Inlet { engine: &mut self.engine, neighbours: &mut self.neighbours };
        self.ways.take(&mut inlet, self.now);
    }

    fn send(&mut self, destination: SocketAddr, contents: &[u8]) {
        self.ways.send(self.now, OURS, destination, contents.to_vec(), &mut Vec::new());
    }

    fn is_counted(&self) -> bool {
        !self.drops.by_reason().is_empty()
    }
}

/// What happens then is counted for that reason, once, and for no other.
fn counts(reason: &str, cause: impl FnOnce(&mut Scene)) {
    let drops = Drops::default();
    drops.record(|| {
        let mut scene = Scene::new(drops.clone());
        cause(&mut scene);
        assert_eq!(drops.by_reason(), BTreeMap::from([(reason.to_owned(), 1)]));
    });
}

/// A packet of media, and one of data.
const MEDIA: [u8; 1000] = [0x80; 1000];
const DATA: [u8; 1000] = [23; 1000];

#[test]
fn a_datagram_of_nobody() {
    counts("unknown_source", |scene| scene.datagram(THEIRS, &MEDIA));
}

#[test]
fn a_datagram_from_an_address_that_stands_for_another_way() {
    let forged = detour::address(Kind::Stream, 0, OURS.ip());
    counts("forged_source", |scene| scene.datagram(forged, &MEDIA));
    counts("forged_source", |scene| {
        let mut inlet = Inlet { engine: &mut scene.engine, neighbours: &mut scene.neighbours };
        inlet.datagram(scene.now, Datagram { source: forged, destination: OURS, contents: &MEDIA });
    });
}

#[test]
fn a_connection_of_nobody_is_closed() {
    counts("stream_unproven", |scene| {
        let (_, mut queued) = scene.stream(Framing::Ice, &[&MEDIA, &MEDIA]);
        assert!(queued.is_closed());
    });
}

#[test]
fn what_is_for_a_connection_that_is_too_slow() {
    for (much, other) in [(MEDIA, DATA), (DATA, MEDIA)] {
        counts("stream_queue", |scene| {
            let (address, mut queued) = scene.stream(Framing::Ice, &[]);
            while !scene.is_counted() {
                scene.send(address, &much);
            }
            scene.send(address, &other);
            assert!(!queued.is_closed());
        });
    }
}

#[test]
fn what_is_for_a_connection_that_closes_just_now() {
    counts("no_way", |scene| {
        let (address, queued) = scene.stream(Framing::Ice, &[]);
        drop(queued);
        scene.send(address, &MEDIA);
    });
}

#[test]
fn what_was_for_a_connection_or_an_allocation_finds_another_way_when_that_is_gone() {
    Drops::default().record(|| {
        let mut scene = Scene::new(Drops::default());
        let key = ConnectionKey { room: Default::default(), peer: signal::PeerKey(1), subscriber: false };
        let (connection, _queued) = scene.stream(Framing::Ice, &[]);
        allocate(&mut scene);
        let relayed = detour::address(Kind::Relayed, 1, OURS.ip());
        scene.engine.demux.by_address.extend([(connection, key), (relayed, key)]);

        scene.streams.try_send(StreamEvent::Closed { id: 5 }).unwrap();
        scene.take();
        assert!(scene.engine.demux.by_address.keys().eq([&relayed]));
        scene.now += Duration::from_secs(700);
        scene.ways.handle_timeout(scene.now);
        scene.take();
        assert!(scene.engine.demux.by_address.is_empty());
    });
}

/// From so many connections on each new one takes the place of one that is not used.
const ROOMY: StreamId = MAX_STREAMS as StreamId - 64;

fn closed(all: &mut [Queued]) -> Vec<usize> {
    (0..all.len()).filter(|id| all[*id].is_closed()).collect()
}

#[test]
fn a_connection_that_is_not_used_makes_room_when_there_are_hardly_any_places_left() {
    Drops::default().record(|| {
        let mut scene = Scene::new(Drops::default());
        let mut all = vec![scene.open(0, Framing::Ice)];
        scene.now += Duration::from_secs(9);
        all.extend((1..ROOMY).map(|id| scene.open(id, Framing::Ice)));

        all.push(scene.open(ROOMY, Framing::Turn));
        assert!(closed(&mut all).is_empty(), "all may be in use");
        scene.now += Duration::from_secs(1);
        all.push(scene.open(ROOMY + 1, Framing::Turn));
        assert_eq!(closed(&mut all), [0]);
    });
}

#[test]
fn a_connection_without_an_allocation_makes_room_before_all_others_however_much_comes_over_it() {
    Drops::default().record(|| {
        let mut scene = Scene::new(Drops::default());
        let mut all = vec![scene.open(0, Framing::Turn)];
        allocate_by(&mut scene, |scene, request| {
            scene.packet(0, request);
            all[0].next_of(Weight::Vital).unwrap().1
        });
        scene.now += Duration::from_secs(1);
        all.push(scene.open(1, Framing::Turn));
        scene.now += Duration::from_secs(10);
        all.extend((2..ROOMY).map(|id| scene.open(id, Framing::Turn)));
        scene.packet(1, &message(0x0011, &[]));

        all.push(scene.open(ROOMY, Framing::Turn));
        assert_eq!(closed(&mut all), [1]);
        all.push(scene.open(ROOMY + 1, Framing::Turn));
        assert_eq!(closed(&mut all), [0, 1], "quiet for longer than those that came just now");
    });
}

#[test]
fn a_connection_to_the_relay_without_an_allocation_ends_after_half_a_minute() {
    Drops::default().record(|| {
        let mut scene = Scene::new(Drops::default());
        let mut all = vec![scene.open(0, Framing::Turn), scene.open(1, Framing::Turn), scene.open(2, Framing::Ice)];
        allocate_by(&mut scene, |scene, request| {
            scene.packet(0, request);
            all[0].next_of(Weight::Vital).unwrap().1
        });
        let end = scene.now + Duration::from_secs(30);
        while let Some(due) = scene.ways.poll_timeout().filter(|due| *due < end) {
            scene.now = due;
            scene.packet(1, &message(0x0011, &[]));
            scene.ways.handle_timeout(due);
        }
        assert!(closed(&mut all).is_empty());

        scene.now = scene.ways.poll_timeout().unwrap();
        assert!(scene.now < end + Duration::from_secs(10));
        scene.ways.handle_timeout(scene.now);
        assert_eq!(closed(&mut all), [1]);
    });
}

#[test]
fn an_allocation_that_is_over_takes_its_connection() {
    Drops::default().record(|| {
        let mut scene = Scene::new(Drops::default());
        let mut queued = scene.open(5, Framing::Turn);
        allocate_by(&mut scene, |scene, request| {
            scene.packet(5, request);
            queued.next_of(Weight::Vital).unwrap().1
        });
        assert!(!queued.is_closed());
        scene.now += Duration::from_secs(700);
        scene.ways.handle_timeout(scene.now);
        scene.take();
        assert!(queued.is_closed());
    });
}

/// What happens then lets so many things panic, each of which ends one way.
fn ends_ways(panics: u64, cause: impl FnOnce(&mut Scene)) {
    let drops = Drops::of("media_panics_total");
    drops.record(|| cause(&mut Scene::new(drops.clone())));
    assert_eq!(drops.by_reason(), BTreeMap::from([("way".to_owned(), panics)]));
    assert!(faults::is_spent());
}

#[test]
fn a_message_to_the_relay_that_panics_ends_the_way_it_came_and_no_other() {
    ends_ways(2, |scene| {
        let (mut first, mut second) = (scene.open(5, Framing::Turn), scene.open(6, Framing::Turn));
        let question = message(method::BINDING, &[]);
        let mut replies = Vec::new();

        faults::arm(Point::Relay, &faults::nobody());
        scene.packet(5, &question);
        faults::arm(Point::Relay, &faults::nobody());
        scene.datagram(THEIRS, &question);
        scene.ways.drain(&mut replies);
        assert!(first.is_closed() && replies.is_empty());

        scene.packet(6, &question);
        scene.datagram(THEIRS, &question);
        scene.ways.drain(&mut replies);
        assert!(second.next_of(Weight::Vital).is_some() && replies.len() == 1);
    });
}

#[test]
fn a_packet_from_the_relay_that_panics_ends_the_allocation_and_its_connection() {
    ends_ways(1, |scene| {
        let mut queued = scene.open(5, Framing::Turn);
        allocate_by(scene, |scene, request| {
            scene.packet(5, request);
            queued.next_of(Weight::Vital).unwrap().1
        });
        faults::arm(Point::Relay, &faults::nobody());

        scene.send(detour::address(Kind::Relayed, 1, OURS.ip()), &MEDIA);

        assert!(queued.is_closed());
    });
}

#[test]
fn a_relay_that_panics_in_its_own_work_begins_anew() {
    ends_ways(1, |scene| {
        let key = ConnectionKey { room: Default::default(), peer: signal::PeerKey(1), subscriber: false };
        allocate(scene);
        scene.engine.demux.by_address.insert(detour::address(Kind::Relayed, 1, OURS.ip()), key);
        faults::arm(Point::Sweep, &faults::nobody());
        scene.now += Duration::from_secs(60);

        scene.ways.handle_timeout(scene.now);

        assert_eq!(scene.ways.poll_timeout(), None);
        scene.take();
        assert!(scene.engine.demux.by_address.is_empty(), "what went through it finds another way");
        allocate(scene);
    });
}

#[test]
fn what_goes_to_a_way_that_is_gone() {
    counts("no_way", |scene| scene.send(detour::address(Kind::Stream, 9, OURS.ip()), &MEDIA));
    counts("no_way", |scene| scene.send(detour::address(Kind::Relayed, 9, OURS.ip()), &MEDIA));
}

/// A TURN message.
fn message(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = [&kind.to_be_bytes()[..], &[0, 0, 0x21, 0x12, 0xa4, 0x42], &[7; 12]].concat();
    attributes.iter().for_each(|(kind, value)| push(&mut bytes, *kind, value));
    bytes
}

fn push(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    bytes.extend(kind.to_be_bytes());
    bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let length = u16::try_from(bytes.len() - 20).unwrap();
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
}

/// The client gets an allocation.
fn allocate(scene: &mut Scene) {
    allocate_by(scene, |scene, request| {
        scene.datagram(THEIRS, request);
        let mut replies = Vec::new();
        scene.ways.drain(&mut replies);
        let [reply] = &replies[..] else { panic!("one reply") };
        reply.contents.clone()
    });
}

/// The same, for one who asks in that way.
fn allocate_by(scene: &mut Scene, mut ask: impl FnMut(&mut Scene, &[u8]) -> Vec<u8>) {
    let secret = scene.secret.clone();
    let transport = (attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0][..]);
    let reply = ask_relay(&secret, method::ALLOCATE, transport, |request| ask(scene, request));
    assert_eq!(reply[..2], [1, 3], "an allocation");
}

/// Ann asks the relay for something: without a nonce, and then with the one she was answered.
pub(crate) fn ask_relay(
    secret: &turn::Secret,
    method: u16,
    what: (u16, &[u8]),
    mut ask: impl FnMut(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let ends = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap() + Duration::from_secs(300);
    let login = secret.login("room:ann", ends.as_secs());
    let key = md5::Md5::digest(format!("{}:plenum:{}", login.name, login.password));
    let mut signed = |nonce: &[u8]| {
        let mut bytes = message(
            method,
            &[
                what,
                (attribute::USERNAME, login.name.as_bytes()),
                (attribute::REALM, b"plenum"),
                (attribute::NONCE, nonce),
            ],
        );
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
        let length = u16::try_from(bytes.len() + 24 - 20).unwrap();
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        mac.update(&bytes);
        push(&mut bytes, attribute::MESSAGE_INTEGRITY, &mac.finalize().into_bytes());
        ask(&bytes)
    };
    let reply = signed(&[]);
    let at = reply.windows(2).position(|two| two == attribute::NONCE.to_be_bytes()).unwrap();
    let length = usize::from(reply[at + 3]);
    signed(&reply[at + 4..at + 4 + length])
}

#[test]
fn a_message_that_is_none_for_the_relay() {
    counts("turn_garbage", |scene| scene.datagram(THEIRS, &[0x40, 0, 0, 9]));
    counts("turn_garbage", |scene| {
        let (_, mut queued) = scene.stream(Framing::Turn, &[&[0x40, 0, 0, 9], &[0x40, 0, 0, 9]]);
        assert!(queued.is_closed());
    });
}

#[test]
fn a_message_that_means_nothing_to_the_relay() {
    let binding_indication = message(0x0011, &[]);
    counts("turn_ignored", |scene| {
        let (_, mut queued) = scene.stream(Framing::Turn, &[&binding_indication]);
        assert!(!queued.is_closed());
    });
}

#[test]
fn more_questions_of_strangers_than_are_answered() {
    counts("turn_stranger", |scene| {
        for _ in 0..101 {
            scene.datagram(THEIRS, &message(method::BINDING, &[]));
        }
    });
}

#[test]
fn what_is_to_be_relayed_for_somebody_without_an_allocation() {
    counts("turn_no_allocation", |scene| scene.datagram(THEIRS, &[0x40, 0, 0, 0]));
}

#[test]
fn what_is_to_be_relayed_to_where_it_may_not_go() {
    counts("turn_no_permission", |scene| {
        allocate(scene);
        scene.datagram(THEIRS, &[0x40, 0, 0, 0]);
    });
}

#[test]
fn datagrams_for_a_shard_that_takes_nothing() {
    counts("handover_queue", |scene| {
        let name = b"theirs:x";
        let check = message(method::BINDING, &[(attribute::USERNAME, name)]);
        while !scene.is_counted() {
            scene.datagram(THEIRS, &check);
            scene.neighbours.flush();
        }
    });
}

#[test]
fn packets_for_a_shard_that_takes_nothing() {
    counts("post_queue", |scene| {
        let mut post = Post::new(2);
        let key = ConnectionKey { room: Default::default(), peer: signal::PeerKey(1), subscriber: false };
        let packet = DownPacket {
            codec: Codec::Vp8,
            profile: 0,
            sequence: 1,
            timestamp: 2,
            wallclock: scene.now,
            marker: true,
            payload: &[1].into(),
            vp8: None,
            extensions: &Extensions::default(),
            dependency: None,
            playout: None,
        };
        post.write(&Far::new(1, key, scene.now), 5, &packet);
        let work = post.take(1).unwrap();
        post.put_back(1, work);
    });
}
