//! The client's files, whether they were built or not: a checkout without them must pass too.

use axum::body::Body;
use axum::http::Request;

use super::harness::{Answer, Server};
use crate::client::Dist;

async fn get(server: &Server, path: &str, header: (&str, &str)) -> Answer {
    server.send(Request::get(path).header(header.0, header.1).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_page_is_served_with_a_strict_policy_at_every_address_it_has() {
    let server = Server::with(|deps| deps.frame_ancestors = "'self' https://lms.example".into()).await;
    for path in ["/", "/?access_token=x", "/join/abcd-efgh-jkmn", "/JOIN/x/"] {
        let answer = server.get(path).await;
        if Dist::get("index.html").is_none() {
            answer.is(503, "text/plain; charset=utf-8", "The browser client is not part of this build.");
            continue;
        }
        assert_eq!((answer.status.as_u16(), answer.kind()), (200, "text/html; charset=utf-8"), "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'self'; "), "{policy}");
        assert!(!policy.contains("eval"), "programs run in workers with a policy of their own: {policy}");
        assert!(policy.ends_with("frame-ancestors 'self' https://lms.example"), "{policy}");
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");

        let known = get(&server, path, ("if-none-match", answer.header("etag"))).await;
        assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    }
}

#[tokio::test]
async fn assets_are_cached_forever_and_may_be_used_elsewhere() {
    let server = Server::start().await;
    for name in Dist::iter().filter(|name| name.starts_with("assets/")) {
        let answer = server.get(&format!("/{name}")).await;
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.body, Dist::get(&name).unwrap().data.as_ref());
        if name.starts_with("assets/backgrounds-") {
            let policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
            assert_eq!(answer.header("content-security-policy"), policy, "{name}");
        }

        let packed = get(&server, &format!("/{name}"), ("accept-encoding", "gzip")).await;
        if packed.header("content-encoding") == "gzip" {
            assert!(packed.body.len() < answer.body.len(), "{name}");
            let mut unpacked = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed.body.as_ref()), &mut unpacked).unwrap();
            assert_eq!(unpacked, answer.body);
        }
    }
}

#[tokio::test]
async fn nothing_outside_the_client_is_served() {
    let server = Server::start().await;
    for path in
        ["/assets/../../Cargo.toml", "/assets/%2e%2e/%2e%2e/Cargo.toml", "/..%2fpackage.json", "/assets//etc/passwd"]
    {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}
