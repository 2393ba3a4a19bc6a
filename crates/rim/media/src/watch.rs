//! Keeps what the meeting wants to remember of everybody's media: how long they spoke, and when their connection was in
//! trouble.

use crate::engine::faults::Turn;
use crate::engine::{Engine, Room, RoomKey};
use crate::outputs;
use crate::registry::Who;
use bytes::Bytes;
use model::Identity;
use model::media::{Fault, Trouble};
use ports::media::{MediaEvent, MediaEventKind};
use sfu::diary::{Cause, Diary, Span};
use signal::PeerKey;
use std::time::{Duration, Instant};

/// What is kept of one participant.
#[derive(Debug)]
pub(crate) struct Watch {
    diary: Diary,
    speaking_since: Option<Instant>,
    /// Its connection failed then.
    lost_since: Option<Instant>,
    /// When it joined.
    came: Instant,
    was_up: bool,
    /// The worst of its tracks, 0 to 100; `None` before the first window and without tracks.
    pub(crate) score: Option<f32>,
    /// How often it came back, on a new signalling socket or after silence.
    pub(crate) resumes: u32,
}

impl Watch {
    pub(crate) fn new(came: Instant) -> Self {
        Self {
            diary: Diary::default(),
            speaking_since: None,
            lost_since: None,
            came,
            was_up: false,
            score: None,
            resumes: 0,
        }
    }

    /// Whether its connection was ever up.
    pub(crate) fn was_up(&self) -> bool {
        self.was_up
    }

    /// The connection failed; nothing was heard since then.
    pub(crate) fn lost(&mut self, since: Instant) {
        if self.was_up {
            self.lost_since.get_or_insert(since);
        }
    }
}

impl Engine {
    /// The windows of a room were closed: takes them into everybody's diary.
    pub(crate) fn keep_diaries(&mut self, key: RoomKey, at: Instant, turn: &mut Turn) {
        let Some(room) = self.rooms.get_mut(&key) else { return };
        let from = at.checked_sub(sfu::quality::WINDOW).unwrap_or(at);
        let mut over = Vec::new();
        let mut healths = room.forward.take_healths();
        for (peer, session) in &mut room.sessions {
            *turn = Some(*peer);
            // Without tracks nothing is measured, and what was is of another time.
            let health = healths.remove(peer).map(|mut health| {
                health.estimate = session.budget.estimate();
                let measured = session.round_trips().max();
                health.round_trip = health.round_trip.max(measured);
                health
            });
            let spans = session.watch.diary.note(&health.unwrap_or_default(), from, at);
            over.extend(spans.into_iter().map(|span| (*peer, span)));
        }
        for (peer, span) in over {
            *turn = Some(peer);
            self.tell_span(key, peer, span);
        }
    }

    /// Whether somebody speaks changed: how loudly, 0 for one who stopped.
    pub(crate) fn note_speaker(&mut self, key: RoomKey, peer: PeerKey, level: f32, at: Instant) {
        let Some(session) = self.rooms.get_mut(&key).and_then(|room| room.sessions.get_mut(&peer)) else { return };
        if level > 0.0 {
            session.watch.speaking_since.get_or_insert(at);
        } else {
            self.tell_spoke(key, peer, at);
        }
    }

    /// A participant's connection is up, for the first time or again. Whoever is here for the first time may have been lost on a
    /// connection before.
    pub(crate) fn note_up(&mut self, key: RoomKey, peer: PeerKey, at: Instant) {
        let Some(session) = self.rooms.get_mut(&key).and_then(|room| room.sessions.get_mut(&peer)) else { return };
        let is_new = !std::mem::replace(&mut session.watch.was_up, true);
        let since = session.watch.lost_since.take();
        if is_new {
            metrics::histogram!("media_join_seconds").record(at.saturating_duration_since(session.watch.came));
        } else if since.is_some() {
            metrics::counter!("media_reconnects_total", "reason" => "silence").increment(1);
        }
        let since = if is_new { self.who(key, peer).and_then(|who| self.registry.lost_since(&who)) } else { since };
        if let Some(since) = since {
            self.tell_interrupted(key, peer, (since, at));
        }
    }

    /// A participant is about to be dropped.
    pub(crate) fn close_watch(&mut self, key: RoomKey, peer: PeerKey, at: Instant) {
        self.tell_spoke(key, peer, at);
        self.hand_over_lost(key, peer, at);
        let spans = self
            .rooms
            .get_mut(&key)
            .and_then(|room| room.sessions.get_mut(&peer))
            .map(|session| session.watch.diary.finish());
        for span in spans.unwrap_or_default() {
            self.tell_span(key, peer, span);
        }
    }

    fn tell_spoke(&mut self, key: RoomKey, peer: PeerKey, at: Instant) {
        let Some(session) = self.rooms.get_mut(&key).and_then(|room| room.sessions.get_mut(&peer)) else { return };
        let Some(since) = session.watch.speaking_since.take() else { return };
        self.tell(key, peer, MediaEventKind::Spoke { millis: millis(at.saturating_duration_since(since)) });
    }

    fn tell_interrupted(&mut self, key: RoomKey, peer: PeerKey, (since, at): (Instant, Instant)) {
        let Some(session) = self.rooms.get_mut(&key).and_then(|room| room.sessions.get_mut(&peer)) else { return };
        session.watch.resumes = session.watch.resumes.saturating_add(1);
        let amount = u64::from(millis(at.saturating_duration_since(since)));
        self.tell_trouble(key, peer, Fault::Interrupted, amount, (since, at));
    }

    /// Of somebody who is given up while lost nobody knows for how long it will be: their next connection does.
    fn hand_over_lost(&mut self, key: RoomKey, peer: PeerKey, at: Instant) {
        let session = self.rooms.get_mut(&key).and_then(|room| room.sessions.get_mut(&peer));
        let Some(since) = session.and_then(|session| session.watch.lost_since.take()) else { return };
        self.tell_trouble(key, peer, Fault::Lost, 0, (since, since));
        if let Some(who) = self.who(key, peer) {
            self.registry.note_lost(who, since, at);
        }
    }

    fn who(&self, key: RoomKey, peer: PeerKey) -> Option<Who> {
        let room = self.rooms.get(&key)?;
        Some((room.id.clone(), room.session.clone(), room.sessions.get(&peer)?.identity.clone()))
    }

    fn tell_span(&self, key: RoomKey, peer: PeerKey, span: Span) {
        let (fault, amount) = match span.cause {
            Cause::UplinkLoss(share) => (Fault::UplinkLoss, share.into()),
            Cause::DownlinkLoss(share) => (Fault::DownlinkLoss, share.into()),
            Cause::SlowRoundTrip(longest) => (Fault::SlowRoundTrip, millis(longest).into()),
            Cause::NarrowDownlink(least) => (Fault::NarrowDownlink, least),
        };
        self.tell_trouble(key, peer, fault, amount, (span.from, span.to));
    }

    fn tell_trouble(&self, key: RoomKey, peer: PeerKey, fault: Fault, amount: u64, (from, to): (Instant, Instant)) {
        let unix_ms = |at| i64::try_from(self.now(at).unix_micros / 1000).unwrap_or(i64::MAX);
        let trouble = Trouble { fault, from_ms: unix_ms(from), to_ms: unix_ms(to), amount };
        self.tell(key, peer, MediaEventKind::Troubled(trouble));
    }

    fn tell(&self, key: RoomKey, peer: PeerKey, kind: MediaEventKind) {
        let Some(room) = self.rooms.get(&key) else { return };
        let Some(session) = room.sessions.get(&peer) else { return };
        outputs::report(&self.events, event(room, session.identity.clone(), kind));
    }
}

fn event(room: &Room, identity: Identity, kind: MediaEventKind) -> MediaEvent {
    MediaEvent {
        room: room.id.clone(),
        session: room.session.clone(),
        identity: Some(identity),
        about_room: Bytes::new(),
        kind,
        participant: Bytes::new(),
        track: Bytes::new(),
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
