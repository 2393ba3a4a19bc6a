//! Who may use which subject, forwarding, and the waiting room.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::client::{CONNECT, Frame, Rig, bound};
use crate::{ClientSubject, CoreMessage, CoreSubject, Event, Worker};

fn message(subject: CoreSubject, from: Option<&str>) -> CoreMessage {
    CoreMessage { subject, from: from.map(Arc::from), payload: Bytes::from_static(b"hello") }
}

#[test]
fn foreign_subjects_are_refused_and_the_connection_stays() {
    let mut rig = Rig::bound();
    for subject in [
        "sysJsWorker.r.other",
        "sysCoreWorker.other.u",
        "sysPublic.r",
        "sysPublic.r.system",
        "sysPrivate.r.u.system",
        "chat.other",
        "chat.r.x",
        "chat",
        "_INBOX.A.t1",
        "$JS.API.STREAM.NAMES",
        "$JS.API.CONSUMER.CREATE.s.c",
        "$JS.API.CONSUMER.MSG.NEXT.pnm-room-stream.r_other",
        "$JS.ACK.pnm-room-stream.r_other.1.1.1.1.0",
        "$SYS.x",
    ] {
        rig.publish(subject, Some("_INBOX.A.t"), "x");
        assert_eq!(rig.frames(), [Frame::Error(format!("'Permissions Violation for Publish to \"{subject}\"'"))]);
    }
    for subject in [
        ">",
        "*",
        "sysPrivate.r.u.>",
        "sysPrivate.r.u.system",
        "sysPublic.r.system",
        "sysPublic.*",
        "chat.*",
        "chat.other",
        "dataChannel.>",
        "_INBOX",
        "_INBOX.",
        "_INBOX..x",
        "_INBOX.>.x",
        "$JS.>",
    ] {
        rig.say(&format!("SUB {subject} 9\r\n"));
        assert_eq!(rig.frames(), [Frame::Error(format!("'Permissions Violation for Subscription to \"{subject}\"'"))]);
    }
    assert_eq!(rig.events(), []);
    rig.say("PING\r\n");
    assert_eq!(rig.frames(), [Frame::Pong]);
}

#[test]
fn own_subjects_are_allowed() {
    let mut rig = Rig::bound();
    for subject in ["_INBOX.>", "_INBOX.x.*", "sysPublic.r", "chat.r", "whiteboard.r", "dataChannel.r"] {
        rig.say(&format!("SUB {subject} 9\r\n"));
    }
    for subject in ["chat.r", "whiteboard.r", "dataChannel.r", "sysCoreWorker.r.u"] {
        rig.publish(subject, None, "x");
    }
    let payload = Bytes::from_static(b"x");
    let forwarded = |subject| Event::Publish { subject, payload: payload.clone() };
    let expected = [
        forwarded(ClientSubject::Chat),
        forwarded(ClientSubject::Whiteboard),
        forwarded(ClientSubject::DataChannel),
        Event::Worker { channel: Worker::Core, payload: payload.clone(), receipt: None },
    ];
    assert_eq!(rig.events(), expected);
    assert_eq!(rig.frames(), []);
}

#[test]
fn other_peoples_consumers_are_not_found_and_other_streams_neither() {
    let mut rig = Rig::bound();
    rig.say("SUB _INBOX.A.* 1\r\n");
    for (consumer, code) in [("pnm-room-stream.r_other", 10014), ("other.r_u", 10059)] {
        rig.publish(&format!("$JS.API.CONSUMER.INFO.{consumer}"), Some("_INBOX.A.t"), "");
        let answer = rig.frames()[0].json();
        assert_eq!(answer["error"]["code"], 404);
        assert_eq!(answer["error"]["err_code"], code);
    }
    rig.publish("$JS.API.INFO", Some("_INBOX.A.t"), "");
    assert_eq!(rig.frames()[0].json().get("error"), None);
}

#[test]
fn answers_go_only_to_inboxes_the_connection_listens_to() {
    let mut rig = Rig::bound();
    rig.say("SUB chat.r 1\r\nSUB _INBOX.A.* 2\r\n");
    for reply in ["chat.r", "_INBOX.B.t", "_INBOX.A.t.x"] {
        rig.publish("$JS.API.INFO", Some(reply), "");
        assert_eq!(rig.frames(), [], "{reply}");
    }
}

#[test]
fn requests_nobody_serves_are_answered_with_no_responders() {
    let mut rig = Rig::bound();
    rig.say("SUB _INBOX.A.* 1\r\n");
    rig.publish("chat.r", Some("_INBOX.A.t"), "x");
    assert_eq!(rig.bytes(), b"HMSG _INBOX.A.t 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
}

#[test]
fn reliable_publishes_are_acknowledged_in_sequence_once_the_owner_has_them() {
    let mut rig = Rig::bound();
    rig.say("SUB _INBOX.A.* 1\r\n");
    rig.say("HPUB sysJsWorker.r.u _INBOX.A.a 0 1\r\nx\r\nPUB sysJsWorker.r.u _INBOX.A.b 1\r\ny\r\n");
    assert_eq!(rig.events().len(), 2);
    assert_eq!(rig.frames(), [], "what the owner may still lose is not acknowledged");

    rig.session.confirm(1);
    let seqs: Vec<_> = rig.frames().iter().map(Frame::json).collect();
    assert_eq!(seqs, [json!({"stream": "sysJsWorker", "seq": 1})]);
    rig.session.confirm(2);
    let seqs: Vec<_> = rig.frames().iter().map(Frame::json).collect();
    assert_eq!(seqs, [json!({"stream": "sysJsWorker", "seq": 2})]);
    rig.session.confirm(2);
    assert_eq!(rig.frames(), [], "once each");
}

#[test]
fn core_messages_reach_exactly_their_subscribers_with_the_sender_if_known() {
    let mut rig = Rig::bound();
    rig.say("SUB chat.r 3\r\nSUB sysPublic.r 4\r\n");
    rig.session.publish(&message(CoreSubject::Chat, None));
    rig.session.publish(&message(CoreSubject::Chat, Some("v")));
    rig.session.publish(&message(CoreSubject::Whiteboard, None));
    rig.session.publish(&message(CoreSubject::Public, None));
    let signed = Frame::Msg {
        subject: "chat.r".to_owned(),
        sid: "3".to_owned(),
        reply: None,
        header: Some("NATS/1.0\r\nPnm-From: v\r\n\r\n".to_owned()),
        payload: b"hello".to_vec(),
    };
    let expected = [Frame::msg("chat.r", "3", b"hello"), signed, Frame::msg("sysPublic.r", "4", b"hello")];
    assert_eq!(rig.frames(), expected);
}

#[test]
fn clients_without_headers_get_none() {
    let mut rig = Rig::new();
    rig.say(&CONNECT.replace(r#""headers":true"#, r#""headers":false"#));
    rig.session.accept(rig.now, bound(true));
    rig.frames();
    rig.say("SUB chat.r 3\r\nSUB _INBOX.A.* 1\r\n");
    rig.session.publish(&message(CoreSubject::Chat, Some("v")));
    rig.publish("chat.r", Some("_INBOX.A.t"), "x");
    assert_eq!(rig.frames(), [Frame::msg("chat.r", "3", b"hello")]);
}

#[test]
fn unsubscribing_ends_the_flow_at_once_or_after_a_number() {
    let mut rig = Rig::bound();
    rig.say("SUB chat.r 3\r\nSUB whiteboard.r 4\r\nUNSUB 3\r\nUNSUB 4 2\r\n");
    for _ in 0..3 {
        rig.session.publish(&message(CoreSubject::Chat, None));
        rig.session.publish(&message(CoreSubject::Whiteboard, None));
    }
    assert_eq!(rig.frames(), vec![Frame::msg("whiteboard.r", "4", b"hello"); 2]);
}

#[test]
fn the_waiting_room_is_silent_and_keeps_the_subscriptions() {
    let mut rig = Rig::new();
    rig.introduce(false);
    rig.say("SUB chat.r 3\r\nSUB whiteboard.r 4\r\nSUB dataChannel.r 5\r\nSUB sysPublic.r 6\r\n");
    for subject in ["chat.r", "whiteboard.r", "dataChannel.r"] {
        rig.publish(subject, None, "x");
    }
    let all = [CoreSubject::Chat, CoreSubject::Whiteboard, CoreSubject::DataChannel, CoreSubject::Public];
    for subject in all {
        rig.session.publish(&message(subject, None));
    }
    assert_eq!((rig.events(), rig.frames()), (vec![], vec![]));
    rig.publish("sysJsWorker.r.u", None, "x");
    assert_eq!(rig.events().len(), 1, "client events pass; the room judges them");

    rig.session.set_admitted(true);
    for subject in all {
        rig.session.publish(&message(subject, None));
    }
    assert_eq!(rig.frames().len(), 4);
    rig.publish("chat.r", None, "x");
    assert_eq!(rig.events().len(), 1);
}
