//! How media reaches clients: addresses, ports, TLS, and relays.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use model::Redacted;

use super::foreign;
use super::section::{Findings, Section};
use super::value::{self, Expected};

/// Servers that tell us our address from outside, unless the operator names others.
const STUN_SERVERS: [&str; 2] = ["stun.l.google.com:19302", "global.stun.twilio.com:3478"];

/// Most of anything in a list that clients are told.
const MAX_URLS: usize = 8;

/// The media socket and everything around it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Media {
    /// `plenum.media.port`: UDP; 0 lets the system choose. The number of `client.port` unless set.
    pub(crate) port: u16,
    /// `plenum.media.advertise`: addresses told to clients; empty means those of the network interfaces.
    pub(crate) advertise: Vec<IpAddr>,
    /// `plenum.media.threads`: how many forward; 0: one less than there are processors.
    pub(crate) threads: u16,
    /// `plenum.media.spread`: from so many subscriptions on, or a fifth as many people, a room is spread over all threads.
    pub(crate) spread: Option<u16>,
    /// `plenum.media.use_external_ip`: ask others for our address, and tell clients that one too.
    pub(crate) use_external_ip: bool,
    /// `plenum.media.stun_servers`: whom to ask, `host:port`.
    pub(crate) stun_servers: Vec<String>,
    /// `plenum.media.tcp`: media over TCP on the web server's port, for networks without UDP.
    pub(crate) tcp: bool,
    /// `plenum.media.tcp_port`: a port for media over TCP, TURN and TLS besides the web server's.
    pub(crate) tcp_port: Option<u16>,
    /// `plenum.media.dscp`: marks datagrams for routers that care (RFC 2474).
    pub(crate) dscp: Option<u8>,
    /// The embedded relay.
    pub(crate) turn: Turn,
    /// `turn_server`: a relay of the operator's, instead.
    pub(crate) relay: Option<Relay>,
}

/// `plenum.media.turn`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Turn {
    /// Whether there is one.
    pub(crate) enabled: bool,
    /// The name in the certificate; without it no client is told of TURN over TLS.
    pub(crate) domain: Option<String>,
    /// Told to clients instead of what we would work out.
    pub(crate) urls: Vec<String>,
}

/// `plenum.tls`: certificate chain and key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The chain, our own certificate first.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

/// `turn_server`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Relay {
    /// Where it is.
    pub(crate) urls: Vec<String>,
    /// How clients log in.
    pub(crate) login: RelayLogin,
    /// Clients use nothing else.
    pub(crate) force: bool,
    /// Clients take it when nothing else works.
    pub(crate) fallback: Option<Fallback>,
}

/// How clients log in at the operator's relay.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RelayLogin {
    /// Logins follow from a secret both servers know, and end.
    Shared { secret: Redacted<String>, validity: Duration },
    /// The same for everybody.
    Fixed { name: String, password: Redacted<String> },
}

/// When clients give up on the direct way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fallback {
    /// Not connected for so long.
    pub(crate) after: Duration,
    /// So many poor samples within so long.
    pub(crate) flapping: Option<(u32, Duration)>,
}

impl Media {
    pub(super) fn new(port: u16) -> Self {
        Self {
            port,
            advertise: Vec::new(),
            threads: 0,
            spread: None,
            use_external_ip: false,
            stun_servers: STUN_SERVERS.map(str::to_owned).into(),
            tcp: true,
            tcp_port: None,
            dscp: None,
            turn: Turn { enabled: true, domain: None, urls: Vec::new() },
            relay: None,
        }
    }
}

pub(super) fn read_media(plenum: &mut Section<'_>, media: &mut Media, port: &mut Option<u16>) {
    let mut section = plenum.section("media");
    section.set_optional("port", port, value::number(0..=u16::MAX));
    section.set_list("advertise", &mut media.advertise, super::words::advertised);
    section.set("threads", &mut media.threads, value::number(0..=64));
    section.set_optional("spread", &mut media.spread, value::number(0..=u16::MAX));
    section.set("use_external_ip", &mut media.use_external_ip, value::boolean);
    section.set_list("stun_servers", &mut media.stun_servers, host_and_port);
    section.set("tcp", &mut media.tcp, value::boolean);
    section.set_optional("tcp_port", &mut media.tcp_port, value::number(1..=u16::MAX));
    section.set_optional("dscp", &mut media.dscp, value::number(0..=63));
    let mut turn = section.section("turn");
    turn.set("enabled", &mut media.turn.enabled, value::boolean);
    turn.set_optional("domain", &mut media.turn.domain, host_name);
    turn.set_list("urls", &mut media.turn.urls, relay_url);
    turn.finish();
    section.finish();
    media.turn.urls.truncate(MAX_URLS);
}

pub(super) fn read_certificate(findings: &Findings, plenum: &mut Section<'_>) -> Option<Certificate> {
    let mut section = plenum.section("tls");
    super::read::both_or_neither(findings, &section, "certificate", "key");
    let (mut certificate, mut key) = (None, None);
    section.set_optional("certificate", &mut certificate, value::path);
    section.set_optional("key", &mut key, value::path);
    section.finish();
    Some(Certificate { certificate: certificate?, key: key? })
}

/// The reference's section, and a provider `static` of ours.
pub(super) fn read_relay(findings: &Findings, root: &mut Section<'_>) -> Option<Relay> {
    let mut section = root.section("turn_server");
    let (mut enabled, mut provider) = (false, None);
    let (mut force, mut fallback) = (false, false);
    let mut after = Duration::from_secs(60);
    section.set("enabled", &mut enabled, value::boolean);
    section.set_optional("provider", &mut provider, value::text);
    section.set("force_turn", &mut force, value::boolean);
    section.set("fallback_turn", &mut fallback, value::boolean);
    section.set("fallback_timer_duration", &mut after, value::duration);
    let mut flapping = section.section("fallback_on_flapping");
    let (mut flaps, mut most, mut seconds) = (false, 3, 120);
    flapping.set("enabled", &mut flaps, value::boolean);
    flapping.set("max_poor_conn_count", &mut most, value::number(1..=1000));
    flapping.set("check_duration_in_sec", &mut seconds, value::number(1..=86_400));
    flapping.finish();
    let mut providers = section.section("providers");
    let login = match provider.as_deref() {
        Some(chosen @ ("coturn" | "static")) => {
            let mut entry = providers.section(chosen);
            let login = read_login(findings, &mut entry, chosen == "coturn", enabled);
            entry.finish();
            login
        }
        Some("cloudflare") if enabled => {
            findings.notice("turn_server.provider", "`cloudflare` is not supported; browsers get Plenum's own relay");
            None
        }
        Some("cloudflare") => None,
        Some(_) => {
            findings.mistake("turn_server.provider", "expected `coturn`, `static` or `cloudflare`");
            None
        }
        None => {
            if enabled {
                findings.mistake("turn_server.provider", "missing; expected `coturn`, `static` or `cloudflare`");
            }
            None
        }
    };
    // What belongs to providers that were not chosen.
    foreign::check(findings, "turn_server.providers", providers.rest());
    section.finish();
    let (urls, login) = login.filter(|_| enabled)?;
    let flapping = flaps.then(|| (most, Duration::from_secs(seconds)));
    Some(Relay { urls, login, force, fallback: fallback.then_some(Fallback { after, flapping }) })
}

fn read_login(
    findings: &Findings,
    entry: &mut Section<'_>,
    shared: bool,
    enabled: bool,
) -> Option<(Vec<String>, RelayLogin)> {
    let mut options = entry.section("options");
    let mut urls = Vec::new();
    options.set_list("uris", &mut urls, relay_url);
    let (mut secret, mut name, mut password) = (None, None, None);
    let mut validity = 86_400;
    if shared {
        options.set_secret("shared_secret", &mut secret, |text| value::text(text).map(Redacted::new));
        options.set("ttl", &mut validity, value::number(60..=31 * 86_400));
    } else {
        options.set_optional("username", &mut name, value::text);
        options.set_secret("password", &mut password, |text| value::text(text).map(Redacted::new));
    }
    let missing = |key| {
        if enabled {
            findings.mistake(options.name_of(key), "missing; browsers cannot use the relay without it");
        }
    };
    if urls.is_empty() {
        missing("uris");
    }
    let login = if shared {
        if secret.is_none() {
            missing("shared_secret");
        }
        secret.map(|secret| RelayLogin::Shared { secret, validity: Duration::from_secs(validity) })
    } else {
        if name.is_none() || password.is_none() {
            missing("username");
        }
        name.zip(password).map(|(name, password)| RelayLogin::Fixed { name, password })
    };
    options.finish();
    urls.truncate(MAX_URLS);
    login.filter(|_| !urls.is_empty()).map(|login| (urls, login))
}

/// `turn:host:port?transport=udp` and its kin (RFC 7065), or `stun:`.
fn relay_url(text: &str) -> Result<String, Expected> {
    let rest = ["turn:", "turns:", "stun:", "stuns:"].into_iter().find_map(|scheme| text.strip_prefix(scheme));
    let usable = rest.is_some_and(|rest| {
        (1..=255).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
    });
    if usable {
        Ok(text.to_owned())
    } else {
        Err("an address like `turns:turn.example.org:443?transport=tcp`".to_owned())
    }
}

fn host_name(text: &str) -> Result<String, Expected> {
    let usable = (1..=253).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if usable { Ok(text.to_ascii_lowercase()) } else { Err("a host name like `meet.example.org`".to_owned()) }
}

fn host_and_port(text: &str) -> Result<String, Expected> {
    let usable = text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && host.len() <= 253 && port.parse::<u16>().is_ok_and(|port| port != 0)
    });
    if usable { Ok(text.to_owned()) } else { Err("a host and a port like `stun.example.org:3478`".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::parse;
    use super::*;

    #[test]
    fn a_relay_of_the_operators_is_read_with_its_login() {
        let yaml = "
turn_server:
  enabled: true
  provider: coturn
  fallback_turn: true
  fallback_timer_duration: 30s
  fallback_on_flapping: {enabled: true, max_poor_conn_count: 4, check_duration_in_sec: 60}
  providers:
    coturn: {options: {shared_secret: s3cret, uris: ['turn:relay.example.org:3478?transport=udp'], ttl: 3600}}
    cloudflare: {options: {key_id: a, key_api_token: b, ttl: 1}}
";
        let relay = parse(yaml).unwrap().0.media.relay.unwrap();
        assert_eq!(relay.urls, ["turn:relay.example.org:3478?transport=udp"]);
        let RelayLogin::Shared { secret, validity } = relay.login else { panic!("shared") };
        assert_eq!((secret.expose().as_str(), validity), ("s3cret", Duration::from_secs(3600)));
        let flapping = Some((4, Duration::from_secs(60)));
        assert_eq!(relay.fallback, Some(Fallback { after: Duration::from_secs(30), flapping }));

        let fixed = "turn_server: {enabled: true, provider: static, force_turn: true, providers: {static: {options: {uris: ['turns:r:443'], username: u, password: p}}}}";
        let relay = parse(fixed).unwrap().0.media.relay.unwrap();
        assert!(relay.force && relay.fallback.is_none());
        assert!(matches!(relay.login, RelayLogin::Fixed { name, .. } if name == "u"));
        assert!(parse(&fixed.replace("enabled: true", "enabled: false")).unwrap().0.media.relay.is_none());
    }

    #[test]
    fn mistakes_about_relays_and_certificates_are_named() {
        for (yaml, key) in [
            ("turn_server: {enabled: true}", "turn_server.provider"),
            ("turn_server: {enabled: true, provider: x}", "turn_server.provider"),
            (
                "turn_server: {enabled: true, provider: coturn, providers: {coturn: {options: {shared_secret: s}}}}",
                "turn_server.providers.coturn.options.uris",
            ),
            (
                "turn_server: {enabled: true, provider: coturn, providers: {coturn: {options: {uris: ['http://x'], shared_secret: s}}}}",
                "turn_server.providers.coturn.options.uris[0]",
            ),
            ("plenum: {tls: {certificate: a.pem}}", "plenum.tls.key"),
            ("plenum: {media: {dscp: 64}}", "plenum.media.dscp"),
            ("plenum: {media: {stun_servers: [nowhere]}}", "plenum.media.stun_servers[0]"),
            ("plenum: {media: {turn: {domain: 'a b'}}}", "plenum.media.turn.domain"),
        ] {
            let mistakes = parse(yaml).unwrap_err();
            assert!(mistakes.iter().any(|mistake| mistake.key == key), "{yaml}: {mistakes:?}");
        }
    }
}
