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

/// Cuts not further apart than that are of one trial. What arrives so long after its first shows what the way carries, and whoever
/// has been cut below that and loses as much as before does not lose it for sending too much. All in microseconds.
const TRIAL: i64 = 3_000_000;
const SETTLED: i64 = 700_000;

/// How long that is believed, in microseconds, and of which share lost at most: the way may be full all the same a little later.
const BELIEVED: i64 = 10_000_000;
const MOST_BELIEVED: f64 = 0.3;

/// What is known of the way besides losses. Rates in bits per second, times in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) round_trip: i64,
    pub(super) leaving: f64,
    pub(super) arriving: Option<f64>,
    pub(super) has_queue: bool,
}

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
    trial: Option<Trial>,
    /// The share that is lost however little is sent, and until when that is believed.
    usual: Option<(f64, i64)>,
}

/// Cuts that follow each other.
#[derive(Debug, Clone, Copy)]
struct Trial {
    since: i64,
    /// What arrived when the first had had its effect, bits per second.
    carried: Option<f64>,
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
    pub(super) fn judge(&mut self, now: i64, seen: Seen) -> Advice {
        self.usual = self.usual.filter(|(_, until)| now < *until);
        if now - self.halved > HALF_LIFE {
            self.halved = now;
            self.reported /= 2.0;
            self.lost /= 2.0;
        }
        if self.reported < EVIDENCE {
            return if self.lost > 0.0 { Advice::Hold } else { Advice::Grow };
        }
        let share = self.lost / self.reported;
        let usual = self.usual.map_or(0.0, |(usual, _)| usual);
        if share <= usual + HARMLESS {
            return Advice::Grow;
        }
        let is_sure = self.lost - CONFIDENCE * self.lost.sqrt() > (usual + TOO_MUCH) * self.reported;
        let is_time = self.cut.is_none_or(|(cut, _)| now - cut > PATIENCE + seen.round_trip);
        if !is_sure || !is_time || self.is_usual(now, share, seen) {
            return Advice::Hold;
        }
        self.cut = Some((now, now + seen.round_trip));
        self.forget();
        Advice::Cut(1.0 - share / 2.0)
    }

    /// Whether the cuts so far have shown that so much is lost however little is sent.
    fn is_usual(&mut self, now: i64, share: f64, seen: Seen) -> bool {
        let goes_on = self.cut.is_some_and(|(cut, _)| now - cut < TRIAL) && !seen.has_queue;
        let trial = self.trial.filter(|_| goes_on).unwrap_or(Trial { since: now, carried: None });
        let carried = trial.carried.or(seen.arriving.filter(|_| now - trial.since >= SETTLED));
        self.trial = Some(Trial { carried, ..trial });
        let is_usual = share <= MOST_BELIEVED && carried.is_some_and(|carried| seen.leaving < carried);
        if is_usual {
            (self.trial, self.usual) = (None, Some((share, now + BELIEVED)));
        }
        is_usual
    }

    /// Whether there was too much of it within that time.
    pub(super) fn has_cut_within(&self, now: i64, time: i64) -> bool {
        self.cut.is_some_and(|(cut, _)| now - cut < time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: Seen = Seen { round_trip: 0, leaving: 1e6, arriving: Some(8e5), has_queue: false };

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
            assert_eq!(loss.judge(0, SEEN), advice);
        }
    }

    #[test]
    fn a_few_packets_are_no_evidence() {
        let mut loss = Loss::default();
        report(&mut loss, 0, 19, 1);
        assert_eq!(loss.judge(0, SEEN), Advice::Hold);

        // Three of twenty may well be chance where a twentieth is lost.
        let mut loss = Loss::default();
        report(&mut loss, 0, 17, usize::MAX);
        report(&mut loss, 0, 2, 1);
        assert_eq!(loss.judge(0, SEEN), Advice::Hold);
    }

    #[test]
    fn one_loss_cuts_once() {
        let mut loss = Loss::default();
        let late = Seen { round_trip: 50_000, ..SEEN };
        report(&mut loss, 0, 100, 2);
        assert_eq!(loss.judge(0, late), Advice::Cut(0.75));
        report(&mut loss, 49_000, 100, 2);
        assert_eq!(loss.judge(400_000, late), Advice::Grow);
        report(&mut loss, 60_000, 100, 2);
        assert_eq!(loss.judge(300_000, late), Advice::Hold);
        assert_eq!(loss.judge(400_000, late), Advice::Cut(0.75));
    }

    /// Cuts of half a second each, of every fifth packet lost, until one is not advised any more.
    fn cuts(loss: &mut Loss, seen: impl Fn(f64) -> Seen) -> usize {
        let mut leaving = 1e6;
        (0..20)
            .take_while(|half| {
                report(loss, half * 500_000, 100, 5);
                let advice = loss.judge(half * 500_000, seen(leaving));
                leaving *= 0.9;
                advice == Advice::Cut(0.9)
            })
            .count()
    }

    #[test]
    fn what_is_lost_however_little_is_sent_is_borne_for_a_while() {
        let mut loss = Loss::default();
        let by_chance = |leaving: f64| Seen { leaving, arriving: Some(0.8 * leaving), ..SEEN };
        assert_eq!(cuts(&mut loss, by_chance), 5);
        let mut after = |seconds: i64, every| {
            report(&mut loss, seconds * 1_000_000, 1_000, every);
            loss.judge(seconds * 1_000_000, SEEN)
        };
        assert_eq!([after(5, 5), after(8, 5)], [Advice::Grow, Advice::Grow]);
        assert!(matches!(after(11, 2), Advice::Cut(_)), "that is more than usual");
        assert_eq!(after(14, 5), Advice::Cut(0.9), "it is not believed any more");

        assert_eq!(cuts(&mut Loss::default(), |leaving| Seen { has_queue: true, ..by_chance(leaving) }), 20);
        assert_eq!(cuts(&mut Loss::default(), |leaving| Seen { leaving: 1e6, ..by_chance(leaving) }), 20);
    }

    #[test]
    fn what_came_after_all_was_not_lost() {
        let mut loss = Loss::default();
        report(&mut loss, 0, 100, 2);
        (0..50).for_each(|_| loss.take_back());
        assert_eq!(loss.judge(0, SEEN), Advice::Grow);
    }
}
