//! Orders as they reach a LiveKit server, which is a note pad here.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use media_livekit::{Client, LiveKit, Refusal};
use model::media::{CameraView, MediaPermission, Source, Sources};
use model::{Identity, RoomId};
use ports::media::{MediaPlane, MuteError, RemoveReason, TrackChoice};
use ports::outgoing::{Answer, Method, Outgoing, OutgoingError, Reach, Request};
use prost::Message;
use wire::lk;
use wire::token::{ApiKey, VideoGrant, verify_media_api};

/// Answers to each method, the first first; the last again and again.
#[derive(Default)]
struct Server {
    asked: Mutex<Vec<(String, Bytes)>>,
    answers: Mutex<Vec<Result<(u16, Bytes), OutgoingError>>>,
}

impl Server {
    fn with(answers: Vec<Result<(u16, Bytes), OutgoingError>>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers), ..Self::default() })
    }

    fn methods(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(method, _)| method.clone()).collect()
    }

    fn request<M: Message + Default>(&self, number: usize) -> M {
        M::decode(self.asked.lock().unwrap()[number].1.clone()).unwrap()
    }

    async fn until_asked(&self, times: usize) {
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
        assert_eq!(request.reach, Reach::Anywhere);
        let method = request.url.strip_prefix("http://media:7880/base/twirp/livekit.RoomService/").unwrap();
        let token = request.headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        let access = verify_media_api(|_| Some("secret"), token.1.strip_prefix("Bearer ").unwrap(), now()).unwrap();
        let grant = access.claims.video;
        assert!(grant.room_create || (grant.room_admin && grant.room == "room01"), "{method}");
        self.asked.lock().unwrap().push((method.to_owned(), body));
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        answer.map(|(status, body)| Answer { status, retry_after: None, content_type: None, body })
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn client(server: &Arc<Server>) -> Client {
    Client::new(server.clone(), "ws://media:7880/base/", ApiKey::new("key", "secret"))
}

fn room() -> RoomId {
    RoomId::try_from("room01").unwrap()
}

fn ann() -> Identity {
    Identity::try_from("ann").unwrap()
}

fn ok(answer: &impl Message) -> Result<(u16, Bytes), OutgoingError> {
    Ok((200, answer.encode_to_vec().into()))
}

fn told(status: u16, code: &str) -> Result<(u16, Bytes), OutgoingError> {
    Ok((status, format!(r#"{{"code":"{code}","msg":"so"}}"#).into()))
}

const MICROPHONE_ONLY: MediaPermission = MediaPermission {
    publish: Sources::NONE.with(Source::Microphone),
    subscribe: true,
    publish_data: false,
    hidden: false,
    update_own: false,
    moderator: false,
    cameras: CameraView::Everyone,
};

#[tokio::test(start_paused = true)]
async fn orders_of_a_room_reach_the_server_in_their_order() {
    let server = Server::with(vec![ok(&lk::ParticipantInfo::default())]);
    let plane = LiveKit::start(client(&server));

    plane.set_permission(&room(), &ann(), MICROPHONE_ONLY);
    plane.remove(&room(), &ann(), RemoveReason::Duplicate);
    plane.remove(&room(), &ann(), RemoveReason::Left);
    plane.close_room(&room());
    server.until_asked(3).await;

    assert_eq!(server.methods(), ["UpdateParticipant", "RemoveParticipant", "DeleteRoom"]);
    let update: lk::UpdateParticipantRequest = server.request(0);
    let permission = update.permission.unwrap();
    assert_eq!((update.identity.as_str(), permission.can_publish), ("ann", true));
    assert_eq!(permission.can_publish_sources, [i32::from(lk::TrackSource::Microphone)]);
    let removal: lk::RoomParticipantIdentity = server.request(1);
    assert!((now() - removal.revoke_token_ts).abs() < 5, "whoever left may come back with a new token");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_network_spoils_is_made_again_and_one_that_is_refused_is_not() {
    let broken = || Err(OutgoingError::Failed("no route".into()));
    let grant = || VideoGrant { room_create: true, ..VideoGrant::default() };

    let server = Server::with(vec![broken(), told(503, "unavailable"), ok(&lk::Room::default())]);
    assert!(client(&server).call::<lk::Room>("CreateRoom", grant(), &lk::Room::default()).await.is_ok());
    assert_eq!(server.methods().len(), 3);

    let server = Server::with(vec![broken()]);
    let answer = client(&server).call::<lk::Room>("CreateRoom", grant(), &lk::Room::default()).await;
    assert_eq!(answer, Err(Refusal::Unreachable("the request failed: no route".into())));
    assert_eq!(server.methods().len(), 3, "and then no more");

    let server = Server::with(vec![told(401, "unauthenticated")]);
    let answer = client(&server).call::<lk::Room>("CreateRoom", grant(), &lk::Room::default()).await;
    assert_eq!(answer, Err(Refusal::Refused { code: "unauthenticated".into(), text: "so".into() }));
    assert_eq!(server.methods().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_track_to_mute_is_looked_up_and_nobody_is_unmuted() {
    let track = |muted| lk::TrackInfo {
        sid: "TR_1".into(),
        source: lk::TrackSource::Microphone.into(),
        muted,
        ..lk::TrackInfo::default()
    };
    let with = |muted| ok(&lk::ParticipantInfo { tracks: vec![track(muted)], ..lk::ParticipantInfo::default() });
    let microphone = || TrackChoice::Source(Source::Microphone);

    let server = Server::with(vec![with(false), ok(&lk::MuteRoomTrackResponse::default())]);
    let plane = LiveKit::start(client(&server));
    assert_eq!(plane.mute(&room(), &ann(), microphone(), true).await, Ok(()));
    let mute: lk::MuteRoomTrackRequest = server.request(1);
    assert_eq!((mute.track_sid.as_str(), mute.muted), ("TR_1", true));

    for (answer, choice, muted, outcome) in [
        (with(true), microphone(), true, Ok(())),
        (with(true), microphone(), false, Err(MuteError::UnmuteRefused)),
        (with(false), TrackChoice::Sid("TR_2".into()), true, Err(MuteError::NoTrack)),
        (told(404, "not_found"), microphone(), true, Err(MuteError::NoParticipant)),
    ] {
        let server = Server::with(vec![answer]);
        let plane = LiveKit::start(client(&server));
        assert_eq!(plane.mute(&room(), &ann(), choice, muted).await, outcome);
        assert_eq!(server.methods(), ["GetParticipant"]);
    }
}

#[tokio::test(start_paused = true)]
async fn hidden_participants_are_left_out() {
    let person = |identity: &str, hidden| lk::ParticipantInfo {
        identity: identity.into(),
        permission: Some(lk::ParticipantPermission { hidden, ..lk::ParticipantPermission::default() }),
        ..lk::ParticipantInfo::default()
    };
    let participants = vec![person("ann", false), person("bot", true)];
    let server = Server::with(vec![ok(&lk::ListParticipantsResponse { participants })]);

    let list = LiveKit::start(client(&server)).participants(&room()).await;

    let names: Vec<_> = list.into_iter().map(|one| lk::ParticipantInfo::decode(one).unwrap().identity).collect();
    assert_eq!(names, ["ann"]);
}
