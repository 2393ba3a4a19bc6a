//! The log: one line per event, JSON when nobody watches.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{Log, LogOutput};

/// Starts the log. `RUST_LOG` wins over the configured level. Statements of the database are below `warn`, and the WebRTC
/// stack warns of every browser that offers what it does not use.
pub(crate) fn start(log: &Log) {
    let level = log.level.as_str();
    let default = format!("{level},sqlx=warn,sea_orm=warn,sea_orm_migration=warn,str0m=error,hyper=warn");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let (writer, watched) = match log.output {
        LogOutput::Stdout => (BoxMakeWriter::new(std::io::stdout), std::io::stdout().is_terminal()),
        LogOutput::Stderr => (BoxMakeWriter::new(std::io::stderr), std::io::stderr().is_terminal()),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_target(false);
    if watched {
        builder.compact().init();
    } else {
        builder.json().flatten_event(true).init();
    }
}
