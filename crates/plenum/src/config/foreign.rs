//! What the reference server can be told and this version has no use for. It is read and checked all the same, so that
//! an existing file starts unchanged, a misspelt key is found, and the operator learns what has no effect.

use super::section::Findings;
use super::tree::{Kind, Node};
use super::value::{self, Expected};

/// What a value must look like.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Boolean,
    Number,
    Duration,
    Texts,
    /// Whatever a provider wants.
    Anything,
}

/// Every key by its path: `[]` is any item of a list, `*` any key.
const KEYS: &[(&str, Shape)] = &[
    ("azure_cognitive_services_speech.enabled", Shape::Boolean),
    ("azure_cognitive_services_speech.max_num_tran_langs", Shape::Number),
    ("azure_cognitive_services_speech.subscription_keys[].id", Shape::Text),
    ("azure_cognitive_services_speech.subscription_keys[].max_connection", Shape::Number),
    ("azure_cognitive_services_speech.subscription_keys[].service_region", Shape::Text),
    ("azure_cognitive_services_speech.subscription_keys[].subscription_key", Shape::Text),
    ("client.auto_client_download.enabled", Shape::Boolean),
    ("client.auto_client_download.from_custom_url", Shape::Text),
    ("client.auto_client_download.from_release", Shape::Text),
    ("client.auto_client_download.server_url", Shape::Text),
    ("client.path", Shape::Text),
    ("client.proxy_header", Shape::Text),
    ("database_info.replicas[].host", Shape::Text),
    ("database_info.replicas[].password", Shape::Text),
    ("database_info.replicas[].port", Shape::Number),
    ("database_info.replicas[].username", Shape::Text),
    ("hooks.*.hook_timeout", Shape::Duration),
    ("hooks.*.pool_size", Shape::Number),
    ("hooks.*.scripts[].is_one_shot", Shape::Boolean),
    ("hooks.*.scripts[].script", Shape::Text),
    ("insights.enabled", Shape::Boolean),
    ("insights.providers.*[].credentials.api_key", Shape::Text),
    ("insights.providers.*[].credentials.region", Shape::Text),
    ("insights.providers.*[].id", Shape::Text),
    ("insights.providers.*[].options", Shape::Anything),
    ("insights.services.*.id", Shape::Text),
    ("insights.services.*.options", Shape::Anything),
    ("insights.services.*.pricing", Shape::Anything),
    ("insights.services.*.provider", Shape::Text),
    ("livekit_sip_info.allowed_ip_addresses", Shape::Texts),
    ("livekit_sip_info.auth_password", Shape::Text),
    ("livekit_sip_info.auth_username", Shape::Text),
    ("livekit_sip_info.enabled", Shape::Boolean),
    ("livekit_sip_info.media_encryption", Shape::Number),
    ("livekit_sip_info.phone_numbers", Shape::Texts),
    ("livekit_sip_info.trunk_name", Shape::Text),
    ("log_settings.log_file", Shape::Text),
    ("log_settings.max_age", Shape::Number),
    ("log_settings.max_backups", Shape::Number),
    ("log_settings.max_size", Shape::Number),
    ("log_settings.maxage", Shape::Number),
    ("log_settings.maxbackups", Shape::Number),
    ("log_settings.maxsize", Shape::Number),
    ("nats_info.account", Shape::Text),
    ("nats_info.auth_callout_issuer_private", Shape::Text),
    ("nats_info.auth_callout_xkey_private", Shape::Text),
    ("nats_info.nats_urls", Shape::Texts),
    ("nats_info.nats_ws_urls", Shape::Texts),
    ("nats_info.nkey", Shape::Text),
    ("nats_info.num_replicas", Shape::Number),
    ("nats_info.password", Shape::Text),
    ("nats_info.recorder.recorder_channel", Shape::Text),
    ("nats_info.recorder.recorder_info_kv", Shape::Text),
    ("nats_info.recorder.transcoding_jobs_subject", Shape::Text),
    ("nats_info.user", Shape::Text),
    ("redis_info.db", Shape::Number),
    ("redis_info.host", Shape::Text),
    ("redis_info.password", Shape::Text),
    ("redis_info.sentinel_addresses", Shape::Texts),
    ("redis_info.sentinel_master_name", Shape::Text),
    ("redis_info.sentinel_password", Shape::Text),
    ("redis_info.sentinel_username", Shape::Text),
    ("redis_info.use_tls", Shape::Boolean),
    ("redis_info.username", Shape::Text),
    ("shared_notepad.enabled", Shape::Boolean),
    ("shared_notepad.etherpad_hosts[].client_id", Shape::Text),
    ("shared_notepad.etherpad_hosts[].client_secret", Shape::Text),
    ("shared_notepad.etherpad_hosts[].host", Shape::Text),
    ("shared_notepad.etherpad_hosts[].id", Shape::Text),
    ("turn_server.providers.*.options", Shape::Anything),
];

/// Whole sections and what the operator should know about each.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("redis_info", "not needed; Plenum keeps volatile state itself"),
    ("livekit_sip_info", "telephone dial-in is not in this version"),
    ("insights", "insights are not in this version"),
    ("azure_cognitive_services_speech", "speech services are not in this version"),
    ("hooks", "hook scripts are not in this version"),
    ("shared_notepad", "not needed; Plenum keeps shared notes itself"),
];

/// Checks a section or value of the reference server. The answer says whether it asks for anything, so that the
/// operator should hear of it: a section that is switched off or empty does not.
pub(super) fn check(findings: &Findings, name: &str, node: Node) -> bool {
    let asks = asks_for_something(&node);
    walk(findings, name, name, node);
    asks
}

fn asks_for_something(node: &Node) -> bool {
    match &node.kind {
        Kind::Nothing => false,
        Kind::Text(text) => !text.is_empty(),
        Kind::List(items) => !items.is_empty(),
        Kind::Section(entries) => match entries.get("enabled").map(|node| &node.kind) {
            Some(Kind::Text(enabled)) => value::boolean(enabled) != Ok(false),
            _ => entries.values().any(asks_for_something),
        },
    }
}

fn walk(findings: &Findings, pattern: &str, name: &str, node: Node) {
    if let Some((_, shape)) = KEYS.iter().find(|(key, _)| *key == pattern) {
        return check_shape(findings, name, *shape, node);
    }
    match node.kind {
        Kind::Nothing => {}
        Kind::Section(entries) => {
            for (key, node) in entries {
                let name = format!("{name}.{key}");
                match [format!("{pattern}.{key}"), format!("{pattern}.*")]
                    .iter()
                    .find(|pattern| leads_anywhere(pattern))
                {
                    Some(pattern) => walk(findings, pattern, &name, node),
                    None => findings.mistake(name, format!("unknown key ({})", node.origin)),
                }
            }
        }
        Kind::List(items) if leads_anywhere(&format!("{pattern}[]")) => {
            for (position, item) in items.into_iter().enumerate() {
                walk(findings, &format!("{pattern}[]"), &format!("{name}[{position}]"), item);
            }
        }
        Kind::List(_) | Kind::Text(_) => {
            findings.mistake(name, format!("expected keys and values below it ({})", node.origin));
        }
    }
}

/// Whether a key is known, or something below it.
fn leads_anywhere(pattern: &str) -> bool {
    KEYS.iter().any(|(key, _)| {
        key.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('['))
    })
}

fn check_shape(findings: &Findings, name: &str, shape: Shape, node: Node) {
    let complain = |expected: Expected| findings.mistake(name, format!("expected {expected} ({})", node.origin));
    match (shape, &node.kind) {
        (Shape::Anything, _) | (_, Kind::Nothing) => {}
        (Shape::Texts, Kind::List(items)) => {
            if !items.iter().all(|item| matches!(item.kind, Kind::Text(_))) {
                complain("a list of texts".to_owned());
            }
        }
        (Shape::Text | Shape::Texts, Kind::Text(_)) => {}
        (Shape::Texts, Kind::Section(_)) => complain("a list of texts".to_owned()),
        (Shape::Boolean, Kind::Text(text)) => value::boolean(text).map_or_else(complain, drop),
        (Shape::Number, Kind::Text(text)) => value::number(i64::MIN..=i64::MAX)(text).map_or_else(complain, drop),
        (Shape::Duration, Kind::Text(text)) => {
            value::duration(text.trim_start_matches('-')).map_or_else(complain, drop);
        }
        (Shape::Text | Shape::Boolean | Shape::Number | Shape::Duration, Kind::List(_) | Kind::Section(_)) => {
            complain("a single value".to_owned());
        }
    }
}
