//! `plenum/increaseDuration`: a moderator puts off the end of the meeting (docs/api.md, "In-meeting extensions").

use axum::extract::{Request, State};
use axum::response::Response;
use prost::Message;
use wire::pnm;

use crate::member::admit_admin;
use crate::{App, answers};

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let asked = match admit_admin(&app, request).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let wish = match pnm::IncreaseRoomDurationReq::decode(asked.body.clone()) {
        Ok(wish) => wish,
        Err(error) => return answers::refused_protobuf(error),
    };
    let most = Some(app.deps.rules.limits.max_duration).filter(|most| *most > 0);
    match app.deps.meetings.prolong(&asked.access, wish.minutes, most).await {
        Ok(()) => answers::done_protobuf(),
        Err(refusal) => answers::refused_protobuf(refusal),
    }
}
