//! Files that are uploaded piece by piece, also over the end of a process.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod fakes;

use std::path::Path;

use bytes::Bytes;
use fakes::House;
use futures_util::{StreamExt, stream};
use meeting::{Access, Chunk, UploadPathError, UploadRefusal};
use ports::blobs::Pieces;
use wire::pnm::RoomUploadedFileType as Kind;

const TEXT: &str = "a few lines of text, long enough for three pieces of thirty bytes each\n";

fn piece(number: u32) -> (Chunk, &'static [u8]) {
    let bytes = TEXT.as_bytes().chunks(30).nth(number as usize - 1).unwrap();
    let chunk = Chunk {
        identifier: "70-notes.txt".into(),
        file_name: "notes.txt".into(),
        number,
        total_chunks: 3,
        size: bytes.len() as u64,
        total_size: TEXT.len() as u64,
    };
    (chunk, bytes)
}

fn pieces(bytes: &[u8]) -> Pieces<'static> {
    stream::iter([Ok(Bytes::copy_from_slice(bytes))]).boxed()
}

async fn send(house: &House, access: &Access, number: u32) -> Result<(), UploadRefusal> {
    let (chunk, bytes) = piece(number);
    house.meetings.take_chunk(access, &chunk, pieces(bytes)).await
}

async fn access(house: &House, user: &str) -> Access {
    house.create("room01").await;
    let token = house.token("room01", user, true).await;
    house.meetings.authorize(&token).await.unwrap()
}

fn files_below(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

#[tokio::test]
async fn an_upload_goes_on_in_the_next_process() {
    let house = House::open().await;
    let ana = access(&house, "ana").await;
    send(&house, &ana, 1).await.unwrap();
    send(&house, &ana, 2).await.unwrap();
    house.meetings.stop().await;

    let house = house.next().await;
    let there = house.meetings.has_chunk(&ana, &piece(2).0).await.unwrap();
    send(&house, &ana, 3).await.unwrap();
    let file = house.meetings.merge_chunks(&ana, Kind::ChatFile, "70-notes.txt", "notes.txt", 3).await.unwrap();

    assert!(there);
    assert_eq!((file.extension, file.about.file_name.as_str()), ("txt", "notes.txt"));
    let open = house.meetings.open_upload(&file.about.file_path).await.unwrap();
    assert_eq!((open.file.length, open.name.as_str(), open.mime_type.as_str()), (71, "notes.txt", "text/plain"));
}

#[tokio::test]
async fn an_upload_begins_with_its_first_piece_and_is_as_large_as_it_said() {
    let house = House::open().await;
    let ana = access(&house, "ana").await;
    assert!(matches!(send(&house, &ana, 2).await, Err(UploadRefusal::Identifier)));

    send(&house, &ana, 1).await.unwrap();
    let (chunk, bytes) = piece(2);
    let more = [bytes, b"x"].concat();
    let too_long = house.meetings.take_chunk(&ana, &chunk, pieces(&more)).await;
    assert!(matches!(too_long, Err(UploadRefusal::Fields)), "{too_long:?}");
    let too_short = house.meetings.take_chunk(&ana, &chunk, pieces(&bytes[1..])).await;
    assert!(matches!(too_short, Err(UploadRefusal::Chunk)), "{too_short:?}");
    let cut = stream::iter([Ok(Bytes::from_static(b"a few")), Err(std::io::ErrorKind::BrokenPipe.into())]).boxed();
    assert!(matches!(house.meetings.take_chunk(&ana, &chunk, cut).await, Err(UploadRefusal::Chunk)));
    let swollen = Chunk { number: 3, size: 60, ..chunk.clone() };
    assert!(matches!(house.meetings.take_chunk(&ana, &swollen, pieces(bytes)).await, Err(UploadRefusal::Fields)));
    let other = Chunk { total_size: 5000, ..chunk };
    assert!(matches!(house.meetings.take_chunk(&ana, &other, pieces(bytes)).await, Err(UploadRefusal::Identifier)));
    let merged = house.meetings.merge_chunks(&ana, Kind::ChatFile, "70-notes.txt", "notes.txt", 3).await;
    assert!(matches!(merged, Err(UploadRefusal::NoChunks(_))), "{merged:?}");

    send(&house, &ana, 2).await.unwrap();
    send(&house, &ana, 3).await.unwrap();
    house.meetings.merge_chunks(&ana, Kind::ChatFile, "70-notes.txt", "notes.txt", 3).await.unwrap();
    let uploads = house.folder.path().join("uploads");
    assert_eq!((files_below(&uploads.join(".parts")), files_below(&uploads)), (0, 2), "the content and what it is");
}

#[tokio::test]
async fn another_file_under_the_same_name_begins_anew() {
    let house = House::open().await;
    let ana = access(&house, "ana").await;
    send(&house, &ana, 1).await.unwrap();
    send(&house, &ana, 2).await.unwrap();

    let chunk = Chunk { total_chunks: 2, total_size: 35, ..piece(1).0 };
    house.meetings.take_chunk(&ana, &chunk, pieces(piece(1).1)).await.unwrap();

    assert!(!house.meetings.has_chunk(&ana, &piece(2).0).await.unwrap());
}

#[tokio::test]
async fn nobody_sees_or_finishes_the_upload_of_another() {
    let house = House::open().await;
    let (ana, ben) = (access(&house, "ana").await, access(&house, "ben").await);
    send(&house, &ana, 1).await.unwrap();

    assert!(!house.meetings.has_chunk(&ben, &piece(1).0).await.unwrap());
    assert!(matches!(send(&house, &ben, 2).await, Err(UploadRefusal::Identifier)));
}

#[tokio::test]
async fn a_person_has_only_so_many_uploads_at_once() {
    let house = House::open().await;
    let ana = access(&house, "ana").await;
    let begin = async |name: &str| {
        let chunk = Chunk { identifier: name.into(), ..piece(1).0 };
        house.meetings.take_chunk(&ana, &chunk, pieces(piece(1).1)).await
    };
    for name in ["a", "b", "c", "d"] {
        begin(name).await.unwrap();
    }
    assert!(matches!(begin("e").await, Err(UploadRefusal::TooMany)));
    begin("d").await.unwrap();
}

#[tokio::test]
async fn files_are_gone_with_the_session() {
    let house = House::open().await;
    let ana = access(&house, "ana").await;
    let file = house.meetings.add_small_file(&ana, Kind::ChatFile, "n.txt", TEXT.into()).await.unwrap();
    send(&house, &ana, 1).await.unwrap();
    assert!(files_below(house.folder.path()) > 0);

    house.meetings.end("room01").await.unwrap();
    house.create("room01").await;

    assert_eq!(files_below(house.folder.path()), 0);
    assert_eq!(house.meetings.open_upload(&file.about.file_path).await, Err(UploadPathError::NotFound));
    assert!(matches!(send(&house, &ana, 1).await, Err(UploadRefusal::NotActive)));
}

#[tokio::test]
async fn a_path_opens_its_own_file_only() {
    let house = House::open().await;
    let ana = access(&house, "ana").await;
    let file = house.meetings.add_small_file(&ana, Kind::ChatFile, "n.txt", TEXT.into()).await.unwrap();
    let path = file.about.file_path;
    let (folder, _) = path.rsplit_once('/').unwrap();
    let session = ana.session.as_str();
    for (asked, error) in [
        (String::new(), UploadPathError::TooShort),
        (session.to_owned(), UploadPathError::TooShort),
        (format!("{session}/tmp/x"), UploadPathError::Temporary),
        (format!("{session}/../../etc/passwd"), UploadPathError::Outside),
        (folder.to_owned(), UploadPathError::NotFound),
        (format!("{folder}/content"), UploadPathError::NotFound),
        (format!("{folder}/about.json"), UploadPathError::NotFound),
        (format!("{folder}/other.txt"), UploadPathError::NotFound),
        (format!(".parts/{session}/part1"), UploadPathError::NotFound),
        (path.replace(session, "another"), UploadPathError::NotFound),
    ] {
        assert_eq!(house.meetings.open_upload(&asked).await, Err(error), "{asked}");
    }
    assert!(house.meetings.open_upload(&format!("./{path}")).await.is_ok());
}
