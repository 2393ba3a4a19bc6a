//! The breakout room's own side: what its main room asks of it.

use model::policy::Capability;
use model::{RoomId, UserId};
use wire::pnm::NatsMsgServerToClientEvents as Event;

use super::BreakoutRefusal;
use crate::outbox::Route;
use crate::output::Moment;
use crate::state::Room;

/// Longest message to everybody in the breakout rooms, in characters.
const MAX_MESSAGE: usize = 4000;

/// How a breakout room is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakoutStatus {
    /// Since when it runs, in unix seconds; `None` before the first person.
    pub started: Option<u64>,
    /// How long it goes on, in minutes from its beginning; 0 is no end of its own.
    pub duration: u64,
    /// When it ends, in unix milliseconds; 0 while that is open.
    pub ends_at: i64,
    /// When a countdown ends it before that, in unix milliseconds; 0 without one.
    pub closes_at: i64,
    /// Who is in there, by id and name.
    pub online: Vec<(UserId, String)>,
}

/// People in a breakout room want a moderator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpCall {
    /// In this room.
    pub room: RoomId,
    /// Who called.
    pub by: UserId,
    /// Their name.
    pub name: String,
    /// Not any more.
    pub is_withdrawn: bool,
}

impl Room {
    /// The main room, if this is a breakout room.
    pub fn main_room(&self) -> Option<RoomId> {
        let parent = self.metadata.is_breakout_room.then_some(self.metadata.parent_room_id.as_str())?;
        RoomId::try_from(parent).ok()
    }

    /// How this breakout room is doing.
    pub fn breakout_status(&self, now: Moment) -> BreakoutStatus {
        let began = matches!(self.phase(), crate::Phase::Active | crate::Phase::Ending);
        let minutes = self.metadata.room_features.as_ref().and_then(|features| features.room_duration);
        BreakoutStatus {
            started: began.then_some(self.metadata.started_at),
            duration: minutes.unwrap_or_default(),
            ends_at: self.ends_at_ms(now).into_iter().chain(self.closes_at_ms()).min().unwrap_or_default(),
            closes_at: self.closes_at_ms().unwrap_or_default(),
            online: self
                .people
                .values()
                .filter(|person| person.is_online())
                .map(|person| (person.id.clone(), person.name.clone()))
                .collect(),
        }
    }

    /// Whether somebody is in this room right now.
    pub fn is_inside(&self, user: &UserId) -> bool {
        self.people.get(user).is_some_and(|person| person.is_online())
    }

    /// Adds minutes to a breakout room, which may then go on for at most `left` minutes from now, if its main room has an end.
    ///
    /// # Errors
    /// When it does not run, has no end, or would outlast its main room.
    pub fn prolong_breakout(&mut self, now: Moment, minutes: u64, left: Option<u64>) -> Result<(), BreakoutRefusal> {
        if self.phase() != crate::Phase::Active {
            return Err(BreakoutRefusal::NotRunning);
        }
        let own = self.remaining_minutes(now).ok_or(BreakoutRefusal::Endless)?;
        let wanted = own.saturating_add(minutes);
        match left {
            Some(left) if wanted > left => Err(BreakoutRefusal::TooLong { wanted, left }),
            Some(_) | None => {
                self.add_minutes(now, minutes);
                Ok(())
            }
        }
    }

    /// A line of the system's in the chat of everybody who is here.
    pub fn say_as_system(&mut self, now: Moment, text: &str) {
        let text: String =
            text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).take(MAX_MESSAGE).collect();
        if !text.trim().is_empty() {
            let to: Vec<UserId> = self.listeners().collect();
            self.post(now, &to, Route::Public, Event::SystemChatMsg, text, Vec::new());
        }
    }

    /// Somebody in this breakout room wants help, or wants it no more.
    ///
    /// # Errors
    /// When this is no breakout room, or they only watch.
    pub fn help_call(&self, by: &UserId, is_withdrawn: bool) -> Result<(RoomId, HelpCall), BreakoutRefusal> {
        let main = self.main_room().ok_or(BreakoutRefusal::NotInside)?;
        self.may_now(by, Capability::ReportSelf)?;
        let name = self.people.get(by).map(|person| person.name.clone()).unwrap_or_default();
        Ok((main, HelpCall { room: self.id.clone(), by: by.clone(), name, is_withdrawn }))
    }
}
