//! What sessions leave behind: past rooms, recordings, artifacts, analytics, and their files.

use std::path::PathBuf;

use axum::body::Body;
use axum::http::Request;
use model::{RoomId, SessionId};
use ports::archive::{Archive, Artifact, Recording};
use ports::store::{NewSession, SessionRecord};
use serde_json::{Value, json};

use super::harness::{Answer, KEY, SECRET, Server};

fn common(status: bool, msg: &str, code: &str) -> Value {
    json!({"status": status, "msg": msg, "status_code": code})
}

fn session(n: u64, room: &str, ended_at_ms: Option<i64>) -> SessionRecord {
    SessionRecord {
        id: n,
        session: NewSession {
            room: RoomId::try_from(room).unwrap(),
            session: SessionId::try_from(format!("sid-{n}").as_str()).unwrap(),
            title: format!("Title {n}"),
            webhook_url: "https://example.org/hook".into(),
            parent: None,
            created_at_ms: 1_767_225_600_000,
        },
        joined_participants: 3,
        ended_at_ms,
    }
}

fn recording(id: &str, room: &str, session: u64) -> Recording {
    Recording {
        record_id: id.into(),
        room: RoomId::try_from(room).unwrap(),
        session: SessionId::try_from(format!("sid-{session}").as_str()).unwrap(),
        recorder_id: "node_01".into(),
        file_path: format!("node_01/{id}.mp4"),
        megabytes: 12.3449,
        metadata: r#"{"title":"T","extra_data":{"a":"b"}}"#.into(),
        created_at_ms: 1_767_229_200_500,
        room_created_at_ms: 1_767_225_600_000,
    }
}

fn artifact(id: &str, kind: &str, metadata: &str) -> Artifact {
    Artifact {
        artifact_id: id.into(),
        room: RoomId::try_from("r").unwrap(),
        session: SessionId::try_from("sid-1").unwrap(),
        kind: kind.into(),
        metadata: metadata.into(),
        created_at_ms: 1_767_225_600_000,
    }
}

const ANALYTICS: &str =
    r#"{"file_info":{"file_path":"meeting_analytics/r/a.json","file_size":"2","mime_type":"application/json"}}"#;

impl Server {
    pub(super) async fn seeded() -> Self {
        let server = Self::start().await;
        let over = Some(1_767_229_200_000);
        server.shelf.sessions.lock().unwrap().extend([
            session(1, "r", over),
            session(2, "q", over),
            session(3, "r", None),
        ]);
        for recording in [recording("one", "r", 1), recording("two", "r", 1), recording("three", "q", 2)] {
            server.shelf.add_recording(recording).await.unwrap();
        }
        for artifact in [
            artifact("a", "MEETING_ANALYTICS", ANALYTICS),
            artifact("s", "MEETING_SUMMARY_USAGE", r#"{"token_usage":{"total_tokens":5}}"#),
            artifact("n", "MEETING_SUMMARY", "{}"),
            artifact("broken", "MEETING_SUMMARY", "no JSON"),
        ] {
            server.shelf.add_artifact(artifact).await.unwrap();
        }
        server.write("recordings/node_01/one.mp4", b"0123456789");
        server.write("recordings/node_01/one.mp4.json", b"{}");
        server.write("artifacts/meeting_analytics/r/a.json", b"{}");
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    async fn download(&self, kind: &str, token: &str, range: Option<&str>) -> Answer {
        let mut request = Request::get(format!("/download/{kind}/{token}"));
        if let Some(range) = range {
            request = request.header("range", range);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn file_token(&self, path: &str, body: &str) -> String {
        self.ask(path, body).await["token"].as_str().unwrap().to_owned()
    }

    fn signed_path(path: &str) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        wire::token::mint_download(&wire::token::ApiKey::new(KEY, SECRET), path, now.try_into().unwrap(), 60)
    }
}

#[tokio::test]
async fn past_rooms_are_those_that_ended_newest_first() {
    let server = Server::seeded().await;

    let answer = server.ask("/auth/room/fetchPastRooms", "{}").await;

    let row = |n: u64, room: &str| {
        json!({
            "room_title": format!("Title {n}"), "room_id": room, "room_sid": format!("sid-{n}"),
            "joined_participants": "3", "webhook_url": "https://example.org/hook",
            "created": "2026-01-01T00:00:00Z", "ended": "2026-01-01T01:00:00Z"
        })
    };
    let expected = json!({
        "status": true, "msg": "success", "status_code": "SUCCESS",
        "result": {"total_rooms": "2", "from": 0, "limit": 20, "order_by": "DESC", "rooms_list": [row(2, "q"), row(1, "r")]}
    });
    assert_eq!(answer, expected);
    let answer = server
        .ask("/auth/room/fetchPastRooms", r#"{"roomIds":["q","r","no id"],"from":1,"limit":500,"orderBy":"ASC"}"#)
        .await;
    let result = &answer["result"];
    assert_eq!((&result["total_rooms"], &result["from"], &result["limit"]), (&json!("2"), &json!(1), &json!(100)));
    assert_eq!((&result["order_by"], &result["rooms_list"]), (&json!("ASC"), &json!([row(2, "q")])));
    assert_eq!(
        server.ask("/auth/room/fetchPastRooms", r#"{"room_ids":["unknown"]}"#).await,
        common(false, "no room found", "NOT_FOUND")
    );
}

#[tokio::test]
async fn recordings_are_listed_and_shown() {
    let server = Server::seeded().await;

    let answer = server.ask("/auth/recording/fetch", r#"{"room_ids":["q"]}"#).await;

    let info = json!({
        "record_id": "three", "room_id": "q", "room_sid": "sid-2", "file_path": "node_01/three.mp4",
        "file_size": 12.34, "creation_time": "1767229200", "room_creation_time": "1767225600",
        "metadata": {"title": "T", "subtitles": {}, "extra_data": {"a": "b"}}
    });
    let expected = json!({
        "status": true, "msg": "success", "status_code": "SUCCESS",
        "result": {"total_recordings": "1", "from": 0, "limit": 20, "order_by": "DESC", "recordings_list": [info]}
    });
    assert_eq!(answer, expected);
    let ids = async |body: &str| {
        let answer = server.ask("/auth/recording/fetch", body).await;
        let rows = answer["result"]["recordings_list"].as_array().cloned().unwrap_or_default();
        rows.iter().map(|row| row["record_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(r#"{"room_ids":["q"],"room_sid":"sid-1"}"#).await, ["two", "one"], "a session wins");
    assert_eq!(ids(r#"{"limit":1,"from":1,"order_by":"ASC"}"#).await, ["two"]);
    assert_eq!(
        server.ask("/auth/recording/fetch", r#"{"room_sid":""}"#).await,
        common(false, "no recording found", "NOT_FOUND")
    );
    for path in ["/auth/recording/info", "/auth/recording/recordingInfo"] {
        let answer = server.ask(path, r#"{"record_id":"three"}"#).await;
        assert_eq!(answer["recording_info"], info);
        assert_eq!(answer["room_info"]["created"], "2026-01-01 00:00:00");
        assert_eq!(answer["room_info"]["ended"], "2026-01-01 01:00:00");
        assert_eq!(server.ask(path, r#"{"record_id":"x"}"#).await, common(false, "recording not found", "NOT_FOUND"));
    }
    server.shelf.sessions.lock().unwrap().clear();
    let answer = server.ask("/auth/recording/info", r#"{"record_id":"three"}"#).await;
    assert_eq!((&answer["room_info"]["room_id"], &answer["room_info"]["ended"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn metadata_of_a_recording_is_patched() {
    let server = Server::seeded().await;
    let update = async |body: &str| server.ask("/auth/recording/updateMetadata", body).await;

    let patch = r#"{"record_id":"one","metadata":{"description":"D","subtitles":{"en":{"label":"E","url":"https://x/e.vtt"}},
        "extra_data":{"a":"","c":"d"}}}"#;
    assert_eq!(update(patch).await, common(true, "success", "SUCCESS"));

    let answer = server.ask("/auth/recording/info", r#"{"record_id":"one"}"#).await;
    let expected = json!({
        "title": "T", "description": "D", "subtitles": {"en": {"label": "E", "url": "https://x/e.vtt"}},
        "extra_data": {"c": "d"}
    });
    assert_eq!(answer["recording_info"]["metadata"], expected);
    assert_eq!(update(r#"{"record_id":"one"}"#).await, common(true, "success", "SUCCESS"));
    assert_eq!(update(r#"{"record_id":"x"}"#).await, common(false, "recording not found", "NOT_FOUND"));
    assert_eq!(update("{}").await["msg"], "validation error: record_id: value is required");
    let long = format!(r#"{{"record_id":"one","metadata":{{"title":"{}"}}}}"#, "x".repeat(256));
    assert_eq!(
        update(&long).await,
        common(false, "validation error: metadata.title: must be at most 255 characters", "INVALID_PARAMETERS")
    );
    for part in ["x", "y"] {
        let pairs: Vec<_> = (0..200).map(|n| format!(r#""{part}{n}":"1""#)).collect();
        let patch = format!(r#"{{"record_id":"two","metadata":{{"extra_data":{{{}}}}}}}"#, pairs.join(","));
        let answer = update(&patch).await;
        assert_eq!(answer["status"], part == "x", "{answer}");
    }
    // Each patch is small enough, all of it together is not.
    for (part, is_good) in [("a", true), ("b", true), ("c", true), ("d", true), ("e", false)] {
        let pairs: Vec<_> =
            (0..31).map(|n| format!(r#""{part}{n}":{{"label":"L","url":"{}"}}"#, "x".repeat(2048))).collect();
        let patch = format!(r#"{{"record_id":"one","metadata":{{"subtitles":{{{}}}}}}}"#, pairs.join(","));
        let expected = if is_good {
            common(true, "success", "SUCCESS")
        } else {
            common(false, "metadata would have more than 262144 bytes", "INVALID_PARAMETERS")
        };
        assert_eq!(update(&patch).await, expected, "{part}");
    }
}

#[tokio::test]
async fn a_recording_is_deleted_with_its_files() {
    let server = Server::seeded().await;
    let delete = async |id: &str| server.ask("/auth/recording/delete", &format!(r#"{{"record_id":"{id}"}}"#)).await;

    assert_eq!(delete("one").await, common(true, "success", "SUCCESS"));

    assert_eq!(delete("one").await, common(false, "recording not found", "NOT_FOUND"));
    assert!(!server.path("recordings/node_01").exists(), "the file, what lay beside it and the empty folder");
    assert_eq!(delete("two").await, common(true, "success", "SUCCESS"), "its file never was");
}

#[tokio::test]
async fn merging_is_checked_and_then_refused_for_want_of_a_recorder() {
    let server = Server::seeded().await;
    let merge = async |body: &str| server.ask("/auth/recording/mergeRecordings", body).await;

    for (body, msg, code) in [
        ("{}", "validation error: one of by_session, by_ids must be set", "INVALID_PARAMETERS"),
        (
            r#"{"by_ids":{"room_id":"a","recording_ids":["1"]}}"#,
            "validation error: by_ids.recording_ids: must contain at least 2 item(s)",
            "INVALID_PARAMETERS",
        ),
        (r#"{"by_session":{"room_sid":"nope"}}"#, "room not found", "ROOM_NOT_FOUND"),
        (r#"{"by_session":{"room_sid":"sid-3"}}"#, "recording not found", "NOT_FOUND"),
        (
            r#"{"by_session":{"room_sid":"sid-1","exclude_recording_ids":["one"]}}"#,
            "at least two recordings are required to merge",
            "INVALID_PARAMETERS",
        ),
        (
            r#"{"by_ids":{"room_id":"r","recording_ids":["one","three"]}}"#,
            "one or more of the requested recordings were not found or did not match the room_id",
            "NOT_FOUND",
        ),
        (
            r#"{"by_ids":{"room_id":"r","recording_ids":["one","two"]}}"#,
            "notifications.no-recorder-available",
            "INTERNAL_SERVER_ERROR",
        ),
        (r#"{"by_session":{"room_sid":"sid-1"}}"#, "notifications.no-recorder-available", "INTERNAL_SERVER_ERROR"),
    ] {
        assert_eq!(merge(body).await, common(false, msg, code), "{body}");
    }
}

#[tokio::test]
async fn artifacts_are_listed_and_shown() {
    let server = Server::seeded().await;

    let answer = server.ask("/auth/artifact/fetch", r#"{"type":"MEETING_ANALYTICS","limit":"10"}"#).await;

    let info = json!({
        "artifact_id": "a", "room_id": "r", "type": "MEETING_ANALYTICS", "created": "2026-01-01T00:00:00Z",
        "metadata": {
            "user_info": null, "provider_job_info": null,
            "file_info": {"file_path": "meeting_analytics/r/a.json", "file_size": "2", "mime_type": "application/json"}
        }
    });
    let expected = json!({
        "status": true, "msg": "success", "status_code": "SUCCESS",
        "result": {
            "total_artifacts": "1", "from": "0", "limit": "10", "order_by": "DESC", "type": "MEETING_ANALYTICS",
            "artifacts_list": [info]
        }
    });
    assert_eq!(answer, expected);
    let all = server.ask("/auth/artifact/fetch", "{}").await;
    assert_eq!(all["result"]["total_artifacts"], "4");
    assert_eq!(all["result"]["artifacts_list"].as_array().unwrap().len(), 3, "unreadable metadata is left out");
    assert_eq!(
        server.ask("/auth/artifact/fetch", r#"{"type":99}"#).await,
        common(false, "no artifact found", "NOT_FOUND")
    );
    let answer = server.ask("/auth/artifact/info", r#"{"artifact_id":"a"}"#).await;
    assert_eq!(answer["artifact_info"], info);
    assert_eq!(answer["room_info"]["created"], "2026-01-01 00:00:00");
    assert!(answer["room_info"].get("analytics_file_id").is_none());
    assert_eq!(
        server.ask("/auth/artifact/info", r#"{"artifact_id":"x"}"#).await,
        common(false, "artifact not found", "NOT_FOUND")
    );
}

#[tokio::test]
async fn only_artifacts_with_a_file_are_handed_out_and_deleted() {
    let server = Server::seeded().await;
    let ask = async |call: &str, id: &str| {
        server.ask(&format!("/auth/artifact/{call}"), &format!(r#"{{"artifact_id":"{id}"}}"#)).await
    };

    for (call, id, msg, code) in [
        ("delete", "x", "artifact not found", "NOT_FOUND"),
        ("delete", "s", "deleting 'MEETING_SUMMARY_USAGE' artifact type is not allowed", "INTERNAL_SERVER_ERROR"),
        ("getDownloadToken", "x", "artifact not found", "NOT_FOUND"),
        ("getDownloadToken", "s", "'MEETING_SUMMARY_USAGE' artifact type is not downloadable", "INTERNAL_SERVER_ERROR"),
        ("getDownloadToken", "n", "artifact has no downloadable file", "INTERNAL_SERVER_ERROR"),
    ] {
        assert_eq!(ask(call, id).await, common(false, msg, code), "{call} {id}");
    }
    assert_eq!(ask("delete", "a").await, common(true, "success", "SUCCESS"));
    assert!(!server.path("artifacts/meeting_analytics").exists());
    assert!(server.path("artifacts-trash/meeting_analytics/r/a.json").exists(), "it can be got back for a while");
}

#[tokio::test]
async fn the_old_names_of_analytics_still_answer() {
    let server = Server::seeded().await;

    let answer = server.ask("/auth/analytics/fetch", r#"{"room_ids":["r"]}"#).await;

    let expected = json!({
        "status": true, "msg": "success", "status_code": "UNKNOWN_STATUS",
        "result": {
            "total_analytics": "1", "from": 0, "limit": 20, "order_by": "DESC",
            "analytics_list": [{
                "room_id": "r", "file_id": "a", "file_name": "a.json", "file_size": 2, "creation_time": "1767225600"
            }]
        }
    });
    assert_eq!(answer, expected);
    let token = server.ask("/auth/analytics/getDownloadToken", r#"{"file_id":"a"}"#).await;
    assert_eq!(token["status_code"], "UNKNOWN_STATUS");
    let file = server.download("analytics", token["token"].as_str().unwrap(), None).await;
    file.is(200, "application/json", "{}");
    assert_eq!(
        server.ask("/auth/analytics/fetch", r#"{"room_ids":["q"]}"#).await,
        common(false, "no artifact found", "NOT_FOUND")
    );
    assert_eq!(server.ask("/auth/analytics/delete", r#"{"file_id":"a"}"#).await, common(true, "success", "SUCCESS"));
}

#[tokio::test]
async fn a_file_is_downloaded_whole_and_in_ranges() {
    let server = Server::seeded().await;
    let token = server.file_token("/auth/recording/getDownloadToken", r#"{"record_id":"one"}"#).await;

    let whole = server.download("recording", &token, None).await;
    let part = server.download("recording", &token, Some("bytes=2-4")).await;
    let beyond = server.download("recording", &token, Some("bytes=10-")).await;

    whole.is(200, "application/octet-stream", "0123456789");
    assert_eq!(whole.header("content-disposition"), "attachment; filename=one.mp4");
    assert_eq!((whole.header("accept-ranges"), whole.header("content-length")), ("bytes", "10"));
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert_eq!(whole.header("content-security-policy"), "default-src 'none'; sandbox");
    part.is(206, "application/octet-stream", "234");
    assert_eq!((part.header("content-range"), part.header("content-length")), ("bytes 2-4/10", "3"));
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, "bytes */10"));
}

#[tokio::test]
async fn a_token_opens_its_file_and_nothing_else() {
    let server = Server::seeded().await;
    let key = wire::token::ApiKey::new(KEY, SECRET);
    let text = "text/plain; charset=utf-8";

    for (path, status, msg) in [
        ("", 400, "invalid file path"),
        ("../plenum.db", 400, "invalid file path: contains '..'"),
        ("/etc/passwd", 400, "invalid file path: path is outside the allowed directory"),
        ("node_01/none.mp4", 404, "file not found"),
        ("node_01", 404, "file not found"),
    ] {
        server.download("recording", &Server::signed_path(path), None).await.is(status, text, msg);
    }
    let empty = Server::signed_path("");
    server.download("artifact", &empty, None).await.is(400, text, "invalid file path in token");
    let old = wire::token::mint_download(&key, "node_01/one.mp4", 1_700_000_000, 60);
    server.download("recording", &old, None).await.is(401, text, "token expired");
    server.download("recording", "eyJ.x.y", None).await.is(401, text, "token is invalid");
    let foreign =
        wire::token::mint_download(&wire::token::ApiKey::new(KEY, "other"), "node_01/one.mp4", 1, i64::MAX - 2);
    server.download("recording", &foreign, None).await.is(401, text, "token is invalid");
    let join = server.file_token("/auth/recording/getDownloadToken", r#"{"record_id":"one"}"#).await;
    server.download("artifact", &join, None).await.is(404, text, "file not found");
}

#[tokio::test]
async fn a_broken_store_is_said_without_its_words() {
    let server = Server::seeded().await;
    *server.shelf.is_broken.lock().unwrap() = true;

    for path in ["/auth/recording/fetch", "/auth/recording/info", "/auth/recording/delete"] {
        let answer = server.ask(path, r#"{"record_id":"one"}"#).await;
        assert_eq!(answer, common(false, "could not reach the records", "INTERNAL_SERVER_ERROR"), "{path}");
    }
}
