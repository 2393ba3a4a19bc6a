//! A peer connection where its packets are: the WebRTC stack and the ways to the client.
//!
//! Most connections are on the shard that has their room. In a big room some are on other shards, as guests there; the room's
//! shard then has a [`Far`] in their place, which remembers what it has to know of them and gathers what they are to do.

use crate::backlog::{Backlog, Kept};
use crate::detour;
use crate::engine::ConnectionKey;
use crate::far::{Far, Seek};
use crate::forward::Takes;
use crate::path::{Heard, Path};
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
}
