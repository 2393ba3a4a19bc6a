//! Rooms that are to be closed and are not yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::RoomId;
use tokio::sync::Notify;

/// Most rooms that wait to be closed; the oldest make room. A server that long gone has closed them by itself.
const MAX_CLOSING: usize = 10_000;

/// What is to be done about a room whose meeting is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Close {
    /// Tells this order from later ones about the same room.
    number: u64,
    /// Since when the meeting is over, unix seconds.
    pub(crate) at: i64,
    /// Everybody is to go, and the room. Otherwise somebody else may have it by now: only those who came before `at` go.
    pub(crate) is_whole: bool,
}

/// The last order to close each room, until it is carried out.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    orders: Mutex<Orders>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Orders {
    pending: HashMap<RoomId, Close>,
    next: u64,
}

impl Closing {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A room is to be closed, whose meeting is over since `at`, unix seconds. A room that makes room for it, and will not be
    /// closed.
    pub(crate) fn close(&self, room: &RoomId, at: i64) -> Option<RoomId> {
        self.order(room, at, true)
    }

    /// Whoever came before `at`, unix seconds, is to go. A room that makes room for it, where they will not.
    pub(crate) fn clear(&self, room: &RoomId, at: i64) -> Option<RoomId> {
        self.order(room, at, false)
    }

    fn order(&self, room: &RoomId, at: i64, is_whole: bool) -> Option<RoomId> {
        let mut orders = self.orders();
        let number = orders.next;
        orders.next += 1;
        orders.pending.insert(room.clone(), Close { number, at, is_whole });
        if orders.pending.len() <= MAX_CLOSING {
            return None;
        }
        let oldest = orders.pending.iter().min_by_key(|(_, close)| close.number).map(|(room, _)| room.clone())?;
        orders.pending.remove(&oldest);
        drop(orders);
        self.changed.notify_waiters();
        Some(oldest)
    }

    /// What is still to be done about the room.
    pub(crate) fn find(&self, room: &RoomId) -> Option<Close> {
        self.orders().pending.get(room).copied()
    }

    /// The order is carried out, or given up.
    pub(crate) fn done(&self, room: &RoomId, close: Close) {
        let mut orders = self.orders();
        if orders.pending.get(room).is_some_and(|last| last.number == close.number) {
            orders.pending.remove(room);
        }
        drop(orders);
        self.changed.notify_waiters();
    }

    /// The room is to be opened again: if it was to be closed, only those who were there by then are to go.
    pub(crate) fn withdraw(&self, room: &RoomId) {
        if let Some(close) = self.orders().pending.get_mut(room) {
            close.is_whole = false;
        }
        self.changed.notify_waiters();
    }

    /// Waits until the room is not to be closed any more.
    pub(crate) async fn settled(&self, room: &RoomId) {
        loop {
            let changed = self.changed.notified();
            if self.find(room).is_none_or(|close| !close.is_whole) {
                return;
            }
            changed.await;
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
    fn a_later_order_is_not_done_with_the_one_before_and_one_that_is_withdrawn_is_about_those_before_it() {
        let (closing, room) = (Closing::default(), id("r"));
        closing.close(&room, 7);
        let first = closing.find(&room).unwrap();
        closing.close(&room, 9);
        closing.done(&room, first);

        closing.withdraw(&room);
        let left = closing.find(&room).unwrap();
        assert_eq!((left.at, left.is_whole), (9, false));
        closing.done(&room, left);
        assert_eq!(closing.find(&room), None);
    }

    #[test]
    fn rooms_that_wait_are_bounded_and_the_oldest_makes_room() {
        let closing = Closing::default();
        for number in 0..MAX_CLOSING {
            assert_eq!(closing.close(&id(&format!("r{number}")), 1), None);
        }
        assert_eq!(closing.close(&id("r1"), 2), None, "known already");
        assert_eq!(closing.clear(&id("more"), 1), Some(id("r0")));
        assert!(closing.find(&id("r0")).is_none() && closing.find(&id("more")).is_some());
    }
}
