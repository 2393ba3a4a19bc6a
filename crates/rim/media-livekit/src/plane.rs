//! The control port over LiveKit's server API.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use model::media::{MediaPermission, Source, Sources};
use model::{Identity, RoomId};
use ports::media::{ConnectError, MediaJoin, MediaPlane, MuteError, RemoveReason, SignalLink, TrackChoice};
use ports::media_control::{ControlError, ParticipantChange};
use prost::Message;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::warn;
use wire::lk;
use wire::token::VideoGrant;

use crate::client::{Client, Refusal, unix_seconds};
use crate::closing::Closing;
use crate::control::control_error;
use crate::rights::Rights;

/// Orders are carried out in as many lines; those of one room stay in one.
const LINES: usize = 16;

/// Orders that wait in a line. One more means that the server has not answered for minutes, and is lost.
const WAITING: usize = 1024;

/// How long whoever opens a room again waits for it to be closed: less than whoever creates a meeting does.
const SETTLING: Duration = Duration::from_secs(5);

/// How often the server is asked whether it is there.
const PULSE: Duration = Duration::from_secs(10);

/// So often it must stay silent to count as gone.
const SILENT: u32 = 2;

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
    /// The meeting is over since `at`, unix seconds.
    Close { room: RoomId, number: u64, at: i64 },
}

impl Order {
    const fn room(&self) -> &RoomId {
        match self {
            Self::Permission { room, .. }
            | Self::Change { room, .. }
            | Self::Remove { room, .. }
            | Self::Close { room, .. } => room,
        }
    }
}

/// The media plane on a LiveKit server.
pub struct LiveKit {
    pub(crate) client: Client,
    rights: Arc<Rights>,
    closing: Arc<Closing>,
    lines: Vec<mpsc::Sender<Order>>,
    is_alive: Arc<AtomicBool>,
}

impl LiveKit {
    /// Starts carrying out orders and feeling the server's pulse, on the runtime it is called on, until it is dropped.
    pub fn start(client: Client) -> Arc<Self> {
        let is_alive = Arc::new(AtomicBool::new(true));
        tokio::spawn(watch(client.clone(), Arc::downgrade(&is_alive)));
        let rights = Arc::new(Rights::default());
        let closing = Arc::new(Closing::default());
        let line = || {
            let (orders, mut waiting) = mpsc::channel(WAITING);
            let (client, rights, closing) = (client.clone(), rights.clone(), closing.clone());
            tokio::spawn(async move {
                while let Some(order) = waiting.recv().await {
                    carry_out(&client, &rights, &closing, order).await;
                }
            });
            orders
        };
        let lines = std::iter::repeat_with(line).take(LINES).collect();
        Arc::new(Self { client, rights, closing, lines, is_alive })
    }

    fn line(&self, room: &RoomId) -> Option<&mpsc::Sender<Order>> {
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        self.lines.get(usize::try_from(hasher.finish() % LINES as u64).unwrap_or_default())
    }

    /// Puts what the API wants in line. Whether it is there: one half of each line is kept for what meetings say.
    pub(crate) fn offer(&self, order: Order) -> bool {
        let line = self.line(order.room()).filter(|line| line.capacity() > WAITING / 2);
        line.is_some_and(|line| line.try_send(order).is_ok())
    }

    /// Puts what a meeting says in line. Whether it is there; if not, that is counted and logged.
    fn order(&self, order: Order) -> bool {
        let is_there = self.line(order.room()).is_some_and(|line| line.try_send(order).is_ok());
        if !is_there {
            metrics::counter!("plenum_media_orders_lost_total").increment(1);
            warn!("the media server is too slow: an order is lost");
        }
        is_there
    }

    async fn participant(&self, room: &RoomId, who: &Identity) -> Result<lk::ParticipantInfo, Refusal> {
        let request = participant_of(room, who);
        self.client.call("GetParticipant", admin(room), &request).await
    }
}

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

/// Asks again and again whether the server is there, for as long as somebody wants to know.
async fn watch(client: Client, is_alive: std::sync::Weak<AtomicBool>) {
    let mut silent = 0;
    loop {
        tokio::time::sleep(PULSE).await;
        let answered = client.ping().await;
        let Some(is_alive) = is_alive.upgrade() else { return };
        silent = if answered.is_ok() { 0 } else { silent + 1 };
        if is_alive.swap(silent < SILENT, Ordering::Relaxed)
            && silent >= SILENT
            && let Err(reason) = answered
        {
            warn!(%reason, "the media server is gone");
        }
    }
}

async fn carry_out(client: &Client, rights: &Rights, closing: &Closing, order: Order) {
    let room = order.room().clone();
    let done = match order {
        Order::Permission { who, permission, .. } => {
            let mut change = rights.of(&room, &who, permission);
            // By themselves, after the rights: those are not to be refused because the attributes are too many there.
            let attributes = std::mem::take(&mut change.attributes);
            let told = tell(client, &room, &who, change).await;
            if told.is_err() || attributes.is_empty() {
                told
            } else {
                tell(client, &room, &who, ParticipantChange { attributes, ..ParticipantChange::default() }).await
            }
        }
        Order::Change { reply, .. } if reply.is_closed() => return,
        Order::Change { who, change, reply, .. } => {
            if !rights.has_space(&room, &who, &change) {
                let _ = reply.send(Err(ControlError::TooLarge("attributes")));
                return;
            }
            let request = update_of(&room, &who, rights.within(&room, &who, change.clone()));
            let answer = client.call_once::<lk::ParticipantInfo>("UpdateParticipant", admin(&room), &request).await;
            if answer.is_ok() {
                rights.said(&room, &who, change);
            }
            // What was done stands, also if nobody waits any more.
            let _ = reply.send(answer.map(|info| info.encode_to_vec().into()).map_err(control_error));
            return;
        }
        // Back in the meeting since, and their media connection is the new one.
        Order::Remove { who, .. } if rights.has(&room, &who) => return,
        Order::Remove { who, at, .. } => take_out(client, &room, &who, at).await,
        Order::Close { number, at, .. } if closing.is_wanted(&room, number) => {
            let request = lk::DeleteRoomRequest { room: room.to_string() };
            let call = client.call::<lk::DeleteRoomResponse>("DeleteRoom", may_create(), &request);
            // Withdrawn while it was tried: the attempts that are left would close the room of the next meeting.
            let closed = tokio::select! {
                closed = call => Some(closed.map(drop)),
                () = closing.settled(&room) => None,
            };
            closing.done(&room, number);
            match closed {
                Some(closed) => closed,
                None => clear(client, &room, at).await,
            }
        }
        Order::Close { at, .. } => clear(client, &room, at).await,
    };
    match done {
        // Nobody there is what most orders find: people come and go by themselves.
        Ok(()) | Err(Refusal::NotFound(_)) => {}
        Err(error) => warn!(room.id = %room, %error, "the media server did not carry out an order"),
    }
}

/// Takes somebody out. Tokens made since `at`, unix seconds, are good: whoever left may come back.
async fn take_out(client: &Client, room: &RoomId, who: &Identity, at: i64) -> Result<(), Refusal> {
    let request = lk::RoomParticipantIdentity { revoke_token_ts: at, ..participant_of(room, who) };
    client.call::<lk::RemoveParticipantResponse>("RemoveParticipant", admin(room), &request).await.map(drop)
}

/// Takes everybody out of a room who came before `at`, unix seconds. The room is another meeting's by now.
async fn clear(client: &Client, room: &RoomId, at: i64) -> Result<(), Refusal> {
    let request = lk::ListParticipantsRequest { room: room.to_string() };
    let there: lk::ListParticipantsResponse = client.call("ListParticipants", admin(room), &request).await?;
    let mut cleared = Ok(());
    for one in there.participants.iter().filter(|one| one.joined_at < at) {
        // LiveKit lets in names that are none of ours; no meeting put them there.
        let Ok(who) = Identity::try_from(one.identity.as_str()) else { continue };
        match take_out(client, room, &who, at).await {
            Ok(()) | Err(Refusal::NotFound(_)) => {}
            Err(error) => cleared = Err(error),
        }
    }
    cleared
}

async fn tell(client: &Client, room: &RoomId, who: &Identity, change: ParticipantChange) -> Result<(), Refusal> {
    let request = update_of(room, who, change);
    client.call::<lk::ParticipantInfo>("UpdateParticipant", admin(room), &request).await.map(drop)
}

fn update_of(room: &RoomId, who: &Identity, change: ParticipantChange) -> lk::UpdateParticipantRequest {
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
fn permission_of(permission: &MediaPermission) -> lk::ParticipantPermission {
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

const fn number(source: Source) -> lk::TrackSource {
    match source {
        Source::Camera => lk::TrackSource::Camera,
        Source::Microphone => lk::TrackSource::Microphone,
        Source::ScreenShare => lk::TrackSource::ScreenShare,
        Source::ScreenShareAudio => lk::TrackSource::ScreenShareAudio,
    }
}

#[async_trait]
impl MediaPlane for LiveKit {
    /// Nobody comes in here: tokens name the other server.
    async fn connect(&self, _: MediaJoin) -> Result<SignalLink, ConnectError> {
        Err(ConnectError::Unavailable)
    }

    fn set_permission(&self, room: &RoomId, who: &Identity, permission: MediaPermission) {
        self.rights.give(room, who, permission);
        self.order(Order::Permission { room: room.clone(), who: who.clone(), permission });
    }

    fn note_permission(&self, room: &RoomId, who: &Identity, permission: MediaPermission) {
        self.rights.give(room, who, permission);
    }

    fn remove(&self, room: &RoomId, who: &Identity, why: RemoveReason) {
        match why {
            RemoveReason::Removed | RemoveReason::Left => {
                self.rights.left(room, who);
                self.order(Order::Remove { room: room.clone(), who: who.clone(), at: unix_seconds() });
            }
            // The server puts the old session out when the new one joins; by identity the two are the same to it.
            RemoveReason::Duplicate => {}
        }
    }

    fn close_room(&self, room: &RoomId) {
        self.rights.forget(room);
        let number = self.closing.ordered(room);
        if !self.order(Order::Close { room: room.clone(), number, at: unix_seconds() }) {
            self.closing.done(room, number);
        }
    }

    async fn settle(&self, room: &RoomId) -> bool {
        timeout(SETTLING, self.closing.settled(room)).await.is_ok() || !self.closing.withdraw(room)
    }

    async fn mute(&self, room: &RoomId, who: &Identity, track: TrackChoice, muted: bool) -> Result<(), MuteError> {
        let participant = self.participant(room, who).await.map_err(|_| MuteError::NoParticipant)?;
        let found = participant.tracks.iter().find(|known| match &track {
            TrackChoice::Sid(sid) => known.sid == *sid,
            TrackChoice::Source(source) => known.source == i32::from(number(*source)),
        });
        let found = found.ok_or(MuteError::NoTrack)?;
        if found.muted == muted {
            return Ok(());
        }
        if !muted {
            return Err(MuteError::UnmuteRefused);
        }
        let request = lk::MuteRoomTrackRequest {
            room: room.to_string(),
            identity: who.to_string(),
            track_sid: found.sid.clone(),
            muted,
        };
        let answer = self.client.call::<lk::MuteRoomTrackResponse>("MutePublishedTrack", admin(room), &request).await;
        answer.map(drop).map_err(|error| {
            if !matches!(error, Refusal::NotFound(_)) {
                warn!(room.id = %room, %error, "the media server did not mute a track");
            }
            MuteError::NoTrack
        })
    }

    async fn participants(&self, room: &RoomId) -> Vec<Bytes> {
        let request = lk::ListParticipantsRequest { room: room.to_string() };
        let answer = self.client.call::<lk::ListParticipantsResponse>("ListParticipants", admin(room), &request).await;
        let list = match answer {
            Ok(answer) => answer.participants,
            Err(error) => {
                warn!(room.id = %room, %error, "the media server does not say who is connected");
                return Vec::new();
            }
        };
        let is_hidden = |one: &lk::ParticipantInfo| one.permission.as_ref().is_some_and(|rights| rights.hidden);
        list.iter().filter(|one| !is_hidden(one)).map(|one| one.encode_to_vec().into()).collect()
    }

    fn is_alive(&self) -> bool {
        self.is_alive.load(Ordering::Relaxed)
    }

    /// The other server goes on.
    async fn drain(&self) {}
}
