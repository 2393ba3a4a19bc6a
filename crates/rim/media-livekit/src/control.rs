//! Our server API, carried over to the server that media runs on. What it answers is passed on, refusals in its own words.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use model::{Identity, RoomId, SessionId};
use ports::media_control::{ControlError, DataMessage, FREE_SESSION, MediaControl, ParticipantChange, RoomSettings};
use prost::Message;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::warn;
use wire::lk;
use wire::lk::data_packet::Kind;
use wire::token::VideoGrant;

use crate::carry::Order;
use crate::client::{Refusal, SHORT_PATIENCE};
use crate::plane::LiveKit;
use crate::told::{admin, may_create, participant_of};

/// How long the room of a meeting stays if nobody comes, seconds: until the meeting closes it, which is long before.
const UNTIL_CLOSED: u32 = 24 * 60 * 60;

/// How long the room of a meeting that is over is waited for before another of its name is made: the caller waits ten seconds.
const SETTLING: Duration = Duration::from_secs(1);

fn encoded(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

fn millis(time: Option<Duration>) -> u32 {
    time.map_or(0, |time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
}

fn seconds(time: Option<Duration>) -> u32 {
    time.map_or(0, |time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX))
}

/// A refusal for whoever called us.
pub(crate) fn control_error(refusal: Refusal) -> ControlError {
    match refusal {
        Refusal::NotFound(text) => {
            let known = [ControlError::NoRoom, ControlError::NoParticipant, ControlError::NoTrack];
            let found = known.into_iter().find(|known| known.to_string() == text);
            found.unwrap_or_else(|| ControlError::Refused { code: "not_found".to_owned(), text })
        }
        Refusal::Refused { code, text } if matches!(code.as_str(), "unauthenticated" | "permission_denied") => {
            // The caller's own token was good; it is not to be looked at for this.
            warn!(%code, reason = %text, "the media server does not take the key of livekit_info");
            ControlError::Refused { code, text: format!("the media server does not take our key: {text}") }
        }
        Refusal::Refused { code, text } | Refusal::Troubled { code, text } => ControlError::Refused { code, text },
        Refusal::Unreadable(_) => ControlError::Refused { code: "internal".to_owned(), text: refusal.to_string() },
        Refusal::Unreachable(reason) => {
            warn!(%reason, "the media server does not answer a call of the API");
            ControlError::Unavailable
        }
    }
}

impl LiveKit {
    /// Asks once: whoever calls the API waits, and may ask again.
    async fn ask<A: Message + Default>(
        &self,
        method: &str,
        grant: VideoGrant,
        request: &impl Message,
    ) -> Result<A, ControlError> {
        self.client.call_once(method, grant, request).await.map_err(control_error)
    }

    async fn list(&self, names: Vec<String>) -> Result<Vec<lk::Room>, ControlError> {
        let grant = VideoGrant { room_list: true, ..VideoGrant::default() };
        let answer: lk::ListRoomsResponse = self.ask("ListRooms", grant, &lk::ListRoomsRequest { names }).await?;
        Ok(answer.rooms)
    }

    async fn info(&self, room: &RoomId, who: &Identity) -> Result<lk::ParticipantInfo, ControlError> {
        self.ask("GetParticipant", admin(room), &participant_of(room, who)).await
    }
}

#[async_trait]
impl MediaControl for LiveKit {
    /// The room of a meeting gets no times and no size: those are the meeting's.
    async fn open_room(&self, room: &RoomId, session: &SessionId, set: RoomSettings) -> Result<Bytes, ControlError> {
        let is_free = session.as_str() == FREE_SESSION;
        let name = room.to_string();
        // A meeting that had the name before may be over and its room not closed yet.
        self.settle_within(room, SETTLING).await;
        if (set.only_new || !is_free)
            && let Some(found) = self.list(vec![name.clone()]).await?.into_iter().find(|found| found.name == name)
        {
            return match set.metadata {
                Some(metadata) if !set.only_new => self.set_room_metadata(room, metadata).await,
                _ => Ok(encoded(&found)),
            };
        }
        let request = lk::CreateRoomRequest {
            name,
            empty_timeout: if is_free { seconds(set.empty_timeout) } else { UNTIL_CLOSED },
            departure_timeout: if is_free { seconds(set.departure_timeout) } else { 0 },
            max_participants: set.max_participants.filter(|_| is_free).unwrap_or_default(),
            metadata: set.metadata.unwrap_or_default(),
            sync_streams: set.sync_streams.unwrap_or_default(),
            min_playout_delay: millis(set.playout_delay.map(|(least, _)| least)),
            max_playout_delay: millis(set.playout_delay.map(|(_, most)| most)),
            ..lk::CreateRoomRequest::default()
        };
        let made: lk::Room = self.ask("CreateRoom", may_create(), &request).await?;
        Ok(encoded(&made))
    }

    async fn rooms(&self) -> Result<Vec<Bytes>, ControlError> {
        Ok(self.list(Vec::new()).await?.iter().map(encoded).collect())
    }

    async fn delete_room(&self, room: &RoomId) -> Result<(), ControlError> {
        let request = lk::DeleteRoomRequest { room: room.to_string() };
        self.ask::<lk::DeleteRoomResponse>("DeleteRoom", may_create(), &request).await.map(drop)
    }

    async fn set_room_metadata(&self, room: &RoomId, metadata: String) -> Result<Bytes, ControlError> {
        let request = lk::UpdateRoomMetadataRequest { room: room.to_string(), metadata };
        let changed: lk::Room = self.ask("UpdateRoomMetadata", admin(room), &request).await?;
        Ok(encoded(&changed))
    }

    async fn everybody(&self, room: &RoomId) -> Result<Vec<Bytes>, ControlError> {
        let request = lk::ListParticipantsRequest { room: room.to_string() };
        match self.ask::<lk::ListParticipantsResponse>("ListParticipants", admin(room), &request).await {
            Ok(answer) => Ok(answer.participants.iter().map(encoded).collect()),
            Err(ControlError::NoRoom) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn participant(&self, room: &RoomId, who: &Identity) -> Result<Bytes, ControlError> {
        self.info(room, who).await.map(|found| encoded(&found))
    }

    async fn remove_participant(&self, room: &RoomId, who: &Identity, revoke_before: i64) -> Result<(), ControlError> {
        let request = lk::RoomParticipantIdentity { revoke_token_ts: revoke_before, ..participant_of(room, who) };
        self.ask::<lk::RemoveParticipantResponse>("RemoveParticipant", admin(room), &request).await.map(drop)
    }

    /// Nobody is unmuted, also if that server would.
    async fn mute_track(&self, room: &RoomId, who: &Identity, sid: &str, muted: bool) -> Result<Bytes, ControlError> {
        if !muted {
            let tracks = self.info(room, who).await?.tracks;
            let track = tracks.iter().find(|track| track.sid == sid).ok_or(ControlError::NoTrack)?;
            return if track.muted { Err(ControlError::UnmuteRefused) } else { Ok(encoded(track)) };
        }
        let request = lk::MuteRoomTrackRequest {
            room: room.to_string(),
            identity: who.to_string(),
            track_sid: sid.to_owned(),
            muted,
        };
        let answer: lk::MuteRoomTrackResponse = self.ask("MutePublishedTrack", admin(room), &request).await?;
        let track = answer.track.ok_or_else(|| control_error(Refusal::Unreadable("names no track")))?;
        Ok(encoded(&track))
    }

    /// Waits in line with what the meeting says of the room, so that the last word is what both say; but no longer than for
    /// an answer. What was not begun by then is not done. While many wait it is refused at once.
    async fn update_participant(
        &self,
        room: &RoomId,
        who: &Identity,
        change: ParticipantChange,
    ) -> Result<Bytes, ControlError> {
        let (reply, answer) = oneshot::channel();
        if !self.offer(Order::Change { room: room.clone(), who: who.clone(), change, reply }) {
            return Err(ControlError::Unavailable);
        }
        match timeout(SHORT_PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(ControlError::Unavailable),
        }
    }

    async fn update_subscriptions(
        &self,
        room: &RoomId,
        who: &Identity,
        sids: Vec<String>,
        subscribe: bool,
    ) -> Result<(), ControlError> {
        let request = lk::UpdateSubscriptionsRequest {
            room: room.to_string(),
            identity: who.to_string(),
            track_sids: sids,
            subscribe,
            ..lk::UpdateSubscriptionsRequest::default()
        };
        self.ask::<lk::UpdateSubscriptionsResponse>("UpdateSubscriptions", admin(room), &request).await.map(drop)
    }

    async fn send_data(&self, room: &RoomId, message: DataMessage) -> Result<(), ControlError> {
        #[allow(deprecated, reason = "older SDKs name receivers by sid")]
        let request = lk::SendDataRequest {
            room: room.to_string(),
            data: message.payload.to_vec(),
            kind: if message.reliable { Kind::Reliable } else { Kind::Lossy }.into(),
            destination_sids: message.sids,
            destination_identities: message.identities,
            topic: message.topic,
            nonce: message.nonce.to_vec(),
        };
        self.ask::<lk::SendDataResponse>("SendData", admin(room), &request).await.map(drop)
    }
}
