//! What the server API does to a room: how long it stays, who is described how, and who may do what.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use bytes::Bytes;
use model::media::{MediaPermission, ParticipantKind, Source, Sources};
use prost::Message;
use signal::{ControlError, DataMessage, EventKind, ParticipantChange, RoomChange};
use std::time::Duration;
use support::{World, all, join_request, who};
use wire::lk;
use wire::lk::data_packet::Value;
use wire::lk::request_response::Reason;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

fn free() -> World {
    let mut world = World::new();
    let now = world.now();
    world.room.set_free(now);
    world
}

const SOUND_ONLY: MediaPermission = MediaPermission {
    publish: Sources::NONE.with(Source::Microphone),
    subscribe: true,
    publish_data: false,
    hidden: false,
    update_own: false,
    moderator: false,
    cameras: model::media::CameraView::Everyone,
};

impl World {
    fn change(&mut self, name: &str, change: ParticipantChange) -> Result<lk::ParticipantInfo, ControlError> {
        let now = self.now();
        let info = self.room.update_participant(&who(name), change, now);
        self.settle();
        info.map(|info| lk::ParticipantInfo::decode(info).unwrap())
    }

    fn sources(&self, name: &str) -> Vec<i32> {
        let info = self.room.participant(&who(name)).unwrap();
        lk::ParticipantInfo::decode(info).unwrap().permission.unwrap().can_publish_sources
    }

    fn leave(&mut self, peer: signal::PeerKey) {
        self.request(peer, Request::Leave(lk::LeaveRequest::default()));
    }
}

fn rights(permission: MediaPermission) -> ParticipantChange {
    ParticipantChange { permission: Some(permission), ..ParticipantChange::default() }
}

#[test]
fn a_free_room_stays_its_time_when_nobody_comes_and_another_when_everybody_left() {
    let mut world = free();
    world.pass(Duration::from_secs(299));
    assert!(!world.room.is_over());
    world.pass(Duration::from_secs(1));
    assert!(world.room.is_over());

    let mut world = free();
    let now = world.now();
    let change = RoomChange { departure_timeout: Some(Duration::from_secs(7)), ..RoomChange::default() };
    world.room.change_room(change, now).unwrap();
    let ann = world.join("ann");
    world.pass(Duration::from_secs(20));
    world.leave(ann);
    world.pass(Duration::from_secs(6));
    assert!(!world.room.is_over());
    let bob = world.join("bob");
    world.pass(Duration::from_secs(20));
    assert!(!world.room.is_over(), "somebody came in time");
    world.leave(bob);
    world.pass(Duration::from_secs(7));
    assert!(world.room.is_over());
}

#[test]
fn who_records_or_serves_keeps_no_free_room_open() {
    for kind in [ParticipantKind::Egress, ParticipantKind::Agent] {
        let mut world = free();
        let (ann, rec) = (world.join("ann"), world.join_kind("rec", kind, all()));
        world.leave(ann);
        world.pass(Duration::from_secs(19));
        let next = world.join_kind("next", kind, all());
        world.take(next);
        assert!(world.room.participant(&who("rec")).is_some());
        world.pass(Duration::from_secs(1));
        assert!(world.room.is_over(), "one more of them changes nothing");
        let last = world.take(rec).pop();
        let Some(Response::Leave(leave)) = last else { panic!("{last:?}") };
        assert_eq!(leave.reason(), lk::DisconnectReason::RoomClosed);

        let mut world = free();
        let rec = world.join_kind("rec", kind, all());
        world.pass(Duration::from_secs(200));
        world.leave(rec);
        world.pass(Duration::from_secs(99));
        assert!(!world.room.is_over(), "nobody came yet");
        world.pass(Duration::from_secs(1));
        assert!(world.room.is_over());
    }
}

#[test]
fn a_room_of_a_meeting_goes_with_the_last_one_unless_it_waits_for_the_meeting() {
    let mut world = World::new();
    assert!(world.room.is_over());
    let ann = world.join("ann");
    assert!(!world.room.is_over());
    world.leave(ann);
    assert!(world.room.is_over());

    world.room.keep_until_closed();
    world.pass(Duration::from_secs(10_000));
    assert!(!world.room.is_over());
    let now = world.now();
    let change = RoomChange { max_participants: Some(1), metadata: Some("m".into()), ..RoomChange::default() };
    world.room.change_room(change, now).unwrap();
    let info = lk::Room::decode(world.room.info()).unwrap();
    assert_eq!((info.metadata.as_str(), info.max_participants), ("m", 0), "its size is the meeting's");
    world.room.close(now);
    assert!(world.room.is_over());
}

#[test]
fn a_full_room_has_a_place_for_whoever_is_in_it_and_for_the_hidden() {
    let mut world = free();
    let now = world.now();
    world.room.change_room(RoomChange { max_participants: Some(1), ..RoomChange::default() }, now).unwrap();
    world.join_as("bot", MediaPermission { hidden: true, ..all() });
    assert!(world.room.has_place_for(&who("ann"), false));
    world.join("ann");
    assert!(world.room.has_place_for(&who("ann"), false) && world.room.has_place_for(&who("spy"), true));
    assert!(!world.room.has_place_for(&who("bob"), false));
}

#[test]
fn whoever_serves_others_takes_no_place_and_is_not_counted() {
    let mut world = free();
    let now = world.now();
    world.room.change_room(RoomChange { max_participants: Some(1), ..RoomChange::default() }, now).unwrap();
    world.join_kind("rec", ParticipantKind::Egress, all());
    world.join_kind("bot", ParticipantKind::Agent, all());
    assert!(world.room.has_place_for(&who("ann"), false));
    world.join_kind("phone", ParticipantKind::Sip, all());
    assert!(!world.room.has_place_for(&who("ann"), false), "a telephone is somebody");
    assert_eq!(lk::Room::decode(world.room.info()).unwrap().num_participants, 1);
}

#[test]
fn clients_are_told_what_somebody_is() {
    let mut world = World::new();
    for kind in ParticipantKind::ALL {
        world.join_kind(kind.name(), kind, all());
        let info = lk::ParticipantInfo::decode(world.room.participant(&who(kind.name())).unwrap()).unwrap();
        assert_eq!(info.kind().as_str_name().to_lowercase(), kind.name());
        assert_eq!(info.kind_details, [1]);
        #[allow(deprecated)]
        let marks = info.permission.map(|permission| (permission.recorder, permission.agent)).unwrap();
        assert_eq!(marks, (kind == ParticipantKind::Egress, kind == ParticipantKind::Agent));
    }
}

fn describe(name: &str, metadata: &str, attributes: &[(&str, &str)]) -> lk::UpdateParticipantMetadata {
    let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    lk::UpdateParticipantMetadata { name: name.into(), metadata: metadata.into(), attributes, request_id: 7 }
}

fn answers(messages: &[Response]) -> Vec<(u32, Reason)> {
    let answer = |message: &Response| match message {
        Response::RequestResponse(answer) => {
            assert!(matches!(answer.request, Some(lk::request_response::Request::UpdateMetadata(_))));
            Some((answer.request_id, answer.reason()))
        }
        _ => None,
    };
    messages.iter().filter_map(answer).collect()
}

fn speaks(protocol: i32) -> lk::JoinRequest {
    let client_info = Some(lk::ClientInfo { protocol, ..lk::ClientInfo::default() });
    lk::JoinRequest { client_info, ..join_request() }
}

#[test]
fn somebody_who_may_changes_what_others_see_of_them() {
    let mut world = free();
    let bob = world.join("bob");
    let (ann, _) = world.connect("ann", all(), false, &speaks(16));
    world.take(ann);
    world.take(bob);

    world.request(ann, Request::UpdateMetadata(describe("Anna", "m", &[("a", "1"), ("b", "2")])));
    assert_eq!(answers(&world.take(ann)), [(7, Reason::Ok)]);
    let told = world.take(bob);
    let Some(Response::Update(update)) = told.first() else { panic!("an update: {told:?}") };
    let info = &update.participants[0];
    assert_eq!((info.name.as_str(), info.metadata.as_str(), info.attributes["a"].as_str()), ("Anna", "m", "1"));
    assert_eq!(world.renewed.last().map(|(who, name, _)| (*who, name.as_str())), Some((ann, "Anna")));

    world.request(ann, Request::UpdateMetadata(describe("", "", &[("a", "")])));
    let info = lk::ParticipantInfo::decode(world.room.participant(&who("ann")).unwrap()).unwrap();
    assert_eq!((info.name.as_str(), info.metadata.as_str()), ("Anna", "m"), "nothing said leaves them");
    assert_eq!(info.attributes, [("b".to_owned(), "2".to_owned())].into());
}

#[test]
fn what_somebody_says_of_themselves_has_a_limit_and_needs_a_right() {
    let mut world = free();
    let ann = world.join("ann");
    world.take(ann);
    let long = "x".repeat(40 * 1024);
    world.request(ann, Request::UpdateMetadata(describe("", "", &[("a", &long)])));
    world.request(ann, Request::UpdateMetadata(describe("", "", &[("b", &long)])));
    assert_eq!(answers(&world.take(ann)), [(7, Reason::LimitExceeded)], "an older client is told of refusals alone");
    world.request(ann, Request::UpdateMetadata(describe(&"n".repeat(257), "", &[])));
    assert_eq!(answers(&world.take(ann)), [(7, Reason::LimitExceeded)]);
    for _ in 0..100 {
        world.request(ann, Request::UpdateMetadata(describe("", "m", &[])));
    }
    let refused = answers(&world.take(ann));
    assert!(!refused.is_empty() && refused.iter().all(|answer| *answer == (7, Reason::LimitExceeded)), "a flood");

    let bob = world.join_as("bob", MediaPermission { update_own: false, ..all() });
    world.take(bob);
    world.request(bob, Request::UpdateMetadata(describe("Bob the Great", "", &[])));
    assert_eq!(answers(&world.take(bob)), [(7, Reason::NotAllowed)]);
    let info = lk::ParticipantInfo::decode(world.room.participant(&who("bob")).unwrap()).unwrap();
    assert_eq!(info.name, "BOB");
    assert!(!info.permission.unwrap().can_update_metadata);

    // The API gives the right and takes it.
    world.change("bob", rights(all())).unwrap();
    world.request(bob, Request::UpdateMetadata(describe("Bob the Great", "", &[])));
    let info = lk::ParticipantInfo::decode(world.room.participant(&who("bob")).unwrap()).unwrap();
    assert_eq!(info.name, "Bob the Great");
}

#[test]
fn in_a_meeting_nobody_renames_themselves_whatever_the_api_says() {
    let mut world = World::new();
    let ann = world.join_as("ann", MediaPermission { update_own: false, ..all() });
    world.change("ann", rights(all())).unwrap();
    world.take(ann);
    world.request(ann, Request::UpdateMetadata(describe("Somebody Else", "", &[])));
    assert_eq!(answers(&world.take(ann)), [(7, Reason::NotAllowed)]);
}

#[test]
fn a_join_says_something_of_its_sender_if_that_has_the_right() {
    let mut world = free();
    let said = lk::JoinRequest {
        metadata: "own".into(),
        participant_attributes: [("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())].into(),
        ..join_request()
    };
    for (name, update_own) in [("ann", true), ("bob", false)] {
        world.connect(name, MediaPermission { update_own, ..all() }, false, &said);
        let info = lk::ParticipantInfo::decode(world.room.participant(&who(name)).unwrap()).unwrap();
        let metadata = if update_own { "own" } else { "" };
        assert_eq!((info.metadata.as_str(), info.attributes.len()), (metadata, usize::from(update_own)), "{name}");
    }
}

#[test]
fn a_change_of_a_participant_reaches_everybody_and_its_own_token() {
    let mut world = free();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.take(ann);
    world.take(bob);
    let change = ParticipantChange {
        name: Some("Anna".into()),
        metadata: Some("m".into()),
        attributes: [("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())].into(),
        permission: None,
    };

    let info = world.change("ann", change).unwrap();

    assert_eq!((info.name.as_str(), info.metadata.as_str(), info.attributes["a"].as_str()), ("Anna", "m", "1"));
    assert!(!info.attributes.contains_key("b"));
    for peer in [ann, bob] {
        let messages = world.take(peer);
        let told = messages.iter().any(
            |message| matches!(message, Response::Update(update) if update.participants.iter().any(|one| one.name == "Anna")),
        );
        assert!(told);
    }
    assert_eq!(world.renewed, [(ann, "Anna".to_owned(), all())]);

    let large = ParticipantChange { metadata: Some("x".repeat(512 * 1024 + 1)), ..ParticipantChange::default() };
    assert_eq!(world.change("ann", large), Err(ControlError::TooLarge("metadata")));
    assert_eq!(world.change("eve", rights(all())), Err(ControlError::NoParticipant));
}

#[test]
fn in_a_free_room_the_api_gives_and_takes_rights() {
    let mut world = free();
    let ann = world.join_as("ann", SOUND_ONLY);

    world.change("ann", rights(all())).unwrap();
    assert_eq!(world.sources("ann"), [0; 0], "all of them");
    let camera = world.publish(ann, "cam", lk::TrackSource::Camera);
    world.change("ann", rights(SOUND_ONLY)).unwrap();

    assert!(
        world.events.contains(&("ann".into(), EventKind::Unpublished { sid: camera, source: Source::Camera })),
        "taken away at once"
    );
    assert_eq!(world.renewed.last().unwrap().2, SOUND_ONLY);
}

#[test]
fn in_a_meeting_what_the_api_takes_away_stays_away_and_what_was_not_there_is_not_remembered() {
    let mut world = World::new();
    let attributes = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let request = |pairs: &[(&str, &str)]| lk::JoinRequest {
        participant_attributes: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..join_request()
    };
    let own = MediaPermission { update_own: true, ..all() };
    let (ann, _) = world.connect("ann", own, false, &request(&[("here", "1")]));
    let set = ParticipantChange { attributes: attributes(&[("set", "1")]), ..ParticipantChange::default() };
    let taken = attributes(&[("here", ""), ("later", "")]);
    let taken = ParticipantChange { attributes: taken, ..ParticipantChange::default() };
    world.change("ann", set).unwrap();
    world.change("ann", taken).unwrap();
    world.connect("bob", all(), false, &join_request());
    world.leave(ann);

    world.connect("ann", own, false, &request(&[("here", "1"), ("later", "1")]));

    let info = lk::ParticipantInfo::decode(world.room.participant(&who("ann")).unwrap()).unwrap();
    assert_eq!(info.attributes, [("set".to_owned(), "1".to_owned()), ("later".to_owned(), "1".to_owned())].into());
}

#[test]
fn in_a_meeting_the_api_lowers_rights_and_no_unlock_or_return_lifts_them_again() {
    let mut world = World::new();
    let ann = world.join("ann");
    let sound = vec![i32::from(lk::TrackSource::Microphone)];
    world.change("ann", rights(SOUND_ONLY)).unwrap();
    assert_eq!(world.sources("ann"), sound);

    let now = world.now();
    world.room.set_permission(&who("ann"), MediaPermission { moderator: true, ..all() }, now);
    world.settle();
    assert_eq!(world.sources("ann"), sound, "what the meeting gives is more");
    world.join("bob");
    world.leave(ann);
    world.join("ann");
    assert_eq!(world.sources("ann"), sound, "and the same for whoever comes back");

    world.room.set_permission(&who("ann"), MediaPermission { publish: Sources::NONE, ..all() }, now);
    world.settle();
    world.change("ann", rights(all())).unwrap();
    let info = lk::ParticipantInfo::decode(world.room.participant(&who("ann")).unwrap()).unwrap();
    assert!(!info.permission.unwrap().can_publish, "no word of the API opens a lock");
    world.room.set_permission(&who("ann"), all(), now);
    world.settle();
    assert_eq!(world.sources("ann"), [0; 0], "the ceiling is gone");
}

#[test]
fn a_message_of_the_api_goes_to_whom_it_names_and_once() {
    let mut world = free();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let message = DataMessage {
        payload: "hi".into(),
        reliable: true,
        identities: vec!["bob".into(), "x".repeat(64 * 1024)],
        topic: Some("t".into()),
        nonce: vec![7; 16].into(),
        ..DataMessage::default()
    };

    for _ in 0..2 {
        world.room.send_data(message.clone()).unwrap();
    }
    world.settle();

    assert!(!world.data.contains_key(&ann));
    let [(true, packet)] = &world.data[&bob][..] else { panic!("one message") };
    let packet = lk::DataPacket::decode(packet.clone()).unwrap();
    assert_eq!(packet.participant_identity, "");
    let Some(Value::User(user)) = packet.value else { panic!("of a user") };
    assert_eq!((user.payload, user.topic.as_deref()), (b"hi".to_vec(), Some("t")));
    assert!(packet.destination_identities.is_empty(), "too many to be told");
    world.room.send_data(DataMessage { identities: vec!["bob".into()], nonce: Bytes::new(), ..message }).unwrap();
    world.settle();
    let packet = lk::DataPacket::decode(world.data[&bob][1].1.clone()).unwrap();
    let Some(Value::User(user)) = packet.value else { panic!("of a user") };
    assert_eq!(packet.destination_identities, ["bob"]);
    assert_eq!(user.payload, b"hi");
    let large = DataMessage { payload: vec![0; 64_001].into(), ..DataMessage::default() };
    assert_eq!(world.room.send_data(large), Err(ControlError::TooLarge("data")));
    let nonce = Bytes::from(vec![8; 16]);
    let topic = |length| DataMessage {
        payload: vec![0; 64_000].into(),
        topic: Some("t".repeat(length)),
        nonce: nonce.clone(),
        ..DataMessage::default()
    };
    assert_eq!(world.room.send_data(topic(2000)), Err(ControlError::TooLarge("data with its topic")));
    world.room.send_data(topic(1000)).unwrap();
    world.settle();
    assert_eq!(world.data[&ann].len(), 1, "what was refused was not sent");
}

#[test]
fn the_api_chooses_what_somebody_receives() {
    let mut world = free();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let microphone = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    assert_eq!(world.bound_to(bob), 1);
    let now = world.now();

    world.room.choose_subscriptions(&who("bob"), vec![microphone], false, now).unwrap();
    world.settle();

    assert_eq!(world.bound_to(bob), 0);
    let unknown = world.room.choose_subscriptions(&who("bob"), vec!["TR_x".into()], true, now);
    assert_eq!(unknown, Err(ControlError::NoTrack));
}

#[test]
fn whoever_goes_before_media_flowed_has_aborted() {
    let mut world = World::new();
    let (ann, _) = world.connect("ann", all(), false, &join_request());
    world.leave(ann);
    assert_eq!(world.events, [("ann".to_owned(), EventKind::Aborted)]);
}
