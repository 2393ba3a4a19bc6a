//! `info`, and its old name `recordingInfo`: one recording and its session.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use wire::pnm::{self, StatusCode};

use super::{info_of, not_found};
use crate::rooms::{Rejected, read};
use crate::{App, answers, lists};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::RecordingInfoReq = read(&body)?;
    Ok(match app.deps.shelf.recording(&request.record_id).await {
        Ok(Some((recording, session))) => answers::json(&pnm::RecordingInfoRes {
            status: true,
            msg: "success".into(),
            status_code: StatusCode::Success.into(),
            recording_info: Some(info_of(&recording)),
            room_info: Some(lists::room_beside(session.as_ref())),
        }),
        Ok(None) => not_found(),
        Err(failure) => lists::failed(&failure),
    })
}
