//! The loop of each shard: sockets, queues and timers around an [`Engine`].

use crate::config::MediaConfig;
use crate::detour;
use crate::engine::{Datagram, Engine};
use crate::inbox::{Call, Inbox};
use crate::load::Load;
use crate::neighbours::{self, Neighbours, Owner, Received, WAYS};
use crate::plane::{Order, Wake};
use crate::pulse::Pulse;
use crate::reach::{Place, Reach};
use crate::registry::{Registry, ShardIndex};
use crate::socket::{Calls, Outgoing, Sockets};
use crate::streams::StreamDoor;
use crate::stun;
use crate::ways::{self, Inlet, Ways};
use mio::{Events, Poll, Token, Waker};
use ports::media::MediaEvent;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// Longest sleep of the loop.
const IDLE: Duration = Duration::from_millis(500);

/// Batches from other shards per turn.
const LETTERS_PER_TURN: usize = 64;

/// Packets of big rooms that are taken in a turn before others get theirs.
const POSTED_PER_TURN: usize = 1024;

/// Sleep while another shard takes nothing.
const HELD_UP: Duration = Duration::from_millis(1);

/// Receive calls per turn and socket.
const RECEIVES_PER_TURN: usize = 8;

/// Datagrams that are gathered before they are sent. More would leave the processor's cache before the kernel reads them, and
/// the first would wait for the last.
const SENT_TOGETHER: usize = 64;

/// What was started.
pub(crate) struct Spawned {
    pub(crate) threads: Vec<Running>,
    /// Brings the first shard TCP connections.
    pub(crate) door: StreamDoor,
    pub(crate) place: Place,
    /// Where clients send datagrams.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// One thread that was started.
#[derive(Debug)]
pub(crate) struct Running {
    /// Wakes it.
    pub(crate) wake: Wake,
    /// To see whether it still runs.
    pub(crate) thread: JoinHandle<()>,
    /// And whether it goes round.
    pub(crate) pulse: Arc<Pulse>,
}

/// Binds the sockets and starts a shard for each of the queues.
pub(crate) fn spawn(
    config: &MediaConfig,
    queues: Vec<Inbox>,
    registry: &Arc<Registry>,
    events: &mpsc::Sender<MediaEvent>,
) -> io::Result<Spawned> {
    let mut polls = Vec::new();
    let mut wakes = Vec::new();
    for _ in &queues {
        let poll = Poll::new()?;
        wakes.push(Wake(Arc::new(Waker::new(poll.registry(), Token(0))?)));
        polls.push(poll);
    }
    let neighbours = neighbours::connect(registry, &wakes);
    let sockets = Sockets::bind_all(config, queues.len())?;
    let port = sockets.first().map_or(0, Sockets::port);
    let families = sockets.first().map_or([false; 2], Sockets::families);
    let place = Place { port, families, stream_port: config.stream_port };
    let Reach { datagrams: addresses, streams: stream_addresses } = place.reach(&config.addresses());
    tracing::info!(port, addresses = addresses.len(), threads = wakes.len(), "media plane listens");
    sockets.first().map_or(Ok(()), Sockets::tell)?;
    let (door, streams) = StreamDoor::new(wakes[WAYS].clone());
    let turn = config.turn.as_ref().map(|turn| turn.server(&addresses));
    let has_turn = turn.is_some();
    let mut ways = Some(Ways::new(&addresses, streams, turn, Instant::now()));
    let mut shards = Vec::new();
    for (index, (((poll, mut sockets), inbox), neighbours)) in
        polls.into_iter().zip(sockets).zip(queues).zip(neighbours).enumerate()
    {
        sockets.register(poll.registry(), 1)?;
        // Ids of two shards must not be the same.
        let seed = config.seed ^ u64::try_from(index).unwrap_or(0).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut engine = Engine::of_many(addresses.clone(), seed, events.clone(), Arc::clone(registry), index)
            .ok_or_else(|| io::Error::other("no DTLS certificate"))?;
        engine.set_stream_addresses(stream_addresses.clone());
        engine.set_carrier(neighbours.carrier());
        if let Some(subscriptions) = config.spread {
            engine.set_spread(subscriptions);
        }
        // Taken by the first.
        let ways = ways.take();
        shards.push(Shard {
            poll,
            wake: wakes[index].clone(),
            sockets,
            ways,
            has_turn,
            engine,
            inbox,
            neighbours,
            pulse: Arc::new(Pulse::new(Instant::now())),
            held_up: false,
        });
    }
    // Only now, so that one that cannot be made leaves none behind.
    let run = |(index, shard)| run(index, shard, Arc::clone(registry));
    let threads = shards.into_iter().enumerate().map(run).collect::<io::Result<_>>()?;
    Ok(Spawned { threads, door, place, addresses })
}

fn run(index: ShardIndex, shard: Shard, registry: Arc<Registry>) -> io::Result<Running> {
    let (wake, pulse) = (shard.wake.clone(), Arc::clone(&shard.pulse));
    let thread = std::thread::Builder::new().name(format!("media-{index}")).spawn(move || {
        guarded(index, &registry, || shard.run());
    })?;
    Ok(Running { wake, thread, pulse })
}

/// Carries out the work of a shard, and what is left to do if that panics.
pub(crate) fn guarded(index: ShardIndex, registry: &Registry, work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        metrics::counter!("media_shards_lost_total").increment(1);
        for gauge in of_shard(index) {
            gauge.set(0.0);
        }
        tracing::error!(
            shard = index,
            "a media shard panicked and is gone: its rooms begin anew on others, if there are"
        );
        registry.died(index);
    }
}

/// How busy a shard is, and the orders that wait for it.
fn of_shard(index: ShardIndex) -> [metrics::Gauge; 2] {
    let shard = index.to_string();
    [
        metrics::gauge!("media_shard_load_percent", "shard" => shard.clone()),
        metrics::gauge!("media_orders_waiting", "shard" => shard),
    ]
}

struct Shard {
    poll: Poll,
    /// Held, so that nobody's wake goes nowhere.
    wake: Wake,
    sockets: Sockets,
    /// TCP connections and the TURN server; of the first shard only.
    ways: Option<Ways>,
    /// The first shard has a TURN server.
    has_turn: bool,
    engine: Engine,
    inbox: Inbox,
    neighbours: Neighbours,
    pulse: Arc<Pulse>,
    /// Something waits for another shard to have room for it.
    held_up: bool,
}

/// Datagrams on their way to the kernel.
struct Leaving {
    queue: Vec<Outgoing>,
    calls: Calls,
    sent: metrics::Counter,
}

impl Leaving {
    fn new() -> Self {
        Self {
            queue: Vec::with_capacity(1024),
            calls: Calls::default(),
            sent: metrics::counter!("media_datagrams_out_total"),
        }
    }

    /// One more, by the way it needs. With enough of them they are sent.
    fn add(
        &mut self,
        now: Instant,
        datagram: Outgoing,
        ways: &mut Option<Ways>,
        neighbours: &mut Neighbours,
        sockets: &mut Sockets,
    ) {
        let Outgoing { source, destination, contents } = datagram;
        match ways {
            Some(ways) => ways.send(now, source, destination, contents, &mut self.queue),
            None if detour::is_detour(&destination) => neighbours.send_back(source, destination, &contents),
            None => self.queue.push(Outgoing { source, destination, contents }),
        }
        if self.queue.len() >= SENT_TOGETHER {
            self.send(sockets);
        }
    }

    fn send(&mut self, sockets: &mut Sockets) {
        if self.queue.is_empty() {
            return;
        }
        let count = u64::try_from(self.queue.len()).unwrap_or(u64::MAX);
        let dropped = u64::try_from(sockets.send(&mut self.queue, &mut self.calls)).unwrap_or(u64::MAX);
        self.sent.increment(count.saturating_sub(dropped));
    }
}

impl Shard {
    fn run(mut self) {
        let mut events = Events::with_capacity(16);
        let mut leaving = Leaving::new();
        let mut busy = false;
        let mut load = Load::new(Instant::now());
        let packets_in = metrics::counter!("media_datagrams_in_total");
        let turn = metrics::histogram!("media_turn_seconds", "shard" => self.engine.shard.to_string());
        let [share, waiting] = of_shard(self.engine.shard);
        loop {
            let now = Instant::now();
            let ways_due = self.ways.as_ref().and_then(Ways::poll_timeout);
            let due = [self.engine.poll_timeout(), ways_due].into_iter().flatten().min();
            let sleep = due.map_or(IDLE, |at| at.saturating_duration_since(now)).min(IDLE);
            let sleep = if self.held_up { sleep.min(HELD_UP) } else { sleep };
            let sleep = if busy { Duration::ZERO } else { sleep };
            // Interrupted or not: everything is looked at anyway.
            let _ = self.poll.poll(&mut events, Some(sleep));
            let begun = Instant::now();
            self.pulse.beat(begun);
            self.sockets.look(begun);
            if let Some(percent) = load.rested(now, begun) {
                share.set(percent);
                self.engine.set_full(load.is_full());
                self.engine
                    .follow_clock(Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
            }
            busy = self.take_handed_over(&mut leaving);
            leaving.send(&mut self.sockets);
            for _ in 0..RECEIVES_PER_TURN {
                let (inlet, ways) =
                    (Inlet { engine: &mut self.engine, neighbours: &mut self.neighbours }, &mut self.ways);
                let (mut inlet, has_turn) = (inlet, self.has_turn);
                let mut count = 0;
                let more = self.sockets.receive(|source, destination, contents| {
                    count += 1;
                    let datagram = Datagram { source, destination, contents };
                    match ways {
                        Some(ways) => ways.datagram(&mut inlet, Instant::now(), datagram),
                        None if has_turn && ways::is_for_turn(contents) => {
                            inlet.neighbours.hand_over(WAYS, source, destination, contents);
                        }
                        None => inlet.datagram(Instant::now(), datagram),
                    }
                });
                self.neighbours.flush();
                packets_in.increment(count);
                busy |= more;
                if !more {
                    break;
                }
                self.flush(&mut leaving);
            }
            waiting.set(u32::try_from(self.inbox.waiting()).unwrap_or(u32::MAX));
            if let Some(ways) = &mut self.ways {
                let mut inlet = Inlet { engine: &mut self.engine, neighbours: &mut self.neighbours };
                busy |= ways.take(&mut inlet, Instant::now());
            }
            let (engine, ways) = (&mut self.engine, &mut self.ways);
            let more = self.inbox.take(Instant::now, |call, at| match call {
                Call::Order(order) => {
                    if let (Order::Reach(reach), Some(ways)) = (&order, ways.as_mut()) {
                        ways.set_addresses(&reach.datagrams);
                    }
                    engine.order(order, at);
                }
                Call::Signal(signal) => engine.signal(signal, at),
            });
            match more {
                Some(more) => busy |= more,
                None => return,
            }
            let now = Instant::now();
            self.engine.handle_timeout(now);
            if let Some(ways) = &mut self.ways {
                ways.handle_timeout(now);
            }
            busy |= self.flush(&mut leaving);
            turn.record(begun.elapsed());
        }
    }

    /// What the kernel gave to other shards, and what they want sent; whether there is more.
    fn take_handed_over(&mut self, leaving: &mut Leaving) -> bool {
        let mut posted = 0;
        for _ in 0..LETTERS_PER_TURN {
            // What waits there is lost if it waits for too long, which is better than to be sent late.
            if self.engine.sweep.is_behind() {
                return true;
            }
            let (engine, ways) = (&mut self.engine, &mut self.ways);
            let mut for_turn = Vec::new();
            let received = self.neighbours.receive(Instant::now(), |back, source, destination, contents| {
                let now = Instant::now();
                match ways {
                    Some(ways) if back => {
                        ways.send(now, source, destination, contents.to_vec(), &mut leaving.queue);
                        Owner::Nobody
                    }
                    Some(_) if ways::is_for_turn(contents) => {
                        for_turn.push((source, destination, contents.to_vec()));
                        Owner::Nobody
                    }
                    // Whether another shard's client is there, the one that handed it over knows.
                    _ if engine.accept(now, Datagram { source, destination, contents }, || false) => {
                        Owner::Client { is_proven: stun::is_stun(contents) && engine.holds(source, now) }
                    }
                    _ => Owner::Unknown,
                }
            });
            if let Some(ways) = &mut self.ways {
                let mut inlet = Inlet { engine: &mut self.engine, neighbours: &mut self.neighbours };
                for (source, destination, contents) in &for_turn {
                    let datagram = Datagram { source: *source, destination: *destination, contents };
                    ways.datagram(&mut inlet, Instant::now(), datagram);
                }
            }
            match received {
                Received::Nothing => return false,
                Received::Letter => {}
                Received::Flow(address, flow) => {
                    if !self.engine.holds(address, Instant::now()) && self.neighbours.follow(address, flow) {
                        self.engine.forget_address(&address);
                    }
                }
                Received::Closed(address) => {
                    self.engine.handle_closed(Instant::now(), address);
                }
                Received::Work(work) => {
                    posted += work.packets();
                    self.engine.take(work, Instant::now());
                    if posted >= POSTED_PER_TURN {
                        return true;
                    }
                }
            }
        }
        true
    }

    /// Sends what there is to send. Whether something is left that is on its way to many.
    fn flush(&mut self, leaving: &mut Leaving) -> bool {
        let now = Instant::now();
        let Self { engine, ways, neighbours, sockets, .. } = self;
        let more = engine.drain_some(now, &mut |source, destination, contents| {
            leaving.add(now, Outgoing { source, destination, contents }, ways, neighbours, sockets);
        });
        if let Some(ways) = ways {
            ways.drain(&mut leaving.queue);
        }
        self.held_up = engine.depart();
        neighbours.flush();
        leaving.send(sockets);
        more
    }
}
