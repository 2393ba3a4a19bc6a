//! Who is speaking, from the audio levels in packet headers (RFC 6464). Nothing is decoded, so this works for encrypted audio.

use std::time::{Duration, Instant};

/// What counts as speech.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelConfig {
    /// Loudest level that still is silence, in −dBov: smaller numbers are louder.
    pub active_level: u8,
    /// Share of an interval that has to be speech, in percent.
    pub min_percentile: u8,
    /// How long levels are collected before they are judged.
    pub interval: Duration,
    /// Over how many intervals the result is smoothed.
    pub smooth_intervals: u8,
}

impl Default for LevelConfig {
    fn default() -> Self {
        Self { active_level: 35, min_percentile: 40, interval: Duration::from_millis(400), smooth_intervals: 2 }
    }
}

/// An observer forgets the level of a track that sends nothing for this many intervals.
const STALE_INTERVALS: u32 = 2;

/// A packet that claims to be longer than this is a jump of the clock, not sound.
const LONGEST_PACKET: Duration = Duration::from_millis(400);

/// The loudness of one audio track.
#[derive(Debug, Clone)]
pub struct Level {
    config: LevelConfig,
    clock_rate: u32,
    timestamp: Option<u32>,
    observed: Duration,
    active: Duration,
    loudest: u8,
    smoothed: f32,
    last: Option<Instant>,
}

impl Level {
    /// Silent so far. `clock_rate` is that of the RTP timestamps in Hz, 48 000 for opus; 0 is taken for 1.
    pub fn new(config: LevelConfig, clock_rate: u32) -> Self {
        Self {
            config,
            clock_rate: clock_rate.max(1),
            timestamp: None,
            observed: Duration::ZERO,
            active: Duration::ZERO,
            loudest: 127,
            smoothed: 0.0,
            last: None,
        }
    }

    /// A packet arrived with this `level`, 0 (loudest) to 127 in −dBov. Packets that are late count for nothing.
    pub fn observe(&mut self, level: u8, timestamp: u32, now: Instant) {
        let before = *self.timestamp.get_or_insert(timestamp);
        let ticks = timestamp.wrapping_sub(before) as i32;
        self.last = Some(now);
        if ticks < 0 && ticks > -(self.clock_rate.min(i32::MAX as u32) as i32) {
            return;
        }
        self.timestamp = Some(timestamp);
        let micros = u64::from(ticks.unsigned_abs()) * 1_000_000 / u64::from(self.clock_rate);
        let duration = Duration::from_micros(micros);
        if ticks < 0 || duration > LONGEST_PACKET {
            return;
        }

        self.observed += duration;
        if level <= self.config.active_level {
            self.active += duration;
            self.loudest = self.loudest.min(level);
        }
        if self.observed >= self.config.interval {
            self.end_interval();
        }
    }

    /// The track was muted: silence from now on.
    pub fn reset(&mut self) {
        *self = Self::new(self.config, self.clock_rate);
    }

    /// The smoothed loudness, 0 to 1; 0 while nobody speaks or nothing arrives.
    pub fn value(&self, now: Instant) -> f32 {
        let fresh =
            self.last.is_some_and(|last| now.saturating_duration_since(last) < self.config.interval * STALE_INTERVALS);
        if fresh { self.smoothed } else { 0.0 }
    }

    /// The loudness if it is that of somebody speaking.
    pub fn speaking(&self, now: Instant) -> Option<f32> {
        Some(self.value(now)).filter(|value| *value >= linear(self.config.active_level.into()))
    }

    fn end_interval(&mut self) {
        let interval = self.config.interval.as_secs_f32();
        let active = self.active.as_secs_f32();
        if active > 0.0 && active * 100.0 >= interval * f32::from(self.config.min_percentile) {
            // Speech that fills only part of the interval is a little less loud than its loudest moment.
            let adjusted = f32::from(self.loudest) - 20.0 * (active / interval).log10();
            let weight = 2.0 / (f32::from(self.config.smooth_intervals) + 1.0);
            self.smoothed = (self.smoothed + (linear(adjusted) - self.smoothed) * weight).clamp(0.0, 1.0);
        } else {
            self.smoothed = 0.0;
        }
        self.observed = Duration::ZERO;
        self.active = Duration::ZERO;
        self.loudest = 127;
    }
}

fn linear(level: f32) -> f32 {
    10_f32.powf(-level / 20.0)
}

/// How often a room's speakers are listed.
pub const SPEAKER_INTERVAL: Duration = Duration::from_millis(400);

/// Levels are told in eighths, so that a steady voice is not news every time.
const STEPS: f32 = 8.0;

/// One entry of a speaker update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speaker<K> {
    /// Who.
    pub who: K,
    /// Loudness from 0 to 1 in steps of an eighth; 0 when they have stopped.
    pub level: f32,
    /// Whether they are speaking.
    pub active: bool,
}

/// The list of speakers of a room, and what changed in it.
#[derive(Debug, Clone)]
pub struct Speakers<K> {
    active: Vec<(K, u8)>,
}

impl<K: Ord + Clone> Default for Speakers<K> {
    fn default() -> Self {
        Self { active: Vec::new() }
    }
}

impl<K: Ord + Clone> Speakers<K> {
    /// Silence.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the current loudness of everybody who speaks ([`Level::speaking`]; a participant may appear once per track) and
    /// returns what is new: changed or new speakers first, loudest first, then those who have stopped.
    pub fn update(&mut self, levels: impl IntoIterator<Item = (K, f32)>) -> Vec<Speaker<K>> {
        let mut next: Vec<(K, u8)> = levels.into_iter().map(|(who, level)| (who, quantise(level))).collect();
        next.retain(|(_, step)| *step > 0);
        next.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        next.dedup_by(|a, b| a.0 == b.0);

        let mut changed: Vec<Speaker<K>> =
            next.iter().filter(|entry| !self.active.contains(entry)).map(Speaker::from_entry).collect();
        changed.sort_by(|a, b| b.level.total_cmp(&a.level));
        let stopped = self.active.iter().filter(|(who, _)| next.binary_search_by(|entry| entry.0.cmp(who)).is_err());
        changed.extend(stopped.map(|(who, _)| Speaker::stopped(who.clone())));
        self.active = next;
        changed
    }

    /// The current entry of `who`, for somebody who has just subscribed to them. `None` while they are silent.
    pub fn find(&self, who: &K) -> Option<Speaker<K>> {
        self.active.iter().find(|(speaker, _)| speaker == who).map(Speaker::from_entry)
    }

    /// Forgets somebody who left. Returns the entry that says they are silent, if they were speaking.
    pub fn remove(&mut self, who: &K) -> Option<Speaker<K>> {
        let index = self.active.iter().position(|(speaker, _)| speaker == who)?;
        let (who, _) = self.active.remove(index);
        Some(Speaker::stopped(who))
    }

    /// Everybody who speaks.
    pub fn iter(&self) -> impl Iterator<Item = Speaker<K>> {
        self.active.iter().map(Speaker::from_entry)
    }
}

impl<K: Clone> Speaker<K> {
    fn from_entry((who, step): &(K, u8)) -> Self {
        Self { who: who.clone(), level: f32::from(*step) / STEPS, active: true }
    }

    fn stopped(who: K) -> Self {
        Self { who, level: 0.0, active: false }
    }
}

fn quantise(level: f32) -> u8 {
    (level.clamp(0.0, 1.0) * STEPS).ceil() as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACKET: Duration = Duration::from_millis(20);

    #[test]
    fn steady_speech_is_heard_after_an_interval() {
        let mut scene = Scene::new();

        scene.hear(20, &[30]);
        assert_eq!(scene.level.speaking(scene.now), None);

        scene.hear(1, &[30]);
        let level = scene.level.speaking(scene.now).unwrap();
        assert!((level - linear(30.0) * 2.0 / 3.0).abs() < 1e-4, "two thirds of -30 dBov, not {level}");
    }

    #[test]
    fn a_level_at_the_threshold_becomes_speech_once_it_lasts() {
        let mut scene = Scene::new();

        scene.hear(400, &[34]);

        assert!(scene.level.speaking(scene.now).is_some());
    }

    #[test]
    fn a_cough_is_not_speech() {
        let mut scene = Scene::new();

        scene.hear(6, &[10]);
        scene.hear(15, &[127]);

        assert_eq!(scene.level.value(scene.now), 0.0);
    }

    #[test]
    fn silence_ends_speech() {
        let mut scene = Scene::new();
        scene.hear(41, &[20]);
        assert!(scene.level.speaking(scene.now).is_some());

        scene.hear(40, &[100]);

        assert_eq!(scene.level.speaking(scene.now), None);
    }

    #[test]
    fn a_track_that_stops_is_forgotten() {
        let mut scene = Scene::new();
        scene.hear(41, &[20]);

        assert!(scene.level.speaking(scene.now + Duration::from_millis(799)).is_some());
        assert_eq!(scene.level.speaking(scene.now + Duration::from_millis(800)), None);
    }

    #[test]
    fn muting_is_silence_at_once() {
        let mut scene = Scene::new();
        scene.hear(41, &[20]);

        scene.level.reset();

        assert_eq!(scene.level.value(scene.now), 0.0);
    }

    #[test]
    fn late_packets_count_for_nothing() {
        let mut scene = Scene::new();
        scene.hear(10, &[127]);

        for _ in 0..1000 {
            scene.level.observe(0, scene.timestamp - 960, scene.now);
        }
        scene.hear(11, &[127]);

        assert_eq!(scene.level.value(scene.now), 0.0);
    }

    #[test]
    fn a_clock_that_jumps_is_followed() {
        for jump in [1 << 30, 1 << 31, 3 << 30] {
            let mut scene = Scene::new();
            scene.hear(10, &[20]);
            scene.timestamp = scene.timestamp.wrapping_add(jump);
            scene.hear(41, &[20]);
            assert!(scene.level.speaking(scene.now).is_some());
        }
    }

    #[test]
    fn only_news_about_speakers_is_told() {
        let mut room = Speakers::new();

        assert_eq!(room.update([("ana", 0.3), ("ben", 0.9)]), [speaker("ben", 1.0), speaker("ana", 0.375)]);
        assert_eq!(room.update([("ana", 0.32), ("ben", 0.95)]), []);
        assert_eq!(room.update([("ana", 0.4)]), [speaker("ana", 0.5), Speaker::stopped("ben")]);
        assert_eq!(room.update([]), [Speaker::stopped("ana")]);
        assert_eq!(room.update([]), []);
    }

    #[test]
    fn a_participant_is_as_loud_as_its_loudest_track() {
        let mut room = Speakers::new();

        assert_eq!(room.update([("ana", 0.1), ("ana", 0.7), ("ana", 0.0)]), [speaker("ana", 0.75)]);
        assert_eq!(room.find(&"ana"), Some(speaker("ana", 0.75)));
        assert_eq!(room.remove(&"ana"), Some(Speaker::stopped("ana")));
        assert_eq!(room.iter().count(), 0);
    }

    proptest! {
        /// However a publisher lies about levels and times, its loudness stays between silence and the loudest possible.
        #[test]
        fn loudness_has_bounds(
            packets in proptest::collection::vec((any::<u8>(), any::<u32>()), 0..200),
            clock_rate in any::<u32>(),
        ) {
            let now = Instant::now();
            let mut level = Level::new(LevelConfig::default(), clock_rate);
            for (value, timestamp) in packets {
                level.observe(value, timestamp, now);
                prop_assert!((0.0..=1.0).contains(&level.value(now)));
            }
        }
    }

    fn speaker(who: &'static str, level: f32) -> Speaker<&'static str> {
        Speaker { who, level, active: true }
    }

    struct Scene {
        level: Level,
        timestamp: u32,
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            Self { level: Level::new(LevelConfig::default(), 48_000), timestamp: u32::MAX - 5000, now: Instant::now() }
        }

        fn hear(&mut self, packets: usize, levels: &[u8]) {
            for level in levels.iter().cycle().take(packets) {
                self.timestamp = self.timestamp.wrapping_add(960);
                self.now += PACKET;
                self.level.observe(*level, self.timestamp, self.now);
            }
        }
    }
}
