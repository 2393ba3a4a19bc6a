//! What the server is told, in its own words.

use model::media::{MediaPermission, Source, Sources};
use model::{Identity, RoomId};
use ports::media_control::ParticipantChange;
use wire::lk;
use wire::token::VideoGrant;

/// Everything about one room, but not its making and its end.
pub(crate) fn admin(room: &RoomId) -> VideoGrant {
    VideoGrant { room_admin: true, room: room.to_string(), ..VideoGrant::default() }
}

/// Makes and ends rooms.
pub(crate) fn may_create() -> VideoGrant {
    VideoGrant { room_create: true, ..VideoGrant::default() }
}

pub(crate) fn participant_of(room: &RoomId, who: &Identity) -> lk::RoomParticipantIdentity {
    lk::RoomParticipantIdentity {
        room: room.to_string(),
        identity: who.to_string(),
        ..lk::RoomParticipantIdentity::default()
    }
}

pub(crate) fn update_of(room: &RoomId, who: &Identity, change: ParticipantChange) -> lk::UpdateParticipantRequest {
    lk::UpdateParticipantRequest {
        room: room.to_string(),
        identity: who.to_string(),
        name: change.name.unwrap_or_default(),
        metadata: change.metadata.unwrap_or_default(),
        attributes: change.attributes.into_iter().collect(),
        permission: change.permission.as_ref().map(permission_of),
    }
}

/// Rights as LiveKit writes them. Whose webcams somebody sees it cannot hold.
pub(crate) fn permission_of(permission: &MediaPermission) -> lk::ParticipantPermission {
    let everything = permission.publish == Sources::all();
    let sources = permission.publish.iter().filter(|_| !everything).map(|source| number(source).into());
    lk::ParticipantPermission {
        can_subscribe: permission.subscribe,
        can_publish: !permission.publish.is_empty(),
        can_publish_data: permission.publish_data,
        can_publish_sources: sources.collect(),
        hidden: permission.hidden,
        can_update_metadata: permission.update_own,
        ..lk::ParticipantPermission::default()
    }
}

pub(crate) const fn number(source: Source) -> lk::TrackSource {
    match source {
        Source::Camera => lk::TrackSource::Camera,
        Source::Microphone => lk::TrackSource::Microphone,
        Source::ScreenShare => lk::TrackSource::ScreenShare,
        Source::ScreenShareAudio => lk::TrackSource::ScreenShareAudio,
    }
}
