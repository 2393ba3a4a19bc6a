//! What the server API does to a room and to those in it.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use model::Identity;
use model::media::{MediaPermission, Source, Sources};
use prost::Message;
use signal::{ControlError, DataMessage, ParticipantChange, RoomChange};
use std::collections::BTreeMap;
use std::time::Duration;
use support::{World, all};
use wire::lk;
use wire::lk::signal_response::Message as Response;

fn who(name: &str) -> Identity {
    Identity::try_from(name).unwrap()
}

fn only(source: Source) -> MediaPermission {
    MediaPermission { publish: Sources::NONE.with(source), ..all() }
}

fn info(world: &World, name: &str) -> lk::ParticipantInfo {
    lk::ParticipantInfo::decode(world.room.participant(&who(name)).unwrap()).unwrap()
}

#[test]
fn in_a_meeting_the_api_sets_a_ceiling_that_no_unlock_lifts_and_no_return_forgets() {
    let mut world = World::new();
    let ann = world.join("ann");
    let camera = world.publish(ann, "cam", lk::TrackSource::Camera);
    world.take(ann);
    let now = world.now();
    let change = ParticipantChange { permission: Some(only(Source::Microphone)), ..Default::default() };
    world.room.update_participant(&who("ann"), change, now).unwrap();
    world.settle();
    assert!(
        world
            .take(ann)
            .iter()
            .any(|message| matches!(message, Response::TrackUnpublished(gone) if gone.track_sid == camera))
    );
    assert_eq!(world.renewed[&ann].publish, Sources::NONE.with(Source::Microphone));

    let now = world.now();
    world.room.set_permission(&who("ann"), all(), now);
    world.settle();
    assert!(!info(&world, "ann").permission.unwrap().can_publish_sources.contains(&lk::TrackSource::Camera.into()));

    world.join("ann");
    assert!(!info(&world, "ann").permission.unwrap().can_publish_sources.contains(&lk::TrackSource::Camera.into()));
}

#[test]
fn in_a_room_without_a_meeting_the_api_gives_rights() {
    let mut world = World::new();
    let now = world.now();
    world.room.set_free(now);
    let ann = world.join_as("ann", only(Source::Microphone));
    let now = world.now();
    let change = ParticipantChange { permission: Some(all()), ..Default::default() };
    world.room.update_participant(&who("ann"), change, now).unwrap();
    world.settle();
    assert_eq!(world.renewed[&ann].publish, all().publish);
}

#[test]
fn what_is_too_large_changes_nothing() {
    let mut world = World::new();
    world.join("ann");
    let before = info(&world, "ann");
    let now = world.now();
    let named = ParticipantChange { name: Some("Ann".to_owned()), ..Default::default() };
    let metadata = ParticipantChange { metadata: Some("x".repeat(512 * 1024 + 1)), ..named.clone() };
    let attributes = BTreeMap::from([("key".to_owned(), "x".repeat(64 * 1024))]);
    let attributes = ParticipantChange { attributes, ..named };
    let name = ParticipantChange { name: Some("n".repeat(257)), ..Default::default() };
    for change in [metadata, attributes, name] {
        let refused = world.room.update_participant(&who("ann"), change, now).unwrap_err();
        assert!(matches!(refused, ControlError::TooLarge(_)));
    }
    assert_eq!(info(&world, "ann"), before);
    let change = RoomChange { metadata: Some("x".repeat(512 * 1024 + 1)), ..Default::default() };
    assert_eq!(world.room.change_room(change, now), Err(ControlError::TooLarge("metadata")));
}

#[test]
fn an_empty_value_takes_an_attribute_away() {
    let mut world = World::new();
    world.join("ann");
    for (value, expected) in [("red", Some("red")), ("", None)] {
        let attributes = BTreeMap::from([("colour".to_owned(), value.to_owned())]);
        let now = world.now();
        let change = ParticipantChange { attributes, ..Default::default() };
        world.room.update_participant(&who("ann"), change, now).unwrap();
        assert_eq!(info(&world, "ann").attributes.get("colour").map(String::as_str), expected);
    }
}

#[test]
fn a_free_room_waits_for_the_first_and_for_those_who_come_back() {
    let mut world = World::new();
    let now = world.now();
    world.room.set_free(now);
    let change = RoomChange {
        empty_timeout: Some(Duration::from_secs(40)),
        departure_timeout: Some(Duration::from_secs(10)),
        ..Default::default()
    };
    world.room.change_room(change, now).unwrap();
    world.pass(Duration::from_secs(39));
    assert!(!world.room.is_over());
    world.join("ann");
    world.pass(Duration::from_secs(100));
    assert!(!world.room.is_over());
    let now = world.now();
    world.room.remove(&who("ann"), signal::RemoveReason::Removed, now);
    world.settle();
    world.pass(Duration::from_secs(9));
    assert!(!world.room.is_over());
    world.pass(Duration::from_secs(1));
    assert!(world.room.is_over());
}

#[test]
fn a_full_room_has_no_place_but_for_those_who_are_in_it() {
    let mut world = World::new();
    let now = world.now();
    world.room.set_free(now);
    world.room.change_room(RoomChange { max_participants: Some(1), ..Default::default() }, now).unwrap();
    assert!(world.room.has_place_for(&who("ann"), false));
    world.join("ann");
    assert!(world.room.has_place_for(&who("ann"), false));
    assert!(!world.room.has_place_for(&who("bob"), false));
    assert!(world.room.has_place_for(&who("bob"), true));
}

#[test]
fn a_message_reaches_whom_it_names_and_once() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let message = DataMessage {
        payload: "hello".into(),
        reliable: true,
        identities: vec!["bob".to_owned()],
        nonce: vec![7; 16].into(),
        ..Default::default()
    };
    for _ in 0..2 {
        world.room.send_data(message.clone()).unwrap();
        world.settle();
    }
    assert!(!world.data.contains_key(&ann));
    let [(true, packet)] = world.data[&bob].as_slice() else { panic!("one reliable message") };
    let packet = lk::DataPacket::decode(packet.clone()).unwrap();
    let Some(lk::data_packet::Value::User(user)) = packet.value else { panic!("a user packet") };
    assert_eq!(user.payload, b"hello");

    let long = DataMessage { payload: vec![0; 64_001].into(), ..Default::default() };
    assert_eq!(world.room.send_data(long), Err(ControlError::TooLarge("data")));
}

#[test]
fn subscriptions_are_chosen_for_somebody_all_or_none() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let camera = world.publish(ann, "cam", lk::TrackSource::Camera);
    world.offer(bob, 2);
    assert_eq!(world.bound_to(bob), 1);
    let now = world.now();
    let unknown = vec![camera.clone(), "TR_unknown".to_owned()];
    assert_eq!(world.room.choose_subscriptions(&who("bob"), unknown, false, now), Err(ControlError::NoTrack));
    world.settle();
    assert_eq!(world.bound_to(bob), 1);
    world.room.choose_subscriptions(&who("bob"), vec![camera], false, now).unwrap();
    world.settle();
    assert_eq!(world.bound_to(bob), 0);
    assert_eq!(world.room.choose_subscriptions(&who("eve"), vec![], true, now), Err(ControlError::NoParticipant));
}
