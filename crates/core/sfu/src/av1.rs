//! Finding the start of a key frame in AV1, from the aggregation header of the AV1 RTP payload format (§4.4).

/// Z: the payload begins in the middle of an OBU.
const CONTINUED: u8 = 0x80;
/// N: the first packet of a coded video sequence.
const NEW_SEQUENCE: u8 = 0x08;

/// Whether a key frame begins in this RTP payload. The format forbids N together with Z, so that combination is not believed.
pub fn starts_key_frame(payload: &[u8]) -> bool {
    payload.len() > 1 && payload[0] & (NEW_SEQUENCE | CONTINUED) == NEW_SEQUENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_of_a_sequence_starts_a_key_frame() {
        assert!(starts_key_frame(&[0x08, 0x0a]));
        assert!(starts_key_frame(&[0x68, 0x0a]), "continued in the next packet");
    }

    #[test]
    fn other_packets_do_not() {
        assert!(!starts_key_frame(&[0x10, 0x32]));
        assert!(!starts_key_frame(&[0x88, 0x0a]), "contradictory");
        assert!(!starts_key_frame(&[0x08]), "empty");
        assert!(!starts_key_frame(&[]));
    }
}
