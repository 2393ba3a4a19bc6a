//! Ports, the addresses clients are sent to, and the address people type.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use reqwest::header::DATE;
use reqwest::tls::TlsInfo;
use reqwest::{Response, Url};

use super::machine::APART;
use super::{Report, certificates};
use crate::config::Config;
use crate::listen::Listeners;
use crate::listen::tls::Tls;
use crate::{token, transport};

/// How long a server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the ports are free, or our own server answers behind them.
pub(super) async fn check_ports(config: &Config, is_running: bool, report: &mut Report) {
    let (tcp, udp) = (SocketAddr::new(config.http.listen, config.http.port), config.media.port);
    if is_running {
        let health = format!("{}/healthCheck", token::own_address(&config.http));
        match ask(&health).await {
            Ok(answer) if answer == "Healthy" => report.ok("TCP port", format!("the server answers on {tcp}")),
            Ok(answer) => report.problem("TCP port", format!("the server answers on {tcp}: {answer}"), LOOK_AT_LOG),
            Err(why) => report.problem(
                "TCP port",
                format!("a server runs in the data folder, but {tcp} does not answer: {why}"),
                "it may have been started with another port; restart it with this configuration",
            ),
        }
    } else {
        judge_bind("TCP port", &tcp.to_string(), Listeners::bind(tcp).map(drop), report);
    }

    if config.media_server.is_some() {
        // Media runs elsewhere, and the port is not opened.
        return;
    }
    let udp = SocketAddr::new(config.http.listen, udp);
    let one = (!udp.ip().is_unspecified()).then_some(udp.ip());
    match (media::try_port(one, udp.port()), is_running) {
        (Err(error), true) if error.kind() == ErrorKind::AddrInUse => {
            report.ok("UDP port", format!("media is on {udp}"));
        }
        (Ok(()), true) if udp.port() != 0 => report.problem(
            "UDP port",
            format!("a server runs in the data folder, but nobody listens on {udp}"),
            "it may have been started with another port; restart it with this configuration",
        ),
        (bound, _) => judge_bind("UDP port", &udp.to_string(), bound, report),
    }
    judge_datagrams(media::try_datagrams(), report);
    judge_buffers(media::try_buffers(), report);
}

const LOOK_AT_LOG: &str = "the server's log says more";

fn judge_bind(topic: &'static str, address: &str, bound: io::Result<()>, report: &mut Report) {
    match bound {
        Ok(()) => report.ok(topic, format!("{address} is free")),
        Err(error) => {
            let advice = match error.kind() {
                ErrorKind::AddrInUse => {
                    "another program has it, for IPv4 or IPv6: stop that, or choose another with client.port or plenum.media.port"
                }
                ErrorKind::PermissionDenied => {
                    "ports below 1024 need AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit"
                }
                _ => "plenum.listen must be an address of this machine",
            };
            report.problem(topic, format!("{address} cannot be used: {error}"), advice);
        }
    }
}

/// Sandboxes refuse system calls that most programs never make.
fn judge_datagrams(tried: io::Result<()>, report: &mut Report) {
    const TOPIC: &str = "UDP calls";
    match tried {
        Ok(()) => report.ok(TOPIC, "datagrams are sent and received many at a time"),
        Err(error) => report.problem(
            TOPIC,
            format!("the system lets no media over UDP through: {error}"),
            "a sandbox (seccomp, SystemCallFilter=) has to allow sendmmsg and recvmmsg, a firewall the loopback device",
        ),
    }
}

/// The kernel gives at most what its settings allow, unless we may go beyond them.
fn judge_buffers(given: io::Result<[usize; 2]>, report: &mut Report) {
    const TOPIC: &str = "UDP buffers";
    let wanted = media::KERNEL_BUFFER;
    let given = match given {
        Ok(given) => given,
        Err(error) => return report.warn(TOPIC, format!("they cannot be looked at: {error}"), "see the UDP port"),
    };
    let small: Vec<String> = ["net.core.rmem_max", "net.core.wmem_max"]
        .iter()
        .zip(given)
        .filter(|(_, given)| *given < wanted)
        .map(|(name, given)| format!("{name} lets a socket have {given} bytes"))
        .collect();
    if small.is_empty() {
        return report.ok(TOPIC, "they are as large as media needs");
    }
    let advice =
        format!("sysctl -w net.core.rmem_max={wanted} net.core.wmem_max={wanted}, and the same in /etc/sysctl.d");
    report.warn(TOPIC, format!("{}; bursts of video may be lost", small.join(", ")), advice);
}

/// Where browsers will send media.
pub(super) async fn check_addresses(config: &Config, report: &mut Report) {
    let mut addresses = transport::addresses(config);
    if config.media.use_external_ip {
        let found = media::external_addresses(&config.media.stun_servers).await;
        if found.is_empty() {
            report.warn(
                "external address",
                "no STUN server answered; clients outside are told inner addresses only",
                "check that UDP gets out to plenum.media.stun_servers, or name the address in plenum.media.advertise",
            );
        }
        addresses = [found, addresses].concat();
    }
    let is_for_this_machine = config.dev || config.http.listen.is_loopback();
    judge_addresses(&addresses, is_for_this_machine, report);
}

/// The way for networks that let nothing but TLS out.
pub(super) fn check_relay(config: &Config, report: &mut Report) {
    const TOPIC: &str = "relay";
    let media = &config.media;
    if let Some(files) = &config.tls
        && let Err(error) = Tls::open(files.clone())
    {
        let advice = "plenum.tls names a chain and its key as PEM files that the server's user can read";
        return report.problem("TLS", format!("{error:#}"), advice);
    }
    match (&media.relay, media.turn.enabled) {
        (Some(relay), _) => report.ok(TOPIC, format!("clients are sent to {}", relay.urls.join(", "))),
        (None, false) => report.ok(TOPIC, "none; networks that let only TLS out cannot join"),
        (None, true) if !media.turn.urls.is_empty() => {
            report.ok(TOPIC, format!("clients are sent to {}", media.turn.urls.join(", ")));
        }
        (None, true) => match (&config.tls, &media.turn.domain) {
            (Some(_), Some(domain)) => report.ok(TOPIC, format!("built in, also over TLS as {domain}")),
            (Some(_), None) => report.warn(
                TOPIC,
                "there is a certificate, but clients are not told of the relay over TLS",
                "name the certificate's host in plenum.media.turn.domain",
            ),
            (None, _) => report.ok(TOPIC, "built in, without TLS; networks that let only TLS out cannot join"),
        },
    }
}

fn judge_addresses(addresses: &[IpAddr], is_for_this_machine: bool, report: &mut Report) {
    const TOPIC: &str = "media address";
    let list = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if is_for_this_machine {
        report.ok(TOPIC, format!("clients are sent to {list}; this server is for trying out"));
    } else if addresses.iter().all(|address| address.is_loopback()) {
        let advice = "connect the machine to a network, or name its address in plenum.media.advertise";
        report.problem(TOPIC, "this machine has no address that others could reach", advice);
    } else if addresses.iter().all(is_private) {
        report.warn(
            TOPIC,
            format!("clients are sent to {list}, which is reached from inside this network alone"),
            "behind NAT, name the public address in plenum.media.advertise and forward the UDP port to this machine",
        );
    } else {
        report.ok(TOPIC, format!("clients are sent to {list}; the UDP port must be open in every firewall on the way"));
    }
}

/// Addresses that the internet has no way to: private, shared (RFC 6598), link-local, unique local.
fn is_private(address: &IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// What people type, and which pages may talk to this server.
pub(super) async fn check_public(config: &Config, report: &mut Report) {
    const TOPIC: &str = "public address";
    let is_for_this_machine = config.dev || config.http.listen.is_loopback();
    match &config.http.public_address {
        None if is_for_this_machine => report.ok(TOPIC, "none, as befits a server for trying out"),
        None => report.warn(
            TOPIC,
            "none is configured; links carry whatever name the caller used",
            "set client.bbb_join_host to the https address people use",
        ),
        Some(address) => check_address(address, is_for_this_machine, report).await,
    }
    let origins = &config.http.allowed_origins;
    if origins.is_empty() {
        report.ok("origins", "pages of any site may open messaging sockets, given a token");
    } else {
        report.ok("origins", format!("besides our own, pages of {}", origins.join(", ")));
    }
}

async fn check_address(address: &str, is_for_this_machine: bool, report: &mut Report) {
    const TOPIC: &str = "public address";
    let Ok(url) = Url::parse(address) else {
        return report.problem(
            TOPIC,
            format!("{address} is no address"),
            "set client.bbb_join_host to an https address",
        );
    };
    let is_local = url.host_str().is_some_and(|host| host == "localhost" || host == "127.0.0.1" || host == "[::1]");
    if url.scheme() != "https" && !is_local && !is_for_this_machine {
        let advice = "put TLS in front of the server; browsers give no camera and microphone to pages without it";
        report.problem(TOPIC, format!("{address} is not https"), advice);
    }
    let health = format!("{}/healthCheck", address.trim_end_matches('/'));
    match call(&health).await {
        Ok(answer) => judge_answer(address, answer, report).await,
        Err(why) => report.warn(
            TOPIC,
            format!("{address} does not answer from here: {why}"),
            "check name, certificate and proxy; some networks cannot reach their own public address",
        ),
    }
}

/// What answers at our own public address: its certificate, its clock, and whether it is us.
async fn judge_answer(address: &str, answer: Response, report: &mut Report) {
    const TOPIC: &str = "public address";
    let now = SystemTime::now();
    let shown = answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
    if let Some(shown) = shown {
        certificates::check_shown(address, shown, now, report);
    }
    let date = answer.headers().get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    if let Some(apart) = date.map(|date| apart(date, now)).filter(|apart| *apart > APART) {
        let text = format!("{address} answers with a time {} s from this machine's", apart.as_secs());
        report.warn("clock", text, "one of the two clocks is wrong; switch on time synchronisation for both");
    }
    match text(answer).await {
        Ok(answer) if answer == "Healthy" => report.ok(TOPIC, format!("a server answers at {address}")),
        Ok(_) => report.warn(
            TOPIC,
            format!("somebody answers at {address}, but not a healthy server"),
            "see that the proxy passes every path on to this server, and that the server runs",
        ),
        Err(why) => report.warn(
            TOPIC,
            format!("{address} does not answer from here: {why}"),
            "check name, certificate and proxy; some networks cannot reach their own public address",
        ),
    }
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|before| before.duration())
}

/// The body of an answer, or why there is none.
async fn ask(url: &str) -> Result<String, String> {
    text(call(url).await?).await
}

async fn call(url: &str) -> Result<Response, String> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).tls_info(true).build().map_err(why)?;
    client.get(url).send().await.map_err(why)
}

async fn text(answer: Response) -> Result<String, String> {
    let text = answer.text().await.map_err(why)?;
    Ok(text.chars().take(200).collect())
}

fn why(error: reqwest::Error) -> String {
    let error = anyhow::Error::new(error.without_url());
    error.chain().last().map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

    use socket2::{Domain, Socket, Type};

    use super::*;
    use crate::doctor::Level;

    #[test]
    fn addresses_nobody_outside_can_reach_are_told_apart() {
        let level = |addresses: &[&str], is_for_this_machine| {
            let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
            let mut report = Report::default();
            judge_addresses(&addresses, is_for_this_machine, &mut report);
            report.worst()
        };

        assert_eq!(level(&["127.0.0.1", "::1"], false), Level::Problem);
        assert_eq!(level(&["10.0.0.1", "fd00::1"], false), Level::Warning);
        assert_eq!(level(&["100.64.0.1", "::ffff:192.168.0.1"], false), Level::Warning);
        assert_eq!(level(&["10.0.0.1", "198.51.100.7"], false), Level::Ok);
        assert_eq!(level(&["10.0.0.1"], true), Level::Ok);
    }

    #[tokio::test]
    async fn a_port_somebody_has_for_ipv6_alone_is_a_problem() {
        let taken = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
        taken.set_only_v6(true).unwrap();
        taken.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()).unwrap();
        let mut config = Config::default();
        (config.http.listen, config.http.port) = (Ipv4Addr::UNSPECIFIED.into(), 0);
        config.media.port = taken.local_addr().unwrap().as_socket().unwrap().port();
        let mut report = Report::default();

        check_ports(&config, false, &mut report).await;

        let port = report.0.iter().find(|finding| finding.topic == "UDP port").unwrap();
        assert_eq!(port.level, Level::Problem, "{report:?}");
        assert!(port.text.contains("[::]"), "{report:?}");
    }

    #[test]
    fn a_sandbox_that_forbids_the_calls_of_media_is_a_problem() {
        let worst = |tried| {
            let mut report = Report::default();
            judge_datagrams(tried, &mut report);
            report.worst()
        };

        assert_eq!(worst(media::try_datagrams()), Level::Ok);
        assert_eq!(worst(Err(ErrorKind::PermissionDenied.into())), Level::Problem);
    }

    #[test]
    fn buffers_that_are_smaller_than_asked_for_are_told_with_what_to_set() {
        let wanted = media::KERNEL_BUFFER;
        let mut report = Report::default();
        judge_buffers(Ok([212_992, wanted]), &mut report);
        judge_buffers(Ok([wanted; 2]), &mut report);

        assert_eq!([report.0[0].level, report.0[1].level], [Level::Warning, Level::Ok]);
        assert!(report.0[0].text.contains("net.core.rmem_max lets a socket have 212992"), "{report:?}");
        assert!(!report.0[0].text.contains("wmem_max"), "{report:?}");
        assert!(media::try_buffers().is_ok_and(|given| given.iter().all(|size| *size > 0)));
    }

    #[test]
    fn a_port_somebody_has_is_a_problem() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let mut report = Report::default();

        judge_bind("TCP port", &address.to_string(), TcpListener::bind(address).map(drop), &mut report);

        assert_eq!(report.worst(), Level::Problem);
        assert!(report.0[0].advice.contains("another program"), "{report:?}");
    }
}
