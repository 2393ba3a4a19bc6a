//! What needs an engine that this server has not: recorders, gateways, speech services, a converter.

use axum::body::Body;
use axum::http::Request;
use model::{RoomId, SessionId};
use ports::store::{NewSession, SessionRecord};
use prost::Message;
use serde_json::json;
use wire::pnm::{self, RecordingTasks as Task};

use super::harness::{Answer, KEY, NOW, ROOM, SECRET, Server};

const NOT_ACTIVE: &str = "notifications.room-not-active";
const LATER: &str = "this server does not offer this yet";

fn session(room: &str, sid: &str, ended_at_ms: Option<i64>) -> SessionRecord {
    let session = NewSession {
        room: RoomId::try_from(room).unwrap(),
        session: SessionId::try_from(sid).unwrap(),
        title: String::new(),
        webhook_url: String::new(),
        parent: None,
        created_at_ms: NOW * 1000,
    };
    SessionRecord { id: 7, session, joined_participants: 0, ended_at_ms }
}

async fn convert(server: &Server, path: &str, token: &str, body: &'static str) -> Answer {
    let request = Request::post(path).header("authorization", token).header("content-type", "application/json");
    server.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_wish_for_a_recorder_is_checked_and_then_refused_for_want_of_one() {
    let server = Server::start().await;
    let (host, guest) = (server.token("host", true).await, server.token("guest", false).await);
    let sid = server.meetings.authorize(&host).await.unwrap().session.to_string();
    *server.shelf.sessions.lock().unwrap() =
        vec![session("room01", &sid, None), session("other", "elsewhere", None), session("other", "over", Some(1))];
    let wish = |task: Task, sid: &str, url: Option<&str>| pnm::RecordingReq {
        task: task.into(),
        sid: sid.into(),
        rtmp_url: url.map(Into::into),
        ..Default::default()
    };

    for path in ["/api/recording", "/api/rtmp/"] {
        let start = wish(Task::StartRecording, &sid, None);
        server.member(path, &guest, &start).await.refuses("only admin can start recording");
        for unknown in ["", "never-was", "no id", "over"] {
            server.member(path, &host, &wish(Task::StartRecording, unknown, None)).await.refuses(NOT_ACTIVE);
        }
        let elsewhere = wish(Task::StartRecording, "elsewhere", None);
        server.member(path, &host, &elsewhere).await.refuses("roomId in token mismatched");
        let stop = wish(Task::StopRecording, &sid, None);
        server.member(path, &host, &stop).await.refuses("notifications.recording-not-running");
        server.member(path, &host, &wish(Task::StartRtmp, &sid, None)).await.refuses("rtmpUrl required");
        for start in [start, wish(Task::StartRtmp, &sid, Some("rtmp://live.example.org/x"))] {
            server.member(path, &host, &start).await.refuses("notifications.no-recorder-available");
        }
        assert_eq!(server.member(path, "rubbish", &stop).await.status, 401);
    }
}

#[tokio::test]
async fn a_recorder_of_somebody_elses_counts_as_recording() {
    let server = Server::start().await;
    let host = server.token("host", true).await;
    let sid = server.meetings.authorize(&host).await.unwrap().session.to_string();
    server.shelf.sessions.lock().unwrap().push(session("room01", &sid, None));
    let said = pnm::RecorderToPlugNmeet {
        from: "recorder".into(),
        task: Task::StartRecording.into(),
        status: true,
        room_table_id: 7,
        ..Default::default()
    };
    let body = said.encode_to_vec();
    let told = Request::post("/auth/recorder/notify")
        .header("API-KEY", KEY)
        .header("HASH-SIGNATURE", wire::signature::sign(SECRET, &body));
    assert_eq!(server.send(told.body(Body::from(body)).unwrap()).await.status, 200);

    let start = pnm::RecordingReq { task: Task::StartRecording.into(), sid, ..Default::default() };

    let answer = server.member("/api/recording", &host, &start).await;
    answer.refuses("notifications.recording-already-running");
}

#[tokio::test]
async fn gateways_are_refused_by_feature_and_then_for_want_of_them() {
    let dial_in = pnm::EnableSipDialInReq::default();
    let ingress = pnm::CreateIngressReq::default();
    for (allowed, phone, stream) in [
        (false, "sip dial feature isn't allow for this room", "ingress feature isn't allowed for this room"),
        (true, "failed to create SIP dispatch rule", LATER),
    ] {
        let server = Server::start().await;
        let features =
            json!({"sip_dial_in_features": {"is_allow": allowed}, "ingress_features": {"is_allow": allowed}});
        server.ask("/auth/room/create", &ROOM.replace("{}", &features.to_string())).await;
        let (host, guest) = (server.token("host", true).await, server.token("guest", false).await);

        server.member("/api/enableSipDialIn", &host, &dial_in).await.refuses(phone);
        server.member("/api/ingress/create", &host, &ingress).await.refuses(stream);

        for path in ["/api/enableSipDialIn", "/api/ingress/create"] {
            server.member(path, &guest, &dial_in).await.refuses("only admin can perform this task");
            assert_eq!(server.member(path, "rubbish", &dial_in).await.status, 401);
        }
    }
}

#[tokio::test]
async fn speech_services_are_not_configured_for_anybody() {
    let server = Server::start().await;
    let guest = server.token("guest", false).await;
    let nothing = pnm::VerifyTokenReq::default();
    for path in [
        "supportedLangs",
        "transcription/configure",
        "transcription/end",
        "transcription/userSession",
        "transcription/userStatus",
        "translation/chat/configure",
        "translation/chat/end",
        "translation/chat/execute",
        "ai/textChat/configure",
        "ai/textChat/execute",
        "ai/textChat/end",
        "ai/meetingSummarization/configure",
        "ai/meetingSummarization/end",
    ] {
        let path = format!("/api/insights/{path}");
        server.member(&path, &guest, &nothing).await.refuses("insights feature wasn't configured");
        assert_eq!(server.member(&path, "rubbish", &nothing).await.status, 401, "{path}");
        assert_eq!(server.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_file_is_not_converted_and_its_sender_learns_why() {
    let server = Server::start().await;
    let token = server.token("u1", false).await;
    let kind = "application/json; charset=utf-8";
    let later = format!(r#"{{"msg":"{LATER}","status":false,"status_code":"INTERNAL_SERVER_ERROR"}}"#);
    for path in ["/api/whiteboard/convert", "/api/convertWhiteboardFile"] {
        let answer = convert(&server, path, &token, "{").await;
        assert_eq!((answer.status.as_u16(), answer.kind(), &answer.json()["status"]), (200, kind, &json!(false)));
        convert(&server, path, &token, r#"{"roomId":"room01"}"#).await.is(
            400,
            kind,
            r#"{"msg":"file path require","status":false,"status_code":"INVALID_PARAMETERS"}"#,
        );
        convert(&server, path, &token, r#"{"filePath":"sid/a.pdf"}"#).await.is(501, kind, &later);
        assert_eq!(convert(&server, path, "rubbish", "{}").await.status, 401);
    }
    convert(&server, "/api/whiteboard/pdf-export/upload", &token, "").await.is(501, kind, &later);
    let merge = pnm::UploadedFileMergeReq::default();
    server.member("/api/whiteboard/pdf-export/merge", &token, &merge).await.refuses(LATER);
    assert_eq!(server.member("/api/nothingOfTheKind", &token, &merge).await.status, 404);
}
