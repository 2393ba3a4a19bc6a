//! The shard, two hundred clients and the network between them, in one memory and under one clock.

use super::net::Line;
use super::peer::{Kind, Knows, Peer, Sent};
use super::random::Random;
use media::{Datagram, Shards};
use model::media::MediaPermission;
use model::{Identity, RoomId, SessionId};
use ports::media::{MediaEvent, MediaJoin, Topology};
use prost::Message;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::bwe::BweKind;
use str0m::net::{Protocol, Receive};
use str0m::{Event, Input, Output};
use tokio::sync::mpsc;
use wire::lk;

/// Longest row of turns without time passing; more is a loop that never ends.
const MAX_TURNS: usize = 200;

/// Something on its way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Flight {
    ToClient { index: usize, address: SocketAddr, contents: Vec<u8> },
    ToShard { source: SocketAddr, contents: Vec<u8> },
}

pub(crate) struct World {
    pub(crate) engine: Shards,
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) server: SocketAddr,
    pub(crate) peers: Vec<Peer>,
    by_address: HashMap<SocketAddr, usize>,
    flights: BinaryHeap<Reverse<(Instant, u64, Flight)>>,
    launched: u64,
    /// What the meeting is told.
    pub(crate) events: mpsc::Receiver<MediaEvent>,
    chance: Random,
    /// Media datagrams the shard sent.
    pub(crate) forwarded: u64,
    pub(crate) most: media::Holdings,
}

pub(crate) fn permission() -> MediaPermission {
    MediaPermission { update_own: false, ..MediaPermission::FREE }
}

/// One shard; or two of them that share the members of every room with so many people, if so many are given or
/// `PLENUM_TEST_SPREAD` is set, so that all that is true of a small room can be seen to be true of a big one.
fn shards(server: SocketAddr, seed: u64, spread: Option<usize>, events: &mpsc::Sender<MediaEvent>) -> Shards {
    let wished = std::env::var("PLENUM_TEST_SPREAD").ok().map(|people| people.parse().unwrap());
    let spread = wished.or(spread);
    let mut shards = Shards::new(if spread.is_some() { 2 } else { 1 }, &[server], seed, events).unwrap();
    if let Some(people) = spread {
        shards.set_spread(people);
    }
    shards
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self::spread(seed, None)
    }

    /// Rooms of so many people are on two shards.
    pub(crate) fn spread(seed: u64, people: Option<usize>) -> Self {
        let server: SocketAddr = "192.0.2.1:8080".parse().unwrap();
        let (events, events_end) = mpsc::channel(64 * 1024);
        let now = Instant::now();
        Self {
            engine: shards(server, seed, people, &events),
            now,
            start: now,
            server,
            peers: Vec::new(),
            by_address: HashMap::new(),
            flights: BinaryHeap::new(),
            launched: 0,
            events: events_end,
            chance: Random::new(seed),
            forwarded: 0,
            most: media::Holdings::default(),
        }
    }

    fn media_join(peer: &Peer, room: &str, request: &lk::JoinRequest) -> MediaJoin {
        MediaJoin {
            room: RoomId::try_from(room).unwrap(),
            session: SessionId::try_from("session").unwrap(),
            identity: Identity::try_from(peer.name.as_str()).unwrap(),
            name: peer.name.clone(),
            metadata: String::new(),
            attributes: Default::default(),
            permission: permission(),
            request: request.encode_to_vec().into(),
            topology: if peer.subscriber.is_some() { Topology::Dual } else { Topology::Single },
            relays: Vec::new(),
            relay_only: false,
            kind: Default::default(),
            kind_details: Vec::new(),
        }
    }

    /// Somebody new who knows VP8 and Opus. Returns the index.
    pub(crate) fn join(&mut self, name: &str, room: &str, sections: u32) -> usize {
        self.join_with(name, room, Kind { sections, knows: Knows::LITTLE, adapts: false, dual: false })
    }

    /// Somebody new. Returns the index.
    pub(crate) fn join_with(&mut self, name: &str, room: &str, kind: Kind) -> usize {
        let index = self.peers.len();
        let addresses = [self.fresh_address(index), self.fresh_address(index)];
        let number = u16::try_from(index).unwrap();
        let (mut peer, request) = Peer::new(name.to_owned(), number, addresses, kind, &self.chance, self.now);
        let (link, down) = mpsc::channel(ports::media::SIGNAL_QUEUE);
        let join = Self::media_join(&peer, room, &request);
        peer.link = self.engine.join(&join, link, self.now).unwrap();
        peer.down = down;
        self.peers.push(peer);
        index
    }

    fn fresh_address(&mut self, index: usize) -> SocketAddr {
        let moved = u8::try_from(self.by_address.len() / 60_000).unwrap();
        let used = self.by_address.len() % 60_000;
        let address = SocketAddr::from(([198, 51, 100, moved], u16::try_from(1024 + used).unwrap()));
        self.by_address.insert(address, index);
        address
    }

    /// Its signalling socket breaks and it comes back on another one, with an ICE restart.
    pub(crate) fn resume(&mut self, index: usize, room: &str) {
        let now = self.now;
        self.engine.link_lost(self.peers[index].link, now);
        let (link, down) = mpsc::channel(ports::media::SIGNAL_QUEUE);
        let request = lk::JoinRequest { reconnect: true, ..Default::default() };
        let mut join = Self::media_join(&self.peers[index], room, &request);
        join.permission.subscribe = self.peers[index].deaf_since.is_none();
        if let Ok(link) = self.engine.join(&join, link, now) {
            self.peers[index].resumed(link, down);
        }
    }

    /// Its network changes: what it sends comes from elsewhere. The client restarts ICE by itself with the next resume.
    pub(crate) fn change_network(&mut self, index: usize, room: &str) {
        let addresses = [self.fresh_address(index), self.fresh_address(index)];
        let peer = &mut self.peers[index];
        for (connection, address) in peer.connections().zip(addresses) {
            connection.moves(address);
        }
        // What it sends from there before the shard has seen that it is the same client is lost.
        peer.up_line.was_clean = false;
        self.resume(index, room);
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        loop {
            // Whoever wants another turn at once gets it a moment later, as with any clock.
            let soonest = self.now + Duration::from_millis(1);
            let next = self.next_moment().map(|next| self.tick_of(next).max(soonest)).filter(|next| *next < end);
            let Some(next) = next else { break };
            self.now = next;
            self.settle();
        }
        self.now = end;
        self.settle();
        let holdings = self.engine.holdings();
        self.most.deadlines = self.most.deadlines.max(holdings.deadlines);
        self.most.addresses = self.most.addresses.max(holdings.addresses);
        self.most.names = self.most.names.max(holdings.names);
    }

    /// Time passes in milliseconds: what happens within one happens at its end.
    fn tick_of(&self, at: Instant) -> Instant {
        let millis = (at - self.start).as_nanos().div_ceil(1_000_000);
        self.start + Duration::from_millis(u64::try_from(millis).unwrap())
    }

    fn next_moment(&self) -> Option<Instant> {
        let flight = self.flights.peek().map(|Reverse((at, ..))| *at);
        let peers = self.peers.iter().filter(|peer| !peer.over);
        let due = peers.map(Peer::due).min();
        [flight, due, self.engine.poll_timeout()].into_iter().flatten().min()
    }

    /// Does everything that is due at this moment.
    fn settle(&mut self) {
        for _ in 0..MAX_TURNS {
            let mut moved = false;
            while self.flights.peek().is_some_and(|Reverse((at, ..))| *at <= self.now) {
                let Some(Reverse((_, _, flight))) = self.flights.pop() else { break };
                moved = true;
                self.arrive(flight);
            }
            for index in 0..self.peers.len() {
                moved |= self.turn(index);
            }
            moved |= self.engine.poll_timeout().is_some_and(|due| due <= self.now);
            self.engine.handle_timeout(self.now);
            moved |= self.drain_engine();
            if !moved {
                return;
            }
        }
        panic!("the world does not come to rest");
    }

    fn arrive(&mut self, flight: Flight) {
        match flight {
            Flight::ToClient { index, address, contents } => {
                let peer = &mut self.peers[index];
                if peer.over {
                    return;
                }
                let connection = peer.connections().find(|connection| connection.address == address);
                let Some(connection) = connection else { return };
                let Ok(receive) = Receive::new(Protocol::Udp, self.server, address, &contents) else { return };
                connection.rtc.handle_input(Input::Receive(self.now, receive)).unwrap();
                self.drain_peer(index);
            }
            Flight::ToShard { source, contents } => {
                let datagram = Datagram { source, destination: self.server, contents: &contents };
                self.engine.handle_datagram(self.now, datagram);
            }
        }
    }

    fn turn(&mut self, index: usize) -> bool {
        let now = self.now;
        let mut moved = self.peers[index].read_signals(&mut self.engine, now);
        if self.peers[index].over {
            return moved;
        }
        self.peers[index].shoot(now);
        // An answer gives the stack something to do, whatever it said before of when.
        if moved || self.peers[index].due() <= now {
            self.drain_peer(index);
            moved = true;
        }
        moved
    }

    fn drain_peer(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        while let Some((address, output)) = peer.poll(self.now) {
            match output {
                Output::Transmit(transmit) => {
                    if transmit.source != address {
                        continue;
                    }
                    if let Some(at) = peer.up_line.send(transmit.contents.len(), self.now) {
                        let contents: Vec<u8> = transmit.contents.into();
                        self.launched += 1;
                        let flight = Flight::ToShard { source: address, contents };
                        self.flights.push(Reverse((at, self.launched, flight)));
                    }
                }
                Output::Event(Event::Connected) => peer.connected |= address == peer.main.address,
                Output::Event(Event::RtpPacket(packet)) => peer.receive(&packet, self.now),
                Output::Event(Event::KeyframeRequest(_)) => peer.key_frame_asked(),
                Output::Event(Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. })) => {
                    peer.estimated(estimate.as_u64(), self.now);
                }
                Output::Event(_) | Output::Timeout(_) => {}
            }
        }
    }

    fn drain_engine(&mut self) -> bool {
        let mut out = Vec::new();
        self.engine.drain(self.now, &mut |_, destination, contents| out.push((destination, contents)));
        let moved = !out.is_empty();
        for (address, contents) in out {
            let Some(index) = self.by_address.get(&address).copied() else { panic!("a datagram to nobody") };
            let peer = &mut self.peers[index];
            if is_media(&contents) {
                self.forwarded += 1;
                note_sent(peer, &contents, self.now);
            }
            if let Some(at) = peer.down_line.send(contents.len(), self.now) {
                self.launched += 1;
                self.flights.push(Reverse((at, self.launched, Flight::ToClient { index, address, contents })));
            }
        }
        moved
    }

    /// The line of a client in both directions.
    pub(crate) fn lines(&mut self, index: usize) -> [&mut Line; 2] {
        let peer = &mut self.peers[index];
        [&mut peer.up_line, &mut peer.down_line]
    }
}

/// RTP, not RTCP (RFC 5761) nor anything else on the port (RFC 7983).
fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, second, ..] if !(192..=223).contains(second)) && datagram.len() > 12
}

/// Numbers and sources are not encrypted.
fn note_sent(peer: &mut Peer, datagram: &[u8], now: Instant) {
    let number = u16::from_be_bytes([datagram[2], datagram[3]]);
    let source = u32::from_be_bytes([datagram[8], datagram[9], datagram[10], datagram[11]]);
    // What measures the line and belongs to no stream comes from the source 0.
    // An answer that was under way when the signalling socket broke is lost, and what it names comes with the next one.
    let settled = now > peer.steady_since + Duration::from_secs(2);
    if source != 0 && settled && !peer.announced.contains(&source) {
        peer.strangers.entry(source).or_insert_with(|| {
            let what = format!("{} bytes of type {}", datagram.len(), datagram[1] & 0x7f);
            (now, what)
        });
    }
    if source == 0 || peer.repeats.contains(&source) {
        return;
    }
    if peer.deaf_since.is_some_and(|since| now > since + Duration::from_secs(1)) && peer.problems.len() < 10 {
        peer.problems.push(format!("source {source} is forwarded to somebody who may not receive"));
    }
    match peer.sent.entry(source) {
        std::collections::hash_map::Entry::Occupied(mut known) => known.get_mut().note(number, now),
        std::collections::hash_map::Entry::Vacant(new) => {
            new.insert(Sent::new(number, now));
        }
    }
}
