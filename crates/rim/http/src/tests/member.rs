use axum::body::Body;
use axum::http::Request;
use prost::Message;
use wire::pnm;
use wire::token::{ApiKey, JoinClaims, mint_join};

use super::harness::{KEY, ROOM, SECRET, Server};
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
    assert_eq!(server.send(query).await.status, 200);
    let form = Request::post("/api/endRoom")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(format!("Authorization={token}")))
        .unwrap();
    assert_eq!(server.send(form).await.status, 200);
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
async fn what_is_not_served_yet_says_so_to_members_only() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;
    for path in ["/api/polls/listPolls", "/api/polls/userSelectedOption/p1/u1", "/api/updateLockSettings", "/api/rtmp/"]
    {
        server.member(path, &token, &nothing()).await.refuses("this server does not offer this yet");
        assert_eq!(server.member(path, "rubbish", &nothing()).await.status, 401);
    }
    let answer = server.member("/api/fileUpload", &token, &nothing()).await;
    assert_eq!((answer.status.as_u16(), answer.kind()), (501, "application/json"));
    assert_eq!(server.member("/api/nothingOfTheKind", &token, &nothing()).await.status, 404);
}
