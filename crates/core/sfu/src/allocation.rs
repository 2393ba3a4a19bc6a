//! Shares a subscriber's bandwidth among the video tracks it wants.
//!
//! Everybody gets a small picture before anybody gets a large one. Going down happens at once where there is less to share out or more
//! is wanted, because congestion hurts every track. Where what is sent already has only become dearer that has to last for a while: the
//! key picture of a new slide, or of a step up, is over before a step down helps. Going up waits until there has been room to spare for
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
        if may_pass || spent > estimate && spent <= most {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Three layers of 150, 500 and 1500 kbit/s; the base temporal layer takes half of it.
    const COSTS: Costs = [
        [75_000, 110_000, 150_000, 150_000],
        [250_000, 350_000, 500_000, 500_000],
        [750_000, 1_100_000, 1_500_000, 1_500_000],
    ];

    #[test]
    fn with_enough_bandwidth_nobody_is_limited() {
        let mut shares = Allocation::new(1);

        assert_eq!(shares.update(10_000_000, &[bid("ana", 1), bid("ben", 1)], Instant::now()), []);
    }

    #[test]
    fn everybody_gets_a_small_picture_before_anybody_a_large_one() {
        let mut shares = Allocation::new(1);

        let changes = shares.update(520_000, &[bid("ana", 1), bid("ben", 1)], Instant::now());

        let medium = Wish { layer: Layer::Medium, temporal: Temporal::new(1) };
        assert_eq!(changes, [to("ana", Some(medium)), to("ben", Some(Wish::full(Layer::Low)))]);
    }

    #[test]
    fn a_screen_is_served_first() {
        let mut shares = Allocation::new(1);

        let changes = shares.update(680_000, &[bid("ana", 1), bid("screen", 255)], Instant::now());

        assert_eq!(changes, [to("screen", Some(Wish::full(Layer::Medium))), to("ana", Some(Wish::full(Layer::Low)))]);
    }

    #[test]
    fn going_up_waits_for_lasting_room() {
        let now = Instant::now();
        let mut shares = Allocation::new(1);
        let bids = [bid("ana", 1)];
        assert_eq!(shares.update(600_000, &bids, now), [to("ana", Some(Wish::full(Layer::Medium)))]);

        assert_eq!(shares.update(1_600_000, &bids, now + UP_DELAY), [], "fits, but only just");
        assert_eq!(shares.update(2_000_000, &bids, now + UP_DELAY), []);
        assert_eq!(shares.update(2_000_000, &bids, now + UP_DELAY + UP_DELAY / 2), []);
        assert_eq!(shares.update(2_000_000, &bids, now + 2 * UP_DELAY), [to("ana", UNLIMITED)]);
    }

    #[test]
    fn going_up_does_not_wait_where_there_is_plenty() {
        let now = Instant::now();
        let mut shares = Allocation::new(0);
        let bids = [bid("ana", 2), bid("ben", 1)];
        assert_eq!(shares.update(100_000, &bids, now).len(), 2);

        let small = Some(Wish::full(Layer::Low));
        assert_eq!(shares.update(1_000_000, &bids, now), [to("ana", small), to("ben", small)], "three times those");
        assert_eq!(shares.update(9_000_000, &bids, now), [to("ana", UNLIMITED), to("ben", UNLIMITED)]);
    }

    #[test]
    fn going_down_does_not_wait() {
        let now = Instant::now();
        let mut shares = Allocation::new(1);
        shares.update(2_000_000, &[bid("ana", 1)], now);

        let changes = shares.update(160_000, &[bid("ana", 1)], now);

        assert_eq!(changes, [to("ana", Some(Wish::full(Layer::Low)))]);
    }

    #[test]
    fn what_is_a_little_too_much_for_now_is_not_given_up() {
        let now = Instant::now();
        let mut shares = Allocation::new(1);
        let bids = [bid("ana", 1)];
        shares.update(600_000, &bids, now);

        assert_eq!(shares.update(460_000, &bids, now), []);
        assert_eq!(shares.update(450_000, &bids, now).len(), 1);
    }

    /// Four cameras of 80 kbit/s and a screen, of which the smaller size takes 20 and the larger one so much.
    fn lecture(large: u64) -> Vec<Bid<&'static str>> {
        let camera = |track| Bid { costs: [[80_000; TEMPORAL], [0; TEMPORAL], [0; TEMPORAL]], ..bid(track, 1) };
        let costs = [[20_000; TEMPORAL], [large; TEMPORAL], [0; TEMPORAL]];
        let mut bids: Vec<_> = ["ana", "ben", "cid", "dan"].map(camera).into();
        bids.push(Bid { costs, ..bid("screen", 255) });
        bids
    }

    #[test]
    fn a_slide_that_changes_takes_no_size() {
        let start = Instant::now();
        // Measured as one second, or as parts of two.
        for [first, second] in [[2_400_000, 0], [1_200_000, 1_200_000]] {
            let mut shares = Allocation::new(1);
            let mut price = 60_000;
            for at in 0..60 {
                let key_picture = match at % 12 {
                    5 => first,
                    6 => second,
                    _ => 0,
                };
                price = (price + 60_000 + key_picture) / 2;
                let changes = shares.update(800_000, &lecture(price), start + INTERVAL * at);
                assert_eq!(changes, [], "after {at} seconds, at {price}");
            }
        }
    }

    #[test]
    fn a_step_up_whose_key_picture_is_dear_is_not_taken_back() {
        let start = Instant::now();
        let mut shares = Allocation::new(1);
        let small = Some(Wish::full(Layer::Low));
        assert_eq!(shares.update(345_000, &lecture(60_000), start), [to("screen", small)]);

        let mut price = 60_000;
        let mut ups = Vec::new();
        for at in 1..60 {
            let changes = shares.update(800_000, &lecture(price), start + INTERVAL * at);
            let key_picture = if changes.is_empty() { 0 } else { 1_200_000 };
            price = (price + 60_000 + key_picture) / 2;
            ups.extend(changes);
        }
        assert_eq!(ups, [to("screen", UNLIMITED)]);
    }

    #[test]
    fn what_stays_dear_is_given_up_after_two_seconds_and_at_once_where_there_is_less_or_more_is_wanted() {
        let start = Instant::now();
        let small = Some(Wish::full(Layer::Low));
        let settled = || {
            let mut shares = Allocation::new(1);
            assert_eq!(shares.update(800_000, &lecture(60_000), start), []);
            shares
        };
        let mut shares = settled();
        let mut later = (1..5).map(|at| shares.update(800_000, &lecture(900_000), start + INTERVAL * at));
        assert_eq!(later.next(), Some(vec![]));
        assert_eq!(later.next(), Some(vec![]));
        assert_eq!(later.next(), Some(vec![to("screen", small)]));

        assert_eq!(settled().update(340_000, &lecture(900_000), start + INTERVAL), [to("screen", small)]);

        let more = [lecture(660_000), vec![bid("eva", 2)]].concat();
        assert_ne!(settled().update(800_000, &more, start + INTERVAL), []);

        let mut larger = lecture(900_000);
        larger[4].wish = small;
        let mut shares = Allocation::new(1);
        assert_eq!(shares.update(800_000, &larger, start), []);
        larger[4].wish = UNLIMITED;
        assert_eq!(shares.update(800_000, &larger, start + INTERVAL), [to("screen", small)]);
    }

    #[test]
    fn only_tracks_beyond_the_first_are_paused() {
        let mut shares = Allocation::new(1);

        let changes = shares.update(0, &[bid("ana", 1), bid("ben", 2)], Instant::now());

        let smallest = Wish { layer: Layer::Low, temporal: Temporal::BASE };
        assert_eq!(changes, [to("ben", Some(smallest)), to("ana", None)]);
    }

    #[test]
    fn the_picture_that_is_kept_is_paid_for() {
        let start = Instant::now();
        let screen = Bid { costs: [[1_500_000; TEMPORAL], [0; TEMPORAL], [0; TEMPORAL]], ..bid("screen", 255) };
        let camera = |track| Bid { costs: [[80_000; TEMPORAL], [0; TEMPORAL], [0; TEMPORAL]], ..bid(track, 1) };
        let bids = [screen, camera("ana"), camera("ben"), camera("cid"), camera("dan")];
        let shown = |estimate: u64| {
            let mut shares = Allocation::new(1);
            shares.update(estimate, &bids, start);
            bids.each_ref().map(|bid| shares.cap(&bid.track).is_some())
        };

        assert_eq!(shown(1_000_000), [true, false, false, false, false]);
        assert_eq!(shown(1_650_000), [true, true, false, false, false]);
    }

    #[test]
    fn a_track_of_which_nothing_comes_takes_the_place_of_no_picture() {
        let still = Bid { costs: Costs::default(), ..bid("screen", 255) };
        let hidden = Bid { wish: None, ..bid("eva", 128) };
        let mut shares = Allocation::new(1);

        let changes = shares.update(0, &[still, hidden, bid("ana", 2), bid("ben", 1)], Instant::now());

        let smallest = Wish { layer: Layer::Low, temporal: Temporal::BASE };
        assert_eq!(changes, [to("ana", Some(smallest)), to("ben", None)]);
    }

    #[test]
    fn for_a_guess_a_picture_is_small_and_not_paused() {
        let mut shares = Allocation::new(0);
        let begins = Bid { guessed: true, ..bid("ben", 1) };

        let changes = shares.update(80_000, &[bid("ana", 2), bid("cid", 1), begins], Instant::now());

        let smallest = Wish { layer: Layer::Low, temporal: Temporal::BASE };
        assert_eq!(changes, [to("ana", Some(smallest)), to("ben", Some(smallest)), to("cid", None)]);
    }

    #[test]
    fn what_was_held_back_for_a_guess_does_not_wait_once_its_price_is_known() {
        let now = Instant::now();
        let mut shares = Allocation::new(0);
        let dear = Bid { guessed: true, costs: COSTS.map(|layer| layer.map(|cost| 3 * cost)), ..bid("ana", 1) };
        assert_eq!(shares.update(2_000_000, &[dear], now), [to("ana", Some(Wish::full(Layer::Medium)))]);

        assert_eq!(shares.update(2_000_000, &[bid("ana", 1)], now + INTERVAL), [to("ana", UNLIMITED)]);
    }

    #[test]
    fn a_track_that_is_not_sent_or_not_wanted_is_not_limited() {
        let unknown = Bid { costs: Costs::default(), ..bid("ana", 1) };
        let disabled = Bid { wish: None, ..bid("ben", 1) };
        let mut shares = Allocation::new(0);

        assert_eq!(shares.update(0, &[unknown, disabled], Instant::now()), []);
    }

    #[test]
    fn what_begins_later_goes_to_those_who_have_room_for_it() {
        let small = [COSTS[0], [0; TEMPORAL], [0; TEMPORAL]];
        let later = [0, 500_000, 1_500_000];
        let bids = [bid("ana", 2), bid("ben", 1)].map(|bid| Bid { costs: small, later, ..bid });
        let caps = |estimate: u64, bids: &[Bid<&'static str>]| {
            let mut shares = Allocation::new(1);
            shares.update(estimate, bids, Instant::now());
            bids.iter().map(|bid| shares.cap(&bid.track).map(|cap| cap.layer)).collect::<Vec<_>>()
        };
        assert_eq!(caps(400_000, &bids), [Some(Layer::Low); 2]);
        assert_eq!(caps(650_000, &bids), [Some(Layer::Medium), Some(Layer::Low)], "for one of them");
        assert_eq!(caps(2_500_000, &bids), [Some(Layer::High), Some(Layer::Medium)]);
        assert_eq!(caps(3_000_000, &bids), [Some(Layer::High); 2]);

        let content = bids.clone().map(|bid| Bid { wish: Some(Wish::full(Layer::Low)), ..bid });
        assert_eq!(caps(300_000, &content), [Some(Layer::High); 2], "nobody wants it");
        let nothing = bids.clone().map(|bid| Bid { costs: Costs::default(), later: [150_000, 500_000, 0], ..bid });
        assert_eq!(caps(100_000, &nothing), [Some(Layer::Low); 2], "of what begins something is seen");
        let large = Bid { costs: [[0; TEMPORAL], [0; TEMPORAL], COSTS[2]], later: [150_000, 0, 0], ..bid("ana", 2) };
        assert_eq!(caps(1_600_000, &[large]), [Some(Layer::High)], "and nothing smaller is waited for");
    }

    #[test]
    fn what_began_later_is_gone_over_to_once_there_has_been_room() {
        let now = Instant::now();
        let mut shares = Allocation::new(1);
        let before = Bid { costs: [COSTS[0], [0; TEMPORAL], [0; TEMPORAL]], later: [0, 500_000, 0], ..bid("ana", 1) };
        let costs = [COSTS[0], COSTS[1], [0; TEMPORAL]];
        let begun = [Bid { costs, ..bid("ana", 1) }];
        assert_eq!(shares.update(400_000, &[before], now), [to("ana", Some(Wish::full(Layer::Low)))]);

        assert_eq!(shares.update(400_000, &begun, now), []);
        assert_eq!(shares.update(900_000, &begun, now), []);
        assert_eq!(shares.update(900_000, &begun, now + UP_DELAY), [to("ana", UNLIMITED)]);
    }

    #[test]
    fn a_single_layer_is_granted_to_who_wants_less() {
        let only_high = [[0; TEMPORAL], [0; TEMPORAL], COSTS[2]];
        let small = Bid { costs: only_high, wish: Some(Wish::full(Layer::Low)), ..bid("ana", 1) };
        let mut shares = Allocation::new(0);

        assert_eq!(shares.update(2_000_000, std::slice::from_ref(&small), Instant::now()), []);
        assert_eq!(shares.update(100_000, &[small], Instant::now()), [to("ana", None)]);
    }

    #[test]
    fn the_goal_is_what_is_spent_what_comes_next_and_what_is_wanted() {
        let mut shares = Allocation::new(1);
        let bids = [bid("ana", 1), bid("ben", 1)];
        shares.update(520_000, &bids, Instant::now());

        assert_eq!(shares.goal(&bids), Goal { spent: 350_000 + 150_000, next: 650_000, wanted: 3_000_000 });
        assert_eq!(Allocation::new(1).goal(&bids[..1]), Goal { spent: 1_500_000, next: 1_500_000, wanted: 1_500_000 });
        assert_eq!(shares.goal(&[]), Goal::default());
    }

    proptest! {
        /// The limited tracks together never cost more than there is, unless those that are not paused do.
        #[test]
        fn shares_stay_within_the_budget(
            budget in 0u64..5_000_000,
            never_paused in 0usize..4,
            wishes in proptest::collection::vec((0usize..3, 0u8..4, any::<u8>(), 0u64..20), 0..12),
        ) {
            let mut bids: Vec<Bid<usize>> = wishes.into_iter().enumerate().map(|(track, (layer, tid, priority, size))| {
                let wish = Wish { layer: Layer::ALL[layer], temporal: Temporal::new(tid) };
                let costs = COSTS.map(|layer| layer.map(|cost| cost * size / 10));
                Bid { track, wish: Some(wish), costs, later: [0; SPATIAL], guessed: false, priority }
            }).collect();
            bids.sort_by_key(|bid| std::cmp::Reverse(bid.priority));
            let order: Vec<&Bid<usize>> = bids.iter().collect();

            let caps = share(budget, &order, never_paused);

            let spent: u64 = order.iter().zip(&caps).map(|(bid, cap)| bid.cost_within(*cap)).sum();
            let shown = order.iter().zip(&caps).filter(|(bid, _)| bid.costs[0][0] > 0);
            let kept: Vec<_> = shown.take(never_paused).collect();
            prop_assert!(kept.iter().all(|(_, cap)| cap.is_some()));
            let least: u64 = kept.iter().map(|(bid, _)| bid.costs[0][0]).sum();
            prop_assert!(spent <= budget.max(least), "{spent} of {budget}, {least} for those that are kept");
        }
    }

    proptest! {
        /// Where nothing changes shares settle, and together stay within the budget, whatever each costs.
        #[test]
        fn shares_come_to_rest(
            budget in 100_000u64..5_000_000,
            wishes in proptest::collection::vec((0usize..3, 0u8..4, 1u64..40, 0u8..3), 1..6),
        ) {
            let bids: Vec<Bid<usize>> = wishes.into_iter().enumerate().map(|(track, (layer, tid, size, priority))| {
                let wish = Wish { layer: Layer::ALL[layer], temporal: Temporal::new(tid) };
                let costs = COSTS.map(|layer| layer.map(|cost| cost * size / 10));
                Bid { track, wish: Some(wish), costs, later: [0; SPATIAL], guessed: false, priority }
            }).collect();
            let mut shares = Allocation::new(0);
            let start = Instant::now();
            for second in 0..40 {
                let changes = shares.update(budget, &bids, start + INTERVAL * second);
                prop_assert!(second < 20 || changes.is_empty(), "{second}: {changes:?}");
                let goal = shares.goal(&bids);
                prop_assert!(goal.spent <= budget + budget / 100 * TOLERANCE, "{second}: {goal:?} of {budget}");
            }
        }
    }

    fn bid(track: &'static str, priority: u8) -> Bid<&'static str> {
        Bid { track, wish: Some(Wish::full(Layer::High)), costs: COSTS, later: [0; SPATIAL], guessed: false, priority }
    }

    fn to(track: &'static str, cap: Option<Wish>) -> Change<&'static str> {
        Change { track, cap }
    }
}
