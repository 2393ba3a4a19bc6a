//! What subscribers are told of hundreds of tracks: never more at once than a signalling socket holds, and the truth in the end.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use model::media::{CameraView, MediaPermission};
use signal::{Connected, PeerKey};
use std::collections::BTreeMap;
use std::time::Duration;
use support::{World, all, join_request, names, section, who};
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

/// A fraction of what waits for a signalling socket (`ports::media::SIGNAL_QUEUE`).
const BEARABLE: usize = 64;

fn attendee() -> MediaPermission {
    MediaPermission { cameras: CameraView::Moderators, ..all() }
}

/// Somebody with so many cameras.
fn a_publisher(world: &mut World, who: &str, cameras: usize) -> PeerKey {
    let peer = world.join(who);
    for first in (0..cameras).step_by(16) {
        for camera in first..cameras.min(first + 16) {
            let cid = format!("cam{camera}");
            world.request(
                peer,
                Request::AddTrack(lk::AddTrackRequest {
                    cid: cid.clone(),
                    r#type: lk::TrackType::Video.into(),
                    source: lk::TrackSource::Camera.into(),
                    ..Default::default()
                }),
            );
            world.offers.get_mut(&peer).unwrap().push(section(&cid, signal::Kind::Video, &cid));
        }
        world.offer(peer, 2);
    }
    peer
}

/// A room with three hundred cameras.
fn a_lecture() -> World {
    let mut world = World::new();
    for number in 0..10 {
        a_publisher(&mut world, &format!("p{number}"), 30);
    }
    assert_eq!(world.live.len(), 300);
    world
}

/// Of which tracks somebody believes that they are allowed, as far as it was told.
type Beliefs = BTreeMap<String, bool>;

/// Lets time pass while somebody reads what comes; never is there more of it at a time than is bearable.
fn read_for(world: &mut World, peer: PeerKey, time: Duration, beliefs: &mut Beliefs) {
    const STEP: Duration = Duration::from_millis(100);
    let mut left = time;
    loop {
        let messages = world.take(peer);
        assert!(messages.len() <= BEARABLE, "{:?}", names(&messages));
        for message in messages {
            if let Response::SubscriptionPermissionUpdate(update) = message {
                beliefs.insert(update.track_sid, update.allowed);
            }
        }
        if left.is_zero() {
            return;
        }
        world.pass(STEP);
        left = left.saturating_sub(STEP);
    }
}

#[test]
fn whoever_joins_and_may_not_see_hundreds_of_cameras_has_an_answer_at_once_and_is_told_afterwards() {
    let mut world = a_lecture();

    let (ann, connected) = world.connect("ann", attendee(), false, &join_request());
    assert_eq!(connected, Connected::New);
    world.offers.insert(ann, support::placeholders());
    world.offer(ann, 1);
    // The client has not read anything yet.
    let before_media = world.take(ann);
    let kinds = names(&before_media);
    assert!(kinds.len() <= BEARABLE && kinds.contains(&"answer"), "{kinds:?}");
    assert!(!kinds.contains(&"subscription_permission_update"), "clients would lose it");
    let now = world.now();
    world.room.connected(ann, now);
    world.settle();
    let mut beliefs = Beliefs::new();
    read_for(&mut world, ann, Duration::from_secs(5), &mut beliefs);

    assert_eq!((beliefs.len(), beliefs.values().any(|allowed| *allowed)), (300, false));
}

#[test]
fn a_rule_about_cameras_that_comes_and_goes_in_a_running_meeting_floods_nobody() {
    let mut world = a_lecture();
    let ann = world.join("ann");
    let mut beliefs = Beliefs::new();
    read_for(&mut world, ann, Duration::from_secs(2), &mut beliefs);

    for (permission, seen) in [(attendee(), false), (all(), true)] {
        let now = world.now();
        world.room.set_permission(&who("ann"), permission, now);
        world.settle();
        read_for(&mut world, ann, Duration::from_secs(5), &mut beliefs);

        assert_eq!(beliefs.len(), 300);
        assert!(beliefs.values().all(|allowed| *allowed == seen), "{seen}");
    }
}

#[test]
fn an_audience_of_many_tracks_that_flickers_floods_nobody_and_ends_as_it_was_chosen_last() {
    for last in [true, false] {
        let mut world = World::new();
        let ann = world.join("ann");
        let eve = a_publisher(&mut world, "eve", 32);
        let mut beliefs = Beliefs::new();
        read_for(&mut world, ann, Duration::from_secs(2), &mut beliefs);

        for toggle in 0..30 {
            let all_participants = (toggle % 2 == 1) == last;
            let choice = lk::SubscriptionPermission { all_participants, ..Default::default() };
            world.request(eve, Request::SubscriptionPermission(choice));
            world.pass(Duration::from_millis(1));
        }
        read_for(&mut world, ann, Duration::from_secs(10), &mut beliefs);

        let refused = beliefs.values().filter(|allowed| !**allowed).count();
        assert_eq!(refused, if last { 0 } else { 32 });
        assert!(world.closed.is_empty() && world.gone.is_empty());
    }
}

#[test]
fn what_pauses_together_is_told_in_one_message() {
    let mut world = World::new();
    let ann = world.join("ann");
    a_publisher(&mut world, "eve", 32);
    world.pass(Duration::from_secs(1));
    world.take(ann);

    let live = world.live.clone();
    for track in &live {
        world.room.stream_state(ann, *track, true);
        world.room.stream_state(ann, *track, true);
    }
    assert!(world.room.has_output());
    world.settle();

    let messages = world.take(ann);
    let [Response::StreamStateUpdate(update)] = messages.as_slice() else { panic!("{:?}", names(&messages)) };
    assert_eq!(update.stream_states.len(), 32);
    assert!(update.stream_states.iter().all(|info| info.state() == lk::StreamState::Paused));
}
