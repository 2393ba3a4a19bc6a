//! The loop of a shard: sockets, queues and timers around an [`Engine`].

use crate::config::MediaConfig;
use crate::engine::{Datagram, Engine};
use crate::plane::{Order, Signal, Wake};
use crate::socket::{Outgoing, Sockets};
use crate::streams::StreamDoor;
use crate::ways::Ways;
use mio::{Events, Poll, Token, Waker};
use ports::media::MediaEvent;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

/// Longest sleep of the loop.
const IDLE: Duration = Duration::from_millis(500);

/// Orders and signalling messages per turn, so that media is never kept waiting.
const ORDERS_PER_TURN: usize = 64;

/// Receive calls per turn and socket.
const RECEIVES_PER_TURN: usize = 8;

/// A thread that was started.
pub(crate) struct Spawned {
    /// Wakes it.
    pub(crate) wake: Wake,
    /// Brings it TCP connections.
    pub(crate) door: StreamDoor,
    /// To see whether it still runs.
    pub(crate) thread: JoinHandle<()>,
    /// Where clients send datagrams.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Binds the sockets and starts the thread.
pub(crate) fn spawn(
    config: &MediaConfig,
    orders: mpsc::Receiver<Order>,
    signals: mpsc::Receiver<Signal>,
    events: mpsc::Sender<MediaEvent>,
) -> io::Result<Spawned> {
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), Token(0))?);
    let wake = Wake(Arc::clone(&waker));
    let (door, streams) = StreamDoor::new(wake.clone());
    let mut sockets = Sockets::bind(config)?;
    sockets.register(poll.registry(), 1)?;
    let addresses: Vec<SocketAddr> = config
        .addresses()
        .into_iter()
        .filter(|address| sockets.serves(address))
        .map(|address| SocketAddr::new(address, sockets.port()))
        .collect();
    tracing::info!(port = sockets.port(), addresses = addresses.len(), "media plane listens");
    let told = addresses.clone();
    let turn = config.turn.as_ref().map(|turn| turn.server(&addresses));
    let ways = Ways::new(&addresses, streams, turn, Instant::now());
    let streams = config.stream_port.iter();
    let streams =
        streams.flat_map(|port| addresses.iter().map(|address| SocketAddr::new(address.ip(), *port))).collect();
    let mut engine =
        Engine::new(addresses, config.seed, events).ok_or_else(|| io::Error::other("no DTLS certificate"))?;
    engine.set_stream_addresses(streams);
    let shard = Shard { poll, _waker: waker, sockets, ways, engine, orders, signals };
    let thread = std::thread::Builder::new().name("media-0".to_owned()).spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| shard.run())).is_err() {
            tracing::error!("the media shard panicked and is gone: media works again after a restart");
        }
    })?;
    Ok(Spawned { wake, door, thread, addresses: told })
}

struct Shard {
    poll: Poll,
    _waker: Arc<Waker>,
    sockets: Sockets,
    ways: Ways,
    engine: Engine,
    orders: mpsc::Receiver<Order>,
    signals: mpsc::Receiver<Signal>,
}

impl Shard {
    fn run(mut self) {
        let mut events = Events::with_capacity(16);
        let mut queue: Vec<Outgoing> = Vec::with_capacity(1024);
        let mut busy = false;
        let packets_in = metrics::counter!("media_datagrams_in_total");
        let packets_out = metrics::counter!("media_datagrams_out_total");
        let unsent = metrics::counter!("media_drops_total", "reason" => "send_queue");
        loop {
            let now = Instant::now();
            let due = [self.engine.poll_timeout(), self.ways.poll_timeout()].into_iter().flatten().min();
            let sleep = due.map_or(IDLE, |at| at.saturating_duration_since(now)).min(IDLE);
            let sleep = if busy { Duration::ZERO } else { sleep };
            // Interrupted or not: everything is looked at anyway.
            let _ = self.poll.poll(&mut events, Some(sleep));
            busy = false;
            for _ in 0..RECEIVES_PER_TURN {
                let (engine, ways) = (&mut self.engine, &mut self.ways);
                let mut count = 0;
                let more = self.sockets.receive(|source, destination, contents| {
                    count += 1;
                    ways.datagram(engine, Instant::now(), Datagram { source, destination, contents });
                });
                packets_in.increment(count);
                busy = more;
                if !more {
                    break;
                }
                self.flush(&mut queue, &packets_out, &unsent);
            }
            busy |= self.ways.take(&mut self.engine, Instant::now());
            match self.take_orders() {
                Some(more) => busy |= more,
                None => return,
            }
            let now = Instant::now();
            self.engine.handle_timeout(now);
            self.ways.handle_timeout(now);
            self.flush(&mut queue, &packets_out, &unsent);
        }
    }

    fn flush(&mut self, queue: &mut Vec<Outgoing>, sent: &metrics::Counter, unsent: &metrics::Counter) {
        let (now, ways) = (Instant::now(), &mut self.ways);
        self.engine.drain(now, &mut |source, destination, contents| {
            ways.send(now, source, destination, contents, queue);
        });
        ways.drain(queue);
        let count = u64::try_from(queue.len()).unwrap_or(u64::MAX);
        let dropped = u64::try_from(self.sockets.send(queue)).unwrap_or(u64::MAX);
        sent.increment(count.saturating_sub(dropped));
        if dropped > 0 {
            unsent.increment(dropped);
        }
    }

    /// `None` when the application is gone; else whether there is more.
    fn take_orders(&mut self) -> Option<bool> {
        let mut more = true;
        for _ in 0..ORDERS_PER_TURN {
            match self.orders.try_recv() {
                Ok(order) => self.engine.order(order, Instant::now()),
                Err(TryRecvError::Empty) => {
                    more = false;
                    break;
                }
                Err(TryRecvError::Disconnected) => return None,
            }
        }
        for _ in 0..ORDERS_PER_TURN {
            match self.signals.try_recv() {
                Ok(signal) => self.engine.signal(signal, Instant::now()),
                Err(_) => return Some(more),
            }
        }
        Some(true)
    }
}
