//! Sending people out, and keeping them out (meeting-protocol.md section 14.5).

use model::UserId;
use model::policy::{Capability, Denial};
use wire::pnm::{NatsMsgServerToClientEvents as Event, NatsSystemNotificationTypes as Severity};

use crate::moderation::ModerationRefusal;
use crate::output::{Moment, Output};
use crate::person::{Blocked, Presence};
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
        self.see_off(now, user, msg, block.then(|| Blocked { at_ms: now.unix_ms, by: by.to_string() }))
    }

    /// The application sends somebody out; with a new token, or their old one, they may come back.
    ///
    /// # Errors
    /// They are not here.
    pub fn expel(&mut self, now: Moment, user: &UserId) -> Result<(), ModerationRefusal> {
        self.see_off(now, user, "", None)
    }

    fn see_off(
        &mut self,
        now: Moment,
        user: &UserId,
        msg: &str,
        blocked: Option<Blocked>,
    ) -> Result<(), ModerationRefusal> {
        let person = self.people.get(user).filter(|person| person.is_online()).ok_or(ModerationRefusal::NotActive)?;
        let Some(conn) = person.conn() else { return Err(ModerationRefusal::NotActive) };
        if let Some(person) = self.people.get_mut(user) {
            person.disconnected_at = now.unix_ms;
        }
        let said: String = msg.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect();
        if !said.is_empty() {
            self.notify(now, std::slice::from_ref(user), Severity::NatsSystemNotificationError, &said, true);
        }
        self.tell_presence(now, user, Event::UserDisconnected);
        self.tell_presence(now, user, Event::UserOffline);
        let Some(person) = self.people.get_mut(user) else { return Ok(()) };
        person.removed = true;
        person.blocked = blocked;
        person.presence = Presence::Away;
        person.outbox.clear();
        self.conns.remove(&conn);
        self.person_changed(user);
        self.mail_changed(user);
        self.record_left(now, user);
        self.hangup(conn, REMOVED);
        self.outputs.push_back(Output::RemoveFromMedia { who: user.into(), duplicate: false });
        self.leave_spotlight(now, user);
        self.count_blocked(now);
        self.hand_over_presenter(now);
        self.somebody_went(now);
        Ok(())
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
        self.people
            .values()
            .filter(|person| person.blocked.is_some())
            .any(|person| person.id.as_str() == asked || person.metadata.ex_user_id.as_deref() == Some(asked))
    }

    fn count_blocked(&mut self, now: Moment) {
        let count = self.people.values().filter(|person| person.blocked.is_some()).count();
        if self.set_extra(BLOCKED, (count > 0).then(|| count.to_string())) {
            self.metadata_changed();
            self.tell_room_metadata(now);
        }
    }
}
