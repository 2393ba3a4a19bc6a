//! `fetchPastRooms` (http-api.md section 2.7).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use wire::pnm::{self, StatusCode};

use super::{Rejected, read};
use crate::{App, answers, lists};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::FetchPastRoomsReq = read(&body)?;
    let page = lists::page(request.from.into(), request.limit.into(), &request.order_by);
    let found = match app.deps.shelf.past_rooms(&request.room_ids, page).await {
        Ok(found) if found.items.is_empty() => return Ok(answers::refused(StatusCode::NotFound, "no room found")),
        Ok(found) => found,
        Err(failure) => return Ok(lists::failed(&failure)),
    };
    let (from, limit, order_by) = lists::echoed(page, &request.order_by);
    let result = pnm::FetchPastRoomsResult {
        total_rooms: lists::total(found.total),
        from,
        limit,
        order_by,
        rooms_list: found.items.into_iter().map(|past| lists::past_room(&past.record, past.analytics)).collect(),
    };
    Ok(answers::json(&pnm::FetchPastRoomsRes {
        status: true,
        msg: "success".into(),
        status_code: StatusCode::Success.into(),
        result: Some(result),
    })
    .into_response())
}
