//! `end`: the answer comes before the end.

use wire::bbb::room_id;

use super::{Answer, Call, Fault, general};
use crate::App;

/// Two blanks after the first sentence: callers compare it.
const SENT: &str = "A request to end the meeting was sent.  Please wait a few seconds, and then use the getMeetingInfo or isMeetingRunning API calls to verify that it was ended";

pub(super) async fn handle(app: &App, call: &Call) -> Answer {
    let room = room_id(call.params.text("meetingID").unwrap_or_default());
    app.deps.meetings.end(&room).await.map_err(Fault::error)?;
    Ok(general("SUCCESS", "sentEndMeetingRequest", SENT))
}
