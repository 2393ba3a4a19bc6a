//! What a participant inside the process lives through in a meeting that lasts.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

// Other tests use the rest of them.
#[allow(dead_code)]
mod guest;
#[allow(dead_code)]
mod simulation;

use guest::{Guest, ROOM, hidden, millis};
use model::media::MediaPermission;
use ports::media::ConnectError;
use ports::media::inside::{INSIDE_NOTICES, InsideEnd, InsideKind, InsideOrder};
use simulation::peer::Coding;
use simulation::world::{World, permission};
use std::time::Duration;
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
