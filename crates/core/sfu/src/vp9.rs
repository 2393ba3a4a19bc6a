//! The VP9 payload descriptor (RFC 9628 section 4.2).
//!
//! The descriptor is written after encryption, so everything here can be read of tracks encrypted end to end as well. What
//! lies behind it is never looked at.

use crate::vp8::PICTURE_ID_MASK;

/// Most references of a frame in flexible mode (section 4.2).
const MAX_REFERENCES: usize = 3;

/// What the start of a VP9 RTP payload says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp9 {
    /// Counts pictures, 7 or 15 bits.
    pub picture_id: Option<u16>,
    /// The picture id takes two bytes.
    pub long_picture_id: bool,
    /// The picture depends on an earlier one (P bit).
    pub inter_predicted: bool,
    /// A layer frame begins with this packet (B bit).
    pub start_of_frame: bool,
    /// A layer frame ends with this packet (E bit).
    pub end_of_frame: bool,
    /// Where the frame belongs, if the stream has layers.
    pub layer: Option<LayerIndex>,
    /// Counts pictures of temporal layer 0, modulo 256; only without flexible mode.
    pub tl0_pic_idx: Option<u8>,
    /// The packet says how many layers there are (V bit).
    pub has_structure: bool,
    /// Bytes of the descriptor.
    pub header_len: usize,
}

/// The layer octet of the descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerIndex {
    /// Temporal layer, 0 to 7.
    pub temporal: u8,
    /// Higher temporal layers do not need anything from before this frame (U bit).
    pub switching_up: bool,
    /// Spatial layer, 0 to 7.
    pub spatial: u8,
    /// Depends on the spatial layer below (D bit).
    pub inter_layer: bool,
}

impl Vp9 {
    /// Reads the start of an RTP payload. `None` if it ends within the descriptor, or a frame refers to more pictures than the
    /// format allows.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut rest = Reader(payload);
        let first = rest.byte()?;
        let [has_id, inter_predicted, has_layer, flexible] = [0x80, 0x40, 0x20, 0x10].map(|bit| first & bit != 0);
        let mut long_picture_id = false;
        let picture_id = if has_id {
            let high = rest.byte()?;
            long_picture_id = high & 0x80 != 0;
            Some(if long_picture_id { u16::from_be_bytes([high & 0x7f, rest.byte()?]) } else { u16::from(high) })
        } else {
            None
        };
        let layer = if has_layer { Some(LayerIndex::from_octet(rest.byte()?)) } else { None };
        let tl0_pic_idx = if has_layer && !flexible { Some(rest.byte()?) } else { None };
        if flexible && inter_predicted {
            rest.references()?;
        }
        let has_structure = first & 0x02 != 0;
        if has_structure {
            rest.structure()?;
        }
        Some(Self {
            picture_id,
            long_picture_id,
            inter_predicted,
            start_of_frame: first & 0x08 != 0,
            end_of_frame: first & 0x04 != 0,
            layer,
            tl0_pic_idx,
            has_structure,
            header_len: payload.len() - rest.0.len(),
        })
    }

    /// Whether a key frame begins here: a picture without prediction, at the first packet of its lowest spatial layer.
    pub fn starts_key_frame(&self) -> bool {
        self.start_of_frame && !self.inter_predicted && self.layer.is_none_or(|layer| layer.spatial == 0)
    }
}

/// The payload with other counters. `vp9` must be what parsing this very `payload` gave. A picture id keeps its length; in the
/// short form its upper bits are cut off.
pub fn patched(payload: &[u8], vp9: &Vp9, picture_id: Option<u16>, tl0_pic_idx: Option<u8>) -> Vec<u8> {
    let mut out = payload.to_vec();
    let mut at = 1;
    if vp9.picture_id.is_some() {
        let value = picture_id.map(|id| id & PICTURE_ID_MASK);
        match (vp9.long_picture_id, value, out.get_mut(at..)) {
            (true, Some(value), Some([high, low, ..])) => [*high, *low] = (value | 0x8000).to_be_bytes(),
            (false, Some(value), Some([id, ..])) => *id = (value & 0x7f) as u8,
            _ => {}
        }
        at += 1 + usize::from(vp9.long_picture_id);
    }
    if vp9.tl0_pic_idx.is_some()
        && let (Some(new), Some(byte)) = (tl0_pic_idx, out.get_mut(at + 1))
    {
        *byte = new;
    }
    out
}

impl LayerIndex {
    fn from_octet(octet: u8) -> Self {
        Self {
            temporal: octet >> 5,
            switching_up: octet & 0x10 != 0,
            spatial: octet >> 1 & 0x07,
            inter_layer: octet & 0x01 != 0,
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    /// Differences of picture ids, each with a bit that says whether another follows.
    fn references(&mut self) -> Option<()> {
        for _ in 0..MAX_REFERENCES {
            if self.byte()? & 1 == 0 {
                return Some(());
            }
        }
        None
    }

    /// The scalability structure: sizes of the spatial layers, and the pictures of a group with their references.
    fn structure(&mut self) -> Option<()> {
        let first = self.byte()?;
        if first & 0x10 != 0 {
            self.skip(4 * (usize::from(first >> 5) + 1))?;
        }
        if first & 0x08 != 0 {
            for _ in 0..self.byte()? {
                let references = self.byte()? >> 2 & 0x03;
                self.skip(references.into())?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// I L F B, 15-bit picture id, layer octet.
    const BASE: [u8; 5] = [0xb8, 0x81, 0x02, 0x00, 0xff];

    #[test]
    fn a_key_frame_begins_at_its_lowest_spatial_layer() {
        let base = Vp9::parse(&BASE).unwrap();
        let upper = Vp9::parse(&[0xb8, 0x81, 0x02, 0x03, 0xff]).unwrap();

        assert!(base.starts_key_frame());
        assert_eq!((base.picture_id, base.header_len), (Some(0x102), 4));
        assert!(!upper.starts_key_frame());
        let layer = LayerIndex { temporal: 0, switching_up: false, spatial: 1, inter_layer: true };
        assert_eq!(upper.layer, Some(layer));
    }

    #[test]
    fn predicted_pictures_and_later_packets_start_no_key_frame() {
        assert!(!Vp9::parse(&[0xc8, 0x01]).unwrap().starts_key_frame(), "P bit");
        assert!(!Vp9::parse(&[0x84, 0x01]).unwrap().starts_key_frame(), "no B bit");
        assert!(Vp9::parse(&[0x88, 0x01]).unwrap().starts_key_frame());
    }

    #[test]
    fn the_layer_octet_is_taken_apart() {
        // L B E, layer octet, TL0PICIDX.
        let vp9 = Vp9::parse(&[0x2c, 0b0101_0100, 9]).unwrap();

        let layer = LayerIndex { temporal: 2, switching_up: true, spatial: 2, inter_layer: false };
        assert_eq!((vp9.layer, vp9.end_of_frame, vp9.tl0_pic_idx), (Some(layer), true, Some(9)));
    }

    #[test]
    fn references_of_flexible_mode_are_skipped() {
        // I P L F, short id, layer octet, two references.
        let vp9 = Vp9::parse(&[0xf0, 5, 0x20, 0x03, 0x08, 0xaa]).unwrap();
        assert_eq!((vp9.picture_id, vp9.header_len, vp9.tl0_pic_idx), (Some(5), 5, None));
        assert_eq!(Vp9::parse(&[0xf0, 5, 0x20, 0x03, 0x03, 0x03, 0xaa]), None, "a fourth reference");
    }

    #[test]
    fn the_structure_is_skipped_whatever_it_holds() {
        // I L B V, long id, layer, TL0; two layers with sizes, a group of two pictures with one and no reference.
        let mut payload = vec![0xaa, 0x80, 0x01, 0x00, 0x01, 0x38];
        payload.extend([0u8; 8]);
        payload.extend([2, 0x04, 1, 0x20, 0xee]);
        let vp9 = Vp9::parse(&payload).unwrap();
        assert!(vp9.has_structure && vp9.starts_key_frame());
        assert_eq!(vp9.header_len, payload.len() - 1);
        assert_eq!(Vp9::parse(&payload[..12]), None, "cut within the sizes");
    }

    #[test]
    fn counters_are_replaced_in_place() {
        let long = [0xa8, 0x81, 0x02, 0x00, 7, 0xff];
        let vp9 = Vp9::parse(&long).unwrap();
        let patched_long = patched(&long, &vp9, Some(0x1234), Some(8));
        assert_eq!(patched_long, [0xa8, 0x92, 0x34, 0x00, 8, 0xff]);
        let short = [0xa8, 0x01, 0x00, 7, 0xff];
        let vp9 = Vp9::parse(&short).unwrap();
        assert_eq!(patched(&short, &vp9, Some(0x1234), None), [0xa8, 0x34, 0x00, 7, 0xff]);
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(vp9) = Vp9::parse(&payload) {
                prop_assert!(vp9.header_len <= payload.len());
                let other = patched(&payload, &vp9, Some(77), Some(3));
                let again = Vp9::parse(&other).unwrap();
                let expected = Vp9 {
                    picture_id: vp9.picture_id.map(|_| 77),
                    tl0_pic_idx: vp9.tl0_pic_idx.map(|_| 3),
                    ..vp9
                };
                prop_assert_eq!(again, expected);
            }
        }
    }
}
