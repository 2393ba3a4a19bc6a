//! Greeting, authentication and the ways a session ends.

use std::time::Duration;

use super::client::{CONNECT, Frame, Rig, bound, delivery};
use crate::{Bound, CloseReason, Event, IDLE_TIMEOUT, MAX_HELD_BYTES, NoCredit, ProtocolError};

fn error(text: &str) -> Frame {
    Frame::Error(format!("'{text}'"))
}

#[test]
fn a_rejected_token_is_told_and_then_closed() {
    let mut rig = Rig::new();
    rig.say(CONNECT);
    rig.events();
    rig.frames();
    rig.session.reject(rig.now);
    assert_eq!(rig.events(), [], "not before the client could be told");
    assert_eq!(rig.frames(), [error("Authorization Violation")]);
    assert!(rig.session.poll_timeout().unwrap() <= rig.now, "the owner is woken for the last event");
    assert_eq!(rig.events(), [Event::Close(CloseReason::AuthFailed)]);
    assert_eq!(rig.session.poll_timeout(), None);
    rig.say("PING\r\n");
    assert_eq!((rig.events(), rig.frames()), (vec![], vec![]));
}

#[test]
fn a_client_that_does_not_take_its_last_words_is_closed_after_a_while() {
    let mut rig = Rig::new();
    rig.session.reject(rig.now);
    rig.session.handle_timeout(rig.now);
    assert_eq!(rig.events(), []);
    rig.wait(Duration::from_secs(5));
    assert_eq!(rig.events(), [Event::Close(CloseReason::AuthFailed)]);
}

#[test]
fn expiry_makes_the_client_authenticate_again() {
    let mut rig = Rig::bound();
    rig.session.expire_auth();
    assert_eq!(rig.frames(), [error("User Authentication Expired")]);
    assert_eq!(rig.events(), [Event::Close(CloseReason::AuthExpired)]);
}

#[test]
fn a_connect_without_token_never_reaches_the_owner() {
    for connect in ["CONNECT {}\r\n", "CONNECT {\"auth_token\":\"\"}\r\n", "PING\r\n", "SUB chat.r 1\r\n"] {
        let mut rig = Rig::new();
        rig.frames();
        rig.say(connect);
        assert_eq!(rig.frames(), [error("Authorization Violation")]);
        assert_eq!(rig.events(), [Event::Close(CloseReason::AuthFailed)]);
    }
}

#[test]
fn a_second_connect_is_refused() {
    let mut rig = Rig::bound();
    rig.say(CONNECT);
    rig.frames();
    assert_eq!(rig.events(), [Event::Close(CloseReason::Protocol(ProtocolError::SecondConnect))]);
}

#[test]
fn a_silent_stranger_is_dropped_and_so_is_a_silent_friend() {
    let mut rig = Rig::new();
    rig.frames();
    rig.wait(Duration::from_secs(10));
    assert_eq!(rig.frames(), [error("Authentication Timeout")]);
    assert_eq!(rig.events(), [Event::Close(CloseReason::AuthTimeout)]);

    let mut rig = Rig::bound();
    assert_eq!(rig.session.poll_timeout(), Some(rig.now + IDLE_TIMEOUT));
    rig.wait_alive(Duration::from_secs(60));
    assert_eq!(rig.events(), []);
    rig.wait(IDLE_TIMEOUT);
    assert_eq!(rig.events(), [Event::Close(CloseReason::Idle)]);
}

#[test]
fn what_comes_during_authentication_is_kept_in_bounds() {
    let mut rig = Rig::new();
    rig.say(CONNECT);
    rig.say("PING\r\nSUB chat.r 1\r\nPUB chat.r 2\r\nhi\r\n");
    assert_eq!(rig.events().len(), 1);
    rig.session.accept(rig.now, bound(true));
    assert_eq!(rig.events().len(), 1, "the chat message");

    let mut rig = Rig::new();
    rig.say(CONNECT);
    rig.say(&"x".repeat(MAX_HELD_BYTES + 1));
    assert_eq!(rig.events().last(), Some(&Event::Close(CloseReason::TooLarge)));
    assert_eq!(rig.session.held_bytes(), 0);
}

#[test]
fn accept_counts_only_when_asked_for() {
    let mut rig = Rig::new();
    rig.session.accept(rig.now, bound(true));
    rig.say("SUB chat.r 1\r\n");
    rig.frames();
    assert_eq!(rig.events(), [Event::Close(CloseReason::AuthFailed)]);

    let mut rig = Rig::bound();
    rig.session.accept(rig.now, Bound { user: "other".to_owned(), ..bound(true) });
    rig.say("SUB _INBOX.A.* 1\r\nPUB sysJsWorker.other.u 0\r\n\r\n");
    assert!(matches!(rig.frames()[..], [Frame::Error(_)]));
}

#[test]
fn a_closed_session_flushes_what_was_queued_and_takes_nothing_more() {
    let mut rig = Rig::bound();
    rig.consume();
    rig.session.deliver(rig.now, delivery(1, "bye")).unwrap();
    rig.session.close(CloseReason::Ended);
    assert_eq!(rig.session.deliver(rig.now, delivery(2, "late")), Err(NoCredit));
    assert_eq!(rig.events(), []);
    assert_eq!(rig.frames().len(), 1);
    assert_eq!(rig.events(), [Event::Close(CloseReason::Ended)]);
}

#[test]
fn garbage_ends_the_session_with_a_reason() {
    for (input, reason) in [
        ("GET / HTTP/1.1\r\n", CloseReason::Protocol(ProtocolError::UnknownOperation)),
        ("SUB\r\n", CloseReason::Protocol(ProtocolError::Arguments)),
        ("PUB chat.r 2\r\nabc\r\n", CloseReason::Protocol(ProtocolError::PayloadEnd)),
        ("PUB chat.r 99999999999\r\n", CloseReason::TooLarge),
    ] {
        let mut rig = Rig::bound();
        rig.say(input);
        assert!(matches!(rig.frames()[..], [Frame::Error(_)]), "{input}");
        assert_eq!(rig.events(), [Event::Close(reason)], "{input}");
    }
}
