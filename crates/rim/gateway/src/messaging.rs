//! `/nats`: one browser's messaging socket. Bytes to the protocol machine, its events to the room, the room's messages
//! back.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use meeting::origin::{Seen, websocket_origin};
use meeting::{ClientSubject, Down, Farewell, Route, SocketLink};
use model::Share;
use nats::{Bound, CloseReason, CoreMessage, Delivery, DeliverySubject, Event, Session, Worker};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep_until, timeout_at};
use tracing::{debug, instrument};

use crate::{Gateway, closing};

/// Largest WebSocket message read; larger NATS messages come in several.
const MAX_FRAME: usize = 9 * 1024 * 1024;
/// A browser that does not take what is ready in this time is gone; 32 MiB at 8 Mbit/s fit.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// From this much waiting on, what the next message replaces anyway is left out (meeting-protocol.md section 2.8).
const SLOW_BYTES: usize = 1024 * 1024;
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
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(unknown) = place(&gateway, (gateway.client_address)(peer.ip(), &headers)) else {
        metrics::counter!("plenum_messaging_refused_total").increment(1);
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let trusted = (gateway.trusts_proxy)(peer.ip().to_canonical());
    let origin = websocket_origin(gateway.public_url.as_deref(), seen(&headers, trusted));
    upgrade
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| async move { serve(gateway, origin, unknown, socket).await })
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
async fn serve(gateway: Gateway, origin: String, unknown: Stranger, socket: WebSocket) {
    metrics::gauge!("plenum_messaging_sockets").increment(1);
    let (sink, mut stream) = socket.split();
    let session = Session::new(Instant::now(), gateway.nats.clone());
    let mut connection =
        Connection { gateway, origin, sink, session, unknown: Some(unknown), link: None, farewell: None };
    let why = connection.run(&mut stream).await;
    debug!(%why, "messaging socket is closed");
    connection.end(&mut stream).await;
    metrics::gauge!("plenum_messaging_sockets").decrement(1);
}

struct Connection {
    gateway: Gateway,
    origin: String,
    sink: SplitSink<WebSocket, Message>,
    session: Session,
    unknown: Option<Stranger>,
    link: Option<SocketLink>,
    farewell: Option<Instant>,
}

impl Connection {
    async fn run(&mut self, stream: &mut SplitStream<WebSocket>) -> CloseReason {
        let mut stopping = self.gateway.stopping.clone();
        loop {
            if let Some(why) = self.settle().await {
                return why;
            }
            let due = self.session.poll_timeout().into_iter().chain(self.farewell).min();
            let wake = async {
                match due {
                    Some(due) => sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                frame = stream.next() => match frame {
                    Some(Ok(Message::Binary(bytes))) => self.session.handle_bytes(Instant::now(), &bytes),
                    Some(Ok(Message::Text(text))) => self.session.handle_bytes(Instant::now(), text.as_bytes()),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return CloseReason::Ended,
                },
                down = next_down(&mut self.link), if self.farewell.is_none() => self.handle_down(down),
                () = wake => self.session.handle_timeout(Instant::now()),
                _ = stopping.wait_for(|stopping| *stopping) => return CloseReason::Ended,
            }
            if self.farewell.is_some_and(|due| due <= Instant::now()) {
                self.session.close(CloseReason::Ended);
            }
        }
    }

    /// Writes what is ready and handles what the client said, until neither is left.
    async fn settle(&mut self) -> Option<CloseReason> {
        let due = tokio::time::Instant::now() + WRITE_TIMEOUT;
        loop {
            let mut wrote = false;
            while let Some(chunk) = self.session.poll_transmit() {
                wrote = true;
                match timeout_at(due, self.sink.feed(Message::Binary(chunk))).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return Some(CloseReason::SlowConsumer),
                }
            }
            if wrote && !matches!(timeout_at(due, self.sink.flush()).await, Ok(Ok(()))) {
                return Some(CloseReason::SlowConsumer);
            }
            let Some(event) = self.session.poll_event() else {
                if wrote {
                    continue;
                }
                return None;
            };
            if let Event::Close(why) = event {
                return Some(why);
            }
            self.handle(event).await;
        }
    }

    async fn handle(&mut self, event: Event) {
        if let Event::Authenticate { token, .. } = event {
            return self.authenticate(&token).await;
        }
        let Some(link) = &self.link else { return };
        match event {
            Event::Worker { channel: Worker::JetStream, payload } => link.worker(payload).await,
            // Only analytics may come on the unreliable subject (rule I5), and they are not collected yet by rooms.
            Event::Worker { channel: Worker::Core, .. } | Event::Authenticate { .. } | Event::Close(_) => {}
            Event::Publish { subject, payload } => link.publish(room_subject(subject), payload).await,
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
                self.session.accept(Instant::now(), bound);
                self.link = Some(link);
                self.unknown = None;
            }
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
                Some(Down::Hangup(farewell)) => return self.hangup(farewell),
            }
            match self.link.as_mut().and_then(|link| link.down.try_recv()) {
                Some(down) => next = Some(down),
                None => return,
            }
        }
    }

    fn forward(&mut self, message: &meeting::CoreMessage) {
        if message.droppable && self.session.queued_bytes() > SLOW_BYTES {
            metrics::counter!("plenum_movements_dropped_total").increment(1);
            return;
        }
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
        };
        let now = Instant::now();
        if self.session.deliver(now, last).is_err() {
            return self.session.close(CloseReason::Ended);
        }
        self.farewell = Some(now + FAREWELL_TIMEOUT);
    }

    async fn end(mut self, stream: &mut SplitStream<WebSocket>) {
        if let Some(link) = self.link.take() {
            link.close().await;
        }
        closing::say_goodbye(&mut self.sink, stream).await;
    }
}

/// The next word from the room; never, while the socket belongs to nobody.
async fn next_down(link: &mut Option<SocketLink>) -> Option<Down> {
    match link {
        Some(link) => link.down.recv().await,
        None => std::future::pending().await,
    }
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
