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
    /// When it began.
    since: Instant,
    /// The lengths of what was sent at that moment.
    together: (Instant, Vec<usize>),
    /// When the narrow part of the line has sent what it has.
    free: Instant,
    /// Nothing was lost and nothing overtaken so far.
    pub(crate) was_clean: bool,
}

impl Line {
    /// Longest queue before the narrow part; what finds it full is lost.
    const QUEUE: Duration = Duration::from_millis(300);

    pub(crate) fn new(random: Random, now: Instant) -> Self {
        Self { weather: Weather::FINE, random, since: now, together: (now, Vec::new()), free: now, was_clean: true }
    }

    pub(crate) fn set(&mut self, weather: Weather) {
        self.was_clean &= weather.is_clean();
        self.weather = weather;
    }

    /// When a datagram sent now arrives, if it does.
    pub(crate) fn send(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        let weather = self.weather;
        let mut chance = self.chance(bytes, now);
        if weather.cut || (weather.loss > 0 && chance.per_mille(weather.loss)) {
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
        let jitter = if weather.jitter.is_zero() { Duration::ZERO } else { chance.up_to(weather.jitter) };
        Some(leaves + weather.delay + jitter)
    }

    /// What decides the fate of a datagram: the moment, its length, and which of that length it is at that moment. So one more or one
    /// less changes nothing for those that follow.
    fn chance(&mut self, bytes: usize, now: Instant) -> Random {
        let (moment, lengths) = &mut self.together;
        if *moment != now {
            *moment = now;
            lengths.clear();
        }
        let alike = lengths.iter().filter(|length| **length == bytes).count();
        lengths.push(bytes);
        let moment = u64::try_from((now - self.since).as_micros()).unwrap();
        [moment, u64::try_from(bytes).unwrap(), u64::try_from(alike).unwrap()]
            .into_iter()
            .fold(self.random.clone(), |chance, part| chance.branch(part + 1))
    }
}
