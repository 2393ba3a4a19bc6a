//! Where a port is open: on one address, or on all of the machine.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tracing::debug;

/// Connections that wait for being taken in.
const BACKLOG: i32 = 1024;
/// Where the system chooses the port, a number that is free for IPv4 may be taken for IPv6. So often another is tried.
const TRIES: usize = 8;

/// Whoever is gone without a word, with their network, holds no place for long: a connection on which nothing came for half a
/// minute is asked three times, ten seconds apart, and then ends.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10)).with_retries(3);

/// Bytes of a connection with media that the system takes and does not send yet: a message of the largest size. What waits longer waits
/// where sound overtakes data, and what is late is dropped.
const MEDIA_UNSENT: u32 = 16 * 1024;

/// What comes of an accepted connection, whatever is spoken on it.
pub(super) trait Carried {
    /// What carries it.
    fn carrier(&self) -> &TcpStream;

    /// It carries media: else the system would take megabytes of data at once, and sound would wait behind them.
    fn carry_media(&self) {
        if let Err(error) = SockRef::from(self.carrier()).set_tcp_notsent_lowat(MEDIA_UNSENT) {
            debug!(%error, "the system takes as much as it likes of a connection with media");
        }
    }
}

impl Carried for TcpStream {
    fn carrier(&self) -> &TcpStream {
        self
    }
}

impl Carried for TlsStream<TcpStream> {
    fn carrier(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// One port, of one address or of all.
#[derive(Debug)]
pub(crate) struct Listeners {
    first: TcpListener,
    second: Option<TcpListener>,
}

impl Listeners {
    /// Opens a port. `0.0.0.0` and `::` both are all addresses of both families, as for media over UDP; a machine without
    /// one of the families does with the other. Each family has a socket of its own, so that nobody's IPv4 address is
    /// seen as one of IPv6.
    ///
    /// # Errors
    /// The port cannot be had in a family that the machine has.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_unspecified() {
            return Ok(Self { first: open(address)?, second: None });
        }
        let mut tries = TRIES;
        loop {
            match open_both(address.port()) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && address.port() == 0 && tries > 1 => {
                    tries -= 1
                }
                opened => return opened,
            }
        }
    }

    /// The address of the first, whose port all share.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.first.local_addr()
    }

    /// The next connection. May be dropped while it waits without losing one.
    pub(crate) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = match &self.second {
            None => self.first.accept().await,
            Some(second) => tokio::select! {
                accepted = self.first.accept() => accepted,
                accepted = second.accept() => accepted,
            },
        }?;
        let settings = stream.set_nodelay(true).and_then(|()| SockRef::from(&stream).set_tcp_keepalive(&KEEPALIVE));
        if let Err(error) = settings {
            debug!(%error, "a connection keeps its settings");
        }
        Ok((stream, peer))
    }
}

fn open_both(port: u16) -> io::Result<Listeners> {
    let first = match open((Ipv4Addr::UNSPECIFIED, port).into()) {
        Err(error) if is_missing(&error) => {
            debug!(%error, "this machine has no IPv4");
            None
        }
        opened => Some(opened?),
    };
    let port = first.as_ref().map_or(Ok(port), |first| first.local_addr().map(|address| address.port()))?;
    let second = open((Ipv6Addr::UNSPECIFIED, port).into());
    match (first, second) {
        (Some(first), Err(error)) if is_missing(&error) => {
            debug!(%error, "this machine has no IPv6");
            Ok(Listeners { first, second: None })
        }
        (Some(first), second) => Ok(Listeners { first, second: Some(second?) }),
        (None, second) => Ok(Listeners { first: second?, second: None }),
    }
}

/// The machine does not have that family: not built into its kernel, or without any address.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A server that starts again need not wait for the connections of the last one to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    /// Connects and says from where the server sees it.
    async fn seen(listeners: &Listeners, to: SocketAddr) -> IpAddr {
        let (stream, accepted) = tokio::join!(TcpStream::connect(to), listeners.accept());
        stream.unwrap();
        accepted.unwrap().1.ip()
    }

    #[tokio::test]
    async fn all_addresses_are_those_of_both_families() {
        for all in ["0.0.0.0:0", "[::]:0"] {
            let listeners = Listeners::bind(all.parse().unwrap()).unwrap();
            let port = listeners.local_addr().unwrap().port();
            for address in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
                assert_eq!(seen(&listeners, SocketAddr::new(address, port)).await, address, "{all}");
            }
        }
    }

    #[tokio::test]
    async fn whoever_is_gone_without_a_word_is_found_out_within_a_minute() {
        let listeners = Listeners::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (stream, accepted) = tokio::join!(TcpStream::connect(listeners.local_addr().unwrap()), listeners.accept());
        let _open = stream.unwrap();
        let (accepted, _) = accepted.unwrap();
        let socket = SockRef::from(&accepted);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        let asked = socket.tcp_keepalive_interval().unwrap() * socket.tcp_keepalive_retries().unwrap();
        assert_eq!(socket.tcp_keepalive_time().unwrap() + asked, Duration::from_secs(60));
    }

    #[tokio::test]
    async fn the_system_takes_little_of_a_connection_with_media_before_it_sends_it() {
        let listeners = Listeners::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (stream, accepted) = tokio::join!(TcpStream::connect(listeners.local_addr().unwrap()), listeners.accept());
        let (open, (accepted, _)) = (stream.unwrap(), accepted.unwrap());
        accepted.carry_media();
        assert_eq!(SockRef::from(&accepted).tcp_notsent_lowat().unwrap(), MEDIA_UNSENT);

        // Nobody reads: what the other side's system takes has been sent.
        accepted.writable().await.unwrap();
        let mut taken = 0;
        while let Ok(more) = accepted.try_write(&[0; 1024]) {
            taken += more;
        }
        let received = SockRef::from(&open).recv_buffer_size().unwrap();
        assert!(taken > 0 && taken <= received + 64 * 1024, "{taken} bytes, {received} of them to be received");
    }

    #[tokio::test]
    async fn one_address_is_that_alone() {
        let listeners = Listeners::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listeners.local_addr().unwrap().port();
        assert_eq!(seen(&listeners, (Ipv4Addr::LOCALHOST, port).into()).await, Ipv4Addr::LOCALHOST);
        let refused = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn a_port_that_somebody_has_in_one_family_is_a_fault() {
        let six = open((Ipv6Addr::UNSPECIFIED, 0).into()).unwrap();
        let port = six.local_addr().unwrap().port();
        let refused = Listeners::bind((Ipv4Addr::UNSPECIFIED, port).into()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    }
}
