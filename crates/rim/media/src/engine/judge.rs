//! What became of somebody's media, and what that means for what they are offered next.

use super::{ConnectionKey, Engine, RoomKey};
use crate::fallback::{Choice, ONLY_MEDIA, Offer, Via};
use crate::traffic::dropped;
use ports::media::MediaJoin;
use signal::Protocol;
use std::time::{Duration, Instant};

/// Whoever comes again after that time without media ever having flowed could use none of the ways they were offered. Shorter
/// is a page that was loaded anew.
const NEVER_CAME: Duration = Duration::from_secs(8);

impl Engine {
    /// Somebody comes or comes again. Looks at how their media did until now, and says what to offer them.
    pub(super) fn judge(&mut self, join: &MediaJoin, at: Instant) -> Offer {
        let room = self.by_id.get(&join.room).copied();
        let peer = room.and_then(|key| {
            let room = self.rooms.get(&key)?;
            room.sessions.iter().find(|(_, session)| session.identity == join.identity).map(|(peer, _)| (key, *peer))
        });
        if let Some((room, peer)) = peer {
            for subscriber in [false, true] {
                self.judge_connection(ConnectionKey { room, peer, subscriber }, at);
            }
        }
        self.fallback.offer(&join.room, &join.identity, at)
    }

    /// Counts a connection that is silent while signalling is not against the way it used, once.
    pub(crate) fn judge_connection(&mut self, key: ConnectionKey, at: Instant) {
        let Some(room) = self.rooms.get_mut(&key.room) else { return };
        let Some(session) = room.sessions.get_mut(&key.peer) else { return };
        let (relay, linked) = (session.has_relay, session.link_heard);
        let who = session.identity.clone();
        let Some(connection) = session.connection(key.subscriber).filter(|connection| !connection.judged) else {
            return;
        };
        let (via, lived) = match (connection.up_since, connection.remote()) {
            (Some(since), Some(remote)) => {
                if linked < connection.last_heard() + ONLY_MEDIA {
                    return;
                }
                (Via::of(&remote), connection.last_heard().saturating_duration_since(since))
            }
            // Nothing ever came, over whatever was offered.
            _ if connection.is_negotiated() && at.saturating_duration_since(connection.made) >= NEVER_CAME => {
                (Via::Stream, Duration::ZERO)
            }
            _ => return,
        };
        connection.judged = true;
        metrics::counter!("media_connections_failed_total", "via" => via.as_str()).increment(1);
        let choice = Choice { streams: !self.stream_addresses.is_empty(), relay };
        if self.fallback.failed(&room.id, &who, via, lived, choice, at) {
            metrics::counter!("media_fallbacks_total", "from" => via.as_str()).increment(1);
        }
    }

    /// A client wants its media to travel otherwise: from its next description on it is offered nothing else.
    pub(super) fn switch(&mut self, key: RoomKey, peer: signal::PeerKey, protocol: Protocol, at: Instant) {
        let Some(room) = self.rooms.get(&key) else { return };
        let Some(session) = room.sessions.get(&peer) else { return };
        let offer = match protocol {
            Protocol::Udp => Offer::Everything,
            Protocol::Tcp if !self.stream_addresses.is_empty() => Offer::Streams,
            Protocol::Tls if session.has_relay => Offer::Relay,
            Protocol::Tcp | Protocol::Tls => return dropped("simulation_no_way"),
        };
        self.fallback.note(&room.id, &session.identity, offer, at);
        self.restrict(key, peer, offer);
    }

    /// Lets an offer take effect on connections that go on.
    pub(super) fn restrict(&mut self, room: RoomKey, peer: signal::PeerKey, offer: Offer) {
        let session = self.rooms.get_mut(&room).and_then(|room| room.sessions.get_mut(&peer));
        let Some(session) = session else { return };
        for subscriber in [false, true] {
            if let Some(connection) = session.connection(subscriber) {
                connection.judged = false;
                connection.offer_only_streams(offer == Offer::Streams);
            }
        }
    }
}
