//! `fetch`: a list, newest first; its numbers have 64 bits and travel as texts.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use wire::pnm::{self, RoomArtifactType, StatusCode};

use super::info_of;
use crate::rooms::{Rejected, read};
use crate::{App, answers, lists};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::FetchArtifactsReq = read(&body)?;
    let page = lists::page(request.from, request.limit, &request.order_by);
    // A number without a name is a kind that nothing is of.
    let kind = request.r#type.map(|number| RoomArtifactType::try_from(number).map_or("", |kind| kind.as_str_name()));
    let session = request.room_sid.as_deref();
    let found = match app.deps.shelf.artifacts(&request.room_ids, session, kind, page).await {
        Ok(found) if found.items.is_empty() => return Ok(answers::refused(StatusCode::NotFound, "no artifact found")),
        Ok(found) => found,
        Err(failure) => return Ok(lists::failed(&failure)),
    };
    Ok(answers::json(&pnm::FetchArtifactsRes {
        status: true,
        msg: "success".into(),
        status_code: StatusCode::Success.into(),
        result: Some(pnm::FetchArtifactsResult {
            total_artifacts: lists::total(found.total),
            from: page.from,
            limit: page.limit,
            order_by: lists::order(&request.order_by),
            r#type: request.r#type,
            artifacts_list: found.items.iter().filter_map(info_of).collect(),
        }),
    }))
}
