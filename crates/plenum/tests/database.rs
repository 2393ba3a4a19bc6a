//! The real program on a database server: `scripts/databases.sh cargo test -p plenum`.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod program;

use serde_json::json;

use crate::program::{Plenum, SECRET};

#[tokio::test]
async fn a_room_on_postgres_survives_kill_9() {
    a_room_survives_kill_9("postgres", "PLENUM_TEST_POSTGRES", "postgres").await;
}

#[tokio::test]
async fn a_room_on_mariadb_survives_kill_9() {
    a_room_survives_kill_9("mariadb", "PLENUM_TEST_MARIADB", "mysql").await;
}

/// In a database every such server has; this is the only test that writes there.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
async fn a_room_survives_kill_9(driver: &str, variable: &str, database: &str) {
    let Ok(address) = std::env::var(variable) else {
        assert!(
            !std::env::var("CI").is_ok_and(|ci| ci == "true"),
            "{variable} is not set: CI runs scripts/databases.sh"
        );
        eprintln!("skipped, since {variable} is not set: scripts/databases.sh cargo test -p plenum");
        return;
    };
    let (host, port) = address.rsplit_once(':').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = format!(
        "client: {{port: 0, api_key: key, secret: '{SECRET}'}}\n\
         plenum: {{listen: 127.0.0.1, media: {{port: 0}}}}\n\
         log_settings: {{log_output: stdout}}\n\
         database_info: {{driver_name: {driver}, host: {host}, port: {port}, username: plenum, password: plenum, \
         db: {database}, prefix: pnm_}}\n"
    );
    std::fs::write(folder.path().join("config.yaml"), yaml).unwrap();

    let server = Plenum::start(folder.path());
    let room = json!({"room_id": "room01", "metadata": {"room_title": "Überleben", "room_features": {}}});
    let created = server.ask("room/create", &room).await;
    assert_eq!(created["status"], true, "{created}");
    // Dropping it is `kill -9`.
    drop(server);

    let server = Plenum::start(folder.path());
    let active = server.ask("room/isRoomActive", &json!({"room_id": "room01"})).await;
    assert_eq!((&active["status"], &active["is_active"]), (&json!(true), &json!(true)), "{active}");
    let info = server.ask("room/getActiveRoomInfo", &json!({"room_id": "room01"})).await;
    assert_eq!(info["room"]["room_info"]["room_title"], "Überleben", "{info}");
    assert!(!folder.path().join("data/plenum.db").exists(), "the embedded database is not used");
}
