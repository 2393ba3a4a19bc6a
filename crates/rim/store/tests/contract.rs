//! What every engine must do, written over the traits alone. An engine joins at the bottom.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod servers;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::archive::{Archive, Artifact, MAX_METADATA, MAX_ROWS, Order, Page, Recording, Scope};
use ports::outbox::{Backlog, MAX_BODY, MAX_EVENT, MAX_NOTICES, MAX_URL, Notice, Outbox, Queued};
use ports::store::{NewSession, Records, State, StateEntry, StateWrite};
use store::{Driver, Server, Store};

/// Makes fresh, empty stores of one engine.
trait Engine: Send + Sync + 'static {
    type Store: Records + State + Archive + Outbox;

    fn open(&self) -> impl Future<Output = Self::Store> + Send;
}

macro_rules! contract {
    ($($test:ident,)*) => {
        contract!(sqlite Sqlite: $($test)*);
        contract!(postgres Postgres: $($test)*);
        contract!(mariadb MariaDb: $($test)*);
    };
    ($module:ident $engine:ident: $($test:ident)*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    if let Some(engine) = super::$engine::new().await {
                        super::suite::$test(&engine).await;
                    }
                }
            )*
        }
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

    pub(super) async fn a_commit_takes_notices_along(engine: &impl Engine) {
        let store = engine.open().await;

        store.commit_with(&sid("s"), vec![put("a", b"1")], vec![notice("r", "u", 5)]).await.unwrap();
        store.commit_with(&sid("s"), Vec::new(), vec![notice("r2", "u", 6)]).await.unwrap();
        store.commit_with(&sid("s"), Vec::new(), Vec::new()).await.unwrap();

        assert_eq!(store.load(&sid("s")).await.unwrap(), [entry("a", b"1")]);
        assert_eq!(notices(&store.due(9, 9).await.unwrap()), [notice("r", "u", 5), notice("r2", "u", 6)]);
    }

    pub(super) async fn a_refused_commit_takes_no_notice_along(engine: &impl Engine) {
        let store = engine.open().await;
        let bad = Notice { url: "x".repeat(MAX_URL + 1), ..notice("r", "u", 5) };

        assert!(store.commit_with(&sid("s"), vec![put("", b"1")], vec![notice("r", "u", 5)]).await.is_err());
        assert!(store.commit_with(&sid("s"), vec![put("a", b"1")], vec![notice("r", "u", 5), bad]).await.is_err());

        assert_eq!(store.load(&sid("s")).await.unwrap(), []);
        assert_eq!(store.backlog().await.unwrap(), Backlog::default());
    }

    pub(super) async fn a_session_is_found_by_its_id_and_by_its_row(engine: &impl Engine) {
        let store = engine.open().await;
        let row = store.open_session(session("r", "s")).await.unwrap();
        store.open_session(session("r2", "t")).await.unwrap();

        let running = store.find_session(&sid("s")).await.unwrap().unwrap();
        assert_eq!((running.id, &running.session, running.ended_at_ms), (row, &session("r", "s"), None));

        store.set_joined(&sid("s"), 7).await.unwrap();
        store.close_session(&sid("s"), 1_700_000_000_999).await.unwrap();
        let over = store.find_session_by_row(row).await.unwrap().unwrap();
        assert_eq!((over.joined_participants, over.ended_at_ms), (7, Some(1_700_000_000_999)));
        assert_eq!(store.find_session(&sid("s")).await.unwrap(), Some(over));
    }

    pub(super) async fn past_sessions_are_those_that_ended(engine: &impl Engine) {
        let store = engine.open().await;
        for (room_id, name) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("c", "c1"), ("b", "b2")] {
            store.open_session(session(room_id, name)).await.unwrap();
        }
        store.close_session(&sid("c1"), 9).await.unwrap();

        for (scope, expected) in [
            (Scope::Everything, vec!["c1", "b1", "a1"]),
            (Scope::Rooms(vec![room("a"), room("c"), room("nobody")]), vec!["c1", "a1"]),
            (Scope::Rooms(vec![room("a"), room("a")]), vec!["a1"]),
            (Scope::Rooms(Vec::new()), vec![]),
            (Scope::Session(sid("b1")), vec!["b1"]),
            (Scope::Session(sid("b2")), vec![]),
        ] {
            let slice = store.past_sessions(&scope, ALL).await.unwrap();
            let found: Vec<_> = slice.items.iter().map(|past| past.record.session.session.as_str()).collect();
            assert_eq!(found, expected, "{scope:?}");
            assert_eq!(slice.total, expected.len() as u64, "{scope:?}");
            assert!(slice.items.iter().all(|past| past.record.ended_at_ms.is_some() && past.analytics.is_none()));
        }
    }

    pub(super) async fn past_sessions_name_their_first_analytics(engine: &impl Engine) {
        let store = engine.open().await;
        for n in 1..=3 {
            store.open_session(session("r", &format!("s{n}"))).await.unwrap();
            store.close_session(&sid(&format!("s{n}")), n).await.unwrap();
        }
        for (id, session, kind) in [
            ("x", "s1", "SPEECH_TRANSCRIPTION"),
            ("z", "s1", "MEETING_ANALYTICS"),
            ("y", "s1", "MEETING_ANALYTICS"),
            ("w", "s2", "MEETING_SUMMARY"),
            ("v", "s3", "MEETING_ANALYTICS"),
        ] {
            store.add_artifact(artifact(id, "r", session, kind)).await.unwrap();
        }

        let slice = store.past_sessions(&Scope::Everything, ALL).await.unwrap();

        let found: Vec<_> = slice.items.iter().map(|past| past.analytics.as_deref()).collect();
        assert_eq!(found, [Some("v"), None, Some("z")]);
    }

    pub(super) async fn a_page_begins_and_ends_where_it_was_asked_to(engine: &impl Engine) {
        let store = engine.open().await;
        for n in 0..5 {
            store.add_recording(recording(&format!("{n}"), "r", "s")).await.unwrap();
        }

        for (from, limit, order, expected) in [
            (0, 2, Order::NewestFirst, "43"),
            (0, 2, Order::OldestFirst, "01"),
            (2, 2, Order::NewestFirst, "21"),
            (4, 2, Order::OldestFirst, "4"),
            (5, 2, Order::OldestFirst, ""),
            (u64::MAX, 2, Order::NewestFirst, ""),
            (0, 0, Order::NewestFirst, ""),
            (0, u64::MAX, Order::OldestFirst, "01234"),
            (3, u64::MAX, Order::NewestFirst, "10"),
        ] {
            let slice = store.recordings(&Scope::Everything, Page { from, limit, order }).await.unwrap();
            let found: String = slice.items.iter().map(|item| item.record_id.as_str()).collect();
            assert_eq!((found.as_str(), slice.total), (expected, 5), "{from} {limit} {order:?}");
        }
        let rooms = (0..=MAX_ROWS).map(|n| room(&format!("r{n}"))).collect();
        assert!(store.recordings(&Scope::Rooms(rooms), ALL).await.is_err(), "too many rooms");
    }

    pub(super) async fn ids_differ_by_case_and_by_what_follows(engine: &impl Engine) {
        let store = engine.open().await;
        for name in ["a", "A", "a_", "a-"] {
            store.open_session(session(name, name)).await.unwrap();
            store.commit(&sid(name), vec![put("k", name.as_bytes())]).await.unwrap();
            store.add_recording(recording(name, name, name)).await.unwrap();
        }
        let keys = ["key", "Key", "key ", " key", "kéy", "key\t", "ke\u{301}y"];
        store.commit(&sid("keys"), keys.map(|key| put(key, key.as_bytes())).into()).await.unwrap();
        store.commit(&sid("keys"), vec![remove("KEY"), remove("key  ")]).await.unwrap();

        assert_eq!(running(&store).await, ["a", "A", "a_", "a-"]);
        assert_eq!(store.load(&sid("A")).await.unwrap(), [entry("k", b"A")]);
        assert_eq!(store.recordings(&Scope::Rooms(vec![room("A")]), ALL).await.unwrap().total, 1);
        assert_eq!(store.find_recording("A").await.unwrap(), Some(recording("A", "A", "A")));
        assert_eq!(store.find_recording("a ").await.unwrap(), None);
        assert_eq!(store.load(&sid("keys")).await.unwrap().len(), keys.len());
    }

    pub(super) async fn a_recording_is_found_as_it_was_added(engine: &impl Engine) {
        let store = engine.open().await;
        let given = Recording {
            file_path: "weekly/Wöchentlich 📅.mp4".to_owned(),
            megabytes: 1_234.56,
            metadata: "é".repeat(MAX_METADATA / 2),
            ..recording("s-1700000000123", "weekly", "s")
        };

        store.add_recording(given.clone()).await.unwrap();

        assert_eq!(store.find_recording("s-1700000000123").await.unwrap(), Some(given));
    }

    pub(super) async fn a_recording_id_is_used_once(engine: &impl Engine) {
        let store = engine.open().await;
        store.add_recording(recording("a", "r", "s")).await.unwrap();

        assert!(store.add_recording(recording("a", "other", "t")).await.is_err());

        assert_eq!(store.find_recording("a").await.unwrap(), Some(recording("a", "r", "s")));
        assert_eq!(store.recordings(&Scope::Everything, ALL).await.unwrap().total, 1);
    }

    pub(super) async fn recordings_are_listed_in_scope_and_in_order(engine: &impl Engine) {
        let store = engine.open().await;
        for (id, room_id, session) in [("1", "a", "s"), ("2", "b", "t"), ("3", "a", "u"), ("4", "a", "s")] {
            store.add_recording(recording(id, room_id, session)).await.unwrap();
        }

        for (scope, expected) in [
            (Scope::Everything, "4321"),
            (Scope::Rooms(vec![room("a")]), "431"),
            (Scope::Rooms(vec![room("a"), room("b")]), "4321"),
            (Scope::Rooms(Vec::new()), ""),
            (Scope::Session(sid("s")), "41"),
            (Scope::Session(sid("nobody")), ""),
        ] {
            let slice = store.recordings(&scope, ALL).await.unwrap();
            let found: String = slice.items.iter().map(|item| item.record_id.as_str()).collect();
            assert_eq!((found.as_str(), slice.total), (expected, expected.len() as u64), "{scope:?}");
        }
    }

    pub(super) async fn metadata_of_a_recording_is_replaced(engine: &impl Engine) {
        let store = engine.open().await;
        store.add_recording(recording("a", "r", "s")).await.unwrap();

        assert!(store.set_recording_metadata("a", r#"{"title":"neu"}"#.to_owned()).await.unwrap());
        assert!(store.set_recording_metadata("a", r#"{"title":"neu"}"#.to_owned()).await.unwrap(), "the same again");

        assert_eq!(store.find_recording("a").await.unwrap().unwrap().metadata, r#"{"title":"neu"}"#);
        assert!(!store.set_recording_metadata("b", String::new()).await.unwrap());
        assert!(store.set_recording_metadata("a", "x".repeat(MAX_METADATA + 1)).await.is_err());
    }

    pub(super) async fn a_removed_recording_is_gone_once(engine: &impl Engine) {
        let store = engine.open().await;
        store.add_recording(recording("a", "r", "s")).await.unwrap();
        store.add_recording(recording("b", "r", "s")).await.unwrap();

        assert!(store.remove_recording("a").await.unwrap());
        assert!(!store.remove_recording("a").await.unwrap());

        assert_eq!(store.find_recording("a").await.unwrap(), None);
        assert_eq!(store.recordings(&Scope::Everything, ALL).await.unwrap().total, 1);
    }

    pub(super) async fn an_artifact_is_found_as_it_was_added(engine: &impl Engine) {
        let store = engine.open().await;
        let metadata = format!(r#"{{"file":"{}"}}"#, "x".repeat(MAX_METADATA - 11));
        let given = Artifact { metadata, ..artifact("a", "r", "s", "MEETING_SUMMARY") };

        store.add_artifact(given.clone()).await.unwrap();

        assert_eq!(store.find_artifact("a").await.unwrap(), Some(given));
    }

    pub(super) async fn an_artifact_id_is_used_once(engine: &impl Engine) {
        let store = engine.open().await;
        store.add_artifact(artifact("a", "r", "s", "MEETING_SUMMARY")).await.unwrap();

        assert!(store.add_artifact(artifact("a", "other", "t", "MEETING_ANALYTICS")).await.is_err());

        assert_eq!(store.find_artifact("a").await.unwrap(), Some(artifact("a", "r", "s", "MEETING_SUMMARY")));
    }

    pub(super) async fn artifacts_are_listed_in_scope_and_by_kind(engine: &impl Engine) {
        let store = engine.open().await;
        for (id, room_id, session, kind) in
            [("1", "a", "s", "X"), ("2", "b", "t", "Y"), ("3", "a", "u", "Y"), ("4", "a", "s", "x")]
        {
            store.add_artifact(artifact(id, room_id, session, kind)).await.unwrap();
        }

        for (scope, kind, expected) in [
            (Scope::Everything, None, "4321"),
            (Scope::Everything, Some("Y"), "32"),
            (Scope::Everything, Some("X"), "1"),
            (Scope::Rooms(vec![room("a")]), None, "431"),
            (Scope::Rooms(vec![room("a")]), Some("Y"), "3"),
            (Scope::Session(sid("s")), Some("x"), "4"),
            (Scope::Session(sid("s")), Some("Z"), ""),
        ] {
            let slice = store.artifacts(&scope, kind, ALL).await.unwrap();
            let found: String = slice.items.iter().map(|item| item.artifact_id.as_str()).collect();
            assert_eq!((found.as_str(), slice.total), (expected, expected.len() as u64), "{scope:?} {kind:?}");
        }
        let page = Page { from: 1, limit: 1, order: Order::OldestFirst };
        let slice = store.artifacts(&Scope::Everything, Some("Y"), page).await.unwrap();
        assert_eq!((slice.total, slice.items[0].artifact_id.as_str()), (2, "3"));
    }

    pub(super) async fn a_removed_artifact_is_gone_once(engine: &impl Engine) {
        let store = engine.open().await;
        store.add_artifact(artifact("a", "r", "s", "X")).await.unwrap();

        assert!(store.remove_artifact("a").await.unwrap());
        assert!(!store.remove_artifact("a").await.unwrap());

        assert_eq!(store.find_artifact("a").await.unwrap(), None);
    }

    pub(super) async fn texts_no_engine_could_hold_are_refused(engine: &impl Engine) {
        let store = engine.open().await;
        let good = || recording("a", "r", "s");
        let text = |length: usize| "x".repeat(length);

        for bad in [
            Recording { record_id: String::new(), ..good() },
            Recording { record_id: text(65), ..good() },
            Recording { record_id: "a\0".to_owned(), ..good() },
            Recording { recorder_id: text(37), ..good() },
            Recording { file_path: "ü".repeat(128), ..good() },
            Recording { metadata: text(MAX_METADATA + 1), ..good() },
            Recording { metadata: "\0".to_owned(), ..good() },
            Recording { megabytes: f64::NAN, ..good() },
            Recording { megabytes: f64::INFINITY, ..good() },
        ] {
            assert!(store.add_recording(bad).await.is_err());
        }
        for bad in [
            artifact("", "r", "s", "X"),
            artifact(&text(65), "r", "s", "X"),
            artifact("a", "r", "s", &text(101)),
            Artifact { metadata: text(MAX_METADATA + 1), ..artifact("a", "r", "s", "X") },
        ] {
            assert!(store.add_artifact(bad).await.is_err());
        }
        let nul = NewSession { title: "a\0b".to_owned(), ..session("r", "s") };
        assert!(store.open_session(nul).await.is_err());
        assert!(store.commit(&sid("s"), vec![put("a\0b", b"1")]).await.is_err());

        let longest = Recording { record_id: text(64), recorder_id: text(36), file_path: text(255), ..good() };
        store.add_recording(longest.clone()).await.unwrap();
        assert_eq!(store.recordings(&Scope::Everything, ALL).await.unwrap().items, [longest]);
        assert_eq!(store.artifacts(&Scope::Everything, None, ALL).await.unwrap().total, 0);
    }

    pub(super) async fn an_unknown_id_finds_nothing(engine: &impl Engine) {
        let store = engine.open().await;
        store.add_recording(recording("a", "r", "s")).await.unwrap();
        store.add_artifact(artifact("a", "r", "s", "X")).await.unwrap();
        store.open_session(session("r", "s")).await.unwrap();

        assert_eq!(store.find_session(&sid("nobody")).await.unwrap(), None);
        for row in [0, 99_999, u64::MAX] {
            assert_eq!(store.find_session_by_row(row).await.unwrap(), None);
        }
        let long = "x".repeat(1 << 20);
        for id in ["", "b", "a\0", "' OR '1'='1", "%", long.as_str()] {
            assert_eq!(store.find_recording(id).await.unwrap(), None);
            assert_eq!(store.find_artifact(id).await.unwrap(), None);
            assert!(!store.remove_recording(id).await.unwrap());
            assert!(!store.remove_artifact(id).await.unwrap());
            assert!(!store.set_recording_metadata(id, String::new()).await.unwrap());
        }
    }

    pub(super) async fn notices_come_back_as_they_were_put_in(engine: &impl Engine) {
        let store = engine.open().await;
        let given = Notice {
            room: room("weekly-1"),
            session: sid("s1"),
            event: "e".repeat(MAX_EVENT),
            url: format!("https://example.org/{}", "x".repeat(MAX_URL - 20)),
            body: Bytes::from_iter((0..=255).cycle().take(70_000)),
            created_at_ms: 1_700_000_000_123,
        };

        store.enqueue(vec![given.clone()]).await.unwrap();
        store.enqueue(Vec::new()).await.unwrap();

        assert_eq!(store.due(1_700_000_000_122, 9).await.unwrap(), []);
        let due = store.due(1_700_000_000_123, 9).await.unwrap();
        assert_eq!(notices(&due), [given]);
        assert_eq!((due[0].attempts, due[0].due_ms), (0, 1_700_000_000_123));
        assert_eq!(store.backlog().await.unwrap(), Backlog { waiting: 1, parked: 0 });
    }

    pub(super) async fn the_first_of_every_line_is_due(engine: &impl Engine) {
        let store = engine.open().await;
        let all = [("a", "u"), ("a", "u"), ("b", "u"), ("a", "v"), ("b", "u"), ("A", "u")];
        store.enqueue(all.iter().zip(1..).map(|((room, url), at)| notice(room, url, at)).collect()).await.unwrap();

        let due = store.due(99, 9).await.unwrap();

        assert_eq!(times(&due), [1, 3, 4, 6], "a line is a room and an address");
        assert_eq!(times(&store.due(99, 2).await.unwrap()), [1, 3]);
        assert_eq!(times(&store.due(3, 9).await.unwrap()), [1, 3]);
        assert_eq!(store.due(99, 0).await.unwrap(), []);
        store.delivered(due[0].id).await.unwrap();
        assert_eq!(times(&store.due(99, 9).await.unwrap()), [2, 3, 4, 6]);
    }

    pub(super) async fn those_behind_a_postponed_notice_wait(engine: &impl Engine) {
        let store = engine.open().await;
        store.enqueue(vec![notice("r", "u", 1), notice("r", "u", 2), notice("r", "v", 3)]).await.unwrap();
        let first = store.due(9, 9).await.unwrap()[0].id;

        store.postponed(first, 50).await.unwrap();
        store.postponed(first, 60).await.unwrap();

        assert_eq!(times(&store.due(59, 9).await.unwrap()), [3]);
        let due = store.due(60, 9).await.unwrap();
        assert_eq!((due[0].id, due[0].attempts, due[0].due_ms), (first, 2, 60));
        assert_eq!(times(&due), [1, 3]);
    }

    pub(super) async fn those_behind_a_parked_notice_go_on(engine: &impl Engine) {
        let store = engine.open().await;
        store.enqueue(vec![notice("r", "u", 1), notice("r", "u", 2)]).await.unwrap();
        let first = store.due(9, 9).await.unwrap()[0].id;
        store.postponed(first, 50).await.unwrap();

        store.parked(first, 70).await.unwrap();
        store.postponed(first, 80).await.unwrap();
        store.parked(first, 90).await.unwrap();

        assert_eq!(times(&store.due(9, 9).await.unwrap()), [2]);
        assert_eq!(store.backlog().await.unwrap(), Backlog { waiting: 1, parked: 1 });
        let parked = store.list_parked(9).await.unwrap();
        assert_eq!((parked[0].id, parked[0].attempts, parked[0].due_ms), (first, 1, 70));
        store.delivered(first).await.unwrap();
        assert_eq!(store.backlog().await.unwrap(), Backlog { waiting: 1, parked: 0 });
    }

    pub(super) async fn what_is_said_about_an_unknown_notice_changes_nothing(engine: &impl Engine) {
        let store = engine.open().await;
        store.enqueue(vec![notice("r", "u", 1)]).await.unwrap();

        for id in [0, 99_999, u64::MAX] {
            store.delivered(id).await.unwrap();
            store.postponed(id, 99).await.unwrap();
            store.parked(id, 99).await.unwrap();
        }

        assert_eq!(times(&store.due(9, 9).await.unwrap()), [1]);
    }

    pub(super) async fn parked_notices_are_listed_last_first_and_cleared_by_age(engine: &impl Engine) {
        let store = engine.open().await;
        store.enqueue((1..=4).map(|at| notice("r", "u", at)).collect()).await.unwrap();
        for at_ms in [10, 30, 20] {
            let first = store.due(9, 9).await.unwrap()[0].id;
            store.parked(first, at_ms).await.unwrap();
        }

        assert_eq!(times(&store.list_parked(9).await.unwrap()), [2, 3, 1]);
        assert_eq!(times(&store.list_parked(1).await.unwrap()), [2]);
        assert_eq!(store.clear_parked(20).await.unwrap(), 1);
        assert_eq!(store.clear_parked(20).await.unwrap(), 0);
        assert_eq!(times(&store.list_parked(9).await.unwrap()), [2, 3]);
        assert_eq!(store.clear_parked(i64::MAX).await.unwrap(), 2);
        assert_eq!(store.backlog().await.unwrap(), Backlog { waiting: 1, parked: 0 });
    }

    pub(super) async fn the_next_due_is_that_of_a_head(engine: &impl Engine) {
        let store = engine.open().await;
        assert_eq!(store.next_due().await.unwrap(), None);

        store.enqueue(vec![notice("r", "u", 10), notice("r", "u", 11), notice("r", "v", 70)]).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), Some(10));

        let first = store.due(10, 9).await.unwrap()[0].id;
        store.postponed(first, 50).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), Some(50), "not that of the one behind it");
        store.parked(first, 50).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), Some(11));
    }

    pub(super) async fn too_many_or_too_large_notices_are_refused(engine: &impl Engine) {
        let store = engine.open().await;
        let good = || notice("r", "u", 1);
        let largest = Notice { body: Bytes::from(vec![7; MAX_BODY]), ..good() };

        for bad in [
            vec![good(); MAX_NOTICES + 1],
            vec![good(), Notice { event: "x".repeat(MAX_EVENT + 1), ..good() }],
            vec![good(), Notice { url: "x".repeat(MAX_URL + 1), ..good() }],
            vec![good(), Notice { url: "\0".to_owned(), ..good() }],
            vec![good(), Notice { body: Bytes::from(vec![7; MAX_BODY + 1]), ..good() }],
            vec![largest.clone(); 17],
        ] {
            assert!(store.enqueue(bad).await.is_err());
        }
        assert_eq!(store.backlog().await.unwrap(), Backlog::default());

        store.enqueue(vec![good(), largest.clone(), good()]).await.unwrap();
        store.enqueue(vec![good(); MAX_NOTICES - 3]).await.unwrap();
        assert_eq!(store.backlog().await.unwrap().waiting, 1_000);
        let first = store.due(9, 9).await.unwrap()[0].id;
        store.delivered(first).await.unwrap();
        assert!(notices(&store.due(9, 9).await.unwrap()) == [largest]);
    }

    pub(super) async fn ids_of_notices_grow(engine: &impl Engine) {
        let store = Arc::new(engine.open().await);
        store.enqueue((0..100).map(|n| notice(&format!("r{n}"), "u", n)).collect()).await.unwrap();
        let due = store.due(99, 100).await.unwrap();
        assert_eq!(times(&due), (0..100).collect::<Vec<_>>());
        assert!(due.is_sorted_by_key(|queued| queued.id));

        // Delivered at once, as a busy courier does.
        let tasks: Vec<_> = due
            .iter()
            .map(|queued| {
                let (store, id) = (store.clone(), queued.id);
                tokio::spawn(async move { store.delivered(id).await.unwrap() })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        store.enqueue(vec![notice("r", "u", 100)]).await.unwrap();

        let next = store.due(100, 9).await.unwrap();
        assert!(next.len() == 1 && next[0].id > due[99].id, "an id is never used again");
    }

    const ALL: Page = Page { from: 0, limit: 100, order: Order::NewestFirst };

    fn recording(id: &str, room_id: &str, session: &str) -> Recording {
        Recording {
            record_id: id.to_owned(),
            room: room(room_id),
            session: sid(session),
            recorder_id: "recorder01".to_owned(),
            file_path: format!("{room_id}/{id}.mp4"),
            megabytes: 0.25,
            metadata: String::new(),
            created_at_ms: 1_700_000_000_000,
            room_created_at_ms: 1_600_000_000_000,
        }
    }

    fn artifact(id: &str, room_id: &str, session: &str, kind: &str) -> Artifact {
        Artifact {
            artifact_id: id.to_owned(),
            room: room(room_id),
            session: sid(session),
            kind: kind.to_owned(),
            metadata: "{}".to_owned(),
            created_at_ms: 1_700_000_000_000,
        }
    }

    fn notice(room_id: &str, url: &str, created_at_ms: i64) -> Notice {
        Notice {
            room: room(room_id),
            session: sid("s"),
            event: "room_created".to_owned(),
            url: format!("https://example.org/{url}"),
            body: Bytes::from_static(b"{}"),
            created_at_ms,
        }
    }

    fn notices(queued: &[Queued]) -> Vec<Notice> {
        queued.iter().map(|queued| queued.notice.clone()).collect()
    }

    fn times(queued: &[Queued]) -> Vec<i64> {
        queued.iter().map(|queued| queued.notice.created_at_ms).collect()
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
    async fn new() -> Option<Self> {
        Some(Self(tempfile::tempdir().unwrap()))
    }
}

impl Engine for Sqlite {
    type Store = Store;

    async fn open(&self) -> Store {
        Store::open(&self.0.path().join("plenum.db")).await.unwrap()
    }
}

struct Postgres(Server);

impl Postgres {
    async fn new() -> Option<Self> {
        servers::fresh(Driver::Postgres).await.map(Self)
    }
}

impl Engine for Postgres {
    type Store = Store;

    async fn open(&self) -> Store {
        Store::connect(&self.0).await.unwrap()
    }
}

struct MariaDb(Server);

impl MariaDb {
    async fn new() -> Option<Self> {
        servers::fresh(Driver::MariaDb).await.map(Self)
    }
}

impl Engine for MariaDb {
    type Store = Store;

    async fn open(&self) -> Store {
        Store::connect(&self.0).await.unwrap()
    }
}

contract!(
    an_opened_session_is_listed_as_it_was_given,
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
    a_commit_takes_notices_along,
    a_refused_commit_takes_no_notice_along,
    a_session_is_found_by_its_id_and_by_its_row,
    past_sessions_are_those_that_ended,
    past_sessions_name_their_first_analytics,
    a_page_begins_and_ends_where_it_was_asked_to,
    ids_differ_by_case_and_by_what_follows,
    a_recording_is_found_as_it_was_added,
    a_recording_id_is_used_once,
    recordings_are_listed_in_scope_and_in_order,
    metadata_of_a_recording_is_replaced,
    a_removed_recording_is_gone_once,
    an_artifact_is_found_as_it_was_added,
    an_artifact_id_is_used_once,
    artifacts_are_listed_in_scope_and_by_kind,
    a_removed_artifact_is_gone_once,
    texts_no_engine_could_hold_are_refused,
    an_unknown_id_finds_nothing,
    notices_come_back_as_they_were_put_in,
    the_first_of_every_line_is_due,
    those_behind_a_postponed_notice_wait,
    those_behind_a_parked_notice_go_on,
    what_is_said_about_an_unknown_notice_changes_nothing,
    parked_notices_are_listed_last_first_and_cleared_by_age,
    the_next_due_is_that_of_a_head,
    too_many_or_too_large_notices_are_refused,
    ids_of_notices_grow,
);
