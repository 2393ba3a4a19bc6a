use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::{Method, Request};

use super::harness::Server;
use crate::Prometheus;

const TEXT: &str = "text/plain; charset=utf-8";

#[tokio::test]
async fn health_answers_any_method_and_anything_below() {
    let server = Server::start().await;
    for (method, path) in
        [(Method::GET, "/healthCheck"), (Method::POST, "/healthcheck/"), (Method::PUT, "/healthCheck/a/b")]
    {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        server.send(request).await.is(200, TEXT, "Healthy");
    }
}

#[tokio::test]
async fn health_tells_when_the_store_does_not_answer() {
    let server = Server::start().await;
    server.outside.store_is_broken.store(true, Ordering::Relaxed);
    server.get("/healthCheck").await.is(503, TEXT, "DB connection error");
}

#[tokio::test]
async fn health_tells_when_media_cannot_flow() {
    let server = Server::start().await;
    server.outside.media_is_dead.store(true, Ordering::Relaxed);
    server.get("/healthCheck").await.is(503, TEXT, "Media server error");
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = Server::start().await;
    let request = Request::head("/api/frontdoor").body(Body::empty()).unwrap();
    server.send(request).await.is(200, "application/json", "");
}

#[tokio::test]
async fn metrics_are_shown_to_those_who_may_see_them() {
    let metrics = |login| Prometheus { path: "/metrics".into(), login, render: Arc::new(|| "rooms 1\n".into()) };
    let open = Server::with(|deps| deps.prometheus = Some(metrics(None))).await;
    open.get("/metrics").await.is(200, "text/plain; version=0.0.4; charset=utf-8", "rooms 1\n");
    open.get("/metrics/x").await.is(200, "text/plain; version=0.0.4; charset=utf-8", "rooms 1\n");

    let login = Some(("a".to_owned(), "b".to_owned()));
    let shut = Server::with(|deps| deps.prometheus = Some(metrics(login))).await;
    let answer = shut.get("/metrics").await;
    assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, "Basic realm=\"Restricted\""));
    let with = async |value: &str| {
        shut.send(Request::get("/metrics").header("authorization", value).body(Body::empty()).unwrap()).await.status
    };
    assert_eq!(with("Basic YTpi").await, 200);
    assert_eq!(with("Basic YTpj").await, 401);
    assert_eq!(with("Bearer YTpi").await, 401);

    Server::start().await.get("/metrics").await.is(404, TEXT, "not found");
}

#[tokio::test]
async fn figures_are_not_for_pages_of_other_origins() {
    let metrics = Prometheus { path: "/metrics".into(), login: None, render: Arc::new(|| "rooms 1\n".into()) };
    let server = Server::with(|deps| deps.prometheus = Some(metrics)).await;
    let get = Request::get("/metrics").header("origin", "https://app.example").body(Body::empty()).unwrap();
    let preflight = Request::options("/metrics")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "GET")
        .body(Body::empty())
        .unwrap();
    for request in [get, preflight] {
        let answer = server.send(request).await;
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{answer:?}");
    }
}

#[tokio::test]
async fn other_origins_may_call_the_api() {
    let server = Server::start().await;
    let preflight = Request::options("/auth/room/create")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "api-key,hash-signature")
        .body(Body::empty())
        .unwrap();
    let answer = server.send(preflight).await;
    answer.is(204, "", "");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-methods"), "POST, GET, OPTIONS, HEAD");
    assert_eq!(answer.header("access-control-allow-headers"), "api-key,hash-signature");
    assert_eq!(answer.header("vary"), "access-control-request-headers");

    let call = Request::post("/api/verifyToken").header("origin", "https://app.example");
    let answer = server.send(call.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (401, "*"));
    assert_eq!(server.get("/healthCheck").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn every_answer_is_what_it_says_and_tells_nobody_where_it_was_asked() {
    let server = Server::start().await;
    for path in ["/healthCheck", "/nowhere", "/api/frontdoor", "/auth/x"] {
        let answer = server.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn what_is_nowhere_is_not_found() {
    let server = Server::start().await;
    for path in ["/nowhere", "/api/nowhere", "/assets/nowhere.js", "/assets/../index.html", "/index.html", "/a/b/c"] {
        server.get(path).await.is(404, TEXT, "not found");
    }
    let delete = Request::delete("/").body(Body::empty()).unwrap();
    server.send(delete).await.is(404, TEXT, "not found");
}
