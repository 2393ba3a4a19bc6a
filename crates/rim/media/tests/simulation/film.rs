//! What publishers send, and what can be read from it again: every packet says whose it is, and which.

use super::coding;
use sfu::red;
use sfu::vp9::Vp9;
use std::sync::Arc;

/// As Chromium numbers them.
pub(crate) const OPUS: u8 = 111;
pub(crate) const RED: u8 = 63;

/// Codecs pictures come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Vp8,
    H264,
    Vp9,
    Av1,
}

impl Codec {
    const ALL: [Self; 4] = [Self::Vp8, Self::H264, Self::Vp9, Self::Av1];

    pub(crate) const fn payload_type(self) -> u8 {
        match self {
            Self::Vp8 => 96,
            Self::H264 => 108,
            Self::Vp9 => 98,
            Self::Av1 => 45,
        }
    }

    pub(crate) fn of_payload_type(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.payload_type() == number)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "vp8",
            Self::H264 => "h264",
            Self::Vp9 => "vp9",
            Self::Av1 => "av1",
        }
    }
}

/// A packet of a picture as its sender knew it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shot {
    pub(crate) codec: Codec,
    /// All sizes come in one stream; else each in its own.
    pub(crate) scalable: bool,
    pub(crate) publisher: u16,
    /// Counts how often this client published a camera.
    pub(crate) camera: u8,
    pub(crate) layer: u8,
    pub(crate) frame: u32,
    /// The first packet of its layer's picture, and the last.
    pub(crate) first: bool,
    pub(crate) last: bool,
    pub(crate) key_frame: bool,
    /// Temporal layer, 0 or 1; nothing depends on pictures of 1.
    pub(crate) temporal: u8,
    /// What its sender counted: pictures, with AV1 those of each layer, and pictures of the temporal layer 0.
    pub(crate) id: u16,
    pub(crate) base: u8,
    /// As rewritten on the way: what of both the codec tells.
    pub(crate) picture_id: u16,
    pub(crate) base_index: u8,
    /// As rewritten on the way: nothing more comes of the picture.
    pub(crate) marker: bool,
}

/// The VP8 descriptor before the payload proper: flags, extension flags, picture id of 15 bits, base index, temporal layer.
const DESCRIPTOR: usize = 6;
const MARK: u8 = 0xa5;

/// Bytes of a VP8 frame header before our own words.
const VP8_HEADER: usize = 10;

/// Sizes of scalable streams, as VP9 tells them.
const SIZES: [[u8; 4]; 2] = [[1, 64, 0, 180], [2, 128, 1, 104]];

impl Shot {
    /// The payload in its codec, with our own words behind the frame header.
    pub(crate) fn payload(&self, size: usize) -> Arc<[u8]> {
        let mut bytes = match self.codec {
            Codec::Vp8 => self.vp8(),
            Codec::H264 => self.h264(),
            Codec::Vp9 => self.vp9(),
            Codec::Av1 => self.av1(),
        };
        bytes.resize(size.max(bytes.len()), 7);
        bytes.into()
    }

    fn words(&self) -> [u8; 13] {
        let flags = [self.first, self.last, self.key_frame, self.scalable, self.temporal > 0];
        let flags = flags.into_iter().enumerate().fold(0, |byte, (bit, set)| byte | u8::from(set) << bit);
        let [p0, p1] = self.publisher.to_be_bytes();
        let [i0, i1] = self.id.to_be_bytes();
        let [f0, f1, f2, f3] = self.frame.to_be_bytes();
        [MARK, p0, p1, self.camera, self.layer, flags, f0, f1, f2, f3, i0, i1, self.base]
    }

    fn vp8(&self) -> Vec<u8> {
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
        bytes.extend(self.words());
        bytes
    }

    /// A key picture begins with its parameter sets; whatever takes two packets is a fragmented unit.
    fn h264(&self) -> Vec<u8> {
        let words = self.words();
        if !self.key_frame {
            let edge = if self.first { 0x80 } else { 0 } | if self.last { 0x40 } else { 0 };
            let head: &[u8] = if self.first && self.last { &[0x61] } else { &[0x7c, edge | 1] };
            return [head, &words].concat();
        }
        if !self.first {
            return [&[0x65], &words[..]].concat();
        }
        let sequence = [&[0x67, 0x42, 0xe0, 0x1f], &words[..]].concat();
        let picture = vec![0x68, 0xce, 9];
        let slice = vec![0x65, 0x88, 7];
        let units = if self.last { vec![sequence, picture, slice] } else { vec![sequence, picture] };
        let sized = units.into_iter().map(|unit| [&[0, u8::try_from(unit.len()).unwrap()], &unit[..]].concat());
        std::iter::once(vec![0x78]).chain(sized).flatten().collect()
    }

    /// The larger size depends on the smaller one in key pictures only.
    fn vp9(&self) -> Vec<u8> {
        let spatial = if self.scalable { self.layer } else { 0 };
        let structured = self.scalable && self.key_frame && self.first && spatial == 0;
        let bits =
            [(true, 0x80), (!self.key_frame, 0x40), (true, 0x20), (self.first, 8), (self.last, 4), (structured, 2)];
        let first = bits.into_iter().fold(0, |byte, (set, bit)| byte | if set { bit } else { 0 });
        let [high, low] = (0x8000 | (self.picture_id & 0x7fff)).to_be_bytes();
        let layer = self.temporal << 5 | 0x10 | spatial << 1 | u8::from(self.key_frame && spatial > 0);
        let mut bytes = vec![first, high, low, layer, self.base_index];
        if structured {
            // What is over with its smaller size has no other.
            let sizes = if self.marker { &SIZES[..1] } else { &SIZES };
            bytes.push(u8::try_from(sizes.len() - 1).unwrap() << 5 | 0x10);
            bytes.extend(sizes.concat());
        }
        bytes.push(if self.key_frame { 0x82 } else { 0x86 });
        bytes.extend(self.words());
        bytes
    }

    /// A frame is one unit; before that of a key picture there is the sequence header.
    fn av1(&self) -> Vec<u8> {
        let opens = self.first && self.key_frame && (self.layer == 0 || !self.scalable);
        let goes_on = if self.last { 0 } else { 0x40 };
        let head: &[u8] = match (self.first, opens) {
            (false, _) => &[0x90 | goes_on],
            (true, false) => &[0x10 | goes_on, 0x30],
            (true, true) => &[0x28 | goes_on, 2, 0x08, 7, 0x30],
        };
        [head, &self.words()].concat()
    }

    /// The dependency descriptor that goes with it, if its codec has one. `reduced` if it tells whether there is only the
    /// smaller size from here on.
    pub(crate) fn descriptor(&self, template_offset: u8, reduced: Option<bool>) -> Option<Vec<u8>> {
        (self.codec == Codec::Av1).then(|| coding::descriptor(self, template_offset, reduced))
    }

    /// The number of a picture as it is outside of packets.
    pub(crate) fn number_in(frame: &[u8]) -> Option<u32> {
        let [MARK, _, _, _, _, _, f0, f1, f2, f3, ..] = *frame.get(VP8_HEADER..)? else { return None };
        Some(u32::from_be_bytes([f0, f1, f2, f3]))
    }

    /// A picture of one packet as it is outside of it.
    pub(crate) fn frame(&self, size: usize) -> Vec<u8> {
        self.payload(size + DESCRIPTOR)[DESCRIPTOR..].to_vec()
    }

    /// Reads it again. `None` for what no publisher of ours sent.
    pub(crate) fn read(codec: Codec, payload: &[u8], descriptor: Option<&[u8]>, marker: bool) -> Option<Self> {
        let (at, picture_id, base_index) = match codec {
            Codec::Vp8 => {
                let descriptor = payload.get(..DESCRIPTOR)?;
                let header = if descriptor[0] & 0x10 != 0 { VP8_HEADER } else { 0 };
                (DESCRIPTOR + header, u16::from_be_bytes([descriptor[2], descriptor[3]]) & 0x7fff, descriptor[4])
            }
            Codec::H264 => match payload.first()? & 0x1f {
                24 => (7, 0, 0),
                28 => (2, 0, 0),
                _ => (1, 0, 0),
            },
            Codec::Vp9 => {
                let vp9 = Vp9::parse(payload)?;
                (vp9.header_len + 1, vp9.picture_id?, vp9.tl0_pic_idx?)
            }
            Codec::Av1 => {
                let [_, high, low, ..] = *descriptor? else { return None };
                let at = match payload.first()? {
                    continued if continued & 0x80 != 0 => 1,
                    opening if opening & 0x30 == 0x20 => 5,
                    _ => 2,
                };
                (at, u16::from_be_bytes([high, low]), 0)
            }
        };
        let [MARK, p0, p1, camera, layer, flags, f0, f1, f2, f3, i0, i1, base, ..] = *payload.get(at..)? else {
            return None;
        };
        let [first, last, key_frame, scalable, disposable] = [1, 2, 4, 8, 16].map(|bit| flags & bit != 0);
        Some(Self {
            codec,
            scalable,
            publisher: u16::from_be_bytes([p0, p1]),
            camera,
            layer,
            frame: u32::from_be_bytes([f0, f1, f2, f3]),
            first,
            last,
            key_frame,
            temporal: u8::from(disposable),
            id: u16::from_be_bytes([i0, i1]),
            base,
            picture_id,
            base_index,
            marker,
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
    /// RTP ticks from one to the next.
    pub(crate) const STEP: u32 = 1920;

    pub(crate) fn payload(self) -> Arc<[u8]> {
        let mut bytes = vec![0xfc, MARK];
        bytes.extend(self.publisher.to_be_bytes());
        bytes.extend(self.number.to_be_bytes());
        bytes.resize(60, 7);
        bytes.into()
    }

    /// Behind the sound before it (RFC 2198).
    pub(crate) fn repeating(self, before: Self) -> Arc<[u8]> {
        let before = before.payload();
        let [_, high, middle, low] = (Self::STEP << 10 | u32::try_from(before.len()).unwrap()).to_be_bytes();
        [&[0x80 | OPUS, high, middle, low, OPUS], &before[..], &self.payload()].concat().into()
    }

    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let [0xfc, MARK, a, b, n0, n1, n2, n3, ..] = *payload else { return None };
        Some(Self { publisher: u16::from_be_bytes([a, b]), number: u32::from_be_bytes([n0, n1, n2, n3]) })
    }

    /// The sound of a redundant packet, which has to repeat the one before it.
    pub(crate) fn read_repeating(payload: &[u8]) -> Option<Self> {
        let sound = Self::read(payload.get(red::primary(payload)?.range)?)?;
        let before = red::previous(payload).and_then(|before| Self::read(&payload[before.range]));
        let fits = before.is_none_or(|before| before == Self { number: sound.number - 1, ..sound });
        fits.then_some(sound)
    }
}
