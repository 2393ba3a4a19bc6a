//! Pictures of VP9 with all their spatial layers.

use super::assembler::{Unusable, append};
use crate::vp9::Vp9;

/// A superframe has at most eight frames (VP9 bitstream specification, annex B).
const MAX_LAYERS: usize = 8;

/// Where the frames of a superframe end is said in a byte of these upper bits.
const INDEX: u8 = 0b1100_0000;

/// The layer frames of one picture.
#[derive(Debug, Default)]
pub(super) struct Layers {
    data: Vec<u8>,
    /// Where each begins.
    starts: Vec<usize>,
}

impl Layers {
    pub(super) fn add(&mut self, payload: &[u8]) -> Result<(), Unusable> {
        let vp9 = Vp9::parse(payload).ok_or(Unusable)?;
        if vp9.start_of_frame {
            if self.starts.len() == MAX_LAYERS {
                return Err(Unusable);
            }
            self.starts.push(self.data.len());
        } else if self.starts.is_empty() {
            return Err(Unusable);
        }
        append(&mut self.data, payload.get(vp9.header_len..).unwrap_or_default())
    }

    /// One layer is a frame; of several a decoder has to be told where each ends.
    pub(super) fn into_superframe(self) -> Vec<u8> {
        let Self { mut data, starts } = self;
        let frames = starts.len();
        if frames < 2 {
            return data;
        }
        let ends = starts.iter().skip(1).copied().chain([data.len()]);
        let sizes: Vec<usize> = ends.zip(&starts).map(|(end, start)| end - start).collect();
        let most = sizes.iter().copied().max().unwrap_or(0);
        let width = (1..4).find(|bytes| most >> (8 * bytes) == 0).unwrap_or(4);
        let marker = INDEX | (width - 1) << 3 | (frames as u8 - 1);
        data.push(marker);
        for size in sizes {
            data.extend(&(size as u32).to_le_bytes()[..usize::from(width)]);
        }
        data.push(marker);
        data
    }
}

/// Whether a frame is a key frame, and its profile, from its uncompressed header (section 6.2); of a superframe those of its
/// lowest layer. `None` if it is no frame.
pub(super) fn header(data: &[u8]) -> Option<(bool, u8)> {
    let first = *data.first()?;
    if first >> 6 != 0b10 {
        return None;
    }
    let profile = (first >> 5 & 1) | (first >> 4 & 1) << 1;
    // Of profile 3 a bit is reserved.
    let rest = if profile == 3 { first << 5 } else { first << 4 };
    let (shows_existing, inter) = (rest & 0x80 != 0, rest & 0x40 != 0);
    Some((!shows_existing && !inter, profile))
}
