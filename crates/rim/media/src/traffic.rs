//! The part of the engine that datagrams pass through.

use crate::arrivals::{Arrived, drain_now};
#[cfg(test)]
use crate::engine::faults;
use crate::engine::guests::line_of;
use crate::engine::{ConnectionKey, Datagram, Engine, RoomKey, mark};
use crate::far::Word;
use crate::forward::News;
use crate::line::{Told, leaving_by};
use crate::stun;
use rtc::Event;
use signal::{MediaRoom, PeerKey};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Of what is on its way to many so many packets leave before it is looked what has come meanwhile: some 200 microseconds.
const SWEPT_AT_ONCE: usize = 48;

/// Something of a client's was thrown away. Rare enough to look the counter up.
pub(crate) fn dropped(reason: &'static str) {
    metrics::counter!("media_drops_total", "reason" => reason).increment(1);
}

impl Engine {
    /// A datagram arrived.
    pub fn handle_datagram(&mut self, at: Instant, datagram: Datagram<'_>) {
        if !self.accept(at, datagram, || false) {
            self.counters.unknown_source.increment(1);
        }
    }

    /// Takes a datagram if it is for one of ours. `is_held` says whether a client of another shard has proven to be where it
    /// comes from.
    pub(crate) fn accept(&mut self, at: Instant, datagram: Datagram<'_>, is_held: impl FnOnce() -> bool) -> bool {
        let mut routed = None;
        let served = catch_unwind(AssertUnwindSafe(|| {
            routed = self.route(at, &datagram, is_held);
            let Some(key) = routed else { return };
            let Some(line) = line_of(&mut self.rooms, &mut self.guests, key) else { return };
            let local = line.peer.known_as(datagram.destination);
            line.arrived = Some((local, datagram.destination));
            let asked = line.heard(at, datagram.source, datagram.destination, datagram.contents);
            self.outbox.extend(asked.question);
            if asked.is_moved {
                self.counters.path_changes.increment(1);
            }
            let failed = line.failed;
            if line.refuses(at, datagram.contents) {
                dropped("data_flood");
                return;
            }
            match line.peer.handle_datagram(at, datagram.source, local, datagram.contents) {
                Ok(None) => {}
                Ok(Some(why)) => dropped(why.as_str()),
                Err(_) => {
                    self.died(key, at);
                    return;
                }
            }
            // The stack holds one packet at a time: it has to be taken before the next datagram goes in.
            self.drain_one(key, at);
            if failed && self.is_back(key, at) {
                self.heard_again(key, at);
            }
        }));
        match (served, routed) {
            (Ok(()), None) => return false,
            (Ok(()), Some(_)) => {}
            (Err(_), Some(key)) => self.broken(key, at),
            // Whoever sent it has not proven to be anybody yet.
            (Err(_), None) => {
                self.note_question();
                return false;
            }
        }
        true
    }

    /// Whether a connection that is taken for failed was heard now. It is not any more, then.
    fn is_back(&mut self, key: ConnectionKey, at: Instant) -> bool {
        let line = line_of(&mut self.rooms, &mut self.guests, key);
        line.filter(|line| line.last_heard() >= at).is_some_and(|line| std::mem::take(&mut line.failed))
    }

    /// The TCP connection or TURN allocation that an address stands for is gone. `false` if that is nothing to anybody here.
    pub fn handle_closed(&mut self, at: Instant, address: SocketAddr) -> bool {
        let Some(key) = self.forget_address(&address) else { return false };
        let told = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            if let Some(session) = self.rooms.get(&key.room).and_then(|room| room.sessions.get(&key.peer)) {
                faults::trip(faults::Point::Closed, &session.identity);
            }
            if let Some(line) = line_of(&mut self.rooms, &mut self.guests, key)
                && line.closed(at, address)
            {
                self.counters.path_changes.increment(1);
            }
        }));
        if told.is_err() {
            self.broken(key, at);
        }
        true
    }

    fn route(&mut self, at: Instant, datagram: &Datagram<'_>, is_held: impl FnOnce() -> bool) -> Option<ConnectionKey> {
        let known = self.demux.by_address.get(&datagram.source).copied();
        let Some(ufrag) = stun::local_ufrag(datagram.contents) else { return known };
        let called = self.demux.by_ufrag.get(ufrag).copied();
        match (known, called) {
            (Some(known), Some(called)) if known == called => {
                self.note_address(known, datagram.source);
                Some(known)
            }
            (_, Some(called)) => {
                // A new address: believed once the request proves that it knows the password.
                let line = line_of(&mut self.rooms, &mut self.guests, called)?;
                let destination = line.peer.known_as(datagram.destination);
                if !line.peer.accepts(at, datagram.source, destination, datagram.contents) {
                    return None;
                }
                // Anybody can write somebody else's address on a check of their own.
                if self.holds(datagram.source, at) || is_held() {
                    return Some(called);
                }
                let line = line_of(&mut self.rooms, &mut self.guests, called)?;
                if line.addresses.last().is_some_and(|last| *last != datagram.source) {
                    metrics::counter!("media_reconnects_total", "reason" => "address").increment(1);
                }
                self.demux.by_address.insert(datagram.source, called);
                self.note_address(called, datagram.source);
                Some(called)
            }
            // The address was one of ours, and now somebody else's client is there.
            (Some(_), None) if self.registry.named(ufrag).is_some_and(|shard| shard != self.shard) => None,
            (known, None) => known,
        }
    }

    /// Whether a client of ours is there for certain, so that nobody else is.
    pub(crate) fn holds(&mut self, address: SocketAddr, at: Instant) -> bool {
        let known = self.demux.by_address.get(&address).copied();
        let line = known.and_then(|known| line_of(&mut self.rooms, &mut self.guests, known));
        line.is_some_and(|line| line.path.holds(address, at))
    }

    /// A client checked an address of its own. The one it has not checked for longest makes room.
    fn note_address(&mut self, key: ConnectionKey, address: SocketAddr) {
        let line = line_of(&mut self.rooms, &mut self.guests, key);
        if let Some(oldest) = line.and_then(|line| line.addresses.note(address))
            && self.demux.by_address.get(&oldest) == Some(&key)
        {
            self.demux.by_address.remove(&oldest);
        }
    }

    /// What comes from that address is for nobody here any more. For whom it was.
    pub(crate) fn forget_address(&mut self, address: &SocketAddr) -> Option<ConnectionKey> {
        let key = self.demux.by_address.remove(address)?;
        if let Some(line) = line_of(&mut self.rooms, &mut self.guests, key) {
            line.addresses.forget(address);
        }
        Some(key)
    }

    /// Hands out what arrived, sends what there is to send and lets news take effect. What goes to one client comes in a row.
    pub fn drain(&mut self, at: Instant, transmit: &mut impl FnMut(SocketAddr, SocketAddr, Vec<u8>)) {
        while self.drain_some(at, transmit) {}
    }

    /// The same, but of what is on its way to many only a part is sent, so that what comes meanwhile goes along with the rest. Whether
    /// there is more to do.
    pub(crate) fn drain_some(
        &mut self,
        at: Instant,
        transmit: &mut impl FnMut(SocketAddr, SocketAddr, Vec<u8>),
    ) -> bool {
        let mut send = leaving_by(transmit);
        send(&mut self.outbox);
        self.hand_out(at);
        self.sweep(at, SWEPT_AT_ONCE, &mut send);
        while !(self.arrived.is_empty() && self.dirty.is_empty()) {
            self.hand_out(at);
            if let Some(key) = self.dirty.pop() {
                self.drain_one(key, at);
            }
            send(&mut self.outbox);
        }
        self.give_up(at);
        !(self.sweep.is_empty() && self.dirty.is_empty())
    }

    fn drain_one(&mut self, key: ConnectionKey, at: Instant) {
        let Some(line) = line_of(&mut self.rooms, &mut self.guests, key) else { return self.dispatch(key) };
        drain_now(line, key, at, &mut self.outbox, &mut self.told, &mut self.timers);
        self.take_told(at);
    }

    /// Lets take effect what connections told while they were drained.
    pub(crate) fn take_told(&mut self, at: Instant) {
        if self.told.is_empty() {
            return;
        }
        let mut told = std::mem::take(&mut self.told);
        for (key, told) in told.drain(..) {
            let taken = catch_unwind(AssertUnwindSafe(|| match told {
                Told::Event(event) => self.event(key, event, at),
                Told::Died => self.died(key, at),
                Told::Broken => self.broken(key, at),
            }));
            if taken.is_err() {
                self.broken(key, at);
            }
        }
        // Its place is used again.
        if self.told.is_empty() {
            self.told = told;
        }
    }

    pub(crate) fn event(&mut self, key: ConnectionKey, event: Event, at: Instant) {
        if let Event::ChannelOpen(channel) = event {
            if let Some(line) = line_of(&mut self.rooms, &mut self.guests, key) {
                let taken = line.opened(channel);
                mark(&mut self.dirty, &mut line.dirty, key);
                if !taken {
                    self.choked(key, at);
                }
            }
            return;
        }
        if let Event::Dropped(why) = event {
            return dropped(why.as_str());
        }
        if self.is_guest(&key) {
            return self.tell_home(key, event);
        }
        let now = self.now(at);
        let Some(room) = self.rooms.get_mut(&key.room) else { return };
        match event {
            Event::Packet(packet) => {
                let Some(session) = room.sessions.get(&key.peer) else { return };
                if key.subscriber {
                    return;
                }
                let Some(track) = session.publisher.ups.get(usize::from(packet.section)).copied().flatten() else {
                    self.counters.unpublished.increment(1);
                    return;
                };
                self.arrived.push(Arrived { from: key, track, packet });
            }
            Event::Connected => {
                if let Some(connection) =
                    room.sessions.get_mut(&key.peer).and_then(|session| session.connection(key.subscriber))
                {
                    connection.connected = true;
                    connection.up_since.get_or_insert(at);
                }
                self.came_up(key, at);
            }
            Event::KeyFrameWanted { section } => {
                let track = room
                    .sessions
                    .get_mut(&key.peer)
                    .and_then(|session| session.connection(key.subscriber))
                    .and_then(|connection| connection.downs.get(usize::from(section)).copied().flatten());
                if let Some(track) = track {
                    let mut news = News::default();
                    room.forward.key_frame_wanted(track, key.peer);
                    room.forward.collect(track, at, &mut news);
                    self.spread(key.room, news, at);
                }
            }
            // Done with above.
            Event::ChannelOpen(_) | Event::Dropped(_) => {}
            Event::Message(channel, message) => {
                if let Some(why) = room.machine.message(key.peer, channel == rtc::Channel::Reliable, &message, now) {
                    dropped(why.as_str());
                }
                // Of lossy data what is too much is lost.
                if channel == rtc::Channel::Reliable
                    && let Some(until) = room.machine.data_rests(key.peer)
                    && let Some(session) = room.sessions.get_mut(&key.peer)
                    && let Some(connection) = session.connection(key.subscriber)
                {
                    connection.rest(until);
                }
                if room.machine.has_output() {
                    self.settle(key.room, at);
                }
            }
            Event::Report(report) => {
                let Some(connection) =
                    room.sessions.get_mut(&key.peer).and_then(|session| session.connection(key.subscriber))
                else {
                    return;
                };
                let more = connection.known.take(&report);
                self.tallies.report(&report, more);
                let table = if report.up { &connection.ups } else { &connection.downs };
                let Some(track) = table.get(usize::from(report.section)).copied().flatten() else { return };
                if report.up {
                    if let Some(up) = room.forward.tracks.get_mut(&track) {
                        up.window.report(&report);
                        let encoding = up.encodings.iter_mut().find(|encoding| encoding.section == report.section);
                        if let Some(gauge) = encoding.and_then(|encoding| encoding.gauge(report.layer)) {
                            gauge.take(&report, more, at);
                        }
                    }
                } else {
                    room.forward.down_report(track, key.peer, &report, more, at);
                }
            }
            Event::Traffic(traffic) => {
                if let Some(connection) =
                    room.sessions.get_mut(&key.peer).and_then(|session| session.connection(key.subscriber))
                {
                    self.tallies.traffic(connection.traffic.as_ref(), &traffic);
                    connection.traffic = Some(traffic);
                }
            }
            Event::Bandwidth(bits) => {
                let Some(session) = room.sessions.get_mut(&key.peer) else { return };
                if session.subscriber.is_some() == key.subscriber {
                    session.budget.on_estimate(bits, at);
                }
            }
            Event::Closed => self.closed(key, at),
        }
    }

    pub(crate) fn spread(&mut self, room_key: RoomKey, news: News, at: Instant) {
        if news.wanted.is_empty() && news.key_frames.is_empty() && news.paused.is_empty() {
            return;
        }
        // Whoever it was asked for, it is the owner's connection that does it.
        let key_frames = news.key_frames.into_iter().map(|(peer, section, layer, hard)| (peer, (section, layer, hard)));
        self.each(room_key, at, key_frames, |engine, peer, (section, layer, hard)| {
            let session = engine.rooms.get_mut(&room_key).and_then(|room| room.sessions.get_mut(&peer));
            let Some(session) = session else { return };
            engine.counters.key_frames.increment(1);
            if let Some(inside) = &session.inside {
                return inside.key_frame_wanted(section);
            }
            session.publisher.request_key_frame(section, layer, hard);
            session.publisher.mark(&mut engine.dirty, ConnectionKey { room: room_key, peer, subscriber: false });
        });
        if news.wanted.is_empty() && news.paused.is_empty() {
            return;
        }
        let Some(room) = self.rooms.get(&room_key) else { return };
        let wanted = news.wanted.into_iter();
        let wanted = wanted.filter_map(|wanted| Some((room.forward.tracks.get(&wanted.0)?.owner, wanted)));
        let wanted: Vec<_> = wanted.collect();
        self.each(room_key, at, wanted, |engine, _, (track, codec, best)| {
            if let Some(room) = engine.rooms.get_mut(&room_key) {
                room.machine.wanted_quality(track, codec, best);
            }
        });
        let paused = news.paused.into_iter().map(|(peer, track, paused)| (peer, (track, paused)));
        self.each(room_key, at, paused, |engine, peer, (track, paused)| {
            if let Some(room) = engine.rooms.get_mut(&room_key) {
                room.machine.stream_state(peer, track, paused);
            }
        });
        self.settle(room_key, at);
    }

    /// A connection is up for the first time or again. Of two the other may have failed meanwhile and come back without
    /// anybody noticing, so what counts is how the primary one is now.
    pub(crate) fn came_up(&mut self, key: ConnectionKey, at: Instant) {
        let now = self.now(at);
        let Some(room) = self.rooms.get_mut(&key.room) else { return };
        let Some(session) = room.sessions.get_mut(&key.peer) else { return };
        let mut news = News::default();
        if session.down().is_up() {
            room.forward.set_ready(key.peer, true, at, &mut news);
        }
        let up = session.primary().is_up();
        if up {
            room.machine.connected(key.peer, now);
            self.note_up(key.room, key.peer, at);
        }
        self.spread(key.room, news, at);
        self.settle(key.room, at);
    }

    /// A connection that was taken for failed is heard.
    pub(crate) fn heard_again(&mut self, key: ConnectionKey, at: Instant) {
        if self.is_guest(&key) {
            return self.post.word(key.home(), key, Word::Again);
        }
        let session = self.rooms.get_mut(&key.room).and_then(|room| room.sessions.get_mut(&key.peer));
        let Some(connection) = session.and_then(|session| session.connection(key.subscriber)) else { return };
        connection.failed = false;
        connection.heard(at);
        if connection.connected {
            self.came_up(key, at);
        }
    }

    pub(crate) fn failed(&mut self, key: ConnectionKey, at: Instant) {
        if self.is_guest(&key) {
            return self.post.word(key.home(), key, Word::Failed);
        }
        metrics::counter!("media_connections_failed_total", "reason" => "silence").increment(1);
        self.note_lost(key);
        self.judge_connection(key, at);
        self.lost(key, at, MediaRoom::connection_failed);
    }

    /// The stack gave a connection up: there is nothing to resume, the client starts over.
    pub(crate) fn died(&mut self, key: ConnectionKey, at: Instant) {
        if self.is_guest(&key) {
            return self.end_guest(key);
        }
        metrics::counter!("media_connections_died_total").increment(1);
        self.note_lost(key);
        self.lost(key, at, MediaRoom::session_failed);
    }

    /// A reliable message found no room in its channel, and must not be lost unnoticed: the client starts over.
    fn choked(&mut self, key: ConnectionKey, at: Instant) {
        if self.is_guest(&key) {
            return self.post.word(key.home(), key, Word::Choked);
        }
        let now = self.now(at);
        if let Some(room) = self.rooms.get_mut(&key.room) {
            room.machine.session_failed(key.peer, now);
        }
        self.settle(key.room, at);
    }

    /// The client closed a connection in order.
    fn closed(&mut self, key: ConnectionKey, at: Instant) {
        self.lost(key, at, MediaRoom::connection_closed);
    }

    /// What the meeting remembers of it begins when the client was last heard.
    fn note_lost(&mut self, key: ConnectionKey) {
        let session = self.rooms.get_mut(&key.room).and_then(|room| room.sessions.get_mut(&key.peer));
        let Some(session) = session else { return };
        if let Some(heard) = session.connection(key.subscriber).map(|connection| connection.last_heard()) {
            session.watch.lost(heard);
        }
    }

    fn lost(&mut self, key: ConnectionKey, at: Instant, tell: impl FnOnce(&mut MediaRoom, PeerKey, signal::Now)) {
        let now = self.now(at);
        let Some(room) = self.rooms.get_mut(&key.room) else { return };
        if let Some(connection) =
            room.sessions.get_mut(&key.peer).and_then(|session| session.connection(key.subscriber))
        {
            connection.fail(at);
            if connection.elsewhere().is_some() {
                connection.mark(&mut self.dirty, key);
            }
        }
        let mut news = News::default();
        if room.sessions.get_mut(&key.peer).is_some_and(|session| !session.down().is_up()) {
            room.forward.set_ready(key.peer, false, at, &mut news);
        }
        tell(&mut room.machine, key.peer, now);
        self.settle(key.room, at);
    }
}
