//! Reads from a STUN request for which connection it is meant (RFC 8489 section 14.3).

/// Magic cookie of every STUN message.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

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
    let mut rest = &bytes[20..];
    while let [t0, t1, l0, l1, tail @ ..] = rest {
        let kind = u16::from_be_bytes([*t0, *t1]);
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        let value = tail.get(..length)?;
        if kind == USERNAME {
            return std::str::from_utf8(value).ok()?.split(':').next();
        }
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
    None
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
    fn a_cut_message_has_no_fragment() {
        let whole = request(b"ours:theirs");
        for length in 0..whole.len() - 12 {
            assert_eq!(local_ufrag(&whole[..length]), None);
        }
    }
}
