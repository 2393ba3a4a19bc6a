//! Where others reach this server: as configured, else where the request found it.

use axum::http::HeaderMap;
use axum::http::header::HOST;

/// Longest host that is repeated to anybody.
const MAX_HOST: usize = 260;

/// This server's web address without a trailing slash. A client that lies about its host only misleads itself.
pub(crate) fn web(public_url: Option<&str>, headers: &HeaderMap) -> String {
    if let Some(url) = public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let is_host = |host: &&str| {
        host.len() <= MAX_HOST
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']' | b'_'))
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(is_host).unwrap_or("localhost");
    let is_secure =
        headers.get("x-forwarded-proto").is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
    format!("{}://{host}", if is_secure { "https" } else { "http" })
}

/// The same as a WebSocket address.
pub(crate) fn web_socket(public_url: Option<&str>, headers: &HeaderMap) -> String {
    let web = web(public_url, headers);
    let (scheme, rest) = web.split_once("://").unwrap_or(("http", &web));
    let scheme = if matches!(scheme, "https" | "wss") { "wss" } else { "ws" };
    format!("{scheme}://{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn we_are_where_the_browser_found_us() {
        let direct = headers(&[("host", "10.0.0.1:8080")]);
        assert_eq!(web(None, &direct), "http://10.0.0.1:8080");
        assert_eq!(web_socket(None, &direct), "ws://10.0.0.1:8080");
        let proxied = headers(&[("host", "meet.example.org"), ("x-forwarded-proto", "https")]);
        assert_eq!(web(None, &proxied), "https://meet.example.org");
        assert_eq!(web_socket(None, &proxied), "wss://meet.example.org");
        assert_eq!(web_socket(None, &headers(&[("host", "a/b\"")])), "ws://localhost");
    }

    #[test]
    fn the_configured_address_wins() {
        let request = headers(&[("host", "10.0.0.1:8080")]);
        assert_eq!(web(Some("https://meet.example.org/"), &request), "https://meet.example.org");
        assert_eq!(web_socket(Some("https://meet.example.org/"), &request), "wss://meet.example.org");
        assert_eq!(web_socket(Some("http://meet.example.org/x"), &request), "ws://meet.example.org/x");
    }
}
