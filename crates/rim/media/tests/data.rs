//! Reliable messages to those who do not take them at once.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[path = "support/drops.rs"]
mod counted;
// Other tests use the rest of it.
#[allow(dead_code)]
mod support;

use counted::Drops;
use prost::Message;
use std::net::SocketAddr;
use std::time::Duration;
use support::{Bottleneck, World};
use wire::lk;
use wire::lk::signal_response::Message as Response;

/// A reliable message of that number and about that size.
fn say(world: &mut World, client: usize, sequence: u32, size: usize) {
    let user = lk::UserPacket { payload: vec![7; size], ..Default::default() };
    let packet = lk::DataPacket { sequence, value: Some(lk::data_packet::Value::User(user)), ..Default::default() };
    world.send_data(client, &packet.encode_to_vec());
    world.pass(Duration::from_millis(20));
}

/// The numbers of the messages that somebody got.
fn heard(world: &World, client: usize) -> Vec<u32> {
    let messages = world.clients[client].messages.iter();
    messages.map(|message| lk::DataPacket::decode(&message[..]).unwrap().sequence).collect()
}

fn connect_at_last(world: &mut World, client: usize) {
    world.clients[client].cut = false;
    for _ in 0..300 {
        world.pass(Duration::from_millis(100));
        if world.clients[client].connected {
            return world.pass(Duration::from_secs(2));
        }
    }
    panic!("no connection came of it");
}

#[test]
fn what_is_said_while_somebody_still_connects_reaches_them_in_order_and_nothing_from_before() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.pass(Duration::from_secs(3));
    say(&mut world, ann, 1, 10);
    let bob = world.join("bob");
    world.clients[bob].cut = true;
    for sequence in 2..=4 {
        say(&mut world, ann, sequence, 10);
    }
    assert!(!world.clients[bob].connected);

    connect_at_last(&mut world, bob);
    say(&mut world, ann, 5, 10);

    assert_eq!(heard(&world, bob), [2, 3, 4, 5]);
}

#[test]
fn of_more_than_a_hundred_kilobytes_that_are_said_meanwhile_the_newest_arrive_without_a_gap() {
    let mut world = World::new();
    let ann = world.join("ann");
    world.pass(Duration::from_secs(3));
    let bob = world.join("bob");
    world.clients[bob].cut = true;
    for sequence in 1..=30 {
        say(&mut world, ann, sequence, 10_000);
    }

    connect_at_last(&mut world, bob);

    assert_eq!(heard(&world, bob), (21..=30).collect::<Vec<u32>>());
    assert!(!world.clients[bob].got(|message| matches!(message, Response::Leave(_))));
}

fn was_put_out(world: &World, client: usize) -> bool {
    let client = &world.clients[client];
    client.closed || client.got(|message| matches!(message, Response::Leave(_)))
}

#[test]
fn what_one_may_send_at_once_reaches_somebody_whose_line_stood_still() {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.pass(Duration::from_secs(3));
    world.clients[bob].cut = true;
    for sequence in 1..=130 {
        say(&mut world, ann, sequence, 60_000);
    }
    assert!(heard(&world, bob).is_empty());

    world.clients[bob].cut = false;
    world.pass(Duration::from_secs(20));

    assert_eq!(heard(&world, bob), (1..=130).collect::<Vec<u32>>());
    assert!(!was_put_out(&world, bob));
}

#[test]
fn a_file_from_a_fast_line_arrives_whole_at_the_pace_that_is_passed_on() {
    let drops = Drops::default();
    drops.record(|| {
        let mut world = World::new();
        let (ann, bob) = (world.join("ann"), world.join("bob"));
        world.pass(Duration::from_secs(3));
        let begin = world.now;
        let mut sent = 0;
        let whole = 250;
        while world.clients[bob].messages.len() < whole && world.now - begin < Duration::from_secs(60) {
            while sent < whole && offer(&mut world, ann, sent + 1) {
                sent += 1;
            }
            world.pass(Duration::from_millis(5));
        }

        assert_eq!(heard(&world, bob), (1..=250).collect::<Vec<u32>>());
        // Fifteen megabytes, of which eight at once.
        let taken = world.now - begin;
        assert!((Duration::from_secs(3)..Duration::from_secs(30)).contains(&taken), "{taken:?}");
        assert!(drops.by_reason().keys().eq(["data_flood"]), "{:?}", drops.by_reason());
        assert!(![ann, bob].iter().any(|who| was_put_out(&world, *who)));
    });
}

/// Says a long message if the client's own queue has room.
fn offer(world: &mut World, client: usize, number: usize) -> bool {
    let user = lk::UserPacket { payload: vec![7; 60_000], ..Default::default() };
    let sequence = u32::try_from(number).unwrap();
    let packet = lk::DataPacket { sequence, value: Some(lk::data_packet::Value::User(user)), ..Default::default() };
    world.send_data(client, &packet.encode_to_vec())
}

#[test]
fn who_floods_somebody_slow_loses_what_waits_and_nobody_else_does() {
    let drops = Drops::default();
    drops.record(|| {
        let mut world = World::new();
        let (ann, bob, carl) = (world.join("ann"), world.join("bob"), world.join("carl"));
        world.pass(Duration::from_secs(3));
        world.clients[bob].cut = true;
        let (before, after) = (10_000, 10_001);
        say(&mut world, carl, before, 10);
        let mut sent = 0;
        while drops.by_reason().is_empty() && sent < 400 {
            sent += 1;
            say(&mut world, ann, sent, 60_000);
            // No more than passes in the long run.
            world.pass(Duration::from_millis(10));
        }
        say(&mut world, carl, after, 10);

        world.clients[bob].cut = false;
        world.pass(Duration::from_secs(20));

        let lost = drops.by_reason();
        assert!(sent > 256 && lost.keys().eq(["data_backlog"]), "{sent}, {lost:?}");
        let (of_ann, of_carl): (Vec<u32>, Vec<u32>) = heard(&world, bob).into_iter().partition(|one| *one < before);
        assert_eq!((of_ann.len() as u64 + lost["data_backlog"], of_ann.is_sorted()), (sent.into(), true));
        assert_eq!(of_carl, [before, after]);
        assert!(![ann, bob, carl].iter().any(|who| was_put_out(&world, *who)));
    });
}

/// The most that is on its way at a time of much data for somebody reached at that address.
fn most_in_flight(outside: Option<SocketAddr>) -> usize {
    let mut world = World::new();
    let (ann, bob) = (world.join("ann"), world.join("bob"));
    world.clients[bob].outside = outside;
    world.pass(Duration::from_secs(3));
    let mut slow = Bottleneck::new(1_000_000_000, world.now);
    slow.delay = Duration::from_millis(500);
    world.clients[bob].bottleneck = Some(slow);
    let mut most = 0;
    for sequence in 1..=200 {
        say(&mut world, ann, sequence, 10_000);
        most = most.max(world.clients[bob].bottleneck.as_ref().unwrap().in_flight());
    }
    for _ in 0..100 {
        world.pass(Duration::from_millis(500));
        most = most.max(world.clients[bob].bottleneck.as_ref().unwrap().in_flight());
    }
    assert_eq!(heard(&world, bob), (1..=200).collect::<Vec<u32>>());
    most
}

#[test]
fn a_file_does_not_pile_up_in_front_of_somebody_behind_a_tcp_connection() {
    let connection = most_in_flight(Some("240.64.0.0:32768".parse().unwrap()));
    // And what goes with a message or a datagram.
    assert!((50_000..90_000).contains(&connection), "{connection}");
    let datagrams = most_in_flight(None);
    assert!(datagrams > 2 * connection, "{datagrams} where what is too much is lost");
}
