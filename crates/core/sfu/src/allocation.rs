//! Shares a subscriber's bandwidth among the video tracks it wants.
//!
//! Everybody gets a small picture before anybody gets a large one. Going down happens at once where what is sent would not fit at its
//! former prices either, because there is less to share out or more is wanted: congestion hurts every track. Where it has only become
//! dearer that has to last for a while: the key picture of a new slide, or of a step up, is over before a step down helps. Going up waits until there has been room to spare for
//! a while, because each step costs a key frame, unless there is plenty.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::layers::{Layer, SPATIAL, TEMPORAL, Temporal, Wish};
use crate::prices::Costs;

/// How often a subscriber's bandwidth is shared out anew, apart from when something changes.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// Where all together is more than the estimate by no more than that, in percent, everything stays: after a queue has grown the
/// estimate is lower than the line until the queue is drained, and pictures that are held back leave by so much faster.
const TOLERANCE: u64 = 10;

/// A step up must fit with this much to spare, in percent, and for so long.
const HEADROOM: u64 = 15;
const UP_DELAY: Duration = Duration::from_secs(2);

/// Of so many times what it takes nobody has to wait to see whether it lasts.
const PLENTY: u64 = 3;

/// So long it has to be too much where only prices have risen: three measurements in a row.
const DOWN_DELAY: Duration = Duration::from_secs(2);

/// One track that wants its share.
#[derive(Debug, Clone)]
pub struct Bid<K> {
    /// Which one.
    pub track: K,
    /// What the subscriber wants of it; `None` while it is disabled or muted.
    pub wish: Option<Wish>,
    /// What that would cost.
    pub costs: Costs,
    /// What layers that do not come now take once they begin, as in [`crate::prices::Prices`].
    pub later: [u64; SPATIAL],
    /// Nothing of it has been measured. For a guess no picture is paused.
    pub guessed: bool,
    /// Who comes first: higher is served first. 255 for screens, 1 for cameras, unless the subscriber said otherwise.
    pub priority: u8,
}

/// A track's limit has changed: the argument of [`crate::selector::Selector::set_cap`]. `None` pauses it, which the subscriber
/// has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<K> {
    /// Which one.
    pub track: K,
    /// Its new limit.
    pub cap: Option<Wish>,
}

/// The shares of one subscriber over time.
#[derive(Debug, Clone)]
pub struct Allocation<K> {
    never_paused: usize,
    tracks: BTreeMap<K, Share>,
    /// Since when it is too much only because prices have risen.
    dearer_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Share {
    cap: Option<Wish>,
    room_since: Option<Instant>,
    /// Its prices were guessed.
    guessed: bool,
    /// What was sent of it when it was shared out last, as far as anything came, and what that cost then.
    paid: Option<(Wish, u64)>,
}

impl<K: Ord + Clone> Allocation<K> {
    /// Of the tracks of which anything comes the first `never_paused` by priority keep their lowest layer even if there is no bandwidth
    /// for it at all. It is paid for before anything else.
    pub fn new(never_paused: usize) -> Self {
        Self { never_paused, tracks: BTreeMap::new(), dearer_since: None }
    }

    /// Shares `estimate` (bits per second) among `bids` and returns the limits that changed. Tracks without a bid are
    /// forgotten; a new one starts without a limit, so its first answer is only a change if there has to be one.
    pub fn update(&mut self, estimate: u64, bids: &[Bid<K>], now: Instant) -> Vec<Change<K>> {
        let mut order: Vec<&Bid<K>> = bids.iter().collect();
        order.sort_by(|one, other| other.priority.cmp(&one.priority).then_with(|| one.track.cmp(&other.track)));
        let spent: u64 = bids.iter().map(|bid| bid.cost_within(self.cap(&bid.track))).sum();
        let most = estimate.saturating_add(estimate / 100 * TOLERANCE);
        let is_dearer = spent > most && bids.iter().map(|bid| self.former_cost(bid)).sum::<u64>() <= most;
        let since = is_dearer.then(|| self.dearer_since.unwrap_or(now));
        self.dearer_since = since.filter(|since| now.saturating_duration_since(*since) < DOWN_DELAY);
        let may_pass = self.dearer_since.is_some();
        // Whoever is new has no limit yet, not even for what begins later.
        let is_known = bids.iter().all(|bid| self.tracks.contains_key(&bid.track));
        if is_known && (may_pass || spent > estimate && spent <= most) {
            let kept = |bid: &Bid<K>| {
                let (cap, guessed) = (self.cap(&bid.track), bid.guessed);
                let former = self.tracks.get(&bid.track).and_then(|share| share.paid);
                let paid = former.filter(|_| may_pass).or(bid.paid_within(cap)).or(former);
                (bid.track.clone(), Share { cap, room_since: None, guessed, paid })
            };
            self.tracks = bids.iter().map(kept).collect();
            return Vec::new();
        }
        let affordable = share(estimate, &order, self.never_paused);
        let comfortable = share(estimate / (100 + HEADROOM) * 100, &order, self.never_paused);
        let plenty = share(estimate / PLENTY, &order, self.never_paused);

        let mut before = std::mem::take(&mut self.tracks);
        let mut changes = Vec::new();
        let grants = affordable.into_iter().zip(comfortable).zip(plenty);
        for (bid, ((affordable, comfortable), plenty)) in order.into_iter().zip(grants) {
            // With less to share out a track may get more, because another that comes first stops at a cheaper step.
            let [comfortable, plenty] = [comfortable, plenty].map(|cap| lower(cap, affordable));
            let fresh = Share { cap: UNLIMITED, room_since: None, guessed: bid.guessed, paid: None };
            let old = before.remove(&bid.track).unwrap_or(fresh);
            // What was held back for a guess waits for nothing once the price is known.
            let at_once = if old.guessed && !bid.guessed { comfortable } else { plenty };
            let new = Share { guessed: bid.guessed, ..old.moved(affordable, comfortable, at_once, now) };
            let new = Share { paid: bid.paid_within(new.cap).or(old.paid), ..new };
            if new.cap != old.cap {
                changes.push(Change { track: bid.track.clone(), cap: new.cap });
            }
            self.tracks.insert(bid.track.clone(), new);
        }
        changes
    }

    /// The limit of a track; one that nobody bids for has none.
    pub fn cap(&self, track: &K) -> Option<Wish> {
        self.tracks.get(track).map_or(UNLIMITED, |share| share.cap)
    }

    /// What is sent of a track costs that much, or what the same cost when it was shared out last, if that was less.
    fn former_cost(&self, bid: &Bid<K>) -> u64 {
        let Some((sent, cost)) = bid.paid_within(self.cap(&bid.track)) else { return 0 };
        let former = self.tracks.get(&bid.track).and_then(|share| share.paid);
        former.filter(|(before, _)| *before == sent).map_or(cost, |(_, before)| before.min(cost))
    }

    /// What the way to the subscriber should carry for these bids, for the estimator that looks for capacity.
    pub fn goal(&self, bids: &[Bid<K>]) -> Goal {
        let spent: u64 = bids.iter().map(|bid| bid.cost_within(self.cap(&bid.track))).sum();
        let wanted = bids.iter().map(|bid| bid.cost_within(UNLIMITED)).sum();
        let next = bids.iter().filter_map(|bid| bid.next_step(self.cap(&bid.track))).min().unwrap_or(0);
        Goal { spent, next: spent + next, wanted }
    }
}

/// What one subscriber's pictures take, in bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Goal {
    /// Within the limits there are.
    pub spent: u64,
    /// With the cheapest step up; the same as `spent` if nothing is held back.
    pub next: u64,
    /// Without any limit.
    pub wanted: u64,
}

const UNLIMITED: Option<Wish> = Some(Wish::full(Layer::High));

impl Share {
    /// How it goes on, given what fits exactly, with some room to spare, and so well that it waits for nothing.
    fn moved(self, affordable: Option<Wish>, comfortable: Option<Wish>, at_once: Option<Wish>, now: Instant) -> Self {
        if rank(affordable) < rank(self.cap) {
            return Self { cap: affordable, room_since: None, ..self };
        }
        if rank(comfortable) <= rank(self.cap) {
            return Self { room_since: None, ..self };
        }
        if rank(at_once) > rank(self.cap) {
            return Self { cap: at_once, room_since: None, ..self };
        }
        let since = self.room_since.unwrap_or(now);
        if now.saturating_duration_since(since) >= UP_DELAY {
            return Self { cap: comfortable, room_since: None, ..self };
        }
        Self { room_since: Some(since), ..self }
    }
}

fn lower(one: Option<Wish>, other: Option<Wish>) -> Option<Wish> {
    if rank(one) < rank(other) { one } else { other }
}

fn rank(cap: Option<Wish>) -> Option<(Layer, Temporal)> {
    cap.map(|cap| (cap.layer, cap.temporal))
}

/// One full pass over `bids`, which are sorted by priority.
fn share<K>(budget: u64, bids: &[&Bid<K>], never_paused: usize) -> Vec<Option<Wish>> {
    let mut left = budget;
    let mut grants: Vec<Option<Wish>> = vec![None; bids.len()];
    let mut is_kept = vec![false; bids.len()];
    let lowest = bids.iter().enumerate().filter_map(|(place, bid)| Some((place, bid, bid.steps().next()?)));
    for (place, bid, lowest) in lowest.take(never_paused) {
        is_kept[place] = true;
        grants[place] = Some(lowest).filter(|_| bid.cost(lowest) <= left);
        left = left.saturating_sub(bid.cost(lowest));
    }
    for layer in Layer::ALL {
        for temporal in (0..TEMPORAL as u8).map(Temporal::new) {
            for (bid, grant) in bids.iter().zip(&mut grants) {
                let step = Wish { layer, temporal };
                if !bid.is_step(step) {
                    continue;
                }
                let paid = grant.map_or(0, |grant| bid.cost(grant));
                if bid.cost(step) <= left.saturating_add(paid) {
                    left = left.saturating_add(paid) - bid.cost(step);
                    *grant = Some(step);
                }
            }
        }
    }
    let limits = limits(left, bids, &grants);
    let granted = bids.iter().zip(grants).zip(is_kept).zip(limits);
    granted.map(|(((bid, grant), is_kept), limit)| bid.cap(grant, limit, is_kept || bid.guessed)).collect()
}

/// Up to which layer each of `bids` may go over to what begins later, of which nobody asks before it comes. What is `left` behind the
/// grants has to pay for it.
fn limits<K>(mut left: u64, bids: &[&Bid<K>], grants: &[Option<Wish>]) -> Vec<Layer> {
    let mut limits: Vec<(Layer, u64)> =
        bids.iter().zip(grants).map(|(bid, grant)| (Layer::High, grant.map_or(0, |grant| bid.cost(grant)))).collect();
    for layer in Layer::ALL {
        for ((bid, grant), (limit, paid)) in bids.iter().zip(grants).zip(&mut limits) {
            let price = bid.later[layer.index()];
            let is_wanted = bid.wish.is_some_and(|wish| layer <= wish.layer) && layer <= *limit;
            if price == 0 || !is_wanted || grant.is_some_and(|grant| layer <= grant.layer) {
                continue;
            }
            if let Some(rest) = left.saturating_add(*paid).checked_sub(price) {
                (left, *paid) = (rest, price);
            } else if let Some(below) = Layer::ALL[..layer.index()].last() {
                *limit = *below;
            }
        }
    }
    limits.into_iter().map(|(limit, _)| limit).collect()
}

impl<K> Bid<K> {
    fn cost(&self, wish: Wish) -> u64 {
        self.costs[wish.layer.index()][wish.temporal.index()]
    }

    /// Whether `step` is being sent, wanted, and worth it: a larger picture at its lowest frame rate is none to prefer to a
    /// smaller one that moves.
    fn is_step(&self, step: Wish) -> bool {
        let Some(wish) = self.wish else { return false };
        let lowest = self.lowest().unwrap_or(step.layer);
        let moves = step.layer == lowest || step.temporal > Temporal::BASE || wish.temporal == Temporal::BASE;
        let wanted = step.layer <= wish.layer.max(lowest) && step.temporal <= wish.temporal;
        wanted && moves && self.cost(step) > 0
    }

    /// What is sent within a limit costs that much.
    fn cost_within(&self, cap: Option<Wish>) -> u64 {
        self.paid_within(cap).map_or(0, |(_, cost)| cost)
    }

    /// What is sent within a limit, and what it costs.
    fn paid_within(&self, cap: Option<Wish>) -> Option<(Wish, u64)> {
        self.best_within(cap).map(|best| (best, self.cost(best)))
    }

    /// The best that is being sent, wanted and within a limit.
    fn best_within(&self, cap: Option<Wish>) -> Option<Wish> {
        let (cap, lowest) = cap.zip(self.lowest())?;
        let fits = |step: &Wish| step.layer <= cap.layer.max(lowest) && step.temporal <= cap.temporal;
        self.steps().filter(fits).last()
    }

    /// How much more than now the next better picture costs; `None` if there is none.
    fn next_step(&self, cap: Option<Wish>) -> Option<u64> {
        let paid = self.cost_within(cap);
        self.steps().filter_map(|step| self.cost(step).checked_sub(paid).filter(|more| *more > 0)).min()
    }

    /// What there is to choose from, the best last.
    fn steps(&self) -> impl Iterator<Item = Wish> {
        Layer::ALL
            .into_iter()
            .flat_map(|layer| {
                (0..TEMPORAL as u8).map(move |temporal| Wish { layer, temporal: Temporal::new(temporal) })
            })
            .filter(|step| self.is_step(*step))
    }

    fn lowest(&self) -> Option<Layer> {
        Layer::ALL.into_iter().find(|layer| self.costs[layer.index()].iter().any(|cost| *cost > 0))
    }

    /// What follows from a grant: no limit but that for what does not come yet if the track got all there is to get.
    fn cap(&self, grant: Option<Wish>, limit: Layer, never_paused: bool) -> Option<Wish> {
        let Some(wish) = self.wish else { return UNLIMITED };
        let Some(lowest) = self.lowest() else { return Some(Wish::full(limit)) };
        let best = Layer::ALL.into_iter().rfind(|layer| self.is_step(Wish { layer: *layer, temporal: wish.temporal }));
        match grant {
            Some(grant) if best.is_none_or(|best| (best, wish.temporal) <= (grant.layer, grant.temporal)) => {
                Some(Wish::full(limit))
            }
            Some(grant) => Some(grant),
            None => never_paused.then_some(Wish { layer: lowest, temporal: Temporal::BASE }),
        }
    }
}

#[cfg(test)]
mod tests;
