//! Packets on their way to many people.
//!
//! The people of a room are gone through one after the other, round and round as long as there is something for somebody. What comes
//! meanwhile does not wait until everybody has what came before: from where the round is just now each gets both, in one train, and
//! at the end those before that place get the rest. So the more there is at a time, the less each packet costs. After some of them it
//! is another room's turn, and sound goes before all pictures, so a lecture of hundreds holds nobody else up.

use crate::engine::{ConnectionKey, RoomKey};
use crate::post::{Work, Write};
use rtc::DownPacket;

/// More that came together, and more packets, are not on their way in a room at a time: whoever has so little time takes in nothing more
/// before that is sent.
const MOST: usize = 64;
const MOST_PACKETS: usize = 4096;

/// Of so many parts one begins with pictures, also where there is sound all the time.
const FOR_PICTURES: u32 = 4;

/// So many places of what has left are kept for what comes, none larger than that.
const SPARE: usize = 8;

/// Packets to many connections, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// Whose turn comes first is first, and none is empty for long.
    rounds: Vec<Round>,
    /// Which of them it was last.
    serves: usize,
    /// Parts that were sent.
    parts: u32,
    spare: Vec<Work>,
    spare_lists: Vec<Vec<Active>>,
}

/// What is on its way in a room: sound, or pictures.
#[derive(Debug)]
struct Round {
    room: RoomKey,
    is_sound: bool,
    active: Vec<Active>,
    /// Whose turn it was last.
    last: Option<ConnectionKey>,
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

impl Round {
    fn turn(&mut self, spare: &mut Vec<Work>) -> Option<ConnectionKey> {
        self.active.extract_if(.., |active| active.left == 0).for_each(|active| {
            if spare.len() < SPARE && active.work.rows() <= MOST_PACKETS {
                spare.push(active.work.cleared());
            }
        });
        let turn = self.active.iter().filter_map(Active::next).min().or_else(|| {
            // It begins anew.
            self.active.iter_mut().for_each(|active| active.next = 0);
            self.active.iter().filter_map(Active::next).min()
        });
        self.last = turn;
        turn
    }
}

impl Sweep {
    /// Nobody is left to get anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.rounds.is_empty()
    }

    /// Nothing more is to join in a room before what is on its way there has left.
    pub(crate) fn is_full(&self, room: RoomKey) -> bool {
        let of_room = || self.rounds.iter().filter(|round| round.room == room).flat_map(|round| &round.active);
        of_room().count() >= MOST || of_room().map(|active| active.left).sum::<usize>() >= MOST_PACKETS
    }

    /// Something is on its way in a room.
    pub(crate) fn is_at(&self, room: RoomKey) -> bool {
        self.rounds.iter().any(|round| round.room == room)
    }

    /// So much is on its way that no more should be taken from others.
    pub(crate) fn is_behind(&self) -> bool {
        self.rounds.iter().flat_map(|round| &round.active).map(|active| active.left).sum::<usize>() >= MOST_PACKETS
    }

    /// Packets to clients of one room join the round where it is.
    pub(crate) fn join(&mut self, mut work: Work) {
        let Some(room) = work.key(0).map(|key| key.room) else { return };
        work.sort();
        let (is_sound, left) = (work.is_sound(), work.rows());
        let known = self.rounds.iter().position(|round| (round.room, round.is_sound) == (room, is_sound));
        let place = known.unwrap_or_else(|| {
            let active = self.spare_lists.pop().unwrap_or_default();
            self.rounds.push(Round { room, is_sound, active, last: None });
            self.rounds.len() - 1
        });
        let round = &mut self.rounds[place];
        let next = round.last.map_or(0, |last| work.rows_until(last));
        round.active.push(Active { work, next, left });
    }

    /// Whose turn it is now: once in a round. `None` if nobody is left, or nobody in the room that is asked for.
    pub(crate) fn turn(&mut self, of: Option<RoomKey>) -> Option<ConnectionKey> {
        loop {
            let rounds = || self.rounds.iter().filter(|round| of.is_none_or(|room| round.room == room));
            let prefers_sound = of.is_some() || !(self.parts + 1).is_multiple_of(FOR_PICTURES);
            let is_sound = rounds().any(|round| round.is_sound == prefers_sound) == prefers_sound;
            let is_next = |round: &Round| round.is_sound == is_sound && of.is_none_or(|room| round.room == room);
            let place = self.rounds.iter().position(is_next)?;
            if let Some(turn) = self.rounds[place].turn(&mut self.spare) {
                self.serves = place;
                return Some(turn);
            }
            let Round { active, .. } = self.rounds.remove(place);
            if self.spare_lists.len() < SPARE {
                self.spare_lists.push(active);
            }
        }
    }

    /// What there is for whose turn it is, in order. It is gone, whatever becomes of it.
    pub(crate) fn packets(&mut self, turn: ConnectionKey, mut each: impl FnMut(&Write, &DownPacket<'_>)) {
        let Some(round) = self.rounds.get_mut(self.serves) else { return };
        for Active { work, next, left } in &mut round.active {
            while let Some((write, packet)) = work.row(*next).filter(|(write, _)| *left > 0 && write.key == turn) {
                *next += 1;
                *left -= 1;
                each(write, &packet);
            }
        }
    }

    /// Another room's turn comes.
    pub(crate) fn pass(&mut self) {
        self.parts = self.parts.wrapping_add(1);
        if self.serves < self.rounds.len() {
            let round = self.rounds.remove(self.serves);
            self.rounds.push(round);
        }
    }

    /// Room for packets to come.
    pub(crate) fn spare(&mut self) -> Work {
        self.spare.pop().unwrap_or_default()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::engine::tests::packet;
    use crate::post::Post;
    use rand::rngs::StdRng;
    use rand::seq::SliceRandom as _;
    use rand::{RngExt as _, SeedableRng as _};
    use signal::PeerKey;
    use std::collections::BTreeMap;
    use std::time::Instant;

    /// A packet of sound with that number to these people of a room.
    pub(crate) fn sound_to(room: RoomKey, number: u64, people: &[u64]) -> Work {
        work_of(room, rtc::Codec::Opus, number, people, Work::default())
    }

    /// The same in one room, in that order.
    fn work(number: u64, people: &[u64], spare: Work) -> Work {
        work_of(1, rtc::Codec::Opus, number, people, spare)
    }

    fn work_of(room: RoomKey, codec: rtc::Codec, number: u64, people: &[u64], spare: Work) -> Work {
        let mut post = Post::new(1);
        let up = packet(codec, number, 0, Instant::now());
        let key = |peer| ConnectionKey { room, peer: PeerKey(peer), subscriber: false };
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
        let turn = sweep.turn(None)?;
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
    fn sound_goes_before_pictures_and_rooms_take_turns() {
        use rtc::Codec::{Opus, Vp8};
        let mut sweep = Sweep::default();
        sweep.join(work_of(1, Vp8, 7, &[1, 2, 3], Work::default()));
        sweep.join(work_of(2, Vp8, 8, &[11, 12], Work::default()));
        assert_eq!(step(&mut sweep), Some((1, vec![7])));
        sweep.join(work_of(1, Opus, 9, &[1, 2], Work::default()));
        assert_eq!(step(&mut sweep), Some((1, vec![9])));
        sweep.pass();
        sweep.join(work_of(2, Opus, 10, &[11], Work::default()));
        assert_eq!(step(&mut sweep), Some((2, vec![9])));
        sweep.pass();
        assert_eq!(step(&mut sweep), Some((11, vec![10])));
        sweep.pass();
        let pictures: Vec<_> = std::iter::from_fn(|| {
            let step = step(&mut sweep);
            sweep.pass();
            step
        })
        .collect();
        assert_eq!(pictures, [(2, vec![7]), (11, vec![8]), (3, vec![7]), (12, vec![8])]);
        assert!(sweep.is_empty());
    }

    #[test]
    fn pictures_have_a_part_now_and_then_where_there_is_sound_all_the_time() {
        let mut sweep = Sweep::default();
        sweep.join(work_of(1, rtc::Codec::Vp8, 0, &[1, 2, 3], Work::default()));
        let shown = (1..=12).filter(|part| {
            sweep.join(work_of(2, rtc::Codec::Opus, *part, &[7, 8], Work::default()));
            let (peer, _) = step(&mut sweep).unwrap();
            sweep.pass();
            peer < 7
        });
        assert_eq!(shown.count(), 3);
    }

    #[test]
    fn there_are_bounds_to_what_is_on_its_way_in_a_room() {
        let mut sweep = Sweep::default();
        let people: Vec<u64> = (0..64).collect();
        for number in 0..64 {
            assert!(!sweep.is_full(1) && !sweep.is_behind());
            sweep.join(work(number, &people, Work::default()));
        }
        assert!(sweep.is_full(1) && !sweep.is_full(2) && sweep.is_behind());
        let mut sweep = Sweep::default();
        (0..64).for_each(|number| sweep.join(work(number, &[1], Work::default())));
        assert!(sweep.is_full(1) && !sweep.is_behind(), "many small ones");
    }

    #[test]
    fn what_is_on_its_way_in_one_room_can_be_finished_alone() {
        let mut sweep = Sweep::default();
        sweep.join(work_of(1, rtc::Codec::Vp8, 7, &[1], Work::default()));
        sweep.join(work_of(2, rtc::Codec::Opus, 8, &[2], Work::default()));
        sweep.join(work_of(1, rtc::Codec::Opus, 9, &[1], Work::default()));
        let mut numbers = Vec::new();
        while let Some(turn) = sweep.turn(Some(1)) {
            sweep.packets(turn, |_, packet| numbers.push(packet.sequence));
        }
        assert_eq!(numbers, [9, 7]);
        assert_eq!(step(&mut sweep), Some((2, vec![8])));
    }

    #[test]
    fn a_panic_for_one_costs_the_others_nothing() {
        let mut sweep = Sweep::default();
        sweep.join(work(1, &[1, 2], Work::default()));
        sweep.join(work(2, &[1, 2], Work::default()));
        let turn = sweep.turn(None).unwrap();
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
