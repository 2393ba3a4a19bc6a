//! The media plane: our own SFU behind [`ports::media::MediaPlane`].
//!
//! A shard is one thread that owns its sockets, its rooms and every connection of theirs; nothing in it waits,
//! locks or runs on the async runtime. The runtime's side ([`start`] gives it) only passes orders and signalling bytes
//! through queues. All shards share one UDP port; a room lives on one of them as long as it is there.

mod budget;
mod config;
mod control;
mod convert;
mod engine;
mod forward;
mod neighbours;
mod outputs;
mod plane;
mod registry;
mod session;
mod socket;
mod stun;
mod thread;
mod timers;
mod traffic;

pub use config::MediaConfig;
pub use engine::{Datagram, Engine};
pub use plane::{Plane, start};
pub use socket::KERNEL_BUFFER;
