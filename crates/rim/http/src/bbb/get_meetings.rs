//! `getMeetings`: everything that runs.

use super::{Answer, general, shown, xml};
use crate::App;

pub(super) async fn handle(app: &App) -> Answer {
    let rooms = app.deps.meetings.active_rooms().await?;
    if rooms.is_empty() {
        return Ok(general("SUCCESS", "noMeetings", "no meetings were found on this server"));
    }
    Ok(xml(|xml| {
        xml.text("returncode", "SUCCESS");
        xml.element("meetings", |xml| {
            rooms.iter().for_each(|room| xml.element("meeting", |xml| shown::write(xml, room)));
        });
    }))
}
