//! What survives the process: one entry for the room, one per person, one per chat message, one per file and one per message
//! that somebody has not acknowledged and nobody could make again. Protobuf, so that a newer
//! version reads an older one's journal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use model::media::Sources;
use model::{RoomId, SessionId, UserId};
use prost::Message;
use wire::pnm;

use crate::analytics::Ledger;
use crate::breakouts::{self, BREAKOUT_PREFIX, Breakouts, Closing};
use crate::chat::History;
use crate::files::{Files, RoomFile};
use crate::ids::Ids;
use crate::life::{Life, Past, RESTART_GRACE};
use crate::limits::Allowance;
use crate::outbox::{Keep, Kept, Letter, Outbox, Question, Route};
use crate::output::Moment;
use crate::person::{Asks, Blocked, Person, Presence};
use crate::player::{PLAYER_KEY, Player};
use crate::polls::{PollEntries, is_poll_key};
use crate::rest::Before;
use crate::state::{Changed, Room};
use crate::tell::Views;
use crate::told::{MEDIA_PREFIX, Told};
use crate::unsent::Refused;

const ROOM_KEY: &str = "info";
const PERSON_PREFIX: &str = "user.";
const CHAT_PREFIX: &str = "chat.";
const SIGNS_PREFIX: &str = "chatsign.";
const MAIL_PREFIX: &str = "mail.";
const FILE_PREFIX: &str = "file.";
const WORD_PREFIX: &str = "word.";

/// One change of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `info`, `user.<id>`, `chat.<number>`, `chatsign.<number>`, `mail.<id>.<number>`, `file.<number>`, `word.<id>`,
    /// `media.<id>`, `stats.…`, or `figures` once it is over.
    pub key: String,
    /// The new value, `None` to remove it.
    pub value: Option<Bytes>,
}

/// A meeting taken up again.
#[derive(Debug)]
pub struct Restored {
    /// The meeting.
    pub room: Room,
    /// What of it could not be read.
    pub damaged: Vec<RestoreError>,
    /// What [`Room::note_word`] wrote down.
    pub words: Vec<(UserId, Bytes)>,
}

/// The journal of a session does not make a room.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no entry for the room itself: it has ended.
    #[error("the journal holds no running room")]
    NoRoom,
    /// An entry does not decode.
    #[error("the journal entry {key} is damaged")]
    Damaged {
        /// Which.
        key: String,
        /// How.
        #[source]
        source: prost::DecodeError,
    },
}

#[derive(Clone, PartialEq, prost::Message)]
struct RoomRecord {
    #[prost(message, optional, tag = "1")]
    metadata: Option<pnm::RoomMetadata>,
    #[prost(uint32, tag = "2")]
    max_participants: u32,
    #[prost(uint32, optional, tag = "3")]
    empty_timeout: Option<u32>,
    #[prost(int64, tag = "4")]
    created_ms: i64,
    #[prost(int64, tag = "5")]
    joined_total: i64,
    #[prost(bool, tag = "6")]
    active: bool,
    #[prost(bool, tag = "7")]
    ending: bool,
    /// When the last one left, unix milliseconds; 0 while somebody is there.
    #[prost(int64, tag = "8")]
    empty_since_ms: i64,
    #[prost(message, optional, tag = "32")]
    before: Option<Before>,
    #[prost(int64, tag = "33")]
    last_hand_ms: i64,
    /// What other servers were told of people's media is noted.
    #[prost(bool, tag = "34")]
    notes_told: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PersonRecord {
    #[prost(string, tag = "1")]
    generation: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(bool, tag = "3")]
    hidden: bool,
    #[prost(bool, tag = "4")]
    blocked: bool,
    #[prost(int32, tag = "5")]
    client_type: i32,
    #[prost(message, optional, tag = "6")]
    metadata: Option<pnm::UserMetadata>,
    #[prost(int64, tag = "7")]
    joined_at: i64,
    #[prost(int64, tag = "8")]
    reconnected_at: i64,
    #[prost(int64, tag = "9")]
    disconnected_at: i64,
    #[prost(int64, tag = "10")]
    metadata_changed_at: i64,
    /// Was in the room, or had only just lost the socket.
    #[prost(bool, tag = "11")]
    present: bool,
    #[prost(bool, tag = "12")]
    came_before: bool,
    /// Had a session: `present`, or their mail was still kept.
    #[prost(bool, tag = "13")]
    around: bool,
    /// Numbers of mail up to this one may have been given.
    #[prost(uint64, tag = "14")]
    mail_set_aside: u64,
    /// Public messages up to this one have reached them.
    #[prost(uint64, tag = "15")]
    heard_upto: u64,
    /// Had a socket.
    #[prost(bool, tag = "16")]
    online: bool,
    #[prost(bool, tag = "32")]
    removed: bool,
    /// Unix milliseconds.
    #[prost(int64, tag = "33")]
    blocked_at: i64,
    #[prost(string, tag = "34")]
    blocked_by: String,
    #[prost(bool, tag = "35")]
    was_heard: bool,
    /// Came, and has not joined yet.
    #[prost(bool, tag = "36")]
    before_joining: bool,
}

/// A message in somebody's outbox, or the question it answers.
#[derive(Clone, PartialEq, prost::Message)]
struct MailRecord {
    #[prost(bool, tag = "1")]
    public: bool,
    #[prost(int64, tag = "2")]
    unix_ms: i64,
    #[prost(bytes = "bytes", tag = "3")]
    payload: Bytes,
    #[prost(enumeration = "Asked", tag = "4")]
    asked: i32,
    #[prost(string, tag = "5")]
    from: String,
}

/// Which question, if it is one; numbers are the journal's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
enum Asked {
    Nothing = 0,
    InitialData = 1,
    JoinedUsers = 2,
    MediaServerData = 3,
}

pub(crate) fn room_entry(room: &Room) -> Entry {
    let record = RoomRecord {
        metadata: Some(room.metadata.clone()),
        max_participants: room.max_participants,
        empty_timeout: room.life.empty_timeout,
        created_ms: room.created_ms,
        joined_total: room.joined_total,
        active: room.life.was_active(),
        ending: room.life.is_over(),
        empty_since_ms: room.life.empty_since_ms.unwrap_or_default(),
        before: room.before.clone(),
        last_hand_ms: room.last_hand_ms,
        notes_told: true,
    };
    Entry { key: ROOM_KEY.into(), value: Some(record.encode_to_vec().into()) }
}

/// The room is over, and all of it is told: nobody takes it up again.
pub(crate) fn room_removed() -> Entry {
    Entry { key: ROOM_KEY.into(), value: None }
}

pub(crate) fn person_entry(person: &Person) -> Entry {
    let record = PersonRecord {
        generation: person.generation.clone(),
        name: person.name.clone(),
        hidden: person.hidden,
        blocked: person.blocked.is_some(),
        client_type: person.client_type,
        metadata: Some(person.metadata.clone()),
        joined_at: person.joined_at,
        reconnected_at: person.reconnected_at,
        disconnected_at: person.disconnected_at,
        metadata_changed_at: person.metadata_changed_at,
        present: person.is_present(),
        came_before: person.came_before,
        around: person.is_around(),
        mail_set_aside: person.outbox.set_aside(),
        heard_upto: person.heard_upto,
        online: person.is_online(),
        removed: person.removed,
        blocked_at: person.blocked.as_ref().map(|blocked| blocked.at_ms).unwrap_or_default(),
        blocked_by: person.blocked.as_ref().map(|blocked| blocked.by.clone()).unwrap_or_default(),
        was_heard: person.was_heard,
        before_joining: person.came_before && !person.inside,
    };
    Entry { key: format!("{PERSON_PREFIX}{}", person.id), value: Some(record.encode_to_vec().into()) }
}

pub(crate) fn chat_entry(number: u64, message: &pnm::ChatMessage) -> Entry {
    Entry { key: chat_key(number), value: Some(message.encode_to_vec().into()) }
}

pub(crate) fn file_entry(file: &RoomFile) -> Entry {
    Entry { key: file_key(file), value: Some(file.encode_to_vec().into()) }
}

pub(crate) fn file_removed(file: &RoomFile) -> Entry {
    Entry { key: file_key(file), value: None }
}

fn file_key(file: &RoomFile) -> String {
    format!("{FILE_PREFIX}{:012}", file.number)
}

pub(crate) fn chat_removed(number: u64) -> Entry {
    Entry { key: chat_key(number), value: None }
}

/// Who put which sign under a public message; removed together with it.
pub(crate) fn signs_entry(number: u64, mark: &pnm::ChatMark) -> Entry {
    let value = (!mark.reactions.is_empty()).then(|| mark.encode_to_vec().into());
    Entry { key: signs_key(number), value }
}

pub(crate) fn signs_removed(number: u64) -> Entry {
    Entry { key: signs_key(number), value: None }
}

/// The next entry of somebody's outbox that must be written or removed.
pub(crate) fn next_mail_entry(person: &mut Person) -> Option<Entry> {
    let number = person.outbox.next_touched()?;
    let record = person.outbox.kept(number).map(|kept| match kept {
        Kept::Letter(letter) => MailRecord {
            public: letter.route == Route::Public,
            unix_ms: letter.unix_ms,
            payload: letter.payload.clone(),
            asked: Asked::Nothing.into(),
            from: letter.from.as_ref().map(ToString::to_string).unwrap_or_default(),
        },
        Kept::Question(question) => MailRecord {
            asked: match question {
                Question::InitialData => Asked::InitialData,
                Question::JoinedUsers => Asked::JoinedUsers,
                Question::MediaServerData => Asked::MediaServerData,
            }
            .into(),
            ..MailRecord::default()
        },
    });
    Some(Entry { key: mail_key(&person.id, number), value: record.map(|record| record.encode_to_vec().into()) })
}

pub(crate) fn mail_removed(user: &UserId, number: u64) -> Entry {
    Entry { key: mail_key(user, number), value: None }
}

fn mail_key(user: &UserId, number: u64) -> String {
    format!("{MAIL_PREFIX}{user}.{number:012}")
}

fn chat_key(number: u64) -> String {
    format!("{CHAT_PREFIX}{number:012}")
}

fn signs_key(number: u64) -> String {
    format!("{SIGNS_PREFIX}{number:012}")
}

pub(crate) fn decode<M: Message + Default>(key: &str, value: &[u8]) -> Result<M, RestoreError> {
    M::decode(value).map_err(|source| RestoreError::Damaged { key: key.into(), source })
}

impl Room {
    /// Takes a meeting up again after the process was gone. Everybody who was there gets a grace to come back; their
    /// browsers retry every two seconds. One that was ending only comes back to finish that.
    ///
    /// # Errors
    /// When the journal holds no running room, or its own entry is damaged. A damaged person or message is left out and
    /// named; an unknown key is a newer version's and is left alone.
    pub fn restore(
        id: RoomId,
        session: SessionId,
        table_id: u64,
        entries: impl IntoIterator<Item = (String, Bytes)>,
        seed: u64,
        now: Moment,
    ) -> Result<Restored, RestoreError> {
        let mut damaged = Vec::new();
        let mut record = None;
        let mut people: BTreeMap<UserId, PersonRecord> = BTreeMap::new();
        let mut messages = VecDeque::new();
        let mut signs = Vec::new();
        let mut mail: BTreeMap<UserId, Mail> = BTreeMap::new();
        let mut ledger = Ledger::default();
        let mut files = Vec::new();
        let mut words = Vec::new();
        let mut told = BTreeMap::new();
        let mut activities = Activities::default();
        for (key, value) in entries {
            match ledger.take(&key, &value) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    damaged.push(error);
                    continue;
                }
            }
            if key == ROOM_KEY {
                record = Some(decode::<RoomRecord>(&key, &value)?);
            } else if let Some(user) = key.strip_prefix(PERSON_PREFIX) {
                let Ok(user) = UserId::try_from(user) else { continue };
                match decode(&key, &value) {
                    Ok(person) => drop(people.insert(user, person)),
                    Err(error) => damaged.push(error),
                }
            } else if let Some(number) = key.strip_prefix(CHAT_PREFIX).and_then(|n| n.parse().ok()) {
                match decode(&key, &value) {
                    Ok(message) => messages.push_back((number, message)),
                    Err(error) => damaged.push(error),
                }
            } else if let Some(user) = key.strip_prefix(MEDIA_PREFIX) {
                let Ok(user) = UserId::try_from(user) else { continue };
                match Told::restored(&value) {
                    Ok(known) => drop(told.insert(user, known)),
                    Err(source) => damaged.push(RestoreError::Damaged { key, source }),
                }
            } else if let Some(user) = key.strip_prefix(WORD_PREFIX) {
                words.extend(UserId::try_from(user).ok().map(|user| (user, value)));
            } else if key.starts_with(FILE_PREFIX) {
                match decode(&key, &value) {
                    Ok(file) => files.push(file),
                    Err(error) => damaged.push(error),
                }
            } else if let Some(number) = key.strip_prefix(SIGNS_PREFIX).and_then(|n| n.parse().ok()) {
                match decode(&key, &value) {
                    Ok(mark) => signs.push((number, mark)),
                    Err(error) => damaged.push(error),
                }
            } else if let Some((user, number)) = key.strip_prefix(MAIL_PREFIX).and_then(|rest| rest.rsplit_once('.')) {
                let (Ok(user), Ok(number)) = (UserId::try_from(user), number.parse()) else { continue };
                match decode(&key, &value) {
                    Ok(record) => mail.entry(user).or_default().sort_in(number, record),
                    Err(error) => damaged.push(error),
                }
            } else if let Err(error) = activities.sort_in(&key, &value) {
                damaged.push(error);
            }
        }
        let mut history = History::restored(messages);
        for (number, mark) in &signs {
            history.restore_signs(*number, mark);
        }
        let people: BTreeMap<UserId, Person> = people
            .into_iter()
            .map(|(user, record)| {
                let mail = mail.remove(&user).unwrap_or_default();
                (user.clone(), restore_person(user, record, mail, &history, now))
            })
            .collect();
        let record = record.ok_or(RestoreError::NoRoom)?;
        let metadata = record.metadata.ok_or(RestoreError::NoRoom)?;
        let anybody = people.values().any(Person::keeps_room);
        let told_before = if record.notes_told { BTreeSet::new() } else { people.keys().cloned().collect() };
        let since_ms = if record.active {
            i64::try_from(metadata.started_at).unwrap_or_default().saturating_mul(1000)
        } else {
            record.created_ms
        };
        let past = Past {
            active: record.active,
            since_ms,
            empty_since_ms: (!anybody).then_some(record.empty_since_ms).filter(|since| *since > 0),
            anybody,
            ending: record.ending,
        };
        let mut ids = Ids::new(seed);
        let views = Views::new(&mut ids);
        let closing = Closing::restored(&metadata, now);
        let room = Self {
            id,
            session,
            table_id,
            metadata,
            max_participants: record.max_participants,
            created_ms: record.created_ms,
            joined_total: record.joined_total,
            life: Life::restored(record.empty_timeout, &past, now),
            blocked: people.values().filter(|person| person.blocked.is_some()).count(),
            people,
            conns: BTreeMap::new(),
            history,
            files: Files::restored(files),
            polls: activities.polls.restored(),
            breakouts: activities.breakouts,
            player: activities.player,
            closing,
            views,
            ids,
            outputs: VecDeque::new(),
            told_before,
            told_due: (!told.is_empty()).then_some(now.at + RESTART_GRACE),
            told,
            changed: Changed::default(),
            gathering_until: Some(now.at + RESTART_GRACE),
            analytics: ledger.into_collector(now),
            late: None,
            media_is_open: false,
            before: record.before,
            last_hand_ms: record.last_hand_ms,
            heir_due: None,
        };
        Ok(Restored { room, damaged, words })
    }

    /// Writes down what is to hold of somebody in this session beside what the room knows, in place of what was written of
    /// them before. What it means is the caller's, who gets it back with [`Restored`].
    pub fn note_word(&mut self, user: &UserId, word: Bytes) {
        self.store(Entry { key: format!("{WORD_PREFIX}{user}"), value: Some(word) });
    }
}

/// Polls, breakout rooms and the media player as they are read.
#[derive(Default)]
struct Activities {
    polls: PollEntries,
    breakouts: Breakouts,
    player: Option<Player>,
}

impl Activities {
    fn sort_in(&mut self, key: &str, value: &Bytes) -> Result<(), RestoreError> {
        if is_poll_key(key) {
            self.polls.sort_in(key, value)?;
        } else if key.starts_with(BREAKOUT_PREFIX) {
            self.breakouts.extend(breakouts::restored(key, value)?);
        } else if key == PLAYER_KEY {
            self.player = Some(Player::restored(value)?);
        }
        Ok(())
    }
}

/// Somebody's outbox as it is read.
#[derive(Default)]
struct Mail {
    letters: BTreeMap<u64, Letter>,
    owed: BTreeMap<u64, Question>,
}

impl Mail {
    fn sort_in(&mut self, number: u64, record: MailRecord) {
        let question = match record.asked() {
            Asked::InitialData => Question::InitialData,
            Asked::JoinedUsers => Question::JoinedUsers,
            Asked::MediaServerData => Question::MediaServerData,
            Asked::Nothing => {
                let route = if record.public { Route::Public } else { Route::Private };
                let from = UserId::try_from(record.from.as_str()).ok();
                let MailRecord { unix_ms, payload, .. } = record;
                let letter = Letter { route, unix_ms, payload, keep: Keep::Letter, from };
                self.letters.insert(number, letter);
                return;
            }
        };
        self.owed.insert(number, question);
    }
}

fn restore_person(id: UserId, record: PersonRecord, mail: Mail, history: &History, now: Moment) -> Person {
    let numbers = mail.letters.keys().chain(mail.owed.keys()).copied();
    let set_aside = numbers.chain([record.mail_set_aside]).max().unwrap_or_default();
    let until = now.at + RESTART_GRACE;
    // Somebody with a socket acknowledged more than their entry says, up to what was said a moment before the end.
    let heard = if record.online { history.long_ago() } else { 0 };
    Person {
        id,
        generation: record.generation,
        name: record.name,
        hidden: record.hidden,
        blocked: record.blocked.then_some(Blocked { at_ms: record.blocked_at, by: record.blocked_by }),
        removed: record.removed,
        client_type: record.client_type,
        metadata: record.metadata.unwrap_or_default(),
        joined_at: record.joined_at,
        reconnected_at: record.reconnected_at,
        disconnected_at: record.disconnected_at,
        metadata_changed_at: record.metadata_changed_at,
        presence: if record.present {
            Presence::Disconnected { until }
        } else if record.around {
            Presence::Offline { until }
        } else if record.came_before {
            Presence::Away
        } else {
            Presence::Added
        },
        outbox: Outbox::restored(set_aside, mail.letters.into_iter().collect(), mail.owed),
        came_before: record.came_before,
        inside: record.came_before && !record.before_joining,
        allowance: Allowance::default(),
        refused: Refused::default(),
        asked: Asks::default(),
        history_given: None,
        heard_upto: record.heard_upto.max(heard),
        on_air: Sources::NONE,
        was_heard: record.was_heard,
    }
}
