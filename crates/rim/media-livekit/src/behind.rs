//! Rooms of which the server may not have what it was told, and when to see to each.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::RoomId;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long after an order was not carried out its room is seen to.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// Each attempt that fails doubles the pause, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The rooms, until the server was seen to have what is wanted.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    rooms: Mutex<HashMap<RoomId, Wait>>,
    /// Told when a room is due earlier than it was known to be.
    pub(crate) changed: Notify,
}

/// How a room waits.
#[derive(Debug)]
struct Wait {
    state: State,
    pause: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is seen to then.
    Until(Instant),
    /// Somebody sees to it.
    Seen,
    /// The same, and something else was not carried out meanwhile.
    SeenAndBehind,
}

impl Wait {
    /// When the room is due; `None` if somebody sees to it.
    const fn due(&self) -> Option<Instant> {
        match self.state {
            State::Until(due) => Some(due),
            State::Seen | State::SeenAndBehind => None,
        }
    }
}

impl Behind {
    fn rooms(&self) -> MutexGuard<'_, HashMap<RoomId, Wait>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<RoomId, Wait>)) {
        let mut rooms = self.rooms();
        change(&mut rooms);
        metrics::gauge!("plenum_media_rooms_behind").set(u32::try_from(rooms.len()).unwrap_or(u32::MAX));
        drop(rooms);
        self.changed.notify_one();
    }

    /// Something was not carried out.
    pub(crate) fn note(&self, room: &RoomId) {
        self.note_due(room, Instant::now() + FIRST_PAUSE);
    }

    /// Nobody knows what the server has: the room is to be seen to at once.
    pub(crate) fn note_unknown(&self, room: &RoomId) {
        self.note_due(room, Instant::now());
    }

    fn note_due(&self, room: &RoomId, due: Instant) {
        self.change(|rooms| {
            let wait = rooms.entry(room.clone()).or_insert(Wait { state: State::Until(due), pause: FIRST_PAUSE });
            if wait.state == State::Seen {
                wait.state = State::SeenAndBehind;
            }
        });
    }

    /// The room, if it is behind, is to be seen to at once.
    pub(crate) fn hurry(&self, room: &RoomId) {
        self.change(|rooms| {
            if let Some(wait) = rooms.get_mut(room).filter(|wait| wait.due().is_some()) {
                wait.state = State::Until(Instant::now());
            }
        });
    }

    /// The server is back: every room is to be seen to at once.
    pub(crate) fn hurry_all(&self) {
        self.change(|rooms| {
            for wait in rooms.values_mut().filter(|wait| wait.due().is_some()) {
                *wait = Wait { state: State::Until(Instant::now()), pause: FIRST_PAUSE };
            }
        });
    }

    /// Takes the rooms that are due, the longest waiting first, so that at most `most` are seen to at a time. Each has to be
    /// given back by one of the methods below.
    pub(crate) fn take_due(&self, most: usize) -> Vec<RoomId> {
        let now = Instant::now();
        let mut rooms = self.rooms();
        let seen = rooms.values().filter(|wait| wait.due().is_none()).count();
        let mut due: Vec<(Instant, RoomId)> = rooms
            .iter()
            .filter_map(|(room, wait)| Some((wait.due().filter(|due| *due <= now)?, room.clone())))
            .collect();
        due.sort();
        due.truncate(most.saturating_sub(seen));
        for (_, room) in &due {
            if let Some(wait) = rooms.get_mut(room) {
                wait.state = State::Seen;
            }
        }
        due.into_iter().map(|(_, room)| room).collect()
    }

    /// When the next room is due, if more than `most` are not seen to already.
    pub(crate) fn next_due(&self, most: usize) -> Option<Instant> {
        let rooms = self.rooms();
        let seen = rooms.values().filter(|wait| wait.due().is_none()).count();
        rooms.values().filter(|_| seen < most).filter_map(Wait::due).min()
    }

    /// The server has what is wanted.
    pub(crate) fn done(&self, room: &RoomId) {
        self.change(|rooms| {
            if let Some(wait) = rooms.get_mut(room).filter(|wait| wait.state == State::SeenAndBehind) {
                *wait = Wait { state: State::Until(Instant::now() + FIRST_PAUSE), pause: FIRST_PAUSE };
            } else {
                rooms.remove(room);
            }
        });
    }

    /// It has not, and may have it later.
    pub(crate) fn failed(&self, room: &RoomId) {
        self.change(|rooms| {
            if let Some(wait) = rooms.get_mut(room) {
                let pause = LONGEST_PAUSE.min(wait.pause * 2);
                *wait = Wait { state: State::Until(Instant::now() + pause), pause };
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> RoomId {
        RoomId::try_from(name).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_minute_and_a_server_that_is_back_is_asked_at_once() {
        let (behind, room) = (Behind::default(), id("r"));
        behind.note(&room);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            assert!(behind.take_due(9).is_empty(), "not yet");
            let due = behind.next_due(9).unwrap();
            pauses.push((due - Instant::now()).as_secs());
            tokio::time::sleep_until(due).await;
            assert_eq!(behind.take_due(9), std::slice::from_ref(&room));
            assert_eq!(behind.next_due(9), None, "somebody sees to it");
            behind.failed(&room);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);

        behind.hurry_all();
        assert_eq!(behind.take_due(9), std::slice::from_ref(&room));
        behind.done(&room);
        assert!(behind.rooms().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_while_a_room_is_seen_to_is_not_forgotten() {
        let (behind, room) = (Behind::default(), id("r"));
        behind.note_unknown(&room);
        assert_eq!(behind.take_due(9).len(), 1);
        behind.note(&room);
        behind.done(&room);

        assert!(behind.next_due(9).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_rooms_are_seen_to_at_a_time_than_are_wanted() {
        let behind = Behind::default();
        ["a", "b", "c"].iter().for_each(|room| behind.note_unknown(&id(room)));

        let first = behind.take_due(1);
        assert_eq!(first.len(), 1);
        assert!(behind.take_due(1).is_empty() && behind.next_due(1).is_none());
        behind.failed(&first[0]);
        assert_eq!(behind.take_due(1).len(), 1);
        assert_eq!(behind.take_due(9).len(), 1);
    }
}
