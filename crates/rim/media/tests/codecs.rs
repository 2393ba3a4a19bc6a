//! VP9 and AV1 in layers, redundant sound, and tracks in two codecs, between real stacks.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[path = "support/drops.rs"]
mod counted;
// Other tests use the rest of it.
#[allow(dead_code)]
mod support;

use counted::Drops;
use model::RoomId;
use ports::media::report::{Page, TrackReport};
use sfu::dependency::Dependencies;
use sfu::vp9::Vp9;
use std::time::Duration;
use str0m::media::{Simulcast, SimulcastLayer};
use support::World;
use support::codecs::{Scalable, Sent};
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

const FRAME: Duration = Duration::from_millis(40);
const PREFER: lk::BackupCodecPolicy = lk::BackupCodecPolicy::PreferRegression;

/// A structure of two spatial and two temporal layers, behind two bytes of length.
const STRUCTURE: &[u8] = include_bytes!("../../../../fuzz/corpus/dependency/two_layers_keyed");

fn structure() -> &'static [u8] {
    &STRUCTURE[2..2 + usize::from(STRUCTURE[1])]
}

fn sid(world: &World, client: usize) -> String {
    let found = world.clients[client].inbox.iter().find_map(|message| match message {
        Response::TrackPublished(published) => published.track.clone(),
        _ => None,
    });
    found.unwrap().sid
}

/// The first track in the operator's view of the room.
fn published(world: &mut World) -> TrackReport {
    let room = RoomId::try_from("room").unwrap();
    let report = world.engine.room_report(&room, Page::default(), world.now).unwrap();
    report.participants.into_iter().find_map(|one| one.published.into_iter().next()).unwrap()
}

fn want(world: &mut World, client: usize, sid: &str, quality: lk::VideoQuality) {
    let setting =
        lk::UpdateTrackSettings { track_sids: vec![sid.into()], quality: quality.into(), ..Default::default() };
    world.request(client, Request::TrackSetting(setting));
    // A smaller wish settles before it counts.
    world.pass(Duration::from_millis(300));
}

/// Pictures of VP9 for a while, a key picture when asked for one.
fn film(world: &mut World, client: usize, film: &mut Scalable, pictures: usize) -> usize {
    let mut keys = 0;
    for _ in 0..pictures {
        let key = std::mem::take(&mut world.clients[client].key_frames_asked) > 0;
        keys += usize::from(key);
        world.shoot_vp9(client, film, key);
        world.pass(FRAME);
    }
    keys
}

/// The spatial layers of the packets of each picture, and whether the last of each has the marker and no other.
fn pictures(packets: &[Sent]) -> Vec<Vec<u8>> {
    assert!(packets.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1), "no gap in the numbers");
    let of_picture = packets.chunk_by(|a, b| a.timestamp == b.timestamp);
    of_picture
        .map(|packets| {
            let (last, others) = packets.split_last().unwrap();
            assert!(last.marker && others.iter().all(|packet| !packet.marker), "the marker ends the picture");
            packets.iter().map(|packet| Vp9::parse(&packet.payload).unwrap().layer.unwrap().spatial).collect()
        })
        .collect()
}

fn vp9_call(policy: lk::BackupCodecPolicy) -> (World, usize, usize, usize, Scalable) {
    let mut world = World::new();
    let ann = world.join_knowing("ann", &["vp9"]);
    let bob = world.join_knowing("bob", &["vp9"]);
    let cid = world.join_knowing("cid", &[]);
    world.pass(Duration::from_secs(2));
    world.publish_scalable(ann, "vp9", policy);
    world.pass(Duration::from_secs(1));
    let mut state = Scalable::default();
    film(&mut world, ann, &mut state, 20);
    (world, ann, bob, cid, state)
}

#[test]
fn layers_of_vp9_are_left_out_at_once_and_come_back_with_a_key_picture() {
    let (mut world, ann, bob, _, mut state) = vp9_call(PREFER);
    let sid = sid(&world, ann);
    let all = pictures(&world.clients[bob].take_packets());
    assert!(all.len() >= 10 && all.iter().all(|layers| layers == &[0, 1, 2]), "{all:?}");

    want(&mut world, bob, &sid, lk::VideoQuality::Low);
    let keys = film(&mut world, ann, &mut state, 10);
    assert_eq!(keys, 0, "going down takes no key picture");
    let low = pictures(&world.clients[bob].take_packets());
    assert!(low.len() == 10 && low.iter().all(|layers| layers == &[0]), "{low:?}");

    want(&mut world, bob, &sid, lk::VideoQuality::Medium);
    let keys = film(&mut world, ann, &mut state, 30);
    assert!(keys > 0, "going up takes one");
    let medium = pictures(&world.clients[bob].take_packets());
    assert_eq!(medium.last(), Some(&vec![0, 1]), "{medium:?}");
    assert!(medium.iter().all(|layers| layers == &[0] || layers == &[0, 1]));
}

#[test]
fn for_a_layer_that_nobody_gets_no_key_picture_is_asked_for_when_it_is_lost() {
    let (mut world, ann, bob, _, mut state) = vp9_call(PREFER);
    let sid = sid(&world, ann);
    want(&mut world, bob, &sid, lk::VideoQuality::Medium);
    film(&mut world, ann, &mut state, 10);
    for (layer, is_asked) in [(2, false), (1, true), (0, true)] {
        state.loses = Some(layer);
        let mut keys = film(&mut world, ann, &mut state, 1);
        state.loses = None;
        // It is given up after a second.
        keys += film(&mut world, ann, &mut state, 50);
        assert_eq!(keys, usize::from(is_asked), "layer {layer}");
    }
}

#[test]
fn a_wish_for_a_frame_rate_follows_what_the_publisher_sends() {
    let (mut world, ann, bob, _, mut state) = vp9_call(PREFER);
    let sid = sid(&world, ann);
    state.alternates = true;
    let quality = lk::VideoQuality::High.into();
    let setting = lk::UpdateTrackSettings { track_sids: vec![sid], quality, fps: 12, ..Default::default() };
    world.request(bob, Request::TrackSetting(setting));
    let shown = |world: &mut World, state: &mut Scalable, apart: u32| {
        for _ in 0..100 {
            let key = std::mem::take(&mut world.clients[ann].key_frames_asked) > 0;
            world.shoot_vp9(ann, state, key);
            world.pass(FRAME * apart);
        }
        let packets = world.clients[bob].take_packets();
        packets[packets.len() / 2..].chunk_by(|a, b| a.timestamp == b.timestamp).count()
    };

    shown(&mut world, &mut state, 1);
    let of_25 = shown(&mut world, &mut state, 1);
    shown(&mut world, &mut state, 2);
    let of_12 = shown(&mut world, &mut state, 2);
    assert!((24..28).contains(&of_25) && (48..54).contains(&of_12), "{of_25} of 25, {of_12} of 12 a second");
}

#[test]
fn layers_in_one_stream_that_is_named_as_one_of_several_are_left_out_all_the_same() {
    let mut world = World::new();
    let ann = world.join_knowing("ann", &["vp9"]);
    let [bob, cid] = ["bob", "cid"].map(|name| world.join_knowing(name, &["vp9"]));
    world.pass(Duration::from_secs(2));
    let mut streams = Simulcast::new();
    ["f", "h", "q"].into_iter().for_each(|rid| streams.add_send_layer(SimulcastLayer::new(rid)));
    world.publish_scalable_as(ann, "vp9", PREFER, Some(streams));
    world.pass(Duration::from_secs(1));
    let sid = sid(&world, ann);
    want(&mut world, cid, &sid, lk::VideoQuality::Low);
    let mut state = Scalable::default();
    state.rid = Some("f");
    world.shoot_vp9(ann, &mut state, true);
    film(&mut world, ann, &mut state, 40);

    let of_bob = pictures(&world.clients[bob].take_packets());
    assert!(of_bob.len() >= 40 && of_bob.iter().all(|layers| layers == &[0, 1, 2]), "{of_bob:?}");
    // In the middle of the first picture it was seen what it is.
    let of_cid = world.clients[cid].take_packets();
    let behind = of_cid.partition_point(|packet| packet.timestamp == of_cid[0].timestamp);
    let of_cid = pictures(&of_cid[behind..]);
    assert!(of_cid.len() >= 30 && of_cid.iter().all(|layers| layers == &[0]), "{of_cid:?}");

    world.pass(Duration::from_secs(6));
    let encoding = &published(&mut world).encodings[0];
    assert_eq!((encoding.scalable, encoding.flows.len(), encoding.flows[0].packets), (true, 1, 41 * 3));
}

#[test]
fn layers_of_av1_are_left_out_by_their_descriptors_and_receivers_are_told_which_remain() {
    let mut world = World::new();
    let ann = world.join_knowing("ann", &["av1"]);
    let bob = world.join_knowing("bob", &["av1"]);
    world.pass(Duration::from_secs(2));
    world.publish_scalable(ann, "av1", PREFER);
    world.pass(Duration::from_secs(1));
    let sid = sid(&world, ann);
    let mut state = Scalable::default();
    let mut film = |world: &mut World, pictures: usize| {
        for _ in 0..pictures {
            let key = std::mem::take(&mut world.clients[ann].key_frames_asked) > 0;
            world.shoot_av1(ann, &mut state, key, structure());
            world.pass(FRAME);
        }
    };
    film(&mut world, 20);
    let packets = world.clients[bob].take_packets();
    let mut stream = Dependencies::new();
    let mut read =
        |packet: &Sent| stream.read(packet.dependency.as_ref().unwrap(), packet.timestamp, packet.seq).unwrap();
    let seen: Vec<_> = packets.iter().map(&mut read).collect();
    assert!(seen.len() >= 20 && seen[0].active == Some(0b1111) && !seen[0].inter_predicted);
    assert!(seen[2..].iter().all(|frame| frame.active.is_none()), "as they were");

    want(&mut world, bob, &sid, lk::VideoQuality::Low);
    film(&mut world, 10);
    let packets = world.clients[bob].take_packets();
    assert_eq!(packets.len(), 10);
    assert!(packets.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
    for packet in &packets {
        let frame = read(packet);
        assert_eq!((frame.spatial, frame.active, packet.marker), (0, Some(0b0011), true));
    }

    want(&mut world, bob, &sid, lk::VideoQuality::High);
    film(&mut world, 30);
    let packets = world.clients[bob].take_packets();
    let seen: Vec<_> = packets.iter().map(&mut read).collect();
    assert!(seen.iter().rev().take(10).any(|frame| frame.spatial == 1));
    assert_eq!(seen.iter().rev().find_map(|frame| frame.active), Some(0b1111), "all of them again");
}

#[test]
fn a_key_picture_of_h264_whose_parameter_sets_come_late_begins_nothing() {
    let mut world = World::new();
    let ann = world.join_knowing("ann", &["h264"]);
    let bob = world.join_knowing("bob", &["h264"]);
    world.pass(Duration::from_secs(2));
    world.publish_scalable(ann, "h264", PREFER);
    world.pass(Duration::from_secs(1));
    let (sets, slice) = ([0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 2, 0x68, 0xce], [0x65, 0x88, 7]);
    world.send_h264(ann, 10, 1, &[0x61, 1], true);

    world.send_h264(ann, 12, 2, &slice, true);
    world.send_h264(ann, 11, 2, &sets, false);
    world.pass(FRAME);
    world.send_h264(ann, 13, 3, &[0x61, 2], true);
    world.pass(Duration::from_secs(2));
    let too_early = world.clients[bob].take_packets();
    let asked = std::mem::take(&mut world.clients[ann].key_frames_asked);
    world.send_h264(ann, 14, 4, &sets, false);
    world.send_h264(ann, 15, 4, &slice, true);
    world.pass(FRAME);

    assert!(too_early.iter().all(|packet| packet.payload.is_empty()), "{too_early:?}");
    assert!(asked > 0);
    let seen: Vec<Vec<u8>> = world.clients[bob].take_packets().into_iter().map(|packet| packet.payload).collect();
    assert_eq!(seen, [sets.to_vec(), slice.to_vec()]);
}

#[test]
fn h264_without_parameter_sets_begins_where_nothing_is_missing_before_it() {
    let mut world = World::new();
    let ann = world.join_knowing("ann", &["h264"]);
    let bob = world.join_knowing("bob", &["h264"]);
    world.pass(Duration::from_secs(2));
    world.publish_scalable(ann, "h264", PREFER);
    world.pass(Duration::from_secs(1));

    for (sequence, picture, unit) in [(10, 1, 0x61), (11, 2, 0x65), (12, 3, 0x61)] {
        world.send_h264(ann, sequence, picture, &[unit, 0x88], true);
        world.pass(FRAME);
    }

    let seen = world.clients[bob].take_packets();
    assert_eq!(seen.iter().map(|packet| packet.payload[0]).collect::<Vec<_>>(), [0x65, 0x61]);
}

#[test]
fn redundant_sound_goes_whole_to_who_reads_it_and_fills_gaps_for_who_does_not() {
    let mut world = World::new();
    let ann = world.join_knowing("ann", &["red"]);
    let bob = world.join_knowing("bob", &["red"]);
    let cid = world.join_knowing("cid", &[]);
    world.pass(Duration::from_secs(2));
    world.publish_microphone(ann);
    world.pass(Duration::from_secs(1));

    for count in 1..=20u8 {
        world.speak_twice(ann, count);
        if count == 10 {
            world.take_datagrams(ann);
        }
        world.pass(Duration::from_millis(20));
    }

    let whole = world.clients[bob].take_packets();
    assert_eq!(whole.len(), 19, "the lost one is in the next");
    assert!(whole.iter().all(|packet| packet.format == 63 && packet.payload.len() == 10));
    let stripped = world.clients[cid].take_packets();
    assert!(stripped.iter().all(|packet| packet.format == 111));
    let said: Vec<Vec<u8>> = stripped.iter().map(|packet| packet.payload.clone()).collect();
    let expected: Vec<Vec<u8>> = (1..=20u8).map(|count| vec![count; if count == 10 { 2 } else { 3 }]).collect();
    assert_eq!(said, expected);
    assert!(stripped.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
    assert!(stripped.windows(2).all(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) == 960));
}

fn wanted_codecs(world: &World, client: usize) -> Vec<(String, bool)> {
    let last = world.clients[client].inbox.iter().rev().find_map(|message| match message {
        Response::SubscribedQualityUpdate(update) => Some(update),
        _ => None,
    });
    let codecs = last.into_iter().flat_map(|update| &update.subscribed_codecs);
    codecs.map(|codec| (codec.codec.clone(), codec.qualities.iter().any(|quality| quality.enabled))).collect()
}

#[test]
fn who_takes_no_vp9_gets_the_second_codec_and_the_others_keep_the_first() {
    let (mut world, ann, bob, cid, mut state) = vp9_call(PREFER);
    assert!(world.clients[cid].take_packets().is_empty());
    assert!(world.clients[ann].got(|message| matches!(message, Response::SubscribedQualityUpdate(_))));
    assert_eq!(wanted_codecs(&world, ann), [("vp9".to_owned(), true), ("vp8".to_owned(), true)]);

    let sid = sid(&world, ann);
    let second = world.add_vp8(ann, &sid);
    world.pass(Duration::from_secs(1));
    world.clients[bob].take_packets();
    for frame in 1..=10 {
        world.shoot_vp8(ann, second, frame, frame == 1);
        film(&mut world, ann, &mut state, 1);
    }

    let vp8 = world.clients[cid].take_packets();
    assert!(vp8.len() == 10 && vp8.iter().all(|packet| packet.format == 96), "{}", vp8.len());
    let vp9 = world.clients[bob].take_packets();
    assert!(vp9.len() == 30 && vp9.iter().all(|packet| packet.format == 98), "{}", vp9.len());
}

#[test]
fn each_codec_of_a_track_is_counted_for_itself() {
    let asked = Drops::of("media_key_frames_asked_total");
    asked.record(|| {
        let (mut world, ann, bob, _, mut state) = vp9_call(PREFER);
        let sid = sid(&world, ann);
        let second = world.add_vp8(ann, &sid);
        world.pass(Duration::from_secs(1));
        // A key frame more of the first.
        want(&mut world, bob, &sid, lk::VideoQuality::Low);
        film(&mut world, ann, &mut state, 10);
        want(&mut world, bob, &sid, lk::VideoQuality::High);
        for frame in 1..=600 {
            world.shoot_vp8(ann, second, frame, frame == 1);
            film(&mut world, ann, &mut state, 1);
        }
        let track = published(&mut world);
        let shapes = track.encodings.iter().map(|encoding| {
            let flow = encoding.flows[0];
            (encoding.scalable, encoding.flows.len(), flow.bits_per_second.is_some_and(|bits| bits > 1000))
        });
        assert_eq!(shapes.collect::<Vec<_>>(), [(true, 1, true), (false, 3, true)], "{track:?}");
        assert_eq!(track.encodings[0].running, [0, 1, 2]);
        world.pass(Duration::from_secs(6));

        let track = published(&mut world);
        let counted: Vec<_> = track
            .encodings
            .iter()
            .map(|encoding| (encoding.codec, encoding.flows[0].packets, encoding.flows[0].key_frames_asked))
            .collect();
        let [("video/VP9", vp9, vp9_asked), ("video/VP8", vp8, vp8_asked)] = counted[..] else {
            panic!("{counted:?}");
        };
        // Thirty pictures of VP9 came before.
        assert_eq!((vp9, vp8), (630 * 3, 600));
        assert!(vp9_asked > vp8_asked && vp8_asked > 0, "{counted:?}");
        assert_eq!(asked.by_reason().get("in"), Some(&(vp9_asked + vp8_asked)), "{counted:?}");
    });
}

#[test]
fn what_was_asked_for_is_counted_once_when_a_camera_is_published_again() {
    let asked = Drops::of("media_key_frames_asked_total");
    asked.record(|| {
        let (mut world, ann, bob, _, mut state) = vp9_call(PREFER);
        // Until all of it is reported.
        world.pass(Duration::from_secs(6));
        let before = asked.by_reason()["in"];

        world.publish_scalable_again(ann, "vp9", PREFER);
        world.clients[bob].take_packets();
        let keys = film(&mut world, ann, &mut state, 150);
        world.pass(Duration::from_secs(6));
        assert!(world.clients[bob].take_packets().len() > 300);
        let report = world.engine.room_report(&RoomId::try_from("room").unwrap(), Page::default(), world.now).unwrap();
        let track = report.participants.iter().find_map(|one| one.published.first()).unwrap();
        let packets = track.encodings[0].flows[0].packets;
        assert_eq!(packets, 450);
        assert_eq!((asked.by_reason()["in"] - before, keys), (1, 1));
    });
}

#[test]
fn a_publisher_that_would_rather_send_one_codec_moves_everybody_to_the_second_without_a_break() {
    let (mut world, ann, bob, _, mut state) = vp9_call(lk::BackupCodecPolicy::Regression);
    let sid = sid(&world, ann);
    let second = world.add_vp8(ann, &sid);
    world.pass(Duration::from_secs(1));
    world.clients[bob].take_packets();

    // The second encoder takes its time to make a key frame.
    for frame in 1..=20 {
        if frame >= 10 {
            world.shoot_vp8(ann, second, frame, frame == 10);
        }
        film(&mut world, ann, &mut state, 1);
    }
    let packets = world.clients[bob].take_packets();
    let formats: Vec<u8> = packets.iter().map(|packet| packet.format).collect();
    let turn = formats.iter().position(|format| *format == 96).unwrap();
    assert!(formats[..turn].iter().all(|format| *format == 98) && turn >= 27, "{formats:?}");
    assert!(formats[turn..].iter().all(|format| *format == 96), "{formats:?}");
    assert!(packets.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
    let steps: Vec<u32> = packets.windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp)).collect();
    assert!(steps.iter().all(|step| *step < 20_000), "time goes on: {steps:?}");

    world.pass(Duration::from_secs(6));
    assert_eq!(wanted_codecs(&world, ann), [("vp9".to_owned(), false), ("vp8".to_owned(), true)]);
}

#[test]
fn a_wish_by_size_is_read_anew_where_the_second_codec_has_other_sizes() {
    let (mut world, ann, bob, cid, mut state) = vp9_call(lk::BackupCodecPolicy::Regression);
    let sid = sid(&world, ann);
    let setting =
        lk::UpdateTrackSettings { track_sids: vec![sid.clone()], width: 600, height: 338, ..Default::default() };
    [bob, cid].into_iter().for_each(|viewer| world.request(viewer, Request::TrackSetting(setting.clone())));
    let second = world.add_vp8_in(ann, &sid, &[(0, 640, 360), (1, 1280, 720)]);
    world.pass(Duration::from_secs(1));
    for frame in 1..=10 {
        world.shoot_vp8(ann, second, frame, frame == 1);
        film(&mut world, ann, &mut state, 1);
    }
    assert_eq!(world.clients[bob].take_packets().last().map(|packet| packet.format), Some(96));

    world.pass(Duration::from_secs(6));
    let last = world.clients[ann].inbox.iter().rev().find_map(|message| match message {
        Response::SubscribedQualityUpdate(update) => update.subscribed_codecs.iter().find(|one| one.codec == "vp8"),
        _ => None,
    });
    let enabled = last.unwrap().qualities.iter().filter(|one| one.enabled).map(lk::SubscribedQuality::quality);
    assert_eq!(enabled.collect::<Vec<_>>(), [lk::VideoQuality::Low], "the smaller one is large enough");
}

#[test]
fn nobody_goes_over_at_a_key_frame_that_others_have_overtaken() {
    let (mut world, ann, bob, _, mut state) = vp9_call(lk::BackupCodecPolicy::Regression);
    let sid = sid(&world, ann);
    let second = world.add_vp8(ann, &sid);
    world.pass(Duration::from_secs(1));
    world.clients[bob].take_packets();
    world.shoot_vp8(ann, second, 1, false);
    film(&mut world, ann, &mut state, 1);

    world.shoot_vp8(ann, second, 2, true);
    let overtaken = world.take_datagrams(ann);
    world.shoot_vp8(ann, second, 3, false);
    world.pump();
    overtaken.iter().for_each(|datagram| world.feed(ann, datagram));
    film(&mut world, ann, &mut state, 5);
    let formats: Vec<u8> = world.clients[bob].take_packets().iter().map(|packet| packet.format).collect();
    assert_eq!(formats, [98; 6 * 3], "what follows the key frame has gone by");

    world.shoot_vp8(ann, second, 4, true);
    film(&mut world, ann, &mut state, 1);
    assert_eq!(world.clients[bob].take_packets().last().map(|packet| packet.format), Some(96));
}

#[test]
fn what_lies_behind_the_descriptor_may_be_anything_and_arrives_as_it_was() {
    let (mut world, ann, bob, _, mut state) = vp9_call(PREFER);
    world.clients[bob].take_packets();
    film(&mut world, ann, &mut state, 5);
    let packets = world.clients[bob].take_packets();
    assert_eq!(packets.len(), 15);
    for packet in packets {
        let vp9 = Vp9::parse(&packet.payload).unwrap();
        assert!(packet.payload[vp9.header_len..].iter().all(|byte| *byte == 0x77));
    }
}
