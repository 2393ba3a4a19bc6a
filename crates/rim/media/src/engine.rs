//! A shard without its sockets: datagrams, orders and time in; datagrams and events out.
//!
//! Everything a session can break is broken for that session alone: a panic while one is served closes it and is counted.

use crate::convert;
use crate::forward::{Forward, News};
use crate::outputs;
use crate::plane::{LinkEnd, LinkId, Order, Signal};
use crate::session::{Connection, Quality, Session};
use crate::stun;
use crate::timers::Timers;
use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::media::{ConnectError, MediaEvent, MediaJoin, SignalDown};
use rtc::{Event, Output, PeerFactory};
use sfu::level::{SPEAKER_INTERVAL, Speakers};
use signal::{Connected, MediaRoom, Now, PeerKey};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// Regular work of a room: layer liveness, key frames, dynacast.
const TICK: Duration = Duration::from_millis(100);

/// Nothing heard for so long: the connection failed (media-protocol.md section 4.5).
const SILENCE: Duration = Duration::from_secs(15);

/// How often a connection may ask for the same moment again while it is drained.
const MAX_TURNS: u32 = 8;

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
enum Timer {
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
    by_address: HashMap<SocketAddr, ConnectionKey>,
    by_ufrag: HashMap<String, ConnectionKey>,
}

/// A shard's state.
#[derive(Debug)]
pub struct Engine {
    factory: PeerFactory,
    addresses: Vec<SocketAddr>,
    events: mpsc::UnboundedSender<MediaEvent>,
    pub(crate) rooms: HashMap<RoomKey, Room>,
    by_id: HashMap<RoomId, RoomKey>,
    links: HashMap<LinkId, (RoomKey, PeerKey)>,
    demux: Demux,
    timers: Timers<Timer>,
    dirty: Vec<ConnectionKey>,
    /// Datagrams to send: from, to, contents.
    outbox: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
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
    pub fn new(addresses: Vec<SocketAddr>, seed: u64, events: mpsc::UnboundedSender<MediaEvent>) -> Option<Self> {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(Self {
            factory: PeerFactory::new()?,
            addresses,
            events,
            rooms: HashMap::new(),
            by_id: HashMap::new(),
            links: HashMap::new(),
            demux: Demux::default(),
            timers: Timers::new(),
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

    pub(crate) fn now(&self, at: Instant) -> Now {
        let since = u64::try_from(at.saturating_duration_since(self.epoch.0).as_micros()).unwrap_or(0);
        Now { at, unix_micros: self.epoch.1 + since }
    }

    /// Joins or resumes without a thread in between, as the thread does for [`ports::media::MediaPlane::connect`].
    ///
    /// # Errors
    /// The request is malformed, or the plane is stopping.
    pub fn join(&mut self, join: &MediaJoin, link: mpsc::Sender<SignalDown>, at: Instant) -> Result<u64, ConnectError> {
        if self.draining {
            return Err(ConnectError::Unavailable);
        }
        let now = self.now(at);
        let known = self.by_id.get(&join.room).copied();
        let room_key = match known {
            Some(key) => key,
            None => self.make_room(join, now),
        };
        let peer = PeerKey(self.next_peer);
        self.next_peer += 1;
        let Some(room) = self.rooms.get_mut(&room_key) else { return Err(ConnectError::Unavailable) };
        let connected = room.machine.connect(convert::connect(peer, join), now);
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
            }
            Ok(Connected::New) => {
                metrics::counter!("media_joins_total").increment(1);
                self.new_session(room_key, peer, join, (id, link), at);
            }
        }
        self.settle(room_key, at);
        Ok(id)
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

    fn new_session(&mut self, room_key: RoomKey, peer: PeerKey, join: &MediaJoin, link: (LinkId, LinkEnd), at: Instant) {
        let dual = join.topology == ports::media::Topology::Dual;
        let mut connection = || Connection::new(self.factory.peer(&self.addresses, at), at);
        let session = Session {
            publisher: connection(),
            subscriber: dual.then(&mut connection),
            subscriber_primary: dual && join.permission.subscribe,
            quality: Quality::default(),
            link: Some(link),
        };
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        if let Some((id, _)) = &session.link {
            self.links.insert(*id, (room_key, peer));
        }
        room.sessions.insert(peer, session);
        for subscriber in [false, true] {
            self.register(ConnectionKey { room: room_key, peer, subscriber });
        }
    }

    /// Makes a connection callable under its current ICE name.
    fn register(&mut self, key: ConnectionKey) {
        let Some(connection) = self.rooms.get_mut(&key.room).and_then(|room| room.sessions.get_mut(&key.peer)?.connection(key.subscriber)) else {
            return;
        };
        let ufrag = connection.peer.local_ufrag();
        if connection.ufrags.last() != Some(&ufrag) {
            connection.ufrags.push(ufrag.clone());
            self.demux.by_ufrag.insert(ufrag, key);
        }
        mark(&mut self.dirty, connection, key);
    }

    /// What came over a signalling socket.
    pub(crate) fn signal(&mut self, signal: Signal, at: Instant) {
        match signal {
            Signal::Message(link, message) => self.message(link, &message, at),
            Signal::Lost(link) => {
                let Some((room_key, peer)) = self.links.remove(&link) else { return };
                let now = self.now(at);
                let Some(room) = self.rooms.get_mut(&room_key) else { return };
                if let Some(session) = room.sessions.get_mut(&peer) {
                    session.link = None;
                }
                room.machine.link_lost(peer, now);
                self.settle(room_key, at);
            }
        }
    }

    /// An encoded `livekit.SignalRequest` of a client; `link` is what [`Self::join`] gave.
    pub fn message(&mut self, link: u64, message: &Bytes, at: Instant) {
        let Some((room_key, peer)) = self.links.get(&link).copied() else { return };
        let now = self.now(at);
        let served = catch_unwind(AssertUnwindSafe(|| {
            if let Some(room) = self.rooms.get_mut(&room_key) {
                room.machine.request(peer, message, now);
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
            Order::Connect { join, link, reply } => {
                let room = join.room.clone();
                let result = catch_unwind(AssertUnwindSafe(|| self.join(&join, link, at)));
                let result = result.unwrap_or_else(|_| {
                    metrics::counter!("media_panics_total").increment(1);
                    if let Some(key) = self.by_id.get(&room).copied() {
                        self.drop_if_empty(key);
                    }
                    Err(ConnectError::Unavailable)
                });
                // The socket may be gone already; then its end of the link says so.
                let _ = reply.send(result);
            }
            Order::Permission { room, who, permission } => {
                self.on_room(&room, at, |room| room.machine.set_permission(&who, permission, now));
            }
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
                    if let Some(room) = self.rooms.get_mut(&key) {
                        room.machine.drain();
                    }
                    self.settle(key, at);
                }
                let _ = reply.send(());
            }
        }
    }

    fn on_room(&mut self, id: &RoomId, at: Instant, act: impl FnOnce(&mut Room)) {
        let Some(key) = self.by_id.get(id).copied() else { return };
        if let Some(room) = self.rooms.get_mut(&key) {
            act(room);
        }
        self.settle(key, at);
    }

    /// A datagram arrived.
    pub fn handle_datagram(&mut self, at: Instant, datagram: Datagram<'_>) {
        let destination = self.local_address(datagram.destination);
        let Some(key) = self.route(at, &datagram, destination) else {
            metrics::counter!("media_drops_total", "reason" => "unknown_source").increment(1);
            return;
        };
        let served = catch_unwind(AssertUnwindSafe(|| {
            let Some(room) = self.rooms.get_mut(&key.room) else { return };
            let Some(connection) = room.sessions.get_mut(&key.peer).and_then(|session| session.connection(key.subscriber)) else {
                return;
            };
            connection.last_heard = at;
            let again = std::mem::take(&mut connection.failed) && connection.connected;
            if connection.peer.handle_datagram(at, datagram.source, destination, datagram.contents).is_err() {
                self.failed(key, at);
                return;
            }
            // The stack holds one packet at a time: it has to be taken before the next datagram goes in.
            self.drain_one(key, at);
            if again {
                self.came_up(key, at);
            }
        }));
        if served.is_err() {
            self.broken(key, at);
        }
    }

    /// The candidate a datagram was sent to; behind address translation it is not the address it arrived on.
    fn local_address(&self, arrived: SocketAddr) -> SocketAddr {
        if self.addresses.contains(&arrived) {
            return arrived;
        }
        self.addresses.iter().copied().find(|address| address.is_ipv4() == arrived.is_ipv4()).unwrap_or(arrived)
    }

    fn route(&mut self, at: Instant, datagram: &Datagram<'_>, destination: SocketAddr) -> Option<ConnectionKey> {
        let known = self.demux.by_address.get(&datagram.source).copied();
        let Some(ufrag) = stun::local_ufrag(datagram.contents) else { return known };
        let called = self.demux.by_ufrag.get(ufrag).copied();
        match (known, called) {
            (Some(known), Some(called)) if known == called => Some(known),
            (_, Some(called)) => {
                // A new address: believed once the request proves that it knows the password.
                let connection = self.rooms.get_mut(&called.room)?.sessions.get_mut(&called.peer)?.connection(called.subscriber)?;
                if !connection.peer.accepts(at, datagram.source, destination, datagram.contents) {
                    return None;
                }
                connection.addresses.push(datagram.source);
                self.demux.by_address.insert(datagram.source, called);
                Some(called)
            }
            (known, None) => known,
        }
    }

    /// Sends what there is to send and lets packets and news take effect. What goes to one client comes in a row.
    pub fn drain(&mut self, at: Instant, transmit: &mut impl FnMut(SocketAddr, SocketAddr, Vec<u8>)) {
        while let Some(key) = self.dirty.pop() {
            let served = catch_unwind(AssertUnwindSafe(|| self.drain_one(key, at)));
            if served.is_err() {
                self.broken(key, at);
            }
        }
        for (source, destination, contents) in self.outbox.drain(..) {
            transmit(source, destination, contents);
        }
    }

    fn drain_one(&mut self, key: ConnectionKey, at: Instant) {
        let mut turns = MAX_TURNS;
        loop {
            let Some(connection) = self.rooms.get_mut(&key.room).and_then(|room| room.sessions.get_mut(&key.peer)?.connection(key.subscriber)) else {
                return;
            };
            connection.dirty = false;
            match connection.peer.poll() {
                // What was just written waits for the stack to notice the time.
                Ok(Output::Timeout(due)) if due <= at && turns > 0 => {
                    turns -= 1;
                    if connection.peer.handle_timeout(at).is_err() {
                        self.failed(key, at);
                        return;
                    }
                }
                Ok(Output::Timeout(due)) => {
                    self.timers.arm(Timer::Connection(key), due);
                    return;
                }
                Ok(Output::Transmit { source, destination, contents }) => self.outbox.push((source, destination, contents)),
                Ok(Output::Event(event)) => self.event(key, event, at),
                Err(_) => {
                    self.failed(key, at);
                    return;
                }
            }
        }
    }

    fn event(&mut self, key: ConnectionKey, event: Event, at: Instant) {
        let now = self.now(at);
        let Some(room) = self.rooms.get_mut(&key.room) else { return };
        match event {
            Event::Packet(packet) => {
                let Some(session) = room.sessions.get(&key.peer) else { return };
                if key.subscriber {
                    return;
                }
                let Some(track) = session.publisher.ups.get(usize::from(packet.section)).copied().flatten() else {
                    metrics::counter!("media_drops_total", "reason" => "unpublished").increment(1);
                    return;
                };
                let mut news = News::default();
                let dirty = &mut self.dirty;
                room.forward.packet(track, &packet, &mut room.sessions, at, |peer, subscriber| {
                    dirty.push(ConnectionKey { room: key.room, peer, subscriber });
                });
                room.forward.collect(track, at, &mut news);
                self.spread(key.room, news, at);
            }
            Event::Connected => {
                if let Some(connection) = room.sessions.get_mut(&key.peer).and_then(|session| session.connection(key.subscriber)) {
                    connection.connected = true;
                }
                self.came_up(key, at);
            }
            Event::KeyFrameWanted { section } => {
                let track = room.sessions.get_mut(&key.peer).and_then(|session| session.connection(key.subscriber)).and_then(|connection| connection.downs.get(usize::from(section)).copied().flatten());
                if let Some(track) = track {
                    let mut news = News::default();
                    room.forward.key_frame_wanted(track, key.peer);
                    room.forward.collect(track, at, &mut news);
                    self.spread(key.room, news, at);
                }
            }
            Event::ChannelOpen(channel) => {
                if let Some(connection) = room.sessions.get_mut(&key.peer).and_then(|session| session.connection(key.subscriber)) {
                    connection.opened(channel);
                    mark(&mut self.dirty, connection, key);
                }
            }
            Event::Message(channel, message) => {
                room.machine.message(key.peer, channel == rtc::Channel::Reliable, &message, now);
                self.settle(key.room, at);
            }
            Event::Report(report) => {
                let Some(connection) = room.sessions.get_mut(&key.peer).and_then(|session| session.connection(key.subscriber)) else { return };
                let table = if report.up { &connection.ups } else { &connection.downs };
                let Some(track) = table.get(usize::from(report.section)).copied().flatten() else { return };
                if report.up {
                    if let Some(up) = room.forward.tracks.get_mut(&track) {
                        up.window.report(&report);
                    }
                } else {
                    room.forward.down_report(track, key.peer, &report);
                }
            }
            Event::Closed => self.failed(key, at),
        }
    }

    fn spread(&mut self, room_key: RoomKey, news: News, at: Instant) {
        if news.wanted.is_empty() && news.key_frames.is_empty() {
            return;
        }
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        for (peer, section, layer, hard) in news.key_frames {
            let Some(session) = room.sessions.get_mut(&peer) else { continue };
            session.publisher.peer.request_key_frame(section, layer, hard);
            metrics::counter!("media_key_frames_requested_total").increment(1);
            mark(&mut self.dirty, &mut session.publisher, ConnectionKey { room: room_key, peer, subscriber: false });
        }
        if !news.wanted.is_empty() {
            for (track, best) in news.wanted {
                room.machine.wanted_quality(track, best);
            }
            self.settle(room_key, at);
        }
    }

    /// A connection is up for the first time or again.
    fn came_up(&mut self, key: ConnectionKey, at: Instant) {
        let now = self.now(at);
        let Some(room) = self.rooms.get_mut(&key.room) else { return };
        let primary = room.sessions.get(&key.peer).is_some_and(|session| session.subscriber_primary == key.subscriber);
        if primary {
            room.machine.connected(key.peer, now);
            self.settle(key.room, at);
        }
    }

    fn failed(&mut self, key: ConnectionKey, at: Instant) {
        let now = self.now(at);
        let Some(room) = self.rooms.get_mut(&key.room) else { return };
        if let Some(connection) = room.sessions.get_mut(&key.peer).and_then(|session| session.connection(key.subscriber)) {
            connection.failed = true;
        }
        room.machine.connection_failed(key.peer, now);
        self.settle(key.room, at);
    }

    /// Serving a session panicked: it ends, nobody else notices.
    fn broken(&mut self, key: ConnectionKey, at: Instant) {
        metrics::counter!("media_panics_total").increment(1);
        tracing::error!("a media session panicked and was closed");
        let now = self.now(at);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            if let Some(room) = self.rooms.get_mut(&key.room) {
                room.machine.session_failed(key.peer, now);
            }
            self.settle(key.room, at);
        }));
        if ended.is_err() {
            self.drop_session(key.room, key.peer);
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
                        let connection = self.rooms.get_mut(&key.room).and_then(|room| room.sessions.get_mut(&key.peer)?.connection(key.subscriber));
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
                Timer::Room(key) => self.room_timeout(key, at),
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
            room.next_tick = at + TICK;
            room.forward.tick(at, &mut news);
            for (peer, session) in &mut room.sessions {
                for subscriber in [false, true] {
                    let Some(connection) = session.connection(subscriber) else { continue };
                    if connection.connected && !connection.failed && at.duration_since(connection.last_heard) > SILENCE {
                        silent.push(ConnectionKey { room: key, peer: *peer, subscriber });
                    }
                }
            }
        }
        if room.next_speakers <= at {
            room.next_speakers = at + SPEAKER_INTERVAL;
            let changed = room.speakers.update(room.forward.levels(at));
            let changed: Vec<(PeerKey, f32)> = changed.into_iter().map(|speaker| (speaker.who, if speaker.active { speaker.level } else { 0.0 })).collect();
            if !changed.is_empty() {
                room.machine.speakers(&changed);
            }
        }
        if room.next_quality <= at {
            room.next_quality = at + sfu::quality::WINDOW;
            for (peer, score) in room.forward.scores() {
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

    fn drop_session(&mut self, room_key: RoomKey, peer: PeerKey) {
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        let Some(mut session) = room.sessions.remove(&peer) else { return };
        if let Some((id, _)) = session.link.take() {
            self.links.remove(&id);
        }
        for subscriber in [false, true] {
            let key = ConnectionKey { room: room_key, peer, subscriber };
            self.timers.forget(&Timer::Connection(key));
            let Some(connection) = session.connection(subscriber) else { continue };
            for ufrag in &connection.ufrags {
                self.demux.by_ufrag.remove(ufrag);
            }
            for address in &connection.addresses {
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
fn mark(dirty: &mut Vec<ConnectionKey>, connection: &mut Connection, key: ConnectionKey) {
    if !std::mem::replace(&mut connection.dirty, true) {
        dirty.push(key);
    }
}
