//! `getMeetingInfo`: the meeting stands in the answer itself.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use meeting::NotShown;
use wire::bbb::room_id;

use super::{Answer, Call, Fault, shown, xml};
use crate::App;

pub(super) async fn handle(app: &App, call: &Call) -> Answer {
    let room = room_id(call.params.text("meetingID").unwrap_or_default());
    let found = app.deps.meetings.active_room(&room).await.map_err(|why| match why {
        NotShown::NotFound | NotShown::NotActive => Fault::new("notFound", why),
        NotShown::Unavailable(unavailable) => unavailable.into(),
    })?;
    let mut answer = xml(|xml| {
        xml.text("returncode", "SUCCESS");
        shown::write(xml, &found);
    });
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    Ok(answer)
}
