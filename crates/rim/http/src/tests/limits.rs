//! How often callers may ask.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;

use wire::token::{ApiKey, MediaClaims, VideoGrant, mint_media};

use super::harness::{Answer, KEY, NOW, SECRET, Server, signed};
use crate::RateLimits;

/// So few that a bucket does not fill again while a test runs: one key call every second, one of an address as well.
fn few(per_key: u32, per_address: u32) -> RateLimits {
    RateLimits { per_key: NonZeroU32::new(per_key), per_address: NonZeroU32::new(per_address), ..RateLimits::default() }
}

async fn limited(limits: RateLimits) -> Server {
    Server::with(|deps| deps.limits = limits).await
}

fn from(address: [u8; 4], mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 4711))));
    request
}

fn post(path: &str, kind: &str) -> Request<Body> {
    Request::post(path).header("content-type", kind).body(Body::from("{}")).unwrap()
}

/// Sends one request after the other until one is refused, at most `most` times.
async fn until_refused(server: &Server, most: usize, request: impl Fn() -> Request<Body>) -> (usize, Answer) {
    for count in 0..most {
        let answer = server.send(request()).await;
        if answer.status.as_u16() == 429 {
            return (count, answer);
        }
    }
    panic!("{most} calls and no end")
}

const ME: [u8; 4] = [192, 0, 2, 1];
const SOMEBODY: [u8; 4] = [192, 0, 2, 2];

#[tokio::test]
async fn a_key_has_so_many_calls_whatever_the_door() {
    let server = limited(few(1, 1000)).await;
    let active = || from(ME, signed("/auth/room/isRoomActive", r#"{"room_id":"r"}"#));

    let (calls, refused) = until_refused(&server, 100, active).await;

    assert_eq!(calls, 2);
    refused.is(
        429,
        "application/json",
        r#"{"status":false,"msg":"too many requests","status_code":"PERMISSION_DENIED"}"#,
    );
    assert_eq!(refused.header("retry-after"), "1");
    let bbb = server.get(&super::bbb::uri("getMeetings", "")).await;
    assert_eq!((bbb.status.as_u16(), bbb.kind()), (429, "application/xml; charset=utf-8"));
    assert!(bbb.text().contains("<messageKey>tooManyRequests</messageKey>"), "{}", bbb.text());
}

#[tokio::test]
async fn calls_with_a_good_signature_do_not_count_for_the_address() {
    let server = limited(few(10_000, 1)).await;

    for _ in 0..50 {
        let answer = server.send(from(ME, signed("/auth/room/isRoomActive", r#"{"room_id":"r"}"#))).await;
        assert_eq!(answer.status.as_u16(), 200);
    }
}

#[tokio::test]
async fn calls_that_nobody_signed_count_for_their_address_alone() {
    let server = limited(few(10_000, 1)).await;

    let (calls, _) = until_refused(&server, 100, || from(ME, post("/auth/room/create", "application/json"))).await;

    assert_eq!(calls, 10);
    let good = || signed("/auth/room/isRoomActive", r#"{"room_id":"r"}"#);
    assert_eq!(server.send(from(ME, good())).await.status.as_u16(), 429, "the address waits, whatever it sends");
    assert_eq!(server.send(from(SOMEBODY, good())).await.status.as_u16(), 200);
}

#[tokio::test]
async fn tokens_that_grant_nothing_of_the_server_api_count_for_their_address() {
    let server = limited(few(1, 1)).await;
    let call = |video| {
        let token = mint_media(&ApiKey::new(KEY, SECRET), &MediaClaims { video, ..MediaClaims::default() }, NOW, 60);
        let request = Request::post("/twirp/livekit.RoomService/ListRooms")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"));
        from(ME, request.body(Body::from("{}")).unwrap())
    };
    let join = VideoGrant { room_join: true, room: "r".into(), ..VideoGrant::default() };

    let (calls, _) = until_refused(&server, 100, || call(join.clone())).await;

    assert_eq!(calls, 10, "those of the address, not of the key");
}

#[tokio::test]
async fn each_door_says_no_in_its_own_words() {
    let server = limited(few(10_000, 1)).await;
    let refused = |path: &'static str, kind: &'static str| {
        let server = &server;
        async move {
            // One network per door, so that each has a bucket of its own.
            let last = u8::try_from(path.len()).unwrap();
            until_refused(server, 100, || from([192, 0, 3, last], post(path, kind))).await.1
        }
    };

    refused("/api/verifyToken", "application/protobuf").await.is(
        429,
        "application/protobuf",
        "\u{12}\u{11}too many requests",
    );
    refused("/api/endRoom", "application/json").await.is(
        429,
        "application/json",
        r#"{"status":false,"msg":"too many requests","status_code":"PERMISSION_DENIED"}"#,
    );
    refused("/lti/v1/api/room/join", "application/json").await.is(
        429,
        "application/json; charset=utf-8",
        r#"{"msg":"too many requests","status":false}"#,
    );
    refused("/lti/v1", "text/plain").await.is(429, "text/plain; charset=utf-8", "too many requests");
    let bbb = refused("/somebody/bigbluebutton/api/create", "text/plain").await;
    assert_eq!((bbb.status.as_u16(), bbb.kind()), (429, "application/xml; charset=utf-8"));
}

#[tokio::test]
async fn limits_can_be_off_and_some_addresses_are_not_counted() {
    let post = || from(ME, post("/api/verifyToken", "application/json"));
    let off = limited(few(0, 0)).await;
    let exempt = IpAddr::from(ME);
    let spared = limited(RateLimits { exempt: Arc::new(move |address| address == exempt), ..few(1, 1) }).await;

    for _ in 0..200 {
        assert_eq!(off.send(post()).await.status.as_u16(), 401);
        assert_eq!(spared.send(post()).await.status.as_u16(), 401);
    }
}
