//! The packet path of pictures.

use super::Up;
use super::account::AROUND;
use super::down::{Arrival, Down, Outgoing, Subscriber, Way};
use super::encoding::{Described, Encoding, Held, Standing};
use crate::session::Session;
use rtc::{Codec, UpPacket};
use sfu::codec::Codec as VideoCodec;
use sfu::dependency::{self, Frame, Rewritten};
use sfu::h264;
use sfu::layers::{Layer, LayerSet, Sample, Temporal};
use sfu::missing::{Lost, Place};
use sfu::munger::Rtp;
use sfu::scalable::Scalable;
use sfu::selector::{Decision, Incoming, Selector};
use sfu::vp8::Vp8;
use sfu::vp9::{self, Vp9};
use sfu::waiting;
use signal::PeerKey;
use std::sync::Arc;
use std::time::Instant;

/// What was read of a packet, once for all subscribers.
struct Picture {
    descriptor: Descriptor,
    /// The layer it is counted for.
    layer: Layer,
    temporal: Temporal,
    start_of_frame: bool,
    key_frame: bool,
    /// All layers come in this stream.
    scalable: Option<Scalable>,
    /// Its dependency descriptor, if that could be read.
    frame: Option<Frame>,
}

enum Descriptor {
    Vp8(Vp8),
    Vp9(Vp9),
    None,
}

impl Picture {
    /// `None` for padding and for what is none of its codec.
    fn read(packet: &UpPacket, encoding: &mut Encoding, layer: Layer) -> Option<Self> {
        if packet.payload.is_empty() {
            return None;
        }
        let described = &mut encoding.described[layer.index()];
        let frame = match packet.extensions.dependency() {
            Some(descriptor) => described.dependencies.read(descriptor, packet.timestamp, packet.sequence),
            None => None,
        };
        if let Some(active) = frame.filter(|frame| !frame.is_former()).and_then(|frame| frame.active) {
            described.active = active;
        }
        let (descriptor, scalable) = match packet.codec {
            Codec::Vp8 => {
                let vp8 = Vp8::parse(&packet.payload)?;
                return Some(Self {
                    descriptor: Descriptor::Vp8(vp8),
                    layer,
                    temporal: Temporal::new(vp8.tid),
                    start_of_frame: vp8.start_of_frame,
                    key_frame: vp8.key_frame,
                    scalable: None,
                    frame: None,
                });
            }
            Codec::H264 => {
                let Standing { begins_frame, follows } = encoding.stands(layer, packet.timestamp, packet.sequence);
                // Where something is missing before a slice it may be the parameter sets, without which it is of no use.
                let key_slice = begins_frame && follows && VideoCodec::H264.starts_key_frame(&packet.payload);
                return Some(Self {
                    descriptor: Descriptor::None,
                    layer,
                    temporal: Temporal::BASE,
                    start_of_frame: begins_frame,
                    key_frame: key_slice || h264::brings_parameters(&packet.payload),
                    scalable: None,
                    frame: None,
                });
            }
            Codec::Vp9 => {
                let vp9 = Vp9::parse(&packet.payload)?;
                (Descriptor::Vp9(vp9), Scalable::from(&vp9))
            }
            Codec::Av1 => match (&frame, packet.extensions.dependency()) {
                (Some(frame), _) => (Descriptor::None, Scalable::from(frame)),
                // Nothing can be told of it, and a receiver could not either.
                (None, Some(_)) => return None,
                (None, None) => (Descriptor::None, Scalable::from_av1(&packet.payload, packet.marker)),
            },
            Codec::Opus | Codec::Red => return None,
        };
        // Some clients name the one stream of all layers as if it were one of several: what is not of the lowest layer shows it.
        let in_one_stream = packet.alone || encoding.scalable || scalable.spatial > Layer::Low;
        if in_one_stream {
            encoding.set_scalable(layer);
        }
        Some(Self {
            descriptor,
            layer: if in_one_stream { scalable.spatial } else { layer },
            temporal: scalable.temporal,
            start_of_frame: scalable.start_of_frame,
            key_frame: scalable.starts_key_frame(),
            scalable: in_one_stream.then_some(scalable),
            frame,
        })
    }

    /// Whether it tells how to read what follows it.
    fn brings_structure(&self) -> bool {
        self.frame.is_some_and(|frame| frame.brings_structure && !frame.is_former())
    }

    /// Where its packet stands.
    fn place(&self, packet: &UpPacket) -> Place {
        // Of a codec that does not say so, a frame may have begun and end anywhere.
        let is_told = self.scalable.is_some() || self.frame.is_some() || !matches!(self.descriptor, Descriptor::None);
        Place {
            timestamp: packet.timestamp,
            count: self.count(),
            spatial: self.scalable.map_or(Layer::Low, |scalable| scalable.spatial),
            temporal: self.temporal,
            begins_frame: is_told && self.start_of_frame,
            ends_frame: self.scalable.map_or(packet.marker, |scalable| scalable.end_of_frame),
            ends_picture: packet.marker,
        }
    }

    /// What counts pictures or frames in its stream, and how many values it has.
    fn count(&self) -> Option<(u16, u32)> {
        let of = |is_long: bool| if is_long { 1 << 15 } else { 1 << 7 };
        match (&self.descriptor, &self.frame) {
            (Descriptor::Vp8(vp8), _) => vp8.picture_id.map(|id| (id.value, of(id.is_long))),
            (Descriptor::Vp9(vp9), _) => vp9.picture_id.map(|id| (id, of(vp9.long_picture_id))),
            (Descriptor::None, Some(frame)) => Some((frame.number, 1 << 16)),
            (Descriptor::None, None) => None,
        }
    }

    fn decide(&self, selector: &mut Selector, rtp: Rtp) -> Decision {
        if let Some(scalable) = &self.scalable {
            return selector.on_scalable(rtp.seq, rtp.timestamp, scalable);
        }
        selector.on_packet(&Incoming {
            layer: self.layer,
            seq: rtp.seq,
            timestamp: rtp.timestamp,
            starts_key_frame: self.key_frame,
            temporal: self.temporal,
            layer_sync: matches!(self.descriptor, Descriptor::Vp8(vp8) if vp8.layer_sync),
            switches_up: match self.descriptor {
                Descriptor::Vp9(vp9) => vp9.layer.is_some_and(|layer| layer.switching_up),
                Descriptor::Vp8(_) => false,
                Descriptor::None => self.frame.is_some_and(|frame| frame.switches_up),
            },
        })
    }
}

/// A packet, and what was read of it.
pub(super) struct Seen<'a> {
    arrival: Arrival<'a>,
    /// `None` for padding and for what is none of its codec.
    picture: Option<Picture>,
    /// A later packet of its stream came before it.
    late: bool,
    /// The layers that send.
    running: LayerSet,
    layers_changed: bool,
}

/// Whether a packet may say anew how its stream is made up. What came before has to be sent by the old rules.
fn redefines(packet: &UpPacket) -> bool {
    /// Frame number, template and two bits.
    const MANDATORY: usize = 3;
    packet.extensions.dependency().is_some_and(|descriptor| descriptor.len() > MANDATORY)
}

impl Up {
    /// Reads one packet more of those that are sent together.
    pub(super) fn gather<'a>(
        &mut self,
        arrival: Arrival<'a>,
        batch: &mut Vec<Seen<'a>>,
        way: &mut Way<'_, impl FnMut(PeerKey, &mut Session)>,
    ) {
        let Arrival { packet, index, .. } = arrival;
        if redefines(packet) {
            self.pictures(batch, way);
            batch.clear();
        }
        let Some(seen) = self.read(arrival, way.now) else { return };
        let brings_structure = seen.picture.as_ref().is_some_and(Picture::brings_structure);
        let stream = seen.arrival.layer;
        let answers = brings_structure && !self.encodings[index].described[stream.index()].waiting.is_empty();
        batch.push(seen);
        if answers {
            self.pictures(batch, way);
            batch.clear();
            self.catch_up(index, stream, way);
        }
    }

    /// Sends what waited for a packet that has come.
    fn catch_up(&mut self, index: usize, layer: Layer, way: &mut Way<'_, impl FnMut(PeerKey, &mut Session)>) {
        let held: Vec<Held> = self.encodings[index].described[layer.index()].waiting.release().collect();
        let mut batch = Vec::with_capacity(held.len());
        for Held { packet, wallclock } in &held {
            self.gather(Arrival { packet, layer, index, wallclock: *wallclock }, &mut batch, way);
        }
        self.pictures(&batch, way);
    }

    /// Gives up what has waited for too long.
    pub(super) fn stop_waiting(&mut self, now: Instant) {
        for index in 0..self.encodings.len() {
            for layer in Layer::ALL {
                let waiting = &mut self.encodings[index].described[layer.index()].waiting;
                if !waiting.is_empty()
                    && let Some(lost) = waiting.lost(now)
                {
                    self.lose(index, layer, lost, now);
                }
            }
        }
    }

    /// Whoever gets that stream needs a key frame: packets of it will never be read.
    fn lose(&mut self, index: usize, layer: Layer, lost: waiting::Lost, now: Instant) {
        self.unreadable += lost.count;
        self.encodings[index].comes_late(layer, lost.up_to);
        for down in self.downs.iter_mut().filter(|down| down.encoding == Some(index)) {
            down.selector.lose(layer, lost.up_to);
        }
        (0..self.downs.len()).for_each(|down| self.ask(down, now));
    }

    /// Takes note of a packet before it is sent to anybody. `None` if it has to wait for another one.
    fn read<'a>(&mut self, arrival: Arrival<'a>, now: Instant) -> Option<Seen<'a>> {
        let Arrival { packet, layer, index, wallclock } = arrival;
        let encoding = &mut self.encodings[index];
        encoding.heard = true;
        let layer = encoding.stream_of(layer);
        let picture = Picture::read(packet, encoding, layer);
        let layer = encoding.stream_of(layer);
        let arrival = Arrival { layer, ..arrival };
        if picture.is_none() && encoding.awaits_another(packet, layer) {
            let held = Held { packet: packet.clone(), wallclock };
            encoding.described[layer.index()].waiting.hold(packet.sequence, held, now);
            return None;
        }
        if picture.as_ref().is_some_and(Picture::brings_structure)
            && let Some(lost) = encoding.described[layer.index()].waiting.lost_before(packet.sequence)
        {
            self.lose(index, layer, lost, now);
        }
        let encoding = &mut self.encodings[index];
        let late = encoding.comes_late(layer, packet.sequence);
        let layers_changed = picture.as_ref().is_some_and(|picture| {
            if picture.key_frame {
                encoding.on_key_frame(layer, packet.sequence, late);
            }
            let (temporal, start_of_frame) = (picture.temporal, picture.start_of_frame);
            let bytes = packet.payload.len() + AROUND;
            let sample = Sample { layer: picture.layer, temporal, bytes, start_of_frame };
            encoding.liveness.on_packet(sample, now)
        });
        let running = encoding.liveness.running();
        // Viewers would wait for seconds for what is lost.
        let place = picture.as_ref().map(|picture| picture.place(packet));
        let lost = encoding.lost(layer, packet.sequence, place, now);
        let misses = |down: &Down| down.ready && down.encoding == Some(index) && down.selector.misses(layer, lost);
        if lost != Lost::NOTHING && self.downs.iter().any(misses) {
            encoding.request_key_frame(layer);
        }
        if picture.is_none() && !packet.payload.is_empty() {
            self.unreadable += 1;
        }
        Some(Seen { arrival, picture, late, running, layers_changed })
    }

    /// Sends packets that were read, to one subscriber after the other.
    pub(super) fn pictures(&mut self, seen: &[Seen<'_>], way: &mut Way<'_, impl FnMut(PeerKey, &mut Session)>) {
        if seen.is_empty() {
            return;
        }
        let now = way.now;
        let mut went_over = false;
        for far in self.waves() {
            for down in self.downs.iter_mut().filter(|down| down.far == far) {
                let (encodings, nothing) = (&self.encodings, &self.nothing);
                let was_paused = down.told_paused;
                way.visit(down.peer, |to| {
                    for one in seen {
                        went_over |= down.may_go_over(one, encodings);
                        if down.encoding == Some(one.arrival.index) {
                            down.take(one, &encodings[one.arrival.index], nothing, now, to);
                        }
                    }
                });
                if was_paused && !down.told_paused {
                    self.paused.push((down.peer, false));
                }
                // Padding asks for nothing: it does not even show which layers there are.
                let of_its_codec = |one: &Seen<'_>| one.picture.is_some() && down.encoding == Some(one.arrival.index);
                if down.ready
                    && seen.iter().any(of_its_codec)
                    && let Some(encoding) = down.encoding.and_then(|index| self.encodings.get_mut(index))
                    && let Some(layer) = down.selector.needs_key_frame(now)
                {
                    encoding.request_key_frame(layer);
                }
            }
            if far {
                way.depart();
            }
        }
        if went_over {
            (0..self.downs.len()).for_each(|index| self.declare(index, now));
        }
    }
}

impl Down {
    /// Goes over to another of the track's codecs if the packet begins a key frame in it. Returns whether it did.
    fn may_go_over(&mut self, seen: &Seen<'_>, encodings: &[Encoding]) -> bool {
        let Arrival { index, layer, .. } = seen.arrival;
        // After a late beginning the rest of the key frame has already gone by.
        let goes_over = self.next == Some(index)
            && !seen.late
            && seen.picture.as_ref().is_some_and(|picture| picture.key_frame)
            && self.layer_in(&encodings[index]).is_some_and(|most| layer <= most);
        if goes_over {
            self.go_over(index, &encodings[index]);
        }
        goes_over
    }

    /// Sends a packet of the codec it gets, or leaves it out.
    fn take(
        &mut self,
        seen: &Seen<'_>,
        encoding: &Encoding,
        nothing: &Arc<[u8]>,
        now: Instant,
        to: &mut Subscriber<'_>,
    ) {
        let (arrival, rtp) = (&seen.arrival, seen.arrival.rtp());
        let Some(picture) = &seen.picture else {
            self.take_padding(arrival, encoding, nothing, now, to);
            return;
        };
        if seen.layers_changed {
            self.selector.set_running(seen.running);
        }
        if !self.ready {
            return;
        }
        let decision = picture.decide(&mut self.selector, rtp);
        let out = match decision {
            Decision::Drop => None,
            Decision::Skip => {
                self.munger.skip(rtp.seq);
                if let Descriptor::Vp8(vp8) = &picture.descriptor {
                    self.pictures.skip(vp8);
                }
                None
            }
            Decision::Switch => {
                let out = self.munger.switch(arrival.layer, rtp, &encoding.reports, now);
                if out.is_none() {
                    self.selector.postpone();
                } else {
                    self.told_paused = false;
                }
                out
            }
            Decision::Forward | Decision::Fill => self.munger.forward(rtp, now),
        };
        let Some(out) = out else { return };
        if decision == Decision::Fill {
            self.fill(arrival, out, nothing, to);
        } else {
            self.show(arrival, picture, out, decision == Decision::Switch, encoding, to);
        }
    }

    fn take_padding(
        &mut self,
        arrival: &Arrival<'_>,
        encoding: &Encoding,
        nothing: &Arc<[u8]>,
        now: Instant,
        to: &mut Subscriber<'_>,
    ) {
        let rtp = arrival.rtp();
        let decision = if encoding.scalable {
            self.selector.on_scalable_padding(rtp.seq)
        } else {
            self.selector.on_padding(arrival.layer, rtp.seq)
        };
        match decision {
            Decision::Skip => self.munger.skip(rtp.seq),
            Decision::Fill if self.ready => {
                if let Some(out) = self.munger.forward(rtp, now) {
                    self.fill(arrival, out, nothing, to);
                }
            }
            Decision::Fill | Decision::Drop | Decision::Forward | Decision::Switch => {}
        }
    }

    /// Sends a packet of a picture with what has to be changed in it.
    fn show(
        &mut self,
        arrival: &Arrival<'_>,
        picture: &Picture,
        out: Rtp,
        switched: bool,
        encoding: &Encoding,
        to: &mut Subscriber<'_>,
    ) {
        let packet = arrival.packet;
        let mut outgoing = Outgoing::new(arrival, out);
        let patched: Arc<[u8]>;
        match &picture.descriptor {
            Descriptor::Vp8(vp8) => {
                let patch = if switched { Some(self.pictures.switch(vp8)) } else { self.pictures.forward(vp8) };
                if patch.is_none() {
                    return;
                }
                outgoing.vp8 = patch;
            }
            Descriptor::Vp9(vp9) if picture.scalable.is_none() => {
                if let Some(payload) = self.renumbered(&packet.payload, vp9, switched) {
                    patched = payload.into();
                    outgoing.payload = &patched;
                }
            }
            Descriptor::Vp9(_) | Descriptor::None => {}
        }
        if let Some(scalable) = &picture.scalable {
            outgoing.marker |= self.selector.ends_picture(packet.timestamp, scalable);
        }
        let described = &encoding.described[arrival.layer.index()];
        let rewritten = self.depending(packet, picture, switched, described);
        outgoing.dependency = rewritten.as_ref().map(Rewritten::as_bytes);
        self.send(packet, &outgoing, to);
    }

    /// The payload with picture ids that go on from those of the simulcast layer before; `None` if they do anyway.
    fn renumbered(&mut self, payload: &[u8], vp9: &Vp9, switched: bool) -> Option<Vec<u8>> {
        let counters = &mut self.counters;
        let (id, tl0) = (vp9.picture_id.map(u32::from), vp9.tl0_pic_idx.map(u32::from));
        let id = id.map(|id| if switched { counters.picture.switch(id) } else { counters.picture.forward(id) });
        let tl0 = tl0.map(|tl0| if switched { counters.tl0.switch(tl0) } else { counters.tl0.forward(tl0) });
        if counters.picture.is_untouched() && counters.tl0.is_untouched() {
            return None;
        }
        let id = id.and_then(|id| u16::try_from(id).ok());
        Some(vp9::patched(payload, vp9, id, tl0.and_then(|tl0| u8::try_from(tl0).ok())))
    }

    /// The dependency descriptor for what this subscriber gets; `None` if that is everything.
    fn depending(
        &mut self,
        packet: &UpPacket,
        picture: &Picture,
        switched: bool,
        described: &Described,
    ) -> Option<Rewritten> {
        let frame = picture.frame.as_ref()?;
        let descriptor = packet.extensions.dependency()?;
        let scalable = picture.scalable.as_ref();
        let number = u32::from(frame.number);
        let number = match (scalable, switched) {
            (Some(_), _) => number,
            (None, true) => self.counters.frame.switch(number),
            (None, false) => self.counters.frame.forward(number),
        };
        let number = u16::try_from(number).unwrap_or(frame.number);
        let stream = &described.dependencies;
        let all = stream.all_targets(frame);
        let layer =
            scalable.and_then(|scalable| self.selector.limit(packet.timestamp, scalable)).unwrap_or(Layer::High);
        let temporal = self.selector.temporal();
        let within = stream.targets_within(
            frame,
            if layer == Layer::High { u8::MAX } else { layer as u8 },
            if temporal == Temporal::TOP { u8::MAX } else { u8::try_from(temporal.index()).unwrap_or(u8::MAX) },
        );
        let reduced = within & all != all;
        // Told with the first packet of every frame while it is so, and once when it is over.
        let active = if frame.is_former() { frame.active.unwrap_or(all) } else { described.active };
        let mask = (frame.start_of_frame && (reduced || self.reduced)).then_some(active & within & all);
        if frame.start_of_frame {
            self.reduced = reduced;
        }
        if mask.is_none() && number == frame.number {
            return None;
        }
        dependency::rewrite(descriptor, frame, number, mask, all)
    }

    /// Sends an empty packet in the place of one that came too late to be left out unnoticed.
    fn fill(&mut self, arrival: &Arrival<'_>, out: Rtp, nothing: &Arc<[u8]>, to: &mut Subscriber<'_>) {
        let extensions = rtc::Extensions::default();
        let of = Outgoing::new(arrival, out);
        let outgoing = Outgoing { marker: false, payload: nothing, extensions: &extensions, ..of };
        self.send(arrival.packet, &outgoing, to);
    }
}
