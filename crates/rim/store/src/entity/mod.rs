//! The tables as types. Every engine shares them; what differs between engines is in `migration` and `sqlite`.

pub(crate) mod live_state;
pub(crate) mod session;
