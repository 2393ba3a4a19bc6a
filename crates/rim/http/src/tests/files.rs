use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prost::Message;
use serde_json::json;
use wire::plenum;
use wire::pnm::{self, RoomUploadedFileType as Kind};

use super::harness::{Answer, KEY, ROOM, SECRET, Server};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";
const PAGE: &[u8] = b"<html><script>alert(1)</script></html>";

/// A piece as Resumable.js describes it.
struct Piece<'a> {
    name: &'a str,
    number: u32,
    of: u32,
    size: u64,
    total: u64,
}

fn whole(name: &str, size: usize) -> Piece<'_> {
    Piece { name, number: 1, of: 1, size: size as u64, total: size as u64 }
}

impl Piece<'_> {
    fn query(&self) -> String {
        let Self { name, number, of, size, total } = self;
        format!(
            "/api/fileUpload?roomSid=x&roomId=x&userId=x&resumable=true&resumableChunkNumber={number}\
             &resumableChunkSize=10485760&resumableCurrentChunkSize={size}&resumableTotalSize={total}&resumableType=\
             &resumableIdentifier={total}-{name}&resumableFilename={name}&resumableRelativePath={name}\
             &resumableTotalChunks={of}"
        )
    }
}

fn form(field: &str, name: &str, content: &[u8]) -> Vec<u8> {
    let mut body = format!("--XX\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n");
    let mut body = std::mem::take(&mut body).into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--XX--\r\n");
    body
}

const FORM: &str = "multipart/form-data; boundary=XX";

impl Server {
    async fn probe(&self, token: &str, piece: &Piece<'_>) -> Answer {
        let request = Request::get(piece.query()).header("authorization", token);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn piece(&self, token: &str, piece: &Piece<'_>, content: &[u8]) -> Answer {
        self.post_form(&piece.query(), token, form("file", "blob", content)).await
    }

    async fn post_form(&self, path: &str, token: &str, body: Vec<u8>) -> Answer {
        let request = Request::post(path).header("authorization", token).header("content-type", FORM);
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn merge(&self, token: &str, kind: Kind, name: &str, total: usize, chunks: i32) -> Answer {
        let wish = pnm::UploadedFileMergeReq {
            file_type: kind.into(),
            resumable_identifier: format!("{total}-{name}"),
            resumable_filename: name.into(),
            resumable_total_chunks: chunks,
            ..Default::default()
        };
        self.member("/api/uploadedFileMerge", token, &wish).await
    }

    async fn small(&self, token: &str, kind: Kind, name: &str, data: &str) -> Answer {
        let wish = pnm::UploadBase64EncodedDataReq {
            data: data.into(),
            file_name: name.into(),
            file_type: kind.into(),
            ..Default::default()
        };
        self.member("/api/uploadBase64EncodedData", token, &wish).await
    }

    async fn files(&self, token: &str, kind: Kind) -> Vec<pnm::RoomUploadedFileMetadata> {
        let wish = pnm::GetRoomUploadedFilesReq { room_id: "room01".into(), file_type: kind.into() };
        let answer = self.member("/api/getRoomFilesByType", token, &wish).await;
        let answer = pnm::GetRoomUploadedFilesRes::decode(answer.body).unwrap();
        assert_eq!((answer.status, answer.msg.as_str()), (true, "success"));
        answer.files
    }

    /// Uploads a file in one piece; the answer to the merge.
    async fn upload(&self, token: &str, kind: Kind, name: &str, content: &[u8]) -> pnm::UploadedFileRes {
        self.piece(token, &whole(name, content.len()), content).await.is(200, TEXT, "part_uploaded");
        let answer = self.merge(token, kind, name, content.len(), 1).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (200, "application/protobuf"));
        pnm::UploadedFileRes::decode(answer.body).unwrap()
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn refusal(answer: &Answer, status: u16, msg: &str, code: &str) {
    answer.is(
        status,
        "application/json; charset=utf-8",
        &format!(r#"{{"msg":"{msg}","status":false,"status_code":"{code}"}}"#),
    );
}

#[tokio::test]
async fn a_file_comes_in_pieces_and_goes_out_as_an_attachment() {
    let server = Server::start().await;
    let token = server.token("u1", false).await;
    let content = [PNG, &[7; 100]].concat();
    let pieces = [&content[..50], &content[50..100], &content[100..]];
    let described = |index: usize| Piece {
        name: "pict%20ure.png",
        number: index as u32 + 1,
        of: 3,
        size: pieces[index].len() as u64,
        total: content.len() as u64,
    };

    assert_eq!(server.probe(&token, &described(0)).await.status, 204);
    for (index, piece) in pieces.iter().enumerate() {
        server.piece(&token, &described(index), piece).await.is(200, TEXT, "part_uploaded");
    }
    let msg = "skipping upload as previously uploaded chunk";
    refusal(&server.probe(&token, &described(1)).await, 201, msg, "INTERNAL_SERVER_ERROR");
    let answer = server.merge(&token, Kind::ChatFile, "pict ure.png", content.len(), 3).await;

    let file = pnm::UploadedFileRes::decode(answer.body).unwrap();
    assert_eq!((file.status, file.msg.as_str()), (true, "file uploaded successfully"));
    assert_eq!((file.file_name.as_str(), file.file_extension.as_str()), ("pict ure.png", "png"));
    assert_eq!((file.file_mime_type.as_str(), file.file_type), ("image/png", 0));
    assert_eq!(file.file_id.len(), 36);
    let (sid, rest) = file.file_path.split_once('/').unwrap();
    assert_eq!((sid.len(), rest.len()), (36, 32 + "/pict_ure.png".len()));

    let listed = server.files(&token, Kind::ChatFile).await;
    let expected = pnm::RoomUploadedFileMetadata {
        file_id: file.file_id,
        file_name: "pict ure.png".into(),
        file_path: file.file_path.clone(),
        mime_type: "image/png".into(),
        uploaded_by_user_id: "u1".into(),
        uploaded_by_name: "N".into(),
        file_type: 0,
        total_pages: None,
    };
    assert_eq!(listed, [expected]);

    for path in [file.file_path.clone(), file.file_path.replace('/', "%2F")] {
        let answer = server.get(&format!("/download/uploadedFile/{path}")).await;
        assert_eq!((answer.status.as_u16(), answer.kind(), &answer.body[..]), (200, "image/png", &content[..]));
        let disposition = "attachment; filename=\"pict_ure.png\"; filename*=UTF-8''pict%20ure.png";
        assert_eq!(answer.header("content-disposition"), disposition);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; sandbox");
    }
    let part = Request::get(format!("/download/uploadedFile/{}", file.file_path)).header("range", "bytes=1-3");
    let answer = server.send(part.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (206, &b"PNG"[..]));
}

#[tokio::test]
async fn a_bad_token_is_a_bad_request_to_whoever_sends_pieces() {
    let server = Server::start().await;
    server.token("u1", false).await;
    for (token, msg, code) in [
        ("", "notifications.auth-header-missing", "MISSING_REQUIRED_PARAMETER"),
        ("rubbish", "notifications.invalid-token", "INVALID_TOKEN_OR_SIGNATURE"),
    ] {
        let expected = format!(r#"{{"status":false,"msg":"{msg}","status_code":"{code}"}}"#);
        server.probe(token, &whole("a.txt", 5)).await.is(400, "application/json", &expected);
        server.piece(token, &whole("a.txt", 5), b"hello").await.is(400, "application/json", &expected);
        let answer = server.merge(token, Kind::ChatFile, "a.txt", 5, 1).await;
        assert_eq!(answer.status, 401);
    }
}

#[tokio::test]
async fn a_piece_that_says_too_little_or_wants_too_much_is_refused() {
    let server = Server::start().await;
    let token = server.token("u1", false).await;
    let invalid = "INVALID_PARAMETERS";
    let send = async |query: String| server.post_form(&query, &token, form("file", "blob", b"hello")).await;
    let query = whole("a.txt", 5).query();

    for (changed, msg) in [
        (query.replace("resumableIdentifier=5-a.txt", "x=y"), "invalid resumableIdentifier"),
        (query.replace("resumableFilename=a.txt", "resumableFilename="), "missing required fields"),
        (query.replace("ChunkNumber=1", "ChunkNumber=2"), "missing required fields"),
        (query.replace("TotalChunks=1", "TotalChunks=100000"), "missing required fields"),
        (query.replace("TotalSize=5", "TotalSize=0"), "missing required fields"),
        (
            query.replace("ChunkNumber=1", "ChunkNumber=2").replace("TotalChunks=1", "TotalChunks=2"),
            "invalid resumableIdentifier",
        ),
        (query.replace("TotalSize=5", "TotalSize=2097153"), "file too large: max allowed is 2MB"),
    ] {
        refusal(&send(changed).await, 400, msg, invalid);
    }
    let answer = send(query.replace("ChunkNumber=1", "ChunkNumber=one")).await;
    assert_eq!(answer.status, 400);
    let answer = server.post_form(&query, &token, form("other", "blob", b"hello")).await;
    refusal(&answer, 400, "missing 'file' in form-data", invalid);
    let answer = server.piece(&token, &whole("a.txt", 9), b"hello").await;
    refusal(&answer, 503, "failed to write chunk data", "INTERNAL_SERVER_ERROR");
    let answer = server.piece(&token, &whole("a.txt", PAGE.len()), PAGE).await;
    refusal(&answer, 415, "'html' is not an allowed file type", invalid);
    let answer = server.piece(&token, &whole("a.png", 5), b"\0\x01\x02\x03\x04").await;
    refusal(&answer, 415, "invalid: can't determine file type", invalid);
    let answer = server.post_form(&query, &token, vec![b'x'; 4 * 1024 * 1024 + 1]).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_merge_says_what_is_wrong() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;
    let empty = pnm::UploadedFileMergeReq::default();
    server.member("/api/uploadedFileMerge", &token, &empty).await.refuses("invalid empty resumableIdentifier");
    let missing = "requested file's chunks not found for identifier 9-a.txt, make sure those were uploaded";
    server.merge(&token, Kind::ChatFile, "a.txt", 9, 1).await.refuses(missing);
    let odd = pnm::UploadedFileMergeReq { resumable_identifier: "x".into(), file_type: 9, ..Default::default() };
    server.member("/api/uploadedFileMerge", &token, &odd).await.refuses("invalid file_type");

    let half = Piece { name: "b.txt", number: 1, of: 2, size: 5, total: 10 };
    server.piece(&token, &half, b"hello").await;
    let missing = "requested file's chunks not found for identifier 10-b.txt, make sure those were uploaded";
    server.merge(&token, Kind::ChatFile, "b.txt", 10, 2).await.refuses(missing);

    server.piece(&token, &whole("c.txt", 5), b"hello").await;
    let msg = "'txt' is not an allowed file type";
    server.merge(&token, Kind::WhiteboardImageFile, "c.txt", 5, 1).await.refuses(msg);
    let gone = "requested file's chunks not found for identifier 5-c.txt, make sure those were uploaded";
    server.merge(&token, Kind::ChatFile, "c.txt", 5, 1).await.refuses(gone);

    let large = [PNG, &vec![0; 1 << 20]].concat();
    server.piece(&token, &whole("d.png", large.len()), &large).await.is(200, TEXT, "part_uploaded");
    let msg = "file too large: max allowed is 1MB";
    server.merge(&token, Kind::WhiteboardImageFile, "d.png", large.len(), 1).await.refuses(msg);
}

#[tokio::test]
async fn a_picture_within_a_message_keeps_its_own_id() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;
    let data = BASE64_STANDARD.encode(PNG);

    let answer = server.small(&token, Kind::WhiteboardImageFile, "a1b2c3.png", &data).await;

    let file = pnm::UploadBase64EncodedDataRes::decode(answer.body).unwrap();
    assert_eq!((file.status, file.msg.as_str()), (true, "file uploaded successfully"));
    assert_eq!((file.file_name.as_str(), file.file_extension.as_str()), ("a1b2c3.png", "png"));
    assert_eq!(file.file_mime_type, "image/png");
    assert_eq!(server.files(&token, Kind::WhiteboardImageFile).await[0].file_id, "a1b2c3");
    let answer = server.get(&format!("/download/uploadedFile/{}", file.file_path)).await;
    assert_eq!(&answer.body[..], PNG);

    let answer = server.small(&token, Kind::WhiteboardImageFile, "x.png", "not base64!").await;
    let msg = pnm::CommonResponse::decode(answer.body).unwrap().msg;
    assert!(msg.starts_with("failed to decode base64 data: "), "{msg}");
    let page = BASE64_STANDARD.encode(PAGE);
    let msg = "'html' is not an allowed file type";
    server.small(&token, Kind::WhiteboardImageFile, "x.png", &page).await.refuses(msg);
    let large = BASE64_STANDARD.encode([PNG, &vec![0; 1 << 20]].concat());
    let msg = "file too large: max allowed is 1MB";
    server.small(&token, Kind::WhiteboardImageFile, "x.png", &large).await.refuses(msg);
    let guest = server.token("u2", false).await;
    server.small(&guest, Kind::ExternalMediaPlayerFile, "x.mp4", &data).await.refuses("only a moderator can do this");
    server.small(&guest, Kind::WhiteboardImageFile, "x.png", &data).await.refuses("locked by a moderator");
    assert_eq!(server.files(&token, Kind::WhiteboardImageFile).await.len(), 1, "a refusal leaves nothing");
}

#[tokio::test]
async fn the_room_and_its_locks_decide() {
    let server = Server::start().await;
    let chat = r#"{"chat_features":{"is_allow":true,"is_allow_file_upload":true,"allowed_file_types":["pdf"]}}"#;
    let locks = r#","default_lock_settings":{"lock_chat_file_share":true,"lock_whiteboard":true}"#;
    let room = ROOM.replace(r#""room_features":{}"#, &format!(r#""room_features":{chat}{locks}"#));
    server.ask("/auth/room/create", &room).await;
    let (host, guest) = (server.token("host", true).await, server.token("guest", false).await);
    let pdf = b"%PDF-1.7\nhello";

    server.piece(&guest, &whole("a.pdf", pdf.len()), pdf).await;
    server.merge(&guest, Kind::ChatFile, "a.pdf", pdf.len(), 1).await.refuses("locked by a moderator");
    assert!(server.upload(&host, Kind::ChatFile, "a.pdf", pdf).await.status);
    server.piece(&host, &whole("a.png", PNG.len()), PNG).await;
    let msg = "'png' is not an allowed file type";
    server.merge(&host, Kind::ChatFile, "a.png", PNG.len(), 1).await.refuses(msg);
    assert!(server.upload(&guest, Kind::VirtualBackground, "b.png", PNG).await.status);
    assert_eq!(server.files(&guest, Kind::ChatFile).await.len(), 1, "reading is not locked");
}

#[tokio::test]
async fn who_waits_uploads_backgrounds_and_nothing_else() {
    let server = Server::start().await;
    let features = r#"{"waiting_room_features":{"is_active":true}}"#;
    let room = ROOM.replace(r#""room_features":{}"#, &format!(r#""room_features":{features}"#));
    server.ask("/auth/room/create", &room).await;
    let guest = server.token("guest", false).await;
    let pdf = b"%PDF-1.7\nhello";

    let answer = server.piece(&guest, &whole("a.pdf", pdf.len()), pdf).await;
    refusal(&answer, 415, "'pdf' is not an allowed file type", "INVALID_PARAMETERS");
    assert!(server.upload(&guest, Kind::VirtualBackground, "b.png", PNG).await.status);
    server.piece(&guest, &whole("c.png", PNG.len()), PNG).await;
    server.merge(&guest, Kind::ChatFile, "c.png", PNG.len(), 1).await.refuses("waiting for approval");
    let wish = pnm::GetRoomUploadedFilesReq { room_id: "room01".into(), file_type: 0 };
    server.member("/api/getRoomFilesByType", &guest, &wish).await.refuses("waiting for approval");
}

#[tokio::test]
async fn a_background_is_gone_for_good_once_its_owner_removes_it() {
    let server = Server::start().await;
    let (ana, ben) = (server.token("ana", false).await, server.token("ben", false).await);
    let file = server.upload(&ana, Kind::VirtualBackground, "b.png", PNG).await;
    let address = format!("/download/uploadedFile/{}", file.file_path);
    let wish = plenum::RemoveBackgroundReq { file_path: file.file_path };
    let path = "/api/plenum/backgrounds/remove";

    let done = |answer: Answer| pnm::CommonResponse::decode(answer.body).unwrap().status;
    assert!(done(server.member(path, &ben, &wish).await), "there is none of his at that path");
    assert_eq!(server.get(&address).await.status, 200);
    assert!(done(server.member(path, &ana, &wish).await));

    assert_eq!(server.files(&ana, Kind::VirtualBackground).await, []);
    assert_eq!(server.get(&address).await.status, 404);
    assert_eq!(server.member(path, "rubbish", &wish).await.status, 401);
}

#[tokio::test]
async fn a_room_has_only_so_much_space() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;
    let film = [b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00".as_slice(), &vec![0; (2 << 20) - 20]].concat();

    assert!(server.upload(&token, Kind::ChatFile, "a.mp4", &film).await.status);
    let answer = server.piece(&token, &whole("b.mp4", film.len()), &film).await;

    let msg = "the room's storage is full: max allowed is 3MB";
    refusal(&answer, 400, msg, "INVALID_PARAMETERS");
}

#[tokio::test]
async fn a_path_that_opens_nothing_says_why() {
    let server = Server::start().await;
    server.token("u1", true).await;
    for (path, status, text) in [
        ("x", 400, "invalid url"),
        ("x/%ff", 400, "invalid file path"),
        ("x/..%2F..%2Fetc%2Fpasswd", 400, "invalid file path"),
        ("sid/tmp/part1", 403, "access to temporary directory is forbidden"),
        ("sid/0123456789abcdef0123456789abcdef/a.png", 404, "file not found"),
        ("sid/a.png", 404, "file not found"),
    ] {
        server.get(&format!("/download/uploadedFile/{path}")).await.is(status, TEXT, text);
    }
    let post = Request::post("/download/uploadedFile/a/b").body(Body::empty()).unwrap();
    server.send(post).await.is(404, TEXT, "not found");
}

/// A signed form of an application.
fn application(room: Option<&str>, body: Vec<u8>) -> Request<Body> {
    let mut request =
        Request::post("/auth/room/uploadWhiteboardFile").header("API-KEY", KEY).header("content-type", FORM);
    if let Some(room) = room {
        let signature = wire::signature::sign(SECRET, room.as_bytes());
        request = request.header("Room-Id", room).header("HASH-SIGNATURE", signature);
    } else {
        request = request.header("HASH-SIGNATURE", "x");
    }
    request.body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn an_application_brings_a_document_for_the_whiteboard() {
    let server = Server::start().await;
    let token = server.token("u1", true).await;
    let pdf = b"%PDF-1.7\nhello";

    let answer = server.send(application(Some("room01"), form("document", "plan.pdf", pdf))).await;

    assert_eq!((answer.status.as_u16(), answer.kind()), (200, "application/json"));
    let msg = "file uploaded successfully, it is stored but not converted: this server cannot convert files for the \
               whiteboard yet";
    assert_eq!(answer.json(), json!({"status": true, "msg": msg, "status_code": "SUCCESS"}));
    assert_eq!(server.files(&token, Kind::WhiteboardConvertedFile).await, [], "it has no pages");
    let stored: Vec<_> = std::fs::read_dir(server.folder.path().join("uploads")).unwrap().collect();
    assert_eq!(stored.len(), 1);
}

/// What is in every file of a folder, whatever they are called.
fn contents(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { contents(&path) } else { vec![std::fs::read(path).unwrap()] }).collect()
}

/// A form with a `document_link`.
fn linked(link: &str) -> Vec<u8> {
    format!("--XX\r\nContent-Disposition: form-data; name=\"document_link\"\r\n\r\n{link}\r\n--XX--\r\n").into_bytes()
}

#[tokio::test]
async fn a_document_is_fetched_from_where_the_operator_allows() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let documents = format!("http://{}", listener.local_addr().unwrap());
    let shown = |kind: &'static str, body: &'static [u8]| get(async move || ([("content-type", kind)], body));
    let routes = Router::new()
        .route("/plan.pdf", shown("application/pdf", b"%PDF-1.7\nhello"))
        .route("/page.pdf", shown("application/pdf", PAGE))
        .route("/silent.pdf", shown("", b"%PDF-1.7\nhello"))
        .route("/moved.pdf", get(async || axum::response::Redirect::temporary("/plan.pdf")));
    let elsewhere = tokio::spawn(async move { axum::serve(listener, routes).await });
    let server = Server::with(|deps| deps.documents = ports::outgoing::Reach::Anywhere).await;
    server.token("u1", true).await;
    let send = async |path: &str| server.send(application(Some("room01"), linked(&format!("{documents}{path}")))).await;

    let answer = send("/plan.pdf").await;
    assert_eq!(answer.json()["status_code"], "SUCCESS", "{}", answer.text());
    let kept = contents(&server.folder.path().join("uploads"));
    assert!(kept.iter().any(|content| content == b"%PDF-1.7\nhello"));

    refusal(&send("/page.pdf").await, 400, "'html' is not an allowed file type", "INVALID_PARAMETERS");
    refusal(&send("/silent.pdf").await, 400, "missing Content-Type header", "INTERNAL_SERVER_ERROR");
    let msg = "failed to download file: status code 404";
    refusal(&send("/none.pdf").await, 400, msg, "INTERNAL_SERVER_ERROR");
    assert_eq!(send("/moved.pdf").await.json()["status_code"], "SUCCESS");
    elsewhere.abort();
}

#[tokio::test]
async fn an_application_learns_why_its_document_is_not_taken() {
    let server = Server::start().await;
    let send = async |room: &str, body| server.send(application(Some(room), body)).await;
    let pdf = b"%PDF-1.7\nhello";
    let invalid = "INVALID_PARAMETERS";

    refusal(&send("room01", form("document", "a.pdf", pdf)).await, 400, "room not found", "ROOM_NOT_FOUND");
    server.ask("/auth/room/create", ROOM).await;
    let answer = send("room01", form("document", "a.txt", PAGE)).await;
    refusal(&answer, 400, "'html' is not an allowed file type", invalid);
    let answer = send("room01", form("document", "a", b"\0\x01\x02\x03")).await;
    refusal(&answer, 400, "invalid: can't determine file type", invalid);
    let answer = send("room01", form("document", "a.pdf", &vec![0; (1 << 20) + 1])).await;
    refusal(&answer, 413, "Request Entity Too Large", invalid);
    let answer = send("room01", form("other", "a.pdf", pdf)).await;
    refusal(&answer, 400, "there is no uploaded file associated with the given key", invalid);
    refusal(&send("room01", linked("no link")).await, 400, "Invalid document_link provided", invalid);
    let answer = send("room01", linked("http://127.0.0.1:1/a.pdf")).await;
    let msg = "failed to download file: the address is not allowed";
    refusal(&answer, 400, msg, "INTERNAL_SERVER_ERROR");

    let unsigned = server.send(application(None, Vec::new())).await;
    let msg = "Missing Room-Id header for multipart request.";
    let expected = format!(r#"{{"status":false,"msg":"{msg}","status_code":"MISSING_REQUIRED_PARAMETER"}}"#);
    unsigned.is(401, "application/json", &expected);
    let answer = server.call("/auth/room/uploadWhiteboardFile", "{}").await;
    refusal(&answer, 400, "missing required header Room-Id", invalid);
    let room = model::RoomId::try_from("room01").unwrap();
    let _turn = server.meetings.whiteboard_turn(&room).unwrap();
    let answer = send("room01", form("document", "a.pdf", pdf)).await;
    let msg = "Another whiteboard file upload is already in progress for this room";
    refusal(&answer, 409, msg, "CONFLICT");
}

#[tokio::test]
async fn a_document_needs_a_room_that_is_not_ending_and_room_on_the_disk() {
    let server = Server::start().await;
    let pdf = b"%PDF-1.7\nhello";
    let token = server.token("u1", true).await;
    server.write("uploads", b"a file where a folder should be");
    let answer = server.send(application(Some("room01"), form("document", "a.pdf", pdf))).await;
    refusal(&answer, 500, "failed to save file", "INTERNAL_SERVER_ERROR");

    let _stays = server.meetings.open_socket(&token, String::new()).await.unwrap();
    server.ask("/auth/room/endRoom", r#"{"room_id":"room01"}"#).await;
    let answer = server.send(application(Some("room01"), form("document", "a.pdf", pdf))).await;
    refusal(&answer, 400, "room is not active", "ROOM_NOT_ACTIVE");
}
