//! How packets lie in a TCP connection, and how such a connection begins.
//!
//! ICE-TCP puts the length of every packet in front of it, in two bytes (RFC 4571 section 2). TURN needs none: its messages
//! say how long they are.

use crate::stun;

/// Longest packet taken from a connection, in bytes. Media stays below 1500; more is no media.
pub(crate) const MAX_FRAME: usize = 4096;

/// Bytes that tell what a connection carries: length, type and length of a message, and the magic cookie.
pub(crate) const OPENING: usize = 10;

/// What a TCP connection turns out to be by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// A TLS handshake.
    Tls,
    /// ICE-TCP (RFC 6544).
    Ice,
    /// TURN (RFC 8656 section 3.1).
    Turn,
    /// Anything else, HTTP above all.
    Other,
    /// More bytes are needed. Never of HTTP, whose first byte is a letter.
    Unclear,
}

/// Judges by the first bytes.
pub fn opening(bytes: &[u8]) -> Opening {
    let Some(first) = bytes.first() else { return Opening::Unclear };
    if *first == 0x16 {
        return Opening::Tls;
    }
    // Both a short length and the type of a STUN request begin with few bits set.
    if *first >= 0x10 {
        return Opening::Other;
    }
    if bytes.get(4..8).is_some_and(|cookie| cookie == stun::COOKIE) {
        return Opening::Turn;
    }
    match bytes.get(6..OPENING) {
        Some(cookie) if cookie == stun::COOKIE => Opening::Ice,
        Some(_) => Opening::Other,
        None => Opening::Unclear,
    }
}

/// How packets are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// A length in front of each.
    Ice,
    /// Each tells its own.
    Turn,
}

/// The connection does not hold what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Garbage;

impl Framing {
    /// Where the first packet lies in `bytes`: its start, its end, and where the next one begins. `None` if it is not whole.
    ///
    /// # Errors
    /// No packet begins like that, or it is longer than [`MAX_FRAME`].
    pub(crate) fn first(self, bytes: &[u8]) -> Result<Option<(usize, usize, usize)>, Garbage> {
        let (start, end, next) = match self {
            Self::Ice => {
                let [high, low, ..] = bytes else { return Ok(None) };
                let end = 2 + usize::from(u16::from_be_bytes([*high, *low]));
                (2, end, end)
            }
            Self::Turn => match turn::length_in_stream(bytes) {
                Ok(Some(length)) => (0, length.message, length.with_padding),
                Ok(None) => return Ok(None),
                Err(turn::Garbage) => return Err(Garbage),
            },
        };
        if end - start > MAX_FRAME {
            return Err(Garbage);
        }
        Ok((bytes.len() >= next).then_some((start, end, next)))
    }

    /// Appends a packet as it goes over the connection.
    pub(crate) fn write(self, packet: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Ice => {
                // A packet of ours is a datagram, and those have 16 bits of length as well.
                let Ok(length) = u16::try_from(packet.len()) else { return };
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(packet);
            }
            Self::Turn => {
                out.extend_from_slice(packet);
                out.resize(out.len() + packet.len().next_multiple_of(4) - packet.len(), 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn binding() -> Vec<u8> {
        let mut message = vec![0, 1, 0, 0];
        message.extend(stun::COOKIE);
        message.extend([7; 12]);
        message
    }

    #[test]
    fn a_connection_is_told_by_how_it_begins() {
        let turn = [&[0, 3, 0, 0][..], &stun::COOKIE].concat();
        let ice = [&[0, 20][..], &binding()].concat();
        assert_eq!(opening(b"GET / HTTP/1.1"), Opening::Other);
        assert_eq!(opening(&[0x16]), Opening::Tls);
        assert_eq!(opening(&turn), Opening::Turn);
        assert_eq!(opening(&ice), Opening::Ice);
        assert_eq!(opening(&[0; 10]), Opening::Other);
        for length in 0..8 {
            assert_eq!(opening(&turn[..length]), Opening::Unclear);
            assert_eq!(opening(&ice[..length]), Opening::Unclear);
        }
        for method in ["GET", "POST", "OPTIONS", "HEAD", "PRI"] {
            assert_eq!(opening(&method.as_bytes()[..1]), Opening::Other, "{method}");
        }
    }

    #[test]
    fn a_packet_beyond_the_limit_is_garbage_before_it_is_there() {
        assert_eq!(Framing::Ice.first(&[0xff, 0xff]), Err(Garbage));
        assert_eq!(Framing::Ice.first(&[0x10, 0x00]), Ok(None));
    }

    proptest! {
        /// However the bytes are cut, the same packets come out.
        #[test]
        fn what_is_written_is_read(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20), cut in 1usize..50) {
            let mut wire = Vec::new();
            packets.iter().for_each(|packet| Framing::Ice.write(packet, &mut wire));
            let mut buffer = Vec::new();
            let mut read = Vec::new();
            for piece in wire.chunks(cut) {
                buffer.extend_from_slice(piece);
                while let Some((start, end, next)) = Framing::Ice.first(&buffer).unwrap() {
                    read.push(buffer[start..end].to_vec());
                    buffer.drain(..next);
                }
            }
            prop_assert_eq!(read, packets);
            prop_assert!(buffer.is_empty());
        }

        #[test]
        fn noise_never_reaches_behind_its_end(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            for framing in [Framing::Ice, Framing::Turn] {
                if let Ok(Some((start, end, next))) = framing.first(&bytes) {
                    prop_assert!(start <= end && end <= next && next <= bytes.len() && next > 0);
                }
            }
            opening(&bytes);
        }
    }
}
