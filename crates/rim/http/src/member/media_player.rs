//! `externalMediaPlayer` (http-api.md section 4.3; docs/api.md, "In-meeting extensions").

use axum::extract::{Request, State};
use axum::response::Response;
use meeting::MediaUrl;
use wire::pnm::{self, ExternalMediaPlayerTask as Task};

use super::moderated::{admit, answer};
use crate::{App, answers, origin};

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let (asked, wish) = match admit::<pnm::ExternalMediaPlayerReq>(&app, request).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
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
