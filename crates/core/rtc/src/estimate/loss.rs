//! What lost packets say of the way (draft-ietf-rmcat-gcc-02 section 6).

/// Up to that share lost there is room for more; above the second there was too much. Between them lies the noise of wireless
/// networks.
const HARMLESS: f64 = 0.02;
const TOO_MUCH: f64 = 0.1;

/// Packets that say something, and after how long half of what they said is forgotten, in microseconds.
const EVIDENCE: f64 = 20.0;
const HALF_LIFE: i64 = 1_000_000;

/// How many standard deviations more than too much it has to be: of a few packets, many may be lost by chance.
const CONFIDENCE: f64 = 1.3;

/// Shortest time between two cuts, besides a round trip, in microseconds.
const PATIENCE: i64 = 300_000;

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Advice {
    Grow,
    Hold,
    /// Send so much of what was sent.
    Cut(f64),
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Loss {
    reported: f64,
    lost: f64,
    halved: i64,
    /// The last cut, and until when losses are of packets that left before it.
    cut: Option<(i64, i64)>,
}

impl Loss {
    /// A packet was reported.
    pub(super) fn add(&mut self, now: i64, lost: bool) {
        if self.cut.is_some_and(|(_, effective)| now < effective) {
            return;
        }
        self.reported += 1.0;
        self.lost += f64::from(u8::from(lost));
    }

    /// One that was lost came after all.
    pub(super) fn take_back(&mut self) {
        self.lost = (self.lost - 1.0).max(0.0);
    }

    /// Nothing that was said holds any more.
    pub(super) fn forget(&mut self) {
        (self.reported, self.lost) = (0.0, 0.0);
    }

    /// What is to be done now. A cut is advised once.
    pub(super) fn judge(&mut self, now: i64, round_trip: i64) -> Advice {
        if now - self.halved > HALF_LIFE {
            self.halved = now;
            self.reported /= 2.0;
            self.lost /= 2.0;
        }
        if self.reported < EVIDENCE {
            return if self.lost > 0.0 { Advice::Hold } else { Advice::Grow };
        }
        let share = self.lost / self.reported;
        if share <= HARMLESS {
            return Advice::Grow;
        }
        let is_sure = self.lost - CONFIDENCE * self.lost.sqrt() > TOO_MUCH * self.reported;
        let is_time = self.cut.is_none_or(|(cut, _)| now - cut > PATIENCE + round_trip);
        if !is_sure || !is_time {
            return Advice::Hold;
        }
        self.cut = Some((now, now + round_trip));
        self.forget();
        Advice::Cut(1.0 - share / 2.0)
    }

    /// Whether there was too much of it within that time.
    pub(super) fn has_cut_within(&self, now: i64, time: i64) -> bool {
        self.cut.is_some_and(|(cut, _)| now - cut < time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many packets, every so manyth lost.
    fn report(loss: &mut Loss, now: i64, packets: usize, every: usize) {
        for packet in 0..packets {
            loss.add(now, packet % every == 0);
        }
    }

    #[test]
    fn a_little_is_harmless_more_holds_and_much_cuts() {
        for (every, advice) in [(100, Advice::Grow), (20, Advice::Hold), (4, Advice::Cut(0.875))] {
            let mut loss = Loss::default();
            report(&mut loss, 0, 100, every);
            assert_eq!(loss.judge(0, 0), advice);
        }
    }

    #[test]
    fn a_few_packets_are_no_evidence() {
        let mut loss = Loss::default();
        report(&mut loss, 0, 19, 1);
        assert_eq!(loss.judge(0, 0), Advice::Hold);

        // Three of twenty may well be chance where a twentieth is lost.
        let mut loss = Loss::default();
        report(&mut loss, 0, 17, usize::MAX);
        report(&mut loss, 0, 2, 1);
        assert_eq!(loss.judge(0, 0), Advice::Hold);
    }

    #[test]
    fn one_loss_cuts_once() {
        let mut loss = Loss::default();
        report(&mut loss, 0, 100, 2);
        assert_eq!(loss.judge(0, 50_000), Advice::Cut(0.75));
        report(&mut loss, 49_000, 100, 2);
        assert_eq!(loss.judge(400_000, 50_000), Advice::Grow);
        report(&mut loss, 60_000, 100, 2);
        assert_eq!(loss.judge(300_000, 50_000), Advice::Hold);
        assert_eq!(loss.judge(400_000, 50_000), Advice::Cut(0.75));
    }

    #[test]
    fn what_came_after_all_was_not_lost() {
        let mut loss = Loss::default();
        report(&mut loss, 0, 100, 2);
        (0..50).for_each(|_| loss.take_back());
        assert_eq!(loss.judge(0, 0), Advice::Grow);
    }
}
