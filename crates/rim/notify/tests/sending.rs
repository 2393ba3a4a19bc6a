//! Real requests to a server of our own on this machine.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::time::Duration;

use bytes::Bytes;
use notify::HttpOutgoing;
use ports::outgoing::{Answer, Method, Outgoing, OutgoingError, Reach, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_request_arrives_with_its_headers_and_the_answer_is_read() {
    let (url, heard) =
        answering("HTTP/1.1 503 Later\r\nRetry-After: 7\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno")
            .await;

    let answer = ask(&url, Reach::Anywhere, 100).await.unwrap();

    let expected = Answer {
        status: 503,
        retry_after: Some(Duration::from_secs(7)),
        content_type: Some("text/plain".into()),
        body: Bytes::from_static(b"no"),
    };
    assert_eq!(answer, expected);
    let heard = heard.await.unwrap();
    assert!(heard.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains("hash-token: signed\r\n") && heard.ends_with("\r\n\r\n{}"), "{heard}");
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_bound() {
    let (url, _) = answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345").await;

    assert_eq!(ask(&url, Reach::Anywhere, 4).await, Err(OutgoingError::TooLarge));
}

#[tokio::test]
async fn nothing_inside_is_asked_for_a_user_whatever_it_is_called() {
    for url in [
        "http://127.0.0.1/",
        "http://[::1]:80/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://169.254.169.254/latest",
        "http://[::ffff:10.0.0.1]/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "no address",
    ] {
        assert_eq!(ask(url, Reach::Public, 100).await, Err(OutgoingError::Refused), "{url}");
    }
    assert!(matches!(ask("http://localhost/", Reach::Public, 100).await, Err(OutgoingError::Failed(_))));
}

#[tokio::test]
async fn a_redirection_to_something_else_than_the_web_is_not_followed() {
    let (url, _) = answering("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n").await;

    assert_eq!(ask(&url, Reach::Anywhere, 100).await.map(|answer| answer.status), Ok(302));
}

#[tokio::test]
async fn a_failure_does_not_repeat_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret-path", listener.local_addr().unwrap());
    drop(listener);

    let failure = ask(&url, Reach::Anywhere, 100).await.unwrap_err().to_string();

    assert!(!failure.contains("secret"), "{failure}");
}

async fn ask(url: &str, reach: Reach, most: usize) -> Result<Answer, OutgoingError> {
    let request = Request {
        url: url.to_owned(),
        method: Method::Post(Bytes::from_static(b"{}")),
        headers: vec![("hash-token", "signed".to_owned())],
        reach,
        patience: Duration::from_secs(10),
        most,
    };
    HttpOutgoing::new().unwrap().send(request).await
}

/// Answers one request and tells what it was.
async fn answering(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?a=b", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n{}") {
            assert_ne!(socket.read_buf(&mut heard).await.unwrap(), 0);
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(heard).unwrap()
    });
    (url, heard)
}
