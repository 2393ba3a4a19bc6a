//! Sound on its way to many people.
//!
//! They are gone through one after the other, round and round as long as there is something for somebody. What comes meanwhile does
//! not wait until everybody has what came before: from where the round is just now each gets both, in one train, and at the end
//! those before that place get the rest. So nobody's sound waits for anybody else's, and the more people speak the less each packet
//! costs.

use crate::engine::ConnectionKey;
use crate::post::{Work, Write};
use rtc::DownPacket;

/// More that came together is not on its way at a time: whoever has so little time takes in nothing more before that is sent.
const MOST: usize = 64;

/// So many of those whose packets have left are kept for the next ones.
const SPARE: usize = 8;

/// Packets to many connections, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    active: Vec<Active>,
    /// Whose turn it was last in this round.
    last: Option<ConnectionKey>,
    spare: Vec<Work>,
}

/// Packets that came together, in the order of the connections they are for.
#[derive(Debug)]
struct Active {
    work: Work,
    /// The next row, and how many are left of all.
    next: usize,
    left: usize,
}

impl Active {
    fn next(&self) -> Option<ConnectionKey> {
        self.work.key(self.next).filter(|_| self.left > 0)
    }
}

impl Sweep {
    /// Nobody is left to get anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    /// Nothing more is to join before it is empty.
    pub(crate) fn is_full(&self) -> bool {
        self.active.len() >= MOST
    }

    /// Packets to clients join the round where it is.
    pub(crate) fn join(&mut self, mut work: Work) {
        work.sort();
        let left = work.rows();
        let next = self.last.map_or(0, |last| work.rows_until(last));
        if left > 0 {
            self.active.push(Active { work, next, left });
        }
    }

    /// Whose turn it is now; it is their turn only once in a round. `None` if nobody is left.
    pub(crate) fn turn(&mut self) -> Option<ConnectionKey> {
        self.active.extract_if(.., |active| active.left == 0).for_each(|active| {
            if self.spare.len() < SPARE {
                self.spare.push(active.work.cleared());
            }
        });
        if self.active.is_empty() {
            self.last = None;
            return None;
        }
        let turn = self.active.iter().filter_map(Active::next).min().or_else(|| {
            // The round begins anew.
            self.active.iter_mut().for_each(|active| active.next = 0);
            self.active.iter().filter_map(Active::next).min()
        });
        self.last = turn;
        turn
    }

    /// What there is for whose turn it is, in order. It is gone, whatever becomes of it.
    pub(crate) fn packets(&mut self, turn: ConnectionKey, mut each: impl FnMut(&Write, &DownPacket<'_>)) {
        for Active { work, next, left } in &mut self.active {
            while let Some((write, packet)) = work.row(*next).filter(|(write, _)| *left > 0 && write.key == turn) {
                *next += 1;
                *left -= 1;
                each(write, &packet);
            }
        }
    }

    /// Room for packets to come.
    pub(crate) fn spare(&mut self) -> Work {
        self.spare.pop().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::tests::packet;
    use crate::post::Post;
    use rand::rngs::StdRng;
    use rand::seq::SliceRandom as _;
    use rand::{RngExt as _, SeedableRng as _};
    use signal::PeerKey;
    use std::collections::BTreeMap;
    use std::time::Instant;

    fn key(peer: u64) -> ConnectionKey {
        ConnectionKey { room: 1, peer: PeerKey(peer), subscriber: false }
    }

    /// A packet with that number to these people, in that order.
    fn work(number: u64, people: &[u64], spare: Work) -> Work {
        let mut post = Post::new(1);
        let up = packet(rtc::Codec::Opus, number, 0, Instant::now());
        assert!(post.take_own(|| spare).is_none());
        for peer in people {
            let down = DownPacket {
                codec: up.codec,
                profile: 0,
                sequence: up.sequence,
                timestamp: up.timestamp,
                wallclock: up.arrival,
                marker: false,
                payload: &up.payload,
                vp8: None,
                extensions: &up.extensions,
                dependency: None,
                playout: None,
            };
            post.write_here(key(*peer), 0, &down);
        }
        post.take_own(Work::default).unwrap()
    }

    /// Who it is and what they get.
    fn step(sweep: &mut Sweep) -> Option<(u64, Vec<u64>)> {
        let turn = sweep.turn()?;
        let mut numbers = Vec::new();
        sweep.packets(turn, |_, packet| numbers.push(packet.sequence));
        Some((turn.peer.0, numbers))
    }

    #[test]
    fn what_comes_meanwhile_goes_along_from_where_the_round_is() {
        let mut sweep = Sweep::default();
        sweep.join(work(7, &[1, 2, 3, 4], Work::default()));
        assert_eq!(step(&mut sweep), Some((1, vec![7])));
        assert_eq!(step(&mut sweep), Some((2, vec![7])));
        sweep.join(work(8, &[4, 3, 2, 1, 5], Work::default()));
        let rest: Vec<_> = std::iter::from_fn(|| step(&mut sweep)).collect();
        assert_eq!(rest, [(3, vec![7, 8]), (4, vec![7, 8]), (5, vec![8]), (1, vec![8]), (2, vec![8])]);
        assert!(sweep.is_empty());

        sweep.join(work(9, &[1], Work::default()));
        assert_eq!(step(&mut sweep), Some((1, vec![9])), "another round begins with the first");
    }

    #[test]
    fn a_panic_for_one_costs_the_others_nothing() {
        let mut sweep = Sweep::default();
        sweep.join(work(1, &[1, 2], Work::default()));
        sweep.join(work(2, &[1, 2], Work::default()));
        let turn = sweep.turn().unwrap();
        let panics = std::panic::AssertUnwindSafe(|| sweep.packets(turn, |_, _| panic!("on purpose")));
        assert!(std::panic::catch_unwind(panics).is_err());
        let rest: Vec<_> = std::iter::from_fn(|| step(&mut sweep)).collect();
        assert_eq!(rest, [(1, vec![2]), (2, vec![1, 2])]);
    }

    #[test]
    fn everybody_gets_everything_once_and_in_order_whenever_it_comes() {
        for seed in 0..200 {
            let mut random = StdRng::seed_from_u64(seed);
            let mut sweep = Sweep::default();
            let (mut due, mut got) = (BTreeMap::<u64, Vec<u64>>::new(), BTreeMap::<u64, Vec<u64>>::new());
            for number in 0..random.random_range(1..30) {
                let mut people: Vec<u64> = (0..20).filter(|_| random.random_bool(0.7)).collect();
                people.shuffle(&mut random);
                people.push(20);
                people.iter().for_each(|peer| due.entry(*peer).or_default().push(number));
                let spare = sweep.spare();
                sweep.join(work(number, &people, spare));
                for _ in 0..random.random_range(0..30) {
                    let Some((peer, numbers)) = step(&mut sweep) else { break };
                    got.entry(peer).or_default().extend(numbers);
                }
            }
            let mut steps = 0;
            while let Some((peer, numbers)) = step(&mut sweep) {
                steps += 1;
                got.entry(peer).or_default().extend(numbers);
            }
            assert_eq!(got, due, "seed {seed}");
            assert!(steps <= 2 * 21, "seed {seed}: two rounds are enough for what is there, not {steps} turns");
        }
    }
}
