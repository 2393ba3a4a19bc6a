//! A meeting of many on a network of chance, under a held clock.
//!
//! A seed repeats exactly what is done to whom and when, the weather, and the fate of the nth datagram on each line: whether it is
//! lost, and how long it takes besides waiting for those before it. While lines are fine it repeats also what everybody gets.
//!
//! It does not repeat what is drawn elsewhere: keys, the lengths of signatures, ids, the sources of streams, and the order in which
//! the clients' stack goes through what it finds by these. So now and then two datagrams of a moment change places or one is a
//! few bytes longer, which in bad weather decides who loses what: then amounts are nearly the same, by a few packets in a hundred.
//! The server goes through its own in the same order each time.

pub(crate) mod checks;
pub(crate) mod coding;
#[path = "../support/descriptor.rs"]
pub(crate) mod descriptor;
pub(crate) mod film;
pub(crate) mod net;
pub(crate) mod peer;
pub(crate) mod random;
pub(crate) mod world;
