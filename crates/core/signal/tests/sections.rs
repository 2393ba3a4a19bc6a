//! Sections and the tracks on them: asked for, matched, given up and used again.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use model::Identity;
use model::media::Source;
use signal::Kind;
use std::time::Duration;
use support::{World, all, join_request, names, section};
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

fn who(name: &str) -> Identity {
    Identity::try_from(name).unwrap()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn a_new_track_is_announced_then_sections_are_required_once() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.take(bob);
    let camera = world.publish(ann, "cam", lk::TrackSource::Camera);
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.pass(seconds(1));
    let messages = world.take(bob);
    let names = names(&messages);
    assert_eq!(names.iter().filter(|name| **name == "media_sections_requirement").count(), 1);
    assert!(
        names.iter().position(|name| *name == "update")
            < names.iter().position(|name| *name == "media_sections_requirement")
    );
    let Some(Response::MediaSectionsRequirement(required)) = messages.last() else { panic!("the requirement is last") };
    assert_eq!((required.num_audios, required.num_videos), (0, 0), "three of each are free");
    world.offer(bob, 5);
    assert_eq!(world.tracks_of(bob).len(), 2);
    assert!(world.tracks_of(bob).contains(&camera));
}

#[test]
fn more_tracks_than_sections_ask_for_the_missing_ones_only() {
    let mut world = World::new();
    let bob = world.join("bob");
    for index in 0..5 {
        let peer = world.join(&format!("p{index}"));
        world.publish(peer, "cam", lk::TrackSource::Camera);
    }
    world.take(bob);
    world.offer(bob, 2);
    let messages = world.take(bob);
    let Some(Response::MediaSectionsRequirement(required)) = messages.last() else { panic!("a requirement follows") };
    assert_eq!((required.num_audios, required.num_videos), (0, 2));
    world.add_sections(bob, 0, 2);
    assert_eq!(world.bound_to(bob), 5);
    world.pass(seconds(3));
    assert!(!names(&world.take(bob)).contains(&"media_sections_requirement"));
}

#[test]
fn a_section_says_inactive_once_before_it_carries_another_track() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "cam", lk::TrackSource::Camera);
    world.offer(bob, 2);
    let first = world.bound.keys().find(|(peer, _)| *peer == bob).unwrap().1.clone();
    // Unpublish: the section of the camera goes quiet; then publish another.
    for own in world.offers.get_mut(&ann).unwrap().iter_mut().filter(|own| own.sends) {
        own.sends = false;
    }
    world.offer(ann, 3);
    assert_eq!(world.bound_to(bob), 0);
    let second = world.publish(ann, "cam2", lk::TrackSource::Camera);
    world.offer(bob, 3);
    let plan = world.plans[&bob].clone();
    assert!(plan.iter().find(|plan| plan.mid == first).unwrap().down.is_none(), "it drains");
    assert_eq!(world.tracks_of(bob), [second], "another section takes the new track meanwhile");
    world.offer(bob, 4);
    let third = world.publish(ann, "cam3", lk::TrackSource::ScreenShare);
    world.offer(bob, 5);
    let plan = world.plans[&bob].clone();
    assert_eq!(plan.iter().find(|plan| plan.mid == first).unwrap().down.as_ref().unwrap().track, third);
}

#[test]
fn a_join_request_adds_no_more_tracks_than_may_wait() {
    let mut world = World::new();
    let add = |index: usize| lk::AddTrackRequest { cid: index.to_string(), ..Default::default() };
    let request = lk::JoinRequest { add_track_requests: (0..1000).map(add).collect(), ..join_request() };
    let (ann, _) = world.connect("ann", all(), false, &request);
    let messages = world.take(ann);
    assert_eq!(names(&messages).iter().filter(|name| **name == "track_published").count(), 20);
    assert_eq!(messages.len(), 21, "the rest is not even refused");
}

#[test]
fn sections_match_tracks_by_id_before_age() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.take(ann);
    for cid in ["one", "two"] {
        let add = lk::AddTrackRequest { cid: cid.into(), r#type: lk::TrackType::Audio.into(), ..Default::default() };
        world.request(ann, Request::AddTrack(add));
    }
    let offers = world.offers.get_mut(&ann).unwrap();
    offers.push(section("20", Kind::Audio, "two"));
    offers.push(section("21", Kind::Audio, "renamed by the platform"));
    world.offer(ann, 2);
    let bob = world.join("bob");
    let Response::Join(join) = &world.take(bob)[0] else { panic!("join") };
    let tracks = &join.other_participants[0].tracks;
    let cid_of = |mid: &str| tracks.iter().find(|track| track.mid == mid).unwrap().codecs[0].cid.clone();
    assert_eq!((cid_of("20").as_str(), cid_of("21").as_str()), ("two", "one"));
}

proptest::proptest! {
    #[test]
    fn garbage_never_panics(bytes: Vec<u8>, join: Vec<u8>) {
        let mut world = World::new();
        let ann = world.join("ann");
        let now = world.now();
        world.room.request(ann, &bytes, now);
        world.room.message(ann, true, &bytes, now);
        world.settle();
        if let Ok(request) = signal::JoinRequest::read(&join) {
            let connect = signal::Connect {
                key: signal::PeerKey(99), identity: who("x"), name: String::new(), metadata: String::new(),
                attributes: std::collections::BTreeMap::new(), permission: all(), dual: true, relays: Vec::new(), relay_only: false,
                kind: Default::default(), kind_details: Vec::new(), request,
            };
            let _ = world.room.connect(connect, now);
            world.settle();
        }
        world.pass(seconds(100));
    }
}

#[test]
fn a_section_whose_track_was_taken_away_does_not_get_the_next_one() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "cam", lk::TrackSource::Camera);
    let now = world.now();
    let screen_only = model::media::MediaPermission { publish: [Source::ScreenShare].into_iter().collect(), ..all() };
    world.room.set_permission(&who("ann"), screen_only, now);
    world.settle();
    assert!(world.live.is_empty());
    // The camera goes on sending on its section while the screen asks for one.
    let screen = world.publish(ann, "screen", lk::TrackSource::ScreenShare);
    world.take(bob);
    let cid = world.join("cid");
    let Response::Join(join) = &world.take(cid)[0] else { panic!("join") };
    let info = join.other_participants.iter().find(|info| info.identity == "ann").unwrap();
    assert_eq!(info.tracks.len(), 1);
    let own = world.offers[&ann].iter().find(|section| section.track == "screen").unwrap();
    assert_eq!((&info.tracks[0].sid, &info.tracks[0].mid), (&screen, &own.mid));
}

#[test]
fn sections_that_never_come_are_asked_for_again_and_then_the_client_starts_over() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    let asked = |world: &mut World| {
        names(&world.take(bob)).iter().filter(|name| **name == "media_sections_requirement").count()
    };
    world.pass(seconds(1));
    assert_eq!(asked(&mut world), 1);
    world.pass(seconds(5));
    assert_eq!(asked(&mut world), 1);
    world.pass(seconds(5));
    assert_eq!(asked(&mut world), 1);
    assert!(world.gone.is_empty());
    world.pass(seconds(5));
    assert_eq!(world.gone, [bob]);
    let Some(Response::Leave(leave)) = world.take(bob).pop() else { panic!("leave") };
    assert_eq!(leave.action(), lk::leave_request::Action::Reconnect);
}

#[test]
fn sections_that_are_not_needed_any_more_are_not_waited_for() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.pass(seconds(1));
    world.request(ann, Request::Leave(lk::LeaveRequest::default()));
    world.pass(seconds(60));
    assert!(!world.gone.contains(&bob));
}
