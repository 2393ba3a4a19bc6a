//! Chat and data: who said it, who may, who hears it, and what a late joiner gets.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use prost::Message;
use room::{ClientSubject, Request};
use scene::{Scene, chat, data, private, user};
use wire::pnm::{self, DataMsgBodyType as Body, NatsMsgServerToClientEvents as Event, PrivateDataDeliveryType as Kind};

fn two() -> Scene {
    let mut scene = Scene::new(|_| {});
    scene.join_admin("ana");
    scene.join("ben");
    scene.take_mail("ana");
    scene.take_mail("ben");
    scene
}

fn privately(scene: &mut Scene, from: &str, to: &str, kind: Kind, payload: Vec<u8>) {
    scene.request(from, Request::PrivateDelivery { delivery: private(to, kind), payload });
}

fn ask_history(scene: &mut Scene, from: &str, donor: &str) -> Option<serde_json::Value> {
    let question = data(from, Body::ReqPublicChatData, "");
    privately(scene, from, donor, Kind::DataMsg, question.encode_to_vec());
    let mail = scene.take_mail(from).into_iter().find(|mail| mail.event == Event::DeliveryPrivateData)?;
    let answer = pnm::DataChannelMessage::decode(mail.bin_msg.as_slice()).unwrap();
    assert_eq!(answer.r#type(), Body::ResPublicChatData);
    assert_ne!(answer.from_user_id, from, "a client drops what seems to come from itself");
    serde_json::from_str(&answer.message).ok()
}

#[test]
fn public_chat_reaches_the_others_under_the_senders_true_name() {
    let mut scene = two();

    scene.say("ben", "m1", "hello");

    let heard = scene.heard("ana");
    let message = pnm::ChatMessage::decode(heard[0].clone()).unwrap();
    assert_eq!((message.from_name.as_str(), message.message.as_str()), ("Name of ben", "hello"));
    assert!(!message.from_admin);
    assert_eq!(scene.heard("ben").len(), 0, "nobody hears themselves");
}

#[test]
fn nobody_speaks_for_another_or_for_the_system() {
    let mut scene = two();
    for liar in ["ana", "system", ""] {
        scene.publish("ben", ClientSubject::Chat, chat(liar, "m1", "lie", 0).encode_to_vec());
        scene.publish("ben", ClientSubject::Data, data(liar, Body::UserVisibilityChange, "hidden").encode_to_vec());
    }
    let mut disguised = chat("ben", "m2", "private in public", 0);
    disguised.is_private = true;
    scene.publish("ben", ClientSubject::Chat, disguised.encode_to_vec());

    assert_eq!(scene.heard("ana").len(), 0);
    assert!(!scene.journal.keys().any(|key| key.starts_with("chat.")));
}

#[test]
fn a_late_joiner_gets_the_history_from_the_server_whoever_they_ask() {
    let mut scene = two();
    scene.say("ben", "m1", "first");
    scene.say("ana", "m2", "second");
    scene.join("eva");

    let history = ask_history(&mut scene, "eva", "ana").unwrap();
    assert_eq!(history[0]["message"], "first");
    assert_eq!(history[1]["fromUserId"], "ana");
    assert_eq!(history[1]["fromAdmin"], true);
    assert_eq!(history[1]["sentAt"], "1700000000000");
    assert_eq!(ask_history(&mut scene, "eva", "ben"), None, "the second donor adds nothing");
    scene.secs(30);
    assert!(ask_history(&mut scene, "eva", "eva").is_some(), "whoever is asked, oneself included");
    assert!(scene.take_mail("ana").iter().all(|mail| mail.event != Event::DeliveryPrivateData));
}

#[test]
fn history_survives_a_restart_and_a_message_counts_once() {
    let mut scene = two();
    scene.say("ben", "m1", "once");
    scene.say("ben", "m1", "once");
    assert_eq!(scene.heard("ana").len(), 1);

    let mut scene = scene.restart(std::time::Duration::from_secs(1));
    scene.connect("ana");
    scene.connect("ben");
    let history = ask_history(&mut scene, "ben", "ana").unwrap();
    assert_eq!(history.as_array().unwrap().len(), 1);
}

#[test]
fn private_chat_reaches_its_target_and_nobody_else() {
    let mut scene = two();
    scene.join("eva");
    for id in ["ana", "ben", "eva"] {
        scene.take_mail(id);
    }
    let mut message = chat("ben", "p1", "psst", 0);
    message.is_private = true;
    message.to_user_id = Some("eva".into());

    privately(&mut scene, "ben", "eva", Kind::Chat, message.encode_to_vec());

    let mail = scene.take_mail("eva").pop().unwrap();
    let received = pnm::ChatMessage::decode(mail.bin_msg.as_slice()).unwrap();
    assert_eq!((received.message.as_str(), received.from_name.as_str()), ("psst", "Name of ben"));
    assert_eq!(scene.events("ana"), []);
    assert_eq!(scene.events("ben"), []);
    assert!(!scene.journal.keys().any(|key| key.starts_with("chat.")), "private words are not kept");

    privately(&mut scene, "ben", "ana", Kind::Chat, message.encode_to_vec());
    assert_eq!(scene.events("ana"), [], "addressed to somebody else inside");
}

#[test]
fn locks_hold_on_the_wire() {
    let lock =
        pnm::LockSettings { lock_chat_send_message: Some(true), lock_private_chat: Some(true), ..Default::default() };
    let mut scene = Scene::new(|new| new.metadata.default_lock_settings = Some(lock));
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    for id in ["ana", "ben", "eva"] {
        scene.take_mail(id);
    }

    scene.say("ben", "m1", "hello");
    assert_eq!(scene.heard("ana").len(), 0);
    scene.say("ana", "m2", "hello");
    assert_eq!(scene.heard("ben").len(), 1);
    let to = |whom: &str| {
        let mut message = chat("ben", "p1", "psst", 0);
        message.is_private = true;
        message.to_user_id = Some(whom.into());
        message.encode_to_vec()
    };
    privately(&mut scene, "ben", "eva", Kind::Chat, to("eva"));
    privately(&mut scene, "ben", "ana", Kind::Chat, to("ana"));
    assert_eq!(scene.events("eva"), []);
    assert_eq!(scene.events("ana"), [Event::DeliveryPrivateData]);
}

#[test]
fn data_messages_follow_the_table_of_types() {
    let mut scene = two();
    let mut sends = |from: &str, kind: Body, text: &str| {
        let to = if from == "ana" { "ben" } else { "ana" };
        scene.publish(from, ClientSubject::Data, data(from, kind, text).encode_to_vec());
        scene.heard(to).len()
    };

    assert_eq!(sends("ben", Body::UserVisibilityChange, "hidden"), 1);
    assert_eq!(sends("ben", Body::UserConnectionQualityChange, "good"), 1);
    for kind in [Body::UserVisibilityChange, Body::UserConnectionQualityChange] {
        assert_eq!(sends("ben", kind, "<b>splendid</b>"), 0, "{kind:?} has its words");
    }
    assert_eq!(sends("ben", Body::ExternalMediaPlayerEvents, "{}"), 0, "ben does not present");
    assert_eq!(sends("ana", Body::ExternalMediaPlayerEvents, "{}"), 1, "ana does");
    assert_eq!(sends("ben", Body::Alert, "boo"), 0);
    assert_eq!(sends("ana", Body::Alert, "boo"), 1);
    assert_eq!(sends("ben", Body::FileUpload, ""), 0);
    assert_eq!(sends("ben", Body::ResPublicChatData, "[]"), 0, "nobody forges history");
    for _ in 0..2 {
        assert_eq!(sends("ben", Body::Reaction, r#"{"emoji":"👍"}"#), 1);
    }
    assert_eq!(sends("ben", Body::Reaction, r#"{"emoji":"👍"}"#), 0, "two a second are enough");
    assert_eq!(sends("ana", Body::Reaction, r#"{"emoji":"💣"}"#), 0, "not one of the seven");
}

#[test]
fn encrypted_chat_is_forwarded_unread_with_its_true_sender_and_not_kept() {
    let mut scene = Scene::new(|new| {
        if let Some(features) = new.metadata.room_features.as_mut() {
            features.end_to_end_encryption_features = Some(pnm::EndToEndEncryptionFeatures {
                is_enabled: true,
                included_chat_messages: true,
                ..Default::default()
            });
        }
    });
    scene.join("ana");
    scene.join("ben");

    scene.publish("ben", ClientSubject::Chat, b"\x00ciphertext".to_vec());

    assert_eq!(scene.heard("ana"), [bytes::Bytes::from_static(b"\x00ciphertext")]);
    assert!(!scene.journal.keys().any(|key| key.starts_with("chat.")));
}

#[test]
fn oversized_texts_and_garbage_are_dropped() {
    let mut scene = two();
    scene.say("ben", "m1", &"x".repeat(64 * 1024));
    scene.say("ben", &"i".repeat(65), "hello");
    for subject in [ClientSubject::Chat, ClientSubject::Data, ClientSubject::Whiteboard] {
        scene.publish("ben", subject, vec![0xff; 100]);
    }
    assert_eq!(scene.heard("ana").len(), 0);
}

#[test]
fn a_reaction_carries_its_senders_true_name() {
    let mut scene = two();
    let lie = r#"{"id":"r1","emoji":"👍","fromUserId":"ana","fromName":"Ana","createdAt":5}"#;

    scene.publish("ben", ClientSubject::Data, data("ben", Body::Reaction, lie).encode_to_vec());

    let heard = pnm::DataChannelMessage::decode(scene.heard("ana")[0].clone()).unwrap();
    let reaction: serde_json::Value = serde_json::from_str(&heard.message).unwrap();
    assert_eq!((&reaction["fromUserId"], &reaction["fromName"]), (&"ben".into(), &"Name of ben".into()));
    assert_eq!((&reaction["id"], &reaction["createdAt"]), (&"r1".into(), &5.into()));
}

#[test]
fn without_the_list_attendees_see_reactions_and_not_whose_they_are() {
    let mut scene = Scene::new(|new| {
        new.metadata.room_features.as_mut().unwrap().allow_view_other_users_list = false;
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene.join("eva");
    let reacts = |scene: &mut Scene, id: &str| {
        let said = r#"{"id":"r1","emoji":"👍","createdAt":5}"#;
        scene.publish(id, ClientSubject::Data, data(id, Body::Reaction, said).encode_to_vec());
    };
    let heard = |scene: &mut Scene, id: &str| {
        let [payload] = scene.heard(id).try_into().unwrap();
        let message = pnm::DataChannelMessage::decode(payload).unwrap();
        let reaction: serde_json::Value = serde_json::from_str(&message.message).unwrap();
        let said = |key: &str| reaction[key].as_str().unwrap().to_owned();
        (message.from_user_id, said("fromUserId"), said("fromName"), said("emoji"))
    };
    let of = |from: &str, id: &str, name: &str| (from.to_owned(), id.to_owned(), name.to_owned(), "👍".to_owned());

    reacts(&mut scene, "ben");
    assert_eq!(heard(&mut scene, "ana"), of("ben", "ben", "Name of ben"));
    assert_eq!(heard(&mut scene, "eva"), of("system", "", ""));

    reacts(&mut scene, "ana");
    assert_eq!(heard(&mut scene, "eva"), of("ana", "ana", "Name of ana"), "moderators are known");
}

#[test]
fn nobody_floods_the_others() {
    let mut scene = two();
    let status = data("ben", Body::UserVisibilityChange, "hidden").encode_to_vec();
    for _ in 0..200 {
        scene.publish("ben", ClientSubject::Data, status.clone());
    }
    assert_eq!(scene.heard("ana").len(), 60, "the burst");
    for number in 0..50 {
        scene.say("ben", &format!("m{number}"), "hello");
    }
    assert_eq!(scene.heard("ana").len(), 15);

    let endless = data("ben", Body::UserVisibilityChange, &"x".repeat(5000)).encode_to_vec();
    scene.secs(10);
    scene.publish("ben", ClientSubject::Data, endless);
    assert_eq!(scene.heard("ana").len(), 0);
}

#[test]
fn a_message_with_endless_tags_or_a_time_out_of_this_world_does_no_harm() {
    let mut scene = two();
    let mut message = chat("ben", "m1", "a\u{1}b", i64::MIN);
    message.source_lang = Some("x".repeat(36));
    scene.publish("ben", ClientSubject::Chat, message.encode_to_vec());
    assert_eq!(scene.heard("ana").len(), 0);

    message.source_lang = None;
    scene.publish("ben", ClientSubject::Chat, message.encode_to_vec());
    let heard = pnm::ChatMessage::decode(scene.heard("ana")[0].clone()).unwrap();
    assert_eq!((heard.message.as_str(), heard.sent_at), ("ab", 1_700_000_000_000));
}

#[test]
fn what_was_said_during_a_short_absence_is_caught_up() {
    let mut scene = two();
    scene.say("ana", "m1", "before");
    scene.request("ben", Request::Ping);
    scene.take_mail("ben");
    scene.drop_socket("ben");
    scene.say("ana", "m2", "meanwhile");
    let mut message = chat("ana", "p1", "privately", 0);
    message.is_private = true;
    message.to_user_id = Some("ben".into());
    privately(&mut scene, "ana", "ben", Kind::Chat, message.encode_to_vec());

    scene.secs(2);
    scene.connect("ben");

    let texts: Vec<String> = scene
        .take_mail("ben")
        .into_iter()
        .filter(|mail| mail.event == Event::DeliveryPrivateData)
        .map(|mail| match pnm::ChatMessage::decode(mail.bin_msg.as_slice()) {
            Ok(message) if message.is_private => message.message,
            _ => pnm::DataChannelMessage::decode(mail.bin_msg.as_slice()).unwrap().message,
        })
        .collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert_eq!(texts[0], "privately");
    assert!(texts[1].contains("meanwhile") && !texts[1].contains("before"));
}

fn encrypted(new: &mut room::NewRoom) {
    if let Some(features) = new.metadata.room_features.as_mut() {
        features.shared_note_pad_features = Some(pnm::SharedNotePadFeatures { is_allow: true, ..Default::default() });
        features.end_to_end_encryption_features = Some(pnm::EndToEndEncryptionFeatures {
            is_enabled: true,
            included_chat_messages: true,
            included_whiteboard: true,
            ..Default::default()
        });
    }
}

fn sync(from: &str, kind: Body, id: &str, length: usize) -> Vec<u8> {
    let mut message = data(from, kind, "");
    message.id = id.into();
    message.bin_message = Some(vec![7; length]);
    message.encode_to_vec()
}

#[test]
fn private_messages_have_the_sizes_of_their_kinds() {
    for change in [(|_| {}) as fn(&mut room::NewRoom), encrypted] {
        let mut scene = Scene::new(change);
        scene.join_admin("ana");
        scene.join("ben");
        scene.take_mail("ana");
        let question = sync("ben", Body::WhiteboardSyncRequest, "q1", 9 * 1024 * 1024);
        privately(&mut scene, "ben", "ana", Kind::WhiteboardMsg, question);
        assert_eq!(scene.events("ana"), [], "nothing has nine megabytes");
    }
    let mut scene = two();
    let question = |length| sync("ben", Body::WhiteboardSyncRequest, "q1", length);
    privately(&mut scene, "ben", "ana", Kind::WhiteboardMsg, question(300 * 1024));
    assert_eq!(scene.events("ana"), [], "a question is no board");
    privately(&mut scene, "ben", "ana", Kind::WhiteboardMsg, question(100 * 1024));
    assert_eq!(scene.events("ana"), [Event::DeliveryPrivateData]);
}

#[test]
fn nobody_says_more_bytes_than_the_others_can_take() {
    for change in [(|_| {}) as fn(&mut room::NewRoom), encrypted] {
        let mut scene = Scene::new(change);
        scene.join_admin("ana");
        scene.join("ben");
        let board = || sync("ana", Body::SceneUpdate, "s1", 7 * 1024 * 1024);
        for _ in 0..10 {
            scene.publish("ana", ClientSubject::Whiteboard, board());
        }
        assert_eq!(scene.heard("ben").len(), 3);
        scene.secs(10);
        for _ in 0..10 {
            scene.publish("ana", ClientSubject::Whiteboard, board());
        }
        assert_eq!(scene.heard("ben").len(), 1);
    }
}

#[test]
fn a_private_message_of_no_known_kind_goes_nowhere() {
    let mut scene = two();
    let mut message = chat("ben", "p1", "psst", 0);
    (message.is_private, message.to_user_id) = (true, Some("ana".into()));
    let mut delivery = private("ana", Kind::Chat);
    delivery.r#type = 7;

    scene.request("ben", Request::PrivateDelivery { delivery, payload: message.encode_to_vec() });

    assert_eq!(scene.events("ana"), []);
}

#[test]
fn private_lines_count_as_chat() {
    let mut scene = two();
    for number in 0..30 {
        let mut message = chat("ben", &format!("p{number}"), "psst", 0);
        message.is_private = true;
        message.to_user_id = Some("ana".into());
        privately(&mut scene, "ben", "ana", Kind::Chat, message.encode_to_vec());
    }
    assert_eq!(scene.events("ana").len(), 15);
}

#[test]
fn a_locked_attendee_draws_on_no_board_that_we_cannot_read() {
    let lock = pnm::LockSettings { lock_whiteboard: Some(true), ..Default::default() };
    let mut scene = Scene::new(|new| {
        encrypted(new);
        new.metadata.default_lock_settings = Some(lock);
    });
    scene.join_admin("ana");
    scene.join("ben");
    scene.take_mail("ana");
    scene.publish("ben", ClientSubject::Whiteboard, b"ciphertext".to_vec());
    assert_eq!(scene.heard("ana").len(), 0);
    scene.publish("ana", ClientSubject::Whiteboard, b"ciphertext".to_vec());
    assert_eq!(scene.heard("ben").len(), 1, "the presenter draws");
    privately(&mut scene, "ben", "ana", Kind::WhiteboardMsg, b"a question".to_vec());
    assert_eq!(scene.events("ana"), [Event::DeliveryPrivateData], "and everybody may ask for what is there");
}

#[test]
fn what_nobody_asked_for_is_no_answer() {
    let mut scene = two();
    let answer = || sync("ana", Body::WhiteboardSyncResponse, "q1", 100);
    privately(&mut scene, "ana", "ben", Kind::WhiteboardMsg, answer());
    assert_eq!(scene.events("ben"), []);

    privately(&mut scene, "ben", "ana", Kind::WhiteboardMsg, sync("ben", Body::WhiteboardSyncRequest, "q1", 10));
    privately(&mut scene, "ana", "ben", Kind::WhiteboardMsg, answer());
    assert_eq!(scene.events("ben"), [Event::DeliveryPrivateData]);
    scene.secs(31);
    privately(&mut scene, "ana", "ben", Kind::WhiteboardMsg, answer());
    assert_eq!(scene.events("ben"), [], "half a minute later");
}

#[test]
fn notes_are_handed_on_only_by_who_was_asked() {
    let mut scene = Scene::new(|new| {
        if let Some(features) = new.metadata.room_features.as_mut() {
            features.shared_note_pad_features =
                Some(pnm::SharedNotePadFeatures { is_allow: true, ..Default::default() });
        }
    });
    scene.join_admin("ana");
    scene.join("ben");
    let answer = |id: &str| sync("ana", Body::NotepadSyncResponse, id, 100);
    scene.publish("ana", ClientSubject::Data, answer("q1"));
    assert_eq!(scene.heard("ben").len(), 0);

    privately(&mut scene, "ben", "ana", Kind::DataMsg, sync("ben", Body::NotepadSyncRequest, "q1", 10));
    scene.publish("ana", ClientSubject::Data, answer("q2"));
    assert_eq!(scene.heard("ben").len(), 0, "another question");
    scene.publish("ana", ClientSubject::Data, answer("q1"));
    assert_eq!(scene.heard("ben").len(), 1);
    scene.publish("ben", ClientSubject::Data, sync("ben", Body::NotepadUpdate, "u1", 10));
    assert_eq!(scene.heard("ana").len(), 0, "the notepad is locked where nobody says otherwise");
}

#[test]
fn private_ciphertext_carries_its_true_sender() {
    let mut scene = Scene::new(encrypted);
    scene.join_admin("ana");
    scene.join("ben");
    scene.take_mail("ana");

    privately(&mut scene, "ben", "ana", Kind::Chat, b"ciphertext".to_vec());

    let mail = scene.take_mail("ana").pop().unwrap();
    assert_eq!((mail.bin_msg.as_slice(), mail.from), (b"ciphertext".as_slice(), Some(user("ben"))));
}

#[test]
fn the_history_is_given_even_if_who_was_asked_has_just_left() {
    let mut scene = two();
    scene.say("ben", "m1", "first");
    scene.join("eva");
    scene.drop_socket("ben");
    scene.secs(60);

    assert!(ask_history(&mut scene, "eva", "ben").is_some());
}

#[test]
fn who_looks_at_another_page_is_told_to_hosts_alone() {
    let mut scene = two();
    scene.join("eva");
    let hidden = data("ben", Body::UserVisibilityChange, "hidden").encode_to_vec();

    scene.publish("ben", ClientSubject::Data, hidden);

    assert_eq!(scene.heard("ana").len(), 1);
    assert_eq!(scene.heard("eva").len(), 0);
}
