//! What an operator may tune, read once at start.
//!
//! One YAML file with the sections and keys of the reference server (`config.yaml`), a section `plenum` for what that
//! server lacks, environment variables over it (`PLENUM__CLIENT__PORT=80`) and flags of the command line over those.
//! Everything has a default, every mistake is reported, all of them at once, each with its key. No message quotes a
//! secret. `docs/config.sample.yaml` shows every key; a test keeps it complete and equal to the defaults.

mod database;
mod foreign;
mod read;
pub(crate) mod secrets;
mod section;
#[cfg(test)]
mod tests;
mod transport;
mod tree;
mod value;
mod words;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::HeaderName;
use http_api::LtiPlatform;
use model::Redacted;
use wire::create::RoomDefaults;

#[cfg(test)]
pub(crate) use transport::Fallback;
pub(crate) use transport::{Certificate, Media, Relay, RelayLogin};
pub(crate) use value::Network;

/// Read if no file is named and it exists in the working directory.
const DEFAULT_FILE: &str = "config.yaml";

/// Largest configuration file, in bytes.
const MAX_FILE_LENGTH: u64 = 1 << 20;

/// What the command line says. Everything given here wins over file and environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// The file; otherwise `config.yaml` of the working directory, if there is one.
    pub(crate) config: Option<PathBuf>,
    /// `plenum.data`.
    pub(crate) data: Option<PathBuf>,
    /// `plenum.listen`.
    pub(crate) listen: Option<IpAddr>,
    /// `client.port`.
    pub(crate) port: Option<u16>,
    /// `plenum.media.port`.
    pub(crate) media_port: Option<u16>,
    /// `plenum.media.advertise`, if not empty.
    pub(crate) advertise: Vec<IpAddr>,
    /// `plenum.dev`; `false` leaves the choice to the file.
    pub(crate) dev: bool,
    /// `log_settings.log_level`.
    pub(crate) log_level: Option<LogLevel>,
}

/// A configuration without mistakes.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub(crate) config: Config,
    /// What was read and has no effect; for the log.
    pub(crate) notices: Vec<Notice>,
    /// The file that was read, if any.
    pub(crate) file: Option<PathBuf>,
}

/// Something the operator should know, though it is no mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The key it is about.
    pub(crate) key: String,
    /// One sentence.
    pub(crate) text: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.text)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The key it is about, e.g. `client.port`.
    pub(crate) key: String,
    /// What was expected, what was found and where. Never a secret.
    pub(crate) text: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.text)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The file cannot be read, is too large or is not UTF-8.
    #[error("could not read the configuration file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Everything that is wrong with its content, at least one thing.
    #[error("the configuration is not usable:{}", lines(.0))]
    Invalid(Vec<Mistake>),
}

fn lines(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(|mistake| format!("\n  {mistake}")).collect()
}

/// Everything, each part for its consumer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// `plenum.dev`: a server for trying out. The published sample secret is allowed and anyone may open a room.
    pub(crate) dev: bool,
    /// `plenum.data`: the folder that holds everything that must survive a restart.
    pub(crate) data: PathBuf,
    /// `database_info`: the server that keeps the records; `None` means the embedded database in the data folder.
    pub(crate) database: Option<store::Server>,
    /// `database_info.prefix`: what names of a reference server's tables begin with; only `plenum import` asks.
    pub(crate) table_prefix: String,
    /// The web server.
    pub(crate) http: Http,
    /// Who may call the API, and the life of tokens.
    pub(crate) api: Api,
    /// The media socket.
    pub(crate) media: Media,
    /// `plenum.tls`: what the web server and the relay show; `None`: no TLS.
    pub(crate) tls: Option<Certificate>,
    /// Limits and defaults of every room.
    pub(crate) meeting: Meeting,
    /// Outgoing webhooks.
    pub(crate) webhooks: Webhooks,
    /// Files people upload.
    pub(crate) uploads: Uploads,
    /// `livekit_info`: what an outside media server signs its webhooks with.
    pub(crate) media_webhooks: Option<Credentials>,
    /// `livekit_info.host`, with key and secret: media runs there; `None` means here.
    pub(crate) media_server: Option<String>,
    /// Files sessions leave behind.
    pub(crate) recordings: Left,
    /// The same of artifacts.
    pub(crate) artifacts: Left,
    /// `analytics_settings.enabled`: whether rooms that ask for analytics get them.
    pub(crate) analytics: bool,
    /// Names on the message bus.
    pub(crate) messaging: Messaging,
    /// Plenum's own start page.
    pub(crate) front_door: FrontDoor,
    /// `plenum.backgrounds`: pictures, and folders of pictures, to be seen in front of; see [`crate::backgrounds`].
    pub(crate) backgrounds: Vec<PathBuf>,
    /// Learning platforms.
    pub(crate) lti: Lti,
    /// The log.
    pub(crate) log: Log,
    /// How often callers may ask.
    pub(crate) rate_limits: RateLimits,
}

/// `plenum.rate_limits`: calls a second; `None` is as many as come.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RateLimits {
    /// With the API key.
    pub(crate) per_key: Option<NonZeroU32>,
    /// From one address, without.
    pub(crate) per_address: Option<NonZeroU32>,
}

impl Default for RateLimits {
    fn default() -> Self {
        let limits = http_api::RateLimits::default();
        Self { per_key: limits.per_key, per_address: limits.per_address }
    }
}

/// The web server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Http {
    /// `plenum.listen`: the address TCP and UDP listen on; unspecified is all of both families.
    pub(crate) listen: IpAddr,
    /// `client.port`: TCP; 0 lets the system choose.
    pub(crate) port: u16,
    /// `client.debug`: answers that help whoever develops against the API.
    pub(crate) debug: bool,
    /// `upload_file_settings.max_size`: largest request body of any route, in bytes.
    pub(crate) max_body: u64,
    /// `client.asset_host`: told to clients as `static_assets_path`.
    pub(crate) asset_host: Option<String>,
    /// `client.bbb_join_host`: the public address, where links must carry it.
    pub(crate) public_address: Option<String>,
    /// `plenum.allowed_origins`: pages besides our own whose browsers may open messaging sockets; empty allows all.
    pub(crate) allowed_origins: Vec<String>,
    /// `client.proxy_conf`, if enabled.
    pub(crate) proxy: Option<Proxy>,
    /// `client.prometheus`, unless it is switched off.
    pub(crate) metrics: Option<Metrics>,
}

/// Which peers may speak for others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proxy {
    /// The header that carries the client's address.
    pub(crate) header: HeaderName,
    /// Peers whose headers are believed.
    pub(crate) trusted: Vec<Network>,
}

/// Where figures are served.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metrics {
    /// `client.prometheus.metrics_path`: begins with `/`; no other route lies there.
    pub(crate) path: String,
    /// `client.prometheus.username` and `password`, if they are asked for.
    pub(crate) login: Option<(String, Redacted<String>)>,
}

/// API credentials and tokens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Api {
    /// `client.api_key` and `client.secret`; `None` means those kept in the data folder (see [`secrets`]).
    pub(crate) credentials: Option<Credentials>,
    /// `client.token_validity`: life of join and media tokens.
    pub(crate) token_validity: Duration,
}

/// What signs API calls and tokens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Credentials {
    /// Names the caller; not secret.
    pub(crate) key: String,
    /// Signs requests and all tokens.
    pub(crate) secret: Redacted<String>,
}

/// Limits and defaults of every room.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meeting {
    /// `room_default_settings.max_duration`, in minutes; `None` is no limit.
    pub(crate) max_duration_minutes: Option<NonZeroU64>,
    /// `room_default_settings.max_participants`; `None` is no limit.
    pub(crate) max_participants: Option<NonZeroU32>,
    /// `room_default_settings.max_num_breakout_rooms`: 0 to 16 (register D-03).
    pub(crate) max_breakout_rooms: u32,
    /// `room_default_settings.max_preloaded_wb_file_size`, in bytes.
    pub(crate) max_preloaded_whiteboard_file: u64,
    /// `client.copyright_conf`, if present.
    pub(crate) copyright: Option<Copyright>,
    /// `plenum.room_defaults`: what a new room gets where its creator says nothing.
    pub(crate) defaults: RoomDefaults,
}

/// The line at the foot of the page.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Copyright {
    /// Whether it is shown.
    pub(crate) display: bool,
    /// Text with a few HTML tags.
    pub(crate) text: String,
    /// Whether whoever creates a room may change it.
    pub(crate) allow_override: bool,
}

/// `client.webhook_conf`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Webhooks {
    /// Whether anything is sent.
    pub(crate) enable: bool,
    /// Receives the events of every room.
    pub(crate) url: Option<String>,
    /// Whether a room may name a receiver of its own.
    pub(crate) enable_for_per_meeting: bool,
    /// `allow_private_addresses`: whether such a receiver may be inside our own network.
    pub(crate) allow_private: bool,
    /// `plenum.livekit_webhooks`: receivers of the media server's events, in LiveKit's words.
    pub(crate) media_urls: Vec<String>,
}

/// `upload_file_settings`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Uploads {
    /// Where files are kept; `uploads` in the data folder unless set.
    pub(crate) path: PathBuf,
    /// Largest file, in bytes.
    pub(crate) max_size: u64,
    /// Largest file for the whiteboard, in bytes; at most `max_size`.
    pub(crate) max_whiteboard_size: u64,
    /// `max_room_size`: all files of a session together, in bytes.
    pub(crate) max_room_size: u64,
    /// Whether files stay when the session ends.
    pub(crate) keep_forever: bool,
    /// Extensions in lower case, without dot, sorted.
    pub(crate) allowed_types: Vec<String>,
    /// `allow_private_addresses`: whether documents may be fetched from inside our own network.
    pub(crate) allow_private: bool,
}

/// `recorder_info` or `artifacts_settings`: where files are kept, how they are handed out and what deleting means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Left {
    /// `recording_files_path` or `storage_path`; a folder of the data folder unless set.
    pub(crate) folder: PathBuf,
    /// `token_validity`: life of a token that opens a file.
    pub(crate) token_validity: Duration,
    /// `enable_del_*_backup` and `del_*_backup_duration`: how long a deleted file can be got back, if at all.
    pub(crate) keep_deleted: Option<Duration>,
    /// `del_*_backup_path`: where it is kept meanwhile.
    pub(crate) trash: PathBuf,
}

impl Left {
    /// http-api.md section 10, with the sample's half an hour where the reference has no default.
    fn recordings(data: &Path) -> Self {
        Self::in_folder(data.join("recordings"), "del_backup", Duration::from_secs(30 * 60), None)
    }

    fn artifacts(data: &Path) -> Self {
        Self::in_folder(data.join("artifacts"), "trash", Duration::from_secs(10 * 60), Some(KEEP_DELETED))
    }

    fn in_folder(folder: PathBuf, trash: &str, token_validity: Duration, keep_deleted: Option<Duration>) -> Self {
        Self { trash: folder.join(trash), folder, token_validity, keep_deleted }
    }
}

/// How long a deleted file is kept, where it is kept, unless told otherwise.
const KEEP_DELETED: Duration = Duration::from_secs(72 * 3600);

/// `nats_info.room_stream_name` and `nats_info.subjects`: names browsers are told and use.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Messaging {
    /// The stream of all rooms.
    pub(crate) stream: String,
    /// Requests of browsers.
    pub(crate) system_api_worker: String,
    /// Messages of browsers to the server.
    pub(crate) system_js_worker: String,
    /// Messages between servers.
    pub(crate) system_core_worker: String,
    /// The server to everybody in a room.
    pub(crate) system_public: String,
    /// The server to one person.
    pub(crate) system_private: String,
    /// Chat.
    pub(crate) chat: String,
    /// Whiteboard.
    pub(crate) whiteboard: String,
    /// Data between browsers.
    pub(crate) data_channel: String,
}

/// Plenum's own start page.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct FrontDoor {
    /// `plenum.front_door.passphrase`: lets people open rooms there who have no other right to.
    pub(crate) passphrase: Option<Redacted<String>>,
}

/// `plenum.lti`: learning platforms that speak LTI 1.3. Version 1.1 needs no more than the API key and secret.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Lti {
    /// `plenum.lti.platforms`; others are registered while the server runs and kept in the data folder.
    pub(crate) platforms: Vec<LtiPlatform>,
    /// `plenum.lti.allow_private_addresses`: platforms may be inside our own network, without TLS.
    pub(crate) allow_private: bool,
}

/// `log_settings`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Log {
    /// `log_settings.log_level`.
    pub(crate) level: LogLevel,
    /// `log_settings.log_output`.
    pub(crate) output: LogOutput,
    /// `plenum.audit_log`.
    pub(crate) audit: AuditLog,
}

/// Where it is written who called the server API for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuditLog {
    /// With everything else, if that is at `info` or finer.
    Log,
    /// Nowhere.
    Off,
    /// In a file of its own, as JSON.
    File(PathBuf),
}

/// How much is logged. The reference's `fatal` and `panic` are read as `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// As written in a filter.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Where the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogOutput {
    Stdout,
    Stderr,
}

impl Default for Config {
    fn default() -> Self {
        let data = PathBuf::from("./data");
        Self {
            dev: false,
            uploads: Uploads { path: data.join("uploads"), ..Uploads::default() },
            media_webhooks: None,
            media_server: None,
            recordings: Left::recordings(&data),
            artifacts: Left::artifacts(&data),
            analytics: true,
            data,
            database: None,
            table_prefix: String::new(),
            http: Http::default(),
            api: Api::default(),
            media: Media::new(Http::default().port),
            tls: None,
            meeting: Meeting::default(),
            webhooks: Webhooks::default(),
            messaging: Messaging::default(),
            front_door: FrontDoor::default(),
            backgrounds: Vec::new(),
            lti: Lti::default(),
            log: Log { level: LogLevel::Info, output: LogOutput::Stdout, audit: AuditLog::Log },
            rate_limits: RateLimits::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 8080,
            debug: false,
            max_body: Uploads::default().max_size,
            asset_host: None,
            public_address: None,
            allowed_origins: Vec::new(),
            proxy: None,
            metrics: Some(Metrics::default()),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self { path: "/metrics".to_owned(), login: None }
    }
}

impl Default for Api {
    fn default() -> Self {
        Self { credentials: None, token_validity: Duration::from_secs(600) }
    }
}

impl Default for Meeting {
    fn default() -> Self {
        Self {
            max_duration_minutes: None,
            max_participants: None,
            max_breakout_rooms: 16,
            max_preloaded_whiteboard_file: 5 << 20,
            copyright: None,
            defaults: RoomDefaults::default(),
        }
    }
}

impl Default for Uploads {
    fn default() -> Self {
        let types = ["docx", "jpeg", "jpg", "mp3", "mp4", "pdf", "png", "pptx", "svg", "txt", "webm", "xlsx", "zip"];
        Self {
            path: PathBuf::from("uploads"),
            max_size: 50 << 20,
            max_whiteboard_size: 30 << 20,
            max_room_size: 1 << 30,
            keep_forever: false,
            allowed_types: types.map(str::to_owned).into(),
            allow_private: false,
        }
    }
}

impl Default for Messaging {
    fn default() -> Self {
        Self {
            stream: "pnm-room-stream".to_owned(),
            system_api_worker: "sysApiWorker".to_owned(),
            system_js_worker: "sysJsWorker".to_owned(),
            system_core_worker: "sysCoreWorker".to_owned(),
            system_public: "sysPublic".to_owned(),
            system_private: "sysPrivate".to_owned(),
            chat: "chat".to_owned(),
            whiteboard: "whiteboard".to_owned(),
            data_channel: "dataChannel".to_owned(),
        }
    }
}

/// The environment of this process, without what is not text.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Reads file, [`environment`] and command line.
///
/// # Errors
/// When the file cannot be read, or with every mistake found in the three together. A file named by `options` must
/// exist.
pub(crate) fn load(
    options: &Options,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, LoadError> {
    let file = options.config.clone().or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()));
    let yaml = match &file {
        Some(path) => read_file(path).map_err(|source| LoadError::Read { path: path.clone(), source })?,
        None => String::new(),
    };
    let (config, notices) = read::read(&yaml, environment, options).map_err(LoadError::Invalid)?;
    Ok(Loaded { config, notices, file })
}

fn read_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE_LENGTH + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE_LENGTH {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {MAX_FILE_LENGTH} bytes")));
    }
    Ok(text)
}
