//! Rooms on another media server that the API made: neither strays nor a meeting's.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod fakes;

use std::sync::atomic::Ordering;

use fakes::{House, request};
use meeting::{Forwarded, LockService, MediaStep, Moderation, Whom};
use model::media::{MediaPermission, Sources};
use model::{Identity, RoomId, UserId};
use ports::media::{RemoveReason, RestoredPerson, Standing};
use ports::media_control::{ControlError, ParticipantChange, RoomSettings};
use ports::store::SessionRecord;
use wire::livekit::ParticipantInfo;

/// After every beginning.
const LATER: i64 = i64::MAX;

fn id(room: &str) -> RoomId {
    RoomId::try_from(room).unwrap()
}

fn closed(house: &House) -> Vec<RoomId> {
    house.media.closed.lock().unwrap().clone()
}

async fn open(house: &House, room: &str) -> Result<(), ControlError> {
    house.meetings.open_media_room(&id(room), RoomSettings::default()).await.map(drop)
}

async fn opened(house: &House, sid: &str) {
    let message = Forwarded { id: format!("EV_{sid}"), created_at: 1_700_000_000 };
    assert!(house.meetings.on_media_opened("room01", sid, message).await);
}

#[tokio::test]
async fn the_end_of_the_room_before_does_not_end_a_meeting_that_is_created_again() {
    let house = House::with_media_elsewhere().await;
    house.create("room01").await;
    opened(&house, "RM_1").await;
    house.meetings.end("room01").await.unwrap();
    house.create("room01").await;

    house.meetings.on_media_closed("room01", "RM_1", LATER).await;
    assert!(house.meetings.active_room("room01").await.is_ok(), "nobody opened its own");
    opened(&house, "RM_1").await;
    opened(&house, "RM_2").await;
    house.meetings.on_media_closed("room01", "RM_1", LATER).await;
    assert!(house.meetings.active_room("room01").await.is_ok());

    house.meetings.on_media_closed("room01", "RM_2", 0).await;
    assert!(house.meetings.active_room("room01").await.is_err(), "that was its own");
}

#[tokio::test]
async fn a_meeting_of_the_process_before_ends_with_a_room_that_closes_later() {
    let house = House::open().await;
    let created = house.create("room01").await.creation_time;
    let next = house.next().await;

    next.meetings.on_media_closed("room01", "RM_1", created).await;
    assert!(next.meetings.active_room("room01").await.is_ok(), "perhaps that of the meeting before");

    next.meetings.on_media_closed("room01", "RM_1", created + 1).await;
    assert!(next.meetings.active_room("room01").await.is_err());
}

#[tokio::test]
async fn a_room_that_the_api_made_stays_until_it_ends_by_itself_and_others_are_closed() {
    let house = House::with_media_elsewhere().await;
    open(&house, "free").await.unwrap();
    assert!(matches!(open(&house, "unmakeable").await, Err(ControlError::Refused { .. })));
    assert_eq!(open(&house, "slow").await, Err(ControlError::Unavailable), "and was made all the same");

    for (room, sid) in [("free", "RM_1"), ("stray", "RM_2"), ("unmakeable", "RM_3"), ("slow", "RM_4")] {
        house.meetings.close_stray_media(room, sid);
    }
    assert_eq!(closed(&house), [id("stray"), id("unmakeable")]);

    house.meetings.on_media_closed("free", "RM_1", LATER).await;
    house.meetings.close_stray_media("free", "RM_5");
    assert_eq!(closed(&house).last(), Some(&id("free")), "made again, by nobody's call");
}

#[tokio::test]
async fn a_room_that_the_api_makes_again_stays_when_the_end_of_the_first_is_told_late() {
    let house = House::with_media_elsewhere().await;
    open(&house, "free").await.unwrap();
    house.meetings.delete_media_room(&id("free")).await.unwrap();
    open(&house, "free").await.unwrap();

    house.meetings.on_media_closed("free", "RM_1", LATER).await;
    house.meetings.close_stray_media("free", "RM_2");

    assert_eq!(closed(&house), [id("free")], "only the API's own call");
}

#[tokio::test]
async fn a_meeting_takes_the_name_over_and_does_not_end_with_the_room_before() {
    let house = House::with_media_elsewhere().await;
    open(&house, "room01").await.unwrap();

    house.meetings.create(request("room01")).await.unwrap();
    assert_eq!(closed(&house), [id("room01")]);

    house.meetings.on_media_closed("room01", "RM_1", LATER).await;
    assert!(house.meetings.active_room("room01").await.is_ok());
    opened(&house, "RM_9").await;
    house.meetings.on_media_closed("room01", "RM_9", LATER).await;
    assert!(house.meetings.active_room("room01").await.is_err(), "that was its own");
}

#[tokio::test]
async fn a_meeting_ends_with_its_own_room_also_if_the_end_of_the_one_before_was_never_told() {
    let house = House::with_media_elsewhere().await;
    open(&house, "room01").await.unwrap();
    house.meetings.create(request("room01")).await.unwrap();

    opened(&house, "RM_9").await;
    house.meetings.on_media_closed("room01", "RM_9", LATER).await;

    assert!(house.meetings.active_room("room01").await.is_err());
}

#[tokio::test]
async fn the_room_of_a_meeting_is_not_the_apis_whatever_the_api_sets() {
    let house = House::with_media_elsewhere().await;
    house.meetings.create(request("room01")).await.unwrap();

    open(&house, "room01").await.unwrap();

    house.meetings.on_media_closed("room01", "RM_1", LATER).await;
    assert!(house.meetings.active_room("room01").await.is_err());
}

#[tokio::test]
async fn a_removal_by_the_api_that_does_not_reach_the_media_server_fails_also_in_a_meeting() {
    let house = House::with_media_elsewhere().await;
    house.create("room01").await;
    let token = house.token("room01", "ann", false).await;
    let _socket = house.meetings.open_socket(&token, "ws://x".into()).await.unwrap();
    let ann = Identity::try_from("ann").unwrap();
    house.media.is_silent.store(true, Ordering::Relaxed);

    let answer = house.meetings.remove_media_participant(&id("room01"), &ann, Some(1)).await;
    assert_eq!(answer, Err(ControlError::Unavailable));
}

/// Somebody comes to the media room over a connection of this sid.
async fn comes(house: &House, who: &str, sid: &str) {
    let participant = ParticipantInfo { identity: who.into(), sid: sid.into(), ..ParticipantInfo::default() };
    let message = Forwarded { id: format!("EV_{sid}"), created_at: 1_700_000_000 };
    house.meetings.on_outside_media(("room01", "RM_1"), MediaStep::Joined, participant, None, message).await;
}

#[tokio::test]
async fn whoever_was_sent_out_is_given_no_rights_by_a_lock_and_by_a_coming_that_is_told_late() {
    let house = House::with_media_elsewhere().await;
    house.create("room01").await;
    let token = house.token("room01", "ann", false).await;
    let _socket = house.meetings.open_socket(&token, "ws://x".into()).await.unwrap();
    let ann = Identity::try_from("ann").unwrap();
    comes(&house, "ann", "PA_1").await;
    let given = || house.media.given.lock().unwrap().iter().filter(|(who, _)| *who == ann).count();
    let before = given();
    assert!(before > 0);

    house.meetings.remove_media_participant(&id("room01"), &ann, Some(1)).await.unwrap();
    let token = house.token("room01", "mod", true).await;
    let _moderator = house.meetings.open_socket(&token, "ws://x".into()).await.unwrap();
    let access = house.meetings.authorize(&token).await.unwrap();
    let whom = Whom::One(UserId::try_from("ann").unwrap());
    let lock = Moderation::Lock { whom, service: LockService::Webcam, locked: true };
    house.meetings.moderate(&access, lock).await.unwrap();
    comes(&house, "ann", "PA_2").await;

    assert_eq!(given(), before);
}

#[tokio::test]
async fn a_twin_has_what_its_owner_has_but_receives_nothing_and_goes_with_them() {
    let house = House::with_media_elsewhere().await;
    house.create("room01").await;
    let token = house.token("room01", "ann", false).await;
    let _socket = house.meetings.open_socket(&token, "ws://x".into()).await.unwrap();
    let ann = Identity::try_from("ann").unwrap();
    let twin = ann.twin().unwrap();
    comes(&house, "ann", "PA_1").await;
    comes(&house, "ann-native", "PA_2").await;
    let given = |who: &Identity| {
        let given = house.media.given.lock().unwrap();
        given.iter().rev().find(|(known, _)| known == who).map(|(_, permission)| *permission)
    };
    let own = given(&ann).unwrap();
    assert!(own.subscribe && !own.publish.is_empty());
    assert_eq!(given(&twin), Some(MediaPermission { subscribe: false, ..own }));

    house.meetings.remove_media_participant(&id("room01"), &ann, Some(1)).await.unwrap();
    comes(&house, "ann-native", "PA_3").await;
    house.meetings.active_room("room01").await.unwrap();

    let removed = house.media.removed.lock().unwrap().clone();
    assert_eq!(removed.last(), Some(&(twin.clone(), RemoveReason::Left)), "it came back without its owner");
    comes(&house, "stranger-native", "PA_4").await;
    assert_eq!(given(&Identity::try_from("stranger-native").unwrap()), None);
}

#[tokio::test]
async fn a_meeting_that_goes_on_tells_the_media_server_whom_it_has_and_what_the_api_said_of_them() {
    let house = House::with_media_elsewhere().await;
    house.create("room01").await;
    let token = house.token("room01", "ann", false).await;
    let _socket = house.meetings.open_socket(&token, "ws://x".into()).await.unwrap();
    house.token("room01", "bob", false).await;
    house.token("room01", "cyd", false).await;
    let word = ParticipantChange {
        name: Some("Anna".into()),
        permission: Some(MediaPermission { publish: Sources::NONE, ..MediaPermission::FREE }),
        ..ParticipantChange::default()
    };
    *house.media.word.lock().unwrap() = Some(word.clone());
    for who in ["ann", "bob"] {
        let who = Identity::try_from(who).unwrap();
        house.meetings.update_media_participant(&id("room01"), &who, word.clone()).await.unwrap();
    }

    let next = house.next_with_media_elsewhere().await;

    let restored = next.media.restored.lock().unwrap().clone();
    let [(room, people)] = restored.as_slice() else { panic!("one meeting, not {restored:?}") };
    let [ann, bob] = people.as_slice() else { panic!("who came and of whom the API spoke, not {people:?}") };
    assert_eq!(*room, id("room01"));
    assert!(matches!(ann.standing, Standing::In(_)) && ann.who.as_str() == "ann" && ann.said == Some(word.clone()));
    let standing = Standing::Neither;
    assert_eq!(*bob, RestoredPerson { who: Identity::try_from("bob").unwrap(), standing, said: Some(word) });
}

#[tokio::test]
async fn an_end_shortly_before_that_of_the_process_is_seen_to_again_also_if_a_meeting_has_the_room_since() {
    let house = House::with_media_elsewhere().await;
    for room in ["room01", "room02"] {
        house.create(room).await;
        house.meetings.end(room).await.unwrap();
    }
    house.create("room02").await;
    house.create("room03").await;

    let next = house.next_with_media_elsewhere().await;

    let end = |session: &SessionRecord| session.ended_at_ms.unwrap() / 1000;
    let first = house.store.session("room01");
    let [before, _] = house.store.sessions_of("room02").try_into().unwrap();
    assert_eq!(*next.media.ended.lock().unwrap(), [(id("room01"), end(&first) + 1), (id("room02"), end(&before))]);
    assert!(house.next().await.media.ended.lock().unwrap().is_empty(), "our own rooms went with the process");
}
