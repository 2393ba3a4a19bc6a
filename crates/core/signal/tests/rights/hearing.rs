//! Who is told that somebody is muted, speaks or is silent.

use crate::support::{World, all, join_request, names, placeholders, seconds, who};
use model::media::{MediaPermission, Source};
use prost::Message;
use signal::{MuteError, PeerKey, TrackChoice};
use std::time::Duration;
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

#[test]
fn muting_by_owner_and_by_order_is_told_to_all_and_unmuting_others_is_refused() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.take(ann);
    world.take(bob);
    let choice = TrackChoice::Source(Source::Microphone);
    let now = world.now();
    assert_eq!(world.room.mute(&who("ann"), &choice, true, now), Ok(()));
    world.settle();
    assert!(names(&world.take(ann)).contains(&"mute"));
    let Response::Update(update) = &world.take(bob)[0] else { panic!("told") };
    assert!(update.participants[0].tracks[0].muted);
    assert_eq!(world.room.mute(&who("ann"), &choice, false, now), Err(MuteError::UnmuteRefused));
    assert_eq!(world.room.mute(&who("nobody"), &choice, true, now), Err(MuteError::NoParticipant));
    assert_eq!(world.room.mute(&who("bob"), &choice, true, now), Err(MuteError::NoTrack));
    for muted in [true, false] {
        world.request(ann, Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted }));
    }
    let Response::Update(update) = &world.take(bob)[0] else { panic!("told again") };
    assert!(!update.participants[0].tracks[0].muted);
    world.request(bob, Request::Mute(lk::MuteTrackRequest { sid, muted: true }));
    assert!(names(&world.take(ann)).iter().all(|name| *name != "mute"), "others' tracks are not theirs to mute");
}

/// Ann, who has so many bytes of metadata and a microphone, toggles it twenty times a second. What Bob is told meanwhile: how often
/// it is muted or not, and how many bytes that is.
fn toggled(world: &mut World, metadata: usize, times: usize) -> ([PeerKey; 2], String, Vec<bool>, usize) {
    let bob = world.join("bob");
    let request = lk::JoinRequest { metadata: "m".repeat(metadata), ..join_request() };
    let (ann, _) = world.connect("ann", all(), false, &request);
    world.offers.insert(ann, placeholders());
    world.offer(ann, 1);
    let now = world.now();
    world.room.connected(ann, now);
    world.settle();
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    // What joining and publishing cost is paid back.
    world.pass(seconds(60));
    world.take(ann);
    world.take(bob);
    for time in 0..times {
        world.request(ann, Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted: time % 2 == 0 }));
        world.pass(Duration::from_millis(50));
    }
    let updates = world.take(bob).into_iter().filter_map(|message| match message {
        Response::Update(update) => Some(update),
        _ => None,
    });
    let updates: Vec<_> = updates.collect();
    let length = updates.iter().map(Message::encoded_len).sum();
    ([ann, bob], sid, updates.iter().map(|update| update.participants[0].tracks[0].muted).collect(), length)
}

#[test]
fn everybody_is_told_of_every_mute_at_once_unless_that_is_long() {
    let mut world = World::new();
    let (_, _, told, _) = toggled(&mut world, 2000, 200);
    assert_eq!(told.len(), 200);
    assert!(told.iter().enumerate().all(|(time, muted)| *muted == (time % 2 == 0)));

    for times in [200, 201] {
        let mut world = World::new();
        let ([_, bob], _, told, length) = toggled(&mut world, 512 * 1024, times);
        assert!((1..=3).contains(&told.len()), "{}", told.len());
        assert!(length < 2 * 1024 * 1024, "{length} bytes in ten seconds");
        world.pass(seconds(20));
        let last = world.take(bob).into_iter().rev().find_map(|message| match message {
            Response::Update(update) => Some(update.participants[0].tracks[0].muted),
            _ => None,
        });
        assert_eq!(last.or(told.last().copied()), Some(times % 2 == 1), "as it was wished last");
    }
}

#[test]
fn whoever_is_muted_by_order_while_their_unmuting_waits_is_muted() {
    let mut world = World::new();
    // The last wish is to be unmuted, and it waits.
    let ([ann, bob], sid, told, _) = toggled(&mut world, 512 * 1024, 20);
    assert_eq!(told, [true]);
    world.take(ann);
    let now = world.now();

    assert_eq!(world.room.mute(&who("ann"), &TrackChoice::Sid(sid), true, now), Ok(()));
    world.settle();

    assert!(names(&world.take(ann)).contains(&"mute"), "the client has to know");
    world.pass(seconds(20));
    assert!(world.take(bob).iter().all(
        |message| !matches!(message, Response::Update(update) if update.participants.iter().any(|info| info.tracks.iter().any(|track| !track.muted)))
    ));
}

#[test]
fn whoever_stops_publishing_while_they_speak_is_silent_to_those_who_heard_them() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    world.room.speakers(&[(ann, 0.5)]);
    world.settle();
    world.take(bob);

    world.offers.get_mut(&ann).unwrap().last_mut().unwrap().sends = false;
    world.offer(ann, 3);

    let silent: Vec<bool> = world
        .take(bob)
        .into_iter()
        .filter_map(|message| match message {
            Response::SpeakersChanged(changed) => Some(changed.speakers[0].active),
            _ => None,
        })
        .collect();
    assert_eq!(silent, [false]);
}

#[test]
fn speakers_are_told_to_those_who_hear_them() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let deaf = world.join_as("deaf", MediaPermission { subscribe: false, ..all() });
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    for peer in [ann, bob, deaf] {
        world.take(peer);
    }
    world.room.speakers(&[(ann, 0.5)]);
    world.settle();
    assert!(names(&world.take(ann)).contains(&"speakers_changed"));
    assert!(names(&world.take(bob)).contains(&"speakers_changed"));
    assert!(!names(&world.take(deaf)).contains(&"speakers_changed"));
    let late = world.join("late");
    assert!(names(&world.take(late)).contains(&"speakers_changed"));
}
