//! Where others reach this server, from what a request says about the way it came.

use std::net::IpAddr;

use axum::http::HeaderMap;
use meeting::origin::{Seen, web_origin, websocket_origin};

use crate::HttpDeps;

/// This server's web address without a trailing slash. `peer` is the other end of the connection, if that is known.
pub(crate) fn web(deps: &HttpDeps, headers: &HeaderMap, peer: Option<IpAddr>) -> String {
    web_origin(deps.public_url.as_deref(), seen(deps, headers, peer))
}

/// The same as a WebSocket address.
pub(crate) fn web_socket(deps: &HttpDeps, headers: &HeaderMap, peer: Option<IpAddr>) -> String {
    websocket_origin(deps.public_url.as_deref(), seen(deps, headers, peer))
}

fn seen<'r>(deps: &HttpDeps, headers: &'r HeaderMap, peer: Option<IpAddr>) -> Seen<'r> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Seen {
        host: text("host"),
        forwarded_host: text("x-forwarded-host"),
        forwarded_proto: text("x-forwarded-proto"),
        trusted: peer.is_some_and(|peer| (deps.trusts_proxy)(peer)),
    }
}
