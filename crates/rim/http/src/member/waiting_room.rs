//! `waitingRoom/*` for moderators (http-api.md section 4.3).

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use meeting::{Guests, WaitingError};
use prost::Message;
use wire::pnm;

use crate::{App, answers, bearer};

/// As a user id: everybody who waits (D-14).
const EVERYBODY: &str = "all";

/// `approveUsers`: one person, or everybody who waits.
pub(crate) async fn approve(State(app): State<App>, request: Request) -> Response {
    let asked = match admit(&app, request).await {
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
    let asked = match admit(&app, request).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    match pnm::UpdateWaitingRoomMessageReq::decode(asked.body) {
        Ok(wish) => answer(app.deps.meetings.set_waiting_text(&asked.access, wish.msg).await),
        Err(error) => answers::refused_protobuf(error),
    }
}

async fn admit(app: &App, request: Request) -> Result<bearer::Asked, Response> {
    let asked = bearer::admit(app, request).await.map_err(IntoResponse::into_response)?;
    if asked.access.is_admin { Ok(asked) } else { Err(answers::refused_protobuf("only admin can perform this task")) }
}

fn answer(done: Result<(), WaitingError>) -> Response {
    match done {
        Ok(()) => answers::protobuf(&pnm::CommonResponse { status: true, msg: "success".into(), ..Default::default() }),
        Err(refusal) => answers::refused_protobuf(refusal),
    }
}
