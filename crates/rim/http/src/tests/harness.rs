//! A server in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use blobs::{Folders, LocalBlobs};
use bytes::Bytes;
use http_body_util::BodyExt;
use meeting::{Credentials, Meetings, Setup};
use model::media::MediaPermission;
use model::{Identity, RoomId, SessionId};
use ports::media::report::{Page, RoomReport, RoomSummary};
use ports::media::{ConnectError, MediaJoin, MediaPlane, MuteError, RemoveReason, SignalLink, TrackChoice};
use ports::media_control::{ControlError, DataMessage, MediaControl, ParticipantChange, RoomSettings};
use ports::outbox::Notice;
use ports::outgoing::Reach;
use ports::store::{NewSession, Records, SessionRecord, State, StateEntry, StateWrite, StoreError};
use prost::Message;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tower::util::ServiceExt;
use wire::create::{CreateRules, InsightsLimits, ServerAbilities};
use wire::token::ApiKey;
use wire::{livekit, lk, pnm};

use super::shelf::Shelf;
use crate::{
    Backgrounds, FORWARDED_FOR, FrontDoor, HttpDeps, LtiPlatform, LtiSetup, LtiTool, Messaging, RateLimits, router,
};

pub(super) const KEY: &str = "plugnmeet";
pub(super) const SECRET: &str = "zumyyYWqv7KR2kUqvYdq4z4sXg7XTBD2ljT6";
/// When every test begins, in unix seconds: the time of the vectors of http-api.md section 14.
pub(super) const NOW: i64 = 1_700_000_000;
pub(super) const ROOM: &str = r#"{"room_id":"room01","metadata":{"room_title":"Test room","room_features":{}}}"#;

/// The outside, as far as the application notices it.
#[derive(Default)]
pub(super) struct Outside {
    entries: Mutex<BTreeMap<(String, String), Bytes>>,
    rows: AtomicU64,
    /// What went into the outbox.
    pub(super) notices: Mutex<Vec<Notice>>,
    pub(super) store_is_broken: AtomicBool,
    pub(super) media_is_dead: AtomicBool,
    pub(super) on_media: Mutex<Vec<livekit::ParticipantInfo>>,
    pub(super) free_rooms: Mutex<BTreeMap<RoomId, Bytes>>,
    /// What the media plane says to a mute of each identity; of others it knows nothing.
    pub(super) tracks: Mutex<BTreeMap<String, Result<(), MuteError>>>,
    /// What the media plane reports.
    pub(super) report: Mutex<Option<RoomReport>>,
}

impl Outside {
    fn check(&self, attempt: &'static str) -> Result<(), StoreError> {
        if self.store_is_broken.load(Ordering::Relaxed) {
            return Err(StoreError { attempt, reason: "broken".into() });
        }
        Ok(())
    }
}

#[async_trait]
impl Records for Outside {
    async fn open_session(&self, _: NewSession) -> Result<u64, StoreError> {
        self.check("open a session")?;
        Ok(self.rows.fetch_add(1, Ordering::Relaxed) + 1)
    }

    async fn close_session(&self, _: &SessionId, _: i64) -> Result<(), StoreError> {
        self.check("close a session")
    }

    async fn set_joined(&self, _: &SessionId, _: i64) -> Result<(), StoreError> {
        self.check("count people")
    }

    async fn running_sessions(&self) -> Result<Vec<SessionRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn ended_since(&self, _: i64) -> Result<Vec<(RoomId, i64)>, StoreError> {
        Ok(Vec::new())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.check("answer")
    }
}

#[async_trait]
impl State for Outside {
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
        self.notices.lock().unwrap().extend(notices);
        let mut entries = self.entries.lock().unwrap();
        for StateWrite { key, value } in writes {
            match value {
                Some(value) => entries.insert((session.to_string(), key), value),
                None => entries.remove(&(session.to_string(), key)),
            };
        }
        Ok(())
    }

    async fn load(&self, session: &SessionId) -> Result<Vec<StateEntry>, StoreError> {
        let entries = self.entries.lock().unwrap();
        let of_session = entries.iter().filter(|((owner, _), _)| owner == session.as_str());
        Ok(of_session.map(|((_, key), value)| StateEntry { key: key.clone(), value: value.clone() }).collect())
    }

    async fn sessions(&self) -> Result<Vec<SessionId>, StoreError> {
        Ok(Vec::new())
    }

    async fn forget(&self, session: &SessionId) -> Result<(), StoreError> {
        self.entries.lock().unwrap().retain(|(owner, _), _| owner != session.as_str());
        Ok(())
    }
}

#[async_trait]
impl MediaPlane for Outside {
    fn is_alive(&self) -> bool {
        !self.media_is_dead.load(Ordering::Relaxed)
    }

    async fn connect(&self, _: MediaJoin) -> Result<SignalLink, ConnectError> {
        Err(ConnectError::Unavailable)
    }

    fn set_permission(&self, _: &RoomId, _: &Identity, _: MediaPermission) {}

    fn remove(&self, _: &RoomId, _: &Identity, _: RemoveReason) {}

    fn close_room(&self, _: &RoomId) {}

    async fn mute(&self, _: &RoomId, who: &Identity, _: TrackChoice, _: bool) -> Result<(), MuteError> {
        self.tracks.lock().unwrap().get(who.as_str()).copied().unwrap_or(Err(MuteError::NoParticipant))
    }

    async fn participants(&self, _: &RoomId) -> Vec<Bytes> {
        self.on_media.lock().unwrap().iter().map(|participant| participant.encode_to_vec().into()).collect()
    }

    async fn rooms(&self) -> Vec<RoomSummary> {
        let report = self.report.lock().unwrap();
        let summary = |report: &RoomReport| RoomSummary {
            room: report.room.clone(),
            session: report.session.clone(),
            participants: report.participants.len(),
            tracks: 1,
            subscriptions: 2,
        };
        report.as_ref().map(summary).into_iter().collect()
    }

    async fn report(&self, room: &RoomId, page: Page) -> Option<RoomReport> {
        let mut report = self.report.lock().unwrap().clone().filter(|report| report.room == *room)?;
        report.from = page.from;
        report.participants = report.participants.into_iter().skip(page.from).take(page.most).collect();
        Some(report)
    }

    async fn drain(&self) {}
}

/// Free rooms, in which nobody ever is.
#[async_trait]
impl MediaControl for Outside {
    async fn open_room(&self, room: &RoomId, _: &SessionId, set: RoomSettings) -> Result<Bytes, ControlError> {
        let info = lk::Room {
            name: room.to_string(),
            metadata: set.metadata.unwrap_or_default(),
            max_participants: set.max_participants.unwrap_or_default(),
            ..lk::Room::default()
        };
        let info = Bytes::from(info.encode_to_vec());
        self.free_rooms.lock().unwrap().insert(room.clone(), info.clone());
        Ok(info)
    }

    async fn rooms(&self) -> Result<Vec<Bytes>, ControlError> {
        Ok(self.free_rooms.lock().unwrap().values().cloned().collect())
    }

    async fn delete_room(&self, room: &RoomId) -> Result<(), ControlError> {
        self.free_rooms.lock().unwrap().remove(room).map(drop).ok_or(ControlError::NoRoom)
    }

    async fn set_room_metadata(&self, room: &RoomId, _: String) -> Result<Bytes, ControlError> {
        self.free_rooms.lock().unwrap().get(room).cloned().ok_or(ControlError::NoRoom)
    }

    async fn everybody(&self, _: &RoomId) -> Result<Vec<Bytes>, ControlError> {
        Ok(Vec::new())
    }

    async fn participant(&self, _: &RoomId, _: &Identity) -> Result<Bytes, ControlError> {
        Err(ControlError::NoParticipant)
    }

    async fn remove_participant(&self, _: &RoomId, _: &Identity, _: i64) -> Result<(), ControlError> {
        Err(ControlError::NoParticipant)
    }

    async fn mute_track(&self, _: &RoomId, _: &Identity, _: &str, muted: bool) -> Result<Bytes, ControlError> {
        Err(if muted { ControlError::NoTrack } else { ControlError::UnmuteRefused })
    }

    async fn update_participant(&self, _: &RoomId, _: &Identity, _: ParticipantChange) -> Result<Bytes, ControlError> {
        Err(ControlError::TooLarge("metadata"))
    }

    async fn update_subscriptions(
        &self,
        _: &RoomId,
        _: &Identity,
        _: Vec<String>,
        _: bool,
    ) -> Result<(), ControlError> {
        Err(ControlError::Unavailable)
    }

    async fn send_data(&self, _: &RoomId, _: DataMessage) -> Result<(), ControlError> {
        Err(ControlError::NoRoom)
    }
}

pub(super) struct Server {
    pub(super) outside: Arc<Outside>,
    pub(super) shelf: Arc<Shelf>,
    /// The data folder, gone with the server.
    pub(super) folder: TempDir,
    pub(super) meetings: Meetings,
    clock: Arc<AtomicI64>,
    router: Router,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server whose settings `change` has a say in.
    pub(super) async fn with(change: impl FnOnce(&mut HttpDeps)) -> Self {
        let outside = Arc::new(Outside::default());
        let shelf = Arc::new(Shelf::default());
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let blobs = LocalBlobs::new(Folders {
            recordings: at("recordings"),
            recordings_trash: at("recordings-trash"),
            artifacts: at("artifacts"),
            artifacts_trash: at("artifacts-trash"),
            uploads: at("uploads"),
            upload_parts: at("uploads/.parts"),
        });
        let blobs = Arc::new(blobs);
        let on_shelf =
            meeting::Shelf::new(shelf.clone(), blobs.clone(), ApiKey::new(KEY, SECRET), meeting::ShelfRules::default());
        let meetings = Meetings::start(Setup {
            records: outside.clone(),
            state: outside.clone(),
            media: outside.clone(),
            control: outside.clone(),
            credentials: Credentials {
                api: ApiKey::new(KEY, SECRET),
                media: ApiKey::new("media", "media-secret"),
                media_server: None,
                validity: Duration::from_secs(600),
            },
            webhooks: webhooks(),
            shelf: on_shelf.clone(),
            analytics: true,
            uploads: meeting::Uploads::new(blobs.clone(), upload_rules()),
            relays: watch::channel(meeting::Relays { direct: Some(media_here()), ..Default::default() }).1,
        })
        .await
        .unwrap();
        let abilities = ServerAbilities { insights: Some(InsightsLimits::default()), sip: true };
        let clock = Arc::new(AtomicI64::new(NOW));
        let held = clock.clone();
        let mut deps = HttpDeps {
            lti: lti_tool(folder.path(), Vec::new(), false),
            meetings: meetings.clone(),
            clock: Arc::new(move || held.load(Ordering::Relaxed)),
            api: ApiKey::new(KEY, SECRET),
            shelf: on_shelf,
            rules: CreateRules { abilities, ..CreateRules::default() },
            max_body: 4 * 1024 * 1024,
            messaging: Messaging::default(),
            public_url: None,
            version: "1.2.3".into(),
            front_door: FrontDoor::Open,
            trusts_proxy: Arc::new(|_| false),
            proxy_header: FORWARDED_FOR,
            frame_ancestors: "'self'".into(),
            limits: RateLimits::default(),
            prometheus: None,
            outgoing: Arc::new(notify::HttpOutgoing::new().unwrap()),
            documents: Reach::Public,
            asset_host: None,
            backgrounds: Backgrounds::default(),
            media_webhooks: None,
        };
        change(&mut deps);
        Self { outside, shelf, folder, meetings, clock, router: router(deps) }
    }

    /// Lets time pass for what looks at the clock: [`NOW`] at the start.
    pub(super) fn advance(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// A signed call of an application.
    pub(super) async fn call(&self, path: &str, body: &str) -> Answer {
        self.send(signed(path, body)).await
    }

    /// The JSON of a successful call.
    pub(super) async fn ask(&self, path: &str, body: &str) -> Value {
        let answer = self.call(path, body).await;
        assert_eq!((answer.status, answer.kind()), (StatusCode::OK, "application/json"));
        answer.json()
    }

    /// A join token for `user` in `room01`, which is made if it does not run.
    pub(super) async fn token(&self, user: &str, is_admin: bool) -> String {
        self.ask("/auth/room/create", ROOM).await;
        let body =
            format!(r#"{{"room_id":"room01","user_info":{{"name":"N","user_id":"{user}","is_admin":{is_admin}}}}}"#);
        self.ask("/auth/room/getJoinToken", &body).await["token"].as_str().unwrap().to_owned()
    }

    /// A call of the browser.
    pub(super) async fn member(&self, path: &str, token: &str, body: &impl Message) -> Answer {
        let request = Request::post(path)
            .header("host", "meet.example.org")
            .header("content-type", "application/protobuf")
            .header("authorization", token)
            .body(Body::from(body.encode_to_vec()))
            .unwrap();
        self.send(request).await
    }

    /// A call of the front door.
    pub(super) async fn knock(&self, path: &str, body: &str) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

/// Where media is, as a browser is told that tries to reach it.
fn media_here() -> meeting::DirectWays {
    let login = |who: &str, _: u64| (who.to_owned(), "password".to_owned());
    meeting::DirectWays { urls: vec!["turn:192.0.2.1:8080?transport=udp".into()], login: Arc::new(login) }
}

/// Everything that happens is told to somebody.
fn webhooks() -> meeting::Webhooks {
    let rules = meeting::WebhookRules { url: Some("https://example.org/hook".into()), ..Default::default() };
    meeting::Webhooks { rules: Arc::new(rules), ..meeting::Webhooks::default() }
}

/// Small, so that tests need not send much.
fn upload_rules() -> meeting::UploadRules {
    meeting::UploadRules {
        max_bytes: 2 << 20,
        max_whiteboard_bytes: 1 << 20,
        room_bytes: 3 << 20,
        ..Default::default()
    }
}

/// A tool with its files in a folder.
pub(super) fn lti_tool(folder: &Path, platforms: Vec<LtiPlatform>, allow_private: bool) -> LtiTool {
    LtiTool::open(LtiSetup {
        folder: folder.to_owned(),
        platforms,
        allow_private,
        outgoing: Arc::new(notify::HttpOutgoing::new().unwrap()),
    })
    .unwrap()
}

pub(super) fn signed(path: &str, body: &str) -> Request<Body> {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/json")
        .header("API-KEY", KEY)
        .header("HASH-SIGNATURE", wire::signature::sign(SECRET, body.as_bytes()))
        .body(Body::from(body.to_owned()))
        .unwrap()
}

impl Answer {
    pub(super) fn kind(&self) -> &str {
        self.header("content-type")
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn is(&self, status: u16, kind: &str, body: &str) {
        assert_eq!((self.status.as_u16(), self.kind(), self.text()), (status, kind, body));
    }

    /// A binary `CommonResponse` that says no with HTTP 200.
    pub(super) fn refuses(&self, msg: &str) {
        assert_eq!((self.status, self.kind()), (StatusCode::OK, "application/protobuf"));
        let answer = pnm::CommonResponse::decode(self.body.clone()).unwrap();
        assert_eq!((answer.status, answer.msg.as_str(), answer.status_code), (false, msg, 0));
    }
}
