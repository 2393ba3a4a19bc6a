//! The WebSockets of the house: `/nats` carries the meeting's messages, `/rtc` the media plane's signalling.
//!
//! Both are thin: the protocols live in `core/nats` and behind the media port, the decisions in `meeting`. What is left
//! is sockets, time-outs and back-pressure.

mod closing;
mod messaging;
mod origin;
mod signalling;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};
use meeting::Meetings;
use tokio::sync::{Semaphore, watch};

/// Messaging sockets that may be open at once without having said whose they are; each may hold one large frame.
const MAX_STRANGERS: usize = 512;

/// What the sockets need.
#[derive(Clone)]
pub struct Gateway {
    /// The application.
    meetings: Meetings,
    /// Names and limits of the messaging façade.
    nats: Arc<nats::Config>,
    /// Where browsers reach this server if not where the request says, e.g. `https://meet.example.org`.
    public_url: Option<String>,
    /// Becomes `true` when the process stops; sockets then close and browsers come back to the next process.
    stopping: watch::Receiver<bool>,
    strangers: Arc<Semaphore>,
}

impl Gateway {
    /// Sockets for these meetings. `stopping` becomes `true` when the process stops; `public_url` is where browsers
    /// reach this server if not where the request says.
    pub fn new(
        meetings: Meetings,
        nats: Arc<nats::Config>,
        public_url: Option<String>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self { meetings, nats, public_url, stopping, strangers: Arc::new(Semaphore::new(MAX_STRANGERS)) }
    }
}

/// Routes `/nats`, `/rtc`, `/rtc/v1` and their `validate`, below any prefix a proxy may keep.
pub fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/nats", any(messaging::upgrade))
        .route("/rtc", any(signalling::upgrade_dual))
        .route("/rtc/v1", any(signalling::upgrade_single))
        .route("/rtc/validate", get(signalling::validate_dual))
        .route("/rtc/v1/validate", get(signalling::validate_single))
        .with_state(gateway)
}
