//! Who may publish and see what, who is seen, and how fast tracks may come.

use crate::support::{World, all, join_request, names, refused, seconds, who};
use model::media::{CameraView, MediaPermission, Source, Sources};
use signal::Connected;
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

#[test]
fn publishing_without_the_right_is_refused_with_the_request() {
    let mut world = World::new();
    let ann = world.join_as("ann", MediaPermission { publish: Sources::NONE.with(Source::Microphone), ..all() });
    world.take(ann);
    let add = lk::AddTrackRequest {
        cid: "cam".into(),
        r#type: lk::TrackType::Video.into(),
        source: lk::TrackSource::Camera.into(),
        ..Default::default()
    };
    world.request(ann, Request::AddTrack(add.clone()));
    let messages = world.take(ann);
    let Response::RequestResponse(refusal) = &messages[0] else { panic!("refused") };
    assert_eq!(refusal.reason(), lk::request_response::Reason::NotAllowed);
    assert_eq!(refusal.request, Some(lk::request_response::Request::AddTrack(add)));
}

#[test]
fn losing_a_right_takes_the_track_away_and_tells_its_owner() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let camera = world.publish(ann, "cam", lk::TrackSource::Camera);
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    world.take(ann);
    world.take(bob);
    let now = world.now();
    world.room.set_permission(
        &who("ann"),
        MediaPermission { publish: Sources::NONE.with(Source::Microphone), ..all() },
        now,
    );
    world.settle();
    let messages = world.take(ann);
    assert!(
        messages.iter().any(|message| matches!(message, Response::TrackUnpublished(gone) if gone.track_sid == camera))
    );
    let Some(Response::Update(update)) = messages.iter().find(|message| matches!(message, Response::Update(_))) else {
        panic!("told of the permission")
    };
    assert_eq!(
        update.participants[0].permission.as_ref().unwrap().can_publish_sources,
        [i32::from(lk::TrackSource::Microphone)]
    );
    assert_eq!(world.live.len(), 1);
    let Response::Update(update) = &world.take(bob)[0] else { panic!("bob sees one track") };
    assert_eq!(update.participants[0].tracks.len(), 1);
    // The section still sends; nothing is published on it by itself.
    world.offer(ann, 9);
    assert_eq!(world.live.len(), 1);
}

#[test]
fn cameras_of_others_are_parked_for_those_who_may_see_moderators_only() {
    let mut world = World::new();
    let moderator = world.join_as("mod", MediaPermission { moderator: true, ..all() });
    let ann = world.join("ann");
    let of_moderator = world.publish(moderator, "cam", lk::TrackSource::Camera);
    let of_ann = world.publish(ann, "cam", lk::TrackSource::Camera);
    let microphone = world.publish(ann, "mic", lk::TrackSource::Microphone);
    let bob = world.join_as("bob", MediaPermission { cameras: CameraView::Moderators, ..all() });
    let mut seen = world.tracks_of(bob);
    seen.sort();
    let mut expected = vec![of_moderator, microphone];
    expected.sort();
    assert_eq!(seen, expected);
    let told = |messages: Vec<Response>| -> Vec<(String, bool)> {
        messages
            .into_iter()
            .filter_map(|message| match message {
                Response::SubscriptionPermissionUpdate(update) => Some((update.track_sid, update.allowed)),
                _ => None,
            })
            .collect()
    };
    world.pass(seconds(1));
    assert_eq!(told(world.take(bob)), [(of_ann.clone(), false)]);
    let now = world.now();
    world.room.set_permission(&who("bob"), all(), now);
    world.settle();
    world.offer(bob, 2);
    world.pass(seconds(1));
    assert_eq!(told(world.take(bob)), [(of_ann.clone(), true)]);
    assert!(world.tracks_of(bob).contains(&of_ann));
    // Somebody who becomes a moderator is seen by those who see moderators only.
    let now = world.now();
    world.room.set_permission(&who("bob"), MediaPermission { cameras: CameraView::Moderators, ..all() }, now);
    world.settle();
    assert_eq!(world.bound_to(bob), 2);
    world.room.set_permission(&who("ann"), MediaPermission { moderator: true, ..all() }, now);
    world.settle();
    world.offer(bob, 3);
    world.offer(bob, 4);
    assert_eq!(world.bound_to(bob), 3);
}

#[test]
fn a_resume_brings_back_no_right_that_was_taken_after_it_was_asked_for() {
    let mut world = World::new();
    let ann = world.join("ann");
    let now = world.now();
    let silent = MediaPermission { publish: Sources::NONE.with(Source::Camera), ..all() };
    world.room.set_permission(&who("ann"), silent, now);
    world.room.link_lost(ann, now);
    world.settle();

    let request = lk::JoinRequest { reconnect: true, ..join_request() };
    assert_eq!(world.connect("ann", all(), false, &request).1, Connected::Resumed(ann));

    world.take(ann);
    let add = lk::AddTrackRequest {
        cid: "mic".into(),
        r#type: lk::TrackType::Audio.into(),
        source: lk::TrackSource::Microphone.into(),
        ..Default::default()
    };
    world.request(ann, Request::AddTrack(add));
    assert!(!names(&world.take(ann)).contains(&"track_published"));
}

#[test]
fn hidden_participants_are_seen_by_nobody() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    let bot = world.join_as("bot", MediaPermission { hidden: true, ..all() });
    assert!(world.take(ann).is_empty());
    assert_eq!(world.room.participants().len(), 1);
    let bob = world.join("bob");
    let Response::Join(join) = &world.take(bob)[0] else { panic!("join") };
    assert_eq!(join.other_participants.len(), 1);
    world.request(bot, Request::Leave(lk::LeaveRequest::default()));
    assert!(!names(&world.take(ann)).contains(&"leave"));
    let told = world.take(bob);
    assert!(
        told.iter()
            .all(|message| !matches!(message, Response::Update(update) if update.participants[0].identity == "bot"))
    );
}

#[test]
fn versions_of_a_participant_only_grow() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.take(bob);
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.request(ann, Request::Mute(lk::MuteTrackRequest { sid, muted: true }));
    world.request(ann, Request::Leave(lk::LeaveRequest::default()));
    let versions: Vec<u32> = world
        .take(bob)
        .into_iter()
        .filter_map(|message| match message {
            Response::Update(update) => Some(update.participants[0].version),
            _ => None,
        })
        .collect();
    assert!(versions.len() >= 3 && versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
}

#[test]
fn tracks_are_added_as_fast_as_honest_clients_do_and_no_faster() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    let add = |world: &mut World, cid: String| {
        world.request(ann, Request::AddTrack(lk::AddTrackRequest { cid, ..Default::default() }));
    };
    // Many at once, as after a reconnect.
    (0..19).for_each(|index| add(&mut world, format!("first{index}")));
    assert!(!refused(&mut world, ann));
    let refusals = |world: &mut World| {
        let messages = world.take(ann);
        messages.iter().filter(|message| matches!(message, Response::RequestResponse(_))).count()
    };
    (0..31).for_each(|_| add(&mut world, "first0".into()));
    assert_eq!(refusals(&mut world), 31, "the name is taken");
    add(&mut world, "first0".into());
    assert!(refused(&mut world, ann), "not even looked at");
    world.pass(seconds(1));
    add(&mut world, "first0".into());
    assert!(!refused(&mut world, ann));
}
