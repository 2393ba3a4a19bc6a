//! `/auth/recorder/notify`: what recorders say about their work (http-api.md section 3.4).

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode as Status;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use meeting::{RecorderReport, ReportError, ShelfError};
use ports::archive::Recording;
use ports::store::SessionRecord;
use prost::Message;
use serde_json::json;
use tracing::{error, info, warn};
use wire::pnm::{self, RecordingTasks as Task};

use crate::{App, answers, lists};

/// Who may speak here.
const RECORDER: &str = "recorder";

pub(crate) async fn notify(State(app): State<App>, body: Bytes) -> Response {
    let said = match pnm::RecorderToPlugNmeet::decode(body) {
        Ok(said) => said,
        Err(error) => return answers::map(Status::OK, &json!({"status": false, "msg": error.to_string()})),
    };
    if said.from != RECORDER {
        return ok();
    }
    let row = u64::try_from(said.room_table_id).unwrap_or_default();
    match app.deps.shelf.session_by_row(row).await {
        Ok(Some(session)) => match take(&app, &session, &said).await {
            Ok(()) => ok(),
            Err(answer) => answer,
        },
        Ok(None) => (Status::NOT_FOUND, "Not Found").into_response(),
        Err(failure) => broken(&failure),
    }
}

async fn take(app: &App, session: &SessionRecord, said: &pnm::RecorderToPlugNmeet) -> Result<(), Response> {
    let Ok(task) = Task::try_from(said.task) else { return Ok(()) };
    if task == Task::RecordingProceeded {
        keep(app, session, said).await.map_err(|failure| broken(&failure))?;
    }
    let recording = pnm::RecordingInfoEvent {
        record_id: said.recording_id.clone(),
        recorder_id: said.recorder_id.clone(),
        recorder_msg: said.msg.clone(),
        file_path: Some(said.file_path.clone()),
        file_size: Some(said.file_size),
    };
    let report = RecorderReport { task, went_well: said.status, recording };
    info!(room.id = %session.session.room, task = report.event(), status = said.status, "a recorder reports");
    app.deps.meetings.on_recorder(session, report).await.map_err(|failure| {
        match &failure {
            ReportError::Unavailable(cause) => warn!(%cause, "what a recorder said was not taken"),
            ReportError::Store(cause) => error!(%cause, "what a recorder said was not taken"),
        }
        (Status::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response()
    })
}

/// Adds the recording; one that is there already was told of twice.
async fn keep(app: &App, session: &SessionRecord, said: &pnm::RecorderToPlugNmeet) -> Result<(), ShelfError> {
    if app.deps.shelf.recording(&said.recording_id).await?.is_some() {
        return Ok(());
    }
    let now = (app.deps.clock)();
    let about = &session.session;
    let megabytes = if said.file_size.is_finite() { f64::from(said.file_size) } else { 0.0 };
    let recording = Recording {
        record_id: said.recording_id.clone(),
        room: about.room.clone(),
        session: about.session.clone(),
        recorder_id: said.recorder_id.clone(),
        file_path: said.file_path.clone(),
        megabytes,
        metadata: wire::json::encode(&metadata(session)),
        created_at_ms: now.saturating_mul(1000),
        room_created_at_ms: about.created_at_ms,
    };
    app.deps.shelf.add_recording(recording).await?;
    let side = pnm::RecordingInfoFile {
        room_table_id: said.room_table_id,
        room_id: about.room.to_string(),
        room_title: about.title.clone(),
        room_sid: about.session.to_string(),
        room_creation_time: about.created_at_ms.div_euclid(1000),
        room_ended: session.ended_at_ms.unwrap_or_default(),
        recording_id: said.recording_id.clone(),
        recorder_id: said.recorder_id.clone(),
        file_path: said.file_path.clone(),
        file_size: said.file_size,
        creation_time: now,
    };
    // The recording is there and told of; the file beside it is for people who look into the folder.
    if let Err(failure) = app.deps.shelf.describe_recording(&said.file_path, &side).await {
        warn!(%failure, "the file beside a recording was not written");
    }
    Ok(())
}

fn metadata(session: &SessionRecord) -> pnm::RecordingMetadata {
    let about = &session.session;
    let mut extra_data = BTreeMap::from([
        ("meeting-title".to_owned(), about.title.clone()),
        ("meeting-created".to_owned(), lists::rfc_3339(about.created_at_ms)),
    ]);
    if let Some(ended) = session.ended_at_ms {
        extra_data.insert("meeting-ended".to_owned(), lists::rfc_3339(ended));
    }
    pnm::RecordingMetadata { title: Some(about.title.clone()), extra_data, ..pnm::RecordingMetadata::default() }
}

fn ok() -> Response {
    (Status::OK, "OK").into_response()
}

fn broken(failure: &ShelfError) -> Response {
    error!(cause = %failure, "what a recorder said was not recorded");
    (Status::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response()
}
