//! Addresses in attributes, mixed with the magic cookie (RFC 8489 section 14.2).

use crate::message::COOKIE;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// The mask of an address: the cookie, and for the long ones the transaction id behind it.
fn mask(transaction: &[u8; 12]) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE);
    mask[4..].copy_from_slice(transaction);
    mask
}

pub(crate) fn write(address: SocketAddr, transaction: &[u8; 12]) -> Vec<u8> {
    let mask = mask(transaction);
    let mixed = |octets: &[u8]| octets.iter().zip(mask).map(|(octet, mask)| octet ^ mask).collect::<Vec<u8>>();
    let port = mixed(&address.port().to_be_bytes());
    let (family, ip) = match address.ip() {
        IpAddr::V4(ip) => (IPV4, mixed(&ip.octets())),
        IpAddr::V6(ip) => (IPV6, mixed(&ip.octets())),
    };
    [&[0, family], &port[..], &ip[..]].concat()
}

pub(crate) fn read(value: &[u8], transaction: &[u8; 12]) -> Option<SocketAddr> {
    let mask = mask(transaction);
    let (head, ip) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([head[2] ^ mask[0], head[3] ^ mask[1]]);
    let plain = |octets: &[u8]| octets.iter().zip(mask).map(|(octet, mask)| octet ^ mask).collect::<Vec<u8>>();
    let ip = match head[1] {
        IPV4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(plain(ip)).ok()?)),
        IPV6 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(plain(ip)).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_as_it_was() {
        for address in ["203.0.113.7:8080", "[2001:db8::7]:65535", "0.0.0.0:0"] {
            let address = address.parse().unwrap();
            let value = write(address, b"transactions");
            assert_eq!(read(&value, b"transactions"), Some(address));
            assert_eq!(read(&value[..value.len() - 1], b"transactions"), None);
        }
        // The vector of RFC 5769 section 2.2.
        let transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let value = [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        assert_eq!(read(&value, &transaction), Some("192.0.2.1:32853".parse().unwrap()));
    }
}
