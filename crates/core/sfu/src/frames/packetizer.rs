//! Packets out of the frames of one track.

use super::{Format, MAX_FRAME, av1, h264, vp9};
use crate::bits::BitWriter;
use crate::codec::Codec;
use std::sync::Arc;

/// Longest payload: with headers, extensions and what encryption adds a datagram stays below 1200 bytes
/// (media-protocol.md section 17.6).
pub const MAX_PAYLOAD: usize = 1100;

/// As every browser numbers Opus; the number within redundant packets goes through to the subscribers.
const OPUS: u8 = 111;

/// A redundant packet says of what it repeats how old it is in 14 bits and how long in 10 (RFC 2198 section 3).
const MAX_AGE: u32 = 1 << 14;
const MAX_REPEATED: usize = 1 << 10;

/// A packet of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Counts up by one for each packet of the track.
    pub sequence: u64,
    /// The last one of its picture.
    pub marker: bool,
    /// H.264: the profile bytes of the latest sequence parameter set; VP9: the profile; 0 otherwise.
    pub profile: u32,
    /// RTP payload.
    pub payload: Arc<[u8]>,
    /// A dependency descriptor, of AV1.
    pub dependency: Option<Vec<u8>>,
}

/// Why a frame was not cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    /// It is empty, larger than [`MAX_FRAME`], or sound larger than a packet.
    #[error("a frame of {0} bytes is none")]
    Size(usize),
    /// It is not what its format says.
    #[error("the frame is not what its format says")]
    Malformed,
}

/// Cuts the frames of one track.
#[derive(Debug)]
pub struct Packetizer {
    format: Format,
    sequence: u64,
    /// Picture id of VP8 and VP9, 15 bits, or frame number of AV1.
    number: u16,
    profile: u32,
    /// The sound before, for redundancy: its RTP time and itself.
    before: Option<(u32, Vec<u8>)>,
}

/// A payload, and what has to be said beside it.
struct Cut {
    payload: Vec<u8>,
    dependency: Option<Vec<u8>>,
}

impl From<Vec<u8>> for Cut {
    fn from(payload: Vec<u8>) -> Self {
        Self { payload, dependency: None }
    }
}

impl Packetizer {
    /// Of a track of that format.
    pub const fn new(format: Format) -> Self {
        Self { format, sequence: 0, number: 0, profile: 0, before: None }
    }

    /// The packets of the next frame, which looks as [`super`] says; `timestamp` is its RTP time.
    ///
    /// # Errors
    /// It is no frame of this format. Nothing is changed then.
    pub fn cut(&mut self, timestamp: u32, data: &[u8]) -> Result<Vec<Piece>, CutError> {
        if data.is_empty() || data.len() > MAX_FRAME || (self.format.is_sound() && data.len() > MAX_PAYLOAD) {
            return Err(CutError::Size(data.len()));
        }
        let cuts: Vec<Cut> = match self.format {
            Format::Opus => vec![data.to_vec().into()],
            Format::Red => vec![self.repeat(timestamp, data).into()],
            Format::Video(Codec::Vp8) => vp8(data, self.number),
            Format::Video(Codec::Vp9) => {
                let (key, profile) = vp9::header(data).ok_or(CutError::Malformed)?;
                self.profile = profile.into();
                vp9(data, self.number, key)
            }
            Format::Video(Codec::H264) => self.h264(data)?,
            Format::Video(Codec::Av1) => av1(data, self.number).ok_or(CutError::Malformed)?,
        };
        if cuts.is_empty() {
            return Err(CutError::Malformed);
        }
        self.number = self.number.wrapping_add(1);
        let last = cuts.len() - 1;
        let pieces = cuts.into_iter().enumerate().map(|(index, cut)| {
            self.sequence += 1;
            Piece {
                sequence: self.sequence,
                marker: !self.format.is_sound() && index == last,
                profile: self.profile,
                payload: cut.payload.into(),
                dependency: cut.dependency,
            }
        });
        Ok(pieces.collect())
    }

    /// The sound with the one before it in front, if that is not too long ago.
    fn repeat(&mut self, timestamp: u32, data: &[u8]) -> Vec<u8> {
        let before = self.before.replace((timestamp, data.to_vec()));
        let mut payload = Vec::new();
        let fitting = before.filter(|(at, sound)| {
            (1..MAX_AGE).contains(&timestamp.wrapping_sub(*at))
                && sound.len() < MAX_REPEATED
                && sound.len() + data.len() <= MAX_PAYLOAD
        });
        if let Some((at, sound)) = &fitting {
            let word = timestamp.wrapping_sub(*at) << 10 | sound.len() as u32;
            let [_, high, middle, low] = word.to_be_bytes();
            payload.extend([0x80 | OPUS, high, middle, low]);
        }
        payload.push(OPUS);
        payload.extend(fitting.into_iter().flat_map(|(_, sound)| sound));
        payload.extend(data);
        payload
    }

    fn h264(&mut self, data: &[u8]) -> Result<Vec<Cut>, CutError> {
        let mut cuts = Vec::new();
        for unit in h264::units(data) {
            if h264::kind(unit) == h264::SPS {
                self.profile = h264::profile(unit).ok_or(CutError::Malformed)?;
            }
            if unit.len() <= MAX_PAYLOAD {
                cuts.push(unit.to_vec().into());
                continue;
            }
            let (header, body) = (unit[0], &unit[1..]);
            let parts = body.chunks(MAX_PAYLOAD - 2);
            let last = parts.len() - 1;
            cuts.extend(parts.enumerate().map(|(index, part)| {
                let edge = if index == 0 { 0x80 } else { 0 } | if index == last { 0x40 } else { 0 };
                let head = [header & !h264::TYPE_MASK | h264::FU_A, edge | header & h264::TYPE_MASK];
                Cut::from([&head, part].concat())
            }));
        }
        Ok(cuts)
    }
}

/// One temporal layer with a picture id of 15 bits (RFC 7741 section 4.2).
fn vp8(data: &[u8], number: u16) -> Vec<Cut> {
    let [high, low] = (number | 0x8000).to_be_bytes();
    let cut = |(index, part): (usize, &[u8])| {
        let first = if index == 0 { 0x90 } else { 0x80 };
        [&[first, 0xe0, high, low, low, 0], part].concat().into()
    };
    data.chunks(MAX_PAYLOAD - 6).enumerate().map(cut).collect()
}

/// In flexible mode, in which each picture says what it refers to: the one before (RFC 9628 section 4.2).
fn vp9(data: &[u8], number: u16, key: bool) -> Vec<Cut> {
    let [high, low] = (number | 0x8000).to_be_bytes();
    let parts = data.chunks(MAX_PAYLOAD - 4);
    let last = parts.len() - 1;
    let cut = |(index, part): (usize, &[u8])| {
        let edge = if index == 0 { 0x08 } else { 0 } | if index == last { 0x04 } else { 0 };
        let mut payload = vec![0x90 | if key { 0 } else { 0x40 } | edge, high, low];
        payload.extend((!key).then_some(1 << 1));
        payload.extend(part);
        payload.into()
    };
    parts.enumerate().map(cut).collect()
}

/// Every unit with its size in front, as much as fits each packet (AV1 RTP payload format, section 4).
fn av1(data: &[u8], number: u16) -> Option<Vec<Cut>> {
    let units = av1::units(data)?;
    let key = units.iter().any(|unit| av1::kind(unit[0]) == av1::SEQUENCE_HEADER);
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    let mut payload = vec![if key { 0x08 } else { 0 }];
    for unit in &units {
        let mut rest = &unit[..];
        while !rest.is_empty() {
            // A size below 2^14 takes at most two bytes.
            let room = MAX_PAYLOAD.saturating_sub(payload.len() + 2);
            if room == 0 {
                payloads.push(std::mem::replace(&mut payload, vec![0]));
                continue;
            }
            let (part, tail) = rest.split_at(rest.len().min(room));
            av1::write_size(&mut payload, part.len());
            payload.extend(part);
            rest = tail;
            if !rest.is_empty() {
                payload[0] |= 0x40;
                payloads.push(std::mem::replace(&mut payload, vec![0x80]));
            }
        }
    }
    if payload.len() > 1 {
        payloads.push(payload);
    }
    let last = payloads.len().checked_sub(1)?;
    let describe = |(index, payload)| {
        let dependency = Some(descriptor(index == 0, index == last, key, number)?);
        Some(Cut { payload, dependency })
    };
    payloads.into_iter().enumerate().map(describe).collect()
}

/// Of a stream of one layer: a key picture, which brings the structure, or one that needs the picture before it.
fn descriptor(first: bool, last: bool, key: bool, number: u16) -> Option<Vec<u8>> {
    /// The only decode target can begin with either picture.
    const SWITCH: u32 = 0b10;
    let mut out = BitWriter::<16>::new();
    out.flag(first)?;
    out.flag(last)?;
    out.bits(u32::from(!key), 6)?;
    out.bits(number.into(), 16)?;
    if first && key {
        // Of the five kinds of additions only a structure.
        out.bits(0b1_0000, 5)?;
        // Templates count from 0; one decode target.
        out.bits(0, 6 + 5)?;
        // A second template of the same layer follows, then none.
        out.bits(0b00_11, 4)?;
        out.bits(SWITCH << 2 | SWITCH, 4)?;
        // The first refers to nothing, the second to the frame before.
        out.flag(false)?;
        out.bits(0b10_0000, 6)?;
        // No chains, no sizes.
        out.bits(0, 2)?;
    }
    let (bytes, length) = out.into_parts();
    Some(bytes[..length].to_vec())
}
