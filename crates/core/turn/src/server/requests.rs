//! Requests that ask for proof of who asks: allocations, permissions and channels.

use super::*;

/// Why a request is refused.
#[derive(Debug, Clone, Copy)]
struct Refusal {
    code: u16,
    /// With realm and nonce.
    challenge: bool,
}

const fn refused(code: u16) -> Refusal {
    Refusal { code, challenge: false }
}

const fn challenged(code: u16) -> Refusal {
    Refusal { code, challenge: true }
}

/// Who a request is from, proven.
struct Caller<'m> {
    name: &'m str,
    who: &'m str,
    ends: u64,
    key: Key,
}

impl<C: Copy + Ord> Server<C> {
    pub(super) fn request<'m>(
        &mut self,
        now: Instant,
        unix: u64,
        client: C,
        (transport, mapped): (Transport, SocketAddr),
        message: &Message<'m>,
    ) -> Outcome<'m> {
        let caller = match self.authenticate(unix, mapped, message) {
            Ok(caller) => caller,
            Err(refusal) => {
                let is_sure = transport == Transport::Stream || self.has_received(unix, mapped, message);
                if !self.strangers.answers(now, client, mapped, is_sure) {
                    return Outcome::Dropped(Dropped::Stranger);
                }
                return Outcome::Reply(self.refusal(unix, mapped, message, refusal, None));
            }
        };
        let not_understood = message.not_understood(KNOWN);
        if !not_understood.is_empty() {
            let types: Vec<u8> = not_understood.iter().flat_map(|kind| kind.to_be_bytes()).collect();
            let draft = Draft::new(message.method, Class::Error, &message.transaction)
                .attribute(attribute::ERROR_CODE, &error_value(420))
                .attribute(attribute::UNKNOWN_ATTRIBUTES, &types);
            return Outcome::Reply(draft.sign(&caller.key).finish());
        }
        let answer = Draft::new(message.method, Class::Success, &message.transaction);
        let done = match message.method {
            method::ALLOCATE => self.allocate(now, unix, client, mapped, message, &caller, answer),
            method::REFRESH => self.refresh(now, client, message, &caller, answer),
            method::CREATE_PERMISSION => self.create_permission(now, client, message, &caller, answer),
            _ => self.channel_bind(now, client, message, &caller, answer),
        };
        Outcome::Reply(match done {
            Ok(answer) => answer.sign(&caller.key).finish(),
            Err(refusal) => self.refusal(unix, mapped, message, refusal, Some(&caller.key)),
        })
    }

    /// The long-term mechanism (RFC 8489 section 9.2.4).
    fn authenticate<'m>(&self, unix: u64, mapped: SocketAddr, message: &Message<'m>) -> Result<Caller<'m>, Refusal> {
        if !message.is_signed() {
            return Err(challenged(401));
        }
        let text = |kind| message.text(kind).ok_or(refused(400));
        let (name, realm, nonce) = (text(attribute::USERNAME)?, text(attribute::REALM)?, text(attribute::NONCE)?);
        if !self.is_fresh(unix, mapped, nonce) {
            return Err(challenged(438));
        }
        if name.len() > MAX_NAME || realm != self.config.realm {
            return Err(challenged(401));
        }
        let key = self.config.secret.key(name, realm);
        let (ends, who) = meaning(name).filter(|_| message.is_signed_with(&key)).ok_or(challenged(401))?;
        Ok(Caller { name, who, ends, key })
    }

    #[expect(clippy::too_many_arguments, reason = "it is called once, with everything a request is")]
    fn allocate(
        &mut self,
        now: Instant,
        unix: u64,
        client: C,
        mapped: SocketAddr,
        message: &Message<'_>,
        caller: &Caller<'_>,
        answer: Draft,
    ) -> Result<Draft, Refusal> {
        if let Some((relayed, allocation)) = self.heard(now, client) {
            // The answer to this very request was lost; anything else does not fit.
            let is_same = allocation.transaction == message.transaction && allocation.name == caller.name;
            return if is_same { Ok(allocated(answer, message, relayed, allocation)) } else { Err(refused(437)) };
        }
        // A name that ended makes no new allocation; those it made go on.
        if caller.ends <= unix {
            return Err(challenged(401));
        }
        match message.attribute(attribute::REQUESTED_TRANSPORT) {
            Some([UDP, _, _, _]) => {}
            Some(_) => return Err(refused(442)),
            None => return Err(refused(400)),
        }
        let like = self.family(message)?;
        let is_theirs =
            |allocation: &&Allocation<C>| meaning(&allocation.name).is_some_and(|(_, who)| who == caller.who);
        let theirs = self.allocations.values().filter(is_theirs);
        if theirs.clone().count() >= MAX_PER_USER {
            let quiet = quietest(theirs, now).ok_or(refused(486))?;
            self.forget(quiet);
        }
        if self.allocations.len() >= MAX_ALLOCATIONS {
            let quiet = quietest(self.allocations.values(), now).ok_or(refused(508))?;
            self.forget(quiet);
        }
        let relayed = self.free_address(like);
        self.forget(client);
        let lifetime = lifetime(message);
        let allocation = Allocation {
            client,
            name: caller.name.to_owned(),
            mapped,
            transaction: message.transaction,
            lifetime,
            expires: now + lifetime,
            heard: now,
            permissions: BTreeMap::new(),
            channels: BTreeMap::new(),
        };
        let answer = allocated(answer, message, relayed, &allocation);
        self.allocations.insert(relayed, allocation);
        self.by_client.insert(client, relayed);
        self.sweep.get_or_insert(now + SWEEP);
        Ok(answer)
    }

    /// A peer of the family asked for. Without a wish that is IPv4 (RFC 8656 section 7.2), unless we have no such address: an
    /// allocation of a family without peers would be of no use.
    fn family(&self, message: &Message<'_>) -> Result<IpAddr, Refusal> {
        let (v4, v6) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        let has = |family: &IpAddr| self.config.peers.iter().any(|peer| peer.is_ipv4() == family.is_ipv4());
        let wanted = match message.attribute(attribute::REQUESTED_ADDRESS_FAMILY) {
            Some([1, _, _, _]) => [v4, v4],
            Some([2, _, _, _]) => [v6, v6],
            Some(_) => return Err(refused(440)),
            None => [v4, v6],
        };
        wanted.into_iter().find(has).ok_or(refused(440))
    }

    fn free_address(&mut self, like: IpAddr) -> SocketAddr {
        loop {
            self.next = self.next.wrapping_add(1);
            let address = (self.config.relayed)(self.next, like);
            if !self.allocations.contains_key(&address) {
                return address;
            }
        }
    }

    /// The allocation a request is about; it must be the caller's (RFC 8656 section 5).
    fn own(&mut self, now: Instant, client: C, caller: &Caller<'_>) -> Result<&mut Allocation<C>, Refusal> {
        let (_, allocation) = self.heard(now, client).ok_or(refused(437))?;
        if allocation.name == caller.name { Ok(allocation) } else { Err(refused(441)) }
    }

    fn refresh(
        &mut self,
        now: Instant,
        client: C,
        message: &Message<'_>,
        caller: &Caller<'_>,
        answer: Draft,
    ) -> Result<Draft, Refusal> {
        let mut lifetime = lifetime(message);
        if message.attribute(attribute::LIFETIME).is_some_and(|value| value == [0; 4]) {
            lifetime = Duration::ZERO;
        }
        let allocation = self.own(now, client, caller)?;
        allocation.lifetime = lifetime;
        allocation.expires = now + lifetime;
        if lifetime.is_zero() {
            self.forget(client);
        }
        Ok(answer.attribute(attribute::LIFETIME, &seconds(lifetime)))
    }

    fn create_permission(
        &mut self,
        now: Instant,
        client: C,
        message: &Message<'_>,
        caller: &Caller<'_>,
        answer: Draft,
    ) -> Result<Draft, Refusal> {
        let mut peers = Vec::new();
        for value in message.attributes(attribute::XOR_PEER_ADDRESS) {
            let peer = address::read(value, &message.transaction).ok_or(refused(400))?;
            if !self.config.peers.iter().any(|known| known.ip() == peer.ip()) {
                return Err(refused(403));
            }
            peers.push(peer.ip());
        }
        if peers.is_empty() {
            return Err(refused(400));
        }
        let allocation = self.own(now, client, caller)?;
        peers.into_iter().for_each(|peer| allocation.permit(peer, now));
        Ok(answer)
    }

    fn channel_bind(
        &mut self,
        now: Instant,
        client: C,
        message: &Message<'_>,
        caller: &Caller<'_>,
        answer: Draft,
    ) -> Result<Draft, Refusal> {
        let channel = match message.attribute(attribute::CHANNEL_NUMBER) {
            Some([high, low, _, _]) => u16::from_be_bytes([*high, *low]),
            _ => return Err(refused(400)),
        };
        let peer = message.attribute(attribute::XOR_PEER_ADDRESS);
        let peer = peer.and_then(|value| address::read(value, &message.transaction)).ok_or(refused(400))?;
        if !self.config.peers.contains(&peer) {
            return Err(refused(403));
        }
        if self.own(now, client, caller)?.bind(channel, peer, now) { Ok(answer) } else { Err(refused(400)) }
    }

    fn refusal(
        &self,
        unix: u64,
        mapped: SocketAddr,
        message: &Message<'_>,
        refusal: Refusal,
        key: Option<&Key>,
    ) -> Vec<u8> {
        let mut draft = Draft::new(message.method, Class::Error, &message.transaction)
            .attribute(attribute::ERROR_CODE, &error_value(refusal.code));
        if refusal.challenge {
            draft = draft
                .attribute(attribute::REALM, self.config.realm.as_bytes())
                .attribute(attribute::NONCE, self.nonce(unix, mapped).as_bytes());
        }
        match key {
            Some(key) => draft.sign(key).finish(),
            None => draft.finish(),
        }
    }

    /// The time, and a proof that it is a nonce of ours for that client. Nothing is kept for strangers.
    fn nonce(&self, unix: u64, mapped: SocketAddr) -> String {
        let proof = mac(&self.config.nonce_key, &[&unix.to_be_bytes(), mapped.to_string().as_bytes()]).finalize();
        let proof = proof.into_bytes().iter().take(8).fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        format!("{unix:010x}{proof:016x}")
    }

    fn is_fresh(&self, unix: u64, mapped: SocketAddr, nonce: &str) -> bool {
        self.age(unix, mapped, nonce).is_some_and(|age| age < NONCE_LIFETIME)
    }

    /// Whether what was sent to that address has reached whoever sends this: the nonce is from there.
    fn has_received(&self, unix: u64, mapped: SocketAddr, message: &Message<'_>) -> bool {
        let age = message.text(attribute::NONCE).and_then(|nonce| self.age(unix, mapped, nonce));
        age.is_some_and(|age| age < NONCE_MEMORY)
    }

    /// How old a nonce is, in seconds, if we made it for that address.
    fn age(&self, unix: u64, mapped: SocketAddr, nonce: &str) -> Option<u64> {
        let made = nonce.get(..10).and_then(|digits| u64::from_str_radix(digits, 16).ok())?;
        // It keeps others from playing a message again, and lets nobody in: guessing one gains little.
        unix.checked_sub(made).filter(|_| self.nonce(made, mapped) == nonce)
    }
}

/// Whose allocation was not heard of for longest, if that is long enough for it to make room.
fn quietest<'a, C: Copy + 'a>(allocations: impl Iterator<Item = &'a Allocation<C>>, now: Instant) -> Option<C> {
    let quietest = allocations.min_by_key(|allocation| allocation.heard)?;
    (now.saturating_duration_since(quietest.heard) >= QUIET).then_some(quietest.client)
}

fn allocated<C>(answer: Draft, message: &Message<'_>, relayed: SocketAddr, allocation: &Allocation<C>) -> Draft {
    answer
        .attribute(attribute::XOR_RELAYED_ADDRESS, &address::write(relayed, &message.transaction))
        .attribute(attribute::LIFETIME, &seconds(allocation.lifetime))
        .attribute(attribute::XOR_MAPPED_ADDRESS, &address::write(allocation.mapped, &message.transaction))
}

/// The lifetime asked for, within bounds.
fn lifetime(message: &Message<'_>) -> Duration {
    let asked = message.attribute(attribute::LIFETIME).and_then(|value| value.try_into().ok().map(u32::from_be_bytes));
    Duration::from_secs(asked.unwrap_or_default().into()).clamp(LIFETIME, MAX_LIFETIME)
}

fn seconds(lifetime: Duration) -> [u8; 4] {
    u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX).to_be_bytes()
}

/// The value of ERROR-CODE. The words are for people with a packet analyser.
fn error_value(code: u16) -> Vec<u8> {
    let words = match code {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        420 => "Unknown Attribute",
        437 => "Allocation Mismatch",
        438 => "Stale Nonce",
        440 => "Address Family not Supported",
        441 => "Wrong Credentials",
        442 => "Unsupported Transport Protocol",
        486 => "Allocation Quota Reached",
        _ => "Insufficient Capacity",
    };
    let digits = [code / 100, code % 100].map(|part| u8::try_from(part).unwrap_or_default());
    [&[0, 0], &digits[..], words.as_bytes()].concat()
}
