//! Who has the floor: the presenter, and hands that are up.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::time::Duration;

use room::{Moderation, Request, Whom};
use scene::{Scene, user};
use wire::pnm::NatsMsgServerToClientEvents as Event;

#[test]
fn the_first_moderator_presents_and_the_next_takes_over() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join_admin("cem");
    scene.take_mail("cem");

    scene.drop_socket("ana");
    scene.secs(6);

    let mail = scene.take_mail("cem");
    let update = mail.iter().rfind(|mail| mail.event == Event::UserMetadataUpdate).unwrap();
    assert!(update.msg.contains(r#""user_id":"cem""#) && update.msg.contains(r#"\"is_presenter\":true"#));
}

#[test]
fn of_two_moderators_with_early_tokens_one_presents() {
    let mut scene = Scene::new(|_| {});
    scene.admit("ana", |ticket| ticket.is_admin = true).unwrap();
    scene.admit("cem", |ticket| ticket.is_admin = true).unwrap();
    scene.connect("ana");
    scene.connect("cem");

    scene.request("ana", Request::JoinedUsers);

    let users: serde_json::Value = serde_json::from_str(&scene.take_mail("ana").pop().unwrap().msg).unwrap();
    let presenters = users.as_array().unwrap().iter().filter(|user| user["is_presenter"] == true).count();
    assert_eq!(presenters, 1);
}

#[test]
fn a_moderator_who_comes_after_the_presenter_went_presents() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.admit("cem", |ticket| ticket.is_admin = true).unwrap();
    scene.drop_socket("ana");
    scene.secs(40);

    scene.connect("cem");
    scene.secs(5);

    assert!(presents(&mut scene, "cem"));
}

#[test]
fn a_moderator_who_is_not_here_takes_the_floor_from_somebody_for_one_who_is() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.admit("cem", |ticket| ticket.is_admin = true).unwrap();
    scene.join("ben");
    scene.moderate("ana", Moderation::Promote { user: user("ben") }).unwrap();
    scene.moderate("cem", Moderation::Demote { user: user("ben") }).unwrap();

    scene.secs(5);

    assert!(presents(&mut scene, "ana") && !presents(&mut scene, "cem"));
}

#[test]
fn a_presenter_who_never_comes_with_another_token_is_relieved() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join_admin("cem");
    scene.admit("ana", |ticket| ticket.is_admin = true).unwrap();

    scene.secs(5);

    assert!(presents(&mut scene, "cem"));
    assert!(!presents(&mut scene, "ana"));
}

#[test]
fn a_former_presenter_is_told_of_under_a_new_id() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join_admin("cem");
    scene.take_mail("cem");

    scene.drop_socket("ana");
    scene.secs(5);

    let updates: Vec<String> = scene
        .take_mail("cem")
        .into_iter()
        .filter(|mail| mail.event == Event::UserMetadataUpdate)
        .map(|mail| serde_json::from_str::<serde_json::Value>(&mail.msg).unwrap()["user_id"].as_str().unwrap().into())
        .collect();
    assert_eq!(updates, ["ana", "cem"]);
}

#[test]
fn who_was_away_is_told_that_a_presenter_came_back_without_the_floor() {
    let mut scene = Scene::new(|_| {});
    scene.join("dan");
    scene.join_admin("ben");
    scene.secs(1);
    scene.drop_socket("dan");
    let mut scene = scene.restart(Duration::from_secs(1));
    scene.secs(60);
    scene.admit("ana", |ticket| ticket.is_admin = true).unwrap();
    scene.connect("ana");
    scene.connect("ben");
    assert!(presents(&mut scene, "ana") && !presents(&mut scene, "ben"));

    scene.connect("dan");

    let told = scene.take_mail("dan");
    let of_ben = told.iter().rfind(|mail| mail.msg.contains(r#"is_presenter"#) && mail.msg.contains("ben")).unwrap();
    assert!(
        of_ben.event == Event::UserMetadataUpdate && of_ben.msg.contains(r#"\"is_presenter\":false"#),
        "{of_ben:?}"
    );
}

#[test]
fn a_recorder_that_comes_first_does_not_present() {
    let mut scene = Scene::new(|_| {});
    scene.admit("RECORDER_BOT", |ticket| ticket.is_admin = true).unwrap();
    assert!(!presents(&mut scene, "RECORDER_BOT"));
    scene.admit("ana", |ticket| ticket.is_admin = true).unwrap();
    assert!(presents(&mut scene, "ana"));
}

#[test]
fn a_hand_goes_up_and_down_and_only_moderators_lower_others() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    scene.take_mail("ana");
    scene.take_mail("eva");

    scene.request("ben", Request::RaiseHand { text: "Ben <b>asks</b>\u{7}".into() });
    let mail = scene.take_mail("ana");
    assert_eq!(mail[0].event, Event::UserMetadataUpdate);
    assert_eq!(mail[1].event, Event::SystemNotification);
    assert!(mail[1].msg.contains("Ben basks/b"), "{}", mail[1].msg);
    assert_eq!(scene.events("eva"), [Event::UserMetadataUpdate]);

    scene.request("eva", Request::LowerOthersHand { whose: Whom::One(user("ben")) });
    assert_eq!(scene.events("ana"), []);
    scene.request("ana", Request::LowerOthersHand { whose: Whom::One(user("ben")) });
    assert_eq!(scene.events("eva"), [Event::UserMetadataUpdate]);
}

#[test]
fn a_hand_is_raised_once_and_names_its_owner() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join_admin("cem");
    scene.join("ben");
    for id in ["ana", "ben", "cem"] {
        scene.take_mail(id);
    }
    let raise = |text: &str| Request::RaiseHand { text: text.into() };

    scene.request("ben", raise(""));
    let mail = scene.take_mail("ana");
    assert_eq!(mail[0].event, Event::UserMetadataUpdate);
    assert!(mail[1].msg.contains("Name of ben raised a hand"), "{}", mail[1].msg);
    scene.request("ben", raise("again"));
    assert_eq!(scene.events("ana"), []);

    scene.request("ana", raise("ana would like to speak"));
    assert_eq!(scene.events("cem").last(), Some(&Event::SystemNotification), "moderators tell each other");

    for _ in 0..50 {
        scene.request("ben", Request::LowerHand);
        scene.request("ben", raise("up and down"));
    }
    let notices = scene.events("cem").iter().filter(|event| **event == Event::SystemNotification).count();
    assert!(notices < 10, "{notices}");
}

/// Whether somebody who comes presents then.
fn presents(scene: &mut Scene, id: &str) -> bool {
    scene.connect(id);
    let person = scene.room.view().around.into_iter().find(|person| person.id.as_str() == id).unwrap();
    serde_json::from_str::<serde_json::Value>(&person.metadata).unwrap()["is_presenter"] == true
}
