//! From a subscriber's track setting to the layers it should get.
//!
//! Clients report the size of the element a video is shown in; anything larger than that is wasted on the downlink. Sizes
//! change in bursts while a layout settles, so wishes for less wait a moment.

use std::time::{Duration, Instant};

use crate::layers::{Layer, Temporal, Wish};

/// How long a smaller wish has to last before it counts.
const SETTLE: Duration = Duration::from_millis(150);

/// An element may be this much larger than the picture before the next larger layer is worth it.
const SIZE_TOLERANCE: f32 = 0.95;

/// A measured frame rate this close to the wanted one is enough.
const RATE_TOLERANCE: f32 = 0.9;

/// A layer as its publisher announced it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// Which one.
    pub layer: Layer,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The most it is to take, bits per second; 0 if that is not known.
    pub bitrate: u32,
}

/// A subscriber's `track_setting`. Zero means "not given", as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Nothing is shown at the moment.
    pub disabled: bool,
    /// The layer wanted when no size is given; `None` (quality OFF) wants nothing.
    pub quality: Option<Layer>,
    /// Width of the element in pixels.
    pub width: u32,
    /// Height of the element in pixels.
    pub height: u32,
    /// Frames per second wanted.
    pub fps: u32,
    /// Who comes first when bandwidth is short: more before less.
    pub priority: u8,
}

impl Setting {
    /// What a subscriber gets before it has said anything: the lowest layer if it is going to (adaptive stream), else all.
    pub const fn initial(adaptive_stream: bool) -> Self {
        let quality = if adaptive_stream { Layer::Low } else { Layer::High };
        Self { disabled: false, quality: Some(quality), width: 0, height: 0, fps: 0, priority: 0 }
    }
}

/// What `setting` asks for, given the publisher's layers. `None`: nothing for now.
///
/// `frame_rate` tells the measured rate of a layer cut off above a temporal layer, 0 if unknown
/// ([`crate::layers::Liveness::frame_rate`]).
pub fn wish(setting: &Setting, announced: &[Announced], frame_rate: impl Fn(Layer, Temporal) -> f32) -> Option<Wish> {
    if setting.disabled {
        return None;
    }
    let layer = match (setting.width, setting.height) {
        (0, 0) => setting.quality?,
        (width, height) => smallest_covering(width, height, announced).or(setting.quality)?,
    };
    Some(Wish { layer, temporal: slowest_reaching(setting.fps, |temporal| frame_rate(layer, temporal)) })
}

/// The lowest layer at least as large as the element by its longest side, or the highest one announced. A phone held upright
/// sends upright pictures, so sides are compared by length and not by name.
fn smallest_covering(width: u32, height: u32, announced: &[Announced]) -> Option<Layer> {
    let wanted = width.max(height) as f32 * SIZE_TOLERANCE;
    let sized = || announced.iter().filter(|layer| layer.width > 0 && layer.height > 0);
    let covering = sized().filter(|layer| layer.width.max(layer.height) as f32 >= wanted);
    covering.map(|layer| layer.layer).min().or_else(|| sized().map(|layer| layer.layer).max())
}

fn slowest_reaching(fps: u32, frame_rate: impl Fn(Temporal) -> f32) -> Temporal {
    if fps == 0 {
        return Temporal::TOP;
    }
    let enough = fps as f32 * RATE_TOLERANCE;
    (0..=Temporal::TOP.index() as u8)
        .map(Temporal::new)
        .find(|temporal| frame_rate(*temporal) >= enough)
        .unwrap_or(Temporal::TOP)
}

/// One subscription's wish over time: more at once, less only when it lasts.
#[derive(Debug, Clone)]
pub struct Demand {
    current: Option<Wish>,
    pending: Option<(Option<Wish>, Instant)>,
}

impl Demand {
    /// Begins with `wish`.
    pub fn new(wish: Option<Wish>) -> Self {
        Self { current: wish, pending: None }
    }

    /// The wish in force.
    pub fn current(&self) -> Option<Wish> {
        self.current
    }

    /// The subscriber said something new. Answers whether [`current`](Self::current) changed; if it was `None` before, a key
    /// frame is needed.
    pub fn set(&mut self, wish: Option<Wish>, now: Instant) -> bool {
        if wish == self.current {
            self.pending = None;
            return false;
        }
        if is_less(wish, self.current) {
            let since = self.pending.map_or(now + SETTLE, |(_, due)| due);
            self.pending = Some((wish, since));
            return false;
        }
        self.pending = None;
        self.current = wish;
        true
    }

    /// Puts a smaller wish in force that has lasted. Answers whether [`current`](Self::current) changed.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let Some((wish, _)) = self.pending.filter(|(_, due)| *due <= now) else { return false };
        self.pending = None;
        self.current = wish;
        true
    }

    /// When a smaller wish comes into force.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.pending.map(|(_, due)| due)
    }
}

fn is_less(new: Option<Wish>, old: Option<Wish>) -> bool {
    match (new, old) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(new), Some(old)) => (new.layer, new.temporal) < (old.layer, old.temporal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYERS: [Announced; 3] = [
        Announced { layer: Layer::Low, width: 320, height: 180, bitrate: 0 },
        Announced { layer: Layer::Medium, width: 640, height: 360, bitrate: 0 },
        Announced { layer: Layer::High, width: 1280, height: 720, bitrate: 0 },
    ];

    #[test]
    fn the_lowest_layer_that_fills_the_element_is_chosen() {
        assert_eq!(layer_for(100, 60), Some(Layer::Low));
        assert_eq!(layer_for(320, 180), Some(Layer::Low));
        assert_eq!(layer_for(330, 186), Some(Layer::Low), "hardly larger");
        assert_eq!(layer_for(400, 225), Some(Layer::Medium));
        assert_eq!(layer_for(800, 450), Some(Layer::High));
        assert_eq!(layer_for(3840, 2160), Some(Layer::High));
    }

    #[test]
    fn upright_pictures_are_measured_by_their_longest_side() {
        let upright = [Announced { layer: Layer::Low, width: 180, height: 320, bitrate: 0 }, LAYERS[1]];

        let setting = Setting { width: 300, height: 300, ..Setting::initial(false) };

        assert_eq!(wish(&setting, &upright, |_, _| 0.0).map(|wish| wish.layer), Some(Layer::Low));
    }

    #[test]
    fn quality_counts_when_no_size_is_known() {
        let no_size = Setting { quality: Some(Layer::Medium), ..Setting::initial(false) };
        assert_eq!(wish(&no_size, &LAYERS, |_, _| 0.0), Some(Wish::full(Layer::Medium)));

        let nothing_announced = Setting { width: 10, height: 10, ..no_size };
        assert_eq!(wish(&nothing_announced, &[], |_, _| 0.0), Some(Wish::full(Layer::Medium)));

        let off = Setting { quality: None, ..no_size };
        assert_eq!(wish(&off, &LAYERS, |_, _| 0.0), None);
    }

    #[test]
    fn a_hidden_track_is_not_wanted() {
        let setting = Setting { disabled: true, width: 640, height: 360, ..Setting::initial(true) };

        assert_eq!(wish(&setting, &LAYERS, |_, _| 0.0), None);
    }

    #[test]
    fn the_lowest_temporal_layer_that_is_fast_enough_is_chosen() {
        let rates = |_: Layer, temporal: Temporal| [7.5, 15.0, 30.0, 30.0][temporal.index()];
        let temporal = |fps| wish(&Setting { fps, ..Setting::initial(false) }, &LAYERS, rates).unwrap().temporal;

        assert_eq!(temporal(0), Temporal::TOP);
        assert_eq!(temporal(5), Temporal::BASE);
        assert_eq!(temporal(15), Temporal::new(1));
        assert_eq!(temporal(24), Temporal::new(2));
        assert_eq!(temporal(60), Temporal::TOP);
    }

    #[test]
    fn clients_with_adaptive_stream_begin_low() {
        assert_eq!(Setting::initial(true).quality, Some(Layer::Low));
        assert_eq!(Setting::initial(false).quality, Some(Layer::High));
    }

    #[test]
    fn more_is_wanted_at_once() {
        let now = Instant::now();
        let mut demand = Demand::new(None);

        assert!(demand.set(Some(Wish::full(Layer::Low)), now));
        assert!(demand.set(Some(Wish::full(Layer::High)), now));
        assert_eq!(demand.current(), Some(Wish::full(Layer::High)));
    }

    #[test]
    fn less_is_wanted_when_it_lasts() {
        let now = Instant::now();
        let mut demand = Demand::new(Some(Wish::full(Layer::High)));

        assert!(!demand.set(None, now));
        assert_eq!(demand.poll_timeout(), Some(now + SETTLE));
        assert!(!demand.handle_timeout(now + SETTLE / 2));
        assert!(!demand.set(Some(Wish::full(Layer::Low)), now + SETTLE / 2));
        assert!(demand.handle_timeout(now + SETTLE));
        assert_eq!(demand.current(), Some(Wish::full(Layer::Low)));
    }

    #[test]
    fn a_layout_that_settles_back_changes_nothing() {
        let now = Instant::now();
        let mut demand = Demand::new(Some(Wish::full(Layer::High)));

        demand.set(Some(Wish::full(Layer::Low)), now);
        demand.set(Some(Wish::full(Layer::High)), now);

        assert!(!demand.handle_timeout(now + SETTLE));
        assert_eq!((demand.current(), demand.poll_timeout()), (Some(Wish::full(Layer::High)), None));
    }

    fn layer_for(width: u32, height: u32) -> Option<Layer> {
        let setting = Setting { width, height, ..Setting::initial(true) };
        wish(&setting, &LAYERS, |_, _| 0.0).map(|wish| wish.layer)
    }
}
