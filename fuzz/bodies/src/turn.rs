//! What strangers and users with a login send to the relay: nothing is relayed but to our own media, and nothing grows.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use turn::{Config, MAX_PER_USER, Outcome, Secret, Server, Transport};

const UNIX: u64 = 1_700_000_000;

fn relayed(number: u32, _: IpAddr) -> SocketAddr {
    let [a, b, c, d] = number.to_be_bytes();
    SocketAddr::from(([240, a, b, c], 0x8000 | u16::from(d)))
}

/// Messages of several clients: each begins with its length, in two bytes, whose highest bits say from whom it is.
pub fn run(input: &[u8]) {
    let peer = SocketAddr::from(([192, 0, 2, 1], 8080));
    let secret = Secret::new("a secret of thirty-two characters");
    let config = Config { realm: "plenum".into(), secret, nonce_key: [3; 32], peers: vec![peer], relayed };
    let start = Instant::now();
    let mut server = Server::new(config, start);
    let mut rest = input;
    let mut now = start;
    while let [high, low, tail @ ..] = rest {
        let client = high >> 6;
        let length = usize::from(u16::from_be_bytes([high & 0x3f, *low])).min(tail.len());
        let (message, next) = tail.split_at(length);
        let mapped = SocketAddr::from(([198, 51, 100, client], 9));
        let transport = if client % 2 == 0 { Transport::Datagrams } else { Transport::Stream };
        if let Outcome::Relay { from, to, .. } = server.handle_message(now, UNIX, client, transport, mapped, message) {
            assert_eq!(to, peer);
            server.to_client(now, from, to, message);
        }
        now += Duration::from_secs(7);
        server.handle_timeout(now);
        while server.poll_gone().is_some() {}
        assert!(server.len() <= 4 && server.len() <= MAX_PER_USER);
        rest = next;
    }
    let _ = turn::is_turn(input);
}
