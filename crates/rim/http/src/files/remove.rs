//! `plenum/backgrounds/remove`: what somebody no longer wants to be seen in front of (docs/api.md "In-meeting extensions").

use axum::extract::{Request, State};
use axum::response::Response;
use wire::plenum;

use crate::App;
use crate::member::moderated::{admit_anyone, answer};

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    match admit_anyone::<plenum::RemoveBackgroundReq>(&app, request).await {
        Ok((asked, wish)) => answer(app.deps.meetings.remove_background(&asked.access, &wish.file_path).await),
        Err(refused) => refused,
    }
}
