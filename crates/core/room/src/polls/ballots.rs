//! Votes: with names, or with names and choices apart.

use std::collections::{BTreeMap, BTreeSet};

use model::UserId;

/// What somebody chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ballot {
    /// Their name when they voted.
    pub(super) name: String,
    /// Ids of options, ascending.
    pub(super) chosen: Vec<u32>,
    /// Unix milliseconds.
    pub(super) at_ms: i64,
}

/// The votes of one poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ballots {
    Named(BTreeMap<UserId, Ballot>),
    /// Nothing here says who chose what, and neither does any order.
    Secret {
        voters: BTreeSet<UserId>,
        counts: BTreeMap<u32, u64>,
    },
}

impl Ballots {
    pub(super) const fn new(anonymous: bool) -> Self {
        if anonymous {
            Self::Secret { voters: BTreeSet::new(), counts: BTreeMap::new() }
        } else {
            Self::Named(BTreeMap::new())
        }
    }

    pub(super) const fn is_secret(&self) -> bool {
        matches!(self, Self::Secret { .. })
    }

    pub(super) fn has(&self, user: &UserId) -> bool {
        match self {
            Self::Named(ballots) => ballots.contains_key(user),
            Self::Secret { voters, .. } => voters.contains(user),
        }
    }

    /// Counts a vote that was checked.
    pub(super) fn cast(&mut self, user: &UserId, name: String, chosen: Vec<u32>, at_ms: i64) {
        match self {
            Self::Named(ballots) => drop(ballots.insert(user.clone(), Ballot { name, chosen, at_ms })),
            Self::Secret { voters, counts } => {
                voters.insert(user.clone());
                for option in chosen {
                    *counts.entry(option).or_default() += 1;
                }
            }
        }
    }

    /// How many people voted.
    pub(super) fn total(&self) -> u64 {
        let total = match self {
            Self::Named(ballots) => ballots.len(),
            Self::Secret { voters, .. } => voters.len(),
        };
        total.try_into().unwrap_or(u64::MAX)
    }

    /// How many chose an option.
    pub(super) fn count(&self, option: u32) -> u64 {
        match self {
            Self::Named(ballots) => {
                let count = ballots.values().filter(|ballot| ballot.chosen.contains(&option)).count();
                count.try_into().unwrap_or(u64::MAX)
            }
            Self::Secret { counts, .. } => counts.get(&option).copied().unwrap_or_default(),
        }
    }
}
