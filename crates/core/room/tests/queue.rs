//! The queue before the door: places, notes, being let in, and that nothing else reaches whoever waits.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use model::policy::Denial;
use prost::Message;
use room::{ClientSubject, Guests, MediaUrl, Moderation, Request, WaitingRefusal};
use scene::{Scene, data, user};
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

fn waiting_room(new: &mut room::NewRoom) {
    if let Some(features) = new.metadata.room_features.as_mut() {
        features.waiting_room_features = Some(pnm::WaitingRoomFeatures { is_active: true, ..Default::default() });
    }
}

/// A host, and people who wait, one after the other.
fn queue_of(guests: &[&str]) -> Scene {
    let mut scene = Scene::new(waiting_room);
    scene.join_admin("ana");
    for guest in guests {
        scene.join(guest);
    }
    scene
}

fn extra(json: &str) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(json).unwrap()["extra_data"].clone()
}

fn initial_data(scene: &mut Scene, id: &str) -> (serde_json::Value, serde_json::Value) {
    scene.take_mail(id);
    scene.request(id, Request::InitialData);
    let mail = scene.take_mail(id).pop().unwrap();
    let data: serde_json::Value = serde_json::from_str(&mail.msg).unwrap();
    let of = |whose: &str| extra(data[whose]["metadata"].as_str().unwrap());
    (of("room"), of("local_user"))
}

/// The place of somebody who waits, and how many wait, as their client reads it.
fn place(scene: &mut Scene, id: &str) -> (usize, usize) {
    let (room, own) = initial_data(scene, id);
    let queue: Vec<&str> = room["plenum_queue"].as_str().unwrap().split(',').collect();
    let since = own["plenum_waits_since"].as_str().unwrap();
    (queue.iter().position(|other| *other == since).unwrap() + 1, queue.len())
}

fn note(scene: &mut Scene, id: &str, text: &str) -> Result<(), WaitingRefusal> {
    let done = scene.room.leave_note(scene.now(), &user(id), text);
    scene.drain();
    done
}

fn let_in(scene: &mut Scene, guests: &Guests) {
    scene.room.let_in(scene.now(), &user("ana"), guests).unwrap();
    scene.drain();
}

/// What the host's list says of somebody.
fn listed(scene: &mut Scene, id: &str) -> serde_json::Value {
    scene.take_mail("ana");
    scene.request("ana", Request::JoinedUsers);
    let list: serde_json::Value = serde_json::from_str(&scene.take_mail("ana").pop().unwrap().msg).unwrap();
    let person = list.as_array().unwrap().iter().find(|person| person["user_id"] == id).unwrap().clone();
    extra(person["metadata"].as_str().unwrap())
}

#[test]
fn everybody_who_waits_knows_the_own_place_and_how_it_moves() {
    let mut scene = queue_of(&["ben", "cyd", "dan"]);
    assert_eq!(place(&mut scene, "ben"), (1, 3));
    assert_eq!(place(&mut scene, "dan"), (3, 3));

    let_in(&mut scene, &Guests::One(user("ben")));

    let told = scene.take_mail("dan");
    assert_eq!(told.last().unwrap().event, Event::RoomMetadataUpdate, "without asking");
    assert_eq!(extra(&told.last().unwrap().msg)["plenum_queue"].as_str().unwrap().split(',').count(), 2);
    assert_eq!(place(&mut scene, "dan"), (2, 2));
}

#[test]
fn whoever_gives_up_or_is_rejected_makes_room_for_the_next() {
    let mut scene = queue_of(&["ben", "cyd", "dan"]);

    scene.drop_socket("ben");
    scene.secs(6);
    assert_eq!(place(&mut scene, "dan"), (2, 2));

    let remove = Moderation::Remove { user: user("cyd"), msg: String::new(), block: true };
    scene.moderate("ana", remove).unwrap();
    assert_eq!(place(&mut scene, "dan"), (1, 1));
}

#[test]
fn a_reload_another_token_and_a_crash_keep_place_and_note() {
    let mut scene = queue_of(&["ben", "cyd"]);
    note(&mut scene, "ben", "My bus is late").unwrap();

    scene.connect("ben");
    assert_eq!(place(&mut scene, "ben"), (1, 2));
    scene.admit("ben", |_| {}).unwrap();
    scene.connect("ben");
    assert_eq!(place(&mut scene, "ben"), (1, 2));
    assert_eq!(listed(&mut scene, "ben")["plenum_note"], "My bus is late");

    let mut scene = scene.restart(std::time::Duration::from_secs(3));
    for id in ["ana", "ben", "cyd"] {
        scene.connect(id);
    }
    assert_eq!(place(&mut scene, "cyd"), (2, 2));
    assert_eq!(initial_data(&mut scene, "ben").1["plenum_note"], "My bus is late");
}

#[test]
fn a_token_of_the_next_day_starts_at_the_end() {
    let mut scene = queue_of(&["ben", "cyd"]);
    scene.drop_socket("ben");
    for _ in 0..11 {
        scene.secs(60);
        scene.ping_everybody();
    }

    scene.join("ben");

    assert_eq!(place(&mut scene, "ben"), (2, 2));
}

#[test]
fn a_note_is_plain_bounded_and_can_be_changed_and_taken_back() {
    let mut scene = queue_of(&["ben"]);
    let long = "\u{7}é".repeat(400);

    note(&mut scene, "ben", &long).unwrap();
    assert_eq!(listed(&mut scene, "ben")["plenum_note"].as_str().unwrap(), "é".repeat(300));

    note(&mut scene, "ben", "  one\ntwo ").unwrap();
    assert_eq!(listed(&mut scene, "ben")["plenum_note"], "one\ntwo");

    note(&mut scene, "ben", " ").unwrap();
    assert!(listed(&mut scene, "ben").get("plenum_note").is_none());
}

#[test]
fn notes_are_for_those_who_wait_and_not_many() {
    let mut scene = queue_of(&["ben"]);
    assert_eq!(note(&mut scene, "ana", "hello"), Err(WaitingRefusal::Denied(Denial::NoPart)));
    assert_eq!(note(&mut scene, "nobody", "hello"), Err(WaitingRefusal::Denied(Denial::Waiting)));

    let written = (0..20).filter(|n| note(&mut scene, "ben", &format!("{n}")).is_ok()).count();

    assert_eq!(written, 6);
    assert_eq!(note(&mut scene, "ben", "once more"), Err(WaitingRefusal::TooOften));
    assert_eq!(listed(&mut scene, "ben")["plenum_note"], "5");
}

#[test]
fn whoever_is_let_in_takes_neither_note_nor_place_along() {
    let mut scene = queue_of(&["ben", "cyd"]);
    note(&mut scene, "ben", "Please").unwrap();

    let_in(&mut scene, &Guests::All);

    for key in ["plenum_note", "plenum_waits_since"] {
        assert!(listed(&mut scene, "ben").get(key).is_none(), "{key}");
    }
}

#[test]
fn no_application_brings_a_place_along() {
    let mut scene = Scene::new(waiting_room);
    scene.join_admin("ana");
    scene.join("ben");
    scene
        .admit("cyd", |ticket| drop(ticket.metadata.extra_data.insert("plenum_waits_since".into(), "1".into())))
        .unwrap();
    scene.connect("cyd");

    assert_eq!(place(&mut scene, "cyd"), (2, 2));
}

#[test]
fn nothing_of_the_meeting_reaches_whoever_waits() {
    let mut scene = queue_of(&["ben", "cyd"]);
    scene.admit("dan", |ticket| ticket.metadata.raised_hand = None).unwrap();
    let_in(&mut scene, &Guests::One(user("cyd")));
    scene.take_mail("ben");

    scene.say("ana", "m1", "secret");
    scene.say("cyd", "m2", "secret");
    scene.publish("ana", ClientSubject::Data, data("ana", pnm::DataMsgBodyType::Reaction, "👍").encode_to_vec());
    scene.request("cyd", Request::RaiseHand { text: "secret".into() });
    scene.connect("dan");
    note(&mut scene, "dan", "secret").unwrap();
    scene.request("ben", Request::JoinedUsers);
    scene.request("ben", Request::MediaServerData);

    assert!(scene.heard("ben").is_empty());
    assert!(scene.media_tokens.is_empty());
    for mail in scene.take_mail("ben") {
        assert!(matches!(mail.event, Event::RoomMetadataUpdate | Event::ResJoinedUsersList), "{mail:?}");
        for secret in ["secret", "cyd", "dan", "Name of ana"] {
            assert!(!mail.msg.contains(secret), "{secret} in {mail:?}");
        }
    }
}

#[test]
fn who_waits_does_not_see_what_is_shown_inside_until_they_are_in() {
    let mut scene = Scene::new(|new| {
        waiting_room(new);
        let features = new.metadata.room_features.as_mut().unwrap();
        features.display_external_link_features =
            Some(pnm::DisplayExternalLinkFeatures { is_allow: true, ..Default::default() });
        features.external_media_player_features =
            Some(pnm::ExternalMediaPlayerFeatures { is_allow: true, ..Default::default() });
        features.shared_note_pad_features = Some(pnm::SharedNotePadFeatures { is_allow: true, ..Default::default() });
        let board = features.whiteboard_features.as_mut().unwrap();
        (board.file_path, board.whiteboard_file_id) = ("sid/secret".into(), "secret".into());
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene.take_mail("ben");
    let now = scene.now();
    scene.moderate("ana", Moderation::ShowLink(Some("https://secret.example.org/".into()))).unwrap();
    scene.moderate("ana", Moderation::ActivateNotepad(true)).unwrap();
    scene.moderate("ana", Moderation::Spotlight(vec![user("ana")])).unwrap();
    let film = MediaUrl::parse("https://secret.example.org/a.mp4", "https://own.example").unwrap();
    scene.room.play_media(now, &user("ana"), film, None).unwrap();
    scene.drain();

    scene.request("ben", Request::InitialData);

    let mail = scene.take_mail("ben");
    assert!(mail.iter().any(|mail| mail.event == Event::ResInitialData));
    for mail in mail {
        for secret in ["secret", "plenum_spotlight"] {
            assert!(!mail.msg.contains(secret), "{secret} in {mail:?}");
        }
    }
    let_in(&mut scene, &Guests::One(user("ben")));
    let seen = scene.take_mail("ben").into_iter().find(|mail| mail.event == Event::RoomMetadataUpdate).unwrap();
    for shown in ["https://secret.example.org/a.mp4", "sid/secret", "plenum_spotlight"] {
        assert!(seen.msg.contains(shown), "{shown} in {seen:?}");
    }
}

#[test]
fn somebody_let_in_from_the_waiting_room_is_told_of_the_room_first_and_then_known_to_all() {
    let mut scene = Scene::new(waiting_room);
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    let by = user("ana");
    let one = |id: &str| Guests::One(user(id));
    assert!(scene.room.let_in(scene.now(), &user("ben"), &one("ben")).is_err(), "nobody lets themselves in");
    assert_eq!(scene.room.let_in(scene.now(), &by, &one("nobody")), Err(WaitingRefusal::NoUser));

    scene.room.let_in(scene.now(), &by, &one("eva")).unwrap();
    scene.drain();
    for id in ["ana", "ben", "eva"] {
        scene.take_mail(id);
    }
    scene.room.let_in(scene.now(), &by, &one("ben")).unwrap();
    scene.drain();

    assert_eq!(scene.events("ben"), [Event::RoomMetadataUpdate, Event::UserMetadataUpdate]);
    assert_eq!(scene.events("eva"), [Event::UserJoined, Event::UserMetadataUpdate]);
    assert_eq!(scene.events("ana"), [Event::UserMetadataUpdate], "a moderator knew already");
    assert_eq!(scene.admitted, [user("eva"), user("ben")]);
    assert_eq!(scene.media_rights, [user("eva"), user("ben")]);
    scene.request("ben", Request::JoinedUsers);
    let list: Vec<serde_json::Value> = serde_json::from_str(&scene.take_mail("ben").pop().unwrap().msg).unwrap();
    assert_eq!(
        list.iter().map(|person| person["user_id"].as_str().unwrap()).collect::<Vec<_>>(),
        ["ana", "ben", "eva"]
    );
    scene.say("ben", "m1", "thank you");
    assert_eq!(scene.heard("eva").len(), 1);
    scene.room.let_in(scene.now(), &by, &one("ben")).unwrap();
    scene.drain();
    assert_eq!(scene.events("ben"), [], "once is enough");

    let mut scene = scene.restart(std::time::Duration::from_secs(1));
    scene.connect("ben");
    scene.request("ben", Request::MediaServerData);
    assert_eq!(scene.media_tokens, [user("ben")], "who was let in stays in");
}

#[test]
fn everybody_who_waits_is_let_in_at_once() {
    let mut scene = Scene::new(waiting_room);
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    scene.admit("cem", |_| {}).unwrap();

    scene.room.let_in(scene.now(), &user("ana"), &Guests::All).unwrap();
    scene.drain();

    assert_eq!(scene.admitted, [user("ben"), user("eva")]);
    scene.connect("cem");
    assert_eq!(scene.admitted.len(), 2, "whoever comes later waits");
}

#[test]
fn those_who_wait_read_what_a_moderator_writes() {
    let mut scene = Scene::new(waiting_room);
    scene.join_admin("ana");
    scene.join("ben");
    for id in ["ana", "ben"] {
        scene.take_mail(id);
    }
    assert!(scene.room.set_waiting_text(scene.now(), &user("ben"), "me first").is_err());

    scene.room.set_waiting_text(scene.now(), &user("ana"), "a\u{7} moment").unwrap();
    scene.drain();

    for id in ["ana", "ben"] {
        let mail = scene.take_mail(id).pop().unwrap();
        assert_eq!(mail.event, Event::RoomMetadataUpdate);
        let metadata: serde_json::Value = serde_json::from_str(&mail.msg).unwrap();
        assert_eq!(metadata["room_features"]["waiting_room_features"]["waiting_room_msg"], "a moment");
    }
    let mut open = Scene::new(|_| {});
    open.join_admin("ana");
    let refused = open.room.set_waiting_text(open.now(), &user("ana"), "text");
    assert_eq!(refused, Err(WaitingRefusal::NoWaitingRoom));
}
