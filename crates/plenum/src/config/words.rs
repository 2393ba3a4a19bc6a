//! What single values have to look like.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::HeaderName;
use model::Redacted;
use ports::outbox::MAX_URL;

use super::value::{self, Expected};
use super::{AuditLog, Config, LogLevel, LogOutput};

/// Shortest passphrase of the front door, in characters.
const MIN_PASSPHRASE_LENGTH: usize = 8;

/// First parts of paths that serve something else.
const TAKEN_PATHS: &[&str] = &["api", "assets", "auth", "backgrounds", "healthcheck", "join", "lti", "nats", "rtc"];

/// Where NATS clients wait for answers; no subject of ours begins so.
const INBOX: &str = "_INBOX";

/// Where webhooks go.
pub(super) fn webhook_address(text: &str) -> Result<String, Expected> {
    let address = value::web_address(text)?;
    if address.len() > MAX_URL { Err("an address of at most 2048 bytes".into()) } else { Ok(address) }
}

/// Where LiveKit clients connect; servers reach the same place over HTTP.
pub(super) fn media_address(text: &str) -> Result<String, Expected> {
    let expected = || "an address that begins with `https://`, `http://`, `wss://` or `ws://`".to_owned();
    let plain = text.strip_prefix("ws").map_or_else(|| text.to_owned(), |rest| format!("http{rest}"));
    value::web_address(&plain).map_err(|_| expected())?;
    Ok(text.to_owned())
}

pub(super) fn api_key(text: &str) -> Result<String, Expected> {
    if text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("at most 128 visible ASCII characters".to_owned())
    }
}

pub(super) fn passphrase(text: &str) -> Result<Redacted<String>, Expected> {
    if text.chars().count() < MIN_PASSPHRASE_LENGTH {
        return Err(format!("at least {MIN_PASSPHRASE_LENGTH} characters"));
    }
    value::text(text).map(Redacted::new)
}

/// Negative and zero mean the default, as in the reference server.
pub(super) fn token_validity(text: &str) -> Result<Duration, Expected> {
    let amount = value::duration(text.strip_prefix('-').unwrap_or(text))?;
    if text.starts_with('-') || amount.is_zero() { Ok(Config::default().api.token_validity) } else { Ok(amount) }
}

pub(super) fn advertised(text: &str) -> Result<IpAddr, Expected> {
    match value::address(text)? {
        address if address.is_unspecified() || address.is_multicast() => {
            Err("an address that clients can reach".to_owned())
        }
        address => Ok(address),
    }
}

pub(super) fn metrics_path(text: &str) -> Result<String, Expected> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
    let first = text.strip_prefix('/').and_then(|path| path.split('/').next()).unwrap_or_default();
    let taken = TAKEN_PATHS.iter().any(|path| path.eq_ignore_ascii_case(first));
    let usable = !first.is_empty() && !taken && text.bytes().all(plain) && !text.contains("//");
    if usable {
        value::text(text)
    } else {
        Err("a path like `/metrics`, not below one that serves something else".to_owned())
    }
}

pub(super) fn header_name(text: &str) -> Result<HeaderName, Expected> {
    text.parse().map_err(|_| "the name of a header".to_owned())
}

pub(super) fn extension(text: &str) -> Result<String, Expected> {
    let extension = text.trim_start_matches('.').to_ascii_lowercase();
    let usable = (1..=16).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if usable { Ok(extension) } else { Err("a file extension like `pdf`".to_owned()) }
}

/// One part of a subject between two dots.
pub(super) fn subject_token(text: &str) -> Result<String, Expected> {
    let usable = (1..=64).contains(&text.len())
        && text != INBOX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if usable { Ok(text.to_owned()) } else { Err(format!("1 to 64 of the characters A-Z a-z 0-9 - _, not {INBOX}")) }
}

pub(super) fn log_level(text: &str) -> Result<LogLevel, Expected> {
    match text.to_ascii_lowercase().as_str() {
        "error" | "fatal" | "panic" => Ok(LogLevel::Error),
        "warn" | "warning" => Ok(LogLevel::Warn),
        "info" => Ok(LogLevel::Info),
        "debug" => Ok(LogLevel::Debug),
        "trace" => Ok(LogLevel::Trace),
        _ => Err("`error`, `warn`, `info`, `debug` or `trace`".to_owned()),
    }
}

/// A word, or a file.
pub(super) fn audit_log(text: &str) -> Result<AuditLog, Expected> {
    match text.to_ascii_lowercase().as_str() {
        "log" => Ok(AuditLog::Log),
        "off" | "false" => Ok(AuditLog::Off),
        _ if text.contains('/') => value::path(text).map(AuditLog::File),
        _ => Err("`log`, `off` or the path of a file, with a `/` in it".to_owned()),
    }
}

pub(super) fn log_output(text: &str) -> Result<LogOutput, Expected> {
    match text.to_ascii_lowercase().as_str() {
        "stdout" => Ok(LogOutput::Stdout),
        "stderr" => Ok(LogOutput::Stderr),
        _ => Err("`stdout` or `stderr`".to_owned()),
    }
}
