//! What a client can make us do, and when what waits leaves.

use super::*;
use crate::packet::Extensions;
use crate::plan::Codec;
use std::sync::Arc;
use str0m::crypto::dtls::{KeyingMaterial, SrtpProfile};

const SSRC: u32 = 0x5055_0007;
const RTX: u32 = 0x5055_0008;

/// The section pictures leave on.
const SECTION: u16 = 0;

/// Something that sends one stream of pictures, and its client.
struct Scene {
    now: Instant,
    out: Outgoing,
    client: Seal,
    hears: Open,
    sequence: u64,
}

impl Scene {
    /// Of a way that carries so many bits per second; the clock was set so long ago.
    fn new(estimate: u64, age: Duration) -> Self {
        let began = Instant::now();
        let now = began + age;
        let clock = Clock { at: began, unix: Duration::from_secs(1_700_000_000) };
        let keys = |is_client| Keys {
            profile: SrtpProfile::AEAD_AES_128_GCM,
            material: KeyingMaterial::new(&[7; 56]),
            is_client,
        };
        let mut out = Outgoing::new(clock, estimate);
        out.set_keys(&keys(false), now);
        let (client, hears) = (keys(true).seal().unwrap(), keys(true).open().unwrap());
        Self { now, out, client, hears, sequence: 0 }
    }

    /// With a stream that was agreed on.
    fn sending(estimate: u64) -> Self {
        let mut scene = Self::new(estimate, Duration::ZERO);
        scene.put();
        scene
    }

    fn put(&mut self) {
        self.out.put(SECTION, Some(Source::new(Kind::Video, SSRC, RTX, "someone".into(), 0)));
        let mut names = Names::default();
        names.number = Some(3);
        self.out.agree(SECTION, names, Some(97));
    }

    /// Writes a packet of so many bytes that was captured at that moment.
    fn write_of(&mut self, bytes: usize, wallclock: Instant) {
        let payload: Arc<[u8]> = vec![0; bytes].into();
        let packet = DownPacket {
            codec: Codec::H264,
            profile: 0,
            sequence: self.sequence,
            timestamp: 90_000,
            wallclock,
            marker: true,
            payload: &payload,
            vp8: None,
            extensions: &Extensions::default(),
            dependency: None,
            playout: None,
        };
        self.sequence += 1;
        assert!(self.out.write(self.now, SECTION, Formats { pt: 96, repair: Some(97) }, &packet));
    }

    fn write(&mut self) {
        self.write_of(1000, self.now);
    }

    /// What left.
    fn sent(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.out.poll_datagram()).collect()
    }

    /// How many packets of a source are among them.
    fn count(sent: &[Vec<u8>], ssrc: u32) -> usize {
        sent.iter().filter(|datagram| datagram[8..12] == ssrc.to_be_bytes()).count()
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.out.poll_event()).collect()
    }

    /// The client says something: kind and format of the feedback, and what follows its sender.
    fn say(&mut self, kind: u8, format: u8, words: &[u32]) {
        let mut packet = vec![0x80 | format, kind];
        packet.extend(u16::try_from(words.len() + 1).unwrap().to_be_bytes());
        packet.extend([0, 0, 0, 1]);
        packet.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        self.client.rtcp(&mut packet);
        assert!(self.out.handle_rtcp(self.now, &packet).is_ok());
    }

    /// The client misses the packets `from` and those 16 behind it.
    fn miss(&mut self, from: u32) {
        self.say(205, 1, &[SSRC, from << 16 | 0xffff]);
    }

    /// Lets time pass until that moment.
    fn run_until(&mut self, end: Instant) {
        while let Some(due) = self.out.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.out.handle_timeout(self.now);
        }
        self.now = end;
    }
}

#[test]
fn what_had_to_leave_at_once_does_not_keep_pictures_waiting_for_long() {
    let mut scene = Scene::sending(300_000);
    (0..200).for_each(|_| scene.write());
    scene.out.pace(true);
    (0..12).for_each(|row| scene.miss(17 * row));
    assert_eq!(Scene::count(&scene.sent(), RTX), 200);
    scene.write();
    assert_eq!(scene.out.waiting(SECTION), 1);
    scene.run_until(scene.now + LONGEST_WAIT);
    assert_eq!(scene.out.waiting(SECTION), 0);
}

#[test]
fn padding_comes_soon_after_media_becomes_less() {
    let mut scene = Scene::sending(2_000_000);
    scene.out.seek(scene.now, 1_000_000, 1_000_000);
    for _ in 0..500 {
        scene.write();
        scene.run_until(scene.now + Duration::from_millis(2));
    }
    assert!(Scene::count(&scene.sent(), RTX) < 2, "before the first packet of media one fits");
    for _ in 0..10 {
        scene.write();
        scene.run_until(scene.now + Duration::from_millis(100));
    }
    assert_ne!(Scene::count(&scene.sent(), RTX), 0);
}

#[test]
fn pictures_that_wait_leave_as_soon_as_the_way_is_wider() {
    let mut scene = Scene::sending(1_000_000);
    scene.out.pace(true);
    (0..3).for_each(|_| scene.write());
    assert_eq!((scene.sent().len(), scene.out.waiting(SECTION)), (1, 2));

    scene.out.estimator = Some(Box::new(Estimator::new(20_000_000)));
    scene.run_until(scene.now + Duration::from_millis(5));
    assert_eq!((scene.sent().len(), scene.out.waiting(SECTION)), (2, 0));
}

#[test]
fn what_is_missed_is_sent_again_however_long_ago_the_clock_was_set() {
    let mut scene = Scene::new(1_000_000, Duration::from_millis(u64::from(u32::MAX) - 100));
    scene.put();
    scene.write();
    for _ in 0..3 {
        scene.run_until(scene.now + Duration::from_millis(60));
        scene.sent();
        scene.say(205, 1, &[SSRC, 0]);
        assert_eq!(Scene::count(&scene.sent(), RTX), 1);
    }
    scene.run_until(scene.now + 2 * OLDEST);
    scene.say(205, 1, &[SSRC, 0]);
    assert_eq!(Scene::count(&scene.sent(), RTX), 0, "too old");
}

#[test]
fn who_misses_everything_all_the_time_does_not_get_all_of_it_all_the_time() {
    let mut scene = Scene::sending(1_000_000);
    let mut again = 0;
    for _ in 0..900 {
        scene.write();
        scene.now += Duration::from_millis(1);
        if scene.sequence.is_multiple_of(20) {
            (0..28).for_each(|row| scene.miss(17 * row));
        }
        again += Scene::count(&scene.sent(), RTX);
    }
    assert!((450..900).contains(&again), "{again} repetitions of 900 packets");
}

#[test]
fn one_wish_for_a_key_frame_is_told_however_often_it_is_repeated() {
    let mut scene = Scene::sending(1_000_000);
    scene.events();
    let commands: Vec<u32> = (0..100).flat_map(|command| [SSRC, command << 24]).collect();
    scene.say(206, 4, &[&[0], &commands[..]].concat());
    scene.say(206, 1, &[SSRC]);
    let wishes = scene.events();
    assert!(matches!(wishes[..], [Event::KeyFrameWanted { section: SECTION }]), "{} events", wishes.len());
    scene.say(206, 1, &[SSRC]);
    assert_eq!(scene.events().len(), 1, "the next one is told again");
}

#[test]
fn reports_say_what_time_it_is_also_of_what_seems_to_come_from_the_future() {
    for (ahead, behind) in [(0_i32, 50_i32), (150, 0)] {
        let mut scene = Scene::sending(1_000_000);
        let captured = scene.now + Duration::from_millis(ahead.unsigned_abs().into())
            - Duration::from_millis(behind.unsigned_abs().into());
        scene.write_of(100, captured);
        scene.sent();
        scene.run_until(scene.now + FIRST_REPORT);
        let report = scene.sent().pop().unwrap();
        let plain = scene.hears.rtcp(&report).unwrap();
        // 100 ms later, in a clock of 90 kHz.
        let expected = u32::try_from(90_000 + 90 * (100 + behind - ahead)).unwrap();
        let said = u32::from_be_bytes(plain[16..20].try_into().unwrap());
        assert!(said.abs_diff(expected) <= 1, "{said} {expected}");
    }
}

#[test]
fn the_estimate_is_told_with_the_first_packet() {
    let mut scene = Scene::sending(5_000_000);
    assert!(scene.events().is_empty());
    scene.write();
    assert!(matches!(scene.events()[..], [Event::Bandwidth(5_000_000)]));
}

#[test]
fn more_that_is_wanted_before_there_is_a_stream_is_looked_for_later() {
    let mut scene = Scene::new(1_000_000, Duration::ZERO);
    scene.out.seek(scene.now, 0, 8_000_000);
    scene.put();
    scene.write();
    scene.now += Duration::from_millis(50);
    // The packet with number 0 arrived, a tick after the reference time.
    scene.say(205, 15, &[SSRC, 1, 0, 0x2001_0100]);
    assert!(scene.out.probing.is_some());
}

#[test]
fn of_many_limits_the_last_is_told() {
    let mut scene = Scene::sending(1_000_000);
    scene.events();
    for bits in [300_000, 200_000] {
        scene.say(206, 15, &[0, u32::from_be_bytes(*b"REMB"), 0x0108_0000 | (bits / 4), SSRC]);
    }
    assert!(matches!(scene.events()[..], [Event::Bandwidth(200_000)]));
}

#[test]
fn a_probe_is_made_of_packets_that_are_counted() {
    let mut scene = Scene::sending(1_000_000);
    scene.out.put(1, Some(Source::new(Kind::Audio, SSRC + 10, RTX + 10, "someone".into(), 0)));
    scene.out.seek(scene.now, 0, 8_000_000);
    scene.write();
    scene.now += Duration::from_millis(50);
    scene.say(205, 15, &[SSRC, 1, 0, 0x2001_0100]);
    assert!(scene.out.probing.is_some());
    scene.sent();
    // Sound without numbers, as much as the whole probe.
    for sequence in 0..6 {
        let payload: Arc<[u8]> = vec![0; 1000].into();
        let packet = DownPacket {
            codec: Codec::Opus,
            profile: 0,
            sequence,
            timestamp: 0,
            wallclock: scene.now,
            marker: false,
            payload: &payload,
            vp8: None,
            extensions: &Extensions::default(),
            dependency: None,
            playout: None,
        };
        scene.out.write(scene.now, 1, Formats { pt: 111, repair: None }, &packet);
    }
    scene.run_until(scene.now + Duration::from_millis(40));
    let counted: usize = scene.sent().iter().filter(|datagram| datagram[1] & 0x7f != 111).map(Vec::len).sum();
    assert!(counted >= 4500, "{counted} of 5625 bytes at 3 Mbit/s");
}

#[test]
fn nobody_is_woken_all_the_time_for_padding_that_cannot_be() {
    let mut scene = Scene::sending(1_000_000);
    scene.out.seek(scene.now, 500_000, 500_000);
    let end = scene.now + Duration::from_secs(1);
    let mut woken = 0;
    while let Some(due) = scene.out.poll_timeout().filter(|due| *due <= end) {
        woken += 1;
        scene.now = due;
        scene.out.handle_timeout(due);
    }
    assert!(woken < 10, "{woken} times in a second");
    assert!(scene.sent().is_empty());
}
