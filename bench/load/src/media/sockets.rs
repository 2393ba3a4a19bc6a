//! The peers' UDP sockets. Every peer has an address of its own (all of 127.0.0.0/8 is this machine), but few sockets serve
//! all of them: what is measured is the media plane, not a thousand sockets of ours.

use anyhow::Context;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};
use str0m::net;

const SOCKETS: usize = 8;
const BATCH: usize = 32;
const BUFFER: usize = 64 * 1024;
const KERNEL_BUFFER: usize = 8 << 20;

pub(crate) struct Sockets {
    list: Vec<(UdpSocket, UdpSocketState)>,
    ports: Vec<u16>,
    poll: Poll,
    events: Events,
    /// Sockets with something to read, or perhaps.
    ready: [bool; SOCKETS],
    buffers: Box<[Vec<u8>; BATCH]>,
}

/// When a datagram was there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// The kernel had it.
    pub(crate) came: Instant,
    /// We had it.
    pub(crate) taken: Instant,
}

/// Where the peers' addresses begin.
const FIRST: u32 = u32::from_be_bytes([127, 1, 0, 0]);

impl Sockets {
    pub(crate) fn bind() -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let mut list = Vec::new();
        let mut ports = Vec::new();
        for index in 0..SOCKETS {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_nonblocking(true)?;
            socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
            socket.set_recv_buffer_size(KERNEL_BUFFER)?;
            socket.set_send_buffer_size(KERNEL_BUFFER)?;
            let mut socket = UdpSocket::from_std(socket.into());
            let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
            ports.push(socket.local_addr()?.port());
            poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
            list.push((socket, state));
        }
        let buffers = Box::new(std::array::from_fn(|_| vec![0; BUFFER]));
        Ok(Self { list, ports, poll, events: Events::with_capacity(64), ready: [false; SOCKETS], buffers })
    }

    pub(crate) fn address(&self, peer: u32) -> SocketAddr {
        let port = self.ports[usize::try_from(peer).unwrap_or(0) % SOCKETS];
        SocketAddr::from((Ipv4Addr::from(FIRST + 1 + peer), port))
    }

    /// What the kernel threw away: of the peers' sockets, and of others in this network, which are the media plane's.
    pub(crate) fn dropped(&self) -> anyhow::Result<(u64, u64)> {
        let table = std::fs::read_to_string("/proc/net/udp").context("no list of sockets")?;
        let (mut ours, mut theirs) = (0, 0);
        for line in table.lines().skip(1) {
            let mut fields = line.split_whitespace();
            let port = fields.nth(1).and_then(|local| local.split(':').nth(1));
            let port = port.and_then(|port| u16::from_str_radix(port, 16).ok()).unwrap_or(0);
            let drops: u64 = fields.last().and_then(|drops| drops.parse().ok()).unwrap_or(0);
            *(if self.ports.contains(&port) { &mut ours } else { &mut theirs }) += drops;
        }
        Ok((ours, theirs))
    }

    /// Sleeps until something arrives, but not if something is left to read.
    pub(crate) fn wait(&mut self, time: Duration) {
        let time = if self.ready.contains(&true) { Duration::ZERO } else { time };
        // Interrupted or not: what arrived is told the next time.
        let _ = self.poll.poll(&mut self.events, Some(time));
        for event in &self.events {
            self.ready[event.token().0] = true;
        }
    }

    /// Takes one batch of every socket that has something. `true` if there may be more.
    pub(crate) fn receive(&mut self, mut each: impl FnMut(u32, SocketAddr, SocketAddr, Arrival, &[u8])) -> bool {
        for (((socket, state), port), ready) in self.list.iter().zip(&self.ports).zip(&mut self.ready) {
            if !*ready {
                continue;
            }
            let mut slices = self.buffers.each_mut().map(|buffer| IoSliceMut::new(buffer));
            let mut meta = [RecvMeta::default(); BATCH];
            let count = state.recv(UdpSockRef::from(socket), &mut slices, &mut meta).unwrap_or(0);
            // Fewer than fit: it is empty, and what comes from now on wakes us.
            *ready = count == BATCH;
            let (now, unix) = (Instant::now(), SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default());
            for (meta, buffer) in meta.iter().zip(self.buffers.iter()).take(count) {
                let Some(IpAddr::V4(local)) = meta.dst_ip else { continue };
                let Some(peer) = u32::from(local).checked_sub(FIRST + 1) else { continue };
                let local = SocketAddr::from((local, *port));
                let waited = meta.timestamp.map_or(Duration::ZERO, |at| unix.saturating_sub(at));
                let arrival = Arrival { taken: now, came: now.checked_sub(waited).unwrap_or(now) };
                for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                    each(peer, meta.addr, local, arrival, datagram);
                }
            }
        }
        self.ready.contains(&true)
    }

    pub(crate) fn send(&self, peer: u32, out: &net::Transmit) {
        let (socket, state) = &self.list[usize::try_from(peer).unwrap_or(0) % SOCKETS];
        let transmit = Transmit {
            destination: out.destination,
            ecn: None,
            contents: &out.contents,
            segment_size: None,
            src_ip: Some(out.source.ip()),
        };
        // What does not get out is a packet lost on the way.
        let _ = state.try_send(UdpSockRef::from(socket), &transmit);
    }
}
