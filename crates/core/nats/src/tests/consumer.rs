//! The pull consumer: credit, statuses, acknowledgements.

use std::time::Duration;

use bytes::Bytes;

use super::client::{Frame, PULL, Rig, delivery};
use crate::{Delivery, Event, NoCredit};

const NEXT: &str = "$JS.API.CONSUMER.MSG.NEXT.pnm-room-stream.r_u";
const ACK: &str = "$JS.ACK.pnm-room-stream.r_u.1.7.1.1795448545569000000.0";

#[test]
fn credit_adds_up_over_pulls_and_shrinks_with_deliveries() {
    let mut rig = Rig::bound();
    rig.consume();
    rig.publish(NEXT, Some("_INBOX.B.1"), r#"{"batch":25,"expires":30000000000}"#);
    assert_eq!(rig.events(), [Event::Credit { available: 125 }]);
    for seq in 0..5 {
        rig.session.deliver(rig.now, delivery(seq, "x")).unwrap();
    }
    assert_eq!(rig.session.credit(), 120);
    assert_eq!(rig.events(), [], "the owner knows what it delivered");
}

#[test]
fn a_polled_credit_is_never_stale() {
    let mut rig = Rig::bound();
    rig.consume();
    rig.publish(NEXT, Some("_INBOX.B.1"), "25");
    rig.session.deliver(rig.now, delivery(1, "x")).unwrap();
    assert_eq!(rig.events(), [Event::Credit { available: 124 }]);
}

#[test]
fn pulls_that_make_no_sense_are_ignored() {
    let mut rig = Rig::bound();
    rig.say("SUB _INBOX.B.1 2\r\n");
    rig.publish(NEXT, Some("_INBOX.B.1"), "{garbage");
    rig.publish(NEXT, Some("_INBOX.B.1"), r#"{"batch":-5}"#);
    rig.publish(NEXT, Some("_INBOX.unknown.1"), PULL);
    rig.publish(NEXT, Some("chat.r"), PULL);
    rig.publish(NEXT, None, PULL);
    assert_eq!((rig.events(), rig.frames()), (vec![], vec![]));
    rig.say("PING\r\n");
    assert_eq!(rig.frames(), [Frame::Pong]);
}

#[test]
fn an_expired_pull_returns_its_credit() {
    let mut rig = Rig::bound();
    rig.consume();
    rig.session.deliver(rig.now, delivery(1, "x")).unwrap();
    rig.frames();
    rig.wait_alive(Duration::from_secs(30));
    let timeout = "NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 99\r\nNats-Pending-Bytes: 0\r\n\r\n";
    assert_eq!(rig.frames().last(), Some(&Frame::status("_INBOX.B.1", "2", timeout)));
    assert_eq!(rig.events(), [Event::Credit { available: 0 }]);
}

#[test]
fn a_pull_that_was_used_up_ends_in_silence() {
    let mut rig = Rig::bound();
    rig.say("SUB _INBOX.B.1 2\r\n");
    rig.publish(NEXT, Some("_INBOX.B.1"), r#"{"batch":1,"expires":5000000000,"idle_heartbeat":1000000000}"#);
    rig.session.deliver(rig.now, delivery(1, "x")).unwrap();
    rig.frames();
    rig.wait_alive(Duration::from_secs(20));
    assert_eq!(rig.frames(), []);
}

#[test]
fn heartbeats_fill_the_silence_and_name_the_last_delivery() {
    let mut rig = Rig::bound();
    rig.say("SUB _INBOX.B.1 2\r\n");
    rig.publish(NEXT, Some("_INBOX.B.1"), r#"{"batch":100,"idle_heartbeat":15000000000}"#);
    rig.wait_alive(Duration::from_secs(10));
    rig.session.deliver(rig.now, Delivery { consumer_seq: 4, ..delivery(9, "x") }).unwrap();
    assert_eq!(rig.frames().len(), 1);
    rig.wait_alive(Duration::from_secs(14));
    assert_eq!(rig.frames(), []);
    rig.wait_alive(Duration::from_secs(1));
    let heartbeat = "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 4\r\nNats-Last-Stream: 9\r\n\r\n";
    assert_eq!(rig.frames(), [Frame::status("_INBOX.B.1", "2", heartbeat)]);
    rig.wait_alive(Duration::from_secs(600));
    assert_eq!(rig.frames().len(), 40, "a pull without expiry lives on");
}

#[test]
fn verdicts_reach_the_owner() {
    let mut rig = Rig::bound();
    rig.consume();
    let seq = 7;
    for (body, expected) in [
        ("+ACK", Event::Ack { stream_seq: seq }),
        ("-NAK", Event::Nak { stream_seq: seq, delay: None }),
        ("-NAK {\"delay\":2000000000}", Event::Nak { stream_seq: seq, delay: Some(Duration::from_secs(2)) }),
        ("+WPI", Event::Working { stream_seq: seq }),
        ("+TERM", Event::Term { stream_seq: seq }),
    ] {
        rig.publish(ACK, None, body);
        assert_eq!(rig.events(), [expected], "{body}");
    }
    rig.publish(ACK, None, "nonsense");
    rig.publish("$JS.ACK.pnm-room-stream.r_u.x", None, "+ACK");
    assert_eq!((rig.events(), rig.frames()), (vec![], vec![]));

    rig.publish(ACK, Some("_INBOX.B.1"), "+NXT 3");
    assert_eq!(rig.events(), [Event::Ack { stream_seq: seq }, Event::Credit { available: 103 }]);
    rig.publish(ACK, Some("_INBOX.A.t"), "+ACK");
    assert_eq!(rig.frames(), [Frame::msg("_INBOX.A.t", "1", b"")], "confirmed because asked for");
}

#[test]
fn a_delivery_that_missed_its_pull_waits_for_the_next_one() {
    let mut rig = Rig::bound();
    rig.say("SUB _INBOX.B.1 2\r\n");
    rig.publish(NEXT, Some("_INBOX.B.1"), "1");
    rig.events();
    for (seq, payload) in [(1, "a"), (2, "b"), (3, "c"), (3, "C")] {
        rig.session.deliver(rig.now, delivery(seq, payload)).unwrap();
    }
    assert_eq!(rig.frames().len(), 1);
    rig.publish(NEXT, Some("_INBOX.B.1"), "10");
    assert_eq!(rig.events(), [Event::Credit { available: 8 }]);
    let payloads: Vec<_> = rig
        .frames()
        .into_iter()
        .map(|frame| match frame {
            Frame::Msg { payload, .. } => payload,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(payloads, [b"b", b"C"], "in order, and the repeated one only once");
    assert_eq!(rig.session.queued_bytes(), 0);
}

#[test]
fn what_waits_for_a_pull_is_bounded() {
    let mut rig = Rig::bound();
    let accepted = (0..5000).take_while(|seq| rig.session.deliver(rig.now, delivery(*seq, "x")).is_ok()).count();
    assert_eq!(accepted, 1024);
    assert_eq!(rig.session.deliver(rig.now, delivery(9999, "x")), Err(NoCredit));
}

#[test]
fn pulls_end_with_their_subscription() {
    let mut rig = Rig::bound();
    rig.consume();
    rig.say("UNSUB 2\r\n");
    assert_eq!(rig.events(), [Event::Credit { available: 0 }]);

    rig.say("SUB _INBOX.B.1 2\r\nUNSUB 2 1\r\n");
    rig.publish(NEXT, Some("_INBOX.B.1"), PULL);
    rig.session.deliver(rig.now, delivery(1, "x")).unwrap();
    assert_eq!(rig.frames().len(), 1);
    assert_eq!(rig.events().last(), Some(&Event::Credit { available: 0 }));
}

#[test]
fn a_message_still_on_its_way_out_is_not_sent_twice() {
    let mut rig = Rig::bound();
    rig.consume();
    let large = || Delivery { payload: Bytes::from(vec![b'x'; 300_000]), ..delivery(7, "") };
    rig.session.deliver(rig.now, large()).unwrap();
    let mut sent = rig.session.poll_transmit().unwrap().to_vec();

    rig.session.deliver(rig.now, Delivery { deliveries: 2, ..large() }).unwrap();
    assert_eq!(rig.events(), [Event::Credit { available: 99 }], "the owner counted it");
    sent.extend_from_slice(&rig.bytes());
    assert_eq!(super::client::parse_frames(&sent).len(), 1);

    rig.session.deliver(rig.now, Delivery { deliveries: 3, ..large() }).unwrap();
    assert_eq!(rig.frames().len(), 1, "it has left, and was not acknowledged");
}
