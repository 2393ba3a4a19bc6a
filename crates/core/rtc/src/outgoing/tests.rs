//! What goes to a client as a whole, seen from its side of the keys.

use super::*;
use crate::packet::{Dropped, Extensions, Report, Vp8Rewrite};
use std::sync::Arc;
use str0m::crypto::dtls::{KeyingMaterial, SrtpProfile};
use str0m::rtp::{Extension, ExtensionMap};

const SSRC: u32 = 1000;
const RTX: u32 = 2000;
const SOUND: u32 = 3000;
const NUMBER: u8 = 3;
const FORMATS: Formats = Formats { pt: 96, repair: Some(97) };

/// Both sides of one connection.
struct Scene {
    ours: Outgoing,
    theirs: Seal,
    reports: Open,
    now: Instant,
    begun: Instant,
}

/// A datagram as far as it can be read without keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    pt: u8,
    ssrc: u32,
    sequence: u16,
    number: Option<u16>,
    length: usize,
}

fn keys(is_client: bool) -> Keys {
    let material = KeyingMaterial::new(&(0..56).collect::<Vec<u8>>());
    Keys { profile: SrtpProfile::AEAD_AES_128_GCM, material, is_client }
}

impl Scene {
    /// Pictures on section 0 and sound on section 1, with transport-wide numbers or without.
    fn new(numbered: bool) -> Self {
        let now = Instant::now();
        let mut ours = Outgoing::new(Clock { at: now, unix: Duration::from_secs(1_700_000_000) }, 5_000_000);
        let mut map = ExtensionMap::empty();
        if numbered {
            map.set(NUMBER, Extension::TransportSequenceNumber);
        }
        ours.put(0, Some(Source::new(Kind::Video, SSRC, RTX, "PA_a".into(), 7)));
        ours.put(1, Some(Source::new(Kind::Audio, SOUND, SOUND + 1, "PA_a".into(), 7)));
        ours.agree(0, Names::read(&map, "0".into()), FORMATS.repair);
        ours.agree(1, Names::read(&map, "1".into()), None);
        ours.set_keys(&keys(false), now);
        let theirs = keys(true);
        Self { ours, theirs: theirs.seal().unwrap(), reports: theirs.open().unwrap(), now, begun: now }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.ours.poll_timeout().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.ours.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn picture(&mut self, sequence: u64, bytes: usize) {
        let payload: Arc<[u8]> = vec![0x90; bytes].into();
        self.write(0, sequence, &payload, FORMATS);
    }

    fn sound(&mut self, sequence: u64) {
        self.write(1, sequence, &[1; 80].into(), Formats { pt: 111, repair: None });
    }

    fn write(&mut self, section: u16, sequence: u64, payload: &Arc<[u8]>, formats: Formats) -> bool {
        let packet = DownPacket {
            codec: crate::plan::Codec::Vp8,
            profile: 0,
            sequence,
            timestamp: 3000,
            wallclock: self.now,
            marker: false,
            payload,
            vp8: Some(Vp8Rewrite::default()),
            extensions: &Extensions::default(),
            dependency: None,
            playout: None,
        };
        self.ours.write(self.now, section, formats, &packet)
    }

    /// The media that left since the last time.
    fn left(&mut self) -> Vec<Seen> {
        let datagrams: Vec<_> = std::iter::from_fn(|| self.ours.poll_datagram()).collect();
        datagrams.iter().filter_map(|datagram| seen(datagram)).collect()
    }

    /// The reports among what left.
    fn reported(&mut self) -> Vec<Vec<u8>> {
        let datagrams: Vec<_> = std::iter::from_fn(|| self.ours.poll_datagram()).collect();
        datagrams
            .iter()
            .filter(|datagram| seen(datagram).is_none())
            .filter_map(|datagram| self.reports.rtcp(datagram))
            .collect()
    }

    fn told(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.ours.poll_event()).collect()
    }

    /// The client says something; `words` follow the first of the packet.
    fn say(&mut self, first: [u8; 2], words: &[u32]) -> bool {
        let length = u16::try_from(words.len()).unwrap().to_be_bytes();
        let mut packet = [first, length].concat();
        packet.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        self.theirs.rtcp(&mut packet);
        self.ours.handle_rtcp(self.now, &packet) == Ok(true)
    }

    fn miss(&mut self, first: u16, others: u16) {
        self.say([0x81, 205], &[1, SSRC, u32::from(first) << 16 | u32::from(others)]);
    }
}

fn seen(datagram: &[u8]) -> Option<Seen> {
    let (pt, number_at) = (datagram[1] & 0x7f, 17);
    if (64..96).contains(&pt) {
        return None;
    }
    let half = |at: usize| u16::from_be_bytes([datagram[at], datagram[at + 1]]);
    let number = (datagram[0] & 0x10 != 0).then(|| half(number_at));
    let ssrc = u32::from_be_bytes(*datagram[8..].first_chunk().unwrap());
    Some(Seen { pt, ssrc, sequence: half(2), number, length: datagram.len() })
}

#[test]
fn packets_leave_at_once_and_are_numbered_over_all_streams() {
    let mut scene = Scene::new(true);
    scene.picture(100, 1000);
    scene.sound(70);
    scene.picture(101, 1000);
    let left = scene.left();
    let numbers: Vec<_> = left.iter().map(|seen| (seen.ssrc, seen.pt, seen.sequence, seen.number)).collect();
    assert_eq!(numbers, [(SSRC, 96, 100, Some(0)), (SOUND, 111, 70, Some(1)), (SSRC, 96, 101, Some(2))]);
    assert_eq!(scene.ours.bytes(), left.iter().map(|seen| seen.length as u64).sum::<u64>());
    scene.picture(101, 1000);
    assert_eq!(scene.left(), [], "one number is never used twice");
}

#[test]
fn nothing_leaves_before_there_are_keys_or_where_there_is_no_stream() {
    let mut scene = Scene::new(true);
    assert!(!scene.write(2, 1, &[1].into(), FORMATS));
    scene.ours.put(0, None);
    assert!(!scene.write(0, 1, &[1].into(), FORMATS));
    scene.ours.seal = None;
    assert!(!scene.write(1, 1, &[1].into(), FORMATS));
    assert_eq!(scene.left(), []);
}

#[test]
fn what_is_missing_is_sent_again_once_in_a_round_trip_and_not_for_ever() {
    let mut scene = Scene::new(true);
    (100..120).for_each(|sequence| scene.picture(sequence, 1000));
    scene.left();
    scene.miss(105, 0b1);
    let again = scene.left();
    assert_eq!(again.iter().map(|seen| (seen.pt, seen.ssrc)).collect::<Vec<_>>(), [(97, RTX); 2]);
    assert_eq!(again[1].sequence, again[0].sequence + 1);
    scene.miss(105, 0);
    assert_eq!(scene.left(), [], "the first may still arrive");
    scene.pass(Duration::from_millis(30));
    scene.left();
    scene.miss(105, 0);
    assert_eq!(scene.left().len(), 1);
    scene.miss(500, 0xffff);
    scene.pass(Duration::from_secs(2));
    scene.left();
    scene.miss(106, 0);
    assert_eq!(scene.left(), [], "never sent, and sent long ago");
}

#[test]
fn key_frames_are_asked_for_and_repeated_requests_are_one() {
    let mut scene = Scene::new(true);
    scene.picture(1, 10);
    scene.told();
    let asked = |scene: &mut Scene, first: [u8; 2], words: &[u32]| {
        scene.say(first, words);
        scene.told().iter().filter(|event| matches!(event, Event::KeyFrameWanted { section: 0 })).count()
    };
    assert_eq!(asked(&mut scene, [0x81, 206], &[1, SSRC]), 1);
    assert_eq!(asked(&mut scene, [0x84, 206], &[1, 0, SSRC, 7 << 24]), 1);
    assert_eq!(asked(&mut scene, [0x84, 206], &[1, 0, SSRC, 7 << 24]), 0, "the same again");
    assert_eq!(asked(&mut scene, [0x84, 206], &[1, 0, SSRC, 8 << 24]), 1);
    assert_eq!(asked(&mut scene, [0x81, 206], &[1, SSRC + 1]), 0);
}

#[test]
fn what_is_said_about_the_clients_own_streams_is_left_to_the_stack() {
    let mut scene = Scene::new(true);
    assert!(scene.say([0x80, 200], &[9, 0, 0, 0, 0, 0]));
    assert!(!scene.say([0x80, 201], &[9]));
    let unsealed = scene.ours.handle_rtcp(scene.now, &[0x80, 201, 0, 1, 0, 0, 0, 9]);
    assert_eq!(unsealed, Err(Dropped::ControlSeal));
    let mut broken = vec![0x80, 201, 0, 1, 0, 0, 0, 9, 0x80, 201, 0, 9];
    scene.theirs.rtcp(&mut broken);
    assert_eq!(scene.ours.handle_rtcp(scene.now, &broken), Err(Dropped::ControlGarbage));
    assert_eq!(scene.ours.handle_rtcp(scene.now, &broken), Err(Dropped::ControlSeal), "the same again");
}

#[test]
fn the_time_of_each_stream_is_told_soon_and_again() {
    let mut scene = Scene::new(true);
    scene.picture(1, 100);
    scene.sound(1);
    scene.pass(Duration::from_millis(150));
    let [first] = &scene.reported()[..] else { panic!("one report") };
    let word = |at: usize| u32::from_be_bytes(*first[at..].first_chunk().unwrap());
    assert_eq!((first[1], word(4)), (200, SSRC));
    assert_eq!(u64::from(word(8)), 1_700_000_000 + header::NTP_TO_UNIX);
    assert_eq!(word(16), 3000 + 9000, "a tenth of a second later");
    assert_eq!((word(20), word(24)), (1, 100));
    scene.pass(Duration::from_secs(3));
    assert_eq!(scene.reported().len(), 3);
    scene.pass(Duration::from_secs(20));
    scene.reported();
    scene.pass(Duration::from_secs(20));
    assert_eq!(scene.reported().len(), 0, "of a stream that stopped nothing is told");
}

#[test]
fn round_trips_and_losses_come_from_the_clients_reports() {
    let mut scene = Scene::new(true);
    (1..=100).for_each(|sequence| scene.picture(sequence, 100));
    scene.pass(Duration::from_millis(150));
    let report = scene.reported().remove(0);
    let last = u32::from_be_bytes(*report[10..].first_chunk().unwrap());
    let hear = |scene: &mut Scene, highest, lost| scene.say([0x81, 201], &[9, SSRC, lost, highest, 0, last, 0]);
    scene.now = scene.begun + Duration::from_millis(200);
    hear(&mut scene, 50, 0);
    scene.pass(Duration::from_secs(5));
    hear(&mut scene, 100, 10);
    scene.pass(Duration::from_secs(5));
    let reports: Vec<Report> = scene
        .told()
        .into_iter()
        .filter_map(|event| if let Event::Report(report) = event { Some(report) } else { None })
        .collect();
    let [first, second] = &reports[..] else { panic!("{reports:?}") };
    assert_eq!((first.section, first.up, first.packets, first.bytes), (0, false, 100, 10_000));
    let rtt = first.rtt.unwrap();
    assert!((Duration::from_millis(99)..Duration::from_millis(101)).contains(&rtt), "{rtt:?}");
    assert_eq!((first.loss, second.loss), (None, Some(0.2)));
}

#[test]
fn pictures_that_are_paced_wait_and_sound_does_not() {
    let mut scene = Scene::new(true);
    scene.ours.pace(true);
    (1..=100).for_each(|sequence| scene.picture(sequence, 1000));
    scene.sound(1);
    let at_once = scene.left();
    assert!(at_once.iter().any(|seen| seen.ssrc == SOUND));
    assert!(at_once.len() < 10, "{}", at_once.len());
    assert_eq!(scene.ours.waiting(0), 101 - at_once.len());
    scene.pass(Duration::from_millis(50));
    let bytes: usize = scene.left().iter().map(|seen| seen.length).sum();
    let most = 5_500_000 / 8 / 20;
    assert!((most * 8 / 10..most * 11 / 10).contains(&bytes), "{bytes} of {most} in 50 ms");
    scene.ours.pace(false);
    scene.pass(Duration::from_millis(5));
    assert_eq!(scene.ours.waiting(0), 0);
    let last = scene.left().last().map(|seen| seen.sequence);
    assert_eq!(last, Some(100), "in their order");
}

#[test]
fn what_waits_is_gone_with_its_stream() {
    let mut scene = Scene::new(true);
    scene.ours.pace(true);
    (1..=50).for_each(|sequence| scene.picture(sequence, 1000));
    scene.ours.put(0, None);
    scene.left();
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.left(), []);
    assert_eq!(scene.ours.waiting_bytes, 0);
}

#[test]
fn who_was_away_gets_nothing_that_waited_and_is_believed_to_be_reached_as_before() {
    let mut scene = Scene::new(true);
    scene.picture(1, 100);
    scene.say([0x8f, 205], &[9, SSRC, 1, 0, 0x2001_0400]);
    scene.ours.pace(true);
    for sequence in 2..=100 {
        scene.picture(sequence, 1000);
        scene.pass(Duration::from_millis(150));
    }
    (101..=150).for_each(|sequence| scene.picture(sequence, 1000));
    let believed = |scene: &Scene| scene.ours.estimator.as_ref().map(|estimator| estimator.estimate());
    assert!(believed(&scene).is_some_and(|bits| bits < 100_000), "nobody answers");
    scene.ours.start_over(scene.now);
    assert_eq!((believed(&scene), scene.ours.waiting(0)), (Some(5_000_000), 0));
    assert!(matches!(scene.told().last(), Some(Event::Bandwidth(5_000_000))));
    scene.left();
    scene.pass(Duration::from_secs(1));
    assert!(!scene.left().iter().any(|seen| seen.ssrc == SSRC));
    scene.picture(151, 1000);
    assert_eq!(scene.left().len(), 1);
}

#[test]
fn who_was_away_and_is_sent_nothing_is_tried_again_all_the_same() {
    for has_spoken in [true, false] {
        let mut scene = Scene::new(true);
        scene.picture(1, 100);
        if has_spoken {
            scene.say([0x8f, 205], &[9, SSRC, 1, 0, 0x2001_0400]);
        }
        scene.ours.start_over(scene.now);
        scene.ours.seek(scene.now, 0, 20_000_000);
        scene.left();
        scene.pass(Duration::from_millis(1_900));
        assert_eq!(scene.left(), []);
        scene.pass(Duration::from_millis(200));
        assert_eq!(scene.left().iter().any(|seen| seen.ssrc == RTX), has_spoken);
    }
}

#[test]
fn padding_keeps_the_line_up_to_what_is_asked_while_pictures_come() {
    let mut scene = Scene::new(true);
    scene.ours.seek(scene.now, 400_000, 400_000);
    scene.picture(1, 1000);
    scene.pass(Duration::from_secs(1));
    let padding: Vec<_> = scene.left().into_iter().filter(|seen| seen.ssrc == RTX).collect();
    let bits: usize = padding.iter().map(|seen| seen.length * 8).sum();
    assert!((350_000..450_000).contains(&bits), "{bits}");
    scene.pass(Duration::from_secs(5));
    scene.left();
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.left(), [], "no pictures come");
    scene.ours.seek(scene.now, 0, 0);
    scene.picture(2, 1000);
    scene.left();
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.left(), []);
}

#[test]
fn padding_without_anything_to_repeat_is_padding() {
    let mut scene = Scene::new(true);
    let (number, sent) = scene.ours.stamp(scene.now, 0);
    let seal = scene.ours.seal.as_ref().unwrap();
    let source = scene.ours.sources[0].as_mut().unwrap();
    let filler = source.filler(seal, (1, 0), number, sent).unwrap();
    let next = source.filler(seal, (2, 0), number, sent).unwrap();
    assert_eq!(filler[0] & 0x20, 0x20);
    let (filler, next) = (seen(&filler).unwrap(), seen(&next).unwrap());
    assert_eq!((filler.pt, filler.ssrc, next.sequence), (97, RTX, filler.sequence + 1));
    assert_eq!(filler.length, 12 + 8 + 252 + 16);
}

#[test]
fn more_is_found_by_probing_once_the_client_tells_of_packets() {
    let mut scene = Scene::new(true);
    scene.ours.seek(scene.now, 0, 20_000_000);
    let mut all: Vec<(Instant, Seen)> = Vec::new();
    let (mut told, mut sequence) = (0, 0);
    for _ in 0..60 {
        sequence += 1;
        scene.picture(sequence, 1000);
        for _ in 0..20 {
            scene.pass(Duration::from_millis(1));
            let now = scene.now;
            all.extend(scene.left().into_iter().map(|seen| (now, seen)));
        }
        // All that left in a row arrives in time: two bytes for each.
        let news = &all[told..];
        let count = u32::try_from(news.len()).unwrap();
        let first = u32::from(news[0].1.number.unwrap());
        let ticks = |at: Instant| u32::try_from((at - scene.begun).as_micros() / 250).unwrap();
        // The reference of every message is zero, so the first delta is the time since the beginning; it fits for eight seconds.
        let (mut before, mut bytes) = (0, Vec::new());
        // A run of so many that arrived, with deltas of two bytes.
        bytes.extend(&(0x4000 | count).to_be_bytes()[2..]);
        for (at, _) in news {
            let delta = ticks(*at) - before;
            before += delta;
            bytes.extend(u16::try_from(delta).unwrap().to_be_bytes());
        }
        while bytes.len() % 4 != 0 {
            bytes.push(0);
        }
        let mut words = vec![9, SSRC, first << 16 | count, 0];
        words.extend(bytes.chunks(4).map(|word| u32::from_be_bytes(*word.first_chunk().unwrap())));
        told = all.len();
        scene.say([0x8f, 205], &words);
    }
    let best = scene
        .told()
        .into_iter()
        .filter_map(|event| if let Event::Bandwidth(bits) = event { Some(bits) } else { None })
        .max();
    assert!(best.is_some_and(|bits| bits > 10_000_000), "{best:?}");
    assert!(all.iter().any(|(_, seen)| seen.ssrc == RTX), "nothing was probed");
}

#[test]
fn the_word_of_a_client_counts_only_if_it_tells_of_no_single_packets() {
    let mut scene = Scene::new(false);
    assert!(scene.told().is_empty(), "nothing is known of the way");
    scene.picture(1, 100);
    let remb = |scene: &mut Scene| {
        scene.say([0x8f, 206], &[9, 0, u32::from_be_bytes(*b"REMB"), 1 << 24 | 1 << 18 | 150_000, SSRC]);
        scene.told().into_iter().any(|event| matches!(event, Event::Bandwidth(300_000)))
    };
    assert!(remb(&mut scene));
    let mut scene = Scene::new(true);
    assert!(matches!(scene.told()[..], [Event::Bandwidth(5_000_000)]), "what is believed at first");
    scene.picture(1, 100);
    scene.say([0x8f, 205], &[9, SSRC, 1, 0, 0x2001_0400]);
    assert!(!remb(&mut scene));
}

#[test]
fn pictures_are_paced_by_the_word_of_a_client_that_tells_of_no_single_packets() {
    let mut scene = Scene::new(true);
    scene.ours.pace(true);
    scene.say([0x8f, 206], &[9, 0, u32::from_be_bytes(*b"REMB"), 1 << 24 | 1 << 18 | 150_000, SSRC]);
    (1..=30).for_each(|sequence| scene.picture(sequence, 1000));
    scene.pass(Duration::from_millis(500));
    let bits: usize = scene.left().iter().map(|seen| seen.length * 8).sum();
    assert!((150_000..180_000).contains(&bits), "{bits} in half a second");

    scene.say([0x8f, 205], &[9, SSRC, 1, 0, 0x2001_0400]);
    scene.pass(Duration::from_millis(50));
    assert_eq!(scene.ours.waiting(0), 0, "what it tells of packets is better knowledge");
}

#[test]
fn nothing_that_a_client_says_leads_to_more_than_it_can_bear() {
    let mut scene = Scene::new(true);
    (1..=400).for_each(|sequence| scene.picture(sequence, 1000));
    scene.left();
    for _ in 0..50 {
        let words: Vec<u32> = [9, SSRC].into_iter().chain((0..400).map(|step| (step * 17) << 16 | 0xffff)).collect();
        scene.say([0x81, 205], &words);
    }
    assert!(scene.left().len() <= 400, "each once");
}
