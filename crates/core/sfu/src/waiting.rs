//! Packets of one stream that overtook another without which nothing can be told of them.
//!
//! They are kept for a moment, so that networks which reorder, and losses which are repaired, cost a picture nothing but time. What
//! waits for too long is given up; then whoever gets the stream needs a key frame ([`crate::selector::Selector::lose`]).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a packet waits: a lost one has mostly been asked for and sent again by then.
pub const PATIENCE: Duration = Duration::from_millis(250);

/// So many wait at most: more than a quarter of a second of a large picture.
const MOST: usize = 512;

/// The packets of one stream that wait, and what was given up of them.
#[derive(Debug, Clone)]
pub struct Waiting<P> {
    /// In the order in which they came.
    packets: VecDeque<Held<P>>,
    /// The newest that was given up, and how many were, since the last time this was asked.
    lost: Option<Lost>,
}

#[derive(Debug, Clone)]
struct Held<P> {
    sequence: u64,
    since: Instant,
    packet: P,
}

/// Packets that were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// The highest sequence number among them.
    pub up_to: u64,
    /// How many.
    pub count: u64,
}

impl<P> Default for Waiting<P> {
    fn default() -> Self {
        Self { packets: VecDeque::new(), lost: None }
    }
}

impl<P> Waiting<P> {
    /// Nothing waits, and nothing was given up that has not been told.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.lost.is_none()
    }

    /// Keeps a packet. If there are too many already, all are given up.
    pub fn hold(&mut self, sequence: u64, packet: P, now: Instant) {
        self.packets.push_back(Held { sequence, since: now, packet });
        if self.packets.len() > MOST {
            self.give_up(|_| true);
        }
    }

    /// What has waited for too long, or found too many before it.
    pub fn lost(&mut self, now: Instant) -> Option<Lost> {
        self.give_up(|held| now.saturating_duration_since(held.since) >= PATIENCE);
        self.lost.take()
    }

    /// The packet with that number has come and tells what follows it, but nothing of what came before: that is lost.
    pub fn lost_before(&mut self, sequence: u64) -> Option<Lost> {
        self.give_up(|held| held.sequence < sequence);
        self.lost.take()
    }

    /// All that wait, in the order of the stream; they wait no longer.
    pub fn release(&mut self) -> impl Iterator<Item = P> + use<P> {
        let mut packets = Vec::from(std::mem::take(&mut self.packets));
        packets.sort_by_key(|held| held.sequence);
        packets.into_iter().map(|held| held.packet)
    }

    fn give_up(&mut self, which: impl Fn(&Held<P>) -> bool) {
        let lost = &mut self.lost;
        self.packets.retain(|held| {
            let given_up = which(held);
            if given_up {
                let before = lost.unwrap_or(Lost { up_to: 0, count: 0 });
                *lost = Some(Lost { up_to: before.up_to.max(held.sequence), count: before.count + 1 });
            }
            !given_up
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn what_waits_comes_out_in_the_order_of_the_stream() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        for sequence in [12, 11, 14, 13] {
            waiting.hold(sequence, sequence, now);
        }

        assert_eq!(waiting.lost_before(10), None);
        assert_eq!(waiting.release().collect::<Vec<_>>(), [11, 12, 13, 14]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn patience_ends() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        waiting.hold(11, (), now);
        waiting.hold(12, (), now + 10 * MILLI);
        waiting.hold(13, (), now + 100 * MILLI);

        assert_eq!(waiting.lost(now + PATIENCE - MILLI), None);
        assert_eq!(waiting.lost(now + PATIENCE + 10 * MILLI), Some(Lost { up_to: 12, count: 2 }));
        assert_eq!(waiting.lost(now + PATIENCE + 10 * MILLI), None, "told once");
        assert_eq!(waiting.release().count(), 1);
    }

    #[test]
    fn what_came_before_the_answer_is_lost() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        for sequence in [11, 10, 21] {
            waiting.hold(sequence, sequence, now);
        }

        assert_eq!(waiting.lost_before(20), Some(Lost { up_to: 11, count: 2 }));
        assert_eq!(waiting.release().collect::<Vec<_>>(), [21]);
    }

    #[test]
    fn too_many_are_given_up_and_told_of() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        let most = u64::try_from(MOST).unwrap();
        for sequence in 0..=most {
            waiting.hold(sequence, (), now);
        }

        assert!(!waiting.is_empty(), "nobody was told yet");
        assert_eq!(waiting.lost(now), Some(Lost { up_to: most, count: most + 1 }));
        assert!(waiting.is_empty());
    }
}
