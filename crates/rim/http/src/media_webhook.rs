//! `POST /webhook`: what an outside media server tells about its rooms (http-api.md section 5.1). Without `livekit_info`
//! nobody may tell anything.

use axum::extract::{Request, State};
use axum::http::StatusCode as Status;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use meeting::{Forwarded, MediaStep};
use tracing::debug;
use wire::livekit::WebhookEvent;

use crate::body::Unread;
use crate::{App, body};

/// Largest event, in bytes: the decoder takes no more.
const MAX_EVENT: usize = wire::json::MAX_BODY;

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let forbidden = || (Status::FORBIDDEN, "Forbidden").into_response();
    let Some(key) = &app.deps.media_webhooks else { return forbidden() };
    let (parts, content) = request.into_parts();
    let Some(token) = parts.headers.get(AUTHORIZATION).and_then(|token| token.to_str().ok()) else {
        return forbidden();
    };
    let content = match body::read(content, MAX_EVENT, |_| {}).await {
        Ok(content) => content,
        Err(unread) => return Unread::into_response(unread),
    };
    if wire::token::verify_webhook(key, token, &content, (app.deps.clock)()).is_err() {
        return forbidden();
    }
    match wire::json::decode::<WebhookEvent>(&content) {
        Ok(event) => {
            take(&app, event).await;
            (Status::OK, "OK").into_response()
        }
        Err(_) => (Status::UNPROCESSABLE_ENTITY, "Unprocessable Entity").into_response(),
    }
}

async fn take(app: &App, event: WebhookEvent) {
    let meetings = &app.deps.meetings;
    let (room, sid) = event.room.map(|room| (room.name, room.sid)).unwrap_or_default();
    let message = Forwarded { id: event.id, created_at: event.created_at };
    if !meetings.is_news(&message) {
        return;
    }
    let step = match event.event.as_str() {
        "room_started" => {
            if !meetings.on_media_opened(&room, &sid, message).await {
                debug!("a media server opened a room that does not run here");
                meetings.close_stray_media(&room, &sid);
            }
            return;
        }
        "room_finished" => return meetings.on_media_closed(&room, &sid, message.created_at).await,
        "participant_joined" => MediaStep::Joined,
        "participant_left" => MediaStep::Left,
        "track_published" => MediaStep::Published,
        "track_unpublished" => MediaStep::Unpublished,
        _ => return,
    };
    if let Some(participant) = event.participant {
        meetings.on_outside_media((&room, &sid), step, participant, event.track, message).await;
    }
}
