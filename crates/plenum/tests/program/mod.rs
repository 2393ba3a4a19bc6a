//! The real program as a child process, for the tests beside this folder.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What every configuration of these tests says.
pub(crate) const SECRET: &str = "a secret of this test, long enough for anybody";

/// A running server; dropping it is `kill -9`.
pub(crate) struct Plenum {
    process: Child,
    pub(crate) address: String,
}

impl Plenum {
    pub(crate) fn start(folder: &Path) -> Self {
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

    /// A signed call of `/auth/<path>`.
    pub(crate) async fn ask(&self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let answer = reqwest::Client::new()
            .post(format!("http://{}/auth/{path}", self.address))
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
