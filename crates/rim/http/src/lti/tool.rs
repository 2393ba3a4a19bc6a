//! LTI 1.3: the platform sends somebody to [`login`], we send them back to the platform, and the platform sends them to
//! [`launch`] with a token it signed. Teachers can make links to rooms ([`link`]), operators can introduce platforms
//! ([`register`]).

pub(crate) mod launch;
pub(crate) mod link;
pub(crate) mod login;
pub(crate) mod register;

mod fetch;
mod key;
mod platform_keys;
mod platforms;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use tokio::sync::{Mutex, OnceCell};
use tracing::error;

use ports::outgoing::Outgoing;

use super::api;
use crate::{App, answers};
use fetch::Fetcher;
use key::{KeyError, ToolKey};
use platform_keys::PlatformKeys;

pub use platforms::{LtiPlatform, PlatformError, RegistryError};

/// What LTI 1.3 needs from the operator.
#[derive(Clone)]
pub struct LtiSetup {
    /// Where our key and the registrations are kept: the data folder.
    pub folder: PathBuf,
    /// Platforms of the configuration.
    pub platforms: Vec<LtiPlatform>,
    /// Whether platforms may be inside our own network, without TLS.
    pub allow_private: bool,
    /// Asks platforms for their keys, and for registrations.
    pub outgoing: Arc<dyn Outgoing>,
}

/// This server as a tool of learning platforms. Cheap to clone.
#[derive(Clone)]
pub struct LtiTool(Arc<Inner>);

struct Inner {
    setup: LtiSetup,
    /// Those that were registered while running.
    registered: RwLock<Vec<LtiPlatform>>,
    /// One writer of the file at a time.
    writing: Mutex<()>,
    key: OnceCell<ToolKey>,
    fetcher: Fetcher,
    platform_keys: PlatformKeys,
}

impl LtiTool {
    /// Reads the registrations of the data folder. Our own key is read or made when somebody asks for it.
    ///
    /// # Errors
    /// When the file is there and cannot be used.
    pub fn open(setup: LtiSetup) -> Result<Self, RegistryError> {
        let registered = platforms::load(&setup.folder)?;
        Ok(Self(Arc::new(Inner {
            fetcher: Fetcher { outgoing: setup.outgoing.clone(), allow_private: setup.allow_private },
            setup,
            registered: RwLock::new(registered),
            writing: Mutex::new(()),
            key: OnceCell::new(),
            platform_keys: PlatformKeys::default(),
        })))
    }

    /// The platform of that name; among several of one name the one that knows us by `client_id`.
    fn find(&self, issuer: &str, client_id: Option<&str>) -> Option<LtiPlatform> {
        let registered = self.0.registered.read().unwrap_or_else(PoisonError::into_inner);
        let mut fitting = self.0.setup.platforms.iter().chain(registered.iter()).filter(|platform| {
            platform.issuer == issuer && client_id.is_none_or(|client_id| platform.client_id == client_id)
        });
        let first = fitting.next()?;
        // Without our name there it must be clear which one is meant.
        fitting.all(|other| other.client_id == first.client_id).then(|| first.clone())
    }

    /// Adds a registration, or replaces the one of the same platform and client, and writes it down.
    async fn register(&self, platform: LtiPlatform) -> Result<(), RegistryError> {
        let _turn = self.0.writing.lock().await;
        let mut all = self.0.registered.read().unwrap_or_else(PoisonError::into_inner).clone();
        all.retain(|known| (&known.issuer, &known.client_id) != (&platform.issuer, &platform.client_id));
        all.push(platform);
        let folder = self.0.setup.folder.clone();
        let all = tokio::task::spawn_blocking(move || platforms::save(&folder, &all).map(|()| all))
            .await
            .map_err(|_| RegistryError::Interrupted)??;
        *self.0.registered.write().unwrap_or_else(PoisonError::into_inner) = all;
        Ok(())
    }

    /// Our key, made now if there is none yet.
    async fn key(&self) -> Result<&ToolKey, KeyError> {
        self.0
            .key
            .get_or_try_init(|| async {
                let folder = self.0.setup.folder.clone();
                let opened = tokio::task::spawn_blocking(move || ToolKey::open(&folder)).await;
                opened.unwrap_or(Err(KeyError::Unusable))
            })
            .await
    }
}

/// `/lti/v1p3/jwks`: our public key.
pub(crate) async fn jwks(State(app): State<App>) -> Response {
    match app.deps.lti.key().await {
        Ok(key) => answers::map(StatusCode::OK, &json!({ "keys": [key.jwk()] })),
        Err(cause) => {
            error!(%cause, "the key for LTI cannot be used");
            api::answer(StatusCode::INTERNAL_SERVER_ERROR, false, "internal error")
        }
    }
}
