//! `waitingRoom/*` for moderators (http-api.md section 4.3).

use axum::extract::{Request, State};
use axum::response::Response;
use meeting::{Guests, WaitingError};
use prost::Message;
use wire::pnm;

use crate::member::admit_admin;
use crate::{App, answers};

/// As a user id: everybody who waits (D-14).
const EVERYBODY: &str = "all";

/// `approveUsers`: one person, or everybody who waits.
pub(crate) async fn approve(State(app): State<App>, request: Request) -> Response {
    let asked = match admit_admin(&app, request).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let wish = match pnm::ApproveWaitingUsersReq::decode(asked.body) {
        Ok(wish) => wish,
        Err(error) => return answers::refused_protobuf(error),
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
    let asked = match admit_admin(&app, request).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    match pnm::UpdateWaitingRoomMessageReq::decode(asked.body) {
        Ok(wish) => answer(app.deps.meetings.set_waiting_text(&asked.access, wish.msg).await),
        Err(error) => answers::refused_protobuf(error),
    }
}

fn answer(done: Result<(), WaitingError>) -> Response {
    match done {
        Ok(()) => answers::done_protobuf(),
        Err(refusal) => answers::refused_protobuf(refusal),
    }
}
