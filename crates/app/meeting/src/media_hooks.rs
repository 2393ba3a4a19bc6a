//! LiveKit's webhooks: what happens in media rooms, told to the operator's receivers in LiveKit's own words
//! (media-protocol.md section 20). They go through the same outbox as the meeting's, so none is lost.

use std::sync::Arc;

use bytes::Bytes;
use ports::media::{MediaEvent, MediaEventKind};
use ports::outbox::{LIVEKIT_EVENT, MAX_BODY, MAX_NOTICES, MAX_URL, Notice, Outbox};
use prost::{DecodeError, Message};
use rand::RngExt;
use rand::distr::Alphanumeric;
use tokio::sync::Notify;
use tracing::warn;
use wire::livekit;

use crate::actor::now;

/// Puts events of the media plane into the outbox.
#[derive(Clone)]
pub struct MediaHooks {
    outbox: Arc<dyn Outbox>,
    urls: Arc<[String]>,
    news: Arc<Notify>,
}

impl MediaHooks {
    /// For these receivers; `news` is told after something was put in.
    pub fn new(outbox: Arc<dyn Outbox>, urls: Vec<String>, news: Arc<Notify>) -> Self {
        let urls = urls.into_iter().filter(|url| url.len() <= MAX_URL).collect();
        Self { outbox, urls, news }
    }

    /// Puts in what is to be told of these events, in their order. What the store does not take is lost, and said in the
    /// log: the media plane does not wait.
    pub async fn tell(&self, events: &[MediaEvent]) {
        let mut notices: Vec<Notice> = events.iter().flat_map(|event| self.notices(event)).collect();
        while !notices.is_empty() {
            let rest = notices.split_off(notices.len().min(MAX_NOTICES));
            let count = notices.len();
            if let Err(error) = self.outbox.enqueue(notices).await {
                warn!(%error, "webhooks of the media server are lost");
                count_lost("store", count);
            }
            notices = rest;
            self.news.notify_one();
        }
    }

    fn notices(&self, event: &MediaEvent) -> Vec<Notice> {
        if self.urls.is_empty() {
            return Vec::new();
        }
        let Some(name) = name_of(&event.kind) else { return Vec::new() };
        let at = now().unix_ms;
        let body = match body(event, name, at / 1000) {
            Ok(body) => body,
            Err(error) => {
                warn!(room.id = %event.room, event = name, %error, "a webhook of the media server is not sent");
                count_lost(error.reason(), self.urls.len());
                return Vec::new();
            }
        };
        let notice = |url: &String| Notice {
            room: event.room.clone(),
            session: event.session.clone(),
            event: format!("{LIVEKIT_EVENT}{name}"),
            url: url.clone(),
            body: body.clone(),
            created_at_ms: at,
        };
        self.urls.iter().map(notice).collect()
    }
}

/// Counts webhooks that nobody will get.
fn count_lost(reason: &'static str, count: usize) {
    metrics::counter!("plenum_media_webhooks_lost_total", "reason" => reason).increment(count as u64);
}

/// Why there is no webhook of an event.
#[derive(Debug, thiserror::Error)]
enum Unsayable {
    #[error("what the media plane describes cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    #[error("it has {0} bytes, which is too many")]
    TooLarge(usize),
}

impl Unsayable {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::TooLarge(_) => "too_large",
        }
    }
}

/// The request's body. Clients choose numbers that have no name for us, of their capabilities for instance: those are
/// written as numbers, as protobuf's JSON wants, and are no reason to tell nothing.
fn body(event: &MediaEvent, name: &str, created_at: i64) -> Result<Bytes, Unsayable> {
    let body = wire::json::encode_camel(&said(event, name, created_at)?);
    if body.len() > MAX_BODY { Err(Unsayable::TooLarge(body.len())) } else { Ok(body.into()) }
}

/// What LiveKit calls it; some things it does not tell.
const fn name_of(kind: &MediaEventKind) -> Option<&'static str> {
    Some(match kind {
        MediaEventKind::Opened => "room_started",
        MediaEventKind::Closed => "room_finished",
        MediaEventKind::Joined => "participant_joined",
        MediaEventKind::Left => "participant_left",
        MediaEventKind::Aborted => "participant_connection_aborted",
        MediaEventKind::Published { .. } => "track_published",
        MediaEventKind::Unpublished { .. } => "track_unpublished",
        MediaEventKind::Muted { .. } | MediaEventKind::Spoke { .. } | MediaEventKind::Troubled(_) => return None,
    })
}

/// The event as it goes out. About a track, room and participant are named and not described.
///
/// # Errors
/// The media plane describes something in a way that cannot be read.
fn said(event: &MediaEvent, name: &str, created_at: i64) -> Result<livekit::WebhookEvent, DecodeError> {
    let room = livekit::Room::decode(event.about_room.clone())?;
    let room = if room.name.is_empty() { livekit::Room { name: event.room.to_string(), ..room } } else { room };
    let known = livekit::ParticipantInfo::decode(event.participant.clone())?;
    let participant =
        event.identity.as_ref().map(|who| livekit::ParticipantInfo { identity: who.to_string(), ..known });
    let track = Some(&event.track).filter(|bytes| !bytes.is_empty());
    let track = track.map(|bytes| livekit::TrackInfo::decode(bytes.clone())).transpose()?;
    let (room, participant) = if track.is_some() {
        let named = participant.map(|known| livekit::ParticipantInfo {
            sid: known.sid,
            identity: known.identity,
            ..livekit::ParticipantInfo::default()
        });
        (livekit::Room { sid: room.sid, name: room.name, ..livekit::Room::default() }, named)
    } else {
        (room, participant)
    };
    Ok(livekit::WebhookEvent {
        event: name.to_owned(),
        room: Some(room),
        participant,
        track,
        id: event_id(),
        created_at,
    })
}

fn event_id() -> String {
    let id: String = rand::rng().sample_iter(Alphanumeric).take(12).map(char::from).collect();
    format!("EV_{id}")
}

#[cfg(test)]
mod tests {
    use model::media::Source;
    use model::{Identity, RoomId, SessionId};
    use wire::lk;

    use super::*;

    fn event(kind: MediaEventKind, who: Option<&str>, track: Option<lk::TrackInfo>) -> MediaEvent {
        let room = lk::Room { sid: "RM_1".into(), name: "r".into(), metadata: "m".into(), ..lk::Room::default() };
        let info = lk::ParticipantInfo { sid: "PA_1".into(), name: "Ann".into(), ..lk::ParticipantInfo::default() };
        MediaEvent {
            room: RoomId::try_from("r").unwrap(),
            session: SessionId::try_from("s").unwrap(),
            identity: who.map(|who| Identity::try_from(who).unwrap()),
            kind,
            participant: info.encode_to_vec().into(),
            about_room: room.encode_to_vec().into(),
            track: track.map(|track| track.encode_to_vec().into()).unwrap_or_default(),
        }
    }

    #[test]
    fn an_event_of_a_participant_describes_them_and_the_room() {
        let said = said(&event(MediaEventKind::Joined, Some("ann"), None), "participant_joined", 7).unwrap();

        let room = said.room.unwrap();
        assert_eq!((room.sid.as_str(), room.metadata.as_str()), ("RM_1", "m"));
        let participant = said.participant.unwrap();
        assert_eq!((participant.identity.as_str(), participant.name.as_str()), ("ann", "Ann"));
        assert_eq!((said.created_at, said.id.len(), &said.id[..3]), (7, 15, "EV_"));
    }

    #[test]
    fn an_event_of_a_track_names_whose_it_is() {
        let track = lk::TrackInfo { sid: "TR_1".into(), ..lk::TrackInfo::default() };
        let kind = MediaEventKind::Published { sid: "TR_1".into(), source: Source::Camera };

        let said = said(&event(kind, Some("ann"), Some(track)), "track_published", 7).unwrap();

        let room = said.room.unwrap();
        assert_eq!((room.sid.as_str(), room.name.as_str(), room.metadata.as_str()), ("RM_1", "r", ""));
        let participant = said.participant.unwrap();
        assert_eq!((participant.sid.as_str(), participant.identity.as_str()), ("PA_1", "ann"));
        assert_eq!((participant.name.as_str(), said.track.unwrap().sid.as_str()), ("", "TR_1"));
    }

    /// Somebody and something with a value in every field that our media plane sets.
    fn described() -> (lk::ParticipantInfo, lk::TrackInfo) {
        let layer = lk::VideoLayer {
            quality: 2,
            width: 640,
            height: 360,
            bitrate: 7,
            rid: "f".into(),
            ssrc: 1,
            spatial_layer: 1,
            repair_ssrc: 2,
        };
        #[expect(deprecated, reason = "older clients read them")]
        let track = lk::TrackInfo {
            sid: "TR_1".into(),
            r#type: 1,
            name: "a \"b\"\n<é>".into(),
            muted: true,
            width: 640,
            height: 360,
            simulcast: true,
            disable_dtx: true,
            source: 3,
            layers: vec![layer.clone()],
            mime_type: "video/VP8".into(),
            mid: "0".into(),
            codecs: vec![lk::SimulcastCodecInfo {
                mime_type: "video/VP8".into(),
                mid: "0".into(),
                cid: "c".into(),
                layers: vec![layer],
                video_layer_mode: 1,
                sdp_cid: "s".into(),
            }],
            stereo: true,
            disable_red: true,
            encryption: 1,
            stream: "screen".into(),
            version: Some(lk::TimedVersion { unix_micro: 1 << 60, ticks: 1 }),
            audio_features: vec![0, 1, 2, 3, 4, 5, 6],
            backup_codec_policy: 1,
            packet_trailer_features: vec![0, 1, 2],
        };
        let permission = lk::ParticipantPermission {
            can_subscribe: true,
            can_publish_sources: vec![1, 2, 3, 4],
            can_update_metadata: true,
            ..lk::ParticipantPermission::default()
        };
        let info = lk::ParticipantInfo {
            sid: "PA_1".into(),
            state: 2,
            tracks: vec![track.clone()],
            metadata: "{}".into(),
            joined_at: 7,
            joined_at_ms: 7000,
            name: "Ann".into(),
            version: 3,
            permission: Some(permission),
            is_publisher: true,
            kind: 3,
            attributes: [("k".to_owned(), "v".to_owned())].into(),
            disconnect_reason: 14,
            kind_details: vec![1, 2],
            client_protocol: 2,
            capabilities: vec![1, 2],
            ..lk::ParticipantInfo::default()
        };
        (info, track)
    }

    #[test]
    fn an_event_is_written_as_livekits_own_types_are() {
        let (info, track) = described();
        let joined =
            MediaEvent { participant: info.encode_to_vec().into(), ..event(MediaEventKind::Left, Some("ann"), None) };
        let kind = MediaEventKind::Published { sid: "TR_1".into(), source: Source::Camera };
        for event in [joined, event(kind, Some("ann"), Some(track))] {
            let said = said(&event, "x", 7).unwrap();
            let theirs = lk::WebhookEvent::decode(said.encode_to_vec().as_slice()).unwrap();

            let ours: serde_json::Value = serde_json::from_str(&wire::json::encode_camel(&said)).unwrap();

            assert_eq!(ours, serde_json::to_value(&theirs).unwrap());
        }
    }

    #[test]
    fn numbers_without_a_name_are_written_as_numbers() {
        let (mut info, mut track) = described();
        (info.capabilities, info.kind_details) = (vec![1, 77], vec![78]);
        (track.source, track.encryption, track.backup_codec_policy) = (70, 71, -72);
        (track.audio_features, track.packet_trailer_features) = (vec![0, 73], vec![74]);
        let kind = MediaEventKind::Published { sid: "TR_1".into(), source: Source::Camera };
        let published = event(kind, Some("ann"), Some(track));
        let joined = event(MediaEventKind::Joined, Some("ann"), None);
        let joined = MediaEvent { participant: info.encode_to_vec().into(), ..joined };
        let told = |event| serde_json::from_slice::<serde_json::Value>(&body(event, "x", 7).unwrap()).unwrap();

        let participant = &told(&joined)["participant"];
        assert_eq!(participant["capabilities"], serde_json::json!(["CAP_PACKET_TRAILER", 77]));
        assert_eq!(participant["kindDetails"], serde_json::json!([78]));
        let track = &told(&published)["track"];
        assert_eq!((&track["source"], &track["encryption"]), (&70.into(), &71.into()));
        assert_eq!(track["backupCodecPolicy"], -72);
        assert_eq!(track["audioFeatures"], serde_json::json!(["TF_STEREO", 73]));
        assert_eq!(track["packetTrailerFeatures"], serde_json::json!([74]));
    }

    #[test]
    fn what_cannot_be_said_has_a_reason() {
        let odd =
            MediaEvent { participant: Bytes::from_static(b"\xff"), ..event(MediaEventKind::Joined, Some("a"), None) };
        assert_eq!(body(&odd, "x", 7).unwrap_err().reason(), "unreadable");

        let room = lk::Room { metadata: "m".repeat(MAX_BODY), ..lk::Room::default() };
        let large = MediaEvent { about_room: room.encode_to_vec().into(), ..event(MediaEventKind::Opened, None, None) };
        assert_eq!(body(&large, "x", 7).unwrap_err().reason(), "too_large");
    }
}
