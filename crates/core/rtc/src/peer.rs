//! One peer connection around the WebRTC stack.

use crate::dependency::{self, PassThrough, Raw};
use crate::packet::{DownPacket, Extensions, Report, SenderReport, Traffic, UpPacket, Vp8Rewrite};
use crate::plan::{Codec, Down, Kind};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use str0m::bwe::{Bitrate, BweKind};
use str0m::change::SdpPendingOffer;
use str0m::channel::ChannelId;
use str0m::config::DtlsCert;
use str0m::media::{KeyframeRequestKind, Mid, Pt, Rid};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{Extension, RtpPacket, RtpWrite, Ssrc, Vp8Descriptor};
use str0m::stats::PeerStats;
use str0m::{Candidate, Event as StackEvent, Input, Output as StackOutput, Rtc, RtcConfig, RtcError};

/// Packets kept per outgoing video stream to answer retransmission requests: two to three seconds.
const VIDEO_HISTORY: usize = 512;

/// The same for sound.
const AUDIO_HISTORY: usize = 50;

/// How often the stack reports loss and round trips (media-protocol.md section 12.3).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Most bytes that wait for a slow receiver of data messages (section 13.3).
const DATA_BACKLOG: usize = 4 * 1024 * 1024;

/// The same on the lossy channel.
const LOSSY_BACKLOG: usize = 64 * 1024;

/// Longest data message a client may send.
const DATA_MESSAGE: u32 = 64 * 1024 + 1024;

/// What the way to a client is believed to carry before it has said anything, in bits per second: enough for a grid of
/// small pictures or one large one. Probing finds more within a second.
const FIRST_ESTIMATE: u64 = 5_000_000;

/// Longest payload that is taken, in bytes: what encoders send fits an Ethernet frame, and the stack has no more than 2000
/// for a packet with everything that is put in front of it on the way out.
const MAX_PAYLOAD: usize = 1500;

/// More than this is no jitter: the stream stood still, because nobody wanted it, and begins again.
const MAX_JITTER: Duration = Duration::from_secs(1);

/// The jitter of an incoming stream as far as it says something of now. That of a stream that sends nothing any more stays
/// what it was.
fn fresh(before: Option<u64>, packets: u64, jitter: Duration) -> Option<Duration> {
    (before.is_none_or(|before| packets > before) && jitter < MAX_JITTER).then_some(jitter)
}

/// Why a description was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It breaks a rule of ours, or is not in the order the negotiation allows.
    #[error("the description does not fit: {0}")]
    Description(String),
    /// The stack refused it or failed.
    #[error(transparent)]
    Stack(#[from] RtcError),
}

/// A data channel of the LiveKit protocol (section 7.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// `_reliable`
    Reliable,
    /// `_lossy`
    Lossy,
}

impl Channel {
    /// The label both sides know it by.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Reliable => "_reliable",
            Self::Lossy => "_lossy",
        }
    }

    fn from_label(label: &str) -> Option<Self> {
        [Self::Reliable, Self::Lossy].into_iter().find(|channel| channel.label() == label)
    }
}

/// What a peer has to say. Packets are by far the most frequent of it and are not boxed.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Event {
    /// ICE and DTLS are through.
    Connected,
    /// A media packet arrived.
    Packet(UpPacket),
    /// The client wants a key frame of what it receives on that section.
    KeyFrameWanted { section: u16 },
    /// A data channel is open.
    ChannelOpen(Channel),
    /// A message arrived.
    Message(Channel, Vec<u8>),
    /// Loss and delay of one section's direction.
    Report(Report),
    /// Volume and delay of the whole connection.
    Traffic(Traffic),
    /// The way to the client carries about so much now, in bits per second, sound included.
    Bandwidth(u64),
    /// The connection is over.
    Closed,
}

/// The answer of [`Peer::poll`].
#[derive(Debug)]
pub enum Output {
    /// Nothing more until this moment or the next input.
    Timeout(Instant),
    /// Send this datagram.
    Transmit { source: SocketAddr, destination: SocketAddr, contents: Vec<u8> },
    /// Something happened.
    Event(Event),
}

/// Makes peers that share one certificate.
#[derive(Debug, Clone)]
pub struct PeerFactory {
    config: RtcConfig,
}

impl PeerFactory {
    /// Makes the certificate. `None` if the crypto library cannot.
    pub fn new() -> Option<Self> {
        let certificate: DtlsCert = str0m::crypto::from_feature_flags().dtls_provider.generate_certificate()?;
        let config = RtcConfig::new()
            .set_dtls_cert(certificate)
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .enable_h264(true)
            .enable_vp9(true)
            .enable_av1(true)
            .set_extension(12, Extension::with_serializer(dependency::URI, PassThrough))
            .set_extension(14, Extension::AbsoluteCaptureTime)
            .set_stats_interval(Some(REPORT_INTERVAL))
            .enable_bwe(Some(Bitrate::bps(FIRST_ESTIMATE)))
            .set_rtcp_report_interval_audio(Duration::from_secs(3))
            .set_send_buffer_audio(AUDIO_HISTORY)
            .set_send_buffer_video(VIDEO_HISTORY)
            .set_sctp_max_buffered_amount(DATA_BACKLOG)
            .set_sctp_max_message_size(DATA_MESSAGE);
        Some(Self { config })
    }

    /// A peer that is reachable under `addresses` (UDP), and whose owner takes TCP connections under `streams`.
    pub fn peer(&self, addresses: &[SocketAddr], streams: &[SocketAddr], now: Instant) -> Peer {
        let mut rtc = Box::new(self.config.clone().build(now));
        for address in addresses {
            if let Ok(candidate) = Candidate::host(*address, "udp") {
                rtc.add_local_candidate(candidate);
            }
        }
        for address in streams {
            if let Ok(candidate) = Candidate::builder().tcp().host(*address).tcptype(TcpType::Passive).build() {
                rtc.add_local_candidate(candidate);
            }
        }
        Peer {
            rtc,
            sections: Vec::new(),
            by_mid: HashMap::new(),
            streams: HashMap::new(),
            channels: HashMap::new(),
            pending: None,
            offers: 0,
            answered: false,
            counts_packets: false,
            only_streams: false,
            counted: HashMap::new(),
            turns: 0,
        }
    }
}

/// What a section receives to send, and how.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) mid: Mid,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Payload types the client takes.
    pub(crate) formats: Vec<Format>,
    /// The outgoing stream, once there is one.
    pub(crate) ssrc: Option<Ssrc>,
    /// The track on it now.
    pub(crate) down: Option<Down>,
    pub(crate) simulcast: bool,
    /// Rids of the client's encodings in its order, and which layer each is if that was announced.
    pub(crate) rids: Vec<String>,
    pub(crate) layers: Vec<(String, u8)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) codec: Codec,
    pub(crate) profile: u32,
    pub(crate) pt: Pt,
}

/// Where packets of a source belong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) section: u16,
    pub(crate) layer: u8,
    pub(crate) alone: bool,
}

/// One WebRTC connection.
#[derive(Debug)]
pub struct Peer {
    /// On the heap, so that whoever holds peers in a table can leave places empty.
    pub(crate) rtc: Box<Rtc>,
    pub(crate) sections: Vec<Section>,
    pub(crate) by_mid: HashMap<Mid, u16>,
    pub(crate) streams: HashMap<Ssrc, Stream>,
    pub(crate) channels: HashMap<ChannelId, Channel>,
    pub(crate) pending: Option<SdpPendingOffer>,
    /// Offers made, which number the descriptions (RFC 8829 section 5.2.2).
    pub(crate) offers: u64,
    /// One of them was answered.
    pub(crate) answered: bool,
    /// The bandwidth is estimated from the client's word about every single packet.
    counts_packets: bool,
    /// Descriptions name no way but TCP.
    pub(crate) only_streams: bool,
    /// Packets of each incoming stream at its last report.
    counted: HashMap<(Mid, Option<Rid>), u64>,
    /// How often the stack has to hear that time passes until what was written is out, and once more for it to settle.
    turns: u32,
}

impl Peer {
    /// The ICE user name fragment under which the client calls us; new after an ICE restart.
    pub fn local_ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// The index packets of the section `mid` carry. Sections never go away.
    pub fn section(&self, mid: &str) -> Option<u16> {
        self.by_mid.get(&Mid::from(mid)).copied()
    }

    /// What its sections are called, in the order of their numbers.
    pub fn section_names(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|section| section.name.as_str())
    }

    /// Descriptions made from now on name no way but TCP, for clients whose UDP does not last; or every way again.
    pub fn offer_only_streams(&mut self, only: bool) {
        self.only_streams = only;
    }

    /// Whether both sides have described themselves, so that the client can look for ways.
    pub fn is_negotiated(&self) -> bool {
        self.answered || !self.sections.is_empty()
    }

    /// Whether a datagram is meant for this peer; for a STUN request that means a correct user name and integrity.
    pub fn accepts(&self, now: Instant, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) -> bool {
        Receive::new(Protocol::Udp, source, destination, bytes)
            .is_ok_and(|receive| self.rtc.accepts(&Input::Receive(now, receive)))
    }

    /// A datagram arrived. What does not parse is ignored.
    ///
    /// # Errors
    /// The connection failed for good.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
    ) -> Result<(), PeerError> {
        match Receive::new(Protocol::Udp, source, destination, bytes) {
            Ok(receive) => Ok(self.rtc.handle_input(Input::Receive(now, receive))?),
            Err(_) => Ok(()),
        }
    }

    /// The moment of [`Output::Timeout`] has come.
    ///
    /// # Errors
    /// The connection failed for good.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), PeerError> {
        Ok(self.rtc.handle_input(Input::Timeout(now))?)
    }

    /// Lets one of the packets written leave with the next [`Self::poll`]. The stack sends one each time it hears that time
    /// passes, and wants to hear it once more behind the last; without this it would first have to say so each time, and work
    /// out all its deadlines for it.
    ///
    /// # Errors
    /// The connection failed for good.
    pub fn nudge(&mut self, now: Instant) -> Result<(), PeerError> {
        if self.turns > 0 {
            self.turns -= 1;
            self.rtc.handle_input(Input::Timeout(now))?;
        }
        Ok(())
    }

    /// Drains what there is to do; call after every input and after writing, until it says [`Output::Timeout`].
    ///
    /// # Errors
    /// The connection failed for good.
    pub fn poll(&mut self) -> Result<Output, PeerError> {
        loop {
            match self.rtc.poll_output()? {
                StackOutput::Timeout(at) => {
                    self.turns = 0;
                    return Ok(Output::Timeout(at));
                }
                StackOutput::Transmit(transmit) => {
                    return Ok(Output::Transmit {
                        source: transmit.source,
                        destination: transmit.destination,
                        contents: transmit.contents.into(),
                    });
                }
                StackOutput::Event(event) => {
                    if let Some(event) = self.translate(event) {
                        return Ok(Output::Event(event));
                    }
                }
            }
        }
    }

    /// Which layers the encodings on a section are, by rid: as the client announced them.
    pub fn set_layers(&mut self, section: u16, layers: Vec<(String, u8)>) {
        if let Some(known) = self.sections.get_mut(usize::from(section)) {
            known.layers = layers;
            self.streams.retain(|_, stream| stream.section != section);
        }
    }

    /// Whether the client takes a codec on a section.
    pub fn takes(&self, section: u16, codec: Codec) -> bool {
        self.sections.get(usize::from(section)).is_some_and(|section| section.payload_type(codec, 0).is_some())
    }

    /// Sends a packet on a section. `false` if the client does not take its format.
    pub fn write(&mut self, section: u16, packet: &DownPacket<'_>) -> bool {
        let Some(section) = self.sections.get(usize::from(section)) else { return false };
        let (Some(ssrc), Some(pt)) = (section.ssrc, section.payload_type(packet.codec, packet.profile)) else {
            return false;
        };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx(&ssrc) else { return false };
        let mut values = packet.extensions.0.clone();
        if let Some(raw) = packet.dependency.and_then(Raw::new) {
            values.user_values.set(raw);
        }
        let mut write =
            RtpWrite::new(pt, packet.sequence.into(), packet.timestamp, packet.wallclock, Arc::clone(packet.payload))
                .marker(packet.marker)
                .nackable(true)
                .ext_vals(values);
        if let Some(patch) = packet.vp8.and_then(|rewrite| vp8_patch(packet.payload, rewrite)) {
            write = write.vp8_patch(patch);
        }
        stream.write_rtp(write);
        self.turns = self.turns.max(1).saturating_add(1);
        true
    }

    /// Asks the client for a key frame of one layer of what it sends on a section.
    /// `hard` for an encoder that does not heed the usual request (FIR instead of PLI).
    pub fn request_key_frame(&mut self, section: u16, layer: u8, hard: bool) {
        // Of layers that are not there the next lower one is meant, or the lowest.
        let streams = || self.streams.iter().filter(|(_, stream)| stream.section == section);
        let source = streams()
            .filter(|(_, stream)| stream.layer <= layer)
            .max_by_key(|(_, stream)| stream.layer)
            .or_else(|| streams().min_by_key(|(_, stream)| stream.layer));
        let Some(ssrc) = source.map(|(ssrc, _)| *ssrc) else { return };
        if let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc) {
            stream.request_keyframe(if hard { KeyframeRequestKind::Fir } else { KeyframeRequestKind::Pli });
        }
    }

    /// What to look for on the way to the client, in bits per second: `minimum` is kept up with padding where media is less,
    /// as far as the estimate allows; `desired` is what more would be used for.
    pub fn seek_bandwidth(&mut self, minimum: u64, desired: u64) {
        self.rtc.bwe().set_bitrate(Bitrate::bps(minimum), Bitrate::bps(desired));
    }

    /// Whether pictures leave no faster than the estimate, so that they do not fill the queue that sound has to pass, or at
    /// once.
    pub fn pace(&mut self, paced: bool) {
        let pictures = self.sections.iter().filter(|section| section.kind == Kind::Video);
        for ssrc in pictures.filter_map(|section| section.ssrc) {
            if let Some(stream) = self.rtc.direct_api().stream_tx(&ssrc) {
                stream.set_unpaced(!paced);
            }
        }
    }

    /// Packets that wait to be sent on a section, as of the last look of the pacer.
    pub fn queued(&mut self, section: u16) -> usize {
        let ssrc = self.sections.get(usize::from(section)).and_then(|section| section.ssrc);
        let Some(ssrc) = ssrc else { return 0 };
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx(&ssrc);
        stream.and_then(|stream| stream.queue_info().map(|queue| queue.packet_count())).unwrap_or(0)
    }

    /// Sends a message. `false` if the channel is not open or its backlog is full: that of the lossy one is small, because
    /// what is late is worthless there.
    pub fn send(&mut self, channel: Channel, message: &[u8]) -> bool {
        let Some(id) = self.channels.iter().find(|(_, which)| **which == channel).map(|(id, _)| *id) else {
            return false;
        };
        self.rtc.channel(id).is_some_and(|mut open| {
            let waiting = if channel == Channel::Lossy { open.buffered_amount() } else { 0 };
            waiting < LOSSY_BACKLOG && open.write(true, message).unwrap_or(false)
        })
    }

    fn translate(&mut self, event: StackEvent) -> Option<Event> {
        match event {
            StackEvent::Connected => Some(Event::Connected),
            StackEvent::RtpPacket(packet) => self.packet(packet).map(Event::Packet),
            StackEvent::KeyframeRequest(request) => {
                self.by_mid.get(&request.mid).map(|section| Event::KeyFrameWanted { section: *section })
            }
            StackEvent::ChannelOpen(id, label) => {
                let channel = Channel::from_label(&label)?;
                self.channels.insert(id, channel);
                Some(Event::ChannelOpen(channel))
            }
            StackEvent::ChannelData(data) => {
                let channel = *self.channels.get(&data.id)?;
                Some(Event::Message(channel, data.data))
            }
            StackEvent::ChannelClose(id) => {
                self.channels.remove(&id);
                None
            }
            StackEvent::MediaIngressStats(stats) => {
                let section = *self.by_mid.get(&stats.mid)?;
                let clock = if self.sections[usize::from(section)].kind == Kind::Audio { 48_000 } else { 90_000 };
                let jitter = Duration::from_micros(u64::from(stats.jitter) * 1_000_000 / clock);
                let (packets, loss, rtt) = (stats.packets, stats.loss, stats.rtt);
                let before = self.counted.insert((stats.mid, stats.rid), packets);
                let jitter = fresh(before, packets, jitter);
                let layer = stats.rid.and_then(|rid| self.sections[usize::from(section)].layer_of(&rid)).unwrap_or(0);
                let (bytes, nacks, key_frames_asked) = (stats.bytes, stats.nacks, stats.plis + stats.firs);
                let report =
                    Report { section, up: true, layer, packets, bytes, key_frames_asked, nacks, loss, jitter, rtt };
                Some(Event::Report(report))
            }
            StackEvent::MediaEgressStats(stats) => {
                let section = *self.by_mid.get(&stats.mid)?;
                let (packets, loss, rtt) = (stats.packets, stats.loss, stats.rtt);
                let (bytes, nacks, key_frames_asked) = (stats.bytes, stats.nacks, stats.plis + stats.firs);
                let report = Report {
                    section,
                    up: false,
                    layer: 0,
                    packets,
                    bytes,
                    key_frames_asked,
                    nacks,
                    loss,
                    jitter: None,
                    rtt,
                };
                Some(Event::Report(report))
            }
            StackEvent::PeerStats(stats) => Some(Event::Traffic(traffic(&stats))),
            StackEvent::EgressBitrateEstimate(BweKind::Twcc { estimate, can_probe: true }) => {
                self.counts_packets = true;
                Some(Event::Bandwidth(estimate.as_u64()))
            }
            // The word of a receiver that does not tell us of every packet; else we know better.
            StackEvent::EgressBitrateEstimate(BweKind::Remb { estimate, .. }) if !self.counts_packets => {
                Some(Event::Bandwidth(estimate.as_u64()))
            }
            StackEvent::Closed => Some(Event::Closed),
            _ => None,
        }
    }

    fn packet(&mut self, packet: RtpPacket) -> Option<UpPacket> {
        if packet.payload.len() > MAX_PAYLOAD {
            return None;
        }
        let ssrc = packet.header.ssrc;
        let stream = match self.streams.get(&ssrc) {
            Some(stream) => *stream,
            None => self.discover(ssrc)?,
        };
        let section = &self.sections[usize::from(stream.section)];
        let format = section.formats.iter().find(|format| format.pt == packet.header.payload_type)?;
        let sender_report = packet.last_sender_info.map(|info| SenderReport {
            ntp_micros: info
                .ntp_time
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(0)),
            rtp: low_bits(info.rtp_time.numer()),
        });
        Some(UpPacket {
            section: stream.section,
            layer: stream.layer,
            alone: stream.alone,
            codec: format.codec,
            profile: format.profile,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            arrival: packet.timestamp,
            audio_level: packet.header.ext_vals.audio_level.map(i8::unsigned_abs),
            sender_report,
            extensions: Extensions::end_to_end(packet.header.ext_vals, format.codec),
            payload: packet.payload,
        })
    }

    fn discover(&mut self, ssrc: Ssrc) -> Option<Stream> {
        let (mid, rid) = {
            let mut api = self.rtc.direct_api();
            let stream = api.stream_rx(&ssrc)?;
            (stream.mid(), stream.rid())
        };
        let section = *self.by_mid.get(&mid)?;
        let layer = match rid.as_deref() {
            None => 0,
            Some(rid) => self.sections[usize::from(section)].layer_of(rid)?,
        };
        let stream = Stream { section, layer, alone: rid.is_none() };
        // One source per layer: a new one replaces the old.
        self.streams.retain(|_, known| known.section != section || known.layer != layer);
        self.streams.insert(ssrc, stream);
        Some(stream)
    }
}

impl Section {
    /// The layer a rid stands for: as announced, by convention, or by its place among all of them
    /// (media-protocol.md section 7.8).
    fn layer_of(&self, rid: &str) -> Option<u8> {
        let announced = self.layers.iter().find(|(name, _)| name == rid).map(|(_, layer)| *layer);
        let usual = || ["q", "h", "f"].iter().position(|name| *name == rid);
        let place = || self.rids.iter().position(|name| name == rid);
        announced.or_else(|| u8::try_from(usual().or_else(place)?).ok()).filter(|layer| *layer < 3)
    }

    fn payload_type(&self, codec: Codec, profile: u32) -> Option<Pt> {
        let mut of_codec = self.formats.iter().filter(|format| format.codec == codec);
        let exact = of_codec.clone().find(|format| format.profile == profile);
        exact.or_else(|| of_codec.find(|format| format.reads(profile))).map(|format| format.pt)
    }
}

impl Format {
    /// Whether a decoder of this format reads a stream of that profile of the same codec.
    fn reads(&self, profile: u32) -> bool {
        match self.codec {
            Codec::H264 => h264_rank(self.profile) >= h264_rank(profile),
            Codec::Vp9 => self.profile == profile,
            Codec::Opus | Codec::Red | Codec::Vp8 | Codec::Av1 => true,
        }
    }
}

/// What a decoder of an H.264 profile can, from baseline over main to high; the bits of the constraints make no difference to
/// what browsers and phones send.
fn h264_rank(profile: u32) -> u8 {
    match profile >> 8 {
        0 | 0x42 => 0,
        0x4d => 1,
        0x64 => 2,
        _ => 3,
    }
}

fn traffic(stats: &PeerStats) -> Traffic {
    let pair = stats.selected_candidate_pair.as_ref();
    Traffic {
        bytes_in: stats.peer_bytes_rx,
        bytes_out: stats.peer_bytes_tx,
        rtt: stats.rtt.or_else(|| pair.and_then(|pair| pair.current_round_trip_time)),
        loss: stats.egress_loss_fraction,
        remote: pair.map(|pair| pair.remote.addr),
        local: pair.map(|pair| pair.local.addr),
        transport: pair.map_or("", |pair| match pair.protocol {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
            Protocol::SslTcp => "ssltcp",
            Protocol::Tls => "tls",
        }),
    }
}

fn vp8_patch(payload: &[u8], rewrite: Vp8Rewrite) -> Option<str0m::rtp::Vp8Patch> {
    let descriptor = Vp8Descriptor::parse(payload).ok()?;
    let mut patch = descriptor.patch();
    if let Some(picture_id) = rewrite.picture_id {
        // Seven bits stay seven: X and I bits, then the id with its M bit.
        let short =
            matches!(payload, [first, second, id, ..] if first & 0x80 != 0 && second & 0x80 != 0 && id & 0x80 == 0);
        patch = patch.picture_id(if short { picture_id & 0x7f } else { picture_id });
    }
    if let Some(index) = rewrite.tl0_pic_idx {
        patch = patch.tl0_pic_idx(index);
    }
    if let Some(index) = rewrite.key_idx {
        patch = patch.key_idx(index);
    }
    patch.build().ok()
}

/// RTP numbers count modulo 2^32.
fn low_bits(extended: u64) -> u32 {
    u32::try_from(extended & u64::from(u32::MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jitter_of_a_stream_that_stands_still_or_stood_still_says_nothing() {
        let jitter = Duration::from_millis(30);

        assert_eq!(fresh(None, 10, jitter), Some(jitter));
        assert_eq!(fresh(Some(10), 11, jitter), Some(jitter));
        assert_eq!(fresh(Some(11), 11, jitter), None);
        assert_eq!(fresh(Some(11), 50, Duration::from_secs(3)), None);
    }

    #[test]
    fn a_stream_goes_out_in_a_format_whose_decoder_reads_it() {
        let format = |codec, profile: u32, pt: u8| Format { codec, profile, pt: Pt::new_with_value(pt) };
        let mut section = Section { formats: vec![format(Codec::H264, 0x42e0, 100)], ..empty_section() };
        let pt = |section: &Section, codec, profile| section.payload_type(codec, profile).map(|pt| *pt);

        assert_eq!(pt(&section, Codec::H264, 0x42e0), Some(100));
        assert_eq!(pt(&section, Codec::H264, 0x4200), Some(100));
        assert_eq!(pt(&section, Codec::H264, 0x6400), None, "high profile is not read by a baseline decoder");
        section.formats.extend([format(Codec::H264, 0x6400, 102), format(Codec::Vp9, 0, 98)]);
        assert_eq!(pt(&section, Codec::H264, 0x6400), Some(102));
        assert_eq!(pt(&section, Codec::H264, 0x4d00), Some(102));
        assert_eq!((pt(&section, Codec::Vp9, 0), pt(&section, Codec::Vp9, 2)), (Some(98), None));
    }

    fn empty_section() -> Section {
        Section {
            mid: Mid::from("0"),
            name: String::new(),
            kind: Kind::Video,
            formats: Vec::new(),
            ssrc: None,
            down: None,
            simulcast: false,
            rids: Vec::new(),
            layers: Vec::new(),
        }
    }

    #[test]
    fn a_layer_is_told_by_announcement_then_by_convention_then_by_order() {
        let rids = vec!["lo".into(), "mid".into(), "hi".into()];
        let mut section = Section { simulcast: true, rids, ..empty_section() };
        assert_eq!(
            ["lo", "mid", "hi", "f", "x"].map(|rid| section.layer_of(rid)),
            [Some(0), Some(1), Some(2), Some(2), None]
        );
        section.layers = vec![("hi".into(), 0), ("lo".into(), 2), ("q".into(), 9)];
        assert_eq!(["lo", "mid", "hi", "q"].map(|rid| section.layer_of(rid)), [Some(2), Some(1), Some(0), None]);
    }

    #[test]
    fn picture_ids_of_seven_and_of_fifteen_bits_are_rewritten() {
        let short = [0x90, 0x80, 5, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 1, 0, 1];
        let long = [0x90, 0x80, 0x80, 5, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 1, 0, 1];
        let rewrite = Vp8Rewrite { picture_id: Some(300), ..Vp8Rewrite::default() };
        assert!(vp8_patch(&short, rewrite).is_some());
        assert!(vp8_patch(&long, rewrite).is_some());
    }
}
