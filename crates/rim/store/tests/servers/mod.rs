//! Where the tests find PostgreSQL and MariaDB: `scripts/databases.sh cargo test -p store`.
#![allow(dead_code, reason = "not every test file needs every helper")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use model::Redacted;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use store::{Driver, Server, Tls};

/// Whom tests are there.
pub(crate) const USER: &str = "plenum";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Where the server is, or `None` after saying so if there is none on this machine.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn address(driver: Driver) -> Option<(String, u16)> {
    let variable = match driver {
        Driver::Postgres => "PLENUM_TEST_POSTGRES",
        Driver::MariaDb => "PLENUM_TEST_MARIADB",
    };
    let Ok(address) = std::env::var(variable) else {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!in_ci, "{variable} is not set: CI runs scripts/databases.sh");
        eprintln!("skipped, since {variable} is not set: scripts/databases.sh cargo test -p store");
        return None;
    };
    let (host, port) = address.rsplit_once(':').unwrap();
    Some((host.to_owned(), port.parse().unwrap()))
}

/// A new, empty database.
pub(crate) async fn fresh(driver: Driver) -> Option<Server> {
    let (host, port) = address(driver)?;
    let database = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let server = Server {
        driver,
        host,
        port,
        username: USER.to_owned(),
        password: Redacted::new(USER.to_owned()),
        database: database.clone(),
        tls: Tls::Prefer,
        authorities: None,
        max_connections: 4,
        max_lifetime: Duration::from_secs(240),
    };
    let (existing, statement) = match driver {
        Driver::Postgres => ("postgres", format!("CREATE DATABASE {database} TEMPLATE template0")),
        // The worst an operator may have: texts of one byte a character, compared without case.
        Driver::MariaDb => {
            ("mysql", format!("CREATE DATABASE {database} CHARACTER SET latin1 COLLATE latin1_swedish_ci"))
        }
    };
    let admin = shell(&Server { database: existing.to_owned(), ..server.clone() }).await;
    admin.execute_unprepared(&statement).await.unwrap();
    admin.close().await.unwrap();
    Some(server)
}

/// A connection of the test's own.
pub(crate) async fn shell(server: &Server) -> DatabaseConnection {
    let scheme = match server.driver {
        Driver::Postgres => "postgres",
        Driver::MariaDb => "mysql",
    };
    let (host, port, database) = (&server.host, server.port, &server.database);
    let mut options = ConnectOptions::new(format!("{scheme}://{USER}:{USER}@{host}:{port}/{database}"));
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}
