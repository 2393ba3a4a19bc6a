//! LiveKit's server API: routes, encodings, tokens and errors. What the calls do is tested where it is done, and with
//! LiveKit's own SDKs.

use axum::body::Body;
use axum::http::Request;
use prost::Message;
use serde_json::{Value, json};
use wire::lk;
use wire::token::{ApiKey, MediaClaims, VideoGrant, mint_media};

use super::harness::{Answer, KEY, NOW, SECRET, Server};

fn token(key: &ApiKey, video: VideoGrant) -> String {
    mint_media(key, &MediaClaims { video, ..MediaClaims::default() }, NOW, 60)
}

fn everything() -> VideoGrant {
    VideoGrant { room_create: true, room_list: true, room_admin: true, room: "r".into(), ..VideoGrant::default() }
}

impl Server {
    async fn twirp(&self, method: &str, token: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/twirp/livekit.{method}"))
            .header("content-type", kind)
            .header("authorization", format!("Bearer {token}"));
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn room_service(&self, method: &str, body: Value) -> Answer {
        let token = token(&ApiKey::new(KEY, SECRET), everything());
        let method = format!("RoomService/{method}");
        self.twirp(&method, &token, "application/json", body.to_string().into_bytes()).await
    }
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_answer_is_written_as_its_request_is() {
    let server = Server::start().await;

    let answer = server.room_service("CreateRoom", json!({"name": "r", "max_participants": 3, "later": {}})).await;
    assert_eq!(answer.kind(), "application/json");
    assert_eq!(answer.json()["max_participants"], 3);
    assert_eq!(answer.json()["num_participants"], 0, "what is not set is written too");

    let request = lk::CreateRoomRequest { name: "r".into(), ..lk::CreateRoomRequest::default() }.encode_to_vec();
    let token = token(&ApiKey::new(KEY, SECRET), everything());
    let answer = server.twirp("RoomService/CreateRoom", &token, "application/protobuf", request).await;
    assert_eq!(answer.kind(), "application/protobuf");
    assert_eq!(lk::Room::decode(answer.body).unwrap().name, "r");
}

#[tokio::test]
async fn whole_numbers_are_read_however_they_are_written() {
    let server = Server::start().await;
    let token = token(&ApiKey::new(KEY, SECRET), everything());

    for written in ["61", "61.0", "6.1e1", "\"61\""] {
        let body = format!("{{\"name\":\"r\",\"max_participants\":{written}}}").into_bytes();
        let answer = server.twirp("RoomService/CreateRoom", &token, "application/json", body).await;
        assert_eq!(answer.status, 200, "{written}");
        assert_eq!(answer.json()["max_participants"], 61, "{written}");
    }
}

#[tokio::test]
async fn a_room_that_nobody_would_record_or_serve_is_not_made() {
    let server = Server::start().await;

    for body in [
        json!({"name": "r", "egress": {"room": {"room_name": "r"}}}),
        json!({"name": "r", "egress": {"tracks": {"filepath": "x"}}}),
        json!({"name": "r", "agents": [{"agent_name": "scribe"}]}),
    ] {
        let answer = server.room_service("CreateRoom", body.clone()).await;
        assert_eq!(told(&answer), (501, "unimplemented".to_owned()), "{body}");
    }
    assert_eq!(server.room_service("ListRooms", json!({})).await.json()["rooms"], json!([]));
    let nothing = server.room_service("CreateRoom", json!({"name": "r", "egress": {}, "agents": []})).await;
    assert_eq!(nothing.status, 200);
}

#[tokio::test]
async fn only_the_applications_own_key_opens_it() {
    let server = Server::start().await;
    let call = async |token: &str| {
        told(&server.twirp("RoomService/ListRooms", token, "application/json", b"{}".to_vec()).await)
    };
    let refused = (401, "unauthenticated".to_owned());

    assert_eq!(call(&token(&ApiKey::new(KEY, SECRET), everything())).await.0, 200);
    assert_eq!(call(&token(&ApiKey::new("media", "media-secret"), everything())).await, refused, "a browser's");
    assert_eq!(call(&token(&ApiKey::new(KEY, "x"), everything())).await, refused);
    assert_eq!(call(&token(&ApiKey::new(KEY, SECRET), VideoGrant::default())).await, refused);
    assert_eq!(call("").await, refused);
    let join = server.token("ana", true).await;
    assert_eq!(call(&join).await, refused, "a join token grants nothing");
    server.advance(10_000);
    assert_eq!(call(&token(&ApiKey::new(KEY, SECRET), everything())).await, refused, "too old");
}

/// A body of which nothing ever comes.
fn stalled() -> Body {
    Body::from_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>())
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_ask_is_refused_before_anything_is_read() {
    let server = Server::start().await;
    let join = VideoGrant { room_join: true, room: "r".into(), ..VideoGrant::default() };
    let join = token(&ApiKey::new(KEY, SECRET), join);
    let refused = (401, "unauthenticated".to_owned());

    for method in [
        "RoomService/CreateRoom",
        "RoomService/ListRooms",
        "RoomService/SendData",
        "RoomService/PerformRpc",
        "Egress/StartEgress",
        "Ingress/CreateIngress",
        "SIP/CreateSIPParticipant",
        "SIP/ListSIPInboundTrunk",
        "AgentDispatchService/CreateDispatch",
    ] {
        assert_eq!(told(&server.twirp(method, &join, "application/json", stalled()).await), refused, "{method}");
    }
    let token = token(&ApiKey::new(KEY, SECRET), everything());
    let late = server.twirp("RoomService/CreateRoom", &token, "application/json", stalled()).await;
    assert_eq!(told(&late), (408, "deadline_exceeded".to_owned()), "whoever may is waited for");
}

#[tokio::test]
async fn errors_have_the_status_of_their_code() {
    let server = Server::start().await;
    server.room_service("CreateRoom", json!({"name": "r"})).await;
    let who = json!({"room": "r", "identity": "ann", "track_sid": "TR_x", "muted": true});
    let unmute = json!({"room": "r", "identity": "ann", "track_sid": "TR_x", "muted": false});

    for (method, body, status, code) in [
        ("CreateRoom", json!({"name": "a b"}), 400, "invalid_argument"),
        ("CreateRoom", json!({"name": 7}), 400, "malformed"),
        ("CreateRoom", json!({"name": "r", "max_participants": 2.5}), 400, "malformed"),
        ("CreateRoom", json!({"name": "r", "max_participants": -1.0}), 400, "malformed"),
        ("UpdateParticipant", who.clone(), 400, "invalid_argument"),
        ("SendData", json!({"room": "r", "nonce": "AA=="}), 400, "invalid_argument"),
        ("GetParticipant", json!({"room": "s"}), 401, "unauthenticated"),
        ("GetParticipant", who.clone(), 404, "not_found"),
        ("SendData", json!({"room": "r"}), 404, "not_found"),
        ("MutePublishedTrack", who.clone(), 404, "not_found"),
        ("Nothing", json!({}), 404, "bad_route"),
        ("MutePublishedTrack", unmute, 412, "failed_precondition"),
        ("PerformRpc", json!({}), 501, "unimplemented"),
        ("UpdateSubscriptions", who, 503, "unavailable"),
    ] {
        let answer = server.room_service(method, body).await;
        assert_eq!(told(&answer), (status, code.to_owned()), "{method}");
        assert!(!answer.json()["msg"].as_str().unwrap().is_empty());
    }
    let large = server.room_service("CreateRoom", json!({"name": "x".repeat(11 << 20)})).await;
    assert_eq!(told(&large), (400, "malformed".to_owned()), "too large");
    let token = token(&ApiKey::new(KEY, SECRET), everything());
    let odd = server.twirp("RoomService/ListRooms", &token, "text/plain", Vec::new()).await;
    assert_eq!(told(&odd), (404, "bad_route".to_owned()));
}

#[tokio::test]
async fn deleting_the_room_of_a_meeting_ends_the_meeting() {
    let server = Server::start().await;
    server.token("ana", true).await;
    let grant = VideoGrant { room_create: true, ..VideoGrant::default() };
    let token = token(&ApiKey::new(KEY, SECRET), grant);

    let body = br#"{"room":"room01"}"#.to_vec();
    let answer = server.twirp("RoomService/DeleteRoom", &token, "application/json", body).await;

    answer.is(200, "application/json", "{}");
    let active = server.ask("/auth/room/isRoomActive", r#"{"room_id":"room01"}"#).await;
    assert_eq!(active["is_active"], false);
}
