//! The server side of one browser's NATS-over-WebSocket connection, with the slice of JetStream the
//! meeting client uses (meeting protocol, sections 2 to 4).
//!
//! A [`Session`] is one socket as a value: bytes go in, [`Event`]s and ready-made byte chunks come out.
//! It knows the protocol, who may use which subject, and how fast; it does not know meetings. The queue
//! of a user's reliable messages outlives sockets and therefore lives with the room; the session only
//! tells how much of it the client is ready to take ([`Event::Credit`]) and what it has confirmed.
//!
//! Every inbox is private to its connection by construction: there is no path from one session to another
//! except the owner's [`Session::publish`] on the four room subjects.

mod ack;
mod config;
mod control;
mod event;
mod limits;
mod outgoing;
mod parse;
mod pull;
mod reply;
mod session;
mod subscriptions;

#[cfg(test)]
mod tests;

pub use config::{Bound, Config, Subjects};
pub use control::ProtocolError;
pub use event::{
    ClientSubject, CloseReason, CoreMessage, CoreSubject, Delivery, DeliverySubject, Event, NoCredit, Worker,
};
pub use limits::{
    IDLE_TIMEOUT, MAX_BULK_PAYLOAD, MAX_CHAT_PAYLOAD, MAX_CONNECT_LINE, MAX_CONTROL_LINE, MAX_HELD_BYTES,
    MAX_OPEN_PULLS, MAX_OTHER_PAYLOAD, MAX_SUBSCRIPTIONS,
};
pub use session::Session;
