//! One simulated participant: a real WebRTC stack, its signalling, and what it saw.

use super::descriptor::{self, Descriptor, Raw};
use super::film::{Codec, OPUS, RED, Shot, Sound};
use super::net::Line;
use super::random::Random;
use super::{checks, coding};
use bytes::Bytes;
use media::Shards;
use ports::media::SignalDown;
use prost::Message;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::rtp::{Extension, ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Input, Output, Rtc};
use tokio::sync::mpsc;
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

/// Layers a camera has: rid, quality, packets of a picture, bytes of a packet.
const LAYERS: [(&str, u8, u32, usize); 2] = [("q", 0, 1, 250), ("h", 1, 2, 700)];

/// Every so many pictures a second temporal layer has one.
const TEMPORAL_PERIOD: u32 = 2;

/// Media may be so much faster than the answer that announces it.
const OVERTAKING: Duration = Duration::from_millis(5);

/// After so long in which packets of a stream come, and no picture, a client asks for a key frame.
const PATIENCE: Duration = Duration::from_secs(1);

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
const FIRST_ESTIMATE: u64 = 300_000;

/// What a client can decode beyond VP8 and Opus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Knows {
    pub(crate) red: bool,
    pub(crate) h264: bool,
    pub(crate) vp9: bool,
    pub(crate) av1: bool,
}

impl Knows {
    pub(crate) const LITTLE: Self = Self { red: false, h264: false, vp9: false, av1: false };
    pub(crate) const ALL: Self = Self { red: true, h264: true, vp9: true, av1: true };

    pub(crate) fn takes(self, codec: Codec) -> bool {
        match codec {
            Codec::Vp8 => true,
            Codec::H264 => self.h264,
            Codec::Vp9 => self.vp9,
            Codec::Av1 => self.av1,
        }
    }
}

/// What kind of client somebody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Sections of each kind it brings to receive on, where it has one connection for all.
    pub(crate) sections: u32,
    pub(crate) knows: Knows,
    /// It estimates what its uplink carries, and sends no more than that.
    pub(crate) adapts: bool,
    /// It receives on a connection of its own, which the server offers.
    pub(crate) dual: bool,
}

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

/// A stream as its subscriber's stack hands it out.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) shots: BTreeMap<u64, (Instant, Shot)>,
    /// Dependency descriptors, and the RTP time of their packets.
    pub(crate) descriptors: BTreeMap<u64, (u32, Vec<u8>)>,
    pub(crate) sounds: BTreeMap<u64, (Instant, Sound)>,
    /// When it was time to look whether there are pictures.
    looked: Option<Instant>,
}

impl Received {
    /// It goes on and there is nothing to show: browsers ask for a key frame then.
    fn lacks_pictures(&mut self, now: Instant) -> bool {
        let since = *self.looked.get_or_insert(now);
        if now < since + PATIENCE {
            return false;
        }
        self.looked = Some(now);
        checks::decoded(self).last().is_none_or(|(at, _)| *at < since)
    }
}

/// A stream as the shard sent it, whether or not it arrived.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) first: u64,
    last: u64,
    pub(crate) count: u64,
    /// Numbers that were left out and not sent later.
    pub(crate) missing: HashSet<u64>,
    /// Numbers sent more than once.
    pub(crate) repeated: u64,
    pub(crate) at: Instant,
}

impl Sent {
    pub(crate) fn new(number: u16, at: Instant) -> Self {
        let first = u64::from(number) + 0x1_0000;
        Self { first, last: first, count: 1, missing: HashSet::new(), repeated: 0, at }
    }

    pub(crate) fn note(&mut self, number: u16, at: Instant) {
        let step = i64::from(number.wrapping_sub(u16::try_from(self.last & 0xffff).unwrap()).cast_signed());
        let number = self.last.checked_add_signed(step).unwrap();
        self.count += 1;
        self.at = at;
        if number > self.last {
            self.missing.extend(self.last + 1..number);
            self.last = number;
        } else if !self.missing.remove(&number) {
            self.repeated += 1;
        }
    }
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

/// A change of the sections that waits until no description is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renegotiation {
    Receive(u32, u32),
    Publish(Coding),
    Unpublish,
    Restart,
}

/// One of a client's connections.
pub(crate) struct Connection {
    pub(crate) rtc: Rtc,
    pub(crate) address: SocketAddr,
    /// When its stack wants to hear that time passes.
    pub(crate) due: Instant,
    /// What the stack has said and nobody has heeded yet.
    outputs: VecDeque<Output>,
}

impl Connection {
    fn new(address: SocketAddr, kind: Kind, now: Instant) -> Self {
        let Kind { knows, adapts, .. } = kind;
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, knows.red)
            .enable_vp8(true)
            .enable_h264(knows.h264)
            .enable_vp9(knows.vp9)
            .enable_av1(knows.av1)
            .set_extension(9, Extension::with_serializer(descriptor::URI, Raw))
            .enable_bwe(adapts.then_some(Bitrate::bps(FIRST_ESTIMATE)))
            .build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        rtc.bwe().set_bitrate(Bitrate::ZERO, Bitrate::bps(2 * FULL));
        Self { rtc, address, due: now, outputs: VecDeque::new() }
    }

    /// What it sends comes from elsewhere from now on.
    pub(crate) fn moves(&mut self, address: SocketAddr) {
        self.address = address;
        self.rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
    }

    /// What its stack says next.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Output> {
        if self.outputs.is_empty() {
            self.flush(now);
        }
        self.outputs.pop_front()
    }

    /// Takes what the stack has to say. Among streams that have something to send at once it chooses by numbers that no seed
    /// decides; so it is asked before there is another.
    fn flush(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(due) if due <= now => self.rtc.handle_input(Input::Timeout(now)).unwrap(),
                Output::Timeout(due) => {
                    self.due = due;
                    return;
                }
                output => self.outputs.push_back(output),
            }
        }
    }
}

pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) number: u16,
    pub(crate) knows: Knows,
    pub(crate) adapts: bool,
    /// What it publishes on, and receives on too unless it has another for that.
    pub(crate) main: Connection,
    pub(crate) subscriber: Option<Connection>,
    pub(crate) link: u64,
    pub(crate) down: mpsc::Receiver<SignalDown>,
    pending: Option<SdpPendingOffer>,
    wants: VecDeque<Renegotiation>,
    offers: u32,
    /// What it has to say of what the server offered.
    replies: Vec<Request>,
    /// What the server offered last, and the answer.
    described: Option<(lk::SessionDescription, lk::SessionDescription)>,
    pub(crate) up_line: Line,
    pub(crate) down_line: Line,
    pub(crate) camera: Camera,
    pub(crate) connected: bool,
    /// It was told to leave or start over, or has left.
    pub(crate) over: bool,
    /// When a lost client gives up.
    pub(crate) sid: String,
    /// Sources of the descriptions we were given.
    pub(crate) announced: HashSet<u32>,
    /// Sources that were seen and not announced, since when, and what came of them first.
    pub(crate) strangers: HashMap<u32, (Instant, String)>,
    /// Of the announced ones those of retransmissions.
    pub(crate) repeats: HashSet<u32>,
    /// Tracks others publish, by sid, and by whom.
    pub(crate) tracks: BTreeMap<String, (String, bool)>,
    /// Everybody it was told of.
    pub(crate) seen: HashSet<String>,
    pub(crate) received: HashMap<u32, Received>,
    pub(crate) sent: HashMap<u32, Sent>,
    /// Nothing may be forwarded to it after that moment.
    pub(crate) deaf_since: Option<Instant>,
    /// Nothing was done to it since then.
    pub(crate) steady_since: Instant,
    /// What it believed of its uplink, and from when on, in bits per second.
    pub(crate) estimates: Vec<(Instant, u64)>,
    /// Since when that is enough for all layers.
    enough_since: Option<Instant>,
    /// When it begins to estimate anew, while it is not.
    anew: Instant,
    pub(crate) problems: Vec<String>,
}

impl Peer {
    /// A client and the request with which it joins.
    pub(crate) fn new(
        name: String,
        number: u16,
        addresses: [SocketAddr; 2],
        kind: Kind,
        chance: &Random,
        now: Instant,
    ) -> (Self, lk::JoinRequest) {
        let Kind { sections, knows, adapts, dual } = kind;
        let mut main = Connection::new(addresses[0], kind, now);
        let subscriber = dual.then(|| Connection::new(addresses[1], Kind { adapts: false, ..kind }, now));
        let mut api = main.rtc.sdp_api();
        let sections = if dual { 0 } else { sections };
        for kind in [MediaKind::Audio, MediaKind::Video] {
            for _ in 0..sections {
                api.add_media(kind, Direction::RecvOnly, None, None, None);
            }
        }
        let (offer, pending) = api.apply().unzip();
        let offers = u32::from(offer.is_some());
        let request = lk::JoinRequest {
            connection_settings: Some(lk::ConnectionSettings { auto_subscribe: true, ..Default::default() }),
            publisher_offer: offer.map(|offer| description("offer", offer.to_sdp_string(), offers)),
            ..Default::default()
        };
        let chance = chance.branch(u64::from(number) + 1);
        let peer = Self {
            name,
            number,
            knows,
            adapts,
            main,
            subscriber,
            link: 0,
            down: mpsc::channel(1).1,
            pending,
            wants: VecDeque::new(),
            offers,
            replies: Vec::new(),
            described: None,
            up_line: Line::new(chance.branch(1), now),
            down_line: Line::new(chance.branch(2), now),
            camera: Camera::default(),
            connected: false,
            over: false,
            sid: String::new(),
            announced: HashSet::new(),
            strangers: HashMap::new(),
            repeats: HashSet::new(),
            tracks: BTreeMap::new(),
            seen: HashSet::new(),
            received: HashMap::new(),
            sent: HashMap::new(),
            deaf_since: None,
            steady_since: now,
            estimates: Vec::new(),
            enough_since: None,
            anew: now,
            problems: Vec::new(),
        };
        (peer, request)
    }

    pub(crate) fn request(&self, engine: &mut Shards, request: Request, now: Instant) {
        let bytes = Bytes::from(lk::SignalRequest { message: Some(request) }.encode_to_vec());
        engine.message(self.link, &bytes, now);
    }

    pub(crate) fn is_publishing(&self) -> bool {
        self.camera.video.is_some() || self.wants.iter().any(|want| matches!(want, Renegotiation::Publish(_)))
    }

    pub(crate) fn publish(&mut self, coding: Coding) {
        if !self.is_publishing() {
            self.wants.push_back(Renegotiation::Publish(coding));
        }
    }

    pub(crate) fn unpublish(&mut self) {
        if self.camera.video.is_some() && !self.wants.contains(&Renegotiation::Unpublish) {
            self.wants.push_back(Renegotiation::Unpublish);
        }
    }

    /// On a new signalling socket after a resume.
    pub(crate) fn resumed(&mut self, link: u64, down: mpsc::Receiver<SignalDown>) {
        self.link = link;
        self.down = down;
        self.pending = None;
        self.wants.push_front(Renegotiation::Restart);
    }

    /// Takes in what the server said. `true` if that changed something.
    pub(crate) fn read_signals(&mut self, engine: &mut Shards, now: Instant) -> bool {
        let mut moved = false;
        while let Ok(message) = self.down.try_recv() {
            moved = true;
            match message {
                SignalDown::Message(bytes) => {
                    let response = lk::SignalResponse::decode(bytes).unwrap();
                    self.take(response.message.unwrap(), now);
                }
                SignalDown::Renew(_) => {}
                // Its gateway closes the socket then, and says so.
                SignalDown::Close => engine.link_lost(self.link, now),
            }
        }
        for reply in std::mem::take(&mut self.replies) {
            self.request(engine, reply, now);
        }
        if self.pending.is_none()
            && !self.over
            && let Some(next) = self.wants.pop_front()
        {
            self.renegotiate(engine, next, now);
            moved = true;
        }
        moved
    }

    fn take(&mut self, response: Response, now: Instant) {
        match response {
            Response::Join(join) => {
                self.sid = join.participant.unwrap_or_default().sid;
                self.others(join.other_participants);
            }
            Response::Update(update) => self.others(update.participants),
            Response::Answer(answer) => {
                self.note_sources(&answer.sdp);
                let late = now - OVERTAKING;
                self.strangers.retain(|source, (since, _)| *since < late || !self.announced.contains(source));
                let Some(pending) = self.pending.take() else { return };
                if answer.id != self.offers {
                    self.pending = Some(pending);
                    return;
                }
                let sdp = SdpAnswer::from_sdp_string(&answer.sdp).unwrap();
                if let Err(error) = self.main.rtc.sdp_api().accept_answer(pending, sdp) {
                    self.problems.push(format!("an answer does not fit: {error}"));
                }
            }
            Response::Offer(offer) => self.answer(offer, now),
            Response::Reconnect(_) if self.subscriber.is_some() => {
                let (offer, answer) = self.described.clone().unzip();
                self.replies.push(Request::SyncState(lk::SyncState { offer, answer, ..Default::default() }));
            }
            Response::MediaSectionsRequirement(required) => {
                self.wants.push_back(Renegotiation::Receive(required.num_audios, required.num_videos));
            }
            Response::TrackPublished(published) if published.cid.starts_with("mic") => {
                self.camera.sid = published.track.map(|track| track.sid);
            }
            Response::Leave(leave) => self.over |= leave.action() != lk::leave_request::Action::Resume,
            _ => {}
        }
    }

    /// Takes what the server offers for the connection it receives on.
    fn answer(&mut self, offer: lk::SessionDescription, now: Instant) {
        self.note_sources(&offer.sdp);
        let Some(connection) = &mut self.subscriber else {
            self.problems.push("an offer to a client that makes them itself".into());
            return;
        };
        let parsed = SdpOffer::from_sdp_string(&offer.sdp).unwrap();
        match connection.rtc.sdp_api().accept_offer(parsed) {
            Ok(answer) => {
                let answer = description("answer", answer.to_sdp_string(), offer.id);
                self.replies.push(Request::Answer(answer.clone()));
                self.described = Some((offer, answer));
            }
            Err(error) => self.problems.push(format!("an offer does not fit: {error}")),
        }
        connection.due = now;
    }

    fn others(&mut self, participants: Vec<lk::ParticipantInfo>) {
        for participant in participants {
            self.seen.insert(participant.identity.clone());
            self.tracks.retain(|_, (owner, _)| *owner != participant.identity);
            if participant.identity == self.name || participant.state() == lk::participant_info::State::Disconnected {
                continue;
            }
            for track in participant.tracks {
                let video = track.r#type() == lk::TrackType::Video;
                self.tracks.insert(track.sid, (participant.identity.clone(), video));
            }
        }
    }

    /// Every source a description names, and which of them repeat another.
    fn note_sources(&mut self, sdp: &str) {
        for line in sdp.lines() {
            if let Some(group) = line.strip_prefix("a=ssrc-group:FID ") {
                self.repeats.extend(group.split(' ').skip(1).filter_map(|source| source.parse::<u32>().ok()));
            } else if let Some(source) = line.strip_prefix("a=ssrc:") {
                self.announced.extend(source.split(' ').next().and_then(|source| source.parse::<u32>().ok()));
            }
        }
    }

    fn renegotiate(&mut self, engine: &mut Shards, what: Renegotiation, now: Instant) {
        let (microphone, video) = (self.camera.microphone, self.camera.video);
        let number = self.camera.number + 1;
        let names = (format!("mic{number}"), format!("cam{number}"));
        if let Renegotiation::Publish(coding) = what {
            self.add_tracks(engine, &names, coding, now);
        }
        // What was never offered has nothing to start over.
        if what == Renegotiation::Restart && self.offers == 0 {
            return;
        }
        let mut api = self.main.rtc.sdp_api();
        match what {
            Renegotiation::Receive(audios, videos) => {
                for (count, kind) in [(audios, MediaKind::Audio), (videos, MediaKind::Video)] {
                    for _ in 0..count {
                        api.add_media(kind, Direction::RecvOnly, None, None, None);
                    }
                }
                if (audios, videos) == (0, 0) {
                    api.ice_restart(true);
                }
            }
            Renegotiation::Restart => {
                api.ice_restart(true);
            }
            Renegotiation::Unpublish => {
                for mid in [microphone, video].into_iter().flatten() {
                    api.set_direction(mid, Direction::Inactive);
                }
                let former = std::mem::take(&mut self.camera);
                self.camera = Camera { number: former.number, ..Camera::default() };
                self.camera.muted_sounds = former.muted_sounds;
                self.camera.sounds = former.sounds;
            }
            Renegotiation::Publish(coding) => {
                let (mic, cam) = names;
                let mut simulcast = Simulcast::new();
                for (rid, ..) in LAYERS {
                    simulcast.add_send_layer(SimulcastLayer::new(rid));
                }
                let simulcast = Some(simulcast).filter(|_| !coding.scalable);
                let microphone =
                    api.add_media(MediaKind::Audio, Direction::SendOnly, Some("s".into()), Some(mic), None);
                let video =
                    api.add_media(MediaKind::Video, Direction::SendOnly, Some("s".into()), Some(cam), simulcast);
                self.camera = Camera {
                    microphone: Some(microphone),
                    video: Some(video),
                    number,
                    coding: Some(coding),
                    // No two encoders begin at the same number, or with the same templates.
                    encoders: [0, 1].map(|layer| Encoder {
                        picture: u16::from(layer) * 500,
                        templates: layer * 10,
                        ..Encoder::default()
                    }),
                    key_frame: true,
                    next: Some(now),
                    muted_sounds: std::mem::take(&mut self.camera.muted_sounds),
                    sounds: self.camera.sounds,
                    reduced: self.estimates.last().is_some_and(|(_, estimate)| *estimate < FULL),
                    ..Camera::default()
                };
            }
        }
        let Some((offer, pending)) = api.apply() else { return };
        self.pending = Some(pending);
        self.offers += 1;
        self.main.due = now;
        let offer = description("offer", offer.to_sdp_string(), self.offers);
        self.request(engine, Request::Offer(offer), now);
    }

    fn add_tracks(&self, engine: &mut Shards, names: &(String, String), coding: Coding, now: Instant) {
        for (cid, kind, source) in [
            (&names.0, lk::TrackType::Audio, lk::TrackSource::Microphone),
            (&names.1, lk::TrackType::Video, lk::TrackSource::Camera),
        ] {
            let layers = LAYERS.iter().map(|(rid, quality, ..)| lk::VideoLayer {
                quality: i32::from(*quality),
                width: 320 << quality,
                height: 180 << quality,
                rid: if coding.scalable { String::new() } else { (*rid).into() },
                ..Default::default()
            });
            let codec =
                lk::SimulcastCodec { codec: coding.codec.name().into(), cid: cid.clone(), ..Default::default() };
            #[allow(deprecated)]
            let add = lk::AddTrackRequest {
                cid: cid.clone(),
                r#type: kind.into(),
                source: source.into(),
                layers: if kind == lk::TrackType::Video { layers.collect() } else { Vec::new() },
                simulcast_codecs: if kind == lk::TrackType::Video { vec![codec] } else { Vec::new() },
                ..Default::default()
            };
            self.request(engine, Request::AddTrack(add), now);
        }
    }

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

    /// What it has, the one it publishes on first.
    pub(crate) fn connections(&mut self) -> impl Iterator<Item = &mut Connection> {
        std::iter::once(&mut self.main).chain(&mut self.subscriber)
    }

    /// What one of its stacks says next.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<(SocketAddr, Output)> {
        self.connections().find_map(|connection| Some((connection.address, connection.poll(now)?)))
    }

    /// When something is to be done next.
    pub(crate) fn due(&self) -> Instant {
        let due = self.subscriber.as_ref().map_or(self.main.due, |other| other.due.min(self.main.due));
        self.camera.next.map_or(due, |next| due.min(next))
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

    pub(crate) fn receive(&mut self, packet: &RtpPacket, now: Instant) {
        if packet.payload.is_empty() {
            return;
        }
        let source = *packet.header.ssrc;
        let stream = self.received.entry(source).or_default();
        let number = *packet.seq_no;
        let format = *packet.header.payload_type;
        if let Some(codec) = Codec::of_payload_type(format) {
            let descriptor = packet.header.ext_vals.user_values.get().map(|Descriptor(bytes)| &bytes[..]);
            if let Some(shot) = Shot::read(codec, &packet.payload, descriptor, packet.header.marker) {
                stream.shots.insert(number, (now, shot));
                let told = descriptor.map(|descriptor| (packet.header.timestamp, descriptor.to_vec()));
                stream.descriptors.extend(told.map(|told| (number, told)));
                let receiving = self.subscriber.as_mut().unwrap_or(&mut self.main);
                if stream.lacks_pictures(now)
                    && let Some(stream) = receiving.rtc.direct_api().stream_rx(&packet.header.ssrc)
                {
                    stream.request_keyframe(KeyframeRequestKind::Pli);
                }
                return;
            }
        }
        let sound = match format {
            OPUS => Sound::read(&packet.payload),
            RED => Sound::read_repeating(&packet.payload),
            _ => None,
        };
        match sound {
            Some(sound) => drop(stream.sounds.insert(number, (now, sound))),
            None => self.problems.push(format!("{} bytes of format {format} nobody sent", packet.payload.len())),
        }
    }
}

fn description(r#type: &str, sdp: String, id: u32) -> lk::SessionDescription {
    lk::SessionDescription { r#type: r#type.into(), sdp, id, ..Default::default() }
}
