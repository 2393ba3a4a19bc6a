//! `publishRecordings` and `updateRecordings`: a recording is public to whoever has its link, and what is known about it
//! is changed through the server API, so these succeed and change nothing.

use axum::response::Response;

use super::xml;

pub(super) fn handle(what: &str) -> Response {
    xml(|xml| {
        xml.text("returncode", "SUCCESS");
        xml.text(what, true);
    })
}
