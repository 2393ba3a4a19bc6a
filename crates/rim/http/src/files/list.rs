//! `getRoomFilesByType`: the files of one kind (http-api.md section 4.7.4).

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use meeting::UploadRefusal;
use prost::Message;
use wire::pnm;

use super::{NO_KIND, kind};
use crate::{App, answers, bearer};

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let asked = match bearer::admit(&app, request).await {
        Ok(asked) => asked,
        Err(denied) => return denied.into_response(),
    };
    let wish = match pnm::GetRoomUploadedFilesReq::decode(asked.body) {
        Ok(wish) => wish,
        Err(error) => return answers::refused_protobuf(error),
    };
    let Some(kind) = kind(wish.file_type) else { return answers::refused_protobuf(NO_KIND) };
    match app.deps.meetings.files_of(&asked.access, kind).await {
        Ok(files) => answers::protobuf(&pnm::GetRoomUploadedFilesRes { status: true, msg: "success".into(), files }),
        Err(UploadRefusal::NotActive) => answers::refused_protobuf("no files found for room"),
        Err(refusal) => answers::refused_protobuf(refusal),
    }
}
