//! The media sockets: one per address family, received and sent in batches.

mod many;
mod sending;

pub(crate) use sending::{Calls, Outgoing};

use crate::config::{MediaConfig, own_addresses};
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use sending::MAX_TRAIN;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Datagrams per receive call.
const BATCH: usize = 32;

/// Room for the largest datagram, or for a train of them when the kernel joins them.
const BUFFER: usize = 64 * 1024;

/// What is asked of the kernel for each direction of a socket, in bytes: a burst of key frames must fit.
pub const KERNEL_BUFFER: usize = 4 * 1024 * 1024;

#[derive(Debug)]
struct One {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    /// Longest train the kernel takes.
    longest: usize,
}

/// All media sockets of a shard.
#[derive(Debug)]
pub(crate) struct Sockets {
    list: Vec<One>,
    own: Vec<IpAddr>,
    buffers: Box<[Vec<u8>; BATCH]>,
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
            (false, _) => {
                Ok(Self { list, own: own_addresses(), buffers: Box::new(std::array::from_fn(|_| vec![0; BUFFER])) })
            }
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
    pub(crate) fn send(&mut self, queue: &mut Vec<Outgoing>, calls: &mut Calls) -> usize {
        let mut dropped = 0;
        let mut rest = queue.as_slice();
        while let Some(first) = rest.first() {
            let Some(one) = self.list.iter_mut().find(|one| one.local.is_ipv4() == first.destination.is_ipv4()) else {
                dropped += 1;
                rest = &rest[1..];
                continue;
            };
            let source = first.source.ip();
            let is_ours = source.is_ipv4() == one.local.is_ipv4() && self.own.contains(&source);
            let source = is_ours.then_some(source);
            let (sent, lost) = one.send(rest, source, calls);
            dropped += lost;
            rest = &rest[sent + lost..];
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
    let longest = state.max_gso_segments().min(MAX_TRAIN);
    Ok(One { socket, state, local, longest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
    use sending::tests::datagrams;
    use std::os::fd::AsRawFd;

    fn config(family: IpAddr, dscp: Option<u8>) -> MediaConfig {
        MediaConfig {
            port: 0,
            bind: Some(family),
            advertise: Vec::new(),
            include_loopback: true,
            seed: 1,
            threads: 1,
            spread: None,
            stream_port: None,
            dscp,
            turn: None,
        }
    }

    #[test]
    fn trains_arrive_as_the_datagrams_they_were_and_carry_the_mark_of_the_operator() {
        for family in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
            let receiver = std::net::UdpSocket::bind((family, 0)).expect("a socket");
            receiver.set_read_timeout(Some(std::time::Duration::from_secs(10))).expect("a timeout");
            setsockopt(&receiver, sockopt::IpRecvTos, &true).ok();
            setsockopt(&receiver, sockopt::Ipv6RecvTClass, &true).ok();
            let mut sockets = Sockets::bind(&config(family, Some(46)), 0, false).expect("a socket");
            let source = SocketAddr::new(family, sockets.port());
            // So that it is said where they come from.
            assert!(sockets.own.contains(&family));
            let sizes = [700, 700, 700, 300, 700, 900];
            let mut queue = datagrams(source, receiver.local_addr().expect("bound"), &sizes);
            assert_eq!(sockets.send(&mut queue, &mut Calls::default()), 0);
            assert!(queue.is_empty());
            for (index, size) in sizes.iter().enumerate() {
                let mut buffer = [0; 2048];
                let mut space = nix::cmsg_space!(i32, i32);
                let mut slices = [IoSliceMut::new(&mut buffer)];
                let fd = receiver.as_raw_fd();
                let message = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut space), MsgFlags::empty());
                let message = message.expect("a datagram");
                let mark = message.cmsgs().expect("whole").find_map(|control| match control {
                    ControlMessageOwned::Ipv4Tos(octet) => Some(i32::from(octet)),
                    ControlMessageOwned::Ipv6TClass(octet) => Some(octet),
                    _ => None,
                });
                assert_eq!(mark, Some(46 << 2));
                let length = message.bytes;
                assert_eq!(length, *size);
                assert!(buffer[..length].iter().all(|octet| usize::from(*octet) == index));
            }
        }
    }

    #[test]
    fn who_cannot_be_reached_costs_the_others_nothing() {
        for family in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
            let receivers: Vec<_> =
                (0..70).map(|_| std::net::UdpSocket::bind((family, 0)).expect("a socket")).collect();
            let mut sockets = Sockets::bind(&config(family, None), 0, false).expect("a socket");
            let source = SocketAddr::new(family, sockets.port());
            let mut queue = Vec::new();
            for (index, receiver) in receivers.iter().enumerate() {
                receiver.set_read_timeout(Some(std::time::Duration::from_secs(10))).expect("a timeout");
                let sizes: &[usize] = if index % 3 == 0 { &[300, 300, 20] } else { &[80] };
                queue.extend(datagrams(source, receiver.local_addr().expect("bound"), sizes));
                // Nobody has this port, and the kernel says so at once.
                if index % 10 == 5 {
                    queue.extend(datagrams(source, SocketAddr::new(family, 0), &[80]));
                }
            }
            assert_eq!(sockets.send(&mut queue, &mut Calls::default()), 7);
            for (index, receiver) in receivers.iter().enumerate() {
                let sizes: &[usize] = if index % 3 == 0 { &[300, 300, 20] } else { &[80] };
                for size in sizes {
                    let (length, from) = receiver.recv_from(&mut [0; 2048]).expect("a datagram");
                    assert_eq!((length, from), (*size, source));
                }
            }
        }
    }
}
