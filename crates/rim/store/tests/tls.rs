//! The way to a database server, encrypted: `scripts/databases.sh cargo test -p store --test tls`.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod servers;

use std::path::PathBuf;

use sea_orm::{ConnectionTrait as _, Statement};
use store::{Driver, OpenError, Server, Store, Tls, inspect_server};

#[tokio::test]
async fn postgres_is_believed_with_the_right_certificate_alone() {
    if let Some(server) = servers::fresh(Driver::Postgres).await {
        certificates_decide(server).await;
    }
}

#[tokio::test]
async fn mariadb_is_believed_with_the_right_certificate_alone() {
    if let Some(server) = servers::fresh(Driver::MariaDb).await {
        certificates_decide(server).await;
    }
}

async fn certificates_decide(server: Server) {
    let file = |variable: &str| Some(PathBuf::from(std::env::var_os(variable).unwrap()));
    let (right, wrong) = (file("PLENUM_TEST_AUTHORITY"), file("PLENUM_TEST_OTHER_AUTHORITY"));
    let with = |tls, authorities: &Option<PathBuf>| Server { tls, authorities: authorities.clone(), ..server.clone() };

    for good in [with(Tls::Off, &None), with(Tls::Prefer, &None), with(Tls::Require, &None), with(Tls::Verify, &right)]
    {
        inspect_server(&good).await.unwrap_or_else(|error| panic!("{:?}: {error:?}", good.tls));
    }
    // Neither the usual authorities nor another one know this server.
    for bad in [with(Tls::Verify, &None), with(Tls::Verify, &wrong)] {
        let error = inspect_server(&bad).await.unwrap_err();
        assert!(format!("{error:?}").contains("UnknownIssuer"), "{error:?}");
    }
    // The certificate is good for the address, not for this name of it.
    let renamed = Server { host: "localhost".to_owned(), ..with(Tls::Verify, &right) };
    let error = inspect_server(&renamed).await.unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }), "{error:?}");

    let store = Store::connect(&with(Tls::Verify, &right)).await.unwrap();
    assert!(everything_is_encrypted(&server).await, "the store's own connections");
    store.close().await;
}

/// Whether every connection to the database but the one that asks is encrypted, as far as the server tells. MariaDB tells
/// of the asking one alone, which then stands for the rest.
async fn everything_is_encrypted(server: &Server) -> bool {
    let shell = servers::shell(server).await;
    let sql = match server.driver {
        Driver::Postgres => {
            "SELECT COUNT(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
             WHERE a.datname = current_database() AND pid <> pg_backend_pid() AND NOT s.ssl"
        }
        Driver::MariaDb => {
            "SELECT COUNT(*) FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher' \
             AND variable_value = ''"
        }
    };
    let row = shell.query_one_raw(Statement::from_string(shell.get_database_backend(), sql)).await.unwrap().unwrap();
    row.try_get_by_index::<i64>(0).unwrap() == 0
}
