//! Names of rooms that the API made on another media server, where no meeting has them (decision 0009). That server knows
//! no meetings: without this, what it tells of such a room would be taken for a stray one or for a meeting's.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::RoomId;
use ports::media_control::ControlError;
use tracing::warn;

use crate::meetings::Meetings;

/// How many are remembered; the oldest make room.
const MAX_NAMES: usize = 10_000;

/// The names, from the call that makes the room until that server says that it is closed. They do not survive a restart; the
/// rooms do.
#[derive(Debug, Default)]
pub(crate) struct ApiRooms(Mutex<Names>);

#[derive(Debug, Default)]
struct Names {
    noted: HashMap<RoomId, u64>,
    next: u64,
}

impl ApiRooms {
    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a name. Whether it is a new one.
    pub(crate) fn note(&self, room: &RoomId) -> bool {
        let mut names = self.names();
        if names.noted.contains_key(room) {
            return false;
        }
        if names.noted.len() >= MAX_NAMES
            && let Some(oldest) = names.noted.iter().min_by_key(|(_, at)| **at).map(|(room, _)| room.clone())
        {
            names.noted.remove(&oldest);
        }
        let at = names.next;
        names.next += 1;
        names.noted.insert(room.clone(), at);
        true
    }

    /// Whether the API made that room.
    pub(crate) fn has(&self, room: &RoomId) -> bool {
        self.names().noted.contains_key(room)
    }

    /// The room is no more. Whether the API had made it.
    pub(crate) fn forget(&self, room: &RoomId) -> bool {
        self.names().noted.remove(room).is_some()
    }
}

impl Meetings {
    /// A meeting begins: a room of that name that the API made is closed first. Its name stays noted until the server says that
    /// it is closed, which then does not end the meeting.
    pub(crate) async fn take_over_name(&self, room: &RoomId) {
        if !self.0.api_rooms.has(room) {
            return;
        }
        if let Err(error) = self.0.control.delete_room(room).await
            && error != ControlError::NoRoom
        {
            warn!(room.id = %room, %error, "a room of the API's is not closed for the meeting of that name");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_the_oldest_goes() {
        let names = ApiRooms::default();
        let room = |number: usize| RoomId::try_from(format!("r{number}").as_str()).unwrap();
        for number in 0..=MAX_NAMES {
            assert!(names.note(&room(number)));
        }
        assert!(!names.has(&room(0)) && names.has(&room(1)), "the oldest made room");

        assert!(!names.note(&room(1)), "noted already");
        assert!(names.forget(&room(1)) && !names.forget(&room(1)));
    }
}
