//! Looking for key frames in hostile payloads of every codec; H264's aggregated units are the interesting part.

use sfu::codec::Codec;

/// Nothing empty is a key frame.
pub fn run(payload: &[u8]) {
    for codec in [Codec::H264, Codec::Vp8, Codec::Vp9, Codec::Av1] {
        assert!(!codec.starts_key_frame(payload) || !payload.is_empty());
    }
}
