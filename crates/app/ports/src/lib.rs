//! What the application needs from the outside, as traits. Implementations live in `rim/`, one crate each; the binary
//! chooses among them from the configuration.

pub mod archive;
pub mod blobs;
pub mod media;
pub mod media_control;
pub mod outbox;
pub mod outgoing;
pub mod presence;
pub mod store;
