//! Open bitstream units of AV1, in packets (AV1 RTP payload format, section 4) and outside of them (AV1 bitstream
//! specification, section 5).

use super::MAX_FRAME;
use super::assembler::{Unusable, append};

/// Bits of the aggregation header.
const CONTINUES: u8 = 0x80;
const CONTINUED: u8 = 0x40;

/// Bits of a unit's header.
const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;

/// Types of units.
pub(super) const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;

/// A temporal unit has a handful; one byte each would be another attempt to keep us busy.
const MAX_UNITS: usize = 256;

/// The type of a unit by its header.
pub(super) fn kind(header: u8) -> u8 {
    header >> 3 & 0x0f
}

/// What neither travels in packets nor is kept.
fn is_left_out(header: u8) -> bool {
    matches!(kind(header), TEMPORAL_DELIMITER | TILE_LIST | PADDING)
}

/// The units of one picture as they come.
#[derive(Debug, Default)]
pub(super) struct Units {
    data: Vec<u8>,
    count: usize,
    /// A unit that goes on in the next packet.
    open: Option<Vec<u8>>,
}

impl Units {
    pub(super) fn add(&mut self, payload: &[u8]) -> Result<(), Unusable> {
        let (aggregation, mut rest) = payload.split_first().ok_or(Unusable)?;
        // Every element is preceded by its size, but the last of a counted row.
        let counted = usize::from(aggregation >> 4 & 0x03);
        let mut index = 0;
        if (aggregation & CONTINUES != 0) != self.open.is_some() {
            return Err(Unusable);
        }
        while !rest.is_empty() {
            index += 1;
            let element =
                if index == counted { std::mem::take(&mut rest) } else { sized(&mut rest).ok_or(Unusable)? };
            let goes_on = rest.is_empty() && aggregation & CONTINUED != 0;
            let unit = match self.open.take() {
                Some(mut begun) => {
                    append(&mut begun, element)?;
                    begun
                }
                None => element.to_vec(),
            };
            if goes_on {
                self.open = Some(unit);
            } else {
                self.close(&unit)?;
            }
        }
        if counted > 0 && index != counted { Err(Unusable) } else { Ok(()) }
    }

    /// A unit is whole: it is kept with its size.
    fn close(&mut self, unit: &[u8]) -> Result<(), Unusable> {
        let Some(header) = unit.first().copied() else { return Ok(()) };
        if is_left_out(header) {
            return Ok(());
        }
        self.count += 1;
        if self.count > MAX_UNITS {
            return Err(Unusable);
        }
        if header & HAS_SIZE != 0 {
            let whole = split_sized(unit).is_some_and(|(length, _)| length == unit.len());
            return if whole { append(&mut self.data, unit) } else { Err(Unusable) };
        }
        let head = 1 + usize::from(header & HAS_EXTENSION != 0);
        let (head, body) = unit.split_at_checked(head).ok_or(Unusable)?;
        append(&mut self.data, &[header | HAS_SIZE])?;
        append(&mut self.data, &head[1..])?;
        write_size(&mut self.data, body.len());
        append(&mut self.data, body)
    }

    pub(super) fn into_temporal_unit(self) -> Result<Vec<u8>, Unusable> {
        if self.open.is_some() { Err(Unusable) } else { Ok(self.data) }
    }
}

/// The units of a temporal unit, each without its size, as packets carry them. `None` if they do not fit.
pub(super) fn units(mut data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut units = Vec::new();
    while let Some(header) = data.first().copied() {
        let (whole, body) = split_sized(data)?;
        let unit;
        (unit, data) = data.split_at_checked(whole)?;
        if is_left_out(header) {
            continue;
        }
        if units.len() == MAX_UNITS {
            return None;
        }
        let head = 1 + usize::from(header & HAS_EXTENSION != 0);
        let mut bare = vec![header & !HAS_SIZE];
        bare.extend_from_slice(unit.get(1..head)?);
        bare.extend_from_slice(unit.get(body..)?);
        units.push(bare);
    }
    Some(units)
}

/// Of the first unit: how long it is, and where its body begins. Without a size it is all there is.
fn split_sized(data: &[u8]) -> Option<(usize, usize)> {
    let header = *data.first()?;
    let head = 1 + usize::from(header & HAS_EXTENSION != 0);
    if header & HAS_SIZE == 0 {
        return (head <= data.len()).then_some((data.len(), head));
    }
    let mut rest = data.get(head..)?;
    let size = read_size(&mut rest)?;
    let body = data.len() - rest.len();
    (size <= rest.len()).then_some((body + size, body))
}

/// An element preceded by its size.
fn sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let size = read_size(rest)?;
    let (element, tail) = rest.split_at_checked(size)?;
    *rest = tail;
    Some(element)
}

/// A number of seven bits to the byte, the lowest first (`leb128`).
fn read_size(rest: &mut &[u8]) -> Option<usize> {
    let mut size = 0;
    for shift in 0..4 {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        size |= usize::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            return Some(size).filter(|size| *size <= MAX_FRAME);
        }
    }
    None
}

pub(super) fn write_size(out: &mut Vec<u8>, mut size: usize) {
    while size > 0x7f {
        out.push(size as u8 | 0x80);
        size >>= 7;
    }
    out.push(size as u8);
}
