//! Somebody on the room's list.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use model::UserId;
use model::media::Sources;
use wire::pnm::{self, DataMsgBodyType as Body};

use crate::limits::Allowance;
use crate::outbox::Outbox;
use crate::output::ConnId;
use crate::rules::BOTS;
use crate::unsent::Refused;

/// Where somebody is between getting a token and being gone (meeting-protocol.md section 10.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Has a token, never came.
    Added,
    /// Has a live socket.
    Online { conn: ConnId, ping_due: Instant },
    /// The socket closed a moment ago; others still list them.
    Disconnected { until: Instant },
    /// Others no longer list them; outbox and media are kept a little longer.
    Offline { until: Instant },
    /// Gone; only the record stays.
    Away,
}

/// A person, whether here or not.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: UserId,
    /// New with every join token; a token of an older one is refused everywhere (hardening rule S1).
    pub(crate) generation: String,
    pub(crate) name: String,
    pub(crate) hidden: bool,
    /// On the block list.
    pub(crate) blocked: Option<Blocked>,
    /// Was sent out: their tokens open nothing until they get a new one.
    pub(crate) removed: bool,
    pub(crate) client_type: i32,
    pub(crate) metadata: pnm::UserMetadata,
    /// Unix milliseconds; 0 while it has not happened.
    pub(crate) joined_at: i64,
    pub(crate) reconnected_at: i64,
    pub(crate) disconnected_at: i64,
    pub(crate) metadata_changed_at: i64,
    pub(crate) presence: Presence,
    pub(crate) outbox: Outbox,
    /// Had a socket in this generation: a new socket must be brought up to date.
    pub(crate) came_before: bool,
    /// Went from the page before the meeting into it. Nobody hears of them before, except those who may let them in.
    pub(crate) inside: bool,
    /// What they have left to say.
    pub(crate) allowance: Allowance,
    /// Lines of theirs that went no further and of which they are still to be told.
    pub(crate) refused: Refused,
    /// Who asked them for the board or the notes a moment ago; answers go to those alone.
    pub(crate) asked: Asks,
    /// When this socket got the history of the chat.
    pub(crate) history_given: Option<Instant>,
    /// Number of the last public message that is known to have reached them; 0 if none is.
    pub(crate) heard_upto: u64,
    /// What of theirs others see and hear at this moment, as far as the media plane told.
    pub(crate) on_air: Sources,
    /// Turned the microphone on before.
    pub(crate) was_heard: bool,
}

/// Since when somebody is blocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// User id of the moderator.
    pub by: String,
}

/// How long an answer may take (meeting-protocol.md section 8, rows 9 and 22).
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// Most askers that are remembered; the oldest is forgotten first.
const MAX_ASKS: usize = 256;

/// A request to send the board or the notes.
#[derive(Debug)]
struct Ask {
    asker: UserId,
    id: String,
    kind: Body,
    until: Instant,
}

/// Requests that somebody got and may answer.
#[derive(Debug, Default)]
pub(crate) struct Asks(VecDeque<Ask>);

impl Asks {
    pub(crate) fn remember(&mut self, now: Instant, asker: &UserId, message: &pnm::DataChannelMessage) {
        self.0.retain(|ask| ask.until > now);
        if self.0.len() >= MAX_ASKS {
            self.0.pop_front();
        }
        let (id, kind) = (message.id.clone(), message.r#type());
        self.0.push_back(Ask { asker: asker.clone(), id, kind, until: now + ANSWER_TIME });
    }

    /// Whether this person asked for it.
    pub(crate) fn came_from(&self, now: Instant, asker: &UserId, kind: Body) -> bool {
        self.0.iter().any(|ask| ask.until > now && ask.kind == kind && ask.asker == *asker)
    }

    /// Whether anybody asked for it in a message of this id.
    pub(crate) fn had_id(&self, now: Instant, id: &str, kind: Body) -> bool {
        self.0.iter().any(|ask| ask.until > now && ask.kind == kind && ask.id == id)
    }
}

impl Person {
    pub(crate) const fn conn(&self) -> Option<ConnId> {
        match self.presence {
            Presence::Online { conn, .. } => Some(conn),
            Presence::Added | Presence::Disconnected { .. } | Presence::Offline { .. } | Presence::Away => None,
        }
    }

    pub(crate) const fn is_online(&self) -> bool {
        self.conn().is_some()
    }

    /// Online, or gone so shortly that they may be back in a moment.
    pub(crate) const fn is_present(&self) -> bool {
        matches!(self.presence, Presence::Online { .. } | Presence::Disconnected { .. })
    }

    /// Keeps the room open by being here; a recorder does not.
    pub(crate) fn keeps_room(&self) -> bool {
        self.is_present() && !BOTS.contains(&self.id.as_str())
    }

    /// Has a session: here, or gone so shortly that their mail and media are kept.
    pub(crate) const fn is_around(&self) -> bool {
        !matches!(self.presence, Presence::Added | Presence::Away)
    }

    /// Has the page open and has not joined. Whoever waits to be let in has.
    pub(crate) const fn is_before_joining(&self) -> bool {
        self.is_around() && !self.inside && !self.is_waiting()
    }

    /// Was sent out, and perhaps is kept out.
    pub(crate) const fn is_out(&self) -> bool {
        self.removed || self.blocked.is_some()
    }

    pub(crate) const fn is_waiting(&self) -> bool {
        self.metadata.wait_for_approval
    }

    pub(crate) const fn is_admin(&self) -> bool {
        self.metadata.is_admin
    }
}
