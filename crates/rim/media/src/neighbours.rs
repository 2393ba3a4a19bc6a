//! The ways between shards: datagrams that the kernel gave to the wrong one, and the [`Work`] of big rooms.
//!
//! All shards share one UDP port, and the kernel spreads clients over their sockets as it likes. A connectivity check names
//! its owner. Once that has proven to be meant for it, the owner says so, and what comes from that address follows. It
//! travels in batches, one allocation each, through bounded queues; what finds one full is lost, as on any network.

use crate::engine::GuardedMap;
use crate::path::SILENT;
use crate::plane::Wake;
use crate::post::Work;
use crate::registry::{Registry, ShardIndex};
use crate::stun;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::Instant;

/// The shard that has the TCP connections and the TURN server.
pub(crate) const WAYS: ShardIndex = 0;

/// Batches that wait for a shard.
const QUEUE: usize = 1024;

/// A batch is passed on when it holds so many bytes, if not before.
const FULL: usize = 48 * 1024;

/// Addresses of others' clients that are remembered in each of two generations.
const FLOWS: usize = 16 * 1024;

/// Packets of big rooms that wait for a shard: about what it sends in a tenth of a second. What comes later than that is of no
/// use to anybody.
const WAITING: usize = 16 * 1024;

/// What one shard tells another.
#[derive(Debug)]
enum Letter {
    Work(Work),
    Datagrams(Batch),
    /// To be sent by ways that only the first shard has: TCP connections and TURN allocations.
    Back(Batch),
    /// Where datagrams from an address belong.
    Flow(SocketAddr, Flow),
    /// The TCP connection or TURN allocation that an address stands for is gone.
    Closed(SocketAddr),
}

/// Whose client sends from an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flow {
    owner: ShardIndex,
    /// It has proven to be there, and did not only write the address on a check.
    is_proven: bool,
    /// When it last checked.
    at: Instant,
}

impl Flow {
    fn holds(&self, at: Instant) -> bool {
        self.is_proven && at.saturating_duration_since(self.at) < SILENT
    }
}

/// Datagrams for one shard, one after the other.
#[derive(Debug, Default)]
struct Batch {
    from: ShardIndex,
    /// Source, destination, length.
    heads: Vec<(SocketAddr, SocketAddr, usize)>,
    contents: Vec<u8>,
}

impl Batch {
    fn add(&mut self, source: SocketAddr, destination: SocketAddr, contents: &[u8]) {
        self.heads.push((source, destination, contents.len()));
        self.contents.extend_from_slice(contents);
    }
}

/// What [`Neighbours::receive`] found.
#[derive(Debug)]
pub(crate) enum Received {
    Nothing,
    /// A letter that was dealt with; there may be more.
    Letter,
    /// What comes from that address is another shard's, unless one of our own clients is there; there may be more.
    Flow(SocketAddr, Flow),
    /// What an address stood for is gone; there may be more.
    Closed(SocketAddr),
    /// Work for the engine; there may be more.
    Work(Work),
}

/// Whose a datagram was that another shard handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// One of our clients': whoever handed it over learns where the next ones belong, and whether that is proven.
    Client { is_proven: bool },
    /// No client's: it was for the TURN server, or is to be sent. Whoever asks that may be a client of any shard.
    Nobody,
    /// Somebody's who is not known.
    Unknown,
}

/// Carries the work of big rooms to other shards.
#[derive(Debug)]
pub(crate) struct Carrier {
    others: Vec<(SyncSender<Letter>, Wake)>,
    waiting: Arc<[AtomicUsize]>,
}

impl Carrier {
    /// Carries something to another shard. It comes back if that has more than enough.
    pub(crate) fn carry(&self, to: ShardIndex, work: Work) -> Result<(), Work> {
        let (Some((sender, wake)), Some(waiting)) = (self.others.get(to), self.waiting.get(to)) else { return Ok(()) };
        let packets = work.packets();
        if packets > 0 && waiting.fetch_add(packets, Ordering::Relaxed) > WAITING {
            waiting.fetch_sub(packets, Ordering::Relaxed);
            return Err(work);
        }
        match sender.try_send(Letter::Work(work)) {
            Ok(()) => {
                wake.wake();
                Ok(())
            }
            Err(TrySendError::Full(Letter::Work(work))) => {
                waiting.fetch_sub(packets, Ordering::Relaxed);
                Err(work)
            }
            // Its owner is gone.
            Err(_) => Ok(()),
        }
    }
}

/// One end of the ways between shards.
#[derive(Debug)]
pub(crate) struct Neighbours {
    own: ShardIndex,
    registry: Arc<Registry>,
    others: Vec<(SyncSender<Letter>, Wake)>,
    /// Packets of big rooms that wait for each shard.
    waiting: Arc<[AtomicUsize]>,
    inbox: Receiver<Letter>,
    /// What is gathered for each other shard.
    outgoing: Vec<Batch>,
    /// What the first shard is to send.
    back: Batch,
    flows: Flows,
    handed_over: metrics::Counter,
    lost: metrics::Counter,
    unknown: metrics::Counter,
}

/// The ways between as many shards as there are wakers.
pub(crate) fn connect(registry: &Arc<Registry>, wakes: &[Wake]) -> Vec<Neighbours> {
    let (senders, inboxes): (Vec<_>, Vec<_>) = wakes.iter().map(|_| sync_channel(QUEUE)).unzip();
    let others: Vec<_> = senders.into_iter().zip(wakes.iter().cloned()).collect();
    let waiting: Arc<[AtomicUsize]> = wakes.iter().map(|_| AtomicUsize::new(0)).collect();
    let neighbour = |(own, inbox)| Neighbours {
        own,
        registry: Arc::clone(registry),
        others: others.clone(),
        waiting: Arc::clone(&waiting),
        inbox,
        outgoing: others.iter().map(|_| Batch { from: own, ..Batch::default() }).collect(),
        back: Batch { from: own, ..Batch::default() },
        flows: Flows::default(),
        handed_over: metrics::counter!("media_datagrams_handed_over_total"),
        lost: metrics::counter!("media_drops_total", "reason" => "handover_queue"),
        unknown: metrics::counter!("media_drops_total", "reason" => "unknown_source"),
    };
    inboxes.into_iter().enumerate().map(neighbour).collect()
}

impl Neighbours {
    /// A datagram that none of our own connections knows. `false` if nobody else does either, which is not counted yet.
    pub(crate) fn forward(&mut self, source: SocketAddr, destination: SocketAddr, contents: &[u8]) -> bool {
        let owner = match stun::local_ufrag(contents) {
            Some(ufrag) => self.registry.named(ufrag),
            None => self.flows.find(source).map(|flow| flow.owner),
        };
        let Some(owner) = owner.filter(|owner| *owner != self.own && *owner < self.outgoing.len()) else {
            return false;
        };
        self.hand_over(owner, source, destination, contents);
        true
    }

    /// Whether a client of another shard is there for certain, so that nobody else is.
    pub(crate) fn holds(&self, source: SocketAddr, at: Instant) -> bool {
        self.flows.get(&source).is_some_and(|flow| flow.owner != self.own && flow.holds(at))
    }

    /// Follows what another shard says of an address. `false` if a client of a third one is there for certain.
    pub(crate) fn follow(&mut self, source: SocketAddr, flow: Flow) -> bool {
        let is_held = self.flows.get(&source).is_some_and(|known| known.owner != flow.owner && known.holds(flow.at));
        if !is_held {
            self.flows.note(source, flow);
        }
        !is_held
    }

    /// What an address stood for is gone: whoever has its client is told, if that is known. Else, and if its queue is full, it
    /// finds out by the silence.
    pub(crate) fn tell_closed(&mut self, address: SocketAddr) {
        let owner = self.flows.find(address).map(|flow| flow.owner).filter(|owner| *owner != self.own);
        if let Some((sender, wake)) = owner.and_then(|owner| self.others.get(owner))
            && sender.try_send(Letter::Closed(address)).is_ok()
        {
            wake.wake();
        }
    }

    /// A datagram was nobody's.
    pub(crate) fn count_unknown(&self) {
        self.unknown.increment(1);
    }

    /// A datagram for a shard that is known.
    pub(crate) fn hand_over(
        &mut self,
        owner: ShardIndex,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
    ) {
        let Some(batch) = self.outgoing.get_mut(owner) else { return };
        batch.add(source, destination, contents);
        if batch.contents.len() >= FULL {
            self.send(owner);
        }
    }

    /// What the first shard is to send.
    pub(crate) fn send_back(&mut self, source: SocketAddr, destination: SocketAddr, contents: &[u8]) {
        self.back.add(source, destination, contents);
        if self.back.contents.len() >= FULL {
            self.flush_back();
        }
    }

    /// Passes on what was gathered.
    pub(crate) fn flush(&mut self) {
        for owner in 0..self.outgoing.len() {
            if !self.outgoing[owner].heads.is_empty() {
                self.send(owner);
            }
        }
        if !self.back.heads.is_empty() {
            self.flush_back();
        }
    }

    fn send(&mut self, owner: ShardIndex) {
        let empty = Batch { from: self.own, ..Batch::default() };
        let batch = std::mem::replace(&mut self.outgoing[owner], empty);
        self.post(owner, batch.heads.len(), Letter::Datagrams(batch));
    }

    fn flush_back(&mut self) {
        let empty = Batch { from: self.own, ..Batch::default() };
        let batch = std::mem::replace(&mut self.back, empty);
        self.post(WAYS, batch.heads.len(), Letter::Back(batch));
    }

    /// The ways for the work of big rooms.
    pub(crate) fn carrier(&self) -> Carrier {
        Carrier { others: self.others.clone(), waiting: Arc::clone(&self.waiting) }
    }

    fn post(&mut self, to: ShardIndex, datagrams: usize, letter: Letter) {
        let count = u64::try_from(datagrams).unwrap_or(u64::MAX);
        let (sender, wake) = &self.others[to];
        match sender.try_send(letter) {
            Ok(()) => {
                self.handed_over.increment(count);
                wake.wake();
            }
            // Full, or its owner is gone.
            Err(_) => self.lost.increment(count),
        }
    }

    /// Takes one batch that others handed over. The flag of `each` says that a datagram is to be sent; `each` says whose it was.
    pub(crate) fn receive(
        &mut self,
        at: Instant,
        mut each: impl FnMut(bool, SocketAddr, SocketAddr, &[u8]) -> Owner,
    ) -> Received {
        let (back, batch) = match self.inbox.try_recv() {
            Ok(Letter::Datagrams(batch)) => (false, batch),
            Ok(Letter::Back(batch)) => (true, batch),
            Ok(Letter::Flow(source, flow)) => return Received::Flow(source, flow),
            Ok(Letter::Closed(address)) => return Received::Closed(address),
            Ok(Letter::Work(work)) => {
                if let Some(waiting) = self.waiting.get(self.own) {
                    waiting.fetch_sub(work.packets(), Ordering::Relaxed);
                }
                return Received::Work(work);
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Received::Nothing,
        };
        let mut rest = batch.contents.as_slice();
        for (source, destination, length) in batch.heads {
            let Some((contents, others)) = rest.split_at_checked(length) else { break };
            rest = others;
            let owner = each(back, source, destination, contents);
            if back {
                continue;
            }
            if owner == Owner::Unknown {
                self.unknown.increment(1);
            } else if let Owner::Client { is_proven } = owner
                && stun::is_stun(contents)
                && let Some((sender, _)) = self.others.get(batch.from)
            {
                // If its queue is full, the next check brings another chance; nobody is woken up for this alone.
                let _ = sender.try_send(Letter::Flow(source, Flow { owner: self.own, is_proven, at }));
            }
        }
        Received::Letter
    }
}

/// Whose clients send from where, in two generations: what was not needed during a whole one is forgotten.
#[derive(Debug, Default)]
struct Flows {
    young: GuardedMap<SocketAddr, Flow>,
    old: GuardedMap<SocketAddr, Flow>,
}

impl Flows {
    fn get(&self, source: &SocketAddr) -> Option<&Flow> {
        self.young.get(source).or_else(|| self.old.get(source))
    }

    fn find(&mut self, source: SocketAddr) -> Option<Flow> {
        if let Some(flow) = self.young.get(&source) {
            return Some(*flow);
        }
        let flow = self.old.remove(&source)?;
        self.note(source, flow);
        Some(flow)
    }

    fn note(&mut self, source: SocketAddr, flow: Flow) {
        if self.young.len() >= FLOWS {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(source, flow);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

    const CLIENT: Owner = Owner::Client { is_proven: true };

    fn pair() -> (Arc<Registry>, Neighbours, Neighbours) {
        let poll = mio::Poll::new().unwrap();
        let wake = Wake(Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap()));
        let registry = Arc::new(Registry::new(2));
        let mut both = connect(&registry, &[wake.clone(), wake]).into_iter();
        let (first, second) = (both.next().unwrap(), both.next().unwrap());
        (registry, first, second)
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn check(ufrag: &str) -> Vec<u8> {
        let name = format!("{ufrag}:theirs");
        let mut message = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        message.extend([7; 12]);
        message.extend([0, 6, 0, u8::try_from(name.len()).unwrap()]);
        message.extend(name.as_bytes());
        message.resize(message.len().next_multiple_of(4), 0);
        message
    }

    fn received(neighbours: &mut Neighbours, owner: Owner) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut all = Vec::new();
        let mut each = |back, source, destination, contents: &[u8]| {
            assert_eq!((back, destination), (false, HERE));
            all.push((source, contents.to_vec()));
            owner
        };
        loop {
            match neighbours.receive(Instant::now(), &mut each) {
                Received::Nothing => return all,
                Received::Flow(source, flow) => assert!(neighbours.follow(source, flow)),
                _ => {}
            }
        }
    }

    #[test]
    fn a_check_finds_its_owner_and_media_follow_once_it_was_proven() {
        let (registry, mut first, mut second) = pair();
        registry.note_name("ours".into(), 1);

        first.forward(address(1), HERE, b"media before the check");
        first.forward(address(1), HERE, &check("ours"));
        first.flush();
        assert_eq!(received(&mut second, CLIENT), [(address(1), check("ours"))]);
        assert!(received(&mut first, CLIENT).is_empty());

        first.forward(address(1), HERE, b"media");
        first.forward(address(1), HERE, b"more");
        first.forward(address(2), HERE, b"of somebody else");
        first.flush();
        assert_eq!(received(&mut second, CLIENT), [(address(1), b"media".to_vec()), (address(1), b"more".to_vec())]);
    }

    #[test]
    fn that_a_connection_closed_is_told_to_whoever_has_its_client() {
        let (registry, mut first, mut second) = pair();
        registry.note_name("ours".into(), 1);
        first.forward(address(1), HERE, &check("ours"));
        first.flush();
        received(&mut second, CLIENT);
        received(&mut first, CLIENT);

        first.tell_closed(address(2));
        first.tell_closed(address(1));

        let letter = second.receive(Instant::now(), |_, _, _, _| CLIENT);
        assert!(matches!(letter, Received::Closed(gone) if gone == address(1)), "{letter:?}");
        assert!(matches!(second.receive(Instant::now(), |_, _, _, _| CLIENT), Received::Nothing));
    }

    #[test]
    fn a_check_that_was_forged_leads_nothing_astray() {
        let (registry, mut first, mut second) = pair();
        registry.note_name("ours".into(), 1);
        first.forward(address(1), HERE, &check("ours"));
        first.flush();
        assert_eq!(received(&mut second, Owner::Unknown).len(), 1);
        received(&mut first, CLIENT);

        first.forward(address(1), HERE, b"media");
        first.flush();

        assert!(received(&mut second, CLIENT).is_empty());
    }

    #[test]
    fn who_has_proven_to_be_somewhere_is_not_put_out_by_somebody_of_another_shard_who_only_says_so() {
        let (_registry, mut first, _second) = pair();
        let start = Instant::now();
        let flow = |owner, is_proven, seconds| Flow { owner, is_proven, at: start + Duration::from_secs(seconds) };

        assert!(first.follow(address(1), flow(2, false, 0)) && !first.holds(address(1), start));
        assert!(first.follow(address(1), flow(1, false, 1)), "neither has proven anything");
        assert!(first.follow(address(1), flow(1, true, 2)));
        assert!(first.holds(address(1), start + Duration::from_secs(9)));
        assert!(!first.follow(address(1), flow(2, true, 9)), "one of them only writes that address on its checks");
        assert!(first.follow(address(1), flow(1, true, 9)));
        assert!(!first.holds(address(1), start + Duration::from_secs(17)), "it was not heard for long");
        assert!(first.follow(address(1), flow(2, true, 17)));
        assert_eq!(first.flows.find(address(1)), Some(flow(2, true, 17)));
    }

    #[test]
    fn a_question_for_the_turn_server_says_nothing_of_whose_an_address_is() {
        let (_registry, mut first, mut second) = pair();
        second.hand_over(WAYS, address(1), HERE, &check("theirs"));
        second.flush();
        assert_eq!(received(&mut first, Owner::Nobody).len(), 1);

        let told = second.receive(Instant::now(), |_, _, _, _| CLIENT);
        assert!(matches!(told, Received::Nothing), "{told:?}");
    }

    #[test]
    fn what_comes_back_to_where_it_came_from_goes_nowhere() {
        let (registry, mut first, mut second) = pair();
        registry.note_name("gone".into(), 0);
        first.forward(address(1), HERE, &check("gone"));
        first.flush();
        assert!(received(&mut first, CLIENT).is_empty());
        assert!(received(&mut second, CLIENT).is_empty());
    }

    #[test]
    fn what_leaves_over_tcp_or_turn_is_sent_by_the_first_shard() {
        let (_registry, mut first, mut second) = pair();
        second.send_back(HERE, address(1), b"one");
        second.send_back(HERE, address(2), b"two");
        second.flush();

        let mut sent = Vec::new();
        let letter = first.receive(Instant::now(), |back, source, destination, contents| {
            assert!(back);
            sent.push((source, destination, contents.to_vec()));
            Owner::Nobody
        });
        assert!(matches!(letter, Received::Letter));
        assert_eq!(sent, [(HERE, address(1), b"one".to_vec()), (HERE, address(2), b"two".to_vec())]);
        assert!(received(&mut second, CLIENT).is_empty(), "nobody learns an address from it");
    }

    #[test]
    fn a_queue_that_is_full_takes_no_more() {
        let (registry, mut first, mut second) = pair();
        registry.note_name("ours".into(), 1);
        for _ in 0..QUEUE + 10 {
            first.forward(address(1), HERE, &check("ours"));
            first.flush();
        }
        assert_eq!(received(&mut second, Owner::Unknown).len(), QUEUE);
    }

    #[test]
    fn flows_in_use_outlive_those_that_are_not() {
        let mut flows = Flows::default();
        let flow = |owner| Flow { owner, is_proven: true, at: Instant::now() };
        let here = flow(1);
        flows.note(HERE, here);
        flows.note(address(0), flow(2));
        for port in 1..u16::try_from(2 * FLOWS).unwrap() {
            flows.note(address(port), flow(3));
            assert_eq!(flows.find(HERE), Some(here));
        }
        assert_eq!(flows.find(address(0)), None);
        assert!(flows.young.len() + flows.old.len() <= 2 * FLOWS);
    }
}
