//! Counters inside packets (picture ids, frame numbers) that a receiver expects to go on when it is given another layer.

/// A counter modulo 2^`BITS` whose source may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counter<const BITS: u32> {
    offset: u32,
    last: Option<u32>,
}

impl<const BITS: u32> Counter<BITS> {
    const MASK: u32 = u32::MAX >> (u32::BITS - BITS);

    /// Goes on with `value` of another source, right behind the newest one sent; the very first is kept.
    pub fn switch(&mut self, value: u32) -> u32 {
        let next = self.last.map_or(value, |last| last.wrapping_add(1)) & Self::MASK;
        self.offset = value.wrapping_sub(next) & Self::MASK;
        self.last = Some(next);
        next
    }

    /// A further value of the source.
    pub fn forward(&mut self, value: u32) -> u32 {
        let out = value.wrapping_sub(self.offset) & Self::MASK;
        let newer = self.last.is_none_or(|last| out.wrapping_sub(last) & Self::MASK <= Self::MASK / 2);
        if newer {
            self.last = Some(out);
        }
        out
    }

    /// Whether values go out as they come in.
    pub fn is_untouched(&self) -> bool {
        self.offset == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn another_source_goes_on_behind_the_newest() {
        let mut counter = Counter::<15>::default();
        assert_eq!(counter.switch(32_766), 32_766);
        assert_eq!([32_767, 0, 32_766].map(|value| counter.forward(value)), [32_767, 0, 32_766]);
        assert!(counter.is_untouched());

        assert_eq!(counter.switch(500), 1, "behind 0, not behind the late one");
        assert_eq!(counter.forward(501), 2);
        assert!(!counter.is_untouched());
    }

    proptest! {
        #[test]
        fn steps_are_kept(first in any::<u32>(), other in any::<u32>(), steps in prop::collection::vec(0u32..100, 1..20)) {
            let mut counter = Counter::<16>::default();
            counter.switch(first);
            let mut last = counter.switch(other);
            let mut value = other;
            for step in steps {
                value = value.wrapping_add(step);
                let out = counter.forward(value);
                prop_assert_eq!(out, (last + step) & 0xffff);
                last = out;
            }
        }
    }
}
