//! The machine.

mod requests;
mod strangers;

use crate::address;
use crate::allocation::Allocation;
use crate::credentials::{Key, MAX_NAME, Secret, mac, meaning};
use crate::message::{Class, Draft, Message, attribute, method, read_channel_data, write_channel_data};
use hmac::Mac as _;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};
use strangers::Strangers;

/// Most allocations of one user (`media-protocol.md` section 24).
pub const MAX_PER_USER: usize = 12;

/// Most allocations at a time.
const MAX_ALLOCATIONS: usize = 10_000;

/// How long an allocation lives unless the client asks for more, and the most it may ask for (RFC 8656 section 7.2).
const LIFETIME: Duration = Duration::from_secs(600);
const MAX_LIFETIME: Duration = Duration::from_secs(3600);

/// How long a nonce is good, in seconds.
const NONCE_LIFETIME: u64 = 3600;

/// A nonce that is older than that may have been made for whoever had the address before, in seconds. No allocation lives longer
/// between two requests.
const NONCE_MEMORY: u64 = NONCE_LIFETIME + MAX_LIFETIME.as_secs();

/// An allocation of which nothing was heard for so long makes room for another: one in use is checked every 4 to 6 seconds at
/// least (RFC 7675 section 5.1).
const QUIET: Duration = Duration::from_secs(10);

/// How often allocations that are over are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// The transport protocol number of UDP, the only one relayed.
const UDP: u8 = 17;

/// Attributes that must be understood and are.
const KNOWN: &[u16] = &[
    attribute::USERNAME,
    attribute::CHANNEL_NUMBER,
    attribute::LIFETIME,
    attribute::XOR_PEER_ADDRESS,
    attribute::DATA,
    attribute::REALM,
    attribute::NONCE,
    attribute::REQUESTED_ADDRESS_FAMILY,
    attribute::REQUESTED_TRANSPORT,
];

/// What a server is made with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Shown to clients.
    pub realm: String,
    /// What logins are checked with.
    pub secret: Secret,
    /// Unguessable; what nonces are made with.
    pub nonce_key: [u8; 32],
    /// The only peers: our own media sockets, as clients know them. [`Server::add_peers`] knows more.
    pub peers: Vec<SocketAddr>,
    /// The relayed address with that number, in the family of the address given. No two numbers share one.
    pub relayed: fn(u32, IpAddr) -> SocketAddr,
}

/// Peers that are known at a time, those included that our sockets had before.
const MAX_PEERS: usize = 64;

/// What a message came over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Whose source may be a lie.
    Datagrams,
    /// That was opened in both directions.
    Stream,
}

/// Why a message had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// It is no message.
    Garbage,
    /// It is a message, and one that means nothing here: an indication that only keeps a translation of addresses alive, or one
    /// with an attribute we do not know (RFC 8489 section 6.3).
    Ignored,
    /// Its sender shows no credentials, and there are too many of those.
    Stranger,
    /// Its sender has no allocation.
    NoAllocation,
    /// The allocation may not send there.
    NoPermission,
}

impl Dropped {
    /// For counters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Garbage => "turn_garbage",
            Self::Ignored => "turn_ignored",
            Self::Stranger => "turn_stranger",
            Self::NoAllocation => "turn_no_allocation",
            Self::NoPermission => "turn_no_permission",
        }
    }
}

/// What comes of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<'m> {
    /// Send this back.
    Reply(Vec<u8>),
    /// The client sends this to a peer.
    Relay {
        /// The client's relayed address.
        from: SocketAddr,
        /// One of [`Config::peers`].
        to: SocketAddr,
        /// What it sends.
        payload: &'m [u8],
    },
    /// Nothing.
    Dropped(Dropped),
}

/// A TURN server. `C` tells clients apart: by address and socket for datagrams, by connection for streams.
#[derive(Debug)]
pub struct Server<C> {
    config: Config,
    /// By relayed address.
    allocations: BTreeMap<SocketAddr, Allocation<C>>,
    by_client: BTreeMap<C, SocketAddr>,
    next: u32,
    sweep: Option<Instant>,
    strangers: Strangers<C>,
    /// Allocations that are over, until their owner knows.
    gone: Vec<(SocketAddr, C)>,
}

impl<C: Copy + Ord> Server<C> {
    /// A server without clients.
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            config,
            allocations: BTreeMap::new(),
            by_client: BTreeMap::new(),
            next: 0,
            sweep: None,
            strangers: Strangers::new(now),
            gone: Vec::new(),
        }
    }

    /// Our media sockets have other addresses from now on. Clients who were told of the ones before still have them, so these stay
    /// peers, the newest of them.
    pub fn add_peers(&mut self, peers: &[SocketAddr]) {
        let former = self.config.peers.iter().filter(|peer| !peers.contains(peer));
        self.config.peers = peers.iter().chain(former).copied().take(MAX_PEERS.max(peers.len())).collect();
    }

    /// How many allocations there are.
    pub fn len(&self) -> usize {
        self.allocations.len()
    }

    /// Whether nobody holds an allocation.
    pub fn is_empty(&self) -> bool {
        self.allocations.is_empty()
    }

    /// Whether a client holds an allocation.
    pub fn serves(&self, client: C) -> bool {
        self.by_client.contains_key(&client)
    }

    /// Who holds an allocation with that relayed address.
    pub fn client_of(&self, relayed: &SocketAddr) -> Option<C> {
        self.allocations.get(relayed).map(|allocation| allocation.client)
    }

    /// A message of a client, whose address as we see it is `mapped`. `unix` is the time in seconds.
    pub fn handle_message<'m>(
        &mut self,
        now: Instant,
        unix: u64,
        client: C,
        transport: Transport,
        mapped: SocketAddr,
        bytes: &'m [u8],
    ) -> Outcome<'m> {
        if bytes.first().is_some_and(|first| (64..=79).contains(first)) {
            return self.channel_data(now, client, bytes);
        }
        let Ok(message) = Message::read(bytes) else { return Outcome::Dropped(Dropped::Garbage) };
        match (message.class, message.method) {
            (Class::Indication, method::SEND) => self.send(now, client, &message),
            (Class::Request, method::BINDING) => {
                if !self.strangers.answers(now, client, mapped, transport == Transport::Stream) {
                    return Outcome::Dropped(Dropped::Stranger);
                }
                let draft = Draft::new(method::BINDING, Class::Success, &message.transaction);
                let mapped = address::write(mapped, &message.transaction);
                // As short as it can be: it answers whoever asks.
                Outcome::Reply(draft.attribute(attribute::XOR_MAPPED_ADDRESS, &mapped).bare())
            }
            (Class::Request, method::ALLOCATE | method::REFRESH | method::CREATE_PERMISSION | method::CHANNEL_BIND) => {
                self.request(now, unix, client, (transport, mapped), &message)
            }
            _ => Outcome::Dropped(Dropped::Ignored),
        }
    }

    /// What a peer sends to a relayed address, as it goes to the client. `None` if nobody may receive it.
    pub fn to_client(
        &mut self,
        now: Instant,
        relayed: SocketAddr,
        peer: SocketAddr,
        payload: &[u8],
    ) -> Option<(C, Vec<u8>)> {
        let allocation = self.allocations.get(&relayed).filter(|allocation| !allocation.is_over(now))?;
        if !allocation.permits(peer.ip(), now) {
            return None;
        }
        if let Some(channel) = allocation.channel_of(peer, now) {
            return Some((allocation.client, write_channel_data(channel, payload)?));
        }
        self.next = self.next.wrapping_add(1);
        // An indication is answered by nobody; its id need only differ from the last.
        let mut transaction = allocation.transaction;
        transaction[..4].copy_from_slice(&self.next.to_be_bytes());
        let draft = Draft::new(method::DATA, Class::Indication, &transaction)
            .attribute(attribute::XOR_PEER_ADDRESS, &address::write(peer, &transaction))
            .attribute(attribute::DATA, payload);
        Some((allocation.client, draft.bare()))
    }

    /// A client is gone for good, because its connection is.
    pub fn forget(&mut self, client: C) {
        if let Some(relayed) = self.by_client.remove(&client) {
            self.allocations.remove(&relayed);
            self.gone.push((relayed, client));
        }
    }

    /// All clients are gone, as after a fault.
    pub fn forget_all(&mut self) {
        self.by_client.clear();
        let all = std::mem::take(&mut self.allocations);
        self.gone.extend(all.into_iter().map(|(relayed, allocation)| (relayed, allocation.client)));
        self.sweep = None;
    }

    /// A relayed address of which nothing comes any more and where nothing goes, and whose it was; by now that client may have
    /// another. Ask after each message, until there is none.
    pub fn poll_gone(&mut self) -> Option<(SocketAddr, C)> {
        self.gone.pop()
    }

    /// The next moment [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.sweep
    }

    /// Forgets what is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.sweep.is_none_or(|at| at > now) {
            return;
        }
        let gone = &mut self.gone;
        self.allocations.retain(|relayed, allocation| {
            let lives = !allocation.is_over(now);
            if !lives {
                gone.push((*relayed, allocation.client));
            }
            lives
        });
        let allocations = &self.allocations;
        self.by_client.retain(|_, relayed| allocations.contains_key(relayed));
        self.sweep = (!self.allocations.is_empty()).then(|| now + SWEEP);
    }

    fn channel_data<'m>(&mut self, now: Instant, client: C, bytes: &'m [u8]) -> Outcome<'m> {
        let Ok((channel, payload)) = read_channel_data(bytes) else { return Outcome::Dropped(Dropped::Garbage) };
        let Some((relayed, allocation)) = self.heard(now, client) else {
            return Outcome::Dropped(Dropped::NoAllocation);
        };
        match allocation.peer_of(channel, now).filter(|peer| allocation.permits(peer.ip(), now)) {
            Some(to) => Outcome::Relay { from: relayed, to, payload },
            None => Outcome::Dropped(Dropped::NoPermission),
        }
    }

    fn send<'m>(&mut self, now: Instant, client: C, message: &Message<'m>) -> Outcome<'m> {
        let to = message.attribute(attribute::XOR_PEER_ADDRESS);
        let to = to.and_then(|value| address::read(value, &message.transaction));
        let (Some(to), Some(payload)) = (to, message.attribute(attribute::DATA)) else {
            return Outcome::Dropped(Dropped::Ignored);
        };
        if !message.not_understood(KNOWN).is_empty() {
            return Outcome::Dropped(Dropped::Ignored);
        }
        let is_ours = self.config.peers.contains(&to);
        let Some((from, allocation)) = self.heard(now, client) else {
            return Outcome::Dropped(Dropped::NoAllocation);
        };
        if !is_ours || !allocation.permits(to.ip(), now) {
            return Outcome::Dropped(Dropped::NoPermission);
        }
        Outcome::Relay { from, to, payload }
    }

    /// The allocation of a client of which something came.
    fn heard(&mut self, now: Instant, client: C) -> Option<(SocketAddr, &mut Allocation<C>)> {
        let relayed = *self.by_client.get(&client)?;
        let allocation = self.allocations.get_mut(&relayed).filter(|allocation| !allocation.is_over(now))?;
        allocation.heard = now;
        Some((relayed, allocation))
    }
}
