//! The media plane on somebody else's LiveKit server (`livekit_info`).
//!
//! Browsers connect to that server themselves, with tokens that carry their rights; what changes afterwards is told to it
//! over its server API, and what happens there comes back as webhooks. Nothing of the media passes through this process.

mod client;
mod plane;

pub use client::{Client, Refusal};
pub use plane::LiveKit;
