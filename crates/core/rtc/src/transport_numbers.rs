//! Keeps packets from the stack whose transport-wide number it cannot count with.
//!
//! The stack extends these numbers of 16 bits by the largest it has seen. One that seems to lie before zero becomes one near
//! 2^64, and the next report names every number in between: it does not end, and takes all memory there is. A number can
//! seem so only as long as all before it were below 2^15, and only if it is larger than the largest of them by more than that.
//!
//! What is believed of earlier numbers is what packets said that were unsealed; before the first of those, what any packet said.

use str0m::rtp::{Extension, ExtensionMap};

/// Half of all numbers there are.
const HALF: u32 = 1 << 15;

/// Most extensions of a packet by number.
const MAX_ID: usize = 16;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct TransportNumbers {
    /// What the client calls by each number, from one on.
    mapped: [Option<Extension>; MAX_ID],
    /// It called one thing by two numbers, or two by one: then any may stand for transport-wide ones.
    is_ambiguous: bool,
    /// Under which of them such numbers may come, as bits.
    watched: u32,
    /// The largest that was unsealed.
    seen: Option<u16>,
    /// The smallest that was passed on before that.
    lowest: Option<u16>,
    /// None is too large any more.
    is_past: bool,
}

impl TransportNumbers {
    pub(crate) fn new() -> Self {
        Self {
            mapped: [const { None }; MAX_ID],
            is_ambiguous: false,
            watched: u32::MAX,
            seen: None,
            lowest: None,
            is_past: false,
        }
    }

    /// Takes note of what the client calls its extensions on a section.
    pub(crate) fn note_names(&mut self, names: &ExtensionMap) {
        for (number, known) in (1..).zip(0..MAX_ID) {
            let Some(named) = names.lookup(number) else { continue };
            let elsewhere = |(other, name): (usize, &Option<Extension>)| other != known && name.as_ref() == Some(named);
            let differs = self.mapped[known].as_ref().is_some_and(|before| before != named);
            self.is_ambiguous |= differs || self.mapped.iter().enumerate().any(elsewhere);
            self.mapped[known] = Some(named.clone());
        }
        self.watched = self.may_number();
    }

    /// Who does not name transport-wide numbers leaves them where the stack has them, or where it put them to make room: anywhere
    /// but where something else is that it knows.
    fn may_number(&self) -> u32 {
        if self.is_ambiguous {
            return u32::MAX;
        }
        let ids = |is: &dyn Fn(&Extension) -> bool| {
            let those = self.mapped.iter().zip(1..).filter(|(name, _)| name.as_ref().is_some_and(is));
            those.fold(0, |set, (_, id): (_, u32)| set | 1 << id)
        };
        match ids(&|name| *name == Extension::TransportSequenceNumber) {
            0 => !ids(&|name| {
                matches!(
                    name,
                    Extension::AudioLevel
                        | Extension::AbsoluteSendTime
                        | Extension::RtpMid
                        | Extension::RtpStreamId
                        | Extension::RepairedRtpStreamId
                        | Extension::VideoOrientation
                        | Extension::AbsoluteCaptureTime
                )
            }),
            named => named,
        }
    }

    /// A packet with that number was unsealed.
    pub(crate) fn note_unsealed(&mut self, number: u16) {
        self.is_past |= u32::from(number) >= HALF;
        self.seen = self.seen.max(Some(number));
    }

    /// Whether the stack can count with the numbers of a packet.
    pub(crate) fn admits(&mut self, packet: &[u8]) -> bool {
        if self.is_past || !matches!(packet.first(), Some(128..=191)) {
            return true;
        }
        let (seen, mut lowest) = (self.seen, self.lowest);
        for (id, value) in Elements::of(packet) {
            let Some([high, low]) = value.first_chunk::<2>().copied() else { continue };
            if usize::from(id) > MAX_ID || self.watched >> id & 1 == 0 {
                continue;
            }
            let number = u16::from_be_bytes([high, low]);
            if seen.or(lowest).is_some_and(|before| u32::from(number) > u32::from(before) + HALF) {
                return false;
            }
            lowest = Some(lowest.map_or(number, |before| before.min(number)));
        }
        self.lowest = lowest;
        true
    }
}

/// The extensions in the header of a packet (RFC 8285).
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
    two_bytes: bool,
}

impl<'a> Elements<'a> {
    pub(crate) fn of(packet: &'a [u8]) -> Self {
        let none = Self { rest: &[], two_bytes: false };
        let Some(first) = packet.first().filter(|first| **first & 0x10 != 0) else { return none };
        let start = 12 + 4 * usize::from(first & 0x0f);
        let Some([form_high, form_low, high, low, rest @ ..]) = packet.get(start..) else { return none };
        let length = 4 * usize::from(u16::from_be_bytes([*high, *low]));
        let rest = rest.get(..length).unwrap_or_default();
        match (form_high, form_low & 0xf0) {
            (0xbe, 0xd0) if *form_low == 0xde => Self { rest, two_bytes: false },
            (0x10, 0x00) => Self { rest, two_bytes: true },
            _ => none,
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let padding = self.rest.iter().take_while(|byte| **byte == 0).count();
        let (head, rest) = self.rest.get(padding..)?.split_first()?;
        let (id, length, rest) = if self.two_bytes {
            let (length, rest) = rest.split_first()?;
            (*head, usize::from(*length), rest)
        } else {
            (head >> 4, usize::from(head & 0x0f) + 1, rest)
        };
        if !self.two_bytes && id == 15 {
            return None;
        }
        let (value, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some((id, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(elements: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x90, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde];
        let words = elements.len().div_ceil(4);
        packet.extend(u16::try_from(words).unwrap().to_be_bytes());
        packet.extend(elements);
        packet.resize(16 + 4 * words, 0);
        packet
    }

    fn numbered(number: u16) -> Vec<u8> {
        let [high, low] = number.to_be_bytes();
        // An absolute time in front, whose first bytes are no number.
        packet(&[0x22, 0xff, 0xff, 0xff, 0x31, high, low])
    }

    fn named() -> TransportNumbers {
        let mut numbers = TransportNumbers::new();
        numbers.note_names(&ExtensionMap::standard());
        numbers
    }

    #[test]
    fn a_number_that_seems_to_lie_before_zero_is_kept_away() {
        let mut numbers = named();
        assert!(numbers.admits(&numbered(7)));
        assert!(!numbers.admits(&numbered(0x8008)));
        numbers.note_unsealed(7);
        assert!(!numbers.admits(&numbered(0xffff)) && numbers.admits(&numbered(0x8007)));
        numbers.note_unsealed(20);
        assert!(numbers.admits(&numbered(0x8014)) && !numbers.admits(&numbered(0x8015)));
    }

    #[test]
    fn who_counts_on_from_anywhere_is_not_held_up() {
        for first in [0, 1, 0x7fff, 0x8000, 0xfff0] {
            let mut numbers = named();
            for step in 0..=u16::MAX {
                let number = step.wrapping_add(first);
                assert!(numbers.admits(&numbered(number)), "{number} after {first}");
                numbers.note_unsealed(number);
            }
        }
    }

    #[test]
    fn what_was_never_unsealed_does_not_hold_up_what_was() {
        let mut numbers = named();
        numbers.note_unsealed(0x7000);
        assert!(numbers.admits(&numbered(0)));
        assert!(numbers.admits(&numbered(0x9000)));
    }

    #[test]
    fn where_names_are_ambiguous_every_element_may_be_the_number() {
        let mut other = ExtensionMap::empty();
        other.set(5, Extension::TransportSequenceNumber);
        let mut numbers = named();
        assert!(numbers.admits(&numbered(7)));
        numbers.note_names(&other);
        assert!(!numbers.admits(&packet(&[0x51, 0xff, 0xff])) && !numbers.admits(&packet(&[0x22, 0xff, 0xff, 0xff])));

        let mut silent = ExtensionMap::empty();
        silent.set(2, Extension::AbsoluteSendTime);
        let mut numbers = TransportNumbers::new();
        numbers.note_names(&silent);
        for time in [0, 0xff] {
            assert!(numbers.admits(&packet(&[0x22, time, 0, 0])), "a time is none");
        }
        assert!(numbers.admits(&packet(&[0x31, 0, 7])) && !numbers.admits(&packet(&[0x31, 0xff, 0xff])));
    }

    #[test]
    fn headers_of_either_form_are_read_as_far_as_they_go() {
        let ids = |packet: &[u8]| Elements::of(packet).map(|(id, value)| (id, value.len())).collect::<Vec<_>>();
        assert_eq!(ids(&packet(&[0, 0x10, 9, 0x31, 1, 2, 0xf0, 0x41, 1, 2])), [(1, 1), (3, 2)]);
        let mut two = packet(&[3, 2, 1, 2, 0, 200, 0, 9, 9]);
        two[12..14].copy_from_slice(&[0x10, 0x05]);
        assert_eq!(ids(&two), [(3, 2), (200, 0)]);
        for length in 0..two.len() {
            assert!(ids(&two[..length]).is_empty());
        }
        assert!(ids(&[0x80; 40]).is_empty());
    }
}
