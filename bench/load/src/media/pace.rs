//! How the packets of pictures leave a publisher.

use clap::ValueEnum;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How a publisher's pictures leave it. All sizes leave through one queue; sound does not wait in it.
///
/// Facts of browsers are libwebrtc's: `PacingController` (`send_burst_interval`, `kMaxExpectedQueueLength`) and
/// `GoogCcNetworkController` (`kDefaultPaceMultiplier`, with transport-wide feedback
/// `kDefaultPaceMultiplierWithSendSideBwe`, before that `kStrictPacingMultiplier` of `VideoSendStreamImpl`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pace {
    /// All packets of a picture at once, however many they are
    AtOnce,
    /// As Chrome does: 1.1 times the rate, up to 40 ms of it at once. Pictures still leave at once, key frames do not
    Chrome,
    /// 2.5 times the rate, up to 5 ms of it at once: a picture leaves in three parts over 12 ms
    Spread,
}

impl Pace {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at once",
            Self::Chrome => "as Chrome",
            Self::Spread => "spread",
        }
    }

    /// How much faster than pictures come they leave, and how long a time's worth of that leaves at once.
    fn limits(self) -> Option<(f64, Duration)> {
        match self {
            Self::AtOnce => None,
            Self::Chrome => Some((1.1, Duration::from_millis(40))),
            Self::Spread => Some((2.5, Duration::from_millis(5))),
        }
    }
}

/// What would take more than so many seconds to leave leaves faster.
const LONGEST: f64 = 2.0;

/// What is left to send, and what was sent too early. A leaky bucket as libwebrtc's: packets leave until the debt is worth a burst,
/// then not before it is paid.
#[derive(Debug)]
pub(crate) struct Pacer<T> {
    /// Bytes a second, and of how long they may leave at once; `None`: no limit.
    limits: Option<(f64, Duration)>,
    queue: VecDeque<(usize, T)>,
    /// Bytes in the queue.
    queued: usize,
    /// Bytes that left earlier than the rate has them leave, at `since`.
    debt: f64,
    since: Instant,
    next: Instant,
}

impl<T> Pacer<T> {
    /// A queue for so many bytes a second on average.
    pub(crate) fn new(pace: Pace, rate: usize, now: Instant) -> Self {
        let limits = pace.limits().map(|(factor, burst)| (factor * rate as f64, burst));
        Self { limits, queue: VecDeque::new(), queued: 0, debt: 0.0, since: now, next: now }
    }

    pub(crate) fn paces(&self) -> bool {
        self.limits.is_some()
    }

    pub(crate) fn push(&mut self, bytes: usize, packet: T, now: Instant) {
        if self.queue.is_empty() {
            self.pay(now);
        }
        self.queue.push_back((bytes, packet));
        self.queued += bytes;
    }

    /// When the next packet may leave. `None` if there is none.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.front().map(|_| self.next)
    }

    /// The next packet, if it may leave by now.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<T> {
        self.next().filter(|next| *next <= now)?;
        let (bytes, packet) = self.queue.pop_front()?;
        self.queued -= bytes;
        self.debt += bytes as f64;
        self.pay(now);
        Some(packet)
    }

    /// Reckons with the time that has passed.
    fn pay(&mut self, now: Instant) {
        let Some((rate, burst)) = self.limits else { return };
        let rate = rate.max(self.queued as f64 / LONGEST);
        self.debt = (self.debt - rate * now.saturating_duration_since(self.since).as_secs_f64()).max(0.0);
        self.since = now;
        let owed = Duration::from_secs_f64(self.debt / rate);
        self.next = if owed < burst { now } else { now + owed };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: usize = 288_750;

    /// When each of so many packets of 1,000 bytes leaves, in microseconds.
    fn leave(pace: Pace, count: usize) -> Vec<u128> {
        let begin = Instant::now();
        let mut pacer = Pacer::new(pace, RATE, begin);
        for packet in 0..count {
            pacer.push(1000, packet, begin);
        }
        let mut left = Vec::new();
        while let Some(next) = pacer.next() {
            assert_eq!(pacer.pop(next - Duration::from_micros(1)), None, "none leaves before its time");
            assert_eq!(pacer.pop(next), Some(left.len()), "in order");
            left.push((next - begin).as_micros());
        }
        left
    }

    #[test]
    fn everything_leaves_at_once_without_a_pace() {
        let begin = Instant::now();
        let mut pacer = Pacer::new(Pace::AtOnce, RATE, begin);
        for packet in 0..50 {
            pacer.push(1000, packet, begin);
        }
        assert!((0..50).all(|packet| pacer.pop(begin) == Some(packet)));
        assert_eq!((pacer.pop(begin), pacer.next()), (None, None));
    }

    #[test]
    fn chrome_sends_a_picture_at_once_and_a_key_frame_in_parts() {
        // 40 ms at 1.1 times the rate are 12,705 bytes, which a packet may exceed.
        let left = leave(Pace::Chrome, 48);
        assert!(left[..13].iter().all(|at| *at == 0));
        assert_eq!(left[13..26], [40_928; 13]);
        assert_eq!(left[47] / 1000, 122);
    }

    #[test]
    fn spread_pictures_leave_a_few_packets_at_a_time() {
        // 5 ms at 2.5 times the rate are 3,609 bytes.
        let left = leave(Pace::Spread, 10);
        let at: Vec<_> = left.iter().map(|micros| micros / 100).collect();
        assert_eq!(at, [0, 0, 0, 0, 55, 55, 55, 55, 110, 110]);
    }

    #[test]
    fn time_without_packets_earns_nothing() {
        let begin = Instant::now();
        let mut pacer = Pacer::new(Pace::Spread, RATE, begin);
        let later = begin + Duration::from_secs(10);
        for packet in 0..5 {
            pacer.push(1000, packet, later);
        }
        assert_eq!(std::iter::from_fn(|| pacer.pop(later)).count(), 4);
    }

    #[test]
    fn a_long_queue_leaves_faster() {
        let left = leave(Pace::Chrome, 5000);
        assert!(left[2500] < 2_000_000, "the first half has left after {} us", left[2500]);
    }
}
