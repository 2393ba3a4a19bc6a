//! What a client's camera and microphone send, and how it makes do with what the uplink carries.

use super::super::coding;
use super::super::descriptor::Descriptor;
use super::super::film::{Codec, OPUS, RED, Shot, Sound};
use super::Peer;
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate;
use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite};

/// Layers a camera has: rid, quality, packets of a picture, bytes of a packet.
pub(super) const LAYERS: [(&str, u8, u32, usize); 2] = [("q", 0, 1, 250), ("h", 1, 2, 700)];

/// Every so many pictures a second temporal layer has one.
const TEMPORAL_PERIOD: u32 = 2;

/// A picture and two sounds of 40 ms each.
pub(crate) const FRAME: Duration = Duration::from_millis(80);

/// What all layers and the sound take, in bits per second of payload: below that the upper layer is not sent.
pub(crate) const FULL: u64 = 200_000;

/// From so much on the upper layer is sent again, so that it does not come and go.
const FULL_AGAIN: u64 = FULL * 6 / 5;

/// And only after so long, in which an estimate that was too high falls.
const CONFIDENCE: Duration = Duration::from_secs(1);

/// How long it makes do with the lower layer before it tries whether there is room again.
const RETRY: Duration = Duration::from_secs(5);

/// Chromium begins with that, in bits per second.
pub(super) const FIRST_ESTIMATE: u64 = 300_000;

/// How a camera is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coding {
    pub(crate) codec: Codec,
    /// All sizes in one stream; else each in its own.
    pub(crate) scalable: bool,
}

impl Coding {
    pub(crate) const VP8: Self = Self { codec: Codec::Vp8, scalable: false };
}

/// Where the encoder of a stream is.
#[derive(Debug, Clone, Copy, Default)]
struct Encoder {
    sequence: u64,
    /// Counts pictures, with AV1 those of each layer.
    picture: u16,
    /// Counts pictures of the temporal layer 0.
    base: u8,
    /// Where templates begin, which every new structure moves.
    templates: u8,
    /// It was told that there is only the smaller size.
    told_reduced: bool,
}

/// What it sends.
#[derive(Debug, Default)]
pub(crate) struct Camera {
    pub(crate) microphone: Option<Mid>,
    pub(crate) video: Option<Mid>,
    /// Counts publications.
    pub(crate) number: u8,
    pub(crate) coding: Option<Coding>,
    frame: u32,
    /// Pictures since the last key picture.
    since_key: u32,
    encoders: [Encoder; 2],
    pub(crate) sounds: u32,
    key_frame: bool,
    pub(crate) next: Option<Instant>,
    /// Sound and pictures of these numbers were sent while the track was muted.
    pub(crate) muted_sounds: Vec<(u32, u32)>,
    pub(crate) sid: Option<String>,
    pub(crate) muted: bool,
    /// Only the lower layer is sent, for want of bandwidth.
    pub(crate) reduced: bool,
}

impl Camera {
    /// The next publication, on those sections.
    pub(super) fn again(&self, microphone: Mid, video: Mid, coding: Coding, reduced: bool, now: Instant) -> Self {
        Self {
            microphone: Some(microphone),
            video: Some(video),
            number: self.number + 1,
            coding: Some(coding),
            // No two encoders begin at the same number, or with the same templates.
            encoders: [0, 1].map(|layer| Encoder {
                picture: u16::from(layer) * 500,
                templates: layer * 10,
                ..Encoder::default()
            }),
            key_frame: true,
            next: Some(now),
            reduced,
            ..self.kept()
        }
    }

    /// It sends nothing any more.
    pub(super) fn stopped(&self) -> Self {
        Self { number: self.number, ..self.kept() }
    }

    /// What outlasts a publication.
    fn kept(&self) -> Self {
        Self { muted_sounds: self.muted_sounds.clone(), sounds: self.sounds, ..Self::default() }
    }
}

impl Peer {
    /// Somebody needs a key frame of it.
    pub(crate) fn key_frame_asked(&mut self) {
        self.camera.key_frame = true;
    }

    /// The uplink carries about so much, in bits per second, as far as its stack can tell from what the server reports.
    pub(crate) fn estimated(&mut self, estimate: u64, now: Instant) {
        self.estimates.push((now, estimate));
        self.enough_since = self.enough_since.filter(|_| estimate >= FULL_AGAIN);
        if estimate >= FULL_AGAIN {
            self.enough_since.get_or_insert(now);
        }
        if estimate < FULL && !self.camera.reduced {
            self.camera.reduced = true;
            self.anew = now + RETRY;
        }
    }

    /// Goes back to all layers once there has been room for a while. Every so often it looks whether there is by estimating anew:
    /// what its stack believes of a slow line it may hold on to forever.
    fn strive(&mut self, now: Instant) {
        if !self.camera.reduced {
            return;
        }
        if self.enough_since.is_some_and(|since| now >= since + CONFIDENCE) {
            // The upper layer begins with a key picture, and one encoder makes both.
            self.camera.reduced = false;
            self.camera.key_frame = true;
        } else if now >= self.anew {
            self.anew = now + RETRY;
            self.main.rtc.bwe().reset(Bitrate::bps(FIRST_ESTIMATE));
        }
    }

    /// The next picture and the sound that goes with it.
    pub(crate) fn shoot(&mut self, now: Instant) {
        let Some(next) = self.camera.next.filter(|next| *next <= now) else { return };
        self.camera.next = Some(next + FRAME);
        if !self.connected {
            return;
        }
        self.strive(now);
        self.shoot_picture(now);
        let camera = &mut self.camera;
        for half in 0..2u32 {
            camera.sounds += 1;
            let Some(mid) = camera.microphone else { continue };
            let mut api = self.main.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else { continue };
            let values = ExtensionValues { audio_level: Some(-20), voice_activity: Some(true), ..Default::default() };
            let sound = Sound { publisher: self.number, number: camera.sounds };
            let time = camera.frame.wrapping_mul(2 * Sound::STEP).wrapping_add(half * Sound::STEP);
            let number = u64::from(camera.sounds).into();
            let (format, payload) = if self.knows.red {
                (RED, sound.repeating(Sound { number: sound.number - 1, ..sound }))
            } else {
                (OPUS, sound.payload())
            };
            let write = RtpWrite::new(Pt::new_with_value(format), number, time, now, payload);
            stream.write_rtp(write.ext_vals(values));
        }
        self.main.flush(now);
        self.main.due = now;
    }

    fn shoot_picture(&mut self, now: Instant) {
        let camera = &mut self.camera;
        let Some((coding, mid)) = camera.coding.zip(camera.video) else { return };
        let key_frame = std::mem::take(&mut camera.key_frame);
        camera.frame += 1;
        camera.since_key = if key_frame { 0 } else { camera.since_key + 1 };
        // Browsers send H264 without temporal layers.
        let layered = coding.codec != Codec::H264;
        let temporal = u8::from(layered && !camera.since_key.is_multiple_of(TEMPORAL_PERIOD));
        let sizes = if camera.reduced { 1 } else { LAYERS.len() };
        for (index, (rid, layer, packets, size)) in LAYERS.into_iter().take(sizes).enumerate() {
            let camera = &mut self.camera;
            let encoder = &mut camera.encoders[if coding.scalable { 0 } else { index }];
            let opens = index == 0 || !coding.scalable;
            if opens {
                encoder.base = encoder.base.wrapping_add(u8::from(temporal == 0));
            }
            if opens && key_frame {
                encoder.templates = (encoder.templates + coding::templates(coding.scalable)) % 64;
            }
            if opens || coding.codec == Codec::Av1 {
                encoder.picture = encoder.picture.wrapping_add(1);
            }
            for packet in 0..packets {
                encoder.sequence += 1;
                let last = packet + 1 == packets;
                let shot = Shot {
                    codec: coding.codec,
                    scalable: coding.scalable,
                    publisher: self.number,
                    camera: camera.number,
                    layer,
                    frame: camera.frame,
                    first: packet == 0,
                    last,
                    key_frame,
                    temporal,
                    id: encoder.picture,
                    base: encoder.base,
                    picture_id: encoder.picture,
                    base_index: encoder.base,
                    marker: last && (!coding.scalable || index + 1 == sizes),
                };
                let news = coding.scalable && (camera.reduced && key_frame || camera.reduced != encoder.told_reduced);
                let reduced = (news && shot.first && index == 0).then_some(camera.reduced);
                encoder.told_reduced = camera.reduced;
                let mut api = self.main.rtc.direct_api();
                let rid = Some(Rid::from(rid)).filter(|_| !coding.scalable);
                let Some(stream) = api.stream_tx_by_mid(mid, rid) else { continue };
                let pt = Pt::new_with_value(coding.codec.payload_type());
                let time = camera.frame.wrapping_mul(7200);
                let mut values = ExtensionValues::default();
                if let Some(descriptor) = shot.descriptor(encoder.templates, reduced) {
                    values.user_values.set(Descriptor(descriptor));
                }
                let write = RtpWrite::new(pt, encoder.sequence.into(), time, now, shot.payload(size));
                stream.write_rtp(write.marker(shot.marker).nackable(true).ext_vals(values));
            }
            self.main.flush(now);
        }
    }
}
