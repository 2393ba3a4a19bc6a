//! `sendmmsg`: many trains in one system call.
//!
//! By hand, because `nix` says how many left only by way of addresses that the kernel never wrote, and `rustix` knows neither
//! trains nor source addresses.
#![expect(unsafe_code, reason = "the only system call that no crate has as it is needed here")]

use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::sys::socket::{SockaddrLike, SockaddrStorage};
use std::io::IoSlice;
use std::mem;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Trains in one call.
pub(super) const MAX_TRAINS: usize = 64;

/// What is said of all trains of a call: from where they come, and into pieces of what size they are to be cut.
#[derive(Debug)]
#[repr(C, align(8))]
pub(super) struct Control {
    bytes: [u8; 96],
    length: usize,
}

impl Control {
    pub(super) fn new(source: Option<IpAddr>, piece: Option<u16>) -> Self {
        let mut control = Self { bytes: [0; 96], length: 0 };
        match source {
            // The number of the interface, the source, and the destination, which is none of ours to say (ip(7)).
            Some(IpAddr::V4(address)) => {
                let mut info = [0; 12];
                info[4..8].copy_from_slice(&address.octets());
                control.put(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            // The source and the number of the interface (RFC 3542 section 6).
            Some(IpAddr::V6(address)) => {
                let mut info = [0; 20];
                info[..16].copy_from_slice(&address.octets());
                control.put(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
            None => {}
        }
        if let Some(piece) = piece {
            control.put(libc::SOL_UDP, libc::UDP_SEGMENT, &piece.to_ne_bytes());
        }
        control
    }

    /// Appends a message. There is room for those of [`Self::new`].
    fn put(&mut self, level: c_int, kind: c_int, value: &[u8]) {
        let size = u32::try_from(value.len()).unwrap_or_default();
        // SAFETY: these only add numbers up.
        let (head, length, space) = unsafe { (libc::CMSG_LEN(0), libc::CMSG_LEN(size), libc::CMSG_SPACE(size)) };
        let [head, length, space] = [head, length, space].map(|number| usize::try_from(number).unwrap_or_default());
        let Some(place) = self.bytes.get_mut(self.length..self.length + space) else { return };
        // SAFETY: a header is made of integers, for which zero is a value.
        let mut header: libc::cmsghdr = unsafe { mem::zeroed() };
        header.cmsg_len = length;
        header.cmsg_level = level;
        header.cmsg_type = kind;
        // SAFETY: `place` is at least as long as a header, and nothing is asked of where it begins.
        unsafe { place.as_mut_ptr().cast::<libc::cmsghdr>().write_unaligned(header) };
        place[head..length].copy_from_slice(value);
        self.length += space;
    }
}

/// Hands each train to the kernel for its destination, at most [`MAX_TRAINS`] of them. Returns how many it took, one at least.
///
/// # Errors
/// Why it did not take the first one.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    trains: &[&[IoSlice<'_>]],
    destinations: &[SockaddrStorage],
    control: &Control,
) -> nix::Result<usize> {
    // SAFETY: numbers and pointers, for which zero is a value.
    let mut headers: [libc::mmsghdr; MAX_TRAINS] = [unsafe { mem::zeroed() }; MAX_TRAINS];
    let mut count = 0;
    for ((header, train), destination) in headers.iter_mut().zip(trains).zip(destinations) {
        let header = &mut header.msg_hdr;
        header.msg_name = destination.as_ptr().cast_mut().cast();
        header.msg_namelen = destination.len();
        header.msg_iov = train.as_ptr().cast_mut().cast();
        header.msg_iovlen = train.len();
        if control.length > 0 {
            header.msg_control = control.bytes.as_ptr().cast_mut().cast();
            header.msg_controllen = control.length;
        }
        count += 1;
    }
    // SAFETY: the first `count` headers point to what is borrowed for as long as this takes: addresses of the lengths they say,
    // slices, which are what the kernel expects (`IoSlice` is an `iovec`), and control messages. The kernel writes to none of it,
    // but to the headers themselves.
    let taken = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, 0) };
    Errno::result(taken).map(|taken| usize::try_from(taken).unwrap_or_default())
}
