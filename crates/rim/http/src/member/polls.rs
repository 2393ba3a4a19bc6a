//! `polls/*` (http-api.md section 4.5; docs/api.md, "In-meeting extensions").

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{RequestExt, Router};
use meeting::{ActivityError, PollAsk, PollRefusal};
use model::policy::Denial;
use wire::pnm;

use super::moderated::{self, NOT_ALLOWED, admit, admit_anyone, admit_moderator};
use crate::{App, answers, bearer};

/// What the reference's cache says of a poll that it does not hold.
const NO_POLL_TO_CLOSE: &str = "redis: nil";

/// Below `/polls`, as [`crate::paths::normalised`] makes it.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/activate", post(activate))
        .route("/create", post(create))
        .route("/listpolls", get(list))
        .route("/pollsstats", get(stats))
        .route("/counttotalresponses/{poll}", get(total))
        .route("/userselectedoption/{poll}/{user}", get(choice))
        .route("/pollresponsesdetails/{poll}", get(details))
        .route("/pollresponsesresult/{poll}", get(result))
        .route("/submitresponse", post(vote))
        .route("/closepoll", post(close))
}

async fn activate(State(app): State<App>, request: Request) -> Response {
    let (asked, wish) = match admit::<pnm::ActivatePollsReq>(&app, request).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    match app.deps.meetings.poll(&asked.access, PollAsk::Activate(wish.is_active)).await {
        Ok(_) => moderated::answer(Ok::<(), &str>(())),
        Err(refusal) => refuse(refusal),
    }
}

async fn create(State(app): State<App>, request: Request) -> Response {
    match admit(&app, request).await {
        Ok((asked, wish)) => ask(&app, &asked, PollAsk::Create(wish)).await,
        Err(refused) => refused,
    }
}

async fn vote(State(app): State<App>, request: Request) -> Response {
    // Whose vote it is, the token says (D-15).
    let (asked, wish) = match admit_anyone::<pnm::SubmitPollResponseReq>(&app, request).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    let chosen = if wish.selected_options.is_empty() { vec![wish.selected_option] } else { wish.selected_options };
    ask(&app, &asked, PollAsk::Vote { poll: wish.poll_id, chosen }).await
}

async fn close(State(app): State<App>, request: Request) -> Response {
    let (asked, wish) = match admit::<pnm::ClosePollReq>(&app, request).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    match app.deps.meetings.poll(&asked.access, PollAsk::Close(wish.poll_id)).await {
        Err(ActivityError::Refused(PollRefusal::Unknown)) => answers::refused_protobuf(NO_POLL_TO_CLOSE),
        told => answer(told),
    }
}

async fn list(State(app): State<App>, request: Request) -> Response {
    question(&app, request, PollAsk::List).await
}

async fn stats(State(app): State<App>, request: Request) -> Response {
    question(&app, request, PollAsk::Stats).await
}

async fn total(State(app): State<App>, mut request: Request) -> Response {
    let poll = parts(&mut request).await;
    question(&app, request, PollAsk::Total(poll)).await
}

async fn choice(State(app): State<App>, mut request: Request) -> Response {
    let path = request.extract_parts::<Path<(String, String)>>().await;
    let (poll, whose) = path.map(|path| path.0).unwrap_or_default();
    question(&app, request, PollAsk::Choice { poll, whose }).await
}

async fn details(State(app): State<App>, mut request: Request) -> Response {
    let poll = parts(&mut request).await;
    let asked = match admit_moderator(&app, request).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    ask(&app, &asked, PollAsk::Details(poll)).await
}

async fn result(State(app): State<App>, mut request: Request) -> Response {
    let poll = parts(&mut request).await;
    question(&app, request, PollAsk::Result(poll)).await
}

/// The poll that the path names.
async fn parts(request: &mut Request) -> String {
    request.extract_parts::<Path<String>>().await.map(|path| path.0).unwrap_or_default()
}

async fn question(app: &App, request: Request, wish: PollAsk) -> Response {
    match bearer::admit(app, request).await {
        Ok(asked) => ask(app, &asked, wish).await,
        Err(denied) => denied.into_response(),
    }
}

async fn ask(app: &App, asked: &bearer::Asked, wish: PollAsk) -> Response {
    answer(app.deps.meetings.poll(&asked.access, wish).await)
}

fn answer(told: Result<pnm::PollResponse, ActivityError<PollRefusal>>) -> Response {
    match told {
        Ok(told) => answers::protobuf(&pnm::PollResponse { status: true, msg: "success".into(), ..told }),
        Err(refusal) => refuse(refusal),
    }
}

/// `status` and `msg` have the same numbers in every answer.
fn refuse(refusal: ActivityError<PollRefusal>) -> Response {
    match refusal {
        ActivityError::Refused(PollRefusal::Denied(Denial::NotModerator)) => answers::refused_protobuf(NOT_ALLOWED),
        refusal => answers::refused_protobuf(refusal),
    }
}
