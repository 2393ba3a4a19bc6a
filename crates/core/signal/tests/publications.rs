//! Which section carries which publication: names that come again, and what is sent of tracks that were refused or taken away.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod support;

use model::media::{MediaPermission, Source, Sources};
use signal::{Kind, PeerKey};
use support::{World, all, names, seconds, section, who};
use wire::lk;
use wire::lk::request_response::Reason;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

/// Asks to publish; the sid, or why not.
fn add(world: &mut World, from: PeerKey, cid: &str, source: lk::TrackSource) -> Result<String, Reason> {
    world.take(from);
    let video = matches!(source, lk::TrackSource::Camera | lk::TrackSource::ScreenShare);
    let kind = if video { lk::TrackType::Video } else { lk::TrackType::Audio };
    let add = lk::AddTrackRequest { cid: cid.into(), r#type: kind.into(), source: source.into(), ..Default::default() };
    world.request(from, Request::AddTrack(add));
    let answer = world.inbox[&from].iter().find_map(|message| match message {
        Response::TrackPublished(published) => Some(Ok(published.track.as_ref().unwrap().sid.clone())),
        Response::RequestResponse(refusal) => Some(Err(refusal.reason())),
        _ => None,
    });
    answer.expect("an answer")
}

/// Offers one section more, in which a track of that name is sent.
fn send(world: &mut World, from: PeerKey, mid: &str, kind: Kind, cid: &str) {
    world.offers.get_mut(&from).unwrap().push(section(mid, kind, cid));
    world.offer(from, 2);
}

fn stop(world: &mut World, from: PeerKey, mid: &str) {
    world.offers.get_mut(&from).unwrap().iter_mut().filter(|one| one.mid == mid).for_each(|one| one.sends = false);
}

/// The published tracks of somebody: sid and section.
fn published(world: &World) -> Vec<(String, String)> {
    use prost::Message;
    let infos = world.room.everybody().into_iter().map(|info| lk::ParticipantInfo::decode(info).unwrap());
    infos.flat_map(|info| info.tracks).map(|track| (track.sid, track.mid)).collect()
}

fn may_publish(world: &mut World, sources: Sources) {
    let now = world.now();
    world.room.set_permission(&who("ann"), MediaPermission { publish: sources, ..all() }, now);
    world.settle();
}

fn unpublished(world: &mut World, of: PeerKey) -> Vec<String> {
    let gone = world.take(of).into_iter().filter_map(|message| match message {
        Response::TrackUnpublished(gone) => Some(gone.track_sid),
        _ => None,
    });
    gone.collect()
}

#[test]
fn a_track_is_published_again_under_its_name_as_soon_as_the_former_ends() {
    let mut world = World::new();
    let ann = world.join("ann");
    let first = add(&mut world, ann, "mic", lk::TrackSource::Microphone).unwrap();
    send(&mut world, ann, "7", Kind::Audio, "mic");
    let second = add(&mut world, ann, "mic", lk::TrackSource::Microphone).unwrap();
    assert_ne!(first, second);
    assert_eq!(add(&mut world, ann, "mic", lk::TrackSource::Microphone), Err(Reason::DuplicateName), "it waits");
    // Another offer that says nothing of it.
    world.offer(ann, 3);
    assert_eq!(published(&world), [(first, "7".to_owned())]);

    stop(&mut world, ann, "7");
    send(&mut world, ann, "8", Kind::Audio, "mic");
    assert_eq!(published(&world), [(second, "8".to_owned())]);
    assert_eq!(world.live.len(), 1);
}

#[test]
fn the_section_of_a_track_taken_away_before_it_was_there_is_no_other_tracks() {
    let mut world = World::new();
    let ann = world.join("ann");
    let camera = add(&mut world, ann, "cam", lk::TrackSource::Camera).unwrap();
    world.take(ann);
    may_publish(&mut world, Sources::all().without(Source::Camera));
    assert_eq!(unpublished(&mut world, ann).as_slice(), std::slice::from_ref(&camera));
    send(&mut world, ann, "7", Kind::Video, "cam");
    let screen = add(&mut world, ann, "screen", lk::TrackSource::ScreenShare).unwrap();
    assert_eq!(published(&world), []);
    send(&mut world, ann, "8", Kind::Video, "screen");
    assert_eq!(published(&world), [(screen.clone(), "8".to_owned())]);

    // The client did not know its track yet when it was told.
    world.take(ann);
    world.pass(seconds(9));
    assert_eq!(unpublished(&mut world, ann), [camera.clone(), camera.clone(), camera.clone()]);
    stop(&mut world, ann, "7");
    world.offer(ann, 4);
    world.take(ann);
    world.pass(seconds(9));
    assert!(unpublished(&mut world, ann).is_empty());
    assert_eq!(published(&world), [(screen, "8".to_owned())]);
}

#[test]
fn the_section_of_a_refused_track_is_no_other_tracks_until_it_is_accepted() {
    for described_first in [true, false] {
        let mut world = World::new();
        let ann = world.join("ann");
        may_publish(&mut world, Sources::all().without(Source::Camera));
        if described_first {
            send(&mut world, ann, "7", Kind::Video, "cam");
        }
        assert_eq!(add(&mut world, ann, "cam", lk::TrackSource::Camera), Err(Reason::NotAllowed));
        let screen = add(&mut world, ann, "screen", lk::TrackSource::ScreenShare).unwrap();
        match described_first {
            true => world.offer(ann, 3),
            false => send(&mut world, ann, "7", Kind::Video, "cam"),
        }
        assert_eq!(published(&world), []);
        world.pass(seconds(5));
        assert!(unpublished(&mut world, ann).is_empty(), "there is no sid");
        send(&mut world, ann, "8", Kind::Video, "screen");
        assert_eq!(published(&world), [(screen.clone(), "8".to_owned())]);

        may_publish(&mut world, Sources::all());
        let camera = add(&mut world, ann, "cam", lk::TrackSource::Camera).unwrap();
        assert_eq!(published(&world), [(screen, "8".to_owned()), (camera, "7".to_owned())]);
    }
}

#[test]
fn a_track_that_is_taken_away_while_it_is_sent_is_told_again() {
    let mut world = World::new();
    let ann = world.join("ann");
    let camera = world.publish(ann, "cam", lk::TrackSource::Camera);
    world.take(ann);
    may_publish(&mut world, Sources::all().without(Source::Camera));
    world.pass(seconds(4));
    assert_eq!(unpublished(&mut world, ann), [camera.clone(), camera]);
}

#[test]
fn a_section_of_another_name_is_taken_for_the_oldest_track_of_its_kind_when_it_is_described() {
    let mut world = World::new();
    let ann = world.join("ann");
    send(&mut world, ann, "7", Kind::Video, "stranger");
    let camera = add(&mut world, ann, "cam", lk::TrackSource::Camera).unwrap();
    assert_eq!(published(&world), [], "it was there before");
    stop(&mut world, ann, "7");
    send(&mut world, ann, "8", Kind::Video, "renamed");
    assert_eq!(published(&world), [(camera, "8".to_owned())]);
    assert!(!names(&world.take(ann)).contains(&"leave"));
}
