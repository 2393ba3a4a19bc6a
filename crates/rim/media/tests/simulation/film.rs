//! What publishers send, and what can be read from it again: every packet says whose it is, and which.

use std::sync::Arc;

/// A packet of a picture as its sender knew it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shot {
    pub(crate) publisher: u16,
    /// Counts how often this client published a camera.
    pub(crate) camera: u8,
    pub(crate) layer: u8,
    pub(crate) frame: u32,
    pub(crate) first: bool,
    pub(crate) last: bool,
    pub(crate) key_frame: bool,
    /// Temporal layer, 0 or 1; nothing depends on pictures of 1.
    pub(crate) temporal: u8,
    /// As rewritten on the way.
    pub(crate) picture_id: u16,
    pub(crate) base_index: u8,
}

/// The VP8 descriptor before the payload proper: flags, extension flags, picture id of 15 bits, base index, temporal layer.
const DESCRIPTOR: usize = 6;
const MARK: u8 = 0xa5;

impl Shot {
    /// VP8 with our own words behind the frame header.
    pub(crate) fn payload(&self, size: usize) -> Arc<[u8]> {
        let disposable = if self.temporal > 0 { 0x20 } else { 0 };
        let mut bytes = vec![0x80 | disposable | if self.first { 0x10 } else { 0 }, 0xe0];
        bytes.extend((0x8000 | (self.picture_id & 0x7fff)).to_be_bytes());
        bytes.extend([self.base_index, self.temporal << 6]);
        if self.first {
            bytes.extend(if self.key_frame {
                [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0x68, 1]
            } else {
                [0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0]
            });
        }
        bytes.push(MARK);
        bytes.extend(self.publisher.to_be_bytes());
        bytes.extend([self.camera, self.layer, u8::from(self.last)]);
        bytes.extend(self.frame.to_be_bytes());
        bytes.resize(size.max(bytes.len()), 7);
        bytes.into()
    }

    /// The number of a picture as it is outside of packets.
    pub(crate) fn number_in(frame: &[u8]) -> Option<u32> {
        let [MARK, _, _, _, _, _, f0, f1, f2, f3, ..] = *frame.get(10..)? else { return None };
        Some(u32::from_be_bytes([f0, f1, f2, f3]))
    }

    /// A picture of one packet as it is outside of it.
    pub(crate) fn frame(&self, size: usize) -> Vec<u8> {
        self.payload(size + DESCRIPTOR)[DESCRIPTOR..].to_vec()
    }

    /// Reads it again. `None` for what no publisher of ours sent.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let descriptor = payload.get(..DESCRIPTOR)?;
        let first = descriptor[0] & 0x10 != 0;
        let ours = payload.get(DESCRIPTOR + if first { 10 } else { 0 }..)?;
        let [MARK, a, b, camera, layer, last, f0, f1, f2, f3, ..] = *ours else { return None };
        Some(Self {
            publisher: u16::from_be_bytes([a, b]),
            camera,
            layer,
            frame: u32::from_be_bytes([f0, f1, f2, f3]),
            first,
            last: last == 1,
            key_frame: first && payload[DESCRIPTOR] & 1 == 0,
            temporal: descriptor[5] >> 6,
            picture_id: u16::from_be_bytes([descriptor[2], descriptor[3]]) & 0x7fff,
            base_index: descriptor[4],
        })
    }
}

/// A packet of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sound {
    pub(crate) publisher: u16,
    pub(crate) number: u32,
}

impl Sound {
    pub(crate) fn payload(self) -> Arc<[u8]> {
        let mut bytes = vec![0xfc, MARK];
        bytes.extend(self.publisher.to_be_bytes());
        bytes.extend(self.number.to_be_bytes());
        bytes.resize(60, 7);
        bytes.into()
    }

    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let [0xfc, MARK, a, b, n0, n1, n2, n3, ..] = *payload else { return None };
        Some(Self { publisher: u16::from_be_bytes([a, b]), number: u32::from_be_bytes([n0, n1, n2, n3]) })
    }
}
