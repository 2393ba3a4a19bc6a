//! `fileUpload`: a file in pieces, as Resumable.js sends it (http-api.md section 4.7.1). It looks at the status alone.

use std::io;
use std::time::Duration;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Query, Request, State};
use axum::http::{StatusCode as Status, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use meeting::{Access, Chunk, UploadRefusal};
use ports::blobs::Pieces;
use serde::Deserialize;
use wire::pnm::StatusCode;

use crate::{App, answers, bearer};

/// How long the next bytes of a piece may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is said of a piece in the query. The room and the person are those of the token.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Said {
    resumable_identifier: String,
    resumable_filename: String,
    resumable_chunk_number: u32,
    resumable_total_chunks: u32,
    resumable_current_chunk_size: u64,
    resumable_total_size: u64,
}

/// `GET`: whether a piece is here already.
pub(crate) async fn test(State(app): State<App>, request: Request) -> Response {
    let (access, chunk, _) = match admit(&app, request).await {
        Ok(admitted) => admitted,
        Err(answer) => return answer,
    };
    match app.deps.meetings.has_chunk(&access, &chunk).await {
        Ok(true) => {
            let msg = "skipping upload as previously uploaded chunk";
            answers::refused_map(Status::CREATED, StatusCode::InternalServerError, msg)
        }
        Ok(false) => Status::NO_CONTENT.into_response(),
        Err(refusal) => refused(&refusal),
    }
}

/// `POST`: a piece.
pub(crate) async fn upload(State(app): State<App>, request: Request) -> Response {
    match take(&app, request).await {
        Ok(()) => (Status::OK, "part_uploaded").into_response(),
        Err(answer) => answer,
    }
}

async fn take(app: &App, request: Request) -> Result<(), Response> {
    let (access, chunk, request) = admit(app, request).await?;
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| bad(&error.body_text()))?;
    loop {
        let field = form.next_field().await.map_err(|error| unreadable(&error))?;
        let Some(field) = field else { return Err(bad("missing 'file' in form-data")) };
        if field.name() == Some("file") {
            let taken = app.deps.meetings.take_chunk(&access, &chunk, pieces(field)).await;
            return taken.map_err(|refusal| refused(&refusal));
        }
    }
}

async fn admit(app: &App, request: Request) -> Result<(Access, Chunk, Request), Response> {
    let (access, request) = bearer::admit_before_body(app, request).await.map_err(|denied| {
        let mut answer = denied.into_response();
        // To Resumable.js a 401 is worth another try; a bad token is not (http-api.md section 1.3).
        *answer.status_mut() = Status::BAD_REQUEST;
        answer
    })?;
    let chunk = described(request.uri()).map_err(|error| bad(&error))?;
    Ok((access, chunk, request))
}

/// The error says what is wrong with the query.
fn described(uri: &Uri) -> Result<Chunk, String> {
    let Query(said) = Query::<Said>::try_from_uri(uri).map_err(|error| error.body_text())?;
    Ok(Chunk {
        identifier: said.resumable_identifier,
        file_name: said.resumable_filename,
        number: said.resumable_chunk_number,
        total_chunks: said.resumable_total_chunks,
        size: said.resumable_current_chunk_size,
        total_size: said.resumable_total_size,
    })
}

/// The bytes of a field as they come; whoever sends none for too long has broken off.
fn pieces(field: Field<'_>) -> Pieces<'_> {
    stream::unfold(field, async |mut field| {
        let piece = match tokio::time::timeout(PATIENCE, field.chunk()).await {
            Ok(Ok(piece)) => Ok(piece?),
            Ok(Err(error)) => Err(io::Error::other(error)),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        Some((piece, field))
    })
    .boxed()
}

/// A form that breaks off, is none, or is larger than a body may be.
fn unreadable(error: &MultipartError) -> Response {
    if error.status() == Status::PAYLOAD_TOO_LARGE { answers::too_large() } else { bad(&error.body_text()) }
}

fn bad(msg: &str) -> Response {
    answers::refused_map(Status::BAD_REQUEST, StatusCode::InvalidParameters, msg)
}

fn refused(refusal: &UploadRefusal) -> Response {
    let (status, code) = match refusal {
        UploadRefusal::NotActive => (Status::BAD_REQUEST, StatusCode::RoomNotActive),
        UploadRefusal::Denied(_) => (Status::FORBIDDEN, StatusCode::PermissionDenied),
        UploadRefusal::Identifier
        | UploadRefusal::Fields
        | UploadRefusal::TooLarge(_)
        | UploadRefusal::NoSpace(_)
        | UploadRefusal::TooMany
        | UploadRefusal::NoChunks(_) => (Status::BAD_REQUEST, StatusCode::InvalidParameters),
        UploadRefusal::Type(_) | UploadRefusal::UnknownType => {
            (Status::UNSUPPORTED_MEDIA_TYPE, StatusCode::InvalidParameters)
        }
        UploadRefusal::Chunk | UploadRefusal::Combine | UploadRefusal::Failed => {
            (Status::SERVICE_UNAVAILABLE, StatusCode::InternalServerError)
        }
    };
    answers::refused_map(status, code, refusal)
}
