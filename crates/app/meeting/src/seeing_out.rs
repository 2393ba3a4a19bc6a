//! What is left to do when a session is over: its figures become a file, a row and two webhooks, then its journal is
//! forgotten (http-api.md sections 9.1 and 9.2).
//!
//! Everything needed lies in the journal, and every step may be done twice, so that a process that dies between two of
//! them is continued by the next.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{RoomId, SessionId};
use ports::archive::Artifact;
use ports::store::{State, StateWrite, StoreError};
use room::{Figures, Notification};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};
use uuid::Uuid;
use wire::pnm::{self, RoomArtifactType};

use crate::actor::now;
use crate::courier::Webhooks;
use crate::shelf::{Shelf, ShelfError};

/// How long the end of a room waits for the first attempt: a new session under its id can only begin afterwards.
const PATIENCE: Duration = Duration::from_secs(5);
/// Waits between attempts; the last goes on for as long as the process lives, and the next process begins anew.
const WAITS: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(60), Duration::from_secs(600), Duration::from_secs(3600)];
const MIME_TYPE: &str = "application/json";

/// Sees sessions out that are over.
#[derive(Clone)]
pub(crate) struct SeeingOut {
    pub(crate) state: Arc<dyn State>,
    pub(crate) shelf: Shelf,
    pub(crate) webhooks: Webhooks,
}

/// Why a session is not seen out yet.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    #[error("the files did not answer in time")]
    Slow,
}

impl SeeingOut {
    /// Hands on what the journal of a session that is over holds, and forgets it. What fails now goes on failing and
    /// trying in the background.
    pub(crate) async fn see_out(&self, session: &SessionId) {
        let attempt = timeout(PATIENCE, self.attempt(session)).await.unwrap_or(Err(Unfinished::Slow));
        let Err(failure) = attempt else { return };
        warn!(session.id = %session, error = %failure, "what a session left is not handed on yet");
        let (this, session) = (self.clone(), session.clone());
        tokio::spawn(async move { this.try_again(&session).await });
    }

    async fn try_again(&self, session: &SessionId) {
        let mut waits = WAITS.into_iter();
        let mut wait = Duration::ZERO;
        loop {
            metrics::counter!("plenum_analytics_failures_total").increment(1);
            wait = waits.next().unwrap_or(wait);
            sleep(wait).await;
            match self.attempt(session).await {
                Ok(()) => return,
                Err(failure) => {
                    warn!(session.id = %session, error = %failure, "what a session left is not handed on yet");
                }
            }
        }
    }

    async fn attempt(&self, session: &SessionId) -> Result<(), Unfinished> {
        let entries = self.state.load(session).await?;
        if let Some(entry) = entries.into_iter().find(|entry| entry.key == Figures::KEY) {
            match Figures::read(&entry.value) {
                Some(figures) => self.hand_on(session, figures).await?,
                None => error!(session.id = %session, "the figures of a session are damaged and lost"),
            }
        }
        Ok(self.state.forget(session).await?)
    }

    /// The file first, then the row that names it, then the webhooks, which go out in one step with the note that all is
    /// done.
    async fn hand_on(&self, session: &SessionId, figures: Figures) -> Result<(), Unfinished> {
        let Figures { artifact_id, ended_ms, webhook_url, result } = figures;
        let id = result.room.as_ref().and_then(|room| RoomId::try_from(room.room_id.as_str()).ok());
        let Some(room) = id else {
            error!(session.id = %session, "the figures of a session name no room and are lost");
            return Ok(());
        };
        // Some thousand people make some megabytes.
        let written = tokio::task::spawn_blocking(move || Bytes::from(wire::json::encode(&result))).await;
        let file = written.map_err(|_| Unfinished::Slow)?;
        let metadata = described(&room, session, ended_ms, file.len());
        let artifact = Artifact {
            artifact_id: artifact_id.clone(),
            room: room.clone(),
            session: session.clone(),
            kind: RoomArtifactType::MeetingAnalytics.as_str_name().to_owned(),
            metadata: wire::json::encode_sparse(&metadata),
            created_at_ms: ended_ms,
        };
        self.shelf.add_artifact(artifact, Some(file)).await?;
        let notices = told(&room, session, &artifact_id, metadata)
            .iter()
            .flat_map(|news| self.webhooks.notices(&room, session, webhook_url.as_deref(), news))
            .collect::<Vec<_>>();
        let done = vec![StateWrite { key: Figures::KEY.to_owned(), value: None }];
        if notices.is_empty() {
            self.state.commit(session, done).await?;
        } else {
            self.state.commit_with(session, done, notices).await?;
            self.webhooks.news.notify_one();
        }
        info!(room.id = %room, session.id = %session, artifact.id = %artifact_id, "analytics are written");
        Ok(())
    }
}

fn described(room: &RoomId, session: &SessionId, ended_ms: i64, length: usize) -> pnm::RoomArtifactMetadata {
    let folder = RoomArtifactType::MeetingAnalytics.as_str_name().to_ascii_lowercase();
    let file_info = pnm::RoomArtifactFileInfo {
        file_path: format!("{folder}/{room}/analytics-{session}-{ended_ms}.json"),
        file_size: i64::try_from(length).unwrap_or(i64::MAX),
        mime_type: MIME_TYPE.to_owned(),
    };
    pnm::RoomArtifactMetadata { file_info: Some(file_info), ..pnm::RoomArtifactMetadata::default() }
}

/// What other servers are told, in this order.
fn told(
    room: &RoomId,
    session: &SessionId,
    artifact_id: &str,
    metadata: pnm::RoomArtifactMetadata,
) -> [Notification; 2] {
    let news = |event: &'static str, about: pnm::CommonNotifyEvent| Notification {
        event,
        body: pnm::CommonNotifyEvent {
            event: Some(event.to_owned()),
            room: Some(pnm::NotifyEventRoom {
                sid: Some(session.to_string()),
                room_id: Some(room.to_string()),
                ..pnm::NotifyEventRoom::default()
            }),
            id: Some(Uuid::new_v4().to_string()),
            created_at: Some(now().unix_ms / 1000),
            ..about
        },
    };
    let artifact = pnm::RoomArtifactWebhookEvent {
        r#type: RoomArtifactType::MeetingAnalytics.into(),
        artifact_id: artifact_id.to_owned(),
        metadata: Some(metadata),
    };
    let file = pnm::AnalyticsEvent { file_id: Some(artifact_id.to_owned()) };
    [
        news("artifact_created", pnm::CommonNotifyEvent { room_artifact: Some(artifact), ..Default::default() }),
        news("analytics_proceeded", pnm::CommonNotifyEvent { analytics: Some(file), ..Default::default() }),
    ]
}
