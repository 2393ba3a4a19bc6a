//! The operator's background pictures: listed, served by name, and nothing else.

use bytes::Bytes;

use super::harness::Server;
use crate::{Backgrounds, Picture, PictureKind};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0 and more";

fn picture(label: &str, bytes: &'static [u8]) -> Picture {
    Picture { label: label.into(), kind: PictureKind::of(bytes).unwrap(), bytes: Bytes::from_static(bytes) }
}

#[tokio::test]
async fn pictures_are_listed_in_order_and_served_by_the_names_in_the_list() {
    let pictures = vec![picture("Hall", PNG), picture("Garden \"b\"", JPEG), picture("Hall again", PNG)];
    let server = Server::with(|deps| deps.backgrounds = Backgrounds::new(pictures)).await;

    let answer = server.get("/backgrounds").await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-cache"));
    let list: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let list = list["pictures"].as_array().unwrap();
    let labels: Vec<_> = list.iter().map(|one| one["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["Hall", "Garden \"b\""]);

    for (one, (bytes, kind)) in list.iter().zip([(PNG, "image/png"), (JPEG, "image/jpeg")]) {
        let answer = server.get(one["address"].as_str().unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (200, kind));
        assert_eq!(answer.body, bytes);
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn what_is_not_in_the_list_is_not_there() {
    let server = Server::with(|deps| deps.backgrounds = Backgrounds::new(vec![picture("Hall", PNG)])).await;
    for name in ["hall.png", "..%2f..%2fetc%2fpasswd", "../Cargo.toml", "0123456789abcdef0123456789abcdef.png", "%00"] {
        assert_eq!(server.get(&format!("/backgrounds/{name}")).await.status, 404, "{name}");
    }
}

#[tokio::test]
async fn without_pictures_the_list_is_empty() {
    let server = Server::start().await;
    assert_eq!(server.get("/backgrounds").await.body, r#"{"pictures":[]}"#);
}

#[test]
fn a_kind_is_told_by_the_content() {
    assert_eq!(PictureKind::of(b"RIFF\x10\0\0\0WEBPVP8 "), Some(PictureKind::Webp));
    assert_eq!(PictureKind::of(b"<svg xmlns='http://www.w3.org/2000/svg'>"), None);
    assert_eq!(PictureKind::of(b""), None);
}
