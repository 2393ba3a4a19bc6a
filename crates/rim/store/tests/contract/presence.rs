//! Who is in media rooms.

use super::*;

fn there(id: &str, room_id: &str, about: &'static [u8]) -> Presence {
    Presence { id: id.to_owned(), room: room(room_id), session: sid("s"), about: Bytes::from_static(about) }
}

fn comes(presence: &Presence) -> PresenceWrite {
    PresenceWrite::Put(presence.clone())
}

fn goes(id: &str) -> PresenceWrite {
    PresenceWrite::Remove { id: id.to_owned() }
}

pub(super) async fn who_is_noted_is_there_until_they_are_gone(engine: &impl Engine) {
    let store = engine.open().await;
    let (ana, ben) = (there("PA_b", "r", b"ana\0\xff"), there("PA_B", "R", b""));
    assert_eq!(store.present().await.unwrap(), []);

    store.note(vec![comes(&ana), comes(&ben)], Vec::new()).await.unwrap();
    store.note(Vec::new(), Vec::new()).await.unwrap();
    assert_eq!(store.present().await.unwrap(), [ben.clone(), ana.clone()], "ids differ by case");

    let moved = Presence { session: sid("t"), ..there("PA_b", "r2", b"else") };
    store.note(vec![comes(&moved), goes("PA_x"), goes("PA_B")], Vec::new()).await.unwrap();
    assert_eq!(store.present().await.unwrap(), [moved]);
}

pub(super) async fn the_last_word_on_who_is_there_counts(engine: &impl Engine) {
    let store = engine.open().await;
    let (first, last) = (there("a", "r", b"1"), there("a", "r", b"2"));

    store.note(vec![comes(&first), goes("a"), comes(&last), comes(&first), goes("b")], Vec::new()).await.unwrap();
    assert_eq!(store.present().await.unwrap(), std::slice::from_ref(&first));
    let (one, other) = (store.note(vec![goes("a")], Vec::new()), store.note(vec![comes(&last)], Vec::new()));
    let (one, other) = tokio::join!(one, other);
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(store.present().await.unwrap(), [last], "in the order asked for");
}

pub(super) async fn who_is_there_and_what_is_told_of_it_are_one_step(engine: &impl Engine) {
    let store = engine.open().await;
    let ana = there("a", "r", b"1");
    let bad = Notice { url: "x".repeat(MAX_URL + 1), ..notice("r", "u", 6) };

    assert!(store.note(vec![comes(&ana)], vec![notice("r", "u", 5), bad]).await.is_err());
    assert!(store.note(vec![comes(&ana), goes("")], vec![notice("r", "u", 5)]).await.is_err());
    assert_eq!(store.present().await.unwrap(), []);
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());

    store.note(vec![comes(&ana)], vec![notice("r", "u", 5)]).await.unwrap();
    store.note(Vec::new(), vec![notice("r", "u", 6)]).await.unwrap();
    assert_eq!(store.present().await.unwrap(), [ana]);
    assert_eq!(store.backlog().await.unwrap().waiting, 2);
}

pub(super) async fn a_thousand_come_and_go_at_once(engine: &impl Engine) {
    let store = engine.open().await;
    let all: Vec<Presence> = (0..1000).map(|n| there(&format!("PA_{n:04}"), "r", b"x")).collect();

    store.note(all.iter().map(comes).collect(), Vec::new()).await.unwrap();
    assert!(store.present().await.unwrap() == all);
    store.note(all.iter().skip(1).map(|one| goes(&one.id)).collect(), Vec::new()).await.unwrap();

    assert_eq!(store.present().await.unwrap(), all[..1]);
}

pub(super) async fn too_many_or_too_large_presences_are_refused(engine: &impl Engine) {
    let store = engine.open().await;
    let good = there("a", "r", b"1");
    let with_id = |id: String| comes(&Presence { id, ..good.clone() });
    let with_about = |bytes: usize| comes(&Presence { about: Bytes::from(vec![7; bytes]), ..good.clone() });

    for bad in [
        vec![with_id(String::new())],
        vec![with_id("x".repeat(MAX_PRESENCE_ID + 1))],
        vec![with_id("\0".to_owned())],
        vec![with_about(MAX_ABOUT + 1)],
        vec![comes(&good); MAX_PRESENCE_WRITES + 1],
    ] {
        assert!(store.note(bad, Vec::new()).await.is_err());
    }
    assert_eq!(store.present().await.unwrap(), []);

    let largest = vec![with_id("x".repeat(MAX_PRESENCE_ID)), with_about(MAX_ABOUT)];
    store.note(largest, Vec::new()).await.unwrap();
    let there: Vec<_> = store.present().await.unwrap().iter().map(|one| (one.id.len(), one.about.len())).collect();
    assert_eq!(there, [(1, MAX_ABOUT), (MAX_PRESENCE_ID, 1)]);
}
