//! What is counted of a track: how much it sends, and how well it arrives.

use sfu::quality::Observed;
use signal::Kind;
use std::time::{Duration, Instant};

/// Bytes of a packet around its payload as a subscriber gets it: RTP header, extensions and the tag of SRTP. What is below counts
/// nowhere.
pub(super) const AROUND: usize = 44;

/// How much one track may send, or all tracks of sound of one participant. What is more is dropped: it is no camera and no
/// microphone that sends so much.
#[derive(Debug)]
pub(super) struct Allowance {
    packets: u32,
    bytes: usize,
    second: Option<Instant>,
    most: (u32, usize),
    /// Packets and bytes in the second before.
    before: (u32, usize),
}

impl Allowance {
    /// Per second. The shortest sound packets are 2.5 ms long; a picture of 50 Mbit/s has about 5000 packets.
    const AUDIO: (u32, usize) = (500, 256 * 1024);
    const VIDEO: (u32, usize) = (5000, 6 * 1024 * 1024);

    /// Sound is neither paced nor left out for want of bandwidth, so all that somebody sends goes to everybody. There is room for
    /// music in stereo at 510 kbit/s with everything sent twice, the sound of a screen beside it that is just the same, both in
    /// packets of 2.5 ms; or for twenty voices.
    const ALL_AUDIO: (u32, usize) = (1000, 384 * 1024);

    pub(super) fn new(kind: Kind) -> Self {
        Self::of(if kind == Kind::Audio { Self::AUDIO } else { Self::VIDEO })
    }

    /// For all sound of one participant.
    pub(super) fn of_all_sound() -> Self {
        Self::of(Self::ALL_AUDIO)
    }

    fn of(most: (u32, usize)) -> Self {
        Self { packets: 0, bytes: 0, second: None, most, before: (0, 0) }
    }

    pub(super) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        if self.second.is_none_or(|second| now.saturating_duration_since(second) >= Duration::from_secs(1)) {
            *self =
                Self { packets: 0, bytes: 0, second: Some(now), most: self.most, before: (self.packets, self.bytes) };
        }
        self.packets = self.packets.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        self.packets <= self.most.0 && self.bytes <= self.most.1
    }

    /// What the track takes on the wire, in bits per second, by its last whole second.
    pub(super) fn rate(&self, now: Instant) -> u64 {
        let stale = self.second.is_none_or(|second| now.saturating_duration_since(second) > Duration::from_secs(2));
        let (packets, bytes) = (self.before.0.max(self.packets), self.before.1.max(self.bytes));
        if stale { 0 } else { bits(usize::try_from(packets).unwrap_or(0) * AROUND + bytes) }
    }
}

fn bits(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(0).saturating_mul(8)
}

/// What is counted for the quality score of one direction.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub(super) packets: u32,
    loss: f32,
    jitter: Duration,
    rtt: Option<Duration>,
}

impl Window {
    pub(crate) fn report(&mut self, report: &rtc::Report) {
        self.loss = self.loss.max(report.loss.unwrap_or(0.0));
        self.jitter = self.jitter.max(report.jitter.unwrap_or_default());
        self.rtt = self.rtt.max(report.rtt);
    }

    /// The window's numbers; a new one begins. `heard`: something of the other side arrives, if not of this track. Else nothing that
    /// is sent to it does.
    pub(super) fn close(&mut self, up: bool, heard: bool, muted: bool, paused: bool, layer_distance: f32) -> Observed {
        let window = if heard { std::mem::take(self) } else { Self::default() };
        *self = Self::default();
        let loss = window.loss.clamp(0.0, 0.99);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let lost = (window.packets as f32 * loss / (1.0 - loss)) as u32;
        Observed {
            expected: window.packets.saturating_add(lost),
            lost,
            round_trip: if up { None } else { window.rtt },
            jitter: if up { window.jitter } else { Duration::ZERO },
            layer_distance,
            reports: heard,
            muted,
            paused,
        }
    }
}

/// What was missing before it was sent to a subscriber: numbers of the stream to it under which nothing was sent. Receivers report
/// it as lost.
#[derive(Debug)]
pub(super) struct Holes {
    /// The highest number and the packets sent so far.
    seen: (u64, u64),
    /// The same since the last report of losses.
    numbers: i64,
    holes: i64,
    /// Of the reports before, and not in them yet.
    left: i64,
}

impl Holes {
    /// Of a stream that begins with that number.
    pub(super) fn new(first: u64) -> Self {
        Self { seen: (first.wrapping_sub(1), 0), numbers: 0, holes: 0, left: 0 }
    }

    /// What was lost on the way to the subscriber itself, of a reported share. `highest` number and packets are those so far. What
    /// the report tells of is a little older, so holes are looked for in this one and the next.
    pub(super) fn beside(&mut self, reported: Option<f32>, highest: Option<u64>, packets: u64) -> Option<f32> {
        let highest = highest.unwrap_or(self.seen.0);
        let (before, sent) = std::mem::replace(&mut self.seen, (highest, packets));
        let numbers = highest.wrapping_sub(before).cast_signed();
        self.numbers += numbers;
        self.holes += numbers - packets.wrapping_sub(sent).cast_signed();
        let reported = reported?;
        let (numbers, holes) = (std::mem::take(&mut self.numbers).max(1), std::mem::take(&mut self.holes));
        let all = (self.left + holes).max(0);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "of what comes in some seconds"
        )]
        let (share, told) = {
            let share = (all as f32 / numbers as f32).min(reported);
            (share, (share * numbers as f32).round() as i64)
        };
        self.left = (all - told).clamp(0, holes.max(0));
        Some(reported - share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_no_losses_and_losses_beside_them_are() {
        let mut holes = Holes::new(100);
        let mut numbers = 99;
        let mut packets = 0;
        let mut lost = |reported: Option<f32>, count: u64, missing: u64| {
            numbers += count;
            packets += count - missing;
            holes.beside(reported, Some(numbers), packets).map(|share| (share * 1000.0).round())
        };

        assert_eq!(lost(None, 250, 50), None);
        assert_eq!(lost(Some(0.1), 250, 0), Some(0.0), "what the first report did not tell of is in the second");
        assert_eq!(lost(Some(0.05), 250, 0), Some(50.0), "not in the third as well");
        assert_eq!(lost(Some(0.0), 200, 20), Some(0.0), "told of later");
        assert_eq!(lost(Some(0.1), 200, 0), Some(0.0));
        assert_eq!(lost(Some(0.15), 200, 20), Some(50.0));
        assert_eq!(lost(Some(0.1), 200, 20), Some(0.0));
        assert_eq!(lost(Some(0.1), 0, 0), Some(100.0));
    }

    #[test]
    fn a_packet_that_comes_late_fills_its_hole() {
        let mut holes = Holes::new(1);
        assert_eq!(holes.beside(None, None, 0), None);
        assert_eq!(holes.beside(Some(0.0), Some(100), 90), Some(0.0));
        assert_eq!(holes.beside(Some(0.1), Some(200), 200), Some(0.1));
    }

    /// How many of so many packets in a second are let through, of several tracks at once.
    fn taken(tracks: usize, packets: usize, bytes: usize) -> usize {
        let start = Instant::now();
        let mut all = Allowance::of_all_sound();
        let mut each: Vec<_> = (0..tracks).map(|_| Allowance::new(Kind::Audio)).collect();
        let sent = (0..packets * tracks).filter(|number| {
            let now = start
                + Duration::from_secs(1) * u32::try_from(number / tracks).unwrap() / u32::try_from(packets).unwrap();
            each[number % tracks].take(bytes, now) && all.take(bytes, now)
        });
        sent.count()
    }

    #[test]
    fn music_in_stereo_sent_twice_and_the_sound_of_a_screen_beside_it_are_within_the_allowance() {
        let millis = |frame: f64| {
            let packets = (1000.0 / frame).round();
            // Two frames at 510 kbit/s, and what tells them apart.
            (packets as usize, (2.0 * 510_000.0 / 8.0 / packets) as usize + 5)
        };
        for frame in [2.5, 10.0, 20.0] {
            let (packets, bytes) = millis(frame);
            assert_eq!(taken(2, packets, bytes), 2 * packets, "{frame} ms");
        }
        assert_eq!(taken(20, 50, 160), 1000, "twenty voices");
    }

    #[test]
    fn who_is_silent_takes_what_silence_takes() {
        let start = Instant::now();
        let rate = |every: u64, bytes: usize| {
            let mut one = Allowance::new(Kind::Audio);
            for millis in (0..3000).step_by(usize::try_from(every).unwrap()) {
                one.take(bytes, start + Duration::from_millis(millis));
            }
            one.rate(start + Duration::from_secs(3))
        };
        assert_eq!(rate(20, 80), bits(50 * (80 + AROUND)));
        assert_eq!(rate(400, 2), bits(3 * (2 + AROUND)), "discontinuous transmission");
    }

    #[test]
    fn many_tracks_of_sound_have_no_more_together() {
        assert_eq!(taken(32, 500, 3), 1000);
        assert_eq!(taken(32, 50, 5000), 384 * 1024 / 5000);
    }
}
