//! The description of the API and the API itself.

use std::collections::BTreeSet;

use serde_json::Value;

use super::harness::Server;
use crate::openapi::of_a_server;
use crate::operations::{self, Asked};

fn paths(document: &Value) -> BTreeSet<String> {
    document["paths"].as_object().unwrap().keys().cloned().collect()
}

/// The calls below `/auth` that http-api.md section 0.7 lists and this server has.
const CALLS: &[&str] = &[
    "/auth/room/create",
    "/auth/room/getJoinToken",
    "/auth/room/isRoomActive",
    "/auth/room/getActiveRoomInfo",
    "/auth/room/getActiveRoomsInfo",
    "/auth/room/endRoom",
    "/auth/room/fetchPastRooms",
    "/auth/recording/fetch",
    "/auth/recording/info",
    "/auth/recording/recordingInfo",
    "/auth/recording/updateMetadata",
    "/auth/recording/mergeRecordings",
    "/auth/recording/delete",
    "/auth/recording/getDownloadToken",
    "/auth/artifact/fetch",
    "/auth/artifact/info",
    "/auth/artifact/delete",
    "/auth/artifact/getDownloadToken",
    "/auth/analytics/fetch",
    "/auth/analytics/delete",
    "/auth/analytics/getDownloadToken",
];

#[tokio::test]
async fn what_is_described_is_served() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.json();

    for path in paths(&document) {
        let answer = server.call(&path, "{}").await;
        assert_ne!(answer.status.as_u16(), 404, "{path} is described and not served");
    }
}

#[tokio::test]
async fn what_is_served_is_described() {
    let server = Server::start().await;
    let described = paths(&server.get("/openapi.json").await.json());

    // The router of `/auth` is folded from the table, so the table is what is served ...
    assert_eq!(described, operations::all().map(|operation| operation.full_path()).collect());
    // ... and the reference's calls are what must be in it.
    assert_eq!(described, CALLS.iter().map(|path| (*path).to_owned()).collect());
}

#[test]
fn no_route_below_auth_is_made_beside_the_table() {
    let router = include_str!("../lib.rs");
    let routes = router.lines().filter(|line| line.contains(".route(\"/auth"));
    assert_eq!(routes.collect::<Vec<_>>(), [""; 0]);
    assert_eq!(router.matches(".nest(\"/auth\"").count(), 1);
}

#[test]
fn examples_keep_the_rules_and_answers_are_whole() {
    for operation in operations::all() {
        if let Asked::Message { example, is_valid, .. } = &operation.asked {
            assert!(is_valid(example), "{}: {example}", operation.path);
        }
        let answer = operation.answer.example();
        assert_eq!(answer["status"], true, "{}", operation.path);
        for refusal in operation.refusals {
            if let Some(answer) = operation.refused(refusal) {
                let said = (answer["msg"].as_str(), answer["status_code"].as_str());
                assert_eq!(said, (Some(refusal.msg), Some(refusal.code.as_str_name())), "{}", operation.path);
            }
        }
    }
}

#[test]
fn names_of_calls_and_references_hold() {
    let document = of_a_server();
    let ids: BTreeSet<&str> = operations::all().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), operations::all().count());

    let mut pending = vec![&document];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target} leads nowhere");
                }
                pending.extend(fields.values());
            }
            Value::Array(items) => pending.extend(items),
            _ => {}
        }
    }
}

#[test]
fn every_field_that_callers_send_is_explained() {
    let document = of_a_server();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut silent = Vec::new();
    for (name, schema) in schemas {
        if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
            continue;
        }
        for (field, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if property.get("description").is_none() && property.get("readOnly").is_none() {
                silent.push(format!("{name}.{field}"));
            }
        }
    }
    assert_eq!(silent, [""; 0]);
}

#[tokio::test]
async fn the_page_shows_every_call_and_asks_nobody() {
    let server = Server::start().await;

    let page = server.get("/docs/api").await;

    assert_eq!((page.status.as_u16(), page.kind()), (200, "text/html; charset=utf-8"));
    let html = page.text();
    for path in CALLS {
        assert!(html.contains(&format!("<code>{path}</code>")), "{path}");
        assert!(html.contains(&format!("&quot;$SERVER{path}&quot;")), "curl for {path}");
    }
    // Only our own files are loaded; other addresses are examples in the text.
    for outside in ["src=\"http", "href=\"http", "@import", "url(http", "url(//"] {
        assert!(!html.contains(outside), "{outside}");
    }
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
        let inside = html.split_once(open).unwrap().1.split_once(close).unwrap().0;
        let hash = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, crate::client::sha256(inside.as_bytes()));
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{open} is not what the policy allows");
    }
}

#[tokio::test]
async fn the_description_names_this_server_and_is_sent_once() {
    let server = Server::with(|deps| deps.public_url = Some("https://meet.example.org".into())).await;

    let document = server.get("/openapi.json").await;
    let tag = document.header("etag").to_owned();
    let request = axum::http::Request::get("/openapi.json").header("if-none-match", &tag);
    let again = server.send(request.body(axum::body::Body::empty()).unwrap()).await;

    assert_eq!(document.kind(), "application/json");
    assert_eq!(document.json()["servers"][0]["url"], "https://meet.example.org");
    assert_eq!(document.json()["info"]["version"], "1.2.3");
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
}
