//! What stays with people who come again with another token, and what does not.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use room::{LockService, Moderation, Request, Whom};
use scene::{Scene, user};
use wire::pnm;

fn with_hands(new: &mut room::NewRoom) {
    if let Some(features) = new.metadata.room_features.as_mut() {
        features.allow_raise_hand = Some(true);
        features.waiting_room_features = Some(pnm::WaitingRoomFeatures::default());
    }
}

fn raise(scene: &mut Scene, id: &str) {
    scene.request(id, Request::RaiseHand { text: String::new() });
}

fn own(scene: &mut Scene, id: &str) -> serde_json::Value {
    scene.take_mail(id);
    scene.request(id, Request::InitialData);
    let data: serde_json::Value = serde_json::from_str(&scene.take_mail(id).pop().unwrap().msg).unwrap();
    serde_json::from_str(data["local_user"]["metadata"].as_str().unwrap()).unwrap()
}

fn hand(scene: &mut Scene, id: &str) -> Option<i64> {
    let raised = own(scene, id)["raised_hand"].clone();
    raised["is_raised"].as_bool().unwrap_or_default().then(|| raised["raised_at"].as_str().unwrap().parse().unwrap())
}

/// Another token for somebody who is here, used at once.
fn come_again(scene: &mut Scene, id: &str, is_admin: bool) {
    scene.admit(id, |ticket| ticket.is_admin = is_admin).unwrap();
    scene.connect(id);
}

#[test]
fn a_raised_hand_keeps_its_place_through_reload_reconnect_and_another_token() {
    let mut scene = Scene::new(with_hands);
    for (id, is_admin) in [("ana", true), ("ben", false), ("cyd", false)] {
        scene.admit(id, |ticket| ticket.is_admin = is_admin).unwrap();
        scene.connect(id);
        raise(&mut scene, id);
    }
    let before: Vec<_> = ["ana", "ben", "cyd"].map(|id| hand(&mut scene, id).unwrap()).into();

    scene.connect("ana");
    scene.drop_socket("ben");
    scene.secs(3);
    scene.connect("ben");
    come_again(&mut scene, "ben", false);
    come_again(&mut scene, "ana", true);

    let after: Vec<_> = ["ana", "ben", "cyd"].map(|id| hand(&mut scene, id).unwrap()).into();
    assert_eq!(before, after);
}

#[test]
fn whoever_is_gone_for_good_has_no_hand_up_any_more() {
    let mut scene = Scene::new(with_hands);
    scene.join_admin("ana");
    scene.join("ben");
    raise(&mut scene, "ben");

    scene.drop_socket("ben");
    scene.secs(36);
    scene.connect("ben");

    assert_eq!(hand(&mut scene, "ben"), None);
}

#[test]
fn whoever_was_sent_out_begins_anew() {
    let mut scene = Scene::new(with_hands);
    scene.join_admin("ana");
    scene.join("ben");
    raise(&mut scene, "ben");
    scene.moderate("ana", Moderation::Promote { user: user("ben") }).unwrap();
    scene.moderate("ana", Moderation::Remove { user: user("ben"), msg: String::new(), block: false }).unwrap();

    scene.join("ben");

    assert_eq!(hand(&mut scene, "ben"), None);
    assert_eq!(own(&mut scene, "ben")["is_presenter"], false);
    assert_eq!(own(&mut scene, "ana")["is_presenter"], true);
}

#[test]
fn the_presenter_stays_presenter_with_another_token() {
    let mut scene = Scene::new(with_hands);
    scene.join_admin("ana");
    scene.join("ben");
    scene.moderate("ana", Moderation::Promote { user: user("ben") }).unwrap();

    come_again(&mut scene, "ben", false);
    scene.secs(10);

    assert_eq!(own(&mut scene, "ben")["is_presenter"], true);
    assert_eq!(own(&mut scene, "ana")["is_presenter"], false);
}

#[test]
fn the_only_moderator_who_presents_stays_presenter_with_another_token() {
    let mut scene = Scene::new(with_hands);
    scene.join_admin("ana");
    scene.join("ben");

    come_again(&mut scene, "ana", true);
    scene.secs(10);

    assert_eq!(own(&mut scene, "ana")["is_presenter"], true);
}

#[test]
fn whoever_is_in_need_not_wait_again_and_whoever_left_long_ago_does() {
    let mut scene = Scene::new(with_hands);
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("cyd");
    scene.moderate("ana", Moderation::Lobby(true)).unwrap();
    scene.drop_socket("cyd");
    scene.secs(36);

    come_again(&mut scene, "ben", false);
    come_again(&mut scene, "cyd", false);

    assert_eq!(own(&mut scene, "ben")["wait_for_approval"], false);
    assert_eq!(own(&mut scene, "cyd")["wait_for_approval"], true);
}

#[test]
fn own_locks_stay_through_reload_reconnect_and_another_token() {
    let mut scene = Scene::new(with_hands);
    scene.join_admin("ana");
    scene.join("ben");
    let lock = Moderation::Lock { whom: Whom::One(user("ben")), service: LockService::Microphone, locked: true };
    scene.moderate("ana", lock).unwrap();

    scene.connect("ben");
    assert_eq!(own(&mut scene, "ben")["lock_settings"]["lock_microphone"], true);
    come_again(&mut scene, "ben", false);
    assert_eq!(own(&mut scene, "ben")["lock_settings"]["lock_microphone"], true);
}

/// Everybody there can be: ana moderates, pia presents, ben's hand is up and much is locked for him, wil waits, and three
/// only watch.
fn everybody() -> Scene {
    let mut scene = Scene::new(|new| {
        with_hands(new);
        new.metadata.default_lock_settings = Some(pnm::LockSettings { lock_webcam: Some(true), ..Default::default() });
    });
    scene.join_admin("ana");
    scene.join("pia");
    scene.join("ben");
    for (id, is_admin) in [("ghost", false), ("boss", true)] {
        scene.admit(id, |ticket| (ticket.is_hidden, ticket.is_admin) = (true, is_admin)).unwrap();
        scene.connect(id);
    }
    scene.admit("RECORDER_BOT", |ticket| (ticket.is_hidden, ticket.is_admin) = (true, true)).unwrap();
    scene.connect("RECORDER_BOT");
    scene.moderate("ana", Moderation::Promote { user: user("pia") }).unwrap();
    let lock = |service, locked| Moderation::Lock { whom: Whom::One(user("ben")), service, locked };
    scene.moderate("ana", lock(LockService::Chat, true)).unwrap();
    scene.moderate("ana", lock(LockService::Webcam, false)).unwrap();
    scene.moderate("ana", Moderation::AllowSelfUnmute(false)).unwrap();
    raise(&mut scene, "pia");
    raise(&mut scene, "ben");
    scene.moderate("ana", Moderation::Lobby(true)).unwrap();
    scene.join("wil");
    scene.room.leave_note(scene.now(), &user("wil"), "let me in").unwrap();
    scene.drain();
    scene
}

/// All that somebody is: rank, role, locks, hand, place, and rights on the media plane.
fn standing(scene: &mut Scene, id: &str) -> String {
    let mut metadata = own(scene, id);
    metadata.as_object_mut().unwrap().remove("metadata_id");
    let rank = scene.room.authorize(&user(id), None).unwrap();
    format!("{metadata} {rank:?} {:?}", scene.room.media_permission(&user(id)).unwrap())
}

#[test]
fn whatever_somebody_is_a_reload_an_outage_and_a_crash_change_nothing_of_it() {
    const PEOPLE: [&str; 7] = ["ana", "pia", "ben", "wil", "ghost", "boss", "RECORDER_BOT"];
    let outage = |seconds| {
        move |mut scene: Scene, id: &str| {
            scene.drop_socket(id);
            scene.secs(seconds);
            scene.connect(id);
            scene
        }
    };
    let crash = |mut scene: Scene, id: &str| {
        scene.drop_socket(id);
        let mut scene = scene.restart(std::time::Duration::from_secs(2));
        for id in PEOPLE {
            scene.connect(id);
        }
        scene
    };
    let reload = |mut scene: Scene, id: &str| {
        scene.connect(id);
        scene
    };
    let ways: [(&str, &dyn Fn(Scene, &str) -> Scene); 4] =
        [("reload", &reload), ("outage", &outage(4)), ("long outage", &outage(30)), ("crash", &crash)];
    for (way, come_back) in ways {
        let mut scene = everybody();
        let before = PEOPLE.map(|id| standing(&mut scene, id));
        for (place, id) in PEOPLE.into_iter().enumerate() {
            // A presenter who is gone for longer is relieved.
            if (way, id) == ("long outage", "pia") {
                continue;
            }
            scene = come_back(scene, id);
            scene.secs(10);
            scene.ping_everybody();
            assert_eq!(standing(&mut scene, id), before[place], "{id} after a {way}");
        }
        assert_eq!(PEOPLE.map(|id| standing(&mut scene, id)), before, "everybody after each {way}");
    }
}
