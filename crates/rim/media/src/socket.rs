//! The media sockets: one per address family, received and sent in batches.

mod faults;
mod many;
mod options;
mod own;
mod sending;
mod trial;

pub(crate) use sending::{Calls, Outgoing};
pub use trial::{try_buffers, try_datagrams};

use crate::config::{MediaConfig, own_addresses};
use crate::traffic;
use faults::Faults;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use own::Own;
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use sending::{Around, MAX_TRAIN};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Datagrams per receive call.
const BATCH: usize = 32;

/// Room for the largest datagram, or for a train of them when the kernel joins them.
const BUFFER: usize = 64 * 1024;

/// What is asked of the kernel for each direction of a socket, in bytes: a burst of key frames must fit.
pub const KERNEL_BUFFER: usize = 4 * 1024 * 1024;

/// So often a port that the system chooses is tried.
const TRIES: usize = 8;

/// How often it is looked what the kernel's queues lost.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct One {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    /// What its queue had lost when it was looked at last.
    overflowed: u32,
    /// Longest train the kernel takes.
    longest: usize,
}

impl One {
    /// What it has to receive and to send with, in bytes: as much as was asked for, or less.
    fn buffers(&self) -> io::Result<[usize; 2]> {
        let socket = SockRef::from(&self.socket);
        // The kernel doubles what it gives, for its own ends.
        Ok([socket.recv_buffer_size()? / 2, socket.send_buffer_size()? / 2])
    }
}

/// All media sockets of a shard.
#[derive(Debug)]
pub(crate) struct Sockets {
    list: Vec<One>,
    own: Own,
    faults: Faults,
    next_look: Instant,
    buffers: Box<[Vec<u8>; BATCH]>,
}

impl Sockets {
    /// Binds the port for so many shards, each with sockets of its own. The kernel spreads clients over them.
    ///
    /// # Errors
    /// The port cannot be had in a family that the machine has.
    pub(crate) fn bind_all(config: &MediaConfig, shards: usize) -> io::Result<Vec<Self>> {
        let bind = |port, shared| Self::bind(config.bind, port, config.dscp, shared);
        if shards == 1 {
            return Ok(vec![bind(config.port, false)?]);
        }
        // Alone first: others that share the port too would not be noticed.
        let port = bind(config.port, false)?.port();
        (0..shards).map(|_| bind(port, true)).collect()
    }

    /// Binds the port, of one address or of both families. A machine without one of them does with the other.
    fn bind(address: Option<IpAddr>, port: u16, dscp: Option<u8>, shared: bool) -> io::Result<Self> {
        let list = match address {
            Some(address) => {
                let address = SocketAddr::new(address, port);
                vec![bind_one(address, dscp, shared).map_err(|error| on(address, error))?]
            }
            None => bind_both(port, dscp, shared)?,
        };
        Ok(Self {
            list,
            own: Own::new(own_addresses()),
            faults: Faults::new(),
            next_look: Instant::now(),
            buffers: Box::new(std::array::from_fn(|_| vec![0; BUFFER])),
        })
    }

    /// The port all of them share.
    pub(crate) fn port(&self) -> u16 {
        self.list.first().map_or(0, |one| one.local.port())
    }

    /// Whether there are sockets for IPv4 and for IPv6.
    pub(crate) fn families(&self) -> [bool; 2] {
        [true, false].map(|is_ipv4| self.list.iter().any(|one| one.local.is_ipv4() == is_ipv4))
    }

    /// Tells the operator what the system lets us have.
    pub(crate) fn tell(&self) -> io::Result<()> {
        let Some(first) = self.list.first() else { return Ok(()) };
        let [ipv4, ipv6] = self.families();
        tracing::info!(ipv4, ipv6, "media over UDP");
        let [receive, send] = first.buffers()?;
        if receive.min(send) < KERNEL_BUFFER {
            tracing::warn!(
                receive,
                send,
                wished = KERNEL_BUFFER,
                "the system gives media small buffers, bursts of video may be lost: raise net.core.rmem_max and net.core.wmem_max"
            );
        }
        if let Err(error) = try_datagrams() {
            tracing::error!(
                %error,
                "the system does not let media over UDP through: a sandbox (seccomp) has to allow sendmmsg and recvmmsg, a firewall the loopback device"
            );
        }
        Ok(())
    }

    /// Counts what the kernel's queues lost, now and then.
    pub(crate) fn look(&mut self, now: Instant) {
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK;
        for one in &mut self.list {
            // Kernels before 4.12 do not say.
            if let Ok(all) = options::overflowed(one.socket.as_fd()) {
                self.faults.overflowed(all.wrapping_sub(one.overflowed));
                one.overflowed = all;
            }
        }
    }

    pub(crate) fn register(&mut self, registry: &Registry, first: usize) -> io::Result<()> {
        for (index, one) in self.list.iter_mut().enumerate() {
            registry.register(&mut one.socket, Token(first + index), Interest::READABLE)?;
        }
        Ok(())
    }

    /// Receives one batch of every socket. `true` if there may be more.
    pub(crate) fn receive(&mut self, mut each: impl FnMut(SocketAddr, SocketAddr, &[u8])) -> bool {
        let mut more = false;
        for one in &self.list {
            let mut slices = self.buffers.each_mut().map(|buffer| IoSliceMut::new(buffer));
            let mut meta = [RecvMeta::default(); BATCH];
            let count = match one.state.recv(UdpSockRef::from(&one.socket), &mut slices, &mut meta) {
                Ok(count) => count,
                Err(error) => {
                    self.faults.unread(&error);
                    continue;
                }
            };
            more = true;
            for (meta, buffer) in meta.iter().zip(self.buffers.iter()).take(count) {
                // To port 0 nobody can be answered.
                if meta.addr.port() == 0 {
                    traffic::dropped("forged_source");
                    continue;
                }
                let local = SocketAddr::new(meta.dst_ip.unwrap_or(one.local.ip()), one.local.port());
                let stride = meta.stride.max(1);
                for datagram in buffer[..meta.len].chunks(stride) {
                    each(meta.addr, local, datagram);
                }
            }
        }
        more
    }

    /// Sends everything, joining runs to one destination. Returns how many datagrams did not leave; why is counted.
    pub(crate) fn send(&mut self, queue: &mut Vec<Outgoing>, calls: &mut Calls) -> usize {
        let mut dropped = 0;
        let mut rest = queue.as_slice();
        let around = &mut Around { own: &mut self.own, faults: &mut self.faults, calls };
        while let Some(first) = rest.first() {
            let Some(one) = self.list.iter_mut().find(|one| one.local.is_ipv4() == first.destination.is_ipv4()) else {
                around.faults.unsent(1, Errno::ENETUNREACH);
                dropped += 1;
                rest = &rest[1..];
                continue;
            };
            let source = first.source.ip();
            let is_ours = source.is_ipv4() == one.local.is_ipv4() && around.own.has(source);
            let source = is_ours.then_some(source);
            let (sent, lost) = one.send(rest, source, around);
            dropped += lost;
            rest = &rest[sent + lost..];
        }
        queue.clear();
        dropped
    }
}

/// Whether media could listen there, on one address or on all of both families.
///
/// # Errors
/// Why they could not.
pub fn try_port(address: Option<IpAddr>, port: u16) -> io::Result<()> {
    Sockets::bind(address, port, None, false).map(drop)
}

/// Where the system chooses the port, a number that is free for IPv4 may be taken for IPv6; then another is tried.
fn bind_both(port: u16, dscp: Option<u8>, shared: bool) -> io::Result<Vec<One>> {
    let mut tries = TRIES;
    loop {
        match bind_families(port, dscp, shared) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && port == 0 && tries > 1 => tries -= 1,
            bound => return bound,
        }
    }
}

/// A socket for each family the machine has. The first decides the port when it is 0.
fn bind_families(port: u16, dscp: Option<u8>, shared: bool) -> io::Result<Vec<One>> {
    let mut list: Vec<One> = Vec::new();
    let mut missing = None;
    for family in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
        let address = SocketAddr::new(family, list.first().map_or(port, |one| one.local.port()));
        match open(address, shared) {
            Ok(socket) => list.push(prepare(socket, address, dscp).map_err(|error| on(address, error))?),
            Err(error) if is_missing(&error) => missing = Some(error),
            Err(error) => return Err(on(address, error)),
        }
    }
    match missing {
        Some(error) if list.is_empty() => Err(error),
        _ => Ok(list),
    }
}

/// The machine does not have that family: not built into its kernel, or without any address.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32)
}

/// An error that says where it was met.
fn on(address: SocketAddr, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{address}: {error}"))
}

fn bind_one(address: SocketAddr, dscp: Option<u8>, shared: bool) -> io::Result<One> {
    prepare(open(address, shared)?, address, dscp)
}

fn open(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// What a socket needs besides its port. An error says nothing of which families the machine has.
fn prepare(socket: Socket, address: SocketAddr, dscp: Option<u8>) -> io::Result<One> {
    // The field is the upper six bits of the octet; the lower two are for congestion.
    if let Some(octet) = dscp.map(|dscp| u32::from(dscp) << 2) {
        let marked = if address.is_ipv4() { socket.set_tos_v4(octet) } else { socket.set_tclass_v6(octet) };
        if let Err(error) = marked {
            tracing::warn!(%address, %error, "the system does not mark media for networks that serve some first (DSCP)");
        }
    }
    // A smaller buffer than wished is no reason not to start. Whoever may go beyond the limits of the system does.
    if setsockopt(&socket, sockopt::RcvBufForce, &KERNEL_BUFFER).is_err() {
        let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
    }
    if setsockopt(&socket, sockopt::SndBufForce, &KERNEL_BUFFER).is_err() {
        let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
    }
    let socket = UdpSocket::from_std(socket.into());
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    // It is made for QUIC, which finds out how large packets may be and sends no larger ones.
    options::let_part(socket.as_fd(), address.is_ipv4());
    let local = socket.local_addr()?;
    let longest = state.max_gso_segments().min(MAX_TRAIN);
    Ok(One { socket, state, local, overflowed: 0, longest })
}

#[cfg(test)]
mod tests;
