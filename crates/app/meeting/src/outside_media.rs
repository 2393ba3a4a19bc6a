//! What another media server told of the rooms of meetings: which of its rooms is whose, and who is connected. What it tells
//! comes late, twice and in any order, and a name outlives rooms and connections; only a sid says which one is meant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{RoomId, SessionId};
use room::MediaStep;

/// How many events and how many rooms that are over are remembered; the oldest make room.
const REMEMBERED: usize = 512;

/// Most people of a room whose connections are known; events of those beyond are believed as they come.
const MAX_PEOPLE: usize = 10_000;

/// Ids longer than this are nobody's, in bytes, and not remembered.
const MAX_ID: usize = 128;

/// The media rooms of meetings that run, as far as that server told of them. They do not survive a restart.
#[derive(Debug, Default)]
pub(crate) struct OutsideMedia(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    rooms: HashMap<RoomId, Seen>,
    /// Rooms that are over, by name and sid.
    over: VecDeque<(RoomId, String)>,
    /// Events that were heard.
    events: VecDeque<String>,
}

/// The media room of a session.
#[derive(Debug)]
struct Seen {
    session: SessionId,
    /// Whether it began in this process, so that nobody told of its room before.
    began_here: bool,
    /// Its sid, and when the event was made that said it, unix seconds.
    room: Option<(String, i64)>,
    /// Connections by identity, each with when the event was made that told of it, unix seconds.
    people: HashMap<String, (String, i64)>,
}

impl Seen {
    fn of(session: &SessionId, began_here: bool) -> Self {
        Self { session: session.clone(), began_here, room: None, people: HashMap::new() }
    }
}

/// What the end of a media room is to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its own room closed.
    Its,
    /// A room that was never its own closed.
    Another,
    /// The session is older than this process, and nobody said which room is its own.
    Unknown,
}

/// Whom an event is about, as that server names things.
pub(crate) struct About<'a> {
    /// The room's sid; empty if it is not told.
    pub(crate) room: &'a str,
    pub(crate) identity: &'a str,
    /// The sid of the connection; empty if it is not told.
    pub(crate) connection: &'a str,
    /// When it was told, unix seconds.
    pub(crate) at: i64,
}

/// Puts one in at the end; the oldest makes room.
fn remember<T>(list: &mut VecDeque<T>, one: T) {
    if list.len() >= REMEMBERED {
        list.pop_front();
    }
    list.push_back(one);
}

impl Told {
    fn is_over(&self, room: &RoomId, sid: &str) -> bool {
        self.over.iter().any(|(name, over)| name == room && over == sid)
    }

    fn close(&mut self, room: &RoomId, sid: String) {
        if sid.len() <= MAX_ID && !self.is_over(room, &sid) {
            remember(&mut self.over, (room.clone(), sid));
        }
    }

    /// What is known of the room of a session, which may be older than this process.
    fn seen(&mut self, room: &RoomId, session: &SessionId) -> &mut Seen {
        let seen = self.rooms.entry(room.clone()).or_insert_with(|| Seen::of(session, false));
        if seen.session != *session {
            *seen = Seen::of(session, false);
        }
        seen
    }
}

impl OutsideMedia {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event came. Whether it is a new one; those without an id are.
    pub(crate) fn is_new(&self, event: &str) -> bool {
        if event.is_empty() || event.len() > MAX_ID {
            return true;
        }
        let mut told = self.told();
        let is_new = !told.events.iter().any(|heard| heard == event);
        if is_new {
            remember(&mut told.events, event.to_owned());
        }
        is_new
    }

    /// A session begins. `is_clear` says that no media room of the name is left; one that is left is the session's as soon as
    /// somebody is seen in it.
    pub(crate) fn begin(&self, room: &RoomId, session: &SessionId, is_clear: bool) {
        let mut told = self.told();
        let before = told.rooms.insert(room.clone(), Seen::of(session, true)).and_then(|seen| seen.room);
        if !is_clear {
            told.over.retain(|(name, _)| name != room);
        } else if let Some((sid, _)) = before {
            told.close(room, sid);
        }
    }

    /// A session is over, and its media room with it.
    pub(crate) fn end(&self, room: &RoomId, session: &SessionId) {
        let mut told = self.told();
        if told.rooms.get(room).is_some_and(|seen| seen.session == *session)
            && let Some((sid, _)) = told.rooms.remove(room).and_then(|seen| seen.room)
        {
            told.close(room, sid);
        }
    }

    /// That server opened the room of a session at `at`. Not whoever tells of one that is over.
    pub(crate) fn opened(&self, room: &RoomId, session: &SessionId, sid: &str, at: i64) -> bool {
        let mut told = self.told();
        if told.is_over(room, sid) {
            return false;
        }
        let seen = told.seen(room, session);
        let is_newest = seen.room.as_ref().is_none_or(|(_, known)| *known <= at);
        if !sid.is_empty()
            && sid.len() <= MAX_ID
            && is_newest
            && seen.room.as_ref().is_none_or(|(known, _)| known != sid)
        {
            seen.room = Some((sid.to_owned(), at));
            seen.people.clear();
        }
        true
    }

    /// That server closed a room of the name that `session` has.
    pub(crate) fn closed(&self, room: &RoomId, session: &SessionId, sid: &str) -> Ending {
        let mut told = self.told();
        if !sid.is_empty() {
            told.close(room, sid.to_owned());
        }
        let seen = told.seen(room, session);
        match &seen.room {
            None if !seen.began_here => Ending::Unknown,
            Some((known, _)) if sid.is_empty() || known == sid => Ending::Its,
            None | Some(_) => Ending::Another,
        }
    }

    /// Somebody did something in a media room of the name that `session` has. Whether that is the session's room, and the
    /// connection one that is there.
    pub(crate) fn happened(&self, room: &RoomId, session: &SessionId, what: MediaStep, about: &About<'_>) -> bool {
        let goes = matches!(what, MediaStep::Left | MediaStep::Unpublished);
        let mut told = self.told();
        if told.is_over(room, about.room) {
            return false;
        }
        let seen = told.seen(room, session);
        match &seen.room {
            Some((known, _)) if !about.room.is_empty() && known != about.room => return false,
            // Whoever comes shows which room it is, if its opening was told to a process before this one or is late.
            None if !about.room.is_empty() && about.room.len() <= MAX_ID && !goes => {
                seen.room = Some((about.room.to_owned(), about.at));
            }
            _ => {}
        }
        if about.connection.is_empty() || about.connection.len() > MAX_ID {
            return true;
        }
        let known = seen.people.get(about.identity);
        match what {
            MediaStep::Joined => {
                if known.is_some_and(|(_, since)| *since > about.at) {
                    return false;
                }
                if known.is_some() || seen.people.len() < MAX_PEOPLE {
                    seen.people.insert(about.identity.to_owned(), (about.connection.to_owned(), about.at));
                }
                true
            }
            _ if known.is_some_and(|(now, _)| now != about.connection) => false,
            MediaStep::Left => {
                seen.people.remove(about.identity);
                true
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_former_connection_does_is_not_done_by_whoever_is_there_now_and_nothing_is_heard_twice() {
        let media = OutsideMedia::default();
        let (room, session) = (RoomId::try_from("r").unwrap(), SessionId::try_from("s").unwrap());
        media.begin(&room, &session, true);
        let step = |what, connection, at| {
            media.happened(&room, &session, what, &About { room: "RM_2", identity: "ann", connection, at })
        };
        assert!(step(MediaStep::Joined, "PA_1", 1) && step(MediaStep::Joined, "PA_2", 2));
        assert!(!step(MediaStep::Left, "PA_1", 3) && !step(MediaStep::Joined, "PA_1", 1));
        assert!(!step(MediaStep::Unpublished, "PA_1", 3) && step(MediaStep::Published, "PA_2", 3));
        let before = About { room: "RM_1", identity: "ann", connection: "PA_2", at: 4 };
        assert!(!media.happened(&room, &session, MediaStep::Left, &before), "in a room before");
        assert!(step(MediaStep::Left, "PA_2", 4));

        assert!(media.is_new("EV_1") && !media.is_new("EV_1"));
        assert!(media.is_new("") && media.is_new(""));
        (0..REMEMBERED).for_each(|number| assert!(media.is_new(&format!("E{number}"))));
        assert!(media.is_new("EV_1"), "the oldest made room");
    }
}
