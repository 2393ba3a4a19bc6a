//! Who may allocate: names that say when they end, and passwords that follow from them.
//!
//! The usual scheme of TURN servers with a shared secret: the name is `<Unix time of the end>:<who>`, the password is the
//! base64 form of its HMAC-SHA1. Whoever has the secret can make such a pair, and the server checks it without a list.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use std::fmt;

/// Longest user name, in bytes (RFC 8489 section 14.3).
pub(crate) const MAX_NAME: usize = 508;

/// A key of the long-term mechanism (RFC 8489 section 9.2.2).
pub(crate) type Key = [u8; 16];

/// A name and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Goes over the wire in the clear.
    pub name: String,
    /// Does not.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("name", &self.name).field("password", &"***").finish()
    }
}

/// What both sides of the scheme share.
#[derive(Clone)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// At least 32 unguessable characters.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// A login for `who` until `ends`, in Unix seconds.
    pub fn login(&self, who: &str, ends: u64) -> Login {
        let name = format!("{ends}:{who}");
        let password = self.password(&name);
        Login { name, password }
    }

    fn password(&self, name: &str) -> String {
        STANDARD.encode(mac(self.0.as_bytes(), &[name.as_bytes()]).finalize().into_bytes())
    }

    /// What signs the messages of that user.
    pub(crate) fn key(&self, name: &str, realm: &str) -> Key {
        let password = self.password(name);
        Md5::new()
            .chain_update(name)
            .chain_update(":")
            .chain_update(realm)
            .chain_update(":")
            .chain_update(password)
            .finalize()
            .into()
    }
}

/// HMAC-SHA1 over the pieces.
pub(crate) fn mac(key: &[u8], pieces: &[&[u8]]) -> Hmac<Sha1> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of every length");
    for piece in pieces {
        mac.update(piece);
    }
    mac
}

/// When a name ends, in Unix seconds, and whose it is. `None` for a name of another form.
pub(crate) fn meaning(name: &str) -> Option<(u64, &str)> {
    let (ends, who) = name.split_once(':').unwrap_or((name, ""));
    // Digits only: `parse` would take a sign.
    let is_number = !ends.is_empty() && ends.bytes().all(|byte| byte.is_ascii_digit());
    Some((ends.parse().ok().filter(|_| is_number)?, who))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_follows_from_the_name() {
        let login = Secret::new("YOUR_COTURN_SHARED_SECRET").login("room01:user01", 1_700_086_400);

        // http-api.md section 14.9.
        assert_eq!(login.name, "1700086400:room01:user01");
        assert_eq!(login.password, "RBW29tvlD7nNjYhUOwVwLuEtdEw=");
        assert!(!format!("{login:?}").contains("RBW"));
    }

    #[test]
    fn a_name_says_when_it_ends_and_whose_it_is() {
        assert_eq!(meaning("17:room:ann"), Some((17, "room:ann")));
        assert_eq!(meaning("17"), Some((17, "")));
        for bad in ["", ":ann", "+17:ann", "17a:ann", "99999999999999999999999:ann"] {
            assert_eq!(meaning(bad), None, "{bad}");
        }
    }
}
