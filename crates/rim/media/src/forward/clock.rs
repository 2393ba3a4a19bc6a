//! When publishers captured what they send.

use std::time::{Duration, Instant};

/// A publisher's clock says nothing about ours when it is further off than that: it was set anew, or its machine slept.
const TRUST: Duration = Duration::from_secs(10);

/// What a publisher's sender reports mean on our clock: the same shift for all its tracks, or they would drift apart
/// (media-protocol.md section 15.7).
#[derive(Debug, Clone, Copy)]
pub(super) struct PublisherClock {
    /// A moment on its clock, microseconds since the Unix epoch, and the same on ours.
    ntp_micros: u64,
    ours: Instant,
    /// When the report was made, on its clock, that last said something that cannot be.
    doubted: Option<u64>,
}

impl PublisherClock {
    /// Of a packet with that timestamp that has just arrived: it is taken to have taken no time. `rate` is that of its
    /// timestamps per second. The report may be seconds older than the packet.
    pub(super) fn new(report: &rtc::SenderReport, timestamp: u32, rate: u32, arrival: Instant) -> Self {
        let ours = moved(arrival, -since(report, timestamp, rate)).unwrap_or(arrival);
        Self { ntp_micros: report.ntp_micros, ours, doubted: None }
    }

    /// When such a packet was captured, by our clock; when it arrived, where that cannot be. If two reports say so one after the
    /// other the clock is taken anew: one alone may be of a track whose time stood still.
    pub(super) fn captured(
        &mut self,
        report: &rtc::SenderReport,
        timestamp: u32,
        rate: u32,
        arrival: Instant,
    ) -> Instant {
        let captured = self.at(report).and_then(|at| moved(at, since(report, timestamp, rate)));
        if let Some(captured) = captured.filter(|at| distance(*at, arrival) < TRUST) {
            self.doubted = None;
            return captured;
        }
        if self.doubted.replace(report.ntp_micros).is_some_and(|before| before != report.ntp_micros) {
            *self = Self::new(report, timestamp, rate, arrival);
        }
        arrival
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

fn distance(a: Instant, b: Instant) -> Duration {
    a.saturating_duration_since(b).max(b.saturating_duration_since(a))
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
