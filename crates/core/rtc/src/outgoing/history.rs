//! Packets that were sent, for receivers that miss some (RFC 4588).

use super::header::Ends;
use crate::packet::Vp8Rewrite;
use std::sync::Arc;

/// Packets kept per stream of pictures, two to three seconds of a large one. A power of two.
const KEPT: u64 = 512;

/// A packet to one subscriber as it is before it is sealed. The payload is everybody's.
#[derive(Debug)]
pub(super) struct Packet {
    /// Extended number of the stream.
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) payload: Arc<[u8]>,
    pub(super) ends: Ends,
    pub(super) vp8: Option<Vp8Rewrite>,
    pub(super) pt: u8,
    /// The payload type it is sent again with, if the client takes such packets.
    pub(super) repair: Option<u8>,
    pub(super) marker: bool,
    pub(super) level: Option<u8>,
    /// When it was sent and when it was sent again last, in milliseconds of the clock; 0 if never.
    pub(super) sent: u32,
    pub(super) again: u32,
}

/// The newest packets of a stream.
#[derive(Debug, Default)]
pub(super) struct History {
    /// By the low bits of their numbers; empty until there is one.
    places: Vec<Option<Packet>>,
    newest: u64,
}

impl History {
    /// Keeps a packet; an older one goes for it.
    pub(super) fn keep(&mut self, packet: Packet) {
        if self.places.is_empty() {
            self.places.resize_with(usize::try_from(KEPT).unwrap_or_default(), || None);
        }
        self.newest = self.newest.max(packet.sequence);
        let place = Self::place(packet.sequence);
        self.places[place] = Some(packet);
    }

    /// The packet of that number, if it is still there.
    pub(super) fn get(&mut self, sequence: u64) -> Option<&mut Packet> {
        self.places.get_mut(Self::place(sequence))?.as_mut().filter(|packet| packet.sequence == sequence)
    }

    /// One of the newest packets, a different one each time that `turn` grows.
    pub(super) fn recent(&self, turn: u64) -> Option<&Packet> {
        /// So many take turns.
        const RECENT: u64 = 16;
        let sequence = self.newest.checked_sub(turn % RECENT)?;
        let packet = self.places.get(Self::place(sequence))?.as_ref()?;
        (packet.sequence == sequence).then_some(packet)
    }

    fn place(sequence: u64) -> usize {
        usize::try_from(sequence % KEPT).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u64) -> Packet {
        Packet {
            sequence,
            timestamp: 0,
            payload: Arc::from([0; 4]),
            ends: Ends::default(),
            vp8: None,
            pt: 96,
            repair: None,
            marker: false,
            level: None,
            sent: 0,
            again: 0,
        }
    }

    #[test]
    fn the_newest_packets_are_there() {
        let mut history = History::default();
        assert!(history.get(5).is_none() && history.recent(0).is_none());
        (1..=KEPT + 10).for_each(|sequence| history.keep(packet(sequence)));
        assert!(history.get(10).is_none() && history.get(KEPT + 11).is_none());
        assert_eq!(history.get(11).map(|packet| packet.sequence), Some(11));
        assert_eq!(history.recent(0).map(|packet| packet.sequence), Some(KEPT + 10));
        assert_eq!(history.recent(3).map(|packet| packet.sequence), Some(KEPT + 7));
        history.keep(packet(KEPT + 9));
        assert_eq!(history.recent(0).map(|packet| packet.sequence), Some(KEPT + 10), "one that was late is not newer");
    }
}
