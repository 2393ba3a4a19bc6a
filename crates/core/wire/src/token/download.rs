//! The download token: one file for a while (http-api.md section 3.7).

use serde::{Deserialize, Serialize};

use super::jws::{self, Times, Unverified};
use super::{ApiKey, TokenError};

/// Makes a token for the file at `path`, relative to the folder its kind of file is kept in, good from `now` for
/// `validity` seconds.
pub fn mint_download(key: &ApiKey, path: &str, now: i64, validity: i64) -> String {
    let out = Outgoing { exp: now.saturating_add(validity), iss: key.id(), nbf: now, sub: path };
    jws::sign(key.secret(), &out)
}

/// The path a token is for. It is as trustworthy as whoever minted the token, and no path of ours until it was checked.
///
/// # Errors
/// [`TokenError::Expired`] for a good token that is too old, [`TokenError::Invalid`] for everything else.
pub fn verify_download(key: &ApiKey, token: &str, now: i64) -> Result<String, TokenError> {
    let claims = Unverified::<Incoming>::parse(token)?.verify(key.secret())?;
    // A join token is signed with the same key and names a person where this one names a file.
    if claims.iss != key.id() || claims.room_id.is_some() {
        return Err(TokenError::Invalid);
    }
    claims.times.check(now, 0)?;
    Ok(claims.sub)
}

#[derive(Serialize)]
struct Outgoing<'a> {
    exp: i64,
    iss: &'a str,
    nbf: i64,
    sub: &'a str,
}

#[derive(Deserialize)]
struct Incoming {
    iss: String,
    #[serde(default)]
    sub: String,
    #[serde(flatten)]
    times: Times,
    room_id: Option<serde::de::IgnoredAny>,
}
