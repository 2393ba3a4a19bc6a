//! Where a browser reaches this server: as a WebSocket URL without a path for `verifyToken` and for the media server's
//! address that goes over the messaging channel, as a web address for links.

/// Longest host we repeat.
const MAX_HOST: usize = 260;

/// What a request says about the way it came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen<'r> {
    /// `Host`.
    pub host: Option<&'r str>,
    /// `X-Forwarded-Host`; a list where several proxies say something, the browser's first.
    pub forwarded_host: Option<&'r str>,
    /// `X-Forwarded-Proto`.
    pub forwarded_proto: Option<&'r str>,
    /// Whether the peer is a proxy of ours (`client.proxy_conf.trusted_proxy_ips`).
    pub trusted: bool,
}

/// The web address, without a trailing slash: from the configuration, else from the request itself. A host that is
/// forwarded counts only if a trusted proxy says so (http-api.md section 11.5). Whether the outside is secure is believed
/// of everybody, because most proxies say it and few are configured: a client that lies about it, or about its host, only
/// misleads itself.
pub fn web_origin(public_url: Option<&str>, seen: Seen<'_>) -> String {
    if let Some(url) = public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let forwarded = seen.forwarded_host.filter(|_| seen.trusted).map(first).filter(|host| is_host(host));
    let host = forwarded.or_else(|| seen.host.filter(|host| is_host(host))).unwrap_or("localhost");
    let is_secure = seen.forwarded_proto.map(first).is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
    format!("{}://{host}", if is_secure { "https" } else { "http" })
}

/// The same as a WebSocket address.
pub fn websocket_origin(public_url: Option<&str>, seen: Seen<'_>) -> String {
    let web = web_origin(public_url, seen);
    let (scheme, rest) = web.split_once("://").unwrap_or(("http", &web));
    let scheme = if matches!(scheme, "https" | "wss") { "wss" } else { "ws" };
    format!("{scheme}://{rest}")
}

/// Whether the page that asks, by its `Origin`, may open a socket to `own`, this server as a WebSocket URL. Without a list
/// every page may, and what is no browser names none.
pub fn may_open(allowed: &[String], own: &str, page: Option<&str>) -> bool {
    let Some(page) = page.filter(|_| !allowed.is_empty()) else { return true };
    let is_own = page
        .split_once("://")
        .zip(own.split_once("://"))
        .is_some_and(|((_, page), (_, own))| page.eq_ignore_ascii_case(own.split('/').next().unwrap_or(own)));
    is_own || allowed.iter().any(|origin| origin.eq_ignore_ascii_case(page))
}

fn first(list: &str) -> &str {
    list.split(',').next().unwrap_or_default().trim()
}

fn is_host(host: &str) -> bool {
    (1..=MAX_HOST).contains(&host.len())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECT: Seen<'_> =
        Seen { host: Some("10.0.0.1:8080"), forwarded_host: None, forwarded_proto: None, trusted: false };

    #[test]
    fn the_configuration_wins_over_the_request() {
        assert_eq!(websocket_origin(Some("https://meet.example.org/"), DIRECT), "wss://meet.example.org");
        assert_eq!(websocket_origin(Some("http://meet.example.org/x"), DIRECT), "ws://meet.example.org/x");
        assert_eq!(websocket_origin(None, DIRECT), "ws://10.0.0.1:8080");
        assert_eq!(web_origin(Some("https://meet.example.org/"), DIRECT), "https://meet.example.org");
        assert_eq!(web_origin(None, DIRECT), "http://10.0.0.1:8080");
    }

    #[test]
    fn a_proxy_says_whether_the_outside_is_secure() {
        for proto in ["https", "HTTPS", "https,http"] {
            assert_eq!(websocket_origin(None, Seen { forwarded_proto: Some(proto), ..DIRECT }), "wss://10.0.0.1:8080");
        }
        assert_eq!(websocket_origin(None, Seen { forwarded_proto: Some("http"), ..DIRECT }), "ws://10.0.0.1:8080");
    }

    #[test]
    fn only_a_trusted_proxy_says_what_the_outside_is_called() {
        let forwarded = Seen { forwarded_host: Some("meet.example.org, inner.example"), ..DIRECT };
        assert_eq!(websocket_origin(None, forwarded), "ws://10.0.0.1:8080");
        assert_eq!(websocket_origin(None, Seen { trusted: true, ..forwarded }), "ws://meet.example.org");
        assert_eq!(websocket_origin(None, Seen { trusted: true, ..DIRECT }), "ws://10.0.0.1:8080");
    }

    #[test]
    fn a_foreign_page_opens_sockets_only_if_it_is_on_the_list_or_there_is_none() {
        let own = "wss://meet.example.org";
        let list = ["https://www.example.org".to_owned()];
        for page in ["https://www.example.org", "https://meet.example.org", "HTTPS://Meet.example.org"] {
            assert!(may_open(&list, own, Some(page)), "{page}");
        }
        for page in
            ["https://evil.example", "https://www.example.org.evil.example", "null", "", "http://www.example.org"]
        {
            assert!(!may_open(&list, own, Some(page)), "{page}");
            assert!(may_open(&[], own, Some(page)), "{page}");
        }
        assert!(may_open(&list, own, None), "what is no browser");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        let long = "a".repeat(MAX_HOST + 1);
        for bad in ["a/b?c=\"d", "", long.as_str()] {
            assert_eq!(websocket_origin(None, Seen { host: Some(bad), ..Seen::default() }), "ws://localhost");
            let forwarded = Seen { forwarded_host: Some(bad), trusted: true, ..DIRECT };
            assert_eq!(websocket_origin(None, forwarded), "ws://10.0.0.1:8080");
        }
    }
}
