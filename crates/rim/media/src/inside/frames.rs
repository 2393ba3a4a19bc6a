//! Between the packets of the forwarding path and the frames insiders get and send.

use ports::media::inside::{Format, InsideItem, ItemSender, SentFrame, TapFrame};
use rtc::{Codec, DownPacket, Extensions, UpPacket};
use sfu::codec::Codec as VideoCodec;
use sfu::frames::assembler::{Assembler, Packet};
use sfu::frames::packetizer::{CutError, Packetizer};
use sfu::frames::{Format as Payload, Frame};
use signal::Kind;
use std::sync::Arc;
use std::time::Instant;

/// A track an insider gets.
#[derive(Debug)]
pub(super) struct Got {
    sid: Arc<str>,
    assembler: Assembler,
}

impl Got {
    /// `again`: it was received before, and not meanwhile.
    pub(super) fn new(sid: &str, again: bool) -> Self {
        let assembler = if again { Assembler::after_a_gap() } else { Assembler::new() };
        Self { sid: sid.into(), assembler }
    }

    pub(super) fn sid(&self) -> &str {
        &self.sid
    }

    /// A packet came; what became complete goes to the insider. `true` if a key frame is to be asked for.
    pub(super) fn deliver(&mut self, packet: &DownPacket<'_>, items: &ItemSender, now: Instant) -> bool {
        let packet = Packet {
            format: payload(packet.codec),
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            captured: packet.wallclock,
            rotation: packet.extensions.rotation(),
            audio_level: packet.extensions.audio_level(),
            payload: Arc::clone(packet.payload),
        };
        let mut needs_key_frame = self.assembler.push(packet, now);
        while let Some(frame) = self.assembler.poll() {
            needs_key_frame |= items.push(InsideItem::Frame(self.tap(frame)));
        }
        needs_key_frame && items.asks_for_key_frame(&self.sid)
    }

    fn tap(&self, frame: Frame) -> TapFrame {
        TapFrame {
            sid: Arc::clone(&self.sid),
            format: match frame.format {
                Payload::Opus | Payload::Red => Format::Opus,
                Payload::Video(VideoCodec::Vp8) => Format::Vp8,
                Payload::Video(VideoCodec::Vp9) => Format::Vp9,
                Payload::Video(VideoCodec::Av1) => Format::Av1,
                Payload::Video(VideoCodec::H264) => Format::H264,
            },
            timestamp: frame.timestamp,
            captured: frame.captured,
            key_frame: frame.key_frame,
            after_loss: frame.after_loss,
            rotation: frame.rotation,
            audio_level: frame.audio_level,
            data: frame.data,
        }
    }
}

/// A track an insider sends.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) section: u16,
    /// Whether anybody wants its pictures, if that was said.
    pub(super) wanted: Option<bool>,
    codec: Codec,
    packetizer: Packetizer,
}

impl Own {
    pub(super) fn new(section: u16, format: Format) -> Self {
        let codec = match format {
            Format::Opus => Codec::Opus,
            Format::Red => Codec::Red,
            Format::Vp8 => Codec::Vp8,
            Format::Vp9 => Codec::Vp9,
            Format::Av1 => Codec::Av1,
            Format::H264 => Codec::H264,
        };
        Self { section, wanted: None, codec, packetizer: Packetizer::new(payload(codec)) }
    }

    /// The packets of a frame, as if they had come from a client.
    pub(super) fn packets(&mut self, frame: &SentFrame, at: Instant) -> Result<Vec<UpPacket>, CutError> {
        let pieces = self.packetizer.cut(frame.timestamp, &frame.data)?;
        let packets = pieces.into_iter().map(|piece| UpPacket {
            section: self.section,
            layer: 0,
            alone: true,
            codec: self.codec,
            profile: piece.profile,
            sequence: piece.sequence,
            timestamp: frame.timestamp,
            marker: piece.marker,
            payload: piece.payload,
            arrival: at,
            captured: frame.captured.map(|captured| captured.min(at)),
            audio_level: frame.audio_level,
            sender_report: None,
            extensions: Extensions::inside(frame.audio_level, piece.dependency.as_deref()),
        });
        Ok(packets.collect())
    }
}

/// What a track of that format is announced as.
pub(super) fn signalled(format: Format) -> (Kind, signal::Codec) {
    match format {
        Format::Opus | Format::Red => (Kind::Audio, signal::Codec::Opus),
        Format::Vp8 => (Kind::Video, signal::Codec::Vp8),
        Format::Vp9 => (Kind::Video, signal::Codec::Vp9),
        Format::Av1 => (Kind::Video, signal::Codec::Av1),
        Format::H264 => (Kind::Video, signal::Codec::H264),
    }
}

/// The format of a track that is announced as that.
pub(super) fn format(codec: signal::Codec) -> Format {
    match codec {
        signal::Codec::Opus => Format::Opus,
        signal::Codec::Vp8 => Format::Vp8,
        signal::Codec::Vp9 => Format::Vp9,
        signal::Codec::Av1 => Format::Av1,
        signal::Codec::H264 => Format::H264,
    }
}

fn payload(codec: Codec) -> Payload {
    match codec {
        Codec::Opus => Payload::Opus,
        Codec::Red => Payload::Red,
        Codec::Vp8 => Payload::Video(VideoCodec::Vp8),
        Codec::Vp9 => Payload::Video(VideoCodec::Vp9),
        Codec::Av1 => Payload::Video(VideoCodec::Av1),
        Codec::H264 => Payload::Video(VideoCodec::H264),
    }
}
