use std::collections::BTreeSet;

use proptest::prelude::*;
use store::{Driver, Tls};

use super::read::{read, read_with};
use super::section::Findings;
use super::tree::{Kind, Node};
use super::*;

const SAMPLE: &str = include_str!("../../../../docs/config.sample.yaml");

#[test]
fn nothing_at_all_is_a_configuration() {
    let (config, notices) = parse("").unwrap();

    assert_eq!(config, Config::default());
    assert_eq!(notices, []);
}

#[test]
fn the_sample_configuration_equals_the_defaults() {
    let (config, notices) = parse(SAMPLE).unwrap();

    assert_eq!(config, Config::default());
    assert_eq!(notices, []);
}

#[test]
fn the_sample_configuration_shows_every_key() {
    let findings = Findings::default();
    let yaml = uncommented();

    let config = read_with(&findings, &yaml, [], &Options::default());

    assert!(config.meeting.copyright.is_some());
    assert_eq!(config.meeting.defaults, Meeting::default().defaults, "they are shown as they are");
    let mut shown = BTreeSet::new();
    collect_keys("", &Node::from_yaml(&yaml).unwrap(), &mut shown);
    let asked = findings.asked.borrow();
    let missing: Vec<_> = asked.difference(&shown).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(asked.len() > 40);
}

/// The sample with the sections that are only shown: one whose presence alone means something, and a long one.
fn uncommented() -> String {
    let heads = SAMPLE
        .replace("  # copyright_conf:", "  copyright_conf:")
        .replace("  # room_defaults:", "  room_defaults:")
        .replace("  # providers:", "  providers:");
    heads.replace("  #   ", "    ")
}

#[test]
fn the_operator_says_what_a_new_room_gets() {
    let yaml = "
plenum:
  room_defaults:
    allow_webcams: off
    room_duration: 90
    auto_gen_user_id: true
    chat_features: {is_allow_file_upload: false}
    breakout_room_features: {allowed_number_rooms: 3}
    insights_features: {ai_features: {ai_text_chat_features: {is_allow: false}}}
    default_lock_settings: {lock_chat: true, lock_whiteboard: false}
";

    let defaults = parse(yaml).unwrap().0.meeting.defaults;

    let mut expected = RoomDefaults::default();
    expected.features.allow_webcams = false;
    expected.features.room_duration = Some(90);
    expected.features.auto_gen_user_id = Some(true);
    expected.features.chat_features.as_mut().unwrap().is_allow_file_upload = false;
    expected.features.breakout_room_features.as_mut().unwrap().allowed_number_rooms = 3;
    let ai = expected.features.insights_features.as_mut().unwrap().ai_features.as_mut().unwrap();
    ai.ai_text_chat_features.as_mut().unwrap().is_allow = false;
    expected.lock_settings.lock_chat = Some(true);
    expected.lock_settings.lock_whiteboard = Some(false);
    assert_eq!(defaults, expected);

    let variable = ("PLENUM__PLENUM__ROOM_DEFAULTS__CHAT_FEATURES__IS_ALLOW".to_owned(), "false".to_owned());
    let config = read("", [variable], &Options::default()).unwrap().0;
    assert!(!config.meeting.defaults.features.chat_features.unwrap().is_allow);
}

#[test]
fn defaults_of_rooms_are_checked_like_everything() {
    let yaml = "
plenum:
  room_defaults:
    allow_webcams: maybe
    colour: red
    chat_features: true
    breakout_room_features: {allowed_number_rooms: 17}
    whiteboard_features: {visible: true}
    default_lock_settings: {lock_chat: 2}
";

    let mistakes = parse(yaml).unwrap_err();

    let keys: BTreeSet<_> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
    let expected = [
        "plenum.room_defaults.allow_webcams",
        "plenum.room_defaults.breakout_room_features.allowed_number_rooms",
        "plenum.room_defaults.chat_features",
        "plenum.room_defaults.colour",
        "plenum.room_defaults.default_lock_settings.lock_chat",
        "plenum.room_defaults.whiteboard_features.visible",
    ];
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn every_option_of_the_sample_has_a_comment_above_it() {
    let mut previous = "";
    for line in SAMPLE.lines().filter(|line| !line.trim().is_empty()) {
        let is_option = !line.trim_start().starts_with(['#', '-']);
        if is_option {
            assert!(previous.trim_start().starts_with('#'), "no comment above `{line}`");
        }
        previous = line;
    }
}

#[test]
fn every_mistake_is_reported_at_once_with_its_key() {
    let yaml = "
client:
  port: http
  token_validity: soon
  colour: red
  webhook_conf: true
  proxy_conf: {trusted_proxy_ips: [10.0.0.0/8, 10.0.0.0/99]}
  api_key: not visible
plenum: {listen: localhost, media: {port: 70000, advertise: [10.0.0.1, here], threads: 65}}
room_default_settings: {max_preloaded_wb_file_size: large}
upload_file_settings: {max_size: 10, max_size_whiteboard_file: 20}
log_settings: {log_level: chatty}
database_info: {driver_name: mysql, host: db, username: u, db: p, port: x, hots: db}
nats_info: {subjects: {chat: 'a.b'}, nats_urls: {}}
clinet: {}
";

    let mistakes = parse(yaml).unwrap_err();

    let keys: BTreeSet<_> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
    let expected = [
        "client.api_key",
        "client.colour",
        "client.port",
        "client.proxy_conf.trusted_proxy_ips[1]",
        "client.secret",
        "client.token_validity",
        "client.webhook_conf",
        "clinet",
        "database_info.hots",
        "database_info.port",
        "log_settings.log_level",
        "nats_info.nats_urls",
        "nats_info.subjects.chat",
        "plenum.listen",
        "plenum.media.advertise[1]",
        "plenum.media.port",
        "plenum.media.threads",
        "room_default_settings.max_preloaded_wb_file_size",
        "upload_file_settings.max_size_whiteboard_file",
    ];
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), expected);
    let text = LoadError::Invalid(mistakes).to_string();
    assert!(text.contains("client.port: expected a whole number from 0 to 65535, found `http` (line 3)"), "{text}");
}

#[test]
fn a_file_for_the_reference_server_starts_unchanged() {
    let (config, notices) = parse(REFERENCE).unwrap();

    assert_eq!(config.http.port, 8080);
    assert_eq!(config.meeting.max_breakout_rooms, 6);
    assert_eq!(config.webhooks.url.as_deref(), Some("https://example.org/hook"));
    assert_eq!(config.http.metrics.unwrap().login.unwrap().1.expose(), "1.10");
    assert!(config.http.proxy.unwrap().trusted[0].contains("10.1.2.3".parse().unwrap()));
    assert_eq!(config.uploads.allowed_types, ["jpg", "pdf"]);
    assert_eq!(config.log.level, LogLevel::Debug);
    let keys: Vec<_> = notices.iter().map(|notice| notice.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "client.path",
            "nats_info",
            "log_settings.log_file",
            "database_info.replicas",
            "database_info.prefix",
            "redis_info",
            "livekit_sip_info",
            "insights",
            "hooks",
            "client.debug",
        ]
    );
}

#[test]
fn what_is_read_and_has_no_effect_is_said() {
    for (yaml, key) in [
        ("client: {debug: true}", "client.debug"),
        (
            "room_default_settings: {max_preloaded_wb_file_size: 6mb}",
            "room_default_settings.max_preloaded_wb_file_size",
        ),
    ] {
        let notices = parse(yaml).unwrap().1;
        let expected = Notice { key: key.to_owned(), text: "has no effect in this version".to_owned() };
        assert_eq!(notices, [expected], "{yaml}");
    }
}

#[test]
fn subjects_of_one_name_are_a_mistake_that_names_both_keys() {
    let mistakes = parse("nats_info: {subjects: {chat: sysPublic, whiteboard: sysPublic}}").unwrap_err();

    let found: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    let same = "the same as nats_info.subjects.system_public (`sysPublic`); every subject needs a name of its own";
    assert_eq!(found, [format!("nats_info.subjects.chat: {same}"), format!("nats_info.subjects.whiteboard: {same}")]);
    assert_eq!(parse("nats_info: {subjects: {chat: _INBOX}}").unwrap_err()[0].key, "nats_info.subjects.chat");
    assert!(parse("nats_info: {subjects: {chat: whiteboard, whiteboard: chat}}").is_ok(), "swapped is fine");
}

#[test]
fn a_proxy_is_believed_if_enabled_and_names_the_client_in_the_usual_header_unless_told_otherwise() {
    let header = |yaml: &str| parse(yaml).unwrap().0.http.proxy.map(|proxy| proxy.header.to_string());

    assert_eq!(header(""), None);
    assert_eq!(header("client: {proxy_conf: {proxy_header: X-Real-IP}}"), None);
    assert_eq!(header("client: {proxy_conf: {enabled: true}}").as_deref(), Some("x-forwarded-for"));
    assert_eq!(header("client: {proxy_conf: {enabled: true, proxy_header: X-Real-IP}}").as_deref(), Some("x-real-ip"));
    for bad in ["X Real", "X-Real-IP:", "é"] {
        let mistakes = parse(&format!("client: {{proxy_conf: {{proxy_header: '{bad}'}}}}")).unwrap_err();
        assert_eq!(mistakes[0].key, "client.proxy_conf.proxy_header");
    }
}

#[test]
fn figures_are_served_to_everybody_unless_told_otherwise() {
    let metrics = |yaml: &str| parse(yaml).unwrap().0.http.metrics;
    let open = |path: &str| Some(Metrics { path: path.to_owned(), login: None });

    assert_eq!(metrics(""), open("/metrics"));
    assert_eq!(metrics("client: {prometheus: }"), open("/metrics"));
    assert_eq!(metrics("client: {prometheus: {metrics_path: /m/figures}}"), open("/m/figures"));
    assert_eq!(metrics("client: {prometheus: {enable: true, username: '', password: ''}}"), open("/metrics"));
    assert_eq!(metrics("client: {prometheus: {enable: false}}"), None);
    assert_eq!(metrics("client: {prometheus: {enable: false, username: u}}"), None);
}

#[test]
fn half_a_login_for_the_figures_is_a_mistake() {
    for (given, missing) in [("username: u", "password"), ("password: hunter2", "username")] {
        let mistakes = parse(&format!("client: {{prometheus: {{enable: true, {given}}}}}")).unwrap_err();

        assert_eq!(mistakes.len(), 1);
        assert_eq!(mistakes[0].key, format!("client.prometheus.{missing}"));
        assert!(!mistakes[0].text.contains("hunter2"));
    }
}

#[test]
fn figures_do_not_take_the_place_of_other_routes() {
    for path in ["metrics", "/", "//metrics", "/a//b", "/{x}", "/*x", "/API/x", "/healthCheck", "/rtc", "/a b"] {
        let mistakes = parse(&format!("client: {{prometheus: {{metrics_path: '{path}'}}}}")).unwrap_err();
        assert_eq!(mistakes[0].key, "client.prometheus.metrics_path", "{path}");
    }
}

#[test]
fn sections_that_are_switched_off_are_passed_over_in_silence() {
    let yaml = "insights: {enabled: false}\nturn_server: {enabled: no}\nredis_info:\ndatabase_info: {}\n";

    assert_eq!(parse(yaml).unwrap().1, []);
}

#[test]
fn a_database_section_chooses_the_engine() {
    let of = |yaml: &str| parse(yaml).unwrap();

    let (config, notices) = of("database_info: {driver_name: mysql, host: db, username: u, password: 1.10, db: p}");
    let server = config.database.unwrap();
    assert_eq!((server.driver, server.host.as_str(), server.port), (Driver::MariaDb, "db", 3306));
    assert_eq!((server.username.as_str(), server.password.expose().as_str()), ("u", "1.10"));
    assert_eq!((server.database.as_str(), server.max_connections, server.max_lifetime.as_secs()), ("p", 10, 240));
    assert_eq!((server.tls, server.authorities), (Tls::Prefer, None));
    assert_eq!(notices, []);

    let yaml = "
database_info: {driver_name: Postgres, host: /run/postgresql, port: 5433, username: u, db: p, max_open_conns: 1}
plenum: {database: {tls: verify, authorities: /etc/ca.pem}}
";
    let server = of(yaml).0.database.unwrap();
    assert_eq!((server.driver, server.port, server.max_connections), (Driver::Postgres, 5433, 2));
    assert_eq!((server.tls, server.authorities.as_deref()), (Tls::Verify, Some(Path::new("/etc/ca.pem"))));

    assert_eq!(of("database_info: {driver_name: sqlite}").0.database, None);
    assert_eq!(of("database_info: {driver_name: sqlite, prefix: pnm_}").0.database, None);
}

#[test]
fn what_a_database_need_not_be_told_is_said() {
    let section = "driver_name: mysql, host: db, username: u, db: p, replicas: [{host: r}]";
    let told = |more: &str| {
        let notices = parse(&format!("database_info: {{{section}{more}}}")).unwrap().1;
        notices.into_iter().map(|notice| format!("{}: {}", notice.key, notice.text)).collect::<Vec<_>>()
    };
    let replicas = "database_info.replicas: not used: a list must show what was written a moment ago, and a replica lags; one server carries the few reads there are";

    assert_eq!(told(", charset: utf8mb4, loc: UTC"), [replicas], "as Plenum does it anyway");
    assert_eq!(
        told(", charset: latin1, loc: Asia/Dhaka"),
        [
            replicas,
            "database_info.charset: not used; Plenum always speaks UTF-8 (utf8mb4)",
            "database_info.loc: not used; times are told in UTC",
        ]
    );
}

#[test]
fn a_database_section_that_is_not_whole_names_what_is_missing() {
    for (yaml, keys) in [
        ("{host: db}", vec!["database_info.db", "database_info.username", "database_info.driver_name"]),
        ("{driver_name: mysql}", vec!["database_info.host", "database_info.db", "database_info.username"]),
        ("{driver_name: oracle, host: db, username: u, db: p}", vec!["database_info.driver_name"]),
        ("{driver_name: mysql, host: db, username: u, db: p, port: 0}", vec!["database_info.port"]),
    ] {
        let mistakes = parse(&format!("database_info: {yaml}")).unwrap_err();
        assert_eq!(mistakes.iter().map(|mistake| mistake.key.as_str()).collect::<Vec<_>>(), keys, "{yaml}");
    }
}

#[test]
fn the_environment_wins_over_the_file_and_flags_win_over_both() {
    let environment = [
        ("PLENUM__CLIENT__PORT", "81"),
        ("PLENUM__PLENUM__MEDIA__ADVERTISE", "10.0.0.1, 10.0.0.2"),
        ("PLENUM__client__webhook_conf__ENABLE_FOR_PER_MEETING", "true"),
        ("PLENUM__LOG_SETTINGS__LOG_LEVEL", "warn"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let options = Options { log_level: Some(LogLevel::Trace), dev: true, ..Options::default() };

    let (config, _) = read("client: {port: 80, debug: true}", environment, &options).unwrap();

    assert_eq!((config.http.port, config.http.debug, config.dev), (81, true, true));
    assert_eq!(config.media.port, 81, "media follow the port of the web server");
    assert_eq!(config.media.advertise.len(), 2);
    assert!(config.webhooks.enable_for_per_meeting);
    assert_eq!(config.log.level, LogLevel::Trace);
}

#[test]
fn a_mistake_in_the_environment_names_the_variable() {
    let environment = [("PLENUM__CLIENT__PORT", "x"), ("PLENUM__CLIENT__COLOUR", "red"), ("PLENUM__", "1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));

    let mistakes = read("", environment, &Options::default()).unwrap_err();

    let text = LoadError::Invalid(mistakes).to_string();
    for part in ["client.port:", "variable PLENUM__CLIENT__PORT", "client.colour: unknown key", "PLENUM__: expected"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn media_may_have_a_port_of_their_own() {
    let (config, _) = parse("client: {port: 80}\nplenum: {media: {port: 7882}}\n").unwrap();

    assert_eq!((config.http.port, config.media.port), (80, 7882));
}

#[test]
fn files_that_are_left_live_in_the_data_folder_unless_told_otherwise() {
    let config = parse("plenum: {data: /srv/plenum}").unwrap().0;
    assert_eq!(config.recordings.folder, Path::new("/srv/plenum/recordings"));
    assert_eq!(config.recordings.trash, Path::new("/srv/plenum/recordings/del_backup"));
    assert_eq!(config.recordings.keep_deleted, None);
    assert_eq!(config.artifacts.folder, Path::new("/srv/plenum/artifacts"));
    assert_eq!(config.artifacts.keep_deleted, Some(Duration::from_secs(72 * 3600)));
    assert!(config.analytics);

    let yaml = "recorder_info: {recording_files_path: /rec, token_validity: 5m, enable_del_recording_backup: true, \
                del_recording_backup_duration: 24h}\n\
                artifacts_settings: {enable_del_artifacts_backup: false, del_artifacts_backup_path: /trash}\n\
                analytics_settings: {enabled: false}";
    let config = parse(yaml).unwrap().0;
    assert_eq!(config.recordings.folder, Path::new("/rec"));
    assert_eq!(config.recordings.trash, Path::new("/rec/del_backup"));
    assert_eq!(config.recordings.token_validity, Duration::from_secs(300));
    assert_eq!(config.recordings.keep_deleted, Some(Duration::from_secs(24 * 3600)));
    assert_eq!((config.artifacts.keep_deleted, config.artifacts.trash), (None, PathBuf::from("/trash")));
    assert!(!config.analytics);
}

#[test]
fn uploads_live_in_the_data_folder_unless_told_otherwise() {
    let options = Options { data: Some("/srv/plenum".into()), ..Options::default() };

    let (config, _) = read("", [], &options).unwrap();
    let (other, _) = read("upload_file_settings: {path: /mnt/up}", [], &options).unwrap();

    assert_eq!(config.uploads.path, Path::new("/srv/plenum/uploads"));
    assert_eq!(other.uploads.path, Path::new("/mnt/up"));
}

#[test]
fn the_published_secret_and_short_ones_are_refused_unless_it_is_for_trying_out() {
    for secret in ["zumyyYWqv7KR2kUqvYdq4z4sXg7XTBD2ljT6", "short-secret"] {
        let yaml = format!("client: {{api_key: plugnmeet, secret: {secret}}}");

        let mistakes = parse(&yaml).unwrap_err();
        assert_eq!(mistakes[0].key, "client.secret");
        assert!(!mistakes[0].text.contains(secret));

        let options = Options { dev: true, ..Options::default() };
        let (config, _) = read(&yaml, [], &options).unwrap();
        assert_eq!(config.api.credentials.unwrap().secret.expose(), secret);
    }
}

#[test]
fn no_secret_shows_in_messages_or_debug_output() {
    let long = "hunter2".repeat(1000);
    let yaml = format!(
        "client: {{api_key: k, secret: {long}, prometheus: {{enable: true, username: u, password: {long}}}}}\n\
         plenum: {{front_door: {{passphrase: {long}}}}}\nlivekit_info: {{api_key: k, secret: [{long}]}}\n"
    );
    let mistakes = parse(&yaml).unwrap_err();
    assert_eq!(mistakes.len(), 4);
    assert!(!format!("{mistakes:?}").contains("hunter2"), "{mistakes:?}");

    let yaml = yaml.replace(&long, &"hunter2".repeat(6)).replace("livekit", "# livekit");
    let (config, _) = parse(&yaml).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
}

#[test]
fn numbers_in_quotes_and_texts_without_them_are_the_same() {
    let (config, _) = parse("client: {port: '8081', debug: 'yes', asset_host: 127}").unwrap();

    assert_eq!((config.http.port, config.http.debug, config.http.asset_host.as_deref()), (8081, true, Some("127")));
}

#[test]
fn a_token_is_valid_for_ten_minutes_unless_a_positive_duration_is_given() {
    for (value, seconds) in [("-5m", 600), ("0", 600), ("30s", 30), ("1h", 3600)] {
        let (config, _) = parse(&format!("client: {{token_validity: {value}}}")).unwrap();
        assert_eq!(config.api.token_validity.as_secs(), seconds, "{value}");
    }
}

#[test]
fn a_named_file_must_exist_be_text_and_have_a_sane_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plenum.yaml");
    let options = Options { config: Some(path.clone()), ..Options::default() };
    assert!(matches!(load(&options, []), Err(LoadError::Read { .. })));

    for content in [vec![0xff, 0xfe, 0], vec![b'#'; (1 << 20) + 1]] {
        std::fs::write(&path, content).unwrap();
        assert!(matches!(load(&options, []), Err(LoadError::Read { .. })));
    }

    std::fs::write(&path, "client: {port: 1234}").unwrap();
    let loaded = load(&options, []).unwrap();
    assert_eq!((loaded.config.http.port, loaded.file), (1234, Some(path)));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(yaml in any::<String>(), name in "PLENUM__[A-Z_]{0,20}", value in any::<String>()) {
        let _ = read(&yaml, [(name, value)], &Options::default());
    }

    #[test]
    fn no_shape_of_a_document_makes_it_panic(yaml in document()) {
        let _ = read(&yaml, [], &Options::default());
    }
}

/// Lines of known keys at random depths with values of random kinds.
fn document() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "client",
        "port",
        "plenum",
        "media",
        "advertise",
        "nats_info",
        "subjects",
        "insights",
        "providers",
        "azure",
        "hooks",
        "scripts",
        "enabled",
        "webhook_conf",
        "upload_file_settings",
        "max_size",
        "log_settings",
        "- ",
        "<<",
        "? ",
        "&a x",
    ]);
    let value = prop_oneof![
        Just(String::new()),
        "[-0-9.a-z_]{1,12}",
        "[\\[\\]{},:&*!|>'\"%@` #-]{1,6}",
        any::<i64>().prop_map(|number| number.to_string()),
        Just("*a".to_owned()),
        Just("[1, [2, {a: b}]]".to_owned()),
    ];
    prop::collection::vec((0_usize..4, key, value), 0..20).prop_map(|lines| {
        lines.into_iter().map(|(depth, key, value)| format!("{}{key}: {value}\n", "  ".repeat(depth))).collect()
    })
}

pub(super) fn parse(yaml: &str) -> Result<(Config, Vec<Notice>), Vec<Mistake>> {
    read(yaml, [], &Options::default())
}

fn collect_keys(path: &str, node: &Node, keys: &mut BTreeSet<String>) {
    if let Kind::Section(entries) = &node.kind {
        for (key, node) in entries {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            collect_keys(&path, node, keys);
            keys.insert(path);
        }
    }
}

/// Every key of the reference server's documentation.
const REFERENCE: &str = r#"
client:
  port: 8080
  debug: true
  path: "/app/client/dist"
  asset_host: "https://cdn.example.org"
  api_key: "plugnmeet"
  secret: "0123456789abcdef0123456789abcdef"
  token_validity: 10m
  webhook_conf: {enable: true, url: "https://example.org/hook", enable_for_per_meeting: false}
  prometheus: {enable: true, metrics_path: "/metrics", username: prometheus, password: 1.10}
  proxy_header: ""
  proxy_conf: {enabled: true, proxy_header: X-Forwarded-For, trusted_proxy_ips: [10.0.0.0/8, "::1"]}
  copyright_conf: {display: true, text: 'Powered by <a href="https://example.org">us</a>', allow_override: false}
  bbb_join_host: "http://localhost:3000"
  auto_client_download: {enabled: false, server_url: "", from_custom_url: "", from_release: ""}
room_default_settings:
  max_duration: 0
  max_participants: 0
  max_num_breakout_rooms: 6
  max_preloaded_wb_file_size: 5mb
log_settings:
  log_file: "./log/plugNmeet.log"
  max_size: 20
  max_backups: 4
  max_age: 2
  maxsize: 20
  maxbackups: 4
  maxage: 2
  log_level: "debug"
  log_output: stdout
livekit_info: {host: "http://livekit:7880", api_key: APIx, secret: y}
livekit_sip_info:
  enabled: true
  trunk_name: pnm-inbound-trunk
  phone_numbers: ["+100"]
  allowed_ip_addresses: [10.0.0.1]
  auth_username: a
  auth_password: b
  media_encryption: 0
redis_info:
  host: redis:6379
  username: ""
  password: ""
  db: 0
  use_tls: false
  sentinel_master_name: m
  sentinel_addresses: [a:1]
  sentinel_username: user
  sentinel_password: pass
database_info:
  driver_name: mysql
  host: db
  port: 3306
  username: root
  password: 12345
  db: plugnmeet
  prefix: pnm_
  charset: utf8mb4
  loc: UTC
  conn_max_lifetime: 4m
  max_open_conns: 10
  replicas: [{host: r, port: 3306, username: u, password: p}]
nats_info:
  nats_urls: ["nats://nats:4222"]
  nats_ws_urls: ["ws://localhost:8222"]
  account: PNM
  user: u
  password: p
  nkey: N
  auth_callout_issuer_private: S
  auth_callout_xkey_private: X
  num_replicas: 1
  room_stream_name: pnm-room-stream
  subjects:
    system_api_worker: sysApiWorker
    system_js_worker: sysJsWorker
    system_core_worker: sysCoreWorker
    system_public: sysPublic
    system_private: sysPrivate
    chat: chat
    whiteboard: whiteboard
    data_channel: dataChannel
  recorder: {recorder_channel: recorderChannel, recorder_info_kv: pnm-recorderInfo, transcoding_jobs_subject: jobs}
upload_file_settings:
  path: ./upload
  max_size: 50
  max_size_whiteboard_file: 30
  keep_forever: false
  allowed_types: [pdf, jpg]
recorder_info:
  recording_files_path: /app/recording_files
  token_validity: 30m
  ping_timeout: 8s
  enable_del_recording_backup: true
  del_recording_backup_path: /app/recording_files/del_backup
  del_recording_backup_duration: 72h
analytics_settings: {enabled: true, files_store_path: ./analytics, token_validity: 30m}
artifacts_settings:
  storage_path: ./artifacts
  token_validity: 10m
  enable_del_artifacts_backup: true
  del_artifacts_backup_path: ./artifacts/trash
  del_artifacts_backup_duration: 72h
insights:
  enabled: true
  providers:
    azure: [{id: a, credentials: {api_key: k, region: r}, options: {}}]
    openai: [{id: o, credentials: {api_key: k}, options: {x: {y: [1]}}}]
  services:
    transcription: {provider: azure, id: a, options: {max_selected_trans_langs: 2}, pricing: {default: {price_per_hour: 1.0}}}
    speech-synthesis: {provider: azure, id: a, options: {voice-en-US: en-US-Jenny}}
turn_server:
  enabled: true
  provider: coturn
  force_turn: false
  fallback_turn: true
  fallback_timer_duration: 60s
  fallback_on_flapping: {enabled: true, max_poor_conn_count: 3, check_duration_in_sec: 120}
  providers:
    coturn: {options: {shared_secret: s, uris: ["turn:x"], ttl: 86400}}
hooks:
  upload_hook: {pool_size: 1, hook_timeout: 5m, scripts: [{script: "./up.sh", is_one_shot: true}]}
  room_end_hook: {pool_size: 1, hook_timeout: 5m, scripts: []}
"#;

#[test]
fn learning_platforms_are_read_and_checked_one_by_one() {
    let good = "{issuer: 'https://lms', client_id: us, auth_url: 'https://lms/a', keys_url: 'https://lms/k', deployments: [d1]}";
    let (config, _) = parse(&format!("plenum: {{lti: {{platforms: [{good}]}}}}")).unwrap();
    assert_eq!((config.lti.platforms[0].client_id.as_str(), config.lti.allow_private), ("us", false));
    assert_eq!(config.lti.platforms[0].deployments, ["d1"]);

    let plain = good.replace("https://lms/k", "http://10.0.0.1/k");
    let wrong = format!("plenum: {{lti: {{platforms: [{good}, {plain}, {{isuer: x}}]}}}}");
    let mistakes: Vec<_> = parse(&wrong).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(mistakes[0], "plenum.lti.platforms[1]: keys_url must be an https address");
    assert_eq!(mistakes[1], "plenum.lti.platforms[2]: issuer is missing or too long");
    assert!(mistakes[2].starts_with("plenum.lti.platforms[2].isuer: unknown key"), "{mistakes:?}");
    assert!(parse(&format!("plenum: {{lti: {{allow_private_addresses: true, platforms: [{plain}]}}}}")).is_ok());
    assert!(parse("plenum: {lti: {platforms: {a: b}}}").is_err());
}
