//! The data folder: there, ours, private, with room; and whether a server runs in it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{Access, access, statvfs};

use super::Report;
use crate::config::{self, Config};

const TOPIC: &str = "data folder";

/// Less room than this is a warning, in bytes; a meeting's journal is small, recordings are not.
const LITTLE_ROOM: u64 = 2 << 30;

/// Less than this is a problem.
const NO_ROOM: u64 = 200 << 20;

/// Most entries that are looked at for the time of their last change.
const MOST_ENTRIES: usize = 1000;

/// What nobody but the owner may read.
const SECRETS: &[&str] = &["secrets.yaml", "lti-key.pem", "plenum.db", "plenum.db-wal", "plenum.db-shm"];

/// The answer is whether a server runs.
pub(super) fn check(config: &Config, report: &mut Report) -> bool {
    let data = &config.data;
    let metadata = match fs::metadata(data) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_parent(data, report);
            return false;
        }
        Err(error) => {
            let advice = "let the user the server runs as in, or name another folder with --data";
            report.problem(TOPIC, format!("{} cannot be looked at: {error}", data.display()), advice);
            return false;
        }
    };
    if !metadata.is_dir() {
        report.problem(TOPIC, format!("{} is no folder", data.display()), "name a folder with --data or plenum.data");
        return false;
    }
    if access(data, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_ok() {
        report.ok(TOPIC, format!("{} is there and can be written", data.display()));
    } else {
        let advice = "give it to the user the server runs as, and run the doctor as that user";
        report.problem(TOPIC, format!("{} cannot be written by this user", data.display()), advice);
    }
    check_modes(data, metadata.permissions().mode(), report);
    check_credentials(config, report);
    for folder in [data, &config.recordings.folder, &config.artifacts.folder, &config.uploads.path] {
        check_room(folder, folder == data, report);
    }
    let is_running = is_locked(&data.join("plenum.lock"));
    report.ok("server", if is_running { "it runs in this folder" } else { "it does not run now" });
    is_running
}

/// When something directly in the folder was last changed, by the clock of where it lies.
pub(super) fn newest_change(data: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(data).ok()?.take(MOST_ENTRIES);
    entries.filter_map(|entry| entry.ok()?.metadata().ok()?.modified().ok()).max()
}

/// The file may hold the API secret and passwords.
pub(super) fn check_configuration_file(file: &Path, config: &Config, report: &mut Report) {
    let has_secrets = config.api.credentials.is_some()
        || config.front_door.passphrase.is_some()
        || config.database.as_ref().is_some_and(|server| !server.password.expose().is_empty());
    let Ok(metadata) = fs::metadata(file) else { return };
    if has_secrets && metadata.permissions().mode() & 0o077 != 0 {
        report.warn(
            "configuration",
            format!("{} holds secrets and others may read it", file.display()),
            format!("chmod 600 {}", file.display()),
        );
    }
}

fn check_parent(data: &Path, report: &mut Report) {
    let there = data.ancestors().skip(1).map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let Some(parent) = there.into_iter().find(|path| path.exists()) else { return };
    if access(parent, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
        report.ok(TOPIC, format!("{} is not there yet; the first start makes it", data.display()));
    } else {
        let advice =
            format!("make it and give it to the user the server runs as: install -d -m 700 {}", data.display());
        report.problem(TOPIC, format!("{} is not there and cannot be made", data.display()), advice);
    }
}

fn check_modes(data: &Path, mode: u32, report: &mut Report) {
    let mut open: Vec<PathBuf> = Vec::new();
    if mode & 0o077 != 0 {
        open.push(data.to_owned());
    }
    for name in SECRETS {
        let path = data.join(name);
        if fs::metadata(&path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0) {
            open.push(path);
        }
    }
    if open.is_empty() {
        report.ok("secrets", "only their owner can read them");
    }
    for path in open {
        let right = if path == data { "700" } else { "600" };
        let advice = format!("chmod {right} {}", path.display());
        report.warn("secrets", format!("others than the owner may read {}", path.display()), advice);
    }
}

fn check_credentials(config: &Config, report: &mut Report) {
    match config::secrets::existing(config) {
        Ok(_) => report.ok("credentials", "there are API key and secret"),
        Err(config::secrets::SecretsError::None { .. }) => {
            report.ok("credentials", "API key and secret are made at the first start");
        }
        Err(error) => {
            let why = format!("{:#}", anyhow::Error::new(error));
            report.problem("credentials", why, "put the file back from a backup; a new secret invalidates every link");
        }
    }
}

fn check_room(folder: &Path, always: bool, report: &mut Report) {
    let Ok(system) = statvfs(folder) else { return };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let text = format!("{} MiB free for {}", free >> 20, folder.display());
    if free < NO_ROOM {
        report.problem("disk", text, "make room now: without it nothing can be journalled and meetings stop");
    } else if free < LITTLE_ROOM {
        report.warn("disk", text, "make room, or move recordings elsewhere");
    } else if always {
        report.ok("disk", text);
    }
}

/// Whether a server holds the lock. Ours is shared and gone at once: a server that starts in this moment waits for it.
fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
