//! `/nats`: one browser's messaging socket. Bytes to the protocol machine, its events to the room, the room's messages
//! back.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use meeting::origin::{Seen, may_open, websocket_origin};
use meeting::{ClientSubject, Down, Farewell, OpenError, Route, SocketLink, Word};
use model::Share;
use nats::{Bound, CloseReason, CoreMessage, Delivery, DeliverySubject, Event, Session, Worker};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WriteError, Message};
use tracing::{debug, instrument};

use crate::upgrade::{Gate, Socket, SocketUpgrade};
use crate::{Gateway, closing};

/// A browser that takes nothing of what is ready for this long is gone, however little its line carries.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);
/// From this much waiting to be written on, the rest waits with the room, which knows what may be left out.
const QUEUE_BYTES: usize = 512 * 1024;
/// How long the last words may take.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(2);
/// How long somebody has to confirm the message that ends their session.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(3);
/// Messages taken from the room before they are written together.
const BATCH: usize = 256;
/// Numbers of farewells start here, far above those of any outbox.
const FAREWELL_SEQ: u64 = 1 << 40;

/// A place for a socket that has not said yet whose it is, and what it takes of its address's share of them.
type Stranger = (Option<Share>, OwnedSemaphorePermit);

pub(crate) async fn upgrade(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: SocketUpgrade,
) -> Response {
    let Some(unknown) = place(&gateway, (gateway.client_address)(peer.ip(), &headers)) else {
        metrics::counter!("plenum_messaging_refused_total").increment(1);
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let trusted = (gateway.trusts_proxy)(peer.ip().to_canonical());
    let origin = websocket_origin(gateway.public_url.as_deref(), seen(&headers, trusted));
    let page = headers.get(ORIGIN).map(|page| page.to_str().unwrap_or_default());
    if !may_open(&gateway.allowed_origins, &origin, page) {
        metrics::counter!("plenum_messaging_refused_total").increment(1);
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade.on_upgrade(move |socket, gate| async move { serve(gateway, origin, unknown, socket, gate).await })
}

fn place(gateway: &Gateway, address: Option<IpAddr>) -> Option<Stranger> {
    let share = match address {
        Some(address) => Some(gateway.strangers_of.take(address)?),
        None => None,
    };
    Some((share, gateway.strangers.clone().try_acquire_owned().ok()?))
}

fn seen(headers: &HeaderMap, trusted: bool) -> Seen<'_> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Seen {
        host: text("host"),
        forwarded_host: text("x-forwarded-host"),
        forwarded_proto: text("x-forwarded-proto"),
        trusted,
    }
}

#[instrument(skip_all)]
async fn serve(gateway: Gateway, origin: String, unknown: Stranger, socket: Socket, gate: Gate) {
    metrics::gauge!("plenum_messaging_sockets").increment(1);
    let (sink, mut stream) = socket.split();
    let now = Instant::now();
    let mut connection = Connection {
        session: Session::new(now, gateway.nats.clone()),
        gateway,
        origin,
        gate,
        sink,
        chunk: None,
        unflushed: false,
        moved: now,
        unknown: Some(unknown),
        link: None,
        farewell: None,
    };
    let why = connection.run(&mut stream).await;
    debug!(%why, "messaging socket is closed");
    connection.end(&mut stream).await;
    metrics::gauge!("plenum_messaging_sockets").decrement(1);
}

struct Connection {
    gateway: Gateway,
    origin: String,
    gate: Gate,
    sink: SplitSink<Socket, Message>,
    session: Session,
    /// What is next to be written, once the socket takes it.
    chunk: Option<Bytes>,
    /// Something was written that may not have left yet.
    unflushed: bool,
    /// When the socket last took something, or had nothing to take.
    moved: Instant,
    /// One of the places for sockets that have not said yet whose they are.
    unknown: Option<Stranger>,
    link: Option<SocketLink>,
    farewell: Option<Instant>,
}

impl Connection {
    /// Reads while it writes: a browser on a slow line goes on being heard, and answered in between.
    async fn run(&mut self, stream: &mut SplitStream<Socket>) -> CloseReason {
        let mut stopping = self.gateway.stopping.clone();
        loop {
            while let Some(event) = self.session.poll_event() {
                if let Event::Close(why) = event {
                    return self.finish(why).await;
                }
                self.handle(event).await;
            }
            if self.chunk.is_none() {
                self.chunk = self.session.poll_transmit();
            }
            let writing = self.chunk.is_some() || self.unflushed;
            if !writing {
                self.moved = Instant::now();
            }
            let stalled = writing.then(|| self.moved + STALL_TIMEOUT);
            let due = self.session.poll_timeout().into_iter().chain(self.farewell).chain(stalled).min();
            let wake = async {
                match due {
                    Some(due) => sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            let takes_more = self.farewell.is_none() && self.session.queued_bytes() < QUEUE_BYTES;
            tokio::select! {
                frame = stream.next() => match frame {
                    Some(Ok(Message::Binary(bytes))) => self.session.handle_bytes(Instant::now(), &bytes),
                    Some(Ok(Message::Text(text))) => self.session.handle_bytes(Instant::now(), text.as_bytes()),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return CloseReason::Ended,
                },
                written = write(&mut self.sink, &mut self.chunk), if writing => {
                    let Ok(written) = written else { return CloseReason::Ended };
                    self.unflushed = written == Written::Chunk;
                    self.moved = Instant::now();
                },
                word = next_word(&mut self.link, takes_more) => match word {
                    Word::Down(down) => self.handle_down(down),
                    Word::Taken(receipt) => self.session.confirm(receipt),
                    Word::Abandoned => return CloseReason::SlowConsumer,
                },
                () = wake => self.session.handle_timeout(Instant::now()),
                _ = stopping.wait_for(|stopping| *stopping) => return CloseReason::Ended,
            }
            let now = Instant::now();
            if stalled.is_some_and(|due| due <= now) && self.moved + STALL_TIMEOUT <= now {
                return CloseReason::SlowConsumer;
            }
            if self.farewell.is_some_and(|due| due <= now) {
                self.session.close(CloseReason::Ended);
            }
        }
    }

    /// The session said that it is over once all it had to say was polled: writes what is in hand.
    async fn finish(&mut self, why: CloseReason) -> CloseReason {
        if let Some(chunk) = self.chunk.take() {
            // Whoever does not listen misses it.
            let _ = timeout(LAST_WORDS_TIMEOUT, self.sink.send(Message::Binary(chunk))).await;
        }
        why
    }

    async fn handle(&mut self, event: Event) {
        if let Event::Authenticate { token, .. } = event {
            return self.authenticate(&token).await;
        }
        let Some(link) = &self.link else { return };
        match event {
            Event::Worker { channel: Worker::JetStream, payload, receipt } => {
                link.worker(payload, receipt.unwrap_or_default()).await;
            }
            Event::Worker { channel: Worker::Core, payload, .. } => link.report(payload).await,
            Event::Authenticate { .. } | Event::Close(_) => {}
            Event::Publish { subject, payload } => link.publish(room_subject(subject), payload).await,
            Event::TooLarge { subject } => link.oversized(room_subject(subject)).await,
            Event::Credit { available } => link.credit(available).await,
            Event::Ack { stream_seq } if stream_seq >= FAREWELL_SEQ => self.session.close(CloseReason::Ended),
            Event::Ack { stream_seq } | Event::Term { stream_seq } => link.ack(stream_seq).await,
            Event::Nak { stream_seq, delay } => link.nak(stream_seq, delay).await,
            Event::Working { stream_seq } => link.working(stream_seq).await,
        }
    }

    async fn authenticate(&mut self, token: &str) {
        match self.gateway.meetings.open_socket(token, self.origin.clone()).await {
            Ok(link) => {
                let bound =
                    Bound { room: link.room().to_string(), user: link.user().to_string(), admitted: link.admitted() };
                self.gate.open();
                self.session.accept(Instant::now(), bound);
                self.link = Some(link);
                self.unknown = None;
            }
            // Not its token is wrong, so it is not told that it is: its browser tries again in a moment.
            Err(OpenError::TooOften) => self.session.close(CloseReason::Ended),
            Err(reason) => {
                debug!(%reason, "messaging socket is refused");
                metrics::counter!("plenum_messaging_refused_total").increment(1);
                self.session.reject(Instant::now());
            }
        }
    }

    fn handle_down(&mut self, first: Option<Down>) {
        let mut next = first;
        for _ in 0..BATCH {
            match next {
                None => return self.session.close(CloseReason::Ended),
                Some(Down::Deliver(delivery)) => self.deliver(delivery),
                Some(Down::Forward(message)) => self.forward(&message),
                Some(Down::Admitted(admitted)) => self.session.set_admitted(admitted),
                Some(Down::Hangup(farewell)) => return self.hangup(farewell),
            }
            if self.session.queued_bytes() >= QUEUE_BYTES {
                return;
            }
            match self.link.as_mut().and_then(|link| link.down.try_recv()) {
                Some(down) => next = Some(down),
                None => return,
            }
        }
    }

    fn forward(&mut self, message: &meeting::CoreMessage) {
        self.session.publish(&CoreMessage {
            subject: nats_subject(message.subject).into(),
            from: message.from.as_ref().map(|from| from.as_str().into()),
            payload: message.payload.clone(),
        });
    }

    fn deliver(&mut self, delivery: meeting::Delivery) {
        let delivery = Delivery {
            subject: match delivery.route {
                Route::Public => DeliverySubject::Public,
                Route::Private => DeliverySubject::Private,
            },
            stream_seq: delivery.stream_seq,
            consumer_seq: delivery.consumer_seq,
            deliveries: delivery.deliveries,
            timestamp_ns: delivery.unix_ms.saturating_mul(1_000_000),
            pending: delivery.pending,
            payload: delivery.payload,
            from: delivery.from.as_ref().map(|from| from.as_str().into()),
        };
        if self.session.deliver(Instant::now(), delivery).is_err() {
            // The room only sends against credit; a client that takes it back gets the message again after the wait.
            debug!("a message found no open pull");
        }
    }

    fn hangup(&mut self, farewell: Option<Farewell>) {
        let Some(farewell) = farewell else { return self.session.close(CloseReason::Ended) };
        let last = Delivery {
            subject: DeliverySubject::Private,
            stream_seq: FAREWELL_SEQ,
            consumer_seq: FAREWELL_SEQ,
            deliveries: 1,
            timestamp_ns: 0,
            pending: 0,
            payload: farewell.payload,
            from: None,
        };
        let now = Instant::now();
        if self.session.deliver(now, last).is_err() {
            return self.session.close(CloseReason::Ended);
        }
        self.farewell = Some(now + FAREWELL_TIMEOUT);
    }

    async fn end(mut self, stream: &mut SplitStream<Socket>) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
        let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        closing::say_goodbye(Message::Close(Some(close)), &mut self.sink, stream).await;
    }
}

/// The next word from the room; never, while the socket belongs to nobody.
async fn next_word(link: &mut Option<SocketLink>, takes_more: bool) -> Word {
    match link {
        Some(link) => link.down.next(takes_more).await,
        None => std::future::pending().await,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// A chunk is on its way.
    Chunk,
    /// Everything has left.
    Everything,
}

/// One step of writing: hands over the chunk if there is one, else sees everything out. May be dropped at any time.
async fn write(sink: &mut SplitSink<Socket, Message>, chunk: &mut Option<Bytes>) -> Result<Written, WriteError> {
    poll_fn(|cx| {
        if chunk.is_none() {
            return sink.poll_flush_unpin(cx).map_ok(|()| Written::Everything);
        }
        ready!(sink.poll_ready_unpin(cx))?;
        if let Some(chunk) = chunk.take() {
            sink.start_send_unpin(Message::Binary(chunk))?;
        }
        Poll::Ready(Ok(Written::Chunk))
    })
    .await
}

const fn room_subject(subject: nats::ClientSubject) -> ClientSubject {
    match subject {
        nats::ClientSubject::Chat => ClientSubject::Chat,
        nats::ClientSubject::Whiteboard => ClientSubject::Whiteboard,
        nats::ClientSubject::DataChannel => ClientSubject::Data,
    }
}

const fn nats_subject(subject: ClientSubject) -> nats::ClientSubject {
    match subject {
        ClientSubject::Chat => nats::ClientSubject::Chat,
        ClientSubject::Whiteboard => nats::ClientSubject::Whiteboard,
        ClientSubject::Data => nats::ClientSubject::DataChannel,
    }
}
