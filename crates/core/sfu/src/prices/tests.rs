use std::time::{Duration, Instant};

use super::*;
use crate::layers::{Content, Sample};

const ANNOUNCED: [Announced; SPATIAL] = [
    Announced { layer: Layer::Low, width: 320, height: 180, bitrate: 170_000 },
    Announced { layer: Layer::Medium, width: 640, height: 360, bitrate: 0 },
    Announced { layer: Layer::High, width: 1280, height: 720, bitrate: 1_700_000 },
];

fn send(liveness: &mut Liveness, layer: Layer, start: Instant, from: u32) {
    for packet in 0..40u32 {
        let sample = Sample { layer, temporal: Temporal::BASE, bytes: 1000, start_of_frame: true };
        liveness.on_packet(sample, start + Duration::from_millis(50) * (from + packet));
    }
}

#[test]
fn a_layer_that_was_switched_off_keeps_its_price_and_one_that_failed_has_none() {
    let now = Instant::now();
    let mut book = CostBook::default();
    let mut liveness = Liveness::new(Content::Camera);
    send(&mut liveness, Layer::High, now, 0);
    let price = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, true, now).costs[Layer::High.index()][0];
    assert!(price > 100_000 && price < 1_700_000, "{price}");

    let less = LayerSet::up_to(Some(Layer::Low));
    liveness.set_enabled(less);
    send(&mut liveness, Layer::Low, now, 40);
    assert!(!liveness.running().contains(Layer::High));

    assert_eq!(book.read(&liveness, less, &ANNOUNCED, false, now).costs[Layer::High.index()][0], price);
    let mut asked = |now| book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false, now).costs[Layer::High.index()][0];
    assert_eq!([asked(now), asked(now + BEGINNING / 2), asked(now + BEGINNING)], [price, price, 0]);
}

#[test]
fn what_begins_costs_what_was_said_until_it_is_measured() {
    let now = Instant::now();
    let mut book = CostBook::default();
    let mut liveness = Liveness::new(Content::Camera);
    let costs = |prices: Prices| prices.costs.map(|layer| layer[TEMPORAL - 1]);

    let before = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, true, now);
    assert!(before.guessed);
    let [low, medium, high] = costs(before);
    assert_eq!((low, high), (170_000, 1_700_000));
    assert!((500_000..700_000).contains(&medium), "{medium}");
    assert_eq!(costs(book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false, now)), [0; SPATIAL], "it does not come");
    assert_eq!(costs(book.read(&liveness, LayerSet::ALL, &[], true, now)), [0; SPATIAL], "nothing was said");

    send(&mut liveness, Layer::Low, now, 0);
    let running = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, true, now);
    assert!(!running.guessed);
    let [low, _, high] = costs(running);
    assert!((150_000..170_000).contains(&low), "measured: {low}");
    assert_eq!(high, 1_700_000, "it may still come");
    let running = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false, now);
    assert_eq!(costs(running), [low, 0, 0], "others do not come");
    assert_eq!(running.later, [0, medium, high], "but they may");
    let mut less = |now| book.read(&liveness, LayerSet::up_to(Some(Layer::Medium)), &ANNOUNCED, false, now);
    let failed = less(now);
    assert_eq!((costs(failed), failed.later), ([low, 0, 0], [0, medium, high]), "it did not come");
    let forgotten = less(now + FIRST_TRIAL);
    assert_eq!((costs(forgotten), forgotten.later), ([low, 0, high], [0, medium, 0]), "it may, after a while");

    liveness.set_enabled(LayerSet::NONE);
    liveness.handle_timeout(now + Duration::from_secs(4));
    liveness.handle_timeout(now + Duration::from_secs(5));
    assert!(liveness.running().is_empty());
    let again = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, true, now);
    assert_eq!(costs(again), [low, before.costs[1][0], 1_700_000], "it begins again");
    let stuck = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false, now);
    assert_eq!((costs(stuck), stuck.later), ([0; SPATIAL], [low, medium, high]));
    assert_eq!(book.read(&liveness, LayerSet::ALL, &[], false, now).later, [low, 0, 0]);

    let sample = Sample { layer: Layer::High, temporal: Temporal::BASE, bytes: 1000, start_of_frame: true };
    liveness.on_packet(sample, now + Duration::from_secs(6));
    assert_eq!(costs(book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false, now))[2], 1_700_000, "it began just now");
}

#[test]
fn a_layer_that_does_not_come_is_tried_more_and_more_seldom() {
    let start = Instant::now();
    let mut liveness = Liveness::new(Content::Camera);
    send(&mut liveness, Layer::Low, start, 0);
    let less = LayerSet::up_to(Some(Layer::Low));
    let priced = |book: &mut CostBook, now| book.read(&liveness, less, &ANNOUNCED, false, now).costs[2][0] > 0;
    let mut book = CostBook::default();
    assert!(priced(&mut book, start), "nobody asked for it");

    let (mut now, mut waits) = (start, Vec::new());
    for _ in 0..6 {
        book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false, now);
        now += BEGINNING;
        book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false, now);
        let asked = now;
        while !priced(&mut book, now) {
            now += Duration::from_secs(1);
        }
        waits.push((now - asked).as_secs());
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 480]);

    send(&mut liveness, Layer::High, start, 40);
    book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false, now);
    liveness.set_enabled(less);
    send(&mut liveness, Layer::Low, start, 80);
    assert!(book.read(&liveness, less, &ANNOUNCED, false, now).costs[2][0] > 0, "it came");
}
