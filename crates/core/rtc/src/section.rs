//! What is known of a section of a description: what may be sent on it, and which layer is which on the way in.

use crate::outgoing::{Formats, Names};
use crate::plan::{Codec, Down, Kind};
use str0m::media::{Mid, Pt};

/// What a section receives to send, and how.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) mid: Mid,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Payload types the client takes.
    pub(crate) formats: Vec<Format>,
    /// By which numbers the client knows header extensions.
    pub(crate) names: Names,
    /// The track on it now.
    pub(crate) down: Option<Down>,
    pub(crate) simulcast: bool,
    /// Rids of the client's encodings in its order, and which layer each is if that was announced.
    pub(crate) rids: Vec<String>,
    pub(crate) layers: Vec<(String, u8)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) codec: Codec,
    pub(crate) profile: u32,
    pub(crate) pt: Pt,
    /// With which type it is sent again, if the client takes that.
    pub(crate) repair: Option<Pt>,
}

impl Section {
    /// The layer a rid stands for: as announced, by convention, or by its place among all of them
    /// (media-protocol.md section 7.8).
    pub(crate) fn layer_of(&self, rid: &str) -> Option<u8> {
        let announced = self.layers.iter().find(|(name, _)| name == rid).map(|(_, layer)| *layer);
        let usual = || ["q", "h", "f"].iter().position(|name| *name == rid);
        let place = || self.rids.iter().position(|name| name == rid);
        announced.or_else(|| u8::try_from(usual().or_else(place)?).ok()).filter(|layer| *layer < 3)
    }

    /// How a packet leaves; `None` if the client does not take it.
    pub(crate) fn outlet(&self, codec: Codec, profile: u32) -> Option<Formats> {
        let format = self.format(codec, profile)?;
        Some(Formats { pt: *format.pt, repair: format.repair.map(|pt| *pt) })
    }

    /// The payload type of padding, which is that of something sent again.
    pub(crate) fn padding(&self) -> Option<u8> {
        self.formats.iter().find_map(|format| format.repair).map(|pt| *pt)
    }

    /// Whether a payload type is that of packets sent again (RFC 4588).
    pub(crate) fn is_repair(&self, format: u8) -> bool {
        self.formats.iter().any(|known| known.repair.is_some_and(|pt| *pt == format))
    }

    /// Whether what is missing can be sent again. Before the client has answered that is so if it may be.
    pub(crate) fn repairs(&self) -> bool {
        self.kind == Kind::Video && (self.formats.is_empty() || self.padding().is_some())
    }

    /// The best format for a stream. Decoders of H.264 mostly read more than clients say, and a picture that may not be read is no
    /// worse than none.
    pub(crate) fn format(&self, codec: Codec, profile: u32) -> Option<&Format> {
        let of_codec = || self.formats.iter().filter(|format| format.codec == codec);
        let exact = of_codec().find(|format| format.profile == profile);
        let reads = exact.or_else(|| of_codec().find(|format| format.reads(profile)));
        let best = || of_codec().max_by_key(|format| h264_rank(format.profile));
        reads.or_else(|| best().filter(|_| codec == Codec::H264))
    }
}

impl Format {
    /// Whether a decoder of this format reads a stream of that profile of the same codec.
    fn reads(&self, profile: u32) -> bool {
        match self.codec {
            Codec::H264 => h264_rank(self.profile) >= h264_rank(profile),
            Codec::Vp9 => self.profile == profile,
            Codec::Opus | Codec::Red | Codec::Vp8 | Codec::Av1 => true,
        }
    }
}

/// What a decoder of an H.264 profile can, from baseline over main to high; the bits of the constraints make no difference to
/// what browsers and phones send.
fn h264_rank(profile: u32) -> u8 {
    match profile >> 8 {
        0 | 0x42 => 0,
        0x4d => 1,
        0x64 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_goes_out_in_a_format_whose_decoder_reads_it() {
        let format = |codec, profile: u32, pt: u8| Format { codec, profile, pt: Pt::new_with_value(pt), repair: None };
        let mut section = Section { formats: vec![format(Codec::H264, 0x42e0, 100)], ..empty_section() };
        let pt = |section: &Section, codec, profile| section.outlet(codec, profile).map(|formats| formats.pt);

        assert_eq!(pt(&section, Codec::H264, 0x42e0), Some(100));
        assert_eq!(pt(&section, Codec::H264, 0x4200), Some(100));
        assert_eq!(pt(&section, Codec::H264, 0x6400), Some(100), "it may be read all the same");
        section.formats.push(format(Codec::H264, 0x4d00, 101));
        assert_eq!(pt(&section, Codec::H264, 0x6400), Some(101), "by the better one");
        section.formats.extend([format(Codec::H264, 0x6400, 102), format(Codec::Vp9, 0, 98)]);
        assert_eq!(pt(&section, Codec::H264, 0x6400), Some(102));
        assert_eq!(pt(&section, Codec::H264, 0x4d00), Some(101));
        assert_eq!((pt(&section, Codec::Vp9, 0), pt(&section, Codec::Vp9, 2)), (Some(98), None));
    }

    fn empty_section() -> Section {
        Section {
            mid: Mid::from("0"),
            name: String::new(),
            kind: Kind::Video,
            formats: Vec::new(),
            names: Names::default(),
            down: None,
            simulcast: false,
            rids: Vec::new(),
            layers: Vec::new(),
        }
    }

    #[test]
    fn a_layer_is_told_by_announcement_then_by_convention_then_by_order() {
        let rids = vec!["lo".into(), "mid".into(), "hi".into()];
        let mut section = Section { simulcast: true, rids, ..empty_section() };
        assert_eq!(
            ["lo", "mid", "hi", "f", "x"].map(|rid| section.layer_of(rid)),
            [Some(0), Some(1), Some(2), Some(2), None]
        );
        section.layers = vec![("hi".into(), 0), ("lo".into(), 2), ("q".into(), 9)];
        assert_eq!(["lo", "mid", "hi", "q"].map(|rid| section.layer_of(rid)), [Some(2), Some(1), Some(0), None]);
    }
}
