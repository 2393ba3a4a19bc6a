//! A TURN server (RFC 8656) that relays to our own media sockets and to nobody else.
//!
//! A client in a network that lets nothing out but TLS reaches us as its relay and, through it, our media. An allocation
//! therefore needs no port: its relayed address is one the owner makes up, and what the client sends to a peer is handed over
//! inside the process. Any other peer is refused, so that nobody reaches a network through us (`media-protocol.md` section 25,
//! H9).
//!
//! [`Server`] is a machine: messages and time in, answers and payloads out. Clients are told apart by a key the owner chooses.
//! Credentials are those of the usual shared secret ([`Secret`]): nothing is stored per user.

mod address;
mod allocation;
mod credentials;
mod message;
mod server;

pub use credentials::{Login, Secret};
pub use message::{Garbage, StreamLength, attribute, length_in_stream, method};
pub use server::{Config, Dropped, MAX_PER_USER, Outcome, Server};

/// Whether a datagram is one for [`Server`]: channel data, or STUN with a method of TURN. Plain binding requests are not,
/// because ICE sends those too (RFC 7983, RFC 8656 section 12).
pub fn is_turn(bytes: &[u8]) -> bool {
    match bytes {
        [64..=79, ..] => bytes.len() >= 4,
        [0..=63, ..] => message::Message::read(bytes).is_ok_and(|message| message.method != method::BINDING),
        _ => false,
    }
}
