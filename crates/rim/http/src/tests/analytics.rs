//! From a session that was counted to the file an application downloads.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use prost::Message;
use serde_json::json;
use wire::pnm;

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

#[tokio::test]
async fn the_results_of_polls_are_a_table_for_the_same_token() {
    let server = Server::start().await;
    server.ask("/auth/room/create", COUNTED).await;
    let body = r#"{"room_id":"counted","user_info":{"name":"Ana","user_id":"ana","is_admin":true}}"#;
    let token = server.ask("/auth/room/getJoinToken", body).await["token"].as_str().unwrap().to_owned();
    let link = server.meetings.open_socket(&token, "ws://test".into()).await.unwrap();
    let option = |id, text: &str| pnm::CreatePollOptions { id, text: text.into() };
    let wish = pnm::CreatePollReq {
        question: "=Tea?".into(),
        options: vec![option(1, "yes"), option(2, "no")],
        ..Default::default()
    };
    let made = pnm::PollResponse::decode(server.member("/api/polls/create", &token, &wish).await.body).unwrap();
    let vote =
        pnm::SubmitPollResponseReq { poll_id: made.poll_id.clone().unwrap(), selected_option: 1, ..Default::default() };
    assert_eq!(server.member("/api/polls/submitResponse", &token, &vote).await.status, StatusCode::OK);
    link.close().await;
    server.ask("/auth/room/endRoom", r#"{"room_id":"counted"}"#).await;
    let listed = async {
        loop {
            let answer = server.ask("/auth/artifact/fetch", r#"{"room_ids":["counted"]}"#).await;
            if answer["status"] == true {
                return answer["result"]["artifacts_list"][0]["artifact_id"].as_str().unwrap().to_owned();
            }
            tokio::task::yield_now().await;
        }
    };
    let id = tokio::time::timeout(Duration::from_secs(30), listed).await.unwrap();
    let asked = format!(r#"{{"artifact_id":"{id}"}}"#);
    let token = server.ask("/auth/artifact/getDownloadToken", &asked).await["token"].as_str().unwrap().to_owned();

    for kind in ["artifact", "analytics"] {
        let table = server.get(&format!("/download/{kind}/{token}?part=polls.csv")).await;

        assert_eq!((table.status, table.kind()), (StatusCode::OK, "text/csv; charset=utf-8"));
        assert_eq!(table.header("content-disposition"), "attachment; filename=polls-counted.csv");
        let lines: Vec<&str> = table.text().lines().collect();
        assert!(lines[1].starts_with(&format!("{},'=Tea?,", vote.poll_id)), "{}", lines[1]);
        assert!(lines[1].ends_with(",false,false,1,1,yes,1,Ana (ana)") && lines[2].ends_with(",2,no,0,"));
    }
    assert_eq!(server.get(&format!("/download/artifact/{token}")).await.kind(), "application/json");
}

#[tokio::test]
async fn a_file_without_polls_has_no_table() {
    let server = Server::seeded().await;
    let token = server.ask("/auth/artifact/getDownloadToken", r#"{"artifact_id":"a"}"#).await["token"].clone();
    let path = format!("/download/artifact/{}?part=polls.csv", token.as_str().unwrap());
    server.get(&path).await.is(404, "text/plain; charset=utf-8", "no polls in this file");
    server.get("/download/artifact/x?part=polls.csv").await.is(401, "text/plain; charset=utf-8", "token is invalid");
}
