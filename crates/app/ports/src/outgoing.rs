//! Requests to other people's servers. Their addresses come from users, so how far a request may reach is part of it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// Where a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To public addresses only, also after every redirection: the address is a user's.
    Public,
    /// Anywhere: the address is the operator's own.
    Anywhere,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// For something.
    Get,
    /// To take this.
    Post(Bytes),
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `http://` or `https://`.
    pub url: String,
    /// What for.
    pub method: Method,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Where it may go.
    pub reach: Reach,
    /// How long the whole may take.
    pub patience: Duration,
    /// More of an answer than that, in bytes, is an error.
    pub most: usize,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` in seconds, if there was one.
    pub retry_after: Option<Duration>,
    /// `Content-Type`, if there was one.
    pub content_type: Option<String>,
    /// The content.
    pub body: Bytes,
}

/// Why nothing came back. The texts name no secret of an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutgoingError {
    /// It is no web address, or leads inside where it must not.
    #[error("the address is not allowed")]
    Refused,
    /// Nobody answered, or not as HTTP does.
    #[error("the request failed: {0}")]
    Failed(String),
    /// More than was wanted.
    #[error("the answer is too large")]
    TooLarge,
}

/// Asks the outside.
#[async_trait]
pub trait Outgoing: Send + Sync + 'static {
    /// Sends one request and reads the answer.
    async fn send(&self, request: Request) -> Result<Answer, OutgoingError>;
}
