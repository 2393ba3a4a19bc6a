//! What the media plane tells of a session when its media closes is in the record, whether the room still hears it or not.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod fakes;

use std::time::Duration;

use bytes::Bytes;
use fakes::{House, request, until};
use meeting::Activity;
use model::media::{Fault, Trouble};
use model::{Identity, RoomId, SessionId};
use ports::media::{MediaEvent, MediaEventKind};
use room::Figures;
use serde_json::{Value, json};
use tokio::time::sleep;

fn event(session: &SessionId, who: Option<&str>, kind: MediaEventKind) -> MediaEvent {
    MediaEvent {
        room: RoomId::try_from("room01").unwrap(),
        session: session.clone(),
        identity: who.map(|who| Identity::try_from(who).unwrap()),
        kind,
        participant: Bytes::new(),
        about_room: Bytes::new(),
        track: Bytes::new(),
    }
}

/// A meeting that is counted and whose media room is open, with ana in both; her socket is gone, so that nobody is waited for.
async fn meeting(house: &House) -> SessionId {
    let mut room = request("room01");
    room.metadata.as_mut().unwrap().room_features.as_mut().unwrap().enable_analytics = true;
    let session = house.meetings.create(room).await.unwrap().sid.as_str().try_into().unwrap();
    let token = house.token("room01", "ana", true).await;
    house.meetings.open_socket(&token, "ws://test".into()).await.unwrap().close().await;
    house.meetings.on_media(&event(&session, None, MediaEventKind::Opened));
    house.meetings.on_media(&event(&session, Some("ana"), MediaEventKind::Joined));
    session
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_come_back_after_a_crash_is_told_to_be_gone_once() {
    let house = House::open().await;
    meeting(&house).await;
    let store = house.store.clone();
    let told = || store.told().iter().map(|notice| notice.event.clone()).collect::<Vec<_>>();
    until(|| told().iter().any(|event| event == "participant_joined")).await;
    let before = told().len();

    let next = house.next().await;
    drop(house);
    let is_told = async {
        while told().len() == before {
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(90), is_told).await.unwrap();
    next.meetings.end("room01").await.unwrap();
    until(|| told().iter().any(|event| event == "room_finished")).await;

    assert_eq!(told()[before..][..3], ["participant_left", "session_ended", "room_finished"]);
}

fn last_words(house: &House, session: &SessionId) {
    let trouble = Trouble { fault: Fault::Interrupted, from_ms: 1000, to_ms: 2000, amount: 1000 };
    let kinds = [MediaEventKind::Left, MediaEventKind::Spoke { millis: 1500 }, MediaEventKind::Troubled(trouble)];
    for kind in kinds {
        house.meetings.on_media(&event(session, Some("ana"), kind));
    }
}

/// What the one file there is says of how ana's connection did.
fn told(house: &House) -> Value {
    let files = house.shelf.files.lock().unwrap();
    assert_eq!(files.len(), 1);
    let file: Value = serde_json::from_slice(files.first_key_value().unwrap().1).unwrap();
    serde_json::from_str(file["users"][0]["extra_data"].as_str().unwrap()).unwrap()
}

fn is_complete(house: &House, session: &SessionId) {
    let told = told(house);
    assert_eq!(told["plenum"]["talked"], json!({"times": 1, "milliseconds": 1500}));
    assert_eq!(told["plenum"]["trouble"][0]["what"], "interrupted");
    assert_eq!(told["plenum"]["connected"].as_array().unwrap().len(), 1);
    let artifacts = house.shelf.artifacts.lock().unwrap();
    assert_eq!((artifacts.len(), &artifacts[0].session), (1, session));
}

/// The room is over and its record waits.
async fn end(house: &House, session: &SessionId) {
    house.meetings.end("room01").await.unwrap();
    until(|| house.store.session("room01").ended_at_ms.is_some()).await;
    assert!(house.store.keys(session).iter().any(|key| key == Figures::KEY));
    assert!(house.shelf.files.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_record_waits_for_media_and_the_name_of_its_room_does_not() {
    let house = House::open().await;
    let session = meeting(&house).await;
    end(&house, &session).await;
    let next = house.create("room01").await.sid;
    assert_ne!(next, session.as_str());

    last_words(&house, &session);
    house.meetings.on_media(&event(&session, None, MediaEventKind::Closed));

    until(|| house.store.keys(&session).is_empty()).await;
    is_complete(&house, &session);
    assert_eq!(house.meetings.activity("room01").await, Ok(Activity::Active), "the next meeting goes on");
}

#[tokio::test]
async fn a_room_that_hears_all_of_it_hands_its_record_on_at_once() {
    let house = House::open().await;
    let session = meeting(&house).await;
    let token = house.token("room01", "ben", false).await;
    let link = house.meetings.open_socket(&token, "ws://test".into()).await.unwrap();
    house.meetings.end("room01").await.unwrap();
    assert_eq!(house.media.closed.lock().unwrap().len(), 0, "ben reads why");

    last_words(&house, &session);
    house.meetings.on_media(&event(&session, None, MediaEventKind::Closed));
    link.close().await;

    until(|| house.store.keys(&session).is_empty()).await;
    is_complete(&house, &session);
}

#[tokio::test(start_paused = true)]
async fn media_that_never_says_that_it_is_gone_is_waited_for_for_ten_seconds() {
    let house = House::open().await;
    let session = meeting(&house).await;
    end(&house, &session).await;
    last_words(&house, &session);

    sleep(Duration::from_secs(9)).await;
    assert!(house.shelf.files.lock().unwrap().is_empty());
    sleep(Duration::from_secs(1)).await;
    until(|| house.store.keys(&session).is_empty()).await;

    is_complete(&house, &session);
}

#[tokio::test]
async fn a_room_that_is_busy_misses_nothing_of_what_media_tells_of_many_at_once() {
    let house = House::open().await;
    let session = meeting(&house).await;
    house.store.hold();
    house.meetings.on_media(&event(&session, Some("ana"), MediaEventKind::Left));
    until(|| house.store.waiting_commits() > 0).await;

    for _ in 0..5000 {
        house.meetings.on_media(&event(&session, Some("ana"), MediaEventKind::Spoke { millis: 1 }));
    }
    house.meetings.on_media(&event(&session, None, MediaEventKind::Closed));
    house.store.release();
    house.meetings.end("room01").await.unwrap();

    until(|| house.store.keys(&session).is_empty()).await;
    assert_eq!(told(&house)["plenum"]["talked"], json!({"times": 5000, "milliseconds": 5000}));
}

#[tokio::test]
async fn a_process_that_stops_hands_on_what_waits() {
    let house = House::open().await;
    let session = meeting(&house).await;
    end(&house, &session).await;
    last_words(&house, &session);

    house.meetings.stop().await;

    assert_eq!(house.store.keys(&session), [""; 0]);
    is_complete(&house, &session);
}

#[tokio::test]
async fn a_process_that_dies_while_a_record_waits_loses_no_more_than_what_it_waited_for() {
    let house = House::open().await;
    let session = meeting(&house).await;
    end(&house, &session).await;

    let next = house.next().await;

    assert_eq!(next.store.keys(&session), [""; 0]);
    assert_eq!(told(&next)["plenum"]["connected"].as_array().unwrap().len(), 1);
}
