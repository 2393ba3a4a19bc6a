//! `breakoutRoom/*` and `plenum/breakout/*` (http-api.md section 4.6; docs/api.md, "In-meeting extensions").

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use meeting::{BreakoutError, BreakoutRefusal};
use model::policy::Denial;
use prost::Message;
use rand::Rng;
use wire::{plenum, pnm};

use super::moderated::{NOT_ALLOWED, admit, admit_anyone, admit_moderator};
use crate::rooms::create::unix_seconds;
use crate::{App, answers, bearer};

/// Below `/breakoutroom`, as [`crate::paths::normalised`] makes it.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/create", post(create))
        .route("/join", post(join))
        .route("/listrooms", get(list))
        .route("/myrooms", get(own))
        .route("/increaseduration", post(increase))
        .route("/sendmsg", post(tell))
        .route("/endroom", post(end))
        .route("/endallrooms", post(end_all))
}

/// Below `/plenum/breakout`.
pub(crate) fn extensions() -> Router<App> {
    Router::new().route("/move", post(move_user)).route("/help", post(help)).route("/close", post(close))
}

async fn create(State(app): State<App>, request: Request) -> Response {
    let (asked, wish) = match admit(&app, request).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    let shared = app.clone();
    let settle = move |room: &mut pnm::CreateRoomReq| {
        let mut random = |bytes: &mut [u8]| rand::rng().fill_bytes(bytes);
        wire::create::settle(room, &shared.deps.rules, unix_seconds(), &mut random);
    };
    answer(app.deps.meetings.create_breakouts(&asked.access, wish, Box::new(settle)).await)
}

async fn join(State(app): State<App>, request: Request) -> Response {
    // Who joins, the token says (D-15).
    let (asked, wish) = match admit_anyone::<pnm::JoinBreakoutRoomReq>(&app, request).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    match app.deps.meetings.join_breakout(&asked.access, &wish.breakout_room_id).await {
        Ok(token) => succeed(pnm::BreakoutRoomRes { token: Some(token), ..Default::default() }),
        Err(refusal) => refuse(&refusal),
    }
}

async fn list(State(app): State<App>, request: Request) -> Response {
    let asked = match bearer::admit(&app, request).await {
        Ok(asked) => asked,
        Err(denied) => return denied.into_response(),
    };
    match app.deps.meetings.breakouts(&asked.access).await {
        Ok(rooms) => succeed(pnm::BreakoutRoomRes { rooms, ..Default::default() }),
        Err(refusal) => refuse(&refusal),
    }
}

async fn own(State(app): State<App>, request: Request) -> Response {
    let asked = match bearer::admit(&app, request).await {
        Ok(asked) => asked,
        Err(denied) => return denied.into_response(),
    };
    match app.deps.meetings.own_breakout(&asked.access).await {
        Ok(room) => succeed(pnm::BreakoutRoomRes { room: Some(room), ..Default::default() }),
        Err(refusal) => refuse(&refusal),
    }
}

/// The body is read before the rank, here and in the next two, as the reference does.
async fn increase(State(app): State<App>, request: Request) -> Response {
    let (asked, wish) = match read::<pnm::IncreaseBreakoutRoomDurationReq>(&app, request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    answer(app.deps.meetings.prolong_breakout(&asked.access, &wish.breakout_room_id, wish.duration).await)
}

async fn tell(State(app): State<App>, request: Request) -> Response {
    let (asked, wish) = match read::<pnm::BroadcastBreakoutRoomMsgReq>(&app, request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    answer(app.deps.meetings.tell_breakouts(&asked.access, wish.msg).await)
}

async fn end(State(app): State<App>, request: Request) -> Response {
    let (asked, wish) = match read::<pnm::EndBreakoutRoomReq>(&app, request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    answer(app.deps.meetings.end_breakout(&asked.access, &wish.breakout_room_id).await)
}

async fn end_all(State(app): State<App>, request: Request) -> Response {
    match admit_moderator(&app, request).await {
        Ok(asked) => answer(app.deps.meetings.end_breakouts(&asked.access).await),
        Err(answer) => answer,
    }
}

async fn move_user(State(app): State<App>, request: Request) -> Response {
    let (asked, wish) = match read::<pnm::MoveBreakoutUserReq>(&app, request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    answer(app.deps.meetings.move_to_breakout(&asked.access, &wish.user_id, &wish.breakout_room_id).await)
}

async fn close(State(app): State<App>, request: Request) -> Response {
    let (asked, wish) = match read::<plenum::CloseBreakoutsReq>(&app, request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let after = (!wish.is_withdrawn).then(|| Duration::from_secs(wish.in_seconds.into()));
    answer(app.deps.meetings.close_breakouts(&asked.access, &wish.breakout_room_id, after).await)
}

async fn help(State(app): State<App>, request: Request) -> Response {
    match admit_anyone::<pnm::BreakoutHelpReq>(&app, request).await {
        Ok((asked, wish)) => answer(app.deps.meetings.ask_for_help(&asked.access, wish.is_withdrawn).await),
        Err(refused) => refused,
    }
}

/// A moderator's wish, decoded first.
async fn read<M: Message + Default>(app: &App, request: Request) -> Result<(bearer::Asked, M), Response> {
    let (asked, wish) = admit_anyone(app, request).await?;
    if asked.access.is_admin { Ok((asked, wish)) } else { Err(answers::refused_protobuf(NOT_ALLOWED)) }
}

fn answer(done: Result<(), BreakoutError>) -> Response {
    match done {
        Ok(()) => succeed(pnm::BreakoutRoomRes::default()),
        Err(refusal) => refuse(&refusal),
    }
}

fn succeed(told: pnm::BreakoutRoomRes) -> Response {
    answers::protobuf(&pnm::BreakoutRoomRes { status: true, msg: "success".into(), ..told })
}

/// `status` and `msg` have the same numbers in every answer.
fn refuse(refusal: &BreakoutError) -> Response {
    match refusal {
        BreakoutError::Refused(BreakoutRefusal::Denied(Denial::NotModerator)) => answers::refused_protobuf(NOT_ALLOWED),
        refusal => answers::refused_protobuf(refusal),
    }
}
