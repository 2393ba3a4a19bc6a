//! Where a browser reaches this server.

use axum::http::HeaderMap;
use axum::http::header::HOST;

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
    fn a_host_that_is_none_is_not_repeated() {
        assert_eq!(websocket_origin(None, &headers(&[("host", "a/b?c=\"d")])), "ws://localhost");
    }
}
