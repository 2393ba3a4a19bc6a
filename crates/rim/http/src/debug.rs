//! The operator's view of the media plane: `/debug/rooms` as a page, `/debug/rooms.json` for programs, `/debug/metrics`
//! for a scraper that looks at one room.
//!
//! It shows who is connected how, addresses included, so it asks for key and secret of the API (HTTP basic authentication);
//! the passphrase of the front door is known to whoever may start a meeting. It shows nothing anybody said or showed.

mod figures;
mod json;
mod page;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use model::RoomId;
use ports::media::report::{Page, RoomReport};
use serde::Deserialize;

use crate::limiter::{Limiter, network};
use crate::prometheus::same_secret;
use crate::{App, answers, frontdoor};

/// Wrong credentials one address may give in a row, and how often one more.
const TRIES: (u32, Duration) = (20, Duration::from_secs(3));

/// Counts who guesses.
pub(crate) struct Gate(Mutex<Limiter<IpAddr>>);

impl Default for Gate {
    fn default() -> Self {
        Self(Mutex::new(Limiter::new(TRIES.0, TRIES.1)))
    }
}

impl Gate {
    fn admits(&self, address: IpAddr) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).admits(network(address), Instant::now()).is_ok()
    }

    fn missed(&self, address: IpAddr) {
        // One too many changes nothing.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).take(network(address), Instant::now());
    }
}

#[derive(Deserialize)]
struct Asked {
    room: Option<String>,
    /// How many participants come before those that are told of.
    #[serde(default)]
    from: usize,
    /// How many are told of, at most.
    most: Option<NonZeroUsize>,
}

impl Asked {
    fn page(&self) -> Page {
        let usual = Page::default();
        Page { from: self.from, most: self.most.map_or(usual.most, |most| most.get().min(Page::MOST)) }
    }
}

/// A room that somebody asked for.
enum Found {
    /// They asked for none.
    List,
    Room(Box<RoomReport>),
}

pub(crate) fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/debug/rooms", get(show))
        .route("/debug/rooms.json", get(tell))
        .route("/debug/metrics", get(measure))
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard))
}

/// Lets the operator through.
async fn guard(State(app): State<App>, request: Request, next: axum::middleware::Next) -> Response {
    let address = frontdoor::address(&app, &request);
    if !app.gate.admits(address) {
        return (StatusCode::TOO_MANY_REQUESTS, "Too many attempts, wait a minute.").into_response();
    }
    let Some((name, password)) = credentials(request.headers()) else { return challenge() };
    if !knows(&app, &name, &password) {
        app.gate.missed(address);
        return challenge();
    }
    let mut answer = next.run(request).await;
    answer.headers_mut().insert(CACHE_CONTROL, axum::http::HeaderValue::from_static("no-store"));
    answer
}

fn challenge() -> Response {
    let challenge = [(WWW_AUTHENTICATE, "Basic realm=\"Plenum, for its operator\", charset=\"UTF-8\"")];
    let msg = "The API key with its secret.";
    (StatusCode::UNAUTHORIZED, challenge, msg).into_response()
}

fn credentials(headers: &HeaderMap) -> Option<(Vec<u8>, Vec<u8>)> {
    let given = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let given = BASE64_STANDARD.decode(given).ok()?;
    let colon = given.iter().position(|byte| *byte == b':')?;
    Some((given[..colon].to_vec(), given[colon + 1..].to_vec()))
}

fn knows(app: &App, name: &[u8], password: &[u8]) -> bool {
    let api = &app.deps.api;
    // Both are compared, so that the time tells nothing.
    let key = same_secret(name, api.id().as_bytes());
    let secret = same_secret(password, api.secret().as_bytes());
    key && secret
}

/// The room that is asked for, or why there is none.
async fn find(app: &App, asked: Asked) -> Result<Found, (StatusCode, &'static str)> {
    let page = asked.page();
    let Some(room) = asked.room else { return Ok(Found::List) };
    let missing = (StatusCode::NOT_FOUND, "No such room on the media plane.");
    let room = RoomId::try_from(room.as_str()).map_err(|_| missing)?;
    app.deps.meetings.media_report(&room, page).await.map(|report| Found::Room(Box::new(report))).ok_or(missing)
}

async fn tell(State(app): State<App>, Query(asked): Query<Asked>) -> Response {
    match find(&app, asked).await {
        Ok(Found::List) => answers::plain_json(StatusCode::OK, &json::list(&app.deps.meetings.media_overview().await)),
        Ok(Found::Room(report)) => answers::plain_json(StatusCode::OK, &json::room(&report)),
        Err((status, msg)) => answers::plain_json(status, &serde_json::json!({ "msg": msg })),
    }
}

async fn show(State(app): State<App>, Query(asked): Query<Asked>) -> Response {
    let html = match find(&app, asked).await {
        Ok(Found::List) => page::list(&app.deps.meetings.media_overview().await),
        Ok(Found::Room(report)) => page::room(&report),
        Err((status, msg)) => {
            return (status, [(CONTENT_SECURITY_POLICY, page::policy())], Html(page::missing(msg))).into_response();
        }
    };
    ([(CONTENT_SECURITY_POLICY, page::policy())], Html(html)).into_response()
}

async fn measure(State(app): State<App>, Query(asked): Query<Asked>) -> Response {
    let text = match find(&app, asked).await {
        Ok(Found::List) => figures::rooms(&app.deps.meetings.media_overview().await),
        Ok(Found::Room(report)) => figures::room(&report),
        Err(missing) => return missing.into_response(),
    };
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
