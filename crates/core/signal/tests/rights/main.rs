//! Who may publish, receive and say what, and who is told of it.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

mod audience;
mod data;
mod hearing;
mod publishing;
#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;
