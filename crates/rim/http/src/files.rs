//! Files of a meeting: uploads in pieces or at once, their list, and their way back (http-api.md sections 3.7 and 4.7,
//! meeting-protocol.md section 11.2).

mod chunk;
mod list;
mod merge;
mod remove;
mod shared;
mod small;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};
use wire::pnm::RoomUploadedFileType as Kind;

use crate::App;

/// Their routes. Pieces are as large as a body may be.
pub(crate) fn routes(app: &App) -> Router<App> {
    Router::new()
        .route("/api/fileupload", get(chunk::test).post(chunk::upload))
        .route("/api/uploadedfilemerge", post(merge::handle))
        .route("/api/uploadbase64encodeddata", post(small::handle))
        .route("/api/getroomfilesbytype", any(list::handle))
        .route("/api/plenum/backgrounds/remove", post(remove::handle))
        .route("/download/uploadedfile/{*path}", get(shared::handle))
        .layer(DefaultBodyLimit::max(app.deps.max_body))
}

/// A kind as it travels; a number that means nothing is no kind.
fn kind(number: i32) -> Option<Kind> {
    Kind::try_from(number).ok()
}

/// What a caller with such a number is told.
const NO_KIND: &str = "invalid file_type";
