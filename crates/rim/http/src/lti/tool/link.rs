//! Deep linking: a teacher chooses which room a new link on the platform leads to (Deep Linking 2.0).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::error;
use wire::lti::{DeepLinking, Expected, LinkChoice, deep_linking_response};
use wire::token::{seal, unseal};

use super::super::{address, api, page};
use super::platforms::{LtiPlatform, web_address};
use crate::body::Unread;
use crate::{App, answers, body};

/// What a teacher was asked to choose for.
#[derive(Debug, Serialize, Deserialize)]
struct Errand {
    issuer: String,
    client_id: String,
    request: DeepLinking,
}

#[derive(Deserialize)]
struct Choice {
    token: String,
    #[serde(default)]
    title: String,
    room: Room,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Room {
    Course,
    New,
}

const PURPOSE: &str = "lti-link";
/// How long a teacher may think, in seconds.
const VALIDITY: i64 = 3600;
/// Largest request: the token carries what the platform wants back.
const MAX_REQUEST: usize = 64 * 1024;

/// The page to choose on; `None` if the platform's address to return to is none.
pub(super) fn page(app: &App, platform: &LtiPlatform, request: DeepLinking) -> Option<Response> {
    let back = web_address(&request.return_url, app.deps.lti.0.setup.allow_private)?;
    let course = request.course.clone();
    let errand = Errand { issuer: platform.issuer.clone(), client_id: platform.client_id.clone(), request };
    let token = seal(&app.deps.api, PURPOSE, &errand, (app.deps.clock)(), VALIDITY);
    let about = json!({ "page": "link", "token": token, "course": course });
    Some(page::show(Some(&about), &back.origin().ascii_serialization()))
}

/// `/lti/v1p3/link`: the choice, answered with what the browser has to carry back to the platform.
pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let (parts, content) = request.into_parts();
    let content = match body::read(content, MAX_REQUEST, |_| {}).await {
        Ok(content) => content,
        Err(unread) => return Unread::into_response(unread),
    };
    let choice: Choice = match serde_json::from_slice(&content) {
        Ok(choice) => choice,
        Err(error) => return api::answer(StatusCode::BAD_REQUEST, false, &error.to_string()),
    };
    let now = (app.deps.clock)();
    let Ok(errand) = unseal::<Errand>(&app.deps.api, PURPOSE, &choice.token, now) else {
        return api::Denied::BadToken.into_response();
    };
    let launch_url = format!("{}/lti/v1p3/launch", address::origin(&app.deps, &parts));
    let room = match choice.room {
        Room::Course => LinkChoice::Course,
        Room::New => LinkChoice::New(random()),
    };
    let nonce = random();
    let expected =
        Expected { issuer: &errand.issuer, client_id: &errand.client_id, deployments: &[], nonce: &nonce, now };
    let claims = deep_linking_response(&errand.request, expected, &room, &choice.title, &launch_url);
    match app.deps.lti.key().await.and_then(|key| key.sign(&claims)) {
        Ok(jwt) => {
            let answer =
                json!({ "status": true, "msg": "success", "return_url": errand.request.return_url, "jwt": jwt });
            answers::map(StatusCode::OK, &answer)
        }
        Err(cause) => {
            error!(%cause, "the key for LTI cannot be used");
            api::answer(StatusCode::INTERNAL_SERVER_ERROR, false, "internal error")
        }
    }
}

fn random() -> String {
    let mut random = [0; 16];
    rand::rng().fill_bytes(&mut random);
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}
