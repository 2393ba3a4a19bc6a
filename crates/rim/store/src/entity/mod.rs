//! The tables as types. Every engine shares them; what differs between engines is in `migration` and in `sqlite` and `server`.

pub(crate) mod artifact;
pub(crate) mod ledger;
pub(crate) mod live_state;
pub(crate) mod notice;
pub(crate) mod presence;
pub(crate) mod recording;
pub(crate) mod session;
