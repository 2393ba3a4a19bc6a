//! When publishers captured what they send.

use std::time::{Duration, Instant};

/// A publisher's clock says nothing about ours when it is further off than that: it was set anew, or its machine slept.
const TRUST: Duration = Duration::from_secs(10);

/// The same where it is ahead. Within that a packet may just have travelled faster than those before it.
const TRUST_AHEAD: Duration = Duration::from_secs(2);

/// By more than that it is moved back only if two reports say so, the second so long after the first at most: a wrong one would
/// make all tracks early, and for long. Clients report every five seconds or more often.
const JUMP: Duration = Duration::from_millis(200);
const AGREE: Duration = Duration::from_secs(15);

/// So often a clock that falls behind is moved, by what the fastest packet since then was late and no more than that: ten times
/// what two clocks drift apart, and little enough that a queue on the way, which makes every packet late, is not heard.
const WINDOW: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(10);

/// What a publisher's sender reports mean on our clock: the same shift for all its tracks, or they would drift apart
/// (media-protocol.md section 15.7).
#[derive(Debug, Clone, Copy)]
pub(super) struct PublisherClock {
    /// A moment on its clock, microseconds since the Unix epoch, and the same on ours.
    ntp_micros: u64,
    ours: Instant,
    /// Since when the least is looked for that a packet took longer than the fastest one, and what it was.
    since: Instant,
    least: Option<Duration>,
    /// When the report was made, on its clock, that last said something that cannot be.
    doubted: Option<u64>,
    /// The newest report by which a packet came much sooner than it could.
    early: Option<Early>,
}

#[derive(Debug, Clone, Copy)]
struct Early {
    /// When the report was made, on the publisher's clock.
    report: u64,
    arrival: Instant,
    ahead: Duration,
}

impl PublisherClock {
    /// Of a packet with that timestamp that has just arrived: it is taken to have taken no time, until a faster one comes. `rate`
    /// is that of its timestamps per second. The report may be seconds older than the packet.
    pub(super) fn new(report: &rtc::SenderReport, timestamp: u32, rate: u32, arrival: Instant) -> Self {
        let ours = moved(arrival, -since(report, timestamp, rate)).unwrap_or(arrival);
        Self { ntp_micros: report.ntp_micros, ours, since: arrival, least: None, doubted: None, early: None }
    }

    /// When such a packet was captured, by our clock, which is never after it arrived; when it arrived, where the former cannot
    /// be. If two reports say so one after the other the clock is taken anew: one alone may be of a track whose time stood still.
    pub(super) fn captured(
        &mut self,
        report: &rtc::SenderReport,
        timestamp: u32,
        rate: u32,
        arrival: Instant,
    ) -> Instant {
        let captured = self.at(report).and_then(|at| moved(at, since(report, timestamp, rate)));
        if let Some(captured) = captured {
            let ahead = captured.saturating_duration_since(arrival);
            let behind = arrival.saturating_duration_since(captured);
            if ahead < TRUST_AHEAD && behind < TRUST {
                self.doubted = None;
                self.follow(report, ahead, behind, arrival);
                return captured.min(arrival);
            }
        }
        if self.doubted.replace(report.ntp_micros).is_some_and(|before| before != report.ntp_micros) {
            *self = Self::new(report, timestamp, rate, arrival);
        }
        arrival
    }

    /// A packet comes sooner than one before it could, or so much later than the fastest one.
    fn follow(&mut self, report: &rtc::SenderReport, ahead: Duration, behind: Duration, arrival: Instant) {
        if !ahead.is_zero() {
            let ahead = if ahead > JUMP { self.agreed(report, ahead, arrival) } else { ahead };
            if ahead.is_zero() {
                return;
            }
            self.ours = self.ours.checked_sub(ahead).unwrap_or(self.ours);
            (self.since, self.least) = (arrival, None);
            return;
        }
        let least = self.least.map_or(behind, |least| least.min(behind));
        self.least = Some(least);
        if arrival.saturating_duration_since(self.since) >= WINDOW {
            self.ours += least.min(STEP);
            (self.since, self.least) = (arrival, None);
        }
    }

    /// By how much it is ahead if another report said so, too: what both say. Packets of other tracks that are not ahead say
    /// nothing against it, they may be slow.
    fn agreed(&mut self, report: &rtc::SenderReport, ahead: Duration, arrival: Instant) -> Duration {
        let early = Early { report: report.ntp_micros, arrival, ahead };
        let before = self.early.replace(early).filter(|before| {
            before.report != early.report && arrival.saturating_duration_since(before.arrival) <= AGREE
        });
        let Some(before) = before else { return Duration::ZERO };
        self.early = None;
        before.ahead.min(ahead)
    }

    /// When a report was made.
    fn at(&self, report: &rtc::SenderReport) -> Option<Instant> {
        let ntp = |micros| i64::try_from(micros).ok();
        moved(self.ours, ntp(report.ntp_micros)?.checked_sub(ntp(self.ntp_micros)?)?)
    }
}

/// How much later than the report a packet was captured, in microseconds.
fn since(report: &rtc::SenderReport, timestamp: u32, rate: u32) -> i64 {
    i64::from(timestamp.wrapping_sub(report.rtp).cast_signed()) * 1_000_000 / i64::from(rate.max(1))
}

fn moved(at: Instant, micros: i64) -> Option<Instant> {
    let step = Duration::from_micros(micros.unsigned_abs());
    if micros >= 0 { at.checked_add(step) } else { at.checked_sub(step) }
}

#[cfg(test)]
mod tests {
    use rtc::SenderReport;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_report_that_is_old_when_the_first_packet_comes_makes_nothing_late() {
        let now = Instant::now() + 100 * SECOND;
        let old = SenderReport { ntp_micros: 1_700_000_000_000_000, rtp: 1000 };
        let voice = 1000 + 9 * 24_000;
        let mut clock = PublisherClock::new(&old, voice, 48_000, now);
        assert_eq!(clock.captured(&old, voice, 48_000, now), now);
        assert_eq!(clock.captured(&old, voice + 960, 48_000, now + SECOND), now + Duration::from_millis(20));

        let next = SenderReport { ntp_micros: old.ntp_micros + 5_000_000, rtp: 90_000 };
        let picture = clock.captured(&next, 90_000 + 45_000, 90_000, now + SECOND);
        assert_eq!(
            picture,
            now + SECOND,
            "five seconds and a half after the old report, as the voice is four and a half"
        );
    }

    #[test]
    fn a_clock_that_was_set_is_followed() {
        let now = Instant::now() + 100 * SECOND;
        let report = SenderReport { ntp_micros: 1_700_000_000_000_000, rtp: 0 };
        let mut clock = PublisherClock::new(&report, 0, 90_000, now);
        let set = SenderReport { ntp_micros: report.ntp_micros + 3_600_000_000, rtp: 0 };
        assert_eq!(clock.captured(&set, 9_000, 90_000, now + SECOND), now + SECOND);
        assert_eq!(clock.captured(&set, 18_000, 90_000, now + 3 * SECOND), now + 3 * SECOND, "one may be wrong");
        let next = SenderReport { ntp_micros: set.ntp_micros + 5_000_000, rtp: 450_000 };
        assert_eq!(clock.captured(&next, 450_000, 90_000, now + 5 * SECOND), now + 5 * SECOND);
        assert_eq!(clock.captured(&next, 459_000, 90_000, now + 6 * SECOND), now + Duration::from_millis(5100));

        let nonsense = SenderReport { ntp_micros: u64::MAX, rtp: 0 };
        assert_eq!(clock.captured(&nonsense, 0, 90_000, now), now);
    }

    #[test]
    fn a_first_packet_that_came_late_makes_no_later_one_early() {
        let now = Instant::now() + 100 * SECOND;
        let report = SenderReport { ntp_micros: 1_700_000_000_000_000, rtp: 0 };
        let late = Duration::from_millis(500);
        let mut clock = PublisherClock::new(&report, 0, 90_000, now + late);
        assert_eq!(clock.captured(&report, 0, 90_000, now + late), now + late);
        for frame in 13..100 {
            let second = frame / 25;
            let report =
                SenderReport { ntp_micros: report.ntp_micros + u64::from(second) * 1_000_000, rtp: 90_000 * second };
            let at = now + Duration::from_millis(40) * frame;
            assert_eq!(clock.captured(&report, 3600 * frame, 90_000, at), at);
        }
        let sound = SenderReport { ntp_micros: report.ntp_micros + 5_000_000, rtp: 7 };
        let captured = clock.captured(&sound, 7 + 48_000, 48_000, now + 6 * SECOND + late);
        assert_eq!(captured, now + 6 * SECOND, "the other track is moved with it");
    }

    #[test]
    fn one_report_that_is_wrong_moves_no_track() {
        let now = Instant::now() + 100 * SECOND;
        let first = SenderReport { ntp_micros: 1_700_000_000_000_000, rtp: 0 };
        let mut clock = PublisherClock::new(&first, 0, 90_000, now);
        for second in 1..60_u32 {
            let wrong = if second % 20 == 0 { 1_900_000 } else { 0 };
            let ntp_micros = first.ntp_micros + u64::from(second) * 1_000_000 + wrong;
            let picture = SenderReport { ntp_micros, rtp: 90_000 * second };
            let sound = SenderReport {
                ntp_micros: first.ntp_micros + u64::from(second / 5) * 5_000_000,
                rtp: 240_000 * (second / 5),
            };
            for tenth in 0..10 {
                let sent = now + SECOND * second + Duration::from_millis(100) * tenth;
                let (late, time) = (Duration::from_millis(30), second * 10 + tenth);
                let captured = clock.captured(&picture, 9000 * time, 90_000, sent + late);
                assert!(captured >= sent, "{:?} early", sent - captured);
                let captured = clock.captured(&sound, 4800 * time, 48_000, sent + late);
                assert!(captured >= sent, "{:?} early", sent - captured);
            }
        }
    }

    #[test]
    fn what_two_reports_say_counts_also_where_another_track_is_slow() {
        let now = Instant::now() + 100 * SECOND;
        let first = SenderReport { ntp_micros: 1_700_000_000_000_000, rtp: 0 };
        let late = Duration::from_millis(600);
        let mut clock = PublisherClock::new(&first, 0, 90_000, now + late);
        let mut off = Duration::ZERO;
        for second in 1..8_u32 {
            let ntp_micros = first.ntp_micros + u64::from(second / 5) * 5_000_000;
            let sound = SenderReport { ntp_micros: ntp_micros + 1, rtp: 240_000 * (second / 5) };
            let sent = now + SECOND * second;
            clock.captured(&sound, 48_000 * second, 48_000, sent);
            off = clock.captured(&first, 90_000 * second, 90_000, sent + late) - sent;
        }
        assert!(off <= Duration::from_millis(1), "{off:?}");
    }

    #[test]
    fn clocks_that_drift_apart_stay_together() {
        for drift in [-100, 100] {
            let now = Instant::now() + 100 * SECOND;
            let first = SenderReport { ntp_micros: 1_700_000_000_000_000, rtp: 0 };
            let mut clock = PublisherClock::new(&first, 0, 90_000, now);
            for second in 0..7200_u32 {
                let report = SenderReport { ntp_micros: first.ntp_micros + u64::from(second) * 1_000_000, rtp: second };
                let late = Duration::from_millis(u64::from(second % 7) * 5);
                let sent = moved(now + SECOND * second, i64::from(second) * drift).unwrap();
                let captured = clock.captured(&report, second, 90_000, sent + late);
                let off = sent.saturating_duration_since(captured).max(captured.saturating_duration_since(sent));
                assert!(captured <= sent + late && off <= Duration::from_millis(40), "{off:?} after {second} seconds");
            }
        }
    }

    #[test]
    fn a_queue_on_the_way_moves_nothing_by_much() {
        let now = Instant::now() + 100 * SECOND;
        let report = SenderReport { ntp_micros: 1_700_000_000_000_000, rtp: 0 };
        let mut clock = PublisherClock::new(&report, 0, 90_000, now);
        for second in 1..60_u32 {
            let sent = now + SECOND * second;
            let captured = clock.captured(&report, 90_000 * second, 90_000, sent + Duration::from_millis(800));
            assert!(captured - sent <= Duration::from_millis(60));
        }
        let sent = now + SECOND * 60;
        assert_eq!(clock.captured(&report, 90_000 * 60, 90_000, sent), sent, "and it is over with the queue");
    }

    #[test]
    fn a_track_whose_time_stood_still_moves_no_other() {
        let now = Instant::now() + 100 * SECOND;
        let picture = SenderReport { ntp_micros: 1_700_000_000_000_000, rtp: 0 };
        let mut clock = PublisherClock::new(&picture, 0, 90_000, now);
        let sound = SenderReport { ntp_micros: picture.ntp_micros - 60_000_000, rtp: 0 };
        for second in 1..5 {
            let (later, shift) = (now + SECOND * second, Duration::from_millis(40));
            assert_eq!(clock.captured(&sound, 48_000 * second, 48_000, later), later);
            assert_eq!(clock.captured(&picture, 90_000 * second, 90_000, later + shift), later, "in step");
        }
    }
}
