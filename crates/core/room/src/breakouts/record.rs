//! Breakout rooms in the journal: one entry each.

use bytes::Bytes;
use model::{RoomId, UserId};
use prost::Message;

use super::Breakout;
use crate::journal::{self, Entry, RestoreError};

/// First part of the keys.
pub(crate) const BREAKOUT_PREFIX: &str = "breakout.";

#[derive(Clone, PartialEq, prost::Message)]
struct BreakoutRecord {
    #[prost(string, tag = "1")]
    room: String,
    #[prost(string, tag = "2")]
    title: String,
    #[prost(uint64, tag = "3")]
    duration: u64,
    #[prost(uint64, tag = "4")]
    created: u64,
    #[prost(bool, tag = "5")]
    is_self_select: bool,
    #[prost(message, repeated, tag = "6")]
    users: Vec<UserRecord>,
    #[prost(string, tag = "7")]
    help_by: String,
    #[prost(int64, tag = "8")]
    help_at_ms: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct UserRecord {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    name: String,
}

pub(super) fn entry(number: u32, breakout: &Breakout) -> Entry {
    let (help_by, help_at_ms) = breakout.help.as_ref().map(|(user, at)| (user.to_string(), *at)).unwrap_or_default();
    let users = breakout.users.iter().map(|(id, name)| UserRecord { id: id.to_string(), name: name.clone() });
    let record = BreakoutRecord {
        room: breakout.room.to_string(),
        title: breakout.title.clone(),
        duration: breakout.duration,
        created: breakout.created,
        is_self_select: breakout.is_self_select,
        users: users.collect(),
        help_by,
        help_at_ms,
    };
    Entry { key: key(number), value: Some(record.encode_to_vec().into()) }
}

pub(super) fn removed(number: u32) -> Entry {
    Entry { key: key(number), value: None }
}

fn key(number: u32) -> String {
    format!("{BREAKOUT_PREFIX}{number:06}")
}

/// One entry as it is read; `None` if it is a newer version's.
pub(crate) fn restored(key: &str, value: &Bytes) -> Result<Option<(u32, Breakout)>, RestoreError> {
    let Some(number) = key.strip_prefix(BREAKOUT_PREFIX).and_then(|number| number.parse().ok()) else {
        return Ok(None);
    };
    let record: BreakoutRecord = journal::decode(key, value)?;
    let Ok(room) = RoomId::try_from(record.room.as_str()) else { return Ok(None) };
    let users = record.users.into_iter().filter_map(|user| Some((UserId::try_from(user.id.as_str()).ok()?, user.name)));
    let breakout = Breakout {
        room,
        title: record.title,
        duration: record.duration,
        created: record.created,
        is_self_select: record.is_self_select,
        users: users.collect(),
        help: UserId::try_from(record.help_by.as_str()).ok().map(|user| (user, record.help_at_ms)),
    };
    Ok(Some((number, breakout)))
}
