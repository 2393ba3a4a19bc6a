//! `uploadWhiteboardFile`: the application brings a document for the whiteboard, or says where it is (http-api.md
//! section 2.9). It is kept with the room; making pages of it needs a converter, which this version has not, and the
//! answer says so.

use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::StatusCode as Status;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use meeting::{Activity, UploadRefusal};
use model::RoomId;
use ports::outgoing::{Method, OutgoingError, Request as Outgoing};
use std::time::Duration;
use url::Url;
use wire::pnm::StatusCode;

use crate::{App, answers, body};

/// How long the download of a document may take (http-api.md section 2.1.1).
const PATIENCE: Duration = Duration::from_secs(180);
/// Longest address, in bytes.
const MAX_LINK: usize = 2048;
/// What a caller is told: the file is here, and nobody sees it yet.
const STORED: &str = "file uploaded successfully, it is stored but not converted: this server cannot convert files for \
                      the whiteboard yet";

/// A document as it came.
struct Document {
    name: String,
    content: Bytes,
}

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    match upload(&app, request).await {
        Ok(()) => answers::refused(StatusCode::Success, STORED),
        Err(answer) => answer,
    }
}

async fn upload(app: &App, request: Request) -> Result<(), Response> {
    let bad = |code, msg: &str| answers::refused_map(Status::BAD_REQUEST, code, msg);
    let room = request.headers().get("room-id").and_then(|room| room.to_str().ok()).filter(|room| !room.is_empty());
    let room = room.ok_or_else(|| bad(StatusCode::InvalidParameters, "missing required header Room-Id"))?.to_owned();
    let (msg, code) = match app.deps.meetings.activity(&room).await {
        Ok(Activity::Active) => ("", StatusCode::Success),
        Ok(Activity::Inactive) => ("room is not active", StatusCode::RoomNotActive),
        Ok(Activity::Unknown) => ("room not found", StatusCode::RoomNotFound),
        Err(unavailable) => return Err(bad(StatusCode::InternalServerError, &unavailable.to_string())),
    };
    if code != StatusCode::Success {
        return Err(bad(code, msg));
    }
    let id = RoomId::try_from(room.as_str()).map_err(|_| bad(StatusCode::RoomNotFound, "room not found"))?;
    let _turn = app.deps.meetings.whiteboard_turn(&id).ok_or_else(|| {
        let msg = "Another whiteboard file upload is already in progress for this room";
        answers::refused_map(Status::CONFLICT, StatusCode::Conflict, msg)
    })?;
    let _memory = body::APPLICATIONS.next(&[]).await.map_err(axum::response::IntoResponse::into_response)?;
    let most = usize::try_from(app.deps.meetings.upload_rules().max_whiteboard_bytes).unwrap_or(usize::MAX);
    let document = read(app, request, most).await?;
    let kept = app.deps.meetings.add_whiteboard_file(&room, &document.name, document.content).await;
    kept.map(drop).map_err(|refusal| refused(&refusal))
}

/// The link wins if both are there.
async fn read(app: &App, mut request: Request, most: usize) -> Result<Document, Response> {
    let bad = |msg: String| answers::refused_map(Status::BAD_REQUEST, StatusCode::InvalidParameters, msg);
    DefaultBodyLimit::max(app.deps.max_body).apply(&mut request);
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| bad(error.body_text()))?;
    let mut document = None;
    while let Some(mut field) = form.next_field().await.map_err(|error| bad(error.body_text()))? {
        match field.name() {
            Some("document_link") => {
                let mut link = BytesMut::new();
                while let Some(piece) = field.chunk().await.map_err(|error| bad(error.body_text()))? {
                    if link.len() + piece.len() > MAX_LINK {
                        return Err(bad("Invalid document_link provided".into()));
                    }
                    link.extend_from_slice(&piece);
                }
                if !link.is_empty() {
                    return fetch(app, &String::from_utf8_lossy(&link), most).await;
                }
            }
            Some("document") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                let mut content = BytesMut::new();
                while let Some(piece) = field.chunk().await.map_err(|error| bad(error.body_text()))? {
                    if content.len() + piece.len() > most {
                        return Err(too_large());
                    }
                    content.extend_from_slice(&piece);
                }
                document = Some(Document { name, content: content.freeze() });
            }
            _ => {}
        }
    }
    document.ok_or_else(|| bad("there is no uploaded file associated with the given key".into()))
}

async fn fetch(app: &App, link: &str, most: usize) -> Result<Document, Response> {
    let failed = |msg: String| answers::refused_map(Status::BAD_REQUEST, StatusCode::InternalServerError, msg);
    let url = Url::parse(link.trim()).map_err(|_| {
        answers::refused_map(Status::BAD_REQUEST, StatusCode::InvalidParameters, "Invalid document_link provided")
    })?;
    let name = url.path_segments().and_then(|mut names| names.next_back()).unwrap_or_default().to_owned();
    let wish = Outgoing {
        url: url.into(),
        method: Method::Get,
        headers: Vec::new(),
        // Applications pass on what people gave them.
        reach: app.deps.documents,
        patience: PATIENCE,
        most,
    };
    let answer = app.deps.outgoing.send(wish).await.map_err(|error| {
        failed(match error {
            OutgoingError::TooLarge => format!("file too large: allowed {most} bytes, got more"),
            other => format!("failed to download file: {other}"),
        })
    })?;
    if !(200..300).contains(&answer.status) {
        return Err(failed(format!("failed to download file: status code {}", answer.status)));
    }
    if answer.content_type.is_none_or(|kind| kind.is_empty()) {
        return Err(failed("missing Content-Type header".into()));
    }
    Ok(Document { name, content: answer.body })
}

fn too_large() -> Response {
    answers::refused_map(Status::PAYLOAD_TOO_LARGE, StatusCode::InvalidParameters, "Request Entity Too Large")
}

fn refused(refusal: &UploadRefusal) -> Response {
    let (status, code) = match refusal {
        UploadRefusal::TooLarge(_) => return too_large(),
        UploadRefusal::Type(_) | UploadRefusal::UnknownType | UploadRefusal::NoSpace(_) => {
            (Status::BAD_REQUEST, StatusCode::InvalidParameters)
        }
        UploadRefusal::NotActive => (Status::BAD_REQUEST, StatusCode::RoomNotActive),
        UploadRefusal::Denied(_)
        | UploadRefusal::Identifier
        | UploadRefusal::Fields
        | UploadRefusal::TooMany
        | UploadRefusal::NoChunks(_)
        | UploadRefusal::Chunk
        | UploadRefusal::Combine
        | UploadRefusal::Failed => (Status::INTERNAL_SERVER_ERROR, StatusCode::InternalServerError),
    };
    answers::refused_map(status, code, refusal)
}
