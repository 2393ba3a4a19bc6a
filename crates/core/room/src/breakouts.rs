//! The breakout rooms of a meeting, as the main room keeps them: which there are, who belongs where, who called for help
//! (http-api.md sections 4.6 and 8.7; docs/api.md, "In-meeting extensions").
//!
//! A breakout room is a room of its own and knows only its main room's id. What goes between the two is carried by their
//! owner; this list is what the main room decides by.

mod closing;
mod inside;
mod plan;
mod record;

use std::collections::BTreeMap;
use std::time::Duration;

use model::policy::{Capability, Denial};
use model::{RoomId, UserId};
use wire::pnm::{self, AnalyticsEvents, NatsMsgServerToClientEvents as Event, NatsSystemNotificationTypes as Severity};

use crate::admission::Ticket;
use crate::analytics::{About, Measure};
use crate::outbox::Route;
use crate::output::Moment;
use crate::state::Room;

pub(crate) use closing::{CLOSES_AT, Closing};
pub use inside::{BreakoutStatus, HelpCall};
pub use plan::BreakoutPlan;
pub(crate) use record::{BREAKOUT_PREFIX, restored};

/// Between two calls for help of the same room.
const HELP_SPACING: Duration = Duration::from_secs(10);

/// Why breakout rooms stay as they are. The texts in the reference's words are the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BreakoutRefusal {
    /// May not.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The main room is ending.
    #[error("invalid empty parent room information")]
    NoMainRoom,
    /// Longer than the main room goes on, both in minutes.
    #[error("breakout room's duration ({wanted}) can't be more than parent room's remaining duration ({left})")]
    TooLong {
        /// For so long.
        wanted: u64,
        /// Only so long.
        left: u64,
    },
    /// More than the room may have.
    #[error("can't create more than {0} breakout rooms")]
    TooMany(u32),
    /// There are none.
    #[error("no breakout rooms found")]
    None,
    /// There is none of this id, or none for this person.
    #[error("not found")]
    NotFound,
    /// Is in there already.
    #[error("user has already been joined")]
    AlreadyJoined,
    /// Not on its list.
    #[error("user is not allowed to join this breakout room")]
    NotInvited,
    /// Not on the main room's list.
    #[error("failed to get user info from parent room")]
    Stranger,
    /// Nobody to move.
    #[error("user not found")]
    NoUser,
    /// Nobody came yet, or it is over.
    #[error("can't increase duration as breakout room is not running")]
    NotRunning,
    /// It has no end to put off.
    #[error("can't increase duration as breakout room has unlimited duration")]
    Endless,
    /// Sooner or later than a countdown can be.
    #[error("this is not a number of seconds to count down from")]
    NoCountdown,
    /// Asked from a room that is no breakout room.
    #[error("only members of a breakout room can do this")]
    NotInside,
    /// See [`HELP_SPACING`].
    #[error("help was asked for a moment ago")]
    HelpTooSoon,
}

/// One breakout room on the main room's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breakout {
    room: RoomId,
    title: String,
    /// Minutes; 0 is no end of its own.
    duration: u64,
    /// Unix seconds.
    created: u64,
    is_self_select: bool,
    /// Who belongs there, with their names.
    users: Vec<(UserId, String)>,
    /// Who called for help, and when in unix milliseconds.
    help: Option<(UserId, i64)>,
}

impl Breakout {
    fn is_for(&self, user: &UserId) -> bool {
        self.users.iter().any(|(listed, _)| listed == user)
    }
}

/// By number, which is their order.
pub(crate) type Breakouts = BTreeMap<u32, Breakout>;

impl Room {
    /// Puts breakout rooms that exist now on the list and invites people.
    ///
    /// # Errors
    /// When the main room is ending or has too many; then those rooms are nobody's.
    pub fn open_breakouts(
        &mut self,
        now: Moment,
        by: &UserId,
        plans: Vec<BreakoutPlan>,
    ) -> Result<(), BreakoutRefusal> {
        self.may_now(by, Capability::ManageBreakouts)?;
        if !self.phase().is_open() {
            return Err(BreakoutRefusal::NoMainRoom);
        }
        self.check_breakout_limit(plans.len())?;
        for plan in plans {
            let number = self.breakouts.last_key_value().map_or(1, |(number, _)| number + 1);
            let breakout = plan.into_entry(now);
            let (room, users) = (breakout.room.clone(), breakout.users.clone());
            self.store(record::entry(number, &breakout));
            self.breakouts.insert(number, breakout);
            self.record(now, About::Room, AnalyticsEvents::AnalyticsEventRoomBreakoutRoom, Measure::Happened);
            for (user, _) in users {
                self.strike_from_others(&user, number);
                self.invite(now, &user, &room);
            }
        }
        self.set_breakouts_active(now, !self.breakouts.is_empty());
        Ok(())
    }

    /// Shows somebody who is here the way to a room: a breakout room, or back to the main room.
    pub fn invite(&mut self, now: Moment, user: &UserId, room: &RoomId) {
        let is_here = self.people.get(user).is_some_and(|person| person.is_present());
        if is_here && self.is_allowed(user, Capability::Listen) {
            self.tell(now, user, Event::JoinBreakoutRoom, room.to_string());
        }
    }

    /// Takes a breakout room off the list at a moderator's wish.
    ///
    /// # Errors
    /// When they may not, or there is none of this id.
    pub fn close_breakout(&mut self, now: Moment, by: &UserId, room: &RoomId) -> Result<(), BreakoutRefusal> {
        self.may_now(by, Capability::ManageBreakouts)?;
        self.breakout_number(room).ok_or(BreakoutRefusal::None)?;
        self.breakout_is_over(now, room);
        Ok(())
    }

    /// A breakout room is over: everybody in the main room is told. Harmless to call twice.
    pub fn breakout_is_over(&mut self, now: Moment, room: &RoomId) {
        let Some(number) = self.breakout_number(room) else { return };
        self.breakouts.remove(&number);
        self.store(record::removed(number));
        let to: Vec<UserId> = self.listeners().collect();
        self.post(now, &to, Route::Public, Event::BreakoutRoomEnded, room.to_string(), Vec::new());
        if self.breakouts.is_empty() {
            self.set_breakouts_active(now, false);
            self.nothing_holds_open(now);
        }
    }

    /// Somebody was sent out of a breakout room: they do not belong there any more.
    pub fn strike_from_breakout(&mut self, user: &UserId, room: &RoomId) {
        let Some(number) = self.breakout_number(room) else { return };
        let Some(breakout) = self.breakouts.get_mut(&number).filter(|breakout| breakout.is_for(user)) else { return };
        breakout.users.retain(|(listed, _)| listed != user);
        let entry = record::entry(number, breakout);
        self.store(entry);
    }

    /// Nobody belongs to two rooms: the latest counts.
    fn strike_from_others(&mut self, user: &UserId, own: u32) {
        let others = self.breakouts.iter().filter(|(number, other)| **number != own && other.is_for(user));
        let others: Vec<RoomId> = others.map(|(_, other)| other.room.clone()).collect();
        for room in others {
            self.strike_from_breakout(user, &room);
        }
    }

    /// Every breakout room on the list.
    pub fn breakout_rooms(&self) -> Vec<RoomId> {
        self.breakouts.values().map(|breakout| breakout.room.clone()).collect()
    }

    /// Every breakout room, for a moderator.
    ///
    /// # Errors
    /// When they may not have it.
    pub fn managed_breakouts(&self, by: &UserId) -> Result<Vec<RoomId>, BreakoutRefusal> {
        self.may_now(by, Capability::ManageBreakouts)?;
        Ok(self.breakout_rooms())
    }

    /// The list as somebody may see it: moderators all of it, others the rooms that everybody may choose, and of people
    /// only themselves.
    ///
    /// # Errors
    /// When there is nothing for them to see.
    pub fn list_breakouts(&self, by: &UserId) -> Result<Vec<(RoomId, pnm::BreakoutRoom)>, BreakoutRefusal> {
        self.may_now(by, Capability::Listen)?;
        let managed = self.may_now(by, Capability::ManageBreakouts);
        let shown: Vec<_> = self
            .breakouts
            .values()
            .filter(|breakout| managed.is_ok() || breakout.is_self_select)
            .map(|breakout| {
                (breakout.room.clone(), breakout.shown(|user| managed.is_ok() || user == by, managed.is_ok()))
            })
            .collect();
        match (shown.is_empty(), managed) {
            (false, _) => Ok(shown),
            (true, Err(denial)) if !self.breakouts.is_empty() => Err(denial.into()),
            (true, _) => Err(BreakoutRefusal::None),
        }
    }

    /// The first room that lists somebody, with everybody on its list whom they may know of.
    ///
    /// # Errors
    /// When there is none.
    pub fn breakout_of(&self, user: &UserId) -> Result<(RoomId, pnm::BreakoutRoom), BreakoutRefusal> {
        self.may_now(user, Capability::Listen)?;
        if self.breakouts.is_empty() {
            return Err(BreakoutRefusal::None);
        }
        let own = self.breakouts.values().find(|breakout| breakout.is_for(user)).ok_or(BreakoutRefusal::NotFound)?;
        let viewer = self.people.get(user).ok_or(BreakoutRefusal::NotFound)?;
        let knows = |other: &UserId| self.people.get(other).is_some_and(|other| self.knows_of(viewer, other));
        Ok((own.room.clone(), own.shown(knows, self.may_now(user, Capability::ManageBreakouts).is_ok())))
    }

    /// What somebody is let into a breakout room with: the name, rank and locks they have here. The id of the generation is
    /// the caller's to make.
    ///
    /// # Errors
    /// When there is no such room, or it is not for them.
    pub fn breakout_ticket(
        &mut self,
        user: &UserId,
        room: &RoomId,
        generation: String,
    ) -> Result<Ticket, BreakoutRefusal> {
        let number = self.breakout_number(room).ok_or(BreakoutRefusal::NotFound)?;
        let is_manager = self.may_now(user, Capability::ManageBreakouts).is_ok();
        let breakout = self.breakouts.get_mut(&number).ok_or(BreakoutRefusal::NotFound)?;
        let person = self.people.get(user).filter(|person| !person.is_out()).ok_or(BreakoutRefusal::Stranger)?;
        if person.is_waiting() || !(is_manager || person.is_admin() || breakout.is_self_select || breakout.is_for(user))
        {
            return Err(BreakoutRefusal::NotInvited);
        }
        // Help is on its way.
        if is_manager && breakout.help.take().is_some() {
            let entry = record::entry(number, breakout);
            self.store(entry);
        }
        let person = self.people.get(user).ok_or(BreakoutRefusal::Stranger)?;
        Ok(Ticket {
            user_id: user.to_string(),
            name: person.name.clone(),
            is_admin: person.is_admin(),
            is_hidden: person.hidden,
            client_type: person.client_type,
            metadata: person.metadata.clone(),
            generation,
            spare_id: user.clone(),
        })
    }

    /// Somebody belongs into another breakout room now, or into the main room (`None`).
    ///
    /// # Errors
    /// A refusal leaves the lists as they were.
    pub fn move_to_breakout(&mut self, by: &UserId, user: &UserId, to: Option<&RoomId>) -> Result<(), BreakoutRefusal> {
        self.may_now(by, Capability::ManageBreakouts)?;
        let person = self.people.get(user).filter(|person| !person.is_waiting() && !person.is_out());
        let name = person.ok_or(BreakoutRefusal::NoUser)?.name.clone();
        let target = match to {
            Some(room) => Some(self.breakout_number(room).ok_or(BreakoutRefusal::NotFound)?),
            None => None,
        };
        let mut changed = Vec::new();
        for (number, breakout) in &mut self.breakouts {
            let before = breakout.users.len();
            if target == Some(*number) {
                if !breakout.is_for(user) {
                    breakout.users.push((user.clone(), name.clone()));
                }
            } else {
                breakout.users.retain(|(listed, _)| listed != user);
            }
            if breakout.users.len() != before {
                changed.push(record::entry(*number, breakout));
            }
        }
        changed.into_iter().for_each(|entry| self.store(entry));
        Ok(())
    }

    /// People in a breakout room call for help, or take the call back. The answer is what moderators elsewhere read;
    /// those here are told already.
    ///
    /// # Errors
    /// When the room is not on the list, or called a moment ago.
    pub fn note_help(&mut self, now: Moment, call: &HelpCall) -> Result<Option<String>, BreakoutRefusal> {
        let number = self.breakout_number(&call.room).ok_or(BreakoutRefusal::NotFound)?;
        let breakout = self.breakouts.get_mut(&number).ok_or(BreakoutRefusal::NotFound)?;
        if call.is_withdrawn {
            if breakout.help.take().is_some() {
                let entry = record::entry(number, breakout);
                self.store(entry);
            }
            return Ok(None);
        }
        let since = breakout.help.as_ref().map(|(_, at)| now.unix_ms.saturating_sub(*at));
        let spacing = i64::try_from(HELP_SPACING.as_millis()).unwrap_or(i64::MAX);
        if since.is_some_and(|since| since < spacing) {
            return Err(BreakoutRefusal::HelpTooSoon);
        }
        breakout.help = Some((call.by.clone(), now.unix_ms));
        let (entry, text) =
            (record::entry(number, breakout), format!("{} asks for help in {}", call.name, breakout.title));
        self.store(entry);
        self.tell_moderators(now, &text);
        Ok(Some(text))
    }

    /// Tells every moderator who is here, with sound.
    pub fn tell_moderators(&mut self, now: Moment, text: &str) {
        let moderators: Vec<UserId> = self
            .people
            .values()
            .filter(|person| person.is_present() && person.is_admin() && !person.is_waiting())
            .map(|person| person.id.clone())
            .collect();
        self.notify(now, &moderators, Severity::NatsSystemNotificationInfo, text, true);
    }

    pub(crate) fn holds_breakouts(&self) -> bool {
        !self.breakouts.is_empty()
    }

    fn breakout_number(&self, room: &RoomId) -> Option<u32> {
        self.breakouts.iter().find(|(_, breakout)| breakout.room == *room).map(|(number, _)| *number)
    }

    fn set_breakouts_active(&mut self, now: Moment, is_active: bool) {
        let features = self.metadata.room_features.as_mut().and_then(|f| f.breakout_room_features.as_mut());
        let Some(features) = features.filter(|features| features.is_active != is_active) else { return };
        features.is_active = is_active;
        self.metadata_changed();
        self.tell_room_metadata(now);
    }
}

impl Breakout {
    /// As it travels, with the people that `is_shown`; who of them is in there, and since when it runs, is filled in by
    /// whoever can ask it.
    fn shown(&self, is_shown: impl Fn(&UserId) -> bool, with_help: bool) -> pnm::BreakoutRoom {
        let users = self.users.iter().filter(|(user, _)| is_shown(user));
        let help = self.help.as_ref().filter(|_| with_help);
        pnm::BreakoutRoom {
            id: self.room.to_string(),
            title: self.title.clone(),
            duration: self.duration,
            started: false,
            created: self.created,
            users: users
                .map(|(id, name)| pnm::BreakoutRoomUser { id: id.to_string(), name: name.clone(), joined: false })
                .collect(),
            self_select: self.is_self_select,
            help_asked_at: help.map_or(0, |(_, at)| *at),
            help_asked_by: help.map(|(user, _)| user.to_string()).unwrap_or_default(),
            ends_at: 0,
            closes_at: 0,
        }
    }
}
