//! A shard without its sockets: datagrams, orders and time in; datagrams and events out.
//!
//! Everything a session can break is broken for that session alone: a panic while one is served closes it and is counted. A
//! panic of work that is a whole room's closes that room.

use crate::budget::{self, Budget};
use crate::convert;
use crate::forward::{Forward, News};
use crate::outputs;
use crate::plane::{LinkEnd, LinkId, Order, Signal};
use crate::session::{Connection, Session};
use crate::timers::Timers;
use bytes::Bytes;
use model::media::MediaPermission;
use model::{Identity, RoomId, SessionId};
use ports::media::{ConnectError, MediaEvent, MediaEventKind, MediaJoin, SignalDown};
use rtc::PeerFactory;
use sfu::level::{SPEAKER_INTERVAL, Speakers};
use signal::{ClientMessage, Connected, Garbage, JoinRequest, MediaRoom, Now, PeerKey};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// Regular work of a room: layer liveness, key frames, dynacast.
const TICK: Duration = Duration::from_millis(100);

/// The same while nobody publishes.
const IDLE_TICK: Duration = Duration::from_secs(1);

/// Most signalling sockets of a shard; more are told to try again later (section 25, H10).
const MAX_LINKS: usize = 10_000;

/// Somebody may join or resume that many times in a row, and then once in that time.
const JOIN_BURST: u32 = 10;
const JOIN_INTERVAL: Duration = Duration::from_secs(1);

/// When so many are remembered, those who rested are forgotten.
const MAX_JOINERS: usize = 4096;

/// Nothing heard for so long: the connection failed (media-protocol.md section 4.5).
const SILENCE: Duration = Duration::from_secs(15);

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

/// Names a room within the shard.
pub(crate) type RoomKey = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Timer {
    Connection(ConnectionKey),
    Room(RoomKey),
}

/// One media room with everybody in it.
#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) id: RoomId,
    pub(crate) session: SessionId,
    pub(crate) machine: MediaRoom,
    pub(crate) forward: Forward,
    pub(crate) sessions: HashMap<PeerKey, Session>,
    speakers: Speakers<PeerKey>,
    next_speakers: Instant,
    next_quality: Instant,
    next_tick: Instant,
}

/// Who can be reached how.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    pub(crate) by_address: HashMap<SocketAddr, ConnectionKey>,
    pub(crate) by_ufrag: HashMap<String, ConnectionKey>,
}

/// What is counted per packet; looking a counter up by name would cost more than the packet.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) unknown_source: metrics::Counter,
    pub(crate) unpublished: metrics::Counter,
    pub(crate) key_frames: metrics::Counter,
}

impl Counters {
    fn new() -> Self {
        Self {
            unknown_source: metrics::counter!("media_drops_total", "reason" => "unknown_source"),
            unpublished: metrics::counter!("media_drops_total", "reason" => "unpublished"),
            key_frames: metrics::counter!("media_key_frames_requested_total"),
        }
    }
}

/// How often somebody joined of late.
#[derive(Debug)]
struct Joins {
    recent: u32,
    noted: Instant,
}

/// A shard's state.
#[derive(Debug)]
pub struct Engine {
    factory: PeerFactory,
    pub(crate) addresses: Vec<SocketAddr>,
    /// Where TCP connections are taken.
    stream_addresses: Vec<SocketAddr>,
    events: mpsc::Sender<MediaEvent>,
    pub(crate) rooms: HashMap<RoomKey, Room>,
    by_id: HashMap<RoomId, RoomKey>,
    links: HashMap<LinkId, (RoomKey, PeerKey)>,
    joins: HashMap<(RoomId, Identity), Joins>,
    pub(crate) demux: Demux,
    pub(crate) timers: Timers<Timer>,
    pub(crate) counters: Counters,
    pub(crate) dirty: Vec<ConnectionKey>,
    /// Datagrams to send: from, to, contents.
    pub(crate) outbox: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
    next_room: RoomKey,
    next_peer: u64,
    next_link: LinkId,
    seed: u64,
    draining: bool,
    /// Our Unix time at a moment, so that time shown to clients never jumps (section 25, H11).
    epoch: (Instant, u64),
}

impl Engine {
    /// A shard reachable under `addresses`. `None` if the crypto library makes no certificate.
    pub fn new(addresses: Vec<SocketAddr>, seed: u64, events: mpsc::Sender<MediaEvent>) -> Option<Self> {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(Self {
            factory: PeerFactory::new()?,
            addresses,
            stream_addresses: Vec::new(),
            events,
            rooms: HashMap::new(),
            by_id: HashMap::new(),
            links: HashMap::new(),
            joins: HashMap::new(),
            demux: Demux::default(),
            timers: Timers::new(),
            counters: Counters::new(),
            dirty: Vec::new(),
            outbox: Vec::new(),
            next_room: 0,
            next_peer: 0,
            next_link: 0,
            seed,
            draining: false,
            epoch: (Instant::now(), u64::try_from(unix.as_micros()).unwrap_or(0)),
        })
    }

    /// Tells clients that come from now on where TCP connections are taken.
    pub fn set_stream_addresses(&mut self, addresses: Vec<SocketAddr>) {
        self.stream_addresses = addresses;
    }

    /// Whether an address was proven to be a client's.
    pub(crate) fn knows(&self, address: &SocketAddr) -> bool {
        self.demux.by_address.contains_key(address)
    }

    pub(crate) fn now(&self, at: Instant) -> Now {
        let since = u64::try_from(at.saturating_duration_since(self.epoch.0).as_micros()).unwrap_or(0);
        Now { at, unix_micros: self.epoch.1 + since }
    }

    /// Joins or resumes without a thread in between, as the thread does for [`ports::media::MediaPlane::connect`].
    ///
    /// # Errors
    /// The request is malformed, or the plane is stopping.
    pub fn join(&mut self, join: &MediaJoin, link: mpsc::Sender<SignalDown>, at: Instant) -> Result<u64, ConnectError> {
        let request = JoinRequest::read(&join.request).map_err(|_| ConnectError::Malformed)?;
        self.admit(join, request, link, at)
    }

    fn admit(
        &mut self,
        join: &MediaJoin,
        request: JoinRequest,
        link: mpsc::Sender<SignalDown>,
        at: Instant,
    ) -> Result<u64, ConnectError> {
        if self.draining || self.links.len() >= MAX_LINKS {
            return Err(ConnectError::Unavailable);
        }
        if !self.may_join(join, at) {
            metrics::counter!("media_joins_refused_total", "reason" => "churn").increment(1);
            return Err(ConnectError::Unavailable);
        }
        let now = self.now(at);
        self.end_former_session(join, at);
        let known = self.by_id.get(&join.room).copied();
        let room_key = match known {
            Some(key) => key,
            None => self.make_room(join, now),
        };
        let peer = PeerKey(self.next_peer);
        self.next_peer += 1;
        let Some(room) = self.rooms.get_mut(&room_key) else { return Err(ConnectError::Unavailable) };
        let connected = room.machine.connect(convert::connect(peer, join, request), now);
        self.next_link += 1;
        let id = self.next_link;
        match connected {
            Err(signal::ConnectError::Malformed) => {
                self.drop_if_empty(room_key);
                return Err(ConnectError::Malformed);
            }
            Ok(Connected::Refused(message)) => {
                metrics::counter!("media_resumes_refused_total").increment(1);
                // The queue of a link that was just made has room.
                let _ = link.try_send(SignalDown::Message(message));
                let _ = link.try_send(SignalDown::Close);
                self.drop_if_empty(room_key);
                return Ok(id);
            }
            Ok(Connected::Resumed(peer)) => {
                metrics::counter!("media_resumes_total").increment(1);
                if let Some(session) = room.sessions.get_mut(&peer)
                    && let Some((former, end)) = session.link.replace((id, link))
                {
                    self.links.remove(&former);
                    // A full queue means that its reader is gone anyway.
                    let _ = end.try_send(SignalDown::Close);
                }
                self.links.insert(id, (room_key, peer));
                self.came_up(ConnectionKey { room: room_key, peer, subscriber: false }, at);
            }
            Ok(Connected::New) => {
                metrics::counter!("media_joins_total").increment(1);
                self.new_session(room_key, peer, join, (id, link), at);
            }
        }
        self.settle(room_key, at);
        Ok(id)
    }

    /// Whether somebody does not join again and again: every join is news to everybody in the room.
    fn may_join(&mut self, join: &MediaJoin, at: Instant) -> bool {
        let rested = |joins: &Joins| at.saturating_duration_since(joins.noted) >= JOIN_INTERVAL * joins.recent;
        if self.joins.len() >= MAX_JOINERS {
            self.joins.retain(|_, joins| !rested(joins));
        }
        let joins =
            self.joins.entry((join.room.clone(), join.identity.clone())).or_insert(Joins { recent: 0, noted: at });
        let elapsed = at.saturating_duration_since(joins.noted).as_secs() / JOIN_INTERVAL.as_secs();
        let forgiven = u32::try_from(elapsed).unwrap_or(u32::MAX);
        if forgiven > 0 {
            joins.recent = joins.recent.saturating_sub(forgiven);
            joins.noted = at;
        }
        if joins.recent >= JOIN_BURST {
            return false;
        }
        joins.recent += 1;
        true
    }

    /// A room of that name from an earlier meeting does not go on in this one.
    fn end_former_session(&mut self, join: &MediaJoin, at: Instant) {
        let Some(key) = self.by_id.get(&join.room).copied() else { return };
        let now = self.now(at);
        if let Some(room) = self.rooms.get_mut(&key).filter(|room| room.session != join.session) {
            room.machine.close(now);
            self.settle(key, at);
        }
    }

    fn make_room(&mut self, join: &MediaJoin, now: Now) -> RoomKey {
        self.next_room = self.next_room.wrapping_add(1);
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(now.unix_micros | 1);
        let room = Room {
            id: join.room.clone(),
            session: join.session.clone(),
            machine: MediaRoom::new(&join.room, self.seed, now),
            forward: Forward::default(),
            sessions: HashMap::new(),
            speakers: Speakers::new(),
            next_speakers: now.at + SPEAKER_INTERVAL,
            next_quality: now.at + sfu::quality::WINDOW,
            next_tick: now.at + TICK,
        };
        self.rooms.insert(self.next_room, room);
        self.by_id.insert(join.room.clone(), self.next_room);
        self.next_room
    }

    fn new_session(
        &mut self,
        room_key: RoomKey,
        peer: PeerKey,
        join: &MediaJoin,
        link: (LinkId, LinkEnd),
        at: Instant,
    ) {
        let dual = join.topology == ports::media::Topology::Dual;
        let mut connection = || Connection::new(self.factory.peer(&self.addresses, &self.stream_addresses, at), at);
        let session = Session {
            identity: join.identity.clone(),
            publisher: connection(),
            subscriber: dual.then(&mut connection),
            subscriber_primary: dual && join.permission.subscribe,
            budget: Budget::new(),
            link: Some(link),
        };
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        if let Some((id, _)) = &session.link {
            self.links.insert(*id, (room_key, peer));
        }
        room.sessions.insert(peer, session);
        metrics::gauge!("media_sessions").increment(1.0);
        for subscriber in [false, true] {
            self.register(ConnectionKey { room: room_key, peer, subscriber });
        }
    }

    /// Makes a connection callable under its current ICE name.
    fn register(&mut self, key: ConnectionKey) {
        let Some(connection) =
            self.rooms.get_mut(&key.room).and_then(|room| room.sessions.get_mut(&key.peer)?.connection(key.subscriber))
        else {
            return;
        };
        let ufrag = connection.peer.local_ufrag();
        if connection.ufrags.last() != Some(&ufrag) {
            if let Some(oldest) = connection.ufrags.note(ufrag.clone()) {
                self.demux.by_ufrag.remove(&oldest);
            }
            self.demux.by_ufrag.insert(ufrag, key);
        }
        mark(&mut self.dirty, connection, key);
    }

    /// What came over a signalling socket.
    pub(crate) fn signal(&mut self, signal: Signal, at: Instant) {
        match signal {
            Signal::Message(link, message) => self.client_message(link, message, at),
            Signal::Lost(link) => {
                let Some((room_key, peer)) = self.links.remove(&link) else { return };
                self.guarded(room_key, at, |engine| {
                    let now = engine.now(at);
                    let Some(room) = engine.rooms.get_mut(&room_key) else { return };
                    let Some(session) = room.sessions.get_mut(&peer) else { return };
                    if session.is_superseded(link) {
                        return;
                    }
                    session.link = None;
                    room.machine.link_lost(peer, now);
                    engine.settle(room_key, at);
                });
            }
        }
    }

    /// An encoded `livekit.SignalRequest` of a client; `link` is what [`Self::join`] gave.
    pub fn message(&mut self, link: u64, message: &Bytes, at: Instant) {
        self.client_message(link, ClientMessage::read(message), at);
    }

    fn client_message(&mut self, link: LinkId, message: Result<ClientMessage, Garbage>, at: Instant) {
        let Some((room_key, peer)) = self.links.get(&link).copied() else { return };
        let now = self.now(at);
        let served = catch_unwind(AssertUnwindSafe(|| {
            if let Some(room) = self.rooms.get_mut(&room_key)
                && room.sessions.get(&peer).is_some_and(|session| !session.is_superseded(link))
            {
                match message {
                    Ok(message) => room.machine.client_message(peer, message, now),
                    Err(Garbage) => {
                        metrics::counter!("media_drops_total", "reason" => "signal_garbage").increment(1);
                        room.machine.garbage(peer, now);
                    }
                }
            }
            self.settle(room_key, at);
        }));
        if served.is_err() {
            self.broken(ConnectionKey { room: room_key, peer, subscriber: false }, at);
        }
    }

    /// An order of the application.
    pub(crate) fn order(&mut self, order: Order, at: Instant) {
        let now = self.now(at);
        match order {
            Order::Connect { join, request, link, reply } => {
                let room = join.room.clone();
                let result = catch_unwind(AssertUnwindSafe(|| self.admit(&join, request, link, at)));
                let result = result.unwrap_or_else(|_| {
                    // How far it got nobody knows: the room is not to be trusted any more.
                    if let Some(key) = self.by_id.get(&room).copied() {
                        self.close_broken(key, at);
                    }
                    Err(ConnectError::Unavailable)
                });
                // The socket may be gone already; then its end of the link says so.
                let _ = reply.send(result);
            }
            Order::Permission { room, who, permission } => self.set_permission(&room, &who, permission, at),
            Order::Remove { room, who, why } => {
                self.on_room(&room, at, |room| room.machine.remove(&who, convert::remove_reason(why), now));
            }
            Order::Close { room } => self.on_room(&room, at, |room| room.machine.close(now)),
            Order::Mute { room, who, track, muted, reply } => {
                let mut result = Err(ports::media::MuteError::NoParticipant);
                self.on_room(&room, at, |room| {
                    let choice = convert::track_choice(track);
                    result = room.machine.mute(&who, &choice, muted).map_err(convert::mute_error);
                });
                let _ = reply.send(result);
            }
            Order::Participants { room, reply } => {
                let mut list = Vec::new();
                self.on_room(&room, at, |room| list = room.machine.participants());
                let _ = reply.send(list);
            }
            Order::Drain { reply } => {
                self.draining = true;
                for key in self.rooms.keys().copied().collect::<Vec<_>>() {
                    self.guarded(key, at, |engine| {
                        if let Some(room) = engine.rooms.get_mut(&key) {
                            room.machine.drain();
                        }
                        engine.settle(key, at);
                    });
                }
                let _ = reply.send(());
            }
        }
    }

    /// Replaces somebody's rights, as [`ports::media::MediaPlane::set_permission`] does.
    pub fn set_permission(&mut self, room: &RoomId, who: &Identity, permission: MediaPermission, at: Instant) {
        let now = self.now(at);
        self.on_room(room, at, |room| room.machine.set_permission(who, permission, now));
    }

    fn on_room(&mut self, id: &RoomId, at: Instant, act: impl FnOnce(&mut Room)) {
        let Some(key) = self.by_id.get(id).copied() else { return };
        self.guarded(key, at, |engine| {
            if let Some(room) = engine.rooms.get_mut(&key) {
                act(room);
            }
            engine.settle(key, at);
        });
    }

    /// Works on one room. A panic is a bug; it closes that room and leaves the others alone.
    fn guarded(&mut self, key: RoomKey, at: Instant, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            self.close_broken(key, at);
        }
    }

    /// Closes a room that is not to be trusted any more. Its clients come back and make another.
    fn close_broken(&mut self, key: RoomKey, at: Instant) {
        metrics::counter!("media_panics_total").increment(1);
        tracing::error!("a media room panicked and was closed");
        let now = self.now(at);
        let closed = catch_unwind(AssertUnwindSafe(|| {
            if let Some(room) = self.rooms.get_mut(&key) {
                room.machine.abort(now);
            }
            self.settle(key, at);
        }));
        if closed.is_ok() && !self.rooms.contains_key(&key) {
            return;
        }
        // Not even that works: the rest is done without it.
        let Some(room) = self.rooms.get_mut(&key) else { return };
        let peers: Vec<PeerKey> = room.sessions.keys().copied().collect();
        for session in room.sessions.values() {
            if let Some((_, link)) = &session.link {
                // A full queue means that its reader is gone anyway.
                let _ = link.try_send(SignalDown::Message(signal::leave_reconnect()));
                let _ = link.try_send(SignalDown::Close);
            }
            let event = MediaEvent {
                room: room.id.clone(),
                session: room.session.clone(),
                identity: session.identity.clone(),
                kind: MediaEventKind::Left,
                participant: Bytes::new(),
                track: Bytes::new(),
            };
            outputs::report(&self.events, event);
        }
        for peer in peers {
            self.drop_session(key, peer);
        }
        if let Some(room) = self.rooms.remove(&key) {
            self.by_id.remove(&room.id);
            self.timers.forget(&Timer::Room(key));
        }
    }

    /// The next moment [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Carries out what is due.
    pub fn handle_timeout(&mut self, at: Instant) {
        while let Some(timer) = self.timers.pop(at) {
            match timer {
                Timer::Connection(key) => {
                    let served = catch_unwind(AssertUnwindSafe(|| {
                        let connection = self
                            .rooms
                            .get_mut(&key.room)
                            .and_then(|room| room.sessions.get_mut(&key.peer)?.connection(key.subscriber));
                        let Some(connection) = connection else { return };
                        if connection.peer.handle_timeout(at).is_err() {
                            self.failed(key, at);
                        } else {
                            mark(&mut self.dirty, connection, key);
                        }
                    }));
                    if served.is_err() {
                        self.broken(key, at);
                    }
                }
                Timer::Room(key) => self.guarded(key, at, |engine| engine.room_timeout(key, at)),
            }
        }
    }

    fn room_timeout(&mut self, key: RoomKey, at: Instant) {
        let now = self.now(at);
        let mut news = News::default();
        let mut silent = Vec::new();
        let Some(room) = self.rooms.get_mut(&key) else { return };
        room.machine.handle_timeout(now);
        if room.next_tick <= at {
            room.next_tick = at + if room.forward.tracks.is_empty() { IDLE_TICK } else { TICK };
            room.forward.tick(at, &mut news);
            for peer in budget::share(room, at, &mut news) {
                let Some(session) = room.sessions.get_mut(&peer) else { continue };
                let subscriber = session.subscriber.is_some();
                mark(&mut self.dirty, session.down(), ConnectionKey { room: key, peer, subscriber });
            }
            for (peer, session) in &mut room.sessions {
                for subscriber in [false, true] {
                    let Some(connection) = session.connection(subscriber) else { continue };
                    if connection.connected && !connection.failed && at.duration_since(connection.last_heard) > SILENCE
                    {
                        silent.push(ConnectionKey { room: key, peer: *peer, subscriber });
                    }
                }
            }
        }
        if room.next_speakers <= at {
            room.next_speakers = at + SPEAKER_INTERVAL;
            let changed = room.speakers.update(room.forward.levels(at));
            let changed: Vec<(PeerKey, f32)> = changed
                .into_iter()
                .map(|speaker| (speaker.who, if speaker.active { speaker.level } else { 0.0 }))
                .collect();
            if !changed.is_empty() {
                room.machine.speakers(&changed);
            }
        }
        if room.next_quality <= at {
            room.next_quality = at + sfu::quality::WINDOW;
            let sessions = &room.sessions;
            let heard = |peer: PeerKey| {
                sessions.get(&peer).is_some_and(|session| {
                    at.saturating_duration_since(session.publisher.last_heard) < sfu::quality::WINDOW
                })
            };
            for (peer, score) in room.forward.scores(at, heard) {
                let quality = sfu::quality::quality(score);
                room.machine.quality(peer, quality as u8, sfu::quality::mean_opinion(score));
            }
        }
        for key in silent {
            self.failed(key, at);
        }
        self.spread(key, news, at);
        self.settle(key, at);
    }

    /// Carries out what a room's machine wants, sets its timer, and drops it when nobody is left.
    pub(crate) fn settle(&mut self, key: RoomKey, at: Instant) {
        let now = self.now(at);
        let Some(room) = self.rooms.get_mut(&key) else { return };
        let after = outputs::carry_out(room, now, &self.events);
        for peer in after.gone {
            self.drop_session(key, peer);
        }
        for (peer, subscriber) in after.touched {
            self.register(ConnectionKey { room: key, peer, subscriber });
        }
        self.spread(key, after.news, at);
        if let Some(room) = self.rooms.get(&key) {
            let due = [room.machine.poll_timeout(), Some(room.next_tick)].into_iter().flatten().min();
            if let Some(due) = due {
                self.timers.arm(Timer::Room(key), due);
            }
        }
        self.drop_if_empty(key);
    }

    pub(crate) fn drop_session(&mut self, room_key: RoomKey, peer: PeerKey) {
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        let Some(mut session) = room.sessions.remove(&peer) else { return };
        metrics::gauge!("media_sessions").decrement(1.0);
        if let Some((id, _)) = session.link.take() {
            self.links.remove(&id);
        }
        for subscriber in [false, true] {
            let key = ConnectionKey { room: room_key, peer, subscriber };
            self.timers.forget(&Timer::Connection(key));
            let Some(connection) = session.connection(subscriber) else { continue };
            for ufrag in connection.ufrags.iter() {
                self.demux.by_ufrag.remove(ufrag);
            }
            for address in connection.addresses.iter() {
                if self.demux.by_address.get(address) == Some(&key) {
                    self.demux.by_address.remove(address);
                }
            }
        }
    }

    fn drop_if_empty(&mut self, key: RoomKey) {
        if self.rooms.get(&key).is_some_and(|room| room.machine.is_empty() && room.sessions.is_empty())
            && let Some(room) = self.rooms.remove(&key)
        {
            self.by_id.remove(&room.id);
            self.timers.forget(&Timer::Room(key));
        }
    }
}

/// Puts a connection on the list of those with output.
pub(crate) fn mark(dirty: &mut Vec<ConnectionKey>, connection: &mut Connection, key: ConnectionKey) {
    if !std::mem::replace(&mut connection.dirty, true) {
        dirty.push(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::media::{CameraView, Sources};
    use prost::Message;
    use std::collections::BTreeMap;
    use wire::lk;

    fn join(room: &str, who: &str) -> MediaJoin {
        MediaJoin {
            room: RoomId::try_from(room).unwrap(),
            session: SessionId::try_from("session").unwrap(),
            identity: Identity::try_from(who).unwrap(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            permission: MediaPermission {
                publish: Sources::all(),
                subscribe: true,
                publish_data: true,
                hidden: false,
                moderator: false,
                cameras: CameraView::Everyone,
            },
            request: Bytes::new(),
            topology: ports::media::Topology::Single,
            relays: Vec::new(),
            relay_only: false,
        }
    }

    #[test]
    fn a_panic_in_one_room_closes_that_room_and_no_other() {
        let (events, _events_end) = mpsc::channel(64);
        let now = Instant::now();
        let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
        let links: Vec<_> = [("a", "ann"), ("a", "bob"), ("b", "cid")]
            .into_iter()
            .map(|(room, who)| {
                let (link, down) = mpsc::channel(64);
                engine.join(&join(room, who), link, now).unwrap();
                down
            })
            .collect();
        let broken = engine.by_id[&RoomId::try_from("a").unwrap()];

        engine.guarded(broken, now, |_| panic!("as a bug would"));

        assert_eq!(engine.rooms.len(), 1);
        let closed: Vec<bool> = links
            .into_iter()
            .map(|mut link| std::iter::from_fn(|| link.try_recv().ok()).any(|message| message == SignalDown::Close))
            .collect();
        assert_eq!(closed, [true, true, false]);
        let (link, _down) = mpsc::channel(64);
        assert!(engine.join(&join("a", "ann"), link, now).is_ok(), "they come back");
        assert_eq!(engine.rooms.len(), 2);
    }

    #[test]
    fn a_resume_after_the_publisher_connection_failed_keeps_the_session_of_two_connections() {
        let (events, _events_end) = mpsc::channel(64);
        let mut now = Instant::now();
        let mut engine = Engine::new(Vec::new(), 1, events).unwrap();
        let mut join = join("a", "ann");
        join.topology = ports::media::Topology::Dual;
        let (link, _down) = mpsc::channel(64);
        engine.join(&join, link, now).unwrap();
        let room = engine.by_id[&join.room];
        let key = |subscriber| ConnectionKey { room, peer: PeerKey(0), subscriber };
        for subscriber in [true, false] {
            let session = engine.rooms.get_mut(&room).unwrap().sessions.get_mut(&PeerKey(0)).unwrap();
            session.connection(subscriber).unwrap().connected = true;
            engine.came_up(key(subscriber), now);
        }

        engine.failed(key(false), now);
        join.request = lk::JoinRequest { reconnect: true, ..Default::default() }.encode_to_vec().into();
        let (link, _down) = mpsc::channel(64);
        engine.join(&join, link, now).unwrap();

        let session = engine.rooms.get_mut(&room).unwrap().sessions.get_mut(&PeerKey(0)).unwrap();
        assert!(session.primary().is_up() && !session.publisher.is_up());
        // Beyond the time in which somebody without a connection is put out; our offer would be answered by then.
        engine.rooms.get_mut(&room).unwrap().machine.answer_taken(PeerKey(0), true, engine_now(now));
        for _ in 0..120 {
            now += Duration::from_secs(1);
            let room = engine.rooms.get_mut(&room).expect("the room is there");
            room.sessions.get_mut(&PeerKey(0)).unwrap().subscriber.as_mut().unwrap().last_heard = now;
            engine.handle_timeout(now);
        }
        assert!(engine.rooms.contains_key(&room));
    }

    fn engine_now(at: Instant) -> Now {
        Now { at, unix_micros: 1_700_000_000_000_000 }
    }
}
