//! A peer connection where its packets are: the WebRTC stack and the ways to the client.
//!
//! Most connections are on the shard that has their room. In a big room some are on other shards, as guests there; the room's
//! shard then has a [`Far`] in their place, which remembers what it has to know of them and gathers what they are to do.

use crate::backlog::{Backlog, Kept};
use crate::detour;
use crate::engine::ConnectionKey;
use crate::forward::Takes;
use crate::path::{Heard, Path};
use crate::registry::ShardIndex;
use crate::stun;
use bytes::Bytes;
use rtc::{Channel, Event, OfferChange, Output, Peer, SectionPlan, Traffic};
use signal::PeerKey;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Most bytes of reliable messages that wait for their channel to open (media-protocol.md section 13.3).
const DATA_WAIT_BYTES: usize = 100 * 1024;

/// Most bytes of reliable messages that are given to the stack, which keeps a copy for each receiver: some seconds' worth of
/// a slow line, and a round trip's of a fast one.
const DATA_IN_STACK: usize = 512 * 1024;

/// The same where the client is reached by TCP or through the relay, which may be TCP as well. That loses nothing, so all of it
/// waits in front of the client's line, and pictures and sound behind what has left already.
const DATA_ON_DETOUR: usize = 64 * 1024;

/// Most addresses and most ICE names of one connection that are known at a time. A phone that walks from network to network
/// has a few.
const MAX_KNOWN: usize = 16;

/// How often a connection may ask for the same moment again while it is drained.
const MAX_TURNS: u32 = 64;

/// What is due within that time is done now: sleeping is not more exact, and a pacer that wakes up once a millisecond for
/// a packet each would take its own slowness for the network's.
const AHEAD: Duration = Duration::from_millis(1);

/// Nobody sleeps longer than that, so that deadlines of those who left do not pile up.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Datagrams to send: from, to, contents.
pub(crate) type Outbox = Vec<(SocketAddr, SocketAddr, Vec<u8>)>;

/// What came to light while a connection was drained.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are never many, and most are events")]
pub(crate) enum Told {
    /// The stack told of something.
    Event(Event),
    /// The stack gave up.
    Died,
    /// It panicked.
    Broken,
}

/// The newest of many things, oldest first.
#[derive(Debug)]
pub(crate) struct Newest<T>(Vec<T>);

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Newest<T> {
    /// Takes note of one. Returns the one that had to make room for it.
    pub(crate) fn note(&mut self, one: T) -> Option<T> {
        self.0.retain(|known| *known != one);
        self.0.push(one);
        (self.0.len() > MAX_KNOWN).then(|| self.0.remove(0))
    }

    /// It is none of them any more.
    pub(crate) fn forget(&mut self, one: &T) {
        self.0.retain(|known| known != one);
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.0.last()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

/// An offer of ours: its text, and the section of each change in order.
pub(crate) type Offer = (String, Vec<String>);

/// By number: what a section is called, and what the client takes on it.
pub(crate) type Sections = Vec<(String, Takes)>;

/// Lets datagrams leave.
pub(crate) fn leaving_by(transmit: &mut impl FnMut(SocketAddr, SocketAddr, Vec<u8>)) -> impl FnMut(&mut Outbox) {
    |outbox| outbox.drain(..).for_each(|(source, destination, contents)| transmit(source, destination, contents))
}

/// What something that was heard means for the way to a client.
#[derive(Debug, Default)]
pub(crate) struct Moving {
    /// It is another than before.
    pub(crate) is_moved: bool,
    /// A datagram that asks whether the client is there: from, to, contents.
    pub(crate) question: Option<(SocketAddr, SocketAddr, Vec<u8>)>,
}

/// A peer connection that is on this shard.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) peer: Peer,
    /// The names under which it can be called, newest last.
    pub(crate) ufrags: Newest<String>,
    /// Remote addresses that were proven to be the client's, the one checked last at the end.
    pub(crate) addresses: Newest<SocketAddr>,
    /// The way the client wants.
    pub(crate) path: Path,
    /// When the client checked a way last, with the password.
    checked: Instant,
    /// For which address of ours the stack takes where the last datagram arrived, and where that was.
    pub(crate) arrived: Option<(SocketAddr, SocketAddr)>,
    /// The room took it for failed, and it was not heard since.
    pub(crate) failed: bool,
    /// Has output to drain.
    pub(crate) dirty: bool,
    /// When the stack wants to hear that time passes.
    pub(crate) due: Instant,
    open: Vec<Channel>,
    waiting: Waiting,
    backlog: Backlog,
    /// The client sent more data than is passed on; until then it has to keep the rest.
    rests_until: Option<Instant>,
}

impl Line {
    pub(crate) fn new(peer: Peer, now: Instant) -> Self {
        Self {
            peer,
            ufrags: Newest::default(),
            addresses: Newest::default(),
            path: Path::default(),
            checked: now,
            arrived: None,
            failed: false,
            dirty: false,
            due: now,
            open: Vec::new(),
            waiting: Waiting::default(),
            backlog: Backlog::default(),
            rests_until: None,
        }
    }

    /// Takes no data of the client's until then.
    pub(crate) fn rest(&mut self, until: Instant) {
        self.rests_until = Some(until);
    }

    /// Whether this is not taken now. Of data channels nothing is lost by that: it looks like a line that is too narrow, and the
    /// client sends it again, at the pace at which it arrives.
    pub(crate) fn refuses(&self, at: Instant, contents: &[u8]) -> bool {
        // What DTLS carries, of version 1.2 and 1.3; no handshake is left to be disturbed.
        matches!(contents, [23 | 32..=63, ..]) && self.rests_until.is_some_and(|until| at < until)
    }

    /// Something of the client's came by a way. What comes of it for the way to the client; of what is wrong, nothing.
    pub(crate) fn heard(
        &mut self,
        at: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
    ) -> Moving {
        let heard = Heard::of(contents);
        let is_check = matches!(heard, Heard::Mark(_) | Heard::Check);
        // On the way in use too: whoever knows the client's address could keep it in use when the client has left it.
        if is_check {
            if !self.peer.accepts(at, source, destination, contents) {
                return Moving::default();
            }
            self.checked = at;
        }
        let is_moved = self.path.heard(source, destination, heard, at);
        if is_moved {
            self.peer.path_changed(at);
        }
        let question = self.path.asks(source, destination, heard, at).and_then(|again| {
            let transaction = again.unwrap_or_else(rand::random);
            let question = self.peer.check(&transaction)?;
            self.path.asked(source, destination, transaction, at);
            Some((destination, source, question))
        });
        Moving { is_moved, question }
    }

    /// The connection or allocation that an address of the client's stands for is gone. Whether that changed the way to it.
    pub(crate) fn closed(&mut self, at: Instant, address: SocketAddr) -> bool {
        let is_moved = self.path.lost(address);
        if is_moved {
            self.peer.path_changed(at);
        }
        is_moved
    }

    /// Sends a message of a participant or an application; a reliable one is kept until its channel opens, and then until the
    /// client takes it. `false` if one that is not reliable would wait too long, or too many of the others do.
    pub(crate) fn send(&mut self, channel: Channel, from: Option<PeerKey>, message: Bytes) -> bool {
        let is_open = self.open.contains(&channel);
        let lost = match channel {
            Channel::Lossy => u64::from(is_open && !self.peer.send(channel, &message)),
            Channel::Reliable if !is_open => {
                let lost = self.waiting.keep((from, message));
                metrics::counter!("media_drops_total", "reason" => "data_waiting").increment(lost);
                return true;
            }
            Channel::Reliable if self.takes_more() && self.peer.send(channel, &message) => 0,
            Channel::Reliable => match self.backlog.push(from, message) {
                Kept::Here { lost } => {
                    metrics::counter!("media_drops_total", "reason" => "data_backlog").increment(lost);
                    return true;
                }
                Kept::Full => 1,
            },
        };
        metrics::counter!("media_drops_total", "reason" => "data_backlog").increment(lost);
        lost == 0
    }

    /// Whether the next reliable message may go to the stack.
    fn takes_more(&mut self) -> bool {
        self.backlog.is_empty() && self.has_room()
    }

    /// Whether the stack may have more of reliable messages.
    fn has_room(&mut self) -> bool {
        let is_detour = self.path.remote().is_some_and(|remote| detour::is_detour(&remote));
        let most = if is_detour { DATA_ON_DETOUR } else { DATA_IN_STACK };
        self.peer.data_backlog(Channel::Reliable) < most
    }

    /// Gives the stack what waits, as far as the client has taken what was there before.
    fn feed(&mut self) {
        while !self.backlog.is_empty() && self.has_room() {
            let Some((_, message)) = self.backlog.pop() else { return };
            if !self.peer.send(Channel::Reliable, &message) {
                metrics::counter!("media_drops_total", "reason" => "data_backlog").increment(1);
            }
        }
    }

    /// When the client was heard last, beyond doubt: anybody can write its address on a datagram.
    pub(crate) fn last_heard(&self) -> Instant {
        self.peer.proven_at().map_or(self.checked, |proven| proven.max(self.checked))
    }

    pub(crate) fn note_heard(&mut self, at: Instant) {
        self.checked = at;
    }

    /// It is taken for failed until it is heard again.
    pub(crate) fn fail(&mut self, now: Instant) {
        self.failed = true;
        self.peer.start_over(now);
    }

    /// Lets the stack work until it has to wait. What it sends goes to `outbox`, what happened to `told`. Returns when it
    /// wants to hear that time passes, unless it died.
    pub(crate) fn drain(
        &mut self,
        key: ConnectionKey,
        at: Instant,
        outbox: &mut Outbox,
        told: &mut Vec<(ConnectionKey, Told)>,
    ) -> Option<Instant> {
        self.dirty = false;
        self.feed();
        let mut turns = MAX_TURNS;
        loop {
            let stepped = match self.peer.poll(at) {
                // A pacer wants time to pass between packets.
                Ok(Output::Timeout(due)) if due <= at + AHEAD && turns > 0 => {
                    turns -= 1;
                    self.peer.handle_timeout(due.max(at))
                }
                Ok(Output::Timeout(due)) => {
                    self.due = due.min(at + LONGEST_SLEEP);
                    return Some(self.due);
                }
                Ok(Output::Transmit { source, destination, contents }) => {
                    // A check is answered where it came from; everything else goes where the client wants it.
                    let (source, destination) = if stun::is_stun(&contents) {
                        let arrived = self.arrived.filter(|(local, _)| *local == source);
                        (arrived.map_or(source, |(_, arrived)| arrived), destination)
                    } else {
                        self.path.route(source, destination)
                    };
                    outbox.push((source, destination, contents));
                    Ok(())
                }
                Ok(Output::Event(mut event)) => {
                    self.time(at, &mut event, outbox);
                    told.push((key, Told::Event(event)));
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if stepped.is_err() {
                told.push((key, Told::Died));
                return None;
            }
        }
    }

    /// Reports of media say how long the way takes only while media go to the client. Of the others it is asked.
    fn time(&mut self, at: Instant, event: &mut Event, outbox: &mut Outbox) {
        match event {
            Event::Traffic(Traffic { rtt: rtt @ None, .. }) => *rtt = self.path.round_trip(),
            Event::Connected => {}
            _ => return,
        }
        let transaction = rand::random();
        if let Some(check) = self.peer.check(&transaction)
            && let Some((from, to)) = self.path.time(transaction, at)
        {
            outbox.push((from, to, check));
        }
    }

    /// A channel is open. `false` if it did not take all that waited for it.
    pub(crate) fn opened(&mut self, channel: Channel) -> bool {
        if !self.open.contains(&channel) {
            self.open.push(channel);
        }
        if channel != Channel::Reliable {
            return true;
        }
        std::mem::take(&mut self.waiting).messages.into_iter().all(|(from, message)| self.send(channel, from, message))
    }

    /// Answers the client's offer as planned; `None` if that cannot be done.
    pub(crate) fn accept_offer(&mut self, sdp: &str, plan: &[SectionPlan]) -> Option<String> {
        let answer = self.peer.accept_offer(sdp, plan);
        answer.inspect_err(refused).ok()
    }

    /// Makes an offer; `None` if that cannot be done.
    pub(crate) fn make_offer(&mut self, changes: &[OfferChange], ice_restart: bool) -> Option<Offer> {
        let offer = self.peer.offer(changes, ice_restart);
        offer.inspect_err(|error| tracing::debug!(%error, "no offer could be made")).ok()
    }

    /// Takes the client's answer to it. Whether that could be done.
    pub(crate) fn accept_answer(&mut self, sdp: &str) -> bool {
        let taken = self.peer.accept_answer(sdp);
        taken.inspect_err(refused).is_ok()
    }

    /// Settles an offer that may have been answered: whether it was; `None` if the answer could not be taken.
    pub(crate) fn settle_offer(&mut self, known: Option<&(String, String)>) -> Option<bool> {
        let settled = self.peer.settle_offer(known.map(|(offer, answer)| (offer.as_str(), answer.as_str())));
        settled.inspect_err(refused).ok()
    }

    pub(crate) fn seek(&mut self, seek: Seek, now: Instant) {
        self.peer.pace(seek.paced);
        self.peer.seek_bandwidth(now, seek.minimum, seek.desired);
    }

    /// What the client takes on a section.
    pub(crate) fn takes(&self, section: u16) -> Takes {
        Takes::ask(|format| self.peer.takes(section, format))
    }

    /// Its sections as they are now.
    pub(crate) fn sections(&self) -> Sections {
        let numbered = self.peer.section_names().zip(0..);
        numbered.map(|(name, section)| (name.to_owned(), self.takes(section))).collect()
    }
}

/// Reliable messages that wait for their channel to open, oldest first.
#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<(Option<PeerKey>, Bytes)>,
    bytes: usize,
}

impl Waiting {
    /// Keeps one more. The oldest make room, as if the client had joined later: what it gets is whole. Returns how many.
    fn keep(&mut self, message: (Option<PeerKey>, Bytes)) -> u64 {
        self.bytes += message.1.len();
        self.messages.push_back(message);
        let mut lost = 0;
        while self.bytes > DATA_WAIT_BYTES
            && let Some(oldest) = self.messages.pop_front()
        {
            self.bytes -= oldest.1.len();
            lost += 1;
        }
        lost
    }
}

/// A description of the client's was not taken: its session ends.
pub(crate) fn refused(error: &impl std::fmt::Display) {
    tracing::debug!(%error, "a description was not taken");
    metrics::counter!("media_drops_total", "reason" => "description").increment(1);
}

/// What a connection on another shard is to do.
#[derive(Debug)]
pub(crate) enum Task {
    /// Come into being.
    Open,
    /// Be gone.
    Close,
    /// Take the client's offer and answer it. The answer comes back with its number.
    AcceptOffer { round: u32, sdp: String, plan: Vec<SectionPlan> },
    /// Make an offer.
    MakeOffer { changes: Vec<OfferChange>, ice_restart: bool },
    /// Settle the last offer.
    SettleOffer { known: Option<(String, String)> },
    /// Take the client's answer to it.
    AcceptAnswer { sdp: String },
    /// Which layers the encodings on a section are.
    Layers { section: u16, layers: Vec<(String, u8)> },
    /// Name no way but TCP, or every way again.
    OnlyStreams(bool),
    /// Ask the client for a key frame.
    KeyFrame { section: u16, layer: u8, hard: bool },
    /// Look for bandwidth.
    Seek(Seek),
    /// Send a message.
    Data { channel: Channel, from: Option<PeerKey>, message: Bytes },
    /// Take no data until then.
    Rest(Instant),
    /// The room takes it for failed: say so when it is heard again.
    Failed,
}

/// How a connection looks for bandwidth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seek {
    /// Pictures leave no faster than the estimate.
    pub(crate) paced: bool,
    /// Kept up with padding, bits per second.
    pub(crate) minimum: u64,
    /// What more would be used for, bits per second.
    pub(crate) desired: u64,
}

/// What a connection on another shard tells its room.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "most are events, and packets are none of them")]
pub(crate) enum Word {
    /// The answer to an offer of the client's.
    Answered { round: u32, answer: Option<String>, sections: Sections },
    /// Our offer, if it could be made.
    Offered(Option<Offer>),
    /// Whether our last offer was answered; `None`: by something that could not be taken.
    Settled { answered: Option<bool>, sections: Sections },
    /// Whether the client's answer was taken.
    Taken { taken: bool, sections: Sections },
    /// Something that is no packet happened.
    Event(Event),
    /// What waits to be sent on a section.
    Queued { section: u16, packets: usize },
    /// When it was last heard, and where the client is.
    Heard { at: Instant, remote: Option<SocketAddr> },
    /// It was taken for failed and is heard.
    Again,
    /// A reliable message found no room.
    Choked,
    /// The stack's clock failed it: it may come back.
    Failed,
    /// It is gone and nothing brings it back.
    Died,
}

/// A connection that is on another shard, as its room knows it.
#[derive(Debug)]
pub(crate) struct Far {
    pub(crate) shard: ShardIndex,
    pub(crate) key: ConnectionKey,
    pub(crate) last_heard: Instant,
    /// The way the client wants.
    pub(crate) remote: Option<SocketAddr>,
    /// Has something to do.
    pub(crate) dirty: bool,
    tasks: Vec<Task>,
    sections: Sections,
    /// Packets that wait on each section as last told.
    queued: Vec<usize>,
    negotiated: bool,
    /// Number of the client's last offer; the answer to one before it came too late.
    round: u32,
    /// An offer of ours is being made, and whether it is void when it comes.
    offering: Option<bool>,
    /// An answer of the client's is being taken.
    taking: bool,
    sought: Option<Seek>,
}

impl Far {
    pub(crate) fn new(shard: ShardIndex, key: ConnectionKey, now: Instant) -> Self {
        Self {
            shard,
            key,
            last_heard: now,
            remote: None,
            dirty: false,
            tasks: vec![Task::Open],
            sections: Vec::new(),
            queued: Vec::new(),
            negotiated: false,
            round: 0,
            offering: None,
            taking: false,
            sought: None,
        }
    }

    pub(crate) fn order(&mut self, task: Task) {
        self.tasks.push(task);
    }

    /// What is to be carried to it.
    pub(crate) fn take_tasks(&mut self) -> Vec<Task> {
        self.dirty = false;
        std::mem::take(&mut self.tasks)
    }

    pub(crate) fn is_negotiated(&self) -> bool {
        self.negotiated
    }

    pub(crate) fn section(&self, mid: &str) -> Option<u16> {
        let index = self.sections.iter().position(|(name, _)| name == mid)?;
        u16::try_from(index).ok()
    }

    pub(crate) fn takes(&self, section: u16) -> Takes {
        self.sections.get(usize::from(section)).map_or(Takes::default(), |(_, takes)| *takes)
    }

    pub(crate) fn queued(&self, section: u16) -> usize {
        self.queued.get(usize::from(section)).copied().unwrap_or(0)
    }

    pub(crate) fn note_queued(&mut self, section: u16, packets: usize) {
        let index = usize::from(section);
        if self.queued.len() <= index {
            self.queued.resize(index + 1, 0);
        }
        self.queued[index] = packets;
    }

    pub(crate) fn seek(&mut self, seek: Seek) {
        if self.sought.replace(seek) != Some(seek) {
            self.order(Task::Seek(seek));
        }
    }

    pub(crate) fn accept_offer(&mut self, sdp: String, plan: Vec<SectionPlan>) {
        self.round = self.round.wrapping_add(1);
        self.order(Task::AcceptOffer { round: self.round, sdp, plan });
    }

    /// An answer was made. Whether it is to the client's last offer.
    pub(crate) fn on_answered(&mut self, round: u32, sections: Sections) -> bool {
        self.note_sections(sections);
        round == self.round
    }

    pub(crate) fn make_offer(&mut self, changes: Vec<OfferChange>, ice_restart: bool) {
        self.offering = Some(false);
        self.order(Task::MakeOffer { changes, ice_restart });
    }

    /// Our offer was made. Whether it still counts: it does not if the client came back before it was.
    pub(crate) fn on_offered(&mut self) -> bool {
        self.offering.take() == Some(false)
    }

    /// The client came back: of what is still being answered or made it knows nothing.
    pub(crate) fn resumed(&mut self) {
        self.round = self.round.wrapping_add(1);
        if let Some(void) = &mut self.offering {
            *void = true;
        }
    }

    pub(crate) fn settle_offer(&mut self, known: Option<(String, String)>) {
        self.order(Task::SettleOffer { known });
    }

    /// Takes the client's answer, unless another one is being taken.
    pub(crate) fn accept_answer(&mut self, sdp: String) {
        if !std::mem::replace(&mut self.taking, true) {
            self.order(Task::AcceptAnswer { sdp });
        }
    }

    pub(crate) fn on_taken(&mut self, sections: Sections) {
        self.taking = false;
        self.note_sections(sections);
    }

    pub(crate) fn note_sections(&mut self, sections: Sections) {
        self.negotiated |= !sections.is_empty();
        self.sections = sections;
    }
}

/// Where a connection is.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "almost all are here, and are looked up for every packet")]
pub(crate) enum Place {
    /// On the room's own shard.
    Here(Line),
    /// On another one.
    There(Far),
}

#[cfg(test)]
mod tests {
    use super::*;
    use signal::PeerKey;

    #[test]
    fn of_what_waits_for_a_channel_the_newest_hundred_kilobytes_are_kept_in_order() {
        let mut waiting = Waiting::default();
        let message = |number: u8| Bytes::from(vec![number; 40 * 1024]);
        assert_eq!([waiting.keep((None, message(1))), waiting.keep((None, message(2)))], [0, 0]);
        assert_eq!(waiting.keep((None, message(3))), 1);
        assert_eq!(waiting.messages.iter().map(|(_, message)| message[0]).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(waiting.keep((None, Bytes::from(vec![4; 20 * 1024]))), 0, "exactly full");
        assert_eq!(waiting.keep((None, Bytes::from(vec![5; 101 * 1024]))), 4);
        assert_eq!((waiting.messages.len(), waiting.bytes), (0, 0));
    }

    fn far() -> Far {
        let mut far = Far::new(1, ConnectionKey { room: 1, peer: PeerKey(1), subscriber: true }, Instant::now());
        assert!(matches!(far.take_tasks()[..], [Task::Open]));
        far
    }

    #[test]
    fn the_newest_are_known_and_the_oldest_make_room() {
        let mut newest = Newest::default();
        assert!((0..16).all(|one| newest.note(one).is_none()));
        assert_eq!(newest.note(0), None, "one that is known is new again");
        assert_eq!(newest.note(16), Some(1));
        assert_eq!(newest.last(), Some(&16));
        assert_eq!(newest.iter().count(), 16);
        newest.forget(&2);
        assert_eq!((newest.note(17), newest.note(18)), (None, Some(3)));
    }

    #[test]
    fn an_answer_to_an_offer_before_the_last_comes_too_late() {
        let mut far = far();
        far.accept_offer("first".into(), Vec::new());
        far.accept_offer("second".into(), Vec::new());
        let sections = vec![("a".to_owned(), Takes::default()), ("b".to_owned(), Takes::default())];

        assert!(!far.on_answered(1, sections.clone()));
        assert!(far.on_answered(2, sections.clone()));
        assert!(far.is_negotiated());
        far.resumed();
        assert!(!far.on_answered(2, sections.clone()));
        assert_eq!([far.section("a"), far.section("b"), far.section("c")], [Some(0), Some(1), None]);
    }

    #[test]
    fn what_was_under_way_when_the_client_came_back_is_void() {
        let mut far = far();
        far.make_offer(Vec::new(), false);
        assert!(far.on_offered());

        far.make_offer(Vec::new(), false);
        far.resumed();
        assert!(!far.on_offered());
    }

    #[test]
    fn one_answer_is_taken_at_a_time_and_nothing_is_sought_twice() {
        let mut far = far();
        far.accept_answer("first".into());
        far.accept_answer("again".into());
        far.on_taken(Vec::new());
        far.accept_answer("second".into());
        let seek = Seek { paced: true, minimum: 0, desired: 5 };
        far.seek(seek);
        far.seek(seek);

        let tasks = far.take_tasks();
        assert!(matches!(&tasks[..], [Task::AcceptAnswer { sdp: a }, Task::AcceptAnswer { sdp: b }, Task::Seek(_)]
                if a == "first" && b == "second"));
    }
}
