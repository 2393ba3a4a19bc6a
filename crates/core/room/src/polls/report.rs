//! Polls as the analytics and tables have them: counts, and who chose what where that is no secret.

use model::UserId;
use model::policy::Capability;
use serde::{Deserialize, Serialize};
use wire::pnm::{AnalyticsEventData, AnalyticsEventValue};

use super::ballots::Ballots;
use super::{Poll, PollRefusal};
use crate::state::Room;

/// What all polls of a session may take in its analytics, in bytes of JSON.
const MAX_EXPORT: usize = 8 * 1024 * 1024;

/// A poll and what became of it. Its JSON is a value of the analytics' event [`PollReport::EVENT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollReport {
    /// Its id.
    #[serde(rename = "poll_id")]
    pub id: String,
    /// What was asked.
    pub question: String,
    /// Whether one vote could name several options.
    pub multiple_choice: bool,
    /// Whether nobody knows who chose what.
    pub anonymous: bool,
    /// Unix milliseconds.
    #[serde(rename = "created")]
    pub created_ms: i64,
    /// Unix milliseconds; `None` while it runs, or if the session ended before.
    #[serde(rename = "closed")]
    pub closed_ms: Option<i64>,
    /// How many people voted.
    pub total: u64,
    /// In the order they were shown.
    pub options: Vec<OptionReport>,
    /// Who chose what; empty for an anonymous poll.
    #[serde(default)]
    pub votes: Vec<PollVote>,
    /// There were so many votes that only the counts are told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub votes_omitted: bool,
}

/// One option and how many chose it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionReport {
    /// Its number in the poll.
    pub id: u32,
    /// What it says.
    pub text: String,
    /// How many chose it.
    pub votes: u64,
}

/// One vote that is not secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollVote {
    /// User id of whoever voted.
    #[serde(rename = "user_id")]
    pub user: String,
    /// Their name when they voted.
    pub name: String,
    /// Ids of options, ascending.
    pub chosen: Vec<u32>,
    /// Unix milliseconds.
    #[serde(rename = "at")]
    pub at_ms: i64,
}

impl PollReport {
    /// Name of the room's event in the analytics.
    pub const EVENT: &'static str = "poll_results";

    /// Reads one value of the event; `None` if it is none.
    pub fn from_json(value: &str) -> Option<Self> {
        serde_json::from_str(value).ok()
    }

    fn to_json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// As JSON of at most `left` bytes: whole, else without who chose what.
    fn within(self, left: usize) -> Option<String> {
        let whole = self.to_json()?;
        if whole.len() <= left {
            return Some(whole);
        }
        let counts = Self { votes_omitted: !self.votes.is_empty(), votes: Vec::new(), ..self };
        counts.to_json().filter(|counts| counts.len() <= left)
    }
}

impl Room {
    /// The polls of the session in the order they were made, or one of them, for whoever may see who voted.
    ///
    /// # Errors
    /// When they may not, or there is no such poll.
    pub fn poll_reports(&self, by: &UserId, poll: Option<&str>) -> Result<Vec<PollReport>, PollRefusal> {
        self.may_now(by, Capability::ManagePolls)?;
        match poll {
            Some(id) => self.polls.find(id).map(|(_, poll)| vec![poll.report()]),
            None => Ok(self.polls.0.values().map(Poll::report).collect()),
        }
    }

    /// What became of the polls, for the analytics; `None` if there were none.
    pub(crate) fn poll_results(&self) -> Option<AnalyticsEventData> {
        let polls = &self.polls.0;
        let mut left = MAX_EXPORT;
        let values = polls.values().filter_map(|poll| {
            let value = poll.report().within(left)?;
            left -= value.len();
            Some(AnalyticsEventValue { time: poll.created_ms, value })
        });
        (!polls.is_empty()).then(|| AnalyticsEventData {
            name: PollReport::EVENT.into(),
            total: u32::try_from(polls.len()).unwrap_or(u32::MAX),
            values: values.collect(),
        })
    }
}

impl Poll {
    fn report(&self) -> PollReport {
        let option =
            |(id, text): &(u32, String)| OptionReport { id: *id, text: text.clone(), votes: self.ballots.count(*id) };
        PollReport {
            id: self.id.clone(),
            question: self.question.clone(),
            multiple_choice: self.is_multiple,
            anonymous: self.ballots.is_secret(),
            created_ms: self.created_ms,
            closed_ms: self.closed.as_ref().map(|closed| closed.1),
            total: self.ballots.total(),
            options: self.options.iter().map(option).collect(),
            votes: match &self.ballots {
                Ballots::Named(ballots) => ballots
                    .iter()
                    .map(|(user, ballot)| PollVote {
                        user: user.to_string(),
                        name: ballot.name.clone(),
                        chosen: ballot.chosen.clone(),
                        at_ms: ballot.at_ms,
                    })
                    .collect(),
                Ballots::Secret { .. } => Vec::new(),
            },
            votes_omitted: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_is_too_long_keeps_its_counts() {
        let vote = |n: u32| PollVote { user: format!("u{n}"), name: "Ana".into(), chosen: vec![1], at_ms: 5 };
        let report = PollReport {
            id: "p".into(),
            question: "Tea?".into(),
            multiple_choice: false,
            anonymous: false,
            created_ms: 1,
            closed_ms: None,
            total: 100,
            options: vec![OptionReport { id: 1, text: "yes".into(), votes: 100 }],
            votes: (0..100).map(vote).collect(),
            votes_omitted: false,
        };

        let whole = report.clone().within(MAX_EXPORT).unwrap();
        let short = report.clone().within(1000).unwrap();

        assert_eq!(PollReport::from_json(&whole), Some(report.clone()));
        let short = PollReport::from_json(&short).unwrap();
        assert_eq!((short.total, short.options[0].votes, short.votes.len(), short.votes_omitted), (100, 100, 0, true));
        assert_eq!(report.within(10), None);
        assert_eq!(PollReport::from_json("{}"), None);
    }
}
