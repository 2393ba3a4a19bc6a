//! Messages as they are, as one message of a TURN client, and as a stream of them.

use std::time::Instant;

/// One message, or several in a row.
pub fn run(input: &[u8]) {
    let mut rest = input;
    while let Ok(Some(length)) = turn::length_in_stream(rest) {
        assert!(length.message <= length.with_padding && length.with_padding > 0);
        let Some(next) = rest.get(length.with_padding..) else { break };
        let _ = turn::is_turn(&rest[..length.message]);
        rest = next;
    }
    let _ = media::opening(input);
    let _ = turn::is_turn(input);
    let (events, _listener) = tokio::sync::mpsc::channel(1);
    let server = "192.0.2.1:9".parse().expect("an address");
    let Some(mut engine) = media::Engine::new(vec![server], 1, events) else { return };
    let source = "198.51.100.1:9".parse().expect("an address");
    engine.handle_datagram(Instant::now(), media::Datagram { source, destination: server, contents: input });
}
