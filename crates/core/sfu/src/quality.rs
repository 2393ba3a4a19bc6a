//! Scores a connection from what the receiver reports say (a simplified E-model, ITU-T G.107).

use std::time::Duration;

/// How often a track is scored.
pub const WINDOW: Duration = Duration::from_secs(5);

/// Share of the difference a new score moves the old one by.
const RISING: f32 = 0.4;
const FALLING: f32 = 0.8;

/// Nothing is wrong.
pub const BEST: f32 = 100.0;

/// Smoothed scores do not fall below this while packets flow.
const FLOOR: f32 = 30.0;

/// No packets although there should be.
const DRY: f32 = 40.0;
/// Nothing at all arrives.
pub const LOST: f32 = 20.0;

/// What one spatial layer less than wanted costs.
const LAYER_COST: f32 = 35.0;

/// How a participant's connection is shown. The numbers are those of the signalling protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Trouble anybody notices.
    Poor = 0,
    /// Some trouble.
    Good = 1,
    /// No trouble.
    Excellent = 2,
    /// Nothing gets through. Clients that see this for long start over, so it is not said lightly.
    Lost = 3,
}

/// How much a lost packet hurts, which depends on what it carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Opus; with in-band FEC some losses are inaudible.
    Opus {
        /// Negotiated `useinbandfec`.
        fec: bool,
    },
    /// Audio with redundancy.
    Red {
        /// Negotiated `useinbandfec` of the audio inside.
        fec: bool,
    },
    /// Any video.
    Video,
}

impl Kind {
    fn loss_weight(self) -> f32 {
        match self {
            Self::Opus { fec: false } => 8.0,
            Self::Opus { fec: true } => 8.0 / 1.5,
            Self::Red { fec: false } => 4.0,
            Self::Red { fec: true } => 4.0 / 1.5,
            Self::Video => 10.0,
        }
    }
}

/// What happened on one track during a [`WINDOW`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Observed {
    /// Packets that should have arrived.
    pub expected: u32,
    /// Packets that did not. Without those already missing upstream, and those merely out of order.
    pub lost: u32,
    /// Largest round trip; `None` for a track from a publisher, which is not blamed for it.
    pub round_trip: Option<Duration>,
    /// Jitter; zero for a track to a subscriber.
    pub jitter: Duration,
    /// Average number of spatial layers missing compared with the wish.
    pub layer_distance: f32,
    /// Whether reports, or anything else from the other side, arrived.
    pub reports: bool,
    /// Muted, disabled, or not asked for by anybody: silence is as it should be.
    pub muted: bool,
    /// Stopped by the server for lack of bandwidth.
    pub paused: bool,
}

/// The score of one track over time.
#[derive(Debug, Clone)]
pub struct Score {
    kind: Kind,
    value: f32,
    usual_packets: f32,
}

impl Score {
    /// Perfect so far.
    pub fn new(kind: Kind) -> Self {
        Self { kind, value: BEST, usual_packets: 0.0 }
    }

    /// The score, 0 (nothing gets through) to 100.
    pub fn value(&self) -> f32 {
        self.value
    }

    /// Takes the next window into account.
    pub fn update(&mut self, seen: &Observed) {
        if seen.muted {
            self.value = BEST;
        } else if seen.paused {
            self.value = FLOOR;
        } else if seen.expected == 0 {
            self.value = if seen.reports { DRY } else { LOST };
        } else {
            let target = self.packet_score(seen).min(layer_score(seen.layer_distance));
            let weight = if target > self.value { RISING } else { FALLING };
            self.value = (self.value + (target - self.value) * weight).clamp(FLOOR, BEST);
        }
    }

    fn packet_score(&mut self, seen: &Observed) -> f32 {
        let packets = seen.expected as f32;
        self.usual_packets = self.usual_packets.max(packets);
        let share_lost = (seen.lost.min(seen.expected)) as f32 / packets * 100.0;
        // One packet of the few that a silent microphone sends is not as bad as the percentage suggests.
        let scale = (packets / self.usual_packets).sqrt();
        100.0 - delay_effect(seen) - share_lost * self.kind.loss_weight() * scale
    }
}

fn delay_effect(seen: &Observed) -> f32 {
    let millis = seen.round_trip.unwrap_or_default().as_secs_f32() * 500.0 + seen.jitter.as_secs_f32() * 2000.0;
    if millis > 160.0 { (millis - 120.0) / 10.0 } else { millis / 40.0 }
}

fn layer_score(distance: f32) -> f32 {
    if distance.is_finite() { 100.0 - LAYER_COST * distance.max(0.0) } else { 0.0 }
}

/// How a score is shown. A participant is as good as the worst of its tracks.
pub fn quality(score: f32) -> Quality {
    if score > 80.0 {
        Quality::Excellent
    } else if score > 40.0 {
        Quality::Good
    } else if score > 20.0 {
        Quality::Poor
    } else {
        Quality::Lost
    }
}

/// The mean opinion score that goes with a score, about 1 to 4.5.
pub fn mean_opinion(score: f32) -> f32 {
    let r = score.clamp(0.0, 100.0);
    1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: Observed = Observed {
        expected: 1000,
        lost: 0,
        round_trip: None,
        jitter: Duration::ZERO,
        layer_distance: 0.0,
        reports: true,
        muted: false,
        paused: false,
    };

    #[test]
    fn a_clean_track_is_excellent() {
        let mut score = Score::new(Kind::Video);

        score.update(&Observed { round_trip: Some(Duration::from_millis(80)), ..CLEAN });

        assert_eq!(quality(score.value()), Quality::Excellent);
        assert!(score.value() > 98.0);
    }

    #[test]
    fn loss_hurts_by_what_was_carried() {
        let lossy = Observed { lost: 40, ..CLEAN };
        let scores = [Kind::Video, Kind::Opus { fec: false }, Kind::Opus { fec: true }, Kind::Red { fec: false }]
            .map(|kind| settle(kind, &lossy));

        for (score, expected) in scores.into_iter().zip([60.0, 68.0, 78.67, 84.0]) {
            assert!((score - expected).abs() < 0.1, "{score} instead of {expected}");
        }
    }

    #[test]
    fn delay_hurts_beyond_the_tolerable() {
        let slow = |millis| Observed { round_trip: Some(Duration::from_millis(millis)), ..CLEAN };

        assert!((settle(Kind::Video, &slow(320)) - 96.0).abs() < 0.1);
        assert!((settle(Kind::Video, &slow(1240)) - 50.0).abs() < 0.1);
    }

    #[test]
    fn a_missing_layer_is_good_at_best() {
        let score = settle(Kind::Video, &Observed { layer_distance: 1.0, ..CLEAN });

        assert!((score - 65.0).abs() < 0.1);
        assert_eq!(quality(score), Quality::Good);
    }

    #[test]
    fn scores_fall_faster_than_they_rise() {
        let mut score = Score::new(Kind::Video);
        score.update(&Observed { layer_distance: 2.0, ..CLEAN });
        assert!((score.value() - 44.0).abs() < 0.1);

        score.update(&CLEAN);

        assert!((score.value() - 66.4).abs() < 0.1);
    }

    #[test]
    fn one_lost_packet_of_a_silent_microphone_is_no_drama() {
        let mut score = Score::new(Kind::Opus { fec: false });
        score.update(&Observed { expected: 250, ..CLEAN });

        score.update(&Observed { expected: 10, lost: 1, ..CLEAN });

        assert!(score.value() > 80.0, "{}", score.value());
    }

    #[test]
    fn silence_is_judged_by_its_cause() {
        let silent = Observed { expected: 0, ..CLEAN };
        let after = |seen: &Observed| {
            let mut score = Score::new(Kind::Video);
            score.update(seen);
            quality(score.value())
        };

        assert_eq!(after(&silent), Quality::Poor);
        assert_eq!(after(&Observed { reports: false, ..silent }), Quality::Lost);
        assert_eq!(after(&Observed { muted: true, reports: false, ..silent }), Quality::Excellent);
        assert_eq!(after(&Observed { paused: true, ..silent }), Quality::Poor);
    }

    #[test]
    fn nonsense_is_survived() {
        let nonsense =
            Observed { expected: 1, lost: u32::MAX, jitter: Duration::MAX, layer_distance: f32::NAN, ..CLEAN };

        let score = settle(Kind::Video, &nonsense);

        assert!((0.0..=100.0).contains(&score));
    }

    #[test]
    fn opinions_follow_scores() {
        assert!((mean_opinion(100.0) - 4.5).abs() < 0.01);
        assert!((mean_opinion(0.0) - 1.0).abs() < 0.01);
    }

    fn settle(kind: Kind, seen: &Observed) -> f32 {
        let mut score = Score::new(kind);
        (0..50).for_each(|_| score.update(seen));
        score.value()
    }
}
