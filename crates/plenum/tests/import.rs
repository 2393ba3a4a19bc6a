//! `plenum import` from a real MariaDB: `scripts/databases.sh cargo test -p plenum --test import`.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod program;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database};
use serde_json::{Value, json};

use crate::program::{Plenum, SECRET};

#[tokio::test]
async fn sessions_recordings_and_artifacts_come_over_with_their_ids_and_files() {
    let Ok(address) = std::env::var("PLENUM_TEST_MARIADB") else {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!in_ci, "PLENUM_TEST_MARIADB is not set: CI runs scripts/databases.sh");
        eprintln!("skipped, since PLENUM_TEST_MARIADB is not set: scripts/databases.sh cargo test -p plenum");
        return;
    };
    let database = format!("reference_{}", std::process::id());
    fill(&address, &database).await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_files(folder, &address, &database);

    let dry = import(folder, &["--dry-run"]);
    assert!(dry.contains("sessions: 3 would be imported"), "{dry}");
    assert!(!folder.join("data").exists() && !folder.join("here").exists(), "a dry run changes nothing");

    let first = import(folder, &[]);
    for line in [
        "sessions: 3 imported",
        "sessions: 1 left out, since they go on there",
        "sessions, row 6: roomId is no room id",
        "recordings: 2 imported",
        "files of recordings: 1 imported",
        "files of recordings: 1 not where their rows say",
        "side files: 1 imported",
        "recordings: 2 left out",
        "artifacts: 2 imported",
        "files of artifacts: 1 imported",
        "artifacts: 2 left out",
    ] {
        assert!(first.contains(line), "{line} is missing in:\n{first}");
    }
    let again = import(folder, &[]);
    assert!(again.contains("sessions: 3 there already") && !again.contains(" imported\n"), "{again}");

    let server = Plenum::start(folder);
    let past = server.ask("room/fetchPastRooms", &json!({"room_ids": ["algebra"]})).await;
    let room = &past["result"]["rooms_list"][0];
    assert_eq!(past["result"]["total_rooms"], "1", "{past}");
    assert_eq!((&room["room_title"], &room["room_sid"]), (&json!("Überleben 🎓"), &json!("sid-1")));
    assert_eq!((&room["created"], &room["ended"]), (&json!("2023-11-14T22:13:20Z"), &json!("2023-11-14T23:13:20Z")));
    assert_eq!((&room["joined_participants"], &room["analytics_file_id"]), (&json!("12"), &json!("artifact-1")));

    let recording = server.ask("recording/info", &json!({"record_id": "sid-1-1700003600000"})).await;
    assert_eq!(recording["recording_info"]["metadata"]["title"], "Überleben", "{recording}");
    assert_eq!(recording["room_info"]["room_sid"], "sid-1", "{recording}");
    let token = server.ask("recording/getDownloadToken", &json!({"record_id": "sid-1-1700003600000"})).await;
    assert_eq!(download(&server, "recording", &token).await, "a film");
    let artifact = server.ask("artifact/info", &json!({"artifact_id": "artifact-1"})).await;
    // Of that server's dates only the distance to the session's is believed.
    assert_eq!(artifact["artifact_info"]["created"], "2023-11-14T23:14:10Z", "{artifact}");
    let token = server.ask("artifact/getDownloadToken", &json!({"artifact_id": "artifact-1"})).await;
    assert_eq!(download(&server, "artifact", &token).await, "{}");

    let refused = run(folder, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("stop the server first"), "{refused:?}");
}

/// The reference's database.
async fn fill(address: &str, database: &str) {
    let connect = |database: &str| {
        let mut options = ConnectOptions::new(format!("mysql://plenum:plenum@{address}/{database}"));
        options.max_connections(1).sqlx_logging(false);
        Database::connect(options)
    };
    let admin = connect("mysql").await.unwrap();
    admin.execute_unprepared(&format!("CREATE DATABASE {database} CHARACTER SET utf8mb4")).await.unwrap();
    let db = connect(database).await.unwrap();
    for statement in include_str!("reference.sql").split(";\n").filter(|text| !text.trim().is_empty()) {
        db.execute_unprepared(statement).await.unwrap();
    }
}

/// The reference's configuration and files, and a configuration of our own.
fn write_files(folder: &Path, address: &str, database: &str) {
    let (host, port) = address.rsplit_once(':').unwrap();
    let there = folder.join("there").display().to_string();
    let reference = format!(
        "client: {{api_key: plugnmeet, secret: zumyyYWqv7KR2kUqvYdq4z4sXg7XTBD2ljT6}}\n\
         database_info: {{driver_name: mysql, host: {host}, port: {port}, username: plenum, password: plenum, \
         db: {database}, prefix: pnm_}}\n\
         recorder_info: {{recording_files_path: {there}/recordings}}\n\
         artifacts_settings: {{storage_path: {there}/artifacts}}\n"
    );
    fs::write(folder.join("reference.yaml"), reference).unwrap();
    let own = format!(
        "client: {{port: 0, api_key: key, secret: '{SECRET}'}}\n\
         plenum: {{listen: 127.0.0.1, media: {{port: 0}}}}\n\
         log_settings: {{log_output: stdout}}\n\
         recorder_info: {{recording_files_path: here}}\n"
    );
    fs::write(folder.join("config.yaml"), own).unwrap();
    for (path, content) in [
        ("recordings/node_01/algebra/film.mp4", "a film"),
        ("recordings/node_01/algebra/film.mp4.json", "{}"),
        ("artifacts/meeting_analytics/algebra/figures.json", "{}"),
    ] {
        let path = folder.join("there").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn import(folder: &Path, flags: &[&str]) -> String {
    let Output { status, stdout, stderr } = run(folder, flags);
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

fn run(folder: &Path, flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plenum"))
        .args(["import", "--config", "reference.yaml", "--into", "config.yaml", "--data", "data"])
        .args(flags)
        .current_dir(folder)
        .output()
        .unwrap()
}

async fn download(server: &Plenum, area: &str, answer: &Value) -> String {
    let token = answer["token"].as_str().unwrap_or_else(|| panic!("no token: {answer}"));
    let url = format!("http://{}/download/{area}/{token}", server.address);
    reqwest::get(url).await.unwrap().text().await.unwrap()
}
