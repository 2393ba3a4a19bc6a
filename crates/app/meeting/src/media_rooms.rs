//! Media rooms as LiveKit's server API and tokens of the application see them (decision 0009).
//!
//! A media room either belongs to a meeting, which then decides who is in it and what they may do, or it is free: made by
//! the API or by the first join, and gone some time after the last one left.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use model::media::{MediaPermission, ParticipantKind, Source, Sources};
use model::{Identity, RoomId, SessionId, UserId};
use ports::media::{MediaJoin, Topology};
use ports::media_control::{ControlError, DataMessage, FREE_SESSION, ParticipantChange, RoomSettings};
use prost::Message;
use wire::lk;
use wire::lk::participant_info::KindDetail;
use wire::token::{MediaClaims, RoomConfig, VideoGrant};

use crate::actor::now;
use crate::meetings::{AccessError, EndError, MediaAdmission, Meetings};
use crate::tokens::source_name;

/// How many revocations are remembered; the oldest make room.
const MAX_REVOKED: usize = 10_000;

/// Tokens made before somebody was taken out, and so long after that, do not let them in again (media-protocol.md section
/// 2).
const REVOKED_AHEAD: i64 = 60;

/// Longest display name, in characters (media-protocol.md section 11.3).
const MAX_NAME: usize = 256;

/// From which time on tokens of somebody are good again, unix seconds.
#[derive(Debug, Default)]
pub(crate) struct Revoked(Mutex<HashMap<(RoomId, Identity), i64>>);

impl Revoked {
    fn note(&self, room: &RoomId, who: &Identity, until: i64) {
        let mut revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = (room.clone(), who.clone());
        // What was revoked once stays so, in whichever order the revocations come.
        if let Some(known) = revoked.get_mut(&whose) {
            *known = until.max(*known);
            return;
        }
        if revoked.len() >= MAX_REVOKED
            && let Some(oldest) = revoked.iter().min_by_key(|(_, until)| **until).map(|(whose, _)| whose.clone())
        {
            revoked.remove(&oldest);
        }
        revoked.insert(whose, until);
    }

    fn forbids(&self, room: &RoomId, who: &Identity, issued_at: i64) -> bool {
        let revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.get(&(room.clone(), who.clone())).is_some_and(|until| issued_at < *until)
    }
}

impl Meetings {
    fn session_of(&self, room: &RoomId) -> Result<SessionId, ControlError> {
        match self.find(room.as_str()) {
            Some(handle) => Ok(handle.session().clone()),
            None => SessionId::try_from(FREE_SESSION).map_err(|_| ControlError::NoRoom),
        }
    }

    /// Makes a media room or changes the one that is there. The answer is an encoded `livekit.Room`.
    ///
    /// # Errors
    /// Why nothing changed.
    pub async fn open_media_room(&self, room: &RoomId, set: RoomSettings) -> Result<Bytes, ControlError> {
        match self.open_by_session(room, set.clone()).await {
            // By a meeting that began since it was looked up.
            Err(ControlError::Taken) => self.open_by_session(room, set).await,
            opened => opened,
        }
    }

    async fn open_by_session(&self, room: &RoomId, set: RoomSettings) -> Result<Bytes, ControlError> {
        let session = self.session_of(room)?;
        let is_stray = self.0.around.credentials.media_server.is_some() && session.as_str() == FREE_SESSION;
        // Before it is made: that server tells of the room before it answers.
        let is_new = is_stray && self.0.api_rooms.note(room);
        let opened = self.0.control.open_room(room, &session, set).await;
        if let (false, Ok(made), Some(handle)) = (is_stray, &opened, self.find(room.as_str()))
            && let Ok(made) = lk::Room::decode(made.clone())
        {
            self.0.outside.opened(room, handle.session(), &made.sid, made.creation_time);
        }
        if is_stray {
            let rooms = &self.0.api_rooms;
            match &opened {
                Ok(made) => rooms.made(room, lk::Room::decode(made.clone()).map(|made| made.sid).unwrap_or_default()),
                // It may be there all the same.
                Err(ControlError::Unavailable) => {}
                Err(_) => rooms.refused(room, is_new),
            }
        }
        opened
    }

    /// Every media room, each an encoded `livekit.Room`.
    ///
    /// # Errors
    /// When the media plane does not answer.
    pub async fn media_rooms(&self) -> Result<Vec<Bytes>, ControlError> {
        self.0.control.rooms().await
    }

    /// Closes a media room; the meeting it belongs to ends.
    ///
    /// # Errors
    /// Why it is still there.
    pub async fn delete_media_room(&self, room: &RoomId) -> Result<(), ControlError> {
        if self.find(room.as_str()).is_none() {
            return self.0.control.delete_room(room).await;
        }
        match self.end(room.as_str()).await {
            Ok(()) => Ok(()),
            Err(EndError::NoRoom) => Err(ControlError::NoRoom),
            Err(EndError::NotAllowed | EndError::Starting | EndError::Failed) => Err(ControlError::Unavailable),
        }
    }

    /// Changes the metadata of a media room, which is not the meeting's. The answer is an encoded `livekit.Room`.
    ///
    /// # Errors
    /// Why nothing changed.
    pub async fn set_media_room_metadata(&self, room: &RoomId, metadata: String) -> Result<Bytes, ControlError> {
        self.0.control.set_room_metadata(room, metadata).await
    }

    /// Everybody in a media room, each an encoded `livekit.ParticipantInfo`; nobody if there is no such room.
    ///
    /// # Errors
    /// When the media plane does not answer.
    pub async fn media_participants(&self, room: &RoomId) -> Result<Vec<Bytes>, ControlError> {
        self.0.control.everybody(room).await
    }

    /// One of them.
    ///
    /// # Errors
    /// When they are not there.
    pub async fn media_participant(&self, room: &RoomId, who: &Identity) -> Result<Bytes, ControlError> {
        self.0.control.participant(room, who).await
    }

    /// Takes somebody out of a media room; out of the meeting too, if they are in it. Tokens that the application made for
    /// them before `revoke_before`, by default in a minute, open nothing any more.
    ///
    /// # Errors
    /// When they are not there.
    pub async fn remove_media_participant(
        &self,
        room: &RoomId,
        who: &Identity,
        revoke_before: Option<i64>,
    ) -> Result<(), ControlError> {
        self.0.control.participant(room, who).await?;
        let revoke_before = revoke_before.unwrap_or(now().unix_ms / 1000 + REVOKED_AHEAD);
        self.0.revoked.note(room, who, revoke_before);
        // The caller's word first: the meeting's own removal, which follows, knows no such time.
        let removed = match self.0.around.credentials.media_server {
            Some(_) => Some(self.0.control.remove_participant(room, who, revoke_before).await),
            None => None,
        };
        let is_expelled = match (self.find(room.as_str()), UserId::try_from(who.as_str())) {
            (Some(handle), Ok(user)) => {
                matches!(handle.write(move |room, now| room.expel(now, &user)).await, Ok(Ok(())))
            }
            _ => false,
        };
        match (removed, is_expelled) {
            // Gone by themselves meanwhile.
            (Some(Err(error)), true) if error.is_absence() => Ok(()),
            (Some(removed), _) => removed,
            (None, true) => Ok(()),
            (None, false) => self.0.control.remove_participant(room, who, revoke_before).await,
        }
    }

    /// Mutes a track. The answer is an encoded `livekit.TrackInfo`.
    ///
    /// # Errors
    /// Why it is as it was; others are not unmuted.
    pub async fn mute_media_track(
        &self,
        room: &RoomId,
        who: &Identity,
        sid: &str,
        muted: bool,
    ) -> Result<Bytes, ControlError> {
        self.0.control.mute_track(room, who, sid, muted).await
    }

    /// Changes what others see of somebody and what they may do: in a meeting never more than the meeting gives. The answer
    /// is an encoded `livekit.ParticipantInfo`.
    ///
    /// # Errors
    /// Why nothing changed.
    pub async fn update_media_participant(
        &self,
        room: &RoomId,
        who: &Identity,
        change: ParticipantChange,
    ) -> Result<Bytes, ControlError> {
        let Some(handle) = self.find(room.as_str()) else {
            return self.0.control.update_participant(room, who, change).await;
        };
        self.note_rights(&handle, who).await.map_err(|_| ControlError::Unavailable)?;
        let changed = self.0.control.update_participant(room, who, change).await?;
        self.keep_word(&handle, who).await;
        Ok(changed)
    }

    /// Subscribes somebody to tracks, or takes them away.
    ///
    /// # Errors
    /// Why nothing changed.
    pub async fn update_media_subscriptions(
        &self,
        room: &RoomId,
        who: &Identity,
        sids: Vec<String>,
        subscribe: bool,
    ) -> Result<(), ControlError> {
        self.0.control.update_subscriptions(room, who, sids, subscribe).await
    }

    /// Sends a data message that comes from nobody in the room.
    ///
    /// # Errors
    /// Why it was not sent.
    pub async fn send_media_data(&self, room: &RoomId, message: DataMessage) -> Result<(), ControlError> {
        self.0.control.send_data(room, message).await
    }

    /// Lets somebody in with a token that the application signed with its own key. In a meeting it opens what the meeting
    /// gives, and no more than the token grants; elsewhere it opens the room and what the token grants.
    pub(crate) async fn enter_with_api_token(
        &self,
        claims: MediaClaims,
        issued_at: i64,
    ) -> Result<MediaAdmission, AccessError> {
        if claims.video.room.is_empty() {
            return Err(AccessError::Invalid);
        }
        let room = RoomId::try_from(claims.video.room.as_str()).map_err(|_| AccessError::Unnameable)?;
        let identity = Identity::try_from(claims.identity.as_str()).map_err(|_| AccessError::Unnameable)?;
        if claims.name.chars().nth(MAX_NAME).is_some() {
            return Err(AccessError::Unnameable);
        }
        if self.0.revoked.forbids(&room, &identity, issued_at) {
            return Err(AccessError::Invalid);
        }
        let granted = granted(&claims.video);
        if let Some(handle) = self.find(room.as_str()) {
            let mut admission = self.enter_meeting_media(&handle, claims).await?;
            admission.join.permission = admission.join.permission.within(granted);
            return Ok(admission);
        }
        let session = SessionId::try_from(FREE_SESSION).map_err(|_| AccessError::Invalid)?;
        // On another media server nobody comes in here, so that nothing is to be made there.
        let is_here = self.0.around.credentials.media_server.is_none();
        if let Some(config) = claims.room_config.as_ref().filter(|_| is_here) {
            let set = RoomSettings { only_new: true, ..room_settings(config) };
            // Too large a description of the room does not keep anybody out of it.
            let _ = self.0.control.open_room(&room, &session, set).await;
        }
        let relays = self.0.around.relays.borrow();
        Ok(MediaAdmission {
            join: MediaJoin {
                relays: relays.servers(&room, identity.as_str(), now().unix_ms / 1000),
                relay_only: relays.force && !relays.urls.is_empty(),
                room,
                session,
                identity,
                kind: kind(&claims),
                kind_details: kind_details(&claims),
                name: claims.name,
                metadata: claims.metadata,
                attributes: claims.attributes,
                permission: granted,
                request: Bytes::new(),
                topology: Topology::Single,
            },
        })
    }
}

/// The settings of a new room in a token.
fn room_settings(config: &RoomConfig) -> RoomSettings {
    let time = |seconds: u32| (seconds > 0).then(|| Duration::from_secs(seconds.into()));
    RoomSettings {
        empty_timeout: time(config.empty_timeout),
        departure_timeout: time(config.departure_timeout),
        max_participants: (config.max_participants > 0).then_some(config.max_participants),
        metadata: (!config.metadata.is_empty()).then(|| config.metadata.clone()),
        sync_streams: config.sync_streams.then_some(true),
        playout_delay: config.playout_delay(),
        only_new: false,
    }
}

/// What a grant allows (media-protocol.md section 2).
fn granted(grant: &VideoGrant) -> MediaPermission {
    let can_publish = grant.can_publish.unwrap_or(true);
    let named = &grant.can_publish_sources;
    let publish: Sources = Source::ALL
        .into_iter()
        .filter(|source| can_publish && (named.is_empty() || named.iter().any(|name| name == source_name(*source))))
        .collect();
    MediaPermission {
        publish,
        subscribe: grant.can_subscribe.unwrap_or(true),
        publish_data: grant.can_publish_data.unwrap_or(can_publish),
        hidden: grant.hidden,
        update_own: grant.can_update_own_metadata,
        ..MediaPermission::FREE
    }
}

/// What the owner of a token is: as it says, or as the marks of older ones say.
pub(crate) fn kind(claims: &MediaClaims) -> ParticipantKind {
    match ParticipantKind::of_name(&claims.kind) {
        ParticipantKind::Standard if claims.video.agent => ParticipantKind::Agent,
        ParticipantKind::Standard if claims.video.recorder => ParticipantKind::Egress,
        said => said,
    }
}

/// What it says about that, as far as anybody knows it.
pub(crate) fn kind_details(claims: &MediaClaims) -> Vec<i32> {
    let named = claims.kind_details.iter().map(|name| name.to_ascii_uppercase());
    named.filter_map(|name| KindDetail::from_str_name(&name)).map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_that_says_nothing_allows_everything_but_hiding_and_another_name() {
        let all = granted(&VideoGrant::default());
        assert_eq!(all, MediaPermission { update_own: false, ..MediaPermission::FREE });

        let listener = granted(&VideoGrant { can_publish: Some(false), ..VideoGrant::default() });
        assert_eq!(listener, MediaPermission { publish: Sources::NONE, publish_data: false, ..all });

        assert!(granted(&VideoGrant { can_update_own_metadata: true, ..VideoGrant::default() }).update_own);

        let speaker = granted(&VideoGrant {
            can_publish_sources: vec!["microphone".into(), "x".into()],
            ..VideoGrant::default()
        });
        assert_eq!(speaker.publish, Sources::NONE.with(Source::Microphone));
    }

    #[test]
    fn a_token_says_what_its_owner_is_and_the_marks_of_older_ones_count_where_it_does_not() {
        let of =
            |name: &str, video: VideoGrant| kind(&MediaClaims { kind: name.into(), video, ..MediaClaims::default() });
        for known in ParticipantKind::ALL {
            assert_eq!(of(known.name(), VideoGrant::default()), known);
        }
        let recorder = VideoGrant { recorder: true, ..VideoGrant::default() };
        assert_eq!(of("", recorder.clone()), ParticipantKind::Egress);
        assert_eq!(of("sip", recorder), ParticipantKind::Sip);
        assert_eq!(of("standard", VideoGrant { agent: true, ..VideoGrant::default() }), ParticipantKind::Agent);
        assert_eq!(of("robot", VideoGrant::default()), ParticipantKind::Standard);

        let details = vec!["cloud_agent".to_owned(), "robot".into(), "forwarded".into()];
        let claims = MediaClaims { kind_details: details, ..MediaClaims::default() };
        assert_eq!(kind_details(&claims), [KindDetail::CloudAgent, KindDetail::Forwarded].map(i32::from));
    }

    #[test]
    fn a_later_revocation_makes_no_revoked_token_good_again() {
        let revoked = Revoked::default();
        let (room, who) = (RoomId::try_from("r").unwrap(), Identity::try_from("ann").unwrap());

        for until in [1000, 500] {
            revoked.note(&room, &who, until);
            assert!(revoked.forbids(&room, &who, 999) && !revoked.forbids(&room, &who, 1000));
        }
        revoked.note(&room, &who, 2000);
        assert!(revoked.forbids(&room, &who, 1999));
    }

    #[test]
    fn revocations_are_bounded_and_the_oldest_goes() {
        let revoked = Revoked::default();
        let room = RoomId::try_from("r").unwrap();
        let who = |n: usize| Identity::try_from(format!("i{n}").as_str()).unwrap();
        for n in 0..=MAX_REVOKED {
            revoked.note(&room, &who(n), 1000 + i64::try_from(n).unwrap());
        }
        assert!(!revoked.forbids(&room, &who(0), 0), "the oldest made room");
        assert!(revoked.forbids(&room, &who(1), 1000) && !revoked.forbids(&room, &who(1), 1001));
        assert!(!revoked.forbids(&RoomId::try_from("s").unwrap(), &who(1), 0));
    }
}
