//! How connections are shown on which next to nothing is sent.

use super::support::World;
use super::{qualities, two_connected};
use std::time::Duration;
use wire::lk;
use wire::lk::ConnectionQuality;
use wire::lk::signal_request::Message as Request;

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
