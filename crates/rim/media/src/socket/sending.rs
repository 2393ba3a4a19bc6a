//! Sending: what goes to one destination leaves as a train, which the kernel or the device parts (UDP segmentation), and
//! many trains leave in one call.

use super::One;
use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

/// Longest train of datagrams to one destination.
pub(super) const MAX_TRAIN: usize = 32;

/// Datagrams handed to the kernel in one call, in as many trains as they need.
const MAX_CALL: usize = 64;

/// A datagram to send.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) contents: Vec<u8>,
}

/// What the kernel is shown in a call, for each family; of the thread that calls.
pub(crate) struct Calls {
    v4: Headers,
    v6: Headers,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self { v4: Headers::new(true), v6: Headers::new(false) }
    }
}

/// What the kernel is shown of each train. Each kind of call has its own, because they are made for control messages of
/// one length, and the kernel refuses longer room than what is in it.
struct Headers {
    plain: MultiHeaders<SockaddrStorage>,
    cut: MultiHeaders<SockaddrStorage>,
    from: MultiHeaders<SockaddrStorage>,
    from_and_cut: MultiHeaders<SockaddrStorage>,
}

impl Headers {
    fn new(is_ipv4: bool) -> Self {
        let (from, from_and_cut) = if is_ipv4 {
            (nix::cmsg_space!(in_pktinfo), nix::cmsg_space!(in_pktinfo, u16))
        } else {
            (nix::cmsg_space!(in6_pktinfo), nix::cmsg_space!(in6_pktinfo, u16))
        };
        Self {
            plain: MultiHeaders::preallocate(MAX_CALL, None),
            cut: MultiHeaders::preallocate(MAX_CALL, Some(nix::cmsg_space!(u16))),
            from: MultiHeaders::preallocate(MAX_CALL, Some(from)),
            from_and_cut: MultiHeaders::preallocate(MAX_CALL, Some(from_and_cut)),
        }
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

/// As many trains from the first datagram on as can leave in one call: all from one address and, if they are longer than one
/// datagram, all of the same size. `trains` is where each ends; returns how many there are.
fn gather(queue: &[Outgoing], longest: usize, trains: &mut [usize; MAX_CALL]) -> usize {
    let Some(first) = queue.first() else { return 0 };
    let (mut count, mut end) = (0, 0);
    let mut cut = None;
    while let Some(next) = queue.get(end) {
        let length = train_length(&queue[end..], longest);
        let size = (length > 1).then_some(next.contents.len());
        let fits = end + length <= MAX_CALL
            && next.source == first.source
            && next.destination.is_ipv4() == first.destination.is_ipv4()
            && *cut.get_or_insert(size) == size;
        if !fits {
            break;
        }
        end += length;
        trains[count] = end;
        count += 1;
    }
    count
}

impl One {
    /// Sends what can leave in one call. Returns how many datagrams from the first on left and how many after them the kernel
    /// did not take. Those that follow are to be sent by another call.
    pub(super) fn send(&mut self, queue: &[Outgoing], source: Option<IpAddr>, calls: &mut Calls) -> (usize, usize) {
        let mut trains = [0; MAX_CALL];
        let count = gather(queue, self.longest, &mut trains);
        let Some(first) = trains.first().copied().filter(|_| count > 0) else { return (0, 0) };
        match self.transmit(queue, &trains[..count], source, calls) {
            // One that was refused behind others is the first of the next call.
            Ok(sent) => sent.checked_sub(1).map_or((0, first), |last| (trains[last], 0)),
            // A device that cannot part trains says so when it gets the first one.
            Err(Errno::EIO | Errno::EINVAL) if first > 1 => {
                self.longest = 1;
                (0, 0)
            }
            Err(_) => (0, first),
        }
    }

    /// Hands trains to the kernel, all of them in one call. Returns how many it took, one at least.
    fn transmit(
        &self,
        queue: &[Outgoing],
        trains: &[usize],
        source: Option<IpAddr>,
        calls: &mut Calls,
    ) -> nix::Result<usize> {
        let Some((first, last)) = queue.first().zip(trains.last()) else { return Ok(0) };
        let mut all = [IoSlice::new(&[]); MAX_CALL];
        for (slice, datagram) in all.iter_mut().zip(&queue[..*last]) {
            *slice = IoSlice::new(&datagram.contents);
        }
        let mut slices: [&[IoSlice]; MAX_CALL] = [&[]; MAX_CALL];
        let mut destinations = [None; MAX_CALL];
        let mut start = 0;
        for (index, end) in trains.iter().copied().enumerate() {
            slices[index] = &all[start..end];
            destinations[index] = Some(SockaddrStorage::from(queue[start].destination));
            start = end;
        }
        let size = u16::try_from(first.contents.len()).map_err(|_| Errno::EMSGSIZE)?;
        let cut = (trains[0] > 1).then_some(ControlMessage::UdpGsoSegments(&size));
        let (v4, v6);
        let from = match source {
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
        let headers = if self.local.is_ipv4() { &mut calls.v4 } else { &mut calls.v6 };
        let headers = match (&from, &cut) {
            (None, None) => &mut headers.plain,
            (None, Some(_)) => &mut headers.cut,
            (Some(_), None) => &mut headers.from,
            (Some(_), Some(_)) => &mut headers.from_and_cut,
        };
        let (one, both);
        let control: &[ControlMessage] = match (from, cut) {
            (None, None) => &[],
            (Some(message), None) | (None, Some(message)) => {
                one = [message];
                &one
            }
            (Some(from), Some(cut)) => {
                both = [from, cut];
                &both
            }
        };
        let (slices, destinations) = (&slices[..trains.len()], &destinations[..trains.len()]);
        loop {
            match sendmmsg(self.socket.as_raw_fd(), headers, slices, destinations, control, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                taken => return taken.map(Iterator::count),
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::socket) fn datagrams(source: SocketAddr, destination: SocketAddr, sizes: &[usize]) -> Vec<Outgoing> {
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
    fn a_call_takes_what_has_one_address_and_one_size() {
        let of = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let lengths = |queue: &[Outgoing]| {
            let mut trains = [0; MAX_CALL];
            let count = gather(queue, 8, &mut trains);
            trains[..count].to_vec()
        };
        let to = |port: u16, sizes: &[usize]| datagrams(of(1), of(port), sizes);
        let all = |parts: Vec<Vec<Outgoing>>| parts.into_iter().flatten().collect::<Vec<_>>();

        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&all(vec![to(2, &[9]), to(3, &[5]), to(4, &[70])])), [1, 2, 3]);
        assert_eq!(lengths(&all(vec![to(2, &[9, 9, 4]), to(3, &[9, 9])])), [3, 5]);
        assert_eq!(lengths(&all(vec![to(2, &[9, 9, 4]), to(3, &[8, 8])])), [3]);
        assert_eq!(lengths(&all(vec![to(2, &[9]), to(3, &[8, 8])])), [1]);
        assert_eq!(lengths(&all(vec![to(2, &[9]), datagrams(of(5), of(3), &[9])])), [1]);
        let sixth = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 2));
        assert_eq!(lengths(&all(vec![to(2, &[9]), datagrams(of(1), sixth, &[9])])), [1]);
        let many: Vec<_> = (0..40).map(|port| to(port, &[9, 9])).collect();
        assert_eq!(lengths(&all(many)).len(), MAX_CALL / 2);
        let eights: Vec<_> = (0..40).map(|port| to(port, &[9; 20])).collect();
        assert_eq!(lengths(&all(eights)), [8, 16, 20, 28, 36, 40, 48, 56, 60]);
    }
}
