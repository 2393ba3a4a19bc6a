use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use prost::Message;
use serde_json::json;
use wire::token::{ApiKey, JoinClaims, MediaClaims, mint_join, mint_media};
use wire::{plenum, pnm};

use super::harness::{KEY, ROOM, SECRET, Server, signed};
use crate::rooms::create::unix_seconds;

fn now() -> i64 {
    unix_seconds().try_into().unwrap()
}

fn claims(room: &str) -> JoinClaims {
    JoinClaims { name: "N".into(), user_id: "u1".into(), room_id: room.into(), ..JoinClaims::default() }
}

fn mint(claims: &JoinClaims, issued: i64) -> String {
    mint_join(&ApiKey::new(KEY, SECRET), claims, issued, 600)
}

fn nothing() -> pnm::VerifyTokenReq {
    pnm::VerifyTokenReq::default()
}

#[tokio::test]
async fn a_good_token_is_told_where_the_meeting_is() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;

    let answer = server.member("/api/verifyToken", &token, &nothing()).await;

    assert_eq!((answer.status.as_u16(), answer.kind()), (200, "application/protobuf"));
    let expected = pnm::VerifyTokenRes {
        status: true,
        msg: "token is valid".into(),
        nats_ws_urls: vec!["ws://meet.example.org/nats".into()],
        server_version: Some("1.2.3".into()),
        room_id: Some("room01".into()),
        user_id: Some("u1".into()),
        room_stream_name: Some("pnm-room-stream".into()),
        nats_subjects: Some(pnm::NatsSubjects {
            system_api_worker: "sysApiWorker".into(),
            system_js_worker: "sysJsWorker".into(),
            system_core_worker: "sysCoreWorker".into(),
            system_public: "sysPublic".into(),
            system_private: "sysPrivate".into(),
            chat: "chat".into(),
            whiteboard: "whiteboard".into(),
            data_channel: "dataChannel".into(),
        }),
        enabled_self_insert_encryption_key: None,
        is_cloud: None,
        client_type: 0,
    };
    assert_eq!(pnm::VerifyTokenRes::decode(answer.body).unwrap(), expected);
}

#[tokio::test]
async fn configured_addresses_are_told_as_they_are() {
    let server = Server::with(|deps| deps.messaging.urls = vec!["wss://nats.example.org".into()]).await;
    let token = server.token("u1", false).await;
    let answer = server.member("/api/verifyToken", &token, &nothing()).await;
    assert_eq!(pnm::VerifyTokenRes::decode(answer.body).unwrap().nats_ws_urls, ["wss://nats.example.org"]);
}

#[tokio::test]
async fn each_bad_token_has_its_text() {
    let server = Server::start().await;
    server.ask("/auth/room/create", ROOM).await;
    let cases = [
        (String::new(), "notifications.auth-header-missing", "MISSING_REQUIRED_PARAMETER"),
        ("rubbish".into(), "notifications.invalid-token", "INVALID_TOKEN_OR_SIGNATURE"),
        (mint(&claims("room01"), now() - 3600), "notifications.token-expired", "INVALID_TOKEN_OR_SIGNATURE"),
        (mint(&claims("other"), now()), "notifications.room-not-active", "ROOM_NOT_FOUND"),
        (
            mint(&JoinClaims { room_sid: Some("old".into()), ..claims("room01") }, now()),
            "notifications.room-not-active",
            "ROOM_NOT_FOUND",
        ),
    ];
    for path in ["/api/verifyToken", "/api/endRoom"] {
        for (token, msg, code) in &cases {
            let request = Request::post(path).header("authorization", token).body(Body::empty()).unwrap();
            let expected = format!(r#"{{"status":false,"msg":"{msg}","status_code":"{code}"}}"#);
            server.send(request).await.is(401, "application/json", &expected);

            let answer = server.member(path, token, &nothing()).await;
            assert_eq!((answer.status.as_u16(), answer.kind()), (401, "application/protobuf"));
            let body = pnm::CommonResponse::decode(answer.body).unwrap();
            assert_eq!((body.status, body.msg.as_str(), body.status_code), (false, *msg, 0));
        }
    }
}

#[tokio::test]
async fn the_token_may_come_in_the_query_or_in_a_form() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;
    let query = Request::post(format!("/api/verifyToken?Authorization={token}")).body(Body::empty()).unwrap();
    let answer = server.send(query).await;
    assert_eq!(answer.status, 200);
    let body = pnm::VerifyTokenRes::decode(answer.body).unwrap();
    assert_eq!((body.status, body.msg.as_str(), body.user_id()), (true, "token is valid", "u1"));

    let form = |fields: &str| {
        let request = Request::post("/api/endRoom").header("content-type", "application/x-www-form-urlencoded");
        request.body(Body::from(fields.to_owned())).unwrap()
    };
    let answer = server.send(form(&format!("Authorization={token}"))).await;
    assert_eq!((answer.status.as_u16(), answer.kind()), (200, "application/protobuf"));
    let body = pnm::CommonResponse::decode(answer.body).unwrap();
    assert!(!body.status && body.msg.contains("decode"), "let in, but a form is no message: {}", body.msg);
    server.send(form("Authorization=x")).await.is(
        401,
        "application/json",
        r#"{"status":false,"msg":"notifications.invalid-token","status_code":"INVALID_TOKEN_OR_SIGNATURE"}"#,
    );
    server.send(form("a=b")).await.is(
        401,
        "application/json",
        r#"{"status":false,"msg":"notifications.auth-header-missing","status_code":"MISSING_REQUIRED_PARAMETER"}"#,
    );
}

/// A token of somebody's own making, signed with our secret.
fn forged(header: &str, claims: &str) -> String {
    let text = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
    let hex = wire::signature::sign(SECRET, text.as_bytes());
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

#[tokio::test]
async fn tokens_of_others_open_nothing() {
    let server = Server::start().await;
    let own = server.token("u1", true).await;
    let payload = |sub: &str| {
        format!(
            r#"{{"iss":"{KEY}","sub":"{sub}","nbf":{0},"exp":{1},"user_id":"u1","room_id":"room01"}}"#,
            now(),
            now() + 600
        )
    };
    let hs256 = r#"{"alg":"HS256","typ":"JWT"}"#;
    let none = forged(r#"{"alg":"none","typ":"JWT"}"#, &payload("u1"));
    let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
    let media = MediaClaims { identity: "u1".into(), ..MediaClaims::default() };
    let cases = [
        ("another secret", mint_join(&ApiKey::new(KEY, "x".repeat(36)), &claims("room01"), now(), 600)),
        ("another issuer", mint_join(&ApiKey::new("other", SECRET), &claims("room01"), now(), 600)),
        ("another subject", forged(hs256, &payload("u2"))),
        ("no algorithm", none),
        ("no signature", unsigned),
        ("a media token", mint_media(&ApiKey::new("media", "media-secret"), &media, now(), 600)),
        ("a longer one", format!("{own}x")),
    ];
    for (what, token) in cases {
        for path in ["/api/verifyToken", "/api/endRoom"] {
            let answer = server.member(path, &token, &nothing()).await;
            assert_eq!(answer.status, 401, "{what}");
            let body = pnm::CommonResponse::decode(answer.body).unwrap();
            assert_eq!((body.status, body.msg.as_str()), (false, "notifications.invalid-token"), "{what}");
        }
    }
    let answer = server.member("/api/verifyToken", &forged(hs256, &payload("u1")), &nothing()).await;
    assert_eq!(answer.status, 200, "an application may make tokens itself");
}

#[tokio::test]
async fn a_full_room_says_so() {
    let server = Server::start().await;
    server.ask("/auth/room/create", &ROOM.replace(r#""room_id""#, r#""max_participants":1,"room_id""#)).await;
    let (first, second) = (server.token("u1", false).await, server.token("u2", false).await);
    assert_eq!(server.member("/api/verifyToken", &second, &nothing()).await.status, 200);
    let _link = server.meetings.open_socket(&first, String::new()).await.unwrap();

    let answer = server.member("/api/verifyToken", &second, &nothing()).await;
    answer.refuses("notifications.max-num-participates-exceeded");
    let answer = server.member("/api/verifyToken", &first, &nothing()).await;
    assert!(pnm::VerifyTokenRes::decode(answer.body).unwrap().status, "a reload is no other person");
}

#[tokio::test]
async fn a_token_that_was_replaced_and_a_second_tab_are_duplicates() {
    let server = Server::start().await;
    let old = server.token("u1", false).await;
    let new = server.token("u1", false).await;
    let msg = "notifications.room-disconnected-duplicate-entry";

    server.member("/api/verifyToken", &old, &nothing()).await.refuses(msg);
    let own = mint(&claims("room01"), now());
    let answer = server.member("/api/verifyToken", &own, &nothing()).await;
    assert!(pnm::VerifyTokenRes::decode(answer.body).unwrap().status);

    let _link = server.meetings.open_socket(&new, String::new()).await.unwrap();
    server.member("/api/verifyToken", &own, &nothing()).await.refuses(msg);
}

#[tokio::test]
async fn a_good_token_is_told_about_keys_and_its_kind_of_client() {
    for own_key in [true, false] {
        let server = Server::start().await;
        let e2ee = json!({"is_enabled": true, "enabled_self_insert_encryption_key": own_key});
        let features = json!({"end_to_end_encryption_features": e2ee}).to_string();
        server.ask("/auth/room/create", &ROOM.replace("{}", &features)).await;
        let person = r#"{"name":"N","user_id":"u1","client_type":"HYBRID_WEB"}"#;
        let body = format!(r#"{{"room_id":"room01","user_info":{person}}}"#);
        let token = server.ask("/auth/room/getJoinToken", &body).await["token"].as_str().unwrap().to_owned();

        let answer = server.member("/api/verifyToken", &token, &nothing()).await;

        let answer = pnm::VerifyTokenRes::decode(answer.body).unwrap();
        assert_eq!(answer.enabled_self_insert_encryption_key, Some(own_key));
        assert_eq!(answer.client_type, 1);
    }
}

#[tokio::test]
async fn only_a_trusted_proxy_says_what_the_server_is_called() {
    let server = Server::with(|deps| deps.trusts_proxy = Arc::new(|peer| peer == IpAddr::from([10, 0, 0, 1]))).await;
    let token = server.token("u1", false).await;
    let urls = async |peer: [u8; 4]| {
        let mut request = Request::post("/api/verifyToken")
            .header("host", "inner.example")
            .header("x-forwarded-host", "meet.example.org")
            .header("x-forwarded-proto", "https")
            .header("authorization", &token)
            .body(Body::empty())
            .unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 4711))));
        pnm::VerifyTokenRes::decode(server.send(request).await.body).unwrap().nats_ws_urls
    };
    assert_eq!(urls([10, 0, 0, 1]).await, ["wss://meet.example.org/nats"]);
    assert_eq!(urls([10, 0, 0, 2]).await, ["wss://inner.example/nats"]);
}

/// A body that begins and never ends.
fn endless() -> Body {
    let begun = stream::once(async { Ok::<_, io::Error>(Bytes::from_static(b"{")) });
    Body::from_stream(begun.chain(stream::pending()))
}

/// A body that breaks off.
fn broken() -> Body {
    Body::from_stream(stream::iter([Ok(Bytes::from_static(b"{")), Err(io::Error::other("cut"))]))
}

#[tokio::test]
async fn nothing_is_read_of_whoever_has_no_token() {
    let server = Server::start().await;
    server.ask("/auth/room/create", ROOM).await;
    for path in ["/api/verifyToken", "/api/endRoom"] {
        for token in ["", "rubbish"] {
            let request = Request::post(path).header("authorization", token).body(endless()).unwrap();
            assert_eq!(server.send(request).await.status, 401, "without waiting for the body");
        }
    }
}

#[tokio::test]
async fn a_members_request_is_small() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;
    for path in ["/api/verifyToken", "/api/endRoom"] {
        let body = Body::from(vec![0; 64 * 1024 + 1]);
        let request = Request::post(path).header("authorization", &token).body(body).unwrap();
        server.send(request).await.is(413, "text/plain; charset=utf-8", "Request Entity Too Large");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_bad_request() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;
    let member = Request::post("/api/endRoom").header("authorization", token).body(broken()).unwrap();
    let mut application = signed("/auth/room/create", "");
    *application.body_mut() = broken();
    for request in [member, application] {
        server.send(request).await.is(400, "text/plain; charset=utf-8", "Bad Request");
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_given_up() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;
    tokio::time::pause();
    let member = Request::post("/api/endRoom").header("authorization", token).body(endless()).unwrap();
    let mut application = signed("/auth/room/create", "");
    *application.body_mut() = endless();
    for request in [member, application] {
        server.send(request).await.is(408, "text/plain; charset=utf-8", "Request Timeout");
    }
}

#[tokio::test]
async fn somebody_not_on_the_list_is_told_so() {
    let server = Server::start().await;
    server.ask("/auth/room/create", ROOM).await;
    let token = mint(&claims("room01"), now());
    server.member("/api/verifyToken", &token, &nothing()).await.refuses("notifications.user-info-not-found");
    let answer = server.member("/api/endRoom", &token, &nothing()).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_token_ends_with_its_session() {
    let server = Server::start().await;
    let token = server.token("u1", false).await;
    server.ask("/auth/room/endRoom", r#"{"room_id":"room01"}"#).await;
    let answer = server.member("/api/verifyToken", &token, &nothing()).await;
    assert_eq!(answer.status, 401);
    assert_eq!(pnm::CommonResponse::decode(answer.body).unwrap().msg, "notifications.room-not-active");
}

#[tokio::test]
async fn a_body_that_is_no_message_is_refused_in_the_same_form() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;
    for path in ["/api/verifyToken", "/api/endRoom"] {
        let request = Request::post(path).header("authorization", &token).body(Body::from(vec![0xff; 8])).unwrap();
        let answer = server.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (200, "application/protobuf"));
        let body = pnm::CommonResponse::decode(answer.body).unwrap();
        assert!(!body.status && body.msg.contains("decode"), "{}", body.msg);
    }
}

#[tokio::test]
async fn only_a_moderator_ends_the_room_and_only_their_own() {
    let server = Server::start().await;
    let (host, guest) = (server.token("host", true).await, server.token("guest", false).await);
    let end = |room: &str| pnm::RoomEndReq { room_id: room.into() };

    server.member("/api/endRoom", &guest, &end("room01")).await.refuses("only admin can perform this task");
    server.member("/api/endRoom", &host, &end("other")).await.refuses("requested roomId & token roomId mismatched");
    let answer = server.member("/api/endRoom", &host, &end("room01")).await;

    assert_eq!((answer.status.as_u16(), answer.kind()), (200, "application/protobuf"));
    let body = pnm::RoomEndRes::decode(answer.body).unwrap();
    assert_eq!((body.status, body.msg.as_str(), body.status_code), (true, "success", 0));
    let activity = server.ask("/auth/room/isRoomActive", r#"{"room_id":"room01"}"#).await;
    assert_eq!(activity["is_active"], false);
}

/// A room with a waiting room, and the tokens of a host and a guest.
async fn waiting_room(server: &Server) -> (String, String) {
    let features = r#"{"waiting_room_features":{"is_active":true}}"#;
    let room = ROOM.replace(r#""room_features":{}"#, &format!(r#""room_features":{features}"#));
    server.ask("/auth/room/create", &room).await;
    (server.token("host", true).await, server.token("guest", false).await)
}

#[tokio::test]
async fn a_moderator_lets_people_in_from_the_waiting_room() {
    let server = Server::start().await;
    let (host, guest) = waiting_room(&server).await;
    let wish = |user: &str| pnm::ApproveWaitingUsersReq { room_id: "room01".into(), user_id: user.into() };
    let path = "/api/waitingRoom/approveUsers";
    server.member(path, &guest, &wish("guest")).await.refuses("only admin can perform this task");
    server.member(path, &host, &wish("nobody")).await.refuses("user not found");
    server.member(path, &host, &wish("no.id")).await.refuses("user not found");

    for user in ["guest", "all"] {
        let answer = server.member(path, &host, &wish(user)).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (200, "application/protobuf"));
        let body = pnm::CommonResponse::decode(answer.body).unwrap();
        assert_eq!((body.status, body.msg.as_str()), (true, "success"));
    }
}

#[tokio::test]
async fn a_moderator_says_what_is_read_in_the_waiting_room() {
    let server = Server::start().await;
    let (host, guest) = waiting_room(&server).await;
    let wish = pnm::UpdateWaitingRoomMessageReq { room_id: "room01".into(), msg: "a moment".into() };
    let path = "/api/waitingRoom/updateMsg";
    server.member(path, &guest, &wish).await.refuses("only admin can perform this task");

    let answer = server.member(path, &host, &wish).await;

    assert!(pnm::CommonResponse::decode(answer.body).unwrap().status);
    let info = server.ask("/auth/room/getActiveRoomInfo", r#"{"room_id":"room01"}"#).await;
    let metadata = info["room"]["room_info"]["metadata"].as_str().unwrap();
    assert!(metadata.contains(r#""waiting_room_msg":"a moment""#), "{metadata}");
}

#[tokio::test]
async fn whoever_waits_leaves_the_hosts_a_note() {
    let server = Server::start().await;
    let (host, guest) = waiting_room(&server).await;
    let path = "/api/plenum/note";
    let note = |text: &str| plenum::NoteReq { text: text.into() };
    server.member(path, &host, &note("hello")).await.refuses("this participant has no part in it");
    server.member(path, &guest, &note("before the socket")).await.refuses("user not found");
    let socket = server.meetings.open_socket(&guest, "ws://test".into()).await.unwrap();

    let answer = server.member(path, &guest, &note("the bus is late")).await;

    let body = pnm::CommonResponse::decode(answer.body).unwrap();
    assert_eq!((body.status, body.msg.as_str()), (true, "success"));
    assert_eq!(server.member(path, "rubbish", &note("x")).await.status, 401);
    drop(socket);
}

#[tokio::test]
async fn whoever_is_at_the_door_is_told_by_which_ways_media_may_come() {
    let server = Server::start().await;
    let (_, guest) = waiting_room(&server).await;
    let path = "/api/plenum/connection";

    let answer = server.member(path, &guest, &plenum::ConnectionReq {}).await;

    let told = plenum::ConnectionRes::decode(answer.body).unwrap();
    let [way] = told.ways.try_into().unwrap();
    assert_eq!((told.status, way.url.as_str(), way.is_direct), (true, "turn:192.0.2.1:8080?transport=udp", true));
    assert!(way.username.ends_with(":trial") && way.password == "password");
    assert_eq!(server.member(path, "rubbish", &plenum::ConnectionReq {}).await.status, 401);
    let users = server.ask("/auth/room/getActiveRoomInfo", r#"{"room_id":"room01"}"#).await;
    assert_eq!(users["room"]["participants_info"], json!([]), "nobody came in");
}

#[tokio::test]
async fn octets_are_taken_and_given_so_many_and_so_often() {
    let server = Server::start().await;
    let token = server.token("u1", false).await;
    let send = |give: &str, body: usize, token: &str| {
        let request = Request::post(format!("/api/plenum/connection/octets?give={give}"))
            .header("authorization", token)
            .body(Body::from(vec![7; body]))
            .unwrap();
        server.send(request)
    };

    let answer = send("70000", 100_000, &token).await;
    assert_eq!((answer.status.as_u16(), answer.body.len(), answer.kind()), (200, 70_000, "application/octet-stream"));
    assert_eq!(answer.header("cache-control"), "no-store, no-transform");
    assert_eq!(send("999999999", 0, &token).await.body.len(), 1024 * 1024);
    assert_eq!(send("-1", 0, &token).await.body.len(), 0);
    assert_eq!(send("0", 1024 * 1024 + 1, &token).await.status, 413);
    assert_eq!(send("70000", 0, "rubbish").await.status, 401);

    let mut calls = 0;
    while send("0", 0, &token).await.status == 200 {
        calls += 1;
        assert!(calls < 100, "no end");
    }
    assert!(calls >= 15);
    let other = server.token("u2", false).await;
    assert_eq!(send("1", 0, &other).await.body.len(), 1);
}
