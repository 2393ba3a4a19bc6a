//! How often one address may try.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Addresses remembered at once. When that many come within a minute, newcomers share one bucket.
const MOST: usize = 10_000;

/// A bucket of attempts per address; a whole IPv6 network of the usual size (/64) is one address.
pub(super) struct Limiter {
    /// Attempts in a row.
    burst: u32,
    /// One more every so often.
    refill: Duration,
    /// When each bucket will be full again. A moment in the past is a full bucket.
    full_at: HashMap<IpAddr, Instant>,
}

impl Limiter {
    pub(super) fn new(burst: u32, refill: Duration) -> Self {
        Self { burst, refill, full_at: HashMap::new() }
    }

    /// Whether the address's bucket holds an attempt.
    pub(super) fn admits(&self, address: IpAddr, now: Instant) -> bool {
        let full_at = self.full_at.get(&self.bucket(address)).copied().unwrap_or(now);
        full_at.max(now) + self.refill <= now + self.refill * self.burst
    }

    /// Takes one attempt out of the address's bucket; false if there is none.
    pub(super) fn take(&mut self, address: IpAddr, now: Instant) -> bool {
        if self.full_at.len() >= MOST {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        let admits = self.admits(address, now);
        if admits {
            let full_at = self.full_at.entry(self.bucket(address)).or_insert(now);
            *full_at = (*full_at).max(now) + self.refill;
        }
        admits
    }

    fn bucket(&self, address: IpAddr) -> IpAddr {
        let own = model::network(address);
        let fits = self.full_at.len() < MOST || self.full_at.contains_key(&own);
        if fits { own } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: u32 = 20;
    const REFILL: Duration = Duration::from_secs(3);

    fn limiter() -> (Limiter, Instant) {
        (Limiter::new(BURST, REFILL), Instant::now())
    }

    #[test]
    fn a_burst_is_fine_and_then_it_drips() {
        let (mut limiter, now) = limiter();
        let me = IpAddr::from([1, 2, 3, 4]);
        assert!((0..BURST).all(|_| limiter.take(me, now)));
        assert!(!limiter.admits(me, now) && !limiter.take(me, now));
        assert!(limiter.take([1, 2, 3, 5].into(), now));
        assert!(limiter.admits(me, now + REFILL) && limiter.take(me, now + REFILL));
        assert!(!limiter.take(me, now + REFILL));
        assert!((0..BURST).all(|_| limiter.take(me, now + Duration::from_secs(600))));
    }

    #[test]
    fn asking_takes_nothing() {
        let (mut limiter, now) = limiter();
        let me = IpAddr::from([1, 2, 3, 4]);
        assert!((0..BURST * 10).all(|_| limiter.admits(me, now)));
        assert!(limiter.take(me, now));
    }

    #[test]
    fn a_network_is_one_address() {
        let (mut limiter, now) = limiter();
        let at = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        assert!((0..BURST).all(|index| limiter.take(at(u16::try_from(index).unwrap()), now)));
        assert!(!limiter.take(at(99), now));
    }

    #[test]
    fn memory_is_bounded() {
        let (mut limiter, now) = limiter();
        for index in 0..30_000_u32 {
            limiter.take(IpAddr::from(index.to_be_bytes()), now);
        }
        assert!(limiter.full_at.len() <= MOST + 1);
        assert!(!limiter.take([9, 9, 9, 9].into(), now), "newcomers share a bucket while the town is full");
        assert!(limiter.take([9, 9, 9, 9].into(), now + Duration::from_secs(60)));
        assert_eq!(limiter.full_at.len(), 1);
    }
}
