//! What is counted of a session, and that it outlives the process.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod counted;
mod ending;
mod helpers;
mod lasting;
#[path = "../scene/mod.rs"]
mod scene;
