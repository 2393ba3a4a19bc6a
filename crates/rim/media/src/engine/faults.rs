//! What becomes of a panic. It is a bug, and it leaves whatever was being done half done: whoever that was done for is put out
//! and comes back as somebody new, while the others and their room go on.
//!
//! A whole room is closed only by what is nobody's in particular, such as its own timers, and if it cannot even take leave of
//! somebody who is put out. Each panic is counted, by what it ended.

use super::{ConnectionKey, Engine, Room, RoomKey};
use crate::outputs;
use crate::session::Session;
use bytes::Bytes;
use model::{Identity, RoomId};
use ports::media::{ConnectError, MediaEvent, MediaEventKind, SignalDown};
use signal::PeerKey;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

/// Whose turn it is in work that goes from one session to the next: a panic is that one's. It is set before anything is done
/// for somebody, so that one guard serves a whole loop.
pub(crate) type Turn = Option<PeerKey>;

/// What a panic ended.
#[derive(Debug, Clone, Copy)]
enum Scope {
    Session,
    Room,
    /// A look at what there is, which changes nothing.
    Question,
    /// A TCP connection or what is held at the relay.
    Way,
}

impl Scope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Room => "room",
            Self::Question => "question",
            Self::Way => "way",
        }
    }
}

fn count(scope: Scope) {
    let scope = scope.as_str();
    metrics::counter!("media_panics_total", "scope" => scope).increment(1);
    tracing::error!(scope, "the media plane panicked: what it was about was ended");
}

/// Work for a TCP connection or at the relay panicked.
pub(crate) fn note_way() {
    count(Scope::Way);
}

impl Engine {
    /// Works for one session. A panic puts that one out.
    pub(crate) fn serve(&mut self, key: RoomKey, peer: PeerKey, at: Instant, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            self.put_out(key, [peer], at);
        }
    }

    /// Works for one session after the other. One whose turn panics is put out; the others have theirs.
    pub(crate) fn each<T>(
        &mut self,
        key: RoomKey,
        at: Instant,
        turns: impl IntoIterator<Item = (PeerKey, T)>,
        work: impl FnMut(&mut Self, PeerKey, T),
    ) {
        self.turns(key, turns, work);
        self.mend(at);
    }

    /// As [`Self::each`], but those whose turn panicked are still there afterwards, until [`Self::mend`].
    pub(super) fn turns<T>(
        &mut self,
        key: RoomKey,
        turns: impl IntoIterator<Item = (PeerKey, T)>,
        mut work: impl FnMut(&mut Self, PeerKey, T),
    ) {
        let (mut turns, mut turn) = (turns.into_iter(), None);
        loop {
            let done = catch_unwind(AssertUnwindSafe(|| {
                for (peer, item) in turns.by_ref() {
                    turn = Some(peer);
                    work(self, peer, item);
                }
            }));
            match (done, turn.take()) {
                (Ok(()), _) => return,
                (Err(_), Some(peer)) => self.strike(key, peer),
                (Err(cause), None) => resume_unwind(cause),
            }
        }
    }

    /// Does work of a room that says whose turn it is. A panic puts that one out and ends the work for this time; if it was
    /// nobody's turn, it closes the room.
    pub(super) fn by_turns(&mut self, key: RoomKey, at: Instant, work: impl FnOnce(&mut Self, &mut Turn)) {
        let mut turn = None;
        if catch_unwind(AssertUnwindSafe(|| work(self, &mut turn))).is_err() {
            match turn {
                Some(peer) => self.put_out(key, [peer], at),
                None => self.close_broken(key, at),
            }
        }
    }

    /// Lets somebody in. After a panic nobody knows how far it got: neither the newcomer nor whoever of that name was there
    /// goes on.
    pub(super) fn let_in<T>(
        &mut self,
        (room, who): (&RoomId, &Identity),
        at: Instant,
        join: impl FnOnce(&mut Self) -> Result<T, ConnectError>,
    ) -> Result<T, ConnectError> {
        let next = self.next_peer;
        if let Ok(joined) = catch_unwind(AssertUnwindSafe(|| join(self))) {
            return joined;
        }
        let newcomers = (next..self.next_peer).map(PeerKey);
        match self.by_id.get(room).copied() {
            Some(key) => {
                let peers: Vec<PeerKey> = self.called(key, who).into_iter().chain(newcomers).collect();
                self.put_out(key, peers, at);
            }
            None => count(Scope::Session),
        }
        Err(ConnectError::Unavailable)
    }

    /// Works on a room for the sake of somebody in it, and carries out what comes of it. A panic puts that one out.
    pub(super) fn on_identity(&mut self, id: &RoomId, who: &Identity, at: Instant, act: impl FnOnce(&mut Room)) {
        let Some(key) = self.by_id.get(id).copied() else { return };
        let worked = catch_unwind(AssertUnwindSafe(|| {
            if let Some(room) = self.rooms.get_mut(&key) {
                act(room);
            }
            self.settle(key, at);
        }));
        if worked.is_err() {
            let peers = self.called(key, who);
            self.put_out(key, peers, at);
        }
    }

    /// Works on one room as a whole. A panic closes that room and leaves the others alone.
    pub(crate) fn guarded(&mut self, key: RoomKey, at: Instant, work: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| work(self))).is_err() {
            self.close_broken(key, at);
        }
    }

    /// Looks at something and changes nothing. `None` if that panicked, which nobody but the asker pays for.
    pub(super) fn ask<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let seen = catch_unwind(AssertUnwindSafe(|| look(self))).ok();
        if seen.is_none() {
            self.note_question();
        }
        seen
    }

    /// Something that changed nothing panicked.
    pub(crate) fn note_question(&self) {
        count(Scope::Question);
    }

    /// Serving a connection panicked: its session ends, nobody else notices.
    pub(crate) fn broken(&mut self, key: ConnectionKey, at: Instant) {
        if self.is_guest(&key) {
            count(Scope::Session);
            return self.end_guest(key);
        }
        self.put_out(key.room, [key.peer], at);
    }

    /// What a panic was about ends.
    fn put_out(&mut self, key: RoomKey, peers: impl IntoIterator<Item = PeerKey>, at: Instant) {
        count(Scope::Session);
        self.struck.extend(peers.into_iter().map(|peer| (key, peer)));
        self.mend(at);
        // What it left in the room's machine is carried out even where nobody was put out.
        self.guarded(key, at, |engine| engine.settle(key, at));
    }

    /// Something done for a session panicked while a room is being settled: it is put out afterwards.
    pub(super) fn strike(&mut self, key: RoomKey, peer: PeerKey) {
        count(Scope::Session);
        self.struck.push((key, peer));
    }

    /// Puts out whom something panicked for. They are taken one after the other, however many more panic on the way.
    pub(super) fn mend(&mut self, at: Instant) {
        if self.struck.is_empty() || std::mem::replace(&mut self.mending, true) {
            return;
        }
        while let Some((key, peer)) = self.struck.pop() {
            let parted = catch_unwind(AssertUnwindSafe(|| self.part_with(key, peer, at)));
            if parted.is_err() {
                self.close_broken(key, at);
            }
        }
        self.mending = false;
    }

    /// Puts somebody out: the client starts over.
    fn part_with(&mut self, key: RoomKey, peer: PeerKey, at: Instant) {
        let now = self.now(at);
        let Some(room) = self.rooms.get_mut(&key) else { return };
        room.machine.session_failed(peer, now);
        self.settle(key, at);
        // What the panic kept the machine from doing is done without it.
        self.links.retain(|_, place| *place != (key, peer));
        if let Some(room) = self.rooms.get_mut(&key) {
            forget(room, peer, at);
            if room.sessions.contains_key(&peer) {
                self.close_watch(key, peer, at);
                self.take_leave(key, peer);
                self.drop_session(key, peer);
            }
            self.drop_if_over(key);
        }
    }

    /// The sessions of an identity.
    fn called(&self, key: RoomKey, who: &Identity) -> Vec<PeerKey> {
        let Some(room) = self.rooms.get(&key) else { return Vec::new() };
        room.sessions.iter().filter(|(_, session)| session.identity == *who).map(|(peer, _)| *peer).collect()
    }

    /// Says goodbye to a session as its room's machine would, and tells the meeting.
    fn take_leave(&self, key: RoomKey, peer: PeerKey) {
        let Some(room) = self.rooms.get(&key) else { return };
        let Some(session) = room.sessions.get(&peer) else { return };
        if let Some((_, link)) = &session.link {
            // A full queue means that its reader is gone anyway.
            let _ = link.try_send(SignalDown::Message(signal::leave_reconnect()));
            let _ = link.try_send(SignalDown::Close);
        }
        if let Some(inside) = &session.inside {
            inside.left();
        }
        self.tell_left(room, session);
    }

    /// The meeting learns that somebody is gone.
    pub(super) fn tell_left(&self, room: &Room, session: &Session) {
        let event = MediaEvent {
            room: room.id.clone(),
            session: room.session.clone(),
            identity: Some(session.identity.clone()),
            kind: if session.watch.was_up() { MediaEventKind::Left } else { MediaEventKind::Aborted },
            participant: Bytes::new(),
            about_room: Bytes::new(),
            track: Bytes::new(),
        };
        outputs::report(&self.events, event);
    }

    /// Closes a room that is not to be trusted any more. Its clients come back and make another.
    fn close_broken(&mut self, key: RoomKey, at: Instant) {
        count(Scope::Room);
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
        let Some(room) = self.rooms.get(&key) else { return };
        for peer in room.sessions.keys().copied().collect::<Vec<_>>() {
            self.take_leave(key, peer);
            self.drop_session(key, peer);
        }
        self.drop_room(key);
    }
}

/// Takes tracks and subscriptions of somebody away that are still there.
fn forget(room: &mut Room, peer: PeerKey, at: Instant) {
    let tracks = &mut room.forward.tracks;
    tracks.retain(|_, track| track.owner != peer);
    for session in room.sessions.values_mut() {
        for down in &mut session.down().downs {
            *down = down.filter(|track| tracks.contains_key(track));
        }
    }
    if tracks.values().any(|track| track.downs.iter().any(|down| down.peer == peer)) {
        room.forward.forget_subscriber(peer, at);
    }
}

/// Where a test lets something panic.
#[cfg(test)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// A join that the room's machine knows of and nobody else.
    Connected,
    /// A join of which everything is made.
    Joined,
    /// The loss of a signalling socket.
    Lost,
    /// An output of the room's machine.
    Output,
    /// A share of the bandwidth.
    Share,
    /// A look at when somebody was last heard.
    Liveness,
    /// An insider's order.
    Order,
    /// A packet on its way to somebody.
    Packet,
    /// The end of a TCP connection or allocation that was somebody's.
    Closed,
    /// A message to the relay, or a packet through it; of [`nobody`].
    Relay,
    /// The relay's look at what is over; of [`nobody`].
    Sweep,
}

#[cfg(test)]
thread_local! {
    static FAULTS: std::cell::RefCell<Vec<(Point, Identity)>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Whose fault it is where nobody has proven to be anybody.
#[cfg(test)]
pub(crate) fn nobody() -> Identity {
    Identity::try_from("nobody").expect("a name")
}

/// Lets that point panic once for somebody.
#[cfg(test)]
pub(crate) fn arm(point: Point, who: &Identity) {
    FAULTS.with_borrow_mut(|faults| faults.push((point, who.clone())));
}

/// Panics if a test wants it.
#[cfg(test)]
pub(crate) fn trip(point: Point, who: &Identity) {
    let armed = FAULTS.with_borrow_mut(|faults| {
        let index = faults.iter().position(|armed| *armed == (point, who.clone()))?;
        Some(faults.swap_remove(index))
    });
    assert!(armed.is_none(), "as a bug would: {point:?}");
}

/// Whether everything panicked that was to.
#[cfg(test)]
pub(crate) fn is_spent() -> bool {
    FAULTS.with_borrow(Vec::is_empty)
}

#[cfg(test)]
mod tests;
