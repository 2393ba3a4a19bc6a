//! Asking a platform for something. Its address was written by whoever registered it, so the answer is bounded in size
//! and time, and nothing inside our own network is asked unless the operator said so.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ports::outgoing::{Method, Outgoing, OutgoingError, Reach, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::platforms::web_address;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer.
const MAX_ANSWER: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the address is not allowed")]
    Address,
    #[error(transparent)]
    Request(OutgoingError),
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer cannot be read")]
    Content(#[from] serde_json::Error),
}

impl From<OutgoingError> for FetchError {
    fn from(error: OutgoingError) -> Self {
        match error {
            OutgoingError::Refused => Self::Address,
            OutgoingError::Failed(_) | OutgoingError::TooLarge => Self::Request(error),
        }
    }
}

/// Asks the outside.
pub(super) struct Fetcher {
    pub(super) outgoing: Arc<dyn Outgoing>,
    pub(super) allow_private: bool,
}

impl Fetcher {
    pub(super) async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, FetchError> {
        self.ask(address, Method::Get, Vec::new()).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        address: &str,
        bearer: Option<&str>,
        body: &Value,
    ) -> Result<T, FetchError> {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(bearer.map(|bearer| ("authorization", format!("Bearer {bearer}"))));
        self.ask(address, Method::Post(Bytes::from(body.to_string())), headers).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        address: &str,
        method: Method,
        mut headers: Vec<(&'static str, String)>,
    ) -> Result<T, FetchError> {
        let url = web_address(address, self.allow_private).ok_or(FetchError::Address)?;
        headers.push(("accept", "application/json".to_owned()));
        let reach = if self.allow_private { Reach::Anywhere } else { Reach::Public };
        let request = Request { url: url.into(), method, headers, reach, patience: PATIENCE, most: MAX_ANSWER };
        let answer = self.outgoing.send(request).await?;
        if !(200..300).contains(&answer.status) {
            return Err(FetchError::Status(answer.status));
        }
        Ok(serde_json::from_slice(&answer.body)?)
    }
}
