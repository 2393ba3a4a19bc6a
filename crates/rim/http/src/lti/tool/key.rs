//! Our own key: made once, kept in the data folder, known to platforms by its public half.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// The file in the data folder.
const FILE: &str = "lti-key.pem";
/// Larger than any key we make.
const MAX_FILE: u64 = 16 * 1024;
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// Characters in a line of such a file.
const LINE: usize = 64;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    /// The file refused.
    #[error("could not {attempt} {FILE}: {source}")]
    File {
        /// What was attempted.
        attempt: &'static str,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// It is no RSA key in PKCS#8, or none could be made.
    #[error("{FILE} is not a usable RSA key")]
    Unusable,
}

/// An RSA key and its name.
pub(super) struct ToolKey {
    pair: RsaKeyPair,
    kid: String,
}

impl ToolKey {
    /// Reads the key of the data folder (mode 0600), or makes it. A damaged one is never replaced: platforms rely on it.
    pub(super) fn open(folder: &Path) -> Result<Self, KeyError> {
        let path = folder.join(FILE);
        let error = |attempt| move |source| KeyError::File { attempt, source };
        match File::open(&path) {
            Ok(file) => {
                let mut text = String::new();
                file.take(MAX_FILE).read_to_string(&mut text).map_err(error("read"))?;
                Self::from_pem(&text)
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                let (key, pem) = Self::generate()?;
                store(folder, &path, &pem).map_err(error("write"))?;
                Ok(key)
            }
            Err(source) => Err(error("read")(source)),
        }
    }

    fn generate() -> Result<(Self, String), KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Unusable)?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| KeyError::Unusable)?;
        let text = BASE64_STANDARD.encode(der.as_ref());
        let mut pem = format!("{BEGIN}\n");
        for line in text.as_bytes().chunks(LINE) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str(END);
        pem.push('\n');
        Ok((Self::named(pair), pem))
    }

    fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let (_, rest) = pem.split_once(BEGIN).ok_or(KeyError::Unusable)?;
        let (text, _) = rest.split_once(END).ok_or(KeyError::Unusable)?;
        let text: String = text.split_ascii_whitespace().collect();
        let der = BASE64_STANDARD.decode(text).map_err(|_| KeyError::Unusable)?;
        RsaKeyPair::from_pkcs8(&der).map(Self::named).map_err(|_| KeyError::Unusable)
    }

    fn named(pair: RsaKeyPair) -> Self {
        // Of the public half, so that a new key has a new name.
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, pair.public_key().as_ref());
        Self { kid: BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]), pair }
    }

    /// The public half (RFC 7517).
    pub(super) fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        let number = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": number(public.modulus().big_endian_without_leading_zero()),
            "e": number(public.exponent().big_endian_without_leading_zero()),
        })
    }

    /// Signs claims as a JWT.
    pub(super) fn sign(&self, claims: &Value) -> Result<String, KeyError> {
        let header = json!({ "alg": "RS256", "kid": self.kid, "typ": "JWT" });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| KeyError::Unusable)?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Writes a whole file beside and gives it its name.
pub(super) fn store(folder: &Path, path: &Path, content: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    // A file of that name is left over from a crash.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept_to_ourselves() {
        let folder = tempfile::tempdir().unwrap();

        let first = ToolKey::open(folder.path()).unwrap();
        let second = ToolKey::open(folder.path()).unwrap();

        assert_eq!(first.jwk(), second.jwk());
        assert_eq!(first.jwk()["e"], "AQAB");
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left lying about");
    }

    #[test]
    fn a_damaged_key_is_reported_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["", "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----", BEGIN] {
            fs::write(folder.path().join(FILE), content).unwrap();
            assert!(matches!(ToolKey::open(folder.path()), Err(KeyError::Unusable)));
            assert_eq!(fs::read_to_string(folder.path().join(FILE)).unwrap(), content);
        }
    }
}
