//! The use cases, shared by the HTTP API, the gateway and the command line.

mod access;
mod create;
mod refusals;
mod shown;
mod take_up;

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use model::RoomId;
use ports::media::report::{Page, RoomReport, RoomSummary};
use ports::media::{MediaEvent, MediaEventKind, MediaPlane};
use ports::media_control::MediaControl;
use ports::store::{Records, State, StoreError};
use prost::Message;
use room::{EndReason, MediaStep, OnMedia, Room};
use tokio::sync::watch;
use tokio::time::timeout;
use wire::livekit::{ParticipantInfo, TrackInfo};
use wire::token::JoinClaims;

use crate::actor::{Last, Letter, RoomHandle, Silence, Surroundings, Unread, now, spawn};
use crate::api_rooms::ApiRooms;
use crate::breakouts::House;
use crate::courier::Webhooks;
use crate::late::LateRecords;
use crate::media_rooms::Revoked;
use crate::outside_media::OutsideMedia;
use crate::relays::Relays;
use crate::seeing_out::SeeingOut;
use crate::shelf::Shelf;
use crate::tokens::Credentials;
use crate::turns::Turns;
use crate::uploads::Uploads;

pub use access::{Access, MediaAdmission, VerifiedJoin};
use create::CREATION_WAIT;
pub use refusals::{AccessError, CreateError, EndError, HealthError, JoinError, NotShown, Unavailable, WaitingError};
pub use shown::{ActiveRoom, Activity};

/// What the application stands on.
pub struct Setup {
    /// Records of sessions.
    pub records: Arc<dyn Records>,
    /// The journal.
    pub state: Arc<dyn State>,
    /// The media plane.
    pub media: Arc<dyn MediaPlane>,
    /// The same, as LiveKit's server API drives it.
    pub control: Arc<dyn MediaControl>,
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
    /// Relays for browsers, as they are now.
    pub relays: watch::Receiver<Relays>,
}

/// Every meeting of this node. Cheap to clone.
#[derive(Clone)]
pub struct Meetings(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) around: Surroundings,
    rooms: RwLock<HashMap<RoomId, RoomHandle>>,
    turns: Turns,
    next_conn: AtomicU64,
    seeds: Mutex<u64>,
    analytics: bool,
    pub(crate) control: Arc<dyn MediaControl>,
    pub(crate) revoked: Revoked,
    pub(crate) api_rooms: ApiRooms,
    pub(crate) outside: OutsideMedia,
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
                relays: setup.relays,
                house: House(house.clone()),
                late: LateRecords::default(),
            },
            rooms: RwLock::new(HashMap::new()),
            turns: Turns::default(),
            next_conn: AtomicU64::new(1),
            seeds: Mutex::new(rand::random()),
            analytics: setup.analytics,
            control: setup.control,
            revoked: Revoked::default(),
            api_rooms: ApiRooms::default(),
            outside: OutsideMedia::default(),
        }));
        meetings.take_up().await?;
        meetings.reconcile_breakouts().await;
        Ok(meetings)
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
            inner.outside.end(&room_id, &session);
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

    /// The rooms of the media plane, for whoever operates the server.
    pub async fn media_overview(&self) -> Vec<RoomSummary> {
        self.0.around.media.rooms().await
    }

    /// Everything that can be told of the media of a page of a room's participants, for whoever operates the server; `None` if
    /// there is no such room.
    pub async fn media_report(&self, room: &RoomId, page: Page) -> Option<RoomReport> {
        self.0.around.media.report(room, page).await
    }

    /// Passes what happened on the media plane to the room it happened in, or to the record of its session if that is over.
    /// A room that is too busy misses it.
    pub fn on_media(&self, event: &MediaEvent) {
        let what = match event.kind {
            MediaEventKind::Opened => return self.tell_of_media(event, Letter::MediaRoom(true)),
            MediaEventKind::Closed => return self.tell_of_media(event, Letter::MediaRoom(false)),
            MediaEventKind::Joined => MediaStep::Joined,
            MediaEventKind::Left => MediaStep::Left,
            MediaEventKind::Aborted => return,
            MediaEventKind::Published { .. } => MediaStep::Published,
            MediaEventKind::Unpublished { .. } => MediaStep::Unpublished,
            MediaEventKind::Muted { .. } => MediaStep::Muted,
            MediaEventKind::Spoke { millis } => MediaStep::Spoke { millis },
            MediaEventKind::Troubled(trouble) => MediaStep::Troubled(trouble),
        };
        let Some(who) = &event.identity else { return };
        let participant = Some(event.participant.clone()).filter(|bytes| !bytes.is_empty());
        let track = Some(event.track.clone()).filter(|bytes| !bytes.is_empty());
        let step = OnMedia {
            who: who.clone(),
            what,
            participant: participant.and_then(|bytes| ParticipantInfo::decode(bytes).ok()),
            track: track.and_then(|bytes| TrackInfo::decode(bytes).ok()),
            forwarded: None,
        };
        self.tell_of_media(event, Letter::OnMedia(Box::new(step)));
    }

    fn tell_of_media(&self, event: &MediaEvent, letter: Letter) {
        let handle = self.find(event.room.as_str()).filter(|handle| *handle.session() == event.session);
        let untold = match handle {
            Some(handle) => handle.leave(letter),
            None => Err(Unread::Over(letter)),
        };
        let is_missed = match untold {
            Ok(()) => false,
            Err(Unread::Full) => true,
            Err(Unread::Over(letter)) => !self.0.around.late.tell(&event.session, letter),
        };
        if is_missed {
            metrics::counter!("plenum_media_events_missed_total").increment(1);
        }
    }

    /// Ends a room; the work goes on after the answer. Ending one that is ending succeeds. A room being created is
    /// waited for.
    ///
    /// # Errors
    /// When there is no such room, or it cannot be ended now.
    pub async fn end(&self, room: &str) -> Result<(), EndError> {
        let id = RoomId::try_from(room).map_err(|_| EndError::NoRoom)?;
        drop(timeout(CREATION_WAIT, self.0.turns.of(&id)).await.map_err(|_| EndError::Starting)?);
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

    /// One of the creator's own settings of a running room.
    pub async fn room_extra(&self, room: &str, key: &str) -> Option<String> {
        let handle = self.find(room)?;
        handle.ask(|reply| Letter::Extra(key.to_owned(), reply)).await.ok()?
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
        self.0.around.late.close_all().await;
    }

    /// How many rooms run, for `/metrics`.
    pub fn room_count(&self) -> usize {
        self.0.rooms.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}
