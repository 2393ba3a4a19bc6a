//! The use cases, shared by the HTTP API, the gateway and the command line.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use model::{Identity, RoomId, SessionId, UserId};
use ports::media::{ConnectError, MediaJoin, MediaPlane, SignalLink};
use ports::store::{NewSession, Records, State, StateWrite, StoreError};
use prost::Message;
use room::{
    AdmitRefusal, AuthorizeRefusal, ConnId, EndReason, Guests, NewRoom, Output, Phase, Restored, Room, RoomView,
    Ticket, WaitingRefusal,
};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout;
use tracing::{info, warn};
use uuid::Uuid;
use wire::pnm;
use wire::token::TokenError;

use crate::actor::{Letter, Opening, RoomHandle, Surroundings, now, spawn};
use crate::socket::{OpenError, SocketLink};
use crate::tokens::{Credentials, RENEWAL_GRACE, claims_for};

/// Rooms whose ids fall into the same of this many classes are created one after the other.
const CREATION_LANES: usize = 64;

/// How long a request waits for a room that is being created or ended (http-api.md section 8.4).
const CREATION_WAIT: Duration = Duration::from_secs(15);

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
}

/// Every meeting of this node. Cheap to clone.
#[derive(Clone)]
pub struct Meetings(Arc<Inner>);

struct Inner {
    around: Surroundings,
    rooms: RwLock<HashMap<RoomId, RoomHandle>>,
    lanes: Vec<AsyncMutex<()>>,
    next_conn: AtomicU64,
    seeds: Mutex<u64>,
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
}

/// Why no join token was made.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// There is no such room, or it is over.
    #[error("room is not active")]
    NoRoom,
    /// The room said no.
    #[error(transparent)]
    Refused(#[from] AdmitRefusal),
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
}

/// Why the waiting room stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WaitingError {
    /// There is no such room, or it is over.
    #[error("notifications.room-not-active")]
    NoRoom,
    /// The room said no.
    #[error(transparent)]
    Refused(#[from] WaitingRefusal),
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
        let around = Surroundings {
            records: setup.records,
            state: setup.state,
            media: setup.media,
            credentials: Arc::new(setup.credentials),
        };
        let meetings = Self(Arc::new(Inner {
            around,
            rooms: RwLock::new(HashMap::new()),
            lanes: std::iter::repeat_with(|| AsyncMutex::new(())).take(CREATION_LANES).collect(),
            next_conn: AtomicU64::new(1),
            seeds: Mutex::new(rand::random()),
        }));
        meetings.restore().await?;
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
                    running.push(session);
                }
            }
        }
        // What a crash between the end of a session and the end of its journal left behind.
        for session in around.state.sessions().await?.into_iter().filter(|session| !running.contains(session)) {
            around.state.forget(&session).await?;
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
        let done = move || {
            let Some(inner) = inner.upgrade() else { return };
            let mut rooms = inner.rooms.write().unwrap_or_else(PoisonError::into_inner);
            if rooms.get(&room_id).is_some_and(|handle| *handle.session() == session) {
                rooms.remove(&room_id);
            }
        };
        let mut rooms = self.0.rooms.write().unwrap_or_else(PoisonError::into_inner);
        let handle = spawn(id.clone(), room, self.0.around.clone(), done);
        rooms.insert(id, handle.clone());
        handle
    }

    fn find(&self, room: &str) -> Option<RoomHandle> {
        self.0.rooms.read().unwrap_or_else(PoisonError::into_inner).get(room).cloned()
    }

    async fn view(&self, room: &str) -> Option<RoomView> {
        self.find(room)?.ask(Letter::View).await
    }

    /// Creates a room, or answers with the one that runs already (D-06): a room that is ending is waited for. The
    /// request must come from `wire::create`, which applied defaults and limits.
    ///
    /// # Errors
    /// When the store fails; then there is no room.
    pub async fn create(&self, request: pnm::CreateRoomReq) -> Result<pnm::ActiveRoomInfo, CreateError> {
        let id = RoomId::try_from(request.room_id.as_str()).map_err(|_| CreateError::InvalidId)?;
        let busy = CreateError::Busy { room: id.clone() };
        timeout(CREATION_WAIT, self.create_in_turn(id, request)).await.unwrap_or(Err(busy))
    }

    async fn create_in_turn(
        &self,
        id: RoomId,
        request: pnm::CreateRoomReq,
    ) -> Result<pnm::ActiveRoomInfo, CreateError> {
        loop {
            let lane = self.0.lanes[lane(&id)].lock().await;
            let Some(running) = self.find(id.as_str()) else { return self.create_new(id, request).await };
            match running.ask(Letter::View).await {
                Some(view) if view.phase.is_open() => return Ok(view.info),
                Some(_) | None => {
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
        let session = SessionId::try_from(Uuid::new_v4().to_string().as_str()).map_err(|_| CreateError::InvalidId)?;
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
        };
        let mut room = Room::new(new, moment);
        let info = room.view().info;
        let mut writes = Vec::new();
        while let Some(output) = room.poll_output() {
            if let Output::Store(entry) = output {
                writes.push(StateWrite { key: entry.key, value: entry.value });
            }
        }
        // Both at once: the store makes one commit of them.
        match tokio::join!(around.records.open_session(record), around.state.commit(&session, writes)) {
            (Ok(table_id), Ok(())) => room.recorded_as(table_id),
            (Err(failure), _) | (_, Err(failure)) => {
                // What is left over of half a room is cleared by the next start if this fails as well.
                let _ = around.records.close_session(&session, moment.unix_ms).await;
                let _ = around.state.forget(&session).await;
                return Err(CreateError::Store(failure));
            }
        }
        self.run(id, room);
        metrics::counter!("plenum_rooms_created_total").increment(1);
        Ok(info)
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
        let admission = handle.ask(|reply| Letter::Admit(Box::new(ticket), reply)).await.ok_or(JoinError::NoRoom)??;
        let person = room::PersonIdentity {
            name: &user.name,
            generation: &admission.generation,
            is_admin: user.is_admin,
            is_hidden: user.is_hidden,
            client_type,
        };
        let claims = claims_for(handle.id(), handle.session(), &admission.user_id, &person);
        Ok(self.0.around.credentials.mint_join(&claims, now().unix_ms / 1000))
    }

    /// Whether a room runs.
    pub async fn activity(&self, room: &str) -> Activity {
        self.view(room).await.map_or(Activity::Unknown, |view| view.phase.into())
    }

    /// A running room and who is connected to its media, or `None`. A room being created is waited for.
    pub async fn active_room(&self, room: &str) -> Option<ActiveRoom> {
        if let Ok(id) = RoomId::try_from(room) {
            // Whoever creates it for longer than that has not got one to show.
            let _ = timeout(CREATION_WAIT, self.0.lanes[lane(&id)].lock()).await;
        }
        let handle = self.find(room)?;
        self.with_participants(&handle).await
    }

    /// Every running room, ordered by id.
    pub async fn active_rooms(&self) -> Vec<ActiveRoom> {
        let mut handles: Vec<RoomHandle> =
            self.0.rooms.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        handles.sort_by(|a, b| a.id().cmp(b.id()));
        let mut rooms = Vec::with_capacity(handles.len());
        for handle in handles {
            rooms.extend(self.with_participants(&handle).await);
        }
        rooms
    }

    async fn with_participants(&self, handle: &RoomHandle) -> Option<ActiveRoom> {
        let view = handle.ask(Letter::View).await.filter(|view| view.phase.is_open())?;
        let connected =
            if view.online.is_empty() { Vec::new() } else { self.0.around.media.participants(handle.id()).await };
        let participants_info = connected
            .iter()
            .filter_map(|bytes| wire::livekit::ParticipantInfo::decode(bytes.clone()).ok())
            .filter_map(|mut participant| {
                let person = view.online.iter().find(|person| person.id.as_str() == participant.identity)?;
                participant.metadata = person.metadata.to_string();
                Some(participant)
            })
            .collect();
        Some(ActiveRoom { room: pnm::ActiveRoomWithParticipant { room_info: Some(view.info), participants_info } })
    }

    /// Ends a room; the work goes on after the answer. Ending one that is ending succeeds.
    ///
    /// # Errors
    /// When there is no such room.
    pub async fn end(&self, room: &str) -> Result<(), EndError> {
        let handle = self.find(room).ok_or(EndError::NoRoom)?;
        // No answer means that it ended in this moment.
        let _ = handle.ask(|reply| Letter::End(EndReason::Asked, reply)).await;
        Ok(())
    }

    /// Ends a room for somebody in it.
    ///
    /// # Errors
    /// When they may not.
    pub async fn end_as(&self, access: &Access) -> Result<(), EndError> {
        let handle = self.find(access.room.as_str()).ok_or(EndError::NoRoom)?;
        let user = access.user.clone();
        if !handle.ask(|reply| Letter::MayEnd(user, reply)).await.ok_or(EndError::NoRoom)? {
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
        Ok(handle.ask(|reply| Letter::LetIn(by, guests, reply)).await.ok_or(WaitingError::NoRoom)??)
    }

    /// Changes what those who wait read.
    ///
    /// # Errors
    /// Why it stays as it is.
    pub async fn set_waiting_text(&self, access: &Access, text: String) -> Result<(), WaitingError> {
        let handle = self.find(access.room.as_str()).ok_or(WaitingError::NoRoom)?;
        let by = access.user.clone();
        Ok(handle.ask(|reply| Letter::SetWaitingText(by, text, reply)).await.ok_or(WaitingError::NoRoom)??)
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
        let rights = handle
            .ask(|reply| Letter::Authorize(asked, generation, reply))
            .await
            .ok_or(gone)?
            .map_err(AccessError::Refused)?;
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
    pub async fn verify_join(&self, access: &Access) -> Result<VerifiedJoin, AuthorizeRefusal> {
        let handle = self.find(access.room.as_str()).ok_or(AuthorizeRefusal::NotActive)?;
        let (user, generation) = (access.user.clone(), access.generation.clone());
        let self_inserted_key = handle
            .ask(|reply| Letter::VerifyJoin(user, generation, reply))
            .await
            .ok_or(AuthorizeRefusal::NotActive)??;
        Ok(VerifiedJoin { self_inserted_key })
    }

    /// One of the creator's own settings of a running room.
    pub async fn room_extra(&self, room: &str, key: &str) -> Option<String> {
        let handle = self.find(room)?;
        handle.ask(|reply| Letter::Extra(key.to_owned(), reply)).await?
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
            .ask(|reply| {
                let generation = access.generation;
                Letter::Open(Box::new(Opening { conn, user: access.user, generation, expired, origin, reply }))
            })
            .await
            .ok_or(gone)?
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
        let entry = handle
            .ask(|reply| Letter::EnterMedia(user, generation, reply))
            .await
            .ok_or(gone)?
            .map_err(AccessError::Refused)?;
        if !entry.permission.subscribe && entry.permission.publish.is_empty() {
            return Err(AccessError::Invalid);
        }
        Ok(MediaAdmission {
            join: MediaJoin {
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

    /// Whether the store answers.
    ///
    /// # Errors
    /// What it says instead.
    pub async fn health(&self) -> Result<(), StoreError> {
        self.0.around.records.ping().await
    }

    /// How many rooms run, for `/metrics`.
    pub fn room_count(&self) -> usize {
        self.0.rooms.read().unwrap_or_else(PoisonError::into_inner).len()
    }
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
