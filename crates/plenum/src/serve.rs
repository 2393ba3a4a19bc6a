//! `plenum serve`: chooses the engines, wires them together, runs until it is told to stop.

use std::fs::{DirBuilder, File, TryLockError};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use axum::Router;
use axum::http::HeaderName;
use blobs::{Folders, LocalBlobs};
use gateway::{ClientAddress, Gateway};
use http_api::{FORWARDED_FOR, FrontDoor, HttpDeps, LtiSetup, LtiTool, Prometheus, RateLimits};
use media::StreamDoor;
use media_livekit::LiveKit;
use meeting::{Courier, MediaHooks, Meetings, Setup, Shelf, ShelfRules, UploadRules, Uploads, WebhookRules, Webhooks};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use notify::HttpOutgoing;
use ports::media::{MediaEvent, MediaEventKind, MediaPlane};
use ports::media_control::MediaControl;
use ports::outgoing::Reach;
use store::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tracing::{debug, info, warn};
use wire::create::{CopyrightPolicy, CreateRules, InsightsLimits, RoomLimits, ServerAbilities};
use wire::pnm::NatsSubjects;
use wire::token::ApiKey;

use crate::cli::ServeArgs;
use crate::config::{self, Config, Credentials, Network};
use crate::listen::tls::Tls;
use crate::listen::{self, Limits, Services};
use crate::{files, logging, transport};

/// How long open requests may take to finish, and sockets to close, after the signal to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// How long the media server may take to say goodbye, and rooms to write down what they know.
const PART_GRACE: Duration = Duration::from_secs(5);
/// How long to wait for the previous process to let go of the data folder, as on a restart.
pub(crate) const CLAIM_PATIENCE: Duration = Duration::from_secs(5);
/// How often to look meanwhile.
const CLAIM_INTERVAL: Duration = Duration::from_millis(20);
/// Upper bounds of the buckets that durations are counted in, in seconds.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The same for parts of a whole.
const SHARES: &[f64] = &[0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
/// How often gauges that nobody pushes are read.
const GAUGE_INTERVAL: Duration = Duration::from_secs(5);

/// Runs the server until SIGTERM or SIGINT.
pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let loaded = config::load(&args.options(), config::environment())?;
    let config = loaded.config;
    let _last_lines = logging::start(&config.log)?;
    for notice in &loaded.notices {
        warn!(key = %notice.key, "{}", notice.text);
    }
    if let Some(file) = &loaded.file {
        info!(file = %file.display(), "configuration is read");
    }
    let signals = Signals::listen()?;
    let limits = Limits::for_files(files::raise_limit());
    let _lock = claim(&config.data, CLAIM_PATIENCE).await?;
    let credentials = config::secrets::credentials(&config)?;
    // First of all parts: each takes hold of its figures once, when it starts.
    let figures = figures().and_then(PrometheusBuilder::install_recorder).context("could not start the metrics")?;

    let store = match &config.database {
        Some(server) => {
            info!(database = %server, "records and journal are on a server");
            Store::connect(server).await?
        }
        None => Store::open(&config.data.join("plenum.db")).await?,
    };
    let address = SocketAddr::new(config.http.listen, config.http.port);
    let listener = listen_on(address).await?;
    let address = listener.local_addr()?;
    let more = match config.media.tcp_port {
        Some(port) => Some(listen_on(SocketAddr::new(config.http.listen, port)).await?),
        None => None,
    };
    let tls = config.tls.clone().map(Tls::open).transpose().context("could not use the certificate of `plenum.tls`")?;
    let tcp = config.media.tcp.then(|| address.port());
    let outgoing = Arc::new(HttpOutgoing::new().context("could not prepare outgoing requests")?);
    let Media { plane, control, events, door, addresses } =
        open_media(&config, &credentials, tcp, outgoing.clone()).await?;
    let webhooks = webhooks(&config);
    let blobs = blobs(&config);
    let shelf = shelf(&config, &credentials, &store, blobs.clone());
    let meetings = Meetings::start(Setup {
        records: Arc::new(store.clone()),
        state: Arc::new(store.clone()),
        media: plane.clone(),
        control,
        credentials: meeting_credentials(&config, &credentials),
        webhooks: webhooks.clone(),
        shelf: shelf.clone(),
        analytics: config.analytics,
        uploads: uploads(&config, blobs),
        relays: transport::relays(&config, &credentials, &addresses, tcp),
    })
    .await
    .context("could not take up the meetings of the last run")?;

    let (stop, stopping) = watch::channel(false);
    tokio::spawn(meetings.clone().keep_uploads_tidy());
    tokio::spawn(shelf.clone().keep_tidy());
    let lti = LtiTool::open(LtiSetup {
        folder: config.data.clone(),
        platforms: config.lti.platforms.clone(),
        allow_private: config.lti.allow_private,
        outgoing: outgoing.clone(),
    })
    .context("could not read the registrations of learning platforms")?;
    let app = router(&config, &credentials, &meetings, shelf, lti, outgoing.clone(), figures.clone(), stopping.clone());
    let outbox = Arc::new(store.clone());
    let hooks = MediaHooks::new(outbox, config.webhooks.media_urls.clone(), webhooks.news.clone());
    tokio::spawn(watch_media(events, meetings.clone(), hooks));
    if config.webhooks.enable || !config.webhooks.media_urls.is_empty() {
        let key = ApiKey::new(credentials.key.clone(), credentials.secret.expose().clone());
        tokio::spawn(Courier::new(Arc::new(store.clone()), outgoing.clone(), key, webhooks).run());
    }
    tokio::spawn(tend_figures(figures, meetings.clone(), stopping.clone()));
    info!(%address, media.port = config.media.port, connections = limits.connections, version = env!("CARGO_PKG_VERSION"), "plenum is ready");
    announce(&config, address);

    let services = Services { app: Some(app), media: door.clone().filter(|_| config.media.tcp), tls };
    let mut served = tokio::spawn(serve_ports(&config, listener, more, services, door, limits, stopping));
    let broken = tokio::select! {
        () = signals.received() => None,
        ended = &mut served => Some(ended),
    };
    info!("stopping");
    let running = Running { stop, served: broken.is_none().then_some(served), plane, meetings, store };
    running.shut_down().await?;
    match broken {
        None => Ok(()),
        Some(ended) => Err(broken_server(ended)),
    }
}

async fn listen_on(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("could not listen on {address}"))
}

/// The web server's port, and the one for media if there is one.
fn serve_ports(
    config: &Config,
    listener: TcpListener,
    more: Option<TcpListener>,
    services: Services,
    door: Option<StreamDoor>,
    limits: Limits,
    stopping: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    let exempt = is_exempt(config);
    if let Some(tls) = services.tls.clone() {
        tokio::spawn(tls.keep_fresh(stopping.clone()));
    }
    let on_media = Services { app: None, media: door, tls: services.tls.clone() };
    let first = listen::serve(listener, services, limits, exempt.clone(), stopping.clone());
    async move {
        match more {
            Some(more) => {
                tokio::join!(first, listen::serve(more, on_media, limits, exempt, stopping));
            }
            None => first.await,
        }
    }
}

/// The web server runs until it is told to stop. That it ended by itself is a fault.
fn broken_server(ended: Result<(), JoinError>) -> anyhow::Error {
    match ended {
        Ok(()) => anyhow!("the web server ended by itself"),
        Err(error) => anyhow::Error::new(error).context("the web server broke"),
    }
}

/// One process per data folder, which is made (mode 0700) if need be. A process that is about to end is waited for.
pub(crate) async fn claim(data: &Path, patience: Duration) -> anyhow::Result<File> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.with_context(|| format!("could not make the data folder {}", data.display()))?;
    let path = data.join("plenum.lock");
    let file = File::create(&path).with_context(|| format!("could not write {}", path.display()))?;
    let end = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => tokio::time::sleep(CLAIM_INTERVAL).await,
            Err(TryLockError::WouldBlock) => bail!("another plenum uses the data folder {}", data.display()),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("could not lock {}", path.display()));
            }
        }
    }
}

/// Durations in buckets, which take the same memory however many there are.
fn figures() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_share".to_owned()), SHARES)
}

/// Peers that may speak for many: the proxies we were told of, and one on this machine that we were not.
fn is_exempt(config: &Config) -> impl Fn(IpAddr) -> bool + Clone + Send + Sync + 'static + use<> {
    let trusted = trusted(config);
    move |address| address.is_loopback() || trusted.iter().any(|network| network.contains(address))
}

fn trusted(config: &Config) -> Vec<Network> {
    config.http.proxy.as_ref().map(|proxy| proxy.trusted.clone()).unwrap_or_default()
}

/// Where media runs.
struct Media {
    plane: Arc<dyn MediaPlane>,
    control: Arc<dyn MediaControl>,
    /// Nothing comes if it runs elsewhere: that server sends webhooks.
    events: mpsc::Receiver<MediaEvent>,
    /// Takes TCP connections in, unless it runs elsewhere.
    door: Option<StreamDoor>,
    /// Where clients send datagrams; empty if it runs elsewhere.
    addresses: Vec<SocketAddr>,
}

/// Opens the media port, or takes up the line to the server that media runs on.
async fn open_media(
    config: &Config,
    credentials: &Credentials,
    tcp: Option<u16>,
    outgoing: Arc<HttpOutgoing>,
) -> anyhow::Result<Media> {
    if let Some(client) = media_client(config, outgoing) {
        info!("media runs on the LiveKit server of livekit_info");
        let plane = LiveKit::start(client);
        let events = mpsc::channel(1).1;
        return Ok(Media { control: plane.clone(), plane, events, door: None, addresses: Vec::new() });
    }
    let mut settings = transport::media_config(config, credentials, tcp);
    transport::find_external_address(config, &mut settings).await;
    let media::Started { plane, events, door, addresses } =
        media::start(&settings).context("could not open the media port")?;
    Ok(Media { control: plane.clone(), plane, events, door: Some(door), addresses })
}

/// The line to the LiveKit server that media runs on, if that is another one.
pub(crate) fn media_client(config: &Config, outgoing: Arc<HttpOutgoing>) -> Option<media_livekit::Client> {
    let (host, key) = (config.media_server.as_ref()?, config.media_webhooks.as_ref()?);
    Some(media_livekit::Client::new(outgoing, host, ApiKey::new(key.key.clone(), key.secret.expose().clone())))
}

fn meeting_credentials(config: &Config, credentials: &Credentials) -> meeting::Credentials {
    let secret = credentials.secret.expose();
    // A key of its own for media tokens: a browser's token must open nothing of the API. Derived, so that tokens stay
    // good over a restart.
    let own = ApiKey::new("PLENUMMEDIA", wire::signature::sign(secret, b"plenum media tokens"));
    let other = config.media_server.as_ref().zip(config.media_webhooks.as_ref());
    let media = other.map_or(own, |(_, key)| ApiKey::new(key.key.clone(), key.secret.expose().clone()));
    meeting::Credentials {
        api: ApiKey::new(credentials.key.clone(), secret.clone()),
        media,
        // As in the reference: a name that only containers know is this machine to browsers.
        media_server: other.map(|(host, _)| host.replacen("host.docker.internal", "localhost", 1)),
        validity: config.api.token_validity,
    }
}

#[expect(clippy::too_many_arguments, reason = "it is called once, with everything there is")]
fn router(
    config: &Config,
    credentials: &Credentials,
    meetings: &Meetings,
    shelf: Shelf,
    lti: LtiTool,
    outgoing: Arc<HttpOutgoing>,
    figures: PrometheusHandle,
    stopping: watch::Receiver<bool>,
) -> Router {
    let names = &config.messaging;
    let subjects = NatsSubjects {
        system_api_worker: names.system_api_worker.clone(),
        system_js_worker: names.system_js_worker.clone(),
        system_core_worker: names.system_core_worker.clone(),
        system_public: names.system_public.clone(),
        system_private: names.system_private.clone(),
        chat: names.chat.clone(),
        whiteboard: names.whiteboard.clone(),
        data_channel: names.data_channel.clone(),
    };
    let nats = nats::Config {
        stream: names.stream.clone(),
        subjects: nats::Subjects {
            system_js_worker: names.system_js_worker.clone(),
            system_core_worker: names.system_core_worker.clone(),
            system_public: names.system_public.clone(),
            system_private: names.system_private.clone(),
            chat: names.chat.clone(),
            whiteboard: names.whiteboard.clone(),
            data_channel: names.data_channel.clone(),
        },
        ..nats::Config::default()
    };
    let proxy_header = config.http.proxy.as_ref().map_or(FORWARDED_FOR, |proxy| proxy.header.clone());
    let trusted = trusted(config);
    let trusts_proxy: Arc<dyn Fn(IpAddr) -> bool + Send + Sync> =
        Arc::new(move |address| trusted.iter().any(|network| network.contains(address)));
    let gateway = Gateway::new(
        meetings.clone(),
        Arc::new(nats),
        config.http.public_address.clone(),
        client_address(config, proxy_header.clone(), trusts_proxy.clone()),
        stopping,
    )
    .trusting(trusts_proxy.clone())
    .allow_origins(config.http.allowed_origins.clone());
    let http = HttpDeps {
        meetings: meetings.clone(),
        lti,
        clock: Arc::new(unix_seconds),
        api: ApiKey::new(credentials.key.clone(), credentials.secret.expose().clone()),
        shelf,
        rules: create_rules(config),
        max_body: usize::try_from(config.http.max_body).unwrap_or(usize::MAX),
        messaging: http_api::Messaging { urls: Vec::new(), stream: names.stream.clone(), subjects },
        public_url: config.http.public_address.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        front_door: front_door(config),
        trusts_proxy,
        proxy_header,
        frame_ancestors: "'self'".to_owned(),
        limits: RateLimits {
            per_key: config.rate_limits.per_key,
            per_address: config.rate_limits.per_address,
            exempt: Arc::new(is_exempt(config)),
        },
        prometheus: config.http.metrics.as_ref().map(|metrics| Prometheus {
            path: metrics.path.clone(),
            login: metrics.login.as_ref().map(|(name, password)| (name.clone(), password.expose().clone())),
            render: Arc::new(move || figures.render()),
        }),
        outgoing,
        documents: if config.uploads.allow_private { Reach::Anywhere } else { Reach::Public },
        asset_host: config.http.asset_host.clone(),
        media_webhooks: config
            .media_webhooks
            .as_ref()
            .map(|media| ApiKey::new(media.key.clone(), media.secret.expose().clone())),
    };
    gateway::router(gateway).merge(http_api::router(http))
}

/// Whom rooms tell; nobody unless the operator wants it.
fn webhooks(config: &Config) -> Webhooks {
    let wanted = &config.webhooks;
    let media_urls = wanted.media_urls.clone();
    let rules = if wanted.enable {
        WebhookRules {
            url: wanted.url.clone(),
            media_urls,
            per_room: wanted.enable_for_per_meeting,
            allow_private: wanted.allow_private,
        }
    } else {
        WebhookRules { media_urls, ..WebhookRules::default() }
    };
    Webhooks { rules: Arc::new(rules), ..Webhooks::default() }
}

fn blobs(config: &Config) -> Arc<LocalBlobs> {
    let (recordings, artifacts, uploads) = (&config.recordings, &config.artifacts, &config.uploads.path);
    Arc::new(LocalBlobs::new(Folders {
        recordings: recordings.folder.clone(),
        recordings_trash: recordings.trash.clone(),
        artifacts: artifacts.folder.clone(),
        artifacts_trash: artifacts.trash.clone(),
        uploads: uploads.clone(),
        upload_parts: uploads.join(".parts"),
    }))
}

fn uploads(config: &Config, blobs: Arc<LocalBlobs>) -> Uploads {
    let uploads = &config.uploads;
    let rules = UploadRules {
        max_bytes: uploads.max_size,
        max_whiteboard_bytes: uploads.max_whiteboard_size,
        allowed_types: uploads.allowed_types.clone(),
        room_bytes: uploads.max_room_size,
        keep_forever: uploads.keep_forever,
    };
    Uploads::new(blobs, rules)
}

fn shelf(config: &Config, credentials: &Credentials, store: &Store, blobs: Arc<LocalBlobs>) -> Shelf {
    let (recordings, artifacts) = (&config.recordings, &config.artifacts);
    let key = ApiKey::new(credentials.key.clone(), credentials.secret.expose().clone());
    let rules = ShelfRules {
        keep_deleted_recordings: recordings.keep_deleted,
        keep_deleted_artifacts: artifacts.keep_deleted,
        recording_token: recordings.token_validity,
        artifact_token: artifacts.token_validity,
    };
    Shelf::new(Arc::new(store.clone()), blobs, key, rules)
}

/// Who asks, unless they share an address with everybody: behind a proxy we were not told of.
fn client_address(
    config: &Config,
    header: HeaderName,
    trusts: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
) -> ClientAddress {
    let is_exempt = is_exempt(config);
    Arc::new(move |peer, headers| {
        let address = http_api::client_address(peer, headers, &header, &*trusts);
        (!is_exempt(address)).then_some(address)
    })
}

/// The time in unix seconds; 0 on a machine that lives before 1970.
fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn create_rules(config: &Config) -> CreateRules {
    let megabytes = |bytes: u64| bytes >> 20;
    CreateRules {
        defaults: config.meeting.defaults.clone(),
        limits: RoomLimits {
            max_participants: config.meeting.max_participants.map_or(0, Into::into),
            max_duration: config.meeting.max_duration_minutes.map_or(0, Into::into),
            max_breakout_rooms: Some(config.meeting.max_breakout_rooms),
            chat_file_size: megabytes(config.uploads.max_size),
            chat_file_types: config.uploads.allowed_types.clone(),
            whiteboard_file_size: megabytes(config.uploads.max_whiteboard_size),
        },
        copyright: config.meeting.copyright.as_ref().map_or_else(CopyrightPolicy::default, |copyright| {
            CopyrightPolicy {
                display: copyright.display,
                text: copyright.text.clone(),
                allow_override: copyright.allow_override,
            }
        }),
        // What a room allows is its creator's word and is kept as sent (decision 0004); whether this server has an
        // engine for it shows when somebody turns it on.
        abilities: ServerAbilities { insights: Some(InsightsLimits::default()), sip: true },
    }
}

/// A passphrase is always asked for. Without one the door is open only to people on this machine, and a proxy on this
/// machine speaks for others.
fn front_door(config: &Config) -> FrontDoor {
    let own_machine_only = config.http.listen.is_loopback() && config.http.proxy.is_none();
    match &config.front_door.passphrase {
        Some(passphrase) => FrontDoor::Passphrase(passphrase.clone()),
        None if config.dev || own_machine_only => FrontDoor::Open,
        None => FrontDoor::Closed,
    }
}

/// Says where to click, once, to whoever started a server for trying out.
#[expect(clippy::print_stdout, reason = "the one line a person waits for")]
fn announce(config: &Config, address: SocketAddr) {
    if !config.dev {
        return;
    }
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() || ip.is_loopback() => "localhost".to_owned(),
        IpAddr::V6(ip) if ip.is_unspecified() || ip.is_loopback() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    println!("\n  Start a meeting:  http://{host}:{}/\n", address.port());
}

/// What asks a process to stop. Listens from the moment it is made, so that no signal ends the process unheard.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("could not listen for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("could not listen for SIGINT")?,
        })
    }

    async fn received(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What has to be seen out at the end, in the order of [`Running::shut_down`].
struct Running {
    plane: Arc<dyn MediaPlane>,
    stop: watch::Sender<bool>,
    /// The web server, unless it ended already.
    served: Option<JoinHandle<()>>,
    meetings: Meetings,
    store: Store,
}

impl Running {
    /// Tells media clients to come back in a moment, closes the sockets, lets requests finish, lets rooms write down what
    /// they know, and closes the store last. Meetings are in the journal; the next process takes them up.
    async fn shut_down(self) -> anyhow::Result<()> {
        if timeout(PART_GRACE, self.plane.drain()).await.is_err() {
            warn!("the media server did not say goodbye in time");
        }
        self.stop.send_replace(true);
        let mut ended = Ok(());
        if let Some(served) = self.served {
            match timeout(STOP_GRACE, served).await {
                Ok(finished) => ended = finished.context("the web server broke"),
                Err(_) => warn!("some connections did not end in time"),
            }
        }
        if timeout(PART_GRACE, self.meetings.stop()).await.is_err() {
            warn!("some rooms did not write down everything in time");
        }
        self.store.close().await;
        info!("stopped");
        ended
    }
}

/// Most events of the media plane that are worked on together.
const MEDIA_BATCH: usize = 128;

/// The diary of the media plane.
async fn watch_media(mut events: mpsc::Receiver<MediaEvent>, meetings: Meetings, hooks: MediaHooks) {
    let mut batch = Vec::new();
    while events.recv_many(&mut batch, MEDIA_BATCH).await > 0 {
        for event in &batch {
            meetings.on_media(event);
            let what = match event.kind {
                MediaEventKind::Opened => "opened",
                MediaEventKind::Closed => "closed",
                MediaEventKind::Joined => "joined",
                MediaEventKind::Left => "left",
                MediaEventKind::Aborted => "aborted",
                MediaEventKind::Published { .. } => "published",
                MediaEventKind::Unpublished { .. } => "unpublished",
                MediaEventKind::Muted { .. } => "muted",
                MediaEventKind::Spoke { .. } => "spoke",
                MediaEventKind::Troubled(_) => "troubled",
            };
            metrics::counter!("plenum_media_events_total", "kind" => what).increment(1);
            let who = event.identity.as_ref().map(tracing::field::display);
            debug!(room.id = %event.room, participant.id = who, kind = ?event.kind, "media");
        }
        hooks.tell(&batch).await;
        batch.clear();
    }
}

/// Reads what nobody pushes, and sorts durations into their buckets: until then each is kept by itself, and nobody need
/// ever look.
async fn tend_figures(figures: PrometheusHandle, meetings: Meetings, mut stopping: watch::Receiver<bool>) {
    let mut tick = tokio::time::interval(GAUGE_INTERVAL);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stopping.changed() => return,
        }
        let rooms = u32::try_from(meetings.room_count()).unwrap_or(u32::MAX);
        metrics::gauge!("plenum_rooms").set(rooms);
        figures.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use model::Redacted;

    use super::*;
    use crate::config::Proxy;

    #[test]
    fn what_the_operator_says_reaches_a_new_room() {
        let mut config = Config::default();
        config.meeting.max_participants = std::num::NonZeroU32::new(20);
        config.meeting.max_duration_minutes = std::num::NonZeroU64::new(45);
        config.meeting.max_breakout_rooms = 2;
        config.meeting.defaults.set("allow_webcams", 0);
        config.meeting.copyright =
            Some(config::Copyright { display: true, text: "Ours".to_owned(), allow_override: false });
        config.uploads.max_size = 7 << 20;
        config.uploads.max_whiteboard_size = 3 << 20;
        config.uploads.allowed_types = vec!["pdf".to_owned()];
        config.api.token_validity = Duration::from_secs(77);
        let body = br#"{"room_id":"a","metadata":{"room_title":"t","room_features":{},"copyright_conf":{"text":"x"}}}"#;

        let room = wire::create::decode_create(body, &create_rules(&config), 1, &mut |_| {}).unwrap();

        assert_eq!(room.max_participants, Some(20));
        let metadata = room.metadata.unwrap();
        assert_eq!(metadata.copyright_conf.unwrap().text, "Ours");
        let features = metadata.room_features.unwrap();
        assert!(!features.allow_webcams && features.allow_screen_share);
        assert_eq!(features.room_duration, Some(45));
        assert_eq!(features.breakout_room_features.unwrap().allowed_number_rooms, 2);
        let chat = features.chat_features.unwrap();
        assert_eq!((chat.max_file_size, chat.allowed_file_types), (Some(7), vec!["pdf".to_owned()]));
        assert_eq!(features.whiteboard_features.unwrap().max_allowed_file_size, Some(3));

        let key = Credentials { key: "key".to_owned(), secret: Redacted::new("s".repeat(32)) };
        assert_eq!(meeting_credentials(&config, &key).validity, Duration::from_secs(77));
    }

    #[test]
    fn without_a_passphrase_the_front_door_is_open_to_this_machine_alone() {
        for (passphrase, dev, listen, behind_proxy, mode) in [
            (false, false, "0.0.0.0", false, "closed"),
            (false, false, "192.0.2.1", false, "closed"),
            (false, false, "::", false, "closed"),
            (false, false, "0.0.0.0", true, "closed"),
            (false, false, "127.0.0.1", true, "closed"),
            (false, false, "127.0.0.1", false, "open"),
            (false, false, "::1", false, "open"),
            (false, true, "0.0.0.0", false, "open"),
            (false, true, "127.0.0.1", true, "open"),
            (true, false, "0.0.0.0", false, "passphrase"),
            (true, false, "0.0.0.0", true, "passphrase"),
            (true, false, "127.0.0.1", false, "passphrase"),
            (true, false, "127.0.0.1", true, "passphrase"),
            (true, true, "0.0.0.0", false, "passphrase"),
            (true, true, "127.0.0.1", false, "passphrase"),
        ] {
            let mut config = Config { dev, ..Config::default() };
            config.http.listen = listen.parse().unwrap();
            config.http.proxy = behind_proxy.then(|| Proxy { header: FORWARDED_FOR, trusted: Vec::new() });
            config.front_door.passphrase = passphrase.then(|| Redacted::new("open sesame".to_owned()));
            let found = match front_door(&config) {
                FrontDoor::Open => "open",
                FrontDoor::Passphrase(_) => "passphrase",
                FrontDoor::Closed => "closed",
            };
            assert_eq!(found, mode, "{passphrase} {dev} {listen} {behind_proxy}");
        }
    }

    #[tokio::test]
    async fn the_data_folder_is_private_and_belongs_to_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("new/data");

        let first = claim(&data, Duration::ZERO).await.unwrap();
        assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
        let refusal = claim(&data, Duration::ZERO).await.unwrap_err();
        assert!(refusal.to_string().starts_with("another plenum uses the data folder"), "{refusal}");

        let path = data.clone();
        let second = tokio::spawn(async move { claim(&path, Duration::from_secs(3600)).await });
        tokio::task::yield_now().await;
        drop(first);
        second.await.unwrap().unwrap();
    }

    #[test]
    fn durations_are_counted_in_buckets() {
        let recorder = figures().unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..1000 {
                metrics::histogram!("plenum_http_request_seconds").record(0.02);
            }
        });

        handle.run_upkeep();

        let text = handle.render();
        assert!(text.contains("plenum_http_request_seconds_bucket{le=\"0.01\"} 0"), "{text}");
        assert!(text.contains("plenum_http_request_seconds_bucket{le=\"0.025\"} 1000"), "{text}");
    }

    #[test]
    fn this_machine_and_trusted_proxies_may_speak_for_many() {
        let mut config = Config::default();
        let asks = |config: &Config, peer: &str, header: Option<&'static str>| {
            let trusted = trusted(config);
            let trusts = Arc::new(move |address| trusted.iter().any(|network: &Network| network.contains(address)));
            let headers = header.map(|value| (FORWARDED_FOR, value.parse().unwrap())).into_iter().collect();
            client_address(config, FORWARDED_FOR, trusts)(peer.parse().unwrap(), &headers).map(|ip| ip.to_string())
        };
        assert_eq!(asks(&config, "127.0.0.1", Some("192.0.2.1")), None);
        assert_eq!(asks(&config, "10.0.0.1", Some("192.0.2.1")).as_deref(), Some("10.0.0.1"));

        let trusted = vec!["10.0.0.1".parse::<IpAddr>().unwrap().into(), "127.0.0.1".parse::<IpAddr>().unwrap().into()];
        config.http.proxy = Some(Proxy { header: FORWARDED_FOR, trusted });
        for proxy in ["127.0.0.1", "::ffff:10.0.0.1"] {
            assert_eq!(asks(&config, proxy, Some("192.0.2.1")).as_deref(), Some("192.0.2.1"));
            assert_eq!(asks(&config, proxy, None), None);
        }
        assert_eq!(asks(&config, "10.0.0.2", Some("192.0.2.1")).as_deref(), Some("10.0.0.2"));
    }
}
