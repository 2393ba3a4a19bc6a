//! What people are told of polls: everybody the questions and how many voted, whoever may know the rest.

use std::collections::BTreeMap;

use model::UserId;
use model::policy::Capability;
use wire::pnm;

use super::ballots::Ballots;
use super::{Poll, PollRefusal, about};
use crate::state::Room;

/// `voted` of somebody who voted in an anonymous poll: an id that no option has.
const VOTED_SECRETLY: u64 = u32::MAX as u64;

impl Room {
    pub(super) fn count_voters(&self, id: String) -> pnm::PollResponse {
        let total = self.polls.find(&id).map_or(0, |(_, poll)| poll.ballots.total());
        pnm::PollResponse { total_responses: Some(total), ..about(id) }
    }

    pub(super) fn poll_details(&self, by: &UserId, id: String) -> Result<pnm::PollResponse, PollRefusal> {
        self.may_now(by, Capability::ManagePolls)?;
        let (_, poll) = self.polls.find(&id)?;
        Ok(pnm::PollResponse { responses: poll.details(), ..about(id) })
    }

    pub(super) fn poll_result(&self, by: &UserId, id: String) -> Result<pnm::PollResponse, PollRefusal> {
        let (_, poll) = self.polls.find(&id)?;
        if poll.is_running() && !poll.is_live {
            self.may_now(by, Capability::ManagePolls).map_err(|_| PollRefusal::Running)?;
        }
        Ok(pnm::PollResponse { poll_responses_result: Some(poll.result()), ..about(id) })
    }

    pub(super) fn list_polls(&self) -> pnm::PollResponse {
        let room = self.id.to_string();
        let polls = self.polls.0.values().map(|poll| poll.info(&room)).collect();
        pnm::PollResponse { polls, ..pnm::PollResponse::default() }
    }

    pub(super) fn count_polls(&self) -> pnm::PollResponse {
        let polls = &self.polls.0;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let stats = pnm::PollsStats {
            total_polls: count(polls.len()),
            total_running: count(polls.values().filter(|poll| poll.is_running()).count()),
        };
        pnm::PollResponse { stats: Some(stats).filter(|stats| stats.total_polls > 0), ..pnm::PollResponse::default() }
    }

    pub(super) fn choice(&self, by: &UserId, id: String, whose: &str) -> Result<pnm::PollResponse, PollRefusal> {
        if id.is_empty() || whose.is_empty() {
            return Err(PollRefusal::NoId);
        }
        let is_own = by.as_str() == whose;
        if !is_own && self.may_now(by, Capability::ManagePolls).is_err() {
            return Err(PollRefusal::NotYours);
        }
        let nothing = pnm::PollResponse { voted: Some(0), ..about(id.clone()) };
        let Ok((_, poll)) = self.polls.find(&id) else { return Ok(nothing) };
        match &poll.ballots {
            Ballots::Named(ballots) => {
                let Some(ballot) = ballots.get(whose) else { return Ok(nothing) };
                let voted_options: Vec<u64> = ballot.chosen.iter().copied().map(u64::from).collect();
                let voted = voted_options.first().copied();
                Ok(pnm::PollResponse { voted, voted_options, has_voted: true, ..about(id) })
            }
            Ballots::Secret { .. } if !is_own => Err(PollRefusal::Anonymous),
            Ballots::Secret { voters, .. } if voters.contains(whose) => {
                Ok(pnm::PollResponse { voted: Some(VOTED_SECRETLY), has_voted: true, ..about(id) })
            }
            Ballots::Secret { .. } => Ok(nothing),
        }
    }
}

impl Poll {
    fn info(&self, room: &str) -> pnm::PollInfo {
        let options = self.options.iter().map(|(id, text)| pnm::CreatePollOptions { id: *id, text: text.clone() });
        pnm::PollInfo {
            id: self.id.clone(),
            room_id: room.to_owned(),
            question: self.question.clone(),
            options: options.collect(),
            is_running: self.is_running(),
            created: self.created_ms / 1000,
            created_by: self.created_by.clone(),
            closed_by: self.closed.as_ref().map(|closed| closed.0.clone()).unwrap_or_default(),
            multiple_choice: self.is_multiple,
            max_choices: self.max_choices,
            anonymous: self.ballots.is_secret(),
            live_results: self.is_live,
            total_responses: self.ballots.total(),
        }
    }

    fn result(&self) -> pnm::PollResponsesResult {
        let options = self.options.iter().map(|(id, text)| pnm::PollResponsesResultOptions {
            id: (*id).into(),
            text: text.clone(),
            vote_count: self.ballots.count(*id),
        });
        pnm::PollResponsesResult {
            question: self.question.clone(),
            total_responses: self.ballots.total(),
            options: options.collect(),
        }
    }

    /// Counts as texts, and who chose what as a JSON array of `<user>:<option>:<name>`; clients split at the colons, so a
    /// name has none.
    fn details(&self) -> BTreeMap<String, String> {
        let respondents: Vec<String> = match &self.ballots {
            Ballots::Named(ballots) => ballots
                .iter()
                .flat_map(|(user, ballot)| {
                    let name = ballot.name.replace(':', "");
                    ballot.chosen.iter().map(move |option| format!("{user}:{option}:{name}"))
                })
                .collect(),
            Ballots::Secret { .. } => Vec::new(),
        };
        let mut details: BTreeMap<String, String> =
            self.options.iter().map(|(id, _)| (format!("{id}_count"), self.ballots.count(*id).to_string())).collect();
        details.insert("total_resp".into(), self.ballots.total().to_string());
        details.insert("all_respondents".into(), serde_json::Value::from(respondents).to_string());
        details
    }
}
