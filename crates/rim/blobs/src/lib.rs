//! Files in folders of this machine. Each area has a folder of its own, which the operator may put anywhere.

mod adopt;
mod local;

pub use adopt::{Adopted, Way, adopt, is_there};
pub use local::{Folders, LocalBlobs};
