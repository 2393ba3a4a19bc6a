//! Which key means what, and the rules between keys.

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use http_api::{FORWARDED_FOR, LtiPlatform};
use model::Redacted;
use ports::outbox::MAX_URL;
use store::Tls;
use wire::create::{DEFAULT_SETTINGS, DefaultSetting, RoomDefaults};

use super::section::{Findings, Section};
use super::transport;
use super::tree::{Node, Origin};
use super::value;
use super::{
    Config, Copyright, Credentials, Left, Lti, Messaging, Metrics, Mistake, Notice, Options, Proxy, Uploads, Webhooks,
    database, foreign, words,
};

/// In the reference server's published sample file, so everybody knows it.
const PUBLISHED_SECRET: &str = "zumyyYWqv7KR2kUqvYdq4z4sXg7XTBD2ljT6";

/// Shortest secret, in bytes: as long as the digest it keys.
const MIN_SECRET_LENGTH: usize = 32;

/// More breakout rooms than this no meeting has (register D-03).
const MOST_BREAKOUT_ROOMS: u32 = 16;

/// Largest limit of all files of a room, in MiB.
const MAX_ROOM_MIB: u64 = 1 << 20;
/// Largest upload limit, in MiB.
const MAX_UPLOAD_MIB: u64 = 10_240;

/// A configuration and what to tell the operator about it, or everything that is wrong.
pub(super) type Outcome = Result<(Config, Vec<Notice>), Vec<Mistake>>;

/// Reads a file's text, the environment over it and the command line over both.
pub(super) fn read(yaml: &str, environment: impl IntoIterator<Item = (String, String)>, options: &Options) -> Outcome {
    let findings = Findings::default();
    let config = read_with(&findings, yaml, environment, options);
    let (mistakes, notices) = findings.into_parts();
    if mistakes.is_empty() { Ok((config, notices)) } else { Err(mistakes) }
}

pub(super) fn read_with(
    findings: &Findings,
    yaml: &str,
    environment: impl IntoIterator<Item = (String, String)>,
    options: &Options,
) -> Config {
    let mut tree = Node::from_yaml(yaml).unwrap_or_else(|error| {
        findings.mistake("configuration file", error);
        Node::empty()
    });
    for name in tree.put_environment(environment) {
        findings.mistake(name, "expected a name like PLENUM__CLIENT__PORT (environment)");
    }
    put_flags(&mut tree, options);

    let mut config = Config::default();
    let mut root = Section::root(findings, tree);
    let elsewhere = read_plenum(findings, &mut root, &mut config);
    // Not by way of the tree: a path need not be text.
    if let Some(data) = &options.data {
        config.data.clone_from(data);
    }
    read_client(findings, &mut root, &mut config);
    config.media.port = elsewhere.media_port.unwrap_or(config.http.port);
    read_rooms(&mut root, &mut config);
    read_uploads(findings, &mut root, &mut config);
    read_left(&mut root, &mut config);
    read_media_server(findings, &mut root, &mut config);
    config.media.relay = transport::read_relay(findings, &mut root);
    read_messaging(findings, &mut root, &mut config);
    read_log(findings, &mut root, &mut config);
    (config.database, config.table_prefix) = database::read_database(findings, &mut root, elsewhere);
    for (name, notice) in foreign::SECTIONS {
        if let Some(node) = root.take(name)
            && foreign::check(findings, name, node)
        {
            findings.notice(*name, *notice);
        }
    }
    root.finish();
    check_secrets(findings, &config);
    note_what_has_no_effect(findings, &config);
    config
}

/// Keys we know and will use one day.
fn note_what_has_no_effect(findings: &Findings, config: &Config) {
    let usual = Config::default();
    let meeting = (&config.meeting, &usual.meeting);
    for (asked_for, key) in [
        (config.http.debug, "client.debug"),
        (
            meeting.0.max_preloaded_whiteboard_file != meeting.1.max_preloaded_whiteboard_file,
            "room_default_settings.max_preloaded_wb_file_size",
        ),
    ] {
        if asked_for {
            findings.notice(key, "has no effect in this version");
        }
    }
}

fn put_flags(tree: &mut Node, options: &Options) {
    let mut put = |path: &[&str], text: Option<String>| {
        if let Some(text) = text {
            tree.put(path, text, Origin::Flag);
        }
    };
    let addresses: Vec<_> = options.advertise.iter().map(ToString::to_string).collect();
    put(&["plenum", "listen"], options.listen.map(|address| address.to_string()));
    put(&["plenum", "media", "port"], options.media_port.map(|port| port.to_string()));
    put(&["plenum", "media", "advertise"], (!addresses.is_empty()).then(|| addresses.join(",")));
    put(&["plenum", "dev"], options.dev.then(|| "true".to_owned()));
    put(&["client", "port"], options.port.map(|port| port.to_string()));
    put(&["log_settings", "log_level"], options.log_level.map(|level| level.as_str().to_owned()));
}

/// What `plenum` says about matters of other sections.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// If one is set; otherwise it is the number of `client.port`.
    media_port: Option<u16>,
    /// How the way to the database server is protected.
    pub(super) tls: Tls,
    /// Whom to believe there.
    pub(super) authorities: Option<PathBuf>,
}

fn read_plenum(findings: &Findings, root: &mut Section<'_>, config: &mut Config) -> Elsewhere {
    let mut elsewhere = Elsewhere::default();
    let mut plenum = root.section("plenum");
    plenum.set("dev", &mut config.dev, value::boolean);
    plenum.set("data", &mut config.data, value::path);
    plenum.set("listen", &mut config.http.listen, value::address);
    plenum.set_list("allowed_origins", &mut config.http.allowed_origins, value::web_origin);

    transport::read_media(&mut plenum, &mut config.media, &mut elsewhere.media_port);
    config.tls = transport::read_certificate(findings, &mut plenum);

    plenum.set_list("livekit_webhooks", &mut config.webhooks.media_urls, words::webhook_address);

    let mut front_door = plenum.section("front_door");
    front_door.set_secret("passphrase", &mut config.front_door.passphrase, words::passphrase);
    front_door.finish();

    plenum.set_list("backgrounds", &mut config.backgrounds, value::path);

    let mut limits = plenum.section("rate_limits");
    for (key, limit) in
        [("per_key", &mut config.rate_limits.per_key), ("per_address", &mut config.rate_limits.per_address)]
    {
        let mut wish = limit.map_or(0, NonZeroU32::get);
        limits.set(key, &mut wish, value::number(0..=1_000_000));
        *limit = NonZeroU32::new(wish);
    }
    limits.finish();
    plenum.set("audit_log", &mut config.log.audit, words::audit_log);

    let mut database = plenum.section("database");
    database.set("tls", &mut elsewhere.tls, database::tls);
    database.set_optional("authorities", &mut elsewhere.authorities, value::path);
    database.finish();
    read_defaults(plenum.section("room_defaults"), "", &mut config.meeting.defaults);
    read_lti(findings, &mut plenum, &mut config.lti);
    plenum.finish();
    elsewhere
}

/// One group of defaults; `prefix` is its name, with a dot behind it.
fn read_defaults(mut section: Section<'_>, prefix: &str, defaults: &mut RoomDefaults) {
    let mut groups = BTreeSet::new();
    for setting in DEFAULT_SETTINGS {
        let Some(key) = setting.name().strip_prefix(prefix) else { continue };
        if let Some((group, _)) = key.split_once('.') {
            groups.insert(group);
            continue;
        }
        let mut wish = None;
        match setting {
            DefaultSetting::Switch(_) => {
                section.set_optional(key, &mut wish, |text| value::boolean(text).map(u32::from))
            }
            DefaultSetting::Number(_, most) => section.set_optional(key, &mut wish, value::number(0..=*most)),
        }
        if let Some(wish) = wish {
            defaults.set(setting.name(), wish);
        }
    }
    for group in groups {
        read_defaults(section.section(group), &format!("{prefix}{group}."), defaults);
    }
    section.finish();
}

fn read_lti(findings: &Findings, plenum: &mut Section<'_>, lti: &mut Lti) {
    let mut section = plenum.section("lti");
    section.set("allow_private_addresses", &mut lti.allow_private, value::boolean);
    for mut item in section.sections("platforms") {
        let mut platform = LtiPlatform::default();
        item.set("issuer", &mut platform.issuer, value::text);
        item.set("client_id", &mut platform.client_id, value::text);
        item.set("auth_url", &mut platform.auth_url, value::text);
        item.set("keys_url", &mut platform.keys_url, value::text);
        item.set("token_url", &mut platform.token_url, value::text);
        item.set_list("deployments", &mut platform.deployments, value::text);
        if let Err(wrong) = platform.check(lti.allow_private) {
            findings.mistake(item.path(), wrong.to_string());
        }
        item.finish();
        lti.platforms.push(platform);
    }
    section.finish();
}

fn read_client(findings: &Findings, root: &mut Section<'_>, config: &mut Config) {
    let mut client = root.section("client");
    client.set("port", &mut config.http.port, value::number(0..=u16::MAX));
    client.set("debug", &mut config.http.debug, value::boolean);
    client.set_optional("asset_host", &mut config.http.asset_host, value::text);
    client.set_optional("bbb_join_host", &mut config.http.public_address, value::web_address);
    read_api(findings, &mut client, config);
    read_webhooks(findings, &mut client, &mut config.webhooks);
    config.http.metrics = read_metrics(findings, &mut client);
    config.http.proxy = read_proxy(findings, &mut client);
    if let Some(mut section) = client.optional_section("copyright_conf") {
        let mut copyright = Copyright::default();
        section.set("display", &mut copyright.display, value::boolean);
        section.set("text", &mut copyright.text, value::text);
        section.set("allow_override", &mut copyright.allow_override, value::boolean);
        section.finish();
        config.meeting.copyright = Some(copyright);
    }
    for (key, notice) in [
        ("path", "not needed; Plenum carries its own web client"),
        ("auto_client_download", "not needed; Plenum carries its own web client"),
    ] {
        pass_by(findings, &mut client, key, notice);
    }
    client.finish();
}

fn read_api(findings: &Findings, client: &mut Section<'_>, config: &mut Config) {
    both_or_neither(findings, client, "api_key", "secret");
    let (mut key, mut secret) = (None, None);
    client.set_optional("api_key", &mut key, words::api_key);
    client.set_secret("secret", &mut secret, value::text);
    client.set("token_validity", &mut config.api.token_validity, words::token_validity);
    config.api.credentials = key.zip(secret).map(|(key, secret)| Credentials { key, secret: Redacted::new(secret) });
}

fn read_webhooks(findings: &Findings, client: &mut Section<'_>, webhooks: &mut Webhooks) {
    let mut section = client.section("webhook_conf");
    section.set("enable", &mut webhooks.enable, value::boolean);
    section.set_optional("url", &mut webhooks.url, value::web_address);
    section.set("enable_for_per_meeting", &mut webhooks.enable_for_per_meeting, value::boolean);
    section.set("allow_private_addresses", &mut webhooks.allow_private, value::boolean);
    section.finish();
    if webhooks.url.as_ref().is_some_and(|url| url.len() > MAX_URL) {
        findings.mistake("client.webhook_conf.url", format!("expected an address of at most {MAX_URL} bytes"));
    }
    if webhooks.enable && webhooks.url.is_none() && !webhooks.enable_for_per_meeting {
        findings.notice("client.webhook_conf.enable", "nothing is sent without an url or enable_for_per_meeting");
    }
}

fn read_metrics(findings: &Findings, client: &mut Section<'_>) -> Option<Metrics> {
    let mut section = client.section("prometheus");
    let Metrics { mut path, .. } = Metrics::default();
    let (mut enable, mut user, mut password) = (true, None, None);
    section.set("enable", &mut enable, value::boolean);
    if enable {
        // The reference server would show the figures to everybody.
        both_or_neither(findings, &section, "username", "password");
    }
    section.set("metrics_path", &mut path, words::metrics_path);
    section.set_optional("username", &mut user, value::text);
    section.set_secret("password", &mut password, value::text);
    section.finish();
    enable.then(|| Metrics { path, login: user.zip(password.map(Redacted::new)) })
}

fn read_proxy(findings: &Findings, client: &mut Section<'_>) -> Option<Proxy> {
    let mut section = client.section("proxy_conf");
    let mut enabled = false;
    let mut proxy = Proxy { header: FORWARDED_FOR, trusted: Vec::new() };
    let mut header = None;
    section.set("enabled", &mut enabled, value::boolean);
    section.set_optional("proxy_header", &mut header, words::header_name);
    section.set_list("trusted_proxy_ips", &mut proxy.trusted, value::network);
    section.finish();
    if let Some(header) = header {
        proxy.header = header;
    }
    // Older files name the header alone, which would believe everybody.
    pass_by(findings, client, "proxy_header", "not used; name the proxies to believe in client.proxy_conf");
    enabled.then_some(proxy)
}

fn read_rooms(root: &mut Section<'_>, config: &mut Config) {
    let meeting = &mut config.meeting;
    let mut section = root.section("room_default_settings");
    let (mut duration, mut participants) = (0, 0);
    section.set("max_duration", &mut duration, value::number(0..=u64::MAX));
    section.set("max_participants", &mut participants, value::number(0..=u32::MAX));
    section.set("max_num_breakout_rooms", &mut meeting.max_breakout_rooms, value::number(0..=u32::MAX));
    section.set("max_preloaded_wb_file_size", &mut meeting.max_preloaded_whiteboard_file, value::size);
    section.finish();
    meeting.max_duration_minutes = NonZeroU64::new(duration);
    meeting.max_participants = NonZeroU32::new(participants);
    meeting.max_breakout_rooms = meeting.max_breakout_rooms.min(MOST_BREAKOUT_ROOMS);
}

fn read_uploads(findings: &Findings, root: &mut Section<'_>, config: &mut Config) {
    let mut section = root.section("upload_file_settings");
    let mut uploads = Uploads { path: config.data.join("uploads"), ..Uploads::default() };
    let (mut largest, mut whiteboard) = (uploads.max_size >> 20, None);
    let mut room = uploads.max_room_size >> 20;
    section.set("path", &mut uploads.path, value::path);
    section.set("max_size", &mut largest, value::number(1..=MAX_UPLOAD_MIB));
    section.set_optional("max_size_whiteboard_file", &mut whiteboard, value::number(1..=MAX_UPLOAD_MIB));
    section.set("max_room_size", &mut room, value::number(1..=MAX_ROOM_MIB));
    section.set("keep_forever", &mut uploads.keep_forever, value::boolean);
    section.set_list("allowed_types", &mut uploads.allowed_types, words::extension);
    section.set("allow_private_addresses", &mut uploads.allow_private, value::boolean);
    section.finish();

    uploads.max_size = largest << 20;
    uploads.max_room_size = room << 20;
    uploads.max_whiteboard_size = match whiteboard {
        Some(own) if own > largest => {
            findings.mistake(
                "upload_file_settings.max_size_whiteboard_file",
                format!("expected at most upload_file_settings.max_size ({largest}), found {own}"),
            );
            uploads.max_size
        }
        Some(own) => own << 20,
        None => uploads.max_whiteboard_size.min(uploads.max_size),
    };
    uploads.allowed_types.sort_unstable();
    uploads.allowed_types.dedup();
    config.http.max_body = uploads.max_size;
    config.uploads = uploads;
}

/// The outside media server, if there is one: with an address media runs there, without it may send webhooks.
fn read_media_server(findings: &Findings, root: &mut Section<'_>, config: &mut Config) {
    let mut section = root.section("livekit_info");
    both_or_neither(findings, &section, "api_key", "secret");
    let (mut host, mut key, mut secret) = (None, None, None);
    section.set_optional("host", &mut host, words::media_address);
    section.set_optional("api_key", &mut key, value::text);
    section.set_secret("secret", &mut secret, value::text);
    section.finish();
    config.media_webhooks = key.zip(secret).map(|(key, secret)| Credentials { key, secret: Redacted::new(secret) });
    if host.is_some() && config.media_webhooks.is_none() {
        let text = "the built-in media server is used: another one needs api_key and secret";
        findings.notice("livekit_info.host", text);
    } else {
        config.media_server = host;
    }
}

/// Recordings, artifacts and analytics.
fn read_left(root: &mut Section<'_>, config: &mut Config) {
    let mut section = root.section("recorder_info");
    config.recordings = Left::recordings(&config.data);
    let names = ["recording_files_path", "enable_del_recording_backup", "del_recording_backup_duration"];
    read_folder(&mut section, &mut config.recordings, names, "del_recording_backup_path", "del_backup");
    // How long a recorder may be silent; ours is not a stranger on the bus.
    let mut unused = Duration::ZERO;
    section.set("ping_timeout", &mut unused, value::duration);
    section.finish();

    let mut section = root.section("artifacts_settings");
    config.artifacts = Left::artifacts(&config.data);
    let names = ["storage_path", "enable_del_artifacts_backup", "del_artifacts_backup_duration"];
    read_folder(&mut section, &mut config.artifacts, names, "del_artifacts_backup_path", "trash");
    section.finish();

    let mut section = root.section("analytics_settings");
    section.set("enabled", &mut config.analytics, value::boolean);
    // Both belong to an older way of keeping analytics; they are artifacts now.
    let mut unused = (PathBuf::new(), Duration::ZERO);
    section.set("files_store_path", &mut unused.0, value::path);
    section.set("token_validity", &mut unused.1, value::duration);
    section.finish();
}

/// `names`: of the folder, of the switch and of the duration.
fn read_folder(section: &mut Section<'_>, left: &mut Left, names: [&str; 3], trash: &str, trash_name: &str) {
    let [folder, keeps, kept_for] = names;
    let mut place = None;
    section.set_optional(folder, &mut place, value::path);
    if let Some(place) = place {
        left.folder = place;
    }
    section.set("token_validity", &mut left.token_validity, value::duration);
    let mut keep = left.keep_deleted.is_some();
    let mut duration = super::KEEP_DELETED;
    section.set(keeps, &mut keep, value::boolean);
    section.set(kept_for, &mut duration, value::duration);
    left.keep_deleted = keep.then_some(duration);
    let mut place = None;
    section.set_optional(trash, &mut place, value::path);
    // Below the folder of the files themselves (D-44), wherever that is.
    left.trash = place.unwrap_or_else(|| left.folder.join(trash_name));
}

/// Names are ours to use, addresses and accounts are not.
fn read_messaging(findings: &Findings, root: &mut Section<'_>, config: &mut Config) {
    let Messaging {
        stream,
        system_api_worker,
        system_js_worker,
        system_core_worker,
        system_public,
        system_private,
        chat,
        whiteboard,
        data_channel,
    } = &mut config.messaging;
    let mut section = root.section("nats_info");
    section.set("room_stream_name", stream, words::subject_token);
    let mut subjects = section.section("subjects");
    let names = [
        ("system_api_worker", system_api_worker),
        ("system_js_worker", system_js_worker),
        ("system_core_worker", system_core_worker),
        ("system_public", system_public),
        ("system_private", system_private),
        ("chat", chat),
        ("whiteboard", whiteboard),
        ("data_channel", data_channel),
    ];
    let names = names.map(|(key, target)| {
        subjects.set(key, target, words::subject_token);
        (key, target)
    });
    for (position, (key, target)) in names.iter().enumerate() {
        if let Some((other, _)) = names[..position].iter().find(|(_, earlier)| earlier == target) {
            let text =
                format!("the same as {} (`{target}`); every subject needs a name of its own", subjects.name_of(other));
            findings.mistake(subjects.name_of(key), text);
        }
    }
    subjects.finish();
    let rest = section.rest();
    if foreign::check(findings, "nats_info", rest) {
        findings.notice(
            "nats_info",
            "an outside message bus is not supported in this version; the built-in one is used instead",
        );
    }
}

fn read_log(findings: &Findings, root: &mut Section<'_>, config: &mut Config) {
    let mut section = root.section("log_settings");
    section.set("log_level", &mut config.log.level, words::log_level);
    section.set("log_output", &mut config.log.output, words::log_output);
    pass_by(findings, &mut section, "log_file", "the log goes to log_output; keeping files is left to the system");
    for key in ["max_size", "max_backups", "max_age", "maxsize", "maxbackups", "maxage"] {
        if let Some(node) = section.take(key) {
            foreign::check(findings, &section.name_of(key), node);
        }
    }
    section.finish();
}

/// Two keys of a section that only mean something together.
pub(super) fn both_or_neither(findings: &Findings, section: &Section<'_>, first: &str, second: &str) {
    for (missing, other) in [(first, second), (second, first)] {
        if !section.has(missing) && section.has(other) {
            let text = format!("missing, though {} is set; set both or neither", section.name_of(other));
            findings.mistake(section.name_of(missing), text);
        }
    }
}

/// Takes a key we have no use for, and says so.
pub(super) fn pass_by(findings: &Findings, section: &mut Section<'_>, key: &str, notice: &str) {
    let name = section.name_of(key);
    if let Some(node) = section.take(key)
        && foreign::check(findings, &name, node)
    {
        findings.notice(name, notice);
    }
}

fn check_secrets(findings: &Findings, config: &Config) {
    if config.dev {
        return;
    }
    let Some(credentials) = &config.api.credentials else { return };
    let secret = credentials.secret.expose();
    if secret == PUBLISHED_SECRET {
        findings.mistake("client.secret", "this is the published sample; choose your own, or start with --dev");
    } else if secret.len() < MIN_SECRET_LENGTH {
        let text =
            format!("expected at least {MIN_SECRET_LENGTH} characters; choose a longer one, or start with --dev");
        findings.mistake("client.secret", text);
    }
}
