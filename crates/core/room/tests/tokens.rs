//! Join tokens: what they are worth, who gets one, and what somebody brings along with it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use room::{AdmitRefusal, AuthorizeRefusal, Request};
use scene::{Scene, user};
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

fn waiting_room(new: &mut room::NewRoom) {
    if let Some(features) = new.metadata.room_features.as_mut() {
        features.waiting_room_features = Some(pnm::WaitingRoomFeatures { is_active: true, ..Default::default() });
    }
}

#[test]
fn a_new_token_ends_the_old_session_and_the_old_token() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    let old = scene.join("ben");
    let old_generation = scene.generation("ben").to_owned();
    scene.take_mail("ana");

    scene.admit("ben", |_| {}).unwrap();

    assert_eq!(scene.farewells[&old].as_deref(), Some("notifications.room-disconnected-duplicate-entry"));
    assert_eq!(scene.events("ana"), [Event::UserOffline]);
    let refused = scene.room.authorize(&user("ben"), Some(&old_generation));
    assert_eq!(refused, Err(AuthorizeRefusal::Superseded));
    let current = scene.generation("ben").to_owned();
    assert!(scene.room.authorize(&user("ben"), Some(&current)).is_ok());
    assert!(scene.room.authorize(&user("ben"), None).is_ok(), "a token of the application's own making");
}

#[test]
fn nobody_gets_in_whom_nobody_put_on_the_list() {
    let scene = Scene::new(|_| {});
    assert_eq!(scene.room.verify_join(&user("ana"), None), Err(AuthorizeRefusal::Unknown));
}

#[test]
fn a_full_room_takes_nobody_else_but_lets_its_people_reload() {
    let mut scene = Scene::new(|new| new.max_participants = 1);
    scene.join("ana");
    scene.admit("ben", |_| {}).unwrap();

    assert_eq!(scene.room.verify_join(&user("ben"), None), Err(AuthorizeRefusal::Full));
    let generation = scene.generation("ana").to_owned();
    assert_eq!(scene.room.verify_join(&user("ana"), Some(&generation)), Ok(()));
}

#[test]
fn a_token_that_names_no_generation_opens_no_second_tab() {
    let mut scene = Scene::new(|_| {});
    scene.admit("ana", |_| {}).unwrap();
    assert_eq!(scene.room.verify_join(&user("ana"), None), Ok(()));

    scene.connect("ana");
    assert_eq!(scene.room.verify_join(&user("ana"), None), Err(AuthorizeRefusal::Superseded));

    scene.drop_socket("ana");
    assert_eq!(scene.room.verify_join(&user("ana"), None), Ok(()));
}

#[test]
fn a_token_that_ran_out_brings_back_only_who_was_there() {
    let mut scene = Scene::new(|_| {});
    scene.admit("ana", |_| {}).unwrap();
    let ana = user("ana");
    let late = |scene: &mut Scene| {
        let now = scene.now();
        let claim = room::Claim { user: &ana, generation: None, expired: true };
        scene.room.connect(now, room::ConnId(99), claim)
    };

    assert_eq!(late(&mut scene).unwrap_err().0, AuthorizeRefusal::Expired);
    scene.connect("ana");
    scene.drop_socket("ana");
    assert!(late(&mut scene).is_ok());
}

#[test]
fn media_is_for_people_in_the_meeting() {
    let mut scene = Scene::new(|_| {});
    scene.admit("ana", |_| {}).unwrap();
    let enter = |scene: &Scene| scene.room.authorize_media(&user("ana"), None);

    assert_eq!(enter(&scene), Err(AuthorizeRefusal::NotInside));
    scene.connect("ana");
    assert_eq!(enter(&scene), Ok(()));
    scene.drop_socket("ana");
    scene.secs(34);
    assert_eq!(enter(&scene), Ok(()), "their media is kept while they may come back");
    scene.secs(1);
    assert_eq!(enter(&scene), Err(AuthorizeRefusal::NotInside));
}

#[test]
fn the_last_seat_is_given_once() {
    let mut scene = Scene::new(|new| new.max_participants = 1);
    scene.admit("ana", |_| {}).unwrap();
    scene.admit("ben", |_| {}).unwrap();
    assert!(scene.room.verify_join(&user("ana"), None).is_ok() && scene.room.verify_join(&user("ben"), None).is_ok());
    scene.connect("ana");

    let now = scene.now();
    let ben = user("ben");
    let claim = room::Claim { user: &ben, generation: None, expired: false };
    assert_eq!(scene.room.connect(now, room::ConnId(99), claim).unwrap_err().0, AuthorizeRefusal::Full);
}

#[test]
fn somebody_who_opens_sockets_without_end_must_wait() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    let id = user("ana");
    let connects = |scene: &mut Scene, from: u64| {
        let tries = (from..from + 100).filter(|number| {
            let claim = room::Claim { user: &id, generation: None, expired: false };
            scene.room.connect(scene.now(), room::ConnId(*number), claim).is_ok()
        });
        tries.count()
    };

    assert_eq!(connects(&mut scene, 1000), 19);
    scene.secs(4);
    assert_eq!(connects(&mut scene, 2000), 2);
}

#[test]
fn an_application_makes_nobody_a_moderator_by_metadata() {
    let mut scene = Scene::new(|_| {});
    let claims = pnm::UserMetadata { is_admin: true, ex_user_id: Some("mine".into()), ..Default::default() };
    scene.admit("ben", |ticket| ticket.metadata = claims).unwrap();

    let metadata = metadata_of(&mut scene, "ben");

    assert_eq!(metadata["is_admin"], false);
    assert_eq!(metadata["ex_user_id"], "mine");
    assert!(scene.room.may_end(&user("ben")).is_err());
}

#[test]
fn locks_come_from_the_room_where_the_application_says_nothing_and_from_it_where_it_does() {
    let mut scene = Scene::new(|new| {
        new.metadata.default_lock_settings = Some(pnm::LockSettings {
            lock_chat: Some(true),
            lock_webcam: Some(true),
            lock_microphone: Some(false),
            lock_whiteboard: Some(true),
            ..Default::default()
        });
    });
    let own = pnm::LockSettings { lock_chat: Some(false), lock_microphone: Some(true), ..Default::default() };
    let own = pnm::UserMetadata { lock_settings: Some(own), ..Default::default() };
    scene.admit("ana", |ticket| ticket.is_admin = true).unwrap();
    let presenter = metadata_of(&mut scene, "ana");
    scene.admit("cem", |ticket| (ticket.is_admin, ticket.metadata) = (true, own.clone())).unwrap();
    scene.admit("ben", |ticket| ticket.metadata = own).unwrap();

    assert_eq!(presenter["lock_settings"], serde_json::json!({}));
    let other_moderator = metadata_of(&mut scene, "cem");
    assert_eq!(
        other_moderator["lock_settings"],
        serde_json::json!({"lock_whiteboard": true}),
        "the others are replaced"
    );
    let guest = metadata_of(&mut scene, "ben");
    assert_eq!(
        guest["lock_settings"],
        serde_json::json!({
            "lock_microphone": true, "lock_webcam": true, "lock_chat": false, "lock_whiteboard": true
        })
    );
}

#[test]
fn attendees_inherit_the_rooms_locks_and_moderators_have_none() {
    let mut scene = Scene::new(|new| {
        new.metadata.default_lock_settings = Some(pnm::LockSettings {
            lock_screen_sharing: Some(true),
            lock_whiteboard: Some(true),
            ..Default::default()
        });
    });
    scene.join_admin("ana");
    scene.join_admin("cem");
    scene.join("ben");

    let sources = |scene: &Scene, id: &str| scene.room.media_permission(&user(id)).unwrap().publish;
    assert!(sources(&scene, "ana").contains(model::media::Source::ScreenShare));
    assert!(!sources(&scene, "ben").contains(model::media::Source::ScreenShare));
    assert!(sources(&scene, "ben").contains(model::media::Source::Camera));
    scene.request("cem", Request::InitialData);
    let mail = scene.take_mail("cem").pop().unwrap();
    assert!(mail.msg.contains(r#"\"lock_whiteboard\":true"#), "a second moderator inherits the whiteboard lock");
}

#[test]
fn a_waiting_room_is_for_guests() {
    let mut scene = Scene::new(waiting_room);
    scene.admit("ana", |ticket| ticket.is_admin = true).unwrap();
    scene.admit("ben", |_| {}).unwrap();
    assert_eq!(metadata_of(&mut scene, "ana")["wait_for_approval"], false);
    assert_eq!(metadata_of(&mut scene, "ben")["wait_for_approval"], true);
}

#[test]
fn hidden_people_do_not_wait_where_nobody_could_see_them() {
    let mut scene = Scene::new(waiting_room);
    scene.admit("ghost", |ticket| ticket.is_hidden = true).unwrap();
    scene.connect("ghost");
    assert!(!scene.room.authorize(&user("ghost"), None).unwrap().is_waiting);
}

#[test]
fn a_hidden_moderator_may_end_the_meeting_and_a_hidden_guest_may_not() {
    let mut scene = Scene::new(|_| {});
    scene.admit("boss", |ticket| (ticket.is_hidden, ticket.is_admin) = (true, true)).unwrap();
    scene.admit("ghost", |ticket| ticket.is_hidden = true).unwrap();
    assert!(scene.room.may_end(&user("boss")).is_ok());
    assert!(scene.room.may_end(&user("ghost")).is_err());
}

#[test]
fn reserved_and_malformed_ids_are_refused_in_the_references_words() {
    let mut scene = Scene::new(|_| {});
    let text = |scene: &mut Scene, id: &str| scene.admit(id, |_| {}).unwrap_err().to_string();

    assert_eq!(text(&mut scene, "system"), "user_id: system is reserved for internal use only");
    assert_eq!(text(&mut scene, "sip_1"), "user_id: sip_1 is reserved for internal use only");
    assert_eq!(text(&mut scene, "x-native"), "user_id: suffix -native is reserved for internal use only");
    assert_eq!(text(&mut scene, "a-FIELD_b"), "user_id cannot contain the reserved pattern '-FIELD_'");
    assert_eq!(text(&mut scene, "user_1"), "user_id cannot start with the reserved pattern 'user_'");
    assert_eq!(text(&mut scene, "a b"), "user_id should only contain ASCII letters (a-z A-Z), digits (0-9) or -_");
    assert_eq!(scene.admit(&"x".repeat(65), |_| {}), Err(AdmitRefusal::Length));
    let name = scene.admit("ana", |ticket| ticket.name = "PLUGNMEET_RECORDER_AUTH".into());
    assert_eq!(name, Err(AdmitRefusal::ReservedName));
    assert!(!scene.journal.keys().any(|key| key.starts_with("user.")));
}

#[test]
fn automatic_ids_keep_the_callers_id_aside() {
    let mut scene = Scene::new(|new| {
        if let Some(features) = new.metadata.room_features.as_mut() {
            features.auto_gen_user_id = Some(true);
        }
    });

    let admission = scene.admit("ana", |_| {}).unwrap();
    assert_eq!(admission.user_id, user("spare"));
    scene.connect("spare");
    scene.request("spare", Request::InitialData);
    let mail = scene.take_mail("spare").pop().unwrap();
    assert!(mail.msg.contains(r#"\"ex_user_id\":\"ana\""#), "{}", mail.msg);
    assert_eq!(scene.admit("RECORDER_BOT", |_| {}).unwrap().user_id, user("RECORDER_BOT"));
}

/// Somebody's metadata, as the API shows it.
fn metadata_of(scene: &mut Scene, id: &str) -> serde_json::Value {
    scene.connect(id);
    let person = scene.room.view().around.into_iter().find(|person| person.id.as_str() == id).unwrap();
    serde_json::from_str(&person.metadata).unwrap()
}
