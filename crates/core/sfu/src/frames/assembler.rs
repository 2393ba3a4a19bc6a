//! Frames out of the packets of one track.
//!
//! Packets may come late, twice or never. What is missing is waited for, but not for long, and meanwhile what came is kept
//! within bounds. If it stays away, pictures are left out up to the next key frame, which says so; of sound only what is
//! missing is left out, and less if later packets repeat it.

use super::{Format, Frame, MAX_FRAME, av1, h264, sound, vp9};
use crate::codec::Codec;
use crate::vp8::Vp8;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a missing packet of a picture is waited for: a few round trips, in which it is asked for again and sent again.
const PATIENCE: Duration = Duration::from_millis(600);

/// The same of sound, which is of no use to whoever talks if it comes late.
const PATIENCE_SOUND: Duration = Duration::from_millis(120);

/// Most packets behind a missing one, and their bytes: two seconds of a large picture.
const MAX_WAITING: usize = 1024;
const MAX_WAITING_BYTES: usize = MAX_FRAME;

/// A packet of a track as its subscriber gets it.
#[derive(Debug, Clone)]
pub struct Packet {
    /// How it is encoded.
    pub format: Format,
    /// Counts up by one for each packet of the track.
    pub sequence: u64,
    /// RTP time.
    pub timestamp: u32,
    /// RTP marker bit.
    pub marker: bool,
    /// When its content was captured, in our clock.
    pub captured: Instant,
    /// By how many degrees the picture is to be turned clockwise, if this packet says it.
    pub rotation: Option<u16>,
    /// Loudness of sound in −dBov, if it is known.
    pub audio_level: Option<u8>,
    /// What follows the RTP header; empty where only a number was kept.
    pub payload: Arc<[u8]>,
}

/// Puts the frames of one track together.
#[derive(Debug, Default)]
pub struct Assembler {
    /// The number that comes next; `None` before the first packet.
    next: Option<u64>,
    /// What came behind a missing packet, and when.
    waiting: BTreeMap<u64, (Instant, Packet)>,
    waiting_bytes: usize,
    picture: Option<Picture>,
    /// Last packets of pictures bear a marker.
    marks: bool,
    /// Decoding can go on with the next picture. Never while there was none.
    intact: bool,
    /// Something was left out since the last frame.
    lost: bool,
    /// How many packets it was that did not come.
    missing: u64,
    /// Whether there ever was a frame: what is missing before the first is no loss.
    begun: bool,
    parameters: h264::Parameters,
    /// RTP time of the newest sound.
    heard: Option<u32>,
    ready: VecDeque<Frame>,
}

/// A picture that is not complete yet.
#[derive(Debug)]
struct Picture {
    codec: Codec,
    timestamp: u32,
    captured: Instant,
    /// Nothing said is upright.
    rotation: u16,
    key_frame: bool,
    parts: Parts,
}

#[derive(Debug)]
enum Parts {
    Vp8(Vec<u8>),
    Vp9(vp9::Layers),
    Av1(av1::Units),
    H264(h264::AccessUnit),
}

/// A picture cannot be put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unusable;

impl Assembler {
    /// Nothing received.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing received, of a track of which there were frames before.
    pub fn after_a_gap() -> Self {
        // So much is missing that no repetition makes up for it.
        Self { lost: true, begun: true, missing: u64::MAX, ..Self::default() }
    }

    /// A packet came. What became complete is to be had from [`Self::poll`]. `true` if a key frame is needed before anything
    /// more can be shown; that is said again with every packet until one comes.
    pub fn push(&mut self, packet: Packet, now: Instant) -> bool {
        let format = packet.format;
        let next = *self.next.get_or_insert(packet.sequence);
        if packet.sequence < next {
            return self.needs_key_frame(format);
        }
        if packet.sequence == next || self.is_repaired_by(&packet, next) {
            self.take(packet);
        } else if packet.sequence - next > u64::try_from(MAX_WAITING).unwrap_or(u64::MAX) {
            // Nobody sends so far ahead but who skipped.
            self.give_up_until(packet.sequence);
            self.take(packet);
        } else {
            self.waiting_bytes += packet.payload.len();
            if let Some(twice) = self.waiting.insert(packet.sequence, (now, packet)) {
                self.waiting_bytes -= twice.1.payload.len();
            }
        }
        self.take_waiting();
        self.mind_what_is_missing(now);
        self.needs_key_frame(format)
    }

    /// The next complete frame.
    pub fn poll(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn needs_key_frame(&self, format: Format) -> bool {
        !format.is_sound() && !self.intact && self.picture.is_none()
    }

    /// What is missing before a redundant packet is in it.
    fn is_repaired_by(&self, packet: &Packet, next: u64) -> bool {
        let (Format::Red, Some(heard)) = (packet.format, self.heard) else { return false };
        let waits_before = self.waiting.first_key_value().is_some_and(|(first, _)| *first < packet.sequence);
        !waits_before && sound::repeats(&packet.payload, packet.timestamp, heard) >= packet.sequence - next
    }

    /// What no longer has to wait.
    fn take_waiting(&mut self) {
        while let (Some((number, (_, packet))), Some(next)) = (self.waiting.first_key_value(), self.next)
            && (*number <= next || self.is_repaired_by(packet, next))
            && let Some((number, (_, packet))) = self.waiting.pop_first()
        {
            self.waiting_bytes -= packet.payload.len();
            if number >= next {
                self.take(packet);
            }
        }
    }

    /// What has been missing for too long, or with too much behind it, is given up.
    fn mind_what_is_missing(&mut self, now: Instant) {
        while let Some((first, (since, packet))) = self.waiting.first_key_value() {
            let patience = if packet.format.is_sound() { PATIENCE_SOUND } else { PATIENCE };
            let full = self.waiting.len() > MAX_WAITING || self.waiting_bytes > MAX_WAITING_BYTES;
            if !full && now.saturating_duration_since(*since) < patience {
                return;
            }
            self.give_up_until(*first);
            self.take_waiting();
        }
    }

    /// What is missing before that number will not come.
    fn give_up_until(&mut self, number: u64) {
        let next = self.next.replace(number).unwrap_or(number);
        self.missing = self.missing.saturating_add(number.saturating_sub(next));
        while let Some(entry) = self.waiting.first_entry()
            && *entry.key() < number
        {
            self.waiting_bytes -= entry.remove().1.payload.len();
        }
        self.break_off();
    }

    fn break_off(&mut self) {
        self.picture = None;
        self.intact = false;
        self.lost = true;
    }

    /// The next packet in order.
    fn take(&mut self, packet: Packet) {
        self.next = Some(packet.sequence + 1);
        if packet.payload.is_empty() {
            return;
        }
        match packet.format {
            Format::Opus | Format::Red => self.take_sound(&packet),
            Format::Video(codec) => self.take_picture(codec, &packet),
        }
    }

    fn take_sound(&mut self, packet: &Packet) {
        let sounds = match packet.format {
            Format::Red => sound::unpack(packet, self.heard),
            _ => vec![sound::Sound {
                timestamp: packet.timestamp,
                captured: packet.captured,
                audio_level: packet.audio_level,
                range: 0..packet.payload.len(),
            }],
        };
        // All but the last are what was missing.
        let repaired = u64::try_from(sounds.len()).unwrap_or(0) > std::mem::take(&mut self.missing);
        for sound in sounds {
            self.heard = Some(sound.timestamp);
            let after_loss = std::mem::take(&mut self.lost) && self.begun && !repaired;
            self.begun = true;
            self.ready.push_back(Frame {
                format: Format::Opus,
                timestamp: sound.timestamp,
                captured: sound.captured,
                key_frame: true,
                after_loss,
                rotation: 0,
                audio_level: sound.audio_level,
                data: Bytes::copy_from_slice(&packet.payload[sound.range]),
            });
        }
    }

    fn take_picture(&mut self, codec: Codec, packet: &Packet) {
        let goes_on = |picture: &Picture| picture.timestamp == packet.timestamp && picture.codec == codec;
        self.marks |= packet.marker;
        let starts_key_frame = codec.starts_key_frame(&packet.payload);
        if let Some(picture) = self.picture.take_if(|picture| !goes_on(picture)) {
            // Where the layer changes, or something was withheld, the rest of a picture is left out, and its number too.
            let is_cut_off = self.marks && (starts_key_frame || picture.codec != codec);
            if is_cut_off {
                self.lost = true;
            } else {
                self.finish(picture);
            }
        }
        if self.picture.is_none() {
            if !self.intact && !starts_key_frame {
                return;
            }
            self.picture = Some(Picture::new(codec, packet, starts_key_frame));
        }
        let Some(picture) = &mut self.picture else { return };
        picture.rotation = packet.rotation.unwrap_or(picture.rotation);
        if picture.add(&packet.payload).is_err() {
            self.break_off();
        } else if packet.marker
            && let Some(picture) = self.picture.take()
        {
            self.finish(picture);
        }
    }

    /// A picture is complete.
    fn finish(&mut self, picture: Picture) {
        let (key_frame, data) = match picture.parts {
            Parts::Vp8(data) => (picture.key_frame, Ok(data)),
            Parts::Vp9(layers) => (picture.key_frame, Ok(layers.into_superframe())),
            Parts::Av1(units) => (picture.key_frame, units.into_temporal_unit()),
            Parts::H264(unit) => (unit.is_key(), unit.complete(&mut self.parameters)),
        };
        let Some(data) = data.ok().filter(|_| self.intact || key_frame) else { return self.break_off() };
        if data.is_empty() {
            // Nothing in it is meant for a decoder.
            return;
        }
        self.intact = true;
        self.missing = 0;
        let after_loss = std::mem::take(&mut self.lost) && self.begun;
        self.begun = true;
        self.ready.push_back(Frame {
            format: Format::Video(picture.codec),
            timestamp: picture.timestamp,
            captured: picture.captured,
            key_frame,
            after_loss,
            rotation: picture.rotation,
            audio_level: None,
            data: data.into(),
        });
    }
}

impl Picture {
    fn new(codec: Codec, packet: &Packet, key_frame: bool) -> Self {
        let parts = match codec {
            Codec::Vp8 => Parts::Vp8(Vec::new()),
            Codec::Vp9 => Parts::Vp9(vp9::Layers::default()),
            Codec::Av1 => Parts::Av1(av1::Units::default()),
            Codec::H264 => Parts::H264(h264::AccessUnit::default()),
        };
        Self { codec, timestamp: packet.timestamp, captured: packet.captured, rotation: 0, key_frame, parts }
    }

    fn add(&mut self, payload: &[u8]) -> Result<(), Unusable> {
        match &mut self.parts {
            Parts::Vp8(data) => {
                let vp8 = Vp8::parse(payload).ok_or(Unusable)?;
                // A picture begins once.
                if vp8.start_of_frame != data.is_empty() {
                    return Err(Unusable);
                }
                append(data, payload.get(vp8.header_len..).unwrap_or_default())
            }
            Parts::Vp9(layers) => layers.add(payload),
            Parts::Av1(units) => units.add(payload),
            Parts::H264(unit) => unit.add(payload),
        }
    }
}

/// Adds bytes to a frame of bounded size.
pub(super) fn append(data: &mut Vec<u8>, more: &[u8]) -> Result<(), Unusable> {
    if data.len() + more.len() > MAX_FRAME {
        return Err(Unusable);
    }
    data.extend_from_slice(more);
    Ok(())
}
