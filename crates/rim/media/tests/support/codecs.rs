//! Clients with other codecs than VP8, and what their encoders send.

use super::descriptor::{self, Descriptor, Raw};
use super::{Client, OPUS, VP8, World};
use std::sync::Arc;
use std::time::Duration;
use str0m::media::{Direction, MediaKind, Mid, Pt, Rid, Simulcast};
use str0m::rtp::{Extension, ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Input, Rtc};
use wire::lk;
use wire::lk::signal_request::Message as Request;

/// As Chromium numbers them.
const RED: u8 = 63;
const H264: u8 = 108;
const VP9: u8 = 98;
const AV1: u8 = 45;

/// An encoder that puts all layers into one stream: where it is.
#[derive(Debug, Default)]
pub(crate) struct Scalable {
    picture: u16,
    frame: u16,
    sequence: u64,
    /// Where its templates begin, which every structure of AV1 moves.
    templates: u8,
    /// What it sends now is not sent again when it is lost.
    pub(crate) fleeting: bool,
    /// Every other picture is of a higher temporal layer.
    pub(crate) alternates: bool,
    /// What it sends of that spatial layer now is lost on its way.
    pub(crate) loses: Option<u8>,
    /// What its stream is called, as if it were one of several.
    pub(crate) rid: Option<&'static str>,
}

/// A packet a client received.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) format: u8,
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Vec<u8>,
    pub(crate) dependency: Option<Vec<u8>>,
}

impl From<&RtpPacket> for Sent {
    fn from(packet: &RtpPacket) -> Self {
        Self {
            format: *packet.header.payload_type,
            seq: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            payload: packet.payload.to_vec(),
            dependency: packet.header.ext_vals.user_values.get().map(|Descriptor(bytes)| bytes.clone()),
        }
    }
}

impl World {
    /// Joins with a client that knows Opus and VP8, and what is wished beyond that.
    pub(crate) fn join_knowing(&mut self, name: &str, more: &[&str]) -> usize {
        let rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, more.contains(&"red"))
            .enable_vp8(true)
            .enable_h264(more.contains(&"h264"))
            .enable_vp9(more.contains(&"vp9"))
            .enable_av1(more.contains(&"av1"))
            .set_extension(9, Extension::with_serializer(descriptor::URI, Raw))
            .build(self.now);
        self.join_with(name, rtc, None)
    }

    /// Publishes a camera of three sizes in one stream of that codec, and would add VP8 for those who do not take it.
    pub(crate) fn publish_scalable(&mut self, client: usize, codec: &str, policy: lk::BackupCodecPolicy) {
        self.publish_scalable_as(client, codec, policy, None);
    }

    /// The same, offered as if it were several streams.
    pub(crate) fn publish_scalable_as(
        &mut self,
        client: usize,
        codec: &str,
        policy: lk::BackupCodecPolicy,
        streams: Option<Simulcast>,
    ) {
        self.add_scalable(client, codec, policy);
        self.clients[client].video = Some(self.offer_section_of(client, MediaKind::Video, "cam", streams));
    }

    /// Ends the camera and publishes it anew on the section it had.
    pub(crate) fn publish_scalable_again(&mut self, client: usize, codec: &str, policy: lk::BackupCodecPolicy) {
        for direction in [Direction::Inactive, Direction::SendOnly] {
            if direction == Direction::SendOnly {
                self.add_scalable(client, codec, policy);
            }
            let peer = &mut self.clients[client];
            let mut api = peer.rtc.sdp_api();
            api.set_direction(peer.video.unwrap(), direction);
            let (offer, pending) = api.apply().unwrap();
            self.offer(client, offer.to_sdp_string(), pending);
            self.pass(Duration::from_secs(1));
        }
    }

    fn add_scalable(&mut self, client: usize, codec: &str, policy: lk::BackupCodecPolicy) {
        let layers = [(0, 320, 180), (1, 640, 360), (2, 1280, 720)];
        let named =
            |codec: &str, cid: &str| lk::SimulcastCodec { codec: codec.into(), cid: cid.into(), ..Default::default() };
        let add = lk::AddTrackRequest {
            cid: "cam".into(),
            r#type: lk::TrackType::Video.into(),
            source: lk::TrackSource::Camera.into(),
            layers: layers
                .map(|(quality, width, height)| lk::VideoLayer { quality, width, height, ..Default::default() })
                .to_vec(),
            simulcast_codecs: vec![named(codec, "cam"), named("vp8", "")],
            backup_codec_policy: policy.into(),
            ..Default::default()
        };
        self.request(client, Request::AddTrack(add));
    }

    /// Adds VP8 to the camera. What the client sends as VP8 goes there.
    pub(crate) fn add_vp8(&mut self, client: usize, sid: &str) -> Mid {
        self.add_vp8_in(client, sid, &[])
    }

    /// Says in which sizes it will come: the number of each, its width and height.
    pub(crate) fn add_vp8_in(&mut self, client: usize, sid: &str, sizes: &[(i32, u32, u32)]) -> Mid {
        let layer = |(quality, width, height)| lk::VideoLayer { quality, width, height, ..Default::default() };
        let layers = sizes.iter().copied().map(layer).collect();
        let codec = lk::SimulcastCodec { codec: "vp8".into(), cid: "cam-2".into(), layers, ..Default::default() };
        let add = lk::AddTrackRequest {
            cid: "cam-2".into(),
            sid: sid.into(),
            r#type: lk::TrackType::Video.into(),
            source: lk::TrackSource::Camera.into(),
            simulcast_codecs: vec![codec],
            ..Default::default()
        };
        self.request(client, Request::AddTrack(add));
        self.offer_section(client, MediaKind::Video, "cam-2")
    }

    pub(crate) fn publish_microphone(&mut self, client: usize) {
        let add = lk::AddTrackRequest {
            cid: "mic".into(),
            r#type: lk::TrackType::Audio.into(),
            source: lk::TrackSource::Microphone.into(),
            ..Default::default()
        };
        self.request(client, Request::AddTrack(add));
        self.clients[client].audio = Some(self.offer_section(client, MediaKind::Audio, "mic"));
    }

    fn offer_section(&mut self, client: usize, kind: MediaKind, cid: &str) -> Mid {
        self.offer_section_of(client, kind, cid, None)
    }

    fn offer_section_of(&mut self, client: usize, kind: MediaKind, cid: &str, streams: Option<Simulcast>) -> Mid {
        let mut api = self.clients[client].rtc.sdp_api();
        let mid = api.add_media(kind, Direction::SendOnly, Some("s".into()), Some(cid.into()), streams);
        let (offer, pending) = api.apply().unwrap();
        self.offer(client, offer.to_sdp_string(), pending);
        mid
    }

    /// One picture of VP9 in three spatial layers, a packet each. The upper ones depend on those below in key pictures only.
    pub(crate) fn shoot_vp9(&mut self, client: usize, film: &mut Scalable, key: bool) {
        film.picture = (film.picture + 1) & 0x7fff;
        for spatial in 0..3u8 {
            film.sequence += 1;
            if film.loses == Some(spatial) {
                continue;
            }
            // I, P, L, B, E; a picture id of 15 bits, the layer, TL0PICIDX.
            let [high, low] = (film.picture | 0x8000).to_be_bytes();
            let first = 0xac | if key { 0 } else { 0x40 };
            let temporal = u8::from(film.alternates && !key && film.picture % 2 == 1);
            let layer = temporal << 5 | spatial << 1 | u8::from(key && spatial > 0) | 0x10;
            let mut payload = vec![first, high, low, layer, (film.picture & 0xff) as u8];
            payload.resize(200 * (usize::from(spatial) + 1), 0x77);
            self.put(client, VP9, film, spatial == 2, payload, ExtensionValues::default());
        }
    }

    /// One picture of AV1 in two spatial layers with dependency descriptors; `structure` comes with key pictures, a packet each.
    pub(crate) fn shoot_av1(&mut self, client: usize, film: &mut Scalable, key: bool, structure: &[u8]) {
        /// How many templates the structure has.
        const TEMPLATES: u8 = 6;
        film.picture += 1;
        if key {
            film.templates = (film.templates + TEMPLATES) % 64;
        }
        for spatial in 0..2u8 {
            film.sequence += 1;
            film.frame = film.frame.wrapping_add(1);
            let [high, low] = film.frame.to_be_bytes();
            let template = |index: u8| 0xc0 | ((film.templates + index) % 64);
            let descriptor = match (key, spatial) {
                (true, 0) => {
                    let mut descriptor = structure.to_vec();
                    [descriptor[0], descriptor[1], descriptor[2]] = [template(0), high, low];
                    // Six bits of offset lie over the end of a byte.
                    descriptor[3] = (descriptor[3] & 0xf8) | (film.templates >> 3);
                    descriptor[4] = (descriptor[4] & 0x1f) | (film.templates << 5);
                    descriptor
                }
                (true, _) => vec![template(3), high, low],
                (false, 0) => vec![template(1), high, low],
                (false, _) => vec![template(4), high, low],
            };
            // One unit, of a frame.
            let mut payload = vec![0x30; 100];
            payload[0] = if key && spatial == 0 { 0x18 } else { 0x10 };
            let mut values = ExtensionValues::default();
            values.user_values.set(Descriptor(descriptor));
            self.put(client, AV1, film, spatial == 1, payload, values);
        }
    }

    fn put(
        &mut self,
        client: usize,
        format: u8,
        film: &Scalable,
        marker: bool,
        payload: Vec<u8>,
        values: ExtensionValues,
    ) {
        let mid = self.clients[client].video.unwrap();
        let rid = film.rid.map(Rid::from);
        // The camera is held so that its pictures are to be turned by 90 degrees.
        let values = ExtensionValues { video_orientation: marker.then(|| 1.into()), ..values };
        let timestamp = u32::from(film.picture) * 3600;
        let write = RtpWrite::new(Pt::new_with_value(format), film.sequence.into(), timestamp, self.now, payload)
            .marker(marker)
            .nackable(!film.fleeting)
            .ext_vals(values);
        let peer = &mut self.clients[client];
        if let Some(stream) = peer.rtc.direct_api().stream_tx_by_mid(mid, rid) {
            stream.write_rtp(write);
        }
        peer.rtc.handle_input(Input::Timeout(self.now)).unwrap();
    }

    #[allow(clippy::too_many_arguments)]
    fn write(
        &mut self,
        client: usize,
        mid: Mid,
        format: u8,
        sequence: u64,
        timestamp: u32,
        marker: bool,
        payload: Arc<[u8]>,
        values: ExtensionValues,
    ) {
        let now = self.now;
        let peer = &mut self.clients[client];
        let mut api = peer.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else { return };
        let pt = Pt::new_with_value(format);
        let write = RtpWrite::new(pt, sequence.into(), timestamp, now, payload);
        stream.write_rtp(write.marker(marker).nackable(true).ext_vals(values));
    }

    /// A packet of a picture of H264.
    pub(crate) fn send_h264(&mut self, client: usize, sequence: u64, picture: u32, payload: &[u8], marker: bool) {
        let mid = self.clients[client].video.unwrap();
        let at = picture * 3600;
        self.write(client, mid, H264, sequence, at, marker, payload.into(), ExtensionValues::default());
        self.clients[client].rtc.handle_input(Input::Timeout(self.now)).unwrap();
        self.pump();
    }

    /// A picture of VP8 on a section of its own.
    pub(crate) fn shoot_vp8(&mut self, client: usize, mid: Mid, frame: u32, key: bool) {
        let payload = super::sending::picture(frame, true, key, 300);
        let at = 9_000_000 + frame * 3600;
        self.write(client, mid, VP8, u64::from(frame) + 500, at, true, payload, ExtensionValues::default());
        self.clients[client].rtc.handle_input(Input::Timeout(self.now)).unwrap();
    }

    /// 20 ms of sound that repeats the 20 ms before it.
    pub(crate) fn speak_twice(&mut self, client: usize, count: u8) {
        let before = count.wrapping_sub(1);
        let payload: Arc<[u8]> = [0x80 | OPUS, 0x0f, 0x00, 0x02, OPUS, before, before, count, count, count].into();
        let mid = self.clients[client].audio.unwrap();
        let (sequence, timestamp) = (u64::from(count) + 100, u32::from(count) * 960);
        self.write(client, mid, RED, sequence, timestamp, false, payload, ExtensionValues::default());
        self.clients[client].rtc.handle_input(Input::Timeout(self.now)).unwrap();
    }
}

impl Client {
    /// Everything received since the last time.
    pub(crate) fn take_packets(&mut self) -> Vec<Sent> {
        let mut packets: Vec<Sent> = self.packets.drain(..).map(|packet| Sent::from(&packet)).collect();
        packets.sort_by_key(|packet| packet.seq);
        packets
    }
}
