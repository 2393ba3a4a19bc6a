//! Reliable data that waits for a slow receiver (media-protocol.md section 13.3).
//!
//! Receivers share the bytes of a message while it waits here; in the stack each would have a copy. Who fills the queue of
//! another loses what of theirs is in it: nobody is put out because somebody else sends too much.

use bytes::Bytes;
use signal::PeerKey;
use std::collections::VecDeque;

/// Most bytes that wait for one receiver: twice what anybody may send at once.
const MOST: usize = 16 * 1024 * 1024;

/// What a message counts beyond its bytes.
const ITEM: usize = 256;

/// A message, and who sent it unless that was an application.
type Waiting = (Option<PeerKey>, Bytes);

/// Messages for one receiver, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    messages: VecDeque<Waiting>,
    bytes: usize,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It waits. So many of the sender who had filled the queue were thrown away for that.
    Here { lost: u64 },
    /// The receiver is too slow for all who send to it.
    Full,
}

impl Backlog {
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Keeps one more.
    pub(crate) fn push(&mut self, from: Option<PeerKey>, message: Bytes) -> Kept {
        let mut lost = 0;
        if self.bytes + cost(&message) > MOST {
            let Some(flooder) = self.flooder() else { return Kept::Full };
            let before = self.messages.len();
            self.messages.retain(|(of, _)| *of != Some(flooder));
            self.bytes = self.messages.iter().map(|(_, message)| cost(message)).sum();
            lost = u64::try_from(before - self.messages.len()).unwrap_or(u64::MAX);
        }
        self.bytes += cost(&message);
        self.messages.push_back((from, message));
        Kept::Here { lost }
    }

    /// The oldest.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let oldest = self.messages.pop_front()?;
        self.bytes -= cost(&oldest.1);
        Some(oldest)
    }

    /// The participant who sent more than half of all that waits.
    fn flooder(&self) -> Option<PeerKey> {
        // Of which there can be one at most: it is what is left when messages of different senders cancel each other out.
        let mut candidate = None;
        let mut lead = 0;
        for (from, message) in &self.messages {
            let cost = cost(message);
            if candidate == *from {
                lead += cost;
            } else if lead >= cost {
                lead -= cost;
            } else {
                (candidate, lead) = (*from, cost - lead);
            }
        }
        let theirs = self.messages.iter().filter(|(from, _)| *from == candidate);
        let bytes: usize = theirs.map(|(_, message)| cost(message)).sum();
        candidate.filter(|_| bytes > self.bytes / 2)
    }
}

fn cost(message: &Bytes) -> usize {
    message.len() + ITEM
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Option<PeerKey> = Some(PeerKey(1));
    const BOB: Option<PeerKey> = Some(PeerKey(2));
    const MIB: usize = 1024 * 1024;

    fn mebibyte() -> Bytes {
        Bytes::from(vec![0; MIB - ITEM])
    }

    #[test]
    fn messages_wait_in_their_order() {
        let mut backlog = Backlog::default();
        for text in ["a", "b", "c"] {
            assert_eq!(backlog.push(ANN, Bytes::from_static(text.as_bytes())), Kept::Here { lost: 0 });
        }
        let all: Vec<Bytes> = std::iter::from_fn(|| backlog.pop()).map(|(_, message)| message).collect();
        assert_eq!((all, backlog.is_empty(), backlog.bytes), (vec!["a".into(), "b".into(), "c".into()], true, 0));
    }

    #[test]
    fn who_fills_the_queue_loses_what_waits_of_theirs_and_nobody_else_does() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.push(BOB, mebibyte()), Kept::Here { lost: 0 });
        for _ in 0..15 {
            assert_eq!(backlog.push(ANN, mebibyte()), Kept::Here { lost: 0 });
        }
        assert_eq!(backlog.push(None, Bytes::from_static(b"closing")), Kept::Here { lost: 15 });
        let all: Vec<_> = std::iter::from_fn(|| backlog.pop()).map(|(from, _)| from).collect();
        assert_eq!(all, [BOB, None]);
    }

    #[test]
    fn a_receiver_too_slow_for_all_is_full() {
        let mut backlog = Backlog::default();
        for turn in 0..16 {
            let from = if turn % 2 == 0 { ANN } else { BOB };
            assert_eq!(backlog.push(from, mebibyte()), Kept::Here { lost: 0 });
        }
        assert_eq!(backlog.push(ANN, mebibyte()), Kept::Full);
        assert_eq!((backlog.messages.len(), backlog.bytes), (16, MOST));
    }

    #[test]
    fn messages_of_nothing_count_too() {
        let mut backlog = Backlog::default();
        let none_lost = |backlog: &mut Backlog| backlog.push(None, Bytes::new()) == Kept::Here { lost: 0 };
        assert_eq!((0..).take_while(|_| none_lost(&mut backlog)).count(), MOST / ITEM);
    }
}
