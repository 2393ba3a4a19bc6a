//! Sending: what goes to one destination leaves as a train, which the kernel or the device parts (UDP segmentation), and
//! many trains leave in one call.

use super::One;
use super::faults::Faults;
use super::many::{self, Control, MAX_TRAINS};
use super::own::Own;
use nix::errno::Errno;
use nix::sys::socket::SockaddrStorage;
use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

/// Longest train of datagrams to one destination.
pub(super) const MAX_TRAIN: usize = 32;

/// Datagrams handed to the kernel in one call, in as many trains as they need.
const MAX_CALL: usize = MAX_TRAINS;

/// Larger ones leave alone, in bytes: kernels refuse a train whose pieces do not fit the device, and what is larger than this with its
/// headers may not.
const MAX_PIECE: usize = 1400;

/// A datagram to send.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) contents: Vec<u8>,
}

/// Room for what the kernel is shown in a call.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    destinations: Vec<SockaddrStorage>,
}

/// What a socket needs to send, besides itself.
#[derive(Debug)]
pub(super) struct Around<'a> {
    pub(super) own: &'a mut Own,
    pub(super) faults: &'a mut Faults,
    pub(super) calls: &'a mut Calls,
}

/// How many datagrams from the first on can leave as one train: all of one size but the last, which may be shorter.
fn train_length(queue: &[Outgoing], limit: usize) -> usize {
    let joins = |pair: &[Outgoing]| {
        let (before, next) = (&pair[0], &pair[1]);
        next.destination == before.destination
            && next.source == before.source
            && before.contents.len() <= MAX_PIECE
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
    /// did not take. Those that follow are to be sent by another call; so is everything if `source` turns out to be no address of
    /// ours any more.
    pub(super) fn send(
        &mut self,
        queue: &[Outgoing],
        source: Option<IpAddr>,
        around: &mut Around<'_>,
    ) -> (usize, usize) {
        let mut trains = [0; MAX_CALL];
        let count = gather(queue, self.longest, &mut trains);
        let Some(first) = trains.first().copied().filter(|_| count > 0) else { return (0, 0) };
        match self.transmit(queue, &trains[..count], source, around.calls) {
            // One that was refused behind others is the first of the next call.
            Ok(sent) => sent.checked_sub(1).map_or((0, first), |last| (trains[last], 0)),
            // Kernels say one or the other of a source that is none.
            Err(Errno::EINVAL | Errno::ENETUNREACH | Errno::EADDRNOTAVAIL)
                if source.is_some_and(|source| around.own.is_gone(source)) =>
            {
                (0, 0)
            }
            // Of those for whose way the pieces are too large, the kernel says so with the latter two.
            Err(error @ (Errno::EIO | Errno::EINVAL | Errno::EMSGSIZE)) if first > 1 => {
                if error == Errno::EIO {
                    // A device that cannot part trains says so when it gets the first one.
                    tracing::warn!(
                        "the network device takes no trains of datagrams: each leaves by itself from now on"
                    );
                    self.longest = 1;
                }
                self.send_each(&queue[..first], source, around)
            }
            Err(error) => {
                around.faults.unsent(first, error);
                (0, first)
            }
        }
    }

    /// Sends the datagrams of a train one by one.
    fn send_each(&self, train: &[Outgoing], source: Option<IpAddr>, around: &mut Around<'_>) -> (usize, usize) {
        let mut sent = 0;
        for datagram in train.chunks(1) {
            match self.transmit(datagram, &[1], source, around.calls) {
                Ok(_) => sent += 1,
                Err(error) => around.faults.unsent(1, error),
            }
        }
        (sent, train.len() - sent)
    }

    /// Hands trains to the kernel, all of them in one call. Returns how many it took, one at least.
    pub(super) fn transmit(
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
        calls.destinations.clear();
        let mut start = 0;
        for (slices, end) in slices.iter_mut().zip(trains.iter().copied()) {
            *slices = &all[start..end];
            calls.destinations.push(queue[start].destination.into());
            start = end;
        }
        let size = u16::try_from(first.contents.len()).map_err(|_| Errno::EMSGSIZE)?;
        let control = Control::new(source, (trains[0] > 1).then_some(size));
        loop {
            match many::send(self.socket.as_fd(), &slices[..trains.len()], &calls.destinations, &control) {
                Err(Errno::EINTR) => {}
                taken => return taken,
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
        assert_eq!(train_length(&of(&[1400, 1400]), 8), 2);
        assert_eq!(train_length(&of(&[1401, 1401]), 8), 1);
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
