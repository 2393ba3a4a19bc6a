//! What is in somebody's outbox when the network or the process goes.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::time::Duration;

use prost::Message;
use room::{ClientSubject, Request};
use scene::{Mail, Scene, chat, data, private};
use wire::pnm::{self, DataMsgBodyType as Body, NatsMsgServerToClientEvents as Event, PrivateDataDeliveryType as Kind};

fn two() -> Scene {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.take_mail("ana");
    scene.take_mail("ben");
    scene
}

fn whisper(scene: &mut Scene, from: &str, to: &str, id: &str, text: &str) {
    let mut message = chat(from, id, text, 0);
    message.is_private = true;
    message.to_user_id = Some(to.into());
    scene.request(
        from,
        Request::PrivateDelivery { delivery: private(to, Kind::Chat), payload: message.encode_to_vec() },
    );
}

fn whispers(mail: Vec<Mail>) -> Vec<String> {
    mail.into_iter()
        .filter(|mail| mail.event == Event::DeliveryPrivateData)
        .filter_map(|mail| pnm::ChatMessage::decode(mail.bin_msg.as_slice()).ok())
        .filter(|message| message.is_private)
        .map(|message| message.message)
        .collect()
}

fn caught_up(mail: Vec<Mail>) -> String {
    mail.into_iter()
        .filter(|mail| mail.event == Event::DeliveryPrivateData)
        .filter_map(|mail| pnm::DataChannelMessage::decode(mail.bin_msg.as_slice()).ok())
        .filter(|message| message.r#type() == Body::ResPublicChatData)
        .map(|message| message.message)
        .collect()
}

fn mailbox(scene: &Scene) -> usize {
    scene.journal.keys().filter(|key| key.starts_with("mail.")).count()
}

#[test]
fn a_private_line_to_somebody_briefly_away_survives_the_process_and_comes_once() {
    for away in [1, 20] {
        let mut scene = two();
        scene.drop_socket("ben");
        scene.secs(away);
        whisper(&mut scene, "ana", "ben", "p1", "psst");

        let mut scene = scene.restart(Duration::from_secs(2));
        scene.connect("ana");
        scene.connect("ben");
        assert_eq!(whispers(scene.take_mail("ben")), ["psst"], "away for {away} s");

        assert_eq!(mailbox(&scene), 0);
        let mut scene = scene.restart(Duration::from_secs(2));
        scene.connect("ben");
        assert_eq!(whispers(scene.take_mail("ben")), [""; 0]);
    }
}

#[test]
fn what_was_sent_and_not_acknowledged_comes_again_from_the_next_process_under_its_number() {
    let mut scene = two();
    scene.polite = false;
    whisper(&mut scene, "ana", "ben", "p1", "psst");
    let first = scene.take_mail("ben").pop().unwrap();

    let mut scene = scene.restart(Duration::from_secs(2));
    scene.connect("ben");
    let again = scene.take_mail("ben");

    assert_eq!((again[0].number, again[0].bin_msg.clone()), (first.number, first.bin_msg));
    assert!(again[1..].iter().all(|mail| mail.number > first.number), "a number is never given twice");
}

#[test]
fn a_question_that_was_taken_is_answered_by_the_next_process() {
    let mut scene = two();
    scene.polite = false;
    for question in [Request::InitialData, Request::JoinedUsers, Request::MediaServerData] {
        scene.request("ben", question);
    }
    scene.room.send_media_token(scene.now(), &scene::user("ben"), "ws://here".into(), "token".into(), None);
    scene.drain();
    assert_eq!(mailbox(&scene), 3);
    assert!(!scene.journal.values().any(|value| value.windows(5).any(|part| part == b"token")));

    let mut scene = scene.restart(Duration::from_secs(2));
    scene.connect("ben");
    let events = scene.events("ben");

    for answer in [Event::ResInitialData, Event::ResJoinedUsersList] {
        assert_eq!(events.iter().filter(|event| **event == answer).count(), 1, "{answer:?}");
    }
    assert_eq!(scene.media_tokens, [scene::user("ben")]);
}

#[test]
fn state_that_everybody_gets_anew_is_not_kept_for_each_of_them() {
    let mut scene = two();
    scene.polite = false;
    scene.join("eva");
    scene.request("eva", Request::Ping);
    scene.request("eva", Request::OnlineUsers);
    scene.drop_socket("eva");

    assert_eq!(mailbox(&scene), 0);
}

#[test]
fn the_mail_of_somebody_who_is_gone_for_good_goes_with_them() {
    let mut scene = two();
    scene.drop_socket("ben");
    whisper(&mut scene, "ana", "ben", "p1", "psst");
    assert_eq!(mailbox(&scene), 1);

    scene.secs(40);
    assert_eq!(mailbox(&scene), 0);

    scene.connect("ben");
    scene.drop_socket("ben");
    whisper(&mut scene, "ana", "ben", "p2", "psst");
    scene.admit("ben", |_| {}).unwrap();
    assert_eq!(mailbox(&scene), 0, "another session");
}

#[test]
fn somebody_who_is_here_and_does_not_read_is_hung_up_on_and_then_brought_up_to_date() {
    let mut scene = two();
    scene.polite = false;
    let conn = scene.connect("ben");
    scene.room.set_credit(scene.now(), conn, 0);
    for _ in 0..3000 {
        scene.request("ana", Request::LowerHand);
        scene.room.send_renewed_token(scene.now(), &scene::user("ben"), "x".into());
        scene.drain();
    }
    assert!(scene.farewells.contains_key(&conn), "nothing is dropped in silence");

    scene.take_mail("ben");
    scene.polite = true;
    let next = scene.connect("ben");
    assert!(scene.events("ben").contains(&Event::RoomMetadataUpdate));
    assert!(!scene.farewells.contains_key(&next));
}

#[test]
fn chat_that_a_dead_socket_swallowed_comes_again() {
    let mut scene = two();
    scene.say("ana", "m1", "heard");
    scene.request("ben", Request::Ping);
    // The network is gone, and nobody has noticed yet.
    scene.polite = false;
    scene.say("ana", "m2", "swallowed");
    scene.request("ben", Request::Ping);
    scene.secs(20);
    scene.drop_socket("ben");
    scene.take_mail("ben");

    scene.polite = true;
    scene.secs(1);
    scene.connect("ben");

    let history = caught_up(scene.take_mail("ben"));
    assert!(history.contains("swallowed") && !history.contains("\"heard\""), "{history}");
}

#[test]
fn a_second_socket_gets_what_only_the_first_had() {
    let mut scene = two();
    scene.say("ana", "m1", "on the first");
    scene.take_mail("ben");

    scene.connect("ben");

    assert!(caught_up(scene.take_mail("ben")).contains("on the first"));
}

#[test]
fn after_a_restart_nobody_is_sent_the_whole_history() {
    let mut scene = two();
    for number in 0..30 {
        scene.say("ana", &format!("m{number}"), "long ago");
        scene.secs(10);
        scene.ping_everybody();
    }
    scene.say("ana", "last", "just now");

    let mut scene = scene.restart(Duration::from_secs(2));
    scene.connect("ben");

    let history = caught_up(scene.take_mail("ben"));
    let lines: Vec<serde_json::Value> = serde_json::from_str(&history).unwrap();
    assert_eq!(lines.last().unwrap()["id"], "last");
    assert!((10..20).contains(&lines.len()), "{} of 31", lines.len());
}

#[test]
fn a_long_history_comes_in_small_parts() {
    let mut scene = two();
    for number in 0..20 {
        scene.say("ana", &format!("m{number}"), &"x".repeat(30_000));
        scene.secs(1);
    }
    scene.join("eva");
    scene.take_mail("eva");

    let question = data("eva", Body::ReqPublicChatData, "").encode_to_vec();
    scene.request("eva", Request::PrivateDelivery { delivery: private("ana", Kind::DataMsg), payload: question });

    let parts = scene.take_mail("eva");
    assert!(parts.len() > 1 && parts.iter().all(|mail| mail.bin_msg.len() < 300 * 1024));
    scene.publish("eva", ClientSubject::Chat, Vec::new());
}
