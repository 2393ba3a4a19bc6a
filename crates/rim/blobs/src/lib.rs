//! Files in folders of this machine. Each area has a folder of its own, which the operator may put anywhere.

mod local;

pub use local::{Folders, LocalBlobs};
