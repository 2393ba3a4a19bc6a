//! What must hold for any input.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};

use super::client::{CONNECT, Frame, PULL, Rig, bound, parse_frames};
use crate::{
    Config, CoreMessage, CoreSubject, Event, MAX_CONNECT_LINE, MAX_HELD_BYTES, Session,
    parse::{Op, Parser, Publication},
};

/// Feeds the pieces, answering the one question a session asks, and returns what came out.
fn play(pieces: &[&[u8]]) -> (Vec<Event>, Vec<u8>) {
    let now = Instant::now();
    let mut session = Session::new(now, Arc::new(Config::default()));
    let mut events = Vec::new();
    for piece in pieces {
        session.handle_bytes(now, piece);
        while let Some(event) = session.poll_event() {
            if matches!(event, Event::Authenticate { .. }) {
                session.accept(now, bound(true));
            }
            events.push(match event {
                // Taken when polled, and polling is what differs here.
                Event::Credit { .. } => Event::Credit { available: 0 },
                other => other,
            });
        }
    }
    (events, std::iter::from_fn(|| session.poll_transmit()).flatten().collect())
}

fn publish(subject: &str, reply: &str, payload: &[u8]) -> Vec<u8> {
    [format!("PUB {subject} {reply} {}\r\n", payload.len()).as_bytes(), payload, b"\r\n"].concat()
}

fn operation() -> impl Strategy<Value = Vec<u8>> {
    let subject = prop::sample::select(vec![
        "chat.r",
        "whiteboard.r",
        "dataChannel.r",
        "chat.other",
        "sysJsWorker.r.u",
        "sysCoreWorker.r.u",
        "$JS.API.INFO",
        "$JS.API.CONSUMER.INFO.pnm-room-stream.r_u",
        "$JS.API.CONSUMER.MSG.NEXT.pnm-room-stream.r_u",
        "$JS.ACK.pnm-room-stream.r_u.1.3.1.17.0",
    ]);
    let payload = prop_oneof![
        Just(PULL.as_bytes().to_vec()),
        Just(b"+ACK".to_vec()),
        Just(b"-NAK {\"delay\":5}".to_vec()),
        vec(any::<u8>(), 0..200),
    ];
    prop_oneof![
        4 => (subject, payload).prop_map(|(subject, payload)| publish(subject, "_INBOX.B.1", &payload)),
        1 => Just(b"PING\r\n".to_vec()),
        1 => Just(b"SUB _INBOX.B.1 2\r\n".to_vec()),
        1 => Just(b"SUB chat.r 3\r\nUNSUB 3 1\r\n".to_vec()),
        1 => vec(any::<u8>(), 0..20),
    ]
}

fn conversation() -> impl Strategy<Value = Vec<u8>> {
    vec(operation(), 0..30).prop_map(|operations| {
        let opening = format!("{CONNECT}PING\r\nSUB _INBOX.A.* 1\r\nSUB _INBOX.B.1 2\r\n");
        [opening.into_bytes(), operations.concat()].concat()
    })
}

fn split<'a>(bytes: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[from..cut]);
        from = cut;
    }
    pieces
}

proptest! {
    #[test]
    fn splitting_the_stream_anywhere_changes_nothing(
        bytes in conversation(),
        cuts in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let whole = play(&[&bytes]);
        prop_assert_eq!(&whole, &play(&split(&bytes, &cuts)));
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(&whole, &play(&single));
    }

    #[test]
    fn any_bytes_leave_the_session_sane(
        opened in any::<bool>(),
        pieces in vec(prop_oneof![vec(any::<u8>(), 0..500), operation(), Just(vec![b'x'; 3000])], 0..40),
    ) {
        let mut rig = if opened { Rig::bound() } else { Rig::new() };
        for piece in pieces {
            rig.session.handle_bytes(rig.now, &piece);
            prop_assert!(rig.session.held_bytes() <= MAX_CONNECT_LINE.max(MAX_HELD_BYTES) * 2);
            for event in rig.events() {
                if matches!(event, Event::Authenticate { .. }) {
                    rig.session.accept(rig.now, bound(true));
                }
            }
            rig.frames();
            prop_assert_eq!(rig.session.queued_bytes(), 0);
        }
    }

    #[test]
    fn a_publication_survives_encoding_and_parsing(
        subject in "[a-zA-Z0-9.$_-]{1,100}",
        reply in proptest::option::of("[a-zA-Z0-9._]{1,50}"),
        header in vec(any::<u8>(), 0..50),
        payload in vec(any::<u8>(), 0..2000),
    ) {
        let reply_word = reply.as_ref().map(|reply| format!("{reply} ")).unwrap_or_default();
        let total = header.len() + payload.len();
        let line = format!("HPUB {subject} {reply_word}{} {total}\r\n", header.len());
        let bytes = [line.as_bytes(), &header, &payload, b"\r\n"].concat();
        let mut parser = Parser::new(1 << 20);
        let mut input = &bytes[..];
        let op = parser.next(&mut input, |_| 1 << 20);
        let expected = Publication { subject, reply, payload: Some(Bytes::from(payload)) };
        prop_assert_eq!(op, Ok(Some(Op::Publish(expected))));
        prop_assert!(input.is_empty());
    }

    #[test]
    fn messages_arrive_whole_and_in_order_however_they_are_polled(
        sizes in vec(prop_oneof![0..5000_usize, 60_000..70_000_usize, 100_000..200_000_usize], 1..20),
        polls in vec(0..4_usize, 20),
    ) {
        let mut rig = Rig::bound();
        rig.say("SUB chat.r 3\r\n");
        let mut sent = Vec::new();
        for (number, (size, polls)) in sizes.iter().zip(polls).enumerate() {
            let fill = u8::try_from(number).unwrap();
            let message = CoreMessage { subject: CoreSubject::Chat, from: None, payload: Bytes::from(vec![fill; *size]) };
            rig.session.publish(&message);
            rig.say("PING\r\n");
            for chunk in std::iter::from_fn(|| rig.session.poll_transmit()).take(polls) {
                prop_assert!(!chunk.is_empty() && chunk.len() <= 64 * 1024);
                sent.extend_from_slice(&chunk);
            }
        }
        sent.extend(rig.bytes());
        let (pongs, messages): (Vec<_>, Vec<_>) = parse_frames(&sent).into_iter().partition(|frame| *frame == Frame::Pong);
        prop_assert_eq!(pongs.len(), sizes.len());
        let expected: Vec<_> = sizes
            .iter()
            .enumerate()
            .map(|(number, size)| Frame::msg("chat.r", "3", &vec![u8::try_from(number).unwrap(); *size]))
            .collect();
        prop_assert_eq!(messages, expected);
    }
}
