//! `getMeetingInfo`: the meeting stands in the answer itself.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use meeting::Activity;
use wire::bbb::room_id;

use super::{Answer, Call, Fault, shown, xml};
use crate::App;

pub(super) async fn handle(app: &App, call: &Call) -> Answer {
    let room = room_id(call.params.text("meetingID").unwrap_or_default());
    let Some(found) = app.deps.meetings.active_room(&room).await else {
        let is_ending = app.deps.meetings.activity(&room).await == Activity::Inactive;
        let message = if is_ending { "room is not active" } else { "room not found in active state" };
        return Err(Fault::new("notFound", message));
    };
    let mut answer = xml(|xml| {
        xml.text("returncode", "SUCCESS");
        shown::write(xml, &found);
    });
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    Ok(answer)
}
