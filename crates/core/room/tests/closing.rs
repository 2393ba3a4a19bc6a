//! The end of a breakout room: a countdown that needs nobody, the last minute, and who is sent out along with it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::time::Duration;

use model::RoomId;
use prost::Message;
use room::{BreakoutRefusal, EndReason, Moderation};
use scene::{Scene, user};
use wire::plenum::{Notice, notice::What};
use wire::pnm::NatsMsgServerToClientEvents as Event;

fn breakout(minutes: u64) -> Scene {
    let mut scene = Scene::new(|new| {
        new.metadata.is_breakout_room = true;
        new.metadata.parent_room_id = "main".into();
        if let Some(features) = new.metadata.room_features.as_mut() {
            features.room_duration = Some(minutes);
        }
    });
    scene.join("ben");
    scene.take_mail("ben");
    scene
}

fn close_in(scene: &mut Scene, seconds: u64) -> Result<(), BreakoutRefusal> {
    let done = scene.room.close_in(scene.now(), Duration::from_secs(seconds));
    scene.drain();
    done
}

/// When the last notice said that it closes.
fn told_end(scene: &mut Scene, id: &str) -> Option<i64> {
    let mail = scene.take_mail(id).into_iter().rfind(|mail| mail.event == Event::SystemNotification)?;
    match Notice::decode(mail.bin_msg.as_slice()).unwrap().what? {
        What::Closing(closing) => Some(closing.closes_at),
        What::Asked(_) | What::Stopped(_) | What::NotSent(_) => None,
    }
}

#[test]
fn a_countdown_ends_the_room_though_nobody_who_started_it_is_there() {
    let mut scene = breakout(0);

    close_in(&mut scene, 60).unwrap();

    let at = scene.now().unix_ms + 60_000;
    assert_eq!(told_end(&mut scene, "ben"), Some(at));
    assert_eq!(scene.room.breakout_status(scene.now()).closes_at, at);
    scene.secs(59);
    assert_eq!(scene.ended, None);
    scene.secs(1);
    assert!(scene.events("ben").contains(&Event::SessionEnded));
    scene.secs(10);
    assert_eq!(scene.ended, Some(EndReason::Asked));
}

#[test]
fn a_countdown_goes_on_through_a_crash() {
    let mut scene = breakout(0);
    close_in(&mut scene, 60).unwrap();

    let mut scene = scene.restart(Duration::from_secs(20));
    scene.connect("ben");
    scene.secs(39);
    assert!(!scene.events("ben").contains(&Event::SessionEnded));
    scene.secs(1);

    assert!(scene.events("ben").contains(&Event::SessionEnded));
}

#[test]
fn a_countdown_that_is_taken_back_ends_nothing() {
    let mut scene = breakout(0);
    close_in(&mut scene, 60).unwrap();

    scene.room.keep_open(scene.now());
    scene.drain();
    scene.secs(70);

    assert_eq!(scene.room.breakout_status(scene.now()).closes_at, 0);
    assert!(!scene.events("ben").contains(&Event::SessionEnded));
}

#[test]
fn only_breakout_rooms_count_down_and_not_for_ever() {
    let mut scene = breakout(0);
    for seconds in [0, 4, 601, u64::MAX] {
        assert_eq!(close_in(&mut scene, seconds), Err(BreakoutRefusal::NoCountdown));
    }
    let mut main = Scene::new(|_| {});
    assert_eq!(close_in(&mut main, 60), Err(BreakoutRefusal::NotRunning));
    assert!(scene.take_mail("ben").is_empty());
}

#[test]
fn people_are_told_once_when_the_last_minute_begins_and_again_after_more_minutes() {
    let mut scene = breakout(2);
    let end = scene.now().unix_ms + 120_000;

    scene.secs(59);
    assert_eq!(told_end(&mut scene, "ben"), None);
    scene.secs(1);
    assert_eq!(told_end(&mut scene, "ben"), Some(end));
    scene.secs(20);
    assert_eq!(told_end(&mut scene, "ben"), None);

    scene.ping_everybody();
    scene.room.prolong_breakout(scene.now(), 1, None).unwrap();
    scene.drain();
    scene.take_mail("ben");
    scene.secs(40);
    assert_eq!(told_end(&mut scene, "ben"), Some(end + 60_000));
    scene.secs(60);
    assert!(scene.events("ben").contains(&Event::SessionEnded));
}

#[test]
fn whoever_is_sent_out_of_a_breakout_room_is_named_to_the_main_room() {
    let mut scene = breakout(0);
    scene.join_admin("ana");

    scene.moderate("ana", Moderation::Remove { user: user("ben"), msg: String::new(), block: true }).unwrap();

    assert_eq!(scene.sent_out_elsewhere, [(user("ben"), true)]);
}

#[test]
fn whoever_is_sent_out_of_the_meeting_loses_the_breakout_room_too() {
    let mut scene = breakout(0);
    let conn = scene.conn("ben");

    scene.room.send_out(scene.now(), &user("ana"), &user("ben"), true);
    scene.drain();

    assert_eq!(scene.farewells[&conn].as_deref(), Some("notifications.room-disconnected-participant-removed"));
    assert_eq!(scene.out_of_media, ["ben"]);
    assert!(scene.room.is_sent_out(&user("ben")));
    assert!(scene.sent_out_elsewhere.is_empty(), "a breakout room has none of its own");
    let refused = scene.room.authorize(&user("ben"), None);
    assert_eq!(refused, Err(room::AuthorizeRefusal::Blocked));
}

#[test]
fn somebody_in_a_breakout_room_can_be_sent_out_of_the_main_room() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.drop_socket("ben");
    scene.secs(40);

    let absent = scene.room.remove_absent(scene.now(), &user("ana"), &user("ben"), false);
    scene.drain();

    assert_eq!(absent, Ok(()));
    assert!(scene.room.is_sent_out(&user("ben")));
    let again = scene.room.remove_absent(scene.now(), &user("ana"), &user("ben"), false);
    assert!(again.is_err(), "once");
}

#[test]
fn a_removed_person_leaves_the_list_of_their_room() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    let nowhere = RoomId::try_from("room01-x").unwrap();

    scene.room.strike_from_breakout(&user("ana"), &nowhere);
    scene.drain();

    assert!(scene.room.breakout_rooms().is_empty());
}
