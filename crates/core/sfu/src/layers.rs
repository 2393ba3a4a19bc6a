//! Which simulcast layers of a track exist, and which of them are really being sent.
//!
//! A browser stops and restarts layers as its processor, its uplink and dynacast allow. A subscriber that waits for a layer
//! nobody sends any more sees a frozen picture, so nothing may be targeted that [`Liveness`] does not vouch for.

use std::time::{Duration, Instant};

/// How many spatial layers a track can have.
pub const SPATIAL: usize = 3;

/// How many temporal layers an encoding can have (VP8 and VP9 carry two and three bits; nobody sends more than four).
pub const TEMPORAL: usize = 4;

/// A spatial layer, ordered from the smallest picture to the largest. The order and the numbers are those of the signalling
/// protocol's video quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// rid `q`; also the only layer of a track without simulcast.
    Low,
    /// rid `h`.
    Medium,
    /// rid `f`.
    High,
}

impl Layer {
    /// Every layer, lowest first.
    pub const ALL: [Self; SPATIAL] = [Self::Low, Self::Medium, Self::High];

    /// 0 for the lowest, 2 for the highest.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The layer with this number, if it is one.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// The layer a rid stands for by convention: `q`, `h`, `f`. The announced layers of the track take precedence.
    pub fn from_rid(rid: &str) -> Option<Self> {
        match rid {
            "q" => Some(Self::Low),
            "h" => Some(Self::Medium),
            "f" => Some(Self::High),
            _ => None,
        }
    }
}

/// A temporal layer: 0 is the base, every further one raises the frame rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Temporal(u8);

impl Temporal {
    /// The layer everything else depends on.
    pub const BASE: Self = Self(0);
    /// The full frame rate.
    pub const TOP: Self = Self(TEMPORAL as u8 - 1);

    /// The layer with this number; numbers beyond the top mean the top.
    pub const fn new(index: u8) -> Self {
        if index > Self::TOP.0 { Self::TOP } else { Self(index) }
    }

    /// 0 to 3.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The layer above, if there is one.
    pub const fn next(self) -> Option<Self> {
        if self.0 < Self::TOP.0 { Some(Self(self.0 + 1)) } else { None }
    }
}

/// The most a subscriber wants, or is allowed, to get of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Largest picture.
    pub layer: Layer,
    /// Highest frame rate.
    pub temporal: Temporal,
}

impl Wish {
    /// `layer` at its full frame rate.
    pub const fn full(layer: Layer) -> Self {
        Self { layer, temporal: Temporal::TOP }
    }
}

/// A set of spatial layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerSet(u8);

impl LayerSet {
    /// No layer.
    pub const NONE: Self = Self(0);
    /// All three.
    pub const ALL: Self = Self(0b111);

    /// The set with `layer` in it.
    #[must_use]
    pub const fn with(self, layer: Layer) -> Self {
        Self(self.0 | 1 << layer as u8)
    }

    /// The set without `layer`.
    #[must_use]
    pub const fn without(self, layer: Layer) -> Self {
        Self(self.0 & !(1 << layer as u8))
    }

    /// Every layer up to and including `max`; `None` is no layer.
    pub fn up_to(max: Option<Layer>) -> Self {
        Layer::ALL.into_iter().filter(|layer| Some(*layer) <= max).collect()
    }

    /// Whether `layer` is in the set.
    pub const fn contains(self, layer: Layer) -> bool {
        self.0 & (1 << layer as u8) != 0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The layers in the set, lowest first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Layer> {
        Layer::ALL.into_iter().filter(move |layer| self.contains(*layer))
    }

    /// The best layer in the set that is not above `max`; if all are above, the lowest there is.
    pub fn best_for(self, max: Layer) -> Option<Layer> {
        self.iter().rfind(|layer| *layer <= max).or_else(|| self.iter().next())
    }
}

impl FromIterator<Layer> for LayerSet {
    fn from_iter<I: IntoIterator<Item = Layer>>(layers: I) -> Self {
        layers.into_iter().fold(Self::NONE, Self::with)
    }
}

/// What a track shows, because a still screen sends far less often than a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Moving pictures: silence for half a second means the layer is gone.
    Camera,
    /// A shared screen, which may send next to nothing while nothing moves.
    Screen,
}

impl Content {
    const fn cycle(self) -> Duration {
        match self {
            Self::Camera => Duration::from_millis(500),
            Self::Screen => Duration::from_secs(2),
        }
    }

    const fn packets_per_cycle(self, layer: Layer) -> u32 {
        match (self, layer) {
            (Self::Screen, _) | (Self::Camera, Layer::Low) => 1,
            (Self::Camera, Layer::Medium | Layer::High) => 5,
        }
    }

    const fn cycles_to_trust(self, layer: Layer) -> u32 {
        match (self, layer) {
            (Self::Screen, _) => 1,
            (Self::Camera, Layer::Low) => 4,
            (Self::Camera, Layer::Medium | Layer::High) => 20,
        }
    }
}

/// One received packet of a layer, as far as measuring is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Its spatial layer.
    pub layer: Layer,
    /// Its temporal layer; [`Temporal::BASE`] when the codec has none.
    pub temporal: Temporal,
    /// Its size in bytes, as it will be sent on.
    pub bytes: usize,
    /// Whether a frame begins here.
    pub start_of_frame: bool,
}

/// Watches which layers of one track are alive, and what they cost.
///
/// A layer fails when others go on. When nothing comes at all, it is the way here or the publisher that was interrupted, and its layers
/// are believed again from their first packets. And when nobody looked for a while, what came meanwhile is counted first.
///
/// Feed every packet to [`on_packet`](Self::on_packet) and call [`handle_timeout`](Self::handle_timeout) when
/// [`poll_timeout`](Self::poll_timeout) says so. Both answer whether [`running`](Self::running) has changed; then every
/// subscriber's selector has to hear of it.
#[derive(Debug, Clone)]
pub struct Liveness {
    content: Content,
    /// Layers build upon each other in one stream.
    scalable: bool,
    enabled: LayerSet,
    layers: [LayerState; SPATIAL],
    cycle_ends: Option<Instant>,
    window_started: Option<Instant>,
    /// When anybody looked last.
    looked: Option<Instant>,
    /// Until then nothing is concluded, as nobody had looked for a while. Of each cycle the end is put off once.
    put_off: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default)]
struct LayerState {
    life: Life,
    packets: u32,
    /// For so many cycles more silence says nothing: it was switched off, and has just been switched on again.
    pardoned: u8,
    /// When its first packet came, until a rate follows from those since then.
    began: Option<Instant>,
    counting: [Count; TEMPORAL],
    rates: [Rate; TEMPORAL],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Life {
    /// Never seen, or switched off on our own request: the first packet is believed.
    #[default]
    Fresh,
    Running,
    /// Stopped by itself. It has to prove itself before it counts again, unless it shows in the next cycle that all of them did.
    Stopped {
        good_cycles: u32,
        is_news: bool,
    },
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    bytes: u64,
    frames: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    bits: f32,
    frames: f32,
    /// Bits and frames before it fell silent.
    usual: Option<(f32, f32)>,
    /// Of a screen: what it takes, bits in the mean, over how many windows, and those of the two before this one.
    lasting: f32,
    mean: f32,
    windows: u8,
    latest: [f32; 2],
}

/// The cycle in which a layer is switched on again, and the one after: the encoder takes a moment.
const PARDONED: u8 = 2;

/// Who has not looked for so long, well beyond the time between two ticks of a room, was kept from it, and so were the packets that are
/// in the socket. In as long they are all counted.
const LATE: Duration = Duration::from_millis(250);

/// How long bytes and frames are counted before the rates are brought up to date.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Of a layer that began within the window it is that much at least; else it is counted on in the next.
const LEAST_COUNTED: Duration = Duration::from_millis(400);

/// Weight of the newest window in the smoothed rates.
const RATE_SMOOTHING: f32 = 0.5;

/// A screen sends a slide at once and then nothing for long: what it takes is the mean of about so many windows, silent ones too, and no
/// less than the least of the latest three, for some screens move.
const SCREEN_WINDOWS: u8 = 10;

/// A screen that takes less than that takes nothing, in bits per second.
const NOTHING: f32 = 1_000.0;

impl Liveness {
    /// Nothing seen yet; every layer may be sent.
    pub fn new(content: Content) -> Self {
        Self {
            content,
            scalable: false,
            enabled: LayerSet::ALL,
            layers: [LayerState::default(); SPATIAL],
            cycle_ends: None,
            window_started: None,
            looked: None,
            put_off: None,
        }
    }

    /// All layers come in one stream, and whoever gets one gets those below it too: its price holds theirs. None of them is
    /// ever waited for, so a single packet is a sign of life.
    pub fn set_scalable(&mut self) {
        self.scalable = true;
    }

    /// The layers that are being sent right now; only these may be a selector's target.
    pub fn running(&self) -> LayerSet {
        Layer::ALL.into_iter().filter(|layer| self.layers[layer.index()].life == Life::Running).collect()
    }

    /// What the track shows.
    pub fn content(&self) -> Content {
        self.content
    }

    /// Says which layers the publisher has been asked to send (dynacast), none of them while it is muted. A layer that stops
    /// because of this has not failed and is believed again from its first packet.
    pub fn set_enabled(&mut self, enabled: LayerSet) {
        let before = std::mem::replace(&mut self.enabled, enabled);
        for layer in Layer::ALL {
            let state = &mut self.layers[layer.index()];
            if enabled.contains(layer) && !before.contains(layer) {
                state.pardoned = PARDONED;
            }
            if !enabled.contains(layer) && state.life != Life::Running {
                state.life = Life::Fresh;
            }
        }
    }

    /// A packet arrived. Answers whether a layer came to life.
    pub fn on_packet(&mut self, sample: Sample, now: Instant) -> bool {
        let changed = self.handle_timeout(now);
        self.cycle_ends.get_or_insert(now + self.content.cycle());
        self.window_started.get_or_insert(now);

        let state = &mut self.layers[sample.layer.index()];
        state.packets = state.packets.saturating_add(1);
        if state.rates.iter().all(|rate| rate.bits == 0.0 && rate.windows == 0) {
            state.began.get_or_insert(now);
        }
        let count = &mut state.counting[sample.temporal.index()];
        count.bytes = count.bytes.saturating_add(sample.bytes as u64);
        count.frames = count.frames.saturating_add(u32::from(sample.start_of_frame));

        let born = state.life == Life::Fresh;
        if born {
            state.life = Life::Running;
            // It joined in the middle of a cycle; only a full one may condemn it.
            state.packets = self.content.packets_per_cycle(sample.layer);
        }
        changed || born
    }

    /// Ends the cycles that are over. Answers whether the set of running layers changed.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let is_late = self.looked.replace(now).is_some_and(|before| now.saturating_duration_since(before) >= LATE);
        if is_late && self.put_off.is_none() {
            self.put_off = Some(now + LATE);
            self.cycle_ends = self.cycle_ends.map(|end| end.max(now + LATE));
        }
        if self.put_off.is_some_and(|until| now < until) {
            return false;
        }
        self.update_rates(now);
        let Some(end) = self.cycle_ends.filter(|end| *end <= now) else { return false };

        self.put_off = None;
        let before = self.running();
        let mut silent = self.end_cycle();
        // If whole cycles passed without a single packet, one empty cycle already says everything.
        if now.duration_since(end) >= self.content.cycle() {
            silent = self.end_cycle();
        }
        let after = self.running();
        self.cycle_ends = (!silent || !after.is_empty()).then(|| now + self.content.cycle());
        before != after
    }

    /// When the current cycle ends. `None` while nothing is being sent.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let window_ends = self.window_started.map(|start| start + RATE_WINDOW);
        let due = [self.cycle_ends, window_ends].into_iter().flatten().min()?;
        Some(self.put_off.map_or(due, |until| due.max(until)))
    }

    /// What `layer` costs when cut off above `temporal`, in bits per second; in a scalable stream with the layers below it. 0
    /// for a layer that is not sent. What a screen costs is a mean that outlasts its pictures.
    pub fn bitrate(&self, layer: Layer, temporal: Temporal) -> u64 {
        let of = |rate: &Rate| if self.content == Content::Screen { rate.lasting } else { rate.bits };
        let bits = |state: &LayerState| state.rates[..=temporal.index()].iter().map(of).sum::<f32>();
        let own = bits(&self.layers[layer.index()]);
        let below: f32 = self.layers[..layer.index()].iter().filter(|_| self.scalable && own > 0.0).map(bits).sum();
        (own + below) as u64
    }

    /// The frame rate of `layer` when cut off above `temporal`, in frames per second.
    pub fn frame_rate(&self, layer: Layer, temporal: Temporal) -> f32 {
        self.layers[layer.index()].rates[..=temporal.index()].iter().map(|rate| rate.frames).sum()
    }

    /// Judges every layer by its packets; answers whether there were none at all.
    fn end_cycle(&mut self) -> bool {
        let silent = self.layers.iter().all(|state| state.packets == 0);
        for layer in Layer::ALL {
            let state = &mut self.layers[layer.index()];
            let (needed, proof) = if self.scalable {
                (1, 1)
            } else {
                (self.content.packets_per_cycle(layer), self.content.cycles_to_trust(layer))
            };
            let alive = state.packets >= needed;
            state.packets = 0;
            let is_pardoned = state.pardoned > 0;
            state.pardoned = state.pardoned.saturating_sub(1);
            state.life = match state.life {
                Life::Fresh => Life::Fresh,
                Life::Running if alive => Life::Running,
                Life::Running | Life::Stopped { .. } if !self.enabled.contains(layer) => Life::Fresh,
                Life::Running if is_pardoned || silent => Life::Fresh,
                // The silence began within the cycle before.
                Life::Stopped { is_news: true, .. } if silent => Life::Fresh,
                Life::Running => Life::Stopped { good_cycles: 0, is_news: true },
                Life::Stopped { .. } if !alive => Life::Stopped { good_cycles: 0, is_news: false },
                Life::Stopped { good_cycles, .. } if good_cycles + 1 >= proof => Life::Running,
                Life::Stopped { good_cycles, .. } => Life::Stopped { good_cycles: good_cycles + 1, is_news: false },
            };
        }
        silent
    }

    /// A screen's layers that are switched off keep the price they had.
    fn layers_held(&self) -> LayerSet {
        let is_known = |layer: &Layer| self.layers[layer.index()].rates.iter().any(|rate| rate.windows > 0);
        let is_held = |layer: &Layer| is_known(layer) && !self.enabled.contains(*layer);
        Layer::ALL.into_iter().filter(is_held).collect()
    }

    fn update_rates(&mut self, now: Instant) {
        let Some(elapsed) = self.window_started.map(|start| now.saturating_duration_since(start)) else { return };
        if elapsed < RATE_WINDOW {
            return;
        }
        let mut silent = true;
        let held = self.layers_held();
        for (layer, state) in Layer::ALL.into_iter().zip(&mut self.layers) {
            if held.contains(layer) {
                // It ended somewhere within the window.
                state.counting = Default::default();
                continue;
            }
            // Whoever began in the middle is not to be taken for less than it is.
            let counted = state.began.map_or(elapsed, |began| now.saturating_duration_since(began));
            if counted < LEAST_COUNTED {
                silent = false;
                continue;
            }
            state.began = None;
            let seconds = counted.as_secs_f32();
            for (count, rate) in state.counting.iter_mut().zip(&mut state.rates) {
                let bits = count.bytes as f32 * 8.0 / seconds;
                rate.advance(bits, count.frames as f32 / seconds);
                if self.content == Content::Screen {
                    rate.average(bits);
                }
                silent &= count.bytes == 0 && rate.lasting == 0.0;
                *count = Count::default();
            }
        }
        self.window_started = (!silent).then_some(now);
    }
}

impl Rate {
    fn advance(&mut self, bits: f32, frames: f32) {
        let before = if self.bits > 0.0 { Some((self.bits, self.frames)) } else { self.usual };
        // A layer that has just begun or ended is not half of what it is. One that was silent goes on from what it was: the first
        // picture of a screen that stood still is a large one.
        (self.bits, self.frames) = match before {
            Some((known, shown)) if bits > 0.0 => {
                (known + (bits - known) * RATE_SMOOTHING, shown + (frames - shown) * RATE_SMOOTHING)
            }
            Some(_) | None => (bits, frames),
        };
        self.usual = before;
    }

    /// The same for a screen.
    fn average(&mut self, bits: f32) {
        self.windows = SCREEN_WINDOWS.min(self.windows + 1);
        self.mean += (bits - self.mean) / f32::from(self.windows);
        let least = self.latest.into_iter().fold(bits, f32::min);
        self.latest = [bits, self.latest[0]];
        self.lasting = self.mean.max(least);
        if self.lasting < NOTHING {
            (self.lasting, self.mean) = (0.0, 0.0);
        }
    }
}

#[cfg(test)]
mod tests;
