//! What the application promises to the API and the gateway, on a store in memory.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod fakes;

use bytes::Bytes;
use fakes::{House, SECRET, request, ticket};
use meeting::{AccessError, Activity, AuthorizeRefusal, Down, EndError, JoinError, OpenError, Word};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ports::media::{ConnectError, RemoveReason};
use ports::media_control::{ControlError, FREE_SESSION, RoomSettings};
use prost::Message;
use wire::pnm::{self, NatsMsgClientToServerEvents as Ask, NatsMsgServerToClientEvents as Event};
use wire::token::{ApiKey, JoinClaims, MediaClaims, VideoGrant, mint_join, mint_media};

fn ask(event: Ask, msg: &str) -> Bytes {
    pnm::NatsMsgClientToServer { id: "1".into(), event: event.into(), msg: msg.into(), bin_msg: Vec::new() }
        .encode_to_vec()
        .into()
}

async fn next_event(link: &mut meeting::SocketLink) -> pnm::NatsMsgServerToClient {
    loop {
        match link.down.recv().await.unwrap() {
            Down::Deliver(delivery) => {
                link.ack(delivery.stream_seq).await;
                return pnm::NatsMsgServerToClient::decode(delivery.payload).unwrap();
            }
            Down::Forward(_) | Down::Admitted(_) => {}
            Down::Hangup(farewell) => return pnm::NatsMsgServerToClient::decode(farewell.unwrap().payload).unwrap(),
        }
    }
}

async fn open(house: &House, token: &str) -> meeting::SocketLink {
    let link = house.meetings.open_socket(token, "ws://test".into()).await.unwrap();
    link.credit(100).await;
    link
}

#[tokio::test]
async fn creating_a_running_room_again_answers_with_the_room_that_runs() {
    let house = House::open().await;

    let first = house.create("room01").await;
    let mut again = request("room01");
    again.metadata.as_mut().unwrap().room_title = "Another".into();
    let second = house.meetings.create(again).await.unwrap();

    assert_eq!(first, second);
    assert_eq!(house.meetings.activity("room01").await, Ok(Activity::Active));
    assert_eq!(house.meetings.activity("other").await, Ok(Activity::Unknown));
}

#[tokio::test]
async fn two_requests_at_once_make_one_session() {
    let house = House::open().await;

    let (a, b) = tokio::join!(house.create("room01"), house.create("room01"));

    assert_eq!(a.sid, b.sid);
}

#[tokio::test]
async fn a_room_that_ended_starts_anew_under_another_session() {
    let house = House::open().await;
    let first = house.create("room01").await;

    house.meetings.end("room01").await.unwrap();
    let second = house.create("room01").await;

    assert_ne!(first.sid, second.sid);
    assert!(house.store.session("room01").ended_at_ms.is_none());
    assert_eq!(house.media.closed.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_room_the_store_cannot_hold_is_not_created() {
    let house = House::open().await;
    house.store.break_down();

    assert!(house.meetings.create(request("room01")).await.is_err());
    assert_eq!(house.meetings.activity("room01").await, Ok(Activity::Unknown));
}

#[tokio::test]
async fn a_token_is_answered_only_after_the_person_is_in_the_journal() {
    let house = House::open().await;
    let session = house.create("room01").await.sid;
    let session = session.as_str().try_into().unwrap();
    house.store.hold();

    let meetings = house.meetings.clone();
    let mut asked = tokio::spawn(async move { meetings.join_token(ticket("room01", "ana", false)).await });
    tokio::select! {
        biased;
        _ = &mut asked => panic!("announced before it was written"),
        () = async { for _ in 0..1000 { tokio::task::yield_now().await } } => {}
    }
    assert!(!house.store.keys(&session).contains(&"user.ana".to_owned()));
    house.store.release();

    assert!(asked.await.unwrap().is_ok());
    assert!(house.store.keys(&session).contains(&"user.ana".to_owned()));
}

#[tokio::test]
async fn a_token_opens_its_room_until_the_session_is_over() {
    let house = House::open().await;
    house.create("room01").await;
    let token = house.token("room01", "ana", true).await;

    let access = house.meetings.authorize(&token).await.unwrap();
    assert!(access.is_admin);
    assert_eq!(house.meetings.verify_join(&access).await.unwrap().self_inserted_key, None);

    house.meetings.end("room01").await.unwrap();
    house.create("room01").await;
    let refused = house.meetings.authorize(&token).await.unwrap_err();
    assert_eq!(refused, AccessError::Refused(AuthorizeRefusal::NotActive), "a token names its session");
    assert_eq!(house.meetings.authorize("x.y.z").await.unwrap_err(), AccessError::Invalid);
}

#[tokio::test]
async fn there_is_no_token_for_a_room_that_is_not() {
    let house = House::open().await;
    let refused = house.meetings.join_token(ticket("room01", "ana", false)).await;
    assert!(matches!(refused, Err(JoinError::NoRoom)));
    assert_eq!(house.meetings.end("room01").await, Err(EndError::NoRoom));
}

#[tokio::test]
async fn a_second_token_for_the_same_person_closes_the_first_socket_with_a_reason() {
    let house = House::open().await;
    house.create("room01").await;
    let first = house.token("room01", "ana", false).await;
    let mut link = open(&house, &first).await;

    let second = house.token("room01", "ana", false).await;

    let last = next_event(&mut link).await;
    assert_eq!(last.event(), Event::SessionEnded);
    assert_eq!(last.msg, "notifications.room-disconnected-duplicate-entry");
    let refused = house.meetings.open_socket(&first, String::new()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Access(AccessError::Refused(AuthorizeRefusal::Superseded))));
    assert!(house.meetings.open_socket(&second, String::new()).await.is_ok());
    assert_eq!(house.media.removed.lock().unwrap()[0].1, RemoveReason::Duplicate);
}

#[tokio::test]
async fn when_a_meeting_took_the_name_meanwhile_it_is_looked_up_again_whose_room_it_is() {
    let house = House::open().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let video = VideoGrant { room_join: true, room: "room01".into(), ..VideoGrant::default() };
    let claims = MediaClaims { identity: "eve".into(), video, ..MediaClaims::default() };
    let token = mint_media(&ApiKey::new("key", SECRET), &claims, i64::try_from(now).unwrap(), 60);
    let calls = AtomicUsize::new(0);
    let complete = |join| {
        calls.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Box<dyn std::error::Error>>(join)
    };
    let asked = || -> Vec<String> { house.media.asked.lock().unwrap().iter().map(ToString::to_string).collect() };
    let free = FREE_SESSION.to_owned();

    house.media.taken.store(1, Ordering::Relaxed);
    assert!(house.meetings.connect_media(&token, complete).await.is_ok(), "the meeting was over again");
    assert_eq!((calls.load(Ordering::Relaxed), asked()), (2, vec![free.clone(); 2]));
    house.media.taken.store(2, Ordering::Relaxed);
    let refused = house.meetings.connect_media(&token, complete).await.err().unwrap();
    assert_eq!(refused.downcast_ref(), Some(&ConnectError::Taken), "twice and no oftener");

    house.media.meets.lock().unwrap().replace((house.meetings.clone(), "room01".into()));
    let refused = house.meetings.connect_media(&token, complete).await.err().unwrap();
    assert!(refused.is::<AccessError>(), "the meeting does not know her: {refused}");
    assert_eq!(asked(), vec![free; 5]);
}

#[tokio::test]
async fn the_api_looks_up_once_more_whose_room_it_is() {
    let house = House::open().await;
    let open = async |taken: usize| {
        house.media.taken.store(taken, Ordering::Relaxed);
        let room = model::RoomId::try_from("room01").unwrap();
        house.meetings.open_media_room(&room, RoomSettings::default()).await.map(drop)
    };

    assert_eq!(open(1).await, Ok(()));
    assert_eq!(open(2).await, Err(ControlError::Taken));
    house.media.meets.lock().unwrap().replace((house.meetings.clone(), "room01".into()));
    assert_eq!(open(0).await, Ok(()));

    let asked = house.media.asked.lock().unwrap().clone();
    assert!(asked[..5].iter().all(|session| session.as_str() == FREE_SESSION));
    assert_eq!(asked[5..], [house.store.session("room01").session.session], "the meeting's own");
}

#[tokio::test]
async fn a_media_token_names_the_room_the_session_and_the_rights_and_nothing_of_the_api() {
    let house = House::open().await;
    let session = house.create("room01").await.sid;
    let token = house.token("room01", "ana", true).await;
    let mut link = open(&house, &token).await;

    link.worker(ask(Ask::ReqMediaServerData, ""), 1).await;
    let answer = next_event(&mut link).await;

    assert_eq!(answer.event(), Event::ResMediaServerData);
    let info: pnm::MediaServerConnInfo = wire::json::decode(answer.msg.as_bytes()).unwrap();
    assert_eq!(info.url, "ws://test");
    let admission = house.meetings.enter_media(&info.token).await.unwrap();
    assert_eq!(admission.join.identity.as_str(), "ana");
    assert_eq!(admission.join.session.as_str(), session);
    assert!(!admission.join.permission.publish_data);
    assert!(house.meetings.authorize(&info.token).await.is_err(), "a media token opens nothing of the API");
    assert!(house.meetings.enter_media(&token).await.is_err(), "a join token opens no media");
    assert!(house.meetings.refresh_media_token(&info.token).await.is_some());

    house.meetings.end("room01").await.unwrap();
    assert_eq!(house.meetings.refresh_media_token(&info.token).await, None);
}

#[tokio::test]
async fn a_token_is_renewed_with_the_same_rank_and_generation() {
    let house = House::open().await;
    house.create("room01").await;
    let token = house.token("room01", "ana", true).await;
    let mut link = open(&house, &token).await;

    link.worker(ask(Ask::ReqRenewPnmToken, &token), 1).await;
    let renewed = next_event(&mut link).await;

    assert_eq!(renewed.event(), Event::RespRenewPnmToken);
    assert!(house.meetings.authorize(&renewed.msg).await.unwrap().is_admin);
    assert!(house.meetings.open_socket(&renewed.msg, String::new()).await.is_ok());
}

#[tokio::test]
async fn somebody_elses_token_is_not_renewed() {
    let house = House::open().await;
    house.create("room01").await;
    let ana = house.token("room01", "ana", true).await;
    let ben = house.token("room01", "ben", false).await;
    let mut link = open(&house, &ben).await;

    link.worker(ask(Ask::ReqRenewPnmToken, &ana), 1).await;
    link.worker(ask(Ask::Ping, ""), 2).await;

    assert_eq!(next_event(&mut link).await.event(), Event::Pong, "nothing came before it");
}

/// A token as the application would have made it a while ago, or for something else.
fn minted(room: &str, secret: &str, seconds_ago: i64, change: impl FnOnce(&mut JoinClaims)) -> String {
    let mut claims =
        JoinClaims { name: "ana".into(), user_id: "ana".into(), room_id: room.into(), ..JoinClaims::default() };
    change(&mut claims);
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    mint_join(&ApiKey::new("key", secret), &claims, now - seconds_ago, 600)
}

#[tokio::test]
async fn a_token_that_ran_out_is_good_for_three_hours_for_people_who_were_inside_and_is_replaced() {
    let house = House::open().await;
    house.create("room01").await;
    let token = house.token("room01", "ana", true).await;
    let expired = |ago| minted("room01", SECRET, ago, |_| {});
    let refused = house.meetings.open_socket(&expired(700), String::new()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Access(AccessError::Refused(AuthorizeRefusal::Expired))), "never inside");
    drop(open(&house, &token).await);

    let mut link = open(&house, &expired(3 * 3600)).await;
    let fresh = loop {
        let event = next_event(&mut link).await;
        if event.event() == Event::RespRenewPnmToken {
            break event.msg;
        }
    };
    assert!(house.meetings.authorize(&fresh).await.is_ok());
    let refused = house.meetings.open_socket(&expired(3 * 3600 + 700), String::new()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Access(AccessError::Expired)));
}

#[tokio::test]
async fn a_token_of_another_session_or_generation_is_not_renewed() {
    let house = House::open().await;
    house.create("room01").await;
    let token = house.token("room01", "ana", true).await;
    let mut link = open(&house, &token).await;
    let foreign = [
        minted("room01", SECRET, 0, |claims| claims.generation = Some("older".into())),
        minted("room01", SECRET, 0, |claims| claims.room_sid = Some("another".into())),
        minted("room02", SECRET, 0, |_| {}),
        minted("room01", "a foreign secret of at least 32 bytes", 0, |_| {}),
    ];
    for (receipt, token) in (1..).zip(&foreign) {
        link.worker(ask(Ask::ReqRenewPnmToken, token), receipt).await;
        assert!(house.meetings.open_socket(token, String::new()).await.is_err(), "nor does it open anything");
    }
    link.worker(ask(Ask::Ping, ""), 9).await;
    assert_eq!(next_event(&mut link).await.event(), Event::Pong, "nothing came before it");
}

#[tokio::test]
async fn only_a_moderator_ends_the_meeting_from_inside() {
    let house = House::open().await;
    house.create("room01").await;
    let (ana, ben) = (house.token("room01", "ana", true).await, house.token("room01", "ben", false).await);
    let (ana, ben) = (house.meetings.authorize(&ana).await.unwrap(), house.meetings.authorize(&ben).await.unwrap());

    assert_eq!(house.meetings.end_as(&ben).await, Err(EndError::NotAllowed));
    assert_eq!(house.meetings.activity("room01").await, Ok(Activity::Active));
    assert_eq!(house.meetings.end_as(&ana).await, Ok(()));
}

#[tokio::test]
async fn meetings_go_on_in_the_next_process() {
    let house = House::open().await;
    let info = house.create("room01").await;
    let token = house.token("room01", "ana", true).await;
    let link = open(&house, &token).await;
    link.publish(
        meeting::ClientSubject::Chat,
        pnm::ChatMessage { id: "m1".into(), from_user_id: "ana".into(), message: "hi".into(), ..Default::default() }
            .encode_to_vec()
            .into(),
    )
    .await;
    let mut link = link;
    link.worker(ask(Ask::Ping, ""), 1).await;
    assert_eq!(next_event(&mut link).await.event(), Event::Pong);

    let next = House::on(house.store.clone()).await;

    let running = next.meetings.active_room("room01").await.unwrap().room.room_info.unwrap();
    assert_eq!((running.sid, running.creation_time), (info.sid, info.creation_time));
    assert!(next.meetings.authorize(&token).await.unwrap().is_admin);
    assert!(next.meetings.open_socket(&token, String::new()).await.is_ok());
    assert_eq!(next.meetings.active_rooms().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_session_whose_journal_is_gone_is_closed_at_the_next_start() {
    let house = House::open().await;
    let session = house.create("room01").await.sid;
    let session = session.as_str().try_into().unwrap();
    ports::store::State::forget(&house.store, &session).await.unwrap();

    let next = House::on(house.store.clone()).await;

    assert_eq!(next.meetings.activity("room01").await, Ok(Activity::Unknown));
    assert!(next.store.session("room01").ended_at_ms.is_some());
}

#[tokio::test]
async fn a_stop_waits_until_what_was_said_is_journalled_and_the_next_process_carries_on() {
    let house = House::open().await;
    let session = house.create("room01").await.sid;
    house.store.hold();
    let meetings = house.meetings.clone();
    let listed = tokio::spawn(async move { meetings.join_token(ticket("room01", "ana", true)).await });
    while house.store.waiting_commits() == 0 {
        tokio::task::yield_now().await;
    }

    let meetings = house.meetings.clone();
    let stop = tokio::spawn(async move { meetings.stop().await });
    tokio::task::yield_now().await;
    assert!(!stop.is_finished());
    house.store.release();
    stop.await.unwrap();

    let token = listed.await.unwrap().unwrap();
    let next = House::on(house.store.clone()).await;
    assert_eq!(next.create("room01").await.sid, session);
    assert!(next.meetings.authorize(&token).await.unwrap().is_admin);
}

/// Lets everything run that can run, and checks that nothing is signalled meanwhile.
async fn stays_silent(link: &mut meeting::SocketLink) {
    tokio::select! {
        biased;
        word = link.down.next(false) => panic!("{word:?}"),
        () = async { for _ in 0..1000 { tokio::task::yield_now().await } } => {}
    }
}

#[tokio::test]
async fn a_request_is_taken_only_when_what_must_not_be_lost_of_it_is_written() {
    let house = House::open().await;
    let session = house.create("room01").await.sid;
    let session = session.as_str().try_into().unwrap();
    let token = house.token("room01", "ana", true).await;
    let mut link = open(&house, &token).await;
    for (receipt, question) in [(1, Ask::ReqInitialData), (2, Ask::ReqMediaServerData)] {
        house.store.hold();

        link.worker(ask(question, ""), receipt).await;
        stays_silent(&mut link).await;
        house.store.release();

        assert!(matches!(link.down.next(false).await, Word::Taken(taken) if taken == receipt));
        let kept = house.store.keys(&session).into_iter().filter(|key| key.starts_with("mail.ana.")).count();
        assert_eq!(kept as u64, receipt, "{question:?}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_the_process_died_is_done_by_the_next() {
    let house = House::open().await;
    house.create("room01").await;
    let (ana, ben) = (house.token("room01", "ana", true).await, house.token("room01", "ben", false).await);
    let mut from = open(&house, &ana).await;
    let mut away = open(&house, &ben).await;
    away.worker(ask(Ask::ReqJoinedUsersList, ""), 1).await;
    while !matches!(away.down.next(false).await, Word::Taken(1)) {}
    away.close().await;
    let line = pnm::ChatMessage {
        id: "p1".into(),
        from_user_id: "ana".into(),
        to_user_id: Some("ben".into()),
        is_private: true,
        message: "psst".into(),
        ..Default::default()
    };
    let delivery = pnm::NatsMsgClientToServer {
        event: Ask::ReqPrivateDataDelivery.into(),
        msg: r#"{"toUserId":"ben","type":"CHAT"}"#.into(),
        bin_msg: line.encode_to_vec(),
        ..Default::default()
    };
    from.worker(delivery.encode_to_vec().into(), 1).await;
    from.worker(ask(Ask::ReqInitialData, ""), 2).await;
    while !matches!(from.down.next(false).await, Word::Taken(2)) {}

    let next = House::on(house.store.clone()).await;
    let mut ben = open(&next, &ben).await;
    let mut ana = open(&next, &ana).await;
    ben.worker(ask(Ask::Ping, ""), 1).await;
    let mut lines = 0;
    loop {
        let event = next_event(&mut ben).await;
        match event.event() {
            Event::DeliveryPrivateData => {
                assert_eq!(pnm::ChatMessage::decode(event.bin_msg.as_slice()).unwrap().message, "psst");
                lines += 1;
            }
            Event::Pong => break,
            _ => {}
        }
    }
    assert_eq!(lines, 1);
    while next_event(&mut ana).await.event() != Event::ResInitialData {}
}
