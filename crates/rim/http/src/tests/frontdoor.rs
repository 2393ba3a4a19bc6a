use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use serde_json::json;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use wire::pnm;

use super::harness::{Answer, Server};
use crate::FrontDoor;

const START: &str = "/api/frontdoor/start";
const JOIN: &str = "/api/frontdoor/join";

fn passphrase() -> FrontDoor {
    FrontDoor::Passphrase(model::Redacted::new("open sesame".into()))
}

fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!((answer.status.as_u16(), answer.kind()), (status, "application/json"));
    let body = answer.json();
    assert_eq!(body["error"], error);
    assert!(!body["msg"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn the_door_says_what_it_asks_for() {
    for (door, mode) in [(FrontDoor::Open, "open"), (passphrase(), "passphrase"), (FrontDoor::Closed, "closed")] {
        let server = Server::with(|deps| deps.front_door = door).await;
        server.get("/api/frontdoor").await.is(200, "application/json", &format!(r#"{{"mode":"{mode}"}}"#));
    }
}

#[tokio::test]
async fn whoever_starts_a_meeting_moderates_it_and_others_come_by_its_code() {
    let server = Server::start().await;

    let started = server.knock(START, r#"{"name":" Ada ","title":"Stand-up"}"#).await;

    assert_eq!((started.status.as_u16(), started.kind()), (200, "application/json"));
    let started = started.json();
    let code = started["room_id"].as_str().unwrap();
    assert_eq!(started["invite_url"], format!("/join/{code}"));
    let token = started["join_url"].as_str().unwrap().strip_prefix("/?access_token=").unwrap();
    let host = server.meetings.authorize(token).await.unwrap();
    assert!(host.is_admin && host.room.as_str() == code);
    let answer = server.member("/api/verifyToken", token, &pnm::VerifyTokenReq::default()).await;
    assert_eq!(answer.status, 200);

    let typed = json!({"code": format!(" {} ", code.to_uppercase()), "name": "Ben"});
    let joined = server.knock(JOIN, &typed.to_string()).await;

    assert_eq!(joined.status, 200);
    let url = joined.json()["join_url"].as_str().unwrap().to_owned();
    let guest = server.meetings.authorize(url.strip_prefix("/?access_token=").unwrap()).await.unwrap();
    assert!(!guest.is_admin && guest.room.as_str() == code && guest.user != host.user);
    let info = server.ask("/auth/room/getActiveRoomInfo", &json!({"room_id": code}).to_string()).await;
    assert_eq!(info["room"]["room_info"]["room_title"], "Stand-up");
}

#[tokio::test]
async fn a_meeting_without_a_title_has_one_anyway() {
    let server = Server::start().await;
    let code = server.knock(START, r#"{"name":"Ada"}"#).await.json()["room_id"].take();
    let info = server.ask("/auth/room/getActiveRoomInfo", &json!({"room_id": code}).to_string()).await;
    assert_eq!(info["room"]["room_info"]["room_title"], "Meeting");
}

#[tokio::test]
async fn the_passphrase_opens_the_door() {
    let server = Server::with(|deps| deps.front_door = passphrase()).await;
    refused(&server.knock(START, r#"{"name":"Ada"}"#).await, 403, "passphrase-required");
    refused(&server.knock(START, r#"{"name":"Ada","passphrase":"open"}"#).await, 403, "passphrase-wrong");
    refused(&server.knock(START, r#"{"name":" ","passphrase":"open sesame"}"#).await, 400, "name-required");
    assert_eq!(server.knock(START, r#"{"name":"Ada","passphrase":"open sesame"}"#).await.status, 200);
}

#[tokio::test]
async fn a_closed_door_starts_nothing() {
    let server = Server::with(|deps| deps.front_door = FrontDoor::Closed).await;
    refused(&server.knock(START, r#"{"name":"Ada"}"#).await, 403, "closed");
}

#[tokio::test]
async fn rooms_of_applications_cannot_be_joined_by_their_id() {
    let server = Server::start().await;
    server.token("u1", false).await;
    refused(&server.knock(JOIN, r#"{"code":"room01","name":"Ben"}"#).await, 404, "no-such-meeting");
    refused(&server.knock(JOIN, r#"{"code":"../x","name":"Ben"}"#).await, 404, "no-such-meeting");
    refused(&server.knock(JOIN, r#"{"code":"abcd-efgh-jkmn","name":"Ben"}"#).await, 404, "no-such-meeting");
    refused(&server.knock(JOIN, r#"{"code":"room01"}"#).await, 400, "name-required");
}

#[tokio::test]
async fn what_is_not_json_is_not_read() {
    let server = Server::start().await;
    refused(&server.knock(START, "rubbish").await, 400, "bad-request");
    let simple =
        Request::post(START).header("content-type", "text/plain").body(Body::from(r#"{"name":"Ada"}"#)).unwrap();
    refused(&server.send(simple).await, 400, "bad-request");
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(9000));
    assert_eq!(server.knock(START, &long).await.status, 413);
}

#[tokio::test]
async fn other_origins_may_not_knock() {
    let server = Server::start().await;
    let preflight = Request::options(START)
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .body(Body::empty())
        .unwrap();
    let answer = server.send(preflight).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (404, ""));
}

#[tokio::test]
async fn trying_codes_is_refused_per_address_after_a_while() {
    let server = Server::start().await;
    let knock = async |address: &str| {
        let mut request = Request::post(JOIN).header("content-type", "application/json");
        let peer: SocketAddr = address.parse().unwrap();
        request.extensions_mut().unwrap().insert(ConnectInfo(peer));
        server.send(request.body(Body::from(r#"{"code":"x","name":"y"}"#)).unwrap()).await
    };
    let mut answer = knock("192.0.2.1:5").await;
    for _ in 0..120 {
        answer = knock("192.0.2.1:6").await;
    }
    refused(&answer, 429, "too-many-requests");
    refused(&knock("192.0.2.2:5").await, 404, "no-such-meeting");
}

#[tokio::test]
async fn behind_a_proxy_the_address_it_names_counts() {
    let proxy: IpAddr = "10.0.0.1".parse().unwrap();
    for header in ["x-real-ip", "x-forwarded-for"] {
        let server = Server::with(|deps| {
            deps.trusts_proxy = Arc::new(move |address| address == proxy);
            deps.proxy_header = header.parse().unwrap();
        })
        .await;
        let knock = async |peer: &str, header: &str, address: &str| {
            let mut request = Request::post(JOIN).header("content-type", "application/json").header(header, address);
            let peer: SocketAddr = peer.parse().unwrap();
            request.extensions_mut().unwrap().insert(ConnectInfo(peer));
            server.send(request.body(Body::from(r#"{"code":"x","name":"y"}"#)).unwrap()).await
        };
        let mut answer = knock("10.0.0.1:5", header, "192.0.2.1").await;
        for _ in 0..120 {
            answer = knock("10.0.0.1:6", header, "192.0.2.1").await;
        }
        refused(&answer, 429, "too-many-requests");
        refused(&knock("10.0.0.1:7", header, "192.0.2.2").await, 404, "no-such-meeting");
        refused(&knock("192.0.2.1:7", header, "192.0.2.3").await, 429, "too-many-requests");
        refused(&knock("10.0.0.1:8", "x-other", "192.0.2.1").await, 404, "no-such-meeting");
    }
}

#[tokio::test]
async fn a_school_behind_one_address_joins_by_one_code() {
    let server = Server::start().await;
    let code = server.knock(START, r#"{"name":"Ada"}"#).await.json()["room_id"].as_str().unwrap().to_owned();

    for number in 0..300 {
        let answer = server.knock(JOIN, &json!({"code": code, "name": format!("Pupil {number}")}).to_string()).await;
        assert_eq!(answer.status, 200, "{number}");
    }
}

#[tokio::test]
async fn starting_meetings_and_guessing_the_passphrase_are_counted_per_address() {
    let server = Server::with(|deps| deps.front_door = passphrase()).await;
    for guess in ["open up", "open sesame"] {
        let peer: SocketAddr = if guess == "open up" { "192.0.2.1:5" } else { "192.0.2.2:5" }.parse().unwrap();
        let knock = async || {
            let mut request = Request::post(START).header("content-type", "application/json");
            request.extensions_mut().unwrap().insert(ConnectInfo(peer));
            let body = json!({"name": "Ada", "passphrase": guess}).to_string();
            server.send(request.body(Body::from(body)).unwrap()).await
        };
        let mut answer = knock().await;
        assert_ne!(answer.status, 429);
        for _ in 0..40 {
            answer = knock().await;
        }
        refused(&answer, 429, "too-many-requests");
    }
}
