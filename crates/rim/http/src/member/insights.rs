//! `insights/*`: speech and language services (http-api.md section 4.8). This version has none, and every call is answered
//! as a reference server without them does, before anybody's rank is looked at (D-23).

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use crate::{App, answers, bearer};

/// Below `/insights`, as [`crate::paths::normalised`] makes them.
const PATHS: [&str; 13] = [
    "/supportedlangs",
    "/transcription/configure",
    "/transcription/end",
    "/transcription/usersession",
    "/transcription/userstatus",
    "/translation/chat/configure",
    "/translation/chat/end",
    "/translation/chat/execute",
    "/ai/textchat/configure",
    "/ai/textchat/execute",
    "/ai/textchat/end",
    "/ai/meetingsummarization/configure",
    "/ai/meetingsummarization/end",
];

/// A route for each of them.
pub(crate) fn routes() -> Router<App> {
    PATHS.into_iter().fold(Router::new(), |routes, path| routes.route(path, post(handle)))
}

async fn handle(State(app): State<App>, request: Request) -> Response {
    match bearer::admit(&app, request).await {
        Ok(_) => answers::refused_protobuf("insights feature wasn't configured"),
        Err(denied) => denied.into_response(),
    }
}
