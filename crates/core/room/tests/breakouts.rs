//! Breakout rooms as the main room keeps them, and as they are inside.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::collections::BTreeSet;
use std::time::Duration;

use model::RoomId;
use model::policy::Denial;
use proptest::prelude::*;
use room::{BreakoutPlan, BreakoutRefusal, EndReason, HelpCall, Output};
use scene::{Scene, user};
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

fn id(text: &str) -> RoomId {
    RoomId::try_from(text).unwrap()
}

/// Ana moderates, ben and eva attend.
fn meeting(change: impl FnOnce(&mut pnm::RoomMetadata)) -> Scene {
    let mut scene = Scene::new(|new| {
        let features = new.metadata.room_features.as_mut().unwrap();
        features.breakout_room_features =
            Some(pnm::BreakoutRoomFeatures { is_allow: true, is_active: false, allowed_number_rooms: 3 });
        change(&mut new.metadata);
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    for id in ["ana", "ben", "eva"] {
        scene.take_mail(id);
    }
    scene
}

fn room(id: &str, users: &[&str]) -> pnm::BreakoutRoom {
    let users = users.iter().map(|id| pnm::BreakoutRoomUser { id: (*id).into(), name: "liar".into(), joined: true });
    pnm::BreakoutRoom { id: id.into(), title: format!("Title {id}"), users: users.collect(), ..Default::default() }
}

fn wish(rooms: Vec<pnm::BreakoutRoom>) -> pnm::CreateBreakoutRoomsReq {
    pnm::CreateBreakoutRoomsReq { rooms, ..Default::default() }
}

fn plan(scene: &Scene, by: &str, wish: &pnm::CreateBreakoutRoomsReq) -> Result<Vec<BreakoutPlan>, BreakoutRefusal> {
    scene.room.plan_breakouts(scene.now(), &user(by), wish)
}

fn open(scene: &mut Scene, wish: &pnm::CreateBreakoutRoomsReq) {
    let plans = plan(scene, "ana", wish).unwrap();
    let now = scene.now();
    scene.room.open_breakouts(now, &user("ana"), plans).unwrap();
    scene.drain();
}

fn listed(scene: &Scene, by: &str) -> Result<Vec<(String, Vec<String>)>, BreakoutRefusal> {
    let rooms = scene.room.list_breakouts(&user(by))?.into_iter().map(|(_, room)| room);
    Ok(rooms.map(|room| (room.id, room.users.into_iter().map(|user| user.id).collect())).collect())
}

fn ticket(scene: &mut Scene, who: &str, room: &str) -> Result<room::Ticket, BreakoutRefusal> {
    let ticket = scene.room.breakout_ticket(&user(who), &id(room), "g".into());
    scene.drain();
    ticket
}

fn shift(scene: &mut Scene, by: &str, who: &str, to: Option<&str>) -> Result<(), BreakoutRefusal> {
    let done = scene.room.move_to_breakout(&user(by), &user(who), to.map(id).as_ref());
    scene.drain();
    done
}

#[test]
fn people_are_invited_to_their_rooms_and_everybody_sees_that_there_are_some() {
    let mut scene = meeting(|_| {});
    open(&mut scene, &wish(vec![room("1", &["ben"]), room("2", &["eva", "ben", "nobody"])]));

    let mail = scene.take_mail("ben");
    assert_eq!((mail[0].event, mail[0].msg.as_str()), (Event::JoinBreakoutRoom, "room01-1"));
    assert_eq!(mail[1].event, Event::RoomMetadataUpdate);
    assert!(mail[1].msg.contains(r#""breakout_room_features":{"is_allow":true,"is_active":true"#));
    assert_eq!(mail.len(), 2, "nobody is in two rooms");
    assert_eq!(scene.take_mail("eva")[0].msg, "room01-2");
    assert_eq!(scene.events("ana"), [Event::RoomMetadataUpdate]);
    let expected = vec![("room01-1".into(), vec!["ben".into()]), ("room01-2".into(), vec!["eva".into()])];
    assert_eq!(listed(&scene, "ana"), Ok(expected));
    assert_eq!(scene.room.list_breakouts(&user("ana")).unwrap()[0].1.users[0].name, "Name of ben");
}

#[test]
fn a_breakout_room_is_like_its_main_room_but_for_what_runs_there() {
    let scene = meeting(|metadata| {
        metadata.is_recording = true;
        metadata.logout_url = Some("https://example.org".into());
        metadata.default_lock_settings = Some(pnm::LockSettings { lock_microphone: Some(true), ..Default::default() });
        for key in [wire::bbb::EXTRA_KEY, "plenum_invite", "plenum_media_data", "course"] {
            metadata.extra_data.insert(key.into(), "true".into());
        }
        let features = metadata.room_features.as_mut().unwrap();
        features.enable_analytics = true;
        features.recording_features = Some(pnm::RecordingFeatures { is_allow: true, ..Default::default() });
        features.waiting_room_features = Some(pnm::WaitingRoomFeatures { is_active: true, ..Default::default() });
        features.polls_features = Some(pnm::PollsFeatures { is_allow: true, is_active: true });
        features.shared_note_pad_features = Some(pnm::SharedNotePadFeatures {
            is_allow: true,
            is_active: true,
            visible: true,
            note_pad_id: "n".into(),
        });
        features.end_to_end_encryption_features = Some(pnm::EndToEndEncryptionFeatures {
            is_enabled: true,
            encryption_key: Some("key".into()),
            ..Default::default()
        });
    });
    let mut wish = wish(vec![room("1", &["ben"])]);
    (wish.duration, wish.welcome_msg) = (15, Some("Hello".into()));

    let metadata = plan(&scene, "ana", &wish).unwrap().remove(0).metadata;

    assert!(metadata.is_breakout_room && !metadata.is_recording);
    assert_eq!((metadata.parent_room_id.as_str(), metadata.room_title.as_str()), ("room01", "Title 1"));
    assert_eq!(metadata.welcome_message.as_deref(), Some("Hello"));
    assert_eq!(metadata.logout_url.as_deref(), Some("https://example.org"));
    assert_eq!(metadata.default_lock_settings.unwrap().lock_microphone, Some(true));
    let kept: Vec<&str> = metadata.extra_data.keys().map(String::as_str).collect();
    assert_eq!(kept, ["course", "plenum_media_data"]);
    let features = metadata.room_features.unwrap();
    assert!(features.allow_webcams && !features.enable_analytics);
    assert_eq!((features.room_duration, features.auto_gen_user_id), (Some(15), Some(false)));
    assert_eq!((features.allow_rtmp, features.recording_features.unwrap().is_allow), (Some(false), false));
    assert!(!features.breakout_room_features.unwrap().is_allow);
    assert!(!features.waiting_room_features.unwrap().is_active);
    assert_eq!(features.polls_features, Some(pnm::PollsFeatures { is_allow: true, is_active: false }));
    let pad = features.shared_note_pad_features.unwrap();
    assert!(pad.is_allow && !pad.is_active && !pad.visible && pad.note_pad_id.is_empty());
    let encryption = features.end_to_end_encryption_features.unwrap();
    assert!(encryption.is_enabled && encryption.encryption_key.is_none());
}

#[test]
fn there_are_as_many_rooms_as_the_creator_allows() {
    let mut scene = meeting(|_| {});
    let four = wish(vec![room("1", &[]), room("2", &[]), room("3", &[]), room("4", &[])]);
    assert_eq!(plan(&scene, "ana", &four), Err(BreakoutRefusal::TooMany(3)));
    open(&mut scene, &wish(vec![room("1", &[]), room("2", &[])]));
    assert_eq!(plan(&scene, "ana", &wish(vec![room("3", &[]), room("4", &[])])), Err(BreakoutRefusal::TooMany(3)));
    assert_eq!(plan(&scene, "ana", &wish(vec![room("1", &[])])), Ok(vec![]), "in use");
}

#[test]
fn ids_that_make_no_room_are_left_out() {
    let scene = meeting(|_| {});
    for bad in ["", "a.b", "a b", "ü", &"x".repeat(58)] {
        assert_eq!(plan(&scene, "ana", &wish(vec![room(bad, &["ben"])])), Ok(vec![]), "{bad}");
    }
    let twice = plan(&scene, "ana", &wish(vec![room("1", &["ben"]), room("1", &["eva"])])).unwrap();
    assert_eq!(twice.len(), 1);
}

#[test]
fn a_breakout_room_does_not_outlast_its_main_room() {
    let mut scene = meeting(|metadata| metadata.room_features.as_mut().unwrap().room_duration = Some(30));
    scene.secs(90);
    let mut wish = wish(vec![room("1", &["ben"])]);
    wish.duration = 29;
    let refusal = plan(&scene, "ana", &wish).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "breakout room's duration (29) can't be more than parent room's remaining duration (28)"
    );
    wish.duration = 28;
    assert!(plan(&scene, "ana", &wish).is_ok());
}

#[test]
fn only_moderators_make_and_manage_them_and_only_where_the_room_has_them() {
    let mut scene = meeting(|_| {});
    let one = wish(vec![room("1", &["ben"])]);
    let denied = BreakoutRefusal::Denied(Denial::NotModerator);
    assert_eq!(plan(&scene, "ben", &one), Err(denied));
    assert_eq!(listed(&scene, "ben"), Err(BreakoutRefusal::None));
    open(&mut scene, &one);
    assert_eq!(listed(&scene, "ben"), Err(denied));
    assert_eq!(scene.room.managed_breakouts(&user("ben")), Err(denied));
    assert_eq!(shift(&mut scene, "ben", "ben", None), Err(denied));
    let now = scene.now();
    assert_eq!(scene.room.close_breakout(now, &user("ben"), &id("room01-1")), Err(denied));
    assert_eq!(scene.room.close_breakout(now, &user("ana"), &id("room01-9")), Err(BreakoutRefusal::None));

    let scene = meeting(|metadata| metadata.room_features.as_mut().unwrap().breakout_room_features = None);
    assert_eq!(plan(&scene, "ana", &one), Err(BreakoutRefusal::Denied(Denial::FeatureOff)));
}

#[test]
fn people_get_into_the_room_that_lists_them_and_moderators_into_every_one() {
    let mut scene = meeting(|_| {});
    scene.admit("spy", |ticket| ticket.is_hidden = true).unwrap();
    open(&mut scene, &wish(vec![room("1", &["ben"]), room("2", &["spy"])]));

    let admitted = ticket(&mut scene, "ben", "room01-1").unwrap();
    assert_eq!((admitted.user_id.as_str(), admitted.name.as_str()), ("ben", "Name of ben"));
    assert!(!admitted.is_admin && !admitted.is_hidden);
    assert!(ticket(&mut scene, "ana", "room01-1").unwrap().is_admin);
    assert!(ticket(&mut scene, "spy", "room01-2").unwrap().is_hidden, "who is not seen is not seen there either");
    assert_eq!(ticket(&mut scene, "eva", "room01-1").unwrap_err(), BreakoutRefusal::NotInvited);
    assert_eq!(ticket(&mut scene, "ben", "room01-9").unwrap_err(), BreakoutRefusal::NotFound);
    assert_eq!(ticket(&mut scene, "zoe", "room01-1").unwrap_err(), BreakoutRefusal::Stranger);
}

#[test]
fn locks_that_somebody_has_go_with_them() {
    let mut scene = meeting(|_| {});
    let locks = pnm::LockSettings { lock_webcam: Some(true), ..Default::default() };
    scene.admit("zoe", |ticket| ticket.metadata.lock_settings = Some(locks)).unwrap();
    open(&mut scene, &wish(vec![room("1", &["zoe"])]));
    let ticket = ticket(&mut scene, "zoe", "room01-1").unwrap();
    assert_eq!(ticket.metadata.lock_settings.unwrap().lock_webcam, Some(true));
}

#[test]
fn rooms_to_choose_from_are_for_everybody_and_tell_of_nobody() {
    let mut scene = meeting(|_| {});
    let mut wish = wish(vec![room("1", &["ben"]), room("2", &[])]);
    wish.self_select = true;
    open(&mut scene, &wish);

    assert_eq!(listed(&scene, "eva"), Ok(vec![("room01-1".into(), vec![]), ("room01-2".into(), vec![])]));
    assert_eq!(listed(&scene, "ben").unwrap()[0].1, ["ben"]);
    assert!(ticket(&mut scene, "eva", "room01-2").is_ok());
}

#[test]
fn everybody_finds_their_own_room() {
    let mut scene = meeting(|_| {});
    assert_eq!(scene.room.breakout_of(&user("ben")), Err(BreakoutRefusal::None));
    open(&mut scene, &wish(vec![room("1", &["ana"]), room("2", &["ben"])]));
    assert_eq!(scene.room.breakout_of(&user("ben")).unwrap().1.id, "room01-2");
    assert_eq!(scene.room.breakout_of(&user("eva")), Err(BreakoutRefusal::NotFound));
}

#[test]
fn who_is_put_into_a_later_room_belongs_to_that_one() {
    let mut scene = meeting(|_| {});
    open(&mut scene, &wish(vec![room("1", &["ben", "eva"])]));

    open(&mut scene, &wish(vec![room("2", &["ben"])]));

    let expected = [("room01-1".to_owned(), vec!["eva".to_owned()]), ("room01-2".to_owned(), vec!["ben".to_owned()])];
    assert_eq!(listed(&scene, "ana").unwrap(), expected);
    assert_eq!(listed(&scene.restart(Duration::from_secs(1)), "ana").unwrap(), expected);
}

#[test]
fn a_person_is_moved_from_list_to_list() {
    let mut scene = meeting(|_| {});
    open(&mut scene, &wish(vec![room("1", &["ben"]), room("2", &["eva"])]));

    shift(&mut scene, "ana", "ben", Some("room01-2")).unwrap();
    assert_eq!(listed(&scene, "ana").unwrap()[1].1, ["eva", "ben"]);
    assert_eq!(ticket(&mut scene, "ben", "room01-1").unwrap_err(), BreakoutRefusal::NotInvited);
    shift(&mut scene, "ana", "eva", None).unwrap();
    assert_eq!(listed(&scene, "ana").unwrap()[1].1, ["ben"]);
    assert_eq!(shift(&mut scene, "ana", "zoe", None), Err(BreakoutRefusal::NoUser));
    assert_eq!(shift(&mut scene, "ana", "ben", Some("room01-9")), Err(BreakoutRefusal::NotFound));

    let scene = scene.restart(Duration::from_secs(1));
    assert_eq!(listed(&scene, "ana").unwrap()[1].1, ["ben"]);
}

#[test]
fn a_call_for_help_reaches_moderators_and_ends_when_one_comes() {
    let mut scene = meeting(|_| {});
    open(&mut scene, &wish(vec![room("1", &["ben"])]));
    scene.take_mail("ana");
    scene.take_mail("eva");
    let call = HelpCall { room: id("room01-1"), by: user("ben"), name: "Ben".into(), is_withdrawn: false };
    let note = |scene: &mut Scene, call: &HelpCall| {
        let now = scene.now();
        let noted = scene.room.note_help(now, call);
        scene.drain();
        noted
    };

    assert_eq!(note(&mut scene, &call), Ok(Some("Ben asks for help in Title 1".into())));
    let mail = scene.take_mail("ana");
    assert!(mail[0].event == Event::SystemNotification && mail[0].msg.contains("Ben asks for help in Title 1"));
    assert_eq!(scene.events("eva"), []);
    assert_eq!(note(&mut scene, &call), Err(BreakoutRefusal::HelpTooSoon));
    let called = |scene: &Scene| scene.room.list_breakouts(&user("ana")).unwrap()[0].1.help_asked_by.clone();
    assert_eq!(called(&scene), "ben");

    ticket(&mut scene, "ben", "room01-1").unwrap();
    assert_eq!(called(&scene), "ben", "ben is no help");
    ticket(&mut scene, "ana", "room01-1").unwrap();
    assert_eq!(called(&scene), "");
    scene.secs(10);
    note(&mut scene, &call).unwrap();
    assert_eq!(note(&mut scene, &HelpCall { is_withdrawn: true, ..call.clone() }), Ok(None));
    assert_eq!(called(&scene), "");
    let elsewhere = HelpCall { room: id("room01-9"), ..call };
    assert_eq!(note(&mut scene, &elsewhere), Err(BreakoutRefusal::NotFound));
}

#[test]
fn the_end_of_each_is_told_and_with_the_last_one_there_are_none() {
    let mut scene = meeting(|_| {});
    open(&mut scene, &wish(vec![room("1", &[]), room("2", &[])]));
    scene.take_mail("ben");

    let now = scene.now();
    scene.room.close_breakout(now, &user("ana"), &id("room01-1")).unwrap();
    scene.drain();
    let mail = scene.take_mail("ben");
    assert_eq!((mail.len(), mail[0].event, mail[0].msg.as_str()), (1, Event::BreakoutRoomEnded, "room01-1"));
    scene.room.breakout_is_over(now, &id("room01-1"));
    scene.drain();
    assert_eq!(scene.events("ben"), [], "once");

    scene.room.breakout_is_over(now, &id("room01-2"));
    scene.drain();
    let mail = scene.take_mail("ben");
    assert_eq!(mail[1].event, Event::RoomMetadataUpdate);
    assert!(mail[1].msg.contains(r#""is_active":false,"allowed_number_rooms":3"#));
    assert!(!scene.journal.keys().any(|key| key.starts_with("breakout.")));
}

#[test]
fn an_empty_main_room_waits_for_its_breakout_rooms() {
    let mut scene = meeting(|_| {});
    open(&mut scene, &wish(vec![room("1", &["ben"])]));
    for id in ["ana", "ben", "eva"] {
        scene.drop_socket(id);
    }
    scene.secs(3600);
    assert_eq!(scene.ended, None);
    let mut scene = scene.restart(Duration::from_secs(60));
    scene.secs(3600);
    assert_eq!(scene.ended, None);

    let now = scene.now();
    scene.room.breakout_is_over(now, &id("room01-1"));
    scene.drain();
    scene.secs(59);
    assert_eq!(scene.ended, None, "they are on their way back");
    scene.secs(1);
    assert_eq!(scene.ended, Some(EndReason::Empty));
}

#[test]
fn breakout_rooms_end_with_their_main_room_and_none_are_made_after() {
    let mut scene = meeting(|_| {});
    let more = plan(&scene, "ana", &wish(vec![room("2", &[])])).unwrap();
    open(&mut scene, &wish(vec![room("1", &[])]));

    let now = scene.now();
    scene.room.end(now, EndReason::Asked);
    let mut ended = Vec::new();
    while let Some(output) = scene.room.poll_output() {
        if let Output::EndRooms(rooms) = output {
            ended.extend(rooms);
        }
    }
    assert_eq!(ended, [id("room01-1")]);
    assert_eq!(scene.room.open_breakouts(now, &user("ana"), more), Err(BreakoutRefusal::NoMainRoom));
}

#[test]
fn inside_a_breakout_room_people_call_its_main_room_and_time_is_added() {
    let mut scene = Scene::new(|new| {
        new.metadata.is_breakout_room = true;
        new.metadata.parent_room_id = "main".into();
        new.metadata.room_features.as_mut().unwrap().room_duration = Some(10);
    });
    let prolong = |scene: &mut Scene, minutes, left| {
        let now = scene.now();
        let done = scene.room.prolong_breakout(now, minutes, left);
        scene.drain();
        done
    };
    assert_eq!(prolong(&mut scene, 5, None), Err(BreakoutRefusal::NotRunning));
    assert_eq!(scene.room.breakout_status(scene.now()).started, None);
    scene.join("ben");
    scene.secs(60);

    let status = scene.room.breakout_status(scene.now());
    assert_eq!(
        (status.started, status.duration, status.online.as_slice()),
        (Some(1_700_000_000), 10, &[(user("ben"), "Name of ben".to_owned())][..])
    );
    assert_eq!(status.ends_at, 1_700_000_600_000);
    assert_eq!(prolong(&mut scene, 5, Some(13)), Err(BreakoutRefusal::TooLong { wanted: 14, left: 13 }));
    prolong(&mut scene, 5, Some(14)).unwrap();
    assert_eq!(scene.room.breakout_status(scene.now()).ends_at, 1_700_000_900_000);
    assert!(scene.take_mail("ben").iter().any(|mail| mail.msg.contains(r#""room_duration":"15""#)));

    let (main, call) = scene.room.help_call(&user("ben"), false).unwrap();
    assert_eq!((main, call.room, call.name.as_str()), (id("main"), id("room01"), "Name of ben"));
    let now = scene.now();
    scene.room.say_as_system(now, "five\u{7} minutes");
    scene.drain();
    let mail = scene.take_mail("ben");
    assert_eq!((mail[0].event, mail[0].msg.as_str()), (Event::SystemChatMsg, "five minutes"));
}

#[test]
fn a_room_without_an_end_is_not_extended_and_one_without_a_main_room_calls_nobody() {
    let mut scene = Scene::new(|_| {});
    scene.join("ben");
    let now = scene.now();
    assert_eq!(scene.room.prolong_breakout(now, 5, None), Err(BreakoutRefusal::Endless));
    assert_eq!(scene.room.help_call(&user("ben"), false), Err(BreakoutRefusal::NotInside));
}

proptest! {
    /// However people are moved about, nobody is on two lists, and the journal says what the room says.
    #[test]
    fn nobody_is_in_two_places(
        first in proptest::collection::vec(0usize..3, 0..8),
        moves in proptest::collection::vec((0usize..3, 0usize..4), 0..12),
    ) {
        let people = ["ana", "ben", "eva"];
        let mut scene = meeting(|_| {});
        let mut rooms = [Vec::new(), Vec::new(), Vec::new()];
        for (at, who) in first.iter().enumerate() {
            rooms[at % 3].push(people[*who]);
        }
        let rooms = rooms.iter().zip(1..).map(|(users, n): (_, u8)| room(&n.to_string(), users)).collect();
        open(&mut scene, &wish(rooms));
        for (who, to) in moves {
            let to = (to > 0).then(|| format!("room01-{to}"));
            prop_assert!(shift(&mut scene, "ana", people[who], to.as_deref()).is_ok());
            let everybody: Vec<String> = listed(&scene, "ana").unwrap().into_iter().flat_map(|room| room.1).collect();
            prop_assert_eq!(everybody.iter().collect::<BTreeSet<_>>().len(), everybody.len());
        }
        let before = scene.room.list_breakouts(&user("ana"));
        let scene = scene.restart(Duration::from_secs(1));
        prop_assert_eq!(scene.room.list_breakouts(&user("ana")), before);
    }
}
