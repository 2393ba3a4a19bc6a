use axum::extract::ConnectInfo;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_tungstenite::{WebSocketStream, tungstenite};

use super::*;

mod carried;

/// Much longer than a test runs.
const LONG: Duration = Duration::from_secs(3600);
/// Short enough to wait for. On a busy machine whoever should be in time may be late; they try again.
const SHORT: Duration = Duration::from_millis(500);
const PATIENT: Limits = Limits { connections: 100, per_address: 100, head_patience: LONG, write_patience: LONG };

struct Server {
    address: SocketAddr,
    /// Names of requests, as their handlers begin.
    begun: mpsc::UnboundedReceiver<String>,
    /// Lets `/slow` answer.
    go_on: Arc<Notify>,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    begun: mpsc::UnboundedSender<String>,
    go_on: Arc<Notify>,
}

async fn slow(State(desk): State<Desk>) -> &'static str {
    let _ = desk.begun.send("slow".to_owned());
    desk.go_on.notified().await;
    "finished!"
}

async fn named(State(desk): State<Desk>, Path(name): Path<String>) -> &'static str {
    let _ = desk.begun.send(name);
    "hello!"
}

async fn whoami(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
    format!("{peer}!")
}

async fn scheme(headers: axum::http::HeaderMap) -> String {
    format!("{:?}!", headers.get("x-forwarded-proto"))
}

/// More than any socket buffer takes in.
async fn flood() -> Vec<u8> {
    vec![b'x'; 64 << 20]
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            if let Message::Text(_) = message {
                let _ = socket.send(message).await;
            }
        }
    })
}

impl Server {
    async fn start(limits: Limits) -> Self {
        Self::start_with(limits, |_| false).await
    }

    async fn start_with(limits: Limits, is_exempt: fn(IpAddr) -> bool) -> Self {
        Self::start_with_more(limits, is_exempt, None, None).await
    }

    async fn start_with_more(
        limits: Limits,
        is_exempt: fn(IpAddr) -> bool,
        media: Option<StreamDoor>,
        tls: Option<Tls>,
    ) -> Self {
        Self::start_in(House::new(limits), is_exempt, media, tls).await
    }

    async fn start_in(
        house: House,
        is_exempt: fn(IpAddr) -> bool,
        media: Option<StreamDoor>,
        tls: Option<Tls>,
    ) -> Self {
        let listener = Listeners::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, begun) = mpsc::unbounded_channel();
        let go_on = Arc::new(Notify::new());
        let app = Router::new()
            .route("/slow", get(slow))
            .route("/named/{name}", get(named))
            .route("/whoami", get(whoami))
            .route("/scheme", get(scheme))
            .route("/flood", get(flood))
            .route("/echo", get(echo))
            .with_state(Desk { begun: sender, go_on: go_on.clone() });
        let (stop, stopping) = watch::channel(false);
        let served = {
            let services = Services { app: Some(app), media, tls };
            tokio::spawn(serve(listener, services, house, is_exempt, stopping))
        };
        Self { address, begun, go_on, stop, served }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn websocket(&self) -> WebSocketStream<TcpStream> {
        let url = format!("ws://{}/echo", self.address);
        loop {
            if let Ok((socket, _)) = tokio_tungstenite::client_async(&url, self.connect().await).await {
                return socket;
            }
        }
    }

    /// A connection whose first request was answered.
    async fn idle(&self) -> TcpStream {
        loop {
            let mut client = self.connect().await;
            let _ = client.write_all(b"GET /whoami HTTP/1.1\r\nhost: x\r\n\r\n").await;
            if try_answer(&mut client).await.is_ok() {
                return client;
            }
        }
    }

    /// A connection whose request for `/slow` has begun.
    async fn busy(&mut self) -> TcpStream {
        loop {
            let mut client = self.connect().await;
            let _ = client.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await;
            tokio::select! {
                Some(name) = self.begun.recv() => {
                    assert_eq!(name, "slow");
                    return client;
                }
                _ = client.read_u8() => {}
            }
        }
    }
}

async fn ask(stream: &mut TcpStream, path: &str) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
}

/// Reads until the exclamation mark that ends every body here.
async fn answer(stream: &mut TcpStream) -> String {
    try_answer(stream).await.unwrap()
}

async fn try_answer(stream: &mut TcpStream) -> io::Result<String> {
    let mut answer = String::new();
    while !answer.ends_with('!') {
        answer.push(char::from(stream.read_u8().await?));
    }
    Ok(answer)
}

/// Reads what is left; a reset is an end as well.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    rest
}

async fn echoes(socket: &mut WebSocketStream<TcpStream>, text: &str) {
    socket.send(tungstenite::Message::text(text)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), tungstenite::Message::text(text));
}

#[tokio::test]
async fn who_sends_half_a_head_or_none_is_shown_out() {
    let server = Server::start(Limits { head_patience: SHORT, ..PATIENT }).await;
    let mut clients = vec![server.idle().await];
    for half in ["GET /named/x HTTP/1.1\r\nhost: x\r\n", "G", ""] {
        let mut client = server.connect().await;
        // It may have been shown out already.
        let _ = client.write_all(half.as_bytes()).await;
        clients.push(client);
    }
    for mut client in clients {
        assert_eq!(rest(&mut client).await, b"");
    }
}

#[tokio::test]
async fn an_answer_may_take_longer_than_a_head() {
    let mut server = Server::start(Limits { head_patience: SHORT, ..PATIENT }).await;
    let mut client = server.busy().await;

    // Closed by the clock that must not run for the other one.
    rest(&mut server.connect().await).await;
    server.go_on.notify_one();

    assert!(answer(&mut client).await.ends_with("finished!"));
}

#[tokio::test]
async fn who_does_not_read_is_shown_out() {
    let server = Server::start(Limits { connections: 1, write_patience: SHORT, ..PATIENT }).await;
    let mut deaf = server.connect().await;
    ask(&mut deaf, "/flood").await;

    let mut next = server.connect().await;
    ask(&mut next, "/named/x").await;

    answer(&mut next).await;
    assert!(rest(&mut deaf).await.len() < 64 << 20);
}

#[tokio::test]
async fn whoever_finds_no_place_waits_until_one_is_free() {
    let mut server = Server::start(Limits { connections: 1, ..PATIENT }).await;
    let mut first = server.connect().await;
    ask(&mut first, "/slow").await;
    assert_eq!(server.begun.recv().await.unwrap(), "slow");

    let mut second = server.connect().await;
    ask(&mut second, "/named/second").await;
    server.go_on.notify_one();
    answer(&mut first).await;
    ask(&mut first, "/named/first").await;
    answer(&mut first).await;
    assert_eq!(server.begun.recv().await.unwrap(), "first");
    drop(first);

    answer(&mut second).await;
    assert_eq!(server.begun.recv().await.unwrap(), "second");
}

#[tokio::test]
async fn two_ports_have_as_many_places_as_one() {
    let house = House::new(Limits { connections: 8, per_address: 8, ..PATIENT });
    let mut first = Server::start_in(house.clone(), |_| false, None, None).await;
    let mut second = Server::start_in(house.clone(), |_| false, None, None).await;
    let mut sockets = Vec::new();
    for _ in 0..6 {
        sockets.push(first.websocket().await);
    }
    // Each port keeps a place for whoever comes next, while there is one.
    sockets.push(second.websocket().await);
    sockets.push(first.websocket().await);

    let (mut ninth, mut tenth) = (first.connect().await, second.connect().await);
    ask(&mut ninth, "/named/ninth").await;
    ask(&mut tenth, "/named/tenth").await;
    for socket in &mut sockets {
        echoes(socket, "still here").await;
    }

    assert_eq!(house.places.available_permits(), 0);
    assert!(first.begun.try_recv().is_err() && second.begun.try_recv().is_err());

    drop(sockets);
    answer(&mut ninth).await;
    answer(&mut tenth).await;
}

#[tokio::test]
async fn one_address_has_one_share_of_two_ports() {
    let house = House::new(Limits { per_address: 1, ..PATIENT });
    let first = Server::start_in(house.clone(), |_| false, None, None).await;
    let second = Server::start_in(house, |_| false, None, None).await;
    let mut socket = first.websocket().await;

    let mut more = second.connect().await;
    let refused = tokio::time::timeout(LONG / 60, rest(&mut more)).await;
    assert_eq!(refused.unwrap(), b"", "closed as soon as it is there");
    echoes(&mut socket, "still here").await;
}

#[tokio::test]
async fn a_house_with_two_ports_can_be_closed() {
    let house = House::new(PATIENT);
    let first = Server::start_in(house.clone(), |_| false, None, None).await;
    let second = Server::start_in(house, |_| false, None, None).await;
    let (one, other) = (first.websocket().await, second.websocket().await);
    first.stop.send_replace(true);
    second.stop.send_replace(true);
    drop((one, other));
    first.served.await.unwrap();
    second.served.await.unwrap();
}

#[tokio::test]
async fn a_websocket_keeps_its_place() {
    let mut server = Server::start(Limits { connections: 1, ..PATIENT }).await;
    let mut socket = server.websocket().await;
    let mut second = server.connect().await;
    ask(&mut second, "/named/second").await;

    for text in ["one", "two", "three"] {
        echoes(&mut socket, text).await;
    }
    assert!(server.begun.try_recv().is_err());
    socket.close(None).await.unwrap();
    drop(socket);

    answer(&mut second).await;
}

#[tokio::test]
async fn a_websocket_is_not_bound_to_the_patience_for_heads() {
    let server = Server::start(Limits { head_patience: SHORT, ..PATIENT }).await;
    let mut socket = server.websocket().await;
    rest(&mut server.connect().await).await;
    echoes(&mut socket, "still here").await;
}

#[tokio::test]
async fn handlers_know_the_peer() {
    let server = Server::start(PATIENT).await;
    let mut client = server.connect().await;
    ask(&mut client, "/whoami").await;
    let own = client.local_addr().unwrap();
    assert!(answer(&mut client).await.ends_with(&format!("\r\n\r\n{own}!")));
}

#[tokio::test]
async fn a_head_of_any_length_is_not_read() {
    let server = Server::start(PATIENT).await;
    let mut client = server.connect().await;
    let head = format!("GET /named/x HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "x".repeat(2 * MAX_BUFFER));
    // The server may close before it has read everything.
    let _ = client.write_all(head.as_bytes()).await;
    let answer = rest(&mut client).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn at_the_end_requests_under_way_finish_and_idle_connections_close() {
    let mut server = Server::start(PATIENT).await;
    let mut silent = server.connect().await;
    let mut idle = server.connect().await;
    ask(&mut idle, "/named/x").await;
    answer(&mut idle).await;
    server.begun.recv().await.unwrap();
    let mut busy = server.connect().await;
    ask(&mut busy, "/slow").await;
    server.begun.recv().await.unwrap();

    server.stop.send_replace(true);
    assert_eq!(rest(&mut idle).await, b"");
    assert_eq!(rest(&mut silent).await, b"");
    // Nobody is let in any more, as soon as the listener has noticed.
    while TcpStream::connect(server.address).await.is_ok() {}
    assert!(!server.served.is_finished());
    server.go_on.notify_one();

    let last = String::from_utf8(rest(&mut busy).await).unwrap();
    assert!(last.starts_with("HTTP/1.1 200") && last.ends_with("finished!"), "{last}");
    server.served.await.unwrap();
}

#[tokio::test]
async fn the_end_waits_for_websockets_to_close() {
    let server = Server::start(PATIENT).await;
    let mut socket = server.websocket().await;

    server.stop.send_replace(true);
    echoes(&mut socket, "closing").await;
    assert!(!server.served.is_finished());
    drop(socket);

    server.served.await.unwrap();
}

#[tokio::test]
async fn a_full_house_can_be_closed() {
    let server = Server::start(Limits { connections: 1, ..PATIENT }).await;
    let socket = server.websocket().await;
    server.stop.send_replace(true);
    drop(socket);
    server.served.await.unwrap();
}

#[test]
fn a_lack_of_descriptors_is_waited_out_and_a_lost_client_is_not() {
    let too_many_open_files = io::Error::from_raw_os_error(24);
    assert_eq!(pause_after(&too_many_open_files), Some(ACCEPT_PAUSE));
    assert_eq!(pause_after(&io::ErrorKind::ConnectionAborted.into()), None);
    assert_eq!(pause_after(&io::ErrorKind::ConnectionReset.into()), None);
}

#[tokio::test]
async fn one_address_holds_its_share_of_the_places_and_gets_it_back() {
    let server = Server::start(Limits { per_address: 2, ..PATIENT }).await;
    let mut first = server.websocket().await;
    let mut second = server.websocket().await;

    assert_eq!(rest(&mut server.connect().await).await, b"", "closed as soon as it is there");
    echoes(&mut first, "still here").await;
    echoes(&mut second, "me too").await;

    drop(first);
    loop {
        let mut next = server.connect().await;
        // The request may meet a connection that is closed already.
        let _ = next.write_all(b"GET /named/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        if rest(&mut next).await.starts_with(b"HTTP/1.1 200") {
            break;
        }
    }
}

#[tokio::test]
async fn who_speaks_for_many_is_not_bound_to_one_share() {
    let server = Server::start_with(Limits { per_address: 1, ..PATIENT }, |peer| peer.is_loopback()).await;
    let mut sockets = [server.websocket().await, server.websocket().await, server.websocket().await];
    for socket in &mut sockets {
        echoes(socket, "here").await;
    }
}

#[test]
fn the_number_of_places_follows_the_number_of_files() {
    let limits = |files| {
        let limits = Limits::for_files(files);
        (limits.connections, limits.per_address)
    };
    assert_eq!(limits(Some(1024)), (896, 224));
    assert_eq!(limits(Some(1_048_576)), (10_000, 2_500));
    assert_eq!(limits(Some(u64::MAX)), (10_000, 2_500));
    assert_eq!(limits(None), (10_000, 2_500));
    assert_eq!(limits(Some(0)), (4, 1));
}
