//! Where a browser reaches this server.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// Longest host we repeat.
const MAX_HOST: usize = 260;

/// The server as a WebSocket URL without a path: from the configuration, else from the request itself. A client that
/// lies about its host only misleads itself.
pub(crate) fn websocket_origin(public_url: Option<&str>, headers: &HeaderMap) -> String {
    if let Some(url) = public_url {
        let url = url.trim_end_matches('/');
        return match url.split_once("://") {
            Some(("https" | "wss", rest)) => format!("wss://{rest}"),
            Some((_, rest)) => format!("ws://{rest}"),
            None => format!("ws://{url}"),
        };
    }
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .filter(|host| host.len() <= MAX_HOST && host.bytes().all(is_host_byte))
        .unwrap_or("localhost");
    let secure = headers.get("x-forwarded-proto").is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
    format!("{}://{host}", if secure { "wss" } else { "ws" })
}

/// Whether the page that asks may open a socket to `own`, this server as a WebSocket URL. Without a list every page may,
/// and what is no browser names none.
pub(crate) fn may_open(allowed: &[String], own: &str, headers: &HeaderMap) -> bool {
    let Some(page) = headers.get(ORIGIN).filter(|_| !allowed.is_empty()) else { return true };
    let Ok(page) = page.to_str() else { return false };
    let is_own = page
        .split_once("://")
        .zip(own.split_once("://"))
        .is_some_and(|((_, page), (_, own))| page.eq_ignore_ascii_case(own.split('/').next().unwrap_or(own)));
    is_own || allowed.iter().any(|origin| origin.eq_ignore_ascii_case(page))
}

const fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_configuration_wins_over_the_request() {
        let request = headers(&[("host", "10.0.0.1:8080")]);
        assert_eq!(websocket_origin(Some("https://meet.example.org/"), &request), "wss://meet.example.org");
        assert_eq!(websocket_origin(None, &request), "ws://10.0.0.1:8080");
    }

    #[test]
    fn a_proxy_says_whether_the_outside_is_secure() {
        let request = headers(&[("host", "meet.example.org"), ("x-forwarded-proto", "https")]);
        assert_eq!(websocket_origin(None, &request), "wss://meet.example.org");
    }

    #[test]
    fn a_foreign_page_opens_sockets_only_if_it_is_on_the_list_or_there_is_none() {
        let own = "wss://meet.example.org";
        let list = ["https://www.example.org".to_owned()];
        let from = |page| headers(&[("origin", page)]);
        for page in ["https://www.example.org", "https://meet.example.org", "HTTPS://Meet.example.org"] {
            assert!(may_open(&list, own, &from(page)), "{page}");
        }
        for page in ["https://evil.example", "https://www.example.org.evil.example", "null", "http://www.example.org"] {
            assert!(!may_open(&list, own, &from(page)), "{page}");
            assert!(may_open(&[], own, &from(page)), "{page}");
        }
        assert!(may_open(&list, own, &headers(&[])), "what is no browser");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        assert_eq!(websocket_origin(None, &headers(&[("host", "a/b?c=\"d")])), "ws://localhost");
    }
}
