//! What participants without a peer connection say and are told. They live in the process, so that nothing is encoded.

use crate::incoming::{ClientMessage, JoinRequest, Said};
use crate::room::MediaRoom;
use crate::track::source_of;
use crate::types::{Codec, Kind, Now, PeerKey};
use bytes::Bytes;
use model::media::Source;
use prost::Message;
use wire::lk;
use wire::lk::signal_request::Message as Request;
use wire::lk::signal_response::Message as Response;

impl JoinRequest {
    /// Of an insider, who chooses what it gets.
    pub fn inside() -> Self {
        let settings = lk::ConnectionSettings { auto_subscribe: false, ..lk::ConnectionSettings::default() };
        let request = lk::JoinRequest { connection_settings: Some(settings), ..lk::JoinRequest::default() };
        Self(Box::new(request))
    }
}

impl ClientMessage {
    fn inside(request: Request) -> Self {
        Self { length: 0, said: Said::Request(Box::new(request)) }
    }

    /// Its sections changed; [`crate::Output::ClientOffer`] asks for them.
    pub fn offer(id: u32) -> Self {
        Self::inside(Request::Offer(lk::SessionDescription { id, ..lk::SessionDescription::default() }))
    }

    /// A track to publish on a section that will be called `cid`. Sound may have two channels.
    #[allow(deprecated)]
    pub fn add_track(cid: &str, source: Source, codec: Codec, (width, height): (u32, u32), stereo: bool) -> Self {
        let stereo = stereo && codec == Codec::Opus;
        let video = codec != Codec::Opus;
        let layer = lk::VideoLayer { quality: 2, width, height, ..lk::VideoLayer::default() };
        let layers = if video { vec![layer] } else { Vec::new() };
        Self::inside(Request::AddTrack(lk::AddTrackRequest {
            cid: cid.to_owned(),
            r#type: if video { lk::TrackType::Video } else { lk::TrackType::Audio }.into(),
            source: crate::participant::lk_source(source).into(),
            width,
            height,
            layers: layers.clone(),
            stereo,
            audio_features: stereo.then_some(lk::AudioTrackFeature::TfStereo.into()).into_iter().collect(),
            simulcast_codecs: vec![lk::SimulcastCodec {
                codec: codec.mime().to_owned(),
                cid: cid.to_owned(),
                layers,
                ..lk::SimulcastCodec::default()
            }],
            ..lk::AddTrackRequest::default()
        }))
    }

    /// Mutes or unmutes a track of its own.
    pub fn mute(sid: &str, muted: bool) -> Self {
        Self::inside(Request::Mute(lk::MuteTrackRequest { sid: sid.to_owned(), muted }))
    }

    /// The best layer it wants of a track.
    pub fn quality(sid: &str, quality: u8) -> Self {
        Self::inside(Request::TrackSetting(lk::UpdateTrackSettings {
            track_sids: vec![sid.to_owned()],
            quality: i32::from(quality.min(2)),
            ..lk::UpdateTrackSettings::default()
        }))
    }

    /// Goes.
    pub fn leave() -> Self {
        Self::inside(Request::Leave(lk::LeaveRequest::default()))
    }
}

impl MediaRoom {
    /// An insider wants a track, or no longer. Whether it receives it, or will as soon as there is a section for it. Not bounded as
    /// clients' messages are: who records a large meeting wants many at once.
    #[allow(deprecated)]
    pub fn subscribe(&mut self, peer: PeerKey, sid: &str, wanted: bool, now: Now) -> bool {
        let update = lk::UpdateSubscription {
            track_sids: vec![sid.to_owned()],
            subscribe: wanted,
            ..lk::UpdateSubscription::default()
        };
        self.update_subscription(peer, &update, now);
        let both = self.participants.get(&peer).zip(self.by_sid.get(sid));
        both.is_some_and(|(subscriber, track)| subscriber.subscriptions.contains_key(track))
    }
}

/// A track as an insider sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenTrack {
    /// Its sid.
    pub sid: String,
    /// Where it comes from.
    pub source: Source,
    /// Sound or pictures.
    pub kind: Kind,
    /// What its publisher calls it.
    pub name: String,
    /// How it is encoded first of all, if that is known here.
    pub codec: Option<Codec>,
    /// Pixels as its publisher says.
    pub size: (u32, u32),
    /// Silent for now.
    pub muted: bool,
    /// End to end.
    pub encrypted: bool,
}

/// What the room says to an insider; everything else does not concern one.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Somebody is there with these tracks, or is gone; the list is whole.
    Participant { identity: String, sid: String, gone: bool, tracks: Vec<SeenTrack> },
    /// A participant is so loud, from 0 to 1.
    Speaking { sid: String, level: f32 },
    /// So many more sections to receive on are needed: (sound, pictures).
    Sections(u32, u32),
    /// A track of its own is accepted.
    Accepted { cid: String, sid: String },
    /// A track it wanted to publish was refused.
    Refused { cid: String, why: Refusal },
    /// A track of its own was taken away.
    Unpublished { sid: String },
    /// A track of its own was muted or unmuted.
    Muted { sid: String, muted: bool },
    /// Whether anybody wants pictures of a track of its own, in whatever size.
    Wanted { sid: String, yes: bool },
    /// It is out.
    Left(End),
}

/// Why somebody may not publish a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its rights do not cover the source.
    NotAllowed,
    /// Too many, or too many at once.
    TooMany,
    /// Anything else is wrong with the request.
    Unusable,
}

impl Refusal {
    fn of(reason: lk::request_response::Reason) -> Self {
        use lk::request_response::Reason;
        match reason {
            Reason::NotAllowed => Self::NotAllowed,
            Reason::LimitExceeded => Self::TooMany,
            _ => Self::Unusable,
        }
    }
}

/// Why somebody is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The room is closed.
    Over,
    /// By a moderator or the API, or the meeting does not know them any more.
    Removed,
    /// Somebody came under the same identity.
    Replaced,
    /// Its session, the room or the server cannot go on.
    StartOver,
}

impl End {
    fn of(leave: &lk::LeaveRequest) -> Self {
        use lk::DisconnectReason as Reason;
        match (leave.action(), leave.reason()) {
            (lk::leave_request::Action::Reconnect, _) => Self::StartOver,
            (_, Reason::RoomDeleted | Reason::RoomClosed) => Self::Over,
            (_, Reason::DuplicateIdentity) => Self::Replaced,
            _ => Self::Removed,
        }
    }
}

/// Reads a message that the room sends to an insider.
pub fn told(message: &Bytes) -> Vec<Told> {
    let response = lk::SignalResponse::decode(message.clone()).ok().and_then(|response| response.message);
    match response {
        Some(Response::Join(join)) => join.other_participants.iter().filter_map(participant).collect(),
        Some(Response::Update(update)) => update.participants.iter().filter_map(participant).collect(),
        Some(Response::MediaSectionsRequirement(more)) => vec![Told::Sections(more.num_audios, more.num_videos)],
        Some(Response::TrackPublished(published)) => {
            let sid = published.track.unwrap_or_default().sid;
            vec![Told::Accepted { cid: published.cid, sid }]
        }
        Some(Response::RequestResponse(refused)) => {
            let why = Refusal::of(refused.reason());
            match refused.request {
                Some(lk::request_response::Request::AddTrack(add)) => vec![Told::Refused { cid: add.cid, why }],
                _ => Vec::new(),
            }
        }
        Some(Response::SubscribedQualityUpdate(wanted)) => {
            let mut qualities = wanted.subscribed_codecs.iter().flat_map(|codec| &codec.qualities);
            let yes = qualities.any(|quality| quality.enabled);
            vec![Told::Wanted { sid: wanted.track_sid, yes }]
        }
        Some(Response::SpeakersChanged(changed)) => {
            let level = |speaker: &lk::SpeakerInfo| if speaker.active { speaker.level } else { 0.0 };
            let told = changed.speakers.iter().map(|one| Told::Speaking { sid: one.sid.clone(), level: level(one) });
            told.collect()
        }
        Some(Response::TrackUnpublished(gone)) => vec![Told::Unpublished { sid: gone.track_sid }],
        Some(Response::Mute(mute)) => vec![Told::Muted { sid: mute.sid, muted: mute.muted }],
        Some(Response::Leave(leave)) => vec![Told::Left(End::of(&leave))],
        _ => Vec::new(),
    }
}

fn participant(info: &lk::ParticipantInfo) -> Option<Told> {
    let gone = info.state() == lk::participant_info::State::Disconnected;
    let tracks = info.tracks.iter().filter(|_| !gone).filter_map(|track| {
        let kind = match track.r#type() {
            lk::TrackType::Audio => Kind::Audio,
            lk::TrackType::Video => Kind::Video,
            lk::TrackType::Data => return None,
        };
        let source = source_of(kind, track.source);
        let encrypted = track.encryption() != lk::encryption::Type::None;
        Some(SeenTrack {
            sid: track.sid.clone(),
            source,
            kind,
            name: track.name.clone(),
            codec: Codec::ALL.into_iter().find(|codec| codec.mime().eq_ignore_ascii_case(&track.mime_type)),
            size: (track.width, track.height),
            muted: track.muted,
            encrypted,
        })
    });
    let (identity, sid) = (info.identity.clone(), info.sid.clone());
    Some(Told::Participant { identity, sid, gone, tracks: tracks.collect() })
}
