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
use wire::lk;
use wire::lk::signal_response::Message as Response;

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

#[test]
fn who_comes_after_our_addresses_changed_is_told_of_the_new_ones_and_who_was_there_stays() {
    let mut world = World::new();
    // Clients know an address that a translation in front of us has.
    world.inside = Some("10.0.0.1:8080".parse().unwrap());
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.pass(Duration::from_secs(3));
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    world.stream(ann, 1, 50);

    world.engine.set_addresses(&["198.51.100.7:8080".parse().unwrap()]);

    assert!(heard(&mut world, ann, bob, 51, 2000) >= 1990, "for 40 seconds");
    // He walks to another network.
    world.clients[bob].outside = Some("198.51.100.99:1".parse().unwrap());
    world.stream(ann, 2051, 250);
    assert!(heard(&mut world, ann, bob, 2301, 50) >= 49, "in the other one");
    let carl = world.join("carl");
    // Where they would send, nothing of this world is.
    world.clients[carl].mute = true;
    world.pump();
    let answer = world.clients[carl].inbox.iter().find_map(|message| match message {
        Response::Answer(answer) => Some(answer.sdp.clone()),
        _ => None,
    });
    let answer = answer.unwrap();
    let told: Vec<_> = answer.lines().filter(|line| line.starts_with("a=candidate:")).collect();
    assert!(!told.is_empty() && told.iter().all(|line| line.contains(" 198.51.100.7 8080 ")), "{told:?}");
}

/// A datagram comes from there, whoever sent it.
fn feed(world: &mut World, source: SocketAddr, contents: &[u8]) {
    let (now, destination) = (world.now, "192.0.2.1:8080".parse().unwrap());
    world.engine.handle_datagram(now, Datagram { source, destination, contents });
}

/// What anybody could send who knows the address of a client: a check, an answer to one, sound, a report, DTLS.
fn forgeries(world: &mut World, client: usize) -> Vec<Vec<u8>> {
    let mut answer = vec![1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    answer.extend([7; 12]);
    let filled = |head: &[u8]| [head, &[0x5a; 40]].concat();
    let sound = filled(&[0x80, 111, 0, 1]);
    let report = filled(&[0x80, 201, 0, 10]);
    let record = filled(&[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 31]);
    vec![world.forged_check(client), answer, sound, report, record]
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

#[test]
fn checks_with_a_wrong_password_do_not_keep_a_client_where_it_was() {
    let (mut world, ann, bob) = lecture();
    let before = world.address_of(bob);
    world.clients[bob].outside = Some("192.0.2.99:1".parse().unwrap());
    let forged = world.forged_check(bob);
    for number in 51..200 {
        // They say that his way there is the best there is.
        feed(&mut world, before, &forged);
        world.stream(ann, number, 1);
    }
    assert!(heard(&mut world, ann, bob, 201, 10) >= 9);
}

#[test]
fn nobody_is_kept_alive_by_what_somebody_else_sends_from_their_address() {
    for which in 0..5 {
        let (mut world, ann, bob) = lecture();
        let address = world.address_of(ann);
        let forged = forgeries(&mut world, ann).swap_remove(which);
        world.clients[ann].mute = true;
        for _ in 0..24 {
            feed(&mut world, address, &forged);
            world.pass(Duration::from_millis(500));
        }
        let is_lost = |update: &lk::ConnectionQualityUpdate| {
            update.updates.iter().any(|info| info.quality() == lk::ConnectionQuality::Lost)
        };
        let told = |message: &Response| matches!(message, Response::ConnectionQuality(update) if is_lost(update));
        assert!(world.clients[bob].got(told), "forgery {which}");
    }
}

#[test]
fn a_check_of_one_participant_from_the_address_of_another_takes_nothing_from_them() {
    let (mut world, ann, bob) = lecture();
    let victim = world.address_of(ann);
    for round in 1..=3 {
        // Bob writes her address on a check of his own, which has his password.
        let mark = world.take_mark(bob);
        feed(&mut world, victim, &mark);
        let sound = heard(&mut world, ann, bob, round * 50 + 1, 25);
        assert!(sound >= 24, "{sound} of 25 of what she says");
    }
}

#[test]
fn whoever_only_says_to_be_somewhere_makes_room_for_who_is_there() {
    let mut world = World::new();
    let bob = world.join("bob");
    world.pass(Duration::from_secs(3));
    // The next one to come will have this address.
    let mark = world.take_mark(bob);
    feed(&mut world, "192.0.2.100:10001".parse().unwrap(), &mark);
    let ann = world.join("ann");
    assert_eq!(world.address_of(ann), "192.0.2.100:10001".parse().unwrap());
    for _ in 0..3 {
        world.pass(Duration::from_secs(1));
        let mark = world.take_mark(bob);
        feed(&mut world, "192.0.2.100:10001".parse().unwrap(), &mark);
        world.feed(bob, &mark);
    }
    world.pass(Duration::from_secs(1));
    assert!(world.clients[ann].connected);
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    assert!(heard(&mut world, ann, bob, 1, 25) >= 20);
}

#[test]
fn an_address_is_somebody_else_s_once_its_former_owner_is_quiet() {
    let (mut world, ann, bob) = lecture();
    let carl = world.join("carl");
    world.pass(Duration::from_secs(3));
    let before = world.address_of(carl);
    world.clients[carl].mute = true;
    // The translation gives bob what was carl's.
    world.clients[carl].outside = Some("192.0.2.99:1".parse().unwrap());
    world.pass(Duration::from_secs(9));
    world.clients[bob].outside = Some(before);
    world.stream(ann, 101, 250);
    assert!(heard(&mut world, ann, bob, 351, 25) >= 24);
    world.publish(bob);
    world.pass(Duration::from_millis(500));
    assert!(heard(&mut world, bob, ann, 401, 25) >= 20);
}

#[test]
fn the_address_in_use_is_not_forgotten_for_others_that_somebody_tries() {
    let (mut world, ann, bob) = lecture();
    world.publish(bob);
    world.pass(Duration::from_millis(500));
    assert!(heard(&mut world, bob, ann, 1, 25) >= 20);
    for network in 1..=20 {
        // His own checks go on where he is.
        world.pass(Duration::from_secs(3));
        let mark = world.take_mark(bob);
        feed(&mut world, SocketAddr::from(([198, 51, 100, network], 4000)), &mark);
        let sound = heard(&mut world, bob, ann, 100 * u32::from(network), 5);
        assert!(sound >= 4, "{sound} of 5 after {network} others");
    }
}

#[test]
fn what_goes_to_a_client_leaves_by_the_address_that_the_translation_brings_theirs_to() {
    let mut world = World::new();
    world.inside = Some("10.0.0.5:8080".parse().unwrap());
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.pass(Duration::from_secs(3));
    assert!(world.clients[ann].connected && world.clients[bob].connected);
    world.publish(ann);
    world.pass(Duration::from_millis(500));
    assert!(heard(&mut world, ann, bob, 1, 50) >= 45);
}
