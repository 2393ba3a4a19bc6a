//! The media plane: our own SFU behind [`ports::media::MediaPlane`].
//!
//! A shard is one thread that owns a UDP port, every connection on it and the rooms they belong to; nothing in it waits,
//! locks or runs on the async runtime. The runtime's side ([`start`] gives it) only passes orders and signalling bytes
//! through queues. There is one shard now; a session lives on one shard for life, and all shared state hangs on
//! [`Engine`], so that more of them are a matter of placement.

mod budget;
mod config;
mod control;
mod convert;
mod detour;
mod engine;
mod external;
mod fallback;
mod forward;
mod framing;
mod outputs;
mod path;
mod plane;
mod session;
mod socket;
mod streams;
mod stun;
mod thread;
mod timers;
mod traffic;
mod ways;

pub use config::{MediaConfig, TurnSettings};
pub use engine::{Datagram, Engine};
pub use external::external_addresses;
pub use plane::{Plane, Started, start};
pub use socket::KERNEL_BUFFER;
pub use streams::{Opening, StreamDoor, opening};
