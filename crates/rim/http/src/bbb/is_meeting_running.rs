//! `isMeetingRunning`: of any id, also of a meeting that never was.

use meeting::Activity;
use wire::bbb::room_id;

use super::{Answer, Call, xml};
use crate::App;

pub(super) async fn handle(app: &App, call: &Call) -> Answer {
    let room = room_id(call.params.text("meetingID").unwrap_or_default());
    let is_running = app.deps.meetings.activity(&room).await? == Activity::Active;
    Ok(xml(|xml| {
        xml.text("returncode", "SUCCESS");
        xml.text("running", is_running);
    }))
}
