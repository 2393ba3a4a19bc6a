//! The peers' UDP sockets. Every peer has an address of its own (all of 127.0.0.0/8 is this machine), but few sockets serve
//! all of them: what is measured is the media plane, not a thousand sockets of ours. They are looked at now and then, which wakes
//! nobody: a thread that sleeps on its sockets is woken by whoever sends, so the media plane would do that work for all its
//! peers.

use crate::crew::CREWS;
use nix::sys::socket::{setsockopt, sockopt};
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::IoSliceMut;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime};
use str0m::net;

const SOCKETS: usize = 8;
const BATCH: usize = 32;
const BUFFER: usize = 64 * 1024;
/// Whatever the kernel gives others: what is measured is the media plane, not how often peers on the same processors have their turn.
const KERNEL_BUFFER: usize = 32 << 20;

pub(crate) struct Sockets {
    list: Vec<(UdpSocket, UdpSocketState)>,
    ports: Vec<u16>,
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

/// Which socket serves the peer of that number.
fn socket_of(peer: u32) -> usize {
    usize::try_from(peer / CREWS).unwrap_or(0) % SOCKETS
}

impl Sockets {
    pub(crate) fn bind() -> anyhow::Result<Self> {
        let mut list = Vec::new();
        let mut ports = Vec::new();
        for _ in 0..SOCKETS {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_nonblocking(true)?;
            socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
            if setsockopt(&socket, sockopt::RcvBufForce, &KERNEL_BUFFER).is_err() {
                socket.set_recv_buffer_size(KERNEL_BUFFER)?;
            }
            socket.set_send_buffer_size(KERNEL_BUFFER)?;
            let socket = UdpSocket::from(socket);
            let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
            ports.push(socket.local_addr()?.port());
            list.push((socket, state));
        }
        let buffers = Box::new(std::array::from_fn(|_| vec![0; BUFFER]));
        Ok(Self { list, ports, ready: [false; SOCKETS], buffers })
    }

    pub(crate) fn address(&self, peer: u32) -> SocketAddr {
        let port = self.ports[socket_of(peer)];
        SocketAddr::from((Ipv4Addr::from(FIRST + 1 + peer), port))
    }

    pub(crate) fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Lets time pass, unless something is left to read.
    pub(crate) fn wait(&mut self, time: Duration) {
        if !self.ready.contains(&true) {
            std::thread::sleep(time);
            self.ready = [true; SOCKETS];
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
            // Fewer than fit: it is empty.
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
        let (socket, state) = &self.list[socket_of(peer)];
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
