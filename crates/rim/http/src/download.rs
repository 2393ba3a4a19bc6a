//! `/download/*`: files behind a token in the path (http-api.md section 3.7), whole or in ranges (RFC 9110 section 14).
//! A file is always an attachment whose content no browser looks into.

use std::ops::RangeInclusive;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use futures_util::stream;
use meeting::{OpenFile, OpenRefusal};
use ports::blobs::{Area, KeyError, Reader};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tracing::error;
use wire::token::TokenError;

use crate::{App, poll_table};

/// What is handed out under another name than its file's, and is known to be something.
pub(crate) struct Known<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
}

/// How much of a file tells what it is.
const HEAD: u64 = 4096;
/// What nobody knows, and what nobody should look into.
const OCTETS: &str = "application/octet-stream";
/// How much is read at once.
const PIECE: usize = 64 * 1024;

pub(crate) async fn recording(
    State(app): State<App>,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    serve(&app, Area::Recordings, &token, &method, &headers).await
}

/// What of a file is wanted.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    part: String,
}

/// Also `/download/analytics/<token>`. With `?part=polls.csv` the results of the polls in it, as a table.
pub(crate) async fn artifact(
    State(app): State<App>,
    Path(token): Path<String>,
    Query(wanted): Query<Wanted>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if wanted.part != poll_table::PART {
        return serve(&app, Area::Artifacts, &token, &method, &headers).await;
    }
    let table = match app.deps.shelf.open(Area::Artifacts, &token).await {
        Ok(file) => poll_table::of_file(&app, &file, &method).await,
        Err(refusal) => Err(refusal),
    };
    match table {
        Ok(Some(table)) => table,
        Ok(None) => (StatusCode::NOT_FOUND, "no polls in this file").into_response(),
        Err(refusal) => refused(Area::Artifacts, &refusal),
    }
}

async fn serve(app: &App, area: Area, token: &str, method: &Method, headers: &HeaderMap) -> Response {
    let file = match app.deps.shelf.open(area, token).await {
        Ok(file) => file,
        Err(refusal) => return refused(area, &refusal),
    };
    hand_out(app, &file, None, method, headers).await
}

/// Sends a file, or the part of it that is asked for.
pub(crate) async fn hand_out(
    app: &App,
    file: &OpenFile,
    known: Option<Known<'_>>,
    method: &Method,
    headers: &HeaderMap,
) -> Response {
    let range = match asked(headers, file.length) {
        Asked::Whole => None,
        Asked::Part(range) => Some(range),
        Asked::Impossible => {
            let length = [(CONTENT_RANGE, format!("bytes */{}", file.length))];
            return (StatusCode::RANGE_NOT_SATISFIABLE, length).into_response();
        }
    };
    match content(app, file, known, range, method).await {
        Ok(answer) => answer,
        Err(refusal) => refused(file.area, &refusal),
    }
}

async fn content(
    app: &App,
    file: &OpenFile,
    known: Option<Known<'_>>,
    range: Option<RangeInclusive<u64>>,
    method: &Method,
) -> Result<Response, OpenRefusal> {
    let shelf = &app.deps.shelf;
    let (name, kind) = match known {
        Some(Known { name, kind }) => (name, HeaderValue::try_from(kind).ok()),
        None => {
            let mut head = Vec::new();
            let mut reader = shelf.read(file, 0, HEAD).await?.ok_or(OpenRefusal::NotFound)?;
            reader.read_to_end(&mut head).await.map_err(|_| OpenRefusal::NotFound)?;
            let name = file.key.file_name();
            (name, Some(HeaderValue::from_static(kind(name, &head))))
        }
    };

    let (start, length) =
        range.as_ref().map_or((0, file.length), |range| (*range.start(), range.end() - range.start() + 1));
    let body = if *method == Method::HEAD {
        Body::empty()
    } else {
        streamed(shelf.read(file, start, length).await?.ok_or(OpenRefusal::NotFound)?)
    };
    let mut answer = body.into_response();
    let out = answer.headers_mut();
    out.insert(CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static(OCTETS)));
    out.insert(CONTENT_DISPOSITION, attachment(name));
    out.insert(CONTENT_LENGTH, HeaderValue::from(length));
    out.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    if let Some(range) = range {
        let text = format!("bytes {}-{}/{}", range.start(), range.end(), file.length);
        if let Ok(text) = HeaderValue::try_from(text) {
            out.insert(CONTENT_RANGE, text);
        }
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(answer)
}

fn streamed(reader: Reader) -> Body {
    Body::from_stream(stream::try_unfold(reader, async |mut reader| {
        let mut piece = BytesMut::with_capacity(PIECE);
        let length = reader.read_buf(&mut piece).await?;
        Ok::<_, std::io::Error>((length > 0).then(|| (piece.freeze(), reader)))
    }))
}

/// What of the file is wanted.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(RangeInclusive<u64>),
    Impossible,
}

/// One range of bytes. Several at once, other units and nonsense get the whole file, as the RFC allows.
fn asked(headers: &HeaderMap, length: u64) -> Asked {
    let Some(range) = headers.get(RANGE).and_then(|range| range.to_str().ok()) else { return Asked::Whole };
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
        return Asked::Whole;
    };
    let end = length.saturating_sub(1);
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..=last.min(end),
        (Ok(first), Err(_)) if last.is_empty() => first..=end,
        (Err(_), Ok(suffix)) if first.is_empty() => {
            if suffix == 0 {
                return Asked::Impossible;
            }
            length.saturating_sub(suffix)..=end
        }
        _ => return Asked::Whole,
    };
    if *range.start() >= length { Asked::Impossible } else { Asked::Part(range) }
}

/// By its first bytes, else by its name; never as anything a browser would run.
fn kind(name: &str, head: &[u8]) -> &'static str {
    if let Some(kind) = infer::get(head) {
        return if kind.matcher_type() == infer::MatcherType::Text { OCTETS } else { kind.mime_type() };
    }
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        Some("vtt") => "text/vtt",
        _ => OCTETS,
    }
}

/// The bare name where that is possible, else quoted, with the true name beside it (RFC 6266).
pub(crate) fn attachment(name: &str) -> HeaderValue {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let text = if name.bytes().all(is_token) {
        format!("attachment; filename={name}")
    } else {
        let plain: String = name.chars().map(|c| if c.is_ascii() && is_token(c as u8) { c } else { '_' }).collect();
        let encoded: String = name
            .bytes()
            .map(|byte| if is_token(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect();
        format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
    };
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

fn refused(area: Area, refusal: &OpenRefusal) -> Response {
    let (status, text) = match refusal {
        OpenRefusal::Token(TokenError::Expired) => (StatusCode::UNAUTHORIZED, "token expired"),
        OpenRefusal::Token(TokenError::Invalid) => (StatusCode::UNAUTHORIZED, "token is invalid"),
        OpenRefusal::Path(KeyError::Empty) if area == Area::Recordings => {
            (StatusCode::BAD_REQUEST, "invalid file path")
        }
        OpenRefusal::Path(KeyError::Empty) => (StatusCode::BAD_REQUEST, "invalid file path in token"),
        OpenRefusal::Path(KeyError::Parent) => (StatusCode::BAD_REQUEST, "invalid file path: contains '..'"),
        OpenRefusal::Path(KeyError::NotPlain) => {
            (StatusCode::BAD_REQUEST, "invalid file path: path is outside the allowed directory")
        }
        OpenRefusal::NotFound => (StatusCode::NOT_FOUND, "file not found"),
        OpenRefusal::Failed(cause) => {
            error!(%cause, "a file could not be handed out");
            (StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        }
    };
    (status, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_understood() {
        let asked = |range: &str| {
            let headers = [(RANGE, range.parse().unwrap())].into_iter().collect();
            asked(&headers, 10)
        };
        assert_eq!(asked("bytes=0-3"), Asked::Part(0..=3));
        assert_eq!(asked("bytes=3-"), Asked::Part(3..=9));
        assert_eq!(asked("bytes=8-100"), Asked::Part(8..=9));
        assert_eq!(asked("bytes=-4"), Asked::Part(6..=9));
        assert_eq!(asked("bytes=-40"), Asked::Part(0..=9));
        for impossible in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
            assert_eq!(asked(impossible), Asked::Impossible, "{impossible}");
        }
        for nonsense in ["bytes=4-2", "bytes=0-1,4-5", "lines=1-2", "bytes=a-b", "bytes=-", "bytes"] {
            assert_eq!(asked(nonsense), Asked::Whole, "{nonsense}");
        }
        assert_eq!(super::asked(&HeaderMap::new(), 10), Asked::Whole);
    }

    #[test]
    fn a_name_is_never_more_than_a_name() {
        assert_eq!(attachment("rec_1.mp4"), "attachment; filename=rec_1.mp4");
        assert_eq!(
            attachment("a\"; x=ü.mp4"),
            "attachment; filename=\"a___x__.mp4\"; filename*=UTF-8''a%22%3B%20x%3D%C3%BC.mp4"
        );
    }

    #[test]
    fn a_kind_is_what_the_content_says_and_never_a_page() {
        assert_eq!(kind("x.html", b"<html><script>"), OCTETS);
        assert_eq!(kind("x.json", b"{}"), "application/json");
        assert_eq!(kind("x.html", b"hello"), OCTETS);
        assert_eq!(kind("x", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00"), "video/mp4");
    }
}
