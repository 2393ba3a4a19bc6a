//! `database_info`: where records and journal are.

use std::time::Duration;

use model::Redacted;
use store::{Driver, Server, Tls};

use super::read::{Elsewhere, pass_by};
use super::section::{Findings, Section};
use super::value::{self, Expected};

/// What `database_info.driver_name` may be.
const DRIVERS: &str = "`mysql`, `mariadb`, `postgres` or `sqlite`";

/// Each of them, with something behind it, means that there is a database server.
const KEYS_OF_DATABASES: &[&str] = &[
    "driver_name",
    "host",
    "port",
    "username",
    "password",
    "db",
    "prefix",
    "charset",
    "loc",
    "conn_max_lifetime",
    "max_open_conns",
];

/// Connections to the database server, unless the operator says otherwise: the reference server's defaults.
const DEFAULT_CONNECTIONS: u32 = 10;

const CONNECTION_LIFETIME: Duration = Duration::from_secs(4 * 60);

/// More connections than this no server of ours would use.
const MOST_CONNECTIONS: u32 = 1_000;

/// A section that says anything chooses the engine; without one it is the embedded database.
/// The server, and what names of a reference server's tables there begin with.
pub(super) fn read_database(
    findings: &Findings,
    root: &mut Section<'_>,
    elsewhere: Elsewhere,
) -> (Option<Server>, String) {
    let mut section = root.section("database_info");
    let present = KEYS_OF_DATABASES.iter().any(|key| section.has(key));
    for key in ["host", "db", "username"] {
        // The embedded database has none of them, and a driver nobody knows is a mistake of its own.
        let asked = present && !section.says("driver_name", "sqlite");
        if asked && !section.has(key) {
            findings.mistake(section.name_of(key), "missing; the database server needs it");
        }
    }
    if present && !section.has("driver_name") {
        findings.mistake(section.name_of("driver_name"), format!("missing; expected {DRIVERS}"));
    }
    let (mut engine, mut host, mut port, mut database) = (None, None, None, None);
    let (mut username, mut password, mut prefix, mut charset, mut zone) = (None, None, None, None, None);
    let (mut lifetime, mut connections) = (None, None);
    section.set_optional("driver_name", &mut engine, driver);
    section.set_optional("host", &mut host, value::text);
    section.set_optional("port", &mut port, value::number(1..=u16::MAX));
    section.set_optional("username", &mut username, value::text);
    section.set_secret("password", &mut password, value::text);
    section.set_optional("db", &mut database, value::text);
    section.set_optional("prefix", &mut prefix, value::text);
    section.set_optional("charset", &mut charset, value::text);
    section.set_optional("loc", &mut zone, value::text);
    section.set_optional("conn_max_lifetime", &mut lifetime, value::duration);
    section.set_optional("max_open_conns", &mut connections, value::number(0..=MOST_CONNECTIONS));
    pass_by(
        findings,
        &mut section,
        "replicas",
        "not used: a list must show what was written a moment ago, and a replica lags; one server carries the few reads there are",
    );
    section.finish();

    for (key, text, needless) in [
        ("prefix", &prefix, "used by `plenum import` alone; all tables of Plenum have names that begin with `plenum_`"),
        ("charset", &charset, "not used; Plenum always speaks UTF-8 (utf8mb4)"),
        ("loc", &zone, "not used; times are told in UTC"),
    ] {
        let usual = ["utf8mb4", "UTC"];
        if text.as_ref().is_some_and(|text: &String| !usual.contains(&text.as_str())) {
            findings.notice(format!("database_info.{key}"), needless);
        }
    }
    let server =
        engine.flatten().zip(host).zip(username).zip(database).map(|(((driver, host), username), database)| Server {
            driver,
            host,
            port: port.unwrap_or(driver.default_port()),
            username,
            password: Redacted::new(password.unwrap_or_default()),
            database,
            tls: elsewhere.tls,
            authorities: elsewhere.authorities,
            max_connections: connections.filter(|most| *most > 0).unwrap_or(DEFAULT_CONNECTIONS).max(2),
            max_lifetime: lifetime.filter(|time| !time.is_zero()).unwrap_or(CONNECTION_LIFETIME),
        });
    (server, prefix.unwrap_or_default())
}

/// `None` is the embedded engine.
fn driver(text: &str) -> Result<Option<Driver>, Expected> {
    match text.to_ascii_lowercase().as_str() {
        "mysql" | "mariadb" => Ok(Some(Driver::MariaDb)),
        "postgres" | "postgresql" => Ok(Some(Driver::Postgres)),
        "sqlite" => Ok(None),
        _ => Err(DRIVERS.to_owned()),
    }
}

pub(super) fn tls(text: &str) -> Result<Tls, Expected> {
    match text.to_ascii_lowercase().as_str() {
        "off" | "false" => Ok(Tls::Off),
        "prefer" => Ok(Tls::Prefer),
        "require" => Ok(Tls::Require),
        "verify" => Ok(Tls::Verify),
        _ => Err("`off`, `prefer`, `require` or `verify`".to_owned()),
    }
}
