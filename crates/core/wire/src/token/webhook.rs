//! The token of a webhook: says that we sent it and that its body is whole (http-api.md sections 5.1 and 5.2).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::jws::{self, Times, Unverified};
use super::{ApiKey, TokenError};

/// How long a webhook's token is good, in seconds.
const VALIDITY: i64 = 300;

/// Makes the token for a body sent at `now`.
pub fn mint_webhook(key: &ApiKey, body: &[u8], now: i64) -> String {
    let claims = Outgoing { iss: key.id(), exp: now.saturating_add(VALIDITY), nbf: now, iat: now, sha256: &hash(body) };
    jws::sign(key.secret(), &claims)
}

/// Checks the token that came with a body at `now`.
///
/// # Errors
/// [`TokenError::Expired`] for a good token that is too old, [`TokenError::Invalid`] for everything else.
pub fn verify_webhook(key: &ApiKey, token: &str, body: &[u8], now: i64) -> Result<(), TokenError> {
    let claims = Unverified::<Incoming>::parse(token)?.verify(key.secret())?;
    if claims.iss != key.id() || claims.sha256 != hash(body) {
        return Err(TokenError::Invalid);
    }
    claims.times.check(now, 0)
}

fn hash(body: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(body))
}

#[derive(Serialize)]
struct Outgoing<'a> {
    iss: &'a str,
    exp: i64,
    nbf: i64,
    iat: i64,
    sha256: &'a str,
}

#[derive(Deserialize)]
struct Incoming {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sha256: String,
    #[serde(flatten)]
    times: Times,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"event":"room_created","room":{"sid":"0b8d9b3a-2f51-4f63-9a5e-0c2b7f6f9d11","room_id":"room01","empty_timeout":1800,"creation_time":"1700000000","metadata":"{}"},"id":"3f1c7b0e-6f0b-4b39-9b5c-7a1d2f3e4c55","created_at":"1700000000"}"#;

    #[test]
    fn outgoing_webhooks_are_signed_as_the_reference_signs_them() {
        let key = ApiKey::new("plugnmeet", "zumyyYWqv7KR2kUqvYdq4z4sXg7XTBD2ljT6");

        let token = mint_webhook(&key, BODY.as_bytes(), 1_700_000_000);

        assert_eq!(
            token,
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJwbHVnbm1lZXQiLCJleHAiOjE3MDAwMDAzMDAsIm5iZiI6MTcwMDAwMDAwMCwiaWF0IjoxNzAwMDAwMDAwLCJzaGEyNTYiOiJZdzlVUmgxMlNseEh6eGQwNkg0VGFWc05VWnBIMDF1b1pQeVJFRHRzcDFZPSJ9.AsMAFv4MTwtV1AHU_siCJYLLJA8vlIzHDkdsMm8oBYU"
        );
        assert_eq!(verify_webhook(&key, &token, BODY.as_bytes(), 1_700_000_000), Ok(()));
    }

    #[test]
    fn incoming_webhooks_are_checked_with_their_body() {
        let key = ApiKey::new("APIiYAA5w37Cfo2", "6aNur7qqupeZhFYNOJVUyeXxXhVw8f4lm13pEDUx8SgB");
        let body =
            br#"{"event":"room_started","room":{"sid":"RM_x","name":"room01"},"id":"EV_1","createdAt":"1700000000"}"#;
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJBUElpWUFBNXczN0NmbzIiLCJleHAiOjE3MDAwMDAzMDAsIm5iZiI6MTcwMDAwMDAwMCwiaWF0IjoxNzAwMDAwMDAwLCJzaGEyNTYiOiJYL2NqYzlPbWx1MFVXNU5hcjQ2TzdtUnlEYkxIdVRqaXFKUkVkMWxUNXRBPSJ9.HeJ9B7d89ypugRbKqSv0nIsx4BWrZFqGtSbYl5V1Pk4";

        assert_eq!(verify_webhook(&key, token, body, 1_700_000_000), Ok(()));
        assert_eq!(verify_webhook(&key, token, body, 1_700_000_360), Ok(()), "leeway");
        assert_eq!(verify_webhook(&key, token, body, 1_700_000_361), Err(TokenError::Expired));
        assert_eq!(verify_webhook(&key, token, b"{}", 1_700_000_000), Err(TokenError::Invalid));
        let other = ApiKey::new("APIiYAA5w37Cfo2", "another");
        assert_eq!(verify_webhook(&other, token, body, 1_700_000_000), Err(TokenError::Invalid));
    }
}
