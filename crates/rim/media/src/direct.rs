//! What the thread around an [`Engine`] does through its queues, for whoever drives one without a thread.

use crate::engine::Engine;
use crate::plane::Signal;
use std::time::Instant;

/// How much an engine holds. Nothing in it grows with time: only with who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holdings {
    /// Rooms.
    pub rooms: usize,
    /// Participants of all rooms.
    pub sessions: usize,
    /// Published tracks of all rooms.
    pub tracks: usize,
    /// Subscriptions of all rooms.
    pub subscriptions: usize,
    /// Signalling sockets.
    pub links: usize,
    /// Remote addresses that lead to a connection.
    pub addresses: usize,
    /// ICE names that lead to a connection.
    pub names: usize,
    /// Deadlines that wait, those that were moved included.
    pub deadlines: usize,
}

impl Engine {
    /// A signalling socket, as numbered by [`Self::join`], is gone; its participant may come back on another one.
    pub fn link_lost(&mut self, link: u64, at: Instant) {
        self.signal(Signal::Lost(link), at);
    }

    /// How much it holds now.
    pub fn holdings(&self) -> Holdings {
        let tracks = || self.rooms.values().flat_map(|room| room.forward.tracks.values());
        Holdings {
            rooms: self.rooms.len(),
            sessions: self.rooms.values().map(|room| room.sessions.len()).sum(),
            tracks: tracks().count(),
            subscriptions: tracks().map(|track| track.downs.len()).sum(),
            links: self.links.len(),
            addresses: self.demux.by_address.len(),
            names: self.demux.by_ufrag.len(),
            deadlines: self.timers.len(),
        }
    }
}
