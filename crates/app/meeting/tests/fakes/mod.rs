//! A store in memory that can be made to fail or to hold its breath, and a media plane that only takes notes.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(dead_code, reason = "each file of tests uses its part")]

mod shelf;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use blobs::{Folders, LocalBlobs};
use bytes::Bytes;
use meeting::{Credentials, Meetings, Setup, Shelf, ShelfRules, WebhookRules, Webhooks};
use model::media::MediaPermission;
use model::{Identity, RoomId, SessionId};
use ports::media::{
    ConnectError, MediaJoin, MediaPlane, MuteError, RemoveReason, RestoredPerson, SignalLink, TrackChoice,
};
use ports::media_control::{ControlError, DataMessage, MediaControl, ParticipantChange, RoomSettings};
use ports::outbox::Notice;
use ports::store::{NewSession, Records, SessionRecord, State, StateEntry, StateWrite, StoreError};
use prost::Message;
use tempfile::TempDir;
use tokio::sync::{Semaphore, mpsc};
use wire::lk;
use wire::pnm;
use wire::token::ApiKey;

pub(crate) use shelf::MemoryShelf;

#[derive(Default)]
struct Kept {
    sessions: Vec<SessionRecord>,
    state: BTreeMap<SessionId, BTreeMap<String, Bytes>>,
    notices: Vec<Notice>,
    broken: bool,
    never_removed: Option<String>,
    never_forgets: bool,
    refusals: usize,
}

/// Survives what the test calls a crash: another `Meetings` on the same store is the next process.
#[derive(Clone)]
pub(crate) struct MemoryStore {
    kept: Arc<Mutex<Kept>>,
    commits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// Of the application whose tokens open meetings.
pub(crate) const SECRET: &str = "a secret of at least thirty-two bytes";

/// The operator's receiver of webhooks.
pub(crate) const HOOK: &str = "https://hooks.example.org/";

const PLENTY: usize = 1 << 20;

impl MemoryStore {
    pub(crate) fn new() -> Self {
        Self { kept: Arc::default(), commits: Arc::new(Semaphore::new(PLENTY)), waiting: Arc::default() }
    }

    pub(crate) fn break_down(&self) {
        self.kept.lock().unwrap().broken = true;
    }

    pub(crate) fn repair(&self) {
        self.kept.lock().unwrap().broken = false;
    }

    /// No commit may remove this key.
    pub(crate) fn never_remove(&self, key: Option<&str>) {
        self.kept.lock().unwrap().never_removed = key.map(str::to_owned);
    }

    /// No journal may be forgotten.
    pub(crate) fn never_forget(&self, never: bool) {
        self.kept.lock().unwrap().never_forgets = never;
    }

    /// How often one of these two was refused.
    pub(crate) fn refusals(&self) -> usize {
        self.kept.lock().unwrap().refusals
    }

    /// From now on commits wait until [`Self::release`].
    pub(crate) fn hold(&self) {
        self.commits.forget_permits(PLENTY);
    }

    pub(crate) fn release(&self) {
        self.commits.add_permits(PLENTY);
    }

    /// How many commits are held at this moment.
    pub(crate) fn waiting_commits(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    pub(crate) fn session(&self, room: &str) -> SessionRecord {
        self.sessions_of(room).pop().unwrap()
    }

    /// All of a room's, the oldest first.
    pub(crate) fn sessions_of(&self, room: &str) -> Vec<SessionRecord> {
        let kept = self.kept.lock().unwrap();
        kept.sessions.iter().filter(|record| record.session.room.as_str() == room).cloned().collect()
    }

    pub(crate) fn keys(&self, session: &SessionId) -> Vec<String> {
        self.kept.lock().unwrap().state.get(session).map(|state| state.keys().cloned().collect()).unwrap_or_default()
    }

    /// What other servers were told, in order.
    pub(crate) fn told(&self) -> Vec<Notice> {
        self.kept.lock().unwrap().notices.clone()
    }

    pub(crate) fn value(&self, session: &SessionId, key: &str) -> Bytes {
        self.kept.lock().unwrap().state[session][key].clone()
    }

    fn check(&self, attempt: &'static str) -> Result<(), StoreError> {
        if self.kept.lock().unwrap().broken {
            return Err(StoreError { attempt, reason: "out of order".into() });
        }
        Ok(())
    }
}

#[async_trait]
impl Records for MemoryStore {
    async fn open_session(&self, session: NewSession) -> Result<u64, StoreError> {
        self.check("open a session")?;
        let mut kept = self.kept.lock().unwrap();
        let id = kept.sessions.len() as u64 + 1;
        kept.sessions.push(SessionRecord { id, session, joined_participants: 0, ended_at_ms: None });
        Ok(id)
    }

    async fn close_session(&self, session: &SessionId, ended_at_ms: i64) -> Result<(), StoreError> {
        self.check("close a session")?;
        let mut kept = self.kept.lock().unwrap();
        if let Some(record) = kept.sessions.iter_mut().find(|record| record.session.session == *session) {
            record.ended_at_ms.get_or_insert(ended_at_ms);
        }
        Ok(())
    }

    async fn set_joined(&self, session: &SessionId, joined_participants: i64) -> Result<(), StoreError> {
        let mut kept = self.kept.lock().unwrap();
        if let Some(record) = kept.sessions.iter_mut().find(|record| record.session.session == *session) {
            record.joined_participants = joined_participants;
        }
        Ok(())
    }

    async fn running_sessions(&self) -> Result<Vec<SessionRecord>, StoreError> {
        self.check("list sessions")?;
        let kept = self.kept.lock().unwrap();
        Ok(kept.sessions.iter().filter(|record| record.ended_at_ms.is_none()).cloned().collect())
    }

    async fn ended_since(&self, since_ms: i64) -> Result<Vec<(RoomId, i64)>, StoreError> {
        let kept = self.kept.lock().unwrap();
        let mut last = BTreeMap::new();
        for record in &kept.sessions {
            if let Some(at) = record.ended_at_ms.filter(|at| *at >= since_ms) {
                let known: &mut i64 = last.entry(record.session.room.clone()).or_default();
                *known = at.max(*known);
            }
        }
        Ok(last.into_iter().collect())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.check("answer")
    }
}

#[async_trait]
impl State for MemoryStore {
    async fn commit(&self, session: &SessionId, writes: Vec<StateWrite>) -> Result<(), StoreError> {
        self.commit_with(session, writes, Vec::new()).await
    }

    async fn commit_with(
        &self,
        session: &SessionId,
        writes: Vec<StateWrite>,
        notices: Vec<Notice>,
    ) -> Result<(), StoreError> {
        self.check("commit")?;
        self.waiting.fetch_add(1, Ordering::SeqCst);
        drop(self.commits.acquire().await.unwrap());
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let mut kept = self.kept.lock().unwrap();
        if writes.iter().any(|write| write.value.is_none() && kept.never_removed.as_ref() == Some(&write.key)) {
            kept.refusals += 1;
            return Err(StoreError { attempt: "commit", reason: "out of order".into() });
        }
        kept.notices.extend(notices);
        let state = kept.state.entry(session.clone()).or_default();
        for write in writes {
            match write.value {
                Some(value) => drop(state.insert(write.key, value)),
                None => drop(state.remove(&write.key)),
            }
        }
        Ok(())
    }

    async fn load(&self, session: &SessionId) -> Result<Vec<StateEntry>, StoreError> {
        let kept = self.kept.lock().unwrap();
        let entries = kept.state.get(session).cloned().unwrap_or_default();
        Ok(entries.into_iter().map(|(key, value)| StateEntry { key, value }).collect())
    }

    async fn sessions(&self) -> Result<Vec<SessionId>, StoreError> {
        Ok(self.kept.lock().unwrap().state.keys().cloned().collect())
    }

    async fn forget(&self, session: &SessionId) -> Result<(), StoreError> {
        let mut kept = self.kept.lock().unwrap();
        if kept.never_forgets {
            kept.refusals += 1;
            return Err(StoreError { attempt: "forget a journal", reason: "out of order".into() });
        }
        kept.state.remove(session);
        Ok(())
    }
}

/// Notes of what a media plane was told.
#[derive(Default)]
pub(crate) struct MediaNotes {
    pub(crate) closed: Mutex<Vec<RoomId>>,
    pub(crate) removed: Mutex<Vec<(Identity, RemoveReason)>>,
    /// Who is connected, encoded.
    pub(crate) connected: Mutex<Vec<Bytes>>,
    /// Rooms that the API made; the first is `RM_1`.
    pub(crate) made: AtomicUsize,
    /// The next removal breaks whoever asks for it.
    pub(crate) breaks: AtomicBool,
    /// Whose rooms were asked for, by joins and by the API.
    pub(crate) asked: Mutex<Vec<SessionId>>,
    /// To so many of those who ask the name of the room is taken, as if a meeting began in that moment.
    pub(crate) taken: AtomicUsize,
    /// A meeting that takes a name when somebody asks next.
    pub(crate) meets: Mutex<Option<(Meetings, String)>>,
    /// Nobody can be taken out by the API.
    pub(crate) is_silent: AtomicBool,
    /// Who was given rights, and which.
    pub(crate) given: Mutex<Vec<(Identity, MediaPermission)>>,
    /// Meetings of a process before, with their people.
    pub(crate) restored: Mutex<Vec<(RoomId, Vec<RestoredPerson>)>>,
    /// Rooms whose meetings ended in a process before, and when, unix seconds.
    pub(crate) ended: Mutex<Vec<(RoomId, i64)>>,
    /// What the API says of anybody from now on, and of whom it said so.
    pub(crate) word: Mutex<Option<ParticipantChange>>,
    pub(crate) said: Mutex<Vec<Identity>>,
}

impl MediaNotes {
    async fn is_taken(&self, session: &SessionId) -> bool {
        self.asked.lock().unwrap().push(session.clone());
        let meets = self.meets.lock().unwrap().take();
        if let Some((meetings, room)) = &meets {
            meetings.create(request(room)).await.unwrap();
        }
        let once_less = |left: usize| left.checked_sub(1);
        meets.is_some() || self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, once_less).is_ok()
    }
}

#[async_trait]
impl MediaPlane for MediaNotes {
    fn is_alive(&self) -> bool {
        true
    }

    async fn connect(&self, join: MediaJoin) -> Result<SignalLink, ConnectError> {
        if self.is_taken(&join.session).await {
            return Err(ConnectError::Taken);
        }
        let (up, _) = mpsc::channel(1);
        let (_, down) = mpsc::channel(1);
        Ok(SignalLink { up, down })
    }

    fn set_permission(&self, _room: &RoomId, who: &Identity, permission: MediaPermission) {
        self.given.lock().unwrap().push((who.clone(), permission));
    }

    fn restore(&self, room: &RoomId, people: Vec<RestoredPerson>) {
        self.restored.lock().unwrap().push((room.clone(), people));
    }

    fn restore_end(&self, room: &RoomId, at: i64) {
        self.ended.lock().unwrap().push((room.clone(), at));
    }

    fn word(&self, _: &RoomId, who: &Identity) -> Option<ParticipantChange> {
        self.word.lock().unwrap().clone().filter(|_| self.said.lock().unwrap().contains(who))
    }

    fn remove(&self, _room: &RoomId, who: &Identity, why: RemoveReason) {
        assert!(!self.breaks.swap(false, Ordering::Relaxed), "the media plane is out of order, as this test wants it");
        self.removed.lock().unwrap().push((who.clone(), why));
    }

    fn close_room(&self, room: &RoomId) {
        self.closed.lock().unwrap().push(room.clone());
    }

    async fn mute(&self, _room: &RoomId, _who: &Identity, _track: TrackChoice, _muted: bool) -> Result<(), MuteError> {
        Err(MuteError::NoParticipant)
    }

    async fn participants(&self, _room: &RoomId) -> Vec<Bytes> {
        self.connected.lock().unwrap().clone()
    }

    async fn drain(&self) {}
}

/// Rooms that the API makes, but for one that cannot be made and one whose making takes too long; nobody is ever in them.
#[async_trait]
impl MediaControl for MediaNotes {
    async fn open_room(&self, room: &RoomId, session: &SessionId, _: RoomSettings) -> Result<Bytes, ControlError> {
        if self.is_taken(session).await {
            return Err(ControlError::Taken);
        }
        match room.as_str() {
            "unmakeable" => Err(ControlError::Refused { code: "invalid_argument".into(), text: "no".into() }),
            "slow" => Err(ControlError::Unavailable),
            name => {
                let sid = format!("RM_{}", self.made.fetch_add(1, Ordering::Relaxed) + 1);
                Ok(lk::Room { name: name.to_owned(), sid, ..lk::Room::default() }.encode_to_vec().into())
            }
        }
    }

    async fn rooms(&self) -> Result<Vec<Bytes>, ControlError> {
        Ok(Vec::new())
    }

    async fn delete_room(&self, room: &RoomId) -> Result<(), ControlError> {
        self.closed.lock().unwrap().push(room.clone());
        Ok(())
    }

    async fn set_room_metadata(&self, _: &RoomId, _: String) -> Result<Bytes, ControlError> {
        Err(ControlError::NoRoom)
    }

    async fn everybody(&self, _: &RoomId) -> Result<Vec<Bytes>, ControlError> {
        Ok(self.connected.lock().unwrap().clone())
    }

    /// Whoever is asked for is there.
    async fn participant(&self, _: &RoomId, _: &Identity) -> Result<Bytes, ControlError> {
        Ok(Bytes::new())
    }

    async fn remove_participant(&self, _: &RoomId, who: &Identity, _: i64) -> Result<(), ControlError> {
        if self.is_silent.load(Ordering::Relaxed) {
            return Err(ControlError::Unavailable);
        }
        self.removed.lock().unwrap().push((who.clone(), RemoveReason::Removed));
        Ok(())
    }

    async fn mute_track(&self, _: &RoomId, _: &Identity, _: &str, _: bool) -> Result<Bytes, ControlError> {
        Err(ControlError::NoTrack)
    }

    /// Nobody is there unless the API has a word.
    async fn update_participant(
        &self,
        _: &RoomId,
        who: &Identity,
        _: ParticipantChange,
    ) -> Result<Bytes, ControlError> {
        self.word.lock().unwrap().as_ref().ok_or(ControlError::NoParticipant)?;
        self.said.lock().unwrap().push(who.clone());
        Ok(Bytes::new())
    }

    async fn update_subscriptions(
        &self,
        _: &RoomId,
        _: &Identity,
        _: Vec<String>,
        _: bool,
    ) -> Result<(), ControlError> {
        Err(ControlError::NoParticipant)
    }

    async fn send_data(&self, _: &RoomId, _: DataMessage) -> Result<(), ControlError> {
        Err(ControlError::NoRoom)
    }
}

/// Waits for that to be so.
pub(crate) async fn until(what: impl Fn() -> bool) {
    /// Rounds, far beyond what any wait needs.
    const MANY: usize = 5000;
    for _ in 0..MANY {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it never came to that");
}

pub(crate) struct House {
    pub(crate) store: MemoryStore,
    pub(crate) shelf: Arc<MemoryShelf>,
    pub(crate) media: Arc<MediaNotes>,
    pub(crate) meetings: Meetings,
    /// Files, gone with the house.
    pub(crate) folder: Arc<TempDir>,
}

fn blobs(folder: &TempDir) -> LocalBlobs {
    let at = |name: &str| folder.path().join(name);
    LocalBlobs::new(Folders {
        recordings: at("recordings"),
        recordings_trash: at("recordings-trash"),
        artifacts: at("artifacts"),
        artifacts_trash: at("artifacts-trash"),
        uploads: at("uploads"),
        upload_parts: at("uploads/.parts"),
    })
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::on(MemoryStore::new()).await
    }

    pub(crate) async fn on(store: MemoryStore) -> Self {
        Self::with(store, Arc::default(), Arc::new(tempfile::tempdir().unwrap())).await
    }

    /// The next process on what this one leaves behind.
    pub(crate) async fn next(&self) -> Self {
        Self::with(self.store.clone(), self.shelf.clone(), self.folder.clone()).await
    }

    /// One whose media runs on another server.
    pub(crate) async fn with_media_elsewhere() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::furnished(MemoryStore::new(), Arc::default(), folder, Some("ws://media".into())).await
    }

    /// The same, and media run on another server.
    pub(crate) async fn next_with_media_elsewhere(&self) -> Self {
        let (store, shelf, folder) = (self.store.clone(), self.shelf.clone(), self.folder.clone());
        Self::furnished(store, shelf, folder, Some("ws://media".into())).await
    }

    async fn with(store: MemoryStore, shelf: Arc<MemoryShelf>, folder: Arc<TempDir>) -> Self {
        Self::furnished(store, shelf, folder, None).await
    }

    async fn furnished(
        store: MemoryStore,
        shelf: Arc<MemoryShelf>,
        folder: Arc<TempDir>,
        media_server: Option<String>,
    ) -> Self {
        let media = Arc::new(MediaNotes::default());
        let meetings = Meetings::start(Setup {
            records: Arc::new(store.clone()),
            state: Arc::new(store.clone()),
            media: media.clone(),
            control: media.clone(),
            credentials: Credentials {
                api: ApiKey::new("key", SECRET),
                media: ApiKey::new("media", "another secret of at least 32 bytes!"),
                media_server,
                validity: Duration::from_secs(600),
            },
            webhooks: Webhooks {
                rules: Arc::new(WebhookRules { url: Some(HOOK.into()), ..WebhookRules::default() }),
                ..Webhooks::default()
            },
            shelf: Shelf::new(shelf.clone(), shelf.clone(), ApiKey::new("key", SECRET), ShelfRules::default()),
            analytics: true,
            uploads: meeting::Uploads::new(Arc::new(blobs(&folder)), meeting::UploadRules::default()),
            relays: tokio::sync::watch::channel(meeting::Relays::default()).1,
        })
        .await
        .unwrap();
        Self { store, shelf, media, meetings, folder }
    }

    pub(crate) async fn create(&self, room: &str) -> pnm::ActiveRoomInfo {
        self.meetings.create(request(room)).await.unwrap()
    }

    pub(crate) async fn token(&self, room: &str, user: &str, is_admin: bool) -> String {
        self.meetings.join_token(ticket(room, user, is_admin)).await.unwrap()
    }
}

pub(crate) fn request(room: &str) -> pnm::CreateRoomReq {
    let metadata = pnm::RoomMetadata {
        room_title: "Test".into(),
        room_features: Some(pnm::RoomCreateFeatures {
            allow_webcams: true,
            allow_view_other_users_list: true,
            chat_features: Some(pnm::ChatFeatures { is_allow: true, is_allow_file_upload: true, ..Default::default() }),
            ..Default::default()
        }),
        ..Default::default()
    };
    pnm::CreateRoomReq { room_id: room.into(), metadata: Some(metadata), ..Default::default() }
}

pub(crate) fn ticket(room: &str, user: &str, is_admin: bool) -> pnm::GenerateTokenReq {
    let user_info = pnm::UserInfo { name: user.into(), user_id: user.into(), is_admin, ..Default::default() };
    pnm::GenerateTokenReq { room_id: room.into(), user_info: Some(user_info) }
}
