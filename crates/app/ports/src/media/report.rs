//! What the media plane looks like at a moment, for whoever operates it. No content, no secrets, no keys.

use model::media::Source;
use model::{Identity, RoomId, SessionId};
use std::net::SocketAddr;
use std::time::Duration;

/// A room in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSummary {
    /// Which.
    pub room: RoomId,
    /// The meeting's session.
    pub session: SessionId,
    /// Participants, hidden ones too.
    pub participants: usize,
    /// Published tracks.
    pub tracks: usize,
    /// Subscriptions.
    pub subscriptions: usize,
}

/// Which participants of a room are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many come before, in the order in which they came to the room.
    pub from: usize,
    /// At most so many; there are fewer where they have more than [`MOST_TRACKS`] together.
    pub most: usize,
}

impl Page {
    /// Most participants that are told of at once.
    pub const MOST: usize = 500;
}

impl Default for Page {
    fn default() -> Self {
        Self { from: 0, most: 100 }
    }
}

/// Most encodings and subscriptions that are told of at once, but for those of a single participant: it is a media thread
/// that tells, which has packets to forward.
pub const MOST_TRACKS: usize = 10_000;

/// A room with some of the people in it.
#[derive(Debug, Clone, PartialEq)]
pub struct RoomReport {
    /// Which.
    pub room: RoomId,
    /// The meeting's session.
    pub session: SessionId,
    /// Participants in the room.
    pub total: usize,
    /// How many of them come before those that are told of.
    pub from: usize,
    /// In the order in which they came.
    pub participants: Vec<ParticipantReport>,
}

impl RoomReport {
    /// Where the next page begins, if there is one.
    pub fn next(&self) -> Option<usize> {
        let end = self.from.saturating_add(self.participants.len());
        (end < self.total && !self.participants.is_empty()).then_some(end)
    }
}

/// One participant.
#[derive(Debug, Clone, PartialEq)]
pub struct ParticipantReport {
    /// Who.
    pub identity: Identity,
    /// Has a signalling socket.
    pub signalling: bool,
    /// How often the connection failed and came back.
    pub interruptions: u32,
    /// Connection quality, 0 (nothing gets through) to 100; `None` before the first window of five seconds is over.
    pub score: Option<f32>,
    /// What the way to it carries, bits per second, if the client tells.
    pub estimate: Option<u64>,
    /// Its peer connections: one, or one to send and one to receive.
    pub connections: Vec<ConnectionReport>,
    /// What it publishes.
    pub published: Vec<TrackReport>,
    /// What it receives.
    pub received: Vec<SubscriptionReport>,
}

/// How a peer connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    /// Was never up.
    Connecting,
    /// Packets flow.
    Connected,
    /// Nothing is heard any more.
    Failed,
}

/// One peer connection.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionReport {
    /// The client receives on it and sends on the other.
    pub subscriber: bool,
    /// How it stands.
    pub state: ConnectionState,
    /// What it travels by: `udp`, `tcp`, `relay`; empty while unknown.
    pub transport: &'static str,
    /// Our end.
    pub local: Option<SocketAddr>,
    /// The client's end, if it is reached directly by datagrams.
    pub remote: Option<SocketAddr>,
    /// Since the last packet of the client.
    pub silent_for: Duration,
    /// Round trip.
    pub round_trip: Option<Duration>,
    /// Share of packets to the client that were lost, 0 to 1.
    pub loss: Option<f32>,
    /// Bytes from the client since the start.
    pub bytes_in: u64,
    /// Bytes to the client since the start.
    pub bytes_out: u64,
}

/// One direction of a stream, as last reported; reports come every five seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Flow {
    /// Packets since the start.
    pub packets: u64,
    /// Bytes of them, headers left out.
    pub bytes: u64,
    /// Bits per second between the last two reports, if there were two.
    pub bits_per_second: Option<u64>,
    /// Share lost, 0 to 1.
    pub loss: Option<f32>,
    /// Jitter.
    pub jitter: Option<Duration>,
    /// Key frames asked for since the start.
    pub key_frames_asked: u64,
    /// Repetitions asked for since the start, in messages.
    pub nacks: u64,
}

/// A published track.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackReport {
    /// Its sid.
    pub sid: String,
    /// Where it comes from.
    pub source: Source,
    /// Muted by its owner.
    pub muted: bool,
    /// The highest layer anybody wants; `None` if nobody wants any.
    pub wanted: Option<u8>,
    /// Who subscribed.
    pub subscribers: usize,
    /// The codecs it comes in, the first one first; at least one.
    pub encodings: Vec<EncodingReport>,
}

/// A published track in one of its codecs.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodingReport {
    /// As `video/VP8`.
    pub codec: &'static str,
    /// Layers that send now, 0 the smallest.
    pub running: Vec<u8>,
    /// All layers come in one stream, which is reported as a whole.
    pub scalable: bool,
    /// By layer, the smallest first; sound and layers in one stream have one.
    pub flows: Vec<Flow>,
}

/// A track somebody receives.
#[derive(Debug, Clone, PartialEq)]
pub struct SubscriptionReport {
    /// Sid of the track.
    pub sid: String,
    /// Whose it is.
    pub owner: Identity,
    /// Where it comes from.
    pub source: Source,
    /// The layer it gets; `None` for sound and while nothing comes.
    pub layer: Option<u8>,
    /// The layer it is on its way to.
    pub target: Option<u8>,
    /// Withheld for want of bandwidth.
    pub paused: bool,
    /// Turned off by the subscriber.
    pub disabled: bool,
    /// Packets that wait to be sent.
    pub queued: usize,
    /// What is sent to it.
    pub flow: Flow,
}
