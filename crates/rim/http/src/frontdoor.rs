//! The front door: people start and join meetings without an application in between.
//!
//! It is a small application on top of the same use cases: a meeting it starts is a room whose id is its code, marked
//! in `extra_data`, and only rooms with that mark can be joined by code. Rooms of API callers stay theirs.

mod code;

pub(crate) mod join;
pub(crate) mod mode;
pub(crate) mod start;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use meeting::JoinError;
use rand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::pnm;

use crate::body::Unread;
use crate::limiter::{Limiter, network};
use crate::proxy::client_address;
use crate::{App, answers, body};

/// `extra_data` key that marks a room as joinable by its code, which is the value.
const MARK: &str = "plenum_invite";
/// Most bytes of a front door request.
const MAX_REQUEST: usize = 8 * 1024;
/// Most characters of a name that are kept.
const MAX_NAME: usize = 80;
/// Most characters of a title that are kept.
const MAX_TITLE: usize = wire::validate::MAX_TITLE;

/// Who may start meetings without an account.
#[derive(Debug, Clone, Default)]
pub enum FrontDoor {
    /// Everybody who reaches the server. Only for one that listens on loopback, or for development.
    Open,
    /// Whoever knows the operator's passphrase.
    Passphrase(model::Redacted<String>),
    /// Nobody; meetings come from the API.
    #[default]
    Closed,
}

/// Meetings one address may start, or try to with a passphrase, in a row, and how often one more.
const STARTS: (u32, Duration) = (20, Duration::from_secs(3));
/// Codes without a meeting one address may try in a row, and how often one more. Who knows a code is not counted: a whole
/// school may come from one address.
const MISSES: (u32, Duration) = (60, Duration::from_secs(1));

/// Counts what one address does.
pub(crate) struct Doorman {
    starts: Mutex<Limiter<IpAddr>>,
    misses: Mutex<Limiter<IpAddr>>,
}

/// Why the door stays shut. The words are the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shut {
    PassphraseRequired,
    PassphraseWrong,
    NoSuchMeeting,
    NameRequired,
    TooManyRequests,
    Closed,
    BadRequest,
    Failed,
}

#[derive(Serialize)]
struct Reason {
    error: &'static str,
    msg: &'static str,
}

impl IntoResponse for Shut {
    fn into_response(self) -> Response {
        let (status, error, msg) = match self {
            Self::PassphraseRequired => (StatusCode::FORBIDDEN, "passphrase-required", "A passphrase is needed."),
            Self::PassphraseWrong => (StatusCode::FORBIDDEN, "passphrase-wrong", "That is not the passphrase."),
            Self::NoSuchMeeting => (StatusCode::NOT_FOUND, "no-such-meeting", "There is no meeting with this code."),
            Self::NameRequired => (StatusCode::BAD_REQUEST, "name-required", "A name is needed."),
            Self::TooManyRequests => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many attempts, wait a minute.")
            }
            Self::Closed => (StatusCode::FORBIDDEN, "closed", "Meetings cannot be started here."),
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read."),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "failed", "The meeting could not be started."),
        };
        answers::plain_json(status, &Reason { error, msg })
    }
}

/// Reads a request. It must say that it is JSON: a page of another origin cannot without asking first, and it is not
/// allowed to ask.
///
/// # Errors
/// The answer, if the request is none.
pub(crate) async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Response> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Shut::BadRequest.into_response());
    }
    let content = body::read(request.into_body(), MAX_REQUEST, |_| {}).await.map_err(Unread::into_response)?;
    serde_json::from_slice(&content).map_err(|_| Shut::BadRequest.into_response())
}

impl Default for Doorman {
    fn default() -> Self {
        let limiter = |(burst, refill)| Mutex::new(Limiter::new(burst, refill));
        Self { starts: limiter(STARTS), misses: limiter(MISSES) }
    }
}

impl Doorman {
    /// Counts an attempt to start a meeting.
    pub(crate) fn may_start(&self, address: IpAddr) -> Result<(), Shut> {
        let fits = self.starts.lock().unwrap_or_else(PoisonError::into_inner).take(network(address), Instant::now());
        if fits.is_ok() { Ok(()) } else { Err(Shut::TooManyRequests) }
    }

    /// Whether the address may try a code; only [`Self::missed`] counts.
    fn may_try_a_code(&self, address: IpAddr) -> Result<(), Shut> {
        let fits = self.misses.lock().unwrap_or_else(PoisonError::into_inner).admits(network(address), Instant::now());
        if fits.is_ok() { Ok(()) } else { Err(Shut::TooManyRequests) }
    }

    /// The code was none.
    fn missed(&self, address: IpAddr) {
        // One too many changes nothing.
        let _ = self.misses.lock().unwrap_or_else(PoisonError::into_inner).take(network(address), Instant::now());
    }
}

/// Who knocks.
pub(crate) fn address(app: &App, request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    client_address(peer, request.headers(), &app.deps.proxy_header, &*app.deps.trusts_proxy)
}

/// What somebody typed, without control characters and blanks around, cut to `most` characters.
fn clean(text: &str, most: usize) -> String {
    let kept: String = text.chars().filter(|c| !c.is_control()).collect();
    kept.trim().chars().take(most).collect()
}

/// Puts somebody on the list of the meeting `code` and returns their way in.
async fn way_in(app: &App, code: &str, name: String, is_admin: bool) -> Result<String, JoinError> {
    let user_id = format!("p-{:016x}", rand::rng().next_u64());
    let request = pnm::GenerateTokenReq {
        room_id: code.to_owned(),
        user_info: Some(pnm::UserInfo { name, user_id, is_admin, ..Default::default() }),
    };
    let token = app.deps.meetings.join_token(request).await?;
    Ok(format!("/?access_token={token}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_tidied_and_cut() {
        assert_eq!(clean("  Ada\u{7} L\n ", 80), "Ada L");
        assert_eq!(clean(&"ü".repeat(100), 80), "ü".repeat(80));
        assert_eq!(clean(" \t", 80), "");
    }
}
