//! One hostile browser: any bytes, split by the first of them, with time passing and the room answering.
//!
//! The first input byte is the size of the pieces the rest is fed in; after every 16th piece
//! ten seconds pass, which pulls and heartbeats notice and a living client survives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nats::{Bound, Config, CoreMessage, CoreSubject, Delivery, DeliverySubject, Event, Session};

/// What one session may ever make the server hold for it here.
const MAX_QUEUED: usize = 256 * 1024;

/// One session from its first byte to its last.
pub fn run(input: &[u8]) {
    let Some((size, rest)) = input.split_first() else { return };
    let mut now = Instant::now();
    let config = Config { max_queued: MAX_QUEUED, ..Config::default() };
    let mut session = Session::new(now, Arc::new(config));
    let mut stream_seq = 0;
    for (number, piece) in rest.chunks(usize::from(*size).max(1)).enumerate() {
        session.handle_bytes(now, piece);
        while let Some(event) = session.poll_event() {
            answer(&mut session, now, &mut stream_seq, event);
        }
        assert!(session.queued_bytes() <= MAX_QUEUED);
        if number % 16 == 15 {
            now += Duration::from_secs(10);
            session.handle_timeout(now);
        }
        if number % 2 == 1 {
            while session.poll_transmit().is_some() {}
        }
    }
}

fn answer(session: &mut Session, now: Instant, stream_seq: &mut u64, event: Event) {
    match event {
        Event::Authenticate { token, .. } => {
            let admitted = !token.starts_with('w');
            session.accept(now, Bound { room: "r".to_owned(), user: "u".to_owned(), admitted });
        }
        Event::Credit { available } => {
            for _ in 0..available.min(3) {
                *stream_seq += 1;
                let delivery = Delivery {
                    subject: DeliverySubject::Public,
                    stream_seq: *stream_seq,
                    consumer_seq: *stream_seq,
                    deliveries: 1,
                    timestamp_ns: 0,
                    pending: 0,
                    payload: vec![0; 100].into(),
                    from: Some("v".into()),
                };
                let _ = session.deliver(now, delivery);
            }
        }
        Event::Publish { subject, payload } => {
            let subject = CoreSubject::from(subject);
            session.publish(&CoreMessage { subject, from: Some("v".into()), payload });
        }
        Event::Term { .. } => session.set_admitted(true),
        Event::Worker { receipt, .. } => session.confirm(receipt.unwrap_or_default()),
        Event::TooLarge { .. } | Event::Ack { .. } | Event::Nak { .. } | Event::Working { .. } | Event::Close(_) => {}
    }
}
