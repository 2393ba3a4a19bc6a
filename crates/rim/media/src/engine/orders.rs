//! What the application orders and what clients say over their signalling sockets.

#[cfg(test)]
use super::faults;
use super::{Engine, Room};
use crate::convert;
use crate::plane::{LinkId, Order, Signal};
use crate::traffic::dropped;
use bytes::Bytes;
use model::media::MediaPermission;
use model::{Identity, RoomId};
use signal::{ClientMessage, Garbage};
use std::time::Instant;

impl Engine {
    /// What came over a signalling socket.
    pub(crate) fn signal(&mut self, signal: Signal, at: Instant) {
        match signal {
            Signal::Message(link, message) => self.client_message(link, message, at),
            Signal::Inside(link, order) => self.inside_order(link, order, at),
            Signal::InsideGone(link) => self.inside_gone(link, at),
            Signal::Lost(link) => {
                let Some((room_key, peer)) = self.links.remove(&link) else { return };
                self.serve(room_key, peer, at, |engine| {
                    let now = engine.now(at);
                    let Some(room) = engine.rooms.get_mut(&room_key) else { return };
                    let Some(session) = room.sessions.get_mut(&peer) else { return };
                    if session.is_superseded(link) {
                        return;
                    }
                    session.link = None;
                    #[cfg(test)]
                    faults::trip(faults::Point::Lost, &session.identity);
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

    pub(super) fn client_message(&mut self, link: LinkId, message: Result<ClientMessage, Garbage>, at: Instant) {
        let Some((room_key, peer)) = self.links.get(&link).copied() else { return };
        // What arrived before goes out by what was settled before.
        self.hand_out(at);
        let now = self.now(at);
        self.serve(room_key, peer, at, |engine| {
            if let Some(room) = engine.rooms.get_mut(&room_key)
                && let Some(session) = room.sessions.get_mut(&peer)
                && !session.is_superseded(link)
            {
                session.link_heard = at;
                match message {
                    Ok(message) => {
                        if let Some(why) = room.machine.client_message(peer, message, now) {
                            dropped(why.as_str());
                        }
                    }
                    Err(Garbage) => {
                        dropped("signal_garbage");
                        room.machine.garbage(peer, now);
                    }
                }
            }
            engine.settle(room_key, at);
        });
    }

    /// An order of the application.
    pub(crate) fn order(&mut self, order: Order, at: Instant) {
        let now = self.now(at);
        match order {
            Order::Connect { join, request, link, reply } => {
                let (room, who) = (join.room.clone(), join.identity.clone());
                let result = self.let_in((&room, &who), at, |engine| engine.admit(&join, request, link, at));
                self.registry.arrived(&room, self.shard, self.by_id.contains_key(&room));
                // The socket may be gone already; then its end of the link says so.
                let _ = reply.send(result);
            }
            Order::Permission { room, who, permission } => self.set_permission(&room, &who, permission, at),
            Order::Remove { room, who, why } => {
                let why = convert::remove_reason(why);
                self.on_identity(&room, &who, at, |room| room.machine.remove(&who, why, now));
            }
            Order::Close { room } => self.on_room(&room, at, |room| room.machine.close(now)),
            Order::Mute { room, who, track, muted, reply } => {
                let mut result = Err(ports::media::MuteError::NoParticipant);
                self.on_identity(&room, &who, at, |room| {
                    let choice = convert::track_choice(track);
                    result = room.machine.mute(&who, &choice, muted, now).map_err(convert::mute_error);
                });
                let _ = reply.send(result);
            }
            Order::Participants { room, reply } => {
                let list = self.ask(|engine| engine.participants(&room));
                let _ = reply.send(list.unwrap_or_default());
            }
            Order::Refusal { join, reply } => {
                // Without an answer whoever asked takes it that a join would fail.
                if let Some(refusal) = self.ask(|engine| engine.refusal(&join)) {
                    let _ = reply.send(refusal);
                }
            }
            Order::Reach(reach) => {
                self.set_addresses(reach.datagrams);
                self.set_stream_addresses(reach.streams);
            }
            Order::Control(control) => self.control(control, at),
            Order::Enter { join, items, reply } => {
                let (room, who) = (join.room.clone(), join.identity.clone());
                let entered = self.let_in((&room, &who), at, |engine| engine.enter(&join, items, at));
                self.registry.arrived(&room, self.shard, self.by_id.contains_key(&room));
                // Whoever asked may be gone.
                let _ = reply.send(entered);
            }
            Order::Rooms { reply } => {
                let list = self.ask(|engine| engine.room_list());
                let _ = reply.send(list.unwrap_or_default());
            }
            Order::Report { room, page, reply } => {
                let report = self.ask(|engine| engine.room_report(&room, page, at));
                let _ = reply.send(report.flatten());
            }
            Order::Drain { reply } => {
                self.draining = true;
                for key in self.rooms.keys().copied().collect::<Vec<_>>() {
                    self.guarded(key, at, |engine| {
                        if let Some(room) = engine.rooms.get_mut(&key) {
                            room.machine.drain(now);
                        }
                        engine.settle(key, at);
                    });
                }
                let _ = reply.send(());
            }
            #[cfg(test)]
            Order::Panic => panic!("as a bug would"),
        }
    }

    /// Replaces somebody's rights, as [`ports::media::MediaPlane::set_permission`] does.
    pub fn set_permission(&mut self, room: &RoomId, who: &Identity, permission: MediaPermission, at: Instant) {
        let now = self.now(at);
        self.on_identity(room, who, at, |room| room.machine.set_permission(who, permission, now));
    }

    /// Everybody who is visible in a room.
    fn participants(&self, room: &RoomId) -> Vec<Bytes> {
        let room = self.by_id.get(room).and_then(|key| self.rooms.get(key));
        room.map(|room| room.machine.participants()).unwrap_or_default()
    }

    /// Works on a room as a whole, and carries out what comes of it.
    pub(super) fn on_room(&mut self, id: &RoomId, at: Instant, act: impl FnOnce(&mut Room)) {
        let Some(key) = self.by_id.get(id).copied() else { return };
        self.guarded(key, at, |engine| {
            if let Some(room) = engine.rooms.get_mut(&key) {
                act(room);
            }
            engine.settle(key, at);
        });
    }
}
