//! The VP8 payload descriptor (RFC 7741 §4.2) and as much of the frame header as forwarding needs.
//!
//! Nothing behind the descriptor is ever changed: the payload may be encrypted end to end, and then only its first bytes are
//! readable.

/// Largest picture id of the short form.
const SHORT_MAX: u16 = 0x7f;

/// Picture ids have at most fifteen bits.
pub(crate) const PICTURE_ID_MASK: u16 = 0x7fff;

/// KEYIDX has five bits.
const KEY_IDX_MASK: u8 = 0x1f;

/// What the start of a VP8 RTP payload says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp8 {
    /// A frame begins with this packet (S bit, partition 0).
    pub start_of_frame: bool,
    /// Counts frames.
    pub picture_id: Option<PictureId>,
    /// Counts frames of temporal layer 0, modulo 256.
    pub tl0_pic_idx: Option<u8>,
    /// The temporal layer, 0 to 3; 0 when the descriptor does not say.
    pub tid: u8,
    /// The frame depends on temporal layer 0 only, so a receiver may begin with this layer here (Y bit).
    pub layer_sync: bool,
    /// Counts key frames, modulo 32.
    pub key_idx: Option<u8>,
    /// The first packet of a key frame.
    pub key_frame: bool,
    /// Bytes of the descriptor.
    pub header_len: usize,
    /// Width and height in pixels; only on the first packet of a key frame.
    pub size: Option<(u16, u16)>,
}

/// A picture id, and whether the descriptor spends one byte or two on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureId {
    /// 0 to 127 in the short form, 0 to 32767 in the long one.
    pub value: u16,
    /// The 15-bit form.
    pub is_long: bool,
}

/// New values for the counters of a descriptor. Fields the descriptor does not have are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Patch {
    /// Picture id, at most 15 bits.
    pub picture_id: Option<u16>,
    /// TL0PICIDX.
    pub tl0_pic_idx: Option<u8>,
    /// KEYIDX, at most 5 bits.
    pub key_idx: Option<u8>,
    /// Write the picture id with fifteen bits even if the original has seven: once a receiver has seen a long one it must not
    /// see a short one again.
    pub long_picture_id: bool,
}

impl Vp8 {
    /// Reads the start of an RTP payload. `None` if it is not VP8: too short, nothing behind the descriptor, or a TL0PICIDX
    /// without a temporal layer.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut rest = Reader { payload, at: 0 };
        let first = rest.byte()?;
        let extension = if first & 0x80 != 0 { rest.byte()? } else { 0 };
        let [has_id, has_tl0, has_tid, has_key_idx] = [0x80, 0x40, 0x20, 0x10].map(|bit| extension & bit != 0);
        if has_tl0 && !has_tid {
            return None;
        }

        let picture_id = if has_id { Some(rest.picture_id()?) } else { None };
        let tl0_pic_idx = if has_tl0 { Some(rest.byte()?) } else { None };
        let layers = if has_tid || has_key_idx { rest.byte()? } else { 0 };
        let header_len = rest.at;
        let frame = payload.get(header_len..).filter(|frame| !frame.is_empty())?;

        let start_of_frame = first & 0x10 != 0 && first & 0x07 == 0;
        let key_frame = start_of_frame && frame[0] & 0x01 == 0;
        Some(Self {
            start_of_frame,
            picture_id,
            tl0_pic_idx,
            tid: if has_tid { layers >> 6 } else { 0 },
            layer_sync: has_tid && layers & 0x20 != 0,
            key_idx: has_key_idx.then_some(layers & KEY_IDX_MASK),
            key_frame,
            header_len,
            size: if key_frame { frame_size(frame) } else { None },
        })
    }

    /// Whether `patch` leaves the descriptor as long as it is, so that it can be applied in place.
    pub fn fits_in_place(&self, patch: &Patch) -> bool {
        !self.widens(patch)
    }

    fn widens(&self, patch: &Patch) -> bool {
        let Some(id) = self.picture_id else { return false };
        !id.is_long && (patch.long_picture_id || patch.picture_id.is_some_and(|value| value > SHORT_MAX))
    }
}

/// Writes `payload` to `out`, replacing what `out` held, with the counters of `patch` in its descriptor.
///
/// `vp8` must be the result of parsing this very `payload`; given another one, the result is useless to a decoder but nothing
/// worse. A short picture id grows by a byte where the new value needs it.
pub fn write_patched(payload: &[u8], vp8: &Vp8, patch: &Patch, out: &mut Vec<u8>) {
    out.clear();
    let header_len = vp8.header_len.min(payload.len());
    let (header, frame) = payload.split_at(header_len);
    let fixed = header.len().min(2);
    out.extend_from_slice(&header[..fixed]);

    let mut rest = Reader { payload: header, at: fixed };
    if let Some(old) = vp8.picture_id {
        let value = patch.picture_id.unwrap_or(old.value) & PICTURE_ID_MASK;
        let _ = rest.picture_id();
        if old.is_long || vp8.widens(patch) {
            out.extend_from_slice(&(value | 0x8000).to_be_bytes());
        } else {
            out.push(value as u8);
        }
    }
    if let Some(old) = vp8.tl0_pic_idx {
        let _ = rest.byte();
        out.push(patch.tl0_pic_idx.unwrap_or(old));
    }
    if let Some(layers) = rest.byte() {
        out.push(match (vp8.key_idx, patch.key_idx) {
            (Some(_), Some(new)) => layers & !KEY_IDX_MASK | new & KEY_IDX_MASK,
            _ => layers,
        });
    }
    out.extend_from_slice(frame);
}

/// The size in the uncompressed header of a key frame (RFC 6386 §9.1): three bytes of tag, a start code, then 14 bits each.
fn frame_size(frame: &[u8]) -> Option<(u16, u16)> {
    let [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = *frame.first_chunk::<10>()? else { return None };
    Some((u16::from_le_bytes([w0, w1]) & 0x3fff, u16::from_le_bytes([h0, h1]) & 0x3fff))
}

struct Reader<'a> {
    payload: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.payload.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn picture_id(&mut self) -> Option<PictureId> {
        let high = self.byte()?;
        if high & 0x80 == 0 {
            return Some(PictureId { value: u16::from(high), is_long: false });
        }
        let low = self.byte()?;
        Some(PictureId { value: u16::from_be_bytes([high & 0x7f, low]), is_long: true })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Chromium sends it: X, S; I L T K; 15-bit id 0x1234; TL0 7; TID 2, Y, KEYIDX 5; key frame of 640 by 360.
    const KEY: [u8; 16] = [0x90, 0xf0, 0x92, 0x34, 7, 0xa5, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];

    #[test]
    fn a_key_frame_of_a_browser_is_read() {
        let vp8 = Vp8::parse(&KEY).unwrap();

        let expected = Vp8 {
            start_of_frame: true,
            picture_id: Some(PictureId { value: 0x1234, is_long: true }),
            tl0_pic_idx: Some(7),
            tid: 2,
            layer_sync: true,
            key_idx: Some(5),
            key_frame: true,
            header_len: 6,
            size: Some((640, 360)),
        };
        assert_eq!(vp8, expected);
    }

    #[test]
    fn a_descriptor_of_one_byte_is_enough() {
        let vp8 = Vp8::parse(&[0x10, 0x01, 0xff]).unwrap();

        assert!(vp8.start_of_frame && !vp8.key_frame);
        assert_eq!((vp8.header_len, vp8.picture_id, vp8.tl0_pic_idx, vp8.key_idx), (1, None, None, None));
    }

    #[test]
    fn later_partitions_and_later_packets_start_no_frame() {
        assert!(!Vp8::parse(&[0x11, 0x00]).unwrap().start_of_frame);
        assert!(!Vp8::parse(&[0x00, 0x00]).unwrap().key_frame);
    }

    #[test]
    fn a_key_frame_with_an_encrypted_or_short_header_has_no_size() {
        assert_eq!(Vp8::parse(&KEY[..15]).unwrap().size, None);
        let mut scrambled = KEY;
        scrambled[9] = 0;
        assert_eq!(Vp8::parse(&scrambled).unwrap().size, None);
    }

    #[test]
    fn truncated_and_contradictory_descriptors_are_refused() {
        for length in 0..=6 {
            assert_eq!(Vp8::parse(&KEY[..length]), None, "{length} bytes");
        }
        let tl0_without_tid = [0x90, 0x40, 7, 0x00, 0x00];
        assert_eq!(Vp8::parse(&tl0_without_tid), None);
    }

    #[test]
    fn new_counters_replace_the_old_ones_in_place() {
        let vp8 = Vp8::parse(&KEY).unwrap();
        let patch = Patch { picture_id: Some(5), tl0_pic_idx: Some(200), key_idx: Some(31), long_picture_id: true };

        let mut out = vec![1, 2, 3];
        write_patched(&KEY, &vp8, &patch, &mut out);

        assert!(vp8.fits_in_place(&patch));
        assert_eq!(out[..6], [0x90, 0xf0, 0x80, 5, 200, 0xbf]);
        assert_eq!(out[6..], KEY[6..]);
    }

    #[test]
    fn a_short_picture_id_grows_when_it_has_to() {
        let payload = [0x90, 0x80, 0x7f, 0x01, 0xaa];
        let vp8 = Vp8::parse(&payload).unwrap();
        let mut out = Vec::new();

        let stays = Patch { picture_id: Some(0x10), ..Patch::default() };
        write_patched(&payload, &vp8, &stays, &mut out);
        assert!(vp8.fits_in_place(&stays));
        assert_eq!(out, [0x90, 0x80, 0x10, 0x01, 0xaa]);

        for grows in [Patch { picture_id: Some(0x80), ..stays }, Patch { long_picture_id: true, ..stays }] {
            write_patched(&payload, &vp8, &grows, &mut out);
            assert!(!vp8.fits_in_place(&grows));
            assert_eq!(Vp8::parse(&out).unwrap().picture_id.unwrap().value, grows.picture_id.unwrap());
            assert_eq!(out.len(), payload.len() + 1);
        }
    }

    proptest! {
        /// Whatever arrives, reading it works or fails; and a patch changes the counters and nothing else.
        #[test]
        fn a_patch_changes_the_counters_only(
            payload in proptest::collection::vec(any::<u8>(), 0..40),
            (id, tl0, key_idx) in (0u16..0x8000, any::<u8>(), 0u8..0x20),
            long_picture_id in any::<bool>(),
        ) {
            let Some(vp8) = Vp8::parse(&payload) else { return Ok(()) };
            prop_assert!(vp8.header_len < payload.len() && vp8.tid < 4);
            let patch =
                Patch { picture_id: Some(id), tl0_pic_idx: Some(tl0), key_idx: Some(key_idx), long_picture_id };

            let mut out = Vec::new();
            write_patched(&payload, &vp8, &patch, &mut out);

            prop_assert_eq!(out.len() == payload.len(), vp8.fits_in_place(&patch));
            let after = Vp8::parse(&out).unwrap();
            prop_assert_eq!(after.picture_id.map(|new| new.value), vp8.picture_id.map(|_| id));
            prop_assert_eq!(&out[after.header_len..], &payload[vp8.header_len..]);
            let expected = Vp8 {
                picture_id: after.picture_id,
                tl0_pic_idx: vp8.tl0_pic_idx.map(|_| tl0),
                key_idx: vp8.key_idx.map(|_| key_idx),
                header_len: after.header_len,
                ..vp8
            };
            prop_assert_eq!(after, expected);
        }

        /// A descriptor that belongs to another payload cannot do harm.
        #[test]
        fn a_foreign_descriptor_is_harmless(
            own in proptest::collection::vec(any::<u8>(), 0..12),
            other in proptest::collection::vec(any::<u8>(), 0..12),
        ) {
            if let Some(vp8) = Vp8::parse(&other) {
                write_patched(&own, &vp8, &Patch::default(), &mut Vec::new());
            }
        }
    }
}
