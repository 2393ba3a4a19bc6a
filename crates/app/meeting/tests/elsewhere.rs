//! Rooms on another media server that the API made: neither strays nor a meeting's.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod fakes;

use fakes::{House, request};
use model::RoomId;
use ports::media_control::{ControlError, RoomSettings};

/// After every beginning.
const LATER: i64 = i64::MAX;

fn id(room: &str) -> RoomId {
    RoomId::try_from(room).unwrap()
}

fn closed(house: &House) -> Vec<RoomId> {
    house.media.closed.lock().unwrap().clone()
}

#[tokio::test]
async fn a_room_that_the_api_made_stays_until_it_ends_by_itself_and_others_are_closed() {
    let house = House::with_media_elsewhere().await;
    let open = async |room: &str| house.meetings.open_media_room(&id(room), RoomSettings::default()).await;
    open("free").await.unwrap();
    assert_eq!(open("unmakeable").await, Err(ControlError::Unavailable));

    for room in ["free", "stray", "unmakeable"] {
        house.meetings.close_stray_media(room);
    }
    assert_eq!(closed(&house), [id("stray"), id("unmakeable")]);

    house.meetings.on_media_closed("free", LATER).await;
    house.meetings.close_stray_media("free");
    assert_eq!(closed(&house).last(), Some(&id("free")), "made again, by nobody's call");
}

#[tokio::test]
async fn a_meeting_takes_the_name_over_and_does_not_end_with_the_room_before() {
    let house = House::with_media_elsewhere().await;
    house.meetings.open_media_room(&id("room01"), RoomSettings::default()).await.unwrap();

    house.meetings.create(request("room01")).await.unwrap();
    assert_eq!(closed(&house), [id("room01")]);

    house.meetings.on_media_closed("room01", LATER).await;
    assert!(house.meetings.active_room("room01").await.is_ok());
    house.meetings.on_media_closed("room01", LATER).await;
    assert!(house.meetings.active_room("room01").await.is_err(), "that was its own");
}

#[tokio::test]
async fn the_room_of_a_meeting_is_not_the_apis_whatever_the_api_sets() {
    let house = House::with_media_elsewhere().await;
    house.meetings.create(request("room01")).await.unwrap();

    house.meetings.open_media_room(&id("room01"), RoomSettings::default()).await.unwrap();

    house.meetings.on_media_closed("room01", LATER).await;
    assert!(house.meetings.active_room("room01").await.is_err());
}
