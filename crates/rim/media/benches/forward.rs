//! Packets forwarded per second on one core, without sockets: one publisher, many subscribers, real SRTP.
//!
//! `cargo bench -p media --bench forward` with the number of subscribers as argument (default 100).

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::io::Write;
use std::time::{Duration, Instant};
use support::World;

/// Pictures sent while the time is taken.
const FRAMES: u32 = 200;

fn main() {
    let subscribers = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100usize);
    let (mut world, publisher) = World::lecture(subscribers);
    world.clients.iter_mut().for_each(|client| client.packets.clear());
    let (mut datagrams, mut bytes, mut spent) = (0u64, 0u64, Duration::ZERO);
    for frame in 10..10 + FRAMES {
        world.send_media(publisher, frame, false);
        let incoming = world.take_datagrams(publisher);
        let started = Instant::now();
        for contents in &incoming {
            world.feed(publisher, contents);
        }
        let now = world.now;
        world.engine.drain(now, &mut |_, _, contents| {
            datagrams += 1;
            bytes += u64::try_from(contents.len()).unwrap_or(0);
        });
        spent += started.elapsed();
        world.now += Duration::from_millis(1);
    }
    #[allow(clippy::cast_precision_loss)]
    let rate = datagrams as f64 / spent.as_secs_f64();
    let per_packet = spent.as_nanos() / u128::from(datagrams.max(1));
    let mut out = std::io::stdout();
    let _ = writeln!(
        out,
        "{subscribers} subscribers: {datagrams} datagrams, {bytes} bytes in {spent:?}: {rate:.0} per second and core, {per_packet} ns each"
    );
}
