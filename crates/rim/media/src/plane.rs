//! The handle the application holds: turns calls into orders for the shard that has the room.

use crate::config::MediaConfig;
use crate::control::Control;
use crate::engine::refused;
use crate::inbox::Inbox;
use crate::reach::{Place, Reach};
use crate::registry::{Registry, ShardIndex};
use crate::streams::StreamDoor;
use crate::thread::{self, Running, Spawned};
use async_trait::async_trait;
use bytes::Bytes;
use model::media::MediaPermission;
use model::{Identity, RoomId};
use ports::media::inside::{INSIDE_ORDERS, INSIDE_QUEUE, InsideJoin, InsideOrder, Insider, ItemSender, items};
use ports::media::report::{Page, RoomReport, RoomSummary};
use ports::media::{
    ConnectError, MediaEvent, MediaJoin, MediaPlane, MuteError, RemoveReason, SIGNAL_QUEUE, SignalDown, SignalLink,
    TrackChoice,
};
use signal::{ClientMessage, Garbage, JoinRequest};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant as Deadline, timeout, timeout_at};

/// Signalling messages of all clients that wait for the shard; a client whose message finds no room waits.
const SIGNAL_BACKLOG: usize = 4096;

/// Orders that wait for the shard. It takes up to 64 each turn of some milliseconds, so one that lets so many pile up hangs:
/// until it has less, further ones are refused, and the plane counts as dead.
const ORDER_BACKLOG: usize = 16 * 1024;

/// So many more find room if nobody would hear that they are refused: somebody would go on who must not.
const COMMAND_BACKLOG: usize = 112 * 1024;

/// So long an answer of a shard is waited for: it has them within milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Events that wait for the application; one that lags by more misses the newest.
const EVENT_BACKLOG: usize = 64 * 1024;

/// What the shard is told.
#[derive(Debug)]
pub(crate) enum Order {
    Connect {
        join: Box<MediaJoin>,
        request: JoinRequest,
        link: LinkEnd,
        reply: oneshot::Sender<Result<LinkId, ConnectError>>,
    },
    Permission {
        room: RoomId,
        who: Identity,
        permission: MediaPermission,
    },
    Remove {
        room: RoomId,
        who: Identity,
        why: RemoveReason,
    },
    Close {
        room: RoomId,
    },
    Mute {
        room: RoomId,
        who: Identity,
        track: TrackChoice,
        muted: bool,
        reply: oneshot::Sender<Result<(), MuteError>>,
    },
    Participants {
        room: RoomId,
        reply: oneshot::Sender<Vec<Bytes>>,
    },
    /// Would that be refused?
    Refusal {
        join: Box<MediaJoin>,
        reply: oneshot::Sender<Option<ConnectError>>,
    },
    /// What clients who come from now on are told.
    Reach(Reach),
    /// The server API's.
    Control(Control),
    Enter {
        join: Box<InsideJoin>,
        items: ItemSender,
        reply: oneshot::Sender<Result<LinkId, ConnectError>>,
    },
    Rooms {
        reply: oneshot::Sender<Vec<RoomSummary>>,
    },
    Report {
        room: RoomId,
        page: Page,
        reply: oneshot::Sender<Option<RoomReport>>,
    },
    Drain {
        reply: oneshot::Sender<()>,
    },
    /// Breaks, as a bug would.
    #[cfg(test)]
    Panic,
}

impl Order {
    /// Whether it must not be refused: whoever gives it could do nothing else.
    const fn is_command(&self) -> bool {
        match self {
            Self::Permission { .. }
            | Self::Remove { .. }
            | Self::Close { .. }
            | Self::Mute { .. }
            | Self::Reach(_)
            | Self::Drain { .. } => true,
            Self::Connect { .. }
            | Self::Participants { .. }
            | Self::Refusal { .. }
            | Self::Control(_)
            | Self::Enter { .. }
            | Self::Rooms { .. }
            | Self::Report { .. } => false,
            #[cfg(test)]
            Self::Panic => false,
        }
    }
}

/// One signalling socket in the life of the shard.
pub(crate) type LinkId = u64;

/// The shard's end of a signalling socket.
pub(crate) type LinkEnd = mpsc::Sender<SignalDown>;

/// What came over a signalling socket.
#[derive(Debug)]
pub(crate) enum Signal {
    Message(LinkId, Result<ClientMessage, Garbage>),
    Lost(LinkId),
    /// An insider wants something.
    Inside(LinkId, InsideOrder),
    /// An insider let go.
    InsideGone(LinkId),
}

/// Wakes the shard out of its poll.
#[derive(Debug, Clone)]
pub(crate) struct Wake(pub(crate) Arc<mio::Waker>);

impl Wake {
    pub(crate) fn wake(&self) {
        // The only failure is a shard that is gone; its queues say so.
        let _ = self.0.wake();
    }
}

/// The application's ends of a shard's queues.
#[derive(Debug)]
pub(crate) struct Shard {
    orders: mpsc::Sender<Order>,
    signals: mpsc::Sender<Signal>,
    thread: Running,
    /// Orders were refused lately.
    overrun: AtomicBool,
}

impl Shard {
    fn new(orders: mpsc::Sender<Order>, signals: mpsc::Sender<Signal>, thread: Running) -> Self {
        Self { orders, signals, thread, overrun: AtomicBool::new(false) }
    }

    /// So much waits that it must hang.
    fn is_behind(&self) -> bool {
        self.orders.capacity() <= COMMAND_BACKLOG
    }

    /// `false` if the order is lost.
    fn order(&self, order: Order) -> bool {
        if self.is_behind() && !order.is_command() {
            self.refuse();
            return false;
        }
        let sent = self.orders.try_send(order);
        match &sent {
            Ok(()) if self.overrun.load(Ordering::Relaxed) && !self.is_behind() => {
                if self.overrun.swap(false, Ordering::Relaxed) {
                    tracing::warn!("the media shard takes orders again");
                }
            }
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => tracing::error!("the media shard is gone"),
            Err(mpsc::error::TrySendError::Full(_)) => self.refuse(),
        }
        self.thread.wake.wake();
        sent.is_ok()
    }

    fn refuse(&self) {
        if !self.overrun.swap(true, Ordering::Relaxed) {
            tracing::error!("the media shard is far behind or hangs: orders are refused until it goes on");
        }
        metrics::counter!("media_drops_total", "reason" => "orders").increment(1);
    }
}

/// The application's side.
#[derive(Debug)]
pub struct Plane {
    pub(crate) shards: Vec<Shard>,
    pub(crate) registry: Arc<Registry>,
    place: Place,
}

/// A media plane that runs.
pub struct Started {
    /// Drives it; its threads end when this is dropped.
    pub plane: Arc<Plane>,
    /// Tells the meeting what happens.
    pub events: mpsc::Receiver<MediaEvent>,
    /// Takes TCP connections in.
    pub door: StreamDoor,
    /// Where clients send datagrams.
    pub addresses: Vec<SocketAddr>,
}

/// Starts the media plane: binds the port and spawns its threads.
///
/// # Errors
/// The port cannot be bound, or the crypto library makes no certificate.
pub fn start(config: &MediaConfig) -> io::Result<Started> {
    let (events, events_end) = mpsc::channel(EVENT_BACKLOG);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..config.shards() {
        let (orders, orders_end) = mpsc::channel(ORDER_BACKLOG + COMMAND_BACKLOG);
        let (signals, signals_end) = mpsc::channel(SIGNAL_BACKLOG);
        ours.push((orders, signals));
        theirs.push(Inbox { orders: orders_end, signals: signals_end });
    }
    let registry = Arc::new(Registry::new(ours.len()));
    let Spawned { threads, door, place, addresses } = thread::spawn(config, theirs, &registry, &events)?;
    let shard = |((orders, signals), thread)| Shard::new(orders, signals, thread);
    let shards = ours.into_iter().zip(threads).map(shard).collect();
    let plane = Plane { shards, registry, place };
    Ok(Started { plane: Arc::new(plane), events: events_end, door, addresses })
}

/// The answer of a shard; `None` if it is gone, or does not answer for so long that it must hang.
pub(crate) async fn answered<T>(answer: oneshot::Receiver<T>) -> Option<T> {
    timeout(PATIENCE, answer).await.ok()?.ok()
}

impl Plane {
    /// Clients who come from now on are told of those addresses. Returns where they send datagrams; empty if there is a socket at
    /// none of them, and then nothing changes.
    pub fn set_addresses(&self, addresses: &[IpAddr]) -> Vec<SocketAddr> {
        let reach = self.place.reach(addresses);
        if !reach.datagrams.is_empty() {
            for shard in 0..self.shards.len() {
                self.order(shard, Order::Reach(reach.clone()));
            }
        }
        reach.datagrams
    }

    /// The shard for somebody who comes, or for a room that is made. Whoever carries the order out reports it back.
    pub(crate) fn place(&self, room: &RoomId) -> ShardIndex {
        self.registry.place(room, |shard| self.runs(shard))
    }

    /// Orders something of the shard that has the room; of none, if there is no such room. Whether it has the order.
    fn order_of_room(&self, room: &RoomId, order: Order) -> bool {
        self.registry.find(room).is_some_and(|shard| self.order(shard, order))
    }

    /// Whether the shard has the order now.
    pub(crate) fn order(&self, shard: ShardIndex, order: Order) -> bool {
        self.shards.get(shard).is_some_and(|shard| shard.order(order))
    }

    fn runs(&self, shard: ShardIndex) -> bool {
        self.shards.get(shard).is_some_and(|shard| !shard.thread.thread.is_finished())
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        for shard in self.shards.drain(..) {
            // Close the queue before waking, so that the shard sees the end.
            drop(shard.orders);
            shard.thread.wake.wake();
        }
    }
}

#[async_trait]
impl MediaPlane for Plane {
    async fn connect(&self, join: MediaJoin) -> Result<SignalLink, ConnectError> {
        let request = JoinRequest::read(&join.request).map_err(|_| {
            refused("malformed");
            ConnectError::Malformed
        })?;
        let (up, mut up_end) = mpsc::channel::<Bytes>(SIGNAL_QUEUE);
        let (link, down) = mpsc::channel(SIGNAL_QUEUE);
        let (reply, answer) = oneshot::channel();
        let room = join.room.clone();
        let place = self.place(&room);
        if !self.order(place, Order::Connect { join: Box::new(join), request, link, reply }) {
            self.registry.arrived(&room, place, false);
        }
        let shard = self.shards.get(place).ok_or(ConnectError::Unavailable)?;
        let (signals, wake) = (shard.signals.clone(), shard.thread.wake.clone());
        let (told, joined) = oneshot::channel();
        // In a task of its own, because whoever asked may be gone before the answer comes; then `up` is too.
        tokio::spawn(async move {
            let joined = answer.await.unwrap_or(Err(ConnectError::Unavailable));
            // Nobody may listen any more.
            let _ = told.send(joined.map(drop));
            let Ok(id) = joined else { return };
            while let Some(message) = up_end.recv().await {
                // Read here: the shard has no time for long messages.
                let message = ClientMessage::read(&message);
                if signals.send(Signal::Message(id, message)).await.is_err() {
                    return;
                }
                wake.wake();
            }
            // The shard may be gone; then nobody cares.
            let _ = signals.send(Signal::Lost(id)).await;
            wake.wake();
        });
        answered(joined).await.ok_or(ConnectError::Unavailable)??;
        Ok(SignalLink { up, down })
    }

    fn is_alive(&self) -> bool {
        let now = Instant::now();
        let goes_round = |shard: &Shard| shard.thread.pulse.is_felt(now) && !shard.is_behind();
        (0..self.shards.len()).all(|shard| self.runs(shard)) && self.shards.iter().all(goes_round)
    }

    async fn refusal(&self, join: &MediaJoin) -> Option<ConnectError> {
        // Of a room that is not there nothing is known but what is true of the shard that would get it.
        let shard = self.registry.likely(&join.room, |shard| self.runs(shard));
        let (reply, answer) = oneshot::channel();
        self.order(shard, Order::Refusal { join: Box::new(join.clone()), reply });
        answered(answer).await.unwrap_or(Some(ConnectError::Unavailable))
    }

    fn set_permission(&self, room: &RoomId, who: &Identity, permission: MediaPermission) {
        self.order_of_room(room, Order::Permission { room: room.clone(), who: who.clone(), permission });
    }

    fn remove(&self, room: &RoomId, who: &Identity, why: RemoveReason) {
        self.order_of_room(room, Order::Remove { room: room.clone(), who: who.clone(), why });
    }

    fn close_room(&self, room: &RoomId) {
        self.order_of_room(room, Order::Close { room: room.clone() });
    }

    async fn mute(&self, room: &RoomId, who: &Identity, track: TrackChoice, muted: bool) -> Result<(), MuteError> {
        let (reply, answer) = oneshot::channel();
        if !self.order_of_room(room, Order::Mute { room: room.clone(), who: who.clone(), track, muted, reply }) {
            return Err(MuteError::NoParticipant);
        }
        answered(answer).await.unwrap_or(Err(MuteError::Unanswered))
    }

    async fn participants(&self, room: &RoomId) -> Vec<Bytes> {
        let (reply, answer) = oneshot::channel();
        self.order_of_room(room, Order::Participants { room: room.clone(), reply });
        answered(answer).await.unwrap_or_default()
    }

    async fn enter(&self, join: InsideJoin) -> Result<Insider, ConnectError> {
        let (orders, mut wanted) = mpsc::channel(INSIDE_ORDERS);
        let (sender, items) = items(INSIDE_QUEUE);
        let (reply, answer) = oneshot::channel();
        let room = join.room.clone();
        let place = self.place(&room);
        if !self.order(place, Order::Enter { join: Box::new(join), items: sender, reply }) {
            self.registry.arrived(&room, place, false);
        }
        let shard = self.shards.get(place).ok_or(ConnectError::Unavailable)?;
        let (signals, wake) = (shard.signals.clone(), shard.thread.wake.clone());
        let (told, entered) = oneshot::channel();
        // In a task of its own, because whoever asked may be gone before the answer comes; then `orders` is too.
        tokio::spawn(async move {
            let entered = answer.await.unwrap_or(Err(ConnectError::Unavailable));
            // Nobody may listen any more.
            let _ = told.send(entered.map(drop));
            let Ok(link) = entered else { return };
            while let Some(order) = wanted.recv().await {
                if signals.send(Signal::Inside(link, order)).await.is_err() {
                    return;
                }
                wake.wake();
            }
            // The shard may be gone; then nobody cares.
            let _ = signals.send(Signal::InsideGone(link)).await;
            wake.wake();
        });
        answered(entered).await.ok_or(ConnectError::Unavailable)??;
        Ok(Insider { orders, items })
    }

    async fn rooms(&self) -> Vec<RoomSummary> {
        let mut answers = Vec::new();
        for shard in 0..self.shards.len() {
            let (reply, answer) = oneshot::channel();
            self.order(shard, Order::Rooms { reply });
            answers.push(answer);
        }
        let mut rooms = Vec::new();
        let deadline = Deadline::now() + PATIENCE;
        for answer in answers {
            rooms.extend(timeout_at(deadline, answer).await.ok().and_then(Result::ok).unwrap_or_default());
        }
        rooms.sort_unstable_by(|a: &RoomSummary, b| a.room.cmp(&b.room));
        rooms
    }

    async fn report(&self, room: &RoomId, page: Page) -> Option<RoomReport> {
        let (reply, answer) = oneshot::channel();
        self.order_of_room(room, Order::Report { room: room.clone(), page, reply });
        answered(answer).await.unwrap_or_default()
    }

    async fn drain(&self) {
        let mut answers = Vec::new();
        for shard in 0..self.shards.len() {
            let (reply, answer) = oneshot::channel();
            self.order(shard, Order::Drain { reply });
            answers.push(answer);
        }
        for answer in answers {
            // A shard that is gone is drained.
            let _ = answer.await;
        }
    }
}

#[cfg(test)]
mod tests;
