//! One peer connection around the WebRTC stack.

use crate::admission::{Addresses, Sources, source_of};
use crate::check::Credentials;
use crate::dependency::{self, PassThrough};
use crate::incoming::{Arrived, Stream};
use crate::keys;
use crate::negotiation::Open;
use crate::outgoing::{Clock, Outgoing};
use crate::packet::{DownPacket, Dropped, Report, Traffic, UpPacket};
use crate::plan::Codec;
use crate::section::Section;
use crate::stack::Stack;
use crate::transport_numbers::TransportNumbers;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::channel::ChannelId;
use str0m::config::DtlsCert;
use str0m::media::{KeyframeRequestKind, Mid};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{Extension, Ssrc};
use str0m::{Candidate, Input, Output as StackOutput, RtcConfig, RtcError};

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

/// An address that nobody sends from.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

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
    clock: Clock,
}

impl PeerFactory {
    /// Makes the certificate. `None` if the crypto library cannot. `clock` tells clients what time it is in what they receive.
    pub fn new(clock: Clock) -> Option<Self> {
        let provider = keys::provider();
        let certificate: DtlsCert = provider.dtls_provider.generate_certificate()?;
        let config = RtcConfig::new()
            .set_crypto_provider(Arc::new(provider))
            .set_dtls_cert(certificate)
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .enable_h264(true)
            .enable_vp9(true)
            .enable_av1(true)
            .set_extension(6, Extension::PlayoutDelay)
            .set_extension(12, Extension::with_serializer(dependency::URI, PassThrough))
            .set_extension(14, Extension::AbsoluteCaptureTime)
            .set_stats_interval(Some(REPORT_INTERVAL))
            .set_rtcp_report_interval_audio(Duration::from_secs(3))
            .set_sctp_max_buffered_amount(DATA_BACKLOG)
            .set_sctp_max_message_size(DATA_MESSAGE);
        Some(Self { config, clock })
    }

    /// A peer that is reachable under `addresses` (UDP), and whose owner takes TCP connections under `streams`.
    pub fn peer(&self, addresses: &[SocketAddr], streams: &[SocketAddr], now: Instant) -> Peer {
        let mut rtc = Stack::new(self.config.clone().build(now));
        let keys = keys::take_slot().unwrap_or_default();
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
            former: HashMap::new(),
            channels: HashMap::new(),
            pending: None,
            offers: 0,
            answered: false,
            only_streams: false,
            numbers: TransportNumbers::new(),
            reachable: addresses.into(),
            addresses: Addresses::new(now),
            sources: Sources::default(),
            announced: HashSet::new(),
            credentials: None,
            keys,
            outgoing: Outgoing::new(self.clock, FIRST_ESTIMATE),
            kept: 0,
            unread: 0,
            unread_format: 0,
            proven_at: None,
            way: None,
            due: now,
        }
    }
}

/// One WebRTC connection.
#[derive(Debug)]
pub struct Peer {
    pub(crate) rtc: Stack,
    pub(crate) sections: Vec<Section>,
    pub(crate) by_mid: HashMap<Mid, u16>,
    pub(crate) streams: HashMap<Ssrc, Stream>,
    /// How many packets came of sources whose place has to be looked up again.
    pub(crate) former: HashMap<Ssrc, Arrived>,
    pub(crate) channels: HashMap<ChannelId, Channel>,
    pub(crate) pending: Option<Open>,
    /// Offers made, which number the descriptions (RFC 8829 section 5.2.2).
    pub(crate) offers: u64,
    /// One of them was answered.
    pub(crate) answered: bool,
    /// Descriptions name no way but TCP.
    pub(crate) only_streams: bool,
    /// What keeps the stack from counting without end.
    pub(crate) numbers: TransportNumbers,
    /// Where the client was told that it reaches us, over UDP.
    reachable: Box<[SocketAddr]>,
    /// Where the client called from.
    pub(crate) addresses: Addresses,
    /// What it sends from.
    pub(crate) sources: Sources,
    /// From what it said it would, in its last description.
    pub(crate) announced: HashSet<u32>,
    /// Its ICE name and password, in its last description.
    pub(crate) credentials: Option<Credentials>,
    /// Where the keys of the handshake will be.
    pub(crate) keys: keys::Slot,
    /// What goes to the client, data channels left out.
    pub(crate) outgoing: Outgoing,
    /// Bytes that came and were nothing for the stack.
    pub(crate) kept: u64,
    /// Packets of media the stack was given since it was last asked for all it has, less those it gave back.
    pub(crate) unread: u32,
    /// The payload type of the last of them.
    pub(crate) unread_format: u8,
    /// When something came last that was sealed by the client.
    proven_at: Option<Instant>,
    /// From where to where the stack sends.
    way: Option<(SocketAddr, SocketAddr)>,
    /// When the stack wants to hear that time passes.
    due: Instant,
}

impl Peer {
    /// The ICE user name fragment under which the client calls us; new after an ICE restart.
    pub fn local_ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// The index packets of the section `mid` carry. Sections never go away, but for those of an offer that is taken back.
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

    /// The address the client was told of for what arrives at `arrived`: that one, or behind a translation of addresses the first of
    /// its family.
    pub fn known_as(&self, arrived: SocketAddr) -> SocketAddr {
        let like = |known: &&SocketAddr| known.is_ipv4() == arrived.is_ipv4();
        let known = self.reachable.iter().find(|known| **known == arrived);
        known.or_else(|| self.reachable.iter().find(like)).copied().unwrap_or(arrived)
    }

    /// Whether a datagram is meant for this peer; for a STUN request that means a correct user name and integrity.
    pub fn accepts(&self, now: Instant, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) -> bool {
        // The stack believes whatever comes from where it sends, and anybody can write that on a check.
        let source = if is_check(bytes) { NOWHERE } else { source };
        Receive::new(Protocol::Udp, source, destination, bytes)
            .is_ok_and(|receive| self.rtc.accepts(&Input::Receive(now, receive)))
    }

    /// A connectivity check of ours, for asking an address whether the client is there: only who receives it can name its
    /// transaction, which has to be unguessable, in a successful answer. That is nothing for the stack. `None` before the client
    /// has described itself.
    pub fn check(&mut self, transaction: &[u8; 12]) -> Option<Vec<u8>> {
        let ours = self.local_ufrag();
        Some(self.credentials.as_ref()?.check(&ours, transaction))
    }

    /// When something came last whose seal only the client can make: media, control packets, messages. Checks are not among them.
    pub fn proven_at(&self) -> Option<Instant> {
        self.proven_at
    }

    /// The client is reached by another way from now on: what the one before carried and how long it took says little.
    pub fn path_changed(&mut self, now: Instant) {
        self.outgoing.path_changed(now);
    }

    /// A datagram arrived. Why it was thrown away, if it was.
    ///
    /// # Errors
    /// The connection failed for good.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
    ) -> Result<Option<Dropped>, PeerError> {
        let Ok(receive) = Receive::new(Protocol::Udp, source, destination, bytes) else {
            return Ok(Some(Dropped::Garbage));
        };
        if !self.numbers.admits(bytes) {
            return Ok(Some(Dropped::TransportNumber));
        }
        // Whoever has a wrong password is not remembered.
        if is_check(bytes)
            && !self.addresses.knows(source)
            && self.accepts(now, source, destination, bytes)
            && !self.addresses.admit(now, source)
        {
            return Ok(Some(Dropped::CheckAddress));
        }
        let input = Input::Receive(now, receive);
        if is_rtcp(bytes) {
            let heard = self.outgoing.handle_rtcp(now, bytes);
            if heard.is_ok() && self.outgoing.is_open() {
                self.proven_at = Some(now);
            }
            if heard != Ok(true) {
                self.kept += u64::try_from(bytes.len()).unwrap_or_default();
                return Ok(heard.err());
            }
        } else if is_media(bytes) {
            match source_of(bytes).map_or(Ok(Vec::new()), |source| self.sources.admit(now, source)) {
                Ok(gone) => self.forget(&gone),
                Err(()) => return Ok(Some(Dropped::OddSource)),
            }
            if let Some(format) = media_format(bytes) {
                self.unread += 1;
                self.unread_format = format;
            }
        }
        self.rtc.handle_input(input)?;
        Ok(None)
    }

    /// Sources made room for others. What was announced is known by nothing but its source and has to stay.
    fn forget(&mut self, gone: &[u32]) {
        for source in gone {
            if !self.announced.contains(source) {
                self.remove_source(*source);
            }
        }
    }

    /// Takes a source out of the stack.
    pub(crate) fn remove_source(&mut self, source: u32) {
        let source = Ssrc::from(source);
        self.former.remove(&source);
        let mut api = self.rtc.direct_api();
        if api.stream_rx(&source).is_some() {
            self.streams.remove(&source);
            api.remove_stream_rx(source);
        }
    }

    /// The moment of [`Output::Timeout`] has come.
    ///
    /// # Errors
    /// The connection failed for good.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), PeerError> {
        if self.outgoing.poll_timeout().is_some_and(|due| due <= now) {
            self.outgoing.handle_timeout(now);
        }
        // It works out all its deadlines each time.
        if self.due <= now {
            self.rtc.handle_input(Input::Timeout(now))?;
        }
        Ok(())
    }

    /// Drains what there is to do; call after every input and after writing, until it says [`Output::Timeout`].
    ///
    /// # Errors
    /// The connection failed for good.
    pub fn poll(&mut self, now: Instant) -> Result<Output, PeerError> {
        if let Some((source, destination)) = self.way
            && let Some(contents) = self.outgoing.poll_datagram()
        {
            return Ok(Output::Transmit { source, destination, contents });
        }
        loop {
            if let Some(event) = self.outgoing.poll_event() {
                return Ok(Output::Event(event));
            }
            match self.rtc.poll()? {
                None => return Ok(self.rest()),
                Some(StackOutput::Timeout(at)) => self.due = at,
                Some(StackOutput::Transmit(transmit)) => {
                    let (source, destination) = (transmit.source, transmit.destination);
                    let contents: Vec<u8> = transmit.contents.into();
                    // Checks go wherever they have to; everything else goes where media goes.
                    if !matches!(contents.first(), Some(0..=3)) {
                        self.way = Some((source, destination));
                    }
                    return Ok(Output::Transmit { source, destination, contents });
                }
                Some(StackOutput::Event(event)) => {
                    if let Some(event) = self.translate(event, now) {
                        if matches!(event, Event::Packet(_) | Event::Message(..)) {
                            self.proven_at = Some(now);
                        }
                        return Ok(Output::Event(event));
                    }
                }
            }
        }
    }

    /// There is nothing to do until the stack, or what is sent, wants to hear that time passes.
    fn rest(&mut self) -> Output {
        if let Some(fewer) = self.unread.checked_sub(1) {
            self.unread = fewer;
            // What comes again after all, or only to look for bandwidth, is no loss.
            if !self.sections.iter().any(|section| section.is_repair(self.unread_format)) {
                return Output::Event(Event::Dropped(Dropped::Unread));
            }
        }
        Output::Timeout(self.outgoing.poll_timeout().map_or(self.due, |sends| sends.min(self.due)))
    }

    /// Which layers the encodings on a section are, by rid: as the client announced them.
    pub fn set_layers(&mut self, section: u16, layers: Vec<(String, u8)>) {
        if let Some(known) = self.sections.get_mut(usize::from(section)) {
            known.layers = layers;
            self.forget_streams(|stream| stream.section == section);
        }
    }

    /// Whether the client takes a codec on a section.
    pub fn takes(&self, section: u16, codec: Codec) -> bool {
        self.sections.get(usize::from(section)).is_some_and(|section| section.format(codec, 0).is_some())
    }

    /// Sends a packet on a section. `false` if the client does not take its format, or is not connected.
    pub fn write(&mut self, now: Instant, section: u16, packet: &DownPacket<'_>) -> bool {
        let formats = self.sections.get(usize::from(section));
        let formats = formats.and_then(|section| section.outlet(packet.codec, packet.profile));
        formats.is_some_and(|formats| self.outgoing.write(now, section, formats, packet))
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
    pub fn seek_bandwidth(&mut self, now: Instant, minimum: u64, desired: u64) {
        self.outgoing.seek(now, minimum, desired);
    }

    /// Whether pictures leave no faster than the estimate, so that they do not fill the queue that sound has to pass, or at
    /// once.
    pub fn pace(&mut self, paced: bool) {
        self.outgoing.pace(paced);
    }

    /// The client is away: pictures that wait to be sent are of no use when it comes back, and its silence says nothing of the
    /// way it will come by.
    pub fn start_over(&mut self, now: Instant) {
        self.outgoing.start_over(now);
    }

    /// Packets that wait to be sent on a section.
    pub fn queued(&self, section: u16) -> usize {
        self.outgoing.waiting(section)
    }

    /// Bytes on a channel that the client has not taken yet, copies of the stack's; 0 if it is not open.
    pub fn data_backlog(&mut self, channel: Channel) -> usize {
        let id = self.channels.iter().find(|(_, which)| **which == channel).map(|(id, _)| *id);
        id.and_then(|id| self.rtc.channel(id)).map_or(0, |mut open| open.buffered_amount())
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

/// The payload type of RTP that does more than fill (RFC 3550 section 5.1: the bit for padding; RFC 7983 section 7: the first octet).
fn media_format(datagram: &[u8]) -> Option<u8> {
    match datagram {
        [first @ 128..=191, second, ..] if first & 0x20 == 0 => Some(second & 0x7f),
        _ => None,
    }
}

/// RTP or RTCP (RFC 7983 section 7).
fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, ..])
}

/// STUN (RFC 7983 section 7).
fn is_check(datagram: &[u8]) -> bool {
    matches!(datagram, [0..=3, ..])
}

/// Told apart from media by the second octet (RFC 5761 section 4).
fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, 192..=223, ..])
}
