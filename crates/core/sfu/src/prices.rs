//! What the layers of a track cost a subscriber's bandwidth.

use std::time::{Duration, Instant};

use crate::demand::Announced;
use crate::layers::{Content, Layer, LayerSet, Liveness, SPATIAL, TEMPORAL, Temporal};

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

/// A layer that was asked for and did not come is tried again after so long; each time in vain doubles it, up to the second.
const FIRST_TRIAL: Duration = Duration::from_secs(30);
const LAST_TRIAL: Duration = Duration::from_secs(480);

/// A layer that was switched on may take so long to come.
pub const BEGINNING: Duration = Duration::from_secs(3);

/// What the layers of a track cost, as far as that is known.
///
/// A layer that dynacast has switched off costs what it did when it was last sent: as if it were free, it would be asked for
/// again and again and given up as soon as it came. And one that begins, or was never asked for, costs what its publisher said it may:
/// as if it were free, a narrow line would have a queue before it is measured. But one that did not come when it was asked for has
/// no price once it is switched off, for a while: another picture would be given up for it, in vain, and taken up again.
#[derive(Debug, Clone, Default)]
pub struct CostBook {
    known: Costs,
    failures: [Option<Failure>; SPATIAL],
    /// What the publisher was asked for when anybody looked last; since when, if it had been asked not to send it.
    enabled: Option<LayerSet>,
    switched_on: [Option<Instant>; SPATIAL],
}

/// A layer does not come.
#[derive(Debug, Clone, Copy)]
struct Failure {
    /// When it was asked for last.
    at: Instant,
    /// For so long it is not counted on.
    lasts: Duration,
}

impl CostBook {
    /// The prices now. `enabled` are the layers the publisher has been asked to send; one of them that does not run has
    /// failed and is not to be had, unless it was only just switched on, or the track has only just begun, for the first time or
    /// again (`begins`): one layer comes after the other.
    pub fn read(
        &mut self,
        liveness: &Liveness,
        enabled: LayerSet,
        announced: &[Announced],
        begins: bool,
        now: Instant,
    ) -> Prices {
        let running = liveness.running();
        let outlasts = liveness.content() == Content::Screen;
        for layer in Layer::ALL.into_iter().filter(|layer| outlasts || running.contains(*layer)) {
            let measured: [u64; TEMPORAL] =
                std::array::from_fn(|tid| liveness.bitrate(layer, Temporal::new(tid as u8)));
            if measured[TEMPORAL - 1] > 0 {
                self.known[layer.index()] = measured;
            }
        }
        running.iter().for_each(|layer| self.failures[layer.index()] = None);
        let switched_on = self.switched_on(enabled, now);
        let awaited = if begins { enabled } else { switched_on };
        // Where nothing runs it is no layer that failed.
        let fails = |layer: &Layer| !running.is_empty() && !running.contains(*layer) && !awaited.contains(*layer);
        enabled.iter().filter(fails).for_each(|layer| Failure::note(&mut self.failures[layer.index()], now));
        let guessed = self.known.iter().flatten().all(|cost| *cost == 0);
        let costs = Layer::ALL.map(|layer| {
            let known = self.known[layer.index()];
            let is_new = known[TEMPORAL - 1] == 0;
            let failed = self.failures[layer.index()].is_some_and(|failure| failure.counts(now));
            let sent = running.contains(layer) || awaited.contains(layer) && (begins || !failed);
            match sent {
                false if enabled.contains(layer) || failed => [0; TEMPORAL],
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

    /// Those of the layers the publisher has been asked to send that it was asked for only just now, and not before.
    fn switched_on(&mut self, enabled: LayerSet, now: Instant) -> LayerSet {
        let before = self.enabled.replace(enabled).unwrap_or(enabled);
        for layer in Layer::ALL {
            let since = &mut self.switched_on[layer.index()];
            *since = match (before.contains(layer), enabled.contains(layer)) {
                (_, false) => None,
                (false, true) => Some(now),
                (true, true) => *since,
            };
        }
        let is_new = |since: Instant| now.saturating_duration_since(since) < BEGINNING;
        enabled.iter().filter(|layer| self.switched_on[layer.index()].is_some_and(is_new)).collect()
    }
}

impl Failure {
    fn note(known: &mut Option<Self>, now: Instant) {
        let lasts = match known {
            None => FIRST_TRIAL,
            Some(known) if known.counts(now) => known.lasts,
            Some(known) => LAST_TRIAL.min(known.lasts * 2),
        };
        *known = Some(Self { at: now, lasts });
    }

    fn counts(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < self.lasts
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
mod tests;
