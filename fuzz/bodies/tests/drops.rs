//! What only somebody sends who seals by hand is thrown away, counted by its reason, and noticed by nobody else.
//!
//! What an ordinary client can send is in `tests/drops.rs` of `media`.

#![allow(clippy::unwrap_used)]

#[path = "../../../crates/rim/media/tests/support/drops.rs"]
mod counted;

use counted::Drops;
use fuzz_bodies::connected::{Sealed, World};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the hostile client sends then is counted for that reason, once, and for no other.
fn counts(reason: &str, cause: impl FnOnce(&mut World)) {
    let drops = Drops::default();
    drops.record(|| {
        let mut world = World::new();
        world.pass(Duration::from_secs(1));
        assert_eq!(drops.by_reason(), BTreeMap::new(), "before anything happened");
        cause(&mut world);
        world.pump();
        assert_eq!(drops.by_reason(), BTreeMap::from([(reason.to_owned(), 1)]));
        world.assert_others_are_well();
    });
}

/// Keeps the payload type, from the microphone's source.
const AS_IT_IS: u8 = 0x40;

#[test]
fn a_packet_beyond_the_longest() {
    counts("packet_too_long", |world| world.send_sealed(Sealed::Packet(0), &[0; 1600]));
}

#[test]
fn a_packet_of_sound_in_a_format_of_pictures() {
    counts("packet_format", |world| {
        let mut packet = [0; 40];
        packet[1] = 96;
        world.send_sealed(Sealed::Packet(AS_IT_IS), &packet);
    });
}

#[test]
fn rtcp_whose_parts_do_not_fit() {
    // A report about nothing, and then one that is longer than what is there.
    let control = [0x80, 201 - 192, 0, 1, 0, 0, 0, 9, 0x80, 201, 0, 9];
    counts("control_garbage", |world| world.send_sealed(Sealed::Control(AS_IT_IS), &control));
}
