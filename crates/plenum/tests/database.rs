//! The real program on a database server: `scripts/databases.sh cargo test -p plenum`.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

const SECRET: &str = "a secret of this test, long enough for anybody";

#[tokio::test]
async fn a_room_on_postgres_survives_kill_9() {
    a_room_survives_kill_9("postgres", "PLENUM_TEST_POSTGRES", "postgres").await;
}

#[tokio::test]
async fn a_room_on_mariadb_survives_kill_9() {
    a_room_survives_kill_9("mariadb", "PLENUM_TEST_MARIADB", "mysql").await;
}

/// In a database every such server has; this is the only test that writes there.
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
    let created = server.ask("create", &room).await;
    assert_eq!(created["status"], true, "{created}");
    // Dropping it is `kill -9`.
    drop(server);

    let server = Plenum::start(folder.path());
    let active = server.ask("isRoomActive", &json!({"room_id": "room01"})).await;
    assert_eq!((&active["status"], &active["is_active"]), (&json!(true), &json!(true)), "{active}");
    let info = server.ask("getActiveRoomInfo", &json!({"room_id": "room01"})).await;
    assert_eq!(info["room"]["room_info"]["room_title"], "Überleben", "{info}");
    assert!(!folder.path().join("data/plenum.db").exists(), "the embedded database is not used");
}

struct Plenum {
    process: Child,
    address: String,
}

impl Plenum {
    fn start(folder: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_plenum"))
            .args(["serve", "--config", "config.yaml", "--data", "data"])
            .current_dir(folder)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let ready = log.by_ref().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        let address = ready
            .filter(|event| event["message"] == "plenum is ready")
            .find_map(|event| event["address"].as_str().map(str::to_owned));
        // Somebody has to read on, or the process stops at a full pipe.
        std::thread::spawn(move || log.for_each(drop));
        Self { process, address: address.expect("plenum starts") }
    }

    async fn ask(&self, method: &str, body: &Value) -> Value {
        let body = body.to_string();
        let answer = reqwest::Client::new()
            .post(format!("http://{}/auth/room/{method}", self.address))
            .header("API-KEY", "key")
            .header("HASH-SIGNATURE", wire::signature::sign(SECRET, body.as_bytes()))
            .header("Content-Type", "application/json")
            .body(body)
            .send()
            .await
            .unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }
}

impl Drop for Plenum {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
