//! From created to ended, and back from the dead.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::time::Duration;

use proptest::prelude::*;
use room::{EndReason, Phase, Request};
use scene::{Scene, user};
use wire::pnm::NatsMsgServerToClientEvents as Event;

#[test]
fn a_room_nobody_joins_ends_after_its_empty_timeout() {
    let mut scene = Scene::new(|new| new.empty_timeout = Some(5));

    scene.advance(Duration::from_millis(4999));
    assert_eq!(scene.phase(), Phase::Created);

    scene.advance(Duration::from_millis(1));
    assert_eq!(scene.ended, Some(EndReason::Empty));
    assert!(scene.media_closed);
}

#[test]
fn a_room_without_a_timeout_waits_half_an_hour_for_the_first_person() {
    let mut scene = Scene::new(|_| {});

    scene.secs(1799);
    assert_eq!(scene.ended, None);
    scene.secs(1);
    assert_eq!(scene.ended, Some(EndReason::Empty));
}

#[test]
fn a_meeting_goes_on_for_a_minute_after_the_last_one_left() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    assert_eq!(scene.phase(), Phase::Active);

    scene.drop_socket("ana");
    scene.secs(5 + 59);
    assert_eq!(scene.ended, None);
    scene.secs(1);
    assert_eq!(scene.ended, Some(EndReason::Empty));
}

#[test]
fn a_room_that_asks_for_more_waits_longer_after_the_last_one_left() {
    let mut scene = Scene::new(|new| new.empty_timeout = Some(600));
    scene.join("ana");
    scene.drop_socket("ana");

    scene.secs(5 + 599);
    assert_eq!(scene.ended, None);
    scene.secs(1);
    assert_eq!(scene.ended, Some(EndReason::Empty));
}

#[test]
fn somebody_who_comes_back_keeps_the_room_open() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    scene.drop_socket("ana");
    scene.secs(30);
    scene.connect("ana");

    for _ in 0..10 {
        scene.secs(60);
        scene.ping_everybody();
    }

    assert_eq!(scene.ended, None);
    assert_eq!(scene.phase(), Phase::Active);
}

#[test]
fn a_room_with_a_duration_ends_to_the_second_counted_from_the_first_person() {
    let mut scene = Scene::new(|new| {
        if let Some(features) = new.metadata.room_features.as_mut() {
            features.room_duration = Some(1);
        }
    });
    scene.secs(100);
    scene.join("ana");
    scene.take_mail("ana");

    scene.secs(59);
    assert_eq!(scene.phase(), Phase::Active);
    scene.polite = false;
    scene.secs(1);

    assert_eq!(scene.phase(), Phase::Ending);
    let mail = scene.take_mail("ana");
    assert_eq!(mail.len(), 1);
    assert_eq!(mail[0].event, Event::SessionEnded);
    assert_eq!(mail[0].msg, "notifications.room-disconnected-room-ended");
}

#[test]
fn an_ended_room_waits_ten_seconds_for_people_who_do_not_answer() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    scene.polite = false;

    scene.end();
    assert_eq!(scene.phase(), Phase::Ending);
    scene.secs(9);
    assert_eq!(scene.ended, None);
    scene.secs(1);
    assert_eq!(scene.ended, Some(EndReason::Asked));
}

#[test]
fn an_ended_room_is_over_when_everybody_knows() {
    let mut scene = Scene::new(|_| {});
    let ana = scene.join_admin("ana");

    scene.end();

    assert_eq!(scene.ended, Some(EndReason::Asked));
    assert!(scene.farewells.contains_key(&ana));
}

#[test]
fn a_restart_keeps_people_roles_hands_and_chat() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.request("ben", Request::RaiseHand { text: "me".into() });
    scene.say("ben", "m1", "hello");

    let mut scene = scene.restart(Duration::from_secs(3));
    scene.connect("ana");
    scene.connect("ben");

    let mail = scene.take_mail("ana");
    let list =
        mail.iter().rev().find(|mail| mail.event == Event::RespOnlineUsersList || mail.event == Event::UserJoined);
    assert!(list.is_some(), "{mail:?}");
    scene.request("ana", Request::JoinedUsers);
    let users = scene.take_mail("ana").pop().unwrap().msg;
    let users: serde_json::Value = serde_json::from_str(&users).unwrap();
    let ben = users.as_array().unwrap().iter().find(|user| user["user_id"] == "ben").unwrap();
    let ben: serde_json::Value = serde_json::from_str(ben["metadata"].as_str().unwrap()).unwrap();
    assert_eq!(ben["raised_hand"]["is_raised"], true);
    let ana = users.as_array().unwrap().iter().find(|user| user["user_id"] == "ana").unwrap();
    assert_eq!(ana["is_presenter"], true);
}

#[test]
fn people_who_do_not_come_back_after_a_restart_are_gone_and_the_room_ends() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");

    let mut scene = scene.restart(Duration::from_secs(3));
    assert_eq!(scene.phase(), Phase::Active);
    scene.secs(30 + 59);
    assert_eq!(scene.ended, None);
    scene.secs(1);
    assert_eq!(scene.ended, Some(EndReason::Empty));
}

#[test]
fn the_time_after_the_last_one_left_goes_on_over_restarts() {
    let mut scene = Scene::new(|new| new.empty_timeout = Some(300));
    scene.join("ana");
    scene.drop_socket("ana");
    scene.secs(5 + 100);

    let scene = scene.restart(Duration::from_secs(20));
    let mut scene = scene.restart(Duration::from_secs(20));

    scene.secs(159);
    assert_eq!(scene.ended, None);
    scene.secs(1);
    assert_eq!(scene.ended, Some(EndReason::Empty));
}

#[test]
fn somebody_who_came_back_before_a_restart_starts_the_time_anew() {
    let mut scene = Scene::new(|new| new.empty_timeout = Some(300));
    scene.join("ana");
    scene.drop_socket("ana");
    scene.secs(200);
    scene.connect("ana");

    let mut scene = scene.restart(Duration::from_secs(1));

    scene.secs(30 + 299);
    assert_eq!(scene.ended, None);
    scene.secs(1);
    assert_eq!(scene.ended, Some(EndReason::Empty));
}

#[test]
fn a_recorder_alone_does_not_keep_a_room_open_over_a_restart() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    scene.admit("RECORDER_BOT", |ticket| (ticket.is_hidden, ticket.is_admin) = (true, true)).unwrap();
    scene.connect("RECORDER_BOT");
    scene.drop_socket("ana");
    scene.secs(10);

    let mut scene = scene.restart(Duration::from_secs(3));
    scene.connect("RECORDER_BOT");
    scene.secs(60);

    assert_ne!(scene.phase(), Phase::Active);
}

#[test]
fn a_restart_does_not_lengthen_the_room() {
    let mut scene = Scene::new(|new| {
        if let Some(features) = new.metadata.room_features.as_mut() {
            features.room_duration = Some(2);
        }
    });
    scene.join("ana");
    scene.secs(60);
    scene.ping_everybody();

    let mut scene = scene.restart(Duration::from_secs(20));
    scene.connect("ana");
    scene.secs(39);
    assert_eq!(scene.phase(), Phase::Active);
    scene.secs(1);
    assert_ne!(scene.phase(), Phase::Active);
}

#[test]
fn a_room_that_was_ending_comes_back_only_to_finish_that() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    scene.polite = false;
    scene.end();

    let mut scene = scene.restart(Duration::from_secs(1));
    assert_eq!(scene.phase(), Phase::Ending);
    scene.secs(0);

    assert_eq!(scene.phase(), Phase::Ended);
    let told: Vec<_> = scene.notified.iter().map(|notification| notification.event).collect();
    assert_eq!(told, ["session_ended", "room_finished"]);
    let restored = room::Room::restore(
        "room01".try_into().unwrap(),
        "sid-1".try_into().unwrap(),
        7,
        scene.journal.clone(),
        3,
        scene.now(),
    );
    assert!(matches!(restored, Err(room::RestoreError::NoRoom)));
}

#[derive(Debug, Clone)]
enum Step {
    Admit(u8, bool),
    Connect(u8),
    Drop(u8),
    Say(u8),
    Ask(u8),
    Wait(u16),
    End,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4u8, any::<bool>()).prop_map(|(who, admin)| Step::Admit(who, admin)),
        (0..4u8).prop_map(Step::Connect),
        (0..4u8).prop_map(Step::Drop),
        (0..4u8).prop_map(Step::Say),
        (0..4u8).prop_map(Step::Ask),
        (0..2000u16).prop_map(Step::Wait),
        Just(Step::End),
    ]
}

proptest! {
    /// Whatever order people come, go, speak and time passes in: mail only ever goes to live sockets (the scene panics
    /// otherwise), nothing follows the end, there is never more than one presenter among the present, and a journal
    /// taken at any moment makes a room again.
    #[test]
    fn a_room_keeps_its_invariants(script in proptest::collection::vec(any_step(), 0..120)) {
        let names = ["ana", "ben", "cem", "eva"];
        let mut scene = Scene::new(|new| new.empty_timeout = Some(300));
        let mut online = [false; 4];
        for (number, step) in script.into_iter().enumerate() {
            if scene.ended.is_some() {
                break;
            }
            match step {
                Step::Admit(who, admin) => {
                    if scene.admit(names[usize::from(who)], |ticket| ticket.is_admin = admin).is_ok() {
                        online[usize::from(who)] = false;
                    }
                }
                Step::Connect(who) => {
                    let id = names[usize::from(who)];
                    // As fast as a browser tries again.
                    scene.secs(2);
                    if scene.ended.is_none() && scene.room.authorize(&user(id), None).is_ok() {
                        scene.connect(id);
                        online[usize::from(who)] = true;
                    }
                }
                Step::Drop(who) if online[usize::from(who)] => {
                    scene.drop_socket(names[usize::from(who)]);
                    online[usize::from(who)] = false;
                }
                Step::Say(who) if online[usize::from(who)] => {
                    scene.say(names[usize::from(who)], &format!("m{number}"), "hello");
                }
                Step::Ask(who) if online[usize::from(who)] => {
                    scene.request(names[usize::from(who)], Request::JoinedUsers);
                }
                Step::Wait(tenths) => scene.advance(Duration::from_millis(u64::from(tenths) * 100)),
                Step::End => scene.end(),
                Step::Drop(_) | Step::Say(_) | Step::Ask(_) => {}
            }
            let restored = room::Room::restore(
                "room01".try_into().unwrap(),
                "sid-1".try_into().unwrap(),
                7,
                scene.journal.clone(),
                9,
                scene.now(),
            );
            prop_assert_eq!(restored.is_ok(), matches!(scene.phase(), Phase::Created | Phase::Active));
        }
    }
}
