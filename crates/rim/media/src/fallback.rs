//! Whose connections fail, and what they are offered instead (media-protocol.md section 17.3).
//!
//! A browser tries everything it is offered and takes the best that works at that moment. What it cannot know is that the best
//! will not last: there are networks that let UDP through for a while and then no more. So connections that end early, while
//! signalling goes on, count against the way they used, and the next one is offered less: first no UDP, then nothing but a
//! relay. What is known is forgotten after a while, because people and their machines change networks.

use crate::detour::{self, Kind};
use model::{Identity, RoomId};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A connection that fails younger than this failed early (section 24).
const SHORT: Duration = Duration::from_secs(90);

/// So much longer than media signalling was heard: the network works, media does not.
pub(crate) const ONLY_MEDIA: Duration = Duration::from_secs(5);

/// How long a failure is held against a network.
const MEMORY: Duration = Duration::from_secs(30 * 60);

/// Most people that are remembered.
const MAX_REMEMBERED: usize = 4096;

/// What somebody is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Offer {
    /// Every way there is.
    #[default]
    Everything,
    /// No UDP.
    Streams,
    /// Nothing but relays.
    Relay,
}

/// What a way was, by the client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    Datagrams,
    Stream,
    Relay,
}

impl Via {
    pub(crate) fn of(remote: &SocketAddr) -> Self {
        match detour::kind(remote) {
            None => Self::Datagrams,
            Some(Kind::Stream) => Self::Stream,
            Some(Kind::Relayed) => Self::Relay,
        }
    }

    /// For counters.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Datagrams => "udp",
            Self::Stream => "tcp",
            Self::Relay => "relay",
        }
    }
}

/// What else there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    /// We take TCP connections.
    pub(crate) streams: bool,
    /// There is a relay.
    pub(crate) relay: bool,
}

#[derive(Debug)]
struct Note {
    offer: Offer,
    noted: Instant,
}

/// Who is offered less than everything.
#[derive(Debug, Default)]
pub(crate) struct Fallback(HashMap<(RoomId, Identity), Note>);

impl Fallback {
    /// What somebody is offered now.
    pub(crate) fn offer(&self, room: &RoomId, who: &Identity, at: Instant) -> Offer {
        let note = self.0.get(&(room.clone(), who.clone()));
        note.filter(|note| at.saturating_duration_since(note.noted) < MEMORY)
            .map_or(Offer::Everything, |note| note.offer)
    }

    /// A connection failed after `lived`, while signalling went on. Returns whether the next one is offered something else.
    pub(crate) fn failed(
        &mut self,
        room: &RoomId,
        who: &Identity,
        via: Via,
        lived: Duration,
        choice: Choice,
        at: Instant,
    ) -> bool {
        if lived >= SHORT {
            return false;
        }
        let next = match via {
            Via::Datagrams if choice.streams => Offer::Streams,
            Via::Datagrams | Via::Stream if choice.relay => Offer::Relay,
            // Nothing is left: from the beginning.
            Via::Datagrams | Via::Stream | Via::Relay => Offer::Everything,
        };
        let before = self.offer(room, who, at);
        self.note(room, who, next, at);
        self.offer(room, who, at) != before
    }

    /// What somebody is offered from now on. If too many are remembered already, nothing changes.
    pub(crate) fn note(&mut self, room: &RoomId, who: &Identity, offer: Offer, at: Instant) {
        if self.0.len() >= MAX_REMEMBERED {
            self.0.retain(|_, note| at.saturating_duration_since(note.noted) < MEMORY);
        }
        let key = (room.clone(), who.clone());
        if offer == Offer::Everything {
            self.0.remove(&key);
        } else if self.0.len() < MAX_REMEMBERED || self.0.contains_key(&key) {
            self.0.insert(key, Note { offer, noted: at });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Choice = Choice { streams: true, relay: true };
    const EARLY: Duration = Duration::from_secs(20);

    fn people() -> (RoomId, Identity) {
        (RoomId::try_from("room").unwrap(), Identity::try_from("ann").unwrap())
    }

    #[test]
    fn what_fails_early_is_offered_no_more_step_by_step() {
        let (room, ann) = people();
        let now = Instant::now();
        let mut fallback = Fallback::default();

        assert!(fallback.failed(&room, &ann, Via::Datagrams, EARLY, ALL, now));
        assert_eq!(fallback.offer(&room, &ann, now), Offer::Streams);
        assert!(fallback.failed(&room, &ann, Via::Stream, EARLY, ALL, now));
        assert_eq!(fallback.offer(&room, &ann, now), Offer::Relay);
        assert!(fallback.failed(&room, &ann, Via::Relay, EARLY, ALL, now));
        assert_eq!(fallback.offer(&room, &ann, now), Offer::Everything);
    }

    #[test]
    fn what_lasted_is_offered_again_and_steps_that_do_not_exist_are_left_out() {
        let (room, ann) = people();
        let now = Instant::now();
        let mut fallback = Fallback::default();

        assert!(!fallback.failed(&room, &ann, Via::Datagrams, SHORT, ALL, now));
        let only_relay = Choice { streams: false, relay: true };
        fallback.failed(&room, &ann, Via::Datagrams, EARLY, only_relay, now);
        assert_eq!(fallback.offer(&room, &ann, now), Offer::Relay);
        let nothing = Choice { streams: false, relay: false };
        fallback.failed(&room, &ann, Via::Datagrams, EARLY, nothing, now);
        assert_eq!(fallback.offer(&room, &ann, now), Offer::Everything);
    }

    #[test]
    fn it_is_forgotten_after_a_while_and_only_so_many_are_remembered() {
        let (room, ann) = people();
        let now = Instant::now();
        let mut fallback = Fallback::default();
        for number in 0..MAX_REMEMBERED + 10 {
            let who = Identity::try_from(format!("user{number}").as_str()).unwrap();
            fallback.failed(&room, &who, Via::Datagrams, EARLY, ALL, now);
        }
        assert_eq!(fallback.0.len(), MAX_REMEMBERED);
        assert!(!fallback.failed(&room, &ann, Via::Datagrams, EARLY, ALL, now));

        let later = now + MEMORY;
        let first = Identity::try_from("user0").unwrap();
        assert_eq!(fallback.offer(&room, &first, later), Offer::Everything);
        assert!(fallback.failed(&room, &ann, Via::Datagrams, EARLY, ALL, later));
        assert_eq!(fallback.0.len(), 1);
    }
}
