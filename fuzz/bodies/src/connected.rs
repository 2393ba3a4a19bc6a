//! A hostile client that is connected and knows its own keys: whatever it seals with them, says over its data channels or puts
//! into a connectivity check, nothing panics, nothing grows, and whoever else is in the room does not notice.
//!
//! The input is a row of steps: one byte says what is sent, two more how long it is, and then it follows. The highest bit of the
//! length makes of a packet one with those header extensions. Where time passes, another bit makes of it a packet of any stream in any
//! format; see [`World::send_media`].

mod crypto;
mod formats;
mod world;

pub use world::{ANN, BOB, Client, EVE, Sealed, World};

use std::time::Duration;

/// Most steps of one input.
const STEPS: usize = 64;

/// Longest step.
const LONGEST: usize = 1400;

/// One session of the hostile client.
pub fn run(input: &[u8]) {
    let mut world = World::new();
    let mut rest = input;
    for _ in 0..STEPS {
        let [what, high, low, after @ ..] = rest else { break };
        let length = (usize::from(u16::from_be_bytes([*high & 0x7f, *low])) % LONGEST).min(after.len());
        let (bytes, left) = after.split_at(length);
        rest = left;
        match what & 7 {
            0 => world.send(bytes),
            1 if high & 0x80 != 0 => world.send_extended(*what, bytes),
            1 => world.send_sealed(Sealed::Packet(*what), bytes),
            2 => world.send_sealed(Sealed::Control(*what), bytes),
            3 => world.tamper(bytes),
            4 => world.send_check(*what, bytes),
            5 => world.send_under_dtls(bytes),
            6 => world.send_message(bytes),
            _ if what & 8 != 0 => world.send_media(*what, bytes),
            _ => world.pass(Duration::from_millis(1 + u64::try_from(length).unwrap_or(0))),
        }
        world.pump();
    }
    world.pass(Duration::from_millis(200));
    world.assert_others_are_well();
}
