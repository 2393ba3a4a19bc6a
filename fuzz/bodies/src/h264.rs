//! Looking for key frames and parameter sets in hostile H264, whose aggregated units are the interesting part.

use sfu::codec::Codec;
use sfu::h264::{brings_parameters, starts_key_frame};

/// Types of units (RFC 6184 table 1).
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// One packet.
pub fn run(payload: &[u8]) {
    let begun = begun(payload);
    let (key, set) = (starts_key_frame(payload), brings_parameters(payload));
    assert_eq!(key, begun.contains(&IDR) || begun.contains(&SPS), "as by the standard: {begun:?}");
    assert_eq!(set, begun.contains(&SPS), "as by the standard: {begun:?}");
    assert!(key || !set, "a key frame begins with its parameter sets");
    assert_eq!(Codec::H264.starts_key_frame(payload), key);
}

/// Another reading: the types of the units that begin in a payload, up to the first that does not fit (RFC 6184 section 5).
fn begun(payload: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    match payload.first().map(|first| first % 32) {
        None => {}
        Some(STAP_A) => {
            let mut at = 1;
            while let Some(length) = payload.get(at..at + 2) {
                let length = usize::from(length[0]) << 8 | usize::from(length[1]);
                if length == 0 || at + 2 + length > payload.len() {
                    break;
                }
                types.push(payload[at + 2] % 32);
                at += 2 + length;
            }
        }
        Some(FU_A) => types.extend(payload.get(1).filter(|header| **header >> 7 == 1).map(|header| *header % 32)),
        Some(single) => types.push(single),
    }
    types
}
