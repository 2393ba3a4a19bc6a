//! `plenum serve`: chooses the engines, wires them together, runs until it is told to stop.

use std::fs::{File, TryLockError};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use axum::Router;
use gateway::Gateway;
use http_api::{FORWARDED_FOR, FrontDoor, HttpDeps, LtiSetup, LtiTool, Prometheus};
use media::MediaConfig;
use meeting::{Meetings, Setup};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use ports::archive::Archive;
use ports::media::{MediaEvent, MediaEventKind, MediaPlane};
use store::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing::{debug, info, warn};
use wire::create::{CopyrightPolicy, CreateRules, InsightsLimits, RoomLimits, ServerAbilities};
use wire::pnm::NatsSubjects;
use wire::token::ApiKey;

use crate::cli::ServeArgs;
use crate::config::{self, Config, Credentials};
use crate::listen::{self, Limits};
use crate::logging;

/// How long open requests may take to finish, and sockets to close, after the signal to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// How long a link to a recording works, as in the reference's sample configuration.
const RECORDING_LINKS: Duration = Duration::from_secs(30 * 60);
/// How often gauges that nobody pushes are read.
const GAUGE_INTERVAL: Duration = Duration::from_secs(5);

/// Runs the server until SIGTERM or SIGINT.
pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let loaded = config::load(&args.options(), config::environment())?;
    let config = loaded.config;
    logging::start(&config.log);
    for notice in &loaded.notices {
        warn!(key = %notice.key, "{}", notice.text);
    }
    if let Some(file) = &loaded.file {
        info!(file = %file.display(), "configuration is read");
    }
    let credentials = config::secrets::credentials(&config)?;
    let _lock = claim(&config.data)?;

    let store = Store::open(&config.data.join("plenum.db")).await?;
    let (plane, events) = media::start(&media_config(&config)).context("could not open the media port")?;
    let meetings = Meetings::start(Setup {
        records: Arc::new(store.clone()),
        state: Arc::new(store.clone()),
        media: plane.clone(),
        credentials: meeting_credentials(&config, &credentials),
    })
    .await
    .context("could not take up the meetings of the last run")?;

    let address = SocketAddr::new(config.http.listen, config.http.port);
    let listener = TcpListener::bind(address).await.with_context(|| format!("could not listen on {address}"))?;
    let address = listener.local_addr()?;
    let figures = PrometheusBuilder::new().install_recorder().context("could not start the metrics")?;
    let (stop, stopping) = watch::channel(false);
    let lti = LtiTool::open(LtiSetup {
        folder: config.data.clone(),
        platforms: config.lti.platforms.clone(),
        allow_private: config.lti.allow_private,
    })
    .context("could not read the registrations of learning platforms")?;
    let app = router(&config, &credentials, &meetings, Arc::new(store.clone()), lti, figures, stopping.clone());
    tokio::spawn(watch_media(events));
    tokio::spawn(watch_gauges(meetings, stopping.clone()));
    info!(%address, media.port = config.media.port, version = env!("CARGO_PKG_VERSION"), "plenum is ready");
    announce(&config, address);

    let served = tokio::spawn(listen::serve(listener, app, Limits::default(), stopping));
    stop_signal().await?;
    info!("stopping");
    shut_down(stop, served, plane, store).await
}

/// One process per data folder.
fn claim(data: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(data).with_context(|| format!("could not make the data folder {}", data.display()))?;
    let path = data.join("plenum.lock");
    let file = File::create(&path).with_context(|| format!("could not write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("another plenum uses the data folder {}", data.display()),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("could not lock {}", path.display())),
    }
}

fn media_config(config: &Config) -> MediaConfig {
    let listen = config.http.listen;
    MediaConfig {
        port: config.media.port,
        bind: (!listen.is_unspecified()).then_some(listen),
        advertise: config.media.advertise.clone(),
        include_loopback: config.dev || listen.is_loopback(),
        seed: rand::random(),
    }
}

fn meeting_credentials(config: &Config, credentials: &Credentials) -> meeting::Credentials {
    let secret = credentials.secret.expose();
    // A key of its own for media tokens: a browser's token must open nothing of the API. Derived, so that tokens stay
    // good over a restart.
    let media = ApiKey::new("PLENUMMEDIA", wire::signature::sign(secret, b"plenum media tokens"));
    meeting::Credentials {
        api: ApiKey::new(credentials.key.clone(), secret.clone()),
        media,
        validity: config.api.token_validity,
    }
}

fn router(
    config: &Config,
    credentials: &Credentials,
    meetings: &Meetings,
    archive: Arc<dyn Archive>,
    lti: LtiTool,
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
    let gateway = Gateway::new(meetings.clone(), Arc::new(nats), config.http.public_address.clone(), stopping);
    let proxy = config.http.proxy.as_ref();
    let trusted = proxy.map(|proxy| proxy.trusted.clone()).unwrap_or_default();
    let http = HttpDeps {
        meetings: meetings.clone(),
        archive,
        lti,
        recording_links: RECORDING_LINKS,
        clock: Arc::new(unix_seconds),
        api: ApiKey::new(credentials.key.clone(), credentials.secret.expose().clone()),
        rules: create_rules(config),
        max_body: usize::try_from(config.http.max_body).unwrap_or(usize::MAX),
        messaging: http_api::Messaging { urls: Vec::new(), stream: names.stream.clone(), subjects },
        public_url: config.http.public_address.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        front_door: front_door(config),
        trusts_proxy: Arc::new(move |address| trusted.iter().any(|network| network.contains(address))),
        proxy_header: proxy.map_or(FORWARDED_FOR, |proxy| proxy.header.clone()),
        frame_ancestors: "'self'".to_owned(),
        prometheus: config.http.metrics.as_ref().map(|metrics| Prometheus {
            path: metrics.path.clone(),
            login: metrics.login.as_ref().map(|(name, password)| (name.clone(), password.expose().clone())),
            render: Arc::new(move || figures.render()),
        }),
    };
    gateway::router(gateway).merge(http_api::router(http))
}

/// The time in unix seconds; 0 on a machine that lives before 1970.
fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn create_rules(config: &Config) -> CreateRules {
    let megabytes = |bytes: u64| bytes >> 20;
    CreateRules {
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
        // What a room allows is its creator's word and is kept as sent; whether this server has an engine for it shows
        // when somebody turns it on.
        abilities: ServerAbilities { insights: Some(InsightsLimits::default()), sip: true },
        ..CreateRules::default()
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

async fn stop_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("could not listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("could not listen for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Tells media clients to come back in a moment, closes the sockets, lets requests finish, and closes the store last.
/// Meetings are in the journal; the next process takes them up.
async fn shut_down(
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
    plane: Arc<dyn MediaPlane>,
    store: Store,
) -> anyhow::Result<()> {
    plane.drain().await;
    stop.send_replace(true);
    match tokio::time::timeout(STOP_GRACE, served).await {
        Ok(finished) => finished.context("the web server broke")?,
        Err(_) => warn!("some connections did not end in time"),
    }
    store.close().await;
    info!("stopped");
    Ok(())
}

/// The diary of the media plane.
async fn watch_media(mut events: mpsc::UnboundedReceiver<MediaEvent>) {
    while let Some(event) = events.recv().await {
        let what = match event.kind {
            MediaEventKind::Joined => "joined",
            MediaEventKind::Left => "left",
            MediaEventKind::Published { .. } => "published",
            MediaEventKind::Unpublished { .. } => "unpublished",
            MediaEventKind::Muted { .. } => "muted",
        };
        metrics::counter!("plenum_media_events_total", "kind" => what).increment(1);
        debug!(room.id = %event.room, participant.id = %event.identity, kind = ?event.kind, "media");
    }
}

async fn watch_gauges(meetings: Meetings, mut stopping: watch::Receiver<bool>) {
    let mut tick = tokio::time::interval(GAUGE_INTERVAL);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stopping.changed() => return,
        }
        let rooms = u32::try_from(meetings.room_count()).unwrap_or(u32::MAX);
        metrics::gauge!("plenum_rooms").set(rooms);
    }
}

#[cfg(test)]
mod tests {
    use model::Redacted;

    use super::*;
    use crate::config::Proxy;

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
}
