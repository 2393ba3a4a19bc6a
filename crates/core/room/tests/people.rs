//! Coming, going, being known, and what a token is worth.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use room::{AdmitRefusal, AuthorizeRefusal, Phase, Request, Whom};
use scene::{Scene, user};
use wire::pnm::{self, NatsMsgServerToClientEvents as Event};

fn waiting_room(new: &mut room::NewRoom) {
    if let Some(features) = new.metadata.room_features.as_mut() {
        features.waiting_room_features = Some(pnm::WaitingRoomFeatures { is_active: true, ..Default::default() });
    }
}

fn no_list(new: &mut room::NewRoom) {
    if let Some(features) = new.metadata.room_features.as_mut() {
        features.allow_view_other_users_list = false;
    }
}

fn listed(scene: &mut Scene, id: &str) -> Vec<String> {
    scene.take_mail(id);
    scene.request(id, Request::JoinedUsers);
    let mail = scene.take_mail(id).pop().unwrap();
    assert_eq!(mail.event, Event::ResJoinedUsersList);
    let users: serde_json::Value = serde_json::from_str(&mail.msg).unwrap();
    users.as_array().unwrap().iter().map(|user| user["user_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn initial_data_holds_the_room_and_oneself() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");

    scene.request("ana", Request::InitialData);

    let mail = scene.take_mail("ana").pop().unwrap();
    assert_eq!(mail.event, Event::ResInitialData);
    let data: serde_json::Value = serde_json::from_str(&mail.msg).unwrap();
    assert_eq!(data["room"]["room_id"], "room01");
    assert_eq!(data["room"]["status"], "active");
    assert_eq!(data["room"]["db_table_id"], "7");
    assert_eq!(data["local_user"]["user_id"], "ana");
    assert_eq!(data["local_user"]["is_presenter"], true);
    let metadata: serde_json::Value = serde_json::from_str(data["room"]["metadata"].as_str().unwrap()).unwrap();
    assert_eq!(metadata["room_title"], "Test");
}

#[test]
fn others_hear_of_coming_going_and_being_gone() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.take_mail("ana");

    scene.join("ben");
    assert_eq!(scene.events("ana"), [Event::UserJoined]);
    scene.drop_socket("ben");
    assert_eq!(scene.events("ana"), [Event::UserDisconnected]);
    scene.secs(4);
    assert_eq!(scene.events("ana"), []);
    scene.secs(1);
    assert_eq!(scene.events("ana"), [Event::UserOffline]);
    assert!(scene.take_mail("ben").iter().all(|mail| mail.event != Event::UserOffline));
}

#[test]
fn a_quick_reconnect_is_never_called_gone_and_brings_what_was_missed() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.drop_socket("ben");
    scene.secs(3);
    scene.request("ana", Request::RaiseHand { text: String::new() });
    scene.take_mail("ana");
    scene.take_mail("ben");

    scene.connect("ben");
    scene.secs(10);

    assert_eq!(scene.events("ana"), [Event::UserJoined]);
    let events = scene.events("ben");
    assert_eq!(events[0], Event::UserMetadataUpdate, "mail of the outage comes first");
    for expected in [Event::RoomMetadataUpdate, Event::UserMetadataUpdate, Event::RespOnlineUsersList] {
        assert!(events.contains(&expected), "{expected:?} in {events:?}");
    }
}

#[test]
fn a_second_socket_takes_over_silently_and_the_late_close_of_the_first_says_nothing() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    let first = scene.join("ben");
    scene.take_mail("ana");

    let second = scene.connect("ben");
    scene.close_conn(first);
    scene.secs(30);

    assert_eq!(scene.farewells.get(&first), Some(&Some("notifications.room-disconnected-duplicate-entry".to_owned())));
    assert!(!scene.farewells.contains_key(&second));
    assert_eq!(scene.events("ana"), []);
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
fn the_api_shows_people_while_they_have_a_session_and_never_the_hidden() {
    let mut scene = Scene::new(|_| {});
    scene.admit("ghost", |ticket| ticket.is_hidden = true).unwrap();
    scene.connect("ghost");
    scene.admit("late", |_| {}).unwrap();
    scene.join("ana");
    let shown = |scene: &mut Scene| scene.room.view().around.into_iter().map(|p| p.id.to_string()).collect::<Vec<_>>();
    assert_eq!(shown(&mut scene), ["ana"]);

    scene.drop_socket("ana");
    assert_eq!(scene.room.view().info.joined_participants, 1, "the hidden one");
    scene.secs(5 + 29);
    assert_eq!(shown(&mut scene), ["ana"], "their media is kept that long");
    scene.secs(1);
    assert_eq!(shown(&mut scene), [""; 0]);
}

/// Somebody's metadata, as the API shows it.
fn metadata_of(scene: &mut Scene, id: &str) -> serde_json::Value {
    scene.connect(id);
    let person = scene.room.view().around.into_iter().find(|person| person.id.as_str() == id).unwrap();
    serde_json::from_str(&person.metadata).unwrap()
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
fn a_waiting_room_is_for_guests() {
    let mut scene = Scene::new(waiting_room);
    scene.admit("ana", |ticket| ticket.is_admin = true).unwrap();
    scene.admit("ben", |_| {}).unwrap();
    assert_eq!(metadata_of(&mut scene, "ana")["wait_for_approval"], false);
    assert_eq!(metadata_of(&mut scene, "ben")["wait_for_approval"], true);
}

#[test]
fn a_recorder_that_comes_first_does_not_present() {
    let mut scene = Scene::new(|_| {});
    scene.admit("RECORDER_BOT", |ticket| ticket.is_admin = true).unwrap();
    assert_eq!(metadata_of(&mut scene, "RECORDER_BOT")["is_presenter"], false);
    scene.admit("ana", |ticket| ticket.is_admin = true).unwrap();
    assert_eq!(metadata_of(&mut scene, "ana")["is_presenter"], true);
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
fn somebody_in_the_waiting_room_learns_and_gets_nothing() {
    let mut scene = Scene::new(waiting_room);
    scene.join_admin("ana");
    scene.join("ben");
    scene.take_mail("ben");

    scene.request("ben", Request::MediaServerData);
    scene.say("ana", "m1", "secret");
    scene.join_admin("cem");
    scene.request("ana", Request::RaiseHand { text: "x".into() });

    assert_eq!(scene.media_tokens, []);
    assert_eq!(scene.heard("ben"), [] as [bytes::Bytes; 0]);
    assert_eq!(scene.events("ben"), []);
    assert_eq!(listed(&mut scene, "ben"), ["ben"]);
    assert_eq!(listed(&mut scene, "ana"), ["ana", "ben", "cem"]);
}

#[test]
fn only_moderators_learn_who_waits() {
    let mut scene = Scene::new(waiting_room);
    scene.join_admin("ana");
    scene.admit("eva", |ticket| ticket.is_hidden = false).unwrap();
    scene.take_mail("ana");

    scene.connect("eva");
    assert_eq!(scene.events("ana"), [Event::UserJoined]);
}

#[test]
fn nobody_learns_of_hidden_people() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.take_mail("ana");
    scene.admit("eve", |ticket| ticket.is_hidden = true).unwrap();
    scene.connect("eve");
    scene.drop_socket("eve");
    scene.secs(60);
    scene.connect("eve");

    assert_eq!(scene.events("ana"), []);
    assert_eq!(listed(&mut scene, "ana"), ["ana"]);
    assert_eq!(listed(&mut scene, "eve"), ["ana", "eve"]);
    assert!(scene.room.media_permission(&user("eve")).unwrap().hidden);
}

#[test]
fn without_the_list_attendees_know_moderators_and_themselves() {
    let mut scene = Scene::new(no_list);
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");

    assert_eq!(listed(&mut scene, "ben"), ["ana", "ben"]);
    assert_eq!(listed(&mut scene, "ana"), ["ana", "ben", "eva"]);
    scene.take_mail("ben");
    scene.say("eva", "m1", "hi");
    assert_eq!(scene.heard("ben").len(), 0);
    assert_eq!(scene.heard("ana").len(), 1);
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
fn an_application_that_stops_pinging_is_gone_after_two_minutes() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    let ben = scene.join("ben");
    scene.secs(60);
    scene.request("ana", Request::Ping);
    scene.take_mail("ana");

    scene.secs(61);

    assert!(scene.farewells.contains_key(&ben));
    assert!(scene.events("ana").contains(&Event::UserDisconnected));
    assert_eq!(scene.phase(), Phase::Active);
}

#[test]
fn a_ping_is_answered_with_the_servers_time() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    scene.take_mail("ana");

    scene.request("ana", Request::Ping);

    let mail = scene.take_mail("ana").pop().unwrap();
    assert_eq!((mail.event, mail.msg), (Event::Pong, "1700000000000".to_owned()));
}

#[test]
fn confidential_settings_reach_moderators_only() {
    let mut scene = Scene::new(|new| {
        new.metadata.webhook_url = Some("https://hooks.example.org/secret".into());
        new.metadata.extra_data.insert(wire::bbb::EXTRA_KEY.into(), r#"{"moderatorPW":"mp-secret"}"#.into());
        if let Some(features) = new.metadata.room_features.as_mut() {
            features.ingress_features =
                Some(pnm::IngressFeatures { is_allow: true, stream_key: "stream-secret".into(), ..Default::default() });
            features.sip_dial_in_features =
                Some(pnm::SipDialInFeatures { is_allow: true, pin: Some("123456".into()), ..Default::default() });
        }
    });
    scene.join_admin("ana");
    scene.join("ben");

    scene.request("ana", Request::InitialData);
    scene.request("ben", Request::InitialData);

    let (ana, ben) = (scene.take_mail("ana").pop().unwrap().msg, scene.take_mail("ben").pop().unwrap().msg);
    assert!(ana.contains("stream-secret") && ana.contains("123456") && !ana.contains("hooks.example.org"));
    assert!(!ana.contains("mp-secret") && !ben.contains("mp-secret"));
    assert!(!ben.contains("stream-secret") && !ben.contains("123456") && !ben.contains("hooks.example.org"));
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
fn hidden_people_are_not_given_away_by_what_their_client_says_by_itself() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.admit("eve", |ticket| ticket.is_hidden = true).unwrap();
    scene.connect("eve");
    scene.take_mail("ana");

    let word = scene::data("eve", pnm::DataMsgBodyType::UserConnectionQualityChange, "good");
    scene.publish("eve", room::ClientSubject::Data, prost::Message::encode_to_vec(&word));

    assert_eq!(scene.heard("ana").len(), 0);
    assert_eq!(scene.events("ana"), []);
}

#[test]
fn a_damaged_entry_costs_that_entry_and_not_the_meeting() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.say("ana", "m1", "hello");
    scene.journal.insert("chat.000000000001".into(), bytes::Bytes::from_static(b"\xff\xff"));

    let restored = room::Room::restore(
        "room01".try_into().unwrap(),
        "sid-1".try_into().unwrap(),
        7,
        scene.journal.clone(),
        3,
        scene.now(),
    )
    .unwrap();

    assert_eq!(restored.damaged.len(), 1);
    assert!(restored.room.authorize(&user("ana"), None).is_ok());
}

#[test]
fn somebody_let_in_from_the_waiting_room_is_told_of_the_room_first_and_then_known_to_all() {
    let mut scene = Scene::new(waiting_room);
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    let by = user("ana");
    let one = |id: &str| room::Guests::One(user(id));
    assert!(scene.room.let_in(scene.now(), &user("ben"), &one("ben")).is_err(), "nobody lets themselves in");
    assert_eq!(scene.room.let_in(scene.now(), &by, &one("nobody")), Err(room::WaitingRefusal::NoUser));

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
    assert_eq!(listed(&mut scene, "ben"), ["ana", "ben", "eva"]);
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

    scene.room.let_in(scene.now(), &user("ana"), &room::Guests::All).unwrap();
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
    assert_eq!(refused, Err(room::WaitingRefusal::NoWaitingRoom));
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

#[test]
fn after_a_restart_those_who_are_on_their_way_back_are_on_the_list() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    scene.drop_socket("eva");
    scene.secs(40);

    let mut scene = scene.restart(std::time::Duration::from_secs(1));
    scene.connect("ben");
    let list = scene.take_mail("ben").into_iter().find(|mail| mail.event == Event::RespOnlineUsersList).unwrap();
    let users: serde_json::Value = serde_json::from_str(&list.msg).unwrap();
    let ids: Vec<&str> = users.as_array().unwrap().iter().map(|user| user["user_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["ana", "ben"]);

    scene.secs(31);
    assert_eq!(listed(&mut scene, "ben"), ["ben"]);
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
fn lists_of_people_are_not_asked_for_without_end() {
    let mut scene = Scene::new(|_| {});
    scene.join("ana");
    scene.take_mail("ana");
    for _ in 0..100 {
        scene.request("ana", Request::OnlineUsers);
    }
    assert_eq!(scene.events("ana").len(), 10);
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
