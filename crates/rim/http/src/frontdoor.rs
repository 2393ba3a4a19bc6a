//! The front door: people start and join meetings without an application in between.
//!
//! It is a small application on top of the same use cases: a meeting it starts is a room whose id is its code, marked
//! in `extra_data`, and only rooms with that mark can be joined by code. Rooms of API callers stay theirs.

mod code;
mod limiter;

pub(crate) mod join;
pub(crate) mod mode;
pub(crate) mod start;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{ConnectInfo, Request};
use axum::http::header::GetAll;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use meeting::JoinError;
use rand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::pnm;

use crate::body::Unread;
use crate::{App, answers, body};
use limiter::Limiter;

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

/// Counts how often somebody knocks.
#[derive(Default)]
pub(crate) struct Doorman(Mutex<Limiter>);

/// Why the door stays shut. The words are the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shut {
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

/// Lets a request in and reads it. It must say that it is JSON: a page of another origin cannot without asking first,
/// and it is not allowed to ask.
///
/// # Errors
/// The answer, if the address knocks too often or the request is none.
pub(crate) async fn read<T: DeserializeOwned>(app: &App, request: Request) -> Result<T, Response> {
    if !app.doorman.admits(address(app, &request)) {
        return Err(Shut::TooManyRequests.into_response());
    }
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Shut::BadRequest.into_response());
    }
    let content = body::read(request.into_body(), MAX_REQUEST, |_| {}).await.map_err(Unread::into_response)?;
    serde_json::from_slice(&content).map_err(|_| Shut::BadRequest.into_response())
}

impl Doorman {
    fn admits(&self, address: IpAddr) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).admits(address, Instant::now())
    }
}

/// Who knocks: the peer, or whom a trusted proxy says it speaks for.
fn address(app: &App, request: &Request) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
    let trusts = &*app.deps.trusts_proxy;
    if !trusts(peer) {
        return peer;
    }
    forwarded(request.headers().get_all(&app.deps.proxy_header), trusts).unwrap_or(peer)
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

    #[test]
    fn what_people_type_is_tidied_and_cut() {
        assert_eq!(clean("  Ada\u{7} L\n ", 80), "Ada L");
        assert_eq!(clean(&"ü".repeat(100), 80), "ü".repeat(80));
        assert_eq!(clean(" \t", 80), "");
    }
}
