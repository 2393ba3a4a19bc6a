//! How much of something scarce one network address may hold at a time, so that nobody takes it all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts what each address holds. Addresses that hold nothing are forgotten.
#[derive(Debug, Clone)]
pub struct Shares {
    most: usize,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of what an address holds; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    network: IpAddr,
    shares: Shares,
}

impl Shares {
    /// At most `most` for each address.
    pub fn new(most: usize) -> Self {
        Self { most, held: Arc::default() }
    }

    /// One more for that address; `None` if it holds as many as it may.
    pub fn take(&self, address: IpAddr) -> Option<Share> {
        let network = network(address);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(network).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Share { network, shares: self.clone() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.network);
            }
        }
    }
}

/// What counts as one address: an IPv4 address, also where it is written as an IPv6 one, or an IPv6 network of the usual
/// size (/64), which one person has whole.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_its_share_and_no_more_until_it_gives_some_back() {
        let shares = Shares::new(2);
        let take = |address: &str| shares.take(address.parse().unwrap());

        let first = take("192.0.2.1").unwrap();
        let second = take("::ffff:192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());
        let other = take("192.0.2.2").unwrap();

        drop(first);
        let third = take("192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());

        drop((second, third, other));
        assert!(shares.held.lock().unwrap().is_empty(), "who holds nothing is forgotten");
    }

    #[test]
    fn a_network_of_the_usual_size_is_one_address() {
        let shares = Shares::new(1);
        let _held = shares.take("2001:db8:0:1::1".parse().unwrap()).unwrap();

        assert!(shares.take("2001:db8:0:1::2".parse().unwrap()).is_none());
        assert!(shares.take("2001:db8:0:2::1".parse().unwrap()).is_some());
    }
}
