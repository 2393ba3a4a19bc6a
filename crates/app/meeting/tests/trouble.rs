//! What the application promises when the store fails, stalls or goes away, and when a room breaks.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod fakes;

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fakes::{House, MemoryStore, request, ticket};
use meeting::{
    AccessError, Activity, AdmitRefusal, AuthorizeRefusal, ClientSubject, CreateError, Down, EndError, JoinError,
    NotShown, Unavailable,
};
use model::SessionId;
use ports::store::{Records, State, StateWrite};
use prost::Message;
use tokio::time::sleep;
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

/// Rounds of a wait, far beyond what any needs.
const MANY: usize = 1000;

async fn open(house: &House, token: &str) -> meeting::SocketLink {
    let link = house.meetings.open_socket(token, "ws://test".into()).await.unwrap();
    link.credit(100).await;
    link
}

/// The next event that was not there before.
async fn next_event(link: &mut meeting::SocketLink) -> Event {
    loop {
        match link.down.recv().await.unwrap() {
            Down::Deliver(delivery) => {
                link.ack(delivery.stream_seq).await;
                return pnm::NatsMsgServerToClient::decode(delivery.payload).unwrap().event();
            }
            Down::Forward(_) | Down::Admitted(_) | Down::Hangup(_) => {}
        }
    }
}

/// Lets everything happen that can happen without time passing, then says whether the future is done.
async fn is_done<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    tokio::select! {
        biased;
        _ = future => true,
        () = async { for _ in 0..MANY { tokio::task::yield_now().await } } => false,
    }
}

/// Lets time pass, on a clock that stands still otherwise, until something is so.
async fn until(what: impl Fn() -> bool) {
    for _ in 0..MANY {
        if what() {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("it never came to that");
}

fn session_of(room: &pnm::ActiveRoomInfo) -> SessionId {
    room.sid.as_str().try_into().unwrap()
}

fn has(store: &MemoryStore, session: &SessionId, key: &str) -> bool {
    store.keys(session).iter().any(|known| known == key)
}

#[tokio::test(start_paused = true)]
async fn a_person_the_journal_cannot_hold_gets_no_token_and_is_written_when_it_can() {
    let house = House::open().await;
    let session = session_of(&house.create("room01").await);
    house.store.break_down();

    let refused = house.meetings.join_token(ticket("room01", "ana", false)).await;
    assert!(matches!(refused, Err(JoinError::Failed)), "{refused:?}");
    let again = house.meetings.join_token(ticket("room01", "ben", false)).await;
    assert!(matches!(again, Err(JoinError::Failed)), "{again:?}");
    assert!(!has(&house.store, &session, "user.ana"));

    house.store.repair();
    until(|| has(&house.store, &session, "user.ana")).await;
    assert!(!has(&house.store, &session, "user.ben"), "what is refused meanwhile is not done");
    assert!(house.meetings.join_token(ticket("room01", "ben", false)).await.is_ok());
    assert!(has(&house.store, &session, "user.ben"));
}

#[tokio::test(start_paused = true)]
async fn an_end_the_journal_cannot_hold_is_told_to_nobody_before_it_can() {
    let house = House::open().await;
    house.create("room01").await;
    let token = house.token("room01", "ana", true).await;
    let mut link = open(&house, &token).await;
    house.store.break_down();

    let refused = house.meetings.end("room01").await;
    assert_eq!(refused, Err(EndError::Failed));
    assert_eq!(refused.unwrap_err().to_string(), "failed to end room");
    assert_eq!(house.meetings.end("room01").await, Err(EndError::Failed));
    assert!(link.down.try_recv().is_none(), "nothing new is announced");
    assert_eq!(house.meetings.activity("room01").await, Err(Unavailable));

    house.store.repair();
    assert_eq!(next_event(&mut link).await, Event::SessionEnded);
}

#[tokio::test(start_paused = true)]
async fn what_people_say_while_the_journal_is_out_of_order_arrives_afterwards() {
    let house = House::open().await;
    let mut room = request("room01");
    let features = room.metadata.as_mut().unwrap().room_features.as_mut().unwrap();
    features.chat_features = Some(pnm::ChatFeatures { is_allow: true, ..Default::default() });
    let session = session_of(&house.meetings.create(room).await.unwrap());
    let (ana, ben) = (house.token("room01", "ana", true).await, house.token("room01", "ben", false).await);
    let ana = open(&house, &ana).await;
    let mut ben = open(&house, &ben).await;
    house.store.break_down();
    let say = async |id: &str| {
        let message =
            pnm::ChatMessage { id: id.into(), from_user_id: "ana".into(), message: "hi".into(), ..Default::default() };
        ana.publish(ClientSubject::Chat, message.encode_to_vec().into()).await;
    };

    say("m1").await;
    sleep(Duration::from_secs(10)).await;
    say("m2").await;
    sleep(Duration::from_secs(60)).await;
    assert!(ben.down.try_recv().is_none(), "nothing new is announced");

    house.store.repair();
    let mut heard = Vec::new();
    while heard.len() < 2 {
        if let Down::Forward(message) = ben.down.recv().await.unwrap() {
            heard.push(pnm::ChatMessage::decode(message.payload.clone()).unwrap().message);
        }
    }
    assert_eq!(heard, ["hi", "hi"]);
    assert_eq!(house.store.keys(&session).iter().filter(|key| key.starts_with("chat.")).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_socket_opened_while_the_journal_is_out_of_order_opens_when_it_works_again() {
    let house = House::open().await;
    house.create("room01").await;
    let token = house.token("room01", "ana", true).await;
    house.store.break_down();
    let meetings = house.meetings.clone();
    let mut opening = tokio::spawn(async move { meetings.open_socket(&token, String::new()).await.map(|_| ()) });
    assert!(!is_done(&mut opening).await);
    sleep(Duration::from_secs(5)).await;
    assert!(!opening.is_finished());

    house.store.repair();

    assert!(opening.await.unwrap().is_ok());
}

#[tokio::test]
async fn what_was_so_before_is_told_while_the_journal_is_out_of_order() {
    let house = House::open().await;
    house.create("room01").await;
    let token = house.token("room01", "ana", true).await;
    tokio::time::pause();
    house.store.break_down();
    assert_eq!(house.meetings.end("room01").await, Err(EndError::Failed));

    let refused = house.meetings.authorize(&token).await;
    assert!(matches!(refused, Err(AccessError::Refused(_))), "the room is about to end: {refused:?}");
    assert_eq!(house.meetings.room_extra("room01", "nothing").await, None);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_undo_a_creation() {
    let house = House::open().await;
    house.store.hold();
    let mut creation = Box::pin(house.meetings.create(request("room01")));
    assert!(!is_done(&mut creation).await, "there is no room before it is written");
    assert_eq!(house.meetings.activity("room01").await, Ok(Activity::Unknown));

    drop(creation);
    house.store.release();

    let mut active = Ok(Activity::Unknown);
    for _ in 0..MANY {
        active = house.meetings.activity("room01").await;
        tokio::task::yield_now().await;
    }
    assert_eq!(active, Ok(Activity::Active));
    assert!(house.store.session("room01").ended_at_ms.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_room_that_takes_too_long_to_start_is_neither_created_again_nor_ended() {
    let house = House::open().await;
    house.store.hold();
    let mut creation = Box::pin(house.meetings.create(request("room01")));
    assert!(!is_done(&mut creation).await);

    let busy = house.meetings.create(request("room01")).await.unwrap_err();
    assert!(matches!(busy, CreateError::Busy { .. }));
    assert_eq!(busy.to_string(), "timeout waiting to acquire lock for room room01, operation is currently locked");
    let starting = house.meetings.end("room01").await;
    assert_eq!(starting, Err(EndError::Starting));
    assert_eq!(starting.unwrap_err().to_string(), "failed to end room, it may be starting");

    house.store.release();
    assert!(creation.await.is_ok(), "only waiting for a turn has a limit");
}

#[tokio::test]
async fn an_end_waits_for_a_creation_under_way() {
    let house = House::open().await;
    house.store.hold();
    let mut creation = Box::pin(house.meetings.create(request("room01")));
    assert!(!is_done(&mut creation).await);
    let mut end = Box::pin(house.meetings.end("room01"));
    assert!(!is_done(&mut end).await);

    house.store.release();

    assert!(creation.await.is_ok());
    assert_eq!(end.await, Ok(()));
}

#[tokio::test]
async fn an_end_is_answered_only_after_it_is_in_the_journal() {
    let house = House::open().await;
    house.create("room01").await;
    let token = house.token("room01", "ana", true).await;
    let mut link = open(&house, &token).await;
    house.store.hold();
    let mut end = Box::pin(house.meetings.end("room01"));
    assert!(!is_done(&mut end).await);
    assert!(link.down.try_recv().is_none());

    house.store.release();

    assert_eq!(end.await, Ok(()));
    assert_eq!(next_event(&mut link).await, Event::SessionEnded);
}

#[tokio::test(start_paused = true)]
async fn questions_do_not_wait_for_a_journal_that_stalls() {
    let house = House::open().await;
    house.create("room01").await;
    let token = house.token("room01", "ana", true).await;
    house.create("room02").await;
    house.store.hold();
    let meetings = house.meetings.clone();
    let mut asked = tokio::spawn(async move { meetings.join_token(ticket("room01", "ben", false)).await });
    assert!(!is_done(&mut asked).await);

    assert_eq!(house.meetings.activity("room01").await, Err(Unavailable));
    assert_eq!(house.meetings.activity("room02").await, Ok(Activity::Active));
    assert_eq!(house.meetings.active_room("room01").await.unwrap_err(), NotShown::Unavailable(Unavailable));
    assert_eq!(house.meetings.active_rooms().await.unwrap_err(), Unavailable);
    assert_eq!(house.meetings.authorize(&token).await.unwrap_err(), AccessError::Unavailable(Unavailable));
    assert!(matches!(asked.await.unwrap(), Err(JoinError::Failed)), "a change waits longer, but not forever");

    house.store.release();
    assert_eq!(house.meetings.activity("room01").await, Ok(Activity::Active));
    assert_eq!(house.meetings.active_rooms().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_room_that_breaks_is_closed_and_its_id_is_free() {
    let house = House::open().await;
    let session = session_of(&house.create("room01").await);
    let token = house.token("room01", "ana", true).await;
    let mut link = open(&house, &token).await;
    house.media.breaks.store(true, Ordering::Relaxed);

    // The older session of ana is taken off the media plane, which breaks the room.
    let _ = house.meetings.join_token(ticket("room01", "ana", true)).await;

    while link.down.recv().await.is_some() {}
    assert_eq!(house.meetings.end("room01").await, Err(EndError::NoRoom), "it did not end, it broke");
    assert_eq!(house.meetings.activity("room01").await, Ok(Activity::Unknown));
    assert!(house.store.session("room01").ended_at_ms.is_some());
    assert_eq!(house.store.keys(&session), [""; 0]);
    assert_eq!(house.media.closed.lock().unwrap().len(), 1);
    assert_eq!(house.meetings.room_count(), 0);
    assert_ne!(house.create("room01").await.sid, session.as_str());
}

#[tokio::test]
async fn a_room_that_was_ending_leaves_nothing_behind_after_a_crash() {
    let house = House::open().await;
    let session = session_of(&house.create("room01").await);
    let token = house.token("room01", "ana", true).await;
    let _link = open(&house, &token).await;
    house.meetings.end("room01").await.unwrap();
    assert!(has(&house.store, &session, "info"), "it waits for ana");

    let next = House::on(house.store.clone()).await;
    until(|| next.store.keys(&session).is_empty()).await;

    assert!(next.store.session("room01").ended_at_ms.is_some());
    assert_ne!(next.create("room01").await.sid, session.as_str());
}

#[tokio::test]
async fn somebody_blocked_stays_out() {
    let house = House::open().await;
    let session = session_of(&house.create("room01").await);
    let token = house.token("room01", "ben", false).await;
    // Field 4 of a person's entry, as a moderator's block leaves it.
    let mut entry = house.store.value(&session, "user.ben").to_vec();
    entry.extend([0x20, 1]);
    house.store.commit(&session, vec![StateWrite { key: "user.ben".into(), value: Some(entry.into()) }]).await.unwrap();

    let next = House::on(house.store.clone()).await;

    let refused = next.meetings.join_token(ticket("room01", "ben", false)).await;
    assert!(matches!(refused, Err(JoinError::Refused(AdmitRefusal::Blocked))), "{refused:?}");
    let refused = next.meetings.authorize(&token).await.unwrap_err();
    assert_eq!(refused, AccessError::Refused(AuthorizeRefusal::Blocked));
    assert_eq!(refused.to_string(), "notifications.you-are-blocked");
}

#[tokio::test(start_paused = true)]
async fn a_room_nobody_joins_ends_to_the_second_it_was_asked_to() {
    let house = House::open().await;
    let room = pnm::CreateRoomReq { empty_timeout: Some(1), ..request("room01") };
    house.meetings.create(room).await.unwrap();

    sleep(Duration::from_millis(990)).await;
    assert_eq!(house.meetings.activity("room01").await, Ok(Activity::Active));
    sleep(Duration::from_millis(20)).await;
    assert_eq!(house.meetings.activity("room01").await, Ok(Activity::Unknown));
    assert!(house.store.session("room01").ended_at_ms.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_room_everybody_left_ends_after_its_time_and_one_with_a_duration_after_that() {
    let house = House::open().await;
    house.create("left").await;
    let token = house.token("left", "ana", false).await;
    open(&house, &token).await.close().await;
    let mut short = request("short");
    short.metadata.as_mut().unwrap().room_features.as_mut().unwrap().room_duration = Some(1);
    house.meetings.create(short).await.unwrap();
    let token = house.token("short", "ana", false).await;
    let _link = open(&house, &token).await;

    sleep(Duration::from_secs(59)).await;
    assert_eq!(house.meetings.activity("short").await, Ok(Activity::Active));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(house.meetings.activity("short").await, Ok(Activity::Inactive), "people read why");
    sleep(Duration::from_secs(3)).await;
    assert_eq!(house.meetings.activity("left").await, Ok(Activity::Active), "five seconds to come back, then a minute");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(house.meetings.activity("left").await, Ok(Activity::Unknown));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(house.meetings.activity("short").await, Ok(Activity::Unknown));
}

#[tokio::test]
async fn a_damaged_journal_is_kept_for_one_more_start() {
    let house = House::open().await;
    let session = session_of(&house.create("room01").await);
    let broken = StateWrite { key: "info".into(), value: Some(vec![0xff; 8].into()) };
    house.store.commit(&session, vec![broken]).await.unwrap();

    let next = House::on(house.store.clone()).await;
    assert_eq!(next.meetings.activity("room01").await, Ok(Activity::Unknown));
    assert_eq!(next.store.keys(&session), ["info"]);
    assert!(next.store.running_sessions().await.unwrap().is_empty());

    let after = House::on(house.store.clone()).await;
    assert_eq!(after.store.keys(&session), [""; 0]);
}
