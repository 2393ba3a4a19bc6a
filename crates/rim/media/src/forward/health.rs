//! How everybody's connection did in a window, over all their tracks.

use super::Forward;
use sfu::diary::{Health, LEAST_PACKETS};
use sfu::quality::Observed;
use signal::PeerKey;
use std::collections::BTreeMap;

/// By participant, collected while the windows of tracks are closed.
#[derive(Debug, Default)]
pub(crate) struct Healths(BTreeMap<PeerKey, Health>);

impl Healths {
    /// A track from a participant. What is meant to be silent says nothing.
    pub(super) fn up(&mut self, peer: PeerKey, seen: &Observed) {
        let health = self.0.entry(peer).or_default();
        if !seen.muted {
            worse(&mut health.up, seen);
        }
    }

    /// A track to a participant.
    pub(super) fn down(&mut self, peer: PeerKey, seen: &Observed) {
        let health = self.0.entry(peer).or_default();
        if seen.paused {
            health.withheld = health.withheld.saturating_add(1);
        }
        if !seen.muted && !seen.paused {
            worse(&mut health.down, seen);
            health.round_trip = health.round_trip.max(seen.round_trip);
        }
    }
}

/// The line is as bad as the worst of its tracks: losses of pictures are repaired before they are counted, those of sound are
/// not. Tracks that send next to nothing say nothing.
fn worse(worst: &mut (u32, u32), seen: &Observed) {
    let share = |(expected, lost): (u32, u32)| u64::from(lost) * 1000 / u64::from(expected.max(1));
    let this = (seen.expected, seen.lost);
    if seen.expected >= LEAST_PACKETS && (worst.0 == 0 || share(this) > share(*worst)) {
        *worst = this;
    }
}

impl Forward {
    /// What the windows that were just closed showed.
    pub(crate) fn take_healths(&mut self) -> BTreeMap<PeerKey, Health> {
        std::mem::take(&mut self.healths.0)
    }
}
