//! What is left of sessions: recordings and artifacts.

use super::*;

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
