//! Measures the HTTP API from outside: so many connections, each sending one signed request after the other.
//!
//! It speaks plain HTTP/1.1 on kept-alive connections by itself, so that what is measured is the server and not a
//! client library. Bounded in time and connections; meant for loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::{Parser, ValueEnum};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Operation {
    /// A new room with every request.
    Create,
    /// A new participant of one room with every request.
    Token,
    /// Asks whether one room runs.
    Active,
}

#[derive(Debug, Parser)]
struct Args {
    /// Address and port of the server
    #[arg(long, default_value = "127.0.0.1:8080")]
    server: String,
    #[arg(long)]
    key: String,
    #[arg(long)]
    secret: String,
    #[arg(long, value_enum)]
    operation: Operation,
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Arc::new(Args::parse());
    let mut first = Connection::open(&args).await?;
    first.call("/auth/room/create", &room("bench-room")).await?;

    let number = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let until = begin + Duration::from_secs(args.seconds);
    let workers: Vec<_> =
        (0..args.connections).map(|_| tokio::spawn(work(args.clone(), number.clone(), until))).collect();
    let mut times = Vec::new();
    for worker in workers {
        times.extend(worker.await.context("a worker broke")??);
    }
    report(&args, begin.elapsed(), times);
    Ok(())
}

async fn work(args: Arc<Args>, number: Arc<AtomicU64>, until: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut connection = Connection::open(&args).await?;
    let run = std::process::id();
    let mut times = Vec::new();
    while Instant::now() < until {
        let n = number.fetch_add(1, Ordering::Relaxed);
        let (path, body) = match args.operation {
            Operation::Create => ("/auth/room/create", room(&format!("bench-{run}-{n}"))),
            Operation::Token => ("/auth/room/getJoinToken", participant(&format!("u-{run}-{n}"))),
            Operation::Active => ("/auth/room/isRoomActive", json!({ "room_id": "bench-room" }).to_string()),
        };
        let begin = Instant::now();
        connection.call(path, &body).await?;
        times.push(begin.elapsed());
    }
    Ok(times)
}

fn room(id: &str) -> String {
    json!({ "room_id": id, "metadata": { "room_title": "Bench", "room_features": { "allow_webcams": true } } })
        .to_string()
}

fn participant(id: &str) -> String {
    json!({ "room_id": "bench-room", "user_info": { "name": "Somebody", "user_id": id } }).to_string()
}

#[expect(clippy::print_stdout, reason = "the result of a benchmark")]
fn report(args: &Args, took: Duration, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| {
        let index = (times.len() as f64 * share) as usize;
        times.get(index.min(times.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    println!(
        "{:?} connections={} requests={} per_second={:.0} p50={:.2}ms p99={:.2}ms max={:.2}ms",
        args.operation,
        args.connections,
        times.len(),
        times.len() as f64 / took.as_secs_f64(),
        at(0.50),
        at(0.99),
        at(1.0),
    );
}

struct Connection<'a> {
    args: &'a Args,
    stream: BufReader<TcpStream>,
}

impl<'a> Connection<'a> {
    async fn open(args: &'a Args) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(&args.server).await.with_context(|| format!("no server at {}", args.server))?;
        stream.set_nodelay(true)?;
        Ok(Self { args, stream: BufReader::new(stream) })
    }

    async fn call(&mut self, path: &str, body: &str) -> anyhow::Result<()> {
        let signature = wire::signature::sign(&self.args.secret, body.as_bytes());
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\napi-key: {}\r\nhash-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            self.args.server,
            self.args.key,
            body.len(),
        );
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        let answer = self.read_answer().await?;
        if !answer.contains("\"status\":true") {
            bail!("{path} failed: {answer}");
        }
        Ok(())
    }

    async fn read_answer(&mut self) -> anyhow::Result<String> {
        let mut length = None;
        let mut line = String::new();
        loop {
            line.clear();
            ensure!(self.stream.read_line(&mut line).await? > 0, "the server closed the connection");
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse::<usize>()?);
            }
        }
        let length = length.filter(|length| *length <= MAX_ANSWER).context("the answer has no usable length")?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(String::from_utf8(body)?)
    }
}
