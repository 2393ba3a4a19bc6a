//! The token of the LTI landing page: who was launched into which room (http-api.md section 6.1).

use serde::{Deserialize, Serialize};

use super::jws::{self, Times, Unverified};
use super::{ApiKey, TokenError};
use crate::lti::{Launch, LtiParameters};

/// How long somebody may stay on the page, in seconds.
pub const LTI_VALIDITY: i64 = 2 * 3600;
/// Keeps join tokens, which the same secret signs, out of the LTI API.
const AUDIENCE: &str = "lti";

/// Makes the token of a launch, valid from `now` for [`LTI_VALIDITY`].
pub fn mint_lti(key: &ApiKey, launch: &Launch, now: i64) -> String {
    let out = Outgoing {
        aud: AUDIENCE,
        exp: now.saturating_add(LTI_VALIDITY),
        is_admin: launch.is_admin,
        iss: key.id(),
        lti_custom_parameters: &launch.parameters,
        name: &launch.name,
        nbf: now,
        room_id: &launch.room_id,
        room_title: &launch.room_title,
        sub: &launch.user_id,
        user_id: &launch.user_id,
    };
    jws::sign(key.secret(), &out)
}

/// Reads an LTI token at `now`.
///
/// # Errors
/// [`TokenError::Expired`] for a good token that is too old, [`TokenError::Invalid`] for everything else.
pub fn verify_lti(key: &ApiKey, token: &str, now: i64) -> Result<Launch, TokenError> {
    let claims = Unverified::<Incoming>::parse(token)?.verify(key.secret())?;
    if claims.iss != key.id() || claims.aud != AUDIENCE || claims.sub != claims.user_id {
        return Err(TokenError::Invalid);
    }
    claims.times.check(now, 0)?;
    Ok(Launch {
        user_id: claims.user_id,
        name: claims.name,
        is_admin: claims.is_admin,
        room_id: claims.room_id,
        room_title: claims.room_title,
        parameters: claims.lti_custom_parameters,
    })
}

#[derive(Serialize)]
struct Outgoing<'a> {
    aud: &'a str,
    exp: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_admin: bool,
    iss: &'a str,
    lti_custom_parameters: &'a LtiParameters,
    name: &'a str,
    nbf: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    room_id: &'a str,
    room_title: &'a str,
    sub: &'a str,
    user_id: &'a str,
}

#[derive(Deserialize)]
struct Incoming {
    iss: String,
    sub: String,
    aud: String,
    #[serde(flatten)]
    times: Times,
    #[serde(default)]
    name: String,
    user_id: String,
    #[serde(default)]
    room_id: String,
    #[serde(default)]
    room_title: String,
    #[serde(default)]
    is_admin: bool,
    #[serde(default)]
    lti_custom_parameters: LtiParameters,
}
