//! What the embedded engine promises beyond the contract: acknowledged is durable, a file has one owner.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod killing;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::task::Poll;

use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::store::{NewSession, Records as _, State as _, StateEntry, StateWrite};
use store::{OpenError, Store};

const CHILD_FOLDER: &str = "PLENUM_TEST_STORE_FOLDER";

#[tokio::test]
async fn everything_is_there_after_a_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let id = store.open_session(session("r", "s")).await.unwrap();
    store.open_session(session("r2", "over")).await.unwrap();
    store.close_session(&sid("over"), 1).await.unwrap();
    store.commit(&sid("s"), vec![put("info", b"1")]).await.unwrap();
    store.close().await;

    let store = open(folder.path()).await;

    let running = store.running_sessions().await.unwrap();
    assert_eq!(running.iter().map(|record| record.id).collect::<Vec<_>>(), [id]);
    assert_eq!(store.load(&sid("s")).await.unwrap(), [entry("info", b"1")]);
    assert_eq!(store.open_session(session("r3", "t")).await.unwrap(), id + 2, "ids are never used again");
}

#[tokio::test]
async fn the_file_and_its_folder_belong_to_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let store = open(&data).await;
    store.commit(&sid("s"), vec![put("a", b"1")]).await.unwrap();

    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let files: Vec<_> = std::fs::read_dir(&data).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 3, "database, log and lock: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_dropped_store_lets_go_of_its_file_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.commit(&sid("s"), vec![put("a", b"1")]).await.unwrap();

    drop(store);

    assert_eq!(open(folder.path()).await.load(&sid("s")).await.unwrap(), [entry("a", b"1")]);
}

#[tokio::test]
async fn a_closed_store_leaves_one_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.commit(&sid("s"), vec![put("a", b"1")]).await.unwrap();

    store.close().await;

    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["plenum.db", "plenum.db.lock"]);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    std::fs::write(&path, "my diary, not a database ".repeat(100)).unwrap();

    let error = Store::open(&path).await.err().unwrap();

    assert!(matches!(error, OpenError::Database { .. } | OpenError::Migrate { .. }), "{error:?}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("my diary"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let blocker = folder.path().join("blocker");
    std::fs::write(&blocker, "").unwrap();

    let error = Store::open(&blocker.join("plenum.db")).await.err().unwrap();

    assert!(error.to_string().contains("blocker"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_second_server_on_the_same_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    // The runtime's clock leaps over the waiting.
    let holder = std::fs::File::create(folder.path().join("plenum.db.lock")).unwrap();
    holder.lock().unwrap();

    let error = Store::open(&path).await.err().unwrap();

    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
}

#[tokio::test]
async fn a_closed_store_answers_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let clone = store.clone();

    store.close().await;
    store.close().await;

    assert!(clone.ping().await.is_err());
    assert!(clone.commit(&sid("s"), vec![put("a", b"1")]).await.is_err());
    assert!(clone.load(&sid("s")).await.is_err());
}

#[tokio::test]
async fn a_write_whose_asker_went_away_is_still_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let session = sid("s");

    let mut commit = store.commit(&session, vec![put("a", b"1")]);
    // One poll puts it into the queue.
    let first = std::future::poll_fn(|context| Poll::Ready(commit.as_mut().poll(context))).await;
    assert!(first.is_pending());
    drop(commit);
    store.close().await;

    assert_eq!(open(folder.path()).await.load(&session).await.unwrap(), [entry("a", b"1")]);
}

/// Kills a writing process without warning, again and again on the same file.
#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_and_nothing_is_half_done() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let acknowledged =
            killing::run_child_and_kill_it(&[(CHILD_FOLDER, folder.path().display().to_string())], round, 400);

        let store = open(folder.path()).await;
        for (session, turn) in &acknowledged {
            let state = store.load(&sid(session)).await.unwrap();
            assert!(state.iter().any(|entry| entry.key == *turn), "{session} lost {turn}");
        }
        let running = store.running_sessions().await.unwrap();
        for (session, _) in &acknowledged {
            assert!(
                running.iter().any(|record| record.session.session.as_str() == session),
                "{session} is not running"
            );
        }
        for record in running {
            let state = store.load(&record.session.session).await.unwrap();
            let (latest, turns): (Vec<_>, Vec<_>) = state.iter().partition(|entry| entry.key.starts_with("latest"));
            let newest = turns.iter().map(|entry| &entry.value).max();
            let expected = if turns.is_empty() { 0 } else { 2 };
            assert_eq!(latest.len(), expected, "{record:?}");
            assert!(latest.iter().all(|entry| Some(&entry.value) == newest), "half a commit: {state:?}");
        }
        store.close().await;
    }
}

/// Not a test of its own: the process the one above kills. Writes until it dies and says what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the test above"]
async fn child_that_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let store = open(&PathBuf::from(folder)).await;
    killing::write_until_killed(store).await;
}

async fn open(folder: &Path) -> Store {
    Store::open(&file(folder)).await.unwrap()
}

fn file(folder: &Path) -> PathBuf {
    folder.join("plenum.db")
}

fn sid(id: &str) -> SessionId {
    SessionId::try_from(id).unwrap()
}

fn session(room: &str, session: &str) -> NewSession {
    NewSession {
        room: RoomId::try_from(room).unwrap(),
        session: sid(session),
        title: String::new(),
        webhook_url: String::new(),
        parent: None,
        created_at_ms: 1_700_000_000_000,
    }
}

fn put(key: &str, value: &[u8]) -> StateWrite {
    StateWrite { key: key.to_owned(), value: Some(Bytes::copy_from_slice(value)) }
}

fn entry(key: &str, value: &[u8]) -> StateEntry {
    StateEntry { key: key.to_owned(), value: Bytes::copy_from_slice(value) }
}
