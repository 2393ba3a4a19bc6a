//! Mute switches: what the owner says, and what the meeting orders (media-protocol.md section 8.5).
//!
//! Clients keep the state of a track themselves and put the server's right wherever an `update` about them differs: an order
//! has to reach the client before any such message, and until the client says that it is muted, its contradiction is taken
//! for exactly that.

use crate::room::MediaRoom;
use crate::types::{EventKind, MuteError, Now, Output, PeerKey, TrackChoice, TrackKey};
use model::Identity;
use model::media::Source;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use wire::lk;
use wire::lk::signal_response::Message as Response;

/// So long an order that the client does not confirm stands against its word.
const HOLD: Duration = Duration::from_secs(5);

/// The same after a resume: what clients want to say meanwhile they say when they are connected again, within 15 s.
const HOLD_AFTER_RESUME: Duration = Duration::from_secs(20);

/// An order is repeated so often as long as it stands: the client may not have known the track yet.
const REPEAT_INTERVAL: Duration = Duration::from_secs(1);

/// So long an order that was not confirmed waits for somebody who is gone: clients that give up a session try for less than that
/// to come back with a new one.
const OUTLIVES: Duration = Duration::from_secs(120);

/// Most orders that wait for people who are gone; the oldest make room.
const MAX_OUTLIVED: usize = 1000;

/// An order to be muted that the owner's client has not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MuteOrder {
    /// The client cannot be told: it has no socket, or the track no section yet.
    Waiting,
    /// The client is told, and what it says to the contrary does not count.
    Standing { until: Instant, repeat: Instant },
    /// The client said nothing for long. Its word counts again, but after a resume it is told once more.
    Unanswered,
}

impl MuteOrder {
    fn due(self) -> Option<Instant> {
        match self {
            Self::Standing { until, repeat } => Some(until.min(repeat)),
            Self::Waiting | Self::Unanswered => None,
        }
    }
}

/// Orders that nobody confirmed before their connection ended.
#[derive(Debug, Default)]
pub(crate) struct Outlived(VecDeque<OutlivedOrder>);

#[derive(Debug)]
struct OutlivedOrder {
    who: Identity,
    source: Source,
    until: Instant,
}

impl Outlived {
    fn note(&mut self, who: &Identity, source: Source, now: Now) {
        self.take(who, source, now);
        if self.0.len() >= MAX_OUTLIVED {
            self.0.pop_front();
        }
        self.0.push_back(OutlivedOrder { who: who.clone(), source, until: now.at + OUTLIVES });
    }

    /// Whether there is such an order. It waits no longer.
    fn take(&mut self, who: &Identity, source: Source, now: Now) -> bool {
        let old = self.0.iter().take_while(|order| order.until <= now.at).count();
        self.0.drain(..old);
        let found = self.0.iter().position(|order| order.who == *who && order.source == source);
        found.is_some_and(|index| self.0.remove(index).is_some())
    }
}

impl MediaRoom {
    /// Mutes tracks by order of the meeting, those too whose section is not there yet.
    ///
    /// # Errors
    /// See [`MuteError`]; nothing changed.
    pub fn mute(&mut self, who: &Identity, choice: &TrackChoice, muted: bool, now: Now) -> Result<(), MuteError> {
        let peer = self.by_identity.get(who).copied().ok_or(MuteError::NoParticipant)?;
        let participant = self.participants.get(&peer).ok_or(MuteError::NoParticipant)?;
        let own = participant.tracks.iter().chain(&participant.pending).filter_map(|key| self.tracks.get(key));
        let chosen = own.filter(|track| match choice {
            TrackChoice::Sid(sid) => track.sid() == sid,
            TrackChoice::Source(source) => track.source() == *source,
        });
        let chosen: Vec<(TrackKey, bool)> = chosen.map(|track| (track.key, track.info.muted)).collect();
        if chosen.is_empty() {
            return Err(MuteError::NoTrack);
        }
        let wanted = |key: &TrackKey, is_muted: bool| participant.mutes.get(key).copied().unwrap_or(is_muted);
        let others = chosen.into_iter().filter(|(key, is_muted)| wanted(key, *is_muted) != muted);
        let others: Vec<TrackKey> = others.map(|(key, _)| key).collect();
        if !muted && !others.is_empty() {
            return Err(MuteError::UnmuteRefused);
        }
        for key in others {
            self.order_mute(peer, key, now);
        }
        Ok(())
    }

    fn order_mute(&mut self, peer: PeerKey, key: TrackKey, now: Now) {
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.mutes.remove(&key);
        }
        let Some(track) = self.tracks.get_mut(&key) else { return };
        track.mute_order = Some(MuteOrder::Waiting);
        let was_muted = track.info.muted;
        self.start_mute_orders(peer, HOLD, now);
        self.set_muted(key, true);
        if was_muted {
            self.repeat_mute_orders(peer);
        }
    }

    /// A connection is over: what was ordered and may not have reached the client counts for the next one.
    pub(crate) fn keep_mute_orders(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get(&peer) else { return };
        for key in participant.tracks.iter().chain(&participant.pending) {
            if let Some(track) = self.tracks.get(key)
                && track.mute_order.is_some()
            {
                self.outlived_mutes.note(&participant.identity, track.source(), now);
            }
        }
    }

    /// A track is asked for whose kind was ordered to be muted on a connection that ended before it was.
    pub(crate) fn renew_mute_order(&mut self, peer: PeerKey, key: TrackKey, now: Now) {
        let Some(participant) = self.participants.get(&peer) else { return };
        let Some(track) = self.tracks.get(&key) else { return };
        if self.outlived_mutes.take(&participant.identity, track.source(), now) && !track.info.muted {
            self.order_mute(peer, key, now);
        }
    }

    /// Somebody can be told of orders now, of those too that could not be told before.
    fn start_mute_orders(&mut self, peer: PeerKey, hold: Duration, now: Now) {
        let Some(participant) = self.participants.get(&peer).filter(|participant| participant.linked) else { return };
        for key in &participant.tracks {
            if let Some(track) = self.tracks.get_mut(key)
                && track.mute_order == Some(MuteOrder::Waiting)
            {
                let (until, repeat) = (now.at + hold, now.at + REPEAT_INTERVAL);
                track.mute_order = Some(MuteOrder::Standing { until, repeat });
            }
        }
        self.schedule_mute_orders(peer);
    }

    /// Tracks are published that may have been muted before.
    pub(crate) fn start_published_mute_orders(&mut self, peer: PeerKey, now: Now) {
        self.start_mute_orders(peer, HOLD, now);
    }

    /// There is another socket: what was not confirmed is said on that.
    pub(crate) fn resume_mute_orders(&mut self, peer: PeerKey, now: Now) {
        self.suspend_mute_orders(peer);
        self.start_mute_orders(peer, HOLD_AFTER_RESUME, now);
        self.repeat_mute_orders(peer);
    }

    /// The socket is gone, and nobody knows what was read of it.
    pub(crate) fn suspend_mute_orders(&mut self, peer: PeerKey) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        participant.mute_orders_due = None;
        for key in &participant.tracks {
            if let Some(order) = self.tracks.get_mut(key).and_then(|track| track.mute_order.as_mut()) {
                *order = MuteOrder::Waiting;
            }
        }
    }

    /// Orders that stand are told again: before every message that shows the client how its tracks are.
    pub(crate) fn repeat_mute_orders(&mut self, peer: PeerKey) {
        let Some(participant) = self.participants.get(&peer) else { return };
        let tracks = participant.tracks.iter().filter_map(|key| self.tracks.get(key));
        let standing = tracks.filter(|track| matches!(track.mute_order, Some(MuteOrder::Standing { .. })));
        for sid in standing.map(|track| track.sid().to_owned()).collect::<Vec<_>>() {
            self.send(peer, Response::Mute(lk::MuteTrackRequest { sid, muted: true }));
        }
    }

    /// Repeats orders, and ends those that were not answered for long.
    pub(crate) fn pursue_mute_orders(&mut self, peer: PeerKey, now: Now) {
        let Some(participant) = self.participants.get(&peer) else { return };
        let mut repeated = Vec::new();
        for key in &participant.tracks {
            let Some(track) = self.tracks.get_mut(key) else { continue };
            match track.mute_order {
                Some(MuteOrder::Standing { until, .. }) if until <= now.at => {
                    track.mute_order = Some(MuteOrder::Unanswered);
                }
                Some(MuteOrder::Standing { until, repeat }) if repeat <= now.at => {
                    track.mute_order = Some(MuteOrder::Standing { until, repeat: now.at + REPEAT_INTERVAL });
                    repeated.push(track.sid().to_owned());
                }
                _ => {}
            }
        }
        for sid in repeated {
            self.send(peer, Response::Mute(lk::MuteTrackRequest { sid, muted: true }));
        }
        self.schedule_mute_orders(peer);
    }

    fn schedule_mute_orders(&mut self, peer: PeerKey) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let orders = participant.tracks.iter().filter_map(|key| self.tracks.get(key)?.mute_order?.due());
        participant.mute_orders_due = orders.min();
    }

    /// The owner says how a track is. As long as an order stands, only that it is muted counts.
    pub(crate) fn owner_mutes(&mut self, peer: PeerKey, mute: &lk::MuteTrackRequest, now: Now) {
        let Some(key) = self.own_track(peer, &mute.sid) else { return };
        let Some(track) = self.tracks.get_mut(&key) else { return };
        match track.mute_order {
            Some(MuteOrder::Waiting) if !mute.muted => return,
            Some(MuteOrder::Standing { .. }) if !mute.muted => {
                self.send(peer, Response::Mute(lk::MuteTrackRequest { sid: mute.sid.clone(), muted: true }));
                return;
            }
            _ => track.mute_order = None,
        }
        self.schedule_mute_orders(peer);
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.mutes.insert(key, mute.muted);
            self.apply_mutes(peer, now);
        }
    }

    /// Mutes and unmutes what a participant wants so, as far as everybody can be told; the rest a little later, as it wants it
    /// then. Clients do not look for refusals, and the others would go by a switch that is wrong for good.
    pub(crate) fn apply_mutes(&mut self, peer: PeerKey, now: Now) {
        while let Some(participant) = self.participants.get_mut(&peer) {
            participant.mutes_due = None;
            let Some((key, muted)) = participant.mutes.pop_first() else { return };
            if self.tracks.get(&key).is_none_or(|track| track.info.muted == muted) {
                continue;
            }
            if let Err(due) = participant.limits.broadcasts.charge(1.0, now.at) {
                participant.mutes.insert(key, muted);
                participant.mutes_due = Some(due);
                return;
            }
            self.set_muted(key, muted);
            self.charge_for_length(peer);
        }
    }

    /// The state of the mute switch changed. Of a track without a section nobody knows yet.
    fn set_muted(&mut self, key: TrackKey, muted: bool) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        if track.info.muted == muted {
            return;
        }
        track.info.muted = muted;
        let (owner, sid, source) = (track.owner, track.sid().to_owned(), track.source());
        let Some(participant) = self.participants.get_mut(&owner) else { return };
        if !participant.tracks.contains(&key) {
            return;
        }
        participant.touch();
        let info = track.info.clone();
        self.outputs.push_back(Output::Muted { track: key, muted });
        self.announce(owner);
        self.tell_meeting(owner, EventKind::Muted { sid, source, muted }, Some(&info));
    }
}
