//! The journal of running sessions.

use super::*;

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

    let mut found: Vec<_> =
        store.running_sessions().await.unwrap().iter().map(|record| (record.id, record.joined_participants)).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

pub(super) async fn a_healthy_store_answers(engine: &impl Engine) {
    engine.open().await.ping().await.unwrap();
}
