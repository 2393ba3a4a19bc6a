//! One participant on the packet side: its signalling link and its peer connections.

use crate::budget::Budget;
use crate::engine::{ConnectionKey, mark};
use crate::far::{Far, Seek, Task};
use crate::forward::Takes;
use crate::inside::Inside;
use crate::line::{Line, Place};
use crate::plane::{LinkEnd, LinkId};
use crate::registry::ShardIndex;
use crate::report::Known;
use crate::watch::Watch;
use model::Identity;
use rtc::{Channel, Peer, Traffic};
use signal::{PeerKey, TrackKey};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Nothing was heard for so long: nothing arrives any more. A client asks at least every six seconds whether its way still holds
/// (RFC 7675 section 5.1).
const UNHEARD: Duration = Duration::from_secs(7);

/// A peer connection of a session, as the room knows it. Its packets are where its [`Place`] is.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) place: Place,
    pub(crate) made: Instant,
    /// When it was connected for the first time.
    pub(crate) up_since: Option<Instant>,
    /// Its failure was counted.
    pub(crate) judged: bool,
    pub(crate) connected: bool,
    /// Reported as failed and not heard since.
    pub(crate) failed: bool,
    /// By section: the track published on it.
    pub(crate) ups: Vec<Option<TrackKey>>,
    /// By section: the track sent on it.
    pub(crate) downs: Vec<Option<TrackKey>>,
    /// Volume and delay as last reported.
    pub(crate) traffic: Option<Traffic>,
    /// What was reported of its streams.
    pub(crate) known: Known,
}

impl Connection {
    /// On the room's own shard.
    pub(crate) fn new(peer: Peer, now: Instant) -> Self {
        Self::at(Place::Here(Line::new(peer, now)), now)
    }

    /// On another shard, under that key.
    pub(crate) fn far(shard: ShardIndex, key: ConnectionKey, now: Instant) -> Self {
        Self::at(Place::There(Far::new(shard, key, now)), now)
    }

    fn at(place: Place, now: Instant) -> Self {
        Self {
            place,
            made: now,
            up_since: None,
            judged: false,
            connected: false,
            failed: false,
            ups: Vec::new(),
            downs: Vec::new(),
            traffic: None,
            known: Known::default(),
        }
    }

    /// Whether what is sent now arrives, as far as anybody knows.
    pub(crate) fn is_up(&self) -> bool {
        self.connected && !self.failed
    }

    /// The stack, if it is here.
    pub(crate) fn line(&mut self) -> Option<&mut Line> {
        match &mut self.place {
            Place::Here(line) => Some(line),
            Place::There(_) => None,
        }
    }

    /// What stands for it, if it is elsewhere.
    pub(crate) fn elsewhere(&mut self) -> Option<&mut Far> {
        match &mut self.place {
            Place::Here(_) => None,
            Place::There(far) => Some(far),
        }
    }

    pub(crate) fn last_heard(&self) -> Instant {
        match &self.place {
            Place::Here(line) => line.last_heard(),
            Place::There(far) => far.last_heard,
        }
    }

    pub(crate) fn heard(&mut self, at: Instant) {
        match &mut self.place {
            Place::Here(line) => line.note_heard(at),
            Place::There(far) => far.last_heard = at,
        }
    }

    /// Where the client is, if it chose a way.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        match &self.place {
            Place::Here(line) => line.path.remote(),
            Place::There(far) => far.remote,
        }
    }

    /// Whether both sides have described themselves.
    pub(crate) fn is_negotiated(&self) -> bool {
        match &self.place {
            Place::Here(line) => line.peer.is_negotiated(),
            Place::There(far) => far.is_negotiated(),
        }
    }

    /// The number of the section that is called so.
    pub(crate) fn section(&self, mid: &str) -> Option<u16> {
        match &self.place {
            Place::Here(line) => line.peer.section(mid),
            Place::There(far) => far.section(mid),
        }
    }

    /// What the client takes on a section.
    pub(crate) fn takes(&self, section: u16) -> Takes {
        match &self.place {
            Place::Here(line) => line.takes(section),
            Place::There(far) => far.takes(section),
        }
    }

    /// Packets that wait to be sent on a section.
    pub(crate) fn queued(&mut self, section: u16) -> usize {
        match &mut self.place {
            Place::Here(line) => line.peer.queued(section),
            Place::There(far) => far.queued(section),
        }
    }

    pub(crate) fn set_layers(&mut self, section: u16, layers: Vec<(String, u8)>) {
        match &mut self.place {
            Place::Here(line) => line.peer.set_layers(section, layers),
            Place::There(far) => far.order(Task::Layers { section, layers }),
        }
    }

    pub(crate) fn offer_only_streams(&mut self, only: bool) {
        match &mut self.place {
            Place::Here(line) => line.peer.offer_only_streams(only),
            Place::There(far) => far.order(Task::OnlyStreams(only)),
        }
    }

    pub(crate) fn request_key_frame(&mut self, section: u16, layer: u8, hard: bool) {
        match &mut self.place {
            Place::Here(line) => line.peer.request_key_frame(section, layer, hard),
            Place::There(far) => far.order(Task::KeyFrame { section, layer, hard }),
        }
    }

    pub(crate) fn seek(&mut self, seek: Seek, now: Instant) {
        match &mut self.place {
            Place::Here(line) => line.seek(seek, now),
            Place::There(far) => far.seek(seek),
        }
    }

    /// Sends a message. `false` if its channel took no more; of a connection elsewhere that is heard of later.
    pub(crate) fn send(&mut self, channel: Channel, from: Option<PeerKey>, message: bytes::Bytes) -> bool {
        match &mut self.place {
            Place::Here(line) => line.send(channel, from, message),
            Place::There(far) => {
                far.order(Task::Data { channel, from, message });
                true
            }
        }
    }

    /// Leaves data with the client until then.
    pub(crate) fn rest(&mut self, until: Instant) {
        match &mut self.place {
            Place::Here(line) => line.rest(until),
            Place::There(far) => far.order(Task::Rest(until)),
        }
    }

    /// Takes it for failed until it is heard again.
    pub(crate) fn fail(&mut self, now: Instant) {
        self.failed = true;
        match &mut self.place {
            Place::Here(line) => line.fail(now),
            Place::There(far) => far.order(Task::Failed),
        }
    }

    /// Puts it on the list of those with output.
    pub(crate) fn mark(&mut self, dirty: &mut Vec<ConnectionKey>, key: ConnectionKey) {
        let flag = match &mut self.place {
            Place::Here(line) => &mut line.dirty,
            Place::There(far) => &mut far.dirty,
        };
        mark(dirty, flag, key);
    }

    /// Notes what a section carries.
    pub(crate) fn set(table: &mut Vec<Option<TrackKey>>, section: u16, track: Option<TrackKey>) {
        let index = usize::from(section);
        if table.len() <= index {
            table.resize(index + 1, None);
        }
        table[index] = track;
    }
}

/// Is in `media_sessions` for as long as it lasts, however its session ends.
#[derive(Debug)]
pub(crate) struct Counted(metrics::Gauge);

impl Counted {
    pub(crate) fn new() -> Self {
        let sessions = metrics::gauge!("media_sessions");
        sessions.increment(1.0);
        Self(sessions)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
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
    pub(crate) _counted: Counted,
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
            _counted: Counted::new(),
        }
    }

    /// The section it sends on that is called so.
    pub(crate) fn up_section(&self, mid: &str) -> Option<u16> {
        match &self.inside {
            Some(inside) => inside.section(mid),
            None => self.publisher.section(mid),
        }
    }

    /// The section it receives on that is called so.
    pub(crate) fn down_section(&mut self, mid: &str) -> Option<u16> {
        match &self.inside {
            Some(inside) => inside.section(mid),
            None => self.down().section(mid),
        }
    }

    /// The client came back on another signalling socket. Returns the former one.
    pub(crate) fn resumed(&mut self, link: (LinkId, LinkEnd)) -> Option<(LinkId, LinkEnd)> {
        for subscriber in [false, true] {
            if let Some(far) = self.connection(subscriber).and_then(Connection::elsewhere) {
                far.resumed();
            }
        }
        self.link.replace(link)
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

    /// How long its connections took there and back, as last reported.
    pub(crate) fn round_trips(&self) -> impl Iterator<Item = Duration> {
        let both = [Some(&self.publisher), self.subscriber.as_ref()];
        both.into_iter().flatten().filter_map(|connection| connection.traffic?.rtt)
    }

    /// Whether anything arrives from it, on whichever connection. Whoever was never connected, or is in the process, is not judged
    /// by that.
    pub(crate) fn is_heard(&self, at: Instant) -> bool {
        let mut both = [Some(&self.publisher), self.subscriber.as_ref()].into_iter().flatten();
        let is_silent = |connection: &Connection| at.saturating_duration_since(connection.last_heard()) >= UNHEARD;
        self.inside.is_some() || !self.watch.was_up() || !both.all(is_silent)
    }

    pub(crate) fn connection(&mut self, subscriber: bool) -> Option<&mut Connection> {
        if subscriber { self.subscriber.as_mut() } else { Some(&mut self.publisher) }
    }
}
