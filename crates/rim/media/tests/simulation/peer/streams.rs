//! The streams of a client: what it received, and what the shard sent.

use super::super::checks;
use super::super::film::{Shot, Sound};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// After so long in which packets of a stream come, and no picture, a client asks for a key frame.
const PATIENCE: Duration = Duration::from_secs(1);

/// A stream as its subscriber's stack hands it out.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) shots: BTreeMap<u64, (Instant, Shot)>,
    /// Dependency descriptors, and the RTP time of their packets.
    pub(crate) descriptors: BTreeMap<u64, (u32, Vec<u8>)>,
    pub(crate) sounds: BTreeMap<u64, (Instant, Sound)>,
    /// When it was time to look whether there are pictures.
    looked: Option<Instant>,
}

impl Received {
    /// It goes on and there is nothing to show: browsers ask for a key frame then.
    pub(super) fn lacks_pictures(&mut self, now: Instant) -> bool {
        let since = *self.looked.get_or_insert(now);
        if now < since + PATIENCE {
            return false;
        }
        self.looked = Some(now);
        checks::decoded(self).last().is_none_or(|(at, _)| *at < since)
    }
}

/// A stream as the shard sent it, whether or not it arrived.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) first: u64,
    last: u64,
    pub(crate) count: u64,
    /// Numbers that were left out and not sent later.
    pub(crate) missing: HashSet<u64>,
    /// Numbers sent more than once.
    pub(crate) repeated: u64,
    pub(crate) at: Instant,
}

impl Sent {
    pub(crate) fn new(number: u16, at: Instant) -> Self {
        let first = u64::from(number) + 0x1_0000;
        Self { first, last: first, count: 1, missing: HashSet::new(), repeated: 0, at }
    }

    pub(crate) fn note(&mut self, number: u16, at: Instant) {
        let step = i64::from(number.wrapping_sub(u16::try_from(self.last & 0xffff).unwrap()).cast_signed());
        let number = self.last.checked_add_signed(step).unwrap();
        self.count += 1;
        self.at = at;
        if number > self.last {
            self.missing.extend(self.last + 1..number);
            self.last = number;
        } else if !self.missing.remove(&number) {
            self.repeated += 1;
        }
    }
}
