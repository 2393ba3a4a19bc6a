//! What comes into a meeting from applications, recorders and other media servers.

use model::media::MediaPermission;
use model::{Identity, RoomId, SessionId, UserId};
use ports::media::MediaPlane;
use ports::store::{SessionRecord, StoreError};
use room::{Announcement, Audience, BroadcastRefusal, Forwarded, MediaStep, Notification, OnMedia, RecorderReport};
use uuid::Uuid;
use wire::livekit::{ParticipantInfo, TrackInfo};
use wire::pnm;

use crate::actor::{Letter, RoomHandle, Silence, now};
use crate::meetings::{Meetings, Unavailable};
use crate::outside_media::{About, Ending};

/// Why an announcement was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BroadcastError {
    /// There is no such room. The text is the reference's.
    #[error("room not found")]
    NoRoom,
    /// The room said no.
    #[error(transparent)]
    Refused(#[from] BroadcastRefusal),
    /// The room does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why what a recorder said was not passed on. It says it again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReportError {
    /// The room does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The session is over, and the outbox cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Meetings {
    /// Says something in a room in the name of the application (http-api.md section 2.8).
    ///
    /// # Errors
    /// Why nobody was told.
    pub async fn broadcast(&self, room: &str, audience: Audience, what: Announcement) -> Result<(), BroadcastError> {
        let handle = self.find(room).ok_or(BroadcastError::NoRoom)?;
        match handle.write(move |room, now| room.broadcast(now, &audience, what)).await {
            Ok(done) => Ok(done?),
            Err(Silence::Over) => Err(BroadcastError::NoRoom),
            Err(Silence::Stuck) => Err(Unavailable.into()),
        }
    }

    /// Passes on what a recorder said about a session, to the room if that runs and to other servers in any case
    /// (http-api.md section 3.4).
    ///
    /// # Errors
    /// When neither can be told.
    pub async fn on_recorder(&self, record: &SessionRecord, report: RecorderReport) -> Result<(), ReportError> {
        let about = &record.session;
        let running = self.find(about.room.as_str()).filter(|handle| *handle.session() == about.session);
        if let Some(handle) = running {
            let told = report.clone();
            match handle.write(move |room, now| room.on_recorder(now, told)).await {
                Ok(()) => return Ok(()),
                Err(Silence::Stuck) => return Err(Unavailable.into()),
                Err(Silence::Over) => {}
            }
        }
        self.report_afterwards(&about.room, &about.session, &about.webhook_url, report).await?;
        Ok(())
    }

    /// A file is often ready when its session is long over.
    async fn report_afterwards(
        &self,
        room: &RoomId,
        session: &SessionId,
        webhook_url: &str,
        report: RecorderReport,
    ) -> Result<(), StoreError> {
        let around = &self.0.around;
        let event = report.event();
        let body = pnm::CommonNotifyEvent {
            event: Some(event.into()),
            room: Some(pnm::NotifyEventRoom {
                sid: Some(session.to_string()),
                room_id: Some(room.to_string()),
                ..pnm::NotifyEventRoom::default()
            }),
            recording_info: Some(report.recording),
            id: Some(Uuid::new_v4().to_string()),
            created_at: Some(now().unix_ms / 1000),
            ..pnm::CommonNotifyEvent::default()
        };
        let notices = around.webhooks.notices(room, session, Some(webhook_url), &Notification { event, body });
        if !notices.is_empty() {
            around.state.commit_with(session, Vec::new(), notices).await?;
            around.webhooks.news.notify_one();
        }
        Ok(())
    }

    /// Whether another media server tells of this for the first time; it repeats what it is not sure was heard. What has no id is
    /// new.
    pub fn is_news(&self, message: &Forwarded) -> bool {
        self.0.outside.is_new(&message.id)
    }

    /// Another media server opened a room that runs here; `sid` tells it from others of the name. Whether there is one.
    pub async fn on_media_opened(&self, room: &str, sid: &str, message: Forwarded) -> bool {
        let Some(handle) = self.find(room) else { return false };
        if !self.0.outside.opened(handle.id(), handle.session(), sid, message.created_at) {
            return true;
        }
        handle.write(move |room, now| room.on_media_opened(now, message)).await.is_ok()
    }

    /// The media server of our own meetings opened a room that none of them has, as with a token of one that is over. One
    /// that the API made there, which `sid` tells from others of the name, stays.
    pub fn close_stray_media(&self, room: &str, sid: &str) {
        if self.0.around.credentials.media_server.is_some()
            && let Ok(room) = RoomId::try_from(room)
            && !self.0.api_rooms.opened(&room, sid)
        {
            self.0.around.media.close_room(&room);
        }
    }

    /// Another media server closed a room: the meeting ends whose own that was, by its `sid`. Of a meeting that this process
    /// took up, and of whose room nobody told it, only the time is known: it ends if it is older than that.
    pub async fn on_media_closed(&self, room: &str, sid: &str, closed_at: i64) {
        if RoomId::try_from(room).is_ok_and(|room| self.0.api_rooms.closed(&room, sid)) {
            return;
        }
        let Some(handle) = self.find(room) else { return };
        let ends = match self.0.outside.closed(handle.id(), handle.session(), sid) {
            Ending::Its => true,
            Ending::Another => false,
            Ending::Unknown => {
                handle.read(|room| room.created_ms() / 1000).await.is_ok_and(|created| created < closed_at)
            }
        };
        if ends {
            // Ending a room that is over already is what was wanted.
            let _ = self.end(room).await;
        }
    }

    /// Somebody did something on another media server (http-api.md section 5.1). A native twin has its owner's name in what is
    /// passed on. `sid` tells the room from others of the name: what happened in a former one, or was done
    /// over a former connection, is nothing that happens now.
    pub async fn on_outside_media(
        &self,
        (room, sid): (&str, &str),
        what: MediaStep,
        mut participant: ParticipantInfo,
        track: Option<TrackInfo>,
        message: Forwarded,
    ) {
        let Some(handle) = self.find(room) else { return };
        let about =
            About { room: sid, identity: &participant.identity, connection: &participant.sid, at: message.created_at };
        if !self.0.outside.happened(handle.id(), handle.session(), what, &about) {
            return;
        }
        let Ok(who) = Identity::try_from(participant.identity.as_str()) else { return };
        if let Some(owner) = who.twin_of() {
            participant.identity = owner.to_string();
        }
        let came = what == MediaStep::Joined;
        let step = OnMedia { who: who.clone(), what, participant: Some(participant), track, forwarded: Some(message) };
        handle.send(Letter::OnMedia(Box::new(step))).await;
        if came {
            // Their token may be older than a lock that came since. A meeting that does not answer tells it later.
            let _ = self.tell_rights(&handle, &who).await;
        }
    }

    /// Tells another media server what somebody may do as far as their meeting goes. The meeting itself tells it, so that this
    /// is no older than what it tells next.
    ///
    /// # Errors
    /// When the meeting does not answer.
    async fn tell_rights(&self, handle: &RoomHandle, who: &Identity) -> Result<(), Unavailable> {
        self.with_rights(handle, who, <dyn MediaPlane>::set_permission).await
    }

    /// The same for a change that follows, which takes the rights there by itself: that server is not asked twice.
    ///
    /// # Errors
    /// When the meeting does not answer.
    pub(crate) async fn note_rights(&self, handle: &RoomHandle, who: &Identity) -> Result<(), Unavailable> {
        self.with_rights(handle, who, <dyn MediaPlane>::note_permission).await
    }

    async fn with_rights(
        &self,
        handle: &RoomHandle,
        who: &Identity,
        tell: fn(&dyn MediaPlane, &RoomId, &Identity, MediaPermission),
    ) -> Result<(), Unavailable> {
        let around = &self.0.around;
        let owner = who.twin_of();
        let is_twin = owner.is_some();
        let user = UserId::try_from(owner.as_ref().unwrap_or(who).as_str());
        let (true, Ok(user)) = (around.credentials.media_server.is_some(), user) else { return Ok(()) };
        let (media, room_id, who) = (around.media.clone(), handle.id().clone(), who.clone());
        let told = handle.read(move |room| {
            // Whoever is out and still seen there is about to be taken out, and an order to let them in would prevent it.
            if let Some(permission) = room.media_permission(&user).filter(|_| !room.is_gone(&user)) {
                tell(&*media, &room_id, &who, if is_twin { permission.of_twin() } else { permission });
            }
        });
        match told.await {
            Ok(()) | Err(Silence::Over) => Ok(()),
            Err(Silence::Stuck) => Err(Unavailable),
        }
    }
}
