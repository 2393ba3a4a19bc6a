//! The packet path of pictures.

use super::Up;
use super::down::{Down, Outgoing, Way};
use super::encoding::Encoding;
use rtc::{Codec, UpPacket};
use sfu::codec::Codec as VideoCodec;
use sfu::dependency::{self, Frame, Rewritten};
use sfu::layers::{Layer, Sample, Temporal};
use sfu::munger::Rtp;
use sfu::scalable::Scalable;
use sfu::selector::{Decision, Incoming, Selector};
use sfu::vp8::Vp8;
use sfu::vp9::{self, Vp9};
use signal::PeerKey;
use std::sync::Arc;

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
        let frame = match packet.extensions.dependency() {
            Some(descriptor) => encoding.dependencies.read(descriptor, packet.timestamp),
            None => None,
        };
        if let Some(active) = frame.and_then(|frame| frame.active) {
            encoding.active = active;
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
                let key_frame = VideoCodec::H264.starts_key_frame(&packet.payload);
                return Some(Self {
                    descriptor: Descriptor::None,
                    layer,
                    temporal: Temporal::BASE,
                    start_of_frame: encoding.begins_frame(layer, packet.timestamp),
                    key_frame,
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
        if packet.alone {
            encoding.set_scalable();
        }
        Some(Self {
            descriptor,
            layer: if packet.alone { scalable.spatial } else { layer },
            temporal: scalable.temporal,
            start_of_frame: scalable.start_of_frame,
            key_frame: scalable.starts_key_frame(),
            scalable: packet.alone.then_some(scalable),
            frame,
        })
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

impl Up {
    pub(super) fn picture(&mut self, packet: &UpPacket, index: usize, way: &mut Way<'_, impl FnMut(PeerKey, bool)>) {
        let encoding = &mut self.encodings[index];
        let Some(layer) = Layer::from_index(usize::from(packet.layer)) else { return };
        let rtp = Rtp { seq: packet.sequence, timestamp: packet.timestamp };
        let Some(picture) = Picture::read(packet, encoding, layer) else {
            self.padding(packet, index, layer, way);
            return;
        };
        let (temporal, start_of_frame) = (picture.temporal, picture.start_of_frame);
        let sample = Sample { layer: picture.layer, temporal, bytes: packet.payload.len(), start_of_frame };
        let layers_changed = encoding.liveness.on_packet(sample, way.now);
        if picture.key_frame {
            encoding.on_key_frame(layer);
        }
        let running = encoding.liveness.running();
        let mut went_over = false;
        for down in &mut self.downs {
            if down.next == Some(index) && picture.key_frame && down.layer().is_some_and(|most| layer <= most) {
                down.go_over(index, running);
                went_over = true;
            }
            if down.encoding != Some(index) {
                continue;
            }
            if layers_changed {
                down.selector.set_running(running);
            }
            if !down.ready {
                continue;
            }
            let decision = picture.decide(&mut down.selector, rtp);
            let out = match decision {
                Decision::Drop => None,
                Decision::Skip => {
                    down.munger.skip(rtp.seq);
                    if let Descriptor::Vp8(vp8) = &picture.descriptor {
                        down.pictures.skip(vp8);
                    }
                    None
                }
                Decision::Switch => {
                    let out = down.munger.switch(layer, rtp, &encoding.reports, way.now);
                    if out.is_none() {
                        down.selector.postpone();
                    } else if std::mem::take(&mut down.told_paused) {
                        self.paused.push((down.peer, false));
                    }
                    out
                }
                Decision::Forward | Decision::Fill => down.munger.forward(rtp, way.now),
            };
            if let Some(out) = out {
                if decision == Decision::Fill {
                    down.fill(packet, out, &self.nothing, way);
                } else {
                    let switched = decision == Decision::Switch;
                    down.show(packet, &picture, out, switched, encoding, way);
                }
            }
            if let Some(layer) = down.selector.needs_key_frame(way.now) {
                encoding.request_key_frame(layer);
            }
        }
        if went_over {
            (0..self.downs.len()).for_each(|index| self.declare(index, way.now));
        }
    }

    fn padding(&mut self, packet: &UpPacket, index: usize, layer: Layer, way: &mut Way<'_, impl FnMut(PeerKey, bool)>) {
        let scalable = self.encodings[index].scalable;
        let rtp = Rtp { seq: packet.sequence, timestamp: packet.timestamp };
        for down in self.downs.iter_mut().filter(|down| down.encoding == Some(index)) {
            let decision = if scalable {
                down.selector.on_scalable_padding(rtp.seq)
            } else {
                down.selector.on_padding(layer, rtp.seq)
            };
            match decision {
                Decision::Skip => down.munger.skip(rtp.seq),
                Decision::Fill if down.ready => {
                    if let Some(out) = down.munger.forward(rtp, way.now) {
                        down.fill(packet, out, &self.nothing, way);
                    }
                }
                Decision::Fill | Decision::Drop | Decision::Forward | Decision::Switch => {}
            }
        }
    }
}

impl Down {
    /// Sends a packet of a picture with what has to be changed in it.
    fn show(
        &mut self,
        packet: &UpPacket,
        picture: &Picture,
        out: Rtp,
        switched: bool,
        encoding: &Encoding,
        way: &mut Way<'_, impl FnMut(PeerKey, bool)>,
    ) {
        let mut outgoing = Outgoing::new(packet, out, way.wallclock);
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
        let rewritten = picture.frame.and_then(|frame| {
            let descriptor = packet.extensions.dependency()?;
            self.depending(descriptor, &frame, picture.scalable.is_some(), switched, encoding)
        });
        outgoing.dependency = rewritten.as_ref().map(Rewritten::as_bytes);
        self.send(packet, &outgoing, way);
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
        descriptor: &[u8],
        frame: &Frame,
        scalable: bool,
        switched: bool,
        encoding: &Encoding,
    ) -> Option<Rewritten> {
        let number = u32::from(frame.number);
        let number = match (scalable, switched) {
            (true, _) => number,
            (false, true) => self.counters.frame.switch(number),
            (false, false) => self.counters.frame.forward(number),
        };
        let number = u16::try_from(number).unwrap_or(frame.number);
        let stream = &encoding.dependencies;
        let all = stream.all_targets();
        let layer = self.selector.current().filter(|_| scalable).unwrap_or(Layer::High);
        let temporal = self.selector.temporal();
        let within = stream.targets_within(
            if layer == Layer::High { u8::MAX } else { layer as u8 },
            if temporal == Temporal::TOP { u8::MAX } else { u8::try_from(temporal.index()).unwrap_or(u8::MAX) },
        );
        let reduced = within & all != all;
        // Told with the first packet of every frame while it is so, and once when it is over.
        let mask = (frame.start_of_frame && (reduced || self.reduced)).then_some(encoding.active & within & all);
        if frame.start_of_frame {
            self.reduced = reduced;
        }
        if mask.is_none() && number == frame.number {
            return None;
        }
        dependency::rewrite(descriptor, frame, number, mask, all)
    }

    /// Sends an empty packet in the place of one that came too late to be left out unnoticed.
    fn fill(&mut self, packet: &UpPacket, out: Rtp, nothing: &Arc<[u8]>, way: &mut Way<'_, impl FnMut(PeerKey, bool)>) {
        let extensions = rtc::Extensions::default();
        let of = Outgoing::new(packet, out, way.wallclock);
        let outgoing = Outgoing { marker: false, payload: nothing, extensions: &extensions, ..of };
        self.send(packet, &outgoing, way);
    }
}
