//! The room itself: what it holds, and the few things every verb uses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use model::policy::{Capability, Denial, decide};
use model::{RoomId, SessionId, UserId};
use wire::pnm;

use crate::analytics::{Collector, LateFigures};
use crate::breakouts::{Breakouts, CLOSES_AT, Closing};
use crate::chat::History;
use crate::files::Files;
use crate::ids::Ids;
use crate::journal::{self, Entry};
use crate::life::{Life, Phase};
use crate::output::{ConnId, Moment, Output};
use crate::person::{Person, Presence};
use crate::player::Player;
use crate::polls::Polls;
use crate::queue::QUEUE;
use crate::removal::BLOCKED;
use crate::rest::{AT_REST, AT_REST_BY, Before};
use crate::rules;
use crate::shared::SPOTLIGHT;
use crate::tell::Views;
use crate::told::Told;

/// What a session starts with. Metadata is complete: defaults, limits and dependent flags were applied by
/// `wire::create`.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// The room.
    pub room: RoomId,
    /// This session of it.
    pub session: SessionId,
    /// Title, features, locks.
    pub metadata: pnm::RoomMetadata,
    /// 0 is "no limit".
    pub max_participants: u32,
    /// As asked for, in seconds; `None` is the default of 1800 s.
    pub empty_timeout: Option<u32>,
    /// Seed for message and metadata ids.
    pub seed: u64,
    /// Whether the operator lets rooms count what happens; those whose creator wants it do.
    pub may_count: bool,
}

/// A meeting. See the crate's words for the contract.
#[derive(Debug)]
pub struct Room {
    pub(crate) id: RoomId,
    pub(crate) session: SessionId,
    pub(crate) table_id: u64,
    pub(crate) metadata: pnm::RoomMetadata,
    pub(crate) max_participants: u32,
    pub(crate) created_ms: i64,
    pub(crate) joined_total: i64,
    pub(crate) life: Life,
    pub(crate) people: BTreeMap<UserId, Person>,
    pub(crate) conns: BTreeMap<ConnId, UserId>,
    pub(crate) history: History,
    pub(crate) files: Files,
    pub(crate) polls: Polls,
    pub(crate) breakouts: Breakouts,
    pub(crate) player: Option<Player>,
    /// What this room, if it is a breakout room, knows of its end.
    pub(crate) closing: Closing,
    pub(crate) views: Views,
    pub(crate) ids: Ids,
    pub(crate) outputs: VecDeque<Output>,
    /// What other servers were told of people's media.
    pub(crate) told: BTreeMap<UserId, Told>,
    /// Who was there when a version that did not note what was told held the meeting: of what ends of theirs, other servers were
    /// told that it began.
    pub(crate) told_before: BTreeSet<UserId>,
    /// When those whose media went with the last process are told to be gone, if they are.
    pub(crate) told_due: Option<Instant>,
    pub(crate) changed: Changed,
    /// Until then people come back after a restart.
    pub(crate) gathering_until: Option<Instant>,
    /// What happens, counted; `None` in rooms that do not.
    pub(crate) analytics: Option<Collector>,
    /// Of a room that is over: figures that its media has not told all of.
    pub(crate) late: Option<LateFigures>,
    /// The media plane of our own told that it has a room for this session, and has not told that it is gone.
    pub(crate) media_is_open: bool,
    /// How things were before the meeting was put at rest; `None` while it is not.
    pub(crate) before: Option<Before>,
    /// When the last hand went up, unix milliseconds: the next one is later.
    pub(crate) last_hand_ms: i64,
    /// Nobody here presents; from then on somebody does.
    pub(crate) heir_due: Option<Instant>,
    /// How many people are on the block list.
    pub(crate) blocked: usize,
}

/// What must be journalled before the outputs so far may be carried out.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    pub(crate) info: bool,
    pub(crate) people: BTreeSet<UserId>,
    /// Whose outbox has entries to write or to remove.
    pub(crate) mail: BTreeSet<UserId>,
}

impl Changed {
    fn is_anything(&self) -> bool {
        self.info || !self.people.is_empty() || !self.mail.is_empty()
    }
}

/// The room as the HTTP API shows it.
#[derive(Debug, Clone)]
pub struct RoomView {
    /// Everything but participants.
    pub info: pnm::ActiveRoomInfo,
    /// Where in its life the room is.
    pub phase: Phase,
    /// Everybody with a session who may be seen: those with a live socket, and those who lost it a moment ago.
    pub around: Vec<PersonView>,
}

/// A person as the HTTP API shows them.
#[derive(Debug, Clone)]
pub struct PersonView {
    /// Who.
    pub id: UserId,
    /// Display name.
    pub name: String,
    /// Their metadata as JSON.
    pub metadata: Arc<str>,
}

impl Room {
    /// A new session, nobody in it. Drain the outputs: the first journal entry is among them.
    pub fn new(new: NewRoom, now: Moment) -> Self {
        let mut ids = Ids::new(new.seed);
        let views = Views::new(&mut ids);
        let counts = new.may_count && new.metadata.room_features.as_ref().is_some_and(|f| f.enable_analytics);
        let mut room = Self {
            id: new.room,
            session: new.session,
            table_id: 0,
            metadata: new.metadata,
            max_participants: new.max_participants,
            created_ms: now.unix_ms,
            joined_total: 0,
            life: Life::created(new.empty_timeout, now.at),
            people: BTreeMap::new(),
            conns: BTreeMap::new(),
            history: History::default(),
            files: Files::default(),
            polls: Polls::default(),
            breakouts: Breakouts::default(),
            player: None,
            closing: Closing::default(),
            views,
            ids,
            outputs: VecDeque::new(),
            told: BTreeMap::new(),
            told_due: None,
            told_before: BTreeSet::new(),
            changed: Changed { info: true, ..Changed::default() },
            gathering_until: None,
            analytics: counts.then(Collector::new),
            late: None,
            media_is_open: false,
            before: None,
            last_hand_ms: 0,
            heir_due: None,
            blocked: 0,
        };
        room.metadata.started_at = u64::try_from(now.unix_ms / 1000).unwrap_or_default();
        room.metadata.metadata_id = Some(room.ids.uuid());
        // What only a running meeting has cannot be brought along.
        for key in [SPOTLIGHT, BLOCKED, AT_REST, AT_REST_BY, QUEUE, CLOSES_AT] {
            room.metadata.extra_data.remove(key);
        }
        room.notify_created(now);
        room
    }

    /// The session's record got this row id; it travels as `db_table_id`.
    pub const fn recorded_as(&mut self, table_id: u64) {
        self.table_id = table_id;
    }

    /// The next thing the owner must do. Drain to `None` after every verb.
    pub fn poll_output(&mut self) -> Option<Output> {
        if self.changed.is_anything() {
            self.hurry_analytics();
        }
        if std::mem::take(&mut self.changed.info) {
            return Some(Output::Store(journal::room_entry(self)));
        }
        if let Some(id) = self.changed.people.pop_first() {
            if let Some(person) = self.people.get(&id) {
                return Some(Output::Store(journal::person_entry(person)));
            }
            return self.poll_output();
        }
        while let Some(id) = self.changed.mail.first() {
            let entry = self.people.get_mut(id).and_then(journal::next_mail_entry);
            if entry.is_some() {
                return entry.map(Output::Store);
            }
            self.changed.mail.pop_first();
        }
        if let Some(entry) = self.analytics.as_mut().and_then(Collector::poll_entry) {
            return Some(Output::Store(entry));
        }
        self.outputs.pop_front()
    }

    /// When to call [`Self::handle_timeout`], if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let people = self.people.values().filter_map(|person| {
            let presence = match person.presence {
                Presence::Online { ping_due, .. } => Some(ping_due),
                Presence::Disconnected { until } | Presence::Offline { until } => Some(until),
                Presence::Added | Presence::Away => None,
            };
            let mail = person.outbox.poll_timeout().filter(|_| person.is_online());
            presence.into_iter().chain(mail).chain(person.refused.due()).min()
        });
        let counted = self.analytics.as_ref().and_then(Collector::poll_timeout);
        let life = self.life.poll_timeout(&self.metadata, self.holds_breakouts());
        people
            .chain(life)
            .chain(self.closing_timeout())
            .chain(self.heir_due)
            .chain(self.told_timeout())
            .chain(counted)
            .min()
    }

    /// Time has passed. Harmless to call early or twice.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.presence_timeouts(now);
        self.told_timeouts(now);
        self.life_timeouts(now);
        self.closing_timeouts(now);
        self.tell_refused(now);
        self.flush_outboxes(now);
        if let Some(collector) = &mut self.analytics {
            collector.handle_timeout(now.at);
        }
    }

    /// The room as the API shows it.
    pub fn view(&mut self) -> RoomView {
        let around = self
            .people
            .values()
            .filter(|person| person.is_around() && !person.hidden)
            .map(|person| PersonView {
                id: person.id.clone(),
                name: person.name.clone(),
                metadata: wire::json::encode(&person.metadata).into(),
            })
            .collect();
        RoomView { info: self.info(), phase: self.life.phase(), around }
    }

    /// Where in its life the room is.
    pub const fn phase(&self) -> Phase {
        self.life.phase()
    }

    /// Where this room's creator wants to hear of it.
    pub fn webhook_url(&self) -> Option<&str> {
        self.metadata.webhook_url.as_deref()
    }

    /// When the session began to exist, in unix milliseconds.
    pub const fn created_ms(&self) -> i64 {
        self.created_ms
    }

    /// This session's id.
    pub const fn session(&self) -> &SessionId {
        &self.session
    }

    fn info(&mut self) -> pnm::ActiveRoomInfo {
        let metadata = &self.metadata;
        pnm::ActiveRoomInfo {
            room_title: metadata.room_title.clone(),
            room_id: self.id.to_string(),
            sid: self.session.to_string(),
            joined_participants: self.people.values().filter(|p| p.is_online()).count().try_into().unwrap_or(i64::MAX),
            is_running: 1,
            is_recording: i32::from(metadata.is_recording),
            is_active_rtmp: i32::from(metadata.is_active_rtmp),
            webhook_url: metadata.webhook_url.clone().unwrap_or_default(),
            is_breakout_room: i32::from(metadata.is_breakout_room),
            parent_room_id: metadata.parent_room_id.clone(),
            creation_time: self.created_ms / 1000,
            metadata: self.views.full(&self.metadata).to_string(),
        }
    }

    /// Asks the policy table.
    pub(crate) fn may(&self, person: &Person, capability: Capability) -> Result<(), Denial> {
        decide(&rules::actor(person, &self.metadata), &rules::rules(&self.metadata), capability)
    }

    /// Whether one person may know that another is in the room: everybody knows themselves, nobody knows of hidden
    /// people and bots nor of those who have not joined yet, only those who may let them in know who waits, and without
    /// the list attendees know moderators only.
    pub(crate) fn knows_of(&self, viewer: &Person, other: &Person) -> bool {
        if viewer.id == other.id {
            return true;
        }
        if viewer.is_waiting() || other.hidden || rules::BOTS.contains(&other.id.as_str()) {
            return false;
        }
        if other.is_waiting() {
            return self.may(viewer, Capability::ManageWaitingRoom).is_ok();
        }
        if other.is_before_joining() {
            return false;
        }
        self.may(viewer, Capability::SeeUsers).is_ok() || other.is_admin()
    }

    pub(crate) fn store(&mut self, entry: Entry) {
        self.hurry_analytics();
        self.outputs.push_back(Output::Store(entry));
    }

    pub(crate) fn person_changed(&mut self, id: &UserId) {
        self.changed.people.insert(id.clone());
    }

    /// Call after whatever may have changed what the journal keeps of somebody's outbox.
    pub(crate) fn mail_changed(&mut self, id: &UserId) {
        if self.people.get(id).is_some_and(|person| person.outbox.is_touched()) {
            self.changed.mail.insert(id.clone());
        }
    }

    /// Call after every change of `metadata`: it is journalled and gets new ids.
    pub(crate) fn metadata_changed(&mut self) {
        self.changed.info = true;
        self.metadata.metadata_id = Some(self.ids.uuid());
        self.views.changed(&mut self.ids);
    }
}
