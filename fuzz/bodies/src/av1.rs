//! AV1 payloads without a descriptor: all that is known of them is in their first byte.

use sfu::codec::Codec;
use sfu::layers::{Layer, Temporal};
use sfu::scalable::Scalable;

/// One packet, in the middle of a picture and at its end.
pub fn run(payload: &[u8]) {
    let key_frame = starts_sequence(payload);
    assert_eq!(Codec::Av1.starts_key_frame(payload), key_frame, "as by the standard");
    for marker in [false, true] {
        let one = Scalable {
            spatial: Layer::Low,
            temporal: Temporal::BASE,
            start_of_frame: key_frame,
            end_of_frame: marker,
            inter_predicted: !key_frame,
            switches_up: false,
        };
        let read = Scalable::from_av1(payload, marker);
        assert_eq!(read, one);
        assert_eq!(read.starts_key_frame(), key_frame);
    }
}

/// Another reading (AV1 RTP payload format, section 4.4): Z, Y, two bits of W and N, and three that are reserved. A sequence does
/// not begin in the middle of a unit, nor with a packet that holds none.
fn starts_sequence(payload: &[u8]) -> bool {
    let [aggregation, _, ..] = payload else { return false };
    let bits: Vec<bool> = (0..8).map(|bit| aggregation << bit >> 7 == 1).collect();
    let (z, n) = (bits[0], bits[4]);
    n && !z
}
