//! Measures the HTTP API from outside: so many connections, each sending one signed request after the other.
//!
//! It speaks plain HTTP/1.1 on kept-alive connections by itself, so that what is measured is the server and not a
//! client library. Bounded in time and connections; meant for loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use bench_load::http::{Connection, Server};
use bench_load::times::quantile;
use clap::{Parser, ValueEnum};
use serde_json::json;

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
    let args = Args::parse();
    let server = Arc::new(Server { address: args.server.clone(), key: args.key.clone(), secret: args.secret.clone() });
    let mut first = Connection::open(&server).await?;
    first.call("/auth/room/create", &room("bench-room")).await?;

    let number = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let until = begin + Duration::from_secs(args.seconds);
    let workers: Vec<_> = (0..args.connections)
        .map(|_| tokio::spawn(work(server.clone(), args.operation, number.clone(), until)))
        .collect();
    let mut times = Vec::new();
    for worker in workers {
        times.extend(worker.await.context("a worker broke")??);
    }
    report(&args, begin.elapsed(), times);
    Ok(())
}

async fn work(
    server: Arc<Server>,
    operation: Operation,
    number: Arc<AtomicU64>,
    until: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut connection = Connection::open(&server).await?;
    let run = std::process::id();
    let mut times = Vec::new();
    while Instant::now() < until {
        let n = number.fetch_add(1, Ordering::Relaxed);
        let (path, body) = match operation {
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
    println!(
        "{:?} connections={} requests={} per_second={:.0} p50={:.2}ms p99={:.2}ms max={:.2}ms",
        args.operation,
        args.connections,
        times.len(),
        times.len() as f64 / took.as_secs_f64(),
        quantile(&times, 0.50),
        quantile(&times, 0.99),
        quantile(&times, 1.0),
    );
}
