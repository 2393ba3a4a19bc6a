//! What the layers of a track cost a subscriber's bandwidth.

use crate::demand::Announced;
use crate::layers::{Layer, LayerSet, Liveness, SPATIAL, TEMPORAL, Temporal};

/// What each layer of a track costs, cut off above each temporal layer, in bits per second; 0 for layers not being sent.
pub type Costs = [[u64; TEMPORAL]; SPATIAL];

/// What a track costs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Layer by layer.
    pub costs: Costs,
    /// What each layer that cannot be had now takes once it begins, in bits per second; 0 for the others, and where nobody knows.
    pub later: [u64; SPATIAL],
    /// Nothing of it has been measured yet.
    pub guessed: bool,
}

/// What the layers of a track cost, as far as that is known.
///
/// A layer that dynacast has switched off costs what it did when it was last sent: as if it were free, it would be asked for
/// again and again and given up as soon as it came. And one that begins, or was never asked for, costs what its publisher said it may:
/// as if it were free, a narrow line would have a queue before it is measured.
#[derive(Debug, Clone, Default)]
pub struct CostBook {
    known: Costs,
}

impl CostBook {
    /// The prices now. `enabled` are the layers the publisher has been asked to send; one of them that does not run has
    /// failed and is not to be had, unless the track has only just begun, for the first time or again (`begins`): one layer
    /// comes after the other.
    pub fn read(&mut self, liveness: &Liveness, enabled: LayerSet, announced: &[Announced], begins: bool) -> Prices {
        let running = liveness.running();
        for layer in running.iter() {
            let measured: [u64; TEMPORAL] =
                std::array::from_fn(|tid| liveness.bitrate(layer, Temporal::new(tid as u8)));
            if measured[TEMPORAL - 1] > 0 {
                self.known[layer.index()] = measured;
            }
        }
        let guessed = self.known.iter().flatten().all(|cost| *cost == 0);
        let costs = Layer::ALL.map(|layer| {
            let known = self.known[layer.index()];
            let is_new = known[TEMPORAL - 1] == 0;
            let sent = running.contains(layer) || begins && enabled.contains(layer);
            match sent {
                false if enabled.contains(layer) => [0; TEMPORAL],
                true | false if is_new => [expected(layer, announced); TEMPORAL],
                true | false => known,
            }
        });
        let later = Layer::ALL.map(|layer| match (costs[layer.index()], self.known[layer.index()]) {
            ([.., 0], [.., 0]) => expected(layer, announced),
            ([.., 0], [.., known]) => known,
            ([.., _], _) => 0,
        });
        Prices { costs, later, guessed }
    }
}

/// What a layer takes that was announced but not measured, in bits per second: what its publisher said, or what cameras of that size
/// usually take. 0 for one that was not announced.
fn expected(layer: Layer, announced: &[Announced]) -> u64 {
    let Some(announced) = announced.iter().find(|announced| announced.layer == layer) else { return 0 };
    if announced.bitrate > 0 {
        return announced.bitrate.into();
    }
    let pixels = f64::from(announced.width) * f64::from(announced.height);
    // Twice the picture takes less than twice the bits: 180, 360 and 720 lines take some 200, 600 and 1700 kbit/s.
    (pixels.powf(0.75) * 57.0) as u64
}

#[cfg(test)]
mod tests {
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
        let price = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, true).costs[Layer::High.index()][0];
        assert!(price > 100_000 && price < 1_700_000, "{price}");

        let less = LayerSet::up_to(Some(Layer::Low));
        liveness.set_enabled(less);
        send(&mut liveness, Layer::Low, now, 40);
        assert!(!liveness.running().contains(Layer::High));

        assert_eq!(book.read(&liveness, less, &ANNOUNCED, false).costs[Layer::High.index()][0], price);
        assert_eq!(book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false).costs[Layer::High.index()][0], 0);
    }

    #[test]
    fn what_begins_costs_what_was_said_until_it_is_measured() {
        let now = Instant::now();
        let mut book = CostBook::default();
        let mut liveness = Liveness::new(Content::Camera);
        let costs = |prices: Prices| prices.costs.map(|layer| layer[TEMPORAL - 1]);

        let before = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, true);
        assert!(before.guessed);
        let [low, medium, high] = costs(before);
        assert_eq!((low, high), (170_000, 1_700_000));
        assert!((500_000..700_000).contains(&medium), "{medium}");
        assert_eq!(costs(book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false)), [0; SPATIAL], "it does not come");
        assert_eq!(costs(book.read(&liveness, LayerSet::ALL, &[], true)), [0; SPATIAL], "nothing was said");

        send(&mut liveness, Layer::Low, now, 0);
        let running = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, true);
        assert!(!running.guessed);
        let [low, _, high] = costs(running);
        assert!((150_000..170_000).contains(&low), "measured: {low}");
        assert_eq!(high, 1_700_000, "it may still come");
        let running = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false);
        assert_eq!(costs(running), [low, 0, 0], "others do not come");
        assert_eq!(running.later, [0, medium, high], "but they may");
        let less = book.read(&liveness, LayerSet::up_to(Some(Layer::Medium)), &ANNOUNCED, false);
        assert_eq!((costs(less), less.later), ([low, 0, high], [0, medium, 0]), "it was not asked for");

        liveness.set_enabled(LayerSet::NONE);
        liveness.handle_timeout(now + Duration::from_secs(4));
        liveness.handle_timeout(now + Duration::from_secs(5));
        assert!(liveness.running().is_empty());
        let again = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, true);
        assert_eq!(costs(again), [low, before.costs[1][0], 1_700_000], "it begins again");
        let stuck = book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false);
        assert_eq!((costs(stuck), stuck.later), ([0; SPATIAL], [low, medium, high]));
        assert_eq!(book.read(&liveness, LayerSet::ALL, &[], false).later, [low, 0, 0]);

        let sample = Sample { layer: Layer::High, temporal: Temporal::BASE, bytes: 1000, start_of_frame: true };
        liveness.on_packet(sample, now + Duration::from_secs(6));
        assert_eq!(costs(book.read(&liveness, LayerSet::ALL, &ANNOUNCED, false))[2], 1_700_000, "it began just now");
    }
}
