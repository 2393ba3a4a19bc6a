//! What the server API asks of a shard. A call is carried to the room's machine as a closure, so that the shard's queue
//! knows nothing of the many things that may be asked.

use crate::convert;
use crate::plane::{Order, Plane, answered};
use async_trait::async_trait;
use bytes::Bytes;
use model::{Identity, RoomId, SessionId};
use ports::media_control::{ControlError, DataMessage, MediaControl, ParticipantChange, RoomSettings};
use signal::{MediaRoom, Now, RemoveReason};
use std::fmt;
use tokio::sync::oneshot;

/// Work on one room; the answer goes its own way.
type Work = Box<dyn FnOnce(Option<&mut MediaRoom>, Now) + Send>;

/// What the shard is told.
pub(crate) enum Control {
    /// Make a room, or change the one that is there.
    Open { room: RoomId, session: SessionId, set: RoomSettings, reply: oneshot::Sender<Result<Bytes, ControlError>> },
    /// Every room.
    Rooms { reply: oneshot::Sender<Vec<Bytes>> },
    /// Work on one, for the sake of somebody in it or of the room.
    On { room: RoomId, who: Option<Identity>, work: Work },
}

impl fmt::Debug for Control {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { room, .. } => out.debug_tuple("Open").field(room).finish(),
            Self::Rooms { .. } => out.write_str("Rooms"),
            Self::On { room, .. } => out.debug_tuple("On").field(room).finish(),
        }
    }
}

async fn on<T: Send + 'static>(
    plane: &Plane,
    room: &RoomId,
    who: Option<&Identity>,
    act: impl FnOnce(&mut MediaRoom, Now) -> Result<T, ControlError> + Send + 'static,
) -> Result<T, ControlError> {
    let (reply, answer) = oneshot::channel();
    let work: Work = Box::new(move |room, now| {
        // Whoever asked may be gone.
        let _ = reply.send(room.map_or(Err(ControlError::NoRoom), |room| act(room, now)));
    });
    let Some(shard) = plane.registry.find(room) else { return Err(ControlError::NoRoom) };
    plane.order(shard, Order::Control(Control::On { room: room.clone(), who: who.cloned(), work }));
    answered(answer).await.unwrap_or(Err(ControlError::Unavailable))
}

/// A room that is there and holds nobody, for questions that a missing room answers with "nobody".
fn nobody<T>(missing: ControlError) -> impl FnOnce(ControlError) -> Result<T, ControlError> {
    move |error| Err(if error == ControlError::NoRoom { missing } else { error })
}

#[async_trait]
impl MediaControl for Plane {
    async fn open_room(&self, room: &RoomId, session: &SessionId, set: RoomSettings) -> Result<Bytes, ControlError> {
        let (reply, answer) = oneshot::channel();
        let shard = self.place(room);
        let open = Control::Open { room: room.clone(), session: session.clone(), set, reply };
        if !self.order(shard, Order::Control(open)) {
            self.registry.arrived(room, shard, false);
        }
        answered(answer).await.unwrap_or(Err(ControlError::Unavailable))
    }

    async fn rooms(&self) -> Result<Vec<Bytes>, ControlError> {
        let mut answers = Vec::new();
        for shard in 0..self.shards.len() {
            let (reply, answer) = oneshot::channel();
            self.order(shard, Order::Control(Control::Rooms { reply }));
            answers.push(answer);
        }
        let mut rooms = Vec::new();
        for answer in answers {
            rooms.extend(answered(answer).await.ok_or(ControlError::Unavailable)?);
        }
        Ok(rooms)
    }

    async fn delete_room(&self, room: &RoomId) -> Result<(), ControlError> {
        on(self, room, None, |room, now| {
            room.close(now);
            Ok(())
        })
        .await
    }

    async fn set_room_metadata(&self, room: &RoomId, metadata: String) -> Result<Bytes, ControlError> {
        on(self, room, None, |room, now| {
            let change = signal::RoomChange { metadata: Some(metadata), ..signal::RoomChange::default() };
            room.change_room(change, now).map_err(convert::control_error)?;
            Ok(room.info())
        })
        .await
    }

    async fn everybody(&self, room: &RoomId) -> Result<Vec<Bytes>, ControlError> {
        match on(self, room, None, |room, _| Ok(room.everybody())).await {
            Err(ControlError::NoRoom) => Ok(Vec::new()),
            other => other,
        }
    }

    async fn participant(&self, room: &RoomId, who: &Identity) -> Result<Bytes, ControlError> {
        let name = who.clone();
        on(self, room, Some(who), move |room, _| room.participant(&name).ok_or(ControlError::NoParticipant))
            .await
            .or_else(nobody(ControlError::NoParticipant))
    }

    async fn remove_participant(&self, room: &RoomId, who: &Identity, _: i64) -> Result<(), ControlError> {
        let name = who.clone();
        on(self, room, Some(who), move |room, now| {
            room.participant(&name).ok_or(ControlError::NoParticipant)?;
            room.remove(&name, RemoveReason::Removed, now);
            Ok(())
        })
        .await
        .or_else(nobody(ControlError::NoParticipant))
    }

    async fn mute_track(&self, room: &RoomId, who: &Identity, sid: &str, muted: bool) -> Result<Bytes, ControlError> {
        let (name, sid) = (who.clone(), sid.to_owned());
        on(self, room, Some(who), move |room, now| {
            room.mute(&name, &signal::TrackChoice::Sid(sid.clone()), muted, now).map_err(|error| match error {
                signal::MuteError::NoParticipant => ControlError::NoParticipant,
                signal::MuteError::NoTrack => ControlError::NoTrack,
                signal::MuteError::UnmuteRefused => ControlError::UnmuteRefused,
            })?;
            room.track(&name, &sid).ok_or(ControlError::NoTrack)
        })
        .await
        .or_else(nobody(ControlError::NoParticipant))
    }

    async fn update_participant(
        &self,
        room: &RoomId,
        who: &Identity,
        change: ParticipantChange,
    ) -> Result<Bytes, ControlError> {
        let name = who.clone();
        on(self, room, Some(who), move |room, now| {
            room.update_participant(&name, change, now).map_err(convert::control_error)
        })
        .await
        .or_else(nobody(ControlError::NoParticipant))
    }

    async fn update_subscriptions(
        &self,
        room: &RoomId,
        who: &Identity,
        sids: Vec<String>,
        subscribe: bool,
    ) -> Result<(), ControlError> {
        let name = who.clone();
        on(self, room, Some(who), move |room, now| {
            room.choose_subscriptions(&name, sids, subscribe, now).map_err(convert::control_error)
        })
        .await
        .or_else(nobody(ControlError::NoParticipant))
    }

    async fn send_data(&self, room: &RoomId, message: DataMessage) -> Result<(), ControlError> {
        on(self, room, None, move |room, _| room.send_data(message).map_err(convert::control_error)).await
    }
}
