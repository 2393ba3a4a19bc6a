//! Settings of a socket that no crate has.
#![expect(unsafe_code, reason = "the system calls take pointers")]

use nix::errno::Errno;
use nix::libc::{self, c_int, c_void, socklen_t};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Figures of a socket's memory (`include/uapi/asm-generic/socket.h`, Linux 4.12), and how many there are
/// (`SK_MEMINFO_VARS` of `linux/sock_diag.h`).
const SO_MEMINFO: c_int = 55;
const MEMORY_FIGURES: usize = 9;

/// Lets datagrams that are larger than their way be parted. A forwarder cannot make them smaller, and would lose them there for
/// good.
///
/// IPv4: whoever meets one on the way parts it, and nobody's word on how narrow the way is counts (`IP_PMTUDISC_OMIT`, Linux 3.15;
/// else `IP_PMTUDISC_DONT`). IPv6: the sender alone may part them, and believes those who say how narrow it is (RFC 8201). Where
/// a system has none of that, media flow as far as they do: that is no reason not to start.
pub(super) fn let_part(socket: BorrowedFd<'_>, is_ipv4: bool) {
    let done = if is_ipv4 {
        let as_said = |how| set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, how);
        as_said(libc::IP_PMTUDISC_OMIT).or_else(|_| as_said(libc::IP_PMTUDISC_DONT))
    } else {
        let wanted = set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_WANT);
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 0).and(wanted)
    };
    if let Err(error) = done {
        tracing::warn!(
            is_ipv4,
            %error,
            "the system parts no datagrams: media packets that are larger than the way to somebody takes are lost there"
        );
    }
}

/// How many datagrams the kernel threw away because the socket's queue was full, since there is the socket. Those that came as one
/// train count as one. It begins anew after 2^32.
pub(super) fn overflowed(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let mut figures = [0_u32; MEMORY_FIGURES];
    let mut length = socklen_t::try_from(size_of_val(&figures)).map_err(io::Error::other)?;
    // SAFETY: the kernel writes no more than `length` says, which is what `figures` has.
    let done = unsafe {
        let place = figures.as_mut_ptr().cast::<c_void>();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_MEMINFO, place, &raw mut length)
    };
    Errno::result(done)?;
    let place = usize::try_from(libc::SK_MEMINFO_DROPS).map_err(io::Error::other)?;
    figures.get(place).copied().ok_or_else(|| io::ErrorKind::Unsupported.into())
}

fn set(socket: BorrowedFd<'_>, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    let length = socklen_t::try_from(size_of::<c_int>()).map_err(io::Error::other)?;
    let value: *const c_int = &raw const value;
    // SAFETY: the kernel reads as many bytes of `value` as it has.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.cast::<c_void>(), length) };
    Ok(Errno::result(done).map(drop)?)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A setting of the socket's, as the kernel has it.
    pub(in crate::socket) fn get(socket: BorrowedFd<'_>, level: c_int, name: c_int) -> c_int {
        let mut value: c_int = -1;
        let mut length = socklen_t::try_from(size_of::<c_int>()).expect("few");
        let place: *mut c_int = &raw mut value;
        // SAFETY: the kernel writes no more than `length` says, which is what `value` has.
        let done = unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, place.cast(), &raw mut length) };
        Errno::result(done).expect("a setting");
        value
    }
}
