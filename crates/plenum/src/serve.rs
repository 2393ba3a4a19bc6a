//! `plenum serve`: chooses the engines, wires them together, runs until it is told to stop.

mod ending;
mod rules;
mod web;

use std::fs::{DirBuilder, File, TryLockError};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use futures_util::FutureExt as _;
use http_api::{Backgrounds, LtiSetup, LtiTool};
use media::StreamDoor;
use media_livekit::LiveKit;
use meeting::{Courier, MediaHooks, Meetings, Setup};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use notify::HttpOutgoing;
use ports::media::{MediaEvent, MediaEventKind, MediaPlane};
use ports::media_control::MediaControl;
use store::Store;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinError;
use tracing::{debug, info, warn};
use wire::token::ApiKey;

use self::ending::{Running, Signals};
use crate::addresses::Addresses;
use crate::cli::ServeArgs;
use crate::config::{self, Config, Credentials};
use crate::listen::tls::Tls;
use crate::listen::{self, House, Limits, Listeners, Services};
use crate::{backgrounds, files, logging, transport};

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
    let backgrounds = Backgrounds::new(backgrounds::read(&config.backgrounds)?);
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
    let listener = listen_on(address)?;
    let address = listener.local_addr()?;
    let more = match config.media.tcp_port {
        Some(port) => Some(listen_on(SocketAddr::new(config.http.listen, port))?),
        None => None,
    };
    let tls = config.tls.clone().map(Tls::open).transpose().context("could not use the certificate of `plenum.tls`")?;
    let tcp = config.media.tcp.then(|| address.port());
    let outgoing = Arc::new(HttpOutgoing::new().context("could not prepare outgoing requests")?);
    let Media { plane, control, events, door, addresses, here } =
        open_media(&config, &credentials, tcp, outgoing.clone()).await?;
    let relays_at = {
        let (config, credentials) = (config.clone(), credentials.clone());
        move |addresses: &[SocketAddr]| transport::relays(&config, &credentials, addresses, tcp)
    };
    let (tell_relays, relays) = watch::channel(relays_at(&addresses));
    let webhooks = rules::webhooks(&config);
    let blobs = rules::blobs(&config);
    let shelf = rules::shelf(&config, &credentials, &store, blobs.clone());
    let meetings = Meetings::start(Setup {
        records: Arc::new(store.clone()),
        state: Arc::new(store.clone()),
        media: plane.clone(),
        control,
        credentials: rules::meeting_credentials(&config, &credentials),
        webhooks: webhooks.clone(),
        shelf: shelf.clone(),
        analytics: config.analytics,
        uploads: rules::uploads(&config, blobs),
        relays,
    })
    .await
    .context("could not take up the meetings of the last run")?;

    let (stop, stopping) = watch::channel(false);
    if let Some((plane, known)) = here {
        tokio::spawn(known.follow(plane, tell_relays, relays_at, stopping.clone()));
    }
    tokio::spawn(meetings.clone().keep_uploads_tidy());
    tokio::spawn(shelf.clone().keep_tidy());
    let lti = LtiTool::open(LtiSetup {
        folder: config.data.clone(),
        platforms: config.lti.platforms.clone(),
        allow_private: config.lti.allow_private,
        outgoing: outgoing.clone(),
    })
    .context("could not read the registrations of learning platforms")?;
    let app = web::router(
        &config,
        &credentials,
        &meetings,
        shelf,
        lti,
        backgrounds,
        outgoing.clone(),
        figures.clone(),
        stopping.clone(),
    );
    let outbox = Arc::new(store.clone());
    let hooks = MediaHooks::new(outbox, config.webhooks.media_urls.clone(), webhooks.news.clone());
    hooks.take_over().await.context("could not tell receivers of LiveKit webhooks what the last run left behind")?;
    let (drained, until_drained) = oneshot::channel();
    let watched = tokio::spawn(watch_media(events, until_drained, meetings.clone(), hooks));
    if config.webhooks.enable || !config.webhooks.media_urls.is_empty() {
        let key = ApiKey::new(credentials.key.clone(), credentials.secret.expose().clone());
        tokio::spawn(Courier::new(Arc::new(store.clone()), outgoing.clone(), key, webhooks).run());
    }
    tokio::spawn(tend_figures(figures, meetings.clone(), stopping.clone()));
    info!(%address, media.port = config.media.port, connections = limits.connections, version = env!("CARGO_PKG_VERSION"), "plenum is ready");
    announce(&config, address);

    let services = Services { app: Some(app), media: door.clone().filter(|_| config.media.tcp), tls };
    let mut served = tokio::spawn(serve_ports(&config, listener, more, services, door, House::new(limits), stopping));
    let broken = tokio::select! {
        () = signals.received() => None,
        ended = &mut served => Some(ended),
    };
    info!("stopping");
    let media = ending::Media { plane, drained, watched };
    let running = Running { stop, served: broken.is_none().then_some(served), media, meetings, store };
    running.shut_down().await?;
    match broken {
        None => Ok(()),
        Some(ended) => Err(broken_server(ended)),
    }
}

fn listen_on(address: SocketAddr) -> anyhow::Result<Listeners> {
    Listeners::bind(address).with_context(|| format!("could not listen on {address}"))
}

/// The web server's port, and the one for media if there is one.
fn serve_ports(
    config: &Config,
    listener: Listeners,
    more: Option<Listeners>,
    services: Services,
    door: Option<StreamDoor>,
    house: House,
    stopping: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    let exempt = web::is_exempt(config);
    if let Some(tls) = services.tls.clone() {
        tokio::spawn(tls.keep_fresh(stopping.clone()));
    }
    let on_media = Services { app: None, media: door, tls: services.tls.clone() };
    let first = listen::serve(listener, services, house.clone(), exempt.clone(), stopping.clone());
    async move {
        match more {
            Some(more) => {
                tokio::join!(first, listen::serve(more, on_media, house, exempt, stopping));
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
    /// The same plane, and what it knows of our addresses, unless it runs elsewhere.
    here: Option<(Arc<media::Plane>, Addresses)>,
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
        warn!("that server cannot hide webcams from others: allow_view_other_webcams is up to the clients there");
        let plane = LiveKit::start(client);
        let events = mpsc::channel(1).1;
        return Ok(Media { control: plane.clone(), plane, events, door: None, addresses: Vec::new(), here: None });
    }
    let mut known = Addresses::new(config, transport::media_config(config, credentials, tcp));
    known.look().await;
    let media::Started { plane, events, door, addresses } =
        media::start(&known.settings()).context("could not open the media port")?;
    let here = Some((plane.clone(), known));
    Ok(Media { control: plane.clone(), plane, events, door: Some(door), addresses, here })
}

/// The line to the LiveKit server that media runs on, if that is another one.
pub(crate) fn media_client(config: &Config, outgoing: Arc<HttpOutgoing>) -> Option<media_livekit::Client> {
    let (host, key) = (config.media_server.as_ref()?, config.media_webhooks.as_ref()?);
    Some(media_livekit::Client::new(outgoing, host, ApiKey::new(key.key.clone(), key.secret.expose().clone())))
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

/// Most events of the media plane that are worked on together.
const MEDIA_BATCH: usize = 128;

/// The diary of the media plane.
///
/// Once the plane is drained, what came until then is worked off and nothing comes any more.
async fn watch_media(
    mut events: mpsc::Receiver<MediaEvent>,
    drained: oneshot::Receiver<()>,
    meetings: Meetings,
    mut hooks: MediaHooks,
) {
    let (mut batch, mut drained) = (Vec::new(), pin!(drained.fuse()));
    loop {
        let count = tokio::select! {
            count = events.recv_many(&mut batch, MEDIA_BATCH) => count,
            _ = &mut drained => {
                events.close();
                continue;
            }
        };
        if count == 0 {
            return;
        }
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

    use super::*;

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
}
