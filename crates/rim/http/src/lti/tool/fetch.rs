//! Asking a platform for something. Its address was written by whoever registered it, so the answer is bounded in size
//! and time, and nothing inside our own network is asked unless the operator said so.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::platforms::web_address;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer.
const MAX_ANSWER: usize = 256 * 1024;
/// Most redirections that are followed.
const MAX_HOPS: usize = 3;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the address is not allowed")]
    Address,
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer is too large")]
    TooLarge,
    #[error("the answer cannot be read")]
    Content(#[from] serde_json::Error),
}

/// Asks the outside.
pub(super) struct Fetcher {
    pub(super) allow_private: bool,
}

impl Fetcher {
    pub(super) async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, FetchError> {
        let url = self.allowed(address)?;
        self.answer(self.client()?.get(url)).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        address: &str,
        bearer: Option<&str>,
        body: &Value,
    ) -> Result<T, FetchError> {
        let url = self.allowed(address)?;
        let request = self.client()?.post(url).header("content-type", "application/json").body(body.to_string());
        self.answer(bearer.into_iter().fold(request, RequestBuilder::bearer_auth)).await
    }

    fn allowed(&self, address: &str) -> Result<Url, FetchError> {
        let url = web_address(address, self.allow_private).ok_or(FetchError::Address)?;
        if is_literal_inside(&url) && !self.allow_private { Err(FetchError::Address) } else { Ok(url) }
    }

    /// One per question; there are few, and a machine without certificates should still start.
    fn client(&self) -> Result<Client, FetchError> {
        let allow_private = self.allow_private;
        let policy = Policy::custom(move |attempt| {
            if attempt.previous().len() > MAX_HOPS {
                return attempt.error("too many redirections");
            }
            let is_allowed = web_address(attempt.url().as_str(), allow_private).is_some()
                && (allow_private || !is_literal_inside(attempt.url()));
            if is_allowed { attempt.follow() } else { attempt.error("redirected to an address that is not allowed") }
        });
        let client = Client::builder().no_proxy().timeout(PATIENCE).redirect(policy).user_agent("Plenum");
        let client = if allow_private { client } else { client.dns_resolver(Arc::new(Outside)) };
        Ok(client.build()?)
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, FetchError> {
        let mut answer = request.header("accept", "application/json").send().await?;
        if !answer.status().is_success() {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let mut content = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            if content.len() + piece.len() > MAX_ANSWER {
                return Err(FetchError::TooLarge);
            }
            content.extend_from_slice(&piece);
        }
        Ok(serde_json::from_slice(&content)?)
    }
}

/// Looks names up and leaves out what is inside. It is asked for every connection, so a name cannot change its mind
/// between a check and its use.
struct Outside;

impl Resolve for Outside {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.filter(|address| is_outside(address.ip())).collect();
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the name leads inside").into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// An address in figures never asks the resolver.
fn is_literal_inside(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.parse().is_ok_and(|address| !is_outside(address))
}

/// Whether an address is one of the public internet.
fn is_outside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_outside_v4(address),
        IpAddr::V6(address) => is_outside_v6(address),
    }
}

fn is_outside_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_inside = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || first == 0
        || first >= 240
        // Carrier-grade NAT, protocol assignments, benchmarks.
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 198 && (second == 18 || second == 19));
    !is_inside
}

fn is_outside_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_outside_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64 and 6to4 carry an IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Documentation, Teredo, other protocol assignments.
        [0x2001, 0xdb8, ..] | [0x2001, 0..0x200, ..] => false,
        // Everything else that is given out begins with 001.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_outside() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:db8::1",
            "2001::1",
            "fec0::1",
        ] {
            assert!(!is_outside(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"] {
            assert!(is_outside(outside.parse().unwrap()), "{outside}");
        }
    }

    #[tokio::test]
    async fn nothing_inside_is_asked_whatever_it_is_called() {
        let fetcher = Fetcher { allow_private: false };
        for address in [
            "http://lms.example/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "ftp://lms.example/",
            "https://169.254.169.254/latest",
        ] {
            assert!(matches!(fetcher.get::<Value>(address).await, Err(FetchError::Address)), "{address}");
        }
        // A name of our own machine gets as far as the resolver.
        assert!(matches!(fetcher.get::<Value>("https://localhost/").await, Err(FetchError::Request(_))));
    }
}
