//! Where the media plane listens and under which addresses clients find it.

use crate::detour::{self, Kind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Settings of the media plane.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// UDP port for all media; 0 takes a free one.
    pub port: u16,
    /// Address to listen on; `None`: every one, IPv4 and IPv6.
    pub bind: Option<IpAddr>,
    /// Addresses given to clients. Empty: those of the interfaces.
    pub advertise: Vec<IpAddr>,
    /// Give clients loopback addresses too, for a server on one's own machine.
    pub include_loopback: bool,
    /// Sets the ids of this process apart from those of others.
    pub seed: u64,
    /// Threads that forward, each with rooms of its own; 0: one less than there are processors, so that one is left for
    /// everything else.
    pub threads: usize,
    /// From so many subscriptions on, or a fifth as many people, the connections of a room's newcomers are spread over all threads;
    /// `None`: from 300 on.
    pub spread: Option<usize>,
    /// TCP port whose connections come in through [`crate::StreamDoor`]; clients are told of it. `None`: of none.
    pub stream_port: Option<u16>,
    /// Differentiated services field of datagrams, 0 to 63 (RFC 2474).
    pub dscp: Option<u8>,
    /// What the TURN server is made with; `None`: there is none.
    pub turn: Option<TurnSettings>,
}

/// What the embedded TURN server is made with.
#[derive(Debug, Clone)]
pub struct TurnSettings {
    /// Shown to clients.
    pub realm: String,
    /// What logins follow from.
    pub secret: turn::Secret,
    /// Unguessable.
    pub nonce_key: [u8; 32],
}

impl TurnSettings {
    /// For a server whose only peers are those addresses.
    pub(crate) fn server(&self, peers: &[SocketAddr]) -> turn::Config {
        turn::Config {
            realm: self.realm.clone(),
            secret: self.secret.clone(),
            nonce_key: self.nonce_key,
            peers: peers.to_vec(),
            relayed: |number, like| detour::address(Kind::Relayed, number, like),
        }
    }
}

/// Most threads that forward.
const MAX_SHARDS: usize = 64;

/// Most addresses an SDP names.
const MAX_ADDRESSES: usize = 16;

impl MediaConfig {
    /// How many threads forward.
    #[must_use]
    pub fn shards(&self) -> usize {
        let spare = || std::thread::available_parallelism().map_or(1, |all| all.get() - 1);
        let wanted = if self.threads == 0 { spare() } else { self.threads };
        wanted.clamp(1, MAX_SHARDS)
    }

    /// The addresses for clients, those a client most likely reaches first.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let mut found = self.advertise.clone();
        if found.is_empty() {
            match self.bind {
                Some(bind) if !bind.is_unspecified() => found.push(bind),
                _ => found = interface_addresses(),
            }
        }
        if self.include_loopback || found.is_empty() {
            found.push(Ipv4Addr::LOCALHOST.into());
            found.push(Ipv6Addr::LOCALHOST.into());
        }
        let usable = |address: &IpAddr| match self.bind {
            Some(IpAddr::V4(_)) => address.is_ipv4(),
            Some(IpAddr::V6(_)) => address.is_ipv6(),
            None => true,
        };
        let mut addresses = Vec::new();
        for address in found.into_iter().filter(usable) {
            if !addresses.contains(&address) && addresses.len() < MAX_ADDRESSES {
                addresses.push(address);
            }
        }
        addresses
    }
}

/// Addresses that can be sent from on this machine. One that is only advertised, in front of a translation, cannot.
pub(crate) fn own_addresses() -> Vec<IpAddr> {
    let mut own = interface_addresses();
    own.push(Ipv4Addr::LOCALHOST.into());
    own.push(Ipv6Addr::LOCALHOST.into());
    own
}

/// Addresses of the interfaces without loopback and link-local ones: the one of the default route first, then what the
/// kernel lists.
fn interface_addresses() -> Vec<IpAddr> {
    let mut found = Vec::new();
    // Connecting a datagram socket sends nothing; it only chooses the route. The targets are documentation addresses.
    let routes: [(IpAddr, IpAddr); 2] = [
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ];
    for (from, to) in routes {
        let local = UdpSocket::bind((from, 0)).and_then(|socket| {
            socket.connect((to, 9))?;
            socket.local_addr()
        });
        found.extend(local.map(|address| address.ip()).ok());
    }
    if let Ok(table) = std::fs::read_to_string("/proc/net/fib_trie") {
        found.extend(ipv4_of_fib_trie(&table));
    }
    if let Ok(table) = std::fs::read_to_string("/proc/net/if_inet6") {
        found.extend(ipv6_of_if_inet6(&table));
    }
    found.retain(|address| !address.is_loopback() && !address.is_unspecified());
    found
}

/// Local addresses of the routing table: a leaf `|-- 10.0.0.1` followed by `/32 host LOCAL`.
fn ipv4_of_fib_trie(table: &str) -> Vec<IpAddr> {
    let mut leaf = None;
    let mut found = Vec::new();
    for line in table.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(leaf.map(IpAddr::from));
        }
    }
    found
}

/// Global addresses of the interface list: 32 hex digits, index, prefix length, scope (`00` is global), flags, name.
fn ipv6_of_if_inet6(table: &str) -> Vec<IpAddr> {
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let digits = fields.next()?;
            (fields.nth(2)? == "00").then_some(())?;
            u128::from_str_radix(digits, 16).ok().map(|bits| Ipv6Addr::from(bits).into())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_read_from_the_kernel_tables() {
        let trie = "  +-- 10.1.0.0/24 2 0 2\n     |-- 10.1.0.0\n        /24 link UNICAST\n     |-- 10.1.0.7\n        /32 host LOCAL\n";
        assert_eq!(ipv4_of_fib_trie(trie), vec![IpAddr::from([10, 1, 0, 7])]);
        let list =
            "fe800000000000000000000000000001 02 40 20 80 eth0\n20010db8000000000000000000000002 02 40 00 80 eth0\n";
        assert_eq!(ipv6_of_if_inet6(list), vec!["2001:db8::2".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn configured_addresses_replace_discovery_and_loopback_is_added_on_demand() {
        let mut config = MediaConfig {
            port: 0,
            bind: None,
            advertise: vec![IpAddr::from([203, 0, 113, 5])],
            include_loopback: false,
            seed: 1,
            threads: 1,
            spread: None,
            stream_port: None,
            dscp: None,
            turn: None,
        };
        assert_eq!(config.addresses(), vec![IpAddr::from([203, 0, 113, 5])]);
        config.include_loopback = true;
        assert!(config.addresses().contains(&IpAddr::from(Ipv4Addr::LOCALHOST)));
        config.bind = Some(Ipv4Addr::UNSPECIFIED.into());
        assert!(config.addresses().iter().all(IpAddr::is_ipv4));
    }
}
