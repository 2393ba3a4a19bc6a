//! The browser client, embedded from `web/dist` in every build, so that what is tested is what is shipped.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::sync::{LazyLock, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::{App, answers};

#[derive(RustEmbed)]
#[folder = "../../../web/dist"]
pub(crate) struct Dist;

/// What the page may load and from where. Who may frame it is the operator's choice and appended; it frames pages that
/// moderators show, which are `https` and loaded by whoever agrees to it.
pub(crate) const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; \
    img-src 'self' data: blob:; media-src 'self' https: blob: mediastream:; style-src 'self' 'unsafe-inline'; \
    worker-src 'self' blob:; frame-src https:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors ";

/// What draws backgrounds runs by itself and needs nothing but what lies beside it, a program for WebAssembly among it.
/// That is why the page itself need not allow any.
const DRAWING: &str = "assets/backgrounds-";
const DRAWING_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/// The build gives files below `assets` names that change with their content.
pub(crate) const FOREVER: &str = "public, max-age=31536000, immutable";
/// Everything else is asked for again, cheaply: by its hash.
pub(crate) const ASK_AGAIN: &str = "no-cache";

/// `/` and `/join/<code>`: the one page there is.
pub(crate) async fn page(State(app): State<App>, request: Request) -> Response {
    let Some(index) = Dist::get("index.html") else {
        let msg = "The browser client is not part of this build.";
        return (StatusCode::SERVICE_UNAVAILABLE, msg).into_response();
    };
    let mut answer = send("index.html", index, request.headers());
    let policy = format!("{POLICY}{}", app.deps.frame_ancestors);
    if let Ok(policy) = HeaderValue::try_from(policy) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// Any other file of the client, or 404: what no route matches ends here.
pub(crate) async fn file(request: Request) -> Response {
    let name = request.uri().path().trim_start_matches('/');
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    match (is_read && is_plain(name)).then(|| Dist::get(name)).flatten() {
        Some(file) => send(name, file, request.headers()),
        None => answers::not_found().await,
    }
}

/// A path without detours, and not a page's: those never go out without their policy.
fn is_plain(name: &str) -> bool {
    !name.ends_with(".html") && name.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

fn send(name: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let tag: String = file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("W/\"{tag}\"");
    let caching = if name.starts_with("assets/") { FOREVER } else { ASK_AGAIN };
    let mut answer = if asked.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        content(&tag, file, asked)
    };
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if name.starts_with(DRAWING) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(DRAWING_POLICY));
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    answer
}

fn content(tag: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let kind = match file.metadata.mimetype() {
        text @ ("text/html" | "text/css" | "text/javascript" | "text/plain") => {
            Cow::from(format!("{text}; charset=utf-8"))
        }
        other => Cow::from(other.to_owned()),
    };
    let kind = [(CONTENT_TYPE, kind.into_owned())];
    let gzip = asked.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(takes_gzip);
    match gzip.then(|| packed(tag, &file)).flatten() {
        Some(packed) => (kind, [(CONTENT_ENCODING, "gzip")], packed).into_response(),
        None => (kind, bytes(file.data)).into_response(),
    }
}

pub(crate) fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == "gzip" && !matches!(weight.trim(), "q=0" | "q=0.0")
    })
}

/// SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }
}

/// The file packed, made once per content; `None` for what does not get smaller. There are as many entries as files.
fn packed(tag: &str, file: &EmbeddedFile) -> Option<Bytes> {
    static PACKED: LazyLock<RwLock<HashMap<String, Option<Bytes>>>> = LazyLock::new(RwLock::default);
    if let Some(packed) = PACKED.read().unwrap_or_else(PoisonError::into_inner).get(tag) {
        return packed.clone();
    }
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let packed = packer.write_all(&file.data).and_then(|()| packer.finish()).ok();
    let packed = packed.filter(|packed| packed.len() < file.data.len() / 10 * 9).map(Bytes::from);
    PACKED.write().unwrap_or_else(PoisonError::into_inner).insert(tag.to_owned(), packed.clone());
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        assert!(takes_gzip("gzip, deflate, br"));
        assert!(takes_gzip("br;q=1, gzip;q=0.5"));
        assert!(!takes_gzip("br"));
        assert!(!takes_gzip("gzip;q=0"));
        assert!(!takes_gzip(""));
    }
}
