//! What is thrown away of a participant is counted, each with its reason and once, and nobody else notices.
//!
//! What only somebody sends who seals by hand is in `fuzz/bodies/tests/drops.rs`; what belongs to the ways between sockets and
//! shards in `src/drops.rs` of this crate.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[path = "support/drops.rs"]
mod counted;
#[allow(dead_code)]
mod support;

use bytes::Bytes;
use counted::Drops;
use media::{Datagram, Engine};
use model::Identity;
use model::media::MediaPermission;
use prost::Message as _;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, io};
use str0m::media::{Simulcast, SimulcastLayer};
use str0m::rtp::ExtensionValues;
use support::World;
use tokio::sync::mpsc;
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::simulate_scenario::Scenario;

/// Every reason there is, and which file tests it. `None` says why no message or packet can cause it in a test.
const REASONS: &[(&str, Option<&str>)] = &[
    ("check_address", Some(HERE)),
    ("control_garbage", Some(SEALED)),
    ("control_seal", Some(HERE)),
    ("data_backlog", Some(DATA)),
    ("data_flood", Some(HERE)),
    ("data_forbidden", Some(HERE)),
    ("data_garbage", Some(HERE)),
    ("data_too_long", Some(HERE)),
    ("data_waiting", Some(HERE)),
    ("datagram_garbage", Some(HERE)),
    ("description", Some(HERE)),
    ("events", Some(HERE)),
    ("excess", Some(HERE)),
    ("forged_source", Some(WAYS)),
    ("handover_queue", Some(WAYS)),
    ("no_way", Some(WAYS)),
    // A shard that takes no orders hangs.
    ("orders", None),
    ("packet_format", Some(SEALED)),
    ("packet_source", Some(HERE)),
    ("packet_too_long", Some(SEALED)),
    ("packet_unread", Some(HERE)),
    ("picture_garbage", Some(HERE)),
    ("post_queue", Some(WAYS)),
    ("receive_queue", Some(SOCKETS)),
    ("send_failed", Some(SOCKETS)),
    // The kernel takes no more: it has to be busy.
    ("send_queue", None),
    ("send_refused", Some(SOCKETS)),
    ("send_too_long", Some(SOCKETS)),
    ("send_unreachable", Some(SOCKETS)),
    ("signal_flood", Some(HERE)),
    ("signal_garbage", Some(HERE)),
    ("signal_queue", Some(HERE)),
    ("simulation", Some(HERE)),
    ("simulation_no_way", Some(HERE)),
    ("stream_queue", Some(WAYS)),
    ("stream_unproven", Some(WAYS)),
    ("transport_number", Some(HERE)),
    ("turn_garbage", Some(WAYS)),
    ("turn_ignored", Some(WAYS)),
    ("turn_no_allocation", Some(WAYS)),
    ("turn_no_permission", Some(WAYS)),
    ("turn_stranger", Some(WAYS)),
    ("unknown_source", Some(HERE)),
    ("unpublished", Some(HERE)),
];

const DATA: &str = "tests/data.rs";
const HERE: &str = "tests/drops.rs";
const WAYS: &str = "src/drops.rs";
const SOCKETS: &str = "src/socket/tests.rs";
const SEALED: &str = "../../../fuzz/bodies/tests/drops.rs";

/// Where reasons are named.
const NAMED: [&str; 4] =
    ["src", "../../core/rtc/src/packet.rs", "../../core/signal/src/types.rs", "../../core/turn/src/server.rs"];

/// A room with somebody hostile and two others.
struct Scene {
    world: World,
    drops: Drops,
    frame: u32,
}

/// Who is hostile; who speaks; who hears both.
const EVE: usize = 0;
const ANN: usize = 1;
const BOB: usize = 2;

impl Scene {
    fn new() -> Self {
        let mut world = World::new();
        let mut frame = 1;
        for name in ["eve", "ann", "bob"] {
            world.join(name);
        }
        world.pass(Duration::from_secs(1));
        world.publish(EVE);
        world.publish(ANN);
        world.pass(Duration::from_millis(500));
        world.stream(EVE, frame, 5);
        world.stream(ANN, frame, 5);
        frame += 5;
        Self { world, drops: Drops::default(), frame }
    }

    /// Nothing that does not come from here may disturb what comes next.
    fn send_media(&mut self, who: usize) {
        self.frame += 1;
        self.world.send_media(who, self.frame, false);
        self.world.pass(Duration::from_millis(20));
    }

    fn others_are_well(&mut self) {
        // Of whoever has to start over nothing more is to come.
        self.world.clients[EVE].mute = true;
        let heard = self.world.clients[BOB].received(false).len();
        for _ in 0..5 {
            self.send_media(ANN);
        }
        assert_eq!(self.world.clients[BOB].received(false).len(), heard + 5, "the listener hears nothing any more");
        assert!(!self.world.clients[ANN].closed && !self.world.clients[BOB].closed);
    }
}

/// What happens then is counted for that reason and nothing else, so many times.
fn counts_times(reason: &str, times: u64, cause: impl FnOnce(&mut Scene)) {
    let drops = Drops::default();
    drops.record(|| {
        let mut scene = Scene::new();
        scene.drops = drops.clone();
        assert_eq!(drops.by_reason(), BTreeMap::new(), "before anything happened");
        cause(&mut scene);
        assert_eq!(drops.by_reason(), BTreeMap::from([(reason.to_owned(), times)]));
        scene.others_are_well();
    });
}

fn counts(reason: &str, cause: impl FnOnce(&mut Scene)) {
    counts_times(reason, 1, cause);
}

#[test]
fn every_reason_has_a_test_and_is_documented() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<String> = Vec::new();
    for file in NAMED {
        read_all(&here.join(file), &mut |text| found.extend(reasons(text))).unwrap();
    }
    found.sort_unstable();
    found.dedup();
    let known: Vec<&str> = REASONS.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(found, known);

    let documented = fs::read_to_string(here.join("../../../docs/operations.md")).unwrap();
    for (reason, tested) in REASONS {
        assert!(documented.contains(&format!("`{reason}`")), "{reason} is not in docs/operations.md");
        let Some(file) = tested else { continue };
        let tests = fs::read_to_string(here.join(file)).unwrap();
        let uses = tests.matches(&format!("\"{reason}\"")).count();
        assert!(uses > usize::from(*file == HERE), "{reason} is not in {file}");
    }
}

fn read_all(path: &Path, each: &mut impl FnMut(&str)) -> io::Result<()> {
    if path.is_file() {
        each(&fs::read_to_string(path)?);
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "rs") {
            read_all(&path, each)?;
        }
    }
    Ok(())
}

/// Reasons that a file names: those of counters, of `dropped`, and of the enumerations called `Dropped`.
fn reasons(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let quoted = |rest: &str| rest.split('"').nth(1).map(str::to_owned);
    let mut found: Vec<String> = Vec::new();
    for (at, _) in text.match_indices("\"media_drops_total\", \"reason\" => \"") {
        found.extend(quoted(&text[at + "\"media_drops_total\", \"reason\" => ".len()..]));
    }
    for call in [" dropped(\"", " reason(\""] {
        found.extend(text.match_indices(call).filter_map(|(at, _)| quoted(&text[at..])));
    }
    if let Some((_, rest)) = text.split_once("\nimpl Dropped {") {
        let body = rest.split("\n}\n").next().unwrap();
        found.extend(body.match_indices(" => \"").filter_map(|(at, _)| quoted(&body[at..])));
    }
    found
}

#[test]
fn a_datagram_of_nobody() {
    counts("unknown_source", |scene| {
        let (source, destination) = ("198.51.100.9:4000".parse().unwrap(), "192.0.2.1:8080".parse().unwrap());
        let now = scene.world.now;
        scene.world.engine.handle_datagram(now, Datagram { source, destination, contents: &[0x80; 40] });
    });
}

#[test]
fn a_check_with_a_guessed_password() {
    counts("unknown_source", |scene| {
        let contents = scene.world.forged_check(EVE);
        let (source, destination) = ("198.51.100.9:4000".parse().unwrap(), "192.0.2.1:8080".parse().unwrap());
        let now = scene.world.now;
        scene.world.engine.handle_datagram(now, Datagram { source, destination, contents: &contents });
    });
}

#[test]
fn checks_from_more_addresses_than_a_client_calls_from() {
    counts("check_address", |scene| {
        scene.world.now += Duration::from_secs(5);
        let check = scene.world.take_datagrams(EVE).into_iter().find(|contents| contents.starts_with(&[0, 1])).unwrap();
        let (now, destination) = (scene.world.now, "192.0.2.1:8080".parse().unwrap());
        // It has called from its own.
        for port in 0..64 {
            let source = ([198, 51, 100, 9], 4000 + port).into();
            scene.world.engine.handle_datagram(now, Datagram { source, destination, contents: &check });
        }
    });
}

#[test]
fn a_datagram_of_no_protocol() {
    counts("datagram_garbage", |scene| scene.world.feed(EVE, &[5; 40]));
}

#[test]
fn a_number_that_the_stack_cannot_count_with() {
    counts("transport_number", |scene| {
        // One word of extensions in the form of one byte: two bytes, called 3.
        let head = [0x90, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x31, 0xff, 0xff, 0];
        scene.world.feed(EVE, &[&head[..], &[7; 40]].concat());
    });
}

#[test]
fn rtcp_that_is_not_sealed_with_the_clients_keys() {
    counts("control_seal", |scene| scene.world.feed(EVE, &[&[0x80, 201, 0, 1, 0, 0, 0, 9][..], &[7; 20]].concat()));
}

#[test]
fn media_that_is_not_sealed_with_the_clients_keys() {
    counts("packet_unread", |scene| {
        scene.world.feed(EVE, &[&[0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9][..], &[7; 40]].concat());
        scene.world.pass(Duration::from_millis(20));
    });
}

#[test]
fn what_only_fills_is_not_missed() {
    let drops = Drops::default();
    drops.record(|| {
        let mut scene = Scene::new();
        scene.world.feed(EVE, &[&[0xa0, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9][..], &[7; 40]].concat());
        scene.world.pass(Duration::from_millis(20));
        assert_eq!(drops.by_reason(), BTreeMap::new());
    });
}

#[test]
fn a_picture_that_is_none() {
    counts("picture_garbage", |scene| {
        scene.world.send_raw(EVE, &[0x90], &ExtensionValues::default());
        scene.world.pass(Duration::from_millis(20));
    });
}

#[test]
fn sound_that_comes_after_it_was_put_away() {
    counts("unpublished", |scene| {
        scene.world.freeze_camera(EVE);
        let nothing = MediaPermission { publish: model::media::Sources::NONE, ..support::permission() };
        permit(scene, nothing);
        scene.send_media(EVE);
    });
}

#[test]
fn a_layer_that_is_one_too_many() {
    counts("packet_source", |scene| {
        let rids = ["q", "h", "f", "x"];
        let layers = rids.map(|rid| lk::VideoLayer { width: 320, height: 180, rid: rid.into(), ..Default::default() });
        let mut simulcast = Simulcast::new();
        rids.iter().for_each(|rid| simulcast.add_send_layer(SimulcastLayer::new(rid)));
        scene.world.publish_with(EVE, &layers[..3], Some(simulcast), lk::TrackSource::Camera);
        scene.world.pass(Duration::from_secs(1));
        scene.world.send_layer(EVE, "x", &[0x90; 100]);
        scene.world.pass(Duration::from_millis(20));
    });
}

#[test]
fn more_sound_than_a_microphone_has() {
    counts("excess", |scene| {
        scene.world.freeze_camera(EVE);
        scene.world.pass(Duration::from_secs(2));
        for _ in 0..501 {
            scene.world.send_raw(EVE, &[0xfc; 3], &ExtensionValues::default());
            scene.world.pump();
        }
    });
}

#[test]
fn a_message_that_is_none() {
    counts("signal_garbage", |scene| {
        let (link, now) = (scene.world.clients[EVE].link, scene.world.now);
        scene.world.engine.message(link, &Bytes::from_static(&[0xff; 9]), now);
    });
}

#[test]
fn more_messages_than_a_client_has_to_say() {
    counts("signal_flood", |scene| {
        scene.world.clients[EVE].mute = true;
        for _ in 0..1001 {
            scene.world.request(EVE, Request::Ping(1));
        }
    });
}

#[test]
fn a_description_that_is_none() {
    counts("description", |scene| {
        scene.world.clients[EVE].mute = true;
        let sdp =
            lk::SessionDescription { r#type: "offer".into(), sdp: "v=garbage".into(), id: 9, ..Default::default() };
        scene.world.request(EVE, Request::Offer(sdp));
    });
}

fn simulate(scene: &mut Scene, scenario: Option<Scenario>) {
    scene.world.request(EVE, Request::Simulate(lk::SimulateScenario { scenario }));
}

#[test]
fn trouble_nobody_knows() {
    counts("simulation", |scene| simulate(scene, None));
}

#[test]
fn a_way_there_is_not() {
    counts("simulation_no_way", |scene| {
        let tcp = lk::CandidateProtocol::Tcp.into();
        simulate(scene, Some(Scenario::SwitchCandidateProtocol(tcp)));
    });
}

fn permit(scene: &mut Scene, permission: MediaPermission) {
    let now = scene.world.now;
    let (room, eve) = (model::RoomId::try_from("room").unwrap(), Identity::try_from("eve").unwrap());
    scene.world.engine.set_permission(&room, &eve, permission, now);
    scene.world.pump();
}

fn data(scene: &mut Scene, bytes: &[u8]) {
    scene.world.send_data(EVE, bytes);
    scene.world.pass(Duration::from_millis(20));
}

/// A message of that length that is passed on.
fn message(length: usize) -> Vec<u8> {
    let user = lk::UserPacket { payload: vec![7; length], ..Default::default() };
    lk::DataPacket { value: Some(lk::data_packet::Value::User(user)), ..Default::default() }.encode_to_vec()
}

#[test]
fn a_data_message_that_is_none() {
    counts("data_garbage", |scene| data(scene, &[0xff; 9]));
}

#[test]
fn a_data_message_of_somebody_who_may_not() {
    counts("data_forbidden", |scene| {
        permit(scene, MediaPermission { publish_data: false, ..support::permission() });
        data(scene, &message(9));
    });
}

#[test]
fn a_data_message_beyond_the_longest() {
    counts("data_too_long", |scene| data(scene, &message(64 * 1024)));
}

#[test]
fn more_data_messages_than_are_passed_on() {
    counts("data_flood", |scene| {
        // The last one is on its way when its sender is to rest; it comes again later.
        for _ in 0..2001 {
            scene.world.send_data(EVE, &message(1));
            scene.world.pump();
        }
    });
}

#[test]
fn more_data_than_waits_for_a_channel_to_open() {
    counts("data_waiting", |scene| {
        let carl = scene.world.join("carl");
        scene.world.clients[carl].cut = true;
        scene.world.clients[carl].mute = true;
        data(scene, &message(60_000));
        data(scene, &message(60_000));
    });
}

#[test]
fn a_socket_that_takes_no_more() {
    counts("signal_queue", |scene| {
        let (link, _taken_by_nobody) = mpsc::channel(1);
        let join = scene.world.join_request("carl", &lk::JoinRequest::default());
        let now = scene.world.now;
        let link = scene.world.engine.join(&join, link, now).unwrap();
        let ping = lk::SignalRequest { message: Some(Request::Ping(1)) }.encode_to_vec();
        scene.world.engine.message(link, &ping.into(), now);
    });
}

#[test]
fn an_application_that_lags() {
    let drops = Drops::default();
    drops.record(|| {
        let world = World::new();
        let (events, _taken_by_nobody) = mpsc::channel(1);
        let now = Instant::now();
        let mut engine = Engine::new(vec!["192.0.2.1:8080".parse().unwrap()], 1, events).unwrap();
        let mut links = Vec::new();
        for room in ["one", "two"] {
            let mut join = world.join_request("ann", &lk::JoinRequest::default());
            join.room = model::RoomId::try_from(room).unwrap();
            let (link, down) = mpsc::channel(100);
            engine.join(&join, link, now).unwrap();
            links.push(down);
        }
        assert_eq!(drops.by_reason(), BTreeMap::from([("events".to_owned(), 1)]));
    });
}
