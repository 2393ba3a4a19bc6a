//! The log: one line per event, JSON when nobody watches. The audit log is part of it or a file of its own; either way
//! its lines are written behind the back of whoever causes them.

mod behind;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::Context;
use http_api::AUDIT;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{AuditLog, Log, LogLevel, LogOutput};

pub(crate) use behind::Pending;

/// Starts the log. `RUST_LOG` wins over the configured level. Statements of the database are below `warn`, and the WebRTC
/// stack warns of every browser that offers what it does not use. What comes back writes the last lines when it goes.
///
/// # Errors
/// The file of the audit log cannot be opened.
pub(crate) fn start(log: &Log) -> anyhow::Result<Option<Pending>> {
    let level = log.level.as_str();
    let default = format!("{level},sqlx=warn,sea_orm=warn,sea_orm_migration=warn,str0m=error,hyper=warn");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let filter = filter.add_directive(format!("{AUDIT}=off").parse().expect("a target and a level are a directive"));
    let (writer, watched) = match log.output {
        LogOutput::Stdout => (BoxMakeWriter::new(io::stdout), io::stdout().is_terminal()),
        LogOutput::Stderr => (BoxMakeWriter::new(io::stderr), io::stderr().is_terminal()),
    };
    let (audit, pending) = match audit(log)? {
        Some((out, in_log)) => {
            let (writer, pending) = behind::write(out);
            let only = Targets::new().with_target(AUDIT, LevelFilter::INFO);
            (Some(lines(writer, watched && in_log).with_filter(only)), Some(pending))
        }
        None => (None, None),
    };
    tracing_subscriber::registry().with(audit).with(lines(writer, watched).with_filter(filter)).init();
    Ok(pending)
}

/// Where the audit log goes, if anywhere, and whether that is the log.
fn audit(log: &Log) -> anyhow::Result<Option<(Box<dyn Write + Send>, bool)>> {
    Ok(match &log.audit {
        AuditLog::Off => None,
        // Who wants only warnings in the log wants no diary of calls in it.
        AuditLog::Log if matches!(log.level, LogLevel::Error | LogLevel::Warn) => None,
        AuditLog::Log => match log.output {
            LogOutput::Stdout => Some((Box::new(io::stdout()), true)),
            LogOutput::Stderr => Some((Box::new(io::stderr()), true)),
        },
        AuditLog::File(path) => {
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
            let file = file.with_context(|| format!("could not open the audit log {}", path.display()))?;
            Some((Box::new(file), false))
        }
    })
}

fn lines<S, W>(writer: W, watched: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_target(false);
    if watched { layer.compact().boxed() } else { layer.json().flatten_event(true).boxed() }
}
