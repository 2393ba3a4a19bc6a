//! LiveKit's server API, called (media-protocol.md section 19).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ports::outgoing::{Answer, Method, Outgoing, OutgoingError, Reach, Request};
use prost::Message;
use wire::token::{ApiKey, MediaClaims, VideoGrant};

/// How long one attempt may take; LiveKit's own callers wait as long (section 19.3).
const PATIENCE: Duration = Duration::from_secs(10);

/// The same where a caller waits for us as long: they are to hear what came of it.
pub(crate) const SHORT_PATIENCE: Duration = Duration::from_secs(8);

/// Waits before the attempts after the first.
const WAITS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// Largest answer, in bytes: a room of thousands.
const MAX_ANSWER: usize = 16 << 20;

/// Longest text of a refusal that is passed on, in characters.
const MAX_TEXT: usize = 1000;

/// How long a token for one call is good, in seconds.
const VALIDITY: i64 = 60;

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such room, participant or track.
    #[error("not found: {0}")]
    NotFound(String),
    /// The server says no: its Twirp code and text.
    #[error("{code}: {text}")]
    Refused {
        /// E.g. `failed_precondition`.
        code: String,
        /// What it says about it.
        text: String,
    },
    /// The server has trouble of its own, which may pass: its Twirp code and text.
    #[error("{code}: {text}")]
    Troubled {
        /// E.g. `unavailable`.
        code: String,
        /// What it says about it.
        text: String,
    },
    /// It answered, with what cannot be used.
    #[error("the media server's answer {0}")]
    Unreadable(&'static str),
    /// Nobody answers, or not as LiveKit does.
    #[error("the media server does not answer: {0}")]
    Unreachable(String),
}

impl Refusal {
    /// Whether the same may be done later: the server's trouble may pass, and so may a clock that is wrong or a key that the
    /// operator forgot there.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Troubled { .. } => true,
            Self::Refused { code, .. } => matches!(code.as_str(), "unauthenticated" | "permission_denied"),
            Self::NotFound(_) | Self::Unreadable(_) => false,
        }
    }
}

/// A LiveKit server from outside. Its address is the operator's, so it may be anywhere.
#[derive(Clone)]
pub struct Client {
    outgoing: Arc<dyn Outgoing>,
    host: String,
    key: ApiKey,
}

impl Client {
    /// `host` begins with `http`, `https`, `ws` or `wss`; a path before the API's own is kept.
    pub fn new(outgoing: Arc<dyn Outgoing>, host: &str, key: ApiKey) -> Self {
        let host = match host.strip_prefix("ws") {
            Some(rest) => format!("http{rest}"),
            None => host.to_owned(),
        };
        Self { outgoing, host: host.trim_end_matches('/').to_owned(), key }
    }

    /// Calls a method of `RoomService`. What the network or the server's own trouble spoils is tried again, three times in
    /// all, so the call must be one that may be made twice.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn call<A: Message + Default>(
        &self,
        method: &str,
        grant: VideoGrant,
        request: &impl Message,
    ) -> Result<A, Refusal> {
        let mut waits = WAITS.iter();
        loop {
            let answer = self.attempt(method, &grant, request.encode_to_vec(), PATIENCE).await;
            match (answer, waits.next()) {
                (Err(Refusal::Unreachable(_) | Refusal::Troubled { .. }), Some(wait)) => {
                    tokio::time::sleep(*wait).await;
                }
                (answer, _) => return answer,
            }
        }
    }

    /// The same once and in less than ten seconds, for somebody who waits and who may try again themselves.
    ///
    /// # Errors
    /// Why there is no answer. What was asked may have been done all the same.
    pub async fn call_once<A: Message + Default>(
        &self,
        method: &str,
        grant: VideoGrant,
        request: &impl Message,
    ) -> Result<A, Refusal> {
        self.attempt(method, &grant, request.encode_to_vec(), SHORT_PATIENCE).await
    }

    async fn attempt<A: Message + Default>(
        &self,
        method: &str,
        grant: &VideoGrant,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<A, Refusal> {
        let claims = MediaClaims { video: grant.clone(), ..MediaClaims::default() };
        let token = wire::token::mint_media(&self.key, &claims, unix_seconds(), VALIDITY);
        let request = Request {
            url: format!("{}/twirp/livekit.RoomService/{method}", self.host),
            method: Method::Post(body.into()),
            headers: vec![
                ("content-type", "application/protobuf".to_owned()),
                ("authorization", format!("Bearer {token}")),
            ],
            reach: Reach::Anywhere,
            patience,
            most: MAX_ANSWER,
        };
        let answer = self.outgoing.send(request).await.map_err(|error| match error {
            OutgoingError::TooLarge => Refusal::Unreadable("is too large"),
            OutgoingError::Refused | OutgoingError::Failed(_) => Refusal::Unreachable(error.to_string()),
        })?;
        if answer.status != 200 {
            return Err(refusal(&answer));
        }
        A::decode(answer.body).map_err(|_| Refusal::Unreadable("does not decode"))
    }

    /// Whether somebody answers at all.
    ///
    /// # Errors
    /// Why nobody does.
    pub async fn ping(&self) -> Result<(), Refusal> {
        let request = Request {
            url: format!("{}/", self.host),
            method: Method::Get,
            headers: Vec::new(),
            reach: Reach::Anywhere,
            patience: PATIENCE,
            most: MAX_ANSWER,
        };
        match self.outgoing.send(request).await {
            Ok(answer) if answer.status < 500 => Ok(()),
            Ok(answer) => Err(Refusal::Unreachable(format!("status {}", answer.status))),
            Err(error) => Err(Refusal::Unreachable(error.to_string())),
        }
    }
}

/// Reads a Twirp error; whatever else comes is not LiveKit's.
fn refusal(answer: &Answer) -> Refusal {
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| -> String {
        let text = told.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        text.chars().take(MAX_TEXT).collect()
    };
    let (code, text) = (text("code"), text("msg"));
    match code.as_str() {
        "not_found" => Refusal::NotFound(text),
        "unavailable" | "resource_exhausted" | "internal" | "deadline_exceeded" | "aborted" | "unknown" => {
            Refusal::Troubled { code, text }
        }
        "" => Refusal::Unreachable(format!("status {}", answer.status)),
        _ => Refusal::Refused { code, text },
    }
}

/// Now, in unix seconds.
pub(crate) fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
