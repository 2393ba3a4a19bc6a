//! `fetch`: a list, newest first.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use wire::pnm::{self, StatusCode};

use super::info_of;
use crate::rooms::{Rejected, read};
use crate::{App, answers, lists};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::FetchRecordingsReq = read(&body)?;
    let page = lists::page(request.from.into(), request.limit.into(), &request.order_by);
    let found = match app.deps.shelf.recordings(&request.room_ids, request.room_sid.as_deref(), page).await {
        Ok(found) if found.items.is_empty() => {
            return Ok(answers::refused(StatusCode::NotFound, "no recording found"));
        }
        Ok(found) => found,
        Err(failure) => return Ok(lists::failed(&failure)),
    };
    let (from, limit, order_by) = lists::echoed(page, &request.order_by);
    Ok(answers::json(&pnm::FetchRecordingsRes {
        status: true,
        msg: "success".into(),
        status_code: StatusCode::Success.into(),
        result: Some(pnm::FetchRecordingsResult {
            total_recordings: lists::total(found.total),
            from,
            limit,
            order_by,
            recordings_list: found.items.iter().map(info_of).collect(),
        }),
    }))
}
