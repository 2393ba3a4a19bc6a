//! What every engine must do, written over the traits alone. An engine joins by one line at the bottom.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::store::{NewSession, Records, State, StateEntry, StateWrite};

/// Makes fresh, empty stores of one engine.
trait Engine: Send + Sync + 'static {
    type Store: Records + State;

    fn open(&self) -> impl Future<Output = Self::Store> + Send;
}

macro_rules! contract {
    ($engine:ident: $($test:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                suite::$test(&$engine::new()).await;
            }
        )*
    };
}

mod suite {
    use super::*;

    pub(super) async fn an_opened_session_is_listed_as_it_was_given(engine: &impl Engine) {
        let store = engine.open().await;
        let given = NewSession {
            room: room("weekly-1"),
            session: sid("s1"),
            title: "Wöchentlich 📅 \"'; DROP TABLE sessions; --".to_owned(),
            webhook_url: "https://example.org/hook?a=1&b=%20".to_owned(),
            parent: Some(room("weekly")),
            created_at_ms: 1_700_000_000_123,
        };

        let id = store.open_session(given.clone()).await.unwrap();

        let running = store.running_sessions().await.unwrap();
        assert_eq!(running.len(), 1);
        assert_eq!((running[0].id, &running[0].session), (id, &given));
        assert_eq!((running[0].joined_participants, running[0].ended_at_ms), (0, None));
    }

    pub(super) async fn running_sessions_come_oldest_first_with_ids_that_grow(engine: &impl Engine) {
        let store = engine.open().await;

        let mut ids = Vec::new();
        for n in 0..5 {
            ids.push(store.open_session(session(&format!("r{}", 9 - n), &format!("s{n}"))).await.unwrap());
        }

        let listed: Vec<_> = store.running_sessions().await.unwrap().iter().map(|record| record.id).collect();
        assert_eq!(listed, ids);
        assert!(ids.is_sorted() && ids[0] > 0);
    }

    pub(super) async fn a_new_session_closes_the_one_left_running_in_its_room(engine: &impl Engine) {
        let store = engine.open().await;
        store.open_session(session("r", "old")).await.unwrap();
        store.open_session(session("other", "untouched")).await.unwrap();

        store.open_session(session("r", "new")).await.unwrap();

        assert_eq!(running(&store).await, ["untouched", "new"]);
    }

    pub(super) async fn a_session_id_is_used_once(engine: &impl Engine) {
        let store = engine.open().await;
        store.open_session(session("r", "s")).await.unwrap();
        store.open_session(session("r2", "t")).await.unwrap();

        let again = store.open_session(session("r2", "s")).await;

        assert!(again.is_err());
        assert_eq!(running(&store).await, ["s", "t"], "a refused session closes nothing");
    }

    pub(super) async fn a_refused_session_hurts_nobody_who_shares_its_batch(engine: &impl Engine) {
        let store = Arc::new(engine.open().await);
        store.open_session(session("taken", "taken")).await.unwrap();

        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let bad = n % 50 == 7;
                    let name = if bad { "taken".to_owned() } else { format!("s{n}") };
                    let opened = store.open_session(session(&format!("r{n}"), &name)).await;
                    assert_eq!(opened.is_err(), bad, "{n}: {opened:?}");
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }

        assert_eq!(store.running_sessions().await.unwrap().len(), 1 + 196);
    }

    pub(super) async fn a_closed_session_is_no_longer_running(engine: &impl Engine) {
        let store = engine.open().await;
        store.open_session(session("r", "s")).await.unwrap();

        store.close_session(&sid("s"), 5).await.unwrap();
        store.close_session(&sid("s"), 6).await.unwrap();

        assert_eq!(running(&store).await, [""; 0]);
    }

    pub(super) async fn the_count_of_people_is_kept(engine: &impl Engine) {
        let store = engine.open().await;
        store.open_session(session("r", "s")).await.unwrap();

        store.set_joined(&sid("s"), 3).await.unwrap();
        store.set_joined(&sid("s"), 2).await.unwrap();

        assert_eq!(store.running_sessions().await.unwrap()[0].joined_participants, 2);
    }

    pub(super) async fn an_unknown_session_changes_nothing_and_has_no_state(engine: &impl Engine) {
        let store = engine.open().await;
        store.open_session(session("r", "s")).await.unwrap();

        store.close_session(&sid("nobody"), 5).await.unwrap();
        store.set_joined(&sid("nobody"), 5).await.unwrap();
        store.forget(&sid("nobody")).await.unwrap();

        assert_eq!(running(&store).await, ["s"]);
        assert_eq!(store.load(&sid("nobody")).await.unwrap(), []);
    }

    pub(super) async fn texts_have_at_most_255_characters(engine: &impl Engine) {
        let store = engine.open().await;
        let with_title = |name: &str, length| NewSession { title: "ü".repeat(length), ..session("r", name) };

        store.open_session(with_title("fits", 255)).await.unwrap();

        assert!(store.open_session(with_title("long", 256)).await.is_err());
        let webhook_url = "x".repeat(256);
        assert!(store.open_session(NewSession { webhook_url, ..session("r", "url") }).await.is_err());
        assert_eq!(running(&store).await, ["fits"]);
    }

    pub(super) async fn state_is_loaded_as_written_and_in_order_of_its_keys(engine: &impl Engine) {
        let store = engine.open().await;
        let keys = ["user.ana", "chat.2", "chat.10", "Info", "info", "user.Ana", "ü"];

        store.commit(&sid("s"), keys.map(|key| put(key, key.as_bytes())).into()).await.unwrap();
        store.commit(&sid("t"), vec![put("info", b"of another")]).await.unwrap();

        let mut sorted = keys;
        sorted.sort_unstable();
        assert_eq!(store.load(&sid("s")).await.unwrap(), sorted.map(|key| entry(key, key.as_bytes())));
    }

    pub(super) async fn a_key_holds_its_last_value_and_can_be_removed(engine: &impl Engine) {
        let store = engine.open().await;

        store.commit(&sid("s"), vec![put("a", b"1"), put("b", b"1"), put("c", b"1")]).await.unwrap();
        store.commit(&sid("s"), vec![put("a", b"2"), put("a", b"3"), remove("b")]).await.unwrap();
        store.commit(&sid("s"), vec![remove("never there"), put("c", b"")]).await.unwrap();

        assert_eq!(store.load(&sid("s")).await.unwrap(), [entry("a", b"3"), entry("c", b"")]);
    }

    pub(super) async fn any_bytes_may_be_a_value(engine: &impl Engine) {
        let store = engine.open().await;
        let value: Vec<u8> = (0..=255).cycle().take(70_000).collect();

        store.commit(&sid("s"), vec![put("blob", &value)]).await.unwrap();

        assert_eq!(store.load(&sid("s")).await.unwrap(), [entry("blob", &value)]);
    }

    pub(super) async fn values_have_at_most_16_mib(engine: &impl Engine) {
        let store = engine.open().await;
        let largest = Bytes::from(vec![1; 16 << 20]);
        let larger = Bytes::from(vec![1; (16 << 20) + 1]);
        let write = |value: &Bytes| StateWrite { key: "board".to_owned(), value: Some(value.clone()) };

        store.commit(&sid("s"), vec![write(&largest)]).await.unwrap();

        assert!(store.commit(&sid("s"), vec![put("x", b"1"), write(&larger)]).await.is_err());
        let stored = store.load(&sid("s")).await.unwrap();
        assert_eq!(stored.len(), 1, "of a refused commit nothing is stored");
        assert!(stored[0].value == largest);
    }

    pub(super) async fn keys_have_1_to_160_bytes(engine: &impl Engine) {
        let store = engine.open().await;
        let longest = "ü".repeat(80);

        store.commit(&sid("s"), vec![put(&longest, b"1")]).await.unwrap();

        for bad in [String::new(), "x".repeat(161), "ü".repeat(81)] {
            assert!(store.commit(&sid("s"), vec![put("y", b"1"), put(&bad, b"1")]).await.is_err());
        }
        assert_eq!(store.load(&sid("s")).await.unwrap(), [entry(&longest, b"1")]);
    }

    pub(super) async fn a_large_commit_is_stored_whole(engine: &impl Engine) {
        let store = engine.open().await;
        let keys: Vec<_> = (0..3_000).map(|n| format!("user.{n:05}")).collect();

        store.commit(&sid("s"), keys.iter().map(|key| put(key, key.as_bytes())).collect()).await.unwrap();
        assert_eq!(store.load(&sid("s")).await.unwrap().len(), keys.len());

        store.commit(&sid("s"), keys[1..].iter().map(|key| remove(key)).collect()).await.unwrap();
        assert_eq!(store.load(&sid("s")).await.unwrap(), [entry(&keys[0], keys[0].as_bytes())]);
    }

    pub(super) async fn forgetting_a_session_leaves_others_alone(engine: &impl Engine) {
        let store = engine.open().await;
        store.commit(&sid("s"), vec![put("a", b"1")]).await.unwrap();
        store.commit(&sid("t"), vec![put("a", b"1")]).await.unwrap();

        store.forget(&sid("s")).await.unwrap();
        store.commit(&sid("s"), vec![put("b", b"2")]).await.unwrap();

        assert_eq!(store.load(&sid("s")).await.unwrap(), [entry("b", b"2")]);
        assert_eq!(store.load(&sid("t")).await.unwrap(), [entry("a", b"1")]);
    }

    pub(super) async fn sessions_with_state_are_listed_once(engine: &impl Engine) {
        let store = engine.open().await;
        store.commit(&sid("s"), vec![put("a", b"1"), put("b", b"2")]).await.unwrap();
        store.commit(&sid("t"), vec![put("a", b"1")]).await.unwrap();
        store.forget(&sid("t")).await.unwrap();

        assert_eq!(store.sessions().await.unwrap(), [sid("s")]);
    }

    pub(super) async fn many_writers_at_once_each_find_what_they_wrote(engine: &impl Engine) {
        let store = Arc::new(engine.open().await);

        let tasks: Vec<_> = (0..64)
            .map(|task| {
                let store = store.clone();
                tokio::spawn(async move {
                    let own = sid(&format!("s{task}"));
                    let mut id = 0;
                    for turn in 0..10 {
                        if turn == 0 {
                            id = store.open_session(session(&format!("r{task}"), own.as_str())).await.unwrap();
                        }
                        let turn = format!("{turn}");
                        store.commit(&own, vec![put("turn", turn.as_bytes()), put(&turn, b"x")]).await.unwrap();
                        let state = store.load(&own).await.unwrap();
                        assert_eq!(state.last(), Some(&entry("turn", turn.as_bytes())));
                    }
                    store.set_joined(&own, task).await.unwrap();
                    (id, task)
                })
            })
            .collect();
        let mut expected = Vec::new();
        for task in tasks {
            expected.push(task.await.unwrap());
        }

        let mut found: Vec<_> = store
            .running_sessions()
            .await
            .unwrap()
            .iter()
            .map(|record| (record.id, record.joined_participants))
            .collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    pub(super) async fn racing_sessions_of_one_room_leave_one_running(engine: &impl Engine) {
        let store = Arc::new(engine.open().await);

        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move { store.open_session(session("same", &format!("s{n}"))).await.unwrap() })
            })
            .collect();
        let mut newest = 0;
        for task in tasks {
            newest = newest.max(task.await.unwrap());
        }

        let running = store.running_sessions().await.unwrap();
        assert_eq!(running.iter().map(|record| record.id).collect::<Vec<_>>(), [newest]);
    }

    pub(super) async fn a_healthy_store_answers(engine: &impl Engine) {
        engine.open().await.ping().await.unwrap();
    }

    async fn running(store: &impl Records) -> Vec<String> {
        let running = store.running_sessions().await.unwrap();
        running.iter().map(|record| record.session.session.as_str().to_owned()).collect()
    }

    fn room(id: &str) -> RoomId {
        RoomId::try_from(id).unwrap()
    }

    fn sid(id: &str) -> SessionId {
        SessionId::try_from(id).unwrap()
    }

    fn session(room_id: &str, session: &str) -> NewSession {
        NewSession {
            room: room(room_id),
            session: sid(session),
            title: "title".to_owned(),
            webhook_url: String::new(),
            parent: None,
            created_at_ms: 1_700_000_000_000,
        }
    }

    fn put(key: &str, value: &[u8]) -> StateWrite {
        StateWrite { key: key.to_owned(), value: Some(Bytes::copy_from_slice(value)) }
    }

    fn remove(key: &str) -> StateWrite {
        StateWrite { key: key.to_owned(), value: None }
    }

    fn entry(key: &str, value: &[u8]) -> StateEntry {
        StateEntry { key: key.to_owned(), value: Bytes::copy_from_slice(value) }
    }
}

struct Sqlite(tempfile::TempDir);

impl Sqlite {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Engine for Sqlite {
    type Store = store::Store;

    async fn open(&self) -> store::Store {
        store::Store::open(&self.0.path().join("plenum.db")).await.unwrap()
    }
}

contract!(
    Sqlite: an_opened_session_is_listed_as_it_was_given,
    running_sessions_come_oldest_first_with_ids_that_grow,
    a_new_session_closes_the_one_left_running_in_its_room,
    a_session_id_is_used_once,
    a_refused_session_hurts_nobody_who_shares_its_batch,
    a_closed_session_is_no_longer_running,
    the_count_of_people_is_kept,
    an_unknown_session_changes_nothing_and_has_no_state,
    texts_have_at_most_255_characters,
    state_is_loaded_as_written_and_in_order_of_its_keys,
    a_key_holds_its_last_value_and_can_be_removed,
    any_bytes_may_be_a_value,
    values_have_at_most_16_mib,
    keys_have_1_to_160_bytes,
    a_large_commit_is_stored_whole,
    forgetting_a_session_leaves_others_alone,
    sessions_with_state_are_listed_once,
    many_writers_at_once_each_find_what_they_wrote,
    racing_sessions_of_one_room_leave_one_running,
    a_healthy_store_answers,
);
