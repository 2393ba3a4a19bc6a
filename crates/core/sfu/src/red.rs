//! Taking the newest audio out of redundant payloads (RFC 2198), for receivers that do not read them.

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

/// Finds the primary block, which is the last one. `None` if the headers do not fit the payload, or the block is empty.
pub fn primary(payload: &[u8]) -> Option<Primary> {
    let mut headers = payload;
    let mut redundant = 0;
    for _ in 0..MAX_BLOCKS {
        let (first, rest) = headers.split_first()?;
        if first & 0x80 == 0 {
            let start = payload.len() - rest.len() + redundant;
            let range = start..payload.len();
            return (!range.is_empty()).then_some(Primary { payload_type: *first, range });
        }
        let (header, rest) = headers.split_first_chunk::<4>()?;
        redundant += usize::from(u16::from_be_bytes([header[2] & 0x03, header[3]]));
        headers = rest;
    }
    None
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
        }
    }
}
