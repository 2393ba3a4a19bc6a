//! The figures in the journal: for the room and for each visitor one entry with sums, and marks in pages of which only
//! the last is ever written again.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::UserId;
use prost::Message;

use super::collector::{Collector, Profile, Visitor};
use super::tally::{Mark, Tally};
use crate::journal::{Entry, RestoreError, decode};
use crate::output::Moment;

/// What the keys of all entries begin with.
const PREFIX: &str = "stats.";
const ROOM: &str = "room";
const USER: &str = "user.";
/// Marks on a page.
const PAGE: usize = 64;

#[derive(Clone, PartialEq, prost::Message)]
struct HeadRecord {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(bool, tag = "2")]
    is_admin: bool,
    #[prost(string, tag = "3")]
    ex_user_id: String,
    #[prost(bool, tag = "4")]
    inside: bool,
    #[prost(btree_map = "string, int32", tag = "5")]
    tracks: BTreeMap<String, i32>,
    #[prost(int64, tag = "6")]
    talk_counted_ms: i64,
    #[prost(btree_map = "int32, uint32", tag = "7")]
    sums: BTreeMap<i32, u32>,
    #[prost(btree_map = "int32, uint32", tag = "8")]
    omitted: BTreeMap<i32, u32>,
    #[prost(int64, tag = "9")]
    media_since_ms: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PageRecord {
    #[prost(message, repeated, tag = "1")]
    marks: Vec<MarkRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MarkRecord {
    #[prost(int32, tag = "1")]
    event: i32,
    #[prost(int64, tag = "2")]
    at: i64,
    #[prost(string, optional, tag = "3")]
    value: Option<String>,
}

/// The next entry of the room's tally, or of somebody's, that is not written. Says that it is.
pub(super) fn next_entry(user: Option<&UserId>, profile: Option<&Profile>, tally: &mut Tally) -> Option<Entry> {
    let key = user.map_or_else(|| format!("{PREFIX}{ROOM}"), |user| format!("{PREFIX}{USER}{user}"));
    let written = |key: String, value: Vec<u8>| Some(Entry { key, value: Some(value.into()) });
    if std::mem::take(&mut tally.touched) {
        let profile = profile.cloned().unwrap_or_default();
        let record = HeadRecord {
            name: profile.name,
            is_admin: profile.is_admin,
            ex_user_id: profile.ex_user_id,
            inside: profile.inside,
            tracks: profile.tracks,
            talk_counted_ms: profile.talk_counted_ms,
            sums: tally.sums.clone(),
            omitted: tally.omitted.clone(),
            media_since_ms: profile.media_since_ms,
        };
        return written(key, record.encode_to_vec());
    }
    if tally.written >= tally.marks.len() {
        return None;
    }
    let number = tally.written / PAGE;
    let (first, end) = (number * PAGE, tally.marks.len().min((number + 1) * PAGE));
    tally.written = end;
    let marks = tally.marks[first..end].iter().map(|mark| MarkRecord {
        event: mark.event,
        at: mark.at,
        value: mark.value.as_deref().map(str::to_owned),
    });
    written(format!("{key}.{number:06}"), PageRecord { marks: marks.collect() }.encode_to_vec())
}

/// The figures as they are read.
#[derive(Default)]
pub(crate) struct Ledger {
    /// `None` is the room.
    heads: BTreeMap<Option<UserId>, HeadRecord>,
    pages: BTreeMap<Option<UserId>, BTreeMap<u64, PageRecord>>,
}

impl Ledger {
    /// Takes an entry if it is one of figures. Whether it is.
    ///
    /// # Errors
    /// When it does not decode.
    pub(crate) fn take(&mut self, key: &str, value: &Bytes) -> Result<bool, RestoreError> {
        let Some(rest) = key.strip_prefix(PREFIX) else { return Ok(false) };
        let (whose, page) = match rest.strip_prefix(USER) {
            Some(rest) => {
                let (user, page) = rest.split_once('.').map_or((rest, None), |(user, page)| (user, Some(page)));
                let Ok(user) = UserId::try_from(user) else { return Ok(true) };
                (Some(user), page)
            }
            None if rest == ROOM => (None, None),
            None => (None, rest.strip_prefix(ROOM).and_then(|rest| rest.strip_prefix('.'))),
        };
        match page.map(str::parse) {
            None if whose.is_some() || rest == ROOM => drop(self.heads.insert(whose, decode(key, value)?)),
            Some(Ok(number)) => drop(self.pages.entry(whose).or_default().insert(number, decode(key, value)?)),
            None | Some(Err(_)) => {}
        }
        Ok(true)
    }

    /// Everything counted, `None` if the room counts nothing. The tracks of before are gone with the process that
    /// carried them.
    pub(crate) fn into_collector(mut self, now: Moment) -> Option<Collector> {
        let room = self.heads.remove(&None)?;
        let room = tally(room, self.pages.remove(&None).unwrap_or_default()).1;
        let mut visitors = BTreeMap::new();
        for (user, head) in std::mem::take(&mut self.heads) {
            let pages = self.pages.remove(&user).unwrap_or_default();
            let (Some(user), (profile, tally)) = (user, tally(head, pages)) else { continue };
            visitors.insert(user, Visitor { profile, tally });
        }
        let mut collector = Collector::restored(room, visitors);
        collector.silenced_all(now);
        Some(collector)
    }
}

fn tally(head: HeadRecord, pages: BTreeMap<u64, PageRecord>) -> (Profile, Tally) {
    let profile = Profile {
        name: head.name,
        is_admin: head.is_admin,
        ex_user_id: head.ex_user_id,
        inside: head.inside,
        tracks: head.tracks,
        talk_counted_ms: head.talk_counted_ms,
        media_since_ms: head.media_since_ms,
    };
    let marks = pages.into_values().flat_map(|page| page.marks).map(|mark| Mark {
        event: mark.event,
        at: mark.at,
        value: mark.value.map(Into::into),
    });
    (profile, Tally::restored(head.sums, head.omitted, marks.collect()))
}
