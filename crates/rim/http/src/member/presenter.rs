//! `switchPresenter` (http-api.md section 4.4).

use axum::extract::{Request, State};
use axum::response::Response;
use meeting::Moderation;
use model::UserId;
use wire::pnm::{self, SwitchPresenterTask as Task};

use super::moderated::{admit, answer};
use crate::{App, answers};

const NOT_VALID: &str = "not valid request";

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    carry_out(&app, request).await.unwrap_or_else(|refused| refused)
}

async fn carry_out(app: &App, request: Request) -> Result<Response, Response> {
    let (asked, wish) = admit::<pnm::SwitchPresenterReq>(app, request).await?;
    let unknown = || {
        let shown: String = wish.user_id.chars().take(64).collect();
        answers::refused_protobuf(format!("no metadata found for user {shown}"))
    };
    let user = UserId::try_from(wish.user_id.as_str()).map_err(|_| unknown())?;
    let what = match Task::try_from(wish.task) {
        Ok(Task::Promote) => Moderation::Promote { user },
        Ok(Task::Demote) => Moderation::Demote { user },
        Err(_) => return Err(answers::refused_protobuf(NOT_VALID)),
    };
    Ok(answer(app.deps.meetings.moderate(&asked.access, what).await))
}
