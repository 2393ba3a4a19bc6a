//! What the original client may ask for and this version does not do (http-api.md section 4): an answer it can show.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use crate::{App, answers, bearer};

/// Paths below `/api`, as [`crate::paths::normalised`] makes them. Take one out when it gets a handler of its own.
const PATHS: [&str; 29] = [
    "/recording",
    "/rtmp",
    "/changevisibility",
    "/enablesipdialin",
    "/externaldisplaylink",
    "/ingress/create",
    "/sharednotepad/changestatus",
    "/updatelocksettings",
    "/muteunmutetrack",
    "/removeparticipant",
    "/switchpresenter",
    "/uploadedfilemerge",
    "/uploadbase64encodeddata",
    "/getroomfilesbytype",
    "/getclientfiles",
    "/whiteboard/pdf-export/merge",
    "/insights/supportedlangs",
    "/insights/transcription/configure",
    "/insights/transcription/end",
    "/insights/transcription/usersession",
    "/insights/transcription/userstatus",
    "/insights/translation/chat/configure",
    "/insights/translation/chat/end",
    "/insights/translation/chat/execute",
    "/insights/ai/textchat/configure",
    "/insights/ai/textchat/execute",
    "/insights/ai/textchat/end",
    "/insights/ai/meetingsummarization/configure",
    "/insights/ai/meetingsummarization/end",
];
/// Those whose callers look at the status: uploads in parts, and the conversion, which is asked for in JSON.
const BY_STATUS: [&str; 4] =
    ["/fileupload", "/convertwhiteboardfile", "/whiteboard/convert", "/whiteboard/pdf-export/upload"];

const TEXT: &str = "this server does not offer this yet";

/// A route for each of them; nested below `/api`.
pub(crate) fn routes() -> Router<App> {
    let routes = PATHS.into_iter().fold(Router::new(), |routes, path| routes.route(path, any(handle)));
    BY_STATUS.into_iter().fold(routes, |routes, path| routes.route(path, any(handle_by_status)))
}

async fn handle(State(app): State<App>, request: Request) -> Response {
    match bearer::admit(&app, request).await {
        Ok(_) => answers::refused_protobuf(TEXT),
        Err(denied) => denied.into_response(),
    }
}

async fn handle_by_status(State(app): State<App>, request: Request) -> Response {
    match bearer::admit(&app, request).await {
        Ok(_) => (StatusCode::NOT_IMPLEMENTED, answers::refused(wire::pnm::StatusCode::InternalServerError, TEXT))
            .into_response(),
        Err(denied) => denied.into_response(),
    }
}
