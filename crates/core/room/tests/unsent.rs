//! Lines of chat that go no further: their authors are told why, and nobody else hears anything.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod scene;

use prost::Message;
use room::{ClientSubject, LockService, Moderation, Request, Whom};
use scene::{Scene, chat, private, user};
use wire::plenum::{self, NotSent, not_sent::Reason, notice::What};
use wire::pnm::{self, NatsMsgServerToClientEvents as Event, PrivateDataDeliveryType as Kind};

/// Ana moderates, ben and eva attend.
fn meeting(change: impl FnOnce(&mut room::NewRoom)) -> Scene {
    let mut scene = Scene::new(change);
    scene.join_admin("ana");
    for id in ["ben", "eva"] {
        scene.join(id);
    }
    for id in ["ana", "ben", "eva"] {
        scene.take_mail(id);
    }
    scene
}

fn lock(scene: &mut Scene, whom: Whom, service: LockService) {
    scene.moderate("ana", Moderation::Lock { whom, service, locked: true }).unwrap();
    scene.take_mail("ben");
}

fn whisper(scene: &mut Scene, to: &str, id: &str, text: &str) {
    let mut line = chat("ben", id, text, 0);
    (line.is_private, line.to_user_id) = (true, Some(to.into()));
    let delivery = private(to, Kind::Chat);
    scene.request("ben", Request::PrivateDelivery { delivery, payload: line.encode_to_vec() });
}

/// What ben was told of a line that was not sent, in words and as a notice.
fn told(scene: &mut Scene) -> Option<(String, NotSent)> {
    let mail = scene.take_mail("ben").into_iter().rfind(|mail| mail.event == Event::SystemNotification)?;
    let words: serde_json::Value = serde_json::from_str(&mail.msg).unwrap();
    let What::NotSent(notice) = plenum::Notice::decode(mail.bin_msg.as_slice()).unwrap().what.unwrap() else {
        panic!("another notice");
    };
    Some((words["msg"].as_str().unwrap().to_owned(), notice))
}

fn reason(scene: &mut Scene) -> Option<(Reason, String, bool)> {
    told(scene).map(|(_, notice)| (notice.reason(), notice.message_id, notice.is_private))
}

#[test]
fn who_writes_into_a_locked_chat_learns_whether_it_is_locked_for_them_or_for_everybody() {
    for service in [LockService::Chat, LockService::SendChatMessage] {
        let mut scene = meeting(|_| {});
        lock(&mut scene, Whom::One(user("ben")), service);
        scene.say("ben", "m1", "hello");
        let (words, _) = told(&mut scene).unwrap();
        assert_eq!(words, "A moderator has locked the chat for you. Your message was not sent.");

        lock(&mut scene, Whom::All, service);
        scene.say("ben", "m2", "hello");
        assert_eq!(reason(&mut scene), Some((Reason::LockedForAll, "m2".into(), false)));
        assert!(scene.heard("eva").is_empty() && scene.heard("ana").is_empty());
    }
}

#[test]
fn a_locked_private_line_is_told_of_and_one_to_a_moderator_goes_through() {
    let mut scene = meeting(|_| {});
    lock(&mut scene, Whom::All, LockService::PrivateChat);
    scene.take_mail("eva");

    whisper(&mut scene, "eva", "p1", "psst");

    assert_eq!(reason(&mut scene), Some((Reason::LockedForAll, "p1".into(), true)));
    assert_eq!(scene.events("eva"), []);
    scene.take_mail("ana");
    whisper(&mut scene, "ana", "p2", "psst");
    assert_eq!(reason(&mut scene), None);
    assert_eq!(scene.events("ana"), [Event::DeliveryPrivateData]);
}

#[test]
fn who_writes_to_somebody_gone_learns_it_and_learns_nothing_of_the_hidden() {
    let mut scene = meeting(|_| {});
    scene.admit("ghost", |ticket| ticket.is_hidden = true).unwrap();
    scene.connect("ghost");
    scene.drop_socket("eva");
    scene.secs(60);
    scene.take_mail("ben");

    for whom in ["eva", "ghost", "nobody"] {
        whisper(&mut scene, whom, "p1", "psst");
        assert_eq!(reason(&mut scene), Some((Reason::NotHere, "p1".into(), true)), "{whom}");
        scene.secs(10);
        scene.request("ben", Request::Ping);
    }
    assert!(scene.take_mail("ghost").iter().all(|mail| mail.event != Event::DeliveryPrivateData));
}

/// Every line that ben was told of since, and in how many notices.
fn all_told(scene: &mut Scene) -> (Vec<String>, usize) {
    let mail = scene.take_mail("ben");
    let notices = mail.iter().filter(|mail| mail.event == Event::SystemNotification);
    let of = notices.map(|mail| match plenum::Notice::decode(mail.bin_msg.as_slice()).unwrap().what.unwrap() {
        What::NotSent(notice) => notice,
        other => panic!("another notice: {other:?}"),
    });
    let of: Vec<NotSent> = of.collect();
    let lines = of.iter().flat_map(|one| one.others.iter().chain([one])).map(|one| one.message_id.clone()).collect();
    (lines, of.len())
}

fn numbered(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("m{number}")).collect()
}

#[test]
fn who_writes_too_fast_is_told_of_every_line_and_not_in_as_many_notices() {
    let mut scene = meeting(|_| {});
    for id in numbered(0..60) {
        scene.say("ben", &id, "spam");
    }
    assert_eq!(scene.heard("eva").len(), 15);
    assert_eq!(all_told(&mut scene), (numbered(15..18), 3), "a notice is no way to be flooded either");

    scene.secs(4);
    assert_eq!(all_told(&mut scene).1, 0);
    scene.secs(2);
    assert_eq!(all_told(&mut scene), (numbered(18..60), 1));
    scene.secs(60);
    assert_eq!(all_told(&mut scene).1, 0, "nobody is told twice");
}

#[test]
fn lines_told_of_together_keep_their_own_reasons_and_the_latest_is_said_in_words() {
    let mut scene = meeting(|_| {});
    lock(&mut scene, Whom::All, LockService::PrivateChat);
    for number in 0..4 {
        whisper(&mut scene, "eva", &format!("p{number}"), "psst");
    }
    lock(&mut scene, Whom::One(user("ben")), LockService::Chat);
    scene.say("ben", "m1", "hello");
    scene.take_mail("ben");

    scene.secs(6);
    let (words, notice) = told(&mut scene).unwrap();
    assert_eq!(words, "A moderator has locked the chat for you. Your message was not sent.");
    assert_eq!((notice.reason(), notice.message_id.as_str(), notice.is_private), (Reason::LockedForYou, "m1", false));
    let [other] = notice.others.as_slice() else { panic!("one other line") };
    assert_eq!((other.reason(), other.message_id.as_str(), other.is_private), (Reason::LockedForAll, "p3", true));
}

#[test]
fn a_flood_of_lines_is_answered_with_bounded_notices() {
    let mut scene = meeting(|_| {});
    for number in 0..1000 {
        scene.say("ben", &format!("m{number}"), "spam");
    }
    let at_once = all_told(&mut scene).1;
    scene.secs(30);
    assert_eq!((at_once, all_told(&mut scene)), (3, (numbered(18..82), 1)));
}

#[test]
fn a_room_without_chat_says_so() {
    let mut scene = meeting(|new| {
        new.metadata.room_features.as_mut().unwrap().chat_features.as_mut().unwrap().is_allow = false;
    });
    scene.say("ben", "m1", "hello");
    assert_eq!(reason(&mut scene), Some((Reason::NotOffered, "m1".into(), false)));
}

#[test]
fn a_lie_is_not_answered_and_a_sealed_line_is_not_looked_into() {
    let mut scene = meeting(|_| {});
    scene.publish("ben", ClientSubject::Chat, chat("ana", "m1", "I am ana", 0).encode_to_vec());
    scene.publish("ben", ClientSubject::Chat, vec![0xff; 9]);
    assert_eq!(reason(&mut scene), None);

    let mut scene = meeting(|new| {
        new.metadata.room_features.as_mut().unwrap().end_to_end_encryption_features =
            Some(pnm::EndToEndEncryptionFeatures {
                is_enabled: true,
                included_chat_messages: true,
                ..Default::default()
            });
    });
    lock(&mut scene, Whom::One(user("ben")), LockService::Chat);
    let sealed = chat("ben", "looks like an id", "ciphertext", 0).encode_to_vec();
    scene.publish("ben", ClientSubject::Chat, sealed);
    assert_eq!(reason(&mut scene), Some((Reason::LockedForYou, String::new(), false)));
}

#[test]
fn a_line_of_chat_may_have_64_kib_and_its_author_is_told_when_it_has_more() {
    let mut scene = meeting(|_| {});
    scene.say("ben", "m1", &"x".repeat(60 * 1024));
    assert_eq!(scene.heard("ana").len(), 1);
    assert_eq!(reason(&mut scene), None);

    scene.say("ben", "m2", &"x".repeat(64 * 1024));
    assert_eq!(scene.heard("ana").len(), 0);
    let (words, notice) = told(&mut scene).unwrap();
    assert_eq!(words, "Your message is too long and was not sent.");
    assert_eq!((notice.reason(), notice.message_id.as_str()), (Reason::TooLong, "m2"));

    whisper(&mut scene, "ana", "p1", &"x".repeat(64 * 1024));
    assert_eq!(scene.events("ana"), []);
    assert_eq!(reason(&mut scene), Some((Reason::TooLong, "p1".into(), true)));
}
