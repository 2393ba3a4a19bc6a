//! Where clients are told that they reach this server.

use std::net::{IpAddr, SocketAddr};

/// What does not change as long as the sockets are there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Of all media sockets.
    pub(crate) port: u16,
    /// Whether there are sockets for IPv4 and for IPv6.
    pub(crate) families: [bool; 2],
    /// Where TCP connections come in.
    pub(crate) stream_port: Option<u16>,
}

/// The addresses of media, those a client most likely reaches first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) datagrams: Vec<SocketAddr>,
    pub(crate) streams: Vec<SocketAddr>,
}

impl Place {
    /// Those of the addresses at which there is a socket.
    pub(crate) fn reach(&self, addresses: &[IpAddr]) -> Reach {
        let [ipv4, ipv6] = self.families;
        let served = || addresses.iter().filter(|address| if address.is_ipv4() { ipv4 } else { ipv6 });
        let at = |port: u16| served().map(move |address| SocketAddr::new(*address, port));
        Reach { datagrams: at(self.port).collect(), streams: self.stream_port.into_iter().flat_map(at).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_of_an_address_without_a_socket() {
        let of = |text: &str| text.parse().expect("an address");
        let addresses = ["192.0.2.1", "2001:db8::1", "192.0.2.2"].map(|text| text.parse().expect("an address"));
        let place = Place { port: 8080, families: [true, false], stream_port: Some(443) };

        let reach = place.reach(&addresses);

        assert_eq!(reach.datagrams, ["192.0.2.1:8080", "192.0.2.2:8080"].map(of) as [SocketAddr; 2]);
        assert_eq!(reach.streams, ["192.0.2.1:443", "192.0.2.2:443"].map(of) as [SocketAddr; 2]);
        assert!(Place { stream_port: None, ..place }.reach(&addresses).streams.is_empty());
    }
}
