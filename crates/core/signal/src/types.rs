//! What crosses the border of the machine.

use crate::incoming::JoinRequest;
use bytes::Bytes;
use model::Identity;
use model::media::{MediaPermission, ParticipantKind, Source};
use std::collections::BTreeMap;
use std::time::Instant;

/// The current time, passed in with every call.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines.
    pub at: Instant,
    /// Microseconds since the Unix epoch, for time stamps shown to clients.
    pub unix_micros: u64,
}

impl Now {
    pub(crate) fn unix_millis(self) -> i64 {
        i64::try_from(self.unix_micros / 1000).unwrap_or(i64::MAX)
    }
}

/// A participant's session; given by the owner of the machine, unique in the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(pub u64);

/// A published track; unique in the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackKey(pub u64);

/// Sound or pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

/// What may be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Sound.
    Opus,
    /// Pictures, the default.
    Vp8,
    /// Pictures.
    H264,
    /// Pictures, several layers in one stream.
    Vp9,
    /// Pictures, several layers in one stream.
    Av1,
}

impl Codec {
    /// Every codec, those of pictures best supported first.
    pub const ALL: [Self; 5] = [Self::Vp8, Self::H264, Self::Vp9, Self::Av1, Self::Opus];

    /// As the signalling protocol writes it.
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Opus => "audio/opus",
            Self::Vp8 => "video/VP8",
            Self::H264 => "video/H264",
            Self::Vp9 => "video/VP9",
            Self::Av1 => "video/AV1",
        }
    }

    /// A codec of pictures by its name, with or without `video/` before it, in any case.
    pub(crate) fn of_pictures(name: &str) -> Option<Self> {
        let subtype = |mime: &'static str| mime.strip_prefix("video/");
        let name =
            name.get(..6).filter(|head| head.eq_ignore_ascii_case("video/")).map_or(name, |head| &name[head.len()..]);
        Self::ALL.into_iter().find(|codec| subtype(codec.mime()).is_some_and(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Whether an encoder puts all layers into one stream unless it is told otherwise.
    pub(crate) const fn is_scalable(self) -> bool {
        matches!(self, Self::Vp9 | Self::Av1)
    }
}

/// Somebody joins or resumes.
#[derive(Debug, Clone)]
pub struct Connect {
    /// The key of the session if a new one comes of it.
    pub key: PeerKey,
    /// Who.
    pub identity: Identity,
    /// Display name.
    pub name: String,
    /// Participant metadata.
    pub metadata: String,
    /// Participant attributes of the token.
    pub attributes: BTreeMap<String, String>,
    /// Rights.
    pub permission: MediaPermission,
    /// Two peer connections instead of one (section 7.1).
    pub dual: bool,
    /// Relays the client is told of.
    pub relays: Vec<Relay>,
    /// The client is to use nothing else.
    pub relay_only: bool,
    /// What they are, as clients are told.
    pub kind: ParticipantKind,
    /// What kind of that kind (`livekit.ParticipantInfo.KindDetail`).
    pub kind_details: Vec<i32>,
    /// What the client says about itself.
    pub request: JoinRequest,
}

/// A relay (TURN) and a login there.
#[derive(Clone, PartialEq, Eq)]
pub struct Relay {
    /// Where it is.
    pub urls: Vec<String>,
    /// Name of the login.
    pub username: String,
    /// Its password.
    pub credential: String,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// What became of a [`Connect`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connected {
    /// A new session under the given key.
    New,
    /// The session of that key goes on with the new signalling socket; the old one is to be closed.
    Resumed(PeerKey),
    /// Nothing to resume: send this (`leave`) and close the socket.
    Refused(Bytes),
    /// The client asked to see how that is: close the socket and say nothing. The session is as it was.
    CutOff,
}

/// Why a [`Connect`] was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The join request does not decode or breaks a limit (section 11.3).
    #[error("the join request is malformed")]
    Malformed,
}

/// A section of a client's offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedSection {
    /// `a=mid`
    pub mid: String,
    /// Sound or pictures.
    pub kind: Kind,
    /// The client sends.
    pub sends: bool,
    /// The client would receive.
    pub receives: bool,
    /// Track half of `a=msid`.
    pub track: String,
}

/// What to answer for the sending half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpPlan {
    /// To be encoded with.
    pub codec: Codec,
    /// Two channels.
    pub stereo: bool,
    /// May pause in silence.
    pub dtx: bool,
    /// Repeats what was said before.
    pub red: bool,
}

/// What to put on the receiving half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownPlan {
    /// `PA_…|TR_…`
    pub stream: String,
    /// `TR_…`
    pub track: String,
    /// `PA_…`
    pub cname: String,
    /// Two channels.
    pub stereo: bool,
}

/// One section of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionPlan {
    /// `a=mid`
    pub mid: String,
    /// Sending half.
    pub up: Option<UpPlan>,
    /// Receiving half.
    pub down: Option<DownPlan>,
}

/// One change of a connection that we offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferChange {
    /// Put a track on the section, or on a new one.
    Activate { mid: Option<String>, kind: Kind, down: DownPlan },
    /// Take it off.
    Deactivate { mid: String },
}

/// A simulcast layer as announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// 0 low, 1 medium, 2 high.
    pub quality: u8,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The most it is to take, bits per second; 0 if that was not said.
    pub bitrate: u32,
}

/// How a subscriber wants a track (section 9.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Nothing for now.
    pub disabled: bool,
    /// 0 low, 1 medium, 2 high; counts when no size is given.
    pub quality: u8,
    /// Pixels, 0 unknown.
    pub width: u32,
    /// Pixels, 0 unknown.
    pub height: u32,
    /// Frames per second, 0 any.
    pub fps: u32,
    /// Who comes first when bandwidth is short, 0 as usual.
    pub priority: u8,
}

/// Why something that a client sent was thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// More messages, or bytes of them, than a client in its senses has to say: it starts over.
    SignalFlood,
    /// A data message of somebody who may not send such.
    DataForbidden,
    /// A data message beyond the longest.
    DataTooLong,
    /// More data messages, or bytes of them, than are passed on.
    DataFlood,
    /// What is no data message.
    DataGarbage,
    /// Trouble to be simulated that we know nothing of.
    Simulation,
}

impl Dropped {
    /// As it is counted.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignalFlood => "signal_flood",
            Self::DataForbidden => "data_forbidden",
            Self::DataTooLong => "data_too_long",
            Self::DataFlood => "data_flood",
            Self::DataGarbage => "data_garbage",
            Self::Simulation => "simulation",
        }
    }
}

/// How a client wants its media to travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// As is best.
    Udp,
    /// Not over UDP.
    Tcp,
    /// Over a relay, by TLS if that has it.
    Tls,
}

/// Why somebody is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveReason {
    /// By a moderator.
    Removed,
    /// Same identity elsewhere.
    Duplicate,
    /// Gone from the meeting.
    Left,
}

/// Which track to mute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackChoice {
    /// By sid.
    Sid(String),
    /// All of that source.
    Source(Source),
}

/// Why a track was not muted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MuteError {
    /// Nobody there.
    #[error("no such participant")]
    NoParticipant,
    /// No such track.
    #[error("no such track")]
    NoTrack,
    /// Others cannot be unmuted.
    #[error("only the owner can unmute a track")]
    UnmuteRefused,
}

/// What the meeting learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// Media flows for the first time.
    Joined,
    /// Gone.
    Left,
    /// Gone before any media flowed.
    Aborted,
    /// Track is out.
    Published { sid: String, source: Source },
    /// Track is gone.
    Unpublished { sid: String, source: Source },
    /// Track was muted or unmuted.
    Muted { sid: String, source: Source, muted: bool },
}

/// What it was about, for those who are told of it from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The participant as others see it, an encoded `livekit.ParticipantInfo`.
    pub participant: Bytes,
    /// The track, an encoded `livekit.TrackInfo`; empty if it was about none.
    pub track: Bytes,
}

/// What the owner of the machine has to do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send a `SignalResponse`.
    Send { to: PeerKey, message: Bytes },
    /// Close the signalling socket after what was sent so far.
    CloseLink { to: PeerKey },
    /// Read this offer on the client's connection, ask [`crate::MediaRoom::plan`], answer, and report with
    /// [`crate::MediaRoom::answered`].
    ClientOffer { peer: PeerKey, sdp: String },
    /// Make an offer on the connection that we offer and report with [`crate::MediaRoom::offered`].
    MakeOffer { peer: PeerKey, changes: Vec<OfferChange>, ice_restart: bool },
    /// Our last offer may or may not have reached the client. If its `offer` is the one, take its `answer`, else take the
    /// offer back, as without either; report with [`crate::MediaRoom::offer_settled`].
    SettleOffer { peer: PeerKey, known: Option<(String, String)> },
    /// Take the client's answer and report with [`crate::MediaRoom::answer_taken`].
    ClientAnswer { peer: PeerKey, sdp: String },
    /// Give the client a token that says this.
    Renew {
        to: PeerKey,
        name: String,
        metadata: String,
        attributes: BTreeMap<String, String>,
        permission: MediaPermission,
    },
    /// Send a data message of a participant, or of an application, on a channel.
    Data { to: PeerKey, from: Option<PeerKey>, reliable: bool, message: Bytes },
    /// Packets of that section of the owner's are this track's from now on.
    Published {
        track: TrackKey,
        owner: PeerKey,
        mid: String,
        kind: Kind,
        codec: Codec,
        layers: Vec<Layer>,
        /// Which quality each rid stands for, as far as the publisher said so.
        rids: Vec<(String, u8)>,
        screen: bool,
        muted: bool,
    },
    /// The track comes in another codec too, on that section of its owner's. Who takes no other gets this one.
    CodecPublished { track: TrackKey, mid: String, codec: Codec, layers: Vec<Layer>, rids: Vec<(String, u8)> },
    /// The track does not come in that codec any more.
    CodecUnpublished { track: TrackKey, codec: Codec },
    /// Whoever takes that codec gets the track in it.
    Prefer { track: TrackKey, codec: Codec },
    /// The publisher's layers of one codec have other sizes now.
    Layers { track: TrackKey, codec: Codec, layers: Vec<Layer> },
    /// The track is gone.
    Unpublished { track: TrackKey },
    /// Forward nothing of a muted track.
    Muted { track: TrackKey, muted: bool },
    /// Forward the track to that section of the subscriber's. If it takes none of the track's codecs, call
    /// [`crate::MediaRoom::codec_missing`].
    Bind { peer: PeerKey, mid: String, track: TrackKey, settings: Settings },
    /// Forward nothing to that section any more.
    Unbind { peer: PeerKey, mid: String },
    /// The subscriber wants the track differently.
    Settings { peer: PeerKey, track: TrackKey, settings: Settings },
    /// Send the client no more than so many bits per second, or again what its way carries.
    Narrow { peer: PeerKey, bits: Option<u64> },
    /// From its next description on the client's media travel like that.
    Switch { peer: PeerKey, protocol: Protocol },
    /// The session is over: drop its connections and its key.
    Gone { peer: PeerKey },
    /// Tell the meeting.
    Event { identity: Identity, kind: EventKind, about: About },
}
