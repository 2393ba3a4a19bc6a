//! The API key and secret of a server whose operator chose none: made once, kept in the data folder, never logged.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use model::Redacted;
use rand::TryRng as _;
use rand::rngs::SysRng;

use super::section::{Findings, Section};
use super::tree::Node;
use super::value;
use super::{Config, Credentials, Mistake};

/// The file in the data folder.
const FILE: &str = "secrets.yaml";

/// Larger than anything we write, in bytes.
const MAX_FILE_LENGTH: u64 = 16 << 10;

/// Says whose key it is, wherever one turns up.
const KEY_PREFIX: &str = "PLN";

/// 12 of 32 characters: 60 bits, plenty for a name.
const KEY_CHARACTERS: [u8; 32] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const KEY_LENGTH: usize = 12;

/// 43 of 64 characters: 258 bits, as many as the digest keyed with it.
const SECRET_CHARACTERS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const SECRET_LENGTH: usize = 43;

/// The credentials could not be read or made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretsError {
    /// The file or its folder refused.
    #[error("could not {attempt} {}", path.display())]
    File {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Somebody edited it, and not well.
    #[error("{} is not usable:{}", path.display(), super::lines(mistakes))]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, without the values.
        mistakes: Vec<Mistake>,
    },
    /// The data folder is not that of a server, or of one that was never started.
    #[error("no API key and secret in {}; name the server's data folder with --data, or its file with --config", data.display())]
    None {
        /// The folder.
        data: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("could not make a secret")]
    Random(#[source] rand::rngs::SysError),
}

/// The configured credentials, or those of the data folder, made now if this is the first start.
///
/// # Errors
/// When the data folder cannot be used or its file was damaged; it is never replaced, since every token and every
/// application depends on it.
pub(crate) fn credentials(config: &Config) -> Result<Credentials, SecretsError> {
    match &config.api.credentials {
        Some(credentials) => Ok(credentials.clone()),
        None => load_or_create(&config.data),
    }
}

/// The same, but nothing is made: whoever asks a server must have its own credentials.
///
/// # Errors
/// As [`credentials`], and when there are none.
pub(crate) fn existing(config: &Config) -> Result<Credentials, SecretsError> {
    match &config.api.credentials {
        Some(credentials) => Ok(credentials.clone()),
        None => load(&config.data.join(FILE))?.ok_or_else(|| SecretsError::None { data: config.data.clone() }),
    }
}

/// Reads `secrets.yaml` of the data folder (mode 0600), creating it and the folder (mode 0700) if need be. Of two
/// servers that start at once both get the same.
fn load_or_create(data: &Path) -> Result<Credentials, SecretsError> {
    let path = data.join(FILE);
    if let Some(credentials) = load(&path)? {
        return Ok(credentials);
    }
    let fresh = generate()?;
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(|source| SecretsError::File {
        attempt: "create",
        path: data.to_owned(),
        source,
    })?;
    if store(data, &path, &fresh).map_err(|source| SecretsError::File {
        attempt: "write",
        path: path.clone(),
        source,
    })? {
        return Ok(fresh);
    }
    // Another start was faster.
    let gone = || SecretsError::File { attempt: "read", path: path.clone(), source: io::ErrorKind::NotFound.into() };
    load(&path)?.ok_or_else(gone)
}

fn load(path: &Path) -> Result<Option<Credentials>, SecretsError> {
    let file_error = |source| SecretsError::File { attempt: "read", path: path.to_owned(), source };
    let mut yaml = String::new();
    match File::open(path) {
        Ok(file) => file.take(MAX_FILE_LENGTH).read_to_string(&mut yaml).map_err(file_error)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error(error)),
    };
    parse(&yaml).map(Some).map_err(|mistakes| SecretsError::Content { path: path.to_owned(), mistakes })
}

fn parse(yaml: &str) -> Result<Credentials, Vec<Mistake>> {
    let findings = Findings::default();
    let node = Node::from_yaml(yaml).unwrap_or_else(|error| {
        findings.mistake("file", error);
        Node::empty()
    });
    let (mut key, mut secret) = (None, None);
    let mut section = Section::root(&findings, node);
    for name in ["api_key", "secret"] {
        if !section.has(name) {
            findings.mistake(name, "missing");
        }
    }
    section.set_secret("api_key", &mut key, value::text);
    section.set_secret("secret", &mut secret, value::text);
    section.finish();
    match (key, secret, findings.into_parts().0) {
        (Some(key), Some(secret), mistakes) if mistakes.is_empty() => {
            Ok(Credentials { key, secret: Redacted::new(secret) })
        }
        (_, _, mistakes) => Err(mistakes),
    }
}

fn generate() -> Result<Credentials, SecretsError> {
    Ok(Credentials {
        key: format!("{KEY_PREFIX}{}", random_text(KEY_LENGTH, &KEY_CHARACTERS)?),
        secret: Redacted::new(random_text(SECRET_LENGTH, &SECRET_CHARACTERS)?),
    })
}

/// Evenly drawn characters; their number must be a power of two, at most 256.
fn random_text<const N: usize>(length: usize, characters: &[u8; N]) -> Result<String, SecretsError> {
    const { assert!(N.is_power_of_two() && N <= 256) };
    let mut bytes = vec![0; length];
    SysRng.try_fill_bytes(&mut bytes).map_err(SecretsError::Random)?;
    Ok(bytes.into_iter().map(|byte| char::from(characters[usize::from(byte) % N])).collect())
}

/// Writes a whole file beside, then gives it its name, unless the name is taken: then the answer is `false`.
fn store(data: &Path, path: &Path, credentials: &Credentials) -> io::Result<bool> {
    let temporary = data.join(format!("{FILE}.{}", std::process::id()));
    // A file of that name is left over from a crash under the same process id.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let Credentials { key, secret } = credentials;
    write!(
        file,
        "# Made at the first start. Applications sign with these; whoever has them owns this server.\n\
         api_key: \"{key}\"\nsecret: \"{}\"\n",
        secret.expose()
    )?;
    file.sync_all()?;

    // A link does not replace what is there, a renaming would.
    let named = match fs::hard_link(&temporary, path) {
        Ok(()) => fs::remove_file(&temporary).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(&temporary).map(|()| false),
        // Some file systems have no links.
        Err(_) => fs::rename(&temporary, path).map(|()| true),
    }?;
    File::open(data)?.sync_all()?;
    Ok(named)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_start_makes_credentials_and_later_starts_keep_them() {
        let folder = tempfile::tempdir().unwrap();
        let config = in_folder(&folder.path().join("new/data"));

        let first = credentials(&config).unwrap();
        let second = credentials(&config).unwrap();

        assert_eq!(first, second);
        assert!(first.key.starts_with("PLN") && first.key.len() == 15, "{}", first.key);
        assert_eq!(first.secret.expose().len(), 43);
        let file = config.data.join(FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&config.data).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&config.data).unwrap().count(), 1, "nothing else is left lying about");
    }

    #[test]
    fn whoever_asks_a_server_makes_no_credentials() {
        let folder = tempfile::tempdir().unwrap();
        let config = in_folder(&folder.path().join("data"));

        assert!(matches!(existing(&config), Err(SecretsError::None { .. })));
        assert!(!config.data.exists());

        let made = credentials(&config).unwrap();
        assert_eq!(existing(&config).unwrap(), made);
    }

    #[test]
    fn two_servers_have_different_credentials() {
        let (one, other) = (generate().unwrap(), generate().unwrap());

        assert_ne!(one.key, other.key);
        assert_ne!(one.secret, other.secret);
    }

    #[test]
    fn starts_at_the_same_moment_agree() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let (fast, slow) = (generate().unwrap(), generate().unwrap());

        assert!(store(folder.path(), &path, &fast).unwrap());
        assert!(!store(folder.path(), &path, &slow).unwrap());

        assert_eq!(load(&path).unwrap(), Some(fast));
    }

    #[test]
    fn configured_credentials_win_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = in_folder(folder.path());
        let own = Credentials { key: "own".to_owned(), secret: Redacted::new("s".repeat(40)) };
        config.api.credentials = Some(own.clone());

        assert_eq!(credentials(&config).unwrap(), own);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_file_is_reported_and_not_replaced() {
        for content in ["", "api_key: PLNX\n", "api_key: a\nsecret: [hunter2]\n", "secret: 'hunter2", "x: hunter2\n"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join(FILE);
            fs::write(&file, content).unwrap();

            let error = credentials(&in_folder(folder.path())).unwrap_err();

            assert!(matches!(error, SecretsError::Content { .. }), "{error:?}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert_eq!(fs::read_to_string(&file).unwrap(), content);
        }
    }

    #[test]
    fn credentials_do_not_show_in_debug_output() {
        let credentials = generate().unwrap();

        assert!(!format!("{credentials:?}").contains(credentials.secret.expose().as_str()));
    }

    fn in_folder(data: &Path) -> Config {
        Config { data: data.to_owned(), ..Config::default() }
    }
}
