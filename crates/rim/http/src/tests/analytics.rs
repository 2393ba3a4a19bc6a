//! From a session that was counted to the file an application downloads.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use super::harness::Server;

const COUNTED: &str =
    r#"{"room_id":"counted","metadata":{"room_title":"Counted","room_features":{"enable_analytics":true}}}"#;

#[tokio::test]
async fn what_happened_in_a_session_is_listed_shown_and_downloaded() {
    let server = Server::start().await;
    let created = server.ask("/auth/room/create", COUNTED).await;
    let sid = created["room_info"]["sid"].as_str().unwrap().to_owned();
    let body = r#"{"room_id":"counted","user_info":{"name":"Ana","user_id":"ana","is_admin":true}}"#;
    let token = server.ask("/auth/room/getJoinToken", body).await["token"].as_str().unwrap().to_owned();
    server.meetings.open_socket(&token, "ws://test".into()).await.unwrap().close().await;
    server.ask("/auth/room/endRoom", r#"{"room_id":"counted"}"#).await;
    let listed = async {
        loop {
            let asked = r#"{"room_ids":["counted"],"type":"MEETING_ANALYTICS"}"#;
            let answer = server.ask("/auth/artifact/fetch", asked).await;
            if answer["status"] == true {
                return answer;
            }
            // The file is written by another thread.
            tokio::task::yield_now().await;
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), listed).await.unwrap();
    assert_eq!(answer["result"]["total_artifacts"], "1");
    let artifact = &answer["result"]["artifacts_list"][0];
    let id = artifact["artifact_id"].as_str().unwrap();
    assert_eq!((&artifact["type"], &artifact["room_id"]), (&json!("MEETING_ANALYTICS"), &json!("counted")));
    let info = &artifact["metadata"]["file_info"];
    let path = info["file_path"].as_str().unwrap();
    assert!(path.starts_with(&format!("meeting_analytics/counted/analytics-{sid}-")), "{path}");
    let asked = format!(r#"{{"artifact_id":"{id}"}}"#);
    assert_eq!(server.ask("/auth/artifact/info", &asked).await["artifact_info"], *artifact);
    let old = server.ask("/auth/analytics/fetch", r#"{"room_ids":["counted"]}"#).await;
    assert_eq!(old["result"]["analytics_list"][0]["file_id"], id);

    let asked_as_before = format!(r#"{{"file_id":"{id}"}}"#);
    for (call, asked, download) in [
        ("/auth/artifact/getDownloadToken", &asked, "artifact"),
        ("/auth/analytics/getDownloadToken", &asked_as_before, "analytics"),
    ] {
        let token = server.ask(call, asked).await["token"].as_str().unwrap().to_owned();
        let request = Request::get(format!("/download/{download}/{token}")).body(Body::empty()).unwrap();
        let file = server.send(request).await;
        assert_eq!((file.status, file.kind()), (StatusCode::OK, "application/json"));
        assert_eq!(file.body.len().to_string(), info["file_size"].as_str().unwrap());
        let content = file.json();
        assert_eq!(
            (&content["room"]["room_title"], &content["room"]["room_total_users"]),
            (&json!("Counted"), &json!("1"))
        );
        assert_eq!(content["users"][0]["events"][0]["name"], "joined");
    }

    assert_eq!(server.ask("/auth/artifact/delete", &asked).await["status"], true);
    assert_eq!(server.ask("/auth/artifact/fetch", "{}").await["msg"], "no artifact found");
}
