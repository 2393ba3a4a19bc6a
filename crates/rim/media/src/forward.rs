//! The packet path of one room: which packet goes to whom, and as what.

mod account;
mod bandwidth;

pub(crate) use account::Window;

use crate::engine::FastMap;
use crate::session::Session;
use account::Allowance;
use bandwidth::UNLIMITED;
use rtc::{Codec, DownPacket, UpPacket, Vp8Rewrite};
use sfu::allocation::CostBook;
use sfu::codec::Codec as VideoCodec;
use sfu::demand::{Announced, Demand, Setting, wish};
use sfu::dynacast::Dynacast;
use sfu::keyframes::{Keyframes, Request};
use sfu::layers::{Content, Layer, LayerSet, Liveness, Sample, Temporal, Wish};
use sfu::level::{Level, LevelConfig};
use sfu::munger::{Munger, Reports, Rtp, SenderReport, Vp8Munger};
use sfu::quality::{Kind as QualityKind, Score};
use sfu::selector::{Decision, Incoming, Selector};
use sfu::vp8::Vp8;
use signal::{Kind, PeerKey, TrackKey};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Clock rates of the forwarded formats, Hz.
const AUDIO_CLOCK: u32 = 48_000;
const VIDEO_CLOCK: u32 = 90_000;

/// A publisher's clock is believed while it agrees this well with the arrival of its packets.
const CLOCK_TRUST: Duration = Duration::from_secs(10);

/// Seconds between the NTP epoch (1900) and the Unix epoch.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// One subscription.
#[derive(Debug)]
pub(crate) struct Down {
    pub(crate) peer: PeerKey,
    pub(crate) section: u16,
    /// The subscriber's connection is up; until then nothing may be written, it would only pile up.
    ready: bool,
    setting: Setting,
    demand: Demand,
    /// What the bandwidth allows, as the selector was told.
    cap: Option<Wish>,
    /// The subscriber was told that it gets nothing for want of bandwidth.
    told_paused: bool,
    selector: Selector,
    munger: Munger,
    pictures: Vp8Munger,
    /// Sound: the munger follows the stream.
    following: bool,
    window: Window,
    score: Score,
}

/// A published track.
#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) owner: PeerKey,
    pub(crate) section: u16,
    pub(crate) kind: Kind,
    muted: bool,
    announced: Vec<Announced>,
    liveness: Liveness,
    prices: CostBook,
    screen: bool,
    /// Subscribers who get nothing for want of bandwidth, or again something, and have to be told.
    paused: Vec<(PeerKey, bool)>,
    pub(crate) keyframes: Keyframes,
    dynacast: Dynacast<PeerKey>,
    level: Option<Level>,
    allowance: Allowance,
    reports: Reports,
    pub(crate) window: Window,
    score: Score,
    /// Published or unmuted then: the first window says nothing.
    since: Instant,
    pub(crate) downs: Vec<Down>,
}

/// A publisher's wall clock, fixed to ours at its first sender report: the same shift for all its tracks, or they would
/// drift apart (media-protocol.md section 15.7).
#[derive(Debug, Clone, Copy)]
struct PublisherClock {
    ntp_micros: u64,
    ours: Instant,
}

/// What happened that others must hear of.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The best layer wanted of a track changed.
    pub(crate) wanted: Vec<(TrackKey, Option<u8>)>,
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
    /// For first sequence numbers and timestamps, which only have to differ.
    counter: u32,
    excess: metrics::Counter,
}

impl Default for Forward {
    fn default() -> Self {
        Self {
            tracks: FastMap::default(),
            clocks: FastMap::default(),
            counter: 0,
            excess: metrics::counter!("media_drops_total", "reason" => "excess"),
        }
    }
}

impl Forward {
    pub(crate) fn publish(&mut self, key: TrackKey, up: Published, now: Instant) {
        let audio = up.kind == Kind::Audio;
        let content = if up.screen { Content::Screen } else { Content::Camera };
        let quality = if audio { QualityKind::Opus { fec: true } } else { QualityKind::Video };
        self.tracks.insert(
            key,
            Up {
                owner: up.owner,
                section: up.section,
                kind: up.kind,
                muted: up.muted,
                announced: announced(&up.layers),
                liveness: Liveness::new(content),
                prices: CostBook::default(),
                screen: up.screen,
                paused: Vec::new(),
                keyframes: Keyframes::new(),
                dynacast: Dynacast::new(now),
                level: audio.then(|| Level::new(LevelConfig::default(), AUDIO_CLOCK)),
                allowance: Allowance::new(up.kind),
                reports: Reports::default(),
                window: Window::default(),
                score: Score::new(quality),
                since: now,
                downs: Vec::new(),
            },
        );
    }

    pub(crate) fn unpublish(&mut self, key: TrackKey) {
        self.tracks.remove(&key);
    }

    /// Somebody is gone, as a publisher and as a subscriber.
    pub(crate) fn forget_subscriber(&mut self, peer: PeerKey, now: Instant) {
        self.clocks.remove(&peer);
        for track in self.tracks.values_mut() {
            let before = track.downs.len();
            track.downs.retain(|down| down.peer != peer);
            if track.downs.len() != before {
                track.dynacast.remove(&peer, now);
            }
        }
    }

    pub(crate) fn set_layers(&mut self, key: TrackKey, layers: &[signal::Layer], now: Instant) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        track.announced = announced(layers);
        for index in 0..track.downs.len() {
            track.rewish(index, now);
        }
    }

    pub(crate) fn set_muted(&mut self, key: TrackKey, muted: bool, now: Instant) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        if std::mem::replace(&mut track.muted, muted) == muted {
            return;
        }
        track.since = now;
        if muted {
            if let Some(level) = &mut track.level {
                level.reset();
            }
            track.liveness.set_enabled(LayerSet::NONE);
        } else {
            let layers = track.dynacast.current().layers();
            track.liveness.set_enabled(layers);
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
            if ready && let Some(layer) = down.selector.needs_key_frame(now) {
                track.keyframes.request(layer);
            }
            track.collect(*key, now, news);
        }
    }

    pub(crate) fn bind(
        &mut self,
        key: TrackKey,
        peer: PeerKey,
        section: u16,
        setting: Setting,
        ready: bool,
        now: Instant,
    ) {
        self.counter = self.counter.wrapping_add(0x9E37_79B9);
        let first = Rtp { seq: u64::from(self.counter & 0x3fff) + 1, timestamp: self.counter };
        let Some(track) = self.tracks.get_mut(&key) else { return };
        track.downs.retain(|down| down.peer != peer);
        let audio = track.kind == Kind::Audio;
        let wanted = track.wish_of(&setting);
        track.downs.push(Down {
            peer,
            section,
            ready,
            setting,
            demand: Demand::new(wanted),
            cap: UNLIMITED,
            told_paused: false,
            selector: Selector::new(wanted, track.liveness.running()),
            munger: Munger::new(if audio { AUDIO_CLOCK } else { VIDEO_CLOCK }, first),
            pictures: Vp8Munger::new(),
            following: false,
            window: Window::default(),
            score: Score::new(if audio { QualityKind::Opus { fec: true } } else { QualityKind::Video }),
        });
        track.dynacast.set(peer, wanted.map(|wish| wish.layer), now);
    }

    pub(crate) fn unbind(&mut self, key: TrackKey, peer: PeerKey, now: Instant) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        track.downs.retain(|down| down.peer != peer);
        track.dynacast.remove(&peer, now);
    }

    pub(crate) fn set_setting(&mut self, key: TrackKey, peer: PeerKey, setting: Setting, now: Instant) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let Some(index) = track.downs.iter().position(|down| down.peer == peer) else { return };
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
        if let Some(layer) = down.selector.current().or(down.selector.target()) {
            track.keyframes.request(layer);
        }
    }

    /// Sends one packet to everybody who gets it. `written` is called for each connection that
    /// has output now and had none before; the flag says whether it is the subscriber's of two.
    pub(crate) fn packet(
        &mut self,
        key: TrackKey,
        packet: &UpPacket,
        sessions: &mut FastMap<PeerKey, Session>,
        now: Instant,
        mut written: impl FnMut(PeerKey, bool),
    ) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        if !track.allowance.take(packet.payload.len(), now) {
            self.excess.increment(1);
            return;
        }
        track.window.packets = track.window.packets.saturating_add(1);
        if track.muted {
            return;
        }
        let Some(layer) = Layer::from_index(usize::from(packet.layer)) else { return };
        let rtp = Rtp { seq: packet.sequence, timestamp: packet.timestamp };
        let clock = if track.kind == Kind::Audio { AUDIO_CLOCK } else { VIDEO_CLOCK };
        let mut wallclock = packet.arrival;
        if let Some(report) = packet.sender_report {
            track.reports[layer.index()] = Some(SenderReport { ntp: ntp_of(report.ntp_micros), rtp: report.rtp });
            let known = self
                .clocks
                .entry(track.owner)
                .or_insert(PublisherClock { ntp_micros: report.ntp_micros, ours: packet.arrival });
            wallclock = captured(known, &report, packet.timestamp, clock)
                .filter(|at| distance(*at, packet.arrival) < CLOCK_TRUST)
                .unwrap_or(packet.arrival);
        }
        if let (Some(level), Some(loudness)) = (&mut track.level, packet.audio_level) {
            level.observe(loudness, packet.timestamp, now);
        }
        if track.kind == Kind::Audio {
            for down in &mut track.downs {
                if down.setting.disabled || !down.ready {
                    continue;
                }
                let out = if down.following {
                    down.munger.forward(rtp, now)
                } else {
                    let out = down.munger.switch(layer, rtp, &track.reports, now);
                    down.following = out.is_some();
                    out
                };
                if let Some(out) = out {
                    down.send(packet, out, None, wallclock, sessions, &mut written);
                }
            }
            return;
        }
        let vp8 = if packet.codec == Codec::Vp8 { Vp8::parse(&packet.payload) } else { None };
        let padding = packet.payload.is_empty();
        let key_frame = match (&vp8, packet.codec) {
            (Some(vp8), _) => vp8.key_frame,
            (None, Codec::H264) => VideoCodec::H264.starts_key_frame(&packet.payload),
            _ => false,
        };
        if padding || (packet.codec == Codec::Vp8 && vp8.is_none()) {
            for down in &mut track.downs {
                if down.selector.on_padding(layer, rtp.seq) == Decision::Skip {
                    down.munger.skip(rtp.seq);
                }
            }
            return;
        }
        let temporal = vp8.as_ref().map_or(Temporal::BASE, |vp8| Temporal::new(vp8.tid));
        let start_of_frame = vp8.as_ref().map_or(key_frame, |vp8| vp8.start_of_frame);
        let sample = Sample { layer, temporal, bytes: packet.payload.len(), start_of_frame };
        let layers_changed = track.liveness.on_packet(sample, now);
        if key_frame {
            track.keyframes.on_key_frame(layer);
        }
        let incoming = Incoming {
            layer,
            seq: rtp.seq,
            timestamp: rtp.timestamp,
            starts_key_frame: key_frame,
            temporal,
            layer_sync: vp8.as_ref().is_some_and(|vp8| vp8.layer_sync),
            switches_up: false,
        };
        let running = track.liveness.running();
        for down in &mut track.downs {
            if layers_changed {
                down.selector.set_running(running);
            }
            if !down.ready {
                continue;
            }
            match down.selector.on_packet(&incoming) {
                Decision::Drop | Decision::Fill => {}
                Decision::Skip => {
                    down.munger.skip(rtp.seq);
                    if let Some(vp8) = &vp8 {
                        down.pictures.skip(vp8);
                    }
                }
                Decision::Switch => match down.munger.switch(layer, rtp, &track.reports, now) {
                    Some(out) => {
                        if std::mem::take(&mut down.told_paused) {
                            track.paused.push((down.peer, false));
                        }
                        let patch = vp8.as_ref().map(|vp8| down.pictures.switch(vp8));
                        down.send(packet, out, patch, wallclock, sessions, &mut written);
                    }
                    None => down.selector.postpone(),
                },
                Decision::Forward => {
                    if let Some(out) = down.munger.forward(rtp, now) {
                        match vp8.as_ref().map(|vp8| down.pictures.forward(vp8)) {
                            Some(None) => {}
                            patch => down.send(packet, out, patch.flatten(), wallclock, sessions, &mut written),
                        }
                    }
                }
            }
            if let Some(layer) = down.selector.needs_key_frame(now) {
                track.keyframes.request(layer);
            }
        }
    }

    /// Regular work of every track.
    pub(crate) fn tick(&mut self, now: Instant, news: &mut News) {
        for (key, track) in &mut self.tracks {
            if track.kind == Kind::Audio {
                continue;
            }
            if track.liveness.handle_timeout(now) {
                let running = track.liveness.running();
                track.downs.iter_mut().for_each(|down| down.selector.set_running(running));
            }
            for down in &mut track.downs {
                if down.demand.handle_timeout(now) {
                    down.selector.set_wish(down.demand.current());
                    track.dynacast.set(down.peer, down.layer(), now);
                }
                if track.muted || !down.ready {
                    continue;
                }
                if let Some(layer) = down.selector.needs_key_frame(now) {
                    track.keyframes.request(layer);
                }
            }
            track.dynacast.handle_timeout(now);
            track.collect(*key, now, news);
        }
    }

    /// News of one track right after something about it changed.
    pub(crate) fn collect(&mut self, key: TrackKey, now: Instant, news: &mut News) {
        if let Some(track) = self.tracks.get_mut(&key) {
            track.collect(key, now, news);
        }
    }

    /// Who speaks how loudly; a participant once per track.
    pub(crate) fn levels(&self, now: Instant) -> Vec<(PeerKey, f32)> {
        self.tracks
            .values()
            .filter(|track| !track.muted)
            .filter_map(|track| Some((track.owner, track.level.as_ref()?.speaking(now)?)))
            .collect()
    }

    /// Closes the quality windows: the worst score of every participant. `heard` says whether anything at all arrived
    /// from a participant during the window: a camera without pictures is not a lost connection, and clients that are
    /// told so start over (media-protocol.md section 12.3).
    pub(crate) fn scores(&mut self, now: Instant, heard: impl Fn(PeerKey) -> bool) -> BTreeMap<PeerKey, f32> {
        let mut worst: BTreeMap<PeerKey, f32> = BTreeMap::new();
        let mut note = |peer: PeerKey, score: f32| {
            worst.entry(peer).and_modify(|known| *known = known.min(score)).or_insert(score);
        };
        for track in self.tracks.values_mut() {
            let unwanted = track.kind == Kind::Video && track.downs.iter().all(|down| down.layer().is_none());
            // Silence with discontinuous transmission and a still screen send next to nothing: only losses count then.
            let idle = track.window.packets == 0 && (track.kind == Kind::Audio || unwanted);
            let fresh = now.saturating_duration_since(track.since) < sfu::quality::WINDOW;
            let quiet = track.muted || idle || fresh || track.downs.is_empty();
            let seen = track.window.close(true, heard(track.owner), quiet, false, 0.0);
            let silent = quiet || seen.expected == 0;
            track.score.update(&seen);
            note(track.owner, track.score.value());
            for down in &mut track.downs {
                let withheld = down.told_paused && !track.muted;
                let off = down.demand.current().is_none() || (!withheld && (silent || down.window.packets == 0));
                let distance = match (down.selector.wish(), down.selector.current()) {
                    (Some(wish), Some(current)) => {
                        let best = track.liveness.running().best_for(wish.layer).unwrap_or(current);
                        best.index().saturating_sub(current.index())
                    }
                    _ => 0,
                };
                #[allow(clippy::cast_precision_loss)]
                let seen = down.window.close(false, heard(down.peer), off, down.told_paused, distance as f32);
                down.score.update(&seen);
                note(down.peer, down.score.value());
            }
        }
        worst
    }

    /// A report about what a subscriber receives.
    pub(crate) fn down_report(&mut self, key: TrackKey, peer: PeerKey, report: &rtc::Report) {
        let Some(track) = self.tracks.get_mut(&key) else { return };
        let Some(down) = track.downs.iter_mut().find(|down| down.peer == peer) else { return };
        down.window.report(report);
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
    pub(crate) layers: Vec<signal::Layer>,
    pub(crate) screen: bool,
    pub(crate) muted: bool,
}

impl Up {
    fn wish_of(&self, setting: &Setting) -> Option<Wish> {
        wish(setting, &self.announced, |layer, temporal| self.liveness.frame_rate(layer, temporal))
    }

    /// A subscriber's setting or the layers changed.
    fn rewish(&mut self, index: usize, now: Instant) {
        let wanted = self.wish_of(&self.downs[index].setting);
        let down = &mut self.downs[index];
        if !down.demand.set(wanted, now) {
            return;
        }
        let current = down.demand.current();
        if current.is_none() || down.selector.wish().is_none() {
            down.munger.pause();
        }
        down.selector.set_wish(current);
        self.dynacast.set(down.peer, down.layer(), now);
        if !self.muted
            && down.ready
            && let Some(layer) = down.selector.needs_key_frame(now)
        {
            self.keyframes.request(layer);
        }
    }

    fn collect(&mut self, key: TrackKey, now: Instant, news: &mut News) {
        if self.kind == Kind::Audio {
            return;
        }
        news.paused.extend(self.paused.drain(..).map(|(peer, paused)| (peer, key, paused)));
        while let Some(update) = self.dynacast.poll_output() {
            if !self.muted {
                self.liveness.set_enabled(update.layers());
            }
            let best = update.max.map(|layer| u8::try_from(layer.index()).unwrap_or(0));
            news.wanted.push((key, best));
        }
        if self.muted {
            return;
        }
        while let Some(request) = self.keyframes.poll_output(now) {
            let (layer, hard) = match request {
                Request::Pli(layer) => (layer, false),
                Request::Fir(layer) => (layer, true),
            };
            news.key_frames.push((self.owner, self.section, u8::try_from(layer.index()).unwrap_or(0), hard));
        }
    }
}

impl Down {
    /// The best layer it wants and gets, as far as the bandwidth goes.
    fn layer(&self) -> Option<Layer> {
        self.demand.current().zip(self.cap).map(|(wish, cap)| wish.layer.min(cap.layer))
    }

    /// Packets were withheld: the numbers close up behind them, and pictures wait for a key frame.
    fn begin_anew(&mut self) {
        self.selector.restart();
        self.munger.pause();
        self.following = false;
    }

    fn send(
        &mut self,
        packet: &UpPacket,
        out: Rtp,
        patch: Option<sfu::vp8::Patch>,
        wallclock: Instant,
        sessions: &mut FastMap<PeerKey, Session>,
        written: &mut impl FnMut(PeerKey, bool),
    ) {
        let Some(session) = sessions.get_mut(&self.peer) else { return };
        self.window.packets = self.window.packets.saturating_add(1);
        let subscriber = session.subscriber.is_some();
        let connection = session.down();
        let sent = connection.peer.write(
            self.section,
            &DownPacket {
                codec: packet.codec,
                profile: packet.profile,
                sequence: out.seq,
                timestamp: out.timestamp,
                wallclock,
                marker: packet.marker,
                payload: &packet.payload,
                vp8: patch.map(|patch| Vp8Rewrite {
                    picture_id: patch.picture_id,
                    tl0_pic_idx: patch.tl0_pic_idx,
                    key_idx: patch.key_idx,
                }),
                extensions: &packet.extensions,
            },
        );
        if sent && !std::mem::replace(&mut connection.dirty, true) {
            written(self.peer, subscriber);
        }
    }
}

/// The publisher's layers for the choice by size. A single encoding is the lowest layer whatever it calls itself.
fn announced(layers: &[signal::Layer]) -> Vec<Announced> {
    let single = layers.len() == 1;
    layers
        .iter()
        .filter_map(|layer| {
            let which = if single { Layer::Low } else { Layer::from_index(usize::from(layer.quality))? };
            Some(Announced { layer: which, width: layer.width, height: layer.height })
        })
        .collect()
}

/// Microseconds since the Unix epoch as an NTP timestamp.
fn ntp_of(micros: u64) -> u64 {
    let seconds = (micros / 1_000_000).wrapping_add(NTP_TO_UNIX);
    let fraction = ((micros % 1_000_000) << 32) / 1_000_000;
    (seconds << 32) | fraction
}

/// When a packet was captured, by our clock.
fn captured(clock: &PublisherClock, report: &rtc::SenderReport, timestamp: u32, rate: u32) -> Option<Instant> {
    let ticks = i64::from(timestamp.wrapping_sub(report.rtp).cast_signed());
    let since_report = ticks * 1_000_000 / i64::from(rate);
    let since_first = i64::try_from(report.ntp_micros).ok()?.checked_sub(i64::try_from(clock.ntp_micros).ok()?)?;
    let micros = since_first.checked_add(since_report)?;
    let step = Duration::from_micros(micros.unsigned_abs());
    if micros >= 0 { clock.ours.checked_add(step) } else { clock.ours.checked_sub(step) }
}

fn distance(a: Instant, b: Instant) -> Duration {
    a.saturating_duration_since(b).max(b.saturating_duration_since(a))
}
