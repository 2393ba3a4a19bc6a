//! `getMeetings`: everything that runs.

use axum::response::Response;

use super::{general, shown, xml};
use crate::App;

pub(super) async fn handle(app: &App) -> Response {
    let rooms = app.deps.meetings.active_rooms().await;
    if rooms.is_empty() {
        return general("SUCCESS", "noMeetings", "no meetings were found on this server");
    }
    xml(|xml| {
        xml.text("returncode", "SUCCESS");
        xml.element("meetings", |xml| {
            rooms.iter().for_each(|room| xml.element("meeting", |xml| shown::write(xml, room)));
        });
    })
}
