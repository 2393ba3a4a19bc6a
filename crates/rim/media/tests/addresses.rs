//! Whose an address is that datagrams come from, whatever somebody writes on theirs.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

// Other tests use the rest of it.
#[allow(dead_code)]
mod support;

use media::Datagram;
use std::net::SocketAddr;
use std::time::Duration;
use support::World;

/// Ann publishes, and bob hears her.
fn lecture() -> (World, usize, usize) {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.pass(Duration::from_secs(3));
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 50);
    (world, ann, bob)
}

/// A datagram comes from there, whoever sent it.
fn feed(world: &mut World, source: SocketAddr, contents: &[u8]) {
    let (now, destination) = (world.now, "192.0.2.1:8080".parse().unwrap());
    world.engine.handle_datagram(now, Datagram { source, destination, contents });
}

/// How many sounds of so many a client gets.
fn heard(world: &mut World, speaker: usize, client: usize, from: u32, count: u32) -> usize {
    let before = world.clients[client].received(false).len();
    world.stream(speaker, from, count);
    world.clients[client].received(false).len() - before
}

#[test]
fn a_check_with_a_wrong_password_moves_nothing_to_where_the_client_was_before() {
    let (mut world, ann, bob) = lecture();
    let before = world.address_of(bob);
    // Now he is behind a TCP connection, and what came from his address before is somebody else's.
    world.clients[bob].outside = Some("240.64.0.0:32768".parse().unwrap());
    world.stream(ann, 51, 150);

    let forged = world.forged_check(bob);
    feed(&mut world, before, &forged);

    assert!(heard(&mut world, ann, bob, 201, 10) >= 9);
}
