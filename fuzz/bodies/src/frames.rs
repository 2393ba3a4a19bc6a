//! Hostile packets put together to frames, and what comes out of them cut again: bounded, whole and never stuck.
//!
//! An input is a byte for the format and then packets: how far the number goes on, RTP time and marker in a byte each, a byte of
//! length, and the payload.

use sfu::codec::Codec;
use sfu::frames::assembler::{Assembler, Packet};
use sfu::frames::packetizer::{MAX_PAYLOAD, Packetizer};
use sfu::frames::{Format, MAX_FRAME};
use std::time::{Duration, Instant};

/// Parameter sets may come on top of a frame.
const MOST: usize = MAX_FRAME + 64 * 1024;

/// One format and its packets.
pub fn run(input: &[u8]) {
    let Some((format, mut rest)) = input.split_first() else { return };
    let formats = [
        Format::Opus,
        Format::Red,
        Format::Video(Codec::Vp8),
        Format::Video(Codec::Vp9),
        Format::Video(Codec::Av1),
        Format::Video(Codec::H264),
    ];
    let format = formats[usize::from(*format) % formats.len()];
    let mut assembler = Assembler::new();
    let mut cutter = Packetizer::new(format);
    let mut now = Instant::now();
    let mut sequence = 1000u64;
    while let Some(([step, time, marker, length], tail)) = rest.split_first_chunk::<4>() {
        let (payload, tail) = tail.split_at(tail.len().min((*length).into()));
        rest = tail;
        sequence = sequence.saturating_add_signed(i64::from(step.cast_signed()));
        now += Duration::from_millis((*marker >> 1).into());
        assembler.push(
            Packet {
                format,
                sequence,
                timestamp: u32::from(*time) * 960,
                marker: marker & 1 == 1,
                captured: now,
                rotation: None,
                audio_level: None,
                payload: payload.into(),
            },
            now,
        );
        while let Some(frame) = assembler.poll() {
            assert!(!frame.data.is_empty() && frame.data.len() <= MOST);
            let pieces = cutter.cut(frame.timestamp, &frame.data).unwrap_or_default();
            assert!(pieces.iter().all(|piece| piece.payload.len() <= MAX_PAYLOAD));
        }
    }
}
