//! A subscriber behind a slow line gets what fits: sound always, then pictures as large as there is room for.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

// Other tests use the rest of it.
#[allow(dead_code)]
mod support;

use std::time::Duration;
use support::{Bottleneck, Layers, World};
use wire::lk;
use wire::lk::signal_response::Message as Response;

/// What the layers of the test's camera take, in bits per second: 4 packets of 1,000 bytes every 40 ms for the largest.
const LARGE: u64 = 4 * 1000 * 8 * 25;
const SMALL: u64 = 300 * 8 * 25;

fn watched() -> (World, usize, usize) {
    let mut world = World::new();
    world.step = Duration::from_millis(1);
    let ann = world.join("ann");
    let bob = world.join("bob");
    world.pass(Duration::from_secs(3));
    world.publish_simulcast(ann);
    world.pass(Duration::from_secs(1));
    (world, ann, bob)
}

/// Bits of pictures per second that reached a client since the last time.
fn pictures(world: &mut World, client: usize, over: Duration) -> u64 {
    let bytes: usize = world.clients[client].received(true).iter().map(|packet| packet.payload.len()).sum();
    world.clients[client].packets.clear();
    u64::try_from(bytes).unwrap() * 8 * 1000 / u64::try_from(over.as_millis()).unwrap()
}

#[test]
fn pictures_shrink_to_the_line_and_grow_with_it() {
    let (mut world, ann, bob) = watched();
    let mut layers = Layers::default();
    let wide = world.film(ann, &mut layers, Duration::from_secs(8));
    world.clients[bob].packets.clear();
    let second = Duration::from_secs(4);
    world.film(ann, &mut layers, second);
    assert!(wide > 0);
    let before = pictures(&mut world, bob, second);
    assert!(before > LARGE * 8 / 10, "{before} of {LARGE} on a wide line");

    world.clients[bob].bottleneck = Some(Bottleneck::new(250_000, world.now));
    world.film(ann, &mut layers, Duration::from_secs(10));
    world.clients[bob].packets.clear();
    let sound_before = world.clients[bob].received(false).len();
    assert_eq!(sound_before, 0);
    world.film(ann, &mut layers, second);
    let sound = world.clients[bob].received(false).len();
    let narrow = pictures(&mut world, bob, second);
    assert!((SMALL / 2..LARGE / 2).contains(&narrow), "{narrow} on a line of 250,000");
    assert!(sound >= 195, "{sound} of 200 sounds on the narrow line");

    world.clients[bob].bottleneck = None;
    world.film(ann, &mut layers, Duration::from_secs(25));
    world.clients[bob].packets.clear();
    world.film(ann, &mut layers, second);
    let after = pictures(&mut world, bob, second);
    assert!(after > LARGE * 8 / 10, "{after} of {LARGE} once it is wide again");
}

#[test]
fn a_picture_there_is_no_room_for_is_paused_and_its_viewer_told() {
    let (mut world, ann, bob) = watched();
    let cid = world.join("cid");
    world.pass(Duration::from_secs(2));
    world.publish_simulcast(cid);
    world.pass(Duration::from_secs(1));
    let (mut of_ann, mut of_cid) = (Layers::default(), Layers::default());
    world.film_both(ann, &mut of_ann, cid, &mut of_cid, Duration::from_secs(5));
    world.clients[bob].inbox.clear();

    world.clients[bob].bottleneck = Some(Bottleneck::new(90_000, world.now));
    world.film_both(ann, &mut of_ann, cid, &mut of_cid, Duration::from_secs(15));
    let states = stream_states(&world, bob);
    assert_eq!(states.last(), Some(&lk::StreamState::Paused), "{states:?}");

    world.clients[bob].bottleneck = None;
    world.film_both(ann, &mut of_ann, cid, &mut of_cid, Duration::from_secs(25));
    let states = stream_states(&world, bob);
    assert_eq!(states.last(), Some(&lk::StreamState::Active), "{states:?}");
}

fn stream_states(world: &World, client: usize) -> Vec<lk::StreamState> {
    let updates = world.clients[client].inbox.iter().filter_map(|message| match message {
        Response::StreamStateUpdate(update) => Some(update.stream_states.iter().map(lk::StreamStateInfo::state)),
        _ => None,
    });
    updates.flatten().collect()
}
