//! What somebody in front of the door asks to see how their network does: the ways media may take, and octets to and fro
//! (docs/api.md, "In-meeting extensions"). None of it is of the meeting.

use std::sync::LazyLock;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{RequestExt, Router};
use bytes::Bytes;
use meeting::{Access, MediaWay};
use serde::Deserialize;
use wire::plenum;

use super::moderated::admit_anyone;
use crate::limits::{self, Door};
use crate::{App, answers, bearer, body};

/// Most octets in one direction.
const MOST: usize = 1024 * 1024;

/// Which octets is nothing to anybody, but no proxy on the way must be able to make them fewer.
static NOISE: LazyLock<Bytes> = LazyLock::new(|| {
    let mut noise = vec![0; MOST];
    rand::fill(&mut noise[..]);
    noise.into()
});

/// Nested below `/api/plenum`.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/connection", post(ways)).route("/connection/octets", post(octets))
}

async fn ways(State(app): State<App>, request: Request) -> Response {
    let (asked, plenum::ConnectionReq {}) = match admit_anyone(&app, request).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    if let Err(refused) = counted(&app, &asked.access, &asked.headers) {
        return refused;
    }
    let ways = app.deps.meetings.media_ways(&asked.access).into_iter().flat_map(told).collect();
    answers::protobuf(&plenum::ConnectionRes { status: true, msg: "success".into(), ways })
}

fn told(MediaWay { server, is_direct }: MediaWay) -> impl Iterator<Item = plenum::MediaWay> {
    let (username, password) = (server.username, server.credential);
    server.urls.into_iter().map(move |url| plenum::MediaWay {
        url,
        username: username.clone(),
        password: password.clone(),
        is_direct,
    })
}

/// How many octets somebody wants to have.
#[derive(Debug, Default, Deserialize)]
struct Wish {
    #[serde(default)]
    give: usize,
}

/// Takes octets that are thrown away, and gives as many as are wanted.
async fn octets(State(app): State<App>, request: Request) -> Response {
    let (access, mut request) = match bearer::admit_before_body(&app, request).await {
        Ok(admitted) => admitted,
        Err(denied) => return denied.into_response(),
    };
    if let Err(refused) = counted(&app, &access, request.headers()) {
        return refused;
    }
    let wish = request.extract_parts::<Query<Wish>>().await.map(|wish| wish.0).unwrap_or_default();
    if let Err(unread) = body::discard(request.into_body(), MOST).await {
        return unread.into_response();
    }
    let mut answer = Response::new(Body::from(NOISE.slice(..wish.give.min(MOST))));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    answer
}

/// Takes one look at the line out of what a person has.
fn counted(app: &App, access: &Access, headers: &HeaderMap) -> Result<(), Response> {
    let who = format!("{}:{}", access.room, access.user);
    app.limits.take_look(who, Instant::now()).map_err(|wait| limits::refused(Door::Api, headers, wait))
}
