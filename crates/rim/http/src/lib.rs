//! plugNmeet's HTTP API, BigBlueButton's, the front door's own, and the browser client.
//!
//! Endpoints translate and delegate: what they mean is `meeting`'s, how they are spelled is `wire`'s. This crate knows
//! about status codes, headers and content types, and which of them the reference's callers rely on
//! (http-api.md sections 0 to 4, 7 and 11).

mod analytics;
mod answers;
mod artifacts;
mod audit;
mod backgrounds;
mod bbb;
mod bearer;
mod body;
mod client;
mod client_files;
mod cors;
mod debug;
mod download;
mod files;
mod frontdoor;
mod health;
mod limiter;
mod limits;
mod lists;
mod lti;
mod media_webhook;
mod member;
mod metered;
mod openapi;
mod operations;
mod origin;
mod paths;
mod poll_table;
mod prometheus;
mod proxy;
mod recorder;
mod recordings;
mod rooms;
mod signed;
mod twirp;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::http::header::{REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue};
use axum::routing::{any, get, post};
use meeting::{Meetings, Shelf};
use ports::outgoing::{Outgoing, Reach};
use tower::util::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use wire::create::CreateRules;
use wire::pnm;
use wire::token::ApiKey;

pub use audit::AUDIT;
pub use backgrounds::{Backgrounds, Picture, PictureKind};
pub use frontdoor::FrontDoor;
pub use limits::RateLimits;
pub use lti::{LtiPlatform, LtiSetup, LtiTool, PlatformError, RegistryError};
pub use prometheus::Prometheus;
pub use proxy::client_address;

/// The header proxies commonly name the client's address in.
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the HTTP API needs.
#[derive(Clone)]
pub struct HttpDeps {
    /// The application.
    pub meetings: Meetings,
    /// What time it is, in unix seconds.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// What learning platforms need of us.
    pub lti: LtiTool,
    /// Key and secret of API callers (`client.api_key`, `client.secret`).
    pub api: ApiKey,
    /// Recordings, artifacts and past sessions.
    pub shelf: Shelf,
    /// What shapes a new room.
    pub rules: CreateRules,
    /// Largest request body in bytes (`upload_file_settings.max_size`).
    pub max_body: usize,
    /// What `verifyToken` tells about the messaging channel.
    pub messaging: Messaging,
    /// Where browsers reach this server if not where the request says, e.g. `https://meet.example.org`.
    pub public_url: Option<String>,
    /// `server_version` of `verifyToken`.
    pub version: String,
    /// Who may start meetings without an account.
    pub front_door: FrontDoor,
    /// Peers whose `proxy_header` is believed (`client.proxy_conf.trusted_proxy_ips`).
    pub trusts_proxy: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// The header in which they say whom they speak for: a list they append to, such as [`FORWARDED_FOR`], or a single
    /// address, such as `X-Real-IP` (`client.proxy_conf.proxy_header`).
    pub proxy_header: HeaderName,
    /// Who may show the client in a frame, as a `frame-ancestors` source list.
    pub frame_ancestors: String,
    /// How often callers may ask.
    pub limits: RateLimits,
    /// `/metrics`, if it is on.
    pub prometheus: Option<Prometheus>,
    /// Asks the outside.
    pub outgoing: Arc<dyn Outgoing>,
    /// How far a `document_link` may lead (`upload_file_settings.allow_private_addresses`).
    pub documents: Reach,
    /// Where the client's files are if not here, as embedders are told (`client.asset_host`).
    pub asset_host: Option<String>,
    /// Pictures that the operator offers people to be seen in front of (`plenum.backgrounds`).
    pub backgrounds: Backgrounds,
    /// Signs the webhooks of an outside media server (`livekit_info`); without it none is taken.
    pub media_webhooks: Option<ApiKey>,
}

/// Names of the messaging channel, as clients are told.
#[derive(Debug, Clone)]
pub struct Messaging {
    /// WebSocket URLs; empty means `/nats` of this server.
    pub urls: Vec<String>,
    /// Name of the stream.
    pub stream: String,
    /// First tokens of the subjects.
    pub subjects: pnm::NatsSubjects,
}

impl Default for Messaging {
    /// The reference's sample configuration.
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            stream: "pnm-room-stream".into(),
            subjects: pnm::NatsSubjects {
                system_api_worker: "sysApiWorker".into(),
                system_js_worker: "sysJsWorker".into(),
                system_core_worker: "sysCoreWorker".into(),
                system_public: "sysPublic".into(),
                system_private: "sysPrivate".into(),
                chat: "chat".into(),
                whiteboard: "whiteboard".into(),
                data_channel: "dataChannel".into(),
            },
        }
    }
}

/// What every handler can reach.
#[derive(Clone)]
struct App(Arc<Shared>);

struct Shared {
    deps: HttpDeps,
    doorman: frontdoor::Doorman,
    limits: limits::Limits,
    lti_seen: lti::Seen,
    gate: debug::Gate,
    described: OnceLock<openapi::Described>,
}

impl Shared {
    fn described(&self) -> &openapi::Described {
        self.described.get_or_init(|| openapi::Described::new(&self.deps))
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Every HTTP route of the server, with everything around them. The router has a fallback that answers 404; routes of
/// other crates are merged into it.
pub fn router(deps: HttpDeps) -> Router {
    let prometheus = deps.prometheus.clone();
    let app = App(Arc::new(Shared {
        doorman: frontdoor::Doorman::default(),
        limits: limits::Limits::new(&deps.limits),
        lti_seen: lti::Seen::default(),
        gate: debug::Gate::default(),
        described: OnceLock::new(),
        deps,
    }));
    let mut routes = Router::new()
        .nest("/auth", auth_routes(&app))
        .route("/api/verifytoken", post(member::verify_token::handle))
        .route("/api/endroom", post(member::end_room::handle))
        .route("/api/waitingroom/approveusers", post(member::waiting_room::approve))
        .route("/api/waitingroom/updatemsg", post(member::waiting_room::update_text))
        .route("/api/getclientfiles", post(client_files::member))
        .merge(files::routes(&app))
        .nest("/api/polls", member::polls::routes())
        .nest("/api/breakoutroom", member::breakouts::routes())
        .nest("/api/plenum/breakout", member::breakouts::extensions())
        .nest("/api/plenum/polls", poll_table::routes())
        .route("/api/plenum/increaseduration", post(member::increase_duration::handle))
        .route("/api/externalmediaplayer", post(member::media_player::handle))
        .route("/api/updatelocksettings", post(member::lock_settings::handle))
        .route("/api/muteunmutetrack", post(member::mute::handle))
        .route("/api/removeparticipant", post(member::remove::handle))
        .route("/api/switchpresenter", post(member::presenter::handle))
        .route("/api/changevisibility", post(member::shared::visibility))
        .route("/api/sharednotepad/changestatus", post(member::shared::notepad))
        .route("/api/externaldisplaylink", post(member::shared::external_link))
        .nest("/api/plenum", member::extensions::routes().merge(member::connection::routes()))
        .route("/api/recording", post(member::recording::handle))
        .route("/api/rtmp", post(member::recording::handle))
        .route("/api/enablesipdialin", post(member::gateways::dial_in))
        .route("/api/ingress/create", post(member::gateways::ingress))
        .nest("/api/insights", member::insights::routes())
        .nest("/api", member::not_served::routes())
        .route("/api/frontdoor", get(frontdoor::mode::handle))
        .route("/api/frontdoor/start", post(frontdoor::start::handle))
        .route("/api/frontdoor/join", post(frontdoor::join::handle))
        .route("/{key}/bigbluebutton/api", any(bbb::handle))
        .route("/{key}/bigbluebutton/api/{method}", any(bbb::handle))
        .route("/download/recording/{token}", get(download::recording))
        .route("/download/artifact/{token}", get(download::artifact))
        .route("/download/analytics/{token}", get(download::artifact))
        .merge(lti::routes())
        .route("/twirp/{service}/{method}", any(twirp::handle))
        .route("/backgrounds", get(backgrounds::list))
        .route("/backgrounds/{name}", get(backgrounds::picture))
        .route("/webhook", post(media_webhook::handle))
        .route("/healthcheck", any(health::handle))
        .route("/healthcheck/{*rest}", any(health::handle))
        .route("/openapi.json", get(openapi::document))
        .route("/docs/api", get(openapi::page))
        .route("/", get(client::page))
        .route("/join/{code}", get(client::page))
        .route("/assets/{*file}", get(client::file));
    routes = routes
        .fallback(client::file)
        .method_not_allowed_fallback(answers::not_found)
        .layer(axum::middleware::from_fn_with_state(app.clone(), body::declared_length))
        .layer(axum::middleware::from_fn_with_state(app.clone(), limits::guard))
        .layer(axum::middleware::from_fn_with_state(app.clone(), audit::write))
        .layer(axum::middleware::from_fn(cors::allow_all));
    // Figures are for the operator's own tools, not for pages of other origins (section 11.4).
    routes = routes.merge(debug::routes(&app));
    if let Some(prometheus) = prometheus {
        routes = routes.merge(prometheus::routes(prometheus));
    }
    let routes = routes
        .layer(axum::middleware::from_fn(metered::count))
        .layer(CatchPanicLayer::custom(answers::panicked))
        .layer(always(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(REFERRER_POLICY, "no-referrer"))
        .with_state(app);
    Router::new().fallback_service(routes.into_service().map_request(paths::normalised))
}

/// Everything below `/auth`: signed, unknown paths included.
fn auth_routes(app: &App) -> Router<App> {
    operations::all()
        .fold(Router::new(), |routes, operation| {
            routes.route(&operation.path.to_ascii_lowercase(), (operation.route)())
        })
        // Not for applications, and not in their description: protobuf between recorders and the server.
        .route("/recorder/notify", post(recorder::notify))
        .fallback(answers::not_found)
        .method_not_allowed_fallback(answers::not_found)
        .layer(axum::middleware::from_fn_with_state(app.clone(), signed::guard))
}

fn always(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

#[cfg(test)]
mod tests;
