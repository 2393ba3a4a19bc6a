//! The captured conversation of section 3.9.

use bytes::Bytes;
use serde_json::json;

use super::client::{CONNECT, Frame, PULL, Rig, bound, delivery};
use crate::{Delivery, DeliverySubject, Event, Worker};

#[test]
fn the_reference_trace_plays_to_its_end() {
    let mut rig = Rig::new();
    let [Frame::Info(info)] = &rig.frames()[..] else { panic!("INFO first") };
    assert_eq!(info["proto"], 1);
    assert_eq!(info["headers"], true);
    assert_eq!(info["version"], "2.11.0");

    rig.say(CONNECT);
    rig.say("PING\r\n");
    assert_eq!(rig.frames(), [], "no PONG before the token is checked");
    let introduced = Event::Authenticate { token: "jwt".to_owned(), name: "plugnmeet-client-r_u".to_owned() };
    assert_eq!(rig.events(), [introduced]);
    rig.session.accept(rig.now, bound(true));
    assert_eq!(rig.frames(), [Frame::Pong]);

    rig.say("SUB _INBOX.A.* 1\r\n");
    rig.publish("$JS.API.CONSUMER.INFO.pnm-room-stream.r_u", Some("_INBOX.A.t1"), "");
    let frames = rig.frames();
    let [Frame::Msg { subject, sid, .. }] = &frames[..] else { panic!("one answer") };
    assert_eq!((subject.as_str(), sid.as_str()), ("_INBOX.A.t1", "1"));
    let info = frames[0].json();
    assert_eq!(info["name"], "r_u");
    assert_eq!(info["config"]["filter_subjects"], json!(["sysPublic.r.>", "sysPrivate.r.u.>"]));
    assert_eq!(info["config"].get("deliver_subject"), None);

    rig.say("SUB _INBOX.B.1 2\r\n");
    rig.publish("$JS.API.CONSUMER.MSG.NEXT.pnm-room-stream.r_u", Some("_INBOX.B.1"), PULL);
    assert_eq!(rig.events(), [Event::Credit { available: 100 }]);

    rig.say("HPUB sysJsWorker.r.u _INBOX.A.t2 0 4\r\nping\r\n");
    let payload = Bytes::from_static(b"ping");
    assert_eq!(rig.events(), [Event::Worker { channel: Worker::JetStream, payload, receipt: Some(1) }]);
    rig.session.confirm(1);
    assert_eq!(rig.frames()[0].json(), json!({ "stream": "sysJsWorker", "seq": 1 }));

    rig.session.deliver(rig.now, delivery(3, "pong")).unwrap();
    let ack = "$JS.ACK.pnm-room-stream.r_u.1.3.1.1795448545569000000.0";
    let delivered = Frame::Msg {
        subject: "sysPrivate.r.u.system".to_owned(),
        sid: "2".to_owned(),
        reply: Some(ack.to_owned()),
        header: None,
        payload: b"pong".to_vec(),
    };
    assert_eq!(rig.frames(), [delivered]);
    rig.publish(ack, None, "+ACK");
    assert_eq!(rig.events(), [Event::Ack { stream_seq: 3 }]);
    assert_eq!(rig.frames(), []);
}

#[test]
fn after_a_reconnect_one_frame_restores_everything() {
    let mut rig = Rig::bound();
    rig.say("SUB _INBOX.A.* 1\r\nSUB _INBOX.B.1 2\r\nSUB chat.r 3\r\n");
    rig.publish("$JS.API.CONSUMER.INFO.pnm-room-stream.r_u", Some("_INBOX.A.t1"), "");
    rig.publish("$JS.API.CONSUMER.MSG.NEXT.pnm-room-stream.r_u", Some("_INBOX.B.1"), PULL);
    assert_eq!(rig.frames().len(), 1);
    let redelivery = Delivery {
        subject: DeliverySubject::Public,
        deliveries: 2,
        stream_seq: 4,
        consumer_seq: 3,
        ..delivery(4, "again")
    };
    rig.session.deliver(rig.now, redelivery).unwrap();
    let text = String::from_utf8(rig.bytes()).unwrap();
    let expected = "MSG sysPublic.r.system 2 $JS.ACK.pnm-room-stream.r_u.2.4.3.1795448545569000000.0 5\r\nagain\r\n";
    assert_eq!(text, expected);
}
