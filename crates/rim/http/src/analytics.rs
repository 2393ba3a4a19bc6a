//! `/auth/analytics/*`: the old names of three artifact calls (http-api.md section 3.3). A successful answer carries
//! `UNKNOWN_STATUS`, as callers know it.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use ports::archive::Artifact;
use wire::pnm::{self, RoomArtifactType, StatusCode};

use crate::artifacts;
use crate::rooms::{Rejected, read};
use crate::{App, answers, lists};

pub(crate) async fn fetch(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::FetchAnalyticsReq = read(&body)?;
    let page = lists::page(request.from.into(), request.limit.into(), &request.order_by);
    let kind = Some(RoomArtifactType::MeetingAnalytics.as_str_name());
    let found = match app.deps.shelf.artifacts(&request.room_ids, None, kind, page).await {
        Ok(found) if found.items.is_empty() => return Ok(answers::refused(StatusCode::NotFound, "no artifact found")),
        Ok(found) => found,
        Err(failure) => return Ok(lists::failed(&failure)),
    };
    let (from, limit, order_by) = lists::echoed(page, &request.order_by);
    Ok(answers::json(&pnm::FetchAnalyticsRes {
        status: true,
        msg: "success".into(),
        status_code: StatusCode::UnknownStatus.into(),
        result: Some(pnm::FetchAnalyticsResult {
            total_analytics: lists::total(found.total),
            from,
            limit,
            order_by,
            analytics_list: found.items.iter().filter_map(info_of).collect(),
        }),
    }))
}

#[expect(clippy::cast_precision_loss, reason = "files of more than 2^53 bytes do not exist")]
fn info_of(artifact: &Artifact) -> Option<pnm::AnalyticsInfo> {
    let file = meeting::artifact_metadata(artifact)?.file_info.unwrap_or_default();
    Some(pnm::AnalyticsInfo {
        room_id: artifact.room.to_string(),
        file_id: artifact.artifact_id.clone(),
        file_name: file.file_path.rsplit('/').next().unwrap_or_default().to_owned(),
        file_size: file.file_size as f64,
        creation_time: artifact.created_at_ms.div_euclid(1000),
    })
}

pub(crate) async fn delete(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::DeleteAnalyticsReq = read(&body)?;
    Ok(artifacts::delete::delete(&app, &request.file_id).await)
}

pub(crate) async fn token(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::GetAnalyticsDownloadTokenReq = read(&body)?;
    Ok(match app.deps.shelf.artifact_token(&request.file_id).await {
        Ok(token) => answers::json(&pnm::GetAnalyticsDownloadTokenRes {
            status: true,
            msg: "success".into(),
            status_code: StatusCode::UnknownStatus.into(),
            token: Some(token),
        }),
        Err(refusal) => artifacts::refused(&refusal),
    })
}
