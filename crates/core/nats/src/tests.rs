//! Whole conversations with a session, from bytes to bytes.

mod client;
mod consumer;
mod handshake;
mod limits;
mod properties;
mod subjects;
mod trace;
