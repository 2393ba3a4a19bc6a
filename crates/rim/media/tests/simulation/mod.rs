//! A meeting of many on a network of chance, under a held clock.
//!
//! A seed repeats exactly what is done to whom and when, the weather, and the fate of a datagram of some length that leaves at some
//! moment: whether it is lost, and how long it takes besides waiting for those before it. With most seeds that is enough to repeat
//! every packet that anybody gets.
//!
//! It does not repeat what is drawn elsewhere: keys, the lengths of signatures, ids, the sources of streams, and the order in which
//! the clients' stack goes through what it keeps by these in tables whose order is new each time. So now and then two datagrams
//! of a moment change places, and where a narrow line sends one after the other that may decide when a publisher believes in
//! its larger pictures again: amounts are nearly the same then, within what a second of those is.
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
