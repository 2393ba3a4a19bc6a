//! Which addresses of this machine can be sent from. They come and go: a floating address, a lease, a container that starts.
//!
//! An answer has to leave by the address the question came to, or the client does not know it for one. One that is not ours, but
//! a translation's in front of us, cannot be said: the kernel refuses such a datagram.

use std::io::ErrorKind;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Most addresses that are learned besides those found at start: a whole network may lead here.
const MAX_LEARNED: usize = 64;

/// Most addresses that are remembered not to be ours.
const MAX_STRANGE: usize = 64;

/// So long such an address is not looked at again, and neither is one that was seen to be ours.
const CALM: Duration = Duration::from_secs(10);

/// The addresses of this machine, as far as they were needed.
#[derive(Debug)]
pub(super) struct Own {
    /// Those found at start, then those learned.
    known: Vec<IpAddr>,
    /// How many of them were found at start.
    found: usize,
    strange: Vec<IpAddr>,
    /// When the first of the strange ones was looked at.
    since: Instant,
    /// Those of the known that were doubted lately and are ours all the same.
    sure: Vec<(IpAddr, Instant)>,
}

impl Own {
    pub(super) fn new(found: Vec<IpAddr>) -> Self {
        Self {
            found: found.len(),
            known: found,
            strange: Vec::with_capacity(MAX_STRANGE),
            since: Instant::now(),
            sure: Vec::new(),
        }
    }

    /// Whether datagrams can leave by that address. One that was not there before is looked at.
    pub(super) fn has(&mut self, address: IpAddr) -> bool {
        self.known.contains(&address) || self.learn(address)
    }

    fn learn(&mut self, address: IpAddr) -> bool {
        if !self.strange.is_empty() && self.since.elapsed() >= CALM {
            self.strange.clear();
        }
        if self.strange.len() >= MAX_STRANGE || self.strange.contains(&address) {
            return false;
        }
        if is_ours(address) != Some(true) {
            self.note_strange(address);
            return false;
        }
        if self.known.len() >= self.found + MAX_LEARNED {
            // Those in use come back.
            self.known.truncate(self.found);
        }
        self.known.push(address);
        true
    }

    /// The kernel refused something that may be due to that address. Whether it is gone.
    pub(super) fn is_gone(&mut self, address: IpAddr) -> bool {
        let Some(place) = self.known.iter().position(|known| *known == address) else { return false };
        self.sure.retain(|(_, since)| since.elapsed() < CALM);
        if self.sure.iter().any(|(sure, _)| *sure == address) {
            return false;
        }
        // Where the system cannot say, it stays as it was.
        if is_ours(address) != Some(false) {
            self.sure.push((address, Instant::now()));
            return false;
        }
        self.known.remove(place);
        if place < self.found {
            self.found -= 1;
        }
        self.note_strange(address);
        true
    }

    fn note_strange(&mut self, address: IpAddr) {
        if self.strange.is_empty() {
            self.since = Instant::now();
        }
        if self.strange.len() < MAX_STRANGE {
            self.strange.push(address);
        }
    }
}

/// Asks the kernel, without sending anything: a socket of that address that talks to itself. Nothing is its own broadcast. `None` if
/// it cannot say now, for want of files for instance.
fn is_ours(address: IpAddr) -> Option<bool> {
    let is_single = match address {
        IpAddr::V4(v4) => !v4.is_multicast() && !v4.is_unspecified() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_unspecified(),
    };
    // Port 9 discards (RFC 863).
    if !is_single {
        return Some(false);
    }
    match UdpSocket::bind((address, 0)) {
        Ok(socket) => Some(socket.connect((address, 9)).is_ok()),
        Err(error) => matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::InvalidInput).then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    /// Of a network that is for documentation only (RFC 5737).
    const NOBODYS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

    #[test]
    fn an_address_is_ours_if_the_kernel_sends_from_it() {
        let mut own = Own::new(Vec::new());
        assert!(own.has(Ipv4Addr::new(127, 0, 0, 2).into()) && own.has(Ipv6Addr::LOCALHOST.into()));
        let others = ["203.0.113.9", "0.0.0.0", "224.0.0.1", "255.255.255.255", "127.255.255.255", "::", "ff02::1"];
        for other in others {
            assert!(!own.has(other.parse().expect("an address")), "{other}");
        }
        assert_eq!((own.known.len(), own.strange.len()), (2, others.len()));
    }

    #[test]
    fn an_address_that_went_is_found_out_and_one_that_did_not_stays() {
        let mut own = Own::new(vec![NOBODYS, Ipv4Addr::LOCALHOST.into()]);
        assert!(own.has(NOBODYS) && own.is_gone(NOBODYS));
        assert!(!own.has(NOBODYS) && !own.is_gone(NOBODYS));
        assert!(!own.is_gone(Ipv4Addr::LOCALHOST.into()) && own.has(Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn a_whole_network_that_leads_here_takes_no_more_room_than_a_few() {
        let mut own = Own::new(vec![Ipv4Addr::LOCALHOST.into()]);
        for last in 2..=200 {
            assert!(own.has(Ipv4Addr::new(127, 0, 0, last).into()));
            assert!(own.known.len() <= 1 + MAX_LEARNED);
        }
        assert!(own.has(Ipv4Addr::LOCALHOST.into()));
        for last in 0..=200 {
            assert!(!own.has(Ipv4Addr::new(203, 0, 113, last).into()));
        }
        assert_eq!(own.strange.len(), MAX_STRANGE);
    }
}
