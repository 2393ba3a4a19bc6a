//! The words of the house as types: ids, roles, rules, locks and the one table that says who may do what.
//!
//! No crate below this one, no I/O, no clock, no protobuf. Whatever crosses a crate border and is not a wire message is
//! defined here.

pub mod address;
mod ids;
pub mod media;
pub mod policy;
mod redact;
mod shares;

pub use ids::{IdError, Identity, IdentityError, NATIVE_SUFFIX, RoomId, SessionId, UserId};
pub use redact::Redacted;
pub use shares::{Share, Shares, network};
