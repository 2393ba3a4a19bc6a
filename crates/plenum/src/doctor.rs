//! `plenum doctor`: looks at everything a server needs and says in plain words what is well, what deserves a look and
//! what is broken, with what to do about it. It changes nothing and may run beside a running server.

mod backgrounds;
mod certificates;
mod database;
mod folder;
mod machine;
mod media_server;
mod network;

use std::process::ExitCode;
use std::time::SystemTime;

use serde::Serialize;

use crate::cli::DoctorArgs;
use crate::config::{self, Config, LoadError};

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warning,
    Problem,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }

    /// The code the process ends with.
    const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Problem => 2,
        }
    }
}

/// One line of the report.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    level: Level,
    /// What was looked at, one or two words.
    topic: &'static str,
    /// What was found.
    text: String,
    /// What to do; empty if there is nothing to do.
    advice: String,
}

/// Everything that was found.
#[derive(Debug, Default)]
struct Report(Vec<Finding>);

impl Report {
    fn ok(&mut self, topic: &'static str, text: impl Into<String>) {
        self.0.push(Finding { level: Level::Ok, topic, text: text.into(), advice: String::new() });
    }

    fn warn(&mut self, topic: &'static str, text: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Finding { level: Level::Warning, topic, text: text.into(), advice: advice.into() });
    }

    fn problem(&mut self, topic: &'static str, text: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Finding { level: Level::Problem, topic, text: text.into(), advice: advice.into() });
    }

    fn worst(&self) -> Level {
        self.0.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok)
    }
}

/// Looks and reports. The code says the worst that was found: 0 all is well, 1 there are warnings, 2 something is broken.
pub(crate) async fn run(args: DoctorArgs) -> ExitCode {
    let mut report = Report::default();
    let mut newest = None;
    if let Some(config) = read_configuration(&args, &mut report) {
        let is_running = folder::check(&config, &mut report);
        network::check_ports(&config, is_running, &mut report).await;
        if config.media_server.is_some() {
            media_server::check(&config, &mut report).await;
        } else {
            network::check_addresses(&config, &mut report).await;
        }
        network::check_relay(&config, &mut report);
        network::check_public(&config, &mut report).await;
        backgrounds::check(&config, &mut report);
        certificates::check_authorities(&config, SystemTime::now(), &mut report);
        database::check(&config, &mut report).await;
        newest = folder::newest_change(&config.data);
    }
    machine::check(newest, &mut report);
    print(&report, args.json);
    ExitCode::from(report.worst().code())
}

fn read_configuration(args: &DoctorArgs, report: &mut Report) -> Option<Config> {
    const TOPIC: &str = "configuration";
    match config::load(&args.serve.options(), config::environment()) {
        Ok(loaded) => {
            match &loaded.file {
                Some(file) => report.ok(TOPIC, format!("{} is read and has no mistakes", file.display())),
                None => report.ok(TOPIC, "there is no file; everything has its default"),
            }
            for notice in &loaded.notices {
                report.warn(TOPIC, notice.to_string(), "take it out, or leave it if you know why it is there");
            }
            if let Some(file) = &loaded.file {
                folder::check_configuration_file(file, &loaded.config, report);
            }
            Some(loaded.config)
        }
        Err(LoadError::Invalid(mistakes)) => {
            for mistake in mistakes {
                report.problem(TOPIC, mistake.to_string(), "correct it; the server does not start with it");
            }
            None
        }
        Err(error @ LoadError::Read { .. }) => {
            let why = format!("{:#}", anyhow::Error::new(error));
            report.problem(TOPIC, why, "name the file with --config and let the server's user read it");
            None
        }
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command line program")]
fn print(report: &Report, json: bool) {
    if json {
        let whole = serde_json::json!({ "status": report.worst(), "checks": report.0 });
        println!("{whole:#}");
        return;
    }
    for Finding { level, topic, text, advice } in &report.0 {
        println!("{:<9}{topic:<15}{text}", level.word());
        if !advice.is_empty() {
            println!("{:24}-> {advice}", "");
        }
    }
    let count = |level| report.0.iter().filter(|finding| finding.level == level).count();
    println!("\n{} problems, {} warnings", count(Level::Problem), count(Level::Warning));
}
