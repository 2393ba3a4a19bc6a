//! Where a request was sent, as the sender wrote it: launches are signed together with their address (D-29).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::header::HOST;
use axum::http::request::Parts;

use crate::HttpDeps;

/// Longest host that is looked at.
const MAX_HOST: usize = 260;

/// This server's origin: as configured, else as a trusted proxy says, else where the request found us.
pub(super) fn origin(deps: &HttpDeps, request: &Parts) -> String {
    deps.public_url.as_deref().map_or_else(|| asked(deps, request), |url| url.trim_end_matches('/').to_owned())
}

/// Every origin a launch may have been signed for. All of them are ours, so which one it was proves nothing and harms
/// nothing: proxies hide the scheme, and operators write the address they know.
pub(super) fn origins(deps: &HttpDeps, request: &Parts) -> Vec<String> {
    let asked = asked(deps, request);
    let (_, host) = asked.split_once("://").unwrap_or(("http", &asked));
    let (name, port) = split_port(host);
    match deps.public_url.as_deref().map(|url| url.trim_end_matches('/')) {
        // The reference takes the port of the request, even if another is configured.
        Some(url) => [Some(url.to_owned()), port.map(|port| format!("{}:{port}", split_port(url).0))],
        // The reference's own guess comes last.
        None => [Some(asked.clone()), Some(format!("https://{name}"))],
    }
    .into_iter()
    .flatten()
    .collect()
}

/// Scheme, host and port of the request.
fn asked(deps: &HttpDeps, request: &Parts) -> String {
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
    let trusts = (deps.trusts_proxy)(peer);
    // Proxies append: the last one is ours.
    let forwarded = |name: &str| {
        let value = request.headers.get_all(name).iter().next_back()?.to_str().ok()?;
        value.rsplit(',').next().map(str::trim).filter(|value| trusts && !value.is_empty())
    };
    let scheme = match forwarded("x-forwarded-proto") {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    let host = forwarded("x-forwarded-host")
        .or_else(|| request.headers.get(HOST).and_then(|host| host.to_str().ok()))
        .filter(|host| is_host(host))
        .unwrap_or("localhost");
    format!("{scheme}://{host}")
}

fn is_host(host: &str) -> bool {
    host.len() <= MAX_HOST
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']' | b'_'))
}

/// Host and port; also of an origin.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => (name, Some(port)),
        _ => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_told_from_hosts() {
        for (text, name, port) in [
            ("h", "h", None),
            ("h:8080", "h", Some("8080")),
            ("[::1]", "[::1]", None),
            ("[::1]:80", "[::1]", Some("80")),
            ("https://h", "https://h", None),
            ("https://h:8443", "https://h", Some("8443")),
        ] {
            assert_eq!(split_port(text), (name, port));
        }
    }
}
