//! Frames on the pipe between the peers and the media plane: length, kind, number of the peer, content.

use std::io::{self, Read};

/// A peer joins: room, a zero byte, identity, a zero byte, the encoded `livekit.JoinRequest`.
pub(crate) const OPEN: u8 = 0;
/// A signalling message, either way.
pub(crate) const MESSAGE: u8 = 1;
/// The media plane closed the signalling socket of a peer, or refused it.
pub(crate) const CLOSED: u8 = 2;
/// A room is over; its name.
pub(crate) const END: u8 = 3;

/// Longest frame.
const LONGEST: usize = 4 << 20;

/// One frame.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) peer: u32,
    pub(crate) content: Vec<u8>,
}

impl Frame {
    pub(crate) fn encode(kind: u8, peer: u32, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let mut frame = Vec::with_capacity(9 + content.len());
        frame.extend(length.to_be_bytes());
        frame.push(kind);
        frame.extend(peer.to_be_bytes());
        frame.extend_from_slice(content);
        frame
    }

    /// Length, kind and peer of a frame's first nine bytes.
    pub(crate) fn head(bytes: [u8; 9]) -> io::Result<(usize, u8, u32)> {
        let [l0, l1, l2, l3, kind, p0, p1, p2, p3] = bytes;
        let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(io::Error::other("a frame is too long"));
        }
        Ok((length, kind, u32::from_be_bytes([p0, p1, p2, p3])))
    }

    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; 9];
        from.read_exact(&mut head)?;
        let (length, kind, peer) = Self::head(head)?;
        let mut content = vec![0; length];
        from.read_exact(&mut content)?;
        Ok(Self { kind, peer, content })
    }
}
