//! `recording` and `rtmp`: a moderator wants a recorder to begin or to stop (http-api.md section 4.2). This version has no
//! recorder to send, so a wish without fault is refused too, in the words that the client translates (decision on D-18).

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use model::SessionId;
use prost::Message;
use wire::pnm::{self, RecordingTasks as Task};

use super::shown::running;
use crate::bearer::Asked;
use crate::{App, answers, bearer};

/// Why nobody is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("only admin can start recording")]
    NotAllowed,
    #[error("notifications.room-not-active")]
    NotActive,
    #[error("roomId in token mismatched")]
    OtherRoom,
    #[error("notifications.recording-already-running")]
    IsRecording,
    #[error("notifications.recording-not-running")]
    NotRecording,
    #[error("rtmpUrl required")]
    NoAddress,
    #[error("notifications.rtmp-already-running")]
    IsBroadcasting,
    #[error("notifications.rtmp-not-running")]
    NotBroadcasting,
    #[error("not valid request")]
    NotValid,
    #[error("notifications.no-recorder-available")]
    NoRecorder,
}

/// Both paths.
pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    match refusal(&app, request).await {
        Ok(refusal) => answers::refused_protobuf(refusal),
        Err(answer) => answer,
    }
}

async fn refusal(app: &App, request: Request) -> Result<Refusal, Response> {
    let asked = bearer::admit(app, request).await.map_err(IntoResponse::into_response)?;
    if !asked.access.is_admin {
        return Ok(Refusal::NotAllowed);
    }
    let wish = pnm::RecordingReq::decode(asked.body.clone()).map_err(answers::refused_protobuf)?;
    if wish.sid != asked.access.session.as_str() {
        return of_another_session(app, &asked, &wish.sid).await;
    }
    let room = running(app, &asked).await?;
    Ok(judged(&wish, room.is_recording != 0, room.is_active_rtmp != 0))
}

/// A session that runs elsewhere is another room's; any other is over, or never was.
async fn of_another_session(app: &App, asked: &Asked, sid: &str) -> Result<Refusal, Response> {
    let Ok(id) = SessionId::try_from(sid) else { return Ok(Refusal::NotActive) };
    let found = app.deps.shelf.session(&id).await.map_err(answers::refused_protobuf)?;
    let elsewhere = |found: &ports::store::SessionRecord| {
        found.ended_at_ms.is_none() && found.session.room.as_str() != asked.access.room.as_str()
    };
    Ok(if found.as_ref().is_some_and(elsewhere) { Refusal::OtherRoom } else { Refusal::NotActive })
}

fn judged(wish: &pnm::RecordingReq, is_recording: bool, is_broadcasting: bool) -> Refusal {
    match Task::try_from(wish.task) {
        Ok(Task::StartRecording) if is_recording => Refusal::IsRecording,
        Ok(Task::StopRecording) if !is_recording => Refusal::NotRecording,
        Ok(Task::StartRtmp) if wish.rtmp_url().is_empty() => Refusal::NoAddress,
        Ok(Task::StartRtmp) if is_broadcasting => Refusal::IsBroadcasting,
        Ok(Task::StopRtmp) if !is_broadcasting => Refusal::NotBroadcasting,
        Ok(Task::StartRecording | Task::StopRecording | Task::StartRtmp | Task::StopRtmp) => Refusal::NoRecorder,
        // What recorders say themselves.
        Ok(
            Task::EndRecording
            | Task::EndRtmp
            | Task::RecordingProceeded
            | Task::Stop
            | Task::RecordingTranscodingFinished,
        )
        | Err(_) => Refusal::NotValid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_judged_by_what_runs_already() {
        for (task, url, is_recording, is_broadcasting, text) in [
            (Task::StartRecording, "", true, false, "notifications.recording-already-running"),
            (Task::StartRecording, "", false, true, "notifications.no-recorder-available"),
            (Task::StopRecording, "", false, true, "notifications.recording-not-running"),
            (Task::StopRecording, "", true, false, "notifications.no-recorder-available"),
            (Task::StartRtmp, "", true, true, "rtmpUrl required"),
            (Task::StartRtmp, "rtmp://a/b", false, true, "notifications.rtmp-already-running"),
            (Task::StartRtmp, "rtmp://a/b", true, false, "notifications.no-recorder-available"),
            (Task::StopRtmp, "", true, false, "notifications.rtmp-not-running"),
            (Task::StopRtmp, "", false, true, "notifications.no-recorder-available"),
            (Task::EndRecording, "", true, true, "not valid request"),
        ] {
            let wish =
                pnm::RecordingReq { task: task.into(), rtmp_url: Some(url.to_owned()), ..pnm::RecordingReq::default() };
            let refusal = judged(&wish, is_recording, is_broadcasting);
            assert_eq!(refusal.to_string(), text, "{task:?} {is_recording} {is_broadcasting}");
        }
    }
}
