//! Sections and the tracks on them: asked for, matched, given up and used again.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use model::media::{ParticipantKind, Source};
use signal::{Kind, OfferedSection, PeerKey, RoomChange};
use std::collections::BTreeMap;
use std::time::Duration;
use support::{World, all, join_request, names, placeholders, seconds, section, who};
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

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

/// The streams somebody is told of, each with how many tracks it has.
fn streams(world: &World, peer: PeerKey) -> Vec<(String, usize)> {
    let mut streams: BTreeMap<String, usize> = BTreeMap::new();
    for plan in world.plans.get(&peer).into_iter().flatten() {
        if let Some(down) = &plan.down {
            *streams.entry(down.stream.clone()).or_default() += 1;
        }
    }
    streams.into_iter().collect()
}

#[test]
fn tracks_that_are_to_be_in_step_come_in_one_stream_and_its_sections_are_used_for_no_other_without_need() {
    let mut world = World::new();
    let now = world.now();
    let change = RoomChange { sync_streams: Some(true), ..RoomChange::default() };
    world.room.change_room(change, now).unwrap();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let firefox = lk::ClientInfo { browser: "firefox".into(), ..join_request().client_info.unwrap_or_default() };
    let request = lk::JoinRequest { client_info: Some(firefox), ..join_request() };
    let (fox, _) = world.connect("fox", all(), false, &request);
    world.offers.insert(fox, placeholders());
    for (cid, source) in [
        ("cam", lk::TrackSource::Camera),
        ("mic", lk::TrackSource::Microphone),
        ("screen", lk::TrackSource::ScreenShare),
    ] {
        world.publish(ann, cid, source);
    }
    [bob, fox].into_iter().for_each(|viewer| world.offer(viewer, 2));

    let told = streams(&world, bob);
    let sid = told[0].0.split('|').next().unwrap().to_owned();
    assert!(sid.starts_with("PA_"));
    assert_eq!(told, [(format!("{sid}|camera"), 2), (format!("{sid}|screen"), 1)]);
    let to_firefox = streams(&world, fox);
    assert!(to_firefox.len() == 3 && to_firefox.iter().all(|(name, _)| name.contains("|TR_")), "{to_firefox:?}");

    // Another's camera takes the section that was never used, not the one of ann's screen.
    for own in world.offers.get_mut(&ann).unwrap().iter_mut().filter(|own| own.track == "screen") {
        own.sends = false;
    }
    world.offer(ann, 9);
    world.offer(bob, 3);
    world.offer(bob, 4);
    let before: Vec<String> = world.bound.keys().filter(|(peer, _)| *peer == bob).map(|(_, mid)| mid.clone()).collect();
    let cid = world.join("cid");
    world.publish(cid, "cam", lk::TrackSource::Camera);
    world.offer(bob, 5);
    let after = world.bound.keys().filter(|(peer, mid)| *peer == bob && !before.contains(mid));
    let section = after.map(|(_, mid)| mid.clone()).next().unwrap();
    let mut free = placeholders().into_iter().filter(|section| section.kind == Kind::Video).map(|section| section.mid);
    assert_eq!(free.next_back(), Some(section), "the third");
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
                key: PeerKey(99), identity: who("x"), name: String::new(), metadata: String::new(),
                attributes: BTreeMap::new(), permission: all(), dual: true, relays: Vec::new(), relay_only: false,
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

/// What a client of one connection offers, as long as Chromium's.
fn long_offer(world: &World, peer: PeerKey) -> String {
    let mut text = "v=0\r\n".to_owned();
    for section in &world.offers[&peer] {
        let (kind, bytes, lines) = if section.kind == Kind::Audio { ("audio", 937, 28) } else { ("video", 5075, 167) };
        let head = format!("m={kind} 9 UDP/TLS/RTP/SAVPF 111\r\na=recvonly\r\n");
        let padding = bytes - head.len() - 2 * (lines - 3);
        text.extend([head.as_str(), &"x".repeat(padding - 2), "\r\n", &"\r\n".repeat(lines - 3)]);
    }
    text
}

/// A client whose offers are as long as Chromium's does what it was asked for, if it was.
fn obey(world: &mut World, peer: PeerKey) -> bool {
    let asked = world.take(peer).into_iter().find_map(|message| match message {
        Response::MediaSectionsRequirement(required) => Some(required),
        _ => None,
    });
    let Some(asked) = asked else { return false };
    let sections = world.offers.get_mut(&peer).unwrap();
    for (count, kind) in [(asked.num_audios, Kind::Audio), (asked.num_videos, Kind::Video)] {
        for _ in 0..count {
            sections.push(section(&sections.len().to_string(), kind, ""));
        }
    }
    let sdp = long_offer(world, peer);
    assert!(sdp.len() <= 512 * 1024 && sdp.lines().count() <= 20_000, "{} bytes", sdp.len());
    world.request(peer, Request::Offer(lk::SessionDescription { sdp, id: 7, ..Default::default() }));
    true
}

/// It does so until it is asked for nothing any more.
fn obey_to_the_end(world: &mut World, peer: PeerKey) {
    while obey(world, peer) {
        world.pass(seconds(3));
    }
}

/// Somebody who receives nothing, with so many cameras and as many microphones.
fn a_publisher(world: &mut World, who: &str, pairs: usize) -> PeerKey {
    let add = |cid: String, kind: lk::TrackType| lk::AddTrackRequest { cid, r#type: kind.into(), ..Default::default() };
    let pair =
        |index| [add(format!("cam{index}"), lk::TrackType::Video), add(format!("mic{index}"), lk::TrackType::Audio)];
    let request = lk::JoinRequest {
        connection_settings: Some(lk::ConnectionSettings::default()),
        add_track_requests: (0..pairs).flat_map(pair).collect(),
        ..Default::default()
    };
    let (peer, _) = world.connect(who, all(), false, &request);
    let sections = |index| {
        [
            section(&format!("v{index}"), Kind::Video, &format!("cam{index}")),
            section(&format!("a{index}"), Kind::Audio, &format!("mic{index}")),
        ]
    };
    world.offers.insert(peer, (0..pairs).flat_map(sections).collect());
    world.offer(peer, 1);
    let now = world.now();
    world.room.connected(peer, now);
    world.settle();
    peer
}

/// As many tracks as two hundred people have.
fn two_hundred(world: &mut World) -> Vec<PeerKey> {
    (0..20).map(|index| a_publisher(world, &format!("p{index}"), 10)).collect()
}

/// How many sounds and how many pictures somebody gets.
fn received(world: &World, peer: PeerKey) -> (usize, usize) {
    let carries = |section: &&OfferedSection| world.bound.contains_key(&(peer, section.mid.clone()));
    let of = |kind| world.offers[&peer].iter().filter(|section| section.kind == kind).filter(carries).count();
    (of(Kind::Audio), of(Kind::Video))
}

#[test]
fn a_client_in_a_room_of_two_hundred_is_asked_for_what_fits_and_the_rest_waits() {
    let mut world = World::new();
    let people = two_hundred(&mut world);
    let bob = world.join("bob");
    world.pass(seconds(1));
    obey_to_the_end(&mut world, bob);
    let (sounds, pictures) = received(&world, bob);
    assert_eq!(sounds, 200, "everybody is heard");
    assert!((50..100).contains(&pictures), "{pictures}");
    // Nothing more is asked for, however long it lasts.
    world.pass(seconds(60));
    assert!(!names(&world.take(bob)).contains(&"media_sections_requirement"));
    // Whoever is seen leaves: waiting pictures take the places, and no section is added.
    let sections = world.offers[&bob].len();
    world.request(people[0], Request::Leave(lk::LeaveRequest::default()));
    assert_eq!(received(&world, bob), (190, pictures - 10));
    world.pass(seconds(2));
    obey_to_the_end(&mut world, bob);
    assert_eq!(received(&world, bob), (190, pictures));
    assert_eq!(world.offers[&bob].len(), sections);
    assert_eq!(world.gone, [people[0]]);
}

#[test]
fn those_who_come_last_are_heard_too() {
    let mut world = World::new();
    let bob = world.join("bob");
    for index in 0..20 {
        a_publisher(&mut world, &format!("p{index}"), 10);
        world.pass(seconds(1));
        obey_to_the_end(&mut world, bob);
    }
    let (sounds, pictures) = received(&world, bob);
    assert!(sounds >= 128, "{sounds}");
    assert!((50..100).contains(&pictures), "{pictures}");
    assert!(world.gone.is_empty());
}

#[test]
fn long_offers_are_no_flood_while_people_come_and_go() {
    let mut world = World::new();
    let people = two_hundred(&mut world);
    let bob = world.join("bob");
    world.pass(seconds(1));
    obey_to_the_end(&mut world, bob);
    // Sections are free: whoever comes can be heard after one more offer.
    world.request(people[0], Request::Leave(lk::LeaveRequest::default()));
    world.pass(seconds(2));
    obey_to_the_end(&mut world, bob);
    for index in 0..40 {
        let peer = a_publisher(&mut world, &format!("new{index}"), 1);
        for _ in 0..2 {
            world.pass(Duration::from_millis(150));
            obey(&mut world, bob);
        }
        world.request(peer, Request::Leave(lk::LeaveRequest::default()));
    }
    assert!(!world.gone.contains(&bob));
    a_publisher(&mut world, "last", 1);
    world.pass(seconds(3));
    obey_to_the_end(&mut world, bob);
    assert_eq!(received(&world, bob).0, 191);
}

#[test]
fn a_client_of_two_connections_is_offered_what_its_answers_have_room_for() {
    let mut world = World::new();
    two_hundred(&mut world);
    let (bob, _) = world.connect("bob", all(), true, &join_request());
    let mut sections = 0;
    for _ in 0..20 {
        let mut offers = world.take(bob).into_iter().filter_map(|message| match message {
            Response::Offer(offer) => Some(offer),
            _ => None,
        });
        let Some(offer) = offers.next_back() else { continue };
        let audios = offer.mid_to_track_id.values().filter(|sid| sid.starts_with("TR_A")).count();
        sections = offer.mid_to_track_id.len();
        world.offers.insert(
            bob,
            (0..sections)
                .map(|index| section("", if index < audios { Kind::Audio } else { Kind::Video }, ""))
                .collect(),
        );
        let sdp = long_offer(&world, bob);
        assert!(sdp.len() <= 512 * 1024 && sdp.lines().count() <= 20_000, "{} bytes", sdp.len());
        world.request(bob, Request::Answer(lk::SessionDescription { sdp, id: offer.id, ..Default::default() }));
        world.pass(seconds(3));
    }
    assert!(sections >= 250, "{sections}");
    assert_eq!(world.bound_to(bob), sections);
    assert!(world.gone.is_empty());
}

#[test]
fn a_section_that_comes_back_under_another_name_is_another_one() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    let sid = world.publish(ann, "mic", lk::TrackSource::Microphone);
    world.offer(bob, 2);
    assert_eq!(world.bound_to(bob), 1);
    for round in 0..5 {
        let sections = (0..6).map(|index| section(&format!("r{round}s{index}"), Kind::Audio, "")).collect();
        world.offers.insert(bob, sections);
        world.offer(bob, 3);
        // The track goes over to one of the new sections, and nothing is sent on those that are no more.
        assert_eq!(world.tracks_of(bob), std::slice::from_ref(&sid));
        let bound: Vec<_> = world.bound.keys().filter(|(peer, _)| *peer == bob).collect();
        assert!(matches!(bound[..], [(_, mid)] if mid.starts_with(&format!("r{round}"))), "{bound:?}");
    }
    // Nor is anything published on them.
    world.offers.insert(ann, vec![section("fresh", Kind::Audio, "")]);
    world.offer(ann, 3);
    assert!(world.live.is_empty());
}

#[test]
fn more_tracks_than_anybody_receives_are_heard_first_and_take_the_place_of_those_who_leave() {
    let mut world = World::new();
    two_hundred(&mut world);
    let first = world.join("first");
    a_publisher(&mut world, "more", 10);
    // Insiders describe nothing, so nothing but the number of subscriptions limits them.
    let bob = world.join("bob");
    let recorder = world.join_kind("recorder", ParticipantKind::Egress, all());
    let add = |world: &mut World, peer| {
        let kind = |index| if index < 400 { Kind::Audio } else { Kind::Video };
        let sections = (0..800).map(|index| section(&format!("s{index}"), kind(index), "")).collect();
        world.offers.insert(peer, sections);
        world.request(peer, Request::Offer(lk::SessionDescription::default()));
    };
    add(&mut world, first);
    add(&mut world, bob);
    assert_eq!(received(&world, bob), (210, 190));
    add(&mut world, recorder);
    assert_eq!(received(&world, recorder), (210, 210), "who records gets everything");
    assert_eq!(received(&world, first), (210, 190), "the youngest pictures wait for that");
    let now = world.now();
    world.room.remove(&who("p0"), signal::RemoveReason::Left, now);
    world.settle();
    world.offer(first, 3);
    world.offer(first, 4);
    assert_eq!(received(&world, first), (200, 200));
    assert!(
        world
            .bound
            .iter()
            .any(|((peer, _), track)| *peer == first && world.live.iter().rev().take(20).any(|live| live == track))
    );
}
