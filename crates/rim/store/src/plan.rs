//! What a batch of writes amounts to, before anything is asked of the database.
//!
//! Writes of one batch become durable together, so only their net effect matters: of several values of a key the last
//! one, of a session opened and closed at once a single row. That turns hundreds of writes into a handful of
//! statements.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::archive::{Artifact, Recording};
use ports::outbox::Notice;
use ports::presence::{Presence, PresenceWrite};
use ports::store::{NewSession, SessionRecord, StateWrite};

/// One write as asked for.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    Open(NewSession),
    Close { session: SessionId, ended_at_ms: i64 },
    SetJoined { session: SessionId, joined: i64 },
    Commit { session: SessionId, writes: Vec<StateWrite>, notices: Vec<Notice> },
    Forget { session: SessionId },
    Enqueue { notices: Vec<Notice> },
    Note { writes: Vec<PresenceWrite>, notices: Vec<Notice> },
    Settle { notice: i64, fate: Fate },
    Shelve(Shelving),
}

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Delivered,
    Postponed { due_ms: i64 },
    Parked { at_ms: i64 },
}

/// A rare write that touches rows no other kind of write does; done one by one, each with a count as its answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shelving {
    /// A session of another server that is over; one that is there already stays as it is.
    AdoptSession(SessionRecord),
    AddRecording(Recording),
    SetRecordingMetadata {
        record_id: String,
        metadata: String,
    },
    RemoveRecording {
        record_id: String,
    },
    AddArtifact(Artifact),
    RemoveArtifact {
        artifact_id: String,
    },
    ClearParked {
        before_ms: i64,
    },
}

impl Write {
    /// Roughly how many bytes it puts into the transaction.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Commit { writes, notices, .. } => {
                let state = |write: &StateWrite| write.key.len() + write.value.as_ref().map_or(0, Bytes::len);
                writes.iter().map(state).sum::<usize>() + weight_of(notices)
            }
            Self::Enqueue { notices } => weight_of(notices),
            Self::Note { writes, notices } => {
                let about = |write: &PresenceWrite| match write {
                    PresenceWrite::Put(presence) => presence.about.len(),
                    PresenceWrite::Remove { .. } => 0,
                };
                writes.iter().map(about).sum::<usize>() + weight_of(notices)
            }
            Self::Shelve(
                Shelving::AddRecording(Recording { metadata, .. })
                | Shelving::AddArtifact(Artifact { metadata, .. })
                | Shelving::SetRecordingMetadata { metadata, .. },
            ) => metadata.len(),
            Self::Open(_)
            | Self::Close { .. }
            | Self::SetJoined { .. }
            | Self::Forget { .. }
            | Self::Settle { .. }
            | Self::Shelve(
                Shelving::AdoptSession(_)
                | Shelving::RemoveRecording { .. }
                | Shelving::RemoveArtifact { .. }
                | Shelving::ClearParked { .. },
            ) => 0,
        }
    }
}

fn weight_of(notices: &[Notice]) -> usize {
    notices.iter().map(|notice| notice.url.len() + notice.body.len()).sum()
}

/// When a session ended, and how early in the batch that was said: the first to say so wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ending {
    /// Position in the batch.
    pub(crate) turn: usize,
    /// Unix milliseconds.
    pub(crate) at_ms: i64,
}

/// A row to insert.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) session: NewSession,
    pub(crate) joined: i64,
    pub(crate) ended_at_ms: Option<i64>,
}

/// The net effect on one session's live state.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StateChange {
    /// Whether everything stored before is to go first.
    pub(crate) forget: bool,
    /// The last value per key.
    pub(crate) entries: BTreeMap<String, Option<Bytes>>,
}

/// The net effect on one stored notice.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoticeChange {
    /// In vain, since it was stored.
    pub(crate) attempts: i64,
    /// When to try next, if that changed.
    pub(crate) due_ms: Option<i64>,
    /// When it was given up, if it was.
    pub(crate) parked_ms: Option<i64>,
    /// Whether it arrived.
    pub(crate) delivered: bool,
}

/// The net effect of a batch.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Rows to insert, in the order they were asked for.
    pub(crate) openings: Vec<Opening>,
    /// Rooms that got a session, and when the first one ended whatever ran there before the batch.
    pub(crate) superseded: BTreeMap<RoomId, Ending>,
    /// Stored sessions to close.
    pub(crate) closings: BTreeMap<SessionId, Ending>,
    /// Stored sessions whose count changes.
    pub(crate) joined: BTreeMap<SessionId, i64>,
    /// Changes of live state.
    pub(crate) state: BTreeMap<SessionId, StateChange>,
    /// Who is there and who is gone, by id.
    pub(crate) presences: BTreeMap<String, Option<Presence>>,
    /// Notices to put into the outbox, in the order they were asked for.
    pub(crate) notices: Vec<Notice>,
    /// What became of stored notices, by their ids.
    pub(crate) fates: BTreeMap<i64, NoticeChange>,
    /// To be done one by one, each with its position in the batch.
    pub(crate) shelvings: Vec<(usize, Shelving)>,
    /// Where a session of `openings` is.
    positions: BTreeMap<SessionId, usize>,
    /// The session of `openings` that runs for a room.
    running: BTreeMap<RoomId, usize>,
}

impl Plan {
    pub(crate) fn of<'a>(writes: impl IntoIterator<Item = &'a Write>) -> Self {
        let mut plan = Self::default();
        for (turn, write) in writes.into_iter().enumerate() {
            match write {
                Write::Open(session) => plan.open(turn, session),
                Write::Close { session, ended_at_ms } => plan.close(session, Ending { turn, at_ms: *ended_at_ms }),
                Write::SetJoined { session, joined } => plan.set_joined(session, *joined),
                Write::Commit { session, writes, notices } => {
                    plan.notices.extend_from_slice(notices);
                    let change = plan.state.entry(session.clone()).or_default();
                    change.entries.extend(writes.iter().map(|write| (write.key.clone(), write.value.clone())));
                }
                Write::Forget { session } => {
                    plan.state.insert(session.clone(), StateChange { forget: true, entries: BTreeMap::new() });
                }
                Write::Enqueue { notices } => plan.notices.extend_from_slice(notices),
                Write::Note { writes, notices } => {
                    plan.notices.extend_from_slice(notices);
                    plan.presences.extend(writes.iter().map(|write| match write {
                        PresenceWrite::Put(presence) => (presence.id.clone(), Some(presence.clone())),
                        PresenceWrite::Remove { id } => (id.clone(), None),
                    }));
                }
                Write::Settle { notice, fate } => plan.settle(*notice, *fate),
                Write::Shelve(shelving) => plan.shelvings.push((turn, shelving.clone())),
            }
        }
        plan
    }

    fn open(&mut self, turn: usize, session: &NewSession) {
        let position = self.openings.len();
        match self.running.entry(session.room.clone()) {
            Entry::Occupied(mut entry) => {
                let earlier = &mut self.openings[*entry.get()];
                earlier.ended_at_ms = earlier.ended_at_ms.or(Some(session.created_at_ms));
                entry.insert(position);
            }
            Entry::Vacant(entry) => {
                entry.insert(position);
            }
        }
        self.superseded.entry(session.room.clone()).or_insert(Ending { turn, at_ms: session.created_at_ms });
        self.positions.insert(session.session.clone(), position);
        self.openings.push(Opening { session: session.clone(), joined: 0, ended_at_ms: None });
    }

    fn close(&mut self, session: &SessionId, ending: Ending) {
        if let Some(position) = self.positions.get(session) {
            let opening = &mut self.openings[*position];
            opening.ended_at_ms = opening.ended_at_ms.or(Some(ending.at_ms));
        } else {
            self.closings.entry(session.clone()).or_insert(ending);
        }
    }

    fn set_joined(&mut self, session: &SessionId, joined: i64) {
        if let Some(position) = self.positions.get(session) {
            self.openings[*position].joined = joined;
        } else {
            self.joined.insert(session.clone(), joined);
        }
    }

    fn settle(&mut self, notice: i64, fate: Fate) {
        let change = self.fates.entry(notice).or_default();
        match fate {
            Fate::Delivered => change.delivered = true,
            Fate::Postponed { due_ms } if change.parked_ms.is_none() => {
                change.attempts += 1;
                change.due_ms = Some(due_ms);
            }
            Fate::Parked { at_ms } => change.parked_ms = change.parked_ms.or(Some(at_ms)),
            Fate::Postponed { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_key_wins_and_forgetting_drops_what_came_before() {
        let plan = Plan::of(&[
            commit("s", &[("a", Some("1")), ("b", Some("1"))]),
            commit("s", &[("a", Some("2"))]),
            Write::Forget { session: id("s") },
            commit("s", &[("b", Some("3")), ("b", None), ("c", Some("4"))]),
        ]);

        let expected = StateChange {
            forget: true,
            entries: [("b".to_owned(), None), ("c".to_owned(), Some(Bytes::from_static(b"4")))].into(),
        };
        assert_eq!(plan.state, [(id("s"), expected)].into());
    }

    #[test]
    fn of_two_sessions_of_a_room_in_one_batch_only_the_later_runs() {
        let plan = Plan::of(&[open("r", "s1", 10), open("r", "s2", 20)]);

        assert_eq!(plan.openings.iter().map(|row| row.ended_at_ms).collect::<Vec<_>>(), [Some(20), None]);
        assert_eq!(plan.superseded, [(RoomId::try_from("r").unwrap(), Ending { turn: 0, at_ms: 10 })].into());
    }

    #[test]
    fn a_session_opened_and_closed_in_one_batch_is_one_row() {
        let plan = Plan::of(&[
            open("r", "s1", 10),
            Write::SetJoined { session: id("s1"), joined: 3 },
            Write::Close { session: id("s1"), ended_at_ms: 15 },
            Write::Close { session: id("s1"), ended_at_ms: 99 },
            open("r", "s2", 20),
        ]);

        assert_eq!((plan.openings[0].joined, plan.openings[0].ended_at_ms), (3, Some(15)));
        assert!(plan.closings.is_empty() && plan.joined.is_empty());
    }

    #[test]
    fn a_parked_notice_is_tried_no_more_and_a_delivered_one_is_gone_whatever_else_is_said() {
        let settle = |notice, fate| Write::Settle { notice, fate };
        let plan = Plan::of(&[
            settle(1, Fate::Postponed { due_ms: 10 }),
            settle(1, Fate::Postponed { due_ms: 20 }),
            settle(1, Fate::Parked { at_ms: 30 }),
            settle(1, Fate::Postponed { due_ms: 40 }),
            settle(1, Fate::Parked { at_ms: 50 }),
            settle(2, Fate::Delivered),
            settle(2, Fate::Postponed { due_ms: 10 }),
        ]);

        let parked = NoticeChange { attempts: 2, due_ms: Some(20), parked_ms: Some(30), delivered: false };
        assert_eq!(plan.fates[&1], parked);
        assert!(plan.fates[&2].delivered);
    }

    fn id(text: &str) -> SessionId {
        SessionId::try_from(text).unwrap()
    }

    fn open(room: &str, session: &str, created_at_ms: i64) -> Write {
        Write::Open(NewSession {
            room: RoomId::try_from(room).unwrap(),
            session: id(session),
            title: String::new(),
            webhook_url: String::new(),
            parent: None,
            created_at_ms,
        })
    }

    fn commit(session: &str, writes: &[(&str, Option<&'static str>)]) -> Write {
        let writes = writes
            .iter()
            .map(|(key, value)| StateWrite { key: (*key).to_owned(), value: value.map(Bytes::from) })
            .collect();
        Write::Commit { session: id(session), writes, notices: Vec::new() }
    }
}
