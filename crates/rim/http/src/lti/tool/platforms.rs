//! Learning platforms this server is registered with: from the configuration, and from the registration page.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

use super::key::store;

/// The file in the data folder.
const FILE: &str = "lti-platforms.json";
/// Largest file that is read.
const MAX_FILE: u64 = 1024 * 1024;
/// Most registrations that are kept.
const MOST: usize = 200;
/// Longest text of a registration, in bytes.
const MAX_TEXT: usize = 2048;
/// Most deployments of a registration.
const MAX_DEPLOYMENTS: usize = 256;

/// A learning platform, and what we are called there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LtiPlatform {
    /// Its name: `iss` of everything it signs.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Where people are sent to be recognised.
    pub auth_url: String,
    /// Where its public keys are.
    pub keys_url: String,
    /// Where access tokens are given out. Not used yet.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token_url: String,
    /// Where we are installed; empty is everywhere on that platform.
    pub deployments: Vec<String>,
}

/// What is wrong with a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// A text is missing or too long.
    #[error("{0} is missing or too long")]
    Text(&'static str),
    /// Not an address, or not a safe one.
    #[error("{0} must be an https address")]
    Address(&'static str),
    /// Too many deployments, or an empty one.
    #[error("deployments must be a list of ids")]
    Deployments,
}

/// Why registrations cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file refused.
    #[error("could not {attempt} {FILE}")]
    File {
        /// What was attempted.
        attempt: &'static str,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Somebody edited it, and not well.
    #[error("{FILE} is not usable")]
    Content(#[source] serde_json::Error),
    /// There are as many as are kept.
    #[error("there are {MOST} registrations already")]
    Full,
    /// The server is going down.
    #[error("interrupted")]
    Interrupted,
}

impl LtiPlatform {
    /// Checks what somebody typed.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, allow_private: bool) -> Result<(), PlatformError> {
        for (name, text) in [("issuer", &self.issuer), ("client_id", &self.client_id)] {
            if text.is_empty() || text.len() > MAX_TEXT {
                return Err(PlatformError::Text(name));
            }
        }
        for (name, address) in [("auth_url", &self.auth_url), ("keys_url", &self.keys_url)] {
            web_address(address, allow_private).ok_or(PlatformError::Address(name))?;
        }
        if !self.token_url.is_empty() {
            web_address(&self.token_url, allow_private).ok_or(PlatformError::Address("token_url"))?;
        }
        let is_id = |id: &String| !id.is_empty() && id.len() <= MAX_TEXT;
        if self.deployments.len() > MAX_DEPLOYMENTS || !self.deployments.iter().all(is_id) {
            return Err(PlatformError::Deployments);
        }
        Ok(())
    }
}

/// An address that may be used: `https`, or also `http` among ourselves, and nobody's name in it.
pub(super) fn web_address(text: &str, allow_private: bool) -> Option<Url> {
    let url = (text.len() <= MAX_TEXT).then(|| Url::parse(text).ok()).flatten()?;
    let is_web = url.scheme() == "https" || (allow_private && url.scheme() == "http");
    (is_web && url.has_host() && url.username().is_empty() && url.password().is_none()).then_some(url)
}

pub(super) fn load(folder: &Path) -> Result<Vec<LtiPlatform>, RegistryError> {
    let error = |source| RegistryError::File { attempt: "read", source };
    let mut text = String::new();
    match File::open(folder.join(FILE)) {
        Ok(file) => file.take(MAX_FILE).read_to_string(&mut text).map_err(error)?,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(error(source)),
    };
    serde_json::from_str(&text).map_err(RegistryError::Content)
}

pub(super) fn save(folder: &Path, platforms: &[LtiPlatform]) -> Result<(), RegistryError> {
    if platforms.len() > MOST {
        return Err(RegistryError::Full);
    }
    let text = serde_json::to_string_pretty(platforms).map_err(RegistryError::Content)?;
    store(folder, &folder.join(FILE), &text).map_err(|source| RegistryError::File { attempt: "write", source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> LtiPlatform {
        LtiPlatform {
            issuer: "https://lms".into(),
            client_id: "us".into(),
            auth_url: "https://lms/auth".into(),
            keys_url: "https://lms/keys".into(),
            ..LtiPlatform::default()
        }
    }

    #[test]
    fn registrations_are_checked() {
        assert_eq!(good().check(false), Ok(()));
        let with = |change: fn(&mut LtiPlatform)| {
            let mut platform = good();
            change(&mut platform);
            platform.check(false).unwrap_err().to_string()
        };
        assert_eq!(with(|p| p.issuer.clear()), "issuer is missing or too long");
        assert_eq!(with(|p| p.client_id = "x".repeat(3000)), "client_id is missing or too long");
        assert_eq!(with(|p| p.auth_url = "javascript:alert(1)".into()), "auth_url must be an https address");
        assert_eq!(with(|p| p.keys_url = "http://lms/keys".into()), "keys_url must be an https address");
        assert_eq!(with(|p| p.token_url = "https://a:b@lms/".into()), "token_url must be an https address");
        assert_eq!(with(|p| p.deployments = vec![String::new()]), "deployments must be a list of ids");
        let inside = LtiPlatform { keys_url: "http://10.0.0.5/keys".into(), ..good() };
        assert_eq!(inside.check(true), Ok(()));
    }

    #[test]
    fn what_is_written_is_read_back_and_damage_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()).unwrap(), []);
        save(folder.path(), &[good()]).unwrap();
        assert_eq!(load(folder.path()).unwrap(), [good()]);
        assert!(matches!(save(folder.path(), &vec![good(); MOST + 1]), Err(RegistryError::Full)));
        std::fs::write(folder.path().join(FILE), "[{").unwrap();
        assert!(matches!(load(folder.path()), Err(RegistryError::Content(_))));
    }
}
