//! A subscriber behind a slow line gets what fits: sound always, then pictures as large as there is room for.

// In a test's helpers too a failed unwrap is a failed test.
#![allow(clippy::unwrap_used)]

// Other tests use the rest of it.
#[allow(dead_code)]
mod support;

use std::time::Duration;
use support::sending::Layers;
use support::{Bottleneck, World};
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

/// What the layers of the test's camera take, in bits per second: 4 packets of 1,000 bytes every 40 ms for the largest.
const LARGE: u64 = 4 * 1000 * 8 * 25;
const SMALL: u64 = 300 * 8 * 25;

fn watched() -> (World, usize, usize) {
    let mut world = World::new();
    world.step = Duration::from_millis(1);
    let ann = world.join("ann");
    let bob = world.join("bob");
    world.pass(Duration::from_secs(3));
    world.publish_simulcast(ann);
    world.pass(Duration::from_secs(1));
    (world, ann, bob)
}

/// Bits of pictures per second that reached a client since the last time.
fn pictures(world: &mut World, client: usize, over: Duration) -> u64 {
    let bytes: usize = world.clients[client].received(true).iter().map(|packet| packet.payload.len()).sum();
    world.clients[client].packets.clear();
    u64::try_from(bytes).unwrap() * 8 * 1000 / u64::try_from(over.as_millis()).unwrap()
}

#[test]
fn pictures_shrink_to_the_line_and_grow_with_it() {
    let (mut world, ann, bob) = watched();
    let mut layers = Layers::default();
    let wide = world.film(ann, &mut layers, Duration::from_secs(8));
    world.clients[bob].packets.clear();
    let second = Duration::from_secs(4);
    world.film(ann, &mut layers, second);
    assert!(wide > 0);
    let before = pictures(&mut world, bob, second);
    assert!(before > LARGE * 8 / 10, "{before} of {LARGE} on a wide line");

    world.clients[bob].bottleneck = Some(Bottleneck::new(250_000, world.now));
    world.film(ann, &mut layers, Duration::from_secs(10));
    world.clients[bob].packets.clear();
    let sound_before = world.clients[bob].received(false).len();
    assert_eq!(sound_before, 0);
    world.film(ann, &mut layers, second);
    let sound = world.clients[bob].received(false).len();
    let narrow = pictures(&mut world, bob, second);
    assert!((SMALL / 2..LARGE / 2).contains(&narrow), "{narrow} on a line of 250,000");
    assert!(sound >= 195, "{sound} of 200 sounds on the narrow line");

    world.clients[bob].bottleneck = None;
    world.film(ann, &mut layers, Duration::from_secs(25));
    world.clients[bob].packets.clear();
    world.film(ann, &mut layers, second);
    let after = pictures(&mut world, bob, second);
    assert!(after > LARGE * 8 / 10, "{after} of {LARGE} once it is wide again");
}

#[test]
fn a_second_in_which_somebody_is_busy_costs_no_size() {
    for (who, millis) in [("the server", 450), ("the server", 1000), ("the viewer", 1000)] {
        let (mut world, ann, bob) = watched();
        let mut layers = Layers::default();
        let mut line = Bottleneck::new(5_000_000, world.now);
        line.delay = Duration::from_millis(20);
        world.clients[bob].bottleneck = Some(line);
        world.film(ann, &mut layers, Duration::from_secs(12));

        let viewer = (who == "the viewer").then_some(bob);
        world.set_busy(viewer, true);
        world.film(ann, &mut layers, Duration::from_millis(millis));
        world.set_busy(viewer, false);
        // What has waited.
        world.film(ann, &mut layers, Duration::from_secs(1));
        world.clients[bob].packets.clear();
        let seconds = Duration::from_secs(5);
        world.film(ann, &mut layers, seconds);

        let after = pictures(&mut world, bob, seconds);
        assert!(after > LARGE * 9 / 10, "{after} of {LARGE} when {who} was busy for {millis} ms");
    }
}

#[test]
fn a_publisher_whose_way_was_interrupted_is_seen_as_large_as_before() {
    let (mut world, ann, bob) = watched();
    let mut layers = Layers::default();
    world.film(ann, &mut layers, Duration::from_secs(12));

    world.clients[ann].mute = true;
    world.film(ann, &mut layers, Duration::from_millis(1200));
    world.clients[ann].mute = false;
    world.film(ann, &mut layers, Duration::from_secs(2));
    world.clients[bob].packets.clear();
    let seconds = Duration::from_secs(4);
    world.film(ann, &mut layers, seconds);

    let after = pictures(&mut world, bob, seconds);
    assert!(after > LARGE * 9 / 10, "{after} of {LARGE}");
}

#[test]
fn a_line_is_not_filled_with_padding_for_ever_and_what_it_carries_is_found_all_the_same() {
    let (mut world, ann, bob) = watched();
    let mut layers = Layers::default();
    world.clients[bob].bottleneck = Some(Bottleneck::new(500_000, world.now));
    world.film(ann, &mut layers, Duration::from_secs(45));
    let second = Duration::from_secs(10);
    let carried = |world: &World| world.clients[bob].bottleneck.as_ref().unwrap().carried;
    let before = carried(&world);
    world.film(ann, &mut layers, second);
    let all = (carried(&world) - before) / second.as_secs();
    assert!((SMALL..3 * SMALL).contains(&all), "{all} bits per second for a small picture of {SMALL} and sound");

    world.clients[bob].bottleneck.as_mut().unwrap().rate = 5_000_000;
    world.film(ann, &mut layers, Duration::from_secs(20));
    world.clients[bob].packets.clear();
    world.film(ann, &mut layers, second);
    let after = pictures(&mut world, bob, second);
    assert!(after > LARGE * 8 / 10, "{after} of {LARGE} twenty seconds after the line became wide");
}

#[test]
fn who_changes_to_a_longer_and_wider_line_soon_sees_large_pictures() {
    let (mut world, ann, bob) = watched();
    let mut layers = Layers::default();
    world.clients[bob].bottleneck = Some(Bottleneck::new(250_000, world.now));
    world.film(ann, &mut layers, Duration::from_secs(12));

    // From the house's network to the telephone's.
    world.clients[bob].outside = Some("198.51.100.9:4000".parse().unwrap());
    let mut wide = Bottleneck::new(20_000_000, world.now);
    wide.delay = Duration::from_millis(185);
    world.clients[bob].bottleneck = Some(wide);
    world.film(ann, &mut layers, Duration::from_secs(8));
    world.clients[bob].packets.clear();
    let second = Duration::from_secs(4);
    world.film(ann, &mut layers, second);

    let after = pictures(&mut world, bob, second);
    assert!(after > LARGE * 8 / 10, "{after} of {LARGE} after eight seconds");
}

#[test]
fn a_picture_there_is_no_room_for_is_paused_and_its_viewer_told() {
    let (mut world, ann, bob) = watched();
    let cid = world.join("cid");
    world.pass(Duration::from_secs(2));
    world.publish_simulcast(cid);
    world.pass(Duration::from_secs(1));
    let (mut of_ann, mut of_cid) = (Layers::default(), Layers::default());
    world.film_both(ann, &mut of_ann, cid, &mut of_cid, Duration::from_secs(5));
    world.clients[bob].inbox.clear();

    world.clients[bob].bottleneck = Some(Bottleneck::new(90_000, world.now));
    world.film_both(ann, &mut of_ann, cid, &mut of_cid, Duration::from_secs(15));
    let states = stream_states(&world, bob);
    assert_eq!(states.last(), Some(&lk::StreamState::Paused), "{states:?}");

    world.clients[bob].bottleneck = None;
    world.film_both(ann, &mut of_ann, cid, &mut of_cid, Duration::from_secs(25));
    let states = stream_states(&world, bob);
    assert_eq!(states.last(), Some(&lk::StreamState::Active), "{states:?}");
}

#[test]
fn a_camera_that_begins_makes_no_queue_on_a_narrow_line() {
    let (mut world, ann, bob) = watched();
    let cid = world.join("cid");
    let (mut of_ann, mut of_cid) = (Layers::default(), Layers::default());
    world.clients[bob].bottleneck = Some(Bottleneck::new(300_000, world.now));
    world.film(ann, &mut of_ann, Duration::from_secs(20));
    let dropped = |world: &World| world.clients[bob].bottleneck.as_ref().unwrap().dropped;
    let before = dropped(&world);
    world.clients[bob].packets.clear();

    world.publish_simulcast(cid);
    for begin in ["for the first time", "again"] {
        world.film_both(ann, &mut of_ann, cid, &mut of_cid, Duration::from_secs(4));
        let sid = world.clients[cid].sid_of("cam").unwrap();
        let source = world.clients[bob].source_of(&sid).unwrap();
        let of_camera = world.clients[bob].packets.iter().filter(|packet| *packet.header.ssrc == source);
        let sizes: Vec<usize> = of_camera.map(|packet| packet.payload.len()).collect();
        let large = sizes.iter().filter(|size| **size > 500).count();
        assert!(sizes.len() > 50, "a small picture {begin}: {}", sizes.len());
        // Until the small one has come as well the large one is all there is.
        assert!(large <= 4 && dropped(&world) == before, "{begin}: {large} large ones, {}", dropped(&world) - before);

        for muted in [true, false] {
            world.request(cid, Request::Mute(lk::MuteTrackRequest { sid: sid.clone(), muted }));
            world.film(ann, &mut of_ann, Duration::from_secs(2));
        }
        world.clients[bob].packets.clear();
    }
}

#[test]
fn a_screen_whose_slide_changes_stays_large_on_a_line_with_little_to_spare() {
    for (rate, silent) in [(600_000, false), (700_000, false), (700_000, true)] {
        let (mut world, ann, bob) = watched();
        let cid = world.join("cid");
        world.pass(Duration::from_secs(2));
        world.publish_sizes(cid, lk::TrackSource::ScreenShare);
        world.pass(Duration::from_secs(1));
        world.clients[bob].bottleneck = Some(Bottleneck::new(rate, world.now));
        let (mut of_ann, mut of_cid) = (Layers::default(), Layers::default());
        for is_new in [false, silent, silent] {
            world.present((ann, &mut of_ann), (cid, &mut of_cid), silent, is_new, Duration::from_secs(10));
        }

        let sid = world.clients[cid].sid_of("cam").unwrap();
        let source = world.clients[bob].source_of(&sid).unwrap();
        for slide in 0..3 {
            world.clients[bob].packets.clear();
            let asked = world.present((ann, &mut of_ann), (cid, &mut of_cid), silent, true, Duration::from_secs(12));
            let of_screen = world.clients[bob].packets.iter().filter(|packet| *packet.header.ssrc == source);
            let small = of_screen.filter(|packet| [100, 1000].contains(&packet.payload.len())).count();
            // What comes first out of a silence is the small size, of which a packet leaves before the large one is there.
            let fine = asked == 0 && small <= usize::from(silent);
            assert!(fine, "slide {slide} at {rate}, silent: {silent}: {asked} asked for, {small} small");
        }
    }
}

#[test]
fn a_size_that_begins_later_makes_no_queue_on_a_narrow_line_and_is_seen_on_a_wide_one() {
    let (mut world, ann, bob) = watched();
    let cid = world.join("cid");
    let (mut of_ann, mut of_cid) = (Layers::default(), Layers::default());
    world.clients[bob].bottleneck = Some(Bottleneck::new(400_000, world.now));
    world.film(ann, &mut of_ann, Duration::from_secs(20));
    world.publish_simulcast(cid);
    // Of the larger one nothing was ever measured, and then it was.
    for begin in ["for the first time", "again"] {
        of_cid.only_small = true;
        world.film_both(ann, &mut of_ann, cid, &mut of_cid, Duration::from_secs(10));
        let dropped = |world: &World| world.clients[bob].bottleneck.as_ref().unwrap().dropped;
        let before = dropped(&world);
        [ann, bob].into_iter().for_each(|viewer| world.clients[viewer].packets.clear());

        of_cid.only_small = false;
        // Whoever sees what stopped by itself is to see that it lasts.
        let second = Duration::from_secs(if begin == "again" { 16 } else { 4 });
        world.film_both(ann, &mut of_ann, cid, &mut of_cid, second);

        let sid = world.clients[cid].sid_of("cam").unwrap();
        let [wide, narrow] = [ann, bob].map(|viewer| {
            let source = world.clients[viewer].source_of(&sid).unwrap();
            let of_camera = world.clients[viewer].packets.iter().filter(|packet| *packet.header.ssrc == source);
            let sizes: Vec<usize> = of_camera.map(|packet| packet.payload.len()).collect();
            (sizes.iter().filter(|size| **size > 500).count(), sizes.len())
        });
        assert!(narrow.0 == 0 && narrow.1 > 90, "{begin}: {narrow:?}");
        assert_eq!(dropped(&world), before, "{begin}");
        assert!(wide.0 > 4 * 25 * 3, "{begin}: {wide:?}");
    }
}

/// On it there is room for one large picture and one small one.
const ROOM_FOR_ONE: u64 = 1_400_000;

/// Two who publish pictures of some kind, and one who watches both on a line with room for one of them.
struct Rivals {
    world: World,
    viewer: usize,
    publishers: [usize; 2],
    layers: [Layers; 2],
    /// Where their pictures come.
    sources: [u32; 2],
}

impl Rivals {
    fn new(kinds: [lk::TrackSource; 2]) -> Self {
        let mut world = World::new();
        world.step = Duration::from_millis(1);
        let publishers = ["ann", "cid"].map(|name| world.join(name));
        let viewer = world.join("bob");
        world.pass(Duration::from_secs(3));
        for (publisher, kind) in publishers.into_iter().zip(kinds) {
            world.publish_sizes(publisher, kind);
            world.pass(Duration::from_secs(1));
        }
        let sids = publishers.map(|publisher| world.clients[publisher].sid_of("cam").unwrap());
        let sources = sids.map(|sid| world.clients[viewer].source_of(&sid).unwrap());
        world.clients[viewer].bottleneck = Some(Bottleneck::new(ROOM_FOR_ONE, world.now));
        Self { world, viewer, publishers, layers: Default::default(), sources }
    }

    /// Bits of each one's pictures per second, when all has settled.
    fn rates(&mut self) -> [u64; 2] {
        self.film(Duration::from_secs(22));
        self.world.clients[self.viewer].packets.clear();
        let time = Duration::from_secs(4);
        self.film(time);
        let packets = &self.world.clients[self.viewer].packets;
        self.sources.map(|source| {
            let of_it = packets.iter().filter(|packet| *packet.header.ssrc == source);
            let bytes: usize = of_it.map(|packet| packet.payload.len()).sum();
            u64::try_from(bytes).unwrap() * 8 / time.as_secs()
        })
    }

    fn film(&mut self, time: Duration) {
        let [one, other] = self.publishers;
        let [of_one, of_other] = &mut self.layers;
        self.world.film_both(one, of_one, other, of_other, time);
    }

    /// The viewer says what comes first.
    fn prefer(&mut self, priorities: [u32; 2]) {
        for (publisher, priority) in self.publishers.into_iter().zip(priorities) {
            let sid = self.world.clients[publisher].sid_of("cam").unwrap();
            let quality = lk::VideoQuality::High.into();
            let setting = lk::UpdateTrackSettings { track_sids: vec![sid], quality, priority, ..Default::default() };
            self.world.request(self.viewer, Request::TrackSetting(setting));
        }
    }

    fn mute_microphone(&mut self, which: usize) {
        let sid = self.world.clients[self.publishers[which]].sid_of("mic").unwrap();
        let mute = lk::MuteTrackRequest { sid, muted: true };
        self.world.request(self.publishers[which], Request::Mute(mute));
    }
}

fn assert_large_and_small(large: u64, small: u64) {
    assert!(large > LARGE * 8 / 10, "{large} of {LARGE}");
    assert!((SMALL * 7 / 10..SMALL * 2).contains(&small), "{small} of {SMALL}");
}

#[test]
fn what_a_viewer_puts_first_is_large() {
    let mut rivals = Rivals::new([lk::TrackSource::Camera; 2]);

    rivals.prefer([1, 200]);
    let [ann, cid] = rivals.rates();
    assert_large_and_small(cid, ann);

    rivals.prefer([200, 1]);
    let [ann, cid] = rivals.rates();
    assert_large_and_small(ann, cid);
}

#[test]
fn a_shared_screen_comes_before_a_camera() {
    let [camera, screen] = Rivals::new([lk::TrackSource::Camera, lk::TrackSource::ScreenShare]).rates();
    assert_large_and_small(screen, camera);
    let [screen, camera] = Rivals::new([lk::TrackSource::ScreenShare, lk::TrackSource::Camera]).rates();
    assert_large_and_small(screen, camera);
}

#[test]
fn who_speaks_comes_before_who_is_silent() {
    for silent in [0, 1] {
        let mut rivals = Rivals::new([lk::TrackSource::Camera; 2]);
        rivals.mute_microphone(silent);
        let rates = rivals.rates();
        assert_large_and_small(rates[1 - silent], rates[silent]);
    }
}

/// What a viewer of so many cameras is told of them on a line that has no room for any.
fn states_without_room(may_pause: Option<bool>, cameras: usize) -> Vec<lk::StreamState> {
    let mut world = World::new();
    world.step = Duration::from_millis(1);
    let publishers = ["ann", "cid"].map(|name| world.join(name));
    let viewer = world.join_that_pauses("bob", may_pause);
    world.pass(Duration::from_secs(3));
    for publisher in &publishers[..cameras] {
        world.publish_simulcast(*publisher);
        world.pass(Duration::from_secs(1));
    }
    let (mut of_one, mut of_other) = (Layers::default(), Layers::default());
    world.film_both(publishers[0], &mut of_one, publishers[1], &mut of_other, Duration::from_secs(5));
    world.clients[viewer].bottleneck = Some(Bottleneck::new(SMALL, world.now));
    world.film_both(publishers[0], &mut of_one, publishers[1], &mut of_other, Duration::from_secs(15));
    stream_states(&world, viewer)
}

#[test]
fn the_last_picture_is_paused_only_for_who_allows_it() {
    assert_eq!(states_without_room(Some(true), 1), [lk::StreamState::Paused]);
    assert_eq!(states_without_room(None, 1), []);
    assert_eq!(states_without_room(Some(false), 1), []);
}

#[test]
fn no_picture_is_paused_for_who_does_not_allow_it() {
    assert!(states_without_room(None, 2).contains(&lk::StreamState::Paused));
    assert_eq!(states_without_room(Some(false), 2), []);
}

#[test]
fn pictures_come_back_to_who_was_left_without_any_by_an_outage() {
    let mut world = World::new();
    world.step = Duration::from_millis(1);
    let ann = world.join("ann");
    let bob = world.join_that_pauses("bob", Some(true));
    world.pass(Duration::from_secs(3));
    world.publish_simulcast(ann);
    world.pass(Duration::from_secs(1));
    // Nobody has a microphone.
    world.clients[ann].audio = None;
    let mut layers = Layers::default();
    world.film(ann, &mut layers, Duration::from_secs(8));

    let mut line = Bottleneck::new(SMALL / 2, world.now);
    line.delay = Duration::from_secs(60);
    world.clients[bob].bottleneck = Some(line);
    world.film(ann, &mut layers, Duration::from_secs(12));
    assert_eq!(stream_states(&world, bob).last(), Some(&lk::StreamState::Paused));

    world.clients[bob].bottleneck = None;
    world.film(ann, &mut layers, Duration::from_secs(30));
    assert_eq!(stream_states(&world, bob).last(), Some(&lk::StreamState::Active));
}

fn stream_states(world: &World, client: usize) -> Vec<lk::StreamState> {
    let updates = world.clients[client].inbox.iter().filter_map(|message| match message {
        Response::StreamStateUpdate(update) => Some(update.stream_states.iter().map(lk::StreamStateInfo::state)),
        _ => None,
    });
    updates.flatten().collect()
}
