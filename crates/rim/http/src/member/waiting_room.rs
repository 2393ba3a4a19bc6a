//! `waitingRoom/*` for moderators (http-api.md section 4.3). Rejecting is `removeParticipant`.

use axum::extract::{Request, State};
use axum::response::Response;
use meeting::Guests;
use wire::pnm;

use super::moderated::{admit, answer};
use crate::{App, answers};

/// As a user id: everybody who waits (D-14).
const EVERYBODY: &str = "all";

/// `approveUsers`: one person, or everybody who waits.
pub(crate) async fn approve(State(app): State<App>, request: Request) -> Response {
    let (asked, wish) = match admit::<pnm::ApproveWaitingUsersReq>(&app, request).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    let guests = match wish.user_id.as_str() {
        EVERYBODY => Guests::All,
        id => match id.try_into() {
            Ok(user) => Guests::One(user),
            Err(_) => return answers::refused_protobuf("user not found"),
        },
    };
    answer(app.deps.meetings.let_in(&asked.access, guests).await)
}

/// `updateMsg`: what those who wait read.
pub(crate) async fn update_text(State(app): State<App>, request: Request) -> Response {
    match admit::<pnm::UpdateWaitingRoomMessageReq>(&app, request).await {
        Ok((asked, wish)) => answer(app.deps.meetings.set_waiting_text(&asked.access, wish.msg).await),
        Err(refused) => refused,
    }
}
