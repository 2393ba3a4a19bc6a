//! What a publisher says of a track of its own once it is there. Everybody is told, as often as they can be; of what is said more often
//! the last word counts, a little later: clients do not look for refusals.

use crate::room::MediaRoom;
use crate::types::{Now, PeerKey, TrackKey};
use std::collections::VecDeque;
use std::mem::discriminant;
use std::time::Instant;
use wire::lk;

/// Most layers that are remembered of what was said before.
const LAYERS: usize = 8;

/// Something of a track changes.
#[derive(Debug)]
pub(crate) enum Change {
    /// Sizes and rates of some of its layers.
    Layers(lk::UpdateVideoLayers),
    /// The size of its pictures.
    Video(lk::UpdateLocalVideoTrack),
    /// What its sound is like.
    Audio(lk::UpdateLocalAudioTrack),
}

impl Change {
    /// Of which track.
    pub(crate) fn sid(&self) -> &str {
        match self {
            Self::Layers(update) => &update.track_sid,
            Self::Video(update) => &update.track_sid,
            Self::Audio(update) => &update.track_sid,
        }
    }

    /// Whether it is about the same thing.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        discriminant(self) == discriminant(other)
    }

    /// Both at once, this one being the later.
    pub(crate) fn after(mut self, before: Self) -> Self {
        if let (Self::Layers(update), Self::Layers(before)) = (&mut self, before) {
            for layer in before.layers.into_iter().take(LAYERS) {
                if update.layers.len() < LAYERS && update.layers.iter().all(|new| new.quality != layer.quality) {
                    update.layers.push(layer);
                }
            }
        }
        self
    }
}

/// What everybody cannot be told of yet, and when that is possible.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    waiting: VecDeque<(TrackKey, Change)>,
    due: Option<Instant>,
}

impl Changes {
    /// When something can be told.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Takes the place of what was said of that before and nobody knows yet.
    fn add(&mut self, key: TrackKey, change: Change) {
        let before = self.waiting.iter().position(|(of, before)| *of == key && before.is_like(&change));
        let change = match before.and_then(|index| self.waiting.remove(index)) {
            Some((_, before)) => change.after(before),
            None => change,
        };
        self.waiting.push_back((key, change));
    }
}

impl MediaRoom {
    /// A participant says something of a track.
    pub(crate) fn change(&mut self, peer: PeerKey, change: Change, now: Now) {
        let Some(key) = self.own_track(peer, change.sid()) else { return };
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.changes.add(key, change);
            self.apply_changes(peer, now);
        }
    }

    /// Changes what everybody can be told of, and looks again when that is more.
    pub(crate) fn apply_changes(&mut self, peer: PeerKey, now: Now) {
        while let Some(participant) = self.participants.get_mut(&peer) {
            participant.changes.due = None;
            if participant.changes.waiting.is_empty() {
                return;
            }
            if let Err(due) = participant.limits.broadcasts.charge(1.0, now.at) {
                participant.changes.due = Some(due);
                return;
            }
            match participant.changes.waiting.pop_front() {
                Some((_, Change::Layers(update))) => self.update_layers(peer, &update),
                Some((_, Change::Video(update))) => self.update_video_track(peer, &update),
                Some((_, Change::Audio(update))) => self.update_audio_track(peer, &update),
                None => {}
            }
            self.charge_for_length(peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(of: &[(i32, u32)]) -> Change {
        let layer =
            |(quality, width): &(i32, u32)| lk::VideoLayer { quality: *quality, width: *width, ..Default::default() };
        Change::Layers(lk::UpdateVideoLayers { track_sid: "TR".into(), layers: of.iter().map(layer).collect() })
    }

    #[test]
    fn layers_of_which_nothing_new_is_said_stay_as_they_were_said_to_be() {
        let Change::Layers(both) = layers(&[(2, 1280)]).after(layers(&[(0, 320), (2, 640)])) else { panic!("layers") };
        let widths: Vec<_> = both.layers.iter().map(|layer| (layer.quality, layer.width)).collect();
        assert_eq!(widths, [(2, 1280), (0, 320)]);

        let mut all = layers(&[]);
        for quality in 0..100 {
            all = layers(&[(quality, 1)]).after(all);
        }
        assert!(matches!(all, Change::Layers(update) if update.layers.len() == LAYERS));
    }
}
