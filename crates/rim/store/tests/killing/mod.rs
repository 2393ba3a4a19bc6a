//! A process that writes until it is killed without warning, and what it was told before.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::store::{NewSession, Records as _, State as _, StateWrite};
use store::Store;

/// The ignored test of a file that is such a process.
const CHILD: &str = "child_that_writes_until_it_is_killed";

/// Runs it with `surroundings` until so many commits were acknowledged, and kills it: session and turn of each.
pub(crate) fn run_child_and_kill_it(surroundings: &[(&str, String)], round: u32, most: usize) -> Vec<(String, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", CHILD])
        .envs(surroundings.iter().map(|(name, value)| (name, value)))
        .env("ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split(' ').collect();
        if let ["ack", session, turn] = words[..] {
            acknowledged.push((session.to_owned(), turn.to_owned()));
        }
        if acknowledged.len() == most {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= most, "the child died early");
    acknowledged
}

/// Writes in sixteen sessions at once until it dies, and says what was acknowledged. Every commit has a turn of its own
/// and its name twice, so that half of one would be seen.
pub(crate) async fn write_until_killed(store: Store) {
    let round = std::env::var("ROUND").unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let (store, name) = (store.clone(), format!("s{round}-{task}"));
            tokio::spawn(async move {
                let session = SessionId::try_from(name.as_str()).unwrap();
                store.open_session(opening(&name, &session)).await.unwrap();
                for turn in 0_u64.. {
                    let key = format!("turn.{turn:08}");
                    let put = |name: &str| StateWrite {
                        key: name.to_owned(),
                        value: Some(Bytes::copy_from_slice(key.as_bytes())),
                    };
                    let writes = vec![put("latest.1"), put(&key), put("latest.2")];
                    store.commit(&session, writes).await.unwrap();
                    // Written at once, so that a line is whole or missing.
                    std::io::stdout().write_all(format!("ack {name} {key}\n").as_bytes()).unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn opening(room: &str, session: &SessionId) -> NewSession {
    NewSession {
        room: RoomId::try_from(room).unwrap(),
        session: session.clone(),
        title: String::new(),
        webhook_url: String::new(),
        parent: None,
        created_at_ms: 1_700_000_000_000,
    }
}
