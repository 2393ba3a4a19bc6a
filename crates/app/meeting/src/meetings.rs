//! The use cases, shared by the HTTP API, the gateway and the command line.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use model::{Identity, RoomId, SessionId, UserId};
use ports::media::{ConnectError, MediaEvent, MediaEventKind, MediaJoin, MediaPlane, SignalLink};
use ports::store::{NewSession, Records, State, StateWrite, StoreError};
use prost::Message;
use room::{
    AdmitRefusal, AuthorizeRefusal, ConnId, EndReason, Guests, MediaStep, NewRoom, OnMedia, Output, PersonView, Phase,
    RestoreError, Restored, Room, Ticket, WaitingRefusal,
};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::timeout;
use tracing::{info, warn};
use uuid::Uuid;
use wire::livekit::{ParticipantInfo, TrackInfo};
use wire::pnm;
use wire::token::{JoinClaims, TokenError};

use crate::actor::{Last, Letter, Opening, RoomHandle, Silence, Surroundings, now, spawn};
use crate::breakouts::House;
use crate::courier::Webhooks;
use crate::relays::Relays;
use crate::seeing_out::SeeingOut;
use crate::shelf::Shelf;
use crate::socket::{OpenError, SocketLink};
use crate::tokens::{Credentials, RENEWAL_GRACE, claims_for};
use crate::uploads::Uploads;

/// Rooms whose ids fall into the same of this many classes are created one after the other.
const CREATION_LANES: usize = 64;

/// How long a request waits for a room that is being created or ended (http-api.md section 8.4).
const CREATION_WAIT: Duration = Duration::from_secs(15);

/// How the second connection of a hybrid client is called after its owner (http-api.md section 1.4).
pub(crate) const NATIVE_SUFFIX: &str = "-native";

/// What the application stands on.
pub struct Setup {
    /// Records of sessions.
    pub records: Arc<dyn Records>,
    /// The journal.
    pub state: Arc<dyn State>,
    /// The media plane.
    pub media: Arc<dyn MediaPlane>,
    /// Keys.
    pub credentials: Credentials,
    /// Whom to tell of what happens.
    pub webhooks: Webhooks,
    /// Where sessions put what they leave behind.
    pub shelf: Shelf,
    /// Whether rooms whose creators want it count what happens (`analytics_settings.enabled`).
    pub analytics: bool,
    /// Files of sessions.
    pub uploads: Uploads,
    /// Relays for browsers.
    pub relays: Relays,
}

/// Every meeting of this node. Cheap to clone.
#[derive(Clone)]
pub struct Meetings(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) around: Surroundings,
    rooms: RwLock<HashMap<RoomId, RoomHandle>>,
    lanes: Vec<Arc<AsyncMutex<()>>>,
    next_conn: AtomicU64,
    seeds: Mutex<u64>,
    analytics: bool,
}

/// Why a room was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The request was not checked by `wire::create`.
    #[error("room_id should only contain ASCII letters (a-z A-Z), digits (0-9) or -_")]
    InvalidId,
    /// Another request for the same room, or its end, takes too long (http-api.md section 2.1, step 2).
    #[error("timeout waiting to acquire lock for room {room}, operation is currently locked")]
    Busy {
        /// The room.
        room: RoomId,
    },
    /// The store failed.
    #[error("could not record the room")]
    Store(#[source] StoreError),
    /// A room of this id runs and does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A room does not answer: its journal cannot be written, or takes too long. The text is the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("error getting room info from NATS")]
pub struct Unavailable;

/// Why no join token was made.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// There is no such room, or it is over.
    #[error("room is not active")]
    NoRoom,
    /// The room said no.
    #[error(transparent)]
    Refused(#[from] AdmitRefusal),
    /// The journal could not be written.
    #[error("failed to add the user to the room")]
    Failed,
}

/// Why a join token opens nothing. The texts are the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// It was good once.
    #[error("notifications.token-expired")]
    Expired,
    /// It never was, or a newer one took its place.
    #[error("notifications.invalid-token")]
    Invalid,
    /// The room said no.
    #[error(transparent)]
    Refused(AuthorizeRefusal),
    /// The room does not answer now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Silence> for AccessError {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Over => Self::Refused(AuthorizeRefusal::NotActive),
            Silence::Stuck => Self::Unavailable(Unavailable),
        }
    }
}

/// Why a room was not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndError {
    /// There is no such room, or it is over.
    #[error("room not found or not active")]
    NoRoom,
    /// Only moderators may.
    #[error("only admin can perform this task")]
    NotAllowed,
    /// It is being created, and that takes too long.
    #[error("failed to end room, it may be starting")]
    Starting,
    /// The journal could not be written.
    #[error("failed to end room")]
    Failed,
}

/// Why no running room is shown. The texts are the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotShown {
    /// There is none.
    #[error("room not found in active state")]
    NotFound,
    /// It is ending.
    #[error("room is not active")]
    NotActive,
    /// It does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why no meetings can be held.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The media plane is gone.
    #[error("the media plane is gone")]
    Media,
}

/// Why the waiting room stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WaitingError {
    /// There is no such room, or it is over.
    #[error("notifications.room-not-active")]
    NoRoom,
    /// The journal could not be written.
    #[error("the meeting cannot be changed now")]
    Failed,
    /// The room said no.
    #[error(transparent)]
    Refused(#[from] WaitingRefusal),
}

impl From<Silence> for WaitingError {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Over => Self::NoRoom,
            Silence::Stuck => Self::Failed,
        }
    }
}

/// The state of a room that may not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Created or active.
    Active,
    /// Ending.
    Inactive,
    /// No such room.
    Unknown,
}

/// A running room with the people connected to its media.
#[derive(Debug, Clone)]
pub struct ActiveRoom {
    /// As `getActiveRoomInfo` answers it.
    pub room: pnm::ActiveRoomWithParticipant,
    /// Everybody with a live socket whom others may see, connected to media or not.
    pub people: Vec<PersonView>,
    /// Whether anybody ever came.
    pub has_begun: bool,
}

/// What a join token opens.
#[derive(Debug, Clone)]
pub struct Access {
    /// The room.
    pub room: RoomId,
    /// Its running session.
    pub session: SessionId,
    /// The person.
    pub user: UserId,
    /// From the room's list, not from the token (hardening rule S2).
    pub is_admin: bool,
    /// Still in the waiting room.
    pub is_waiting: bool,
    /// 0 web, 1 hybrid.
    pub client_type: i32,
    generation: Option<String>,
}

/// Somebody may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedJoin {
    /// Whether browsers make their own key; `None` without end-to-end encryption.
    pub self_inserted_key: Option<bool>,
}

/// Somebody with a media token wants to enter the media room.
#[derive(Debug, Clone)]
pub struct MediaAdmission {
    /// What is handed to the media plane; the gateway fills in the request and the topology.
    pub join: MediaJoin,
}

impl Meetings {
    /// Takes up every meeting that ran when the process was last alive.
    ///
    /// # Errors
    /// When the store does not answer. A single damaged journal closes that session and is logged.
    pub async fn start(setup: Setup) -> Result<Self, StoreError> {
        let seeing_out = SeeingOut { state: setup.state.clone(), shelf: setup.shelf, webhooks: setup.webhooks.clone() };
        let meetings = Self(Arc::new_cyclic(|house| Inner {
            around: Surroundings {
                seeing_out,
                records: setup.records,
                state: setup.state,
                media: setup.media,
                credentials: Arc::new(setup.credentials),
                webhooks: setup.webhooks,
                uploads: Arc::new(setup.uploads),
                relays: Arc::new(setup.relays),
                house: House(house.clone()),
            },
            rooms: RwLock::new(HashMap::new()),
            lanes: std::iter::repeat_with(Arc::default).take(CREATION_LANES).collect(),
            next_conn: AtomicU64::new(1),
            seeds: Mutex::new(rand::random()),
            analytics: setup.analytics,
        }));
        meetings.restore().await?;
        meetings.reconcile_breakouts().await;
        Ok(meetings)
    }

    async fn restore(&self) -> Result<(), StoreError> {
        let around = &self.0.around;
        let mut running = Vec::new();
        for record in around.records.running_sessions().await? {
            let NewSession { room: id, session, .. } = record.session;
            let entries = around.state.load(&session).await?.into_iter().map(|entry| (entry.key, entry.value));
            match Room::restore(id.clone(), session.clone(), record.id, entries, self.seed(), now()) {
                Ok(Restored { room, damaged }) => {
                    for reason in damaged {
                        warn!(room.id = %id, session.id = %session, %reason, "a part of the journal is left out");
                    }
                    info!(room.id = %id, session.id = %session, "room is taken up again");
                    self.run(id, room);
                    running.push(session);
                }
                Err(reason) => {
                    warn!(room.id = %id, session.id = %session, %reason, "a session could not be taken up and is closed");
                    around.records.close_session(&session, now().unix_ms).await?;
                    // A damaged journal is kept until the next start, for whoever wants to look at it.
                    if matches!(reason, RestoreError::Damaged { .. }) {
                        running.push(session);
                    }
                }
            }
        }
        // What a crash at the end of a session, or between that and the end of its journal, left behind.
        for session in around.state.sessions().await?.into_iter().filter(|session| !running.contains(session)) {
            around.uploads.forget(&session).await;
            around.seeing_out.see_out(&session).await;
        }
        Ok(())
    }

    fn seed(&self) -> u64 {
        let mut seed = self.0.seeds.lock().unwrap_or_else(PoisonError::into_inner);
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        *seed ^ rand::random::<u64>()
    }

    fn run(&self, id: RoomId, room: Room) -> RoomHandle {
        let session = room.session().clone();
        let inner = Arc::downgrade(&self.0);
        let room_id = id.clone();
        let main = room.main_room();
        let done = move |is_over| {
            let Some(inner) = inner.upgrade() else { return };
            let mut rooms = inner.rooms.write().unwrap_or_else(PoisonError::into_inner);
            if rooms.get(&room_id).is_some_and(|handle| *handle.session() == session) {
                rooms.remove(&room_id);
            }
            drop(rooms);
            if is_over {
                tokio::spawn(async move { Self(inner).room_is_over(room_id, main).await });
            }
        };
        let mut rooms = self.0.rooms.write().unwrap_or_else(PoisonError::into_inner);
        let handle = spawn(id.clone(), room, self.0.around.clone(), done);
        rooms.insert(id, handle.clone());
        handle
    }

    pub(crate) fn find(&self, room: &str) -> Option<RoomHandle> {
        self.0.rooms.read().unwrap_or_else(PoisonError::into_inner).get(room).cloned()
    }

    pub(crate) fn handles(&self) -> Vec<RoomHandle> {
        self.0.rooms.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn mint(&self, claims: &JoinClaims) -> String {
        self.0.around.credentials.mint_join(claims, now().unix_ms / 1000)
    }

    /// Waits for the turn of whoever creates or ends a room.
    async fn lane(&self, id: &RoomId) -> OwnedMutexGuard<()> {
        self.0.lanes[lane(id)].clone().lock_owned().await
    }

    /// Creates a room, or answers with the one that runs already (D-06): a room that is ending is waited for. The
    /// request must come from `wire::create`, which applied defaults and limits. Once the work has begun it is carried
    /// through, even if the caller goes away.
    ///
    /// # Errors
    /// When the store fails; then there is no room.
    pub async fn create(&self, request: pnm::CreateRoomReq) -> Result<pnm::ActiveRoomInfo, CreateError> {
        let id = RoomId::try_from(request.room_id.as_str()).map_err(|_| CreateError::InvalidId)?;
        let busy = CreateError::Busy { room: id.clone() };
        match timeout(CREATION_WAIT, self.turn(&id)).await {
            Err(_) => Err(busy),
            Ok(Turn::Taken(answer)) => answer,
            Ok(Turn::Free(lane)) => {
                let meetings = self.clone();
                let work = async move {
                    let created = meetings.create_new(id, request).await;
                    drop(lane);
                    created
                };
                match tokio::spawn(work).await {
                    Ok(created) => created,
                    Err(broken) if broken.is_panic() => std::panic::resume_unwind(broken.into_panic()),
                    // The process stops.
                    Err(_) => Err(busy),
                }
            }
        }
    }

    /// Creates a room that must not run already.
    pub(crate) async fn create_fresh(&self, id: RoomId, request: pnm::CreateRoomReq) -> Result<(), CreateError> {
        match timeout(CREATION_WAIT, self.turn(&id)).await {
            Ok(Turn::Free(lane)) => {
                self.create_new(id, request).await?;
                drop(lane);
                Ok(())
            }
            Ok(Turn::Taken(_)) | Err(_) => Err(CreateError::Busy { room: id }),
        }
    }

    /// Waits until nobody creates or ends this room.
    async fn turn(&self, id: &RoomId) -> Turn {
        loop {
            let lane = self.lane(id).await;
            let Some(running) = self.find(id.as_str()) else { return Turn::Free(lane) };
            match running.view().await {
                Ok(view) if view.phase.is_open() => return Turn::Taken(Ok(view.info)),
                Err(Silence::Stuck) => return Turn::Taken(Err(Unavailable.into())),
                Ok(_) | Err(Silence::Over) => {
                    // Others whose ids fall into the same class need not wait for this room.
                    drop(lane);
                    running.wait_until_over().await;
                    self.let_go(&running);
                }
            }
        }
    }

    /// Takes a room that is over off the map, if its own task has not done so.
    fn let_go(&self, over: &RoomHandle) {
        let mut rooms = self.0.rooms.write().unwrap_or_else(PoisonError::into_inner);
        if rooms.get(over.id()).is_some_and(|handle| handle.session() == over.session()) {
            rooms.remove(over.id());
        }
    }

    async fn create_new(&self, id: RoomId, request: pnm::CreateRoomReq) -> Result<pnm::ActiveRoomInfo, CreateError> {
        let around = &self.0.around;
        let metadata = request.metadata.unwrap_or_default();
        // Ids that grow: new ones lie side by side in the store's indexes, so that a commit touches few pages.
        let session = SessionId::try_from(Uuid::now_v7().to_string().as_str()).map_err(|_| CreateError::InvalidId)?;
        let moment = now();
        let record = NewSession {
            room: id.clone(),
            session: session.clone(),
            title: metadata.room_title.clone(),
            webhook_url: metadata.webhook_url.clone().unwrap_or_default(),
            parent: RoomId::try_from(metadata.parent_room_id.as_str()).ok(),
            created_at_ms: moment.unix_ms,
        };
        let new = NewRoom {
            room: id.clone(),
            session: session.clone(),
            metadata,
            max_participants: request.max_participants.unwrap_or_default(),
            empty_timeout: request.empty_timeout,
            seed: self.seed(),
            may_count: self.0.analytics,
        };
        let mut room = Room::new(new, moment);
        let info = room.view().info;
        let mut writes = Vec::new();
        let mut notices = Vec::new();
        while let Some(output) = room.poll_output() {
            match output {
                Output::Store(entry) => writes.push(StateWrite { key: entry.key, value: entry.value }),
                Output::Notify(notification) => {
                    notices.extend(around.webhooks.notices(&id, &session, room.webhook_url(), &notification));
                }
                // A room that nobody entered has nothing else to say.
                _ => {}
            }
        }
        let is_told = !notices.is_empty();
        let journalled = async {
            if is_told {
                around.state.commit_with(&session, writes, notices).await
            } else {
                around.state.commit(&session, writes).await
            }
        };
        // Both at once: the store makes one commit of them.
        match tokio::join!(around.records.open_session(record), journalled) {
            (Ok(table_id), Ok(())) => room.recorded_as(table_id),
            (Err(failure), _) | (_, Err(failure)) => {
                // What is left over of half a room is cleared by the next start if this fails as well.
                let _ = around.records.close_session(&session, moment.unix_ms).await;
                let _ = around.state.forget(&session).await;
                return Err(CreateError::Store(failure));
            }
        }
        self.run(id, room);
        if is_told {
            around.webhooks.news.notify_one();
        }
        metrics::counter!("plenum_rooms_created_total").increment(1);
        Ok(info)
    }

    /// Passes what happened on the media plane to the room it happened in. A room that is too busy misses it.
    pub fn on_media(&self, event: &MediaEvent) {
        let what = match event.kind {
            MediaEventKind::Joined => MediaStep::Joined,
            MediaEventKind::Left => MediaStep::Left,
            MediaEventKind::Published { .. } => MediaStep::Published,
            MediaEventKind::Unpublished { .. } => MediaStep::Unpublished,
            MediaEventKind::Muted { .. } => MediaStep::Muted,
        };
        let Some(handle) = self.find(event.room.as_str()).filter(|handle| *handle.session() == event.session) else {
            return;
        };
        let participant = Some(event.participant.clone()).filter(|bytes| !bytes.is_empty());
        let track = Some(event.track.clone()).filter(|bytes| !bytes.is_empty());
        let step = OnMedia {
            who: event.identity.clone(),
            what,
            participant: participant.and_then(|bytes| ParticipantInfo::decode(bytes).ok()),
            track: track.and_then(|bytes| TrackInfo::decode(bytes).ok()),
            forwarded: None,
        };
        if !handle.leave(Letter::OnMedia(Box::new(step))) {
            metrics::counter!("plenum_media_events_missed_total").increment(1);
        }
    }

    /// Puts somebody on a room's list and makes their join token.
    ///
    /// # Errors
    /// When there is no such room or it refuses them.
    pub async fn join_token(&self, request: pnm::GenerateTokenReq) -> Result<String, JoinError> {
        let handle = self.find(&request.room_id).ok_or(JoinError::NoRoom)?;
        let user = request.user_info.unwrap_or_default();
        let client_type = user.client_type;
        let ticket = Ticket {
            user_id: user.user_id,
            name: user.name.clone(),
            is_admin: user.is_admin,
            is_hidden: user.is_hidden,
            client_type,
            metadata: user.user_metadata.unwrap_or_default(),
            generation: Uuid::new_v4().to_string(),
            spare_id: UserId::try_from(Uuid::new_v4().to_string().as_str()).map_err(|_| JoinError::NoRoom)?,
        };
        let asked = handle.change(|reply| Letter::Admit(Box::new(ticket), reply)).await;
        let admission = asked.map_err(|silence| match silence {
            Silence::Over => JoinError::NoRoom,
            Silence::Stuck => JoinError::Failed,
        })??;
        let person = room::PersonIdentity {
            name: &user.name,
            generation: &admission.generation,
            is_admin: user.is_admin,
            is_hidden: user.is_hidden,
            client_type,
        };
        let claims = claims_for(handle.id(), handle.session(), &admission.user_id, &person);
        Ok(self.mint(&claims))
    }

    /// Whether a room runs.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn activity(&self, room: &str) -> Result<Activity, Unavailable> {
        let Some(handle) = self.find(room) else { return Ok(Activity::Unknown) };
        match handle.view().await {
            Ok(view) => Ok(view.phase.into()),
            Err(Silence::Over) => Ok(Activity::Unknown),
            Err(Silence::Stuck) => Err(Unavailable),
        }
    }

    /// A running room and who is connected to its media. A room being created is waited for.
    ///
    /// # Errors
    /// Why there is nothing to show.
    pub async fn active_room(&self, room: &str) -> Result<ActiveRoom, NotShown> {
        if let Ok(id) = RoomId::try_from(room) {
            // Whoever creates it for longer than that has not got one to show.
            drop(timeout(CREATION_WAIT, self.lane(&id)).await);
        }
        let handle = self.find(room).ok_or(NotShown::NotFound)?;
        self.show(&handle).await
    }

    /// Every running room, ordered by id.
    ///
    /// # Errors
    /// When one does not answer: leaving it out would say that it is over.
    pub async fn active_rooms(&self) -> Result<Vec<ActiveRoom>, Unavailable> {
        let mut handles = self.handles();
        handles.sort_by(|a, b| a.id().cmp(b.id()));
        let mut rooms = Vec::with_capacity(handles.len());
        for shown in join_all(handles.iter().map(|handle| self.show(handle))).await {
            match shown {
                Ok(room) => rooms.push(room),
                Err(NotShown::NotFound | NotShown::NotActive) => {}
                Err(NotShown::Unavailable(unavailable)) => return Err(unavailable),
            }
        }
        Ok(rooms)
    }

    async fn show(&self, handle: &RoomHandle) -> Result<ActiveRoom, NotShown> {
        let view = match handle.view().await {
            Ok(view) if view.phase.is_open() => view,
            Ok(_) => return Err(NotShown::NotActive),
            Err(Silence::Over) => return Err(NotShown::NotFound),
            Err(Silence::Stuck) => return Err(Unavailable.into()),
        };
        let connected =
            if view.around.is_empty() { Vec::new() } else { self.0.around.media.participants(handle.id()).await };
        let participants_info = participants(&view.around, connected);
        Ok(ActiveRoom {
            room: pnm::ActiveRoomWithParticipant { room_info: Some(view.info), participants_info },
            people: view.around,
            has_begun: view.phase == Phase::Active,
        })
    }

    /// Ends a room; the work goes on after the answer. Ending one that is ending succeeds. A room being created is
    /// waited for.
    ///
    /// # Errors
    /// When there is no such room, or it cannot be ended now.
    pub async fn end(&self, room: &str) -> Result<(), EndError> {
        let id = RoomId::try_from(room).map_err(|_| EndError::NoRoom)?;
        drop(timeout(CREATION_WAIT, self.lane(&id)).await.map_err(|_| EndError::Starting)?);
        let handle = self.find(room).ok_or(EndError::NoRoom)?;
        match handle.change(|reply| Letter::End(EndReason::Asked, reply)).await {
            Ok(()) => Ok(()),
            Err(Silence::Stuck) => Err(EndError::Failed),
            // Perhaps it ended in this moment.
            Err(Silence::Over) => match timeout(CREATION_WAIT, handle.wait_until_over()).await {
                Ok(Last::Ended) => Ok(()),
                Ok(Last::Lost) => Err(EndError::NoRoom),
                Err(_) => Err(EndError::Failed),
            },
        }
    }

    /// Ends a room for somebody in it.
    ///
    /// # Errors
    /// When they may not.
    pub async fn end_as(&self, access: &Access) -> Result<(), EndError> {
        let handle = self.find(access.room.as_str()).ok_or(EndError::NoRoom)?;
        let user = access.user.clone();
        let may = handle.ask(|reply| Letter::MayEnd(user, reply)).await.map_err(|silence| match silence {
            Silence::Over => EndError::NoRoom,
            Silence::Stuck => EndError::Failed,
        })?;
        if !may {
            return Err(EndError::NotAllowed);
        }
        self.end(access.room.as_str()).await
    }

    /// Lets people in from the waiting room.
    ///
    /// # Errors
    /// Why nobody was let in.
    pub async fn let_in(&self, access: &Access, guests: Guests) -> Result<(), WaitingError> {
        let handle = self.find(access.room.as_str()).ok_or(WaitingError::NoRoom)?;
        let by = access.user.clone();
        Ok(handle.change(|reply| Letter::LetIn(by, guests, reply)).await??)
    }

    /// Changes what those who wait read.
    ///
    /// # Errors
    /// Why it stays as it is.
    pub async fn set_waiting_text(&self, access: &Access, text: String) -> Result<(), WaitingError> {
        let handle = self.find(access.room.as_str()).ok_or(WaitingError::NoRoom)?;
        let by = access.user.clone();
        Ok(handle.change(|reply| Letter::SetWaitingText(by, text, reply)).await??)
    }

    /// What a join token opens right now.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub async fn authorize(&self, token: &str) -> Result<Access, AccessError> {
        self.authorize_with_grace(token, 0).await
    }

    async fn authorize_with_grace(&self, token: &str, grace: i64) -> Result<Access, AccessError> {
        let seconds = now().unix_ms / 1000;
        let claims = wire::token::verify_join(&self.0.around.credentials.api, token, seconds, grace)
            .map_err(|error| match error {
                TokenError::Expired => AccessError::Expired,
                TokenError::Invalid => AccessError::Invalid,
            })?
            .claims;
        let user = UserId::try_from(claims.user_id.as_str()).map_err(|_| AccessError::Invalid)?;
        let gone = AccessError::Refused(AuthorizeRefusal::NotActive);
        let handle = self.find(&claims.room_id).ok_or(gone)?;
        if claims.room_sid.as_deref().is_some_and(|sid| sid != handle.session().as_str()) {
            return Err(gone);
        }
        let (asked, generation) = (user.clone(), claims.generation.clone());
        let rights =
            handle.ask(|reply| Letter::Authorize(asked, generation, reply)).await?.map_err(AccessError::Refused)?;
        Ok(Access {
            room: handle.id().clone(),
            session: handle.session().clone(),
            user,
            is_admin: rights.is_admin,
            is_waiting: rights.is_waiting,
            client_type: claims.client_type,
            generation: claims.generation,
        })
    }

    /// Whether the owner of a token may come in now.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn verify_join(&self, access: &Access) -> Result<VerifiedJoin, AccessError> {
        let gone = AccessError::Refused(AuthorizeRefusal::NotActive);
        let handle = self.find(access.room.as_str()).ok_or(gone)?;
        let (user, generation) = (access.user.clone(), access.generation.clone());
        let self_inserted_key =
            handle.ask(|reply| Letter::VerifyJoin(user, generation, reply)).await?.map_err(AccessError::Refused)?;
        Ok(VerifiedJoin { self_inserted_key })
    }

    /// One of the creator's own settings of a running room.
    pub async fn room_extra(&self, room: &str, key: &str) -> Option<String> {
        let handle = self.find(room)?;
        handle.ask(|reply| Letter::Extra(key.to_owned(), reply)).await.ok()?
    }

    /// Opens a messaging socket. A token that ran out less than three hours ago is good for people who were in the meeting
    /// with it: their browser could not renew it while the network was gone. `origin` is where the browser reaches this
    /// server, as a WebSocket URL without a path.
    ///
    /// # Errors
    /// Why the token opens nothing.
    pub async fn open_socket(&self, token: &str, origin: String) -> Result<SocketLink, OpenError> {
        let (access, expired) = match self.authorize_with_grace(token, 0).await {
            Err(AccessError::Expired) => (self.authorize_with_grace(token, RENEWAL_GRACE).await?, true),
            other => (other?, false),
        };
        let gone = AccessError::Refused(AuthorizeRefusal::NotActive);
        let handle = self.find(access.room.as_str()).ok_or(gone)?;
        let conn = ConnId(self.0.next_conn.fetch_add(1, Ordering::Relaxed));
        let user = access.user.clone();
        let (admitted, down) = handle
            .open(|reply| {
                let generation = access.generation;
                Letter::Open(Box::new(Opening { conn, user: access.user, generation, expired, origin, reply }))
            })
            .await
            .map_err(AccessError::from)?
            .map_err(AccessError::Refused)?;
        Ok(SocketLink { conn, room: handle, user, admitted, down })
    }

    /// What a media token opens right now, and the token to continue with.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub async fn enter_media(&self, token: &str) -> Result<MediaAdmission, AccessError> {
        let key = &self.0.around.credentials.media;
        let seconds = now().unix_ms / 1000;
        let claims = wire::token::verify_media(|id| (id == key.id()).then(|| key.secret()), token, seconds)
            .map_err(|error| match error {
                TokenError::Expired => AccessError::Expired,
                TokenError::Invalid => AccessError::Invalid,
            })?
            .claims;
        if !claims.video.room_join {
            return Err(AccessError::Invalid);
        }
        let gone = AccessError::Refused(AuthorizeRefusal::NotActive);
        let handle = self.find(&claims.video.room).ok_or(gone)?;
        if claims.room_sid.as_deref().is_some_and(|sid| sid != handle.session().as_str()) {
            return Err(gone);
        }
        let user = UserId::try_from(claims.identity.as_str()).map_err(|_| AccessError::Invalid)?;
        let identity = Identity::from(&user);
        let generation = claims.generation.clone();
        let entry =
            handle.ask(|reply| Letter::EnterMedia(user, generation, reply)).await?.map_err(AccessError::Refused)?;
        if !entry.permission.subscribe && entry.permission.publish.is_empty() {
            return Err(AccessError::Invalid);
        }
        let relays = &self.0.around.relays;
        Ok(MediaAdmission {
            join: MediaJoin {
                relays: relays.servers(handle.id(), identity.as_str(), seconds),
                relay_only: relays.force && !relays.urls.is_empty(),
                room: handle.id().clone(),
                session: handle.session().clone(),
                identity,
                name: entry.name,
                metadata: claims.metadata,
                attributes: claims.attributes,
                permission: entry.permission,
                request: Bytes::new(),
                topology: ports::media::Topology::Single,
            },
        })
    }

    /// A fresh media token for somebody who is still admitted, with the claims of the old one; `None` if they are not.
    pub async fn refresh_media_token(&self, token: &str) -> Option<String> {
        let key = &self.0.around.credentials.media;
        let seconds = now().unix_ms / 1000;
        self.enter_media(token).await.ok()?;
        let access = wire::token::verify_media(|id| (id == key.id()).then(|| key.secret()), token, seconds).ok()?;
        let validity = self.0.around.credentials.validity_seconds().max(600);
        Some(wire::token::mint_media(key, &access.claims, seconds, validity))
    }

    /// Hands an admitted participant to the media plane.
    ///
    /// # Errors
    /// When the media plane takes nobody now, or the request is malformed.
    pub async fn connect_media(&self, join: MediaJoin) -> Result<SignalLink, ConnectError> {
        self.0.around.media.connect(join).await
    }

    /// Whether meetings can be held: the store answers and the media plane works.
    ///
    /// # Errors
    /// Which of them does not, the store first.
    pub async fn health(&self) -> Result<(), HealthError> {
        self.0.around.records.ping().await?;
        if self.0.around.media.is_alive() { Ok(()) } else { Err(HealthError::Media) }
    }

    /// Stops every room's task once what it was told so far is in the journal. The sessions go on in the next process;
    /// this one must not be asked for anything afterwards.
    pub async fn stop(&self) {
        let rooms = self.handles();
        for room in &rooms {
            room.send(Letter::Stop).await;
        }
        for room in &rooms {
            room.wait_until_over().await;
        }
    }

    /// How many rooms run, for `/metrics`.
    pub fn room_count(&self) -> usize {
        self.0.rooms.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// What whoever wants to create a room finds.
enum Turn {
    /// Nothing, and the right to create it.
    Free(OwnedMutexGuard<()>),
    /// A room that runs.
    Taken(Result<pnm::ActiveRoomInfo, CreateError>),
}

/// Who is connected to the media of a room and known to it, with the metadata the room has of them. A native twin is
/// its owner; where both are connected, the owner has the tracks of both.
fn participants(known: &[PersonView], connected: Vec<Bytes>) -> Vec<ParticipantInfo> {
    let mut found: BTreeMap<&str, ParticipantInfo> = BTreeMap::new();
    let mut connected: Vec<_> = connected.into_iter().filter_map(|bytes| ParticipantInfo::decode(bytes).ok()).collect();
    // Owners before their twins.
    connected.sort_by_key(|participant| participant.identity.ends_with(NATIVE_SUFFIX));
    for mut participant in connected {
        let owner = participant.identity.strip_suffix(NATIVE_SUFFIX).unwrap_or(&participant.identity);
        let Some(person) = known.iter().find(|person| person.id.as_str() == owner) else { continue };
        match found.get_mut(person.id.as_str()) {
            Some(owner) => {
                owner.tracks.append(&mut participant.tracks);
                owner.is_publisher |= participant.is_publisher;
            }
            None => {
                participant.identity = person.id.to_string();
                participant.metadata = person.metadata.to_string();
                found.insert(person.id.as_str(), participant);
            }
        }
    }
    found.into_values().collect()
}

fn lane(id: &RoomId) -> usize {
    let hash = id.as_str().bytes().fold(0usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    hash % CREATION_LANES
}

/// The phase as the API's callers know it.
impl From<Phase> for Activity {
    fn from(phase: Phase) -> Self {
        if phase.is_open() { Self::Active } else { Self::Inactive }
    }
}
