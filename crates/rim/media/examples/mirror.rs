//! A media plane with an insider who sends back every frame it gets, and writes it down: so browsers can be asked whether
//! what insiders get and what they send is what encoders made and decoders take (`compat/tests/insiders.test.mjs`).
//!
//! `mirror FOLDER` answers LiveKit clients on a port of its own, which it prints; the token is the name of who comes.
//! Frames of a track go to `FOLDER/SOURCE-FORMAT.frames`, one after the other: whether it is a key frame and whether it
//! comes after a loss, a byte each, its RTP time in four bytes, when it was captured in microseconds in eight, its length in
//! four, and itself.

// As in tests: whatever goes wrong here ends the program, and says so.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use futures_util::{SinkExt, StreamExt};
use media::{MediaConfig, Started};
use model::media::{MediaPermission, ParticipantKind, Source};
use model::{Identity, RoomId, SessionId};
use ports::media::inside::{InsideItem, InsideJoin, InsideKind, InsideOrder, Insider, SentFrame, TapFrame};
use ports::media::{MediaJoin, MediaPlane, SignalDown, Topology};
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// Loudness of what is sent back, in −dBov: the frames do not say theirs.
const LEVEL: u8 = 30;

/// What pictures are announced as.
const SIZE: (u32, u32) = (640, 360);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap());
    let config = MediaConfig {
        port: 0,
        bind: Some(Ipv4Addr::LOCALHOST.into()),
        advertise: Vec::new(),
        include_loopback: true,
        seed: 1,
        threads: 1,
        spread: None,
        stream_port: None,
        dscp: None,
        turn: None,
    };
    let Started { plane, events: _events, .. } = media::start(&config).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let insider = plane.enter(insider()).await.unwrap();
    tokio::spawn(async move { Mirror::new(folder).run(insider).await });
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let plane: Arc<dyn MediaPlane> = Arc::clone(&plane) as _;
        tokio::spawn(async move { serve(socket, plane).await });
    }
}

fn room() -> (RoomId, SessionId) {
    (RoomId::try_from("mirror").unwrap(), SessionId::try_from("session").unwrap())
}

fn permission() -> MediaPermission {
    MediaPermission::FREE
}

fn insider() -> InsideJoin {
    let (room, session) = room();
    InsideJoin {
        room,
        session,
        identity: Identity::try_from("mirror").unwrap(),
        name: "mirror".to_owned(),
        metadata: String::new(),
        attributes: Default::default(),
        kind: InsideKind::Agent,
        permission: permission(),
    }
}

/// One client's signalling socket.
async fn serve(socket: TcpStream, plane: Arc<dyn MediaPlane>) {
    let mut query = String::new();
    let note = |request: &Request, response: Response| {
        query = request.uri().query().unwrap_or_default().to_owned();
        Ok(response)
    };
    let Ok(socket) = tokio_tungstenite::accept_hdr_async(socket, note).await else { return };
    let Some(join) = join(&query) else { return };
    let Ok(link) = plane.connect(join).await else { return };
    let (mut sink, mut stream) = socket.split();
    let mut down = link.down;
    loop {
        tokio::select! {
            frame = stream.next() => match frame {
                Some(Ok(Message::Binary(bytes))) => {
                    if link.up.send(bytes).await.is_err() {
                        return;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            message = down.recv() => match message {
                Some(SignalDown::Message(bytes)) => {
                    if sink.send(Message::Binary(bytes)).await.is_err() {
                        return;
                    }
                }
                Some(SignalDown::Renew(_)) => {}
                Some(SignalDown::Close) | None => return,
            },
        }
    }
}

fn join(query: &str) -> Option<MediaJoin> {
    let find = |name| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value);
    let name = find("access_token")?;
    let (room, session) = room();
    Some(MediaJoin {
        room,
        session,
        identity: Identity::try_from(&*name).ok()?,
        name: name.to_string(),
        metadata: String::new(),
        attributes: Default::default(),
        permission: permission(),
        request: wire::join_request::decode(&find("join_request")?).ok()?.into(),
        topology: Topology::Single,
        relays: Vec::new(),
        relay_only: false,
        kind: ParticipantKind::Standard,
        kind_details: Vec::new(),
    })
}

/// The insider.
struct Mirror {
    folder: PathBuf,
    begun: Instant,
    /// Where tracks come from, by sid.
    sources: HashMap<String, Source>,
    /// What is written down of them; who has a file is being sent back.
    files: HashMap<Arc<str>, File>,
}

impl Mirror {
    fn new(folder: PathBuf) -> Self {
        Self { folder, begun: Instant::now(), sources: HashMap::new(), files: HashMap::new() }
    }

    async fn run(mut self, insider: Insider) {
        let Insider { orders, mut items } = insider;
        while let Some(item) = items.recv().await {
            for order in self.orders(item) {
                orders.send(order).await.unwrap();
            }
        }
    }

    fn orders(&mut self, item: InsideItem) -> Vec<InsideOrder> {
        match item {
            InsideItem::Track { sid, source, .. } => {
                self.sources.insert(sid.clone(), source.unwrap());
                vec![InsideOrder::Subscribe { sid, wanted: true }]
            }
            InsideItem::TrackGone { sid } => {
                self.files.remove(sid.as_str());
                vec![InsideOrder::Unpublish { name: sid }]
            }
            InsideItem::Frame(frame) => self.send_back(frame),
            InsideItem::KeyFrameWanted { name } => vec![InsideOrder::KeyFrame { sid: name }],
            InsideItem::Receiving { .. }
            | InsideItem::Speaking { .. }
            | InsideItem::Published { .. }
            | InsideItem::Refused { .. }
            | InsideItem::Wanted { .. }
            | InsideItem::Unpublished { .. }
            | InsideItem::Muted { .. }
            | InsideItem::Left(_) => Vec::new(),
        }
    }

    fn send_back(&mut self, frame: TapFrame) -> Vec<InsideOrder> {
        let mut orders = Vec::new();
        let name = frame.sid.to_string();
        if !self.files.contains_key(&frame.sid) {
            let source = self.sources[&name];
            let file = format!("{source:?}-{:?}.frames", frame.format).to_lowercase();
            self.files.insert(Arc::clone(&frame.sid), File::create(self.folder.join(file)).unwrap());
            orders.push(InsideOrder::Publish {
                name: name.clone(),
                source,
                format: frame.format,
                size: SIZE,
                stereo: false,
            });
        }
        self.write(&frame);
        let audio_level = frame.format.is_sound().then_some(LEVEL);
        let frame =
            SentFrame { timestamp: frame.timestamp, captured: Some(frame.captured), audio_level, data: frame.data };
        orders.push(InsideOrder::Send { name, frame });
        orders
    }

    fn write(&mut self, frame: &TapFrame) {
        let captured = frame.captured.saturating_duration_since(self.begun).as_micros();
        let mut bytes = vec![u8::from(frame.key_frame), u8::from(frame.after_loss)];
        bytes.extend(frame.timestamp.to_be_bytes());
        bytes.extend(u64::try_from(captured).unwrap().to_be_bytes());
        bytes.extend(u32::try_from(frame.data.len()).unwrap().to_be_bytes());
        bytes.extend(&frame.data[..]);
        self.files.get_mut(&frame.sid).unwrap().write_all(&bytes).unwrap();
    }
}
