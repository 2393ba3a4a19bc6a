//! Datagrams of strangers: nobody is told anything.

use media::{Datagram, Engine};
use std::time::Instant;

/// One datagram.
pub fn run(input: &[u8]) {
    let (events, _listener) = tokio::sync::mpsc::channel(1);
    let server = "192.0.2.1:9".parse().expect("an address");
    let Some(mut engine) = Engine::new(vec![server], 1, events) else { return };
    let now = Instant::now();
    let source = "198.51.100.1:9".parse().expect("an address");
    engine.handle_datagram(now, Datagram { source, destination: server, contents: input });
    engine.drain(now, &mut |_, _, _| panic!("an answer to a stranger"));
}
