//! Which pictures a client does not get for want of bandwidth (media-protocol.md sections 12.4 and 16.6).
//!
//! Many tracks pause at the same moment, when a line becomes narrow; one message tells of all of them.

use crate::room::MediaRoom;
use crate::types::{Kind, PeerKey, TrackKey};
use wire::lk;
use wire::lk::signal_response::Message as Response;

impl MediaRoom {
    /// For want of bandwidth a subscriber gets nothing of a track, or again something. It is told when everything else that
    /// is to be done now has been handed out.
    pub fn stream_state(&mut self, peer: PeerKey, key: TrackKey, paused: bool) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        if !participant.subscriptions.contains_key(&key) {
            return;
        }
        let changed = if paused { participant.paused.insert(key) } else { participant.paused.remove(&key) };
        if changed {
            self.states.entry(peer).or_default().insert(key);
        }
    }

    /// Hands out what is to be told of states.
    pub(crate) fn tell_states(&mut self) {
        for (peer, tracks) in std::mem::take(&mut self.states) {
            self.send_states(peer, tracks.into_iter().collect());
        }
    }

    /// Tells one participant of all pictures it gets whether they are paused.
    pub(crate) fn repeat_states(&mut self, peer: PeerKey) {
        self.states.remove(&peer);
        let Some(participant) = self.participants.get(&peer) else { return };
        let pictures = |key: &TrackKey| self.tracks.get(key).is_some_and(|track| track.kind == Kind::Video);
        let tracks = participant.subscriptions.keys().copied().filter(pictures).collect();
        self.send_states(peer, tracks);
    }

    fn send_states(&mut self, peer: PeerKey, tracks: Vec<TrackKey>) {
        let Some(participant) = self.participants.get(&peer) else { return };
        let state = |key: &TrackKey| {
            let track = self.tracks.get(key).filter(|_| participant.subscriptions.contains_key(key))?;
            let owner = self.participants.get(&track.owner)?;
            let paused = participant.paused.contains(key);
            Some(lk::StreamStateInfo {
                participant_sid: owner.sid().to_owned(),
                track_sid: track.sid().to_owned(),
                state: if paused { lk::StreamState::Paused } else { lk::StreamState::Active }.into(),
            })
        };
        let stream_states: Vec<_> = tracks.iter().filter_map(state).collect();
        if !stream_states.is_empty() {
            self.send(peer, Response::StreamStateUpdate(lk::StreamStateUpdate { stream_states }));
        }
    }
}
