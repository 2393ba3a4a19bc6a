//! How connections are shown on which next to nothing is sent.

use super::support::{World, permission};
use super::{qualities, two_connected};
use std::time::Duration;
use wire::lk;
use wire::lk::ConnectionQuality;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

/// Somebody with a microphone in which nobody speaks, and one who listens.
fn silent() -> (World, usize, usize) {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 50);
    let sid = world.clients[ann].sid_of("cam").unwrap();
    world.request(ann, Request::Mute(lk::MuteTrackRequest { sid, muted: true }));
    world.pass(Duration::from_secs(30));
    for client in [ann, bob] {
        assert!(qualities(&world, client).iter().all(|quality| *quality == ConnectionQuality::Excellent), "in silence");
    }
    (world, ann, bob)
}

#[test]
fn whose_line_dies_while_nobody_speaks_is_lost_until_it_is_back() {
    // As a publisher, and as one who only listens.
    for publishes in [true, false] {
        let (mut world, ann, bob) = silent();
        let dead = if publishes { ann } else { bob };
        world.clients[dead].cut = true;
        world.clients[dead].mute = true;
        world.pass(Duration::from_secs(12));
        assert_eq!(qualities(&world, bob).last(), Some(&ConnectionQuality::Lost), "publishes: {publishes}");

        world.clients[dead].cut = false;
        world.clients[dead].mute = false;
        world.pass(Duration::from_secs(25));
        assert_eq!(qualities(&world, bob).last(), Some(&ConnectionQuality::Excellent), "publishes: {publishes}");
    }
}

#[test]
fn who_has_nothing_to_send_or_to_get_is_lost_and_back_again_too() {
    // The only one who published leaves meanwhile, or nobody ever did.
    for publishes in [true, false] {
        let (mut world, ann, bob) = if publishes { silent() } else { two_connected() };
        world.clients[bob].cut = true;
        world.clients[bob].mute = true;
        world.pass(Duration::from_secs(12));
        assert_eq!(qualities(&world, bob).last(), Some(&ConnectionQuality::Lost), "somebody publishes: {publishes}");
        if publishes {
            let nothing = model::media::MediaPermission { publish: [].into_iter().collect(), ..permission() };
            let now = world.now;
            world.engine.set_permission(&"room".try_into().unwrap(), &"ann".try_into().unwrap(), nothing, now);
            world.pump();
            assert!(world.clients[ann].got(|message| matches!(message, Response::TrackUnpublished(_))));
        }

        world.clients[bob].cut = false;
        world.clients[bob].mute = false;
        world.pass(Duration::from_secs(12));
        assert_eq!(
            qualities(&world, bob).last(),
            Some(&ConnectionQuality::Excellent),
            "somebody publishes: {publishes}"
        );
    }
}

#[test]
fn whose_line_dies_while_pictures_are_sent_to_it_is_lost() {
    let (mut world, ann, bob) = two_connected();
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 300);
    world.clients[bob].cut = true;
    world.clients[bob].mute = true;

    world.stream(ann, 301, 600);

    assert_eq!(qualities(&world, bob).last(), Some(&ConnectionQuality::Lost));
    assert!(!qualities(&world, ann).contains(&ConnectionQuality::Lost));
}
