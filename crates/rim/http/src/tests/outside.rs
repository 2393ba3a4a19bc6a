//! What applications, recorders and other media servers say.

use axum::body::Body;
use axum::http::Request;
use model::{RoomId, SessionId};
use ports::store::{NewSession, SessionRecord};
use prost::Message;
use serde_json::{Value, json};
use wire::pnm::{self, RecordingTasks as Task};
use wire::token::{ApiKey, mint_webhook};

use super::harness::{Answer, KEY, NOW, ROOM, SECRET, Server};

const TEXT: &str = "text/plain; charset=utf-8";

fn common(status: bool, msg: &str, code: &str) -> Value {
    json!({"status": status, "msg": msg, "status_code": code})
}

#[tokio::test]
async fn an_application_speaks_in_a_room() {
    let server = Server::start().await;
    let path = "/auth/room/broadcastToRoom";
    let one = r#"validation error: one of chat_msg, notification_msg must be set"#;
    assert_eq!(server.ask(path, r#"{"room_id":"a"}"#).await, common(false, one, "INVALID_PARAMETERS"));
    let empty = "validation error: chat_msg.message: value is required";
    assert_eq!(server.ask(path, r#"{"room_id":"a","chat_msg":{}}"#).await, common(false, empty, "INVALID_PARAMETERS"));
    let both = r#"{"room_id":"a","chat_msg":{"message":"x"},"notification_msg":{"text":"x"}}"#;
    assert_eq!(server.ask(path, both).await["status_code"], "INVALID_PARAMETERS");
    let chat = r#"{"room_id":"room01","chat_msg":{"message":"hello"}}"#;
    assert_eq!(server.ask(path, chat).await, common(false, "room not found", "ROOM_NOT_FOUND"));

    server.ask("/auth/room/create", ROOM).await;
    assert_eq!(server.ask(path, chat).await, common(true, "success", "SUCCESS"));
    let moderators = r#"{"room_id":"room01","only_to_admins":true,"notification_msg":{"text":"x","type":1}}"#;
    assert_eq!(server.ask(path, moderators).await, common(false, "no online user found", "USER_NOT_FOUND"));

    let token = server.token("guest", false).await;
    let mut link = server.meetings.open_socket(&token, "ws://x".into()).await.unwrap();
    link.credit(100).await;
    assert_eq!(server.ask(path, moderators).await, common(false, "no online admin user found", "USER_NOT_FOUND"));
    let to_one = r#"{"roomId":"room01","toUserId":"guest","notificationMsg":{"text":"for you","withSound":true}}"#;
    assert_eq!(server.ask(path, to_one).await, common(true, "success", "SUCCESS"));
    let said = loop {
        let Some(meeting::Down::Deliver(delivery)) = link.down.recv().await else { continue };
        let message = pnm::NatsMsgServerToClient::decode(delivery.payload).unwrap();
        if message.event() == pnm::NatsMsgServerToClientEvents::SystemNotification {
            break serde_json::from_str::<Value>(&message.msg).unwrap();
        }
    };
    assert_eq!((&said["msg"], &said["with_sound"]), (&json!("for you"), &json!(true)));

    server.ask("/auth/room/endRoom", r#"{"room_id":"room01"}"#).await;
    assert_eq!(server.ask(path, chat).await["status"], false);
}

#[tokio::test]
async fn applications_and_members_learn_which_files_the_client_has() {
    let server = Server::with(|deps| deps.asset_host = Some("https://cdn.example.org".into())).await;
    let token = server.token("u1", false).await;

    let answer = server.call("/auth/getClientFiles", "{}").await;
    let member = server.member("/api/getClientFiles", &token, &pnm::VerifyTokenReq::default()).await;

    assert_eq!((answer.status.as_u16(), answer.kind()), (200, "application/json"));
    assert_eq!((member.kind(), member.text()), ("application/json", answer.text()));
    let answer = answer.json();
    assert_eq!((&answer["status"], &answer["msg"]), (&json!(true), &json!("success")));
    assert_eq!(answer["status_code"], "UNKNOWN_STATUS");
    assert_eq!((&answer["css"], &answer["js"]), (&answer["css_files"], &answer["js_files"]));
    assert_eq!(answer["static_assets_path"], "https://cdn.example.org");
    for name in answer["js"].as_array().unwrap() {
        assert_eq!(server.get(&format!("/assets/js/{}", name.as_str().unwrap())).await.status, 200);
    }
    let plain = Server::start().await.ask("/auth/getClientFiles", "{}").await;
    assert!(plain.get("static_assets_path").is_none());
    assert_eq!(server.member("/api/getClientFiles", "rubbish", &pnm::VerifyTokenReq::default()).await.status, 401);
}

/// The row of the session that runs in `room01`, as recorders know it.
async fn recorded(server: &Server) -> SessionRecord {
    let info = server.ask("/auth/room/create", ROOM).await;
    let session = NewSession {
        room: RoomId::try_from("room01").unwrap(),
        session: SessionId::try_from(info["room_info"]["sid"].as_str().unwrap()).unwrap(),
        title: "Test room".into(),
        webhook_url: String::new(),
        parent: None,
        created_at_ms: NOW * 1000 - 60_000,
    };
    let record = SessionRecord { id: 7, session, joined_participants: 0, ended_at_ms: None };
    server.shelf.sessions.lock().unwrap().push(record.clone());
    record
}

fn said(task: Task) -> pnm::RecorderToPlugNmeet {
    pnm::RecorderToPlugNmeet {
        from: "recorder".into(),
        task: task.into(),
        status: true,
        msg: "done".into(),
        recording_id: "rec-1".into(),
        room_table_id: 7,
        recorder_id: "node_01".into(),
        file_path: "node_01/room01/rec-1.mp4".into(),
        file_size: 12.5,
        ..Default::default()
    }
}

impl Server {
    async fn recorder(&self, body: Vec<u8>) -> Answer {
        let request = Request::post("/auth/recorder/notify")
            .header("API-KEY", KEY)
            .header("HASH-SIGNATURE", wire::signature::sign(SECRET, &body))
            .header("content-type", "application/protobuf");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    fn told(&self) -> Vec<Value> {
        let notices = self.outside.notices.lock().unwrap();
        notices.iter().map(|notice| serde_json::from_slice(&notice.body).unwrap()).collect()
    }

    async fn room(&self) -> Value {
        let info = self.ask("/auth/room/getActiveRoomInfo", r#"{"room_id":"room01"}"#).await;
        info["room"]["room_info"].clone()
    }
}

#[tokio::test]
async fn a_recorder_says_what_it_does() {
    let server = Server::start().await;
    let record = recorded(&server).await;
    for (task, is_recording, is_rtmp, event) in [
        (Task::StartRecording, 1, 0, "start_recording"),
        (Task::StartRtmp, 1, 1, "start_rtmp"),
        (Task::EndRecording, 0, 1, "end_recording"),
        (Task::EndRtmp, 0, 0, "end_rtmp"),
    ] {
        let said = pnm::RecorderToPlugNmeet { file_path: String::new(), file_size: 0.0, ..said(task) };
        server.recorder(said.encode_to_vec()).await.is(200, TEXT, "OK");

        let room = server.room().await;
        assert_eq!((&room["is_recording"], &room["is_active_rtmp"]), (&json!(is_recording), &json!(is_rtmp)));
        let told = server.told().pop().unwrap();
        assert_eq!(told["event"], event);
        assert_eq!(told["room"], json!({"sid": record.session.session.as_str(), "room_id": "room01"}));
        let expected = json!({"record_id": "rec-1", "recorder_id": "node_01", "recorder_msg": "done", "file_path": "", "file_size": 0});
        assert_eq!(told["recording_info"], expected);
        assert_eq!(told["id"].as_str().unwrap().len(), 36);
        assert!(told["created_at"].is_string());
    }
}

#[tokio::test]
async fn a_finished_recording_is_kept_and_told_of_also_after_its_session() {
    let server = Server::start().await;
    let record = recorded(&server).await;
    server.shelf.sessions.lock().unwrap()[0].ended_at_ms = Some(NOW * 1000);
    server.ask("/auth/room/endRoom", r#"{"room_id":"room01"}"#).await;
    server.ask("/auth/room/create", ROOM).await;

    for _ in 0..2 {
        server.recorder(said(Task::RecordingProceeded).encode_to_vec()).await.is(200, TEXT, "OK");
    }

    let recordings = server.shelf.recordings.lock().unwrap().clone();
    assert_eq!(recordings.len(), 1, "said twice, kept once");
    assert_eq!((recordings[0].record_id.as_str(), recordings[0].megabytes), ("rec-1", 12.5));
    assert_eq!(recordings[0].session, record.session.session);
    let metadata: Value = serde_json::from_str(&recordings[0].metadata).unwrap();
    assert_eq!(metadata["title"], "Test room");
    let expected = json!({
        "meeting-title": "Test room", "meeting-created": "2023-11-14T22:12:20Z", "meeting-ended": "2023-11-14T22:13:20Z"
    });
    assert_eq!(metadata["extra_data"], expected);
    let side = server.folder.path().join("recordings/node_01/room01/rec-1.mp4.json");
    let side: Value = serde_json::from_slice(&std::fs::read(side).unwrap()).unwrap();
    assert_eq!((&side["room_table_id"], &side["recording_id"]), (&json!("7"), &json!("rec-1")));
    assert_eq!(side["room_ended"], (NOW * 1000).to_string());
    let told = server.told().pop().unwrap();
    assert_eq!((&told["event"], &told["recording_info"]["file_size"]), (&json!("recording_proceeded"), &json!(12.5)));
    assert_eq!(told["room"]["sid"], record.session.session.as_str());
    assert_eq!(server.room().await["is_recording"], 0, "the session that runs now has nothing to do with it");
}

#[tokio::test]
async fn a_recorder_learns_when_nobody_listens() {
    let server = Server::start().await;
    recorded(&server).await;
    let answer = server.recorder(vec![0xff; 4]).await;
    assert_eq!((answer.status.as_u16(), answer.kind()), (200, "application/json; charset=utf-8"));
    assert_eq!(answer.json()["status"], false);
    assert!(answer.json()["msg"].as_str().unwrap().contains("decode"));
    let stranger = pnm::RecorderToPlugNmeet { from: "somebody".into(), ..said(Task::StartRecording) };
    server.recorder(stranger.encode_to_vec()).await.is(200, TEXT, "OK");
    assert_eq!(server.room().await["is_recording"], 0);
    let elsewhere = pnm::RecorderToPlugNmeet { room_table_id: 8, ..said(Task::StartRecording) };
    server.recorder(elsewhere.encode_to_vec()).await.is(404, TEXT, "Not Found");
    *server.shelf.is_broken.lock().unwrap() = true;
    let proceeded = said(Task::RecordingProceeded).encode_to_vec();
    server.recorder(proceeded).await.is(500, TEXT, "Internal Server Error");
    let unsigned = Request::post("/auth/recorder/notify").header("content-type", "application/protobuf");
    let answer = server.send(unsigned.body(Body::from("x")).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.kind()), (401, "application/protobuf"));
}

fn media_key() -> ApiKey {
    ApiKey::new("APIiYAA5w37Cfo2", "6aNur7qqupeZhFYNOJVUyeXxXhVw8f4lm13pEDUx8SgB")
}

async fn with_media_server() -> Server {
    Server::with(|deps| deps.media_webhooks = Some(media_key())).await
}

impl Server {
    async fn webhook(&self, body: &str) -> Answer {
        self.webhook_signed(&media_key(), body, body).await
    }

    async fn webhook_signed(&self, key: &ApiKey, signed: &str, body: &str) -> Answer {
        let token = mint_webhook(key, signed.as_bytes(), NOW);
        let request =
            Request::post("/webhook").header("content-type", "application/webhook+json").header("authorization", token);
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

/// An event as LiveKit writes it: lowerCamelCase, with more than we know.
fn event(name: &str, more: &str) -> String {
    let at = crate::rooms::create::unix_seconds();
    format!(
        r#"{{"event":"{name}","room":{{"sid":"RM_x","name":"room01","numParticipants":1,"new":{{}}}},"id":"EV_{name}","createdAt":"{at}"{more}}}"#
    )
}

#[tokio::test]
async fn only_the_configured_media_server_is_believed() {
    let server = with_media_server().await;
    let body = event("room_started", "");
    let refused = |answer: Answer| answer.is(403, TEXT, "Forbidden");

    refused(server.send(Request::post("/webhook").body(Body::from(body.clone())).unwrap()).await);
    refused(server.webhook_signed(&ApiKey::new(KEY, SECRET), &body, &body).await);
    refused(server.webhook_signed(&media_key(), "{}", &body).await);
    server.webhook("not json").await.is(422, TEXT, "Unprocessable Entity");
    server.webhook(&body).await.is(200, TEXT, "OK");
    server.advance(361);
    refused(server.webhook(&body).await);
    let nobody = Server::start().await;
    refused(nobody.webhook(&body).await);
}

#[tokio::test]
async fn the_vector_of_the_reference_is_accepted() {
    let server = with_media_server().await;
    let body = r#"{"event":"room_started","room":{"sid":"RM_x","name":"room01"},"id":"EV_1","createdAt":"1700000000"}"#;
    server.webhook(body).await.is(200, TEXT, "OK");
}

#[tokio::test]
async fn what_happens_on_an_outside_media_server_is_passed_on() {
    let server = with_media_server().await;
    server.token("u1", false).await;
    let participant = |identity: &str| format!(r#","participant":{{"sid":"PA_1","identity":"{identity}","name":"N"}}"#);
    let track = r#","track":{"sid":"TR_1","source":"CAMERA","layers":[]}"#;
    for (name, more) in [
        ("room_started", String::new()),
        ("participant_joined", participant("u1")),
        ("participant_joined", participant("u1-native")),
        ("participant_joined", participant("stranger")),
        ("track_published", participant("u1-native") + track),
        ("track_unpublished", participant("u1") + track),
        ("egress_started", String::new()),
        ("participant_left", participant("u1")),
    ] {
        server.webhook(&event(name, &more)).await.is(200, TEXT, "OK");
    }
    server.room().await;

    let told = server.told();
    let events: Vec<_> = told.iter().map(|told| told["event"].as_str().unwrap()).collect();
    let expected = [
        "room_created",
        "room_started",
        "participant_joined",
        "track_published",
        "track_unpublished",
        "participant_left",
    ];
    assert_eq!(events, expected);
    assert_eq!(told[1]["id"], "EV_room_started");
    assert_eq!((&told[3]["participant"]["identity"], &told[3]["track"]["sid"]), (&json!("u1"), &json!("TR_1")));
    assert!(told[3]["room"]["metadata"].is_string());
    assert_ne!(told[3]["room"]["sid"], "RM_x", "the session's own");
}

#[tokio::test]
async fn a_media_server_that_closes_a_room_ends_the_meeting_but_not_the_next_one() {
    let server = with_media_server().await;
    server.token("u1", false).await;
    let old = event("room_finished", "").replace(&crate::rooms::create::unix_seconds().to_string(), "1700000000");

    server.webhook(&old).await.is(200, TEXT, "OK");
    assert_eq!(server.ask("/auth/room/isRoomActive", r#"{"room_id":"room01"}"#).await["is_active"], true);
    server.webhook(&event("room_finished", "").replace("EV_", "EW_")).await.is(200, TEXT, "OK");
    assert_eq!(
        server.ask("/auth/room/isRoomActive", r#"{"room_id":"room01"}"#).await["is_active"],
        true,
        "not its own"
    );
    server.webhook(&event("room_started", "").replace("RM_x", "RM_y")).await.is(200, TEXT, "OK");
    let own = event("room_finished", "").replace("RM_x", "RM_y").replace("EV_", "EX_");
    server.webhook(&own).await.is(200, TEXT, "OK");

    assert_eq!(server.ask("/auth/room/isRoomActive", r#"{"room_id":"room01"}"#).await["is_active"], false);
}
