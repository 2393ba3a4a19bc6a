//! What forwarding needs to know of a packet whose stream may carry several layers, whatever its codec.

use crate::layers::{Layer, Temporal};
use crate::vp9::Vp9;
use crate::{av1, dependency};

/// One packet of a frame of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scalable {
    /// Spatial layer; what lies above the third counts as the third.
    pub spatial: Layer,
    /// Temporal layer.
    pub temporal: Temporal,
    /// The layer frame begins here.
    pub start_of_frame: bool,
    /// The layer frame ends here.
    pub end_of_frame: bool,
    /// The frame depends on an earlier picture.
    pub inter_predicted: bool,
    /// Higher temporal layers do not need anything from before this frame.
    pub switches_up: bool,
}

impl Scalable {
    /// Whether a key frame begins here, at its lowest spatial layer.
    pub fn starts_key_frame(&self) -> bool {
        self.start_of_frame && !self.inter_predicted && self.spatial == Layer::Low
    }

    /// AV1 without a dependency descriptor: one layer, as far as anybody can tell.
    pub fn from_av1(payload: &[u8], marker: bool) -> Self {
        let key_frame = av1::starts_key_frame(payload);
        Self {
            spatial: Layer::Low,
            temporal: Temporal::BASE,
            start_of_frame: key_frame,
            end_of_frame: marker,
            inter_predicted: !key_frame,
            switches_up: false,
        }
    }
}

impl From<&Vp9> for Scalable {
    fn from(vp9: &Vp9) -> Self {
        Self {
            spatial: spatial(vp9.layer.map_or(0, |layer| layer.spatial)),
            temporal: Temporal::new(vp9.layer.map_or(0, |layer| layer.temporal)),
            start_of_frame: vp9.start_of_frame,
            end_of_frame: vp9.end_of_frame,
            inter_predicted: vp9.inter_predicted,
            switches_up: vp9.layer.is_some_and(|layer| layer.switching_up),
        }
    }
}

impl From<&dependency::Frame> for Scalable {
    fn from(frame: &dependency::Frame) -> Self {
        Self {
            spatial: spatial(frame.spatial),
            temporal: Temporal::new(frame.temporal),
            start_of_frame: frame.start_of_frame,
            end_of_frame: frame.end_of_frame,
            inter_predicted: frame.inter_predicted,
            switches_up: frame.switches_up,
        }
    }
}

fn spatial(index: u8) -> Layer {
    Layer::from_index(index.into()).unwrap_or(Layer::High)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_without_layers_is_its_lowest_layer() {
        let vp9 = Scalable::from(&Vp9::parse(&[0x88, 0x01, 0xff]).unwrap());
        assert_eq!((vp9.spatial, vp9.temporal, vp9.starts_key_frame()), (Layer::Low, Temporal::BASE, true));

        let av1 = Scalable::from_av1(&[0x08, 0x0a], true);
        assert!(av1.starts_key_frame() && av1.end_of_frame);
        assert!(!Scalable::from_av1(&[0x10, 0x32], false).starts_key_frame());
    }

    #[test]
    fn layers_beyond_what_is_counted_are_the_highest() {
        // L B, layer octet with spatial layer 5 and temporal layer 6, TL0PICIDX.
        let vp9 = Scalable::from(&Vp9::parse(&[0x28, 0b1100_1010, 0, 0xff]).unwrap());
        assert_eq!((vp9.spatial, vp9.temporal), (Layer::High, Temporal::TOP));
        assert!(!vp9.starts_key_frame(), "a key frame begins at the bottom");
    }
}
