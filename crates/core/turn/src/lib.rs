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
pub use server::{Config, Dropped, MAX_PER_USER, Outcome, Server, Transport};

/// Whether a datagram is one for [`Server`]: channel data, STUN with a method of TURN, or a binding request that names nobody,
/// as whoever asks for their own address sends it. Those that name somebody are checks of ICE (RFC 7983, RFC 8656 section 12).
pub fn is_turn(bytes: &[u8]) -> bool {
    match bytes {
        [64..=79, ..] => bytes.len() >= 4,
        [0..=63, ..] => message::Message::read(bytes).is_ok_and(|message| {
            let asks = message.class == message::Class::Request && message.attribute(attribute::USERNAME).is_none();
            message.method != method::BINDING || asks
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use message::{Class, Draft};

    #[test]
    fn checks_of_ice_and_media_are_not_for_the_server() {
        let of = |method, class| Draft::new(method, class, b"transactions");

        assert!(is_turn(&of(method::ALLOCATE, Class::Request).bare()));
        assert!(is_turn(&of(method::SEND, Class::Indication).bare()));
        assert!(is_turn(&of(method::BINDING, Class::Request).bare()));
        assert!(is_turn(&[0x40, 0, 0, 0]));
        let check = of(method::BINDING, Class::Request).attribute(attribute::USERNAME, b"ours:theirs");
        assert!(!is_turn(&check.bare()));
        assert!(!is_turn(&of(method::BINDING, Class::Success).bare()));
        for other in [&[22, 254, 253][..], &[0x80, 111, 0, 0], &[]] {
            assert!(!is_turn(other));
        }
    }
}
