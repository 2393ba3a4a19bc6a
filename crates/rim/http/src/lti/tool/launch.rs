//! `/lti/v1p3/launch`: the platform's answer. Whoever it vouches for lands on the page.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tracing::debug;
use wire::lti::{Expected, Form, IdToken, Message, MessageError};
use wire::token::unseal;

use super::super::launch::MAX_LAUNCH;
use super::super::page;
use super::link;
use super::login::{Login, PURPOSE};
use super::platform_keys::Unsigned;
use super::platforms::LtiPlatform;
use crate::body::Unread;
use crate::{App, body};

/// Why nobody comes in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("the request has too many parameters")]
    Form,
    #[error("the platform refused: {0}")]
    Platform(String),
    #[error("state and id_token are required")]
    Incomplete,
    #[error("the login is unknown or too old, open the link on the platform again")]
    Login,
    #[error("the login was used already, open the link on the platform again")]
    Used,
    #[error("the platform is not registered")]
    Unregistered,
    #[error("the keys of the platform cannot be loaded")]
    NoKeys,
    #[error("the id_token is not signed by the platform")]
    Signature,
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error("the address to return to is not allowed")]
    ReturnAddress,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Form | Self::Incomplete | Self::Platform(_) | Self::ReturnAddress => StatusCode::BAD_REQUEST,
            Self::Message(MessageError::NotTeacher) => StatusCode::FORBIDDEN,
            Self::Login | Self::Used | Self::Unregistered | Self::Signature | Self::Message(_) => {
                StatusCode::UNAUTHORIZED
            }
            Self::NoKeys => StatusCode::BAD_GATEWAY,
        };
        debug!(reason = %self, "an LTI 1.3 launch is refused");
        (status, self.to_string()).into_response()
    }
}

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let content = match body::read(request.into_body(), MAX_LAUNCH.min(app.deps.max_body), |_| {}).await {
        Ok(content) => content,
        Err(unread) => return Unread::into_response(unread),
    };
    let Some(form) = Form::parse(&content) else { return Refusal::Form.into_response() };
    match accept(&app, &form).await {
        Ok((_, Message::Launch(launch))) => page::room(&app, &launch),
        Ok((platform, Message::DeepLinking(request))) => {
            link::page(&app, &platform, request).unwrap_or_else(|| Refusal::ReturnAddress.into_response())
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn accept(app: &App, form: &Form) -> Result<(LtiPlatform, Message), Refusal> {
    if let Some(error) = form.get("error") {
        let said: String = error.chars().filter(|c| c.is_ascii_graphic()).take(100).collect();
        return Err(Refusal::Platform(said));
    }
    let (Some(state), Some(token)) = (form.get("state"), form.get("id_token")) else {
        return Err(Refusal::Incomplete);
    };
    let now = (app.deps.clock)();
    let login: Login = unseal(&app.deps.api, PURPOSE, &state, now).map_err(|_| Refusal::Login)?;
    let tool = &app.deps.lti;
    let platform = tool.find(&login.issuer, Some(&login.client_id)).ok_or(Refusal::Unregistered)?;
    let id_token: IdToken =
        tool.0.platform_keys.claims(&tool.0.fetcher, &platform.keys_url, &token, now).await.map_err(|unsigned| {
            match unsigned {
                Unsigned::NoKeys => Refusal::NoKeys,
                Unsigned::Signature => Refusal::Signature,
            }
        })?;
    let expected = Expected {
        issuer: &platform.issuer,
        client_id: &platform.client_id,
        deployments: &platform.deployments,
        nonce: &login.nonce,
        now,
    };
    let message = id_token.read(expected)?;
    // Last, so that only what a platform signed takes up memory. Longer than any state lives.
    if !app.lti_seen.is_new("login", &login.nonce, now, now.saturating_add(3600)) {
        return Err(Refusal::Used);
    }
    Ok((platform, message))
}
