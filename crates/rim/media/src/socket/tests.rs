use super::*;
use crate::drops::counted::Drops;
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use sending::tests::datagrams;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

#[test]
fn a_port_that_somebody_has_in_one_family_is_a_fault() {
    for family in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
        let holder = Socket::new(Domain::for_address((family, 0).into()), Type::DGRAM, None).expect("a socket");
        if family.is_ipv6() {
            holder.set_only_v6(true).expect("of one family");
        }
        holder.bind(&SocketAddr::new(family, 0).into()).expect("a port");
        let port = holder.local_addr().expect("bound").as_socket().expect("of the internet").port();

        let refused = Sockets::bind(None, port, None, false).map(drop).expect_err("somebody has it");
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse, "{family}");
        assert!(refused.to_string().contains(&SocketAddr::new(family, port).to_string()), "{refused}");
    }
    assert_eq!(Sockets::bind(None, 0, None, false).expect("a free one").families(), [true, true]);
}

#[test]
fn a_machine_without_a_family_does_with_the_other() {
    let missing = [Errno::EAFNOSUPPORT, Errno::EADDRNOTAVAIL].map(io::Error::from);
    assert!(missing.iter().all(is_missing));
    assert!(!is_missing(&Errno::EADDRINUSE.into()) && !is_missing(&Errno::EACCES.into()));
}

#[test]
fn trains_arrive_as_the_datagrams_they_were_and_carry_the_mark_of_the_operator() {
    for family in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let receiver = std::net::UdpSocket::bind((family, 0)).expect("a socket");
        receiver.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        setsockopt(&receiver, sockopt::IpRecvTos, &true).ok();
        setsockopt(&receiver, sockopt::Ipv6RecvTClass, &true).ok();
        let mut sockets = Sockets::bind(Some(family), 0, Some(46), false).expect("a socket");
        let source = SocketAddr::new(family, sockets.port());
        // So that it is said where they come from.
        assert!(sockets.own.has(family));
        let sizes = [700, 700, 700, 300, 700, 900];
        let mut queue = datagrams(source, receiver.local_addr().expect("bound"), &sizes);
        assert_eq!(sockets.send(&mut queue, &mut Calls::default()), 0);
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

#[test]
fn datagrams_may_be_parted_on_their_way() {
    let [four, six] = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()].map(|family| {
        let mut sockets = Sockets::bind(Some(family), 0, None, false).expect("a socket");
        sockets.list.pop().expect("one").socket
    });
    let setting = options::tests::get;
    assert_eq!(setting(four.as_fd(), libc::IPPROTO_IP, libc::IP_MTU_DISCOVER), libc::IP_PMTUDISC_OMIT);
    assert_eq!(setting(six.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER), libc::IPV6_PMTUDISC_WANT);
    assert_eq!(setting(six.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG), 0);
}

/// Runs the rest of a test where the loopback device takes packets of at most 1280 bytes: in a network of its own. `None` where
/// this is such a place already; else whether it went well, which it does as well where no networks can be made.
fn in_a_narrow_network(test: &str) -> Option<bool> {
    const INSIDE: &str = "PLENUM_TEST_IS_NARROW";
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command.args([
            "--net",
            "--map-root-user",
            "sh",
            "-c",
            &format!("ip link set lo mtu 1280 up && {script}"),
            "sh",
        ]);
        command
    };
    if !unshared("true").output().is_ok_and(|made| made.status.success()) {
        return Some(true);
    }
    let program = std::env::current_exe().expect("this program");
    let run = unshared("exec \"$@\"").arg(program).args(["--exact", test]).env(INSIDE, "yes").output().expect("a run");
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(said.contains("1 passed") || said.contains("1 failed"), "{said}");
    Some(run.status.success())
}

#[test]
fn what_is_larger_than_its_way_arrives_all_the_same_and_so_does_a_train_of_it() {
    let name = "socket::tests::what_is_larger_than_its_way_arrives_all_the_same_and_so_does_a_train_of_it";
    if let Some(is_well) = in_a_narrow_network(name) {
        assert!(is_well);
        return;
    }
    for family in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let receiver = std::net::UdpSocket::bind((family, 0)).expect("a socket");
        receiver.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let mut sockets = Sockets::bind(Some(family), 0, None, false).expect("a socket");
        let source = SocketAddr::new(family, sockets.port());
        let sizes = [1500, 1300, 1300, 1300, 700, 300];
        let mut queue = datagrams(source, receiver.local_addr().expect("bound"), &sizes);
        assert_eq!(sockets.send(&mut queue, &mut Calls::default()), 0, "{family}");
        for size in sizes {
            assert_eq!(receiver.recv(&mut [0; 2048]).expect("a datagram"), size);
        }
        assert!(sockets.list[0].longest > 1, "others leave in trains");
    }
}

#[test]
fn what_does_not_leave_is_counted_by_its_cause() {
    let drops = Drops::default();
    drops.record(|| {
        let mut sockets = Sockets::bind(Some(Ipv4Addr::UNSPECIFIED.into()), 0, None, false).expect("a socket");
        let source = SocketAddr::from(([127, 0, 0, 1], sockets.port()));
        let mut send = |to: &str, size: usize| {
            let mut queue = datagrams(source, to.parse().expect("an address"), &[size]);
            assert_eq!(sockets.send(&mut queue, &mut Calls::default()), 1, "{to}");
        };
        send("[::1]:4000", 80);
        send("127.0.0.1:4000", 65_530);
        // A broadcast, which no socket may send that did not ask for it.
        send("127.255.255.255:4000", 80);
        send("127.0.0.1:0", 80);
    });

    let counted = drops.by_reason();
    for reason in ["send_unreachable", "send_too_long", "send_refused", "send_failed"] {
        assert_eq!(counted.get(reason), Some(&1), "{reason}: {counted:?}");
    }
    assert_eq!(counted.get("send_queue").copied().unwrap_or_default(), 0);
}

#[test]
fn what_the_queue_of_the_kernel_lost_is_counted() {
    let drops = Drops::default();
    drops.record(|| {
        let mut sockets = Sockets::bind(Some(Ipv4Addr::LOCALHOST.into()), 0, None, false).expect("a socket");
        let [receive, _] = sockets.list[0].buffers().expect("said");
        let client = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        // More than there is room for: each takes more than its size.
        let count = 2 * receive / 1200 + 1;
        for _ in 0..count {
            client.send_to(&[0; 1200], (Ipv4Addr::LOCALHOST, sockets.port())).expect("sent");
        }
        let start = Instant::now();
        sockets.look(start);
        let lost = *drops.by_reason().get("receive_queue").expect("lost some");
        let mut came = 0;
        while sockets.receive(|_, _, _| came += 1) {}
        assert_eq!(lost + came, u64::try_from(count).expect("few"));

        sockets.look(start + LOOK);
        assert_eq!(drops.by_reason().get("receive_queue"), Some(&lost), "once");
    });
}

#[test]
fn that_nothing_can_be_received_is_counted_and_that_nothing_came_is_not() {
    let errors = Drops::of("media_receive_errors_total");
    errors.record(|| {
        let mut sockets = Sockets::bind(Some(Ipv4Addr::LOCALHOST.into()), 0, None, false).expect("a socket");
        assert!(!sockets.receive(|_, _, _| panic!("nothing came")));
        assert!(errors.by_reason().is_empty());
        // Which the call refuses to read.
        let file = std::fs::File::open("/dev/null").expect("a file");
        sockets.list[0].socket = UdpSocket::from_std(OwnedFd::from(file).into());
        assert!(!sockets.receive(|_, _, _| panic!("nothing came")));
    });
    assert_eq!(errors.by_reason().get(""), Some(&1));
}

/// One datagram that came, and where to.
fn received(sockets: &mut Sockets) -> (SocketAddr, SocketAddr) {
    let mut came = None;
    while came.is_none() {
        sockets.receive(|source, destination, _| came = Some((source, destination)));
        std::thread::yield_now();
    }
    came.expect("it came")
}

#[test]
fn an_answer_leaves_by_the_address_that_was_asked_though_it_came_after_the_start() {
    let mut sockets = Sockets::bind(None, 0, None, false).expect("a socket");
    sockets.own = Own::new(Vec::new());
    let client = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let floating = SocketAddr::from(([127, 0, 0, 2], sockets.port()));
    client.send_to(b"question", floating).expect("sent");

    let (source, destination) = received(&mut sockets);
    assert_eq!(destination, floating);
    assert_eq!(sockets.send(&mut datagrams(destination, source, &[80]), &mut Calls::default()), 0);

    assert_eq!(client.recv_from(&mut [0; 100]).expect("an answer"), (80, floating));
}

#[test]
fn an_address_that_went_takes_no_answer_with_it() {
    let mut sockets = Sockets::bind(None, 0, None, false).expect("a socket");
    let gone = SocketAddr::from(([203, 0, 113, 9], sockets.port()));
    sockets.own = Own::new(vec![gone.ip()]);
    let client = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");

    let mut queue = datagrams(gone, client.local_addr().expect("bound"), &[300, 300, 20]);
    assert_eq!(sockets.send(&mut queue, &mut Calls::default()), 0);

    for size in [300, 300, 20] {
        let (length, from) = client.recv_from(&mut [0; 1000]).expect("a datagram");
        assert_eq!((length, from), (size, SocketAddr::from(([127, 0, 0, 1], sockets.port()))));
    }
}

#[test]
fn who_cannot_be_reached_costs_the_others_nothing() {
    for family in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let receivers: Vec<_> = (0..70).map(|_| std::net::UdpSocket::bind((family, 0)).expect("a socket")).collect();
        let mut sockets = Sockets::bind(Some(family), 0, None, false).expect("a socket");
        let source = SocketAddr::new(family, sockets.port());
        let mut queue = Vec::new();
        for (index, receiver) in receivers.iter().enumerate() {
            receiver.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
            let sizes: &[usize] = if index % 3 == 0 { &[300, 300, 20] } else { &[80] };
            queue.extend(datagrams(source, receiver.local_addr().expect("bound"), sizes));
            // Nobody has this port, and the kernel says so at once.
            if index % 10 == 5 {
                queue.extend(datagrams(source, SocketAddr::new(family, 0), &[80]));
            }
        }
        assert_eq!(sockets.send(&mut queue, &mut Calls::default()), 7);
        for (index, receiver) in receivers.iter().enumerate() {
            let sizes: &[usize] = if index % 3 == 0 { &[300, 300, 20] } else { &[80] };
            for size in sizes {
                let (length, from) = receiver.recv_from(&mut [0; 2048]).expect("a datagram");
                assert_eq!((length, from), (*size, source));
            }
        }
    }
}

/// A datagram from port 0, as no socket sends it.
fn from_port_0(to: u16) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::from(libc::SOCK_RAW), Some(Protocol::UDP))?;
    let [high, low] = to.to_be_bytes();
    let destination = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.send_to(&[0, 0, high, low, 0, 10, 0, 0, 1, 2], &destination.into()).map(drop)
}

#[test]
fn who_sends_from_port_0_is_not_heard() {
    let drops = Drops::default();
    drops.record(|| {
        let mut sockets = Sockets::bind(Some(Ipv4Addr::LOCALHOST.into()), 0, None, false).expect("a socket");
        if from_port_0(sockets.port()).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
            // Only the superuser may, who runs the tests of every change.
            return;
        }
        let client = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.send_to(&[1], (Ipv4Addr::LOCALHOST, sockets.port())).expect("sent");
        assert_eq!(received(&mut sockets).0, client.local_addr().expect("bound"));
        assert_eq!(drops.by_reason().get("forged_source"), Some(&1));
    });
}
