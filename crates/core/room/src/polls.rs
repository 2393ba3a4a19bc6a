//! Polls: questions of moderators, one vote each (meeting-protocol.md section 15.1; docs/api.md, "In-meeting extensions").
//!
//! A vote is that of whoever holds the token. Of an anonymous poll it is kept who voted and what was chosen, but not
//! together.

mod answers;
mod ballots;
mod record;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use model::UserId;
use model::policy::{Capability, Denial};
use wire::pnm::{self, AnalyticsEvents, NatsMsgServerToClientEvents as Event};

use crate::analytics::{About, Measure};
use crate::outbox::Route;
use crate::output::Moment;
use crate::state::Room;

use ballots::Ballots;
pub(crate) use record::{PollEntries, is_poll_key};
pub use report::{OptionReport, PollReport, PollVote};

/// Most polls of a session.
const MAX_POLLS: usize = 200;
/// Longest question, in characters.
const MAX_QUESTION: usize = 1000;
/// Longest option, in characters.
const MAX_OPTION: usize = 255;
/// Fewest and most options.
const OPTIONS: std::ops::RangeInclusive<usize> = 2..=50;
/// Largest id of an option.
const MAX_OPTION_ID: u32 = 65_535;

/// What somebody wants of the polls.
#[derive(Debug, Clone, PartialEq)]
pub enum PollAsk {
    /// Shows or hides polls for everybody.
    Activate(bool),
    /// A new one.
    Create(pnm::CreatePollReq),
    /// A vote: ids of options.
    Vote {
        /// In this poll.
        poll: String,
        /// For these.
        chosen: Vec<u64>,
    },
    /// No more votes.
    Close(String),
    /// All of them.
    List,
    /// How many there are.
    Stats,
    /// How many people voted in one.
    Total(String),
    /// What somebody chose.
    Choice {
        /// In this poll.
        poll: String,
        /// This person.
        whose: String,
    },
    /// Counts, and who chose what.
    Details(String),
    /// Counts.
    Result(String),
}

/// Why the polls stay as they are, or are not told of. The texts in the reference's words are the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PollRefusal {
    /// May not.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The room has no polls.
    #[error("invalid nil room metadata information")]
    NoPolls,
    /// Not a poll one could vote in.
    #[error("a poll needs a question and 2 to 50 options")]
    Incomplete,
    /// See [`MAX_POLLS`].
    #[error("this room has too many polls")]
    TooMany,
    /// No poll of this id.
    #[error("poll not found")]
    Unknown,
    /// Closed.
    #[error("this poll is closed")]
    Closed,
    /// Nothing, an unknown option, one option twice, or too many.
    #[error("this is not an option of the poll")]
    NoOption,
    /// Once is enough.
    #[error("user already voted")]
    Voted,
    /// Half a question.
    #[error("both userId & pollId required")]
    NoId,
    /// Somebody else's vote.
    #[error("only admin can view other user's selection")]
    NotYours,
    /// Somebody else's vote in an anonymous poll.
    #[error("this poll is anonymous")]
    Anonymous,
    /// Results come when it is closed.
    #[error("need to wait until poll close")]
    Running,
}

/// The polls of a session, by number, which is their order.
#[derive(Debug, Default)]
pub(crate) struct Polls(BTreeMap<u32, Poll>);

/// One question.
#[derive(Debug, Clone, PartialEq)]
struct Poll {
    id: String,
    question: String,
    options: Vec<(u32, String)>,
    /// Most options of one vote.
    choices: usize,
    /// As its maker said it; 0 is all.
    max_choices: u32,
    is_multiple: bool,
    is_live: bool,
    /// Unix milliseconds.
    created_ms: i64,
    created_by: String,
    /// Who closed it, and when in unix milliseconds.
    closed: Option<(String, i64)>,
    ballots: Ballots,
}

impl Poll {
    const fn is_running(&self) -> bool {
        self.closed.is_none()
    }

    /// A vote as it counts.
    fn valid(&self, chosen: &[u64]) -> Result<Vec<u32>, PollRefusal> {
        let known = |id: &u64| u32::try_from(*id).ok().filter(|id| self.options.iter().any(|option| option.0 == *id));
        if chosen.is_empty() || chosen.len() > self.choices {
            return Err(PollRefusal::NoOption);
        }
        let valid: BTreeSet<u32> = chosen.iter().filter_map(known).collect();
        if valid.len() == chosen.len() { Ok(valid.into_iter().collect()) } else { Err(PollRefusal::NoOption) }
    }
}

impl Polls {
    fn find(&self, id: &str) -> Result<(u32, &Poll), PollRefusal> {
        let found = self.0.iter().find(|(_, poll)| poll.id == id);
        found.map(|(number, poll)| (*number, poll)).ok_or(PollRefusal::Unknown)
    }

    /// Whether there is a poll of this id.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.find(id).is_ok()
    }
}

impl Room {
    /// Does what somebody asks of the polls.
    ///
    /// # Errors
    /// A refusal leaves the room exactly as it was.
    pub fn poll(&mut self, now: Moment, by: &UserId, ask: PollAsk) -> Result<pnm::PollResponse, PollRefusal> {
        self.may_now(by, Capability::Listen)?;
        match ask {
            PollAsk::Activate(is_active) => self.activate_polls(now, by, is_active),
            PollAsk::Create(wish) => self.create_poll(now, by, wish),
            PollAsk::Vote { poll, chosen } => self.vote(now, by, &poll, &chosen),
            PollAsk::Close(poll) => self.close_poll(now, by, &poll),
            PollAsk::List => Ok(self.list_polls()),
            PollAsk::Stats => Ok(self.count_polls()),
            PollAsk::Total(poll) => Ok(self.count_voters(poll)),
            PollAsk::Choice { poll, whose } => self.choice(by, poll, &whose),
            PollAsk::Details(poll) => self.poll_details(by, poll),
            PollAsk::Result(poll) => self.poll_result(by, poll),
        }
    }

    /// Asks the policy table about somebody who may not be on the list any more.
    pub(crate) fn may_now(&self, by: &UserId, capability: Capability) -> Result<(), Denial> {
        self.may(self.people.get(by).ok_or(Denial::Waiting)?, capability)
    }

    fn activate_polls(&mut self, now: Moment, by: &UserId, is_active: bool) -> Result<pnm::PollResponse, PollRefusal> {
        self.may_now(by, Capability::ManagePolls)?;
        let features = self.metadata.room_features.as_mut().and_then(|features| features.polls_features.as_mut());
        let polls = features.ok_or(PollRefusal::NoPolls)?;
        if std::mem::replace(&mut polls.is_active, is_active) != is_active {
            self.metadata_changed();
            self.tell_room_metadata(now);
        }
        Ok(pnm::PollResponse::default())
    }

    fn create_poll(
        &mut self,
        now: Moment,
        by: &UserId,
        wish: pnm::CreatePollReq,
    ) -> Result<pnm::PollResponse, PollRefusal> {
        self.may_now(by, Capability::ManagePolls)?;
        let question = clean(&wish.question);
        let options: Vec<(u32, String)> = wish.options.iter().map(|option| (option.id, clean(&option.text))).collect();
        let ids: BTreeSet<u32> = options.iter().map(|option| option.0).collect();
        let fits = OPTIONS.contains(&options.len())
            && is_text(&question, MAX_QUESTION)
            && ids.len() == options.len()
            && options.iter().all(|(id, text)| (1..=MAX_OPTION_ID).contains(id) && is_text(text, MAX_OPTION));
        if !fits {
            return Err(PollRefusal::Incomplete);
        }
        if self.polls.0.len() >= MAX_POLLS {
            return Err(PollRefusal::TooMany);
        }
        let most = usize::try_from(wish.max_choices).unwrap_or(usize::MAX);
        let choices = match (wish.multiple_choice, most) {
            (false, _) => 1,
            (true, 0) => options.len(),
            (true, most) => most.min(options.len()),
        };
        let id = self.ids.uuid();
        let number = self.polls.0.last_key_value().map_or(1, |(number, _)| number + 1);
        let poll = Poll {
            id: id.clone(),
            question,
            options,
            choices,
            max_choices: if wish.multiple_choice { wish.max_choices } else { 0 },
            is_multiple: wish.multiple_choice,
            is_live: wish.live_results,
            created_ms: now.unix_ms,
            created_by: by.to_string(),
            closed: None,
            ballots: Ballots::new(wish.anonymous),
        };
        self.store(record::poll_entry(number, &poll));
        let added = Measure::Said(told_of(&poll));
        self.record(now, About::Room, AnalyticsEvents::AnalyticsEventRoomPollAdded, added);
        self.polls.0.insert(number, poll);
        let to: Vec<UserId> = self.listeners().filter(|user| user != by).collect();
        self.post(now, &to, Route::Private, Event::PollCreated, id.clone(), Vec::new());
        Ok(about(id))
    }

    fn vote(&mut self, now: Moment, by: &UserId, id: &str, chosen: &[u64]) -> Result<pnm::PollResponse, PollRefusal> {
        self.may_now(by, Capability::Vote)?;
        let name = self.people.get(by).map(|person| person.name.clone()).unwrap_or_default();
        let (number, poll) = self.polls.find(id)?;
        if !poll.is_running() {
            return Err(PollRefusal::Closed);
        }
        let chosen = poll.valid(chosen)?;
        if poll.ballots.has(by) {
            return Err(PollRefusal::Voted);
        }
        let Some(poll) = self.polls.0.get_mut(&number) else { return Err(PollRefusal::Unknown) };
        // What nobody may learn in the meeting nobody learns afterwards.
        let told = matches!(poll.ballots, Ballots::Named(_))
            .then(|| serde_json::json!({"poll_id": id, "selected_option": chosen.first()}).to_string());
        poll.ballots.cast(by, name, chosen, now.unix_ms);
        let entries = record::vote_entries(number, by, &poll.ballots);
        entries.into_iter().for_each(|entry| self.store(entry));
        if let Some(told) = told {
            let (event, voted) = (AnalyticsEvents::AnalyticsEventUserVotedPoll, Measure::Said(told));
            self.record(now, About::Person(by), event, voted);
        }
        Ok(about(id.to_owned()))
    }

    fn close_poll(&mut self, now: Moment, by: &UserId, id: &str) -> Result<pnm::PollResponse, PollRefusal> {
        self.may_now(by, Capability::ManagePolls)?;
        let (number, poll) = self.polls.find(id)?;
        if poll.is_running()
            && let Some(poll) = self.polls.0.get_mut(&number)
        {
            poll.closed = Some((by.to_string(), now.unix_ms));
            let entry = record::poll_entry(number, poll);
            self.store(entry);
            let ended = Measure::Said(id.to_owned());
            self.record(now, About::Room, AnalyticsEvents::AnalyticsEventRoomPollEnded, ended);
            let to: Vec<UserId> = self.listeners().collect();
            self.post(now, &to, Route::Public, Event::PollClosed, id.to_owned(), Vec::new());
        }
        Ok(about(id.to_owned()))
    }

    /// Everybody who is here and was let in.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = UserId> {
        let here = self.people.values().filter(|person| person.is_present());
        here.filter(|person| self.may(person, Capability::Listen).is_ok()).map(|person| person.id.clone())
    }
}

fn about(poll: String) -> pnm::PollResponse {
    pnm::PollResponse { poll_id: Some(poll), ..pnm::PollResponse::default() }
}

/// A poll as the analytics tell of it (http-api.md section 9.1).
fn told_of(poll: &Poll) -> String {
    let options: Vec<_> = poll.options.iter().map(|(id, text)| serde_json::json!({"id": id, "text": text})).collect();
    serde_json::json!({"poll_id": poll.id, "question": poll.question, "options": options}).to_string()
}

fn clean(text: &str) -> String {
    let shown: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    shown.trim().to_owned()
}

fn is_text(text: &str, most: usize) -> bool {
    !text.is_empty() && text.chars().count() <= most
}
