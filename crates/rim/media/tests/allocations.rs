//! What forwarding allocates: the buffer of each packet that goes out, and hardly anything besides.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

// Other tests use the rest of it.
#[allow(dead_code)]
mod support;

use std::time::Duration;
use support::World;

/// So many pictures and sounds are sent while it is counted.
const PICTURES: u32 = 200;

struct Cost {
    allocations: u64,
    /// Datagrams that came and went.
    arrived: u64,
    sent: u64,
}

/// What it takes from the datagrams of one publisher to those for so many who watch.
fn cost(watching: usize) -> Cost {
    let (mut world, publisher) = World::lecture(watching);
    let mut cost = Cost { allocations: 0, arrived: 0, sent: 0 };
    for frame in 10..10 + PICTURES {
        world.send_media(publisher, frame, false);
        let incoming = world.take_datagrams(publisher);
        cost.arrived += u64::try_from(incoming.len()).unwrap();
        let counted = allocation_counter::measure(|| {
            for contents in &incoming {
                world.feed(publisher, contents);
            }
            let now = world.now;
            world.engine.drain(now, &mut |_, _, _| cost.sent += 1);
        });
        cost.allocations += counted.count_total;
        world.now += Duration::from_millis(1);
    }
    cost
}

#[test]
fn a_packet_that_goes_out_is_allocated_once() {
    let (few, many) = (cost(10), cost(30));
    let (packets, allocations) = (many.sent - few.sent, many.allocations - few.allocations);
    assert!(packets >= 20 * 2 * u64::from(PICTURES), "only {packets} packets went to twenty more");
    // A twentieth for queues that grow.
    assert!(allocations <= packets + packets / 20, "{allocations} allocations for {packets} more packets");
}

#[test]
fn a_packet_that_arrives_costs_its_payload_and_two_small_things() {
    let cost = cost(0);
    assert!(cost.arrived >= 2 * u64::from(PICTURES), "only {} packets came", cost.arrived);
    // Besides the payload the name of its section, which it carries until it is known, and the list of those that came with it.
    let most = 3 * cost.arrived;
    assert!(cost.allocations <= most, "{} allocations for {} packets", cost.allocations, cost.arrived);
}
