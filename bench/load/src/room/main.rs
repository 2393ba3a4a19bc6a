//! Measures one room from outside: so many people with the original browser client, one more coming again and again, and
//! all of them chatting.
//!
//! Everybody speaks the protocol by itself, keep-alives, acknowledgements and the regular questions included. Bounded in
//! time and people; meant for loopback.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bench_load::http::{Connection, Server};
use bench_load::times::quantile;
use clap::Parser;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until, timeout};

use crate::member::{Order, Tally, World, guest, person, take_part};
use crate::process::Process;

mod member;
mod process;
mod protocol;

/// How long anything that is waited for may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked whether it happened.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Between the guests, and before the first one.
const PAUSE: Duration = Duration::from_millis(300);
/// Orders that wait for one member; it is given far fewer.
const ORDERS: usize = 64;

#[derive(Debug, Parser)]
struct Args {
    /// Address and port of the server
    #[arg(long, default_value = "127.0.0.1:8080")]
    server: String,
    #[arg(long)]
    key: String,
    #[arg(long)]
    secret: String,
    /// Process of the server, for its memory and its time
    #[arg(long)]
    pid: u32,
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=1000))]
    people: u32,
    /// How often one more comes and goes
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=200))]
    guests: u32,
    /// Lines of chat per second, all people together
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=2000))]
    lines: u32,
    /// How long they chat
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
}

/// Somebody in the meeting, from outside.
struct Seat {
    orders: mpsc::Sender<Order>,
    task: JoinHandle<anyhow::Result<Tally>>,
}

impl Seat {
    fn take(world: &Arc<World>, id: String, token: String) -> Self {
        let (orders, inbox) = mpsc::channel(ORDERS);
        Self { orders, task: tokio::spawn(take_part(world.clone(), id, token, inbox)) }
    }

    async fn leave(self) -> anyhow::Result<Tally> {
        // Whoever broke before has said why.
        let _ = self.orders.send(Order::Leave).await;
        self.task.await.context("a member broke")?
    }
}

// One thread: it stands for many machines, and none of them may wait for another's lock.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let server = Server { address: args.server.clone(), key: args.key.clone(), secret: args.secret.clone() };
    let process = Process::of(args.pid);
    let empty = process.own_mib()?;
    let tokens = tokens(&server, &args).await?;
    let world = Arc::new(World {
        server,
        room: "bench-room".into(),
        begin: Instant::now(),
        connected: Mutex::new(HashMap::new()),
        known: AtomicU64::new(0),
        came: AtomicU64::new(0),
        went: AtomicU64::new(0),
        heard: AtomicU64::new(0),
    });

    // One place is the guest's.
    let people = args.people - 1;
    let gathering = Instant::now();
    let seats: Vec<Seat> = (0..people).map(|n| Seat::take(&world, person(n), tokens[&person(n)].clone())).collect();
    let everybody = u64::from(people);
    reached(&world.known, everybody * everybody, &seats, "everybody to know everybody").await?;
    let gathered = gathering.elapsed();
    let gathering_busy = process.busy()?;

    sleep(PAUSE).await;
    let before = process.busy()?;
    for n in 0..args.guests {
        let seat = Seat::take(&world, guest(n), tokens[&guest(n)].clone());
        let so_far = everybody * u64::from(n + 1);
        reached(&world.came, so_far, &seats, "everybody to see a guest come").await?;
        sleep(PAUSE).await;
        seat.leave().await?;
        reached(&world.went, so_far, &seats, "everybody to see a guest go").await?;
    }
    let coming_busy = process.busy()? - before;

    let (said, chat_busy) = chat(&args, &world, &seats, &process).await?;
    let full = process.own_mib()?;

    let mut tally = Tally::default();
    for seat in seats {
        let Tally { joins, lines } = seat.leave().await?;
        tally.joins.extend(joins);
        tally.lines.extend(lines);
    }
    tally.joins.sort_unstable();
    tally.lines.sort_unstable();
    if tally.lines.len() as u64 != said * (everybody - 1) {
        bail!("{} lines of {} arrived", tally.lines.len(), said * (everybody - 1));
    }
    report(&json!({
        "people": args.people,
        "gathered_ms": gathered.as_millis() as u64,
        "gathering_busy_ms": gathering_busy.as_millis() as u64,
        "joins": summary(&tally.joins),
        "join_busy_ms": coming_busy.as_secs_f64() * 1000.0 / f64::from(args.guests),
        "lines": summary(&tally.lines),
        "chat_busy": chat_busy,
        "memory_mib": full - empty,
    }));
    Ok(())
}

/// Everybody takes turns. Gives how many lines were said, and which share of one core the server worked.
async fn chat(args: &Args, world: &Arc<World>, seats: &[Seat], process: &Process) -> anyhow::Result<(u64, f64)> {
    let lines = args.lines * args.seconds;
    let begin = Instant::now();
    let before = process.busy()?;
    for n in 0..lines {
        // When it is due, however late the one before was.
        let due = begin + Duration::from_secs(1) * n / args.lines;
        sleep_until(due.into()).await;
        let seat = &seats[n as usize % seats.len()];
        seat.orders.try_send(Order::Say(due.duration_since(world.begin))).context("a member does not keep up")?;
    }
    let listeners = seats.len() as u64 - 1;
    reached(&world.heard, u64::from(lines) * listeners, seats, "every line to arrive").await?;
    let share = (process.busy()? - before).as_secs_f64() / begin.elapsed().as_secs_f64();
    Ok((lines.into(), share))
}

/// The room, and a token for everybody who is to come.
async fn tokens(server: &Server, args: &Args) -> anyhow::Result<HashMap<String, String>> {
    let mut connection = Connection::open(server).await?;
    let features = json!({
        "allow_webcams": true, "allow_view_other_webcams": true, "allow_view_other_users_list": true,
        "allow_raise_hand": true, "chat_features": { "is_allow": true },
    });
    let room = json!({ "room_id": "bench-room", "metadata": { "room_title": "Bench", "room_features": features } });
    connection.call("/auth/room/create", &room.to_string()).await?;
    let mut tokens = HashMap::new();
    for id in (0..args.people).map(person).chain((0..args.guests).map(guest)) {
        let body = json!({ "room_id": "bench-room", "user_info": { "name": id, "user_id": id } });
        let answer: Value =
            serde_json::from_str(&connection.call("/auth/room/getJoinToken", &body.to_string()).await?)?;
        tokens.insert(id, answer["token"].as_str().context("no token")?.to_owned());
    }
    Ok(tokens)
}

/// Waits until a number is reached.
async fn reached(number: &AtomicU64, goal: u64, seats: &[Seat], what: &str) -> anyhow::Result<()> {
    let reached = async {
        while number.load(Ordering::Relaxed) < goal {
            if seats.iter().any(|seat| seat.task.is_finished()) {
                bail!("somebody left");
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    };
    let Ok(ended) = timeout(PATIENCE, reached).await else {
        bail!("waited {PATIENCE:?} for {what}: {} of {goal}", number.load(Ordering::Relaxed));
    };
    ended.with_context(|| format!("waiting for {what}"))
}

fn summary(sorted: &[Duration]) -> Value {
    json!({
        "count": sorted.len(),
        "p50_ms": quantile(sorted, 0.50),
        "p99_ms": quantile(sorted, 0.99),
        "max_ms": quantile(sorted, 1.0),
    })
}

#[expect(clippy::print_stdout, reason = "the result of a benchmark")]
fn report(result: &Value) {
    println!("{result}");
}
