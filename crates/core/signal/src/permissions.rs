//! What a client is told of the tracks it wants: whether it may receive them (media-protocol.md section 9.3).
//!
//! One message is about one track, and one decision may be about hundreds: a rule of the meeting, the audience of somebody
//! with many tracks. So nothing is said at once. A moment later what is true then is said of those of whom the client
//! believes something else, some at a time; what changed and changed back is never said.

use crate::participant::Participant;
use crate::room::MediaRoom;
use crate::types::{Now, PeerKey, TrackKey};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use wire::lk;
use wire::lk::signal_response::Message as Response;

/// How long changes are gathered.
const GATHERING: Duration = Duration::from_millis(50);

/// Most tracks that are said at a time, a fraction of what waits for a signalling socket at most, and when the next are.
const BATCH: usize = 32;
const PAUSE: Duration = Duration::from_millis(250);

/// What a client believes of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Refused,
    Allowed,
    /// Whatever was said went over a socket that is gone.
    Unsure,
}

/// What one client was told, and when it will be told more.
#[derive(Debug, Default)]
pub(crate) struct Permissions {
    /// Of tracks that were refused once; clients take all others for allowed.
    told: BTreeMap<TrackKey, Told>,
    due: Option<Instant>,
}

impl Permissions {
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// There is another socket, and nobody knows what was read of the one before.
    pub(crate) fn doubt(&mut self) {
        self.told.values_mut().for_each(|told| *told = Told::Unsure);
    }

    /// The track is gone.
    pub(crate) fn forget(&mut self, track: TrackKey) {
        self.told.remove(&track);
    }
}

impl Participant {
    /// Of which tracks the client believes what is not so. What it does not want may be either.
    fn untold(&self) -> impl Iterator<Item = (TrackKey, Told)> {
        let told = &self.permissions.told;
        let refused = self.parked.iter().filter(|track| told.get(track) != Some(&Told::Refused));
        let allowed =
            told.iter().filter(|(track, told)| **told != Told::Allowed && self.subscriptions.contains_key(track));
        refused.map(|track| (*track, Told::Refused)).chain(allowed.map(|(track, _)| (*track, Told::Allowed)))
    }
}

impl MediaRoom {
    /// What somebody may receive changed. Whoever is connecting is told afterwards: clients lose what is said of others' tracks
    /// while they still take the answer to their join in.
    pub(crate) fn permissions_changed(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        if participant.was_active && participant.linked && participant.untold().next().is_some() {
            participant.permissions.due.get_or_insert(now.at + GATHERING);
        }
    }

    /// Tells the next.
    pub(crate) fn tell_permissions(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.permissions.due = None;
        if !participant.linked {
            return;
        }
        let news: Vec<_> = participant.untold().take(BATCH).collect();
        participant.permissions.told.extend(news.iter().copied());
        let more = participant.untold().next().is_some();
        participant.permissions.due = more.then(|| now.at + PAUSE);
        for (key, told) in news {
            let Some(track) = self.tracks.get(&key) else { continue };
            let Some(owner) = self.participants.get(&track.owner) else { continue };
            let update = lk::SubscriptionPermissionUpdate {
                participant_sid: owner.sid().to_owned(),
                track_sid: track.sid().to_owned(),
                allowed: told == Told::Allowed,
            };
            self.send(peer, Response::SubscriptionPermissionUpdate(update));
        }
    }
}
