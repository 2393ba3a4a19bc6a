//! The VP9 payload descriptor (RFC 9628 §4.2), as far as finding key frames and layers goes.

/// What the start of a VP9 RTP payload says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp9 {
    /// Counts pictures, 7 or 15 bits.
    pub picture_id: Option<u16>,
    /// The picture depends on an earlier one (P bit).
    pub inter_predicted: bool,
    /// A layer frame begins with this packet (B bit).
    pub start_of_frame: bool,
    /// A layer frame ends with this packet (E bit).
    pub end_of_frame: bool,
    /// Where the frame belongs, if the stream has layers.
    pub layer: Option<LayerIndex>,
}

/// The layer octet of the descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerIndex {
    /// Temporal layer, 0 to 7.
    pub temporal: u8,
    /// A receiver may begin with this temporal layer here (U bit).
    pub switching_up: bool,
    /// Spatial layer, 0 to 7.
    pub spatial: u8,
    /// Depends on the spatial layer below (D bit).
    pub inter_layer: bool,
}

impl Vp9 {
    /// Reads the start of an RTP payload. `None` if it ends too early.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut bytes = payload.iter().copied();
        let first = bytes.next()?;
        let picture_id = if first & 0x80 != 0 {
            let high = bytes.next()?;
            let long = high & 0x80 != 0;
            Some(if long { u16::from_be_bytes([high & 0x7f, bytes.next()?]) } else { u16::from(high) })
        } else {
            None
        };
        let layer = if first & 0x20 != 0 { Some(LayerIndex::from_octet(bytes.next()?)) } else { None };
        Some(Self {
            picture_id,
            inter_predicted: first & 0x40 != 0,
            start_of_frame: first & 0x08 != 0,
            end_of_frame: first & 0x04 != 0,
            layer,
        })
    }

    /// Whether a key frame begins here: a picture without prediction, at the first packet of its lowest spatial layer.
    pub fn starts_key_frame(&self) -> bool {
        self.start_of_frame && !self.inter_predicted && self.layer.is_none_or(|layer| layer.spatial == 0)
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_frame_begins_at_its_lowest_spatial_layer() {
        // I L F B, 15-bit picture id, layer octet.
        let base = Vp9::parse(&[0xb8, 0x81, 0x02, 0x00, 0xff]).unwrap();
        let upper = Vp9::parse(&[0xb8, 0x81, 0x02, 0x03, 0xff]).unwrap();

        assert!(base.starts_key_frame());
        assert_eq!(base.picture_id, Some(0x102));
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
        let vp9 = Vp9::parse(&[0x2c, 0b0101_0100]).unwrap();

        let layer = LayerIndex { temporal: 2, switching_up: true, spatial: 2, inter_layer: false };
        assert_eq!((vp9.layer, vp9.end_of_frame), (Some(layer), true));
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(payload in proptest::collection::vec(any::<u8>(), 0..8)) {
            let _ = Vp9::parse(&payload).map(|vp9| vp9.starts_key_frame());
        }
    }
}
