//! Who asks, where a proxy of ours may stand between.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::GetAll;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Who asks: the peer, or whom it says it speaks for in `header`, if it is a proxy we trust.
pub fn client_address(
    peer: IpAddr,
    headers: &HeaderMap,
    header: &HeaderName,
    trusts: &dyn Fn(IpAddr) -> bool,
) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusts(peer) {
        return peer;
    }
    forwarded(headers.get_all(header), trusts).unwrap_or(peer)
}

/// The last address that is not one of our own proxies; those before it can be made up. Where all are our own, the
/// first of them: somebody inside asked.
fn forwarded(lines: GetAll<'_, HeaderValue>, trusts: &dyn Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let lines = lines.iter().rev().map_while(|line| line.to_str().ok());
    let mut furthest = None;
    for address in lines.flat_map(|line| line.rsplit(',')).map_while(spoken_for) {
        furthest = Some(address);
        if !trusts(address) {
            break;
        }
    }
    furthest
}

/// An address as proxies write it: some add the port.
fn spoken_for(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse().or_else(|_| text.parse::<SocketAddr>().map(|both| both.ip())).ok()?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (crate::FORWARDED_FOR, line.parse().unwrap())).collect()
    }

    #[test]
    fn only_the_address_our_own_proxy_saw_counts() {
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let seen = |lines: &[&'static str]| {
            let headers = headers(lines);
            let seen = forwarded(headers.get_all(crate::FORWARDED_FOR), &|address| address == proxy);
            seen.map(|address| address.to_string())
        };
        assert_eq!(seen(&["1.1.1.1, 2.2.2.2"]).as_deref(), Some("2.2.2.2"));
        assert_eq!(seen(&["1.1.1.1", "2.2.2.2, 10.0.0.1"]).as_deref(), Some("2.2.2.2"));
        assert_eq!(seen(&["::ffff:3.3.3.3"]).as_deref(), Some("3.3.3.3"));
        assert_eq!(seen(&["4.4.4.4:5678"]).as_deref(), Some("4.4.4.4"));
        assert_eq!(seen(&["[2001:db8::1]:5678"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(seen(&["10.0.0.1", "10.0.0.1"]).as_deref(), Some("10.0.0.1"));
        assert_eq!(seen(&["rubbish, 10.0.0.1"]).as_deref(), Some("10.0.0.1"));
        assert_eq!(seen(&["1.1.1.1, rubbish"]), None);
        assert_eq!(seen(&[]), None);
    }
}
