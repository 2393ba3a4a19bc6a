//! `/lti/v1p3/login`: a platform announces somebody, and gets them back with a question (OpenID Connect third-party
//! initiated login; Security Framework 1.0 section 5.1.1).

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rand::Rng;
use serde::{Deserialize, Serialize};
use url::Url;
use wire::lti::Form;
use wire::token::seal;

use super::super::{address, launch::MAX_LAUNCH};
use crate::body::Unread;
use crate::{App, body};

/// What a login is remembered by. It travels as `state`, so nothing has to be kept for those who never come back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) nonce: String,
}

pub(super) const PURPOSE: &str = "lti-login";
/// How long somebody may take to sign in at the platform, in seconds.
const VALIDITY: i64 = 600;
/// Longest parameter that is repeated to the platform.
const MAX_HINT: usize = 4096;

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let (parts, content) = request.into_parts();
    let form = if parts.method == Method::POST {
        match body::read(content, MAX_LAUNCH.min(app.deps.max_body), |_| {}).await {
            Ok(content) => Form::parse(&content),
            Err(unread) => return Unread::into_response(unread),
        }
    } else {
        Form::parse(parts.uri.query().unwrap_or_default().as_bytes())
    };
    let origin = address::origin(&app.deps, &parts);
    match form.ok_or("the request has too many parameters").and_then(|form| question(&app, &form, &origin)) {
        Ok(url) => (StatusCode::FOUND, [(LOCATION, url.as_str()), (CACHE_CONTROL, "no-store")]).into_response(),
        Err(reason) => (StatusCode::BAD_REQUEST, reason).into_response(),
    }
}

/// Where the browser goes next. `target_link_uri` must be there but decides nothing: everybody comes in by our one door.
fn question(app: &App, form: &Form, origin: &str) -> Result<Url, &'static str> {
    let (Some(issuer), Some(hint), Some(_)) = (form.get("iss"), form.get("login_hint"), form.get("target_link_uri"))
    else {
        return Err("iss, login_hint and target_link_uri are required");
    };
    let message_hint = form.get("lti_message_hint");
    if hint.len() > MAX_HINT || message_hint.as_ref().is_some_and(|hint| hint.len() > MAX_HINT) {
        return Err("a hint is too long");
    }
    let platform =
        app.deps.lti.find(&issuer, form.get("client_id").as_deref()).ok_or("the platform is not registered")?;
    let mut url = Url::parse(&platform.auth_url).map_err(|_| "the platform is not registered")?;
    let mut random = [0; 16];
    rand::rng().fill_bytes(&mut random);
    let login = Login {
        issuer: platform.issuer,
        client_id: platform.client_id,
        nonce: random.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let state = seal(&app.deps.api, PURPOSE, &login, (app.deps.clock)(), VALIDITY);
    let mut query = url.query_pairs_mut();
    for (name, value) in [
        ("scope", "openid"),
        ("response_type", "id_token"),
        ("response_mode", "form_post"),
        ("prompt", "none"),
        ("client_id", &login.client_id),
        ("redirect_uri", &format!("{origin}/lti/v1p3/launch")),
        ("login_hint", &hint),
        ("state", &state),
        ("nonce", &login.nonce),
    ] {
        query.append_pair(name, value);
    }
    if let Some(message_hint) = message_hint {
        query.append_pair("lti_message_hint", &message_hint);
    }
    drop(query);
    Ok(url)
}
