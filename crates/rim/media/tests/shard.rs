//! A shard and real WebRTC clients in one memory.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

// The benchmark uses the rest of it.
#[allow(dead_code)]
pub(crate) mod support;

#[path = "shard/pictures.rs"]
mod pictures;
#[path = "shard/qualities.rs"]
mod qualities;

use media::Datagram;
use model::media::Source;
use ports::media::{MediaEventKind, SignalDown};
use prost::Message;
use std::time::Duration;
use str0m::rtp::ExtensionValues;
use support::World;
use tokio::sync::mpsc;
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

fn two_connected() -> (World, usize, usize) {
    let mut world = World::new();
    let ann = world.join("ann");
    let bob = world.join("bob");
    world.pass(Duration::from_secs(3));
    assert!(world.clients[ann].connected && world.clients[bob].connected);
    (world, ann, bob)
}

#[test]
fn what_one_sends_the_other_receives_in_one_unbroken_stream() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 50);
    for video in [false, true] {
        let received = world.clients[bob].received(video);
        assert!(received.len() >= 45, "{} of 50, video {video}", received.len());
        let numbers: Vec<u64> = received.iter().map(|packet| *packet.seq_no).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
        let times: Vec<u32> = received.iter().map(|packet| packet.header.timestamp).collect();
        let step = if video { 1800 } else { 960 };
        assert!(times.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step));
    }
    let first = world.clients[bob].received(true)[0];
    assert_eq!(first.payload[4] & 1, 0, "the first picture is a key frame");
    assert_eq!(world.clients[bob].received(false)[0].header.ext_vals.audio_level, Some(-20));
    assert!(world.clients[ann].received(true).is_empty(), "nobody hears or sees themselves");
}

#[test]
fn lost_pictures_are_sent_again() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 10);
    world.clients[bob].lose_every = 20;
    world.stream(ann, 11, 200);
    world.clients[bob].lose_every = usize::MAX;
    world.pass(Duration::from_secs(1));
    let mut numbers: Vec<u64> = world.clients[bob].received(true).iter().map(|packet| *packet.seq_no).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let span = numbers.last().unwrap() - numbers.first().unwrap() + 1;
    let missing = span - u64::try_from(numbers.len()).unwrap();
    assert!(missing <= 2, "{missing} of {span} are missing");
}

#[test]
fn a_late_joiner_gets_a_key_frame_first() {
    let (mut world, ann, _) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 10);
    let late = world.join("late");
    world.stream(ann, 11, 100);
    let received = world.clients[late].received(true);
    assert!(received.len() > 20, "{}", received.len());
    assert_eq!(received[0].payload[4] & 1, 0);
}

#[test]
fn a_muted_track_is_not_forwarded_and_speakers_are_told() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 60);
    assert!(
        world.clients[bob]
            .got(|message| matches!(message, Response::SpeakersChanged(changed) if changed.speakers[0].active))
    );
    let sid = world.clients[ann]
        .inbox
        .iter()
        .find_map(|message| match message {
            Response::TrackPublished(published) if published.cid == "mic" => Some(published.track.clone().unwrap().sid),
            _ => None,
        })
        .unwrap();
    world.request(ann, Request::Mute(lk::MuteTrackRequest { sid, muted: true }));
    world.pump();
    let before = world.clients[bob].received(false).len();
    world.stream(ann, 61, 20);
    assert_eq!(world.clients[bob].received(false).len(), before);
    assert!(world.clients[bob].received(true).len() > 60, "the camera goes on");
}

#[test]
fn packets_on_a_section_without_a_publication_go_nowhere() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 5);
    // Another session under the same identity ends this one; its packets still arrive for a while.
    world.join("ann");
    world.pump();
    assert!(world.clients[ann].closed);
    let before = world.clients[bob].packets.len();
    world.stream(ann, 6, 10);
    assert_eq!(world.clients[bob].packets.len(), before);
}

#[test]
fn the_meeting_learns_who_came_published_and_left() {
    let (mut world, ann, _) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.request(ann, Request::Leave(lk::LeaveRequest::default()));
    world.pump();
    let mut seen = Vec::new();
    while let Ok(event) = world.events.try_recv() {
        if event.identity.as_ref().is_some_and(|who| who.as_str() == "ann") {
            seen.push(event.kind);
        }
    }
    assert_eq!(seen[0], MediaEventKind::Joined);
    assert!(matches!(
        &seen[1],
        MediaEventKind::Published { source: Source::Microphone, .. }
            | MediaEventKind::Published { source: Source::Camera, .. }
    ));
    assert_eq!(seen.last(), Some(&MediaEventKind::Left));
    assert_eq!(seen.len(), 6, "{seen:?}");
}

fn qualities(world: &World, client: usize) -> Vec<lk::ConnectionQuality> {
    let updates = world.clients[client].inbox.iter().filter_map(|message| match message {
        Response::ConnectionQuality(update) => Some(&update.updates),
        _ => None,
    });
    updates.flatten().map(lk::ConnectionQualityInfo::quality).collect()
}

#[test]
fn a_camera_without_pictures_is_poor_and_no_lost_connection() {
    let (mut world, ann, _) = two_connected();
    world.publish(ann);
    world.freeze_camera(ann);
    world.stream(ann, 1, 1500);
    assert_eq!(qualities(&world, ann).last(), Some(&lk::ConnectionQuality::Poor));
    assert!(!qualities(&world, ann).contains(&lk::ConnectionQuality::Lost), "clients start over when they are lost");
}

#[test]
fn a_shared_screen_that_stands_still_is_not_poor() {
    let (mut world, ann, _) = two_connected();
    world.publish_screen(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 300);
    world.freeze_camera(ann);
    world.stream(ann, 301, 1000);
    assert!(!qualities(&world, ann).contains(&lk::ConnectionQuality::Poor), "{:?}", qualities(&world, ann));
}

#[test]
fn a_publisher_of_whom_nothing_arrives_is_lost_to_the_others() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 300);
    world.move_client(ann, "192.0.2.250:9".parse().unwrap());
    world.pass(Duration::from_secs(12));
    assert!(qualities(&world, bob).contains(&lk::ConnectionQuality::Lost));
}

#[test]
fn a_client_that_falls_silent_is_asked_to_resume_and_then_gone() {
    let (mut world, ann, bob) = two_connected();
    let address = "192.0.2.250:9".parse().unwrap();
    // Nothing of ann's arrives any more.
    world.move_client(ann, address);
    world.pass(Duration::from_secs(17));
    assert!(world.clients[ann].got(|message| {
        matches!(message, Response::Leave(leave) if leave.action() == lk::leave_request::Action::Resume)
    }));
    world.pass(Duration::from_secs(7));
    assert!(world.clients[bob].got(|message| {
        matches!(message, Response::Update(update) if update.participants[0].identity == "ann"
            && update.participants[0].state() == lk::participant_info::State::Disconnected)
    }));
}

#[test]
fn a_cut_network_heals_with_the_same_session() {
    let (mut world, ann, bob) = two_connected();
    // In coarser steps the estimator takes their roughness for the network's.
    world.step = Duration::from_millis(1);
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 20);
    world.clients[ann].cut = true;
    world.pass(Duration::from_secs(17));
    world.clients[ann].cut = false;
    world.resume(ann, "ann");
    assert!(world.clients[ann].got(|message| matches!(message, Response::Reconnect(_))));
    world.pass(Duration::from_secs(3));
    let before = world.clients[bob].received(true).len();
    world.stream(ann, 1200, 60);
    assert!(world.clients[bob].received(true).len() > before + 30);
    world.pass(Duration::from_secs(10));
    assert!(
        !world.clients[bob].got(|message| matches!(message, Response::Update(update) if update.participants[0].state()
            == lk::participant_info::State::Disconnected)),
        "nobody left"
    );
}

#[test]
fn a_resume_keeps_the_session_and_closes_the_old_socket_only() {
    let (mut world, ann, _) = two_connected();
    let request = lk::JoinRequest { reconnect: true, ..Default::default() };
    let join = world.join_request("ann", &request);
    let (link, mut down) = mpsc::channel(64);
    let now = world.now;
    world.engine.join(&join, link, now).unwrap();
    world.pump();
    assert!(world.clients[ann].closed);
    let SignalDown::Message(first) = down.try_recv().unwrap() else { panic!("a message first") };
    let first = lk::SignalResponse::decode(first).unwrap().message.unwrap();
    assert!(matches!(first, Response::Reconnect(_)));
}

#[test]
fn a_room_does_not_go_on_in_another_meeting_of_the_same_name() {
    let (mut world, ann, bob) = two_connected();
    let mut join = world.join_request("cid", &lk::JoinRequest::default());
    join.session = model::SessionId::try_from("another").unwrap();
    let (link, mut down) = mpsc::channel(64);
    let now = world.now;
    world.engine.join(&join, link, now).unwrap();
    world.pump();
    assert!(world.clients[ann].closed && world.clients[bob].closed);
    let SignalDown::Message(first) = down.try_recv().unwrap() else { panic!("a message first") };
    let Some(Response::Join(join)) = lk::SignalResponse::decode(first).unwrap().message else { panic!("join") };
    assert!(join.other_participants.is_empty());
}

#[test]
fn strangers_and_garbage_change_nothing() {
    let (mut world, ann, bob) = two_connected();
    let (now, server) = (world.now, "192.0.2.1:8080".parse().unwrap());
    let stranger = "198.51.100.9:4000".parse().unwrap();
    let mut state = 1u32;
    for length in 0..300usize {
        let noise: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        for source in [stranger, world.address_of(ann)] {
            world.engine.handle_datagram(now, Datagram { source, destination: server, contents: &noise });
        }
    }
    world.pump();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 20);
    assert!(world.clients[bob].received(false).len() >= 15);
}

#[test]
fn a_stun_request_with_our_name_but_a_wrong_password_takes_over_nothing() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    let forged = world.forged_check(ann);
    let stranger = "198.51.100.9:4000".parse().unwrap();
    let (now, server) = (world.now, "192.0.2.1:8080".parse().unwrap());
    world.engine.handle_datagram(now, Datagram { source: stranger, destination: server, contents: &forged });
    let mut answered = false;
    world.engine.drain(now, &mut |_, destination, _| answered |= destination == stranger);
    assert!(!answered);
    world.stream(ann, 1, 20);
    assert!(world.clients[bob].received(false).len() >= 15);
}

#[test]
fn a_client_whose_address_changes_is_followed_with_its_next_check() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 50);
    let before = world.clients[bob].received(false).len();

    // The translation in front of bob forgets him; what goes to the old address is lost.
    world.clients[bob].outside = Some("198.51.100.9:4000".parse().unwrap());
    world.stream(ann, 51, 250);

    let after = world.clients[bob].received(false).len() - before;
    assert!(after > 100, "{after} of 250 arrived, most of them before the old way would have been given up");
    assert!(!world.clients[bob].got(|message| matches!(message, Response::Leave(_))));
}

#[test]
fn a_check_from_where_the_client_does_not_answer_draws_no_media_there() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 50);
    let victim = "198.51.100.77:4000".parse().unwrap();
    let heard = world.clients[bob].received(false).len();

    for round in 1..=5 {
        // A participant puts somebody else's address on a check of its own, and stays where it is.
        let (mark, now) = (world.take_mark(bob), world.now);
        let destination = "192.0.2.1:8080".parse().unwrap();
        world.engine.handle_datagram(now, Datagram { source: victim, destination, contents: &mark });
        world.stream(ann, round * 50 + 1, 50);
    }

    let sent: Vec<usize> = world.stray.iter().filter(|(to, _)| *to == victim).map(|(_, bytes)| *bytes).collect();
    assert!((5..=20).contains(&sent.len()) && sent.iter().all(|bytes| *bytes < 150), "{sent:?}");
    let after = world.clients[bob].received(false).len() - heard;
    assert!(after >= 240, "{after} of 250");
}

#[test]
fn media_go_on_by_another_way_at_once_when_the_connection_they_took_closes() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    // The address of a TCP connection.
    let connection = "240.64.0.0:32768".parse().unwrap();
    world.clients[bob].outside = Some(connection);
    world.stream(ann, 1, 250);
    let heard = world.clients[bob].received(false).len();
    assert!(heard > 100, "{heard} of 250");

    // Nothing more is heard that could say where it is.
    (world.clients[bob].outside, world.clients[bob].mute) = (None, true);
    let now = world.now;
    assert!(world.engine.handle_closed(now, connection));
    assert!(!world.engine.handle_closed(now, connection));
    world.stream(ann, 251, 50);

    let after = world.clients[bob].received(false).len() - heard;
    assert!(after >= 49, "{after} of 50");
    assert!(world.stray.iter().all(|(to, _)| *to != connection));
}

/// Signalling goes on while media stops: a client does the same when its network blocks UDP.
#[test]
fn somebody_whose_datagrams_stop_early_is_offered_tcp_the_next_time() {
    let mut world = World::new();
    world.engine.set_stream_addresses(vec!["192.0.2.1:8080".parse().unwrap()]);
    let ann = world.join("ann");
    world.pass(Duration::from_secs(3));
    assert!(world.clients[ann].connected);
    assert!(candidates(&world, ann).iter().any(|candidate| candidate.contains(" udp ")));
    assert!(candidates(&world, ann).iter().any(|candidate| candidate.contains("tcptype passive")));

    world.clients[ann].mute = true;
    for _ in 0..18 {
        world.request(ann, Request::PingReq(lk::Ping::default()));
        world.pass(Duration::from_secs(1));
    }
    let again = world.join("ann");
    world.pass(Duration::from_millis(100));

    let offered = candidates(&world, again);
    assert!(!offered.is_empty() && offered.iter().all(|candidate| candidate.contains(" tcp ")), "{offered:?}");
}

/// The candidates of the first answer.
fn candidates(world: &World, client: usize) -> Vec<String> {
    let answer = world.clients[client].inbox.iter().find_map(|message| match message {
        Response::Answer(answer) => Some(&answer.sdp),
        _ => None,
    });
    let lines = answer.expect("an answer").lines();
    lines.filter(|line| line.starts_with("a=candidate:")).map(str::to_owned).collect()
}

#[test]
fn what_was_sent_before_somebody_connected_is_not_kept_for_them() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.pass(Duration::from_secs(3));
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 10);
    let bob = world.join("bob");
    world.clients[bob].cut = true;
    world.stream(ann, 11, 300);
    assert!(!world.clients[bob].connected);
    world.clients[bob].cut = false;
    while !world.clients[bob].connected {
        world.stream(ann, 400, 1);
        world.clients[bob].packets.clear();
    }
    world.stream(ann, 500, 50);
    for video in [false, true] {
        let received = world.clients[bob].received(video);
        assert!((30..=51).contains(&received.len()), "{} of 50, video {video}", received.len());
        let numbers: Vec<u64> = received.iter().map(|packet| *packet.seq_no).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    }
}

#[test]
fn whoever_asks_for_less_bandwidth_gets_the_small_layer_until_they_take_it_back() {
    let (mut world, ann, bob) = two_connected();
    world.publish_simulcast(ann);
    world.pass(Duration::from_millis(500));
    let mut layers = support::sending::Layers::default();
    // As long as a way that becomes wide again takes to be found so.
    let mut large = |world: &mut World, bits| {
        if let Some(bits) = bits {
            let scenario = Some(lk::simulate_scenario::Scenario::SubscriberBandwidth(bits));
            world.request(bob, Request::Simulate(lk::SimulateScenario { scenario }));
        }
        world.film(ann, &mut layers, Duration::from_secs(25));
        world.clients[bob].packets.clear();
        world.film(ann, &mut layers, Duration::from_secs(1));
        world.clients[bob].received(true).iter().filter(|packet| packet.payload.len() > 500).count()
    };

    assert!(large(&mut world, None) > 50);
    assert_eq!(large(&mut world, Some(200_000)), 0);
    assert!(large(&mut world, Some(0)) > 50);
}

#[test]
fn somebody_who_was_away_gets_no_packets_of_that_time_and_a_key_frame_first() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 20);
    world.clients[bob].cut = true;
    world.clients[bob].mute = true;
    world.stream(ann, 21, 900);
    world.clients[bob].cut = false;
    world.clients[bob].mute = false;
    world.clients[bob].packets.clear();
    world.resume(bob, "bob");
    world.pass(Duration::from_secs(2));
    world.stream(ann, 1000, 60);
    let received = world.clients[bob].received(true);
    assert!((30..=61).contains(&received.len()), "{}", received.len());
    assert_eq!(received[0].payload[4] & 1, 0, "a key frame");
}

fn sid_of(world: &World, client: usize, cid: &str) -> String {
    let published = world.clients[client].inbox.iter().find_map(|message| match message {
        Response::TrackPublished(published) if published.cid == cid => published.track.clone(),
        _ => None,
    });
    published.unwrap().sid
}

#[test]
fn sound_that_is_switched_on_again_has_no_gap() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    let sid = sid_of(&world, ann, "mic");
    let mut first = 1;
    for disabled in [false, true, false] {
        let setting = lk::UpdateTrackSettings { track_sids: vec![sid.clone()], disabled, ..Default::default() };
        world.request(bob, Request::TrackSetting(setting));
        world.stream(ann, first, 50);
        first += 50;
    }
    let numbers: Vec<u64> = world.clients[bob].received(false).iter().map(|packet| *packet.seq_no).collect();
    assert!((90..=101).contains(&numbers.len()), "{}", numbers.len());
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
}

#[test]
fn descriptions_that_are_none_or_endless_end_their_sender_only() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    let offers = [
        "garbage".to_owned(),
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(5_000),
        format!("v=0\r\n{}", "a=x\r\n".repeat(100_000)),
        format!("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:{}\r\n", "1".repeat(300_000)),
        "x".repeat(1_900_000),
    ];
    for (index, sdp) in offers.into_iter().enumerate() {
        let eve = world.join(&format!("eve{index}"));
        world.pass(Duration::from_millis(500));
        world.request(eve, Request::Offer(lk::SessionDescription { sdp, id: 9, ..Default::default() }));
        world.pump();
        assert!(world.clients[eve].closed, "{index}");
        world.clients[bob].packets.clear();
        world.stream(ann, 1 + u32::try_from(index).unwrap() * 50, 20);
        assert!(world.clients[bob].received(false).len() >= 19);
    }
}

#[test]
fn a_track_that_sends_more_than_any_camera_does_is_cut_off_there() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 5);
    world.clients[bob].packets.clear();
    for frame in 0..1500 {
        world.send_media(ann, 10 + frame, false);
        world.pump();
    }
    assert!((300..=500).contains(&world.clients[bob].received(false).len()));
    world.pass(Duration::from_secs(1));
    world.clients[bob].packets.clear();
    world.stream(ann, 2000, 40);
    assert!(world.clients[bob].received(false).len() >= 39, "and after a second it is heard again");
}

#[test]
fn who_speaks_on_under_another_source_with_numbers_of_its_own_is_heard_on() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.clients[ann].number_from(40_000);
    world.stream(ann, 1, 20);
    world.clients[ann].speak_anew();
    world.clients[ann].number_from(100);
    world.stream(ann, 21, 20);
    let numbers: Vec<u16> =
        world.clients[bob].received(false).iter().map(|packet| packet.header.sequence_number).collect();
    assert!(numbers.len() >= 39, "{numbers:?}");
    assert!(numbers.windows(2).all(|two| two[1] == two[0].wrapping_add(1)), "{numbers:?}");
}

#[test]
fn somebody_who_joins_again_and_again_has_to_wait() {
    let mut world = World::new();
    world.join("bob");
    let refused = |world: &mut World| {
        let join = world.join_request("ann", &lk::JoinRequest::default());
        let (link, _down) = mpsc::channel(64);
        let now = world.now;
        world.engine.join(&join, link, now).is_err()
    };
    let first: Vec<bool> = (0..12).map(|_| refused(&mut world)).collect();
    assert_eq!(first.iter().filter(|refused| **refused).count(), 2);
    world.now += Duration::from_secs(2);
    assert_eq!([refused(&mut world), refused(&mut world), refused(&mut world)], [false, false, true]);
    world.join("cid");
}

/// Bytes that look like nothing in particular.
fn noise(length: usize, state: &mut u32) -> Vec<u8> {
    (0..length)
        .map(|_| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}

#[test]
fn broken_packets_and_messages_of_a_participant_harm_nobody_else() {
    let mut world = World::new();
    let (eve, ann, bob) = (world.join("eve"), world.join("ann"), world.join("bob"));
    world.pass(Duration::from_secs(3));
    world.publish(eve);
    world.publish(ann);
    world.pass(Duration::from_secs(1));
    world.stream(eve, 1, 5);
    world.clients[bob].packets.clear();
    let mut state = 7;
    let descriptors: [&[u8]; 8] = [
        &[],
        &[0x90],
        &[0x90, 0xff],
        &[0x90, 0x80, 0x80],
        &[0x90, 0xf0, 0xff, 0xff, 0xff],
        &[0x10],
        &[0x1f],
        &[0xff; 3],
    ];
    for round in 0..200u32 {
        let mut payload = descriptors[round as usize % descriptors.len()].to_vec();
        payload.extend(noise(round as usize % 5, &mut state));
        let values = ExtensionValues {
            audio_level: Some(noise(1, &mut state)[0].cast_signed()),
            voice_activity: Some(round % 2 == 0),
            ..Default::default()
        };
        world.send_raw(eve, &payload, &values);
        let message = noise(round as usize * 7 % 300, &mut state);
        world.send_data(eve, &message);
        world.send_data(eve, &[&[0x12, 0x02, 0x12, 0xff][..], &message].concat());
        world.send_media(ann, 100 + round, round == 0);
        world.pass(Duration::from_millis(20));
    }
    assert!(!world.clients[bob].closed && !world.clients[ann].closed);
    let of_ann = |packet: &&&str0m::rtp::RtpPacket| packet.payload.len() == 1000;
    assert!(world.clients[bob].received(true).iter().filter(of_ann).count() >= 190);
    let sound = world.clients[bob].received(false);
    assert!(sound.iter().filter(|packet| packet.payload[..] == [0xfc, 1, 2, 3]).count() >= 190);
    world.stream(ann, 400, 10);
}

#[test]
fn datagrams_the_fuzzer_was_given_get_no_answer() {
    let mut world = World::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/corpus/datagram");
    let (now, server) = (world.now, "192.0.2.1:8080".parse().unwrap());
    let source = "198.51.100.9:4000".parse().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let contents = std::fs::read(entry.unwrap().path()).unwrap();
        for length in 0..=contents.len() {
            let datagram = Datagram { source, destination: server, contents: &contents[..length] };
            world.engine.handle_datagram(now, datagram);
        }
    }
    world.engine.drain(now, &mut |_, _, _| panic!("an answer to a stranger"));
}

#[test]
fn a_right_that_is_taken_away_stops_the_packets_at_once() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 20);
    let microphone =
        model::media::MediaPermission { publish: [Source::Microphone].into_iter().collect(), ..support::permission() };
    let now = world.now;
    world.engine.set_permission(&"room".try_into().unwrap(), &"ann".try_into().unwrap(), microphone, now);
    world.pump();
    world.clients[bob].packets.clear();
    world.stream(ann, 21, 20);
    assert!(world.clients[bob].received(true).is_empty());
    assert!(world.clients[bob].received(false).len() >= 19);
    assert!(world.clients[ann].got(|message| matches!(message, Response::TrackUnpublished(_))));

    let deaf = model::media::MediaPermission { subscribe: false, ..support::permission() };
    let now = world.now;
    world.engine.set_permission(&"room".try_into().unwrap(), &"bob".try_into().unwrap(), deaf, now);
    world.pump();
    world.clients[bob].packets.clear();
    world.stream(ann, 61, 20);
    assert!(world.clients[bob].packets.is_empty());
}

#[test]
fn an_unlocked_microphone_is_heard_within_200_milliseconds() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 20);
    let allow = |world: &mut World, publish: model::media::Sources| {
        let permission = model::media::MediaPermission { publish, ..support::permission() };
        let now = world.now;
        world.engine.set_permission(&"room".try_into().unwrap(), &"ann".try_into().unwrap(), permission, now);
        world.pump();
    };
    allow(&mut world, model::media::Sources::NONE);
    world.clients[bob].packets.clear();
    world.stream(ann, 21, 20);
    assert!(world.clients[bob].packets.is_empty(), "not a single packet of who is locked");

    allow(&mut world, model::media::Sources::all());
    world.publish(ann);
    let unlocked = world.now;
    while world.clients[bob].received(false).is_empty() {
        assert!(world.now - unlocked < Duration::from_millis(200), "still silent");
        world.stream(ann, 61, 1);
    }
}
