//! The signalling machine against held time: order of messages, negotiation rounds, resumes, the end.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use model::media::{ParticipantKind, Source};
use prost::Message;
use signal::{Connected, EventKind, Kind, PeerKey, RemoveReason};
use support::{World, all, join_request, names, seconds, section, who};
use wire::lk;
use wire::lk::participant_info::State;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

#[test]
fn the_first_message_is_join_and_the_offer_of_the_request_is_answered_next() {
    let mut world = World::new();
    let mut request = join_request();
    request.publisher_offer =
        Some(lk::SessionDescription { r#type: "offer".into(), sdp: "x".into(), id: 7, ..Default::default() });
    let (key, connected) = world.connect("ann", all(), false, &request);
    assert_eq!(connected, Connected::New);
    let messages = world.take(key);
    assert_eq!(names(&messages), ["join", "answer"]);
    let Response::Join(join) = &messages[0] else { panic!("join is first") };
    let participant = join.participant.as_ref().unwrap();
    assert!(participant.sid.starts_with("PA_") && participant.sid.len() == 15);
    assert_eq!(join.room.as_ref().unwrap().name, "room");
    assert!(!join.server_info.as_ref().unwrap().version.is_empty());
    assert!(!join.subscriber_primary);
    let Response::Answer(answer) = &messages[1] else { panic!("then the answer") };
    assert_eq!(answer.id, 7);
}

#[test]
fn a_late_joiner_learns_of_a_track_before_the_description_that_carries_it() {
    let mut world = World::new();
    let ann = world.join("ann");
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    let bob = world.join("bob");
    let messages = world.take(bob);
    let Response::Join(join) = &messages[0] else { panic!("join is first") };
    assert_eq!(join.other_participants[0].tracks[0].sid, sid);
    assert_eq!(world.tracks_of(bob), std::slice::from_ref(&sid));
    assert_eq!(world.bound_to(bob), 1);
    let down = world.plans[&bob].iter().find_map(|plan| plan.down.clone()).unwrap();
    assert_eq!(down.stream, format!("{}|{sid}", join.other_participants[0].sid));
}

#[test]
fn unpublishing_is_told_to_everybody() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.take(bob);
    world.offers.get_mut(&ann).unwrap().last_mut().unwrap().sends = false;
    world.offer(ann, 3);
    let messages = world.take(bob);
    let Response::Update(update) = &messages[0] else { panic!("an update") };
    assert!(update.participants[0].tracks.is_empty());
    assert!(world.live.is_empty());
    assert!(world.events.contains(&("ann".into(), EventKind::Unpublished { sid, source: Source::Microphone })));
}

#[test]
fn the_same_identity_again_replaces_the_former_session() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.take(bob);
    let (again, connected) = world.connect("ann", all(), false, &join_request());
    assert_eq!(connected, Connected::New);
    let farewell = world.take(ann);
    let Some(Response::Leave(leave)) = farewell.last() else { panic!("the former one is told") };
    assert_eq!(leave.reason(), lk::DisconnectReason::DuplicateIdentity);
    assert_eq!(leave.action(), lk::leave_request::Action::Disconnect);
    assert!(world.closed.contains(&ann) && world.gone == [ann]);
    let states: Vec<State> = world
        .take(bob)
        .into_iter()
        .filter_map(|message| match message {
            Response::Update(update) => Some(update.participants[0].state()),
            _ => None,
        })
        .collect();
    assert_eq!(states, [State::Disconnected, State::Joined]);
    assert!(names(&world.take(again)).contains(&"join"));
}

#[test]
fn whoever_never_connects_is_out_after_a_minute() {
    let mut world = World::new();
    let (ann, _) = world.connect("ann", all(), false, &join_request());
    world.pass(seconds(59));
    assert!(world.gone.is_empty());
    world.pass(seconds(2));
    assert_eq!(world.gone, [ann]);
    let messages = world.take(ann);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.reason(), lk::DisconnectReason::JoinFailure);
    assert!(world.events.iter().all(|(_, kind)| *kind == EventKind::Aborted), "nobody saw this participant connected");
}

#[test]
fn somebody_who_closes_the_connection_and_then_leaves_is_gone_at_once() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let now = world.now();
    world.room.connection_closed(ann, now);
    world.settle();
    world.take(ann);
    world.request(ann, Request::Leave(lk::LeaveRequest::default()));
    assert_eq!(world.gone, [ann]);

    let now = world.now();
    world.room.connection_closed(bob, now);
    world.room.link_lost(bob, now);
    world.settle();
    assert_eq!(world.gone, [ann, bob], "closing both is a goodbye as well");
}

#[test]
fn somebody_who_closes_the_connection_and_says_nothing_starts_over() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.take(ann);
    for peer in [ann, bob] {
        let now = world.now();
        world.room.connection_closed(peer, now);
        // What arrives late does not open it again.
        world.room.connected(peer, now);
        world.room.connection_failed(peer, now);
        world.settle();
    }
    assert!(world.take(ann).iter().all(|message| !matches!(message, Response::Leave(_))));
    let request = lk::JoinRequest { reconnect: true, ..join_request() };
    let (_, connected) = world.connect("bob", all(), false, &request);
    assert!(matches!(connected, Connected::Refused(_)), "nothing is left to resume");
    assert_eq!(world.gone, [bob]);
    world.pass(seconds(1));
    let messages = world.take(ann);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);
    assert_eq!(world.gone, [bob, ann]);
}

#[test]
fn a_newcomer_learns_quality_and_voice_of_whom_it_hears() {
    let mut world = World::new();
    let (ann, silent) = (world.join("ann"), world.join("silent"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.room.speakers(&[(ann, 0.5)]);
    world.room.quality(ann, 0, 1.0);
    world.room.quality(silent, 0, 1.0);
    world.settle();
    let bob = world.join("bob");
    let messages = world.take(bob);
    let qualities: Vec<usize> = messages
        .iter()
        .filter_map(|message| match message {
            Response::ConnectionQuality(update) => Some(update.updates.len()),
            _ => None,
        })
        .collect();
    assert_eq!(qualities, [1]);
    assert_eq!(names(&messages).iter().filter(|name| **name == "speakers_changed").count(), 1);
}

#[test]
fn settings_outlive_the_subscription_and_off_means_off() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let sid = world.publish(ann, "cam", lk::TrackSource::Camera);
    let track = world.live[0];
    let subscription = |subscribe| {
        Request::Subscription(lk::UpdateSubscription { track_sids: vec![sid.clone()], subscribe, ..Default::default() })
    };
    let quality = |quality: lk::VideoQuality| {
        Request::TrackSetting(lk::UpdateTrackSettings {
            track_sids: vec![sid.clone()],
            quality: quality.into(),
            ..Default::default()
        })
    };
    world.request(bob, subscription(false));
    world.request(bob, quality(lk::VideoQuality::Medium));
    world.request(bob, subscription(true));
    world.offer(bob, 2);
    world.offer(bob, 3);
    assert_eq!(world.settings[&(bob, track)].quality, 1, "asked for before the subscription");
    world.request(bob, quality(lk::VideoQuality::Off));
    assert!(world.settings[&(bob, track)].disabled);
    for subscribe in [false, true] {
        world.request(bob, subscription(subscribe));
        world.offer(bob, 4);
        world.offer(bob, 5);
    }
    assert!(world.settings[&(bob, track)].disabled, "and again after another");
}

#[test]
fn two_connections_are_offered_data_first_and_one_offer_at_a_time() {
    let mut world = World::new();
    let ann = world.join("ann");
    let (bob, _) = world.connect("bob", all(), true, &join_request());
    let messages = world.take(bob);
    assert_eq!(names(&messages)[..2], ["join", "offer"]);
    let Response::Join(join) = &messages[0] else { panic!("join") };
    assert!(join.subscriber_primary && join.fast_publish);
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.pass(seconds(1));
    assert!(!names(&world.take(bob)).contains(&"offer"), "the first is not answered yet");
    let answer = |id| Request::Answer(lk::SessionDescription { r#type: "answer".into(), id, ..Default::default() });
    world.request(bob, answer(1));
    let messages = world.take(bob);
    let Some(Response::Offer(offer)) = messages.last() else { panic!("the next offer") };
    assert_eq!(offer.id, 2);
    assert_eq!(offer.mid_to_track_id.values().next(), Some(&sid));
    assert_eq!(world.bound_to(bob), 0);
    world.request(bob, answer(1));
    assert_eq!(world.bound_to(bob), 0, "an answer to an older offer counts for nothing");
    world.request(bob, answer(2));
    assert_eq!(world.bound_to(bob), 1);
}

#[test]
fn an_offer_without_an_answer_ends_in_a_full_reconnect() {
    let mut world = World::new();
    let (bob, _) = world.connect("bob", all(), true, &join_request());
    world.pass(seconds(16));
    let messages = world.take(bob);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);
}

#[test]
fn removal_and_the_end_of_the_room_are_final() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let now = world.now();
    world.room.remove(&who("ann"), RemoveReason::Removed, now);
    world.settle();
    let messages = world.take(ann);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(
        (leave.reason(), leave.action()),
        (lk::DisconnectReason::ParticipantRemoved, lk::leave_request::Action::Disconnect)
    );
    world.room.close(now);
    world.settle();
    let messages = world.take(bob);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.reason(), lk::DisconnectReason::RoomDeleted);
    assert!(world.room.is_empty());
    assert_eq!(world.events.iter().filter(|(_, kind)| *kind == EventKind::Left).count(), 2);
}

#[test]
fn a_room_that_is_drained_lets_everybody_come_back_and_tells_nobody_that_the_others_go() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let sid = world.publish(ann, "cam", lk::TrackSource::Camera);
    let _ = (world.take(ann), world.take(bob));
    world.events.clear();

    let now = world.now();
    world.room.drain(now);
    world.settle();

    for peer in [ann, bob] {
        let messages = world.take(peer);
        assert_eq!(names(&messages), ["leave"]);
        let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
        let expected = (lk::DisconnectReason::ServerShutdown, lk::leave_request::Action::Reconnect);
        assert_eq!((leave.reason(), leave.action()), expected);
        assert!(world.closed.contains(&peer) && world.gone.contains(&peer));
    }
    assert!(world.room.is_over());
    let unpublished = EventKind::Unpublished { sid, source: Source::Camera };
    let told = |who: &str, kind| (who.to_owned(), kind);
    assert_eq!(world.events, [told("ann", unpublished), told("ann", EventKind::Left), told("bob", EventKind::Left)]);
}

#[test]
fn who_hears_that_a_room_is_over_hears_nothing_of_the_others_who_go() {
    let mut world = World::new();
    let people = [world.join("ann"), world.join("bob"), world.join("cleo")];
    people.iter().for_each(|peer| drop(world.take(*peer)));

    let now = world.now();
    world.room.close(now);
    world.settle();

    for peer in people {
        let messages = world.take(peer);
        assert_eq!(names(&messages), ["leave"]);
        assert!(world.closed.contains(&peer) && world.gone.contains(&peer));
    }
    assert!(world.room.is_over());
}

#[test]
fn a_name_has_as_many_characters_in_any_script() {
    let connect = |name: String| signal::Connect {
        key: PeerKey(99),
        identity: who("x"),
        name,
        metadata: String::new(),
        attributes: std::collections::BTreeMap::new(),
        permission: all(),
        dual: true,
        relays: Vec::new(),
        relay_only: false,
        kind: Default::default(),
        kind_details: Vec::new(),
        request: signal::JoinRequest::read(&[]).unwrap(),
    };
    let mut world = World::new();
    let now = world.now();
    for letter in ["n", "山", "👍"] {
        assert!(world.room.connect(connect(letter.repeat(255)), now).is_ok(), "{letter}");
        assert_eq!(world.room.connect(connect(letter.repeat(257)), now), Err(signal::ConnectError::Malformed));
    }
}

#[test]
fn pings_are_answered_with_our_time() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    world.request(ann, Request::PingReq(lk::Ping { timestamp: 42, rtt: 7 }));
    let Response::PongResp(pong) = &world.take(ann)[0] else { panic!("pong") };
    assert_eq!((pong.last_ping_timestamp, pong.timestamp), (42, 1_700_000_000_000));
}

#[test]
fn a_flood_of_offers_or_messages_harms_the_flooder_only() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let cid = world.join("cid");
    for id in 0..100 {
        world.offer(bob, id);
    }
    let messages = world.take(bob);
    assert!(matches!(messages.last(), Some(Response::Leave(_))));
    assert!(!world.gone.contains(&ann));
    for _ in 0..5000 {
        world.request(ann, Request::Ping(1));
    }
    let messages = world.take(ann);
    assert!(messages.len() < 1200);
    let Some(Response::Leave(leave)) = messages.last() else { panic!("leave") };
    assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);
    assert!(!world.gone.contains(&cid));
}

#[test]
fn a_flood_of_bytes_starts_the_flooder_over() {
    let mut world = World::new();
    let ann = world.join("ann");
    let sid = "x".repeat(60_000);
    for _ in 0..200 {
        world.request(ann, Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted: true }));
    }
    assert_eq!(world.gone, [ann]);
}

#[test]
fn garbage_closes_the_socket_and_the_session_can_be_resumed() {
    let mut world = World::new();
    let ann = world.join("ann");
    let now = world.now();
    world.room.request(ann, &[0x0a, 0xff], now);
    world.settle();
    assert_eq!((world.closed.as_slice(), world.gone.as_slice()), (&[ann][..], &[][..]));
    let request = lk::JoinRequest { reconnect: true, ..join_request() };
    assert_eq!(world.connect("ann", all(), false, &request).1, Connected::Resumed(ann));
    world.room.request(ann, &[0xfa, 0x07, 1, 0], now);
    world.settle();
    assert_eq!(world.closed, [ann], "a message from the future is passed over");
}

#[test]
fn a_subscription_to_nothing_is_answered() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    let update = |subscribe| {
        Request::Subscription(lk::UpdateSubscription {
            track_sids: vec!["TR_gone".into()],
            subscribe,
            participant_tracks: vec![lk::ParticipantTracks {
                track_sids: vec!["TR_gone".into()],
                ..Default::default()
            }],
        })
    };
    world.request(ann, update(false));
    assert!(world.take(ann).is_empty());
    world.request(ann, update(true));
    let messages = world.take(ann);
    let [Response::SubscriptionResponse(answer)] = messages.as_slice() else { panic!("one answer: {messages:?}") };
    assert_eq!((answer.track_sid.as_str(), answer.err()), ("TR_gone", lk::SubscriptionError::SeTrackNotfound));
}

#[test]
fn the_numbers_of_a_room_are_told_once_for_many_changes() {
    let mut world = World::new();
    let ann = world.join("ann");
    for index in 0..5 {
        world.join(&format!("p{index}"));
    }
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.take(ann);
    world.pass(seconds(8));
    let rooms: Vec<lk::Room> = world
        .take(ann)
        .into_iter()
        .filter_map(|message| match message {
            Response::RoomUpdate(update) => update.room,
            _ => None,
        })
        .collect();
    assert_eq!(rooms.iter().map(|room| (room.num_participants, room.num_publishers)).collect::<Vec<_>>(), [(6, 1)]);
}

#[test]
fn that_a_room_is_recorded_is_told_at_once_for_as_long_as_a_recorder_is_there() {
    let mut world = World::new();
    let ann = world.join("ann");
    let mut newest = None;
    let mut recorded = |world: &mut World| -> Vec<bool> {
        let rooms = world.take(ann).into_iter().filter_map(|message| match message {
            Response::RoomUpdate(update) => update.room,
            _ => None,
        });
        let mut flags = Vec::new();
        for room in rooms {
            let version = room.version.map(|version| (version.unix_micro, version.ticks));
            assert!(version > newest, "each update is newer than the one before it");
            newest = version;
            flags.push(room.active_recording);
        }
        flags
    };
    recorded(&mut world);
    let hidden = model::media::MediaPermission { hidden: true, ..all() };
    let recorder = world.join_kind("rec", ParticipantKind::Egress, hidden);
    assert_eq!(recorded(&mut world), [true]);
    let second = world.join_kind("rec2", ParticipantKind::Egress, hidden);
    world.request(recorder, Request::Leave(lk::LeaveRequest::default()));
    assert!(recorded(&mut world).is_empty(), "another one is there");
    let bob = world.join("bob");
    let Response::Join(join) = &world.take(bob)[0] else { panic!("join") };
    assert!(join.room.as_ref().unwrap().active_recording);
    recorded(&mut world);
    world.request(second, Request::Leave(lk::LeaveRequest::default()));
    assert_eq!(recorded(&mut world), [false]);
}

/// Publishes a camera of three sizes. Returns its sid.
#[allow(deprecated)]
fn publish_sizes(world: &mut World, owner: PeerKey) -> String {
    let layers = [(0, 320, 180), (1, 640, 360), (2, 1280, 720)].map(|(quality, width, height)| lk::VideoLayer {
        quality,
        width,
        height,
        ..Default::default()
    });
    let add = lk::AddTrackRequest {
        cid: "cam".into(),
        r#type: lk::TrackType::Video.into(),
        source: lk::TrackSource::Camera.into(),
        width: 1280,
        height: 720,
        layers: layers.to_vec(),
        ..Default::default()
    };
    world.take(owner);
    world.request(owner, Request::AddTrack(add));
    let offers = world.offers.get_mut(&owner).unwrap();
    offers.push(section("20", Kind::Video, "cam"));
    world.offer(owner, 2);
    let sid = world.take(owner).into_iter().find_map(|message| match message {
        Response::TrackPublished(published) => Some(published.track.unwrap().sid),
        _ => None,
    });
    sid.unwrap()
}

/// The sizes of the layers of the first track, as everybody was told of them last.
#[allow(deprecated)]
fn told_sizes(world: &mut World, peer: PeerKey) -> Vec<(u32, u32)> {
    let Some(Response::Update(update)) = world.take(peer).pop() else { panic!("an update") };
    update.participants[0].tracks[0].layers.iter().map(|layer| (layer.width, layer.height)).collect()
}

#[test]
fn layers_keep_their_proportion_through_many_sizes() {
    let mut world = World::new();
    let ann = world.join("ann");
    let sid = publish_sizes(&mut world, ann);
    for (width, height) in [(7, 3), (33, 17), (1280, 720)] {
        let update = lk::UpdateLocalVideoTrack { track_sid: sid.clone(), width, height };
        world.request(ann, Request::UpdateVideoTrack(update));
    }
    assert_eq!(told_sizes(&mut world, ann), [(320, 180), (640, 360), (1280, 720)]);
}

#[test]
#[allow(deprecated)]
fn of_more_sizes_than_everybody_can_be_told_of_the_last_ones_count() {
    let mut world = World::new();
    let ann = world.join("ann");
    let sid = publish_sizes(&mut world, ann);
    let layer = |quality, width| lk::VideoLayer { quality, width, height: width / 2, ..Default::default() };
    for width in (10..=400).step_by(2) {
        let layers = vec![layer(0, width), layer(1, 2 * width)];
        let update = lk::UpdateVideoLayers { track_sid: sid.clone(), layers };
        world.request(ann, Request::UpdateLayers(update));
    }
    let update = lk::UpdateVideoLayers { track_sid: sid, layers: vec![layer(0, 500)] };
    world.request(ann, Request::UpdateLayers(update));
    let told = world.take(ann);
    assert!(
        told.len() < 150 && told.iter().all(|message| matches!(message, Response::Update(_))),
        "nothing is refused"
    );

    world.pass(seconds(2));

    assert_eq!(told_sizes(&mut world, ann), [(500, 250), (800, 400), (1280, 720)]);
}

#[test]
fn a_flood_of_data_reaches_nobody_and_ends_nothing() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let packet = lk::DataPacket {
        value: Some(lk::data_packet::Value::User(lk::UserPacket { payload: vec![1], ..Default::default() })),
        ..Default::default()
    };
    let now = world.now();
    for _ in 0..10_000 {
        world.room.message(ann, false, &packet.encode_to_vec(), now);
    }
    world.settle();
    assert_eq!(world.data.remove(&bob).unwrap().len(), 2000);
    let mut addressed = packet;
    addressed.destination_identities = vec![String::new(); 30_000];
    world.pass(seconds(5));
    let now = world.now();
    world.room.message(ann, false, &addressed.encode_to_vec(), now);
    assert!(!world.room.has_output());
    assert!(world.gone.is_empty());
}
