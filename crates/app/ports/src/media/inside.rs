//! Participants inside the process: what records, dials out or speaks for somebody takes part in a room without a peer
//! connection. It gets the encoded packets of the tracks it chooses and sends packets of its own.

use model::media::{MediaPermission, Source};
use model::{Identity, RoomId, SessionId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{Notify, mpsc};

/// Most things that wait for an insider: two seconds of some lively cameras.
pub const INSIDE_QUEUE: usize = 2048;

/// Most orders of an insider that wait for the media plane; whoever sends faster waits.
pub const INSIDE_ORDERS: usize = 256;

/// What an insider is, as clients are told (`livekit.ParticipantInfo.Kind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsideKind {
    /// Brings a stream in.
    Ingress,
    /// Records or streams out.
    Egress,
    /// A telephone.
    Sip,
    /// A program.
    Agent,
}

/// An insider wants to take part.
#[derive(Debug, Clone)]
pub struct InsideJoin {
    /// The room; it is made if it does not exist.
    pub room: RoomId,
    /// The meeting's session.
    pub session: SessionId,
    /// Who. Somebody there under the same identity is replaced.
    pub identity: Identity,
    /// Display name.
    pub name: String,
    /// Participant metadata, opaque.
    pub metadata: String,
    /// Participant attributes.
    pub attributes: BTreeMap<String, String>,
    /// What it is.
    pub kind: InsideKind,
    /// Rights; they hold for insiders as for everybody. Whoever records is hidden as a rule.
    pub permission: MediaPermission,
}

/// Payload formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Sound at 48 kHz.
    Opus,
    /// Pictures at 90 kHz.
    Vp8,
    /// Pictures at 90 kHz.
    H264,
}

/// What an insider wants done. Naming what is not there changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum InsideOrder {
    /// Publish a track under a name of its own; [`InsideItem::Published`] says its sid.
    Publish {
        /// The insider's name for it.
        name: String,
        /// Where it comes from.
        source: Source,
        /// How it is encoded.
        format: Format,
        /// Pixels; 0 for sound.
        size: (u32, u32),
    },
    /// Take it back.
    Unpublish {
        /// Its name.
        name: String,
    },
    /// Mute or unmute it.
    Mute {
        /// Its name.
        name: String,
        /// Silent from now on.
        muted: bool,
    },
    /// Send a packet of it.
    Send {
        /// Its name.
        name: String,
        /// The packet.
        packet: SentPacket,
    },
    /// Get a track of somebody's, or no longer.
    Subscribe {
        /// Its sid.
        sid: String,
        /// Get it.
        wanted: bool,
    },
    /// The best layer of a track to get: 0 low, 1 medium, 2 high.
    Quality {
        /// Its sid.
        sid: String,
        /// The layer.
        quality: u8,
    },
    /// The decoder of a track needs a key frame.
    KeyFrame {
        /// Its sid.
        sid: String,
    },
}

/// An RTP payload with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPacket {
    /// Counts up by one for each packet of a track; gaps are losses.
    pub sequence: u64,
    /// In the clock of the format.
    pub timestamp: u32,
    /// The last packet of a picture.
    pub marker: bool,
    /// Loudness in −dBov, 0 to 127, of sound.
    pub audio_level: Option<u8>,
    /// As RFC 7587, 7741 or 6184 have it.
    pub payload: Arc<[u8]>,
}

/// A packet of a track an insider gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapPacket {
    /// Sid of the track.
    pub sid: Arc<str>,
    /// How it is encoded.
    pub format: Format,
    /// Counts up by one for each packet of the track; gaps were lost before they came here.
    pub sequence: u64,
    /// In the clock of the format; continuous across changes of layer.
    pub timestamp: u32,
    /// When the content was captured, in our clock.
    pub captured: Instant,
    /// The last packet of a picture.
    pub marker: bool,
    /// A key frame begins. Always true of sound.
    pub key_frame: bool,
    /// As the publisher sent it, shared with everybody who gets it.
    pub payload: Arc<[u8]>,
}

/// What an insider is told, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum InsideItem {
    /// A packet of a track it subscribed to. What waits too long is left out up to the next key frame.
    Packet(TapPacket),
    /// A track of somebody's is there, or changed.
    Track {
        /// Its sid.
        sid: String,
        /// Whose it is.
        owner: String,
        /// Where it comes from; `None` if nobody said.
        source: Option<Source>,
        /// Sound.
        audio: bool,
        /// Silent for now.
        muted: bool,
    },
    /// A track of somebody's is gone.
    TrackGone {
        /// Its sid.
        sid: String,
    },
    /// A track of its own is out.
    Published {
        /// Its name.
        name: String,
        /// Its sid.
        sid: String,
    },
    /// A track it wanted to publish was refused.
    Refused {
        /// Its name.
        name: String,
    },
    /// A track of its own was taken away.
    Unpublished {
        /// Its sid.
        sid: String,
    },
    /// A track of its own was muted by a moderator.
    Muted {
        /// Its sid.
        sid: String,
        /// Silent from now on.
        muted: bool,
    },
    /// Somebody needs a key frame of a track of its own.
    KeyFrameWanted {
        /// Its name.
        name: String,
    },
    /// It is out; nothing follows.
    Left,
}

/// The two ends an insider holds. Dropping `orders` is leaving.
#[derive(Debug)]
pub struct Insider {
    /// What it wants.
    pub orders: mpsc::Sender<InsideOrder>,
    /// What it is told.
    pub items: ItemReceiver,
}

/// A queue between the media plane, which never waits, and an insider.
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
    /// Tracks of which something was left out: nothing of them is of use before the next key frame.
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
    /// Adds an item. `true` if the track of the packet needs a key frame, because something of it was left out.
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
    fn push(&mut self, item: InsideItem, capacity: usize) -> bool {
        if let InsideItem::Packet(packet) = &item {
            if packet.key_frame {
                self.broken.remove(&packet.sid);
            } else if self.broken.contains(&packet.sid) {
                self.dropped += 1;
                return true;
            }
        }
        let broke = if self.waiting.len() >= capacity { self.make_room() } else { None };
        // The newcomer belongs to what was just left out.
        if let (InsideItem::Packet(packet), Some(broke)) = (&item, &broke)
            && packet.sid == *broke
            && !packet.key_frame
        {
            self.dropped += 1;
            return true;
        }
        if let (InsideItem::Packet(packet), Some(broke)) = (&item, &broke)
            && packet.sid == *broke
        {
            self.broken.remove(broke);
        }
        self.waiting.push_back(item);
        broke.is_some()
    }

    /// Leaves out the oldest packet; of a picture everything up to the next key frame of the track. If there is none, the
    /// track is broken until one comes, and is returned.
    fn make_room(&mut self) -> Option<Arc<str>> {
        let oldest = self.waiting.iter().position(|item| matches!(item, InsideItem::Packet(_)))?;
        let Some(InsideItem::Packet(packet)) = self.waiting.remove(oldest) else { return None };
        self.dropped += 1;
        if packet.format == Format::Opus {
            return None;
        }
        let mut whole = false;
        let before = self.waiting.len();
        self.waiting.retain(|item| match item {
            InsideItem::Packet(other) if other.sid == packet.sid => {
                whole |= other.key_frame;
                whole
            }
            _ => true,
        });
        self.dropped += u64::try_from(before - self.waiting.len()).unwrap_or(0);
        if whole {
            return None;
        }
        self.broken.insert(Arc::clone(&packet.sid));
        Some(packet.sid)
    }
}

impl ItemReceiver {
    /// The next item; `None` once the media plane has nothing more to say.
    pub async fn recv(&mut self) -> Option<InsideItem> {
        loop {
            let woken = self.0.wake.notified();
            {
                let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(item) = state.waiting.pop_front() {
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
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).waiting.pop_front()
    }

    /// How many packets were left out because they waited too long.
    pub fn dropped(&self) -> u64 {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sid: &str, format: Format, sequence: u64, key_frame: bool) -> InsideItem {
        InsideItem::Packet(TapPacket {
            sid: sid.into(),
            format,
            sequence,
            timestamp: 0,
            captured: Instant::now(),
            marker: true,
            key_frame: key_frame || format == Format::Opus,
            payload: [].into(),
        })
    }

    fn numbers(receiver: &mut ItemReceiver) -> Vec<(String, u64)> {
        let items = std::iter::from_fn(|| receiver.try_recv());
        let numbers = items.filter_map(|item| match item {
            InsideItem::Packet(packet) => Some((packet.sid.to_string(), packet.sequence)),
            _ => None,
        });
        numbers.collect()
    }

    fn of(sid: &str, numbers: &[u64]) -> Vec<(String, u64)> {
        numbers.iter().map(|number| (sid.to_owned(), *number)).collect()
    }

    #[test]
    fn a_full_queue_leaves_out_pictures_up_to_the_next_key_frame() {
        let (sender, mut receiver) = items(6);
        for number in 1..=6 {
            assert!(!sender.push(packet("a", Format::Vp8, number, number == 1 || number == 4)));
        }

        assert!(!sender.push(packet("a", Format::Vp8, 7, false)));

        assert_eq!(receiver.dropped(), 3);
        assert_eq!(numbers(&mut receiver), of("a", &[4, 5, 6, 7]));
    }

    #[test]
    fn without_a_key_frame_in_it_nothing_more_of_the_track_is_taken_until_one_comes() {
        let (sender, mut receiver) = items(3);
        sender.push(packet("a", Format::Vp8, 1, true));
        sender.push(packet("a", Format::Vp8, 2, false));
        sender.push(packet("b", Format::Opus, 1, true));

        assert!(sender.push(packet("a", Format::Vp8, 3, false)), "a key frame is needed");
        assert!(sender.push(packet("a", Format::Vp8, 4, false)), "still");
        assert!(!sender.push(packet("a", Format::Vp8, 5, true)));
        assert!(!sender.push(packet("a", Format::Vp8, 6, false)));

        assert_eq!(receiver.dropped(), 4);
        assert_eq!(numbers(&mut receiver), [of("b", &[1]), of("a", &[5, 6])].concat());
    }

    #[test]
    fn of_sound_the_oldest_is_left_out_and_notices_never_are() {
        let (sender, mut receiver) = items(3);
        sender.push(InsideItem::TrackGone { sid: "x".into() });
        for number in 1..=5 {
            assert!(!sender.push(packet("a", Format::Opus, number, true)));
        }

        assert_eq!(receiver.try_recv(), Some(InsideItem::TrackGone { sid: "x".into() }));
        assert_eq!(numbers(&mut receiver), of("a", &[4, 5]));
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
