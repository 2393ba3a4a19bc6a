//! A LiveKit server that is a note pad: it keeps what it is asked, looks at the grant, and answers what it was given.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "not every test file needs everything")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use media_livekit::Client;
use model::{Identity, RoomId};
use ports::outgoing::{Answer, Method, Outgoing, OutgoingError, Reach, Request};
use prost::Message;
use wire::lk;
use wire::token::{ApiKey, VideoGrant, verify_media_api};

/// Answers to each method, the first first; the last again and again.
#[derive(Default)]
pub(crate) struct Server {
    asked: Mutex<Vec<(String, Bytes)>>,
    patience: Mutex<Duration>,
    answers: Mutex<Vec<Result<(u16, Bytes), OutgoingError>>>,
    holds: AtomicBool,
    /// Who is in the room, once that is said; then everybody is told that it is done.
    there: Mutex<Option<Vec<lk::ParticipantInfo>>>,
    /// It cannot be reached, and so often was not.
    is_gone: AtomicBool,
    missed: AtomicUsize,
    /// How long each answer takes.
    slowness: Mutex<Duration>,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Server {
    pub(crate) fn with(answers: Vec<Result<(u16, Bytes), OutgoingError>>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers), ..Self::default() })
    }

    /// One with these people in the room, which does whatever it is asked.
    pub(crate) fn holding(there: Vec<lk::ParticipantInfo>) -> Arc<Self> {
        Arc::new(Self { there: Mutex::new(Some(there)), ..Self::default() })
    }

    /// From now on these are in the room.
    pub(crate) fn now_holds(&self, there: Vec<lk::ParticipantInfo>) {
        *self.there.lock().unwrap() = Some(there);
    }

    pub(crate) fn go(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }

    pub(crate) fn come_back(&self) {
        self.is_gone.store(false, Ordering::Relaxed);
    }

    /// Waits until so many calls did not reach it.
    pub(crate) async fn until_missed(&self, calls: usize) {
        until(|| self.missed.load(Ordering::Relaxed) >= calls).await;
    }

    pub(crate) fn be_slow(&self, slowness: Duration) {
        *self.slowness.lock().unwrap() = slowness;
    }

    /// How many calls waited for an answer at a time, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// The next call is never answered.
    pub(crate) fn hold(&self) {
        self.holds.store(true, Ordering::Relaxed);
    }

    pub(crate) fn methods(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(method, _)| method.clone()).collect()
    }

    /// How long the last call would have waited.
    pub(crate) fn patience(&self) -> Duration {
        *self.patience.lock().unwrap()
    }

    pub(crate) fn request<M: Message + Default>(&self, number: usize) -> M {
        M::decode(self.asked.lock().unwrap()[number].1.clone()).unwrap()
    }

    pub(crate) async fn until_asked(&self, times: usize) {
        until(|| self.asked.lock().unwrap().len() >= times).await;
    }

    async fn answer(&self, method: &str) -> Result<(u16, Bytes), OutgoingError> {
        self.most.fetch_max(self.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        let slowness = *self.slowness.lock().unwrap();
        if !slowness.is_zero() {
            tokio::time::sleep(slowness).await;
        }
        self.now.fetch_sub(1, Ordering::Relaxed);
        if let Some(there) = &*self.there.lock().unwrap() {
            let list = lk::ListParticipantsResponse { participants: there.clone() };
            return match method {
                "ListParticipants" => ok(&list),
                "GetParticipant" => {
                    let last = self.methods().len() - 1;
                    let asked: lk::RoomParticipantIdentity = self.request(last);
                    match there.iter().find(|one| one.identity == asked.identity) {
                        Some(found) => ok(found),
                        None => told(404, "not_found"),
                    }
                }
                _ => Ok((200, Bytes::new())),
            };
        }
        let mut answers = self.answers.lock().unwrap();
        if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
    }
}

/// Waits for something, in the time of the test.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(600), async {
        while !is_so() {
            tokio::task::yield_now().await;
            tokio::time::advance(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

#[async_trait]
impl Outgoing for Server {
    async fn send(&self, request: Request) -> Result<Answer, OutgoingError> {
        if self.is_gone.load(Ordering::Relaxed) {
            self.missed.fetch_add(usize::from(request.method != Method::Get), Ordering::Relaxed);
            return Err(OutgoingError::Failed("no route".into()));
        }
        let Method::Post(body) = request.method else {
            return Ok(Answer { status: 200, retry_after: None, content_type: None, body: Bytes::new() });
        };
        *self.patience.lock().unwrap() = request.patience;
        assert_eq!((request.reach, request.most), (Reach::Anywhere, 16 << 20));
        let method = request.url.strip_prefix("http://media:7880/base/twirp/livekit.RoomService/").unwrap();
        let token = request.headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        let access = verify_media_api(|_| Some("secret"), token.1.strip_prefix("Bearer ").unwrap(), now()).unwrap();
        assert_eq!(access.claims.video, grant_for(method), "{method} needs this and no more");
        self.asked.lock().unwrap().push((method.to_owned(), body));
        if self.holds.swap(false, Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.answer(method).await.map(|(status, body)| Answer { status, retry_after: None, content_type: None, body })
    }
}

fn grant_for(method: &str) -> VideoGrant {
    match method {
        "CreateRoom" | "DeleteRoom" => VideoGrant { room_create: true, ..VideoGrant::default() },
        "ListRooms" => VideoGrant { room_list: true, ..VideoGrant::default() },
        _ => VideoGrant { room_admin: true, room: "room01".into(), ..VideoGrant::default() },
    }
}

pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

pub(crate) fn client(server: &Arc<Server>) -> Client {
    Client::new(server.clone(), "ws://media:7880/base/", ApiKey::new("key", "secret"))
}

pub(crate) fn room() -> RoomId {
    RoomId::try_from("room01").unwrap()
}

pub(crate) fn ann() -> Identity {
    Identity::try_from("ann").unwrap()
}

pub(crate) fn ok(answer: &impl Message) -> Result<(u16, Bytes), OutgoingError> {
    Ok((200, answer.encode_to_vec().into()))
}

pub(crate) fn told(status: u16, code: &str) -> Result<(u16, Bytes), OutgoingError> {
    Ok((status, format!(r#"{{"code":"{code}","msg":"so"}}"#).into()))
}
