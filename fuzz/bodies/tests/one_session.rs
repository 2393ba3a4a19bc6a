//! A bug of ours, met by the packet of one participant, is the end of that participant's session and of nothing else.

use fuzz_bodies::connected::{EVE, World};
use std::time::Duration;

#[test]
fn a_panic_while_a_packet_is_read_ends_the_session_it_came_from_and_no_other() {
    let mut world = World::new();

    world.send_to_a_bug();
    world.pass(Duration::from_millis(200));

    assert!(world.clients[EVE].closed, "whoever sent it starts over");
    world.assert_others_are_well();
    assert_eq!(world.sessions(), 2);
}

#[test]
fn nobody_is_harmed_by_somebody_who_does_as_usual() {
    let mut world = World::new();
    world.tamper(&[]);
    world.pass(Duration::from_secs(3));
    assert!(!world.clients[EVE].closed);
    world.assert_others_are_well();
    assert_eq!(world.sessions(), 3);
}
