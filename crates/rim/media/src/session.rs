//! One participant on the packet side: its signalling link and its peer connections.

use crate::budget::Budget;
use crate::engine::ConnectionKey;
use crate::inside::Inside;
use crate::path::Path;
use crate::plane::{LinkEnd, LinkId};
use crate::stun;
use crate::watch::Watch;
use model::Identity;
use rtc::{Channel, Event, Output, Peer, Traffic};
use signal::TrackKey;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Data that waits for its channel to open (media-protocol.md section 13.3).
const DATA_WAIT_BYTES: usize = 100 * 1024;

/// Most addresses and most ICE names of one connection that are known at a time. A phone that walks from network to network
/// has a few.
const MAX_KNOWN: usize = 16;

/// The newest of many things, oldest first.
#[derive(Debug)]
pub(crate) struct Newest<T>(Vec<T>);

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Newest<T> {
    /// Takes note of one. Returns the one that had to make room for it.
    pub(crate) fn note(&mut self, one: T) -> Option<T> {
        self.0.retain(|known| *known != one);
        self.0.push(one);
        (self.0.len() > MAX_KNOWN).then(|| self.0.remove(0))
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.0.last()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

/// How often a connection may ask for the same moment again while it is drained.
const MAX_TURNS: u32 = 64;

/// What is due within that time is done now: sleeping is not more exact, and a pacer that wakes up once a millisecond for
/// a packet each would take its own slowness for the network's.
const AHEAD: Duration = Duration::from_millis(1);

/// Datagrams to send: from, to, contents.
pub(crate) type Outbox = Vec<(SocketAddr, SocketAddr, Vec<u8>)>;

/// What came to light while a connection was drained.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are never many, and most are events")]
pub(crate) enum Told {
    /// The stack told of something.
    Event(Event),
    /// The stack gave up.
    Died,
    /// It panicked.
    Broken,
}

/// A peer connection of a session.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: Peer,
    /// The names under which it can be called, newest last.
    pub(crate) ufrags: Newest<String>,
    /// Remote addresses that were proven to be the client's.
    pub(crate) addresses: Newest<SocketAddr>,
    /// The way the client wants.
    pub(crate) path: Path,
    pub(crate) made: Instant,
    /// When it was connected for the first time.
    pub(crate) up_since: Option<Instant>,
    /// Its failure was counted.
    pub(crate) judged: bool,
    pub(crate) last_heard: Instant,
    pub(crate) connected: bool,
    /// Reported as failed and not heard since.
    pub(crate) failed: bool,
    /// Has output to drain.
    pub(crate) dirty: bool,
    /// When the stack wants to hear that time passes.
    pub(crate) due: Instant,
    /// By section: the track published on it.
    pub(crate) ups: Vec<Option<TrackKey>>,
    /// By section: the track sent on it.
    pub(crate) downs: Vec<Option<TrackKey>>,
    /// Volume and delay as last reported.
    pub(crate) traffic: Option<Traffic>,
    open: Vec<Channel>,
    waiting: Vec<(Channel, bytes::Bytes)>,
}

impl Connection {
    pub(crate) fn new(peer: Peer, now: Instant) -> Self {
        Self {
            peer,
            ufrags: Newest::default(),
            addresses: Newest::default(),
            path: Path::default(),
            made: now,
            up_since: None,
            judged: false,
            last_heard: now,
            connected: false,
            failed: false,
            dirty: false,
            due: now,
            ups: Vec::new(),
            downs: Vec::new(),
            traffic: None,
            open: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Whether what is sent now arrives, as far as anybody knows.
    pub(crate) fn is_up(&self) -> bool {
        self.connected && !self.failed
    }

    /// Notes what a section carries.
    pub(crate) fn set(table: &mut Vec<Option<TrackKey>>, section: u16, track: Option<TrackKey>) {
        let index = usize::from(section);
        if table.len() <= index {
            table.resize(index + 1, None);
        }
        table[index] = track;
    }

    /// Sends a message, or keeps it until the channel opens. `false` if an open channel took no more.
    pub(crate) fn send(&mut self, channel: Channel, message: bytes::Bytes) -> bool {
        if self.open.contains(&channel) {
            let taken = self.peer.send(channel, &message);
            if !taken {
                metrics::counter!("media_drops_total", "reason" => "data_backlog").increment(1);
            }
            return taken;
        }
        let waiting: usize = self.waiting.iter().map(|(_, message)| message.len()).sum();
        if channel == Channel::Reliable && waiting + message.len() <= DATA_WAIT_BYTES {
            self.waiting.push((channel, message));
        }
        true
    }

    /// Lets the stack work until it has to wait. What it sends goes to `outbox`, what happened to `told`. Returns when it
    /// wants to hear that time passes, unless it died.
    pub(crate) fn drain(
        &mut self,
        key: ConnectionKey,
        at: Instant,
        outbox: &mut Outbox,
        told: &mut Vec<(ConnectionKey, Told)>,
    ) -> Option<Instant> {
        self.dirty = false;
        let mut turns = MAX_TURNS;
        loop {
            let stepped = match self.peer.nudge(at).and_then(|()| self.peer.poll()) {
                // The pacer wants time to pass between packets, if only a microsecond.
                Ok(Output::Timeout(due)) if due <= at + AHEAD && turns > 0 => {
                    turns -= 1;
                    self.peer.handle_timeout(due.max(at))
                }
                Ok(Output::Timeout(due)) => {
                    self.due = due;
                    return Some(due);
                }
                Ok(Output::Transmit { source, destination, contents }) => {
                    // A check is answered where it came from; everything else goes where the client wants it.
                    let (source, destination) = if stun::is_stun(&contents) {
                        (source, destination)
                    } else {
                        self.path.route(source, destination)
                    };
                    outbox.push((source, destination, contents));
                    Ok(())
                }
                Ok(Output::Event(event)) => {
                    told.push((key, Told::Event(event)));
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if stepped.is_err() {
                told.push((key, Told::Died));
                return None;
            }
        }
    }

    pub(crate) fn opened(&mut self, channel: Channel) {
        if !self.open.contains(&channel) {
            self.open.push(channel);
        }
        for (channel, message) in std::mem::take(&mut self.waiting) {
            self.send(channel, message);
        }
    }
}

/// One participant.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) identity: Identity,
    pub(crate) link: Option<(LinkId, LinkEnd)>,
    /// When something came over a signalling socket of theirs.
    pub(crate) link_heard: Instant,
    /// They were told of a relay.
    pub(crate) has_relay: bool,
    /// The client offers on it.
    pub(crate) publisher: Connection,
    /// We offer on it; only with two connections.
    pub(crate) subscriber: Option<Connection>,
    /// The connection whose state counts is the subscriber's.
    pub(crate) subscriber_primary: bool,
    /// What the way to it carries and how that is shared.
    pub(crate) budget: Budget,
    /// What the meeting wants to remember.
    pub(crate) watch: Watch,
    /// Takes part inside the process: its connection is never up, and a queue stands in for it.
    pub(crate) inside: Option<Inside>,
}

impl Session {
    /// Somebody with one connection and no signalling socket.
    pub(crate) fn new(identity: Identity, publisher: Connection, now: Instant) -> Self {
        Self {
            identity,
            link: None,
            link_heard: now,
            has_relay: false,
            publisher,
            subscriber: None,
            subscriber_primary: false,
            budget: Budget::new(),
            watch: Watch::new(now),
            inside: None,
        }
    }

    /// The section it sends on that is called so.
    pub(crate) fn up_section(&self, mid: &str) -> Option<u16> {
        match &self.inside {
            Some(inside) => inside.section(mid),
            None => self.publisher.peer.section(mid),
        }
    }

    /// The section it receives on that is called so.
    pub(crate) fn down_section(&mut self, mid: &str) -> Option<u16> {
        match &self.inside {
            Some(inside) => inside.section(mid),
            None => self.down().peer.section(mid),
        }
    }

    /// Whether another socket took the place of `link`. One that was cut off is still the latest.
    pub(crate) fn is_superseded(&self, link: LinkId) -> bool {
        self.link.as_ref().is_some_and(|(current, _)| *current != link)
    }

    /// The connection whose state is the session's.
    pub(crate) fn primary(&self) -> &Connection {
        self.subscriber.as_ref().filter(|_| self.subscriber_primary).unwrap_or(&self.publisher)
    }

    /// The connection that carries what the client receives.
    pub(crate) fn down(&mut self) -> &mut Connection {
        self.subscriber.as_mut().unwrap_or(&mut self.publisher)
    }

    pub(crate) fn connection(&mut self, subscriber: bool) -> Option<&mut Connection> {
        if subscriber { self.subscriber.as_mut() } else { Some(&mut self.publisher) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_known_and_the_oldest_make_room() {
        let mut newest = Newest::default();
        assert!((0..16).all(|one| newest.note(one).is_none()));
        assert_eq!(newest.note(0), None, "one that is known is new again");
        assert_eq!(newest.note(16), Some(1));
        assert_eq!(newest.last(), Some(&16));
        assert_eq!(newest.iter().count(), 16);
    }
}
