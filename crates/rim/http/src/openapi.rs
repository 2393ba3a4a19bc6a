//! The description of the API below `/auth`: an OpenAPI 3.1 document at `/openapi.json` and a page for people at
//! `/docs/api`, which is made from it. Both come from the table the router is made from (`operations`) and from the
//! messages themselves (`wire::schema`).

mod document;
mod page;
mod sample;

use std::io::Write;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

pub(crate) use page::escaped;

use crate::client::{sha256, takes_gzip};
use crate::{App, HttpDeps};

#[cfg(test)]
pub(crate) use document::of_a_server;

/// Both, made once per server: the defaults and the address in them are this server's.
pub(crate) struct Described {
    document: File,
    page: File,
}

impl Described {
    pub(crate) fn new(deps: &HttpDeps) -> Self {
        let document = document::build(&document::Server {
            version: &deps.version,
            url: deps.public_url.as_deref(),
            defaults: &deps.rules.defaults,
        });
        let page = page::build(&document);
        Self {
            document: File::new("application/json", document.to_string(), None),
            page: File::new("text/html; charset=utf-8", page.html, Some(&page.policy)),
        }
    }
}

/// A file that never changes while the server runs.
struct File {
    kind: &'static str,
    tag: HeaderValue,
    policy: Option<HeaderValue>,
    plain: Bytes,
    packed: Option<Bytes>,
}

impl File {
    fn new(kind: &'static str, content: String, policy: Option<&str>) -> Self {
        let hash: String = sha256(content.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let tag = HeaderValue::try_from(format!("W/\"{hash}\"")).expect("hex digits are a header");
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        let packed = packer.write_all(content.as_bytes()).and_then(|()| packer.finish()).ok().map(Bytes::from);
        let policy = policy.map(|policy| HeaderValue::try_from(policy).expect("the policy is plain text"));
        Self { kind, tag, policy, plain: content.into(), packed }
    }

    fn answer(&self, request: &Request) -> Response {
        let asked = request.headers();
        let takes_gzip = asked.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(takes_gzip);
        let mut answer = if asked.get(IF_NONE_MATCH) == Some(&self.tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else if let Some(packed) = self.packed.clone().filter(|_| takes_gzip) {
            ([(CONTENT_TYPE, self.kind), (CONTENT_ENCODING, "gzip")], packed).into_response()
        } else {
            ([(CONTENT_TYPE, self.kind)], self.plain.clone()).into_response()
        };
        let headers = answer.headers_mut();
        headers.insert(ETAG, self.tag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
        if let Some(policy) = &self.policy {
            headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        }
        answer
    }
}

/// `/openapi.json`.
pub(crate) async fn document(State(app): State<App>, request: Request) -> Response {
    app.described().document.answer(&request)
}

/// `/docs/api`.
pub(crate) async fn page(State(app): State<App>, request: Request) -> Response {
    app.described().page.answer(&request)
}
