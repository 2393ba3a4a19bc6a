//! The way between a client and the shard: delay, jitter, loss, reordering and a line of some width, all by chance of the seed.

use super::random::Random;
use std::time::{Duration, Instant};

/// What a line is like; it may change at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weather {
    /// The way takes at least so long.
    pub(crate) delay: Duration,
    /// And up to so much longer. Datagrams overtake each other then.
    pub(crate) jitter: Duration,
    /// So many of a thousand datagrams are lost.
    pub(crate) loss: u32,
    /// Bits per second, if the line is narrow.
    pub(crate) rate: Option<u64>,
    /// Nothing gets through.
    pub(crate) cut: bool,
}

impl Weather {
    pub(crate) const FINE: Self =
        Self { delay: Duration::from_millis(10), jitter: Duration::ZERO, loss: 0, rate: None, cut: false };

    /// Whether everything arrives, and in order.
    pub(crate) fn is_clean(&self) -> bool {
        self.loss == 0 && self.jitter == Duration::ZERO && self.rate.is_none() && !self.cut
    }
}

/// One direction of a client's line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) weather: Weather,
    random: Random,
    /// When the narrow part of the line has sent what it has.
    free: Instant,
    /// Nothing was lost and nothing overtaken so far.
    pub(crate) was_clean: bool,
}

impl Line {
    /// Longest queue before the narrow part; what finds it full is lost.
    const QUEUE: Duration = Duration::from_millis(300);

    pub(crate) fn new(random: Random, now: Instant) -> Self {
        Self { weather: Weather::FINE, random, free: now, was_clean: true }
    }

    pub(crate) fn set(&mut self, weather: Weather) {
        self.was_clean &= weather.is_clean();
        self.weather = weather;
    }

    /// When a datagram sent now arrives, if it does.
    pub(crate) fn send(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        let weather = self.weather;
        if weather.cut || (weather.loss > 0 && self.random.per_mille(weather.loss)) {
            return None;
        }
        let mut leaves = now;
        if let Some(rate) = weather.rate {
            let start = self.free.max(now);
            if start - now > Self::QUEUE {
                return None;
            }
            let bits = u64::try_from(bytes + 28).unwrap() * 8;
            self.free = start + Duration::from_micros(bits * 1_000_000 / rate);
            leaves = self.free;
        }
        let jitter = if weather.jitter.is_zero() { Duration::ZERO } else { self.random.up_to(weather.jitter) };
        Some(leaves + weather.delay + jitter)
    }
}
