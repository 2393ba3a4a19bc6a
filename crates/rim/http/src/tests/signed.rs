use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use prost::Message;
use wire::pnm;

use super::harness::{KEY, SECRET, Server, signed};

fn post(path: &str) -> Builder {
    Request::post(path)
}

fn sign(message: &str) -> String {
    wire::signature::sign(SECRET, message.as_bytes())
}

#[tokio::test]
async fn each_missing_or_wrong_credential_has_its_text() {
    let server = Server::start().await;
    let path = "/auth/room/isRoomActive";
    let cases = [
        (post(path), "Missing API-KEY header.", "MISSING_REQUIRED_PARAMETER"),
        (post(path).header("api-key", "x"), "Invalid API key provided.", "INVALID_API_KEY"),
        (post(path).header("api-key", KEY), "Missing HASH-SIGNATURE header.", "MISSING_REQUIRED_PARAMETER"),
        (
            post(path)
                .header("api-key", KEY)
                .header("hash-signature", "x")
                .header("content-type", "multipart/form-data; boundary=x"),
            "Missing Room-Id header for multipart request.",
            "MISSING_REQUIRED_PARAMETER",
        ),
        (
            post(path).header("api-key", KEY).header("hash-signature", sign("other")),
            "Failed to verify provided authentication details.",
            "INVALID_TOKEN_OR_SIGNATURE",
        ),
        (
            post(path).header("api-key", KEY).header("hash-signature", sign("{}").to_uppercase()),
            "Failed to verify provided authentication details.",
            "INVALID_TOKEN_OR_SIGNATURE",
        ),
    ];
    for (request, msg, code) in cases {
        let answer = server.send(request.body(Body::from("{}")).unwrap()).await;
        answer.is(401, "application/json", &format!(r#"{{"status":false,"msg":"{msg}","status_code":"{code}"}}"#));
    }
}

#[tokio::test]
async fn a_caller_that_speaks_protobuf_is_denied_in_protobuf() {
    let server = Server::start().await;
    let request = post("/auth/recorder/notify").header("content-type", "application/protobuf");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.kind()), (401, "application/protobuf"));
    let body = pnm::CommonResponse::decode(answer.body.clone()).unwrap();
    assert_eq!((body.msg.as_str(), body.status_code), ("Missing API-KEY header.", 0));
}

#[tokio::test]
async fn the_door_is_before_the_map() {
    let server = Server::start().await;
    for path in ["/auth/nowhere", "/auth/room/nowhere", "/AUTH/Room/Create", "/auth"] {
        assert_eq!(server.send(post(path).body(Body::empty()).unwrap()).await.status, 401, "{path}");
    }
    server.call("/auth/nowhere", "{}").await.is(404, "text/plain; charset=utf-8", "not found");
    server.call("/authx", "{}").await.is(404, "text/plain; charset=utf-8", "not found");
}

#[tokio::test]
async fn another_method_finds_nothing() {
    let server = Server::start().await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let request = Request::builder().method(method).uri("/auth/room/create");
        let request = request.header("api-key", KEY).header("hash-signature", sign("")).body(Body::empty()).unwrap();
        let answer = server.send(request).await;
        answer.is(404, "text/plain; charset=utf-8", "not found");
    }
    server.get("/api/verifyToken").await.is(404, "text/plain; charset=utf-8", "not found");
}

#[tokio::test]
async fn a_multipart_call_signs_the_room() {
    let server = Server::start().await;
    let request = post("/auth/room/uploadWhiteboardFile")
        .header("api-key", KEY)
        .header("hash-signature", sign("room01"))
        .header("room-id", "room01")
        .header("content-type", "multipart/form-data; boundary=x");
    let answer = server.send(request.body(Body::from("anything")).unwrap()).await;
    let expected = r#"{"msg":"room not found","status":false,"status_code":"ROOM_NOT_FOUND"}"#;
    answer.is(400, "application/json; charset=utf-8", expected);
}

#[tokio::test]
async fn paths_match_in_any_case_and_with_a_slash() {
    let server = Server::start().await;
    let expected = r#"{"status":true,"msg":"room not found","status_code":"ROOM_NOT_FOUND","is_active":false}"#;
    for path in ["/auth/room/isRoomActive", "/auth/room/isroomactive/", "/Auth/ROOM/IsRoomActive"] {
        server.call(path, r#"{"room_id":"a"}"#).await.is(200, "application/json", expected);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_it_says_so_or_not() {
    let server = Server::with(|deps| deps.max_body = 2 * 1024 * 1024).await;
    let body = " ".repeat(2 * 1024 * 1024 + 1);
    let mut request = signed("/auth/room/isRoomActive", &body);
    server.send(request).await.is(413, "text/plain; charset=utf-8", "Request Entity Too Large");
    request = signed("/auth/room/isRoomActive", &body);
    request.headers_mut().insert("content-length", body.len().into());
    server.send(request).await.is(413, "text/plain; charset=utf-8", "Request Entity Too Large");
}

#[tokio::test]
async fn a_body_of_more_than_a_mebibyte_is_signed_whole_and_not_read() {
    let server = Server::start().await;
    let body = format!(r#"{{"room_id":"a"}}{}"#, " ".repeat(1024 * 1024));
    let answer = server.ask("/auth/room/isRoomActive", &body).await;
    assert_eq!(answer["status_code"], "INVALID_PARAMETERS");
    assert_eq!(answer["msg"], "proto: body is larger than 1048576 bytes");
}
