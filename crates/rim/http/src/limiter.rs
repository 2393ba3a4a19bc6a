//! How often somebody may ask: a bucket of attempts that fills again.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Callers remembered at once. When that many come within the time a bucket takes to fill, newcomers share one.
const MOST: usize = 10_000;

/// A bucket of attempts per caller. Whoever counts addresses counts networks ([`network`]).
pub(crate) struct Limiter<K> {
    /// Attempts in a row.
    burst: u32,
    /// One more every so often.
    refill: Duration,
    /// When each bucket will be full again. A moment in the past is a full bucket. `None` is everybody who finds no place.
    full_at: HashMap<Option<K>, Instant>,
}

/// A whole IPv6 network of the usual size (/64) is one address.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    model::network(address)
}

impl<K: Hash + Eq> Limiter<K> {
    pub(crate) fn new(burst: u32, refill: Duration) -> Self {
        Self { burst, refill, full_at: HashMap::new() }
    }

    /// Whether the caller's bucket holds an attempt; otherwise how long until it does.
    pub(crate) fn admits(&self, caller: K, now: Instant) -> Result<(), Duration> {
        self.room_in(&self.bucket(caller), now)
    }

    /// Takes one attempt out of the caller's bucket, or says how long until there is one.
    pub(crate) fn take(&mut self, caller: K, now: Instant) -> Result<(), Duration> {
        if self.full_at.len() >= MOST {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        let bucket = self.bucket(caller);
        self.room_in(&bucket, now)?;
        let full_at = self.full_at.entry(bucket).or_insert(now);
        *full_at = (*full_at).max(now) + self.refill;
        Ok(())
    }

    fn room_in(&self, bucket: &Option<K>, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.get(bucket).copied().unwrap_or(now);
        let over = (full_at.max(now) + self.refill).saturating_duration_since(now + self.refill * self.burst);
        if over.is_zero() { Ok(()) } else { Err(over) }
    }

    fn bucket(&self, caller: K) -> Option<K> {
        let own = Some(caller);
        if self.full_at.len() < MOST || self.full_at.contains_key(&own) { own } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: u32 = 20;
    const REFILL: Duration = Duration::from_secs(3);

    fn limiter() -> (Limiter<IpAddr>, Instant) {
        (Limiter::new(BURST, REFILL), Instant::now())
    }

    #[test]
    fn a_burst_is_fine_and_then_it_drips() {
        let (mut limiter, now) = limiter();
        let me = IpAddr::from([1, 2, 3, 4]);
        assert!((0..BURST).all(|_| limiter.take(me, now).is_ok()));
        assert!(limiter.admits(me, now) == Err(REFILL) && limiter.take(me, now) == Err(REFILL));
        assert!(limiter.take([1, 2, 3, 5].into(), now).is_ok());
        assert!(limiter.admits(me, now + REFILL).is_ok() && limiter.take(me, now + REFILL).is_ok());
        assert!(limiter.take(me, now + REFILL).is_err());
        assert!((0..BURST).all(|_| limiter.take(me, now + Duration::from_secs(600)).is_ok()));
    }

    #[test]
    fn asking_takes_nothing() {
        let (mut limiter, now) = limiter();
        let me = IpAddr::from([1, 2, 3, 4]);
        assert!((0..BURST * 10).all(|_| limiter.admits(me, now).is_ok()));
        assert!(limiter.take(me, now).is_ok());
    }

    #[test]
    fn a_network_is_one_address() {
        let (mut limiter, now) = limiter();
        let at = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        assert!((0..BURST).all(|index| limiter.take(network(at(u16::try_from(index).unwrap())), now).is_ok()));
        assert!(limiter.take(network(at(99)), now).is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let (mut limiter, now) = limiter();
        for index in 0..30_000_u32 {
            let _ = limiter.take(IpAddr::from(index.to_be_bytes()), now);
        }
        assert!(limiter.full_at.len() <= MOST + 1);
        assert!(limiter.take([9, 9, 9, 9].into(), now).is_err(), "newcomers share a bucket while the town is full");
        assert!(limiter.take([9, 9, 9, 9].into(), now + Duration::from_secs(60)).is_ok());
        assert_eq!(limiter.full_at.len(), 1);
    }
}
