//! A server and clients that build their messages by hand.

#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use md5::Digest as _;
use proptest::prelude::*;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use turn::{Config, Dropped, MAX_PER_USER, Outcome, Secret, Server, Transport, attribute, method};

const REALM: &str = "plenum";
const UNIX: u64 = 1_700_000_000;

fn secret() -> Secret {
    Secret::new("a secret of thirty-two characters")
}

fn peer() -> SocketAddr {
    "203.0.113.5:8080".parse().unwrap()
}

fn relayed(number: u32, like: IpAddr) -> SocketAddr {
    let ip: IpAddr = if like.is_ipv4() { [240, 0, 0, 1].into() } else { "100::1".parse().unwrap() };
    SocketAddr::new(ip, u16::try_from(number).unwrap())
}

fn server(now: Instant) -> Server<u32> {
    let config = Config { realm: REALM.into(), secret: secret(), nonce_key: [3; 32], peers: vec![peer()], relayed };
    Server::new(config, now)
}

/// Attributes of an answer.
#[derive(Debug)]
struct Answer {
    kind: u16,
    attributes: Vec<(u16, Vec<u8>)>,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let mut attributes = Vec::new();
        let mut rest = &bytes[20..];
        while let [t0, t1, l0, l1, tail @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*l0, *l1]));
            attributes.push((u16::from_be_bytes([*t0, *t1]), tail[..length].to_vec()));
            rest = &tail[length.next_multiple_of(4)..];
        }
        Self { kind: u16::from_be_bytes([bytes[0], bytes[1]]), attributes }
    }

    fn get(&self, kind: u16) -> Option<&[u8]> {
        self.attributes.iter().find(|(known, _)| *known == kind).map(|(_, value)| &value[..])
    }

    /// 0 for a success.
    fn code(&self) -> u16 {
        self.get(attribute::ERROR_CODE).map_or(0, |value| u16::from(value[2]) * 100 + u16::from(value[3]))
    }

    fn lifetime(&self) -> u32 {
        u32::from_be_bytes(self.get(attribute::LIFETIME).unwrap().try_into().unwrap())
    }
}

struct Client {
    id: u32,
    transport: Transport,
    mapped: SocketAddr,
    name: String,
    password: String,
    nonce: String,
    transaction: [u8; 12],
}

impl Client {
    fn new(id: u32, who: &str, ends: u64) -> Self {
        let login = secret().login(who, ends);
        let mapped = SocketAddr::new([198, 51, 100, 1].into(), 1000 + u16::try_from(id).unwrap());
        Self {
            id,
            transport: Transport::Datagrams,
            mapped,
            name: login.name,
            password: login.password,
            nonce: String::new(),
            transaction: [u8::try_from(id).unwrap(); 12],
        }
    }

    fn message(&self, kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = [&kind.to_be_bytes()[..], &[0, 0, 0x21, 0x12, 0xa4, 0x42], &self.transaction].concat();
        for (kind, value) in attributes {
            push(&mut bytes, *kind, value);
        }
        bytes
    }

    fn signed(&self, method: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut all = attributes.to_vec();
        all.push((attribute::USERNAME, self.name.as_bytes()));
        all.push((attribute::REALM, REALM.as_bytes()));
        all.push((attribute::NONCE, self.nonce.as_bytes()));
        let mut bytes = self.message(method, &all);
        let key = md5::Md5::digest(format!("{}:{REALM}:{}", self.name, self.password));
        let length = u16::try_from(bytes.len() + 24 - 20).unwrap();
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
        mac.update(&bytes);
        push(&mut bytes, attribute::MESSAGE_INTEGRITY, &mac.finalize().into_bytes());
        bytes
    }

    fn ask(&mut self, server: &mut Server<u32>, at: (Instant, u64), bytes: &[u8]) -> Answer {
        let Outcome::Reply(reply) = server.handle_message(at.0, at.1, self.id, self.transport, self.mapped, bytes)
        else {
            panic!("a reply")
        };
        let answer = Answer::read(&reply);
        if let Some(nonce) = answer.get(attribute::NONCE) {
            self.nonce = String::from_utf8(nonce.to_vec()).unwrap();
        }
        answer
    }

    /// Asks twice, as everybody does who has no nonce yet.
    fn request(
        &mut self,
        server: &mut Server<u32>,
        at: (Instant, u64),
        method: u16,
        attributes: &[(u16, &[u8])],
    ) -> Answer {
        let bytes = self.signed(method, attributes);
        let answer = self.ask(server, at, &bytes);
        if answer.code() != 438 {
            return answer;
        }
        let bytes = self.signed(method, attributes);
        self.ask(server, at, &bytes)
    }

    fn allocate(&mut self, server: &mut Server<u32>, at: (Instant, u64)) -> Answer {
        self.request(server, at, method::ALLOCATE, &[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])])
    }

    fn peer_value(&self, peer: SocketAddr) -> Vec<u8> {
        let IpAddr::V4(ip) = peer.ip() else { panic!("IPv4") };
        let mask = [0x21, 0x12, 0xa4, 0x42];
        let port = peer.port().to_be_bytes();
        let ip: Vec<u8> = ip.octets().iter().zip(mask).map(|(octet, mask)| octet ^ mask).collect();
        [&[0, 1, port[0] ^ 0x21, port[1] ^ 0x12], &ip[..]].concat()
    }

    fn permit(&mut self, server: &mut Server<u32>, at: (Instant, u64), peer: SocketAddr) -> u16 {
        let value = self.peer_value(peer);
        self.request(server, at, method::CREATE_PERMISSION, &[(attribute::XOR_PEER_ADDRESS, &value)]).code()
    }

    fn bind(&mut self, server: &mut Server<u32>, at: (Instant, u64), channel: u16, peer: SocketAddr) -> u16 {
        let value = self.peer_value(peer);
        let [high, low] = channel.to_be_bytes();
        let attributes: [(u16, &[u8]); 2] =
            [(attribute::CHANNEL_NUMBER, &[high, low, 0, 0]), (attribute::XOR_PEER_ADDRESS, &value)];
        self.request(server, at, method::CHANNEL_BIND, &attributes).code()
    }
}

fn push(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    bytes.extend(kind.to_be_bytes());
    bytes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let length = u16::try_from(bytes.len() - 20).unwrap();
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
}

#[test]
fn what_a_client_sends_reaches_our_socket_and_the_answer_comes_back() {
    let now = Instant::now();
    let at = (now, UNIX);
    let mut server = server(now);
    let mut ann = Client::new(1, "room:ann", UNIX + 300);

    assert_eq!(ann.allocate(&mut server, at).code(), 0);
    assert_eq!(ann.permit(&mut server, at, peer()), 0);
    let value = ann.peer_value(peer());
    let indication = ann.message(0x0016, &[(attribute::XOR_PEER_ADDRESS, &value), (attribute::DATA, b"hello")]);
    let from = relayed(1, [0, 0, 0, 0].into());
    assert_eq!(
        server.handle_message(now, UNIX, 1, ann.transport, ann.mapped, &indication),
        Outcome::Relay { from, to: peer(), payload: b"hello" }
    );
    let (client, back) = server.to_client(now, from, peer(), b"and back").unwrap();
    assert_eq!(client, 1);
    let back = Answer::read(&back);
    assert_eq!((back.kind, back.get(attribute::DATA)), (0x0017, Some(&b"and back"[..])));

    assert_eq!(ann.bind(&mut server, at, 0x4001, peer()), 0);
    let data = [0x40, 0x01, 0, 2, b'h', b'i'];
    assert_eq!(
        server.handle_message(now, UNIX, 1, ann.transport, ann.mapped, &data),
        Outcome::Relay { from, to: peer(), payload: b"hi" }
    );
    assert_eq!(server.to_client(now, from, peer(), b"ho"), Some((1, vec![0x40, 0x01, 0, 2, b'h', b'o'])));
}

#[test]
fn nobody_but_our_own_media_is_reached() {
    let now = Instant::now();
    let at = (now, UNIX);
    let mut server = server(now);
    let mut ann = Client::new(1, "ann", UNIX + 300);
    ann.allocate(&mut server, at);

    for other in ["127.0.0.1:8080", "169.254.169.254:80", "10.0.0.1:8080", "198.51.100.9:9"] {
        let other = other.parse().unwrap();
        assert_eq!(ann.permit(&mut server, at, other), 403, "{other}");
        assert_eq!(ann.bind(&mut server, at, 0x4000, other), 403, "{other}");
    }
    // Another port of the same address.
    let admin: SocketAddr = "203.0.113.5:22".parse().unwrap();
    assert_eq!(ann.bind(&mut server, at, 0x4000, admin), 403);
    assert_eq!(ann.permit(&mut server, at, admin), 0, "permissions are for addresses");
    let value = ann.peer_value(admin);
    let indication = ann.message(0x0016, &[(attribute::XOR_PEER_ADDRESS, &value), (attribute::DATA, b"hello")]);
    assert_eq!(
        server.handle_message(now, UNIX, 1, ann.transport, ann.mapped, &indication),
        Outcome::Dropped(Dropped::NoPermission)
    );
}

#[test]
fn our_media_is_reached_where_it_is_now_and_where_clients_were_told_before_that_it_was() {
    let now = Instant::now();
    let at = (now, UNIX);
    let mut server = server(now);
    let mut ann = Client::new(1, "ann", UNIX + 300);
    ann.allocate(&mut server, at);
    let moved: SocketAddr = "198.51.100.7:8080".parse().unwrap();
    assert_eq!(ann.permit(&mut server, at, moved), 403);

    server.add_peers(&[moved]);
    assert_eq!((ann.permit(&mut server, at, moved), ann.permit(&mut server, at, peer())), (0, 0));

    let many = (0..100).map(|number| SocketAddr::new([198, 51, 100, number].into(), 8080)).collect::<Vec<_>>();
    many.iter().for_each(|address| server.add_peers(&[*address]));
    assert_eq!(ann.permit(&mut server, at, many[99]), 0);
    assert_eq!(ann.permit(&mut server, at, peer()), 403, "the oldest are forgotten");
}

#[test]
fn credentials_are_asked_for_and_checked() {
    let now = Instant::now();
    let at = (now, UNIX);
    let mut server = server(now);
    let mut ann = Client::new(1, "ann", UNIX + 300);
    let transport: (u16, &[u8]) = (attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]);

    let unsigned = ann.message(method::ALLOCATE, &[transport]);
    let answer = ann.ask(&mut server, at, &unsigned);
    assert_eq!((answer.code(), answer.get(attribute::REALM)), (401, Some(REALM.as_bytes())));
    assert_eq!(ann.allocate(&mut server, at).code(), 0);

    let mut forger = Client::new(2, "ann", UNIX + 300);
    forger.password = base64::engine::general_purpose::STANDARD.encode("guess");
    assert_eq!(forger.allocate(&mut server, at).code(), 401);
    let mut late = Client::new(3, "ann", UNIX);
    assert_eq!(late.allocate(&mut server, at).code(), 401, "the name has ended");
    let mut stale = Client::new(4, "ann", UNIX + 10_000);
    stale.allocate(&mut server, at);
    let bytes = stale.signed(method::REFRESH, &[]);
    assert_eq!(stale.ask(&mut server, (now, UNIX + 3600), &bytes).code(), 438);
    let mut thief = Client::new(5, "ann", UNIX + 300);
    thief.nonce.clone_from(&ann.nonce);
    let bytes = thief.signed(method::ALLOCATE, &[transport]);
    assert_eq!(thief.ask(&mut server, at, &bytes).code(), 438, "a nonce is for one address");
    assert_eq!(server.len(), 2);
}

#[test]
fn an_allocation_outlives_the_name_it_was_made_with_if_it_is_refreshed() {
    let now = Instant::now();
    let mut server = server(now);
    let mut ann = Client::new(1, "ann", UNIX + 300);
    assert_eq!(ann.allocate(&mut server, (now, UNIX)).lifetime(), 600);

    let later = (now + Duration::from_secs(599), UNIX + 599);
    let answer = ann.request(&mut server, later, method::REFRESH, &[(attribute::LIFETIME, &7200u32.to_be_bytes())]);
    assert_eq!((answer.code(), answer.lifetime()), (0, 3600));
    server.handle_timeout(later.0);
    assert_eq!(server.len(), 1);
    let end = later.0 + Duration::from_secs(3600);
    assert!(server.poll_timeout().unwrap() <= end);
    server.handle_timeout(end);
    assert!(server.is_empty() && server.poll_timeout().is_none() && !server.serves(1));

    assert_eq!(ann.allocate(&mut server, (now, UNIX)).code(), 0);
    let answer = ann.request(&mut server, (now, UNIX), method::REFRESH, &[(attribute::LIFETIME, &[0; 4])]);
    assert_eq!((answer.code(), answer.lifetime()), (0, 0));
    assert!(server.is_empty());
}

#[test]
fn permissions_and_channels_end() {
    let now = Instant::now();
    let at = (now, UNIX);
    let mut server = server(now);
    let mut ann = Client::new(1, "ann", UNIX + 300);
    ann.allocate(&mut server, at);
    let from = relayed(1, [0, 0, 0, 0].into());

    assert_eq!(server.to_client(now, from, peer(), b"x"), None, "nobody was permitted");
    ann.bind(&mut server, at, 0x4000, peer());
    let data = [0x40, 0x00, 0, 1, b'x'];
    let in_time = now + Duration::from_secs(299);
    assert!(matches!(server.handle_message(in_time, UNIX, 1, ann.transport, ann.mapped, &data), Outcome::Relay { .. }));
    let late = now + Duration::from_secs(300);
    assert_eq!(
        server.handle_message(late, UNIX, 1, ann.transport, ann.mapped, &data),
        Outcome::Dropped(Dropped::NoPermission)
    );
    assert_eq!(server.to_client(late, from, peer(), b"x"), None);
    assert_eq!(ann.bind(&mut server, (late, UNIX), 0x4000, peer()), 0);
    assert!(matches!(server.handle_message(late, UNIX, 1, ann.transport, ann.mapped, &data), Outcome::Relay { .. }));
    assert_eq!(ann.bind(&mut server, (late, UNIX), 0x4001, peer()), 400, "the peer has a channel");
    assert_eq!(ann.bind(&mut server, (late, UNIX), 0x3fff, peer()), 400, "no number of a channel");
}

#[test]
fn a_user_has_so_many_allocations_in_use_and_no_more() {
    let start = Instant::now();
    let mut server = server(start);
    let most = u32::try_from(MAX_PER_USER).unwrap();
    // Another name each time, but the same user.
    let mut clients: Vec<Client> = (0..most).map(|id| Client::new(id, "ann", UNIX + 300 + u64::from(id))).collect();
    for client in &mut clients {
        assert_eq!(client.allocate(&mut server, (start, UNIX)).code(), 0);
        assert_eq!(client.bind(&mut server, (start, UNIX), 0x4000, peer()), 0);
    }
    let mut more = Client::new(100, "ann", UNIX + 300);
    assert_eq!(more.allocate(&mut server, (start, UNIX)).code(), 486);
    assert_eq!(Client::new(101, "bob", UNIX + 300).allocate(&mut server, (start, UNIX)).code(), 0);

    // Each is heard in its own way, but for one, whose client changed its network.
    let value = clients[0].peer_value(peer());
    let sends = clients[0].message(0x0016, &[(attribute::XOR_PEER_ADDRESS, &value), (attribute::DATA, b"x")]);
    let heard = [(0, sends), (1, clients[1].signed(method::REFRESH, &[]))];
    let speak = |client: &Client| (client.id, vec![0x40, 0x00, 0, 1, b'x']);
    let heard = heard.into_iter().chain(clients.iter().skip(2).filter(|client| client.id != 7).map(speak));
    let soon = start + Duration::from_secs(9);
    for (id, bytes) in heard {
        let client = &clients[usize::try_from(id).unwrap()];
        let outcome = server.handle_message(soon, UNIX + 9, id, client.transport, client.mapped, &bytes);
        assert!(!matches!(outcome, Outcome::Dropped(_)), "{id}");
    }
    let soon = (soon, UNIX + 9);
    assert_eq!(more.allocate(&mut server, soon).code(), 486, "it may still be used");
    let later = (start + Duration::from_secs(10), UNIX + 10);
    assert_eq!(more.allocate(&mut server, later).code(), 0);
    let gone = relayed(8, [0, 0, 0, 0].into());
    assert_eq!((server.poll_gone(), server.poll_gone()), (Some((gone, 7)), None));
    assert!(!server.serves(7) && server.serves(101));
    assert_eq!(Client::new(102, "ann", UNIX + 300).allocate(&mut server, later).code(), 486, "all are in use");

    server.forget(3);
    assert_eq!(Client::new(102, "ann", UNIX + 300).allocate(&mut server, later).code(), 0);
}

#[test]
fn requests_that_do_not_fit_are_refused_with_a_reason() {
    let now = Instant::now();
    let at = (now, UNIX);
    let mut server = server(now);
    let mut ann = Client::new(1, "ann", UNIX + 300);
    let udp: (u16, &[u8]) = (attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
    let mut code = |attributes: &[(u16, &[u8])]| ann.request(&mut server, at, method::ALLOCATE, attributes).code();

    assert_eq!(code(&[]), 400);
    assert_eq!(code(&[(attribute::REQUESTED_TRANSPORT, &[6, 0, 0, 0])]), 442);
    assert_eq!(code(&[udp, (attribute::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0])]), 440);
    assert_eq!(code(&[udp, (attribute::REQUESTED_ADDRESS_FAMILY, &[9, 0, 0, 0])]), 440);
    assert_eq!(code(&[udp, (attribute::RESERVATION_TOKEN, &[0; 8])]), 420);
    assert_eq!(code(&[udp]), 0);
    assert_eq!(code(&[udp]), 0, "the same request again has the same answer");
    ann.transaction = [9; 12];
    assert_eq!(ann.allocate(&mut server, at).code(), 437);
    ann.name = secret().login("ann", UNIX + 301).name;
    ann.password = secret().login("ann", UNIX + 301).password;
    assert_eq!(ann.permit(&mut server, at, peer()), 441);
    assert_eq!(Client::new(2, "bob", UNIX + 300).permit(&mut server, at, peer()), 437);
}

#[test]
fn messages_that_mean_nothing_here_are_told_from_garbage() {
    let now = Instant::now();
    let mut server = server(now);
    let mut ann = Client::new(1, "ann", UNIX + 300);
    ann.allocate(&mut server, (now, UNIX));
    let mut dropped = |bytes: &[u8]| match server.handle_message(now, UNIX, 1, ann.transport, ann.mapped, bytes) {
        Outcome::Dropped(why) => Some(why),
        Outcome::Reply(_) | Outcome::Relay { .. } => None,
    };

    let value = ann.peer_value(peer());
    let all: [(u16, &[u8]); 3] = [(attribute::XOR_PEER_ADDRESS, &value), (attribute::DATA, b"x"), (0x001a, &[])];
    let ignored = [
        ("a binding indication", ann.message(0x0011, &[])),
        ("DONT-FRAGMENT", ann.message(0x0016, &all)),
        ("nothing to send", ann.message(0x0016, &all[..1])),
        ("nobody to send to", ann.message(0x0016, &all[1..2])),
        ("an answer", ann.message(0x0101, &[])),
        ("an unknown method", ann.message(0x0020, &[])),
    ];
    for (what, message) in ignored {
        assert_eq!(dropped(&message), Some(Dropped::Ignored), "{what}");
        assert_eq!(dropped(&message[..message.len() - 1]), Some(Dropped::Garbage), "{what}, cut");
    }
}

#[test]
fn strangers_get_a_bounded_number_of_short_answers() {
    let now = Instant::now();
    let mut server = server(now);
    let mut ann = Client::new(1, "ann", UNIX + 300);
    let binding = ann.message(method::BINDING, &[]);
    let mut answers = 0;
    for number in 0..2_000_u32 {
        let [_, _, high, low] = number.to_be_bytes();
        ann.mapped = SocketAddr::new([10, high, low, 1].into(), 9);
        if let Outcome::Reply(reply) = server.handle_message(now, UNIX, number, ann.transport, ann.mapped, &binding) {
            assert!(reply.len() <= 32);
            answers += 1;
        }
    }
    assert_eq!(answers, 500);
    let later = now + Duration::from_secs(1);
    assert!(matches!(server.handle_message(later, UNIX, 1, ann.transport, ann.mapped, &binding), Outcome::Reply(_)));
}

/// Somebody asks without credentials, from addresses that may be anybody's, until nobody is answered any more.
fn flood(server: &mut Server<u32>, now: Instant) {
    let mut liar = Client::new(200, "liar", UNIX + 300);
    let asks = liar.message(method::ALLOCATE, &[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])]);
    for number in 0..600_u32 {
        let [_, _, high, low] = number.to_be_bytes();
        liar.mapped = SocketAddr::new([10, high, low, 1].into(), 9);
        server.handle_message(now, UNIX, liar.id, liar.transport, liar.mapped, &asks);
    }
    let last = server.handle_message(now, UNIX, liar.id, liar.transport, liar.mapped, &asks);
    assert_eq!(last, Outcome::Dropped(Dropped::Stranger));
}

#[test]
fn a_flood_of_datagrams_keeps_nobody_out_who_comes_over_a_connection() {
    let now = Instant::now();
    let at = (now, UNIX);
    let mut server = server(now);
    let mut ann = Client::new(1, "ann", UNIX + 300);
    ann.transport = Transport::Stream;
    flood(&mut server, now);

    let unsigned = ann.message(method::ALLOCATE, &[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])]);
    assert_eq!(ann.ask(&mut server, at, &unsigned).code(), 401);
    assert_eq!(ann.allocate(&mut server, at).code(), 0);
    let binding = ann.message(method::BINDING, &[]);
    assert_eq!(ann.ask(&mut server, at, &binding).kind, 0x0101);

    // Its own share ends.
    let mut ask = || server.handle_message(now, UNIX, ann.id, ann.transport, ann.mapped, &unsigned);
    let answered = (0..1_000).filter(|_| matches!(ask(), Outcome::Reply(_))).count();
    assert!((1..100).contains(&answered), "{answered}");
}

#[test]
fn a_flood_of_datagrams_ends_no_allocation_whose_nonce_is_old() {
    let now = Instant::now();
    let mut server = server(now);
    let mut ann = Client::new(1, "ann", UNIX + 300);
    let hour: (u16, &[u8]) = (attribute::LIFETIME, &3600_u32.to_be_bytes());
    ann.allocate(&mut server, (now, UNIX));
    assert_eq!(ann.request(&mut server, (now, UNIX), method::REFRESH, &[hour]).code(), 0);

    let (later, unix) = (now + Duration::from_secs(3599), UNIX + 3600);
    flood(&mut server, later);
    let refresh = ann.signed(method::REFRESH, &[hour]);
    let mut elsewhere = Client::new(2, "ann", UNIX + 300);
    elsewhere.nonce.clone_from(&ann.nonce);
    let stolen = elsewhere.signed(method::REFRESH, &[hour]);
    assert_eq!(
        server.handle_message(later, unix, 2, elsewhere.transport, elsewhere.mapped, &stolen),
        Outcome::Dropped(Dropped::Stranger),
        "the nonce is for another address"
    );
    assert_eq!(ann.ask(&mut server, (later, unix), &refresh).code(), 438);
    assert_eq!(ann.request(&mut server, (later, unix), method::REFRESH, &[hour]).code(), 0);

    // So old that the address may be another's by now.
    let (later, unix) = (later + Duration::from_secs(9), unix + 7200);
    flood(&mut server, later);
    let refresh = ann.signed(method::REFRESH, &[hour]);
    let answer = server.handle_message(later, unix, 1, ann.transport, ann.mapped, &refresh);
    assert_eq!(answer, Outcome::Dropped(Dropped::Stranger));
}

#[test]
fn which_relayed_addresses_are_gone_is_told_once() {
    let now = Instant::now();
    let at = (now, UNIX);
    let mut server = server(now);
    let mut clients: Vec<Client> = (1..=3).map(|id| Client::new(id, "ann", UNIX + 300)).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.allocate(&mut server, at).code(), 0));
    assert_eq!(server.poll_gone(), None);
    let of = |number| Some((relayed(number, [0, 0, 0, 0].into()), number));

    server.forget(1);
    server.forget(1);
    assert_eq!((server.poll_gone(), server.poll_gone()), (of(1), None));
    clients[1].request(&mut server, at, method::REFRESH, &[(attribute::LIFETIME, &[0; 4])]);
    assert_eq!((server.poll_gone(), server.poll_gone()), (of(2), None));
    server.handle_timeout(now + Duration::from_secs(601));
    assert_eq!((server.poll_gone(), server.poll_gone()), (of(3), None));

    let later = (now + Duration::from_secs(602), UNIX + 602);
    let mut four = Client::new(4, "ann", UNIX + 900);
    assert_eq!(four.allocate(&mut server, later).code(), 0);
    let address = relayed(4, [0, 0, 0, 0].into());
    assert_eq!(server.client_of(&address), Some(4));
    server.forget_all();
    assert_eq!((server.poll_gone(), server.poll_gone(), server.client_of(&address)), (of(4), None, None));
    assert!(server.is_empty() && !server.serves(4) && server.poll_timeout().is_none());
}

proptest! {
    /// Whatever order requests come in and whatever a few wrong bytes make of them, nothing is relayed to anybody else, and
    /// what is kept stays bounded.
    #[test]
    fn a_hostile_client_stays_within_bounds(steps in prop::collection::vec((0u8..6, 0u32..20, any::<u16>(), any::<(bool, u16, u8)>()), 0..150)) {
        let start = Instant::now();
        let mut server = server(start);
        let mut clients: Vec<Client> = (0..20).map(|id| Client::new(id, if id < 15 { "ann" } else { "bob" }, UNIX + 300)).collect();
        for (step, (what, who, number, (spoil, place, byte))) in steps.into_iter().enumerate() {
            let now = start + Duration::from_secs(u64::try_from(step).unwrap());
            let client = &mut clients[usize::try_from(who).unwrap()];
            let to = if number % 2 == 0 { peer() } else { SocketAddr::new([10, 0, 0, 1].into(), number) };
            let value = client.peer_value(to);
            let channel = (0x4000 | number & 0xfff).to_be_bytes();
            let mut bytes = match what {
                0 => client.signed(method::ALLOCATE, &[(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])]),
                1 => client.signed(method::CREATE_PERMISSION, &[(attribute::XOR_PEER_ADDRESS, &value)]),
                2 => client.signed(method::CHANNEL_BIND, &[(attribute::XOR_PEER_ADDRESS, &value), (attribute::CHANNEL_NUMBER, &[channel[0], channel[1], 0, 0])]),
                3 => client.signed(method::REFRESH, &[(attribute::LIFETIME, &u32::from(number).to_be_bytes())]),
                4 => client.message(0x0016, &[(attribute::XOR_PEER_ADDRESS, &value), (attribute::DATA, b"x")]),
                _ => vec![channel[0], channel[1], 0, 1, b'x'],
            };
            if spoil {
                let place = usize::from(place) % bytes.len();
                bytes[place] = byte;
            }
            match server.handle_message(now, UNIX, client.id, client.transport, client.mapped, &bytes) {
                Outcome::Relay { to, .. } => prop_assert_eq!(to, peer()),
                Outcome::Reply(reply) => {
                    let answer = Answer::read(&reply);
                    if let Some(nonce) = answer.get(attribute::NONCE) {
                        client.nonce = String::from_utf8(nonce.to_vec()).unwrap();
                    }
                }
                Outcome::Dropped(_) => {}
            }
            server.handle_timeout(now);
            prop_assert!(server.len() <= MAX_PER_USER + 5);
        }
    }
}
