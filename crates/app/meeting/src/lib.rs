//! The application: one actor per room, who owns which, and the use cases that the HTTP API and the gateway share.
//!
//! [`Meetings`] is a cheap handle; every meeting behind it is a task that owns one [`room::Room`]. A task commits what
//! changed to the journal before it tells anybody, so a process that dies takes nothing with it that was announced.

mod actor;
mod inbox;
mod meetings;
mod socket;
mod tokens;

pub use meetings::{
    Access, AccessError, ActiveRoom, Activity, CreateError, EndError, JoinError, MediaAdmission, Meetings, Setup,
    VerifiedJoin, WaitingError,
};
pub use room::{
    AdmitRefusal, AuthorizeRefusal, ClientSubject, ConnId, CoreMessage, Delivery, EndReason, Farewell, Guests, Phase,
    Route,
};
pub use socket::{Down, Inlet, OpenError, SocketLink, Word};
pub use tokens::Credentials;
