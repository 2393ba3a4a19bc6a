//! Whether the system lets media through at all: sandboxes refuse system calls that most programs never make.

use super::{BATCH, BUFFER, Calls, One, Outgoing, bind_one};
use quinn_udp::{RecvMeta, UdpSockRef};
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

/// So long a datagram may take on this machine.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends one datagram to itself, with the calls that media are sent and received with. It takes a second at most.
///
/// # Errors
/// Which of the calls did not work, and why.
pub fn try_datagrams() -> io::Result<()> {
    let one = here()?;
    exchange(&one, one.local)
}

/// What a socket gets to receive and to send with, in bytes: [`super::KERNEL_BUFFER`], or less.
///
/// # Errors
/// There is no socket to be had.
pub fn try_buffers() -> io::Result<[usize; 2]> {
    here()?.buffers()
}

/// A socket on this machine alone.
fn here() -> io::Result<One> {
    let bind = |address: SocketAddr| bind_one(address, None, false);
    bind((Ipv4Addr::LOCALHOST, 0).into()).or_else(|_| bind((Ipv6Addr::LOCALHOST, 0).into()))
}

fn exchange(one: &One, destination: SocketAddr) -> io::Result<()> {
    let datagram = [Outgoing { source: one.local, destination, contents: b"plenum".to_vec() }];
    one.transmit(&datagram, &[1], None, &mut Calls::default()).map_err(|error| of("sendmmsg", error.into()))?;
    let end = Instant::now() + PATIENCE;
    let mut buffer = vec![0; BUFFER];
    loop {
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let mut meta = [RecvMeta::default(); BATCH];
        match one.state.recv(UdpSockRef::from(&one.socket), &mut slices, &mut meta) {
            Ok(_) => return Ok(()),
            // It is there once it was sent, as a rule.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < end => std::thread::yield_now(),
            Err(error) => return Err(of("recvmmsg", error)),
        }
    }
}

fn of(call: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{call}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_to_oneself_shows_that_both_calls_work_and_an_error_says_which_does_not() {
        try_datagrams().expect("this machine has no sandbox");

        let one = bind_one((Ipv4Addr::LOCALHOST, 0).into(), None, false).expect("a socket");
        // Nobody has this port, and the kernel says so.
        let error = exchange(&one, (Ipv4Addr::LOCALHOST, 0).into()).expect_err("not sent");
        assert!(error.to_string().starts_with("sendmmsg: "), "{error}");
    }
}
