//! The media plane on somebody else's LiveKit server (`livekit_info`).
//!
//! Browsers connect to that server themselves, with tokens that carry their rights; what changes afterwards is told to it
//! over its server API, and what happens there comes back as webhooks. Nothing of the media passes through this process.
//! Our own server API is carried over to it, below what a meeting gives.
//!
//! What the server is to have is kept here beside the orders, so that what does not reach it is made up for (decision 0021).

mod behind;
mod carry;
mod catch_up;
mod client;
mod closing;
mod control;
mod mutes;
mod plane;
mod told;
mod wanted;

pub use client::{Client, Refusal};
pub use plane::LiveKit;
