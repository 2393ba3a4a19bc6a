//! `uploadBase64EncodedData`: a file within a message, such as a picture on the whiteboard (http-api.md section 4.7.3).

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use wire::pnm;

use super::{NO_KIND, kind};
use crate::body::Share;
use crate::{App, answers, bearer, body};

/// Largest file that comes this way, in bytes; larger ones come in pieces.
const MAX_FILE: usize = 10 << 20;
/// Largest message: the file in base64, and its name.
const MAX_MESSAGE: usize = MAX_FILE.div_ceil(3) * 4 + 8 * 1024;

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let (access, request) = match bearer::admit_before_body(&app, request).await {
        Ok(admitted) => admitted,
        Err(denied) => return denied.into_response(),
    };
    let shares = [
        Share { of: format!("{}/{}", access.room, access.user), most: 1 },
        Share { of: access.room.to_string(), most: 2 },
    ];
    let most = MAX_MESSAGE.min(app.deps.max_body);
    let large = match body::read_large(request.into_body(), most, &body::PEOPLE, &shares).await {
        Ok(large) => large,
        Err(unread) => return unread.into_response(),
    };
    let wish = match pnm::UploadBase64EncodedDataReq::decode(large.bytes()) {
        Ok(wish) => wish,
        Err(error) => return answers::refused_protobuf(error),
    };
    let Some(kind) = kind(wish.file_type) else { return answers::refused_protobuf(NO_KIND) };
    let content = match BASE64_STANDARD.decode(&wish.data) {
        Ok(content) => content,
        Err(error) => return answers::refused_protobuf(format!("failed to decode base64 data: {error}")),
    };
    match app.deps.meetings.add_small_file(&access, kind, &wish.file_name, content.into()).await {
        Ok(file) => answers::protobuf(&pnm::UploadBase64EncodedDataRes {
            status: true,
            msg: "file uploaded successfully".into(),
            file_path: file.about.file_path,
            file_name: file.about.file_name,
            file_extension: file.extension.into(),
            file_mime_type: file.about.mime_type,
        }),
        Err(refusal) => answers::refused_protobuf(refusal),
    }
}
