//! What a participant inside the process lives through in a meeting that lasts.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

// Other tests use the rest of them.
#[allow(dead_code)]
mod guest;
#[allow(dead_code)]
mod simulation;

use guest::{Guest, ROOM, hidden, millis, numbers};
use model::media::MediaPermission;
use ports::media::ConnectError;
use ports::media::inside::{INSIDE_NOTICES, InsideEnd, InsideKind, InsideOrder};
use simulation::film::Sound;
use simulation::net::Weather;
use simulation::peer::Coding;
use simulation::world::{World, permission};
use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::lk;
use wire::lk::signal_request::Message as Request;

fn leave(world: &mut World, index: usize) {
    let now = world.now;
    let World { engine, peers, .. } = world;
    peers[index].request(engine, Request::Leave(lk::LeaveRequest::default()), now);
    peers[index].over = true;
    world.run(millis(100));
}

/// What comes begins after a gap, and goes on without one.
fn goes_on(insider: &mut Guest) {
    assert_eq!(insider.receiving().values().filter(|yes| **yes).count(), 2);
    for audio in [true, false] {
        let gaps: Vec<bool> = insider.frames(audio).iter().map(|frame| frame.after_loss).collect();
        assert!(gaps.len() > 10, "{}", gaps.len());
        assert!(gaps[0] && !gaps[1..].contains(&true), "{gaps:?}");
    }
}

/// An insider that gets somebody's sound and pictures.
fn tapped(world: &mut World, kind: InsideKind, permission: MediaPermission) -> (usize, Guest) {
    let ann = world.join("ann", ROOM, 2);
    world.run(Duration::from_secs(2));
    world.peers[ann].publish(Coding::VP8);
    world.run(Duration::from_secs(1));
    let mut recorder = Guest::enter(world, "rec", kind, permission, 4096);
    recorder.subscribe(world);
    world.run(Duration::from_secs(1));
    assert!(!recorder.frames(true).is_empty() && !recorder.frames(false).is_empty());
    (ann, recorder)
}

#[test]
fn the_end_of_a_track_ends_no_recording_and_the_next_one_is_heard_at_once() {
    let mut world = World::new(1);
    let (ann, mut recorder) = tapped(&mut world, InsideKind::Egress, hidden());
    let bob = world.join("bob", ROOM, 2);
    world.run(Duration::from_secs(1));

    leave(&mut world, ann);
    world.run(Duration::from_secs(3));
    recorder.read();
    recorder.told.clear();
    world.peers[bob].publish(Coding::VP8);
    world.run(Duration::from_secs(1));
    recorder.subscribe(&mut world);
    world.run(millis(500));

    assert!(!recorder.frames(true).is_empty() && !recorder.frames(false).is_empty());
    world.run(Duration::from_secs(20));
    assert_eq!(recorder.end(), None);
}

#[test]
fn who_does_without_a_track_for_a_while_gets_it_again() {
    let mut world = World::new(2);
    let (_, mut recorder) = tapped(&mut world, InsideKind::Egress, hidden());
    let tracks = recorder.tracks();

    for (sid, _) in &tracks {
        recorder.order(&mut world, InsideOrder::Subscribe { sid: sid.clone(), wanted: false });
    }
    world.run(Duration::from_secs(3));
    assert!(recorder.receiving().values().all(|yes| !yes));
    recorder.told.clear();
    for (sid, _) in tracks {
        recorder.order(&mut world, InsideOrder::Subscribe { sid, wanted: true });
    }
    world.run(Duration::from_secs(1));

    goes_on(&mut recorder);
    world.run(Duration::from_secs(20));
    assert_eq!(recorder.end(), None);
}

#[test]
fn an_insider_of_a_meeting_that_is_over_ends_nothing_of_the_next_one() {
    let mut world = World::new(4);
    let ann = world.join("ann", ROOM, 2);
    world.run(Duration::from_secs(1));

    let late = Guest::try_enter(&mut world, "before", "rec", InsideKind::Egress, hidden(), 64);

    assert_eq!(late.err(), Some(ConnectError::Taken));
    world.run(Duration::from_secs(2));
    assert!(!world.peers[ann].over);
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 64);
    assert_eq!(recorder.end(), None);
}

#[test]
fn whoever_is_kept_from_a_track_for_a_while_is_told_and_told_again_when_it_is_back() {
    let mut world = World::new(5);
    let (ann, mut agent) = tapped(&mut world, InsideKind::Agent, permission());
    assert_eq!(agent.receiving().values().collect::<Vec<_>>(), [&true, &true]);
    let choose = |world: &mut World, all_participants| {
        let now = world.now;
        let World { engine, peers, .. } = world;
        let choice = lk::SubscriptionPermission { all_participants, ..Default::default() };
        peers[ann].request(engine, Request::SubscriptionPermission(choice), now);
        world.run(Duration::from_secs(2));
    };

    choose(&mut world, false);
    assert_eq!(agent.receiving().values().collect::<Vec<_>>(), [&false, &false]);
    agent.told.clear();
    choose(&mut world, true);

    goes_on(&mut agent);
}

#[test]
fn who_reads_nothing_of_thousands_of_notices_is_put_out() {
    let mut world = World::new(6);
    world.join("ann", ROOM, 2);
    let mut deaf = Guest::enter(&mut world, "deaf", InsideKind::Agent, hidden(), 64);
    world.run(Duration::from_secs(1));
    assert_eq!(world.engine.holdings().sessions, 2);

    for _ in 0..=INSIDE_NOTICES {
        let nothing = InsideOrder::Subscribe { sid: "none".into(), wanted: true };
        world.engine.inside_order(deaf.link, nothing, world.now);
    }
    world.run(Duration::from_secs(2));

    assert_eq!(world.engine.holdings().sessions, 1);
    assert_eq!(deaf.end(), Some(InsideEnd::StartOver));
    assert_eq!(deaf.told.len(), 1);
}

/// Subscribes to what it was told of since and gets both kinds within a second.
fn hears_and_sees(world: &mut World, insider: &mut Guest) {
    world.run(Duration::from_secs(1));
    insider.subscribe(world);
    insider.read();
    insider.told.clear();
    world.run(Duration::from_secs(1));
    let (sounds, pictures) = (insider.frames(true).len(), insider.frames(false).len());
    assert!(sounds > 20 && pictures > 10, "{sounds}, {pictures}");
    insider.told.clear();
}

#[test]
fn who_publishes_again_or_comes_back_is_recorded_again() {
    let mut world = World::new(7);
    let (ann, mut recorder) = tapped(&mut world, InsideKind::Egress, hidden());
    recorder.told.clear();

    for _ in 0..3 {
        world.peers[ann].unpublish();
        world.run(Duration::from_secs(4));
        world.peers[ann].publish(Coding::VP8);
        hears_and_sees(&mut world, &mut recorder);
    }
    leave(&mut world, ann);
    let again = world.join("ann", ROOM, 2);
    world.run(Duration::from_secs(2));
    world.peers[again].publish(Coding::VP8);
    hears_and_sees(&mut world, &mut recorder);
    world.run(Duration::from_secs(20));
    assert_eq!(recorder.end(), None);
}

#[test]
fn a_publisher_that_resumes_leaves_no_gap_in_a_recording() {
    let mut world = World::new(8);
    let (ann, mut recorder) = tapped(&mut world, InsideKind::Egress, hidden());
    recorder.told.clear();

    world.resume(ann, ROOM);
    world.run(Duration::from_secs(5));

    assert!(recorder.receiving().is_empty());
    let sounds = recorder.frames(true);
    assert!(sounds.len() > 120 && sounds.iter().all(|sound| !sound.after_loss), "{}", sounds.len());
}

#[test]
fn sound_and_pictures_of_one_moment_are_told_as_such_over_a_line_that_jitters() {
    let mut world = World::new(9);
    let (ann, mut recorder) = tapped(&mut world, InsideKind::Egress, hidden());
    world.lines(ann)[0].set(Weather { jitter: millis(60), ..Weather::FINE });
    world.run(Duration::from_secs(10));
    recorder.read();
    recorder.told.clear();

    world.run(Duration::from_secs(20));

    let sounds = recorder.frames(true);
    let spoken: BTreeMap<u32, Instant> =
        sounds.iter().map(|sound| (Sound::read(&sound.data).unwrap().number, sound.captured)).collect();
    let mut pairs = 0;
    for picture in recorder.frames(false) {
        // Two sounds leave with each picture, and the reports are made when the second does.
        let Some(sound) = spoken.get(&(2 * numbers(slice::from_ref(&picture))[0])) else { continue };
        let apart = picture.captured.max(*sound) - picture.captured.min(*sound);
        assert!(apart <= millis(10), "{apart:?}");
        pairs += 1;
    }
    assert!(pairs > 200, "{pairs}");
}

#[test]
fn time_that_wraps_around_and_silence_that_is_not_sent_are_no_loss() {
    let mut world = World::new(10);
    let mut sender = Guest::enter(&mut world, "sender", InsideKind::Sip, permission(), 512);
    sender.publish(&mut world);
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 512);
    recorder.subscribe(&mut world);

    let first = u32::MAX - 10 * 960;
    for number in 0..40u8 {
        // Of every ten two are sent.
        if number % 10 < 2 {
            let timestamp = first.wrapping_add(u32::from(number) * 960);
            sender.send_frame(&mut world, "mic", timestamp, Some(30), vec![0xfc, number]);
        }
        world.run(millis(20));
    }

    let sounds = recorder.frames(true);
    let start = sounds[0].timestamp;
    let heard: Vec<(u8, u32)> =
        sounds.iter().map(|sound| (sound.data[1], sound.timestamp.wrapping_sub(start) / 960)).collect();
    assert_eq!(heard, [0, 1, 10, 11, 20, 21, 30, 31].map(|number| (number, number.into())));
    assert!(sounds.iter().all(|sound| !sound.after_loss));
}

#[test]
fn who_is_on_another_shard_than_the_recorder_is_recorded_too() {
    let mut world = World::spread(11, Some(1));
    let people: Vec<usize> = (0..4).map(|number| world.join(&format!("p{number}"), ROOM, 4)).collect();
    world.run(Duration::from_secs(2));
    for person in people {
        world.peers[person].publish(Coding::VP8);
    }
    world.run(Duration::from_secs(1));
    assert!(world.engine.holdings().guests > 0, "some of them are on the other shard");
    let mut recorder = Guest::enter(&mut world, "rec", InsideKind::Egress, hidden(), 4096);
    recorder.subscribe(&mut world);
    recorder.read();
    recorder.told.clear();
    world.run(Duration::from_secs(5));

    let mut counts: BTreeMap<Arc<str>, u32> = BTreeMap::new();
    for frame in recorder.frames(true).into_iter().chain(recorder.frames(false)) {
        assert!(!frame.after_loss);
        *counts.entry(frame.sid).or_default() += 1;
    }
    assert_eq!(counts.len(), 8);
    assert!(counts.values().all(|count| *count > 50), "{counts:?}");
}
