//! Addresses for ways to a client that are no datagrams of our own socket: a TCP connection, or an allocation of our TURN
//! server.
//!
//! The WebRTC stack and the demultiplexer know datagrams between two addresses and nothing else. So every other way gets an
//! address that nobody on a network can have, and looks like a client there: what arrives comes from it, and what is sent to
//! it is turned off to the way it stands for. IPv4: `240.0.0.0/8` (reserved, RFC 1112 section 4). IPv6: `100::/64` (discarded
//! everywhere, RFC 6666).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// First octet of such an IPv4 address.
const RESERVED: u8 = 240;

/// First four words of such an IPv6 address.
const DISCARDED: [u16; 4] = [0x100, 0, 0, 0];

/// What kind of way it is, so that two kinds never share an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A TCP connection that carries one client's packets.
    Stream = 1,
    /// An allocation of the TURN server.
    Relayed = 2,
}

/// The address of way `number` in the family of `like`.
pub(crate) fn address(kind: Kind, number: u32, like: IpAddr) -> SocketAddr {
    // Port 0 is no port: the number is spread so that the lowest 15 bits become a port that has its highest bit set.
    let [_, a, b, c] = (number >> 15).to_be_bytes();
    let port = u16::try_from(number & 0x7fff).unwrap_or(0) | 0x8000;
    let kind = kind as u8;
    let ip = match like {
        // Two bits of the second octet keep the kinds apart; the rest and two more octets number 2^37 ways.
        IpAddr::V4(_) => Ipv4Addr::new(RESERVED, kind << 6 | (a & 0x3f), b, c).into(),
        IpAddr::V6(_) => {
            let [w0, w1, w2, w3] = DISCARDED;
            Ipv6Addr::new(w0, w1, w2, w3, kind.into(), 0, a.into(), u16::from_be_bytes([b, c])).into()
        }
    };
    SocketAddr::new(ip, port)
}

/// Whether an address stands for such a way.
pub(crate) fn is_detour(address: &SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(ip) => ip.octets()[0] == RESERVED,
        IpAddr::V6(ip) => ip.segments()[..4] == DISCARDED,
    }
}

/// Which kind of way an address stands for.
pub(crate) fn kind(address: &SocketAddr) -> Option<Kind> {
    if !is_detour(address) {
        return None;
    }
    let kind = match address.ip() {
        IpAddr::V4(ip) => u16::from(ip.octets()[1] >> 6),
        IpAddr::V6(ip) => ip.segments()[4],
    };
    [Kind::Stream, Kind::Relayed].into_iter().find(|known| *known as u16 == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ways_have_addresses_of_their_own() {
        let families = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let numbers = [0, 1, 0x7fff, 0x8000, 0x1234_5678, u32::MAX];
        let mut seen = HashSet::new();
        for like in families {
            for number in numbers {
                for which in [Kind::Stream, Kind::Relayed] {
                    let address = address(which, number, like);
                    assert!(is_detour(&address) && address.port() != 0);
                    assert_eq!(kind(&address), Some(which));
                    assert_eq!(address.is_ipv4(), like.is_ipv4());
                    assert!(seen.insert(address), "{address}");
                }
            }
        }
    }

    #[test]
    fn addresses_of_clients_are_no_ways() {
        for client in ["203.0.113.7:9", "127.0.0.1:9", "[2001:db8::1]:9", "[::1]:9", "255.255.255.255:9"] {
            let client = client.parse().unwrap();
            assert!(!is_detour(&client));
            assert_eq!(kind(&client), None);
        }
    }
}
