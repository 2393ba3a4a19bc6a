//! What becomes of lines of chat: who may change them, who hears of it, and what is left after a restart.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use std::time::Duration;

use prost::Message;
use room::{ClientSubject, Request};
use scene::{Scene, data, private};
use wire::pnm::{self, DataMsgBodyType as Body, PrivateDataDeliveryType as Kind, chat_action::Action};

fn three() -> Scene {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    scene.say("ben", "m1", "hello");
    for id in ["ana", "ben", "eva"] {
        scene.take_mail(id);
        scene.heard(id);
    }
    scene
}

fn message(from: &str, on: &str, action: Action) -> pnm::DataChannelMessage {
    let body = pnm::ChatAction { message_id: on.into(), action: Some(action), at: 0 };
    pnm::DataChannelMessage { bin_message: Some(body.encode_to_vec()), ..data(from, Body::ChatAction, "") }
}

fn act(scene: &mut Scene, from: &str, on: &str, action: Action) {
    scene.publish(from, ClientSubject::Data, message(from, on, action).encode_to_vec());
}

fn edit(text: &str) -> Action {
    Action::Edit(text.into())
}

fn react(emoji: &str) -> Action {
    Action::React(pnm::ChatReaction { emoji: emoji.into(), on: true })
}

/// The actions somebody was told of.
fn told(scene: &mut Scene, id: &str) -> Vec<pnm::ChatAction> {
    scene
        .heard(id)
        .into_iter()
        .filter_map(|bytes| pnm::DataChannelMessage::decode(bytes).ok()?.bin_message)
        .map(|bytes| pnm::ChatAction::decode(bytes.as_slice()).unwrap())
        .collect()
}

/// The history and what became of it, as a client that knows marks gets them.
fn history(scene: &mut Scene, id: &str) -> (Vec<serde_json::Value>, Vec<pnm::ChatMark>) {
    let question = data(id, Body::ReqPublicChatData, "plenum:marks");
    let delivery = private(id, Kind::DataMsg);
    scene.take_mail(id);
    scene.request(id, Request::PrivateDelivery { delivery, payload: question.encode_to_vec() });
    let mut lines = Vec::new();
    let mut marks = Vec::new();
    for mail in scene.take_mail(id) {
        let Ok(answer) = pnm::DataChannelMessage::decode(mail.bin_msg.as_slice()) else { continue };
        match answer.r#type() {
            Body::ResPublicChatData => {
                lines.extend(serde_json::from_str::<Vec<serde_json::Value>>(&answer.message).unwrap());
            }
            Body::ChatMarks => {
                marks.extend(pnm::ChatMarks::decode(answer.bin_message.unwrap().as_slice()).unwrap().marks);
            }
            _ => {}
        }
    }
    (lines, marks)
}

#[test]
fn an_author_edits_and_everybody_hears_of_it_the_author_too() {
    let mut scene = three();

    act(&mut scene, "ben", "m1", edit("hello\u{7} all"));

    for id in ["ana", "ben", "eva"] {
        let heard = told(&mut scene, id);
        assert_eq!(heard[0].action, Some(edit("hello all")), "{id}");
        assert_eq!(heard[0].at, scene.now().unix_ms);
    }
    let (lines, marks) = history(&mut scene, "eva");
    assert_eq!(lines[0]["message"], "hello all");
    assert!(lines[0].get("editedAt").is_none(), "strict clients read these lines");
    assert_eq!((marks[0].message.as_str(), marks[0].edited_at), ("hello all", scene.now().unix_ms));
}

#[test]
fn nobody_edits_what_another_wrote_and_only_moderators_remove_it() {
    let mut scene = three();

    act(&mut scene, "eva", "m1", edit("forged"));
    act(&mut scene, "ana", "m1", edit("forged"));
    act(&mut scene, "eva", "m1", Action::Remove(true));
    act(&mut scene, "eva", "unknown", Action::Remove(true));
    assert_eq!(told(&mut scene, "ben"), []);

    act(&mut scene, "ana", "m1", Action::Remove(true));
    assert_eq!(told(&mut scene, "ben").len(), 1);
    let (lines, marks) = history(&mut scene, "eva");
    assert_eq!(lines.len(), 0);
    assert!(marks[0].removed);
    act(&mut scene, "ben", "m1", edit("back again"));
    assert_eq!(told(&mut scene, "eva").len(), 1, "the removal, and nothing after it");
}

#[test]
fn signs_edits_answers_and_removals_survive_a_restart() {
    let mut scene = three();
    let mut answer = scene::chat("eva", "m2", "an answer", scene.now().unix_ms);
    answer.reply_to = "m1".into();
    answer.removed = true;
    answer.edited_at = 5;
    scene.publish("eva", ClientSubject::Chat, answer.encode_to_vec());
    scene.say("eva", "m3", "soon gone");
    act(&mut scene, "eva", "m1", react("👍"));
    act(&mut scene, "ana", "m1", react("👍"));
    act(&mut scene, "ben", "m1", edit("hi"));
    act(&mut scene, "eva", "m3", react("🎉"));
    act(&mut scene, "eva", "m3", Action::Remove(true));
    let before = history(&mut scene, "ana");
    assert!(!scene.journal.contains_key("chatsign.000000000003"));

    let mut scene = scene.restart(Duration::from_secs(1));
    scene.connect("ana");
    let after = history(&mut scene, "ana");

    assert_eq!(after, before);
    let (lines, marks) = after;
    assert_eq!(lines.len(), 2);
    assert_eq!(marks[0].reactions[0].user_ids, ["eva", "ana"]);
    assert_eq!((marks[1].reply_to.as_str(), marks[1].edited_at, marks[1].removed), ("m1", 0, false));
    assert!(marks[2].removed);
}

#[test]
fn locks_hold_for_changes_too() {
    let mut scene = Scene::new(|new| {
        new.metadata.default_lock_settings =
            Some(pnm::LockSettings { lock_reactions: Some(true), ..Default::default() });
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene.say("ana", "m1", "hello");

    act(&mut scene, "ben", "m1", react("👍"));
    assert_eq!(told(&mut scene, "ana"), []);
    act(&mut scene, "ana", "m1", react("👍"));
    act(&mut scene, "ana", "m1", react("🙈"));
    assert_eq!(told(&mut scene, "ben").len(), 1);
}

#[test]
fn a_client_that_does_not_know_marks_gets_none() {
    let mut scene = three();
    act(&mut scene, "eva", "m1", react("👍"));
    let question = data("eva", Body::ReqPublicChatData, "");
    let delivery = private("ana", Kind::DataMsg);

    scene.take_mail("eva");
    scene.request("eva", Request::PrivateDelivery { delivery, payload: question.encode_to_vec() });

    assert_eq!(scene.take_mail("eva").len(), 1);
}

#[test]
fn without_the_list_attendees_hear_of_changes_to_lines_they_read() {
    let mut scene = Scene::new(|new| {
        new.metadata.room_features.as_mut().unwrap().allow_view_other_users_list = false;
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    scene.say("ben", "m1", "to the moderators");

    act(&mut scene, "eva", "m1", react("👍"));
    act(&mut scene, "ben", "m1", edit("changed"));
    scene.publish("ben", ClientSubject::Data, data("ben", Body::ChatTyping, "").encode_to_vec());

    assert_eq!(told(&mut scene, "ana").len(), 1);
    assert!(scene.heard("eva").is_empty());
    assert!(history(&mut scene, "eva").1.is_empty());
}

#[test]
fn whoever_writes_is_seen_writing_by_the_others_and_not_too_often() {
    let mut scene = three();
    let typing = data("ben", Body::ChatTyping, "not looked at").encode_to_vec();

    for _ in 0..20 {
        scene.publish("ben", ClientSubject::Data, typing.clone());
    }

    assert_eq!(scene.heard("ben").len(), 0);
    let heard = scene.heard("eva");
    assert_eq!(heard.len(), 5);
    assert_eq!(pnm::DataChannelMessage::decode(heard[0].clone()).unwrap().message, "");
}

#[test]
fn private_lines_are_changed_between_the_two() {
    let mut scene = three();
    let send = |scene: &mut Scene, action: Action| {
        let mut message = message("ben", "p1", action);
        message.to_user_id = Some("eva".into());
        let delivery = pnm::PrivateDataDelivery { echo_to_sender: true, ..private("eva", Kind::DataMsg) };
        scene.request("ben", Request::PrivateDelivery { delivery, payload: message.encode_to_vec() });
    };

    send(&mut scene, edit("better"));
    send(&mut scene, react("nothing we know"));

    for id in ["eva", "ben"] {
        let mail = scene.take_mail(id);
        assert_eq!(mail.len(), 1);
        let heard = pnm::DataChannelMessage::decode(mail[0].bin_msg.as_slice()).unwrap();
        assert_eq!(heard.from_user_id, "ben");
    }
    assert!(scene.take_mail("ana").is_empty());
}
