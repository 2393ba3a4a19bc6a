//! One subscription: what it gets, and how that is sent.

use super::account::{Holes, Window};
use super::bandwidth::UNLIMITED;
use super::delay::Delay;
use super::encoding::{Encoding, Takes};
use super::{AUDIO_CLOCK, VIDEO_CLOCK};
#[cfg(test)]
use crate::engine::faults;
use crate::engine::faults::Turn;
use crate::engine::{ConnectionKey, FastMap, RoomKey};
use crate::line::Place;
use crate::post::Post;
use crate::report::Gauge;
use crate::session::Session;
use rtc::{DownPacket, Extensions, UpPacket, Vp8Rewrite};
use sfu::demand::{Demand, Setting};
use sfu::layers::{Layer, LayerSet, Wish};
use sfu::munger::{Munger, Rtp, Vp8Munger};
use sfu::quality::{Kind as QualityKind, Score};
use sfu::renumber::Counter;
use sfu::selector::Selector;
use signal::{Kind, PeerKey};
use std::sync::Arc;
use std::time::Instant;

/// One subscription.
#[derive(Debug)]
pub(crate) struct Down {
    pub(crate) peer: PeerKey,
    pub(crate) section: u16,
    /// The subscriber's connection is on another shard.
    pub(super) far: bool,
    pub(super) takes: Takes,
    /// Which of the track's codecs it gets; `None` if it takes none of them.
    pub(super) encoding: Option<usize>,
    /// Which it goes over to at the next key frame.
    pub(super) next: Option<usize>,
    /// The subscriber's connection is up; until then nothing may be written, it would only pile up.
    pub(super) ready: bool,
    pub(super) setting: Setting,
    pub(super) demand: Demand,
    /// What the bandwidth allows, as the selector was told.
    pub(super) cap: Option<Wish>,
    /// The subscriber was told that it gets nothing for want of bandwidth.
    pub(super) told_paused: bool,
    pub(super) selector: Selector,
    pub(super) munger: Munger,
    pub(super) pictures: Vp8Munger,
    pub(super) counters: Counters,
    /// It was told that it gets only some of the decode targets.
    pub(super) reduced: bool,
    /// Sound: the munger follows the stream.
    pub(super) following: bool,
    pub(super) delay: Delay,
    pub(super) window: Window,
    /// Packets sent.
    sent: u64,
    holes: Holes,
    /// As last reported.
    pub(crate) gauge: Gauge,
    pub(super) score: Score,
}

/// Numbers within the packets of VP9 and AV1 that go on over a change of the simulcast layer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) picture: Counter<15>,
    pub(super) tl0: Counter<8>,
    pub(super) frame: Counter<16>,
}

/// Who takes a track, where and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binding {
    pub(crate) peer: PeerKey,
    pub(crate) section: u16,
    pub(crate) setting: Setting,
    pub(crate) ready: bool,
    pub(crate) takes: Takes,
    /// The connection is on another shard.
    pub(crate) far: bool,
}

/// Everybody in the room, and the way to those whose connections are on other shards.
pub(crate) struct Reach<'a> {
    pub(crate) sessions: &'a mut FastMap<PeerKey, Session>,
    pub(crate) post: &'a mut Post,
    /// What goes to other shards leaves as soon as it is written, before those who are here are served.
    pub(crate) departs: bool,
    /// The room, if what goes to those who are here is gathered as well.
    pub(crate) gathers: Option<RoomKey>,
    /// To whom something is being sent.
    pub(crate) turn: &'a mut Turn,
}

/// A packet of a publisher, and where it belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) packet: &'a UpPacket,
    pub(super) layer: Layer,
    /// In which of the track's codecs it is.
    pub(super) index: usize,
    /// When it was captured.
    pub(super) wallclock: Instant,
}

impl Arrival<'_> {
    /// Its numbers.
    pub(super) fn rtp(&self) -> Rtp {
        Rtp { seq: self.packet.sequence, timestamp: self.packet.timestamp }
    }
}

/// Where packets of a publisher go, and when.
pub(super) struct Way<'a, W> {
    pub(super) reach: Reach<'a>,
    /// Called for each subscriber who has something to send now.
    pub(super) written: W,
    pub(super) now: Instant,
}

impl<W: FnMut(PeerKey, &mut Session)> Way<'_, W> {
    /// Lets `write` send what one subscriber gets.
    pub(super) fn visit(&mut self, peer: PeerKey, write: impl FnOnce(&mut Subscriber<'_>)) {
        let Reach { sessions, post, turn, gathers, .. } = &mut self.reach;
        **turn = Some(peer);
        let (session, gathers) = (sessions.get_mut(&peer), *gathers);
        let mut subscriber = Subscriber { session, post, gathers, written: false, now: self.now };
        write(&mut subscriber);
        if let Subscriber { session: Some(session), written: true, .. } = subscriber {
            (self.written)(peer, session);
        }
        **turn = None;
    }

    /// Everybody on other shards was visited.
    pub(super) fn depart(&mut self) {
        if self.reach.departs {
            self.reach.post.depart(true);
        }
    }
}

/// Somebody who is being sent something.
pub(super) struct Subscriber<'a> {
    session: Option<&'a mut Session>,
    post: &'a mut Post,
    gathers: Option<RoomKey>,
    /// To a connection that is here.
    written: bool,
    pub(super) now: Instant,
}

/// A packet for one subscriber, as far as it differs from the publisher's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outgoing<'a> {
    pub(super) codec: rtc::Codec,
    pub(super) out: Rtp,
    pub(super) wallclock: Instant,
    pub(super) marker: bool,
    pub(super) payload: &'a Arc<[u8]>,
    pub(super) extensions: &'a Extensions,
    pub(super) vp8: Option<sfu::vp8::Patch>,
    pub(super) dependency: Option<&'a [u8]>,
}

impl<'a> Outgoing<'a> {
    /// The publisher's packet under other numbers.
    pub(super) fn new(arrival: &Arrival<'a>, out: Rtp) -> Self {
        let Arrival { packet, wallclock, .. } = *arrival;
        Self {
            codec: packet.codec,
            out,
            wallclock,
            marker: packet.marker,
            payload: &packet.payload,
            extensions: &packet.extensions,
            vp8: None,
            dependency: None,
        }
    }
}

impl Down {
    pub(super) fn new(binding: Binding, kind: Kind, first: Rtp, wanted: Option<Wish>, running: LayerSet) -> Self {
        let audio = kind == Kind::Audio;
        Self {
            peer: binding.peer,
            section: binding.section,
            far: binding.far,
            takes: binding.takes,
            encoding: None,
            next: None,
            ready: binding.ready,
            setting: binding.setting,
            demand: Demand::new(wanted),
            cap: UNLIMITED,
            told_paused: false,
            selector: Selector::new(wanted, running),
            munger: Munger::new(if audio { AUDIO_CLOCK } else { VIDEO_CLOCK }, first),
            pictures: Vp8Munger::new(),
            counters: Counters::default(),
            reduced: false,
            following: false,
            delay: Delay::default(),
            window: Window::default(),
            sent: 0,
            holes: Holes::new(first.seq),
            gauge: Gauge::default(),
            score: Score::new(if audio { QualityKind::Opus { fec: true } } else { QualityKind::Video }),
        }
    }

    /// The best layer it wants and gets, as far as the bandwidth goes.
    pub(super) fn layer(&self) -> Option<Layer> {
        self.demand.current().zip(self.cap).map(|(wish, cap)| wish.layer.min(cap.layer))
    }

    /// The best layer it would want and get of another of the track's codecs, whose layers have sizes of their own.
    pub(super) fn layer_in(&self, encoding: &Encoding) -> Option<Layer> {
        encoding.wish_of(&self.setting).zip(self.cap).map(|(wish, cap)| wish.layer.min(cap.layer))
    }

    /// Packets were withheld: the numbers close up behind them, and pictures wait for a key frame.
    pub(super) fn begin_anew(&mut self) {
        self.selector.restart();
        self.munger.pause();
        self.following = false;
    }

    /// Gets the track in another of its codecs from the next key frame on.
    pub(super) fn go_over(&mut self, index: usize, encoding: &Encoding) {
        self.encoding = Some(index);
        self.next = None;
        self.demand = Demand::new(encoding.wish_of(&self.setting));
        self.selector = Selector::new(self.demand.current(), encoding.liveness.running());
        self.selector.set_cap(self.cap);
        self.munger.change_encoder();
        self.counters = Counters::default();
        self.reduced = false;
    }

    /// A report about what the subscriber receives. What was missing before it was sent to anybody is no loss of its line.
    pub(super) fn report(&mut self, report: &rtc::Report) {
        let loss = self.holes.beside(report.loss, self.munger.highest(), self.sent);
        self.window.report(&rtc::Report { loss, ..*report });
    }

    /// Sends a packet.
    pub(super) fn send(&mut self, packet: &UpPacket, outgoing: &Outgoing<'_>, to: &mut Subscriber<'_>) {
        let Some(session) = to.session.as_deref_mut() else { return };
        #[cfg(test)]
        faults::trip(faults::Point::Packet, &session.identity);
        self.window.packets = self.window.packets.saturating_add(1);
        self.sent += 1;
        let down = DownPacket {
            codec: outgoing.codec,
            profile: packet.profile,
            sequence: outgoing.out.seq,
            timestamp: outgoing.out.timestamp,
            wallclock: outgoing.wallclock,
            marker: outgoing.marker,
            payload: outgoing.payload,
            vp8: outgoing.vp8.map(|patch| Vp8Rewrite {
                picture_id: patch.picture_id,
                tl0_pic_idx: patch.tl0_pic_idx,
                key_idx: patch.key_idx,
            }),
            extensions: outgoing.extensions,
            dependency: outgoing.dependency,
            playout: self.delay.to_tell(),
        };
        if let Some(inside) = &mut session.inside {
            inside.deliver(self.section, &down, to.now);
            return;
        }
        let subscriber = session.subscriber.is_some();
        match (&mut session.down().place, to.gathers) {
            (Place::Here(_), Some(room)) => {
                to.post.write_here(ConnectionKey { room, peer: self.peer, subscriber }, self.section, &down);
            }
            (Place::Here(line), None) => to.written |= line.peer.write(to.now, self.section, &down),
            (Place::There(far), _) => to.post.write(far, self.section, &down),
        }
    }
}
