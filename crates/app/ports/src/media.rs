//! The control port of the media plane. `rim/media` implements it with our own SFU, `media-livekit` will over a cluster.
//!
//! Signalling messages are LiveKit protobuf and cross this border encoded, so that the application does not know them.

pub mod inside;
pub mod report;

use async_trait::async_trait;
use bytes::Bytes;
use inside::{InsideJoin, Insider};
use model::media::{MediaPermission, ParticipantChange, ParticipantKind, Source, Trouble};
use model::{Identity, RoomId, SessionId};
use report::{Page, RoomReport, RoomSummary};
use std::collections::BTreeMap;
use std::fmt;
use tokio::sync::mpsc;

/// How many encoded messages wait between a signalling socket and its media session, in either direction. A socket
/// that lets more pile up is closed; its client resumes.
pub const SIGNAL_QUEUE: usize = 256;

/// How somebody uses the peer connections (media-protocol.md section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// One connection, always offered by the client (`/rtc/v1`).
    Single,
    /// One to publish, offered by the client, and one to subscribe, offered by us (`/rtc`).
    Dual,
}

/// A relay a client may use (TURN).
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// Where it is (RFC 7065).
    pub urls: Vec<String>,
    /// Login there; ends by itself.
    pub username: String,
    /// Its password.
    pub credential: String,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Somebody whose token was checked wants to join or resume.
#[derive(Debug, Clone)]
pub struct MediaJoin {
    /// The room; it is made if it does not exist.
    pub room: RoomId,
    /// The meeting's session, shown to nobody; a media room never outlives it.
    pub session: SessionId,
    /// Who joins. Somebody there under the same identity is replaced.
    pub identity: Identity,
    /// Display name.
    pub name: String,
    /// Participant metadata, opaque.
    pub metadata: String,
    /// Participant attributes from the token; those of the join request are merged over them.
    pub attributes: BTreeMap<String, String>,
    /// Rights at this moment; later changes come through [`MediaPlane::set_permission`].
    pub permission: MediaPermission,
    /// `livekit.JoinRequest`, encoded; the gateway builds one from the query of older clients. Its `reconnect` and
    /// `participant_sid` say whether this is a resume.
    pub request: Bytes,
    /// How the client uses its connections.
    pub topology: Topology,
    /// Relays the client is told of.
    pub relays: Vec<IceServer>,
    /// The client uses nothing but relays.
    pub relay_only: bool,
    /// What they are, as clients are told.
    pub kind: ParticipantKind,
    /// What kind of that kind (`livekit.ParticipantInfo.KindDetail`).
    pub kind_details: Vec<i32>,
}

impl MediaJoin {
    /// Whether a room that is full has a place for them all the same: nobody sees them, or they serve others.
    pub const fn takes_no_place(&self) -> bool {
        self.permission.hidden || self.kind.is_servant()
    }
}

/// What a media session tells its signalling socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalDown {
    /// One encoded `livekit.SignalResponse`.
    Message(Bytes),
    /// Give the client a token that says this from now on.
    Renew(Box<Renewed>),
    /// Close the socket after what was sent so far.
    Close,
}

/// What the next token of somebody says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// Display name.
    pub name: String,
    /// Participant metadata, opaque.
    pub metadata: String,
    /// All participant attributes.
    pub attributes: BTreeMap<String, String>,
    /// What they may do now.
    pub permission: MediaPermission,
}

/// The two ends a signalling socket holds. Dropping `up` says that the socket is gone, not that the participant left.
#[derive(Debug)]
pub struct SignalLink {
    /// Encoded `livekit.SignalRequest`s to the session.
    pub up: mpsc::Sender<Bytes>,
    /// What to send to the client.
    pub down: mpsc::Receiver<SignalDown>,
}

/// Why a join was refused before anything happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The join request does not decode or breaks a limit.
    #[error("the join request is malformed")]
    Malformed,
    /// Limits or shutdown: try again later.
    #[error("the media plane takes no new sessions now")]
    Unavailable,
    /// There is no time for one more: try again later.
    #[error("the media plane is full")]
    Full,
    /// As many are in the room as it takes.
    #[error("the room is full")]
    NoPlace,
    /// A meeting has the room's name, and whoever comes without a meeting ends none: look up again whose room it is. Insiders
    /// end no room at all, so that to them it may be anybody's.
    #[error("a meeting has the name of the room")]
    Taken,
}

/// Why somebody is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveReason {
    /// By a moderator or the API.
    Removed,
    /// Somebody joined under the same identity elsewhere.
    Duplicate,
    /// The person is gone from the meeting for good.
    Left,
}

/// Whether somebody is in a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// With these rights.
    In(MediaPermission),
    /// They left or were sent out.
    Out {
        /// Since when, unix seconds; whoever came to the media room later is none of the meeting's doing.
        since: i64,
    },
    /// They may come and have not.
    Neither,
}

/// Somebody of a meeting that an earlier process held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredPerson {
    /// Who.
    pub who: Identity,
    /// Whether they were in it.
    pub standing: Standing,
    /// What LiveKit's server API said of them, one call laid over the other; see [`MediaPlane::word`].
    pub said: Option<ParticipantChange>,
}

/// Why a track could not be muted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MuteError {
    /// Nobody of that identity is connected.
    #[error("no such participant")]
    NoParticipant,
    /// The participant publishes no such track.
    #[error("no such track")]
    NoTrack,
    /// Others cannot be unmuted.
    #[error("only the owner can unmute a track")]
    UnmuteRefused,
    /// The media plane does not answer. The track, as it is now, is muted as soon as it does, within a minute.
    #[error("the media server does not answer")]
    Unanswered,
}

/// Which track to mute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackChoice {
    /// By its sid.
    Sid(String),
    /// All of that source.
    Source(Source),
}

/// What the meeting learns from the media plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaEvent {
    /// Where.
    pub room: RoomId,
    /// In which session.
    pub session: SessionId,
    /// Who; nobody if it is about the room alone.
    pub identity: Option<Identity>,
    /// What happened.
    pub kind: MediaEventKind,
    /// The participant as others see it then, an encoded `livekit.ParticipantInfo`; empty if that is lost.
    pub participant: Bytes,
    /// The media room then, an encoded `livekit.Room`; empty if that is lost.
    pub about_room: Bytes,
    /// The track it is about, an encoded `livekit.TrackInfo`; empty if it is about none.
    pub track: Bytes,
}

/// What happened to a participant or a room on the media plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEventKind {
    /// The room is there.
    Opened,
    /// The room is gone.
    Closed,
    /// Media flows for the first time.
    Joined,
    /// Gone: left, timed out, removed or replaced.
    Left,
    /// Gone before any media flowed.
    Aborted,
    /// A track was published.
    Published { sid: String, source: Source },
    /// A track is gone.
    Unpublished { sid: String, source: Source },
    /// A track was muted or unmuted.
    Muted { sid: String, source: Source, muted: bool },
    /// Somebody spoke, for so many milliseconds; told when they stop.
    Spoke { millis: u32 },
    /// Something was wrong with somebody's connection; told when it is over.
    Troubled(Trouble),
}

/// The media plane as the application drives it. The calls without an answer are orders: they are carried out in the
/// order given and do not fail; naming somebody who is not there changes nothing. What is said of a person holds for their native
/// twin as well ([`Identity::twin`]).
#[async_trait]
pub trait MediaPlane: Send + Sync + 'static {
    /// Joins or resumes. The first message on the link is the answer to the client (`join`, `reconnect` or `leave`).
    async fn connect(&self, join: MediaJoin) -> Result<SignalLink, ConnectError>;

    /// Why a join would be refused now, if it would, for clients that cannot see why theirs was. A plane that does not know
    /// says that it would not.
    async fn refusal(&self, _join: &MediaJoin) -> Option<ConnectError> {
        None
    }

    /// Replaces somebody's rights at once: takes away tracks no longer allowed, parks or restores subscriptions.
    fn set_permission(&self, room: &RoomId, who: &Identity, permission: MediaPermission);

    /// Says what somebody's rights in their meeting are, before a change of them that comes from elsewhere; changes nothing
    /// by itself. Nothing to a plane that keeps them.
    fn note_permission(&self, _room: &RoomId, _who: &Identity, _permission: MediaPermission) {}

    /// Takes somebody out.
    fn remove(&self, room: &RoomId, who: &Identity, why: RemoveReason);

    /// Closes a room and takes everybody out.
    fn close_room(&self, room: &RoomId);

    /// A room is to be opened again: waits a few seconds for a close that was ordered before. One that was not carried out by
    /// then takes out only those who were there when it was ordered. Whether the room is closed. A plane that carries out
    /// orders in their order has nothing to wait for.
    async fn settle(&self, _room: &RoomId) -> bool {
        true
    }

    /// A meeting goes on that an earlier process held, whose last orders may be lost: everybody it knows. Comes before any
    /// other order about the room. Nothing to a plane whose rooms go with the process.
    fn restore(&self, _room: &RoomId, _people: Vec<RestoredPerson>) {}

    /// A meeting is over since `at`, unix seconds, by an earlier process, whose order to close the room may be lost: whoever
    /// came to it before goes. A meeting that has the room since is told of first ([`Self::restore`]). Nothing to a plane whose
    /// rooms go with the process.
    fn restore_end(&self, _room: &RoomId, _at: i64) {}

    /// What the server API said of somebody in a meeting, if that is to hold when this process is no more. Nothing to a plane
    /// whose rooms go with the process.
    fn word(&self, _room: &RoomId, _who: &Identity) -> Option<ParticipantChange> {
        None
    }

    /// Mutes a track of somebody's; unmuting others is refused.
    async fn mute(&self, room: &RoomId, who: &Identity, track: TrackChoice, muted: bool) -> Result<(), MuteError>;

    /// Who is connected, each an encoded `livekit.ParticipantInfo`, hidden participants left out.
    async fn participants(&self, room: &RoomId) -> Vec<Bytes>;

    /// Lets somebody inside the process take part. A plane outside the process has no room for them.
    ///
    /// # Errors
    /// The plane takes no new sessions now, the room is full, or the room of that name is another session's.
    async fn enter(&self, _join: InsideJoin) -> Result<Insider, ConnectError> {
        Err(ConnectError::Unavailable)
    }

    /// The rooms that exist now, for whoever operates the server. A plane that does not know says none.
    async fn rooms(&self) -> Vec<RoomSummary> {
        Vec::new()
    }

    /// Everything that can be told of the media of a page of a room's participants, for whoever operates the server; `None` if
    /// there is no such room.
    async fn report(&self, _room: &RoomId, _page: Page) -> Option<RoomReport> {
        None
    }

    /// Whether the media plane works. Once our own does not, only a restart of the process helps; another server may come
    /// back.
    fn is_alive(&self) -> bool;

    /// Tells every client to come back in a moment, stops taking new ones, and closes what rooms this process has: when it
    /// returns, everything that is to be told of them is told. For a graceful stop.
    async fn drain(&self);

    /// Waits a few seconds at most for what was ordered to be carried out. For the end of a graceful stop, when nobody orders
    /// anything any more. A plane whose rooms go with the process has nothing to wait for.
    async fn finish(&self) {}
}
