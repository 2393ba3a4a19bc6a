//! Records and journal, and the webhooks that wait in them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use store::{Inspection, OutboxLine, Schema};

use super::Report;
use crate::config::Config;

const TOPIC: &str = "database";

/// Slower than this, every change of a meeting is felt.
const SLOW: Duration = Duration::from_millis(20);

/// How far in the future a session may have begun before the clock is doubted, in milliseconds.
const AHEAD: i64 = 60_000;

/// A webhook that waits longer than this is worth a word, in milliseconds.
const LATE: i64 = 10 * 60_000;

pub(super) async fn check(config: &Config, report: &mut Report) {
    let (name, found) = match &config.database {
        Some(server) => (server.to_string(), store::inspect_server(server).await.map(Some)),
        None => {
            let path = config.data.join("plenum.db");
            (path.display().to_string(), store::inspect_file(&path).await)
        }
    };
    match found {
        Ok(Some(found)) => {
            judge(&name, &found, config.webhooks.enable, now_ms(), report);
        }
        Ok(None) => report.ok(TOPIC, format!("{name} is not there yet; the first start makes it")),
        Err(error) => {
            let advice = match &config.database {
                Some(_) => "check that the server runs, and host, port, user, password and database in database_info",
                None => "check the rights on the file, or put it back from a backup",
            };
            report.problem(TOPIC, format!("{:#}", anyhow::Error::new(error)), advice);
        }
    }
}

fn judge(name: &str, found: &Inspection, sends: bool, now: i64, report: &mut Report) {
    let Inspection { engine, latency, schema, outbox, newest_session_ms } = found;
    let took = format!("{:.1} ms there and back", latency.as_secs_f64() * 1000.0);
    if *latency > SLOW {
        let advice = "bring database and server closer together; every change of a meeting waits for it";
        report.warn(TOPIC, format!("{name} answers ({engine}), but slowly: {took}"), advice);
    } else {
        report.ok(TOPIC, format!("{name} answers ({engine}, {took})"));
    }
    match schema {
        Schema::Empty => report.ok(TOPIC, "it has no tables yet; the first start makes them"),
        Schema::Current { version } => report.ok(TOPIC, format!("its tables are of this version ({version})")),
        Schema::Older { steps } => report.warn(
            TOPIC,
            format!("its tables are of an earlier version, {steps} steps behind"),
            "make a backup; the next start brings them up to date",
        ),
        Schema::Newer { version } => report.problem(
            TOPIC,
            format!("its tables are of a later version ({version} is unknown here)"),
            "start the later version again, or put the backup back that was made before it",
        ),
    }
    if newest_session_ms.is_some_and(|newest| newest > now + AHEAD) {
        report.problem(
            "clock",
            "the newest session began in the future",
            "the clock was ahead then or is behind now; set it and switch on time synchronisation",
        );
    }
    judge_outbox(outbox, sends, now, report);
}

fn judge_outbox(outbox: &[OutboxLine], sends: bool, now: i64, report: &mut Report) {
    const TOPIC: &str = "webhooks";
    if outbox.is_empty() {
        return report.ok(TOPIC, if sends { "none is waiting" } else { "switched off, and none is waiting" });
    }
    if !sends {
        let advice = "switch client.webhook_conf.enable on again, or forget them";
        report.warn(TOPIC, "some are waiting, but webhooks are switched off", advice);
    }
    for line in outbox {
        let age = now.saturating_sub(line.oldest_ms);
        let (host, count, age_text) = (host(&line.url), line.count, age_in_words(age));
        if line.is_parked {
            let advice = "the receiver did not take them for a day; repair it and ask its application to catch up";
            report.warn(TOPIC, format!("{count} given up for {host}, the oldest {age_text} old"), advice);
        } else if age > LATE {
            let advice = "see why the receiver does not take them; the server's log has its answers";
            report.warn(TOPIC, format!("{count} waiting for {host}, the oldest {age_text} old"), advice);
        } else {
            report.ok(TOPIC, format!("{count} on their way to {host}"));
        }
    }
}

/// The address may carry somebody's key in its path or query; the host says enough.
fn host(url: &str) -> String {
    let parsed = reqwest::Url::parse(url).ok();
    parsed.as_ref().and_then(reqwest::Url::host_str).unwrap_or("an unreadable address").to_owned()
}

fn age_in_words(ms: i64) -> String {
    match ms / 60_000 {
        minutes if minutes >= 48 * 60 => format!("{} days", minutes / (24 * 60)),
        minutes if minutes >= 120 => format!("{} hours", minutes / 60),
        minutes => format!("{minutes} minutes"),
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    i64::try_from(since).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn found() -> Inspection {
        Inspection {
            engine: "SQLite 3".to_owned(),
            latency: Duration::from_micros(10),
            schema: Schema::Current { version: "m1".to_owned() },
            outbox: Vec::new(),
            newest_session_ms: Some(1000),
        }
    }

    fn levels(found: &Inspection, sends: bool) -> Vec<Level> {
        let mut report = Report::default();
        judge("db", found, sends, 10_000_000, &mut report);
        report.0.iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn what_is_well_is_said_to_be_well() {
        assert_eq!(levels(&found(), true), [Level::Ok; 3]);
    }

    #[test]
    fn a_later_version_and_a_future_session_are_problems() {
        let newer = Inspection { schema: Schema::Newer { version: "m9".to_owned() }, ..found() };
        assert_eq!(levels(&newer, true), [Level::Ok, Level::Problem, Level::Ok]);
        let future = Inspection { newest_session_ms: Some(20_000_000), ..found() };
        assert_eq!(levels(&future, true), [Level::Ok, Level::Ok, Level::Problem, Level::Ok]);
    }

    #[test]
    fn a_parked_webhook_names_its_host_and_no_more() {
        let line = |is_parked, oldest_ms| OutboxLine {
            url: "https://hooks.example/secret?key=1".to_owned(),
            is_parked,
            count: 3,
            oldest_ms,
        };
        let mut report = Report::default();
        judge_outbox(&[line(true, 0), line(false, 0), line(false, 9_990_000)], true, 10_000_000, &mut report);

        let levels: Vec<_> = report.0.iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [Level::Warning, Level::Warning, Level::Ok]);
        assert_eq!(report.0[0].text, "3 given up for hooks.example, the oldest 2 hours old");
    }
}
