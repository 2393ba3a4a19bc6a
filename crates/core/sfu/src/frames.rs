//! Whole frames out of packets, and packets out of whole frames, for those who take part inside the process: what records,
//! dials in or transcribes reads frames, and forwarding reads packets.
//!
//! [`assembler::Assembler`] puts one received track together; [`packetizer::Packetizer`] cuts one sent track. Both keep to the
//! payload formats of RTP and never decode a picture. What a frame looks like outside of packets:
//!
//! | Format | A frame |
//! |---|---|
//! | Opus | one Opus packet; redundant ones (RFC 2198) are unpacked |
//! | VP8 | what a decoder takes: the frame header and all partitions |
//! | VP9 | one picture; of several spatial layers with the superframe index of the bitstream's annex B |
//! | AV1 | one temporal unit as open bitstream units with their sizes, without a temporal delimiter |
//! | H264 | one access unit with start codes (annex B), a key frame always with its parameter sets |
pub mod assembler;
mod av1;
mod h264;
pub mod packetizer;
mod sound;
mod vp9;

use crate::codec::Codec;
use bytes::Bytes;
use std::time::Instant;

/// Largest frame: a key frame of a large screen has a few hundred kilobytes. What is larger is given up, as if part of it were lost.
pub const MAX_FRAME: usize = 2 * 1024 * 1024;

/// Payload formats of tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Sound, a packet each.
    Opus,
    /// Opus packets that repeat those before them (RFC 2198).
    Red,
    /// Pictures.
    Video(Codec),
}

impl Format {
    /// Sound of either kind.
    pub const fn is_sound(self) -> bool {
        matches!(self, Self::Opus | Self::Red)
    }
}

/// One frame of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Never [`Format::Red`]: that is unpacked to Opus.
    pub format: Format,
    /// RTP time of the track as its subscriber gets it.
    pub timestamp: u32,
    /// When its content was captured, in our clock.
    pub captured: Instant,
    /// A decoder may begin here. Always true of sound.
    pub key_frame: bool,
    /// Something between this frame and the one before it is missing. Of pictures such a frame is always a key frame.
    pub after_loss: bool,
    /// By how many degrees a picture is to be turned clockwise.
    pub rotation: u16,
    /// Loudness of sound in −dBov, where it is known.
    pub audio_level: Option<u8>,
    /// See the module.
    pub data: Bytes,
}
