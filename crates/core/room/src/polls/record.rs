//! Polls in the journal: one entry per poll, one per vote, and one with the counts of an anonymous poll, which says who
//! voted and what was chosen in different entries.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::UserId;
use prost::Message;

use super::ballots::Ballots;
use super::{Poll, Polls};
use crate::journal::{self, Entry, RestoreError};

const POLL_PREFIX: &str = "poll.";
const VOTE_PREFIX: &str = "vote.";
const TALLY_PREFIX: &str = "tally.";

#[derive(Clone, PartialEq, prost::Message)]
struct PollRecord {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(string, tag = "2")]
    question: String,
    #[prost(btree_map = "uint32, string", tag = "3")]
    texts: BTreeMap<u32, String>,
    /// Ids in the order in which they are shown.
    #[prost(uint32, repeated, tag = "4")]
    order: Vec<u32>,
    #[prost(uint32, tag = "5")]
    choices: u32,
    #[prost(uint32, tag = "6")]
    max_choices: u32,
    #[prost(bool, tag = "7")]
    is_multiple: bool,
    #[prost(bool, tag = "8")]
    is_live: bool,
    #[prost(bool, tag = "9")]
    is_secret: bool,
    #[prost(int64, tag = "10")]
    created_ms: i64,
    #[prost(string, tag = "11")]
    created_by: String,
    #[prost(bool, tag = "12")]
    is_closed: bool,
    #[prost(string, tag = "13")]
    closed_by: String,
    #[prost(int64, tag = "14")]
    closed_ms: i64,
}

/// Empty in an anonymous poll.
#[derive(Clone, PartialEq, prost::Message)]
struct VoteRecord {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint32, repeated, tag = "2")]
    chosen: Vec<u32>,
    #[prost(int64, tag = "3")]
    at_ms: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TallyRecord {
    #[prost(btree_map = "uint32, uint64", tag = "1")]
    counts: BTreeMap<u32, u64>,
}

pub(super) fn poll_entry(number: u32, poll: &Poll) -> Entry {
    let (closed_by, closed_ms) = poll.closed.clone().unwrap_or_default();
    let record = PollRecord {
        id: poll.id.clone(),
        question: poll.question.clone(),
        texts: poll.options.iter().cloned().collect(),
        order: poll.options.iter().map(|option| option.0).collect(),
        choices: poll.choices.try_into().unwrap_or(u32::MAX),
        max_choices: poll.max_choices,
        is_multiple: poll.is_multiple,
        is_live: poll.is_live,
        is_secret: poll.ballots.is_secret(),
        created_ms: poll.created_ms,
        created_by: poll.created_by.clone(),
        is_closed: poll.closed.is_some(),
        closed_by,
        closed_ms,
    };
    entry(format!("{POLL_PREFIX}{number:06}"), &record)
}

/// What a vote adds.
pub(super) fn vote_entries(number: u32, by: &UserId, ballots: &Ballots) -> Vec<Entry> {
    let key = format!("{VOTE_PREFIX}{number:06}.{by}");
    match ballots {
        Ballots::Named(ballots) => {
            let vote = ballots.get(by).map(|ballot| VoteRecord {
                name: ballot.name.clone(),
                chosen: ballot.chosen.clone(),
                at_ms: ballot.at_ms,
            });
            vec![entry(key, &vote.unwrap_or_default())]
        }
        Ballots::Secret { counts, .. } => {
            let tally = TallyRecord { counts: counts.clone() };
            vec![entry(key, &VoteRecord::default()), entry(format!("{TALLY_PREFIX}{number:06}"), &tally)]
        }
    }
}

fn entry(key: String, record: &impl Message) -> Entry {
    Entry { key, value: Some(record.encode_to_vec().into()) }
}

/// Whether a key of the journal is one of these.
pub(crate) fn is_poll_key(key: &str) -> bool {
    [POLL_PREFIX, VOTE_PREFIX, TALLY_PREFIX].iter().any(|prefix| key.starts_with(prefix))
}

/// Polls as they are read.
#[derive(Debug, Default)]
pub(crate) struct PollEntries {
    polls: BTreeMap<u32, PollRecord>,
    votes: Vec<(u32, UserId, VoteRecord)>,
    tallies: BTreeMap<u32, TallyRecord>,
}

impl PollEntries {
    /// Takes one entry; what has no number or no voter is a newer version's.
    pub(crate) fn sort_in(&mut self, key: &str, value: &Bytes) -> Result<(), RestoreError> {
        if let Some(number) = key.strip_prefix(POLL_PREFIX).and_then(|number| number.parse().ok()) {
            self.polls.insert(number, journal::decode(key, value)?);
        } else if let Some(number) = key.strip_prefix(TALLY_PREFIX).and_then(|number| number.parse().ok()) {
            self.tallies.insert(number, journal::decode(key, value)?);
        } else if let Some((number, user)) = key.strip_prefix(VOTE_PREFIX).and_then(|rest| rest.split_once('.'))
            && let (Ok(number), Ok(user)) = (number.parse(), UserId::try_from(user))
        {
            self.votes.push((number, user, journal::decode(key, value)?));
        }
        Ok(())
    }

    pub(crate) fn restored(self) -> Polls {
        let Self { polls, votes, mut tallies } = self;
        let mut polls: BTreeMap<u32, Poll> =
            polls.into_iter().map(|(number, record)| (number, restored(record))).collect();
        for (number, user, vote) in votes {
            if let Some(poll) = polls.get_mut(&number) {
                poll.ballots.cast(&user, vote.name, vote.chosen, vote.at_ms);
            }
        }
        for (number, poll) in &mut polls {
            if let (Ballots::Secret { counts, .. }, Some(tally)) = (&mut poll.ballots, tallies.remove(number)) {
                *counts = tally.counts;
            }
        }
        Polls(polls)
    }
}

fn restored(mut record: PollRecord) -> Poll {
    let texts = &mut record.texts;
    Poll {
        options: record.order.iter().filter_map(|id| Some((*id, texts.remove(id)?))).collect(),
        id: record.id,
        question: record.question,
        choices: record.choices.try_into().unwrap_or(usize::MAX),
        max_choices: record.max_choices,
        is_multiple: record.is_multiple,
        is_live: record.is_live,
        created_ms: record.created_ms,
        created_by: record.created_by,
        closed: record.is_closed.then_some((record.closed_by, record.closed_ms)),
        ballots: Ballots::new(record.is_secret),
    }
}
