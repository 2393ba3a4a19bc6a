//! What shards do for each other in big rooms, on its way: packets to connections that are elsewhere and from them, what those
//! are to do and what they have to say.
//!
//! It is gathered during a turn and travels in a few pieces for each other shard, ahead of what clients here get of the same packets.
//! Where there is no room for more, packets are lost, as on any network; everything else waits.

use crate::engine::{ConnectionKey, FastMap, FastSet};
use crate::far::{Far, Task, Word};
use crate::neighbours::Carrier;
use crate::registry::ShardIndex;
use rtc::{Codec, DownPacket, Event, Extensions, PlayoutDelay, UpPacket, Vp8Rewrite};
use std::sync::Arc;
use std::time::Instant;

/// What waits for another shard because that took nothing, packets aside, in bytes. One that lets so much pile up hangs:
/// connections there are given up. What is gathered in a turn may be more, since nothing was tried with it yet.
const BACKLOG: usize = 32 * 1024 * 1024;

/// What one of them takes besides what it holds.
const ITEM: usize = 256;

/// What several packets have in common.
#[derive(Debug)]
pub(crate) struct Body {
    codec: Codec,
    profile: u32,
    wallclock: Instant,
    /// A copy for the other shard: counting who holds it together would cost more than copying it once.
    payload: Arc<[u8]>,
    extensions: Extensions,
}

/// A packet to one connection.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) key: ConnectionKey,
    pub(crate) section: u16,
    body: u32,
    sequence: u64,
    timestamp: u32,
    marker: bool,
    vp8: Option<Vp8Rewrite>,
    dependency: Descriptor,
    playout: Option<PlayoutDelay>,
}

/// A dependency descriptor, or none. Those that come with nearly all packets take no memory of their own.
#[derive(Debug)]
enum Descriptor {
    None,
    Short(u8, [u8; SHORT]),
    Long(Box<[u8]>),
}

/// Longest one of those: with a mask of decode targets, but without the structure that comes with key frames.
const SHORT: usize = 15;

impl Descriptor {
    fn new(bytes: Option<&[u8]>) -> Self {
        let Some(bytes) = bytes else { return Self::None };
        let mut short = [0; SHORT];
        match (short.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(bytes);
                Self::Short(length, short)
            }
            _ => Self::Long(bytes.into()),
        }
    }

    fn get(&self) -> Option<&[u8]> {
        match self {
            Self::None => None,
            Self::Short(length, bytes) => bytes.get(..usize::from(*length)),
            Self::Long(bytes) => Some(bytes),
        }
    }
}

/// What is carried from one shard to another at once.
#[derive(Debug, Default)]
pub(crate) struct Work {
    bodies: Vec<Body>,
    /// Packets to clients. They come before `tasks`, which may put something else on their sections.
    writes: Vec<Write>,
    pub(crate) tasks: Vec<(ConnectionKey, Task)>,
    /// They come before `packets`, for which they may make the way.
    pub(crate) words: Vec<(ConnectionKey, Word)>,
    /// Packets from clients.
    pub(crate) packets: Vec<(ConnectionKey, UpPacket)>,
    /// The packets to clients are for many people of one room.
    pub(crate) for_many: bool,
    /// Bytes of tasks and words.
    weight: usize,
    /// Where the messages are that were weighed. They are in `tasks`, so that no other can be where one was.
    messages: FastSet<usize>,
}

impl Work {
    fn add_task(&mut self, key: ConnectionKey, task: Task) {
        // What goes to many is there once.
        let is_known = matches!(&task, Task::Data { message, .. } if !self.messages.insert(message.as_ptr().addr()));
        self.weight += if is_known { ITEM } else { weight_of_task(&task) };
        self.tasks.push((key, task));
    }

    fn add_word(&mut self, key: ConnectionKey, word: Word) {
        self.weight += weight_of_word(&word);
        self.words.push((key, word));
    }

    fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.tasks.is_empty() && self.words.is_empty() && self.packets.is_empty()
    }

    /// Packets in it.
    pub(crate) fn packets(&self) -> usize {
        self.writes.len() + self.packets.len()
    }

    /// Leaves only what must not be lost. Returns how many packets it held.
    fn without_packets(&mut self) -> usize {
        let lost = self.packets();
        self.bodies.clear();
        self.writes.clear();
        self.packets.clear();
        lost
    }

    /// The packets to clients.
    pub(crate) fn writes(&self) -> impl Iterator<Item = (&Write, DownPacket<'_>)> {
        (0..self.writes.len()).filter_map(|row| self.row(row))
    }

    /// One of the packets to clients.
    pub(crate) fn row(&self, row: usize) -> Option<(&Write, DownPacket<'_>)> {
        let write = self.writes.get(row)?;
        let body = self.bodies.get(index(write.body))?;
        let packet = DownPacket {
            codec: body.codec,
            profile: body.profile,
            sequence: write.sequence,
            timestamp: write.timestamp,
            wallclock: body.wallclock,
            marker: write.marker,
            payload: &body.payload,
            vp8: write.vp8,
            extensions: &body.extensions,
            dependency: write.dependency.get(),
            playout: write.playout,
        };
        Some((write, packet))
    }

    /// For which connection one of the packets to clients is.
    pub(crate) fn key(&self, row: usize) -> Option<ConnectionKey> {
        self.writes.get(row).map(|write| write.key)
    }

    /// How many packets to clients there are.
    pub(crate) fn rows(&self) -> usize {
        self.writes.len()
    }

    /// Puts the packets to clients into the order of their connections, those to one in the order in which they came.
    pub(crate) fn sort(&mut self) {
        // Mostly they are: everybody came to the track in that order.
        if !self.writes.is_sorted_by_key(|write| write.key) {
            self.writes.sort_by_key(|write| write.key);
        }
    }

    /// How many packets are for that connection and those before it, if they are in order.
    pub(crate) fn rows_until(&self, key: ConnectionKey) -> usize {
        self.writes.partition_point(|write| write.key <= key)
    }

    /// All there is for clients is sound.
    pub(crate) fn is_sound(&self) -> bool {
        self.bodies.iter().all(|body| matches!(body.codec, Codec::Opus | Codec::Red))
    }

    /// Takes the packets to clients out.
    pub(crate) fn split_off(&mut self) -> Self {
        let (bodies, writes) = (std::mem::take(&mut self.bodies), std::mem::take(&mut self.writes));
        Self { bodies, writes, ..Self::default() }
    }

    /// Room for as many packets to clients, and nothing else.
    pub(crate) fn cleared(mut self) -> Self {
        self.bodies.clear();
        self.writes.clear();
        self.split_off()
    }
}

/// What is gathered for one other shard.
#[derive(Debug, Default)]
struct Outgoing {
    work: Work,
    /// The body of each payload, by where that is.
    known: FastMap<usize, u32>,
    /// The payloads. Held, so that no other can be where one was.
    held: Vec<Arc<[u8]>>,
    /// The weight of what came back.
    waiting: usize,
}

impl Outgoing {
    /// A packet to a client. `copies` keeps the payload from being shared with who takes it.
    fn write(&mut self, key: ConnectionKey, section: u16, packet: &DownPacket<'_>, copies: bool) {
        let bodies = &mut self.work.bodies;
        let is_same = |body: &Body| body.wallclock == packet.wallclock && body.codec == packet.codec;
        let known = self.known.get(&packet.payload.as_ptr().addr()).copied();
        let known = known.filter(|known| bodies.get(index(*known)).is_some_and(is_same));
        let body = known.unwrap_or_else(|| {
            let body = u32::try_from(bodies.len()).unwrap_or(u32::MAX);
            self.known.insert(packet.payload.as_ptr().addr(), body);
            self.held.push(Arc::clone(packet.payload));
            bodies.push(Body {
                codec: packet.codec,
                profile: packet.profile,
                wallclock: packet.wallclock,
                payload: if copies { Arc::from(&packet.payload[..]) } else { Arc::clone(packet.payload) },
                extensions: packet.extensions.clone(),
            });
            body
        });
        self.work.writes.push(Write {
            key,
            section,
            body,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            vp8: packet.vp8,
            dependency: Descriptor::new(packet.dependency),
            playout: packet.playout,
        });
    }

    /// What was gathered, if there is something.
    fn take(&mut self, next: Work) -> Option<Work> {
        if self.work.is_empty() {
            return None;
        }
        self.known.clear();
        self.held.clear();
        self.waiting = 0;
        Some(std::mem::replace(&mut self.work, next))
    }
}

/// What is gathered for all other shards.
#[derive(Debug)]
pub(crate) struct Post {
    outgoing: Vec<Outgoing>,
    /// Packets to clients here that are not sent at once.
    own: Outgoing,
    /// Without one it waits for [`Post::take`].
    carrier: Option<Carrier>,
    /// Connections whose tasks or words found no room.
    given_up: Vec<ConnectionKey>,
    lost: metrics::Counter,
}

impl Post {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            outgoing: (0..shards).map(|_| Outgoing::default()).collect(),
            own: Outgoing::default(),
            carrier: None,
            given_up: Vec::new(),
            lost: metrics::counter!("media_drops_total", "reason" => "post_queue"),
        }
    }

    /// A packet to a client.
    pub(crate) fn write(&mut self, far: &Far, section: u16, packet: &DownPacket<'_>) {
        if let Some(to) = self.outgoing.get_mut(far.shard) {
            to.write(far.key, section, packet, true);
        }
    }

    /// A packet to a client here, for [`Self::take_own`].
    pub(crate) fn write_here(&mut self, key: ConnectionKey, section: u16, packet: &DownPacket<'_>) {
        self.own.write(key, section, packet, false);
    }

    /// The packets to clients here; `next` is the place for those to come.
    pub(crate) fn take_own(&mut self, next: impl FnOnce() -> Work) -> Option<Work> {
        if self.own.work.is_empty() { None } else { self.own.take(next()) }
    }

    /// Something for a connection to do.
    pub(crate) fn task(&mut self, to: ShardIndex, key: ConnectionKey, task: Task) {
        let Some(to) = self.outgoing.get_mut(to) else { return };
        if to.waiting > BACKLOG && !matches!(task, Task::Close) {
            self.given_up.push(key);
            return;
        }
        to.work.add_task(key, task);
    }

    /// Something that a connection has to say.
    pub(crate) fn word(&mut self, to: ShardIndex, key: ConnectionKey, word: Word) {
        let Some(to) = self.outgoing.get_mut(to) else { return };
        if to.waiting > BACKLOG && !matches!(word, Word::Died) {
            self.given_up.push(key);
            return;
        }
        to.work.add_word(key, word);
    }

    /// A packet from a client.
    pub(crate) fn packet(&mut self, to: ShardIndex, key: ConnectionKey, packet: UpPacket) {
        if let Some(to) = self.outgoing.get_mut(to) {
            to.work.packets.push((key, packet));
        }
    }

    /// By which way it leaves from now on.
    pub(crate) fn set_carrier(&mut self, carrier: Carrier) {
        self.carrier = Some(carrier);
    }

    /// Lets leave what was gathered; with `for_many` that is packets to many people of one room. Whether something waits for room.
    pub(crate) fn depart(&mut self, for_many: bool) -> bool {
        let Some(carrier) = self.carrier.take() else { return false };
        let mut waits = false;
        for to in 0..self.outgoing.len() {
            if let Some(Err(work)) = self.take(to).map(|work| carrier.carry(to, Work { for_many, ..work })) {
                self.put_back(to, work);
                waits = true;
            }
        }
        self.carrier = Some(carrier);
        waits
    }

    /// Connections that have to be given up.
    pub(crate) fn take_given_up(&mut self) -> Vec<ConnectionKey> {
        std::mem::take(&mut self.given_up)
    }

    /// What was gathered for a shard.
    pub(crate) fn take(&mut self, to: ShardIndex) -> Option<Work> {
        self.outgoing.get_mut(to)?.take(Work::default())
    }

    /// What was taken cannot leave now: all but the packets waits.
    pub(crate) fn put_back(&mut self, to: ShardIndex, mut work: Work) {
        self.lost.increment(u64::try_from(work.without_packets()).unwrap_or(u64::MAX));
        let Some(to) = self.outgoing.get_mut(to) else { return };
        to.waiting = work.weight;
        let (tasks, words) = (std::mem::take(&mut to.work.tasks), std::mem::take(&mut to.work.words));
        let Work { tasks: first_tasks, words: first_words, weight, messages, .. } = work;
        (to.work.tasks, to.work.words) = (first_tasks, first_words);
        (to.work.weight, to.work.messages) = (weight, messages);
        tasks.into_iter().for_each(|(key, task)| to.work.add_task(key, task));
        words.into_iter().for_each(|(key, word)| to.work.add_word(key, word));
    }
}

fn index(body: u32) -> usize {
    usize::try_from(body).unwrap_or(usize::MAX)
}

fn weight_of_task(task: &Task) -> usize {
    let held = match task {
        Task::AcceptOffer { sdp, .. } | Task::AcceptAnswer { sdp } => sdp.len(),
        Task::SettleOffer { known: Some((offer, answer)) } => offer.len() + answer.len(),
        Task::Data { message, .. } => message.len(),
        Task::MakeOffer { changes, .. } => changes.len() * ITEM,
        _ => 0,
    };
    ITEM + held
}

fn weight_of_word(word: &Word) -> usize {
    let held = match word {
        Word::Answered { answer: Some(sdp), .. } => sdp.len(),
        Word::Offered(Some((sdp, _))) => sdp.len(),
        Word::Event(Event::Message(_, message)) => message.len(),
        _ => 0,
    };
    ITEM + held
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use rtc::Channel;
    use signal::PeerKey;

    fn key(peer: u64) -> ConnectionKey {
        ConnectionKey { room: 1, peer: PeerKey(peer), subscriber: false }
    }

    fn packet<'a>(payload: &'a Arc<[u8]>, extensions: &'a Extensions, wallclock: Instant) -> DownPacket<'a> {
        DownPacket {
            codec: Codec::Vp8,
            profile: 0,
            sequence: 1,
            timestamp: 2,
            wallclock,
            marker: true,
            payload,
            vp8: None,
            extensions,
            dependency: Some(&[7]),
            playout: None,
        }
    }

    #[test]
    fn a_packet_for_many_is_carried_once_and_nothing_of_it_is_shared() {
        let now = Instant::now();
        let mut post = Post::new(3);
        let extensions = Extensions::default();
        let payloads: [Arc<[u8]>; 2] = [[1, 2, 3].into(), [1, 2, 3].into()];
        for peer in 0..10 {
            for payload in &payloads {
                let far = Far::new(2, key(peer), now);
                post.write(&far, 5, &packet(payload, &extensions, now));
            }
        }

        assert!(post.take(1).is_none());
        let work = post.take(2).unwrap();
        assert_eq!((work.bodies.len(), work.packets()), (2, 20));
        let seen: Vec<u64> = work.writes().map(|(write, _)| write.key.peer.0).collect();
        assert_eq!(seen, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]);
        let (write, last) = work.writes().last().unwrap();
        assert_eq!((write.section, last.sequence, last.timestamp, last.dependency), (5, 1, 2, Some(&[7][..])));
        assert_eq!(**last.payload, [1, 2, 3]);
        assert_eq!(payloads.map(|payload| Arc::strong_count(&payload)), [1, 1]);
        assert!(post.take(2).is_none());
    }

    #[test]
    fn descriptors_of_every_length_arrive_as_they_left() {
        let bytes: Vec<u8> = (0..40).collect();
        for length in 0..bytes.len() {
            assert_eq!(Descriptor::new(Some(&bytes[..length])).get(), Some(&bytes[..length]));
        }
        assert_eq!(Descriptor::new(None).get(), None);
    }

    #[test]
    fn what_cannot_leave_waits_in_order_but_for_the_packets() {
        let now = Instant::now();
        let mut post = Post::new(2);
        let far = Far::new(1, key(1), now);
        post.task(1, key(1), Task::OnlyStreams(true));
        post.write(&far, 5, &packet(&[1].into(), &Extensions::default(), now));
        let work = post.take(1).unwrap();
        post.task(1, key(1), Task::OnlyStreams(false));
        post.put_back(1, work);

        let work = post.take(1).unwrap();

        assert_eq!(work.packets(), 0);
        assert!(matches!(work.tasks[..], [(_, Task::OnlyStreams(true)), (_, Task::OnlyStreams(false))]));
    }

    fn data(message: &Bytes) -> Task {
        Task::Data { channel: Channel::Reliable, from: None, message: message.clone() }
    }

    #[test]
    fn one_long_message_to_many_members_is_carried_to_all_of_them() {
        let mut post = Post::new(2);
        let message = Bytes::from(vec![0; 64 * 1024]);
        (0..600).for_each(|peer| post.task(1, key(peer), data(&message)));
        assert!(post.take_given_up().is_empty());

        // Held up for a moment it weighs what it takes: the message is there once.
        let work = post.take(1).unwrap();
        post.put_back(1, work);
        (600..700).for_each(|peer| post.task(1, key(peer), data(&message)));
        assert!(post.take_given_up().is_empty());
        assert_eq!(post.take(1).unwrap().tasks.len(), 700);
    }

    #[test]
    fn what_a_turn_gathers_is_no_sign_that_the_other_shard_hangs() {
        let mut post = Post::new(2);
        let messages: Vec<Bytes> = (0..40).map(|_| Bytes::from(vec![0; 1024 * 1024])).collect();
        let gather = |post: &mut Post| messages.iter().for_each(|message| post.task(1, key(1), data(message)));
        gather(&mut post);
        assert!(post.take_given_up().is_empty());

        let work = post.take(1).unwrap();
        post.put_back(1, work);
        post.task(1, key(1), data(&messages[0]));
        assert_eq!(post.take_given_up(), [key(1)]);

        assert_eq!(post.take(1).unwrap().tasks.len(), messages.len());
        gather(&mut post);
        assert!(post.take_given_up().is_empty(), "it goes round again");
    }

    #[test]
    fn connections_on_a_shard_that_hangs_are_given_up_and_can_still_be_closed() {
        let mut post = Post::new(2);
        for _ in 0..40 {
            post.task(1, key(1), data(&Bytes::from(vec![0; 1024 * 1024])));
            let work = post.take(1).unwrap();
            post.put_back(1, work);
        }
        let given_up = post.take_given_up();
        assert!(!given_up.is_empty() && given_up.iter().all(|one| *one == key(1)));

        post.task(1, key(1), Task::Close);
        assert!(post.take_given_up().is_empty());
        assert!(matches!(post.take(1).unwrap().tasks.last(), Some((_, Task::Close))));
    }
}
