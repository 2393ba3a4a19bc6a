//! What is noted of media rooms, people and tracks while they are there, so that their end can be told by another process.

use std::collections::HashMap;

use bytes::Bytes;
use model::media::Source;
use model::{Identity, RoomId, SessionId};
use ports::media::{MediaEvent, MediaEventKind};
use ports::presence::{MAX_ABOUT, MAX_PRESENCE_ID, Presence};
use prost::Message;
use tracing::warn;
use wire::livekit::{self, TrackSource};

/// Where something is: of one room of the name there is one at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Standing {
    room: RoomId,
    session: SessionId,
}

impl Standing {
    fn of(presence: &Presence) -> Self {
        Self { room: presence.room.clone(), session: presence.session.clone() }
    }
}

/// In the order in which their ends are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum Kind {
    Unknown = 0,
    Track = 1,
    Participant = 2,
    Room = 3,
}

/// What the store keeps of something. Numbers are its own.
#[derive(Clone, PartialEq, prost::Message)]
struct About {
    #[prost(enumeration = "Kind", tag = "1")]
    kind: i32,
    /// Whose it is; empty of a room.
    #[prost(string, tag = "2")]
    identity: String,
    /// The participant, of a track no more than a name of it.
    #[prost(message, optional, tag = "3")]
    participant: Option<livekit::ParticipantInfo>,
    #[prost(message, optional, tag = "4")]
    room: Option<livekit::Room>,
    #[prost(message, optional, tag = "5")]
    track: Option<livekit::TrackInfo>,
}

impl About {
    fn fits(&self) -> bool {
        self.encoded_len() <= MAX_ABOUT
    }

    /// Without what others made long.
    fn shortened(mut self) -> Self {
        if let Some(participant) = &mut self.participant {
            participant.metadata.clear();
            participant.attributes.clear();
            participant.tracks.clear();
        }
        if let Some(room) = &mut self.room {
            room.metadata.clear();
        }
        self
    }

    /// What is told when the process that had it is gone.
    fn ending(self, presence: &Presence, about_room: Bytes) -> Option<MediaEvent> {
        let kind = match self.kind() {
            Kind::Unknown => return None,
            Kind::Room => MediaEventKind::Closed,
            Kind::Participant => MediaEventKind::Left,
            Kind::Track => {
                MediaEventKind::Unpublished { sid: presence.id.clone(), source: source(self.track.as_ref()?) }
            }
        };
        let identity = match kind {
            MediaEventKind::Closed => None,
            _ => Some(Identity::try_from(self.identity.as_str()).ok()?),
        };
        let participant = self.participant.map(|known| livekit::ParticipantInfo {
            state: livekit::participant_info::State::Disconnected.into(),
            disconnect_reason: livekit::DisconnectReason::ServerShutdown.into(),
            tracks: Vec::new(),
            ..known
        });
        Some(MediaEvent {
            room: presence.room.clone(),
            session: presence.session.clone(),
            identity,
            kind,
            participant: participant.map(|known| known.encode_to_vec().into()).unwrap_or_default(),
            about_room,
            track: self.track.map(|track| track.encode_to_vec().into()).unwrap_or_default(),
        })
    }
}

/// Of a track that says nothing, what tracks of its kind mostly are.
fn source(track: &livekit::TrackInfo) -> Source {
    match track.source() {
        TrackSource::Camera => Source::Camera,
        TrackSource::Microphone => Source::Microphone,
        TrackSource::ScreenShare => Source::ScreenShare,
        TrackSource::ScreenShareAudio => Source::ScreenShareAudio,
        TrackSource::Unknown if track.r#type() == livekit::TrackType::Audio => Source::Microphone,
        TrackSource::Unknown => Source::Camera,
    }
}

fn participant(event: &MediaEvent) -> Option<livekit::ParticipantInfo> {
    livekit::ParticipantInfo::decode(event.participant.clone()).ok()
}

/// The sid of whoever an event is about.
pub(crate) fn sid_of_participant(event: &MediaEvent) -> Option<String> {
    participant(event).map(|participant| participant.sid)
}

/// The sid of the room it happened in.
pub(crate) fn sid_of_room(event: &MediaEvent) -> Option<String> {
    livekit::Room::decode(event.about_room.clone()).ok().map(|room| room.sid)
}

/// What begins with an event. Texts of others that are too long for it are left out.
pub(crate) fn of(event: &MediaEvent) -> Option<Presence> {
    let identity = event.identity.as_ref().map(ToString::to_string).unwrap_or_default();
    let (id, about) = match &event.kind {
        MediaEventKind::Opened => {
            let room = livekit::Room::decode(event.about_room.clone()).ok()?;
            (room.sid.clone(), About { kind: Kind::Room.into(), room: Some(room), ..About::default() })
        }
        MediaEventKind::Joined => {
            let participant = Some(participant(event)?);
            let id = sid_of_participant(event)?;
            (id, About { kind: Kind::Participant.into(), identity, participant, ..About::default() })
        }
        MediaEventKind::Published { sid, .. } => {
            let track = Some(livekit::TrackInfo::decode(event.track.clone()).ok()?);
            let owner = sid_of_participant(event)?;
            let participant = Some(livekit::ParticipantInfo { sid: owner, ..livekit::ParticipantInfo::default() });
            (sid.clone(), About { kind: Kind::Track.into(), identity, participant, track, ..About::default() })
        }
        _ => return None,
    };
    let about = if about.fits() { about } else { about.shortened() };
    let is_nameable = !id.is_empty() && id.len() <= MAX_PRESENCE_ID && !id.contains('\0');
    let (room, session) = (event.room.clone(), event.session.clone());
    (is_nameable && about.fits()).then(|| Presence { id, room, session, about: about.encode_to_vec().into() })
}

/// How everything that was there ended, with what is told of it; `None` of what cannot be read. Of each room the tracks
/// first, then the people, then the room.
pub(crate) fn endings(left: Vec<Presence>) -> Vec<(String, Option<MediaEvent>)> {
    let mut read: Vec<(Presence, Option<About>)> = left
        .into_iter()
        .map(|presence| {
            let about = About::decode(presence.about.clone()).ok();
            (presence, about)
        })
        .collect();
    let kind = |about: &Option<About>| about.as_ref().map_or(Kind::Unknown, About::kind);
    read.sort_by(|(a, first), (b, second)| {
        (&a.room, &a.session, kind(first), &a.id).cmp(&(&b.room, &b.session, kind(second), &b.id))
    });
    let rooms: HashMap<Standing, Bytes> = read
        .iter()
        .filter_map(|(presence, about)| {
            let room = about.as_ref()?.room.as_ref()?;
            Some((Standing::of(presence), room.encode_to_vec().into()))
        })
        .collect();
    let ended = read.into_iter().map(|(presence, about)| {
        let about_room = rooms.get(&Standing::of(&presence)).cloned().unwrap_or_default();
        let event = about.and_then(|about| about.ending(&presence, about_room));
        if event.is_none() {
            warn!(room.id = %presence.room, id = presence.id, "what was noted of a media room cannot be read");
        }
        (presence.id, event)
    });
    ended.collect()
}
