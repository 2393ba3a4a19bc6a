//! `verifyToken`: the browser's first question (http-api.md section 4.1).

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use prost::Message;
use wire::pnm;

use crate::bearer::{Asked, Denied};
use crate::{App, HttpDeps, answers, bearer, origin};

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let asked = match bearer::admit(&app, request).await {
        Ok(asked) => asked,
        // To this question "you may not come in" is an answer, not a broken token.
        Err(Denied::Unwanted { refusal, .. }) => return answers::refused_protobuf(refusal),
        Err(denied) => return denied.into_response(),
    };
    if let Err(error) = pnm::VerifyTokenReq::decode(asked.body.clone()) {
        return answers::refused_protobuf(error);
    }
    let join = match app.deps.meetings.verify_join(&asked.access).await {
        Ok(join) => join,
        Err(refusal) => return answers::refused_protobuf(refusal),
    };
    let messaging = &app.deps.messaging;
    answers::protobuf(&pnm::VerifyTokenRes {
        status: true,
        msg: "token is valid".into(),
        nats_ws_urls: urls(&app.deps, &asked),
        server_version: Some(app.deps.version.clone()),
        room_id: Some(asked.access.room.to_string()),
        user_id: Some(asked.access.user.to_string()),
        room_stream_name: Some(messaging.stream.clone()),
        nats_subjects: Some(messaging.subjects.clone()),
        enabled_self_insert_encryption_key: join.self_inserted_key,
        is_cloud: None,
        client_type: asked.access.client_type,
    })
}

/// Where the browser finds the messaging channel: as configured, else where it found us.
fn urls(deps: &HttpDeps, asked: &Asked) -> Vec<String> {
    if !deps.messaging.urls.is_empty() {
        return deps.messaging.urls.clone();
    }
    vec![format!("{}/nats", origin::web_socket(deps, &asked.headers, asked.peer))]
}
