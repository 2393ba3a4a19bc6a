//! Sessions as records: which run, and how they end.

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

pub(super) async fn rooms_whose_sessions_ended_lately_are_listed_with_their_last_end(engine: &impl Engine) {
    let store = engine.open().await;
    for (name, of_room, at_ms) in
        [("s1", "twice", 100), ("s2", "twice", 120), ("s3", "once", 110), ("s4", "before", 99)]
    {
        store.open_session(session(of_room, name)).await.unwrap();
        store.close_session(&sid(name), at_ms).await.unwrap();
    }
    store.open_session(session("running", "s5")).await.unwrap();

    let mut ended = store.ended_since(100).await.unwrap();

    ended.sort();
    assert_eq!(ended, [(room("once"), 110), (room("twice"), 120)]);
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
