mod room;

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
fn who_is_new_is_limited_for_what_begins_later_even_where_others_are_left_as_they_are() {
    let start = Instant::now();
    let new =
        Bid { costs: [[20_000; TEMPORAL], [0; TEMPORAL], [0; TEMPORAL]], later: [0, 500_000, 0], ..bid("eva", 1) };
    // Where it is a little too much, and where it has become dearer for a moment.
    for (estimate, price) in [(385_000, 60_000), (800_000, 900_000)] {
        let mut shares = Allocation::new(1);
        shares.update(800_000, &lecture(60_000), start);
        let bids = [lecture(price), vec![new.clone()]].concat();
        shares.update(estimate, &bids, start + INTERVAL);
        assert_eq!(shares.cap(&"eva"), Some(Wish::full(Layer::Low)), "{estimate}");
    }
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
    /// The limited tracks together never cost more than there is, unless those that are not paused do; and neither do they once all
    /// begins that does not come yet.
    #[test]
    fn shares_stay_within_the_budget(
        budget in 0u64..5_000_000,
        never_paused in 0usize..4,
        wishes in proptest::collection::vec((0usize..3, 0u8..4, any::<u8>(), 0u64..20, 0u8..4), 0..12),
    ) {
        let mut bids: Vec<Bid<usize>> = wishes.into_iter().enumerate().map(|(track, (layer, tid, priority, size, comes))| {
            let wish = Wish { layer: Layer::ALL[layer], temporal: Temporal::new(tid) };
            let costs = COSTS.map(|layer| layer.map(|cost| cost * size / 10));
            partly(Bid { track, wish: Some(wish), costs, later: [0; SPATIAL], guessed: false, priority }, 2 * comes + 1)
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

        let begun = order.iter().map(|bid| begun(bid));
        let spent: u64 = begun.zip(&caps).map(|(bid, cap)| bid.cost_within(*cap)).sum();
        prop_assert!(spent <= budget.max(least), "later {spent} of {budget}, {least} for those that are kept");
    }
}

proptest! {
    /// Where nothing changes shares settle, and together stay within the budget, whatever each costs.
    #[test]
    fn shares_come_to_rest(
        budget in 100_000u64..5_000_000,
        wishes in proptest::collection::vec((0usize..3, 0u8..4, 1u64..40, 0u8..3, 0u8..8), 1..6),
    ) {
        let bids: Vec<Bid<usize>> = wishes.into_iter().enumerate().map(|(track, (layer, tid, size, priority, comes))| {
            let wish = Wish { layer: Layer::ALL[layer], temporal: Temporal::new(tid) };
            let costs = COSTS.map(|layer| layer.map(|cost| cost * size / 10));
            partly(Bid { track, wish: Some(wish), costs, later: [0; SPATIAL], guessed: false, priority }, comes)
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

/// Of that bid only the layers come whose bits are set.
fn partly<K>(bid: Bid<K>, comes: u8) -> Bid<K> {
    let comes = |layer: Layer| comes >> layer.index() & 1 == 1;
    let later = Layer::ALL.map(|layer| if comes(layer) { 0 } else { bid.costs[layer.index()][TEMPORAL - 1] });
    let costs = Layer::ALL.map(|layer| if comes(layer) { bid.costs[layer.index()] } else { [0; TEMPORAL] });
    Bid { costs, later, ..bid }
}

/// What did not come of it does.
fn begun<K: Clone>(bid: &Bid<K>) -> Bid<K> {
    let of = |layer: Layer| (bid.costs[layer.index()], bid.later[layer.index()]);
    let costs = Layer::ALL.map(|layer| if of(layer).1 > 0 { [of(layer).1; TEMPORAL] } else { of(layer).0 });
    Bid { costs, later: [0; SPATIAL], ..bid.clone() }
}

fn bid(track: &'static str, priority: u8) -> Bid<&'static str> {
    Bid { track, wish: Some(Wish::full(Layer::High)), costs: COSTS, later: [0; SPATIAL], guessed: false, priority }
}

fn to(track: &'static str, cap: Option<Wish>) -> Change<&'static str> {
    Change { track, cap }
}
