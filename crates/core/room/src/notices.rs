//! What other people's servers are told about a meeting (http-api.md section 5.2). The room says what happened; who is
//! told, where and how often is the owner's business.

use model::media::Trouble;
use model::{Identity, UserId};
use wire::{livekit, pnm};

use crate::output::{Moment, Output};
use crate::state::Room;

/// Something to tell other servers.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// What happened, e.g. `room_created`.
    pub event: &'static str,
    /// All of it.
    pub body: pnm::CommonNotifyEvent,
}

/// What somebody did on the media plane.
#[derive(Debug, Clone, PartialEq)]
pub struct OnMedia {
    /// Who.
    pub who: Identity,
    /// What.
    pub what: MediaStep,
    /// How others see them now, if that is known.
    pub participant: Option<livekit::ParticipantInfo>,
    /// The track it is about, if it is about one.
    pub track: Option<livekit::TrackInfo>,
    /// As whose message, if another media server said so.
    pub forwarded: Option<Forwarded>,
}

/// What a message of another media server is passed on as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarded {
    /// Its id.
    pub id: String,
    /// Unix seconds.
    pub created_at: i64,
}

/// A step on the media plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaStep {
    /// Media flows for the first time.
    Joined,
    /// Gone.
    Left,
    /// A track is out.
    Published,
    /// A track is gone.
    Unpublished,
    /// A track was muted or unmuted.
    Muted,
    /// They spoke, for so many milliseconds.
    Spoke {
        /// Milliseconds.
        millis: u32,
    },
    /// Something was wrong with their connection.
    Troubled(Trouble),
}

impl Room {
    /// The media plane of our own has a room for this session, or no longer has it: until then it may tell what people did
    /// in it. Another media server tells nothing that would be worth waiting for.
    pub const fn note_media(&mut self, is_open: bool) {
        self.media_is_open = is_open;
    }

    /// Somebody did something on the media plane, or their native twin.
    pub fn on_media(&mut self, now: Moment, step: OnMedia) {
        self.record_media(now, &step);
        self.follow_media(now, &step);
        self.tell_media(now, step);
    }

    /// Whose media an identity has, and whether as their native twin.
    pub(crate) fn owner_of(&self, who: &Identity) -> Option<(UserId, bool)> {
        let owner = who.twin_of();
        let person = self.people.get(owner.as_ref().unwrap_or(who).as_str())?;
        Some((person.id.clone(), owner.is_some()))
    }

    /// The session began to exist.
    pub(crate) fn notify_created(&mut self, now: Moment) {
        let room = pnm::NotifyEventRoom { num_participants: None, ..self.notified_room() };
        self.notify_about_room(now, "room_created", room);
    }

    /// Somebody came for the first time.
    pub(crate) fn notify_started(&mut self, now: Moment, forwarded: Option<Forwarded>) {
        let room = self.notified_room();
        let body = pnm::CommonNotifyEvent {
            room: Some(room),
            id: forwarded.as_ref().map(|message| message.id.clone()),
            created_at: forwarded.map(|message| message.created_at),
            ..pnm::CommonNotifyEvent::default()
        };
        self.notify_outside(now, "room_started", body);
    }

    /// It is over: once for the meeting, once for its media room.
    pub(crate) fn notify_over(&mut self, now: Moment) {
        let whole = self.notified_room();
        let room = pnm::NotifyEventRoom {
            sid: whole.sid.clone(),
            room_id: whole.room_id.clone(),
            metadata: whole.metadata.clone(),
            creation_time: whole.creation_time,
            ..pnm::NotifyEventRoom::default()
        };
        self.notify_about_room(now, "session_ended", room);
        self.tell_all_gone(now);
        self.notify_about_room(now, "room_finished", whole);
    }

    fn notify_about_room(&mut self, now: Moment, event: &'static str, room: pnm::NotifyEventRoom) {
        self.notify_outside(
            now,
            event,
            pnm::CommonNotifyEvent { room: Some(room), ..pnm::CommonNotifyEvent::default() },
        );
    }

    pub(crate) fn notify_outside(&mut self, now: Moment, event: &'static str, body: pnm::CommonNotifyEvent) {
        let body = pnm::CommonNotifyEvent {
            event: Some(event.into()),
            id: Some(body.id.unwrap_or_else(|| self.ids.uuid())),
            created_at: Some(body.created_at.unwrap_or(now.unix_ms / 1000)),
            ..body
        };
        self.outputs.push_back(Output::Notify(Box::new(Notification { event, body })));
    }

    pub(crate) fn notified_room(&mut self) -> pnm::NotifyEventRoom {
        let online = self.people.values().filter(|person| person.is_online() && !person.hidden).count();
        pnm::NotifyEventRoom {
            sid: Some(self.session.to_string()),
            room_id: Some(self.id.to_string()),
            empty_timeout: Some(self.life.empty_timeout.unwrap_or(1800)),
            max_participants: Some(self.max_participants).filter(|most| *most > 0),
            creation_time: u64::try_from(self.created_ms / 1000).ok(),
            metadata: Some(self.views.full(&self.metadata).to_string()),
            num_participants: u32::try_from(online).ok(),
            ..pnm::NotifyEventRoom::default()
        }
    }
}
