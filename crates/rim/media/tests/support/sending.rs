//! What clients send: films, sound, data.

use super::{OPUS, VP8, World};
use std::sync::Arc;
use std::time::Duration;
use str0m::Input;
use str0m::media::{Pt, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite};

/// Where a film is.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// The uplink carries no more.
    pub(crate) only_small: bool,
    frame: u32,
    sounds: u64,
    sequence: [u64; 2],
}

/// How many packets of how many bytes a picture takes, in the small size and in the large one.
type Sizes = [(usize, usize); 2];

const CAMERA: Sizes = [(1, 300), (4, 1000)];

/// A screen that stands still takes 60 kbit/s in the large size, and a new slide on it a megabit.
const STILL: Sizes = [(1, 100), (1, 300)];
const SLIDE: Sizes = [(25, 1000), (100, 1200)];

/// A packet of a picture in VP8, with a picture id.
pub(super) fn picture(frame: u32, first: bool, key_frame: bool, size: usize) -> Arc<[u8]> {
    let descriptor = if first { 0x90 } else { 0x80 };
    let mut picture =
        vec![descriptor, 0x80, 0x80 | u8::try_from(frame >> 8 & 0x7f).unwrap(), u8::try_from(frame & 0xff).unwrap()];
    if first {
        // The first byte of the frame says whether it is a key frame; then tag, start code and size.
        picture.extend_from_slice(if key_frame {
            &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0x68, 1]
        } else {
            &[0x11, 0, 0]
        });
    }
    picture.resize(size, 7);
    picture.into()
}

impl World {
    /// One packet of each of the client's tracks. A picture is one packet; a key frame if so wished.
    pub(crate) fn send_media(&mut self, client: usize, frame: u32, key_frame: bool) {
        let now = self.now;
        let peer = &mut self.clients[client];
        peer.sequence += 1;
        let audio: Arc<[u8]> = vec![0xfc, 1, 2, 3].into();
        let picture = picture(frame, true, key_frame, 1000);
        let level = ExtensionValues { audio_level: Some(-20), voice_activity: Some(true), ..Default::default() };
        for (mid, pt, clock, payload, values) in
            [(peer.audio, OPUS, 960, audio, level), (peer.video, VP8, 1800, picture, ExtensionValues::default())]
        {
            let Some(mid) = mid else { continue };
            let mut api = peer.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else { continue };
            let write = RtpWrite::new(Pt::new_with_value(pt), peer.sequence.into(), frame * clock, now, payload)
                .marker(true)
                .nackable(true)
                .ext_vals(values);
            stream.write_rtp(write);
        }
        peer.rtc.handle_input(Input::Timeout(now)).unwrap();
    }

    /// So many packets of each of the client's tracks are lost for good on their way to the server.
    pub(crate) fn lose_for_good(&mut self, client: usize, packets: u64) {
        self.clients[client].sequence += packets;
    }

    /// Lets a client speak and show pictures in two sizes for a while: 25 pictures a second, one packet of 300 bytes for
    /// the small and four of 1,000 for the large size, a key frame when asked.
    pub(crate) fn film(&mut self, client: usize, layers: &mut Layers, time: Duration) -> usize {
        let end = self.now + time;
        let mut pictures = 0;
        while self.now < end {
            self.shoot(client, layers, CAMERA, CAMERA, false);
            self.pass(Duration::from_millis(40));
            pictures += 1;
        }
        pictures
    }

    /// Two clients at once.
    pub(crate) fn film_both(&mut self, a: usize, of_a: &mut Layers, b: usize, of_b: &mut Layers, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.shoot(a, of_a, CAMERA, CAMERA, false);
            self.shoot(b, of_b, CAMERA, CAMERA, false);
            self.pass(Duration::from_millis(40));
        }
    }

    /// A camera, and a screen that shows a slide for so long, a new one first if so wished. While it shows it the screen sends small
    /// pictures, or nothing but the key frames that are asked for. Returns how many those were.
    pub(crate) fn present(
        &mut self,
        (camera, of_camera): (usize, &mut Layers),
        (screen, of_screen): (usize, &mut Layers),
        falls_silent: bool,
        mut is_new: bool,
        time: Duration,
    ) -> usize {
        let (end, mut asked) = (self.now + time, 0);
        while self.now < end {
            self.shoot(camera, of_camera, CAMERA, CAMERA, false);
            let wanted = self.clients[screen].key_frames_asked;
            asked += wanted;
            if !falls_silent || is_new || wanted > 0 {
                self.shoot(screen, of_screen, STILL, SLIDE, std::mem::take(&mut is_new));
            }
            self.pass(Duration::from_millis(40));
        }
        asked
    }

    /// The next picture, and the sound that goes with it; a key frame at first, where one was asked for and if it is a new one.
    fn shoot(&mut self, client: usize, layers: &mut Layers, usual: Sizes, key: Sizes, is_new: bool) {
        let now = self.now;
        let peer = &mut self.clients[client];
        let key_frame = std::mem::take(&mut peer.key_frames_asked) > 0 || layers.frame == 0 || is_new;
        layers.frame += 1;
        let sizes = ["q", "h"].into_iter().zip(if key_frame { key } else { usual });
        for (index, (rid, (packets, size))) in sizes.take(if layers.only_small { 1 } else { 2 }).enumerate() {
            let key_frame = key_frame || layers.sequence[index] == 0;
            for packet in 0..packets {
                layers.sequence[index] += 1;
                let picture = picture(layers.frame, packet == 0, key_frame, size);
                let Some(mid) = peer.video else { continue };
                let mut api = peer.rtc.direct_api();
                let Some(stream) = api.stream_tx_by_mid(mid, Some(Rid::from(rid))) else { continue };
                let pt = Pt::new_with_value(VP8);
                let write = RtpWrite::new(pt, layers.sequence[index].into(), layers.frame * 3600, now, picture);
                stream.write_rtp(write.marker(packet + 1 == packets).nackable(true));
            }
        }
        for sound in 0..2 {
            layers.sounds += 1;
            let Some(mid) = peer.audio else { continue };
            let mut api = peer.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else { continue };
            let values = ExtensionValues { audio_level: Some(-20), voice_activity: Some(true), ..Default::default() };
            let payload: Arc<[u8]> = vec![0xfc; 60].into();
            let pt = Pt::new_with_value(OPUS);
            let write = RtpWrite::new(pt, (layers.sounds + 1).into(), layers.frame * 1920 + sound * 960, now, payload);
            stream.write_rtp(write.ext_vals(values));
        }
        peer.rtc.handle_input(Input::Timeout(now)).unwrap();
    }

    /// One packet of each of the client's tracks with that payload, and those extensions.
    pub(crate) fn send_raw(&mut self, client: usize, payload: &[u8], values: &ExtensionValues) {
        let now = self.now;
        let peer = &mut self.clients[client];
        peer.sequence += 1;
        let payload: Arc<[u8]> = payload.into();
        let timestamp = u32::try_from(peer.sequence & 0xffff).unwrap().wrapping_mul(0x0123_4567);
        for (mid, pt) in [(peer.audio, OPUS), (peer.video, VP8)] {
            let Some(mid) = mid else { continue };
            let mut api = peer.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else { continue };
            let pt = Pt::new_with_value(pt);
            let write = RtpWrite::new(pt, peer.sequence.into(), timestamp, now, Arc::clone(&payload));
            stream.write_rtp(write.ext_vals(values.clone()));
        }
        peer.rtc.handle_input(Input::Timeout(now)).unwrap();
    }

    /// A packet of one layer of the client's camera.
    pub(crate) fn send_layer(&mut self, client: usize, rid: &str, payload: &[u8]) {
        let now = self.now;
        let peer = &mut self.clients[client];
        peer.sequence += 1;
        let mut api = peer.rtc.direct_api();
        let stream = api.stream_tx_by_mid(peer.video.unwrap(), Some(Rid::from(rid))).unwrap();
        let write = RtpWrite::new(Pt::new_with_value(VP8), peer.sequence.into(), 1, now, Arc::<[u8]>::from(payload));
        stream.write_rtp(write);
        peer.rtc.handle_input(Input::Timeout(now)).unwrap();
    }

    /// A message on the client's data channel; `false` if its own queue is full.
    pub(crate) fn send_data(&mut self, client: usize, message: &[u8]) -> bool {
        let id = self.clients[client].channel.expect("the channel is open");
        let mut channel = self.clients[client].rtc.channel(id).unwrap();
        channel.write(true, message).unwrap()
    }

    /// The camera gives no more pictures, as one that is stuck, while its track stays published.
    pub(crate) fn freeze_camera(&mut self, client: usize) {
        self.clients[client].video = None;
    }

    /// Sends for a while: a picture and a sound every 20 ms, a key frame when asked.
    pub(crate) fn stream(&mut self, client: usize, from: u32, frames: u32) {
        for frame in from..from + frames {
            let asked = std::mem::take(&mut self.clients[client].key_frames_asked) > 0;
            self.send_media(client, frame, frame == from || asked);
            self.pass(Duration::from_millis(20));
        }
    }
}
