//! A hostile publisher's VP8: whatever parses can be patched, and the patch changes nothing but the counters.
//!
//! The first six input bytes are the new counters, the rest is the RTP payload.

use sfu::codec::Codec;
use sfu::vp8::{Patch, Vp8, write_patched};

/// One packet.
pub fn run(input: &[u8]) {
    let Some(([high, low, tl0, key_idx, long, sparse], payload)) = input.split_first_chunk() else { return };
    let parsed = Vp8::parse(payload);
    assert_eq!(Codec::Vp8.starts_key_frame(payload), parsed.is_some_and(|vp8| vp8.key_frame));
    let Some(vp8) = parsed else { return };
    let keep = |bit: u8| sparse & bit == 0;
    let patch = Patch {
        picture_id: keep(1).then(|| u16::from_be_bytes([*high & 0x7f, *low])),
        tl0_pic_idx: keep(2).then_some(*tl0),
        key_idx: keep(4).then_some(*key_idx & 0x1f),
        long_picture_id: *long & 1 == 1,
    };

    let mut out = Vec::new();
    write_patched(payload, &vp8, &patch, &mut out);

    assert_eq!(out.len() == payload.len(), vp8.fits_in_place(&patch));
    let after = Vp8::parse(&out).expect("a patched payload is still VP8");
    assert_eq!(out[after.header_len..], payload[vp8.header_len..]);
    assert_eq!((after.tid, after.key_frame, after.size), (vp8.tid, vp8.key_frame, vp8.size));
}
