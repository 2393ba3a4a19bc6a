//! `plenum/increaseDuration`: a moderator puts off the end of the meeting (docs/api.md, "In-meeting extensions").

use axum::extract::{Request, State};
use axum::response::Response;
use wire::pnm;

use super::moderated::{admit, answer};
use crate::App;

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let (asked, wish) = match admit::<pnm::IncreaseRoomDurationReq>(&app, request).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    let most = Some(app.deps.rules.limits.max_duration).filter(|most| *most > 0);
    answer(app.deps.meetings.prolong(&asked.access, wish.minutes, most).await)
}
