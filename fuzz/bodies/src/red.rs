//! Hostile redundant audio: what is found in a packet is what the standard finds there, in places that lie apart.

use sfu::red::{Redundant, earlier, previous, primary};
use std::ops::Range;

/// More blocks in front of the primary one are no audio.
const MOST: usize = 15;

/// A block: the payload type inside, how much older it is in ticks, and where it lies.
type Block = (u8, u32, Range<usize>);

/// One packet.
pub fn run(payload: &[u8]) {
    let read = read(payload);
    let found = primary(payload).map(|primary| (primary.payload_type, primary.range));
    assert_eq!(found, read.as_ref().map(|(_, (kind, _, range))| (*kind, range.clone())), "as by the standard");

    let (before, last) = (previous(payload), earlier(payload));
    let of_its_kind = |redundant: &[Block], kind: u8| -> Vec<Redundant> {
        let fits = redundant.iter().filter(|(of, _, range)| *of == kind && !range.is_empty());
        fits.map(|(_, behind, range)| Redundant { behind: *behind, range: range.clone() }).collect()
    };
    let Some((redundant, (kind, _, range))) = read else {
        assert_eq!((before, last), (None, Vec::new()), "of what cannot be read nothing is taken");
        return;
    };
    assert!(kind < 128 && !range.is_empty() && range.end == payload.len());
    assert_eq!(last, of_its_kind(&redundant, kind), "as by the standard");
    let newest = &redundant[redundant.len().saturating_sub(1)..];
    assert_eq!(before, of_its_kind(newest, kind).pop(), "as by the standard");
    assert!(before.is_none() || before.as_ref() == last.last());
    let places: Vec<Range<usize>> = last.into_iter().map(|block| block.range).chain([range]).collect();
    assert!(places.is_sorted_by(|one, next| one.end <= next.start), "{places:?}");
}

/// Another reading (RFC 2198 section 3): the redundant blocks in their order, and the primary one. `None` if they do not fit.
fn read(payload: &[u8]) -> Option<(Vec<Block>, Block)> {
    let mut heads = Vec::new();
    let mut at = 0;
    while payload.get(at)? & 0x80 != 0 {
        let [kind, behind, shared, length] = *payload.get(at..at + 4)?.first_chunk()?;
        let behind = u32::from(behind) << 6 | u32::from(shared) >> 2;
        heads.push((kind & 0x7f, behind, usize::from(shared & 3) << 8 | usize::from(length)));
        at += 4;
    }
    let kind = payload[at];
    at += 1;
    let mut blocks = Vec::new();
    for (kind, behind, length) in heads {
        blocks.push((kind, behind, at..at + length));
        at += length;
    }
    (at < payload.len() && blocks.len() <= MOST).then_some((blocks, (kind, 0, at..payload.len())))
}
