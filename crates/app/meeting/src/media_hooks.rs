//! LiveKit's webhooks: what happens in media rooms, told to the operator's receivers in LiveKit's own words
//! (media-protocol.md section 20). They go through the same outbox as the meeting's, so none is lost.
//!
//! Media rooms do not survive the process, and receivers count who is in them. So what is told to have begun is noted, in the
//! same step: a process that is killed says nothing any more, and the next one tells the end of whatever is noted
//! ([`MediaHooks::take_over`]) before it tells anything new. Together with a stop, at which the media plane closes its rooms,
//! every `room_started`, `participant_joined` and `track_published` has its end, once.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use ports::media::{MediaEvent, MediaEventKind};
use ports::outbox::{LIVEKIT_EVENT, MAX_BODY, MAX_NOTICES, MAX_URL, Notice};
use ports::presence::{MAX_PRESENCE_WRITES, PresenceWrite, Presences};
use ports::store::StoreError;
use prost::{DecodeError, Message};
use rand::RngExt;
use rand::distr::Alphanumeric;
use tokio::sync::Notify;
use tracing::{info, warn};
use wire::livekit;

use crate::actor::now;
use crate::presences;

/// Bytes of bodies after which a step takes no more.
const STEP_BYTES: usize = 16 << 20;
/// Most rooms, people and tracks together that are noted. What is more is told all the same; should the process be killed, its
/// end is not.
const MAX_THERE: usize = 50_000;

/// Puts events of the media plane into the outbox.
pub struct MediaHooks {
    presences: Arc<dyn Presences>,
    urls: Arc<[String]>,
    news: Arc<Notify>,
    /// What is noted of this process, by sid.
    there: HashSet<String>,
    is_full: bool,
}

/// What is put in, and noted, together or not at all.
#[derive(Debug, Default)]
struct Step {
    notices: Vec<Notice>,
    writes: Vec<PresenceWrite>,
}

impl MediaHooks {
    /// For these receivers; `news` is told after something was put in.
    pub fn new(presences: Arc<dyn Presences>, urls: Vec<String>, news: Arc<Notify>) -> Self {
        let urls = urls.into_iter().filter(|url| url.len() <= MAX_URL).collect();
        Self { presences, urls, news, there: HashSet::new(), is_full: false }
    }

    /// Puts in the end of what the process before left behind. Before anything else is told.
    ///
    /// # Errors
    /// The store fails; what is not put in is there for the next attempt.
    pub async fn take_over(&self) -> Result<(), StoreError> {
        let left = self.presences.present().await?;
        if left.is_empty() {
            return Ok(());
        }
        info!(count = left.len(), "media rooms, people and tracks of the process before are told to be gone");
        let ended = presences::endings(left);
        let steps = ended.into_iter().map(|(id, event)| Step {
            notices: event.map(|event| self.notices(&event)).unwrap_or_default(),
            writes: vec![PresenceWrite::Remove { id }],
        });
        for step in together(steps) {
            self.put_in(step).await?;
        }
        Ok(())
    }

    /// Puts in what is to be told of these events, in their order. What the store does not take is lost, and said in the
    /// log: the media plane does not wait.
    pub async fn tell(&mut self, events: &[MediaEvent]) {
        if self.urls.is_empty() {
            return;
        }
        let steps: Vec<Step> = events.iter().map(|event| self.step(event)).collect();
        for step in together(steps) {
            let count = step.notices.len();
            if let Err(error) = self.put_in(step).await {
                warn!(%error, "webhooks of the media server are lost");
                count_lost("store", count);
            }
        }
    }

    async fn put_in(&self, step: Step) -> Result<(), StoreError> {
        let is_news = !step.notices.is_empty();
        self.presences.note(step.writes, step.notices).await?;
        if is_news {
            self.news.notify_one();
        }
        Ok(())
    }

    /// What begins is noted only if it is told.
    fn step(&mut self, event: &MediaEvent) -> Step {
        let notices = self.notices(event);
        let mut writes: Vec<PresenceWrite> =
            self.gone(event).into_iter().map(|id| PresenceWrite::Remove { id }).collect();
        if !notices.is_empty()
            && let Some(presence) = presences::of(event)
        {
            if self.there.len() < MAX_THERE {
                self.there.insert(presence.id.clone());
                writes.push(PresenceWrite::Put(presence));
            } else if !std::mem::replace(&mut self.is_full, true) {
                warn!(most = MAX_THERE, "too much is in media rooms: the end of some of it is not told after a crash");
            }
        }
        Step { notices, writes }
    }

    /// What is noted and ends with that. Should something else of a room be noted still when it closes, because its end got
    /// lost, the next process tells that.
    fn gone(&mut self, event: &MediaEvent) -> Option<String> {
        let ended = match &event.kind {
            MediaEventKind::Closed => presences::sid_of_room(event),
            MediaEventKind::Left => presences::sid_of_participant(event),
            MediaEventKind::Unpublished { sid, .. } => Some(sid.clone()),
            _ => None,
        };
        ended.filter(|id| self.there.remove(id))
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

/// As much of them in one step as the store takes at once.
fn together(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let bytes = |step: &Step| step.notices.iter().map(|notice| notice.body.len()).sum::<usize>();
    let (mut all, mut size) = (Vec::<Step>::new(), 0);
    for mut step in steps {
        let adds = bytes(&step);
        match all.last_mut().filter(|last| {
            last.notices.len() + step.notices.len() <= MAX_NOTICES
                && last.writes.len() + step.writes.len() <= MAX_PRESENCE_WRITES
                && size + adds <= STEP_BYTES
        }) {
            Some(last) => {
                last.notices.append(&mut step.notices);
                last.writes.append(&mut step.writes);
                size += adds;
            }
            None => {
                all.push(step);
                size = adds;
            }
        }
    }
    all
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
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use model::media::Source;
    use model::{Identity, RoomId, SessionId};
    use ports::presence::{MAX_ABOUT, Presence};
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

    /// What survives the process.
    #[derive(Default)]
    struct Kept {
        there: BTreeMap<String, Presence>,
        notices: Vec<Notice>,
        is_broken: bool,
    }

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Kept>>);

    impl Memory {
        fn check(&self) -> Result<(), StoreError> {
            let broken = StoreError { attempt: "do anything", reason: "out of order".into() };
            if self.0.lock().unwrap().is_broken { Err(broken) } else { Ok(()) }
        }

        fn hooks(&self) -> MediaHooks {
            self.hooks_for(&["https://a.example.org/"])
        }

        fn hooks_for(&self, urls: &[&str]) -> MediaHooks {
            let urls = urls.iter().map(|url| (*url).to_owned()).collect();
            MediaHooks::new(Arc::new(self.clone()), urls, Arc::default())
        }

        /// What was told since it was last asked, each with whom or what it is about.
        fn told(&self) -> Vec<String> {
            let notices = std::mem::take(&mut self.0.lock().unwrap().notices);
            let told = notices.iter().map(|notice| {
                let body: serde_json::Value = serde_json::from_slice(&notice.body).unwrap();
                let about = ["track", "participant", "room"].into_iter().find_map(|kind| body[kind]["sid"].as_str());
                format!("{} {}", body["event"].as_str().unwrap(), about.unwrap())
            });
            told.collect()
        }

        fn ids(&self) -> Vec<String> {
            self.0.lock().unwrap().there.keys().cloned().collect()
        }
    }

    #[async_trait::async_trait]
    impl Presences for Memory {
        async fn note(&self, writes: Vec<PresenceWrite>, notices: Vec<Notice>) -> Result<(), StoreError> {
            self.check()?;
            assert!(writes.len() <= MAX_PRESENCE_WRITES && notices.len() <= MAX_NOTICES);
            let mut kept = self.0.lock().unwrap();
            kept.notices.extend(notices);
            for write in writes {
                match write {
                    PresenceWrite::Put(presence) => drop(kept.there.insert(presence.id.clone(), presence)),
                    PresenceWrite::Remove { id } => drop(kept.there.remove(&id)),
                }
            }
            Ok(())
        }

        async fn present(&self) -> Result<Vec<Presence>, StoreError> {
            self.check()?;
            Ok(self.0.lock().unwrap().there.values().cloned().collect())
        }
    }

    fn of_room(kind: MediaEventKind) -> MediaEvent {
        MediaEvent { participant: Bytes::new(), ..event(kind, None, None) }
    }

    fn of_person(kind: MediaEventKind, who: &str) -> MediaEvent {
        let info = lk::ParticipantInfo { sid: format!("PA_{who}"), state: 2, ..lk::ParticipantInfo::default() };
        MediaEvent { participant: info.encode_to_vec().into(), ..event(kind, Some(who), None) }
    }

    fn of_track(who: &str, begins: bool) -> MediaEvent {
        let (sid, source) = (format!("TR_{who}"), Source::Camera);
        let track = lk::TrackInfo { sid: sid.clone(), source: 1, ..lk::TrackInfo::default() };
        let kind = if begins {
            MediaEventKind::Published { sid, source }
        } else {
            MediaEventKind::Unpublished { sid, source }
        };
        MediaEvent { track: track.encode_to_vec().into(), ..of_person(kind, who) }
    }

    fn a_room_with_ann_and_ben() -> [MediaEvent; 5] {
        [
            of_room(MediaEventKind::Opened),
            of_person(MediaEventKind::Joined, "ann"),
            of_track("ann", true),
            of_person(MediaEventKind::Joined, "ben"),
            of_track("ben", true),
        ]
    }

    #[tokio::test]
    async fn the_next_process_tells_the_end_of_what_one_left_behind_that_was_killed_once() {
        let memory = Memory::default();
        let mut killed = memory.hooks();
        killed.tell(&a_room_with_ann_and_ben()).await;
        killed.tell(&[of_track("ben", false), of_person(MediaEventKind::Left, "ben")]).await;
        memory.told();

        memory.hooks().take_over().await.unwrap();

        let bodies: Vec<serde_json::Value> =
            memory.0.lock().unwrap().notices.iter().map(|one| serde_json::from_slice(&one.body).unwrap()).collect();
        let left = &bodies[1]["participant"];
        assert_eq!((&left["state"], &left["disconnectReason"]), (&"DISCONNECTED".into(), &"SERVER_SHUTDOWN".into()));
        assert_eq!((&left["identity"], &bodies[1]["room"]["metadata"]), (&"ann".into(), &"m".into()));
        assert_eq!(
            (&bodies[0]["participant"]["sid"], &bodies[0]["track"]["source"]),
            (&"PA_ann".into(), &"CAMERA".into())
        );
        assert_eq!(memory.told(), ["track_unpublished TR_ann", "participant_left PA_ann", "room_finished RM_1"]);
        memory.hooks().take_over().await.unwrap();
        assert_eq!(memory.told(), [""; 0], "once");
    }

    #[tokio::test]
    async fn of_what_ended_nothing_is_left_to_tell() {
        let memory = Memory::default();
        let mut hooks = memory.hooks();

        hooks.tell(&a_room_with_ann_and_ben()).await;
        assert_eq!(memory.ids(), ["PA_ann", "PA_ben", "RM_1", "TR_ann", "TR_ben"]);
        hooks.tell(&[of_track("ann", false), of_person(MediaEventKind::Left, "ann")]).await;
        assert_eq!(memory.ids(), ["PA_ben", "RM_1", "TR_ben"]);
        hooks.tell(&[of_track("ben", false), of_person(MediaEventKind::Left, "ben")]).await;
        hooks.tell(&[of_room(MediaEventKind::Closed)]).await;

        assert_eq!(memory.ids(), [""; 0]);
        assert!(hooks.there.is_empty());
    }

    #[tokio::test]
    async fn whose_end_got_lost_is_told_to_be_gone_by_the_next_process() {
        let memory = Memory::default();
        memory.hooks().tell(&a_room_with_ann_and_ben()).await;
        let mut hooks = memory.hooks();
        hooks.tell(&a_room_with_ann_and_ben()).await;
        memory.0.lock().unwrap().is_broken = true;
        hooks.tell(&[of_track("ann", false), of_person(MediaEventKind::Left, "ann")]).await;
        memory.0.lock().unwrap().is_broken = false;
        hooks.tell(&[of_track("ben", false), of_person(MediaEventKind::Left, "ben")]).await;
        hooks.tell(&[of_room(MediaEventKind::Closed)]).await;
        memory.told();

        memory.hooks().take_over().await.unwrap();

        assert_eq!(memory.told(), ["track_unpublished TR_ann", "participant_left PA_ann"]);
    }

    #[tokio::test]
    async fn without_receivers_nothing_is_noted_and_what_was_is_told_to_nobody() {
        let memory = Memory::default();
        memory.hooks_for(&[]).tell(&a_room_with_ann_and_ben()).await;
        assert_eq!(memory.ids(), [""; 0]);
        memory.hooks().tell(&a_room_with_ann_and_ben()).await;
        memory.told();

        memory.hooks_for(&[]).take_over().await.unwrap();

        assert_eq!((memory.told(), memory.ids()), (Vec::new(), Vec::new()));
    }

    #[tokio::test]
    async fn what_a_failing_store_did_not_take_over_is_there_for_the_next_process() {
        let memory = Memory::default();
        memory.hooks().tell(&a_room_with_ann_and_ben()).await;
        memory.told();
        memory.0.lock().unwrap().is_broken = true;
        assert!(memory.hooks().take_over().await.is_err());

        memory.0.lock().unwrap().is_broken = false;
        memory.hooks().take_over().await.unwrap();

        assert_eq!(memory.told().len(), 5);
        assert_eq!(memory.ids(), [""; 0]);
    }

    #[tokio::test]
    async fn crowds_are_taken_over_in_steps_that_the_store_takes() {
        let memory = Memory::default();
        let mut hooks = memory.hooks_for(&["https://a.example.org/", "https://b.example.org/"]);
        let crowd: Vec<_> = (0..1200).map(|n| of_person(MediaEventKind::Joined, &format!("p{n}"))).collect();
        hooks.tell(&crowd).await;
        assert_eq!((memory.ids().len(), memory.told().len()), (1200, 2400));

        memory.hooks_for(&["https://a.example.org/", "https://b.example.org/"]).take_over().await.unwrap();

        assert_eq!((memory.ids().len(), memory.told().len()), (0, 2400));
    }

    #[tokio::test]
    async fn long_texts_are_not_noted_and_what_cannot_be_read_is_dropped() {
        let memory = Memory::default();
        let wordy = lk::ParticipantInfo {
            sid: "PA_ann".into(),
            name: "Ann".into(),
            metadata: "m".repeat(MAX_ABOUT),
            ..lk::ParticipantInfo::default()
        };
        let joined = of_person(MediaEventKind::Joined, "ann");
        memory.hooks().tell(&[MediaEvent { participant: wordy.encode_to_vec().into(), ..joined }]).await;
        let odd = Presence {
            id: "?".into(),
            about: Bytes::from_static(b"\xff"),
            ..memory.present().await.unwrap()[0].clone()
        };
        memory.note(vec![PresenceWrite::Put(odd)], Vec::new()).await.unwrap();
        memory.told();

        memory.hooks().take_over().await.unwrap();

        let body: serde_json::Value = serde_json::from_slice(&memory.0.lock().unwrap().notices[0].body).unwrap();
        assert_eq!(
            (&body["participant"]["name"], &body["participant"]["metadata"]),
            (&"Ann".into(), &serde_json::Value::Null)
        );
        assert_eq!((memory.told().len(), memory.ids().len()), (1, 0));
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
