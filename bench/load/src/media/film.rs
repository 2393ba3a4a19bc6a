//! What a publisher sends: sound every 20 ms, and pictures of 720p in three sizes, 30 a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two packets of sound, and bytes in one: 32 kbit/s.
pub(crate) const SOUND_EVERY: Duration = Duration::from_millis(20);
pub(crate) const SOUND_BYTES: usize = 80;

/// By so much packets of sound leave late at most, each by another part of it: devices and ways of different people do not agree
/// with one another, so what they say meets in the media plane by chance.
pub(crate) const LATEST: Duration = Duration::from_millis(10);

/// Between two pictures.
pub(crate) const PICTURE_EVERY: Duration = Duration::from_micros(33_333);

/// Sizes of a picture: rid, width, height, bytes of one picture (160, 450 and 1,700 kbit/s).
pub(crate) const SIZES: [(&str, u32, u32, usize); 3] =
    [("q", 320, 180, 667), ("h", 640, 360, 1875), ("f", 1280, 720, 7083)];

/// Bytes of all sizes in a second.
pub(crate) const PICTURE_RATE: usize = 30 * (SIZES[0].3 + SIZES[1].3 + SIZES[2].3);

/// A key frame is so many times larger.
const KEY_FRAME: usize = 5;

/// Longest payload of a packet, as browsers cut pictures.
const LONGEST: usize = 1150;

/// In front of the time in a payload.
const MARK: [u8; 8] = *b"PlenumTS";

/// The clock of both ends: nanoseconds since the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.0).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A payload that does not say yet when it was written.
#[derive(Debug)]
pub(crate) struct Payload(Vec<u8>);

impl Payload {
    /// Fills it up to so many bytes.
    fn new(mut begin: Vec<u8>, size: usize) -> Self {
        begin.resize(size.max(begin.len() + 16) - 16, 7);
        begin.extend(MARK);
        Self(begin)
    }

    /// Bytes of it once it is written.
    pub(crate) fn size(&self) -> usize {
        self.0.len() + 8
    }

    /// Writes it: its age counts from now on.
    pub(crate) fn write(mut self, clock: &Clock) -> Arc<[u8]> {
        self.0.extend(clock.nanos(Instant::now()).to_be_bytes());
        self.0.into()
    }
}

/// When a payload was written.
pub(crate) fn written(payload: &[u8]) -> Option<u64> {
    let (rest, time) = payload.split_last_chunk::<8>()?;
    rest.ends_with(&MARK).then(|| u64::from_be_bytes(*time))
}

pub(crate) fn sound(clock: &Clock) -> Arc<[u8]> {
    Payload::new(vec![0xfc], SOUND_BYTES).write(clock)
}

/// The packets of one picture in VP8: equal in size but for a byte, as browsers make them. Pictures differ by a fifth.
pub(crate) fn picture(number: u32, bytes: usize, key_frame: bool) -> Vec<Payload> {
    let varied = bytes * (80 + usize::try_from(number.wrapping_mul(2_654_435_761) >> 16).unwrap_or(0) % 41) / 100;
    let bytes = if key_frame { varied * KEY_FRAME } else { varied };
    let count = bytes.div_ceil(LONGEST).max(1);
    (0..count)
        .map(|index| {
            let [high, low] = u16::try_from(number & 0x7fff).unwrap_or(0).to_be_bytes();
            let mut payload = vec![if index == 0 { 0x90 } else { 0x80 }, 0x80, 0x80 | high, low];
            if index == 0 {
                // The first byte of a picture says whether it is a key frame; one has a start code and its size.
                let start: &[u8] = if key_frame { &[0x10, 0, 0, 0x9d, 1, 0x2a, 0, 5, 0xd0, 2] } else { &[0x11, 0, 0] };
                payload.extend_from_slice(start);
            }
            let size = bytes / count + usize::from(index < bytes % count);
            Payload::new(payload, size)
        })
        .collect()
}
