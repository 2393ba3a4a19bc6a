//! Finding the start of a key frame in H264 (RFC 6184). There is nothing to rewrite in this codec.

/// NAL unit types (RFC 6184 table 1).
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

const TYPE_MASK: u8 = 0x1f;

/// Whether a key frame begins in this RTP payload: an IDR slice or a sequence parameter set as a single NAL unit, inside a
/// STAP-A, or as the first fragment of an FU-A.
pub fn starts_key_frame(payload: &[u8]) -> bool {
    let Some((indicator, rest)) = payload.split_first() else { return false };
    match indicator & TYPE_MASK {
        STAP_A => units(rest).any(is_key),
        FU_A => rest.first().is_some_and(|header| header & 0x80 != 0 && is_key(*header)),
        _ => is_key(*indicator),
    }
}

/// Whether a sequence parameter set is in this RTP payload. A key frame that comes with one begins there, and a decoder that
/// gets the rest of it alone makes nothing of it.
pub fn brings_parameters(payload: &[u8]) -> bool {
    let Some((indicator, rest)) = payload.split_first() else { return false };
    let is_set = |header: u8| header & TYPE_MASK == SPS;
    match indicator & TYPE_MASK {
        STAP_A => units(rest).any(is_set),
        FU_A => rest.first().is_some_and(|header| header & 0x80 != 0 && is_set(*header)),
        _ => is_set(*indicator),
    }
}

fn is_key(header: u8) -> bool {
    matches!(header & TYPE_MASK, IDR | SPS)
}

/// The header bytes of the units of a STAP-A; stops at the first one that does not fit.
fn units(mut rest: &[u8]) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let (length, tail) = rest.split_first_chunk::<2>()?;
        let (unit, tail) = tail.split_at_checked(u16::from_be_bytes(*length).into())?;
        rest = tail;
        unit.first().copied()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn single_units_are_recognised() {
        assert!(starts_key_frame(&[0x65, 0x88]), "IDR slice");
        assert!(starts_key_frame(&[0x67, 0x42]), "sequence parameter set");
        assert!(!starts_key_frame(&[0x61, 0x9a]), "other slice");
        assert!(!starts_key_frame(&[0x68, 0xce]), "picture parameter set");
    }

    #[test]
    fn parameter_sets_are_told_from_slices() {
        assert!(brings_parameters(&[0x67, 0x42]));
        assert!(brings_parameters(&[0x78, 0, 2, 0x06, 0x05, 0, 3, 0x67, 0x42, 0xc0]));
        assert!(brings_parameters(&[0x7c, 0x87, 0x42]), "the first fragment of one");
        assert!(!brings_parameters(&[0x65, 0x88]), "IDR slice");
        assert!(!brings_parameters(&[0x78, 0, 2, 0x65, 0x88]));
        assert!(!brings_parameters(&[0x7c, 0x85, 0x88]));
        assert!(!brings_parameters(&[]));
    }

    #[test]
    fn aggregated_units_are_searched() {
        assert!(starts_key_frame(&[0x78, 0, 2, 0x06, 0x05, 0, 3, 0x67, 0x42, 0xc0]));
        assert!(!starts_key_frame(&[0x78, 0, 2, 0x06, 0x05, 0, 2, 0x61, 0x9a]));
    }

    #[test]
    fn a_unit_longer_than_its_packet_is_not_looked_into() {
        assert!(!starts_key_frame(&[0x78, 0xff, 0xff, 0x67, 0x42]));
    }

    #[test]
    fn only_the_first_fragment_starts_a_key_frame() {
        assert!(starts_key_frame(&[0x7c, 0x85, 0x88]));
        assert!(!starts_key_frame(&[0x7c, 0x05, 0x88]), "middle");
        assert!(!starts_key_frame(&[0x7c, 0x45, 0x88]), "end");
        assert!(!starts_key_frame(&[0x7c, 0x81, 0x9a]), "of another slice");
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(payload in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(starts_key_frame(&payload) || !brings_parameters(&payload));
        }
    }
}
