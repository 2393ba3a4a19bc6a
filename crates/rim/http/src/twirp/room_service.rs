//! `livekit.RoomService` (media-protocol.md section 19.2).

use std::time::Duration;

use bytes::Bytes;
use model::media::{MediaPermission, Source, Sources};
use model::{Identity, RoomId};
use ports::media_control::{ControlError, DataMessage, ParticipantChange, RoomSettings};
use prost::Message;
use wire::json::ProtoJson;
use wire::token::playout_delay;
use wire::{livekit, lk};

use super::caller::Grant;
use super::{Call, Code, Outcome, TwirpError};
use crate::body::Large;

/// Longest name of a room, in bytes; what is made of it is an id (decision 0009).
const MAX_NAME: usize = 256;

/// Length of a nonce, if there is one.
const NONCE: usize = 16;

/// The grant of a method, if there is such a method.
pub(super) fn grant(service: &str, method: &str) -> Option<Grant> {
    if service != "livekit.RoomService" {
        return None;
    }
    Some(match method {
        "CreateRoom" | "DeleteRoom" => Grant::RoomCreate,
        "ListRooms" => Grant::RoomList,
        "ListParticipants"
        | "GetParticipant"
        | "RemoveParticipant"
        | "MutePublishedTrack"
        | "UpdateParticipant"
        | "UpdateSubscriptions"
        | "SendData"
        | "UpdateRoomMetadata"
        | "ForwardParticipant"
        | "MoveParticipant"
        | "PerformRpc" => Grant::RoomAdmin,
        _ => return None,
    })
}

pub(super) async fn answer(call: &Call, method: &str, body: Large) -> Outcome {
    match method {
        "CreateRoom" => create_room(call, body).await,
        "ListRooms" => list_rooms(call, body).await,
        "DeleteRoom" => delete_room(call, body).await,
        "ListParticipants" => list_participants(call, body).await,
        "GetParticipant" => get_participant(call, body).await,
        "RemoveParticipant" => remove_participant(call, body).await,
        "MutePublishedTrack" => mute_published_track(call, body).await,
        "UpdateParticipant" => update_participant(call, body).await,
        "UpdateSubscriptions" => update_subscriptions(call, body).await,
        "SendData" => send_data(call, body).await,
        "UpdateRoomMetadata" => update_room_metadata(call, body).await,
        _ => Err(TwirpError::new(Code::Unimplemented, format!("{method} is not implemented"))),
    }
}

impl Call {
    fn read<M: Message + Default + serde::de::DeserializeOwned>(&self, body: Large) -> Result<M, TwirpError> {
        self.encoding.read(body)
    }

    /// Answers with what crossed the media port encoded.
    fn pass_on<M: Message + ProtoJson>(&self, encoded: Bytes) -> Outcome {
        Ok(self.encoding.write(&decoded::<M>(encoded)?))
    }
}

fn decoded<M: Message + Default>(encoded: Bytes) -> Result<M, TwirpError> {
    M::decode(encoded).map_err(|_| TwirpError::new(Code::Internal, "the media server's answer does not decode"))
}

/// A room that can exist; another name is that of none.
fn room(name: &str) -> Result<RoomId, ControlError> {
    RoomId::try_from(name).map_err(|_| ControlError::NoRoom)
}

fn identity(name: &str) -> Result<Identity, ControlError> {
    Identity::try_from(name).map_err(|_| ControlError::NoParticipant)
}

fn invalid(msg: impl Into<String>) -> TwirpError {
    TwirpError::new(Code::InvalidArgument, msg)
}

async fn create_room(call: &Call, body: Large) -> Outcome {
    let request: lk::CreateRoomRequest = call.read(body)?;
    crate::audit::room(request.name.as_bytes());
    if request.name.is_empty() || request.name.len() > MAX_NAME {
        return Err(invalid(format!("the name of a room has 1 to {MAX_NAME} bytes")));
    }
    let name = RoomId::try_from(request.name.as_str()).map_err(|error| invalid(format!("name: {error}")))?;
    // Whoever asks for a recording and gets a room believes that it is recorded.
    if request.egress.as_ref().is_some_and(|egress| *egress != lk::RoomEgress::default()) {
        return Err(TwirpError::new(Code::Unimplemented, "egress is not implemented"));
    }
    if !request.agents.is_empty() {
        return Err(TwirpError::new(Code::Unimplemented, "dispatching agents is not implemented"));
    }
    let time = |seconds: u32| (seconds > 0).then(|| Duration::from_secs(seconds.into()));
    let set = RoomSettings {
        empty_timeout: time(request.empty_timeout),
        departure_timeout: time(request.departure_timeout),
        max_participants: (request.max_participants > 0).then_some(request.max_participants),
        metadata: (!request.metadata.is_empty()).then_some(request.metadata),
        sync_streams: request.sync_streams.then_some(true),
        playout_delay: playout_delay(request.min_playout_delay, request.max_playout_delay),
        only_new: false,
    };
    call.pass_on::<livekit::Room>(call.app.deps.meetings.open_media_room(&name, set).await?)
}

async fn list_rooms(call: &Call, body: Large) -> Outcome {
    let request: lk::ListRoomsRequest = call.read(body)?;
    let mut rooms = Vec::new();
    for encoded in call.app.deps.meetings.media_rooms().await? {
        let room: livekit::Room = decoded(encoded)?;
        if request.names.is_empty() || request.names.contains(&room.name) {
            rooms.push(room);
        }
    }
    rooms.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(call.encoding.write(&livekit::ListRoomsResponse { rooms }))
}

async fn delete_room(call: &Call, body: Large) -> Outcome {
    let request: lk::DeleteRoomRequest = call.read(body)?;
    crate::audit::room(request.room.as_bytes());
    call.app.deps.meetings.delete_media_room(&room(&request.room)?).await?;
    Ok(call.encoding.write(&livekit::DeleteRoomResponse {}))
}

async fn list_participants(call: &Call, body: Large) -> Outcome {
    let request: lk::ListParticipantsRequest = call.read(body)?;
    call.caller.administers(&request.room)?;
    let mut participants = Vec::new();
    if let Ok(room) = room(&request.room) {
        for encoded in call.app.deps.meetings.media_participants(&room).await? {
            participants.push(decoded::<livekit::ParticipantInfo>(encoded)?);
        }
    }
    Ok(call.encoding.write(&livekit::ListParticipantsResponse { participants }))
}

async fn get_participant(call: &Call, body: Large) -> Outcome {
    let request: lk::RoomParticipantIdentity = call.read(body)?;
    call.caller.administers(&request.room)?;
    let (room, who) = whom(&request.room, &request.identity)?;
    call.pass_on::<livekit::ParticipantInfo>(call.app.deps.meetings.media_participant(&room, &who).await?)
}

/// A participant that can exist.
fn whom(room_name: &str, name: &str) -> Result<(RoomId, Identity), ControlError> {
    let who = identity(name)?;
    Ok((room(room_name).map_err(|_| ControlError::NoParticipant)?, who))
}

async fn remove_participant(call: &Call, body: Large) -> Outcome {
    let request: lk::RoomParticipantIdentity = call.read(body)?;
    call.caller.administers(&request.room)?;
    let (room, who) = whom(&request.room, &request.identity)?;
    let revoke_before = (request.revoke_token_ts > 0).then_some(request.revoke_token_ts);
    call.app.deps.meetings.remove_media_participant(&room, &who, revoke_before).await?;
    Ok(call.encoding.write(&livekit::RemoveParticipantResponse {}))
}

async fn mute_published_track(call: &Call, body: Large) -> Outcome {
    let request: lk::MuteRoomTrackRequest = call.read(body)?;
    call.caller.administers(&request.room)?;
    let (room, who) = whom(&request.room, &request.identity)?;
    let track = call.app.deps.meetings.mute_media_track(&room, &who, &request.track_sid, request.muted).await?;
    let track = Some(decoded::<livekit::TrackInfo>(track)?);
    Ok(call.encoding.write(&livekit::MuteRoomTrackResponse { track }))
}

async fn update_participant(call: &Call, body: Large) -> Outcome {
    let request: lk::UpdateParticipantRequest = call.read(body)?;
    call.caller.administers(&request.room)?;
    let (room, who) = whom(&request.room, &request.identity)?;
    let change = ParticipantChange {
        name: (!request.name.is_empty()).then_some(request.name),
        metadata: (!request.metadata.is_empty()).then_some(request.metadata),
        attributes: request.attributes.into_iter().collect(),
        permission: request.permission.map(|permission| MediaPermission {
            publish: sources(&permission),
            subscribe: permission.can_subscribe,
            publish_data: permission.can_publish_data,
            hidden: permission.hidden,
            update_own: permission.can_update_metadata,
            ..MediaPermission::FREE
        }),
    };
    let changed = call.app.deps.meetings.update_media_participant(&room, &who, change).await?;
    call.pass_on::<livekit::ParticipantInfo>(changed)
}

/// What a permission lets somebody publish; no source named is every source.
fn sources(permission: &lk::ParticipantPermission) -> Sources {
    let named = &permission.can_publish_sources;
    let number = |source: Source| match source {
        Source::Camera => lk::TrackSource::Camera,
        Source::Microphone => lk::TrackSource::Microphone,
        Source::ScreenShare => lk::TrackSource::ScreenShare,
        Source::ScreenShareAudio => lk::TrackSource::ScreenShareAudio,
    };
    Source::ALL
        .into_iter()
        .filter(|source| permission.can_publish && (named.is_empty() || named.contains(&number(*source).into())))
        .collect()
}

async fn update_subscriptions(call: &Call, body: Large) -> Outcome {
    let request: lk::UpdateSubscriptionsRequest = call.read(body)?;
    call.caller.administers(&request.room)?;
    let (room, who) = whom(&request.room, &request.identity)?;
    let mut sids = request.track_sids;
    sids.extend(request.participant_tracks.into_iter().flat_map(|tracks| tracks.track_sids));
    call.app.deps.meetings.update_media_subscriptions(&room, &who, sids, request.subscribe).await?;
    Ok(call.encoding.write(&livekit::UpdateSubscriptionsResponse {}))
}

async fn send_data(call: &Call, body: Large) -> Outcome {
    let request: lk::SendDataRequest = call.read(body)?;
    call.caller.administers(&request.room)?;
    if !matches!(request.nonce.len(), 0 | NONCE) {
        let length = request.nonce.len();
        return Err(invalid(format!("nonce should be {NONCE}-bytes or not present, got: {length} bytes")));
    }
    #[allow(deprecated, reason = "older SDKs name receivers by sid")]
    let message = DataMessage {
        payload: request.data.into(),
        reliable: request.kind == i32::from(lk::data_packet::Kind::Reliable),
        identities: request.destination_identities,
        sids: request.destination_sids,
        topic: request.topic,
        nonce: request.nonce.into(),
    };
    call.app.deps.meetings.send_media_data(&room(&request.room)?, message).await?;
    Ok(call.encoding.write(&livekit::SendDataResponse {}))
}

async fn update_room_metadata(call: &Call, body: Large) -> Outcome {
    let request: lk::UpdateRoomMetadataRequest = call.read(body)?;
    call.caller.administers(&request.room)?;
    let changed = call.app.deps.meetings.set_media_room_metadata(&room(&request.room)?, request.metadata).await?;
    call.pass_on::<livekit::Room>(changed)
}
