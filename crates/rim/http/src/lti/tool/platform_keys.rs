//! Public keys of platforms, and what they signed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use tracing::warn;

use super::fetch::Fetcher;

/// How long keys are used without asking again, in seconds.
const FRESH: i64 = 3600;
/// How long a platform is left alone after it was asked, in seconds, whatever it said: anybody can name an unknown key.
const PAUSE: i64 = 60;
/// Most keys of a platform that are looked at.
const MOST: usize = 64;
/// Longest token that is looked at.
const MAX_TOKEN: usize = 128 * 1024;

/// Why a token is not the platform's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// The keys cannot be loaded.
    NoKeys,
    /// Another key, another algorithm, or not a token.
    Signature,
}

/// What is known of each platform, by the address of its keys. There are as many as registrations.
#[derive(Default)]
pub(super) struct PlatformKeys(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Known>>>>);

#[derive(Default)]
struct Known {
    keys: Vec<Jwk>,
    loaded_at: Option<i64>,
    asked_at: Option<i64>,
}

#[derive(Clone, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    n: String,
    e: String,
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood. We understand none.
    crit: Option<IgnoredAny>,
}

impl PlatformKeys {
    /// The claims of a token, if one of the keys at `address` signed it.
    pub(super) async fn claims<T: DeserializeOwned>(
        &self,
        fetcher: &Fetcher,
        address: &str,
        token: &str,
        now: i64,
    ) -> Result<T, Unsigned> {
        let token = Token::parse(token).ok_or(Unsigned::Signature)?;
        let known = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(address.to_owned()).or_default().clone()
        };
        let mut known = known.lock().await;
        let is_fresh = known.loaded_at.is_some_and(|at| now - at < FRESH) && known.find(&token).is_some();
        if !is_fresh && known.asked_at.is_none_or(|at| now - at >= PAUSE) {
            known.asked_at = Some(now);
            match fetcher.get::<JwkSet>(address).await {
                Ok(set) => {
                    known.keys = set.keys.into_iter().filter(Jwk::is_usable).take(MOST).collect();
                    known.loaded_at = Some(now);
                }
                Err(cause) => {
                    warn!(address, cause = &cause as &dyn std::error::Error, "an LTI platform does not show its keys")
                }
            }
        }
        if known.keys.is_empty() {
            return Err(Unsigned::NoKeys);
        }
        let key = known.find(&token).ok_or(Unsigned::Signature)?;
        if !key.signed(&token) {
            return Err(Unsigned::Signature);
        }
        serde_json::from_slice(&token.claims).map_err(|_| Unsigned::Signature)
    }
}

impl Known {
    /// The key of that name; without a name, the only one.
    fn find(&self, token: &Token<'_>) -> Option<&Jwk> {
        match &token.kid {
            Some(kid) => self.keys.iter().find(|key| key.kid.as_ref() == Some(kid)),
            None => Some(&self.keys).filter(|keys| keys.len() == 1).and_then(|keys| keys.first()),
        }
    }
}

impl Jwk {
    fn is_usable(&self) -> bool {
        self.kty == "RSA"
            && self.alg.as_deref().is_none_or(|alg| alg == "RS256")
            && self.used_for.as_deref().is_none_or(|used_for| used_for == "sig")
    }

    fn signed(&self, token: &Token<'_>) -> bool {
        let number = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let (Some(n), Some(e)) = (number(&self.n), number(&self.e)) else { return false };
        let key = RsaPublicKeyComponents { n, e };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, token.signed.as_bytes(), &token.signature).is_ok()
    }
}

struct Token<'t> {
    signed: &'t str,
    kid: Option<String>,
    claims: Vec<u8>,
    signature: Vec<u8>,
}

impl<'t> Token<'t> {
    /// RS256 only: the algorithm is ours to choose, not the token's.
    fn parse(token: &'t str) -> Option<Self> {
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let (signed, signature) = (token.len() <= MAX_TOKEN).then(|| token.rsplit_once('.')).flatten()?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        let is_ours = header.alg == "RS256" && header.crit.is_none();
        Some(Self { signed, kid: header.kid, claims: decode(claims)?, signature: decode(signature)? })
            .filter(|_| is_ours)
    }
}
