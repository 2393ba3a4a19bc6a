//! A LiveKit server that is a note pad: it keeps what it is asked, looks at the grant, and answers what it was given.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "not every test file needs everything")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use media_livekit::Client;
use model::{Identity, RoomId};
use ports::outgoing::{Answer, Method, Outgoing, OutgoingError, Reach, Request};
use prost::Message;
use wire::token::{ApiKey, VideoGrant, verify_media_api};

/// Answers to each method, the first first; the last again and again.
#[derive(Default)]
pub(crate) struct Server {
    asked: Mutex<Vec<(String, Bytes)>>,
    patience: Mutex<Duration>,
    answers: Mutex<Vec<Result<(u16, Bytes), OutgoingError>>>,
    holds: AtomicBool,
}

impl Server {
    pub(crate) fn with(answers: Vec<Result<(u16, Bytes), OutgoingError>>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers), ..Self::default() })
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
        tokio::time::timeout(Duration::from_secs(60), async {
            while self.asked.lock().unwrap().len() < times {
                tokio::task::yield_now().await;
                tokio::time::advance(Duration::from_millis(10)).await;
            }
        })
        .await
        .unwrap();
    }
}

#[async_trait]
impl Outgoing for Server {
    async fn send(&self, request: Request) -> Result<Answer, OutgoingError> {
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
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        answer.map(|(status, body)| Answer { status, retry_after: None, content_type: None, body })
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
