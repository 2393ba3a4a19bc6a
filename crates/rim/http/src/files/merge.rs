//! `uploadedFileMerge`: the pieces are all there (http-api.md section 4.7.2).

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use prost::Message;
use wire::pnm;

use super::{NO_KIND, kind};
use crate::{App, answers, bearer};

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let asked = match bearer::admit(&app, request).await {
        Ok(asked) => asked,
        Err(denied) => return denied.into_response(),
    };
    let wish = match pnm::UploadedFileMergeReq::decode(asked.body) {
        Ok(wish) => wish,
        Err(error) => return answers::refused_protobuf(error),
    };
    if wish.resumable_identifier.is_empty() {
        return answers::refused_protobuf("invalid empty resumableIdentifier");
    }
    let Some(kind) = kind(wish.file_type) else { return answers::refused_protobuf(NO_KIND) };
    let chunks = u32::try_from(wish.resumable_total_chunks).unwrap_or_default();
    let (identifier, name) = (&wish.resumable_identifier, &wish.resumable_filename);
    match app.deps.meetings.merge_chunks(&asked.access, kind, identifier, name, chunks).await {
        Ok(file) => answers::protobuf(&pnm::UploadedFileRes {
            status: true,
            msg: "file uploaded successfully".into(),
            file_id: file.about.file_id,
            file_path: file.about.file_path,
            file_name: file.about.file_name,
            file_extension: file.extension.into(),
            file_mime_type: file.about.mime_type,
            file_type: file.about.file_type,
        }),
        Err(refusal) => answers::refused_protobuf(refusal),
    }
}
