//! The WebSockets of the house: `/nats` carries the meeting's messages, `/rtc` the media plane's signalling.
//!
//! Both are thin: the protocols live in `core/nats` and behind the media port, the decisions in `meeting`. What is left
//! is sockets, time-outs and back-pressure.

mod closing;
mod messaging;
mod signalling;
mod upgrade;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{any, get};
use meeting::Meetings;
use model::Shares;
use tokio::sync::{Semaphore, watch};

/// Messaging sockets that may be open at once without having said whose they are; each may hold 64 KiB.
const MAX_STRANGERS: usize = 512;
/// So many of them from one address. A school behind one that comes back all at once takes turns: a stranger is one for
/// as long as a token takes to arrive.
const MAX_STRANGERS_PER_ADDRESS: usize = 128;

/// Who stands behind a request: from the peer and what it says about whom it speaks for. `None` is not bound to the share
/// of one address.
pub type ClientAddress = Arc<dyn Fn(IpAddr, &HeaderMap) -> Option<IpAddr> + Send + Sync>;

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
    client_address: ClientAddress,
    strangers: Arc<Semaphore>,
    strangers_of: Shares,
    /// Peers that may say what this server is called outside.
    trusts_proxy: TrustsProxy,
    /// Origins of pages besides our own that may open messaging sockets; empty allows all.
    allowed_origins: Arc<[String]>,
}

/// Whether an address is a proxy of ours.
pub type TrustsProxy = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

impl Gateway {
    /// Sockets for these meetings. `stopping` becomes `true` when the process stops; `public_url` is where browsers
    /// reach this server if not where the request says; `client_address` tells who asks.
    pub fn new(
        meetings: Meetings,
        nats: Arc<nats::Config>,
        public_url: Option<String>,
        client_address: ClientAddress,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            meetings,
            nats,
            public_url,
            stopping,
            client_address,
            strangers: Arc::new(Semaphore::new(MAX_STRANGERS)),
            strangers_of: Shares::new(MAX_STRANGERS_PER_ADDRESS),
            trusts_proxy: Arc::new(|_| false),
            allowed_origins: Arc::default(),
        }
    }

    /// The same, believing these peers about the way a request came.
    #[must_use]
    pub fn trusting(mut self, trusts_proxy: TrustsProxy) -> Self {
        self.trusts_proxy = trusts_proxy;
        self
    }

    /// Only pages of this server and of these origins may open messaging sockets; empty allows all.
    #[must_use]
    pub fn allow_origins(mut self, origins: Vec<String>) -> Self {
        self.allowed_origins = origins.into();
        self
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
