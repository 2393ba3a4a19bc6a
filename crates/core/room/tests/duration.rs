//! How long a meeting lasts, and who may put off its end.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::time::Duration;

use model::policy::Denial;
use room::{EndReason, ProlongRefusal};
use scene::{Scene, user};
use wire::pnm::NatsMsgServerToClientEvents as Event;

fn meeting(minutes: u64, most: &str) -> Scene {
    let mut scene = Scene::new(|new| {
        new.metadata.room_features.as_mut().unwrap().room_duration = Some(minutes);
        if !most.is_empty() {
            new.metadata.extra_data.insert("plenum_max_duration".into(), most.into());
        }
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene.take_mail("ben");
    scene
}

fn prolong(scene: &mut Scene, by: &str, minutes: u64, most: Option<u64>) -> Result<(), ProlongRefusal> {
    let now = scene.now();
    let done = scene.room.prolong(now, &user(by), minutes, most);
    scene.drain();
    done
}

/// Keeps everybody in the meeting for so long, if it lasts.
fn stay(scene: &mut Scene, seconds: u64) {
    for _ in 0..seconds {
        if scene.ended.is_none() && scene.phase().is_open() {
            scene.ping_everybody();
        }
        scene.secs(1);
    }
}

#[test]
fn the_end_is_put_off_to_the_second_and_everybody_knows() {
    let mut scene = meeting(1, "");
    stay(&mut scene, 59);
    prolong(&mut scene, "ana", 1, None).unwrap();
    let mail = scene.take_mail("ben");
    let update = mail.iter().find(|mail| mail.event == Event::RoomMetadataUpdate).unwrap();
    assert!(update.msg.contains(r#""room_duration":"2""#), "{}", update.msg);

    stay(&mut scene, 60);
    assert!(scene.phase().is_open());
    assert_eq!(scene.room.remaining_minutes(scene.now()), Some(0));
    scene.secs(1);
    assert!(!scene.phase().is_open());
    scene.secs(10);
    assert_eq!(scene.ended, Some(EndReason::Duration));
}

#[test]
fn a_longer_meeting_is_longer_after_a_restart() {
    let mut scene = meeting(1, "");
    prolong(&mut scene, "ana", 9, None).unwrap();
    let mut scene = scene.restart(Duration::from_secs(5));
    scene.connect("ana");
    assert_eq!(scene.room.remaining_minutes(scene.now()), Some(9));
    stay(&mut scene, 590);
    assert!(scene.phase().is_open());
    scene.secs(5);
    assert!(!scene.phase().is_open());
}

#[test]
fn the_operator_and_the_creator_have_the_last_word() {
    let mut scene = meeting(30, "60");
    assert_eq!(prolong(&mut scene, "ana", 31, None), Err(ProlongRefusal::TooLong(60)));
    assert_eq!(prolong(&mut scene, "ana", 20, Some(45)), Err(ProlongRefusal::TooLong(45)));
    prolong(&mut scene, "ana", 30, Some(90)).unwrap();
    assert_eq!(prolong(&mut scene, "ana", 1, None), Err(ProlongRefusal::TooLong(60)));

    let mut scene = meeting(30, "0");
    assert_eq!(prolong(&mut scene, "ana", 1, None), Err(ProlongRefusal::TooLong(30)));
}

#[test]
fn moderators_put_off_ends_that_there_are_by_minutes() {
    let mut scene = meeting(30, "");
    assert_eq!(prolong(&mut scene, "ben", 5, None), Err(ProlongRefusal::Denied(Denial::NotModerator)));
    for nonsense in [0, 1441, u64::MAX] {
        assert_eq!(prolong(&mut scene, "ana", nonsense, None), Err(ProlongRefusal::NoMinutes));
    }
    let mut scene = meeting(0, "");
    assert_eq!(prolong(&mut scene, "ana", 5, None), Err(ProlongRefusal::Endless));
}
