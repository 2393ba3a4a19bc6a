//! `updateLockSettings` (http-api.md section 4.4).

use axum::extract::{Request, State};
use axum::response::Response;
use meeting::{LockService, Moderation, ModerationRefusal, Whom};
use wire::pnm;

use super::moderated::{admit, answer, same_room, same_session};
use crate::{App, answers};

const EVERYBODY: &str = "all";

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    carry_out(&app, request).await.unwrap_or_else(|refused| refused)
}

async fn carry_out(app: &App, request: Request) -> Result<Response, Response> {
    let (asked, wish) = admit::<pnm::UpdateUserLockSettingsReq>(app, request).await?;
    same_room(&asked, &wish.room_id)?;
    same_session(&asked, &wish.room_sid)?;
    let whom = match wish.user_id.as_str() {
        EVERYBODY => Whom::All,
        id => Whom::One(id.try_into().map_err(|_| answers::refused_protobuf(ModerationRefusal::NoMetadata))?),
    };
    // A service that nobody knows is nothing to lock, as in the reference.
    let Some(service) = LockService::named(&wish.service) else { return Ok(answer(Ok::<(), &str>(()))) };
    let what = Moderation::Lock { whom, service, locked: wish.direction == "lock" };
    Ok(answer(app.deps.meetings.moderate(&asked.access, what).await))
}
