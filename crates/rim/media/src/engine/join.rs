//! Who comes: admission, rooms and sessions that are made for it.

#[cfg(test)]
use super::faults;
use super::guests::{line_of, next_room};
use super::rooms::TICK;
use super::{ConnectionKey, Engine, FastMap, Room, RoomKey, mark, refused};
use crate::budget::Budget;
use crate::convert;
use crate::fallback::Offer;
use crate::forward::Forward;
use crate::outputs;
use crate::plane::{LinkEnd, LinkId};
use crate::session::{Connection, Counted, Session};
use crate::watch::Watch;
use model::{RoomId, SessionId};
use ports::media::{ConnectError, MediaEventKind, MediaJoin, SignalDown};
use ports::media_control::FREE_SESSION;
use sfu::level::{SPEAKER_INTERVAL, Speakers};
use signal::{Connected, JoinRequest, MediaRoom, Now, PeerKey};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Most signalling sockets of a shard; more are told to try again later (section 25, H10).
const MAX_LINKS: usize = 10_000;

/// Somebody may join or resume that many times in a row, and then once in that time.
const JOIN_BURST: u32 = 10;
const JOIN_INTERVAL: Duration = Duration::from_secs(1);

/// When so many are remembered, those who rested are forgotten.
const MAX_JOINERS: usize = 4096;

/// How often somebody joined of late.
#[derive(Debug)]
pub(super) struct Joins {
    recent: u32,
    noted: Instant,
}

impl Engine {
    /// Joins or resumes without a thread in between, as the thread does for [`ports::media::MediaPlane::connect`].
    ///
    /// # Errors
    /// The request is malformed, or the plane is stopping.
    pub fn join(&mut self, join: &MediaJoin, link: mpsc::Sender<SignalDown>, at: Instant) -> Result<u64, ConnectError> {
        let request = JoinRequest::read(&join.request).map_err(|_| ConnectError::Malformed)?;
        self.admit(join, request, link, at)
    }

    pub(super) fn admit(
        &mut self,
        join: &MediaJoin,
        request: JoinRequest,
        link: mpsc::Sender<SignalDown>,
        at: Instant,
    ) -> Result<u64, ConnectError> {
        self.takes(join, at)?;
        let now = self.now(at);
        if !self.yields_to(&join.room, &join.session, at) {
            refused("taken");
            return Err(ConnectError::Taken);
        }
        let offer = self.judge(join, at);
        let known = self.by_id.get(&join.room).copied();
        let room_key = match known {
            Some(key) => key,
            None => self.make_room(&join.room, &join.session, now),
        };
        let peer = PeerKey(self.next_peer);
        self.next_peer += 1;
        let Some(room) = self.rooms.get_mut(&room_key) else { return Err(ConnectError::Unavailable) };
        if !room.machine.has_place_for(&join.identity, join.takes_no_place()) {
            refused("room");
            return Err(ConnectError::NoPlace);
        }
        let (may_pause, why_back) = (request.allows_pause(), request.why_back());
        let mut connect = convert::connect(peer, join, request);
        connect.relay_only |= offer == Offer::Relay && !join.relays.is_empty();
        let connected = room.machine.connect(connect, now);
        #[cfg(test)]
        faults::trip(faults::Point::Connected, &join.identity);
        self.next_link += 1;
        let id = self.next_link;
        let answer = match connected {
            Err(signal::ConnectError::Malformed) => {
                refused("malformed");
                Err(ConnectError::Malformed)
            }
            Ok(Connected::Refused(message)) => {
                metrics::counter!("media_resumes_refused_total").increment(1);
                // The queue of a link that was just made has room.
                let _ = link.try_send(SignalDown::Message(message));
                let _ = link.try_send(SignalDown::Close);
                Ok(id)
            }
            Ok(Connected::CutOff) => {
                // As above.
                let _ = link.try_send(SignalDown::Close);
                Ok(id)
            }
            Ok(Connected::Resumed(peer)) => {
                metrics::counter!("media_resumes_total").increment(1);
                metrics::counter!("media_reconnects_total", "reason" => why_back).increment(1);
                if let Some(session) = room.sessions.get_mut(&peer)
                    && let Some((former, end)) = session.resumed((id, link))
                {
                    self.links.remove(&former);
                    // A full queue means that its reader is gone anyway.
                    let _ = end.try_send(SignalDown::Close);
                }
                self.links.insert(id, (room_key, peer));
                self.restrict(room_key, peer, offer);
                self.came_up(ConnectionKey { room: room_key, peer, subscriber: false }, at);
                Ok(id)
            }
            Ok(Connected::New) => {
                metrics::counter!("media_joins_total").increment(1);
                self.new_session(room_key, peer, join, (id, link), at);
                self.let_pause(room_key, peer, may_pause);
                self.restrict(room_key, peer, offer);
                Ok(id)
            }
        };
        #[cfg(test)]
        faults::trip(faults::Point::Joined, &join.identity);
        // Whoever was refused may have made the room: it has to close in time.
        self.settle(room_key, at);
        answer
    }

    /// Whether somebody without a connection may come now.
    pub(crate) fn takes(&mut self, join: &MediaJoin, at: Instant) -> Result<(), ConnectError> {
        let refusal = match self.has_room_for(join) {
            Ok(()) if self.may_join(join, at) => return Ok(()),
            Ok(()) => ("churn", ConnectError::Unavailable),
            Err(refusal) => refusal,
        };
        refused(refusal.0);
        Err(refusal.1)
    }

    /// Whether this shard has room for somebody, or else why not, as it is counted and as it is told.
    fn has_room_for(&self, join: &MediaJoin) -> Result<(), (&'static str, ConnectError)> {
        if self.draining {
            Err(("stopping", ConnectError::Unavailable))
        } else if self.links.len() >= MAX_LINKS {
            Err(("sockets", ConnectError::Unavailable))
        } else if !self.has_time_for(join) {
            Err(("load", ConnectError::Full))
        } else {
            Ok(())
        }
    }

    /// Whether somebody is here already, or there is time for one more.
    fn has_time_for(&self, join: &MediaJoin) -> bool {
        let room = self.by_id.get(&join.room).and_then(|key| self.rooms.get(key));
        let is_here = || room.is_some_and(|room| room.sessions.values().any(|who| who.identity == join.identity));
        !self.full || is_here()
    }

    /// Why somebody would be refused who joined now, as far as that does not depend on how often they do.
    pub(super) fn refusal(&self, join: &MediaJoin) -> Option<ConnectError> {
        if let Err((_, error)) = self.has_room_for(join) {
            return Some(error);
        }
        let room = self.rooms.get(self.by_id.get(&join.room)?).filter(|room| room.session == join.session)?;
        let has_place = room.machine.has_place_for(&join.identity, join.takes_no_place());
        (!has_place).then_some(ConnectError::NoPlace)
    }

    /// The room, a key and an idle stack for somebody without a connection.
    pub(crate) fn place_for(&mut self, join: &MediaJoin, now: Now) -> (RoomKey, PeerKey, rtc::Peer) {
        let room =
            self.by_id.get(&join.room).copied().unwrap_or_else(|| self.make_room(&join.room, &join.session, now));
        let peer = PeerKey(self.next_peer);
        self.next_peer += 1;
        (room, peer, self.factory.peer(&[], &[], now.at))
    }

    /// A number under which somebody without a socket is heard; their session begins.
    pub(crate) fn link_to(&mut self, room: RoomKey, peer: PeerKey) -> LinkId {
        self.registry.session_began(self.shard, self.shard);
        self.next_link += 1;
        self.links.insert(self.next_link, (room, peer));
        self.next_link
    }

    /// Whether somebody does not join again and again: every join is news to everybody in the room.
    pub(super) fn may_join(&mut self, join: &MediaJoin, at: Instant) -> bool {
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

    /// Whether a room of that name is there that is not the session's.
    pub(crate) fn is_anothers(&self, room: &RoomId, session: &SessionId) -> bool {
        let room = self.by_id.get(room).and_then(|key| self.rooms.get(key));
        room.is_some_and(|room| room.session != *session)
    }

    /// Whether the session may have the room of that name; one of another session does not go on then. Whoever comes
    /// without a meeting ends none: they may have been looked up before it began.
    #[must_use]
    pub(super) fn yields_to(&mut self, room: &RoomId, session: &SessionId, at: Instant) -> bool {
        let Some(key) = self.by_id.get(room).copied() else { return true };
        if self.is_anothers(room, session) && session.as_str() == FREE_SESSION {
            return false;
        }
        let now = self.now(at);
        self.guarded(key, at, |engine| {
            if let Some(room) = engine.rooms.get_mut(&key).filter(|room| room.session != *session) {
                room.machine.close(now);
                engine.settle(key, at);
            }
        });
        true
    }

    pub(super) fn make_room(&mut self, id: &RoomId, session: &SessionId, now: Now) -> RoomKey {
        self.next_room = next_room(self.next_room);
        while self.rooms.contains_key(&self.next_room) {
            self.next_room = next_room(self.next_room);
        }
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(now.unix_micros | 1);
        let mut machine = MediaRoom::new(id, self.seed, now);
        if session.as_str() == FREE_SESSION {
            machine.set_free(now);
        }
        let room = Room {
            id: id.clone(),
            session: session.clone(),
            machine,
            forward: Forward::default(),
            sessions: FastMap::default(),
            speakers: Speakers::new(),
            next_share: now.at,
            next_speakers: now.at + SPEAKER_INTERVAL,
            next_quality: now.at + sfu::quality::WINDOW,
            next_tick: now.at + TICK,
        };
        outputs::report_room(&room, MediaEventKind::Opened, &self.events);
        self.rooms.insert(self.next_room, room);
        self.by_id.insert(id.clone(), self.next_room);
        self.next_room
    }

    pub(super) fn new_session(
        &mut self,
        room_key: RoomKey,
        peer: PeerKey,
        join: &MediaJoin,
        link: (LinkId, LinkEnd),
        at: Instant,
    ) {
        let dual = join.topology == ports::media::Topology::Dual;
        let shard = self.shard_for(room_key);
        let connection = |subscriber| {
            if shard == self.shard {
                return Connection::new(self.factory.peer(&self.addresses, &self.stream_addresses, at), at);
            }
            Connection::far(shard, ConnectionKey { room: room_key, peer, subscriber }, at)
        };
        let session = Session {
            identity: join.identity.clone(),
            publisher: connection(false),
            subscriber: dual.then(|| connection(true)),
            subscriber_primary: dual && join.permission.subscribe,
            budget: Budget::new(),
            watch: Watch::new(at),
            inside: None,
            link: Some(link),
            link_heard: at,
            has_relay: !join.relays.is_empty(),
            _counted: Counted::new(),
        };
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        if let Some((id, _)) = &session.link {
            self.links.insert(*id, (room_key, peer));
        }
        room.sessions.insert(peer, session);
        self.registry.session_began(self.shard, shard);
        for subscriber in [false, true] {
            self.register(ConnectionKey { room: room_key, peer, subscriber });
        }
    }

    /// Whether pictures may be withheld from somebody for want of bandwidth, if they say so.
    fn let_pause(&mut self, room_key: RoomKey, peer: PeerKey, may_pause: Option<bool>) {
        let session = self.rooms.get_mut(&room_key).and_then(|room| room.sessions.get_mut(&peer));
        if let (Some(session), Some(may_pause)) = (session, may_pause) {
            session.budget = Budget::that_pauses(may_pause);
        }
    }

    /// Makes a connection callable under its current ICE name.
    pub(super) fn register(&mut self, key: ConnectionKey) {
        let Some(line) = line_of(&mut self.rooms, &mut self.guests, key) else {
            let session = self.rooms.get_mut(&key.room).and_then(|room| room.sessions.get_mut(&key.peer));
            if let Some(connection) = session.and_then(|session| session.connection(key.subscriber)) {
                connection.mark(&mut self.dirty, key);
            }
            return;
        };
        let ufrag = line.peer.local_ufrag();
        if line.ufrags.last() != Some(&ufrag) {
            if let Some(oldest) = line.ufrags.note(ufrag.clone()) {
                self.demux.by_ufrag.remove(&oldest);
                self.registry.forget_name(&oldest);
            }
            self.registry.note_name(ufrag.clone(), self.shard);
            self.demux.by_ufrag.insert(ufrag, key);
        }
        mark(&mut self.dirty, &mut line.dirty, key);
    }
}
