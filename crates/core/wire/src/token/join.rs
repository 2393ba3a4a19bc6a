//! The join token: who somebody is in which room (http-api.md section 1.2).

use serde::{Deserialize, Serialize};

use super::jws::{self, Times, Unverified};
use super::{ApiKey, TokenError};

/// What a join token says. Zero values are left out of the token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JoinClaims {
    /// Display name; recorder bots have none.
    pub name: String,
    /// User id.
    pub user_id: String,
    /// Room id.
    pub room_id: String,
    /// Moderator.
    pub is_admin: bool,
    /// Not listed, cannot publish or write.
    pub is_hidden: bool,
    /// `ClientType`: 0 web, 1 hybrid web.
    pub client_type: i32,
    /// Ours: which generation of the person's tokens this is, so that a newer one can retire it. Absent in tokens that
    /// others made.
    pub generation: Option<String>,
    /// Ours: the session the token was made for. Absent in tokens that others made.
    pub room_sid: Option<String>,
}

/// A verified join token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinAccess {
    /// What it says. `user_id` is the token's `sub`.
    pub claims: JoinClaims,
    /// Unix seconds it was issued at.
    pub issued_at: i64,
    /// Unix seconds it ends at, leeway not included.
    pub expires_at: i64,
}

/// Makes a join token valid from `now` for `validity` seconds.
pub fn mint_join(key: &ApiKey, claims: &JoinClaims, now: i64, validity: i64) -> String {
    let out = Outgoing {
        client_type: claims.client_type,
        exp: now.saturating_add(validity),
        is_admin: claims.is_admin,
        is_hidden: claims.is_hidden,
        iss: key.id(),
        name: &claims.name,
        nbf: now,
        pnm_gen: claims.generation.as_deref(),
        room_id: &claims.room_id,
        room_sid: claims.room_sid.as_deref(),
        sub: &claims.user_id,
        user_id: &claims.user_id,
    };
    jws::sign(key.secret(), &out)
}

/// Reads a join token at `now`. `grace` seconds are allowed after its end: 0 at the door, three hours for a renewal.
///
/// # Errors
/// [`TokenError::Expired`] for a good token that is too old, [`TokenError::Invalid`] for everything else.
pub fn verify_join(key: &ApiKey, token: &str, now: i64, grace: i64) -> Result<JoinAccess, TokenError> {
    let claims = Unverified::<Incoming>::parse(token)?.verify(key.secret())?;
    if claims.iss != key.id() || (!claims.user_id.is_empty() && claims.user_id != claims.sub) {
        return Err(TokenError::Invalid);
    }
    claims.times.check(now, grace)?;
    Ok(JoinAccess {
        issued_at: claims.times.issued(),
        expires_at: claims.times.expires(),
        claims: JoinClaims {
            name: claims.name,
            user_id: claims.sub,
            room_id: claims.room_id,
            is_admin: claims.is_admin,
            is_hidden: claims.is_hidden,
            client_type: claims.client_type,
            generation: claims.pnm_gen,
            room_sid: claims.room_sid,
        },
    })
}

/// Declared in alphabetical order, because that is how the reference's keys come out.
#[derive(Serialize)]
struct Outgoing<'a> {
    #[serde(skip_serializing_if = "is_zero")]
    client_type: i32,
    exp: i64,
    #[serde(skip_serializing_if = "is_false")]
    is_admin: bool,
    #[serde(skip_serializing_if = "is_false")]
    is_hidden: bool,
    iss: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    nbf: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pnm_gen: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    room_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_sid: Option<&'a str>,
    sub: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_id: &'a str,
}

#[derive(Deserialize)]
struct Incoming {
    iss: String,
    sub: String,
    #[serde(flatten)]
    times: Times,
    #[serde(default)]
    name: String,
    #[serde(default)]
    user_id: String,
    #[serde(default)]
    room_id: String,
    #[serde(default)]
    is_admin: bool,
    #[serde(default)]
    is_hidden: bool,
    #[serde(default)]
    client_type: i32,
    pnm_gen: Option<String>,
    room_sid: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn is_zero(value: &i32) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}
