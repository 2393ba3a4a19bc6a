//! Files that another server left in a folder of its own.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use ports::blobs::Key;

use crate::local::{absent, parent, sync_folder, write_whole};

/// How a file comes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As a second file.
    Copy,
    /// As a second name of the same file, which takes no room; both folders must be on one file system.
    Link,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// It came over.
    Now,
    /// It was there already, with the same length.
    Before,
    /// There is none in the other folder.
    Absent,
}

/// Whether there is such a file in the other server's folder. Links that lead out of the folder, and what is no plain
/// file, count as nothing.
///
/// # Errors
/// When it cannot be looked at.
pub fn is_there(from: &Path, key: &Key) -> io::Result<bool> {
    let path = from.join(key.as_str());
    let Some(real) = absent(fs::canonicalize(&path))? else { return Ok(false) };
    Ok(real.starts_with(fs::canonicalize(from)?) && fs::metadata(&real)?.is_file())
}

/// Brings a file of the other server's folder `from` to the same place below `to`, whole or not at all. Durable when it
/// returns.
///
/// # Errors
/// When it cannot be read or written, or another file is in its place.
pub fn adopt(from: &Path, to: &Path, key: &Key, way: Way) -> io::Result<Adopted> {
    if !is_there(from, key)? {
        return Ok(Adopted::Absent);
    }
    let old = fs::canonicalize(from.join(key.as_str()))?;
    let new = to.join(key.as_str());
    if let Some(there) = absent(fs::metadata(&new))? {
        if there.is_file() && there.len() == fs::metadata(&old)?.len() {
            return Ok(Adopted::Before);
        }
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "another file is in its place"));
    }
    match way {
        Way::Copy => write_whole(&new, &mut File::open(&old)?)?,
        Way::Link => {
            fs::create_dir_all(parent(&new))?;
            fs::hard_link(&old, &new)?;
            sync_folder(parent(&new))?;
        }
    }
    Ok(Adopted::Now)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    fn key(text: &str) -> Key {
        Key::try_from(text).unwrap()
    }

    #[test]
    fn a_file_comes_over_once() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("a")).unwrap();
        fs::write(from.path().join("a/b.mp4"), "film").unwrap();
        let bring = |way| adopt(from.path(), to.path(), &key("a/b.mp4"), way).unwrap();

        assert_eq!(
            (bring(Way::Copy), bring(Way::Copy), bring(Way::Link)),
            (Adopted::Now, Adopted::Before, Adopted::Before)
        );
        assert_eq!(fs::read(to.path().join("a/b.mp4")).unwrap(), b"film");

        fs::write(to.path().join("a/b.mp4"), "another").unwrap();
        assert!(adopt(from.path(), to.path(), &key("a/b.mp4"), Way::Copy).is_err());
    }

    #[test]
    fn a_linked_file_takes_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir(&from).unwrap();
        fs::write(from.join("b.mp4"), "film").unwrap();

        assert_eq!(adopt(&from, &to, &key("b.mp4"), Way::Link).unwrap(), Adopted::Now);
        assert_eq!(fs::metadata(to.join("b.mp4")).unwrap().ino(), fs::metadata(from.join("b.mp4")).unwrap().ino());
    }

    #[test]
    fn what_leads_out_of_the_folder_or_is_no_file_does_not_come_over() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("folder")).unwrap();
        fs::write(folder.path().join("secret"), "x").unwrap();
        symlink(folder.path().join("secret"), from.join("link")).unwrap();

        for name in ["link", "folder", "missing"] {
            assert_eq!(adopt(&from, &to, &key(name), Way::Copy).unwrap(), Adopted::Absent, "{name}");
        }
        assert!(!to.exists());
    }
}
