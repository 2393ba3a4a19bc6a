//! What stands between the sockets and the engine: TCP connections and the TURN server.
//!
//! Both look to the engine like clients at addresses of their own (see [`crate::detour`]). A panic ends the one way it was about,
//! as it does with a session (`engine::faults`).

use crate::detour::{self, Kind};
use crate::engine::{Datagram, Engine, faults};
use crate::framing::Framing;
use crate::neighbours::Neighbours;
use crate::socket::Outgoing;
use crate::streams::{MAX_STREAMS, Outbox, Sent, StreamEvent, StreamId, Weight};
use crate::traffic;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use turn::{Outcome, Transport};

/// Packets of connections that are taken each turn, so that datagrams are never kept waiting.
const PACKETS_PER_TURN: usize = 256;

/// Connections beyond which each new one takes the place of one that is not used, so that there is always room for more.
const ROOMY: usize = MAX_STREAMS - 64;

/// A connection over which nothing comes for so long is not used: a relay in reserve, or one whose client is elsewhere by now.
/// What is in use is checked every 4 to 6 seconds at least (RFC 7675 section 5.1).
const QUIET: Duration = Duration::from_secs(10);

/// How long a connection to the relay may be without an allocation: a client asks for one as soon as it is there.
const UNALLOCATED: Duration = Duration::from_secs(30);

/// How often such connections are looked for.
const LOOK: Duration = Duration::from_secs(5);

/// Where a TURN client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum TurnClient {
    /// Behind these two addresses of our UDP socket: theirs and ours.
    Datagrams(SocketAddr, SocketAddr),
    Stream(StreamId),
}

/// A connection, as the shard knows it.
#[derive(Debug)]
struct Stream {
    /// The address it has for the engine.
    address: SocketAddr,
    /// The one of ours that what comes over it is for.
    local: SocketAddr,
    framing: Framing,
    peer: SocketAddr,
    outbox: Outbox,
    opened: Instant,
    /// When something came over it.
    heard: Instant,
}

#[derive(Debug)]
struct Counters {
    packets: metrics::Counter,
    dropped: metrics::Counter,
    unproven: metrics::Counter,
    no_way: metrics::Counter,
    forged: metrics::Counter,
}

/// Where goes what arrives: to the shard's own engine, or to the shard whose client it is from.
#[derive(Debug)]
pub(crate) struct Inlet<'a> {
    pub(crate) engine: &'a mut Engine,
    pub(crate) neighbours: &'a mut Neighbours,
}

impl Inlet<'_> {
    /// A datagram of our own socket, on a shard that has no other ways. A source that stands for one is forged.
    pub(crate) fn datagram(&mut self, at: Instant, datagram: Datagram<'_>) {
        if detour::is_detour(&datagram.source) {
            return traffic::dropped("forged_source");
        }
        self.take(at, datagram);
    }

    fn take(&mut self, at: Instant, datagram: Datagram<'_>) {
        if !self.accept(at, datagram) {
            self.neighbours.count_unknown();
        }
    }

    /// What an address stood for is gone.
    fn closed(&mut self, at: Instant, address: SocketAddr) {
        if !self.engine.handle_closed(at, address) {
            self.neighbours.tell_closed(address);
        }
    }

    /// `false` if it is nobody's.
    fn accept(&mut self, at: Instant, datagram: Datagram<'_>) -> bool {
        let Datagram { source, destination, contents } = datagram;
        let neighbours = &mut *self.neighbours;
        self.engine.accept(at, datagram, || neighbours.holds(source, at))
            || neighbours.forward(source, destination, contents)
    }
}

/// Whether a datagram of our own socket is for the TURN server. Most are media, which need no second look.
pub(crate) fn is_for_turn(contents: &[u8]) -> bool {
    contents.first().is_some_and(|first| *first < 80) && turn::is_turn(contents)
}

/// All ways to clients besides our own socket.
#[derive(Debug)]
pub(crate) struct Ways {
    /// The address for which the engine takes what comes over a connection that is new.
    local: Option<SocketAddr>,
    events: mpsc::Receiver<StreamEvent>,
    streams: HashMap<StreamId, Stream>,
    by_address: HashMap<SocketAddr, StreamId>,
    turn: Option<turn::Server<TurnClient>>,
    next: u32,
    /// When connections without an allocation are looked for, if there may be some.
    look: Option<Instant>,
    counters: Counters,
    /// What the TURN server sends over our own socket.
    outbox: Vec<Outgoing>,
    /// Addresses of connections that are gone, until their clients' owners know.
    closed: Vec<SocketAddr>,
}

impl Ways {
    pub(crate) fn new(
        addresses: &[SocketAddr],
        events: mpsc::Receiver<StreamEvent>,
        turn: Option<turn::Config>,
        now: Instant,
    ) -> Self {
        let reason = |reason: &'static str| metrics::counter!("media_drops_total", "reason" => reason);
        Self {
            local: addresses.first().copied(),
            events,
            streams: HashMap::new(),
            by_address: HashMap::new(),
            turn: turn.map(|config| turn::Server::new(config, now)),
            next: 0,
            look: None,
            counters: Counters {
                packets: metrics::counter!("media_stream_packets_in_total"),
                dropped: reason("stream_queue"),
                unproven: reason("stream_unproven"),
                no_way: reason("no_way"),
                forged: reason("forged_source"),
            },
            outbox: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// Clients who come from now on are told of other addresses of ours.
    pub(crate) fn set_addresses(&mut self, addresses: &[SocketAddr]) {
        self.local = addresses.first().copied();
        if let Some(turn) = &mut self.turn {
            turn.add_peers(addresses);
        }
    }

    /// A datagram arrived at our socket.
    pub(crate) fn datagram(&mut self, inlet: &mut Inlet<'_>, at: Instant, datagram: Datagram<'_>) {
        if self.turn.is_some() && is_for_turn(datagram.contents) {
            let client = TurnClient::Datagrams(datagram.source, datagram.destination);
            return self.serve(client, |ways| ways.turn_datagram(inlet, at, client, datagram));
        }
        if detour::is_detour(&datagram.source) {
            self.counters.forged.increment(1);
            return;
        }
        inlet.take(at, datagram);
    }

    /// Takes what came over connections, and tells which of them are gone. `true` if there may be more.
    pub(crate) fn take(&mut self, inlet: &mut Inlet<'_>, at: Instant) -> bool {
        let mut more = true;
        for _ in 0..PACKETS_PER_TURN {
            let Ok(event) = self.events.try_recv() else {
                more = false;
                break;
            };
            self.serve(TurnClient::Stream(event.id()), |ways| ways.event(inlet, at, event));
        }
        self.closed.drain(..).for_each(|address| inlet.closed(at, address));
        while let Some((address, client)) = self.turn.as_mut().and_then(turn::Server::poll_gone) {
            inlet.closed(at, address);
            if let TurnClient::Stream(id) = client
                && self.turn.as_ref().is_some_and(|turn| !turn.serves(client))
            {
                self.close(id);
            }
        }
        more
    }

    /// Works for one client. A panic ends its way.
    fn serve(&mut self, client: TurnClient, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            faults::note_way();
            self.end(client);
        }
    }

    fn end(&mut self, client: TurnClient) {
        match (client, &mut self.turn) {
            (TurnClient::Stream(id), _) => self.close(id),
            (TurnClient::Datagrams(..), Some(turn)) => turn.forget(client),
            (TurnClient::Datagrams(..), None) => {}
        }
    }

    fn event(&mut self, inlet: &mut Inlet<'_>, at: Instant, event: StreamEvent) {
        match event {
            StreamEvent::Opened { id, framing, secure, peer, outbox } => {
                let Some(local) = self.local else { return };
                let address = detour::address(Kind::Stream, self.next, local.ip());
                self.next = self.next.wrapping_add(1);
                let carries = match (framing, secure) {
                    (Framing::Ice, _) => "ice_tcp",
                    (Framing::Turn, false) => "turn_tcp",
                    (Framing::Turn, true) => "turn_tls",
                };
                metrics::counter!("media_streams_total", "carries" => carries).increment(1);
                if self.streams.len() >= ROOMY {
                    self.make_room(at);
                }
                self.by_address.insert(address, id);
                self.streams.insert(id, Stream { address, local, framing, peer, outbox, opened: at, heard: at });
                if framing == Framing::Turn {
                    self.look.get_or_insert(at + LOOK);
                }
            }
            StreamEvent::Packet { id, contents } => {
                self.counters.packets.increment(1);
                let framing = self.streams.get_mut(&id).map(|stream| {
                    stream.heard = at;
                    stream.framing
                });
                match framing {
                    Some(Framing::Ice) => self.ice_packet(inlet, at, id, &contents),
                    Some(Framing::Turn) => self.turn_packet(inlet, at, id, &contents),
                    // It was closed on our side while this was on its way.
                    None => {}
                }
            }
            StreamEvent::Closed { id } => self.close(id),
        }
    }

    /// Closes a connection that is not used: the oldest to the relay without an allocation, whatever comes over it, or else the
    /// one that was quiet for longest.
    fn make_room(&mut self, at: Instant) {
        let unused = self.streams.iter().filter_map(|(id, stream)| {
            let is_idle = self.is_idle(*id, stream);
            let since = if is_idle { stream.opened } else { stream.heard };
            (at.saturating_duration_since(since) >= QUIET).then_some((!is_idle, since, *id))
        });
        if let Some((.., id)) = unused.min() {
            self.close(id);
        }
    }

    /// Whether that is a connection to the relay without an allocation.
    fn is_idle(&self, id: StreamId, stream: &Stream) -> bool {
        let serves = |turn: &turn::Server<TurnClient>| turn.serves(TurnClient::Stream(id));
        stream.framing == Framing::Turn && !self.turn.as_ref().is_some_and(serves)
    }

    /// Closes connections that have been without an allocation for too long.
    fn look_for_idle(&mut self, at: Instant) {
        let idle: Vec<(StreamId, Instant)> = self
            .streams
            .iter()
            .filter(|(id, stream)| self.is_idle(**id, stream))
            .map(|(id, stream)| (*id, stream.opened))
            .collect();
        let is_over = |opened: Instant| at.saturating_duration_since(opened) >= UNALLOCATED;
        self.look = idle.iter().any(|(_, opened)| !is_over(*opened)).then(|| at + LOOK);
        for (id, _) in idle.into_iter().filter(|(_, opened)| is_over(*opened)) {
            self.close(id);
        }
    }

    fn ice_packet(&mut self, inlet: &mut Inlet<'_>, at: Instant, id: StreamId, contents: &[u8]) {
        let Some(stream) = self.streams.get(&id) else { return };
        let (address, local) = (stream.address, stream.local);
        // The first packet proves whose connection it is, or the connection ends (section 17.4). It also ends when the client
        // is gone from the meeting.
        if !inlet.accept(at, Datagram { source: address, destination: local, contents }) {
            self.counters.unproven.increment(1);
            self.close(id);
        }
    }

    fn turn_datagram(&mut self, inlet: &mut Inlet<'_>, at: Instant, client: TurnClient, datagram: Datagram<'_>) {
        #[cfg(test)]
        faults::trip(faults::Point::Relay, &faults::nobody());
        let Some(turn) = &mut self.turn else { return };
        let (transport, source) = (Transport::Datagrams, datagram.source);
        match turn.handle_message(at, unix(), client, transport, source, datagram.contents) {
            Outcome::Reply(contents) => {
                let (source, destination) = (datagram.destination, datagram.source);
                self.outbox.push(Outgoing { source, destination, contents });
            }
            Outcome::Relay { from, to, payload } => {
                inlet.take(at, Datagram { source: from, destination: to, contents: payload });
            }
            Outcome::Dropped(why) => traffic::dropped(why.as_str()),
        }
    }

    fn turn_packet(&mut self, inlet: &mut Inlet<'_>, at: Instant, id: StreamId, contents: &[u8]) {
        #[cfg(test)]
        faults::trip(faults::Point::Relay, &faults::nobody());
        let (Some(turn), Some(stream)) = (&mut self.turn, self.streams.get(&id)) else {
            self.close(id);
            return;
        };
        let client = TurnClient::Stream(id);
        match turn.handle_message(at, unix(), client, Transport::Stream, stream.peer, contents) {
            Outcome::Reply(reply) => self.send_stream(id, reply, Weight::Vital),
            Outcome::Relay { from, to, payload } => {
                inlet.take(at, Datagram { source: from, destination: to, contents: payload });
            }
            Outcome::Dropped(why) => {
                traffic::dropped(why.as_str());
                // Over a connection nothing is lost or comes from elsewhere: who sends garbage means no good.
                if why == turn::Dropped::Garbage {
                    self.close(id);
                }
            }
        }
    }

    fn close(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.remove(&id) {
            self.by_address.remove(&stream.address);
            self.closed.push(stream.address);
        }
        if let Some(turn) = &mut self.turn {
            turn.forget(TurnClient::Stream(id));
        }
    }

    /// Sends a datagram of the engine, or queues it for our socket.
    pub(crate) fn send(
        &mut self,
        at: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        contents: Vec<u8>,
        queue: &mut Vec<Outgoing>,
    ) {
        match detour::kind(&destination) {
            None => queue.push(Outgoing { source, destination, contents }),
            Some(Kind::Stream) => {
                let Some(id) = self.by_address.get(&destination).copied() else {
                    self.counters.no_way.increment(1);
                    return;
                };
                let weight = Weight::of(&contents);
                self.send_stream(id, contents, weight);
            }
            Some(Kind::Relayed) => {
                let sent = catch_unwind(AssertUnwindSafe(|| self.relay(at, source, destination, &contents, queue)));
                if sent.is_err() {
                    faults::note_way();
                    if let Some(client) = self.turn.as_ref().and_then(|turn| turn.client_of(&destination)) {
                        self.end(client);
                    }
                }
            }
        }
    }

    fn relay(
        &mut self,
        at: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
        queue: &mut Vec<Outgoing>,
    ) {
        #[cfg(test)]
        faults::trip(faults::Point::Relay, &faults::nobody());
        match self.turn.as_mut().and_then(|turn| turn.to_client(at, destination, source, contents)) {
            Some((TurnClient::Datagrams(client, local), contents)) => {
                queue.push(Outgoing { source: local, destination: client, contents });
            }
            Some((TurnClient::Stream(id), wrapped)) => self.send_stream(id, wrapped, Weight::of(contents)),
            None => self.counters.no_way.increment(1),
        }
    }

    fn send_stream(&mut self, id: StreamId, contents: Vec<u8>, weight: Weight) {
        let Some(stream) = self.streams.get(&id) else { return };
        match stream.outbox.send(contents, weight) {
            Sent::Queued => {}
            Sent::Dropped => self.counters.dropped.increment(1),
            Sent::Gone => self.counters.no_way.increment(1),
        }
    }

    /// What the TURN server has to send over our own socket.
    pub(crate) fn drain(&mut self, queue: &mut Vec<Outgoing>) {
        queue.append(&mut self.outbox);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let swept = self.turn.as_ref().and_then(turn::Server::poll_timeout);
        [swept, self.look].into_iter().flatten().min()
    }

    pub(crate) fn handle_timeout(&mut self, at: Instant) {
        if self.look.is_some_and(|due| due <= at) {
            self.look_for_idle(at);
        }
        if let Some(turn) = &mut self.turn
            && turn.poll_timeout().is_some_and(|due| due <= at)
        {
            let swept = catch_unwind(AssertUnwindSafe(|| {
                #[cfg(test)]
                faults::trip(faults::Point::Sweep, &faults::nobody());
                turn.handle_timeout(at);
            }));
            if swept.is_err() {
                // Nobody knows whose fault it is.
                faults::note_way();
                turn.forget_all();
            }
            metrics::gauge!("media_turn_allocations").set(u32::try_from(turn.len()).unwrap_or(u32::MAX));
        }
    }
}

/// The time in seconds, for credentials.
fn unix() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
