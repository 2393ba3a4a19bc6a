//! A published track in one of its codecs.

use crate::report::Gauge;
use rtc::{Codec as Format, UpPacket};
use sfu::demand::Announced;
use sfu::dependency::Dependencies;
use sfu::dynacast::{Dynacast, Update};
use sfu::keyframes::Keyframes;
use sfu::layers::{Content, Layer, LayerSet, Liveness, SPATIAL};
use sfu::missing::{Lost, Missing, Place};
use sfu::munger::Reports;
use sfu::prices::{BEGINNING, CostBook, Prices};
use sfu::selector::Order;
use sfu::waiting::Waiting;
use signal::{Codec, PeerKey};
use std::time::Instant;

/// One codec of a track, on a section of its publisher's.
#[derive(Debug)]
pub(crate) struct Encoding {
    pub(crate) section: u16,
    /// As it was published; what really comes says so in each packet.
    pub(crate) codec: Codec,
    pub(super) announced: Vec<Announced>,
    content: Content,
    pub(super) liveness: Liveness,
    prices: CostBook,
    /// Since when something of it is awaited, and whether it is.
    pub(super) awaited: Instant,
    wanted: bool,
    pub(super) keyframes: Keyframes,
    /// Something of it came. Before that its publisher cannot be asked for a key frame: the source is not known.
    pub(super) heard: bool,
    pub(super) dynacast: Dynacast<PeerKey>,
    pub(super) reports: Reports,
    /// All layers come in one stream.
    pub(super) scalable: bool,
    /// What the descriptors of each stream said: each simulcast layer is one, layers in one stream are the lowest.
    pub(super) described: [Described; SPATIAL],
    /// The timestamp and number of the newest packet of each layer, for codecs that do not mark where a frame begins.
    newest: [Option<(u32, u64)>; SPATIAL],
    /// The highest number of each layer.
    highest: [Option<u64>; SPATIAL],
    /// What does not come of each layer.
    missing: [Missing; SPATIAL],
    /// What was reported of each layer.
    pub(crate) gauges: [Gauge; SPATIAL],
}

/// How a packet relates to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// It is the first of its frame that came.
    pub(super) begins_frame: bool,
    /// Nothing is missing in between.
    pub(super) follows: bool,
}

/// A stream by its dependency descriptors.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) dependencies: Dependencies,
    /// The decode targets the publisher sends, as it said last.
    pub(super) active: u32,
    /// Packets that overtook the one that says how to read them.
    pub(super) waiting: Waiting<Held>,
}

/// A packet that cannot be read yet.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) packet: UpPacket,
    /// When it was captured.
    pub(super) wallclock: Instant,
}

impl Default for Described {
    fn default() -> Self {
        Self { dependencies: Dependencies::new(), active: u32::MAX, waiting: Waiting::default() }
    }
}

impl Encoding {
    pub(super) fn new(section: u16, codec: Codec, layers: &[signal::Layer], content: Content, now: Instant) -> Self {
        Self {
            section,
            codec,
            announced: announced(layers),
            content,
            liveness: Liveness::new(content),
            prices: CostBook::default(),
            awaited: now,
            wanted: true,
            keyframes: Keyframes::new(),
            heard: false,
            dynacast: Dynacast::new(now),
            reports: Reports::default(),
            scalable: false,
            described: Default::default(),
            newest: [None; SPATIAL],
            highest: [None; SPATIAL],
            missing: Default::default(),
            gauges: Default::default(),
        }
    }

    /// What came shows that all layers come in one stream, which was `called` a layer. From now on it is the lowest, and what was
    /// known of it stays known.
    pub(super) fn set_scalable(&mut self, called: Layer) {
        if std::mem::replace(&mut self.scalable, true) {
            return;
        }
        self.liveness.set_scalable();
        let (called, lowest) = (called.index(), Layer::Low.index());
        self.described.swap(called, lowest);
        self.newest.swap(called, lowest);
        self.highest.swap(called, lowest);
        self.missing.swap(called, lowest);
        self.reports.swap(called, lowest);
        self.gauges.swap(called, lowest);
    }

    /// The stream in which packets of that layer come.
    pub(super) fn stream_of(&self, layer: Layer) -> Layer {
        if self.scalable { Layer::Low } else { layer }
    }

    /// What was reported of the stream that is called a layer; `None` if there is no such layer.
    pub(crate) fn gauge(&mut self, called: u8) -> Option<&mut Gauge> {
        let layer = self.stream_of(Layer::from_index(usize::from(called))?);
        self.gauges.get_mut(layer.index())
    }

    /// Somebody needs a key frame of a layer. In a stream of all layers there is one for all.
    pub(super) fn request_key_frame(&mut self, layer: Layer) {
        self.keyframes.request(if self.scalable { Layer::Low } else { layer });
    }

    /// Where a packet stands, if nothing else tells.
    pub(super) fn stands(&mut self, layer: Layer, timestamp: u32, sequence: u64) -> Standing {
        let before = self.newest[layer.index()].replace((timestamp, sequence));
        Standing {
            begins_frame: before.is_none_or(|(of, _)| of != timestamp),
            follows: before.is_some_and(|(_, number)| number.wrapping_add(1) == sequence),
        }
    }

    /// Whether a packet that could not be read can be once another has come.
    pub(super) fn awaits_another(&self, packet: &UpPacket, layer: Layer) -> bool {
        let stream = &self.described[layer.index()].dependencies;
        let awaits = |descriptor| stream.awaits_structure(descriptor, packet.sequence);
        packet.codec == Format::Av1 && !packet.payload.is_empty() && packet.extensions.dependency().is_some_and(awaits)
    }

    /// Takes note of a packet's number. Answers whether a later packet of its layer came before it.
    pub(super) fn comes_late(&mut self, layer: Layer, sequence: u64) -> bool {
        let highest = &mut self.highest[layer.index()];
        let late = Order::of(sequence, *highest) == Order::Late;
        if !late {
            *highest = Some(sequence);
        }
        late
    }

    /// Takes note of a packet's number and of where it stands. Answers what is lost for good.
    pub(super) fn lost(&mut self, layer: Layer, sequence: u64, place: Option<Place>, now: Instant) -> Lost {
        self.missing[layer.index()].on_packet(sequence, place, now)
    }

    /// A key frame of a layer came, with that number; not a `late` one, behind which others have gone by.
    pub(super) fn on_key_frame(&mut self, layer: Layer, sequence: u64, late: bool) {
        if !late {
            self.missing[layer.index()].on_key_frame(sequence);
        }
        self.keyframes.on_key_frame(if self.scalable { Layer::Low } else { layer });
    }

    /// What it costs now.
    pub(super) fn prices(&mut self, now: Instant) -> Prices {
        let enabled = self.enabled(self.dynacast.current());
        let begins = now.saturating_duration_since(self.awaited) < BEGINNING;
        // What is said of a screen is for one that moves, which few do.
        let said = if self.content == Content::Screen { &[] } else { self.announced.as_slice() };
        self.prices.read(&self.liveness, enabled, said, begins, now)
    }

    /// The publisher is told how much of it is wanted.
    pub(super) fn wants(&mut self, update: Update, now: Instant) {
        let wanted = update.max.is_some();
        let before = std::mem::replace(&mut self.wanted, wanted);
        if wanted && !before {
            self.awaited = now;
        }
    }

    /// Its publisher sends nothing, or begins again.
    pub(super) fn set_muted(&mut self, muted: bool, now: Instant) {
        let layers = if muted { LayerSet::NONE } else { self.enabled(self.dynacast.current()) };
        self.liveness.set_enabled(layers);
        self.awaited = now;
    }

    /// The layers the publisher was asked for. Of those in one stream it sends all or none.
    pub(super) fn enabled(&self, update: Update) -> LayerSet {
        let layers = update.layers();
        if self.scalable && !layers.is_empty() { LayerSet::ALL } else { layers }
    }
}

/// The publisher's layers for the choice by size. A single encoding is the lowest layer whatever it calls itself.
pub(super) fn announced(layers: &[signal::Layer]) -> Vec<Announced> {
    let single = layers.len() == 1;
    layers
        .iter()
        .filter_map(|layer| {
            let which = if single { Layer::Low } else { Layer::from_index(usize::from(layer.quality))? };
            Some(Announced { layer: which, width: layer.width, height: layer.height, bitrate: layer.bitrate })
        })
        .collect()
}

/// The formats a subscriber takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Takes(u8);

impl Takes {
    const FORMATS: [Format; 6] = [Format::Opus, Format::Red, Format::Vp8, Format::H264, Format::Vp9, Format::Av1];

    /// Asks for each format.
    pub(crate) fn ask(takes: impl Fn(Format) -> bool) -> Self {
        let taken = Self::FORMATS.into_iter().enumerate().filter(|(_, format)| takes(*format));
        Self(taken.fold(0, |set, (index, _)| set | 1 << index))
    }

    pub(crate) fn contains(self, format: Format) -> bool {
        let index = Self::FORMATS.into_iter().position(|known| known == format);
        index.is_some_and(|index| self.0 >> index & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_known() {
        let takes = Takes::ask(|format| matches!(format, Format::Opus | Format::Av1));
        assert_eq!(Takes::FORMATS.map(|format| takes.contains(format)), [true, false, false, false, false, true]);
    }

    #[test]
    fn frames_begin_where_the_time_changes() {
        let mut encoding = Encoding::new(0, Codec::H264, &[], Content::Camera, Instant::now());
        let mut stands = |layer, timestamp, sequence| {
            let Standing { begins_frame, follows } = encoding.stands(layer, timestamp, sequence);
            (begins_frame, follows)
        };

        assert_eq!(stands(Layer::Low, 3000, 7), (true, false), "nobody knows what was before");
        assert_eq!(stands(Layer::High, 3000, 8), (true, false), "of another stream");
        assert_eq!(stands(Layer::Low, 3000, 8), (false, true));
        assert_eq!(stands(Layer::Low, 6000, 9), (true, true));
        assert_eq!(stands(Layer::Low, 9000, 11), (true, false));
    }

    #[test]
    fn packets_that_were_overtaken_come_late() {
        let mut encoding = Encoding::new(0, Codec::Vp9, &[], Content::Camera, Instant::now());
        let mut late = |layer, sequence| encoding.comes_late(layer, sequence);

        assert!(!late(Layer::Low, 7) && !late(Layer::Low, 9) && late(Layer::Low, 8));
        assert!(!late(Layer::High, 8), "of another stream");
        assert!(!late(Layer::Low, 50_000) && !late(Layer::Low, 3), "it counts anew");
    }

    #[test]
    fn of_layers_in_one_stream_all_are_sent_or_none() {
        let mut encoding = Encoding::new(0, Codec::Vp9, &[], Content::Camera, Instant::now());
        let low = Update { max: Some(Layer::Low) };
        assert_eq!(encoding.enabled(low), LayerSet::NONE.with(Layer::Low));
        encoding.set_scalable(Layer::Low);
        assert_eq!(encoding.enabled(low), LayerSet::ALL);
        assert_eq!(encoding.enabled(Update { max: None }), LayerSet::NONE);
    }
}
