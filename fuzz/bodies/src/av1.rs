//! AV1 payloads without a descriptor: no key frame in nothing.

use sfu::codec::Codec;
use sfu::scalable::Scalable;

/// Both ways of asking agree.
pub fn run(payload: &[u8]) {
    let key_frame = Codec::Av1.starts_key_frame(payload);
    assert!(!key_frame || payload.len() > 1);
    assert_eq!(Scalable::from_av1(payload, true).starts_key_frame(), key_frame);
}
