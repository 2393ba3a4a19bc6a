//! Carries out what waits in a line.

use std::sync::Arc;

use bytes::Bytes;
use model::media::MediaPermission;
use model::{Identity, RoomId};
use ports::media_control::{ControlError, ParticipantChange};
use prost::Message;
use tokio::sync::oneshot;
use tracing::{debug, warn};
use wire::lk;

use crate::behind::Behind;
use crate::client::{Client, Refusal};
use crate::closing::{Close, Closing};
use crate::control::control_error;
use crate::mutes::Mutes;
use crate::told::{admin, may_create, participant_of, update_of};
use crate::wanted::Wanted;

/// An order that waits in line.
#[derive(Debug)]
pub(crate) enum Order {
    /// The meeting gives somebody these rights.
    Permission { room: RoomId, who: Identity, permission: MediaPermission },
    /// The API wants this of somebody. Whoever asked may have gone by then, and was told nothing.
    Change {
        room: RoomId,
        who: Identity,
        change: ParticipantChange,
        reply: oneshot::Sender<Result<Bytes, ControlError>>,
    },
    /// Somebody is out of the meeting since `at`, unix seconds.
    Remove { room: RoomId, who: Identity, at: i64 },
    /// The meeting is over.
    Close { room: RoomId },
    /// The server may not have what is wanted of this room.
    CatchUp { room: RoomId },
}

impl Order {
    pub(crate) const fn room(&self) -> &RoomId {
        match self {
            Self::Permission { room, .. }
            | Self::Change { room, .. }
            | Self::Remove { room, .. }
            | Self::Close { room }
            | Self::CatchUp { room } => room,
        }
    }
}

/// Counts orders that will never be carried out.
pub(crate) fn count_lost(orders: u64) {
    metrics::counter!("plenum_media_orders_lost_total").increment(orders);
}

/// Why something is not done yet and may be done later.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Unfinished(Refusal);

impl Unfinished {
    /// Whether the server answers.
    const fn is_trouble(&self) -> bool {
        !matches!(self.0, Refusal::Unreachable(_))
    }
}

/// Whoever carries out the orders of a line.
pub(crate) struct Carrier {
    pub(crate) client: Client,
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) mutes: Arc<Mutes>,
    pub(crate) closing: Arc<Closing>,
    pub(crate) behind: Arc<Behind>,
}

impl Carrier {
    pub(crate) async fn carry_out(&self, order: Order) {
        let room = order.room().clone();
        let done = match order {
            Order::Permission { who, permission, .. } => {
                let change = self.wanted.of(&room, &who, permission);
                let told = self.tell(&room, &who, change).await;
                finished(&room, told)
            }
            Order::Change { reply, .. } if reply.is_closed() => return,
            Order::Change { who, change, reply, .. } => {
                // Nobody may wait any more: what was done stands.
                let _ = reply.send(self.change(&room, &who, change).await);
                return;
            }
            // Back in the meeting since, and their media connection is the new one.
            Order::Remove { who, .. } if self.wanted.has(&room, &who) => return,
            Order::Remove { who, at, .. } => self.remove(&room, &who, at).await,
            // Done by whoever saw to the room before.
            Order::Close { .. } if self.closing.find(&room).is_none() => return,
            Order::Close { .. } => self.catch_up(&room).await,
            Order::CatchUp { .. } => match self.catch_up(&room).await {
                Ok(()) => {
                    self.behind.done(&room);
                    debug!(room.id = %room, "the media server has what is wanted of a room");
                    return;
                }
                Err(error) => {
                    // That it is gone is said once, by its pulse.
                    if error.is_trouble() {
                        warn!(room.id = %room, %error, "the media server has not what is wanted of a room");
                    }
                    self.behind.failed(&room);
                    return;
                }
            },
        };
        if let Err(error) = done {
            warn!(room.id = %room, %error, "the media server did not carry out an order, which is made up for later");
            self.behind.note(&room);
        }
    }

    async fn change(&self, room: &RoomId, who: &Identity, change: ParticipantChange) -> Result<Bytes, ControlError> {
        if !self.wanted.has_space(room, who, &change) {
            return Err(ControlError::TooLarge("attributes"));
        }
        let request = update_of(room, who, self.wanted.within(room, who, change.clone()));
        let answer = self.client.call_once::<lk::ParticipantInfo>("UpdateParticipant", admin(room), &request).await;
        let info = answer.map_err(control_error)?;
        self.wanted.said(room, who, change);
        Ok(info.encode_to_vec().into())
    }

    /// Takes out somebody who is out of the meeting since `at`, unix seconds.
    pub(crate) async fn remove(&self, room: &RoomId, who: &Identity, at: i64) -> Result<(), Unfinished> {
        finished(room, self.take_out(room, who, at).await)?;
        self.wanted.is_gone(room, who, at);
        Ok(())
    }

    /// Takes somebody out. Tokens made since `at`, unix seconds, are good: whoever left may come back.
    pub(crate) async fn take_out(&self, room: &RoomId, who: &Identity, at: i64) -> Result<(), Refusal> {
        let request = lk::RoomParticipantIdentity { revoke_token_ts: at, ..participant_of(room, who) };
        self.client.call::<lk::RemoveParticipantResponse>("RemoveParticipant", admin(room), &request).await.map(drop)
    }

    /// Closes a room. Whether it is done: somebody may want to open the room again meanwhile, and then it is not.
    pub(crate) async fn close(&self, room: &RoomId, close: Close) -> Result<bool, Unfinished> {
        let request = lk::DeleteRoomRequest { room: room.to_string() };
        let call = self.client.call::<lk::DeleteRoomResponse>("DeleteRoom", may_create(), &request);
        // Withdrawn while it was tried: the attempts that are left would close the room of the next meeting.
        let closed = tokio::select! {
            closed = call => closed.map(drop),
            () = self.closing.settled(room) => return Ok(false),
        };
        finished(room, closed)?;
        self.closing.done(room, close);
        Ok(true)
    }

    /// Tells what somebody is to be like from now on.
    pub(crate) async fn tell(
        &self,
        room: &RoomId,
        who: &Identity,
        mut change: ParticipantChange,
    ) -> Result<(), Refusal> {
        // By themselves, after the rights: those are not to be refused because the attributes are too many there.
        let attributes = std::mem::take(&mut change.attributes);
        if change != ParticipantChange::default() {
            self.update(room, who, change).await?;
        }
        if attributes.is_empty() {
            return Ok(());
        }
        self.update(room, who, ParticipantChange { attributes, ..ParticipantChange::default() }).await
    }

    async fn update(&self, room: &RoomId, who: &Identity, change: ParticipantChange) -> Result<(), Refusal> {
        let request = update_of(room, who, change);
        self.client.call::<lk::ParticipantInfo>("UpdateParticipant", admin(room), &request).await.map(drop)
    }
}

/// Whether a call needs no second one: it was made, or it is refused for good, which is counted and logged. Nobody there is
/// what most orders find: people come and go by themselves.
pub(crate) fn finished(room: &RoomId, done: Result<(), Refusal>) -> Result<(), Unfinished> {
    match done {
        Ok(()) | Err(Refusal::NotFound(_)) => Ok(()),
        Err(refusal) if refusal.may_pass() => Err(Unfinished(refusal)),
        Err(error) => {
            warn!(room.id = %room, %error, "the media server refuses an order");
            count_lost(1);
            Ok(())
        }
    }
}
