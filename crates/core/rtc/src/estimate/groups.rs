//! Packets in groups, and how the way from one group to the next changed (draft-ietf-rmcat-gcc-02 section 5.2).
//!
//! A pacer sends in bursts, and some networks let packets through in bursts. What happens within a burst says nothing
//! of the queue on the way, so only bursts are compared.

/// Packets that left within that time are one group, and so are those that arrived as close as that, though they left
/// further apart. Microseconds.
const BURST: i64 = 5_000;

/// Longest group, from its first arrival.
const LONGEST: i64 = 100_000;

/// A way that seems to have become longer or shorter by so much at once is another clock.
const CLOCK_JUMP: i64 = 3_000_000;

/// Time between the ends of two groups, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variation {
    /// As they left.
    pub(super) sent: i64,
    /// As they arrived; not negative.
    pub(super) arrived: i64,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Groups {
    before: Option<Group>,
    current: Option<Group>,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    first_sent: i64,
    last_sent: i64,
    first_arrived: i64,
    last_arrived: i64,
}

impl Groups {
    /// Takes a packet that arrived, in the order they left; times on the clock of each side. When it begins a group, the
    /// one before it is complete and can be compared.
    pub(super) fn add(&mut self, sent: i64, arrived: i64) -> Option<Variation> {
        let single = Group { first_sent: sent, last_sent: sent, first_arrived: arrived, last_arrived: arrived };
        let Some(current) = &mut self.current else {
            self.current = Some(single);
            return None;
        };
        if sent < current.first_sent {
            return None;
        }
        if current.has(sent, arrived) {
            current.last_sent = current.last_sent.max(sent);
            current.last_arrived = current.last_arrived.max(arrived);
            return None;
        }
        let complete = *current;
        self.current = Some(single);
        let before = self.before.replace(complete)?;
        let variation = Variation {
            sent: complete.last_sent - before.last_sent,
            arrived: complete.last_arrived.saturating_sub(before.last_arrived),
        };
        let is_odd = variation.arrived < 0 || variation.change().abs() > CLOCK_JUMP;
        if is_odd {
            self.before = None;
        }
        (!is_odd).then_some(variation)
    }
}

impl Group {
    fn has(&self, sent: i64, arrived: i64) -> bool {
        let later = arrived.saturating_sub(self.last_arrived);
        let came_closer = later < sent - self.last_sent;
        let is_short = arrived.saturating_sub(self.first_arrived) < LONGEST;
        sent - self.first_sent <= BURST || (came_closer && later <= BURST && is_short)
    }
}

impl Variation {
    /// By how much the way became longer.
    pub(super) fn change(&self) -> i64 {
        self.arrived.saturating_sub(self.sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variations(packets: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let mut groups = Groups::default();
        let found = packets.iter().filter_map(|(sent, arrived)| groups.add(*sent, *arrived));
        found.map(|variation| (variation.sent, variation.arrived)).collect()
    }

    #[test]
    fn groups_are_compared_by_their_last_packets() {
        let packets = [(0, 50_000), (4_000, 54_000), (20_000, 72_000), (24_000, 80_000), (40_000, 99_000)];

        assert_eq!(variations(&packets), [(20_000, 26_000)]);
    }

    #[test]
    fn what_the_network_let_through_at_once_is_one_group() {
        let held =
            [(0, 0), (20_000, 90_000), (40_000, 90_100), (60_000, 90_200), (80_000, 100_000), (100_000, 120_000)];

        assert_eq!(variations(&held), [(60_000, 90_200), (20_000, 9_800)]);
    }

    #[test]
    fn another_clock_or_order_is_no_change_of_the_way() {
        let jumps = [(0, 0), (20_000, 20_000), (40_000, i64::MAX), (60_000, i64::MIN), (80_000, 0), (100_000, 20_000)];
        assert_eq!(variations(&jumps), [(20_000, 20_000)]);

        let late = [(20_000, 20_000), (0, 21_000), (40_000, 40_000), (60_000, 60_000)];
        assert_eq!(variations(&late), [(20_000, 20_000)]);
    }
}
