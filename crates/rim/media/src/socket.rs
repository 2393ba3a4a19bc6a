//! The media sockets: one per address family, received and sent in batches.

use crate::config::{MediaConfig, own_addresses};
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg};
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

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
    /// Longest train the kernel takes.
    longest: usize,
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
    pub(crate) fn send(&mut self, queue: &mut Vec<Outgoing>) -> usize {
        let mut dropped = 0;
        let mut rest = queue.as_slice();
        while let Some(first) = rest.first() {
            let Some(one) = self.list.iter_mut().find(|one| one.local.is_ipv4() == first.destination.is_ipv4()) else {
                dropped += 1;
                rest = &rest[1..];
                continue;
            };
            let (train, others) = rest.split_at(train_length(rest, one.longest));
            let source = first.source.ip();
            dropped += one.send(train, self.own.contains(&source).then_some(source));
            rest = others;
        }
        queue.clear();
        dropped
    }
}

/// How many datagrams from the first on can leave as one train: all of one size but the last, which may be shorter.
fn train_length(queue: &[Outgoing], limit: usize) -> usize {
    let joins = |pair: &[Outgoing]| {
        let (before, next) = (&pair[0], &pair[1]);
        next.destination == before.destination
            && next.source == before.source
            && next.contents.len() <= before.contents.len()
            && before.contents.len() == queue[0].contents.len()
    };
    1 + queue.windows(2).take(limit.saturating_sub(1)).take_while(|pair| joins(pair)).count()
}

impl One {
    /// Sends a train. Returns how many of its datagrams the kernel did not take.
    fn send(&mut self, train: &[Outgoing], source: Option<IpAddr>) -> usize {
        match self.transmit(train, source) {
            Ok(()) => 0,
            // A device that cannot part trains says so when it gets the first one.
            Err(Errno::EIO | Errno::EINVAL) if train.len() > 1 => {
                self.longest = 1;
                train.chunks(1).map(|datagram| self.send(datagram, source)).sum()
            }
            Err(_) => train.len(),
        }
    }

    fn transmit(&self, train: &[Outgoing], source: Option<IpAddr>) -> nix::Result<()> {
        let Some(first) = train.first() else { return Ok(()) };
        let mut slices = [IoSlice::new(&[]); MAX_TRAIN];
        for (slice, datagram) in slices.iter_mut().zip(train) {
            *slice = IoSlice::new(&datagram.contents);
        }
        let size = u16::try_from(first.contents.len()).map_err(|_| Errno::EMSGSIZE)?;
        let segments = ControlMessage::UdpGsoSegments(&size);
        let (v4, v6);
        let origin = match source {
            Some(IpAddr::V4(address)) => {
                let address = in_addr { s_addr: u32::from_ne_bytes(address.octets()) };
                v4 = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: in_addr { s_addr: 0 } };
                Some(ControlMessage::Ipv4PacketInfo(&v4))
            }
            Some(IpAddr::V6(address)) => {
                v6 = in6_pktinfo { ipi6_ifindex: 0, ipi6_addr: in6_addr { s6_addr: address.octets() } };
                Some(ControlMessage::Ipv6PacketInfo(&v6))
            }
            None => None,
        };
        let (one, both);
        let control: &[ControlMessage] = match (train.len() > 1, origin) {
            (false, None) => &[],
            (true, None) => {
                one = [segments];
                &one
            }
            (false, Some(origin)) => {
                one = [origin];
                &one
            }
            (true, Some(origin)) => {
                both = [origin, segments];
                &both
            }
        };
        let destination = SockaddrStorage::from(first.destination);
        let slices = &slices[..train.len().min(MAX_TRAIN)];
        loop {
            match sendmsg(self.socket.as_raw_fd(), slices, control, MsgFlags::empty(), Some(&destination)) {
                Err(Errno::EINTR) => {}
                other => return other.map(drop),
            }
        }
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
    use nix::sys::socket::{ControlMessageOwned, recvmsg, setsockopt, sockopt};

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

    fn datagrams(source: SocketAddr, destination: SocketAddr, sizes: &[usize]) -> Vec<Outgoing> {
        let of = |(index, size): (usize, &usize)| {
            let contents = vec![u8::try_from(index).expect("few"); *size];
            Outgoing { source, destination, contents }
        };
        sizes.iter().enumerate().map(of).collect()
    }

    #[test]
    fn a_train_ends_with_a_shorter_datagram_another_destination_or_the_limit() {
        let (one, two) = (SocketAddr::from(([127, 0, 0, 1], 1)), SocketAddr::from(([127, 0, 0, 1], 2)));
        let of = |sizes: &[usize]| datagrams(one, two, sizes);
        assert_eq!(train_length(&of(&[9]), 8), 1);
        assert_eq!(train_length(&of(&[9, 9, 9, 4, 4]), 8), 4);
        assert_eq!(train_length(&of(&[9, 10]), 8), 1);
        assert_eq!(train_length(&of(&[9; 20]), 8), 8);
        assert_eq!(train_length(&of(&[9; 20]), 1), 1);
        let mut mixed = of(&[9, 9]);
        mixed.extend(datagrams(one, one, &[9]));
        assert_eq!(train_length(&mixed, 8), 2);
        let mut sources = of(&[9, 9]);
        sources.extend(datagrams(two, two, &[9]));
        assert_eq!(train_length(&sources, 8), 2);
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
            let sizes = [700, 700, 700, 300, 700, 900];
            let mut queue = datagrams(source, receiver.local_addr().expect("bound"), &sizes);
            assert_eq!(sockets.send(&mut queue), 0);
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
}
