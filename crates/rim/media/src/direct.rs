//! What the threads around [`Engine`]s do through their queues, for whoever drives them without a thread.

use crate::control::Control;
use crate::engine::{Datagram, Engine};
use crate::neighbours::{self, Neighbours, Owner, Received};
use crate::plane::{Signal, Wake};
use crate::registry::Registry;
use crate::stun;
use bytes::Bytes;
use model::media::MediaPermission;
use model::{Identity, RoomId, SessionId};
use ports::media::inside::{InsideJoin, InsideOrder, ItemSender};
use ports::media::report::{Page, RoomReport, RoomSummary};
use ports::media::{ConnectError, MediaEvent, MediaJoin, SignalDown};
use ports::media_control::{ControlError, RoomSettings};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// How much an engine holds. Nothing in it grows with time: only with who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holdings {
    /// Rooms.
    pub rooms: usize,
    /// Participants of all rooms.
    pub sessions: usize,
    /// Connections of rooms of other shards.
    pub guests: usize,
    /// Published tracks of all rooms.
    pub tracks: usize,
    /// Subscriptions of all rooms.
    pub subscriptions: usize,
    /// Signalling sockets.
    pub links: usize,
    /// Remote addresses that lead to a connection.
    pub addresses: usize,
    /// ICE names that lead to a connection.
    pub names: usize,
    /// Deadlines that wait, those that were moved included.
    pub deadlines: usize,
}

impl Engine {
    /// A signalling socket, as numbered by [`Self::join`], is gone; its participant may come back on another one.
    pub fn link_lost(&mut self, link: u64, at: Instant) {
        self.signal(Signal::Lost(link), at);
    }

    /// How much it holds now.
    pub fn holdings(&self) -> Holdings {
        let tracks = || self.rooms.values().flat_map(|room| room.forward.tracks.values());
        Holdings {
            rooms: self.rooms.len(),
            sessions: self.rooms.values().map(|room| room.sessions.len()).sum(),
            guests: self.guests.len(),
            tracks: tracks().count(),
            subscriptions: tracks().map(|track| track.downs.len()).sum(),
            links: self.links.len(),
            addresses: self.demux.by_address.len(),
            names: self.demux.by_ufrag.len(),
            deadlines: self.timers.len(),
        }
    }
}

/// Several shards that share the members of every big room. What they have for each other is carried with [`Self::drain`].
#[derive(Debug)]
pub struct Shards {
    /// Those that are gone are none.
    engines: Vec<Option<Engine>>,
    ways: Vec<Neighbours>,
    registry: Arc<Registry>,
    /// Nobody sleeps in it; whoever carries something would wake it.
    _poll: mio::Poll,
}

impl Shards {
    /// As many shards as wished, reachable under `addresses`. `None` if the crypto library makes no
    /// certificate, or the system no queue.
    pub fn new(shards: usize, addresses: &[SocketAddr], seed: u64, events: &mpsc::Sender<MediaEvent>) -> Option<Self> {
        let registry = Arc::new(Registry::new(shards));
        let engine = |shard| {
            let own = seed ^ u64::try_from(shard).unwrap_or(0).rotate_right(8);
            Engine::of_many(addresses.to_vec(), own, events.clone(), Arc::clone(&registry), shard).map(Some)
        };
        let mut engines = (0..shards).map(engine).collect::<Option<Vec<_>>>()?;
        let poll = mio::Poll::new().ok()?;
        let wake = Wake(Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).ok()?));
        let ways = neighbours::connect(&registry, &vec![wake; shards]);
        for (engine, ways) in engines.iter_mut().flatten().zip(&ways) {
            engine.set_carrier(ways.carrier());
        }
        Some(Self { engines, ways, registry, _poll: poll })
    }

    /// See [`Engine::set_spread`].
    pub fn set_spread(&mut self, subscriptions: usize) {
        self.all().for_each(|engine| engine.set_spread(subscriptions));
    }

    /// A shard is gone, as with its thread, and everything on it.
    pub fn lose(&mut self, shard: usize) {
        self.registry.died(shard);
        if let Some(engine) = self.engines.get_mut(shard) {
            *engine = None;
        }
    }

    /// See [`Engine::set_addresses`].
    pub fn set_addresses(&mut self, addresses: &[SocketAddr]) {
        self.all().for_each(|engine| engine.set_addresses(addresses.to_vec()));
    }

    /// See [`Engine::set_stream_addresses`].
    pub fn set_stream_addresses(&mut self, addresses: Vec<SocketAddr>) {
        self.all().for_each(|engine| engine.set_stream_addresses(addresses.clone()));
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Engine> {
        self.engines.iter_mut().flatten()
    }

    fn at_place<T>(
        &mut self,
        room: &RoomId,
        act: impl FnOnce(&mut Engine) -> Result<T, ConnectError>,
    ) -> Result<T, ConnectError> {
        let engines = &mut self.engines;
        let shard = self.registry.place(room, |shard| engines.get(shard).is_some_and(Option::is_some));
        let engine = engines.get_mut(shard).and_then(Option::as_mut).ok_or(ConnectError::Unavailable)?;
        let done = act(engine);
        self.registry.arrived(room, shard, engine.has_room(room));
        done
    }

    /// A number that says which shard's link it is.
    fn link(&self, room: &RoomId, link: u64) -> u64 {
        let shard = self.registry.find(room).and_then(|shard| u64::try_from(shard).ok()).unwrap_or(0);
        link * self.count() + shard
    }

    fn count(&self) -> u64 {
        u64::try_from(self.engines.len()).unwrap_or(1)
    }

    fn on_link(&mut self, link: u64, act: impl FnOnce(&mut Engine, u64)) {
        let count = self.count();
        let shard = usize::try_from(link % count).unwrap_or(0);
        if let Some(engine) = self.engines.get_mut(shard).and_then(Option::as_mut) {
            act(engine, link / count);
        }
    }

    /// See [`Engine::join`].
    ///
    /// # Errors
    /// The request is malformed, or the plane is stopping.
    pub fn join(&mut self, join: &MediaJoin, link: mpsc::Sender<SignalDown>, at: Instant) -> Result<u64, ConnectError> {
        let joined = self.at_place(&join.room, |engine| engine.join(join, link, at))?;
        Ok(self.link(&join.room, joined))
    }

    /// Makes a room, or changes the one that is there, as the API does.
    ///
    /// # Errors
    /// See [`ports::media_control::MediaControl::open_room`].
    pub fn open_room(
        &mut self,
        room: &RoomId,
        session: &SessionId,
        set: RoomSettings,
        at: Instant,
    ) -> Result<Bytes, ControlError> {
        let (reply, mut answer) = oneshot::channel();
        let open = Control::Open { room: room.clone(), session: session.clone(), set, reply };
        let opened = self.at_place(room, |engine| {
            engine.control(open, at);
            Ok(answer.try_recv())
        });
        opened.ok().and_then(Result::ok).unwrap_or(Err(ControlError::Unavailable))
    }

    /// See [`Engine::enter`].
    ///
    /// # Errors
    /// See [`Engine::enter`].
    pub fn enter(&mut self, join: &InsideJoin, items: ItemSender, at: Instant) -> Result<u64, ConnectError> {
        let entered = self.at_place(&join.room, |engine| engine.enter(join, items, at))?;
        Ok(self.link(&join.room, entered))
    }

    /// See [`Engine::message`].
    pub fn message(&mut self, link: u64, message: &Bytes, at: Instant) {
        self.on_link(link, |engine, link| engine.message(link, message, at));
    }

    /// See [`Engine::link_lost`].
    pub fn link_lost(&mut self, link: u64, at: Instant) {
        self.on_link(link, |engine, link| engine.link_lost(link, at));
    }

    /// See [`Engine::inside_order`].
    pub fn inside_order(&mut self, link: u64, order: InsideOrder, at: Instant) {
        self.on_link(link, |engine, link| engine.inside_order(link, order, at));
    }

    /// See [`Engine::inside_gone`].
    pub fn inside_gone(&mut self, link: u64, at: Instant) {
        self.on_link(link, |engine, link| engine.inside_gone(link, at));
    }

    /// See [`Engine::set_permission`].
    pub fn set_permission(&mut self, room: &RoomId, who: &Identity, permission: MediaPermission, at: Instant) {
        self.all().for_each(|engine| engine.set_permission(room, who, permission, at));
    }

    /// See [`Engine::room_list`].
    pub fn room_list(&self) -> Vec<RoomSummary> {
        self.engines.iter().flatten().flat_map(Engine::room_list).collect()
    }

    /// See [`Engine::room_report`].
    pub fn room_report(&mut self, room: &RoomId, page: Page, at: Instant) -> Option<RoomReport> {
        self.all().find_map(|engine| engine.room_report(room, page, at))
    }

    /// A datagram arrived: for the shard that knows it.
    pub fn handle_datagram(&mut self, at: Instant, datagram: Datagram<'_>) {
        let mut holder = None;
        if stun::is_stun(datagram.contents) {
            holder = self.all().find_map(|engine| engine.holds(datagram.source, at).then_some(engine.shard));
        }
        let is_held = |shard| holder.is_some_and(|holder| holder != shard);
        let mut all = self.all();
        let owner = all.find_map(|engine| {
            let shard = engine.shard;
            engine.accept(at, datagram, || is_held(shard)).then_some(shard)
        });
        drop(all);
        match owner {
            Some(owner) if stun::is_stun(datagram.contents) && !is_held(owner) => {
                for engine in self.all().filter(|engine| engine.shard != owner) {
                    engine.forget_address(&datagram.source);
                }
            }
            Some(_) => {}
            None => self.all().take(1).for_each(|engine| engine.counters.unknown_source.increment(1)),
        }
    }

    /// See [`Engine::handle_closed`].
    pub fn handle_closed(&mut self, at: Instant, address: SocketAddr) -> bool {
        self.all().any(|engine| engine.handle_closed(at, address))
    }

    /// See [`Engine::poll_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.engines.iter().flatten().filter_map(Engine::poll_timeout).min()
    }

    /// See [`Engine::handle_timeout`].
    pub fn handle_timeout(&mut self, at: Instant) {
        self.all().for_each(|engine| engine.handle_timeout(at));
    }

    /// See [`Engine::drain`]. Carries what shards have for each other, until they have nothing more.
    pub fn drain(&mut self, at: Instant, transmit: &mut impl FnMut(SocketAddr, SocketAddr, Vec<u8>)) {
        loop {
            let mut was_idle = true;
            for engine in self.engines.iter_mut().flatten() {
                was_idle &= !engine.drain_some(at, transmit);
                engine.depart();
            }
            for (engine, ways) in self.engines.iter_mut().zip(&mut self.ways) {
                loop {
                    match ways.receive(at, |_, _, _, _| Owner::Nobody) {
                        Received::Nothing => break,
                        Received::Work(work) => {
                            was_idle = false;
                            if let Some(engine) = engine {
                                engine.take(work, at);
                            }
                        }
                        _ => {}
                    }
                }
            }
            if was_idle {
                return;
            }
        }
    }

    /// See [`Engine::holdings`].
    pub fn holdings(&self) -> Holdings {
        let mut all = Holdings::default();
        for one in self.engines.iter().flatten().map(Engine::holdings) {
            all.rooms += one.rooms;
            all.sessions += one.sessions;
            all.guests += one.guests;
            all.tracks += one.tracks;
            all.subscriptions += one.subscriptions;
            all.links += one.links;
            all.addresses += one.addresses;
            all.names += one.names;
            all.deadlines += one.deadlines;
        }
        all
    }
}
