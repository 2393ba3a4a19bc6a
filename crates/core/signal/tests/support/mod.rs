//! A room with clients that are only messages.

use bytes::Bytes;
use model::media::{MediaPermission, ParticipantKind};
use model::{Identity, RoomId};
use prost::Message;
use signal::{
    Codec, Connect, Connected, EventKind, JoinRequest, Kind, MediaRoom, Now, OfferedSection, Output, PeerKey, Protocol,
    SectionPlan, TrackKey,
};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

pub(crate) fn who(name: &str) -> Identity {
    Identity::try_from(name).unwrap()
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) fn all() -> MediaPermission {
    MediaPermission::FREE
}

/// The sections a client offers by itself: three of each kind to receive on.
pub(crate) fn placeholders() -> Vec<OfferedSection> {
    (0..6).map(|index| section(&index.to_string(), if index < 3 { Kind::Audio } else { Kind::Video }, "")).collect()
}

pub(crate) fn section(mid: &str, kind: Kind, track: &str) -> OfferedSection {
    OfferedSection {
        mid: mid.to_owned(),
        kind,
        sends: !track.is_empty(),
        receives: track.is_empty(),
        track: track.to_owned(),
    }
}

pub(crate) struct World {
    pub(crate) room: MediaRoom,
    start: Instant,
    pub(crate) elapsed: Duration,
    next: u64,
    pub(crate) inbox: HashMap<PeerKey, VecDeque<Response>>,
    pub(crate) data: HashMap<PeerKey, Vec<(bool, Bytes)>>,
    pub(crate) offers: HashMap<PeerKey, Vec<OfferedSection>>,
    pub(crate) plans: HashMap<PeerKey, Vec<SectionPlan>>,
    pub(crate) bound: BTreeMap<(PeerKey, String), TrackKey>,
    pub(crate) live: Vec<TrackKey>,
    pub(crate) settings: BTreeMap<(PeerKey, TrackKey), signal::Settings>,
    pub(crate) closed: Vec<PeerKey>,
    pub(crate) gone: Vec<PeerKey>,
    pub(crate) events: Vec<(String, EventKind)>,
    /// Codecs added to tracks, and those everybody goes over to.
    pub(crate) codecs: Vec<(TrackKey, Codec)>,
    pub(crate) preferred: Vec<(TrackKey, Codec)>,
    /// How many bits per second somebody is to get at most.
    pub(crate) narrowed: Vec<(PeerKey, Option<u64>)>,
    /// How whose media is to travel.
    pub(crate) switched: Vec<(PeerKey, Protocol)>,
    /// Every message that was encoded, once however many got it.
    pub(crate) encoded: Vec<Bytes>,
    /// What fresh tokens say: whose, name, rights.
    pub(crate) renewed: Vec<(PeerKey, String, MediaPermission)>,
    mids: u64,
    made: HashMap<PeerKey, u32>,
}

impl World {
    pub(crate) fn new() -> Self {
        let start = Instant::now();
        let now = Now { at: start, unix_micros: 1_700_000_000_000_000 };
        Self {
            room: MediaRoom::new(&RoomId::try_from("room").unwrap(), 1, now),
            start,
            elapsed: Duration::ZERO,
            next: 0,
            inbox: HashMap::new(),
            data: HashMap::new(),
            offers: HashMap::new(),
            plans: HashMap::new(),
            bound: BTreeMap::new(),
            live: Vec::new(),
            settings: BTreeMap::new(),
            closed: Vec::new(),
            gone: Vec::new(),
            events: Vec::new(),
            codecs: Vec::new(),
            preferred: Vec::new(),
            narrowed: Vec::new(),
            switched: Vec::new(),
            encoded: Vec::new(),
            renewed: Vec::new(),
            mids: 0,
            made: HashMap::new(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        let micros = u64::try_from(self.elapsed.as_micros()).unwrap();
        Now { at: self.start + self.elapsed, unix_micros: 1_700_000_000_000_000 + micros }
    }

    /// Lets time pass, keeping deadlines.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.elapsed + time;
        while let Some(due) = self.room.poll_timeout().map(|at| at.duration_since(self.start)).filter(|due| *due <= end)
        {
            self.elapsed = due.max(self.elapsed);
            let now = self.now();
            self.room.handle_timeout(now);
            self.settle();
        }
        self.elapsed = end;
    }

    pub(crate) fn connect(
        &mut self,
        who: &str,
        permission: MediaPermission,
        dual: bool,
        request: &lk::JoinRequest,
    ) -> (PeerKey, Connected) {
        self.connect_kind(who, ParticipantKind::Standard, permission, dual, request)
    }

    pub(crate) fn connect_kind(
        &mut self,
        who: &str,
        kind: ParticipantKind,
        permission: MediaPermission,
        dual: bool,
        request: &lk::JoinRequest,
    ) -> (PeerKey, Connected) {
        self.next += 1;
        let key = PeerKey(self.next);
        let connect = Connect {
            key,
            identity: Identity::try_from(who).unwrap(),
            name: who.to_uppercase(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            permission,
            dual,
            relays: Vec::new(),
            relay_only: false,
            kind,
            kind_details: vec![1],
            request: JoinRequest::read(&request.encode_to_vec()).unwrap(),
        };
        let now = self.now();
        let connected = self.room.connect(connect, now).unwrap();
        self.settle();
        (key, connected)
    }

    /// Joins with one connection, offers, and is connected.
    pub(crate) fn join(&mut self, who: &str) -> PeerKey {
        self.join_as(who, all())
    }

    pub(crate) fn join_as(&mut self, who: &str, permission: MediaPermission) -> PeerKey {
        self.join_kind(who, ParticipantKind::Standard, permission)
    }

    pub(crate) fn join_kind(&mut self, who: &str, kind: ParticipantKind, permission: MediaPermission) -> PeerKey {
        let (key, connected) = self.connect_kind(who, kind, permission, false, &join_request());
        assert_eq!(connected, Connected::New);
        self.offers.insert(key, placeholders());
        self.offer(key, 1);
        let now = self.now();
        self.room.connected(key, now);
        self.settle();
        key
    }

    pub(crate) fn request(&mut self, from: PeerKey, message: Request) {
        let now = self.now();
        let bytes = lk::SignalRequest { message: Some(message) }.encode_to_vec();
        self.room.request(from, &bytes, now);
        self.settle();
    }

    /// The client offers its current sections.
    pub(crate) fn offer(&mut self, from: PeerKey, id: u32) {
        self.request(
            from,
            Request::Offer(lk::SessionDescription {
                r#type: "offer".into(),
                sdp: "offer".into(),
                id,
                ..Default::default()
            }),
        );
    }

    /// Publishes a track on a section of its own. Returns the sid.
    pub(crate) fn publish(&mut self, from: PeerKey, cid: &str, source: lk::TrackSource) -> String {
        let video = matches!(source, lk::TrackSource::Camera | lk::TrackSource::ScreenShare);
        let kind = if video { lk::TrackType::Video } else { lk::TrackType::Audio };
        let add =
            lk::AddTrackRequest { cid: cid.into(), r#type: kind.into(), source: source.into(), ..Default::default() };
        self.request(from, Request::AddTrack(add));
        let offers = self.offers.get_mut(&from).unwrap();
        let mid = (100 + offers.len()).to_string();
        offers.push(section(&mid, if video { Kind::Video } else { Kind::Audio }, cid));
        self.offer(from, 2);
        self.take(from)
            .into_iter()
            .find_map(|message| match message {
                Response::TrackPublished(published) => Some(published.track.unwrap().sid),
                _ => None,
            })
            .expect("the request is answered")
    }

    /// As the client does on `media_sections_requirement`.
    pub(crate) fn add_sections(&mut self, from: PeerKey, audios: u32, videos: u32) {
        let offers = self.offers.get_mut(&from).unwrap();
        for (count, kind) in [(audios, Kind::Audio), (videos, Kind::Video)] {
            for _ in 0..count {
                let mid = (100 + offers.len()).to_string();
                offers.push(section(&mid, kind, ""));
            }
        }
        self.offer(from, 3);
    }

    /// What a client was sent since the last look.
    pub(crate) fn take(&mut self, of: PeerKey) -> Vec<Response> {
        self.inbox.remove(&of).unwrap_or_default().into()
    }

    /// The tracks put on sections by the last answer.
    pub(crate) fn tracks_of(&self, of: PeerKey) -> Vec<String> {
        self.plans.get(&of).into_iter().flatten().filter_map(|plan| Some(plan.down.as_ref()?.track.clone())).collect()
    }

    pub(crate) fn bound_to(&self, of: PeerKey) -> usize {
        self.bound.keys().filter(|(peer, _)| *peer == of).count()
    }

    pub(crate) fn settle(&mut self) {
        while let Some(output) = self.room.poll() {
            let now = self.now();
            match output {
                Output::Send { to, message } => {
                    if self.encoded.last().is_none_or(|last| last.as_ptr() != message.as_ptr()) {
                        self.encoded.push(message.clone());
                    }
                    let decoded = lk::SignalResponse::decode(message).unwrap().message.unwrap();
                    self.inbox.entry(to).or_default().push_back(decoded);
                }
                Output::CloseLink { to } => self.closed.push(to),
                Output::ClientOffer { peer, .. } => {
                    let offered = self.offers.get(&peer).cloned().unwrap_or_default();
                    let plan = self.room.plan(peer, &offered, now);
                    self.plans.insert(peer, plan);
                    self.room.answered(peer, Some("answer".into()), now);
                }
                Output::MakeOffer { peer, changes, .. } => {
                    let mids = changes
                        .into_iter()
                        .map(|change| match change {
                            signal::OfferChange::Activate { mid, .. } => mid.unwrap_or_else(|| {
                                self.mids += 1;
                                format!("s{}", self.mids)
                            }),
                            signal::OfferChange::Deactivate { mid } => mid,
                        })
                        .collect();
                    let made = self.made.entry(peer).or_default();
                    *made += 1;
                    let text = format!("offer {made}");
                    self.room.offered(peer, Some((text, mids)), now);
                }
                Output::SettleOffer { peer, known } => {
                    let answered = known.is_some_and(|(offer, _)| offer == format!("offer {}", self.made[&peer]));
                    self.room.offer_settled(peer, answered, now);
                }
                Output::ClientAnswer { peer, .. } => self.room.answer_taken(peer, true, now),
                Output::Data { to, reliable, message, .. } => {
                    self.data.entry(to).or_default().push((reliable, message))
                }
                Output::Published { track, .. } => self.live.push(track),
                Output::Unpublished { track } => {
                    self.live.retain(|live| *live != track);
                    self.bound.retain(|_, bound| *bound != track);
                }
                Output::Bind { peer, mid, track, settings } => {
                    self.settings.insert((peer, track), settings);
                    self.bound.insert((peer, mid), track);
                }
                Output::Unbind { peer, mid } => {
                    self.bound.remove(&(peer, mid));
                }
                Output::Gone { peer } => {
                    self.bound.retain(|(of, _), _| *of != peer);
                    self.gone.push(peer);
                }
                Output::Renew { to, name, permission, .. } => self.renewed.push((to, name, permission)),
                Output::Event { identity, kind, .. } => self.events.push((identity.as_str().to_owned(), kind)),
                Output::Settings { peer, track, settings } => {
                    self.settings.insert((peer, track), settings);
                }
                Output::CodecPublished { track, codec, .. } => self.codecs.push((track, codec)),
                Output::CodecUnpublished { track, codec } => self.codecs.retain(|known| *known != (track, codec)),
                Output::Prefer { track, codec } => self.preferred.push((track, codec)),
                Output::Narrow { peer, bits } => self.narrowed.push((peer, bits)),
                Output::Switch { peer, protocol } => self.switched.push((peer, protocol)),
                Output::Muted { .. } | Output::Layers { .. } => {}
            }
        }
    }
}

pub(crate) fn join_request() -> lk::JoinRequest {
    lk::JoinRequest {
        connection_settings: Some(lk::ConnectionSettings { auto_subscribe: true, ..Default::default() }),
        ..Default::default()
    }
}

pub(crate) fn name(message: &Response) -> &'static str {
    match message {
        Response::Join(_) => "join",
        Response::Answer(_) => "answer",
        Response::Offer(_) => "offer",
        Response::Update(_) => "update",
        Response::TrackPublished(_) => "track_published",
        Response::Leave(_) => "leave",
        Response::Mute(_) => "mute",
        Response::SpeakersChanged(_) => "speakers_changed",
        Response::RoomUpdate(_) => "room_update",
        Response::ConnectionQuality(_) => "connection_quality",
        Response::SubscribedQualityUpdate(_) => "subscribed_quality_update",
        Response::SubscriptionPermissionUpdate(_) => "subscription_permission_update",
        Response::TrackUnpublished(_) => "track_unpublished",
        Response::Pong(_) => "pong",
        Response::PongResp(_) => "pong_resp",
        Response::Reconnect(_) => "reconnect",
        Response::RequestResponse(_) => "request_response",
        Response::TrackSubscribed(_) => "track_subscribed",
        Response::SubscriptionResponse(_) => "subscription_response",
        Response::StreamStateUpdate(_) => "stream_state_update",
        Response::MediaSectionsRequirement(_) => "media_sections_requirement",
        _ => "other",
    }
}

pub(crate) fn names(messages: &[Response]) -> Vec<&'static str> {
    messages.iter().map(name).collect()
}

/// Whether a request was refused as too much.
pub(crate) fn refused(world: &mut World, peer: PeerKey) -> bool {
    let limit = lk::request_response::Reason::LimitExceeded;
    world
        .take(peer)
        .iter()
        .any(|message| matches!(message, Response::RequestResponse(answer) if answer.reason() == limit))
}
