//! What other servers were told to have begun on the media plane: who is connected, and their tracks (http-api.md section
//! 5.2).
//!
//! Media planes tell of tracks before they tell of whose they are, and a process that is killed tells no end. So nothing of
//! somebody is passed on before they are, and what was passed on is in the journal until its end is: every
//! `participant_joined` and `track_published` has one, once.

use std::time::Instant;

use bytes::Bytes;
use model::UserId;
use prost::Message;
use wire::livekit::participant_info::State;
use wire::livekit::{DisconnectReason, ParticipantInfo, TrackInfo};
use wire::pnm;

use crate::journal::Entry;
use crate::notices::{Forwarded, MediaStep, OnMedia};
use crate::output::Moment;
use crate::rules;
use crate::state::Room;

/// Begins the key of the journal's entry of each person.
pub(crate) const MEDIA_PREFIX: &str = "media.";
/// Most tracks of somebody that are told of at a time; our own media plane takes 32.
const MAX_TRACKS: usize = 64;
/// Longest description of somebody, or of a track, that is kept, in bytes; of a longer one names are.
const MAX_ABOUT: usize = 8 << 10;

/// What was told of somebody, and what waits to be.
#[derive(Debug, Default)]
pub(crate) struct Told {
    kept: Kept,
    /// Tracks of a connection that is not told of yet.
    waiting: Vec<Published>,
    /// A process before this one told it. Perhaps the connection went with it, and nobody will say so.
    is_former: bool,
}

/// What the journal keeps.
#[derive(Clone, PartialEq, Message)]
struct Kept {
    /// The connection that is there, without metadata; `None` if none is.
    #[prost(message, optional, tag = "1")]
    participant: Option<ParticipantInfo>,
    /// Its tracks.
    #[prost(message, repeated, tag = "2")]
    tracks: Vec<TrackInfo>,
}

/// A track that began.
#[derive(Debug)]
struct Published {
    by_twin: bool,
    participant: Option<ParticipantInfo>,
    track: Option<TrackInfo>,
    forwarded: Option<Forwarded>,
}

impl Published {
    fn sid(&self) -> &str {
        sid_of(self.track.as_ref())
    }
}

impl Told {
    /// As an earlier process wrote it down.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn restored(value: &Bytes) -> Result<Self, prost::DecodeError> {
        Ok(Self { kept: Kept::decode(value.clone())?, waiting: Vec::new(), is_former: true })
    }

    /// Whether a step is one of the connection that is there. Whose sid nobody knows is.
    fn is_of(&self, participant: Option<&ParticipantInfo>) -> bool {
        let of = participant.map_or("", |participant| participant.sid.as_str());
        self.kept.participant.as_ref().is_some_and(|known| of.is_empty() || known.sid.is_empty() || known.sid == of)
    }

    fn is_empty(&self) -> bool {
        self.kept == Kept::default() && self.waiting.is_empty()
    }
}

fn sid_of(track: Option<&TrackInfo>) -> &str {
    track.map_or("", |track| track.sid.as_str())
}

/// What is kept of somebody: the meeting knows their metadata.
fn noted(participant: &ParticipantInfo) -> ParticipantInfo {
    let kept = ParticipantInfo { metadata: String::new(), tracks: Vec::new(), ..participant.clone() };
    if kept.encoded_len() <= MAX_ABOUT {
        return kept;
    }
    let ParticipantInfo { sid, identity, joined_at, joined_at_ms, kind, .. } = kept;
    ParticipantInfo { sid, identity, joined_at, joined_at_ms, kind, ..ParticipantInfo::default() }
}

fn noted_track(track: &TrackInfo) -> TrackInfo {
    if track.encoded_len() <= MAX_ABOUT {
        return track.clone();
    }
    TrackInfo { sid: track.sid.clone(), r#type: track.r#type, source: track.source, ..TrackInfo::default() }
}

impl Room {
    /// Tells other servers what somebody did on the media plane. What hidden people and bots do is nobody's business. A native
    /// twin comes and goes unnoticed, and its tracks are its owner's.
    pub(crate) fn tell_media(&mut self, now: Moment, step: OnMedia) {
        let Some((user, by_twin)) = self.owner_of(&step.who) else { return };
        let OnMedia { what, participant, track, forwarded, .. } = step;
        match what {
            MediaStep::Joined if !by_twin => self.tell_joined(now, &user, participant, forwarded),
            MediaStep::Left if !by_twin => self.tell_left(now, &user, participant, forwarded),
            MediaStep::Published => {
                self.tell_published(now, &user, Published { by_twin, participant, track, forwarded });
            }
            MediaStep::Unpublished => {
                self.tell_unpublished(now, &user, Published { by_twin, participant, track, forwarded });
            }
            MediaStep::Joined
            | MediaStep::Left
            | MediaStep::Muted
            | MediaStep::Spoke { .. }
            | MediaStep::Troubled(_) => return,
        }
        self.tidy_told(&user);
    }

    fn is_told_of(&self, user: &UserId) -> bool {
        !rules::BOTS.contains(&user.as_str()) && self.people.get(user).is_some_and(|person| !person.hidden)
    }

    fn tell_joined(
        &mut self,
        now: Moment,
        user: &UserId,
        participant: Option<ParticipantInfo>,
        forwarded: Option<Forwarded>,
    ) {
        let sid = participant.as_ref().map(|participant| participant.sid.clone()).unwrap_or_default();
        if let Some(told) = self.told.get(user)
            && let Some(known) = &told.kept.participant
        {
            if !sid.is_empty() && known.sid == sid {
                return;
            }
            let went =
                if told.is_former { DisconnectReason::ServerShutdown } else { DisconnectReason::DuplicateIdentity };
            self.tell_end(now, user, went);
        }
        if !self.is_told_of(user) {
            return;
        }
        self.told_before.remove(user);
        let told = self.told.entry(user.clone()).or_default();
        told.is_former = false;
        told.kept.participant = Some(participant.as_ref().map(noted).unwrap_or_default());
        let waiting = std::mem::take(&mut told.waiting);
        self.keep_told(user);
        self.say(now, "participant_joined", user, Said { participant, track: None, forwarded });
        for published in waiting {
            let of = published.participant.as_ref().map_or("", |participant| participant.sid.as_str());
            // What a connection before this one left waiting is over.
            if published.by_twin || of == sid {
                self.tell_published(now, user, published);
            }
        }
    }

    fn tell_published(&mut self, now: Moment, user: &UserId, published: Published) {
        if !self.is_told_of(user) {
            return;
        }
        let connection = published.participant.as_ref().filter(|_| !published.by_twin);
        let is_there = |told: &Told| told.is_of(connection);
        if !self.told.get(user).is_some_and(is_there) {
            let Some(there) = self.proof_of(&published) else {
                let waiting = &mut self.told.entry(user.clone()).or_default().waiting;
                if waiting.len() < MAX_TRACKS {
                    waiting.push(published);
                }
                return;
            };
            if self.told_before.remove(user) {
                self.told.entry(user.clone()).or_default().kept.participant = Some(noted(&there.0));
            } else {
                self.tell_joined(now, user, Some(there.0), Some(there.1));
            }
        }
        let Some(told) = self.told.get_mut(user) else { return };
        let is_known = told.kept.tracks.iter().any(|known| known.sid == published.sid());
        if is_known || told.kept.tracks.len() >= MAX_TRACKS {
            return;
        }
        told.kept.tracks.extend(published.track.as_ref().map(noted_track));
        self.keep_told(user);
        let Published { participant, track, forwarded, .. } = published;
        self.say(now, "track_published", user, Said { participant, track, forwarded });
    }

    /// Whoever publishes is there, as another media server says it, also if what it told of their coming got lost. Our own loses
    /// nothing, and announces tracks of those whose media never comes up.
    fn proof_of(&mut self, published: &Published) -> Option<(ParticipantInfo, Forwarded)> {
        let participant = published.participant.as_ref().filter(|known| !published.by_twin && !known.sid.is_empty())?;
        let created_at = published.forwarded.as_ref()?.created_at;
        Some((participant.clone(), Forwarded { id: self.ids.uuid(), created_at }))
    }

    fn tell_unpublished(&mut self, now: Moment, user: &UserId, ended: Published) {
        if ended.forwarded.is_some() && self.told_before.contains(user) && self.is_told_of(user) {
            let Published { participant, track, forwarded, .. } = ended;
            return self.say(now, "track_unpublished", user, Said { participant, track, forwarded });
        }
        let Some(told) = self.told.get_mut(user) else { return };
        told.waiting.retain(|waiting| waiting.sid() != ended.sid());
        let before = told.kept.tracks.len();
        told.kept.tracks.retain(|known| known.sid != ended.sid());
        if told.kept.tracks.len() == before {
            return;
        }
        self.keep_told(user);
        let Published { participant, track, forwarded, .. } = ended;
        self.say(now, "track_unpublished", user, Said { participant, track, forwarded });
    }

    fn tell_left(
        &mut self,
        now: Moment,
        user: &UserId,
        participant: Option<ParticipantInfo>,
        forwarded: Option<Forwarded>,
    ) {
        if forwarded.is_some() && self.told_before.remove(user) && self.is_told_of(user) {
            return self.say(now, "participant_left", user, Said { participant, track: None, forwarded });
        }
        let Some(told) = self.told.get_mut(user) else { return };
        if told.kept.participant.is_none() {
            told.waiting.clear();
        }
        if told.is_of(participant.as_ref()) {
            self.tell_gone(now, user, participant, forwarded);
        }
    }

    /// Somebody's connection is over, which the media plane did not say, or has not yet. What it says of it afterwards is told to
    /// nobody.
    fn tell_end(&mut self, now: Moment, user: &UserId, why: DisconnectReason) {
        let Some(known) = self.told.get(user).and_then(|told| told.kept.participant.clone()) else { return };
        let gone = ParticipantInfo { disconnect_reason: why.into(), state: State::Disconnected.into(), ..known };
        self.tell_gone(now, user, Some(gone), None);
    }

    /// Their tracks are gone as well, whether that was said or not.
    fn tell_gone(
        &mut self,
        now: Moment,
        user: &UserId,
        participant: Option<ParticipantInfo>,
        forwarded: Option<Forwarded>,
    ) {
        let Some(told) = self.told.get_mut(user) else { return };
        let Kept { participant: known, tracks } = std::mem::take(&mut told.kept);
        self.keep_told(user);
        let gone = |known| ParticipantInfo { state: State::Disconnected.into(), ..known };
        let participant = participant.or_else(|| known.map(gone));
        for track in tracks {
            let said = Said { participant: participant.clone(), track: Some(track), forwarded: None };
            self.say(now, "track_unpublished", user, said);
        }
        self.say(now, "participant_left", user, Said { participant, track: None, forwarded });
    }

    /// Somebody is gone from the meeting, and from its media. Whose connection this process knows of is told to be gone when it
    /// is.
    pub(crate) fn tell_former_gone(&mut self, now: Moment, user: &UserId) {
        if self.told.get(user).is_some_and(|told| told.is_former) {
            self.tell_end(now, user, DisconnectReason::ServerShutdown);
            self.tidy_told(user);
        }
    }

    /// The time is over in which people come back after a restart. Whoever is about has a grace of their own.
    pub(crate) fn told_timeouts(&mut self, now: Moment) {
        if self.told_due.is_none_or(|due| now.at < due) {
            return;
        }
        self.told_due = None;
        let is_about = |user: &UserId| self.people.get(user).is_some_and(crate::person::Person::is_around);
        let gone: Vec<UserId> = self.told.keys().filter(|user| !is_about(user)).cloned().collect();
        for user in gone {
            self.tell_former_gone(now, &user);
        }
    }

    /// The meeting is over, and its media room with it.
    pub(crate) fn tell_all_gone(&mut self, now: Moment) {
        for user in self.told.keys().cloned().collect::<Vec<_>>() {
            self.tell_end(now, &user, DisconnectReason::RoomDeleted);
        }
        self.told.clear();
    }

    /// When to call [`Self::told_timeouts`].
    pub(crate) const fn told_timeout(&self) -> Option<Instant> {
        self.told_due
    }

    fn keep_told(&mut self, user: &UserId) {
        let kept = self.told.get(user).map(|told| &told.kept).filter(|kept| **kept != Kept::default());
        let value = kept.map(|kept| kept.encode_to_vec().into());
        self.store(Entry { key: format!("{MEDIA_PREFIX}{user}"), value });
    }

    fn tidy_told(&mut self, user: &UserId) {
        if self.told.get(user).is_some_and(Told::is_empty) {
            self.told.remove(user);
        }
    }

    /// `participant` gets the metadata that the meeting has of them.
    fn say(&mut self, now: Moment, event: &'static str, user: &UserId, said: Said) {
        let metadata = self.people.get(user).map(|person| wire::json::encode(&person.metadata)).unwrap_or_default();
        let participant = said.participant.map(|participant| ParticipantInfo { metadata, ..participant });
        let room = self.notified_room();
        self.notify_outside(
            now,
            event,
            pnm::CommonNotifyEvent {
                room: Some(room),
                participant,
                track: said.track,
                id: said.forwarded.as_ref().map(|message| message.id.clone()),
                created_at: said.forwarded.map(|message| message.created_at),
                ..pnm::CommonNotifyEvent::default()
            },
        );
    }
}

/// What an event is about.
struct Said {
    participant: Option<ParticipantInfo>,
    track: Option<TrackInfo>,
    forwarded: Option<Forwarded>,
}
