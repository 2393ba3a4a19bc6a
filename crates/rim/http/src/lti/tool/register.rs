//! `/lti/v1p3/register`: the operator introduces a platform, by hand or because the platform sent them here (Dynamic
//! Registration 1.0). Whoever does it must know the API secret: a platform decides who teaches.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::{error, info, warn};
use url::Url;
use wire::lti::{Registration, ToolAddresses, dynamic_registration};

use super::super::{address, page};
use super::fetch::FetchError;
use super::platforms::{LtiPlatform, RegistryError, web_address};
use crate::prometheus::same_secret;
use crate::{App, answers, frontdoor};

#[derive(Deserialize)]
struct Introduction {
    #[serde(default)]
    secret: String,
    /// By hand.
    platform: Option<LtiPlatform>,
    /// By the platform itself.
    #[serde(default)]
    openid_configuration: String,
    #[serde(default)]
    registration_token: String,
}

/// How a platform describes itself.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Description {
    issuer: String,
    authorization_endpoint: String,
    jwks_uri: String,
    token_endpoint: String,
    registration_endpoint: String,
}

/// Why nothing was registered.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Secret,
    Platform(String),
    Unreachable,
    Full,
    Failed,
}

#[derive(Serialize)]
struct Reason {
    error: &'static str,
    msg: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, msg) = match self {
            Self::Secret => (StatusCode::FORBIDDEN, "secret-wrong", "That is not the API secret.".to_owned()),
            Self::Platform(msg) => (StatusCode::BAD_REQUEST, "bad-platform", msg),
            Self::Unreachable => {
                (StatusCode::BAD_GATEWAY, "platform-unreachable", "The platform does not answer as it should.".into())
            }
            Self::Full => (StatusCode::CONFLICT, "too-many-platforms", "There are too many registrations.".into()),
            Self::Failed => {
                (StatusCode::INTERNAL_SERVER_ERROR, "failed", "The registration could not be written down.".into())
            }
        };
        answers::plain_json(status, &Reason { error, msg })
    }
}

/// The page for it.
pub(crate) async fn form(State(app): State<App>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let about = json!({ "page": "register", "origin": address::origin(&app.deps, &parts) });
    page::show(Some(&about), "")
}

pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let (parts, content) = request.into_parts();
    let origin = address::origin(&app.deps, &parts);
    let request = Request::from_parts(parts, content);
    if let Err(shut) = app.doorman.may_start(frontdoor::address(&app, &request)) {
        return shut.into_response();
    }
    let introduction: Introduction = match frontdoor::read(request).await {
        Ok(introduction) => introduction,
        Err(refused) => return refused,
    };
    match register(&app, introduction, origin).await {
        Ok(platform) => answers::plain_json(StatusCode::OK, &json!({ "status": true, "issuer": platform.issuer })),
        Err(refusal) => refusal.into_response(),
    }
}

async fn register(app: &App, introduction: Introduction, origin: String) -> Result<LtiPlatform, Refusal> {
    if !same_secret(introduction.secret.as_bytes(), app.deps.api.secret().as_bytes()) {
        return Err(Refusal::Secret);
    }
    let tool = &app.deps.lti;
    let platform = match introduction.platform {
        Some(platform) => platform,
        None => introduce(app, &introduction.openid_configuration, &introduction.registration_token, origin).await?,
    };
    platform.check(tool.0.setup.allow_private).map_err(|wrong| Refusal::Platform(wrong.to_string()))?;
    tool.register(platform.clone()).await.map_err(|cause| match cause {
        RegistryError::Full => Refusal::Full,
        cause => {
            error!(cause = &cause as &dyn std::error::Error, "an LTI platform could not be registered");
            Refusal::Failed
        }
    })?;
    info!(issuer = %platform.issuer, "an LTI platform is registered");
    Ok(platform)
}

/// Reads how the platform describes itself, and introduces us to it.
async fn introduce(app: &App, description: &str, bearer: &str, origin: String) -> Result<LtiPlatform, Refusal> {
    let fetcher = &app.deps.lti.0.fetcher;
    let allow_private = app.deps.lti.0.setup.allow_private;
    let address = web_address(description, allow_private)
        .ok_or_else(|| Refusal::Platform("openid_configuration must be an https address".to_owned()))?;
    let unreachable = |cause: FetchError| {
        warn!(cause = &cause as &dyn std::error::Error, "an LTI platform cannot be introduced");
        Refusal::Unreachable
    };
    let found: Description = fetcher.get(address.as_str()).await.map_err(unreachable)?;
    // Nobody speaks for another: the platform's name is where its description is (section 3.4).
    let named = web_address(&found.issuer, allow_private);
    if named.as_ref().and_then(Url::host_str).is_none_or(|host| address.host_str() != Some(host)) {
        return Err(Refusal::Platform("the issuer is not where its description is".to_owned()));
    }
    let domain = origin.split_once("://").map_or(origin.as_str(), |(_, host)| host);
    let domain = domain.rsplit_once(':').map_or(domain, |(name, _)| name).to_owned();
    let said = dynamic_registration(&ToolAddresses { origin, domain }, "Plenum");
    let bearer = Some(bearer).filter(|bearer| !bearer.is_empty());
    let answer: Registration = fetcher.post(&found.registration_endpoint, bearer, &said).await.map_err(unreachable)?;
    Ok(LtiPlatform {
        issuer: found.issuer,
        auth_url: found.authorization_endpoint,
        keys_url: found.jwks_uri,
        token_url: found.token_endpoint,
        deployments: answer.deployment_id().map(str::to_owned).into_iter().collect(),
        client_id: answer.client_id,
    })
}
