//! What everybody looks at: `changeVisibility`, `sharedNotepad/changeStatus`, `externalDisplayLink` (http-api.md section
//! 4.3).

use axum::extract::{Request, State};
use axum::response::Response;
use meeting::Moderation;
use url::Url;
use wire::pnm::{self, ExternalDisplayLinkTask as Task};

use super::moderated::{admit, admit_anyone, answer, same_room};
use crate::bearer::Asked;
use crate::{App, answers, origin};

const NOT_VALID: &str = "not valid request";
const URL_REQUIRED: &str = "valid url required";
/// Longest address that is passed on to everybody, in bytes.
const MAX_URL: usize = 2048;

/// Moderators and the presenter.
pub(crate) async fn visibility(State(app): State<App>, request: Request) -> Response {
    let changed = async {
        let (asked, wish) = admit_anyone::<pnm::ChangeVisibilityRes>(&app, request).await?;
        same_room(&asked, &wish.room_id)?;
        let what = Moderation::ChangeVisibility { notepad: wish.visible_notepad, whiteboard: wish.visible_white_board };
        Ok(answer(app.deps.meetings.moderate(&asked.access, what).await))
    };
    changed.await.unwrap_or_else(|refused| refused)
}

pub(crate) async fn notepad(State(app): State<App>, request: Request) -> Response {
    match admit::<pnm::ChangeSharedNotepadStatusReq>(&app, request).await {
        Ok((asked, wish)) => {
            answer(app.deps.meetings.moderate(&asked.access, Moderation::ActivateNotepad(wish.is_active)).await)
        }
        Err(refused) => refused,
    }
}

pub(crate) async fn external_link(State(app): State<App>, request: Request) -> Response {
    let shown = async {
        let (asked, wish) = admit::<pnm::ExternalDisplayLinkReq>(&app, request).await?;
        let link = match Task::try_from(wish.task) {
            Ok(Task::StartExternalLink) => Some(checked(&app, &asked, wish.url.as_deref().unwrap_or_default())?),
            Ok(Task::StopExternalLink) => None,
            Err(_) => return Err(answers::refused_protobuf(NOT_VALID)),
        };
        Ok(answer(app.deps.meetings.moderate(&asked.access, Moderation::ShowLink(link)).await))
    };
    shown.await.unwrap_or_else(|refused: Response| refused)
}

/// Pages of other sites only, and none that others could read on the way: a page of ours in a frame of ours would be
/// as good as the client (meeting-protocol.md section 14.8).
fn checked(app: &App, asked: &Asked, text: &str) -> Result<String, Response> {
    if text.is_empty() || text.len() > MAX_URL {
        return Err(answers::refused_protobuf(URL_REQUIRED));
    }
    let link = Url::parse(text).map_err(answers::refused_protobuf)?;
    let ours = Url::parse(&origin::web(&app.deps, &asked.headers, asked.peer));
    if link.scheme() != "https" || !ours.is_ok_and(|ours| ours.host() != link.host()) {
        return Err(answers::refused_protobuf(URL_REQUIRED));
    }
    Ok(text.to_owned())
}
