//! Notices for other servers.

use super::*;

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
