//! Reads the pictures of `plenum.backgrounds`, once, into memory: afterwards no request opens a file.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use http_api::{Picture, PictureKind};

/// Most pictures: more than anybody looks through.
const MAX_PICTURES: usize = 50;
/// Largest picture, in bytes; one of a camera's full size has about as many.
const MAX_PICTURE: u64 = 4 << 20;
/// All of them, in bytes: they are in memory.
const MAX_TOGETHER: usize = 64 << 20;
/// Most entries of a folder that are looked at.
const MAX_ENTRIES: usize = 1000;
/// Longest label, in characters.
const MAX_LABEL: usize = 60;
/// Which files of a folder are pictures.
const ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// Everything that is wrong with them, at least one thing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unusable(pub(crate) Vec<String>);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pictures of plenum.backgrounds are not usable:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for Unusable {}

/// Files in the order they are named, those of a folder sorted by name.
///
/// # Errors
/// With every fault of every file.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Picture>, Unusable> {
    let mut faults = Vec::new();
    let mut pictures = Vec::new();
    let mut together = 0;
    for file in paths.iter().flat_map(|path| files_of(path).unwrap_or_else(|fault| vec![Err(fault)])) {
        if pictures.len() + faults.len() >= MAX_PICTURES {
            faults.push(format!("there are more than {MAX_PICTURES} files"));
            break;
        }
        match file.and_then(|file| read_one(&file)) {
            Ok(picture) => {
                together += picture.bytes.len();
                pictures.push(picture);
            }
            Err(fault) => faults.push(fault),
        }
        if together > MAX_TOGETHER {
            faults.push(format!("together they have more than {} MiB", MAX_TOGETHER >> 20));
            break;
        }
    }
    if faults.is_empty() { Ok(pictures) } else { Err(Unusable(faults)) }
}

type Fault = String;

/// The file itself, or the pictures of a folder.
fn files_of(path: &Path) -> Result<Vec<Result<PathBuf, Fault>>, Fault> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_dir() {
        return Ok(vec![Ok(path.to_owned())]);
    }
    let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let mut files = Vec::new();
    for (count, entry) in entries.enumerate() {
        if count >= MAX_ENTRIES {
            return Err(format!("{} has more than {MAX_ENTRIES} entries", path.display()));
        }
        let file = entry.map_err(|error| unreadable(path, &error))?.path();
        if is_named_like_a_picture(&file) {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(format!("{} holds no picture (.jpg, .jpeg, .png or .webp)", path.display()));
    }
    files.sort_unstable();
    Ok(files.into_iter().map(Ok).collect())
}

/// Not those that begin with a dot, which some systems leave beside the real ones.
fn is_named_like_a_picture(file: &Path) -> bool {
    let is_hidden = file.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    !is_hidden && ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

fn read_one(file: &Path) -> Result<Picture, Fault> {
    let metadata = fs::metadata(file).map_err(|error| unreadable(file, &error))?;
    // Of anything else, such as a pipe, reading might never end.
    if !metadata.is_file() {
        return Err(format!("{} is no file", file.display()));
    }
    let mut bytes = Vec::new();
    let opened = File::open(file).and_then(|opened| opened.take(MAX_PICTURE + 1).read_to_end(&mut bytes));
    opened.map_err(|error| unreadable(file, &error))?;
    if bytes.len() as u64 > MAX_PICTURE {
        return Err(format!("{} has more than {} MiB", file.display(), MAX_PICTURE >> 20));
    }
    let Some(kind) = PictureKind::of(&bytes) else {
        return Err(format!("{} is neither JPEG nor PNG nor WebP", file.display()));
    };
    Ok(Picture { label: label_of(file), kind, bytes: bytes.into() })
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    format!("{} cannot be read: {error}", path.display())
}

/// What people read: the name of the file, without what only machines need.
fn label_of(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let plain = stem.chars().map(|c| if c == '_' || c.is_control() { ' ' } else { c }).take(MAX_LABEL);
    plain.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0";

    struct House(tempfile::TempDir);

    impl House {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn with(self, name: &str, content: &[u8]) -> Self {
            fs::write(self.path(name), content).unwrap();
            self
        }
    }

    fn labels(paths: &[PathBuf]) -> Vec<String> {
        read(paths).unwrap().into_iter().map(|picture| picture.label).collect()
    }

    fn faults(paths: &[PathBuf]) -> Vec<String> {
        read(paths).unwrap_err().0
    }

    #[test]
    fn a_folder_gives_its_pictures_by_name_and_a_file_itself() {
        let house = House::new().with("the_hall.PNG", PNG).with("garden.jpg", JPEG).with("read me.txt", b"no");
        let house = house.with("._garden.jpg", b"what some systems leave").with("without ending", JPEG);

        assert_eq!(labels(&[house.path("")]), ["garden", "the hall"]);
        assert_eq!(labels(&[house.path("without ending"), house.path("")]), ["without ending", "garden", "the hall"]);
        assert_eq!(labels(&[]), [""; 0]);
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_file() {
        let house = House::new().with("a.jpg", b"<svg/>").with("b.png", &vec![0x89; (4 << 20) + 1]);
        fs::create_dir(house.path("empty")).unwrap();
        fs::create_dir(house.path("c.png")).unwrap();

        let found = faults(&[house.path("missing"), house.path("empty"), house.path("")]);

        let told =
            ["missing cannot be read", "empty holds no picture", "a.jpg is neither", "b.png has more", "c.png is no"];
        assert_eq!(found.len(), told.len(), "{found:?}");
        for (fault, told) in found.iter().zip(told) {
            assert!(fault.contains(told), "{fault}");
        }
    }

    #[test]
    fn there_is_a_limit_of_number_and_of_all_together() {
        let mut house = House::new();
        for number in 0..51 {
            house = house.with(&format!("{number}.png"), PNG);
        }
        assert_eq!(faults(&[house.path("")]), ["there are more than 50 files"]);

        let large = [PNG, &vec![0; 4_000_000]].concat();
        let house = House::new().with("a.png", &large);
        assert_eq!(faults(&vec![house.path("a.png"); 20]), ["together they have more than 64 MiB"]);
    }

    #[test]
    fn a_label_is_one_short_line() {
        assert_eq!(label_of(Path::new("/x/The  great_hall\n.final.jpg")), "The great hall .final");
        assert_eq!(label_of(Path::new(&format!("{}.png", "x".repeat(500)))).len(), 60);
    }
}
