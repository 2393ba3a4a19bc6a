//! Deadlines of many owners in one heap. A deadline that moves later is not touched: it fires early, finds nothing due
//! and is set again, which is cheaper than moving it with every packet.

use crate::engine::FastMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::Hash;
use std::time::Instant;

#[derive(Debug)]
pub(crate) struct Timers<K> {
    heap: BinaryHeap<Reverse<(Instant, K)>>,
    armed: FastMap<K, Instant>,
}

impl<K: Copy + Eq + Hash + Ord> Timers<K> {
    pub(crate) fn new() -> Self {
        Self { heap: BinaryHeap::new(), armed: FastMap::default() }
    }

    /// `key` wants to be looked at no later than `at`.
    pub(crate) fn arm(&mut self, key: K, at: Instant) {
        if self.armed.get(&key).is_some_and(|armed| *armed <= at) {
            return;
        }
        self.armed.insert(key, at);
        self.heap.push(Reverse((at, key)));
    }

    /// Forgets a key; its entry in the heap is ignored when it comes up.
    pub(crate) fn forget(&mut self, key: &K) {
        self.armed.remove(key);
    }

    /// Whose time has come. It has to be armed again.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<K> {
        while let Some(Reverse((at, key))) = self.heap.peek().copied() {
            if at > now {
                return None;
            }
            self.heap.pop();
            if self.armed.get(&key) == Some(&at) {
                self.armed.remove(&key);
                return Some(key);
            }
        }
        None
    }

    /// Entries in the heap, those that were moved or forgotten included.
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_earlier_deadline_replaces_a_later_one_and_fires_once() {
        let start = Instant::now();
        let mut timers = Timers::new();
        timers.arm(1, start + Duration::from_millis(50));
        timers.arm(1, start + Duration::from_millis(10));
        timers.arm(1, start + Duration::from_millis(30));
        assert_eq!(timers.next(), Some(start + Duration::from_millis(10)));
        assert_eq!(timers.pop(start + Duration::from_millis(20)), Some(1));
        assert_eq!(timers.pop(start + Duration::from_millis(60)), None);
    }

    #[test]
    fn a_forgotten_key_never_fires() {
        let start = Instant::now();
        let mut timers = Timers::new();
        timers.arm(1, start);
        timers.forget(&1);
        assert_eq!(timers.pop(start + Duration::from_secs(1)), None);
    }
}
