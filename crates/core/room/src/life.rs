//! From created to ended: the timers of a room (http-api.md section 8, decisions on D-02, D-06 and D-07).

use std::time::{Duration, Instant};

use model::UserId;
use wire::pnm;

use crate::journal;
use crate::notices::Forwarded;
use crate::output::{Moment, Output};
use crate::person::{Person, Presence};
use crate::state::Room;

/// How long a room waits for its first person when the creator did not say.
const DEFAULT_EMPTY_TIMEOUT: Duration = Duration::from_secs(1800);
/// How long a room waits after everybody left, unless its creator asked for a certain time.
const AFTER_LAST_ONE: Duration = Duration::from_secs(60);
/// How long an ending room waits for people to read why.
const ENDING_GRACE: Duration = Duration::from_secs(10);
/// How long people have to come back after the server itself was gone: two reconnect attempts of a browser that backs
/// off, and a cold start.
pub(crate) const RESTART_GRACE: Duration = Duration::from_secs(30);

/// Where in its life a room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nobody came yet.
    Created,
    /// Somebody came.
    Active,
    /// Everybody was told; waiting for them to go.
    Ending,
    /// Over.
    Ended,
}

impl Phase {
    /// The reference's name of the state, as it travels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Active => "active",
            Self::Ending => "triggered_end",
            Self::Ended => "ended",
        }
    }

    /// Whether people may come in.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Active)
    }
}

/// Why a meeting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// A moderator or the API said so.
    Asked,
    /// `room_duration` is over.
    Duration,
    /// Nobody was there for long enough.
    Empty,
}

/// The clockwork of a room.
#[derive(Debug)]
pub(crate) struct Life {
    state: State,
    /// As asked for at creation, in seconds.
    pub(crate) empty_timeout: Option<u32>,
    /// When an empty room ends; `None` while somebody is there.
    empty_due: Option<Instant>,
    /// When the last one left, unix milliseconds; `None` while somebody is there and before anybody was.
    pub(crate) empty_since_ms: Option<i64>,
    /// When `started_at` was on the monotonic clock; `None` before the first person.
    started: Option<Instant>,
}

/// What the journal tells of a room's life.
#[derive(Debug)]
pub(crate) struct Past {
    /// Somebody came.
    pub(crate) active: bool,
    /// When it started, or was created while it has not started: unix milliseconds.
    pub(crate) since_ms: i64,
    /// When the last one left, if that is known.
    pub(crate) empty_since_ms: Option<i64>,
    /// Somebody was there when the process ended.
    pub(crate) anybody: bool,
    /// It was ending; nobody comes back to that.
    pub(crate) ending: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Created,
    Active,
    Ending { why: EndReason, due: Instant },
    Ended,
}

impl Life {
    pub(crate) fn created(empty_timeout: Option<u32>, now: Instant) -> Self {
        let life = Self { state: State::Created, empty_timeout, empty_due: None, empty_since_ms: None, started: None };
        Self { empty_due: Some(now + life.before_first_one()), ..life }
    }

    /// Time goes on while the process is gone. An empty room waits at least as long as people have to come back.
    pub(crate) fn restored(empty_timeout: Option<u32>, past: &Past, now: Moment) -> Self {
        let mut life = Self::created(empty_timeout, now.at);
        let since = |unix_ms: i64| Duration::from_millis(u64::try_from(now.unix_ms - unix_ms).unwrap_or_default());
        let due = |wait: Duration, elapsed| now.at + wait.saturating_sub(elapsed).max(RESTART_GRACE);
        let elapsed = since(past.since_ms);
        if past.active {
            life.state = State::Active;
            life.started = Some(now.at.checked_sub(elapsed).unwrap_or(now.at));
            life.empty_since_ms = (!past.anybody).then(|| past.empty_since_ms.unwrap_or(now.unix_ms));
            life.empty_due = life.empty_since_ms.map(|left| due(life.after_last_one(), since(left)));
        } else {
            life.empty_due = Some(due(life.before_first_one(), elapsed));
        }
        if past.ending {
            life.state = State::Ending { why: EndReason::Asked, due: now.at };
        }
        life
    }

    fn before_first_one(&self) -> Duration {
        self.empty_timeout.map_or(DEFAULT_EMPTY_TIMEOUT, |s| Duration::from_secs(s.into()))
    }

    pub(crate) const fn phase(&self) -> Phase {
        match self.state {
            State::Created => Phase::Created,
            State::Active => Phase::Active,
            State::Ending { .. } => Phase::Ending,
            State::Ended => Phase::Ended,
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.state, State::Ending { .. } | State::Ended)
    }

    pub(crate) const fn was_active(&self) -> bool {
        !matches!(self.state, State::Created)
    }

    fn after_last_one(&self) -> Duration {
        self.empty_timeout.map_or(AFTER_LAST_ONE, |s| Duration::from_secs(s.into()))
    }

    pub(crate) fn duration_due(&self, metadata: &pnm::RoomMetadata) -> Option<Instant> {
        let minutes = metadata.room_features.as_ref()?.room_duration.filter(|minutes| *minutes > 0)?;
        self.started?.checked_add(Duration::from_secs(minutes.saturating_mul(60)))
    }

    /// `is_held` says that something keeps the room open while it is empty.
    pub(crate) fn poll_timeout(&self, metadata: &pnm::RoomMetadata, is_held: bool) -> Option<Instant> {
        match self.state {
            State::Created | State::Active => {
                self.empty_due.filter(|_| !is_held).into_iter().chain(self.duration_due(metadata)).min()
            }
            State::Ending { due, .. } => Some(due),
            State::Ended => None,
        }
    }
}

impl Room {
    /// Ends the meeting: everybody is told, then the room waits at most ten seconds for them to go. Ending it again
    /// changes nothing.
    pub fn end(&mut self, now: Moment, why: EndReason) {
        if self.life.is_over() {
            return;
        }
        self.life.state = State::Ending { why, due: now.at + ENDING_GRACE };
        self.changed.info = true;
        let breakouts = self.breakout_rooms();
        if !breakouts.is_empty() {
            self.outputs.push_back(Output::EndRooms(breakouts));
        }
        self.tell_session_ended(now);
        self.finish_if_nobody_is_left(now);
    }

    /// Somebody came: the room is active and not empty. Bots that were here before learn since when.
    pub(crate) fn somebody_came(&mut self, now: Moment, user: &UserId) {
        self.life.empty_due = None;
        self.changed.info |= self.life.empty_since_ms.take().is_some();
        if self.life.phase() == Phase::Created {
            self.start(now, None);
            for bot in self.who(|here| here != user) {
                self.tell_room_metadata_to(now, &bot);
            }
        }
    }

    /// Another media server opened the room, before anybody came to us (http-api.md section 5.1).
    pub fn on_media_opened(&mut self, now: Moment, message: Forwarded) {
        if self.life.phase() == Phase::Created {
            self.start(now, Some(message));
            self.tell_room_metadata(now);
        }
    }

    fn start(&mut self, now: Moment, forwarded: Option<Forwarded>) {
        if matches!(self.life.state, State::Created) {
            self.life.state = State::Active;
            self.life.started = Some(now.at);
            self.metadata.started_at = u64::try_from(now.unix_ms / 1000).unwrap_or_default();
            self.metadata_changed();
            self.notify_started(now, forwarded);
        }
    }

    /// Somebody went: perhaps the last one.
    pub(crate) fn somebody_went(&mut self, now: Moment) {
        let empty = !self.people.values().any(Person::keeps_room);
        if empty && self.life.empty_due.is_none() {
            self.life.empty_due = Some(now.at + self.life.after_last_one());
            self.life.empty_since_ms = Some(now.unix_ms);
            self.changed.info = true;
        }
        self.finish_if_nobody_is_left(now);
    }

    pub(crate) fn life_timeouts(&mut self, now: Moment) {
        match self.life.state {
            State::Created | State::Active => {
                if self.life.duration_due(&self.metadata).is_some_and(|due| due <= now.at) {
                    self.end(now, EndReason::Duration);
                } else if !self.holds_breakouts() && self.life.empty_due.is_some_and(|due| due <= now.at) {
                    self.end(now, EndReason::Empty);
                }
            }
            State::Ending { why, due } if due <= now.at => self.finish(now, why),
            State::Ending { .. } | State::Ended => {}
        }
    }

    /// What kept an empty room open is gone: it waits from now on as it does after the last one left.
    pub(crate) fn nothing_holds_open(&mut self, now: Moment) {
        if let Some(due) = self.life.empty_due {
            self.life.empty_due = Some(due.max(now.at + self.life.after_last_one()));
        }
    }

    fn finish_if_nobody_is_left(&mut self, now: Moment) {
        if let State::Ending { why, .. } = self.life.state
            && !self.people.values().any(Person::is_online)
        {
            self.finish(now, why);
        }
    }

    fn finish(&mut self, now: Moment, why: EndReason) {
        self.life.state = State::Ended;
        self.heir_due = None;
        self.notify_over(now);
        let figures = self.close_analytics(now);
        self.store(journal::room_removed());
        if let Some(figures) = figures {
            self.store(figures);
        }
        let conns: Vec<_> = std::mem::take(&mut self.conns).into_keys().collect();
        for conn in conns {
            self.outputs.push_back(Output::Hangup { conn, farewell: None });
        }
        for person in self.people.values_mut() {
            person.presence = Presence::Away;
            person.outbox.clear();
        }
        self.outputs.push_back(Output::CloseMedia);
        self.outputs.push_back(Output::SetJoined(self.joined_total));
        self.outputs.push_back(Output::Ended(why));
    }
}
