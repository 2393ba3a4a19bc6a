//! `recording/*`: recordings of the room somebody was launched into, and of no other. In the list, zeros and empty
//! texts are left out and 64-bit numbers are numbers (D-28).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use meeting::ShelfError;
use model::RoomId;
use ports::archive::{Order, Page, Recording, Scope};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracing::error;
use wire::lti::Launch;

use super::{answer, launched, read, teacher};
use crate::{App, answers};

/// How many are listed unless asked otherwise, and at most (http-api.md section 2.7).
const USUAL: u32 = 20;
const MOST: u32 = 100;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    from: u32,
    limit: u32,
    order_by: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    record_id: String,
}

pub(crate) async fn fetch(State(app): State<App>, request: Request) -> Response {
    let launch = match launched(&app, &request) {
        Ok(launch) => launch,
        Err(denied) => return denied.into_response(),
    };
    match read(request).await {
        Ok(wanted) => list(&app, &launch, wanted).await,
        Err(unreadable) => unreadable,
    }
}

async fn list(app: &App, launch: &Launch, wanted: Wanted) -> Response {
    let limit = if wanted.limit == 0 { USUAL } else { wanted.limit.min(MOST) };
    let order_by = if wanted.order_by.is_empty() { "DESC".to_owned() } else { wanted.order_by };
    let order = if order_by == "ASC" { Order::OldestFirst } else { Order::NewestFirst };
    let page = Page { from: wanted.from.into(), limit: limit.into(), order };
    let scope = Scope::Rooms(RoomId::try_from(launch.room_id.as_str()).into_iter().collect());
    let found = match app.deps.shelf.recordings_in(&scope, page).await {
        Ok(found) => found,
        Err(failure) => return failed(&failure),
    };
    if found.items.is_empty() {
        return answer(StatusCode::NOT_FOUND, false, "no recording found");
    }
    let result = filled([
        ("total_recordings", json!(found.total)),
        ("from", json!(wanted.from)),
        ("limit", json!(limit)),
        ("order_by", json!(order_by)),
        ("recordings_list", found.items.into_iter().map(shown).collect()),
    ]);
    answers::map(StatusCode::OK, &json!({ "status": true, "msg": "success", "result": result }))
}

pub(crate) async fn download(State(app): State<App>, request: Request) -> Response {
    let launch = match launched(&app, &request) {
        Ok(launch) => launch,
        Err(denied) => return denied.into_response(),
    };
    let recording = match named(&app, &launch, request).await {
        Ok(recording) => recording,
        Err(refused) => return refused,
    };
    let token = app.deps.shelf.opener(&recording);
    answers::map(StatusCode::OK, &json!({ "status": true, "msg": "success", "token": token }))
}

pub(crate) async fn delete(State(app): State<App>, request: Request) -> Response {
    let launch = match teacher(&app, &request) {
        Ok(launch) => launch,
        Err(denied) => return denied.into_response(),
    };
    let recording = match named(&app, &launch, request).await {
        Ok(recording) => recording,
        Err(refused) => return refused,
    };
    match app.deps.shelf.delete_recording(&recording.record_id).await {
        Ok(true) => answer(StatusCode::OK, true, "success"),
        Ok(false) => not_found(),
        Err(failure) => failed(&failure),
    }
}

/// The recording a request names, if it is of this room. The reference gives out those of every room.
async fn named(app: &App, launch: &Launch, request: Request) -> Result<Recording, Response> {
    let Named { record_id } = read(request).await?;
    let found = app.deps.shelf.recording(&record_id).await.map_err(|failure| failed(&failure))?;
    let recording = found.map(|(recording, _)| recording);
    recording.filter(|recording| recording.room.as_str() == launch.room_id).ok_or_else(not_found)
}

fn not_found() -> Response {
    answer(StatusCode::NOT_FOUND, false, "recording not found")
}

fn failed(failure: &ShelfError) -> Response {
    error!(cause = %failure, "recordings of a launched room cannot be read");
    answer(StatusCode::INTERNAL_SERVER_ERROR, false, "internal error")
}

fn shown(recording: Recording) -> Value {
    filled([
        ("record_id", json!(recording.record_id)),
        ("room_id", json!(recording.room.as_str())),
        ("room_sid", json!(recording.session.as_str())),
        ("file_path", json!(recording.file_path)),
        ("file_size", json!((recording.megabytes * 100.0).round() / 100.0)),
        ("creation_time", json!(recording.created_at_ms / 1000)),
        ("room_creation_time", json!(recording.room_created_at_ms / 1000)),
        ("metadata", serde_json::from_str(&recording.metadata).unwrap_or(Value::Null)),
    ])
}

/// An object of what is not nothing.
fn filled<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let is_something = |value: &Value| match value {
        Value::Null => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Array(_) => true,
    };
    let fields = fields.into_iter().filter(|(_, value)| is_something(value));
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}
