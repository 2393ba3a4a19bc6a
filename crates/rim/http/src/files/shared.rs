//! `/download/uploadedFile/<path>`: a file that was uploaded, for whoever has its path (http-api.md section 3.7).

use axum::extract::{Request, State};
use axum::http::StatusCode as Status;
use axum::response::{IntoResponse, Response};
use meeting::UploadPathError;

use crate::download::{Known, hand_out};
use crate::{App, paths};

/// What comes before the path; in lower case by [`paths::normalised`].
const BEFORE: &str = "/download/uploadedfile/";

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let sent = request.uri().path().strip_prefix(BEFORE).unwrap_or_default();
    let Some(path) = paths::decoded(sent) else { return refused(UploadPathError::Outside) };
    let open = match app.deps.meetings.open_upload(&path).await {
        Ok(open) => open,
        Err(error) => return refused(error),
    };
    // A page is never handed out as one.
    let kind = if open.mime_type == "text/html" { "application/octet-stream" } else { &open.mime_type };
    let known = Known { name: &open.name, kind };
    hand_out(&app, &open.file, Some(known), request.method(), request.headers()).await
}

fn refused(error: UploadPathError) -> Response {
    let status = match error {
        UploadPathError::TooShort | UploadPathError::Outside => Status::BAD_REQUEST,
        UploadPathError::Temporary => Status::FORBIDDEN,
        UploadPathError::NotFound => Status::NOT_FOUND,
        UploadPathError::Failed => Status::INTERNAL_SERVER_ERROR,
    };
    (status, error.to_string()).into_response()
}
