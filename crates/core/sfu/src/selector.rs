//! Which of a track's layers one subscriber gets, packet by packet.
//!
//! A decoder can only change to another layer at a key frame of it. So the selector keeps forwarding what it has, asks for a
//! key frame of what it wants, and switches when that frame begins. It never lets a packet through before a first key frame.
//!
//! Layers come in two ways: each as a stream of its own (simulcast, [`Selector::on_packet`]), or all in one stream (scalable
//! video coding, [`Selector::on_scalable`]). A track is fed to one of the two.

mod scalable;

use std::time::{Duration, Instant};

use crate::layers::{Layer, LayerSet, SPATIAL, Temporal, Wish};
use crate::missing::Lost;

/// Shortest and longest time between two requests for the same key frame.
const REQUEST_INTERVAL: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));

/// A packet this far behind the newest of its layer is not late: the layer has started to count anew.
pub(crate) const RESTART_DISTANCE: u64 = 2000;

/// How many frames' fates are remembered, so that all packets of a frame share one.
const REMEMBERED_FRAMES: usize = 16;

/// What the selector looks at in a packet. All fields are those of the publisher.
#[derive(Debug, Clone, Copy)]
pub struct Incoming {
    /// The spatial layer it arrived on.
    pub layer: Layer,
    /// Extended sequence number.
    pub seq: u64,
    /// RTP timestamp; equal for all packets of a frame.
    pub timestamp: u32,
    /// The first packet of a key frame.
    pub starts_key_frame: bool,
    /// Temporal layer; [`Temporal::BASE`] when the codec has none.
    pub temporal: Temporal,
    /// A receiver may begin with this temporal layer here (VP8's Y bit).
    pub layer_sync: bool,
    /// A receiver that has this frame may begin with any higher temporal layer behind it (VP9's U bit).
    pub switches_up: bool,
}

/// What to do with a packet for this subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It belongs to the stream being sent: rewrite and send.
    Forward,
    /// The stream changes to this packet's layer here: let the munger switch, then send. If the munger cannot, call
    /// [`Selector::postpone`].
    Switch,
    /// It belongs to the stream being sent but is left out (frame rate): the munger closes the gap.
    Skip,
    /// It is left out, but came too late to close the gap: if the munger kept a number for it, an empty packet takes its
    /// place.
    Fill,
    /// It has nothing to do with the stream being sent.
    Drop,
}

/// Layer selection of one subscription.
///
/// The *wish* is what the subscriber wants, the *cap* what congestion control pays for, *running* what the publisher sends.
/// The target follows from the three; the current layer follows the target at key frames.
#[derive(Debug, Clone)]
pub struct Selector {
    wish: Option<Wish>,
    cap: Option<Wish>,
    running: LayerSet,
    target: Option<Layer>,
    current: Option<Layer>,
    /// What a postponed switch goes back to.
    previous: (Option<Layer>, Temporal),
    newest: [Option<u64>; SPATIAL],
    temporal: Temporal,
    fates: Fates<bool>,
    /// All layers come in one stream.
    scalable: bool,
    /// Of recent pictures of such a stream: up to which layer they are sent, if at all.
    limits: Fates<Option<Layer>>,
    round_trip: Duration,
    asked: Option<(Layer, Instant)>,
}

impl Selector {
    /// Wants `wish` (`None`: nothing for now) and may have anything. `running` comes from [`crate::layers::Liveness`].
    pub fn new(wish: Option<Wish>, running: LayerSet) -> Self {
        let mut selector = Self {
            wish,
            cap: Some(Wish::full(Layer::High)),
            running,
            target: None,
            current: None,
            previous: (None, Temporal::BASE),
            newest: [None; SPATIAL],
            temporal: Temporal::BASE,
            fates: Fates::default(),
            scalable: false,
            limits: Fates::default(),
            round_trip: Duration::from_millis(100),
            asked: None,
        };
        selector.retarget();
        selector
    }

    /// The subscriber's wish changed; `None` while it has disabled the track.
    pub fn set_wish(&mut self, wish: Option<Wish>) {
        self.wish = wish;
        self.retarget();
    }

    /// What the bandwidth allows changed; `None` pauses the track.
    pub fn set_cap(&mut self, cap: Option<Wish>) {
        self.cap = cap;
        self.retarget();
    }

    /// The set of layers being sent changed.
    pub fn set_running(&mut self, running: LayerSet) {
        self.running = running;
        self.retarget();
    }

    /// The subscriber's round-trip time, which paces key-frame requests.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// Forgets the current layer, so that nothing is sent until the next key frame: packets were withheld (mute), or the
    /// subscriber's decoder lost its way.
    pub fn restart(&mut self) {
        self.current = None;
        self.previous = (None, Temporal::BASE);
        self.asked = None;
    }

    /// Packets of this stream up to `seq` came, but nothing could be made of them: what follows them cannot be decoded. If the stream
    /// is being sent, that ends until the next key frame.
    pub fn lose(&mut self, layer: Layer, seq: u64) {
        let newest = &mut self.newest[layer.index()];
        if Order::of(seq, *newest) != Order::Late {
            *newest = Some(seq);
        }
        let sent = self.current.is_some_and(|current| self.scalable || current == layer);
        if sent {
            self.restart();
        }
    }

    /// Whether something is missing of what is being sent when packets of that stream are lost.
    pub fn misses(&self, stream: Layer, lost: Lost) -> bool {
        match self.current {
            Some(current) if self.scalable => lost.concerns(current, self.temporal),
            Some(current) => current == stream && lost.concerns(Layer::Low, self.temporal),
            None => false,
        }
    }

    /// The layer being sent.
    pub fn current(&self) -> Option<Layer> {
        self.current
    }

    /// The layer to be sent. `None` while paused.
    pub fn target(&self) -> Option<Layer> {
        self.target
    }

    /// What the subscriber would get if bandwidth were no object, for the layer distance of its quality score.
    pub fn wish(&self) -> Option<Wish> {
        self.wish
    }

    /// Decides about the next packet of any layer of the track. Call it for every packet, in the order of arrival.
    pub fn on_packet(&mut self, packet: &Incoming) -> Decision {
        let newest = &mut self.newest[packet.layer.index()];
        let order = Order::of(packet.seq, *newest);
        if order != Order::Late {
            *newest = Some(packet.seq);
        }

        let Some(target) = self.target else { return Decision::Drop };
        // After a late beginning of a key frame, the rest of it has already been dropped; better wait for the next one.
        if packet.starts_key_frame && order != Order::Late && self.switches_to(packet.layer, target) {
            self.previous = (self.current, self.temporal);
            self.current = Some(packet.layer);
            self.temporal = self.max_temporal();
            self.fates = Fates::default();
            self.fates.set(packet.timestamp, true);
            if packet.layer == target {
                self.asked = None;
            }
            return Decision::Switch;
        }
        if self.current != Some(packet.layer) {
            return Decision::Drop;
        }
        if order == Order::Restart {
            self.restart();
            return Decision::Drop;
        }
        match order {
            _ if self.keeps(packet, order) => Decision::Forward,
            Order::Late => Decision::Fill,
            Order::Next | Order::AfterGap | Order::Restart => Decision::Skip,
        }
    }

    /// A packet without media (padding) arrived. It is never sent, but of the layer being sent it is [`Decision::Skip`].
    pub fn on_padding(&mut self, layer: Layer, seq: u64) -> Decision {
        self.on_padding_of(layer, seq, self.current == Some(layer))
    }

    fn on_padding_of(&mut self, layer: Layer, seq: u64, sent: bool) -> Decision {
        let newest = &mut self.newest[layer.index()];
        let order = Order::of(seq, *newest);
        if matches!(order, Order::Next | Order::AfterGap) {
            *newest = Some(seq);
        }
        match order {
            _ if !sent => Decision::Drop,
            Order::Late => Decision::Fill,
            Order::Next | Order::AfterGap | Order::Restart => Decision::Skip,
        }
    }

    /// Takes back the [`Decision::Switch`] just given; the old layer goes on until the next key frame.
    pub fn postpone(&mut self) {
        (self.current, self.temporal) = self.previous;
    }

    /// The layer a key frame has to be requested for now, if any; the request counts as made. The publisher's own throttle
    /// ([`crate::keyframes`]) still stands between this and the wire.
    pub fn needs_key_frame(&mut self, now: Instant) -> Option<Layer> {
        let layer = self.wanted_key_frame()?;
        if self.next_request(layer).is_some_and(|due| now < due) {
            return None;
        }
        self.asked = Some((layer, now));
        Some(layer)
    }

    /// When [`needs_key_frame`](Self::needs_key_frame) should be asked again. `None` if nothing is awaited; a time in the past
    /// if a request is due.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let layer = self.wanted_key_frame()?;
        Some(self.next_request(layer).unwrap_or(now))
    }

    fn wanted_key_frame(&self) -> Option<Layer> {
        self.target.filter(|target| match self.current {
            None => true,
            // Going down takes no key frame there.
            Some(current) if self.scalable => current < *target,
            Some(current) => current != *target,
        })
    }

    fn next_request(&self, layer: Layer) -> Option<Instant> {
        let (shortest, longest) = REQUEST_INTERVAL;
        let interval = (self.round_trip.saturating_mul(2)).clamp(shortest, longest);
        self.asked.filter(|(asked, _)| *asked == layer).map(|(_, at)| at + interval)
    }

    fn retarget(&mut self) {
        let allowed = self.wish.zip(self.cap).map(|(wish, cap)| wish.layer.min(cap.layer));
        // While nothing runs, what is being sent stays: a stream that rests (a picture that stands still) goes on where it was.
        // If nothing is being sent, the wish itself is the target, so that the very first key frame is not missed. Of layers in
        // one stream those above the best running one cost nothing.
        let resting = |layer| self.current.unwrap_or(layer);
        let best =
            |layer| if self.scalable { layer } else { self.running.best_for(layer).unwrap_or_else(|| resting(layer)) };
        self.target = allowed.map(best);
        if self.target.is_none() {
            self.restart();
        }
        self.temporal = self.temporal.min(self.max_temporal());
    }

    fn max_temporal(&self) -> Temporal {
        self.wish.zip(self.cap).map_or(Temporal::BASE, |(wish, cap)| wish.temporal.min(cap.temporal))
    }

    fn switches_to(&self, layer: Layer, target: Layer) -> bool {
        match self.current {
            // Any picture is better than none: the first key frame that is not too large will do.
            None => layer <= target,
            Some(current) if layer > current => layer <= target,
            Some(current) => layer < current && layer >= target,
        }
    }

    /// The temporal filter. A frame is kept or left out as a whole, decided at the first of its packets to arrive.
    fn keeps(&mut self, packet: &Incoming, order: Order) -> bool {
        if let Some(fate) = self.fates.get(packet.timestamp) {
            return fate;
        }
        let max = self.max_temporal();
        if packet.starts_key_frame {
            self.temporal = max;
        } else if packet.layer_sync && packet.temporal <= max && self.temporal.next() == Some(packet.temporal) {
            self.temporal = packet.temporal;
        } else if packet.switches_up && packet.temporal <= self.temporal {
            self.temporal = max;
        }
        // After a gap nobody knows which frame the missing packets belong to. If they come late they are forwarded, so the
        // frame they may be part of has to be forwarded too.
        let keep = packet.temporal <= self.temporal || order != Order::Next;
        self.fates.set(packet.timestamp, keep);
        keep
    }
}

/// How a packet relates to the newest one of its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Right behind it.
    Next,
    /// Behind it, or the first of all, and others may come late.
    AfterGap,
    /// Before it.
    Late,
    /// So far before it that its stream must have begun to count anew.
    Restart,
}

impl Order {
    /// Of the packet with this extended sequence number.
    pub fn of(seq: u64, newest: Option<u64>) -> Self {
        match newest {
            None => Self::AfterGap,
            Some(newest) if seq.checked_sub(newest) == Some(1) => Self::Next,
            Some(newest) if seq > newest => Self::AfterGap,
            Some(newest) if newest - seq < RESTART_DISTANCE => Self::Late,
            Some(_) => Self::Restart,
        }
    }
}

/// What was decided about recent frames, by RTP timestamp.
#[derive(Debug, Clone, Copy, Default)]
struct Fates<T> {
    frames: [Option<(u32, T)>; REMEMBERED_FRAMES],
    next: usize,
}

impl<T: Copy> Fates<T> {
    fn get(&self, timestamp: u32) -> Option<T> {
        self.frames.iter().flatten().find(|(frame, _)| *frame == timestamp).map(|(_, fate)| *fate)
    }

    fn set(&mut self, timestamp: u32, fate: T) {
        if let Some((_, known)) = self.frames.iter_mut().flatten().find(|(frame, _)| *frame == timestamp) {
            *known = fate;
            return;
        }
        self.frames[self.next] = Some((timestamp, fate));
        self.next = (self.next + 1) % REMEMBERED_FRAMES;
    }
}

#[cfg(test)]
mod tests;
