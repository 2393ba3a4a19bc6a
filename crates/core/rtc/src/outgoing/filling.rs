//! Padding: it keeps a connection up to what is asked for, and probes for more.

use super::source::Source;
use super::{OLDEST, Outgoing};
use crate::estimate::Probe;
use crate::plan::Kind;
use std::time::{Duration, Instant};

/// Padding is looked after so often, and where there can be none.
const PADDING: Duration = Duration::from_millis(10);
const NO_PADDING: Duration = Duration::from_millis(500);

/// A client that does not receive pictures for so long is sent no padding.
const STILL: Duration = Duration::from_secs(2);

/// A probe is given up after that time.
const PROBE: Duration = Duration::from_secs(1);

/// So far ahead of their rate its packets may be.
const PROBE_AHEAD: Duration = Duration::from_millis(1);

/// Most packets of padding in one go.
const FILLERS: u32 = 64;

/// A probe on its way.
#[derive(Debug)]
pub(super) struct Probing {
    pub(super) probe: Probe,
    pub(super) begun: Instant,
    pub(super) bytes: usize,
    pub(super) packets: usize,
}

impl Probing {
    /// When the next of its packets leaves.
    pub(super) fn due(&self) -> Instant {
        let seconds = self.bytes as f64 * 8.0 / (self.probe.rate.max(1) as f64);
        self.begun + Duration::from_secs_f64(seconds.min(1.0)).saturating_sub(PROBE_AHEAD)
    }

    fn is_over(&self, now: Instant) -> bool {
        (self.bytes >= self.probe.bytes && self.packets >= self.probe.packets) || self.begun + PROBE <= now
    }
}

impl Outgoing {
    /// A section through which padding can be sent and counted.
    fn filled_section(&self) -> Option<u16> {
        let takes = |source: &Option<Box<Source>>| {
            source.as_ref().is_some_and(|source| source.padding.is_some() && source.names.number.is_some())
        };
        self.seal.as_ref()?;
        // The one that sent last holds the largest packets.
        let newest = |index: &usize| self.sources[*index].as_ref().and_then(|source| Some(source.newest?.2));
        let which = (0..self.sources.len()).filter(|index| takes(&self.sources[*index])).max_by_key(newest)?;
        u16::try_from(which).ok()
    }

    /// Sends a packet of padding. Whether it could.
    fn filler(&mut self, now: Instant) -> bool {
        let Some(section) = self.filled_section() else { return false };
        let (number, sent) = self.stamp(now, section);
        self.filler += 1;
        let oldest = u32::try_from(OLDEST.as_millis()).unwrap_or(u32::MAX);
        let which = (self.filler, self.clock.millis(now).saturating_sub(oldest));
        let source = self.sources.get_mut(usize::from(section)).and_then(Option::as_mut);
        let (Some(source), Some(seal)) = (source, &self.seal) else { return false };
        let Some(datagram) = source.filler(seal, which, number, sent) else { return false };
        self.leaves(now, number.is_some(), datagram);
        true
    }

    /// Keeps the connection up to what is asked for.
    pub(super) fn fill(&mut self, now: Instant) {
        if self.minimum == 0 {
            self.next_filler = None;
            return;
        }
        let sends =
            |source: &Source| source.kind == Kind::Video && source.newest.is_some_and(|(_, _, at)| at + STILL > now);
        let is_of_use = self.sources.iter().flatten().any(|source| sends(source)) && self.filled_section().is_some();
        self.next_filler = Some(now + if is_of_use { PADDING } else { NO_PADDING });
        let Some(estimator) = self.estimator.as_ref().filter(|_| is_of_use) else { return };
        let overused = estimator.is_overused();
        let rate = self.minimum.min(self.believed());
        self.filled.settle(now, rate);
        if overused || !self.waiting.is_empty() {
            return;
        }
        for _ in 0..FILLERS {
            // As far ahead as it is looked after, or what is left of a turn would be lost.
            if self.filled.due(rate, PADDING).is_some() || !self.filler(now) {
                return;
            }
        }
    }

    /// Goes on with a probe, or begins the next one.
    pub(super) fn probe(&mut self, now: Instant) {
        if self.probing.is_none() && self.filled_section().is_some() {
            let probe = self.estimator.as_mut().and_then(|estimator| estimator.poll_probe(now));
            self.probing = probe.map(|probe| Probing { probe, begun: now, bytes: 0, packets: 0 });
        }
        for _ in 0..FILLERS {
            match &self.probing {
                Some(probing) if probing.is_over(now) => {
                    self.probing = None;
                    return;
                }
                Some(probing) if probing.due() <= now => {}
                _ => return,
            }
            if !self.release_one(now) && !self.filler(now) {
                self.probing = None;
                return;
            }
        }
    }
}
