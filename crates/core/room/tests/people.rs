//! Coming, going, and who knows of whom.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::time::Duration;

use room::{MediaStanding, Moderation, Phase, Request};
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
fn a_room_that_hides_webcams_says_so() {
    let hides = |view_others| {
        let change = |new: &mut room::NewRoom| {
            new.metadata.room_features.as_mut().unwrap().allow_view_other_webcams = view_others;
        };
        Scene::new(change).room.hides_webcams()
    };
    assert!(!hides(true) && hides(false));
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

/// Ana is inside; ben has the page open and has got what it shows.
fn before_joining() -> Scene {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.admit("ben", |_| {}).unwrap();
    open_page(&mut scene, "ben");
    scene
}

fn open_page(scene: &mut Scene, id: &str) {
    scene.try_connect(id).unwrap();
    scene.request(id, Request::Ping);
    scene.request(id, Request::InitialData);
    scene.request(id, Request::Ping);
}

#[test]
fn nobody_hears_of_people_who_have_not_joined_yet() {
    let mut scene = before_joining();
    scene.drop_socket("ben");
    open_page(&mut scene, "ben");
    assert_eq!(listed(&mut scene, "ana"), ["ana"]);
    scene.drop_socket("ben");
    scene.secs(10);
    assert_eq!(scene.events("ana"), []);

    open_page(&mut scene, "ben");
    scene.request("ben", Request::JoinedUsers);
    assert_eq!(scene.events("ana"), [Event::UserJoined]);
    assert_eq!(listed(&mut scene, "ana"), ["ana", "ben"]);
    scene.request("ben", Request::MediaServerData);
    scene.take_mail("ana");
    scene.request("ben", Request::OnlineUsers);
    scene.say("ben", "m1", "hello");
    assert_eq!(scene.events("ana"), [], "they join once");
}

#[test]
fn whoever_has_not_joined_finds_themselves_on_the_list_and_cannot_be_written_to() {
    let mut scene = before_joining();
    let mut line = scene::chat("ana", "p1", "psst", 0);
    (line.is_private, line.to_user_id) = (true, Some("ben".into()));
    let delivery = scene::private("ben", pnm::PrivateDataDeliveryType::Chat);
    scene.request("ana", Request::PrivateDelivery { delivery, payload: prost::Message::encode_to_vec(&line) });
    assert!(!scene.events("ben").contains(&Event::DeliveryPrivateData));
    scene.take_mail("ben");

    scene.request("ben", Request::JoinedUsers);
    let list = scene.take_mail("ben").into_iter().find(|mail| mail.event == Event::ResJoinedUsersList).unwrap();
    assert!(list.msg.contains("\"ana\"") && list.msg.contains("\"ben\""));
}

#[test]
fn whoever_does_what_people_do_in_a_meeting_is_in_it() {
    let acts: [fn(&mut Scene); 3] = [
        |scene| scene.say("ben", "m1", "hello"),
        |scene| scene.request("ben", Request::RaiseHand { text: String::new() }),
        |scene| scene.request("ben", Request::OnlineUsers),
    ];
    for act in acts {
        let mut scene = before_joining();
        act(&mut scene);
        assert_eq!(scene.events("ana").first(), Some(&Event::UserJoined));
    }
}

#[test]
fn who_loads_the_page_again_is_outside_until_they_join_and_who_only_reconnects_is_not() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.drop_socket("ben");
    scene.take_mail("ana");
    scene.try_connect("ben").unwrap();
    scene.request("ben", Request::Ping);
    assert_eq!(scene.events("ana"), [Event::UserJoined]);

    scene.drop_socket("ben");
    open_page(&mut scene, "ben");
    assert_eq!(scene.events("ana"), [Event::UserDisconnected, Event::UserJoined, Event::UserOffline]);
    assert_eq!(listed(&mut scene, "ana"), ["ana"]);
    scene.request("ben", Request::JoinedUsers);
    assert_eq!(scene.events("ana"), [Event::UserJoined]);
}

#[test]
fn stepping_in_and_out_is_no_way_to_flood_the_others() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.take_mail("ana");
    for _ in 0..200 {
        scene.request("ben", Request::InitialData);
        scene.request("ben", Request::LowerHand);
    }
    assert!(scene.events("ana").len() <= 2 * 20);
    assert_eq!(listed(&mut scene, "ana"), ["ana", "ben"]);
}

#[test]
fn after_a_restart_those_who_had_not_joined_still_have_not() {
    let mut scene = before_joining();
    scene.join("eva");
    let mut scene = scene.restart(Duration::from_secs(1));
    scene.connect("ana");
    assert_eq!(listed(&mut scene, "ana"), ["ana", "eva"]);
    scene.take_mail("ana");

    scene.try_connect("eva").unwrap();
    assert_eq!(scene.events("ana"), [Event::UserJoined]);
    scene.try_connect("ben").unwrap();
    assert_eq!(scene.events("ana"), []);
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
fn who_only_watches_learns_of_those_who_wait_when_they_are_in() {
    let mut scene = Scene::new(waiting_room);
    scene.join_admin("ana");
    for id in ["boss", "RECORDER_BOT"] {
        scene.admit(id, |ticket| (ticket.is_hidden, ticket.is_admin) = (true, true)).unwrap();
        scene.connect(id);
    }
    scene.join("ben");
    for id in ["boss", "RECORDER_BOT"] {
        assert!(!listed(&mut scene, id).contains(&"ben".to_owned()), "{id}");
    }

    scene.room.let_in(scene.now(), &user("ana"), &room::Guests::All).unwrap();
    scene.drain();

    for id in ["boss", "RECORDER_BOT"] {
        assert!(scene.events(id).contains(&Event::UserJoined), "{id}");
        assert!(listed(&mut scene, id).contains(&"ben".to_owned()), "{id}");
    }
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
fn without_the_list_attendees_hear_of_no_connection_but_those_of_people_they_know() {
    let mut scene = Scene::new(no_list);
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    let word = |id: &str| scene::data(id, pnm::DataMsgBodyType::UserConnectionQualityChange, "poor");

    scene.publish("eva", room::ClientSubject::Data, prost::Message::encode_to_vec(&word("eva")));
    assert_eq!((scene.heard("ben").len(), scene.heard("ana").len()), (0, 1));
    scene.publish("ana", room::ClientSubject::Data, prost::Message::encode_to_vec(&word("ana")));
    assert_eq!(scene.heard("ben").len(), 1);
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

    let mut initial_data = |id: &str| {
        scene.request(id, Request::InitialData);
        scene.take_mail(id).pop().unwrap().msg
    };
    let (ana, ben) = (initial_data("ana"), initial_data("ben"));
    assert!(ana.contains("stream-secret") && ana.contains("123456") && !ana.contains("hooks.example.org"));
    assert!(!ana.contains("mp-secret") && !ben.contains("mp-secret"));
    assert!(!ben.contains("stream-secret") && !ben.contains("123456") && !ben.contains("hooks.example.org"));
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
fn after_a_restart_those_who_are_on_their_way_back_are_on_the_list() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    scene.drop_socket("eva");
    scene.secs(40);

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.connect("ben");
    let list = scene.take_mail("ben").into_iter().find(|mail| mail.event == Event::RespOnlineUsersList).unwrap();
    let users: serde_json::Value = serde_json::from_str(&list.msg).unwrap();
    let ids: Vec<&str> = users.as_array().unwrap().iter().map(|user| user["user_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["ana", "ben"]);

    scene.secs(31);
    assert_eq!(listed(&mut scene, "ben"), ["ben"]);
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
fn after_a_restart_whoever_was_in_is_in_and_whoever_went_is_out_since_then() {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("mod");
    let _ = ["in", "reloading", "left", "removed"].map(|id| scene.join(id));
    scene.admit("invited", |_| {}).unwrap();
    scene.drop_socket("left");
    scene.secs(60);
    scene.moderate("mod", Moderation::Remove { user: user("removed"), msg: String::new(), block: false }).unwrap();
    scene.drop_socket("reloading");
    let left_at = scene.now().unix_ms - 60_000;
    let is_gone =
        |scene: &Scene| ["in", "reloading", "left", "removed", "invited"].map(|id| scene.room.is_gone(&user(id)));
    assert_eq!(is_gone(&scene), [false, false, true, true, false]);

    let scene = scene.restart(Duration::from_secs(10));

    let standings: Vec<_> = scene
        .room
        .media_standings(scene.now())
        .into_iter()
        .map(|(user, standing)| match standing {
            MediaStanding::In(permission) => {
                assert_eq!(Some(permission), scene.room.media_permission(&user));
                (user.to_string(), None)
            }
            MediaStanding::Out { since_ms } => (user.to_string(), Some(since_ms)),
        })
        .collect();
    let expected = [
        ("in", None),
        ("left", Some(left_at + 35_000)),
        ("mod", None),
        ("reloading", None),
        ("removed", Some(scene.now().unix_ms)),
    ];
    assert_eq!(standings, expected.map(|(id, since)| (id.to_owned(), since)));
    assert_eq!(is_gone(&scene), [false, false, true, true, false]);
}
