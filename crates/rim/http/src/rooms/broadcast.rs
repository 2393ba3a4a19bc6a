//! `broadcastToRoom`: the application says something in a room (http-api.md section 2.8).

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use meeting::{Announcement, Audience, BroadcastError, BroadcastRefusal};
use wire::pnm::broadcast_to_room_req::Payload;
use wire::pnm::{self, StatusCode};

use super::{Rejected, read};
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, body: Bytes) -> Result<Response, Rejected> {
    let request: pnm::BroadcastToRoomReq = read(&body)?;
    let what = match request.payload {
        Some(Payload::NotificationMsg(notice)) => {
            Announcement::Notice { severity: notice.r#type(), with_sound: notice.with_sound, text: notice.text }
        }
        Some(Payload::ChatMsg(chat)) => Announcement::Chat(chat.message),
        // The check does not let it through.
        None => Announcement::Chat(String::new()),
    };
    // Whoever cannot exist is not there either, which is no error.
    let one = request.to_user_id.as_deref().map(|user| user.try_into().ok());
    let audience = match (request.only_to_admins, one) {
        (true, one) => Audience::Moderators(one.flatten()),
        (false, Some(one)) => Audience::One(one),
        (false, None) => Audience::Everybody,
    };
    Ok(match app.deps.meetings.broadcast(&request.room_id, audience, what).await {
        Ok(()) => answers::success(),
        Err(refusal) => answers::refused(code(refusal), refusal),
    })
}

const fn code(refusal: BroadcastError) -> StatusCode {
    match refusal {
        BroadcastError::NoRoom => StatusCode::RoomNotFound,
        BroadcastError::Refused(BroadcastRefusal::NotActive) => StatusCode::RoomNotActive,
        BroadcastError::Refused(BroadcastRefusal::NobodyOnline | BroadcastRefusal::NoModeratorOnline) => {
            StatusCode::UserNotFound
        }
        BroadcastError::Unavailable(_) => StatusCode::InternalServerError,
    }
}
