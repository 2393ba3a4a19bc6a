//! What left, until the other side has said what became of it.
//!
//! Every packet to every subscriber passes here, so an entry is small and is found by its number alone.

use super::probes::ProbeId;

/// Entries at the beginning, and most there may be: two seconds of 4,000 packets each. Powers of two.
const SMALLEST: usize = 64;
const LARGEST: usize = 1 << 13;

/// How long the fate of a packet is worth room, in microseconds.
const REMEMBERED: i64 = 2_000_000;

/// A packet whose fate became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reported {
    pub(super) fate: Fate,
    /// When it left, microseconds on our clock.
    pub(super) sent: i64,
    pub(super) bytes: u64,
    pub(super) probe: Option<ProbeId>,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Arrived,
    Lost,
    /// It was said to be lost, and came after all.
    Late,
}

/// The packets of late by number.
#[derive(Debug)]
pub(super) struct Sent {
    entries: Box<[Entry]>,
    /// The number that comes next.
    next: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// Microseconds on our clock, the low bits: a packet is not reported after more than half an hour.
    sent: u32,
    bytes: u16,
    state: State,
    probe: Option<ProbeId>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Unknown,
    Underway,
    Lost,
    Arrived,
}

impl Sent {
    pub(super) fn new() -> Self {
        Self { entries: vec![Entry::default(); SMALLEST].into(), next: 0 }
    }

    /// Takes note of a packet. Numbers rise; one that does not is not taken.
    #[inline]
    pub(super) fn record(&mut self, now: i64, number: u64, bytes: usize, probe: Option<ProbeId>) {
        if number != self.next && !self.skip_to(number) {
            return;
        }
        let displaced = self.entries[self.slot(number)];
        if displaced.state == State::Underway && now - sent_at(now, displaced.sent) < REMEMBERED {
            self.grow();
        }
        let slot = self.slot(number);
        let bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        self.entries[slot] = Entry { sent: low_bits(now), bytes, state: State::Underway, probe };
        self.next = number.saturating_add(1);
    }

    /// The fate of what left so far does not matter any more.
    pub(super) fn forget(&mut self) {
        self.entries.fill(Entry::default());
    }

    /// The number sent last that looks like this on the wire.
    pub(super) fn number(&self, wire: u16) -> Option<u64> {
        let newest = self.next.checked_sub(1)?;
        let [.., high, low] = newest.to_be_bytes();
        newest.checked_sub(u16::from_be_bytes([high, low]).wrapping_sub(wire).into())
    }

    /// The other side said whether a packet arrived. `None` if that is no news, or the packet not known.
    pub(super) fn report(&mut self, now: i64, number: u64, arrived: bool) -> Option<Reported> {
        let age = self.next.checked_sub(number)?;
        if age == 0 || usize::try_from(age).ok()? > self.entries.len() {
            return None;
        }
        let slot = self.slot(number);
        let entry = &mut self.entries[slot];
        let (state, fate) = match (entry.state, arrived) {
            (State::Underway, true) => (State::Arrived, Fate::Arrived),
            (State::Underway, false) => (State::Lost, Fate::Lost),
            (State::Lost, true) => (State::Arrived, Fate::Late),
            (State::Lost, false) | (State::Unknown | State::Arrived, _) => return None,
        };
        entry.state = state;
        Some(Reported { fate, sent: sent_at(now, entry.sent), bytes: entry.bytes.into(), probe: entry.probe })
    }

    /// Numbers that were left out are of no packet.
    #[cold]
    fn skip_to(&mut self, number: u64) -> bool {
        if number < self.next {
            return false;
        }
        for skipped in (self.next..number).take(self.entries.len()) {
            let slot = self.slot(skipped);
            self.entries[slot] = Entry::default();
        }
        self.next = number;
        true
    }

    #[cold]
    fn grow(&mut self) {
        let before = self.entries.len();
        if before >= LARGEST {
            return;
        }
        let old = std::mem::replace(&mut self.entries, vec![Entry::default(); 2 * before].into());
        for number in self.next.saturating_sub(before as u64)..self.next {
            self.entries[self.slot(number)] = old[number as usize & (before - 1)];
        }
    }

    fn slot(&self, number: u64) -> usize {
        number as usize & (self.entries.len() - 1)
    }
}

fn low_bits(now: i64) -> u32 {
    now as u32
}

/// The moment nearest to now whose low bits these are.
fn sent_at(now: i64, sent: u32) -> i64 {
    now - i64::from(low_bits(now).wrapping_sub(sent).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(sent: &mut Sent, number: u64, arrived: bool) -> Option<Fate> {
        sent.report(0, number, arrived).map(|reported| reported.fate)
    }

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Entry>(), 8);
    }

    #[test]
    fn the_fate_of_a_packet_is_news_once() {
        let mut sent = Sent::new();
        sent.record(0, 7, 100, None);
        sent.record(0, 8, 100, None);
        sent.record(0, 10, 100, None);

        assert_eq!(fate(&mut sent, 7, true), Some(Fate::Arrived));
        assert_eq!((fate(&mut sent, 7, true), fate(&mut sent, 7, false)), (None, None));
        assert_eq!((fate(&mut sent, 8, false), fate(&mut sent, 8, false)), (Some(Fate::Lost), None));
        assert_eq!((fate(&mut sent, 8, true), fate(&mut sent, 8, true)), (Some(Fate::Late), None));
        for never in [0, 6, 9, 11, u64::MAX] {
            assert_eq!(fate(&mut sent, never, true), None, "{never}");
        }
    }

    #[test]
    fn there_is_more_room_only_while_packets_wait_for_their_report() {
        let mut sent = Sent::new();
        for number in 0..1_000 {
            sent.record(0, number, 100, None);
            assert!(sent.report(0, number, true).is_some());
        }
        assert_eq!(sent.entries.len(), SMALLEST);
        for number in 1_000..1_000_000 {
            sent.record(0, number, 100, None);
        }
        assert_eq!(sent.entries.len(), LARGEST);
        assert_eq!(fate(&mut sent, 999_999 - LARGEST as u64, true), None);
        assert_eq!(fate(&mut sent, 1_000_000 - LARGEST as u64, true), Some(Fate::Arrived));

        let mut slow = Sent::new();
        for number in 0..1_000_i64 {
            slow.record(number * 100_000, number.cast_unsigned(), 100, None);
        }
        assert_eq!(slow.entries.len(), SMALLEST);
    }

    #[test]
    fn what_is_known_outlives_growing_and_the_wrap_of_time() {
        let mut sent = Sent::new();
        let late = (1 << 32) - 50;
        for number in 0..100_u32 {
            sent.record(late + i64::from(number), number.into(), 100, None);
        }
        for number in 0..100_u32 {
            let reported = sent.report(late + 200, number.into(), true);
            assert_eq!(reported.map(|reported| reported.sent), Some(late + i64::from(number)));
        }
    }

    #[test]
    fn a_number_on_the_wire_is_the_newest_that_looks_so() {
        let mut sent = Sent::new();
        assert_eq!(sent.number(0), None);
        sent.record(0, 5, 100, None);
        assert_eq!((sent.number(5), sent.number(0), sent.number(6)), (Some(5), Some(0), None));
        sent.record(0, 65_537, 100, None);
        assert_eq!((sent.number(1), sent.number(0xffff), sent.number(2)), (Some(65_537), Some(65_535), Some(2)));
    }
}
