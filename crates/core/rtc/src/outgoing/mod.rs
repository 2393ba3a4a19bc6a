//! What goes to a client: numbered, paced, sealed, reported and sent again.
//!
//! The WebRTC stack brings connections up, carries data channels and takes what clients send. Pictures and sound to a client
//! leave from here, because a server writes each packet for hundreds of people: a packet is written and sealed in one go into
//! the datagram that leaves, and nothing else is looked at for it.
//!
//! Both halves seal with the same keys. They never use the same source: those that send from here are only known here, and the
//! stack has none of its own but the one that reports on what the client sends.

mod bucket;
mod filling;
mod header;
mod hearing;
mod history;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod limits;
mod rtcp;
mod source;
mod srtp;
mod telling;
#[cfg(test)]
mod tests;

pub(crate) use header::Names;
pub(crate) use source::Source;
pub(crate) use srtp::Keys;

use crate::estimate::Estimator;
use crate::packet::DownPacket;
use crate::peer::Event;
use crate::plan::Kind;
use bucket::Bucket;
use filling::Probing;
use history::Packet;
use source::low;
use srtp::{Open, Seal};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The first one comes soon, so that lips and voices belong together.
const FIRST_REPORT: Duration = Duration::from_millis(100);

/// How often loss and round trips are told of (media-protocol.md section 12.3).
const STATISTICS: Duration = Duration::from_secs(5);

/// Pictures leave by so much faster than the estimate where they are held back, so that the queue empties.
const PACING: f64 = 1.1;

/// So far ahead of that rate they may be: waking up for each packet would cost more than it smooths.
const AHEAD: Duration = Duration::from_millis(3);

/// No packet waits for longer than about this: the rate grows instead.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// A packet is not sent again when it is older than that, or three round trips: who missed so much needs a key frame.
const OLDEST: Duration = Duration::from_secs(1);

/// Of what is sent, a share of one in so many may be sent again, and so many bytes at once: who says that everything is missing
/// all the time is not sent a multiple of what there is.
const REPEATED: usize = 2;
const MOST_REPEATED: usize = 256 * 1024;

/// Whoever was away is believed to be reached by so many bits per second at least: enough for a small picture.
const LEAST_AGAIN: u64 = 300_000;

/// A moment, and how long after 1970 it was.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The moment.
    pub at: Instant,
    /// Since the Unix epoch.
    pub unix: Duration,
}

impl Clock {
    fn ntp(&self, now: Instant) -> u64 {
        header::ntp(self.unix + now.saturating_duration_since(self.at))
    }

    /// Milliseconds since the clock was set, modulo 2^32 (seven weeks), never 0.
    fn millis(&self, now: Instant) -> u32 {
        let all = now.saturating_duration_since(self.at).as_millis();
        u32::try_from(all & u128::from(u32::MAX)).unwrap_or_default().max(1)
    }
}

/// With which payload types a packet leaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Formats {
    pub(crate) pt: u8,
    /// Again, if the client takes that.
    pub(crate) repair: Option<u8>,
}

/// All that is sent to one client. Write, hear what it says, let time pass; then drain datagrams and events.
#[derive(Debug)]
pub(crate) struct Outgoing {
    clock: Clock,
    seal: Option<Seal>,
    open: Option<Open>,
    /// By section.
    sources: Vec<Option<Box<Source>>>,
    /// The next transport-wide number.
    number: u64,
    /// From the first stream on, or since more is looked for.
    estimator: Option<Box<Estimator>>,
    first_estimate: u64,
    /// What was believed when the client last told of packets.
    last_estimate: u64,
    /// What more would be used for, bits per second.
    desired: u64,
    /// The client tells of single packets, so its own guess is not needed.
    is_counted: bool,
    /// Until then, what it said last, bits per second.
    limit: Option<u64>,
    /// The last estimate that was told, and when.
    told: Option<(u64, Instant)>,
    datagrams: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    paced: bool,
    /// Pictures that are held back, and their bytes.
    waiting: VecDeque<(u16, Packet)>,
    waiting_bytes: usize,
    ahead: Bucket,
    /// Bytes that may be sent again.
    repeatable: usize,
    /// What padding keeps the connection up to, in bits per second.
    minimum: u64,
    filled: Bucket,
    filler: u64,
    next_filler: Option<Instant>,
    probing: Option<Probing>,
    next_report: Option<Instant>,
    reports: u32,
    next_statistics: Option<Instant>,
    bytes: u64,
}

impl Outgoing {
    /// Of a way that is believed to carry `first_estimate` bits per second.
    pub(crate) fn new(clock: Clock, first_estimate: u64) -> Self {
        Self {
            clock,
            seal: None,
            open: None,
            sources: Vec::new(),
            number: 0,
            estimator: None,
            first_estimate,
            last_estimate: first_estimate,
            desired: 0,
            is_counted: false,
            limit: None,
            told: None,
            datagrams: VecDeque::new(),
            events: VecDeque::new(),
            paced: false,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            ahead: Bucket::default(),
            repeatable: MOST_REPEATED,
            minimum: 0,
            filled: Bucket::default(),
            filler: 0,
            next_filler: None,
            probing: None,
            next_report: None,
            reports: 0,
            next_statistics: None,
            bytes: 0,
        }
    }

    /// The handshake is through.
    pub(crate) fn set_keys(&mut self, keys: &Keys, now: Instant) {
        if self.seal.is_none() {
            self.seal = keys.seal();
            self.open = keys.open();
            self.tell(now);
        }
    }

    /// Puts a stream on a section, or takes away the one that is there.
    pub(crate) fn put(&mut self, section: u16, source: Option<Source>) {
        let index = usize::from(section);
        if self.sources.len() <= index {
            self.sources.resize_with(index + 1, || None);
        }
        self.waiting.retain(|(of, packet)| {
            let stays = *of != section;
            if !stays {
                self.waiting_bytes -= packet.payload.len();
            }
            stays
        });
        if source.is_some() {
            self.estimator.get_or_insert_with(|| Box::new(Estimator::new(self.first_estimate)));
        }
        self.sources[index] = source.map(Box::new);
    }

    /// Forgets all sections from one on.
    pub(crate) fn truncate(&mut self, sections: usize) {
        let count = self.sources.len();
        for section in (sections..count).filter_map(|index| u16::try_from(index).ok()) {
            self.put(section, None);
        }
        self.sources.truncate(sections);
    }

    /// The stream on a section: its source and that of its retransmissions.
    pub(crate) fn sources(&self, section: u16) -> Option<(u32, u32)> {
        let source = self.sources.get(usize::from(section))?.as_deref()?;
        Some((source.ssrc, source.rtx))
    }

    /// Whether a source is one of ours.
    pub(crate) fn has(&self, ssrc: u32) -> bool {
        self.sources.iter().flatten().any(|source| source.ssrc == ssrc || source.rtx == ssrc)
    }

    /// What was agreed on for the stream of a section: names of extensions, and the payload type of padding.
    pub(crate) fn agree(&mut self, section: u16, names: Names, padding: Option<u8>) {
        if let Some(source) = self.sources.get_mut(usize::from(section)).and_then(Option::as_mut) {
            source.names = names;
            source.padding = padding;
        }
    }

    /// Sends a packet, or lets it wait for its turn. `false` if it can be sent by no means.
    pub(crate) fn write(&mut self, now: Instant, section: u16, formats: Formats, packet: &DownPacket<'_>) -> bool {
        let source = self.sources.get_mut(usize::from(section)).and_then(Option::as_mut);
        let (Some(source), Some(_)) = (source, &self.seal) else { return false };
        let Some(sequence) = source.place(packet.sequence) else { return false };
        let held = Packet {
            sequence,
            timestamp: packet.timestamp,
            payload: packet.payload.clone(),
            ends: source::ends(packet),
            vp8: packet.vp8,
            pt: formats.pt,
            repair: formats.repair,
            marker: packet.marker,
            level: header::level(packet.extensions),
            sent: 0,
            again: 0,
        };
        source.newest = Some((packet.wallclock, packet.timestamp, now));
        if self.next_statistics.is_none() {
            self.next_statistics = Some(now + STATISTICS);
        }
        let is_first = self.told.is_none() && source.names.number.is_some();
        if source.packets == 0 || self.next_report.is_none() {
            let soon = now + FIRST_REPORT;
            self.next_report = Some(self.next_report.map_or(soon, |due| due.min(soon)));
        }
        if source.kind == Kind::Video && (self.paced || !self.waiting.is_empty()) {
            source.waiting += 1;
            self.waiting_bytes += held.payload.len();
            self.waiting.push_back((section, held));
            self.release(now);
        } else {
            self.send(now, section, held);
        }
        if is_first {
            self.tell(now);
        }
        true
    }

    /// Whether pictures leave no faster than the estimate, or at once.
    pub(crate) fn pace(&mut self, paced: bool) {
        self.paced = paced;
    }

    /// What padding keeps the connection up to where media is less, and what more would be used for, in bits per second.
    pub(crate) fn seek(&mut self, now: Instant, minimum: u64, desired: u64) {
        self.minimum = minimum;
        if minimum > 0 && self.next_filler.is_none() {
            self.filled.settle(now, minimum);
            self.next_filler = Some(now);
        }
        self.desired = desired;
        self.estimator.get_or_insert_with(|| Box::new(Estimator::new(self.first_estimate))).seek(now, desired);
        self.probe(now);
    }

    /// The client is away. What waits is not sent any more, and what its silence seemed to say of the way is forgotten: when it
    /// comes back it may be by another, and else that carries what it carried, but no more than is believed at first.
    pub(crate) fn start_over(&mut self, now: Instant) {
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.sources.iter_mut().flatten().for_each(|source| source.waiting = 0);
        if let Some(estimator) = &mut self.estimator {
            let believed = self.last_estimate.clamp(LEAST_AGAIN, self.first_estimate);
            **estimator = Estimator::again(believed, self.is_counted);
            estimator.seek(now, self.desired);
            self.probing = None;
            self.tell(now);
        }
    }

    /// What is sent takes another way from now on.
    pub(crate) fn path_changed(&mut self, now: Instant) {
        if let Some(estimator) = &mut self.estimator {
            estimator.path_changed(now);
            self.probing = None;
        }
    }

    /// Packets of a section that wait to be sent.
    pub(crate) fn waiting(&self, section: u16) -> usize {
        self.sources.get(usize::from(section)).and_then(Option::as_ref).map_or(0, |source| source.waiting)
    }

    /// Bytes sent since the start.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Share of packets lost since the last time this was asked, and the round trip, if the client tells of single packets.
    pub(crate) fn quality(&mut self) -> (Option<f32>, Option<Duration>) {
        self.estimator.as_mut().map_or((None, None), |estimator| (estimator.loss(), estimator.round_trip()))
    }

    /// The next datagram to send.
    pub(crate) fn poll_datagram(&mut self) -> Option<Vec<u8>> {
        self.datagrams.pop_front()
    }

    /// The next thing to tell.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Self::handle_timeout`].
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let release = self.waiting.front().and_then(|_| self.released_at());
        let estimator = self.estimator.as_ref().and_then(|estimator| estimator.poll_timeout());
        let probing = self.probing.as_ref().map(Probing::due);
        let regular = [self.next_report, self.next_statistics, self.next_filler];
        regular.into_iter().chain([release, estimator, probing]).flatten().min()
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if let Some(estimator) = &mut self.estimator {
            estimator.handle_timeout(now);
        }
        self.tell(now);
        self.release(now);
        self.probe(now);
        if self.next_filler.is_some_and(|due| due <= now) {
            self.fill(now);
        }
        if self.next_report.is_some_and(|due| due <= now) {
            self.report(now);
        }
        if self.next_statistics.is_some_and(|due| due <= now) {
            self.next_statistics = Some(now + STATISTICS);
            self.tell_statistics();
        }
    }

    /// The transport-wide number and the time for a packet that leaves now.
    fn stamp(&self, now: Instant, section: u16) -> (Option<u16>, Option<u32>) {
        let Some(Some(source)) = self.sources.get(usize::from(section)) else { return (None, None) };
        let number = source.names.number.map(|_| low(self.number));
        let sent = source.names.sent.map(|_| {
            // The middle of the NTP time: 6 bits of seconds, 18 of their parts.
            u32::try_from(self.clock.ntp(now) >> 14 & 0x00ff_ffff).unwrap_or_default()
        });
        (number, sent)
    }

    /// Takes account of a datagram with media that leaves now.
    fn leaves(&mut self, now: Instant, numbered: bool, datagram: Vec<u8>) {
        self.bytes += u64::try_from(datagram.len()).unwrap_or_default();
        // Of what has no number nobody says that it arrived.
        let probe = self.probing.as_mut().filter(|_| numbered).map(|probing| {
            probing.bytes += datagram.len();
            probing.packets += 1;
            probing.probe.id
        });
        if numbered {
            if let Some(estimator) = &mut self.estimator {
                estimator.on_sent(now, self.number, datagram.len(), probe);
            }
            self.number += 1;
        }
        if self.paced {
            self.ahead.settle(now, self.pace_rate());
            self.ahead.add(datagram.len());
        }
        if self.next_filler.is_some() {
            self.filled.add(datagram.len());
        }
        self.datagrams.push_back(datagram);
    }

    /// Sends a packet now.
    fn send(&mut self, now: Instant, section: u16, mut packet: Packet) {
        let (number, sent) = self.stamp(now, section);
        packet.sent = self.clock.millis(now);
        let source = self.sources.get_mut(usize::from(section)).and_then(Option::as_mut);
        let (Some(source), Some(seal)) = (source, &self.seal) else { return };
        let datagram = source.sealed(seal, &packet, number, sent);
        self.repeatable = (self.repeatable + datagram.len() / REPEATED).min(MOST_REPEATED);
        source.packets += 1;
        source.octets += u64::try_from(packet.payload.len()).unwrap_or_default();
        if packet.repair.is_some() {
            source.history.keep(packet);
        }
        self.leaves(now, number.is_some(), datagram);
    }

    /// What the way carries, bits per second: as the client says, unless it tells of packets.
    fn believed(&self) -> u64 {
        let estimated = || self.estimator.as_ref().map_or(self.first_estimate, |estimator| estimator.estimate());
        self.limit.unwrap_or_else(estimated)
    }

    fn pace_rate(&self) -> u64 {
        let rate = (self.believed() as f64 * PACING) as u64;
        let waiting = u64::try_from(self.waiting_bytes).unwrap_or_default() * 8 / LONGEST_WAIT.as_secs();
        rate.max(waiting)
    }

    /// When the next picture that waits may leave. That is in the past if the way is wider than when it was last looked at.
    fn released_at(&self) -> Option<Instant> {
        self.ahead.due(self.pace_rate(), AHEAD).or(self.ahead.settled())
    }

    /// Lets pictures leave whose turn it is.
    fn release(&mut self, now: Instant) {
        loop {
            if self.paced {
                let rate = self.pace_rate();
                self.ahead.settle(now, rate);
                if self.ahead.due(rate, AHEAD).is_some() {
                    return;
                }
            }
            if !self.release_one(now) {
                return;
            }
        }
    }

    fn release_one(&mut self, now: Instant) -> bool {
        let Some((section, packet)) = self.waiting.pop_front() else { return false };
        self.waiting_bytes -= packet.payload.len();
        if let Some(source) = self.sources.get_mut(usize::from(section)).and_then(Option::as_mut) {
            source.waiting -= 1;
        }
        self.send(now, section, packet);
        true
    }
}
