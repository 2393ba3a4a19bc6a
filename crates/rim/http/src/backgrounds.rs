//! Pictures that the operator offers people to be seen in front of (`plenum.backgrounds`).
//!
//! They are in memory under names made of their content: what a request asks for is looked up and never a path. Anybody
//! may see them, like the rest of the client.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;

use crate::client::{ASK_AGAIN, FOREVER, sha256};
use crate::{App, answers};

/// A kind of picture that every browser shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// ISO/IEC 10918.
    Jpeg,
    /// RFC 2083.
    Png,
    /// RFC 9649.
    Webp,
}

impl PictureKind {
    /// What these bytes begin like, whatever their name says.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }
}

/// One of the operator's pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What people read below it.
    pub label: String,
    /// What it is.
    pub kind: PictureKind,
    /// The file's content.
    pub bytes: Bytes,
}

/// All of them, in the order people see them.
#[derive(Debug, Clone, Default)]
pub struct Backgrounds {
    /// Names and labels.
    listed: Arc<[(String, String)]>,
    by_name: Arc<BTreeMap<String, Picture>>,
}

impl Backgrounds {
    /// Of two with the same content, the first is offered.
    pub fn new(pictures: Vec<Picture>) -> Self {
        let mut listed = Vec::new();
        let mut by_name = BTreeMap::new();
        for picture in pictures {
            let hash: String = sha256(&picture.bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let name = format!("{hash}.{}", picture.kind.extension());
            if let Entry::Vacant(place) = by_name.entry(name) {
                listed.push((place.key().clone(), picture.label.clone()));
                place.insert(picture);
            }
        }
        Self { listed: listed.into(), by_name: Arc::new(by_name) }
    }
}

/// `GET /backgrounds`: which there are.
pub(crate) async fn list(State(app): State<App>) -> Response {
    let listed = app.deps.backgrounds.listed.iter();
    let pictures: Vec<_> =
        listed.map(|(name, label)| json!({ "label": label, "address": format!("/backgrounds/{name}") })).collect();
    let answer = answers::plain_json(StatusCode::OK, &json!({ "pictures": pictures }));
    ([(CACHE_CONTROL, ASK_AGAIN)], answer).into_response()
}

/// `GET /backgrounds/<name>`: one of them.
pub(crate) async fn picture(State(app): State<App>, Path(name): Path<String>) -> Response {
    let Some(picture) = app.deps.backgrounds.by_name.get(&name) else { return answers::not_found().await };
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, picture.kind.media_type()),
        (CACHE_CONTROL, FOREVER),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    (headers, picture.bytes.clone()).into_response()
}
