//! The media sockets: one per address family, received and sent in batches.

use crate::config::{MediaConfig, own_addresses};
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Datagrams per receive call.
const BATCH: usize = 32;

/// Room for the largest datagram, or for a train of them when the kernel joins them.
const BUFFER: usize = 64 * 1024;

/// What is asked of the kernel for each direction of a socket, in bytes: a burst of key frames must fit.
pub const KERNEL_BUFFER: usize = 4 * 1024 * 1024;

/// Longest train of datagrams handed to the kernel at once.
const MAX_TRAIN: usize = 32;

#[derive(Debug)]
struct One {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

/// A datagram to send.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) contents: Vec<u8>,
}

/// All media sockets of a shard.
#[derive(Debug)]
pub(crate) struct Sockets {
    list: Vec<One>,
    own: Vec<IpAddr>,
    buffers: Box<[Vec<u8>; BATCH]>,
    train: Vec<u8>,
}

impl Sockets {
    /// Binds the port for so many shards, each with sockets of its own. The kernel spreads clients over them.
    pub(crate) fn bind_all(config: &MediaConfig, shards: usize) -> io::Result<Vec<Self>> {
        if shards == 1 {
            return Ok(vec![Self::bind(config, config.port, false)?]);
        }
        // Alone first: others that share the port too would not be noticed.
        let port = Self::bind(config, config.port, false)?.port();
        (0..shards).map(|_| Self::bind(config, port, true)).collect()
    }

    /// Binds the port. IPv6 may be missing on a machine; the first family decides the port when it is 0.
    fn bind(config: &MediaConfig, port: u16, shared: bool) -> io::Result<Self> {
        let families: Vec<IpAddr> = match config.bind {
            Some(address) => vec![address],
            None => vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        };
        let mut list: Vec<One> = Vec::new();
        let mut failure = None;
        for family in families {
            let port = list.first().map_or(port, |one| one.local.port());
            match bind_one(SocketAddr::new(family, port), config.dscp, shared) {
                Ok(one) => list.push(one),
                Err(error) => failure = Some(error),
            }
        }
        match (list.is_empty(), failure) {
            (true, Some(error)) => Err(error),
            (true, None) => Err(io::Error::from(io::ErrorKind::AddrNotAvailable)),
            (false, _) => Ok(Self {
                list,
                own: own_addresses(),
                buffers: Box::new(std::array::from_fn(|_| vec![0; BUFFER])),
                train: Vec::with_capacity(BUFFER),
            }),
        }
    }

    /// The port all of them share.
    pub(crate) fn port(&self) -> u16 {
        self.list.first().map_or(0, |one| one.local.port())
    }

    /// Whether there is a socket for that family.
    pub(crate) fn serves(&self, address: &IpAddr) -> bool {
        self.list.iter().any(|one| one.local.is_ipv4() == address.is_ipv4())
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
            let Ok(count) = one.state.recv(UdpSockRef::from(&one.socket), &mut slices, &mut meta) else { continue };
            more = true;
            for (meta, buffer) in meta.iter().zip(self.buffers.iter()).take(count) {
                let local = SocketAddr::new(meta.dst_ip.unwrap_or(one.local.ip()), one.local.port());
                let stride = meta.stride.max(1);
                for datagram in buffer[..meta.len].chunks(stride) {
                    each(meta.addr, local, datagram);
                }
            }
        }
        more
    }

    /// Sends everything, joining runs to one destination. Returns how many datagrams the kernel did not take.
    pub(crate) fn send(&mut self, queue: &mut Vec<Outgoing>) -> usize {
        let mut dropped = 0;
        let mut index = 0;
        while index < queue.len() {
            let first = &queue[index];
            let size = first.contents.len();
            let Some(one) = self.list.iter().find(|one| one.local.is_ipv4() == first.destination.is_ipv4()) else {
                dropped += 1;
                index += 1;
                continue;
            };
            let limit = one.state.max_gso_segments().min(MAX_TRAIN);
            let mut count = 1;
            // All of one size but the last, which may be shorter.
            while count < limit
                && queue.get(index + count).is_some_and(|next| {
                    next.destination == first.destination
                        && next.source == first.source
                        && next.contents.len() <= size
                        && queue[index + count - 1].contents.len() == size
                })
            {
                count += 1;
            }
            let source = first.source.ip();
            let mut transmit = Transmit {
                destination: first.destination,
                ecn: None,
                contents: &first.contents,
                segment_size: None,
                src_ip: self.own.contains(&source).then_some(source),
            };
            if count > 1 {
                self.train.clear();
                queue[index..index + count]
                    .iter()
                    .for_each(|datagram| self.train.extend_from_slice(&datagram.contents));
                transmit.contents = &self.train;
                transmit.segment_size = Some(size);
            }
            if one.state.try_send(UdpSockRef::from(&one.socket), &transmit).is_err() {
                dropped += count;
            }
            index += count;
        }
        queue.clear();
        dropped
    }
}

fn bind_one(address: SocketAddr, dscp: Option<u8>, shared: bool) -> io::Result<One> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    // The field is the upper six bits of the octet; the lower two are for congestion.
    if let Some(octet) = dscp.map(|dscp| u32::from(dscp) << 2) {
        if address.is_ipv4() { socket.set_tos_v4(octet)? } else { socket.set_tclass_v6(octet)? }
    }
    // A smaller buffer than wished is no reason not to start.
    let _ = socket.set_recv_buffer_size(KERNEL_BUFFER);
    let _ = socket.set_send_buffer_size(KERNEL_BUFFER);
    let socket = UdpSocket::from_std(socket.into());
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    let local = socket.local_addr()?;
    Ok(One { socket, state, local })
}
