//! One person with the original browser client: what it asks, in its order, and what it does while the meeting goes on
//! (meeting-protocol.md sections 1.6, 2.5 and 3).

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bench_load::http::{Connection, Server};
use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Interval, interval_at};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::{WebSocketStream, client_async};
use wire::pnm::{self, NatsMsgClientToServerEvents as Ask, NatsMsgServerToClientEvents as Event};

use crate::protocol::{Incoming, Message, Op, Outgoing};

/// Subscriptions, by the numbers the library would give.
const REPLIES: u32 = 1;
const DELIVERIES: u32 = 2;
const CAPTIONS: u32 = 3;
const CHAT: u32 = 4;
const BOARD: u32 = 5;
const DATA: u32 = 6;
/// Messages pulled at once, and what is left when more are pulled.
const BATCH: u64 = 100;
const REFILL_AT: u64 = 75;
const PING_EVERY: Duration = Duration::from_secs(10);
const SYNC_EVERY: Duration = Duration::from_secs(30);

/// What all members share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) room: String,
    /// The beginning of time in messages.
    pub(crate) begin: Instant,
    /// When each guest said CONNECT.
    pub(crate) connected: Mutex<HashMap<String, Instant>>,
    /// How many members know how many others, summed up.
    pub(crate) known: AtomicU64,
    /// Guests that were seen coming, and going.
    pub(crate) came: AtomicU64,
    pub(crate) went: AtomicU64,
    /// Lines of chat that arrived.
    pub(crate) heard: AtomicU64,
}

impl World {
    fn note_connect(&self, id: &str) -> anyhow::Result<()> {
        let Ok(mut connected) = self.connected.lock() else { bail!("a member broke") };
        connected.insert(id.to_owned(), Instant::now());
        Ok(())
    }

    fn connected_at(&self, id: &str) -> Option<Instant> {
        self.connected.lock().ok()?.get(id).copied()
    }
}

/// What a member is told to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Say something that was due at this time after the beginning.
    Say(Duration),
    Leave,
}

/// What a member measured.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// From the CONNECT of a guest to its arrival here.
    pub(crate) joins: Vec<Duration>,
    /// From the time a line was due to its arrival here.
    pub(crate) lines: Vec<Duration>,
}

/// Guests come one by one while the others are there.
pub(crate) fn guest(number: u32) -> String {
    format!("g{number:04}")
}

pub(crate) fn person(number: u32) -> String {
    format!("p{number:04}")
}

struct Member {
    world: Arc<World>,
    id: String,
    stream: String,
    subjects: pnm::NatsSubjects,
    socket: WebSocketStream<TcpStream>,
    incoming: Incoming,
    out: Outgoing,
    /// Messages that the server may still send on what was pulled.
    credit: u64,
    asked: u64,
    knows: HashSet<String>,
    tally: Tally,
}

/// Enters the meeting and takes part until told to leave.
pub(crate) async fn take_part(
    world: Arc<World>,
    id: String,
    token: String,
    mut orders: mpsc::Receiver<Order>,
) -> anyhow::Result<Tally> {
    let mut member = Member::enter(world, id, token).await?;
    let start = tokio::time::Instant::now();
    let mut pings = interval_at(start + PING_EVERY, PING_EVERY);
    let mut syncs = interval_at(start + SYNC_EVERY, SYNC_EVERY);
    while member.step(&mut orders, &mut pings, &mut syncs).await? {}
    member.socket.close(None).await.context("goodbye")?;
    Ok(member.tally)
}

impl Member {
    async fn enter(world: Arc<World>, id: String, token: String) -> anyhow::Result<Self> {
        let admission = verify(&world.server, &token).await?;
        let subjects = admission.nats_subjects.context("no subjects")?;
        let stream = admission.room_stream_name.context("no stream")?;
        let url = admission.nats_ws_urls.first().context("no address for messaging")?;
        let connection = TcpStream::connect(&world.server.address).await?;
        connection.set_nodelay(true)?;
        let (socket, _) = client_async(url, connection).await?;
        let mut member = Self {
            world,
            id,
            stream,
            subjects,
            socket,
            incoming: Incoming::default(),
            out: Outgoing::default(),
            credit: 0,
            asked: 0,
            knows: HashSet::new(),
            tally: Tally::default(),
        };
        member.wait_for(|op| matches!(op, Op::Info)).await?;
        let connect = serde_json::json!({
            "echo": false, "no_responders": true, "protocol": 1, "verbose": false, "pedantic": false, "headers": true,
            "auth_token": token, "name": format!("plugnmeet-client-{}_{}", member.world.room, member.id),
            "lang": "nats.ws", "version": "3.4.0",
        });
        member.out.line(&format!("CONNECT {connect}"));
        member.out.line("PING");
        member.world.note_connect(&member.id)?;
        member.wait_for(|op| matches!(op, Op::Pong)).await?;
        let consumer = member.consumer();
        member.out.line(&format!("SUB _INBOX.m.* {REPLIES}"));
        member.out.publish(&format!("$JS.API.CONSUMER.INFO.{consumer}"), "_INBOX.m.0", b"");
        member.wait_for(|op| matches!(op, Op::Message(message) if message.sid == REPLIES)).await?;
        member.out.line(&format!("SUB _INBOX.c.1 {DELIVERIES}"));
        member.pull();
        member.out.line(&format!("SUB {}.{} {CAPTIONS}", member.subjects.system_public, member.world.room));
        member.ask(Ask::Ping);
        member.ask(Ask::ReqInitialData);
        member.flush().await?;
        Ok(member)
    }

    /// Takes part for a moment; `false` when it is time to go.
    async fn step(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
        pings: &mut Interval,
        syncs: &mut Interval,
    ) -> anyhow::Result<bool> {
        tokio::select! {
            frame = self.socket.next() => {
                self.read(frame)?;
                while let Some(op) = self.incoming.next()? {
                    self.handle(op)?;
                }
            }
            order = orders.recv() => match order {
                Some(Order::Say(due)) => self.say(due),
                Some(Order::Leave) | None => return Ok(false),
            },
            _ = pings.tick() => {
                self.ask(Ask::Ping);
                self.out.line("PING");
            }
            _ = syncs.tick() => self.ask(Ask::ReqOnlineUsersList),
        }
        self.flush().await?;
        Ok(true)
    }

    fn read(&mut self, frame: Option<Result<Frame, tokio_tungstenite::tungstenite::Error>>) -> anyhow::Result<()> {
        match frame.with_context(|| format!("the server left {}", self.id))?? {
            Frame::Binary(bytes) => self.incoming.feed(&bytes),
            Frame::Close(_) => bail!("the server closed the socket of {}", self.id),
            _ => {}
        }
        Ok(())
    }

    /// Before anything is delivered: reads up to the operation that is waited for.
    async fn wait_for(&mut self, is_it: impl Fn(&Op) -> bool) -> anyhow::Result<()> {
        self.flush().await?;
        loop {
            while let Some(op) = self.incoming.next()? {
                if is_it(&op) {
                    return Ok(());
                }
            }
            let frame = self.socket.next().await;
            self.read(frame)?;
        }
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        if let Some(bytes) = self.out.take() {
            self.socket.send(Frame::Binary(bytes)).await?;
        }
        Ok(())
    }

    fn consumer(&self) -> String {
        format!("{}.{}_{}", self.stream, self.world.room, self.id)
    }

    fn pull(&mut self) {
        let batch = BATCH - self.credit;
        let pull = format!(r#"{{"batch":{batch},"max_bytes":0,"idle_heartbeat":15000000000,"expires":30000000000}}"#);
        self.out.publish(&format!("$JS.API.CONSUMER.MSG.NEXT.{}", self.consumer()), "_INBOX.c.1", pull.as_bytes());
        self.credit = BATCH;
    }

    fn ask(&mut self, what: Ask) {
        self.asked += 1;
        let request = pnm::NatsMsgClientToServer {
            id: String::new(),
            event: what.into(),
            msg: String::new(),
            bin_msg: Vec::new(),
        };
        let subject = format!("{}.{}.{}", self.subjects.system_js_worker, self.world.room, self.id);
        self.out.publish_reliably(&subject, &format!("_INBOX.m.{}", self.asked), &request.encode_to_vec());
    }

    fn say(&mut self, due: Duration) {
        let line = pnm::ChatMessage {
            id: format!("{}-{}", self.id, due.as_nanos()),
            from_name: self.id.clone(),
            from_user_id: self.id.clone(),
            sent_at: std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or_default()),
            message: format!("<p>{} A line of chat as people write them, neither short nor long.</p>", due.as_nanos()),
            ..pnm::ChatMessage::default()
        };
        self.out.publish(&format!("{}.{}", self.subjects.chat, self.world.room), "", &line.encode_to_vec());
    }

    fn handle(&mut self, op: Op) -> anyhow::Result<()> {
        match op {
            Op::Info | Op::Pong => {}
            Op::Ping => self.out.line("PONG"),
            Op::Message(message) => match message.sid {
                DELIVERIES => self.deliver(&message)?,
                CHAT => self.hear(&message)?,
                _ => {}
            },
        }
        Ok(())
    }

    fn deliver(&mut self, message: &Message) -> anyhow::Result<()> {
        let Some(ack) = &message.reply else { return self.status(&message.header) };
        let ack = ack.clone();
        self.credit = self.credit.saturating_sub(1);
        let event = pnm::NatsMsgServerToClient::decode(message.payload.clone())?;
        match event.event() {
            Event::ResInitialData => self.ask(Ask::ReqJoinedUsersList),
            Event::ResJoinedUsersList => {
                self.meet(&event.msg);
                self.ask(Ask::ReqMediaServerData);
                for (subject, sid) in [
                    (&self.subjects.chat, CHAT),
                    (&self.subjects.whiteboard, BOARD),
                    (&self.subjects.data_channel, DATA),
                ] {
                    self.out.line(&format!("SUB {subject}.{} {sid}", self.world.room));
                }
            }
            Event::UserJoined => self.meet(&event.msg),
            Event::UserDisconnected if ids(&event.msg).any(is_guest) => {
                self.world.went.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
        self.out.publish(&ack, "", b"+ACK");
        if self.credit <= REFILL_AT {
            self.pull();
        }
        Ok(())
    }

    /// A pull that expired gives its rest back.
    fn status(&mut self, header: &[u8]) -> anyhow::Result<()> {
        let header = std::str::from_utf8(header)?;
        if header.starts_with("NATS/1.0 408") {
            let left = header.lines().find_map(|line| line.strip_prefix("Nats-Pending-Messages: "));
            self.credit = self.credit.saturating_sub(left.context("no pending messages")?.trim().parse()?);
            self.pull();
        }
        Ok(())
    }

    /// Everybody named here is known from now on.
    fn meet(&mut self, users: &str) {
        for id in ids(users) {
            if is_guest(id) {
                if let Some(since) = self.world.connected_at(id).filter(|_| id != self.id) {
                    self.tally.joins.push(since.elapsed());
                    self.world.came.fetch_add(1, Ordering::Relaxed);
                }
            } else if !self.knows.contains(id) {
                self.knows.insert(id.to_owned());
                self.world.known.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn hear(&mut self, message: &Message) -> anyhow::Result<()> {
        let line = pnm::ChatMessage::decode(message.payload.clone())?;
        let text = line.message.strip_prefix("<p>").and_then(|text| text.split(' ').next());
        let due: u64 = text.context("a line without its time")?.parse()?;
        self.tally.lines.push(self.world.begin.elapsed().saturating_sub(Duration::from_nanos(due)));
        self.world.heard.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn is_guest(id: &str) -> bool {
    id.starts_with('g')
}

/// The ids in one or many `NatsKvUserInfo`.
fn ids(users: &str) -> impl Iterator<Item = &str> {
    users.split(r#""user_id":""#).skip(1).filter_map(|rest| rest.split('"').next())
}

async fn verify(server: &Server, token: &str) -> anyhow::Result<pnm::VerifyTokenRes> {
    let body = pnm::VerifyTokenReq { is_production: Some(true) }.encode_to_vec();
    let headers = format!("content-type: application/protobuf\r\nauthorization: {token}\r\n");
    let answer = Connection::open(server).await?.post("/api/verifyToken", &headers, &body).await?;
    let admission = pnm::VerifyTokenRes::decode(answer.as_slice())?;
    ensure!(admission.status, "not admitted: {}", admission.msg);
    Ok(admission)
}
