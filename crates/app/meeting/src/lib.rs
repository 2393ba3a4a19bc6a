//! The application: one actor per room, who owns which, and the use cases that the HTTP API and the gateway share.
//!
//! [`Meetings`] is a cheap handle; every meeting behind it is a task that owns one [`room::Room`]. A task commits what
//! changed to the journal before it tells anybody, so a process that dies takes nothing with it that was announced.

mod activities;
mod actor;
mod api_rooms;
mod breakouts;
mod courier;
mod errand;
mod file_type;
mod inbox;
mod late;
mod media_hooks;
mod media_rooms;
mod meetings;
mod moderate;
pub mod origin;
mod outside;
mod outside_media;
mod presences;
mod relays;
mod seeing_out;
mod shelf;
mod socket;
mod tokens;
mod turns;
mod uploads;
mod waiting;
mod words;

pub use activities::ActivityError;
pub use breakouts::{BreakoutError, Settle};
pub use courier::{Courier, WebhookRules, Webhooks};
pub use media_hooks::MediaHooks;
pub use meetings::{
    Access, AccessError, ActiveRoom, Activity, CreateError, EndError, HealthError, JoinError, MediaAdmission, Meetings,
    NotShown, Setup, Unavailable, VerifiedJoin, WaitingError,
};
pub use moderate::{ModerateError, MuteRefusal};
pub use outside::{BroadcastError, ReportError};
pub use relays::{DirectWays, MakeLogin, MediaWay, Relays};
pub use room::{
    AdmitRefusal, Announcement, Audience, AuthorizeRefusal, BlockedPerson, BreakoutRefusal, BroadcastRefusal,
    ClientSubject, ConnId, CoreMessage, Delivery, Device, EndReason, Farewell, FileRefusal, Forwarded, Guests,
    LockService, MediaStep, MediaUrl, Moderation, ModerationRefusal, NoMediaUrl, OptionReport, PersonView, Phase,
    PlayerRefusal, PollAsk, PollRefusal, PollReport, PollVote, ProlongRefusal, RecorderReport, Route, Whom,
};
pub use shelf::{
    ArtifactRefusal, EditRefusal, MergeRefusal, OpenFile, OpenRefusal, Shelf, ShelfError, ShelfRules,
    artifact_metadata, recording_metadata,
};
pub use socket::{Down, Inlet, OpenError, SocketLink, Word};
pub use tokens::Credentials;
pub use uploads::{Chunk, OpenUpload, StoredFile, UploadPathError, UploadRefusal, UploadRules, Uploads};
