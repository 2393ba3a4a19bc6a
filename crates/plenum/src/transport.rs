//! Works out how media reaches clients, from the configuration and from what the network says.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use media::{MediaConfig, TurnSettings};
use meeting::{DirectWays, Relays};
use turn::Secret;

use crate::config::{Config, Credentials, Relay, RelayLogin};

/// Shown to clients by the embedded relay.
const REALM: &str = "plenum";

/// How long logins there are good: those a browser keeps for a whole meeting, and those it gets with every media connection.
/// They open nothing but our own media socket, which asks for a password of its own.
const MEETING_VALIDITY: Duration = Duration::from_secs(24 * 3600);
const CONNECTION_VALIDITY: Duration = Duration::from_secs(300);

/// The addresses clients are told of, without those that only others can tell us.
pub(crate) fn addresses(config: &Config) -> Vec<IpAddr> {
    plain(config).addresses()
}

/// How media is served. `tcp` is the port on which connections come in.
pub(crate) fn media_config(config: &Config, credentials: &Credentials, tcp: Option<u16>) -> MediaConfig {
    let media = &config.media;
    MediaConfig {
        stream_port: media.tcp_port.or(tcp.filter(|_| media.tcp)),
        turn: media.turn.enabled.then(|| TurnSettings {
            realm: REALM.to_owned(),
            secret: relay_secret(credentials),
            nonce_key: rand::random(),
        }),
        ..plain(config)
    }
}

/// Media over nothing but datagrams.
fn plain(config: &Config) -> MediaConfig {
    let listen = config.http.listen;
    let media = &config.media;
    MediaConfig {
        port: media.port,
        bind: (!listen.is_unspecified()).then_some(listen),
        advertise: media.advertise.clone(),
        // Whoever names addresses means those alone.
        include_loopback: media.advertise.is_empty() && (config.dev || listen.is_loopback()),
        seed: rand::random(),
        threads: usize::from(media.threads),
        spread: media.spread.map(usize::from),
        stream_port: None,
        dscp: media.dscp,
        turn: None,
    }
}

/// A secret of its own, derived, so that logins stay good over a restart.
fn relay_secret(credentials: &Credentials) -> Secret {
    Secret::new(wire::signature::sign(credentials.secret.expose(), b"plenum relay logins"))
}

/// What browsers are told of relays: the operator's, or our own. `udp` is where media is, `tcp` and `tls` the ports of our
/// relay.
pub(crate) fn relays(config: &Config, credentials: &Credentials, udp: &[SocketAddr], tcp: Option<u16>) -> Relays {
    let media = &config.media;
    // The built-in one is where media is, and media may be elsewhere.
    let direct = (media.turn.enabled && !udp.is_empty()).then(|| DirectWays {
        urls: direct_urls(udp, media.tcp_port.or(tcp.filter(|_| media.tcp))),
        login: login_with(relay_secret(credentials)),
    });
    if let Some(relay) = &media.relay {
        return Relays { direct, ..outside(relay) };
    }
    if direct.is_none() {
        return Relays::default();
    }
    let tls = config.tls.is_some().then_some(media.tcp_port.or(tcp)).flatten();
    let urls = match &media.turn.urls[..] {
        [] => own_urls(udp, media.tcp_port.or(tcp), media.turn.domain.as_deref().zip(tls)),
        named => named.to_vec(),
    };
    Relays {
        urls,
        login: Some(login_with(relay_secret(credentials))),
        validity: MEETING_VALIDITY,
        short_validity: CONNECTION_VALIDITY,
        direct,
        ..Relays::default()
    }
}

/// A relay of the operator's.
fn outside(relay: &Relay) -> Relays {
    let (login, validity): (meeting::MakeLogin, _) = match &relay.login {
        RelayLogin::Shared { secret, validity } => (login_with(Secret::new(secret.expose().clone())), *validity),
        RelayLogin::Fixed { name, password } => {
            let fixed = (name.clone(), password.expose().clone());
            (Arc::new(move |_, _| fixed.clone()), MEETING_VALIDITY)
        }
    };
    Relays {
        urls: relay.urls.clone(),
        login: Some(login),
        validity,
        short_validity: validity,
        force: relay.force,
        fallback: relay.fallback.as_ref().map(|fallback| fallback.after),
        flapping: relay.fallback.as_ref().and_then(|fallback| fallback.flapping),
        direct: None,
    }
}

fn login_with(secret: Secret) -> meeting::MakeLogin {
    Arc::new(move |who, ends| {
        let login = secret.login(who, ends);
        (login.name, login.password)
    })
}

/// The first address of each family: more of them would only make browsers ask longer. Over UDP the relay is where media is, and
/// browsers are not told of that: they take everything that comes from a relay's UDP address for its answer, checks of the
/// direct way included, so that no media would go directly. Who gets UDP through to the relay needs none.
fn own_urls(udp: &[SocketAddr], tcp: Option<u16>, tls: Option<(&str, u16)>) -> Vec<String> {
    let over_tcp = first_of_each_family(udp).flat_map(|address| tcp.map(|port| tcp_url(address.ip(), port)));
    let over_tls = tls.map(|(domain, port)| format!("turns:{domain}:{port}?transport=tcp"));
    over_tcp.chain(over_tls).collect()
}

/// Where media is, as TURN is asked there by browsers that try whether it gets through. They are told of UDP too: no media goes
/// with it.
fn direct_urls(udp: &[SocketAddr], tcp: Option<u16>) -> Vec<String> {
    let url = |address: SocketAddr| {
        let over_udp = format!("turn:{}:{}?transport=udp", host(address.ip()), address.port());
        [over_udp].into_iter().chain(tcp.map(|port| tcp_url(address.ip(), port)))
    };
    first_of_each_family(udp).flat_map(url).collect()
}

fn first_of_each_family(addresses: &[SocketAddr]) -> impl Iterator<Item = SocketAddr> {
    [true, false].into_iter().filter_map(|v4| addresses.iter().find(|address| address.is_ipv4() == v4).copied())
}

fn tcp_url(ip: IpAddr, port: u16) -> String {
    format!("turn:{}:{port}?transport=tcp", host(ip))
}

/// As it stands in a URL.
fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use model::Redacted;

    use super::*;
    use crate::config::{Certificate, Fallback};

    fn credentials() -> Credentials {
        Credentials { key: "key".to_owned(), secret: Redacted::new("s".repeat(32)) }
    }

    #[test]
    fn who_names_addresses_for_media_means_those_alone() {
        let mut config = Config { dev: true, ..Config::default() };
        assert!(media_config(&config, &credentials(), None).include_loopback);
        config.media.advertise = vec!["192.0.2.7".parse().unwrap()];
        assert!(!media_config(&config, &credentials(), None).include_loopback);
    }

    #[test]
    fn media_over_tcp_is_on_the_port_of_the_web_server_unless_told_otherwise() {
        let mut config = Config::default();
        let port = |config: &Config| media_config(config, &credentials(), Some(8080)).stream_port;
        assert_eq!(port(&config), Some(8080));
        config.media.tcp = false;
        assert_eq!(port(&config), None);
        config.media.tcp_port = Some(7881);
        assert_eq!(port(&config), Some(7881));
    }

    #[test]
    fn our_own_relay_is_where_media_is() {
        let mut config = Config::default();
        let udp = [
            "192.0.2.1:8080".parse().unwrap(),
            "192.0.2.2:8080".parse().unwrap(),
            "[2001:db8::1]:8080".parse().unwrap(),
        ];

        let found = relays(&config, &credentials(), &udp, Some(8080));
        assert_eq!(found.urls, ["turn:192.0.2.1:8080?transport=tcp", "turn:[2001:db8::1]:8080?transport=tcp",]);
        assert!(!found.force && found.fallback.is_none());
        let tried = found.direct.unwrap().urls;
        assert_eq!(tried[..2], ["udp", "tcp"].map(|by| format!("turn:192.0.2.1:8080?transport={by}")));
        assert_eq!(tried[3], "turn:[2001:db8::1]:8080?transport=tcp");

        config.tls = Some(Certificate { certificate: "a".into(), key: "b".into() });
        config.media.turn.domain = Some("meet.example.org".to_owned());
        config.media.tcp_port = Some(443);
        let urls = relays(&config, &credentials(), &udp[..1], Some(8080)).urls;
        assert_eq!(urls[1], "turns:meet.example.org:443?transport=tcp");
        config.media.turn.urls = vec!["turns:relay.example.org".to_owned()];
        assert_eq!(relays(&config, &credentials(), &udp, None).urls, ["turns:relay.example.org"]);
        config.media.turn.enabled = false;
        let off = relays(&config, &credentials(), &udp, None);
        assert!(off.urls.is_empty() && off.direct.is_none());
    }

    #[test]
    fn a_relay_of_the_operators_takes_the_place_of_ours() {
        let mut config = Config::default();
        config.media.relay = Some(Relay {
            urls: vec!["turn:relay.example.org".to_owned()],
            login: RelayLogin::Shared {
                secret: Redacted::new("YOUR_COTURN_SHARED_SECRET".to_owned()),
                validity: Duration::from_secs(86_400),
            },
            force: true,
            fallback: Some(Fallback { after: Duration::from_secs(30), flapping: None }),
        });

        let found = relays(&config, &credentials(), &[], None);

        let login = found.login.unwrap()("room01:user01", 1_700_086_400);
        // http-api.md section 14.9.
        assert_eq!(login, ("1700086400:room01:user01".to_owned(), "RBW29tvlD7nNjYhUOwVwLuEtdEw=".to_owned()));
        assert!(found.force);
        assert_eq!((found.fallback, found.validity.as_secs()), (Some(Duration::from_secs(30)), 86_400));
    }
}
