//! A subscriber, publishers and what lies between them: prices, shares and dynacast.

use super::*;
use crate::demand::Announced;
use crate::dynacast::Dynacast;
use crate::layers::{Content, LayerSet, Liveness, Sample};
use crate::prices::{BEGINNING, CostBook};

/// Milliseconds from one packet of each layer to the next.
const STEP: u64 = 20;

/// One publisher, and all that is known of its track.
struct Track {
    name: &'static str,
    priority: u8,
    announced: Vec<Announced>,
    /// Bits per second of each layer at a time, if it is asked for.
    sends: Box<dyn Fn(u64) -> [u64; SPATIAL]>,
    /// Milliseconds until a layer comes that was switched off.
    wakes: u64,
    asked: [Option<u64>; SPATIAL],
    born: Instant,
    liveness: Liveness,
    book: CostBook,
    dynacast: Dynacast<()>,
}

impl Track {
    /// The two lower layers of a camera are announced with 150 and 500 kbit/s; of a screen nothing is believed.
    fn new(
        name: &'static str,
        content: Content,
        priority: u8,
        sends: impl Fn(u64) -> [u64; SPATIAL] + 'static,
        now: Instant,
    ) -> Self {
        let announced = match content {
            Content::Camera => vec![
                Announced { layer: Layer::Low, width: 320, height: 180, bitrate: 150_000 },
                Announced { layer: Layer::Medium, width: 640, height: 360, bitrate: 500_000 },
            ],
            Content::Screen => Vec::new(),
        };
        let mut dynacast = Dynacast::new(now);
        dynacast.set((), Some(Layer::Medium), now);
        Self {
            name,
            priority,
            announced,
            sends: Box::new(sends),
            wakes: 500,
            asked: [Some(0); SPATIAL],
            born: now,
            liveness: Liveness::new(content),
            book: CostBook::default(),
            dynacast,
        }
    }

    fn step(&mut self, at: u64, now: Instant) {
        let enabled = self.dynacast.current().layers();
        for (layer, bits) in Layer::ALL.into_iter().zip((self.sends)(at)) {
            let asked = &mut self.asked[layer.index()];
            *asked = enabled.contains(layer).then(|| asked.unwrap_or(at + self.wakes));
            if bits > 0 && asked.is_some_and(|comes| comes <= at) {
                let bytes = usize::try_from(bits * STEP / 8_000).unwrap();
                let sample = Sample { layer, temporal: Temporal::BASE, bytes, start_of_frame: true };
                self.liveness.on_packet(sample, now);
            }
        }
        self.liveness.handle_timeout(now);
        self.dynacast.handle_timeout(now);
        if let Some(update) = self.dynacast.poll_output() {
            self.liveness.set_enabled(update.layers());
        }
    }

    fn bid(&mut self, now: Instant) -> Bid<&'static str> {
        let enabled: LayerSet = self.dynacast.current().layers();
        let prices = self.book.read(&self.liveness, enabled, &self.announced, now < self.born + BEGINNING, now);
        Bid {
            track: self.name,
            wish: Some(Wish::full(Layer::Medium)),
            costs: prices.costs,
            later: prices.later,
            guessed: prices.guessed,
            priority: self.priority,
        }
    }
}

/// How often limits changed: when, of which track, and up to which layer, in milliseconds.
type Changes = Vec<(u64, &'static str, Option<Layer>)>;

/// One who sees those tracks over a way that carries `estimate` bits per second at a time, for so many seconds.
fn watch(mut tracks: Vec<Track>, estimate: impl Fn(u64) -> u64, seconds: u64, start: Instant) -> Changes {
    let mut shares = Allocation::new(1);
    let mut changes = Vec::new();
    for at in (0..seconds * 1_000).step_by(STEP as usize) {
        let now = start + Duration::from_millis(at);
        tracks.iter_mut().for_each(|track| track.step(at, now));
        if at % 1_000 != 0 {
            continue;
        }
        let bids: Vec<_> = tracks.iter_mut().map(|track| track.bid(now)).collect();
        let changed = shares.update(estimate(at), &bids, now);
        changes.extend(changed.iter().map(|change| (at, change.track, change.cap.map(|cap| cap.layer))));
        for track in &mut tracks {
            let best = shares.cap(&track.name).map(|cap| cap.layer.min(Layer::Medium));
            track.dynacast.set((), best, now);
        }
    }
    changes
}

fn camera(name: &'static str, priority: u8, sends: impl Fn(u64) -> [u64; SPATIAL] + 'static, now: Instant) -> Track {
    Track::new(name, Content::Camera, priority, sends, now)
}

fn of<'a>(changes: &'a Changes, name: &'a str) -> impl Iterator<Item = (u64, Option<Layer>)> + 'a {
    changes.iter().filter(move |(_, track, _)| *track == name).map(|(at, _, layer)| (*at, *layer))
}

#[test]
fn for_a_layer_that_does_not_come_no_other_is_given_up_again_and_again() {
    let now = Instant::now();
    // It never came, or not any more.
    for came in [0, 5_000] {
        for estimate in (700_000..1_100_000).step_by(20_000) {
            let speaker = move |at| [150_000, if at < came { 500_000 } else { 0 }, 0];
            let tracks = vec![camera("ana", 129, speaker, now), camera("ben", 1, |_| [150_000, 500_000, 0], now)];
            let changes = watch(tracks, |_| estimate, 600, now);
            let tried = of(&changes, "ben").filter(|(at, _)| *at > 20_000).count();
            assert!(tried <= 8, "at {estimate} bit/s, until {came} ms: {changes:?}");
        }
    }
}

#[test]
fn a_layer_that_was_switched_off_is_given_time_to_come() {
    let now = Instant::now();
    for wakes in [500, 1_500, 2_500] {
        let cameras = [("ana", 129), ("ben", 1)].map(|(name, priority)| {
            let camera = camera(name, priority, |_| [150_000, 500_000, 0], now);
            Track { wakes, ..camera }
        });
        let changes = watch(cameras.into(), |at| if at < 20_000 { 400_000 } else { 800_000 }, 60, now);
        let later: Vec<_> = changes.iter().filter(|(at, ..)| *at > 1_000).collect();
        assert!(
            matches!(later[..], [(20_000..23_000, "ana", Some(Layer::High | Layer::Medium))]),
            "{wakes} ms: {later:?}"
        );
    }
}

#[test]
fn a_layer_that_comes_again_after_all_is_had_within_a_minute() {
    let now = Instant::now();
    let speaker = |at| [150_000, if at < 20_000 { 0 } else { 500_000 }, 0];
    let tracks = vec![camera("ana", 129, speaker, now), camera("ben", 1, |_| [150_000, 500_000, 0], now)];
    let changes = watch(tracks, |_| 800_000, 120, now);
    let (at, layer) = of(&changes, "ana").last().unwrap();
    assert!(layer >= Some(Layer::Medium) && at < 60_000, "{changes:?}");
    assert_eq!(of(&changes, "ben").last().map(|(_, layer)| layer), Some(Some(Layer::Low)));
}

/// Four cameras of 80 kbit/s, and a screen whose slides take 300 kbit and 1.2 Mbit in two fifths of a second; one every so many seconds.
/// In between pictures of that many bytes every so many milliseconds.
fn lecture(gap: u64, between: Option<(u64, u64)>, now: Instant) -> Vec<Track> {
    let screen = move |at: u64| match (at % (1_000 * gap), between) {
        (0..400, _) => [750_000, 3_000_000, 0],
        (into, Some((every, bytes))) if into % every < STEP => [bytes * 2_000 / STEP, bytes * 8_000 / STEP, 0],
        _ => [0; SPATIAL],
    };
    let cameras = ["ana", "ben", "cid", "dan"].map(|name| camera(name, 1, |_| [80_000, 0, 0], now));
    let mut tracks = Vec::from(cameras.map(|camera| Track { announced: camera.announced[..1].into(), ..camera }));
    tracks.push(Track::new("screen", Content::Screen, 255, screen, now));
    tracks
}

#[test]
fn a_screen_is_large_between_slides_and_stays_so_whatever_it_sends_then() {
    let now = Instant::now();
    for gap in [6, 7, 12, 30, 90] {
        for between in [None, Some((40, 300)), Some((1_000, 1_500)), Some((2_500, 1_500)), Some((5_000, 1_500))] {
            for estimate in [800_000, 1_300_000] {
                let changes = watch(lecture(gap, between, now), |_| estimate, 300, now);
                let of_it: Vec<_> = of(&changes, "screen").collect();
                let (at, layer) = of_it.last().copied().unwrap_or((0, Some(Layer::High)));
                let is_fine = layer >= Some(Layer::Medium) && at <= 30_000 && of_it.len() <= 4;
                assert!(is_fine, "every {gap} s, {between:?}, at {estimate} bit/s: {of_it:?}");
            }
        }
    }
}

#[test]
fn a_screen_that_moves_is_small_where_there_is_no_room_for_it() {
    let now = Instant::now();
    let mut tracks = lecture(12, None, now);
    tracks[4].sends = Box::new(|at| match (at, at % 12_000 < 400) {
        (60_000.., _) => [150_000, 600_000, 0],
        (_, true) => [750_000, 3_000_000, 0],
        (_, false) => [0; SPATIAL],
    });
    let changes = watch(tracks, |_| 800_000, 120, now);
    let (at, layer) = of(&changes, "screen").last().unwrap();
    assert!(layer == Some(Layer::Low) && (60_000..=68_000).contains(&at), "{changes:?}");
}
