//! The real program with its media on a LiveKit server, which is a note pad here: what a `kill -9` kept from that server reaches
//! it afterwards.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod program;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use futures_util::{SinkExt as _, StreamExt as _};
use prost::Message;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Frame;
use wire::lk;

use crate::program::{Plenum, SECRET};

/// How long anything may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server was asked, and who is in every room of it.
#[derive(Default)]
struct LiveKit {
    asked: Mutex<Vec<(String, Bytes)>>,
    there: Mutex<Vec<lk::ParticipantInfo>>,
    is_gone: AtomicBool,
}

impl LiveKit {
    /// Takes calls at an address of its own, which is returned too.
    async fn start() -> (Arc<Self>, String) {
        let server = Arc::new(Self::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let app = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (server, address)
    }

    fn go(&self, is_gone: bool) {
        self.is_gone.store(is_gone, Ordering::Relaxed);
    }

    fn requests<M: Message + Default>(&self, method: &str) -> Vec<M> {
        let asked = self.asked.lock().unwrap();
        let calls = asked.iter().filter(|(asked, _)| asked == method);
        calls.map(|(_, body)| M::decode(body.clone()).unwrap()).collect()
    }
}

async fn answer(State(server): State<Arc<LiveKit>>, uri: Uri, body: Bytes) -> (StatusCode, Vec<u8>) {
    if server.is_gone.load(Ordering::Relaxed) {
        return (StatusCode::BAD_GATEWAY, Vec::new());
    }
    let Some(method) = uri.path().strip_prefix("/twirp/livekit.RoomService/") else {
        return (StatusCode::OK, Vec::new());
    };
    server.asked.lock().unwrap().push((method.to_owned(), body));
    let participants = server.there.lock().unwrap().clone();
    let list = lk::ListParticipantsResponse { participants };
    (StatusCode::OK, if method == "ListParticipants" { list.encode_to_vec() } else { Vec::new() })
}

fn there(identity: &str, joined_at: i64) -> lk::ParticipantInfo {
    let permission = lk::ParticipantPermission {
        can_subscribe: true,
        can_publish: true,
        can_publish_data: true,
        ..lk::ParticipantPermission::default()
    };
    lk::ParticipantInfo {
        identity: identity.into(),
        joined_at,
        permission: Some(permission),
        ..lk::ParticipantInfo::default()
    }
}

async fn until(is_so: impl AsyncFn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.expect("it comes to be");
}

fn configure(folder: &Path, media_server: &str) {
    let yaml = format!(
        "client: {{port: 0, api_key: key, secret: '{SECRET}'}}\n\
         plenum: {{listen: 127.0.0.1}}\n\
         log_settings: {{log_output: stdout}}\n\
         livekit_info: {{host: 'ws://{media_server}', api_key: devkey, secret: '{SECRET}'}}\n"
    );
    std::fs::write(folder.join("config.yaml"), yaml).unwrap();
}

async fn create(server: &Plenum, locks: serde_json::Value) {
    let metadata = json!({"room_title": "t", "room_features": {}, "default_lock_settings": locks});
    let created = server.ask("room/create", &json!({"room_id": "room01", "metadata": metadata})).await;
    assert_eq!(created["status"], true, "{created}");
}

#[tokio::test]
async fn the_end_of_a_meeting_that_a_kill_kept_from_the_media_server_reaches_it() {
    let folder = tempfile::tempdir().unwrap();
    let (livekit, address) = LiveKit::start().await;
    configure(folder.path(), &address);
    let server = Plenum::start(folder.path());
    create(&server, json!({})).await;
    livekit.go(true);
    let ended = server.ask("room/endRoom", &json!({"room_id": "room01"})).await;
    assert_eq!(ended["status"], true, "{ended}");
    until(async || server.ask("room/isRoomActive", &json!({"room_id": "room01"})).await["is_active"] == false).await;
    drop(server);

    *livekit.there.lock().unwrap() = vec![there("old", 1), there("new", i64::MAX)];
    livekit.go(false);
    let _server = Plenum::start(folder.path());
    until(async || !livekit.requests::<lk::RoomParticipantIdentity>("RemoveParticipant").is_empty()).await;

    let removed = livekit.requests::<lk::RoomParticipantIdentity>("RemoveParticipant");
    let names: Vec<_> = removed.iter().map(|one| (one.room.as_str(), one.identity.as_str())).collect();
    assert_eq!(names, [("room01", "old")]);
}

#[tokio::test]
async fn rights_that_a_kill_kept_from_the_media_server_reach_it_and_nobody_else_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (livekit, address) = LiveKit::start().await;
    configure(folder.path(), &address);
    let server = Plenum::start(folder.path());
    create(&server, json!({"lock_webcam": true})).await;
    let user = json!({"name": "Ann", "user_id": "ann", "is_admin": false, "is_hidden": false});
    let token = server.ask("room/getJoinToken", &json!({"room_id": "room01", "user_info": user})).await;
    let token = token["token"].as_str().unwrap();
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{}/nats", server.address)).await.unwrap();
    let connect =
        json!({"verbose": false, "headers": true, "auth_token": token, "name": "plugnmeet-client-room01_ann"});
    socket.send(Frame::Binary(format!("CONNECT {connect}\r\nPING\r\n").into())).await.unwrap();
    while !socket.next().await.unwrap().unwrap().into_data().windows(4).any(|bytes| bytes == b"PONG") {}
    drop(server);

    *livekit.there.lock().unwrap() = vec![there("ann", 1), there("agent", 1)];
    let _server = Plenum::start(folder.path());
    until(async || !livekit.requests::<lk::UpdateParticipantRequest>("UpdateParticipant").is_empty()).await;

    let updates = livekit.requests::<lk::UpdateParticipantRequest>("UpdateParticipant");
    let [update] = updates.as_slice() else { panic!("one correction, not {updates:?}") };
    let permission = update.permission.clone().unwrap();
    assert_eq!((update.room.as_str(), update.identity.as_str()), ("room01", "ann"));
    let camera = i32::from(lk::TrackSource::Camera);
    assert!(permission.can_publish && !permission.can_publish_sources.is_empty(), "{permission:?}");
    assert!(!permission.can_publish_sources.contains(&camera), "{permission:?}");
    assert!(livekit.requests::<lk::RoomParticipantIdentity>("RemoveParticipant").is_empty());
}
