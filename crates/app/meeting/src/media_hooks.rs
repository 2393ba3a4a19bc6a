//! LiveKit's webhooks: what happens in media rooms, told to the operator's receivers in LiveKit's own words
//! (media-protocol.md section 20). They go through the same outbox as the meeting's, so none is lost.

use std::sync::Arc;

use bytes::Bytes;
use ports::media::{MediaEvent, MediaEventKind};
use ports::outbox::{LIVEKIT_EVENT, MAX_BODY, MAX_NOTICES, MAX_URL, Notice, Outbox};
use prost::Message;
use rand::RngExt;
use rand::distr::Alphanumeric;
use tokio::sync::Notify;
use tracing::warn;
use wire::lk;

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
            if let Err(error) = self.outbox.enqueue(notices).await {
                warn!(%error, "webhooks of the media server are lost");
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
        let Ok(body) = serde_json::to_vec(&said(event, name, at / 1000)) else { return Vec::new() };
        if body.len() > MAX_BODY {
            warn!(room.id = %event.room, event = name, "a webhook is too large and not sent");
            return Vec::new();
        }
        let body = Bytes::from(body);
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
fn said(event: &MediaEvent, name: &str, created_at: i64) -> lk::WebhookEvent {
    let room = lk::Room::decode(event.about_room.clone()).unwrap_or_default();
    let room = if room.name.is_empty() { lk::Room { name: event.room.to_string(), ..room } } else { room };
    let participant = event.identity.as_ref().map(|identity| {
        let known = lk::ParticipantInfo::decode(event.participant.clone()).unwrap_or_default();
        lk::ParticipantInfo { identity: identity.to_string(), ..known }
    });
    let track = Some(&event.track).filter(|bytes| !bytes.is_empty());
    let track = track.and_then(|bytes| lk::TrackInfo::decode(bytes.clone()).ok());
    let (room, participant) = if track.is_some() {
        let named = participant.map(|known| lk::ParticipantInfo {
            sid: known.sid,
            identity: known.identity,
            ..lk::ParticipantInfo::default()
        });
        (lk::Room { sid: room.sid, name: room.name, ..lk::Room::default() }, named)
    } else {
        (room, participant)
    };
    lk::WebhookEvent {
        event: name.to_owned(),
        room: Some(room),
        participant,
        track,
        id: event_id(),
        created_at,
        ..lk::WebhookEvent::default()
    }
}

fn event_id() -> String {
    let id: String = rand::rng().sample_iter(Alphanumeric).take(12).map(char::from).collect();
    format!("EV_{id}")
}

#[cfg(test)]
mod tests {
    use model::media::Source;
    use model::{Identity, RoomId, SessionId};

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
        let said = said(&event(MediaEventKind::Joined, Some("ann"), None), "participant_joined", 7);

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

        let said = said(&event(kind, Some("ann"), Some(track)), "track_published", 7);

        let room = said.room.unwrap();
        assert_eq!((room.sid.as_str(), room.name.as_str(), room.metadata.as_str()), ("RM_1", "r", ""));
        let participant = said.participant.unwrap();
        assert_eq!((participant.sid.as_str(), participant.identity.as_str()), ("PA_1", "ann"));
        assert_eq!((participant.name.as_str(), said.track.unwrap().sid.as_str()), ("", "TR_1"));
    }
}
