//! What the audit log says of a call.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use super::harness::{KEY, ROOM, Server, signed};
use crate::AUDIT;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn all(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lines = String::from_utf8(bytes).unwrap();
        let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["target"] == AUDIT).collect()
    }

    fn last(&self) -> Value {
        self.all().pop().expect("the call was audited")
    }
}

/// Every test has a thread of its own, so what is heard is this test's.
fn listen() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(lines.clone());
    (lines, log.set_default())
}

#[tokio::test]
async fn a_call_says_who_what_where_and_how_it_went() {
    let (lines, _guard) = listen();
    let server = Server::start().await;

    server.call("/auth/room/create", ROOM).await;
    let created = lines.last();
    server.call("/auth/room/isRoomActive", r#"{"roomId":"nowhere"}"#).await;
    let unknown = lines.last();
    server.call("/auth/recording/info", r#"{"record_id":"rec-1"}"#).await;
    let recording = lines.last();
    server.call("/auth/room/create", "{}").await;
    let invalid = lines.last();

    assert_eq!(created["key"], KEY);
    assert_eq!(created["address"], "0.0.0.0");
    assert_eq!(created["route"], "/auth/room/create");
    assert_eq!(created["room"], "room01");
    assert_eq!((&created["result"], &created["status"]), (&"SUCCESS".into(), &200.into()));
    assert!(created["duration_us"].is_u64(), "{created}");
    assert_eq!((&unknown["room"], &unknown["result"]), (&"nowhere".into(), &"ROOM_NOT_FOUND".into()));
    assert_eq!((&recording["item"], &recording["result"]), (&"rec-1".into(), &"NOT_FOUND".into()));
    assert_eq!(invalid["result"], "INVALID_PARAMETERS");
}

#[tokio::test]
async fn whoever_is_turned_away_is_audited_as_well() {
    let (lines, _guard) = listen();
    let server = Server::start().await;
    let unsigned = |key: &str| {
        let request =
            Request::post("/auth/room/create").header("API-KEY", key).header("HASH-SIGNATURE", "secret-signature");
        request.body(Body::from(ROOM)).unwrap()
    };

    server.send(unsigned("somebody")).await;
    let key = lines.last();
    server.send(unsigned(KEY)).await;
    let signature = lines.last();
    server.send(signed("/auth/nowhere", "{}")).await;
    let nowhere = lines.last();

    let of = |line: &Value| (line["key"].clone(), line["result"].clone(), line["status"].clone());
    assert_eq!(of(&key), ("somebody".into(), "INVALID_API_KEY".into(), 401.into()));
    assert_eq!(of(&signature), (KEY.into(), "INVALID_TOKEN_OR_SIGNATURE".into(), 401.into()));
    assert_eq!(of(&nowhere), (KEY.into(), "Not Found".into(), 404.into()));
    assert!(lines.all().iter().all(|line| !line.to_string().contains("secret-signature")));
}

#[tokio::test]
async fn other_doors_are_audited_and_the_browsers_own_is_not() {
    let (lines, _guard) = listen();
    let server = Server::start().await;

    server.get(&super::bbb::uri("isMeetingRunning", "meetingID=m1")).await;
    let bbb = lines.last();
    server.get(&format!("/{KEY}/bigbluebutton/api/getMeetings?checksum=bad")).await;
    let checksum_error = lines.last();
    server.send(Request::post("/lti/v1").body(Body::empty()).unwrap()).await;
    let lti = lines.last();
    let before = lines.all().len();
    server.send(Request::post("/api/verifyToken").body(Body::empty()).unwrap()).await;
    server.get("/healthCheck").await;

    assert_eq!((&bbb["key"], &bbb["route"]), (&KEY.into(), &"bigbluebutton/api/isMeetingRunning".into()));
    assert_eq!((&bbb["room"], &bbb["result"]), (&"m1".into(), &"SUCCESS".into()));
    assert_eq!(checksum_error["result"], "checksumError");
    assert!(!checksum_error.to_string().contains("=bad"), "the query is no part of it: {checksum_error}");
    assert_eq!(
        (&lti["route"], &lti["result"], &lti["status"]),
        (&"/lti/v1".into(), &"Unauthorized".into(), &401.into())
    );
    assert_eq!(lines.all().len(), before);
}

#[tokio::test]
async fn callers_cannot_write_lines_of_their_own() {
    let (lines, _guard) = listen();
    let server = Server::start().await;
    let room = "x".repeat(5000) + "\\n\\u001b[2Jforged";

    server.call("/auth/room/isRoomActive", &format!(r#"{{"room_id":"{room}"}}"#)).await;
    server.call("/auth/room/isRoomActive", r#"{"room_id":"a\nb\u202ec"}"#).await;

    let all = lines.all();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["room"].as_str().unwrap().chars().count(), 101);
    assert_eq!(all[1]["room"], "a\u{fffd}b\u{fffd}c");
}
