//! What a client cannot make the stack remember: addresses and sources without end.

#![allow(clippy::unwrap_used)]

use rtc::{Clock, Dropped, Peer, PeerFactory};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind};
use str0m::{Candidate, Input, Output, Rtc};

const PUBLISHED: &str = include_str!("offers/chromium-single-published.sdp");

fn server() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], 8080))
}

fn peer(now: Instant) -> Peer {
    let clock = Clock { at: now, unix: Duration::from_secs(1_700_000_000) };
    PeerFactory::new(clock).unwrap().peer(&[server()], &[], now)
}

/// Negotiates, with new credentials of both sides or for the first time, and returns a check the client makes then.
fn negotiated(client: &mut Rtc, peer: &mut Peer, now: Instant, again: bool) -> Vec<u8> {
    let mut api = client.sdp_api();
    api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    if again {
        api.ice_restart(true);
    }
    let (offer, pending) = api.apply().unwrap();
    let answer = peer.accept_offer(&offer.to_sdp_string(), &[]).unwrap();
    client.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer).unwrap()).unwrap();
    for step in 0..100 {
        client.handle_input(Input::Timeout(now + Duration::from_millis(10 * step))).unwrap();
        loop {
            match client.poll_output().unwrap() {
                Output::Transmit(transmit) if transmit.contents[0] == 0 => return transmit.contents.to_vec(),
                Output::Timeout(_) => break,
                Output::Transmit(_) | Output::Event(_) => {}
            }
        }
    }
    panic!("the client checks nothing");
}

#[test]
fn a_client_may_call_from_so_many_addresses_until_ice_starts_over() {
    let now = Instant::now();
    let mut client = Rtc::new(now);
    client.add_local_candidate(Candidate::host("198.51.100.9:4000".parse().unwrap(), "udp").unwrap());
    let mut peer = peer(now);
    let check = negotiated(&mut client, &mut peer, now, false);
    let call = |peer: &mut Peer, now, port, check: &[u8]| {
        peer.handle_datagram(now, SocketAddr::from(([203, 0, 113, 1], port)), server(), check).unwrap()
    };

    let mut forged = check.clone();
    let last = forged.len() - 12;
    forged[last] ^= 1;
    for port in 0..200 {
        assert_eq!(call(&mut peer, now, port, &forged), None, "nobody is remembered who has a wrong password");
    }
    for port in 0..64 {
        assert_eq!(call(&mut peer, now, port, &check), None, "{port}");
    }
    assert_eq!(call(&mut peer, now, 64, &check), Some(Dropped::CheckAddress));
    assert_eq!(call(&mut peer, now, 5, &check), None, "one that is known");
    let later = now + Duration::from_secs(60);
    assert_eq!(call(&mut peer, later, 64, &check), None, "the client moved");
    assert_eq!(call(&mut peer, later, 65, &check), Some(Dropped::CheckAddress));

    let check = negotiated(&mut client, &mut peer, now + Duration::from_secs(1), true);
    for port in 100..164 {
        assert_eq!(call(&mut peer, later, port, &check), None, "{port} after ICE started over");
    }
    assert_eq!(call(&mut peer, later, 5, &check), Some(Dropped::CheckAddress));
}

#[test]
fn sources_beyond_those_a_connection_may_have_are_thrown_away() {
    let now = Instant::now();
    let mut peer = peer(now);
    peer.accept_offer(PUBLISHED, &[]).unwrap();
    let mut media = |now, source: u32| {
        let packet = [&[0x80, 111, 0, 1, 0, 0, 0, 0][..], &source.to_be_bytes(), &[0; 40]].concat();
        peer.handle_datagram(now, SocketAddr::from(([203, 0, 113, 1], 5000)), server(), &packet).unwrap()
    };
    assert!((0..1024).all(|source| media(now, source).is_none()));
    assert_eq!(media(now, 5000), Some(Dropped::OddSource));
    assert_eq!(media(now, 7), None, "one that is there");
    assert_eq!(media(now + Duration::from_secs(60), 5000), None, "those that are gone make room");
}
