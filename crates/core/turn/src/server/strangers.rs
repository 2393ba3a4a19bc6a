//! How many answers go to those who show no credentials.
//!
//! The source of a datagram may be a lie, and an answer with a nonce is longer than its question: so there are only so many a
//! second, to everybody together and to each network. Whoever is sure to receive what we send, because it comes over a
//! connection or because a nonce was made for that very address, takes from nobody's share but its own. So a flood of datagrams
//! keeps nobody out who comes over TCP or TLS, nor anybody who only has to renew an old nonce.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Answers a second to datagrams: all together, and to one network. That many come at once where a school is behind one
/// translation.
const ALL: u32 = 500;
const PER_NETWORK: u32 = 100;

/// Answers a second to one client that is sure to receive them. When its nonce is too old, an honest one learns that from a few
/// requests that it makes at once.
const PER_CLIENT: u32 = 32;

/// Such clients of one second that are told apart; more of them are like anybody else.
const CLIENTS: usize = 16 * 1024;

/// Addresses of one customer or site: a /24 of IPv4, a /48 of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 3]),
    V6([u8; 6]),
}

impl Network {
    fn of(address: SocketAddr) -> Self {
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f])
            }
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Strangers<C> {
    /// When this second began.
    since: Instant,
    answered: u32,
    /// Only those that were answered, so there are no more than that.
    networks: HashMap<Network, u32>,
    clients: BTreeMap<C, u32>,
}

impl<C: Copy + Ord> Strangers<C> {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, answered: 0, networks: HashMap::new(), clients: BTreeMap::new() }
    }

    /// Whether one more is answered, to a client at that address that is sure to receive it or is not.
    pub(super) fn answers(&mut self, now: Instant, client: C, mapped: SocketAddr, is_sure: bool) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        if is_sure && (self.clients.len() < CLIENTS || self.clients.contains_key(&client)) {
            return one_more(self.clients.entry(client).or_default(), PER_CLIENT);
        }
        if self.answered >= ALL {
            return false;
        }
        let answers = one_more(self.networks.entry(Network::of(mapped)).or_default(), PER_NETWORK);
        self.answered += u32::from(answers);
        answers
    }
}

fn one_more(answered: &mut u32, most: u32) -> bool {
    let answers = *answered < most;
    *answered += u32::from(answers);
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse().unwrap(), 9)
    }

    #[test]
    fn one_network_leaves_answers_for_others() {
        let now = Instant::now();
        let mut strangers = Strangers::new(now);
        let mut answered = |network: &str, host: u32| {
            (0..1_000).filter(|_| strangers.answers(now, host, from(network), false)).count()
        };

        assert_eq!(answered("198.51.100.1", 1), 100);
        assert_eq!(answered("198.51.100.2", 2), 0, "the same network");
        assert_eq!(answered("::ffff:198.51.100.3", 3), 0, "and again");
        assert_eq!(answered("2001:db8::1", 4), 100);
        assert_eq!(answered("2001:db8:0:ffff::1", 5), 0);
        assert_eq!(answered("2001:db8:1::1", 6), 100);
        assert_eq!(answered("203.0.113.1", 7), 100);
        assert_eq!(answered("192.0.2.1", 8), 100);
        assert_eq!(answered("192.0.3.1", 9), 0, "that is all for this second");
        assert!(strangers.networks.len() <= 500);
        assert!(strangers.answers(now + Duration::from_secs(1), 1, from("198.51.100.1"), false));
    }

    #[test]
    fn who_is_sure_to_receive_answers_has_a_share_of_its_own() {
        let now = Instant::now();
        let mut strangers = Strangers::new(now);
        let there = from("198.51.100.1");
        let mut answered =
            |client: u32, is_sure| (0..1_000).filter(|_| strangers.answers(now, client, there, is_sure)).count();

        assert_eq!((answered(1, true), answered(2, true)), (32, 32));
        assert_eq!(answered(3, false), 100);
        assert_eq!((answered(4, true), answered(1, true)), (32, 0));
    }

    #[test]
    fn so_many_clients_are_told_apart_and_no_more() {
        let now = Instant::now();
        let mut strangers = Strangers::new(now);
        let there = from("198.51.100.1");
        let answered = (0..50_000_u32).filter(|client| strangers.answers(now, *client, there, true)).count();
        assert_eq!((answered, strangers.clients.len()), (CLIENTS + 100, CLIENTS));
    }
}
