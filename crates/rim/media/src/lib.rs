//! The media plane: our own SFU behind [`ports::media::MediaPlane`].
//!
//! A shard is one thread that owns its sockets, its rooms and every connection of theirs; nothing in it waits,
//! locks or runs on the async runtime. The runtime's side ([`start`] gives it) only passes orders and signalling bytes
//! through queues. All shards share one UDP port; a room lives on one of them as long as it is there.

mod arrivals;
mod backlog;
mod budget;
mod config;
mod control;
mod convert;
mod detour;
mod direct;
#[cfg(test)]
mod drops;
mod engine;
mod external;
mod fallback;
mod far;
mod forward;
mod framing;
mod inbox;
mod inside;
mod line;
mod load;
mod neighbours;
mod outputs;
mod path;
mod plane;
mod post;
mod pulse;
mod reach;
mod registry;
mod report;
mod session;
mod socket;
mod streams;
mod stun;
mod sweep;
mod tallies;
mod thread;
mod timers;
mod traffic;
mod watch;
mod ways;

pub use config::{MediaConfig, TurnSettings};
pub use direct::{Holdings, Shards};
pub use engine::{Datagram, Engine};
pub use external::external_addresses;
pub use plane::{Plane, Started, start};
pub use socket::{KERNEL_BUFFER, try_buffers, try_datagrams, try_port};
pub use streams::{Entrance, Opening, StreamDoor, opening};
