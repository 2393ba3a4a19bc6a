//! Clients and a shard in one memory: real DTLS, SRTP and signalling, but no socket and no clock.

pub(crate) mod codecs;
pub(crate) mod descriptor;
pub(crate) mod sending;

use bytes::Bytes;
use media::{Datagram, Shards};
use model::media::MediaPermission;
use model::{Identity, RoomId, SessionId};
use ports::media::{MediaEvent, MediaJoin, SignalDown, Topology};
use prost::Message;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::media::{Direction, MediaKind, Mid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, RtpPacket};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::sync::mpsc;
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

pub(crate) fn permission() -> MediaPermission {
    MediaPermission { update_own: false, ..MediaPermission::FREE }
}

/// Payload types as Chromium numbers them; the client below offers the same.
const OPUS: u8 = 111;
const VP8: u8 = 96;

/// A participant with one connection.
pub(crate) struct Client {
    address: SocketAddr,
    /// How the server sees it, if a translation is in between.
    pub(crate) outside: Option<SocketAddr>,
    rtc: Rtc,
    pending: Option<SdpPendingOffer>,
    pub(crate) link: u64,
    down: mpsc::Receiver<SignalDown>,
    pub(crate) inbox: VecDeque<Response>,
    pub(crate) packets: Vec<RtpPacket>,
    /// Data messages.
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) connected: bool,
    pub(crate) closed: bool,
    pub(crate) key_frames_asked: usize,
    /// Its network is cut: nothing arrives and nothing gets through.
    pub(crate) cut: bool,
    /// Nothing of its own gets out.
    pub(crate) mute: bool,
    /// Its processor is busy with something else.
    busy: bool,
    held: Vec<(SocketAddr, Vec<u8>)>,
    /// Every so many datagrams to it are lost.
    pub(crate) lose_every: usize,
    arrived: usize,
    /// The last stretch of the way to it; `None` takes no time.
    pub(crate) bottleneck: Option<Bottleneck>,
    wants_sections: Option<(u32, u32)>,
    offers: u32,
    pub(crate) audio: Option<Mid>,
    video: Option<Mid>,
    sequence: u64,
    channel: Option<ChannelId>,
}

/// A slow line with a queue in front of it.
pub(crate) struct Bottleneck {
    /// Bits per second.
    pub(crate) rate: u64,
    /// How long the way takes besides.
    pub(crate) delay: Duration,
    /// When the line has sent what it has.
    free: Instant,
    /// What is on its way: when it arrives, from where, what.
    waiting: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    pub(crate) dropped: usize,
    /// Bits it took.
    pub(crate) carried: u64,
}

impl Bottleneck {
    /// Longest queue; what finds it full is lost.
    const QUEUE: Duration = Duration::from_millis(300);

    pub(crate) fn new(rate: u64, now: Instant) -> Self {
        Self { rate, delay: Duration::ZERO, free: now, waiting: VecDeque::new(), dropped: 0, carried: 0 }
    }

    fn take(&mut self, source: SocketAddr, contents: Vec<u8>, now: Instant) {
        let start = self.free.max(now);
        if start - now > Self::QUEUE {
            self.dropped += 1;
            return;
        }
        let bits = u64::try_from(contents.len() + 28).unwrap() * 8;
        self.carried += bits;
        self.free = start + Duration::from_micros(bits * 1_000_000 / self.rate);
        self.waiting.push_back((self.free + self.delay, source, contents));
    }

    /// Bytes on their way.
    pub(crate) fn in_flight(&self) -> usize {
        self.waiting.iter().map(|(_, _, contents)| contents.len()).sum()
    }

    fn arrived(&mut self, now: Instant) -> Option<(SocketAddr, Vec<u8>)> {
        if self.waiting.front().is_none_or(|(at, _, _)| *at > now) {
            return None;
        }
        self.waiting.pop_front().map(|(_, source, contents)| (source, contents))
    }
}

pub(crate) struct World {
    pub(crate) engine: Shards,
    pub(crate) now: Instant,
    /// How finely time passes; who measures delays wants a millisecond.
    pub(crate) step: Duration,
    server: SocketAddr,
    /// Where the translation in front of the server brings what is for it; what leaves from elsewhere is lost.
    pub(crate) inside: Option<SocketAddr>,
    pub(crate) clients: Vec<Client>,
    pub(crate) events: mpsc::Receiver<MediaEvent>,
    /// What went where no client is: to where, and its length.
    pub(crate) stray: Vec<(SocketAddr, usize)>,
    /// The server's processor is busy with something else.
    busy: bool,
    held: Vec<(SocketAddr, Vec<u8>)>,
}

/// One shard; or, if `PLENUM_TEST_SPREAD` is set, and in the tests of spread rooms, two of them that share the members of every room with so many people, so that
/// all that is true of a small room can be seen to be true of a big one.
fn shards(server: SocketAddr, seed: u64, events: &mpsc::Sender<MediaEvent>) -> Shards {
    let wished = || std::env::var("PLENUM_TEST_SPREAD").ok().map(|people| people.parse().unwrap());
    let spread = (env!("CARGO_CRATE_NAME") == "spread").then_some(1).or_else(wished);
    let mut shards = Shards::new(if spread.is_some() { 2 } else { 1 }, &[server], seed, events).unwrap();
    if let Some(people) = spread {
        shards.set_spread(people);
    }
    shards
}

impl World {
    pub(crate) fn new() -> Self {
        let server: SocketAddr = "192.0.2.1:8080".parse().unwrap();
        let (events, events_end) = mpsc::channel(4096);
        let engine = shards(server, 1, &events);
        Self {
            engine,
            now: Instant::now(),
            step: Duration::from_millis(10),
            server,
            inside: None,
            clients: Vec::new(),
            events: events_end,
            stray: Vec::new(),
            busy: false,
            held: Vec::new(),
        }
    }

    /// One who publishes, whose pictures have begun with a key frame, and so many who watch. Returns the publisher's index.
    pub(crate) fn lecture(watching: usize) -> (Self, usize) {
        let mut world = Self::new();
        let publisher = world.join("publisher");
        for index in 0..watching {
            world.join(&format!("s{index}"));
        }
        world.pass(Duration::from_secs(4));
        world.publish(publisher);
        world.pass(Duration::from_secs(1));
        world.stream(publisher, 1, 5);
        (world, publisher)
    }

    pub(crate) fn join_request(&self, name: &str, request: &lk::JoinRequest) -> MediaJoin {
        MediaJoin {
            room: RoomId::try_from("room").unwrap(),
            session: SessionId::try_from("session").unwrap(),
            identity: Identity::try_from(name).unwrap(),
            name: name.to_owned(),
            metadata: String::new(),
            attributes: Default::default(),
            permission: permission(),
            request: request.encode_to_vec().into(),
            topology: Topology::Single,
            relays: Vec::new(),
            relay_only: false,
            kind: Default::default(),
            kind_details: Vec::new(),
        }
    }

    /// Joins with three sections of each kind to receive on. Returns the index of the client.
    pub(crate) fn join(&mut self, name: &str) -> usize {
        self.join_that_pauses(name, None)
    }

    /// The same with a client that says whether pictures may be withheld from it altogether.
    pub(crate) fn join_that_pauses(&mut self, name: &str, may_pause: Option<bool>) -> usize {
        let codecs = Rtc::builder().set_rtp_mode(true).clear_codecs().enable_opus(true, false).enable_vp8(true);
        // As browsers know it.
        let rtc = codecs.set_extension(6, Extension::PlayoutDelay).build(self.now);
        self.join_with(name, rtc, may_pause)
    }

    /// The same with a client that takes and sends what its stack is set up for.
    fn join_with(&mut self, name: &str, mut rtc: Rtc, may_pause: Option<bool>) -> usize {
        let port = 10_000 + u16::try_from(self.clients.len()).unwrap();
        let address = SocketAddr::from(([192, 0, 2, 100], port));
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let mut api = rtc.sdp_api();
        for kind in [MediaKind::Audio, MediaKind::Video] {
            for _ in 0..3 {
                api.add_media(kind, Direction::RecvOnly, None, None, None);
            }
        }
        api.add_channel("_reliable".into());
        let (offer, pending) = api.apply().unwrap();
        let settings =
            lk::ConnectionSettings { auto_subscribe: true, subscriber_allow_pause: may_pause, ..Default::default() };
        let request = lk::JoinRequest {
            connection_settings: Some(settings),
            publisher_offer: Some(lk::SessionDescription {
                r#type: "offer".into(),
                sdp: offer.to_sdp_string(),
                id: 1,
                ..Default::default()
            }),
            ..Default::default()
        };
        let (link, down) = mpsc::channel(4096);
        let join = self.join_request(name, &request);
        let link = self.engine.join(&join, link, self.now).unwrap();
        self.clients.push(Client {
            address,
            outside: None,
            rtc,
            pending: Some(pending),
            link,
            down,
            inbox: VecDeque::new(),
            packets: Vec::new(),
            messages: Vec::new(),
            connected: false,
            closed: false,
            key_frames_asked: 0,
            cut: false,
            mute: false,
            busy: false,
            held: Vec::new(),
            lose_every: usize::MAX,
            arrived: 0,
            bottleneck: None,
            wants_sections: None,
            offers: 1,
            audio: None,
            video: None,
            sequence: 1000,
            channel: None,
        });
        self.clients.len() - 1
    }

    /// How many signalling messages a client has not read.
    pub(crate) fn unread(&self, client: usize) -> usize {
        self.clients[client].down.len()
    }

    pub(crate) fn request(&mut self, client: usize, request: Request) {
        let bytes = Bytes::from(lk::SignalRequest { message: Some(request) }.encode_to_vec());
        self.engine.message(self.clients[client].link, &bytes, self.now);
    }

    /// Publishes a microphone and a camera with one layer. Those of before are put away first.
    pub(crate) fn publish(&mut self, client: usize) {
        self.publish_one_size(client, lk::TrackSource::Camera);
    }

    /// Publishes a microphone and a screen.
    pub(crate) fn publish_screen(&mut self, client: usize) {
        self.publish_one_size(client, lk::TrackSource::ScreenShare);
    }

    fn publish_one_size(&mut self, client: usize, pictures: lk::TrackSource) {
        let layers = [lk::VideoLayer { quality: 2, width: 640, height: 360, ..Default::default() }];
        self.publish_with(client, &layers, None, pictures);
    }

    /// Publishes a microphone and a camera with a small layer and a large one.
    pub(crate) fn publish_simulcast(&mut self, client: usize) {
        self.publish_sizes(client, lk::TrackSource::Camera);
    }

    /// Publishes a microphone and pictures of some kind with a small layer and a large one.
    pub(crate) fn publish_sizes(&mut self, client: usize, source: lk::TrackSource) {
        let layers = [("q", 0, 320, 180), ("h", 1, 640, 360)].map(|(rid, quality, width, height)| lk::VideoLayer {
            quality,
            width,
            height,
            rid: rid.into(),
            ..Default::default()
        });
        let mut simulcast = Simulcast::new();
        for layer in &layers {
            simulcast.add_send_layer(SimulcastLayer::new(&layer.rid));
        }
        self.publish_with(client, &layers, Some(simulcast), source);
    }

    /// Publishes a microphone and pictures in those layers.
    pub(crate) fn publish_with(
        &mut self,
        client: usize,
        layers: &[lk::VideoLayer],
        simulcast: Option<Simulcast>,
        pictures: lk::TrackSource,
    ) {
        let peer = &self.clients[client];
        let again = if peer.audio.is_some() { format!("-{}", peer.offers) } else { String::new() };
        let (mic, cam) = (format!("mic{again}"), format!("cam{again}"));
        for (cid, kind, source) in
            [(&mic, lk::TrackType::Audio, lk::TrackSource::Microphone), (&cam, lk::TrackType::Video, pictures)]
        {
            let layers = if kind == lk::TrackType::Video { layers.to_vec() } else { Vec::new() };
            #[allow(deprecated)]
            let add = lk::AddTrackRequest {
                cid: cid.clone(),
                r#type: kind.into(),
                source: source.into(),
                layers,
                ..Default::default()
            };
            self.request(client, Request::AddTrack(add));
        }
        let peer = &mut self.clients[client];
        let mut api = peer.rtc.sdp_api();
        for before in [peer.audio, peer.video].into_iter().flatten() {
            api.set_direction(before, Direction::Inactive);
        }
        peer.audio = Some(api.add_media(MediaKind::Audio, Direction::SendOnly, Some("s".into()), Some(mic), None));
        peer.video = Some(api.add_media(MediaKind::Video, Direction::SendOnly, Some("s".into()), Some(cam), simulcast));
        let (offer, pending) = api.apply().unwrap();
        self.offer(client, offer.to_sdp_string(), pending);
    }

    fn offer(&mut self, client: usize, sdp: String, pending: SdpPendingOffer) {
        let peer = &mut self.clients[client];
        peer.pending = Some(pending);
        peer.offers += 1;
        let id = peer.offers;
        self.request(
            client,
            Request::Offer(lk::SessionDescription { r#type: "offer".into(), sdp, id, ..Default::default() }),
        );
    }

    /// Moves everything that waits, in both directions, until nothing does.
    pub(crate) fn pump(&mut self) {
        for _ in 0..50 {
            let mut moved = false;
            let mut to_clients: Vec<(SocketAddr, SocketAddr, Vec<u8>)> = Vec::new();
            if !self.busy {
                let destination = self.inside.unwrap_or(self.server);
                for (source, contents) in self.held.drain(..) {
                    self.engine.handle_datagram(self.now, Datagram { source, destination, contents: &contents });
                }
                moved = self.engine.poll_timeout().is_some_and(|due| due <= self.now);
                self.engine.handle_timeout(self.now);
                let send = &mut |source, destination, contents| to_clients.push((source, destination, contents));
                self.engine.drain(self.now, send);
            }
            for (source, destination, contents) in to_clients {
                moved = true;
                if self.inside.is_some_and(|inside| inside != source) {
                    continue;
                }
                let source = if self.inside.is_some() { self.server } else { source };
                let client = self.clients.iter_mut().find(|client| client.seen_at() == destination);
                if client.is_none() {
                    self.stray.push((destination, contents.len()));
                }
                if let Some(client) = client.filter(|client| !client.cut) {
                    client.arrived += 1;
                    if client.arrived % client.lose_every == 0 {
                        continue;
                    }
                    if let Some(bottleneck) = &mut client.bottleneck {
                        bottleneck.take(source, contents, self.now);
                        continue;
                    }
                    client.held.push((source, contents));
                }
            }
            for client in &mut self.clients {
                while let Some(arrived) = client.bottleneck.as_mut().and_then(|bottleneck| bottleneck.arrived(self.now))
                {
                    client.held.push(arrived);
                }
                if client.busy {
                    continue;
                }
                let to_engine = &mut self.held;
                for (source, contents) in std::mem::take(&mut client.held) {
                    let receive = Receive::new(Protocol::Udp, source, client.address, &contents).unwrap();
                    client.rtc.handle_input(Input::Receive(self.now, receive)).unwrap();
                    Self::drain_client(to_engine, client, self.server, self.now);
                }
                moved |= Self::drain_client(to_engine, client, self.server, self.now);
            }
            moved |= !self.busy && !self.held.is_empty();
            for index in 0..self.clients.len() {
                moved |= self.read_signals(index);
            }
            if !moved {
                return;
            }
        }
    }

    /// The processor of a client, or of the server, is busy with something else or not any more: what arrives waits, and nothing
    /// is done.
    pub(crate) fn set_busy(&mut self, client: Option<usize>, busy: bool) {
        match client {
            Some(client) => self.clients[client].busy = busy,
            None => self.busy = busy,
        }
    }

    fn drain_client(
        to_engine: &mut Vec<(SocketAddr, Vec<u8>)>,
        client: &mut Client,
        server: SocketAddr,
        now: Instant,
    ) -> bool {
        let mut moved = false;
        loop {
            match client.rtc.poll_output().unwrap() {
                Output::Timeout(due) if due <= now => client.rtc.handle_input(Input::Timeout(now)).unwrap(),
                Output::Timeout(_) => return moved,
                Output::Transmit(transmit) => {
                    moved = true;
                    assert_eq!(transmit.destination, server);
                    if client.mute {
                        continue;
                    }
                    to_engine.push((client.seen_at(), transmit.contents.to_vec()));
                }
                Output::Event(Event::Connected) => client.connected = true,
                Output::Event(Event::ChannelOpen(id, _)) => client.channel = Some(id),
                Output::Event(Event::RtpPacket(packet)) => client.packets.push(packet),
                Output::Event(Event::ChannelData(data)) => client.messages.push(data.data),
                Output::Event(Event::KeyframeRequest(_)) => client.key_frames_asked += 1,
                Output::Event(_) => {}
            }
        }
    }

    fn read_signals(&mut self, index: usize) -> bool {
        let mut moved = false;
        while let Ok(message) = self.clients[index].down.try_recv() {
            moved = true;
            let client = &mut self.clients[index];
            let SignalDown::Message(bytes) = message else {
                client.closed = true;
                continue;
            };
            let response = lk::SignalResponse::decode(bytes).unwrap().message.unwrap();
            match &response {
                Response::Answer(answer) => {
                    let sdp = SdpAnswer::from_sdp_string(&answer.sdp).unwrap();
                    let pending = client.pending.take().unwrap();
                    client.rtc.sdp_api().accept_answer(pending, sdp).unwrap();
                }
                Response::MediaSectionsRequirement(required) => {
                    client.wants_sections = Some((required.num_audios, required.num_videos));
                }
                _ => {}
            }
            client.inbox.push_back(response);
        }
        let client = &mut self.clients[index];
        if client.pending.is_none()
            && let Some((audios, videos)) = client.wants_sections.take()
        {
            let mut api = client.rtc.sdp_api();
            for (count, kind) in [(audios, MediaKind::Audio), (videos, MediaKind::Video)] {
                for _ in 0..count {
                    api.add_media(kind, Direction::RecvOnly, None, None, None);
                }
            }
            // Nothing new to say still needs a round: restarting ICE is the stack's only way to offer again.
            if (audios, videos) == (0, 0) {
                api.ice_restart(true);
            }
            let (offer, pending) = api.apply().unwrap();
            self.offer(index, offer.to_sdp_string(), pending);
            moved = true;
        }
        moved
    }

    /// Lets time pass in small steps.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += self.step;
            for client in self.clients.iter_mut().filter(|client| !client.busy) {
                client.rtc.handle_input(Input::Timeout(self.now)).unwrap();
            }
            self.pump();
        }
    }
}

impl Client {
    fn seen_at(&self) -> SocketAddr {
        self.outside.unwrap_or(self.address)
    }

    /// The next packet of each of its tracks has the number behind that.
    pub(crate) fn number_from(&mut self, number: u64) {
        self.sequence = number;
    }

    /// What it says comes from another source from now on.
    pub(crate) fn speak_anew(&mut self) {
        let mut api = self.rtc.direct_api();
        let fresh = api.new_ssrc();
        api.reset_stream_tx(self.audio.unwrap(), None, fresh, None).unwrap();
    }

    /// Packets of pictures, or of sound, received so far.
    pub(crate) fn received(&self, video: bool) -> Vec<&RtpPacket> {
        let pt = if video { VP8 } else { OPUS };
        self.packets.iter().filter(|packet| *packet.header.payload_type == pt).collect()
    }

    /// The sid of a track it published under that name.
    pub(crate) fn sid_of(&self, cid: &str) -> Option<String> {
        self.inbox.iter().find_map(|message| match message {
            Response::TrackPublished(published) if published.cid == cid => {
                published.track.as_ref().map(|track| track.sid.clone())
            }
            _ => None,
        })
    }

    /// The source on which a track comes, as it was told last.
    pub(crate) fn source_of(&self, sid: &str) -> Option<u32> {
        let answers = self.inbox.iter().rev().filter_map(|message| match message {
            Response::Answer(answer) => Some(&answer.sdp),
            _ => None,
        });
        let mut lines = answers.flat_map(|sdp| sdp.lines());
        lines.find_map(|line| {
            line.strip_prefix("a=ssrc:").filter(|line| line.ends_with(sid))?.split(' ').next()?.parse().ok()
        })
    }

    pub(crate) fn got(&self, wanted: impl Fn(&Response) -> bool) -> bool {
        self.inbox.iter().any(wanted)
    }
}

impl World {
    pub(crate) fn address_of(&self, client: usize) -> SocketAddr {
        self.clients[client].address
    }

    /// From now on the client is elsewhere: what it sends comes from nowhere, what is sent to it is lost.
    pub(crate) fn move_client(&mut self, client: usize, address: SocketAddr) {
        self.clients[client].address = address;
        let dead = Rtc::builder().build(self.now);
        self.clients[client].rtc = dead;
    }

    /// A connectivity check to the client's session that marks the best of all ways, by somebody who heard the user name and
    /// guesses the password.
    pub(crate) fn forged_check(&mut self, client: usize) -> Vec<u8> {
        let ufrag = self.clients[client]
            .inbox
            .iter()
            .find_map(|message| match message {
                Response::Answer(answer) => {
                    answer.sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).map(str::to_owned)
                }
                _ => None,
            })
            .unwrap();
        let username = format!("{ufrag}:{}", self.clients[client].rtc.direct_api().local_ice_credentials().ufrag);
        let mut attributes = vec![0, 6];
        attributes.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
        attributes.extend(username.as_bytes());
        attributes.resize(attributes.len().next_multiple_of(4), 0);
        attributes.extend([0x00, 0x24, 0, 4, 0x7f, 0xff, 0xff, 0xff]);
        attributes.extend([0x00, 0x25, 0, 0]);
        attributes.extend([0x80, 0x2a, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        attributes.extend([0, 8, 0, 20]);
        attributes.extend([0x5a; 20]);
        let mut message = vec![0, 1];
        message.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
        message.extend([0x21, 0x12, 0xa4, 0x42]);
        message.extend([9; 12]);
        message.extend(attributes);
        message
    }
}

impl World {
    /// What the client would send now, without delivering it.
    pub(crate) fn take_datagrams(&mut self, client: usize) -> Vec<Vec<u8>> {
        let client = &mut self.clients[client];
        let mut datagrams = Vec::new();
        loop {
            match client.rtc.poll_output().unwrap() {
                Output::Timeout(due) if due <= self.now => client.rtc.handle_input(Input::Timeout(self.now)).unwrap(),
                Output::Timeout(_) => return datagrams,
                Output::Transmit(transmit) => datagrams.push(transmit.contents.into()),
                Output::Event(_) => {}
            }
        }
    }

    /// The next check of the client's that marks its way, without delivering it.
    pub(crate) fn take_mark(&mut self, client: usize) -> Vec<u8> {
        loop {
            self.now += self.step;
            self.clients[client].rtc.handle_input(Input::Timeout(self.now)).unwrap();
            // USE-CANDIDATE has no value.
            let marks = |contents: &Vec<u8>| {
                contents.starts_with(&[0, 1]) && contents.windows(4).any(|four| four == [0, 0x25, 0, 0])
            };
            if let Some(mark) = self.take_datagrams(client).into_iter().find(marks) {
                return mark;
            }
        }
    }

    /// Delivers a datagram of the client's.
    pub(crate) fn feed(&mut self, client: usize, contents: &[u8]) {
        let source = self.clients[client].address;
        self.engine.handle_datagram(self.now, Datagram { source, destination: self.server, contents });
    }
}

impl World {
    /// Comes back on a new signalling socket and restarts ICE, as clients do.
    pub(crate) fn resume(&mut self, client: usize, name: &str) {
        let join = self.join_request(name, &lk::JoinRequest { reconnect: true, ..Default::default() });
        let (link, down) = mpsc::channel(4096);
        let link = self.engine.join(&join, link, self.now).unwrap();
        let peer = &mut self.clients[client];
        peer.link = link;
        peer.down = down;
        peer.pending = None;
        peer.wants_sections = Some((0, 0));
        self.pump();
    }
}
