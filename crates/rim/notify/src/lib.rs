//! Requests that leave the house: webhooks, and questions to platforms that people registered.
//!
//! The one place that speaks HTTP to others. A request that may reach public addresses only is held to that when names
//! are looked up, for addresses in figures, and at every redirection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use ports::outgoing::{Answer, Method, Outgoing, OutgoingError, Reach, Request};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::RETRY_AFTER;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use model::address::is_public;

/// Most redirections that are followed.
const MAX_HOPS: usize = 3;
/// Longest text of a failure.
const MAX_REASON: usize = 200;

/// Sends requests with the system's certificates and without any proxy.
#[derive(Debug, Clone)]
pub struct HttpOutgoing {
    public: Client,
    anywhere: Client,
}

impl HttpOutgoing {
    /// # Errors
    /// When the machine's certificates cannot be read.
    pub fn new() -> Result<Self, OutgoingError> {
        Ok(Self { public: client(Reach::Public)?, anywhere: client(Reach::Anywhere)? })
    }
}

fn client(reach: Reach) -> Result<Client, OutgoingError> {
    let policy = Policy::custom(move |attempt| {
        if attempt.previous().len() > MAX_HOPS {
            attempt.error("too many redirections")
        } else if is_allowed(attempt.url(), reach) && !gives_up_tls(attempt.previous(), attempt.url()) {
            attempt.follow()
        } else {
            attempt.error("redirected to an address that is not allowed")
        }
    });
    let client = Client::builder().no_proxy().redirect(policy).user_agent("Plenum");
    let client = if reach == Reach::Public { client.dns_resolver(Arc::new(PublicNames)) } else { client };
    client.build().map_err(|error| failed(&error))
}

#[async_trait]
impl Outgoing for HttpOutgoing {
    async fn send(&self, request: Request) -> Result<Answer, OutgoingError> {
        let url = Url::parse(&request.url).map_err(|_| OutgoingError::Refused)?;
        if !is_allowed(&url, request.reach) {
            return Err(OutgoingError::Refused);
        }
        let client = if request.reach == Reach::Public { &self.public } else { &self.anywhere };
        let mut outgoing = match request.method {
            Method::Get => client.get(url),
            Method::Post(body) => client.post(url).body(body),
        };
        for (name, value) in request.headers {
            outgoing = outgoing.header(name, value);
        }
        let answer = outgoing.timeout(request.patience).send().await.map_err(|error| failed(&error))?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
        let body = read(answer, request.most).await?;
        Ok(Answer { status, retry_after: retry_after.map(Duration::from_secs), body })
    }
}

async fn read(mut answer: Response, most: usize) -> Result<Bytes, OutgoingError> {
    let mut body = BytesMut::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| failed(&error))? {
        if body.len() + piece.len() > most {
            return Err(OutgoingError::TooLarge);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// What went wrong at the bottom, without the address: it may hold a secret.
fn failed(error: &reqwest::Error) -> OutgoingError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let kind = if error.is_timeout() {
        "nobody answered in time".to_owned()
    } else if cause.is::<reqwest::Error>() {
        "no answer".to_owned()
    } else {
        cause.to_string().chars().take(MAX_REASON).collect()
    };
    OutgoingError::Failed(kind)
}

fn is_allowed(url: &Url, reach: Reach) -> bool {
    let is_web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
    is_web && (reach == Reach::Anywhere || figures(url).is_none_or(is_public))
}

/// What was asked for in secret is not asked for in the open after all.
fn gives_up_tls(previous: &[Url], next: &Url) -> bool {
    next.scheme() == "http" && previous.iter().any(|url| url.scheme() == "https")
}

/// The address, if it is given in figures; such a one never asks the resolver.
fn figures(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// Looks names up and leaves out what is inside. It is asked for every connection, so a name cannot change its mind
/// between a check and its use.
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.filter(|found| is_public(found.ip())).collect();
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the name leads inside").into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_may_not_give_up_tls() {
        let url = |text: &str| Url::parse(text).unwrap();
        let secret = [url("https://example.org/")];

        assert!(gives_up_tls(&secret, &url("http://example.org/")));
        assert!(!gives_up_tls(&secret, &url("https://example.com/")));
        assert!(!gives_up_tls(&[url("http://example.org/")], &url("http://example.com/")));
    }
}
