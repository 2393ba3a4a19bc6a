//! The door: takes connections in, bounds what each may cost, and sees them out at the end.
//!
//! One port carries HTTP, ICE-TCP and TURN, each of them with TLS or without: the first bytes say which.
//! `axum::serve` waits forever for a request that never arrives and takes in whoever comes. Here a stranger gets a
//! place for as long as they behave: places are counted, a head must arrive in time, an answer must be read.

mod entry;
mod listeners;
mod socket;
#[cfg(test)]
mod tests;
pub(crate) mod tls;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use media::StreamDoor;
use model::{Share, Shares};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::warn;

pub(crate) use listeners::Listeners;
use tls::Tls;

/// Most connections at a time, WebSockets included. More wait in the system's queue until one ends. Each may cost a
/// file descriptor and twice [`MAX_BUFFER`].
const MAX_CONNECTIONS: u32 = 10_000;
/// File descriptors for everything that is no connection: database, media sockets, log, files, calls to others.
const RESERVED_FILES: u32 = 128;
/// One address holds at most one of so many connections. A person takes two, and up to six more while a page loads.
const SHARE: u32 = 4;
/// How long the head of a request may take to arrive, and how long a connection may stay between two requests.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may read nothing of what it is sent.
const WRITE_PATIENCE: Duration = Duration::from_secs(60);
/// Largest head of a request, and most of an answer that is kept for a slow reader, in bytes.
const MAX_BUFFER: usize = 64 * 1024;
/// How long to wait when the system cannot give another connection, e.g. because no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// What connections may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// See [`MAX_CONNECTIONS`].
    pub(crate) connections: u32,
    /// Most of them from one address that is not exempt. One more is closed as soon as it is there.
    pub(crate) per_address: u32,
    /// See [`HEAD_PATIENCE`].
    pub(crate) head_patience: Duration,
    /// See [`WRITE_PATIENCE`].
    pub(crate) write_patience: Duration,
}

/// What a connection holds until it is closed.
type Place = (Option<Share>, OwnedSemaphorePermit);

impl Limits {
    /// For a process that may have so many files open; `None` is any number.
    pub(crate) fn for_files(files: Option<u64>) -> Self {
        let files = files.and_then(|files| u32::try_from(files).ok()).unwrap_or(u32::MAX);
        let connections = files.saturating_sub(RESERVED_FILES).clamp(SHARE, MAX_CONNECTIONS);
        Self {
            connections,
            per_address: connections / SHARE,
            head_patience: HEAD_PATIENCE,
            write_patience: WRITE_PATIENCE,
        }
    }
}

/// The places there are, on all ports together: connections of one take files from the other.
#[derive(Clone)]
pub(crate) struct House {
    limits: Limits,
    places: Arc<Semaphore>,
    shares: Shares,
}

impl House {
    /// An empty one.
    pub(crate) fn new(limits: Limits) -> Self {
        let count = |limit| usize::try_from(limit).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            limits,
            places: Arc::new(Semaphore::new(count(limits.connections))),
            shares: Shares::new(count(limits.per_address)),
        }
    }
}

/// What a port carries.
#[derive(Clone)]
pub(crate) struct Services {
    /// HTTP/1.1 with upgrades, each request with its `ConnectInfo<SocketAddr>`.
    pub(crate) app: Option<Router>,
    /// ICE-TCP and TURN.
    pub(crate) media: Option<StreamDoor>,
    /// The certificate for all of them.
    pub(crate) tls: Option<Tls>,
}

/// Serves what there is until `stopping` becomes `true` or its sender is gone. Then nobody is let in any more, requests under
/// way finish, and the answer comes when the last connection of the house is closed; upgraded ones must be closed by whoever
/// upgraded them. A peer for which `is_exempt` holds, such as a proxy that speaks for many, is not bound to the share of one
/// address.
pub(crate) async fn serve(
    listeners: Listeners,
    services: Services,
    house: House,
    is_exempt: impl Fn(IpAddr) -> bool,
    mut stopping: watch::Receiver<bool>,
) {
    let House { limits, places, shares } = house;
    let door = Door { listeners, places: Arc::clone(&places), shares, is_exempt };
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(limits.head_patience).max_buf_size(MAX_BUFFER);
    let entry = Arc::new(entry::Entry {
        services,
        protocol,
        patience: limits.head_patience,
        write_patience: limits.write_patience,
    });
    loop {
        let (stream, place, peer) = tokio::select! {
            accepted = door.accept() => accepted,
            () = stopped(&mut stopping) => break,
        };
        tokio::spawn(entry.clone().receive(stream, place, peer, stopping.clone()));
    }
    drop(door);
    // All places free again: all connections closed. Nobody closes the semaphore, so there is no other answer.
    let _ = places.acquire_many(limits.connections).await;
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Where connections come in.
struct Door<P> {
    listeners: Listeners,
    places: Arc<Semaphore>,
    shares: Shares,
    is_exempt: P,
}

impl<P: Fn(IpAddr) -> bool> Door<P> {
    /// The next connection for which there is a place.
    async fn accept(&self) -> (TcpStream, Place, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("nobody closes the semaphore");
        loop {
            match self.listeners.accept().await {
                Ok((stream, peer)) => {
                    let is_counted = !(self.is_exempt)(peer.ip().to_canonical());
                    let share = is_counted.then(|| self.shares.take(peer.ip()));
                    if matches!(share, Some(None)) {
                        metrics::counter!("plenum_connections_refused_total").increment(1);
                        continue;
                    }
                    return (stream, (share.flatten(), place), peer);
                }
                Err(error) => {
                    let Some(pause) = pause_after(&error) else { continue };
                    warn!(%error, "could not take a connection in");
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}

/// A client that is gone before it was let in is no reason to wait. Anything else would fail again at once.
fn pause_after(error: &io::Error) -> Option<Duration> {
    let client_is_gone = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    );
    (!client_is_gone).then_some(ACCEPT_PAUSE)
}
