//! The dependency descriptor, a header extension that says of every frame which layer it belongs to and what it needs
//! (AV1 RTP payload format, appendix A). AV1 cannot be forwarded by layers without it; VP9 may carry it too.
//!
//! A key frame brings the *structure*: templates of frames, and the *decode targets* a receiver can choose from. Later
//! descriptors only name a template, so the structure has to be kept: [`Dependencies`] does that for one stream.

use crate::bits::{BitReader, BitWriter};
use crate::selector::RESTART_DISTANCE;

/// A header extension element is not longer (RFC 8285 section 4.3).
pub const MAX_BYTES: usize = 255;

/// Limits of the format: six bits of template id, five of decode targets.
const MAX_TEMPLATES: usize = 64;
const MAX_TARGETS: usize = 32;

/// More references than that are not a video but an attempt to keep us busy; encoders have three or four.
const MAX_REFERENCES: usize = 16;

/// Bits of the fields every descriptor has.
const MANDATORY: usize = 24;

/// What a decode target makes of a frame, two bits each.
const NOT_PRESENT: u64 = 0;
const SWITCH: u64 = 2;

/// What a stream's frames can look like.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Structure {
    template_id_offset: u8,
    templates: Vec<Template>,
    targets: usize,
    chains: usize,
    /// The layers a decode target reaches up to: spatial, temporal.
    reach: [(u8, u8); MAX_TARGETS],
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Template {
    spatial: u8,
    temporal: u8,
    /// Two bits per decode target, the first in the lowest.
    indications: u64,
    references: References,
}

/// Distances in frame numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct References {
    distances: [u16; MAX_REFERENCES],
    count: usize,
}

impl References {
    fn push(&mut self, distance: u16) -> Option<()> {
        *self.distances.get_mut(self.count)? = distance;
        self.count += 1;
        Some(())
    }

    fn farthest(&self) -> u16 {
        self.distances[..self.count].iter().copied().max().unwrap_or(0)
    }
}

/// What one packet's descriptor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The first packet of the frame.
    pub start_of_frame: bool,
    /// The last packet of the frame.
    pub end_of_frame: bool,
    /// Spatial layer, from 0.
    pub spatial: u8,
    /// Temporal layer, from 0.
    pub temporal: u8,
    /// Depends on a picture before this one.
    pub inter_predicted: bool,
    /// Higher temporal layers of this spatial layer do not need anything from before this frame.
    pub switches_up: bool,
    /// Counts frames modulo 2^16.
    pub number: u16,
    /// It tells how those behind it are to be read.
    pub brings_structure: bool,
    /// Which decode targets are being sent, if the descriptor says so; bit 0 is the first.
    pub active: Option<u32>,
    /// Where a mask of active decode targets stands, or would stand, in bits.
    mask_at: usize,
    /// How long the mask is that stands there.
    mask_bits: usize,
    /// It follows the structure before the newest one.
    is_former: bool,
}

impl Frame {
    /// Whether it belongs to pictures from before the newest structure, and came late.
    pub fn is_former(&self) -> bool {
        self.is_former
    }
}

/// A structure, and the number of the first packet that follows it.
#[derive(Debug, Clone)]
struct Known {
    structure: Structure,
    from: u64,
}

impl Known {
    /// Whether a packet comes before those that follow it. One that is very far behind is of a stream that counts anew.
    fn is_behind(&self, sequence: u64) -> bool {
        self.from.checked_sub(sequence).is_some_and(|behind| (1..RESTART_DISTANCE).contains(&behind))
    }
}

/// The state of one stream: its latest structures, and the picture it is at.
#[derive(Debug, Clone, Default)]
pub struct Dependencies {
    newest: Option<Known>,
    /// The one before: packets that follow it may still come.
    former: Option<Known>,
    /// RTP timestamp of the newest picture and the number of its first frame.
    picture: Option<(u32, u16)>,
}

impl Dependencies {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the descriptor of a packet with that RTP timestamp and extended sequence number. `None` if it breaks the format, or
    /// refers to a structure that was not seen: then nothing can be told of the packet. What breaks the format changes nothing.
    pub fn read(&mut self, descriptor: &[u8], timestamp: u32, sequence: u64) -> Option<Frame> {
        if descriptor.len() > MAX_BYTES {
            return None;
        }
        let mut bits = BitReader::new(descriptor);
        let start_of_frame = bits.flag()?;
        let end_of_frame = bits.flag()?;
        let template_id = bits.bits(6)? as u8;
        let number = bits.bits(16)? as u16;
        let extended = descriptor.len() > 3;
        let mut flags = [false; 5];
        if extended {
            for flag in &mut flags {
                *flag = bits.flag()?;
            }
        }
        let [has_structure, has_mask, has_indications, has_references, has_chains] = flags;
        let fresh = if has_structure { Some(Structure::read(&mut bits)?) } else { None };
        let late = is_behind(&self.newest, sequence);
        if late && is_behind(&self.former, sequence) {
            return None;
        }
        let known = if late { &self.former } else { &self.newest };
        let structure = fresh.as_ref().or(known.as_ref().map(|known| &known.structure))?;
        let mask_at = bits.position();
        let mask_bits = if has_mask { structure.targets } else { 0 };
        let mask = bits.bits(mask_bits)?;
        let template = structure.template(template_id)?;
        let indications =
            if has_indications { indications(&mut bits, structure.targets)? } else { template.indications };
        let references = if has_references { custom_references(&mut bits)? } else { template.references };
        if has_chains {
            for _ in 0..structure.chains {
                bits.bits(8)?;
            }
        }
        let all = u32::MAX >> (MAX_TARGETS - structure.targets);
        let active = if has_mask { Some(mask) } else { has_structure.then_some(all) };
        let (spatial, temporal) = (template.spatial, template.temporal);
        let switches_up = structure.switches_up(spatial, indications);
        let before = self.note(timestamp, number);
        let is_former = match fresh {
            Some(fresh) => !self.learn(fresh, sequence),
            None => late,
        };
        Some(Frame {
            start_of_frame,
            end_of_frame,
            spatial,
            temporal,
            inter_predicted: references.farthest() > before,
            switches_up,
            number,
            brings_structure: has_structure,
            active,
            mask_at,
            mask_bits,
            is_former,
        })
    }

    /// Whether nothing can be told of a packet before another has come that brings a structure. One that overtook it is better
    /// kept until then; late packets and those that break the format wait for nothing.
    pub fn awaits_structure(&self, descriptor: &[u8], sequence: u64) -> bool {
        let brings_one = descriptor.get(MANDATORY / 8).is_some_and(|flags| flags & 0x80 != 0);
        if brings_one || descriptor.len() < MANDATORY / 8 {
            return false;
        }
        let knows =
            |newest: &Known| newest.is_behind(sequence) || newest.structure.template(descriptor[0] & 0x3f).is_some();
        !self.newest.as_ref().is_some_and(knows)
    }

    /// Of the structure a frame follows, the decode targets that reach no higher than these layers.
    pub fn targets_within(&self, frame: &Frame, spatial: u8, temporal: u8) -> u32 {
        let known = if frame.is_former { &self.former } else { &self.newest };
        let Some(Known { structure, .. }) = known else { return u32::MAX };
        let reach = structure.reach[..structure.targets].iter().enumerate();
        reach.filter(|(_, (s, t))| *s <= spatial && *t <= temporal).fold(0, |mask, (index, _)| mask | 1 << index)
    }

    /// Every decode target of the structure a frame follows.
    pub fn all_targets(&self, frame: &Frame) -> u32 {
        self.targets_within(frame, u8::MAX, u8::MAX)
    }

    /// Keeps a structure in its place; a late one must not take that of a newer one. Answers whether it is the newest.
    fn learn(&mut self, structure: Structure, sequence: u64) -> bool {
        let late = is_behind(&self.newest, sequence);
        let counts_anew = !late && self.newest.as_ref().is_some_and(|newest| sequence < newest.from);
        if counts_anew {
            self.former = None;
        }
        // It is said again with every key picture.
        if let Some(newest) = self.newest.as_mut().filter(|newest| newest.structure == structure) {
            newest.from = newest.from.min(sequence);
            return true;
        }
        let known = Some(Known { structure, from: sequence });
        if late {
            self.former = known;
        } else {
            let before = std::mem::replace(&mut self.newest, known);
            self.former = before.filter(|_| !counts_anew);
        }
        !late
    }

    /// Takes note of a frame. Answers how many frames of its picture come before it, as far as they are known. Late packets of an
    /// earlier picture do not move it back.
    fn note(&mut self, timestamp: u32, number: u16) -> u16 {
        let Some((at, first)) = self.picture else {
            self.picture = Some((timestamp, number));
            return 0;
        };
        if at == timestamp {
            let before = number.wrapping_sub(first);
            // The first frame came late.
            if before.cast_signed() < 0 {
                self.picture = Some((timestamp, number));
                return 0;
            }
            return before;
        }
        if timestamp.wrapping_sub(at).cast_signed() > 0 {
            self.picture = Some((timestamp, number));
        }
        0
    }
}

fn is_behind(known: &Option<Known>, sequence: u64) -> bool {
    known.as_ref().is_some_and(|known| known.is_behind(sequence))
}

/// A descriptor as it is sent on.
#[derive(Debug, Clone, Copy)]
pub struct Rewritten {
    bytes: [u8; MAX_BYTES],
    length: usize,
}

impl Rewritten {
    /// The bytes of the extension element.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The descriptor with another frame number and, if given, the mask of the decode targets a receiver gets. `frame` must be what
/// [`Dependencies::read`] said of this `descriptor`. `None` if there is no room for it; then it has to go out as it is.
pub fn rewrite(descriptor: &[u8], frame: &Frame, number: u16, active: Option<u32>, targets: u32) -> Option<Rewritten> {
    let mut from = BitReader::new(descriptor);
    let mut out = BitWriter::<MAX_BYTES>::new();
    out.copy(&mut from, 8)?;
    out.bits(number.into(), 16)?;
    from.bits(16)?;
    let Some(active) = active else {
        let left = from.left();
        out.copy(&mut from, left)?;
        return Some(finish(out));
    };
    if from.left() == 0 {
        out.bits(0b01000, 5)?;
    } else {
        out.copy(&mut from, 1)?;
        from.flag()?;
        out.flag(true)?;
        out.copy(&mut from, 3)?;
        let up_to_mask = frame.mask_at.checked_sub(MANDATORY + 5)?;
        out.copy(&mut from, up_to_mask)?;
    }
    let count = (u32::BITS - targets.leading_zeros()) as usize;
    out.bits(active, count)?;
    from.bits(frame.mask_bits.min(from.left()))?;
    let left = from.left();
    out.copy(&mut from, left)?;
    Some(finish(out))
}

fn finish(out: BitWriter<MAX_BYTES>) -> Rewritten {
    let (bytes, length) = out.into_parts();
    Rewritten { bytes, length }
}

impl Structure {
    fn read(bits: &mut BitReader<'_>) -> Option<Self> {
        let template_id_offset = bits.bits(6)? as u8;
        let targets = bits.bits(5)? as usize + 1;
        let mut templates = Vec::new();
        let (mut spatial, mut temporal) = (0u8, 0u8);
        loop {
            if templates.len() == MAX_TEMPLATES {
                return None;
            }
            templates.push(Template { spatial, temporal, indications: 0, references: References::default() });
            match bits.bits(2)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => break,
            }
        }
        for template in &mut templates {
            template.indications = indications(bits, targets)?;
        }
        for template in &mut templates {
            while bits.flag()? {
                template.references.push(bits.bits(4)? as u16 + 1)?;
            }
        }
        let chains = bits.below(targets as u32 + 1)? as usize;
        if chains > 0 {
            for _ in 0..targets {
                bits.below(chains as u32)?;
            }
            for _ in 0..templates.len() * chains {
                bits.bits(4)?;
            }
        }
        if bits.flag()? {
            for _ in 0..=spatial {
                bits.bits(32)?;
            }
        }
        let mut reach = [(0, 0); MAX_TARGETS];
        for (target, reach) in reach.iter_mut().enumerate().take(targets) {
            for template in templates.iter().filter(|template| indication(template.indications, target) != NOT_PRESENT)
            {
                *reach = (reach.0.max(template.spatial), reach.1.max(template.temporal));
            }
        }
        Some(Self { template_id_offset, templates, targets, chains, reach })
    }

    fn template(&self, id: u8) -> Option<&Template> {
        let index = (usize::from(id) + MAX_TEMPLATES - usize::from(self.template_id_offset)) % MAX_TEMPLATES;
        self.templates.get(index)
    }

    /// Whether a receiver may begin with the best decode target of that spatial layer at a frame with these indications.
    fn switches_up(&self, spatial: u8, indications: u64) -> bool {
        let of_layer = self.reach[..self.targets].iter().enumerate().filter(|(_, (of, _))| *of == spatial);
        let best = of_layer.max_by_key(|(_, (_, temporal))| *temporal);
        best.is_some_and(|(target, _)| indication(indications, target) == SWITCH)
    }
}

fn indications(bits: &mut BitReader<'_>, targets: usize) -> Option<u64> {
    (0..targets).try_fold(0, |all, target| Some(all | u64::from(bits.bits(2)?) << (2 * target)))
}

fn indication(indications: u64, target: usize) -> u64 {
    indications >> (2 * target) & 3
}

fn custom_references(bits: &mut BitReader<'_>) -> Option<References> {
    let mut references = References::default();
    loop {
        let size = bits.bits(2)? as usize;
        if size == 0 {
            return Some(references);
        }
        references.push(bits.bits(4 * size)? as u16 + 1)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two spatial and two temporal layers, the upper spatial one depending on the lower in key pictures only: the
    /// templates, decode targets and references of a browser's L2T2_KEY.
    fn structure() -> Vec<u8> {
        let mut out = BitWriter::<64>::new();
        let mut put = |value: u32, count: usize| out.bits(value, count).unwrap();
        put(0b11, 2); // start and end of frame
        put(0, 6); // template 0
        put(100, 16);
        put(0b10000, 5); // a structure
        put(0, 6); // template id offset
        put(3, 5); // four decode targets: S0T0, S0T1, S1T0, S1T1
        // S0T0 key, S0T0, S0T1, S1T0 key, S1T0, S1T1
        for next in [0, 1, 2, 0, 1, 3] {
            put(next, 2);
        }
        for template in [[2, 2, 2, 2], [2, 2, 0, 0], [0, 1, 0, 0], [0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 0, 1]] {
            for indication in template {
                put(indication, 2);
            }
        }
        for references in [None, Some(4), Some(2), Some(1), Some(4), Some(2)] {
            if let Some(distance) = references {
                put(1, 1);
                put(distance - 1, 4);
            }
            put(0, 1);
        }
        put(2, 2); // two chains of at most four: ns(5)
        for chain in [0, 0, 1, 1] {
            put(chain, 1);
        }
        for _ in 0..12 {
            put(0, 4);
        }
        put(1, 1);
        for _ in 0..4 {
            put(319, 16);
        }
        let (bytes, length) = out.into_parts();
        bytes[..length].to_vec()
    }

    fn short(template: u8, number: u16) -> [u8; 3] {
        let [high, low] = number.to_be_bytes();
        [0xc0 | template, high, low]
    }

    /// Another structure of the same shape, as an encoder sends it that begins its templates elsewhere.
    fn other_structure(number: u16) -> Vec<u8> {
        let mut other = structure();
        other[0] = 0xc0 | OTHER;
        [other[1], other[2]] = number.to_be_bytes();
        // Five flags, and six bits of offset over the end of the byte.
        other[3] |= OTHER >> 3;
        other[4] |= OTHER << 5;
        other
    }

    /// The first template of the other structure.
    const OTHER: u8 = 6;

    #[test]
    fn a_key_picture_brings_the_structure_and_depends_on_nothing_before_it() {
        let mut stream = Dependencies::new();

        let base = stream.read(&structure(), 9000, 1).unwrap();
        let upper = stream.read(&short(3, 101), 9000, 2).unwrap();

        assert_eq!((base.spatial, base.temporal, base.inter_predicted, base.active), (0, 0, false, Some(0b1111)));
        assert_eq!((upper.spatial, upper.temporal, upper.inter_predicted), (1, 0, false), "only on its own picture");
        assert!(base.start_of_frame && base.end_of_frame && base.switches_up && upper.switches_up);
    }

    #[test]
    fn later_frames_refer_to_the_structure() {
        let mut stream = Dependencies::new();
        stream.read(&structure(), 0, 1).unwrap();

        let upper = stream.read(&short(5, 103), 3000, 4).unwrap();
        let base = stream.read(&short(1, 104), 6000, 5).unwrap();

        assert_eq!((upper.spatial, upper.temporal, upper.inter_predicted), (1, 1, true));
        assert!(!upper.switches_up, "discardable");
        assert_eq!((base.spatial, base.temporal, base.inter_predicted, base.switches_up), (0, 0, true, true));
        assert_eq!(stream.read(&short(6, 105), 9000, 6), None, "no such template");
    }

    #[test]
    fn without_a_structure_nothing_can_be_told() {
        assert_eq!(Dependencies::new().read(&short(0, 1), 0, 1), None);
    }

    #[test]
    fn what_overtook_its_structure_awaits_it() {
        let mut stream = Dependencies::new();
        assert!(stream.awaits_structure(&short(0, 101), 2));
        assert!(!stream.awaits_structure(&structure(), 1), "it brings its own");
        assert!(!stream.awaits_structure(&[0xc0, 0], 1), "broken");

        stream.read(&structure(), 0, 10).unwrap();
        assert!(!stream.awaits_structure(&short(5, 103), 13));
        assert!(stream.awaits_structure(&short(OTHER, 104), 14), "it follows one that is under way");
        assert!(!stream.awaits_structure(&short(OTHER, 97), 9), "it came too late for another one");
    }

    #[test]
    fn late_packets_follow_the_structure_of_their_time() {
        let mut stream = Dependencies::new();
        stream.read(&structure(), 0, 10).unwrap();
        stream.read(&other_structure(110), 9000, 20).unwrap();

        let late = stream.read(&short(4, 109), 6000, 19).unwrap();
        let timely = stream.read(&short(OTHER + 3, 111), 9000, 21).unwrap();

        assert_eq!((late.spatial, late.inter_predicted, late.is_former()), (1, true, true));
        assert_eq!((timely.spatial, timely.inter_predicted, timely.is_former()), (1, false, false));
        assert_eq!(stream.read(&short(4, 99), 0, 9), None, "from before the first structure");
    }

    #[test]
    fn a_late_structure_does_not_take_the_place_of_a_newer_one() {
        let mut stream = Dependencies::new();
        stream.read(&other_structure(110), 9000, 20).unwrap();

        let late = stream.read(&structure(), 0, 10).unwrap();

        assert!(late.is_former() && !late.inter_predicted);
        assert_eq!(stream.read(&short(3, 101), 0, 11).map(|frame| frame.spatial), Some(1));
        assert_eq!(stream.read(&short(OTHER + 3, 111), 9000, 21).map(|frame| frame.spatial), Some(1));
        assert_eq!(stream.read(&structure(), 0, 9), None, "from before both");
    }

    #[test]
    fn a_structure_said_again_changes_nothing() {
        let mut stream = Dependencies::new();
        stream.read(&structure(), 0, 10).unwrap();
        stream.read(&other_structure(110), 9000, 20).unwrap();

        stream.read(&other_structure(120), 18_000, 30).unwrap();

        assert!(stream.read(&short(4, 109), 6000, 19).unwrap().is_former());
        assert!(!stream.read(&short(OTHER + 1, 119), 15_000, 29).unwrap().is_former());
    }

    #[test]
    fn a_stream_that_counts_anew_has_its_own_structure() {
        let mut stream = Dependencies::new();
        stream.read(&other_structure(110), 9000, 50_000).unwrap();

        let key = stream.read(&structure(), 12_000, 7).unwrap();

        assert!(!key.is_former());
        assert_eq!(stream.read(&short(4, 104), 15_000, 8).map(|frame| frame.spatial), Some(1));
        assert_eq!(stream.read(&short(OTHER + 3, 111), 9000, 6), None);
    }

    #[test]
    fn a_first_frame_that_comes_late_is_still_the_first() {
        let mut stream = Dependencies::new();
        stream.read(&structure(), 0, 10).unwrap();

        stream.read(&short(4, 105), 6000, 15).unwrap();
        let late = stream.read(&short(1, 104), 6000, 14).unwrap();
        let again = stream.read(&short(4, 105), 6000, 15).unwrap();

        assert!(late.inter_predicted, "it refers to the picture before");
        assert!(again.inter_predicted);
        let key = stream.read(&short(0, 110), 9000, 20).unwrap();
        assert!(!key.inter_predicted);
    }

    #[test]
    fn decode_targets_are_known_by_the_layers_they_reach() {
        let mut stream = Dependencies::new();
        let frame = stream.read(&structure(), 0, 1).unwrap();

        assert_eq!(stream.targets_within(&frame, 0, 0), 0b0001);
        assert_eq!(stream.targets_within(&frame, 0, 7), 0b0011);
        assert_eq!(stream.targets_within(&frame, 1, 0), 0b0101);
        assert_eq!(stream.all_targets(&frame), 0b1111);
    }

    #[test]
    fn a_mask_is_put_into_short_and_into_long_descriptors() {
        for descriptor in [structure(), short(1, 104).to_vec()] {
            let mut stream = Dependencies::new();
            stream.read(&structure(), 0, 1).unwrap();
            let frame = stream.read(&descriptor, 3000, 2).unwrap();

            let sent = rewrite(&descriptor, &frame, 7, Some(0b0011), stream.all_targets(&frame)).unwrap();

            let mut receiver = Dependencies::new();
            receiver.read(&structure(), 0, 1).unwrap();
            let seen = receiver.read(sent.as_bytes(), 3000, 2).unwrap();
            assert_eq!((seen.active, seen.number), (Some(0b0011), 7));
            assert_eq!((seen.spatial, seen.temporal), (frame.spatial, frame.temporal));
            let again = rewrite(sent.as_bytes(), &seen, 8, Some(0b0111), receiver.all_targets(&seen)).unwrap();
            assert_eq!(receiver.read(again.as_bytes(), 6000, 3).unwrap().active, Some(0b0111), "replaced, not added");
        }
    }

    #[test]
    fn a_frame_of_its_own_kind_is_read() {
        let mut stream = Dependencies::new();
        stream.read(&structure(), 0, 1).unwrap();
        let mut out = BitWriter::<16>::new();
        out.bits(0b11, 2).unwrap();
        out.bits(1, 6).unwrap();
        out.bits(104, 16).unwrap();
        out.bits(0b00111, 5).unwrap();
        out.bits(0b10_01_00_00, 8).unwrap();
        out.bits(0b10, 2).unwrap();
        out.bits(39, 8).unwrap();
        out.bits(0, 2).unwrap();
        out.bits(0x0102, 16).unwrap();
        let (bytes, length) = out.into_parts();

        let frame = stream.read(&bytes[..length], 3000, 5).unwrap();

        assert!(frame.inter_predicted && !frame.switches_up);
        assert_eq!(stream.read(&bytes[..length - 1], 3000, 6), None, "cut within the chains");
    }

    #[test]
    fn endless_templates_and_references_are_refused() {
        let mut templates = short(0, 1).to_vec();
        templates.extend([0x80, 0]);
        templates.extend([0; 200]);
        assert_eq!(Dependencies::new().read(&templates, 0, 1), None);
        let mut references = short(0, 1).to_vec();
        references.extend([0x80, 0, 0xff]);
        references.extend([0xff; 200]);
        assert_eq!(Dependencies::new().read(&references, 0, 1), None);
    }

    proptest! {
        #[test]
        fn hostile_descriptors_are_read_or_refused(
            noise in prop::collection::vec(any::<u8>(), 0..300),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            number in any::<u16>(),
            mask in any::<u32>(),
            sequences in any::<[u8; 3]>().prop_map(|sequences| sequences.map(u64::from)),
        ) {
            let mut wrong = structure();
            let at = at.index(wrong.len());
            wrong[at] = byte;
            let mut stream = Dependencies::new();
            for (index, descriptor) in [structure(), wrong, noise].iter().enumerate() {
                let timestamp = index as u32 * 3000;
                let Some(frame) = stream.read(descriptor, timestamp, sequences[index]) else { continue };
                let before = stream.clone();
                if let Some(sent) = rewrite(descriptor, &frame, number, Some(mask), stream.all_targets(&frame)) {
                    let mut receiver = before;
                    let seen = receiver.read(sent.as_bytes(), timestamp, sequences[index]).unwrap();
                    prop_assert_eq!((seen.number, seen.active), (number, Some(mask & stream.all_targets(&frame))));
                    prop_assert_eq!((seen.spatial, seen.temporal), (frame.spatial, frame.temporal));
                }
            }
        }
    }
}
