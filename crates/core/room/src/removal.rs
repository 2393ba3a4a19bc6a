//! Sending people out, and keeping them out (meeting-protocol.md section 14.5).

use model::UserId;
use model::policy::{Capability, Denial};
use wire::pnm::{NatsMsgServerToClientEvents as Event, NatsSystemNotificationTypes as Severity};

use crate::moderation::ModerationRefusal;
use crate::output::{Moment, Output};
use crate::person::{Blocked, Person, Presence};
use crate::state::Room;

/// How many people are blocked, for moderators.
pub(crate) const BLOCKED: &str = "plenum_blocked";
/// Longest text for who is sent out, in characters.
const MAX_TEXT: usize = 255;
/// The last thing they hear.
const REMOVED: &str = "notifications.room-disconnected-participant-removed";

/// Somebody on the block list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedPerson {
    /// Who.
    pub id: UserId,
    /// Display name.
    pub name: String,
    /// When, by whom.
    pub since: Blocked,
}

impl Room {
    pub(crate) fn remove(
        &mut self,
        now: Moment,
        by: &UserId,
        user: &UserId,
        msg: &str,
        block: bool,
    ) -> Result<(), ModerationRefusal> {
        if user == by {
            return Err(ModerationRefusal::Oneself);
        }
        if !self.people.get(user).is_some_and(Person::is_around) {
            return Err(ModerationRefusal::NotActive);
        }
        self.say_farewell(now, user, msg);
        self.throw_out(now, by, user, block);
        if self.main_room().is_some() {
            self.outputs.push_back(Output::SendOutElsewhere { user: user.clone(), by: by.clone(), block });
        }
        Ok(())
    }

    /// The application sends somebody out; with a new token they may come back.
    ///
    /// # Errors
    /// They are not here.
    pub fn expel(&mut self, now: Moment, user: &UserId) -> Result<(), ModerationRefusal> {
        if !self.people.get(user).is_some_and(Person::is_around) {
            return Err(ModerationRefusal::NotActive);
        }
        // Nobody here did it: it counts as their own doing.
        self.throw_out(now, user, user, false);
        Ok(())
    }

    /// Sends somebody out who is in a breakout room of this room and not here.
    ///
    /// # Errors
    /// A refusal leaves the room exactly as it was.
    pub fn remove_absent(
        &mut self,
        now: Moment,
        by: &UserId,
        user: &UserId,
        block: bool,
    ) -> Result<(), ModerationRefusal> {
        self.may_moderate(by, Capability::RemoveOthers)?;
        if user == by {
            return Err(ModerationRefusal::Oneself);
        }
        if self.people.get(user).is_none_or(Person::is_out) {
            return Err(ModerationRefusal::NotActive);
        }
        self.throw_out(now, by, user, block);
        Ok(())
    }

    /// Somebody was sent out of the meeting elsewhere: in the main room, or blocked in a breakout room. Whoever is not here
    /// stays out as well.
    pub fn send_out(&mut self, now: Moment, by: &UserId, user: &UserId, block: bool) {
        let is_new = self.people.get(user).is_some_and(|person| !person.removed || (block && person.blocked.is_none()));
        if is_new {
            self.throw_out(now, by, user, block);
        }
    }

    /// Whether somebody was sent out and has no new token.
    pub fn is_sent_out(&self, user: &UserId) -> bool {
        self.people.get(user).is_some_and(Person::is_out)
    }

    /// Everybody who was sent out and has no new token, and whether they are blocked.
    pub fn sent_out(&self) -> Vec<(UserId, bool)> {
        let out = self.people.values().filter(|person| person.is_out());
        out.map(|person| (person.id.clone(), person.blocked.is_some())).collect()
    }

    fn say_farewell(&mut self, now: Moment, user: &UserId, msg: &str) {
        let said: String = msg.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect();
        if !said.is_empty() {
            self.notify(now, std::slice::from_ref(user), Severity::NatsSystemNotificationError, &said, true);
        }
    }

    fn throw_out(&mut self, now: Moment, by: &UserId, user: &UserId, block: bool) {
        let Some(person) = self.people.get_mut(user) else { return };
        let (conn, was_listed, was_around) = (person.conn(), person.is_present(), person.is_around());
        if conn.is_some() {
            person.disconnected_at = now.unix_ms;
            self.tell_presence(now, user, Event::UserDisconnected);
        }
        if was_listed {
            self.tell_presence(now, user, Event::UserOffline);
        }
        let Some(person) = self.people.get_mut(user) else { return };
        person.removed = true;
        if block {
            person.blocked = Some(Blocked { at_ms: now.unix_ms, by: by.to_string() });
        }
        person.presence = Presence::Away;
        person.outbox.clear();
        self.person_changed(user);
        self.mail_changed(user);
        self.record_left(now, user);
        if let Some(conn) = conn {
            self.conns.remove(&conn);
            self.hangup(conn, REMOVED);
        }
        if was_around {
            self.outputs.push_back(Output::RemoveFromMedia { who: user.into(), duplicate: false });
        }
        self.tell_former_gone(now, user);
        self.leave_spotlight(now, user);
        self.count_blocked(now);
        self.hand_over_presenter(now);
        self.queue_changed(now);
        self.somebody_went(now);
        if self.holds_breakouts() {
            self.outputs.push_back(Output::SendOutElsewhere { user: user.clone(), by: by.clone(), block });
        }
    }

    pub(crate) fn unblock(&mut self, now: Moment, user: &UserId) -> Result<(), ModerationRefusal> {
        let blocked = self.people.get_mut(user).and_then(|person| person.blocked.take());
        blocked.ok_or(ModerationRefusal::NotBlocked)?;
        self.person_changed(user);
        self.count_blocked(now);
        Ok(())
    }

    /// Who is blocked, the latest first.
    ///
    /// # Errors
    /// Only those who send people out may read it.
    pub fn blocked(&self, by: &UserId) -> Result<Vec<BlockedPerson>, Denial> {
        self.may_moderate(by, Capability::RemoveOthers)?;
        let mut blocked: Vec<BlockedPerson> = self
            .people
            .values()
            .filter_map(|person| {
                let since = person.blocked.clone()?;
                Some(BlockedPerson { id: person.id.clone(), name: person.name.clone(), since })
            })
            .collect();
        blocked.sort_by(|a, b| b.since.at_ms.cmp(&a.since.at_ms).then_with(|| a.id.cmp(&b.id)));
        Ok(blocked)
    }

    /// Whether a join token would be for somebody who is blocked. A room that makes ids itself knows people by what their
    /// application calls them.
    pub(crate) fn is_blocked(&self, asked: &str) -> bool {
        // Mostly nobody is, and then thousands who have a token need not be looked through for the next one.
        self.blocked > 0
            && self
                .people
                .values()
                .filter(|person| person.blocked.is_some())
                .any(|person| person.id.as_str() == asked || person.metadata.ex_user_id.as_deref() == Some(asked))
    }

    fn count_blocked(&mut self, now: Moment) {
        self.blocked = self.people.values().filter(|person| person.blocked.is_some()).count();
        if self.set_extra(BLOCKED, (self.blocked > 0).then(|| self.blocked.to_string())) {
            self.metadata_changed();
            self.tell_room_metadata(now);
        }
    }
}
