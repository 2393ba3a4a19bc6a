//! The one question forwarding asks of every video codec.

use crate::vp8::Vp8;
use crate::vp9::Vp9;
use crate::{av1, h264};

/// A video codec that can be forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// VP8.
    Vp8,
    /// H264 in any profile.
    H264,
    /// VP9, with or without spatial layers.
    Vp9,
    /// AV1.
    Av1,
}

impl Codec {
    /// The codec of a mime subtype, in any case.
    pub fn from_subtype(subtype: &str) -> Option<Self> {
        let known = [("vp8", Self::Vp8), ("h264", Self::H264), ("vp9", Self::Vp9), ("av1", Self::Av1)];
        known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(subtype)).map(|(_, codec)| codec)
    }

    /// Whether a key frame begins with this RTP payload.
    pub fn starts_key_frame(self, payload: &[u8]) -> bool {
        match self {
            Self::Vp8 => Vp8::parse(payload).is_some_and(|vp8| vp8.key_frame),
            Self::H264 => h264::starts_key_frame(payload),
            Self::Vp9 => Vp9::parse(payload).is_some_and(|vp9| vp9.starts_key_frame()),
            Self::Av1 => av1::starts_key_frame(payload),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_knows_its_key_frames() {
        let keys: [(&str, &[u8]); 4] =
            [("VP8", &[0x10, 0x00]), ("h264", &[0x65, 0]), ("VP9", &[0x08, 0]), ("AV1", &[0x08, 0])];
        for (subtype, payload) in keys {
            let codec = Codec::from_subtype(subtype).unwrap();
            assert!(codec.starts_key_frame(payload), "{subtype}");
            assert!(!codec.starts_key_frame(&[]), "{subtype}");
        }
    }

    #[test]
    fn audio_is_not_a_video_codec() {
        assert_eq!(Codec::from_subtype("opus"), None);
    }
}
