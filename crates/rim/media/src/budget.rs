//! Shares what the way to each subscriber carries among the pictures it wants (media-protocol.md section 16).

use crate::engine::Room;
use crate::engine::faults::Turn;
use crate::far::Seek;
use crate::forward::News;
use sfu::allocation::{Allocation, INTERVAL};
use signal::{PeerKey, TrackKey};
use std::time::{Duration, Instant};

/// So many pictures, the most important ones, keep their smallest layer even where there is no room for it.
const NEVER_PAUSED: usize = 1;

/// An estimate that falls by more than this share of what was shared out is acted upon at once: one in twenty. And one that rises
/// by more than the second, one in seven, where something is held back.
const FALL: u64 = 20;
const RISE: u64 = 7;

/// An allowance that differs by more than this share of it, one in three, is another one: estimates swing while a way is full.
const OTHER: u64 = 3;

/// So long a way is filled up while something is held back and nothing more is found.
const FILLING: Duration = Duration::from_secs(20);

/// The estimator looks for at least so many bits per second, needed or not. A probe for less would be believed too: a
/// meeting that has only sound so far would seem to have no room for pictures.
const LEAST_SOUGHT: u64 = 5_000_000;

/// From so many bits per second on pictures are not held back: a large key frame would take longer than eyes forgive, and a
/// line that carries so much takes it in a stride.
const UNPACED: u64 = 4_000_000;

/// Bits per second that are enough for anything: what a way carries of which nothing is known.
const WIDE: u64 = 10_000_000_000;

/// The way to one subscriber.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Bits per second, if the client tells us anything.
    estimate: Option<u64>,
    /// What it was when it was shared out last, and whether that was less than enough.
    shared: Option<u64>,
    held_back: bool,
    /// Since when something is held back at about such an allowance.
    filling: Option<(u64, Instant)>,
    /// It is to be used for no more than that.
    ceiling: Option<u64>,
    shares: Allocation<TrackKey>,
    /// When it is shared out anew; `None` until there is an estimate.
    due: Option<Instant>,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self {
            estimate: None,
            shared: None,
            held_back: false,
            filling: None,
            ceiling: None,
            shares: Allocation::new(NEVER_PAUSED),
            due: None,
        }
    }

    /// Of a subscriber that says whether pictures may be withheld altogether (`subscriber_allow_pause`).
    pub(crate) fn that_pauses(may_pause: bool) -> Self {
        Self { shares: Allocation::new(if may_pause { 0 } else { usize::MAX }), ..Self::new() }
    }

    /// The way carries so many bits per second.
    pub(crate) fn on_estimate(&mut self, bits: u64, now: Instant) {
        let changed = self.shared.is_some_and(|before| {
            bits < before - before / FALL || self.held_back && bits > before.saturating_add(before / RISE)
        });
        self.estimate = Some(bits);
        if changed || self.due.is_none() {
            self.due = Some(now);
        }
    }

    /// The way is to be used for no more than that, or again for what it carries.
    pub(crate) fn narrow(&mut self, bits: Option<u64>, now: Instant) {
        // Without an estimate all that was held back because of a ceiling has to be given free.
        self.ceiling = bits.or(self.ceiling.filter(|_| self.estimate.is_none()).map(|_| WIDE));
        self.look_again(now);
    }

    /// What may be sent, bits per second, if there is anything that says so.
    fn allowance(&self) -> Option<u64> {
        [self.estimate, self.ceiling].into_iter().flatten().min()
    }

    /// What the way carries, bits per second, if the client tells us anything.
    pub(crate) fn estimate(&self) -> Option<u64> {
        self.estimate
    }

    /// What the subscriber receives changed.
    pub(crate) fn look_again(&mut self, now: Instant) {
        if self.allowance().is_some() {
            self.due = Some(now);
        }
    }

    /// Whether the way is filled up with padding to find out whether it carries the next larger picture: for a while after
    /// anything changed. Then probes are enough, for padding is paid for by whoever gets it.
    fn is_worth_filling(&mut self, allowance: u64, now: Instant) -> bool {
        let is_new = |(before, _): &(u64, Instant)| allowance.abs_diff(*before) > before / OTHER;
        let filling = self.filling.take_if(|known| !is_new(known)).unwrap_or((allowance, now));
        self.filling = Some(filling);
        now.saturating_duration_since(filling.1) < FILLING
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}

/// Shares out what is due in a room; `turn` says to whom. Returns whose connection may have something to do because of it.
pub(crate) fn share(room: &mut Room, now: Instant, news: &mut News, turn: &mut Turn) -> Vec<PeerKey> {
    let due = |session: &crate::session::Session| session.budget.is_due(now);
    if !room.sessions.values().any(due) {
        return Vec::new();
    }
    // Everybody's turn is at the same time, so that one look at all subscriptions serves all.
    if room.next_share <= now {
        room.next_share = now + INTERVAL;
    }
    let sessions = &room.sessions;
    let mut wants = room.forward.wants(now, turn, |peer| sessions.get(&peer).is_some_and(due));
    let mut touched = Vec::new();
    for (peer, session) in &mut room.sessions {
        *turn = Some(*peer);
        let budget = &mut session.budget;
        if !budget.is_due(now) {
            continue;
        }
        let Some(allowance) = budget.allowance() else { continue };
        let wants = wants.remove(peer).unwrap_or_default();
        budget.due = Some(room.next_share);
        budget.shared = budget.estimate;
        budget.shares.update(allowance.saturating_sub(wants.sound), &wants.bids, now);
        for bid in &wants.bids {
            room.forward.set_cap(bid.track, *peer, budget.shares.cap(&bid.track), now, news);
        }
        let goal = budget.shares.goal(&wants.bids);
        let held_back = goal.wanted > goal.spent;
        budget.held_back = held_back;
        let most = budget.ceiling.unwrap_or(u64::MAX);
        let fills = held_back && budget.is_worth_filling(allowance, now);
        if !held_back {
            budget.filling = None;
        }
        let minimum = if fills { wants.sound + goal.next } else { 0 }.min(most);
        let desired = (wants.sound + goal.wanted).max(LEAST_SOUGHT).min(most);
        session.down().seek(Seek { paced: allowance < UNPACED, minimum, desired }, now);
        touched.push(*peer);
    }
    *turn = None;
    touched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_that_changed_much_is_shared_out_at_once() {
        let now = Instant::now();
        let later = Some(now + INTERVAL);
        let told = |held_back: bool, bits: u64| {
            let shared = Some(1_000_000);
            let mut budget = Budget { estimate: shared, shared, held_back, due: later, ..Budget::new() };
            budget.on_estimate(bits, now);
            budget.is_due(now)
        };
        assert_eq!([told(false, 960_000), told(false, 940_000)], [false, true]);
        assert_eq!([told(false, 5_000_000), told(true, 1_100_000), told(true, 1_200_000)], [false, false, true]);

        let mut budget = Budget { shared: Some(1_000_000), due: later, ..Budget::new() };
        budget.on_estimate(970_000, now);
        budget.on_estimate(945_000, now);
        assert!(budget.is_due(now), "little by little");
    }

    #[test]
    fn a_ceiling_holds_below_the_estimate_and_without_one_until_it_is_taken_away() {
        let now = Instant::now();
        let mut budget = Budget::new();
        assert_eq!((budget.allowance(), budget.is_due(now)), (None, false));

        budget.narrow(Some(300_000), now);
        assert_eq!((budget.allowance(), budget.is_due(now)), (Some(300_000), true));
        budget.narrow(None, now);
        assert_eq!(budget.allowance(), Some(WIDE), "what was held back is given free");

        budget.on_estimate(2_000_000, now);
        budget.narrow(Some(300_000), now);
        assert_eq!((budget.allowance(), budget.estimate()), (Some(300_000), Some(2_000_000)));
        budget.on_estimate(100_000, now);
        assert_eq!(budget.allowance(), Some(100_000));
        budget.narrow(None, now);
        assert_eq!((budget.allowance(), budget.ceiling), (Some(100_000), None));
    }
}
