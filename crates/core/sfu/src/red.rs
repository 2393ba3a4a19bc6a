//! Taking the newest audio out of redundant payloads (RFC 2198), for receivers that do not read them, and the audio before it
//! where that was lost.

use crate::selector::RESTART_DISTANCE;
use std::ops::Range;

/// More blocks than this are not audio but an attempt to keep us busy; browsers send two or three.
const MAX_BLOCKS: usize = 16;

/// The primary block: the audio this packet exists for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Primary {
    /// The publisher's payload type of the audio inside, 0 to 127.
    pub payload_type: u8,
    /// Where it lies in the payload.
    pub range: Range<usize>,
}

/// The block before the primary: audio that an earlier packet carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redundant {
    /// How much older than the packet it is, in ticks of the RTP clock.
    pub behind: u32,
    /// Where it lies in the payload.
    pub range: Range<usize>,
}

/// Finds the primary block, which is the last one. `None` if the headers do not fit the payload, or the block is empty.
pub fn primary(payload: &[u8]) -> Option<Primary> {
    blocks(payload).map(|(primary, _)| primary)
}

/// Finds the newest of the redundant blocks, if there is one of the same kind as the primary and with something in it.
pub fn previous(payload: &[u8]) -> Option<Redundant> {
    blocks(payload)?.1
}

/// The redundant blocks of the same kind as the primary and with something in them, the oldest first. Empty if the headers do
/// not fit the payload.
pub fn earlier(payload: &[u8]) -> Vec<Redundant> {
    let Some(primary) = primary(payload) else { return Vec::new() };
    let mut headers = payload;
    let mut found = Vec::new();
    let mut lengths = 0;
    while let Some((header, rest)) = headers.split_first_chunk::<4>().filter(|(header, _)| header[0] & 0x80 != 0) {
        let [kind, behind, middle, low] = *header;
        let length = usize::from(u16::from_be_bytes([middle & 0x03, low]));
        found.push((kind & 0x7f, u32::from(u16::from_be_bytes([behind, middle]) >> 2), lengths, length));
        lengths += length;
        headers = rest;
    }
    let start = primary.range.start - lengths;
    let of_its_kind = found.into_iter().filter(|(kind, _, _, length)| *kind == primary.payload_type && *length > 0);
    of_its_kind.map(|(_, behind, at, length)| Redundant { behind, range: start + at..start + at + length }).collect()
}

fn blocks(payload: &[u8]) -> Option<(Primary, Option<Redundant>)> {
    let mut headers = payload;
    let mut redundant = 0;
    let mut last: Option<(u8, u32, usize)> = None;
    for _ in 0..MAX_BLOCKS {
        let (first, rest) = headers.split_first()?;
        if first & 0x80 == 0 {
            let start = payload.len() - rest.len() + redundant;
            let range = start..payload.len();
            if range.is_empty() {
                return None;
            }
            let previous = last.filter(|(kind, _, length)| kind == first && *length > 0);
            let previous = previous.map(|(_, behind, length)| Redundant { behind, range: start - length..start });
            return Some((Primary { payload_type: *first, range }, previous));
        }
        let (header, rest) = headers.split_first_chunk::<4>()?;
        let [kind, _, middle, low] = *header;
        let length = usize::from(u16::from_be_bytes([middle & 0x03, low]));
        last = Some((kind & 0x7f, u32::from(u16::from_be_bytes([header[1], middle]) >> 2), length));
        redundant += length;
        headers = rest;
    }
    None
}

/// How many packets that were taken out of later ones are remembered, so that they do not come twice.
const REMEMBERED: usize = 8;

/// What to do when a packet arrives; but for the last, only for receivers without redundancy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Send it.
    InOrder,
    /// Send what it repeats of the packet before it first, which has not come.
    Gap,
    /// It was sent already, out of a later one.
    Repeated,
    /// So far from all before that its stream must have begun to count anew: number what follows from here, then send it.
    Restart,
}

/// Sees which packets of a stream of sound are missing.
#[derive(Debug, Clone, Default)]
pub struct Gaps {
    newest: Option<u64>,
    filled: [u64; REMEMBERED],
    next: usize,
}

impl Gaps {
    /// The next packet arrived, by its extended sequence number.
    pub fn on_packet(&mut self, seq: u64) -> Arrival {
        let Some(newest) = self.newest else {
            self.newest = Some(seq);
            return Arrival::InOrder;
        };
        if seq.abs_diff(newest) >= RESTART_DISTANCE {
            *self = Self { newest: Some(seq), ..Self::default() };
            return Arrival::Restart;
        }
        if seq <= newest {
            return if self.filled.contains(&seq) { Arrival::Repeated } else { Arrival::InOrder };
        }
        self.newest = Some(seq);
        if seq - newest > 1 { Arrival::Gap } else { Arrival::InOrder }
    }

    /// That packet was sent out of the one behind it.
    pub fn fill(&mut self, seq: u64) {
        self.filled[self.next] = seq;
        self.next = (self.next + 1) % REMEMBERED;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_primary_block_comes_last() {
        // One redundant block of 3 bytes, 960 ticks old; then the primary.
        let payload = [0x80 | 111, 0x0f, 0x00, 0x03, 111, 1, 2, 3, 9, 9];

        assert_eq!(primary(&payload), Some(Primary { payload_type: 111, range: 8..10 }));
    }

    #[test]
    fn a_packet_without_redundancy_has_a_header_of_one_byte() {
        assert_eq!(primary(&[111, 9]), Some(Primary { payload_type: 111, range: 1..2 }));
    }

    #[test]
    fn the_audio_before_is_found_if_it_is_of_the_same_kind() {
        // Two redundant blocks, 1920 and 960 ticks old, of 2 and 3 bytes.
        let payload = [0x80 | 111, 0x1e, 0x00, 0x02, 0x80 | 111, 0x0f, 0x00, 0x03, 111, 7, 7, 1, 2, 3, 9, 9];
        assert_eq!(previous(&payload), Some(Redundant { behind: 960, range: 11..14 }));
        let both = [Redundant { behind: 1920, range: 9..11 }, Redundant { behind: 960, range: 11..14 }];
        assert_eq!(earlier(&payload), both);

        let comfort_noise = [0x80 | 13, 0x0f, 0x00, 0x01, 111, 1, 9];
        assert_eq!((previous(&comfort_noise), earlier(&comfort_noise)), (None, Vec::new()));
        assert_eq!(previous(&[111, 9]), None);
    }

    #[test]
    fn a_gap_is_filled_once() {
        let mut gaps = Gaps::default();
        assert_eq!([10, 11, 9].map(|seq| gaps.on_packet(seq)), [Arrival::InOrder; 3], "9 is just late");
        assert_eq!(gaps.on_packet(13), Arrival::Gap);
        gaps.fill(12);
        assert_eq!(gaps.on_packet(12), Arrival::Repeated);
        assert_eq!(gaps.on_packet(14), Arrival::InOrder);
    }

    #[test]
    fn a_stream_that_counts_anew_begins_anew() {
        let mut gaps = Gaps::default();
        assert_eq!([100_000, 100_002].map(|seq| gaps.on_packet(seq)), [Arrival::InOrder, Arrival::Gap]);
        gaps.fill(100_001);
        assert_eq!(gaps.on_packet(100_002 - RESTART_DISTANCE + 1), Arrival::InOrder, "late, no more");
        assert_eq!([700, 701, 703].map(|seq| gaps.on_packet(seq)), [Arrival::Restart, Arrival::InOrder, Arrival::Gap]);
        assert_eq!([100_001, 100_002].map(|seq| gaps.on_packet(seq)), [Arrival::Restart, Arrival::InOrder]);
    }

    #[test]
    fn blocks_that_do_not_fit_are_refused() {
        assert_eq!(primary(&[]), None);
        assert_eq!(primary(&[111]), None, "no audio");
        assert_eq!(primary(&[0x80 | 111, 0, 0]), None, "half a header");
        assert_eq!(primary(&[0x80 | 111, 0, 3, 0xff, 111, 1, 2]), None, "longer than the packet");
        assert_eq!(primary(&[0x80 | 111, 0, 0, 2, 111, 1, 2]), None, "redundancy only");
    }

    #[test]
    fn endless_headers_are_refused() {
        assert_eq!(primary(&[0x80; 400]), None);
    }

    proptest! {
        #[test]
        fn the_range_is_always_within_the_payload(payload in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(primary) = primary(&payload) {
                prop_assert!(!payload[primary.range].is_empty() && primary.payload_type < 128);
            }
            let earlier = earlier(&payload);
            prop_assert!(earlier.iter().all(|block| !payload[block.range.clone()].is_empty()));
            if let Some(previous) = previous(&payload) {
                prop_assert_eq!(earlier.last(), Some(&previous));
            }
        }
    }
}
