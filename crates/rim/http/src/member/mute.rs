//! `muteUnmuteTrack` (http-api.md section 4.4).

use axum::extract::{Request, State};
use axum::response::Response;
use meeting::MuteRefusal;
use wire::pnm;

use super::moderated::{admit, answer, same_room, same_session};
use crate::{App, answers};

const EVERYBODY: &str = "all";

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    carry_out(&app, request).await.unwrap_or_else(|refused| refused)
}

async fn carry_out(app: &App, request: Request) -> Result<Response, Response> {
    let (asked, wish) = admit::<pnm::MuteUnMuteTrackReq>(app, request).await?;
    same_room(&asked, &wish.room_id)?;
    same_session(&asked, &wish.sid)?;
    let meetings = &app.deps.meetings;
    if wish.user_id == EVERYBODY {
        return Ok(answer(meetings.mute_everybody(&asked.access, wish.muted).await));
    }
    let user = wish.user_id.as_str().try_into();
    let user = user.map_err(|_| answers::refused_protobuf(MuteRefusal::NoParticipant))?;
    Ok(answer(meetings.mute(&asked.access, user, &wish.track_sid, wish.muted).await))
}
