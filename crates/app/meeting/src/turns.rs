//! Who creates or ends a room: for each id one at a time, and nobody waits for another id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::RoomId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Locks by id. An id has one as long as somebody holds it or waits for it. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<RoomId, Lock>>>);

#[derive(Debug, Default)]
struct Lock {
    lock: Arc<AsyncMutex<()>>,
    /// How many hold it or wait for it.
    users: usize,
}

/// The right to create or end one room, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    // In this order: whoever comes last finds it free.
    _held: OwnedMutexGuard<()>,
    _user: User,
}

/// Somebody who holds a lock or waits for it.
#[derive(Debug)]
struct User {
    turns: Turns,
    id: RoomId,
}

impl Turns {
    /// Waits for the turn, first come, first served.
    pub(crate) async fn of(&self, id: &RoomId) -> Turn {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let lock = locks.entry(id.clone()).or_default();
            lock.users += 1;
            lock.lock.clone()
        };
        let user = User { turns: self.clone(), id: id.clone() };
        Turn { _held: lock.lock_owned().await, _user: user }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut locks = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get_mut(&self.id) {
            lock.users -= 1;
            if lock.users == 0 {
                locks.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn id(name: &str) -> RoomId {
        RoomId::try_from(name).unwrap()
    }

    #[tokio::test]
    async fn one_at_a_time_for_each_id_and_others_do_not_wait() {
        let (turns, a, b) = (Turns::default(), id("a"), id("b"));
        let first = turns.of(&a).await;
        let mut second = Box::pin(turns.of(&a));
        assert!((&mut second).now_or_never().is_none());
        assert!(turns.of(&b).now_or_never().is_some());

        drop(first);
        assert!(second.now_or_never().is_some());
    }

    #[tokio::test]
    async fn nothing_is_left_of_whoever_went() {
        let (turns, a) = (Turns::default(), id("a"));
        let first = turns.of(&a).await;
        let mut impatient = Box::pin(turns.of(&a));
        assert!((&mut impatient).now_or_never().is_none());
        drop(impatient);
        assert_eq!(turns.0.lock().unwrap().len(), 1, "somebody holds it");

        drop(first);
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
