//! Access units of H264, in packets (RFC 6184) and as a stream of bytes with start codes (H.264 annex B).

use super::assembler::{Unusable, append};
use crate::bits::BitReader;
use std::collections::BTreeMap;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Types of units (RFC 6184 table 1).
const IDR: u8 = 5;
pub(super) const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const STAP_A: u8 = 24;
pub(super) const FU_A: u8 = 28;
pub(super) const TYPE_MASK: u8 = 0x1f;

/// Bits of the header of a fragment.
const FIRST: u8 = 0x80;
const LAST: u8 = 0x40;

/// Parameter sets that are remembered of a kind, and how long they may be: encoders have one or two of some twenty bytes.
const MAX_SETS: usize = 8;
const MAX_SET: usize = 512;

/// Units of a picture; encoders make a slice or four of it.
const MAX_UNITS: usize = 512;

/// The type of a unit.
pub(super) fn kind(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |header| header & TYPE_MASK)
}

/// The parameter sets a track came with, by their ids: an encoder need not repeat them.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    sequence: BTreeMap<u32, Vec<u8>>,
    picture: BTreeMap<u32, Vec<u8>>,
}

/// The units of one picture as they come.
#[derive(Debug, Default)]
pub(super) struct AccessUnit {
    data: Vec<u8>,
    count: usize,
    /// Sets that came with it.
    sets: Vec<Vec<u8>>,
    has_key: bool,
    /// A unit that goes on in the next packet.
    open: Option<Vec<u8>>,
}

impl AccessUnit {
    pub(super) fn is_key(&self) -> bool {
        self.has_key
    }

    pub(super) fn add(&mut self, payload: &[u8]) -> Result<(), Unusable> {
        let kind = kind(payload);
        if self.open.is_some() && kind != FU_A {
            return Err(Unusable);
        }
        match kind {
            1..=23 => self.close(payload),
            STAP_A => {
                let mut rest = &payload[1..];
                while let Some((length, tail)) = rest.split_first_chunk::<2>() {
                    let length = usize::from(u16::from_be_bytes(*length));
                    let (unit, tail) = tail.split_at_checked(length).ok_or(Unusable)?;
                    rest = tail;
                    self.close(unit)?;
                }
                Ok(())
            }
            FU_A => self.fragment(payload),
            _ => Err(Unusable),
        }
    }

    fn fragment(&mut self, payload: &[u8]) -> Result<(), Unusable> {
        let [indicator, header, part @ ..] = payload else { return Err(Unusable) };
        let unit = match (header & FIRST != 0, self.open.take()) {
            (true, None) => {
                let mut unit = vec![indicator & !TYPE_MASK | header & TYPE_MASK];
                append(&mut unit, part)?;
                unit
            }
            (false, Some(mut begun)) => {
                append(&mut begun, part)?;
                begun
            }
            _ => return Err(Unusable),
        };
        if header & LAST != 0 {
            return self.close(&unit);
        }
        self.open = Some(unit);
        Ok(())
    }

    fn close(&mut self, unit: &[u8]) -> Result<(), Unusable> {
        self.count += 1;
        if self.count > MAX_UNITS {
            return Err(Unusable);
        }
        match kind(unit) {
            0 | DELIMITER | FILLER => return Ok(()),
            SPS | PPS => {
                if unit.len() <= MAX_SET && self.sets.len() < 2 * MAX_SETS {
                    self.sets.push(unit.to_vec());
                }
                return Ok(());
            }
            IDR => self.has_key = true,
            _ => {}
        }
        append(&mut self.data, &START_CODE)?;
        append(&mut self.data, unit)
    }

    /// The picture with start codes. A key frame gets every set that is known, in front.
    pub(super) fn complete(self, parameters: &mut Parameters) -> Result<Vec<u8>, Unusable> {
        if self.open.is_some() {
            return Err(Unusable);
        }
        self.sets.iter().for_each(|set| parameters.note(set));
        if !self.has_key {
            let mut data = Vec::new();
            self.sets.iter().for_each(|set| extend(&mut data, set));
            append(&mut data, &self.data)?;
            return Ok(data);
        }
        if parameters.sequence.is_empty() || parameters.picture.is_empty() {
            return Err(Unusable);
        }
        let mut data = Vec::new();
        let sets = parameters.sequence.values().chain(parameters.picture.values());
        sets.for_each(|set| extend(&mut data, set));
        append(&mut data, &self.data)?;
        Ok(data)
    }
}

fn extend(data: &mut Vec<u8>, unit: &[u8]) {
    data.extend(START_CODE);
    data.extend(unit);
}

impl Parameters {
    fn note(&mut self, set: &[u8]) {
        // The id of a sequence set stands behind its profile and level, that of a picture set first (H.264 section 7.3.2).
        let (at, known) = if kind(set) == SPS { (4, &mut self.sequence) } else { (1, &mut self.picture) };
        let Some(id) = set.get(at..).and_then(exp_golomb) else { return };
        if known.len() < MAX_SETS || known.contains_key(&id) {
            known.insert(id, set.to_vec());
        }
    }
}

/// A number in as many zeros as it has bits behind its first (`ue(v)`, H.264 section 9.1).
fn exp_golomb(bytes: &[u8]) -> Option<u32> {
    let mut bits = BitReader::new(bytes);
    let mut zeros = 0;
    while !bits.flag()? {
        zeros += 1;
        if zeros > 8 {
            return None;
        }
    }
    Some((1 << zeros) - 1 + bits.bits(zeros)?)
}

/// The units of a stream of bytes with start codes. Delimiters and filling are left out.
pub(super) fn units(data: &[u8]) -> Vec<&[u8]> {
    let mut units = Vec::new();
    let mut rest = data;
    let Some(first) = find(rest) else { return units };
    rest = &rest[first + 3..];
    loop {
        let end = find(rest);
        let mut unit = &rest[..end.unwrap_or(rest.len())];
        // Zeros before a start code, and behind the last unit, are none of it.
        while let [head @ .., 0] = unit {
            unit = head;
        }
        if !matches!(kind(unit), 0 | DELIMITER | FILLER) && units.len() < MAX_UNITS {
            units.push(unit);
        }
        let Some(end) = end else { return units };
        rest = &rest[end + 3..];
    }
}

/// Where the next start code of three bytes stands.
fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

/// `profile_idc` and the constraints of a sequence set, as they stand in `profile-level-id`.
pub(super) fn profile(sps: &[u8]) -> Option<u32> {
    let [_, profile, constraints, ..] = *sps else { return None };
    Some(u32::from(profile) << 8 | u32::from(constraints))
}
