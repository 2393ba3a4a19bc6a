//! Headers of the packets we send (RFC 3550 section 5.1, RFC 8285).

use crate::dependency::{self, PassThrough};
use crate::packet::{Extensions, PlayoutDelay};
use std::time::UNIX_EPOCH;
use str0m::media::Mid;
use str0m::rtp::{Extension, ExtensionMap};

/// Bytes of a header without extensions.
const FIXED: usize = 12;

/// Most extensions of one packet.
const MAX_ELEMENTS: usize = 7;

/// Largest number of an extension in the one-byte form, and its longest value.
const ONE_BYTE_ID: u8 = 14;
const ONE_BYTE_LENGTH: usize = 16;

/// Seconds between the NTP epoch (1900) and the Unix epoch.
pub(super) const NTP_TO_UNIX: u64 = 2_208_988_800;

/// By which numbers a client knows the header extensions of a section that we write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    mid: Option<(u8, Name)>,
    /// The transport-wide number (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    pub(super) number: Option<u8>,
    /// The time of sending, for clients that are told of no such number.
    pub(super) sent: Option<u8>,
    level: Option<u8>,
    orientation: Option<u8>,
    capture: Option<u8>,
    dependency: Option<u8>,
    playout: Option<u8>,
}

/// The name of a section as it is written.
#[derive(Debug, Clone, Copy)]
struct Name {
    length: u8,
    bytes: [u8; ONE_BYTE_LENGTH],
}

impl Name {
    /// Of those of the stack, which have not more than 16 bytes.
    fn of(mid: Mid) -> Self {
        let mut name = Self { length: 0, bytes: [0; ONE_BYTE_LENGTH] };
        for (place, byte) in name.bytes.iter_mut().zip(mid.as_bytes()) {
            *place = *byte;
            name.length += 1;
        }
        name
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Names {
    /// Reads what was agreed on for the section `mid`.
    pub(crate) fn read(map: &ExtensionMap, mid: Mid) -> Self {
        let of = |extension| map.id_of(extension);
        let number = of(Extension::TransportSequenceNumber);
        Self {
            mid: of(Extension::RtpMid).map(|id| (id, Name::of(mid))),
            number,
            sent: of(Extension::AbsoluteSendTime).filter(|_| number.is_none()),
            level: of(Extension::AudioLevel),
            orientation: of(Extension::VideoOrientation),
            capture: of(Extension::AbsoluteCaptureTime),
            dependency: of(Extension::with_serializer(dependency::URI, PassThrough)),
            playout: of(Extension::PlayoutDelay),
        }
    }
}

/// Longest dependency descriptor that is kept in its place: with a mask of decode targets, but without the structure that comes
/// with key frames.
const SHORT: usize = 15;

/// What goes from publisher to subscriber beside the payload, as bytes. Kept with each packet of each subscriber, so what nearly
/// all packets of a stream have takes no memory of its own.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// A short dependency descriptor: its length, 0 for none, and its bytes.
    length: u8,
    short: [u8; SHORT],
    rare: Option<Box<Rare>>,
}

/// What few packets have. Empty is what is not there.
#[derive(Debug, Default)]
struct Rare {
    orientation: Option<[u8; 1]>,
    playout: Option<[u8; 3]>,
    capture: Vec<u8>,
    dependency: Vec<u8>,
}

impl Ends {
    /// `dependency` takes the place of the publisher's descriptor.
    pub(super) fn new(extensions: &Extensions, dependency: Option<&[u8]>, playout: Option<PlayoutDelay>) -> Self {
        let values = &extensions.0;
        let dependency = dependency.or_else(|| extensions.dependency()).unwrap_or_default();
        let mut ends = Self::default();
        let mut long = Vec::new();
        if let Some(place) = ends.short.get_mut(..dependency.len()) {
            place.copy_from_slice(dependency);
            ends.length = u8::try_from(dependency.len()).unwrap_or_default();
        } else {
            long = dependency.to_vec();
        }
        let is_rare = values.video_orientation.is_some() || values.abs_capture_time.is_some() || playout.is_some();
        if !long.is_empty() || is_rare {
            let capture = values.abs_capture_time.map(|time| {
                let since = time.capture_time.duration_since(UNIX_EPOCH).unwrap_or_default();
                let mut bytes = ntp(since).to_be_bytes().to_vec();
                bytes.extend(time.clock_offset.into_iter().flat_map(i64::to_be_bytes));
                bytes
            });
            let orientation = values.video_orientation.map(|turned| [turned as u8]);
            let (capture, playout) = (capture.unwrap_or_default(), playout.map(PlayoutDelay::bytes));
            ends.rare = Some(Box::new(Rare { orientation, playout, capture, dependency: long }));
        }
        ends
    }

    fn orientation(&self) -> &[u8] {
        self.rare.as_ref().and_then(|rare| rare.orientation.as_ref()).map_or(&[], <[u8; 1]>::as_slice)
    }

    fn playout(&self) -> &[u8] {
        self.rare.as_ref().and_then(|rare| rare.playout.as_ref()).map_or(&[], <[u8; 3]>::as_slice)
    }

    fn capture(&self) -> &[u8] {
        self.rare.as_ref().map_or(&[], |rare| &rare.capture)
    }

    fn dependency(&self) -> &[u8] {
        match &self.rare {
            Some(rare) if self.length == 0 => &rare.dependency,
            _ => &self.short[..usize::from(self.length)],
        }
    }
}

/// How loud a packet of sound is, as its extension says it (RFC 6464).
pub(super) fn level(extensions: &Extensions) -> Option<u8> {
    let voice = if extensions.0.voice_activity == Some(true) { 0x80 } else { 0 };
    extensions.0.audio_level.map(|level| level.unsigned_abs().min(127) | voice)
}

/// A moment since 1970 as NTP has it: seconds since 1900, and 2^32 parts of one.
pub(super) fn ntp(since: std::time::Duration) -> u64 {
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    since.as_secs().wrapping_add(NTP_TO_UNIX) << 32 | fraction
}

/// The fields of a header.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) pt: u8,
    pub(super) marker: bool,
    /// Bytes of padding follow the payload.
    pub(super) padded: bool,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
    /// Transport-wide number.
    pub(super) number: Option<u16>,
    /// When it leaves: 6 bits of seconds and 18 of their parts.
    pub(super) sent: Option<u32>,
    pub(super) level: Option<u8>,
    pub(super) ends: Option<&'a Ends>,
}

/// Most bytes [`write`] adds for these fields.
pub(super) fn room(ends: Option<&Ends>) -> usize {
    // Each element has up to two bytes of its own; small ones are mid, number, time, loudness, orientation and delay.
    let long = ends.map_or(0, |ends| ends.capture().len() + ends.dependency().len());
    FIXED + 4 + 2 * MAX_ELEMENTS + 16 + 11 + long + 3
}

/// Writes a header and returns its length.
pub(super) fn write(out: &mut Vec<u8>, names: &Names, fields: &Fields<'_>) -> usize {
    let begin = out.len();
    let number = fields.number.unwrap_or_default().to_be_bytes();
    let [_, sent @ ..] = fields.sent.unwrap_or_default().to_be_bytes();
    let level = [fields.level.unwrap_or_default()];
    let mut elements = Elements::default();
    elements.add(names.number.filter(|_| fields.number.is_some()), &number);
    elements.add(names.sent.filter(|_| fields.sent.is_some()), &sent);
    if let Some((id, mid)) = &names.mid {
        elements.add(Some(*id), mid.as_bytes());
    }
    elements.add(names.level.filter(|_| fields.level.is_some()), &level);
    if let Some(ends) = fields.ends {
        elements.add(names.orientation, ends.orientation());
        elements.add(names.capture, ends.capture());
        elements.add(names.dependency, ends.dependency());
        elements.add(names.playout, ends.playout());
    }
    let extended = if elements.is_empty() { 0 } else { 0x10 };
    let padded = if fields.padded { 0x20 } else { 0 };
    let marker = if fields.marker { 0x80 } else { 0 };
    out.extend([0x80 | extended | padded, fields.pt & 0x7f | marker]);
    out.extend(fields.sequence.to_be_bytes());
    out.extend(fields.timestamp.to_be_bytes());
    out.extend(fields.ssrc.to_be_bytes());
    elements.write(out);
    out.len() - begin
}

/// Header extensions to write: the number of each and its value.
#[derive(Default)]
struct Elements<'a> {
    list: [(u8, &'a [u8]); MAX_ELEMENTS],
    count: usize,
}

impl<'a> Elements<'a> {
    /// Adds one that the client has a number for and that has a value.
    fn add(&mut self, id: Option<u8>, value: &'a [u8]) {
        if let (Some(id), Some(place)) = (id.filter(|_| !value.is_empty()), self.list.get_mut(self.count)) {
            *place = (id, value);
            self.count += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn write(&self, out: &mut Vec<u8>) {
        if self.is_empty() {
            return;
        }
        let elements = &self.list[..self.count];
        let fits = |(id, value): &(u8, &[u8])| *id <= ONE_BYTE_ID && value.len() <= ONE_BYTE_LENGTH;
        let one_byte = elements.iter().all(fits);
        out.extend(if one_byte { [0xbe, 0xde] } else { [0x10, 0x00] });
        let length_at = out.len();
        out.extend([0, 0]);
        for (id, value) in elements {
            let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
            let value = &value[..usize::from(length)];
            if one_byte {
                out.push(id << 4 | (length - 1));
            } else {
                out.extend([*id, length]);
            }
            out.extend_from_slice(value);
        }
        let begin = length_at + 2;
        let words = (out.len() - begin).div_ceil(4);
        out.resize(begin + 4 * words, 0);
        // A handful of elements of at most 255 bytes each.
        let words = u16::try_from(words).unwrap_or_default().to_be_bytes();
        out[length_at..begin].copy_from_slice(&words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn fields() -> Fields<'static> {
        Fields {
            pt: 96,
            marker: true,
            padded: false,
            sequence: 0x1234,
            timestamp: 0x0102_0304,
            ssrc: 0xa0b0_c0d0,
            number: Some(7),
            sent: None,
            level: None,
            ends: None,
        }
    }

    const FIXED_PART: [u8; 12] = [0x90, 0xe0, 0x12, 0x34, 1, 2, 3, 4, 0xa0, 0xb0, 0xc0, 0xd0];

    #[test]
    fn a_header_says_what_the_client_has_a_name_for() {
        let mut names = Names { number: Some(3), ..Names::default() };
        let mut out = Vec::new();
        assert_eq!(write(&mut out, &names, &fields()), out.len());
        assert_eq!(out[..12], FIXED_PART);
        assert_eq!(out[12..], [0xbe, 0xde, 0, 1, 0x31, 0, 7, 0]);

        names.mid = Some((4, Name::of("12".into())));
        names.level = Some(1);
        out.clear();
        write(&mut out, &names, &Fields { level: Some(0x85), ..fields() });
        assert_eq!(out[12..], [0xbe, 0xde, 0, 2, 0x31, 0, 7, 0x41, b'1', b'2', 0x10, 0x85]);

        out.clear();
        let bare = Fields { number: None, marker: false, padded: true, ..fields() };
        write(&mut out, &Names::default(), &bare);
        assert_eq!((out.len(), out[0], out[1]), (12, 0xa0, 96));
    }

    #[test]
    fn long_values_and_high_numbers_take_the_form_of_two_bytes() {
        let extensions = Extensions::inside(None, Some(&[7; 20]));
        let ends = Ends::new(&extensions, None, None);
        let names = Names { number: Some(3), dependency: Some(12), ..Names::default() };
        let mut out = Vec::new();
        write(&mut out, &names, &Fields { ends: Some(&ends), ..fields() });
        assert_eq!(out[12..20], [0x10, 0, 0, 7, 3, 2, 0, 7]);
        assert_eq!(out[20..22], [12, 20]);
        assert_eq!((out.len() - 12) % 4, 0);
        assert!(out.capacity() >= out.len() && room(Some(&ends)) >= out.len());

        let ends = Ends::new(&extensions, Some(&[1, 2, 3]), None);
        out.clear();
        write(&mut out, &Names { dependency: Some(15), ..Names::default() }, &Fields { ends: Some(&ends), ..fields() });
        assert_eq!(out[12..], [0x10, 0, 0, 2, 15, 3, 1, 2, 3, 0, 0, 0]);

        let delay = PlayoutDelay::new(Duration::from_millis(400), Duration::from_secs(50));
        let delayed = Ends::new(&Extensions::default(), None, Some(delay));
        out.clear();
        write(&mut out, &Names { playout: Some(6), ..Names::default() }, &Fields { ends: Some(&delayed), ..fields() });
        assert_eq!(out[12..], [0xbe, 0xde, 0, 1, 0x62, 0x02, 0x8f, 0xff]);

        let nothing = Ends::new(&Extensions::default(), None, None);
        out.clear();
        write(&mut out, &names, &Fields { ends: Some(&nothing), ..fields() });
        assert_eq!(out[12..], [0xbe, 0xde, 0, 1, 0x31, 0, 7, 0]);
    }

    #[test]
    fn descriptors_of_every_length_go_out_as_they_are_and_short_ones_take_no_memory() {
        let names = Names { dependency: Some(15), ..Names::default() };
        for length in 1..=255 {
            let descriptor = vec![0xa5; length];
            let ends = Ends::new(&Extensions::inside(None, Some(&descriptor)), None, None);
            assert_eq!(ends.rare.is_some(), length > SHORT, "{length}");
            let mut out = Vec::new();
            write(&mut out, &names, &Fields { ends: Some(&ends), ..fields() });
            assert_eq!(out[18..18 + length], descriptor);
        }
    }

    #[test]
    fn loudness_says_whether_somebody_speaks() {
        assert_eq!(level(&Extensions::inside(Some(30), None)), Some(30 | 0x80));
        assert_eq!(level(&Extensions::default()), None);
    }

    #[test]
    fn times_are_counted_from_1900() {
        assert_eq!(ntp(Duration::from_millis(1500)), (NTP_TO_UNIX + 1) << 32 | 1 << 31);
    }
}
