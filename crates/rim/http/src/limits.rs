//! How often callers may ask, by key and by address. Whoever asks more gets 429 and is told when to come back.
//!
//! A call with a good signature counts for its key and for nothing else: an application comes from one address, and so
//! may the pages of a whole school. What counts for an address is everything without such a signature: wrong ones, and
//! the calls of pages below `/api` and `/lti`.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode as Status};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use wire::pnm::StatusCode;

use crate::limiter::{Limiter, network};
use crate::twirp::{self, TwirpError};
use crate::{App, answers, bbb, frontdoor, lti};

/// What is said, and its code: callers take no code that they do not know.
pub(crate) const REFUSAL: (StatusCode, &str) = (StatusCode::PermissionDenied, "too many requests");
/// Seconds' worth of calls that may come at once from an address: a page that opens asks for several things.
const ADDRESS_BURST: u32 = 10;
/// The same for a key.
const KEY_BURST: u32 = 2;
/// Calls in a row of somebody who looks how their line does, some for each look, and how soon there is one more.
const LOOKS: u32 = 24;
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often callers may ask.
#[derive(Clone)]
pub struct RateLimits {
    /// Calls a second with one key; `None` is as many as come.
    pub per_key: Option<NonZeroU32>,
    /// Calls a second from one address that no key answers for; `None` is as many as come.
    pub per_address: Option<NonZeroU32>,
    /// Addresses that stand for many people and are not counted.
    pub exempt: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

impl RateLimits {
    /// Unless configured, calls a second with one key. A server on two cores answers fewer.
    pub const PER_KEY: u32 = 50_000;
    /// Unless configured, calls a second from one address. A school behind one address joins a lesson with fewer.
    pub const PER_ADDRESS: u32 = 200;
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            per_key: NonZeroU32::new(Self::PER_KEY),
            per_address: NonZeroU32::new(Self::PER_ADDRESS),
            exempt: Arc::new(|_| false),
        }
    }
}

/// Counts.
pub(crate) struct Limits {
    /// There is one key, so one bucket.
    key: Option<Mutex<Limiter<()>>>,
    addresses: Option<Mutex<Limiter<IpAddr>>>,
    /// By room and person.
    looks: Mutex<Limiter<String>>,
}

impl Limits {
    pub(crate) fn new(limits: &RateLimits) -> Self {
        Self {
            key: limits.per_key.map(|most| limiter(most, KEY_BURST)),
            addresses: limits.per_address.map(|most| limiter(most, ADDRESS_BURST)),
            looks: Mutex::new(Limiter::new(LOOKS, LOOK_EVERY)),
        }
    }

    /// Counts a call with a good signature; otherwise says how long to wait.
    pub(crate) fn take_key(&self) -> Result<(), Duration> {
        self.key.as_ref().map_or(Ok(()), |key| lock(key).take((), Instant::now()))
    }

    /// Counts a call of somebody who looks how their line does.
    pub(crate) fn take_look(&self, who: String, now: Instant) -> Result<(), Duration> {
        lock(&self.looks).take(who, now)
    }

    fn admits(&self, address: IpAddr) -> Result<(), Duration> {
        self.addresses.as_ref().map_or(Ok(()), |all| lock(all).admits(network(address), Instant::now()))
    }

    fn take(&self, address: IpAddr) -> Result<(), Duration> {
        self.addresses.as_ref().map_or(Ok(()), |all| lock(all).take(network(address), Instant::now()))
    }
}

fn limiter<K: std::hash::Hash + Eq>(per_second: NonZeroU32, seconds: u32) -> Mutex<Limiter<K>> {
    let refill = Duration::from_secs(1) / per_second.get();
    Mutex::new(Limiter::new(per_second.get().saturating_mul(seconds), refill))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a call comes in; each has its own way of saying no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Auth,
    Bbb,
    Api,
    /// What the landing page asks.
    LtiApi,
    Lti,
    /// LiveKit's server API.
    Twirp,
}

impl Door {
    /// The door of a normal path; `None` is for everybody, as often as they like.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let mut segments = path.split('/').skip(1);
        let (first, second) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        match (first, second) {
            ("auth", _) => Some(Self::Auth),
            ("api", _) => Some(Self::Api),
            ("lti", "v1") if segments.next() == Some("api") => Some(Self::LtiApi),
            ("lti", _) => Some(Self::Lti),
            ("twirp", _) => Some(Self::Twirp),
            (_, "bigbluebutton") => Some(Self::Bbb),
            _ => None,
        }
    }
}

/// Marks the answer to a call that nobody has signed.
#[derive(Debug, Clone, Copy)]
struct Unsigned;

/// Says of an answer that the call was not signed, or wrongly.
pub(crate) fn unsigned(mut answer: Response) -> Response {
    answer.extensions_mut().insert(Unsigned);
    answer
}

/// Lets through who has not asked too often.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(door) = Door::of(request.uri().path()) else {
        return next.run(request).await;
    };
    let address = Some(frontdoor::address(&app, &request)).filter(|address| !(app.deps.limits.exempt)(*address));
    let Some(address) = address else {
        return next.run(request).await;
    };
    let is_signed = matches!(door, Door::Auth | Door::Bbb | Door::Twirp);
    let counted = if is_signed { app.limits.admits(address) } else { app.limits.take(address) };
    if let Err(wait) = counted {
        return refused(door, request.headers(), wait);
    }
    let answer = next.run(request).await;
    if answer.extensions().get::<Unsigned>().is_some() {
        // One too many is refused next time.
        let _ = app.limits.take(address);
    }
    answer
}

/// The answer to whoever asks too often, in the words of the door.
pub(crate) fn refused(door: Door, headers: &HeaderMap, wait: Duration) -> Response {
    let (code, msg) = REFUSAL;
    let status = Status::TOO_MANY_REQUESTS;
    let mut answer = match door {
        Door::Auth | Door::Api => answers::denied(status, headers, code, msg),
        Door::Bbb => (status, bbb::general(bbb::FAILED, "tooManyRequests", msg)).into_response(),
        Door::LtiApi => lti::api::answer(status, false, msg),
        Door::Lti => (status, msg).into_response(),
        Door::Twirp => TwirpError::new(twirp::Code::ResourceExhausted, msg).into_response(),
    };
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_door_is_known_by_its_path() {
        for (path, door) in [
            ("/auth/room/create", Some(Door::Auth)),
            ("/auth", Some(Door::Auth)),
            ("/api/verifytoken", Some(Door::Api)),
            ("/lti/v1", Some(Door::Lti)),
            ("/lti/v1p3/launch", Some(Door::Lti)),
            ("/lti/v1/api/room/join", Some(Door::LtiApi)),
            ("/twirp/livekit.RoomService/ListRooms", Some(Door::Twirp)),
            ("/Key/bigbluebutton/api/create", Some(Door::Bbb)),
            ("/", None),
            ("/assets/index.js", None),
            ("/healthcheck", None),
        ] {
            assert_eq!(Door::of(path), door, "{path}");
        }
    }
}
