//! `externalMediaPlayer` (http-api.md section 4.3; docs/api.md, "In-meeting extensions").

use axum::extract::{Request, State};
use axum::response::Response;
use meeting::{ActivityError, MediaUrl, PlayerRefusal};
use prost::Message;
use wire::pnm::{self, ExternalMediaPlayerTask as Task};

use crate::member::admit_admin;
use crate::{App, answers, origin};

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let asked = match admit_admin(&app, request).await {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let wish = match pnm::ExternalMediaPlayerReq::decode(asked.body.clone()) {
        Ok(wish) => wish,
        Err(error) => return answers::refused_protobuf(error),
    };
    let meetings = &app.deps.meetings;
    match Task::try_from(wish.task) {
        Ok(Task::StartPlayback) => {
            let own = origin::web(&app.deps, &asked.headers, asked.peer);
            match MediaUrl::parse(wish.url(), &own) {
                Ok(url) => answer(meetings.play_media(&asked.access, url, wish.seek_to).await),
                Err(refusal) => answers::refused_protobuf(refusal),
            }
        }
        Ok(Task::EndPlayback) => answer(meetings.stop_media(&asked.access).await),
        Err(_) => answers::refused_protobuf("not valid request"),
    }
}

fn answer(done: Result<(), ActivityError<PlayerRefusal>>) -> Response {
    match done {
        Ok(()) => answers::done_protobuf(),
        Err(refusal) => answers::refused_protobuf(refusal),
    }
}
