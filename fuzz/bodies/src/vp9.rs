//! VP9 descriptors: found whole within the payload, and the same after their counters were changed.

use sfu::codec::Codec;
use sfu::scalable::Scalable;
use sfu::vp9::{Vp9, patched};

/// Only the counters change.
pub fn run(payload: &[u8]) {
    let parsed = Vp9::parse(payload);
    assert_eq!(Codec::Vp9.starts_key_frame(payload), parsed.is_some_and(|vp9| vp9.starts_key_frame()));
    let Some(vp9) = parsed else { return };
    assert!(vp9.header_len <= payload.len());
    assert_eq!(Scalable::from(&vp9).starts_key_frame(), vp9.starts_key_frame());
    let other = patched(payload, &vp9, Some(99), Some(3));
    let again = Vp9::parse(&other).expect("as long as before");
    assert_eq!(again.picture_id, vp9.picture_id.map(|_| 99));
    assert_eq!((again.layer, again.header_len), (vp9.layer, vp9.header_len));
    assert_eq!(other[vp9.header_len..], payload[vp9.header_len..]);
}
