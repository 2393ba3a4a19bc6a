//! Rates, sizes and queues.

use std::time::Duration;

use bytes::Bytes;

use super::client::{Frame, Rig};
use crate::{
    ClientSubject, CloseReason, Config, CoreMessage, CoreSubject, Event, MAX_CHAT_PAYLOAD, MAX_OTHER_PAYLOAD,
    MAX_SUBSCRIPTIONS,
};

#[test]
fn client_messages_above_their_rate_are_dropped() {
    for (subject, burst, rate) in [
        ("chat.r", 30, 10),
        ("whiteboard.r", 180, 60),
        ("dataChannel.r", 180, 60),
        ("sysJsWorker.r.u", 40, 10),
        ("sysCoreWorker.r.u", 60, 20),
    ] {
        let mut rig = Rig::bound();
        for _ in 0..300 {
            rig.publish(subject, None, "x");
        }
        assert_eq!(rig.events().len(), burst, "{subject}");
        rig.wait(Duration::from_secs(1));
        for _ in 0..300 {
            rig.publish(subject, None, "x");
        }
        assert_eq!(rig.events().len(), rate, "{subject}");
    }
}

#[test]
fn a_reliable_publish_above_the_rate_is_refused_in_words() {
    let mut rig = Rig::bound();
    rig.say("SUB _INBOX.A.* 1\r\n");
    for _ in 0..41 {
        rig.publish("sysJsWorker.r.u", Some("_INBOX.A.t"), "x");
    }
    let refusal = rig.frames()[0].json();
    rig.session.confirm(40);
    assert_eq!(rig.frames()[39].json()["seq"], 40);
    assert_eq!(
        (refusal["error"]["code"].as_u64(), refusal["error"]["description"].as_str()),
        (Some(429), Some("rate limit"))
    );
}

#[test]
fn a_flood_ends_the_session() {
    for operation in ["PUB chat.r 0\r\n\r\n", "PING\r\n", "PUB sysPublic.r 0\r\n\r\n", "SUB > 1\r\n"] {
        let mut rig = Rig::bound();
        rig.say(&operation.repeat(3000));
        rig.frames();
        assert_eq!(rig.events().last(), Some(&Event::Close(CloseReason::Flood)), "{operation}");
    }
}

#[test]
fn payloads_above_the_size_of_their_subject_are_skipped() {
    let mut rig = Rig::bound();
    rig.say("SUB _INBOX.A.* 1\r\n");
    rig.publish("chat.r", None, &"x".repeat(MAX_CHAT_PAYLOAD));
    assert_eq!(rig.events().len(), 1);
    rig.publish("chat.r", None, &"x".repeat(MAX_CHAT_PAYLOAD + 1));
    rig.publish("sysCoreWorker.r.u", None, &"x".repeat(MAX_OTHER_PAYLOAD + 1));
    rig.publish("whiteboard.r", None, &"x".repeat(MAX_OTHER_PAYLOAD + 1));
    let events = rig.events();
    assert_eq!(events[0], Event::TooLarge { subject: ClientSubject::Chat });
    assert!(matches!(events[1..], [Event::Publish { .. }]), "only the whiteboard takes that much");
    assert!(matches!(rig.frames()[..], [Frame::Error(_)]));

    let large = "x".repeat(crate::MAX_BULK_PAYLOAD + 1);
    rig.publish("sysJsWorker.r.u", Some("_INBOX.A.t"), &large);
    assert_eq!(rig.frames()[0].json()["error"]["err_code"], 10054);
    assert_eq!(rig.events(), []);
}

#[test]
fn forbidden_payloads_are_never_held() {
    let mut rig = Rig::bound();
    rig.say("PUB chat.other 5000000\r\n");
    rig.say(&"x".repeat(1_000_000));
    assert_eq!(rig.session.held_bytes(), 0);
}

#[test]
fn subscriptions_are_bounded() {
    let mut rig = Rig::bound();
    for sid in 0..MAX_SUBSCRIPTIONS {
        rig.say(&format!("SUB _INBOX.{sid}.* {sid}\r\n"));
    }
    assert_eq!(rig.frames(), []);
    rig.say("SUB chat.r 99\r\n");
    assert_eq!(rig.frames(), [Frame::Error("'Maximum Subscriptions Exceeded'".to_owned())]);
    assert_eq!(rig.events(), []);
}

#[test]
fn a_consumer_too_slow_for_its_queue_is_dropped() {
    let mut rig = Rig::with(Config { max_queued: 100_000, ..Config::default() });
    rig.introduce(true);
    rig.say("SUB chat.r 3\r\n");
    let message = CoreMessage { subject: CoreSubject::Chat, from: None, payload: Bytes::from(vec![b'x'; 30_000]) };
    for _ in 0..3 {
        rig.session.publish(&message);
    }
    assert!(rig.session.queued_bytes() > 90_000);
    assert_eq!(rig.events(), []);
    rig.session.publish(&message);
    assert_eq!(rig.events(), [Event::Close(CloseReason::SlowConsumer)]);
    rig.session.publish(&message);
    assert_eq!(rig.session.queued_bytes(), 0);
}

#[test]
fn a_pong_does_not_wait_behind_bulk_data() {
    let mut rig = Rig::bound();
    rig.say("SUB whiteboard.r 3\r\n");
    let message =
        CoreMessage { subject: CoreSubject::Whiteboard, from: None, payload: Bytes::from(vec![b'x'; 1_000_000]) };
    for _ in 0..5 {
        rig.session.publish(&message);
    }
    let mut sent = rig.session.poll_transmit().unwrap().to_vec();
    sent.extend_from_slice(&rig.session.poll_transmit().unwrap());
    rig.say("PING\r\n");
    sent.extend_from_slice(&rig.bytes());
    let frames = super::client::parse_frames(&sent);
    assert_eq!(frames.iter().position(|frame| *frame == Frame::Pong), Some(1), "right after the message under way");
    assert_eq!(frames.len(), 6);
}
