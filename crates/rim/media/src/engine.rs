//! A shard without its sockets: datagrams, orders and time in; datagrams and events out.
//!
//! Everything a session can break is broken for that session alone: a panic while one is served puts it out and is counted
//! (`faults`). A panic of work that is a whole room's closes that room.

mod control;
pub(crate) mod faults;
pub(crate) mod guests;
mod join;
mod judge;
mod orders;
mod rooms;

use crate::arrivals::Arrived;
use crate::fallback::Fallback;
use crate::forward::Forward;
use crate::line::{Outbox, Told};
use crate::plane::LinkId;
use crate::post::Post;
use crate::registry::{Registry, ShardIndex};
use crate::session::Session;
use crate::sweep::Sweep;
use crate::tallies::Tallies;
use crate::timers::Timers;
use guests::{Guests, line_of};
use join::Joins;
use model::{Identity, RoomId, SessionId};
use ports::media::MediaEvent;
use rtc::{Clock, PeerFactory};
use sfu::level::Speakers;
use signal::{MediaRoom, Now, PeerKey};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// Our time may be behind that of the machine by so much.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);

/// A datagram off the wire.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// From where.
    pub source: SocketAddr,
    /// To which address of ours.
    pub destination: SocketAddr,
    /// What it holds.
    pub contents: &'a [u8],
}

/// Names one peer connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionKey {
    pub(crate) room: RoomKey,
    pub(crate) peer: PeerKey,
    pub(crate) subscriber: bool,
}

/// What is looked up for every packet by what we number ourselves: with hashes that are cheap, and the same each time, so that who
/// went through the same is gone through in the same order.
pub(crate) type FastMap<K, V> = HashMap<K, V, foldhash::fast::FixedState>;
pub(crate) type FastSet<K> = HashSet<K, foldhash::fast::FixedState>;

/// The same by what others choose: everyone has another seed, which is not to be foreseen.
pub(crate) type GuardedMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Names a room. Those of two shards are never the same.
pub(crate) type RoomKey = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    Connection(ConnectionKey),
    Room(RoomKey),
    /// Members of other shards' rooms.
    Guests,
}

/// One media room with everybody in it.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) id: RoomId,
    pub(crate) session: SessionId,
    pub(crate) machine: MediaRoom,
    pub(crate) forward: Forward,
    pub(crate) sessions: FastMap<PeerKey, Session>,
    speakers: Speakers<PeerKey>,
    /// When bandwidth is shared out among everybody's pictures.
    pub(crate) next_share: Instant,
    next_speakers: Instant,
    next_quality: Instant,
    next_tick: Instant,
}

/// Who can be reached how.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    pub(crate) by_address: GuardedMap<SocketAddr, ConnectionKey>,
    pub(crate) by_ufrag: HashMap<String, ConnectionKey>,
}

/// What is counted per packet; looking a counter up by name would cost more than the packet.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) unknown_source: metrics::Counter,
    pub(crate) unpublished: metrics::Counter,
    pub(crate) key_frames: metrics::Counter,
    pub(crate) path_changes: metrics::Counter,
}

impl Counters {
    fn new() -> Self {
        Self {
            unknown_source: metrics::counter!("media_drops_total", "reason" => "unknown_source"),
            unpublished: metrics::counter!("media_drops_total", "reason" => "unpublished"),
            key_frames: metrics::counter!("media_key_frames_requested_total"),
            path_changes: metrics::counter!("media_path_changes_total"),
        }
    }
}

/// A shard's state.
#[derive(Debug)]
pub struct Engine {
    factory: PeerFactory,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) fallback: Fallback,
    /// Where TCP connections are taken.
    stream_addresses: Vec<SocketAddr>,
    pub(crate) events: mpsc::Sender<MediaEvent>,
    pub(crate) rooms: FastMap<RoomKey, Room>,
    /// Connections of big rooms of other shards.
    pub(crate) guests: Guests,
    /// What goes to other shards because of big rooms.
    pub(crate) post: Post,
    /// Packets on their way to many here.
    pub(crate) sweep: Sweep,
    spread_from: usize,
    by_id: HashMap<RoomId, RoomKey>,
    pub(crate) links: HashMap<LinkId, (RoomKey, PeerKey)>,
    joins: HashMap<(RoomId, Identity), Joins>,
    pub(crate) demux: Demux,
    pub(crate) timers: Timers<Timer>,
    pub(crate) counters: Counters,
    pub(crate) tallies: Tallies,
    /// Packets on their way to all who get them.
    pub(crate) arrived: Vec<Arrived>,
    pub(crate) dirty: Vec<ConnectionKey>,
    /// Whom something panicked for, until they are put out.
    struck: Vec<(RoomKey, PeerKey)>,
    /// They are being put out.
    mending: bool,
    /// What connections had to tell when they were drained, oldest first.
    pub(crate) told: Vec<(ConnectionKey, Told)>,
    /// Datagrams to send.
    pub(crate) outbox: Outbox,
    next_room: RoomKey,
    next_peer: u64,
    next_link: LinkId,
    seed: u64,
    draining: bool,
    /// It has more to do than it has time for.
    full: bool,
    pub(crate) registry: Arc<Registry>,
    pub(crate) shard: ShardIndex,
    /// Our Unix time at a moment, in microseconds, so that time shown to clients never goes back (section 25, H11).
    epoch: (Instant, u64),
}

impl Engine {
    /// The only shard, reachable under `addresses`. `None` if the crypto library makes no certificate.
    pub fn new(addresses: Vec<SocketAddr>, seed: u64, events: mpsc::Sender<MediaEvent>) -> Option<Self> {
        Self::of_many(addresses, seed, events, Arc::new(Registry::new(1)), 0)
    }

    /// One of the shards of a registry. Each has to have a `seed` of its own.
    pub(crate) fn of_many(
        addresses: Vec<SocketAddr>,
        seed: u64,
        events: mpsc::Sender<MediaEvent>,
        registry: Arc<Registry>,
        shard: ShardIndex,
    ) -> Option<Self> {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Instant::now();
        Some(Self {
            factory: PeerFactory::new(Clock { at: now, unix })?,
            addresses,
            fallback: Fallback::default(),
            stream_addresses: Vec::new(),
            events,
            rooms: FastMap::default(),
            guests: FastMap::default(),
            sweep: Sweep::default(),
            post: Post::new(registry.shards()),
            spread_from: guests::SPREAD,
            by_id: HashMap::new(),
            links: HashMap::new(),
            joins: HashMap::new(),
            demux: Demux::default(),
            timers: Timers::new(),
            counters: Counters::new(),
            tallies: Tallies::new(),
            arrived: Vec::new(),
            dirty: Vec::new(),
            struck: Vec::new(),
            mending: false,
            told: Vec::new(),
            outbox: Vec::new(),
            next_room: guests::first_room(shard),
            next_peer: 0,
            next_link: 0,
            seed,
            draining: false,
            full: false,
            registry,
            shard,
            epoch: (now, u64::try_from(unix.as_micros()).unwrap_or(0)),
        })
    }

    /// Tells clients that come from now on where datagrams are taken.
    pub fn set_addresses(&mut self, addresses: Vec<SocketAddr>) {
        self.addresses = addresses;
    }

    /// Tells clients that come from now on where TCP connections are taken.
    pub fn set_stream_addresses(&mut self, addresses: Vec<SocketAddr>) {
        self.stream_addresses = addresses;
    }

    /// Whether there is time for nobody else: then whoever is new is refused, and whoever comes back is not.
    pub fn set_full(&mut self, full: bool) {
        if std::mem::replace(&mut self.full, full) != full {
            tracing::warn!(shard = self.shard, full, "the load of a media shard passed its limit");
            self.registry.note_full(self.shard, full);
        }
    }

    /// What time it is outside, since 1970. If ours is behind by much, the clock was wrong when we began or the machine was
    /// stopped: ours follows. It never goes back, nor follows corrections that nobody would notice. Sender reports go on as they
    /// began, since receivers only compare those of one connection.
    pub(crate) fn follow_clock(&mut self, at: Instant, unix: Duration) {
        let ours = Duration::from_micros(self.now(at).unix_micros);
        let behind = unix.saturating_sub(ours);
        if behind > CLOCK_TOLERANCE {
            self.epoch.1 = self.epoch.1.saturating_add(u64::try_from(behind.as_micros()).unwrap_or(0));
            tracing::warn!(shard = self.shard, seconds = behind.as_secs(), "the clock went on: ours follows");
        }
    }

    pub(crate) fn now(&self, at: Instant) -> Now {
        let since = u64::try_from(at.saturating_duration_since(self.epoch.0).as_micros()).unwrap_or(0);
        Now { at, unix_micros: self.epoch.1 + since }
    }

    /// The next moment [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Carries out what is due.
    pub fn handle_timeout(&mut self, at: Instant) {
        // Else a stack would hear that time passes and take its queue for empty.
        self.hand_out(at);
        while let Some(timer) = self.timers.pop(at) {
            match timer {
                Timer::Connection(key) => {
                    let served = catch_unwind(AssertUnwindSafe(|| {
                        let Some(line) = line_of(&mut self.rooms, &mut self.guests, key) else { return };
                        // What it sent meanwhile has put it off.
                        if line.due > at {
                            self.timers.arm(timer, line.due);
                        } else if line.peer.handle_timeout(at).is_err() {
                            self.failed(key, at);
                        } else {
                            mark(&mut self.dirty, &mut line.dirty, key);
                        }
                    }));
                    if served.is_err() {
                        self.broken(key, at);
                    }
                }
                Timer::Room(key) => self.room_timeout(key, at),
                Timer::Guests => self.tend_guests(at),
            }
        }
    }
}

/// Somebody was not let in.
pub(crate) fn refused(reason: &'static str) {
    metrics::counter!("media_joins_refused_total", "reason" => reason).increment(1);
}

/// Puts a connection on the list of those with output; `flag` says whether it is there.
pub(crate) fn mark(dirty: &mut Vec<ConnectionKey>, flag: &mut bool, key: ConnectionKey) {
    if !std::mem::replace(flag, true) {
        dirty.push(key);
    }
}
#[cfg(test)]
pub(crate) mod tests;
