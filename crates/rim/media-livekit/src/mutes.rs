//! Tracks that are to be muted, and are not yet as far as anybody knows.
//!
//! A mute is about a track as it was when it was ordered. So it waits a minute at most, and for that track alone: not for one
//! that its owner started since, nor for one that was seen muted, since whoever is heard after that turned it on again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::{Identity, RoomId};
use ports::media::TrackChoice;
use tokio::time::Instant;
use wire::lk;

use crate::client::{Client, Refusal};
use crate::told::{admin, number};

/// How long a mute is worth anything.
const LIFE: Duration = Duration::from_secs(60);

/// Most mutes of a room that wait; the oldest make room.
const MAX_WAITING: usize = 10_000;

/// An order to mute.
#[derive(Debug, Clone)]
pub(crate) struct Mute {
    who: Identity,
    track: TrackChoice,
    /// When it was ordered, unix microseconds.
    at: i64,
    until: Instant,
}

impl Mute {
    /// Ordered now.
    pub(crate) fn new(who: Identity, track: TrackChoice) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        Self { who, track, at, until: Instant::now() + LIFE }
    }

    /// The same, now that it is known which track that is.
    pub(crate) fn of_sid(&self, sid: &str) -> Self {
        Self { track: TrackChoice::Sid(sid.to_owned()), ..self.clone() }
    }

    /// Whether it is about this participant, who may be the native twin of whoever is to be muted.
    pub(crate) fn is_of(&self, one: &lk::ParticipantInfo) -> bool {
        one.identity == self.who.as_str() || self.who.twin().is_some_and(|twin| one.identity == twin.as_str())
    }

    /// The tracks of a participant that it is about.
    pub(crate) fn find_tracks<'a>(&self, one: &'a lk::ParticipantInfo) -> Vec<&'a lk::TrackInfo> {
        let is_chosen = |track: &&lk::TrackInfo| match &self.track {
            TrackChoice::Sid(sid) => track.sid == *sid,
            TrackChoice::Source(source) => track.source == i32::from(number(*source)),
        };
        one.tracks.iter().filter(is_chosen).collect()
    }

    /// The same later: what began since is something else.
    pub(crate) fn find_tracks_then<'a>(&self, one: &'a lk::ParticipantInfo) -> Vec<&'a lk::TrackInfo> {
        let mut found = self.find_tracks(one);
        if matches!(self.track, TrackChoice::Source(_)) {
            let is_known = |at: i64| at <= self.at;
            found.retain(|track| track.version.as_ref().is_none_or(|version| is_known(version.unix_micro)));
            if one.joined_at > self.at / 1_000_000 {
                found.clear();
            }
        }
        found
    }
}

/// The mutes that wait.
#[derive(Debug, Default)]
pub(crate) struct Mutes(Mutex<HashMap<RoomId, Vec<Mute>>>);

impl Mutes {
    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Vec<Mute>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server did not answer to it. How many others will not be carried out for that.
    pub(crate) fn note(&self, room: &RoomId, mute: Mute) -> u64 {
        let mut rooms = self.rooms();
        let waiting = rooms.entry(room.clone()).or_default();
        waiting.retain(|known| (&known.who, &known.track) != (&mute.who, &mute.track));
        waiting.push(mute);
        let too_many = waiting.len().saturating_sub(MAX_WAITING);
        waiting.drain(..too_many);
        too_many as u64
    }

    /// Takes those of a room to carry them out, and how many are too old for that.
    pub(crate) fn take(&self, room: &RoomId) -> (Vec<Mute>, u64) {
        let mut waiting = self.rooms().remove(room).unwrap_or_default();
        let all = waiting.len();
        let now = Instant::now();
        waiting.retain(|mute| mute.until > now);
        let expired = (all - waiting.len()) as u64;
        (waiting, expired)
    }

    /// They were not carried out after all. An order that came meanwhile is the newer one.
    pub(crate) fn put_back(&self, room: &RoomId, mutes: Vec<Mute>) {
        if mutes.is_empty() {
            return;
        }
        let mut rooms = self.rooms();
        let waiting = rooms.entry(room.clone()).or_default();
        for mute in mutes {
            if !waiting.iter().any(|known| (&known.who, &known.track) == (&mute.who, &mute.track)) {
                waiting.push(mute);
            }
        }
    }

    /// The meeting is over.
    pub(crate) fn forget(&self, room: &RoomId) {
        self.rooms().remove(room);
    }
}

/// Mutes a track of a participant.
///
/// # Errors
/// Why it is not muted.
pub(crate) async fn mute_track(
    client: &Client,
    room: &RoomId,
    one: &lk::ParticipantInfo,
    track: &lk::TrackInfo,
) -> Result<(), Refusal> {
    let request = lk::MuteRoomTrackRequest {
        room: room.to_string(),
        identity: one.identity.clone(),
        track_sid: track.sid.clone(),
        muted: true,
    };
    client.call::<lk::MuteRoomTrackResponse>("MutePublishedTrack", admin(room), &request).await.map(drop)
}
