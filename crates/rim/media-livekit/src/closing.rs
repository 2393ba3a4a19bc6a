//! Rooms that are to be closed and are not yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::RoomId;
use tokio::sync::Notify;

/// The last order to close each room, by its number, until it is carried out or no longer wanted.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    orders: Mutex<Orders>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Orders {
    pending: HashMap<RoomId, u64>,
    next: u64,
}

impl Closing {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A room is to be closed. The number of the order.
    pub(crate) fn ordered(&self, room: &RoomId) -> u64 {
        let mut orders = self.orders();
        let number = orders.next;
        orders.next += 1;
        orders.pending.insert(room.clone(), number);
        number
    }

    /// Whether the room is still to be closed by this order: nobody wants to open it again.
    pub(crate) fn is_wanted(&self, room: &RoomId, number: u64) -> bool {
        self.orders().pending.get(room).is_some_and(|last| *last == number)
    }

    /// The order is carried out, or given up.
    pub(crate) fn done(&self, room: &RoomId, number: u64) {
        let mut orders = self.orders();
        if orders.pending.get(room).is_some_and(|last| *last == number) {
            orders.pending.remove(room);
        }
        drop(orders);
        self.changed.notify_waiters();
    }

    /// The room is to be opened again: it is not to be closed any more. Whether it was to be.
    pub(crate) fn withdraw(&self, room: &RoomId) -> bool {
        let was_pending = self.orders().pending.remove(room).is_some();
        self.changed.notify_waiters();
        was_pending
    }

    /// Waits until no order to close the room is left.
    pub(crate) async fn settled(&self, room: &RoomId) {
        loop {
            let changed = self.changed.notified();
            if !self.orders().pending.contains_key(room) {
                return;
            }
            changed.await;
        }
    }
}
