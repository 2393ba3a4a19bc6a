//! What LiveKit's server API asks of the media plane (media-protocol.md section 19.2): rooms, and those in them, as the
//! media plane knows them. Messages cross this border encoded, as in [`crate::media`].

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
pub use model::media::{DataMessage, ParticipantChange};
use model::{Identity, RoomId, SessionId};

/// The session of every media room that belongs to no meeting. Those of meetings are UUIDs.
pub const FREE_SESSION: &str = "livekit";

/// What the API sets of a room; `None` leaves it, or takes the default in a new one. Times and size of a meeting's room are
/// the meeting's and stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoomSettings {
    /// How long it stays if nobody comes; by default 300 seconds.
    pub empty_timeout: Option<Duration>,
    /// How long it stays after the last one left; by default 20 seconds.
    pub departure_timeout: Option<Duration>,
    /// Most participants, hidden ones not counted; by default any number, which is 0.
    pub max_participants: Option<u32>,
    /// Opaque, at most 512 KiB.
    pub metadata: Option<String>,
    /// Receivers play sound and pictures of one publisher in step; by default each as soon as it comes.
    pub sync_streams: Option<bool>,
    /// For how long receivers keep pictures before they show them, at least and at most; by default as they think best.
    pub playout_delay: Option<(Duration, Duration)>,
    /// A room that is there stays as it is.
    pub only_new: bool,
}

/// Why nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no such room.
    #[error("requested room does not exist")]
    NoRoom,
    /// Nobody of that identity is there.
    #[error("participant does not exist")]
    NoParticipant,
    /// There is no such track.
    #[error("track is not found")]
    NoTrack,
    /// Only its owner can unmute a track.
    #[error("remote unmute not enabled")]
    UnmuteRefused,
    /// Beyond a limit.
    #[error("{0} exceeds limits")]
    TooLarge(&'static str),
    /// A room without a meeting was asked for and a meeting has the name: look up again whose room it is.
    #[error("a meeting has the name of the room")]
    Taken,
    /// Media runs on another LiveKit server, which says no.
    #[error("{text}")]
    Refused {
        /// A code of Twirp's, e.g. `unimplemented`; what that server says is not checked.
        code: String,
        /// What it says about it.
        text: String,
    },
    /// The media plane does not answer.
    #[error("the media server does not answer")]
    Unavailable,
}

impl ControlError {
    /// Whether what the call was about is not there.
    pub fn is_absence(&self) -> bool {
        match self {
            Self::NoRoom | Self::NoParticipant | Self::NoTrack => true,
            Self::Refused { code, .. } => code == "not_found",
            Self::UnmuteRefused | Self::TooLarge(_) | Self::Taken | Self::Unavailable => false,
        }
    }
}

/// The media plane as LiveKit's server API drives it.
#[async_trait]
pub trait MediaControl: Send + Sync + 'static {
    /// Makes a room, or changes the one that is there; one of another session only for a meeting. The answer is an encoded `livekit.Room`.
    async fn open_room(&self, room: &RoomId, session: &SessionId, set: RoomSettings) -> Result<Bytes, ControlError>;

    /// Every room, each an encoded `livekit.Room`.
    async fn rooms(&self) -> Result<Vec<Bytes>, ControlError>;

    /// Closes a room and takes everybody out.
    async fn delete_room(&self, room: &RoomId) -> Result<(), ControlError>;

    /// Changes the metadata of a room. The answer is an encoded `livekit.Room`.
    async fn set_room_metadata(&self, room: &RoomId, metadata: String) -> Result<Bytes, ControlError>;

    /// Everybody in a room, hidden ones too, each an encoded `livekit.ParticipantInfo`.
    async fn everybody(&self, room: &RoomId) -> Result<Vec<Bytes>, ControlError>;

    /// One of them.
    async fn participant(&self, room: &RoomId, who: &Identity) -> Result<Bytes, ControlError>;

    /// Takes somebody out. A plane that reads tokens itself refuses theirs made before `revoke_before`, unix seconds.
    async fn remove_participant(&self, room: &RoomId, who: &Identity, revoke_before: i64) -> Result<(), ControlError>;

    /// Mutes a track. The answer is an encoded `livekit.TrackInfo`.
    async fn mute_track(&self, room: &RoomId, who: &Identity, sid: &str, muted: bool) -> Result<Bytes, ControlError>;

    /// Changes what others see of somebody and what they may do. The answer is an encoded `livekit.ParticipantInfo`.
    async fn update_participant(
        &self,
        room: &RoomId,
        who: &Identity,
        change: ParticipantChange,
    ) -> Result<Bytes, ControlError>;

    /// Subscribes somebody to tracks, or takes them away, as if they had asked themselves.
    async fn update_subscriptions(
        &self,
        room: &RoomId,
        who: &Identity,
        sids: Vec<String>,
        subscribe: bool,
    ) -> Result<(), ControlError>;

    /// Sends a message that comes from nobody in the room.
    async fn send_data(&self, room: &RoomId, message: DataMessage) -> Result<(), ControlError>;
}
