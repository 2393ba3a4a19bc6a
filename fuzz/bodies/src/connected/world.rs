//! A room with the hostile client, somebody who speaks and somebody who listens, all of them connected.

use super::crypto;
use super::formats::elements_of;
use media::{Datagram, Engine};
use model::media::{MediaPermission, ParticipantKind};
use model::{Identity, RoomId, SessionId};
use ports::media::{MediaJoin, SignalDown, Topology};
use prost::Message;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::media::{Direction, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::sync::mpsc;
use wire::lk;
use wire::lk::signal_response::Message as Response;

/// Payload types of the clients' offers.
pub(super) const OPUS: u8 = 111;
pub(super) const RED: u8 = 63;
pub(super) const VP8: u8 = 96;
pub(super) const VP9: u8 = 98;
pub(super) const AV1: u8 = 45;
pub(super) const H264: u8 = 108;

/// The streams of the pictures that come in several sizes, from the smallest on.
pub(super) const SIZES: [&str; 3] = ["q", "h", "f"];

/// How far the RTP time goes on from one sound to the next, and from one picture to the next.
pub(super) const SOUND_TICKS: u32 = 960;
pub(super) const PICTURE_TICKS: u32 = 1800;

/// As which number the clients know the dependency descriptor, and its name.
pub(super) const DESCRIPTOR: u8 = 9;
const DESCRIPTOR_URI: &str = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// Most datagrams that the server may send because of one step.
const MOST_SENT: usize = 2000;

/// Most rounds until nothing moves.
const ROUNDS: usize = 50;

/// Longest stretch of time that passes at once.
const STRIDE: Duration = Duration::from_millis(50);

/// Who speaks, and hears the second in what the oldest clients know; who is hostile and hears the first; who hears both in all there
/// is.
pub const ANN: usize = 0;
pub const EVE: usize = 1;
pub const BOB: usize = 2;

/// What the hostile client seals.
#[derive(Debug, Clone, Copy)]
pub enum Sealed {
    /// A packet of media; some bits say of which source.
    Packet(u8),
    /// Control packets; some bits say from which source (8 and 16), that lengths stay as they are (64), and that the first is about
    /// what the client receives (32): its sound, or its pictures (128).
    Control(u8),
}

/// What of a stream of the server came last.
#[derive(Debug, Default, Clone, Copy)]
struct Newest {
    ssrc: u32,
    sequence: u16,
    /// Counts through all streams.
    transport: u16,
}

/// What somebody does, and knows.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// Publishes sound and pictures.
    speaks: bool,
    /// Publishes pictures in several sizes too.
    films: bool,
    /// So many sections to receive on are there from the beginning, of sound and of pictures; more are made when they are asked for.
    sections: usize,
    /// All codecs, redundant sound and the dependency descriptor, not Opus and VP8 alone.
    knows_all: bool,
}

/// Somebody with a connection.
#[derive(Debug)]
pub struct Client {
    pub(super) rtc: Rtc,
    address: SocketAddr,
    link: u64,
    down: mpsc::Receiver<SignalDown>,
    pending: Option<SdpPendingOffer>,
    offers: u32,
    channel: Option<ChannelId>,
    pub(super) microphone: Mid,
    pub(super) camera: Mid,
    /// Pictures in several sizes.
    pub(super) film: Option<Mid>,
    /// How far each of its sources has counted.
    sequences: BTreeMap<u32, u64>,
    /// The server's name and password in checks.
    server: (String, String),
    connected: bool,
    /// Its signalling socket was closed.
    pub closed: bool,
    /// Packets of sound that arrived.
    pub heard: usize,
    /// Packets of pictures that arrived.
    pub seen: usize,
    /// Packets that arrived in each format.
    pub formats: BTreeMap<u8, usize>,
    /// Datagrams that arrived.
    pub datagrams: usize,
    /// How often a key frame was asked for.
    pub asked: usize,
    /// Of sound and of pictures.
    newest: [Newest; 2],
    /// Seals what it sends, once it is connected.
    slot: crypto::Slot,
    /// Set on what it sends next: position and bits.
    tampered: Vec<(usize, u8)>,
}

/// See the [module](self).
#[derive(Debug)]
pub struct World {
    engine: Engine,
    now: Instant,
    address: SocketAddr,
    /// See [`ANN`], [`EVE`] and [`BOB`].
    pub clients: Vec<Client>,
    pub(super) frame: u32,
    _events: mpsc::Receiver<ports::media::MediaEvent>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// All are connected, and sound was heard.
    pub fn new() -> Self {
        crypto::equip_the_server();
        crypto::put_nothing_instead();
        let address = SocketAddr::from(([192, 0, 2, 1], 8080));
        let (events, listener) = mpsc::channel(4096);
        let now = Instant::now();
        let engine = Engine::new(vec![address], 1, events).expect("a certificate");
        let mut world = Self { engine, now, address, clients: Vec::new(), frame: 0, _events: listener };
        world.join("ann", Kind { speaks: true, films: false, sections: 0, knows_all: false });
        world.join("eve", Kind { speaks: true, films: true, sections: 4, knows_all: true });
        world.join("bob", Kind { speaks: false, films: false, sections: 6, knows_all: true });
        for _ in 0..100 {
            if world.clients.iter().all(|client| client.connected && client.channel.is_some()) {
                break;
            }
            world.pass(STRIDE);
        }
        assert!(world.clients.iter().all(|client| client.connected), "not everybody is connected");
        for _ in 0..5 {
            world.speak(ANN);
            world.speak(EVE);
            world.pass(Duration::from_millis(20));
        }
        assert!(world.clients[BOB].heard >= 5, "the listener hears nobody");
        world
    }

    /// Joins with a microphone and a camera.
    fn join(&mut self, name: &str, kind: Kind) {
        let port = 10_000 + u16::try_from(self.clients.len()).unwrap_or(0);
        let address = SocketAddr::from(([192, 0, 2, 100], port));
        let mut rtc = Rtc::builder()
            .set_crypto_provider(crypto::of_the_client())
            .set_dtls_cert(crypto::certificate())
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, kind.knows_all)
            .enable_vp8(true)
            .enable_h264(kind.knows_all)
            .enable_vp9(kind.knows_all)
            .enable_av1(kind.knows_all)
            .set_extension(DESCRIPTOR, Extension::with_serializer(DESCRIPTOR_URI, Unread))
            .build(self.now);
        let slot = crypto::take_slot();
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("an address"));
        let mut api = rtc.sdp_api();
        for kind in [MediaKind::Audio, MediaKind::Video].into_iter().cycle().take(kind.sections) {
            api.add_media(kind, Direction::RecvOnly, None, None, None);
        }
        let track = |kind: &str| Some(format!("{name}-{kind}"));
        let microphone = api.add_media(MediaKind::Audio, Direction::SendOnly, track("s"), track("mic"), None);
        let camera = api.add_media(MediaKind::Video, Direction::SendOnly, track("s"), track("cam"), None);
        let film = kind.films.then(|| {
            let mut sizes = Simulcast::new();
            SIZES.into_iter().for_each(|rid| sizes.add_send_layer(SimulcastLayer::new(rid)));
            api.add_media(MediaKind::Video, Direction::SendOnly, track("s"), track("film"), Some(sizes))
        });
        api.add_channel("_reliable".into());
        let (offer, pending) = api.apply().expect("something to offer");
        let add = |kind: &str, r#type: lk::TrackType, source: lk::TrackSource| lk::AddTrackRequest {
            cid: format!("{name}-{kind}"),
            r#type: r#type.into(),
            source: source.into(),
            ..lk::AddTrackRequest::default()
        };
        let layer = |(rid, quality): (&str, i32)| lk::VideoLayer {
            rid: rid.into(),
            quality,
            width: 320 << quality,
            height: 180 << quality,
            ..Default::default()
        };
        let filmed = lk::AddTrackRequest {
            layers: SIZES.into_iter().zip(0..).map(layer).collect(),
            ..add("film", lk::TrackType::Video, lk::TrackSource::ScreenShare)
        };
        let spoken = [
            add("mic", lk::TrackType::Audio, lk::TrackSource::Microphone),
            add("cam", lk::TrackType::Video, lk::TrackSource::Camera),
        ];
        let tracks = spoken.into_iter().filter(|_| kind.speaks).chain(Some(filmed).filter(|_| kind.films));
        let request = lk::JoinRequest {
            connection_settings: Some(lk::ConnectionSettings { auto_subscribe: true, ..Default::default() }),
            add_track_requests: tracks.collect(),
            publisher_offer: Some(description(&offer, 1)),
            ..Default::default()
        };
        let (link, down) = mpsc::channel(4096);
        let join = MediaJoin {
            room: RoomId::try_from("room").expect("a name"),
            session: SessionId::try_from("session").expect("a name"),
            identity: Identity::try_from(name).expect("a name"),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            permission: MediaPermission::FREE,
            request: request.encode_to_vec().into(),
            topology: Topology::Single,
            relays: Vec::new(),
            relay_only: false,
            kind: ParticipantKind::Standard,
            kind_details: Vec::new(),
        };
        let link = self.engine.join(&join, link, self.now).expect("a place");
        self.clients.push(Client {
            rtc,
            address,
            link,
            down,
            pending: Some(pending),
            offers: 1,
            channel: None,
            microphone,
            camera,
            film,
            sequences: BTreeMap::new(),
            server: Default::default(),
            connected: false,
            closed: false,
            heard: 0,
            seen: 0,
            formats: BTreeMap::new(),
            datagrams: 0,
            asked: 0,
            newest: [Newest::default(); 2],
            slot,
            tampered: Vec::new(),
        });
        self.pump();
    }

    pub(super) fn take(&mut self, client: usize, contents: &[u8]) {
        let source = self.clients[client].address;
        self.engine.handle_datagram(self.now, Datagram { source, destination: self.address, contents });
    }

    pub(super) fn seal(&self, client: usize, packet: &mut Vec<u8>) {
        // Before it is connected it has nothing to seal.
        if let Some(seal) = self.clients[client].slot.lock().expect("no panic").as_mut() {
            seal.seal(packet);
        }
    }

    /// The hostile client sends those bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.take(EVE, bytes);
    }

    /// The hostile client sends those bytes under its keys. What the stack looks at before it unseals is put right, as far as
    /// the bits say so.
    pub fn send_sealed(&mut self, what: Sealed, bytes: &[u8]) {
        let client = &mut self.clients[EVE];
        let (microphone, camera) = (client.microphone, client.camera);
        let (sound, picture) = (client.sources(microphone, None), client.sources(camera, None));
        let received = client.newest;
        let mut packet = bytes.to_vec();
        packet.resize(packet.len().max(12), 0);
        packet[0] = 0x80 | (packet[0] & 0x3f);
        let mut put = |at: usize, value: &[u8]| packet[at..at + value.len()].copy_from_slice(value);
        match what {
            Sealed::Packet(bits) => {
                let (source, format) = match bits >> 3 & 7 {
                    0 | 1 => (sound.0, OPUS),
                    2 | 3 => (picture.0, VP8),
                    4 => (picture.1, VP8 + 1),
                    5 => (sound.1, VP8),
                    _ => (u32::from(bits), OPUS),
                };
                if bits & 0x40 == 0 {
                    put(1, &[format | (bits & 0x80)]);
                }
                let [.., high, low] = client.number(source, 1).to_be_bytes();
                put(2, &[high, low]);
                put(8, &source.to_be_bytes());
            }
            Sealed::Control(bits) => {
                let from = [sound.0, picture.0, picture.1, 0][usize::from(bits >> 3 & 3)];
                let kind = packet[1];
                packet[1] = 192 + kind % 24;
                if bits & 0x40 == 0 {
                    // The first of them as long as it says, or all there is.
                    packet.truncate(packet.len() / 4 * 4);
                    let words = u16::try_from(packet.len() / 4 - 1).unwrap_or(u16::MAX);
                    packet[2..4].copy_from_slice(&words.to_be_bytes());
                }
                packet[4..8].copy_from_slice(&from.to_be_bytes());
                if bits & 0x20 != 0 {
                    say_about(&mut packet, received[usize::from(bits >> 7)]);
                }
            }
        }
        self.seal(EVE, &mut packet);
        self.take(EVE, &packet);
    }

    /// The hostile client sends a packet of media with those header extensions (RFC 8285), in the form of one byte or, if the bit
    /// says so (64), of two; other bits as in [`Sealed::Packet`].
    pub fn send_extended(&mut self, bits: u8, elements: &[u8]) {
        let mut packet = vec![0x90; 12];
        packet.extend(elements_of(elements, bits & 0x40 != 0));
        packet.extend([0x90, 0x80, 0x80, 1, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0x68, 1]);
        self.send_sealed(Sealed::Packet(bits & !0x40), &packet);
    }

    /// The hostile client sends media with some bits of it turned, two bytes saying where and which.
    pub fn tamper(&mut self, bytes: &[u8]) {
        self.clients[EVE].tampered =
            bytes.chunks_exact(2).take(16).map(|pair| (usize::from(pair[0]), pair[1])).collect();
        self.speak(EVE);
        self.pump();
        self.clients[EVE].tampered.clear();
    }

    /// The hostile client sends a check, or what else that bit says, with those attributes and under its password.
    pub fn send_check(&mut self, what: u8, attributes: &[u8]) {
        let client = &mut self.clients[EVE];
        let name = format!("{}:{}", client.server.0, client.rtc.direct_api().local_ice_credentials().ufrag);
        let mut all = vec![0, 6];
        all.extend(u16::try_from(name.len()).unwrap_or(0).to_be_bytes());
        all.extend(name.as_bytes());
        all.resize(all.len().next_multiple_of(4), 0);
        all.extend(attributes);
        all.resize(all.len().next_multiple_of(4), 0);
        let kind = [[0, 1], [0, 0x11], [1, 1], [1, 0x11]][usize::from(what >> 3 & 3)];
        let head = |length: usize| {
            let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
            [&kind[..], &length, &[0x21, 0x12, 0xa4, 0x42], &[what; 12]].concat()
        };
        let seal = crypto::hmac(client.server.1.as_bytes(), &[head(all.len() + 24), all.clone()].concat());
        all.extend([0, 8, 0, 20]);
        all.extend(seal);
        let message = [head(all.len() + 8), all].concat();
        let sum = checksum(&message) ^ 0x5354_554e;
        self.take(EVE, &[&message[..], &[0x80, 0x28, 0, 4], &sum.to_be_bytes()].concat());
    }

    /// The hostile client puts those bytes into DTLS, where a packet of its data channels should be.
    pub fn send_under_dtls(&mut self, bytes: &[u8]) {
        crypto::put_instead(bytes);
        self.send_message(&[1]);
        self.pump();
        crypto::put_nothing_instead();
    }

    /// The hostile client sends a message on its data channel.
    pub fn send_message(&mut self, bytes: &[u8]) {
        let client = &mut self.clients[EVE];
        if let Some(mut channel) = client.channel.and_then(|id| client.rtc.channel(id)) {
            // One that takes no more has been sent enough.
            let _ = channel.write(true, bytes);
        }
    }

    /// The next packet of the hostile client meets a bug of ours.
    pub fn send_to_a_bug(&mut self) {
        crypto::plant_bug();
        self.send_sealed(Sealed::Packet(0), &[0; 40]);
        self.pump();
    }

    /// A packet of sound and one of a picture.
    fn speak(&mut self, client: usize) {
        self.frame += 1;
        let client = &mut self.clients[client];
        let values = ExtensionValues { audio_level: Some(-20), voice_activity: Some(true), ..Default::default() };
        let [high, low] = (u16::try_from(self.frame & 0x7fff).unwrap_or(0) | 0x8000).to_be_bytes();
        let picture =
            [&[0x90, 0x80, high, low, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0x68, 1][..], &[7; 300]].concat();
        let sizes = client.film.into_iter().flat_map(|film| SIZES.map(|rid| (film, Some(Rid::from(rid)))));
        let pictures: Vec<_> = [(client.camera, None)].into_iter().chain(sizes).collect();
        let mut media = vec![(client.microphone, None, OPUS, SOUND_TICKS, vec![0xfc, 1, 2, 3])];
        media.extend(pictures.into_iter().map(|(mid, rid)| (mid, rid, VP8, PICTURE_TICKS, picture.clone())));
        for (mid, rid, format, ticks, payload) in media {
            let (source, _) = client.sources(mid, rid);
            let number = client.number(source, 1);
            let mut api = client.rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, rid) else { continue };
            let format = Pt::new_with_value(format);
            let payload: Arc<[u8]> = payload.into();
            let write = RtpWrite::new(format, number.into(), self.frame * ticks, self.now, payload);
            stream.write_rtp(write.marker(true).nackable(true).ext_vals(values.clone()));
        }
        // A stack that gave up says nothing more.
        let _ = client.rtc.handle_input(Input::Timeout(self.now));
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = (self.now + STRIDE).min(end);
            for client in &mut self.clients {
                let _ = client.rtc.handle_input(Input::Timeout(self.now));
            }
            self.pump();
        }
    }

    /// Moves everything that waits, in both directions, until nothing does.
    pub fn pump(&mut self) {
        let mut sent = 0;
        for _ in 0..ROUNDS {
            self.engine.handle_timeout(self.now);
            let mut out: Vec<(SocketAddr, SocketAddr, Vec<u8>)> = Vec::new();
            self.engine.drain(self.now, &mut |from, to, contents| out.push((from, to, contents)));
            sent += out.len();
            assert!(sent < MOST_SENT, "one step has no end of datagrams");
            let mut moved = !out.is_empty();
            for (from, to, contents) in out {
                let Some(index) = self.clients.iter().position(|client| client.address == to) else { continue };
                if let Ok(receive) = Receive::new(Protocol::Udp, from, to, &contents) {
                    self.clients[index].datagrams += 1;
                    let _ = self.clients[index].rtc.handle_input(Input::Receive(self.now, receive));
                    // A stack holds one packet at a time.
                    self.drain(index);
                }
            }
            for client in 0..self.clients.len() {
                moved |= self.drain(client);
                self.read_signals(client);
            }
            if !moved {
                return;
            }
        }
    }

    fn drain(&mut self, index: usize) -> bool {
        let mut moved = false;
        loop {
            let client = &mut self.clients[index];
            match client.rtc.poll_output() {
                Ok(Output::Timeout(due)) if due <= self.now && client.rtc.is_alive() => {
                    if client.rtc.handle_input(Input::Timeout(self.now)).is_err() {
                        return moved;
                    }
                }
                Ok(Output::Timeout(_)) | Err(_) => return moved,
                Ok(Output::Transmit(transmit)) => {
                    moved = true;
                    let mut contents: Vec<u8> = transmit.contents.into();
                    let readable = crypto::readable(&contents);
                    for (at, bits) in &client.tampered {
                        let at = at % contents.len().max(1);
                        if let Some(byte) = contents.get_mut(at) {
                            *byte ^= bits;
                        }
                    }
                    if let Some(length) = readable {
                        contents.truncate(length);
                        self.seal(index, &mut contents);
                    }
                    self.take(index, &contents);
                }
                Ok(Output::Event(Event::Connected)) => client.connected = true,
                Ok(Output::Event(Event::ChannelOpen(id, _))) => client.channel = Some(id),
                Ok(Output::Event(Event::RtpPacket(packet))) => {
                    client.note(&packet);
                }
                Ok(Output::Event(Event::KeyframeRequest(_))) => client.asked += 1,
                Ok(Output::Event(_)) => {}
            }
        }
    }

    fn read_signals(&mut self, index: usize) {
        let mut asked = None;
        let client = &mut self.clients[index];
        while let Ok(told) = client.down.try_recv() {
            let SignalDown::Message(bytes) = told else {
                client.closed |= told == SignalDown::Close;
                continue;
            };
            let response = lk::SignalResponse::decode(bytes).ok().and_then(|response| response.message);
            if let Some(Response::MediaSectionsRequirement(required)) = &response {
                asked = Some((required.num_audios, required.num_videos));
            }
            if let Some(Response::Answer(answer)) = response {
                let find = |name: &str| answer.sdp.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                client.server = find("a=ice-ufrag:").zip(find("a=ice-pwd:")).unwrap_or_default();
                let sdp = SdpAnswer::from_sdp_string(&answer.sdp).expect("an answer");
                if let Some(pending) = client.pending.take() {
                    client.rtc.sdp_api().accept_answer(pending, sdp).expect("an answer to the offer");
                }
            }
        }
        if let Some((sounds, pictures)) = asked {
            self.add_sections(index, sounds, pictures);
        }
    }

    /// Offers so many sections more to receive on.
    fn add_sections(&mut self, index: usize, sounds: u32, pictures: u32) {
        let client = &mut self.clients[index];
        let mut api = client.rtc.sdp_api();
        for (count, kind) in [(sounds, MediaKind::Audio), (pictures, MediaKind::Video)] {
            for _ in 0..count {
                api.add_media(kind, Direction::RecvOnly, None, None, None);
            }
        }
        let Some((offer, pending)) = api.apply() else { return };
        client.pending = Some(pending);
        client.offers += 1;
        let offer = description(&offer, client.offers);
        let message = lk::SignalRequest { message: Some(lk::signal_request::Message::Offer(offer)) };
        self.engine.message(client.link, &message.encode_to_vec().into(), self.now);
    }

    /// How many people the server knows.
    pub fn sessions(&self) -> usize {
        self.engine.holdings().sessions
    }

    /// Whoever is not hostile is still there and hears and is heard; and the server holds no more than three people need.
    pub fn assert_others_are_well(&mut self) {
        let heard = self.clients[BOB].heard;
        for _ in 0..5 {
            self.speak(ANN);
            self.pass(Duration::from_millis(20));
        }
        let others = [ANN, BOB].map(|other| &self.clients[other]);
        assert!(others.iter().all(|client| !client.closed && client.rtc.is_alive()), "somebody was harmed");
        assert!(self.clients[BOB].heard >= heard + 5, "the listener hears nothing any more");
        let held = self.engine.holdings();
        assert!(held.rooms == 1 && held.sessions <= 3 && held.links <= 3, "{held:?}");
        assert!(held.tracks <= 6 && held.subscriptions <= 12, "{held:?}");
        assert!(held.addresses <= 30 && held.names <= 30 && held.deadlines <= 1000, "{held:?}");
    }
}

impl Client {
    /// The source of a stream, and that of what is sent again of it; 0 where there is none.
    pub(super) fn sources(&mut self, mid: Mid, rid: Option<Rid>) -> (u32, u32) {
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, rid);
        stream.map(|stream| (*stream.ssrc(), stream.rtx().map_or(0, |rtx| *rtx))).unwrap_or_default()
    }

    /// The number of a packet of a source, which counts so much further.
    pub(super) fn number(&mut self, source: u32, step: i64) -> u64 {
        let number = self.sequences.entry(source).or_insert(1000);
        *number = number.saturating_add_signed(step);
        *number
    }

    fn note(&mut self, packet: &RtpPacket) {
        let header = &packet.header;
        *self.formats.entry(*header.payload_type).or_default() += 1;
        let is_sound = [OPUS, RED].contains(&*header.payload_type);
        *if is_sound { &mut self.heard } else { &mut self.seen } += 1;
        self.newest[usize::from(!is_sound)] = Newest {
            ssrc: *header.ssrc,
            sequence: header.sequence_number,
            transport: header.ext_vals.transport_cc.unwrap_or_default(),
        };
    }
}

fn description(offer: &SdpOffer, id: u32) -> lk::SessionDescription {
    lk::SessionDescription { r#type: "offer".into(), sdp: offer.to_sdp_string(), id, ..Default::default() }
}

/// A header extension that a client names, neither reads nor writes by its stack.
#[derive(Debug)]
struct Unread;

impl ExtensionSerializer for Unread {
    fn write_to(&self, _: &mut [u8], _: &ExtensionValues) -> usize {
        0
    }

    fn parse_value(&self, _: &[u8], _: &mut ExtensionValues) -> bool {
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }
}

/// Makes a control packet one about a stream that the client receives. Numbers in feedback count from the newest.
fn say_about(packet: &mut [u8], stream: Newest) {
    let (kind, format) = (packet[1], packet[0] & 0x1f);
    let (words, _) = packet.as_chunks_mut::<4>();
    // In the first block of a report of a sender, where all others have it, and where a request for a key frame does.
    let source = match (kind, format) {
        (200, _) => 7,
        (206, 4) => 3,
        _ => 2,
    };
    if let Some(word) = words.get_mut(source) {
        *word = stream.ssrc.to_be_bytes();
    }
    if let (205, Some([high, low, ..])) = (kind, words.get_mut(3)) {
        let newest = if format == 15 { stream.transport } else { stream.sequence };
        [*high, *low] = newest.wrapping_add(u16::from_be_bytes([*high, *low])).to_be_bytes();
    }
}

/// The checksum of STUN's FINGERPRINT (ISO 3309).
fn checksum(bytes: &[u8]) -> u32 {
    let sum = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    });
    !sum
}
