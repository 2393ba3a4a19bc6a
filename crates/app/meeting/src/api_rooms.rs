//! Rooms that the API made on another media server, where no meeting has them (decision 0009). That server knows
//! no meetings: without this, what it tells of such a room would be taken for a stray one or for a meeting's.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::RoomId;
use ports::media_control::ControlError;
use tracing::warn;

use crate::meetings::Meetings;

/// How many are remembered; the oldest make room.
const MAX_NAMES: usize = 10_000;

/// The rooms, from the call that makes one until that server says that it is closed. They do not survive a restart; the
/// rooms do.
#[derive(Debug, Default)]
pub(crate) struct ApiRooms(Mutex<Names>);

#[derive(Debug, Default)]
struct Names {
    noted: HashMap<RoomId, Note>,
    next: u64,
}

/// What is known of the room of a name. What that server tells comes late and in any order, so that names do not do: a room
/// may be closed and made again before its end is told.
#[derive(Debug)]
struct Note {
    at: u64,
    /// Its sid; `None` until that server has said it, which may be any.
    sid: Option<String>,
    /// The sid of the room that had the name before, whose end nobody has told yet.
    former: Option<String>,
}

impl ApiRooms {
    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The API makes a room, or asks for one that is there. Whether its name is a new one.
    pub(crate) fn note(&self, room: &RoomId) -> bool {
        let mut names = self.names();
        if let Some(note) = names.noted.get_mut(room) {
            note.former = note.sid.take().or(note.former.take());
            return false;
        }
        if names.noted.len() >= MAX_NAMES
            && let Some(oldest) = names.noted.iter().min_by_key(|(_, note)| note.at).map(|(room, _)| room.clone())
        {
            names.noted.remove(&oldest);
        }
        let at = names.next;
        names.next += 1;
        names.noted.insert(room.clone(), Note { at, sid: None, former: None });
        true
    }

    /// The room is there, with this sid.
    pub(crate) fn made(&self, room: &RoomId, sid: String) {
        if sid.is_empty() {
            return;
        }
        // Without a note it is closed already.
        if let Some(note) = self.names().noted.get_mut(room) {
            note.former = note.former.take().filter(|former| *former != sid);
            note.sid = Some(sid);
        }
    }

    /// No room was made; one that was there before is as it was.
    pub(crate) fn refused(&self, room: &RoomId, is_new: bool) {
        let mut names = self.names();
        if is_new {
            names.noted.remove(room);
        } else if let Some(note) = names.noted.get_mut(room)
            && note.sid.is_none()
        {
            note.sid = note.former.take();
        }
    }

    /// Whether the API made a room of that name.
    fn knows(&self, room: &RoomId) -> bool {
        self.names().noted.contains_key(room)
    }

    /// That server opened a room. Whether it is the one that the API made.
    pub(crate) fn opened(&self, room: &RoomId, sid: &str) -> bool {
        let mut names = self.names();
        let Some(note) = names.noted.get_mut(room) else { return false };
        if sid.is_empty() || note.former.as_deref() == Some(sid) {
            return true;
        }
        note.sid.get_or_insert_with(|| sid.to_owned()).as_str() == sid
    }

    /// That server closed a room. Whether it was one that the API had made.
    pub(crate) fn closed(&self, room: &RoomId, sid: &str) -> bool {
        let mut names = self.names();
        let Some(note) = names.noted.get_mut(room) else { return false };
        if !sid.is_empty() && note.former.as_deref() == Some(sid) {
            note.former = None;
            return true;
        }
        let is_it = sid.is_empty() || note.sid.as_deref().is_none_or(|known| known == sid);
        if is_it {
            names.noted.remove(room);
        }
        is_it
    }

    fn forget(&self, room: &RoomId) {
        self.names().noted.remove(room);
    }
}

impl Meetings {
    /// A meeting begins: a room of that name that a meeting before or the API left behind is closed first. The name of the API's
    /// stays noted until the server says that it is closed, which then does not end the meeting. Whether none is left.
    pub(crate) async fn take_over_name(&self, room: &RoomId) -> bool {
        let is_closed = self.0.around.media.settle(room).await;
        if !is_closed {
            warn!(room.id = %room, "the media room of the meeting before is not closed in time; who is still in it is sent out later");
        }
        if !self.0.api_rooms.knows(room) {
            return is_closed;
        }
        match self.0.control.delete_room(room).await {
            Ok(()) => is_closed,
            // Nobody will say that it is closed.
            Err(ControlError::NoRoom) => {
                self.0.api_rooms.forget(room);
                is_closed
            }
            Err(error) => {
                warn!(room.id = %room, %error, "a room of the API's is not closed for the meeting of that name");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> RoomId {
        RoomId::try_from(name).unwrap()
    }

    #[test]
    fn names_are_bounded_and_the_oldest_goes() {
        let names = ApiRooms::default();
        let room = |number: usize| id(&format!("r{number}"));
        for number in 0..=MAX_NAMES {
            assert!(names.note(&room(number)));
        }
        assert!(!names.knows(&room(0)) && names.knows(&room(1)), "the oldest made room");

        assert!(!names.note(&room(1)), "noted already");
        assert!(names.closed(&room(1), "RM_1") && !names.closed(&room(1), "RM_1"));
    }

    #[test]
    fn the_end_of_the_room_before_is_not_that_of_the_room_whenever_it_is_told() {
        let room = id("r");
        for answered in [false, true] {
            let names = ApiRooms::default();
            names.note(&room);
            names.made(&room, "RM_1".into());
            names.note(&room);
            if answered {
                names.made(&room, "RM_2".into());
            }
            assert!(names.closed(&room, "RM_1") && names.opened(&room, "RM_2"), "answered: {answered}");
            assert!(!names.closed(&room, "RM_1") && names.closed(&room, "RM_2"));
            assert!(!names.opened(&room, "RM_2"), "it is no more");
        }
    }

    #[test]
    fn a_call_that_is_refused_leaves_the_room_that_is_there() {
        let (names, room) = (ApiRooms::default(), id("r"));
        names.note(&room);
        names.made(&room, "RM_1".into());
        let is_new = names.note(&room);
        names.refused(&room, is_new);
        assert!(names.opened(&room, "RM_1") && !names.opened(&room, "RM_2"));
    }
}
