//! Signing and checking the three parts of a compact JWT.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::Mac;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{LEEWAY, TokenError};
use crate::signature::keyed;

/// Longest token that is looked at, in bytes. Tokens travel in URLs and WebSocket handshakes.
const MAX_LENGTH: usize = 32 * 1024;

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood (RFC 7515 section 4.1.11). We understand none.
    crit: Option<serde::de::IgnoredAny>,
}

/// Signs `claims` in the order they are declared.
pub(super) fn sign(secret: &str, claims: &impl Serialize) -> String {
    let mut token = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    token.push('.');
    let claims = serde_json::to_vec(claims).expect("claims hold nothing that JSON cannot");
    BASE64_URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = keyed(secret, token.as_bytes()).finalize().into_bytes();
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

/// A token whose parts could be read and whose signature is not checked yet.
pub(super) struct Unverified<'a, C> {
    signed: &'a str,
    signature: Vec<u8>,
    claims: C,
}

impl<'a, C: DeserializeOwned> Unverified<'a, C> {
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > MAX_LENGTH {
            return Err(TokenError::Invalid);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Invalid)?;
        let header: Header = part(header)?;
        if header.alg != "HS256" || header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Invalid)?;
        Ok(Self { signed, signature, claims: part(claims)? })
    }

    /// What the token says, to find the key with. Nothing of it is proven.
    pub(super) fn claims(&self) -> &C {
        &self.claims
    }

    /// The claims, if `secret` signed them.
    pub(super) fn verify(self, secret: &str) -> Result<C, TokenError> {
        keyed(secret, self.signed.as_bytes()).verify_slice(&self.signature).map_err(|_| TokenError::Invalid)?;
        Ok(self.claims)
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, TokenError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Invalid)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Invalid)
}

/// The three times of a token, in unix seconds; other issuers may write fractions.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Times {
    pub(super) exp: Option<f64>,
    pub(super) nbf: Option<f64>,
    pub(super) iat: Option<f64>,
}

impl Times {
    /// Checks them against `now`. `exp` must be there; `grace` seconds are added after it, not before `nbf`.
    #[expect(clippy::cast_precision_loss, reason = "unix seconds are far below 2^53")]
    pub(super) fn check(self, now: i64, grace: i64) -> Result<(), TokenError> {
        let soon = now.saturating_add(LEEWAY) as f64;
        if self.nbf.is_some_and(|nbf| nbf > soon) || self.iat.is_some_and(|iat| iat > soon) {
            return Err(TokenError::Invalid);
        }
        let exp = self.exp.ok_or(TokenError::Invalid)?;
        let late = now.saturating_sub(LEEWAY).saturating_sub(grace.max(0)) as f64;
        if exp < late { Err(TokenError::Expired) } else { Ok(()) }
    }

    /// When the token was made: `nbf`, else `iat`, else 0.
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and a token that far off is refused")]
    pub(super) fn issued(self) -> i64 {
        self.nbf.or(self.iat).unwrap_or_default() as i64
    }

    /// When the token ends, or 0.
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    pub(super) fn expires(self) -> i64 {
        self.exp.unwrap_or_default() as i64
    }
}
