//! `verifyToken`: the browser's first question (http-api.md section 4.1).

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::response::{IntoResponse, Response};
use prost::Message;
use wire::pnm;

use crate::bearer::Denied;
use crate::{App, HttpDeps, answers, bearer};

/// Longest host that is repeated to a browser.
const MAX_HOST: usize = 260;

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let asked = match bearer::admit(&app, request).await {
        Ok(asked) => asked,
        // To this question "you may not come in" is an answer, not a broken token.
        Err(Denied::Unwanted { refusal, .. }) => return answers::refused_protobuf(refusal),
        Err(denied) => return denied.into_response(),
    };
    if let Err(error) = pnm::VerifyTokenReq::decode(asked.body) {
        return answers::refused_protobuf(error);
    }
    let join = match app.deps.meetings.verify_join(&asked.access).await {
        Ok(join) => join,
        Err(refusal) => return answers::refused_protobuf(refusal),
    };
    let messaging = &app.deps.messaging;
    answers::protobuf(&pnm::VerifyTokenRes {
        status: true,
        msg: "token is valid".into(),
        nats_ws_urls: urls(&app.deps, &asked.headers),
        server_version: Some(app.deps.version.clone()),
        room_id: Some(asked.access.room.to_string()),
        user_id: Some(asked.access.user.to_string()),
        room_stream_name: Some(messaging.stream.clone()),
        nats_subjects: Some(messaging.subjects.clone()),
        enabled_self_insert_encryption_key: join.self_inserted_key,
        is_cloud: None,
        client_type: asked.access.client_type,
    })
}

/// Where the browser finds the messaging channel: as configured, else where it found us.
fn urls(deps: &HttpDeps, headers: &HeaderMap) -> Vec<String> {
    if deps.messaging.urls.is_empty() {
        vec![format!("{}/nats", origin(deps.public_url.as_deref(), headers))]
    } else {
        deps.messaging.urls.clone()
    }
}

/// This server as a WebSocket URL without a path. A client that lies about its host only misleads itself.
fn origin(public_url: Option<&str>, headers: &HeaderMap) -> String {
    if let Some(url) = public_url {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let scheme = if matches!(scheme, "https" | "wss") { "wss" } else { "ws" };
        return format!("{scheme}://{}", rest.trim_end_matches('/'));
    }
    let is_host = |host: &&str| {
        host.len() <= MAX_HOST
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']' | b'_'))
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(is_host).unwrap_or("localhost");
    let is_secure =
        headers.get("x-forwarded-proto").is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
    format!("{}://{host}", if is_secure { "wss" } else { "ws" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_messaging_channel_is_where_the_browser_found_us() {
        assert_eq!(origin(None, &headers(&[("host", "10.0.0.1:8080")])), "ws://10.0.0.1:8080");
        let proxied = headers(&[("host", "meet.example.org"), ("x-forwarded-proto", "https")]);
        assert_eq!(origin(None, &proxied), "wss://meet.example.org");
        assert_eq!(origin(None, &headers(&[("host", "a/b\"")])), "ws://localhost");
    }

    #[test]
    fn the_configured_address_wins() {
        let request = headers(&[("host", "10.0.0.1:8080")]);
        assert_eq!(origin(Some("https://meet.example.org/"), &request), "wss://meet.example.org");
        assert_eq!(origin(Some("http://meet.example.org/x"), &request), "ws://meet.example.org/x");
    }
}
