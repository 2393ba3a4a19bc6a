//! Media of the hostile client in every format, of every stream it publishes.

use super::world::{AV1, DESCRIPTOR, EVE, H264, OPUS, PICTURE_TICKS, RED, SIZES, SOUND_TICKS, VP8, VP9, World};
use str0m::media::Rid;

/// With which bits of a step a packet ends a picture, has header extensions, has them in the form of two bytes, and begins a moment
/// later than the one before.
const ENDS: u8 = 0x10;
const EXTENDED: u8 = 0x20;
const LONG_FORM: u8 = 0x40;
const LATER: u8 = 0x80;

/// What it may be, by three bits.
const FORMATS: [u8; 8] = [OPUS, RED, VP8, VP8 + 1, VP9, AV1, H264, VP9 + 2];

/// What streams there are: sound, pictures in one stream, and in several.
const STREAMS: u8 = 5;

impl World {
    /// The hostile client seals a packet of one of its streams in a format of its choice, as two bytes in front of its contents say:
    /// the first by its lower half which stream it is of and by its upper half in which format; the second how many more of them than
    /// one were left out, or how far back it goes. With header extensions there follow their length in a byte and their elements.
    pub fn send_media(&mut self, bits: u8, bytes: &[u8]) {
        let Some(([choice, gap], mut payload)) = bytes.split_first_chunk() else { return };
        let client = &mut self.clients[EVE];
        let stream = (choice & 15) % STREAMS;
        let (mid, rid) = match stream {
            0 => (Some(client.microphone), None),
            1 => (Some(client.camera), None),
            size => (client.film, Some(Rid::from(SIZES[usize::from(size - 2)]))),
        };
        let Some(mid) = mid else { return };
        let (source, _) = client.sources(mid, rid);
        let sequence = client.number(source, 1 + i64::from(gap.cast_signed()));
        self.frame += u32::from(bits & LATER != 0);
        let time = self.frame.wrapping_mul(if stream == 0 { SOUND_TICKS } else { PICTURE_TICKS });
        let format = FORMATS[usize::from(choice >> 4 & 7)];

        let mut packet = vec![0x80, format | if bits & ENDS == 0 { 0 } else { 0x80 }];
        packet.extend(&sequence.to_be_bytes()[6..]);
        packet.extend(time.to_be_bytes());
        packet.extend(source.to_be_bytes());
        if bits & EXTENDED != 0 {
            let Some((length, rest)) = payload.split_first() else { return };
            let (elements, rest) = rest.split_at(rest.len().min((*length).into()));
            payload = rest;
            packet[0] |= 0x10;
            packet.extend(elements_of(elements, bits & LONG_FORM != 0));
        }
        packet.extend(payload);
        self.seal(EVE, &mut packet);
        self.take(EVE, &packet);
    }

    /// The same with a dependency descriptor.
    pub fn send_described(&mut self, bits: u8, choice: u8, descriptor: &[u8], payload: &[u8]) {
        let length = u8::try_from(descriptor.len()).expect("a descriptor is shorter than an extension may be");
        let head = [choice, 0, length + 2, DESCRIPTOR, length];
        self.send_media(bits | EXTENDED | LONG_FORM, &[&head, descriptor, payload].concat());
    }
}

/// Header extensions in one of both forms (RFC 8285 sections 4.2 and 4.3).
pub(super) fn elements_of(elements: &[u8], long_form: bool) -> Vec<u8> {
    let words = elements.len().div_ceil(4);
    let mut all = if long_form { vec![0x10, 0] } else { vec![0xbe, 0xde] };
    all.extend(u16::try_from(words).unwrap_or(0).to_be_bytes());
    all.extend(elements);
    all.resize(4 + 4 * words, 0);
    all
}
