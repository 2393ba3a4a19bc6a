//! The waiting room: who is let in, and what those who wait read (meeting-protocol.md section 15.3).

use model::UserId;
use model::policy::{Capability, Denial};
use wire::pnm::NatsMsgServerToClientEvents as Event;

use crate::outbox::Route;
use crate::output::{Moment, Output};
use crate::queue;
use crate::state::Room;

/// Longest text of the waiting room, in characters.
const MAX_WAITING_TEXT: usize = 2000;

/// Who is to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guests {
    /// One person.
    One(UserId),
    /// Everybody who waits and is here (D-14).
    All,
}

/// Why the waiting room stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WaitingRefusal {
    /// Only moderators decide.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// Nobody of this id is on the list. The text is the reference's.
    #[error("user not found")]
    NoUser,
    /// The room has none. The text is the reference's.
    #[error("invalid nil room metadata information")]
    NoWaitingRoom,
    /// Notes are written so often.
    #[error("too many requests, try again in a moment")]
    TooOften,
}

impl Room {
    /// Lets people in from the waiting room. Letting in who is in already changes nothing.
    ///
    /// # Errors
    /// Why nobody was let in.
    pub fn let_in(&mut self, now: Moment, by: &UserId, guests: &Guests) -> Result<(), WaitingRefusal> {
        self.may_manage_waiting(by)?;
        let all = match guests {
            Guests::One(user) => {
                vec![self.people.get(user).filter(|person| !person.is_out()).ok_or(WaitingRefusal::NoUser)?.id.clone()]
            }
            Guests::All => self.people.values().filter(|p| p.is_present()).map(|p| p.id.clone()).collect(),
        };
        for user in all {
            self.let_one_in(now, &user);
        }
        self.queue_changed(now);
        Ok(())
    }

    fn let_one_in(&mut self, now: Moment, user: &UserId) {
        let knew = self.who_knows(user);
        let Some(person) = self.people.get_mut(user).filter(|person| person.is_waiting()) else { return };
        person.metadata.wait_for_approval = false;
        queue::leave(person);
        let (conn, is_present) = (person.conn(), person.is_present());
        // Those who let them in know of them already.
        person.inside |= is_present;
        if let Some(conn) = conn {
            self.outputs.push_back(Output::Admit { conn });
        }
        self.record_joined(now, user);
        self.outputs.push_back(Output::UpdateMediaRights { user: user.clone() });
        // Before they learn that they are in: their client goes on at once with what it knows of the room (rule W2).
        self.tell_room_metadata_to(now, user);
        if is_present {
            let newly: Vec<UserId> = self.who_knows(user).into_iter().filter(|viewer| !knew.contains(viewer)).collect();
            if let Some(person) = self.people.get(user) {
                let msg = wire::json::encode(&self.kv_user(person));
                self.post(now, &newly, Route::Private, Event::UserJoined, msg, Vec::new());
            }
        }
        self.person_metadata_changed(now, user);
    }

    /// Changes what those who wait read.
    ///
    /// # Errors
    /// Why it stays as it is.
    pub fn set_waiting_text(&mut self, now: Moment, by: &UserId, text: &str) -> Result<(), WaitingRefusal> {
        self.may_manage_waiting(by)?;
        let features = self.metadata.room_features.as_mut().and_then(|f| f.waiting_room_features.as_mut());
        let waiting = features.ok_or(WaitingRefusal::NoWaitingRoom)?;
        let shown = text.chars().filter(|c| !c.is_control() || *c == '\n').take(MAX_WAITING_TEXT);
        waiting.waiting_room_msg = shown.collect();
        self.metadata_changed();
        self.tell_room_metadata(now);
        Ok(())
    }

    fn may_manage_waiting(&self, by: &UserId) -> Result<(), Denial> {
        self.may_moderate(by, Capability::ManageWaitingRoom)
    }
}
