//! What the load generators share.

pub mod http;
pub mod times;
