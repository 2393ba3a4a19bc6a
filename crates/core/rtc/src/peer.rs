//! One peer connection around the WebRTC stack.

use crate::dependency::{self, PassThrough, Raw};
use crate::incoming::Stream;
use crate::packet::{DownPacket, Dropped, Report, Traffic, UpPacket, Vp8Rewrite};
use crate::plan::{Codec, Kind};
use crate::section::Section;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate;
use str0m::change::SdpPendingOffer;
use str0m::channel::ChannelId;
use str0m::config::DtlsCert;
use str0m::media::{KeyframeRequestKind, Mid, Rid};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{Extension, RtpWrite, Ssrc, Vp8Descriptor};
use str0m::{Candidate, Input, Output as StackOutput, Rtc, RtcConfig, RtcError};

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

    pub(crate) fn from_label(label: &str) -> Option<Self> {
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
    /// One that is of no use.
    Dropped(Dropped),
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
    pub(crate) counts_packets: bool,
    /// Descriptions name no way but TCP.
    pub(crate) only_streams: bool,
    /// Packets of each incoming stream at its last report.
    pub(crate) counted: HashMap<(Mid, Option<Rid>), u64>,
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

    /// A datagram arrived. Whether it is one of any protocol that is spoken here; what is not is ignored.
    ///
    /// # Errors
    /// The connection failed for good.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
    ) -> Result<bool, PeerError> {
        match Receive::new(Protocol::Udp, source, destination, bytes) {
            Ok(receive) => {
                self.rtc.handle_input(Input::Receive(now, receive))?;
                Ok(true)
            }
            Err(_) => Ok(false),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picture_ids_of_seven_and_of_fifteen_bits_are_rewritten() {
        let short = [0x90, 0x80, 5, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 1, 0, 1];
        let long = [0x90, 0x80, 0x80, 5, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 1, 0, 1];
        let rewrite = Vp8Rewrite { picture_id: Some(300), ..Vp8Rewrite::default() };
        assert!(vp8_patch(&short, rewrite).is_some());
        assert!(vp8_patch(&long, rewrite).is_some());
    }
}
