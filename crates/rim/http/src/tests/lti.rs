//! LTI 1.1: the launch of http-api.md section 14.8 and everything the page may do after it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use model::SessionId;
use ports::archive::{Archive, Recording};
use serde_json::{Value, json};
use wire::lti::{Form, Launch, LtiParameters, base_string, sign};
use wire::token::{ApiKey, mint_lti, verify_download};

use super::harness::{Answer, KEY, NOW, SECRET, Server};
use crate::client::Dist;
use crate::rooms::create::unix_seconds;

const FIELDS: &str = "lti_message_type=basic-lti-launch-request&lti_version=LTI-1p0&resource_link_id=res1\
    &context_id=ctx1&context_label=Course+101&tool_consumer_instance_guid=lms.example.com&user_id=42\
    &roles=Instructor&lis_person_name_full=Ada+L&oauth_consumer_key=plugnmeet&oauth_nonce=abc123\
    &oauth_timestamp=1700000000&oauth_version=1.0&oauth_signature_method=HMAC-SHA1";
const SIGNATURE: &str = "&oauth_signature=E6c8Lq%2FkiUNw3fYZOa0C75DTKok%3D";
const ROOM_ID: &str = "428b8c6e32b252ee2befb73382c8bb2be65a6421";
const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// A server behind `https://pnm.example.com`, as in the vector.
async fn server() -> Server {
    Server::with(|deps| deps.public_url = Some("https://pnm.example.com".into())).await
}

/// The fields with their signature for an address.
fn signed_for(url: &str, fields: &str) -> String {
    let form = Form::parse(fields.as_bytes()).unwrap();
    let signature = sign(SECRET, &base_string(url, &form));
    format!("{fields}&oauth_signature={}", signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"))
}

fn launch_at(path: &str, host: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header("host", host)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn launch(server: &Server, body: &str) -> Answer {
    server.send(launch_at("/lti/v1", "127.0.0.1:8080", body)).await
}

/// What the landing page was told; `None` in a checkout without the built client, which says so instead.
pub(super) fn landed(answer: &Answer) -> Option<Value> {
    if Dist::get("lti.html").is_none() {
        answer.is(503, TEXT, "The browser client is not part of this build.");
        return None;
    }
    assert_eq!((answer.status.as_u16(), answer.kind()), (200, "text/html; charset=utf-8"), "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let (_, slot) = answer.text().split_once(r#"<meta name="lti" content=""#).unwrap();
    let (slot, _) = slot.split_once('"').unwrap();
    let text = slot.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#38;", "&");
    Some(serde_json::from_str(&text).unwrap())
}

pub(super) fn refused_text(answer: &Answer, status: u16, text: &str) {
    answer.is(status, TEXT, text);
}

fn token_of(user: &str, is_admin: bool) -> String {
    token_for(&Launch {
        user_id: user.into(),
        name: "Ada L".into(),
        is_admin,
        room_id: ROOM_ID.into(),
        room_title: "Course 101".into(),
        parameters: LtiParameters::default(),
    })
}

fn token_for(launch: &Launch) -> String {
    mint_lti(&ApiKey::new(KEY, SECRET), launch, NOW)
}

async fn api(server: &Server, path: &str, token: &str, body: &str) -> Answer {
    let request = Request::post(format!("/lti/v1/api/{path}")).header("authorization", token);
    server.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn a_signed_launch_lands_on_the_page_with_a_token() {
    let server = server().await;

    let answer = launch(&server, &format!("{FIELDS}{SIGNATURE}")).await;

    let Some(about) = landed(&answer) else { return };
    let token = about["token"].as_str().unwrap();
    let expected = json!({"page": "room", "token": token, "title": "Course 101", "name": "Ada L", "is_admin": true,
        "design": {}});
    assert_eq!(about, expected);
    assert_eq!(token, token_of("42", true));
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'self'; ") && policy.ends_with("frame-ancestors *"), "{policy}");
}

#[tokio::test]
async fn a_get_is_told_to_post() {
    server().await.get("/lti/v1").await.is(405, JSON, r#"{"msg":"please use POST request","status":false}"#);
}

#[tokio::test]
async fn launches_that_are_not_signed_for_us_get_nowhere() {
    let server = server().await;
    launch(&server, "").await.is(401, TEXT, "empty body");
    let stranger = FIELDS.replace("plugnmeet", "somebody");
    launch(&server, &format!("{stranger}{SIGNATURE}")).await.is(500, TEXT, "invalid consumer_key");
    launch(&server, "a=b").await.is(500, TEXT, "invalid consumer_key");
    let failed = [
        FIELDS.to_owned(),
        format!("{}{SIGNATURE}", FIELDS.replace("user_id=42", "user_id=43")),
        format!("{FIELDS}&no_equals_sign{SIGNATURE}"),
        signed_for("https://elsewhere.example/lti/v1", FIELDS),
        signed_for("https://pnm.example.com/lti", FIELDS),
        format!("{}oauth_consumer_key=plugnmeet", "x&".repeat(600)),
    ];
    for body in failed {
        launch(&server, &body).await.is(500, TEXT, "verification failed");
    }
    assert_eq!(launch(&server, &"x".repeat(300_000)).await.status, 413);
}

#[tokio::test]
async fn an_item_without_an_equals_sign_breaks_nothing() {
    let server = server().await;
    let body = signed_for("https://pnm.example.com/lti/v1", &format!("{FIELDS}&flag&custom_allow_polls"));
    landed(&launch(&server, &body).await);
}

#[tokio::test]
async fn a_launch_works_once_and_for_an_hour() {
    let server = server().await;
    let body = format!("{FIELDS}{SIGNATURE}");

    landed(&launch(&server, &body).await);
    launch(&server, &body).await.is(500, TEXT, "verification failed");

    let at = |seconds: i64, nonce: &str| {
        let fields = FIELDS.replace("1700000000", &(NOW + seconds).to_string()).replace("abc123", nonce);
        signed_for("https://pnm.example.com/lti/v1", &fields)
    };
    landed(&launch(&server, &at(-3600, "n1")).await);
    landed(&launch(&server, &at(3600, "n2")).await);
    for late in [at(-3601, "n3"), at(3601, "n4"), at(i64::MIN, "n5")] {
        launch(&server, &late).await.is(500, TEXT, "verification failed");
    }
    server.advance(3600);
    launch(&server, &body).await.is(500, TEXT, "verification failed");
    for missing in ["oauth_nonce=abc123&", "&oauth_timestamp=1700000000"] {
        let body = signed_for("https://pnm.example.com/lti/v1", &FIELDS.replace(missing, ""));
        launch(&server, &body).await.is(500, TEXT, "verification failed");
    }
}

#[tokio::test]
async fn a_launch_may_be_signed_for_any_address_that_is_ours() {
    let asked = [
        (None, "10.0.0.1:8080", "/lti/v1", "http://10.0.0.1:8080/lti/v1"),
        (None, "meet.example.org", "/lti/v1", "http://meet.example.org/lti/v1"),
        (None, "meet.example.org", "/LTI/V1/", "http://meet.example.org/LTI/V1/"),
        (None, "meet.example.org:8080", "/lti/v1?x=1", "https://meet.example.org/lti/v1"),
        (Some("https://m.example"), "10.0.0.1:8080", "/lti/v1", "https://m.example/lti/v1"),
        (Some("https://m.example"), "10.0.0.1:8080", "/lti/v1", "https://m.example:8080/lti/v1"),
        (Some("https://m.example:8443/"), "m.example:8443", "/lti/v1", "https://m.example:8443/lti/v1"),
    ];
    for (configured, host, path, url) in asked {
        let server = Server::with(|deps| deps.public_url = configured.map(Into::into)).await;
        landed(&server.send(launch_at(path, host, &signed_for(url, FIELDS))).await);
    }
    let server = Server::with(|deps| deps.public_url = Some("https://m.example".into())).await;
    let body = signed_for("http://10.0.0.1:8080/lti/v1", FIELDS);
    server.send(launch_at("/lti/v1", "10.0.0.1:8080", &body)).await.is(500, TEXT, "verification failed");
}

#[tokio::test]
async fn only_a_trusted_proxy_says_where_a_launch_was_sent() {
    let server = Server::with(|deps| deps.trusts_proxy = Arc::new(|address| address.is_loopback())).await;
    let through = async |peer: &str, nonce: &str| {
        let fields = FIELDS.replace("abc123", nonce);
        let body = signed_for("https://meet.example.org:8443/lti/v1", &fields);
        let mut request = launch_at("/lti/v1", "10.0.0.1:8080", &body);
        request.headers_mut().insert("x-forwarded-proto", "https".parse().unwrap());
        request.headers_mut().insert("x-forwarded-host", "evil.example, meet.example.org:8443".parse().unwrap());
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        server.send(request).await
    };
    landed(&through("127.0.0.1:9", "a").await);
    through("192.0.2.1:9", "b").await.is(500, TEXT, "verification failed");
}

#[tokio::test]
async fn a_reloaded_page_knows_nothing_and_still_has_its_policy() {
    let server = server().await;
    let answer = server.get("/lti/room").await;
    if Dist::get("lti.html").is_none() {
        return answer.is(503, TEXT, "The browser client is not part of this build.");
    }
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains(r#"<meta name="lti" content="" />"#));
    assert!(answer.header("content-security-policy").ends_with("frame-ancestors *"));
    assert_eq!(server.get("/lti.html").await.status, 404, "without its policy the page does not go out");
}

#[tokio::test]
async fn every_call_needs_the_token_of_a_launch() {
    let server = server().await;
    let join = server.token("u1", true).await;
    let old = mint_lti(&ApiKey::new(KEY, SECRET), &Launch::default(), NOW - 7261);
    for path in ["room/join", "room/isActive", "room/end", "recording/fetch", "recording/download", "recording/delete"]
    {
        let missing = r#"{"msg":"Authorization header is missing","status":false}"#;
        api(&server, path, "", "{}").await.is(401, JSON, missing);
        for bad in ["x", &old, &join] {
            let invalid = r#"{"msg":"invalid authorization header","status":false}"#;
            api(&server, path, bad, "{}").await.is(401, JSON, invalid);
        }
        assert_eq!(server.get(&format!("/lti/v1/api/{path}")).await.status, 404);
    }
}

#[tokio::test]
async fn joining_starts_the_meeting_with_what_the_platform_sets() {
    let server = server().await;
    let form = Form::parse(format!("{FIELDS}&custom_allow_polls=false&custom_room_duration=45").as_bytes()).unwrap();
    let teacher = token_for(&Launch::from_form(&form));
    let idle = r#"{"status":true,"msg":"room not found","status_code":"ROOM_NOT_FOUND","is_active":false}"#;
    api(&server, "room/isActive", &teacher, "{}").await.is(200, "application/json", idle);

    let answer = api(&server, "room/join", &teacher, "{}").await;

    assert_eq!((answer.status.as_u16(), answer.kind()), (200, JSON));
    let answer = answer.json();
    assert_eq!((&answer["status"], &answer["msg"]), (&json!(true), &json!("success")));
    let access = server.meetings.authorize(answer["token"].as_str().unwrap()).await.unwrap();
    assert!(access.is_admin && access.user.as_str() == "42" && access.room.as_str() == ROOM_ID);
    let room = server.ask("/auth/room/getActiveRoomInfo", &json!({"room_id": ROOM_ID}).to_string()).await;
    let metadata = room["room"]["room_info"]["metadata"].as_str().unwrap();
    let metadata: Value = serde_json::from_str(metadata).unwrap();
    assert_eq!(metadata["room_title"], "Course 101");
    assert_eq!(metadata["room_features"]["polls_features"]["is_allow"], false);
    assert_eq!(metadata["room_features"]["room_duration"], "45");
    assert_eq!(metadata["room_features"]["chat_features"]["is_allow"], true);
    let runs = r#"{"status":true,"msg":"room is active","status_code":"SUCCESS","is_active":true}"#;
    api(&server, "room/isActive", &teacher, "").await.is(200, "application/json", runs);

    let student = api(&server, "room/join", &token_of("43", false), "{}").await.json();
    let access = server.meetings.authorize(student["token"].as_str().unwrap()).await.unwrap();
    assert!(!access.is_admin && access.room.as_str() == ROOM_ID);
}

#[tokio::test]
async fn a_room_that_cannot_be_made_says_why() {
    let server = server().await;
    server.outside.store_is_broken.store(true, std::sync::atomic::Ordering::Relaxed);
    let failed = r#"{"msg":"could not record the room","status":false}"#;
    api(&server, "room/join", &token_of("42", true), "{}").await.is(500, JSON, failed);
}

#[tokio::test]
async fn a_launch_without_a_room_is_told() {
    let server = server().await;
    let nowhere = token_for(&Launch { user_id: "42".into(), ..Launch::default() });
    let missing = r#"{"msg":"room id is missing","status":false}"#;
    api(&server, "room/isActive", &nowhere, "{}").await.is(400, JSON, missing);
}

#[tokio::test]
async fn teachers_end_the_meeting_and_students_do_not() {
    let server = server().await;
    let (teacher, student) = (token_of("42", true), token_of("43", false));
    let only = r#"{"msg":"only admin can perform this","status":false}"#;
    api(&server, "room/end", &student, "{}").await.is(403, JSON, only);
    let none = r#"{"msg":"room not found or not active","status":false}"#;
    api(&server, "room/end", &teacher, "{}").await.is(200, JSON, none);
    api(&server, "room/join", &teacher, "{}").await;

    api(&server, "room/end", &teacher, "{}").await.is(200, JSON, r#"{"msg":"success","status":true}"#);

    let room = server.ask("/auth/room/isRoomActive", &json!({"room_id": ROOM_ID}).to_string()).await;
    assert_eq!(room["is_active"], false);
}

async fn record(server: &Server, id: &str, room: &str, created_at: i64) {
    let recording = Recording {
        record_id: id.into(),
        room: room.try_into().unwrap(),
        session: SessionId::try_from("0b0a5a0e-6f0b-4b39-9b5c-7a1d2f3e4c55").unwrap(),
        recorder_id: "node_01".into(),
        file_path: format!("node_01/{room}/{id}.mp4"),
        megabytes: 12.345,
        metadata: if id == "r1" { String::new() } else { r#"{"title":"Week 2"}"#.into() },
        created_at_ms: created_at * 1000,
        room_created_at_ms: 0,
    };
    server.shelf.add_recording(recording).await.unwrap();
}

#[tokio::test]
async fn recordings_are_listed_as_plain_json_without_zeros() {
    let server = server().await;
    let student = token_of("43", false);
    let none = r#"{"msg":"no recording found","status":false}"#;
    api(&server, "recording/fetch", &student, "{}").await.is(404, JSON, none);
    record(&server, "r1", ROOM_ID, NOW).await;
    record(&server, "r2", ROOM_ID, NOW + 5).await;
    record(&server, "r3", "another", NOW).await;

    let answer = api(&server, "recording/fetch", &student, r#"{"from":1,"limit":500,"order_by":"ASC"}"#).await;

    assert_eq!((answer.status.as_u16(), answer.kind()), (200, JSON));
    let second = json!({"record_id": "r2", "room_id": ROOM_ID, "room_sid": "0b0a5a0e-6f0b-4b39-9b5c-7a1d2f3e4c55",
        "file_path": format!("node_01/{ROOM_ID}/r2.mp4"), "file_size": 12.35, "creation_time": NOW + 5,
        "metadata": {"title": "Week 2"}});
    let result =
        json!({"total_recordings": 2, "from": 1, "limit": 100, "order_by": "ASC", "recordings_list": [second]});
    assert_eq!(answer.json(), json!({"status": true, "msg": "success", "result": result}));
    let all = api(&server, "recording/fetch", &student, "").await.json();
    assert_eq!((&all["result"]["limit"], &all["result"]["order_by"]), (&json!(20), &json!("DESC")));
    assert_eq!(all["result"]["from"], Value::Null);
    let first = &all["result"]["recordings_list"][1];
    assert_eq!((&first["record_id"], &first["metadata"]), (&json!("r1"), &Value::Null));
    api(&server, "recording/fetch", &student, r#"{"from":2}"#).await.is(404, JSON, none);
    for bad in ["[", r#"{"limit":-1}"#, r#"{"limit":"x"}"#] {
        let answer = api(&server, "recording/fetch", &student, bad).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (400, &json!(false)), "{bad}");
    }
}

#[tokio::test]
async fn recordings_of_other_rooms_stay_theirs() {
    let server = server().await;
    let (teacher, student) = (token_of("42", true), token_of("43", false));
    record(&server, "r1", ROOM_ID, NOW).await;
    record(&server, "r3", "another", NOW).await;
    let unknown = r#"{"msg":"recording not found","status":false}"#;
    for id in ["r3", "r9", ""] {
        let body = json!({"record_id": id}).to_string();
        api(&server, "recording/download", &student, &body).await.is(404, JSON, unknown);
        api(&server, "recording/delete", &teacher, &body).await.is(404, JSON, unknown);
    }

    let answer = api(&server, "recording/download", &student, r#"{"record_id":"r1"}"#).await.json();

    assert_eq!((&answer["status"], &answer["msg"]), (&json!(true), &json!("success")));
    let token = answer["token"].as_str().unwrap();
    let now = i64::try_from(unix_seconds()).unwrap();
    let path = verify_download(&ApiKey::new(KEY, SECRET), token, now).unwrap();
    assert_eq!(path, format!("node_01/{ROOM_ID}/r1.mp4"));
}

#[tokio::test]
async fn teachers_delete_recordings_and_students_do_not() {
    let server = server().await;
    record(&server, "r1", ROOM_ID, NOW).await;
    let body = r#"{"record_id":"r1"}"#;
    let only = r#"{"msg":"only admin can perform this","status":false}"#;
    api(&server, "recording/delete", &token_of("43", false), body).await.is(403, JSON, only);

    let deleted = r#"{"msg":"success","status":true}"#;
    api(&server, "recording/delete", &token_of("42", true), body).await.is(200, JSON, deleted);

    assert_eq!(server.shelf.find_recording("r1").await.unwrap(), None);
}
