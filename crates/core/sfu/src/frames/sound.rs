//! Sound out of redundant packets, for [`super::assembler`].

use super::assembler::Packet;
use crate::red;
use std::ops::Range;
use std::time::{Duration, Instant};

/// RTP ticks of Opus in a second (RFC 7587).
const CLOCK: u32 = 48_000;

/// One Opus packet within a payload.
pub(super) struct Sound {
    pub(super) timestamp: u32,
    pub(super) captured: Instant,
    /// Nothing is known of the loudness of what is repeated.
    pub(super) audio_level: Option<u8>,
    pub(super) range: Range<usize>,
}

/// What is in a redundant packet and newer than what was heard; the oldest first. Before anything was heard only what the
/// packet is sent for.
pub(super) fn unpack(packet: &Packet, heard: Option<u32>) -> Vec<Sound> {
    let Some(primary) = red::primary(&packet.payload) else { return Vec::new() };
    let mut sounds: Vec<Sound> = red::earlier(&packet.payload)
        .into_iter()
        .filter(|block| is_new(packet.timestamp, block.behind, heard))
        .map(|block| {
            let age = Duration::from_secs_f64(f64::from(block.behind) / f64::from(CLOCK));
            let captured = packet.captured.checked_sub(age).unwrap_or(packet.captured);
            let timestamp = packet.timestamp.wrapping_sub(block.behind);
            Sound { timestamp, captured, audio_level: None, range: block.range }
        })
        .collect();
    let Packet { timestamp, captured, audio_level, .. } = *packet;
    sounds.push(Sound { timestamp, captured, audio_level, range: primary.range });
    sounds
}

/// How many packets that were not heard a redundant one repeats.
pub(super) fn repeats(payload: &[u8], timestamp: u32, heard: u32) -> u64 {
    let blocks = red::earlier(payload);
    blocks.iter().filter(|block| is_new(timestamp, block.behind, Some(heard))).map(|_| 1).sum()
}

/// Whether that block is newer than what was heard. RTP time wraps around.
fn is_new(timestamp: u32, behind: u32, heard: Option<u32>) -> bool {
    let at = timestamp.wrapping_sub(behind);
    behind > 0 && heard.is_some_and(|heard| at.wrapping_sub(heard).cast_signed() > 0)
}
