//! How often one address may knock.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Knocks in a row.
const BURST: u32 = 20;
/// One more every so often.
const REFILL: Duration = Duration::from_secs(3);
/// Addresses remembered at once. When that many knock within a minute, newcomers share one bucket.
const MOST: usize = 10_000;

/// A bucket of knocks per address; a whole IPv6 network of the usual size (/64) is one address.
#[derive(Default)]
pub(super) struct Limiter {
    /// When each bucket will be full again. A moment in the past is a full bucket.
    full_at: HashMap<IpAddr, Instant>,
}

impl Limiter {
    /// Takes one knock out of the address's bucket; false if there is none.
    pub(super) fn admits(&mut self, address: IpAddr, now: Instant) -> bool {
        let mut address = network(address);
        if self.full_at.len() >= MOST && !self.full_at.contains_key(&address) {
            self.full_at.retain(|_, full_at| *full_at > now);
            if self.full_at.len() >= MOST {
                address = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let full_at = self.full_at.entry(address).or_insert(now);
        let next = (*full_at).max(now) + REFILL;
        let fits = next <= now + REFILL * BURST;
        if fits {
            *full_at = next;
        }
        fits
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_fine_and_then_it_drips() {
        let (mut limiter, now) = (Limiter::default(), Instant::now());
        let me = IpAddr::from([1, 2, 3, 4]);
        assert!((0..BURST).all(|_| limiter.admits(me, now)));
        assert!(!limiter.admits(me, now));
        assert!(limiter.admits([1, 2, 3, 5].into(), now));
        assert!(limiter.admits(me, now + REFILL));
        assert!(!limiter.admits(me, now + REFILL));
        assert!((0..BURST).all(|_| limiter.admits(me, now + Duration::from_secs(600))));
    }

    #[test]
    fn a_network_is_one_address() {
        let (mut limiter, now) = (Limiter::default(), Instant::now());
        let at = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        assert!((0..BURST).all(|index| limiter.admits(at(u16::try_from(index).unwrap()), now)));
        assert!(!limiter.admits(at(99), now));
    }

    #[test]
    fn memory_is_bounded() {
        let (mut limiter, now) = (Limiter::default(), Instant::now());
        for index in 0..30_000_u32 {
            limiter.admits(IpAddr::from(index.to_be_bytes()), now);
        }
        assert!(limiter.full_at.len() <= MOST + 1);
        assert!(!limiter.admits([9, 9, 9, 9].into(), now), "newcomers share a bucket while the town is full");
        assert!(limiter.admits([9, 9, 9, 9].into(), now + Duration::from_secs(60)));
        assert_eq!(limiter.full_at.len(), 1);
    }
}
