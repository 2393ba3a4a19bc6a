//! What the operator is shown of a track and of a subscription.

use super::{Down, Encoding, Up};
use sfu::layers::Layer;

fn number(layer: Layer) -> u8 {
    u8::try_from(layer.index()).unwrap_or(0)
}

impl Up {
    pub(crate) fn is_muted(&self) -> bool {
        self.muted
    }

    /// The best layer anybody wants.
    pub(crate) fn wanted(&self) -> Option<u8> {
        self.encodings.iter().filter_map(|encoding| encoding.dynacast.current().max).map(number).max()
    }
}

impl Encoding {
    /// All layers come in one stream.
    pub(crate) fn is_scalable(&self) -> bool {
        self.scalable
    }

    /// The layers that send now.
    pub(crate) fn running(&self) -> Vec<u8> {
        self.liveness.running().iter().map(number).collect()
    }
}

impl Down {
    /// The layer it gets, and the one it is to get.
    pub(crate) fn layers(&self) -> (Option<u8>, Option<u8>) {
        (self.selector.current().map(number), self.selector.target().map(number))
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.told_paused
    }

    pub(crate) fn is_disabled(&self) -> bool {
        self.setting.disabled
    }
}
