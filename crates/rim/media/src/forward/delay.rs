//! Tells a subscriber for how long to keep pictures before it shows them (media-protocol.md section 15.10).

use rtc::PlayoutDelay;

/// Reports of the subscriber after which it knows: the first may have been on its way already.
const REPORTS: u8 = 2;

/// What one subscriber of a track was told.
#[derive(Debug, Default)]
pub(super) struct Delay {
    wanted: Option<PlayoutDelay>,
    known: Option<PlayoutDelay>,
    /// How often it reported since it is told.
    reports: u8,
}

impl Delay {
    /// The room wants that from now on; `None` leaves it as it is.
    pub(super) fn want(&mut self, delay: Option<PlayoutDelay>) {
        if self.wanted != delay {
            (self.wanted, self.reports) = (delay, 0);
        }
    }

    /// What the next packet says.
    pub(super) fn to_tell(&self) -> Option<PlayoutDelay> {
        self.wanted.filter(|_| self.wanted != self.known)
    }

    /// The subscriber reported about what it receives.
    pub(super) fn reported(&mut self) {
        if self.to_tell().is_some() {
            self.reports += 1;
            if self.reports >= REPORTS {
                (self.known, self.reports) = (self.wanted, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_is_told_until_it_is_known_and_when_it_changes() {
        let [short, long] = [1, 5].map(|seconds| Some(PlayoutDelay::new(Duration::ZERO, Duration::from_secs(seconds))));
        let mut delay = Delay::default();
        delay.reported();
        assert_eq!(delay.to_tell(), None);
        delay.want(short);
        delay.reported();
        assert_eq!(delay.to_tell(), short);
        delay.reported();
        assert_eq!(delay.to_tell(), None);
        delay.want(long);
        assert_eq!(delay.to_tell(), long);
        delay.want(short);
        assert_eq!(delay.to_tell(), None, "it never learnt of the other");
        delay.want(None);
        assert_eq!(delay.to_tell(), None);
    }
}
