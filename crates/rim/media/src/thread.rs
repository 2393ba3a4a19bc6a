//! The loop of each shard: sockets, queues and timers around an [`Engine`].

use crate::config::MediaConfig;
use crate::engine::{Datagram, Engine};
use crate::neighbours::{self, Neighbours};
use crate::plane::{Order, Signal, Wake};
use crate::registry::{Registry, ShardIndex};
use crate::socket::{Outgoing, Sockets};
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

/// Batches from other shards per turn.
const LETTERS_PER_TURN: usize = 64;

/// Receive calls per turn and socket.
const RECEIVES_PER_TURN: usize = 8;

/// The shard's ends of the queues.
pub(crate) struct Queues {
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) signals: mpsc::Receiver<Signal>,
}

/// One thread that was started.
#[derive(Debug)]
pub(crate) struct Spawned {
    /// Wakes it.
    pub(crate) wake: Wake,
    /// To see whether it still runs.
    pub(crate) thread: JoinHandle<()>,
}

/// Binds the sockets and starts a shard for each of the queues.
pub(crate) fn spawn(
    config: &MediaConfig,
    queues: Vec<Queues>,
    registry: &Arc<Registry>,
    events: &mpsc::Sender<MediaEvent>,
) -> io::Result<Vec<Spawned>> {
    let mut polls = Vec::new();
    let mut wakes = Vec::new();
    for _ in &queues {
        let poll = Poll::new()?;
        wakes.push(Wake(Arc::new(Waker::new(poll.registry(), Token(0))?)));
        polls.push(poll);
    }
    let neighbours = neighbours::connect(registry, &wakes);
    let sockets = Sockets::bind_all(config, queues.len())?;
    let mut shards = Vec::new();
    for (index, (((poll, mut sockets), queues), neighbours)) in
        polls.into_iter().zip(sockets).zip(queues).zip(neighbours).enumerate()
    {
        sockets.register(poll.registry(), 1)?;
        let addresses: Vec<SocketAddr> = config
            .addresses()
            .into_iter()
            .filter(|address| sockets.serves(address))
            .map(|address| SocketAddr::new(address, sockets.port()))
            .collect();
        if index == 0 {
            tracing::info!(
                port = sockets.port(),
                addresses = addresses.len(),
                threads = wakes.len(),
                "media plane listens"
            );
        }
        // Ids of two shards must not be the same.
        let seed = config.seed ^ u64::try_from(index).unwrap_or(0).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let engine = Engine::of_many(addresses, seed, events.clone(), Arc::clone(registry), index)
            .ok_or_else(|| io::Error::other("no DTLS certificate"))?;
        let Queues { orders, signals } = queues;
        shards.push(Shard { poll, wake: wakes[index].clone(), sockets, engine, orders, signals, neighbours });
    }
    // Only now, so that one that cannot be made leaves none behind.
    shards.into_iter().enumerate().map(|(index, shard)| run(index, shard, Arc::clone(registry))).collect()
}

fn run(index: ShardIndex, shard: Shard, registry: Arc<Registry>) -> io::Result<Spawned> {
    let wake = shard.wake.clone();
    let thread = std::thread::Builder::new().name(format!("media-{index}")).spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| shard.run())).is_err() {
            metrics::counter!("media_shards_lost_total").increment(1);
            tracing::error!(
                shard = index,
                "a media shard panicked and is gone: its rooms begin anew on others, if there are"
            );
            registry.died(index);
        }
    })?;
    Ok(Spawned { wake, thread })
}

struct Shard {
    poll: Poll,
    /// Held, so that nobody's wake goes nowhere.
    wake: Wake,
    sockets: Sockets,
    engine: Engine,
    orders: mpsc::Receiver<Order>,
    signals: mpsc::Receiver<Signal>,
    neighbours: Neighbours,
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
            let sleep = self.engine.poll_timeout().map_or(IDLE, |at| at.saturating_duration_since(now)).min(IDLE);
            let sleep = if busy { Duration::ZERO } else { sleep };
            // Interrupted or not: everything is looked at anyway.
            let _ = self.poll.poll(&mut events, Some(sleep));
            busy = self.take_handed_over();
            for _ in 0..RECEIVES_PER_TURN {
                let (engine, neighbours) = (&mut self.engine, &mut self.neighbours);
                let mut count = 0;
                let more = self.sockets.receive(|source, destination, contents| {
                    count += 1;
                    if !engine.accept(Instant::now(), Datagram { source, destination, contents }) {
                        neighbours.forward(source, destination, contents);
                    }
                });
                self.neighbours.flush();
                packets_in.increment(count);
                busy |= more;
                if !more {
                    break;
                }
                self.flush(&mut queue, &packets_out, &unsent);
            }
            match self.take_orders() {
                Some(more) => busy |= more,
                None => return,
            }
            self.engine.handle_timeout(Instant::now());
            self.flush(&mut queue, &packets_out, &unsent);
        }
    }

    /// What the kernel gave to other shards; whether there is more.
    fn take_handed_over(&mut self) -> bool {
        let engine = &mut self.engine;
        for _ in 0..LETTERS_PER_TURN {
            let more = self.neighbours.receive(|source, destination, contents| {
                engine.accept(Instant::now(), Datagram { source, destination, contents })
            });
            if !more {
                return false;
            }
        }
        true
    }

    fn flush(&mut self, queue: &mut Vec<Outgoing>, sent: &metrics::Counter, unsent: &metrics::Counter) {
        self.engine.drain(Instant::now(), &mut |source, destination, contents| {
            queue.push(Outgoing { source, destination, contents });
        });
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
