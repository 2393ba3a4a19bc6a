//! The application: one actor per room, who owns which, and the use cases that the HTTP API and the gateway share.
//!
//! [`Meetings`] is a cheap handle; every meeting behind it is a task that owns one [`room::Room`]. A task commits what
//! changed to the journal before it tells anybody, so a process that dies takes nothing with it that was announced.

mod activities;
mod actor;
mod breakouts;
mod courier;
mod inbox;
mod meetings;
pub mod origin;
mod shelf;
mod socket;
mod tokens;

pub use activities::ActivityError;
pub use breakouts::{BreakoutError, Settle};
pub use courier::{Courier, WebhookRules, Webhooks};
pub use meetings::{
    Access, AccessError, ActiveRoom, Activity, CreateError, EndError, HealthError, JoinError, MediaAdmission, Meetings,
    NotShown, Setup, Unavailable, VerifiedJoin, WaitingError,
};
pub use room::{
    AdmitRefusal, AuthorizeRefusal, BreakoutRefusal, ClientSubject, ConnId, CoreMessage, Delivery, EndReason, Farewell,
    Guests, MediaUrl, NoMediaUrl, PersonView, Phase, PlayerRefusal, PollAsk, PollRefusal, ProlongRefusal, Route,
};
pub use shelf::{
    ArtifactRefusal, EditRefusal, MergeRefusal, OpenFile, OpenRefusal, Shelf, ShelfError, ShelfRules,
    artifact_metadata, recording_metadata,
};
pub use socket::{Down, Inlet, OpenError, SocketLink, Word};
pub use tokens::Credentials;
