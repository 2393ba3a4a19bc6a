//! What the application that made the room says in it (http-api.md section 2.8).

use model::UserId;
use wire::pnm::{NatsMsgServerToClientEvents as Event, NatsSystemNotificationTypes as Severity};

use crate::outbox::Route;
use crate::output::Moment;
use crate::state::Room;

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// A line in the chat, from nobody.
    Chat(String),
    /// A notice on the screen.
    Notice {
        /// What it says.
        text: String,
        /// How serious it is.
        severity: Severity,
        /// Whether it is heard as well.
        with_sound: bool,
    },
}

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Everybody in the room.
    Everybody,
    /// Every moderator who is online, and one more person if one is named.
    Moderators(Option<UserId>),
    /// One person, if they are there.
    One(Option<UserId>),
}

/// Why nobody was told. The texts are the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BroadcastRefusal {
    /// It is over, or ending.
    #[error("room is not active")]
    NotActive,
    /// Moderators were meant, and the room is empty.
    #[error("no online user found")]
    NobodyOnline,
    /// Moderators were meant, and none is there.
    #[error("no online admin user found")]
    NoModeratorOnline,
}

impl Room {
    /// Says something in the name of the application. People who wait hear what is said to them alone.
    ///
    /// # Errors
    /// Why nobody was told.
    pub fn broadcast(&mut self, now: Moment, audience: &Audience, what: Announcement) -> Result<(), BroadcastRefusal> {
        if !self.life.phase().is_open() {
            return Err(BroadcastRefusal::NotActive);
        }
        let (to, route) = match audience {
            Audience::Everybody => (self.who(|_| true), Route::Public),
            Audience::Moderators(also) => {
                if !self.people.values().any(|person| person.is_online()) {
                    return Err(BroadcastRefusal::NobodyOnline);
                }
                let mut to: Vec<UserId> = self.moderators_online();
                if to.is_empty() {
                    return Err(BroadcastRefusal::NoModeratorOnline);
                }
                to.extend(also.iter().filter(|user| !to.contains(user)).cloned().collect::<Vec<_>>());
                (to, Route::Private)
            }
            Audience::One(user) => (user.iter().cloned().collect(), Route::Private),
        };
        match what {
            Announcement::Chat(text) => self.post(now, &to, route, Event::SystemChatMsg, text, Vec::new()),
            Announcement::Notice { text, severity, with_sound } => self.notify(now, &to, severity, &text, with_sound),
        }
        Ok(())
    }

    fn moderators_online(&self) -> Vec<UserId> {
        let online = self.people.values().filter(|person| person.is_online() && person.is_admin());
        online.map(|person| person.id.clone()).collect()
    }

    /// Everybody who is here and was let in.
    pub(crate) fn who(&self, wanted: impl Fn(&UserId) -> bool) -> Vec<UserId> {
        let inside = self.people.values().filter(|person| person.is_present() && !person.is_waiting());
        inside.map(|person| person.id.clone()).filter(|id| wanted(id)).collect()
    }
}
