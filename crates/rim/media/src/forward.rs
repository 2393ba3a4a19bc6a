//! The packet path of one room: which packet goes to whom, and as what.

mod account;
mod bandwidth;
mod choice;
mod clock;
mod delay;
mod down;
mod encoding;
mod health;
mod pictures;
mod shown;
mod sound;

pub(crate) use account::Window;
pub(crate) use down::{Binding, Down, Reach};
pub(crate) use encoding::Takes;

use crate::engine::FastMap;
use crate::engine::faults::Turn;
use crate::report::More;
use crate::session::Session;
use account::Allowance;
use clock::PublisherClock;
use down::{Arrival, Way};
use encoding::{Encoding, announced};
use health::Healths;
use rtc::{PlayoutDelay, UpPacket};
use sfu::demand::Setting;
use sfu::keyframes::Request;
use sfu::layers::{Content, Layer, LayerSet};
use sfu::level::{Level, LevelConfig};
use sfu::munger::{Rtp, SenderReport};
use sfu::quality::{Kind as QualityKind, Score};
use sfu::red::Gaps;
use signal::{Codec, Kind, PeerKey, TrackKey};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Clock rates of the forwarded formats, Hz.
const AUDIO_CLOCK: u32 = 48_000;
const VIDEO_CLOCK: u32 = 90_000;

/// Seconds between the NTP epoch (1900) and the Unix epoch.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// A published track.
#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) owner: PeerKey,
    pub(crate) kind: Kind,
    muted: bool,
    /// The codecs it comes in; never empty.
    pub(crate) encodings: Vec<Encoding>,
    /// Whoever takes that one gets it.
    preferred: Option<Codec>,
    screen: bool,
    /// Subscribers who get nothing for want of bandwidth, or again something, and have to be told.
    paused: Vec<(PeerKey, bool)>,
    level: Option<Level>,
    /// Packets of pictures of which nothing could be told, since they were last counted.
    unreadable: u64,
    /// What is missing of redundant sound.
    gaps: Gaps,
    allowance: Allowance,
    pub(crate) window: Window,
    score: Score,
    pub(crate) downs: Vec<Down>,
    /// How many of them are on other shards.
    far: usize,
    /// There were many of them.
    for_many: bool,
    /// The payload of an empty packet.
    nothing: Arc<[u8]>,
}

/// What happened that others must hear of.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The best layer wanted of a track in one codec changed.
    pub(crate) wanted: Vec<(TrackKey, Codec, Option<u8>)>,
    /// Ask the owner for a key frame: (owner, section, layer, hard).
    pub(crate) key_frames: Vec<(PeerKey, u16, u8, bool)>,
    /// A subscriber gets nothing of a track for want of bandwidth (true), or again something.
    pub(crate) paused: Vec<(PeerKey, TrackKey, bool)>,
}

/// The tracks of a room.
#[derive(Debug)]
pub(crate) struct Forward {
    pub(crate) tracks: FastMap<TrackKey, Up>,
    clocks: FastMap<PeerKey, PublisherClock>,
    /// What each publisher of sound may send on all its tracks of sound.
    sounds: FastMap<PeerKey, Allowance>,
    /// Who spoke of late, and when.
    spoke: FastMap<PeerKey, Instant>,
    /// For first sequence numbers and timestamps, which only have to differ.
    counter: u32,
    /// For how long receivers keep pictures, if the room says it.
    playout: Option<PlayoutDelay>,
    healths: Healths,
    excess: metrics::Counter,
    unreadable: metrics::Counter,
}

impl Default for Forward {
    fn default() -> Self {
        Self {
            tracks: FastMap::default(),
            clocks: FastMap::default(),
            sounds: FastMap::default(),
            spoke: FastMap::default(),
            counter: 0,
            playout: None,
            healths: Healths::default(),
            excess: metrics::counter!("media_drops_total", "reason" => "excess"),
            unreadable: metrics::counter!("media_drops_total", "reason" => "picture_garbage"),
        }
    }
}

impl Forward {
    pub(crate) fn publish(&mut self, key: TrackKey, up: Published, now: Instant) {
        let audio = up.kind == Kind::Audio;
        let quality = if audio { QualityKind::Opus { fec: true } } else { QualityKind::Video };
        let content = if up.screen { Content::Screen } else { Content::Camera };
        if audio {
            self.sounds.entry(up.owner).or_insert_with(Allowance::of_all_sound);
        }
        self.tracks.insert(
            key,
            Up {
                owner: up.owner,
                kind: up.kind,
                muted: up.muted,
                encodings: vec![Encoding::new(up.section, up.codec, &up.layers, content, now)],
                preferred: None,
                screen: up.screen,
                paused: Vec::new(),
                level: audio.then(|| Level::new(LevelConfig::default(), AUDIO_CLOCK)),
                unreadable: 0,
                gaps: Gaps::default(),
                allowance: Allowance::new(up.kind),
                window: Window::default(),
                score: Score::new(quality),
                downs: Vec::new(),
                far: 0,
                for_many: false,
                nothing: Arc::new([]),
            },
        );
    }

    /// The track comes in another codec too: who took none gets this one.
    pub(crate) fn add_codec(
        &mut self,
        key: TrackKey,
        section: u16,
        codec: Codec,
        layers: &[signal::Layer],
        now: Instant,
    ) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let content = if track.screen { Content::Screen } else { Content::Camera };
        track.encodings.push(Encoding::new(section, codec, layers, content, now));
        track.choose_codecs(now);
    }

    /// The track does not come in that codec any more. The first one stays as long as the track.
    pub(crate) fn drop_codec(&mut self, key: TrackKey, codec: Codec, now: Instant) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let Some(index) = track.encodings.iter().skip(1).position(|encoding| encoding.codec == codec) else { return };
        let index = index + 1;
        track.encodings.remove(index);
        track.preferred = track.preferred.filter(|preferred| *preferred != codec);
        let moved = |known: Option<usize>| match known {
            Some(known) if known == index => None,
            Some(known) if known > index => Some(known - 1),
            known => known,
        };
        for down in &mut track.downs {
            (down.encoding, down.next) = (moved(down.encoding), moved(down.next));
        }
        track.choose_codecs(now);
    }

    /// Whoever takes that codec gets the track in it from now on.
    pub(crate) fn prefer(&mut self, key: TrackKey, codec: Codec, now: Instant) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        track.preferred = Some(codec);
        track.choose_codecs(now);
    }

    /// For how long receivers shall keep pictures before they show them; `None`: they know best.
    pub(crate) fn set_playout(&mut self, delay: Option<PlayoutDelay>) {
        self.playout = delay;
        let downs = self.tracks.values_mut().flat_map(|track| &mut track.downs);
        downs.for_each(|down| down.delay.want(None));
    }

    pub(crate) fn unpublish(&mut self, key: TrackKey) {
        self.tracks.remove(&key);
    }

    /// Somebody is gone, as a publisher and as a subscriber.
    pub(crate) fn forget_subscriber(&mut self, peer: PeerKey, now: Instant) {
        self.clocks.remove(&peer);
        self.sounds.remove(&peer);
        for track in self.tracks.values_mut() {
            track.leave(peer, now);
        }
    }

    pub(crate) fn set_layers(&mut self, key: TrackKey, codec: Codec, layers: &[signal::Layer], now: Instant) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let Some(encoding) = track.encodings.iter_mut().find(|encoding| encoding.codec == codec) else { return };
        encoding.announced = announced(layers);
        for index in 0..track.downs.len() {
            track.rewish(index, now);
        }
    }

    pub(crate) fn set_muted(&mut self, key: TrackKey, muted: bool, now: Instant) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        if std::mem::replace(&mut track.muted, muted) == muted {
            return;
        }
        if let Some(level) = track.level.as_mut().filter(|_| muted) {
            level.reset();
        }
        for encoding in &mut track.encodings {
            encoding.set_muted(muted, now);
        }
        track.downs.iter_mut().for_each(Down::begin_anew);
    }

    /// A subscriber's connection came up or failed. What it missed is left out, and pictures begin with a key frame.
    pub(crate) fn set_ready(&mut self, peer: PeerKey, ready: bool, now: Instant, news: &mut News) {
        for (key, track) in &mut self.tracks {
            let Some(down) = track.downs.iter_mut().find(|down| down.peer == peer) else { continue };
            if std::mem::replace(&mut down.ready, ready) == ready {
                continue;
            }
            down.begin_anew();
            if ready
                && let Some(encoding) = down.encoding.and_then(|index| track.encodings.get_mut(index))
                && let Some(layer) = down.selector.needs_key_frame(now)
            {
                encoding.request_key_frame(layer);
            }
            track.collect(*key, now, news);
        }
    }

    /// Somebody gets a track. `false` if it comes in no codec the subscriber takes; should it come in another one later, the
    /// subscriber gets that.
    pub(crate) fn bind(&mut self, key: TrackKey, binding: Binding, now: Instant) -> bool {
        self.counter = self.counter.wrapping_add(0x9E37_79B9);
        let first = Rtp { seq: u64::from(self.counter & 0x3fff) + 1, timestamp: self.counter };
        let Some(track) = self.tracks.get_mut(&key) else { return true };
        track.remove(binding.peer);
        let encoding = track.codec_for(binding.takes);
        let source = &track.encodings[encoding.unwrap_or(0)];
        let wanted = source.wish_of(&binding.setting);
        let mut down = Down::new(binding, track.kind, first, wanted, source.liveness.running());
        down.encoding = encoding;
        track.far += usize::from(down.far);
        track.downs.push(down);
        track.declare(track.downs.len() - 1, now);
        encoding.is_some()
    }

    pub(crate) fn unbind(&mut self, key: TrackKey, peer: PeerKey, now: Instant) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        track.leave(peer, now);
    }

    pub(crate) fn set_setting(&mut self, key: TrackKey, peer: PeerKey, setting: Setting, now: Instant) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let Some(index) = track.place_of(peer) else { return };
        let former = std::mem::replace(&mut track.downs[index].setting, setting);
        if track.kind == Kind::Audio && former.disabled != setting.disabled {
            track.downs[index].begin_anew();
        }
        track.rewish(index, now);
    }

    /// The subscriber's decoder lost its way.
    pub(crate) fn key_frame_wanted(&mut self, key: TrackKey, peer: PeerKey) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let Some(down) = track.downs.iter().find(|down| down.peer == peer) else { return };
        let Some(encoding) = down.encoding.and_then(|index| track.encodings.get_mut(index)) else { return };
        if let Some(layer) = down.selector.current().or(down.selector.target()) {
            encoding.request_key_frame(layer);
        }
    }

    /// Whether so many get a track, or could, or once did: what goes another way than before could overtake what is on its way.
    pub(crate) fn is_for_many(&mut self, key: TrackKey, many: usize) -> bool {
        self.tracks.get_mut(&key).is_some_and(|track| {
            track.for_many |= track.downs.len() >= many;
            track.for_many
        })
    }

    /// Sends packets of one track, in the order they came, to everybody who gets them. `written` is called for each
    /// subscriber who has something to send now.
    pub(crate) fn packets<'a>(
        &mut self,
        key: TrackKey,
        packets: impl Iterator<Item = &'a UpPacket>,
        reach: Reach<'_>,
        now: Instant,
        written: impl FnMut(PeerKey, &mut Session),
    ) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let mut way = Way { reach, written, now };
        track.stop_waiting(now);
        let mut pictures = Vec::new();
        if self.playout.is_some() && track.kind == Kind::Video {
            track.downs.iter_mut().for_each(|down| down.delay.want(self.playout));
        }
        let mut all_sound = self.sounds.get_mut(&track.owner).filter(|_| track.kind == Kind::Audio);
        for packet in packets {
            let length = packet.payload.len();
            let fits = track.allowance.take(length, now) && all_sound.as_mut().is_none_or(|all| all.take(length, now));
            if !fits {
                self.excess.increment(1);
                continue;
            }
            track.window.packets = track.window.packets.saturating_add(1);
            if track.muted {
                continue;
            }
            let Some(arrival) = track.arrival(packet, &mut self.clocks, now) else { continue };
            match track.kind {
                Kind::Audio => track.sound(&arrival, &mut way),
                Kind::Video => track.gather(arrival, &mut pictures, &mut way),
            }
        }
        track.pictures(&pictures, &mut way);
        self.unreadable.increment(std::mem::take(&mut track.unreadable));
    }

    /// Regular work of every track; `turn` says whose.
    pub(crate) fn tick(&mut self, now: Instant, news: &mut News, turn: &mut Turn) {
        for (key, track) in &mut self.tracks {
            *turn = Some(track.owner);
            if track.kind == Kind::Audio {
                continue;
            }
            track.stop_waiting(now);
            for (index, encoding) in track.encodings.iter_mut().enumerate() {
                if encoding.liveness.handle_timeout(now) {
                    let running = encoding.liveness.running();
                    let its = track.downs.iter_mut().filter(|down| down.encoding == Some(index));
                    its.for_each(|down| down.selector.set_running(running));
                }
                encoding.dynacast.handle_timeout(now);
            }
            for index in 0..track.downs.len() {
                // Which layers make so many pictures a second is only known while they come.
                if track.downs[index].setting.fps > 0 {
                    track.rewish(index, now);
                }
                let down = &mut track.downs[index];
                if down.demand.handle_timeout(now) {
                    down.selector.set_wish(down.demand.current());
                    track.declare(index, now);
                }
                track.ask(index, now);
            }
            track.collect(*key, now, news);
        }
        *turn = None;
    }

    /// News of one track right after something about it changed.
    pub(crate) fn collect(&mut self, key: TrackKey, now: Instant, news: &mut News) {
        if let Some(track) = self.tracks.get_mut(&key) {
            track.collect(key, now, news);
        }
    }

    /// Who speaks how loudly; a participant once per track.
    pub(crate) fn levels(&self, now: Instant, turn: &mut Turn) -> Vec<(PeerKey, f32)> {
        let mut levels = Vec::new();
        for track in self.tracks.values().filter(|track| !track.muted) {
            *turn = Some(track.owner);
            levels.extend(track.level.as_ref().and_then(|level| Some((track.owner, level.speaking(now)?))));
        }
        *turn = None;
        levels
    }

    /// Closes the quality windows: the worst score of every participant. `heard` says whether anything at all arrives from a
    /// participant: a camera without pictures is not a lost connection, and clients that are told so start over (media-protocol.md
    /// section 12.3). With whom nothing arrives nothing is as it should be, whether or not anything is sent.
    pub(crate) fn scores(
        &mut self,
        now: Instant,
        heard: impl Fn(PeerKey) -> bool,
        turn: &mut Turn,
    ) -> BTreeMap<PeerKey, f32> {
        let mut worst: BTreeMap<PeerKey, f32> = BTreeMap::new();
        let mut note = |peer: PeerKey, score: f32| {
            worst.entry(peer).and_modify(|known| *known = known.min(score)).or_insert(score);
        };
        for track in self.tracks.values_mut() {
            *turn = Some(track.owner);
            let unwanted = track.kind == Kind::Video && track.downs.iter().all(|down| down.layer().is_none());
            // Silence with discontinuous transmission and a still screen send next to nothing: only losses count then.
            let idle = track.window.packets == 0 && (track.kind == Kind::Audio || track.screen || unwanted);
            let mut begun = track.encodings.iter().map(|encoding| now.saturating_duration_since(encoding.awaited));
            let fresh = begun.any(|since| since < sfu::quality::WINDOW);
            let is_heard = heard(track.owner);
            let quiet = is_heard && (track.muted || idle || fresh || track.downs.is_empty());
            let seen = track.window.close(true, is_heard, quiet, false, 0.0);
            let silent = quiet || seen.expected == 0;
            track.score.update(&seen);
            self.healths.up(track.owner, &seen);
            note(track.owner, track.score.value());
            for down in &mut track.downs {
                *turn = Some(down.peer);
                let is_heard = heard(down.peer);
                let withheld = is_heard && down.told_paused && !track.muted;
                let off = down.demand.current().is_none() || (!withheld && (silent || down.window.packets == 0));
                let distance = match (down.selector.wish(), down.selector.current()) {
                    (Some(wish), Some(current)) => {
                        let running =
                            down.encoding.map_or(LayerSet::NONE, |index| track.encodings[index].liveness.running());
                        let best = running.best_for(wish.layer).unwrap_or(current);
                        best.index().saturating_sub(current.index())
                    }
                    _ => 0,
                };
                let (muted, paused) = (is_heard && off, is_heard && down.told_paused);
                #[allow(clippy::cast_precision_loss)]
                let seen = down.window.close(false, is_heard, muted, paused, distance as f32);
                down.score.update(&seen);
                self.healths.down(down.peer, &seen);
                note(down.peer, down.score.value());
            }
        }
        *turn = None;
        worst
    }

    /// A report about what a subscriber receives.
    pub(crate) fn down_report(&mut self, key: TrackKey, peer: PeerKey, report: &rtc::Report, more: More, now: Instant) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let Some(down) = track.downs.iter_mut().find(|down| down.peer == peer) else { return };
        down.report(report);
        down.delay.reported();
        down.gauge.take(report, more, now);
        if let Some(rtt) = report.rtt {
            down.selector.set_round_trip(rtt);
        }
    }
}

/// What [`Forward::publish`] needs to know.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) owner: PeerKey,
    pub(crate) section: u16,
    pub(crate) kind: Kind,
    pub(crate) codec: Codec,
    pub(crate) layers: Vec<signal::Layer>,
    pub(crate) screen: bool,
    pub(crate) muted: bool,
}

impl Up {
    /// What is to be known of a packet, and what it says of its stream. `None` if it is of no stream of this track.
    fn arrival<'a>(
        &mut self,
        packet: &'a UpPacket,
        clocks: &mut FastMap<PeerKey, PublisherClock>,
        now: Instant,
    ) -> Option<Arrival<'a>> {
        let index = self.encodings.iter().position(|encoding| encoding.section == packet.section)?;
        let layer = self.encodings[index].stream_of(Layer::from_index(usize::from(packet.layer))?);
        let clock = if self.kind == Kind::Audio { AUDIO_CLOCK } else { VIDEO_CLOCK };
        let mut wallclock = packet.captured.unwrap_or(packet.arrival);
        if let Some(report) = packet.sender_report {
            self.encodings[index].reports[layer.index()] =
                Some(SenderReport { ntp: ntp_of(report.ntp_micros), rtp: report.rtp });
            let new = || PublisherClock::new(&report, packet.timestamp, clock, packet.arrival);
            let known = clocks.entry(self.owner).or_insert_with(new);
            wallclock = known.captured(&report, packet.timestamp, clock, packet.arrival);
        }
        if let (Some(level), Some(loudness)) = (&mut self.level, packet.audio_level) {
            level.observe(loudness, packet.timestamp, now);
        }
        Some(Arrival { packet, layer, index, wallclock })
    }

    fn collect(&mut self, key: TrackKey, now: Instant, news: &mut News) {
        if self.kind == Kind::Audio {
            return;
        }
        news.paused.extend(self.paused.drain(..).map(|(peer, paused)| (peer, key, paused)));
        for encoding in &mut self.encodings {
            while let Some(update) = encoding.dynacast.poll_output() {
                if !self.muted {
                    encoding.liveness.set_enabled(encoding.enabled(update));
                }
                encoding.wants(update, now);
                let best = update.max.map(|layer| u8::try_from(layer.index()).unwrap_or(0));
                news.wanted.push((key, encoding.codec, best));
            }
            // Who wants a key frame now gets it when there is something to ask for one.
            if self.muted || !encoding.heard {
                continue;
            }
            while let Some(request) = encoding.keyframes.poll_output(now) {
                let (layer, hard) = match request {
                    Request::Pli(layer) => (layer, false),
                    Request::Fir(layer) => (layer, true),
                };
                let layer = u8::try_from(layer.index()).unwrap_or(0);
                news.key_frames.push((self.owner, encoding.section, layer, hard));
            }
        }
    }
}

/// Microseconds since the Unix epoch as an NTP timestamp.
fn ntp_of(micros: u64) -> u64 {
    let seconds = (micros / 1_000_000).wrapping_add(NTP_TO_UNIX);
    let fraction = ((micros % 1_000_000) << 32) / 1_000_000;
    (seconds << 32) | fraction
}
