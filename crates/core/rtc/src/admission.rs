//! Keeps from the stack what would make it remember more and more: it forgets an address that somebody called from only when
//! ICE starts over, and how far a source has counted never.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// From so many addresses one client may call at once. A browser has one for each of its networks, of both families and behind
/// each translation of addresses, which are twenty at most.
const ADDRESSES: u64 = 64;

/// So often one more may come: whoever moves for hours is not locked out, and what is remembered grows by 60 an hour.
const ADDRESS_EVERY: Duration = Duration::from_secs(60);

/// So many sources one client may have at once: three encodings and what is sent again of them are six for each camera.
const SOURCES: usize = 1024;

/// A source that was not heard for so long makes room for another.
const SILENCE: Duration = Duration::from_secs(60);

/// The addresses a client called from with its password, since ICE began.
#[derive(Debug)]
pub(crate) struct Addresses {
    known: HashSet<SocketAddr>,
    /// So many more may come, as of then.
    left: u64,
    since: Instant,
}

impl Addresses {
    pub(crate) fn new(now: Instant) -> Self {
        Self { known: HashSet::new(), left: ADDRESSES, since: now }
    }

    pub(crate) fn knows(&self, address: SocketAddr) -> bool {
        self.known.contains(&address)
    }

    /// The client calls from an address that is not known. Whether it may.
    pub(crate) fn admit(&mut self, now: Instant, address: SocketAddr) -> bool {
        let every = ADDRESS_EVERY.as_secs();
        let earned = now.saturating_duration_since(self.since).as_secs() / every;
        self.since += Duration::from_secs(earned * every);
        self.left = (self.left + earned).min(ADDRESSES);
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.known.insert(address)
    }

    /// ICE starts over, and with it the stack.
    pub(crate) fn restart(&mut self) {
        self.known.clear();
        self.left = ADDRESSES;
    }
}

/// The sources a client sends from.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// And when they were heard last.
    heard: HashMap<u32, Instant>,
    /// Before that no more can make room.
    full_until: Option<Instant>,
}

impl Sources {
    pub(crate) fn knows(&self, source: u32) -> bool {
        self.heard.contains_key(&source)
    }

    /// A packet of a source came. Which ones made room for it; an error if there is none.
    pub(crate) fn admit(&mut self, now: Instant, source: u32) -> Result<Vec<u32>, ()> {
        if let Some(heard) = self.heard.get_mut(&source) {
            *heard = now;
            return Ok(Vec::new());
        }
        let mut gone = Vec::new();
        if self.heard.len() >= SOURCES {
            if self.full_until.is_some_and(|until| now < until) {
                return Err(());
            }
            let is_gone = |heard: &Instant| now.saturating_duration_since(*heard) >= SILENCE;
            gone.extend(self.heard.iter().filter(|(_, heard)| is_gone(heard)).map(|(source, _)| *source));
            self.heard.retain(|_, heard| !is_gone(heard));
            self.full_until = self.heard.values().min().map(|oldest| *oldest + SILENCE);
            if gone.is_empty() {
                return Err(());
            }
        }
        self.heard.insert(source, now);
        Ok(gone)
    }
}

/// The source of a datagram that is media (RFC 3550 section 5.1).
pub(crate) fn source_of(datagram: &[u8]) -> Option<u32> {
    datagram.get(8..12)?.first_chunk().copied().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    #[test]
    fn a_client_that_moves_is_let_in_and_one_that_is_everywhere_is_not() {
        let start = Instant::now();
        let mut addresses = Addresses::new(start);
        assert!((0..64).all(|port| addresses.admit(start, address(port))));
        assert!(!addresses.admit(start + Duration::from_secs(59), address(64)) && !addresses.knows(address(64)));
        for hour in 1..100 {
            let now = start + Duration::from_secs(60 * u64::from(hour));
            assert!(addresses.admit(now, address(100 + hour)) && addresses.knows(address(100 + hour)));
            assert!(!addresses.admit(now, address(1000)), "one a minute");
        }
        addresses.restart();
        assert!(!addresses.knows(address(0)) && (0..64).all(|port| addresses.admit(start, address(port))));
    }

    #[test]
    fn who_was_quiet_for_long_has_no_more_addresses_than_at_first() {
        let start = Instant::now();
        let mut addresses = Addresses::new(start);
        let later = start + Duration::from_secs(1_000_000);
        assert_eq!((0..1000).filter(|port| addresses.admit(later, address(*port))).count(), 64);
    }

    #[test]
    fn who_publishes_anew_for_hours_is_heard_and_a_flood_of_sources_is_not() {
        let start = Instant::now();
        let mut sources = Sources::default();
        let mut forgotten = 0;
        for second in 0..7200_u32 {
            let now = start + Duration::from_secs(u64::from(second));
            for source in 0..6 {
                forgotten += sources.admit(now, second * 6 + source).unwrap().len();
            }
        }
        assert!(sources.heard.len() <= SOURCES && forgotten > 40_000);

        let mut sources = Sources::default();
        let mut heard = |now: Instant, source| sources.admit(now, source);
        assert!((0..1024).all(|source| heard(start, source).is_ok()));
        assert!((1024..5000).all(|source| heard(start, source).is_err()));
        let later = start + SILENCE;
        assert!((0..1023).all(|source| heard(later, source).is_ok()), "who is there stays");
        assert_eq!(heard(later, 9000).unwrap(), [1023], "who is silent goes");
        assert!(heard(later, 9001).is_err());
    }

    #[test]
    fn the_source_is_read_where_it_stands() {
        assert_eq!(source_of(&[0x80, 111, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 9]), Some(0x0102_0304));
        assert_eq!(source_of(&[0x80; 11]), None);
    }

    #[test]
    fn the_stack_keeps_what_is_heard_or_announced_and_nothing_else() {
        let now = Instant::now();
        let clock = crate::Clock { at: now, unix: Duration::from_secs(1_700_000_000) };
        let mut peer = crate::PeerFactory::new(clock).unwrap().peer(&[], &[], now);
        let published = include_str!("../tests/offers/chromium-single-published.sdp");
        let (_, number) = published.split_once("a=ssrc:").unwrap();
        let (number, _) = number.split_once(' ').unwrap();
        let announcing = |source: u32| published.replace(number, &source.to_string());
        let has = |peer: &mut crate::Peer, source: u32| peer.rtc.direct_api().stream_rx(&source.into()).is_some();
        for source in 1..50 {
            peer.accept_offer(&announcing(source), &[]).unwrap();
            assert!(has(&mut peer, source) && !has(&mut peer, source - 1), "{source}");
        }
        let packet = |source: u32| [&[0x80, 111, 0, 1, 0, 0, 0, 0][..], &source.to_be_bytes(), &[0; 40]].concat();
        peer.handle_datagram(now, address(1), address(2), &packet(49)).unwrap();
        peer.accept_offer(&announcing(50), &[]).unwrap();
        assert!(has(&mut peer, 49) && has(&mut peer, 50), "what was heard stays");
        for source in 1000..2023 {
            peer.handle_datagram(now, address(1), address(2), &packet(source)).unwrap();
        }
        assert!(has(&mut peer, 49));
        peer.handle_datagram(now + SILENCE, address(1), address(2), &packet(5000)).unwrap();
        assert!(!has(&mut peer, 49) && has(&mut peer, 50), "what is announced stays");
    }
}
