//! The handle the application holds: turns calls into orders for the shard.

use crate::config::MediaConfig;
use crate::control::Control;
use crate::streams::StreamDoor;
use crate::thread;
use async_trait::async_trait;
use bytes::Bytes;
use model::media::MediaPermission;
use model::{Identity, RoomId};
use ports::media::{
    ConnectError, MediaEvent, MediaJoin, MediaPlane, MuteError, RemoveReason, SIGNAL_QUEUE, SignalDown, SignalLink,
    TrackChoice,
};
use signal::{ClientMessage, Garbage, JoinRequest};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Signalling messages of all clients that wait for the shard; a client whose message finds no room waits.
const SIGNAL_BACKLOG: usize = 4096;

/// Orders that wait for the shard. It takes 64 each turn of some milliseconds, so one that lets so many pile up hangs:
/// further ones are refused, and the plane counts as dead.
const ORDER_BACKLOG: usize = 16 * 1024;

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
    /// The server API's.
    Control(Control),
    Drain {
        reply: oneshot::Sender<()>,
    },
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

/// The application's side.
#[derive(Debug)]
pub struct Plane {
    orders: mpsc::Sender<Order>,
    /// An order found no room.
    overrun: AtomicBool,
    signals: mpsc::Sender<Signal>,
    wake: Wake,
    thread: JoinHandle<()>,
}

/// A media plane that runs.
pub struct Started {
    /// Drives it; its thread ends when this is dropped.
    pub plane: Arc<Plane>,
    /// Tells the meeting what happens.
    pub events: mpsc::Receiver<MediaEvent>,
    /// Takes TCP connections in.
    pub door: StreamDoor,
    /// Where clients send datagrams.
    pub addresses: Vec<SocketAddr>,
}

/// Starts the media plane: binds the port and spawns its thread.
///
/// # Errors
/// The port cannot be bound, or the crypto library makes no certificate.
pub fn start(config: &MediaConfig) -> io::Result<Started> {
    let (orders, orders_end) = mpsc::channel(ORDER_BACKLOG);
    let (signals, signals_end) = mpsc::channel(SIGNAL_BACKLOG);
    let (events, events_end) = mpsc::channel(EVENT_BACKLOG);
    let thread::Spawned { wake, door, thread, addresses } = thread::spawn(config, orders_end, signals_end, events)?;
    let plane = Arc::new(Plane { orders, signals, wake, thread, overrun: AtomicBool::new(false) });
    Ok(Started { plane, events: events_end, door, addresses })
}

impl Plane {
    pub(crate) fn order(&self, order: Order) {
        match self.orders.try_send(order) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => tracing::error!("the media shard is gone"),
            Err(mpsc::error::TrySendError::Full(_)) => {
                if !self.overrun.swap(true, Ordering::Relaxed) {
                    tracing::error!("the media shard hangs: orders are lost, media works again after a restart");
                }
                metrics::counter!("media_drops_total", "reason" => "orders").increment(1);
            }
        }
        self.wake.wake();
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        // Close the queue before waking, so that the shard sees the end.
        let (closed, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.orders, closed));
        self.wake.wake();
    }
}

#[async_trait]
impl MediaPlane for Plane {
    async fn connect(&self, join: MediaJoin) -> Result<SignalLink, ConnectError> {
        let request = JoinRequest::read(&join.request).map_err(|_| ConnectError::Malformed)?;
        let (up, mut up_end) = mpsc::channel::<Bytes>(SIGNAL_QUEUE);
        let (link, down) = mpsc::channel(SIGNAL_QUEUE);
        let (reply, answer) = oneshot::channel();
        self.order(Order::Connect { join: Box::new(join), request, link, reply });
        let (signals, wake) = (self.signals.clone(), self.wake.clone());
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
        joined.await.map_err(|_| ConnectError::Unavailable)??;
        Ok(SignalLink { up, down })
    }

    fn is_alive(&self) -> bool {
        !self.thread.is_finished() && !self.overrun.load(Ordering::Relaxed)
    }

    fn set_permission(&self, room: &RoomId, who: &Identity, permission: MediaPermission) {
        self.order(Order::Permission { room: room.clone(), who: who.clone(), permission });
    }

    fn remove(&self, room: &RoomId, who: &Identity, why: RemoveReason) {
        self.order(Order::Remove { room: room.clone(), who: who.clone(), why });
    }

    fn close_room(&self, room: &RoomId) {
        self.order(Order::Close { room: room.clone() });
    }

    async fn mute(&self, room: &RoomId, who: &Identity, track: TrackChoice, muted: bool) -> Result<(), MuteError> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Mute { room: room.clone(), who: who.clone(), track, muted, reply });
        answer.await.unwrap_or(Err(MuteError::NoParticipant))
    }

    async fn participants(&self, room: &RoomId) -> Vec<Bytes> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Participants { room: room.clone(), reply });
        answer.await.unwrap_or_default()
    }

    async fn drain(&self) {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Drain { reply });
        // A shard that is gone is drained.
        let _ = answer.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_whose_thread_ended_says_so() {
        let config = MediaConfig {
            port: 0,
            bind: Some(std::net::Ipv4Addr::LOCALHOST.into()),
            advertise: Vec::new(),
            include_loopback: true,
            seed: 1,
            stream_port: None,
            dscp: None,
            turn: None,
        };
        let (orders, orders_end) = mpsc::channel(1);
        let (signals, signals_end) = mpsc::channel(1);
        let (events, _events_end) = mpsc::channel(64);
        let thread::Spawned { wake, thread, .. } = thread::spawn(&config, orders_end, signals_end, events).unwrap();
        let mut plane = Plane { orders, signals, wake, thread, overrun: AtomicBool::new(false) };
        assert!(plane.is_alive());

        plane.orders = mpsc::channel(1).0;
        plane.wake.wake();
        while !plane.thread.is_finished() {
            std::thread::yield_now();
        }

        assert!(!plane.is_alive());
    }

    #[tokio::test]
    async fn a_join_that_nobody_waits_for_leaves_no_ghost() {
        let (orders, mut orders_end) = mpsc::channel(1);
        let (signals, mut signals_end) = mpsc::channel(4);
        let poll = mio::Poll::new().unwrap();
        let wake = Wake(Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap()));
        let plane = Plane { orders, signals, wake, thread: std::thread::spawn(|| {}), overrun: AtomicBool::new(false) };
        let join = MediaJoin {
            room: RoomId::try_from("room").unwrap(),
            session: model::SessionId::try_from("session").unwrap(),
            identity: Identity::try_from("ann").unwrap(),
            name: String::new(),
            metadata: String::new(),
            attributes: std::collections::BTreeMap::new(),
            permission: MediaPermission {
                publish: model::media::Sources::all(),
                subscribe: true,
                publish_data: true,
                hidden: false,
                moderator: false,
                cameras: model::media::CameraView::Everyone,
            },
            request: Bytes::new(),
            topology: ports::media::Topology::Single,
            relays: Vec::new(),
            relay_only: false,
        };

        let asked = tokio::select! {
            biased;
            _ = plane.connect(join) => None,
            order = orders_end.recv() => order,
        };
        let Some(Order::Connect { reply, .. }) = asked else { panic!("an order") };
        reply.send(Ok(7)).unwrap();

        assert!(matches!(signals_end.recv().await, Some(Signal::Lost(7))));

        // Nobody takes orders any more.
        let room = RoomId::try_from("room").unwrap();
        plane.close_room(&room);
        assert!(!plane.overrun.load(Ordering::Relaxed));
        plane.close_room(&room);
        assert!(plane.overrun.load(Ordering::Relaxed) && !plane.is_alive());
    }
}
