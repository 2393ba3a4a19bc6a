//! One peer: its connection, its part of the signalling, what it sends and what it got.

use crate::crew::Person;
use crate::film::{Clock, LATEST, PICTURE_EVERY, PICTURE_RATE, Payload, SIZES, SOUND_EVERY, picture, sound, written};
use crate::pace::{Pace, Pacer};
use anyhow::{Context, bail};
use prost::Message as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::rtp::{Extension, ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

/// Payload types of the stack's own offers.
const OPUS: u8 = 111;
const VP8: u8 = 96;

/// What came on one RTP source while it was measured.
#[derive(Debug, Clone, Copy)]
struct Source {
    ssrc: u32,
    first: u16,
    /// How far the newest is from the first.
    newest: u16,
    packets: u32,
}

/// What one peer got since it was last asked.
#[derive(Debug, Default)]
pub(crate) struct Got {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) expected: u64,
    pub(crate) arrived: u64,
}

impl Got {
    pub(crate) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.expected += other.expected;
        self.arrived += other.arrived;
    }
}

pub(crate) struct Client {
    pub(crate) number: u32,
    pub(crate) room: u32,
    /// Decrypts what it gets; else it counts headers once its connection is up.
    pub(crate) full: bool,
    pub(crate) connected: bool,
    /// Its room may end.
    pub(crate) ends: bool,
    /// Its room is over.
    pub(crate) gone: bool,
    pub(crate) due: Instant,
    /// Boxed, so that what is looked at for every datagram lies together.
    rtc: Box<Rtc>,
    pending: Option<SdpPendingOffer>,
    offers: u32,
    wants: Option<(u32, u32)>,
    sending: Option<Sending>,
    sources: Vec<Source>,
    packets: u64,
    bytes: u64,
}

/// What a publisher sends, and when next.
struct Sending {
    audio: Mid,
    video: Option<Mid>,
    /// When the next packet of sound was recorded, and when it leaves.
    next_recorded: Instant,
    next_sound: Instant,
    /// The last random number.
    draws: u32,
    next_picture: Instant,
    sounds: u64,
    picture: u32,
    sequence: [u64; 3],
    asked: [bool; 3],
    pacer: Pacer<Packet>,
}

/// A packet of a picture that is about to leave.
#[derive(Debug)]
struct Packet {
    /// Which of `SIZES`.
    size: usize,
    /// RTP time of the picture.
    time: u32,
    /// The last one of its picture.
    last: bool,
    payload: Payload,
}

impl Client {
    /// A peer with sections to receive on. Returns it with its encoded `livekit.JoinRequest`.
    ///
    /// One that is not `full` does not know transport-wide numbers: who first tells of packets and then falls silent has a line
    /// that is taken for dead.
    pub(crate) fn join(
        number: u32,
        Person { room, full, others, .. }: Person,
        address: SocketAddr,
        now: Instant,
    ) -> anyhow::Result<(Self, Vec<u8>)> {
        let mut config = Rtc::builder().set_rtp_mode(true).clear_codecs().enable_opus(true, false).enable_vp8(true);
        if !full {
            config = config
                .clear_extension_map()
                .set_extension(1, Extension::AudioLevel)
                .set_extension(4, Extension::RtpMid)
                .set_extension(10, Extension::RtpStreamId)
                .set_extension(11, Extension::RepairedRtpStreamId);
        }
        let mut rtc = config.build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        let mut api = rtc.sdp_api();
        for (count, kind) in [(others.0, MediaKind::Audio), (others.1, MediaKind::Video)] {
            for _ in 0..count {
                api.add_media(kind, Direction::RecvOnly, None, None, None);
            }
        }
        api.add_channel("_reliable".into());
        let (offer, pending) = api.apply().context("an offer says nothing")?;
        let request = lk::JoinRequest {
            connection_settings: Some(lk::ConnectionSettings { auto_subscribe: true, ..Default::default() }),
            publisher_offer: Some(lk::SessionDescription {
                r#type: "offer".into(),
                sdp: offer.to_sdp_string(),
                id: 1,
                ..Default::default()
            }),
            ..Default::default()
        };
        let client = Self {
            number,
            room,
            full,
            connected: false,
            ends: false,
            gone: false,
            due: now,
            rtc: Box::new(rtc),
            pending: Some(pending),
            offers: 1,
            wants: None,
            sending: None,
            sources: Vec::new(),
            packets: 0,
            bytes: 0,
        };
        Ok((client, request.encode_to_vec()))
    }

    /// Publishes a microphone, and a camera in three sizes. Returns the messages to send.
    pub(crate) fn publish(&mut self, camera: bool, pace: Pace, first: Instant) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut messages = Vec::new();
        let layers = SIZES.iter().zip(0..).map(|((rid, width, height, _), quality)| lk::VideoLayer {
            quality,
            width: *width,
            height: *height,
            rid: (*rid).into(),
            ..Default::default()
        });
        let mut add = |cid: &str, kind: lk::TrackType, source: lk::TrackSource, layers: Vec<lk::VideoLayer>| {
            #[allow(deprecated)]
            let track = lk::AddTrackRequest {
                cid: cid.into(),
                r#type: kind.into(),
                source: source.into(),
                layers,
                ..Default::default()
            };
            messages.push(encode(Request::AddTrack(track)));
        };
        add("mic", lk::TrackType::Audio, lk::TrackSource::Microphone, Vec::new());
        if camera {
            add("cam", lk::TrackType::Video, lk::TrackSource::Camera, layers.collect());
        }
        let mut api = self.rtc.sdp_api();
        let stream = || Some("s".to_owned());
        let audio = api.add_media(MediaKind::Audio, Direction::SendOnly, stream(), Some("mic".into()), None);
        let video = camera.then(|| {
            let mut simulcast = Simulcast::new();
            for (rid, ..) in SIZES {
                simulcast.add_send_layer(SimulcastLayer::new(rid));
            }
            api.add_media(MediaKind::Video, Direction::SendOnly, stream(), Some("cam".into()), Some(simulcast))
        });
        let (offer, pending) = api.apply().context("an offer says nothing")?;
        messages.push(self.offer(offer.to_sdp_string(), pending));
        self.sending = Some(Sending {
            audio,
            video,
            next_recorded: first,
            next_sound: first,
            draws: self.number.wrapping_mul(2_654_435_761) | 1,
            next_picture: first,
            sounds: 0,
            picture: 0,
            sequence: [0; 3],
            asked: [true; 3],
            pacer: Pacer::new(pace, PICTURE_RATE, first),
        });
        Ok(messages)
    }

    /// It sends.
    pub(crate) fn publishes(&self) -> bool {
        self.sending.is_some()
    }

    /// A negotiation is under way, in which no other may begin.
    pub(crate) fn negotiates(&self) -> bool {
        self.pending.is_some()
    }

    fn offer(&mut self, sdp: String, pending: SdpPendingOffer) -> Vec<u8> {
        self.pending = Some(pending);
        self.offers += 1;
        let id = self.offers;
        encode(Request::Offer(lk::SessionDescription { r#type: "offer".into(), sdp, id, ..Default::default() }))
    }

    /// A message of the media plane. Returns what to answer.
    pub(crate) fn message(&mut self, bytes: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        match lk::SignalResponse::decode(bytes)?.message {
            Some(Response::Answer(answer)) => {
                let pending = self.pending.take().context("an answer to nothing")?;
                self.rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer.sdp)?)?;
                self.due = Instant::now();
            }
            Some(Response::MediaSectionsRequirement(required)) => {
                self.wants = Some((required.num_audios, required.num_videos));
            }
            Some(Response::Leave(_)) if self.ends => self.gone = true,
            Some(Response::Leave(leave)) => bail!("peer {} was put out: {leave:?}", self.number),
            _ => {}
        }
        Ok(self.negotiate())
    }

    /// Offers the sections that were asked for, once nothing else is under way.
    fn negotiate(&mut self) -> Option<Vec<u8>> {
        if self.pending.is_some() {
            return None;
        }
        let (audios, videos) = self.wants.take()?;
        let mut api = self.rtc.sdp_api();
        for (count, kind) in [(audios, MediaKind::Audio), (videos, MediaKind::Video)] {
            for _ in 0..count {
                api.add_media(kind, Direction::RecvOnly, None, None, None);
            }
        }
        // A round without anything new: the stack offers again for the sake of a restart only.
        if (audios, videos) == (0, 0) {
            api.ice_restart(true);
        }
        let (offer, pending) = api.apply()?;
        Some(self.offer(offer.to_sdp_string(), pending))
    }

    /// A datagram arrived. `true` if it went to the stack, `false` if it was counted and nothing else.
    pub(crate) fn receive(&mut self, source: SocketAddr, local: SocketAddr, at: Instant, bytes: &[u8]) -> bool {
        if let [first, second, high, low, _, _, _, _, s0, s1, s2, s3, ..] = *bytes
            && (128..192).contains(&first)
            && !(192..224).contains(&second)
        {
            self.count(u32::from_be_bytes([s0, s1, s2, s3]), u16::from_be_bytes([high, low]), bytes.len());
            if !self.full && self.connected {
                return false;
            }
        }
        if let Ok(receive) = Receive::new(Protocol::Udp, source, local, bytes) {
            // A connection that fails shows as one that gets nothing.
            let _ = self.rtc.handle_input(Input::Receive(at, receive));
        }
        true
    }

    fn count(&mut self, ssrc: u32, sequence: u16, length: usize) {
        self.packets += 1;
        self.bytes += u64::try_from(length).unwrap_or(0);
        match self.sources.iter_mut().find(|source| source.ssrc == ssrc) {
            Some(source) => {
                // A measurement is far too short for numbers to come around. What is far ahead is from before the first.
                let distance = sequence.wrapping_sub(source.first);
                if distance < 0x8000 {
                    source.newest = source.newest.max(distance);
                    source.packets += 1;
                }
            }
            None => self.sources.push(Source { ssrc, first: sequence, newest: 0, packets: 1 }),
        }
    }

    /// What came since the last time; counting starts anew.
    pub(crate) fn take_got(&mut self) -> Got {
        let mut got = Got { packets: self.packets, bytes: self.bytes, ..Got::default() };
        for source in self.sources.drain(..) {
            got.expected += u64::from(source.newest) + 1;
            got.arrived += u64::from(source.packets);
        }
        (self.packets, self.bytes) = (0, 0);
        got
    }

    /// Writes what is due. Where pictures are paced that is one packet, so that each is sent as soon as it is written, and `true`
    /// if there is another.
    pub(crate) fn film(&mut self, clock: &Clock, now: Instant) -> anyhow::Result<bool> {
        let more = self.write(clock, now);
        // The stack sends what was written when it hears that time has passed.
        self.rtc.handle_input(Input::Timeout(now))?;
        Ok(more)
    }

    fn write(&mut self, clock: &Clock, now: Instant) -> bool {
        let Some(sending) = self.sending.as_mut().filter(|_| self.connected) else { return false };
        if sending.next_sound <= now {
            sending.next_recorded = next(sending.next_recorded, SOUND_EVERY, now);
            sending.next_sound = sending.next_recorded + sending.lateness();
            sending.sounds += 1;
            let time = u32::try_from((sending.sounds * 960) & 0xffff_ffff).unwrap_or(0);
            let values = ExtensionValues { audio_level: Some(-20), voice_activity: Some(true), ..Default::default() };
            if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(sending.audio, None) {
                let pt = Pt::new_with_value(OPUS);
                stream.write_rtp(RtpWrite::new(pt, sending.sounds.into(), time, now, sound(clock)).ext_vals(values));
            }
            if sending.pacer.paces() {
                return sending.video.is_some();
            }
        }
        let Some(video) = sending.video else { return false };
        if sending.next_picture <= now {
            sending.next_picture = next(sending.next_picture, PICTURE_EVERY, now);
            sending.shoot(now);
        }
        while let Some(packet) = sending.pacer.pop(now) {
            sending.sequence[packet.size] += 1;
            let sequence = sending.sequence[packet.size];
            let mut api = self.rtc.direct_api();
            if let Some(stream) = api.stream_tx_by_mid(video, Some(Rid::from(SIZES[packet.size].0))) {
                let payload = packet.payload.write(clock);
                let write = RtpWrite::new(Pt::new_with_value(VP8), sequence.into(), packet.time, now, payload);
                stream.write_rtp(write.marker(packet.last).nackable(true));
            }
            if sending.pacer.paces() {
                return sending.pacer.next().is_some_and(|next| next <= now);
            }
        }
        false
    }

    /// When it has something to send next.
    pub(crate) fn next_film(&self) -> Option<Instant> {
        let sending = self.sending.as_ref().filter(|_| self.connected)?;
        let picture = sending.video.map(|_| sending.next_picture);
        [Some(sending.next_sound), picture, sending.pacer.next()].into_iter().flatten().min()
    }

    /// Lets the stack work: datagrams to send go to `transmit`, the age of what arrived, in nanoseconds, to `age`.
    pub(crate) fn drain(
        &mut self,
        clock: &Clock,
        now: Instant,
        mut transmit: impl FnMut(Transmit),
        mut age: impl FnMut(u64),
    ) -> anyhow::Result<()> {
        let mut woken = false;
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(due) if due <= now && !woken => {
                    woken = true;
                    self.rtc.handle_input(Input::Timeout(now))?;
                }
                Output::Timeout(due) => {
                    self.due = due;
                    return Ok(());
                }
                Output::Transmit(out) => transmit(out),
                Output::Event(event) => {
                    self.note(clock, &event, now, &mut age);
                }
            }
        }
    }

    /// Takes the packet of the datagram that just came: the stack holds one at a time. Whatever else there is to do waits for
    /// `drain`, once for all datagrams of a turn. The packet is as old as it was when it `came`: how long it then waited for us
    /// is no delay of the media plane.
    pub(crate) fn take_packet(
        &mut self,
        clock: &Clock,
        came: Instant,
        mut transmit: impl FnMut(Transmit),
        mut age: impl FnMut(u64),
    ) -> anyhow::Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(_) => return Ok(()),
                Output::Transmit(out) => transmit(out),
                Output::Event(event) => {
                    if self.note(clock, &event, came, &mut age) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Notes what happened. `true` if it was a packet that arrived.
    fn note(&mut self, clock: &Clock, event: &Event, came: Instant, age: &mut impl FnMut(u64)) -> bool {
        match event {
            Event::Connected => self.connected = true,
            Event::RtpPacket(packet) => {
                if let Some(written) = written(&packet.payload) {
                    age(clock.nanos(came).saturating_sub(written));
                }
                return true;
            }
            Event::KeyframeRequest(request) => {
                let size = SIZES.iter().position(|(rid, ..)| request.rid.is_some_and(|asked| *asked == **rid));
                if let (Some(size), Some(sending)) = (size, &mut self.sending) {
                    sending.asked[size] = true;
                }
            }
            _ => {}
        }
        false
    }
}

impl Sending {
    /// By how much the next packet of sound leaves late.
    fn lateness(&mut self) -> Duration {
        // Marsaglia's generator of 2003 with the shifts 13, 17 and 5.
        self.draws ^= self.draws << 13;
        self.draws ^= self.draws >> 17;
        self.draws ^= self.draws << 5;
        LATEST * (self.draws >> 16) / 0x10000
    }

    /// Makes the packets of the next picture, small sizes first.
    fn shoot(&mut self, now: Instant) {
        self.picture += 1;
        let time = self.picture.wrapping_mul(3000);
        for (size, (.., bytes)) in SIZES.into_iter().enumerate() {
            let payloads = picture(self.picture, bytes, std::mem::take(&mut self.asked[size]));
            let count = payloads.len();
            for (index, payload) in payloads.into_iter().enumerate() {
                let packet = Packet { size, time, last: index + 1 == count, payload };
                self.pacer.push(packet.payload.size(), packet, now);
            }
        }
    }
}

/// When something that comes regularly is due again. What could not be kept up with is left out.
fn next(due: Instant, every: Duration, now: Instant) -> Instant {
    let next = due + every;
    if next + 10 * every < now { now } else { next }
}

fn encode(request: Request) -> Vec<u8> {
    lk::SignalRequest { message: Some(request) }.encode_to_vec()
}
