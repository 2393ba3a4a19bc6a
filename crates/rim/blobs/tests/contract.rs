//! What every file store must do.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::io::ErrorKind;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use blobs::{Folders, LocalBlobs};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use ports::blobs::{Area, Blobs, Key, Pieces, Received};
use tokio::io::AsyncReadExt as _;

#[tokio::test]
async fn a_file_is_read_as_it_was_written_and_in_parts() {
    let (_folder, blobs) = open();
    let key = key("node/room/rec.mp4");

    blobs.put(Area::Recordings, &key, Bytes::from_static(b"0123456789")).await.unwrap();

    assert_eq!(blobs.length(Area::Recordings, &key).await.unwrap(), Some(10));
    assert_eq!(read(&blobs, Area::Recordings, &key, 0, 10).await.as_deref(), Some("0123456789"));
    assert_eq!(read(&blobs, Area::Recordings, &key, 3, 4).await.as_deref(), Some("3456"));
    assert_eq!(read(&blobs, Area::Recordings, &key, 8, 100).await.as_deref(), Some("89"));
}

#[tokio::test]
async fn what_is_not_there_and_what_is_a_folder_is_absent() {
    let (_folder, blobs) = open();
    blobs.put(Area::Artifacts, &key("a/b"), Bytes::from_static(b"x")).await.unwrap();

    for absent in ["a", "a/c", "a/b/c", "z"] {
        assert_eq!(blobs.length(Area::Artifacts, &key(absent)).await.unwrap(), None, "{absent}");
        assert_eq!(read(&blobs, Area::Artifacts, &key(absent), 0, 1).await, None, "{absent}");
        assert!(!blobs.shift(Area::Artifacts, Area::ArtifactsTrash, &key("z")).await.unwrap());
    }
    assert_eq!(blobs.length(Area::Recordings, &key("a/b")).await.unwrap(), None, "areas have nothing in common");
}

#[tokio::test]
async fn a_file_is_replaced_whole() {
    let (_folder, blobs) = open();

    blobs.put(Area::Artifacts, &key("f"), Bytes::from_static(b"long content")).await.unwrap();
    blobs.put(Area::Artifacts, &key("f"), Bytes::from_static(b"short")).await.unwrap();

    assert_eq!(read(&blobs, Area::Artifacts, &key("f"), 0, 99).await.as_deref(), Some("short"));
}

#[tokio::test]
async fn moving_a_file_takes_it_away_with_the_folders_it_leaves_empty() {
    let (folder, blobs) = open();
    for name in ["node/a.mp4", "node/b.mp4"] {
        blobs.put(Area::Recordings, &key(name), Bytes::from_static(b"x")).await.unwrap();
    }

    assert!(blobs.shift(Area::Recordings, Area::RecordingsTrash, &key("node/a.mp4")).await.unwrap());
    assert!(folder.path().join("recordings/node").exists());
    assert!(blobs.remove(Area::Recordings, &key("node/b.mp4")).await.unwrap());

    assert!(!folder.path().join("recordings/node").exists());
    assert!(folder.path().join("recordings").exists());
    assert_eq!(read(&blobs, Area::RecordingsTrash, &key("node/a.mp4"), 0, 9).await.as_deref(), Some("x"));
    assert!(!blobs.remove(Area::Recordings, &key("node/b.mp4")).await.unwrap());
}

#[tokio::test]
async fn only_what_is_old_enough_expires() {
    let (folder, blobs) = open();
    for name in ["old/one", "new"] {
        blobs.put(Area::ArtifactsTrash, &key(name), Bytes::from_static(b"x")).await.unwrap();
    }
    let old = std::fs::File::options().append(true).open(folder.path().join("artifacts-trash/old/one")).unwrap();
    old.set_modified(UNIX_EPOCH).unwrap();
    let hour_ago =
        i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap() - 3_600_000;

    assert_eq!(blobs.expire(Area::ArtifactsTrash, hour_ago).await.unwrap(), 1);

    assert_eq!(blobs.length(Area::ArtifactsTrash, &key("new")).await.unwrap(), Some(1));
    assert!(!folder.path().join("artifacts-trash/old").exists());
    assert_eq!(blobs.expire(Area::RecordingsTrash, hour_ago).await.unwrap(), 0, "a folder that never was");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_leaves_nothing() {
    let (folder, blobs) = open();
    blobs.put(Area::Artifacts, &key("taken/by/a/folder"), Bytes::new()).await.unwrap();

    assert!(blobs.put(Area::Artifacts, &key("taken/by"), Bytes::from_static(b"x")).await.is_err());

    assert_eq!(names(&folder.path().join("artifacts/taken")), ["by"]);
}

#[tokio::test]
async fn a_file_is_received_whole_or_not_at_all() {
    let (folder, blobs) = open();
    let key = key("sid/upload/part1");
    let pieces = |pieces: &[Result<&'static str, ErrorKind>]| -> Pieces<'static> {
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.map(Bytes::from).map_err(Into::into)).collect();
        stream::iter(pieces).boxed()
    };
    let receive = async |content, most| blobs.receive(Area::UploadParts, &key, content, most).await.unwrap();

    assert_eq!(receive(pieces(&[Ok("abc"), Ok("de")]), 5).await, Received::Whole(5));
    assert_eq!(receive(pieces(&[Ok("abc"), Ok("def")]), 5).await, Received::TooLong);
    assert_eq!(receive(pieces(&[Ok("x"), Err(ErrorKind::TimedOut)]), 5).await, Received::BrokenOff);

    assert_eq!(read(&blobs, Area::UploadParts, &key, 0, 9).await.as_deref(), Some("abcde"));
    assert_eq!(names(&folder.path().join("uploads/.parts/sid/upload")), ["part1"], "nothing half is left");
}

#[tokio::test]
async fn parts_become_one_file_if_all_are_there() {
    let (folder, blobs) = open();
    let parts = [key("s/u/part1"), key("s/u/part2")];
    let whole = key("s/f/content");
    blobs.put(Area::UploadParts, &parts[0], Bytes::from_static(b"one ")).await.unwrap();
    assert_eq!(blobs.join(Area::UploadParts, &parts, Area::Uploads, &whole).await.unwrap(), None);
    assert_eq!(blobs.length(Area::Uploads, &whole).await.unwrap(), None);
    blobs.put(Area::UploadParts, &parts[1], Bytes::from_static(b"two")).await.unwrap();

    assert_eq!(blobs.join(Area::UploadParts, &parts, Area::Uploads, &whole).await.unwrap(), Some(7));

    assert_eq!(read(&blobs, Area::Uploads, &whole, 0, 9).await.as_deref(), Some("one two"));
    assert_eq!(names(&folder.path().join("uploads/s/f")), ["content"]);
}

#[tokio::test]
async fn a_folder_goes_with_everything_in_it() {
    let (folder, blobs) = open();
    for name in ["s/a/content", "s/b/content", "t/a/content"] {
        blobs.put(Area::Uploads, &key(name), Bytes::from_static(b"x")).await.unwrap();
    }

    blobs.remove_folder(Area::Uploads, &key("s")).await.unwrap();
    blobs.remove_folder(Area::Uploads, &key("s")).await.unwrap();

    assert_eq!(names(&folder.path().join("uploads")), ["t"]);
}

fn open() -> (tempfile::TempDir, LocalBlobs) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let blobs = LocalBlobs::new(Folders {
        recordings: at("recordings"),
        recordings_trash: at("recordings-trash"),
        artifacts: at("artifacts"),
        artifacts_trash: at("artifacts-trash"),
        uploads: at("uploads"),
        upload_parts: at("uploads/.parts"),
    });
    (folder, blobs)
}

fn key(text: &str) -> Key {
    Key::try_from(text).unwrap()
}

async fn read(blobs: &impl Blobs, area: Area, key: &Key, start: u64, length: u64) -> Option<String> {
    let mut text = String::new();
    blobs.read(area, key, start, length).await.unwrap()?.read_to_string(&mut text).await.unwrap();
    Some(text)
}

fn names(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
