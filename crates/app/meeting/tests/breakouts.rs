//! Main rooms and their breakout rooms, on a store in memory.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod fakes;

use std::time::Duration;

use fakes::{House, MemoryStore, request, ticket};
use meeting::{Access, Activity, BreakoutError, BreakoutRefusal, Down, Moderation, SocketLink};
use model::UserId;
use ports::store::Records;
use prost::Message;
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

async fn open(house: &House, token: &str) -> SocketLink {
    let link = house.meetings.open_socket(token, "ws://test".into()).await.unwrap();
    link.credit(1000).await;
    link
}

/// The text of the next event of this kind.
async fn next(link: &mut SocketLink, wanted: Event) -> String {
    loop {
        match link.down.recv().await.unwrap() {
            Down::Deliver(delivery) => {
                link.ack(delivery.stream_seq).await;
                let event = pnm::NatsMsgServerToClient::decode(delivery.payload).unwrap();
                if event.event() == wanted {
                    return event.msg;
                }
            }
            Down::Forward(_) | Down::Admitted(_) => {}
            Down::Hangup(farewell) => panic!("hung up on before {wanted:?}: {farewell:?}"),
        }
    }
}

async fn create_main(house: &House) {
    let mut main = request("main");
    let features = main.metadata.as_mut().unwrap().room_features.as_mut().unwrap();
    features.breakout_room_features =
        Some(pnm::BreakoutRoomFeatures { is_allow: true, is_active: false, allowed_number_rooms: 6 });
    house.meetings.create(main).await.unwrap();
}

async fn member(house: &House, user: &str, is_admin: bool) -> (String, Access) {
    let token = house.token("main", user, is_admin).await;
    let access = house.meetings.authorize(&token).await.unwrap();
    (token, access)
}

fn rooms(lists: &[(&str, &[&str])]) -> pnm::CreateBreakoutRoomsReq {
    let room = |(id, users): &(&str, &[&str])| pnm::BreakoutRoom {
        id: (*id).into(),
        title: format!("Room {id}"),
        users: users.iter().map(|id| pnm::BreakoutRoomUser { id: (*id).into(), ..Default::default() }).collect(),
        ..Default::default()
    };
    pnm::CreateBreakoutRoomsReq { rooms: lists.iter().map(room).collect(), ..Default::default() }
}

async fn create(house: &House, by: &Access, lists: &[(&str, &[&str])]) -> Result<(), BreakoutError> {
    house.meetings.create_breakouts(by, rooms(lists), Box::new(|_| {})).await
}

/// Waits until a room is gone; the test's own time limit bounds it.
async fn gone(house: &House, room: &str) {
    while house.meetings.activity(room).await != Ok(Activity::Unknown) {
        tokio::task::yield_now().await;
    }
}

async fn listed(house: &House, by: &Access) -> Vec<String> {
    house.meetings.breakouts(by).await.unwrap_or_default().into_iter().map(|room| room.id).collect()
}

#[tokio::test]
async fn people_go_to_their_breakout_room_and_are_seen_there() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    let (token, ben) = member(&house, "ben", false).await;
    let mut link = open(&house, &token).await;

    create(&house, &ana, &[("1", &["ben"]), ("2", &[])]).await.unwrap();
    let invited = next(&mut link, Event::JoinBreakoutRoom).await;
    assert_eq!(invited, "main-1");
    let before = house.meetings.own_breakout(&ben).await.unwrap();
    assert!(!before.started && !before.users[0].joined);
    let token = house.meetings.join_breakout(&ben, &invited).await.unwrap();
    let inside = open(&house, &token).await;

    let listed = house.meetings.breakouts(&ana).await.unwrap();
    assert!(listed[0].started && listed[0].users[0].joined && !listed[1].started);
    assert_eq!(listed[0].title, "Room 1");
    let again = house.meetings.join_breakout(&ben, "main-1").await;
    assert_eq!(again, Err(BreakoutRefusal::AlreadyJoined.into()));
    let other = house.meetings.join_breakout(&ben, "main-2").await;
    assert_eq!(other, Err(BreakoutRefusal::NotInvited.into()));
    assert!(
        house.meetings.authorize(&house.meetings.join_breakout(&ana, "main-2").await.unwrap()).await.unwrap().is_admin
    );
    drop((link, inside));
}

#[tokio::test]
async fn where_everybody_chooses_the_host_sees_who_chose_which_room() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    let (_, ben) = member(&house, "ben", false).await;
    let wish = pnm::CreateBreakoutRoomsReq { self_select: true, ..rooms(&[("1", &[]), ("2", &[])]) };
    house.meetings.create_breakouts(&ana, wish, Box::new(|_| {})).await.unwrap();
    let token = house.meetings.join_breakout(&ben, "main-2").await.unwrap();
    let inside = open(&house, &token).await;

    let listed = house.meetings.breakouts(&ana).await.unwrap();
    let there = |room: usize| listed[room].users.iter().map(|user| (user.id.as_str(), user.joined)).collect::<Vec<_>>();

    assert_eq!((there(0), there(1)), (vec![], vec![("ben", true)]));
    let (_, eva) = member(&house, "eva", false).await;
    let listed = house.meetings.breakouts(&eva).await.unwrap();
    assert!(listed.iter().all(|room| room.users.is_empty()), "others learn nothing of who is where");
    drop(inside);
}

#[tokio::test]
async fn a_breakout_room_ends_at_a_moderators_word_and_the_main_room_hears_of_it() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    let (token, _) = member(&house, "ben", false).await;
    let mut link = open(&house, &token).await;
    create(&house, &ana, &[("1", &["ben"]), ("2", &[])]).await.unwrap();

    house.meetings.end_breakout(&ana, "main-1").await.unwrap();
    assert_eq!(next(&mut link, Event::BreakoutRoomEnded).await, "main-1");
    gone(&house, "main-1").await;
    assert_eq!(house.meetings.end_breakout(&ana, "main-1").await, Err(BreakoutRefusal::None.into()));

    // This one ends by itself, as after its duration.
    house.meetings.end("main-2").await.unwrap();
    assert_eq!(next(&mut link, Event::BreakoutRoomEnded).await, "main-2");
    assert_eq!(listed(&house, &ana).await, Vec::<String>::new());
    house.meetings.end_breakouts(&ana).await.unwrap();
}

#[tokio::test]
async fn breakout_rooms_end_with_their_main_room() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    create(&house, &ana, &[("1", &[]), ("2", &[])]).await.unwrap();

    house.meetings.end("main").await.unwrap();

    for room in ["main", "main-1", "main-2"] {
        gone(&house, room).await;
    }
}

#[tokio::test]
async fn a_room_of_somebody_else_does_not_become_a_breakout_room() {
    let house = House::open().await;
    create_main(&house).await;
    house.create("main-1").await;
    let (_, ana) = member(&house, "ana", true).await;

    assert_eq!(create(&house, &ana, &[("1", &[])]).await, Err(BreakoutError::NoneMade));
    create(&house, &ana, &[("1", &[]), ("2", &[])]).await.unwrap();
    assert_eq!(listed(&house, &ana).await, ["main-2"]);
    assert_eq!(house.meetings.join_breakout(&ana, "main-1").await, Err(BreakoutRefusal::NotFound.into()));
    house.meetings.end_breakouts(&ana).await.unwrap();
    assert_eq!(house.meetings.activity("main-1").await, Ok(Activity::Active));
}

#[tokio::test]
async fn from_a_breakout_room_people_come_back_go_on_and_call_for_help() {
    let house = House::open().await;
    create_main(&house).await;
    let (ana_token, ana) = member(&house, "ana", true).await;
    let (ben_token, ben) = member(&house, "ben", false).await;
    let mut host = open(&house, &ana_token).await;
    let mut main = open(&house, &ben_token).await;
    create(&house, &ana, &[("1", &["ben"]), ("2", &[])]).await.unwrap();
    let token = house.meetings.join_breakout(&ben, "main-1").await.unwrap();
    let mut inside = open(&house, &token).await;
    let within = house.meetings.authorize(&token).await.unwrap();

    house.meetings.ask_for_help(&within, false).await.unwrap();
    assert!(next(&mut host, Event::SystemNotification).await.contains("ben asks for help in Room 1"));
    assert_eq!(house.meetings.ask_for_help(&within, false).await, Err(BreakoutRefusal::HelpTooSoon.into()));
    assert_eq!(house.meetings.ask_for_help(&ben, false).await, Err(BreakoutRefusal::NotInside.into()));

    house.meetings.move_to_breakout(&ana, "ben", "main-2").await.unwrap();
    assert_eq!(next(&mut inside, Event::JoinBreakoutRoom).await, "main-2");
    assert_eq!(house.meetings.own_breakout(&within).await.unwrap().id, "main-2");
    assert!(house.meetings.join_breakout(&within, "main-2").await.is_ok(), "with the token of the first room");
    house.meetings.move_to_breakout(&ana, "ben", "").await.unwrap();
    assert_eq!(next(&mut inside, Event::JoinBreakoutRoom).await, "main");

    let back = house.meetings.join_breakout(&within, "main").await.unwrap();
    assert_eq!(house.meetings.authorize(&back).await.unwrap().room.as_str(), "main");
    house.meetings.tell_breakouts(&ana, "five minutes left".into()).await.unwrap();
    assert_eq!(next(&mut inside, Event::SystemChatMsg).await, "five minutes left");
    assert_eq!(next(&mut main, Event::JoinBreakoutRoom).await, "main-1", "and no second invitation after it");
    assert!(house.meetings.authorize(&ben_token).await.is_ok(), "the main room's session goes on");
}

#[tokio::test]
async fn a_breakout_room_is_extended_as_far_as_the_main_room_goes() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    let mut wish = rooms(&[("1", &["ben"])]);
    wish.duration = 10;
    let (_, ben) = member(&house, "ben", false).await;
    house.meetings.create_breakouts(&ana, wish, Box::new(|_| {})).await.unwrap();

    let prolong = |room: &'static str| house.meetings.prolong_breakout(&ana, room, 5);
    assert_eq!(prolong("main-9").await, Err(BreakoutRefusal::NotFound.into()));
    assert_eq!(prolong("main-1").await, Err(BreakoutRefusal::NotRunning.into()));
    let link = open(&house, &house.meetings.join_breakout(&ben, "main-1").await.unwrap()).await;
    prolong("main-1").await.unwrap();
    assert_eq!(house.meetings.breakouts(&ana).await.unwrap()[0].duration, 15);
    drop(link);
}

#[tokio::test]
async fn both_sides_survive_a_crash_and_what_one_side_does_not_know_is_put_right() {
    let store = MemoryStore::new();
    let house = House::on(store.clone()).await;
    create_main(&house).await;
    let (token, ana) = member(&house, "ana", true).await;
    create(&house, &ana, &[("1", &["ana"]), ("2", &[])]).await.unwrap();

    let house = House::on(store.clone()).await;
    let ana = house.meetings.authorize(&token).await.unwrap();
    assert_eq!(listed(&house, &ana).await, ["main-1", "main-2"]);

    // The process died after a breakout room was over and before its main room knew.
    store.close_session(&store.session("main-2").session.session, 1).await.unwrap();
    let house = House::on(store.clone()).await;
    let ana = house.meetings.authorize(&token).await.unwrap();
    assert_eq!(listed(&house, &ana).await, ["main-1"]);

    // Or after the main room was over and before its breakout rooms were.
    store.close_session(&store.session("main").session.session, 1).await.unwrap();
    let house = House::on(store).await;
    gone(&house, "main-1").await;
}

#[tokio::test]
async fn a_process_that_stops_ends_no_breakout_room() {
    let store = MemoryStore::new();
    let house = House::on(store.clone()).await;
    create_main(&house).await;
    let (token, ana) = member(&house, "ana", true).await;
    create(&house, &ana, &[("1", &[])]).await.unwrap();

    house.meetings.stop().await;

    let house = House::on(store).await;
    let ana = house.meetings.authorize(&token).await.unwrap();
    assert_eq!(listed(&house, &ana).await, ["main-1"]);
}

#[tokio::test]
async fn somebody_who_is_no_member_of_the_main_room_is_none_of_its_breakout_rooms() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    create(&house, &ana, &[("1", &[])]).await.unwrap();
    // An application may let anybody in anywhere.
    let token = house.meetings.join_token(ticket("main-1", "zoe", true)).await.unwrap();
    let zoe = house.meetings.authorize(&token).await.unwrap();

    let refused = house.meetings.join_breakout(&zoe, "main").await;
    assert_eq!(refused, Err(BreakoutRefusal::Stranger.into()));
    assert!(house.meetings.end_breakouts(&zoe).await.is_err());
    assert_eq!(listed(&house, &zoe).await, Vec::<String>::new());
}

/// Waits until a socket is hung up on; the answer is the last word.
async fn farewell(link: &mut SocketLink) -> String {
    loop {
        match link.down.recv().await.unwrap() {
            Down::Hangup(farewell) => {
                return pnm::NatsMsgServerToClient::decode(farewell.unwrap().payload).unwrap().msg;
            }
            Down::Deliver(delivery) => link.ack(delivery.stream_seq).await,
            Down::Forward(_) | Down::Admitted(_) => {}
        }
    }
}

fn remove(user: &str, block: bool) -> Moderation {
    Moderation::Remove { user: UserId::try_from(user).unwrap(), msg: String::new(), block }
}

const REMOVED: &str = "notifications.room-disconnected-participant-removed";

#[tokio::test]
async fn whoever_is_sent_out_of_the_main_room_loses_the_breakout_room() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    let (ben_token, ben) = member(&house, "ben", false).await;
    let main = open(&house, &ben_token).await;
    create(&house, &ana, &[("1", &["ben"])]).await.unwrap();
    let token = house.meetings.join_breakout(&ben, "main-1").await.unwrap();
    let mut inside = open(&house, &token).await;

    house.meetings.moderate(&ana, remove("ben", false)).await.unwrap();

    assert_eq!(farewell(&mut inside).await, REMOVED);
    assert!(house.meetings.authorize(&token).await.is_err());
    assert!(house.meetings.open_socket(&token, "ws://test".into()).await.is_err());
    drop(main);
}

#[tokio::test]
async fn hidden_people_go_where_others_go_and_are_sent_out_of_everywhere_with_them() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    let mut hidden = ticket("main", "ghost", false);
    hidden.user_info.as_mut().unwrap().is_hidden = true;
    let main_token = house.meetings.join_token(hidden).await.unwrap();
    let ghost = house.meetings.authorize(&main_token).await.unwrap();
    let main = open(&house, &main_token).await;
    create(&house, &ana, &[("1", &["ghost"]), ("2", &[])]).await.unwrap();
    assert_eq!(house.meetings.join_breakout(&ghost, "main-2").await, Err(BreakoutRefusal::NotInvited.into()));
    let token = house.meetings.join_breakout(&ghost, "main-1").await.unwrap();
    let mut inside = open(&house, &token).await;
    let shown = house.meetings.active_room("main-1").await.unwrap();
    assert!(shown.people.is_empty(), "not seen there either");

    // As an application does it with a media server's API.
    let who = model::Identity::try_from("ghost").unwrap();
    house.meetings.remove_media_participant(&"main".try_into().unwrap(), &who, None).await.unwrap();

    assert_eq!(farewell(&mut inside).await, REMOVED);
    assert!(house.meetings.authorize(&token).await.is_err());
    assert!(house.meetings.authorize(&main_token).await.is_err());
    drop(main);
}

#[tokio::test]
async fn somebody_who_is_only_in_a_breakout_room_can_be_sent_out_of_the_meeting() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    let (ben_token, ben) = member(&house, "ben", false).await;
    create(&house, &ana, &[("1", &["ben"])]).await.unwrap();
    assert!(house.meetings.moderate(&ana, remove("ben", true)).await.is_err(), "is nowhere");
    let token = house.meetings.join_breakout(&ben, "main-1").await.unwrap();
    let mut inside = open(&house, &token).await;

    house.meetings.moderate(&ana, remove("ben", true)).await.unwrap();

    assert_eq!(farewell(&mut inside).await, REMOVED);
    assert!(house.meetings.authorize(&ben_token).await.is_err());
    assert_eq!(house.meetings.blocked(&ana).await.unwrap()[0].id.as_str(), "ben");
}

#[tokio::test]
async fn whoever_is_blocked_in_a_breakout_room_is_blocked_in_the_meeting() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    let (ben_token, ben) = member(&house, "ben", false).await;
    let mut main = open(&house, &ben_token).await;
    create(&house, &ana, &[("1", &["ben"]), ("2", &[])]).await.unwrap();
    let inside = open(&house, &house.meetings.join_breakout(&ben, "main-1").await.unwrap()).await;
    let host = house.meetings.authorize(&house.meetings.join_breakout(&ana, "main-1").await.unwrap()).await.unwrap();

    house.meetings.moderate(&host, remove("ben", true)).await.unwrap();

    assert_eq!(farewell(&mut main).await, REMOVED);
    assert!(house.meetings.join_token(ticket("main", "ben", false)).await.is_err());
    drop(inside);
}

#[tokio::test]
async fn whoever_is_sent_out_of_a_breakout_room_goes_on_in_the_main_room_and_is_off_the_list() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    let (ben_token, ben) = member(&house, "ben", false).await;
    create(&house, &ana, &[("1", &["ben"])]).await.unwrap();
    let mut inside = open(&house, &house.meetings.join_breakout(&ben, "main-1").await.unwrap()).await;
    let host = house.meetings.authorize(&house.meetings.join_breakout(&ana, "main-1").await.unwrap()).await.unwrap();

    house.meetings.moderate(&host, remove("ben", false)).await.unwrap();
    assert_eq!(farewell(&mut inside).await, REMOVED);

    while house.meetings.own_breakout(&ben).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(house.meetings.authorize(&ben_token).await.is_ok());
    assert_eq!(house.meetings.join_breakout(&ben, "main-1").await, Err(BreakoutRefusal::NotInvited.into()));
}

#[tokio::test(start_paused = true)]
async fn a_countdown_ends_the_rooms_though_the_host_is_gone() {
    let house = House::open().await;
    create_main(&house).await;
    let (_, ana) = member(&house, "ana", true).await;
    let (ben_token, ben) = member(&house, "ben", false).await;
    let mut main = open(&house, &ben_token).await;
    create(&house, &ana, &[("1", &["ben"]), ("2", &[])]).await.unwrap();
    let mut inside = open(&house, &house.meetings.join_breakout(&ben, "main-1").await.unwrap()).await;
    let minute = Some(Duration::from_secs(60));

    let refused = house.meetings.close_breakouts(&ben, "", minute).await;
    assert!(matches!(refused, Err(BreakoutError::Refused(BreakoutRefusal::Denied(_)))));
    let endless = house.meetings.close_breakouts(&ana, "", Some(Duration::from_secs(10_000))).await;
    assert_eq!(endless, Err(BreakoutRefusal::NoCountdown.into()));
    house.meetings.close_breakouts(&ana, "", minute).await.unwrap();
    assert!(house.meetings.breakouts(&ana).await.unwrap().iter().all(|room| room.closes_at > 0));
    house.meetings.close_breakouts(&ana, "main-2", None).await.unwrap();
    let kept = house.meetings.breakouts(&ana).await.unwrap();
    assert!(kept[0].closes_at > 0 && kept[1].closes_at == 0);

    assert_eq!(next(&mut inside, Event::SessionEnded).await, "notifications.room-disconnected-room-ended");
    assert_eq!(next(&mut main, Event::BreakoutRoomEnded).await, "main-1");
    assert_eq!(listed(&house, &ana).await, ["main-2"]);
}
