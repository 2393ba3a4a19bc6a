//! `getRecordings`: newest first, each with a link that plays it for a while.

use std::collections::HashMap;

use axum::response::Response;
use meeting::ShelfError;
use model::RoomId;
use ports::archive::{Order, Page, Recording, Scope, Slice};
use ports::store::SessionRecord;
use tracing::error;
use wire::bbb::{Params, Xml, room_id};
use wire::pnm;

use super::{Answer, Call, Fault, general, xml};
use crate::{App, origin};

/// Recordings of an answer, unless the caller says otherwise.
const LIMIT: u32 = 50;
/// Most recordings of an answer.
const MAX_LIMIT: u32 = 100;

/// A recording with what else is known about it.
struct Shown {
    recording: Recording,
    /// The meeting's id as the caller gave it, else the room's.
    meeting_id: String,
    session: Option<SessionRecord>,
    link: String,
}

pub(super) async fn handle(app: &App, call: &Call) -> Answer {
    let params = &call.params;
    let offset = params.number("offset")?.unwrap_or(0);
    let limit = params.number("limit")?.unwrap_or(LIMIT).min(MAX_LIMIT);
    let meetings: HashMap<String, &str> = params.list("meetingID").into_iter().map(|id| (room_id(id), id)).collect();
    let slice = find(app, params, &meetings, offset, limit).await.map_err(failed)?;
    if slice.items.is_empty() {
        return Ok(general("SUCCESS", "noRecordings", "There are no recordings for the meeting(s)."));
    }
    let origin = origin::web(&app.deps, &call.headers, call.peer);
    let mut shown = Vec::with_capacity(slice.items.len());
    for recording in slice.items {
        let session = app.deps.shelf.session(&recording.session).await.map_err(failed)?;
        let meeting_id =
            meetings.get(recording.room.as_str()).map_or_else(|| recording.room.to_string(), ToString::to_string);
        let link = link(app, &origin, &recording);
        shown.push(Shown { recording, meeting_id, session, link });
    }
    Ok(listed(&shown, offset, limit, slice.total))
}

/// Logs what only the operator may know.
pub(super) fn failed(cause: ShelfError) -> Fault {
    error!(%cause, "recordings could not be looked up");
    Fault::error("could not look up the recordings")
}

async fn find(
    app: &App,
    params: &Params,
    meetings: &HashMap<String, &str>,
    offset: u32,
    limit: u32,
) -> Result<Slice<Recording>, ShelfError> {
    let ids = params.list("recordID");
    if ids.is_empty() {
        let rooms = meetings.keys().filter_map(|id| RoomId::try_from(id.as_str()).ok()).collect();
        let scope = if meetings.is_empty() { Scope::Everything } else { Scope::Rooms(rooms) };
        let page = Page { from: offset.into(), limit: limit.into(), order: Order::NewestFirst };
        return app.deps.shelf.recordings_in(&scope, page).await;
    }
    let mut items: Vec<Recording> = Vec::new();
    for id in ids {
        if items.iter().all(|found| found.record_id != id) {
            items.extend(app.deps.shelf.recording(id).await?.map(|(recording, _)| recording));
        }
    }
    items.sort_by_key(|recording| std::cmp::Reverse(recording.created_at_ms));
    let total = u64::try_from(items.len()).unwrap_or(u64::MAX);
    let (skip, most) = (usize::try_from(offset).unwrap_or(usize::MAX), usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(Slice { total, items: items.into_iter().skip(skip).take(most).collect() })
}

/// Where the recording can be fetched, until the token in it runs out.
fn link(app: &App, origin: &str, recording: &Recording) -> String {
    format!("{origin}/download/recording/{}", app.deps.shelf.opener(recording))
}

fn listed(shown: &[Shown], offset: u32, limit: u32, total: u64) -> Response {
    xml(|xml| {
        xml.text("returncode", "SUCCESS");
        xml.element("recordings", |xml| shown.iter().for_each(|shown| write(xml, shown)));
        xml.element("pagination", |xml| {
            xml.element("pageable", |xml| {
                xml.text("offset", offset);
                xml.text("limit", limit);
                xml.text("paged", 0);
                xml.text("unpaged", false);
            });
            xml.text("totalElements", total);
            xml.text("empty", shown.is_empty());
        });
    })
}

fn write(xml: &mut Xml, shown: &Shown) {
    let Shown { recording, session, .. } = shown;
    let bytes = bytes(recording.megabytes);
    xml.element("recording", |xml| {
        xml.text("recordID", &recording.record_id);
        xml.text("meetingID", &shown.meeting_id);
        xml.text("internalMeetingID", &recording.session);
        xml.text("name", name(recording, session.as_ref()));
        xml.text("isBreakout", false);
        xml.text("published", true);
        xml.text("state", "published");
        xml.text("startTime", recording.room_created_at_ms);
        let ended = session.as_ref().and_then(|session| session.ended_at_ms);
        xml.text("endTime", ended.unwrap_or(recording.created_at_ms));
        xml.text("participants", session.as_ref().map_or(0, |session| session.joined_participants));
        xml.text("rawSize", bytes);
        xml.text("size", bytes);
        xml.text("metadata", "");
        xml.element("playback", |xml| xml.element("format", |xml| write_format(xml, &shown.link)));
    });
}

fn write_format(xml: &mut Xml, link: &str) {
    xml.text("type", "presentation");
    xml.text("url", link);
    xml.text("processingTime", 0);
    xml.text("length", 0);
    xml.text("size", 0);
    xml.element("preview", |xml| xml.text("images", ""));
}

/// As its owner called it, else as the meeting was called.
fn name(recording: &Recording, session: Option<&SessionRecord>) -> String {
    let metadata: Option<pnm::RecordingMetadata> = wire::json::decode(recording.metadata.as_bytes()).ok();
    let title = metadata.and_then(|metadata| metadata.title).filter(|title| !title.is_empty());
    title.or_else(|| Some(session?.session.title.clone())).unwrap_or_default()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn bytes(megabytes: f64) -> u64 {
    (megabytes * 1e6).round() as u64
}
