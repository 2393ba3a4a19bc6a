//! Orders of the application and what clients say over their signalling sockets, as much each turn as media can wait for.

use crate::plane::{Order, Signal};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

/// Most of each a turn.
const MOST: usize = 64;

/// After so long media has its turn. Somebody who comes to a big room takes most of it.
const TIME: Duration = Duration::from_millis(3);

/// What a shard is call.
#[derive(Debug)]
pub(crate) enum Call {
    Order(Order),
    Signal(Signal),
}

/// The shard's ends of the queues.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) signals: mpsc::Receiver<Signal>,
}

impl Inbox {
    /// Orders that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.orders.len()
    }

    /// What this turn has time for, one of each after the other, so that neither waits for all of the other. `None` when the
    /// application is gone; else whether there may be more.
    pub(crate) fn take(
        &mut self,
        mut clock: impl FnMut() -> Instant,
        mut work: impl FnMut(Call, Instant),
    ) -> Option<bool> {
        let begun = clock();
        let mut now = begun;
        for _ in 0..MOST {
            let order = match self.orders.try_recv() {
                Ok(order) => Some(Call::Order(order)),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => return None,
            };
            let signal = self.signals.try_recv().ok().map(Call::Signal);
            if order.is_none() && signal.is_none() {
                return Some(false);
            }
            for call in [order, signal].into_iter().flatten() {
                work(call, now);
                now = clock();
            }
            if now.saturating_duration_since(begun) >= TIME {
                break;
            }
        }
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tokio::sync::oneshot;

    /// So many of each wait; how many a turn takes of which each takes so long.
    fn taken(waiting: u64, order: Duration, signal: Duration) -> (Vec<&'static str>, Option<bool>) {
        let ((give, orders), (say, signals)) = (mpsc::channel(512), mpsc::channel(512));
        for number in 0..waiting {
            give.try_send(Order::Rooms { reply: oneshot::channel().0 }).unwrap();
            say.try_send(Signal::Lost(number)).unwrap();
        }
        let (now, mut taken) = (Cell::new(Instant::now()), Vec::new());
        let more = Inbox { orders, signals }.take(
            || now.get(),
            |call, at| {
                assert_eq!(at, now.get());
                let (name, time) = match call {
                    Call::Order(_) => ("order", order),
                    Call::Signal(_) => ("signal", signal),
                };
                taken.push(name);
                now.set(at + time);
            },
        );
        (taken, more)
    }

    #[test]
    fn a_turn_takes_as_much_as_media_can_wait_for_and_of_both_queues() {
        let (short, long) = (Duration::from_micros(10), Duration::from_micros(2_800));
        assert_eq!(taken(100, long, short), (["order", "signal"].repeat(2), Some(true)));
        assert_eq!(taken(100, short, long), (["order", "signal"].repeat(2), Some(true)));
        assert_eq!(taken(100, long * 10, long * 10), (vec!["order", "signal"], Some(true)), "one of each in any case");
        assert_eq!(taken(100, short, short), (["order", "signal"].repeat(MOST), Some(true)));
        assert_eq!(taken(3, short, short), (["order", "signal"].repeat(3), Some(false)));
    }

    #[test]
    fn a_shard_whose_application_is_gone_hears_so() {
        let ((give, orders), (_say, signals)) = (mpsc::channel(1), mpsc::channel(1));
        let mut inbox = Inbox { orders, signals };
        assert_eq!(inbox.take(Instant::now, |_, _| {}), Some(false));
        drop(give);
        assert_eq!(inbox.take(Instant::now, |_, _| {}), None);
    }
}
