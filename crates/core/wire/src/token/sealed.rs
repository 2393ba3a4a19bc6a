//! Small things this server hands out and wants back unchanged: the state of a login, the permission to make a link.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::jws::{self, Times, Unverified};
use super::{ApiKey, TokenError};

/// Seals `content` for `purpose`, valid from `now` for `validity` seconds. It can be read by whoever carries it.
pub fn seal<T: Serialize>(key: &ApiKey, purpose: &str, content: &T, now: i64, validity: i64) -> String {
    let out = Outgoing { aud: purpose, content, exp: now.saturating_add(validity), iss: key.id(), nbf: now };
    jws::sign(key.secret(), &out)
}

/// What was sealed for `purpose`, at `now`.
///
/// # Errors
/// [`TokenError::Expired`] for a good seal that is too old, [`TokenError::Invalid`] for everything else.
pub fn unseal<T: DeserializeOwned>(key: &ApiKey, purpose: &str, sealed: &str, now: i64) -> Result<T, TokenError> {
    let claims = Unverified::<Incoming<T>>::parse(sealed)?.verify(key.secret())?;
    if claims.iss != key.id() || claims.aud != purpose {
        return Err(TokenError::Invalid);
    }
    claims.times.check(now, 0)?;
    Ok(claims.content)
}

#[derive(Serialize)]
struct Outgoing<'a, T> {
    aud: &'a str,
    content: &'a T,
    exp: i64,
    iss: &'a str,
    nbf: i64,
}

#[derive(Deserialize)]
struct Incoming<T> {
    aud: String,
    iss: String,
    content: T,
    #[serde(flatten)]
    times: Times,
}
