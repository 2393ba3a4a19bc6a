//! A meeting of many on a network of chance, under a held clock. A seed decides everything but keys and ids, which the
//! cryptography draws itself.

pub(crate) mod checks;
pub(crate) mod coding;
#[path = "../support/descriptor.rs"]
pub(crate) mod descriptor;
pub(crate) mod film;
pub(crate) mod net;
pub(crate) mod peer;
pub(crate) mod random;
pub(crate) mod world;
