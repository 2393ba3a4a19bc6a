//! Reads from a STUN request for which connection it is meant (RFC 8489 section 14.3), and asks others for our address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Magic cookie of every STUN message.
pub(crate) const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Attribute type USERNAME.
const USERNAME: u16 = 0x0006;

/// Whether a datagram is STUN at all (RFC 7983).
pub(crate) fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= 20 && bytes[0] < 4 && bytes[4..8] == COOKIE
}

/// Our user name fragment, the part of USERNAME before the colon.
pub(crate) fn local_ufrag(bytes: &[u8]) -> Option<&str> {
    if !is_stun(bytes) {
        return None;
    }
    std::str::from_utf8(attribute(bytes, USERNAME)?).ok()?.split(':').next()
}

/// The value of the first attribute of that type in a STUN message.
fn attribute(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    let mut rest = &bytes[20..];
    while let [t0, t1, l0, l1, tail @ ..] = rest {
        let kind = u16::from_be_bytes([*t0, *t1]);
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = tail.get(..length)?;
        if kind == wanted {
            return Some(value);
        }
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// Attribute types PRIORITY and USE-CANDIDATE (RFC 8445 section 16.1).
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;

/// A check that marks its way as the one to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) priority: u32,
    pub(crate) transaction: [u8; 12],
}

/// Whether a datagram is such a check.
pub(crate) fn mark(bytes: &[u8]) -> Option<Mark> {
    if !is_stun(bytes) || bytes[..2] != [0, 1] {
        return None;
    }
    attribute(bytes, USE_CANDIDATE)?;
    let priority = attribute(bytes, PRIORITY)?.try_into().map(u32::from_be_bytes).ok()?;
    Some(Mark { priority, transaction: bytes[8..20].try_into().ok()? })
}

/// The transaction that a datagram is a successful answer to.
pub(crate) fn answered(bytes: &[u8]) -> Option<[u8; 12]> {
    if !is_stun(bytes) || bytes[..2] != BINDING_SUCCESS {
        return None;
    }
    bytes[8..20].try_into().ok()
}

/// Type of a successful answer to a binding request.
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];

/// Attribute type XOR-MAPPED-ADDRESS.
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// Asks a server how it sees us.
pub(crate) fn binding_request(transaction: &[u8; 12]) -> Vec<u8> {
    [&[0, 1, 0, 0][..], &COOKIE, transaction].concat()
}

/// What a server answers to that request; `None` for anything else.
pub(crate) fn mapped_address(bytes: &[u8], transaction: &[u8; 12]) -> Option<SocketAddr> {
    if !is_stun(bytes) || bytes[..2] != BINDING_SUCCESS || bytes[8..20] != *transaction {
        return None;
    }
    let value = attribute(bytes, XOR_MAPPED_ADDRESS)?;
    let mask = [&COOKIE[..], transaction].concat();
    let plain: Vec<u8> = value.get(4..)?.iter().zip(&mask).map(|(octet, mask)| octet ^ mask).collect();
    let port = u16::from_be_bytes([value[2] ^ mask[0], value[3] ^ mask[1]]);
    let ip = match value[1] {
        1 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(plain).ok()?)),
        2 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(plain).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Such an answer.
#[cfg(test)]
pub(crate) fn binding_response(transaction: &[u8; 12], mapped: SocketAddr) -> Vec<u8> {
    let mask = [&COOKIE[..], transaction].concat();
    let ip = match mapped.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let mixed = |octets: &[u8]| octets.iter().zip(&mask).map(|(octet, mask)| octet ^ mask).collect::<Vec<u8>>();
    let family = if mapped.is_ipv4() { 1 } else { 2 };
    let value = [&[0, family], &mixed(&mapped.port().to_be_bytes())[..], &mixed(&ip)].concat();
    let length = u8::try_from(value.len()).unwrap();
    [&BINDING_SUCCESS[..], &[0, length + 4], &COOKIE, transaction, &[0, 0x20, 0, length], &value].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(username: &[u8]) -> Vec<u8> {
        let mut message = vec![0, 1, 0, 0];
        message.extend(COOKIE);
        message.extend([7; 12]);
        // PRIORITY in front, as browsers do.
        message.extend([0, 0x24, 0, 4, 1, 2, 3, 4]);
        message.extend([0, 6, 0, u8::try_from(username.len()).unwrap()]);
        message.extend(username);
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    #[test]
    fn the_fragment_in_front_of_the_colon_is_ours() {
        assert_eq!(local_ufrag(&request(b"ours:theirs")), Some("ours"));
        assert_eq!(local_ufrag(&request(b"\xff\xfe:x")), None);
    }

    #[test]
    fn the_mapped_address_is_the_one_a_server_wrote() {
        for mapped in ["203.0.113.7:4711", "[2001:db8::7]:9"] {
            let mapped = mapped.parse().unwrap();
            let answer = binding_response(b"transactions", mapped);
            assert_eq!(mapped_address(&answer, b"transactions"), Some(mapped));
            assert_eq!(mapped_address(&answer, b"transaction5"), None);
            for length in 0..answer.len() {
                assert_eq!(mapped_address(&answer[..length], b"transactions"), None);
            }
        }
    }

    #[test]
    fn a_mark_is_told_from_a_plain_check() {
        let plain = request(b"ours:theirs");
        assert_eq!(mark(&plain), None);
        let marked = [&plain[..], &[0, 0x25, 0, 0]].concat();
        assert_eq!(mark(&marked), Some(Mark { priority: 0x0102_0304, transaction: [7; 12] }));
        let mut answer = marked;
        answer[0] = 1;
        assert_eq!(mark(&answer), None);
        assert_eq!((answered(&plain), answered(&answer)), (None, Some([7; 12])));
    }

    #[test]
    fn a_cut_message_has_no_fragment() {
        let whole = request(b"ours:theirs");
        for length in 0..whole.len() - 12 {
            assert_eq!(local_ufrag(&whole[..length]), None);
        }
    }
}
