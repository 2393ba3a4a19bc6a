//! Participants inside the process: what records, dials out or speaks for somebody takes part in a room without a peer
//! connection. It gets the encoded frames of the tracks it chooses and sends frames of its own.

mod queue;

pub use queue::{ItemReceiver, ItemSender, items};

use bytes::Bytes;
use model::media::{MediaPermission, Source};
use model::{Identity, RoomId, SessionId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;

/// Most frames that wait for an insider: two seconds of some lively cameras.
pub const INSIDE_QUEUE: usize = 2048;

/// Most notices that wait for an insider; one that reads none of so many is put out. A large meeting comes with some thousand.
pub const INSIDE_NOTICES: usize = 16 * 1024;

/// Most bytes of frames that wait for an insider: the same, of large pictures.
pub const INSIDE_BYTES: usize = 16 * 1024 * 1024;

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
    /// The meeting's session. An insider ends no room: if that of another session is there, it is refused
    /// ([`ConnectError::Taken`](super::ConnectError::Taken)).
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

/// How a track is encoded, and with that what a frame of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Sound at 48 kHz, an Opus packet each.
    Opus,
    /// The same on the way in; on the way out each packet repeats the one before it (RFC 2198). Nobody gets frames of it: they
    /// are unpacked to [`Format::Opus`].
    Red,
    /// Pictures at 90 kHz, as a decoder takes them.
    Vp8,
    /// Pictures at 90 kHz; one of several spatial layers comes with the superframe index (annex B of the bitstream).
    Vp9,
    /// Temporal units at 90 kHz: open bitstream units with their sizes, without a temporal delimiter.
    Av1,
    /// Access units at 90 kHz with start codes (H.264 annex B); a key frame has its parameter sets in front.
    H264,
}

impl Format {
    /// Sound, whichever way it travels.
    pub const fn is_sound(self) -> bool {
        matches!(self, Self::Opus | Self::Red)
    }
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
        /// Sound in two channels; without it clients play one.
        stereo: bool,
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
    /// Send a frame of it. One that is none of its format, or too large, is left out and counted
    /// (`media_inside_frames_refused_total`); so are packets beyond what one participant may send (`media_drops_total`, `excess`).
    Send {
        /// Its name.
        name: String,
        /// The frame.
        frame: SentFrame,
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

/// A frame to send; its [`Format`] says what that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentFrame {
    /// In the clock of the format.
    pub timestamp: u32,
    /// When the content was captured, in our clock: by that the tracks of an insider are played and recorded in step. `None`: as
    /// it is sent. What is later than that means the same.
    pub captured: Option<Instant>,
    /// Loudness in −dBov, 0 to 127, of sound.
    pub audio_level: Option<u8>,
    /// The frame, at most 2 MiB.
    pub data: Bytes,
}

/// A frame of a track an insider gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapFrame {
    /// Sid of the track.
    pub sid: Arc<str>,
    /// How it is encoded; may change with a key frame, if the publisher goes over to another codec.
    pub format: Format,
    /// In the clock of the format; continuous across changes of layer. It begins anew wherever [`InsideItem::Receiving`] does.
    pub timestamp: u32,
    /// When the content was captured, in our clock.
    pub captured: Instant,
    /// A decoder may begin here. Always true of sound.
    pub key_frame: bool,
    /// Something before it is missing: it was lost on the way here, waited too long for the insider, or the insider did not
    /// receive the track meanwhile. A picture after a loss is a key frame; the ones in between are left out.
    pub after_loss: bool,
    /// By how many degrees, 0, 90, 180 or 270, a picture is to be turned clockwise to stand upright: cameras of phones say so
    /// instead of turning it.
    pub rotation: u16,
    /// Loudness in −dBov, 0 (loudest) to 127, of sound whose publisher says it; not of what was repaired.
    pub audio_level: Option<u8>,
    /// The frame.
    pub data: Bytes,
}

/// What an insider is told, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum InsideItem {
    /// A frame of a track it subscribed to.
    Frame(TapFrame),
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
        /// What its publisher calls it.
        name: String,
        /// How it is encoded first of all; `None`: as nobody here knows.
        format: Option<Format>,
        /// Pixels of its largest pictures as its publisher says, width and height; 0 of sound, and where nothing is said.
        size: (u32, u32),
        /// Silent for now.
        muted: bool,
        /// Encrypted end to end: of use to nobody without the key. Whoever subscribes all the same gets what the publisher
        /// encrypted, as it is; a picture of which not even the beginning can be read is left out.
        encrypted: bool,
    },
    /// A track of somebody's is gone.
    TrackGone {
        /// Its sid.
        sid: String,
    },
    /// Somebody else speaks of whom it receives anything, or is silent again, also because they are gone: what recordings show of
    /// many. Of changes it does not read in time only the last is told.
    Speaking {
        /// Who.
        owner: String,
        /// How loud, from 0 (silent) to 1.
        level: f32,
    },
    /// Frames of a track come from now on, or do not. What it subscribed to and may not have now (its rights, the publisher's
    /// audience, more tracks than one may receive) comes by itself when it may.
    Receiving {
        /// Its sid.
        sid: String,
        /// They come.
        yes: bool,
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
        /// Why.
        why: InsideRefusal,
    },
    /// A track of its own was taken away.
    Unpublished {
        /// Its sid.
        sid: String,
    },
    /// A track of its own was muted by a moderator, and is from now on: nothing of it is forwarded before the insider unmutes it.
    /// That it was told is confirmed for it.
    Muted {
        /// Its sid.
        sid: String,
        /// Silent from now on.
        muted: bool,
    },
    /// Whether anybody gets the pictures of a track of its own. Before the first word somebody might.
    Wanted {
        /// Its name.
        name: String,
        /// Somebody does.
        yes: bool,
    },
    /// Somebody needs a key frame of a track of its own; said once however many do before it is read.
    KeyFrameWanted {
        /// Its name.
        name: String,
    },
    /// It is out; nothing follows.
    Left(InsideEnd),
}

/// Why an insider may not publish a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsideRefusal {
    /// Its rights do not cover the source.
    NotAllowed,
    /// It publishes as many as anybody may, or too many in a short time.
    TooMany,
    /// The request is none that can be carried out: its name is too long, for instance.
    Unusable,
}

/// Why an insider is out, and with that whether it may enter again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsideEnd {
    /// The room is closed: its meeting is over, or another one has its name.
    Over,
    /// It was put out, by a moderator or the server API for instance.
    Removed,
    /// Somebody entered under its identity.
    Replaced,
    /// What it was in cannot go on, it did not read what it was told, or the server stops; it may enter again.
    StartOver,
}

/// The two ends an insider holds. Dropping `orders` is leaving.
#[derive(Debug)]
pub struct Insider {
    /// What it wants.
    pub orders: mpsc::Sender<InsideOrder>,
    /// What it is told.
    pub items: ItemReceiver,
}
