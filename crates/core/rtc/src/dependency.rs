//! The dependency descriptor as a header extension that the stack passes through unread.
//!
//! What it says is the business of whoever forwards (`sfu::dependency`); without it AV1 cannot be decoded by browsers
//! (media-protocol.md section 7.7).

use str0m::rtp::{ExtensionSerializer, ExtensionValues};

/// Its name in descriptions.
pub(crate) const URI: &str = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// Longest element of the two-byte form (RFC 8285 section 4.3), and of the one-byte form.
const MAX: usize = 255;
const MAX_ONE_BYTE: usize = 16;

/// The bytes of one descriptor.
#[derive(Clone, Copy)]
pub(crate) struct Raw {
    length: u8,
    bytes: [u8; MAX],
}

impl Raw {
    /// `None` if there is nothing, or more than fits an element.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let length = u8::try_from(bytes.len()).ok().filter(|length| *length > 0)?;
        let mut raw = Self { length, bytes: [0; MAX] };
        raw.bytes[..bytes.len()].copy_from_slice(bytes);
        Some(raw)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Copies the bytes in and out.
#[derive(Debug)]
pub(crate) struct PassThrough;

impl ExtensionSerializer for PassThrough {
    fn write_to(&self, buffer: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(raw) = values.user_values.get::<Raw>() else { return 0 };
        let bytes = raw.as_bytes();
        let Some(place) = buffer.get_mut(..bytes.len()) else { return 0 };
        place.copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, buffer: &[u8], values: &mut ExtensionValues) -> bool {
        let Some(raw) = Raw::new(buffer) else { return false };
        values.user_values.set(raw);
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        values.user_values.get::<Raw>().is_some_and(|raw| raw.as_bytes().len() > MAX_ONE_BYTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_unchanged_in_the_form_they_need() {
        for length in [1, 3, 16, 17, 255] {
            let bytes = vec![0xa5; length];
            let mut values = ExtensionValues::default();
            assert!(PassThrough.parse_value(&bytes, &mut values));

            let mut out = [0; 300];
            let written = PassThrough.write_to(&mut out, &values);

            assert_eq!(out[..written], bytes);
            assert_eq!(PassThrough.requires_two_byte_form(&values), length > 16);
        }
    }

    #[test]
    fn nothing_is_written_where_there_is_nothing_or_no_room() {
        let mut values = ExtensionValues::default();
        assert_eq!(PassThrough.write_to(&mut [0; 300], &values), 0);
        assert!(!PassThrough.parse_value(&[], &mut values) && !PassThrough.parse_value(&[0; 256], &mut values));
        assert!(PassThrough.parse_value(&[1, 2, 3], &mut values));
        assert_eq!(PassThrough.write_to(&mut [0; 2], &values), 0);
    }
}
