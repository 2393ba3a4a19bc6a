//! What the original client may ask of the whiteboard and this version does not do (http-api.md section 4.7): an answer it
//! can show.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;
use wire::pnm::StatusCode as Code;

use crate::{App, answers, bearer};

pub(super) const TEXT: &str = "this server does not offer this yet";

/// Nested below `/api`, as [`crate::paths::normalised`] makes them. Take one out when it gets a handler of its own.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/convertwhiteboardfile", post(convert))
        .route("/whiteboard/convert", post(convert))
        .route("/whiteboard/pdf-export/upload", post(upload))
        .route("/whiteboard/pdf-export/merge", post(merge))
}

/// The part of the wish that counts.
#[derive(Deserialize)]
struct Wish {
    #[serde(default, rename = "filePath")]
    file_path: String,
}

/// Asked for in JSON. What is wrong with the wish is said first.
async fn convert(State(app): State<App>, request: Request) -> Response {
    let asked = match bearer::admit(&app, request).await {
        Ok(asked) => asked,
        Err(denied) => return denied.into_response(),
    };
    match serde_json::from_slice::<Wish>(&asked.body) {
        Err(error) => answers::map(StatusCode::OK, &json!({ "status": false, "msg": error.to_string() })),
        Ok(wish) if wish.file_path.is_empty() => {
            answers::refused_map(StatusCode::BAD_REQUEST, Code::InvalidParameters, "file path require")
        }
        Ok(_) => answers::refused_map(StatusCode::NOT_IMPLEMENTED, Code::InternalServerError, TEXT),
    }
}

/// A slice of a page, in a form: its sender looks at the status.
async fn upload(State(app): State<App>, request: Request) -> Response {
    match bearer::admit(&app, request).await {
        Ok(_) => answers::refused_map(StatusCode::NOT_IMPLEMENTED, Code::InternalServerError, TEXT),
        Err(denied) => denied.into_response(),
    }
}

async fn merge(State(app): State<App>, request: Request) -> Response {
    match bearer::admit(&app, request).await {
        Ok(_) => answers::refused_protobuf(TEXT),
        Err(denied) => denied.into_response(),
    }
}
