//! `removeParticipant`: out of the meeting or out of the waiting room, for good or not (http-api.md section 4.4).

use axum::extract::{Request, State};
use axum::response::Response;
use meeting::{Moderation, ModerationRefusal};
use wire::pnm;

use super::moderated::{admit, answer, same_room, same_session};
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    carry_out(&app, request).await.unwrap_or_else(|refused| refused)
}

async fn carry_out(app: &App, request: Request) -> Result<Response, Response> {
    let (asked, wish) = admit::<pnm::RemoveParticipantReq>(app, request).await?;
    same_room(&asked, &wish.room_id)?;
    if wish.user_id == asked.access.user.as_str() {
        return Err(answers::refused_protobuf(ModerationRefusal::Oneself));
    }
    same_session(&asked, &wish.sid)?;
    let user = wish.user_id.as_str().try_into();
    let user = user.map_err(|_| answers::refused_protobuf(ModerationRefusal::NotActive))?;
    let what = Moderation::Remove { user, msg: wish.msg, block: wish.block_user };
    Ok(answer(app.deps.meetings.moderate(&asked.access, what).await))
}
