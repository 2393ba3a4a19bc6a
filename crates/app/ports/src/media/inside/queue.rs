//! The queue between the media plane, which never waits, and an insider, who may be slow. What does not fit is left out from the
//! oldest on: sound by the piece, pictures up to the next key frame. Notices are never left out, except those of how loud somebody was
//! before; who reads none of thousands is put out.

use super::{INSIDE_BYTES, INSIDE_NOTICES, InsideEnd, InsideItem, TapFrame};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A queue of so many frames, and [`INSIDE_BYTES`].
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

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    /// What waits, with numbers in the order of both.
    frames: VecDeque<(u64, TapFrame)>,
    notices: BTreeMap<u64, InsideItem>,
    number: u64,
    /// Of the frames.
    bytes: usize,
    /// Tracks of sound of which something was left out before the oldest that waits.
    gaps: BTreeSet<Arc<str>>,
    /// Tracks of pictures of which nothing is of use before the next key frame.
    broken: BTreeSet<Arc<str>>,
    /// Tracks of which a key frame was asked for since the insider came to read.
    asked: BTreeSet<Arc<str>>,
    /// The insider came to read, and nothing came since.
    is_read: bool,
    /// Names of its own tracks in the waiting notices that ask for a key frame.
    wanted: BTreeSet<String>,
    /// Which of the waiting notices says how loud somebody is, by their identity: one at most.
    levels: BTreeMap<String, u64>,
    dropped: u64,
    over: bool,
    stuck: bool,
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
        let mut state = self.0.state();
        let needs_key_frame = match item {
            _ if state.stuck => false,
            InsideItem::Frame(frame) => state.push_frame(frame, self.0.capacity),
            notice => {
                state.push_notice(notice);
                false
            }
        };
        drop(state);
        self.0.wake.notify_one();
        needs_key_frame
    }

    /// Whether it is worth asking for a key frame of a track: not again before the insider came to read, or everybody's cameras
    /// would work for somebody who does not.
    pub fn asks_for_key_frame(&self, sid: &Arc<str>) -> bool {
        let mut state = self.0.state();
        state.is_read || state.asked.insert(Arc::clone(sid))
    }

    /// Whether the insider has left so many notices unread that it gets nothing any more.
    pub fn is_stuck(&self) -> bool {
        self.0.state().stuck
    }
}

impl Drop for ItemSender {
    fn drop(&mut self) {
        self.0.state().over = true;
        self.0.wake.notify_one();
    }
}

impl State {
    fn push_frame(&mut self, mut frame: TapFrame, capacity: usize) -> bool {
        // What is of no use takes nobody's place.
        if !frame.key_frame && self.broken.contains(&frame.sid) {
            self.dropped += 1;
            return true;
        }
        let bytes = frame.data.len();
        while (self.frames.len() >= capacity || self.bytes + bytes > INSIDE_BYTES) && self.make_room() {}
        if self.broken.contains(&frame.sid) {
            if !frame.key_frame {
                self.dropped += 1;
                return true;
            }
            self.broken.remove(&frame.sid);
            frame.after_loss = true;
        }
        self.bytes += bytes;
        let number = self.number();
        self.frames.push_back((number, frame));
        false
    }

    fn push_notice(&mut self, notice: InsideItem) {
        if let InsideItem::KeyFrameWanted { name } = &notice
            && !self.wanted.insert(name.clone())
        {
            return;
        }
        if let InsideItem::Speaking { owner, level } = &notice
            && self.replaces_level(owner, *level)
        {
            return;
        }
        let number = self.number();
        if self.notices.len() < INSIDE_NOTICES {
            if let InsideItem::Speaking { owner, .. } = &notice {
                self.levels.insert(owner.clone(), number);
            }
            self.notices.insert(number, notice);
            return;
        }
        let dropped = self.dropped + u64::try_from(self.frames.len()).unwrap_or(u64::MAX);
        *self = Self { stuck: true, dropped, ..Self::default() };
        self.notices.insert(number, InsideItem::Left(InsideEnd::StartOver));
    }

    /// Says how loud somebody is in the place of what waits of them. `false` if nothing waits, or no longer because they begin to
    /// speak: that comes at the end, after what tracks of theirs became meanwhile.
    fn replaces_level(&mut self, owner: &str, level: f32) -> bool {
        let Some(number) = self.levels.get(owner) else { return false };
        let Some(InsideItem::Speaking { level: waiting, .. }) = self.notices.get_mut(number) else { return false };
        if *waiting <= 0.0 && level > 0.0 {
            self.notices.remove(number);
            return false;
        }
        *waiting = level;
        true
    }

    fn number(&mut self) -> u64 {
        self.is_read = false;
        self.number += 1;
        self.number
    }

    /// Leaves out the oldest frame and what depends on it. `false` if there is none.
    fn make_room(&mut self) -> bool {
        let Some((_, oldest)) = self.frames.pop_front() else { return false };
        self.dropped += 1;
        self.bytes -= oldest.data.len();
        if oldest.format.is_sound() {
            self.gaps.insert(oldest.sid);
            return true;
        }
        let mut whole = false;
        let (dropped, bytes) = (&mut self.dropped, &mut self.bytes);
        self.frames.retain_mut(|(_, frame)| {
            if whole || frame.sid != oldest.sid {
                return true;
            }
            whole = frame.key_frame;
            frame.after_loss |= whole;
            if !whole {
                *dropped += 1;
                *bytes -= frame.data.len();
            }
            whole
        });
        if !whole {
            self.broken.insert(oldest.sid);
        }
        true
    }

    fn pop(&mut self) -> Option<InsideItem> {
        self.asked.clear();
        let frame = self.frames.front().map_or(u64::MAX, |(number, _)| *number);
        if let Some(oldest) = self.notices.first_entry().filter(|oldest| *oldest.key() < frame) {
            let notice = oldest.remove();
            match &notice {
                InsideItem::KeyFrameWanted { name } => _ = self.wanted.remove(name),
                InsideItem::Speaking { owner, .. } => _ = self.levels.remove(owner),
                _ => {}
            }
            return Some(notice);
        }
        let Some((_, mut frame)) = self.frames.pop_front() else {
            self.is_read = true;
            return None;
        };
        self.bytes -= frame.data.len();
        frame.after_loss |= self.gaps.remove(&frame.sid);
        Some(InsideItem::Frame(frame))
    }
}

impl ItemReceiver {
    /// The next item; `None` once the media plane has nothing more to say.
    pub async fn recv(&mut self) -> Option<InsideItem> {
        loop {
            let woken = self.0.wake.notified();
            {
                let mut state = self.0.state();
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
        self.0.state().pop()
    }

    /// How many frames were left out because they waited too long.
    pub fn dropped(&self) -> u64 {
        self.0.state().dropped
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
            rotation: 0,
            audio_level: None,
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
        assert_eq!(numbers(&mut receiver), of("a", &[3, 4, 5]));
    }

    #[test]
    fn each_of_many_voices_says_where_something_of_it_is_missing() {
        let (sender, mut receiver) = items(100);
        for number in 1..=3 {
            for voice in 0..50 {
                sender.push(frame(&format!("{voice:02}"), Format::Opus, number, true));
            }
        }
        sender.push(frame("00", Format::Opus, 4, true));
        let expected = |voice: u32| if voice == 0 { of("00", &[3, 4]) } else { of(&format!("{voice:02}"), &[2, 3]) };

        let mut got = numbers(&mut receiver);
        got.sort_by(|one, other| one.0.cmp(&other.0));

        let expected: Vec<_> = (0..50).flat_map(expected).collect();
        assert_eq!(got, expected);
        assert_eq!(receiver.dropped(), 51);
        sender.push(frame("00", Format::Opus, 5, true));
        assert_eq!(numbers(&mut receiver), [("00".to_owned(), 5, false)]);
    }

    #[test]
    fn a_key_frame_is_asked_for_once_until_somebody_reads() {
        let (sender, mut receiver) = items(2);
        let (a, b) = ("a".into(), "b".into());
        assert!(sender.asks_for_key_frame(&a) && sender.asks_for_key_frame(&b));
        assert!(!sender.asks_for_key_frame(&a) && !sender.asks_for_key_frame(&b));

        sender.push(frame("a", Format::Vp8, 1, true));
        sender.push(frame("a", Format::Vp8, 2, false));
        receiver.try_recv();
        assert!(sender.asks_for_key_frame(&a));
        assert!(!sender.asks_for_key_frame(&a));

        assert!(receiver.try_recv().is_some() && receiver.try_recv().is_none());
        assert!(sender.asks_for_key_frame(&a) && sender.asks_for_key_frame(&a), "it waits for one");
        sender.push(frame("b", Format::Opus, 1, true));
        assert!(sender.asks_for_key_frame(&a) && !sender.asks_for_key_frame(&a));
    }

    #[test]
    fn one_wish_for_a_key_frame_waits_and_the_next_one_after_it_was_read() {
        let (sender, mut receiver) = items(2);
        let wanted = |name: &str| InsideItem::KeyFrameWanted { name: name.into() };
        for _ in 0..100_000 {
            sender.push(wanted("a"));
            sender.push(wanted("b"));
        }
        assert_eq!(receiver.try_recv(), Some(wanted("a")));
        sender.push(wanted("a"));
        let rest: Vec<_> = std::iter::from_fn(|| receiver.try_recv()).collect();
        assert_eq!(rest, [wanted("b"), wanted("a")]);
        assert!(!sender.is_stuck());
    }

    #[test]
    fn of_how_loud_somebody_is_the_newest_waits() {
        let (sender, mut receiver) = items(2);
        let speaking = |owner: &str, level: f32| InsideItem::Speaking { owner: owner.into(), level };
        let gone = |sid: &str| InsideItem::TrackGone { sid: sid.into() };
        for _ in 0..100_000 {
            sender.push(speaking("ann", 0.25));
            sender.push(speaking("bob", 0.5));
            sender.push(speaking("bob", 0.0));
            sender.push(speaking("ann", 0.75));
        }
        let rest: Vec<_> = std::iter::from_fn(|| receiver.try_recv()).collect();
        assert_eq!(rest, [speaking("ann", 0.75), speaking("bob", 0.0)]);

        sender.push(speaking("ann", 0.5));
        sender.push(gone("x"));
        sender.push(speaking("ann", 0.0));
        assert_eq!(receiver.try_recv(), Some(speaking("ann", 0.0)), "silence, before everything after it");
        sender.push(speaking("bob", 0.0));
        sender.push(gone("y"));
        sender.push(speaking("bob", 0.5));
        let rest: Vec<_> = std::iter::from_fn(|| receiver.try_recv()).collect();
        assert_eq!(rest, [gone("x"), gone("y"), speaking("bob", 0.5)], "a voice, after everything before it");
        assert!(!sender.is_stuck());
    }

    #[test]
    fn who_reads_none_of_thousands_of_notices_is_out() {
        let (sender, mut receiver) = items(2);
        sender.push(frame("a", Format::Opus, 1, true));
        let notice = |number: usize| InsideItem::TrackGone { sid: number.to_string() };
        for number in 0..INSIDE_NOTICES {
            sender.push(notice(number));
        }
        assert!(!sender.is_stuck());
        sender.push(notice(0));
        assert!(sender.is_stuck());
        sender.push(frame("a", Format::Opus, 2, true));

        let rest: Vec<_> = std::iter::from_fn(|| receiver.try_recv()).collect();
        assert_eq!(rest, [InsideItem::Left(InsideEnd::StartOver)]);
        assert_eq!(receiver.dropped(), 1);
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
        let left = InsideItem::Left(InsideEnd::Over);
        sender.push(left.clone());
        drop(sender);

        assert_eq!(receiver.recv().await, Some(left));
        assert_eq!(receiver.recv().await, None);
    }
}
