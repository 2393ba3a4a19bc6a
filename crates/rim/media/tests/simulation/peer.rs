//! One simulated participant: a real WebRTC stack, its signalling, and what it saw.

pub(crate) mod camera;
mod connection;
mod streams;

pub(crate) use camera::{Camera, Coding, FULL};
pub(crate) use connection::Connection;
pub(crate) use streams::{Received, Sent};

use super::descriptor::Descriptor;
use super::film::{Codec, OPUS, RED, Shot, Sound};
use super::net::Line;
use super::random::Random;
use bytes::Bytes;
use camera::LAYERS;
use media::Shards;
use ports::media::SignalDown;
use prost::Message;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::Output;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Simulcast, SimulcastLayer};
use str0m::rtp::RtpPacket;
use tokio::sync::mpsc;
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

/// Media may be so much faster than the answer that announces it.
const OVERTAKING: Duration = Duration::from_millis(5);

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

/// A change of the sections that waits until no description is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renegotiation {
    Receive(u32, u32),
    Publish(Coding),
    Unpublish,
    Restart,
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
                self.camera = self.camera.stopped();
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
                let reduced = self.estimates.last().is_some_and(|(_, estimate)| *estimate < FULL);
                self.camera = self.camera.again(microphone, video, coding, reduced, now);
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
