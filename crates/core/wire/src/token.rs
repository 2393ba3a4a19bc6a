//! The tokens people carry: the join token of the conferencing API, the access token of the media plane, those of downloads
//! and of the LTI page, and the one that goes with a webhook.
//!
//! All are JWTs, `HS256` only. Time is an argument everywhere. The signed text is written here rather than by a JWT
//! library because peers and test vectors fix the order of its keys, and reading is as short as writing.

mod download;
mod join;
mod jws;
mod lti;
mod media;
mod sealed;
mod webhook;

use std::fmt;

use model::Redacted;

pub use download::{mint_download, verify_download};
pub use join::{JoinAccess, JoinClaims, mint_join, verify_join};
pub use lti::{LTI_VALIDITY, mint_lti, verify_lti};
pub use media::{
    MediaAccess, MediaClaims, RoomConfig, SipGrant, VideoGrant, mint_media, playout_delay, verify_media,
    verify_media_api,
};
pub use sealed::{seal, unseal};
pub use webhook::{mint_webhook, verify_webhook};

/// How far clocks may differ, in seconds (http-api.md section 1.2, media-protocol.md section 2).
pub const LEEWAY: i64 = 60;

/// A key id and its secret, as both token kinds and the API signature use them.
#[derive(Clone)]
pub struct ApiKey {
    id: String,
    secret: Redacted<String>,
}

impl ApiKey {
    /// Pairs a key id (`api_key`, the `iss` of tokens) with its secret.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { id: id.into(), secret: Redacted::new(secret.into()) }
    }

    /// The public half.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret half. Never hand it to a log.
    pub fn secret(&self) -> &str {
        self.secret.expose()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("id", &self.id).field("secret", &self.secret).finish()
    }
}

/// Why a token does not open the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was good once.
    #[error("token is expired")]
    Expired,
    /// Malformed, signed by somebody else, not yet valid, or about something else.
    #[error("token is invalid")]
    Invalid,
}

#[cfg(test)]
mod tests;
