//! The queue between the media plane, which never waits, and an insider, who may be slow. What does not fit is left out from the
//! oldest on: notices never, sound by the piece, pictures up to the next key frame.

use super::{INSIDE_BYTES, InsideItem, TapFrame};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// A queue of so many items, and [`INSIDE_BYTES`].
pub fn items(capacity: usize) -> (ItemSender, ItemReceiver) {
    let shared = Arc::new(Shared { state: Mutex::default(), wake: Notify::new(), capacity });
    (ItemSender(Arc::clone(&shared)), ItemReceiver(shared))
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Notify,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<InsideItem>,
    /// Of the frames among them.
    bytes: usize,
    /// Tracks of which something was left out that nothing in the queue makes up for: nothing of them is of use before the
    /// next key frame.
    broken: BTreeSet<Arc<str>>,
    dropped: u64,
    over: bool,
}

/// The end of the media plane.
#[derive(Debug)]
pub struct ItemSender(Arc<Shared>);

/// The end of the insider.
#[derive(Debug)]
pub struct ItemReceiver(Arc<Shared>);

impl ItemSender {
    /// Adds an item. `true` if it is a frame of no use, because its track needs a key frame first.
    pub fn push(&self, item: InsideItem) -> bool {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let needs_key_frame = state.push(item, self.0.capacity);
        drop(state);
        self.0.wake.notify_one();
        needs_key_frame
    }
}

impl Drop for ItemSender {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.0.wake.notify_one();
    }
}

impl State {
    fn push(&mut self, mut item: InsideItem, capacity: usize) -> bool {
        let bytes = if let InsideItem::Frame(frame) = &item { frame.data.len() } else { 0 };
        while (self.waiting.len() >= capacity || self.bytes + bytes > INSIDE_BYTES) && self.make_room() {}
        if let InsideItem::Frame(frame) = &mut item
            && self.broken.contains(&frame.sid)
        {
            if !frame.key_frame {
                self.dropped += 1;
                return true;
            }
            self.broken.remove(&frame.sid);
            frame.after_loss = true;
        }
        self.bytes += bytes;
        self.waiting.push_back(item);
        false
    }

    /// Leaves out the oldest frame and what depends on it. `false` if there is none.
    fn make_room(&mut self) -> bool {
        let oldest = self.waiting.iter().position(|item| matches!(item, InsideItem::Frame(_)));
        let Some(InsideItem::Frame(frame)) = oldest.and_then(|oldest| self.waiting.remove(oldest)) else {
            return false;
        };
        self.left_out(&frame);
        let mut whole = false;
        let former = std::mem::take(&mut self.waiting);
        for mut item in former {
            if let InsideItem::Frame(other) = &mut item
                && other.sid == frame.sid
                && !whole
            {
                if !other.key_frame {
                    self.left_out(other);
                    continue;
                }
                whole = true;
                other.after_loss = true;
            }
            self.waiting.push_back(item);
        }
        if !whole {
            self.broken.insert(frame.sid);
        }
        true
    }

    fn left_out(&mut self, frame: &TapFrame) {
        self.dropped += 1;
        self.bytes -= frame.data.len();
    }

    fn pop(&mut self) -> Option<InsideItem> {
        let item = self.waiting.pop_front()?;
        if let InsideItem::Frame(frame) = &item {
            self.bytes -= frame.data.len();
        }
        Some(item)
    }
}

impl ItemReceiver {
    /// The next item; `None` once the media plane has nothing more to say.
    pub async fn recv(&mut self) -> Option<InsideItem> {
        loop {
            let woken = self.0.wake.notified();
            {
                let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(item) = state.pop() {
                    return Some(item);
                }
                if state.over {
                    return None;
                }
            }
            woken.await;
        }
    }

    /// The next item, if one waits.
    pub fn try_recv(&mut self) -> Option<InsideItem> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// How many frames were left out because they waited too long.
    pub fn dropped(&self) -> u64 {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).dropped
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;
    use std::time::Instant;

    /// A frame of which the first byte is its number.
    fn frame(sid: &str, format: Format, number: u8, key_frame: bool) -> InsideItem {
        InsideItem::Frame(TapFrame {
            sid: sid.into(),
            format,
            timestamp: 0,
            captured: Instant::now(),
            key_frame: key_frame || format.is_sound(),
            after_loss: false,
            data: vec![number].into(),
        })
    }

    /// Of the frames that wait: the track, the number, and whether something before is missing.
    fn numbers(receiver: &mut ItemReceiver) -> Vec<(String, u8, bool)> {
        let items = std::iter::from_fn(|| receiver.try_recv());
        let numbers = items.filter_map(|item| match item {
            InsideItem::Frame(frame) => Some((frame.sid.to_string(), frame.data[0], frame.after_loss)),
            _ => None,
        });
        numbers.collect()
    }

    /// Frames of which the first comes after a loss.
    fn of(sid: &str, numbers: &[u8]) -> Vec<(String, u8, bool)> {
        numbers.iter().map(|number| (sid.to_owned(), *number, *number == numbers[0])).collect()
    }

    #[test]
    fn a_full_queue_leaves_out_pictures_up_to_the_next_key_frame_which_says_so() {
        let (sender, mut receiver) = items(6);
        for number in 1..=6 {
            assert!(!sender.push(frame("a", Format::Vp8, number, number == 1 || number == 4)));
        }

        assert!(!sender.push(frame("a", Format::Vp8, 7, false)));

        assert_eq!(receiver.dropped(), 3);
        assert_eq!(numbers(&mut receiver), of("a", &[4, 5, 6, 7]));
    }

    #[test]
    fn without_a_key_frame_in_it_nothing_more_of_the_track_is_taken_until_one_comes() {
        let (sender, mut receiver) = items(3);
        sender.push(frame("a", Format::Av1, 1, true));
        sender.push(frame("a", Format::Av1, 2, false));
        sender.push(frame("b", Format::Opus, 1, true));

        assert!(sender.push(frame("a", Format::Av1, 3, false)), "a key frame is needed");
        assert!(sender.push(frame("a", Format::Av1, 4, false)), "still");
        assert!(!sender.push(frame("a", Format::Av1, 5, true)));
        assert!(!sender.push(frame("a", Format::Av1, 6, false)));

        assert_eq!(receiver.dropped(), 4);
        let [b, a @ ..] = &numbers(&mut receiver)[..] else { panic!("nothing waits") };
        assert_eq!(*b, ("b".to_owned(), 1, false));
        assert_eq!(a, of("a", &[5, 6]));
    }

    #[test]
    fn of_sound_the_oldest_is_left_out_and_notices_never_are() {
        let (sender, mut receiver) = items(3);
        sender.push(InsideItem::TrackGone { sid: "x".into() });
        for number in 1..=5 {
            assert!(!sender.push(frame("a", Format::Opus, number, true)));
        }

        assert_eq!(receiver.try_recv(), Some(InsideItem::TrackGone { sid: "x".into() }));
        assert_eq!(numbers(&mut receiver), of("a", &[4, 5]));
    }

    #[test]
    fn large_frames_take_the_room_of_many() {
        let (sender, mut receiver) = items(1000);
        for number in 1..=20 {
            let InsideItem::Frame(mut large) = frame("a", Format::H264, number, true) else { continue };
            large.data = vec![number; INSIDE_BYTES / 8].into();
            assert!(!sender.push(InsideItem::Frame(large)));
        }

        assert_eq!(numbers(&mut receiver), of("a", &[13, 14, 15, 16, 17, 18, 19, 20]));
        assert!(!sender.push(frame("a", Format::H264, 21, false)), "there is room again");
        assert_eq!(numbers(&mut receiver).len(), 1);
    }

    #[tokio::test]
    async fn what_waits_is_read_to_the_end() {
        let (sender, mut receiver) = items(3);
        sender.push(InsideItem::Left);
        drop(sender);

        assert_eq!(receiver.recv().await, Some(InsideItem::Left));
        assert_eq!(receiver.recv().await, None);
    }
}
