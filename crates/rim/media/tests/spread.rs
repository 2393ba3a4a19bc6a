//! A room whose members are on two shards: all that is true of one on one shard, and what is about the two.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[path = "shard.rs"]
mod shard;

use media::Datagram;
use model::media::Source;
use ports::media::MediaEventKind;
use ports::media::report::Page;
use prost::Message;
use shard::support::World;
use shard::support::sending::Layers;
use std::time::Duration;
use str0m::rtp::RtpPacket;
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Ann, whose connection is where the room is, and Bob and Cid, whose connections are elsewhere.
fn three() -> (World, [usize; 3]) {
    let mut world = World::new();
    let all = ["ann", "bob", "cid"].map(|name| world.join(name));
    world.pass(secs(3));
    assert!(all.iter().all(|client| world.clients[*client].connected));
    let holdings = world.engine.holdings();
    assert_eq!((holdings.rooms, holdings.sessions, holdings.guests), (1, 3, 2));
    (world, all)
}

/// Whether nothing is missing.
fn is_unbroken(packets: &[&RtpPacket]) -> bool {
    packets.windows(2).all(|pair| *pair[1].seq_no == *pair[0].seq_no + 1)
}

#[test]
fn everybody_gets_everybody_s_sound_and_pictures_wherever_they_are() {
    for publisher in 0..3 {
        let (mut world, all) = three();
        world.publish(all[publisher]);
        world.pass(Duration::from_millis(500));

        world.stream(all[publisher], 1, 50);

        for other in all.into_iter().filter(|other| *other != all[publisher]) {
            for video in [false, true] {
                let received = world.clients[other].received(video);
                assert!(received.len() >= 45, "{} of 50 from {publisher} to {other}", received.len());
                assert!(is_unbroken(&received), "from {publisher} to {other}");
            }
        }
        assert!(world.clients[all[publisher]].packets.is_empty());
    }
}

#[test]
fn what_comes_alone_leaves_for_everybody_on_every_shard_at_once() {
    const WATCHING: usize = 40;
    let (mut world, publisher) = World::lecture(WATCHING);
    assert!((10..=30).contains(&world.engine.holdings().guests), "{:?}", world.engine.holdings());
    let camera = world.clients[publisher].video;
    for (frame, video) in (6..26).flat_map(|frame| [(frame, false), (frame, true)]) {
        let microphone = world.clients[publisher].audio;
        if video {
            world.clients[publisher].audio = None;
        }
        world.clients[publisher].video = camera.filter(|_| video);
        let received = |world: &World| -> Vec<usize> {
            let watching = (0..=WATCHING).filter(|client| *client != publisher);
            watching.map(|client| world.clients[client].received(video).len()).collect()
        };
        let before = received(&world);

        world.send_media(publisher, frame, false);
        world.pump();

        let expected: Vec<usize> = before.into_iter().map(|count| count + 1).collect();
        assert_eq!(received(&world), expected, "picture: {video}");
        world.clients[publisher].audio = microphone;
        world.pass(Duration::from_millis(10));
    }
}

#[test]
fn a_guest_who_publishes_is_told_which_size_anybody_wants_and_sizes_change_with_a_key_frame() {
    let (mut world, [ann, bob, cid]) = three();
    world.publish_simulcast(bob);
    let mut layers = Layers::default();
    world.film(bob, &mut layers, secs(3));
    let sid = world.clients[cid]
        .inbox
        .iter()
        .filter_map(|message| match message {
            Response::Update(update) => Some(&update.participants),
            _ => None,
        })
        .flatten()
        .flat_map(|participant| &participant.tracks)
        .find(|track| track.r#type() == lk::TrackType::Video)
        .map(|track| track.sid.clone())
        .unwrap();
    let large = |packets: &[&RtpPacket]| packets.iter().filter(|packet| packet.payload.len() >= 1000).count();
    assert!(large(&world.clients[cid].received(true)) > 50, "the large size");

    let choose = |world: &mut World, client, quality| {
        let settings = lk::UpdateTrackSettings { track_sids: vec![sid.clone()], quality, ..Default::default() };
        world.request(client, Request::TrackSetting(settings));
    };
    choose(&mut world, cid, 0);
    choose(&mut world, ann, 0);
    world.film(bob, &mut layers, secs(8));
    for client in [ann, cid] {
        let before = large(&world.clients[client].received(true));
        world.film(bob, &mut layers, secs(1));
        assert_eq!(large(&world.clients[client].received(true)), before, "the small size alone");
    }
    let best = world.clients[bob].inbox.iter().rev().find_map(|message| match message {
        Response::SubscribedQualityUpdate(update) => Some(update.subscribed_codecs[0].qualities.clone()),
        _ => None,
    });
    let enabled: Vec<bool> = best.unwrap().iter().map(|quality| quality.enabled).collect();
    assert_eq!(enabled, [true, false, false], "nobody wants more");

    choose(&mut world, cid, 2);
    let seen = world.clients[cid].packets.len();
    world.film(bob, &mut layers, secs(3));
    let after = &world.clients[cid].packets[seen..];
    let first = after.iter().find(|packet| packet.payload.len() >= 1000).unwrap();
    assert_eq!(first.payload[4] & 1, 0, "it begins with a key frame");
}

#[test]
fn data_reaches_everybody_wherever_they_are() {
    let (mut world, all) = three();
    for sender in all {
        let user = lk::UserPacket { payload: vec![u8::try_from(sender).unwrap(); 9], ..Default::default() };
        let packet = lk::DataPacket { value: Some(lk::data_packet::Value::User(user)), ..Default::default() };
        world.send_data(sender, &packet.encode_to_vec());
        world.pass(Duration::from_millis(200));
    }

    for receiver in all {
        let told: Vec<String> = world.clients[receiver]
            .messages
            .iter()
            .map(|message| lk::DataPacket::decode(message.as_slice()).unwrap().participant_identity)
            .collect();
        let expected: Vec<&str> =
            all.iter().zip(["ann", "bob", "cid"]).filter(|(who, _)| **who != receiver).map(|(_, name)| name).collect();
        assert_eq!(told, expected);
    }
}

#[test]
fn who_speaks_elsewhere_is_told_and_remembered() {
    let (mut world, [ann, bob, cid]) = three();
    world.publish(bob);
    world.pass(Duration::from_millis(500));
    world.stream(bob, 1, 100);

    for listener in [ann, cid] {
        assert!(
            world.clients[listener]
                .got(|message| matches!(message, Response::SpeakersChanged(changed) if changed.speakers[0].active))
        );
    }
    let published = std::iter::from_fn(|| world.events.try_recv().ok())
        .filter(|event| event.identity.as_ref().is_some_and(|who| who.as_str() == "bob"))
        .filter(|event| matches!(event.kind, MediaEventKind::Published { source: Source::Microphone, .. }));
    assert_eq!(published.count(), 1);
}

#[test]
fn the_operator_sees_a_guest_as_anybody_else() {
    let (mut world, [ann, ..]) = three();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 600);

    let now = world.now;
    let report = world.engine.room_report(&"room".try_into().unwrap(), Page::default(), now).unwrap();

    for participant in &report.participants {
        let connection = &participant.connections[0];
        assert_eq!(connection.state, ports::media::report::ConnectionState::Connected);
        assert!(connection.remote.is_some() && connection.silent_for < secs(5), "{connection:?}");
        assert!(connection.bytes_in > 0 && connection.bytes_out > 0, "{connection:?}");
        if participant.identity.as_str() != "ann" {
            assert!(participant.received.iter().all(|track| track.flow.packets > 100), "{participant:?}");
        }
    }
}

#[test]
fn whoever_leaves_leaves_nothing_behind_on_the_other_shard() {
    let (mut world, [ann, bob, cid]) = three();
    world.request(bob, Request::Leave(lk::LeaveRequest::default()));
    world.pump();
    assert_eq!(world.engine.holdings().guests, 1);
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 20);
    assert!(world.clients[cid].received(false).len() >= 15);

    world.request(cid, Request::Leave(lk::LeaveRequest::default()));
    world.request(ann, Request::Leave(lk::LeaveRequest::default()));
    world.pass(secs(30));

    let left = world.engine.holdings();
    // Sockets go when those at their other end say so.
    assert_eq!(left, media::Holdings { deadlines: left.deadlines, links: left.links, ..media::Holdings::default() });
}

#[test]
fn with_a_shard_only_those_end_whose_connections_are_there() {
    let (mut world, [ann, bob, cid]) = three();
    world.publish(ann);
    world.pass(Duration::from_millis(500));

    world.engine.lose(1);
    world.stream(ann, 1, 100);

    assert!(!world.clients[ann].closed);
    for lost in [bob, cid] {
        assert!(world.clients[lost].closed);
        assert!(world.clients[lost].got(|message| {
            matches!(message, Response::Leave(leave) if leave.action() == lk::leave_request::Action::Reconnect)
        }));
    }
    let again = world.join("bob");
    world.stream(ann, 101, 200);
    assert!(world.clients[again].received(true).len() > 50, "and they come back");
    assert_eq!(world.engine.holdings().guests, 0);
}

#[test]
fn a_room_that_is_lost_leaves_no_guests() {
    let (mut world, _) = three();

    world.engine.lose(0);
    world.pass(secs(1));

    let left = world.engine.holdings();
    assert_eq!((left.guests, left.names, left.addresses), (0, 0, 0));
}

#[test]
fn a_check_of_somebody_from_the_address_of_another_shard_s_client_takes_nothing_from_them() {
    let (mut world, [ann, bob, _]) = three();
    for (speaker, liar) in [(ann, bob), (bob, ann)] {
        world.publish(speaker);
        world.pass(Duration::from_millis(500));
        world.stream(speaker, 1, 50);
        let before = world.clients[liar].received(false).len();

        let (mark, source, now) = (world.take_mark(liar), world.address_of(speaker), world.now);
        let destination = "192.0.2.1:8080".parse().unwrap();
        world.engine.handle_datagram(now, Datagram { source, destination, contents: &mark });

        world.stream(speaker, 51, 25);
        let sound = world.clients[liar].received(false).len() - before;
        assert!(sound >= 24, "{sound} of 25 of what {speaker} says");
    }
}
