//! The media plane on somebody else's LiveKit server (`livekit_info`).
//!
//! Browsers connect to that server themselves, with tokens that carry their rights; what changes afterwards is told to it
//! over its server API, and what happens there comes back as webhooks. Nothing of the media passes through this process.
//! Our own server API is carried over to it, below what a meeting gives.

mod client;
mod closing;
mod control;
mod plane;
mod rights;

pub use client::{Client, Refusal};
pub use plane::LiveKit;
